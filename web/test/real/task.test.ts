/** Deciding what a workflow asks, on the program itself: with a passkey, and with a phone's code. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

import { withPasskeys } from '../passkeys.ts';
import { code, headed } from '../screens.ts';
import { PROGRAM } from './server.ts';
import { Stage } from './stage.ts';

const UNLOCK = `
apiVersion: countersign/v1
kind: Workflow
metadata: {name: unlock}
triggers:
  - manual: {roles: [helpdesk]}
subject: \${inputs.user}
inputs: {user: {type: user, required: true}}
steps:
  - id: verified
    approval:
      roles: [administrator]
      quorum: 2
      evidence: [identity_document]
      message: May they be let in again?
      timeout: 1d
      on_reject: continue
  - id: told
    action: event.emit
    with: {name: asked}
`;

interface Task {
  id: string;
  run_id: string;
  approvals: number;
  state: string;
}

describe.skipIf(PROGRAM === null)('deciding, on the real server', () => {
  let folder: string;
  const at = new Stage(async () => {
    folder = await mkdtemp(join(tmpdir(), 'countersign-task-'));
    await writeFile(join(folder, 'unlock.yaml'), UNLOCK);
    return { COUNTERSIGN_WORKFLOWS_FOLDER: folder };
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** Somebody is locked out, and asks to be let in: what is asked of others. */
  async function asked(): Promise<string> {
    const name = `locked-${at.person}`;
    const { id } = await at.real.api<{ id: string }>('POST', '/v1/users', { external_id: name });
    await at.real.api('POST', '/v1/users', { external_id: `desk-${name}` });
    const wanted = { requester: `desk-${name}`, roles: ['helpdesk'], inputs: { user: id } };
    const run = await at.real.api<{ id: string }>('POST', '/v1/workflows/unlock/runs', wanted);
    let task: Task | undefined;
    await expect
      .poll(async () => {
        const { items } = await at.real.api<{ items: Task[] }>('GET', '/v1/tasks');
        task = items.find((one) => one.run_id === run.id);
        return task !== undefined;
      })
      .toBe(true);
    return task?.id ?? '';
  }

  const taskNow = (id: string) => at.real.api<Task>('GET', `/v1/tasks/${id}`);
  const goDeciding = async (session: string, task: string) => {
    await at.goTo({ purpose: 'task', session_id: session, task_id: task, roles: ['administrator'] });
    await headed(at.page, 'Your decision is wanted');
  };

  it('W-03: one approves with a passkey, and another one rejects with a code', async () => {
    const session = await at.somebody();
    const device = await withPasskeys(at.page);
    await at.choosing(session);
    await at.choose('Passkey');
    await at.keepCodes();
    await at.back('enrolled');
    expect(await device.count()).toBe(1);

    const task = await asked();
    await goDeciding(await at.logIn(), task);
    const what = at.page.getByRole('region', { name: 'What is asked' });
    // Whose account it is stands before what somebody wrote.
    expect(await what.innerText()).toMatch(/^About\s+locked-/);
    await what.getByText('May they be let in again?').waitFor();
    await at.page.getByText('0 of 2').waitFor();
    await at.page.getByRole('checkbox').check();
    await at.page.getByRole('button', { name: 'Approve' }).click();
    await headed(at.page, 'Confirm that it is you');
    await at.page.getByRole('button', { name: 'Use your passkey' }).click();
    await at.back('approved');
    expect(await taskNow(task)).toMatchObject({ approvals: 1, state: 'open' });

    const { key } = await at.enrolled(await at.somebody());
    await goDeciding(await at.logIn(), task);
    await at.page.getByText('1 of 2').waitFor();
    await at.page.getByRole('button', { name: 'Reject' }).click();
    await headed(at.page, 'Confirm that it is you');
    await code(at.page, '000000');
    await at.page.getByText('did not work').waitFor();
    await code(at.page, at.nextCode(key));
    await at.back('rejected');
    await expect.poll(async () => (await taskNow(task)).state).toBe('rejected');
  });

  it('is opened in no other browser than that of whoever decides (T-12)', async () => {
    await at.enrolled(await at.somebody());
    const [session, task] = [await at.logIn(), await asked()];
    at.others = await at.logIn();
    await at.goTo({ purpose: 'task', session_id: session, task_id: task, roles: ['administrator'] });
    await at.page.getByText('Begin again at the shop').waitFor();
    expect(await taskNow(task)).toMatchObject({ approvals: 0 });
  });
});
