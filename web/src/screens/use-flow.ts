/** Carries out what the person wants, and tells the flow what came of it. */

import { useCallback, useEffect, useMemo, useReducer, useRef } from 'react';

import {
  START,
  after,
  awaited,
  isOf,
  isWeak,
  kindOf,
  screenOf,
  wayOf,
  type Flow,
  type Happening,
} from '../flow/flow';
import type { FactorKind, Kind, Page, Way } from '../flow/page';
import { Failure, ask, exchange, type SecurityVerb, type Verb } from '../flow/server';
import { outcome } from '../flow/return';
import { proveRemembered, remember, type Ask } from '../remember/remember';
import { newRecipient } from '../sealed/recipient';
import { openView, recipientKey } from '../sealed/view';
import { createPasskey, usePasskey } from '../webauthn/ceremony';
import { useMessageCode, usePasskeyInField } from './use-autofill';
import { useLine, type Answer, type Line, type Wanted } from './use-line';
import { useWait } from './use-wait';

/** What a factor needs to be told before it can be set up. */
export interface Said {
  readonly address?: string;
  readonly serial?: string;
}

export interface Actions {
  /** Proves with a code. */
  prove(code: string): void;
  /** Goes over to another way, and asks for what it needs. */
  pick(way: Way): void;
  /** Has a code sent, the phone asked, or the device: again, too. */
  send(way: Way): void;
  /** The person has nothing left, or found something after all. */
  lose(lost: boolean): void;
  /** Chooses a factor that needs something typed; null goes back. */
  want(kind: FactorKind | null): void;
  /** Goes back to the factors from one that was begun. */
  chooseAgain(): void;
  begin(kind: FactorKind, said?: Said): void;
  confirm(code: string): void;
  /** Has the device make the passkey that it did not make at first. */
  makePasskey(): void;
  /** Has the code of an enrollment sent again. */
  resend(): void;
  /** Says what is decided, with what was seen, and why. */
  decide(verdict: 'approve' | 'reject', evidence: readonly string[], reason: string): void;
  change(verb: SecurityVerb, body?: Record<string, unknown>): void;
  finish(): void;
  cancel(): void;
  /** Goes on after something failed. */
  retry(): void;
  /** Does something else than what failed. */
  forget(): void;
  hideKey(): void;
  /** Whether this browser is to be remembered after the next proof. */
  remember(wanted: boolean): void;
}

export function useFlow(token: string): [Flow, Actions] {
  const [flow, happened] = useReducer(after, START);
  const remembering = useRef(false);
  const tell = useCallback(
    (happening: Happening) => {
      if (!remembering.current || !isProved(happening)) return happened(happening);
      // Before the page says that it is done, as it leaves then.
      remembering.current = false;
      void remember(token, asker(token)).finally(() => happened(happening));
    },
    [token],
  );
  const line = useLine(tell);
  const latest = useRef(flow);
  latest.current = flow;

  const actions = useMemo<Actions>(
    () => ({
      ...actionsOf(token, line, tell, () => latest.current),
      remember: (wanted) => void (remembering.current = wanted),
    }),
    [token, line, tell],
  );

  useEffect(() => {
    void line.carryOut(() => (window.isSecureContext ? opened(token) : insecure()));
  }, [line, token]);

  const until = flow.page?.until;
  useEffect(() => {
    if (until === undefined) return;
    // setTimeout takes 31 bits.
    const left = Math.min(until - Date.now(), 2 ** 31 - 1);
    const timer = setTimeout(() => tell({ what: 'timeOver' }), left);
    return () => clearTimeout(timer);
  }, [until]);

  useEffect(() => {
    const leave = () => tell({ what: 'keyHidden' });
    window.addEventListener('pagehide', leave);
    return () => window.removeEventListener('pagehide', leave);
  }, []);

  useWait(token, awaited(flow), tell);
  const proving = screenOf(flow) === 'prove' ? flow.page : null;
  const way = proving && wayOf(flow);
  usePasskeyInField(token, proving, way, (proof) => void line.carryOut(() => state(token, 'prove', proof)));
  useMessageCode(way?.kind === 'sms' ? (proving?.prompt?.id ?? null) : null, actions.prove);
  const confirming = flow.page?.step === 'view' && flow.page.view?.kind === 'sms';
  useMessageCode(confirming ? 'enrollment' : null, actions.confirm);

  return [flow, actions];
}

/** Whether a challenge was proved just now, in whatever way. */
function isProved(happening: Happening): boolean {
  const page = happening.what === 'answered' || happening.what === 'wentOn' ? happening.page : null;
  return page?.step === 'done' && (outcome(page.returnTo) ?? 'proved') === 'proved';
}

function actionsOf(
  token: string,
  line: Line,
  tell: (happening: Happening) => void,
  now: () => Flow,
): Omit<Actions, 'remember'> {
  const open = () => opened(token);
  const carryOut = (wanted: Wanted, changing?: SecurityVerb) =>
    void line.carryOut(() => wanted().catch(unlessStepUp(open)), changing);
  const carry = (verb: Verb, body: Record<string, unknown>) => carryOut(() => state(token, verb, body));
  const send = (way: Way) => {
    if (way.kind === 'webauthn') carryOut(() => provenByPasskey(token, line, way));
    else carry('prompt', { kind: way.kind, authenticator_id: way.authenticatorId });
  };
  return {
    prove: (code) => carry('prove', { code, ...promptOf(now()) }),
    pick: (way) => {
      if (line.busy()) return;
      tell({ what: 'picked', way });
      if (ASKED.includes(way.kind) && !waits(now(), way)) send(way);
    },
    send,
    lose: (lost) => tell({ what: 'lost', lost }),
    want: (kind) => tell({ what: 'wanted', kind }),
    chooseAgain: () => tell({ what: 'choosing', choosing: true }),
    begin: (kind, said = {}) => {
      if (line.busy()) return;
      tell({ what: 'begun', kind });
      carryOut(() => begin(token, kind, said));
    },
    confirm: (code) => carry('confirm', { code, ...confirmed(now()) }),
    makePasskey: () => {
      const options = now().page?.view?.webauthn;
      if (options) carryOut(() => confirmedByPasskey(token, line, options, confirmed(now())));
    },
    resend: () => {
      const view = now().page?.view;
      carry('prompt', { kind: view?.kind, authenticator_id: view?.authenticatorId ?? null });
    },
    decide: (verdict, evidence, reason) =>
      carry('task/decide', { verdict, evidence, ...(reason.trim() !== '' && { reason }) }),
    change: (verb, body = {}) => carryOut(() => state(token, verb, body), verb),
    finish: () => {
      const { page } = now();
      // Behind the backup codes there may be more: something stronger, or one's own page.
      const more = page?.step === 'backup_codes' && (page.purpose === 'security' || isWeak(kindOf(now())));
      void line.carryOut(more ? open : () => state(token, 'finish', {}));
    },
    cancel: () => void line.carryOut(() => state(token, 'cancel', {})),
    // Where an answer was lost, what was asked may have been done: ask how things stand, and never give a code twice.
    retry: () => {
      if (now().stop && now().page?.purpose === 'sign_in') window.location.reload();
      else void (now().notice === 'busy' ? line.again() : line.carryOut(open));
    },
    forget: () => tell({ what: 'noticed' }),
    hideKey: () => tell({ what: 'keyHidden' }),
  };
}

/** What has to be sent or asked before there is something to prove with. */
const ASKED: readonly Kind[] = ['webauthn', 'push', 'sms', 'email'];

/** Whether what belongs to a way was sent already, and still counts. */
function waits(flow: Flow, way: Way): boolean {
  const prompt = flow.page?.prompt;
  return prompt != null && isOf(prompt, way) && !prompt.denied && prompt.until > Date.now();
}

/** The prompt that a code answers, if it is one that was sent. */
function promptOf(flow: Flow): object {
  const [prompt, way] = [flow.page?.prompt, wayOf(flow)];
  return prompt && way && isOf(prompt, way) ? { prompt_id: prompt.id } : {};
}

function confirmed(flow: Flow): object {
  const promptId = flow.page?.view?.promptId;
  return promptId ? { prompt_id: promptId } : {};
}

function state(token: string, verb: Verb, body: Record<string, unknown>): Promise<Answer> {
  return stated(ask(token, verb, body)).catch(unlessFinished(token));
}

async function stated(page: Promise<Page>): Promise<Answer> {
  return { page: await page, shownKey: null };
}

/** Opens the page, or asks how it stands. */
function opened(token: string): Promise<Answer> {
  const page = ask(token, 'open', { token }).then(unlessUnknown).then(unlessRemembered(token));
  return stated(page).catch(unlessFinished(token));
}

/** Leaves for the application where that has not said yet whether this is the browser that it sent. It leads back here. */
function unlessUnknown(page: Page): Page | Promise<Page> {
  if (page.step !== 'redeem' || !page.returnTo) return page;
  window.location.replace(page.returnTo);
  return new Promise(() => undefined);
}

/** Proves by being remembered, where this browser is. */
function unlessRemembered(token: string): (page: Page) => Promise<Page> {
  return async (page) => {
    if (page.step !== 'prove' || !page.remember) return page;
    const prove = (proof: Record<string, unknown>) => ask(token, 'prove', proof);
    return (await proveRemembered(page.remember, asker(token), prove)) ?? page;
  };
}

function asker(token: string): Ask {
  return async (verb, body) => (await exchange(token, verb, body)).said;
}

/**
 * A page that this browser has finished already still knows the way back: the answer that said so was lost, or the browser
 * sent a request twice.
 */
function unlessFinished(token: string): (error: unknown) => Promise<Answer> {
  return async (error) => {
    if (!(error instanceof Failure) || error.trouble !== 'over') throw error;
    return stated(ask(token, 'finish', {})).catch(() => Promise.reject(error));
  };
}

/** Asks how things stand where the session is not trusted enough (any more): it may be enough to prove it. */
function unlessStepUp(open: () => Promise<Answer>): (error: unknown) => Promise<Answer> {
  return (error) =>
    error instanceof Failure && error.trouble === 'stepUp' ? open() : Promise.reject(error as Error);
}

async function insecure(): Promise<Answer> {
  throw new Failure('insecure');
}

/** Each ceremony is one of its own, also after one that was called off or refused. */
async function provenByPasskey(token: string, line: Line, way: Way): Promise<Answer> {
  const { prompt } = await ask(token, 'prompt', { kind: way.kind, authenticator_id: way.authenticatorId });
  const options = prompt?.webauthn;
  if (!prompt || !options) throw new Failure('failed');
  const webauthn = await line.askDevice((callOff) => usePasskey(options, callOff));
  return state(token, 'prove', { webauthn, prompt_id: prompt.id });
}

async function confirmedByPasskey(
  token: string,
  line: Line,
  options: object,
  prompt: object,
): Promise<Answer> {
  const webauthn = await line.askDevice((callOff) => createPasskey(options, callOff));
  return state(token, 'confirm', { webauthn, ...prompt });
}

/** Starts an enrollment. */
async function begin(token: string, kind: FactorKind, said: Said): Promise<Answer> {
  if (kind !== 'totp') return stated(ask(token, 'begin', { kind, label: null, ...said }));
  // With a key pair of its own, which opens what comes back, and is forgotten with this call.
  const recipient = await newRecipient();
  const page = await ask(token, 'begin', { kind, label: null, recipient_key: recipientKey(recipient) });
  if (!page.view?.sealed || !page.view.authenticatorId) return { page, shownKey: null };
  try {
    const key = await openView(recipient, page.view.sealed, page.view.authenticatorId);
    return { page, shownKey: { key, until: page.view.until } };
  } catch {
    throw new Failure('unsealed');
  }
}
