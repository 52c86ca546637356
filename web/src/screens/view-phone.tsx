import { useWords } from '../words/context';
import { Icon } from './icon';
import type { ScreenProps } from './props';
import { PhoneNumber, Waiting } from './push-waiting';
import { Qr } from './qr';
import { isTouched } from './touch';
import { useLeft } from './use-left';

/** The way into the authenticator app, and the number that it then asks for. What the phone does is waited for by `use-wait.ts`. */
export function ViewPhone({ flow, page, actions }: ScreenProps) {
  const words = useWords();
  const link = page.view?.link ?? null;
  const left = useLeft(page.view?.until ?? 0);
  const number = page.view?.number ?? null;
  if (number && left > 0) {
    return (
      <section className="push" aria-label={words.kinds.push}>
        <PhoneNumber number={number} />
        <p className="hint">{words.pushConnectHow}</p>
        <Waiting left={left} />
      </section>
    );
  }
  if (!link || left <= 0) {
    return (
      <section className="step hidden-key" role="status">
        <Icon name="hidden" />
        <h2>{words.pushHiddenTitle}</h2>
        <p>{words.pushHidden}</p>
        <button
          type="button"
          className="button quiet"
          aria-disabled={flow.asking}
          onClick={() => actions.begin('push')}
        >
          {words.pushNew}
        </button>
      </section>
    );
  }
  const touch = isTouched();
  return (
    <section className="step">
      {touch && (
        // In a window of its own: this page waits for what happens there.
        <a className="button" href={link.href} target="_blank" rel="noreferrer noopener">
          {words.pushOpen}
        </a>
      )}
      <h2>{touch ? words.pushOrScan : words.pushScan}</h2>
      <p className="hint">{words.pushScanHint}</p>
      <Qr text={link.href} label={words.pushQrAlt} />
      <p className="push-waiting" role="status">
        <span className="spinner" />
        {words.pushWaiting}
      </p>
    </section>
  );
}
