//! Assurance levels (NIST SP 800-63B-4) and the methods that reach them (RFC 8176).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{AuthenticatorKind, Proof, Quality};

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

    /// The level that a first factor named by `first` and these proofs amount to.
    ///
    /// A second factor counts beside a first one only, and only if it came by another channel (T-08): proof of possession alone is one
    /// factor, and so are two codes to one phone. A key whose device looked who was there is two factors by itself
    /// (NIST SP 800-63B-4 §3.1.7); one that cannot leave its hardware makes the third level (§2.3).
    pub fn reached(first: &BTreeSet<Amr>, proofs: &[Proof]) -> Self {
        proofs.iter().map(|proof| Self::reached_by(first, proof)).max().unwrap_or(Self::Aal1)
    }

    /// The highest level that a proof of this kind can amount to, beside a first factor that came another way.
    pub fn highest_by(kind: AuthenticatorKind) -> Self {
        let quality = Quality { user_verified: true, hardware_bound: true };
        Self::reached_by_kind(true, kind, quality)
    }

    fn reached_by(first: &BTreeSet<Amr>, proof: &Proof) -> Self {
        let beside_another = first.iter().any(|method| Some(method.name()) != channel(proof.kind));
        Self::reached_by_kind(beside_another, proof.kind, proof.quality)
    }

    const fn reached_by_kind(beside_another: bool, kind: AuthenticatorKind, quality: Quality) -> Self {
        let Quality { user_verified, hardware_bound } = quality;
        match kind {
            AuthenticatorKind::Email => Self::Aal1,
            AuthenticatorKind::Webauthn if !user_verified && !beside_another => Self::Aal1,
            AuthenticatorKind::Webauthn if hardware_bound => Self::Aal3,
            AuthenticatorKind::Webauthn => Self::Aal2,
            _ if beside_another => Self::Aal2,
            _ => Self::Aal1,
        }
    }
}

/// The method by which a first factor would come the same way as a proof of this kind.
const fn channel(kind: AuthenticatorKind) -> Option<&'static str> {
    match kind {
        AuthenticatorKind::Sms => Some("sms"),
        AuthenticatorKind::Email => Some("email"),
        _ => None,
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

    /// What a proof adds (RFC 8176 §2): what happened, never what the account has.
    pub fn of(proof: &Proof) -> impl Iterator<Item = Self> {
        let Quality { user_verified, hardware_bound } = proof.quality;
        let possession = match proof.kind {
            AuthenticatorKind::Totp | AuthenticatorKind::Hotp | AuthenticatorKind::BackupCodes => "otp",
            AuthenticatorKind::Webauthn if hardware_bound => "hwk",
            AuthenticatorKind::Webauthn | AuthenticatorKind::Push | AuthenticatorKind::Browser => "swk",
            AuthenticatorKind::Sms => "sms",
            AuthenticatorKind::Email => "email",
        };
        [Some(possession), user_verified.then_some("user")].into_iter().flatten().map(|name| Self(name.to_owned()))
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
    use crate::{AuthenticatorId, Timestamp};

    fn proof(kind: AuthenticatorKind, quality: Quality) -> Proof {
        let authenticator_id = AuthenticatorId::from_uuid(uuid::Uuid::nil());
        Proof { authenticator_id, kind, verified_at: Timestamp::from_unix_millis(0), quality }
    }

    fn level(first: &[&str], kind: AuthenticatorKind, bits: u8) -> i16 {
        let first = first.iter().filter_map(|name| Amr::parse(name)).collect();
        Aal::reached(&first, &[proof(kind, Quality::from_bits(bits))]).number()
    }

    #[test]
    fn a_second_factor_beside_a_first_one_is_aal2() {
        assert_eq!(Aal::reached(&BTreeSet::from_iter(Amr::parse("pwd")), &[]), Aal::Aal1);
        assert_eq!(level(&["pwd"], AuthenticatorKind::Totp, 0), 2);
    }

    #[test]
    fn possession_alone_is_one_factor() {
        for kind in AuthenticatorKind::ALL {
            assert_eq!(level(&[], kind, 0), 1, "{kind:?}");
        }
    }

    #[test]
    fn t25_a_remembered_browser_is_a_second_factor_beside_a_password_and_no_more() {
        let levels: Vec<i16> = (0..4).map(|bits| level(&["pwd"], AuthenticatorKind::Browser, bits)).collect();
        assert_eq!(levels, [2; 4]);
    }

    #[test]
    fn t08_two_codes_by_one_channel_are_one_factor() {
        use AuthenticatorKind::{Email, Sms, Totp};
        let matrix: Vec<i16> = [Totp, Sms, Email]
            .into_iter()
            .flat_map(|kind| [["pwd"], ["sms"], ["email"]].map(|first| level(&first, kind, 0)))
            .collect();
        assert_eq!(matrix, [2, 2, 2, 2, 1, 2, 1, 1, 1]);
        assert_eq!(level(&["pwd", "sms"], Sms, 0), 2, "the password is another channel");
    }

    #[test]
    fn s04_a_key_that_looks_who_is_there_is_two_factors_and_one_in_hardware_is_the_third_level() {
        let levels: Vec<i16> = [[].as_slice(), &["pwd"]]
            .into_iter()
            .flat_map(|first| (0..4).map(|bits| level(first, AuthenticatorKind::Webauthn, bits)))
            .collect();
        assert_eq!(levels, [1, 2, 1, 3, 2, 2, 3, 3]);
    }

    #[test]
    fn methods_tell_what_happened() {
        let names = |bits| Amr::of(&proof(AuthenticatorKind::Webauthn, Quality::from_bits(bits))).collect::<Vec<_>>();
        assert_eq!(names(0), ["swk"].map(|name| Amr(name.to_owned())));
        assert_eq!(names(3), ["hwk", "user"].map(|name| Amr(name.to_owned())));
    }
}
