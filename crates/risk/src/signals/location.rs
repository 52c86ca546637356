use super::{Judged, Listed};
use crate::{History, ListKind, Location, Missing, NetworkKind, Observation, Reason};

/// How new the place is to this user, by the last 180 days:
///
/// | what is new | value |
/// |---|---|
/// | the country, or no place is known of the user yet | 1 |
/// | a VPN that the user was not seen with | 0.8 |
/// | city and network | 0.5 |
/// | the city | 0.25 |
/// | the network; or a VPN that the user was seen with | 0.2 |
/// | nothing | 0 |
///
/// On mobile carriers the city does not count. What the database does not know does not count as new; without a country the signal is
/// unknown. 0 at an address on an allow list.
pub(super) fn new_location<'a>(
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
    let is_known_network = location
        .network
        .is_some_and(|network| history.places(observation.at).any(|place| place.network == Some(network)));
    if location.is_hidden() {
        return if is_known_network { (Some(0.2), Reason::KnownVpn) } else { (Some(0.8), Reason::NewVpn) };
    }
    let Some(country) = location.country else { return (None, Reason::NoCountry) };
    let mut in_country = history.places(observation.at).filter(|place| place.country == Some(country)).peekable();
    if in_country.peek().is_none() {
        let is_first = history.places(observation.at).next().is_none();
        return (Some(1.0), if is_first { Reason::FirstPlace(country) } else { Reason::NewCountry(country) });
    }
    let city = location.city.filter(|_| location.kind == NetworkKind::Ordinary);
    let city = city.filter(|city| !in_country.any(|place| place.city == Some(city.mark)));
    let network = location.network.filter(|_| !is_known_network);
    match (city, network) {
        (Some(city), Some(network)) => (Some(0.5), Reason::NewCityAndNetwork(city.name, country, network)),
        (Some(city), None) => (Some(0.25), Reason::NewCity(city.name, country)),
        (None, Some(network)) => (Some(0.2), Reason::NewNetwork(network)),
        (None, None) => (Some(0.0), Reason::KnownPlace),
    }
}
