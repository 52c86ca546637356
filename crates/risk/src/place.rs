//! Where something is, as far as an address tells it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ramp::whole;

/// The mean radius of the earth in km (IUGG R₁).
const EARTH_RADIUS: f64 = 6371.0;

/// How far off a mobile carrier's coordinates may be on top of what the database says, in km: they are those of where the carrier meets
/// the internet.
pub(crate) const MOBILE_SLACK: f64 = 500.0;

/// A country by its ISO 3166-1 code of two letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Country([u8; 2]);

impl Country {
    /// The country of this code; nothing if it is no two capital letters.
    pub fn from_code(code: &str) -> Option<Self> {
        let code: [u8; 2] = code.as_bytes().try_into().ok()?;
        code.iter().all(u8::is_ascii_uppercase).then_some(Self(code))
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.0).unwrap_or("??"))
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What is known of where an address is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Location<'a> {
    /// The country.
    pub country: Option<Country>,
    /// The city.
    pub city: Option<City<'a>>,
    /// The number of the network that announces the address (autonomous system, RFC 4271).
    pub network: Option<u32>,
    /// What kind of network that is.
    pub kind: NetworkKind,
    /// The coordinates.
    pub point: Option<Point>,
}

/// A city.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct City<'a> {
    /// What it is told apart by: `GeoNames`' number, or a hash of the name where there is none.
    pub mark: u32,
    /// Its name, for people.
    pub name: &'a str,
}

/// What a network says about where its people are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum NetworkKind {
    /// Nothing else is known of it, so its addresses are taken for where people are.
    #[default]
    Ordinary,
    /// A mobile carrier: people are in that country, and addresses hop between cities.
    Mobile,
    /// A VPN, proxy, relay or data centre: it says nothing of where people are.
    Vpn,
}

/// A point on the earth, and how far off it may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    latitude: f64,
    longitude: f64,
    radius: f64,
}

impl Point {
    /// A point from degrees, and how far off it may be in km. Nothing if that is no point on the earth.
    pub fn new(latitude: f64, longitude: f64, radius: f64) -> Option<Self> {
        let is_one = (-90.0..=90.0).contains(&latitude)
            && (-180.0..=180.0).contains(&longitude)
            && (0.0..=20_000.0).contains(&radius);
        is_one.then_some(Self { latitude, longitude, radius })
    }

    /// How far off the point may be, in km.
    pub fn radius(self) -> f64 {
        self.radius
    }

    /// The same point, `by` km less sure.
    pub(crate) fn widened(self, by: f64) -> Self {
        Self { radius: self.radius + by, ..self }
    }

    /// The great-circle distance in km, by the haversine formula.
    pub fn distance(self, other: Self) -> f64 {
        let (a, b) = (self.latitude.to_radians(), other.latitude.to_radians());
        let across = (other.longitude - self.longitude).to_radians();
        let h = ((b - a) / 2.0).sin().powi(2) + a.cos() * b.cos() * (across / 2.0).sin().powi(2);
        2.0 * EARTH_RADIUS * h.sqrt().clamp(0.0, 1.0).asin()
    }

    /// As it is kept: to half a degree, which is up to 40 km off.
    pub(crate) fn coarse(self) -> Coarse {
        let radius = u16::try_from(whole(self.radius + ROUNDING)).unwrap_or(u16::MAX);
        Coarse { latitude: half_degrees(self.latitude), longitude: half_degrees(self.longitude), radius }
    }
}

/// How far off a point is at most once it is rounded to half a degree, in km.
const ROUNDING: f64 = 40.0;

/// A point as it is kept of people: in half degrees, with a radius in km that allows for the rounding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Coarse {
    latitude: i16,
    longitude: i16,
    radius: u16,
}

impl Coarse {
    /// As a point; nothing if it is none, which only bytes from elsewhere can bring about.
    pub(crate) fn point(self) -> Option<Point> {
        Point::new(f64::from(self.latitude) / 2.0, f64::from(self.longitude) / 2.0, f64::from(self.radius.min(20_000)))
    }
}

#[allow(clippy::cast_possible_truncation, reason = "degrees lie within ±180")]
fn half_degrees(degrees: f64) -> i16 {
    (degrees * 2.0).round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_of_the_atlas() {
        let berlin = Point::new(52.52, 13.405, 10.0).unwrap();
        let new_york = Point::new(40.7128, -74.006, 10.0).unwrap();
        let sydney = Point::new(-33.8688, 151.2093, 10.0).unwrap();
        assert!((berlin.distance(new_york) - 6385.0).abs() < 10.0, "{}", berlin.distance(new_york));
        assert!((berlin.distance(sydney) - 16_090.0).abs() < 30.0, "{}", berlin.distance(sydney));
    }

    #[test]
    fn the_date_line_is_no_distance() {
        let fiji = |longitude| Point::new(-17.0, longitude, 0.0).unwrap();
        assert!(fiji(179.9).distance(fiji(-179.9)) < 25.0);
    }

    #[test]
    fn what_is_no_point_on_the_earth_is_none() {
        assert_eq!(Point::new(91.0, 0.0, 0.0), None);
        assert_eq!(Point::new(0.0, f64::NAN, 0.0), None);
        assert_eq!(Point::new(0.0, 0.0, -1.0), None);
    }

    #[test]
    fn a_country_is_two_capital_letters() {
        assert_eq!(Country::from_code("DE").map(|c| c.to_string()).as_deref(), Some("DE"));
        assert_eq!(Country::from_code("de"), None);
        assert_eq!(Country::from_code("DEU"), None);
    }
}
