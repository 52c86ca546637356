//! What signals are worked out against beside the user's own history.

use std::net::IpAddr;
use std::sync::Arc;

use crate::{Assessment, Crowd, Geo, History, Lists, Location, NetworkKind, Networks, Nowhere, Observation, Settings};

/// Databases, lists, counters and settings. Each part is behind an [`Arc`]: whoever reads a file again makes a new world with the
/// other parts of the old one, and puts it in the old one's place at once.
#[derive(Debug, Clone)]
pub struct World {
    /// Where addresses are.
    pub geo: Arc<Geo>,
    /// What kind of network is which.
    pub networks: Arc<Networks>,
    /// Lists of addresses.
    pub lists: Arc<Lists>,
    /// Who came from one address lately. The one thing in here that changes.
    pub crowd: Arc<Crowd>,
    /// Weights and thresholds.
    pub settings: Settings,
}

impl World {
    /// A world of nothing but settings: no databases, no lists, an empty crowd with this seed.
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self {
            geo: Arc::default(),
            networks: Arc::default(),
            lists: Arc::default(),
            crowd: Arc::new(Crowd::new(seed)),
            settings,
        }
    }

    /// Counts who comes from where: once for each log-in that is tried, before it is assessed.
    ///
    /// Only strangers to their surroundings are counted: users who were seen neither on this device nor in this place before. The
    /// people of an office or behind a carrier's address are known there, so that they can be as many as they are.
    pub fn note(&self, observation: &Observation<'_>, history: &History) {
        let known_device =
            observation.device.is_some_and(|device| history.knows_device(device, observation.at) == Some(true));
        let Some(address) = observation.address.filter(|_| !known_device) else { return };
        let known_place =
            self.locate(Some(address)).is_ok_and(|location| history.knows_place(&location, observation.at));
        if !known_place {
            self.crowd.note(address, observation.user, observation.at);
        }
    }

    /// Works out every signal, and what they amount to.
    pub fn assess<'a>(&'a self, observation: &Observation<'a>, history: &History) -> Assessment<'a> {
        Assessment::of(crate::signals(observation, history, self), self.settings.thresholds)
    }

    /// Where an address is, with what is known of its network.
    pub(crate) fn locate(&self, address: Option<IpAddr>) -> Result<Location<'_>, Missing> {
        let mut location = self.geo.locate(address.ok_or(Missing::Address)?).map_err(Missing::Location)?;
        let said = location.network.and_then(|network| self.networks.kind(network));
        location.kind = said.unwrap_or(location.kind);
        Ok(location)
    }
}

/// Why it is not known where somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Nobody said which address they come from.
    Address,
    /// It is not known where the address is.
    Location(Nowhere),
}

impl Location<'_> {
    /// Whether it says nothing of where people are.
    pub(crate) fn is_hidden(&self) -> bool {
        self.kind == NetworkKind::Vpn
    }
}
