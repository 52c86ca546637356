import { useState } from 'react';

import { asItStands } from '../format';
import { isOf, wayOf, type Flow } from '../flow/flow';
import type { Page, Way } from '../flow/page';
import { RememberChoice } from '../remember/choice';
import { useWords } from '../words/context';
import { AskForIt } from './ask-for-it';
import { Cancel } from './cancel';
import { CodeForm } from './code-form';
import { Heading } from './heading';
import { Notice } from './notice';
import { OtherWays } from './other-ways';
import type { ScreenProps } from './props';
import { PushWaiting } from './push-waiting';
import { Resend } from './resend';

/** Showing that it is the right person: for a challenge, or before something about the person's authenticators changes. */
export function Prove({ flow, page, actions }: ScreenProps) {
  const words = useWords();
  const way = wayOf(flow);
  const [remembered, setRemembered] = useState(false);
  return (
    <>
      <Heading>{words.proveTitle}</Heading>
      <p className="intro">
        {
          {
            challenge: words.proveIntro(page.application),
            enroll: words.proveBeforeAdding,
            security: words.proveBeforeChange,
            sign_in: words.signInIntro,
            task: words.proveBeforeDeciding,
          }[page.purpose]
        }
      </p>
      {(page.purpose === 'challenge' || page.purpose === 'task') && <Facts page={page} />}
      <Notice notice={flow.notice} retry={actions.retry} passkey={way?.kind === 'webauthn'} />
      {way && <By way={way} flow={flow} page={page} actions={actions} />}
      {page.remember && (
        <RememberChoice
          remember={page.remember}
          wanted={remembered}
          onChange={(wanted) => {
            setRemembered(wanted);
            actions.remember(wanted);
          }}
        />
      )}
      <OtherWays ways={page.ways} now={way} onPick={actions.pick} />
      <div className="ways">
        <button type="button" className="link" onClick={() => actions.lose(true)}>
          {words.nothingLeft}
        </button>
        <Cancel actions={actions} />
      </div>
    </>
  );
}

function Facts({ page }: { page: Page }) {
  const words = useWords();
  if (!page.challenge) return null;
  const { action, shown } = page.challenge;
  const facts =
    page.purpose === 'task'
      ? [
          [words.deciding, words.decides[action === 'task.approve' ? 'approve' : 'reject']] as const,
          ...named(shown, words.asked),
        ]
      : [[words.action, action] as const, ...shown];
  return (
    <section aria-label={words.whatYouConfirm}>
      <dl className="facts">
        {facts.map(([name, said], place) => (
          <div key={name}>
            <dt>
              <bdi>{asItStands(name)}</bdi>
            </dt>
            <dd className={place === 0 ? 'action' : undefined}>
              <bdi>{asItStands(said)}</bdi>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** What the server names in its own words, in the person's. */
function named(shown: readonly (readonly [string, string])[], names: Readonly<Record<string, string>>) {
  return shown.map(([name, said]) => [names[name] ?? name, said] as const);
}

/** The way that was picked: a button that has something asked or sent, or what that came to. */
function By({ way, flow, page, actions }: ScreenProps & { way: Way }) {
  const prompt = page.prompt && isOf(page.prompt, way) ? page.prompt : null;
  const ask = { way, asking: flow.asking, onAsk: () => actions.send(way) };
  switch (way.kind) {
    case 'webauthn':
      return <AskForIt {...ask} kind={way.kind} />;
    case 'push':
      return prompt ? <PushWaiting {...ask} prompt={prompt} /> : <AskForIt {...ask} kind={way.kind} />;
    case 'sms':
    case 'email':
      if (!prompt) return <AskForIt {...ask} kind={way.kind} />;
      return (
        <>
          <Code way={way} flow={flow} to={prompt.to ?? way.to} onCode={actions.prove} />
          <Resend at={prompt.resendAt} asking={flow.asking} onSend={() => actions.send(way)} />
        </>
      );
    default:
      return <Code way={way} flow={flow} to={null} onCode={actions.prove} />;
  }
}

interface CodeProps {
  way: Way;
  flow: Flow;
  to: string | null;
  onCode: (code: string) => void;
}

function Code({ way, flow, to, onCode }: CodeProps) {
  const words = useWords();
  if (way.kind === 'webauthn' || way.kind === 'push') return null;
  const { label, hint } = words.fields[way.kind];
  return (
    <CodeForm
      // Another way is another field: what was typed for one is nothing for the next.
      key={`${way.kind} ${way.authenticatorId ?? ''}`}
      kind={way.kind}
      label={label}
      hint={to ? `${words.sentTo(to)} ${hint}` : hint}
      submit={words.confirm}
      asking={flow.asking}
      refusals={flow.notice === 'refused' ? flow.refusals : 0}
      onCode={onCode}
    />
  );
}
