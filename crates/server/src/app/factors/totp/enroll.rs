//! A key is made, and shown once.

use domain::{Application, Scope, Sealed};
use vault_proto::{Provision, Reply, Verb};

use super::super::{Enrolling, HandedOver};
use super::{binding, params};
use crate::app::vault::unexpected;
use crate::app::{App, Error};

/// The most bytes of a name that the vault puts into a URI, so that its picture can still be drawn.
const MOST_ISSUER: usize = 128;
/// The same for whose codes they are.
const MOST_ACCOUNT: usize = 256;

/// Has a key made, and its one view rendered.
pub(in super::super) async fn hand_over(app: &App, enrolling: &Enrolling<'_>) -> Result<HandedOver, Error> {
    let Enrolling { actor, enrollment, authenticator, user, qr, .. } = *enrolling;
    let generation = authenticator.sealed.as_ref().map_or(0, |sealed| sealed.generation) + 1;
    let sealed = Sealed {
        blob: Vec::new(),
        algorithm: enrollment.algorithm.clone(),
        digits: enrollment.digits,
        period: enrollment.period,
        generation,
    };
    let incomplete = || Error::Internal("an enrollment cannot be read back".to_owned());
    let binding = binding(authenticator, generation).ok_or_else(incomplete)?;
    let params = params(&sealed).ok_or_else(incomplete)?;
    let recipient = match enrollment.recipient_key.as_deref().map(<[u8; 32]>::try_from) {
        None => None,
        Some(Ok(key)) => Some(key),
        Some(Err(_)) => return Err(incomplete()),
    };
    let verb = || {
        Verb::Provision(Provision {
            binding,
            params,
            issuer: cut(issuer_shown(app, &actor.application), MOST_ISSUER),
            account: cut(user.name(), MOST_ACCOUNT),
            qr,
            recipient,
        })
    };
    match app.vault.ask(verb).await? {
        Reply::Provisioned { blob, view } => Ok(HandedOver::Key(Sealed { blob, ..sealed }, view)),
        other => Err(unexpected(&other)),
    }
}

/// Who asks for codes, as authenticator apps show it. The name of an administrator's key, say from the command line,
/// tells whoever looks at the app nothing.
fn issuer_shown<'a>(app: &'a App, application: &'a Application) -> &'a str {
    match &app.settings.issuer_name {
        Some(name) => name,
        None if application.scopes.contains(&Scope::Admin) => "Countersign",
        None => &application.name,
    }
}

/// As much of a text as has this many bytes of UTF-8 at most.
fn cut(text: &str, most: usize) -> String {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default().to_owned()
}
