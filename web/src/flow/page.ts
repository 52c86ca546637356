/** What the server says of this page, checked at the edge: everything behind it may rely on the types. */

import { type Brand, brandOf } from '../brand';
import { rememberOf, type Remember } from '../remember/remember';
import type { SealedView } from '../sealed/view';

export type Purpose = 'challenge' | 'enroll';
export type Step = 'prove' | 'choose' | 'view' | 'backup_codes' | 'done';
/** What proves a challenge here. */
export type Method = 'totp' | 'backup_codes';
/** What this page knows how to enroll. */
export type FactorKind = 'totp';

export interface Page {
  readonly purpose: Purpose;
  /** The application's name, as its administrator gave it. */
  readonly application: string;
  readonly brand: Brand;
  readonly step: Step;
  /** Milliseconds from now until the page is over. */
  readonly lifetime: number;
  readonly challenge: Challenge | null;
  /** Only at the step `prove`, where this browser can be remembered. */
  readonly remember: Remember | null;
  /** Strongest first. */
  readonly factors: readonly FactorKind[];
  readonly methods: readonly Method[];
  /** Only in the answer to `begin`. */
  readonly view: View | null;
  /** Only in the answer to the first `confirm`. */
  readonly backupCodes: readonly string[];
  /** Only at the step `done`. */
  readonly returnTo: URL | null;
}

export interface Challenge {
  readonly action: string;
  /** What the application wants the person to see, in its order. */
  readonly shown: readonly (readonly [string, string])[];
}

export interface View {
  readonly sealed: SealedView;
  readonly authenticatorId: string;
  /** Milliseconds from now until the key has to be hidden. */
  readonly lifetime: number;
}

/** Reads a page state. `now` is the server's clock, in milliseconds. @throws where it is none */
export function pageOf(value: unknown, now: number, origin: string): Page {
  const state = record(value);
  const challenge = state.challenge == null ? null : record(state.challenge);
  return {
    purpose: oneOf(state.purpose, ['challenge', 'enroll']),
    application: text(state.application),
    brand: brandOf(state.brand, origin),
    step: oneOf(state.step, ['prove', 'choose', 'view', 'backup_codes', 'done']),
    lifetime: time(state.expires_at) - now,
    challenge: challenge && { action: text(challenge.action), shown: shown(challenge.shown) },
    remember: rememberOf(state.remember),
    factors: known(
      list(state.factors).map((factor) => record(factor).kind),
      ['totp'],
    ),
    methods: challenge ? known(list(challenge.methods), ['totp', 'backup_codes']) : ['totp', 'backup_codes'],
    view: state.view == null ? null : view(record(state.view), now),
    backupCodes: list(state.backup_codes).map(text),
    returnTo: state.return_to == null ? null : returnTo(state.return_to),
  };
}

/** An address to go back to: of the web, and nothing that a browser would run. */
function returnTo(value: unknown): URL {
  const url = new URL(text(value));
  if (url.protocol !== 'https:' && url.protocol !== 'http:') throw new Error('not an address to return to');
  return url;
}

function view(value: Record<string, unknown>, now: number): View {
  const sealed = record(value.sealed);
  return {
    sealed: { enc: text(sealed.enc), ciphertext: text(sealed.ciphertext) },
    authenticatorId: text(value.authenticator_id),
    lifetime: time(value.view_expires_at) - now,
  };
}

function shown(value: unknown): [string, string][] {
  return Object.entries(value == null ? {} : record(value)).map(([name, said]) => [
    name,
    typeof said === 'object' ? JSON.stringify(said) : String(said),
  ]);
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('an object was expected');
  return value as Record<string, unknown>;
}

function list(value: unknown): unknown[] {
  if (value == null) return [];
  if (!Array.isArray(value)) throw new Error('a list was expected');
  return value;
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error('a text was expected');
  return value;
}

function time(value: unknown): number {
  const milliseconds = Date.parse(text(value));
  if (Number.isNaN(milliseconds)) throw new Error('a time was expected');
  return milliseconds;
}

function oneOf<T extends string>(value: unknown, wanted: readonly T[]): T {
  const [found] = known([value], wanted);
  if (found === undefined) throw new Error(`none of ${wanted.join(', ')}`);
  return found;
}

/** Those that this page knows: a newer server may offer more. */
function known<T extends string>(values: readonly unknown[], wanted: readonly T[]): T[] {
  return values.filter((value): value is T => (wanted as readonly unknown[]).includes(value));
}
