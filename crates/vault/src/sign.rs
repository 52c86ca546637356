//! Assertions, who sends push messages, and which policy came into force: JSON Web Signatures (RFC 7515) in compact form, ES256 (RFC 7518 §3.4).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use vault_proto::{PublicKey, Refusal, Vapid};
use zeroize::Zeroizing;

use crate::clock::Moment;
use crate::crypto::Key;

/// Claims of an assertion are a few hundred bytes.
const MAX_PAYLOAD: usize = 8 * 1024;
const MAX_VAPID_TEXT: usize = 256;
/// RFC 8292 §2.
const MAX_VAPID_SECONDS: i64 = 24 * 3600;

/// `ECPrivateKey` (RFC 5915 §3) of a scalar on P-256: what goes before the scalar's 32 bytes, and after.
const BEFORE_SCALAR: &[u8] = &[0x30, 0x31, 0x02, 0x01, 0x01, 0x04, 0x20];
const AFTER_SCALAR: &[u8] = &[0xa0, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// A signing key with the header that goes before all that it signs. Who asks for a signature has no say in it.
pub(crate) struct Signer {
    key: EcdsaKeyPair,
    public: PublicKey,
    /// The encoded header with its dot.
    header: String,
}

impl Signer {
    /// A new key, as PKCS#8.
    pub(crate) fn generate() -> Result<Vec<u8>, Refusal> {
        EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map(|document| document.as_ref().to_vec())
            .map_err(|_| Refusal::Failed("no signing key could be made".to_owned()))
    }

    /// A key for assertions, from PKCS#8.
    pub(crate) fn new(pkcs8: &[u8]) -> Result<Self, Refusal> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8).map_err(|_| broken())?;
        let header = |kid: &str| format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"countersign-assertion+jwt"}}"#);
        Self::with_header(key, header)
    }

    /// A key for push services, the scalar being given; `None` where that is no scalar, once in 2^32.
    pub(crate) fn vapid(scalar: &Key) -> Option<Self> {
        // Push services find the key beside the token, not by a name in it.
        Self::with_header(of_scalar(scalar)?, |_| r#"{"alg":"ES256","typ":"JWT"}"#.to_owned()).ok()
    }

    /// A key for versions of the policy, likewise.
    pub(crate) fn policy(scalar: &Key) -> Option<Self> {
        let header = |kid: &str| format!(r#"{{"alg":"ES256","kid":"{kid}","typ":"countersign-policy+jws"}}"#);
        Self::with_header(of_scalar(scalar)?, header).ok()
    }

    fn with_header(key: EcdsaKeyPair, header: impl FnOnce(&str) -> String) -> Result<Self, Refusal> {
        // SEC 1 §2.3.3: an uncompressed point is 4, x, y.
        let point = key.public_key().as_ref().strip_prefix(&[4]).ok_or_else(broken)?;
        let (x, y) = point.split_at_checked(32).ok_or_else(broken)?;
        let public = PublicKey { kid: thumbprint(x, y), x: x.to_vec(), y: y.to_vec() };
        let header = BASE64URL_NOPAD.encode(header(&public.kid).as_bytes()) + ".";
        Ok(Self { key, public, header })
    }

    /// Signs the JSON object of claims.
    pub(crate) fn sign(&self, payload: &[u8]) -> Result<String, Refusal> {
        self.sign_under(&self.header, payload)
    }

    /// Signs the JSON object of claims that say whose a request is. The header tells it from an assertion (RFC 8725 §3.11).
    pub(crate) fn sign_identity(&self, payload: &[u8]) -> Result<String, Refusal> {
        let header = format!(r#"{{"alg":"ES256","kid":"{}","typ":"countersign-identity+jwt"}}"#, self.public.kid);
        self.sign_under(&(BASE64URL_NOPAD.encode(header.as_bytes()) + "."), payload)
    }

    fn sign_under(&self, header: &str, payload: &[u8]) -> Result<String, Refusal> {
        check_payload(payload)?;
        let mut token = String::with_capacity(header.len() + payload.len() * 4 / 3 + 96);
        token.push_str(header);
        BASE64URL_NOPAD.encode_append(payload, &mut token);
        let signature = self
            .key
            .sign(&SystemRandom::new(), token.as_bytes())
            .map_err(|_| Refusal::Failed("signing failed".to_owned()))?;
        token.push('.');
        BASE64URL_NOPAD.encode_append(signature.as_ref(), &mut token);
        Ok(token)
    }

    /// The public half.
    pub(crate) fn public_key(&self) -> PublicKey {
        self.public.clone()
    }
}

fn of_scalar(scalar: &Key) -> Option<EcdsaKeyPair> {
    let der = Zeroizing::new([BEFORE_SCALAR, scalar.as_slice(), AFTER_SCALAR].concat());
    EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).ok()
}

/// The JSON of the claims for a push service. It is put together here, so that a token for a push service is all that its key
/// signs; neither text holds a character that JSON escapes.
pub(crate) fn vapid_claims(claims: &Vapid, now: Moment) -> Result<String, Refusal> {
    let Vapid { audience, subject, expires_at } = claims;
    let malformed = |what: &str| Err(Refusal::Malformed(what.to_owned()));
    let is_origin = audience.strip_prefix("https://").is_some_and(|host| {
        host.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '[')
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']'))
    });
    if !is_origin || audience.len() > MAX_VAPID_TEXT {
        return malformed("a push service is known by its https origin");
    }
    let is_contact = ["mailto:", "https://"].iter().any(|scheme| subject.starts_with(scheme));
    let is_plain = subject.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
    if !is_contact || !is_plain || subject.len() > MAX_VAPID_TEXT {
        return malformed("a push service is told a mailto: or https: address");
    }
    let left = expires_at.saturating_sub(now.unix_seconds());
    if !(1..=MAX_VAPID_SECONDS).contains(&left) {
        return malformed("a token for a push service is good for 24 hours at most");
    }
    Ok(format!(r#"{{"aud":"{audience}","exp":{expires_at},"sub":"{subject}"}}"#))
}

fn broken() -> Refusal {
    Refusal::Malformed("a signing key in the keyring is broken".to_owned())
}

/// Refuses what cannot be the JSON of claims. What they say is the server's business.
pub(crate) fn check_payload(payload: &[u8]) -> Result<(), Refusal> {
    let is_object = payload.first() == Some(&b'{') && payload.last() == Some(&b'}');
    if is_object && payload.len() <= MAX_PAYLOAD && std::str::from_utf8(payload).is_ok() {
        Ok(())
    } else {
        Err(Refusal::Malformed("only a JSON object of at most 8 KiB is signed".to_owned()))
    }
}

/// The key's id: its JWK thumbprint (RFC 7638).
fn thumbprint(x: &[u8], y: &[u8]) -> String {
    let (x, y) = (BASE64URL_NOPAD.encode(x), BASE64URL_NOPAD.encode(y));
    let jwk = format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#);
    BASE64URL_NOPAD.encode(digest(&SHA256, jwk.as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    #[test]
    fn a_signature_verifies_under_the_public_key() {
        let signer = Signer::new(&Signer::generate().unwrap()).unwrap();
        let token = signer.sign(br#"{"sub":"x"}"#).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let public = signer.public_key();
        let point = [&[4], public.x.as_slice(), &public.y].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(message.as_bytes(), &BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap())
            .unwrap();
    }

    #[test]
    fn a_scalar_makes_one_key_and_nonsense_none() {
        let scalar = |byte| Zeroizing::new([byte; 32]);
        let key = Signer::vapid(&scalar(7)).unwrap().public_key();
        assert_eq!(Signer::vapid(&scalar(7)).unwrap().public_key(), key);
        assert_ne!(Signer::vapid(&scalar(8)).unwrap().public_key(), key);
        // T-21: what is signed for one purpose says so in a header that nobody who asks has a say in.
        let header = |signed: &str| BASE64URL_NOPAD.decode(signed.split('.').next().unwrap().as_bytes()).unwrap();
        let signed = Signer::policy(&scalar(7)).unwrap().sign(b"{}").unwrap();
        assert!(String::from_utf8(header(&signed)).unwrap().ends_with(r#""typ":"countersign-policy+jws"}"#));
        // SEC 2 §2.4.2: the base point is that of the scalar 1.
        let mut one = scalar(0);
        one[31] = 1;
        assert_eq!(Signer::vapid(&one).unwrap().public_key().x[..4], [0x6b, 0x17, 0xd1, 0xf2]);
        for none in [0, 0xff] {
            assert!(Signer::vapid(&scalar(none)).is_none(), "{none}");
        }
    }

    #[test]
    fn t21_a_push_service_is_told_who_sends_and_nothing_else() {
        let now = Moment { wall: 1_700_000_000_500, boot: 0 };
        let claims = |audience: &str, subject: &str, expires_at| {
            let (audience, subject) = (audience.to_owned(), subject.to_owned());
            vapid_claims(&Vapid { audience, subject, expires_at }, now)
        };
        let (push, mail, soon) = ("https://push.example.net:8443", "mailto:ops@example.org", 1_700_043_200);
        assert_eq!(
            claims(push, mail, soon).unwrap(),
            r#"{"aud":"https://push.example.net:8443","exp":1700043200,"sub":"mailto:ops@example.org"}"#
        );
        assert!(claims(push, "https://example.org/contact", 1_700_086_400).is_ok());
        for refused in [
            claims("http://push.example.net", mail, soon),
            claims("https://", mail, soon),
            claims("https://push.example.net/path", mail, soon),
            claims(r#"https://a","sub":"x"#, mail, soon),
            claims("https://user@push.example.net", mail, soon),
            claims(&format!("https://{}", "a".repeat(300)), mail, soon),
            claims(push, "ops@example.org", soon),
            claims(push, r#"mailto:a","admin":"yes"#, soon),
            claims(push, r"mailto:a\", soon),
            claims(push, "mailto:ä@example.org", soon),
            claims(push, mail, 1_700_086_401),
            claims(push, mail, 1_700_000_000),
            claims(push, mail, i64::MIN),
            claims(push, mail, i64::MAX),
        ] {
            assert!(matches!(refused, Err(Refusal::Malformed(_))), "{refused:?}");
        }
    }

    #[test]
    fn only_json_objects_are_signed() {
        let signer = Signer::new(&Signer::generate().unwrap()).unwrap();
        for payload in
            [b"".as_slice(), b"[]", b"\"{}\"", b"{\"a\":\"\xff\"}", &[b"{", vec![b' '; 9000].as_slice(), b"}"].concat()]
        {
            assert!(matches!(signer.sign(payload), Err(Refusal::Malformed(_))));
        }
    }
}
