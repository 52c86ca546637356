/** What a remembered browser signs to show that a key is its own: docs/guide/pages.md. */

type Bytes = Uint8Array<ArrayBuffer>;

const utf8 = (text: string) => new TextEncoder().encode(text) as Bytes;

/** Fields, each with its length before it: eight bytes, big-endian. */
export function joined(...fields: readonly Bytes[]): Bytes {
  const bytes = new Uint8Array(fields.reduce((sum, field) => sum + 8 + field.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const field of fields) {
    view.setBigUint64(at, BigInt(field.length));
    bytes.set(field, at + 8);
    at += 8 + field.length;
  }
  return bytes;
}

export function ownKey(token: string, publicKey: Bytes): Bytes {
  return joined(utf8('countersign browser key v1'), utf8(token), publicKey);
}

const PROOF = utf8('countersign browser proof v1');

/** Whether bytes that the server wants signed are a proof, and nothing else that a signature could be good for. */
export function isProof(bytes: Bytes): boolean {
  const begins = joined(PROOF);
  return begins.every((byte, at) => bytes[at] === byte);
}
