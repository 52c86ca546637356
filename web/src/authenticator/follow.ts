/** Hears of an account's prompts for as long as the app is open. */

import { events } from './events';
import type { Happened } from './flow';
import { type Account, type Outcome, accounts, keepAccount } from './kept/database';
import { Failure, pending, serverTime, stream } from './server';

/** Milliseconds between two tries. */
const SOON = 500;
const LATER = 10_000;
/** For how long a stream is to last before the next one is opened without a pause: the server ends the first of several of one app. */
const STEADY = 60_000;

const OUTCOMES: readonly Outcome[] = ['approved', 'denied', 'reported', 'mismatched', 'withdrawn', 'expired'];

export async function follow(
  account: Account,
  tell: (happened: Happened) => void,
  signal: AbortSignal,
): Promise<void> {
  let pause = SOON;
  const now = () => ({ now: Date.now(), ahead: serverTime(account.server) - Date.now() });
  while (!signal.aborted) {
    let line: 'polling' | 'offline' = 'offline';
    try {
      const { texts, vapid } = await pending(account);
      tell({ what: 'pending', account, texts, ...now() });
      if (vapid !== null && vapid !== account.vapid) await learned(account.id, vapid, tell);
      line = 'polling';
      const body = await stream(account, signal);
      if (signal.aborted) return;
      tell({ what: 'line', account: account.id, line: 'live' });
      const opened = Date.now();
      for await (const { event, data } of events(body)) {
        if (signal.aborted) return;
        if (event === 'prompt') tell({ what: 'arrived', account, text: data, ...now() });
        if (event === 'over') tell({ what: 'over', ...ending(data) });
      }
      if (Date.now() - opened > STEADY) pause = SOON;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Failure && error.trouble === 'disconnected') {
        tell({ what: 'line', account: account.id, line: 'disconnected' });
        return;
      }
      tell({ what: 'line', account: account.id, line });
    }
    await later(pause, signal);
    pause = Math.min(pause * 2, LATER);
  }
}

/** A server that can wake the app up from now on, or by another key. */
async function learned(id: string, vapid: string, tell: (happened: Happened) => void): Promise<void> {
  const kept = (await accounts()).find((account) => account.id === id);
  if (!kept || kept.vapid === vapid) return;
  await keepAccount({ ...kept, vapid });
  tell({ what: 'accounts', accounts: await accounts() });
}

function ending(data: string): { id: string; outcome: Outcome } {
  const { id, state } = JSON.parse(data) as { id: string; state: string };
  return { id, outcome: OUTCOMES.find((outcome) => outcome === state) ?? 'withdrawn' };
}

function later(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', () => (clearTimeout(timer), done()), { once: true });
  });
}
