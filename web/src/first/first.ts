/**
 * Runs before everything else, and is small: asks how the page stands while the rest is on its way, and leaves for the application
 * where that has to see this browser first.
 */

import type { Opening } from './opening';

/** Milliseconds, as for every question of a page. */
const PATIENCE = 20_000;

const token = location.pathname.split('/')[2] ?? '';

// Without a secure context a page can make no keys: it says so, and is not opened.
if (window.isSecureContext && token) {
  const asked = fetch('/pages/open', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Countersign-Page': token },
    body: JSON.stringify({ token }),
    credentials: 'same-origin',
    cache: 'no-store',
    redirect: 'error',
    signal: AbortSignal.timeout(PATIENCE),
  });
  const opening: Opening = { token, answer: asked.then(unlessUnknown) };
  // Whoever takes it sees what went wrong; until then nobody need hear of it.
  opening.answer.catch(() => undefined);
  window.opening = opening;
}

async function unlessUnknown(answer: Response): Promise<Response> {
  if (!answer.ok) return answer;
  // What stands between may answer with a page of its own: the rest says what to do then.
  const said = (await answer
    .clone()
    .json()
    .catch(() => ({}))) as { step?: string; return_to?: string };
  if (said.step !== 'redeem' || !/^https?:\/\//.test(said.return_to ?? '')) return answer;
  location.replace(said.return_to ?? '');
  return new Promise(() => undefined);
}
