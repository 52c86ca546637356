import { readFileSync } from 'node:fs';
import { createPublicKey, verify, webcrypto } from 'node:crypto';
import { describe, expect, it } from 'vitest';

import { events } from '../../src/authenticator/events';
import { linkOf, ownServer } from '../../src/authenticator/protocol/link';
import { promptOf } from '../../src/authenticator/protocol/prompt';
import {
  answerBytes,
  deviceHeader,
  enrollBytes,
  newKey,
  requestBytes,
  sha256,
  sign,
  type Answer,
  type SignedRequest,
} from '../../src/authenticator/protocol/signed';
import { toBytes } from '../../src/sealed/base64url';

interface Signed {
  signed: string;
  signature: string;
}
interface Vectors {
  private_key: JsonWebKey;
  public_key: string;
  server: string;
  enroll: Signed & { token: string; token_sha256: string; name: string };
  requests: (Signed & {
    method: 'GET' | 'POST';
    path: string;
    body: string;
    body_sha256: string;
    authenticator_id: string;
    at: number;
    nonce: string;
    header: string;
  })[];
  prompt: { text: string; sha256: string };
  answers: (Signed & { answer: Answer; number: string | null })[];
  refused: (Signed & { why: string })[];
}

const vectors = JSON.parse(
  readFileSync(new URL('../../../docs/push-protocol/vectors.json', import.meta.url), 'utf8'),
) as Vectors;
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const P256 = { name: 'ECDSA', namedCurve: 'P-256' };

async function verified({ signed, signature }: Signed): Promise<boolean> {
  const key = await webcrypto.subtle.importKey('raw', toBytes(vectors.public_key), P256, false, ['verify']);
  const how = { name: 'ECDSA', hash: 'SHA-256' };
  return webcrypto.subtle.verify(how, key, Buffer.from(signature, 'base64url'), Buffer.from(signed, 'hex'));
}

describe('the vectors of docs/push-protocol.md', () => {
  it('an enrollment is signed as documented', async () => {
    const { enroll, server, public_key } = vectors;
    expect(hex(await sha256(enroll.token))).toBe(enroll.token_sha256);
    expect(hex(await enrollBytes(server, enroll.token, toBytes(public_key), enroll.name))).toBe(
      enroll.signed,
    );
    expect(await verified(enroll)).toBe(true);
  });

  it.each(vectors.requests)('$method $path is signed as documented', async (vector) => {
    const request = requestOf(vector);
    expect(hex(await sha256(vector.body))).toBe(vector.body_sha256);
    expect(hex(await requestBytes(request))).toBe(vector.signed);
    expect(await verified(vector)).toBe(true);
    const key = await webcrypto.subtle.importKey('jwk', vectors.private_key, P256, false, ['sign']);
    const header = await deviceHeader(key as CryptoKey, request);
    const signature = header.slice(-86);
    expect(header.slice(0, -86)).toBe(vector.header.slice(0, -86));
    expect(await verified({ signed: vector.signed, signature })).toBe(true);
  });

  it.each(vectors.answers)('$answer is signed as documented', async (vector) => {
    expect(hex(await sha256(vectors.prompt.text))).toBe(vectors.prompt.sha256);
    const bytes = await answerBytes(vectors.server, vectors.prompt.text, vector.answer, vector.number);
    expect(hex(bytes)).toBe(vector.signed);
    expect(await verified(vector)).toBe(true);
  });

  it.each(vectors.refused)('T-21: refused: $why', async (vector) => {
    expect(await verified(vector)).toBe(false);
  });

  it('the prompt reads', () => {
    expect(promptOf(vectors.prompt.text)).toMatchObject({
      connects: false,
      application: 'Nimbus Shop',
      shown: [
        ['Amount', '€ 250.00'],
        ['To', 'Hanna Weiss'],
      ],
      address: '203.0.113.7',
      place: null,
      digits: 2,
    });
  });
});

const requestOf = (vector: Vectors['requests'][number]): SignedRequest => ({
  server: vectors.server,
  method: vector.method,
  path: vector.path,
  body: vector.body,
  authenticator: vector.authenticator_id,
  at: vector.at,
  nonce: vector.nonce,
});

it('a new key signs, and cannot be read', async () => {
  const { key, publicKey } = await newKey();
  expect(key.extractable).toBe(false);
  await expect(crypto.subtle.exportKey('jwk', key)).rejects.toThrow();
  const bytes = await sha256('anything');
  const signature = Buffer.from(await sign(key, bytes), 'base64url');
  const x = Buffer.from(publicKey.subarray(1, 33)).toString('base64url');
  const y = Buffer.from(publicKey.subarray(33)).toString('base64url');
  const node = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  expect(verify('sha256', bytes, { key: node, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
});

describe('a link', () => {
  const token = 'q5rT8uW1xZ4aC7dF0gJ3kM6nP9sV2yB5eH8iL1oQ4tU';
  it.each([
    [`https://mfa.example.org/authenticator#enroll=${token}`, 'https://mfa.example.org'],
    [`  https://mfa.example.org:8443/authenticator#enroll=${token}\n`, 'https://mfa.example.org:8443'],
    [`https://example.org/mfa/authenticator#enroll=${token}`, 'https://example.org/mfa'],
    [`http://localhost:8420/authenticator#enroll=${token}`, 'http://localhost:8420'],
  ])('%s', (text, server) => {
    expect(linkOf(text)).toMatchObject({ server, token });
  });
  it.each([
    `http://mfa.example.org/authenticator#enroll=${token}`,
    `https://mfa.example.org/enroll#enroll=${token}`,
    `https://mfa.example.org/authenticator?enroll=${token}`,
    `https://mfa.example.org/authenticator?x=1#enroll=${token}`,
    `https://ana@mfa.example.org/authenticator#enroll=${token}`,
    'https://mfa.example.org/authenticator#enroll=short',
    `https://mfa.example.org/authenticator#enroll=${token}&x`,
    `javascript:alert(1)//authenticator#enroll=${token}`,
    'otpauth://totp/x?secret=JBSWY3DPEHPK3PXP',
    '',
  ])('is not %s', (text) => {
    expect(linkOf(text)).toBeNull();
  });
  it('knows its own server', () => {
    expect(ownServer({ origin: 'https://a.example', pathname: '/authenticator' })).toBe('https://a.example');
    expect(ownServer({ origin: 'https://a.example', pathname: '/mfa/authenticator/' })).toBe(
      'https://a.example/mfa',
    );
  });
});

describe('events', () => {
  async function read(...parts: string[]) {
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (const part of parts) controller.enqueue(new TextEncoder().encode(part));
        controller.close();
      },
    });
    const found = [];
    for await (const event of events(stream)) found.push(event);
    return found;
  }
  it('are read however they are cut', async () => {
    const text =
      ': hello\n\nevent: prompt\ndata: {"a":"€"}\n\n: ping\n\nevent: over\r\ndata: 1\r\ndata: 2\r\n\r\ndata: unfinished';
    const found = [
      { event: 'prompt', data: '{"a":"€"}' },
      { event: 'over', data: '1\n2' },
    ];
    expect(await read(text)).toEqual(found);
    expect(await read(...text)).toEqual(found);
  });
  it('a stream that falls silent is given up', async () => {
    const stream = new ReadableStream<Uint8Array>({ pull: () => new Promise(() => undefined) });
    await expect(events(stream, 20).next()).rejects.toThrow('silence');
  });
});
