//! Files of hardware tokens, as they are sealed for the vault.
//!
//! ```text
//! u8: 1 PSKC, 2 CSV │ u8: 0 nothing, 1 pre-shared key, 2 passphrase │ u16 little-endian: its length │ it │ the file
//! ```

use zeroize::Zeroizing;

use crate::Secret;

/// A file of hardware tokens, with what opens the keys in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFile {
    /// What the file is.
    pub format: TokenFormat,
    /// What the keys in it are encrypted with.
    pub unlock: Unlock,
    /// The file, as its maker sent it.
    pub content: Secret,
}

/// What a file of hardware tokens is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenFormat {
    /// A Portable Symmetric Key Container (RFC 6030).
    Pskc,
    /// Lines of values.
    Csv,
}

/// What the keys in a file are encrypted with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unlock {
    /// They are not.
    Nothing,
    /// A key that maker and buyer share (RFC 6030 §6.1).
    PreSharedKey(Secret),
    /// A passphrase, in UTF-8 (RFC 6030 §6.2).
    Passphrase(Secret),
}

impl TokenFile {
    /// The most bytes of a file.
    pub const MAX_BYTES: usize = 2 * 1024 * 1024;
    /// The most bytes of what opens its keys.
    pub const MAX_UNLOCK: usize = 1024;
    /// The most tokens of a file.
    pub const MAX_TOKENS: usize = 1000;
    /// HPKE's `info`, by which what is sealed is good for nothing else (RFC 9180 §5.1).
    pub const INFO: &'static [u8] = b"countersign token file v1";

    /// As it is sealed. `None` if file or key are too long.
    pub fn to_bytes(&self) -> Option<Zeroizing<Vec<u8>>> {
        let (kind, unlock) = match &self.unlock {
            Unlock::Nothing => (0, [].as_slice()),
            Unlock::PreSharedKey(key) => (1, key.0.as_slice()),
            Unlock::Passphrase(passphrase) => (2, passphrase.0.as_slice()),
        };
        if unlock.len() > Self::MAX_UNLOCK || self.content.0.len() > Self::MAX_BYTES {
            return None;
        }
        // All the room it can need at once: a vector that grew would leave copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(4 + unlock.len() + self.content.0.len()));
        bytes.push(match self.format {
            TokenFormat::Pskc => 1,
            TokenFormat::Csv => 2,
        });
        bytes.push(kind);
        bytes.extend_from_slice(&u16::try_from(unlock.len()).ok()?.to_le_bytes());
        bytes.extend_from_slice(unlock);
        bytes.extend_from_slice(&self.content.0);
        Some(bytes)
    }

    /// From what was sealed. `None` if that is something else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (format, rest) = bytes.split_first()?;
        let (kind, rest) = rest.split_first()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (unlock, content) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
        if unlock.len() > Self::MAX_UNLOCK || content.len() > Self::MAX_BYTES {
            return None;
        }
        let format = match format {
            1 => TokenFormat::Pskc,
            2 => TokenFormat::Csv,
            _ => return None,
        };
        let unlock = match (kind, Secret(unlock.to_vec())) {
            (0, nothing) if nothing.0.is_empty() => Unlock::Nothing,
            (1, key) => Unlock::PreSharedKey(key),
            (2, passphrase) => Unlock::Passphrase(passphrase),
            _ => return None,
        };
        Some(Self { format, unlock, content: Secret(content.to_vec()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let secret = |text: &str| Secret(text.as_bytes().to_vec());
        for format in [TokenFormat::Pskc, TokenFormat::Csv] {
            for unlock in [Unlock::Nothing, Unlock::PreSharedKey(secret("key")), Unlock::Passphrase(secret("qwerty"))] {
                let file = TokenFile { format, unlock, content: secret("1,2") };
                let bytes = file.to_bytes().unwrap();
                assert_eq!(TokenFile::from_bytes(&bytes), Some(file));
            }
        }
        let long = TokenFile {
            format: TokenFormat::Csv,
            unlock: Unlock::Nothing,
            content: Secret(vec![b'x'; TokenFile::MAX_BYTES + 1]),
        };
        assert!(long.to_bytes().is_none());
        for other in
            [b"".as_slice(), &[1], &[1, 0, 0], &[3, 0, 0, 0], &[1, 3, 0, 0], &[1, 0, 1, 0, 9], &[1, 1, 2, 0, 9]]
        {
            assert_eq!(TokenFile::from_bytes(other), None, "{other:?}");
        }
    }
}
