/** Pictures of every screen, for looking at, and of a few for the documentation. */

import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { launch } from './browser.ts';
import { serve } from './mock/http.ts';
import { SCREENS } from './screens.ts';

const SIZES = [
  { width: 360, height: 740 },
  { width: 1280, height: 800 },
] as const;
const THEMES = ['light', 'dark'] as const;

/** What stands in docs/images: which screen, how. */
const DOCUMENTED = [
  { screen: 'prove', theme: 'light', width: 360 },
  { screen: 'view', theme: 'light', width: 360 },
  { screen: 'backup-codes', theme: 'dark', width: 360 },
] as const;

/** Takes every screen in each theme and size into `folder`, and those of the documentation into docs/images. */
export async function takeAll(folder = join(tmpdir(), 'countersign-screens')): Promise<void> {
  await mkdir(folder, { recursive: true });
  await mkdir('../docs/images', { recursive: true });
  const served = await serve('dist');
  const browser = await launch();
  for (const viewport of SIZES) {
    for (const theme of THEMES) {
      const phone = viewport.width < 500;
      for (const screen of SCREENS) {
        const context = await browser.context({
          viewport,
          colorScheme: theme,
          hasTouch: phone,
          isMobile: phone,
        });
        const page = await context.newPage();
        await screen.reach(page, served);
        const name = `${screen.name}-${theme}-${viewport.width}.png`;
        await page.screenshot({ path: join(folder, name), fullPage: true });
        const documented = DOCUMENTED.some(
          (one) => one.screen === screen.name && one.theme === theme && one.width === viewport.width,
        );
        if (documented)
          await page.screenshot({ path: join('../docs/images', `page-${screen.name}.png`), fullPage: true });
        await context.close();
      }
    }
  }
  await browser.close();
  await served.close();
  console.log(`Every screen is in ${folder}`);
}
