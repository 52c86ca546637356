let format: Intl.DateTimeFormat | null = null;

/** A moment as people of the page's language write it. */
export function date(at: number): string {
  format ??= new Intl.DateTimeFormat(document.documentElement.lang, {
    dateStyle: 'medium',
    timeStyle: 'short',
  });
  return format.format(at);
}
