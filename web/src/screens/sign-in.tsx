import { asItStands } from '../format';
import { wayOf } from '../flow/flow';
import { useWords } from '../words/context';
import { Heading } from './heading';
import { Icon } from './icon';
import { Notice } from './notice';
import type { ScreenProps } from './props';

/** Signing in at a site: one button. The passkey says who it is, so nothing is typed. */
export function SignIn({ flow, page, actions }: ScreenProps) {
  const words = useWords();
  const way = wayOf(flow);
  const place = page.challenge?.shown.find(([name]) => name === 'site')?.[1] ?? '';
  const doing = flow.asking ? words.deviceAsks : '';
  return (
    <>
      <Heading>{words.signInTitle}</Heading>
      <p className="intro">{words.signInIntro}</p>
      <p className="place">
        <bdi>{asItStands(place.replace(/^https:\/\//, ''))}</bdi>
      </p>
      <Notice notice={flow.notice} retry={actions.retry} passkey only />
      <section className="ask" aria-label={words.kinds.webauthn}>
        <p className="ask-what">
          <Icon name="passkey" />
          <span>{words.asks.webauthn.text}</span>
        </p>
        {way && (
          <button
            type="button"
            className="button"
            aria-disabled={flow.asking}
            onClick={() => actions.send(way)}
          >
            {flow.asking && <span className="spinner" />}
            {doing || words.signInAct}
          </button>
        )}
        <p className="unseen" role="status">
          {doing}
        </p>
      </section>
      <p className="hint">{words.signInNone}</p>
    </>
  );
}
