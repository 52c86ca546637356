import type { Words } from './catalogue';

/** Spanish. */
export const es: Words = {
  loading: 'Un momento…',
  cancel: 'Cancelar',
  tryAgain: 'Intentar de nuevo',
  goBack: 'Volver',
  goBackTo: (application) => `Volver a ${application}`,
  safety:
    'Nadie le pedirá nunca estos códigos por teléfono, correo o chat. Si alguien lo hace, es un fraude.',

  proveTitle: 'Confirme que es usted',
  proveIntro: (application) => `${application} necesita un código antes de continuar.`,
  proveBeforeAdding: 'Ya tiene un autenticador. Identifíquese primero con él y después añada otro.',
  whatYouConfirm: 'Lo que confirma',
  action: 'Operación',
  appCodeLabel: 'Código de su aplicación de autenticación',
  appCodeHint: 'Abra la aplicación en su teléfono y escriba las cifras que muestra.',
  backupCodeLabel: 'Código de respaldo',
  backupCodeHint: 'Uno de los códigos que guardó, por ejemplo 7Q3W-9K2M-X4TZ. Cada uno sirve una vez.',
  useBackupCode: 'Usar un código de respaldo',
  useApp: 'Usar la aplicación de autenticación',
  confirm: 'Confirmar',
  checking: 'Comprobando…',
  codeMissing: 'Escriba primero el código.',
  codeIncomplete: 'El código aún no está completo. Tiene al menos seis cifras.',
  backupCodeIncomplete: 'El código de respaldo aún no está completo. Tiene doce letras y cifras.',

  chooseTitle: 'Proteja su cuenta',
  chooseIntro: (application) =>
    `Con un segundo paso, una contraseña robada no basta para entrar en su cuenta de ${application}.`,
  chooseLegend: 'Elija su segundo paso',
  recommended: 'Recomendado',
  factors: {
    totp: {
      name: 'Aplicación de autenticación',
      why: 'Su teléfono crea los códigos por sí mismo. Sirven sin cobertura y no hay ningún mensaje que se pueda interceptar.',
    },
  },
  chooseHelp:
    'Necesita una aplicación de autenticación en su teléfono. Si no tiene ninguna, instale antes una desde su tienda de aplicaciones: sirve cualquiera que cree códigos temporales (TOTP).',
  noFactors: 'Ahora mismo no hay nada que pueda configurar aquí.',
  preparing: 'Creando su clave…',

  viewTitle: 'Conecte su aplicación de autenticación',
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
    'Si pierde el teléfono, cada uno de estos códigos le permite entrar una vez. Solo se muestran ahora.',
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
  enrolledTitle: 'Su aplicación de autenticación está lista',
  enrolledText: 'A partir de ahora, tenga el teléfono a mano al iniciar sesión.',
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
    waiting: { title: 'Espere un poco', text: 'Ha habido demasiados intentos. Podrá continuar pronto.' },
    offline: {
      title: 'Sin conexión',
      text: 'El servidor no ha respondido. Compruebe su conexión e inténtelo de nuevo: no se ha perdido nada.',
    },
    busy: {
      title: 'No disponible en este momento',
      text: 'El servidor está ocupado. No se ha cambiado nada. Inténtelo de nuevo en un momento.',
    },
    over: {
      title: 'Este enlace ya no sirve',
      text: 'Ya se usó o se agotó su tiempo. Vuelva al lugar de donde venía y empiece de nuevo.',
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
      text: 'Hubo demasiados códigos erróneos o se agotó el tiempo. Vuelva y empiece de nuevo.',
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
