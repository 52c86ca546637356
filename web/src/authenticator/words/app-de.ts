import type { Words } from './catalogue';

export const de: Words = {
  name: 'Authenticator',
  loading: 'Einen Moment …',
  back: 'Zurück',
  cancel: 'Abbrechen',
  done: 'Fertig',
  tryAgain: 'Noch einmal versuchen',
  safety:
    'Bestätigen Sie nur, was Sie gerade selbst begonnen haben. Wenn jemand Sie auffordert zu bestätigen, ist es Betrug.',

  emptyTitle: 'Mit diesem Telefon bestätigen',
  emptyText:
    'Verbinden Sie ein Konto, dann fragt diese App Sie hier, bevor jemand hineinkommt. Der Schlüssel, der bestätigt, entsteht auf diesem Telefon und lässt sich nicht kopieren.',
  addAccount: 'Konto verbinden',
  accountsTitle: 'Ihre Konten',
  nothingWaits: 'Es wartet nichts auf Sie.',
  listening: 'Bereit. Was Sie anderswo beginnen, erscheint hier.',
  addAnother: 'Weiteres Konto verbinden',
  historyLink: 'Was bisher gefragt wurde',
  lines: {
    connecting: 'Verbindet …',
    live: 'Bereit',
    polling: 'Bereit',
    offline: 'Keine Verbindung',
    disconnected: 'Nicht mehr verbunden',
  },
  unfinished: 'Nicht abgeschlossen',

  wakeTitle: 'Benachrichtigungen sind aus',
  wakeText: 'Schalten Sie sie ein, oder lassen Sie diese App offen, während Sie sich anderswo anmelden.',
  wakeOn: 'Benachrichtigungen einschalten',
  wakeRefused: 'Sie sind für diese Website gesperrt. Erlauben Sie sie in den Einstellungen Ihres Browsers.',
  wakeInstall:
    'Legen Sie diese App zuerst auf den Home-Bildschirm: im Teilen-Menü „Zum Home-Bildschirm“. Öffnen Sie sie dann dort.',
  wakeFailed:
    'Sie ließen sich nicht einschalten. Versuchen Sie es später; lassen Sie bis dahin diese App offen, während Sie sich anmelden.',
  lockTitle: 'Diese App sperren',
  lockText: 'Vor jeder Bestätigung nach Gesicht, Finger oder Bildschirmsperre fragen.',
  lockOn: 'Sperre einschalten',
  lockOff: 'Sperre ausschalten',
  lockIsOn: 'Die Sperre ist an.',

  addTitle: 'Konto verbinden',
  addText:
    'Wählen Sie dort, wo Sie sich anmelden, eine Authenticator-App hinzuzufügen, die bestätigt. Dort erscheint ein QR-Code.',
  scan: 'QR-Code scannen',
  scanning: 'Halten Sie die Kamera über den QR-Code.',
  cameraLabel: 'Was die Kamera sieht',
  stopScanning: 'Kamera anhalten',
  cameraDenied:
    'Die Kamera lässt sich nicht benutzen. Erlauben Sie sie in den Einstellungen Ihres Browsers, oder fügen Sie den Link ein.',
  cannotScan:
    'Öffnen Sie die Kamera des Telefons und halten Sie sie über den QR-Code, oder fügen Sie den Link ein, der daneben steht.',
  linkLabel: 'Oder den Link einfügen',
  linkHint: 'Er beginnt mit https:// und enthält „authenticator“.',
  linkWrong: 'Das ist kein Link, der ein Konto verbindet.',
  linkElsewhere: (host) => `Dieser Link ist für ${host}. Öffnen Sie ihn dort:`,
  openThere: (host) => `${host} öffnen`,
  goOn: 'Weiter',

  connectTitle: 'Dieses Telefon verbinden?',
  connectText: (host) =>
    `Dieses Telefon bestätigt dann für ein Konto bei ${host}. Fahren Sie nur fort, wenn Sie jene Seite selbst geöffnet haben.`,
  nameLabel: 'Wie dieses Telefon heißen soll',
  nameHint: 'An diesem Namen erkennen Sie es, wenn Sie es verlieren.',
  nameMissing: 'Geben Sie ihm zuerst einen Namen.',
  defaultName: 'Mein Telefon',
  connect: 'Verbinden',
  connecting: 'Verbindet …',
  waitTitle: 'Schauen Sie auf den anderen Bildschirm',
  waitText: 'Gleich erscheint dort eine Zahl. Sie tippen sie hier ein, dann ist das Konto verbunden.',

  promptTitle: (application) => `${application} fragt`,
  promptText: 'Sind Sie es, der das gerade tut?',
  connectPromptTitle: 'Tippen Sie die Zahl ein',
  connectPromptText: 'Die Seite, auf der Sie dieses Konto verbinden, zeigt eine Zahl.',
  facts: 'Was gefragt wird',
  account: 'Konto',
  action: 'Vorgang',
  from: 'Gefragt von',
  time: 'Uhrzeit',
  timeLeft: (time) => `Noch ${time}`,
  timeShort: 'Noch eine halbe Minute.',
  numberLabel: 'Zahl auf dem anderen Bildschirm',
  numberHint: 'Keine Zahl vor Ihnen? Dann fragt jemand anderes.',
  numberMissing: 'Tippen Sie zuerst die ganze Zahl vom anderen Bildschirm ein.',
  deleteDigit: 'Eine Ziffer löschen',
  approve: 'Bestätigen',
  deny: 'Ablehnen',
  notMe: 'Das war ich nicht',
  sending: 'Wird gesendet …',
  unlockFailed: {
    title: 'Noch gesperrt',
    text: 'Dieses Telefon konnte nicht sehen, dass Sie es sind. Versuchen Sie es noch einmal.',
  },
  reportTitle: 'Melden?',
  reportText:
    'Vielleicht kennt jemand Ihr Passwort. Eine Meldung hält ihn sofort auf und sagt denen Bescheid, die sich um Ihr Konto kümmern.',
  report: 'Ja, melden',
  updateTitle: 'Diese App ist veraltet',
  updateText:
    'Sie versteht nicht, was gefragt wird. Schließen und öffnen Sie sie neu; bis dahin können Sie nur ablehnen.',
  moreWait: 'Danach wartet noch eine Frage.',

  outcomes: {
    approved: { title: 'Bestätigt', text: 'Am anderen Bildschirm geht es weiter.' },
    denied: { title: 'Abgelehnt', text: 'Es wurde nichts erlaubt.' },
    reported: {
      title: 'Gemeldet',
      text: 'Es wurde angehalten, und die sich um Ihr Konto kümmern, wissen Bescheid. Ändern Sie jetzt Ihr Passwort: Vielleicht kennt es jemand.',
    },
    mismatched: {
      title: 'Das war nicht die Zahl',
      text: 'Es wurde nichts erlaubt. Waren Sie es, dann beginnen Sie am anderen Bildschirm von vorn. Wenn nicht, melden Sie es dort und ändern Sie Ihr Passwort.',
    },
    withdrawn: { title: 'Nicht mehr nötig', text: 'Es wurde anders erledigt oder zurückgenommen.' },
    expired: {
      title: 'Zu spät',
      text: 'Die Zeit ist abgelaufen, es wurde nichts erlaubt. Beginnen Sie am anderen Bildschirm von vorn.',
    },
  },
  connectedTitle: 'Dieses Telefon ist verbunden',
  connectedText: (application) => `Von jetzt an fragt ${application} Sie hier.`,
  notConnectedTitle: 'Nicht verbunden',
  notConnectedText: 'Beginnen Sie am anderen Bildschirm von vorn und scannen Sie einen neuen Code.',

  historyTitle: 'Was bisher gefragt wurde',
  historyEmpty: 'Noch nichts.',
  historyNote: 'Diese Liste steht nur auf diesem Telefon.',
  history: {
    approved: 'Bestätigt',
    denied: 'Abgelehnt',
    reported: 'Gemeldet',
    mismatched: 'Falsche Zahl',
    withdrawn: 'Nicht mehr nötig',
    expired: 'Verpasst',
  },

  server: 'Server',
  thisPhone: 'Dieses Telefon',
  since: 'Verbunden',
  remove: 'Von diesem Telefon entfernen',
  removeTitle: 'Dieses Konto entfernen?',
  removeText:
    'Dieses Telefon kann dann nicht mehr dafür bestätigen. Vergewissern Sie sich, dass Sie einen anderen Weg hinein haben, und entfernen Sie es auch auf Ihrer Sicherheitsseite.',
  removeYes: 'Entfernen',
  disconnectedText:
    'Der Server kennt dieses Telefon nicht mehr: Es wurde entfernt oder als verloren gemeldet. Verbinden Sie es neu, wenn Sie es benutzen möchten.',

  troubles: {
    offline: {
      title: 'Keine Verbindung',
      text: 'Der Server hat nicht geantwortet. Prüfen Sie Ihre Verbindung und versuchen Sie es noch einmal.',
    },
    busy: {
      title: 'Gerade nicht verfügbar',
      text: 'Der Server ist ausgelastet. Versuchen Sie es gleich noch einmal.',
    },
    linkOver: {
      title: 'Dieser Link gilt nicht mehr',
      text: 'Er wurde schon benutzt, oder seine Zeit ist um. Waren es nicht Sie, der ihn benutzt hat, sagen Sie es denen, die sich um Ihr Konto kümmern. Einen neuen gibt es am anderen Bildschirm.',
    },
    disconnected: {
      title: 'Nicht mehr verbunden',
      text: 'Der Server kennt dieses Telefon nicht mehr. Verbinden Sie es am anderen Bildschirm neu.',
    },
    wrongNumber: { title: 'Das war nicht die Zahl', text: 'Es wurde nichts erlaubt.' },
    over: { title: 'Zu spät', text: 'Diese Frage ist vorbei.' },
    noKeys: {
      title: 'Kein Schlüssel entstanden',
      text: 'Dieser Browser bewahrt hier keine Schlüssel auf. Nehmen Sie einen aktuellen, über https:// und nicht in einem privaten Fenster.',
    },
    failed: { title: 'Etwas ging schief', text: 'Es wurde nichts erlaubt. Versuchen Sie es noch einmal.' },
  },
  brokenTitle: 'Hier lässt sich nichts aufbewahren',
  brokenText:
    'Dieser Browser bewahrt für diese App nichts auf. Nehmen Sie ein Fenster, das nicht privat ist, und sorgen Sie für freien Speicher.',
};
