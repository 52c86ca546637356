import { useEffect } from 'react';

import { Icon } from '../../screens/icon';
import { foremost, type State } from '../flow';
import { useOpenedLink } from '../opened-link';
import { usePlace, type Place } from '../place';
import type { Link } from '../protocol/link';
import { useAuthenticator, type Actions } from '../use-authenticator';
import type { Words } from '../words/catalogue';
import { WordsContext } from '../words/context';
import { AccountPage } from './account';
import { Accounts } from './accounts';
import { Add } from './add';
import { Broken, Connecting } from './between';
import { Connect } from './connect';
import { History } from './history';
import { Outcome } from './outcome';
import { Prompt } from './prompt';

interface AppProps {
  words: Words;
  locale: string;
  /** The link that the app was opened by. */
  opened: Link | null;
}

/** The app, from the first look at what is kept to the last answer. */
export function App({ words, locale, opened }: AppProps) {
  const [state, actions] = useAuthenticator();
  return (
    <WordsContext value={{ words, locale }}>
      <div className="page app">
        <header className="brand">
          <Icon name="mark" className="brand-mark" />
          <span className="brand-name">{words.name}</span>
        </header>
        <main className="card">
          <Screen state={state} actions={actions} opened={opened} />
        </main>
        <footer className="safety">
          <Icon name="lock" />
          <p>{words.safety}</p>
        </footer>
      </div>
    </WordsContext>
  );
}

interface ScreenProps {
  state: State;
  actions: Actions;
  opened: Link | null;
}

function Screen({ state, actions, opened }: ScreenProps) {
  const [link, setLink] = useOpenedLink(opened);
  const [place, go] = usePlace();
  // A link is used up by the account that it connects.
  const used = state.connecting !== null;
  useEffect(() => {
    if (!used) return;
    setLink(null);
    go('');
  }, [used]);
  switch (foremost(state)) {
    case 'loading':
      return null;
    case 'broken':
      return <Broken />;
    case 'ended':
      return state.ended && <Outcome ended={state.ended} actions={actions} />;
    case 'prompt': {
      const [waiting] = state.waiting;
      return waiting ? (
        <Prompt key={waiting.prompt.id} waiting={waiting} state={state} actions={actions} />
      ) : null;
    }
    case 'connecting':
      return <Connecting actions={actions} />;
    case null:
      break;
  }
  if (!link) return <Placed place={place} go={go} state={state} actions={actions} onLink={setLink} />;
  const leave = () => (setLink(null), actions.dismiss(), go(''));
  const connect = (name: string) => actions.connect(link, name);
  return <Connect link={link} state={state} onConnect={connect} onLeave={leave} />;
}

interface PlacedProps {
  place: Place;
  go: (place: Place) => void;
  state: State;
  actions: Actions;
  onLink: (link: Link) => void;
}

function Placed({ place, go, state, actions, onLink }: PlacedProps) {
  if (place === 'add') return <Add onLink={onLink} onLeave={() => go('')} />;
  if (place === 'history') return <History entries={state.entries} onLeave={() => go('')} />;
  const account = state.accounts.find(({ id }) => place === `account/${id}`);
  if (account)
    return <AccountPage account={account} state={state} actions={actions} onLeave={() => go('')} />;
  return <Accounts state={state} actions={actions} go={go} />;
}
