import type { Words } from './catalogue';

/** German. */
export const de: Words = {
  loading: 'Einen Moment …',
  cancel: 'Abbrechen',
  tryAgain: 'Erneut versuchen',
  goBack: 'Zurück',
  goBackTo: (application) => `Zurück zu ${application}`,
  safety:
    'Niemand fragt Sie je am Telefon, per E-Mail oder im Chat nach diesen Codes. Wer es tut, will Sie betrügen.',

  proveTitle: 'Bestätigen Sie, dass Sie es sind',
  proveIntro: (application) => `${application} braucht einen Code, bevor es weitergeht.`,
  proveBeforeAdding:
    'Sie haben bereits einen Authenticator. Weisen Sie sich zuerst damit aus, dann fügen Sie einen weiteren hinzu.',
  whatYouConfirm: 'Was Sie bestätigen',
  action: 'Vorgang',
  appCodeLabel: 'Code aus Ihrer Authenticator-App',
  appCodeHint: 'Öffnen Sie die App auf Ihrem Telefon und geben Sie die angezeigten Ziffern ein.',
  backupCodeLabel: 'Ersatzcode',
  backupCodeHint: 'Einer der Codes, die Sie aufbewahrt haben, etwa 7Q3W-9K2M-X4TZ. Jeder gilt einmal.',
  useBackupCode: 'Stattdessen einen Ersatzcode verwenden',
  useApp: 'Stattdessen die Authenticator-App verwenden',
  confirm: 'Bestätigen',
  checking: 'Wird geprüft …',
  codeMissing: 'Geben Sie zuerst den Code ein.',
  codeIncomplete: 'Der Code ist noch nicht vollständig. Er hat mindestens sechs Ziffern.',
  backupCodeIncomplete: 'Der Ersatzcode ist noch nicht vollständig. Er hat zwölf Buchstaben und Ziffern.',

  chooseTitle: 'Schützen Sie Ihr Konto',
  chooseIntro: (application) =>
    `Mit einem zweiten Schritt reicht ein gestohlenes Passwort nicht aus, um in Ihr Konto bei ${application} zu kommen.`,
  chooseLegend: 'Wählen Sie Ihren zweiten Schritt',
  recommended: 'Empfohlen',
  factors: {
    totp: {
      name: 'Authenticator-App',
      why: 'Ihr Telefon erzeugt die Codes selbst. Sie gelten auch ohne Empfang, und es gibt keine Nachricht, die man abfangen könnte.',
    },
  },
  chooseHelp:
    'Sie brauchen eine Authenticator-App auf Ihrem Telefon. Falls Sie keine haben, installieren Sie zuerst eine aus Ihrem App-Store: Jede für zeitbasierte Codes (TOTP) ist geeignet.',
  noFactors: 'Im Moment gibt es hier nichts, was Sie einrichten könnten.',
  preparing: 'Ihr Schlüssel wird erzeugt …',

  viewTitle: 'Verbinden Sie Ihre Authenticator-App',
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
    'Wenn Sie Ihr Telefon verlieren, kommen Sie mit jedem dieser Codes einmal hinein. Sie werden nur jetzt gezeigt.',
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
  enrolledTitle: 'Ihre Authenticator-App ist bereit',
  enrolledText: 'Halten Sie ab jetzt beim Anmelden Ihr Telefon bereit.',
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
    waiting: { title: 'Bitte warten Sie kurz', text: 'Es waren zu viele Versuche. Gleich geht es weiter.' },
    offline: {
      title: 'Keine Verbindung',
      text: 'Der Server hat nicht geantwortet. Prüfen Sie Ihre Verbindung und versuchen Sie es erneut: Es ist nichts verloren.',
    },
    busy: {
      title: 'Im Moment nicht verfügbar',
      text: 'Der Server ist ausgelastet. Es wurde nichts geändert. Versuchen Sie es gleich noch einmal.',
    },
    over: {
      title: 'Dieser Link gilt nicht mehr',
      text: 'Er wurde schon benutzt, oder seine Zeit ist abgelaufen. Gehen Sie dorthin zurück, woher Sie kamen, und beginnen Sie neu.',
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
      text: 'Es waren zu viele falsche Codes, oder die Zeit ist abgelaufen. Gehen Sie zurück und beginnen Sie neu.',
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
