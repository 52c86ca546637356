import type { Words } from './catalogue';

/** French, with no-break spaces before its double punctuation. */
export const fr: Words = {
  loading: 'Un instant…',
  cancel: 'Annuler',
  tryAgain: 'Réessayer',
  goBack: 'Revenir',
  goBackTo: (application) => `Revenir à ${application}`,
  safety:
    'Personne ne vous demandera jamais un code par téléphone, e-mail ou messagerie. Si quelqu’un le fait, c’est une fraude.',

  signInTitle: 'Se connecter',
  signInIntro: 'Votre clé d’accès suffit. Vous vous connectez à',
  signInAct: 'Se connecter avec une clé d’accès',
  signInNone:
    'Pas encore de clé d’accès ? Demandez à ceux qui gèrent ce site, par le moyen habituel : ils vous envoient un lien pour en créer une.',
  signedInTitle: 'Vous êtes connecté',

  proveTitle: 'Confirmez que c’est bien vous',
  proveIntro: (application) => `${application} doit savoir que c’est bien vous avant de continuer.`,
  proveBeforeAdding:
    'Vous avez déjà une deuxième étape. Confirmez d’abord avec elle, puis ajoutez-en une autre.',
  proveBeforeChange: 'Prouvez que c’est bien vous avant toute modification.',
  proveBeforeDeciding: 'Prouvez que c’est bien vous. Votre réponse ne compte qu’ensuite.',
  deciding: 'Votre décision',
  decides: { approve: 'Approuver', reject: 'Refuser' },
  asked: { about: 'Au sujet de', display_name: 'Nom', workflow: 'Procédure', message: 'Ce qui est demandé' },
  whatYouConfirm: 'Ce que vous confirmez',
  action: 'Opération',
  confirm: 'Confirmer',
  checking: 'Vérification…',
  codeMissing: 'Saisissez d’abord le code.',
  codeIncomplete: 'Ce code n’est pas encore complet. Il compte au moins six chiffres.',
  backupCodeIncomplete: 'Ce code de secours n’est pas encore complet. Il compte douze lettres et chiffres.',

  kinds: {
    webauthn: 'Clé d’accès',
    push: 'Approbation sur le téléphone',
    totp: 'Application d’authentification',
    hotp: 'Jeton matériel',
    sms: 'SMS',
    email: 'E-mail',
    backup_codes: 'Code de secours',
  },
  asks: {
    webauthn: {
      text: 'Votre appareil demande votre empreinte, votre visage ou votre code PIN, ou votre clé de sécurité.',
      act: 'Utiliser la clé d’accès',
    },
    push: {
      text: 'L’application d’authentification de votre téléphone montre ce qui est demandé, et vous l’approuvez là-bas.',
      act: 'Demander à mon téléphone',
    },
    sms: { text: 'Vous recevez un SMS avec un code.', act: 'M’envoyer un code' },
    email: { text: 'Vous recevez un e-mail avec un code.', act: 'M’envoyer un code' },
  },
  sendsTo: (to) => `Il est envoyé à ${to}.`,
  fields: {
    totp: {
      label: 'Code de votre application d’authentification',
      hint: 'Ouvrez l’application sur votre téléphone et saisissez les chiffres affichés.',
    },
    hotp: {
      label: 'Code de votre jeton matériel',
      hint: 'Appuyez sur son bouton et saisissez les chiffres affichés.',
    },
    sms: { label: 'Code du SMS', hint: 'Il vient d’être envoyé et reste valable quelques minutes.' },
    email: {
      label: 'Code de l’e-mail',
      hint: 'Il vient d’être envoyé. Regardez aussi parmi les courriers indésirables.',
    },
    backup_codes: {
      label: 'Code de secours',
      hint: 'Un des codes que vous avez conservés, comme 7Q3W-9K2M-X4TZ. Chacun sert une fois.',
    },
  },
  sentTo: (to) => `Envoyé à ${to}.`,
  sendAgain: 'Renvoyer',
  sendAgainIn: (time) => `Renvoyer dans ${time}`,
  sendNoMore: 'Aucun autre code n’est envoyé. Si aucun n’arrive, choisissez un autre moyen.',
  deviceAsks: 'Suivez ce que votre appareil demande…',
  pushNumber: 'Saisissez ce nombre sur votre téléphone',
  pushHow:
    'Ouvrez la demande dans l’application, vérifiez qu’elle dit la même chose que cette page et saisissez-y le nombre.',
  pushConnectHow:
    'L’application le demande là-bas. Une fois le nombre saisi, cette page continue d’elle-même.',
  pushWaiting: 'En attente de votre téléphone…',
  pushDeniedTitle: 'Refusé sur votre téléphone',
  pushDenied:
    'Rien n’a été confirmé. Si ce n’est pas vous qui avez refusé, quelqu’un d’autre tient votre téléphone\u00a0: choisissez un autre moyen et signalez-le perdu.',
  pushOverTitle: 'Aucune réponse à temps',
  pushOver: 'Une demande n’est valable que peu de temps. Prenez votre téléphone en main, puis redemandez.',
  askAgain: 'Redemander',
  otherWays: 'Ou choisissez un autre moyen',
  nothingLeft: 'Je n’ai plus rien de tout cela',
  lostTitle: 'Comment retrouver l’accès',
  lostCodesTitle: 'Avez-vous un code de secours\u00a0?',
  lostCodes:
    'C’est un des codes que vous avez conservés en configurant votre seconde étape. Chacun vous laisse entrer une fois.',
  useBackupCode: 'Utiliser un code de secours',
  lostAskTitle: 'S’il ne vous reste rien',
  lostAsk: (application) =>
    `Revenez en arrière et demandez de l’aide à ${application}, par le moyen habituel. On pourra s’y assurer que c’est bien vous et vous laisser configurer une nouvelle seconde étape.`,
  backToWays: 'Revenir aux moyens de confirmer',

  chooseTitle: 'Protégez votre compte',
  chooseIntro: (application) =>
    `Avec une seconde étape, un mot de passe volé ne suffit pas pour entrer dans votre compte ${application}.`,
  chooseLegend: 'Choisissez votre seconde étape',
  recommended: 'Recommandé',
  factors: {
    webauthn: {
      name: 'Clé d’accès',
      why: 'Votre empreinte, votre visage ou votre code PIN, ou une clé de sécurité. Il n’y a rien à saisir, et aucun faux site ne peut vous la soutirer.',
      whom: 'Pour tous ceux qui ont un téléphone ou un ordinateur récent.',
    },
    push: {
      name: 'Approbation sur le téléphone',
      why: 'Une application de votre téléphone montre ce qui est demandé. Vous y saisissez un nombre affiché ici à l’écran, et vous approuvez.',
      whom: 'Pour ceux qui confirment souvent.',
    },
    totp: {
      name: 'Application d’authentification',
      why: 'Votre téléphone crée les codes lui-même. Ils fonctionnent sans réseau, et aucun message ne peut être intercepté.',
      whom: 'Pour tout téléphone où l’on peut installer des applications.',
    },
    hotp: {
      name: 'Jeton matériel',
      why: 'Un petit appareil qui affiche un code quand vous appuyez sur son bouton.',
      whom: 'Pour ceux qui en ont reçu un.',
    },
    sms: {
      name: 'SMS',
      why: 'Un code arrive sur votre numéro de mobile. Mieux qu’un mot de passe seul, mais les SMS peuvent être interceptés et les numéros détournés.',
      whom: 'Pour ceux qui ne peuvent rien utiliser de plus sûr.',
    },
    email: {
      name: 'E-mail',
      why: 'Un code arrive dans votre boîte de réception. Il ne vous protège pas mieux que la boîte elle-même n’est protégée.',
      whom: 'Pour ceux qui ne peuvent rien utiliser de plus sûr.',
    },
  },
  weaker: 'Moins sûr',
  chooseHelp:
    'Pour «\u00a0Application d’authentification\u00a0», il vous faut une telle application sur votre téléphone. Si vous n’en avez pas, installez-en d’abord une depuis votre magasin d’applications\u00a0: toutes celles qui créent des codes temporels (TOTP) conviennent.',
  noFactors: 'Il n’y a rien à configurer ici pour le moment.',
  otherFactor: 'Choisir autre chose',
  details: {
    sms: {
      title: 'Où envoyer les codes\u00a0?',
      label: 'Numéro de mobile',
      hint: 'Avec le pays, par exemple +33 6 12 34 56 78.',
      act: 'M’envoyer un code',
      missing: 'Ce numéro n’est pas encore complet. Commencez par + et le pays, par exemple +33.',
    },
    email: {
      title: 'Où envoyer les codes\u00a0?',
      label: 'Adresse e-mail',
      hint: 'D’une boîte que vous seul pouvez ouvrir.',
      act: 'M’envoyer un code',
      missing: 'Cette adresse n’est pas encore complète. Elle ressemble à ana@example.org.',
    },
    hotp: {
      title: 'De quel jeton s’agit-il\u00a0?',
      label: 'Numéro de série',
      hint: 'Il se trouve au dos, souvent à côté d’un code-barres.',
      act: 'Continuer',
      missing: 'Saisissez d’abord le numéro de série.',
    },
  },
  strongerTitle: 'Il existe plus sûr',
  strongerText:
    'Les messages peuvent être interceptés, et on pousse des gens à transmettre leurs codes. Ce qui suit est aussi rapide, et à l’abri de cela.',
  strongerAfter: 'Ce que vous avez configuré fonctionne déjà. Ajouter mieux prend une demi-minute.',
  takeInstead: (factor) => `Plutôt ceci\u00a0: ${factor}`,
  notNow: 'Pas maintenant',

  viewTitles: {
    webauthn: 'Créez votre clé d’accès',
    push: 'Reliez votre téléphone',
    totp: 'Reliez votre application d’authentification',
    hotp: 'Essayez votre jeton matériel',
    sms: 'Saisissez le code du SMS',
    email: 'Saisissez le code de l’e-mail',
  },
  passkeyMake:
    'Votre appareil demande où garder la clé d’accès, puis votre empreinte, votre visage ou votre code PIN. Une clé de sécurité peut être branchée ou approchée du téléphone.',
  passkeyMakeAct: 'Créer la clé d’accès',
  pushScan: 'Scannez ceci avec l’appareil photo de votre téléphone',
  pushScanHint:
    'L’application d’authentification s’y ouvre. Suivez ses indications\u00a0; cette page continue d’elle-même.',
  pushOpen: 'Ouvrir l’application d’authentification sur ce téléphone',
  pushOrScan: 'Ou scannez ceci avec l’appareil photo d’un autre téléphone',
  pushQrAlt: 'Code QR qui relie votre téléphone',
  pushHiddenTitle: 'Le code à scanner n’est plus valable',
  pushHidden: 'Il n’est valable que peu de temps. Demandez-en un nouveau.',
  pushNew: 'Créer un nouveau code',
  tokenTry: 'Appuyez sur le bouton du jeton et saisissez les chiffres affichés.',
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
    'Si vous ne pouvez pas utiliser votre deuxième étape, chacun de ces codes vous laisse entrer une fois. Ils ne sont affichés que maintenant.',
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
  enrolledTitles: {
    webauthn: 'Votre clé d’accès est prête',
    push: 'Votre téléphone est relié',
    totp: 'Votre application d’authentification est prête',
    hotp: 'Votre jeton matériel est prêt',
    sms: 'Votre numéro est prêt',
    email: 'Votre boîte de réception est prête',
  },
  enrolledTexts: {
    webauthn: 'Désormais, votre appareil suffit comme seconde étape.',
    push: 'Désormais, gardez votre téléphone à portée de main pour vous connecter.',
    totp: 'Désormais, gardez votre téléphone à portée de main pour vous connecter.',
    hotp: 'Désormais, gardez votre jeton à portée de main pour vous connecter.',
    sms: 'Désormais, un code arrive sur votre numéro quand vous vous connectez.',
    email: 'Désormais, un code arrive dans votre boîte quand vous vous connectez.',
  },
  leftTitle: 'C’est fait',
  leftText: 'Vos modifications sont enregistrées.',
  decided: { approve: 'Approuvé', reject: 'Refusé' },
  decidedText: 'Votre décision a été comptée.',
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
    refusedSent: {
      title: 'Ce code n’a pas fonctionné',
      text: 'Ce doit être le plus récent, et chacun n’est valable que quelques minutes. Vérifiez-le chiffre par chiffre ou demandez-en un autre.',
    },
    refusedToken: {
      title: 'Ce code n’a pas fonctionné',
      text: 'Chaque code sert une fois. Appuyez encore sur le bouton et saisissez le suivant.',
    },
    refusedPasskey: {
      title: 'Cette clé d’accès n’a pas fonctionné',
      text: 'Elle n’a pas été acceptée ici. Réessayez ou choisissez un autre moyen.',
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
    gateway: {
      title: 'L’envoi n’a pas été possible',
      text: 'Les messages ne passent pas en ce moment. Réessayez un peu plus tard ou choisissez un autre moyen\u00a0: rien n’est perdu.',
    },
    heldBack: {
      title: 'Votre téléphone n’est pas sollicité pour l’instant',
      text: 'Il l’a été plusieurs fois, et personne n’a approuvé. Choisissez un autre moyen ou réessayez plus tard. Si ce n’était pas vous, changez votre mot de passe.',
    },
    sentAlready: {
      title: 'C’est déjà envoyé',
      text: 'Cherchez le message le plus récent : c’est son code qui compte. Vous pourrez bientôt en demander un autre.',
    },
    notConnected: {
      title: 'Votre téléphone n’a pas été connecté',
      text: 'Un autre nombre y a été saisi, ou la demande a été refusée ou est restée sans réponse. Choisissez-le de nouveau pour réessayer.',
    },
    badNumber: {
      title: 'Rien ne peut être envoyé à ce numéro',
      text: 'Il a peut-être un chiffre de trop ou de moins, ou n’est pas un mobile. Commencez par + et le pays, par exemple +33.',
    },
    blocked: {
      title: 'Aucun message n’est envoyé dans ce pays',
      text: 'Il en a été décidé ainsi contre la fraude. Choisissez un autre moyen ou un numéro d’un autre pays.',
    },
    badAddress: {
      title: 'Rien ne peut être envoyé à cette adresse',
      text: 'Vérifiez-la lettre par lettre. Elle ressemble à ana@example.org.',
    },
    badSerial: {
      title: 'Aucun jeton libre ne porte ce numéro',
      text: 'Vérifiez-le chiffre par chiffre. S’il est juste, quelqu’un d’autre a peut-être ce jeton\u00a0: demandez à qui vous l’a remis.',
    },
    passkeyCancelled: {
      title: 'Rien n’a été confirmé',
      text: 'L’opération a été annulée, a duré trop longtemps, ou l’appareil n’a pas de clé d’accès pour ce site. Réessayez ou choisissez un autre moyen.',
    },
    passkeyUnmade: {
      title: 'Aucune clé d’accès n’a été créée',
      text: 'L’opération a été annulée ou a duré trop longtemps. Réessayez ou choisissez autre chose.',
    },
    passkeyExists: {
      title: 'Cet appareil a déjà une clé d’accès',
      text: 'Il en garde une pour ce compte. Il n’en faut pas une seconde\u00a0: revenez et utilisez-la, ou prenez un autre appareil ou une clé de sécurité.',
    },
    passkeyUnsupported: {
      title: 'Cela ne fonctionne pas sur cet appareil',
      text: 'Le navigateur ou l’appareil ne connaît pas de clés d’accès du type demandé. Choisissez un autre moyen ou ouvrez la page sur un appareil plus récent.',
    },
    passkeyFailed: {
      title: 'L’appareil n’a donné aucune clé d’accès',
      text: 'Quelque chose ne convenait pas entre cette page et l’appareil. Choisissez un autre moyen, et si cela se reproduit, prévenez ceux qui vous ont envoyé ici.',
    },
    over: {
      title: 'Ce lien n’est plus valable',
      text: 'Il a déjà servi, ou son délai est écoulé. Revenez d’où vous veniez et recommencez.',
    },
    cancelledSignIn: {
      title: 'Vous n’êtes pas connecté',
      text: 'L’opération a été annulée, a trop duré, ou aucune clé d’accès pour ce site n’a été trouvée sur l’appareil. Réessayez.',
    },
    refusedSignIn: {
      title: 'Cette clé d’accès n’a pas fonctionné',
      text: 'Elle n’est pas acceptée ici. Essayez-en une autre ou demandez à ceux qui gèrent ce site.',
    },
    overSignIn: {
      title: 'Le temps est écoulé',
      text: 'Cette page est restée ouverte si longtemps qu’elle ne vaut plus rien. Réessayez.',
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
      text: 'L’opération a été arrêtée sur votre téléphone, il y a eu trop de codes erronés, ou le délai est écoulé. Revenez en arrière et recommencez.',
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
