/** The bytes that the app signs, and signing them: docs/push-protocol.md. */

import { toText } from '../../sealed/base64url';

export type Bytes = Uint8Array<ArrayBuffer>;

const utf8 = (text: string): Bytes => new TextEncoder().encode(text) as Bytes;

/** Fields, each with its length before it: eight bytes, big-endian. */
function joined(...fields: readonly (Bytes | string)[]): Bytes {
  const parts = fields.map((field) => (typeof field === 'string' ? utf8(field) : field));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + 8 + part.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const part of parts) {
    view.setBigUint64(at, BigInt(part.length));
    bytes.set(part, at + 8);
    at += 8 + part.length;
  }
  return bytes;
}

export async function sha256(text: string): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', utf8(text)));
}

export async function enrollBytes(
  server: string,
  token: string,
  publicKey: Bytes,
  name: string,
): Promise<Bytes> {
  return joined('countersign push enroll v1', server, await sha256(token), publicKey, name);
}

export interface SignedRequest {
  readonly server: string;
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body: string;
  readonly authenticator: string;
  /** Milliseconds, by the server's clock. */
  readonly at: number;
  readonly nonce: string;
}

export async function requestBytes(request: SignedRequest): Promise<Bytes> {
  const { server, method, path, authenticator, at, nonce } = request;
  const body = await sha256(request.body);
  return joined('countersign push request v1', server, method, path, body, authenticator, String(at), nonce);
}

export type Answer = 'approve' | 'deny' | 'fraud';

export async function answerBytes(
  server: string,
  promptText: string,
  answer: Answer,
  number: string | null,
): Promise<Bytes> {
  return joined('countersign push answer v1', server, await sha256(promptText), answer, number ?? '');
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;

/** A key for one account. Its private half cannot be read, by this page or any other. */
export async function newKey(): Promise<{ key: CryptoKey; publicKey: Bytes }> {
  const pair = await crypto.subtle.generateKey(P256, false, ['sign', 'verify']);
  return {
    key: pair.privateKey,
    publicKey: new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)),
  };
}

/** The signature, as it is sent. */
export async function sign(key: CryptoKey, bytes: Bytes): Promise<string> {
  return toText(new Uint8Array(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key, bytes)));
}

/** The header `Countersign-Device`. */
export async function deviceHeader(key: CryptoKey, request: SignedRequest): Promise<string> {
  const signature = await sign(key, await requestBytes(request));
  return `${request.authenticator};t=${request.at};n=${request.nonce};s=${signature}`;
}

export const newNonce = (): string => toText(crypto.getRandomValues(new Uint8Array(16)));
