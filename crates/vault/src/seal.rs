//! Sealed keys: what the store holds of an authenticator's key, or of a hardware token's before it is anybody's.
//!
//! ```text
//! u8: format │ u32 big-endian: version of the data key │ 12: nonce │ ciphertext and tag
//! ```
//!
//! The version stands so that a database can compare it: those sealed with retired data keys are found by their bytes.
//!
//! The associated data name whose key it is and how codes are made from it, so that a blob opens nowhere else (P-02, T-27).

use std::ops::RangeInclusive;

use otp::Params;
use vault_proto::{Binding, Refusal, TokenBinding};
use zeroize::Zeroizing;

use crate::crypto::{self, Fields};
use crate::keyring::Keyring;

const FORMAT: u8 = 1;
/// Bytes of a key: keys that are made have as many as their HMAC gives, those of hardware tokens what their maker chose
/// (RFC 4226 §4, R6).
pub(crate) const KEY_BYTES: RangeInclusive<usize> = 16..=64;
const MAX_PURPOSE: usize = 64;

/// Seals an authenticator's key under the present data keys.
pub(crate) fn seal_key(keyring: &Keyring, binding: &Binding, params: Params, key: &[u8]) -> Result<Vec<u8>, Refusal> {
    let keys = keyring.present()?;
    let mut blob = header(keys.version);
    crypto::seal(&keys.otp, key_fields(binding, params, keys.version).as_bytes(), key, &mut blob)?;
    Ok(blob)
}

/// Opens an authenticator's key.
pub(crate) fn open_key(
    keyring: &Keyring,
    binding: &Binding,
    params: Params,
    blob: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let (version, sealed) = split(blob)?;
    let keys = keyring.version(version)?;
    let key = crypto::open(&keys.otp, key_fields(binding, params, version).as_bytes(), sealed);
    key.filter(|key| KEY_BYTES.contains(&key.len())).ok_or(Refusal::DoesNotOpen)
}

/// Seals the key of a hardware token that is nobody's yet.
pub(crate) fn seal_token_key(
    keyring: &Keyring,
    token: &TokenBinding,
    params: Params,
    key: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let keys = keyring.present()?;
    let mut blob = header(keys.version);
    crypto::seal(&keys.otp, token_fields(token, params, keys.version).as_bytes(), key, &mut blob)?;
    Ok(blob)
}

/// Opens the key of a hardware token that is nobody's yet.
pub(crate) fn open_token_key(
    keyring: &Keyring,
    token: &TokenBinding,
    params: Params,
    blob: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let (version, sealed) = split(blob)?;
    let keys = keyring.version(version)?;
    let key = crypto::open(&keys.otp, token_fields(token, params, version).as_bytes(), sealed);
    key.filter(|key| KEY_BYTES.contains(&key.len())).ok_or(Refusal::DoesNotOpen)
}

/// Seals a provider's secret.
pub(crate) fn seal_secret(keyring: &Keyring, purpose: &str, context: &[u8], secret: &[u8]) -> Result<Vec<u8>, Refusal> {
    let keys = keyring.present()?;
    let mut blob = header(keys.version);
    crypto::seal(&keys.provider, secret_fields(purpose, context, keys.version)?.as_bytes(), secret, &mut blob)?;
    Ok(blob)
}

/// Opens a provider's secret.
pub(crate) fn open_secret(
    keyring: &Keyring,
    purpose: &str,
    context: &[u8],
    blob: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Refusal> {
    let (version, sealed) = split(blob)?;
    let keys = keyring.version(version)?;
    crypto::open(&keys.provider, secret_fields(purpose, context, version)?.as_bytes(), sealed)
        .ok_or(Refusal::DoesNotOpen)
}

fn header(version: u32) -> Vec<u8> {
    let mut blob = Vec::with_capacity(128);
    blob.push(FORMAT);
    blob.extend_from_slice(&version.to_be_bytes());
    blob
}

fn split(blob: &[u8]) -> Result<(u32, &[u8]), Refusal> {
    let rest = blob.strip_prefix(&[FORMAT]).ok_or(Refusal::DoesNotOpen)?;
    let (version, sealed) = rest.split_first_chunk::<4>().ok_or(Refusal::DoesNotOpen)?;
    Ok((u32::from_be_bytes(*version), sealed))
}

fn key_fields(binding: &Binding, params: Params, version: u32) -> Fields {
    Fields::new("countersign otp key v1")
        .with(&binding.user)
        .with(&binding.device)
        .with(&binding.authenticator)
        .with(params.algorithm().name().as_bytes())
        .with(&[params.digits()])
        .with(&params.period().to_le_bytes())
        .with(&binding.generation.to_le_bytes())
        .with(&version.to_le_bytes())
}

fn token_fields(token: &TokenBinding, params: Params, version: u32) -> Fields {
    Fields::new("countersign token key v1")
        .with(&token.id)
        .with(token.serial.as_bytes())
        .with(params.algorithm().name().as_bytes())
        .with(&[params.digits()])
        .with(&params.period().to_le_bytes())
        .with(&version.to_le_bytes())
}

fn secret_fields(purpose: &str, context: &[u8], version: u32) -> Result<Fields, Refusal> {
    if purpose.is_empty() || purpose.len() > MAX_PURPOSE {
        return Err(Refusal::Malformed("a purpose has 1 to 64 bytes".to_owned()));
    }
    Ok(Fields::new("countersign provider secret v1")
        .with(purpose.as_bytes())
        .with(context)
        .with(&version.to_le_bytes()))
}
