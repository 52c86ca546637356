import { createContext, useContext } from 'react';

import type { Words } from './catalogue';
import { en } from './en';

export const WordsContext = createContext<{ words: Words; locale: string }>({ words: en, locale: 'en' });

/** The words of the person's language. */
export const useWords = (): Words => useContext(WordsContext).words;
/** How the person writes dates and times. */
export const useLocale = (): string => useContext(WordsContext).locale;
