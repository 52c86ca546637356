/** How long a phone on a slow line waits until it can type: a mid-range processor (4 times slower) on slow 4G. */

import { launch } from './browser.ts';
import { serve } from './mock/http.ts';

/** As Lighthouse throttles: 150 ms there and back, 1.6 Mbit/s down, 750 kbit/s up. */
const SLOW_4G = { offline: false, latency: 150, downloadThroughput: 204_800, uploadThroughput: 96_000 };
const RUNS = 5;

/** Prints the milliseconds until the field of a challenge can be typed in, at the median of a few first visits. */
export async function measure(): Promise<void> {
  const served = await serve('dist');
  const browser = await launch();
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++) {
    const context = await browser.context({ viewport: { width: 360, height: 740 }, isMobile: true });
    const page = await context.newPage();
    const tools = await context.newCDPSession(page);
    await tools.send('Network.enable');
    await tools.send('Network.emulateNetworkConditions', SLOW_4G);
    await tools.send('Emulation.setCPUThrottlingRate', { rate: 4 });
    const token = served.pages.create({ purpose: 'challenge' });
    await page.goto(`${served.origin}/challenge/${token}`, { waitUntil: 'commit' });
    const shown = await page.waitForFunction(() => document.querySelector('input') && performance.now());
    times.push(Number(await shown.jsonValue()));
    await context.close();
  }
  await browser.close();
  await served.close();
  times.sort((one, other) => one - other);
  const median = Math.round(times[Math.floor(RUNS / 2)] ?? 0);
  console.log(
    `Interactive after ${median} ms, at the median of ${RUNS} (${times.map(Math.round).join(', ')})`,
  );
}
