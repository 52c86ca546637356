/** What the server says of this page, checked at the edge: everything behind it may rely on the types. */

import { type Brand, brandOf } from '../brand';
import { isolated } from '../format';
import { rememberOf, type Remember } from '../remember/remember';
import type { SealedView } from '../sealed/view';
import { instant, known, list, oneOf, optionalStart, optionalText, record, text, type Clock } from './edge';
import { overviewOf, type Overview } from './overview';
import { askedOf, type Asked } from './task';

export type Purpose = 'challenge' | 'enroll' | 'security' | 'sign_in' | 'task';
/**
 * `redeem`: the application has to see this browser before anything goes on. `stronger`: what was enrolled is active, and something
 * stronger could follow.
 */
export type Step =
  'redeem' | 'prove' | 'choose' | 'view' | 'backup_codes' | 'stronger' | 'overview' | 'decide' | 'done';

/** What a person can have, and prove with. */
export const KINDS = ['webauthn', 'push', 'totp', 'hotp', 'sms', 'email', 'backup_codes'] as const;
export type Kind = (typeof KINDS)[number];
/** What this page knows how to enroll. */
export const FACTORS = ['webauthn', 'push', 'totp', 'hotp', 'sms', 'email'] as const;
export type FactorKind = (typeof FACTORS)[number];

export interface Page {
  readonly purpose: Purpose;
  /** The application's name, as its administrator gave it. */
  readonly application: string;
  readonly brand: Brand;
  readonly step: Step;
  /** When the page is over. This and every time below: milliseconds of this machine's clock. */
  readonly until: number;
  readonly challenge: Challenge | null;
  /** How it can be proved who this is: offered first what comes first. */
  readonly ways: readonly Way[];
  readonly prompt: Prompt | null;
  /** Only at the step `prove`, where this browser can be remembered. */
  readonly remember: Remember | null;
  /** Strongest first. */
  readonly factors: readonly FactorKind[];
  /** What is handed over in an enrollment; the sealed key of it only in the answer to `begin`. */
  readonly view: View | null;
  /** Only in the answer to the first `confirm`. */
  readonly backupCodes: readonly string[];
  /** Only at the steps `redeem` and `done`. */
  readonly returnTo: URL | null;
  /** Only at the step `overview`. */
  readonly overview: Overview | null;
  /** Only at the step `decide`. */
  readonly task: Asked | null;
}

export interface Challenge {
  readonly action: string;
  /** What the application wants the person to see, in its order. */
  readonly shown: readonly (readonly [string, string])[];
}

/** One thing that proves a challenge here. */
export interface Way {
  readonly kind: Kind;
  readonly authenticatorId: string | null;
  /** The name that its owner gave it. */
  readonly label: string | null;
  /** Where a code goes, masked. */
  readonly to: string | null;
}

/** What was sent to an authenticator or asked of it. */
export interface Prompt {
  readonly id: string;
  readonly kind: Kind;
  readonly authenticatorId: string | null;
  /** The person said no on the phone. */
  readonly denied: boolean;
  readonly until: number;
  /** From when it may be sent again; null: never. */
  readonly resendAt: number | null;
  readonly to: string | null;
  /** Push: what has to be typed on the phone. */
  readonly number: string | null;
  /** WebAuthn: PublicKeyCredentialRequestOptionsJSON. */
  readonly webauthn: object | null;
}

export interface View {
  readonly kind: FactorKind;
  /** An OTP key; null once it was shown. */
  readonly sealed: SealedView | null;
  readonly authenticatorId: string | null;
  /** Until when it can be seen. */
  readonly until: number;
  /** PublicKeyCredentialCreationOptionsJSON. */
  readonly webauthn: object | null;
  readonly promptId: string | null;
  /** Where a code was sent, masked. */
  readonly to: string | null;
  readonly resendAt: number | null;
  /** What the authenticator app opens; told once. */
  readonly link: URL | null;
  /** Push: what has to be typed on the phone, once the app there has come by the link. */
  readonly number: string | null;
}

/** Reads a page state. @throws where it is none */
export function pageOf(value: unknown, clock: Clock, origin: string): Page {
  const state = record(value);
  const challenge = state.challenge == null ? null : record(state.challenge);
  return {
    purpose: oneOf(state.purpose, ['challenge', 'enroll', 'security', 'sign_in', 'task']),
    application: isolated(text(state.application)),
    brand: brandOf(state.brand, origin),
    step: oneOf(state.step, [
      'redeem',
      'prove',
      'choose',
      'view',
      'backup_codes',
      'stronger',
      'overview',
      'decide',
      'done',
    ]),
    until: instant(state.expires_at, clock),
    challenge: challenge && { action: text(challenge.action), shown: shown(challenge.shown) },
    ways: challenge ? list(challenge.ways).flatMap(way) : [],
    prompt: state.prompt == null ? null : prompt(record(state.prompt), clock),
    remember: rememberOf(state.remember),
    factors: known(
      list(state.factors).map((factor) => record(factor).kind),
      FACTORS,
    ),
    view: state.view == null ? null : view(record(state.view), clock),
    backupCodes: list(state.backup_codes).map(text),
    returnTo: state.return_to == null ? null : webAddress(state.return_to),
    overview: state.overview == null ? null : overviewOf(record(state.overview), clock),
    task: state.task == null ? null : askedOf(state.task, clock),
  };
}

/** Ways that this page does not know yet are left out. */
function way(value: unknown): Way[] {
  const said = record(value);
  return known([said.kind], KINDS).map((kind) => ({
    kind,
    authenticatorId: optionalText(said.authenticator_id),
    label: optionalText(said.label),
    to: optionalText(said.to),
  }));
}

function prompt(said: Record<string, unknown>, clock: Clock): Prompt | null {
  const [kind] = known([said.kind], KINDS);
  if (kind === undefined) return null;
  return {
    id: text(said.id),
    kind,
    authenticatorId: optionalText(said.authenticator_id),
    denied: said.state === 'denied',
    until: instant(said.expires_at, clock),
    resendAt: optionalStart(said.resend_at, clock),
    to: optionalText(said.to),
    number: optionalText(said.number),
    webauthn: said.webauthn == null ? null : record(said.webauthn),
  };
}

function view(said: Record<string, unknown>, clock: Clock): View {
  const sealed = said.sealed == null ? null : record(said.sealed);
  const asked = said.prompt == null ? {} : record(said.prompt);
  const number = optionalText(asked.number);
  return {
    kind: oneOf(said.kind, FACTORS),
    sealed: sealed && { enc: text(sealed.enc), ciphertext: text(sealed.ciphertext) },
    authenticatorId: optionalText(said.authenticator_id),
    until: instant(number === null ? said.view_expires_at : asked.expires_at, clock),
    webauthn: asked.webauthn == null ? null : record(asked.webauthn),
    promptId: optionalText(asked.id),
    to: optionalText(asked.to),
    resendAt: optionalStart(asked.resend_at, clock),
    link: said.link == null ? null : webAddress(said.link),
    number,
  };
}

function shown(value: unknown): [string, string][] {
  return Object.entries(value == null ? {} : record(value)).map(([name, said]) => [
    name,
    typeof said === 'object' ? JSON.stringify(said) : String(said),
  ]);
}

/** An address to go to: of the web, and nothing that a browser would run. */
function webAddress(value: unknown): URL {
  const url = new URL(text(value));
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new Error('not an address of the web');
  return url;
}
