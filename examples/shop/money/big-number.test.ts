import assert from 'node:assert/strict';
import test from 'node:test';
import { exactly, fromMinorUnits } from './big-number.ts';

test('Minor units become the unit of their currency, exactly', () => {
  const made = [
    ['1999', 'eur'],
    ['5', 'usd'],
    ['-250', 'usd'],
    ['1200', 'jpy'],
    ['12345', 'kwd'],
    ['90071992547409931', 'eur'],
    ['1999.5', 'eur'],
  ].map(([amount = '', currency = '']) => fromMinorUnits(amount, currency).value);
  assert.deepEqual(made, ['19.99', '0.05', '-2.5', '1200', '12.345', '900719925474099.31', '19.995']);
});

test('An amount in no currency, and one that is no number, are refused', () => {
  assert.throws(() => fromMinorUnits('100', 'xxb'), /there is no currency xxb/);
  assert.throws(() => exactly('NaN'), /NaN is no decimal number/);
});
