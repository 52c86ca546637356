//! What is known of networks beside where they are.

use std::collections::HashMap;

use crate::NetworkKind;
use crate::lines::{self, LineError, shown};

/// Kinds of networks by their number (autonomous system). None is built in: which carriers and VPNs matter differs from place to place, and
/// a list in a program ages.
#[derive(Debug, Clone, Default)]
pub struct Networks(HashMap<u32, NetworkKind>);

impl Networks {
    /// Reads `AS64500 vpn`, `AS64501 mobile` or `AS64502 ordinary` a line, comments after `#` or `;`. The last line about a network holds.
    ///
    /// # Errors
    ///
    /// The first line of another shape, by file and number.
    pub fn read(file: &str, bytes: &[u8]) -> Result<Self, LineError> {
        Ok(Self(lines::read(file, bytes, entry)?.into_iter().collect()))
    }

    /// What kind of network this is, if that was said.
    pub(crate) fn kind(&self, network: u32) -> Option<NetworkKind> {
        self.0.get(&network).copied()
    }
}

fn entry(text: &str) -> Result<(u32, NetworkKind), String> {
    let read = || {
        let (number, kind) = text.split_once(char::is_whitespace)?;
        let number = number.strip_prefix("AS")?.parse().ok()?;
        let kind = match kind.trim() {
            "vpn" => NetworkKind::Vpn,
            "mobile" => NetworkKind::Mobile,
            "ordinary" => NetworkKind::Ordinary,
            _ => return None,
        };
        Some((number, kind))
    };
    read().ok_or_else(|| format!("`{}` is not of the form `AS64500 vpn`, `mobile` or `ordinary`", shown(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_read_and_a_bad_line_is_told() {
        let networks = Networks::read("asn.txt", b"AS64500 vpn\nAS64501\tmobile # a carrier\n").unwrap();
        assert_eq!(networks.kind(64500), Some(NetworkKind::Vpn));
        assert_eq!(networks.kind(64501), Some(NetworkKind::Mobile));
        assert_eq!(networks.kind(64502), None);
        let error = Networks::read("asn.txt", b"\n64500 vpn").unwrap_err();
        assert_eq!(
            error.to_string(),
            "asn.txt:2: `64500 vpn` is not of the form `AS64500 vpn`, `mobile` or `ordinary`"
        );
    }
}
