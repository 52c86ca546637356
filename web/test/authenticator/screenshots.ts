/** Pictures of every screen of the authenticator app. */

import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { launch } from '../browser.ts';
import { SCREENS } from './screens.ts';
import { serve } from './server.ts';

/** What stands in docs/images: which screen, in which theme. */
const DOCUMENTED: Readonly<Record<string, 'light' | 'dark'>> = {
  prompt: 'light',
  accounts: 'dark',
  connect: 'light',
};

/** Takes every screen at phone width in both themes into `folder`, and those of the documentation into docs/images. */
export async function takeAll(folder = join(tmpdir(), 'countersign-screens')): Promise<void> {
  await mkdir(folder, { recursive: true });
  await mkdir('../docs/images', { recursive: true });
  const browser = await launch();
  for (const theme of ['light', 'dark'] as const) {
    for (const screen of SCREENS) {
      const served = await serve('dist');
      const context = await browser.context({
        viewport: { width: 360, height: 740 },
        colorScheme: theme,
        hasTouch: true,
        isMobile: true,
      });
      const page = await context.newPage();
      await screen.reach(page, served.push);
      await page.screenshot({ path: join(folder, `app-${screen.name}-${theme}.png`), fullPage: true });
      if (DOCUMENTED[screen.name] === theme)
        await page.screenshot({ path: join('../docs/images', `app-${screen.name}.png`), fullPage: true });
      await context.close();
      await served.close();
    }
  }
  await browser.close();
}
