//! The verbs, their answers and their refusals.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

/// The version of this protocol. A frame of another version is answered with [`Refusal::Version`].
pub const VERSION: u8 = 1;

/// One question.
#[derive(Debug, Serialize, Deserialize)]
pub enum Verb {
    /// Opens the keyring with the root key, or makes a new one where there is none. Until then every other
    /// verb but `Status` is refused with [`Refusal::Locked`]. Answer: [`Reply::Unlocked`]. Also loads a newer keyring.
    Unlock {
        /// The keyring as an earlier `Unlock` or `RotateKeys` wrapped it; `None` to make the first one.
        #[serde(with = "crate::bytes::option")]
        keyring: Option<Vec<u8>>,
    },
    /// Makes a key, seals it and renders the one view of it. Answer: [`Reply::Provisioned`].
    Provision(Provision),
    /// Checks a one-time password. Answer: [`Reply::Checked`].
    CheckOtp(CheckOtp),
    /// Finds a device again whose counter has run too far ahead. Answer: [`Reply::Checked`], with the step of the second code.
    Resynchronize(Resynchronize),
    /// Makes a set of backup codes. Answer: [`Reply::Issued`].
    IssueBackupCodes {
        /// Whose.
        owner: CodeOwner,
        /// How many, 1 to 50.
        count: u8,
    },
    /// Checks a backup code. Answer: [`Reply::Checked`].
    CheckBackupCode(CheckBackupCode),
    /// Makes a short code to be sent (SMS, e-mail). Answer: [`Reply::Issued`] with one code.
    IssueCode {
        /// Whose.
        owner: CodeOwner,
        /// What it is good for: the id of the challenge or enrollment.
        scope: [u8; 16],
        /// Digits, 6 to 10.
        digits: u8,
    },
    /// Checks a short code that was sent. Answer: [`Reply::Checked`].
    CheckCode(CheckCode),
    /// Signs for a named purpose. Answer: [`Reply::Signed`].
    Sign(Sign),
    /// The public halves of the vault's own keys. Answer: [`Reply::PublicKeys`].
    PublicKeys,
    /// Seals a provider's secret. Answer: [`Reply::Sealed`].
    Seal {
        /// What it is for; it opens for nothing else.
        purpose: String,
        /// Which thing it belongs to; it opens for no other.
        #[serde(with = "crate::bytes")]
        context: Vec<u8>,
        /// The secret.
        plaintext: Secret,
    },
    /// Opens what `Seal` sealed, never a key. Answer: [`Reply::Opened`].
    Open {
        /// As when it was sealed.
        purpose: String,
        /// As when it was sealed.
        #[serde(with = "crate::bytes")]
        context: Vec<u8>,
        /// What `Seal` answered.
        #[serde(with = "crate::bytes")]
        blob: Vec<u8>,
    },
    /// Seals a key anew under the present data key. Answer: [`Reply::Sealed`].
    Rewrap {
        /// Whose key it is.
        binding: Binding,
        /// How codes are made from it.
        params: otp::Params,
        /// The blob.
        #[serde(with = "crate::bytes")]
        blob: Vec<u8>,
    },
    /// Reads a file of hardware tokens that was sealed to the vault's import key, and seals each key by itself. Answer:
    /// [`Reply::TokensImported`].
    ImportTokens(ImportTokens),
    /// Seals the key of a hardware token for the authenticator that it becomes. There is no way back. Answer: [`Reply::Sealed`].
    AssignToken {
        /// Which token it is.
        token: TokenBinding,
        /// How codes are made from its key.
        params: otp::Params,
        /// The key, as it was imported.
        #[serde(with = "crate::bytes")]
        blob: Vec<u8>,
        /// Whose key it becomes.
        to: Binding,
    },
    /// Seals the key of a hardware token anew under the present data key. Answer: [`Reply::Sealed`].
    RewrapToken {
        /// Which token it is.
        token: TokenBinding,
        /// How codes are made from its key.
        params: otp::Params,
        /// The blob.
        #[serde(with = "crate::bytes")]
        blob: Vec<u8>,
    },
    /// Makes new data keys, which count once the answer is given back with `Unlock`. Answer: [`Reply::Rotated`].
    RotateKeys,
    /// Drops older data keys, which counts once the answer is given back with `Unlock`: what was sealed with them opens no
    /// more, and what they signed has no public key. Backup codes issued under them stay good. Answer: [`Reply::Rotated`].
    RetireKeys {
        /// The oldest version that stays.
        before: u32,
    },
    /// Wraps the open keyring with the next root key, which the vault was started with as well. Nothing is changed until
    /// the answer is stored. Answer: [`Reply::RootKeyChanged`].
    ChangeRootKey,
    /// How the vault is. Answer: [`Reply::Status`].
    Status,
    /// For tests: moves the clock of a vault that was started with `--movable-clock`. Answer: [`Reply::Done`].
    MoveClock {
        /// Milliseconds that are added to the clock; may be negative.
        by_millis: i64,
        /// Whether that much time passed, rather than the clock being set wrong.
        passed: bool,
    },
}

impl Verb {
    /// The name of each verb.
    pub const NAMES: [&'static str; 21] = [
        "unlock",
        "provision",
        "check_otp",
        "resynchronize",
        "issue_backup_codes",
        "check_backup_code",
        "issue_code",
        "check_code",
        "sign",
        "public_keys",
        "seal",
        "open",
        "rewrap",
        "import_tokens",
        "assign_token",
        "rewrap_token",
        "rotate_keys",
        "retire_keys",
        "change_root_key",
        "status",
        "move_clock",
    ];

    /// The verb's name, by which callers are permitted it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Unlock { .. } => "unlock",
            Self::Provision(_) => "provision",
            Self::CheckOtp(_) => "check_otp",
            Self::Resynchronize(_) => "resynchronize",
            Self::IssueBackupCodes { .. } => "issue_backup_codes",
            Self::CheckBackupCode(_) => "check_backup_code",
            Self::IssueCode { .. } => "issue_code",
            Self::CheckCode(_) => "check_code",
            Self::Sign(_) => "sign",
            Self::PublicKeys => "public_keys",
            Self::Seal { .. } => "seal",
            Self::Open { .. } => "open",
            Self::Rewrap { .. } => "rewrap",
            Self::ImportTokens(_) => "import_tokens",
            Self::AssignToken { .. } => "assign_token",
            Self::RewrapToken { .. } => "rewrap_token",
            Self::RotateKeys => "rotate_keys",
            Self::RetireKeys { .. } => "retire_keys",
            Self::ChangeRootKey => "change_root_key",
            Self::Status => "status",
            Self::MoveClock { .. } => "move_clock",
        }
    }

    /// Whether its frame may be longer than any other's, up to [`MAX_FILE_QUESTION`](crate::frame::MAX_FILE_QUESTION). The vault
    /// answers one such question at a time.
    pub const fn holds_a_file(&self) -> bool {
        matches!(self, Self::ImportTokens(_))
    }
}

/// Whose key it is: part of every seal's associated data, so that a blob moved elsewhere does not open (P-02, T-27).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binding {
    /// The user.
    pub user: [u8; 16],
    /// The device.
    pub device: [u8; 16],
    /// The authenticator.
    pub authenticator: [u8; 16],
    /// Counts the keys that the authenticator has had, from 1.
    pub generation: u32,
}

/// See [`Verb::Provision`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Provision {
    /// Whose key it is to be.
    pub binding: Binding,
    /// How codes are to be made from it.
    pub params: otp::Params,
    /// Who asks for codes, as authenticator apps show it.
    pub issuer: String,
    /// Whose codes they are, as authenticator apps show it.
    pub account: String,
    /// Which picture of the URI is wanted.
    pub qr: Qr,
    /// An X25519 public key to seal the view to (RFC 9180), so that whoever relays it learns nothing (P-05).
    pub recipient: Option<[u8; 32]>,
}

/// A picture of the `otpauth://` URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Qr {
    /// None.
    None,
    /// An SVG document.
    Svg,
    /// A PNG file.
    Png,
}

/// See [`Verb::CheckOtp`].
#[derive(Debug, Serialize, Deserialize)]
pub struct CheckOtp {
    /// The keys that the code could be of. Where there is none the vault does the same work and answers
    /// [`Outcome::Wrong`] (T-19).
    pub candidates: Vec<OtpCandidate>,
    /// What the person typed, canonical (see [`otp::Code`]).
    pub code: Secret,
    /// Steps of drift that are allowed either way where steps are timed, 0 to 2.
    pub drift: u8,
    /// Steps that may have been left out where steps are counted (RFC 4226 §7.4), 0 to 20.
    pub look_ahead: u8,
    /// What to sign if the code is right: the JSON of an assertion's claims. Saves a round trip.
    #[serde(with = "crate::bytes::option")]
    pub assertion: Option<Vec<u8>>,
}

/// One key that a code could be of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OtpCandidate {
    /// Whose key it is.
    pub binding: Binding,
    /// How codes are made from it.
    pub params: otp::Params,
    /// The sealed key.
    #[serde(with = "crate::bytes")]
    pub blob: Vec<u8>,
    /// The last step that the store knows to be used, 0 for none; see [`otp::Params`]. The vault also keeps its own.
    pub last_step: i64,
}

/// See [`Verb::Resynchronize`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Resynchronize {
    /// The key, one whose steps are counted. Where there is none the vault does the same work and answers
    /// [`Outcome::Wrong`] (T-19).
    pub candidate: Option<OtpCandidate>,
    /// Two codes that the device gave one after the other, canonical. They count as one try.
    pub codes: [Secret; 2],
    /// How many steps after the last one used the first of them may be, 1 to 1,000.
    pub window: u16,
}

/// See [`Verb::ImportTokens`].
#[derive(Debug, Serialize, Deserialize)]
pub struct ImportTokens {
    /// The import key that the file was sealed to, as [`PublicKeys`] named it.
    pub key: [u8; 32],
    /// The encapsulated key.
    pub enc: [u8; 32],
    /// A [`TokenFile`](crate::TokenFile), sealed: HPKE base mode (RFC 9180), DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM,
    /// with [`TokenFile::INFO`](crate::TokenFile::INFO) as `info` and no associated data.
    #[serde(with = "crate::bytes")]
    pub ciphertext: Vec<u8>,
    /// Ids for the tokens, in the order of the file: as many as it may hold, 1,000 at most.
    pub ids: Vec<[u8; 16]>,
}

/// Which hardware token a key belongs to: part of its seal's associated data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenBinding {
    /// The id that it was imported with.
    pub id: [u8; 16],
    /// The serial number that is printed on it.
    pub serial: String,
}

/// A hardware token that was imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedToken {
    /// Its id and serial number, to which its key is bound.
    pub token: TokenBinding,
    /// How codes are made from its key.
    pub params: otp::Params,
    /// The last step that counts as used, where steps are counted: the file said how far its counter was.
    pub last_step: i64,
    /// The key, sealed.
    #[serde(with = "crate::bytes")]
    pub blob: Vec<u8>,
}

/// A hardware token that was not imported.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedToken {
    /// Where it stands in the file, from 1.
    pub line: u32,
    /// Its serial number, where it has one.
    pub serial: Option<String>,
    /// What is wrong with it; never with any part of its key.
    pub why: String,
}

/// Whose codes: part of each keyed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CodeOwner {
    /// The user.
    pub user: [u8; 16],
    /// The authenticator.
    pub authenticator: [u8; 16],
}

/// See [`Verb::CheckBackupCode`].
#[derive(Debug, Serialize, Deserialize)]
pub struct CheckBackupCode {
    /// Whose; `None` where there is nobody: the same work, and wrong (T-19).
    pub owner: Option<CodeOwner>,
    /// The keyed hashes of the unused codes.
    pub hashes: Vec<[u8; 32]>,
    /// What the person typed, canonical (see [`otp::BackupCode`]).
    pub code: Secret,
    /// What to sign if it is right.
    #[serde(with = "crate::bytes::option")]
    pub assertion: Option<Vec<u8>>,
}

/// See [`Verb::CheckCode`].
#[derive(Debug, Serialize, Deserialize)]
pub struct CheckCode {
    /// What was sent; `None` where nothing was: the same work, and wrong (T-19).
    pub sent: Option<SentCode>,
    /// What the person typed, canonical (see [`otp::Code`]).
    pub code: Secret,
    /// What to sign if it is right.
    #[serde(with = "crate::bytes::option")]
    pub assertion: Option<Vec<u8>>,
}

/// A short code that was sent, as it is stored. Wrong ones are counted for their owner, whatever the scope: another code is no
/// fresh start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentCode {
    /// Whose.
    pub owner: CodeOwner,
    /// What it is good for: the id of the challenge or enrollment.
    pub scope: [u8; 16],
    /// Its keyed hash.
    pub hash: [u8; 32],
}

/// What is to be signed. Each purpose has keys of its own, and a form in which its key signs nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sign {
    /// An assertion: a JSON Web Signature (RFC 7515), ES256, `typ` `countersign-assertion+jwt`.
    Assertion {
        /// The JSON of its claims.
        #[serde(with = "crate::bytes")]
        claims: Vec<u8>,
    },
    /// Who sends a push message, for the push service (RFC 8292 §2): a JSON Web Token, ES256, of these claims and no others.
    Vapid(Vapid),
    /// Whose a request is that a proxy lets through: as an assertion, with `typ` `countersign-identity+jwt`, so that neither is taken for the
    /// other.
    Identity {
        /// The JSON of its claims.
        #[serde(with = "crate::bytes")]
        claims: Vec<u8>,
    },
    /// Which policy came into force, after which: a JSON Web Signature, ES256, `typ` `countersign-policy+jws`.
    Policy {
        /// The JSON of what is said of it.
        #[serde(with = "crate::bytes")]
        statement: Vec<u8>,
    },
}

/// The claims by which a push service knows who sends (RFC 8292 §2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vapid {
    /// `aud`: the origin of the push service, `https://` and a host, and a port where it has one.
    pub audience: String,
    /// `sub`: whom the push service can turn to, `mailto:…` or `https://…`.
    pub subject: String,
    /// `exp`: seconds since the Unix epoch, at most 24 hours from now.
    pub expires_at: i64,
}

/// Bytes that must not be printed, and that are wiped when dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, zeroize::ZeroizeOnDrop, Zeroize)]
pub struct Secret(#[serde(with = "crate::bytes")] pub Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// One answer.
#[derive(Debug, Serialize, Deserialize)]
pub enum Reply {
    /// The keyring is open.
    Unlocked {
        /// The first keyring, wrapped, where one was made: to be stored before anything is sealed.
        #[serde(with = "crate::bytes::option")]
        created: Option<Vec<u8>>,
        /// Names the root key, `rk_` and 16 hex digits; tells nothing about it.
        root_key_id: String,
    },
    /// A key was made.
    Provisioned {
        /// The key, sealed.
        #[serde(with = "crate::bytes")]
        blob: Vec<u8>,
        /// The one view of it.
        view: View,
    },
    /// A code was checked.
    Checked {
        /// How that went.
        outcome: Outcome,
        /// The signed assertion, where the code was right and one was asked for.
        assertion: Option<String>,
    },
    /// Codes were made.
    Issued {
        /// Each code, in the clear, to be shown or sent once.
        codes: Vec<Secret>,
        /// Their keyed hashes, in the same order.
        hashes: Vec<[u8; 32]>,
    },
    /// Something was signed.
    Signed(String),
    /// The public halves of the vault's own keys.
    PublicKeys(PublicKeys),
    /// A file of hardware tokens was read.
    TokensImported {
        /// Those that can be used.
        tokens: Vec<ImportedToken>,
        /// Those that can't.
        refused: Vec<RefusedToken>,
    },
    /// Something was sealed.
    Sealed(#[serde(with = "crate::bytes")] Vec<u8>),
    /// Something was opened.
    Opened(Secret),
    /// New data keys were made, or old ones dropped.
    Rotated {
        /// The keyring afterwards, wrapped: store it, then `Unlock` with it.
        #[serde(with = "crate::bytes")]
        keyring: Vec<u8>,
        /// The version of the newest data keys in it.
        version: u32,
    },
    /// The keyring was wrapped with the next root key.
    RootKeyChanged {
        /// The keyring, wrapped: store it.
        #[serde(with = "crate::bytes")]
        keyring: Vec<u8>,
        /// Names the next root key.
        root_key_id: String,
    },
    /// How the vault is.
    Status(Status),
    /// It is done.
    Done,
}

/// The one view of a key.
#[derive(Debug, Serialize, Deserialize)]
pub enum View {
    /// In the clear.
    Open {
        /// The `otpauth://` URI.
        uri: Secret,
        /// The key in Base32 without padding.
        secret: Secret,
        /// The picture, if one was asked for.
        qr: Option<Secret>,
    },
    /// Sealed to the recipient: HPKE base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, with
    /// `info` = `countersign provisioning view v1` and the authenticator's 16 bytes as associated data. Inside: the JSON
    /// `{"uri": …, "secret": …}`; the picture is drawn by whoever opens it.
    Sealed {
        /// The encapsulated key, 32 bytes.
        #[serde(with = "crate::bytes")]
        enc: Vec<u8>,
        /// Ciphertext and tag.
        #[serde(with = "crate::bytes")]
        ciphertext: Vec<u8>,
    },
}

/// How a check went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Right, and not used before as far as the vault knows.
    Right {
        /// Which candidate or hash it belongs to.
        index: u16,
        /// The step, for one-time passwords (see [`otp::Params`]); 0 otherwise.
        step: i64,
    },
    /// Wrong.
    Wrong,
    /// Right for a step that was used already: of those that are counted, the last one used.
    Replayed {
        /// Which candidate it belongs to.
        index: u16,
    },
    /// The vault's own failure budget of every candidate is used up: nothing was checked (T-28).
    Exhausted,
}

/// The public halves of the vault's own keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKeys {
    /// Those that assertions are signed with, newest first.
    pub assertion: Vec<PublicKey>,
    /// The one that push services know the sender by (RFC 8292 §3.2). It stays the same for as long as the store, whatever is
    /// rotated: what browsers have subscribed to is bound to it.
    pub vapid: PublicKey,
    /// The one that policies are signed with. It stays the same for as long as the store, so that every version is known by it.
    pub policy: PublicKey,
    /// The one that files of hardware tokens are sealed to (X25519). It changes when keys are rotated; what was sealed to an older
    /// one opens until that is retired.
    pub import: [u8; 32],
}

/// The public half of a signing key (ES256: NIST P-256).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// Its id, in the header of what it signed.
    pub kid: String,
    /// The point's x, 32 bytes.
    #[serde(with = "crate::bytes")]
    pub x: Vec<u8>,
    /// The point's y, 32 bytes.
    #[serde(with = "crate::bytes")]
    pub y: Vec<u8>,
}

/// How the vault is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The program's version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// Names the root key; `None` until unlocked.
    pub root_key_id: Option<String>,
    /// Where the root key came from: `file`, `passphrase` or `environment`.
    pub root_key_source: String,
    /// The version of the present data keys; 0 until unlocked.
    pub key_version: u32,
    /// The oldest version that still opens.
    pub oldest_key_version: u32,
    /// Each protection and whether it holds.
    pub hardening: Vec<Hardening>,
    /// Authenticators that the guard keeps a step or a failure of.
    pub guarded: u64,
    /// The vault's clock, milliseconds since the Unix epoch.
    pub now_millis: i64,
    /// Resident memory, bytes.
    pub memory_bytes: u64,
}

/// One protection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardening {
    /// Its name: `inherited_files`, `core_dumps`, `dumpable`, `new_privileges`, `locked_memory`, `landlock`,
    /// `capabilities`, `seccomp`.
    pub name: String,
    /// Whether it holds.
    pub holds: bool,
    /// What it is, or why it does not hold and what to do.
    pub detail: String,
}

/// Why the vault does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The keyring is not open yet.
    #[error("the vault is locked")]
    Locked,
    /// The caller may not ask this.
    #[error("this caller may not ask the vault for `{0}`")]
    NotPermitted(String),
    /// More is waiting than can be answered soon.
    #[error("the vault is busy")]
    Overloaded,
    /// The caller no longer waits for it.
    #[error("the deadline had passed")]
    DeadlinePassed,
    /// The frame is of another version of the protocol.
    #[error("the vault speaks version {0} of its protocol: server and vault must be of one release")]
    Version(u8),
    /// The question makes no sense: a length, number or text is off.
    #[error("the vault was asked something malformed: {0}")]
    Malformed(String),
    /// The keyring was wrapped with another root key.
    #[error(
        "this store was sealed with root key {wanted}, but the vault was given {given}: start with the root key that belongs to it; nothing was changed"
    )]
    WrongRootKey {
        /// The root key that is asked for.
        wanted: String,
        /// The one that was given.
        given: String,
    },
    /// The blob does not open: it was moved, changed, or is of another generation.
    #[error("a sealed key does not open where it stands")]
    DoesNotOpen,
    /// A file of hardware tokens cannot be read at all. Says why and where, never with any part of a key.
    #[error("the file of tokens cannot be read: {0}")]
    TokenFile(String),
    /// The blob was sealed with data keys that this vault has not got yet: load the newer keyring.
    #[error("sealed with data keys of version {0}, which are not loaded")]
    UnknownKeyVersion(u32),
    /// The blob was sealed with data keys that were retired.
    #[error("sealed with data keys of version {0}, which are retired")]
    RetiredKeyVersion(u32),
    /// The clock jumped; nothing is checked until it has been steady for a minute (T-29).
    #[error("the clock jumped by {by_millis} ms; nothing is checked until it has been steady for a minute")]
    ClockJumped {
        /// By how much.
        by_millis: i64,
    },
    /// A defect.
    #[error("the vault failed: {0}")]
    Failed(String),
}
