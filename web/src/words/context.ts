import { createContext, useContext } from 'react';

import type { Words } from './catalogue';
import { en } from './en';

export const WordsContext = createContext<Words>(en);

/** The words of the person's language. */
export const useWords = (): Words => useContext(WordsContext);
