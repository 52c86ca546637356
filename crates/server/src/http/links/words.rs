//! What the pages of links say by themselves, in the languages that the other pages for people speak. A text that one language lacks fails the build.

use domain::{Link, LinkGives, Texts, Timestamp};
use gateway::messages::Language;

use crate::app::workflows::offered;

/// Stands in a text where a moment does.
pub(super) const TIME: &str = "{time}";

/// All that a page says which its workflow does not.
pub(super) struct Words {
    /// The tag that goes into `lang` (BCP 47).
    pub(super) tag: &'static str,
    /// Until when a link works; with [`TIME`].
    pub(super) until: &'static str,
    pub(super) done_title: &'static str,
    pub(super) close: &'static str,
    pub(super) still_works: &'static str,
    pub(super) used: [&'static str; 2],
    pub(super) over: [&'static str; 2],
    /// The second with [`TIME`].
    pub(super) expired: [&'static str; 2],
    pub(super) about: &'static str,
    pub(super) concerns: &'static str,
    pub(super) concerns_me: &'static str,
    pub(super) known: [&'static str; 2],
    pub(super) nowhere: [&'static str; 2],
    pub(super) waiting: [&'static str; 2],
    pub(super) changed: [&'static str; 2],
    pub(super) busy: [&'static str; 2],
    pub(super) again: &'static str,
    /// Of a pass and of backup codes, once they are shown.
    pub(super) shown_now: [&'static str; 2],
    /// What is offered where the workflow says nothing else: of a pass and of backup codes.
    offers: [Offer; 2],
    /// What every page for people says at its foot.
    pub(super) safety: &'static str,
    date: fn(&Date<'_>) -> String,
}

/// What a link says that gives something.
struct Offer {
    title: &'static str,
    message: &'static str,
    button: &'static str,
    done: &'static str,
}

/// A moment, taken apart.
struct Date<'a> {
    year: &'a str,
    /// 1 to 12.
    month: usize,
    day: u8,
    /// `18:05`
    time: &'a str,
}

impl Words {
    /// Those of a language.
    pub(super) const fn of(language: Language) -> &'static Self {
        match language {
            Language::En => &EN,
            Language::De => &DE,
            Language::Es => &ES,
            Language::Fr => &FR,
            Language::Zh => &ZH,
        }
    }

    /// A moment to the minute, as people write it. Where its reader is nobody knows here, so it is UTC.
    pub(super) fn moment(&self, at: Timestamp) -> String {
        let text = at.to_string();
        let date = text.get(..4).zip(text.get(11..16)).and_then(|(year, time)| {
            let (month, day) = (text.get(5..7)?.parse().ok()?, text.get(8..10)?.parse().ok()?);
            Some((self.date)(&Date { year, month, day, time }))
        });
        date.unwrap_or(text)
    }

    /// What a link says where its workflow leaves it to us; what the workflow says is nobody's to translate.
    pub(super) fn instead_of(&self, link: &Link, said: Said) -> Option<&'static str> {
        let gives = link.gives?;
        let ours = offered(gives);
        let offer = match gives {
            LinkGives::Pass => &self.offers[0],
            LinkGives::BackupCodes => &self.offers[1],
        };
        let (is_ours, instead) = match said {
            Said::Title => (link.title.is(ours.title), offer.title),
            Said::Message => (link.message.is(ours.message), offer.message),
            Said::Button => (link.button.is(ours.button), offer.button),
            Said::Done => (link.done.as_ref().is_some_and(|done| done.is(ours.done)), offer.done),
        };
        is_ours.then_some(instead)
    }
}

/// What a workflow says on the page of a link.
#[derive(Debug, Clone, Copy)]
pub(super) enum Said {
    Title,
    Message,
    Button,
    Done,
}

impl Said {
    pub(super) fn of(self, link: &Link) -> Option<&Texts> {
        match self {
            Self::Title => Some(&link.title),
            Self::Message => Some(&link.message),
            Self::Button => Some(&link.button),
            Self::Done => link.done.as_ref(),
        }
    }
}

fn name(months: &[&'static str; 12], month: usize) -> &'static str {
    month.checked_sub(1).and_then(|at| months.get(at)).copied().unwrap_or_default()
}

static EN: Words = Words {
    tag: "en",
    until: "This works once, until {time}.",
    done_title: "Done",
    close: "You can close this page.",
    still_works: "This link still works.",
    used: ["This link was used already", "It works once."],
    over: ["This link does nothing any more", "What it was for has come to its end."],
    expired: ["This link has expired", "It worked until {time}."],
    about: "What it was about",
    concerns: "If that still concerns you, say so, and we go on from there.",
    concerns_me: "It still concerns me",
    known: [
        "We know that you came",
        "What is done for you now goes to the address that we know of you already. If nothing comes, and it is urgent, call whoever runs this service.",
    ],
    nowhere: [
        "This link leads nowhere",
        "There is no such link, or not any more. See whether the whole address was copied; else ask whoever runs this service.",
    ],
    waiting: [
        "Please wait a little",
        "So many came from your network just now that no more are let in. Try again in a minute: the link works as before.",
    ],
    changed: [
        "That did not work",
        "Something about your account changed just now, and nothing was done. Try again. If it stays so, ask whoever runs this service.",
    ],
    busy: ["Not available just now", "Try again in a moment. If it stays so, ask whoever runs this service."],
    again: "Try again",
    shown_now: [
        "It is shown only now. Write it down before you close this page.",
        "They are shown only now. Write them down before you close this page.",
    ],
    offers: [
        Offer {
            title: "Your way back in",
            message: "You get a code here that counts once, in the place of your devices. It is shown once. Your backup codes, if you had any, count for nothing from then on.",
            button: "Show my code",
            done: "Keep it to yourself: whoever runs this service never asks for it.",
        },
        Offer {
            title: "Your new backup codes",
            message: "You get new backup codes here. They are shown once: have something to write with. Those that you had count for nothing from then on.",
            button: "Show my codes",
            done: "Keep them to yourself: whoever runs this service never asks for them.",
        },
    ],
    safety: "Nobody will ever ask you for a code by phone, e-mail or chat. If somebody does, it is a fraud.",
    date: |date| {
        const MONTHS: [&str; 12] = [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ];
        format!("{} {} {}, {} UTC", date.day, name(&MONTHS, date.month), date.year, date.time)
    },
};

static DE: Words = Words {
    tag: "de",
    until: "Das geht einmal, bis {time}.",
    done_title: "Erledigt",
    close: "Sie können diese Seite schließen.",
    still_works: "Dieser Link gilt noch.",
    used: ["Dieser Link wurde schon benutzt", "Er gilt nur einmal."],
    over: ["Dieser Link bewirkt nichts mehr", "Wofür er da war, ist abgeschlossen."],
    expired: ["Dieser Link ist abgelaufen", "Er galt bis {time}."],
    about: "Worum es ging",
    concerns: "Wenn Sie das noch betrifft, sagen Sie es uns: Dann geht es von hier aus weiter.",
    concerns_me: "Es betrifft mich noch",
    known: [
        "Wir wissen, dass Sie hier waren",
        "Was jetzt für Sie geschieht, geht an die Adresse, die wir von Ihnen schon kennen. Wenn nichts kommt und es eilt, rufen Sie den Betreiber dieses Dienstes an.",
    ],
    nowhere: [
        "Dieser Link führt nirgendwohin",
        "Es gibt ihn nicht oder nicht mehr. Prüfen Sie, ob die ganze Adresse kopiert wurde; sonst fragen Sie den Betreiber dieses Dienstes.",
    ],
    waiting: [
        "Bitte warten Sie kurz",
        "Aus Ihrem Netz kamen gerade so viele Anfragen, dass keine weitere angenommen wird. Versuchen Sie es in einer Minute noch einmal: Der Link gilt wie zuvor.",
    ],
    changed: [
        "Das hat nicht geklappt",
        "An Ihrem Konto hat sich gerade etwas geändert, und es ist nichts geschehen. Versuchen Sie es noch einmal. Wenn es so bleibt, fragen Sie den Betreiber dieses Dienstes.",
    ],
    busy: [
        "Im Moment nicht verfügbar",
        "Versuchen Sie es gleich noch einmal. Wenn es so bleibt, fragen Sie den Betreiber dieses Dienstes.",
    ],
    again: "Erneut versuchen",
    shown_now: [
        "Er wird nur jetzt gezeigt. Schreiben Sie ihn auf, bevor Sie diese Seite schließen.",
        "Sie werden nur jetzt gezeigt. Schreiben Sie sie auf, bevor Sie diese Seite schließen.",
    ],
    offers: [
        Offer {
            title: "Ihr Weg zurück in Ihr Konto",
            message: "Sie bekommen hier einen Code, der einmal gilt, anstelle Ihrer Geräte. Er wird einmal gezeigt. Ihre Ersatzcodes, falls Sie welche hatten, gelten von da an nicht mehr.",
            button: "Code anzeigen",
            done: "Behalten Sie ihn für sich: Der Betreiber dieses Dienstes fragt Sie nie danach.",
        },
        Offer {
            title: "Ihre neuen Ersatzcodes",
            message: "Sie bekommen hier neue Ersatzcodes. Sie werden einmal gezeigt: Halten Sie etwas zum Schreiben bereit. Ihre bisherigen gelten von da an nicht mehr.",
            button: "Codes anzeigen",
            done: "Behalten Sie sie für sich: Der Betreiber dieses Dienstes fragt Sie nie danach.",
        },
    ],
    safety: "Niemand fragt Sie je am Telefon, per E-Mail oder im Chat nach einem Code. Wer es tut, will Sie betrügen.",
    date: |date| {
        const MONTHS: [&str; 12] = [
            "Januar",
            "Februar",
            "März",
            "April",
            "Mai",
            "Juni",
            "Juli",
            "August",
            "September",
            "Oktober",
            "November",
            "Dezember",
        ];
        format!("{}. {} {}, {} Uhr (UTC)", date.day, name(&MONTHS, date.month), date.year, date.time)
    },
};

static ES: Words = Words {
    tag: "es",
    until: "Funciona una sola vez, hasta el {time}.",
    done_title: "Hecho",
    close: "Puede cerrar esta página.",
    still_works: "Este enlace aún funciona.",
    used: ["Este enlace ya se utilizó", "Funciona una sola vez."],
    over: ["Este enlace ya no hace nada", "Aquello para lo que servía ha terminado."],
    expired: ["Este enlace ha caducado", "Funcionó hasta el {time}."],
    about: "De qué se trataba",
    concerns: "Si todavía le afecta, díganoslo y seguiremos desde ahí.",
    concerns_me: "Todavía me afecta",
    known: [
        "Sabemos que ha venido",
        "Lo que se haga ahora por usted irá a la dirección suya que ya conocemos. Si no llega nada y es urgente, llame a quien administra este servicio.",
    ],
    nowhere: [
        "Este enlace no lleva a ninguna parte",
        "No existe, o ya no. Compruebe si se copió la dirección completa; si es así, pregunte a quien administra este servicio.",
    ],
    waiting: [
        "Espere un poco",
        "Han llegado tantas visitas desde su red que por ahora no se admiten más. Inténtelo de nuevo en un minuto: el enlace sigue funcionando.",
    ],
    changed: [
        "No ha funcionado",
        "Algo de su cuenta acaba de cambiar y no se ha hecho nada. Inténtelo de nuevo. Si sigue igual, pregunte a quien administra este servicio.",
    ],
    busy: [
        "No disponible en este momento",
        "Inténtelo de nuevo en un momento. Si sigue igual, pregunte a quien administra este servicio.",
    ],
    again: "Intentar de nuevo",
    shown_now: [
        "Se muestra solo ahora. Anótelo antes de cerrar esta página.",
        "Se muestran solo ahora. Anótelos antes de cerrar esta página.",
    ],
    offers: [
        Offer {
            title: "Su vía de regreso",
            message: "Aquí recibe un código que sirve una vez, en lugar de sus dispositivos. Se muestra una sola vez. Sus códigos de respaldo, si los tenía, dejan de servir desde entonces.",
            button: "Mostrar mi código",
            done: "No se lo dé a nadie: quien administra este servicio nunca se lo pedirá.",
        },
        Offer {
            title: "Sus nuevos códigos de respaldo",
            message: "Aquí recibe nuevos códigos de respaldo. Se muestran una sola vez: tenga con qué anotarlos. Los que tenía dejan de servir desde entonces.",
            button: "Mostrar mis códigos",
            done: "No se los dé a nadie: quien administra este servicio nunca se los pedirá.",
        },
    ],
    safety: "Nadie le pedirá nunca un código por teléfono, correo o chat. Si alguien lo hace, es un fraude.",
    date: |date| {
        const MONTHS: [&str; 12] = [
            "enero",
            "febrero",
            "marzo",
            "abril",
            "mayo",
            "junio",
            "julio",
            "agosto",
            "septiembre",
            "octubre",
            "noviembre",
            "diciembre",
        ];
        format!("{} de {} de {}, {} (UTC)", date.day, name(&MONTHS, date.month), date.year, date.time)
    },
};

static FR: Words = Words {
    tag: "fr",
    until: "Cela marche une seule fois, jusqu’au {time}.",
    done_title: "C’est fait",
    close: "Vous pouvez fermer cette page.",
    still_works: "Ce lien fonctionne encore.",
    used: ["Ce lien a déjà servi", "Il ne sert qu’une fois."],
    over: ["Ce lien ne fait plus rien", "Ce à quoi il servait est terminé."],
    expired: ["Ce lien a expiré", "Il fonctionnait jusqu’au {time}."],
    about: "De quoi il s’agissait",
    concerns: "Si cela vous concerne encore, dites-le-nous, et nous reprendrons à partir de là.",
    concerns_me: "Cela me concerne encore",
    known: [
        "Votre passage est bien noté",
        "La suite sera envoyée à l’adresse que nous connaissons déjà de vous. Si rien n’arrive et que c’est urgent, appelez les responsables de ce service.",
    ],
    nowhere: [
        "Ce lien ne mène nulle part",
        "Il n’existe pas, ou plus. Vérifiez que l’adresse a été copiée en entier\u{a0}; sinon, demandez aux responsables de ce service.",
    ],
    waiting: [
        "Patientez un peu",
        "Il y a eu tant de visites depuis votre réseau qu’aucune autre n’est admise pour l’instant. Réessayez dans une minute\u{a0}: le lien fonctionne comme avant.",
    ],
    changed: [
        "Cela n’a pas marché",
        "Quelque chose vient de changer dans votre compte, et rien n’a été fait. Réessayez. Si cela continue, demandez aux responsables de ce service.",
    ],
    busy: [
        "Indisponible pour le moment",
        "Réessayez dans un instant. Si cela continue, demandez aux responsables de ce service.",
    ],
    again: "Réessayer",
    shown_now: [
        "Il n’est affiché que maintenant. Notez-le avant de fermer cette page.",
        "Ils ne sont affichés que maintenant. Notez-les avant de fermer cette page.",
    ],
    offers: [
        Offer {
            title: "Retrouver votre accès",
            message: "Vous recevez ici un code qui sert une fois, à la place de vos appareils. Il n’est affiché qu’une fois. Vos codes de secours, si vous en aviez, ne valent plus rien dès lors.",
            button: "Afficher mon code",
            done: "Gardez-le pour vous\u{a0}: les responsables de ce service ne le demandent jamais.",
        },
        Offer {
            title: "Vos nouveaux codes de secours",
            message: "Vous recevez ici de nouveaux codes de secours. Ils ne sont affichés qu’une fois\u{a0}: ayez de quoi les noter. Ceux que vous aviez ne valent plus rien dès lors.",
            button: "Afficher mes codes",
            done: "Gardez-les pour vous\u{a0}: les responsables de ce service ne les demandent jamais.",
        },
    ],
    safety: "Personne ne vous demandera jamais un code par téléphone, e-mail ou messagerie. Si quelqu’un le fait, c’est une fraude.",
    date: |date| {
        const MONTHS: [&str; 12] = [
            "janvier",
            "février",
            "mars",
            "avril",
            "mai",
            "juin",
            "juillet",
            "août",
            "septembre",
            "octobre",
            "novembre",
            "décembre",
        ];
        let day = if date.day == 1 { "1er".to_owned() } else { date.day.to_string() };
        format!("{day} {} {}, {} (UTC)", name(&MONTHS, date.month), date.year, date.time)
    },
};

static ZH: Words = Words {
    tag: "zh-Hans",
    until: "只能使用一次，有效期至 {time}。",
    done_title: "已完成",
    close: "您可以关闭此页面。",
    still_works: "此链接仍然有效。",
    used: ["此链接已被使用", "它只能使用一次。"],
    over: ["此链接不再起作用", "它所对应的事项已经结束。"],
    expired: ["此链接已过期", "它的有效期至 {time}。"],
    about: "相关事项",
    concerns: "如果此事仍与您有关，请告诉我们，我们会继续处理。",
    concerns_me: "仍与我有关",
    known: [
        "我们已知道您来过",
        "接下来的处理结果会发送到我们已有的您的联系地址。如果没有收到任何消息且事情紧急，请致电此服务的管理方。",
    ],
    nowhere: ["此链接无效", "没有这样的链接，或者它已不存在。请检查是否复制了完整的地址；否则请联系此服务的管理方。"],
    waiting: ["请稍等", "您所在的网络刚才访问过多，暂时不再接受。请一分钟后重试，此链接仍可照常使用。"],
    changed: ["操作未成功", "您的账户刚刚发生了变化，未作任何操作。请重试。如果仍然如此，请联系此服务的管理方。"],
    busy: ["暂时无法使用", "请稍后重试。如果仍然如此，请联系此服务的管理方。"],
    again: "重试",
    shown_now: ["它只在现在显示一次。请在关闭此页面前记下来。", "它们只在现在显示一次。请在关闭此页面前记下来。"],
    offers: [
        Offer {
            title: "重新进入您的账户",
            message: "您将在这里获得一个代码，可代替您的设备使用一次。它只显示一次。如果您有备用码，它们从此失效。",
            button: "显示我的代码",
            done: "请勿告诉他人：此服务的管理方绝不会向您索要它。",
        },
        Offer {
            title: "您的新备用码",
            message: "您将在这里获得新的备用码。它们只显示一次，请准备好记录。您原有的备用码从此失效。",
            button: "显示我的备用码",
            done: "请勿告诉他人：此服务的管理方绝不会向您索要它们。",
        },
    ],
    safety: "任何人都不会通过电话、邮件或聊天向您索要验证码。如有人索要，就是诈骗。",
    date: |date| format!("{}年{}月{}日 {}（UTC）", date.year, date.month, date.day, date.time),
};

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn texts(words: &Words) -> Vec<&'static str> {
        let Words { until, done_title, close, still_works, used, over, expired, about, concerns, concerns_me, .. } =
            words;
        let Words { known, nowhere, waiting, changed, busy, again, shown_now, offers, safety, .. } = words;
        let mut all = vec![*until, *done_title, *close, *still_works, *about, *concerns, *concerns_me, *again, *safety];
        all.extend([used, over, expired, known, nowhere, waiting, changed, busy, shown_now].into_iter().flatten());
        all.extend(offers.iter().flat_map(|offer| [offer.title, offer.message, offer.button, offer.done]));
        all
    }

    #[test]
    fn every_language_says_everything_and_nothing_that_was_only_copied() {
        let english: BTreeSet<&str> = texts(&EN).into_iter().collect();
        for language in Language::ALL {
            let words = Words::of(language);
            let texts = texts(words);
            for (own, pattern) in texts.iter().zip(self::texts(&EN)) {
                assert!(!own.trim().is_empty(), "{pattern}");
                assert_eq!(own.contains(TIME), pattern.contains(TIME), "{own}");
                assert!(language == Language::En || !english.contains(own), "{own}");
            }
        }
    }

    #[test]
    fn workflows_say_things_in_the_languages_that_pages_do() {
        assert_eq!(Language::ALL.map(Language::name), domain::LANGUAGES);
    }

    #[test]
    fn moments_are_written_as_people_write_them() {
        // 2026-08-01T18:05:59Z
        let at = Timestamp::from_unix_millis(1_785_607_559_000);
        let written = Language::ALL.map(|language| Words::of(language).moment(at));
        assert_eq!(
            written,
            [
                "1 August 2026, 18:05 UTC",
                "1. August 2026, 18:05 Uhr (UTC)",
                "1 de agosto de 2026, 18:05 (UTC)",
                "1er août 2026, 18:05 (UTC)",
                "2026年8月1日 18:05（UTC）",
            ]
        );
    }

    #[test]
    fn what_the_server_offers_by_itself_is_what_is_translated() {
        for gives in [LinkGives::Pass, LinkGives::BackupCodes] {
            let (ours, offer) = (offered(gives), &EN.offers[usize::from(gives == LinkGives::BackupCodes)]);
            assert_eq!(
                [ours.title, ours.message, ours.button, ours.done],
                [offer.title, offer.message, offer.button, offer.done]
            );
        }
    }
}
