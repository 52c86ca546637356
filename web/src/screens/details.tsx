import { useId, useLayoutEffect, useRef, useState, type FormEvent } from 'react';

import type { FactorKind } from '../flow/page';
import type { Trouble } from '../flow/server';
import { mailAddress, phoneNumber, serialNumber } from '../format';
import { useWords } from '../words/context';
import { knowsPasskeys } from '../webauthn/ceremony';
import { Cancel } from './cancel';
import { Heading } from './heading';
import { Icon } from './icon';
import { Notice } from './notice';
import type { ScreenProps } from './props';

type Typed = 'sms' | 'email' | 'hotp';

/** How each is typed, and as what it is sent. */
const FIELDS = {
  sms: { type: 'tel', autoComplete: 'tel', inputMode: 'tel', read: phoneNumber, as: 'address' },
  email: { type: 'email', autoComplete: 'email', inputMode: 'email', read: mailAddress, as: 'address' },
  hotp: { type: 'text', autoComplete: 'off', inputMode: 'text', read: serialNumber, as: 'serial' },
} as const;

/** What the server found wrong with what was typed. */
const WRONG: readonly Trouble[] = ['badNumber', 'blocked', 'badAddress', 'badSerial'];

/** The one thing that a factor needs to know: where codes go, or which token it is. */
export function Details(props: ScreenProps) {
  const { flow, page, actions } = props;
  const words = useWords();
  const kind = flow.wanted as Typed;
  const stronger = page.factors.find((one) => isStronger(one) && (one !== 'webauthn' || knowsPasskeys()));
  return (
    <>
      <Heading>{words.details[kind].title}</Heading>
      <Notice notice={flow.notice} retry={actions.retry} />
      <Field key={kind} {...props} kind={kind} />
      {kind !== 'hotp' && stronger && (
        <aside className="nudge" aria-labelledby="nudge">
          <Icon name="strong" />
          <div>
            <h2 id="nudge">{words.strongerTitle}</h2>
            <p>{words.strongerText}</p>
            <button type="button" className="button quiet small" onClick={() => actions.begin(stronger)}>
              {words.takeInstead(words.factors[stronger].name)}
            </button>
          </div>
        </aside>
      )}
      <div className="ways">
        <button type="button" className="link" onClick={() => actions.want(null)}>
          {words.otherFactor}
        </button>
        <Cancel actions={actions} />
      </div>
    </>
  );
}

const isStronger = (kind: FactorKind): boolean => kind === 'webauthn' || kind === 'push' || kind === 'totp';

function Field({ flow, actions, kind }: ScreenProps & { kind: Typed }) {
  const words = useWords();
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState('');
  const [unready, setUnready] = useState(false);
  const { label, hint, act, missing } = words.details[kind];
  const { read, as, ...how } = FIELDS[kind];
  const wrong = flow.notice && WRONG.includes(flow.notice) ? words.troubles[troubleOf(flow.notice)] : null;

  useLayoutEffect(() => {
    if (wrong) field.current?.select();
  }, [wrong]);

  function send(event: FormEvent) {
    event.preventDefault();
    if (flow.asking) return;
    const said = read(typed);
    setUnready(said === null);
    if (said === null) field.current?.focus();
    else actions.begin(kind, { [as]: said });
  }

  return (
    <form className="code-form" onSubmit={send} noValidate>
      <label htmlFor={id}>{label}</label>
      <p className="hint" id={`${id}-hint`}>
        {hint}
      </p>
      <input
        ref={field}
        id={id}
        className="text-line"
        {...how}
        autoCapitalize="none"
        autoCorrect="off"
        spellCheck={false}
        enterKeyHint="go"
        maxLength={254}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        aria-invalid={unready || wrong !== null}
        aria-describedby={`${id}-hint ${id}-error`}
      />
      <div id={`${id}-error`} role="alert" className="field-error">
        {(unready || wrong) && (
          <>
            <Icon name="bad" />
            <p>
              <strong>{unready || !wrong ? missing : wrong.title}</strong>
              {!unready && wrong && <span>{wrong.text}</span>}
            </p>
          </>
        )}
      </div>
      <button type="submit" className="button" aria-disabled={flow.asking}>
        {flow.asking && <span className="spinner" />}
        {flow.asking ? words.loading : act}
      </button>
    </form>
  );
}

const troubleOf = (notice: Trouble) => notice as Exclude<Trouble, 'refused'>;
