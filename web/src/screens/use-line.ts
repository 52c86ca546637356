/** One thing at a time: what is asked of the server, and of the device that holds a passkey. */

import { useMemo, useRef, type Dispatch } from 'react';

import type { Happening, ShownKey } from '../flow/flow';
import type { Page } from '../flow/page';
import { Failure, type SecurityVerb } from '../flow/server';

export interface Answer {
  readonly page: Page;
  readonly shownKey: ShownKey | null;
}

export type Wanted = () => Promise<Answer>;

export interface Line {
  /** Carries out what is wanted, and tells the flow. Instead of what the device was asked, if it was; else after nothing. */
  carryOut(wanted: Wanted, changing?: SecurityVerb): Promise<void>;
  /** Once more what was carried out last. */
  again(): Promise<void>;
  /** Whether an answer is awaited that is not the device's. */
  busy(): boolean;
  /** Asks the device, until something else is wanted. */
  askDevice<T>(asked: (callOff: AbortSignal) => Promise<T>): Promise<T>;
}

export function useLine(tell: Dispatch<Happening>): Line {
  const running = useRef<Promise<void> | null>(null);
  const device = useRef<AbortController | null>(null);
  const last = useRef<Wanted | null>(null);

  return useMemo<Line>(() => {
    const run = async (wanted: Wanted) => {
      try {
        tell({ what: 'answered', ...(await wanted()) });
      } catch (error) {
        tell({ what: 'failed', trouble: error instanceof Failure ? error.trouble : 'failed' });
      }
    };
    const carryOut: Line['carryOut'] = async (wanted, changing) => {
      if (running.current && device.current) {
        device.current.abort();
        await running.current;
      }
      if (running.current) return;
      last.current = wanted;
      tell(changing ? { what: 'asked', changing } : { what: 'asked' });
      running.current = run(wanted).finally(() => (running.current = null));
      await running.current;
    };
    return {
      carryOut,
      again: async () => void (last.current && (await carryOut(last.current))),
      busy: () => running.current !== null && device.current === null,
      askDevice: async (asked) => {
        device.current = new AbortController();
        try {
          return await asked(device.current.signal);
        } finally {
          device.current = null;
        }
      },
    };
  }, [tell]);
}
