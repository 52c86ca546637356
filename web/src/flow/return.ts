/** Going back to the application. */

/** `left`: a person's own page, which has no other end. */
export type Outcome = 'proved' | 'enrolled' | 'cancelled' | 'left' | 'approved' | 'rejected';

const OUTCOMES: readonly Outcome[] = ['proved', 'enrolled', 'cancelled', 'left', 'approved', 'rejected'];

/** What a window that opened this page is told, at the return address's origin and nowhere else. */
export interface Told {
  readonly type: 'countersign';
  readonly outcome: Outcome | null;
  readonly page: string | null;
  readonly state: string | null;
}

/** What the application is told: a hint for its screen. It asks the API for the truth. */
export function told(to: URL): Told {
  const said = to.searchParams;
  return { type: 'countersign', outcome: outcome(to), page: said.get('page'), state: said.get('state') };
}

export function outcome(to: URL | null): Outcome | null {
  const said = to?.searchParams.get('outcome');
  return OUTCOMES.find((known) => known === said) ?? null;
}

/** Milliseconds in which a window that was told may close this one. */
export const GRACE = 1000;

/**
 * Goes back: tells the window that opened or frames this one, if any, and then leads this window to the return address. An
 * application that uses a pop-up closes it when it is told; one that does not listen gets its visitor back all the same.
 *
 * @returns what calls it off
 */
export function goBack(to: URL, window: Window, pause: number): () => void {
  const others = [window.opener as Window | null, window.parent === window ? null : window.parent];
  const listeners = others.filter((other) => other !== null && other !== undefined);
  for (const listener of listeners) listener.postMessage(told(to), to.origin);
  const timer = window.setTimeout(() => window.location.replace(to), listeners.length > 0 ? GRACE : pause);
  return () => window.clearTimeout(timer);
}
