//! A proof, as a body says it.

use data_encoding::BASE64URL_NOPAD;
use domain::{Confirmation, PromptId};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::flawed;
use crate::app::proof::Given;
use crate::http::problem::Problem;

/// What a person gives as proof: one of `code`, `webauthn` and `browser`, or `prompt_id` alone where that was answered on an app.
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
    /// What a remembered browser signed: ECDSA with P-256 and SHA-256 over the prompt's `sign`, two numbers of 32 bytes, base64url.
    browser: Option<String>,
    /// What this answers: the prompt by which a code was sent, or a passkey or a remembered browser was asked.
    #[schema(value_type = Option<String>)]
    prompt_id: Option<PromptId>,
    /// The key that whoever shows the assertion has to have (RFC 7800): `{"jkt": "…"}` for DPoP (RFC 9449), `{"x5t#S256": "…"}` for a client
    /// certificate (RFC 8705). Only where a proof yields an assertion.
    #[schema(value_type = Option<Object>)]
    cnf: Option<Confirmation>,
}

impl ProofGiven {
    /// The proof in its canonical form, where it yields no assertion.
    pub(in crate::http) fn checked(self) -> Result<Given, Problem> {
        match self.checked_with_cnf()? {
            (given, None) => Ok(given),
            (_, Some(_)) => Err(flawed("/cnf", "has no place here, where a proof yields no assertion")),
        }
    }

    /// The proof in its canonical form, and what its assertion is bound to.
    pub(in crate::http) fn checked_with_cnf(self) -> Result<(Given, Option<Confirmation>), Problem> {
        let cnf = self.cnf;
        Ok((self.given()?, cnf))
    }

    fn given(self) -> Result<Given, Problem> {
        let Self { code, webauthn, browser, prompt_id, cnf: _ } = self;
        if [code.is_some(), webauthn.is_some(), browser.is_some()].into_iter().filter(|given| *given).count() > 1 {
            let pointer = if browser.is_some() { "/browser" } else { "/webauthn" };
            return Err(flawed(pointer, "one of code, webauthn and browser is wanted, and not two"));
        }
        let answered = |with: &str| {
            prompt_id
                .ok_or_else(|| flawed("/prompt_id", format!("is wanted with {with}: the prompt that this answers")))
        };
        match (code, webauthn, browser) {
            (Some(code), ..) => Ok(Given::parse(&code, prompt_id)?),
            (_, Some(response), _) => Ok(Given::Webauthn(answered("webauthn")?, response)),
            (.., Some(signature)) => {
                let bytes = BASE64URL_NOPAD.decode(signature.as_bytes());
                let bytes = bytes.map_err(|_| flawed("/browser", "is not base64url without padding"))?;
                Ok(Given::Browser(answered("browser")?, bytes))
            }
            // Where an app answered, that is what there is.
            (None, None, None) => prompt_id
                .map(Given::Approved)
                .ok_or_else(|| flawed("/code", "a code is wanted, or webauthn or browser with prompt_id")),
        }
    }
}
