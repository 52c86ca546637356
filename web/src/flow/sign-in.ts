/** Coming to sign in: a site sent this browser here as to its login, and the page is made for it now. */

import { record, text } from './edge';
import { Failure, exchange } from './server';

/** Where people sign in; what the site said stands in the query. */
export const SIGN_IN = '/sign-in';

/** Makes the page; what it is asked for by. Fails with a `Failure` and nothing else. */
export async function arrive(search: string): Promise<string> {
  if (!window.isSecureContext) throw new Failure('insecure');
  const said = new URLSearchParams(search);
  const [to, state] = [said.get('return_to'), said.get('state')];
  if (to === null || state === null) throw new Failure('unknown');
  const begun = await exchange('sign-in', 'sign-in', { return_to: to, state });
  try {
    return text(record(begun.said).token);
  } catch {
    throw new Failure('failed');
  }
}
