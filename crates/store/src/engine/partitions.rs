//! The partitions of PostgreSQL's event log: ranges of positions, which grow with time.
//!
//! A range by position upholds the log's primary key; one by time could not. How many positions make about a month is
//! told by the log itself, each time that a partition is made. One that is empty always lies ahead, and a writer that
//! finds none makes it on the way.

use domain::Timestamp;

use super::{Arg, Connection, Dialect, Fault};
use crate::read::events::STRETCH;

/// A partition's positions: as few as this, so that a quiet log is not cut to pieces.
const FEWEST: i64 = 64 * STRETCH;

/// And as many as this.
const MOST: i64 = 1 << 30;

/// How many times as many as the one before, so that one busy hour is not taken for a month.
const GROWTH: i64 = 8;

/// How long a partition is meant to last.
const MONTH_MILLIS: i64 = 30 * 86_400_000;

/// One partition, of the events and of their details: from a position to before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Partition {
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// The partitions, in order. None where the log is in one piece.
pub(crate) async fn partitions(connection: &mut Connection) -> Result<Vec<Partition>, Fault> {
    if connection.dialect() == Dialect::Sqlite {
        return Ok(Vec::new());
    }
    let sql = r"SELECT substring(b.bound FROM 'FROM \(''?(\d+)')::bigint, substring(b.bound FROM 'TO \(''?(\d+)')::bigint
        FROM (SELECT pg_get_expr(c.relpartbound, c.oid) AS bound
            FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid WHERE h.inhparent = 'events'::regclass) b
        ORDER BY 1";
    connection.fetch(sql, &[], |row| Ok(Partition { from: row.get(0)?, to: row.get(1)? })).await
}

/// Sees to it that an empty partition lies ahead. Answers whether it made one.
pub(crate) async fn make_room(connection: &mut Connection, now: Timestamp) -> Result<bool, Fault> {
    if connection.dialect() == Dialect::Sqlite || next(connection, now).await?.is_none() {
        return Ok(false);
    }
    connection.begin().await?;
    match make_room_within(connection, now).await {
        Ok(made) => connection.commit().await.map(|()| made),
        Err(fault) => {
            connection.rollback().await?;
            Err(fault)
        }
    }
}

async fn make_room_within(connection: &mut Connection, now: Timestamp) -> Result<bool, Fault> {
    // Whoever gives positions waits, and so does another server that makes room.
    connection.script("SELECT position FROM event_head FOR UPDATE").await?;
    let Some(Partition { from, to }) = next(connection, now).await? else { return Ok(false) };
    for table in TABLES {
        // A table of its own first: attaching it then locks out nobody, and there is nothing in it to be looked at.
        let made = format!(
            "CREATE TABLE {table}_{from} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES);
             ALTER TABLE {table} ATTACH PARTITION {table}_{from} FOR VALUES FROM ({from}) TO ({to});"
        );
        connection.script(&made).await?;
    }
    tracing::info!(from, to, "made a partition of the event log");
    Ok(true)
}

/// Drops a partition; who reads in it at the moment is waited for, but not for long, and then it is another time's turn.
pub(crate) async fn drop_partition(connection: &mut Connection, partition: Partition) -> Result<(), Fault> {
    connection.script("SET LOCAL lock_timeout = '200ms'").await?;
    for table in TABLES {
        connection.script(&format!("DROP TABLE {table}_{}", partition.from)).await?;
    }
    connection.script("SET LOCAL lock_timeout = '5s'").await
}

const TABLES: [&str; 2] = ["events", "event_details"];

/// The partition that has to be made, if there is not an empty one after the one that is being filled.
async fn next(connection: &mut Connection, now: Timestamp) -> Result<Option<Partition>, Fault> {
    let partitions = partitions(connection).await?;
    let last = *partitions.last().ok_or_else(|| Fault::Damaged("the event log has no partition".to_owned()))?;
    let head = connection.fetch("SELECT position FROM event_head", &[], |row| row.get::<i64>(0)).await?;
    let head = head.first().copied().ok_or_else(|| Fault::Damaged("the head of the events is missing".to_owned()))?;
    if head + 1 < last.from {
        return Ok(None);
    }
    let before = last.to - last.from;
    let since = connection
        .fetch(
            "SELECT v.position, v.at FROM events v WHERE v.position >= $1 ORDER BY v.position LIMIT 1",
            &[Arg::Int(head - before)],
            |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?)),
        )
        .await?;
    let size = since.first().map_or(before, |(position, at)| {
        month(head - position, now.unix_millis().saturating_sub(*at)).min(before.saturating_mul(GROWTH))
    });
    Ok(Some(Partition { from: last.to, to: last.to + size }))
}

/// How many positions make a month where `many` took `millis`.
fn month(many: i64, millis: i64) -> i64 {
    let month = i128::from(many) * i128::from(MONTH_MILLIS) / i128::from(millis.max(1));
    let month = i64::try_from(month).unwrap_or(MOST).clamp(FEWEST, MOST);
    (month + STRETCH - 1) / STRETCH * STRETCH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_lasts_about_a_month_within_bounds() {
        let day = 86_400_000;
        assert_eq!(month(10_000_000, day), 300_003_328, "ten millions a day, in whole stretches");
        assert_eq!(month(1000, day), FEWEST);
        assert_eq!(month(0, 0), FEWEST);
        assert_eq!(month(i64::MAX, 1), MOST);
        assert_eq!(month(5, -day), MOST, "a clock that went back");
        assert_eq!(FEWEST % STRETCH, 0);
    }
}
