//! The files by which signals of risk are told, read at the start and again whenever they change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use domain::Entropy;
use risk::{Geo, List, ListKind, Lists, Networks, World};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// How often it is looked whether files changed.
const INTERVAL: Duration = Duration::from_secs(2);

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

/// Files that say where addresses are and what is known of them, and thresholds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct RiskFiles {
    /// Databases of addresses in MaxMind's format.
    pub geo: Vec<PathBuf>,
    /// Kinds of networks.
    pub networks: Option<PathBuf>,
    /// Addresses that are known for bad.
    pub block_lists: Vec<PathBuf>,
    /// Addresses that are trusted.
    pub allow_lists: Vec<PathBuf>,
    /// Where the bands of the score begin.
    pub thresholds: RiskThresholds,
}

/// What signals of risk are told by, understood as a whole.
#[derive(Debug)]
pub struct RiskWorld {
    world: World,
    files: RiskFiles,
    stamps: Vec<Stamp>,
}

/// What a file is known by to be another than before: when it was written, and how long it is.
type Stamp = Option<(SystemTime, u64)>;

impl RiskFiles {
    /// Every file that is read.
    pub fn all(&self) -> impl Iterator<Item = &PathBuf> {
        self.geo.iter().chain(&self.networks).chain(&self.block_lists).chain(&self.allow_lists)
    }

    fn stamps(&self) -> Vec<Stamp> {
        let stamp = |path: &PathBuf| {
            let found = std::fs::metadata(path).ok()?;
            Some((found.modified().ok()?, found.len()))
        };
        self.all().map(stamp).collect()
    }

    /// A world by these files, with what was counted in another.
    fn read(&self, mut world: World) -> Result<World, String> {
        let geo: Vec<_> = self.geo.iter().map(|path| file(path)).collect::<Result<_, _>>()?;
        world.geo = Arc::new(Geo::read(geo).map_err(|error| error.to_string())?);
        if let Some(path) = &self.networks {
            let (name, bytes) = file(path)?;
            world.networks = Arc::new(Networks::read(&name, &bytes).map_err(|error| error.to_string())?);
        }
        let blocked = self.block_lists.iter().map(|path| (ListKind::Block, path));
        let allowed = self.allow_lists.iter().map(|path| (ListKind::Allow, path));
        let lists = blocked.chain(allowed).map(|(kind, path)| {
            let (name, bytes) = file(path)?;
            List::read(stem(&name), kind, &name, &bytes).map_err(|error| error.to_string())
        });
        world.lists = Arc::new(Lists::new(lists.collect::<Result<_, _>>()?));
        Ok(world)
    }
}

impl RiskWorld {
    /// Reads files. A database of addresses is tried as a whole, which takes some tenths of a second.
    ///
    /// # Errors
    /// What is wrong with the first that is missing or does not hold: the file, the line where it has lines, and what would be right.
    /// Without it, signals would be unknown that somebody counts on.
    pub fn open(files: &RiskFiles) -> Result<Self, String> {
        let mut seed = [0; 8];
        crate::OsEntropy.fill(&mut seed);
        let thresholds = match files.thresholds {
            RiskThresholds::Relaxed => risk::Thresholds::RELAXED,
            RiskThresholds::Standard => risk::Thresholds::STANDARD,
            RiskThresholds::Strict => risk::Thresholds::STRICT,
        };
        let settings = risk::Settings { thresholds, ..risk::Settings::default() };
        // Before they are read: what is written meanwhile is another version, and read again.
        let stamps = files.stamps();
        let world = files.read(World::new(settings, u64::from_ne_bytes(seed)))?;
        Ok(Self { world, files: files.clone(), stamps })
    }

    /// With nothing to go by: no databases and no lists.
    pub fn bare() -> Self {
        let world = World::new(risk::Settings::default(), 0);
        Self { world, files: RiskFiles::default(), stamps: Vec::new() }
    }

    /// The world as it is at any time from now on.
    pub(crate) fn watched(self) -> watch::Receiver<Arc<World>> {
        let (sender, receiver) = watch::channel(Arc::new(self.world));
        if !self.stamps.is_empty() {
            tokio::spawn(follow(self.files, self.stamps, sender));
        }
        receiver
    }
}

/// Reads the files again when they change. What does not hold is told of and not used: what was read before goes on.
async fn follow(files: RiskFiles, mut read: Vec<Stamp>, sender: watch::Sender<Arc<World>>) {
    let files = Arc::new(files);
    let mut ticks = tokio::time::interval(INTERVAL);
    let mut before = read.clone();
    while !sender.is_closed() {
        ticks.tick().await;
        let asked = Arc::clone(&files);
        let Ok(present) = tokio::task::spawn_blocking(move || asked.stamps()).await else { continue };
        // What was written a moment ago may not be there as a whole yet: a list of half the addresses is a list as well.
        let settled = std::mem::replace(&mut before, present.clone()) == present;
        if present == read || !settled {
            continue;
        }
        let (asked, world) = (Arc::clone(&files), World::clone(&sender.borrow()));
        let Ok(found) = tokio::task::spawn_blocking(move || asked.read(world)).await else { continue };
        match found {
            Ok(world) => {
                sender.send_replace(Arc::new(world));
                tracing::info!("read the changed files of risk");
            }
            Err(error) => tracing::error!(error, "the changed files of risk cannot be used; the old ones go on"),
        }
        read = present;
    }
}

fn file(path: &Path) -> Result<(String, Vec<u8>), String> {
    let name = path.display().to_string();
    match std::fs::read(path) {
        Ok(bytes) => Ok((name, bytes)),
        Err(error) => Err(format!("{name} cannot be read ({error})")),
    }
}

/// What explanations call a list: its file's name, without folder and ending.
fn stem(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.split_once('.').map_or(file, |(stem, _)| stem)
}
