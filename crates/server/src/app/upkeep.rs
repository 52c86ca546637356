//! What goes on by itself: deleting what has served its time, and watching the clock.

use std::sync::Arc;
use std::time::Duration;

use domain::event::About;
use domain::{EventKind, Timestamp};
use store::Change;
use tokio::time::{Instant, MissedTickBehavior};

use super::App;
use super::telling::With;

/// How long what is over stays to be seen.
const KEEP: Duration = Duration::from_hours(24);
/// How often there is a look.
const INTERVAL: Duration = Duration::from_secs(30);
/// A clock that went this much more or less than time did has jumped (T-29).
const JUMP: Duration = Duration::from_secs(90);

/// Looks after the store, the vault's keyring and the clock until the task is ended.
pub(crate) async fn run(app: Arc<App>) {
    let mut ticks = tokio::time::interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = (Instant::now(), app.now());
    loop {
        ticks.tick().await;
        seen = watch_clock(&app, seen).await;
        if let Err(error) = app.vault.refresh().await {
            tracing::warn!(%error, "could not see whether the keys were rotated elsewhere; trying again later");
        }
        sweep(&app).await;
    }
}

async fn sweep(app: &App) {
    loop {
        match app.store.sweep(app.now(), KEEP).await {
            Ok(0) => return,
            Ok(rows) => tracing::debug!(rows, "deleted what was over"),
            Err(error) => {
                tracing::warn!(%error, "could not delete what is over; trying again later");
                return;
            }
        }
    }
}

/// Tells of a clock that went otherwise than time. The vault refuses to check codes meanwhile by itself.
async fn watch_clock(app: &App, (instant, wall): (Instant, Timestamp)) -> (Instant, Timestamp) {
    let (now_instant, now_wall) = (Instant::now(), app.now());
    let passed = i64::try_from((now_instant - instant).as_millis()).unwrap_or(i64::MAX);
    let by_millis = now_wall.unix_millis().saturating_sub(wall.unix_millis()).saturating_sub(passed);
    if by_millis.unsigned_abs() > u64::try_from(JUMP.as_millis()).unwrap_or(u64::MAX)
        && app.settings.movable_clock.is_none()
    {
        tracing::error!(by_millis, "the clock jumped");
        let event = app.event(EventKind::ClockJumped, None, About::default()).with("by_millis", by_millis);
        if let Err(error) = app.commit(Change::Tell, event).await {
            tracing::error!(%error, "could not record that the clock jumped");
        }
    }
    (now_instant, now_wall)
}
