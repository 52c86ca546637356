/**
 * The server's side of WebAuthn, as far as tests need it: ES256, no attestation; each signature is checked for real. Written by hand
 * against Web Authentication Level 3, section 7, so that it shares nothing with what it tests.
 */

import { createHash, createPublicKey, verify, type KeyObject } from 'node:crypto';

export interface Passkey {
  readonly credentialId: string;
  readonly publicKey: KeyObject;
  signCount: number;
}

type Json = Record<string, unknown>;

const RP_ID = 'localhost';
const USER_PRESENT = 0x01;
const HAS_CREDENTIAL = 0x40;

export function creationOptions(challenge: string, exclude: readonly string[]): object {
  return {
    challenge,
    rp: { id: RP_ID, name: 'Shop' },
    user: { id: 'YW5h', name: 'ana@example.org', displayName: 'Ana' },
    pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
    timeout: 60_000,
    excludeCredentials: exclude.map((id) => ({ type: 'public-key', id })),
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
    attestation: 'none',
  };
}

export function requestOptions(challenge: string, allow: readonly string[]): object {
  return {
    challenge,
    rpId: RP_ID,
    timeout: 60_000,
    allowCredentials: allow.map((id) => ({ type: 'public-key', id })),
    userVerification: 'preferred',
  };
}

/** Section 7.1. @throws where it does not prove anything */
export function registered(credential: unknown, challenge: string): Passkey {
  const { id, response } = credential as { id: string; response: Json };
  client(response, 'webauthn.create', challenge);
  const attestation = decode(bytes(response.attestationObject)) as Map<unknown, unknown>;
  const data = attestation.get('authData') as Buffer;
  const { flags, signCount } = header(data);
  if (!(flags & HAS_CREDENTIAL)) throw new Error('no credential');
  const length = data.readUInt16BE(53);
  const credentialId = data.subarray(55, 55 + length).toString('base64url');
  if (credentialId !== id) throw new Error('another credential');
  const cose = decode(data.subarray(55 + length)) as Map<number, unknown>;
  if (cose.get(3) !== -7) throw new Error('not ES256');
  const [x, y] = [cose.get(-2), cose.get(-3)].map((part) => (part as Buffer).toString('base64url'));
  const publicKey = createPublicKey({
    key: { kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' },
    format: 'jwk',
  });
  return { credentialId, publicKey, signCount };
}

/** Section 7.2. @throws where it does not prove anything */
export function asserted(credential: unknown, challenge: string, passkeys: readonly Passkey[]): Passkey {
  const { id, response } = credential as { id: string; response: Json };
  const passkey = passkeys.find((one) => one.credentialId === id);
  if (!passkey) throw new Error('an unknown credential');
  const clientData = client(response, 'webauthn.get', challenge);
  const data = bytes(response.authenticatorData);
  const signed = Buffer.concat([data, createHash('sha256').update(clientData).digest()]);
  if (!verify('sha256', signed, passkey.publicKey, bytes(response.signature)))
    throw new Error('a wrong signature');
  const { signCount } = header(data);
  if (signCount !== 0 && signCount <= passkey.signCount) throw new Error('the counter went back');
  passkey.signCount = signCount;
  return passkey;
}

function client(response: Json, type: string, challenge: string): Buffer {
  const raw = bytes(response.clientDataJSON);
  const said = JSON.parse(raw.toString('utf8')) as Json;
  if (said.type !== type || said.challenge !== challenge) throw new Error('for another ceremony');
  if (!/^http:\/\/localhost:\d+$/.test(String(said.origin)) || said.crossOrigin === true)
    throw new Error('elsewhere');
  return raw;
}

function header(data: Buffer): { flags: number; signCount: number } {
  const rp = createHash('sha256').update(RP_ID).digest();
  const flags = data.readUInt8(32);
  if (!data.subarray(0, 32).equals(rp) || !(flags & USER_PRESENT)) throw new Error('for another place');
  return { flags, signCount: data.readUInt32BE(33) };
}

const bytes = (value: unknown): Buffer => Buffer.from(String(value), 'base64url');

/** The first value of CBOR data (RFC 8949), of the kinds that authenticators write. */
function decode(data: Buffer): unknown {
  let at = 0;
  const value = (): unknown => {
    const first = data.readUInt8(at++);
    const length = argument(first & 0x1f);
    switch (first >> 5) {
      case 0:
        return length;
      case 1:
        return -1 - length;
      case 2:
        return data.subarray(at, (at += length));
      case 3:
        return data.subarray(at, (at += length)).toString('utf8');
      case 4:
        return Array.from({ length }, value);
      case 5:
        return new Map(Array.from({ length }, () => [value(), value()] as const));
      default:
        throw new Error('no CBOR of an authenticator');
    }
  };
  const argument = (short: number): number => {
    if (short < 24) return short;
    const size = 1 << (short - 24);
    const long = data.readUIntBE(at, size);
    at += size;
    return long;
  };
  return value();
}
