import type { ShownKey } from '../flow/flow';
import { grouped } from '../format';
import { useWords } from '../words/context';
import { CodeForm } from './code-form';
import { Copy } from './copy';
import { CountDown } from './count-down';
import { Icon } from './icon';
import type { ScreenProps } from './props';
import { Qr } from './qr';
import { isTouched } from './touch';

/** The key of an authenticator app, for as long as it may be seen, and the code that shows that it arrived. */
export function ViewKey({ flow, actions }: ScreenProps) {
  const words = useWords();
  return (
    <>
      {flow.shownKey ? (
        <KeyInSight shownKey={flow.shownKey} onOver={actions.hideKey} />
      ) : (
        <KeyHidden onNewKey={() => actions.begin('totp')} asking={flow.asking} />
      )}
      <section className="step">
        <CodeForm
          kind="totp"
          label={words.confirmTitle}
          submit={words.finishSetup}
          asking={flow.asking}
          refusals={flow.notice === 'refused' ? flow.refusals : 0}
          onCode={actions.confirm}
        />
      </section>
    </>
  );
}

function KeyInSight({ shownKey, onOver }: { shownKey: ShownKey; onOver: () => void }) {
  const words = useWords();
  const { uri, secret } = shownKey.key;
  const touch = isTouched();
  return (
    <section className="step">
      {touch && (
        <a className="button" href={uri}>
          {words.openInApp}
        </a>
      )}
      <h2>{touch ? words.orScan : words.scanTitle}</h2>
      <p className="hint">{words.scanHint}</p>
      <Qr text={uri} label={words.qrAlt} />
      <CountDown until={shownKey.until} onOver={onOver} />
      <details>
        <summary>{words.typeInstead}</summary>
        <p className="hint">{words.typeHint}</p>
        <p className="secret">
          <span className="secret-label">{words.keyLabel}</span>
          <code>{grouped(secret)}</code>
        </p>
        <Copy text={secret} label={words.copyKey} />
      </details>
    </section>
  );
}

function KeyHidden({ onNewKey, asking }: { onNewKey: () => void; asking: boolean }) {
  const words = useWords();
  return (
    <section className="step hidden-key" role="status">
      <Icon name="hidden" />
      <h2>{words.hiddenTitle}</h2>
      <p>{words.hiddenText}</p>
      <button type="button" className="button quiet" aria-disabled={asking} onClick={onNewKey}>
        {words.newKey}
      </button>
    </section>
  );
}
