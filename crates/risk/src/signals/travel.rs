use super::{Judged, Listed};
use crate::place::MOBILE_SLACK;
use crate::ramp::{ramp, whole};
use crate::{History, ListKind, Location, Missing, NetworkKind, Observation, Reason};

/// Speeds in km/h: up to the first all is well (an airliner, with what its passengers need on the ground left out), from the second on nobody travels so.
const AIRLINER: f64 = 900.0;
const NOBODY: f64 = 1800.0;

/// A distance in km that is no travel, whatever the time.
const NEAR: f64 = 100.0;

/// From each point of the last 24 hours: `speed = (great-circle distance − both radii) / time`, and the value rises from 0 at 900 km/h to 1 at 1,800
/// km/h; the worst counts. Less than 100 km beyond the radii is no travel, and less than a minute counts as one. Mobile carriers have 500 km more
/// radius, and what is kept of earlier points has 40 km more for its rounding.
///
/// In a place (city and network) where the user was seen before, the value is half as much, since more than one of a user's places at once
/// is mostly a VPN or relay of theirs that nobody has told us of; and it is 0 if the earlier point was in the same network, since
/// carriers move their people's addresses about.
///
/// Unknown through a VPN, without coordinates, and where the user was seen in the last 24 hours but it is not known where. 0 at an
/// address on an allow list, and where the user was not seen in the last 24 hours.
pub(super) fn impossible_travel<'a>(
    location: &Result<Location<'a>, Missing>,
    listed: Listed<'a>,
    observation: &Observation<'_>,
    history: &History,
) -> Judged<'a> {
    if let Some((list, ListKind::Allow)) = listed {
        return (Some(0.0), Reason::Allowed(list));
    }
    let location = match location {
        Ok(location) => location,
        Err(missing) => return (None, Reason::NoLocation(*missing)),
    };
    if location.is_hidden() {
        return (None, Reason::ThroughVpn);
    }
    let Some(point) = location.point else { return (None, Reason::NoCoordinates) };
    let slack = if location.kind == NetworkKind::Mobile { MOBILE_SLACK } else { 0.0 };
    let is_known_place = history.knows_place(location, observation.at);
    let mut worst: Option<(f64, Reason<'a>)> = None;
    for earlier in history.whereabouts(observation.at) {
        let distance = (point.distance(earlier.point) - point.radius() - earlier.point.radius() - slack).max(0.0);
        let minutes = (f64::from(earlier.seconds) / 60.0).max(1.0);
        let is_same_network = location.network.is_some() && earlier.network == location.network;
        let credence = match (is_known_place, is_same_network) {
            (false, _) => 1.0,
            (true, false) => 0.5,
            (true, true) => 0.0,
        };
        let value = if distance < NEAR { 0.0 } else { credence * ramp(distance * 60.0 / minutes, AIRLINER, NOBODY) };
        if worst.is_none_or(|(so_far, _)| value > so_far) {
            let (kilometres, minutes) = (whole(distance), whole(minutes));
            let reason = if value > 0.0 {
                Reason::TooFast { kilometres, minutes }
            } else if credence == 0.0 {
                Reason::SameNetwork
            } else {
                Reason::FeasibleTravel { kilometres, minutes }
            };
            worst = Some((value, reason));
        }
    }
    match worst {
        Some((value, reason)) => (Some(value), reason),
        None if history.unseen_for(observation.at).is_some_and(|unseen| unseen < 24 * 3600) => {
            (None, Reason::EarlierPointUnknown)
        }
        None => (Some(0.0), Reason::NoEarlierPoint),
    }
}
