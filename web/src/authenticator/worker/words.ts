/** What notifications say. In one file for all languages: a worker is woken up for moments, and fetches nothing for it. */

export const en = {
  asks: (application: string) => `${application} asks`,
  body: (account: string) => `For ${account}. Open the app to answer.`,
  nothingTitle: 'Nothing waits any more',
  nothingBody: 'What was asked is over.',
  lookTitle: 'Something may wait for you',
  lookBody: 'Open the app to see what.',
};

const WORDS: Readonly<Record<string, typeof en>> = {
  en,
  de: {
    asks: (application) => `${application} fragt`,
    body: (account) => `Für ${account}. Öffnen Sie die App, um zu antworten.`,
    nothingTitle: 'Es wartet nichts mehr',
    nothingBody: 'Was gefragt wurde, ist vorbei.',
    lookTitle: 'Vielleicht wartet etwas auf Sie',
    lookBody: 'Öffnen Sie die App, um nachzusehen.',
  },
  es: {
    asks: (application) => `${application} pregunta`,
    body: (account) => `Para ${account}. Abra la aplicación para responder.`,
    nothingTitle: 'Ya no hay nada pendiente',
    nothingBody: 'Lo que se preguntó ya terminó.',
    lookTitle: 'Puede que haya algo pendiente',
    lookBody: 'Abra la aplicación para verlo.',
  },
  fr: {
    asks: (application) => `${application} demande`,
    body: (account) => `Pour ${account}. Ouvrez l’application pour répondre.`,
    nothingTitle: 'Plus rien n’attend',
    nothingBody: 'Ce qui était demandé est terminé.',
    lookTitle: 'Quelque chose vous attend peut-être',
    lookBody: 'Ouvrez l’application pour voir.',
  },
  zh: {
    asks: (application) => `${application} 请求确认`,
    body: (account) => `账户：${account}。请打开应用作答。`,
    nothingTitle: '已没有待处理的请求',
    nothingBody: '该请求已结束。',
    lookTitle: '可能有待处理的请求',
    lookBody: '请打开应用查看。',
  },
};

/** The words of the first wanted language that there is. */
export function wordsOf(wanted: readonly string[]): typeof en {
  const found = wanted.map((tag) => WORDS[tag.toLowerCase().split('-')[0] ?? '']).find((words) => words);
  return found ?? en;
}
