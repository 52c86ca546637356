/** What a browser is told of a hosted page. */

import type { Enrollment, Page, Prompt, Task, Wish } from './page.ts';
import type { Kind, Person } from './people.ts';
import { seal } from './seal.ts';
import { creationOptions, requestOptions } from './webauthn.ts';

export const time = (at: number): string => new Date(at).toISOString();

/** What was asked on the page last. */
export function promptOf({ asked, prompt, person }: Page): object | null {
  if (asked) return { id: asked.id, kind: 'browser', sign: Buffer.from(asked.bytes).toString('base64url') };
  return prompt && promptSeen(prompt, person);
}

/** What is asked on a page for deciding. */
export function taskOf({ task }: Wish): Task {
  return {
    state: 'open',
    workflow: 'recovery_verified',
    step: 'verified',
    releases: null,
    about: 'ana@example.org',
    display_name: 'Ana Díaz',
    message:
      'Recovery of an account: see their identity document, and that it is theirs. They said: stolen bag',
    requester: 'rita',
    evidence: ['identity_document'],
    level: 'aal2',
    quorum: 2,
    approvals: 1,
    expires_at: time(Date.now() + 86_400_000),
    ...task,
  };
}

export function challenge({ wish, person }: Page): object {
  const kinds = new Set<Kind>();
  const ways = person.usable.flatMap(({ id, kind, label, to }) => {
    // Passkeys are asked for all at once, as the browser knows which of them it has.
    const many = kind === 'webauthn' || kind === 'totp' || kind === 'hotp';
    if (many && kinds.has(kind)) return [];
    kinds.add(kind);
    return [
      {
        kind,
        authenticator_id: kind === 'push' || kind === 'sms' || kind === 'email' ? id : null,
        label: many ? null : label,
        to,
      },
    ];
  });
  return { action: wish.action ?? 'transfer', shown: wish.shown ?? {}, ways };
}

function promptSeen(prompt: Prompt, person: Person): object {
  const credentials = person.of('webauthn').flatMap((one) => one.passkey?.credentialId ?? []);
  return {
    id: prompt.id,
    kind: prompt.kind,
    state: prompt.state,
    expires_at: time(prompt.expires),
    resend_at: prompt.resendAt === null ? null : time(prompt.resendAt),
    to: prompt.to,
    number: prompt.number,
    webauthn: prompt.challenge === null ? null : requestOptions(prompt.challenge, credentials),
  };
}

export function viewSeen(page: Page, enrollment: Enrollment, first: boolean): object {
  const { kind, prompt, secret, viewUntil } = enrollment;
  const credentials = page.person.of('webauthn').flatMap((one) => one.passkey?.credentialId ?? []);
  return {
    kind,
    authenticator_id: enrollment.id,
    view_expires_at: time(viewUntil),
    sealed: first && secret !== null ? sealed(page.wish, enrollment, secret) : null,
    prompt:
      kind === 'totp' || kind === 'hotp'
        ? null
        : {
            id: prompt.id,
            kind,
            state: prompt.state,
            expires_at: time(prompt.expires),
            resend_at: prompt.resendAt === null ? null : time(prompt.resendAt),
            to: enrollment.to,
            number: enrollment.came ? prompt.number : null,
            webauthn: prompt.challenge === null ? null : creationOptions(prompt.challenge, credentials),
          },
    link: kind === 'push' && first ? `http://localhost/authenticator#enroll=${prompt.id.slice(4)}` : null,
  };
}

function sealed(wish: Wish, { id: authenticatorId, recipientKey }: Enrollment, secret: string): object {
  const issuer = encodeURIComponent(wish.application ?? 'Shop');
  const uri = `otpauth://totp/${issuer}:ana?secret=${secret}&issuer=${issuer}&algorithm=SHA1&digits=6&period=30`;
  const sealedFor = wish.sealsWrongly ? `ath_${'0'.repeat(32)}` : authenticatorId;
  return seal(recipientKey, sealedFor, JSON.stringify({ uri, secret }));
}

export function returnTo({ wish, id: page, origin }: Page, said: Record<string, string>): string {
  const to = new URL(wish.returnUrl ?? `${origin}/back`);
  if (wish.state) to.searchParams.set('state', wish.state);
  to.searchParams.set('page', page);
  for (const [name, value] of Object.entries(said)) to.searchParams.set(name, value);
  return to.href;
}
