//! How many users came from one address lately, without keeping who they were.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};

use domain::{Timestamp, UserId};

use crate::ramp::whole;

/// The window in seconds: what is older than this, or up to half as much more, counts no longer.
const HALF_WINDOW: i64 = 15 * 60;

/// Parts with a lock each, and what a part holds: buckets of eight addresses.
const PARTS: usize = 16;
const BUCKETS: usize = 512;
const BUCKET: usize = 8;

/// Counts the users that came from each address lately. Bounded: 65,536 addresses, some 4 MiB, whatever comes; where there are more, those from which the fewest came
/// are forgotten first. Neither addresses nor users are kept, only hashes under a seed: of users, one bit each.
///
/// One lock out of sixteen is held while eight entries are looked through. A count belongs to the process: servers side by side each count what they
/// see.
#[derive(Debug)]
pub struct Crowd {
    seed: u64,
    parts: Vec<Mutex<Vec<[Entry; BUCKET]>>>,
}

/// An address, and the users of this half of the window and the half before as bits (linear counting: Whang et al., 1990).
#[derive(Debug, Clone, Copy, Default)]
struct Entry {
    address: u64,
    half: i64,
    users: u128,
    before: u128,
}

impl Crowd {
    /// An empty one. The seed is random and secret, so that nobody can choose addresses that push each other out.
    pub fn new(seed: u64) -> Self {
        let part = || Mutex::new(vec![[Entry::default(); BUCKET]; BUCKETS]);
        Self { seed, parts: (0..PARTS).map(|_| part()).collect() }
    }

    /// Counts a user.
    pub(crate) fn note(&self, address: IpAddr, user: UserId, at: Timestamp) {
        let half = at.unix_seconds().div_euclid(HALF_WINDOW);
        let bit = 1_u128 << (self.hash(user.uuid().as_u128()) % 128);
        self.with_bucket(address, |key, bucket| {
            if let Some(entry) = bucket.iter_mut().find(|entry| entry.address == key) {
                entry.advance(half);
                entry.users |= bit;
            } else if let Some(entry) = bucket.iter_mut().min_by_key(|entry| entry.worth(half)) {
                *entry = Entry { address: key, half, users: bit, before: 0 };
            }
        });
    }

    /// How many different users were counted from an address within the window; beyond some hundred, only that it is many.
    pub(crate) fn count(&self, address: IpAddr, at: Timestamp) -> u32 {
        let half = at.unix_seconds().div_euclid(HALF_WINDOW);
        self.with_bucket(address, |key, bucket| {
            let entry = bucket.iter().find(|entry| entry.address == key).copied();
            entry.map_or(0, |mut entry| {
                entry.advance(half);
                entry.count()
            })
        })
    }

    fn with_bucket<T: Default>(&self, address: IpAddr, act: impl FnOnce(u64, &mut [Entry; BUCKET]) -> T) -> T {
        // 0 is an empty entry's.
        let key = self.hash(neighbourhood(address)).max(1);
        let [part, high, low, ..] = key.to_le_bytes();
        let Some(part) = self.parts.get(usize::from(part) % PARTS) else { return T::default() };
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        let at = usize::from(u16::from_le_bytes([high, low])) % BUCKETS;
        part.get_mut(at).map(|bucket| act(key, bucket)).unwrap_or_default()
    }

    fn hash(&self, what: impl Hash) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.seed.hash(&mut hasher);
        what.hash(&mut hasher);
        hasher.finish()
    }
}

impl Entry {
    fn advance(&mut self, half: i64) {
        // A clock that went back counts on where it was.
        match half.saturating_sub(self.half) {
            ..=0 => return,
            1 => self.before = self.users,
            _ => self.before = 0,
        }
        self.users = 0;
        self.half = half;
    }

    fn count(self) -> u32 {
        let free = (self.users | self.before).count_zeros().max(1);
        whole(128.0 * (128.0 / f64::from(free)).ln())
    }

    /// What is worth least goes first: the empty and old, then those with the fewest users.
    fn worth(&self, half: i64) -> u32 {
        match half.saturating_sub(self.half) {
            ..=1 if self.address != 0 => (self.users | self.before).count_ones(),
            _ => 0,
        }
    }
}

/// What somebody has at once: one IPv4 address, or a /64 of IPv6.
fn neighbourhood(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(number: u128) -> UserId {
        UserId::from_uuid(uuid::Uuid::from_u128(number))
    }

    fn minute(minute: i64) -> Timestamp {
        Timestamp::from_unix_millis(1_800_000_000_000 + minute * 60_000)
    }

    fn address(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    #[test]
    fn different_users_are_counted_and_the_same_one_once() {
        let crowd = Crowd::new(7);
        for _ in 0..50 {
            crowd.note(address(1), user(1), minute(0));
        }
        assert_eq!(crowd.count(address(1), minute(0)), 1);
        for number in 0..40 {
            crowd.note(address(2), user(number), minute(0));
        }
        let count = crowd.count(address(2), minute(0));
        assert!((32..=48).contains(&count), "{count}");
    }

    #[test]
    fn they_are_forgotten_with_the_window() {
        let crowd = Crowd::new(7);
        crowd.note(address(1), user(1), minute(0));
        assert_eq!(crowd.count(address(1), minute(15)), 1);
        assert_eq!(crowd.count(address(1), minute(30)), 0);
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let crowd = Crowd::new(7);
        crowd.note("2001:db8::1".parse().unwrap(), user(1), minute(0));
        assert_eq!(crowd.count("2001:db8::ffff".parse().unwrap(), minute(0)), 1);
        assert_eq!(crowd.count("2001:db8:0:1::1".parse().unwrap(), minute(0)), 0);
    }

    #[test]
    fn a_crowd_outlives_a_flood_of_single_addresses() {
        let crowd = Crowd::new(7);
        for number in 0..30 {
            crowd.note(address(0), user(number), minute(0));
        }
        for number in 1..300_000 {
            crowd.note(address(number), user(1), minute(1));
        }
        assert!(crowd.count(address(0), minute(1)) > 20);
    }

    #[test]
    fn crowds_of_long_ago_make_room_for_those_of_now() {
        let crowd = Crowd::new(7);
        for number in 1..100_000 {
            for member in 0..10 {
                crowd.note(address(number), user(member), minute(0));
            }
        }
        for number in 0..30 {
            crowd.note(address(0), user(number), minute(120));
            for single in 0..10_000 {
                let other = 1_000_000 + u32::try_from(number).unwrap() * 10_000 + single;
                crowd.note(address(other), user(1), minute(120));
            }
        }
        assert!(crowd.count(address(0), minute(120)) > 20);
    }
}
