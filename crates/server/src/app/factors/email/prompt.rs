//! A code is made for a challenge, and sent once that is kept.

use domain::AuthenticatorKind;

use super::super::{Asked, Prompted};
use crate::app::{Actor, App, Error};

pub(super) async fn prompt(app: &App, asked: &Asked<'_>) -> Result<Prompted, Error> {
    app.code_for_challenge(AuthenticatorKind::Email, asked).await
}

pub(super) async fn deliver(app: &App, actor: &Actor, prompted: &Prompted) -> Result<(), Error> {
    app.deliver_code(actor, prompted).await
}
