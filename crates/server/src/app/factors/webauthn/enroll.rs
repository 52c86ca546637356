//! A browser is asked to have a credential made.

use domain::{AuthenticatorKind, Enrollment};
use webauthn::{Account, Wishes};

use super::super::{Enrolling, HandedOver, Prompted, Shown};
use super::{challenge, credentials, handle, json, kept, relying_party};
use crate::app::{App, Error};

/// Creation options, as often as they are asked for: nothing in them is secret, and each asking ends the one before.
pub(super) fn hand_over(app: &App, enrolling: &Enrolling<'_>) -> Result<HandedOver, Error> {
    let Enrolling { enrollment, authenticator, user, existing, now, .. } = *enrolling;
    let account =
        Account { handle: handle(user.id), name: user.name().to_owned(), display_name: user.name().to_owned() };
    // Also those that are suspended: an authenticator that is there already does not become another one by registering again.
    let bound = existing.iter().filter(|known| known.is_bound() && Some(known.id) != enrollment.replaces);
    let known = credentials(bound);
    let (options, state) = relying_party(app)?.begin_registration(
        challenge(app),
        account,
        Wishes::default(),
        &known,
        Enrollment::CONFIRM_LIFETIME,
    );
    let mut prompt = app.new_prompt(AuthenticatorKind::Webauthn, now, now.plus(Enrollment::CONFIRM_LIFETIME));
    prompt.enrollment_id = Some(enrollment.id);
    prompt.user_id = Some(user.id);
    prompt.authenticator_id = Some(authenticator.id);
    prompt.data = kept(&state)?;
    let shown = Shown { webauthn: Some(json(&options)?), ..Shown::default() };
    Ok(HandedOver::Prompt(Box::new(Prompted {
        prompt,
        shown,
        to: None,
        code: None,
        instead: None,
        others: Vec::new(),
    })))
}
