/**
 * An application that pays for its user: is told what is wanted, has the session stepped up, and goes on.
 *
 *     COUNTERSIGN_URL=… COUNTERSIGN_KEY=csk_… SESSION=ses_… RESOURCE=http://127.0.0.1:8432 node client.mjs
 */

import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createInterface } from 'node:readline/promises';

import { compact, sha256 } from './countersign.mjs';

const { COUNTERSIGN_URL, COUNTERSIGN_KEY, SESSION, RESOURCE } = process.env;
const payment = { amount: 5000, payee: 'Hanna Weiß' };

// The key that the assertion is bound to: whoever steals the assertion alone has nothing.
const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const { crv, kty, x, y } = publicKey.export({ format: 'jwk' });
const jwk = { crv, kty, x, y };

async function send(method, url, body, headers) {
  const answer = await fetch(url, { method, body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', ...headers } });
  return { status: answer.status, challenge: answer.headers.get('WWW-Authenticate') ?? '', body: JSON.parse((await answer.text()) || '{}') };
}

async function countersign(path, body) {
  const answer = await send('POST', COUNTERSIGN_URL + path, body, { Authorization: `Bearer ${COUNTERSIGN_KEY}` });
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  return answer.body;
}

const decide = (wanted = {}) =>
  countersign(`/v1/sessions/${SESSION}/decide`, {
    action: 'payment.send',
    context: payment,
    cnf: { jkt: sha256(compact(jwk)) },
    ...wanted,
  });

function pay(assertion) {
  const url = `${RESOURCE}/payments`;
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const header = { typ: 'dpop+jwt', alg: 'ES256', jwk };
  const claims = { jti: randomUUID(), htm: 'POST', htu: url, iat: Math.floor(Date.now() / 1000), ath: sha256(assertion) };
  const signed = `${encode(header)}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url');
  return send('POST', url, payment, { Authorization: `DPoP ${assertion}`, DPoP: `${signed}.${signature}` });
}

let answer = await pay((await decide()).assertion);
console.log(answer.status, answer.challenge);
if (answer.status === 401 && answer.challenge.includes('error="insufficient_user_authentication"')) {
  // What the resource server wants is handed on as it stands.
  const said = Object.fromEntries([...answer.challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]));
  const wanted = { acr_values: said.acr_values, max_age: Number(said.max_age) };
  let decision = await decide(wanted);
  if (decision.outcome === 'step_up') {
    const terminal = createInterface({ input: process.stdin, output: process.stdout });
    const code = await terminal.question('Code: ');
    terminal.close();
    await countersign(`/v1/challenges/${decision.challenge.id}/verify`, { code });
    decision = await decide(wanted);
  }
  answer = await pay(decision.assertion);
}
console.log(answer.status, JSON.stringify(answer.body));
