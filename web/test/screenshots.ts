/** Pictures of every screen, for looking at, and of a few for the documentation. */

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { BrowserContextOptions, Page } from 'playwright-core';

import { SCREENS as APP_SCREENS } from './authenticator/screens.ts';
import { serve as serveApp } from './authenticator/server.ts';
import { photographBank } from './bank-pictures.ts';
import { launch, type Browser } from './browser.ts';
import { serve } from './mock/http.ts';
import { LINK_SCREENS, Links } from './real/links.ts';
import { PROGRAM } from './real/server.ts';
import { SCREENS } from './screens.ts';

const THEMES = ['light', 'dark'] as const;
const SIZES = { phone: { width: 360, height: 740 }, desktop: { width: 1280, height: 800 } } as const;

type Theme = (typeof THEMES)[number];
type Size = keyof typeof SIZES;

/** What stands in docs/images, taken on a phone: in which theme. */
const DOCUMENTED: Readonly<Record<string, Theme>> = {
  'page-choose': 'light',
  'page-view': 'light',
  'page-backup-codes': 'dark',
  'page-prove': 'light',
  'page-prove-branded': 'light',
  'page-prove-push': 'light',
  'page-view-phone-number': 'light',
  'page-security': 'light',
  'page-task': 'light',
  'page-sign-in': 'light',
  'app-connect': 'light',
  'app-prompt': 'light',
  'app-accounts': 'dark',
};
/** The same of the sample bank. */
const BANK_DOCUMENTED: Readonly<Record<string, `${Theme}-${Size}`>> = {
  'bank-account': 'light-desktop',
  'bank-step-up': 'light-phone',
  'bank-receipt': 'light-desktop',
  'bank-alarm': 'dark-desktop',
};
/** The same of the pages of links. */
const LINKS_DOCUMENTED: Readonly<Record<string, Theme>> = { link: 'light' };
/** Beside a phone, a desktop is as high in the documentation. */
const BANK_CUT = { phone: {}, desktop: { viewport: { width: 1280, height: 1010 } } } as const;
const IMAGES = '../docs/images';

/** How many are taken at a time: most of it is waiting. */
const AT_ONCE = 4;

interface Picture {
  readonly name: string;
  readonly theme: Theme;
  readonly size: Size;
  /** Goes to the screen and has it photographed. */
  take(page: Page, shoot: () => Promise<void>): Promise<void>;
}

/**
 * Takes the documentation's pictures; with a folder, every screen in each theme and size into that instead, or those whose
 * names contain one of `names`.
 */
export async function takeAll(folder?: string, names: readonly string[] = []): Promise<void> {
  const into = folder ?? IMAGES;
  await mkdir(into, { recursive: true });
  const wanted = pictures().filter(({ name, theme, size }) =>
    folder === undefined
      ? DOCUMENTED[name] === theme && size === 'phone'
      : names.length === 0 || names.some((one) => name.includes(one)),
  );
  const browser = await launch();
  const left = [...wanted];
  const failed: string[] = [];
  const one = async () => {
    for (let next = left.shift(); next; next = left.shift()) {
      const file = folder === undefined ? next.name : `${next.name}-${next.theme}-${next.size}`;
      await photographed(browser, next, join(into, `${file}.png`)).catch((error: unknown) =>
        failed.push(`${file}: ${String(error)}`),
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  const links = await linkPages(browser, folder, names).catch((error: unknown) => {
    failed.push(`links: ${String(error)}`);
    return 0;
  });
  await bank(browser, folder, names).catch((error: unknown) => failed.push(`bank: ${String(error)}`));
  await browser.close();
  console.log(`${wanted.length + links - failed.length} pictures are in ${into}`);
  if (failed.length > 0) throw new Error(failed.join('\n'));
}

function pictures(): Picture[] {
  const hosted = SCREENS.map(({ name, reach }) => ({
    name: `page-${name}`,
    // A server of its own for each: a fault is for the next request, whosever it is.
    take: async (page: Page, shoot: () => Promise<void>) => {
      const served = await serve('dist');
      await reach(page, served)
        .then(shoot)
        .finally(() => served.close());
    },
  }));
  const app = APP_SCREENS.map(({ name, reach }) => ({
    name: `app-${name}`,
    take: async (page: Page, shoot: () => Promise<void>) => {
      const served = await serveApp('dist');
      await reach(page, served.push)
        .then(shoot)
        .finally(() => served.close());
    },
  }));
  const sizes = Object.keys(SIZES) as Size[];
  return [...hosted, ...app].flatMap((screen) =>
    THEMES.flatMap((theme) => sizes.map((size) => ({ ...screen, theme, size }))),
  );
}

/** The pages of links in each look, how many; into the documentation's folder, one. Skipped where the program is not built. */
async function linkPages(browser: Browser, folder: string | undefined, names: readonly string[]) {
  if (PROGRAM === null) {
    console.log('The pages of links are not photographed: cargo build -p countersign -p vault');
    return 0;
  }
  const wanted = LINK_SCREENS.flatMap((screen) =>
    THEMES.flatMap((theme) => (Object.keys(SIZES) as Size[]).map((size) => ({ ...screen, theme, size }))),
  ).filter(({ name, theme, size }) =>
    folder === undefined
      ? LINKS_DOCUMENTED[name] === theme && size === 'phone'
      : names.length === 0 || names.some((one) => `page-${name}`.includes(one)),
  );
  if (wanted.length === 0) return 0;
  const links = await Links.start(PROGRAM);
  try {
    for (const { name, theme, size, reach } of wanted) {
      const file = folder === undefined ? name : `${name}-${theme}-${size}`;
      const take = (page: Page, shoot: () => Promise<void>) => reach(page, links).then(shoot);
      await photographed(browser, { name, theme, size, take }, join(folder ?? IMAGES, `page-${file}.png`));
    }
  } finally {
    await links.close();
  }
  return wanted.length;
}

/** The sample bank in each look; into the documentation's folder, what is wanted there. Skipped where the program is not built. */
export async function bank(
  browser: Browser,
  folder: string | undefined,
  names: readonly string[],
): Promise<void> {
  if (PROGRAM === null)
    return console.log('The bank is not photographed: cargo build -p countersign -p vault');
  if (names.length > 0 && !names.some((name) => name.startsWith('bank'))) return;
  for (const theme of THEMES)
    for (const size of Object.keys(SIZES) as Size[]) {
      const look = `${theme}-${size}` as const;
      if (folder !== undefined) {
        const into = (name: string) => ({ path: join(folder, `${name}-${look}.png`), fullPage: true });
        await photographBank(browser, PROGRAM, looking(theme, size), into);
      } else if (Object.values(BANK_DOCUMENTED).includes(look)) {
        const picture = (name: string) => ({ path: join(IMAGES, `${name}.png`), fullPage: size === 'phone' });
        const into = (name: string) => (BANK_DOCUMENTED[name] === look ? picture(name) : null);
        await photographBank(browser, PROGRAM, { ...looking(theme, size), ...BANK_CUT[size] }, into);
      }
    }
}

function looking(theme: Theme, size: Size): BrowserContextOptions {
  const phone = size === 'phone';
  return {
    viewport: SIZES[size],
    colorScheme: theme,
    hasTouch: phone,
    isMobile: phone,
    reducedMotion: 'reduce',
  };
}

async function photographed(browser: Browser, { theme, size, take }: Picture, path: string) {
  const context = await browser.context(looking(theme, size));
  const page = await context.newPage();
  await take(page, async () => {
    // Where the pointer was, nothing is to look pressed.
    await page.mouse.move(0, 0);
    // A dialog covers what can be seen, not what is below it.
    const fullPage = (await page.locator('dialog[open]').count()) === 0;
    await page.screenshot({ path, fullPage, animations: 'disabled' });
  }).finally(() => context.close());
}
