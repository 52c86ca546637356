/** A site that has no login and knows of nothing, behind a real Caddy with the guide's configuration: the whole way of a person, in a browser. */

import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { AXE, violations } from '../accessible.ts';
import { withPasskeys } from '../passkeys.ts';
import { headed } from '../screens.ts';
import { PROGRAM, freePort } from './server.ts';
import { Stage } from './stage.ts';

const CADDYFILE = fileURLToPath(new URL('../../../deploy/forward-auth/caddy/Caddyfile', import.meta.url));
const CADDY = '/usr/bin/caddy';

const POLICY = `
policy:
  otherwise: aal2
  rules:
    - id: administration
      applies_to: {actions: [admin.use]}
      effect: step_up
`;

/** The site: it greets whoever the proxy says it is. */
async function wiki(): Promise<Server> {
  const server = createServer((request, response) => {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(
      `<title>Wiki</title><h1>${request.url} for ${String(request.headers['remote-user'])}</h1>
       <form method="post" action="/.countersign/sign-out"><button>Sign out</button></form>`,
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

const portOf = (server: Server) => (server.address() as AddressInfo).port;

describe.skipIf(PROGRAM === null || !existsSync(CADDY))('a site without a login, behind Caddy', () => {
  const key = randomBytes(32).toString('hex');
  let folder: string;
  let port: number;
  let site: string;
  let backend: Server;
  let caddy: ChildProcess;

  const at = new Stage(async () => {
    folder = await mkdtemp(join(tmpdir(), 'countersign-site-'));
    port = await freePort();
    site = `https://wiki.localhost:${port}`;
    await mkdir(join(folder, 'policy'));
    await writeFile(join(folder, 'policy', 'rules.yaml'), POLICY);
    const config = join(folder, 'countersign.toml');
    await writeFile(
      config,
      `[forward_auth.wiki]\napplication = "wiki"\norigins = ["${site}"]\nkey = "env:WIKI_KEY"\nactions = ["* /admin/* admin.use"]\n`,
    );
    return {
      COUNTERSIGN_CONFIG: config,
      COUNTERSIGN_POLICY_FOLDER: join(folder, 'policy'),
      WIKI_KEY: key,
    };
  });

  beforeAll(async () => {
    const scopes = ['sessions', 'challenges', 'enrollments'];
    await at.real.api('POST', '/v1/applications', { name: 'wiki', scopes, return_origins: [site] });
    backend = await wiki();
    const guide = await readFile(CADDYFILE, 'utf8');
    const fitted = guide
      .replace(/^#.*\n\n/, '{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n}\n\n')
      .replace('wiki.example.org {', `${site} {\n\tbind 127.0.0.1\n\ttls internal`)
      .replaceAll('127.0.0.1:8420', new URL(at.real.address).host.replace('localhost', '127.0.0.1'))
      .replace('127.0.0.1:3000', `127.0.0.1:${portOf(backend)}`);
    await writeFile(join(folder, 'Caddyfile'), fitted);
    caddy = spawn(CADDY, ['run', '--adapter', 'caddyfile', '--config', 'Caddyfile'], {
      cwd: folder,
      env: {
        ...process.env,
        HOME: folder,
        XDG_DATA_HOME: folder,
        XDG_CONFIG_HOME: folder,
        COUNTERSIGN_PROXY_KEY: key,
      },
      stdio: 'ignore',
    });
  });
  afterAll(async () => {
    caddy?.kill('SIGTERM');
    if (caddy && caddy.exitCode === null) await once(caddy, 'exit');
    backend?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** A browser at the site, as soon as Caddy is there. */
  async function visited(page: Page, path: string) {
    for (let tries = 0; tries < 100; tries++) {
      const came = await page.goto(`${site}${path}`).catch(() => null);
      if (came) return;
      await new Promise((done) => setTimeout(done, 100));
    }
    throw new Error('Caddy does not answer');
  }

  it('S-08: signs in with a passkey, proves more where that is asked for, and is back each time', async () => {
    const context = await at.browser.context({ ignoreHTTPSErrors: true });
    await context.addInitScript(AXE);
    const page = await at.watched(context);
    const device = await withPasskeys(page);
    // The first passkey comes by a link.
    const session = await at.somebody();
    await page.goto(await at.link({ purpose: 'enroll', session_id: session }));
    await headed(page, 'Protect');
    await page.locator('.choice', { hasText: 'Passkey' }).click();
    await headed(page, 'Keep your backup codes');
    expect(await device.count()).toBe(1);

    await visited(page, '/page?x=1');
    await headed(page, 'Sign in');
    expect(new URL(page.url()).port).toBe(new URL(at.real.address).port);
    await page.getByText(`wiki.localhost:${port}`, { exact: true }).waitFor();
    expect(await violations(page)).toEqual([]);
    // By keyboard alone.
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await headed(page, `/page?x=1 for ${at.person}`);
    expect(page.url()).toBe(`${site}/page?x=1`);

    await page.goto(`${site}/admin/users?page=2`);
    await headed(page, 'Confirm that it is you');
    const shown = (await page.locator('.facts').innerText()).split('\n').filter(Boolean);
    expect(shown).toEqual(expect.arrayContaining(['GET', `${site}/admin/users`, 'page=2']));
    await page.getByRole('button', { name: 'Use your passkey' }).click();
    await headed(page, `/admin/users?page=2 for ${at.person}`);
    // That was for once.
    await page.goto(`${site}/admin/users?page=2`);
    await headed(page, 'Confirm that it is you');

    await page.goto(`${site}/page`);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await headed(page, 'Sign in');
    // Whom the device does not recognise stays where they are, and may try again.
    await device.verifies(false);
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await page.getByRole('alert').waitFor();
    await device.verifies(true);
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await headed(page, `/ for ${at.person}`);
    await context.close();
  });

  it('T-12, T-26: the page signs nobody in for another site, nor in a frame', async () => {
    const context = await at.browser.context({ ignoreHTTPSErrors: true });
    const page = await at.watched(context);
    await visited(page, '/page');
    await headed(page, 'Sign in');
    const mine = new URL(page.url());
    mine.searchParams.set('return_to', 'https://evil.example/');
    await page.goto(mine.href);
    await headed(page, 'does not work');
    const answer = await page.request.get(mine.href);
    expect(answer.headers()['content-security-policy']).toContain("frame-ancestors 'none'");
    await context.close();
  });
});
