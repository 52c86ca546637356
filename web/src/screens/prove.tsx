import { useState } from 'react';

import { RememberChoice } from '../remember/choice';
import { useWords } from '../words/context';
import { Cancel } from './cancel';
import { CodeForm } from './code-form';
import { Heading } from './heading';
import { Notice } from './notice';
import type { ScreenProps } from './props';

/** A code, to show that it is the right person: for a challenge, or before another authenticator is added. */
export function Prove({ flow, page, actions }: ScreenProps) {
  const words = useWords();
  const [kind, setKind] = useState<'app' | 'backup'>(page.methods.includes('totp') ? 'app' : 'backup');
  const [remembered, setRemembered] = useState(false);
  const other = kind === 'app' ? 'backup' : 'app';
  const hasBoth = page.methods.length > 1;
  return (
    <>
      <Heading>{words.proveTitle}</Heading>
      <p className="intro">
        {page.purpose === 'challenge' ? words.proveIntro(page.application) : words.proveBeforeAdding}
      </p>
      {page.purpose === 'challenge' && page.challenge && (
        <section aria-label={words.whatYouConfirm}>
          <dl className="facts">
            {[[words.action, page.challenge.action] as const, ...page.challenge.shown].map(([name, said]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>{said}</dd>
              </div>
            ))}
          </dl>
        </section>
      )}
      <Notice notice={flow.notice} retry={actions.retry} />
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
      <CodeForm
        key={kind}
        kind={kind}
        label={kind === 'app' ? words.appCodeLabel : words.backupCodeLabel}
        hint={kind === 'app' ? words.appCodeHint : words.backupCodeHint}
        submit={words.confirm}
        asking={flow.asking}
        refusals={flow.notice === 'refused' ? flow.refusals : 0}
        onCode={actions.prove}
      />
      <div className="ways">
        {hasBoth && (
          <button
            type="button"
            className="link"
            onClick={() => {
              actions.forget();
              setKind(other);
            }}
          >
            {kind === 'app' ? words.useBackupCode : words.useApp}
          </button>
        )}
        <Cancel actions={actions} />
      </div>
    </>
  );
}
