import type { TaskWords } from './catalogue';

export const de: TaskWords = {
  title: 'Ihre Entscheidung ist gefragt',
  intro: (application) => `Danach geht es bei ${application} weiter. Sie entscheiden einmal und endgültig.`,
  what: 'Worum es geht',
  about: 'Betrifft',
  name: 'Name',
  requester: 'Angefragt von',
  workflow: 'Ablauf',
  step: 'Schritt',
  approvals: 'Bisher zugestimmt',
  ofQuorum: (approvals, quorum) => `${approvals} von ${quorum}`,
  until: 'Bis',
  left: 'Verbleibende Zeit',
  releases: (step) =>
    `Wird zugestimmt, darf der Schritt „${step}“ Menschen ohne etwas zurücklassen, womit sie sich ausweisen können.`,
  evidence: 'Zum Zustimmen: Kreuzen Sie an, was Sie selbst gesehen haben',
  seen: {
    identity_document: 'Den Ausweis, und dass er der Person gehört',
    in_person: 'Die Person, vor Ihnen',
    call_back: 'Die Person, zurückgerufen unter einer schon bekannten Nummer',
  },
  evidenceMissing:
    'Kreuzen Sie zuerst an, was Sie gesehen haben. Wenn Sie es nicht gesehen haben, stimmen Sie nicht zu.',
  reason: 'Warum (wenn Sie mögen)',
  reasonHint: 'Es wird mit Ihrer Entscheidung aufbewahrt.',
  approve: 'Zustimmen',
  reject: 'Ablehnen',
  proofNext: 'Danach weisen Sie sich aus, nur für diese Entscheidung.',
  closedTitle: 'Es ist nichts mehr zu entscheiden',
  closed: {
    approved: 'Genügend andere haben zugestimmt.',
    rejected: 'Jemand hat abgelehnt.',
    timeout: 'Die Zeit, in der entschieden werden konnte, ist vorbei.',
    cancelled: 'Der Ablauf hat einen anderen Weg genommen.',
  },
};
