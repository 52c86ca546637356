//! Plays the scenarios of crates/risk/scenarios, and draws the table of false alarms and misses.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use domain::{DeviceId, Timestamp, UserId};
use risk::{
    Agent, Band, Geo, History, List, ListKind, Lists, Networks, Observation, Outcome, OwnSignal, Session, Settings,
    Thresholds, World,
};
use serde::Deserialize;
use uuid::Uuid;

use crate::mmdb::{Value, database};

/// What scenarios happen in: networks and browsers by name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Surroundings {
    network: BTreeMap<String, Network>,
    agent: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Network {
    cidr: String,
    country: String,
    city: String,
    at: [f64; 2],
    radius: u16,
    number: u32,
    kind: Option<String>,
    list: Option<String>,
}

/// A scenario: what it is, and what happens in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) about: String,
    step: Vec<Step>,
}

/// Something that happens, once or again and again.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    about: String,
    at: Timestamp,
    #[serde(default = "one")]
    repeat: u32,
    #[serde(default)]
    every_minutes: u64,
    #[serde(default = "one")]
    users: u32,
    #[serde(default = "user")]
    user: String,
    device: Option<String>,
    from: Vec<String>,
    agent: Option<String>,
    /// With which browser the session began, if it began earlier.
    began_with: Option<String>,
    #[serde(default)]
    event: Event,
    #[serde(default)]
    by: Who,
    #[serde(default)]
    own: BTreeMap<String, [f64; 2]>,
    /// How many of the repetitions lie in which band with the standard thresholds. What is expected of none is there to learn from.
    expect: Option<BTreeMap<Band, u32>>,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Event {
    #[default]
    Assessed,
    Failed,
    FraudReported,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Who {
    #[default]
    Owner,
    Attacker,
}

fn one() -> u32 {
    1
}

fn user() -> String {
    "ann".to_owned()
}

/// How often what happened, with one set of thresholds.
#[derive(Default, Clone, Copy)]
pub(crate) struct Tally {
    owner: u32,
    asked: u32,
    alarmed: u32,
    attacker: u32,
    missed: u32,
    seen: u32,
}

impl Tally {
    fn count(&mut self, who: Who, band: Band) {
        let (all, medium, high, low) = match who {
            Who::Owner => (&mut self.owner, &mut self.asked, &mut self.alarmed, None),
            Who::Attacker => (&mut self.attacker, &mut 0, &mut self.seen, Some(&mut self.missed)),
        };
        *all += 1;
        *medium += u32::from(band >= Band::Medium);
        *high += u32::from(band == Band::High);
        if let Some(low) = low {
            *low += u32::from(band == Band::Low);
        }
    }

    fn plus(self, other: Self) -> Self {
        Self {
            owner: self.owner + other.owner,
            asked: self.asked + other.asked,
            alarmed: self.alarmed + other.alarmed,
            attacker: self.attacker + other.attacker,
            missed: self.missed + other.missed,
            seen: self.seen + other.seen,
        }
    }
}

/// How a policy reads an assessment.
#[derive(Clone, Copy)]
pub(crate) struct Reading {
    thresholds: Thresholds,
    at_worst: bool,
}

impl Reading {
    pub(crate) fn of(thresholds: Thresholds) -> Self {
        Self { thresholds, at_worst: false }
    }
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios")
}

pub(crate) fn surroundings() -> Surroundings {
    toml::from_str(&std::fs::read_to_string(folder().join("surroundings.toml")).unwrap()).unwrap()
}

/// Each scenario with its name, in the order of the files.
pub(crate) fn scenarios() -> Vec<(String, Scenario)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let named = files.into_iter().filter(|path| path.file_name().unwrap() != "surroundings.toml").map(|path| {
        let text = std::fs::read_to_string(&path).unwrap();
        let scenario = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path.file_stem().unwrap().to_string_lossy().replace('-', " "), scenario)
    });
    named.collect()
}

fn world(surroundings: &Surroundings, thresholds: Thresholds) -> World {
    let entries: Vec<(String, Value)> =
        surroundings.network.values().map(|network| (network.cidr.clone(), network.entry())).collect();
    let mut kinds = String::new();
    let mut lists = Vec::new();
    for network in surroundings.network.values() {
        if let Some(kind) = &network.kind {
            writeln!(kinds, "AS{} {kind}", network.number).unwrap();
        }
        if let Some(list) = &network.list {
            let kind = if list == "block" { ListKind::Block } else { ListKind::Allow };
            lists.push(List::read(list, kind, "surroundings.toml", network.cidr.as_bytes()).unwrap());
        }
    }
    World {
        geo: Arc::new(Geo::read(vec![("surroundings".to_owned(), database(&entries))]).unwrap()),
        networks: Arc::new(Networks::read("surroundings.toml", kinds.as_bytes()).unwrap()),
        lists: Arc::new(Lists::new(lists)),
        ..World::new(Settings { thresholds, ..Settings::default() }, 1)
    }
}

impl Network {
    fn entry(&self) -> Value {
        let [latitude, longitude] = self.at;
        Value::Map(vec![
            ("autonomous_system_number", Value::U32(self.number)),
            ("city", Value::Text(self.city.clone())),
            ("country", Value::Map(vec![("iso_code", Value::Text(self.country.clone()))])),
            (
                "location",
                Value::Map(vec![
                    ("accuracy_radius", Value::U16(self.radius)),
                    ("latitude", Value::Double(latitude)),
                    ("longitude", Value::Double(longitude)),
                ]),
            ),
        ])
    }

    fn address(&self, host: u128) -> std::net::IpAddr {
        match self.cidr.split_once('/').unwrap().0.parse().unwrap() {
            std::net::IpAddr::V4(v4) => (v4.to_bits() + u32::try_from(host).unwrap()).to_be_bytes().into(),
            std::net::IpAddr::V6(v6) => (v6.to_bits() + host).to_be_bytes().into(),
        }
    }
}

/// Plays a scenario from its beginning, with an empty world. Calls `each` after each step with what it expects and what came out.
pub(crate) fn play(
    surroundings: &Surroundings,
    scenario: &Scenario,
    reading: Reading,
    mut each: impl FnMut(&str, &BTreeMap<Band, u32>, &BTreeMap<Band, u32>, &str),
) -> Tally {
    let world = world(surroundings, reading.thresholds);
    let mut histories: HashMap<UserId, History> = HashMap::new();
    let mut tally = Tally::default();
    for step in &scenario.step {
        let mut bands = BTreeMap::new();
        let mut last = String::new();
        for repetition in 0..step.repeat {
            for number in 0..step.users {
                let (user, band, words) =
                    step.happen(repetition, number, surroundings, reading, &world, &mut histories);
                *bands.entry(band).or_insert(0) += 1;
                if step.expect.is_some() {
                    tally.count(step.by, band);
                }
                last = format!("{user}: {words}");
            }
        }
        if let Some(expected) = &step.expect {
            each(&step.about, expected, &bands, &last);
        }
    }
    tally
}

impl Step {
    fn happen(
        &self,
        repetition: u32,
        number: u32,
        surroundings: &Surroundings,
        reading: Reading,
        world: &World,
        histories: &mut HashMap<UserId, History>,
    ) -> (UserId, Band, String) {
        let named = |name: &str| named(&name.replace("{n}", &number.to_string()));
        let user = UserId::from_uuid(named(&self.user));
        let after = Duration::from_secs(u64::from(repetition) * self.every_minutes * 60 + u64::from(number) * 5);
        let from = &self.from[(repetition as usize + number as usize) % self.from.len()];
        // `network#n` is one address for each user, `network` the same for all.
        let (network, host) =
            from.strip_suffix("#n").map_or((from.as_str(), 1), |network| (network, u128::from(number) + 1));
        let network = surroundings.network.get(network).unwrap_or_else(|| panic!("there is no network {network}"));
        let agent = |name: &String| Agent::of(&surroundings.agent[name]);
        let own: Vec<OwnSignal> =
            self.own.iter().map(|(name, [value, weight])| OwnSignal::new(name, *value, *weight).unwrap()).collect();
        let observation = Observation {
            user,
            at: self.at.plus(after),
            device: self.device.as_deref().map(|device| DeviceId::from_uuid(named(device))),
            address: Some(network.address(host)),
            agent: self.agent.as_ref().map(agent),
            session: self.began_with.as_ref().map_or(Session::Begins, |name| Session::BeganWith(Some(agent(name)))),
            own: &own,
        };
        let history = histories.entry(user).or_default();
        if observation.session == Session::Begins && self.event == Event::Assessed {
            world.note(&observation, history);
        }
        let assessment = world.assess(&observation, history);
        let band = if reading.at_worst { assessment.band_at_worst } else { assessment.band };
        let outcome = match (self.event, self.by) {
            (Event::Failed, _) => Outcome::Failed,
            (Event::FraudReported, _) => Outcome::FraudReported,
            // Whoever is asked proves it, if they can.
            (Event::Assessed, Who::Attacker) if band > Band::Low => Outcome::Failed,
            (Event::Assessed, _) => Outcome::Trusted,
        };
        let next = history.after(&observation, outcome, world);
        // As a store does between two of them.
        *history = History::from_bytes(&next.to_bytes()).unwrap();
        let loud =
            assessment.signals.iter().filter(|signal| signal.value != Some(0.0)).fold(String::new(), |all, signal| {
                let value = signal.value.map_or("unknown".to_owned(), |value| format!("{value:.2}"));
                format!("{all}\n    {} {value}: {}", signal.name, signal.reason)
            });
        (user, band, format!("{:.0} ({:.0} at worst){loud}", assessment.score, assessment.score_at_worst))
    }
}

fn named(name: &str) -> Uuid {
    // FNV-1a, twice over: the same name is the same id.
    let hash = |seed: u64| name.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    Uuid::from_u64_pair(hash(0xcbf2_9ce4_8422_2325), hash(0x9e37_79b9_7f4a_7c15))
}

/// The table, as the guide shows it.
pub(crate) fn table() -> String {
    let surroundings = surroundings();
    let [relaxed, standard, strict] = [Thresholds::RELAXED, Thresholds::STANDARD, Thresholds::STRICT].map(Reading::of);
    let readings = [relaxed, standard, strict, Reading { at_worst: true, ..standard }];
    let mut table =
        "| scenario | the user | somebody else | relaxed | standard | strict | standard, at worst |\n|---|--:|--:|---|---|---|---|\n"
            .to_owned();
    let mut sums = [Tally::default(); 4];
    for (name, scenario) in scenarios() {
        let tallies = readings.map(|reading| play(&surroundings, &scenario, reading, |_, _, _, _| ()));
        table += &row(&name, &tallies);
        for (sum, tally) in sums.iter_mut().zip(tallies) {
            *sum = sum.plus(tally);
        }
    }
    table + &row("**all**", &sums)
}

fn row(name: &str, tallies: &[Tally; 4]) -> String {
    let cells: Vec<String> = tallies.iter().map(Tally::cell).collect();
    let [first, ..] = tallies;
    format!("| {name} | {} | {} | {} |\n", first.owner, first.attacker, cells.join(" | "))
}

impl Tally {
    fn cell(&self) -> String {
        let mut parts = Vec::new();
        if self.owner > 0 {
            parts.push(match (self.asked, self.alarmed) {
                (0, _) => "nobody asked".to_owned(),
                (asked, 0) => format!("{asked} asked"),
                (asked, high) => format!("{asked} asked, {high} of them at high"),
            });
        }
        if self.attacker > 0 {
            parts.push(match (self.missed, self.seen) {
                (0, high) if high == self.attacker => "none missed, all at high".to_owned(),
                (0, high) => format!("none missed, {high} at high"),
                (missed, high) => format!("**{missed} missed**, {high} at high"),
            });
        }
        parts.join("; ")
    }
}
