import { useEffect } from 'react';

import { useWords } from '../words/context';
import { Icon } from './icon';
import type { ScreenProps } from './props';

/** Has the device make a passkey: at once when the factor was chosen here, by a button when that came to nothing. */
export function ViewPasskey({ flow, page, actions }: ScreenProps) {
  const words = useWords();
  const options = page.view?.webauthn ?? null;
  const chosenHere = flow.begun === 'webauthn';
  const { makePasskey } = actions;

  useEffect(() => {
    if (chosenHere && options) makePasskey();
  }, [chosenHere, options, makePasskey]);

  const doing = flow.asking ? words.deviceAsks : '';
  return (
    <section className="step">
      <p className="ask-what">
        <Icon name="passkey" />
        <span>{words.passkeyMake}</span>
      </p>
      <button
        type="button"
        className="button"
        aria-disabled={flow.asking}
        // Refused by the server, its question is used up: it takes another.
        onClick={() => (options && flow.refusals === 0 ? makePasskey() : actions.begin('webauthn'))}
      >
        {flow.asking && <span className="spinner" />}
        {doing || words.passkeyMakeAct}
      </button>
      <p className="unseen" role="status">
        {doing}
      </p>
    </section>
  );
}
