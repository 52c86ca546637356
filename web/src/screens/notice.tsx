import type { Trouble } from '../flow/server';
import { useWords } from '../words/context';
import { Icon } from './icon';

/** After which a simple second try helps. */
const AGAIN: readonly Trouble[] = ['offline', 'busy', 'failed'];
/** What is told beside the field that it is about. */
const AT_FIELD: readonly Trouble[] = ['refused', 'badNumber', 'blocked', 'badAddress', 'badSerial'];

interface NoticeProps {
  notice: Trouble | null;
  retry: () => void;
  /** There is no field: what was refused is a passkey. */
  passkey?: boolean;
  /** Nothing but a passkey will do. */
  only?: boolean;
}

/** What is told differently where there is no other way to choose. */
const ONLY: Partial<Record<Trouble, 'cancelledSignIn' | 'refusedSignIn'>> = {
  passkeyCancelled: 'cancelledSignIn',
  refused: 'refusedSignIn',
};

/** What went wrong with what was tried last, and the way on. What was typed wrongly is told beside its field. */
export function Notice({ notice, retry, passkey = false, only = false }: NoticeProps) {
  const words = useWords();
  if (!notice || (AT_FIELD.includes(notice) && !passkey)) return null;
  const told = notice === 'refused' ? 'refusedPasskey' : notice;
  const { title, text } = words.troubles[(only ? ONLY[notice] : undefined) ?? told];
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
