//! One press of a link's button, however often it arrives.
//!
//! A double click, an impatient tap and a page that is loaded anew send the same form twice, and the browser shows what the last of them was answered. So
//! a page has a value by chance in its form, of its own each time somebody looks, and whoever sends the same value again within a minute is answered the
//! same. What was shown is kept until then, sealed by that value, which we keep nothing of: the browser alone has the key. It is committed with what the
//! press did, so that no crash and no other server comes between.
//!
//! Whoever else has the link has another page, and so another value: to them it was used already.

use std::time::Duration;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use data_encoding::BASE64URL_NOPAD;
use domain::{ApplicationId, Link, LinkId, Timestamp};
use store::Idempotency;
use uuid::Uuid;
use vault_proto::Secret;
use zeroize::Zeroizing;

use crate::app::pages::Token;
use crate::app::{App, Error};

/// For how long the same form is answered the same: longer than a hand and a slow line take, and no place to come back to.
const KEPT: Duration = Duration::from_mins(1);

/// A press of a link's button on one page.
pub(super) struct Press {
    /// By which it is known again.
    name: [u8; 32],
    key: LessSafeKey,
}

impl Press {
    /// By the value in the form.
    pub(super) fn of(link: LinkId, value: &Token) -> Result<Self, Error> {
        let secret = Salt::new(HKDF_SHA256, link.uuid().as_bytes()).extract(value.bytes());
        let name = expand(&secret, b"countersign link press: name")?;
        let key = Zeroizing::new(expand(&secret, b"countersign link press: key")?);
        let key = UnboundKey::new(&AES_256_GCM, &*key).map_err(unusable)?;
        Ok(Self { name, key: LessSafeKey::new(key) })
    }

    /// What is kept of it: who sends the same form is answered what is in it. The store forgets it after its minute.
    pub(super) fn record(&self, app: &App, codes: &[Secret], at: Timestamp) -> Result<Idempotency, Error> {
        Ok(Idempotency {
            // No application sends it.
            application_id: ApplicationId::from_uuid(Uuid::nil()),
            key: self.text(),
            request_hash: self.name,
            resource: self.seal(codes, app.random())?,
            at: at.minus(Idempotency::LIFETIME).plus(KEPT),
        })
    }

    /// What the same press gave, where a link was followed by it just now.
    pub(super) async fn before(&self, app: &App, link: &Link) -> Result<Option<Vec<Secret>>, Error> {
        if link.followed_at.is_none_or(|at| app.now() >= at.plus(KEPT)) {
            return Ok(None);
        }
        let nobody = ApplicationId::from_uuid(Uuid::nil());
        let sealed = app.store.came_of(nobody, &self.text()).await?;
        Ok(sealed.and_then(|sealed| self.open(&sealed)))
    }

    fn text(&self) -> String {
        BASE64URL_NOPAD.encode(&self.name)
    }

    fn seal(&self, codes: &[Secret], nonce: [u8; NONCE_LEN]) -> Result<String, Error> {
        let lines: Vec<&[u8]> = codes.iter().map(|code| code.0.as_slice()).collect();
        let mut sealed = Zeroizing::new(lines.join(&b'\n'));
        let tag = self.key.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed);
        let tag = tag.map_err(unusable)?;
        Ok(BASE64URL_NOPAD.encode(&[&nonce, sealed.as_slice(), tag.as_ref()].concat()))
    }

    /// Nothing, for what another press sealed.
    fn open(&self, sealed: &str) -> Option<Vec<Secret>> {
        let sealed = BASE64URL_NOPAD.decode(sealed.as_bytes()).ok()?;
        let (nonce, rest) = sealed.split_first_chunk()?;
        let mut rest = Zeroizing::new(rest.to_vec());
        let lines = self.key.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut rest).ok()?;
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        Some(lines.map(|line| Secret(line.to_vec())).collect())
    }
}

fn expand(from: &Prk, info: &[u8]) -> Result<[u8; 32], Error> {
    struct Length;
    impl KeyType for Length {
        fn len(&self) -> usize {
            32
        }
    }
    let mut output = [0; 32];
    let filled = from.expand(&[info], Length).and_then(|okm| okm.fill(&mut output));
    filled.map_err(unusable)?;
    Ok(output)
}

fn unusable(_: Unspecified) -> Error {
    Error::Internal("a press of a link could not be sealed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(n: u8) -> LinkId {
        LinkId::from_uuid(Uuid::from_bytes([n; 16]))
    }

    fn press(n: u8, value: u8) -> Press {
        let value = Token::parse(&BASE64URL_NOPAD.encode(&[value; 32])).unwrap();
        Press::of(link(n), &value).unwrap()
    }

    fn said(codes: &[Secret]) -> Vec<&[u8]> {
        codes.iter().map(|code| code.0.as_slice()).collect()
    }

    #[test]
    fn t31_what_a_press_gave_opens_by_the_same_page_of_the_same_link_alone() {
        let codes = [Secret(b"AAAA-BBBB".to_vec()), Secret(b"CCCC-DDDD".to_vec())];
        let sealed = press(1, 1).seal(&codes, [7; NONCE_LEN]).unwrap();
        assert_eq!(said(&press(1, 1).open(&sealed).unwrap()), said(&codes));
        for other in [press(1, 2), press(2, 1)] {
            assert!(other.open(&sealed).is_none() && other.name != press(1, 1).name);
        }
        let bytes = BASE64URL_NOPAD.decode(sealed.as_bytes()).unwrap();
        assert!(!bytes.windows(4).any(|part| part == b"AAAA"), "it is sealed");
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(press(1, 1).open(&BASE64URL_NOPAD.encode(&changed)).is_none(), "byte {at}");
        }
        for nothing in ["", "AAAA", "?"] {
            assert!(press(1, 1).open(nothing).is_none(), "{nothing}");
        }
    }

    #[test]
    fn t31_a_press_that_gave_nothing_to_show_is_known_again_as_well() {
        let sealed = press(1, 1).seal(&[], [7; NONCE_LEN]).unwrap();
        assert_eq!(press(1, 1).open(&sealed).map(|codes| codes.len()), Some(0));
        assert!(press(1, 2).open(&sealed).is_none());
    }
}
