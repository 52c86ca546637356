//! Standard Webhooks (<https://www.standardwebhooks.com>, "Webhook Scheme"): what calls are signed with, both those that are made and those
//! that come.

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use zeroize::Zeroizing;

/// What a key in base64 begins with.
const WHSEC: &str = "whsec_";
/// The least bytes of a secret that others sign with.
const SHORTEST: usize = 24;

/// The key that a secret says: `whsec_` and base64, or any text.
///
/// # Errors
/// In words, without the secret.
pub(crate) fn key(secret: &str) -> Result<hmac::Key, &'static str> {
    bytes(secret).map(|bytes| hmac::Key::new(hmac::HMAC_SHA256, &bytes))
}

/// Whether a secret is one that nobody guesses: 24 bytes, as Standard Webhooks want it ("Signature scheme").
pub(crate) fn is_long_enough(secret: &str) -> bool {
    bytes(secret).is_ok_and(|bytes| bytes.len() >= SHORTEST)
}

/// The bytes of that key.
fn bytes(secret: &str) -> Result<Zeroizing<Vec<u8>>, &'static str> {
    let secret = secret.trim();
    match secret.strip_prefix(WHSEC) {
        Some(encoded) => {
            let bytes = BASE64.decode(encoded.as_bytes()).map_err(|_| "`whsec_` is followed by base64")?;
            Ok(Zeroizing::new(bytes))
        }
        None => Ok(Zeroizing::new(secret.as_bytes().to_vec())),
    }
}
