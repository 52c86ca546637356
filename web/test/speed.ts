/** How long a phone on a slow line waits until it can type: a mid-range processor (4 times slower) on slow 4G, served by the program itself. */

import { launch } from './browser.ts';
import { PROGRAM, start } from './real/server.ts';

/** As Lighthouse throttles: 150 ms there and back, 1.6 Mbit/s down, 750 kbit/s up. */
const SLOW_4G = { offline: false, latency: 150, downloadThroughput: 204_800, uploadThroughput: 96_000 };
const RUNS = 9;
/** Milliseconds. */
const GOAL = 1_000;

/** Prints the milliseconds until the field of a challenge can be typed in, at first visits. @throws where the goal is missed */
export async function measure(): Promise<void> {
  if (PROGRAM === null)
    throw new Error('there is no program to measure: cargo build -p countersign -p vault');
  const real = await start(PROGRAM);
  const browser = await launch();
  const times: number[] = [];
  try {
    const { application } = await real.api<{ application: { id: string } }>('GET', '/v1/whoami');
    await real.api('PATCH', `/v1/applications/${application.id}`, { return_origins: ['http://localhost:9'] });
    for (let run = 0; run < RUNS; run++) {
      // Nobody by this name: asked for a code as everybody else is (T-19).
      const { id } = await real.api<{ id: string }>('POST', '/v1/challenges', {
        external_id: `person-${run}`,
      });
      const wanted = { purpose: 'challenge', challenge_id: id, return_url: 'http://localhost:9/' };
      const { url } = await real.api<{ url: string }>('POST', '/v1/pages', wanted);
      const context = await browser.context({ viewport: { width: 360, height: 740 }, isMobile: true });
      const page = await context.newPage();
      const tools = await context.newCDPSession(page);
      await tools.send('Network.enable');
      await tools.send('Network.emulateNetworkConditions', SLOW_4G);
      await tools.send('Emulation.setCPUThrottlingRate', { rate: 4 });
      await page.goto(url, { waitUntil: 'commit' });
      const shown = await page.waitForFunction(
        () => document.querySelector('main button, main input') && performance.now(),
      );
      times.push(Number(await shown.jsonValue()));
      await context.close();
    }
  } finally {
    await browser.close();
    await real.close();
  }
  times.sort((one, other) => one - other);
  const [best, median] = [times[0] ?? 0, times[Math.floor(RUNS / 2)] ?? 0];
  console.log(
    `Interactive after ${Math.round(median)} ms, at the median of ${RUNS} (${times.map(Math.round).join(', ')})`,
  );
  // What else the machine does makes single visits slower, and none faster.
  if (best > GOAL) throw new Error(`not one of them is within ${GOAL} ms`);
}
