import { localeOf } from '../../words/catalogue';

const locale = localeOf(document.documentElement.lang, navigator.languages);
const dates = new Intl.DateTimeFormat(locale, { dateStyle: 'medium' });
const moments = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });

/** A day as the person writes it, in one piece. */
export const day = (at: number): string => dates.format(at).replaceAll(' ', '\u00a0');

/** A day and the time of it. */
export const moment = (at: number): string => moments.format(at);
