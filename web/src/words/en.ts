/** English: what the other languages are translated from, and the type that they have to fit. */
export const en = {
  loading: 'One moment…',
  cancel: 'Cancel',
  tryAgain: 'Try again',
  goBack: 'Go back',
  goBackTo: (application: string) => `Go back to ${application}`,
  safety:
    'Nobody will ever ask you for these codes by phone, e-mail or chat. If somebody does, it is a fraud.',

  proveTitle: 'Confirm that it is you',
  proveIntro: (application: string) => `${application} needs a code before it goes on.`,
  proveBeforeAdding: 'You have an authenticator already. Prove it first, then add another.',
  whatYouConfirm: 'What you confirm',
  action: 'Action',
  appCodeLabel: 'Code from your authenticator app',
  appCodeHint: 'Open the app on your phone and type the digits that it shows.',
  backupCodeLabel: 'Backup code',
  backupCodeHint: 'One of the codes that you kept, such as 7Q3W-9K2M-X4TZ. Each works once.',
  useBackupCode: 'Use a backup code instead',
  useApp: 'Use the authenticator app instead',
  confirm: 'Confirm',
  checking: 'Checking…',
  codeMissing: 'Type the code first.',
  codeIncomplete: 'That is not a whole code yet. It has at least six digits.',
  backupCodeIncomplete: 'That is not a whole backup code yet. It has twelve letters and digits.',

  chooseTitle: 'Protect your account',
  chooseIntro: (application: string) =>
    `With a second step, a stolen password is not enough to get into your account at ${application}.`,
  chooseLegend: 'Choose your second step',
  recommended: 'Recommended',
  factors: {
    totp: {
      name: 'Authenticator app',
      why: 'Your phone makes the codes by itself. They work without reception, and there is no message to intercept.',
    },
  },
  chooseHelp:
    'You need an authenticator app on your phone. If you have none, install one from your app store first: any that makes time-based codes (TOTP) will do.',
  noFactors: 'There is nothing that you could set up here just now.',
  preparing: 'Making your key…',

  viewTitle: 'Connect your authenticator app',
  scanTitle: 'Scan this with the app',
  scanHint: 'In the app, choose “add” or “+”, then “scan a QR code”.',
  qrAlt: 'QR code that connects your authenticator app',
  openInApp: 'Open in the app on this phone',
  orScan: 'Or scan this with the app on another phone',
  typeInstead: 'Cannot scan? Type the key',
  typeHint: 'Choose “enter a key” in the app, and type or paste this. The kind is “time-based”.',
  keyLabel: 'Key',
  copyKey: 'Copy the key',
  copied: 'Copied.',
  copyFailed: 'Could not copy. Select the text and copy it yourself.',
  hiddenIn: (time: string) => `Hidden again in ${time}`,
  hiddenSoon: 'The key will be hidden in one minute.',
  hiddenTitle: 'The key is hidden',
  hiddenText:
    'It is shown once and only for a short time, so that nobody else gets to see it. If your app has it, type its code below. If not, have a new one made.',
  newKey: 'Make a new key',
  confirmTitle: 'Type the code that the app shows',
  finishSetup: 'Confirm the code',

  backupTitle: 'Keep your backup codes',
  backupIntro: 'If you lose your phone, each of these codes gets you in once. They are shown only now.',
  backupList: 'Backup codes',
  copyCodes: 'Copy',
  download: 'Download',
  print: 'Print',
  downloaded: 'Saved to your downloads.',
  kept: 'I have kept them in a safe place',
  keptFirst: 'Keep the codes first, then tick the box.',
  goOn: 'Continue',
  backupFileName: 'backup-codes',
  backupHeading: (application: string) => `Backup codes for ${application}`,
  backupNote: 'Each code works once. Keep them where only you can get at them.',

  provedTitle: 'Confirmed',
  enrolledTitle: 'Your authenticator app is ready',
  enrolledText: 'From now on, have your phone at hand when you sign in.',
  cancelledTitle: 'Cancelled',
  cancelledText: 'Nothing was changed.',
  goingBack: (application: string) => `Taking you back to ${application}…`,
  closeWindow: (application: string) => `You can close this window and go back to ${application}.`,

  troubles: {
    refused: {
      title: 'That code did not work',
      text: 'Each code works once and only for a short time. Wait for the next one and check that it is the right account in the app.',
    },
    refusedBackup: {
      title: 'That backup code did not work',
      text: 'Each one works once. Check it letter by letter, or take the next one.',
    },
    refusedOften: {
      title: 'Still not accepted',
      text: 'After several wrong codes you have to wait a while. Give it a few minutes and see that your phone sets its clock by itself, or use a backup code.',
    },
    waiting: {
      title: 'Please wait a little',
      text: 'There were too many tries. You can go on in a few minutes.',
    },
    offline: {
      title: 'No connection',
      text: 'The server did not answer. Check your connection, then try again: nothing is lost.',
    },
    busy: {
      title: 'Not available just now',
      text: 'The server is busy. Nothing was changed. Try again in a moment.',
    },
    over: {
      title: 'This link is over',
      text: 'It was used already, or its time has run out. Go back to where you came from and begin again there.',
    },
    elsewhere: {
      title: 'This link is open in another browser',
      text: 'To keep you safe, it works only in the browser that opened it first, with cookies allowed. Go on there, or go back to where you came from and begin again.',
    },
    unknown: {
      title: 'This link does not work',
      text: 'It may be incomplete. Open it once more from where you got it, or begin again there.',
    },
    keyOver: {
      title: 'That key is over',
      text: 'It counts for nothing any more. Make a new one and scan that.',
    },
    stepUp: {
      title: 'Sign in again',
      text: 'Your sign-in is not fresh enough for this. Go back, sign in again and start over.',
    },
    ended: {
      title: 'This cannot go on',
      text: 'There were too many wrong codes, or the time has run out. Go back and begin again.',
    },
    conflict: {
      title: 'That cannot be done now',
      text: 'You may have as many authenticators as are allowed, or your account is on hold. Go back, and ask for help there.',
    },
    insecure: {
      title: 'This connection is not secure',
      text: 'Keys are made only over an encrypted connection. Open the link with https:// or tell those who sent you here.',
    },
    unsealed: {
      title: 'The key could not be opened',
      text: 'What arrived was not sealed for this page. Make a new key. If it happens again, tell those who sent you here.',
    },
    failed: {
      title: 'Something went wrong',
      text: 'It is not your fault, and nothing was allowed. Try again. If it happens again, go back and ask for help there.',
    },
  },
};
