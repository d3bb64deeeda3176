import { describe, expect, it } from 'vitest';
import {
  identifier,
  isSql,
  join,
  render,
  sql,
  unsafeSql,
  unsendable,
  when,
} from '../../../functions/engine/database/sql.ts';

describe('SQL', () => {
  it('has its values beside its text, each under a name of its own', () => {
    const part = sql`a = ${1} AND b = ${'x'}`;
    expect(render(sql`SELECT * FROM t WHERE ${part} OR c = ${'x'}`)).toEqual({
      text: 'SELECT * FROM t WHERE a = :p1 AND b = :p2 OR c = :p3',
      parameters: [
        { name: 'p1', value: 1 },
        { name: 'p2', value: 'x' },
        { name: 'p3', value: 'x' },
      ],
    });
  });

  it('never has a value in its text, and NULL never as a value', () => {
    const { text, parameters } = render(
      sql`SELECT ${"'; DROP TABLE users; --"}, ${null}, ${false}, ${0}, ${''}`,
    );
    expect(text).toBe('SELECT :p1, NULL, :p2, :p3, :p4');
    expect(parameters.map(({ value }) => value)).toEqual(["'; DROP TABLE users; --", false, 0, '']);
  });

  it('keeps backslashes as they are typed', () => {
    expect(render(sql`SELECT '\d+\\n'`).text).toBe(String.raw`SELECT '\d+\\n'`);
  });

  it('joins nothing, one and several', () => {
    const texts = [[], [sql`a`], [sql`a`, sql`${1}`, sql`c`]].map((parts) => render(join(parts, ', ')).text);
    expect(texts).toEqual(['', 'a', 'a, :p1, c']);
  });

  it('quotes names, and refuses what cannot be one', () => {
    expect(render(identifier('Sche"ma', 'select')).text).toBe('"Sche""ma"."select"');
    expect(() => identifier('')).toThrow('not a name in SQL: ""');
    expect(() => identifier('a\0')).toThrow(TypeError);
  });

  it('leaves out what is not wanted', () => {
    expect(render(sql`a${when(false, sql` AND ${1}`)}${when(1, sql` OR b`)}`)).toEqual({
      text: 'a OR b',
      parameters: [],
    });
  });

  it('tells itself from what only looks like it', () => {
    expect([sql`x`, unsafeSql('x'), 'x', null, {}, undefined].map(isSql)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });

  it.each([
    ['quotes', sql`a = ':x' AND "b:y" = 'it''s :z'`],
    [
      'comments',
      sql`a -- :x ; $$
      /* :y */ = 1`,
    ],
    ['casts', sql`a::text = ${'x'}::text`],
    ['a lone dollar and colon', sql`a = '$' || 'b' AND c ~ '^[:alpha:]+$'`],
    ['JSON operators', sql`a ? 'b' AND a ->> 'c' = 'd' AND a @> '{"e": 1}'`],
  ])('can be sent with %s', (_, fragment) => {
    expect(unsendable(fragment)).toBeUndefined();
  });

  it.each([
    [sql`a[1:2]`, ':2'],
    [sql`a[lower:upper]`, ':upper'],
    [sql`$$x$$`, 'dollar quotes'],
    [sql`$body$x$body$`, 'dollar quotes'],
    [sql`a; b`, 'semicolon'],
    [sql`a = :p1`, ':p1'],
  ])('cannot be sent as %j', (fragment, why) => {
    expect(unsendable(fragment)).toContain(why);
  });
});
