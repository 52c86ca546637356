/** The program itself, for tests: its processes, its database in a new folder, and its API as an application uses it. */

import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const BUILT = fileURLToPath(new URL('../../../target/debug/countersign', import.meta.url));

const PAGES = fileURLToPath(new URL('../../dist/index.html', import.meta.url));

/** The program, as `COUNTERSIGN` names it or as cargo builds it; null where there is none. */
export const PROGRAM = [process.env.COUNTERSIGN ?? BUILT].find((path) => existsSync(path)) ?? null;

export interface Real {
  readonly address: string;
  /** Asks the API. @throws where it does not answer 2xx */
  api<T>(method: string, path: string, body?: object): Promise<T>;
  /** Runs a command of the program as an administrator does; what it printed. @throws where it fails */
  command(...words: string[]): Promise<string>;
  /** Has so many seconds pass for the server. */
  advance(seconds: number): Promise<void>;
  /** What time it is there, in milliseconds. */
  now(): number;
  close(): Promise<void>;
}

/** Settings of the configuration by the names that they have in the environment. */
export type Settings = Readonly<Record<string, string>>;

/** Starts a server with a database of its own. */
export async function start(program: string, settings: Settings = {}): Promise<Real> {
  const data = await mkdtemp(join(tmpdir(), 'countersign-real-'));
  const port = await freePort();
  // By name: browsers know no passkeys at an IP address.
  const environment = { ...process.env, COUNTERSIGN_PUBLIC_URL: `http://localhost:${port}`, ...settings };
  const words = ['serve', '--data', join(data, 'data'), '--listen', `127.0.0.1:${port}`, '--json'];
  const server = spawn(program, [...words, '--movable-clock'], {
    cwd: data,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said: string[] = [];
  server.stderr.on('data', (part: Buffer) => said.push(part.toString('utf8')));
  const ended = new Promise<void>((done) => server.once('exit', () => done()));
  const close = async () => {
    server.kill('SIGTERM');
    await ended;
    await rm(data, { recursive: true, force: true });
  };
  try {
    const first = new Promise<string>((line) => createInterface(server.stdout).once('line', line));
    const ready = await Promise.race([first, ended.then(() => null)]);
    if (ready === null) throw new Error(`the server did not start: ${said.join('')}`);
    const { address = '', administrator_key: key = '' } = JSON.parse(ready) as Record<string, string>;
    await holdsPages(address);
    return { ...client(program, address, key), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Pages of another day fail these tests in ways that say nothing. @throws where they are not those of web/dist */
async function holdsPages(address: string): Promise<void> {
  const script = /src="([^"]+\/index-[^"]+)"/.exec(await readFile(PAGES, 'utf8'))?.[1];
  if (!script || !(await fetch(`${address}${script}`)).ok)
    throw new Error('the program holds other pages than web/dist: cargo build -p countersign -p vault');
}

function client(program: string, address: string, key: string): Omit<Real, 'close'> {
  let ahead = 0;
  const api = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const answer = await fetch(`${address}${path}`, {
      method,
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text === '' ? null : JSON.parse(text)) as T;
  };
  return {
    address,
    api,
    async command(...words) {
      const connection = { COUNTERSIGN_URL: address, COUNTERSIGN_KEY: key };
      const { stdout } = await run(program, words, { env: { ...process.env, ...connection } });
      return stdout;
    },
    async advance(seconds) {
      await api('POST', '/v1/testing/clock', { advance_millis: seconds * 1000 });
      ahead += seconds * 1000;
    },
    now: () => Date.now() + ahead,
  };
}

/** A port that nobody listens on just now: an address has to be known before the server is there. */
export async function freePort(): Promise<number> {
  const listening = createServer();
  await new Promise<void>((ready) => listening.listen(0, '127.0.0.1', ready));
  const { port } = listening.address() as AddressInfo;
  await new Promise<void>((done) => listening.close(() => done()));
  return port;
}
