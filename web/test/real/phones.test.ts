/** The authenticator app on a phone and the page on a computer, both on the program itself. */

import jsQR from 'jsqr';
import type { BrowserContext, Page } from 'playwright-core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { approve, hasCamera, readsCodes, wrong } from '../authenticator/screens.ts';
import { headed } from '../screens.ts';
import { PROGRAM } from './server.ts';
import { Stage } from './stage.ts';

const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true };

describe.skipIf(PROGRAM === null)('a phone that approves, on the real server', () => {
  const at = new Stage();
  let pocket: BrowserContext;
  let phone: Page;
  beforeEach(async () => {
    pocket = await at.browser.context(PHONE);
    phone = await at.watched(pocket);
  });
  afterEach(() => pocket.close());

  /** The number on the computer's page. */
  const number = async () => (await at.page.locator('.push-number span[aria-hidden]').textContent()) ?? '';

  /** What a camera reads on the computer's page. */
  async function scanned(): Promise<string> {
    await at.page.getByRole('img', { name: 'QR code that connects your phone' }).waitFor();
    const { side, pixels } = await at.page.evaluate(async () => {
      const drawn = document.querySelector('svg.qr')?.cloneNode(true) as SVGElement;
      const side = 400;
      // What the style sheet says of it.
      drawn.querySelector('.qr-light')?.setAttribute('fill', '#fff');
      drawn.setAttribute('width', String(side));
      drawn.setAttribute('height', String(side));
      const image = new Image();
      image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(drawn))}`;
      await image.decode();
      const canvas = new OffscreenCanvas(side, side);
      const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
      context.drawImage(image, 0, 0);
      return { side, pixels: [...context.getImageData(0, 0, side, side).data] };
    });
    return jsQR(Uint8ClampedArray.from(pixels), side, side)?.data ?? '';
  }

  /** Connects the phone to the account of a session. */
  async function connected(session: string) {
    await at.choosing(session);
    await at.choose('Approval on your phone');
    await phone.goto(await scanned());
    await phone.getByRole('button', { name: 'Connect' }).click();
    await headed(phone, 'Type the number');
    await approve(phone, await number());
    await headed(phone, 'This phone is connected');
    await phone.getByRole('button', { name: 'Done' }).click();
    const codes = await at.keepCodes();
    await at.back('enrolled');
    return codes;
  }

  async function asked(session: string): Promise<string> {
    const challenge = await at.challenged(session);
    await at.page.getByRole('button', { name: 'Ask my phone' }).click();
    await phone.getByRole('heading', { level: 1, name: / asks$/ }).waitFor();
    return challenge;
  }

  it('I-04: the phone approves with the number of the page, which goes on by itself', async () => {
    const session = await at.somebody();
    await connected(session);
    const challenge = await asked(session);
    await phone.getByText('transfer').waitFor();
    await phone.getByText('100').waitFor();
    await approve(phone, await number());
    await headed(phone, 'Approved');
    await at.back('proved');
    expect(await at.stateOf(challenge)).toBe('satisfied');
  });

  it('T-15: a wrong number ends the question, and the page says so', async () => {
    const session = await at.somebody();
    await connected(session);
    const challenge = await asked(session);
    await approve(phone, wrong(await number()));
    await headed(phone, 'That was not the number');
    await at.page.getByRole('alert').getByText('It was denied on your phone').waitFor();
    expect(await at.stateOf(challenge)).toBe('open');
  });

  it('T-15: "this was not me" ends the challenge, and is told of', async () => {
    const session = await at.somebody();
    await connected(session);
    const challenge = await asked(session);
    await phone.getByRole('button', { name: 'This was not me' }).click();
    await phone.getByRole('button', { name: 'Yes, report it' }).click();
    await headed(phone, 'Reported');
    // The page hears that it was denied, and maybe only when it asks again that the challenge is over with that.
    const again = at.page.getByRole('button', { name: 'Ask again' });
    const over = at.page.getByRole('heading', { level: 1, name: 'This cannot go on' });
    await again.or(over).waitFor();
    if (await again.isVisible()) await again.click();
    await over.waitFor();
    expect(await at.stateOf(challenge)).toBe('cancelled');
    expect(await at.events('authenticator.fraud_reported')).toHaveLength(1);
    await at.page.getByRole('button', { name: /Go back to/ }).click();
    await at.back('cancelled');
  });

  it('T-13: a phone that is given another number is not connected, and the page says so', async () => {
    const session = await at.somebody();
    await at.choosing(session);
    await at.choose('Approval on your phone');
    await phone.goto(await scanned());
    await phone.getByRole('button', { name: 'Connect' }).click();
    await headed(phone, 'Type the number');
    await approve(phone, wrong(await number()));
    await headed(phone, 'That was not the number');
    const said = at.page.getByRole('alert').getByText('Your phone was not connected');
    await said.waitFor({ timeout: 15_000 });
    await headed(at.page, 'Protect');
  });

  it('W-06: where the camera may not be used, the link is pasted', async () => {
    const session = await at.somebody();
    await readsCodes(null)(phone);
    await hasCamera(false)(phone);
    await at.choosing(session);
    await at.choose('Approval on your phone');
    const link = await scanned();
    await phone.goto(new URL('/authenticator', link).href);
    await phone.getByRole('button', { name: 'Connect an account' }).click();
    await phone.getByRole('button', { name: 'Scan the QR code' }).click();
    await phone.getByText('The camera cannot be used').waitFor();
    await phone.getByLabel('Or paste the link').fill(link);
    await phone.getByRole('button', { name: 'Continue' }).click();
    await headed(phone, 'Connect this phone?');
    await phone.getByRole('button', { name: 'Connect' }).click();
    await headed(phone, 'Type the number');
    await approve(phone, await number());
    await headed(phone, 'This phone is connected');
    await headed(at.page, 'Keep your backup codes');
  });
});
