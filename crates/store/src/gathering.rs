//! Waiting a moment for company.
//!
//! What is asked or written together shares a round trip, a plan and a wait for the disk, so each costs less the more there
//! are. Where many come, whoever takes them waits a moment for more; where few come, nobody waits.

use std::time::Duration;

use tokio::sync::mpsc;

/// How long there is a wait for more. The timer's own step is a millisecond too.
const MOMENT: Duration = Duration::from_millis(1);

/// As many as this came together last time: then more are on their way.
const MANY: usize = 8;

/// Takes what has gathered, at most `most`, into `gathered`, whose first entries are there already. `last` is how many it was
/// the last time.
pub(crate) async fn wait_for_more<T>(
    queue: &mut mpsc::Receiver<T>,
    gathered: &mut Vec<T>,
    most: usize,
    last: &mut usize,
) {
    if *last >= MANY && gathered.len() < most / 2 {
        tokio::time::sleep(MOMENT).await;
        while gathered.len() < most
            && let Ok(further) = queue.try_recv()
        {
            gathered.push(further);
        }
    }
    *last = gathered.len();
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn takes(last: usize) -> usize {
        let (sender, mut queue) = mpsc::channel(100);
        let mut gathered = vec![0];
        let late = async {
            tokio::task::yield_now().await;
            for number in 1..=20 {
                sender.send(number).await.unwrap();
            }
        };
        let mut last = last;
        tokio::join!(wait_for_more(&mut queue, &mut gathered, 100, &mut last), late);
        assert_eq!(last, gathered.len());
        gathered.len()
    }

    #[tokio::test]
    async fn who_comes_alone_is_not_kept_waiting() {
        assert_eq!(takes(1).await, 1);
    }

    #[tokio::test]
    async fn where_many_come_more_are_waited_for() {
        assert_eq!(takes(8).await, 21);
    }
}
