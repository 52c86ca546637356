import { Heading } from '../../screens/heading';
import { Icon } from '../../screens/icon';
import type { Ended } from '../flow';
import type { Actions } from '../use-authenticator';
import { useWords } from '../words/context';

/** What came of the question that was in sight. */
export function Outcome({ ended, actions }: { ended: Ended; actions: Actions }) {
  const { title, text } = useTold(ended);
  const words = useWords();
  const { outcome } = ended;
  const icon = outcome === 'approved' ? 'good' : outcome === 'expired' ? 'clock' : 'stop';
  const serious = outcome === 'reported' || outcome === 'mismatched';
  const looks = outcome === 'approved' ? 'sign good' : serious ? 'sign alarmed' : 'sign';
  return (
    <div className="ending">
      <Icon name={icon} className={looks} />
      <Heading>{title}</Heading>
      <p className="intro" role="status">
        {text}
      </p>
      <button type="button" className="button quiet" onClick={actions.dismiss}>
        {words.done}
      </button>
    </div>
  );
}

function useTold({ waiting: { prompt, account }, outcome }: Ended): { title: string; text: string } {
  const words = useWords();
  if ('unknown' in prompt || !prompt.connects) return words.outcomes[outcome];
  if (outcome === 'approved') {
    return { title: words.connectedTitle, text: words.connectedText(account.application || account.issuer) };
  }
  if (outcome === 'mismatched')
    return { title: words.outcomes.mismatched.title, text: words.notConnectedText };
  return { title: words.notConnectedTitle, text: words.notConnectedText };
}
