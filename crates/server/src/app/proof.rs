//! The one door for proofs (law 4, T-02): whatever a person gives as proof, for whichever purpose, is judged here and
//! nowhere else.

use domain::{Authenticator, AuthenticatorKind, BackupCode, Door, Sealed, Timestamp, backoff};
use otp::Params;
use vault_proto::{Binding, CheckBackupCode, CheckOtp, CodeOwner, OtpCandidate, Outcome, Reply, Secret, Verb};

use super::vault::unexpected;
use super::{App, Error};

/// Time steps that a code may be early or late.
const DRIFT: u8 = 1;
/// Codes that may have been made and not used, where they are counted (RFC 4226 §7.4).
const LOOK_AHEAD: u8 = 10;

/// A proof as a person gave it, in its canonical form, so that no two spellings of one code are two codes (T-06).
pub(crate) enum Given {
    /// A one-time password.
    Otp(otp::Code),
    /// A backup code.
    BackupCode(otp::BackupCode),
}

impl Given {
    /// Reads what was typed. The kind follows from the shape, so nothing is learned about the user from what is refused here.
    pub(crate) fn parse(typed: &str) -> Result<Self, Error> {
        otp::Code::parse(typed)
            .map(Self::Otp)
            .or_else(|| otp::BackupCode::parse(typed).map(Self::BackupCode))
            .ok_or_else(|| {
                Error::invalid("/code", "a code has 6 to 10 digits, or is a backup code of the shape XXXX-XXXX-XXXX")
            })
    }

    /// The kind of authenticator that gives such proofs.
    pub(crate) fn kind(&self) -> AuthenticatorKind {
        match self {
            Self::Otp(_) => AuthenticatorKind::Totp,
            Self::BackupCode(_) => AuthenticatorKind::BackupCodes,
        }
    }
}

/// What a proof is held against.
pub(crate) struct Against<'a> {
    /// The authenticators that it could be meant for. With none the same work is done, and the proof is wrong (T-19).
    pub(crate) authenticators: Vec<&'a Authenticator>,
    /// The unused codes, for backup codes.
    pub(crate) backup_codes: &'a [BackupCode],
    /// What to sign if the proof is right: the claims of an assertion.
    pub(crate) claims: Option<Vec<u8>>,
}

/// What the vault says of a proof. It counts only once it is committed.
pub(crate) enum Judgement<'a> {
    /// Right.
    Right {
        /// Whose.
        authenticator: &'a Authenticator,
        /// What it uses up.
        used: store::Used,
        /// The signed assertion, if claims were given.
        assertion: Option<String>,
    },
    /// Wrong, and why, in a word for the event.
    Wrong(&'static str),
}

/// Whether a proof with this authenticator, by this door, is considered at all now.
pub(crate) fn is_considered(authenticator: &Authenticator, door: Door, now: Timestamp) -> bool {
    let wait = authenticator.wait(door);
    authenticator.failures < backoff::BUDGET && wait.retry_at.is_none_or(|retry_at| retry_at <= now)
}

impl App {
    /// Judges a proof.
    pub(crate) async fn judge<'a>(&self, given: &Given, against: Against<'a>) -> Result<Judgement<'a>, Error> {
        let Against { authenticators, backup_codes, claims } = against;
        let reply = match given {
            Given::Otp(code) => {
                let candidates: Vec<OtpCandidate> = authenticators.iter().filter_map(|a| candidate(a)).collect();
                if candidates.len() != authenticators.len() {
                    return Err(Error::Internal("an authenticator is considered that has no key".to_owned()));
                }
                self.vault
                    .ask(|| {
                        Verb::CheckOtp(CheckOtp {
                            candidates: candidates.clone(),
                            code: Secret(code.as_str().as_bytes().to_vec()),
                            drift: DRIFT,
                            look_ahead: LOOK_AHEAD,
                            assertion: claims.clone(),
                        })
                    })
                    .await?
            }
            Given::BackupCode(code) => {
                let owner = authenticators.first().map(|a| CodeOwner {
                    user: a.user_id.uuid().into_bytes(),
                    authenticator: a.id.uuid().into_bytes(),
                });
                let hashes: Vec<[u8; 32]> =
                    backup_codes.iter().filter_map(|code| code.hash.as_slice().try_into().ok()).collect();
                self.vault
                    .ask(|| {
                        Verb::CheckBackupCode(CheckBackupCode {
                            owner,
                            hashes: hashes.clone(),
                            code: Secret(code.text().as_bytes().to_vec()),
                            assertion: claims.clone(),
                        })
                    })
                    .await?
            }
        };
        let Reply::Checked { outcome, assertion } = reply else { return Err(unexpected(&reply)) };
        Ok(judgement(given, outcome, &authenticators, backup_codes, assertion))
    }
}

fn judgement<'a>(
    given: &Given,
    outcome: Outcome,
    authenticators: &[&'a Authenticator],
    backup_codes: &[BackupCode],
    assertion: Option<String>,
) -> Judgement<'a> {
    match (given, outcome) {
        (Given::Otp(_), Outcome::Right { index, step }) => match authenticators.get(usize::from(index)) {
            Some(&authenticator) => Judgement::Right { authenticator, used: store::Used::Step(step), assertion },
            None => Judgement::Wrong("wrong"),
        },
        (Given::BackupCode(_), Outcome::Right { index, .. }) => {
            match (authenticators.first(), backup_codes.get(usize::from(index))) {
                (Some(&authenticator), Some(code)) => {
                    Judgement::Right { authenticator, used: store::Used::BackupCode(code.position), assertion }
                }
                _ => Judgement::Wrong("wrong"),
            }
        }
        (_, Outcome::Wrong) => Judgement::Wrong("wrong"),
        (_, Outcome::Replayed { .. }) => Judgement::Wrong("replayed"),
        (_, Outcome::Exhausted) => Judgement::Wrong("exhausted"),
    }
}

fn candidate(authenticator: &Authenticator) -> Option<OtpCandidate> {
    let sealed = authenticator.sealed.as_ref()?;
    Some(OtpCandidate {
        binding: binding(authenticator, sealed.generation)?,
        params: params(sealed)?,
        blob: sealed.blob.clone(),
        last_step: authenticator.last_step,
    })
}

/// Whose key it is, as the vault binds it (P-02).
pub(crate) fn binding(authenticator: &Authenticator, generation: i32) -> Option<Binding> {
    Some(Binding {
        user: authenticator.user_id.uuid().into_bytes(),
        device: authenticator.device_id?.uuid().into_bytes(),
        authenticator: authenticator.id.uuid().into_bytes(),
        generation: u32::try_from(generation).ok()?,
    })
}

/// How codes are made from a sealed key.
pub(crate) fn params(sealed: &Sealed) -> Option<Params> {
    Params::new(
        otp::Algorithm::from_name(&sealed.algorithm)?,
        u8::try_from(sealed.digits).ok()?,
        u16::try_from(sealed.period).ok()?,
    )
    .ok()
}
