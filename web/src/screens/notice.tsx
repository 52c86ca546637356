import type { Trouble } from '../flow/server';
import { useWords } from '../words/context';
import { Icon } from './icon';

/** After which a simple second try helps. */
const AGAIN: readonly Trouble[] = ['offline', 'busy', 'failed'];

/** What went wrong with what was tried last, and the way on. Codes that were refused are told beside their field. */
export function Notice({ notice, retry }: { notice: Trouble | null; retry: () => void }) {
  const words = useWords();
  if (!notice || notice === 'refused') return null;
  const { title, text } = words.troubles[notice];
  return (
    <div className="notice" role="alert">
      <Icon name="bad" />
      <div>
        <p className="notice-title">{title}</p>
        <p>{text}</p>
        {AGAIN.includes(notice) && (
          <button type="button" className="button quiet small" onClick={retry}>
            {words.tryAgain}
          </button>
        )}
      </div>
    </div>
  );
}
