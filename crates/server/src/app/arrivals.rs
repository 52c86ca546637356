//! Browsers that nobody knows, and what is written down for them. Whoever comes to a page for signing in has shown nothing yet: so many
//! come from one network in a minute, and no more, or a flood would fill the store (T-33).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use domain::Timestamp;

/// How many from one network in a minute: more than people behind one address want, also in the morning.
const MOST: u32 = 480;
/// How many from all networks of one site (RFC 6177 §2), which anybody may have of version 6.
const MOST_OF_A_SITE: u32 = 4 * MOST;
/// How many networks in a minute. Beyond that there is a flood, and those wait that were not there before it.
const MOST_NETWORKS: usize = 65_536;
/// How many from everywhere in a minute: a fraction of what a store takes, so that logins go on beside a flood.
const MOST_OF_ALL: u32 = 60_000;

/// Who came in this minute.
#[derive(Debug, Default)]
pub(crate) struct Arrivals(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    number: i64,
    all: u32,
    came: HashMap<IpAddr, u32>,
}

impl Arrivals {
    /// Whether something is written down for whoever comes from there now.
    pub(crate) fn let_in(&self, address: Option<IpAddr>, now: Timestamp) -> bool {
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = now.unix_millis().div_euclid(60_000);
        if minute.number != number {
            *minute = Minute { number, ..Minute::default() };
        }
        let address = address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical();
        // Who is over one limit uses up none of another.
        let comes_in =
            minute.all < MOST_OF_ALL && minute.counts(of_bits(address, 56), MOST) && minute.counts_of_site(address);
        minute.all += u32::from(comes_in);
        comes_in
    }
}

impl Minute {
    fn counts_of_site(&mut self, address: IpAddr) -> bool {
        // Of version 4 an address is all that there is.
        address.is_ipv4() || self.counts(of_bits(address, 48), MOST_OF_A_SITE)
    }

    fn counts(&mut self, network: IpAddr, most: u32) -> bool {
        if self.came.len() >= MOST_NETWORKS && !self.came.contains_key(&network) {
            return false;
        }
        let came = self.came.entry(network).or_default();
        *came = came.saturating_add(1);
        *came <= most
    }
}

/// An address of version 4, or the first bits of one of version 6: 56 are usually one customer's (RFC 6177 §2). The bit behind them tells how
/// many they were, so that no network is taken for a wider one.
fn of_bits(address: IpAddr, bits: u32) -> IpAddr {
    match address {
        IpAddr::V6(address) => {
            let rest = u128::BITS - bits;
            Ipv6Addr::from_bits((address.to_bits() >> rest << rest) | (1 << (rest - 1))).into()
        }
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
        let flood = (0..100_000).filter(|number| arrivals.let_in(Some(Ipv4Addr::from_bits(*number).into()), at(1)));
        assert_eq!(flood.count(), MOST_OF_ALL as usize);
        assert!(!arrivals.let_in(Some(from("198.51.100.1")), at(59)));
        assert!(arrivals.let_in(Some(from("198.51.100.1")), at(60)));
    }

    #[test]
    fn t33_all_networks_of_one_site_are_bounded_together() {
        let arrivals = Arrivals::default();
        let site =
            (0..20_000).filter(|n| arrivals.let_in(Some(from(&format!("2001:db8:0:{:x}::1", (n % 256) << 8))), at(1)));
        assert_eq!(site.count(), MOST_OF_A_SITE as usize);
        assert!(arrivals.let_in(Some(from("2001:db8:1::1")), at(1)));
    }
}
