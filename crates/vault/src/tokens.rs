//! Hardware tokens: a file of keys comes in sealed, and each key goes out sealed by itself.
//!
//! Whoever buys tokens gets their keys as a file. It is sealed where it lies, to a key of the vault's, so that whoever relays
//! it learns nothing: here is the one place where it is opened and read.

mod csv;
mod pskc;
mod reading;

use std::collections::HashSet;

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem, OpModeR, Serializable as _};
use vault_proto::{
    ImportTokens, ImportedToken, Refusal, RefusedToken, Reply, TokenBinding, TokenFile, TokenFormat, Unlock,
};
use zeroize::Zeroizing;

use crate::clock::Moment;
use crate::crypto::Key;
use crate::keyring::Keyring;
use crate::seal;

pub(crate) use reading::{Entry, Token, Unreadable};

/// What files of tokens are sealed to (RFC 9180 §7.1).
pub(crate) struct ImportKey {
    secret: <X25519HkdfSha256 as Kem>::PrivateKey,
    pub(crate) public: [u8; 32],
}

impl ImportKey {
    pub(crate) fn new(seed: &Key) -> Self {
        let (secret, public) = X25519HkdfSha256::derive_keypair(seed.as_slice());
        Self { secret, public: public.to_bytes().into() }
    }

    fn open(&self, question: &ImportTokens) -> Option<Zeroizing<Vec<u8>>> {
        let enc = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&question.enc).ok()?;
        let (mode, sealed) = (OpModeR::Base, &question.ciphertext);
        hpke::single_shot_open::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &mode,
            &self.secret,
            &enc,
            TokenFile::INFO,
            sealed,
            &[],
        )
        .ok()
        .map(Zeroizing::new)
    }
}

/// Reads a file of tokens, and seals each key for its token.
pub(crate) fn import(keyring: &Keyring, question: &ImportTokens, now: Moment) -> Result<Reply, Refusal> {
    if question.ids.len() > TokenFile::MAX_TOKENS {
        return Err(Refusal::Malformed("a file has 1,000 tokens at most".to_owned()));
    }
    let unreadable = |why: &str| Refusal::TokenFile(why.to_owned());
    let key = keyring
        .import_key(&question.key)
        .ok_or_else(|| unreadable("it was sealed to a key that is not in use any more: seal it anew"))?;
    let opened = key.open(question).ok_or_else(|| unreadable("it was not sealed to the key that it names"))?;
    let file = TokenFile::from_bytes(&opened).ok_or_else(|| unreadable("what was sealed is no file of tokens"))?;
    let entries = read(&file, now, question.ids.len()).map_err(|why| Refusal::TokenFile(why.to_string()))?;
    let (mut tokens, mut refused, mut serials) = (Vec::new(), Vec::new(), HashSet::new());
    for (id, entry) in question.ids.iter().zip(entries) {
        match entry {
            Ok(token) if serials.insert(token.serial.clone()) => tokens.push(sealed(keyring, *id, &token)?),
            Ok(Token { line, serial, .. }) => {
                let why = "the file has this serial number before".to_owned();
                refused.push(RefusedToken { line, serial: Some(serial), why });
            }
            Err(token) => refused.push(token),
        }
    }
    Ok(Reply::TokensImported { tokens, refused })
}

fn sealed(keyring: &Keyring, id: [u8; 16], token: &Token) -> Result<ImportedToken, Refusal> {
    let &Token { ref serial, ref key, params, last_step, .. } = token;
    let token = TokenBinding { id, serial: serial.clone() };
    let blob = seal::seal_token_key(keyring, &token, params, key)?;
    Ok(ImportedToken { token, params, last_step, blob })
}

/// Reads a file that was opened. `most` is how many tokens it may have.
pub(crate) fn read(file: &TokenFile, now: Moment, most: usize) -> Result<Vec<Entry>, Unreadable> {
    let text = std::str::from_utf8(&file.content.0).map_err(|_| Unreadable::file("it is not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let entries = match (file.format, &file.unlock) {
        (TokenFormat::Pskc, unlock) => pskc::read(text, unlock, now.unix_seconds(), most),
        (TokenFormat::Csv, Unlock::Nothing) => csv::read(text, most),
        (TokenFormat::Csv, _) => {
            Err(Unreadable::file("keys in lines of values are not encrypted, yet a key was given"))
        }
    }?;
    if entries.is_empty() {
        return Err(Unreadable::file("there is no token in it"));
    }
    Ok(entries)
}

/// Reads what may be a file of tokens, and sees to it that what comes out is what the vault relies on.
#[cfg(feature = "fuzz")]
#[allow(clippy::panic, reason = "a fuzz target says what is wrong by panicking")]
pub fn fuzz(bytes: &[u8]) {
    const MOST: usize = 20;
    let Some(file) = TokenFile::from_bytes(bytes) else { return };
    let now = Moment { wall: 1_700_000_000_000, boot: 0 };
    let Ok(entries) = read(&file, now, MOST) else { return };
    assert!((1..=MOST).contains(&entries.len()));
    for entry in entries {
        match entry {
            Ok(token) => {
                assert!(seal::KEY_BYTES.contains(&token.key.len()));
                assert!(
                    (1..=64).contains(&token.serial.len()) && token.serial.bytes().all(|byte| byte.is_ascii_graphic())
                );
                assert!(token.line > 0 && (0..=i64::from(i32::MAX) + 1).contains(&token.last_step));
                assert!(token.params.is_counted() || token.last_step == 0);
            }
            Err(refused) => assert!(refused.line > 0 && refused.why.len() < 100),
        }
    }
}
