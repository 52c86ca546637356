import { useEffect, useId, useRef, useState, type FormEvent } from 'react';

import { asItStands, clock } from '../../format';
import { Heading } from '../../screens/heading';
import { Icon } from '../../screens/icon';
import type { State, Waiting } from '../flow';
import type { Prompt as Asked } from '../protocol/prompt';
import type { Answer } from '../protocol/signed';
import type { Actions } from '../use-authenticator';
import { useLocale, useWords } from '../words/context';
import { NumberField } from './number-field';
import { Trouble } from './trouble';

interface PromptProps {
  waiting: Waiting;
  state: State;
  actions: Actions;
}

/** What is asked, all of it, and the answer. */
export function Prompt({ waiting, state, actions }: PromptProps) {
  const words = useWords();
  const [reporting, setReporting] = useState(false);
  const { prompt } = waiting;
  const give = (given: Answer, number: string | null) =>
    !state.asking && actions.answer(waiting, given, number);
  if ('unknown' in prompt) {
    return (
      <div className="ending">
        <Icon name="bad" className="sign" />
        <Heading>{words.updateTitle}</Heading>
        <p className="intro">{words.updateText}</p>
        <Trouble notice={state.notice} />
        <button
          type="button"
          className="button quiet"
          aria-disabled={state.asking}
          onClick={() => give('deny', null)}
        >
          {words.deny}
        </button>
      </div>
    );
  }
  if (reporting) {
    return <Report state={state} onReport={() => give('fraud', null)} onBack={() => setReporting(false)} />;
  }
  return (
    <>
      <div className="prompt-head">
        <TimeLeft until={waiting.until} />
        {state.waiting.length > 1 && <p className="hint">{words.moreWait}</p>}
      </div>
      <Heading>{prompt.connects ? words.connectPromptTitle : words.promptTitle(prompt.application)}</Heading>
      <p className="intro">{prompt.connects ? words.connectPromptText : words.promptText}</p>
      <Facts prompt={prompt} />
      <Trouble notice={state.notice} />
      <Approval digits={prompt.digits} asking={state.asking} onNumber={(number) => give('approve', number)} />
      <div className="refusals">
        <button
          type="button"
          className="button quiet"
          aria-disabled={state.asking}
          onClick={() => give('deny', null)}
        >
          {words.deny}
        </button>
        <button type="button" className="button alarm" onClick={() => setReporting(true)}>
          {words.notMe}
        </button>
      </div>
    </>
  );
}

function Facts({ prompt }: { prompt: Asked }) {
  const words = useWords();
  const locale = useLocale();
  const from = [prompt.place, prompt.address, prompt.device].filter((known) => known !== null).join(' · ');
  const facts: (readonly [string, string])[] = [
    [words.account, prompt.account],
    ...(prompt.connects ? [] : [[words.action, prompt.action] as const]),
    ...prompt.shown,
    ...(from ? [[words.from, from] as const] : []),
    [words.time, new Date(prompt.createdAt).toLocaleTimeString(locale, { timeStyle: 'short' })],
  ];
  return (
    <section aria-label={words.facts}>
      <dl className="facts">
        {facts.map(([name, said], place) => (
          <div key={place}>
            <dt>
              <bdi>{asItStands(name)}</bdi>
            </dt>
            <dd>
              <bdi>{asItStands(said)}</bdi>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

interface ApprovalProps {
  digits: number;
  asking: boolean;
  onNumber: (number: string) => void;
}

function Approval({ digits, asking, onNumber }: ApprovalProps) {
  const words = useWords();
  const id = useId();
  const [typed, setTyped] = useState('');
  const [missing, setMissing] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  function send(event: FormEvent) {
    event.preventDefault();
    if (asking) return;
    const whole = typed.length === digits;
    setMissing(!whole);
    if (whole) onNumber(typed);
    else field.current?.focus();
  }
  return (
    <form className="approval" onSubmit={send} noValidate>
      <label htmlFor={id}>{words.numberLabel}</label>
      <p className="hint" id={`${id}-hint`}>
        {words.numberHint}
      </p>
      <NumberField
        id={id}
        field={field}
        digits={digits}
        typed={typed}
        onTyped={(number) => (setTyped(number), setMissing(false))}
        invalid={missing}
        describedBy={`${id}-hint ${id}-error`}
      />
      <div id={`${id}-error`} role="alert" className="field-error">
        {missing && (
          <>
            <Icon name="bad" />
            <p>{words.numberMissing}</p>
          </>
        )}
      </div>
      <button type="submit" className="button" aria-disabled={asking}>
        {asking && <span className="spinner" />}
        {asking ? words.sending : words.approve}
      </button>
    </form>
  );
}

interface ReportProps {
  state: State;
  onReport: () => void;
  onBack: () => void;
}

function Report({ state, onReport, onBack }: ReportProps) {
  const words = useWords();
  return (
    <div className="ending">
      <Icon name="bad" className="sign alarmed" />
      <Heading>{words.reportTitle}</Heading>
      <p className="intro">{words.reportText}</p>
      <Trouble notice={state.notice} />
      <button type="button" className="button alarm filled" aria-disabled={state.asking} onClick={onReport}>
        {state.asking && <span className="spinner" />}
        {words.report}
      </button>
      <button type="button" className="button quiet" onClick={onBack}>
        {words.back}
      </button>
    </div>
  );
}

/** Seen by the second, read out once. */
function TimeLeft({ until }: { until: number }) {
  const words = useWords();
  const [left, setLeft] = useState(() => until - Date.now());
  useEffect(() => {
    const timer = setInterval(() => setLeft(until - Date.now()), 500);
    return () => clearInterval(timer);
  }, [until]);
  const short = left < 30_000;
  return (
    <>
      <p className={short ? 'count-down soon' : 'count-down'} role="timer" aria-live="off">
        <Icon name="clock" />
        {words.timeLeft(clock(left / 1000))}
      </p>
      <p className="unseen" role="status">
        {short ? words.timeShort : ''}
      </p>
    </>
  );
}
