//! One question to the vault, with the hash of the code that was sent.

use domain::Credential;

use super::super::{Against, Judgement};
use crate::app::proof::Given;
use crate::app::{App, Error};

pub(super) async fn judge(app: &App, given: &Given, against: &Against<'_>) -> Result<Judgement, Error> {
    let judgement = app.judge_sent_code(given, against).await?;
    let is_first = against.prompt.is_some_and(|prompt| prompt.enrollment_id.is_some());
    if let (Judgement::Right(right), Some(post), true) = (&judgement, &app.post, is_first) {
        let authenticator = against.authenticators.get(right.index);
        if let Some(Credential::Sms(number)) = authenticator.and_then(|authenticator| authenticator.credential.as_ref())
        {
            // Codes that come back are what tells people from toll fraud (T-24).
            post.proved(number, app.now());
        }
    }
    Ok(judgement)
}
