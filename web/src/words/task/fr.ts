import type { TaskWords } from './catalogue';

export const fr: TaskWords = {
  title: 'Votre décision est demandée',
  intro: (application) =>
    `${application} continuera selon votre réponse. Vous décidez une fois, et c’est définitif.`,
  what: 'Ce qui est demandé',
  about: 'Au sujet de',
  name: 'Nom',
  requester: 'Demandé par',
  workflow: 'Procédure',
  step: 'Étape',
  approvals: 'Approuvé jusqu’ici',
  ofQuorum: (approvals, quorum) => `${approvals} sur ${quorum}`,
  until: 'Jusqu’au',
  left: 'Temps restant',
  releases: (step) =>
    `Si c’est approuvé, l’étape «\u00a0${step}\u00a0» peut laisser des personnes sans rien pour prouver qui elles sont.`,
  evidence: 'Pour approuver\u00a0: cochez ce que vous avez vu vous-même',
  seen: {
    identity_document: 'Sa pièce d’identité, et qu’elle est bien la sienne',
    in_person: 'La personne, devant vous',
    call_back: 'La personne, rappelée à un numéro déjà connu',
  },
  evidenceMissing: 'Cochez d’abord ce que vous avez vu. Si vous ne l’avez pas vu, n’approuvez pas.',
  reason: 'Pourquoi (si vous le souhaitez)',
  reasonHint: 'C’est conservé avec votre décision.',
  approve: 'Approuver',
  reject: 'Refuser',
  proofNext: 'Il vous est ensuite demandé de confirmer que c’est vous, pour cette seule décision.',
  closedTitle: 'Il n’y a plus rien à décider',
  closed: {
    approved: 'Assez d’autres personnes l’ont approuvé.',
    rejected: 'Quelqu’un l’a refusé.',
    timeout: 'Le délai pour décider est passé.',
    cancelled: 'La procédure a pris un autre chemin.',
  },
};
