/** The pages of links on the program itself, which makes them: for everybody, in each language, by keyboard, and without a script. */

import type { BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { AXE, violations } from '../accessible.ts';
import { launch, type Browser } from '../browser.ts';
import { LINK_SCREENS, Links } from './links.ts';
import { PROGRAM } from './server.ts';

/** As long as a name gets, and without a place to break. */
const WORD = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbea';
const PHONE = { viewport: { width: 360, height: 740 }, hasTouch: true };

describe.skipIf(PROGRAM === null)('the pages of links', () => {
  let links: Links;
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
    const brand = { COUNTERSIGN_BRAND_NAME: WORD, COUNTERSIGN_BRAND_COLOUR: '#ffcc00' };
    links = await Links.start(PROGRAM ?? '', brand);
  });
  afterAll(async () => {
    await browser?.close();
    await links?.close();
  });

  async function visiting(options: BrowserContextOptions, what: (page: Page) => Promise<void>) {
    const context = await browser.context(options);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (/Content.Security.Policy|Refused to/i.test(message.text())) complaints.push(message.text());
    });
    page.on('request', (request) => {
      if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(links.origin))
        complaints.push(request.url());
    });
    try {
      await what(page);
      expect(complaints).toEqual([]);
    } finally {
      await context.close();
    }
  }

  const width = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth);
  const tooSmall = (page: Page) =>
    page.evaluate(() =>
      [...document.querySelectorAll('button, a')]
        .filter((element) => element.getBoundingClientRect().height < 44)
        .map((element) => element.outerHTML),
    );

  it.each(LINK_SCREENS.map((screen) => [screen.name, screen] as const))(
    '%s: for everybody',
    async (_, screen) => {
      // The policy keeps what looks for faults out, as it does any script; what it says is looked at in the other tests.
      await visiting({ ...PHONE, bypassCSP: true }, async (page) => {
        await page.context().addInitScript(AXE);
        await screen.reach(page, links);
        for (const colorScheme of ['light', 'dark'] as const) {
          await page.emulateMedia({ colorScheme });
          expect(await violations(page), colorScheme).toEqual([]);
        }
        expect(await tooSmall(page)).toEqual([]);
        expect(await width(page), 'nothing to scroll sideways').toBe(360);
        await page.setViewportSize({ width: 320, height: 740 });
        expect(await width(page), 'nor at 320 pixels').toBe(320);
        expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1);
        expect(await page.title()).toBe(await page.getByRole('heading', { level: 1 }).textContent());
      });
    },
  );

  it.each([
    ['de-AT', 'de', 'Das geht einmal', 'Erledigt', 'Dieser Link wurde schon benutzt'],
    ['es', 'es', 'Funciona una sola vez', 'Hecho', 'Este enlace ya se utilizó'],
    ['fr-CA', 'fr', 'Cela marche une seule fois', 'C’est fait', 'Ce lien a déjà servi'],
    ['zh-CN', 'zh-Hans', '只能使用一次', '已完成', '此链接已被使用'],
    ['it', 'en', 'This works once', 'Done', 'This link was used already'],
  ])('%s: is in %s, and fits a phone', async (locale, language, once, done, used) => {
    await visiting({ ...PHONE, locale, javaScriptEnabled: false }, async (page) => {
      const address = await links.noticed(await links.somebody());
      await page.goto(address);
      await page.getByText(once).waitFor();
      expect(await page.getAttribute('html', 'lang')).toBe(language);
      // What the workflow says is in the language of messages, and a voice reads it so.
      const theirs = language === 'en' ? null : 'en';
      expect(await page.getAttribute('h1', 'lang')).toBe(theirs);
      expect(await page.getAttribute('button', 'lang')).toBe(theirs);
      await page.getByRole('button').click();
      await page.getByRole('heading', { level: 1, name: done }).waitFor();
      await page.goto(address);
      await page.getByRole('heading', { level: 1, name: used }).waitFor();
    });
  });

  it('is told apart by what it offers by itself, in the language of who reads it', async () => {
    await visiting({ ...PHONE, locale: 'de' }, async (page) => {
      await page.goto(await links.offered('hands_out'));
      await page.getByRole('heading', { level: 1, name: 'Ihr Weg zurück in Ihr Konto' }).waitFor();
      expect(await page.getAttribute('h1', 'lang')).toBeNull();
      await page.getByRole('button', { name: 'Code anzeigen' }).click();
      await page.getByText('Er wird nur jetzt gezeigt.').waitFor();
      await page.getByText('Behalten Sie ihn für sich').waitFor();
      expect(await page.locator('.codes li').allTextContents()).toEqual([
        expect.stringMatching(/^[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}$/),
      ]);
    });
  });

  it('loses nothing by a double click, nor by being loaded again', async () => {
    await visiting({ ...PHONE, javaScriptEnabled: false }, async (page) => {
      const address = await links.offered('hands_out');
      await page.goto(address);
      // A slow line, on which nothing seems to happen.
      const line = await page.context().newCDPSession(page);
      const slow = { offline: false, latency: 400, downloadThroughput: -1, uploadThroughput: -1 };
      await line.send('Network.emulateNetworkConditions', slow);
      let presses = 0;
      page.on('request', (request) => (presses += Number(request.method() === 'POST')));
      const { x, y } = (await page.getByRole('button').boundingBox()) ?? { x: 0, y: 0 };
      for (let press = 0; press < 2; press++) {
        await page.mouse.click(x + 20, y + 20);
        await page.waitForTimeout(150);
      }
      const shown = page.locator('.codes li');
      await shown.waitFor();
      expect(presses, 'the browser sends it twice').toBe(2);
      const code = await shown.textContent();
      await page.reload();
      expect(await shown.textContent()).toBe(code);
      // Who comes by the link once more, in whichever browser, sees nothing of it.
      const other = await page.context().newPage();
      await other.goto(address);
      await other.getByRole('heading', { level: 1, name: 'This link was used already' }).waitFor();
      expect(await other.locator('.codes').count()).toBe(0);
    });
  });

  it('is done by the keyboard, and looking at it does nothing', async () => {
    await visiting({}, async (page) => {
      const address = await links.opened(page);
      await page.reload();
      await page.keyboard.press('Tab');
      const focused = page.locator('button:focus-visible');
      expect(await focused.textContent()).toBe('I did not add it');
      expect(await focused.evaluate((button) => getComputedStyle(button).outlineStyle)).toBe('solid');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 1, name: 'Done' }).waitFor();
      await page.goto(address);
      await page.getByText('It was about').or(page.getByText('What it was about')).first().waitFor();
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 1, name: 'We know that you came' }).waitFor();
    });
  });

  it('shows the operator’s name and colour', async () => {
    await visiting({}, async (page) => {
      await links.opened(page);
      expect(await page.locator('.brand').textContent()).toBe(WORD);
      const ground = () =>
        page.getByRole('button').evaluate((button) => getComputedStyle(button).backgroundColor);
      // Too light for words on white as it is, and taken as it is on black.
      await page.emulateMedia({ colorScheme: 'dark' });
      expect(await ground()).toBe('rgb(255, 204, 0)');
      await page.emulateMedia({ colorScheme: 'light' });
      expect(await ground()).not.toBe('rgb(255, 204, 0)');
    });
  });
});
