import type { Words } from './catalogue';

/** German. */
export const de: Words = {
  loading: 'Einen Moment …',
  cancel: 'Abbrechen',
  tryAgain: 'Erneut versuchen',
  goBack: 'Zurück',
  goBackTo: (application) => `Zurück zu ${application}`,
  safety:
    'Niemand fragt Sie je am Telefon, per E-Mail oder im Chat nach einem Code. Wer es tut, will Sie betrügen.',

  signInTitle: 'Anmelden',
  signInIntro: 'Ihr Passkey genügt. Sie melden sich an bei',
  signInAct: 'Mit einem Passkey anmelden',
  signInNone:
    'Noch kein Passkey? Fragen Sie die Betreiber auf dem Weg, auf dem Sie sie immer erreichen: Sie bekommen einen Link, mit dem Sie einen anlegen.',
  signedInTitle: 'Sie sind angemeldet',

  proveTitle: 'Bestätigen Sie, dass Sie es sind',
  proveIntro: (application) => `${application} muss wissen, dass Sie es sind, bevor es weitergeht.`,
  proveBeforeAdding:
    'Sie haben bereits einen zweiten Schritt. Bestätigen Sie zuerst damit, dann fügen Sie einen weiteren hinzu.',
  proveBeforeChange: 'Weisen Sie sich aus, bevor etwas geändert wird.',
  proveBeforeDeciding: 'Weisen Sie sich aus. Erst dann zählt, was Sie gesagt haben.',
  deciding: 'Ihre Entscheidung',
  decides: { approve: 'Zustimmen', reject: 'Ablehnen' },
  asked: { about: 'Betrifft', display_name: 'Name', workflow: 'Ablauf', message: 'Worum es geht' },
  whatYouConfirm: 'Was Sie bestätigen',
  action: 'Vorgang',
  confirm: 'Bestätigen',
  checking: 'Wird geprüft …',
  codeMissing: 'Geben Sie zuerst den Code ein.',
  codeIncomplete: 'Der Code ist noch nicht vollständig. Er hat mindestens sechs Ziffern.',
  backupCodeIncomplete: 'Der Ersatzcode ist noch nicht vollständig. Er hat zwölf Buchstaben und Ziffern.',

  kinds: {
    webauthn: 'Passkey',
    push: 'Freigabe auf dem Telefon',
    totp: 'Authenticator-App',
    hotp: 'Hardware-Token',
    sms: 'SMS',
    email: 'E-Mail',
    backup_codes: 'Ersatzcode',
  },
  asks: {
    webauthn: {
      text: 'Ihr Gerät fragt nach Fingerabdruck, Gesicht oder PIN oder nach Ihrem Sicherheitsschlüssel.',
      act: 'Passkey verwenden',
    },
    push: {
      text: 'Die Authenticator-App auf Ihrem Telefon zeigt, worum es geht, und Sie geben es dort frei.',
      act: 'Mein Telefon fragen',
    },
    sms: { text: 'Sie bekommen eine SMS mit einem Code.', act: 'Code schicken' },
    email: { text: 'Sie bekommen eine E-Mail mit einem Code.', act: 'Code schicken' },
  },
  sendsTo: (to) => `Er geht an ${to}.`,
  fields: {
    totp: {
      label: 'Code aus Ihrer Authenticator-App',
      hint: 'Öffnen Sie die App auf Ihrem Telefon und geben Sie die angezeigten Ziffern ein.',
    },
    hotp: {
      label: 'Code von Ihrem Hardware-Token',
      hint: 'Drücken Sie den Knopf und geben Sie die angezeigten Ziffern ein.',
    },
    sms: { label: 'Code aus der SMS', hint: 'Er wurde eben geschickt und gilt einige Minuten.' },
    email: {
      label: 'Code aus der E-Mail',
      hint: 'Er wurde eben geschickt. Sehen Sie auch bei den unerwünschten Mails nach.',
    },
    backup_codes: {
      label: 'Ersatzcode',
      hint: 'Einer der Codes, die Sie aufbewahrt haben, etwa 7Q3W-9K2M-X4TZ. Jeder gilt einmal.',
    },
  },
  sentTo: (to) => `Geschickt an ${to}.`,
  sendAgain: 'Noch einmal schicken',
  sendAgainIn: (time) => `Noch einmal schicken in ${time}`,
  sendNoMore: 'Es wird kein weiterer Code geschickt. Kommt keiner an, wählen Sie einen anderen Weg.',
  deviceAsks: 'Folgen Sie dem, was Ihr Gerät fragt …',
  pushNumber: 'Geben Sie diese Zahl auf Ihrem Telefon ein',
  pushHow:
    'Öffnen Sie die Anfrage in der App, sehen Sie nach, ob dort dasselbe steht wie hier, und geben Sie die Zahl ein.',
  pushConnectHow: 'Die App dort fragt danach. Ist sie eingegeben, geht diese Seite von selbst weiter.',
  pushWaiting: 'Warten auf Ihr Telefon …',
  pushDeniedTitle: 'Auf Ihrem Telefon abgelehnt',
  pushDenied:
    'Es wurde nichts bestätigt. Wenn nicht Sie abgelehnt haben, hat jemand anderes Ihr Telefon: Wählen Sie einen anderen Weg und melden Sie es als verloren.',
  pushOverTitle: 'Es kam rechtzeitig keine Antwort',
  pushOver:
    'Eine Anfrage gilt nur kurz. Nehmen Sie Ihr Telefon zur Hand und lassen Sie es noch einmal fragen.',
  askAgain: 'Noch einmal fragen',
  otherWays: 'Oder wählen Sie einen anderen Weg',
  nothingLeft: 'Ich habe nichts davon mehr',
  lostTitle: 'So kommen Sie wieder hinein',
  lostCodesTitle: 'Haben Sie einen Ersatzcode?',
  lostCodes:
    'Das ist einer der Codes, die Sie beim Einrichten Ihres zweiten Schritts aufbewahrt haben. Mit jedem kommen Sie einmal hinein.',
  useBackupCode: 'Ersatzcode verwenden',
  lostAskTitle: 'Wenn Sie nichts mehr haben',
  lostAsk: (application) =>
    `Gehen Sie zurück und bitten Sie ${application} um Hilfe, auf dem Weg, auf dem Sie sie immer erreichen. Dort kann man feststellen, dass Sie es sind, und Sie einen neuen zweiten Schritt einrichten lassen.`,
  backToWays: 'Zurück zu den Wegen',

  chooseTitle: 'Schützen Sie Ihr Konto',
  chooseIntro: (application) =>
    `Mit einem zweiten Schritt reicht ein gestohlenes Passwort nicht aus, um in Ihr Konto bei ${application} zu kommen.`,
  chooseLegend: 'Wählen Sie Ihren zweiten Schritt',
  recommended: 'Empfohlen',
  factors: {
    webauthn: {
      name: 'Passkey',
      why: 'Ihr Fingerabdruck, Ihr Gesicht, Ihre PIN oder ein Sicherheitsschlüssel. Es gibt nichts einzutippen, und keine falsche Website kann es Ihnen entlocken.',
      whom: 'Für alle mit einem Telefon oder Rechner der letzten Jahre.',
    },
    push: {
      name: 'Freigabe auf dem Telefon',
      why: 'Eine App auf Ihrem Telefon zeigt, worum es geht. Sie geben dort eine Zahl ein, die hier auf dem Bildschirm steht, und geben frei.',
      whom: 'Für alle, die oft bestätigen.',
    },
    totp: {
      name: 'Authenticator-App',
      why: 'Ihr Telefon erzeugt die Codes selbst. Sie gelten auch ohne Empfang, und es gibt keine Nachricht, die man abfangen könnte.',
      whom: 'Für jedes Telefon, auf dem sich Apps installieren lassen.',
    },
    hotp: {
      name: 'Hardware-Token',
      why: 'Ein kleines Gerät, das auf Knopfdruck einen Code zeigt.',
      whom: 'Für alle, die eines bekommen haben.',
    },
    sms: {
      name: 'SMS',
      why: 'Ein Code kommt auf Ihre Mobilnummer. Besser als ein Passwort allein, doch SMS lassen sich abfangen und Nummern übernehmen.',
      whom: 'Für alle, bei denen nichts Stärkeres geht.',
    },
    email: {
      name: 'E-Mail',
      why: 'Ein Code kommt in Ihr Postfach. Er schützt Sie nicht besser, als das Postfach selbst geschützt ist.',
      whom: 'Für alle, bei denen nichts Stärkeres geht.',
    },
  },
  weaker: 'Schwächer',
  chooseHelp:
    'Für „Authenticator-App“ brauchen Sie eine solche App auf Ihrem Telefon. Falls Sie keine haben, installieren Sie zuerst eine aus Ihrem App-Store: Jede für zeitbasierte Codes (TOTP) ist geeignet.',
  noFactors: 'Im Moment gibt es hier nichts, was Sie einrichten könnten.',
  otherFactor: 'Etwas anderes wählen',
  details: {
    sms: {
      title: 'Wohin gehen die Codes?',
      label: 'Mobilnummer',
      hint: 'Mit dem Land, etwa +49 151 23456789.',
      act: 'Code schicken',
      missing: 'Die Nummer ist noch nicht vollständig. Beginnen Sie mit + und dem Land, etwa +49.',
    },
    email: {
      title: 'Wohin gehen die Codes?',
      label: 'E-Mail-Adresse',
      hint: 'Eines Postfachs, das nur Sie öffnen können.',
      act: 'Code schicken',
      missing: 'Die Adresse ist noch nicht vollständig. Sie sieht aus wie ana@example.org.',
    },
    hotp: {
      title: 'Welches Token ist es?',
      label: 'Seriennummer',
      hint: 'Sie steht auf der Rückseite, oft neben einem Strichcode.',
      act: 'Weiter',
      missing: 'Geben Sie zuerst die Seriennummer ein.',
    },
  },
  strongerTitle: 'Es gibt etwas Stärkeres',
  strongerText:
    'Nachrichten lassen sich abfangen, und Menschen werden dazu gebracht, ihre Codes weiterzugeben. Das Folgende geht genauso schnell und ist davor sicher.',
  strongerAfter:
    'Was Sie eingerichtet haben, gilt ab jetzt. In einer halben Minute kommt etwas Besseres hinzu.',
  takeInstead: (factor) => `Lieber das: ${factor}`,
  notNow: 'Jetzt nicht',

  viewTitles: {
    webauthn: 'Erstellen Sie Ihren Passkey',
    push: 'Verbinden Sie Ihr Telefon',
    totp: 'Verbinden Sie Ihre Authenticator-App',
    hotp: 'Probieren Sie Ihr Token aus',
    sms: 'Geben Sie den Code aus der SMS ein',
    email: 'Geben Sie den Code aus der E-Mail ein',
  },
  passkeyMake:
    'Ihr Gerät fragt, wo der Passkey liegen soll, und dann nach Fingerabdruck, Gesicht oder PIN. Einen Sicherheitsschlüssel können Sie einstecken oder an das Telefon halten.',
  passkeyMakeAct: 'Passkey erstellen',
  pushScan: 'Scannen Sie dies mit der Kamera Ihres Telefons',
  pushScanHint: 'Dort öffnet sich die Authenticator-App. Folgen Sie ihr; diese Seite geht von selbst weiter.',
  pushOpen: 'Authenticator-App auf diesem Telefon öffnen',
  pushOrScan: 'Oder scannen Sie dies mit der Kamera eines anderen Telefons',
  pushQrAlt: 'QR-Code, der Ihr Telefon verbindet',
  pushHiddenTitle: 'Der Code zum Scannen gilt nicht mehr',
  pushHidden: 'Er gilt nur kurz. Lassen Sie einen neuen erzeugen.',
  pushNew: 'Neuen Code erzeugen',
  tokenTry: 'Drücken Sie den Knopf des Tokens und geben Sie die angezeigten Ziffern ein.',
  scanTitle: 'Scannen Sie dies mit der App',
  scanHint: 'Wählen Sie in der App „Hinzufügen“ oder „+“, dann „QR-Code scannen“.',
  qrAlt: 'QR-Code, der Ihre Authenticator-App verbindet',
  openInApp: 'In der App auf diesem Telefon öffnen',
  orScan: 'Oder scannen Sie dies mit der App auf einem anderen Telefon',
  typeInstead: 'Scannen geht nicht? Schlüssel eintippen',
  typeHint:
    'Wählen Sie in der App „Schlüssel eingeben“ und tippen oder fügen Sie diesen ein. Die Art ist „zeitbasiert“.',
  keyLabel: 'Schlüssel',
  copyKey: 'Schlüssel kopieren',
  copied: 'Kopiert.',
  copyFailed: 'Kopieren ging nicht. Markieren Sie den Text und kopieren Sie ihn selbst.',
  hiddenIn: (time) => `Wird in ${time} verborgen`,
  hiddenSoon: 'Der Schlüssel wird in einer Minute verborgen.',
  hiddenTitle: 'Der Schlüssel ist verborgen',
  hiddenText:
    'Er wird nur einmal und nur kurz gezeigt, damit ihn niemand sonst zu sehen bekommt. Wenn Ihre App ihn hat, geben Sie unten deren Code ein. Wenn nicht, lassen Sie einen neuen erzeugen.',
  newKey: 'Neuen Schlüssel erzeugen',
  confirmTitle: 'Geben Sie den Code aus der App ein',
  finishSetup: 'Code bestätigen',

  backupTitle: 'Bewahren Sie Ihre Ersatzcodes auf',
  backupIntro:
    'Wenn Ihr zweiter Schritt einmal nicht geht, kommen Sie mit jedem dieser Codes einmal hinein. Sie werden nur jetzt gezeigt.',
  backupList: 'Ersatzcodes',
  copyCodes: 'Kopieren',
  download: 'Laden',
  print: 'Drucken',
  downloaded: 'In Ihren Downloads gespeichert.',
  kept: 'Ich habe sie an einem sicheren Ort aufbewahrt',
  keptFirst: 'Bewahren Sie die Codes zuerst auf und setzen Sie dann das Häkchen.',
  goOn: 'Weiter',
  backupFileName: 'ersatzcodes',
  backupHeading: (application) => `Ersatzcodes für ${application}`,
  backupNote: 'Jeder Code gilt einmal. Bewahren Sie sie so auf, dass nur Sie herankommen.',

  provedTitle: 'Bestätigt',
  enrolledTitles: {
    webauthn: 'Ihr Passkey ist bereit',
    push: 'Ihr Telefon ist verbunden',
    totp: 'Ihre Authenticator-App ist bereit',
    hotp: 'Ihr Hardware-Token ist bereit',
    sms: 'Ihre Nummer ist bereit',
    email: 'Ihr Postfach ist bereit',
  },
  enrolledTexts: {
    webauthn: 'Ab jetzt genügt Ihr Gerät als zweiter Schritt.',
    push: 'Halten Sie ab jetzt beim Anmelden Ihr Telefon bereit.',
    totp: 'Halten Sie ab jetzt beim Anmelden Ihr Telefon bereit.',
    hotp: 'Halten Sie ab jetzt beim Anmelden Ihr Token bereit.',
    sms: 'Ab jetzt kommt beim Anmelden ein Code auf Ihre Nummer.',
    email: 'Ab jetzt kommt beim Anmelden ein Code in Ihr Postfach.',
  },
  leftTitle: 'Alles erledigt',
  leftText: 'Ihre Änderungen sind gespeichert.',
  decided: { approve: 'Zugestimmt', reject: 'Abgelehnt' },
  decidedText: 'Ihre Entscheidung wurde gezählt.',
  cancelledTitle: 'Abgebrochen',
  cancelledText: 'Es wurde nichts geändert.',
  goingBack: (application) => `Sie kommen zurück zu ${application} …`,
  closeWindow: (application) => `Sie können dieses Fenster schließen und zu ${application} zurückkehren.`,

  troubles: {
    refused: {
      title: 'Der Code wurde nicht angenommen',
      text: 'Jeder Code gilt einmal und nur kurz. Warten Sie auf den nächsten und achten Sie in der App auf das richtige Konto.',
    },
    refusedBackup: {
      title: 'Der Ersatzcode wurde nicht angenommen',
      text: 'Jeder gilt einmal. Vergleichen Sie ihn Zeichen für Zeichen oder nehmen Sie den nächsten.',
    },
    refusedOften: {
      title: 'Noch immer nicht angenommen',
      text: 'Nach mehreren falschen Codes müssen Sie eine Weile warten. Lassen Sie einige Minuten vergehen und prüfen Sie, ob Ihr Telefon die Uhr selbst stellt, oder verwenden Sie einen Ersatzcode.',
    },
    refusedSent: {
      title: 'Der Code wurde nicht angenommen',
      text: 'Es muss der neueste sein, und jeder gilt nur einige Minuten. Vergleichen Sie ihn Ziffer für Ziffer oder lassen Sie einen weiteren schicken.',
    },
    refusedToken: {
      title: 'Der Code wurde nicht angenommen',
      text: 'Jeder Code gilt einmal. Drücken Sie den Knopf noch einmal und geben Sie den nächsten ein.',
    },
    refusedPasskey: {
      title: 'Der Passkey wurde nicht angenommen',
      text: 'Er gilt hier nicht. Versuchen Sie es noch einmal oder wählen Sie einen anderen Weg.',
    },
    waiting: { title: 'Bitte warten Sie kurz', text: 'Es waren zu viele Versuche. Gleich geht es weiter.' },
    offline: {
      title: 'Keine Verbindung',
      text: 'Der Server hat nicht geantwortet. Prüfen Sie Ihre Verbindung und versuchen Sie es erneut: Es ist nichts verloren.',
    },
    busy: {
      title: 'Im Moment nicht verfügbar',
      text: 'Der Server ist ausgelastet. Es wurde nichts geändert. Versuchen Sie es gleich noch einmal.',
    },
    gateway: {
      title: 'Es ließ sich gerade nicht schicken',
      text: 'Im Moment kommen Nachrichten nicht durch. Versuchen Sie es etwas später noch einmal oder wählen Sie einen anderen Weg: Es ist nichts verloren.',
    },
    heldBack: {
      title: 'Ihr Telefon wird gerade nicht gefragt',
      text: 'Es wurde mehrmals gefragt, und niemand hat zugestimmt. Wählen Sie einen anderen Weg oder versuchen Sie es später noch einmal. Wenn nicht Sie es waren, ändern Sie Ihr Passwort.',
    },
    sentAlready: {
      title: 'Es wurde schon gesendet',
      text: 'Sehen Sie in der neuesten Nachricht nach: Ihr Code gilt. In Kürze können Sie noch eine anfordern.',
    },
    notConnected: {
      title: 'Ihr Telefon wurde nicht verbunden',
      text: 'Dort wurde eine andere Zahl eingegeben, oder die Anfrage wurde abgelehnt oder nicht beantwortet. Wählen Sie es noch einmal, um es erneut zu versuchen.',
    },
    badNumber: {
      title: 'An diese Nummer lässt sich nichts schicken',
      text: 'Vielleicht hat sie eine Ziffer zu viel oder zu wenig oder ist keine Mobilnummer. Beginnen Sie mit + und dem Land, etwa +49.',
    },
    blocked: {
      title: 'In dieses Land wird nichts geschickt',
      text: 'Das wurde so entschieden, um Betrug fernzuhalten. Wählen Sie einen anderen Weg oder eine Nummer aus einem anderen Land.',
    },
    badAddress: {
      title: 'An diese Adresse lässt sich nichts schicken',
      text: 'Vergleichen Sie sie Zeichen für Zeichen. Sie sieht aus wie ana@example.org.',
    },
    badSerial: {
      title: 'Es gibt kein freies Token mit dieser Nummer',
      text: 'Vergleichen Sie sie Ziffer für Ziffer. Ist sie richtig, hat vielleicht jemand anderes dieses Token: Fragen Sie, wer es Ihnen gab.',
    },
    passkeyCancelled: {
      title: 'Es wurde nichts bestätigt',
      text: 'Es wurde abgebrochen, dauerte zu lange, oder auf dem Gerät fand sich kein Passkey für diesen Ort. Versuchen Sie es noch einmal oder wählen Sie einen anderen Weg.',
    },
    passkeyUnmade: {
      title: 'Es wurde kein Passkey angelegt',
      text: 'Es wurde abgebrochen oder dauerte zu lange. Versuchen Sie es noch einmal oder wählen Sie etwas anderes.',
    },
    passkeyExists: {
      title: 'Dieses Gerät hat schon einen Passkey',
      text: 'Für dieses Konto liegt dort bereits einer. Sie brauchen keinen zweiten: Gehen Sie zurück und verwenden Sie ihn, oder nehmen Sie ein anderes Gerät oder einen Sicherheitsschlüssel.',
    },
    passkeyUnsupported: {
      title: 'Das geht auf diesem Gerät nicht',
      text: 'Browser oder Gerät kennen keine Passkeys der verlangten Art. Wählen Sie einen anderen Weg oder öffnen Sie die Seite auf einem neueren Gerät.',
    },
    passkeyFailed: {
      title: 'Das Gerät gab keinen Passkey heraus',
      text: 'Zwischen dieser Seite und dem Gerät passte etwas nicht. Wählen Sie einen anderen Weg, und sagen Sie denen Bescheid, die Sie hierher geschickt haben, wenn es wieder geschieht.',
    },
    over: {
      title: 'Dieser Link gilt nicht mehr',
      text: 'Er wurde schon benutzt, oder seine Zeit ist abgelaufen. Gehen Sie dorthin zurück, woher Sie kamen, und beginnen Sie neu.',
    },
    cancelledSignIn: {
      title: 'Sie sind nicht angemeldet',
      text: 'Es wurde abgebrochen, dauerte zu lange, oder auf dem Gerät fand sich kein Passkey für diesen Ort. Versuchen Sie es noch einmal.',
    },
    refusedSignIn: {
      title: 'Der Passkey wurde nicht angenommen',
      text: 'Er gilt hier nicht. Versuchen Sie einen anderen oder fragen Sie die Betreiber.',
    },
    overSignIn: {
      title: 'Die Zeit ist abgelaufen',
      text: 'Diese Seite war so lange offen, dass sie nicht mehr gilt. Versuchen Sie es noch einmal.',
    },
    elsewhere: {
      title: 'Dieser Link ist in einem anderen Browser geöffnet',
      text: 'Zu Ihrer Sicherheit gilt er nur in dem Browser, der ihn zuerst geöffnet hat, mit erlaubten Cookies. Machen Sie dort weiter, oder gehen Sie zurück und beginnen Sie neu.',
    },
    unknown: {
      title: 'Dieser Link funktioniert nicht',
      text: 'Vielleicht ist er unvollständig. Öffnen Sie ihn noch einmal dort, woher Sie ihn haben, oder beginnen Sie dort neu.',
    },
    keyOver: {
      title: 'Dieser Schlüssel gilt nicht mehr',
      text: 'Er zählt nicht mehr. Erzeugen Sie einen neuen und scannen Sie diesen.',
    },
    stepUp: {
      title: 'Melden Sie sich neu an',
      text: 'Ihre Anmeldung liegt dafür zu lange zurück. Gehen Sie zurück, melden Sie sich neu an und beginnen Sie von vorn.',
    },
    ended: {
      title: 'Hier geht es nicht weiter',
      text: 'Es wurde auf Ihrem Telefon beendet, es waren zu viele falsche Codes, oder die Zeit ist abgelaufen. Gehen Sie zurück und beginnen Sie neu.',
    },
    conflict: {
      title: 'Das geht im Moment nicht',
      text: 'Vielleicht haben Sie schon so viele Authenticatoren wie erlaubt, oder Ihr Konto ist gesperrt. Gehen Sie zurück und bitten Sie dort um Hilfe.',
    },
    insecure: {
      title: 'Diese Verbindung ist nicht sicher',
      text: 'Schlüssel werden nur über eine verschlüsselte Verbindung erzeugt. Öffnen Sie den Link mit https:// oder sagen Sie denen Bescheid, die Sie hierher geschickt haben.',
    },
    unsealed: {
      title: 'Der Schlüssel ließ sich nicht öffnen',
      text: 'Was ankam, war nicht für diese Seite versiegelt. Erzeugen Sie einen neuen Schlüssel. Geschieht es wieder, sagen Sie denen Bescheid, die Sie hierher geschickt haben.',
    },
    failed: {
      title: 'Etwas ist schiefgegangen',
      text: 'Es liegt nicht an Ihnen, und es wurde nichts erlaubt. Versuchen Sie es erneut. Geschieht es wieder, gehen Sie zurück und bitten Sie dort um Hilfe.',
    },
  },
};
