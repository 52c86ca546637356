//! Assertions of Countersign and proofs of possession, for whoever is shown one.
//!
//! ```text
//! token ── verify(keys, Expected, now) ──► Claims ── meets(Need, now) ──► yes, or what is lacking ── challenge ──► WWW-Authenticate
//!                                            └── cnf ── dpop::verify ──► the key that signed the request
//! ```
//!
//! Nothing here does I/O, knows the time or remembers anything: keys and time are handed in, and who checks proofs of possession keeps which
//! of them were seen. Everything about a token is pinned: one algorithm, one `typ`, the issuer, the audiences; whatever is missing,
//! unknown where it matters, or not to be read, is refused (T-21).
//!
//! The crate `resource-server` does it for programs on tower; docs/guide/resource-servers.md is the guide.

mod challenge;
mod claims;
pub mod dpop;
mod jws;
mod keys;
mod need;

pub use challenge::{Refusal, Scheme};
pub use claims::{Claims, Confirmation, Expected, LEEWAY, verify};
pub use jws::{Refused, TYP};
pub use keys::Keys;
pub use need::{Lacking, Level, Need};

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64URL_NOPAD;

/// SHA-256 in base64url without padding: what thumbprints of keys and certificates, and hashes of tokens, are told by.
pub fn sha256(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(digest(&SHA256, bytes).as_ref())
}
