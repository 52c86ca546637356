//! Assurance levels (NIST SP 800-63B-4) and the methods that reach them (RFC 8176).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::AuthenticatorKind;

/// Authentication assurance level of a session, as in NIST SP 800-63B-4 §2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aal {
    /// One factor.
    Aal1,
    /// Two different factors.
    Aal2,
    /// Two factors, one of them phishing-resistant and bound to hardware.
    Aal3,
}

impl Aal {
    /// The level as a number: 1, 2 or 3.
    pub const fn number(self) -> i16 {
        match self {
            Self::Aal1 => 1,
            Self::Aal2 => 2,
            Self::Aal3 => 3,
        }
    }

    /// The level with this number.
    pub const fn from_number(number: i16) -> Option<Self> {
        match number {
            1 => Some(Self::Aal1),
            2 => Some(Self::Aal2),
            3 => Some(Self::Aal3),
            _ => None,
        }
    }

    /// The level that a first factor named by `first` and the proofs of these kinds amount to.
    ///
    /// A second factor counts beside a first one only: proof of possession alone is one factor.
    pub fn reached(first: &BTreeSet<Amr>, proofs: impl IntoIterator<Item = AuthenticatorKind>) -> Self {
        let proved = proofs.into_iter().any(AuthenticatorKind::is_second_factor);
        if proved && !first.is_empty() { Self::Aal2 } else { Self::Aal1 }
    }
}

impl fmt::Display for Aal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "aal{}", self.number())
    }
}

/// Authentication method reference (RFC 8176 §2): how a user was authenticated.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Amr(String);

impl Amr {
    /// The longest name that is accepted.
    pub const MAX_BYTES: usize = 32;

    /// A method by its registered name, `pwd` or `fed` say, or one of the caller's own of the same shape.
    ///
    /// `None` unless it has 1 to 32 lower-case letters, digits, `_`, `-`, `.` or `:`.
    pub fn parse(name: &str) -> Option<Self> {
        let shaped = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-.:".contains(&b));
        (shaped && (1..=Self::MAX_BYTES).contains(&name.len())).then(|| Self(name.to_owned()))
    }

    /// The method's name.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// What a proof with an authenticator of this kind adds.
    pub fn of(kind: AuthenticatorKind) -> Self {
        Self(
            match kind {
                AuthenticatorKind::Totp | AuthenticatorKind::Hotp | AuthenticatorKind::BackupCodes => "otp",
                AuthenticatorKind::Webauthn => "hwk",
                AuthenticatorKind::Push => "swk",
                AuthenticatorKind::Sms => "sms",
                AuthenticatorKind::Email => "email",
            }
            .to_owned(),
        )
    }

    /// The method that RFC 8176 names for having used more than one factor.
    pub fn multiple() -> Self {
        Self("mfa".to_owned())
    }
}

impl<'de> Deserialize<'de> for Amr {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&name).ok_or_else(|| {
            serde::de::Error::custom(
                "a method is named by 1 to 32 lower-case letters, digits, `_`, `-`, `.` or `:` (RFC 8176)",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_factor_beside_a_first_one_is_aal2() {
        let password = BTreeSet::from_iter(Amr::parse("pwd"));
        assert_eq!(Aal::reached(&password, []), Aal::Aal1);
        assert_eq!(Aal::reached(&password, [AuthenticatorKind::Totp]), Aal::Aal2);
    }

    #[test]
    fn possession_alone_is_one_factor() {
        assert_eq!(Aal::reached(&BTreeSet::new(), [AuthenticatorKind::Totp]), Aal::Aal1);
    }
}
