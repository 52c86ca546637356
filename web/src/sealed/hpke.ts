/**
 * Opening what was sealed to this page: HPKE (RFC 9180), base mode, single shot,
 * DHKEM(X25519, HKDF-SHA256) with HKDF-SHA256 and AES-GCM. docs/guide/hpke.md tells how Countersign uses it.
 */

type Bytes = Uint8Array<ArrayBuffer>;

/** The private half of a key pair: what it agrees on with another's public half, and nothing else. */
export interface Recipient {
  /** The public half, 32 bytes. */
  readonly publicKey: Bytes;
  /** The X25519 shared secret with `theirs`, 32 bytes. */
  agree(theirs: Bytes): Promise<Bytes>;
}

/** An AEAD by its number in RFC 9180, section 7.3, and the length of its key in bytes. */
export interface Aead {
  readonly id: number;
  readonly keyLength: number;
}

/** What Countersign seals with. */
export const AES_256_GCM: Aead = { id: 0x0002, keyLength: 32 };

export interface Sealed {
  readonly enc: Bytes;
  readonly ciphertext: Bytes;
}

const KEM_ID = 0x0020;
const KDF_ID = 0x0001;
const MODE_BASE = 0x00;
const NOTHING = new Uint8Array(0);

/** Opens `sealed`. @throws where it was sealed to another key, for another `info` or `aad`, or was changed. */
export async function open(
  recipient: Recipient,
  sealed: Sealed,
  info: Bytes,
  aad: Bytes,
  aead: Aead = AES_256_GCM,
): Promise<Bytes> {
  const shared = await decap(recipient, sealed.enc);
  const { key, nonce } = await keySchedule(shared, info, aead);
  const aes = await crypto.subtle.importKey('raw', key, 'AES-GCM', false, ['decrypt']);
  const plain = await crypto.subtle.decrypt(
    { name: 'AES-GCM', iv: nonce, additionalData: aad },
    aes,
    sealed.ciphertext,
  );
  return new Uint8Array(plain);
}

/** RFC 9180, section 4.1. */
async function decap(recipient: Recipient, enc: Bytes): Promise<Bytes> {
  const suite = join(utf8('KEM'), two(KEM_ID));
  const dh = await recipient.agree(enc);
  // Section 7.1.4: an all-zero result means that their key was one of the few that agree on nothing.
  if (dh.every((byte) => byte === 0)) throw new Error('the encapsulated key is of low order');
  const prk = await extract(suite, NOTHING, 'eae_prk', dh);
  return expand(suite, prk, 'shared_secret', join(enc, recipient.publicKey), 32);
}

/** RFC 9180, section 5.1, without a pre-shared key. */
export async function keySchedule(
  shared: Bytes,
  info: Bytes,
  aead: Aead,
): Promise<{ key: Bytes; nonce: Bytes }> {
  const suite = join(utf8('HPKE'), two(KEM_ID), two(KDF_ID), two(aead.id));
  const context = join(
    Uint8Array.of(MODE_BASE),
    await extract(suite, NOTHING, 'psk_id_hash', NOTHING),
    await extract(suite, NOTHING, 'info_hash', info),
  );
  const secret = await extract(suite, shared, 'secret', NOTHING);
  return {
    key: await expand(suite, secret, 'key', context, aead.keyLength),
    nonce: await expand(suite, secret, 'base_nonce', context, 12),
  };
}

function extract(suite: Bytes, salt: Bytes, label: string, ikm: Bytes): Promise<Bytes> {
  const material = join(utf8('HPKE-v1'), suite, utf8(label), ikm);
  return hmac(salt.length > 0 ? salt : new Uint8Array(32), material);
}

/** No output here is longer than one block of HKDF-Expand, 32 bytes. */
async function expand(suite: Bytes, prk: Bytes, label: string, info: Bytes, length: number): Promise<Bytes> {
  const labelled = join(two(length), utf8('HPKE-v1'), suite, utf8(label), info);
  return (await hmac(prk, join(labelled, Uint8Array.of(1)))).slice(0, length);
}

async function hmac(key: Bytes, data: Bytes): Promise<Bytes> {
  const hmacKey = await crypto.subtle.importKey('raw', key, { name: 'HMAC', hash: 'SHA-256' }, false, [
    'sign',
  ]);
  return new Uint8Array(await crypto.subtle.sign('HMAC', hmacKey, data));
}

const utf8 = (text: string): Bytes => Uint8Array.from(new TextEncoder().encode(text));
const two = (number: number): Bytes => Uint8Array.of(number >> 8, number & 0xff);

function join(...parts: Bytes[]): Bytes {
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
