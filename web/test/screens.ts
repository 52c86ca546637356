/** Every screen of the pages, and the way there: what is looked at, measured and photographed. */

import type { Page } from 'playwright-core';

import type { Served } from './mock/http.ts';
import { FREE_SERIAL, KEY, Problem, type Wish } from './mock/pages.ts';
import { totp } from './mock/totp.ts';

export interface Screen {
  readonly name: string;
  reach(page: Page, served: Served): Promise<void>;
}

const LOGO =
  'data:image/svg+xml,%3Csvg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"%3E%3Ccircle cx="16" cy="16" r="16" fill="%230f766e"/%3E%3Cpath d="M9 20c3-9 11-9 14 0" fill="none" stroke="%23fff" stroke-width="3" stroke-linecap="round"/%3E%3C/svg%3E';

const TRANSFER: Wish = {
  purpose: 'challenge',
  action: 'Bank transfer',
  shown: { Amount: '€ 250.00', To: 'Hanna Weiss' },
};
const ENROLL: Wish = { purpose: 'enroll' };
const EVERYTHING = ['webauthn', 'push', 'totp', 'sms', 'backup_codes'] as const satisfies Wish['has'];

/** Names as they are: without a place to break, and as long as the server takes them. */
const WORD = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbea';
const LONG: Wish = {
  purpose: 'challenge',
  application: WORD,
  brand: { name: WORD, logo: LOGO, colour: '#0f766e' },
  action: 'Change the payout account of the organisation and confirm all mandates',
  shown: {
    [WORD]: 'DE89370400440532013000',
    'Account holder': `${WORD}${WORD}`,
    '<b>Markup</b>': '<img src=x onerror=alert(1)>',
  },
  has: ['push', 'totp', 'email', 'backup_codes'],
};
/** The second payee holds a mark that turns around what follows it. */
const RIGHT_TO_LEFT: Wish = {
  purpose: 'challenge',
  application: 'متجر الزهور 24',
  brand: { name: 'متجر الزهور', logo: null, colour: null },
  action: 'تحويل مصرفي',
  shown: { المبلغ: '€ 250.00', To: 'חנה וייס', Payee: '\u202e00.052 Hanna' },
  has: ['totp', 'backup_codes'],
};

export const SCREENS: readonly Screen[] = [
  { name: 'prove', reach: (page, served) => opened(page, served, TRANSFER, 'Confirm') },
  {
    name: 'prove-remember',
    reach: (page, served) => opened(page, served, { ...TRANSFER, remembers: true }, 'Confirm'),
  },
  { name: 'prove-branded', reach: proveBranded },
  { name: 'prove-long', reach: (page, served) => opened(page, served, LONG, 'Confirm') },
  { name: 'prove-right-to-left', reach: (page, served) => opened(page, served, RIGHT_TO_LEFT, 'Confirm') },
  {
    name: 'choose-long',
    reach: (page, served) => opened(page, served, { ...LONG, ...ENROLL, has: [] }, 'Protect'),
  },
  { name: 'security-long', reach: securityLong },
  { name: 'prove-backup', reach: proveBackup },
  { name: 'prove-incomplete', reach: proveIncomplete },
  { name: 'prove-refused', reach: (page, served) => proveRefused(page, served, 1) },
  { name: 'prove-refused-often', reach: (page, served) => proveRefused(page, served, 3) },
  { name: 'prove-offline', reach: proveOffline },
  { name: 'prove-busy', reach: (page, served) => proveFault(page, served, 503, 'busy') },
  { name: 'prove-waiting', reach: (page, served) => proveFault(page, served, 429, 'waiting') },
  {
    name: 'prove-before-adding',
    reach: (page, served) =>
      opened(page, served, { ...ENROLL, has: ['totp', 'backup_codes'] }, 'Confirm that it is you'),
  },
  { name: 'proved', reach: proved },
  { name: 'choose', reach: (page, served) => opened(page, served, ENROLL, 'Protect') },
  { name: 'view', reach: async (page, served) => void (await viewed(page, served)) },
  { name: 'view-typed', reach: viewTyped },
  { name: 'view-hidden', reach: viewHidden },
  { name: 'view-refused', reach: viewRefused },
  { name: 'view-unsealed', reach: viewUnsealed },
  { name: 'backup-codes', reach: backupCodes },
  { name: 'backup-codes-unkept', reach: backupCodesUnkept },
  { name: 'enrolled', reach: enrolled },
  {
    name: 'prove-passkey',
    reach: (page, served) => opened(page, served, { ...TRANSFER, has: EVERYTHING }, 'Confirm'),
  },
  { name: 'prove-push', reach: provePush },
  { name: 'prove-push-denied', reach: provePushDenied },
  { name: 'prove-sms', reach: proveSms },
  { name: 'prove-gateway', reach: proveGateway },
  { name: 'prove-lost', reach: proveLost },
  { name: 'details-sms', reach: (page, served) => details(page, served, 'Text message') },
  { name: 'details-blocked', reach: detailsBlocked },
  { name: 'details-token', reach: (page, served) => details(page, served, 'Hardware token') },
  { name: 'view-sms', reach: viewSms },
  { name: 'view-token', reach: viewToken },
  { name: 'view-phone', reach: viewPhone },
  { name: 'view-phone-number', reach: viewPhoneNumber },
  { name: 'view-phone-refused', reach: viewPhoneRefused },
  { name: 'view-passkey-cancelled', reach: viewPasskey },
  { name: 'stronger', reach: stronger },
  {
    name: 'security',
    reach: (page, served) =>
      opened(
        page,
        served,
        { purpose: 'security', has: [...EVERYTHING, 'email'], mayChange: true },
        'Your sign-in',
      ),
  },
  { name: 'task', reach: (page, served) => deciding(page, served) },
  { name: 'task-unseen', reach: taskUnseen },
  { name: 'task-prove', reach: taskProve },
  { name: 'task-approved', reach: (page, served) => taskDecided(page, served, 'Approve') },
  { name: 'task-rejected', reach: (page, served) => taskDecided(page, served, 'Reject') },
  {
    name: 'task-closed',
    reach: (page, served) =>
      opened(page, served, { purpose: 'task', task: { state: 'timeout' } }, 'Nothing is left'),
  },
  { name: 'task-long', reach: taskLong },
  { name: 'sign-in', reach: (page, served) => signIn(page, served) },
  { name: 'sign-in-cancelled', reach: signInCancelled },
  {
    name: 'sign-in-branded',
    reach: (page, served) => signIn(page, served, { brand: { name: WORD, logo: LOGO, colour: '#0f766e' } }),
  },
  { name: 'sign-in-over', reach: (page, served) => signInOver(page, served) },
  { name: 'sign-in-waiting', reach: signInWaiting },
  { name: 'security-changing', reach: securityChanging },
  { name: 'security-sure', reach: securitySure },
  { name: 'security-renamed', reach: securityRenamed },
  {
    name: 'over',
    reach: (page, served) => opened(page, served, { ...ENROLL, lifetime: -1 }, 'link is over'),
  },
  { name: 'ended', reach: ended },
  {
    name: 'step-up',
    reach: async (page, served) => {
      served.pages.faults.push(new Problem(403, 'step-up-needed'));
      await opened(page, served, ENROLL, 'Sign in again');
    },
  },
  { name: 'elsewhere', reach: elsewhere },
  {
    name: 'unknown',
    reach: (page, served) => shown(page, `${served.origin}/enroll/nothing`, 'does not work'),
  },
  { name: 'unreachable', reach: unreachable },
];

/** Opens a new page; its token. */
export async function opened(page: Page, served: Served, wish: Wish, heading: string): Promise<void> {
  const token = served.pages.create(wish);
  await shown(page, `${served.origin}/${wish.purpose}/${token}`, heading);
}

/** Opens an address, and waits for a heading. */
async function shown(page: Page, address: string, heading: string) {
  await page.goto(address);
  await headed(page, heading);
}

export async function headed(page: Page, heading: string) {
  await page.getByRole('heading', { level: 1, name: heading }).waitFor();
}

/** Types a code and sends it. */
export async function code(page: Page, text: string) {
  await page.getByRole('textbox').fill(text);
  await page.keyboard.press('Enter');
}

/** Goes to where the key is in sight; the token. */
export async function viewed(page: Page, served: Served, wish: Wish = ENROLL): Promise<string> {
  const token = served.pages.create(wish);
  await shown(page, `${served.origin}/enroll/${token}`, 'Protect');
  await page.getByRole('button', { name: 'Authenticator app' }).click();
  await page.getByRole('img', { name: 'QR code' }).waitFor();
  return token;
}

async function proveBranded(page: Page, served: Served) {
  const brand = { name: 'Riverside Savings Bank', logo: LOGO, colour: '#0f766e' };
  await opened(page, served, { ...TRANSFER, application: 'Riverside Online', brand }, 'Confirm');
}

async function proveBackup(page: Page, served: Served) {
  await opened(page, served, TRANSFER, 'Confirm');
  await page.getByRole('button', { name: 'Backup code' }).click();
  await page.getByRole('textbox', { name: 'Backup code' }).waitFor();
}

async function proveIncomplete(page: Page, served: Served) {
  await opened(page, served, TRANSFER, 'Confirm');
  await code(page, '1234');
  await page.getByText('not a whole code yet').waitFor();
}

async function proveRefused(page: Page, served: Served, times: number) {
  await opened(page, served, TRANSFER, 'Confirm');
  for (let time = 0; time < times; time++) {
    const answered = page.waitForResponse('**/pages/prove');
    await code(page, '000000');
    await answered;
  }
  await page.getByText(times < 3 ? 'did not work' : 'Still not accepted').waitFor();
}

async function proveOffline(page: Page, served: Served) {
  await opened(page, served, TRANSFER, 'Confirm');
  await page.route('**/pages/prove', (route) => route.abort('internetdisconnected'));
  await code(page, '123456');
  await page.getByText('No connection').waitFor();
}

async function proveFault(page: Page, served: Served, status: number, type: string) {
  await opened(page, served, TRANSFER, 'Confirm');
  served.pages.faults.push(new Problem(status, type));
  await code(page, '123456');
  await page.getByText(/Not available just now|Please wait/).waitFor();
}

/** Keeps the page from leaving before it was looked at. */
const stay = (page: Page) => page.route('**/back?**outcome=**', () => undefined);

async function proved(page: Page, served: Served) {
  await stay(page);
  await opened(page, served, { ...TRANSFER, returnUrl: `${served.origin}/back` }, 'Confirm');
  await code(page, totp(KEY));
  await headed(page, 'Confirmed');
}

async function provePush(page: Page, served: Served) {
  await opened(page, served, { ...TRANSFER, has: ['push', 'totp', 'backup_codes'] }, 'Confirm');
  await page.getByRole('button', { name: 'Ask my phone' }).click();
  await page.locator('.push-number').waitFor();
}

async function provePushDenied(page: Page, served: Served) {
  const token = served.pages.create({ ...TRANSFER, has: ['push', 'totp'] });
  await shown(page, `${served.origin}/challenge/${token}`, 'Confirm');
  const waits = page.waitForRequest('**/pages/wait');
  await page.getByRole('button', { name: 'Ask my phone' }).click();
  await waits;
  served.pages.phone(token, 'deny');
  await page.locator('.push.ended').waitFor();
}

async function proveSms(page: Page, served: Served) {
  await opened(page, served, { ...TRANSFER, has: ['sms', 'backup_codes'] }, 'Confirm');
  await page.getByRole('button', { name: 'Send me a code' }).click();
  await page.getByRole('textbox').waitFor();
}

async function proveGateway(page: Page, served: Served) {
  await opened(page, served, { ...TRANSFER, has: ['sms', 'totp', 'backup_codes'] }, 'Confirm');
  served.pages.faults.push(new Problem(503, 'gateway-unavailable'));
  await page.getByRole('button', { name: 'Send me a code' }).click();
  await page.locator('[role=alert]').waitFor();
}

async function proveLost(page: Page, served: Served) {
  await opened(page, served, { ...TRANSFER, has: ['push', 'backup_codes'] }, 'Confirm');
  await page.locator('.ways button').first().click();
  await page.getByText('ask Shop for help').waitFor();
}

async function details(page: Page, served: Served, factor: string) {
  await opened(page, served, ENROLL, 'Protect');
  await page.getByRole('button', { name: factor }).click();
  await page.getByRole('textbox').waitFor();
}

async function detailsBlocked(page: Page, served: Served) {
  await details(page, served, 'Text message');
  await code(page, '+850 191 234 5678');
  await page.locator('[role=alert]').waitFor();
}

async function viewSms(page: Page, served: Served) {
  await details(page, served, 'Text message');
  await code(page, '+44 7700 900123');
  await headed(page, 'Type the code');
}

async function viewToken(page: Page, served: Served) {
  await details(page, served, 'Hardware token');
  await code(page, FREE_SERIAL);
  await headed(page, 'Try your hardware token');
}

async function viewPhone(page: Page, served: Served) {
  await opened(page, served, ENROLL, 'Protect');
  await page.getByRole('button', { name: 'Approval on your phone' }).click();
  await page.getByRole('img').waitFor();
}

async function viewPhoneNumber(page: Page, served: Served) {
  const token = await phoneAwaited(page, served);
  served.pages.phone(token, 'come');
  await page.locator('.push-number').waitFor();
}

async function viewPhoneRefused(page: Page, served: Served) {
  const token = await phoneAwaited(page, served);
  served.pages.phone(token, 'refuse');
  await page.getByText('Your phone was not connected').waitFor();
}

async function phoneAwaited(page: Page, served: Served): Promise<string> {
  const token = served.pages.create(ENROLL);
  await shown(page, `${served.origin}/enroll/${token}`, 'Protect');
  const waits = page.waitForRequest('**/pages/wait');
  await page.getByRole('button', { name: 'Approval on your phone' }).click();
  await waits;
  return token;
}

/** Without an authenticator the browser calls the ceremony off when it is told to. */
async function viewPasskey(page: Page, served: Served) {
  await page.addInitScript(() => {
    navigator.credentials.create = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
  });
  await opened(page, served, ENROLL, 'Protect');
  await page.getByRole('button', { name: 'Passkey' }).click();
  await page.locator('[role=alert]').waitFor();
}

async function stronger(page: Page, served: Served) {
  const token = served.pages.create({ ...ENROLL, has: [] });
  await shown(page, `${served.origin}/enroll/${token}`, 'Protect');
  await page.getByRole('button', { name: 'Text message' }).click();
  await code(page, '+44 7700 900123');
  await headed(page, 'Type the code');
  await code(page, served.pages.sent(token));
  await headed(page, 'Keep your backup codes');
  await page.getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Continue' }).click();
  await headed(page, 'something stronger');
}

async function security(page: Page, served: Served, more: Partial<Wish> = {}) {
  const wish: Wish = { ...more, purpose: 'security', has: ['push', 'totp', 'backup_codes'], mayChange: true };
  await opened(page, served, wish, 'Your sign-in');
}

async function deciding(page: Page, served: Served, task: Wish['task'] = {}) {
  await opened(page, served, { purpose: 'task', application: 'Help desk', task }, 'Your decision');
}

async function taskUnseen(page: Page, served: Served) {
  await deciding(page, served);
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.getByText('Tick what you have seen first').waitFor();
}

async function taskProve(page: Page, served: Served) {
  await deciding(page, served);
  await page.getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Approve' }).click();
  await headed(page, 'Confirm that it is you');
}

async function taskDecided(page: Page, served: Served, verdict: 'Approve' | 'Reject') {
  await stay(page);
  await deciding(page, served, { level: 'aal1', evidence: [] });
  await page.getByRole('button', { name: verdict }).click();
  await headed(page, verdict === 'Approve' ? 'Approved' : 'Rejected');
}

/** What an input says that somebody wrote, as long as it gets, with a mark that turns around what follows it. */
async function taskLong(page: Page, served: Served) {
  const wish: Wish = {
    ...LONG,
    purpose: 'task',
    task: {
      message: `${WORD}${WORD} \u202etxt.exe <b>x</b>`,
      about: WORD,
      display_name: `${WORD}${WORD}`,
      releases: 'revoke_all_of_the_weak_authenticators@1/each@1048576',
      evidence: ['identity_document', 'in_person', 'call_back', `${WORD}`],
      expires_at: new Date(Date.now() + 1_200_000).toISOString(),
    },
  };
  await opened(page, served, wish, 'Your decision');
}

async function securityChanging(page: Page, served: Served) {
  await security(page, served);
  await page.locator('summary').first().click();
  await page.getByRole('button', { name: 'Report lost' }).first().waitFor();
}

async function securityLong(page: Page, served: Served) {
  await security(page, served, LONG);
  await page.locator('summary').first().click();
  await page.getByRole('textbox').first().fill(WORD);
  await page.keyboard.press('Enter');
  await page.getByText('The name was changed.').waitFor();
}

async function securitySure(page: Page, served: Served) {
  await securityChanging(page, served);
  await page.getByRole('button', { name: 'Remove' }).first().click();
  await page.getByRole('dialog').waitFor();
}

async function securityRenamed(page: Page, served: Served) {
  await securityChanging(page, served);
  await page.getByRole('textbox').first().fill('Blue phone');
  await page.keyboard.press('Enter');
  await page.getByText('The name was changed.').waitFor();
}

async function viewTyped(page: Page, served: Served) {
  await viewed(page, served);
  await page.getByText('Cannot scan?').click();
  await page.getByRole('button', { name: 'Copy the key' }).waitFor();
}

async function viewHidden(page: Page, served: Served) {
  await viewed(page, served, { ...ENROLL, viewLifetime: 1500 });
  await page.getByRole('heading', { name: 'The key is hidden' }).waitFor();
}

async function viewRefused(page: Page, served: Served) {
  await viewed(page, served);
  await code(page, '000000');
  await page.getByText('did not work').waitFor();
}

async function viewUnsealed(page: Page, served: Served) {
  await opened(page, served, { ...ENROLL, sealsWrongly: true }, 'Protect');
  await page.getByRole('button', { name: 'Authenticator app' }).click();
  await page.getByText('could not be opened').waitFor();
}

async function backupCodes(page: Page, served: Served) {
  const token = await viewed(page, served, { ...ENROLL, returnUrl: `${served.origin}/back` });
  await code(page, totp(served.pages.secret(token)));
  await headed(page, 'Keep your backup codes');
}

async function backupCodesUnkept(page: Page, served: Served) {
  await backupCodes(page, served);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('then tick the box').waitFor();
}

async function enrolled(page: Page, served: Served) {
  await stay(page);
  await backupCodes(page, served);
  await page.getByRole('checkbox').check();
  await page.getByRole('button', { name: 'Continue' }).click();
  await headed(page, 'is ready');
}

async function ended(page: Page, served: Served) {
  await opened(page, served, TRANSFER, 'Confirm');
  served.pages.faults.push(new Problem(410, 'challenge-over'));
  await code(page, '000000');
  await headed(page, 'cannot go on');
}

async function elsewhere(page: Page, served: Served) {
  const token = served.pages.create(TRANSFER);
  await served.pages.answer(token, 'open', {}, 'another browser', served.origin);
  await shown(page, `${served.origin}/challenge/${token}`, 'another browser');
}

/** Comes to sign in, as a site sends browsers. */
async function signIn(page: Page, served: Served, wish: Partial<Wish> = {}, heading = 'Sign in') {
  served.pages.signingIn = wish;
  const said = { return_to: `https://wiki.example.org/a?b=c`, state: 'A'.repeat(43) };
  await shown(page, `${served.origin}/sign-in?${new URLSearchParams(said)}`, heading);
}

async function signInCancelled(page: Page, served: Served) {
  await page.addInitScript(() => {
    navigator.credentials.get = () => Promise.reject(new DOMException('no', 'NotAllowedError'));
  });
  await signIn(page, served);
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await page.locator('[role=alert]').waitFor();
}

async function signInOver(page: Page, served: Served) {
  await signIn(page, served, { lifetime: 1500 });
  await headed(page, 'Time is up');
}

async function signInWaiting(page: Page, served: Served) {
  served.pages.faults.push(new Problem(429, 'sign-in-later'));
  await signIn(page, served, {}, 'Please wait');
}

async function unreachable(page: Page, served: Served) {
  await page.route('**/pages/open', (route) => route.abort('internetdisconnected'));
  await opened(page, served, TRANSFER, 'No connection');
}
