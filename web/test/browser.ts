/** A browser for tests: Debian's Chromium, or the one that CHROMIUM names. */

import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext, type BrowserContextOptions } from 'playwright-core';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Quiet, and with nothing asked of anybody. */
const ARGUMENTS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface Browser {
  context(options?: BrowserContextOptions): Promise<BrowserContext>;
  close(): Promise<void>;
}

export async function launch(): Promise<Browser> {
  if (!existsSync(EXECUTABLE))
    throw new Error(`there is no ${EXECUTABLE}: install chromium, or name one in CHROMIUM`);
  const home = await mkdtemp(join(tmpdir(), 'countersign-web-'));
  // A folder of its own for what the browser keeps, also beside its profile.
  const environment = { ...process.env, HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home };
  const browser = await chromium.launch({ executablePath: EXECUTABLE, args: ARGUMENTS, env: environment });
  return {
    context: (options) => browser.newContext({ locale: 'en-GB', ...options }),
    async close() {
      await browser.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}
