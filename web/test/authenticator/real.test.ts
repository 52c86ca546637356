/**
 * The app against the real server: run where COUNTERSIGN names the program (built after the pages were), skipped elsewhere.
 *
 *     COUNTERSIGN=../target/debug/countersign npx vitest run test/authenticator/real.test.ts
 */

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { launch, type Browser } from '../browser.ts';
import { approve, headed, wrong } from './screens.ts';

const PROGRAM = process.env.COUNTERSIGN;

describe.skipIf(!PROGRAM)('the real server', () => {
  let browser: Browser;
  let server: ChildProcess;
  let data: string;
  let origin: string;
  let key: string;

  async function api(path: string, body?: object) {
    const answer = await fetch(origin + path, {
      method: body ? 'POST' : 'GET',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const said = (await answer.json()) as Record<string, any>;
    if (!answer.ok) throw new Error(JSON.stringify(said));
    return said;
  }

  beforeAll(async () => {
    browser = await launch();
    data = await mkdtemp(join(tmpdir(), 'countersign-push-'));
    const port = 20_000 + (process.pid % 20_000);
    origin = `http://localhost:${port}`;
    const flags = ['serve', '--listen', `127.0.0.1:${port}`, '--data', data, '--public-url', origin];
    server = spawn(resolve(PROGRAM ?? ''), flags, { stdio: 'ignore' });
    const ready = () =>
      fetch(`${origin}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      );
    while (!(await ready())) await new Promise((later) => setTimeout(later, 100));
    key = (await readFile(join(data, 'administrator.key'), 'utf8')).trim();
  });
  afterAll(async () => {
    await browser.close();
    server.kill('SIGTERM');
    await new Promise((gone) => server.on('exit', gone));
    await rm(data, { recursive: true, force: true });
  });

  it('I-04: connects, approves what it was shown, and ends with a wrong number', async () => {
    const context = await browser.context({ viewport: { width: 360, height: 740 } });
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (/Content.Security.Policy|Refused to/i.test(message.text())) complaints.push(message.text());
    });
    const user = await api('/v1/users', { external_id: 'ana' });
    const session = await api('/v1/sessions', { external_id: 'ana', amr: ['pwd'] });
    const started = await api('/v1/enrollments', { session_id: session.id, kind: 'push', view: 'inline' });
    await page.goto(started.view.link);
    await page.getByRole('button', { name: 'Connect' }).click();
    await headed(page, 'Type the number');
    const view = await api(`/v1/enrollments/${started.enrollment.id}/view`);
    await approve(page, view.prompt.number);
    await headed(page, 'This phone is connected');
    await api(`/v1/enrollments/${started.enrollment.id}/confirm`, { prompt_id: view.prompt.id });
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByText('Ready', { exact: true }).waitFor();
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));

    const ask = async () => {
      const context = { Amount: '€ 250.00', To: 'Hanna Weiss' };
      const shown = ['Amount', 'To'];
      const challenge = await api('/v1/challenges', {
        session_id: session.id,
        action: 'transfer',
        context,
        shown,
      });
      return { challenge, prompt: await api(`/v1/challenges/${challenge.id}/prompts`, { kind: 'push' }) };
    };
    const first = await ask();
    await headed(page, / asks$/);
    await page.getByText('Hanna Weiss').waitFor();
    await approve(page, first.prompt.number);
    await headed(page, 'Approved');
    expect((await api(`/v1/challenges/${first.challenge.id}`)).state).toBe('satisfied');
    expect((await api(`/v1/sessions/${session.id}`)).aal).toBe('aal2');
    await page.getByRole('button', { name: 'Done' }).click();

    const second = await ask();
    await headed(page, / asks$/);
    await approve(page, wrong(second.prompt.number));
    await headed(page, 'That was not the number');
    expect((await api(`/v1/challenges/${second.challenge.id}`)).state).toBe('open');
    expect(complaints).toEqual([]);
    expect(user.id).toMatch(/^usr_/);
    await context.close();
  });
});
