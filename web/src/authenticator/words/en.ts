/** English: what the other languages are translated from, and the type that they have to fit. */
export const en = {
  name: 'Authenticator',
  loading: 'One moment…',
  back: 'Back',
  cancel: 'Cancel',
  done: 'Done',
  tryAgain: 'Try again',
  safety: 'Approve only what you started yourself, just now. If anybody tells you to approve, it is a fraud.',

  emptyTitle: 'Approve with this phone',
  emptyText:
    'Connect an account, and this app asks you here before anybody gets into it. The key that approves is made on this phone and cannot be copied.',
  addAccount: 'Connect an account',
  accountsTitle: 'Your accounts',
  nothingWaits: 'Nothing waits for you.',
  listening: 'Ready. What you start elsewhere shows up here.',
  addAnother: 'Connect another account',
  historyLink: 'What was asked so far',
  lines: {
    connecting: 'Connecting…',
    live: 'Ready',
    polling: 'Ready',
    offline: 'No connection',
    disconnected: 'Not connected any more',
  },
  unfinished: 'Not finished',

  wakeTitle: 'Notifications are off',
  wakeText: 'Turn them on, or keep this app open while you sign in elsewhere.',
  wakeOn: 'Turn on notifications',
  wakeRefused: 'They are blocked for this site. Allow them in the settings of your browser.',
  wakeInstall:
    'Add this app to your home screen first: in the share menu, “Add to Home Screen”. Then open it there.',
  wakeFailed:
    'They could not be turned on. Try again later; until then keep this app open while you sign in.',
  lockTitle: 'Lock this app',
  lockText: 'Ask for your face, your finger or the screen lock before anything is approved.',
  lockOn: 'Turn on the lock',
  lockOff: 'Turn off the lock',
  lockIsOn: 'The lock is on.',

  addTitle: 'Connect an account',
  addText: 'Where you sign in, choose to add an authenticator app that approves. It shows a QR code.',
  scan: 'Scan the QR code',
  scanning: 'Hold the camera over the QR code.',
  cameraLabel: 'What the camera sees',
  stopScanning: 'Stop the camera',
  cameraDenied:
    'The camera cannot be used. Allow it in the settings of your browser, or paste the link instead.',
  cannotScan:
    'Open the phone’s own camera and hold it over the QR code, or paste the link that stands beside it.',
  linkLabel: 'Or paste the link',
  linkHint: 'It begins with https:// and contains “authenticator”.',
  linkWrong: 'That is not a link that connects an account.',
  linkElsewhere: (host: string) => `This link is for ${host}. Open it there:`,
  openThere: (host: string) => `Open ${host}`,
  goOn: 'Continue',

  connectTitle: 'Connect this phone?',
  connectText: (host: string) =>
    `This phone will approve for an account at ${host}. Go on only if you opened that page yourself.`,
  nameLabel: 'What to call this phone',
  nameHint: 'You will know it by this name if you lose it.',
  nameMissing: 'Give it a name first.',
  defaultName: 'My phone',
  connect: 'Connect',
  connecting: 'Connecting…',
  waitTitle: 'Look at the other screen',
  waitText: 'It shows a number in a moment. You type it here, and the account is connected.',

  promptTitle: (application: string) => `${application} asks`,
  promptText: 'Is it you who does this right now?',
  connectPromptTitle: 'Type the number',
  connectPromptText: 'The page on which you connect this account shows a number.',
  facts: 'What is asked',
  account: 'Account',
  action: 'Action',
  from: 'Asked from',
  time: 'Time',
  timeLeft: (time: string) => `${time} left`,
  timeShort: 'Half a minute is left.',
  numberLabel: 'Number on the other screen',
  numberHint: 'No number in front of you? Then it is somebody else who asks.',
  numberMissing: 'Type the whole number from the other screen first.',
  deleteDigit: 'Delete a digit',
  approve: 'Approve',
  deny: 'Deny',
  notMe: 'This was not me',
  sending: 'Sending…',
  unlockFailed: {
    title: 'Still locked',
    text: 'This phone could not see that it is you. Try again.',
  },
  reportTitle: 'Report it?',
  reportText:
    'Somebody may know your password. Reporting stops them now and tells those who look after your account.',
  report: 'Yes, report it',
  updateTitle: 'This app is out of date',
  updateText: 'It does not understand what is asked. Close and open it again; until then you can only deny.',
  moreWait: 'Another question waits after this one.',

  outcomes: {
    approved: { title: 'Approved', text: 'You can go on at the other screen.' },
    denied: { title: 'Denied', text: 'Nothing was allowed.' },
    reported: {
      title: 'Reported',
      text: 'It was stopped, and those who look after your account were told. Change your password now: somebody may know it.',
    },
    mismatched: {
      title: 'That was not the number',
      text: 'Nothing was allowed. If it was you, start again at the other screen. If it was not, report it there and change your password.',
    },
    withdrawn: { title: 'No longer needed', text: 'It was settled in another way, or taken back.' },
    expired: {
      title: 'Too late',
      text: 'The time ran out, and nothing was allowed. Start again at the other screen.',
    },
  },
  connectedTitle: 'This phone is connected',
  connectedText: (application: string) => `From now on, ${application} asks you here.`,
  notConnectedTitle: 'Not connected',
  notConnectedText: 'Start again at the other screen and scan a new code.',

  historyTitle: 'What was asked so far',
  historyEmpty: 'Nothing yet.',
  historyNote: 'This list is kept on this phone only.',
  history: {
    approved: 'Approved',
    denied: 'Denied',
    reported: 'Reported',
    mismatched: 'Wrong number',
    withdrawn: 'No longer needed',
    expired: 'Missed',
  },

  server: 'Server',
  thisPhone: 'This phone',
  since: 'Connected',
  remove: 'Remove from this phone',
  removeTitle: 'Remove this account?',
  removeText:
    'This phone cannot approve for it any more. Make sure that you have another way in, and remove this phone on your security page as well.',
  removeYes: 'Remove it',
  disconnectedText:
    'The server does not know this phone any more: it was removed or reported lost. Connect it again if you want to use it.',

  troubles: {
    offline: {
      title: 'No connection',
      text: 'The server did not answer. Check your connection and try again.',
    },
    busy: { title: 'Not available just now', text: 'The server is busy. Try again in a moment.' },
    linkOver: {
      title: 'This link is over',
      text: 'It was used already, or its time has run out. If it was not you who used it, tell those who look after your account. Make a new one at the other screen.',
    },
    disconnected: {
      title: 'Not connected any more',
      text: 'The server does not know this phone any more. Connect it again at the other screen.',
    },
    wrongNumber: { title: 'That was not the number', text: 'Nothing was allowed.' },
    over: { title: 'Too late', text: 'This question is over.' },
    noKeys: {
      title: 'No key could be made',
      text: 'This browser keeps no keys here. Use one that is up to date, over https://, and not a private window.',
    },
    failed: { title: 'Something went wrong', text: 'Nothing was allowed. Try again.' },
  },
  brokenTitle: 'Nothing can be kept here',
  brokenText:
    'This browser keeps no data for this app. Use a window that is not private, and make sure that there is space left.',
};
