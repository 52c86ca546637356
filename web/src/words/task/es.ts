import type { TaskWords } from './catalogue';

export const es: TaskWords = {
  title: 'Se le pide una decisión',
  intro: (application) => `${application} seguirá según lo que diga. Decide una vez y de forma definitiva.`,
  what: 'Lo que se pide',
  about: 'Se refiere a',
  name: 'Nombre',
  requester: 'Solicitado por',
  workflow: 'Proceso',
  step: 'Paso',
  approvals: 'Aprobado hasta ahora',
  ofQuorum: (approvals, quorum) => `${approvals} de ${quorum}`,
  until: 'Hasta',
  left: 'Tiempo restante',
  releases: (step) =>
    `Si se aprueba, el paso «${step}» puede dejar a personas sin nada con que demostrar quiénes son.`,
  evidence: 'Para aprobar: marque lo que ha visto usted mismo',
  seen: {
    identity_document: 'Su documento de identidad, y que es suyo',
    in_person: 'A la persona, delante de usted',
    call_back: 'A la persona, llamada a un número ya conocido',
  },
  evidenceMissing: 'Marque primero lo que ha visto. Si no lo ha visto, no lo apruebe.',
  reason: 'Por qué (si lo desea)',
  reasonHint: 'Se guarda junto con su decisión.',
  approve: 'Aprobar',
  reject: 'Rechazar',
  proofNext: 'Después se le pide confirmar que es usted, solo para esta decisión.',
  closedTitle: 'No queda nada que decidir',
  closed: {
    approved: 'Suficientes personas lo han aprobado.',
    rejected: 'Alguien lo ha rechazado.',
    timeout: 'El plazo para decidir ha terminado.',
    cancelled: 'El proceso tomó otro camino.',
  },
};
