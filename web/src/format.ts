/** Between what people read and type and what the server takes. */

/** A key in groups of four: `JBSW Y3DP …`. */
export function grouped(secret: string): string {
  return secret.match(/.{1,4}/g)?.join(' ') ?? '';
}

/** Seconds as `4:07`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.ceil(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/**
 * The code that was typed or pasted, as the server takes it; null where it cannot be one yet. An app's code has 6 to 8 digits; a
 * backup code twelve letters and digits, in groups of four.
 */
export function code(typed: string): string | null {
  // Keyboards and messengers put in spaces and dashes of every kind, and full-width digits.
  const text = typed
    .normalize('NFKC')
    .replace(/[\s\p{Dash}]/gu, '')
    .toUpperCase();
  if (/^\d{6,8}$/.test(text)) return text;
  if (/^[0-9A-Z]{12}$/.test(text)) return grouped(text).replaceAll(' ', '-');
  return null;
}

/** Backup codes as a text to keep. */
export function codesAsText(heading: string, codes: readonly string[], note: string): string {
  return [heading, '', ...codes, '', note, ''].join('\r\n');
}

/**
 * A phone number as the server takes it, null where what was typed cannot be one yet. Without the code of a country it is one of
 * the country that the server takes it for (`sms.home`), if any.
 */
export function phoneNumber(typed: string): string | null {
  const text = typed
    .normalize('NFKC')
    .replace(/[\s\p{Dash}()./]/gu, '')
    .replace(/^00/, '+');
  return /^(\+[1-9])?\d{6,14}$/.test(text) ? text : null;
}

/** A mail address, null where what was typed cannot be one yet. Whether there is such a mailbox, only a message tells. */
export function mailAddress(typed: string): string | null {
  const text = typed.trim();
  return text.length <= 254 && /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/.test(text) ? text : null;
}

/** The serial number of a token. */
export function serialNumber(typed: string): string | null {
  const text = typed.normalize('NFKC').trim();
  return text === '' || text.length > 64 ? null : text;
}

/**
 * A name for the middle of a sentence: one that is written from right to left, or that holds marks for it, turns nothing around
 * but itself (Unicode's annex 9).
 */
export function isolated(name: string): string {
  return /[\u0590-\u08ff\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc]/.test(name)
    ? `\u2068${name}\u2069`
    : name;
}

/**
 * What somebody is to confirm, as it stands: marks that show characters in another order than theirs are themselves shown, as an
 * amount or a payee could read otherwise than it is.
 */
export const asItStands = (said: string): string => said.replace(/[\u202a-\u202e\u2066-\u2069]/g, '\ufffd');
