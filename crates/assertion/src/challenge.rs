//! What a resource answers where an assertion is missing, not good or not enough: `WWW-Authenticate` (RFC 6750 §3, RFC 9449 §7.1, RFC 9470 §3).

use crate::jws::Refused;
use crate::need::{Lacking, Need};

/// How an assertion is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// By itself, or beside a client certificate.
    Bearer,
    /// With a proof of possession in `DPoP`.
    Dpop,
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no assertion, or there are two.
    None,
    /// The assertion is not accepted.
    Token(Refused),
    /// It is bound to a key that was not shown.
    Unbound,
    /// The proof of possession is not accepted.
    Proof(Refused),
    /// The same proof of possession came before.
    Replayed,
    /// It is good, and not enough.
    Lacking(Lacking),
}

impl Refusal {
    /// The value of `WWW-Authenticate`. It says what is wanted, and nothing of what was shown.
    pub fn challenge(self, scheme: Scheme, need: &Need) -> String {
        let (error, description) = match self {
            Self::None => (None, String::new()),
            Self::Token(refused) => (Some("invalid_token"), format!("the assertion is not accepted: {refused}")),
            Self::Unbound => {
                (Some("invalid_token"), "the assertion has to be shown with the key that it is bound to".to_owned())
            }
            Self::Proof(Refused::Nonce) => (Some("use_dpop_nonce"), "a nonce is wanted".to_owned()),
            Self::Proof(refused) => {
                (Some("invalid_dpop_proof"), format!("the proof of possession is not accepted: {refused}"))
            }
            Self::Replayed => (Some("invalid_dpop_proof"), "the proof of possession came before".to_owned()),
            Self::Lacking(lacking) => (Some("insufficient_user_authentication"), lacking.to_string()),
        };
        let mut parameters: Vec<String> = Vec::new();
        if let Some(error) = error {
            parameters.push(format!("error=\"{error}\""));
            parameters.push(format!("error_description=\"{description}\""));
        }
        // Also where nothing was shown: whoever asks next does so for enough.
        parameters.extend(need.acr_values().map(|values| format!("acr_values=\"{values}\"")));
        parameters.extend(need.max_age.map(|seconds| format!("max_age=\"{seconds}\"")));
        if scheme == Scheme::Dpop {
            parameters.push("algs=\"ES256 EdDSA\"".to_owned());
        }
        let name = match scheme {
            Scheme::Bearer => "Bearer",
            Scheme::Dpop => "DPoP",
        };
        if parameters.is_empty() { name.to_owned() } else { format!("{name} {}", parameters.join(", ")) }
    }
}
