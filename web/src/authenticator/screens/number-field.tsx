import type { RefObject } from 'react';

import { useWords } from '../words/context';

interface NumberFieldProps {
  id: string;
  field: RefObject<HTMLInputElement | null>;
  digits: number;
  typed: string;
  onTyped: (number: string) => void;
  invalid: boolean;
  describedBy: string;
}

const KEYS = ['1', '2', '3', '4', '5', '6', '7', '8', '9'] as const;

/** The number, by the pad or by a keyboard. Nothing is ever filled in: the person has it from the other screen. */
export function NumberField({ id, field, digits, typed, onTyped, invalid, describedBy }: NumberFieldProps) {
  const words = useWords();
  const type = (digit: string) => onTyped((typed + digit).slice(0, digits));
  return (
    <>
      <input
        ref={field}
        id={id}
        className="code number"
        type="text"
        // The pad is the keyboard: that of the phone would cover what is asked.
        inputMode="none"
        autoComplete="off"
        enterKeyHint="go"
        value={typed}
        onChange={(event) => onTyped(digitsOf(event.currentTarget.value).slice(0, digits))}
        aria-invalid={invalid}
        aria-describedby={describedBy}
      />
      <div className="pad">
        {KEYS.map((digit) => (
          <button key={digit} type="button" onClick={() => type(digit)}>
            {digit}
          </button>
        ))}
        <span />
        <button type="button" onClick={() => type('0')}>
          0
        </button>
        <button type="button" aria-label={words.deleteDigit} onClick={() => onTyped(typed.slice(0, -1))}>
          ⌫
        </button>
      </div>
    </>
  );
}

/** What was typed or pasted, in ASCII digits. */
const digitsOf = (text: string) => text.normalize('NFKC').replace(/[^0-9]/g, '');
