/** What the person did on a page: a hint for your screen. Your server asks the API for the truth. */
export interface Told {
  /** `closed`: the window was closed before anything came of it. */
  readonly outcome: 'proved' | 'enrolled' | 'left' | 'cancelled' | 'closed';
  /** The page's id, `pag_…`. */
  readonly page: string | null;
  /** The `state` that the page was made with. */
  readonly state: string | null;
}

/**
 * Shows a page of Countersign's in a window of its own, and answers what came of it. To be called from a click. Where the browser
 * opens no window, this one goes to the page instead, comes back to the page's `return_url`, and nothing is answered.
 *
 * @param url the `url` that `POST /v1/pages` answered to your server, or a promise of it
 * @throws what `url` was rejected with, and `TypeError` where it is no address of the web
 */
export function countersign(url: string | Promise<string>): Promise<Told>;
