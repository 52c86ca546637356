//! A signature is held against the key of the browser that was asked.

use data_encoding::BASE64URL_NOPAD;
use domain::Credential;
use store::Used;

use super::super::{Against, Judgement, Right};
use super::{is_signed, lifetime};
use crate::app::App;
use crate::app::proof::Given;

pub(super) fn judge(app: &App, given: &Given, against: &Against<'_>) -> Judgement {
    let Given::Browser(_, signature) = given else { return Judgement::Wrong("another_kind") };
    if lifetime(app).is_none() {
        return Judgement::Wrong("not_offered");
    }
    let asked = against.prompt.and_then(|prompt| Some((prompt, prompt.authenticator_id?, prompt.data.as_ref()?)));
    let Some((prompt, browser, text)) = asked else { return Judgement::Wrong("wrong") };
    let Some(index) = against.authenticators.iter().position(|it| it.id == browser) else {
        return Judgement::Wrong("wrong");
    };
    let key = against.authenticators.get(index).and_then(|it| match it.credential.as_ref()? {
        Credential::Browser(credential) => BASE64URL_NOPAD.decode(credential.public_key.as_bytes()).ok(),
        _ => None,
    });
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok();
    match key.zip(bytes) {
        Some((key, bytes)) if is_signed(&key, &bytes, signature) => {
            Judgement::Right(Right::plain(index, Used::Prompt(prompt.id, None), None))
        }
        _ => Judgement::Wrong("wrong"),
    }
}
