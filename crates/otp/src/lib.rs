//! HOTP (RFC 4226), TOTP (RFC 6238), `otpauth://` URIs and the shape of backup codes: pure functions,
//! no I/O, no clock.

use serde::{Deserialize, Serialize};

/// The HMAC that codes are made with (RFC 6238 §1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Algorithm {
    /// HMAC-SHA-1: what every authenticator app knows.
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

/// How codes are made from a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Params {
    algorithm: Algorithm,
    digits: u8,
    period: u16,
}
