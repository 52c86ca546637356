/** The key pair of one view. */

import type { Recipient } from './hpke';

/** A fresh pair. The private half cannot be read, not even by this page, wherever the browser's WebCrypto knows X25519. */
export async function newRecipient(): Promise<Recipient> {
  try {
    return await native();
  } catch (error) {
    // Browsers from before 2025 do not know the algorithm; anything else is a fault.
    if (!(error instanceof DOMException) || error.name !== 'NotSupportedError') throw error;
    return inScript();
  }
}

async function native(): Promise<Recipient> {
  const pair = (await crypto.subtle.generateKey({ name: 'X25519' }, false, ['deriveBits'])) as CryptoKeyPair;
  return {
    publicKey: new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)),
    async agree(theirs) {
      const theirKey = await crypto.subtle.importKey('raw', theirs, { name: 'X25519' }, false, []);
      const bits = await crypto.subtle.deriveBits({ name: 'X25519', public: theirKey }, pair.privateKey, 256);
      return new Uint8Array(bits);
    },
  };
}

/** The same in script, fetched only where it is needed. */
export async function inScript(): Promise<Recipient> {
  const { x25519, BASE_POINT } = await import('./x25519');
  const secret = crypto.getRandomValues(new Uint8Array(32));
  return {
    publicKey: x25519(secret, BASE_POINT),
    async agree(theirs) {
      const shared = x25519(secret, theirs);
      // A pair opens one view.
      secret.fill(0);
      return shared;
    },
  };
}
