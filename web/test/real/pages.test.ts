/** The pages on the program that serves them: nothing between is played. Skipped where it is not built: `cargo build -p countersign -p vault`. */

import { describe, expect, it } from 'vitest';

import { code, headed } from '../screens.ts';
import { PROGRAM } from './server.ts';
import { Stage } from './stage.ts';

describe.skipIf(PROGRAM === null)('on the real server', () => {
  const at = new Stage();

  it('P-04, P-05: an app is set up, and its codes prove a challenge', async () => {
    const session = await at.somebody();
    const { key, codes } = await at.enrolled(session);
    expect(new Set(codes).size).toBe(10);
    const challenge = await at.challenged(session);
    await at.page.getByText('transfer').waitFor();
    await code(at.page, '000000');
    await at.page.getByText('did not work').waitFor();
    await code(at.page, at.nextCode(key));
    await at.back('proved');
    expect(await at.stateOf(challenge)).toBe('satisfied');
  });

  it('I-05: a backup code proves a challenge, once', async () => {
    const session = await at.somebody();
    const { codes } = await at.enrolled(session);
    for (const outcome of ['proved', 'cancelled']) {
      await at.challenged(session);
      await at.page.locator('.other', { hasText: 'Backup code' }).click();
      await at.page.getByLabel('Backup code').waitFor();
      await code(at.page, codes[0] ?? '');
      if (outcome === 'cancelled') {
        await at.page.getByText('did not work').waitFor();
        await at.page.getByRole('button', { name: 'Cancel' }).click();
      }
      await at.back(outcome);
    }
  });

  it('T-09: a person’s own page asks for a proof, then does what was wanted', async () => {
    const { key } = await at.enrolled(await at.somebody());
    const { page } = at;
    await at.goTo({ purpose: 'security', session_id: await at.logIn() });
    await headed(page, 'Your sign-in');
    await page.locator('.item-change > summary').first().click();
    await page.getByLabel('Name').fill('Blue phone');
    await page.getByRole('button', { name: 'Save' }).click();
    await headed(page, 'Confirm');
    await code(page, at.nextCode(key));
    await page.getByText('The name was changed.').waitFor();
    await page.getByText('Blue phone').first().waitFor();

    await page.getByRole('button', { name: 'Sign out everywhere else' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere else' }).click();
    await page.getByText('Signed out there.').waitFor();
    await page.getByRole('button', { name: /Go back to/ }).click();
    await at.back('left');
  });

  it('W-01: a new phone takes the place of the old one, after a proof', async () => {
    const { key } = await at.enrolled(await at.somebody());
    const { page } = at;
    await at.goTo({ purpose: 'security', session_id: await at.logIn() });
    await headed(page, 'Your sign-in');
    await page.locator('.item-change > summary').first().click();
    await page.getByRole('button', { name: 'Replace by a new one' }).click();
    await page.getByRole('button', { name: 'Set up the new one' }).click();
    await headed(page, 'Confirm');
    await code(page, at.nextCode(key));
    await headed(page, 'Protect');
    expect(await at.connectApp()).not.toBe(key);
    await page.getByText('The new one is in use').waitFor();
    expect(
      await page.locator('[aria-labelledby=held] .item-name', { hasText: 'Authenticator app' }).count(),
    ).toBe(1);
  });
});
