import type { Catalogue } from '../catalogue';
import { en } from './en';

/** What each language has to say on a person's own page. */
export type SecurityWords = typeof en;

export const SECURITY: Catalogue<SecurityWords> = {
  en: async () => en,
  de: async () => (await import('./de')).de,
  es: async () => (await import('./es')).es,
  fr: async () => (await import('./fr')).fr,
  'zh-Hans': async () => (await import('./zh')).zh,
};
