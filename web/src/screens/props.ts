import type { Flow } from '../flow/flow';
import type { Page } from '../flow/page';
import type { Actions } from './use-flow';

/** What each screen of a page that goes on is given. */
export interface ScreenProps {
  readonly flow: Flow;
  readonly page: Page;
  readonly actions: Actions;
}
