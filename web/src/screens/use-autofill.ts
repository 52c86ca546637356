/** What the browser can fill in by itself: a passkey, and the code of a message that just came. */

import { useEffect, useRef } from 'react';

import { isOf } from '../flow/flow';
import type { Page, Way } from '../flow/page';
import { ask } from '../flow/server';
import { offersPasskeysInFields, usePasskey } from '../webauthn/ceremony';

/**
 * Offers the passkeys of this device in the field of a code (conditional UI): who has one need not look for the phone. Whatever
 * goes wrong with it is left alone, as nobody asked for it.
 */
export function usePasskeyInField(
  token: string,
  page: Page | null,
  way: Way | null,
  prove: (proof: Record<string, unknown>) => void,
) {
  const passkey = page?.ways.find((one) => one.kind === 'webauthn') ?? null;
  // A prompt that was sent, such as a message, is what the page is about then.
  const offered = passkey !== null && (way?.kind === 'totp' || way?.kind === 'hotp') && !page?.prompt;
  const then = useRef(prove);
  then.current = prove;

  useEffect(() => {
    if (!offered) return;
    const end = new AbortController();
    void (async () => {
      if (!(await offersPasskeysInFields()) || end.signal.aborted) return;
      const { prompt } = await ask(token, 'prompt', { kind: 'webauthn', authenticator_id: null }, end.signal);
      if (!prompt?.webauthn || !isOf(prompt, passkey)) return;
      const webauthn = await usePasskey(prompt.webauthn, end.signal, 'conditional');
      if (!end.signal.aborted) then.current({ webauthn, prompt_id: prompt.id });
    })().catch(() => undefined);
    return () => end.abort();
    // The page is another object after each answer; what is offered stays the same.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [token, offered]);
}

/** What browsers that know Web OTP give: https://wicg.github.io/web-otp/ */
interface MessageCode extends Credential {
  readonly code?: string;
}

/** Takes the code from a message that comes to this phone, where the browser hands it over (Web OTP). */
export function useMessageCode(sent: string | null, onCode: (code: string) => void) {
  const then = useRef(onCode);
  then.current = onCode;

  useEffect(() => {
    if (sent === null || !('OTPCredential' in window)) return;
    const end = new AbortController();
    const wanted = { otp: { transport: ['sms'] }, signal: end.signal } as CredentialRequestOptions;
    navigator.credentials.get(wanted).then(
      (given) => {
        const { code } = (given ?? {}) as MessageCode;
        if (code && !end.signal.aborted) then.current(code);
      },
      () => undefined,
    );
    return () => end.abort();
  }, [sent]);
}
