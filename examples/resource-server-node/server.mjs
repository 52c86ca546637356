/**
 * A resource server with two resources: a balance for whoever is logged in, and payments for whoever just proved who they are.
 *
 *     COUNTERSIGN_URL=http://127.0.0.1:8420 COUNTERSIGN_APPLICATION=app_… PORT=8432 node server.mjs
 */

import { createServer } from 'node:http';

import { Guard, isAbout } from './countersign.mjs';

const { COUNTERSIGN_URL, COUNTERSIGN_APPLICATION, PORT = '8432', ORIGIN = `http://127.0.0.1:${PORT}` } = process.env;
const guard = new Guard({ issuer: COUNTERSIGN_URL, audiences: [COUNTERSIGN_APPLICATION], origin: ORIGIN });

function answer(response, status, body) {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

const balance = (_, response, claims) => answer(response, 200, { balance: 4200, of: claims.sub });

async function payments(request, response, claims) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const payment = JSON.parse(Buffer.concat(chunks).toString());
  // The assertion is for this payment: amount and payee are what the person saw and proved.
  if (!isAbout(claims, 'payment.send', payment)) return answer(response, 403, { error: 'that is not what was proved' });
  answer(response, 200, { paid: payment });
}

const routes = {
  'GET /balance': guard.protect({}, balance),
  'POST /payments': guard.protect({ level: 'aal2', maxAge: 300, action: 'payment.send', bound: true }, payments),
};

const server = createServer((request, response) => {
  const route = routes[`${request.method} ${request.url.split('?')[0]}`];
  if (!route) return answer(response, 404, {});
  route(request, response).catch(() => response.headersSent || answer(response, 400, {}));
});
server.listen(Number(PORT), '127.0.0.1', () => console.log(`listening on ${ORIGIN}`));
