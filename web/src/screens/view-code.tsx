import { useWords } from '../words/context';
import { CodeForm } from './code-form';
import type { ScreenProps } from './props';
import { Resend } from './resend';

/** A code that was sent, or that a token shows, to prove that the person has it. */
export function ViewCode({ flow, page, actions, kind }: ScreenProps & { kind: 'sms' | 'email' | 'hotp' }) {
  const words = useWords();
  const { label, hint } = words.fields[kind];
  const to = page.view?.to ?? null;
  return (
    <>
      <CodeForm
        kind={kind}
        label={label}
        hint={to ? `${words.sentTo(to)} ${hint}` : kind === 'hotp' ? words.tokenTry : hint}
        submit={words.finishSetup}
        asking={flow.asking}
        refusals={flow.notice === 'refused' ? flow.refusals : 0}
        onCode={actions.confirm}
      />
      {kind !== 'hotp' && (
        <Resend at={page.view?.resendAt ?? null} asking={flow.asking} onSend={actions.resend} />
      )}
    </>
  );
}
