/** The sample bank as `make demo` starts it, with the program that these tests are about, and what its customers do there. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';

import { totp } from '../mock/totp.ts';
import { code, headed } from '../screens.ts';
import { freePort } from './server.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** Milliseconds that a demo may take to be there, and to be gone. */
const PATIENCE = 60_000;

export const CUSTOMERS = { ana: 'harbour-lantern-27', ben: 'velvet-compass-64' } as const;
export type Customer = keyof typeof CUSTOMERS;

export interface Demo {
  readonly address: string;
  /** What it printed. */
  printed(): string;
  /** Ends it as Ctrl-C does. @throws where it does not end */
  interrupt(): Promise<void>;
}

/** Runs `make demo` until it says where the bank is. `environment` goes over what it would get otherwise. */
export async function makeDemo(program: string, environment: Record<string, string> = {}): Promise<Demo> {
  const port = await freePort();
  const make = spawn('make', ['-s', 'demo'], {
    cwd: ROOT,
    env: { ...process.env, COUNTERSIGN: program, PORT: String(port), ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, to which Ctrl-C goes as a terminal sends it.
    detached: true,
  });
  let printed = '';
  const ended = once(make, 'close');
  const ready = new Promise<boolean>((is) => {
    const read = (part: Buffer) => {
      printed += part.toString('utf8');
      if (printed.includes('Ctrl-C ends it')) is(true);
    };
    make.stdout.on('data', read);
    make.stderr.on('data', read);
    void ended.then(() => is(false));
    setTimeout(() => is(false), PATIENCE).unref();
  });
  const interrupt = async () => {
    if (make.exitCode !== null || make.pid === undefined) return;
    process.kill(-make.pid, 'SIGINT');
    const late = new Promise((_, fail) =>
      setTimeout(() => fail(new Error('the demo does not end')), PATIENCE).unref(),
    );
    await Promise.race([ended, late]);
  };
  if (!(await ready)) {
    await interrupt();
    throw new Error(`the demo did not start: ${printed}`);
  }
  return { address: `http://localhost:${port}`, printed: () => printed, interrupt };
}

/** Types name and password; where that leads, the bank decides. */
export async function logIn(page: Page, demo: Demo, customer: Customer) {
  await page.goto(`${demo.address}/login`);
  await page.getByLabel('Name').fill(customer);
  await page.getByLabel('Password').fill(CUSTOMERS[customer]);
  await page.getByRole('button', { name: 'Log in' }).click();
}

export async function logOut(page: Page) {
  await page.getByRole('button', { name: 'Log out' }).click();
  await headed(page, 'Good to see you');
}

/** Waits for the account. */
export async function inAccount(page: Page) {
  await page.locator('.balance').waitFor();
}

export async function send(page: Page, payee: string, amount: string) {
  await page.getByLabel('To', { exact: true }).fill(payee);
  await page.getByLabel('Amount').fill(amount);
  await page.getByRole('button', { name: 'Send', exact: true }).click();
}

export async function toAccount(page: Page) {
  await page
    .getByRole('link', { name: /account/ })
    .last()
    .click();
  await inAccount(page);
}

/** Goes from the account to where a factor is chosen. */
export async function protect(page: Page) {
  await page.getByRole('button', { name: 'Protect my account' }).click();
  await headed(page, 'Protect');
}

/** Takes the backup codes that a first enrollment ends with. */
export async function keepCodes(page: Page): Promise<string[]> {
  await headed(page, 'Keep your backup codes');
  const codes = await page.locator('.codes code').allTextContents();
  await page.getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Continue' }).click();
  return codes;
}

/** Sets up an authenticator app where a factor is chosen; its key. */
export async function connectApp(page: Page): Promise<string> {
  await page.locator('.choice', { hasText: 'Authenticator app' }).click();
  await page.getByText('Cannot scan?').click();
  const key = ((await page.locator('.secret code').textContent()) ?? '').replaceAll(' ', '');
  await code(page, totp(key));
  return key;
}

/** Gives a backup code where something is to be confirmed. */
export async function useBackupCode(page: Page, backupCode: string) {
  await headed(page, 'Confirm');
  await page.locator('.other', { hasText: 'Backup code' }).click();
  await page.getByLabel('Backup code').waitFor();
  await code(page, backupCode);
}

/** What the panel says of the last decision. */
export const verdict = (page: Page) => page.locator('.panel .decision .verdict b');
