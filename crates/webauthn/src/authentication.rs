//! Verifying an authentication assertion ([§7.2](https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion)).

use std::time::Duration;

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

use crate::authenticator_data::AuthenticatorData;
use crate::client_data::{self, Ceremony};
use crate::options::{Descriptor, Hint, RequestOptions, UserVerification};
use crate::public_key::PublicKey;
use crate::{AuthenticationResponse, Challenge, Credential, Refusal, RelyingParty, UserHandle, base64};

/// Of whom a proof is asked for.
#[derive(Debug, Clone, Default)]
pub struct Asked<'a> {
    /// The user, where it is known who: nobody else's credential counts then.
    pub user: Option<UserHandle>,
    /// What that user has. Where there is nothing the browser offers what it finds: passkeys, in the field for the name.
    pub credentials: &'a [Credential],
    /// Whether the user has to be verified this time, where that is not as [`crate::Policy::user_verification`] says.
    pub user_verification: Option<UserVerification>,
    /// What the page should speak of first.
    pub hints: Vec<Hint>,
}

/// The state of an authentication between its halves: kept by the server, used once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authentication {
    #[serde(with = "base64")]
    challenge: Challenge,
    rp_id: String,
    user_verification: UserVerification,
    /// The user who was asked.
    #[serde(default, with = "base64::option", skip_serializing_if = "Option::is_none")]
    user: Option<Vec<u8>>,
    /// The ids of what was asked for; none means that any will do.
    allowed: Vec<String>,
}

/// What came of an authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Authenticated {
    /// The signature counter, to be kept: [`Credential::after`].
    pub counter: u32,
    /// Whether the authenticator verified its user.
    pub user_verified: bool,
    /// Whether the key can be copied to other devices.
    pub backup_eligible: bool,
    /// Whether it is.
    pub backed_up: bool,
}

impl RelyingParty {
    /// Begins an authentication: what the browser is handed, and what is kept until it answers.
    ///
    /// A browser asks for one relying party id at a time. Where the user's credentials are of several, those of the
    /// first id that has any are asked for. Credentials that the policy does not permit are not.
    pub fn begin_authentication(
        &self,
        challenge: Challenge,
        asked: Asked<'_>,
        lifetime: Duration,
    ) -> (RequestOptions, Authentication) {
        let of = |id: &str| -> Vec<Descriptor> {
            let usable = asked
                .credentials
                .iter()
                .filter(|credential| credential.rp_id == id && self.policy.permits(credential).is_ok());
            usable.map(Credential::descriptor).collect()
        };
        let (rp_id, allowed) = self
            .ids
            .iter()
            .map(|id| (id.id.clone(), of(&id.id)))
            .find(|(_, credentials)| !credentials.is_empty())
            .unwrap_or_else(|| (self.id().to_owned(), Vec::new()));
        let user_verification = asked.user_verification.unwrap_or(self.policy.user_verification);
        let state = Authentication {
            challenge,
            rp_id: rp_id.clone(),
            user_verification,
            user: asked.user.map(|handle| handle.to_vec()),
            allowed: allowed.iter().map(|credential| base64::encode(&credential.id)).collect(),
        };
        let options = RequestOptions {
            challenge,
            timeout: u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX),
            rp_id,
            allow_credentials: allowed,
            user_verification,
            hints: asked.hints,
        };
        (options, state)
    }

    /// Ends an authentication: judges what the browser answered. `credential` is the one of the response's id, as it is
    /// kept now, and `owner` whose it is.
    ///
    /// # Errors
    ///
    /// Why it does not count.
    pub fn finish_authentication(
        &self,
        state: &Authentication,
        response: &AuthenticationResponse,
        owner: &UserHandle,
        credential: &Credential,
    ) -> Result<Authenticated, Refusal> {
        // 5: If options.allowCredentials is not empty, verify that credential.id identifies one of those listed.
        let unasked = !state.allowed.is_empty() && !state.allowed.contains(&base64::encode(&response.id));
        if unasked || credential.id != response.id {
            return Err(Refusal::Unasked);
        }
        // 6: Identify the user being authenticated and verify that the user is the owner of the credential.
        check_owner(state, response, owner)?;

        // 7–15: the client data.
        client_data::check(&response.client_data, Ceremony::Get, &state.challenge, self)?;

        // 16–19: relying party, user presence, user verification, backup flags.
        let data = AuthenticatorData::parse(&response.authenticator_data)?;
        let id = self.known(&state.rp_id).filter(|id| id.id == credential.rp_id).ok_or(Refusal::RelyingParty)?;
        data.check(&id.hash, state.user_verification)?;
        if data.credential.is_some() {
            return Err(Refusal::AuthenticatorData);
        }
        // Compare currentBe and currentBs with credentialRecord: the first never changes.
        if data.backup_eligible() != credential.backup_eligible {
            return Err(Refusal::BackupEligibilityChanged);
        }
        // Apply Relying Party policy.
        self.policy.permits(credential)?;

        // 20, 21: Verify that sig is a valid signature over the binary concatenation of authData and hash.
        let hash = digest::digest(&digest::SHA256, &response.client_data);
        let message = [response.authenticator_data.as_slice(), hash.as_ref()].concat();
        PublicKey::parse(&credential.public_key)?.verify(&message, &response.signature)?;

        // 22: If authData.signCount is nonzero or credentialRecord.signCount is nonzero, it has to have grown.
        if (data.counter != 0 || credential.counter != 0) && data.counter <= credential.counter {
            return Err(Refusal::Cloned);
        }
        // 23 and 24, keeping counter and backup state, are for whoever keeps credentials.
        Ok(Authenticated {
            counter: data.counter,
            user_verified: data.user_verified(),
            backup_eligible: data.backup_eligible(),
            backed_up: data.backed_up(),
        })
    }
}

fn check_owner(state: &Authentication, response: &AuthenticationResponse, owner: &UserHandle) -> Result<(), Refusal> {
    let asked_of_another = state.user.as_ref().is_some_and(|user| user != owner);
    let says_another = response.user_handle.as_ref().is_some_and(|handle| handle != owner);
    let says_nobody = state.user.is_none() && response.user_handle.is_none();
    if asked_of_another || says_another || says_nobody { Err(Refusal::UserHandle) } else { Ok(()) }
}
