//! Why a signal is what it is, in plain words.

use std::fmt;

use crate::{Agent, Country, Missing, Nowhere};

/// Why a signal is what it is. In words by [`fmt::Display`], which are made only where somebody reads them.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(missing_docs, reason = "each says in words what it is, right below")]
pub enum Reason<'a> {
    KnownDevice,
    NewDevice,
    FirstDevice,
    NewAgent(Agent),
    CommonAgent(Agent),
    NoDevice,
    NoLocation(Missing),
    NoCountry,
    NoCoordinates,
    Allowed(&'a str),
    KnownVpn,
    NewVpn,
    ThroughVpn,
    KnownPlace,
    FirstPlace(Country),
    NewCountry(Country),
    NewCity(&'a str, Country),
    NewNetwork(u32),
    NewCityAndNetwork(&'a str, Country, u32),
    TooFast { kilometres: u32, minutes: u32 },
    FeasibleTravel { kilometres: u32, minutes: u32 },
    SameNetwork,
    NoEarlierPoint,
    EarlierPointUnknown,
    HoursNotLearned { log_ins: u32, days: u16 },
    UsualHour { hour: usize },
    UnusualHour { hour: usize, percent: u32 },
    Failures(u32),
    NeverSeen,
    UnseenFor { days: u32 },
    Blocked(&'a str),
    OnNoList(usize),
    Strangers(u32),
    SessionBegins,
    SameAgent,
    AgentChanged { then: Agent, now: Agent },
    AgentNotTold,
    FraudReported { days: u32 },
    NoFraudReported,
    Own,
}

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KnownDevice => f.write_str("the user was seen on this device before"),
            Self::NewDevice => f.write_str("the user was not seen on this device in the last 180 days"),
            Self::FirstDevice => f.write_str("this is the first device that the user is seen on"),
            Self::NewAgent(agent) => write!(f, "the user was not seen with {agent} in the last 180 days"),
            Self::CommonAgent(agent) => {
                write!(f, "it is not told which device this is, and {agent} is too common to tell")
            }
            Self::NoDevice => f.write_str("it is not told which device this is"),
            Self::Allowed(list) => write!(f, "the address is on the allow list {list}"),
            Self::Blocked(list) => write!(f, "the address is on the block list {list}"),
            Self::OnNoList(lists) => write!(f, "the address is on none of {lists} lists"),
            Self::Failures(count) => write!(f, "{count} failed attempts lately, older ones counted less"),
            Self::NeverSeen => f.write_str("the user was never seen before"),
            Self::UnseenFor { days } => write!(f, "the user was last seen {days} days ago"),
            Self::Strangers(count) => {
                write!(
                    f,
                    "{count} users came from this address in the last half hour who are new there and on their device"
                )
            }
            Self::SessionBegins => f.write_str("the session begins here"),
            Self::SameAgent => f.write_str("browser and system are those that the session began with"),
            Self::AgentChanged { then, now } => write!(f, "the session began with {then}, and now it is {now}"),
            Self::AgentNotTold => {
                f.write_str("it is not told with which browser the session began, or which it is now")
            }
            Self::FraudReported { days } => {
                write!(f, "{days} days ago the user said of a request that it was somebody else's")
            }
            Self::NoFraudReported => f.write_str("the user reported no fraud in the last 14 days"),
            Self::Own => f.write_str("the application says so"),
            _ => self.of_place_and_time(f),
        }
    }
}

impl Reason<'_> {
    fn of_place_and_time(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLocation(missing) => write!(f, "{missing}"),
            Self::NoCountry => f.write_str("the database does not say in which country the address is"),
            Self::NoCoordinates => f.write_str("the database has no coordinates for the address"),
            Self::KnownVpn => f.write_str("through a VPN that the user was seen with before"),
            Self::NewVpn => f.write_str("through a VPN that the user was not seen with in the last 180 days"),
            Self::ThroughVpn => f.write_str("through a VPN, which does not tell where the user is"),
            Self::KnownPlace => f.write_str("the user was seen in this place before"),
            Self::FirstPlace(country) => write!(f, "this is the first place that the user is seen in: {country}"),
            Self::NewCountry(country) => write!(f, "the user was not seen in {country} in the last 180 days"),
            Self::NewCity(city, country) => {
                write!(f, "the user was not seen in {city}, {country}, in the last 180 days")
            }
            Self::NewNetwork(number) => {
                write!(f, "the user was not seen in the network AS{number} in the last 180 days")
            }
            Self::NewCityAndNetwork(city, country, number) => {
                write!(f, "the user was seen neither in {city}, {country}, nor in AS{number} in the last 180 days")
            }
            Self::TooFast { kilometres, minutes } => {
                write!(f, "{kilometres} km from where the user was {minutes} minutes ago, at the least")
            }
            Self::FeasibleTravel { kilometres, minutes } => {
                write!(f, "{kilometres} km in {minutes} minutes, which can be travelled")
            }
            Self::SameNetwork => f.write_str("a place of the user's, in the network that they were in a moment ago"),
            Self::NoEarlierPoint => f.write_str("the user was not seen in the last 24 hours, so can be anywhere"),
            Self::EarlierPointUnknown => f.write_str("it is not known where the user was in the last 24 hours"),
            Self::HoursNotLearned { log_ins, days } => {
                write!(f, "{log_ins} log-ins on {days} days are too few to say which hours are usual")
            }
            Self::UsualHour { hour } => write!(f, "the user is often about at {hour}:00 UTC"),
            Self::UnusualHour { hour, percent } => {
                write!(f, "{percent} % of the user's log-ins are around {hour}:00 UTC")
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Address => "it is not told which address this comes from",
            Self::Location(Nowhere::NoDatabase) => "there is no database of where addresses are",
            Self::Location(Nowhere::NotListed) => "no database says where the address is",
            Self::Location(Nowhere::Unreadable) => "the database of where addresses are cannot be read there",
        })
    }
}
