/**
 * X25519 (RFC 7748, section 5) for browsers whose WebCrypto does not know it.
 *
 * Its time depends on the numbers, as BigInt's does. That is borne: each secret is used twice, within seconds, on the machine
 * that made it, and nobody far away can ask it for anything or time what it does.
 */

type Bytes = Uint8Array<ArrayBuffer>;

const P = 2n ** 255n - 19n;
const A24 = 121665n;

/** The u-coordinate 9, which public keys are made with. */
export const BASE_POINT: Bytes = Uint8Array.of(9, ...new Uint8Array(31));

/** `scalar` times the point with coordinate `u`; both and the result are 32 bytes. */
export function x25519(scalar: Bytes, u: Bytes): Bytes {
  if (scalar.length !== 32 || u.length !== 32) throw new Error('X25519 takes 32 bytes');
  const k = clamped(scalar);
  const x1 = number(u) & (2n ** 255n - 1n);
  let [x2, z2, x3, z3] = [1n, 0n, x1, 1n];
  let swapped = 0n;
  for (let bit = 254n; bit >= 0n; bit--) {
    const here = (k >> bit) & 1n;
    if (here !== swapped) [x2, z2, x3, z3] = [x3, z3, x2, z2];
    swapped = here;
    const a = mod(x2 + z2);
    const b = mod(x2 - z2);
    const aa = mod(a * a);
    const bb = mod(b * b);
    const e = mod(aa - bb);
    const da = mod((x3 - z3) * a);
    const cb = mod((x3 + z3) * b);
    x3 = mod((da + cb) ** 2n);
    z3 = mod(x1 * (da - cb) ** 2n);
    x2 = mod(aa * bb);
    z2 = mod(e * (aa + A24 * e));
  }
  if (swapped === 1n) [x2, z2] = [x3, z3];
  return bytes(mod(x2 * power(z2, P - 2n)));
}

function clamped(scalar: Bytes): bigint {
  return (number(scalar) & ((2n ** 255n - 1n) ^ 7n)) | (2n ** 254n);
}

function number(littleEndian: Bytes): bigint {
  return littleEndian.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}

function bytes(value: bigint): Bytes {
  return Uint8Array.from({ length: 32 }, (_, index) => Number((value >> BigInt(8 * index)) & 0xffn));
}

function mod(value: bigint): bigint {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (; exponent > 0n; exponent >>= 1n, base = mod(base * base)) {
    if (exponent & 1n) result = mod(result * base);
  }
  return result;
}
