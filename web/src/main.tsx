import { createRoot } from 'react-dom/client';

import { Failure, type Trouble } from './flow/server';
import { SIGN_IN, arrive } from './flow/sign-in';
import { App, Unmade } from './screens/app';
import './looks/page.css';
import { CATALOGUE, wordsOf } from './words/catalogue';

async function start() {
  // What that page shows besides is on its way while the server is asked.
  if (location.pathname.startsWith('/security/')) void import('./screens/security');
  if (location.pathname.startsWith('/task/')) void import('./screens/task');
  const [[language, words], token] = await Promise.all([wordsOf(CATALOGUE, navigator.languages), tokenOf()]);
  document.documentElement.lang = language;
  const root = document.getElementById('root');
  if (!root) return;
  createRoot(root).render(
    'trouble' in token ? <Unmade words={words} trouble={token.trouble} /> : <App words={words} {...token} />,
  );
}

/** `/enroll/{token}`, `/challenge/{token}`, `/security/{token}`, `/task/{token}`: which of them it is, the server says. For signing in there is none yet. */
async function tokenOf(): Promise<{ token: string } | { trouble: Trouble }> {
  if (location.pathname !== SIGN_IN) return { token: location.pathname.split('/')[2] ?? '' };
  try {
    return { token: await arrive(location.search) };
  } catch (error) {
    return { trouble: error instanceof Failure ? error.trouble : 'failed' };
  }
}

void start();
