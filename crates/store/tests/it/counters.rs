//! The counters against a model: whatever comes in whichever order, the store counts as the rules say.

use domain::*;
use proptest::prelude::*;
use store::*;

use crate::home::*;

#[derive(Debug, Clone, Copy)]
enum Move {
    Right { step: i64 },
    Wrong,
    Wait { seconds: u64 },
    Suspend,
    Resume,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        3 => (90_i64..130).prop_map(|step| Move::Right { step }),
        8 => Just(Move::Wrong),
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
    retry_at: Option<Timestamp>,
    last_step: i64,
}

impl Model {
    fn waits(&self, now: Timestamp) -> bool {
        self.retry_at.is_some_and(|at| at > now)
    }

    fn right(&mut self, step: i64, now: Timestamp) -> bool {
        let accepted = self.state == AuthenticatorState::Active && !self.waits(now) && step > self.last_step;
        if accepted {
            (self.failures, self.retry_at, self.last_step) = (0, None, step);
        }
        accepted
    }

    fn wrong(&mut self, now: Timestamp) {
        if self.state != AuthenticatorState::Active {
            return;
        }
        self.failures += 1;
        let wait = backoff::wait_after(self.failures);
        self.retry_at = (!wait.is_zero()).then(|| now.plus(wait));
        if self.failures >= backoff::BUDGET {
            self.state = AuthenticatorState::Suspended;
        }
    }

    fn go(&mut self, to: AuthenticatorState) -> bool {
        let may = to.reachable_from().contains(&self.state)
            && (to != AuthenticatorState::Active || self.failures < backoff::BUDGET);
        if may {
            self.state = to;
        }
        may
    }
}

async fn play(store: &Store, number: usize, moves: &[Move]) {
    let ann = settle(store, &format!("user {number}")).await;
    let mut now = after(10);
    let mut model = Model { state: AuthenticatorState::Active, failures: 0, retry_at: None, last_step: 100 };
    for (place, one) in moves.iter().enumerate() {
        let mut asked = challenge(Some(ann.user.id), None);
        asked.expires_at = now.plus(Challenge::LIFETIME);
        apply(store, Change::CreateChallenge(asked.clone())).await;
        let state = |to| Change::SetAuthenticatorState { id: ann.authenticator, to, at: now };
        let (want, got) = match *one {
            Move::Right { step } => {
                let proof = Satisfy { at: now, ..satisfy(&asked, ann.authenticator, step) };
                (model.right(step, now), commit(store, Change::Satisfy(proof)).await)
            }
            Move::Wrong => {
                model.wrong(now);
                (true, commit(store, Change::Reject(reject(asked.id, &[ann.authenticator], now))).await)
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
            (is.state, is.failures, is.retry_at, is.last_step),
            (model.state, model.failures, model.retry_at, model.last_step),
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
