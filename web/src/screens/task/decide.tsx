import { useId, useRef, useState } from 'react';

import type { Asked } from '../../flow/task';
import { asItStands, clock } from '../../format';
import type { TaskWords } from '../../words/task/catalogue';
import { useWords } from '../../words/context';
import { Cancel } from '../cancel';
import { Heading } from '../heading';
import { Icon } from '../icon';
import { Notice } from '../notice';
import type { ScreenProps } from '../props';
import { moment } from '../security/date';
import { useLeft } from '../use-left';

/** Milliseconds from which on the time that is left is told, and not only when it is over. */
const SOON = 3_600_000;

/** What is asked, and what somebody says to it: once the server has it, and whoever it is has proved it where that is wanted. */
export function Decide(props: ScreenProps & { words: TaskWords }) {
  const { page, words } = props;
  if (!page.task) return null;
  if (page.task.state !== 'open') return <Closed {...props} state={page.task.state} />;
  return <Open {...props} words={words} task={page.task} />;
}

function Open({ flow, page, actions, words, task }: ScreenProps & { words: TaskWords; task: Asked }) {
  const [seen, setSeen] = useState<readonly string[]>([]);
  const [reason, setReason] = useState('');
  const [missing, setMissing] = useState(false);
  const first = useRef<HTMLInputElement>(null);
  const id = useId();
  const say = (verdict: 'approve' | 'reject') => {
    const lacks = verdict === 'approve' && task.evidence.some((one) => !seen.includes(one));
    setMissing(lacks);
    if (lacks) first.current?.focus();
    else actions.decide(verdict, verdict === 'approve' ? seen : [], reason);
  };
  const tick = (one: string, ticked: boolean) =>
    setSeen((before) => (ticked ? [...before, one] : before.filter((other) => other !== one)));
  const names: Readonly<Record<string, string>> = words.seen;

  return (
    <>
      <Heading>{words.title}</Heading>
      <p className="intro">{words.intro(page.application)}</p>
      <Facts words={words} task={task} />
      {task.releases && (
        <div className="notice">
          <Icon name="bad" />
          <p>{words.releases(asItStands(task.releases))}</p>
        </div>
      )}
      <Notice notice={flow.notice} retry={actions.retry} />
      {task.evidence.length > 0 && (
        <fieldset className="evidence" aria-describedby={missing ? `${id}-missing` : undefined}>
          <legend>{words.evidence}</legend>
          {task.evidence.map((one, place) => (
            <label key={one} className="check">
              <input
                ref={place === 0 ? first : null}
                type="checkbox"
                aria-invalid={missing && !seen.includes(one)}
                checked={seen.includes(one)}
                onChange={(event) => tick(one, event.currentTarget.checked)}
              />
              <span>{names[one] ?? asItStands(one)}</span>
            </label>
          ))}
          {missing && (
            <p className="field-error" id={`${id}-missing`} role="alert">
              <Icon name="bad" />
              {words.evidenceMissing}
            </p>
          )}
        </fieldset>
      )}
      <div className="code-form">
        <label htmlFor={`${id}-reason`}>{words.reason}</label>
        <input
          id={`${id}-reason`}
          className="text-line"
          maxLength={1000}
          autoComplete="off"
          aria-describedby={`${id}-hint`}
          value={reason}
          onInput={(event) => setReason(event.currentTarget.value)}
        />
        <p className="hint" id={`${id}-hint`}>
          {words.reasonHint}
          {task.isProved && ` ${words.proofNext}`}
        </p>
      </div>
      <div className="verdicts">
        <button type="button" className="button" aria-disabled={flow.asking} onClick={() => say('approve')}>
          {words.approve}
        </button>
        <button
          type="button"
          className="button quiet"
          aria-disabled={flow.asking}
          onClick={() => say('reject')}
        >
          {words.reject}
        </button>
      </div>
      <div className="ways">
        <Cancel actions={actions} />
      </div>
    </>
  );
}

function Facts({ words, task }: { words: TaskWords; task: Asked }) {
  const left = useLeft(task.until);
  return (
    <section aria-label={words.what}>
      {/* Whose account it is stands before what somebody wrote, which may say anything. */}
      <Told
        facts={[
          [words.about, task.about],
          [words.name, task.name],
        ]}
      />
      {task.message && (
        <p className="message">
          <bdi>{asItStands(task.message)}</bdi>
        </p>
      )}
      <Told
        facts={[
          [words.requester, task.requester],
          [words.workflow, task.workflow],
          [words.step, task.step],
          [words.approvals, words.ofQuorum(String(task.approvals), String(task.quorum))],
          left < SOON ? [words.left, clock(left / 1000)] : [words.until, moment(task.until)],
        ]}
      />
    </section>
  );
}

function Told({ facts }: { facts: readonly (readonly [string, string | null])[] }) {
  const known = facts.filter(([, said]) => said !== null);
  if (known.length === 0) return null;
  return (
    <dl className="facts">
      {known.map(([name, said]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            <bdi>{asItStands(said ?? '')}</bdi>
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** Others have decided, or the time is over. */
function Closed({ flow, page, actions, words, state }: ScreenProps & { words: TaskWords; state: string }) {
  const common = useWords();
  const told: Readonly<Record<string, string>> = words.closed;
  return (
    <div className="ending">
      <Icon name="stop" className="sign" />
      <Heading>{words.closedTitle}</Heading>
      {told[state] && <p className="intro">{told[state]}</p>}
      <button type="button" className="button" aria-disabled={flow.asking} onClick={actions.cancel}>
        {common.goBackTo(page.application)}
      </button>
    </div>
  );
}
