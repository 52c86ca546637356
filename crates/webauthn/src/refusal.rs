//! Why a response does not count.

use crate::public_key::Algorithm;

/// Why a ceremony was refused. The words are for logs and for people who set the server up; whoever proves is told no
/// more than that the proof was rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The client data is no JSON of the standard's shape.
    #[error("the client data cannot be read")]
    ClientData,
    /// The response is of the other ceremony.
    #[error("the response is of another ceremony")]
    Ceremony,
    /// The response answers another challenge.
    #[error("the response answers another challenge")]
    Challenge,
    /// The browser was on a page that is none of ours.
    #[error("the response was made on a page of another origin")]
    Origin,
    /// The page stood in a frame of another site.
    #[error("the response was made in a frame of another site")]
    CrossOrigin,
    /// The authenticator data is cut off, too long or malformed.
    #[error("the authenticator data cannot be read")]
    AuthenticatorData,
    /// The authenticator answered for another relying party.
    #[error("the authenticator answered for another relying party")]
    RelyingParty,
    /// Nobody touched the authenticator.
    #[error("the authenticator did not notice anybody")]
    UserAbsent,
    /// The authenticator did not verify who uses it, and has to.
    #[error("the authenticator did not verify its user")]
    UserUnverified,
    /// The flags about backups contradict each other.
    #[error("the authenticator says that a key is backed up which cannot be")]
    BackupFlags,
    /// A key that could not be copied now can, or the other way round.
    #[error("whether the key can be copied has changed since it was registered")]
    BackupEligibilityChanged,
    /// The key can be copied to other devices, which the policy forbids.
    #[error("the key is not bound to one device")]
    Synced,
    /// The attestation object or the public key cannot be read.
    #[error("the attestation object cannot be read")]
    AttestationObject,
    /// The public key is of a kind that was not asked for.
    #[error("the key is of a kind that was not asked for")]
    Algorithm,
    /// The key is malformed, or too weak.
    #[error("the public key is none, or too weak a one, of {0}")]
    PublicKey(Algorithm),
    /// The credential id is empty, too long, or not that of the authenticator data.
    #[error("the credential's id is not that of what was signed")]
    CredentialId,
    /// The authenticator is registered already.
    #[error("the authenticator is registered already")]
    Excluded,
    /// The statement about the authenticator is wrong, or of a kind that cannot be checked.
    #[error("the attestation statement does not hold")]
    AttestationStatement,
    /// The policy lists the models that are allowed, and nobody vouches for which model this is.
    #[error("nobody vouches for the authenticator's model")]
    ModelUnproven,
    /// The policy does not allow this model.
    #[error("authenticators of this model are not allowed")]
    ModelForbidden,
    /// FIDO's metadata says that this model was broken or withdrawn.
    #[error("authenticators of this model are reported as broken or withdrawn ({0})")]
    ModelBroken(String),
    /// A credential that was not asked for, or of somebody else.
    #[error("the credential is not one that was asked for")]
    Unasked,
    /// The credential is another user's.
    #[error("the credential is of another user")]
    UserHandle,
    /// The signature is not that of the credential.
    #[error("the signature is not that of the credential")]
    Signature,
    /// The signature counter did not grow: there may be two of the authenticator.
    #[error("the authenticator's counter went back: there may be a copy of it")]
    Cloned,
}
