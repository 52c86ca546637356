/** Every screen of the authenticator app, and the way there: what is looked at and photographed. */

import type { Page } from 'playwright-core';

import type { Asked, PushServer } from './server.ts';

export interface Screen {
  readonly name: string;
  reach(page: Page, push: PushServer): Promise<void>;
}

const TRANSFER: Asked = {
  action: 'Bank transfer',
  shown: [
    ['Amount', '€ 250.00'],
    ['To', 'Hanna Weiss'],
  ],
};

export const SCREENS: readonly Screen[] = [
  { name: 'empty', reach: (page, push) => opened(page, push, 'Approve with this phone') },
  { name: 'add', reach: add },
  { name: 'add-scan', reach: addScan },
  { name: 'add-camera-denied', reach: cameraDenied },
  { name: 'add-wrong', reach: (page, push) => pasted(page, push, 'https://shop.example/', 'not a link') },
  {
    name: 'add-elsewhere',
    reach: (page, push) =>
      pasted(
        page,
        push,
        'https://other.example/authenticator#enroll=AAAAAAAAAAAAAAAAAAAAAA',
        'for other.example',
      ),
  },
  { name: 'connect', reach: connect },
  { name: 'connect-unnamed', reach: connectUnnamed },
  { name: 'connect-over', reach: connectOver },
  { name: 'connect-offline', reach: connectOffline },
  { name: 'connect-wait', reach: connectWait },
  { name: 'connect-number', reach: connectNumber },
  { name: 'connected', reach: async (page, push) => connectedScreen(page, push) },
  { name: 'accounts', reach: accounts },
  { name: 'account', reach: account },
  { name: 'account-remove', reach: accountRemove },
  { name: 'account-disconnected', reach: disconnected },
  { name: 'prompt', reach: (page, push) => prompted(page, push, TRANSFER) },
  { name: 'prompt-login', reach: (page, push) => prompted(page, push, { action: 'Sign in', place: null }) },
  { name: 'prompt-six-digits', reach: sixDigits },
  { name: 'prompt-long', reach: (page, push) => prompted(page, push, LONG) },
  {
    name: 'prompt-short-time',
    reach: (page, push) => prompted(page, push, { ...TRANSFER, lifetime: 20_000 }),
  },
  { name: 'prompt-incomplete', reach: incomplete },
  { name: 'prompt-offline', reach: promptOffline },
  { name: 'prompt-new-version', reach: newVersion },
  { name: 'report', reach: report },
  { name: 'approved', reach: (page, push) => answered(page, push, 'Approve', 'Approved') },
  { name: 'denied', reach: (page, push) => answered(page, push, 'Deny', 'Denied') },
  { name: 'reported', reach: reported },
  { name: 'mismatched', reach: mismatched },
  { name: 'withdrawn', reach: withdrawn },
  { name: 'expired', reach: expired },
  { name: 'history', reach: history },
];

const LONG: Asked = {
  application: 'Verwaltungsgenossenschaft der Donaudampfschifffahrtsgesellschaften',
  action: 'Change the payout account of the organisation and confirm all mandates',
  shown: [
    ['Account holder', 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerk GmbH'],
    ['IBAN', 'DE89370400440532013000'],
    ['Reason', 'The old account is closed at the end of the month; 14 mandates move with it.'],
    ['<b>Markup</b>', '<img src=x onerror=alert(1)>'],
  ],
};

export async function headed(page: Page, heading: string | RegExp) {
  await page.getByRole('heading', { level: 1, name: heading }).waitFor();
}

export async function opened(page: Page, push: PushServer, heading: string) {
  await page.goto(`${push.origin}/authenticator`);
  await headed(page, heading);
}

async function add(page: Page, push: PushServer) {
  await opened(page, push, 'Approve with this phone');
  await page.getByRole('button', { name: 'Connect an account' }).click();
  await headed(page, 'Connect an account');
}

/** Debian's Chromium reads no QR codes: what stands in for it finds `text` at once, or nothing. */
export function readsCodes(text: string | null) {
  return (page: Page) =>
    page.addInitScript((text) => {
      class BarcodeDetector {
        static getSupportedFormats = async () => ['qr_code'];
        detect = async () => (text ? [{ rawValue: text }] : []);
      }
      Object.assign(window, { BarcodeDetector });
    }, text);
}

/** A camera that shows a canvas, or none. */
export function hasCamera(there: boolean) {
  return (page: Page) =>
    page.addInitScript((there) => {
      const camera = async () => {
        if (!there) throw new DOMException('denied', 'NotAllowedError');
        const canvas = document.createElement('canvas');
        canvas.getContext('2d')?.fillRect(0, 0, 300, 150);
        return canvas.captureStream();
      };
      Object.defineProperty(navigator, 'mediaDevices', { value: { getUserMedia: camera } });
    }, there);
}

async function addScan(page: Page, push: PushServer) {
  await readsCodes(null)(page);
  await hasCamera(true)(page);
  await add(page, push);
  await page.getByRole('button', { name: 'Scan the QR code' }).click();
  await page.getByText('Hold the camera').waitFor();
}

async function cameraDenied(page: Page, push: PushServer) {
  await readsCodes(null)(page);
  await hasCamera(false)(page);
  await add(page, push);
  await page.getByRole('button', { name: 'Scan the QR code' }).click();
  await page.getByText('The camera cannot be used').waitFor();
}

async function pasted(page: Page, push: PushServer, link: string, said: string) {
  await add(page, push);
  await page.getByLabel('Or paste the link').fill(link);
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText(said).waitFor();
}

async function connect(page: Page, push: PushServer, link = push.link()) {
  await page.goto(link);
  await headed(page, 'Connect this phone?');
}

async function connectUnnamed(page: Page, push: PushServer) {
  await connect(page, push);
  await page.getByLabel('What to call this phone').fill(' ');
  await page.getByRole('button', { name: 'Connect' }).click();
  await page.getByText('Give it a name first').waitFor();
}

async function connectOver(page: Page, push: PushServer) {
  await connect(page, push, `${push.origin}/authenticator#enroll=${'A'.repeat(43)}`);
  await page.getByRole('button', { name: 'Connect' }).click();
  await page.getByText('This link is over').waitFor();
}

async function connectOffline(page: Page, push: PushServer) {
  await connect(page, push);
  await page.route('**/push/enroll', (route) => route.abort('internetdisconnected'));
  await page.getByRole('button', { name: 'Connect' }).click();
  await page.getByText('No connection').waitFor();
}

async function connectWait(page: Page, push: PushServer) {
  await connect(page, push, push.link('ana@example.org', 'Nimbus Shop', { lifetime: 0 }));
  await page.getByRole('button', { name: 'Connect' }).click();
  await headed(page, 'Look at the other screen');
}

async function connectNumber(page: Page, push: PushServer, link = push.link()) {
  await connect(page, push, link);
  await page.getByRole('button', { name: 'Connect' }).click();
  await headed(page, 'Type the number');
}

/** Types the number that is open, and approves. */
export async function approve(page: Page, number: string) {
  for (const digit of number) await page.getByRole('button', { name: digit, exact: true }).click();
  await page.getByRole('button', { name: 'Approve' }).click();
}

async function connectedScreen(page: Page, push: PushServer, account?: string, application?: string) {
  await connectNumber(page, push, push.link(account, application));
  await approve(page, push.open.number);
  await headed(page, 'This phone is connected');
}

/** Connects an account and goes to the list of accounts. */
export async function connected(page: Page, push: PushServer, account?: string, application?: string) {
  await connectedScreen(page, push, account, application);
  await page.getByRole('button', { name: 'Done' }).click();
  await headed(page, 'Nothing waits for you.');
}

async function accounts(page: Page, push: PushServer) {
  push.vapid = `B${'A'.repeat(86)}`;
  await connected(page, push);
  await connected(page, push, 'ana.weiss@example.org', 'Riverside Savings Bank');
  push.vapid = null;
  await page.getByText('Ready', { exact: true }).nth(1).waitFor();
}

async function account(page: Page, push: PushServer) {
  await connected(page, push);
  await page.getByRole('button', { name: 'Nimbus Shop' }).click();
  await headed(page, 'Nimbus Shop');
  await page.getByText('Ready', { exact: true }).waitFor();
}

async function accountRemove(page: Page, push: PushServer) {
  await account(page, push);
  await page.getByRole('button', { name: 'Remove from this phone' }).click();
  await headed(page, 'Remove this account?');
}

async function disconnected(page: Page, push: PushServer) {
  await connected(page, push);
  for (const known of push.known.values()) known.revoked = true;
  await page.reload();
  await page.getByRole('button', { name: 'Nimbus Shop' }).click();
  await page.getByText('removed or reported lost').waitFor();
}

export async function prompted(page: Page, push: PushServer, asked: Asked = {}) {
  await connected(page, push);
  push.ask(asked);
  await headed(page, / asks$/);
}

async function sixDigits(page: Page, push: PushServer) {
  await prompted(page, push, { ...TRANSFER, digits: 6 });
  await page.getByLabel('Number on the other screen').fill(push.open.number.slice(0, 4));
}

async function incomplete(page: Page, push: PushServer) {
  await prompted(page, push, TRANSFER);
  await approve(page, '7');
  await page.getByText('Type the whole number').waitFor();
}

async function promptOffline(page: Page, push: PushServer) {
  await prompted(page, push, TRANSFER);
  await page.route('**/push/answer', (route) => route.abort('internetdisconnected'));
  await approve(page, push.open.number);
  await page.getByText('No connection').waitFor();
}

async function newVersion(page: Page, push: PushServer) {
  await connected(page, push);
  push.ask({ version: 2 });
  await headed(page, 'out of date');
}

async function report(page: Page, push: PushServer) {
  await prompted(page, push, TRANSFER);
  await page.getByRole('button', { name: 'This was not me' }).click();
  await headed(page, 'Report it?');
}

async function answered(page: Page, push: PushServer, how: 'Approve' | 'Deny', heading: string) {
  await prompted(page, push, TRANSFER);
  if (how === 'Approve') await approve(page, push.open.number);
  else await page.getByRole('button', { name: how }).click();
  await headed(page, heading);
}

async function reported(page: Page, push: PushServer) {
  await report(page, push);
  await page.getByRole('button', { name: 'Yes, report it' }).click();
  await headed(page, 'Reported');
}

export const wrong = (number: string) =>
  String((Number(number) + 1) % 10 ** number.length).padStart(number.length, '0');

async function mismatched(page: Page, push: PushServer) {
  await prompted(page, push, TRANSFER);
  await approve(page, wrong(push.open.number));
  await headed(page, 'That was not the number');
}

async function withdrawn(page: Page, push: PushServer) {
  await prompted(page, push, TRANSFER);
  push.over(push.open, 'withdrawn');
  await headed(page, 'No longer needed');
}

async function expired(page: Page, push: PushServer) {
  await connected(page, push);
  push.ask({ ...TRANSFER, lifetime: 1500 });
  await headed(page, 'Too late');
}

async function history(page: Page, push: PushServer) {
  await connected(page, push);
  for (const [asked, how, heading] of [
    [TRANSFER, 'Approve', 'Approved'],
    [{ action: 'Sign in' }, 'Deny', 'Denied'],
  ] as const) {
    push.ask(asked);
    await headed(page, / asks$/);
    if (how === 'Approve') await approve(page, push.open.number);
    else await page.getByRole('button', { name: how }).click();
    await headed(page, heading);
    await page.getByRole('button', { name: 'Done' }).click();
  }
  push.ask({ action: 'Sign in', place: 'Lagos, Nigeria' });
  await page.getByRole('button', { name: 'This was not me' }).click();
  await page.getByRole('button', { name: 'Yes, report it' }).click();
  await page.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('button', { name: 'What was asked so far' }).click();
  await page.getByText('Lagos').waitFor();
}
