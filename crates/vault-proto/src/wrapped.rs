//! What a wrapped keyring says in the clear: which root key opens it.
//!
//! ```text
//! "CSKR" │ u8: format │ 8: root key id │ u8: 0, or 1 and Argon2id: 16 salt, u32 memory (KiB), u32 passes, u32 lanes
//! ```
//!
//! Nonce and ciphertext follow; the header is associated data, so that none of it can be changed unnoticed.

use std::fmt::Write as _;

const MAGIC: [u8; 4] = *b"CSKR";
const FORMAT: u8 = 1;

/// The header of a wrapped keyring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Names the root key.
    pub root_key_id: RootKeyId,
    /// How the root key is made from a passphrase, where it is.
    pub passphrase: Option<Argon2id>,
}

/// Names a root key, and tells nothing about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RootKeyId(pub [u8; 8]);

impl std::fmt::Display for RootKeyId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("rk_")?;
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// The parameters of Argon2id (RFC 9106 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Argon2id {
    /// The salt.
    pub salt: [u8; 16],
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Header {
    /// The header's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend_from_slice(&MAGIC);
        bytes.push(FORMAT);
        bytes.extend_from_slice(&self.root_key_id.0);
        bytes.push(u8::from(self.passphrase.is_some()));
        if let Some(argon2id) = &self.passphrase {
            bytes.extend_from_slice(&argon2id.salt);
            for number in [argon2id.memory_kib, argon2id.passes, argon2id.lanes] {
                bytes.extend_from_slice(&number.to_le_bytes());
            }
        }
        bytes
    }

    /// The header of a wrapped keyring, and what follows it. `None` if that is none, or of a format not known here.
    pub fn split(wrapped: &[u8]) -> Option<(Self, &[u8])> {
        let rest = wrapped.strip_prefix(&MAGIC)?.strip_prefix(&[FORMAT])?;
        let (id, rest) = rest.split_first_chunk::<8>()?;
        let (passphrase, rest) = match rest.split_first()? {
            (0, rest) => (None, rest),
            (1, rest) => {
                let (salt, rest) = rest.split_first_chunk::<16>()?;
                let (memory, rest) = rest.split_first_chunk::<4>()?;
                let (passes, rest) = rest.split_first_chunk::<4>()?;
                let (lanes, rest) = rest.split_first_chunk::<4>()?;
                let [memory_kib, passes, lanes] = [memory, passes, lanes].map(|number| u32::from_le_bytes(*number));
                (Some(Argon2id { salt: *salt, memory_kib, passes, lanes }), rest)
            }
            _ => return None,
        };
        Some((Self { root_key_id: RootKeyId(*id), passphrase }, rest))
    }
}

/// The id of the root key that opens a wrapped keyring, `rk_` and 16 hexadecimal digits; `None` if that is no
/// wrapped keyring.
pub fn wrapped_root_key_id(wrapped: &[u8]) -> Option<String> {
    let (header, _) = Header::split(wrapped)?;
    let mut text = String::with_capacity(19);
    write!(text, "{}", header.root_key_id).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let argon2id = Argon2id { salt: [7; 16], memory_kib: 65_536, passes: 3, lanes: 1 };
        for passphrase in [None, Some(argon2id)] {
            let header = Header { root_key_id: RootKeyId([0xab; 8]), passphrase };
            let mut bytes = header.to_bytes();
            let length = bytes.len();
            bytes.extend_from_slice(b"rest");
            assert_eq!(Header::split(&bytes), Some((header, b"rest".as_slice())));
            assert_eq!(wrapped_root_key_id(&bytes).unwrap(), "rk_abababababababab");
            for cut in 0..length {
                assert_eq!(Header::split(&bytes[..cut]), None);
            }
        }
        assert_eq!(wrapped_root_key_id(b"SQLite format 3"), None);
    }
}
