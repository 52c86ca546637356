import { useRef, useState, type FormEvent } from 'react';

import { codesAsText } from '../format';
import type { Page } from '../flow/page';
import { useWords } from '../words/context';
import { copied } from './copy';
import { Heading } from './heading';
import { Icon } from './icon';
import { Notice } from './notice';
import type { ScreenProps } from './props';

/** The backup codes, this once, until the person says that they are kept. */
export function BackupCodes({ flow, page, actions }: ScreenProps) {
  const words = useWords();
  return (
    <>
      <Heading>{words.backupTitle}</Heading>
      <p className="intro">{words.backupIntro}</p>
      <Notice notice={flow.notice} retry={actions.retry} />
      <Codes codes={page.backupCodes} page={page} />
      <Kept asking={flow.asking} onKept={actions.finish} />
    </>
  );
}

function Codes({ codes, page }: { codes: readonly string[]; page: Page }) {
  const words = useWords();
  const [said, say] = useState('');
  const heading = words.backupHeading(page.application);
  const text = codesAsText(heading, codes, words.backupNote);
  const copy = async () => say((await copied(text)) ? words.copied : words.copyFailed);
  const download = () => {
    save(text, `${words.backupFileName}.txt`);
    say(words.downloaded);
  };
  return (
    <>
      <section className="codes" aria-label={words.backupList}>
        <p className="print-only">{heading}</p>
        <ul>
          {codes.map((one) => (
            <li key={one}>
              <code>{one}</code>
            </li>
          ))}
        </ul>
        <p className="print-only">{words.backupNote}</p>
      </section>
      <div className="keep">
        <button type="button" className="button quiet" onClick={() => void copy()}>
          <Icon name="copy" />
          {words.copyCodes}
        </button>
        <button type="button" className="button quiet" onClick={download}>
          <Icon name="download" />
          {words.download}
        </button>
        <button type="button" className="button quiet" onClick={() => window.print()}>
          <Icon name="print" />
          {words.print}
        </button>
      </div>
      <p className="said" role="status">
        {said}
      </p>
    </>
  );
}

function Kept({ asking, onKept }: { asking: boolean; onKept: () => void }) {
  const words = useWords();
  const box = useRef<HTMLInputElement>(null);
  const [kept, setKept] = useState(false);
  const [missing, setMissing] = useState(false);

  function goOn(event: FormEvent) {
    event.preventDefault();
    setMissing(!kept);
    if (!kept) box.current?.focus();
    else if (!asking) onKept();
  }

  return (
    <form className="kept" onSubmit={goOn} noValidate>
      <label className="check">
        <input
          ref={box}
          type="checkbox"
          checked={kept}
          aria-invalid={missing && !kept}
          aria-describedby="kept-error"
          onChange={(event) => setKept(event.target.checked)}
        />
        <span>{words.kept}</span>
      </label>
      <div id="kept-error" role="alert" className="field-error">
        {missing && !kept && (
          <>
            <Icon name="bad" />
            <p>{words.keptFirst}</p>
          </>
        )}
      </div>
      <button type="submit" className="button" aria-disabled={asking}>
        {words.goOn}
      </button>
    </form>
  );
}

/** Hands a text to the browser's downloads. */
function save(text: string, name: string) {
  const address = URL.createObjectURL(new Blob([text], { type: 'text/plain;charset=utf-8' }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The codes stay reachable by this address until it is taken back; the browser has begun to read them by then.
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
