//! The keys that are known: fetched once, again when they are old or when an assertion is signed with one that is not among them, and kept
//! while they cannot be fetched.

use std::sync::{Arc, Mutex, PoisonError};

use assertion::Keys;

use crate::source::Source;

/// How old keys are fetched anew, in seconds.
const FRESH: i64 = 10 * 60;
/// How old keys are good for nothing, in seconds: a key that was retired may be among them.
const MOST: i64 = 24 * 3600;
/// How long after one try the next may be, in seconds: whoever makes up names of keys has nobody flooded.
const COOL_DOWN: i64 = 30;
/// The same as long as there are no keys at all.
const SOON: i64 = 1;

/// There are no keys, or none that are not too old.
pub(crate) struct Unavailable;

pub(crate) struct KeyStore {
    source: Box<dyn Source>,
    known: Mutex<Known>,
    fetching: tokio::sync::Mutex<()>,
}

#[derive(Clone, Default)]
struct Known {
    keys: Arc<Keys>,
    fetched_at: Option<i64>,
    tried_at: Option<i64>,
}

impl Known {
    /// Whether it is so long since a time. A clock that was set back is no reason to wait.
    fn is_past(at: Option<i64>, now: i64, seconds: i64) -> bool {
        at.is_none_or(|at| now < at || now.saturating_sub(at) >= seconds)
    }

    fn may_try(&self, now: i64) -> bool {
        let wait = if self.fetched_at.is_some() { COOL_DOWN } else { SOON };
        Self::is_past(self.tried_at, now, wait)
    }
}

impl KeyStore {
    pub(crate) fn new(source: impl Source) -> Self {
        Self { source: Box::new(source), known: Mutex::default(), fetching: tokio::sync::Mutex::default() }
    }

    fn known(&self) -> Known {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The keys that are known, at once. Old ones are fetched anew meanwhile; none are there where they are too old.
    pub(crate) fn present(self: &Arc<Self>, now: i64) -> Arc<Keys> {
        let known = self.known();
        if known.fetched_at.is_some() && Known::is_past(known.fetched_at, now, FRESH) && known.may_try(now) {
            let store = Arc::clone(self);
            tokio::spawn(async move { store.fetch(now).await });
        }
        if Known::is_past(known.fetched_at, now, MOST) { Arc::default() } else { known.keys }
    }

    /// Keys that may have others among them than `lacking`, which has not got the one that is wanted.
    pub(crate) async fn others(&self, lacking: &Arc<Keys>, now: i64) -> Result<Arc<Keys>, Unavailable> {
        // Whoever waited here while somebody else fetched takes what that brought.
        self.fetch_unless(now, |known| !Arc::ptr_eq(&known.keys, lacking) && !known.keys.is_empty()).await;
        let known = self.known();
        if Known::is_past(known.fetched_at, now, MOST) { Err(Unavailable) } else { Ok(known.keys) }
    }

    async fn fetch(&self, now: i64) {
        self.fetch_unless(now, |_| false).await;
    }

    async fn fetch_unless(&self, now: i64, is_enough: impl Fn(&Known) -> bool) {
        let _alone = self.fetching.lock().await;
        let known = self.known();
        let is_good = !Known::is_past(known.fetched_at, now, MOST);
        if !known.may_try(now) || (is_good && is_enough(&known)) {
            return;
        }
        // What is no key set is as good as none: what is known stays.
        let keys = self.source.fetch().await.ok().and_then(|json| Keys::read(&json)).filter(|keys| !keys.is_empty());
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.tried_at = Some(now);
        if let Some(keys) = keys {
            known.keys = Arc::new(keys);
            known.fetched_at = Some(now);
        }
    }
}
