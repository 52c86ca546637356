import { useId, useState, type FormEvent } from 'react';

import { Heading } from '../../screens/heading';
import { Icon } from '../../screens/icon';
import type { State } from '../flow';
import type { Link } from '../protocol/link';
import { useWords } from '../words/context';
import { Trouble } from './trouble';

interface ConnectProps {
  link: Link;
  state: State;
  onConnect: (name: string) => void;
  onLeave: () => void;
}

/** Longest name that the server takes. */
const LONGEST = 64;

/** Asks before anything is sent: for which server, and by which name the phone is to be known. */
export function Connect({ link, state, onConnect, onLeave }: ConnectProps) {
  const words = useWords();
  const id = useId();
  const [name, setName] = useState(() => suggested(words.defaultName));
  const [missing, setMissing] = useState(false);

  function send(event: FormEvent) {
    event.preventDefault();
    const said = name.trim();
    setMissing(said === '');
    if (said !== '' && !state.asking) onConnect(said);
  }

  return (
    <>
      <Heading>{words.connectTitle}</Heading>
      <p className="intro">{words.connectText(link.host)}</p>
      <Trouble notice={state.notice} />
      <form className="code-form" onSubmit={send} noValidate>
        <label htmlFor={id}>{words.nameLabel}</label>
        <p className="hint" id={`${id}-hint`}>
          {words.nameHint}
        </p>
        <input
          id={id}
          className="field"
          type="text"
          autoComplete="off"
          maxLength={LONGEST}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
          aria-invalid={missing}
          aria-describedby={`${id}-hint ${id}-error`}
        />
        <div id={`${id}-error`} role="alert" className="field-error">
          {missing && (
            <>
              <Icon name="bad" />
              <p>{words.nameMissing}</p>
            </>
          )}
        </div>
        <button type="submit" className="button" aria-disabled={state.asking}>
          {state.asking && <span className="spinner" />}
          {state.asking ? words.connecting : words.connect}
        </button>
      </form>
      <div className="ways">
        <button type="button" className="link subdued" onClick={onLeave}>
          {words.cancel}
        </button>
      </div>
    </>
  );
}

/** What the browser says that it runs on, where it does. */
function suggested(otherwise: string): string {
  const [, found] = /(iPhone|iPad|Android|Windows|Macintosh|CrOS|Linux)/.exec(navigator.userAgent) ?? [];
  const names: Readonly<Record<string, string>> = { Macintosh: 'Mac', CrOS: 'Chromebook' };
  return found ? (names[found] ?? found) : otherwise;
}
