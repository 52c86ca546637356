/** The link that connects an account: `https://mfa.example.org/authenticator#enroll=TOKEN`. */

export interface Link {
  /** What comes before `/authenticator`: what is signed for. */
  readonly server: string;
  readonly host: string;
  readonly token: string;
}

/** Reads a link that was scanned, pasted or opened; null where it is none. */
export function linkOf(text: string): Link | null {
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    return null;
  }
  const loopback = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  const secure = url.protocol === 'https:' || (url.protocol === 'http:' && loopback);
  const [, prefix] = /^(.*)\/authenticator\/?$/.exec(url.pathname) ?? [];
  const [, token] = /^#enroll=([\w-]{16,128})$/.exec(url.hash) ?? [];
  if (!secure || prefix === undefined || token === undefined || url.username !== '' || url.search !== '')
    return null;
  return { server: url.origin + prefix, host: url.host, token };
}

/** What this app was loaded from, as the links of its own server say it. */
export function ownServer(location: { origin: string; pathname: string }): string {
  return location.origin + location.pathname.replace(/\/authenticator\/?.*$/, '');
}
