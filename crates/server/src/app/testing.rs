//! Moving the clock, on a store that was made for that.

use std::time::Duration;

use domain::Timestamp;
use vault_proto::Verb;

use super::{App, Error};

/// How the clock is to be moved.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Move {
    /// Time passes.
    Advance(Duration),
    /// The clock is set wrong, by this many milliseconds.
    Jump(i64),
}

impl App {
    /// Moves the clock of server and vault.
    pub(crate) async fn move_clock(&self, by: Move) -> Result<Timestamp, Error> {
        let clock = self.settings.movable_clock.as_ref().ok_or(Error::NotFound("route"))?;
        let (by_millis, passed) = match by {
            Move::Advance(span) => (i64::try_from(span.as_millis()).unwrap_or(i64::MAX), true),
            Move::Jump(by_millis) => (by_millis, false),
        };
        self.vault.ask(|| Verb::MoveClock { by_millis, passed }).await?;
        clock.shift(by_millis);
        Ok(self.now())
    }
}
