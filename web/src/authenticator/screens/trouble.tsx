import { Icon } from '../../screens/icon';
import type { State } from '../flow';
import { useWords } from '../words/context';

/** What went wrong with what was tried last. */
export function Trouble({ notice }: { notice: State['notice'] }) {
  const words = useWords();
  if (!notice) return null;
  const { title, text } = notice === 'locked' ? words.unlockFailed : words.troubles[notice];
  return (
    <div className="notice" role="alert">
      <Icon name="bad" />
      <div>
        <p className="notice-title">{title}</p>
        <p>{text}</p>
      </div>
    </div>
  );
}
