/** Those whom the pages are for: what they have, where they are signed in, and what happened. */

import { randomBytes, randomInt } from 'node:crypto';

import { accepts } from './totp.ts';
import type { Passkey } from './webauthn.ts';

/** The app's key and the backup code of everybody who has some already. */
export const KEY = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
export const BACKUP_CODE = '7Q3W-9K2M-X4TZ';
/** What every hardware token shows, once. */
export const TOKEN_CODE = '755224';
/** The token that nobody has yet. */
export const FREE_SERIAL = 'C200-0042';

export type Kind = 'webauthn' | 'push' | 'totp' | 'hotp' | 'sms' | 'email' | 'backup_codes';

export interface Authenticator {
  readonly id: string;
  readonly kind: Kind;
  label: string | null;
  state: 'active' | 'lost' | 'revoked';
  readonly createdAt: number;
  lastUsedAt: number | null;
  readonly to: string | null;
  readonly secret: string | null;
  readonly passkey: Passkey | null;
  codes: Set<string>;
}

export const id = (prefix: string): string => `${prefix}_${randomBytes(16).toString('hex')}`;
const DAY = 86_400_000;

export class Person {
  readonly authenticators: Authenticator[] = [];
  readonly devices = [
    { id: id('dev'), name: 'Pixel 9', kind: 'phone', current: true },
    { id: id('dev'), name: 'MacBook Air', kind: 'computer', current: false },
  ];
  sessions = [
    {
      id: id('ses'),
      current: true,
      aal: 'aal1',
      createdAt: Date.now() - 400_000,
      device: 0 as number | null,
    },
    {
      id: id('ses'),
      current: false,
      aal: 'aal1',
      createdAt: Date.now() - 3 * DAY,
      device: 1 as number | null,
    },
    {
      id: id('ses'),
      current: false,
      aal: 'aal1',
      createdAt: Date.now() - 9 * DAY,
      device: null as number | null,
    },
  ];
  readonly activity: { at: number; kind: string; address: string | null }[] = [
    { at: Date.now() - 400_000, kind: 'session.registered', address: '198.51.100.20' },
    {
      at: Date.now() - 2 * DAY,
      kind: 'authenticator.rejected',
      address: '203.0.113.7',
    },
    { at: Date.now() - 2 * DAY - 1, kind: 'page.advanced', address: null },
    { at: Date.now() - 3 * DAY, kind: 'authenticator.verified', address: '198.51.100.21' },
  ];

  constructor(kinds: readonly Kind[]) {
    for (const kind of kinds) this.add(kind);
  }

  add(kind: Kind, more: Partial<Authenticator> = {}): Authenticator {
    const given: Authenticator = {
      id: id('ath'),
      kind,
      label: { push: 'Pixel 9', webauthn: 'MacBook Air' }[kind as string] ?? null,
      state: 'active',
      createdAt: Date.now() - 90 * DAY,
      lastUsedAt: Date.now() - 3 * DAY,
      to: { sms: '••• 4567', email: 'a•••@example.org' }[kind as string] ?? null,
      secret: kind === 'totp' ? KEY : null,
      passkey: null,
      codes: new Set(
        kind === 'backup_codes' ? [BACKUP_CODE, 'AAAA-AAAA-AAA2'] : kind === 'hotp' ? [TOKEN_CODE] : [],
      ),
      ...more,
    };
    this.authenticators.push(given);
    return given;
  }

  get usable(): Authenticator[] {
    return this.authenticators.filter((one) => one.state === 'active');
  }

  of(kind: Kind): Authenticator[] {
    return this.usable.filter((one) => one.kind === kind);
  }

  /** Whether a code is right, of an app, a token or a backup code; it is used up then. */
  proves(code: string): boolean {
    for (const one of this.usable) {
      const right = one.secret !== null ? accepts(one.secret, code) : one.codes.delete(code);
      if (right) one.lastUsedAt = Date.now();
      if (right) return true;
    }
    return false;
  }

  newCodes(): string[] {
    for (const old of this.of('backup_codes')) old.state = 'revoked';
    const codes = Array.from({ length: 10 }, backupCode);
    this.add('backup_codes', { codes: new Set(codes), createdAt: Date.now(), lastUsedAt: null });
    return codes;
  }

  happened(kind: string, address: string | null = null) {
    this.activity.unshift({ at: Date.now(), kind, address });
  }

  overview(mayChange: boolean): object {
    const time = (at: number | null) => (at === null ? null : new Date(at).toISOString());
    return {
      authenticators: this.authenticators
        .filter((one) => one.state !== 'revoked')
        .map(({ id, kind, label, state, createdAt, lastUsedAt, to, codes }) => ({
          id,
          kind,
          label,
          state,
          created_at: time(createdAt),
          last_used_at: time(lastUsedAt),
          to,
          codes_left: kind === 'backup_codes' ? codes.size : null,
        })),
      devices: this.devices,
      sessions: this.sessions.map(({ createdAt, device, ...one }) => ({
        ...one,
        device_id: device === null ? null : (this.devices[device]?.id ?? null),
        created_at: time(createdAt),
      })),
      activity: this.activity.map(({ at, ...one }) => ({ ...one, data: {}, at: time(at) })),
      may_change: mayChange,
    };
  }
}

export const digits = (count: number): string => String(randomInt(10 ** count)).padStart(count, '0');

function backupCode(): string {
  const letters = [...randomBytes(12)].map((byte) => '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[byte & 31]).join('');
  return letters.replace(/(.{4})(.{4})/, '$1-$2-');
}
