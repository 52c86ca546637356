//! Lists of addresses: those that are known for bad, and those that are trusted.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::lines::{self, LineError, shown};

/// What it means to be on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListKind {
    /// Trusted: an office, say. Signals that go by the address are quiet there.
    Allow,
    /// Bad: it makes a signal of its own, and no allow list helps against it.
    Block,
}

/// One list.
#[derive(Debug, Clone)]
pub struct List {
    name: String,
    kind: ListKind,
    v4: Vec<(u32, u32)>,
    v6: Vec<(u128, u128)>,
}

impl List {
    /// Reads a list from the bytes of `file`: an address or a network (`192.0.2.0/24`, `2001:db8::/32`) a line, comments after `#` or
    /// `;`. `name` is what explanations call it.
    ///
    /// # Errors
    ///
    /// The first line that is neither, by file and number.
    pub fn read(name: &str, kind: ListKind, file: &str, bytes: &[u8]) -> Result<Self, LineError> {
        let networks = lines::read(file, bytes, network)?;
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for network in networks {
            match network {
                IpNet::V4(net) => v4.push((net.network().to_bits(), net.broadcast().to_bits())),
                IpNet::V6(net) => v6.push((net.network().to_bits(), net.broadcast().to_bits())),
            }
        }
        Ok(Self { name: name.to_owned(), kind, v4: merged(v4), v6: merged(v6) })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn holds(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => within(&self.v4, address.to_bits()),
            IpAddr::V6(address) => within(&self.v6, address.to_bits()),
        }
    }
}

/// Every list that there is.
#[derive(Debug, Clone, Default)]
pub struct Lists(Vec<List>);

impl Lists {
    /// From these.
    pub fn new(lists: Vec<List>) -> Self {
        Self(lists)
    }

    /// The list that decides about an address: the first block list that it is on, else the first allow list.
    pub fn find(&self, address: IpAddr) -> Option<(&str, ListKind)> {
        let address = address.to_canonical();
        let of = |kind| self.0.iter().find(|list| list.kind == kind && list.holds(address));
        of(ListKind::Block).or_else(|| of(ListKind::Allow)).map(|list| (list.name.as_str(), list.kind))
    }

    /// How many lists there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads one entry. IPv4 addresses written as IPv6 ones (RFC 4291 §2.5.5.2) are what they stand for.
fn network(entry: &str) -> Result<IpNet, String> {
    let read = match entry.parse::<IpAddr>() {
        Ok(address) => Some(IpNet::from(address)),
        Err(_) => entry.parse::<IpNet>().ok(),
    };
    let net =
        read.ok_or_else(|| format!("`{}` is neither an address nor a network such as 192.0.2.0/24", shown(entry)))?;
    if net.trunc() != net {
        return Err(format!(
            "`{}` has bits beyond its prefix: {} was meant, or another prefix",
            shown(entry),
            net.trunc()
        ));
    }
    match net {
        IpNet::V6(v6) if v6.prefix_len() >= 96 => Ok(match v6.network().to_ipv4_mapped() {
            Some(v4) => IpNet::new(IpAddr::V4(v4), v6.prefix_len() - 96).unwrap_or(net),
            None => net,
        }),
        _ => Ok(net),
    }
}

/// Sorted, and without overlaps, so that one binary search answers.
fn merged<T: Ord + Copy>(mut ranges: Vec<(T, T)>) -> Vec<(T, T)> {
    ranges.sort_unstable();
    let mut merged: Vec<(T, T)> = Vec::with_capacity(ranges.len());
    for (first, last) in ranges {
        match merged.last_mut() {
            Some((_, end)) if first <= *end => *end = last.max(*end),
            _ => merged.push((first, last)),
        }
    }
    merged.shrink_to_fit();
    merged
}

fn within<T: Ord + Copy>(ranges: &[(T, T)], at: T) -> bool {
    let after = ranges.partition_point(|(first, _)| *first <= at);
    after.checked_sub(1).and_then(|before| ranges.get(before)).is_some_and(|(_, last)| at <= *last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists(block: &str, allow: &str) -> Lists {
        Lists::new(vec![
            List::read("office", ListKind::Allow, "office.txt", allow.as_bytes()).unwrap(),
            List::read("drop", ListKind::Block, "drop.txt", block.as_bytes()).unwrap(),
        ])
    }

    fn found(lists: &Lists, address: &str) -> Option<ListKind> {
        lists.find(address.parse().unwrap()).map(|(_, kind)| kind)
    }

    #[test]
    fn an_address_is_found_in_what_holds_it() {
        let lists =
            lists("192.0.2.0/24 ; SBL1\n192.0.2.128/25\n\n# more\r\n2001:db8::/32\n198.51.100.7", "203.0.113.0/24");
        for address in ["192.0.2.0", "192.0.2.255", "198.51.100.7", "2001:db8:1::", "::ffff:192.0.2.1"] {
            assert_eq!(found(&lists, address), Some(ListKind::Block), "{address}");
        }
        for address in ["192.0.3.0", "192.0.1.255", "198.51.100.8", "2001:db9::"] {
            assert_eq!(found(&lists, address), None, "{address}");
        }
        assert_eq!(found(&lists, "203.0.113.9"), Some(ListKind::Allow));
    }

    #[test]
    fn a_block_list_goes_before_an_allow_list() {
        assert_eq!(found(&lists("203.0.113.9", "203.0.113.0/24"), "203.0.113.9"), Some(ListKind::Block));
    }

    #[test]
    fn mapped_addresses_in_a_list_are_what_they_stand_for() {
        assert_eq!(found(&lists("::ffff:192.0.2.0/120", ""), "192.0.2.77"), Some(ListKind::Block));
        assert_eq!(found(&lists("::/0", ""), "192.0.2.77"), None);
    }

    #[test]
    fn a_bad_line_is_told_by_file_and_number() {
        let error = |text: &[u8]| List::read("drop", ListKind::Block, "lists/drop.txt", text).unwrap_err().to_string();
        assert_eq!(
            error(b"192.0.2.1\nexample.com\n"),
            "lists/drop.txt:2: `example.com` is neither an address nor a network such as 192.0.2.0/24"
        );
        assert_eq!(
            error(b"192.0.2.1/24"),
            "lists/drop.txt:1: `192.0.2.1/24` has bits beyond its prefix: 192.0.2.0/24 was meant, or another prefix"
        );
        assert_eq!(error(b"\n\xff"), "lists/drop.txt:2: is not UTF-8");
    }
}
