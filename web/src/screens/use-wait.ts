import { useEffect, type Dispatch } from 'react';

import type { Happening } from '../flow/flow';
import { Failure, ask, type Trouble } from '../flow/server';

/** After which it is worth asking again. */
const PASSING: readonly Trouble[] = ['offline', 'busy', 'waiting', 'failed', 'gateway'];
/** Milliseconds between two questions of which the first failed. */
const LEAST = 1_000;
const MOST = 15_000;

/** Asks what became of something that a phone has to do, until it is done or `awaited` is another thing. */
export function useWait(token: string, awaited: string | null, tell: Dispatch<Happening>) {
  useEffect(() => {
    if (awaited === null) return;
    const end = new AbortController();
    void wait(token, tell, end.signal);
    return () => end.abort();
  }, [token, awaited, tell]);
}

async function wait(token: string, tell: Dispatch<Happening>, end: AbortSignal) {
  let pause = LEAST;
  while (!end.aborted) {
    const began = Date.now();
    try {
      const page = await ask(token, 'wait', {}, end);
      if (end.aborted) return;
      tell({ what: 'wentOn', page });
      // The server waits before it answers that nothing happened; one that does not is not asked without pause.
      if (Date.now() - began < LEAST) await rest(LEAST, end);
      pause = LEAST;
    } catch (error) {
      if (end.aborted) return;
      const trouble = error instanceof Failure ? error.trouble : 'failed';
      if (trouble === 'over') return finished(token, tell);
      if (!PASSING.includes(trouble)) return tell({ what: 'failed', trouble });
      await rest(pause, end);
      pause = Math.min(2 * pause, MOST);
    }
  }
}

/** A page that is over may be so because the phone ended it: then it knows the way back. */
async function finished(token: string, tell: Dispatch<Happening>) {
  try {
    tell({ what: 'answered', page: await ask(token, 'finish', {}), shownKey: null });
  } catch {
    tell({ what: 'failed', trouble: 'over' });
  }
}

/** Waits, but not once the person looks at the page again: who comes back from the app on the same phone wants to go on. */
function rest(milliseconds: number, end: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const over = () => {
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', seen);
      done();
    };
    const seen = () => document.visibilityState === 'visible' && over();
    const timer = setTimeout(over, milliseconds);
    document.addEventListener('visibilitychange', seen);
    end.addEventListener('abort', over, { once: true });
  });
}
