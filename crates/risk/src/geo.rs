//! Where addresses are, from databases in MaxMind's format: <https://maxmind.github.io/MaxMind-DB/>.

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;

use maxminddb::{MaxMindDbError, Reader, WithinOptions};
use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use crate::{City, Country, Location, NetworkKind, Point};

/// How far off a city's coordinates are taken to be where the database does not say, in km.
const USUAL_RADIUS: f64 = 100.0;

/// Databases of where addresses are. Several are looked into one after the other (cities in one file and networks in
/// another, say), and the first that knows something counts.
#[derive(Default)]
pub struct Geo(Vec<Database>);

struct Database {
    name: String,
    reader: Reader<Vec<u8>>,
}

/// A file that is no database, or a damaged one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {message}")]
pub struct GeoError {
    /// The file's name, as it was given.
    pub file: String,
    /// What is wrong, and what to do.
    pub message: String,
}

/// Why nothing is known of where an address is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nowhere {
    /// There is no database.
    NoDatabase,
    /// No database speaks of the address.
    NotListed,
    /// A database cannot be read there.
    Unreadable,
}

impl Geo {
    /// Reads databases from the bytes of files, each with its name. Every entry is looked at, which takes some tenths of a second: a
    /// database that is damaged where it will be read is refused here, and not found out when somebody logs in.
    ///
    /// # Errors
    ///
    /// The first file that is no database or a damaged one.
    pub fn read(files: Vec<(String, Vec<u8>)>) -> Result<Self, GeoError> {
        let databases = files.into_iter().map(|(name, bytes)| {
            let reader = Reader::from_source(bytes).and_then(|reader| try_every_entry(&reader).map(|()| reader));
            reader.map(|reader| Database { name: name.clone(), reader }).map_err(|error| GeoError::of(name, &error))
        });
        databases.collect::<Result<_, _>>().map(Self)
    }

    /// What is known of where an address is.
    ///
    /// # Errors
    ///
    /// [`Nowhere`] says why nothing is.
    pub fn locate(&self, address: IpAddr) -> Result<Location<'_>, Nowhere> {
        if self.0.is_empty() {
            return Err(Nowhere::NoDatabase);
        }
        let address = address.to_canonical();
        let mut found = Err(Nowhere::NotListed);
        for database in &self.0 {
            // A database of IPv4 alone has an error for IPv6: it knows nothing of such addresses, and is not damaged.
            if address.is_ipv6() && database.reader.metadata().ip_version == 4 {
                continue;
            }
            match database.reader.lookup(address).and_then(|result| result.decode::<Record<'_>>()) {
                Ok(Some(record)) => found = Ok(record.added_to(found.unwrap_or_default())),
                Ok(None) => {}
                Err(_) => found = found.or(Err(Nowhere::Unreadable)),
            }
        }
        found
    }
}

/// Reads every entry once, though many addresses have it. `Reader::verify` would be in the way: it asks for a description, say, which good
/// databases do without.
fn try_every_entry(reader: &Reader<Vec<u8>>) -> Result<(), MaxMindDbError> {
    let mut tried = HashSet::new();
    for entry in reader.networks(WithinOptions::default())? {
        let entry = entry?;
        if entry.offset().is_some_and(|offset| tried.insert(offset)) {
            entry.decode::<Record<'_>>()?;
        }
    }
    Ok(())
}

impl fmt::Debug for Geo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|database| &database.name)).finish()
    }
}

impl GeoError {
    fn of(file: String, error: &MaxMindDbError) -> Self {
        Self { file, message: format!("is no whole database in MaxMind's format ({error}): get the file again") }
    }
}

/// What is read of an entry: the fields of MaxMind's City, Country, ASN, Anonymous IP and Connection Type databases, and those of the flat
/// ones that name a country and a city by themselves.
#[allow(clippy::struct_excessive_bools, reason = "these are the fields of the database")]
#[derive(Deserialize, Default)]
#[serde(default)]
struct Record<'a> {
    #[serde(borrow)]
    country: CountryRecord<'a>,
    country_code: Option<&'a str>,
    #[serde(borrow)]
    city: CityRecord<'a>,
    location: LocationRecord,
    latitude: Option<f64>,
    longitude: Option<f64>,
    autonomous_system_number: Option<u32>,
    connection_type: Option<&'a str>,
    is_anonymous: bool,
    is_anonymous_vpn: bool,
    is_hosting_provider: bool,
    is_public_proxy: bool,
    is_tor_exit_node: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct CountryRecord<'a> {
    iso_code: Option<&'a str>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct LocationRecord {
    latitude: Option<f64>,
    longitude: Option<f64>,
    accuracy_radius: Option<u16>,
}

/// A city is an object with names in MaxMind's databases, and a text in flat ones.
#[derive(Default)]
struct CityRecord<'a> {
    geoname_id: Option<u32>,
    name: Option<&'a str>,
}

impl<'a> Record<'a> {
    fn added_to(self, known: Location<'a>) -> Location<'a> {
        let coordinates = self.location.latitude.or(self.latitude).zip(self.location.longitude.or(self.longitude));
        let radius = self.location.accuracy_radius.map_or(USUAL_RADIUS, f64::from);
        let point = coordinates.and_then(|(latitude, longitude)| Point::new(latitude, longitude, radius));
        let hidden = self.is_anonymous
            || self.is_anonymous_vpn
            || self.is_hosting_provider
            || self.is_public_proxy
            || self.is_tor_exit_node;
        let kind = match known.kind {
            NetworkKind::Ordinary if hidden => NetworkKind::Vpn,
            NetworkKind::Ordinary if self.connection_type == Some("Cellular") => NetworkKind::Mobile,
            kind => kind,
        };
        let country = self.country.iso_code.or(self.country_code).and_then(Country::from_code);
        Location {
            country: known.country.or(country),
            city: known.city.or(self.city.city()),
            network: known.network.or(self.autonomous_system_number),
            kind,
            point: known.point.or(point),
        }
    }
}

impl<'a> CityRecord<'a> {
    fn city(self) -> Option<City<'a>> {
        let name = self.name.unwrap_or_default();
        let mark = self.geoname_id.or_else(|| (!name.is_empty()).then(|| hash(name)))?;
        Some(City { mark, name: if name.is_empty() { "an unnamed city" } else { name } })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for CityRecord<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CityVisitor)
    }
}

struct CityVisitor;

impl<'de> Visitor<'de> for CityVisitor {
    type Value = CityRecord<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a city")
    }

    fn visit_borrowed_str<E: de::Error>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(CityRecord { geoname_id: None, name: Some(name) })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Names<'a> {
            en: Option<&'a str>,
        }
        let mut city = CityRecord::default();
        while let Some(key) = map.next_key::<&str>()? {
            match key {
                "geoname_id" => city.geoname_id = Some(map.next_value()?),
                "names" => city.name = map.next_value::<Names<'de>>()?.en,
                _ => drop(map.next_value::<de::IgnoredAny>()?),
            }
        }
        Ok(city)
    }
}

/// FNV-1a. It tells cities apart, and guards nothing.
fn hash(name: &str) -> u32 {
    name.bytes().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}
