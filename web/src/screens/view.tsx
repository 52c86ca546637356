import { kindOf } from '../flow/flow';
import { useWords } from '../words/context';
import { Cancel } from './cancel';
import { Heading } from './heading';
import { Notice } from './notice';
import type { ScreenProps } from './props';
import { ViewCode } from './view-code';
import { ViewKey } from './view-key';
import { ViewPasskey } from './view-passkey';
import { ViewPhone } from './view-phone';

/** What is handed over in an enrollment, and what shows that it arrived. */
export function View(props: ScreenProps) {
  const { flow, page, actions } = props;
  const words = useWords();
  const kind = kindOf(flow);
  return (
    <>
      <Heading>{words.viewTitles[kind]}</Heading>
      <Notice notice={flow.notice} retry={actions.retry} passkey={kind === 'webauthn'} />
      {kind === 'totp' && <ViewKey {...props} />}
      {kind === 'webauthn' && <ViewPasskey {...props} />}
      {kind === 'push' && <ViewPhone {...props} />}
      {(kind === 'sms' || kind === 'email' || kind === 'hotp') && <ViewCode {...props} kind={kind} />}
      <div className="ways">
        {page.factors.length > 1 && (
          <button type="button" className="link" onClick={actions.chooseAgain}>
            {words.otherFactor}
          </button>
        )}
        <Cancel actions={actions} />
      </div>
    </>
  );
}
