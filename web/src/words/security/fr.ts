import type { SecurityWords } from './catalogue';

/** French, with no-break spaces before its double punctuation. */
export const fr: SecurityWords = {
  title: 'Votre connexion et votre sécurité',
  intro: (application) => `Ce qui protège votre compte ${application}.`,
  askedFirst: 'Avant toute modification, il vous est demandé de confirmer que c’est bien vous.',

  held: 'Comment vous confirmez que c’est vous',
  noneHeld:
    'Vous n’avez pas encore de seconde étape. Ajoutez-en une\u00a0: un mot de passe volé ne suffira plus.',
  add: 'Ajouter un autre moyen',
  added: (date) => `Ajouté\u00a0: ${date}`,
  used: (date) => `dernière utilisation\u00a0: ${date}`,
  neverUsed: 'pas encore utilisé',
  codesLeft: (count) => `Inutilisés\u00a0: ${count}`,
  codesFew: 'Il en reste peu\u00a0: créez-en de nouveaux.',
  states: {
    pending: 'Inachevé',
    active: 'En service',
    suspended: 'En pause',
    expired: 'Expiré',
    lost: 'Signalé perdu',
    revoked: 'Supprimé',
  },
  change: 'Modifier',
  rename: 'Renommer',
  name: 'Nom',
  nameHint: 'Par exemple «\u00a0Téléphone\u00a0» ou «\u00a0Clé du trousseau\u00a0».',
  save: 'Enregistrer',
  replace: 'Remplacer par un nouveau',
  lost: 'Signaler la perte',
  remove: 'Supprimer',
  newCodes: 'Créer de nouveaux codes',

  devices: 'Appareils',
  thisDevice: 'Celui-ci',
  sessions: 'Où vous êtes connecté',
  thisSession: 'Ici et maintenant',
  otherSession: 'Un autre navigateur ou une application',
  since: (date) => `depuis ${date}`,
  signOut: 'Déconnecter',
  signOutOthers: 'Déconnecter partout ailleurs',
  activity: 'Ce qui s’est passé récemment',
  noActivity: 'Rien pour le moment.',
  notYou:
    'L’un de ces faits n’est pas de vous\u00a0? Supprimez ce que vous ne connaissez pas et déconnectez partout ailleurs.',
  events: {
    'authenticator.activated': 'Un moyen de confirmer a été ajouté',
    'authenticator.renamed': 'Un nom a été changé',
    'authenticator.revoked': 'Un moyen de confirmer a été supprimé',
    'authenticator.lost': 'Une perte a été signalée',
    'authenticator.suspended': 'Un moyen de confirmer a été mis en pause',
    'authenticator.resumed': 'Un moyen de confirmer est de nouveau en service',
    'authenticator.verified': 'Vous avez confirmé que c’est vous',
    'authenticator.rejected': 'Un code ou une clé d’accès erronés',
    'authenticator.fraud_reported': 'Une demande a été refusée comme étrangère',
    'backup_codes.renewed': 'De nouveaux codes de secours ont été créés',
    'session.registered': 'Connexion',
    'session.ended': 'Déconnexion',
    'device.created': 'Un nouvel appareil',
    'device.deleted': 'Un appareil a été supprimé',
  },

  keep: 'Laisser tel quel',
  sure: {
    remove: {
      title: (name) => `Supprimer «\u00a0${name}\u00a0»\u00a0?`,
      text: 'Vous ne pourrez plus confirmer avec. C’est sans retour\u00a0; vous pourrez le configurer à nouveau.',
      act: 'Supprimer',
    },
    lost: {
      title: (name) => `Signaler la perte de «\u00a0${name}\u00a0»\u00a0?`,
      text: 'Il cesse aussitôt de fonctionner, pour que personne ne puisse s’en servir. C’est sans retour.',
      act: 'Signaler la perte',
    },
    replace: {
      title: (name) => `Remplacer «\u00a0${name}\u00a0»\u00a0?`,
      text: 'Vous configurez ensuite le nouveau. L’ancien fonctionne jusque-là, puis plus du tout.',
      act: 'Configurer le nouveau',
    },
    codes: {
      title: () => 'Créer de nouveaux codes de secours\u00a0?',
      text: 'Les codes que vous avez cessent aussitôt de fonctionner. Vous verrez ensuite les nouveaux, cette seule fois.',
      act: 'Créer de nouveaux codes',
    },
    signOut: {
      title: (name) => `Déconnecter «\u00a0${name}\u00a0»\u00a0?`,
      text: 'Il faudra s’y reconnecter.',
      act: 'Déconnecter',
    },
    signOutOthers: {
      title: () => 'Déconnecter partout ailleurs\u00a0?',
      text: 'Vous restez connecté ici. Partout ailleurs, il faudra se reconnecter.',
      act: 'Déconnecter ailleurs',
    },
  },

  changed: {
    'security/add': 'L’ajout est fait.',
    'security/replace': 'Le nouveau est en service, et l’ancien ne fonctionne plus.',
    'security/rename': 'Le nom a été changé.',
    'security/remove': 'La suppression est faite.',
    'security/lost': 'La perte est signalée, et il ne fonctionne plus.',
    'security/backup-codes': 'Vos nouveaux codes de secours sont valables, et les anciens ne le sont plus.',
    'security/sign-out': 'Déconnecté là-bas.',
  },
};
