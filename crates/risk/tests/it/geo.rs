//! Databases: what is read of them, and what is wrong with bad ones.

use risk::{Geo, NetworkKind, Nowhere, Point};

use crate::mmdb::{Value, database, of_version};

fn city(code: &str, number: u32, name: &str, latitude: f64, longitude: f64) -> Value {
    Value::Map(vec![
        ("country", Value::Map(vec![("iso_code", Value::Text(code.to_owned()))])),
        (
            "city",
            Value::Map(vec![
                ("geoname_id", Value::U32(number)),
                ("names", Value::Map(vec![("de", Value::Text("x".to_owned())), ("en", Value::Text(name.to_owned()))])),
            ]),
        ),
        (
            "location",
            Value::Map(vec![
                ("accuracy_radius", Value::U16(20)),
                ("latitude", Value::Double(latitude)),
                ("longitude", Value::Double(longitude)),
                ("time_zone", Value::Text("Europe/Berlin".to_owned())),
            ]),
        ),
    ])
}

fn read(databases: Vec<Vec<u8>>) -> Geo {
    let named = databases.into_iter().enumerate().map(|(at, bytes)| (format!("{at}.mmdb"), bytes));
    Geo::read(named.collect()).unwrap()
}

#[test]
fn cities_and_networks_come_from_two_files() {
    let cities = database(&[
        ("192.0.2.0/24".to_owned(), city("DE", 2_950_159, "Berlin", 52.52, 13.405)),
        ("2001:db8::/32".to_owned(), city("FR", 2_988_507, "Paris", 48.85, 2.35)),
    ]);
    let networks = database(&[(
        "192.0.2.0/25".to_owned(),
        Value::Map(vec![
            ("autonomous_system_number", Value::U32(64500)),
            ("autonomous_system_organization", Value::Text("An example of a name that is long".to_owned())),
        ]),
    )]);
    let geo = read(vec![cities, networks]);
    let berlin = geo.locate("192.0.2.7".parse().unwrap()).unwrap();
    assert_eq!(berlin.country.unwrap().to_string(), "DE");
    assert_eq!(berlin.city.map(|city| (city.mark, city.name)), Some((2_950_159, "Berlin")));
    assert_eq!(berlin.network, Some(64500));
    assert_eq!(berlin.point, Point::new(52.52, 13.405, 20.0));
    assert_eq!(geo.locate("192.0.2.200".parse().unwrap()).unwrap().network, None);
    assert_eq!(geo.locate("2001:db8::1".parse().unwrap()).unwrap().city.unwrap().name, "Paris");
    assert_eq!(geo.locate("::ffff:192.0.2.7".parse().unwrap()).unwrap(), berlin);
    assert_eq!(geo.locate("198.51.100.1".parse().unwrap()), Err(Nowhere::NotListed));
}

#[test]
fn a_database_of_ipv4_knows_nothing_of_ipv6_and_is_not_damaged() {
    let geo = read(vec![of_version(4, &[("192.0.2.0/24".to_owned(), city("DE", 1, "Berlin", 52.52, 13.405))])]);
    assert_eq!(geo.locate("192.0.2.7".parse().unwrap()).unwrap().city.unwrap().name, "Berlin");
    assert_eq!(geo.locate("2001:db8::1".parse().unwrap()), Err(Nowhere::NotListed));
}

#[test]
fn flat_databases_are_read_too() {
    let flat = Value::Map(vec![
        ("country_code", Value::Text("AT".to_owned())),
        ("city", Value::Text("Wien".to_owned())),
        ("latitude", Value::Double(48.2)),
        ("longitude", Value::Double(16.37)),
    ]);
    let geo = read(vec![database(&[("192.0.2.0/24".to_owned(), flat)])]);
    let vienna = geo.locate("192.0.2.7".parse().unwrap()).unwrap();
    assert_eq!((vienna.country.unwrap().to_string().as_str(), vienna.city.unwrap().name), ("AT", "Wien"));
    assert_eq!(vienna.point, Point::new(48.2, 16.37, 100.0));
}

#[test]
fn hidden_and_mobile_networks_are_told_by_their_databases() {
    let hidden = Value::Map(vec![("is_anonymous_vpn", Value::Bool(true))]);
    let mobile = Value::Map(vec![("connection_type", Value::Text("Cellular".to_owned()))]);
    let geo = read(vec![database(&[("192.0.2.0/24".to_owned(), hidden), ("198.51.100.0/24".to_owned(), mobile)])]);
    assert_eq!(geo.locate("192.0.2.7".parse().unwrap()).unwrap().kind, NetworkKind::Vpn);
    assert_eq!(geo.locate("198.51.100.7".parse().unwrap()).unwrap().kind, NetworkKind::Mobile);
}

#[test]
fn t14_without_a_database_nothing_is_known() {
    assert_eq!(Geo::default().locate("192.0.2.7".parse().unwrap()), Err(Nowhere::NoDatabase));
}

#[test]
fn t14_what_is_no_database_or_a_damaged_one_is_refused_by_name() {
    let error = Geo::read(vec![("geo/city.mmdb".to_owned(), b"not one".to_vec())]).unwrap_err().to_string();
    assert!(error.starts_with("geo/city.mmdb: is no whole database in MaxMind's format"), "{error}");
    let whole = database(&[("192.0.2.0/24".to_owned(), city("DE", 1, "Berlin", 52.52, 13.405))]);
    for cut in 0..whole.len() - 1 {
        assert!(Geo::read(vec![("x".to_owned(), whole[..cut].to_vec())]).is_err(), "cut at {cut}");
    }
}

#[test]
fn t14_a_database_with_any_byte_changed_answers_or_is_refused_at_once() {
    let whole = database(&[
        ("192.0.2.0/24".to_owned(), city("DE", 1, "Berlin", 52.52, 13.405)),
        ("2001:db8::/32".to_owned(), city("FR", 2, "Paris", 48.85, 2.35)),
    ]);
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 0x41;
        if let Ok(geo) = Geo::read(vec![("x".to_owned(), changed)]) {
            for address in ["192.0.2.7", "2001:db8::1"] {
                assert_ne!(geo.locate(address.parse().unwrap()), Err(Nowhere::Unreadable), "byte {at} was changed");
            }
        }
    }
}
