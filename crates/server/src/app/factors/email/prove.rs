//! One question to the vault, with the hash of the code that was sent.

use super::super::{Against, Judgement};
use crate::app::proof::Given;
use crate::app::{App, Error};

pub(super) async fn judge(app: &App, given: &Given, against: &Against<'_>) -> Result<Judgement, Error> {
    app.judge_sent_code(given, against).await
}
