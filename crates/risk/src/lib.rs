//! The signals that step-up decisions go by: what speaks for it that somebody is not who they say.
//!
//! An [`Observation`] is one moment of one user. Against the user's [`History`] and the [`World`] it makes
//! [`Signal`]s, each with a value, a weight and an explanation in plain words, and these make an [`Assessment`] with a score and a
//! [`Band`]. Afterwards [`History::after`] makes the history that is kept.
//!
//! ```
//! use risk::{History, Observation, Outcome, Session, Settings, World};
//!
//! let world = World::new(Settings::default(), 0x5eed);
//! let observation = Observation {
//!     user: domain::UserId::from_uuid(uuid::Uuid::from_u128(1)),
//!     at: domain::Timestamp::from_unix_millis(1_800_000_000_000),
//!     device: None,
//!     address: None,
//!     agent: None,
//!     session: Session::Begins,
//!     own: &[],
//! };
//! let history = History::from_bytes(&[])?;
//! world.note(&observation, &history);
//! let assessment = world.assess(&observation, &history);
//! assert!(assessment.score_at_worst > assessment.score, "nothing is known, and that is not fine");
//! let kept = history.after(&observation, Outcome::Trusted, &world).to_bytes();
//! # assert!(History::from_bytes(&kept).is_ok());
//! # Ok::<(), risk::InvalidHistory>(())
//! ```
//!
//! Nothing here does I/O or reads a clock: files are handed in as bytes, and time with the observation. Evaluating takes one
//! allocation, and one lock for as long as eight numbers are compared. What each signal's formula is stands at its function in
//! `signals`, and for operators in docs/guide/risk.md.

mod agent;
mod crowd;
mod geo;
mod history;
mod lines;
mod lists;
mod networks;
mod observation;
mod place;
mod ramp;
mod reason;
mod score;
mod signals;
mod world;

pub use agent::{Agent, Family, System};
pub use crowd::Crowd;
pub use geo::{Geo, GeoError, Nowhere};
pub use history::{History, InvalidHistory, Outcome};
pub use lines::LineError;
pub use lists::{List, ListKind, Lists};
pub use networks::Networks;
pub use observation::{InvalidOwnSignal, OWN_SIGNALS, Observation, OwnSignal, Session};
pub use place::{City, Country, Location, NetworkKind, Point};
pub use reason::Reason;
pub use score::{Assessment, Band, InvalidSetting, Settings, Thresholds, Weights};
pub use signals::{Name, Signal, signals};
pub use world::{Missing, World};
