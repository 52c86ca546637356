import { Suspense, lazy, useEffect } from 'react';

import { COUNTERSIGN, accent } from '../brand';
import { START, screenOf, type Flow } from '../flow/flow';
import type { Trouble } from '../flow/server';
import { WordsContext } from '../words/context';
import type { Words } from '../words/catalogue';
import { BackupCodes } from './backup-codes';
import { Choose, Stronger } from './choose';
import { Details } from './details';
import { Done } from './done';
import { Loading } from './loading';
import { Lost } from './lost';
import { Prove } from './prove';
import { Shell } from './shell';
import { SignIn } from './sign-in';
import { Stopped } from './stopped';
import { useFlow, type Actions } from './use-flow';
import { View } from './view';

/** A person's own page: fetched, with its words, by those who come for it. */
const Overview = lazy(() => import('./security'));
/** What a workflow asks: the same. */
const Task = lazy(() => import('./task'));

/** The page at `token`, from the first question to the way back. */
export function App({ words, token }: { words: Words; token: string }) {
  const [flow, actions] = useFlow(token);
  const brand = flow.page?.brand ?? COUNTERSIGN;

  useEffect(() => {
    if (!brand.colour) return;
    const { style } = document.documentElement;
    for (const theme of ['light', 'dark'] as const) {
      const chosen = accent(brand.colour, theme);
      style.setProperty(`--brand-${theme}`, chosen.accent);
      style.setProperty(`--on-brand-${theme}`, chosen.onAccent);
    }
  }, [brand.colour]);

  return (
    <WordsContext value={words}>
      <Shell brand={brand}>
        <Screen flow={flow} actions={actions} />
      </Shell>
    </WordsContext>
  );
}

/** A page that could not even be made, and why. */
export function Unmade({ words, trouble }: { words: Words; trouble: Trouble }) {
  const flow = { ...START, asking: false, stop: trouble };
  return (
    <WordsContext value={words}>
      <Shell brand={COUNTERSIGN}>
        <Stopped flow={flow} actions={{ cancel: again, retry: again }} />
      </Shell>
    </WordsContext>
  );
}

const again = () => location.reload();

function Screen({ flow, actions }: { flow: Flow; actions: Actions }) {
  const screen = screenOf(flow);
  if (screen === 'loading') return <Loading />;
  if (screen === 'stopped' || !flow.page) return <Stopped flow={flow} actions={actions} />;
  const props = { flow, actions, page: flow.page };
  switch (screen) {
    case 'prove':
      return flow.page.purpose === 'sign_in' ? <SignIn {...props} /> : <Prove {...props} />;
    case 'lost':
      return <Lost {...props} />;
    case 'choose':
      return <Choose {...props} />;
    case 'details':
      return <Details {...props} />;
    case 'view':
      return <View {...props} />;
    case 'stronger':
      return <Stronger {...props} />;
    case 'backupCodes':
      return <BackupCodes {...props} />;
    case 'overview':
      return (
        <Suspense fallback={<Loading />}>
          <Overview {...props} />
        </Suspense>
      );
    case 'decide':
      return (
        <Suspense fallback={<Loading />}>
          <Task {...props} />
        </Suspense>
      );
    case 'done':
      return <Done page={flow.page} flow={flow} />;
  }
}
