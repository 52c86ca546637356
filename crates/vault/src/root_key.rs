//! The root key: from a file, the environment or a passphrase. It opens the keyring and nothing else.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use vault_proto::Refusal;
use vault_proto::wrapped::{Argon2id, RootKeyId};
use zeroize::Zeroizing;

use crate::args::{Args, Source};
use crate::crypto::{self, Key};

/// RFC 9106 §4, second recommended option, with one lane: the vault has no threads to spare.
const MEMORY_KIB: u32 = 64 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;
/// What a keyring's header may ask for at most, so that a forged one cannot take the machine down.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_PASSES: u32 = 16;
const MIN_PASSPHRASE: usize = 12;

/// A root key is a short text; what is longer is some other file.
const MAX_FILE: u64 = 4096;

/// What the name of a file ends in whose root key is to take the place of another.
const NEXT: &str = vault_proto::control::NEXT_ROOT_KEY;

const HEADER: &str = "# Countersign root key. Whoever has this file can open every key in the store that it belongs to.\n\
     # Keep a copy of it offline, apart from the backups of the store: without it the store cannot be opened.\n";

/// The root key, in the clear.
pub(crate) struct RootKey(Key);

impl RootKey {
    /// Names it: the first 8 bytes of a key derived for nothing else.
    pub(crate) fn id(&self) -> RootKeyId {
        let derived = crypto::derive(self.0.as_slice(), "countersign root key id v1");
        RootKeyId(derived.first_chunk().copied().unwrap_or_default())
    }

    /// The key that keyrings are wrapped with.
    pub(crate) fn wrapping_key(&self) -> Key {
        crypto::derive(self.0.as_slice(), "countersign keyring wrapping v1")
    }
}

/// What root keys are had from: the key itself, or a passphrase, for which the keyring's salt is wanted first.
pub(crate) enum Origin {
    Key(RootKey),
    Passphrase(Zeroizing<String>),
}

impl Origin {
    /// Gets the root key as the arguments say. `handed` gives what the supervisor found in a variable.
    ///
    /// # Errors
    /// One line that says what is wrong and what to do.
    pub(crate) fn load(args: &Args, handed: impl FnOnce() -> Option<Zeroizing<String>>) -> Result<Self, String> {
        let expected = args.expect_root_key.as_deref();
        let origin = Self::from(&args.root_key, args.create_root_key, expected, handed)?;
        match (&origin, expected) {
            (Self::Key(key), Some(wanted)) if key.id().to_string() != wanted => Err(format!(
                "this store was sealed with root key {wanted}, but the {} given holds {}: {}; nothing was changed",
                args.root_key.name(),
                key.id(),
                what_to_do(&args.root_key, wanted)
            )),
            _ => Ok(origin),
        }
    }

    /// Gets the next root key, where the arguments name one.
    ///
    /// # Errors
    /// As [`Origin::load`].
    pub(crate) fn load_next(
        args: &Args,
        handed: impl FnOnce() -> Option<Zeroizing<String>>,
    ) -> Result<Option<Self>, String> {
        args.next_root_key.as_ref().map(|source| Self::from(source, true, None, handed)).transpose()
    }

    fn from(
        source: &Source,
        create: bool,
        expected: Option<&str>,
        handed: impl FnOnce() -> Option<Zeroizing<String>>,
    ) -> Result<Self, String> {
        Ok(match source {
            Source::File(path) => Self::Key(from_file(path, create, expected)?),
            Source::Environment(name) => {
                let text = handed().ok_or_else(|| missing_variable(name, expected))?;
                let key = decode(&text).ok_or(format!("{name} does not hold 32 bytes in Base64 or hexadecimal"))?;
                Self::Key(RootKey(key))
            }
            Source::Passphrase(name) => {
                let text = handed().ok_or_else(|| missing_variable(name, expected))?;
                if text.len() < MIN_PASSPHRASE {
                    return Err(format!("the passphrase in {name} is shorter than {MIN_PASSPHRASE} characters"));
                }
                Self::Passphrase(text)
            }
        })
    }

    /// The root key, and how it is made from the passphrase where it is. `recorded` is how the keyring says that it was made.
    pub(crate) fn key(&self, recorded: Option<Argon2id>) -> Result<(RootKey, Option<Argon2id>), Refusal> {
        match self {
            Self::Key(RootKey(key)) => Ok((RootKey(key.clone()), None)),
            Self::Passphrase(passphrase) => {
                let argon2id = match recorded {
                    Some(argon2id) => argon2id,
                    None => fresh_parameters()?,
                };
                Ok((from_passphrase(passphrase, argon2id)?, Some(argon2id)))
            }
        }
    }

    /// Whether it is a passphrase.
    pub(crate) fn is_passphrase(&self) -> bool {
        matches!(self, Self::Passphrase(_))
    }
}

/// What to do where another root key is asked for than the one given.
fn what_to_do(source: &Source, wanted: &str) -> String {
    if let Source::File(path) = source {
        let next = next_to(path);
        let key = File::open(&next).ok().and_then(|file| read(file, &next).ok());
        if key.is_some_and(|key| key.id().to_string() == wanted) {
            return format!(
                "that one is in {}, since a change of the root key was cut off: `countersign root-key change` ends it",
                next.display()
            );
        }
    }
    "start with the root key that belongs to this store".to_owned()
}

/// Where a root key's file is made that takes the place of this one.
fn next_to(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(NEXT);
    PathBuf::from(name)
}

fn missing_variable(name: &str, expected: Option<&str>) -> String {
    match expected {
        Some(id) => {
            format!("this store was sealed with root key {id}: set {name}, which is not set; nothing was changed")
        }
        None => format!("{name} is not set: put the root key into it"),
    }
}

fn fresh_parameters() -> Result<Argon2id, Refusal> {
    Ok(Argon2id { salt: *crypto::random()?, memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES })
}

fn from_passphrase(passphrase: &str, argon2id: Argon2id) -> Result<RootKey, Refusal> {
    let Argon2id { salt, memory_kib, passes, lanes } = argon2id;
    if memory_kib > MAX_MEMORY_KIB || passes > MAX_PASSES {
        return Err(Refusal::Malformed("the keyring's Argon2id parameters are out of bounds".to_owned()));
    }
    let params = argon2::Params::new(memory_kib, passes, lanes, Some(32))
        .map_err(|_| Refusal::Malformed("the keyring's Argon2id parameters are out of bounds".to_owned()))?;
    let mut key = Zeroizing::new([0; 32]);
    argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), &salt, key.as_mut_slice())
        .map_err(|_| Refusal::Failed("Argon2id failed; is there enough memory?".to_owned()))?;
    Ok(RootKey(key))
}

fn from_file(path: &Path, create: bool, expected: Option<&str>) -> Result<RootKey, String> {
    let shown = path.display();
    match File::open(path) {
        Ok(file) => read(file, path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => match expected {
            Some(id) => Err(format!(
                "this store was sealed with root key {id}, but there is no file {shown}: put the root key's file back there; \
                 nothing was changed"
            )),
            None if create => create_file(path),
            None => Err(format!("there is no root key at {shown}")),
        },
        Err(error) => Err(format!("the root key at {shown} cannot be opened: {error}")),
    }
}

fn read(file: File, path: &Path) -> Result<RootKey, String> {
    let shown = path.display();
    let cannot = |error: std::io::Error| format!("the root key at {shown} cannot be read: {error}");
    let about = file.metadata().map_err(cannot)?;
    if !about.is_file() {
        return Err(format!("the root key at {shown} is not a file"));
    }
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!("the root key at {shown} can be read by others (mode {mode:03o}): chmod 600 {shown}"));
    }
    let mut text = Zeroizing::new(String::with_capacity(8192));
    file.take(MAX_FILE).read_to_string(&mut text).map_err(cannot)?;
    decode(&text).map(RootKey).ok_or(format!(
        "the file {shown} holds no root key: it should have 32 bytes in Base64 or hexadecimal on a line of their own"
    ))
}

fn create_file(path: &Path) -> Result<RootKey, String> {
    let shown = path.display();
    let key = RootKey(crypto::random().map_err(|refusal| refusal.to_string())?);
    let text =
        Zeroizing::new(format!("{HEADER}# {}\n{}\n", key.id(), &*Zeroizing::new(BASE64.encode(key.0.as_slice()))));
    // Whole before it has its name: one that was cut off while it was written would pass for a damaged root key.
    let mut part = path.as_os_str().to_owned();
    part.push(format!(".part-{}", std::process::id()));
    let part = PathBuf::from(part);
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        // Whatever the umask has taken away or left.
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // Fails where there is one meanwhile, which a renaming would not.
        std::fs::hard_link(&part, path)?;
        std::fs::remove_file(&part)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    })();
    written.map_err(|error: std::io::Error| format!("the root key cannot be written to {shown}: {error}"))?;
    Ok(key)
}

/// 32 bytes in hexadecimal or Base64, on the one line that is neither empty nor a comment.
fn decode(text: &str) -> Option<Key> {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (line, None) = (lines.next()?, lines.next()) else { return None };
    let encodings = [HEXLOWER_PERMISSIVE, BASE64, BASE64_NOPAD, BASE64URL_NOPAD];
    encodings.iter().find_map(|encoding| {
        let bytes = Zeroizing::new(encoding.decode(line.as_bytes()).ok()?);
        Some(Zeroizing::new(<[u8; 32]>::try_from(bytes.as_slice()).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_in_each_encoding() {
        let key = [0xa7; 32];
        for text in [BASE64.encode(&key), BASE64_NOPAD.encode(&key), HEXLOWER_PERMISSIVE.encode(&key), "A7".repeat(32)]
        {
            assert_eq!(*decode(&format!("# note\n\n {text} \n")).unwrap(), key);
        }
        for text in ["", "# only", "abcd", &"a7".repeat(31), &format!("{0}\n{0}", BASE64.encode(&key))] {
            assert!(decode(text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_file_is_made_once_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("root.key");
        assert!(from_file(&path, false, None).is_err());
        assert!(from_file(&path, true, Some("rk_0011223344556677")).err().unwrap().contains("rk_0011223344556677"));
        assert!(!path.exists());
        let made = from_file(&path, true, None).ok().unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("# Countersign root key"));
        let read = from_file(&path, true, None).ok().unwrap();
        assert_eq!(read.id(), made.id());
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(from_file(&path, false, None).err().unwrap().contains("chmod 600"));
    }

    #[test]
    fn the_id_tells_nothing_about_what_wraps() {
        let key = RootKey(Zeroizing::new([1; 32]));
        assert_ne!(key.id().0, key.wrapping_key()[..8]);
        assert_ne!(key.id(), RootKey(Zeroizing::new([2; 32])).id());
    }
}
