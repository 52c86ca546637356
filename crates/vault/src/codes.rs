//! Codes that are kept as keyed hashes: backup codes, and short codes that are sent.

use aws_lc_rs::hmac;
use otp::{BackupCode, Code};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use vault_proto::{CodeOwner, Refusal, Reply, Secret, SentCode};
use zeroize::Zeroizing;

use crate::crypto::{self, Fields};
use crate::keyring::Keyring;

/// Backup codes in a set.
const MAX_COUNT: u8 = 50;
/// Hashes that one check goes through.
const MAX_HASHES: usize = 64;
/// Random draws for one short code; each fails with a chance below 2^-30.
const DRAWS: usize = 4;

/// Whose codes are checked where there is nobody (T-19).
const NOBODY: CodeOwner = CodeOwner { user: [0; 16], authenticator: [0; 16] };
/// What a short code is held against where none was sent.
const NOTHING: SentCode = SentCode { owner: NOBODY, scope: [0; 16], hash: [0; 32] };

/// Makes a set of backup codes.
pub(crate) fn issue_backup_codes(keyring: &Keyring, owner: &CodeOwner, count: u8) -> Result<Reply, Refusal> {
    if !(1..=MAX_COUNT).contains(&count) {
        return Err(Refusal::Malformed("a set has 1 to 50 backup codes".to_owned()));
    }
    let key = &keyring.present()?.codes;
    let (mut codes, mut hashes) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let code = BackupCode::from_bits(u64::from_le_bytes(*crypto::random()?));
        hashes.push(hash(key, &backup_fields(owner, &code)));
        codes.push(Secret(code.text().as_bytes().to_vec()));
    }
    Ok(Reply::Issued { codes, hashes })
}

/// Which of the hashes is that of the code. The same work is done whether there is an owner or none, and
/// wherever the match is.
pub(crate) fn check_backup_code(
    keyring: &Keyring,
    owner: Option<&CodeOwner>,
    hashes: &[[u8; 32]],
    code: &Secret,
) -> Result<Option<u16>, Refusal> {
    let text = std::str::from_utf8(&code.0).ok();
    let code =
        text.and_then(BackupCode::parse).ok_or(Refusal::Malformed("not the shape of a backup code".to_owned()))?;
    let found = find(keyring, &backup_fields(owner.unwrap_or(&NOBODY), &code), hashes)?;
    Ok(found.filter(|_| owner.is_some()))
}

/// Makes a short code.
pub(crate) fn issue_code(keyring: &Keyring, owner: &CodeOwner, scope: &[u8; 16], digits: u8) -> Result<Reply, Refusal> {
    if !(6..=10).contains(&digits) {
        return Err(Refusal::Malformed("a code has 6 to 10 digits".to_owned()));
    }
    let code = Code::from_number(below(10_u64.pow(u32::from(digits)))?, digits);
    let hash = hash(&keyring.present()?.codes, &code_fields(owner, scope, &code));
    Ok(Reply::Issued { codes: vec![Secret(code.as_bytes().to_vec())], hashes: vec![hash] })
}

/// Whether the code is the one that was sent. The same work is done whether one was or none.
pub(crate) fn check_code(keyring: &Keyring, sent: Option<&SentCode>, code: &Code) -> Result<bool, Refusal> {
    let SentCode { owner, scope, hash } = sent.unwrap_or(&NOTHING);
    let found = find(keyring, &code_fields(owner, scope, code), std::slice::from_ref(hash))?;
    Ok(found.is_some() && sent.is_some())
}

/// A number below `limit`, each as likely as any other: draws that would favour the low ones are thrown away.
fn below(limit: u64) -> Result<u64, Refusal> {
    let zone = u64::MAX - u64::MAX % limit;
    for _ in 0..DRAWS {
        let number = u64::from_le_bytes(*crypto::random()?);
        if number < zone {
            return Ok(number % limit);
        }
    }
    Err(Refusal::Failed("the random numbers are not random".to_owned()))
}

/// Goes through every hash with the key of every version that is still good, without stopping at a match.
fn find(keyring: &Keyring, fields: &Fields, hashes: &[[u8; 32]]) -> Result<Option<u16>, Refusal> {
    if hashes.len() > MAX_HASHES {
        return Err(Refusal::Malformed("at most 64 hashes are checked".to_owned()));
    }
    let (mut found, mut index) = (Choice::from(0), 0_u16);
    for key in keyring.codes() {
        let wanted = Zeroizing::new(hash(key, fields));
        for (place, hash) in (0_u16..).zip(hashes) {
            let hit = hash.ct_eq(wanted.as_slice());
            index.conditional_assign(&place, hit);
            found |= hit;
        }
    }
    Ok(bool::from(found).then_some(index))
}

fn hash(key: &hmac::Key, fields: &Fields) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.iter_mut().zip(hmac::sign(key, fields.as_bytes()).as_ref()).for_each(|(to, from)| *to = *from);
    hash
}

fn backup_fields(owner: &CodeOwner, code: &BackupCode) -> Fields {
    Fields::new("countersign backup code v1")
        .with(&owner.user)
        .with(&owner.authenticator)
        .with(&code.bits().to_le_bytes())
}

fn code_fields(owner: &CodeOwner, scope: &[u8; 16], code: &Code) -> Fields {
    Fields::new("countersign sent code v1")
        .with(&owner.user)
        .with(&owner.authenticator)
        .with(scope)
        .with(code.as_bytes())
}
