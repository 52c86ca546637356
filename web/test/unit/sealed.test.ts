import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { open, type Recipient } from '../../src/sealed/hpke';
import { inScript, newRecipient } from '../../src/sealed/recipient';
import { openView, recipientKey } from '../../src/sealed/view';
import { BASE_POINT, x25519 } from '../../src/sealed/x25519';
import { seal } from '../mock/seal.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replace(/\s/g, ''), 'hex'));
const inHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('RFC 9180, A.1.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-128-GCM, base mode', () => {
  const secret = hex('4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8');
  const recipient: Recipient = {
    publicKey: hex('3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d'),
    agree: async (theirs) => x25519(secret, theirs),
  };
  const sealed = {
    enc: hex('37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431'),
    ciphertext: hex(
      'f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a',
    ),
  };
  const info = hex('4f6465206f6e2061204772656369616e2055726e');
  const aad = hex('436f756e742d30');
  const aead = { id: 0x0001, keyLength: 16 };

  it('opens', async () => {
    const plain = await open(recipient, sealed, info, aad, aead);
    expect(new TextDecoder().decode(plain)).toBe('Beauty is truth, truth beauty');
  });

  it.each([
    ['for another info', sealed, hex('00'), aad],
    ['with other associated data', sealed, info, hex('436f756e742d31')],
    [
      'that was changed',
      { ...sealed, ciphertext: sealed.ciphertext.map((byte, at) => (at === 3 ? byte ^ 1 : byte)) },
      info,
      aad,
    ],
    ['with a key of low order', { ...sealed, enc: new Uint8Array(32) }, info, aad],
  ])('does not open what was sealed %s', async (_, wrong, otherInfo, otherAad) => {
    await expect(open(recipient, wrong, otherInfo, otherAad, aead)).rejects.toThrow();
  });
});

describe('RFC 7748: X25519', () => {
  it.each([
    [
      'a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4',
      'e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c',
      'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552',
    ],
    [
      '4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d',
      'e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493',
      '95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957',
    ],
  ])('section 5.2', (scalar, u, result) => {
    expect(inHex(x25519(hex(scalar), hex(u)))).toBe(result);
  });

  it('section 5.2, after a thousand rounds', () => {
    let [k, u] = [BASE_POINT, BASE_POINT];
    for (let round = 0; round < 1000; round++) [k, u] = [x25519(k, u), k];
    expect(inHex(k)).toBe('684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51');
  });
});

describe.each([
  ['WebCrypto', newRecipient],
  ['script', inScript],
])('P-05: a view sealed to a key pair of %s', (_, made) => {
  const id = `ath_${randomBytes(16).toString('hex')}`;
  const key = { uri: 'otpauth://totp/Shop:ana?secret=JBSWY3DPEHPK3PXP', secret: 'JBSWY3DPEHPK3PXP' };

  it('opens', async () => {
    const recipient = await made();
    expect(await openView(recipient, seal(recipientKey(recipient), id, JSON.stringify(key)), id)).toEqual(
      key,
    );
  });

  it('opens for nobody else, and for no other authenticator', async () => {
    const [one, other] = [await made(), await made()];
    const sealed = seal(recipientKey(one), id, JSON.stringify(key));
    await expect(openView(other, sealed, id)).rejects.toThrow();
    await expect(openView(await made(), sealed, id)).rejects.toThrow();
    await expect(openView(one, sealed, `ath_${'1'.repeat(32)}`)).rejects.toThrow();
  });

  it('is refused where it holds something else than a key', async () => {
    const recipient = await made();
    const evil = JSON.stringify({ uri: 'javascript:alert(1)', secret: 'A' });
    await expect(openView(recipient, seal(recipientKey(recipient), id, evil), id)).rejects.toThrow('no key');
  });
});
