/** The words of this part, in each language of the pages. */

interface RememberWords {
  readonly choice: (days: number) => string;
  readonly hint: string;
}

const EN: RememberWords = {
  choice: (days) =>
    days === 1 ? 'Remember this browser for 1 day' : `Remember this browser for ${days} days`,
  hint: 'Only on a device that nobody else uses.',
};

const WORDS: Readonly<Record<string, RememberWords>> = {
  en: EN,
  de: {
    choice: (days) =>
      days === 1 ? 'Diesen Browser 1 Tag lang merken' : `Diesen Browser ${days} Tage lang merken`,
    hint: 'Nur auf einem Gerät, das niemand sonst benutzt.',
  },
  es: {
    choice: (days) =>
      days === 1 ? 'Recordar este navegador durante 1 día' : `Recordar este navegador durante ${days} días`,
    hint: 'Solo en un dispositivo que no use nadie más.',
  },
  fr: {
    choice: (days) =>
      days === 1
        ? 'Se souvenir de ce navigateur pendant 1 jour'
        : `Se souvenir de ce navigateur pendant ${days} jours`,
    hint: 'Uniquement sur un appareil que personne d’autre n’utilise.',
  },
  'zh-Hans': {
    choice: (days) => `在 ${days} 天内记住此浏览器`,
    hint: '仅限于没有其他人使用的设备。',
  },
};

/** By the language that the page is in. */
export function rememberWords(language: string): RememberWords {
  return WORDS[language] ?? EN;
}
