import type { Flow } from '../flow/flow';
import type { Trouble } from '../flow/server';
import { useWords } from '../words/context';
import { Heading } from './heading';
import { Icon } from './icon';
import type { Actions } from './use-flow';

/** What to try again can help against. */
const AGAIN: readonly Trouble[] = ['offline', 'busy', 'failed', 'waiting', 'elsewhere'];
/** What leaves the page itself as it is: it still knows where it came from. */
const WAY_BACK: readonly Trouble[] = ['ended', 'stepUp', 'conflict'];

interface StoppedProps {
  flow: Flow;
  actions: Pick<Actions, 'cancel' | 'retry'>;
}

/** Nothing goes on here: why, and where to. */
export function Stopped({ flow, actions }: StoppedProps) {
  const words = useWords();
  const trouble = flow.stop ?? flow.notice ?? 'failed';
  // A page for signing in is made anew, by the address that it has.
  const anew = flow.page?.purpose === 'sign_in';
  const { title, text } = words.troubles[anew && trouble === 'over' ? 'overSignIn' : trouble];
  return (
    <div className="ending">
      <Icon name={trouble === 'offline' || trouble === 'busy' ? 'clock' : 'bad'} className="sign" />
      <Heading>{title}</Heading>
      <p className="intro">{text}</p>
      {WAY_BACK.includes(trouble) && !anew && (
        <button type="button" className="button" aria-disabled={flow.asking} onClick={actions.cancel}>
          {flow.page ? words.goBackTo(flow.page.application) : words.goBack}
        </button>
      )}
      {(AGAIN.includes(trouble) || anew) && (
        <button type="button" className="button quiet" aria-disabled={flow.asking} onClick={actions.retry}>
          {flow.asking && <span className="spinner" />}
          {words.tryAgain}
        </button>
      )}
    </div>
  );
}
