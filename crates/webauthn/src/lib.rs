//! WebAuthn (Web Authentication, Level 3) for the relying party: the two ceremonies as pure functions.
//!
//! A ceremony has two halves. [`RelyingParty::begin_registration`] and [`RelyingParty::begin_authentication`] give the
//! options that a browser is handed, in the standard's JSON, and a state that the server keeps; the state and what the
//! browser answered go into [`RelyingParty::finish_registration`] and [`RelyingParty::finish_authentication`]. Nothing
//! here keeps anything, reads a clock or makes randomness: the challenge and the time are handed in, and that a state
//! is used once and not for ever is for whoever keeps it.
//!
//! The steps of [§7.1] and [§7.2] are taken here, on aws-lc; what attestation statements say is judged by
//! `webauthn-rs-core`, which looks at the whole registration once more. Why it is cut so stands in docs/adr.
//!
//! [§7.1]: https://www.w3.org/TR/webauthn-3/#sctn-registering-a-new-credential
//! [§7.2]: https://www.w3.org/TR/webauthn-3/#sctn-verifying-assertion

mod aaguid;
mod attestation;
mod authentication;
mod authenticator_data;
mod base64;
mod client_data;
mod credential;
mod metadata;
mod options;
mod policy;
mod public_key;
mod refusal;
mod registration;
mod relying_party;
mod response;

pub use aaguid::{Aaguid, InvalidAaguid};
pub use attestation::Attestation;
pub use authentication::{Asked, Authenticated, Authentication};
pub use credential::Credential;
pub use metadata::{Metadata, MetadataError, MetadataRoot};
pub use options::{
    Attachment, CreationOptions, Descriptor, Hint, RequestOptions, ResidentKey, Transport, UserVerification,
};
pub use policy::{Conveyance, Policy};
pub use public_key::Algorithm;
pub use refusal::Refusal;
pub use registration::{Account, Registered, Registration, Wishes};
pub use relying_party::{InvalidRelyingParty, RelatedOrigins, RelyingParty, Settings, id_and_origin};
pub use response::{AuthenticationResponse, RegistrationResponse, Unreadable};

/// What a ceremony turns on: 32 bytes that nobody can foresee, used once ([§13.4.3](https://www.w3.org/TR/webauthn-3/#sctn-cryptographic-challenges)
/// wants at least 16).
pub type Challenge = [u8; 32];

/// What stands for a user in authenticators: the sixteen bytes of an id.
pub type UserHandle = [u8; 16];
