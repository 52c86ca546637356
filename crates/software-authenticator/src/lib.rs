//! A WebAuthn authenticator with the browser in front of it, in memory: it answers options as
//! `navigator.credentials.create()` and `get()` do, in the standard's JSON. And it can lie, in each field.
//!
//! It is for tests and for the load test. Its keys protect nothing. It shares no line with what judges it.

mod cbor;
mod key;
mod lies;

use aws_lc_rs::digest;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value, json};

use key::Key;
pub use key::Kind;
pub use lies::Lies;

/// Somebody was there.
pub const USER_PRESENT: u8 = 1 << 0;
/// The user was verified.
pub const USER_VERIFIED: u8 = 1 << 2;
/// The key can be copied.
pub const BACKUP_ELIGIBLE: u8 = 1 << 3;
/// The key is copied.
pub const BACKED_UP: u8 = 1 << 4;
/// A credential stands behind the counter.
pub const ATTESTED_CREDENTIAL: u8 = 1 << 6;
/// Extensions stand at the end.
pub const EXTENSIONS: u8 = 1 << 7;

/// What cannot be answered, or what went wrong on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unusable(&'static str);

impl std::fmt::Display for Unusable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Unusable {}

/// What is said about the authenticator when it registers.
#[derive(Debug, Clone)]
pub enum Statement {
    /// Nothing.
    None,
    /// The new key signs for itself.
    SelfSigned,
    /// The maker's key signs (`packed`): its certificate with those above it (DER), and the key (PKCS #8, P-256).
    Certified {
        /// The certificates, the authenticator's first.
        chain: Vec<Vec<u8>>,
        /// The key of the first.
        key: Vec<u8>,
    },
}

/// An authenticator.
pub struct Authenticator {
    /// Its model.
    pub aaguid: [u8; 16],
    /// Its flags, but for those about what stands in the data.
    pub flags: u8,
    /// Whether it counts its signatures.
    pub counts: bool,
    /// The kinds of keys that it makes.
    pub kinds: Vec<Kind>,
    /// What is said about it.
    pub statement: Statement,
    /// What the browser says of how it is reached.
    pub transports: Vec<&'static str>,
    /// Whether it tells whose credential answered.
    pub tells_user: bool,
    /// What is in it.
    pub credentials: Credentials,
}

/// The credentials in an authenticator.
#[derive(Default)]
pub struct Credentials(Vec<Credential>);

/// A credential in an authenticator.
struct Credential {
    id: Vec<u8>,
    rp_id: String,
    user: Vec<u8>,
    key: Key,
    counter: u32,
}

impl Authenticator {
    /// A security key: it counts, verifies its user, and its keys cannot be copied.
    pub fn security_key() -> Authenticator {
        Authenticator {
            aaguid: *b"software-key-001",
            flags: USER_PRESENT | USER_VERIFIED,
            counts: true,
            kinds: vec![Kind::Es256, Kind::EdDsa, Kind::Rs256],
            statement: Statement::None,
            transports: vec!["usb", "nfc"],
            tells_user: false,
            credentials: Credentials::default(),
        }
    }

    /// A passkey in a phone, synced to other devices.
    pub fn passkey() -> Authenticator {
        Authenticator {
            aaguid: *b"software-phone-1",
            flags: USER_PRESENT | USER_VERIFIED | BACKUP_ELIGIBLE | BACKED_UP,
            counts: false,
            transports: vec!["hybrid", "internal"],
            tells_user: true,
            ..Authenticator::security_key()
        }
    }

    /// `navigator.credentials.create()` on a page of `origin`: the answer to creation options, as `toJSON()` gives it.
    ///
    /// # Errors
    ///
    /// For options that a browser would not take, and where the authenticator can make no key that is asked for.
    pub fn create(&mut self, options: &Value, origin: &str, lies: &Lies) -> Result<Value, Unusable> {
        let rp_id = text(options.pointer("/rp/id").unwrap_or(&Value::Null))?;
        let user = decode(text(options.pointer("/user/id").unwrap_or(&Value::Null))?)?;
        let excluded = options["excludeCredentials"].as_array().map(Vec::as_slice).unwrap_or_default();
        if excluded.iter().any(|id| self.find(rp_id, Some(id)).is_some()) {
            return Err(Unusable("it is registered already"));
        }
        let parameters = options["pubKeyCredParams"].as_array().ok_or(Unusable("no kinds of keys are asked for"))?;
        let kind = parameters
            .iter()
            .find_map(|wanted| self.kinds.iter().find(|kind| wanted["alg"] == kind.number()))
            .ok_or(Unusable("it makes no kind of key that is asked for"))?;
        let key = Key::generate(*kind)?;
        let mut id = vec![0; 32];
        SystemRandom::new().fill(&mut id).map_err(|_| Unusable("no id could be made"))?;

        let told_id = lies.credential_id.clone().unwrap_or_else(|| id.clone());
        let length = u16::try_from(told_id.len()).map_err(|_| Unusable("the id is too long"))?;
        let public_key = lies.public_key.clone().unwrap_or_else(|| key.cose(lies.alg.unwrap_or(kind.number())));
        let attested = [self.aaguid.as_slice(), &length.to_be_bytes(), &told_id, &public_key].concat();
        let data = self.data(rp_id, ATTESTED_CREDENTIAL, u32::from(self.counts), &attested, lies);
        let client_data = client_data("webauthn.create", options, origin, lies)?;

        let signed = [data.as_slice(), digest::digest(&digest::SHA256, &client_data).as_ref()].concat();
        let (format, statement) = self.state(&key, kind.number(), &signed, lies)?;
        let mut object = cbor::map(&[
            (cbor::text("fmt"), cbor::text(lies.format.as_deref().unwrap_or(format))),
            (cbor::text("attStmt"), statement),
            (cbor::text("authData"), cbor::bytes(&data)),
        ]);
        object.extend_from_slice(&lies.after_object);

        let outer = BASE64URL_NOPAD.encode(lies.outer_id.as_ref().unwrap_or(&told_id));
        let counter = u32::from(self.counts);
        self.credentials.0.push(Credential { id: told_id, rp_id: rp_id.to_owned(), user, key, counter });
        Ok(json!({
            "id": outer,
            "rawId": outer,
            "type": "public-key",
            "authenticatorAttachment": if self.transports.contains(&"internal") { "platform" } else { "cross-platform" },
            "response": {
                "clientDataJSON": BASE64URL_NOPAD.encode(&client_data),
                "attestationObject": BASE64URL_NOPAD.encode(&object),
                "authenticatorData": BASE64URL_NOPAD.encode(&data),
                "transports": self.transports,
                "publicKeyAlgorithm": kind.number(),
            },
            "clientExtensionResults": { "credProps": { "rk": true } },
        }))
    }

    /// `navigator.credentials.get()` on a page of `origin`: the answer to request options, as `toJSON()` gives it.
    ///
    /// # Errors
    ///
    /// For options that a browser would not take, and where the authenticator has no credential that is asked for.
    pub fn get(&mut self, options: &Value, origin: &str, lies: &Lies) -> Result<Value, Unusable> {
        let rp_id = text(&options["rpId"])?;
        let allowed = options["allowCredentials"].as_array().map(Vec::as_slice).unwrap_or_default();
        let found = if allowed.is_empty() {
            self.find(rp_id, None)
        } else {
            allowed.iter().find_map(|descriptor| self.find(rp_id, Some(descriptor)))
        };
        let index = found.ok_or(Unusable("it has no credential that is asked for"))?;
        self.answer(index, options, origin, lies)
    }

    /// The same by the credential that was made last, whatever is asked for: what no honest browser does.
    ///
    /// # Errors
    ///
    /// For options that a browser would not take, and where there is no credential.
    pub fn get_by_last(&mut self, options: &Value, origin: &str, lies: &Lies) -> Result<Value, Unusable> {
        let last = self.credentials.0.len().checked_sub(1).ok_or(Unusable("it has no credential"))?;
        self.answer(last, options, origin, lies)
    }

    /// Sets the counter of all credentials, as a copy of the authenticator would have it.
    pub fn set_counter(&mut self, counter: u32) {
        for credential in &mut self.credentials.0 {
            credential.counter = counter;
        }
    }

    fn answer(&mut self, index: usize, options: &Value, origin: &str, lies: &Lies) -> Result<Value, Unusable> {
        let rp_id = text(&options["rpId"])?;
        let client_data = client_data("webauthn.get", options, origin, lies)?;
        let counts = self.counts;
        let credential = self.credentials.0.get_mut(index).ok_or(Unusable("it has no credential"))?;
        if counts {
            credential.counter = credential.counter.saturating_add(1);
        }
        let counter = credential.counter;
        let Some(credential) = self.credentials.0.get(index) else { return Err(Unusable("it has no credential")) };
        let data = self.data(rp_id, 0, counter, &[], lies);
        let signed = [data.as_slice(), digest::digest(&digest::SHA256, &client_data).as_ref()].concat();
        let mut signature = credential.key.sign(&signed)?;
        if let Some(lie) = &lies.signature {
            signature.clone_from(lie);
        }
        let user = self.tells_user.then(|| credential.user.clone());
        let user = lies.user_handle.clone().or(user).map(|handle| BASE64URL_NOPAD.encode(&handle));
        let id = BASE64URL_NOPAD.encode(lies.credential_id.as_ref().unwrap_or(&credential.id));
        Ok(json!({
            "id": id,
            "rawId": id,
            "type": "public-key",
            "authenticatorAttachment": "cross-platform",
            "response": {
                "clientDataJSON": BASE64URL_NOPAD.encode(&client_data),
                "authenticatorData": BASE64URL_NOPAD.encode(&data),
                "signature": BASE64URL_NOPAD.encode(&signature),
                "userHandle": user,
            },
            "clientExtensionResults": {},
        }))
    }

    /// Authenticator data.
    fn data(&self, rp_id: &str, about: u8, counter: u32, attested: &[u8], lies: &Lies) -> Vec<u8> {
        let rp_id = lies.rp_id.as_deref().unwrap_or(rp_id);
        let mut flags = lies.flags.unwrap_or(self.flags) | about;
        if !lies.extensions.is_empty() {
            flags |= EXTENSIONS;
        }
        [
            digest::digest(&digest::SHA256, rp_id.as_bytes()).as_ref(),
            &[flags ^ lies.flipped],
            &lies.counter.unwrap_or(counter).to_be_bytes(),
            attested,
            &lies.extensions,
            &lies.after_data,
        ]
        .concat()
    }

    /// The format and the statement.
    fn state(&self, key: &Key, alg: i64, signed: &[u8], lies: &Lies) -> Result<(&'static str, Vec<u8>), Unusable> {
        let alg = lies.statement_alg.unwrap_or(alg);
        let packed = |signature: Vec<u8>, chain: Option<&[Vec<u8>]>| {
            let signature = lies.statement_signature.clone().unwrap_or(signature);
            let mut members =
                vec![(cbor::text("alg"), cbor::integer(alg)), (cbor::text("sig"), cbor::bytes(&signature))];
            if let Some(chain) = chain {
                let chain: Vec<Vec<u8>> = chain.iter().map(|der| cbor::bytes(der)).collect();
                members.push((cbor::text("x5c"), cbor::array(&chain)));
            }
            if lies.statement_extra {
                members.push((cbor::text("more"), cbor::integer(1)));
            }
            cbor::map(&members)
        };
        match &self.statement {
            Statement::None if lies.statement_extra => {
                Ok(("none", cbor::map(&[(cbor::text("more"), cbor::integer(1))])))
            }
            Statement::None => Ok(("none", cbor::map(&[]))),
            Statement::SelfSigned => Ok(("packed", packed(key.sign(signed)?, None))),
            Statement::Certified { chain, key } => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key)
                    .map_err(|_| Unusable("the maker's key cannot be read"))?;
                let signature =
                    pair.sign(&SystemRandom::new(), signed).map_err(|_| Unusable("nothing could be signed"))?;
                Ok(("packed", packed(signature.as_ref().to_vec(), Some(chain))))
            }
        }
    }

    fn find(&self, rp_id: &str, descriptor: Option<&Value>) -> Option<usize> {
        let id = match descriptor {
            Some(descriptor) => Some(decode(text(&descriptor["id"]).ok()?).ok()?),
            None => None,
        };
        self.credentials
            .0
            .iter()
            .rposition(|credential| credential.rp_id == rp_id && id.as_ref().is_none_or(|id| *id == credential.id))
    }
}

/// What the browser says, in the order in which browsers write it.
fn client_data(kind: &str, options: &Value, origin: &str, lies: &Lies) -> Result<Vec<u8>, Unusable> {
    if let Some(lie) = &lies.client_data {
        return Ok(lie.clone());
    }
    let challenge = match &lies.challenge {
        Some(lie) => BASE64URL_NOPAD.encode(lie),
        None => text(&options["challenge"])?.to_owned(),
    };
    let mut said = format!(
        "{{\"type\":{},\"challenge\":{},\"origin\":{},\"crossOrigin\":{}",
        json!(lies.kind.as_deref().unwrap_or(kind)),
        json!(challenge),
        json!(lies.origin.as_deref().unwrap_or(origin)),
        lies.cross_origin,
    );
    if let Some(top) = &lies.top_origin {
        said = format!("{said},\"topOrigin\":{}", json!(top));
    }
    Ok(format!("{said}}}").into_bytes())
}

fn text(value: &Value) -> Result<&str, Unusable> {
    value.as_str().ok_or(Unusable("the options lack a text"))
}

fn decode(text: &str) -> Result<Vec<u8>, Unusable> {
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| Unusable("the options have bytes that are not base64url"))
}
