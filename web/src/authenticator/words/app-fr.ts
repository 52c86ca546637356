import type { Words } from './catalogue';

export const fr: Words = {
  name: 'Authentificateur',
  loading: 'Un instant…',
  back: 'Retour',
  cancel: 'Annuler',
  done: 'Terminé',
  tryAgain: 'Réessayer',
  safety:
    'N’approuvez que ce que vous venez de commencer vous-même. Si quelqu’un vous dit d’approuver, c’est une fraude.',

  emptyTitle: 'Approuver avec ce téléphone',
  emptyText:
    'Reliez un compte, et cette application vous demandera ici avant que quiconque y entre. La clé qui approuve est créée sur ce téléphone et ne peut pas être copiée.',
  addAccount: 'Relier un compte',
  accountsTitle: 'Vos comptes',
  nothingWaits: 'Rien ne vous attend.',
  listening: 'Prêt. Ce que vous commencez ailleurs apparaît ici.',
  addAnother: 'Relier un autre compte',
  historyLink: 'Ce qui a été demandé',
  lines: {
    connecting: 'Connexion…',
    live: 'Prêt',
    polling: 'Prêt',
    offline: 'Pas de connexion',
    disconnected: 'N’est plus relié',
  },
  unfinished: 'Inachevé',

  wakeTitle: 'Les notifications sont désactivées',
  wakeText: 'Activez-les, ou gardez cette application ouverte pendant que vous vous connectez ailleurs.',
  wakeOn: 'Activer les notifications',
  wakeRefused: 'Elles sont bloquées pour ce site. Autorisez-les dans les réglages de votre navigateur.',
  wakeInstall:
    'Ajoutez d’abord cette application à l’écran d’accueil : dans le menu de partage, « Sur l’écran d’accueil ». Puis ouvrez-la de là.',
  wakeFailed:
    'Elles n’ont pas pu être activées. Réessayez plus tard ; d’ici là, gardez cette application ouverte pendant que vous vous connectez.',
  lockTitle: 'Verrouiller cette application',
  lockText: 'Demander votre visage, votre doigt ou le code de l’écran avant toute approbation.',
  lockOn: 'Activer le verrou',
  lockOff: 'Désactiver le verrou',
  lockIsOn: 'Le verrou est activé.',

  addTitle: 'Relier un compte',
  addText:
    'Là où vous vous connectez, choisissez d’ajouter une application d’authentification qui approuve. Un code QR s’affiche.',
  scan: 'Scanner le code QR',
  scanning: 'Tenez l’appareil photo au-dessus du code QR.',
  cameraLabel: 'Ce que voit l’appareil photo',
  stopScanning: 'Arrêter l’appareil photo',
  cameraDenied:
    'L’appareil photo ne peut pas être utilisé. Autorisez-le dans les réglages de votre navigateur, ou collez le lien.',
  cannotScan:
    'Ouvrez l’appareil photo du téléphone et tenez-le au-dessus du code QR, ou collez le lien qui se trouve à côté.',
  linkLabel: 'Ou collez le lien',
  linkHint: 'Il commence par https:// et contient « authenticator ».',
  linkWrong: 'Ce lien ne relie aucun compte.',
  linkElsewhere: (host) => `Ce lien est pour ${host}. Ouvrez-le là-bas :`,
  openThere: (host) => `Ouvrir ${host}`,
  goOn: 'Continuer',

  connectTitle: 'Relier ce téléphone ?',
  connectText: (host) =>
    `Ce téléphone approuvera pour un compte chez ${host}. Ne continuez que si vous avez ouvert cette page vous-même.`,
  nameLabel: 'Nom de ce téléphone',
  nameHint: 'C’est à ce nom que vous le reconnaîtrez si vous le perdez.',
  nameMissing: 'Donnez-lui d’abord un nom.',
  defaultName: 'Mon téléphone',
  connect: 'Relier',
  connecting: 'Connexion…',
  waitTitle: 'Regardez l’autre écran',
  waitText: 'Un nombre s’y affiche dans un instant. Tapez-le ici, et le compte est relié.',

  promptTitle: (application) => `${application} demande`,
  promptText: 'Est-ce vous qui faites cela en ce moment ?',
  connectPromptTitle: 'Tapez le nombre',
  connectPromptText: 'La page sur laquelle vous reliez ce compte affiche un nombre.',
  facts: 'Ce qui est demandé',
  account: 'Compte',
  action: 'Opération',
  from: 'Depuis',
  time: 'Heure',
  timeLeft: (time) => `Encore ${time}`,
  timeShort: 'Il reste une demi-minute.',
  numberLabel: 'Nombre sur l’autre écran',
  numberHint: 'Aucun nombre devant vous ? Alors c’est quelqu’un d’autre qui demande.',
  numberMissing: 'Tapez d’abord tout le nombre de l’autre écran.',
  deleteDigit: 'Effacer un chiffre',
  approve: 'Approuver',
  deny: 'Refuser',
  notMe: 'Ce n’était pas moi',
  sending: 'Envoi…',
  unlockFailed: {
    title: 'Toujours verrouillé',
    text: 'Ce téléphone n’a pas pu voir que c’est vous. Réessayez.',
  },
  reportTitle: 'Le signaler ?',
  reportText:
    'Quelqu’un connaît peut-être votre mot de passe. Un signalement l’arrête aussitôt et prévient ceux qui s’occupent de votre compte.',
  report: 'Oui, le signaler',
  updateTitle: 'Cette application est périmée',
  updateText:
    'Elle ne comprend pas ce qui est demandé. Fermez-la et rouvrez-la ; d’ici là, vous ne pouvez que refuser.',
  moreWait: 'Une autre question suit celle-ci.',

  outcomes: {
    approved: { title: 'Approuvé', text: 'Vous pouvez continuer sur l’autre écran.' },
    denied: { title: 'Refusé', text: 'Rien n’a été permis.' },
    reported: {
      title: 'Signalé',
      text: 'C’est arrêté, et ceux qui s’occupent de votre compte sont prévenus. Changez maintenant votre mot de passe : quelqu’un le connaît peut-être.',
    },
    mismatched: {
      title: 'Ce n’était pas le nombre',
      text: 'Rien n’a été permis. Si c’était vous, recommencez sur l’autre écran. Sinon, signalez-le là-bas et changez votre mot de passe.',
    },
    withdrawn: { title: 'Plus nécessaire', text: 'Cela a été réglé autrement, ou retiré.' },
    expired: {
      title: 'Trop tard',
      text: 'Le temps est écoulé, et rien n’a été permis. Recommencez sur l’autre écran.',
    },
  },
  connectedTitle: 'Ce téléphone est relié',
  connectedText: (application) => `Désormais, ${application} vous demande ici.`,
  notConnectedTitle: 'Non relié',
  notConnectedText: 'Recommencez sur l’autre écran et scannez un nouveau code.',

  historyTitle: 'Ce qui a été demandé',
  historyEmpty: 'Rien pour l’instant.',
  historyNote: 'Cette liste n’est gardée que sur ce téléphone.',
  history: {
    approved: 'Approuvé',
    denied: 'Refusé',
    reported: 'Signalé',
    mismatched: 'Mauvais nombre',
    withdrawn: 'Plus nécessaire',
    expired: 'Manqué',
  },

  server: 'Serveur',
  thisPhone: 'Ce téléphone',
  since: 'Relié',
  remove: 'Retirer de ce téléphone',
  removeTitle: 'Retirer ce compte ?',
  removeText:
    'Ce téléphone ne pourra plus approuver pour lui. Assurez-vous d’avoir un autre accès, et retirez aussi ce téléphone sur votre page de sécurité.',
  removeYes: 'Le retirer',
  disconnectedText:
    'Le serveur ne connaît plus ce téléphone : il a été retiré ou déclaré perdu. Reliez-le de nouveau si vous voulez l’utiliser.',

  troubles: {
    offline: {
      title: 'Pas de connexion',
      text: 'Le serveur n’a pas répondu. Vérifiez votre connexion et réessayez.',
    },
    busy: { title: 'Indisponible pour le moment', text: 'Le serveur est occupé. Réessayez dans un instant.' },
    linkOver: {
      title: 'Ce lien n’est plus valable',
      text: 'Il a déjà servi, ou son temps est écoulé. Si ce n’est pas vous qui l’avez utilisé, prévenez ceux qui s’occupent de votre compte. Créez-en un nouveau sur l’autre écran.',
    },
    disconnected: {
      title: 'N’est plus relié',
      text: 'Le serveur ne connaît plus ce téléphone. Reliez-le de nouveau sur l’autre écran.',
    },
    wrongNumber: { title: 'Ce n’était pas le nombre', text: 'Rien n’a été permis.' },
    over: { title: 'Trop tard', text: 'Cette question est terminée.' },
    noKeys: {
      title: 'Aucune clé n’a pu être créée',
      text: 'Ce navigateur ne garde pas de clés ici. Utilisez-en un à jour, en https:// et hors d’une fenêtre privée.',
    },
    failed: { title: 'Quelque chose a échoué', text: 'Rien n’a été permis. Réessayez.' },
  },
  brokenTitle: 'Rien ne peut être gardé ici',
  brokenText:
    'Ce navigateur ne garde pas de données pour cette application. Utilisez une fenêtre non privée et vérifiez qu’il reste de la place.',
};
