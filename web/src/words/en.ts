/** English: what the other languages are translated from, and the type that they have to fit. */
export const en = {
  loading: 'One moment…',
  cancel: 'Cancel',
  tryAgain: 'Try again',
  goBack: 'Go back',
  goBackTo: (application: string) => `Go back to ${application}`,
  safety: 'Nobody will ever ask you for a code by phone, e-mail or chat. If somebody does, it is a fraud.',

  signInTitle: 'Sign in',
  signInIntro: 'Your passkey is all that you need. You sign in at',
  signInAct: 'Sign in with a passkey',
  signInNone:
    'No passkey yet? Ask those who run this place, in the way in which you always reach them: they send you a link by which you make one.',
  signedInTitle: 'You are signed in',

  proveTitle: 'Confirm that it is you',
  proveIntro: (application: string) => `${application} needs to know that it is you before it goes on.`,
  proveBeforeAdding: 'You have a second step already. Confirm with it first, then add another.',
  proveBeforeChange: 'Show that it is you before anything is changed.',
  proveBeforeDeciding: 'Show that it is you. What you said counts once you have.',
  deciding: 'Your decision',
  decides: { approve: 'Approve', reject: 'Reject' },
  asked: { about: 'About', display_name: 'Name', workflow: 'Workflow', message: 'What is asked' },
  whatYouConfirm: 'What you confirm',
  action: 'Action',
  confirm: 'Confirm',
  checking: 'Checking…',
  codeMissing: 'Type the code first.',
  codeIncomplete: 'That is not a whole code yet. It has at least six digits.',
  backupCodeIncomplete: 'That is not a whole backup code yet. It has twelve letters and digits.',

  kinds: {
    webauthn: 'Passkey',
    push: 'Approval on your phone',
    totp: 'Authenticator app',
    hotp: 'Hardware token',
    sms: 'Text message',
    email: 'E-mail',
    backup_codes: 'Backup code',
  },
  asks: {
    webauthn: {
      text: 'Your device asks for your fingerprint, face or PIN, or for your security key.',
      act: 'Use your passkey',
    },
    push: {
      text: 'The authenticator app on your phone shows what is asked, and you approve it there.',
      act: 'Ask my phone',
    },
    sms: { text: 'You get a text message with a code.', act: 'Send me a code' },
    email: { text: 'You get an e-mail with a code.', act: 'Send me a code' },
  },
  sendsTo: (to: string) => `It goes to ${to}.`,
  fields: {
    totp: {
      label: 'Code from your authenticator app',
      hint: 'Open the app on your phone and type the digits that it shows.',
    },
    hotp: {
      label: 'Code from your hardware token',
      hint: 'Press its button and type the digits that it shows.',
    },
    sms: {
      label: 'Code from the text message',
      hint: 'It was sent just now, and is valid for a few minutes.',
    },
    email: { label: 'Code from the e-mail', hint: 'It was sent just now. Look among unwanted mail as well.' },
    backup_codes: {
      label: 'Backup code',
      hint: 'One of the codes that you kept, such as 7Q3W-9K2M-X4TZ. Each works once.',
    },
  },
  sentTo: (to: string) => `Sent to ${to}.`,
  sendAgain: 'Send again',
  sendAgainIn: (time: string) => `Send again in ${time}`,
  sendNoMore: 'No further code is sent. If none arrives, choose another way.',
  deviceAsks: 'Follow what your device asks…',
  pushNumber: 'Type this number on your phone',
  pushHow: 'Open the request in the app, see that it says the same as this page, and type the number there.',
  pushConnectHow: 'The app there asks for it. Once it is typed, this page goes on by itself.',
  pushWaiting: 'Waiting for your phone…',
  pushDeniedTitle: 'It was denied on your phone',
  pushDenied:
    'Nothing was confirmed. If it was not you who denied it, somebody else holds your phone: choose another way and report it lost.',
  pushOverTitle: 'No answer came in time',
  pushOver:
    'A request is valid for a short time only. Take your phone in your hand, then have it asked again.',
  askAgain: 'Ask again',
  otherWays: 'Or choose another way',
  nothingLeft: 'I have none of these any more',
  lostTitle: 'How to get back in',
  lostCodesTitle: 'Do you have a backup code?',
  lostCodes: 'It is one of the codes that you kept when you set up your second step. Each gets you in once.',
  useBackupCode: 'Use a backup code',
  lostAskTitle: 'If you have nothing left',
  lostAsk: (application: string) =>
    `Go back and ask ${application} for help, in the way in which you always reach them. They can make sure that it is you and let you set up a new second step.`,
  backToWays: 'Back to the ways to confirm',

  chooseTitle: 'Protect your account',
  chooseIntro: (application: string) =>
    `With a second step, a stolen password is not enough to get into your account at ${application}.`,
  chooseLegend: 'Choose your second step',
  recommended: 'Recommended',
  factors: {
    webauthn: {
      name: 'Passkey',
      why: 'Your fingerprint, face or PIN, or a security key. There is nothing to type, and no false website can get it out of you.',
      whom: 'For everybody with a recent phone or computer.',
    },
    push: {
      name: 'Approval on your phone',
      why: 'An app on your phone shows what is asked. You type a number that stands on the screen here, and approve.',
      whom: 'For those who confirm often.',
    },
    totp: {
      name: 'Authenticator app',
      why: 'Your phone makes the codes by itself. They work without reception, and there is no message to intercept.',
      whom: 'For every phone on which apps can be installed.',
    },
    hotp: {
      name: 'Hardware token',
      why: 'A small device that shows a code when you press its button.',
      whom: 'For those who were given one.',
    },
    sms: {
      name: 'Text message',
      why: 'A code comes to your mobile number. Better than a password alone, but messages can be intercepted and numbers taken over.',
      whom: 'For those who can use nothing stronger.',
    },
    email: {
      name: 'E-mail',
      why: 'A code comes to your mailbox. It protects you no better than the mailbox is protected itself.',
      whom: 'For those who can use nothing stronger.',
    },
  },
  weaker: 'Weaker',
  chooseHelp:
    'For “Authenticator app” you need such an app on your phone. If you have none, install one from your app store first: any that makes time-based codes (TOTP) will do.',
  noFactors: 'There is nothing that you could set up here just now.',
  otherFactor: 'Choose something else',
  details: {
    sms: {
      title: 'Where do the codes go?',
      label: 'Mobile number',
      hint: 'With the country, such as +44\u00a07700\u00a0900123.',
      act: 'Send me a code',
      missing: 'That is not a whole number yet. Begin with + and the country, such as +44.',
    },
    email: {
      title: 'Where do the codes go?',
      label: 'E-mail address',
      hint: 'Of a mailbox that only you can open.',
      act: 'Send me a code',
      missing: 'That is not a whole address yet. It looks like ana@example.org.',
    },
    hotp: {
      title: 'Which token is it?',
      label: 'Serial number',
      hint: 'It stands on the back, often beside a bar code.',
      act: 'Continue',
      missing: 'Type the serial number first.',
    },
  },
  strongerTitle: 'There is something stronger',
  strongerText:
    'Messages can be intercepted, and people are tricked into passing their codes on. What follows is as quick, and safe from that.',
  strongerAfter: 'What you have set up works from now on. It takes half a minute to add something better.',
  takeInstead: (factor: string) => `Take this instead: ${factor}`,
  notNow: 'Not now',

  viewTitles: {
    webauthn: 'Make your passkey',
    push: 'Connect your phone',
    totp: 'Connect your authenticator app',
    hotp: 'Try your hardware token',
    sms: 'Type the code from the message',
    email: 'Type the code from the e-mail',
  },
  passkeyMake:
    'Your device asks where to keep the passkey and then for your fingerprint, face or PIN. A security key can be plugged in or held to the phone.',
  passkeyMakeAct: 'Make the passkey',
  pushScan: 'Scan this with the camera of your phone',
  pushScanHint: 'It opens the authenticator app there. Follow what it says; this page goes on by itself.',
  pushOpen: 'Open the authenticator app on this phone',
  pushOrScan: 'Or scan this with the camera of another phone',
  pushQrAlt: 'QR code that connects your phone',
  pushHiddenTitle: 'The code to scan is over',
  pushHidden: 'It is valid for a short time only. Have a new one made.',
  pushNew: 'Make a new one',
  tokenTry: 'Press the button of the token and type the digits that it shows.',
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
  backupIntro:
    'If you cannot use your second step, each of these codes gets you in once. They are shown only now.',
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
  enrolledTitles: {
    webauthn: 'Your passkey is ready',
    push: 'Your phone is connected',
    totp: 'Your authenticator app is ready',
    hotp: 'Your hardware token is ready',
    sms: 'Your number is ready',
    email: 'Your mailbox is ready',
  },
  enrolledTexts: {
    webauthn: 'From now on, your device is all you need as a second step.',
    push: 'From now on, have your phone at hand when you sign in.',
    totp: 'From now on, have your phone at hand when you sign in.',
    hotp: 'From now on, have your token at hand when you sign in.',
    sms: 'From now on, a code comes to your number when you sign in.',
    email: 'From now on, a code comes to your mailbox when you sign in.',
  },
  leftTitle: 'All done',
  leftText: 'Your changes are saved.',
  decided: { approve: 'Approved', reject: 'Rejected' },
  decidedText: 'What you said was counted.',
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
    refusedSent: {
      title: 'That code did not work',
      text: 'It must be the newest one, and each is valid for a few minutes. Check it digit by digit, or have another one sent.',
    },
    refusedToken: {
      title: 'That code did not work',
      text: 'Each code works once. Press the button again and type the next one.',
    },
    refusedPasskey: {
      title: 'That passkey did not work',
      text: 'It was not accepted here. Try once more, or choose another way.',
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
    gateway: {
      title: 'It could not be sent just now',
      text: 'Messages do not get through at the moment. Try again a little later, or choose another way: nothing is lost.',
    },
    heldBack: {
      title: 'Your phone is not asked just now',
      text: 'It was asked several times, and nobody approved. Choose another way, or try again later. If it was not you who asked, change your password.',
    },
    sentAlready: {
      title: 'It was sent already',
      text: 'Look for the latest message: its code is the one that counts. You can have another one sent in a little while.',
    },
    notConnected: {
      title: 'Your phone was not connected',
      text: 'Another number was typed there, or the request was denied or not answered. Choose it again to try once more.',
    },
    badNumber: {
      title: 'Nothing can be sent to that number',
      text: 'It may have a digit too many or too few, or be no mobile number. Begin with + and the country, such as +44.',
    },
    blocked: {
      title: 'No messages are sent to that country',
      text: 'That was decided to keep fraud out. Choose another way, or a number of another country.',
    },
    badAddress: {
      title: 'Nothing can be sent to that address',
      text: 'Check it letter by letter. It looks like ana@example.org.',
    },
    badSerial: {
      title: 'There is no free token of that number',
      text: 'Check it digit by digit. If it is right, somebody else may have that token: ask those who gave it to you.',
    },
    passkeyCancelled: {
      title: 'Nothing was confirmed',
      text: 'It was called off, took too long, or no passkey for this place was found on the device. Try again, or choose another way.',
    },
    passkeyUnmade: {
      title: 'No passkey was made',
      text: 'It was called off, or took too long. Try again, or choose something else.',
    },
    passkeyExists: {
      title: 'This device has a passkey already',
      text: 'There is one for this account on it. You need no second one: go back and use it, or take another device or security key.',
    },
    passkeyUnsupported: {
      title: 'That does not work on this device',
      text: 'The browser or the device knows no passkeys of the kind that is asked for. Choose another way, or open the page on a newer device.',
    },
    passkeyFailed: {
      title: 'The device gave no passkey',
      text: 'Something did not fit between this page and the device. Choose another way, and tell those who sent you here if it happens again.',
    },
    over: {
      title: 'This link is over',
      text: 'It was used already, or its time has run out. Go back to where you came from and begin again there.',
    },
    cancelledSignIn: {
      title: 'You are not signed in',
      text: 'It was called off, took too long, or no passkey for this place was found on the device. Try again.',
    },
    refusedSignIn: {
      title: 'That passkey did not work',
      text: 'It is not accepted here. Try another one, or ask those who run this place.',
    },
    overSignIn: {
      title: 'Time is up',
      text: 'This page was open for so long that it counts for nothing any more. Try again.',
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
      text: 'It was stopped on your phone, there were too many wrong codes, or the time has run out. Go back and begin again.',
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
