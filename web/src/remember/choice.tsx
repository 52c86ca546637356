import { useId } from 'react';

import type { Remember } from './remember';
import { rememberWords } from './words';

interface ChoiceProps {
  readonly remember: Remember;
  readonly wanted: boolean;
  readonly onChange: (wanted: boolean) => void;
}

const DAY = 24 * 3600;

/** Whether this browser is to be remembered once the proof is right: unticked, so that nobody is by accident. */
export function RememberChoice({ remember, wanted, onChange }: ChoiceProps) {
  const id = useId();
  const words = rememberWords(document.documentElement.lang);
  return (
    <div className="remember">
      <label className="check">
        <input
          type="checkbox"
          checked={wanted}
          aria-describedby={id}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
        <span>{words.choice(Math.max(1, Math.round(remember.lifetime / DAY)))}</span>
      </label>
      <p className="hint" id={id}>
        {words.hint}
      </p>
    </div>
  );
}
