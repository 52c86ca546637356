import { useId, useLayoutEffect, useRef, useState, type FormEvent } from 'react';

import { code } from '../format';
import { useWords } from '../words/context';
import { Icon } from './icon';

interface CodeFormProps {
  kind: 'totp' | 'hotp' | 'sms' | 'email' | 'backup_codes';
  label: string;
  hint?: string;
  submit: string;
  asking: boolean;
  /** How many codes in a row were refused. */
  refusals: number;
  onCode: (code: string) => void;
}

/** After how many refused codes it is time to speak of waiting. The server waits after five. */
const OFTEN = 3;

/** One field for a code, and what is wrong with it. */
export function CodeForm({ kind, label, hint, submit, asking, refusals, onCode }: CodeFormProps) {
  const words = useWords();
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  const [typed, setTyped] = useState('');
  const [unready, setUnready] = useState<string | null>(null);
  const digits = kind !== 'backup_codes';
  const error = unready ? { title: unready, text: '' } : refusal(refusals, kind, words);

  useLayoutEffect(() => {
    // Selected, so that the next code replaces the one that did not work.
    if (refusals > 0) field.current?.select();
  }, [refusals]);

  function send(event: FormEvent) {
    event.preventDefault();
    if (asking) return;
    const ready = code(typed);
    setUnready(ready ? null : whatIsMissing(typed, kind, words));
    if (ready) onCode(ready);
    else field.current?.focus();
  }

  return (
    <form className="code-form" onSubmit={send} noValidate>
      <label htmlFor={id}>{label}</label>
      {hint && (
        <p className="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      <input
        ref={field}
        id={id}
        className={digits ? 'code' : 'code backup'}
        name={digits ? 'one-time-code' : 'backup-code'}
        type="text"
        // A passkey of this device is offered beside: see use-autofill.ts.
        autoComplete={digits ? 'one-time-code webauthn' : 'off'}
        inputMode={digits ? 'numeric' : 'text'}
        autoCapitalize={digits ? 'none' : 'characters'}
        autoCorrect="off"
        spellCheck={false}
        enterKeyHint="go"
        maxLength={64}
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
        aria-invalid={error !== null}
        aria-describedby={`${hint ? `${id}-hint ` : ''}${id}-error`}
      />
      <div id={`${id}-error`} role="alert" className="field-error">
        {error && (
          <>
            <Icon name="bad" />
            <p>
              <strong>{error.title}</strong>
              {error.text && <span>{error.text}</span>}
            </p>
          </>
        )}
      </div>
      <button type="submit" className="button" aria-disabled={asking}>
        {asking && <span className="spinner" />}
        {asking ? words.checking : submit}
      </button>
    </form>
  );
}

type WordsNow = ReturnType<typeof useWords>;

function refusal(refusals: number, kind: CodeFormProps['kind'], words: WordsNow) {
  if (refusals === 0) return null;
  const { troubles } = words;
  if (kind === 'backup_codes') return troubles.refusedBackup;
  if (kind === 'sms' || kind === 'email') return troubles.refusedSent;
  if (kind === 'hotp') return troubles.refusedToken;
  return refusals < OFTEN ? troubles.refused : troubles.refusedOften;
}

function whatIsMissing(typed: string, kind: CodeFormProps['kind'], words: WordsNow): string {
  if (typed.trim() === '') return words.codeMissing;
  return kind === 'backup_codes' ? words.backupCodeIncomplete : words.codeIncomplete;
}
