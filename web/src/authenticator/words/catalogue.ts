/** Every word of the app, in each language. A string that one language lacks fails the type check. */

import type { Catalogue } from '../../words/catalogue';
import { en } from './en';

export type Words = typeof en;

export const CATALOGUE: Catalogue<Words> = {
  en: async () => en,
  de: async () => (await import('./app-de')).de,
  es: async () => (await import('./app-es')).es,
  fr: async () => (await import('./app-fr')).fr,
  'zh-Hans': async () => (await import('./app-zh')).zh,
};
