//! Authenticators: one factor bound to one user and one device, and the states it goes through (P-09).

use serde::{Deserialize, Serialize};

use crate::{AuthenticatorId, Credential, DeviceId, Timestamp, UserId};

/// One factor bound to one user and one device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticator {
    /// Ours.
    pub id: AuthenticatorId,
    /// Whose it is.
    pub user_id: UserId,
    /// What it sits on; backup codes sit on none.
    pub device_id: Option<DeviceId>,
    /// What it is.
    pub kind: AuthenticatorKind,
    /// Whether it can be used.
    pub state: AuthenticatorState,
    /// What its owner calls it.
    pub label: String,
    /// Its key, for the kinds that have one and once it is made.
    pub sealed: Option<Sealed>,
    /// What it is known by, for the kinds that have no key of ours, and once that is known.
    pub credential: Option<Credential>,
    /// The last step that was accepted: a time step (TOTP), the counter and one (HOTP), a signature counter (WebAuthn). Only newer ones
    /// are. 0 before the first.
    pub last_step: i64,
    /// Wrong proofs in a row, whoever gave them; a right one sets it back to 0, up to [`crate::backoff::BUDGET`].
    pub failures: i32,
    /// What holds up proofs that come by the open door.
    pub open: Wait,
    /// What holds up proofs that come by the trusted door.
    pub trusted: Wait,
    /// When enrollment began.
    pub created_at: Timestamp,
    /// When it was first proved.
    pub activated_at: Option<Timestamp>,
    /// When it was last proved.
    pub last_used_at: Option<Timestamp>,
    /// The end that it was given, if it was: it counts for nothing from here on.
    pub ends_at: Option<Timestamp>,
    /// When its owner was first asked to replace it, if that is so.
    pub rotation_asked_at: Option<Timestamp>,
}

/// By which door a proof comes: each has a wait of its own, so that whoever guesses without having proved anything holds up
/// nobody who has (T-04, ADR 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// Without a session, or for one that is not trusted.
    Open,
    /// For a session that proved one of the user's authenticators that is in use, or that is on a device on which one did.
    Trusted,
}

/// How long proofs by one door are held up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wait {
    /// Wrong proofs by this door in a row: what the wait grows by (see [`crate::backoff`]).
    pub failures: i32,
    /// No proof by this door is considered before this time.
    pub retry_at: Option<Timestamp>,
}

impl Authenticator {
    /// What holds up proofs that come by this door.
    pub fn wait(&self, door: Door) -> Wait {
        match door {
            Door::Open => self.open,
            Door::Trusted => self.trusted,
        }
    }

    /// The most authenticators of one kind that a user may have in use: a guess may be meant for any of them.
    pub const MOST_OF_A_KIND: usize = 5;
    /// The most browsers that are remembered for a user.
    pub const MOST_BROWSERS: usize = 10;

    /// When it counts for nothing any more, if it has an end: by its kind, or because it was given one.
    pub fn expires_at(&self) -> Option<Timestamp> {
        let by_kind = self.credential.as_ref().and_then(Credential::expires_at);
        by_kind.into_iter().chain(self.ends_at).min()
    }

    /// Whether it can be used at `now`, as far as that is not for its failures to say.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        self.state == AuthenticatorState::Active && !self.has_expired(now)
    }

    /// Whether its time is over. The store's guard says it again.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        self.expires_at().is_some_and(|end| end <= now)
    }

    /// Whether it is the user's for good or ill: one that is suspended still is, or else whoever used up its failure budget
    /// could bind another with a password alone (T-09).
    pub fn is_bound(&self) -> bool {
        matches!(self.state, AuthenticatorState::Active | AuthenticatorState::Suspended)
    }
}

/// A key as the vault sealed it, with the parameters that are part of the seal's associated data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// Version, nonce and AEAD ciphertext, as the vault made it; opaque here.
    pub blob: Vec<u8>,
    /// How codes are made from the key: `SHA1`, `SHA256` or `SHA512` (RFC 6238 §1.2).
    pub algorithm: String,
    /// Digits in a code, 6 or 8.
    pub digits: i16,
    /// Seconds in a time step, 30 or 60.
    pub period: i16,
    /// Counts the keys that this authenticator has had, from 1; an older blob no longer opens (T-27).
    pub generation: i32,
}

impl Sealed {
    /// The version of the data key that sealed it, as it stands in the blob behind the byte for its format: four bytes,
    /// big-endian, so that older is less. `None` where there is no key.
    pub fn key_version(&self) -> Option<[u8; 4]> {
        self.blob.get(1..5)?.try_into().ok()
    }
}

/// One backup code as it is stored: by a keyed hash (I-05).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupCode {
    /// Its place in the set, from 0.
    pub position: i16,
    /// The vault's keyed hash of it, 32 bytes.
    pub hash: Vec<u8>,
}

/// What an authenticator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthenticatorKind {
    /// Time-based one-time passwords (RFC 6238).
    Totp,
    /// Counter-based one-time passwords (RFC 4226).
    Hotp,
    /// A passkey or security key (W3C Web Authentication).
    Webauthn,
    /// An app that approves.
    Push,
    /// Codes by text message.
    Sms,
    /// Codes by e-mail.
    Email,
    /// Codes on paper, each usable once.
    BackupCodes,
    /// A browser that is remembered: a key that was made in it and cannot leave it (NIST SP 800-63B-4 §3.1.6, a single-factor
    /// cryptographic authenticator in software; ADR 13).
    Browser,
}

/// What a person gives as proof, as far as it can be told before it is known whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProofKind {
    /// A one-time password: of an app or of a hardware token.
    Otp,
    /// Any other, by the kind of authenticator: the answer to what was sent to it or asked of it, or a backup code.
    Of(AuthenticatorKind),
}

impl ProofKind {
    /// The proof that an authenticator of this kind gives.
    pub const fn of(kind: AuthenticatorKind) -> Self {
        match kind {
            AuthenticatorKind::Totp | AuthenticatorKind::Hotp => Self::Otp,
            other => Self::Of(other),
        }
    }

    /// The kinds of authenticator that give such a proof; the same twice where there is only one.
    pub const fn kinds(self) -> [AuthenticatorKind; 2] {
        match self {
            Self::Otp => [AuthenticatorKind::Totp, AuthenticatorKind::Hotp],
            Self::Of(kind) => [kind, kind],
        }
    }
}

/// Whether an authenticator can be used (P-09).
///
/// ```text
/// pending ──► active ◄──► suspended
///    │          │ │            │
///    ▼          ▼ └──► lost ◄──┤
/// revoked ◄─────┴────────┴─────┘      pending, active ──► expired
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthenticatorState {
    /// Its key is made, its owner has not proved possession yet.
    Pending,
    /// Can be used.
    Active,
    /// Cannot be used until resumed; an exhausted failure budget ends here too, and then only rebinding helps.
    Suspended,
    /// Past its time.
    Expired,
    /// Reported lost by its owner.
    Lost,
    /// Gone for good.
    Revoked,
}

impl AuthenticatorKind {
    /// Every kind.
    pub const ALL: [Self; 8] =
        [Self::Totp, Self::Hotp, Self::Webauthn, Self::Push, Self::Sms, Self::Email, Self::BackupCodes, Self::Browser];

    /// The kind's name, as in JSON and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Hotp => "hotp",
            Self::Webauthn => "webauthn",
            Self::Push => "push",
            Self::Sms => "sms",
            Self::Email => "email",
            Self::BackupCodes => "backup_codes",
            Self::Browser => "browser",
        }
    }

    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it has a key of its own, which can be replaced by another one.
    pub const fn has_key(self) -> bool {
        matches!(self, Self::Totp | Self::Hotp | Self::Webauthn | Self::Push)
    }

    /// Whether its proofs cannot be handed on by somebody who was deceived: they are made for one origin (NIST SP 800-63B-4 §3.2.5).
    pub const fn is_phishing_resistant(self) -> bool {
        matches!(self, Self::Webauthn)
    }

    /// Whether its proofs can be guessed, so that wrong ones are counted and slowed down (NIST SP 800-63B-4 §3.2.2). A signature is not
    /// guessed.
    pub const fn is_guessable(self) -> bool {
        !matches!(self, Self::Webauthn | Self::Browser)
    }

    /// Whether it binds: where a user has one of these, nothing is bound or unbound without having proved one. Backup codes come with
    /// another authenticator; and codes to a mailbox are no authenticator at all to NIST SP 800-63B-4 (§3.1.3.1), so that whoever has
    /// nothing else can at least get something better. A remembered browser lives by what was proved in it.
    pub const fn is_binding(self) -> bool {
        match self {
            Self::Totp | Self::Hotp | Self::Webauthn | Self::Push | Self::Sms => true,
            Self::Email | Self::BackupCodes | Self::Browser => false,
        }
    }
}

impl AuthenticatorState {
    /// Every state.
    pub const ALL: [Self; 6] = [Self::Pending, Self::Active, Self::Suspended, Self::Expired, Self::Lost, Self::Revoked];

    /// The state's name, as in JSON and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Expired => "expired",
            Self::Lost => "lost",
            Self::Revoked => "revoked",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// The states from which this one can be reached. The store guards each change of state with it.
    pub const fn reachable_from(self) -> &'static [Self] {
        match self {
            Self::Pending => &[],
            Self::Active => &[Self::Pending, Self::Suspended],
            Self::Suspended => &[Self::Active],
            Self::Expired => &[Self::Pending, Self::Active],
            Self::Lost => &[Self::Active, Self::Suspended],
            Self::Revoked => &[Self::Pending, Self::Active, Self::Suspended, Self::Expired, Self::Lost],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p09_what_is_revoked_stays_revoked() {
        for state in AuthenticatorState::ALL {
            assert!(!state.reachable_from().contains(&AuthenticatorState::Revoked), "{state:?}");
        }
    }

    #[test]
    fn p09_what_is_lost_is_never_used_again() {
        assert!(!AuthenticatorState::Active.reachable_from().contains(&AuthenticatorState::Lost));
    }

    #[test]
    fn names_read_back() {
        for kind in AuthenticatorKind::ALL {
            assert_eq!(AuthenticatorKind::from_name(kind.name()), Some(kind));
        }
        for state in AuthenticatorState::ALL {
            assert_eq!(AuthenticatorState::from_name(state.name()), Some(state));
        }
    }
}
