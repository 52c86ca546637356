//! A hardware token becomes somebody's: its key, which was imported, is sealed for its authenticator.

use domain::{Authenticator, HardwareToken, Sealed};
use vault_proto::{Reply, TokenBinding, Verb};

use super::super::totp::{binding, params};
use crate::app::vault::unexpected;
use crate::app::{App, Error};

/// The number of the first key that an authenticator has.
const FIRST: i32 = 1;

/// Which token a key is sealed for, as the vault binds it.
pub(crate) fn token_binding(token: &HardwareToken) -> TokenBinding {
    TokenBinding { id: token.id.uuid().into_bytes(), serial: token.serial.clone() }
}

/// The key of a token, sealed for the authenticator that it becomes.
pub(crate) async fn assign(app: &App, token: &HardwareToken, authenticator: &Authenticator) -> Result<Sealed, Error> {
    let incomplete = || Error::Internal("a hardware token cannot be read back".to_owned());
    let to = binding(authenticator, FIRST).ok_or_else(incomplete)?;
    let params = params(&token.sealed).ok_or_else(incomplete)?;
    let question = || Verb::AssignToken { token: token_binding(token), params, blob: token.sealed.blob.clone(), to };
    match app.vault.ask(question).await? {
        Reply::Sealed(blob) => Ok(Sealed { blob, generation: FIRST, ..token.sealed.clone() }),
        other => Err(unexpected(&other)),
    }
}
