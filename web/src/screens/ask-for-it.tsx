import type { Way } from '../flow/page';
import { useWords } from '../words/context';
import { Icon } from './icon';
import { ICON_OF } from './other-ways';

interface AskForItProps {
  kind: 'webauthn' | 'push' | 'sms' | 'email';
  way: Way;
  asking: boolean;
  onAsk: () => void;
}

/** One button for what has to be asked of a device or sent first. Nothing is sent because a page was merely opened. */
export function AskForIt({ kind, way, asking, onAsk }: AskForItProps) {
  const words = useWords();
  const { text, act } = words.asks[kind];
  const doing = kind === 'webauthn' ? words.deviceAsks : words.loading;
  return (
    <section className="ask" aria-label={words.kinds[kind]}>
      <p className="ask-what">
        <Icon name={ICON_OF[kind]} />
        <span>
          {text}
          {way.to && ` ${words.sendsTo(way.to)}`}
        </span>
      </p>
      <button type="button" className="button" aria-disabled={asking} onClick={onAsk}>
        {asking && <span className="spinner" />}
        {asking ? doing : act}
      </button>
      <p className="unseen" role="status">
        {asking ? doing : ''}
      </p>
    </section>
  );
}
