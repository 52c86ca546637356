//! Reads that are asked many at a time.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;

use tokio::sync::{mpsc, oneshot};

use crate::StoreError;
use crate::engine::{Connection, Fault, Pool};
use crate::gathering::wait_for_more;

/// How many questions wait before further ones are turned away.
const QUEUE: usize = 4096;

/// How many questions are asked together at most.
const TOGETHER: usize = 256;

/// How a set of questions is asked: the answers by question, without those that there is none for.
pub(crate) type Ask<K, V> =
    for<'c> fn(&'c mut Connection, Vec<K>) -> Pin<Box<dyn Future<Output = Result<HashMap<K, V>, Fault>> + Send + 'c>>;

type Answer<V> = oneshot::Sender<Result<Option<V>, StoreError>>;

/// Questions of one kind.
pub(crate) enum Gather<K, V> {
    /// Each is asked where it arises. SQLite answers from memory before a question could be handed to another thread.
    Alone(Pool, Ask<K, V>),
    /// They are handed to a task, which asks the database what has gathered.
    Together(mpsc::Sender<(K, Answer<V>)>),
}

impl<K, V> Gather<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + 'static,
{
    pub(crate) fn start(pool: &Pool, ask: Ask<K, V>) -> Self {
        if pool.is_at_hand() {
            return Self::Alone(pool.clone(), ask);
        }
        let (queue, questions) = mpsc::channel(QUEUE);
        tokio::spawn(run(pool.clone(), ask, questions));
        Self::Together(queue)
    }

    /// The answer; what was acknowledged before the question is in it.
    pub(crate) async fn get(&self, key: K) -> Result<Option<V>, StoreError> {
        match self {
            Self::Alone(pool, ask) => Ok(ask_together(pool, *ask, vec![key.clone()]).await?.remove(&key)),
            Self::Together(queue) => {
                let (answer, answered) = oneshot::channel();
                queue.try_send((key, answer)).map_err(|error| match error {
                    mpsc::error::TrySendError::Full(_) => StoreError::Busy,
                    mpsc::error::TrySendError::Closed(_) => closed(),
                })?;
                answered.await.unwrap_or_else(|_| Err(closed()))
            }
        }
    }
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

async fn run<K, V>(pool: Pool, ask: Ask<K, V>, mut questions: mpsc::Receiver<(K, Answer<V>)>)
where
    K: Clone + Eq + Hash,
    V: Clone,
{
    let mut gathered = Vec::with_capacity(TOGETHER);
    let mut last = 0;
    while questions.recv_many(&mut gathered, TOGETHER).await > 0 {
        wait_for_more(&mut questions, &mut gathered, TOGETHER, &mut last).await;
        let mut asked: HashMap<K, Vec<Answer<V>>> = HashMap::with_capacity(gathered.len());
        for (key, answer) in gathered.drain(..) {
            asked.entry(key).or_default().push(answer);
        }
        let mut answers = ask_together(&pool, ask, asked.keys().cloned().collect()).await;
        let mut apart = match &answers {
            Err(StoreError::Damaged(_)) if asked.len() > 1 => {
                ask_apart(&pool, ask, asked.keys().cloned().collect()).await
            }
            _ => HashMap::new(),
        };
        for (key, mut waiting) in asked {
            let answer = apart
                .remove(&key)
                .unwrap_or_else(|| answers.as_mut().map(|found| found.remove(&key)).map_err(|error| error.clone()));
            let last = waiting.pop();
            for waiter in waiting {
                let _ = waiter.send(answer.clone());
            }
            if let Some(last) = last {
                let _ = last.send(answer);
            }
        }
    }
}

/// Some row cannot be understood: that is the answer to who asked for it, and to nobody else. Halves are asked by
/// themselves, until what fails is one question.
async fn ask_apart<K, V>(pool: &Pool, ask: Ask<K, V>, keys: Vec<K>) -> HashMap<K, Result<Option<V>, StoreError>>
where
    K: Clone + Eq + Hash,
{
    let mut answers = HashMap::with_capacity(keys.len());
    let mut parts = vec![keys];
    while let Some(mut keys) = parts.pop() {
        if keys.len() > 1 {
            parts.push(keys.split_off(keys.len() / 2));
        }
        match ask_together(pool, ask, keys.clone()).await {
            Err(StoreError::Damaged(_)) if keys.len() > 1 => parts.push(keys),
            mut found => {
                answers.extend(keys.into_iter().map(|key| {
                    let answer = found.as_mut().map(|found| found.remove(&key)).map_err(|error| error.clone());
                    (key, answer)
                }));
            }
        }
    }
    answers
}

async fn ask_together<K, V>(pool: &Pool, ask: Ask<K, V>, keys: Vec<K>) -> Result<HashMap<K, V>, StoreError> {
    pool.ask(async |on| ask(on, keys).await).await
}
