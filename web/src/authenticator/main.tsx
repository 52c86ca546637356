import { createRoot } from 'react-dom/client';

import '../looks/page.css';
import { localeOf, wordsOf } from '../words/catalogue';
import './authenticator.css';
import { taken } from './opened-link';
import { App } from './screens/app';
import { register } from './wake';
import { CATALOGUE } from './words/catalogue';

async function start() {
  const [language, words] = await wordsOf(CATALOGUE, navigator.languages);
  document.documentElement.lang = language;
  const link = taken();
  const root = document.getElementById('root');
  if (root)
    createRoot(root).render(
      <App words={words} locale={localeOf(language, navigator.languages)} opened={link} />,
    );
  await register();
}

void start();
