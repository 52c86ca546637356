//! Which addresses are outside, and which of the others the operator allows (T-23).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::IpNet;

/// What may be reached although it is not out on the internet: networks and hosts that the operator named.
#[derive(Debug, Clone, Default)]
pub struct Allowed {
    networks: Vec<IpNet>,
    /// As they stand in what is called, and at which port; any where none is said.
    hosts: Vec<(String, Option<u16>)>,
}

/// A text that is neither a network, nor an address, nor the name of a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no network (10.1.0.0/16), address (10.1.2.3), name of a host (sms.example.internal), or one of the latter with a port (sms.example.internal:8443)"
)]
pub struct InvalidAllowed(String);

impl Allowed {
    /// From texts, each a network, an address or the name of a host; of the latter two also at one port alone (`HOST:PORT`, `[ADDRESS]:PORT`).
    ///
    /// # Errors
    ///
    /// [`InvalidAllowed`] with the text that is none of these.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidAllowed> {
        let mut allowed = Self::default();
        for text in texts {
            let text = text.trim();
            if let Ok(network) = IpNet::from_str(text) {
                allowed.networks.push(network);
            } else if let Ok(address) = IpAddr::from_str(text) {
                allowed.networks.push(IpNet::from(address.to_canonical()));
            } else if is_host(text) {
                allowed.hosts.push((text.to_ascii_lowercase(), None));
            } else {
                allowed.hosts.push(at_port(text).ok_or_else(|| InvalidAllowed(text.to_owned()))?);
            }
        }
        Ok(allowed)
    }

    /// Whether a host was allowed by its name, or its address as such, at some port.
    fn names(&self, host: &str) -> bool {
        self.ports(host).next().is_some()
    }

    /// Whether a host was allowed by its name, or its address, at some port.
    pub(crate) fn names_somewhere(&self, host: &str) -> bool {
        self.names(host) || host.parse().is_ok_and(|address| self.holds(address))
    }

    /// Whether a host was allowed by its name, or its address, at this port.
    pub(crate) fn names_at(&self, host: &str, port: u16) -> bool {
        self.ports(host).any(|allowed| allowed.is_none_or(|allowed| allowed == port))
            || host.parse().is_ok_and(|address| self.holds(address))
    }

    fn ports(&self, host: &str) -> impl Iterator<Item = Option<u16>> {
        let host = host.trim_end_matches('.');
        self.hosts.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(host)).map(|(_, port)| *port)
    }

    /// Whether a host that is called by this name or address may be called at this port: one that is allowed at some ports alone leads inside there alone.
    pub(crate) fn permits_port(&self, host: &str, port: u16) -> bool {
        let is_public = host.parse().is_ok_and(is_public);
        is_public || !self.names(host) || self.names_at(host, port)
    }

    /// Whether an address is in a network that was allowed.
    pub(crate) fn holds(&self, address: IpAddr) -> bool {
        let address = plain(address);
        self.networks.iter().any(|network| network.contains(&address))
    }

    /// Whether a connection to `address` may be made on behalf of `host`.
    ///
    /// A name that the operator allowed leads inside, but never to where clouds keep the keys of their machines: such an
    /// address has to be allowed as what it is.
    pub(crate) fn permits(&self, host: &str, address: IpAddr) -> bool {
        let address = plain(address);
        is_public(address) || self.holds(address) || (self.names(host) && !is_never_by_name(address))
    }
}

/// `HOST:PORT`, `ADDRESS:PORT` or `[ADDRESS]:PORT`.
fn at_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = match inner {
        Some(inner) => inner.parse::<Ipv6Addr>().ok()?.to_string(),
        None if host.parse::<Ipv4Addr>().is_ok() || is_host(host) => host.to_ascii_lowercase(),
        None => return None,
    };
    Some((host, Some(port)))
}

fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    // All digits and dots would be an address that is none.
    text.len() <= 253 && text.split('.').all(label) && text.bytes().any(|b| b.is_ascii_alphabetic())
}

/// The address that is meant: one of IPv4 that is written as one of IPv6 is that of IPv4 (RFC 4291 §2.5.5.2, RFC 6052 §2.1).
fn plain(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address.to_canonical() else { return address.to_canonical() };
    match six.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        _ => IpAddr::V6(six),
    }
}

/// Whether an address is one that anybody on the internet could be reached at, by the IANA registries of special-purpose
/// addresses (RFC 6890).
pub fn is_public(address: IpAddr) -> bool {
    match plain(address) {
        IpAddr::V4(four) => is_public_v4(four),
        IpAddr::V6(six) => is_public_v6(six),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let within = |(network, bits): &([u8; 4], u32)| {
        (address.to_bits() ^ Ipv4Addr::from(*network).to_bits()).leading_zeros() >= *bits
    };
    !NOT_PUBLIC_V4.iter().any(within)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let within = |(network, bits): &([u16; 2], u32)| {
        let [a, b] = *network;
        (address.to_bits() ^ Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0).to_bits()).leading_zeros() >= *bits
    };
    within(&GIVEN_OUT_V6) && !NOT_PUBLIC_V6.iter().any(within)
}

/// Networks of IPv4 that are not out on the internet, with the bits of their prefixes.
const NOT_PUBLIC_V4: [([u8; 4], u32); 15] = [
    // This network.
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    // Shared between a provider and its customers.
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    // Link-local: there clouds keep the keys of their machines.
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    // Protocol assignments, documentation, the relays of 6to4.
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    // Benchmarks, documentation.
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Multicast, reserved, broadcast.
    ([224, 0, 0, 0], 4),
    ([240, 0, 0, 0], 4),
];

/// What has been given out of IPv6 for the internet.
const GIVEN_OUT_V6: ([u16; 2], u32) = ([0x2000, 0], 3);

/// Networks in there that are not out on the internet.
const NOT_PUBLIC_V6: [([u16; 2], u32); 4] = [
    // Protocol assignments with Teredo and ORCHID.
    ([0x2001, 0], 23),
    // Documentation.
    ([0x2001, 0xdb8], 32),
    ([0x3fff, 0], 20),
    // 6to4: an address of IPv4 in other clothes.
    ([0x2002, 0], 16),
];

/// Where no name leads, whoever allowed it.
fn is_never_by_name(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            four.is_link_local() || four.is_unspecified() || four.is_multicast() || four.is_broadcast()
                // Alibaba's and Oracle's keys of machines.
                || [[100, 100, 100, 200], [192, 0, 0, 192]].contains(&four.octets())
        }
        IpAddr::V6(six) => {
            six.is_unicast_link_local() || six.is_unspecified() || six.is_multicast()
                // Amazon's.
                || six.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn t23_what_is_inside_is_not_public() {
        for inside in [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.7",
            "203.0.113.7",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(ip(inside)), "{inside} is taken for public");
            assert!(!Allowed::default().permits("example.org", ip(inside)), "{inside} is permitted");
        }
    }

    #[test]
    fn what_is_outside_is_public() {
        for outside in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.17.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001:80b::200e",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
        ] {
            assert!(is_public(ip(outside)), "{outside} is taken for inside");
        }
    }

    #[test]
    fn a_network_that_is_allowed_opens_itself_and_nothing_beside() {
        let allowed = Allowed::parse(["10.1.0.0/16", "127.0.0.1"]).unwrap();
        assert!(allowed.permits("anything", ip("10.1.2.3")));
        assert!(allowed.permits("anything", ip("::ffff:10.1.2.3")));
        assert!(allowed.permits("anything", ip("127.0.0.1")));
        assert!(!allowed.permits("anything", ip("127.0.0.2")));
        assert!(!allowed.permits("anything", ip("10.2.0.1")));
    }

    #[test]
    fn a_host_that_is_allowed_leads_inside_but_not_to_a_clouds_keys() {
        let allowed = Allowed::parse(["sms.internal"]).unwrap();
        assert!(allowed.permits("SMS.internal", ip("10.1.2.3")));
        assert!(allowed.permits("sms.internal.", ip("fd12::1")));
        assert!(!allowed.permits("other.internal", ip("10.1.2.3")));
        for keys in ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "0.0.0.0", "fe80::1"] {
            assert!(!allowed.permits("sms.internal", ip(keys)), "{keys}");
        }
    }

    #[test]
    fn t23_a_host_that_is_allowed_at_a_port_is_allowed_there_alone() {
        let allowed =
            Allowed::parse(["sms.internal:8443", "10.1.2.3:1812", "[fd12::1]:443", "other.internal"]).unwrap();
        for (host, port, may) in [
            ("sms.internal", 8443, true),
            ("SMS.internal.", 8443, true),
            ("sms.internal", 443, false),
            ("10.1.2.3", 1812, true),
            ("10.1.2.3", 22, false),
            ("fd12::1", 443, true),
            ("fd12::1", 80, false),
            ("other.internal", 22, true),
            ("elsewhere.example", 22, false),
        ] {
            assert_eq!(allowed.names_at(host, port), may, "{host}:{port}");
        }
        assert!(!allowed.permits_port("sms.internal", 443) && allowed.permits_port("elsewhere.example", 22));
        // An address that is allowed at a port is not where other names lead.
        assert!(allowed.permits("10.1.2.3", ip("10.1.2.3")) && !allowed.permits("anything", ip("10.1.2.3")));
    }

    #[test]
    fn what_is_neither_network_nor_host_is_refused() {
        let wrong =
            ["10.0.0.0/33", "1.2.3", "", "a b", "*", "https://sms.internal", "-/8", "a:0", "a:99999", "a:b", "::1:x"];
        for text in wrong {
            assert!(Allowed::parse([text]).is_err(), "{text} was taken");
        }
    }

    proptest! {
        #[test]
        fn t23_no_spelling_of_an_address_changes_what_it_is(bits: u32) {
            let four = Ipv4Addr::from(bits);
            let [a, b, c, d] = four.octets();
            let nat64 = Ipv6Addr::from([0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0, a, b, c, d]);
            let verdict = is_public(IpAddr::V4(four));
            prop_assert_eq!(is_public(IpAddr::V6(four.to_ipv6_mapped())), verdict);
            prop_assert_eq!(is_public(IpAddr::V6(nat64)), verdict);
            // Those that were given up serve no address, public or not.
            prop_assert!(!is_public(IpAddr::V6(four.to_ipv6_compatible())));
        }

        #[test]
        fn t23_outside_the_space_of_the_internet_nothing_is_public(bits: u128) {
            let six = Ipv6Addr::from(bits);
            prop_assume!(six.segments()[0] >> 13 != 1);
            prop_assume!(six.to_ipv4_mapped().is_none());
            prop_assume!(six.segments()[..6] != [0x64, 0xff9b, 0, 0, 0, 0]);
            prop_assert!(!is_public(IpAddr::V6(six)));
        }
    }
}
