//! What the app is told of a prompt.
//!
//! It is made once, as text, and the app signs a hash of that text: nobody has to agree on how JSON is spelled, and whatever the
//! person was shown is part of what was signed. The number is not in it.

use serde::Serialize;

use super::Digits;
use crate::{AuthenticatorId, ChallengeId, EnrollmentId, PromptId, Timestamp};

/// What is asked, as the app shows it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PromptText<'a> {
    /// The version of this shape.
    pub v: u8,
    /// Which prompt.
    pub id: PromptId,
    /// Who is to answer.
    pub authenticator_id: AuthenticatorId,
    /// What is proved by it.
    #[serde(flatten)]
    pub about: Subject,
    /// The application that asks, by its name.
    pub application: &'a str,
    /// Whose account it is, as the user knows it.
    pub account: &'a str,
    /// What for, in the application's words.
    pub action: &'a str,
    /// Binds the answer to user, session, action and context: the challenge's action hash, base64url.
    pub action_hash: &'a str,
    /// Further details, such as amount and payee, in the order in which they are shown.
    pub shown: &'a [(String, String)],
    /// Where the question comes from.
    pub asked_from: AskedFrom<'a>,
    /// When it was asked.
    pub created_at: Timestamp,
    /// When it is too late.
    pub expires_at: Timestamp,
    /// How many digits the number has that is to be typed.
    pub digits: Digits,
}

/// What is proved by a prompt: a challenge, or that the app that just enrolled is the one in the person's hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A challenge.
    ChallengeId(ChallengeId),
    /// An enrollment.
    EnrollmentId(EnrollmentId),
}

/// Where a question comes from, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct AskedFrom<'a> {
    /// The network address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<&'a str>,
    /// The town and country.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<&'a str>,
    /// The browser and system.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device: Option<&'a str>,
}

impl PromptText<'_> {
    /// The version of the shape that is described here.
    pub const VERSION: u8 = 1;

    /// The text; the same fields give the same one.
    ///
    /// # Errors
    /// None in practice: nothing in it fails to be JSON.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_as_it_is_documented() {
        let shown = [("To".to_owned(), "Hanna \"H\" Weiss".to_owned()), ("Amount".to_owned(), "€ 250.00".to_owned())];
        let text = PromptText {
            v: PromptText::VERSION,
            id: PromptId::from_uuid(uuid::Uuid::from_u128(1)),
            authenticator_id: AuthenticatorId::from_uuid(uuid::Uuid::from_u128(2)),
            about: Subject::ChallengeId(ChallengeId::from_uuid(uuid::Uuid::from_u128(3))),
            application: "Nimbus Shop",
            account: "ana@example.org",
            action: "transfer",
            action_hash: "aGFzaA",
            shown: &shown,
            asked_from: AskedFrom { address: Some("203.0.113.7"), ..AskedFrom::default() },
            created_at: Timestamp::from_unix_millis(0),
            expires_at: Timestamp::from_unix_millis(120_000),
            digits: Digits::DEFAULT,
        };
        assert_eq!(
            text.to_json().unwrap(),
            "{\"v\":1,\"id\":\"prm_00000000000000000000000000000001\",\
             \"authenticator_id\":\"ath_00000000000000000000000000000002\",\
             \"challenge_id\":\"chl_00000000000000000000000000000003\",\
             \"application\":\"Nimbus Shop\",\"account\":\"ana@example.org\",\"action\":\"transfer\",\
             \"action_hash\":\"aGFzaA\",\"shown\":[[\"To\",\"Hanna \\\"H\\\" Weiss\"],[\"Amount\",\"€ 250.00\"]],\
             \"asked_from\":{\"address\":\"203.0.113.7\"},\"created_at\":\"1970-01-01T00:00:00.000Z\",\
             \"expires_at\":\"1970-01-01T00:02:00.000Z\",\"digits\":2}"
        );
    }
}
