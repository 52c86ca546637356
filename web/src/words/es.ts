import type { Words } from './catalogue';

/** Spanish. */
export const es: Words = {
  loading: 'Un momento…',
  cancel: 'Cancelar',
  tryAgain: 'Intentar de nuevo',
  goBack: 'Volver',
  goBackTo: (application) => `Volver a ${application}`,
  safety: 'Nadie le pedirá nunca un código por teléfono, correo o chat. Si alguien lo hace, es un fraude.',

  signInTitle: 'Iniciar sesión',
  signInIntro: 'Su llave de acceso es todo lo que necesita. Inicia sesión en',
  signInAct: 'Iniciar sesión con una llave de acceso',
  signInNone:
    '¿Todavía no tiene una llave de acceso? Pregunte a quienes llevan este sitio, por el medio de siempre: le enviarán un enlace para crear una.',
  signedInTitle: 'Ha iniciado sesión',

  proveTitle: 'Confirme que es usted',
  proveIntro: (application) => `${application} necesita saber que es usted antes de continuar.`,
  proveBeforeAdding: 'Ya tiene un segundo paso. Confirme primero con él y después añada otro.',
  proveBeforeChange: 'Demuestre que es usted antes de cambiar nada.',
  proveBeforeDeciding: 'Demuestre que es usted. Solo entonces cuenta lo que ha dicho.',
  deciding: 'Su decisión',
  decides: { approve: 'Aprobar', reject: 'Rechazar' },
  asked: { about: 'Se refiere a', display_name: 'Nombre', workflow: 'Proceso', message: 'Lo que se pide' },
  whatYouConfirm: 'Lo que confirma',
  action: 'Operación',
  confirm: 'Confirmar',
  checking: 'Comprobando…',
  codeMissing: 'Escriba primero el código.',
  codeIncomplete: 'El código aún no está completo. Tiene al menos seis cifras.',
  backupCodeIncomplete: 'El código de respaldo aún no está completo. Tiene doce letras y cifras.',

  kinds: {
    webauthn: 'Clave de acceso',
    push: 'Aprobación en el teléfono',
    totp: 'Aplicación de autenticación',
    hotp: 'Token físico',
    sms: 'Mensaje de texto',
    email: 'Correo electrónico',
    backup_codes: 'Código de respaldo',
  },
  asks: {
    webauthn: {
      text: 'Su dispositivo le pide la huella, el rostro o el PIN, o su llave de seguridad.',
      act: 'Usar la clave de acceso',
    },
    push: {
      text: 'La aplicación de autenticación de su teléfono muestra qué se pide, y usted lo aprueba allí.',
      act: 'Preguntar a mi teléfono',
    },
    sms: { text: 'Recibirá un mensaje de texto con un código.', act: 'Enviarme un código' },
    email: { text: 'Recibirá un correo con un código.', act: 'Enviarme un código' },
  },
  sendsTo: (to) => `Se envía a ${to}.`,
  fields: {
    totp: {
      label: 'Código de su aplicación de autenticación',
      hint: 'Abra la aplicación en su teléfono y escriba las cifras que muestra.',
    },
    hotp: {
      label: 'Código de su token físico',
      hint: 'Pulse su botón y escriba las cifras que muestra.',
    },
    sms: { label: 'Código del mensaje de texto', hint: 'Se acaba de enviar y vale unos minutos.' },
    email: { label: 'Código del correo', hint: 'Se acaba de enviar. Mire también en el correo no deseado.' },
    backup_codes: {
      label: 'Código de respaldo',
      hint: 'Uno de los códigos que guardó, por ejemplo 7Q3W-9K2M-X4TZ. Cada uno sirve una vez.',
    },
  },
  sentTo: (to) => `Enviado a ${to}.`,
  sendAgain: 'Enviar de nuevo',
  sendAgainIn: (time) => `Enviar de nuevo en ${time}`,
  sendNoMore: 'No se enviará ningún código más. Si no llega ninguno, elija otra forma.',
  deviceAsks: 'Siga lo que pide su dispositivo…',
  pushNumber: 'Escriba este número en su teléfono',
  pushHow:
    'Abra la solicitud en la aplicación, compruebe que dice lo mismo que esta página y escriba allí el número.',
  pushConnectHow: 'La aplicación lo pide allí. Cuando esté escrito, esta página continúa sola.',
  pushWaiting: 'Esperando a su teléfono…',
  pushDeniedTitle: 'Se denegó en su teléfono',
  pushDenied:
    'No se ha confirmado nada. Si no fue usted quien lo denegó, otra persona tiene su teléfono: elija otra forma y avise de que lo ha perdido.',
  pushOverTitle: 'No llegó respuesta a tiempo',
  pushOver: 'Una solicitud vale poco tiempo. Tenga el teléfono a mano y haga que se le pregunte de nuevo.',
  askAgain: 'Preguntar de nuevo',
  otherWays: 'O elija otra forma',
  nothingLeft: 'Ya no tengo ninguna de estas',
  lostTitle: 'Cómo volver a entrar',
  lostCodesTitle: '¿Tiene un código de respaldo?',
  lostCodes:
    'Es uno de los códigos que guardó al configurar su segundo paso. Cada uno le permite entrar una vez.',
  useBackupCode: 'Usar un código de respaldo',
  lostAskTitle: 'Si no le queda nada',
  lostAsk: (application) =>
    `Vuelva y pida ayuda a ${application}, por la vía que usa siempre. Allí pueden comprobar que es usted y dejarle configurar un nuevo segundo paso.`,
  backToWays: 'Volver a las formas de confirmar',

  chooseTitle: 'Proteja su cuenta',
  chooseIntro: (application) =>
    `Con un segundo paso, una contraseña robada no basta para entrar en su cuenta de ${application}.`,
  chooseLegend: 'Elija su segundo paso',
  recommended: 'Recomendado',
  factors: {
    webauthn: {
      name: 'Clave de acceso',
      why: 'Su huella, su rostro o su PIN, o una llave de seguridad. No hay nada que escribir, y ninguna web falsa puede sonsacársela.',
      whom: 'Para quien tenga un teléfono u ordenador de los últimos años.',
    },
    push: {
      name: 'Aprobación en el teléfono',
      why: 'Una aplicación de su teléfono muestra qué se pide. Usted escribe un número que aparece aquí en la pantalla y aprueba.',
      whom: 'Para quien confirma a menudo.',
    },
    totp: {
      name: 'Aplicación de autenticación',
      why: 'Su teléfono crea los códigos por sí mismo. Sirven sin cobertura y no hay ningún mensaje que se pueda interceptar.',
      whom: 'Para cualquier teléfono en el que se puedan instalar aplicaciones.',
    },
    hotp: {
      name: 'Token físico',
      why: 'Un aparato pequeño que muestra un código al pulsar su botón.',
      whom: 'Para quien haya recibido uno.',
    },
    sms: {
      name: 'Mensaje de texto',
      why: 'Llega un código a su número móvil. Es mejor que solo una contraseña, pero los mensajes se pueden interceptar y los números se pueden robar.',
      whom: 'Para quien no pueda usar nada más fuerte.',
    },
    email: {
      name: 'Correo electrónico',
      why: 'Llega un código a su buzón. No le protege más de lo que esté protegido el propio buzón.',
      whom: 'Para quien no pueda usar nada más fuerte.',
    },
  },
  weaker: 'Más débil',
  chooseHelp:
    'Para «Aplicación de autenticación» necesita una de esas aplicaciones en su teléfono. Si no tiene ninguna, instale antes una desde su tienda de aplicaciones: sirve cualquiera que cree códigos temporales (TOTP).',
  noFactors: 'Ahora mismo no hay nada que pueda configurar aquí.',
  otherFactor: 'Elegir otra cosa',
  details: {
    sms: {
      title: '¿Adónde van los códigos?',
      label: 'Número móvil',
      hint: 'Con el país, por ejemplo +34 612 345 678.',
      act: 'Enviarme un código',
      missing: 'El número aún no está completo. Empiece con + y el país, por ejemplo +34.',
    },
    email: {
      title: '¿Adónde van los códigos?',
      label: 'Dirección de correo',
      hint: 'De un buzón que solo usted pueda abrir.',
      act: 'Enviarme un código',
      missing: 'La dirección aún no está completa. Es como ana@example.org.',
    },
    hotp: {
      title: '¿Qué token es?',
      label: 'Número de serie',
      hint: 'Está en la parte de atrás, a menudo junto a un código de barras.',
      act: 'Continuar',
      missing: 'Escriba primero el número de serie.',
    },
  },
  strongerTitle: 'Hay algo más fuerte',
  strongerText:
    'Los mensajes se pueden interceptar, y hay quien engaña a la gente para que entregue sus códigos. Lo siguiente es igual de rápido y está a salvo de eso.',
  strongerAfter: 'Lo que ha configurado ya sirve. En medio minuto puede añadir algo mejor.',
  takeInstead: (factor) => `Mejor esto: ${factor}`,
  notNow: 'Ahora no',

  viewTitles: {
    webauthn: 'Cree su clave de acceso',
    push: 'Conecte su teléfono',
    totp: 'Conecte su aplicación de autenticación',
    hotp: 'Pruebe su token físico',
    sms: 'Escriba el código del mensaje',
    email: 'Escriba el código del correo',
  },
  passkeyMake:
    'Su dispositivo pregunta dónde guardar la clave de acceso y después pide la huella, el rostro o el PIN. Una llave de seguridad se puede enchufar o acercar al teléfono.',
  passkeyMakeAct: 'Crear la clave de acceso',
  pushScan: 'Escanee esto con la cámara de su teléfono',
  pushScanHint: 'Allí se abre la aplicación de autenticación. Siga lo que dice; esta página continúa sola.',
  pushOpen: 'Abrir la aplicación de autenticación en este teléfono',
  pushOrScan: 'O escanee esto con la cámara de otro teléfono',
  pushQrAlt: 'Código QR que conecta su teléfono',
  pushHiddenTitle: 'El código para escanear ya no sirve',
  pushHidden: 'Vale poco tiempo. Pida uno nuevo.',
  pushNew: 'Crear uno nuevo',
  tokenTry: 'Pulse el botón del token y escriba las cifras que muestra.',
  scanTitle: 'Escanee esto con la aplicación',
  scanHint: 'En la aplicación, elija «añadir» o «+» y después «escanear un código QR».',
  qrAlt: 'Código QR que conecta su aplicación de autenticación',
  openInApp: 'Abrir en la aplicación de este teléfono',
  orScan: 'O escanee esto con la aplicación de otro teléfono',
  typeInstead: '¿No puede escanear? Escriba la clave',
  typeHint:
    'Elija «introducir una clave» en la aplicación y escriba o pegue esta. El tipo es «basada en tiempo».',
  keyLabel: 'Clave',
  copyKey: 'Copiar la clave',
  copied: 'Copiado.',
  copyFailed: 'No se pudo copiar. Seleccione el texto y cópielo usted.',
  hiddenIn: (time) => `Se ocultará en ${time}`,
  hiddenSoon: 'La clave se ocultará en un minuto.',
  hiddenTitle: 'La clave está oculta',
  hiddenText:
    'Se muestra una sola vez y por poco tiempo, para que nadie más la vea. Si su aplicación ya la tiene, escriba abajo su código. Si no, pida una nueva.',
  newKey: 'Crear una clave nueva',
  confirmTitle: 'Escriba el código que muestra la aplicación',
  finishSetup: 'Confirmar el código',

  backupTitle: 'Guarde sus códigos de respaldo',
  backupIntro:
    'Si no puede usar su segundo paso, cada uno de estos códigos le permite entrar una vez. Solo se muestran ahora.',
  backupList: 'Códigos de respaldo',
  copyCodes: 'Copiar',
  download: 'Descargar',
  print: 'Imprimir',
  downloaded: 'Guardado en sus descargas.',
  kept: 'Los he guardado en un lugar seguro',
  keptFirst: 'Guarde primero los códigos y después marque la casilla.',
  goOn: 'Continuar',
  backupFileName: 'codigos-de-respaldo',
  backupHeading: (application) => `Códigos de respaldo para ${application}`,
  backupNote: 'Cada código sirve una vez. Guárdelos donde solo usted pueda acceder.',

  provedTitle: 'Confirmado',
  enrolledTitles: {
    webauthn: 'Su clave de acceso está lista',
    push: 'Su teléfono está conectado',
    totp: 'Su aplicación de autenticación está lista',
    hotp: 'Su token físico está listo',
    sms: 'Su número está listo',
    email: 'Su buzón está listo',
  },
  enrolledTexts: {
    webauthn: 'A partir de ahora, su dispositivo basta como segundo paso.',
    push: 'A partir de ahora, tenga el teléfono a mano al iniciar sesión.',
    totp: 'A partir de ahora, tenga el teléfono a mano al iniciar sesión.',
    hotp: 'A partir de ahora, tenga el token a mano al iniciar sesión.',
    sms: 'A partir de ahora, al iniciar sesión llega un código a su número.',
    email: 'A partir de ahora, al iniciar sesión llega un código a su buzón.',
  },
  leftTitle: 'Todo listo',
  leftText: 'Sus cambios están guardados.',
  decided: { approve: 'Aprobado', reject: 'Rechazado' },
  decidedText: 'Su decisión se ha contado.',
  cancelledTitle: 'Cancelado',
  cancelledText: 'No se ha cambiado nada.',
  goingBack: (application) => `Volviendo a ${application}…`,
  closeWindow: (application) => `Puede cerrar esta ventana y volver a ${application}.`,

  troubles: {
    refused: {
      title: 'Ese código no ha funcionado',
      text: 'Cada código sirve una vez y por poco tiempo. Espere al siguiente y compruebe que mira la cuenta correcta en la aplicación.',
    },
    refusedBackup: {
      title: 'Ese código de respaldo no ha funcionado',
      text: 'Cada uno sirve una vez. Compruébelo letra por letra o use el siguiente.',
    },
    refusedOften: {
      title: 'Sigue sin aceptarse',
      text: 'Tras varios códigos erróneos hay que esperar un rato. Espere unos minutos y compruebe que su teléfono ajusta la hora automáticamente, o use un código de respaldo.',
    },
    refusedSent: {
      title: 'Ese código no ha funcionado',
      text: 'Tiene que ser el más reciente, y cada uno vale unos minutos. Compruébelo cifra por cifra o pida que se envíe otro.',
    },
    refusedToken: {
      title: 'Ese código no ha funcionado',
      text: 'Cada código sirve una vez. Pulse el botón de nuevo y escriba el siguiente.',
    },
    refusedPasskey: {
      title: 'Esa clave de acceso no ha funcionado',
      text: 'Aquí no se ha aceptado. Inténtelo otra vez o elija otra forma.',
    },
    waiting: { title: 'Espere un poco', text: 'Ha habido demasiados intentos. Podrá continuar pronto.' },
    offline: {
      title: 'Sin conexión',
      text: 'El servidor no ha respondido. Compruebe su conexión e inténtelo de nuevo: no se ha perdido nada.',
    },
    busy: {
      title: 'No disponible en este momento',
      text: 'El servidor está ocupado. No se ha cambiado nada. Inténtelo de nuevo en un momento.',
    },
    gateway: {
      title: 'Ahora mismo no se pudo enviar',
      text: 'En este momento no llegan los mensajes. Inténtelo de nuevo un poco más tarde o elija otra forma: no se ha perdido nada.',
    },
    heldBack: {
      title: 'Ahora mismo no se pregunta a su teléfono',
      text: 'Se le preguntó varias veces y nadie aprobó. Elija otra forma o inténtelo más tarde. Si no fue usted quien lo pidió, cambie su contraseña.',
    },
    sentAlready: {
      title: 'Ya se ha enviado',
      text: 'Busque el mensaje más reciente: su código es el que vale. Podrá pedir otro dentro de poco.',
    },
    notConnected: {
      title: 'Su teléfono no se ha conectado',
      text: 'Allí se escribió otro número, o la solicitud se denegó o quedó sin respuesta. Elíjalo otra vez para intentarlo de nuevo.',
    },
    badNumber: {
      title: 'No se puede enviar nada a ese número',
      text: 'Quizá le sobra o le falta una cifra, o no es un móvil. Empiece con + y el país, por ejemplo +34.',
    },
    blocked: {
      title: 'No se envían mensajes a ese país',
      text: 'Se decidió así para evitar el fraude. Elija otra forma o un número de otro país.',
    },
    badAddress: {
      title: 'No se puede enviar nada a esa dirección',
      text: 'Compruébela letra por letra. Es como ana@example.org.',
    },
    badSerial: {
      title: 'No hay ningún token libre con ese número',
      text: 'Compruébelo cifra por cifra. Si es correcto, quizá lo tenga otra persona: pregunte a quien se lo dio.',
    },
    passkeyCancelled: {
      title: 'No se ha confirmado nada',
      text: 'Se canceló, tardó demasiado o en el dispositivo no hay ninguna clave de acceso para este sitio. Inténtelo de nuevo o elija otra forma.',
    },
    passkeyUnmade: {
      title: 'No se ha creado ninguna clave de acceso',
      text: 'Se canceló o tardó demasiado. Inténtelo de nuevo o elija otra cosa.',
    },
    passkeyExists: {
      title: 'Este dispositivo ya tiene una clave de acceso',
      text: 'Ya guarda una para esta cuenta. No necesita otra: vuelva y úsela, o utilice otro dispositivo u otra llave de seguridad.',
    },
    passkeyUnsupported: {
      title: 'Eso no funciona en este dispositivo',
      text: 'El navegador o el dispositivo no conoce claves de acceso del tipo que se pide. Elija otra forma o abra la página en un dispositivo más nuevo.',
    },
    passkeyFailed: {
      title: 'El dispositivo no entregó ninguna clave de acceso',
      text: 'Algo no encajó entre esta página y el dispositivo. Elija otra forma y, si vuelve a ocurrir, avise a quien le envió aquí.',
    },
    over: {
      title: 'Este enlace ya no sirve',
      text: 'Ya se usó o se agotó su tiempo. Vuelva al lugar de donde venía y empiece de nuevo.',
    },
    cancelledSignIn: {
      title: 'No ha iniciado sesión',
      text: 'Se canceló, tardó demasiado o no se encontró en el dispositivo ninguna llave de acceso para este sitio. Inténtelo de nuevo.',
    },
    refusedSignIn: {
      title: 'Esa llave de acceso no sirvió',
      text: 'Aquí no se acepta. Pruebe con otra o pregunte a quienes llevan este sitio.',
    },
    overSignIn: {
      title: 'Se acabó el tiempo',
      text: 'Esta página estuvo abierta tanto tiempo que ya no vale. Inténtelo de nuevo.',
    },
    elsewhere: {
      title: 'Este enlace está abierto en otro navegador',
      text: 'Por su seguridad, solo funciona en el navegador que lo abrió primero, con las cookies permitidas. Continúe allí, o vuelva al lugar de donde venía y empiece de nuevo.',
    },
    unknown: {
      title: 'Este enlace no funciona',
      text: 'Puede que esté incompleto. Ábralo otra vez desde donde lo recibió, o empiece allí de nuevo.',
    },
    keyOver: {
      title: 'Esa clave ya no sirve',
      text: 'Ya no cuenta para nada. Cree una nueva y escanee esa.',
    },
    stepUp: {
      title: 'Inicie sesión de nuevo',
      text: 'Su inicio de sesión no es lo bastante reciente para esto. Vuelva, inicie sesión de nuevo y empiece otra vez.',
    },
    ended: {
      title: 'No se puede continuar',
      text: 'Se detuvo en su teléfono, hubo demasiados códigos erróneos o se agotó el tiempo. Vuelva y empiece de nuevo.',
    },
    conflict: {
      title: 'Eso no se puede hacer ahora',
      text: 'Puede que ya tenga todos los autenticadores permitidos o que su cuenta esté bloqueada. Vuelva y pida ayuda allí.',
    },
    insecure: {
      title: 'Esta conexión no es segura',
      text: 'Las claves solo se crean en una conexión cifrada. Abra el enlace con https:// o avise a quien le envió aquí.',
    },
    unsealed: {
      title: 'No se pudo abrir la clave',
      text: 'Lo que llegó no estaba sellado para esta página. Cree una clave nueva. Si vuelve a ocurrir, avise a quien le envió aquí.',
    },
    failed: {
      title: 'Algo ha fallado',
      text: 'No es culpa suya, y no se ha autorizado nada. Inténtelo de nuevo. Si vuelve a ocurrir, vuelva y pida ayuda allí.',
    },
  },
};
