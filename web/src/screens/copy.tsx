import { useState } from 'react';

import { useWords } from '../words/context';
import { Icon } from './icon';

/** Copies a text, and says whether it went. */
export function Copy({ text, label }: { text: string; label: string }) {
  const words = useWords();
  const [said, say] = useState('');
  return (
    <div className="copy">
      <button
        type="button"
        className="button quiet small"
        onClick={() =>
          // Where the browser refuses, there is still the text to select.
          void copied(text).then((went) => say(went ? words.copied : words.copyFailed))
        }
      >
        <Icon name="copy" />
        {label}
      </button>
      <span className="said" role="status">
        {said}
      </span>
    </div>
  );
}

/** Whether the text is on the clipboard now. */
export async function copied(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}
