/** The program itself, for tests: its processes, its database in a new folder, and its API as an application uses it. */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BUILT = fileURLToPath(new URL('../../../target/debug/countersign', import.meta.url));

const PAGES = fileURLToPath(new URL('../../dist/index.html', import.meta.url));

/** The program, as `COUNTERSIGN` names it or as cargo builds it; null where there is none. */
export const PROGRAM = [process.env.COUNTERSIGN ?? BUILT].find((path) => existsSync(path)) ?? null;

export interface Real {
  readonly address: string;
  /** Asks the API. @throws where it does not answer 2xx */
  api<T>(method: string, path: string, body?: object): Promise<T>;
  close(): Promise<void>;
}

/** Starts a server with a database of its own. */
export async function start(program: string): Promise<Real> {
  const data = await mkdtemp(join(tmpdir(), 'countersign-real-'));
  const words = ['serve', '--data', join(data, 'data'), '--listen', '127.0.0.1:0', '--json'];
  const process = spawn(program, words, { cwd: data, stdio: ['ignore', 'pipe', 'pipe'] });
  const said: string[] = [];
  process.stderr.on('data', (part: Buffer) => said.push(part.toString('utf8')));
  const ended = new Promise<void>((done) => process.once('exit', () => done()));
  const close = async () => {
    process.kill('SIGTERM');
    await ended;
    await rm(data, { recursive: true, force: true });
  };
  try {
    const first = new Promise<string>((line) => createInterface(process.stdout).once('line', line));
    const ready = await Promise.race([first, ended.then(() => null)]);
    if (ready === null) throw new Error(`the server did not start: ${said.join('')}`);
    const { address = '', administrator_key: key = '' } = JSON.parse(ready) as Record<string, string>;
    await holdsPages(address);
    return { address, api: asking(address, key), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Pages of another day fail these tests in ways that say nothing. @throws where they are not those of web/dist */
async function holdsPages(address: string): Promise<void> {
  const script = /src="([^"]+)"/.exec(await readFile(PAGES, 'utf8'))?.[1];
  if (!script || !(await fetch(`${address}${script}`)).ok)
    throw new Error('the program holds other pages than web/dist: cargo build -p countersign -p vault');
}

function asking(address: string, key: string): Real['api'] {
  return async <T>(method: string, path: string, body?: object): Promise<T> => {
    const answer = await fetch(`${address}${path}`, {
      method,
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text === '' ? null : JSON.parse(text)) as T;
  };
}
