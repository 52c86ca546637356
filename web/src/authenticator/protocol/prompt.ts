/** What is asked. Everything in it comes from elsewhere, and is text to be shown and nothing else. */

export interface Prompt {
  readonly id: string;
  /** Whether it is the first one, which shows that the right phone was connected. */
  readonly connects: boolean;
  readonly application: string;
  readonly account: string;
  readonly action: string;
  /** Names and texts, in the order in which they are shown. */
  readonly shown: readonly (readonly [string, string])[];
  readonly address: string | null;
  readonly place: string | null;
  readonly device: string | null;
  /** Milliseconds, by the server's clock. */
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly digits: number;
}

/** A prompt of which this app knows no more than its id: it was made for a newer one. */
export interface Unknown {
  readonly id: string;
  readonly unknown: true;
}

const VERSION = 1;

/** @throws where the text is no prompt */
export function promptOf(text: string): Prompt | Unknown {
  const said = record(JSON.parse(text));
  const id = string(said.id);
  if (said.v !== VERSION) return { id, unknown: true };
  const from = record(said.asked_from ?? {});
  const digits = Number(said.digits);
  if (!Number.isInteger(digits) || digits < 2 || digits > 6) throw new TypeError('digits');
  return {
    id,
    connects: typeof said.challenge_id !== 'string',
    application: string(said.application),
    account: string(said.account),
    action: string(said.action),
    shown: list(said.shown).map((pair) => {
      const [name, shown] = list(pair);
      return [string(name), string(shown)] as const;
    }),
    address: optional(from.address),
    place: optional(from.place),
    device: optional(from.device),
    createdAt: time(said.created_at),
    expiresAt: time(said.expires_at),
    digits,
  };
}

function record(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new TypeError('object');
  return value as Record<string, unknown>;
}

function list(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new TypeError('list');
  return value;
}

function string(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('string');
  return value;
}

const optional = (value: unknown): string | null =>
  typeof value === 'string' && value !== '' ? value : null;

function time(value: unknown): number {
  const at = Date.parse(string(value));
  if (Number.isNaN(at)) throw new TypeError('time');
  return at;
}
