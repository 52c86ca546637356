/** Whom a page does not work for, on the program itself: what they read, in plain words. */

import { describe, expect, it } from 'vitest';

import { code, headed } from '../screens.ts';
import { PROGRAM } from './server.ts';
import { Stage } from './stage.ts';

describe.skipIf(PROGRAM === null)('links that do not work, on the real server', () => {
  const at = new Stage();

  it('T-12: a second browser is sent away, and the first one goes on', async () => {
    const session = await at.somebody();
    const { key } = await at.enrolled(session);
    const link = await at.link({ purpose: 'challenge', challenge_id: await at.challenge(session) });
    await at.page.goto(link);
    await headed(at.page, 'Confirm');
    const stranger = await at.browser.context();
    const page = await at.watched(stranger);
    await page.goto(link);
    await headed(page, 'This link is open in another browser');
    expect(await page.getByRole('textbox').count()).toBe(0);
    expect((await at.events('page.refused'))[0]?.data).toMatchObject({ reason: 'opened_elsewhere' });
    await stranger.close();
    await code(at.page, at.nextCode(key));
    await at.back('proved');
  });

  it('T-13: a link whose time is over says so', async () => {
    const link = await at.link({ purpose: 'enroll', session_id: await at.somebody() });
    await at.real.advance(601);
    await at.page.goto(link);
    await headed(at.page, 'This link is over');
    await at.page.getByText('begin again').waitFor();
  });

  it('T-13: a link that was used leads its own browser back, and any other one nowhere', async () => {
    const session = await at.somebody();
    const { key } = await at.enrolled(session);
    const link = await at.link({ purpose: 'challenge', challenge_id: await at.challenge(session) });
    await at.page.goto(link);
    await code(at.page, at.nextCode(key));
    await at.back('proved');
    await at.page.goto(link);
    await at.back('proved');
    const stranger = await at.browser.context();
    const page = await at.watched(stranger);
    await page.goto(link);
    await headed(page, 'This link is over');
    await stranger.close();
  });

  it('T-12: a link that was handed on before it was opened asks nobody for anything', async () => {
    const session = await at.somebody();
    const { key } = await at.enrolled(session);
    const attackers = await at.logIn();
    at.others = session;
    const challenge = await at.challenge(attackers);
    for (const page of [
      { purpose: 'challenge', challenge_id: challenge },
      { purpose: 'enroll', session_id: attackers },
      { purpose: 'security', session_id: attackers },
    ]) {
      const link = await at.link(page);
      await at.page.goto(link);
      await headed(at.page, 'Begin again at the shop');
      await at.page.goto(link);
      await headed(at.page, 'This link is over');
    }
    expect(await at.stateOf(challenge)).toBe('open');
    const refused = (await at.events('page.refused')).filter((one) => one.data.reason === 'other_session');
    expect(refused).toHaveLength(3);
    // And the person still gets to where they want.
    at.others = null;
    await at.challenged(session);
    await code(at.page, at.nextCode(key));
    await at.back('proved');
  });

  it('T-13: a link that is cut off or made up opens nothing', async () => {
    const link = await at.link({ purpose: 'enroll', session_id: await at.somebody() });
    await at.page.goto(link.slice(0, -5));
    await headed(at.page, 'This link does not work');
    await at.page.goto(`${link.slice(0, -43)}${'A'.repeat(43)}`);
    await headed(at.page, 'This link is over');
    await at.page.goto(link);
    await headed(at.page, 'Protect');
  });

  it('W-06: without JavaScript it says what is missing, and the link can still be opened', async () => {
    const link = await at.link({ purpose: 'enroll', session_id: await at.somebody() });
    const bare = await at.browser.context({ javaScriptEnabled: false });
    const page = await bare.newPage();
    await page.goto(link);
    await page.getByRole('heading', { name: 'This page needs JavaScript' }).waitFor();
    await bare.close();
    await at.page.goto(link);
    await headed(at.page, 'Protect');
  });

  it('T-26: no other site can put a page into a frame', async () => {
    const link = await at.link({ purpose: 'enroll', session_id: await at.somebody() });
    const answer = await at.page.goto(link);
    const policy = answer?.headers()['content-security-policy'] ?? '';
    expect(policy).toContain("frame-ancestors 'none'");
    const framing = await at.context.newPage();
    await framing.route('http://localhost:9/**', (route) =>
      route.fulfill({ contentType: 'text/html', body: `<iframe src="${link}"></iframe>` }),
    );
    await framing.goto('http://localhost:9/framing');
    await expect.poll(() => framing.frames()[1]?.url()).toBe('chrome-error://chromewebdata/');
  });
});
