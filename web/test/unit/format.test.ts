import { expect, it } from 'vitest';

import { asItStands, clock, code, codesAsText, grouped, isolated } from '../../src/format';

it.each([
  ['123456', '123456'],
  [' 123 456 ', '123456'],
  ['123-456', '123456'],
  ['１２３４５６', '123456'],
  ['12345678', '12345678'],
  ['7q3w9k2mx4tz', '7Q3W-9K2M-X4TZ'],
  ['7Q3W-9K2M-X4TZ', '7Q3W-9K2M-X4TZ'],
  ['7Q3W–9K2M—X4TZ\n', '7Q3W-9K2M-X4TZ'],
  ['', null],
  ['12345', null],
  ['123456789', null],
  ['12a456', null],
  ['7Q3W-9K2M', null],
])('reads %j as the code %j', (typed, wanted) => {
  expect(code(typed)).toBe(wanted);
});

it('groups a key in fours', () => {
  expect(grouped('JBSWY3DPEHPK3P')).toBe('JBSW Y3DP EHPK 3P');
  expect(grouped('')).toBe('');
});

it.each([
  [300, '5:00'],
  [299.2, '5:00'],
  [61, '1:01'],
  [9, '0:09'],
  [-3, '0:00'],
])('writes %d seconds as %s', (seconds, text) => {
  expect(clock(seconds)).toBe(text);
});

it('writes codes that any editor can read', () => {
  expect(codesAsText('For Shop', ['A', 'B'], 'Keep them.')).toBe(
    'For Shop\r\n\r\nA\r\nB\r\n\r\nKeep them.\r\n',
  );
});

it('T-11: shows what turns words around, instead of turning them', () => {
  expect(asItStands('\u202e00.052 \u2067x')).toBe('\ufffd00.052 \ufffdx');
  expect(asItStands('حنان وايس')).toBe('حنان وايس');
});

it('keeps names that are written from right to left to themselves', () => {
  expect(isolated('Shop')).toBe('Shop');
  expect(isolated('متجر 24')).toBe('\u2068متجر 24\u2069');
});
