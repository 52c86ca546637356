/** Every word that people read here, in each language. A string that one language lacks fails the type check. */

import { en } from './en';

/** What each language has to say. */
export type Words = typeof en;

/** The languages, by the tag that goes into `lang` (BCP 47). */
export const LANGUAGES = ['en', 'de', 'es', 'fr', 'zh-Hans'] as const;
export type Language = (typeof LANGUAGES)[number];

/** The words of one part of the pages. Each language is a file of its own, and only the person's is fetched. */
export type Catalogue<T> = Readonly<Record<Language, () => Promise<T>>>;

/** The words of every hosted page. */
export const CATALOGUE: Catalogue<Words> = {
  en: async () => en,
  de: async () => (await import('./de')).de,
  es: async () => (await import('./es')).es,
  fr: async () => (await import('./fr')).fr,
  'zh-Hans': async () => (await import('./zh')).zh,
};

/** The first of the wanted languages that there is, else English. */
export function languageOf(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const primary = tag.toLowerCase().split('-')[0];
    const found = LANGUAGES.find((language) => language.split('-')[0] === primary);
    if (found) return found;
  }
  return 'en';
}

/** How the person writes dates, in a page's language: as in Britain, say, where that is the first English that is wanted. */
export function localeOf(language: string, wanted: readonly string[]): string {
  const primary = (tag: string) => tag.toLowerCase().split('-')[0];
  return wanted.find((tag) => primary(tag) === primary(language)) ?? language;
}

/** The person's language, and its words; English where they cannot be fetched. */
export async function wordsOf<T>(catalogue: Catalogue<T>, wanted: readonly string[]): Promise<[Language, T]> {
  const language = languageOf(wanted);
  try {
    return [language, await catalogue[language]()];
  } catch {
    return ['en', await catalogue.en()];
  }
}
