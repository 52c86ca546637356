//! Browsers that nobody knows, and what is written down for them. Whoever comes to a page for signing in has shown nothing yet: so many
//! come from one network in a minute, and no more, or a flood would fill the store (T-33).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use domain::Timestamp;

/// How many from one network in a minute: more than people behind one address want, also in the morning.
const MOST: u32 = 240;
/// How many networks in a minute. Beyond that there is a flood, and those wait that were not there before it.
const MOST_NETWORKS: usize = 65_536;

/// Who came in this minute.
#[derive(Debug, Default)]
pub(crate) struct Arrivals(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    number: i64,
    came: HashMap<IpAddr, u32>,
}

impl Arrivals {
    /// Whether something is written down for whoever comes from there now.
    pub(crate) fn let_in(&self, address: Option<IpAddr>, now: Timestamp) -> bool {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.unix_millis().div_euclid(60_000);
        if minute.number != number {
            *minute = Minute { number, came: HashMap::new() };
        }
        let network = network(address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
        if minute.came.len() >= MOST_NETWORKS && !minute.came.contains_key(&network) {
            return false;
        }
        let came = minute.came.entry(network).or_default();
        *came = came.saturating_add(1);
        *came <= MOST
    }
}

/// An address of version 4, or what of one of version 6 is usually one customer's (RFC 6177 §2): the first 56 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 72 << 72).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_millis(second * 1000)
    }

    fn from(address: &str) -> IpAddr {
        address.parse().unwrap()
    }

    #[test]
    fn t33_a_flood_from_one_network_is_cut_off_and_others_come_in() {
        let arrivals = Arrivals::default();
        let let_in =
            (0..1000).filter(|n| arrivals.let_in(Some(from(&format!("2001:db8:0:1{:02x}::{n:x}", n % 256))), at(1)));
        assert_eq!(let_in.count(), MOST as usize);
        assert!(
            arrivals.let_in(Some(from("2001:db8:0:200::1")), at(1)) && arrivals.let_in(Some(from("192.0.2.1")), at(1))
        );
        assert!(
            !arrivals.let_in(Some(from("2001:db8:0:1aa::1")), at(59))
                && arrivals.let_in(Some(from("2001:db8:0:1aa::1")), at(60))
        );
    }

    #[test]
    fn t33_a_flood_from_everywhere_is_bounded_too() {
        let arrivals = Arrivals::default();
        let known = from("192.0.2.1");
        assert!(arrivals.let_in(Some(known), at(1)));
        for number in 0..MOST_NETWORKS {
            arrivals.let_in(Some(Ipv4Addr::from_bits(u32::try_from(number).unwrap()).into()), at(1));
        }
        assert!(!arrivals.let_in(Some(from("198.51.100.1")), at(1)) && arrivals.let_in(Some(known), at(1)));
        assert!(arrivals.let_in(Some(from("198.51.100.1")), at(61)));
    }
}
