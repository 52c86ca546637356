import { createContext, useContext } from 'react';

import type { Words } from './catalogue';
import { en } from './en';

export const WordsContext = createContext<{ words: Words; language: string }>({ words: en, language: 'en' });

/** The words of the person's language. */
export const useWords = (): Words => useContext(WordsContext).words;
/** Its tag, for times. */
export const useLanguage = (): string => useContext(WordsContext).language;
