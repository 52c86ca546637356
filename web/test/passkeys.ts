/** A device with passkeys, as Chromium's DevTools play it (https://www.w3.org/TR/webauthn-3/#sctn-automation). */

import type { Page } from 'playwright-core';

export interface PasskeyDevice {
  /** How many passkeys it holds. */
  count(): Promise<number>;
  /** Whether the person touches it and is recognised. */
  verifies(does: boolean): Promise<void>;
}

/** Gives a page's browser such a device. */
export async function withPasskeys(page: Page): Promise<PasskeyDevice> {
  const tools = await page.context().newCDPSession(page);
  await tools.send('WebAuthn.enable', { enableUI: false });
  const { authenticatorId } = await tools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return {
    count: async () => (await tools.send('WebAuthn.getCredentials', { authenticatorId })).credentials.length,
    async verifies(does) {
      await tools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: does });
    },
  };
}
