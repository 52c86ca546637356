import { useEffect, useId, useRef, useState, type FormEvent } from 'react';

import { Heading } from '../../screens/heading';
import { Icon } from '../../screens/icon';
import { type Link, linkOf, ownServer } from '../protocol/link';
import { canScan, scan } from '../scanner';
import { useWords } from '../words/context';

interface AddProps {
  onLink: (link: Link) => void;
  onLeave: () => void;
}

/** Getting at the link: by camera where the browser reads QR codes, else by pasting it. */
export function Add({ onLink, onLeave }: AddProps) {
  const words = useWords();
  const [foreign, setForeign] = useState<Link | null>(null);
  const take = (link: Link) => (link.server === ownServer(location) ? onLink(link) : setForeign(link));
  return (
    <>
      <Heading>{words.addTitle}</Heading>
      <p className="intro">{words.addText}</p>
      <Scanner onLink={take} />
      <Paste onLink={take} />
      {foreign && (
        <div className="notice" role="alert">
          <Icon name="bad" />
          <div>
            <p>{words.linkElsewhere(foreign.host)}</p>
            <a
              className="button quiet small"
              href={`${foreign.server}/authenticator#enroll=${foreign.token}`}
              rel="noreferrer"
            >
              {words.openThere(foreign.host)}
            </a>
          </div>
        </div>
      )}
      <div className="ways">
        <button type="button" className="link subdued" onClick={onLeave}>
          {words.back}
        </button>
      </div>
    </>
  );
}

function Scanner({ onLink }: { onLink: (link: Link) => void }) {
  const words = useWords();
  const [state, setState] = useState<'unknown' | 'cannot' | 'can' | 'scanning' | 'denied'>('unknown');
  const video = useRef<HTMLVideoElement>(null);
  const take = useRef(onLink);
  take.current = onLink;

  useEffect(() => void canScan().then((can) => setState(can ? 'can' : 'cannot')), []);
  useEffect(() => {
    if (state !== 'scanning' || !video.current) return;
    const stop = new AbortController();
    const accept = (text: string) => {
      const link = linkOf(text);
      if (link) take.current(link);
      return link !== null;
    };
    scan(video.current, stop.signal, accept).then(
      () => setState('can'),
      () => setState('denied'),
    );
    return () => stop.abort();
  }, [state]);

  if (state === 'unknown') return null;
  if (state === 'cannot') return <p className="hint scan-hint">{words.cannotScan}</p>;
  return (
    <section className="step">
      {state === 'scanning' ? (
        <>
          <video ref={video} className="camera" muted playsInline aria-label={words.cameraLabel} />
          <p className="hint" role="status">
            {words.scanning}
          </p>
          <button type="button" className="button quiet" onClick={() => setState('can')}>
            {words.stopScanning}
          </button>
        </>
      ) : (
        <button type="button" className="button" onClick={() => setState('scanning')}>
          {words.scan}
        </button>
      )}
      {state === 'denied' && (
        <p className="field-error" role="alert">
          <Icon name="bad" />
          <span>{words.cameraDenied}</span>
        </p>
      )}
    </section>
  );
}

function Paste({ onLink }: { onLink: (link: Link) => void }) {
  const words = useWords();
  const id = useId();
  const [typed, setTyped] = useState('');
  const [wrong, setWrong] = useState(false);
  function send(event: FormEvent) {
    event.preventDefault();
    const link = linkOf(typed);
    setWrong(link === null);
    if (link) onLink(link);
  }
  return (
    <form className="code-form" onSubmit={send} noValidate>
      <label htmlFor={id}>{words.linkLabel}</label>
      <p className="hint" id={`${id}-hint`}>
        {words.linkHint}
      </p>
      <input
        id={id}
        className="field"
        type="url"
        inputMode="url"
        autoComplete="off"
        spellCheck={false}
        maxLength={2048}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
        aria-invalid={wrong}
        aria-describedby={`${id}-hint ${id}-error`}
      />
      <div id={`${id}-error`} role="alert" className="field-error">
        {wrong && (
          <>
            <Icon name="bad" />
            <p>{words.linkWrong}</p>
          </>
        )}
      </div>
      <button type="submit" className="button quiet">
        {words.goOn}
      </button>
    </form>
  );
}
