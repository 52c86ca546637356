use super::{Judged, Listed};
use crate::ramp::ramp;
use crate::{ListKind, Missing, Observation, Reason, World};

/// How many strangers at one address are no crowd yet, and how many are one for certain.
const CROWD: (f64, f64) = (5.0, 30.0);

/// 1 at an address on a block list, else 0. Unknown without an address.
pub(super) fn address_list<'a>(observation: &Observation<'_>, listed: Listed<'a>, world: &World) -> Judged<'a> {
    match (observation.address, listed) {
        (None, _) => (None, Reason::NoLocation(Missing::Address)),
        (_, Some((list, ListKind::Block))) => (Some(1.0), Reason::Blocked(list)),
        (_, Some((list, ListKind::Allow))) => (Some(0.0), Reason::Allowed(list)),
        (_, None) => (Some(0.0), Reason::OnNoList(world.lists.len())),
    }
}

/// How many different users came from the address (of IPv6: its /64) in the last 15 to 30 minutes who were seen neither on that device nor in that place
/// before: 0 up to 5, rising to 1 at 30. Unknown without an address; 0 at one on an allow list.
pub(super) fn crowded_address<'a>(observation: &Observation<'_>, listed: Listed<'a>, world: &World) -> Judged<'a> {
    match (observation.address, listed) {
        (None, _) => (None, Reason::NoLocation(Missing::Address)),
        (_, Some((list, ListKind::Allow))) => (Some(0.0), Reason::Allowed(list)),
        (Some(address), _) => {
            let strangers = world.crowd.count(address, observation.at);
            (Some(ramp(f64::from(strangers), CROWD.0, CROWD.1)), Reason::Strangers(strangers))
        }
    }
}
