/** What the app knows and shows: a pure function of what happened. */

import type { Account, Entry, Outcome } from './kept/database';
import { type Prompt, type Unknown, promptOf } from './protocol/prompt';
import type { Trouble } from './server';

/** How an account hears of prompts. */
export type Line = 'connecting' | 'live' | 'polling' | 'offline' | 'disconnected';

export interface Waiting {
  readonly account: Account;
  readonly prompt: Prompt | Unknown;
  /** As it came: what is signed. */
  readonly text: string;
  /** Milliseconds of this machine's clock. */
  readonly until: number;
}

/** A prompt that was in sight and is over. */
export interface Ended {
  readonly waiting: Waiting;
  readonly outcome: Outcome;
}

export interface State {
  readonly ready: boolean;
  /** Nothing can be kept here: private windows of some browsers, or a full disk. */
  readonly broken: boolean;
  readonly accounts: readonly Account[];
  readonly lines: Readonly<Record<string, Line>>;
  /** The oldest first. */
  readonly waiting: readonly Waiting[];
  readonly ended: Ended | null;
  /** The account that was enrolled just now, until its first prompt is answered. */
  readonly connecting: string | null;
  readonly entries: readonly Entry[];
  readonly locked: boolean;
  readonly asking: boolean;
  readonly notice: Trouble | 'locked' | null;
}

export const START: State = {
  ready: false,
  broken: false,
  accounts: [],
  lines: {},
  waiting: [],
  ended: null,
  connecting: null,
  entries: [],
  locked: false,
  asking: false,
  notice: null,
};

export type Happened =
  | { what: 'loaded'; accounts: Account[]; entries: Entry[]; locked: boolean }
  | { what: 'broke' }
  | { what: 'line'; account: string; line: Line }
  /** All that waits for an account. `ahead` is how far the server's clock is before this machine's. */
  | { what: 'pending'; account: Account; texts: readonly string[]; ahead: number; now: number }
  | { what: 'arrived'; account: Account; text: string; ahead: number; now: number }
  | { what: 'over'; id: string; outcome: Outcome }
  | { what: 'time'; now: number }
  | { what: 'asked' }
  | { what: 'failed'; trouble: Trouble | 'locked' }
  | { what: 'enrolled'; account: Account }
  | { what: 'accounts'; accounts: Account[] }
  | { what: 'entries'; entries: Entry[] }
  | { what: 'locked'; locked: boolean }
  | { what: 'dismissed' };

export function after(state: State, happened: Happened): State {
  switch (happened.what) {
    case 'loaded':
      return { ...state, ...happened, ready: true };
    case 'broke':
      return { ...state, ready: true, broken: true };
    case 'line':
      return { ...state, lines: { ...state.lines, [happened.account]: happened.line } };
    case 'pending':
      return pending(state, happened);
    case 'arrived':
      return added(state, waitingOf(happened.account, happened.text, happened.ahead, happened.now));
    case 'over':
      return over(state, happened.id, happened.outcome);
    case 'time':
      return state.waiting
        .filter(({ until }) => happened.now >= until)
        .reduce((so_far, { prompt }) => over(so_far, prompt.id, 'expired'), state);
    case 'asked':
      return { ...state, asking: true, notice: null };
    case 'failed':
      return { ...state, asking: false, notice: happened.trouble };
    case 'enrolled':
      return {
        ...state,
        accounts: [...state.accounts, happened.account],
        connecting: happened.account.id,
        asking: false,
        notice: null,
      };
    case 'accounts':
      return removed({ ...state, accounts: happened.accounts });
    case 'entries':
      return { ...state, entries: happened.entries };
    case 'locked':
      return { ...state, locked: happened.locked, asking: false, notice: null };
    case 'dismissed':
      return { ...state, ended: null, connecting: null, notice: null };
  }
}

/** What is to be seen before anything else, whatever the person looks at. */
export type Foremost = 'loading' | 'broken' | 'ended' | 'prompt' | 'connecting' | null;

export function foremost(state: State): Foremost {
  if (!state.ready) return 'loading';
  if (state.broken) return 'broken';
  // A new question is not covered by the end of an old one; nor does it take away what is being read about fraud.
  if (state.ended) return 'ended';
  if (state.waiting.length > 0) return 'prompt';
  return state.connecting ? 'connecting' : null;
}

function waitingOf(account: Account, text: string, ahead: number, now: number): Waiting | null {
  try {
    const prompt = promptOf(text);
    // Of one that is not understood, no more is known than that it is over in a few minutes.
    const until = 'unknown' in prompt ? now + 120_000 : prompt.expiresAt - ahead;
    return until > now ? { account, prompt, text, until } : null;
  } catch {
    return null;
  }
}

function added(state: State, one: Waiting | null): State {
  if (!one || state.waiting.some(({ prompt }) => prompt.id === one.prompt.id)) return state;
  if (state.ended?.waiting.prompt.id === one.prompt.id) return state;
  return { ...state, waiting: [...state.waiting, one] };
}

function pending(state: State, happened: Extract<Happened, { what: 'pending' }>): State {
  const { account, texts, ahead, now } = happened;
  const found = texts.flatMap((text) => waitingOf(account, text, ahead, now) ?? []);
  const ids = new Set(found.map(({ prompt }) => prompt.id));
  const gone = state.waiting.filter((one) => one.account.id === account.id && !ids.has(one.prompt.id));
  const without = gone.reduce((so_far, { prompt }) => over(so_far, prompt.id, 'withdrawn'), state);
  return found.reduce(added, without);
}

function over(state: State, id: string, outcome: Outcome): State {
  const [first] = state.waiting;
  const found = state.waiting.find(({ prompt }) => prompt.id === id);
  if (!found) return state;
  const waiting = state.waiting.filter((one) => one !== found);
  const inSight = found === first && !state.ended;
  return {
    ...state,
    waiting,
    ended: inSight ? { waiting: found, outcome } : state.ended,
    connecting: state.connecting === found.account.id ? null : state.connecting,
    asking: inSight ? false : state.asking,
    notice: inSight ? null : state.notice,
  };
}

/** Without what belongs to accounts that are there no more. */
function removed(state: State): State {
  const ids = new Set(state.accounts.map(({ id }) => id));
  return {
    ...state,
    waiting: state.waiting.filter(({ account }) => ids.has(account.id)),
    connecting: state.connecting && ids.has(state.connecting) ? state.connecting : null,
    asking: false,
    notice: null,
  };
}
