//! The one door for proofs (law 4, T-02): whatever a person gives as proof, for whichever purpose, is judged here and
//! nowhere else.

use domain::{
    Authenticator, AuthenticatorId, AuthenticatorKind, Door, Prompt, PromptId, ProofKind, Timestamp, backoff,
};
use serde_json::Value;

use super::factors::{Against, Factor, Judgement, of};
use super::{App, Error};

/// A proof as a person gave it, in its canonical form, so that no two spellings of one code are two codes (T-06).
pub(crate) enum Given {
    /// A one-time password.
    Otp(otp::Code),
    /// A backup code.
    BackupCode(otp::BackupCode),
    /// A code that was sent.
    SentCode(PromptId, otp::Code),
    /// Two codes that this authenticator gave one after the other.
    Pair(AuthenticatorId, [otp::Code; 2]),
    /// What a browser answered to creation or request options, as its `toJSON` writes it (WebAuthn Level 3 §5.1).
    Webauthn(PromptId, Value),
    /// What an app answered, with the number that was typed on it and its signature.
    Push {
        /// What it answers.
        prompt_id: PromptId,
        /// The number.
        number: String,
        /// The signature, base64url.
        signature: String,
    },
    /// That an app has answered: for an enrollment, which is finished by whoever began it.
    Approved(PromptId),
    /// The signature of a remembered browser: two numbers of 32 bytes.
    Browser(PromptId, Vec<u8>),
}

impl Given {
    /// Reads what was typed. The kind follows from the shape, and from whether it answers something, so nothing is learned about the
    /// user from what is refused here.
    pub(crate) fn parse(typed: &str, answers: Option<PromptId>) -> Result<Self, Error> {
        let code = otp::Code::parse(typed);
        if let Some(prompt) = answers {
            return code
                .map(|code| Self::SentCode(prompt, code))
                .ok_or_else(|| Error::invalid("/code", "a code that was sent has 6 to 10 digits"));
        }
        code.map(Self::Otp).or_else(|| otp::BackupCode::parse(typed).map(Self::BackupCode)).ok_or_else(|| {
            Error::invalid("/code", "a code has 6 to 10 digits, or is a backup code of the shape XXXX-XXXX-XXXX")
        })
    }

    /// Reads two codes of an authenticator that counts them.
    pub(crate) fn pair(of: AuthenticatorId, typed: [&str; 2]) -> Result<Self, Error> {
        let [first, second] = typed.map(otp::Code::parse);
        match (first, second) {
            (Some(first), Some(second)) => Ok(Self::Pair(of, [first, second])),
            _ => Err(Error::invalid("/codes", "are two codes of 6 to 10 digits, one after the other")),
        }
    }

    /// Whose it is, where that was said.
    pub(crate) fn authenticator_id(&self) -> Option<AuthenticatorId> {
        match self {
            Self::Pair(of, _) => Some(*of),
            _ => None,
        }
    }

    /// What it answers, if it answers something.
    pub(crate) fn prompt_id(&self) -> Option<PromptId> {
        match self {
            Self::Otp(_) | Self::BackupCode(_) | Self::Pair(..) => None,
            Self::SentCode(prompt, _)
            | Self::Webauthn(prompt, _)
            | Self::Push { prompt_id: prompt, .. }
            | Self::Browser(prompt, _)
            | Self::Approved(prompt) => Some(*prompt),
        }
    }

    /// What it is, beside what it answers. An answer to nothing is judged all the same, as one to nobody (T-19).
    pub(crate) fn kind(&self, prompt: Option<&Prompt>) -> ProofKind {
        match self {
            Self::Otp(_) | Self::Pair(..) => ProofKind::Otp,
            Self::BackupCode(_) => ProofKind::Of(AuthenticatorKind::BackupCodes),
            Self::SentCode(..) => match prompt.map(|prompt| prompt.kind) {
                Some(AuthenticatorKind::Email) => ProofKind::Of(AuthenticatorKind::Email),
                _ => ProofKind::Of(AuthenticatorKind::Sms),
            },
            Self::Webauthn(..) => ProofKind::Of(AuthenticatorKind::Webauthn),
            Self::Push { .. } | Self::Approved(_) => ProofKind::Of(AuthenticatorKind::Push),
            Self::Browser(..) => ProofKind::Of(AuthenticatorKind::Browser),
        }
    }
}

/// Whether a proof with this authenticator, by this door, is considered at all now.
pub(crate) fn is_considered(authenticator: &Authenticator, door: Door, now: Timestamp) -> bool {
    let wait = authenticator.wait(door);
    authenticator.failures < backoff::BUDGET
        && !authenticator.has_expired(now)
        && wait.retry_at.is_none_or(|retry_at| retry_at <= now)
}

impl App {
    /// Judges a proof.
    pub(crate) async fn judge(&self, given: &Given, against: &Against<'_>) -> Result<Judgement, Error> {
        judged_by(given, against.prompt)?.judge(self, given, against).await
    }
}

/// The factor that judges a proof; also where it is not offered any more, so that what people have goes on working.
fn judged_by(given: &Given, prompt: Option<&Prompt>) -> Result<&'static dyn Factor, Error> {
    let kind = match given {
        Given::Pair(..) => AuthenticatorKind::Hotp,
        _ => given.kind(prompt).kinds()[0],
    };
    of(kind).ok_or_else(|| Error::invalid("", "no such proof can be given here"))
}
