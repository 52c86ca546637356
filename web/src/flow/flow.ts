/**
 * What the page shows, and what changes it. Pure: the server is asked by `screens/use-flow.ts`, which tells here what happened.
 */

import type { Key } from '../sealed/view';
import type { FactorKind, Page, View, Way } from './page';
import type { SecurityVerb, Trouble } from './server';

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
  /** Proofs refused in a row. */
  readonly refusals: number;
  /** The way of proving that the person picked. */
  readonly picked: Way | null;
  /** The person has none of the ways any more. */
  readonly lost: boolean;
  /** The factor that the person chose, which needs something typed before it can be set up. */
  readonly wanted: FactorKind | null;
  /** The person would rather set up something else than what was begun. */
  readonly choosing: boolean;
  /** The factor that was set up last. */
  readonly begun: FactorKind | null;
  /** What the person is changing on the own page, through a proof if one is asked for. */
  readonly changing: SecurityVerb | null;
  /** What was changed there last. */
  readonly changed: SecurityVerb | null;
}

export type Happening =
  | { readonly what: 'asked'; readonly changing?: SecurityVerb }
  | { readonly what: 'answered'; readonly page: Page; readonly shownKey: ShownKey | null }
  /** What is waited for beside everything else went on. */
  | { readonly what: 'wentOn'; readonly page: Page }
  | { readonly what: 'failed'; readonly trouble: Trouble }
  | { readonly what: 'picked'; readonly way: Way }
  | { readonly what: 'lost'; readonly lost: boolean }
  | { readonly what: 'wanted'; readonly kind: FactorKind | null }
  | { readonly what: 'choosing'; readonly choosing: boolean }
  | { readonly what: 'begun'; readonly kind: FactorKind }
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
  picked: null,
  lost: false,
  wanted: null,
  choosing: false,
  begun: null,
  changing: null,
  changed: null,
};

export type Screen =
  | 'loading'
  | 'stopped'
  | 'prove'
  | 'lost'
  | 'choose'
  | 'details'
  | 'view'
  | 'stronger'
  | 'backupCodes'
  | 'overview'
  | 'decide'
  | 'done';

/** Which screen it is. */
export function screenOf(flow: Flow): Screen {
  if (flow.stop) return 'stopped';
  if (!flow.page) return flow.notice ? 'stopped' : 'loading';
  const { step } = flow.page;
  // The browser is on its way to the application.
  if (step === 'redeem') return 'loading';
  if (step === 'prove' && flow.lost) return 'lost';
  if ((step === 'choose' || step === 'stronger' || step === 'view') && flow.wanted) return 'details';
  if (step === 'view' && flow.choosing) return 'choose';
  return step === 'backup_codes' ? 'backupCodes' : step;
}

/** How the person proves just now: as picked, else as was begun (before a reload), else what comes first. */
export function wayOf(flow: Flow): Way | null {
  if (!flow.page) return null;
  const { ways, prompt } = flow.page;
  if (flow.picked && ways.some((way) => same(way, flow.picked))) return flow.picked;
  const begun = prompt && prompt.kind !== 'webauthn' ? ways.find((way) => isOf(prompt, way)) : undefined;
  return begun ?? ways[0] ?? null;
}

/** Whether a prompt belongs to a way. */
export function isOf(prompt: NonNullable<Page['prompt']>, way: Way): boolean {
  if (prompt.kind !== way.kind) return false;
  if (prompt.authenticatorId !== null) return prompt.authenticatorId === way.authenticatorId;
  return prompt.to === null || way.to === null || prompt.to === way.to;
}

export function same(one: Way, other: Way | null): boolean {
  return one.kind === other?.kind && one.authenticatorId === other.authenticatorId;
}

/** The factor that is being set up. */
export function kindOf(flow: Flow): FactorKind {
  return flow.page?.view?.kind ?? flow.begun ?? 'totp';
}

/** What whoever can do better should not begin with (NIST SP 800-63B-4, section 3.1.3). */
export const isWeak = (kind: FactorKind): boolean => kind === 'sms' || kind === 'email';

/** What a phone has to do before anything goes on, by its id; null where nothing is waited for. */
export function awaited(flow: Flow): string | null {
  if (flow.stop || !flow.page) return null;
  const { step, prompt, view } = flow.page;
  if (step === 'prove' && prompt?.kind === 'push' && !prompt.denied) return prompt.id;
  if (step === 'view' && view?.kind === 'push') return view.authenticatorId ?? 'app';
  return null;
}

export function after(flow: Flow, happening: Happening): Flow {
  switch (happening.what) {
    case 'asked':
      return asked(flow, happening.changing);
    case 'answered':
      return answered(flow, happening.page, happening.shownKey);
    case 'wentOn':
      // What the person does meanwhile comes first; its answer says how things stand.
      return flow.asking || flow.stop ? flow : wentOn(flow, happening.page);
    case 'failed':
      return failed({ ...flow, asking: false }, happening.trouble);
    case 'picked':
      return { ...flow, picked: happening.way, lost: false, notice: null, refusals: 0 };
    case 'lost':
      return { ...flow, lost: happening.lost, notice: null };
    case 'wanted':
      return { ...flow, wanted: happening.kind, notice: null };
    case 'choosing':
      return { ...flow, choosing: happening.choosing, shownKey: null, notice: null };
    case 'begun':
      return { ...flow, begun: happening.kind };
    case 'keyHidden':
      return { ...flow, shownKey: null };
    case 'noticed':
      return { ...flow, notice: null };
    case 'timeOver':
      return timeOver(flow);
  }
}

function asked(flow: Flow, changing?: SecurityVerb): Flow {
  const change = changing ? { changing, changed: null } : {};
  return { ...flow, ...change, asking: true, notice: null };
}

function answered(flow: Flow, page: Page, newKey: ShownKey | null): Flow {
  // Asking how things stand, after an answer was lost, hides nothing that is on the screen: it is not told a second time.
  const before = flow.page?.step === page.step ? flow : START;
  const back = page.step === 'overview';
  return {
    ...START,
    page: {
      ...page,
      backupCodes: page.backupCodes.length > 0 ? page.backupCodes : (before.page?.backupCodes ?? []),
      factors: page.factors.length > 0 ? page.factors : (flow.page?.factors ?? []),
      view: viewAfter(before.page?.view ?? null, page.view),
    },
    shownKey: newKey ?? before.shownKey,
    picked: before.picked,
    lost: before.lost && page.prompt === null,
    begun: flow.page?.view?.kind ?? flow.begun,
    changing: back ? null : flow.changing,
    changed: back ? (flow.changing ?? before.changed) : null,
    asking: false,
  };
}

/** A link is told once: it is good until the app that came by it is asked for a number. */
function viewAfter(before: View | null, now: View | null): View | null {
  if (!now || !before || now.authenticatorId !== before.authenticatorId) return now ?? before;
  return { ...now, link: now.number === null ? (now.link ?? before.link) : null };
}

/** Nothing that the person reads or types is disturbed where nothing went on. */
function wentOn(flow: Flow, page: Page): Flow {
  const next = answered(flow, page, null);
  const stays = next.page?.step === flow.page?.step;
  if (stays) return { ...next, notice: flow.notice, refusals: flow.refusals };
  // Back where it began: another number was typed on the phone, or it said no.
  const refused = flow.page?.step === 'view' && (page.step === 'choose' || page.step === 'prove');
  return refused ? { ...next, notice: 'notConnected' } : next;
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
  if (trouble === 'over' && (flow.page?.step === 'backup_codes' || flow.page?.step === 'stronger')) {
    return { ...flow, page: { ...flow.page, step: 'done', backupCodes: [], returnTo: null }, notice: null };
  }
  return { ...flow, shownKey: null, stop: trouble, notice: null };
}
