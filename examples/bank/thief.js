/**
 * Plays a thief who got hold of a session cookie, by malware say, and uses it from a program of their own. Not for copying: a bank that hands out
 * its cookies needs no thief.
 *
 * @typedef {{ command: string, answer: string }} Step
 */

/** What the thief tries, in words for `curl` and with what came of it. @param {string} origin @param {string} token @returns {Promise<Step[]>} */
export async function steal(origin, token) {
  const cookie = `__Host-session=${token}`;
  const headers = { Cookie: cookie, 'User-Agent': 'curl/8.14.1' };
  const shown = (/** @type {string} */ more) => `curl -i -b '${cookie}' ${more}`;
  const post = (/** @type {string} */ path, /** @type {Record<string, string>} */ form = {}) =>
    fetch(origin + path, { method: 'POST', headers, body: new URLSearchParams(form), redirect: 'manual' });

  const account = await fetch(`${origin}/account`, { headers, redirect: 'manual' });
  const balance = /data-balance="([^"]+)"/.exec(await account.text())?.[1];
  const looked = balance
    ? `${account.status}: the balance is ${balance}`
    : `${account.status}: nothing is shown`;

  const payment = await post('/payments', { payee: 'Mallory Quick', amount: '480' });
  const settings = await post('/security');
  return [
    { command: shown(`${origin}/account`), answer: looked },
    { command: shown(`-d 'payee=Mallory Quick' -d amount=480 ${origin}/payments`), answer: told(payment) },
    { command: shown(`-X POST ${origin}/security`), answer: told(settings) },
  ];
}

/** @param {Response} answer */
function told({ status, headers }) {
  const to = headers.get('location') ?? '';
  if (to.includes('/challenge/'))
    return `${status}: confirm that it is you first. The thief has nothing to confirm it with`;
  return to === '' ? `${status}: refused` : `${status}: to ${new URL(to, 'http://bank').pathname}`;
}
