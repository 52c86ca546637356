import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { CATALOGUE } from '../../src/authenticator/words/catalogue';
import { wordsOf } from '../../src/authenticator/worker/words';
import { LANGUAGES } from '../../src/words/catalogue';
import { launch, type Browser } from '../browser.ts';
import { SCREENS, connected, headed } from './screens.ts';
import { serve } from './server.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

/** What a check of accessibility (WCAG 2.2 A and AA, and good practice) finds. */
async function violations(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    type Found = { violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] };
    const { axe } = window as unknown as { axe: { run(): Promise<Found> } };
    const { violations } = await axe.run();
    return violations.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`),
    );
  });
}

/** What can be pressed and is smaller than a finger, 44 CSS pixels high (WCAG 2.2, 2.5.5). */
const tooSmall = (page: Page): Promise<string[]> =>
  page.evaluate(() =>
    [...document.querySelectorAll('button, a, input')]
      .filter((element) => element.getBoundingClientRect().height < 44)
      .map((element) => element.outerHTML),
  );

it.each(SCREENS.map((screen) => [screen.name, screen] as const))('%s: for everybody', async (_, screen) => {
  const served = await serve('dist');
  const context = await browser.context({
    viewport: { width: 360, height: 740 },
    hasTouch: true,
    reducedMotion: 'reduce',
  });
  await context.addInitScript(AXE);
  const page = await context.newPage();
  const complaints: string[] = [];
  const strangers: string[] = [];
  page.on('console', (message) => {
    if (/Content.Security.Policy|Refused to/i.test(message.text())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    if (!request.url().startsWith(served.push.origin)) strangers.push(request.url());
  });

  await screen.reach(page, served.push);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    expect(await violations(page), colorScheme).toEqual([]);
  }
  expect(await tooSmall(page)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth), 'nothing to scroll sideways').toBe(
    360,
  );
  await page.setViewportSize({ width: 320, height: 740 });
  expect(await page.evaluate(() => document.documentElement.scrollWidth), 'nor at 320 pixels').toBe(320);
  expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1);
  expect(await page.title()).toBe(await page.getByRole('heading', { level: 1 }).textContent());
  expect(complaints).toEqual([]);
  expect(strangers).toEqual([]);
  await context.close();
  await served.close();
});

it.each(['de', 'es', 'fr', 'zh'])('%s: fits a phone', async (locale) => {
  const served = await serve('dist');
  const context = await browser.context({ viewport: { width: 360, height: 740 }, locale });
  const page = await context.newPage();
  await page.goto(served.push.link());
  await page.locator('button[type=submit]').click();
  await page.locator('.pad').waitFor();
  expect(await page.getAttribute('html', 'lang')).toBe(locale === 'zh' ? 'zh-Hans' : locale);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
  await context.close();
  await served.close();
});

it('what comes from elsewhere is text, and nothing else', async () => {
  const served = await serve('dist');
  const page = await (await browser.context()).newPage();
  await connected(page, served.push);
  served.push.ask({ application: '<b>Shop</b>', shown: [['<i>To</i>', '<img src=x onerror=alert(1)>']] });
  await headed(page, '<b>Shop</b> asks');
  expect(await page.getByText('<img src=x onerror=alert(1)>').count()).toBe(1);
  expect(await page.locator('main b, main i, main img').count()).toBe(0);
  await page.context().close();
  await served.close();
});

it('says in plain words that it needs JavaScript', async () => {
  const served = await serve('dist');
  const context = await browser.context({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${served.push.origin}/authenticator`);
  await page.locator('.no-script h1').waitFor();
  await context.close();
  await served.close();
});

describe('words', () => {
  /** Every text of a language by its path, functions given a name to say. */
  function texts(words: object, at = ''): [string, string][] {
    return Object.entries(words).flatMap(([name, value]: [string, unknown]): [string, string][] => {
      const path = `${at}/${name}`;
      if (typeof value === 'string') return [[path, value]];
      if (typeof value === 'function') return [[path, (value as (said: string) => string)('Nimbus')]];
      return texts(value as object, path);
    });
  }

  it.each(LANGUAGES)('%s says everything, and nothing that was only copied', async (language) => {
    for (const [own, english] of [
      [texts(await CATALOGUE[language]()), texts(await CATALOGUE.en())],
      [texts(wordsOf([language])), texts(wordsOf(['en']))],
    ] as const) {
      const known = new Map(english);
      expect(own.map(([path]) => path).sort()).toEqual([...known.keys()].sort());
      for (const [path, text] of own) {
        expect(text.trim(), path).not.toBe('');
        const sentence = (known.get(path) ?? '').includes(' ');
        if (language !== 'en' && sentence) expect(text, path).not.toBe(known.get(path));
        if (known.get(path)?.includes('Nimbus')) expect(text, path).toContain('Nimbus');
      }
    }
  });
});

it('the app is under 60 KB compressed, with nothing inline and nothing of others', () => {
  const dist = new URL('../../dist/', import.meta.url);
  const html = readFileSync(new URL('authenticator.html', dist), 'utf8');
  const linked = [...html.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map(([, path]) => path ?? '');
  const language = Math.max(
    ...readdirSync(new URL('assets/', dist))
      .filter((name) => name.startsWith('app-'))
      .map((name) => readFileSync(new URL(`assets/${name}`, dist)).length),
  );
  const whole = ['authenticator.html', ...linked].reduce(
    (sum, path) => sum + gzipSync(readFileSync(new URL(path, dist))).length,
    language,
  );
  expect(whole).toBeLessThan(60_000);
  expect(html).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/i);
  expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
});
