//! Finding a device again that counts its codes and ran too far ahead: by two codes in a row.
//!
//! They are a proof like any other, so they go through the one door: a challenge of their own is made for them, and verified.

use std::sync::Arc;
use std::time::Duration;

use domain::{AuthenticatorId, AuthenticatorKind};
use serde_json::Map;

use super::authenticators::Seen;
use super::challenges::{Ask, Whom};
use super::proof::Given;
use super::{Actor, App, Error, Made, UserRef};

/// What the challenge is for, as events tell it.
const ACTION: &str = "resynchronize";
/// It is answered in the same request.
const LIFETIME: Duration = Duration::from_mins(1);

impl App {
    /// Looks for a device further ahead than a single code is looked for. Wrong pairs are counted as wrong codes are.
    pub(crate) async fn resynchronize(
        self: Arc<Self>,
        actor: Actor,
        id: AuthenticatorId,
        codes: [&str; 2],
    ) -> Result<Seen, Error> {
        let given = Given::pair(id, codes)?;
        let authenticator = self.authenticator(id).await?.authenticator;
        if authenticator.kind != AuthenticatorKind::Hotp {
            return Err(Error::Conflict("only what counts its codes gets out of step"));
        }
        let ask = Ask {
            whom: Whom::User(UserRef::Id(authenticator.user_id)),
            action: ACTION.to_owned(),
            required: None,
            shown: Vec::new(),
            context: Map::new(),
            lifetime: LIFETIME,
        };
        let Made::New(challenge) = self.create_challenge(&actor, ask, None).await? else {
            return Err(Error::Internal("a challenge without an idempotency key was made before".to_owned()));
        };
        Arc::clone(&self).verify(actor, challenge.id, given, None).await?;
        self.authenticator(id).await
    }
}
