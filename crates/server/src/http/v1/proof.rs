//! A proof, as a body says it.

use domain::PromptId;
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::flawed;
use crate::app::proof::Given;
use crate::http::problem::Problem;

/// What a person gives as proof: one of `code` and `webauthn`, or `prompt_id` alone where that was answered on an app.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProofGiven {
    /// A code: 6 to 10 digits of an authenticator app, a hardware token or a message, or a backup code.
    #[schema(example = "287082")]
    code: Option<String>,
    /// What a browser answered when it was asked for a passkey or security key: the JSON of its `PublicKeyCredential` (WebAuthn Level 3
    /// §5.1, `toJSON`).
    #[schema(value_type = Option<Object>)]
    webauthn: Option<Value>,
    /// What this answers: the prompt by which a code was sent, or a passkey was asked for.
    #[schema(value_type = Option<String>)]
    prompt_id: Option<PromptId>,
}

impl ProofGiven {
    /// The proof in its canonical form.
    pub(in crate::http) fn checked(self) -> Result<Given, Problem> {
        match (self.code, self.webauthn, self.prompt_id) {
            (Some(code), None, prompt) => Ok(Given::parse(&code, prompt)?),
            (None, Some(response), Some(prompt)) => Ok(Given::Webauthn(prompt, response)),
            (None, Some(_), None) => Err(flawed("/prompt_id", "is wanted with webauthn: the prompt that this answers")),
            (Some(_), Some(_), _) => Err(flawed("/webauthn", "either code or webauthn is wanted, and not both")),
            // Where an app answered, that is what there is.
            (None, None, Some(prompt)) => Ok(Given::Approved(prompt)),
            (None, None, None) => Err(flawed("/code", "a code is wanted, or webauthn with prompt_id")),
        }
    }
}
