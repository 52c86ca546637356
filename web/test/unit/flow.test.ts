import { describe, expect, it } from 'vitest';

import { START, after, screenOf, type Flow, type Happening, type ShownKey } from '../../src/flow/flow';
import { pageOf, type Page } from '../../src/flow/page';
import type { Trouble } from '../../src/flow/server';
import { GRACE, goBack, outcome, told } from '../../src/flow/return';

const NOW = Date.parse('2026-01-01T00:00:00Z');
/** This machine's clock is an hour late. */
const CLOCK = { theirs: NOW, unsure: 1000, ours: NOW - 3_600_000 };
const STATE = {
  purpose: 'enroll',
  application: 'Shop',
  expires_at: '2026-01-01T00:10:00Z',
  step: 'choose',
  challenge: null,
  factors: [{ kind: 'totp', strength: 'aal2' }],
};
const page = (more: object = {}): Page => pageOf({ ...STATE, ...more }, CLOCK, 'https://mfa.example.org');
const KEY: ShownKey = { key: { uri: 'otpauth://totp/a', secret: 'A' }, until: 1 };

const run = (...happenings: Happening[]): Flow => happenings.reduce(after, START);
const answered = (more: object = {}, shownKey: ShownKey | null = null): Happening => ({
  what: 'answered',
  page: page(more),
  shownKey,
});
const failed = (trouble: Trouble): Happening => ({ what: 'failed', trouble });

describe('a page state', () => {
  it('says that something can be sent again rather too late than too soon', () => {
    const prompt = {
      id: 'prm_1',
      kind: 'sms',
      state: 'open',
      expires_at: '2026-01-01T00:05:00Z',
      resend_at: '2026-01-01T00:00:30Z',
    };
    const read = page({ step: 'prove', prompt }).prompt;
    expect([read?.until, read?.resendAt]).toEqual([CLOCK.ours + 300_000, CLOCK.ours + 31_000]);
  });
  it('is read with times of this machine’s clock', () => {
    expect(page().until).toBe(CLOCK.ours + 600_000);
    const view = {
      kind: 'totp',
      sealed: { enc: 'a', ciphertext: 'b' },
      authenticator_id: 'ath_1',
      view_expires_at: '2026-01-01T00:05:00Z',
    };
    expect(page({ step: 'view', view }).view).toMatchObject({
      authenticatorId: 'ath_1',
      until: CLOCK.ours + 300_000,
    });
  });

  it('leaves out what this page does not know yet', () => {
    const factors = [{ kind: 'retina' }, { kind: 'totp' }];
    expect(page({ factors }).factors).toEqual(['totp']);
    const challenge = {
      action: 'transfer',
      ways: [{ kind: 'retina' }, { kind: 'totp' }],
      shown: { amount: 100, to: { iban: 'DE02' } },
    };
    expect(page({ purpose: 'challenge', step: 'prove', challenge })).toMatchObject({
      ways: [{ kind: 'totp', authenticatorId: null, label: null, to: null }],
      challenge: {
        action: 'transfer',
        shown: [
          ['amount', '100'],
          ['to', '{"iban":"DE02"}'],
        ],
      },
    });
  });

  it.each([
    ['no object', null],
    ['an unknown step', { ...STATE, step: 'dance' }],
    ['no time', { ...STATE, expires_at: 'soon' }],
    ['a way back that runs something', { ...STATE, step: 'done', return_to: 'javascript:alert(1)' }],
    ['a way back that is a file', { ...STATE, step: 'done', return_to: 'file:///etc/passwd' }],
  ])('is refused: %s', (_, state) => {
    expect(() => pageOf(state, CLOCK, 'https://mfa.example.org')).toThrow();
  });
});

describe('the flow', () => {
  it('shows what the server says is next', () => {
    expect(screenOf(START)).toBe('loading');
    expect(screenOf(run(answered()))).toBe('choose');
    expect(screenOf(run(answered({ step: 'prove' })))).toBe('prove');
    expect(screenOf(run(answered({ step: 'view' }, KEY)))).toBe('view');
    expect(screenOf(run(answered({ step: 'backup_codes', backup_codes: ['A'] })))).toBe('backupCodes');
    expect(screenOf(run(answered({ step: 'done' })))).toBe('done');
  });

  it('counts refused codes, and forgets them with the next step', () => {
    const twice = run(
      answered({ step: 'prove' }),
      { what: 'asked' },
      failed('refused'),
      { what: 'asked' },
      failed('refused'),
    );
    expect(twice).toMatchObject({ refusals: 2, notice: 'refused', asking: false });
    expect(after(twice, answered())).toMatchObject({ refusals: 0, notice: null });
  });

  it('P-04: keeps the key only while it is shown', () => {
    const viewing = run(answered({ step: 'view' }, KEY));
    expect(viewing.shownKey).toBe(KEY);
    for (const end of [
      { what: 'keyHidden' } as const,
      { what: 'timeOver' } as const,
      answered({ step: 'backup_codes', backup_codes: ['A'] }),
      failed('keyOver'),
      failed('over'),
    ]) {
      expect(JSON.stringify(after(viewing, end)), end.what).not.toContain('otpauth');
    }
    expect(after(viewing, failed('refused')).shownKey).toBe(KEY);
  });

  it('hides nothing that is on the screen because an answer was lost', () => {
    const lost = [{ what: 'asked' } as const, failed('offline')];
    expect(run(answered({ step: 'view' }, KEY), ...lost, answered({ step: 'view' })).shownKey).toBe(KEY);
    const codes = answered({ step: 'backup_codes', backup_codes: ['A'] });
    expect(run(codes, ...lost, answered({ step: 'backup_codes' })).page?.backupCodes).toEqual(['A']);
    expect(run(codes, ...lost, answered({ step: 'done' })).page?.backupCodes).toEqual([]);
  });

  it('ends where nothing can go on', () => {
    for (const trouble of ['over', 'ended', 'elsewhere', 'unknown', 'stepUp', 'insecure'] as const) {
      expect(screenOf(run(answered(), failed(trouble))), trouble).toBe('stopped');
    }
    for (const trouble of ['refused', 'offline', 'busy', 'failed', 'conflict', 'unsealed'] as const) {
      expect(screenOf(run(answered(), failed(trouble))), trouble).toBe('choose');
      expect(screenOf(run(failed(trouble))), trouble).toBe('stopped');
    }
  });

  it('takes backup codes from nobody who is writing them down', () => {
    const keeping = run(answered({ step: 'backup_codes', backup_codes: ['A'] }));
    expect(screenOf(after(keeping, { what: 'timeOver' }))).toBe('backupCodes');
    expect(screenOf(after(keeping, failed('offline')))).toBe('backupCodes');
    expect(after(keeping, failed('over'))).toMatchObject({ page: { step: 'done', backupCodes: [] } });
  });
});

describe('the way back', () => {
  const to = new URL('https://shop.example/back?state=x&page=pag_1&outcome=proved');

  function window(others: { opener?: object; parent?: object }) {
    const left: string[] = [];
    const timers: [() => void, number][] = [];
    const self = {
      opener: null,
      location: { replace: (address: URL) => left.push(address.href) },
      setTimeout: (call: () => void, pause: number) => timers.push([call, pause]),
      clearTimeout: () => timers.pop(),
      ...others,
    } as Record<string, unknown>;
    self.parent ??= self;
    return { self: self as unknown as Window, left, timers };
  }

  it('is taken by itself after a pause', () => {
    const { self, left, timers } = window({});
    goBack(to, self, 70);
    expect(timers.map(([, pause]) => pause)).toEqual([70]);
    timers[0]?.[0]();
    expect(left).toEqual([to.href]);
  });

  it('tells the window that opened or frames it, at the origin of the return address alone', () => {
    const said: unknown[][] = [];
    const other = { postMessage: (...what: unknown[]) => said.push(what) };
    const { self, timers } = window({ opener: other, parent: other });
    const callOff = goBack(to, self, 0);
    const message = { type: 'countersign', outcome: 'proved', page: 'pag_1', state: 'x' };
    expect(said).toEqual([
      [message, 'https://shop.example'],
      [message, 'https://shop.example'],
    ]);
    expect(timers.map(([, pause]) => pause)).toEqual([GRACE]);
    callOff();
    expect(timers).toEqual([]);
  });

  it('knows the outcomes that there are', () => {
    expect(told(to).outcome).toBe('proved');
    expect(outcome(new URL('https://shop.example/?outcome=rich'))).toBeNull();
    expect(outcome(null)).toBeNull();
  });
});
