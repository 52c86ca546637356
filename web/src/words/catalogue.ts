/** Every word that people read here, in each language. A string that one language lacks fails the type check. */

import { en } from './en';

/** What each language has to say. */
export type Words = typeof en;

/** By the tag that goes into `lang` (BCP 47). Each is a file of its own, and only the person's is fetched. */
export const CATALOGUE = {
  en: async () => en,
  de: async () => (await import('./de')).de,
  es: async () => (await import('./es')).es,
  fr: async () => (await import('./fr')).fr,
  'zh-Hans': async () => (await import('./zh')).zh,
} satisfies Record<string, () => Promise<Words>>;

export type Language = keyof typeof CATALOGUE;

/** The first of the wanted languages that there is, else English. */
export function languageOf(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const primary = tag.toLowerCase().split('-')[0];
    const found = (Object.keys(CATALOGUE) as Language[]).find(
      (language) => language.split('-')[0] === primary,
    );
    if (found) return found;
  }
  return 'en';
}

/** The words of the person's language, and its tag; English where they cannot be fetched. */
export async function wordsOf(wanted: readonly string[]): Promise<[Language, Words]> {
  const language = languageOf(wanted);
  try {
    return [language, await CATALOGUE[language]()];
  } catch {
    return ['en', en];
  }
}
