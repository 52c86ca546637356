import { createRoot } from 'react-dom/client';

import { App } from './screens/app';
import './looks/page.css';
import { CATALOGUE, wordsOf } from './words/catalogue';

async function start() {
  // What that page shows besides is on its way while the server is asked.
  if (location.pathname.startsWith('/security/')) void import('./screens/security');
  const [language, words] = await wordsOf(CATALOGUE, navigator.languages);
  document.documentElement.lang = language;
  // `/enroll/{token}`, `/challenge/{token}`, `/security/{token}`: which of them it is, the server says.
  const token = location.pathname.split('/')[2] ?? '';
  const root = document.getElementById('root');
  if (root) createRoot(root).render(<App words={words} token={token} />);
}

void start();
