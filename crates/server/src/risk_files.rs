//! What a server starts with to tell signals of risk by.

use std::sync::Arc;

use domain::Entropy;
use risk::{Geo, List, ListKind, Lists, Networks, World};
use serde::{Deserialize, Serialize};

/// From which score on risk is medium, and from which high.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskThresholds {
    /// Few are asked.
    Relaxed,
    /// Whoever comes on a new device or from a new country is.
    #[default]
    Standard,
    /// Nearly everything out of the ordinary is asked about.
    Strict,
}

/// A file by its name.
pub type NamedFile = (String, Vec<u8>);

/// Files that say where addresses are and what is known of them, and thresholds.
#[derive(Debug, Default)]
pub struct RiskFiles {
    /// Databases of addresses in MaxMind's format.
    pub geo: Vec<NamedFile>,
    /// Kinds of networks.
    pub networks: Option<NamedFile>,
    /// Addresses that are known for bad.
    pub block_lists: Vec<NamedFile>,
    /// Addresses that are trusted.
    pub allow_lists: Vec<NamedFile>,
    /// Where the bands of the score begin.
    pub thresholds: RiskThresholds,
}

/// What signals of risk are told by, understood as a whole.
#[derive(Debug)]
pub struct RiskWorld(pub(crate) World);

impl RiskWorld {
    /// Reads files. A database of addresses is tried as a whole, which takes some tenths of a second.
    ///
    /// # Errors
    /// What is wrong with the first that does not hold: the file, the line where it has lines, and what would be right.
    pub fn read(files: RiskFiles) -> Result<Self, String> {
        let mut seed = [0; 8];
        crate::OsEntropy.fill(&mut seed);
        let thresholds = match files.thresholds {
            RiskThresholds::Relaxed => risk::Thresholds::RELAXED,
            RiskThresholds::Standard => risk::Thresholds::STANDARD,
            RiskThresholds::Strict => risk::Thresholds::STRICT,
        };
        let settings = risk::Settings { thresholds, ..risk::Settings::default() };
        let mut world = World::new(settings, u64::from_ne_bytes(seed));
        world.geo = Arc::new(Geo::read(files.geo).map_err(|error| error.to_string())?);
        if let Some((name, bytes)) = files.networks {
            world.networks = Arc::new(Networks::read(&name, &bytes).map_err(|error| error.to_string())?);
        }
        let blocked = files.block_lists.into_iter().map(|file| (ListKind::Block, file));
        let allowed = files.allow_lists.into_iter().map(|file| (ListKind::Allow, file));
        let lists = blocked.chain(allowed).map(|(kind, (name, bytes))| {
            List::read(stem(&name), kind, &name, &bytes).map_err(|error| error.to_string())
        });
        world.lists = Arc::new(Lists::new(lists.collect::<Result<_, _>>()?));
        Ok(Self(world))
    }

    /// With nothing to go by: no databases and no lists.
    pub fn bare() -> Self {
        Self(World::new(risk::Settings::default(), 0))
    }
}

/// What explanations call a list: its file's name, without folder and ending.
fn stem(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.split_once('.').map_or(file, |(stem, _)| stem)
}
