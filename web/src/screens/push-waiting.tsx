import type { Prompt, Way } from '../flow/page';
import { clock } from '../format';
import { useWords } from '../words/context';
import { Icon } from './icon';
import { Resend } from './resend';
import { useLeft } from './use-left';

interface PushWaitingProps {
  way: Way;
  prompt: Prompt;
  asking: boolean;
  onAsk: () => void;
}

/** What the phone has to be told, and that it is waited for; or that it said no, or nothing. */
export function PushWaiting({ way, prompt, asking, onAsk }: PushWaitingProps) {
  const words = useWords();
  const left = useLeft(prompt.until);
  if (prompt.denied)
    return <Ended title={words.pushDeniedTitle} text={words.pushDenied} {...{ asking, onAsk }} />;
  if (left <= 0) return <Ended title={words.pushOverTitle} text={words.pushOver} {...{ asking, onAsk }} />;
  return (
    <section className="push" aria-label={words.kinds.push}>
      {prompt.number && <PhoneNumber number={prompt.number} />}
      <p className="hint">{words.pushHow}</p>
      <Waiting left={left} />
      {way.label && <p className="hint">{way.label}</p>}
      {prompt.resendAt !== null && <Resend at={prompt.resendAt} asking={asking} onSend={onAsk} />}
    </section>
  );
}

/** What is to be typed on the phone. */
export function PhoneNumber({ number }: { number: string }) {
  const words = useWords();
  return (
    <>
      <h2>{words.pushNumber}</h2>
      {/* Read digit by digit, as it is typed. */}
      <p className="push-number">
        <span aria-hidden="true">{number}</span>
        <span className="unseen">{[...number].join(' ')}</span>
      </p>
    </>
  );
}

/** That the phone is waited for, and how long still: said once, as it would be read out each second. */
export function Waiting({ left }: { left: number }) {
  const words = useWords();
  return (
    <p className="push-waiting" role="status">
      <span className="spinner" />
      {words.pushWaiting}
      <span className="push-left" aria-hidden="true">
        {clock(left / 1000)}
      </span>
    </p>
  );
}

function Ended(props: { title: string; text: string; asking: boolean; onAsk: () => void }) {
  const words = useWords();
  return (
    <section className="push ended" role="alert">
      <Icon name="stop" />
      <h2>{props.title}</h2>
      <p>{props.text}</p>
      <button type="button" className="button quiet" aria-disabled={props.asking} onClick={props.onAsk}>
        {props.asking && <span className="spinner" />}
        {words.askAgain}
      </button>
    </section>
  );
}
