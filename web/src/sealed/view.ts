/** The one view of an authenticator's key, as the vault sealed it for this page. */

import { toBytes, toText } from './base64url';
import { open, type Recipient } from './hpke';

/** A key in the clear. It is kept for as long as it is shown, and by nothing but the page's memory. */
export interface Key {
  /** The `otpauth://` URI. */
  readonly uri: string;
  /** The same key in Base32, for typing. */
  readonly secret: string;
}

/** What the server relays and cannot read. */
export interface SealedView {
  readonly enc: string;
  readonly ciphertext: string;
}

const INFO = Uint8Array.from(new TextEncoder().encode('countersign provisioning view v1'));

/** What `recipient_key` takes. */
export const recipientKey = (recipient: Recipient): string => toText(recipient.publicKey);

/** Opens a view. @throws where it was sealed for another page or authenticator, or holds no key. */
export async function openView(
  recipient: Recipient,
  sealed: SealedView,
  authenticatorId: string,
): Promise<Key> {
  const parts = { enc: toBytes(sealed.enc), ciphertext: toBytes(sealed.ciphertext) };
  const plain = await open(recipient, parts, INFO, idBytes(authenticatorId));
  try {
    return key(JSON.parse(new TextDecoder().decode(plain)));
  } finally {
    plain.fill(0);
  }
}

/** The 16 bytes of `ath_…`: a view is bound to its authenticator. */
function idBytes(id: string): Uint8Array<ArrayBuffer> {
  const hex = /^ath_([0-9a-f]{32})$/.exec(id)?.[1];
  if (hex === undefined) throw new Error('not an id of an authenticator');
  return Uint8Array.from({ length: 16 }, (_, index) =>
    Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16),
  );
}

function key(value: unknown): Key {
  const { uri, secret } = value as Partial<Record<'uri' | 'secret', unknown>>;
  // The URI becomes a link, so it must be what it says that it is.
  if (typeof uri !== 'string' || !uri.startsWith('otpauth://') || typeof secret !== 'string') {
    throw new Error('the view holds no key');
  }
  return { uri, secret };
}
