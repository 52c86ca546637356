//! Waking up whoever waits for something to happen to a user: an app that follows its prompts, a page that waits for an answer.
//!
//! What happened is in the event log, which every server reads as it grows, whichever of them wrote it; so nobody has to be told by
//! another server. Only who waits here is woken, and looks for itself.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{EventKind, UserId};
use store::StoreError;
use tokio::sync::Notify;
use uuid::Uuid;

use super::App;

/// Events that are looked at at a time.
const PART: i64 = 500;
/// How long to wait before the log is read again after it could not be.
const AGAIN: Duration = Duration::from_millis(500);

/// What somebody may be waiting for.
const KINDS: &[EventKind] = &[
    EventKind::PromptCreated,
    EventKind::PromptAnswered,
    EventKind::PromptMismatched,
    EventKind::PromptWithdrawn,
    EventKind::PushDenied,
    EventKind::AuthenticatorLinked,
    EventKind::AuthenticatorActivated,
    EventKind::AuthenticatorVerified,
    EventKind::AuthenticatorFraudReported,
    EventKind::AuthenticatorSuspended,
    EventKind::AuthenticatorRevoked,
    EventKind::AuthenticatorLost,
    EventKind::ChallengeCancelled,
    EventKind::EnrollmentCancelled,
    EventKind::UserSuspended,
    EventKind::UserErased,
];

/// Who waits.
#[derive(Debug, Default)]
pub(crate) struct Wake(Mutex<HashMap<UserId, Vec<Arc<Waiting>>>>);

/// One of those who wait for a user.
#[derive(Debug)]
struct Waiting {
    /// On what: a page, an app.
    on: Uuid,
    notify: Notify,
    replaced: AtomicBool,
}

/// Somebody who waits, until dropped.
#[derive(Debug)]
pub(crate) struct Sleeper {
    user: UserId,
    waiting: Arc<Waiting>,
    wake: Arc<Wake>,
}

impl Wake {
    /// Waits for what happens to a user. What happens from now on is not missed. Of those who wait on the same thing there are `most`:
    /// one more, and the first of them waits no longer. So one page, or one app, has only so many woken (T-33).
    pub(crate) fn join(self: &Arc<Self>, user: UserId, on: Uuid, most: usize) -> Sleeper {
        let waiting = Arc::new(Waiting { on, notify: Notify::new(), replaced: AtomicBool::new(false) });
        let mut all = self.waiting();
        let of_user = all.entry(user).or_default();
        let of_same = of_user.iter().filter(|one| one.on == on).count();
        if of_same >= most
            && let Some(first) = of_user.iter().position(|one| one.on == on)
        {
            let first = of_user.remove(first);
            first.replaced.store(true, Ordering::Release);
            first.notify.notify_one();
        }
        of_user.push(Arc::clone(&waiting));
        Sleeper { user, waiting, wake: Arc::clone(self) }
    }

    fn notify(&self, user: UserId) {
        for one in self.waiting().get(&user).into_iter().flatten() {
            one.notify.notify_one();
        }
    }

    fn notify_all(&self) {
        for one in self.waiting().values().flatten() {
            one.notify.notify_one();
        }
    }

    fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<UserId, Vec<Arc<Waiting>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sleeper {
    /// Waits until something happened, or `patience` is over. Whether something happened.
    pub(crate) async fn sleep(&self, patience: Duration) -> bool {
        tokio::time::timeout(patience, self.waiting.notify.notified()).await.is_ok()
    }

    /// Whether somebody else waits in its place.
    pub(crate) fn is_replaced(&self) -> bool {
        self.waiting.replaced.load(Ordering::Acquire)
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let mut waiting = self.wake.waiting();
        if let Some(of_user) = waiting.get_mut(&self.user) {
            of_user.retain(|one| !Arc::ptr_eq(one, &self.waiting));
            if of_user.is_empty() {
                waiting.remove(&self.user);
            }
        }
    }
}

/// Follows the log, and wakes up whom it speaks of. Ends with the store.
pub(crate) async fn follow(app: Arc<App>) {
    let mut newest = app.store.head();
    let mut after = *newest.borrow_and_update();
    while newest.changed().await.is_ok() {
        let head = *newest.borrow_and_update();
        while after < head {
            if app.wake.is_empty() {
                after = head;
                break;
            }
            let to = head.min(after.saturating_add(PART));
            match app.store.concerned(KINDS, after, to).await {
                Ok(users) => {
                    for user in users {
                        app.wake.notify(user);
                    }
                    after = to;
                }
                Err(StoreError::Expired { .. }) => {
                    app.wake.notify_all();
                    after = head;
                }
                Err(error) => {
                    tracing::warn!(%error, "who waits could not be told");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_is_woken_for_their_user_alone_and_forgotten_when_they_leave() {
        let wake = Arc::new(Wake::default());
        let (ann, bob) = (UserId::from_uuid(Uuid::nil()), UserId::from_uuid(Uuid::max()));
        let join = |user| wake.join(user, Uuid::nil(), 3);
        let (first, second, other) = (join(ann), join(ann), join(bob));
        wake.notify(ann);
        let soon = Duration::from_millis(20);
        for (sleeper, woken) in [(&first, true), (&second, true), (&other, false)] {
            let notified = tokio::time::timeout(soon, sleeper.waiting.notify.notified()).await.is_ok();
            assert_eq!(notified, woken);
        }
        drop((first, second, other));
        assert!(wake.is_empty());
    }

    #[tokio::test]
    async fn t33_of_those_who_wait_on_the_same_thing_the_first_gives_way() {
        let wake = Arc::new(Wake::default());
        let (ann, page, another) = (UserId::from_uuid(Uuid::nil()), Uuid::nil(), Uuid::max());
        let (first, second, other) = (wake.join(ann, page, 2), wake.join(ann, page, 2), wake.join(ann, another, 2));
        let third = wake.join(ann, page, 2);
        let replaced = [&first, &second, &other, &third].map(Sleeper::is_replaced);
        assert_eq!(replaced, [true, false, false, false]);
        first.sleep(Duration::from_hours(1)).await;
        drop(first);
        let fourth = wake.join(ann, page, 2);
        assert_eq!([&second, &other, &third, &fourth].map(Sleeper::is_replaced), [true, false, false, false]);
        drop(fourth);
        drop((second, other, third));
        assert!(wake.is_empty());
    }
}
