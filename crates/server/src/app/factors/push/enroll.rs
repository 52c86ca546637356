//! An enrollment hands over a link, by which one app can come. Once it came, there is a number for it.

use data_encoding::BASE64URL_NOPAD;
use domain::AuthenticatorKind;
use vault_proto::Secret;
use zeroize::Zeroizing;

use super::super::{Enrolling, HandedOver, Prompted, Shown};
use super::kept::{Kept, question};
use super::{sha256, shown};
use crate::app::App;

/// Bytes of a link's token: the prompt's id, and 32 random ones.
pub(super) const TOKEN: usize = 48;

pub(super) fn hand_over(app: &App, enrolling: &Enrolling<'_>) -> HandedOver {
    let Enrolling { enrollment, authenticator, before, now, .. } = *enrolling;
    // An app has come: a link for another one would take its place away.
    if let Some(before) = before.filter(|before| question(before).is_some()) {
        let prompted = Prompted {
            prompt: before.clone(),
            shown: shown(before),
            to: None,
            code: None,
            instead: None,
            others: Vec::new(),
        };
        return HandedOver::Prompt(Box::new(prompted));
    }
    let mut prompt = app.new_prompt(AuthenticatorKind::Push, now, enrollment.view_expires_at);
    let mut token = Zeroizing::new([0; TOKEN]);
    let (id, secret) = token.split_at_mut(16);
    id.copy_from_slice(prompt.id.uuid().as_bytes());
    app.entropy.fill(secret);
    let token = Zeroizing::new(BASE64URL_NOPAD.encode(&*token));
    prompt.enrollment_id = Some(enrollment.id);
    prompt.user_id = Some(enrollment.user_id);
    prompt.authenticator_id = Some(authenticator.id);
    prompt.hash = Some(sha256(token.as_bytes()));
    prompt.data = Kept::Link.to_json();
    let link = format!("{}/authenticator#enroll={}", app.push_server(), token.as_str());
    let shown = Shown { link: Some(Secret(link.into_bytes())), ..Shown::default() };
    HandedOver::Prompt(Box::new(Prompted { prompt, shown, to: None, code: None, instead: None, others: Vec::new() }))
}
