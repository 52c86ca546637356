//! Credentials that nobody has.

use aws_lc_rs::hmac;

use crate::options::{Descriptor, Transport};

/// What is said before the name, so that the key may serve for something else as well.
const LABEL: &[u8] = b"countersign webauthn decoy v1\0";

/// The credential that somebody seems to have who has none, or does not exist: the same one each time for the same
/// name, so that asking twice tells nothing ([§14.6.2](https://www.w3.org/TR/webauthn-3/#sctn-username-enumeration)).
///
/// `key` is secret and never changes; whoever has it can tell decoys from credentials. `name` is by what the user was
/// asked for.
pub fn decoys(key: &[u8; 32], name: &str) -> Vec<Descriptor> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let block = |number: u8| {
        let mut context = hmac::Context::with_key(&key);
        context.update(LABEL);
        context.update(&[number]);
        context.update(name.as_bytes());
        context.sign()
    };
    let stream: Vec<u8> = [0, 1, 2].iter().flat_map(|&number| block(number).as_ref().to_vec()).collect();
    let (first, rest) = stream.split_first().unwrap_or((&0, &[]));

    // The lengths and transports of what people have: synced passkeys mostly, what is built in, security keys.
    let (length, transports): (usize, &[Transport]) = match first {
        0..=95 => (20, &[Transport::Hybrid, Transport::Internal]),
        96..=175 => (16, &[Transport::Hybrid, Transport::Internal]),
        176..=207 => (32, &[Transport::Internal]),
        208..=231 => (48, &[Transport::Usb, Transport::Nfc]),
        _ => (64, &[Transport::Usb]),
    };
    vec![Descriptor::new(rest.iter().copied().take(length).collect(), transports.to_vec())]
}
