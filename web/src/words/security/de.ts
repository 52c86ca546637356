import type { SecurityWords } from './catalogue';

/** German. */
export const de: SecurityWords = {
  title: 'Ihre Anmeldung und Sicherheit',
  intro: (application) => `Was Ihr Konto bei ${application} schützt.`,
  askedFirst: 'Bevor etwas geändert wird, weisen Sie sich noch einmal aus.',

  held: 'Womit Sie sich ausweisen',
  noneHeld:
    'Sie haben noch keinen zweiten Schritt. Fügen Sie einen hinzu: Dann reicht ein gestohlenes Passwort nicht.',
  add: 'Etwas hinzufügen',
  added: (date) => `Hinzugefügt ${date}`,
  used: (date) => `zuletzt verwendet ${date}`,
  neverUsed: 'noch nicht verwendet',
  codesLeft: (count) => `Unbenutzt: ${count}`,
  codesFew: 'Es sind nur noch wenige: Lassen Sie neue erzeugen.',
  states: {
    pending: 'Noch nicht fertig',
    active: 'In Gebrauch',
    suspended: 'Angehalten',
    expired: 'Abgelaufen',
    lost: 'Als verloren gemeldet',
    revoked: 'Entfernt',
  },
  change: 'Ändern',
  rename: 'Umbenennen',
  name: 'Name',
  nameHint: 'Etwa „Telefon“ oder „Schlüssel am Bund“.',
  save: 'Speichern',
  replace: 'Durch etwas Neues ersetzen',
  lost: 'Als verloren melden',
  remove: 'Entfernen',
  newCodes: 'Neue Codes erzeugen',

  devices: 'Geräte',
  thisDevice: 'Dieses',
  sessions: 'Wo Sie angemeldet sind',
  thisSession: 'Hier und jetzt',
  otherSession: 'Ein anderer Browser oder eine App',
  since: (date) => `seit ${date}`,
  signOut: 'Abmelden',
  signOutOthers: 'Überall sonst abmelden',
  activity: 'Was zuletzt geschah',
  noActivity: 'Noch nichts.',
  notYou:
    'War etwas davon nicht von Ihnen? Entfernen Sie, was Sie nicht kennen, und melden Sie sich überall sonst ab.',
  events: {
    'authenticator.activated': 'Etwas zum Ausweisen wurde hinzugefügt',
    'authenticator.renamed': 'Ein Name wurde geändert',
    'authenticator.revoked': 'Etwas zum Ausweisen wurde entfernt',
    'authenticator.lost': 'Etwas wurde als verloren gemeldet',
    'authenticator.suspended': 'Etwas zum Ausweisen wurde angehalten',
    'authenticator.resumed': 'Etwas zum Ausweisen ist wieder in Gebrauch',
    'authenticator.verified': 'Sie haben sich ausgewiesen',
    'authenticator.rejected': 'Ein falscher Code oder Passkey',
    'authenticator.fraud_reported': 'Eine Anfrage wurde als fremd abgelehnt',
    'backup_codes.renewed': 'Neue Ersatzcodes wurden erzeugt',
    'session.registered': 'Angemeldet',
    'session.ended': 'Abgemeldet',
    'device.created': 'Ein neues Gerät',
    'device.deleted': 'Ein Gerät wurde entfernt',
  },

  keep: 'So lassen, wie es ist',
  sure: {
    remove: {
      title: (name) => `„${name}“ entfernen?`,
      text: 'Sie können sich dann nicht mehr damit ausweisen. Das lässt sich nicht zurücknehmen; Sie können es neu einrichten.',
      act: 'Entfernen',
    },
    lost: {
      title: (name) => `„${name}“ als verloren melden?`,
      text: 'Es gilt sofort nicht mehr, damit niemand, der es findet, es verwenden kann. Das lässt sich nicht zurücknehmen.',
      act: 'Als verloren melden',
    },
    replace: {
      title: (name) => `„${name}“ ersetzen?`,
      text: 'Als Nächstes richten Sie das Neue ein. Das Alte gilt, bis das fertig ist, und dann nicht mehr.',
      act: 'Das Neue einrichten',
    },
    codes: {
      title: () => 'Neue Ersatzcodes erzeugen?',
      text: 'Die Codes, die Sie jetzt haben, gelten sofort nicht mehr. Die neuen sehen Sie gleich, nur dieses eine Mal.',
      act: 'Neue Codes erzeugen',
    },
    signOut: {
      title: (name) => `„${name}“ abmelden?`,
      text: 'Wer dort angemeldet ist, muss sich neu anmelden.',
      act: 'Abmelden',
    },
    signOutOthers: {
      title: () => 'Überall sonst abmelden?',
      text: 'Hier bleiben Sie angemeldet. Überall sonst müssen Sie sich neu anmelden.',
      act: 'Überall sonst abmelden',
    },
  },

  changed: {
    'security/add': 'Es wurde hinzugefügt.',
    'security/replace': 'Das Neue ist in Gebrauch, das Alte gilt nicht mehr.',
    'security/rename': 'Der Name wurde geändert.',
    'security/remove': 'Es wurde entfernt.',
    'security/lost': 'Es wurde als verloren gemeldet und gilt nicht mehr.',
    'security/backup-codes': 'Ihre neuen Ersatzcodes gelten, die alten nicht mehr.',
    'security/sign-out': 'Dort abgemeldet.',
  },
};
