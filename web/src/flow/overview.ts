/** What a person sees of the own account: authenticators, devices, sessions, and what happened lately. */

import { instant, list, optionalText, optionalTime, record, text, type Clock } from './edge';

export interface Overview {
  readonly authenticators: readonly Held[];
  readonly devices: readonly Device[];
  readonly sessions: readonly Session[];
  /** The newest first. */
  readonly activity: readonly Happened[];
  /** Whether changes are allowed without another proof. */
  readonly mayChange: boolean;
  /** Whether all is told: with a password alone there are no names, no times of use, no other devices and no activity. */
  readonly tellsAll: boolean;
}

/** An authenticator. Times are milliseconds of this machine's clock, here and below. */
export interface Held {
  readonly id: string;
  readonly kind: string;
  readonly label: string | null;
  readonly state: string;
  readonly createdAt: number;
  readonly lastUsedAt: number | null;
  readonly to: string | null;
  /** Backup codes: how many are unused. */
  readonly codesLeft: number | null;
}

export interface Device {
  readonly id: string;
  readonly name: string;
  readonly kind: string;
  readonly current: boolean;
}

export interface Session {
  readonly id: string;
  readonly current: boolean;
  readonly createdAt: number;
  readonly device: string | null;
}

export interface Happened {
  readonly at: number;
  readonly kind: string;
  /** What else is known of it, for people. */
  readonly facts: readonly string[];
}

/** Reads an overview. @throws where it is none */
export function overviewOf(said: Record<string, unknown>, clock: Clock): Overview {
  const devices = list(said.devices).map((one) => device(record(one)));
  const names = new Map(devices.map(({ id, name }) => [id, name]));
  return {
    authenticators: list(said.authenticators).map((one) => held(record(one), clock)),
    devices,
    sessions: list(said.sessions).map((one) => session(record(one), clock, names)),
    activity: list(said.activity).map((one) => happened(record(one), clock)),
    mayChange: said.may_change === true,
    tellsAll: said.tells_all !== false,
  };
}

function held(said: Record<string, unknown>, clock: Clock): Held {
  return {
    id: text(said.id),
    kind: text(said.kind),
    label: optionalText(said.label),
    state: text(said.state),
    createdAt: instant(said.created_at, clock),
    lastUsedAt: optionalTime(said.last_used_at, clock),
    to: optionalText(said.to),
    codesLeft: typeof said.codes_left === 'number' ? said.codes_left : null,
  };
}

function device(said: Record<string, unknown>): Device {
  return {
    id: text(said.id),
    name: optionalText(said.name) ?? '',
    kind: optionalText(said.kind) ?? '',
    current: said.current === true,
  };
}

function session(said: Record<string, unknown>, clock: Clock, names: Map<string, string>): Session {
  return {
    id: text(said.id),
    current: said.current === true,
    createdAt: instant(said.created_at, clock),
    device: names.get(optionalText(said.device_id) ?? '') ?? null,
  };
}

function happened(said: Record<string, unknown>, clock: Clock): Happened {
  const address = optionalText(said.address);
  return {
    at: instant(said.at, clock),
    kind: text(said.kind),
    facts: address ? [address] : [],
  };
}
