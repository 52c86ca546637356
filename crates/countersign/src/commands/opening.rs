//! Opening the store itself, for commands that ask no server.

use std::sync::Arc;

use domain::SystemClock;
use store::{OpenError, Store};

use crate::config::{Database, Settings};
use crate::failure::Failure;
use crate::serve_process::{location, open_failure};

/// Opens the store that the settings name, which has to be there.
///
/// # Errors
/// Where there is none, or a server has it.
pub(super) async fn open_store(settings: &Settings) -> Result<Store, Failure> {
    if let Database::Sqlite(path) = &settings.database
        && !path.exists()
    {
        return Err(Failure::no(format!(
            "there is no store at {}: name its folder with --data, or the database with --database",
            path.display()
        )));
    }
    let options = store::Options { location: location(&settings.database), movable_clock: false };
    Store::open(&options, Arc::new(SystemClock)).await.map_err(|error| match &error {
        OpenError::InUse { path } => Failure::unavailable(format!(
            "{} is in use by a server: stop it, run this again, and start it afterwards",
            path.display()
        )),
        error => open_failure(error),
    })
}
