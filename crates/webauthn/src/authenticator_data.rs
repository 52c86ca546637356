//! What the authenticator says, which is what it signs ([§6.1](https://www.w3.org/TR/webauthn-3/#sctn-authenticator-data)).

use serde::Deserialize;
use serde_cbor_2::Value;

use crate::response::MAX_CREDENTIAL_ID;
use crate::{Aaguid, Refusal, UserVerification};

const USER_PRESENT: u8 = 1 << 0;
const USER_VERIFIED: u8 = 1 << 2;
const BACKUP_ELIGIBLE: u8 = 1 << 3;
const BACKED_UP: u8 = 1 << 4;
const ATTESTED_CREDENTIAL: u8 = 1 << 6;
const EXTENSIONS: u8 = 1 << 7;

/// Authenticator data, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AuthenticatorData<'a> {
    pub(crate) rp_id_hash: [u8; 32],
    flags: u8,
    pub(crate) counter: u32,
    pub(crate) credential: Option<AttestedCredential<'a>>,
}

/// The credential that a registration is about
/// ([§6.5.2](https://www.w3.org/TR/webauthn-3/#sctn-attested-credential-data)).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct AttestedCredential<'a> {
    pub(crate) aaguid: Aaguid,
    pub(crate) id: &'a [u8],
    /// The public key as a COSE key, to the byte.
    pub(crate) public_key: &'a [u8],
}

impl<'a> AuthenticatorData<'a> {
    /// Takes authenticator data apart; bytes that belong to nothing are refused.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<AuthenticatorData<'a>, Refusal> {
        Self::take(bytes).ok_or(Refusal::AuthenticatorData)
    }

    fn take(bytes: &'a [u8]) -> Option<AuthenticatorData<'a>> {
        let (rp_id_hash, rest) = bytes.split_first_chunk::<32>()?;
        let (&flags, rest) = rest.split_first()?;
        let (counter, mut rest) = rest.split_first_chunk::<4>()?;
        let mut credential = None;
        if flags & ATTESTED_CREDENTIAL != 0 {
            let (taken, left) = AttestedCredential::take(rest)?;
            (credential, rest) = (Some(taken), left);
        }
        if flags & EXTENSIONS != 0 {
            let length = map_length(rest)?;
            rest = rest.get(length..)?;
        }
        let counter = u32::from_be_bytes(*counter);
        rest.is_empty().then_some(AuthenticatorData { rp_id_hash: *rp_id_hash, flags, counter, credential })
    }

    /// What both ceremonies ask of the flags: that somebody was there, that they were verified where that is required,
    /// and that what is said of backups makes sense.
    pub(crate) fn check(&self, rp_id_hash: &[u8; 32], verification: UserVerification) -> Result<(), Refusal> {
        // Verify that the rpIdHash in authData is the SHA-256 hash of the RP ID expected by the Relying Party.
        if self.rp_id_hash != *rp_id_hash {
            return Err(Refusal::RelyingParty);
        }
        // Verify that the UP bit of the flags in authData is set.
        if self.flags & USER_PRESENT == 0 {
            return Err(Refusal::UserAbsent);
        }
        // If the Relying Party requires user verification for this ceremony, verify that the UV bit is set.
        if verification == UserVerification::Required && !self.user_verified() {
            return Err(Refusal::UserUnverified);
        }
        // If the BE bit of the flags in authData is not set, verify that the BS bit is not set.
        if self.backed_up() && !self.backup_eligible() {
            return Err(Refusal::BackupFlags);
        }
        Ok(())
    }

    pub(crate) fn user_verified(&self) -> bool {
        self.flags & USER_VERIFIED != 0
    }

    pub(crate) fn backup_eligible(&self) -> bool {
        self.flags & BACKUP_ELIGIBLE != 0
    }

    pub(crate) fn backed_up(&self) -> bool {
        self.flags & BACKED_UP != 0
    }
}

impl<'a> AttestedCredential<'a> {
    fn take(bytes: &'a [u8]) -> Option<(AttestedCredential<'a>, &'a [u8])> {
        let (aaguid, rest) = bytes.split_first_chunk::<16>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        if length == 0 || length > MAX_CREDENTIAL_ID {
            return None;
        }
        let (id, rest) = rest.split_at_checked(length)?;
        let (public_key, rest) = rest.split_at_checked(map_length(rest)?)?;
        Some((AttestedCredential { aaguid: Aaguid::from_bytes(*aaguid), id, public_key }, rest))
    }
}

/// How many bytes the CBOR map at the beginning has; `None` if there is none.
fn map_length(bytes: &[u8]) -> Option<usize> {
    let mut reader = serde_cbor_2::Deserializer::from_slice(bytes);
    matches!(Value::deserialize(&mut reader), Ok(Value::Map(_))).then(|| reader.byte_offset())
}
