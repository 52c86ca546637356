import { useState } from 'react';

import { Heading } from '../../screens/heading';
import { Icon } from '../../screens/icon';
import type { State } from '../flow';
import type { Account } from '../kept/database';
import type { Actions } from '../use-authenticator';
import { useLocale, useWords } from '../words/context';

interface AccountPageProps {
  account: Account;
  state: State;
  actions: Actions;
  onLeave: () => void;
}

/** One account, and its end. */
export function AccountPage({ account, state, actions, onLeave }: AccountPageProps) {
  const words = useWords();
  const locale = useLocale();
  const [removing, setRemoving] = useState(false);
  const line = state.lines[account.id] ?? 'connecting';
  if (removing) {
    return (
      <div className="ending">
        <Icon name="bad" className="sign alarmed" />
        <Heading>{words.removeTitle}</Heading>
        <p className="intro">{words.removeText}</p>
        <button
          type="button"
          className="button alarm filled"
          aria-disabled={state.asking}
          onClick={() => (actions.remove(account), onLeave())}
        >
          {words.removeYes}
        </button>
        <button type="button" className="button quiet" onClick={() => setRemoving(false)}>
          {words.back}
        </button>
      </div>
    );
  }
  const facts = [
    [words.account, account.account],
    [words.server, new URL(account.server).host],
    [words.thisPhone, account.name],
    [words.since, new Date(account.since).toLocaleDateString(locale, { dateStyle: 'medium' })],
  ] as const;
  return (
    <>
      <Heading>{account.application || account.issuer}</Heading>
      <p className={line === 'live' || line === 'polling' ? 'line good' : 'line'}>
        {account.connected ? words.lines[line] : words.unfinished}
      </p>
      {line === 'disconnected' && <p className="intro">{words.disconnectedText}</p>}
      <dl className="facts">
        {facts.map(([name, said]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <bdi>{said}</bdi>
            </dd>
          </div>
        ))}
      </dl>
      <div className="ways">
        <button type="button" className="button quiet" onClick={() => setRemoving(true)}>
          {words.remove}
        </button>
        <button type="button" className="link" onClick={onLeave}>
          {words.back}
        </button>
      </div>
    </>
  );
}
