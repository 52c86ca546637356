//! The keyring: data keys by purpose, in versions, wrapped with the root key.

use aws_lc_rs::aead::LessSafeKey;
use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};
use vault_proto::wrapped::{Header, RootKeyId};
use vault_proto::{PublicKeys, Refusal};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::root_key::Origin;
use crate::sign::Signer;
use crate::tokens::ImportKey;
use crate::{crypto, sandbox};

/// Versions kept at most: older ones have to be retired first.
const MAX_VERSIONS: usize = 32;
/// Versions of which only the keys of backup codes are left, at most: each is one more to check a code with.
const MAX_RETIRED: usize = 256;
/// Tries at a scalar of P-256, of which one in 2^32 fails.
const DRAWS: u8 = 4;

/// Data keys that are ready for use.
pub(crate) struct Keyring {
    root_key_id: RootKeyId,
    /// As it was wrapped, for the next rotation.
    wrapped: Vec<u8>,
    /// Oldest first, never empty.
    versions: Vec<DataKeys>,
    /// The keys of backup codes that were issued under versions that are retired.
    retired_codes: Vec<hmac::Key>,
    /// What push services know the sender by.
    vapid: Signer,
    /// What versions of the policy are signed with.
    policy: Signer,
}

/// The data keys of one version.
pub(crate) struct DataKeys {
    pub(crate) version: u32,
    pub(crate) otp: LessSafeKey,
    pub(crate) provider: LessSafeKey,
    pub(crate) codes: hmac::Key,
    pub(crate) assertion: Signer,
    pub(crate) import: ImportKey,
}

/// What a wrapped keyring holds.
#[derive(Serialize, Deserialize)]
struct Plain {
    versions: Vec<PlainKeys>,
    retired: Vec<RetiredKeys>,
}

/// What is left of data keys that were retired.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct RetiredKeys {
    codes: [u8; 32],
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct PlainKeys {
    version: u32,
    otp: [u8; 32],
    provider: [u8; 32],
    codes: [u8; 32],
    /// PKCS#8.
    assertion: Vec<u8>,
}

impl Keyring {
    /// Makes the first keyring.
    pub(crate) fn create(origin: &Origin) -> Result<Self, Refusal> {
        let plain = Plain { versions: vec![PlainKeys::generate(1)?], retired: Vec::new() };
        let wrapped = wrap(&plain, origin, None)?;
        Self::open(wrapped, origin)
    }

    /// Opens a wrapped keyring.
    pub(crate) fn open(wrapped: Vec<u8>, origin: &Origin) -> Result<Self, Refusal> {
        let (header, plain) = unwrap(&wrapped, origin)?;
        let versions = plain.versions.iter().map(PlainKeys::ready).collect::<Result<Vec<_>, _>>()?;
        let ordered = versions.windows(2).all(|pair| matches!(pair, [older, newer] if older.version < newer.version));
        if versions.is_empty() || !ordered {
            return Err(malformed());
        }
        let retired_codes: Vec<hmac::Key> =
            plain.retired.iter().map(|keys| hmac::Key::new(hmac::HMAC_SHA256, &keys.codes)).collect();
        sandbox::lock(&versions);
        sandbox::lock(&retired_codes);
        let (vapid, policy) =
            (plain.lasting("vapid key", Signer::vapid)?, plain.lasting("policy key", Signer::policy)?);
        Ok(Self { root_key_id: header.root_key_id, wrapped, versions, retired_codes, vapid, policy })
    }

    /// A keyring without the data keys below `before`, wrapped, and the version of the newest. What is left of
    /// those is the keys of backup codes: their hashes cannot be made anew without the codes.
    pub(crate) fn retired(&self, origin: &Origin, before: u32) -> Result<(Vec<u8>, u32), Refusal> {
        let (header, mut plain) = unwrap(&self.wrapped, origin)?;
        let version = self.present()?.version;
        if !(self.oldest_version() + 1..=version).contains(&before) {
            return Err(Refusal::Malformed("no such data keys can be retired".to_owned()));
        }
        let retired = plain.versions.iter().filter(|keys| keys.version < before);
        let codes: Vec<RetiredKeys> = retired.map(|keys| RetiredKeys { codes: keys.codes }).collect();
        plain.retired.extend(codes);
        if plain.retired.len() > MAX_RETIRED {
            return Err(Refusal::Malformed("too many versions of data keys were retired".to_owned()));
        }
        plain.versions.retain(|keys| keys.version >= before);
        Ok((wrap(&plain, origin, Some(header))?, version))
    }

    /// A keyring with new data keys beside the present ones, wrapped, and their version.
    pub(crate) fn rotated(&self, origin: &Origin) -> Result<(Vec<u8>, u32), Refusal> {
        let (header, mut plain) = unwrap(&self.wrapped, origin)?;
        let version = self.present()?.version.checked_add(1).ok_or_else(malformed)?;
        if plain.versions.len() >= MAX_VERSIONS {
            return Err(Refusal::Malformed("too many versions of data keys: retire old ones first".to_owned()));
        }
        plain.versions.push(PlainKeys::generate(version)?);
        Ok((wrap(&plain, origin, Some(header))?, version))
    }

    /// The same keyring wrapped with another root key, and that one's id.
    pub(crate) fn under(&self, present: &Origin, next: &Origin) -> Result<(Vec<u8>, RootKeyId), Refusal> {
        let (_, plain) = unwrap(&self.wrapped, present)?;
        let wrapped = wrap(&plain, next, None)?;
        let (header, _) = Header::split(&wrapped).ok_or_else(malformed)?;
        if header.root_key_id == self.root_key_id {
            return Err(Refusal::Malformed("the next root key is the present one".to_owned()));
        }
        Ok((wrapped, header.root_key_id))
    }

    /// As it is stored.
    pub(crate) fn wrapped(&self) -> &[u8] {
        &self.wrapped
    }

    /// Names the root key.
    pub(crate) fn root_key_id(&self) -> RootKeyId {
        self.root_key_id
    }

    /// The newest data keys: what is made, is made with these.
    pub(crate) fn present(&self) -> Result<&DataKeys, Refusal> {
        self.versions.last().ok_or_else(malformed)
    }

    /// The oldest version that still opens.
    pub(crate) fn oldest_version(&self) -> u32 {
        self.versions.first().map_or(0, |keys| keys.version)
    }

    /// The newest and the oldest version: neither ever goes back, so that of two keyrings the newer one is known.
    pub(crate) fn extent(&self) -> (u32, u32) {
        (self.newest_version(), self.oldest_version())
    }

    /// The version of the newest data keys.
    pub(crate) fn newest_version(&self) -> u32 {
        self.versions.last().map_or(0, |keys| keys.version)
    }

    /// The keys of every backup code that is still good.
    pub(crate) fn codes(&self) -> impl Iterator<Item = &hmac::Key> {
        self.retired_codes.iter().chain(self.versions.iter().map(|keys| &keys.codes))
    }

    /// The data keys of a version.
    pub(crate) fn version(&self, version: u32) -> Result<&DataKeys, Refusal> {
        match self.versions.binary_search_by_key(&version, |keys| keys.version) {
            Ok(place) => self.versions.get(place).ok_or_else(malformed),
            Err(place) if place == self.versions.len() => Err(Refusal::UnknownKeyVersion(version)),
            Err(_) => Err(Refusal::RetiredKeyVersion(version)),
        }
    }

    /// What signs for push services.
    pub(crate) fn vapid(&self) -> &Signer {
        &self.vapid
    }

    /// What signs versions of the policy.
    pub(crate) fn policy(&self) -> &Signer {
        &self.policy
    }

    /// The public halves of the vault's own keys.
    pub(crate) fn public_keys(&self) -> PublicKeys {
        PublicKeys {
            assertion: self.versions.iter().rev().map(|keys| keys.assertion.public_key()).collect(),
            vapid: self.vapid.public_key(),
            policy: self.policy.public_key(),
            import: self.versions.last().map_or([0; 32], |keys| keys.import.public),
        }
    }

    /// The import key of this public half.
    pub(crate) fn import_key(&self, public: &[u8; 32]) -> Option<&ImportKey> {
        self.versions.iter().map(|keys| &keys.import).find(|key| key.public == *public)
    }
}

fn malformed() -> Refusal {
    Refusal::Malformed("this is no keyring of this release".to_owned())
}

fn wrap(plain: &Plain, origin: &Origin, like: Option<Header>) -> Result<Vec<u8>, Refusal> {
    let (root_key, passphrase) = origin.key(like.and_then(|header| header.passphrase))?;
    let text = Zeroizing::new(postcard::to_stdvec(plain).map_err(|_| malformed())?);
    let mut wrapped = Header { root_key_id: root_key.id(), passphrase }.to_bytes();
    let header = wrapped.clone();
    crypto::seal(&crypto::aead_key(&root_key.wrapping_key())?, &header, &text, &mut wrapped)?;
    Ok(wrapped)
}

fn unwrap(wrapped: &[u8], origin: &Origin) -> Result<(Header, Plain), Refusal> {
    let (header, sealed) = Header::split(wrapped).ok_or_else(malformed)?;
    let wanted = header.root_key_id.to_string();
    if header.passphrase.is_some() != origin.is_passphrase() {
        let given = if origin.is_passphrase() { "a passphrase" } else { "a key" };
        return Err(Refusal::WrongRootKey { wanted, given: given.to_owned() });
    }
    let (root_key, _) = origin.key(header.passphrase)?;
    if root_key.id() != header.root_key_id {
        return Err(Refusal::WrongRootKey { wanted, given: root_key.id().to_string() });
    }
    let associated = wrapped.get(..wrapped.len() - sealed.len()).ok_or_else(malformed)?;
    let key = crypto::aead_key(&root_key.wrapping_key())?;
    let text = crypto::open(&key, associated, sealed).ok_or(Refusal::DoesNotOpen)?;
    Ok((header, postcard::from_bytes(&text).map_err(|_| malformed())?))
}

impl Plain {
    /// A key that lasts as long as the store. Browsers subscribe to the one for push services, and a subscription is lost with it; what a
    /// policy was signed with has to be known for as long as the policy is kept. So it comes from the first keys of backup codes, which
    /// stay through every rotation, as a pseudorandom function of theirs with a label of its own.
    fn lasting(&self, label: &str, signer: impl Fn(&crypto::Key) -> Option<Signer>) -> Result<Signer, Refusal> {
        let first = self.retired.first().map(|keys| &keys.codes);
        let first = first.or(self.versions.first().map(|keys| &keys.codes)).ok_or_else(malformed)?;
        (0..DRAWS)
            .find_map(|draw| signer(&crypto::derive(first, &format!("countersign {label} v1, draw {draw}"))))
            .ok_or_else(malformed)
    }
}

impl PlainKeys {
    fn generate(version: u32) -> Result<Self, Refusal> {
        let mut keys =
            Self { version, otp: [0; 32], provider: [0; 32], codes: [0; 32], assertion: Signer::generate()? };
        crypto::fill(&mut keys.otp)?;
        crypto::fill(&mut keys.provider)?;
        crypto::fill(&mut keys.codes)?;
        Ok(keys)
    }

    fn ready(&self) -> Result<DataKeys, Refusal> {
        Ok(DataKeys {
            version: self.version,
            otp: crypto::aead_key(&Zeroizing::new(self.otp))?,
            provider: crypto::aead_key(&Zeroizing::new(self.provider))?,
            codes: hmac::Key::new(hmac::HMAC_SHA256, &self.codes),
            assertion: Signer::new(&self.assertion)?,
            // As with the key for push services: derived from what there has always been, under a label of its own.
            import: ImportKey::new(&crypto::derive(&self.codes, "countersign import key v1")),
        })
    }
}
