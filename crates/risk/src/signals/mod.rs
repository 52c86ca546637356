//! The signals, a module for each group of them, with its formula.

mod address;
mod agent;
mod device;
mod hour;
mod lately;
mod location;
mod travel;

use serde::{Deserialize, Serialize};

use crate::{History, OWN_SIGNALS, Observation, Reason, World};

/// Our signals by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Name {
    /// A device that this user was not seen on.
    NewDevice,
    /// A country, city or network that this user was not seen in.
    NewLocation,
    /// Farther from where the user just was than anybody travels.
    ImpossibleTravel,
    /// An hour of the day at which this user is not about.
    UnusualHour,
    /// Proofs failed lately.
    FailedAttempts,
    /// An account that was not used for long.
    DormantAccount,
    /// An address on a block list.
    AddressList,
    /// Many users who are new there, from one address.
    CrowdedAddress,
    /// Another browser or system than the session began with.
    UserAgentChanged,
    /// The user reported fraud lately.
    PushFraudReported,
}

impl Name {
    /// All of them, in the order in which they are worked out.
    pub const ALL: [Self; 10] = [
        Self::NewDevice,
        Self::NewLocation,
        Self::ImpossibleTravel,
        Self::UnusualHour,
        Self::FailedAttempts,
        Self::DormantAccount,
        Self::AddressList,
        Self::CrowdedAddress,
        Self::UserAgentChanged,
        Self::PushFraudReported,
    ];

    /// As in configuration, policy and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NewDevice => "new_device",
            Self::NewLocation => "new_location",
            Self::ImpossibleTravel => "impossible_travel",
            Self::UnusualHour => "unusual_hour",
            Self::FailedAttempts => "failed_attempts",
            Self::DormantAccount => "dormant_account",
            Self::AddressList => "address_list",
            Self::CrowdedAddress => "crowded_address",
            Self::UserAgentChanged => "user_agent_changed",
            Self::PushFraudReported => "push_fraud_reported",
        }
    }

    /// How much it counts where configuration says nothing: alone, at its strongest, it makes a score of a hundred times this.
    pub const fn default_weight(self) -> f64 {
        match self {
            Self::UnusualHour => 0.15,
            Self::NewDevice | Self::NewLocation => 0.35,
            Self::DormantAccount => 0.4,
            Self::FailedAttempts => 0.5,
            Self::CrowdedAddress | Self::UserAgentChanged | Self::PushFraudReported => 0.6,
            Self::AddressList => 0.75,
            Self::ImpossibleTravel => 0.8,
        }
    }
}

/// One signal: how strongly it is there, how much that counts, and why.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Signal<'a> {
    /// Ours, or the caller's.
    pub name: &'a str,
    /// From 0 (nothing speaks against it) to 1; nothing if it is unknown.
    pub value: Option<f64>,
    /// From 0 to 1.
    pub weight: f64,
    /// In plain words, by [`std::fmt::Display`].
    pub reason: Reason<'a>,
}

/// Works out every signal: ours in the order of [`Name::ALL`], then the caller's own.
pub fn signals<'a>(observation: &Observation<'a>, history: &History, world: &'a World) -> Vec<Signal<'a>> {
    let location = world.locate(observation.address);
    let listed = observation.address.and_then(|address| world.lists.find(address));
    let judged = [
        device::new_device(observation, history),
        location::new_location(&location, listed, observation, history),
        travel::impossible_travel(&location, listed, observation, history),
        hour::unusual_hour(observation, history),
        lately::failed_attempts(observation, history),
        lately::dormant_account(observation, history),
        address::address_list(observation, listed, world),
        address::crowded_address(observation, listed, world),
        agent::user_agent_changed(observation),
        lately::push_fraud_reported(observation, history),
    ];
    let mut signals = Vec::with_capacity(judged.len() + observation.own.len().min(OWN_SIGNALS));
    signals.extend(Name::ALL.into_iter().zip(judged).map(|(name, (value, reason))| Signal {
        name: name.as_str(),
        value,
        weight: world.settings.weights.of(name),
        reason,
    }));
    signals.extend(observation.own.iter().take(OWN_SIGNALS).map(|own| Signal {
        name: own.name(),
        value: Some(own.value()),
        weight: own.weight(),
        reason: Reason::Own,
    }));
    signals
}

/// A value, or that it is unknown, and why.
type Judged<'a> = (Option<f64>, Reason<'a>);

/// The list that decides about an address.
type Listed<'a> = Option<(&'a str, crate::ListKind)>;
