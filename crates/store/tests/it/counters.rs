//! The counters against a model: whatever comes in whichever order, the store counts as the rules say.

use domain::*;
use proptest::prelude::*;
use store::*;

use crate::home::*;

#[derive(Debug, Clone, Copy)]
enum Move {
    Right { door: Door, step: i64 },
    Wrong { door: Door },
    Wait { seconds: u64 },
    Suspend,
    Resume,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let door = || prop_oneof![3 => Just(Door::Open), 1 => Just(Door::Trusted)];
    let one = prop_oneof![
        3 => (door(), 90_i64..130).prop_map(|(door, step)| Move::Right { door, step }),
        8 => door().prop_map(|door| Move::Wrong { door }),
        3 => (1_u64..1000).prop_map(|seconds| Move::Wait { seconds }),
        1 => Just(Move::Suspend),
        1 => Just(Move::Resume),
    ];
    proptest::collection::vec(one, 1..40)
}

/// What `change.rs` says, in memory.
struct Model {
    state: AuthenticatorState,
    failures: i32,
    open: Wait,
    trusted: Wait,
    last_step: i64,
    /// Whether the session is trusted.
    session: bool,
}

impl Model {
    fn wait(&mut self, door: Door) -> &mut Wait {
        match door {
            Door::Open => &mut self.open,
            Door::Trusted => &mut self.trusted,
        }
    }

    fn right(&mut self, door: Door, step: i64, now: Timestamp) -> bool {
        let waits = self.wait(door).retry_at.is_some_and(|at| at > now);
        let may = door == Door::Open || (self.session && now < after(8 * 3600));
        let accepted = may && self.state == AuthenticatorState::Active && !waits && step > self.last_step;
        if accepted {
            (self.failures, self.trusted, self.last_step) = (0, Wait::default(), step);
            if door == Door::Open {
                self.open = Wait::default();
            }
        }
        accepted
    }

    fn wrong(&mut self, door: Door, now: Timestamp) {
        if self.state != AuthenticatorState::Active {
            return;
        }
        self.failures += 1;
        let of = self.wait(door);
        of.failures += 1;
        let wait = backoff::wait_after(of.failures);
        of.retry_at = (!wait.is_zero()).then(|| now.plus(wait));
        if self.failures >= backoff::BUDGET {
            self.state = AuthenticatorState::Suspended;
            self.session = false;
        }
    }

    fn go(&mut self, to: AuthenticatorState) -> bool {
        let may = to.reachable_from().contains(&self.state)
            && (to != AuthenticatorState::Active || self.failures < backoff::BUDGET);
        if may {
            self.state = to;
            self.session &= to == AuthenticatorState::Active;
        }
        may
    }
}

async fn play(store: &Store, number: usize, moves: &[Move]) {
    let ann = settle(store, &format!("user {number}")).await;
    let mut now = after(10);
    let (open, trusted) = (Wait::default(), Wait::default());
    let state = AuthenticatorState::Active;
    let mut model = Model { state, failures: 0, open, trusted, last_step: 100, session: true };
    for (place, one) in moves.iter().enumerate() {
        let session = match one {
            Move::Right { door: Door::Trusted, .. } | Move::Wrong { door: Door::Trusted } => Some(ann.session.id),
            _ => None,
        };
        let mut asked = challenge(Some(ann.user.id), session);
        asked.expires_at = now.plus(Challenge::LIFETIME);
        apply(store, Change::CreateChallenge(asked.clone())).await;
        let state = |to| Change::SetAuthenticatorState { id: ann.authenticator, to, by: None, at: now };
        let (want, got) = match *one {
            Move::Right { door, step } => {
                let proof = Satisfy { at: now, door, ..satisfy(&asked, ann.authenticator, step) };
                (model.right(door, step, now), commit(store, Change::Satisfy(proof)).await)
            }
            Move::Wrong { door } => {
                model.wrong(door, now);
                let reject = Reject { door, ..reject(asked.id, &[ann.authenticator], now) };
                (true, commit(store, Change::Reject(reject)).await)
            }
            Move::Wait { seconds } => {
                now = now.plus(std::time::Duration::from_secs(seconds));
                (true, Effect::Applied)
            }
            Move::Suspend => {
                (model.go(AuthenticatorState::Suspended), commit(store, state(AuthenticatorState::Suspended)).await)
            }
            Move::Resume => {
                (model.go(AuthenticatorState::Active), commit(store, state(AuthenticatorState::Active)).await)
            }
        };
        assert_eq!(got == Effect::Applied, want, "{one:?} at {place} of {moves:?}");
        let is = store.authenticator(ann.authenticator).await.unwrap().unwrap();
        assert_eq!(
            (is.state, is.failures, is.open, is.trusted, is.last_step),
            (model.state, model.failures, model.open, model.trusted, model.last_step),
            "after {one:?} at {place} of {moves:?}"
        );
    }
}

fn against_the_model(home: &Home, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let store = runtime.block_on(home.open());
    let number = std::sync::atomic::AtomicUsize::new(0);
    proptest!(ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }, |(moves in moves())| {
        let number = number.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        runtime.block_on(play(&store, number, &moves));
    });
    runtime.block_on(store.close());
}

#[test]
fn t01_counters_are_as_in_the_model_on_sqlite() {
    against_the_model(&Home::sqlite(), 40);
}

#[test]
fn t01_counters_are_as_in_the_model_on_postgresql() {
    against_the_model(&Home::postgres(), 20);
}
