/** Carries out what the person wants, and tells the flow what came of it. */

import { useCallback, useEffect, useMemo, useReducer, useRef } from 'react';

import { START, after, type Flow, type ShownKey } from '../flow/flow';
import type { FactorKind, Page } from '../flow/page';
import { Failure, ask, exchange, type Verb } from '../flow/server';
import { proveRemembered, remember, type Ask } from '../remember/remember';
import { newRecipient } from '../sealed/recipient';
import { openView, recipientKey } from '../sealed/view';

export interface Actions {
  prove(code: string): void;
  begin(kind: FactorKind): void;
  confirm(code: string): void;
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

interface Answer {
  readonly page: Page;
  readonly shownKey: ShownKey | null;
}

export function useFlow(token: string): [Flow, Actions] {
  const [flow, tell] = useReducer(after, START);
  const asking = useRef(false);
  const last = useRef<() => Promise<Answer>>(() => opened(token));

  const carryOut = useCallback(async (wanted: () => Promise<Answer>) => {
    if (asking.current) return;
    asking.current = true;
    last.current = wanted;
    tell({ what: 'asked' });
    try {
      tell({ what: 'answered', ...(await wanted()) });
    } catch (error) {
      tell({ what: 'failed', trouble: error instanceof Failure ? error.trouble : 'failed' });
    } finally {
      asking.current = false;
    }
  }, []);

  const remembering = useRef(false);
  const trouble = flow.notice;
  const actions = useMemo<Actions>(() => {
    const open = () => opened(token);
    const trusted = (wanted: () => Promise<Answer>) => carryOut(() => wanted().catch(unlessStepUp(open)));
    const state = (verb: Verb, body: Record<string, unknown>) =>
      stated(ask(token, verb, body)).catch(unlessFinished(token));
    return {
      prove: (code) =>
        void trusted(() =>
          state('prove', { code }).then(async (answer) => {
            if (remembering.current && answer.page.step === 'done') await remember(token, asker(token));
            return answer;
          }),
        ),
      begin: (kind) => void trusted(() => begin(token, kind)),
      confirm: (code) => void trusted(() => state('confirm', { code })),
      finish: () => void carryOut(() => state('finish', {})),
      cancel: () => void carryOut(() => state('cancel', {})),
      // Where an answer was lost, what was asked may have been done: ask how things stand, and never give a code twice.
      retry: () => void (trouble === 'busy' ? carryOut(last.current) : carryOut(open)),
      forget: () => tell({ what: 'noticed' }),
      hideKey: () => tell({ what: 'keyHidden' }),
      remember: (wanted) => void (remembering.current = wanted),
    };
  }, [carryOut, token, trouble]);

  useEffect(() => {
    void carryOut(() => (window.isSecureContext ? opened(token) : insecure()));
  }, [carryOut, token]);

  useEffect(() => {
    if (!flow.page) return;
    // setTimeout takes 31 bits.
    const timer = setTimeout(() => tell({ what: 'timeOver' }), Math.min(flow.page.lifetime, 2 ** 31 - 1));
    return () => clearTimeout(timer);
  }, [flow.page]);

  useEffect(() => {
    const leave = () => tell({ what: 'keyHidden' });
    window.addEventListener('pagehide', leave);
    return () => window.removeEventListener('pagehide', leave);
  }, []);

  return [flow, actions];
}

async function stated(page: Promise<Page>): Promise<Answer> {
  return { page: await page, shownKey: null };
}

/** Opens the page, or asks how it stands. */
function opened(token: string): Promise<Answer> {
  return stated(ask(token, 'open', { token }).then(unlessRemembered(token))).catch(unlessFinished(token));
}

/** Proves by being remembered, where this browser is. */
function unlessRemembered(token: string): (page: Page) => Promise<Page> {
  return async (page) => {
    if (page.step !== 'prove' || !page.remember) return page;
    const prove = (proof: Record<string, unknown>) => ask(token, 'prove', proof);
    return (await proveRemembered(page.remember, document.referrer, asker(token), prove)) ?? page;
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

/** Starts an enrollment with a key pair of its own, and opens what comes back. The pair is forgotten with this call. */
async function begin(token: string, kind: FactorKind): Promise<Answer> {
  const recipient = await newRecipient();
  const page = await ask(token, 'begin', { kind, recipient_key: recipientKey(recipient), label: null });
  if (!page.view) return { page, shownKey: null };
  const until = Date.now() + page.view.lifetime;
  try {
    const key = await openView(recipient, page.view.sealed, page.view.authenticatorId);
    return { page, shownKey: { key, until } };
  } catch {
    throw new Failure('unsealed');
  }
}
