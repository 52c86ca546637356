/** Each factor on the program itself: set up, used, and what happens where it does not go as it should. */

import { createHmac, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

import { withPasskeys } from '../passkeys.ts';
import { code, headed } from '../screens.ts';
import { carriers, newest, type Carriers } from './carriers.ts';
import { PROGRAM } from './server.ts';
import { Stage } from './stage.ts';

const another = (code: string) => (code === '000000' ? '000001' : '000000');

describe.skipIf(PROGRAM === null)('passkeys, on the real server', () => {
  const at = new Stage();

  /** Makes a passkey on a page; with the device's playing what the browser asks of it. */
  async function passkey(session: string) {
    const device = await withPasskeys(at.page);
    await at.choosing(session);
    await at.choose('Passkey');
    await at.keepCodes();
    await at.back('enrolled');
    expect(await device.count()).toBe(1);
    return device;
  }

  it('S-04: a passkey is made, and proves a challenge at the level of a second factor', async () => {
    const session = await at.somebody();
    await passkey(session);
    const challenge = await at.challenged(session);
    await at.page.getByRole('button', { name: 'Use your passkey' }).click();
    await at.back('proved');
    expect(await at.stateOf(challenge)).toBe('satisfied');
    expect(await at.real.api('GET', `/v1/sessions/${session}`)).toMatchObject({ aal: 'aal3' });
  });

  it('S-04: offered in the field of a code, it proves without a click', async () => {
    const session = await at.somebody();
    const { key } = await at.enrolled(session);
    const device = await withPasskeys(at.page);
    await at.goTo({ purpose: 'enroll', session_id: session });
    await headed(at.page, 'Protect');
    await at.choose('Passkey');
    await at.back('enrolled');
    // Who has both is asked for the passkey; who then goes to the code is offered it there once more, by the browser itself.
    await device.verifies(false);
    const challenge = await at.challenged(session);
    await at.page.locator('.other', { hasText: 'Authenticator app' }).click();
    await at.page.getByLabel('Code from your authenticator app').waitFor();
    expect(await at.page.getByRole('textbox').getAttribute('autocomplete')).toBe('one-time-code webauthn');
    await code(at.page, another(at.nextCode(key)));
    await at.page.getByText('did not work').waitFor();
    expect(await at.stateOf(challenge)).toBe('open');
    await device.verifies(true);
    await at.page.locator('.other', { hasText: 'Backup code' }).click();
    await at.page.locator('.other', { hasText: 'Authenticator app' }).click();
    await at.back('proved');
    expect(await at.stateOf(challenge)).toBe('satisfied');
  });

  it('T-32: somebody else’s passkey proves nothing, and another way is one click away', async () => {
    await passkey(await at.somebody());
    const session = await at.somebody();
    const other = await at.browser.context();
    const { page: mine } = at;
    // Her own passkey is on another device.
    at.page = await at.watched(other);
    const { codes } = await (async () => {
      await withPasskeys(at.page);
      await at.choosing(session);
      await at.choose('Passkey');
      const codes = await at.keepCodes();
      await at.back('enrolled');
      return { codes };
    })();
    await other.close();
    at.page = mine;
    const challenge = await at.challenged(session);
    await at.page.getByRole('button', { name: 'Use your passkey' }).click();
    await at.page.getByRole('alert').getByText('Nothing was confirmed').waitFor();
    expect(await at.stateOf(challenge)).toBe('open');
    await at.page.locator('.other', { hasText: 'Backup code' }).click();
    await code(at.page, codes[0] ?? '');
    await at.back('proved');
  });

  it('W-06: where the device is not touched, it can be tried again or left', async () => {
    const session = await at.somebody();
    const device = await withPasskeys(at.page);
    await device.verifies(false);
    await at.choosing(session);
    await at.choose('Passkey');
    await headed(at.page, 'Make your passkey');
    await at.page.getByRole('alert').getByText('No passkey was made').waitFor();
    expect(await device.count()).toBe(0);
    await device.verifies(true);
    await at.page.getByRole('button', { name: 'Make the passkey' }).click();
    await at.keepCodes();
    await at.back('enrolled');

    await device.verifies(false);
    const challenge = await at.challenged(session);
    await at.page.getByRole('button', { name: 'Use your passkey' }).click();
    await at.page.getByRole('alert').getByText('Nothing was confirmed').waitFor();
    await at.page.getByRole('button', { name: 'Cancel' }).click();
    await at.back('cancelled');
    expect(await at.stateOf(challenge)).not.toBe('satisfied');
  });

  it('I-08: where there is no device for passkeys, an app is set up instead', async () => {
    const session = await at.somebody();
    // As in a browser to which no authenticator can be had.
    await at.page.addInitScript(() => {
      navigator.credentials.create = () => Promise.reject(new DOMException('none', 'NotSupportedError'));
    });
    await at.choosing(session);
    await at.choose('Passkey');
    await at.page.getByRole('alert').getByText('does not work on this device').waitFor();
    await at.page.getByRole('button', { name: 'Choose something else' }).click();
    await headed(at.page, 'Protect');
    await at.connectApp();
    await at.keepCodes();
    await at.back('enrolled');
  });
});

describe.skipIf(PROGRAM === null)('codes by message, on the real server', () => {
  let post: Carriers;
  const at = new Stage(async () => {
    post = await carriers();
    return post.settings;
  });
  afterAll(() => post?.close());

  const BY = {
    'text message': { choice: 'Text message', address: '+44 7400 123456', to: '456', sent: () => post.texts },
    'e-mail': {
      choice: 'E-mail',
      address: 'ana@example.org',
      to: 'a•••@example.org',
      sent: () => post.mails,
    },
  } as const;

  it.each(Object.entries(BY))('I-03: a code by %s enrolls, and another one proves', async (_, by) => {
    const session = await at.somebody();
    await at.choosing(session);
    await at.choose(by.choice);
    await code(at.page, by.address);
    await headed(at.page, 'Type the code');
    await at.page.getByText(by.to).first().waitFor();
    const first = newest(by.sent());
    expect(by.sent().at(-1)?.to.replaceAll(' ', '')).toContain(by.address.replaceAll(' ', ''));
    await code(at.page, another(first));
    await at.page.getByText('did not work').waitFor();
    await code(at.page, first);
    await at.keepCodes();
    // I-08: something stronger is offered, and may be left for later.
    await headed(at.page, 'something stronger');
    await at.page.getByRole('button', { name: 'Not now' }).click();
    await at.back('enrolled');

    const challenge = await at.challenged(session);
    const before = by.sent().length;
    await at.page.waitForTimeout(300);
    expect(by.sent().length, 'nothing is sent because a page was opened').toBe(before);
    await at.page.getByRole('button', { name: 'Send me a code' }).click();
    await at.page.getByRole('textbox').waitFor();
    await expect.poll(() => by.sent().length).toBe(before + 1);
    await code(at.page, first);
    await at.page.getByText('did not work').waitFor();
    await code(at.page, newest(by.sent()));
    await at.back('proved');
    expect(await at.stateOf(challenge)).toBe('satisfied');
  });

  it('I-03: a message is sent again once its time has come, and the older code is none any more', async () => {
    const session = await at.somebody();
    await at.page.clock.install();
    await at.choosing(session);
    await at.choose('Text message');
    await code(at.page, '+44 7400 123457');
    await headed(at.page, 'Type the code');
    const [first, sent] = [newest(post.texts), post.texts.length];
    const again = at.page.getByRole('button', { name: /^Send again/ });
    expect(await again.getAttribute('aria-disabled')).toBe('true');
    await again.click({ force: true });
    await at.real.advance(31);
    await at.page.clock.runFor(31_000);
    await expect.poll(() => again.getAttribute('aria-disabled')).not.toBe('true');
    await again.click();
    await expect.poll(() => post.texts.length).toBe(sent + 1);
    if (newest(post.texts) !== first) {
      await code(at.page, first);
      await at.page.getByText('did not work').waitFor();
    }
    await code(at.page, newest(post.texts));
    await headed(at.page, 'Keep your backup codes');
  });

  it('W-06, T-24: no gateway, no such number, a country that is barred: each is said, and another way stays open', async () => {
    const session = await at.somebody();
    await at.choosing(session);
    await at.choose('Text message');
    await code(at.page, '12');
    await at.page.getByText('not a whole number yet').waitFor();
    await code(at.page, '+44 1');
    await at.page.getByRole('alert').filter({ hasText: 'number' }).waitFor();
    await code(at.page, '+49 151 23456789');
    await at.page.getByText('No messages are sent to that country').waitFor();
    post.refuse(true);
    await code(at.page, '+44 7400 123458');
    await at.page.getByText('could not be sent just now').waitFor();
    post.refuse(false);
    await at.page.getByRole('button', { name: 'Choose something else' }).click();
    await headed(at.page, 'Protect');
    await at.connectApp();
    await headed(at.page, 'Keep your backup codes');
  });
});

/** RFC 4226. */
function hotp(key: Buffer, counter: number): string {
  const moving = Buffer.alloc(8);
  moving.writeBigUInt64BE(BigInt(counter));
  const mac = createHmac('sha1', key).update(moving).digest();
  const offset = mac.readUInt8(19) & 0xf;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

describe.skipIf(PROGRAM === null)('hardware tokens, on the real server', () => {
  const at = new Stage();

  it('I-02: a token is enrolled by its serial number, and its codes prove, each once', async () => {
    const key = randomBytes(20);
    const folder = await mkdtemp(join(tmpdir(), 'countersign-tokens-'));
    await writeFile(join(folder, 'tokens.csv'), `serial,secret\nF1000042,${key.toString('hex')}\n`);
    await at.real.command('tokens', 'import', join(folder, 'tokens.csv'));
    await rm(folder, { recursive: true });

    const session = await at.somebody();
    const { items } = await at.real.api<{ items: { id: string }[] }>('GET', '/v1/hardware-tokens');
    await at.real.command('tokens', 'assign', items[0]?.id ?? '', at.person);
    await at.choosing(session);
    await at.choose('Hardware token');
    await code(at.page, 'F1000043');
    await at.page.getByText('no free token of that number').waitFor();
    await code(at.page, 'F1000042');
    await headed(at.page, 'Try your hardware token');
    await code(at.page, hotp(key, 0));
    await at.keepCodes();
    await at.back('enrolled');

    await at.challenged(session);
    await code(at.page, hotp(key, 0));
    await at.page.getByText('did not work').waitFor();
    // Three times the button was pressed for nothing.
    await code(at.page, hotp(key, 4));
    await at.back('proved');
  });
});
