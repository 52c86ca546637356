import { describe, expect, it } from 'vitest';

import { START, after, foremost, type Happened, type State } from '../../src/authenticator/flow';
import type { Account } from '../../src/authenticator/kept/database';

const NOW = Date.parse('2026-03-01T08:30:00Z');
const account = (id: string): Account => ({ id, connected: true }) as Account;
const ANA = account('ath_ana');

function text(id: string, lifetime = 120_000, v = 1) {
  return JSON.stringify({
    v,
    id,
    challenge_id: 'chl_1',
    application: 'Shop',
    account: 'ana',
    action: 'login',
    shown: [],
    created_at: new Date(NOW).toISOString(),
    expires_at: new Date(NOW + lifetime).toISOString(),
    digits: 2,
  });
}

const run = (...happened: Happened[]): State =>
  happened.reduce(after, after(START, { what: 'loaded', accounts: [ANA], entries: [], locked: false }));
const arrived = (id: string, more: { ahead?: number; lifetime?: number; v?: number } = {}): Happened => ({
  what: 'arrived',
  account: ANA,
  text: text(id, more.lifetime, more.v),
  ahead: more.ahead ?? 0,
  now: NOW,
});
const pending = (...ids: string[]): Happened => ({
  what: 'pending',
  account: ANA,
  texts: ids.map((id) => text(id)),
  ahead: 0,
  now: NOW,
});
const waiting = (state: State) => state.waiting.map(({ prompt }) => prompt.id);

describe('what waits', () => {
  it('is shown once, however often it is heard of', () => {
    const state = run(arrived('prm_1'), arrived('prm_1'), pending('prm_1'));
    expect(waiting(state)).toEqual(['prm_1']);
    expect(foremost(state)).toBe('prompt');
  });

  it('is over by the server’s clock, not by this one', () => {
    const [one] = run(arrived('prm_1', { ahead: 30_000 })).waiting;
    expect(one?.until).toBe(NOW + 90_000);
    expect(waiting(run(arrived('prm_1', { ahead: 130_000 })))).toEqual([]);
  });

  it('ends when its time is over', () => {
    const state = run(arrived('prm_1'), { what: 'time', now: NOW + 120_000 });
    expect(state.ended?.outcome).toBe('expired');
    expect(foremost(state)).toBe('ended');
  });

  it('ends when the server does not know it any more', () => {
    expect(run(arrived('prm_1'), pending()).ended?.outcome).toBe('withdrawn');
  });

  it('does not come back once it was answered', () => {
    const state = run(arrived('prm_1'), { what: 'over', id: 'prm_1', outcome: 'approved' }, arrived('prm_1'));
    expect(waiting(state)).toEqual([]);
    expect(state.ended?.outcome).toBe('approved');
  });

  it('keeps its first end, whatever is heard later', () => {
    const state = run(
      arrived('prm_1'),
      { what: 'over', id: 'prm_1', outcome: 'reported' },
      { what: 'over', id: 'prm_1', outcome: 'withdrawn' },
      pending(),
    );
    expect(state.ended?.outcome).toBe('reported');
  });

  it('does not cover the end of another, and is there afterwards', () => {
    const ended = run(arrived('prm_1'), { what: 'over', id: 'prm_1', outcome: 'denied' }, arrived('prm_2'));
    expect(foremost(ended)).toBe('ended');
    expect(foremost(after(ended, { what: 'dismissed' }))).toBe('prompt');
  });

  it('may be of a newer version: then it can only be denied', () => {
    const [one] = run(arrived('prm_1', { v: 2 })).waiting;
    expect(one?.prompt).toEqual({ id: 'prm_1', unknown: true });
  });

  it('is nothing where the text makes no sense', () => {
    for (const broken of ['', '{}', 'null', '[]', text('prm_1').replace('"digits":2', '"digits":1')]) {
      const state = run({ what: 'arrived', account: ANA, text: broken, ahead: 0, now: NOW });
      expect(waiting(state)).toEqual([]);
    }
  });

  it('goes with its account', () => {
    expect(waiting(run(arrived('prm_1'), { what: 'accounts', accounts: [] }))).toEqual([]);
  });
});

it('what failed is told until the next try', () => {
  const failed = run(arrived('prm_1'), { what: 'asked' }, { what: 'failed', trouble: 'offline' });
  expect([failed.asking, failed.notice]).toEqual([false, 'offline']);
  expect(after(failed, { what: 'asked' }).notice).toBeNull();
});

it('a new account waits for its number, until that is answered', () => {
  const enrolled = run({ what: 'enrolled', account: account('ath_new') });
  expect(foremost(enrolled)).toBe('connecting');
  const asked = after(enrolled, { ...(arrived('prm_1') as object), account: account('ath_new') } as Happened);
  expect(foremost(asked)).toBe('prompt');
  const done = after(asked, { what: 'over', id: 'prm_1', outcome: 'approved' });
  expect(foremost(after(done, { what: 'dismissed' }))).toBeNull();
});

it('a browser that keeps nothing is told of', () => {
  expect(foremost(after(START, { what: 'broke' }))).toBe('broken');
});
