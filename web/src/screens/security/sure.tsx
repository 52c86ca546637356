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
  const left = useRef(false);
  useLayoutEffect(() => dialog.current?.showModal(), []);

  // Left at once, and once: the browser tells of a close a frame later, when the next question may stand already.
  const leave = () => {
    if (left.current) return;
    left.current = true;
    // Gives the focus back to what had it.
    dialog.current?.close();
    onClose();
  };

  return (
    <dialog
      ref={dialog}
      className="sure"
      aria-labelledby={`${id}-title`}
      aria-describedby={`${id}-text`}
      onCancel={leave}
      onClose={leave}
    >
      <h2 id={`${id}-title`}>{question.title}</h2>
      <p id={`${id}-text`}>{question.text}</p>
      <div className="sure-ways">
        <button type="button" className="button quiet" autoFocus onClick={leave}>
          {keep}
        </button>
        <button
          type="button"
          className={question.grave ? 'button grave' : 'button'}
          onClick={() => {
            question.yes();
            leave();
          }}
        >
          {question.act}
        </button>
      </div>
    </dialog>
  );
}
