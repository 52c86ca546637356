/** Those who carry messages, as stand-ins on loopback: an API for text messages, and a mail relay. */

import { createServer as createHttp } from 'node:http';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createInterface } from 'node:readline';

import type { Settings } from './server.ts';

export interface Carriers {
  /** What makes a server send by them. */
  readonly settings: Settings;
  /** Text messages so far, the newest last: to whom, and what. */
  readonly texts: readonly Message[];
  readonly mails: readonly Message[];
  /** Nothing is taken from here on, or all again. */
  refuse(refused: boolean): void;
  close(): Promise<void>;
}

export interface Message {
  readonly to: string;
  readonly text: string;
}

/** The code in the newest of them: the first six digits that are a word. */
export const newest = (messages: readonly Message[]): string =>
  /(?<!\S)\d{6}(?![^\s.,:])/.exec(messages.at(-1)?.text ?? '')?.[0] ?? '';

export async function carriers(): Promise<Carriers> {
  const texts: Message[] = [];
  const mails: Message[] = [];
  let refused = false;
  const api = createHttp((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      if (refused) return void response.writeHead(503).end();
      texts.push(JSON.parse(Buffer.concat(parts).toString('utf8')) as Message);
      response.writeHead(201, { 'Content-Type': 'application/json' }).end('{"id":"1"}');
    });
  });
  const relay = createServer((socket) => relayed(socket, (mail) => mails.push(mail)));
  const [apiPort, relayPort] = [await listening(api), await listening(relay)];
  return {
    settings: {
      COUNTERSIGN_GATEWAY_TEXTS_KIND: 'http',
      COUNTERSIGN_GATEWAY_TEXTS_URL: `http://127.0.0.1:${apiPort}/send`,
      COUNTERSIGN_GATEWAY_TEXTS_BODY: '{"to": "{{ to }}", "text": "{{ text }}"}',
      COUNTERSIGN_GATEWAY_MAIL_KIND: 'smtp',
      COUNTERSIGN_GATEWAY_MAIL_HOST: `localhost:${relayPort}`,
      COUNTERSIGN_GATEWAY_MAIL_ENCRYPTION: 'none',
      COUNTERSIGN_GATEWAY_MAIL_FROM: 'Shop <no-reply@example.com>',
      COUNTERSIGN_SMS_COUNTRIES: 'GB',
      COUNTERSIGN_OUTSIDE_ALLOWED: '127.0.0.1',
    },
    texts,
    mails,
    refuse: (wanted) => void (refused = wanted),
    async close() {
      await Promise.all([api, relay].map((server) => new Promise((done) => server.close(done))));
    },
  };
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return (server.address() as AddressInfo).port;
}

/** One conversation of a mail relay (RFC 5321) that takes everything. */
function relayed(socket: Socket, take: (mail: Message) => void) {
  const say = (line: string) => socket.write(`${line}\r\n`);
  let to = '';
  let text: string[] | null = null;
  socket.on('error', () => undefined);
  say('220 relay');
  createInterface(socket).on('line', (line) => {
    if (text) {
      if (line !== '.') return void text.push(line);
      // Without its headers, in which there are digits as well.
      take({ to, text: text.slice(text.indexOf('') + 1).join('\n') });
      text = null;
      return void say('250 taken');
    }
    const [verb = ''] = line.toUpperCase().split(/[ :]/);
    if (verb === 'RCPT') to = /<(.*)>/.exec(line)?.[1] ?? '';
    if (verb === 'DATA') text = [];
    say({ DATA: '354 go on', QUIT: '221 bye' }[verb] ?? '250 well');
    if (verb === 'QUIT') socket.end();
  });
}
