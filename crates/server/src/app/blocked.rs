//! Addresses that are refused for a while: no session begins there, and what is decided about what is asked from there is a denial.
//!
//! Each server has them in memory and reads them once a second, so that no decision waits for them.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use domain::event::About;
use domain::{Event, EventKind, Timestamp};
use gateway::outside::is_public;
use ipnet::IpNet;
use store::{Change, Effect};
use tokio::time::MissedTickBehavior;

use super::telling::With;
use super::{Actor, App, Error};

/// By which a decision is told to be about such an address.
pub(crate) const BLOCKED: &str = "blocked_address";
/// How often they are read.
const INTERVAL: Duration = Duration::from_secs(1);
/// The widest prefixes: who wants more refuses it before it comes here.
const WIDEST: (u8, u8) = (16, 32);

/// What a session is told that would begin there.
pub(crate) const NO_SESSION: Error = Error::Conflict("no session begins at this address: it is blocked for a while");

/// Those that are refused, each until a time.
#[derive(Debug, Default)]
pub(crate) struct Blocked(RwLock<Arc<[(IpNet, Timestamp)]>>);

impl Blocked {
    /// Whether an address is refused at `now`.
    pub(crate) fn has(&self, address: IpAddr, now: Timestamp) -> bool {
        let blocked = Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner));
        let address = address.to_canonical();
        blocked.iter().any(|(prefix, until)| *until > now && prefix.contains(&address))
    }

    fn put(&self, blocked: Vec<(IpNet, Timestamp)>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = blocked.into();
    }
}

/// Reads which are refused, until the task is ended.
pub(crate) async fn follow(app: Arc<App>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        // What cannot be read stays as it was: refused until its time.
        if let Err(error) = app.read_blocked().await {
            tracing::debug!(%error, "could not read which addresses are blocked; trying again");
        }
    }
}

/// A prefix as it is kept, of an address or prefix as somebody wrote it: one out on the internet, and not a large part of that.
pub(crate) fn prefix_of(text: &str) -> Result<IpNet, String> {
    let text = text.trim();
    // Whoever has one address of IPv6 has all of its /64.
    let address = |text: &str| {
        let address = text.parse::<IpAddr>().ok()?.to_canonical();
        Some(IpNet::new(address, if address.is_ipv4() { 32 } else { 64 }).ok()?.trunc())
    };
    let prefix = address(text).or_else(|| text.parse::<IpNet>().ok().map(|prefix| prefix.trunc()));
    let Some(prefix) = prefix else { return Err(format!("`{text}` is no address and no prefix")) };
    let (four, six) = WIDEST;
    let widest = if prefix.addr().is_ipv4() { four } else { six };
    if prefix.prefix_len() < widest {
        return Err(format!("`{prefix}` is too much: /{widest} is the widest"));
    }
    if !is_public(prefix.network()) || !is_public(prefix.broadcast()) {
        return Err(format!("`{prefix}` is inside: only what is out on the internet is blocked"));
    }
    Ok(prefix)
}

impl App {
    pub(crate) async fn read_blocked(&self) -> Result<(), Error> {
        let rows = self.store.blocked_addresses(self.now()).await?;
        self.blocked.put(rows.iter().filter_map(|(prefix, until)| Some((prefix.parse().ok()?, *until))).collect());
        Ok(())
    }

    /// Whether an address is refused now.
    pub(crate) fn is_blocked(&self, address: Option<IpAddr>) -> bool {
        address.is_some_and(|address| self.blocked.has(address, self.now()))
    }

    /// What has an address or prefix refused, and what is told of it. Addresses are personal, and stand apart.
    pub(in crate::app) fn address_blocked(&self, prefix: IpNet, ends_at: Timestamp) -> (Change, Event) {
        let event = self
            .event(EventKind::AddressBlocked, None, About::default())
            .with("until", ends_at.to_string())
            .detailed(self.details([("address", prefix.to_string())]));
        (Change::BlockAddress { prefix: prefix.to_string(), at: self.now(), ends_at }, event)
    }

    /// Those that are refused now, with when that ends.
    pub(crate) async fn blocked_addresses(&self) -> Result<Vec<(String, Timestamp)>, Error> {
        Ok(self.store.blocked_addresses(self.now()).await?)
    }

    /// Has an address or prefix refused no more.
    pub(crate) async fn unblock_address(&self, actor: &Actor, text: &str) -> Result<(), Error> {
        let prefix = prefix_of(text).map_err(|why| Error::invalid("/address", why))?;
        let event = self
            .event(EventKind::AddressUnblocked, Some(actor), About::default())
            .with("reason", "requested")
            .detailed(self.details([("address", prefix.to_string())]));
        let change = Change::UnblockAddress { prefix: prefix.to_string(), at: self.now() };
        match self.commit(change, event).await? {
            Effect::Applied => self.read_blocked().await,
            _ => Err(Error::NotFound("blocked address")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_or_too_much_is_never_blocked() {
        for text in [
            "127.0.0.1",
            "::1",
            "10.0.0.0/16",
            "192.168.1.1",
            "169.254.1.1",
            "fe80::1",
            "fc00::/32",
            "0.0.0.0/0",
            "::/0",
            "8.0.0.0/8",
            "::ffff:127.0.0.1",
            "here",
        ] {
            assert!(prefix_of(text).is_err(), "{text}");
        }
        for (text, kept) in [
            ("8.8.8.8", "8.8.8.8/32"),
            ("8.8.8.8/24", "8.8.8.0/24"),
            ("::ffff:8.8.8.8", "8.8.8.8/32"),
            ("2a00:1450:4001::/48", "2a00:1450:4001::/48"),
        ] {
            assert_eq!(prefix_of(text).map(|prefix| prefix.to_string()), Ok(kept.to_owned()), "{text}");
        }
    }

    #[test]
    fn an_address_is_refused_until_its_time_however_it_is_written() {
        let blocked = Blocked::default();
        let until = Timestamp::from_unix_millis(5);
        blocked.put(vec![(prefix_of("8.8.8.0/24").unwrap(), until)]);
        let (before, after) = (Timestamp::from_unix_millis(4), until);
        for (address, now, is_blocked) in [
            ("8.8.8.1", before, true),
            ("::ffff:8.8.8.1", before, true),
            ("8.8.9.1", before, false),
            ("8.8.8.1", after, false),
        ] {
            assert_eq!(blocked.has(address.parse().unwrap(), now), is_blocked, "{address}");
        }
    }
}
