import { useMemo } from 'react';

import type { ShownKey } from '../flow/flow';
import { grouped } from '../format';
import { picture } from '../qr';
import { useWords } from '../words/context';
import { Cancel } from './cancel';
import { CodeForm } from './code-form';
import { Copy } from './copy';
import { CountDown } from './count-down';
import { Heading } from './heading';
import { Icon } from './icon';
import { Notice } from './notice';
import type { ScreenProps } from './props';

/** The key, for as long as it may be seen, and the code that shows that it arrived. */
export function View({ flow, page, actions }: ScreenProps) {
  const words = useWords();
  const newKey = () => actions.begin(page.factors[0] ?? 'totp');
  return (
    <>
      <Heading>{words.viewTitle}</Heading>
      <Notice notice={flow.notice} retry={actions.retry} />
      {flow.shownKey ? (
        <KeyInSight shownKey={flow.shownKey} onOver={actions.hideKey} />
      ) : (
        <KeyHidden onNewKey={newKey} asking={flow.asking} />
      )}
      <section className="step">
        <CodeForm
          kind="app"
          label={words.confirmTitle}
          submit={words.finishSetup}
          asking={flow.asking}
          refusals={flow.notice === 'refused' ? flow.refusals : 0}
          onCode={actions.confirm}
        />
      </section>
      <div className="ways">
        <Cancel actions={actions} />
      </div>
    </>
  );
}

function KeyInSight({ shownKey, onOver }: { shownKey: ShownKey; onOver: () => void }) {
  const words = useWords();
  const { uri, secret } = shownKey.key;
  const touch = window.matchMedia('(pointer: coarse)').matches;
  return (
    <section className="step">
      {touch && (
        <a className="button" href={uri}>
          {words.openInApp}
        </a>
      )}
      <h2>{touch ? words.orScan : words.scanTitle}</h2>
      <p className="hint">{words.scanHint}</p>
      <Qr text={uri} />
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

function Qr({ text }: { text: string }) {
  const words = useWords();
  const { size, path } = useMemo(() => picture(text), [text]);
  return (
    <svg
      className="qr"
      viewBox={`0 0 ${size} ${size}`}
      role="img"
      aria-label={words.qrAlt}
      shapeRendering="crispEdges"
    >
      <rect className="qr-light" width={size} height={size} />
      <path className="qr-dark" d={path} />
    </svg>
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
