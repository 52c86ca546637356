//! Asks a RADIUS server whether a code is right (RFC 2865), once, with the password attribute (PAP).
//!
//! RADIUS over UDP is neither encrypted nor, by itself, more than checked with MD5. So it is spoken only to servers that the operator named as
//! allowed; and no answer counts that has no `Message-Authenticator` (RFC 3579 §3.2), without which whoever sits on the way turns a refusal into
//! an acceptance (CVE-2024-3596, "Blast-RADIUS").

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use domain::Entropy;
use md5::{Digest as _, Md5};
use tokio::net::UdpSocket;
use zeroize::Zeroizing;

use crate::Secret;
use crate::outside::{Outside, OutsideError};

/// Where servers listen (RFC 2865 §3).
const PORT: u16 = 1812;
/// The longest packet (RFC 2865 §3).
const LONGEST: usize = 4096;
/// The longest name: one attribute's.
const LONGEST_NAME: usize = 253;
/// The longest password (RFC 2865 §5.2).
const LONGEST_PASSWORD: usize = 128;
/// How long an answer is waited for before the same packet is sent again, and how often it is sent.
const PATIENCE: Duration = Duration::from_secs(2);
const TIMES: usize = 3;

const ACCESS_REQUEST: u8 = 1;
const ACCESS_ACCEPT: u8 = 2;
const ACCESS_REJECT: u8 = 3;
const ACCESS_CHALLENGE: u8 = 11;
const USER_NAME: u8 = 1;
const USER_PASSWORD: u8 = 2;
const NAS_IDENTIFIER: u8 = 32;
const MESSAGE_AUTHENTICATOR: u8 = 80;
/// What stands before the attributes, and what that attribute takes.
const HEADER: usize = 20;
const AUTHENTICATOR: usize = 16;

/// Whom to ask what.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    /// The server: a host or address, with a port where that is not 1812.
    pub server: &'a str,
    /// What it and we know.
    pub secret: &'a Secret,
    /// What the user is called there.
    pub user: &'a str,
    /// What they typed.
    pub code: &'a Secret,
}

/// Why nothing was said.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The server's name leads to where nothing may be sent, or to nowhere.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// The server is none, or not one of those that the operator named.
    #[error("{0}")]
    Server(&'static str),
    /// A name, code or secret that RADIUS cannot carry.
    #[error("{0}")]
    Unfit(&'static str),
    /// Nobody answered who knows the secret.
    #[error("the RADIUS server did not answer, or with what does not prove that it knows the secret")]
    NoAnswer,
    /// It wants to go on with something that nobody is there for.
    #[error("the RADIUS server asks for something else before it says")]
    Challenged,
}

/// Asks whether a code is right.
///
/// # Errors
///
/// [`Fault`]: then nothing is known.
pub async fn ask(outside: &Outside, asking: &Asking<'_>, entropy: &dyn Entropy) -> Result<bool, Fault> {
    let (host, port) = place(asking.server).ok_or(Fault::Server("the server is none: `host` or `host:port`"))?;
    if !outside.names(host, Some(port)) {
        return Err(Fault::Server("RADIUS is not encrypted: it is spoken only to servers that are named as allowed"));
    }
    let address = outside.address(host).await?;
    let packet = Packet::new(asking, entropy)?;
    let unreachable = |error: std::io::Error| {
        Fault::Outside(OutsideError::Unreachable { host: host.to_owned(), why: error.to_string() })
    };
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind(SocketAddr::new(any, 0)).await.map_err(unreachable)?;
    // From now on the system hands over what comes from there, and nothing else.
    socket.connect(SocketAddr::new(address, port)).await.map_err(unreachable)?;
    for _ in 0..TIMES {
        socket.send(&packet.bytes).await.map_err(unreachable)?;
        if let Ok(said) = tokio::time::timeout(PATIENCE, answer(&socket, &packet, asking.secret)).await {
            return said;
        }
    }
    Err(Fault::NoAnswer)
}

/// The first answer that is from whoever knows the secret. Others are as if they had not come (RFC 2865 §3).
async fn answer(socket: &UdpSocket, packet: &Packet, secret: &Secret) -> Result<bool, Fault> {
    let mut buffer = [0; LONGEST];
    loop {
        let Ok(read) = socket.recv(&mut buffer).await else {
            // Nobody listens there just now; somebody may in a moment.
            tokio::time::sleep(PATIENCE / 8).await;
            continue;
        };
        match packet.said(buffer.get(..read).unwrap_or_default(), secret) {
            Some(ACCESS_ACCEPT) => return Ok(true),
            Some(ACCESS_REJECT) => return Ok(false),
            Some(_) => return Err(Fault::Challenged),
            None => {}
        }
    }
}

/// A host, and its port.
fn place(server: &str) -> Option<(&str, u16)> {
    let server = server.trim();
    if let Some(rest) = server.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        let port = match rest.strip_prefix(':') {
            Some(port) => port.parse().ok()?,
            None => rest.is_empty().then_some(PORT)?,
        };
        return host.parse::<Ipv6Addr>().is_ok().then_some((host, port));
    }
    if server.parse::<IpAddr>().is_ok() {
        return Some((server, PORT));
    }
    let (host, port) = match server.split_once(':') {
        Some((host, port)) => (host, port.parse().ok()?),
        None => (server, PORT),
    };
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    (!host.is_empty() && port != 0 && host.chars().all(fits)).then_some((host, port))
}

/// A question, as it is sent.
struct Packet {
    bytes: Zeroizing<Vec<u8>>,
    identifier: u8,
    authenticator: [u8; AUTHENTICATOR],
}

impl Packet {
    fn new(asking: &Asking<'_>, entropy: &dyn Entropy) -> Result<Self, Fault> {
        let (name, code, secret) = (asking.user.as_bytes(), asking.code.expose(), asking.secret.expose().as_bytes());
        if name.is_empty() || name.len() > LONGEST_NAME {
            return Err(Fault::Unfit("the user's name is longer than RADIUS carries"));
        }
        if code.is_empty() || code.len() > LONGEST_PASSWORD {
            return Err(Fault::Unfit("the code is empty, or longer than RADIUS carries"));
        }
        if secret.is_empty() {
            return Err(Fault::Unfit("the shared secret is empty"));
        }
        let (mut identifier, mut authenticator) = ([0], [0; AUTHENTICATOR]);
        entropy.fill(&mut identifier);
        entropy.fill(&mut authenticator);
        let [identifier] = identifier;
        let mut bytes = Zeroizing::new(vec![ACCESS_REQUEST, identifier, 0, 0]);
        bytes.extend_from_slice(&authenticator);
        // First, so that nothing that somebody has a say in stands before it.
        attribute(&mut bytes, MESSAGE_AUTHENTICATOR, &[0; AUTHENTICATOR]);
        attribute(&mut bytes, USER_NAME, name);
        attribute(&mut bytes, USER_PASSWORD, &hidden(code.as_bytes(), secret, &authenticator));
        attribute(&mut bytes, NAS_IDENTIFIER, b"countersign");
        let length = u16::try_from(bytes.len()).map_err(|_| Fault::Unfit("the question is too long"))?;
        put(&mut bytes, 2, &length.to_be_bytes());
        let tag = hmac_md5(secret, &[&bytes]);
        put(&mut bytes, HEADER + 2, &tag);
        Ok(Self { bytes, identifier, authenticator })
    }

    /// Which answer this is, if it is one to this question by whoever knows the secret.
    fn said(&self, answer: &[u8], secret: &Secret) -> Option<u8> {
        let secret = secret.expose().as_bytes();
        let [code, identifier, high, low, ..] = *answer else { return None };
        let length = usize::from(u16::from_be_bytes([high, low]));
        // What stands behind the length is padding (RFC 2865 §3).
        let answer = answer.get(..length).filter(|answer| answer.len() >= HEADER)?;
        let (signed, attributes) = (answer.get(4..HEADER)?, answer.get(HEADER..)?);
        if identifier != self.identifier || !matches!(code, ACCESS_ACCEPT | ACCESS_REJECT | ACCESS_CHALLENGE) {
            return None;
        }
        let mut whole = Md5::new();
        for part in [answer.get(..4)?, &self.authenticator, attributes, secret] {
            whole.update(part);
        }
        let is_signed = verify_slices_are_equal(&whole.finalize(), signed).is_ok();
        let (at, tag) = only(attributes, MESSAGE_AUTHENTICATOR)?;
        let (before, after) = (attributes.get(..at)?, attributes.get(at + AUTHENTICATOR..)?);
        let wanted = hmac_md5(secret, &[answer.get(..4)?, &self.authenticator, before, &[0; AUTHENTICATOR], after]);
        let is_authentic = verify_slices_are_equal(&wanted, tag).is_ok();
        (is_signed && is_authentic).then_some(code)
    }
}

fn attribute(bytes: &mut Vec<u8>, kind: u8, value: &[u8]) {
    // Every value here is shorter than an attribute may be.
    bytes.extend_from_slice(&[kind, u8::try_from(value.len() + 2).unwrap_or(u8::MAX)]);
    bytes.extend_from_slice(value);
}

fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + what.len()) {
        place.copy_from_slice(what);
    }
}

/// The value of the one attribute of this kind, and its place. Attributes that do not fill the packet to its end are none.
fn only(attributes: &[u8], wanted: u8) -> Option<(usize, &[u8])> {
    let (mut found, mut at) = (None, 0);
    while at < attributes.len() {
        let (kind, length) = (*attributes.get(at)?, usize::from(*attributes.get(at + 1)?));
        let value = attributes.get(at + 2..at + length.max(2)).filter(|_| length >= 2)?;
        if kind == wanted {
            let is_one = found.is_none() && value.len() == AUTHENTICATOR;
            found = is_one.then_some(Some((at + 2, value)))?;
        }
        at += length;
    }
    found
}

/// A password, hidden from who does not know the secret (RFC 2865 §5.2).
fn hidden(password: &[u8], secret: &[u8], authenticator: &[u8; AUTHENTICATOR]) -> Vec<u8> {
    let mut hidden: Vec<u8> = Vec::with_capacity(password.len().next_multiple_of(AUTHENTICATOR));
    let mut before = *authenticator;
    for part in password.chunks(AUTHENTICATOR) {
        let mask = Md5::new().chain_update(secret).chain_update(before).finalize();
        let mut block = [0; AUTHENTICATOR];
        for (place, (byte, mask)) in block.iter_mut().zip(part.iter().chain(std::iter::repeat(&0)).zip(mask)) {
            *place = byte ^ mask;
        }
        hidden.extend_from_slice(&block);
        before = block;
    }
    hidden
}

/// HMAC (RFC 2104) with MD5, which RADIUS knows nothing better than.
fn hmac_md5(key: &[u8], parts: &[&[u8]]) -> [u8; AUTHENTICATOR] {
    const BLOCK: usize = 64;
    let mut padded = Zeroizing::new([0_u8; BLOCK]);
    if key.len() > BLOCK {
        put(&mut *padded, 0, &Md5::digest(key));
    } else {
        put(&mut *padded, 0, key);
    }
    let with = |mask: u8| Zeroizing::new(padded.map(|byte| byte ^ mask));
    let mut inner = Md5::new().chain_update(*with(0x36));
    for part in parts {
        inner.update(part);
    }
    Md5::new().chain_update(*with(0x5c)).chain_update(inner.finalize()).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    /// RFC 2202 §2.
    #[test]
    fn hmac_md5_is_that_of_rfc_2202() {
        for (key, text, tag) in [
            (vec![0x0b; 16], b"Hi There".to_vec(), "9294727a3638bb1c13f48ef8158bfc9d"),
            (b"Jefe".to_vec(), b"what do ya want for nothing?".to_vec(), "750c783e6ab0b503eaa86e310a5db738"),
            (
                vec![0xaa; 80],
                b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
                "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd",
            ),
        ] {
            assert_eq!(hmac_md5(&key, &[&text]).to_vec(), hex(tag));
        }
    }

    /// RFC 2865 §7.1: nemo, with the password arctangent and the secret xyzzy5461.
    #[test]
    fn a_password_is_hidden_as_in_rfc_2865() {
        let authenticator: [u8; 16] = hex("0f403f9473978057bd83d5cb98f4227a").try_into().unwrap();
        let hidden = hidden(b"arctangent", b"xyzzy5461", &authenticator);
        assert_eq!(hidden, hex("0dbe708d93d413ce3196e43f782a0aee"));
        assert_eq!(super::hidden(&[b'x'; 17], b"s", &authenticator).len(), 32);
    }

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    fn packet(secret: &Secret) -> Packet {
        let code = Secret::new("123456");
        Packet::new(&Asking { server: "a", secret, user: "ana", code: &code }, &Zeros).unwrap()
    }

    /// An answer, by the rules of the RFCs and none of the code above but the hashes.
    fn answered(code: u8, packet: &Packet, secret: &str, attributes: &[u8], has_authenticator: bool) -> Vec<u8> {
        let mut rest = if has_authenticator { [vec![80, 18], vec![0; 16]].concat() } else { Vec::new() };
        rest.extend_from_slice(attributes);
        let length = u16::try_from(20 + rest.len()).unwrap().to_be_bytes();
        let start = [code, packet.identifier, length[0], length[1]];
        if has_authenticator {
            let tag = hmac_md5(secret.as_bytes(), &[&start, &packet.authenticator, &rest]);
            rest[2..18].copy_from_slice(&tag);
        }
        let whole = [&start[..], &packet.authenticator, &rest, secret.as_bytes()].concat();
        [&start[..], &Md5::digest(whole), &rest].concat()
    }

    #[test]
    fn only_who_knows_the_secret_says_anything() {
        let secret = Secret::new("shared");
        let packet = packet(&secret);
        for code in [ACCESS_ACCEPT, ACCESS_REJECT, ACCESS_CHALLENGE] {
            assert_eq!(packet.said(&answered(code, &packet, "shared", &[], true), &secret), Some(code));
            let padded = [answered(code, &packet, "shared", &[18, 4, b'n', b'o'], true), vec![0; 3]].concat();
            assert_eq!(packet.said(&padded, &secret), Some(code));
        }
        assert_eq!(packet.said(&answered(2, &packet, "other", &[], true), &secret), None);
        // Blast-RADIUS: signed as RFC 2865 wants it, and no more.
        assert_eq!(packet.said(&answered(2, &packet, "shared", &[], false), &secret), None);
        // Another kind of packet.
        assert_eq!(packet.said(&answered(5, &packet, "shared", &[], true), &secret), None);
        // Two of them, one of which could be anything.
        let twice = answered(2, &packet, "shared", &[&[80, 18][..], &[0; 16]].concat(), true);
        assert_eq!(packet.said(&twice, &secret), None);
        // Attributes that end behind the packet.
        assert_eq!(packet.said(&answered(2, &packet, "shared", &[18, 9, 1], true), &secret), None);
        assert_eq!(packet.said(&answered(2, &packet, "shared", &[18, 0], true), &secret), None);
        let good = answered(2, &packet, "shared", &[], true);
        for place in 0..good.len() {
            let mut bad = good.clone();
            bad[place] ^= 1;
            assert_eq!(packet.said(&bad, &secret), None, "{place}");
            assert_eq!(packet.said(&good[..place], &secret), None, "{place}");
        }
    }

    #[test]
    fn a_question_carries_its_own_proof_first() {
        let secret = Secret::new("shared");
        let packet = packet(&secret);
        assert_eq!(packet.bytes[HEADER..HEADER + 2], [80, 18]);
        let mut blank = packet.bytes.to_vec();
        blank[HEADER + 2..HEADER + 18].fill(0);
        assert_eq!(packet.bytes[HEADER + 2..HEADER + 18], hmac_md5(b"shared", &[&blank]));
        assert!(!packet.bytes.windows(6).any(|part| part == b"123456"));
        let long = "x".repeat(254);
        let code = Secret::new("1");
        assert!(Packet::new(&Asking { server: "a", secret: &secret, user: &long, code: &code }, &Zeros).is_err());
    }

    #[test]
    fn a_server_is_a_host_with_a_port_or_without() {
        assert_eq!(place("radius.internal"), Some(("radius.internal", 1812)));
        assert_eq!(place("10.0.0.1:1645"), Some(("10.0.0.1", 1645)));
        assert_eq!(place("[fd00::1]:1645"), Some(("fd00::1", 1645)));
        assert_eq!(place("fd00::1"), Some(("fd00::1", 1812)));
        for wrong in ["", ":1812", "a:0", "a:b", "a/b", "user@host", "[a]:1", "[fd00::1", "a b", "https://a"] {
            assert_eq!(place(wrong), None, "{wrong}");
        }
    }
}
