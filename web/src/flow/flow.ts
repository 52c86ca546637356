/**
 * What the page shows, and what changes it. Pure: the server is asked by `screens/use-flow.ts`, which tells here what happened.
 */

import type { Key } from '../sealed/view';
import type { Page } from './page';
import type { Trouble } from './server';

/** A key that is being shown, and when it has to be hidden (milliseconds, this machine's clock). */
export interface ShownKey {
  readonly key: Key;
  readonly until: number;
}

export interface Flow {
  /** What the server said last; null before its first answer. */
  readonly page: Page | null;
  readonly shownKey: ShownKey | null;
  /** Whether an answer is awaited. */
  readonly asking: boolean;
  /** What went wrong with what was tried last. */
  readonly notice: Trouble | null;
  /** What ended the page. Nothing goes on from there but the way back. */
  readonly stop: Trouble | null;
  /** Codes refused in a row. */
  readonly refusals: number;
}

export type Happening =
  | { readonly what: 'asked' }
  | { readonly what: 'answered'; readonly page: Page; readonly shownKey: ShownKey | null }
  | { readonly what: 'failed'; readonly trouble: Trouble }
  /** The time to see the key is over, or the person left the page. */
  | { readonly what: 'keyHidden' }
  /** What went wrong is of no interest any more: the person does something else. */
  | { readonly what: 'noticed' }
  /** The time of the page is over. */
  | { readonly what: 'timeOver' };

export const START: Flow = {
  page: null,
  shownKey: null,
  asking: true,
  notice: null,
  stop: null,
  refusals: 0,
};

export type Screen = 'loading' | 'stopped' | 'prove' | 'choose' | 'view' | 'backupCodes' | 'done';

/** Which screen it is. */
export function screenOf(flow: Flow): Screen {
  if (flow.stop) return 'stopped';
  if (!flow.page) return flow.notice ? 'stopped' : 'loading';
  return flow.page.step === 'backup_codes' ? 'backupCodes' : flow.page.step;
}

export function after(flow: Flow, happening: Happening): Flow {
  switch (happening.what) {
    case 'asked':
      return { ...flow, asking: true, notice: null };
    case 'answered':
      return answered(flow, happening.page, happening.shownKey);
    case 'failed':
      return failed({ ...flow, asking: false }, happening.trouble);
    case 'keyHidden':
      return { ...flow, shownKey: null };
    case 'noticed':
      return { ...flow, notice: null };
    case 'timeOver':
      return timeOver(flow);
  }
}

function answered(flow: Flow, page: Page, newKey: ShownKey | null): Flow {
  // Asking how things stand, after an answer was lost, hides nothing that is on the screen: it is not told a second time.
  const before = flow.page?.step === page.step ? flow : START;
  return {
    ...START,
    page: page.backupCodes.length > 0 ? page : { ...page, backupCodes: before.page?.backupCodes ?? [] },
    shownKey: newKey ?? before.shownKey,
    asking: false,
  };
}

const ENDS: readonly Trouble[] = ['over', 'ended', 'elsewhere', 'unknown', 'stepUp', 'insecure'];

function failed(flow: Flow, trouble: Trouble): Flow {
  if (ENDS.includes(trouble)) return ended(flow, trouble);
  const refusals = trouble === 'refused' ? flow.refusals + 1 : flow.refusals;
  const shownKey = trouble === 'keyOver' ? null : flow.shownKey;
  return { ...flow, notice: trouble, refusals, shownKey };
}

function timeOver(flow: Flow): Flow {
  // Codes that are kept nowhere else are not taken from somebody who is writing them down.
  if (flow.page?.step === 'backup_codes' || flow.page?.step === 'done' || flow.stop) return flow;
  return ended(flow, 'over');
}

function ended(flow: Flow, trouble: Trouble): Flow {
  // The authenticator is active by then: that the page is over is no failure.
  if (flow.page?.step === 'backup_codes' && trouble === 'over') {
    return { ...flow, page: { ...flow.page, step: 'done', backupCodes: [], returnTo: null }, notice: null };
  }
  return { ...flow, shownKey: null, stop: trouble, notice: null };
}
