import { useId, useLayoutEffect, useRef } from 'react';

/** Something that cannot be undone, to be confirmed. */
export interface Question {
  readonly title: string;
  readonly text: string;
  readonly act: string;
  readonly grave: boolean;
  readonly yes: () => void;
}

/** Asks before something is done. Escape, and the button that comes first, leave all as it is. */
export function Sure({ question, keep, onClose }: { question: Question; keep: string; onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    dialog.current?.showModal();
    return () => before?.focus();
  }, []);

  return (
    <dialog
      ref={dialog}
      className="sure"
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-text`}
      onClose={onClose}
    >
      <h2 id={`${id}-title`}>{question.title}</h2>
      <p id={`${id}-text`}>{question.text}</p>
      <div className="sure-ways">
        <button type="button" className="button quiet" autoFocus onClick={onClose}>
          {keep}
        </button>
        <button
          type="button"
          className={question.grave ? 'button grave' : 'button'}
          onClick={() => {
            question.yes();
            onClose();
          }}
        >
          {question.act}
        </button>
      </div>
    </dialog>
  );
}
