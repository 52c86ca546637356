//! Waking up whoever waits for something to happen to a user: an app that follows its prompts, a page that waits for an answer.
//!
//! What happened is in the event log, which every server reads as it grows, whichever of them wrote it; so nobody has to be told by
//! another server. Only who waits here is woken, and looks for itself.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::{EventKind, UserId};
use store::StoreError;
use tokio::sync::Notify;

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
pub(crate) struct Wake(Mutex<HashMap<UserId, Vec<Arc<Notify>>>>);

/// Somebody who waits, until dropped.
#[derive(Debug)]
pub(crate) struct Sleeper {
    user: UserId,
    notify: Arc<Notify>,
    wake: Arc<Wake>,
}

impl Wake {
    /// Waits for what happens to a user. What happens from now on is not missed.
    pub(crate) fn join(self: &Arc<Self>, user: UserId) -> Sleeper {
        let notify = Arc::new(Notify::new());
        self.waiting().entry(user).or_default().push(Arc::clone(&notify));
        Sleeper { user, notify, wake: Arc::clone(self) }
    }

    fn notify(&self, user: UserId) {
        for one in self.waiting().get(&user).into_iter().flatten() {
            one.notify_one();
        }
    }

    fn notify_all(&self) {
        for one in self.waiting().values().flatten() {
            one.notify_one();
        }
    }

    fn is_empty(&self) -> bool {
        self.waiting().is_empty()
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<UserId, Vec<Arc<Notify>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sleeper {
    /// Waits until something happened, or `patience` is over. Whether something happened.
    pub(crate) async fn sleep(&self, patience: Duration) -> bool {
        tokio::time::timeout(patience, self.notify.notified()).await.is_ok()
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let mut waiting = self.wake.waiting();
        if let Some(of_user) = waiting.get_mut(&self.user) {
            of_user.retain(|one| !Arc::ptr_eq(one, &self.notify));
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
        let (ann, bob) = (UserId::from_uuid(uuid::Uuid::nil()), UserId::from_uuid(uuid::Uuid::max()));
        let (first, second, other) = (wake.join(ann), wake.join(ann), wake.join(bob));
        wake.notify(ann);
        let soon = Duration::from_millis(20);
        for (sleeper, woken) in [(&first, true), (&second, true), (&other, false)] {
            let notified = tokio::time::timeout(soon, sleeper.notify.notified()).await.is_ok();
            assert_eq!(notified, woken);
        }
        drop((first, second, other));
        assert!(wake.is_empty());
    }
}
