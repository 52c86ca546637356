/** Reading what came over the wire: each of these throws where a value is not what it should be. */

/** The same moment by two clocks, in milliseconds: the server's and this machine's, which may be wrong. */
export interface Clock {
  /** The latest that it may be there. */
  readonly theirs: number;
  /** By how much it may be earlier there. */
  readonly unsure: number;
  readonly ours: number;
}

export function record(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error('an object was expected');
  return value as Record<string, unknown>;
}

export function list(value: unknown): unknown[] {
  if (value == null) return [];
  if (!Array.isArray(value)) throw new Error('a list was expected');
  return value;
}

export function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error('a text was expected');
  return value;
}

export const optionalText = (value: unknown): string | null => (value == null ? null : text(value));

/** A time of the server's, by this machine's clock: rather too soon, as when something ends, than too late. */
export function instant(value: unknown, clock: Clock): number {
  const milliseconds = Date.parse(text(value));
  if (Number.isNaN(milliseconds)) throw new Error('a time was expected');
  return clock.ours + milliseconds - clock.theirs;
}

export const optionalTime = (value: unknown, clock: Clock): number | null =>
  value == null ? null : instant(value, clock);

/** From when something can be done: rather too late than too soon, when the server would refuse it. */
export const optionalStart = (value: unknown, clock: Clock): number | null =>
  value == null ? null : instant(value, clock) + clock.unsure;

export function oneOf<T extends string>(value: unknown, wanted: readonly T[]): T {
  const [found] = known([value], wanted);
  if (found === undefined) throw new Error(`none of ${wanted.join(', ')}`);
  return found;
}

/** Those that this page knows: a newer server may offer more. */
export function known<T extends string>(values: readonly unknown[], wanted: readonly T[]): T[] {
  return values.filter((value): value is T => (wanted as readonly unknown[]).includes(value));
}
