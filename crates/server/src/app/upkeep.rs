//! What goes on by itself: deleting what has served its time, making room for events to come, and watching the clock.

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
        if let Err(error) = app.expire_authenticators().await {
            tracing::warn!(%error, "could not have authenticators expire; trying again later");
        }
        make_room(&app).await;
        expire_events(&app).await;
        super::workflows::measure(&app).await;
        super::workflows::measure_each(&app).await;
        super::alerts::measure(&app).await;
        if let Some(post) = &app.post {
            post.sweep(app.now());
        }
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

/// Before events need it, so that no commit waits for it.
async fn make_room(app: &App) {
    if let Err(error) = app.store.make_room(app.now()).await {
        tracing::warn!(%error, "could not make room for the events to come; trying again later");
    }
}

/// Removes events that are not to be kept any longer, a day's at a time, so that few events tell of it.
async fn expire_events(app: &App) {
    let Some(keep) = app.settings.events_retention else { return };
    let before = beginning_of_day(app.now().minus(keep));
    loop {
        let told = app.event(EventKind::EventsExpired, None, About::default()).with("before", before.to_string());
        match app.store.expire_events(before, told).await {
            Ok(0) => return,
            Ok(events) => tracing::info!(events, %before, "removed events that are not kept any longer"),
            Err(error) => {
                tracing::warn!(%error, "could not remove old events; trying again later");
                return;
            }
        }
    }
}

/// When the day began, in UTC.
fn beginning_of_day(at: Timestamp) -> Timestamp {
    const DAY: i64 = 86_400_000;
    let millis = at.unix_millis();
    Timestamp::from_unix_millis(millis - millis.rem_euclid(DAY))
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
