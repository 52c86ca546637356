/** The pages of links, where people come from a message: every one, and the way there. The program makes them, so it is what is asked for them. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';

import { totp } from '../mock/totp.ts';
import { headed } from '../screens.ts';
import { carriers, newest, type Carriers } from './carriers.ts';
import { start, type Real, type Settings } from './server.ts';

/** Days after which what gives something goes to a mailbox. */
const TRUSTED = 15;
const PATIENCE = 20_000;

/** Somebody is told of something, and can say that it was not them; a recovery hands something out. */
const WORKFLOWS = {
  'notice.yaml': `
apiVersion: countersign/v1
kind: Workflow
metadata: {name: notice}
triggers:
  - manual: {roles: [helpdesk]}
subject: \${inputs.user}
inputs: {user: {type: user, required: true}}
steps:
  - id: link
    action: link.create
    with:
      user: \${subject}
      name: not_my_device
      title: A new device on your account
      message: |-
        A passkey on a phone was added to your account just now.

        If you did not add it, say so. It can prove nothing any more then, and you are logged out everywhere.
      button: I did not add it
      done: It is suspended, and you are logged out everywhere. Log in again, and change your password.
      valid_for: 7d
  - id: mail
    action: notify.mail
    with: {user: "\${subject}", subject: A new device, message: "{{ steps.link.url }}"}
  - id: answered
    wait: {event: link.followed, where: arrived.data.link == steps.link.link, timeout: 30d}
`,
  'hands_out.yaml': handsOut('hands_out', 'recovery.issue_pass'),
  'hands_out_codes.yaml': handsOut('hands_out_codes', 'recovery.issue_backup_codes'),
} as const;

function handsOut(name: string, action: string): string {
  return `
apiVersion: countersign/v1
kind: Workflow
metadata: {name: ${name}}
triggers:
  - manual: {roles: [helpdesk]}
subject: \${inputs.user}
inputs: {user: {type: user, required: true}}
steps:
  - id: seen
    approval: {roles: [administrator], evidence: [identity_document], level: aal2, timeout: 24h, message: "See their document"}
  - id: link
    action: ${action}
    with: {user: "\${subject}", level: aal2, valid_for: 1d}
  - id: mail
    action: notify.mail
    with: {user: "\${subject}", subject: A way back, message: "{{ steps.link.url }}"}
  - id: fetched
    wait: {event: link.followed, where: arrived.data.link == steps.link.link, timeout: 1d}
`;
}

export interface LinkScreen {
  readonly name: string;
  reach(page: Page, links: Links): Promise<void>;
}

export const LINK_SCREENS: readonly LinkScreen[] = [
  { name: 'link', reach: async (page, links) => void (await links.opened(page)) },
  {
    name: 'link-done',
    reach: async (page, links) => {
      await links.opened(page);
      await pressed(page, 'ending');
    },
  },
  {
    name: 'link-used',
    reach: async (page, links) => {
      const address = await links.opened(page);
      await pressed(page, 'ending');
      await page.goto(address);
    },
  },
  {
    name: 'link-over',
    reach: async (page, links) => {
      await links.over(page);
    },
  },
  {
    name: 'link-late',
    reach: async (page, links) => {
      await links.over(page);
      await pressed(page, 'ending');
    },
  },
  { name: 'link-pass', reach: (page, links) => links.handedOut(page, 'hands_out') },
  { name: 'link-codes', reach: (page, links) => links.handedOut(page, 'hands_out_codes') },
  {
    name: 'link-offer',
    reach: async (page, links) => void (await page.goto(await links.offered('hands_out'))),
  },
  {
    name: 'link-nowhere',
    reach: async (page, links) => void (await page.goto(`${links.origin}/links/nothing`)),
  },
];

/** Presses the one button that there is, and waits for what comes of it. */
export async function pressed(page: Page, comes: 'ending' | 'codes') {
  await page.getByRole('button').click();
  await page.locator(`.${comes}`).waitFor();
}

/** A server that runs these workflows, and people with a mailbox. */
export class Links {
  private people = 0;

  /** What links begin with. */
  readonly origin: string;

  private constructor(
    readonly real: Real,
    private readonly post: Carriers,
    private readonly folder: string,
  ) {
    this.origin = real.address.replace('127.0.0.1', 'localhost');
  }

  static async start(program: string, settings: Settings = {}): Promise<Links> {
    const folder = await mkdtemp(join(tmpdir(), 'countersign-links-'));
    for (const [name, text] of Object.entries(WORKFLOWS)) await writeFile(join(folder, name), text);
    const post = await carriers();
    const all = { ...post.settings, COUNTERSIGN_WORKFLOWS_FOLDER: folder, ...settings };
    const links = new Links(await start(program, all), post, folder);
    await links.real.api('POST', '/v1/users', { external_id: 'rita' });
    return links;
  }

  async close() {
    await this.real.close();
    await this.post.close();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Goes to a link that says something; its address. */
  async opened(page: Page): Promise<string> {
    const address = await this.noticed(await this.somebody());
    await page.goto(address);
    await headed(page, 'A new device on your account');
    return address;
  }

  /** Goes to one whose run was called off. */
  async over(page: Page) {
    const user = await this.somebody();
    const address = await this.noticed(user);
    const { items } = await this.real.api<{ items: { id: string }[] }>('GET', `/v1/runs?user_id=${user}`);
    await this.real.api('POST', `/v1/runs/${items[0]?.id}/cancel`, {});
    await until(async () => (await fetch(address)).status === 410);
    await page.goto(address);
  }

  /** Goes to where a link has handed something out. */
  async handedOut(page: Page, workflow: string) {
    await page.goto(await this.offered(workflow));
    await pressed(page, 'codes');
  }

  /** The address of a link that gives something. */
  async offered(workflow: string): Promise<string> {
    const user = await this.somebody();
    await this.real.advance(TRUSTED * 86_400);
    return this.mailed(async () => {
      await this.run(workflow, user);
      type Tasks = { items: { id: string; user_id: string }[] };
      const open = () => this.real.api<Tasks>('GET', '/v1/tasks?state=open');
      const task = await until(async () => (await open()).items.find((one) => one.user_id === user));
      await this.decide(task.id);
    });
  }

  /** An administrator who saw a document approves, and proves it. */
  private async decide(task: string) {
    const { real } = this;
    const user = { external_id: `admin-${this.people}` };
    await real.api('POST', '/v1/users', user);
    const session = await real.api<{ id: string }>('POST', '/v1/sessions', { ...user, amr: ['pwd'] });
    const { enrollment, view } = await real.api<{ enrollment: { id: string }; view: { secret: string } }>(
      'POST',
      '/v1/enrollments',
      { session_id: session.id, kind: 'totp', view: 'inline' },
    );
    const { backup_codes: codes } = await real.api<{ backup_codes: string[] }>(
      'POST',
      `/v1/enrollments/${enrollment.id}/confirm`,
      { code: totp(view.secret, real.now()) },
    );
    const challenge = await real.api<{ id: string }>('POST', `/v1/tasks/${task}/challenges`, {
      session_id: session.id,
      verdict: 'approve',
    });
    await real.api('POST', `/v1/challenges/${challenge.id}/verify`, { code: codes[0] });
    await real.api('POST', `/v1/tasks/${task}/approve`, {
      ...user,
      roles: ['administrator'],
      evidence: ['identity_document'],
      challenge_id: challenge.id,
    });
  }

  /** The address of a link by which somebody says something. */
  noticed = (user: string) => this.mailed(() => this.run('notice', user));

  private async run(workflow: string, user: string) {
    const wanted = { requester: 'rita', roles: ['helpdesk'], inputs: { user } };
    await this.real.api('POST', `/v1/workflows/${workflow}/runs`, wanted);
  }

  /** The link in the mail that something has sent. */
  private async mailed(what: () => Promise<void>): Promise<string> {
    const before = this.post.mails.length;
    await what();
    return until(async () => {
      const text = this.post.mails
        .slice(before)
        .map((mail) => mail.text.replace(/=\r?\n/g, ''))
        .join('\n');
      return /http:\/\/localhost:\d+\/links\/[\w-]{43}/.exec(text)?.[0];
    });
  }

  /** Somebody new, with a mailbox that was proved. */
  async somebody(): Promise<string> {
    const { real, post } = this;
    this.people++;
    const { id } = await real.api<{ id: string }>('POST', '/v1/users', {
      external_id: `person-${this.people}`,
    });
    const session = await real.api<{ id: string }>('POST', '/v1/sessions', { user_id: id, amr: ['pwd'] });
    const { enrollment } = await real.api<{ enrollment: { id: string } }>('POST', '/v1/enrollments', {
      session_id: session.id,
      kind: 'email',
      address: `person-${this.people}@example.org`,
    });
    const before = post.mails.length;
    const view = await real.api<{ prompt: { id: string } }>('GET', `/v1/enrollments/${enrollment.id}/view`);
    const code = await until(async () => newest(post.mails.slice(before)));
    await real.api('POST', `/v1/enrollments/${enrollment.id}/confirm`, { code, prompt_id: view.prompt.id });
    return id;
  }
}

/** Asks until there is something. @throws where it takes too long */
async function until<T>(what: () => Promise<T | undefined | false | ''>): Promise<T> {
  const end = Date.now() + PATIENCE;
  while (Date.now() < end) {
    const found = await what();
    if (found) return found;
    await new Promise((then) => setTimeout(then, 50));
  }
  throw new Error('what was waited for did not come');
}
