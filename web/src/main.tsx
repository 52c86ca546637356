import { createRoot } from 'react-dom/client';

import { App } from './screens/app';
import './looks/page.css';
import { CATALOGUE, wordsOf } from './words/catalogue';

async function start() {
  const [language, words] = await wordsOf(CATALOGUE, navigator.languages);
  document.documentElement.lang = language;
  // `/enroll/{token}` and `/challenge/{token}`: which of them it is, the server says.
  const token = location.pathname.split('/')[2] ?? '';
  const root = document.getElementById('root');
  if (root) createRoot(root).render(<App words={words} token={token} />);
}

void start();
