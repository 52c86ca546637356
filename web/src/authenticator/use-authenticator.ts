/** Carries out what the person wants, keeps what is to be kept, and tells the flow what came of it. */

import { useCallback, useEffect, useMemo, useReducer, useRef } from 'react';

import { START, after, type Ended, type Happened, type State, type Waiting } from './flow';
import { follow } from './follow';
import {
  type Account,
  type Entry,
  type Outcome,
  accounts,
  forgetAccount,
  history,
  keepAccount,
  keepEntry,
  keepSettings,
  settings,
} from './kept/database';
import { makeLock, unlock } from './lock';
import type { Link } from './protocol/link';
import type { Answer } from './protocol/signed';
import { Failure, answer, enroll, subscribe } from './server';
import { renew } from './wake';

export interface Actions {
  connect(link: Link, name: string): void;
  answer(waiting: Waiting, given: Answer, number: string | null): void;
  dismiss(): void;
  remove(account: Account): void;
  lock(name: string): void;
  unlock(): void;
}

const OUTCOMES: Readonly<Record<Answer, Outcome>> = {
  approve: 'approved',
  deny: 'denied',
  fraud: 'reported',
};

export function useAuthenticator(): [State, Actions] {
  const [state, tell] = useReducer(after, START);
  const asking = useRef(false);

  const carryOut = useCallback(async (wanted: () => Promise<void>) => {
    if (asking.current) return;
    asking.current = true;
    tell({ what: 'asked' });
    try {
      await wanted();
    } catch (error) {
      tell({ what: 'failed', trouble: error instanceof Failure ? error.trouble : 'failed' });
    } finally {
      asking.current = false;
    }
  }, []);

  const actions = useMemo<Actions>(
    () => ({
      connect: (link, name) => void carryOut(() => connect(tell, link, name)),
      answer: (waiting, given, number) => void carryOut(() => answered(tell, waiting, given, number)),
      dismiss: () => tell({ what: 'dismissed' }),
      remove: (account) => void carryOut(() => remove(tell, account)),
      lock: (name) => void carryOut(() => setLock(tell, name)),
      unlock: () => void carryOut(() => dropLock(tell)),
    }),
    [carryOut],
  );

  useEffect(() => void load().then(tell, () => tell({ what: 'broke' })), []);
  useFollowing(state.accounts, tell);
  useTime(state.waiting, tell);
  useKeeping(state.ended, tell);
  return [state, actions];
}

async function load(): Promise<Happened> {
  const [known, entries, kept] = await Promise.all([accounts(), history(), settings()]);
  void renew(known);
  return { what: 'loaded', accounts: known, entries, locked: kept.lock !== null };
}

type Tell = (happened: Happened) => void;

async function connect(tell: Tell, link: Link, name: string): Promise<void> {
  const account = await enroll(link, name);
  // Durable before anything is approved with it; and browsers that clear up are asked to leave it.
  await keepAccount(account).catch(() => Promise.reject(new Failure('noKeys')));
  void navigator.storage?.persist?.().catch(() => false);
  tell({ what: 'enrolled', account });
  void renew(await accounts());
}

async function answered(tell: Tell, waiting: Waiting, given: Answer, number: string | null): Promise<void> {
  const { account, prompt, text } = waiting;
  if (given === 'approve' && !(await unlocked())) return tell({ what: 'failed', trouble: 'locked' });
  try {
    await answer(account, prompt.id, text, given, number);
    tell({ what: 'over', id: prompt.id, outcome: OUTCOMES[given] });
  } catch (error) {
    const trouble = error instanceof Failure ? error.trouble : 'failed';
    if (trouble === 'wrongNumber') tell({ what: 'over', id: prompt.id, outcome: 'mismatched' });
    else if (trouble === 'over') tell({ what: 'over', id: prompt.id, outcome: 'withdrawn' });
    else throw error;
  }
}

async function unlocked(): Promise<boolean> {
  const { lock } = await settings();
  return lock === null || unlock(lock);
}

async function remove(tell: Tell, account: Account): Promise<void> {
  // The server may be away, or know nothing of it any more.
  await subscribe(account, null).catch(() => undefined);
  await forgetAccount(account.id);
  tell({ what: 'accounts', accounts: await accounts() });
}

async function setLock(tell: Tell, name: string): Promise<void> {
  const lock = await makeLock(name);
  if (!lock) return tell({ what: 'failed', trouble: 'locked' });
  await keepSettings({ lock });
  tell({ what: 'locked', locked: true });
}

async function dropLock(tell: Tell): Promise<void> {
  if (!(await unlocked())) return tell({ what: 'failed', trouble: 'locked' });
  await keepSettings({ lock: null });
  tell({ what: 'locked', locked: false });
}

/** Follows every account, and begins again when the app is looked at or the network is back. */
function useFollowing(known: readonly Account[], tell: Tell): void {
  const ids = known.map(({ id }) => id).join();
  const current = useRef(known);
  current.current = known;
  useEffect(() => {
    let stop = new AbortController();
    const begin = () => {
      stop.abort();
      stop = new AbortController();
      for (const account of current.current) void follow(account, tell, stop.signal);
    };
    const seen = () => document.visibilityState === 'visible' && begin();
    begin();
    window.addEventListener('online', begin);
    document.addEventListener('visibilitychange', seen);
    return () => {
      stop.abort();
      window.removeEventListener('online', begin);
      document.removeEventListener('visibilitychange', seen);
    };
  }, [ids, tell]);
}

function useTime(waiting: readonly Waiting[], tell: Tell): void {
  useEffect(() => {
    if (waiting.length === 0) return;
    const timer = setInterval(() => tell({ what: 'time', now: Date.now() }), 500);
    return () => clearInterval(timer);
  }, [waiting, tell]);
}

/** Keeps what came of a prompt, and of an account whose first one it was. */
function useKeeping(ended: Ended | null, tell: Tell): void {
  useEffect(() => {
    if (!ended) return;
    void kept(ended).then(async () => {
      tell({ what: 'entries', entries: await history() });
      tell({ what: 'accounts', accounts: await accounts() });
    });
  }, [ended, tell]);
}

async function kept({ waiting: { account, prompt }, outcome }: Ended): Promise<void> {
  if ('unknown' in prompt) return;
  if (prompt.connects) {
    if (outcome === 'approved') {
      await keepAccount({ ...account, connected: true });
      // Once the page beside has finished it, the server takes it.
      setTimeout(() => void accounts().then(renew), 5000);
    } else await forgetAccount(account.id);
    return;
  }
  const { id, application, action, shown } = prompt;
  const from = prompt.place ?? prompt.address;
  const entry: Entry = {
    id,
    account: account.account,
    application,
    action,
    shown,
    from,
    at: prompt.createdAt,
    outcome,
  };
  await keepEntry(entry);
}
