import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DatabaseError, databaseError, publicMessage } from '../../functions/engine/errors.ts';

const sdkError = (name: string, message: string, more: object = {}) =>
  Object.assign(new Error(message), { name, $metadata: {} }, more);
const sqlError = (sqlState: string, message = 'ERROR: something') =>
  sdkError('DatabaseErrorException', `${message}; SQLState: ${sqlState}`);

describe('A refused statement', () => {
  it.each([
    ['22P02', 'row'],
    ['22003', 'row'],
    ['23505', 'row'],
    ['23514', 'row'],
    ['44000', 'row'],
    ['P0001', 'row'],
    ['54000', 'row'],
    ['AP001', 'row'],
    ['99999', 'row'],
    ['45000', 'row'],
    ['40001', 'moment'],
    ['40P01', 'moment'],
    ['53300', 'moment'],
    ['55P03', 'moment'],
    ['57014', 'moment'],
    ['57P01', 'moment'],
    ['08006', 'moment'],
    ['25P02', 'moment'],
    ['28000', 'moment'],
    ['28P01', 'moment'],
    ['42703', 'migration'],
    ['42501', 'migration'],
    ['42P01', 'migration'],
    ['54001', 'migration'],
    ['55006', 'migration'],
    ['P0002', 'migration'],
    ['P0004', 'migration'],
    ['XX000', 'migration'],
    ['0A000', 'migration'],
  ])('with SQLSTATE %s is the fault of the %s', (sqlState, fault) => {
    expect(databaseError(sqlError(sqlState))).toMatchObject({ fault, sqlState });
  });

  it('is known by what stands at its end, whatever the message says before', () => {
    const message = 'ERROR: invalid input "x; SQLState: 42P01; Position: 3"; Position: 17; SQLState: 22P02';
    expect(databaseError(sdkError('DatabaseErrorException', message))).toMatchObject({
      fault: 'row',
      sqlState: '22P02',
    });
  });

  it('has the SQLSTATE that PostgreSQL gave, for any message, and any SQLSTATE in it', () => {
    const sqlState = fc
      .array(fc.constantFrom(...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'), { minLength: 5, maxLength: 5 })
      .map((letters) => letters.join(''));
    const inside = sqlState.map((code) => `; SQLState: ${code}`);
    const message = fc
      .array(fc.oneof(fc.string({ unit: 'binary' }), inside, fc.constant('\n')))
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(message, sqlState, (said, code) => {
        const error = databaseError(sdkError('DatabaseErrorException', `ERROR: ${said}; SQLState: ${code}`));
        expect(error.sqlState).toBe(code);
        // Classes as in PostgreSQL's appendix: of a row are the data and the constraints, of the moment what goes over.
        const [ofRow, ofMoment] = [/^(22|23)/.test(code), /^(08|40|53)/.test(code)];
        expect(error.fault === 'row' || !ofRow).toBe(true);
        expect(error.fault === 'moment' || !ofMoment).toBe(true);
        expect(publicMessage(error).includes(said) || !ofMoment).toBe(true);
      }),
    );
  });

  it.each([
    ['22P02', 'ERROR: invalid input syntax for type integer: "a\nsecret"'],
    ['P0001', 'ERROR: a\nsecret must not be changed'],
    ['AP001', 'ERROR: secret must not be changed'],
    ['P0004', 'ERROR: not so of secret'],
    ['42601', 'ERROR: syntax error in tsquery: "a\nsecret b"'],
    ['42P01', 'ERROR: relation "secret" does not exist'],
    ['XX000', 'ERROR: parse error - invalid geometry; Hint: "secret" <-- parse error at position 7'],
  ])('with SQLSTATE %s may quote a row, so its message is not public', (sqlState, message) => {
    const said = publicMessage(databaseError(sqlError(sqlState, message)));
    expect(said).not.toContain('secret');
    expect(said).toContain(`SQLSTATE ${sqlState}`);
  });

  it.each([
    ['42501', 'ERROR: permission denied for table orders'],
    ['3F000', 'ERROR: schema "nowhere" does not exist'],
    ['42703', 'ERROR: column "nmae" does not exist; Position: 17'],
    ['55P03', 'ERROR: canceling statement due to lock timeout'],
    ['21000', 'ERROR: more than one row returned by a subquery used as an expression'],
  ])('with SQLSTATE %s that quotes no row is shown to everybody', (sqlState, message) => {
    expect(publicMessage(databaseError(sqlError(sqlState, message)))).toContain(message);
  });

  it('without an SQLSTATE, as the Data API now and then says even of SELECT 1, is the moment’s', () => {
    const refused = databaseError(sdkError('DatabaseErrorException', 'Database returned SQL Exception'));
    expect(refused).toMatchObject({ fault: 'moment', sqlState: null });
  });

  it.each([
    ['DatabaseUnavailableException', 'moment'],
    ['InternalFailure', 'moment'],
    ['InternalServerErrorException', 'moment'],
    ['InvalidResourceStateException', 'moment'],
    ['SecretsErrorException', 'moment'],
    ['ServiceUnavailableError', 'moment'],
    ['StatementTimeoutException', 'moment'],
    ['ThrottlingException', 'moment'],
    ['TransactionNotFoundException', 'moment'],
    ['TimeoutError', 'moment'],
    ['UnsupportedResultException', 'row'],
    ['ValidationException', 'migration'],
    ['BadRequestException', 'migration'],
    ['AccessDeniedException', 'migration'],
    ['HttpEndpointNotEnabledException', 'migration'],
  ])('by %s is the fault of the %s', (name, fault) => {
    const error = databaseError(sdkError(name, 'Request timed out'));
    expect(error).toBeInstanceOf(DatabaseError);
    expect(error).toMatchObject({ fault, sqlState: null, message: `${name}: Request timed out` });
  });

  it('that never arrived, or whose answer did not, is the moment’s', () => {
    for (const code of ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN']) {
      expect(databaseError(sdkError('Error', `connect ${code}`, { code })).fault, code).toBe('moment');
    }
    expect(databaseError(new Error('socket hang up')).fault).toBe('moment');
  });

  it('keeps its cause', () => {
    const cause = sqlError('22P02');
    expect(databaseError(cause).cause).toBe(cause);
  });
});
