//! HOTP (RFC 4226), TOTP (RFC 6238), `otpauth://` URIs and the shape of backup codes: pure functions,
//! no I/O, no clock.
//!
//! Keys are borrowed byte strings; whoever holds them wipes them. What is made from a key here ([`Code`], the
//! URI, the Base32) wipes itself when dropped and does not print in `Debug`.

mod backup_code;
mod code;
mod params;
mod uri;

pub use backup_code::BackupCode;
pub use code::{Code, MAX_DIGITS, MIN_DIGITS, hotp};
pub use params::{Algorithm, InvalidParams, Params};
pub use uri::{Otpauth, UriError, base32, uri};
