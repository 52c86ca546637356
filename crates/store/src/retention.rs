//! How long events are kept: the oldest go, a bounded amount at a go, and each time an event tells which.

use std::borrow::Cow;
use std::time::Duration;

use domain::{Event, Timestamp};

use crate::StoreError;
use crate::engine::partitions::{self, Partition};
use crate::engine::{Arg, Connection, Dialect, Fault};
use crate::house::House;
use crate::read::events::{STRETCH, bounds};
use crate::set::Kind::Int;
use crate::set::{Rows, Set};
use crate::write::events;

/// How many events go one by one at a go: some milliseconds of the writer's time.
const SOME: i64 = 1024;

/// How much longer events may stay where they can only go together, with a partition that lasted longer than a month.
const GRACE: Duration = Duration::from_hours(31 * 24);

/// What went, and the event that tells of it.
pub(crate) struct Expired {
    pub(crate) removed: u64,
    /// The position of the event.
    pub(crate) head: Option<i64>,
}

/// The oldest events: up to a position, or a partition with all that is in it.
enum Oldest {
    UpTo(i64),
    Whole(Partition),
}

static REMOVE: [Set; 2] = [
    Set::new(
        &[("oldest", Int), ("newest", Int)],
        "DELETE FROM event_details
         WHERE position >= (SELECT i.oldest FROM input i) AND position <= (SELECT i.newest FROM input i)",
    ),
    Set::new(
        &[("oldest", Int), ("newest", Int)],
        "DELETE FROM events
         WHERE position >= (SELECT i.oldest FROM input i) AND position <= (SELECT i.newest FROM input i)",
    ),
];

static BEGIN_AT: [Set; 2] = [
    Set::new(&[("place", Int)], "UPDATE event_head AS h SET oldest = i.place FROM input i WHERE h.one = 1"),
    Set::new(&[("place", Int)], "DELETE FROM event_stretches WHERE stretch < (SELECT i.place / 4096 FROM input i)"),
];

impl House {
    pub(crate) async fn expire_events(&self, before: Timestamp, told: Event) -> Result<u64, StoreError> {
        self.writer.expire_events(before, told).await
    }
}

/// Removes some of what happened before `before`, in a transaction of its own.
pub(crate) async fn expire(connection: &mut Connection, before: Timestamp, told: Event) -> Result<Expired, Fault> {
    connection.begin().await?;
    match expire_within(connection, before, told).await {
        Ok(expired) => connection.commit().await.map(|()| expired),
        Err(fault) => {
            connection.rollback().await?;
            Err(fault)
        }
    }
}

async fn expire_within(connection: &mut Connection, before: Timestamp, mut told: Event) -> Result<Expired, Fault> {
    // Nobody gives positions until the end of the transaction.
    let (head, first) = bounds(connection, "{hold}").await?;
    let last = match oldest(connection, (head, first), before, told.at).await? {
        None => return Ok(Expired { removed: 0, head: None }),
        Some(Oldest::UpTo(last)) => {
            for remove in &REMOVE {
                remove.execute(connection, Rows::one(&[first.into(), last.into()])).await?;
            }
            last
        }
        Some(Oldest::Whole(partition)) => {
            partitions::drop_partition(connection, partition).await?;
            partition.to - 1
        }
    };
    for begin_at in &BEGIN_AT {
        begin_at.execute(connection, Rows::one(&[(last + 1).into()])).await?;
    }
    told.data.insert("first".to_owned(), first.into());
    told.data.insert("last".to_owned(), last.into());
    let head = events::append(connection, &[Cow::Owned(told)]).await?;
    Ok(Expired { removed: u64::try_from(last - first + 1).unwrap_or(0), head })
}

/// What goes next. PostgreSQL drops what it can whole, and only what would stay too long otherwise goes one by one.
async fn oldest(
    connection: &mut Connection,
    (head, first): (i64, i64),
    before: Timestamp,
    now: Timestamp,
) -> Result<Option<Oldest>, Fault> {
    let before = match connection.dialect() {
        Dialect::Sqlite => before,
        Dialect::Postgres => {
            let partition = partitions::partitions(connection).await?.first().copied();
            if let Some(partition) = partition.filter(|partition| partition.to <= head + 1)
                && is_over(connection, partition, before, now).await?
            {
                return Ok(Some(Oldest::Whole(partition)));
            }
            before.minus(GRACE)
        }
    };
    let sql = "SELECT v.position, v.at FROM events v WHERE v.position >= $1 ORDER BY v.position LIMIT $2";
    let args = [int(first), int(SOME)];
    let events = connection.fetch(sql, &args, |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?))).await?;
    let (before, now) = (before.unix_millis(), now.unix_millis());
    // One that happened in the future, as the clock has it now, holds up none of those after it.
    let going = events.into_iter().take_while(|(_, at)| *at < before || *at > now).filter(|(_, at)| *at < before);
    Ok(going.last().map(|(position, _)| Oldest::UpTo(position)))
}

/// Whether what is in a partition happened before `before`.
async fn is_over(
    connection: &mut Connection,
    partition: Partition,
    before: Timestamp,
    now: Timestamp,
) -> Result<bool, Fault> {
    let stretches = "FROM event_stretches s WHERE s.stretch >= $1 AND s.stretch < $2";
    let (from, to) = (int(partition.from / STRETCH), int(partition.to / STRETCH));
    let (before, now) = (int(before.unix_millis()), int(now.unix_millis()));
    let old = format!("SELECT s.stretch {stretches} AND s.first_at < $3 LIMIT 1");
    let old = connection.fetch(&old, &[from, to, before], |row| row.get::<i64>(0)).await?;
    let recent = format!(
        "SELECT s.stretch {stretches} AND s.last_at >= $3 AND s.first_at <= $4 AND EXISTS (
            SELECT 1 FROM events v
            WHERE v.position >= s.stretch * 4096 AND v.position < s.stretch * 4096 + 4096 AND v.at >= $3 AND v.at <= $4)
         LIMIT 1"
    );
    let recent = connection.fetch(&recent, &[from, to, before, now], |row| row.get::<i64>(0)).await?;
    Ok(!old.is_empty() && recent.is_empty())
}

fn int(value: i64) -> Arg<'static> {
    Arg::Int(value)
}
