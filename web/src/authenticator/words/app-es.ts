import type { Words } from './catalogue';

export const es: Words = {
  name: 'Autenticador',
  loading: 'Un momento…',
  back: 'Atrás',
  cancel: 'Cancelar',
  done: 'Listo',
  tryAgain: 'Intentar de nuevo',
  safety: 'Apruebe solo lo que acaba de iniciar usted. Si alguien le dice que apruebe algo, es un fraude.',

  emptyTitle: 'Aprobar con este teléfono',
  emptyText:
    'Conecte una cuenta y esta aplicación le preguntará aquí antes de que alguien entre en ella. La clave que aprueba se crea en este teléfono y no se puede copiar.',
  addAccount: 'Conectar una cuenta',
  accountsTitle: 'Sus cuentas',
  nothingWaits: 'No hay nada pendiente.',
  listening: 'Todo listo. Lo que inicie en otro sitio aparecerá aquí.',
  addAnother: 'Conectar otra cuenta',
  historyLink: 'Lo que se ha preguntado',
  lines: {
    connecting: 'Conectando…',
    live: 'Listo',
    polling: 'Listo',
    offline: 'Sin conexión',
    disconnected: 'Ya no está conectado',
  },
  unfinished: 'Sin terminar',

  wakeTitle: 'Las notificaciones están desactivadas',
  wakeText: 'Actívelas, o mantenga abierta esta aplicación mientras inicia sesión en otro sitio.',
  wakeOn: 'Activar las notificaciones',
  wakeRefused: 'Están bloqueadas para este sitio. Permítalas en los ajustes de su navegador.',
  wakeInstall:
    'Primero añada esta aplicación a la pantalla de inicio: en el menú compartir, «Añadir a pantalla de inicio». Después ábrala allí.',
  wakeFailed:
    'No se han podido activar. Inténtelo más tarde; hasta entonces mantenga abierta esta aplicación mientras inicia sesión.',
  lockTitle: 'Bloquear esta aplicación',
  lockText: 'Pedir su cara, su huella o el bloqueo de pantalla antes de aprobar nada.',
  lockOn: 'Activar el bloqueo',
  lockOff: 'Desactivar el bloqueo',
  lockIsOn: 'El bloqueo está activado.',

  addTitle: 'Conectar una cuenta',
  addText:
    'Donde inicia sesión, elija añadir una aplicación de autenticación que aprueba. Se mostrará un código QR.',
  scan: 'Escanear el código QR',
  scanning: 'Ponga la cámara sobre el código QR.',
  cameraLabel: 'Lo que ve la cámara',
  stopScanning: 'Parar la cámara',
  cameraDenied: 'No se puede usar la cámara. Permítala en los ajustes de su navegador o pegue el enlace.',
  cannotScan: 'Abra la cámara del teléfono y póngala sobre el código QR, o pegue el enlace que está al lado.',
  linkLabel: 'O pegue el enlace',
  linkHint: 'Empieza por https:// y contiene «authenticator».',
  linkWrong: 'Ese enlace no conecta ninguna cuenta.',
  linkElsewhere: (host) => `Este enlace es de ${host}. Ábralo allí:`,
  openThere: (host) => `Abrir ${host}`,
  goOn: 'Continuar',

  connectTitle: '¿Conectar este teléfono?',
  connectText: (host) =>
    `Este teléfono aprobará para una cuenta en ${host}. Siga solo si ha abierto esa página usted.`,
  nameLabel: 'Nombre de este teléfono',
  nameHint: 'Por este nombre lo reconocerá si lo pierde.',
  nameMissing: 'Primero póngale un nombre.',
  defaultName: 'Mi teléfono',
  connect: 'Conectar',
  connecting: 'Conectando…',
  waitTitle: 'Mire la otra pantalla',
  waitText: 'En un momento mostrará un número. Escríbalo aquí y la cuenta quedará conectada.',

  promptTitle: (application) => `${application} pregunta`,
  promptText: '¿Es usted quien está haciendo esto ahora mismo?',
  connectPromptTitle: 'Escriba el número',
  connectPromptText: 'La página en la que conecta esta cuenta muestra un número.',
  facts: 'Lo que se pregunta',
  account: 'Cuenta',
  action: 'Acción',
  from: 'Desde',
  time: 'Hora',
  timeLeft: (time) => `Quedan ${time}`,
  timeShort: 'Queda medio minuto.',
  numberLabel: 'Número de la otra pantalla',
  numberHint: '¿No ve ningún número? Entonces pregunta otra persona.',
  numberMissing: 'Primero escriba el número completo de la otra pantalla.',
  deleteDigit: 'Borrar una cifra',
  approve: 'Aprobar',
  deny: 'Rechazar',
  notMe: 'No he sido yo',
  sending: 'Enviando…',
  unlockFailed: {
    title: 'Sigue bloqueado',
    text: 'Este teléfono no ha podido comprobar que es usted. Inténtelo de nuevo.',
  },
  reportTitle: '¿Denunciarlo?',
  reportText:
    'Puede que alguien conozca su contraseña. Al denunciarlo se le detiene ya y se avisa a quienes cuidan de su cuenta.',
  report: 'Sí, denunciarlo',
  updateTitle: 'Esta aplicación está anticuada',
  updateText:
    'No entiende lo que se pregunta. Ciérrela y ábrala de nuevo; hasta entonces solo puede rechazar.',
  moreWait: 'Después hay otra pregunta.',

  outcomes: {
    approved: { title: 'Aprobado', text: 'Puede seguir en la otra pantalla.' },
    denied: { title: 'Rechazado', text: 'No se ha permitido nada.' },
    reported: {
      title: 'Denunciado',
      text: 'Se ha detenido y se ha avisado a quienes cuidan de su cuenta. Cambie ya su contraseña: puede que alguien la conozca.',
    },
    mismatched: {
      title: 'Ese no era el número',
      text: 'No se ha permitido nada. Si era usted, empiece de nuevo en la otra pantalla. Si no, denúncielo allí y cambie su contraseña.',
    },
    withdrawn: { title: 'Ya no hace falta', text: 'Se resolvió de otra manera o se retiró.' },
    expired: {
      title: 'Demasiado tarde',
      text: 'Se acabó el tiempo y no se ha permitido nada. Empiece de nuevo en la otra pantalla.',
    },
  },
  connectedTitle: 'Este teléfono está conectado',
  connectedText: (application) => `A partir de ahora, ${application} le preguntará aquí.`,
  notConnectedTitle: 'No conectado',
  notConnectedText: 'Empiece de nuevo en la otra pantalla y escanee un código nuevo.',

  historyTitle: 'Lo que se ha preguntado',
  historyEmpty: 'Nada todavía.',
  historyNote: 'Esta lista se guarda solo en este teléfono.',
  history: {
    approved: 'Aprobado',
    denied: 'Rechazado',
    reported: 'Denunciado',
    mismatched: 'Número equivocado',
    withdrawn: 'Ya no hacía falta',
    expired: 'Sin respuesta',
  },

  server: 'Servidor',
  thisPhone: 'Este teléfono',
  since: 'Conectado',
  remove: 'Quitar de este teléfono',
  removeTitle: '¿Quitar esta cuenta?',
  removeText:
    'Este teléfono ya no podrá aprobar para ella. Asegúrese de tener otra forma de entrar y quite este teléfono también en su página de seguridad.',
  removeYes: 'Quitarla',
  disconnectedText:
    'El servidor ya no conoce este teléfono: se quitó o se denunció como perdido. Conéctelo de nuevo si quiere usarlo.',

  troubles: {
    offline: {
      title: 'Sin conexión',
      text: 'El servidor no ha respondido. Compruebe su conexión e inténtelo de nuevo.',
    },
    busy: {
      title: 'No disponible ahora',
      text: 'El servidor está ocupado. Inténtelo de nuevo en un momento.',
    },
    linkOver: {
      title: 'Este enlace ya no vale',
      text: 'Ya se usó o se acabó su tiempo. Si no lo usó usted, avise a quienes cuidan de su cuenta. Pida uno nuevo en la otra pantalla.',
    },
    disconnected: {
      title: 'Ya no está conectado',
      text: 'El servidor ya no conoce este teléfono. Conéctelo de nuevo en la otra pantalla.',
    },
    wrongNumber: { title: 'Ese no era el número', text: 'No se ha permitido nada.' },
    over: { title: 'Demasiado tarde', text: 'Esta pregunta ya terminó.' },
    noKeys: {
      title: 'No se pudo crear una clave',
      text: 'Este navegador no guarda claves aquí. Use uno actualizado, por https:// y sin ventana privada.',
    },
    failed: { title: 'Algo ha fallado', text: 'No se ha permitido nada. Inténtelo de nuevo.' },
  },
  brokenTitle: 'Aquí no se puede guardar nada',
  brokenText:
    'Este navegador no guarda datos para esta aplicación. Use una ventana que no sea privada y compruebe que queda espacio.',
};
