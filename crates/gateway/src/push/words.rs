//! What a phone shows of a note by itself: nothing but that there may be something to look at.

use crate::messages::Language;

/// A title, and a line below it.
pub(super) const fn something_waits(language: Language) -> (&'static str, &'static str) {
    match language {
        Language::En => ("Something may wait for you", "Open the app to see what."),
        Language::De => ("Vielleicht wartet etwas auf Sie", "Öffnen Sie die App, um nachzusehen."),
        Language::Es => ("Puede que haya algo pendiente", "Abra la aplicación para verlo."),
        Language::Fr => ("Quelque chose vous attend peut-être", "Ouvrez l’application pour voir."),
        Language::Zh => ("可能有待处理的请求", "请打开应用查看。"),
    }
}
