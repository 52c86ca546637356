//! Whether an answer approves: signed with the app's key over what it was shown, and with the number on the other screen.

use data_encoding::BASE64URL_NOPAD;
use domain::push::Answer;
use domain::push::signed::Answered;
use domain::{Credential, Prompt, PushCredential};
use store::Used;

use super::super::{Against, Judgement, Right};
use super::kept::question;
use super::key::AppKey;
use super::sha256;
use crate::app::App;
use crate::app::proof::Given;

/// Judges an approval. Of the answers to a prompt only the one that it was claimed by is judged: who sends many numbers at once has one
/// of them looked at (T-15).
pub(super) fn judge(app: &App, given: &Given, against: &Against<'_>) -> Judgement {
    let (Some(prompt), [authenticator]) = (against.prompt, against.authenticators) else {
        return Judgement::Wrong("wrong");
    };
    let Some(question) = question(prompt) else { return Judgement::Wrong("wrong") };
    let connecting = question.app.as_ref().map(|app| app.public_key.clone());
    let known = match (&connecting, &authenticator.credential) {
        (Some(public_key), _) => Some(public_key.clone()),
        (None, Some(Credential::Push(credential))) => Some(credential.public_key.clone()),
        _ => None,
    };
    let Some(key) = known.as_deref().and_then(AppKey::from_text) else { return Judgement::Wrong("wrong") };
    let right = match given {
        Given::Push { number, signature, .. } => {
            let message = message(app, prompt, Answer::Approve(number));
            let signed = message.as_ref().is_some_and(|message| key.signed(message, signature));
            let claimed = message.is_some_and(|message| prompt.hash == Some(sha256(&message)));
            signed && claimed && question.number.is(number)
        }
        // The app has answered, and its signature was looked at when it did: whoever began the enrollment finishes it.
        Given::Approved(_) => connecting.is_some() && is_approved(app, prompt),
        _ => false,
    };
    if !right {
        return Judgement::Wrong("wrong");
    }
    let mut right = Right::plain(0, Used::Prompt(prompt.id, None), None);
    right.credential =
        connecting.map(|public_key| Credential::Push(Box::new(PushCredential { public_key, delivery: None })));
    Judgement::Right(right)
}

/// What is signed with an answer to a prompt.
pub(super) fn message(app: &App, prompt: &Prompt, answer: Answer<'_>) -> Option<Vec<u8>> {
    let question = question(prompt)?;
    let prompt_hash = sha256(question.text.as_bytes());
    Some(Answered { server: app.push_server(), prompt_hash: &prompt_hash, answer }.bytes())
}

/// Whether the answer that a prompt was claimed by is this one.
pub(super) fn is_claimed_by(app: &App, prompt: &Prompt, answer: Answer<'_>) -> bool {
    prompt.hash.is_some() && message(app, prompt, answer).map(|message| sha256(&message)) == prompt.hash
}

/// Whether a prompt was answered with its number, whatever has become of it since.
pub(in crate::app) fn is_approved(app: &App, prompt: &Prompt) -> bool {
    question(prompt).is_some_and(|question| is_claimed_by(app, prompt, Answer::Approve(question.number.as_str())))
}

/// The app's key as it is kept.
pub(super) fn key_text(key: &AppKey) -> String {
    BASE64URL_NOPAD.encode(key.point())
}
