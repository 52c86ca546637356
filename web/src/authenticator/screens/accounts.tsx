import { useEffect, useState } from 'react';

import { Heading } from '../../screens/heading';
import { Icon } from '../../screens/icon';
import type { State } from '../flow';
import type { Account } from '../kept/database';
import { canLock } from '../lock';
import type { Place } from '../place';
import type { Actions } from '../use-authenticator';
import { type Waking, turnOn, waking } from '../wake';
import { useWords } from '../words/context';
import { Trouble } from './trouble';

interface AccountsProps {
  state: State;
  actions: Actions;
  go: (place: Place) => void;
}

/** Whose account this phone approves for, and what would make it better at it. */
export function Accounts({ state, actions, go }: AccountsProps) {
  const words = useWords();
  if (state.accounts.length === 0) return <Empty go={go} entries={state.entries.length} />;
  return (
    <>
      <Heading>{words.nothingWaits}</Heading>
      <p className="intro">{words.listening}</p>
      <Trouble notice={state.notice} />
      <h2>{words.accountsTitle}</h2>
      <ul className="choices">
        {state.accounts.map((account) => (
          <li key={account.id}>
            <Row account={account} state={state} onOpen={() => go(`account/${account.id}`)} />
          </li>
        ))}
      </ul>
      <Wake accounts={state.accounts} />
      <Lock state={state} actions={actions} />
      <div className="ways">
        <button type="button" className="button quiet" onClick={() => go('add')}>
          <Icon name="phone" />
          {words.addAnother}
        </button>
        <button type="button" className="link" onClick={() => go('history')}>
          {words.historyLink}
        </button>
      </div>
    </>
  );
}

function Empty({ go, entries }: { go: (place: Place) => void; entries: number }) {
  const words = useWords();
  return (
    <div className="ending">
      <Icon name="phone" className="sign accent" />
      <Heading>{words.emptyTitle}</Heading>
      <p className="intro">{words.emptyText}</p>
      <button type="button" className="button" onClick={() => go('add')}>
        {words.addAccount}
      </button>
      {entries > 0 && (
        <button type="button" className="link" onClick={() => go('history')}>
          {words.historyLink}
        </button>
      )}
    </div>
  );
}

function Row({ account, state, onOpen }: { account: Account; state: State; onOpen: () => void }) {
  const words = useWords();
  const line = state.lines[account.id] ?? 'connecting';
  const live = line === 'live' || line === 'polling';
  return (
    <button type="button" className="choice" onClick={onOpen}>
      <span className="initial" aria-hidden="true">
        {[...(account.application || account.issuer)][0]}
      </span>
      <span className="choice-words">
        <span className="choice-name">{account.application || account.issuer}</span>
        <span className="choice-why">{account.account}</span>
        <span className={live && account.connected ? 'line good' : 'line'}>
          {account.connected ? words.lines[line] : words.unfinished}
        </span>
      </span>
      <Icon name="arrow" />
    </button>
  );
}

/** Notifications: offered, never asked for by itself. */
function Wake({ accounts }: { accounts: readonly Account[] }) {
  const words = useWords();
  const [state, setState] = useState<Waking | 'failed' | null>(null);
  useEffect(() => {
    void waking(accounts).then(setState, () => setState('impossible'));
  }, [accounts]);
  if (!state || state === 'on' || state === 'impossible') return null;
  const text = {
    off: words.wakeText,
    refused: words.wakeRefused,
    install: words.wakeInstall,
    failed: words.wakeFailed,
  }[state];
  const on = () => void turnOn(accounts).then(async (on) => setState(on ? 'on' : await afterwards(accounts)));
  return (
    <section className="offer">
      <h2>{words.wakeTitle}</h2>
      <p className="hint" role="status">
        {text}
      </p>
      {(state === 'off' || state === 'failed') && (
        <button type="button" className="button quiet small" onClick={on}>
          {words.wakeOn}
        </button>
      )}
    </section>
  );
}

async function afterwards(accounts: readonly Account[]): Promise<Waking | 'failed'> {
  const state = await waking(accounts);
  return state === 'off' ? 'failed' : state;
}

function Lock({ state, actions }: { state: State; actions: Actions }) {
  const words = useWords();
  const [can, setCan] = useState(false);
  useEffect(() => void canLock().then(setCan), []);
  if (!can && !state.locked) return null;
  return (
    <section className="offer">
      <h2>{words.lockTitle}</h2>
      <p className="hint" role="status">
        {state.locked ? words.lockIsOn : words.lockText}
      </p>
      <button
        type="button"
        className="button quiet small"
        aria-disabled={state.asking}
        onClick={() => (state.locked ? actions.unlock() : actions.lock(words.name))}
      >
        {state.locked ? words.lockOff : words.lockOn}
      </button>
    </section>
  );
}
