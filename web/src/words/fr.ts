import type { Words } from './catalogue';

/** French, with no-break spaces before its double punctuation. */
export const fr: Words = {
  loading: 'Un instant…',
  cancel: 'Annuler',
  tryAgain: 'Réessayer',
  goBack: 'Revenir',
  goBackTo: (application) => `Revenir à ${application}`,
  safety:
    'Personne ne vous demandera jamais ces codes par téléphone, e-mail ou messagerie. Si quelqu’un le fait, c’est une fraude.',

  proveTitle: 'Confirmez que c’est bien vous',
  proveIntro: (application) => `${application} a besoin d’un code avant de continuer.`,
  proveBeforeAdding:
    'Vous avez déjà un authentificateur. Prouvez d’abord que vous l’avez, puis ajoutez-en un autre.',
  whatYouConfirm: 'Ce que vous confirmez',
  action: 'Opération',
  appCodeLabel: 'Code de votre application d’authentification',
  appCodeHint: 'Ouvrez l’application sur votre téléphone et saisissez les chiffres affichés.',
  backupCodeLabel: 'Code de secours',
  backupCodeHint: 'Un des codes que vous avez conservés, comme 7Q3W-9K2M-X4TZ. Chacun sert une fois.',
  useBackupCode: 'Utiliser un code de secours',
  useApp: 'Utiliser l’application d’authentification',
  confirm: 'Confirmer',
  checking: 'Vérification…',
  codeMissing: 'Saisissez d’abord le code.',
  codeIncomplete: 'Ce code n’est pas encore complet. Il compte au moins six chiffres.',
  backupCodeIncomplete: 'Ce code de secours n’est pas encore complet. Il compte douze lettres et chiffres.',

  chooseTitle: 'Protégez votre compte',
  chooseIntro: (application) =>
    `Avec une seconde étape, un mot de passe volé ne suffit pas pour entrer dans votre compte ${application}.`,
  chooseLegend: 'Choisissez votre seconde étape',
  recommended: 'Recommandé',
  factors: {
    totp: {
      name: 'Application d’authentification',
      why: 'Votre téléphone crée les codes lui-même. Ils fonctionnent sans réseau, et aucun message ne peut être intercepté.',
    },
  },
  chooseHelp:
    'Il vous faut une application d’authentification sur votre téléphone. Si vous n’en avez pas, installez-en d’abord une depuis votre magasin d’applications\u00a0: toutes celles qui créent des codes temporels (TOTP) conviennent.',
  noFactors: 'Il n’y a rien à configurer ici pour le moment.',
  preparing: 'Création de votre clé…',

  viewTitle: 'Reliez votre application d’authentification',
  scanTitle: 'Scannez ceci avec l’application',
  scanHint:
    'Dans l’application, choisissez «\u00a0ajouter\u00a0» ou «\u00a0+\u00a0», puis «\u00a0scanner un code QR\u00a0».',
  qrAlt: 'Code QR qui relie votre application d’authentification',
  openInApp: 'Ouvrir dans l’application de ce téléphone',
  orScan: 'Ou scannez ceci avec l’application d’un autre téléphone',
  typeInstead: 'Impossible de scanner\u00a0? Saisissez la clé',
  typeHint:
    'Choisissez «\u00a0saisir une clé\u00a0» dans l’application, puis tapez ou collez celle-ci. Le type est «\u00a0basée sur le temps\u00a0».',
  keyLabel: 'Clé',
  copyKey: 'Copier la clé',
  copied: 'Copié.',
  copyFailed: 'Copie impossible. Sélectionnez le texte et copiez-le vous-même.',
  hiddenIn: (time) => `Masquée dans ${time}`,
  hiddenSoon: 'La clé sera masquée dans une minute.',
  hiddenTitle: 'La clé est masquée',
  hiddenText:
    'Elle est affichée une seule fois et peu de temps, pour que personne d’autre ne la voie. Si votre application l’a reçue, saisissez son code ci-dessous. Sinon, demandez-en une nouvelle.',
  newKey: 'Créer une nouvelle clé',
  confirmTitle: 'Saisissez le code affiché par l’application',
  finishSetup: 'Confirmer le code',

  backupTitle: 'Conservez vos codes de secours',
  backupIntro:
    'Si vous perdez votre téléphone, chacun de ces codes vous laisse entrer une fois. Ils ne sont affichés que maintenant.',
  backupList: 'Codes de secours',
  copyCodes: 'Copier',
  download: 'Télécharger',
  print: 'Imprimer',
  downloaded: 'Enregistré dans vos téléchargements.',
  kept: 'Je les ai conservés en lieu sûr',
  keptFirst: 'Conservez d’abord les codes, puis cochez la case.',
  goOn: 'Continuer',
  backupFileName: 'codes-de-secours',
  backupHeading: (application) => `Codes de secours pour ${application}`,
  backupNote: 'Chaque code sert une fois. Gardez-les là où vous seul pouvez y accéder.',

  provedTitle: 'Confirmé',
  enrolledTitle: 'Votre application d’authentification est prête',
  enrolledText: 'Désormais, gardez votre téléphone à portée de main pour vous connecter.',
  cancelledTitle: 'Annulé',
  cancelledText: 'Rien n’a été modifié.',
  goingBack: (application) => `Retour à ${application}…`,
  closeWindow: (application) => `Vous pouvez fermer cette fenêtre et revenir à ${application}.`,

  troubles: {
    refused: {
      title: 'Ce code n’a pas fonctionné',
      text: 'Chaque code sert une fois et peu de temps. Attendez le suivant et vérifiez que c’est le bon compte dans l’application.',
    },
    refusedBackup: {
      title: 'Ce code de secours n’a pas fonctionné',
      text: 'Chacun sert une fois. Vérifiez-le lettre par lettre ou prenez le suivant.',
    },
    refusedOften: {
      title: 'Toujours refusé',
      text: 'Après plusieurs codes erronés, il faut attendre un moment. Patientez quelques minutes et vérifiez que votre téléphone règle l’heure lui-même, ou utilisez un code de secours.',
    },
    waiting: { title: 'Patientez un peu', text: 'Il y a eu trop d’essais. Vous pourrez bientôt continuer.' },
    offline: {
      title: 'Pas de connexion',
      text: 'Le serveur n’a pas répondu. Vérifiez votre connexion, puis réessayez\u00a0: rien n’est perdu.',
    },
    busy: {
      title: 'Indisponible pour le moment',
      text: 'Le serveur est occupé. Rien n’a été modifié. Réessayez dans un instant.',
    },
    over: {
      title: 'Ce lien n’est plus valable',
      text: 'Il a déjà servi, ou son délai est écoulé. Revenez d’où vous veniez et recommencez.',
    },
    elsewhere: {
      title: 'Ce lien est ouvert dans un autre navigateur',
      text: 'Pour votre sécurité, il ne fonctionne que dans le navigateur qui l’a ouvert en premier, avec les cookies autorisés. Continuez là-bas, ou revenez d’où vous veniez et recommencez.',
    },
    unknown: {
      title: 'Ce lien ne fonctionne pas',
      text: 'Il est peut-être incomplet. Ouvrez-le à nouveau depuis l’endroit où vous l’avez reçu, ou recommencez là-bas.',
    },
    keyOver: {
      title: 'Cette clé n’est plus valable',
      text: 'Elle ne compte plus. Créez-en une nouvelle et scannez celle-là.',
    },
    stepUp: {
      title: 'Reconnectez-vous',
      text: 'Votre connexion n’est pas assez récente pour cela. Revenez en arrière, reconnectez-vous et recommencez.',
    },
    ended: {
      title: 'Impossible de continuer',
      text: 'Il y a eu trop de codes erronés, ou le délai est écoulé. Revenez en arrière et recommencez.',
    },
    conflict: {
      title: 'Ce n’est pas possible maintenant',
      text: 'Vous avez peut-être déjà tous les authentificateurs permis, ou votre compte est bloqué. Revenez en arrière et demandez de l’aide là-bas.',
    },
    insecure: {
      title: 'Cette connexion n’est pas sûre',
      text: 'Les clés ne sont créées que sur une connexion chiffrée. Ouvrez le lien avec https:// ou prévenez ceux qui vous ont envoyé ici.',
    },
    unsealed: {
      title: 'La clé n’a pas pu être ouverte',
      text: 'Ce qui est arrivé n’était pas scellé pour cette page. Créez une nouvelle clé. Si cela se reproduit, prévenez ceux qui vous ont envoyé ici.',
    },
    failed: {
      title: 'Un problème est survenu',
      text: 'Ce n’est pas votre faute, et rien n’a été autorisé. Réessayez. Si cela se reproduit, revenez en arrière et demandez de l’aide là-bas.',
    },
  },
};
