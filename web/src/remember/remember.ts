/**
 * Remembering this browser after a proof, and proving by that later. Nothing here ever stops a page: where something fails, a code is
 * asked for.
 */

import { Failure } from '../flow/server';
import { toBytes, toText } from '../sealed/base64url';
import { isProof, ownKey } from './fields';
import { drop, find, keep } from './kept';

/** What the server says of it at the step `prove`. */
export interface Remember {
  /** Seconds. */
  readonly lifetime: number;
  /** The person's browsers that are remembered. */
  readonly browsers: readonly string[];
}

/** Asks the server, and answers what it says as it stands; fails where it says no. */
export type Ask = (verb: 'prompt' | 'remember', body: Record<string, unknown>) => Promise<unknown>;

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;

export function rememberOf(value: unknown): Remember | null {
  const said = value as Partial<Record<keyof Remember, unknown>> | null | undefined;
  if (typeof said?.lifetime !== 'number' || !Array.isArray(said.browsers)) return null;
  const browsers = said.browsers.filter((id): id is string => typeof id === 'string');
  return { lifetime: said.lifetime, browsers };
}

/** Has this browser remembered, after a proof. */
export async function remember(token: string, ask: Ask): Promise<boolean> {
  try {
    const pair = await crypto.subtle.generateKey(P256, false, ['sign', 'verify']);
    const point = new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey));
    const signature = await sign(pair.privateKey, ownKey(token, point));
    const body = { public_key: toText(point), signature, label: nameOf(navigator.userAgent) };
    const kept = (await ask('remember', body)) as { authenticator_id?: unknown };
    if (typeof kept.authenticator_id !== 'string') return false;
    await keep(kept.authenticator_id, pair.privateKey);
    return true;
  } catch {
    return false;
  }
}

/** Proves by being remembered; what comes of it, or null where that is not to be. */
export async function proveRemembered<T>(
  wish: Remember,
  ask: Ask,
  prove: (proof: Record<string, unknown>) => Promise<T>,
): Promise<T | null> {
  try {
    const kept = await find(wish.browsers);
    if (!kept) return null;
    const asked = (await ask('prompt', { kind: 'browser', authenticator_id: kept.id })) as {
      prompt?: { id?: unknown; sign?: unknown };
    };
    const bytes = toBytes(String(asked.prompt?.sign));
    if (!isProof(bytes)) return null;
    const proof = { browser: await sign(kept.key, bytes), prompt_id: asked.prompt?.id };
    return await prove(proof).catch((error: unknown) => forgotten(kept.id, error));
  } catch {
    return null;
  }
}

/** A key that is good for nothing any more is not tried again. */
async function forgotten(id: string, error: unknown): Promise<null> {
  if (error instanceof Failure && error.trouble === 'refused') await drop(id);
  return null;
}

async function sign(key: CryptoKey, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return toText(new Uint8Array(await crypto.subtle.sign(SIGNATURE, key, bytes)));
}

const BROWSERS = [
  ['Edg', 'Edge'],
  ['OPR', 'Opera'],
  ['Firefox', 'Firefox'],
  ['FxiOS', 'Firefox'],
  ['Chrome', 'Chrome'],
  ['CriOS', 'Chrome'],
  ['Safari', 'Safari'],
] as const;
const SYSTEMS = [
  ['Android', 'Android'],
  ['iPhone', 'iPhone'],
  ['iPad', 'iPad'],
  ['Mac OS', 'Mac'],
  ['Windows', 'Windows'],
  ['CrOS', 'ChromeOS'],
  ['Linux', 'Linux'],
] as const;

/** What its owner will know the browser by, as far as it says. */
export function nameOf(agent: string): string {
  const named = (list: readonly (readonly [string, string])[]) =>
    list.find(([mark]) => agent.includes(mark))?.[1];
  const parts = [named(BROWSERS), named(SYSTEMS)].filter((part) => part !== undefined);
  return parts.join(', ') || 'Browser';
}
