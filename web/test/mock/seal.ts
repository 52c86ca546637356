/**
 * Seals a view as the vault does: HPKE (RFC 9180), base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM.
 * Written against Node's own HKDF and by itself, so that a mistake in src/sealed is not made twice.
 */

import { createCipheriv, createHmac, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';

const KEM = Buffer.from('KEM\x00\x20', 'latin1');
const HPKE = Buffer.from('HPKE\x00\x20\x00\x01\x00\x02', 'latin1');
const NONE = Buffer.alloc(0);

export function seal(recipientKey: string, authenticatorId: string, plaintext: string) {
  const recipient = Buffer.from(recipientKey, 'base64url');
  const theirs = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x: recipientKey }, format: 'jwk' });
  const own = generateKeyPairSync('x25519');
  const enc = Buffer.from(own.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const dh = diffieHellman({ privateKey: own.privateKey, publicKey: theirs });
  const shared = expanded(
    KEM,
    extracted(KEM, NONE, 'eae_prk', dh),
    'shared_secret',
    Buffer.concat([enc, recipient]),
    32,
  );

  const info = Buffer.from('countersign provisioning view v1');
  const ids = [extracted(HPKE, NONE, 'psk_id_hash', NONE), extracted(HPKE, NONE, 'info_hash', info)];
  const context = Buffer.concat([Buffer.of(0), ...ids]);
  const secret = extracted(HPKE, shared, 'secret', NONE);
  const key = expanded(HPKE, secret, 'key', context, 32);
  const nonce = expanded(HPKE, secret, 'base_nonce', context, 12);

  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(Buffer.from(authenticatorId.slice('ath_'.length), 'hex'));
  const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()]);
  return { enc: enc.toString('base64url'), ciphertext: ciphertext.toString('base64url') };
}

function extracted(suite: Buffer, salt: Buffer, label: string, material: Buffer): Buffer {
  return mac(salt, Buffer.from('HPKE-v1'), suite, Buffer.from(label), material);
}

function expanded(suite: Buffer, prk: Buffer, label: string, info: Buffer, length: number): Buffer {
  const size = Buffer.of(length >> 8, length & 0xff);
  return mac(prk, size, Buffer.from('HPKE-v1'), suite, Buffer.from(label), info, Buffer.of(1)).subarray(
    0,
    length,
  );
}

function mac(key: Buffer, ...parts: Buffer[]): Buffer {
  return createHmac('sha256', key).update(Buffer.concat(parts)).digest();
}
