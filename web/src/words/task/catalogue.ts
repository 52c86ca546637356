import type { Catalogue } from '../catalogue';
import { en } from './en';

/** What each language has to say where a task is decided. */
export type TaskWords = typeof en;

export const TASK: Catalogue<TaskWords> = {
  en: async () => en,
  de: async () => (await import('./de')).de,
  es: async () => (await import('./es')).es,
  fr: async () => (await import('./fr')).fr,
  'zh-Hans': async () => (await import('./zh')).zh,
};
