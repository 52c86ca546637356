//! The partitions of what happened in runs, on PostgreSQL: thirty days each, by when the run was made.
//!
//! A run's id begins with that time (RFC 9562 §5.7), so a partition is a range of ids: the primary key holds across all of them, and whoever reads by a run's id
//! looks into one. An empty one always lies ahead. What fits none lies in one for all others, so that nothing ever fails for want of a partition, whatever
//! clocks do.

use domain::Timestamp;
use uuid::Uuid;

use super::{Arg, Connection, Dialect, Fault};
use crate::sweep::least_id;

/// How long a partition is.
const PERIOD: i64 = 30 * 86_400_000;
/// With as many runs as this, at most, that are not over for long enough, a partition is dropped all the same: they go elsewhere.
const FEW_RUNS: usize = 1000;
/// And with as many lines of theirs.
const FEW_LINES: i64 = 5000;

/// One partition: of runs with ids from one, if there is a first, to before another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    /// As it is written in a statement.
    name: String,
    from: Option<Uuid>,
    to: Uuid,
}

/// A partition that nothing needs any more, but some runs their lines in it.
#[derive(Debug)]
pub(crate) struct OverSpan {
    span: Span,
    /// The runs that are not over for long enough.
    staying: Vec<Uuid>,
}

impl Span {
    fn from(&self) -> Uuid {
        self.from.unwrap_or(Uuid::nil())
    }

    fn holds(&self, id: Uuid) -> bool {
        self.from() <= id && id < self.to
    }
}

/// The partitions but the one for all others, in order.
async fn spans(connection: &mut Connection) -> Result<Vec<Span>, Fault> {
    let sql = r"SELECT b.name, substring(b.bound FROM 'FROM \(''([0-9a-f-]{36})')::uuid, substring(b.bound FROM 'TO \(''([0-9a-f-]{36})')::uuid
        FROM (SELECT quote_ident(c.relname) AS name, pg_get_expr(c.relpartbound, c.oid) AS bound
            FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid WHERE h.inhparent = 'run_lines'::regclass) b
        WHERE b.bound <> 'DEFAULT' ORDER BY 2 NULLS FIRST";
    connection.fetch(sql, &[], |row| Ok(Span { name: row.get(0)?, from: row.get(1)?, to: row.get(2)? })).await
}

/// The least id of a run whose history is in a partition, but for what is in the one for all others. Runs with lesser ids are those whose partitions
/// were dropped.
pub(crate) async fn oldest(connection: &mut Connection) -> Result<Uuid, Fault> {
    Ok(spans(connection).await?.first().map_or(Uuid::nil(), Span::from))
}

/// When the period began that a time is in.
fn period(at: Timestamp) -> i64 {
    let millis = at.unix_millis();
    millis - millis.rem_euclid(PERIOD)
}

fn id_at(millis: i64) -> Uuid {
    least_id(Timestamp::from_unix_millis(millis))
}

/// The periods without a partition, of the one that it is and the next.
fn missing(spans: &[Span], now: Timestamp) -> Vec<i64> {
    let (this, next) = (period(now), period(now) + PERIOD);
    [this, next].into_iter().filter(|from| !spans.iter().any(|span| span.holds(id_at(*from)))).collect()
}

/// Sees to it that there is a partition for what is made now, and one that lies ahead. Answers whether it made one. Where somebody is in the way, it is another
/// time's turn: until then the one for all others takes what comes.
pub(crate) async fn make_room(connection: &mut Connection, now: Timestamp) -> Result<bool, Fault> {
    if connection.dialect() == Dialect::Sqlite || missing(&spans(connection).await?, now).is_empty() {
        return Ok(false);
    }
    connection.begin().await?;
    let made = make_room_within(connection, now).await;
    in_the_way(ended(connection, made).await)
}

/// Nothing was done where somebody is in the way.
fn in_the_way(done: Result<bool, Fault>) -> Result<bool, Fault> {
    match done {
        Err(Fault::Collided(text)) => {
            tracing::debug!(text, "the history of runs is in use; its partitions are looked after later");
            Ok(false)
        }
        done => done,
    }
}

async fn make_room_within(connection: &mut Connection, now: Timestamp) -> Result<bool, Fault> {
    // Another server that makes room waits; nobody who reads or writes does.
    connection.script("LOCK TABLE run_lines IN SHARE UPDATE EXCLUSIVE MODE").await?;
    connection.script(HURRY).await?;
    let mut made = false;
    for start in missing(&spans(connection).await?, now) {
        let (from, to) = (id_at(start), id_at(start + PERIOD));
        let others = "SELECT 1::bigint FROM run_lines_others l WHERE l.run_id >= $1 AND l.run_id < $2 LIMIT 1";
        if !connection.fetch(others, &[Arg::Id(from), Arg::Id(to)], |row| row.get::<i64>(0)).await?.is_empty() {
            // The clock jumped, and some are there already: let the rest of them go there too.
            continue;
        }
        let day: String = Timestamp::from_unix_millis(start).to_string().chars().filter(char::is_ascii_digit).collect();
        let name = format!("run_lines_{}", day.get(..8).unwrap_or(&day));
        let statements = format!(
            "CREATE TABLE {name} (LIKE run_lines INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING INDEXES);
             ALTER TABLE run_lines ATTACH PARTITION {name} FOR VALUES FROM ('{from}') TO ('{to}');"
        );
        connection.script(&statements).await?;
        tracing::info!(name, "made a partition of the history of runs");
        made = true;
    }
    Ok(made)
}

/// Whoever is in the way is not waited for long: then it is another time's turn.
const HURRY: &str = "SET LOCAL lock_timeout = '200ms'";

/// Commits what was done, or undoes it.
async fn ended<T>(connection: &mut Connection, done: Result<T, Fault>) -> Result<T, Fault> {
    match done {
        Ok(done) => connection.commit().await.map(|()| done),
        Err(fault) => {
            connection.rollback().await?;
            Err(fault)
        }
    }
}

/// The oldest partition, if all but a few of its runs were over at `before`. That may be long to be found out, and holds up nobody who writes.
pub(crate) async fn over(connection: &mut Connection, before: Timestamp) -> Result<Option<OverSpan>, Fault> {
    if connection.dialect() == Dialect::Sqlite {
        return Ok(None);
    }
    let Some(span) = spans(connection).await?.into_iter().next().filter(|span| span.to <= least_id(before)) else {
        return Ok(None);
    };
    let sql = "SELECT r.id, r.lines FROM runs r
        WHERE r.id >= $1 AND r.id < $2 AND (r.ended_at IS NULL OR r.ended_at > $3) LIMIT $4";
    let most = i64::try_from(FEW_RUNS + 1).unwrap_or(i64::MAX);
    let args = [Arg::Id(span.from()), Arg::Id(span.to), Arg::Int(before.unix_millis()), Arg::Int(most)];
    let found = connection.fetch(sql, &args, |row| Ok((row.get::<Uuid>(0)?, row.get::<i64>(1)?))).await?;
    let few = found.len() <= FEW_RUNS && found.iter().map(|(_, lines)| lines).sum::<i64>() <= FEW_LINES;
    Ok(few.then(|| OverSpan { span, staying: found.into_iter().map(|(id, _)| id).collect() }))
}

/// Drops a partition that is over; the lines of runs that are not go to the one for all others first. Answers whether it did: somebody may be reading.
pub(crate) async fn drop_span(connection: &mut Connection, over: &OverSpan) -> Result<bool, Fault> {
    connection.begin().await?;
    let dropped = drop_within(connection, over).await;
    in_the_way(ended(connection, dropped).await)
}

async fn drop_within(connection: &mut Connection, OverSpan { span, staying }: &OverSpan) -> Result<bool, Fault> {
    connection.script(HURRY).await?;
    connection.script("LOCK TABLE run_lines IN ACCESS EXCLUSIVE MODE").await?;
    let live = "SELECT c.run_id FROM run_claims c WHERE c.run_id >= $1 AND c.run_id < $2";
    let live = connection.fetch(live, &[Arg::Id(span.from()), Arg::Id(span.to)], |row| row.get::<Uuid>(0)).await?;
    // Another server was faster, or a clock that went back made a run meanwhile.
    if !spans(connection).await?.contains(span) || live.iter().any(|id| !staying.contains(id)) {
        return Ok(false);
    }
    let name = &span.name;
    connection.script(&format!("ALTER TABLE run_lines DETACH PARTITION {name}")).await?;
    if !staying.is_empty() {
        let ids: Vec<String> = staying.iter().map(|id| format!("('{id}'::uuid)")).collect();
        let keep = format!(
            "INSERT INTO run_lines SELECT l.* FROM (VALUES {}) AS s(id) JOIN {name} l ON l.run_id = s.id",
            ids.join(",")
        );
        connection.script(&keep).await?;
    }
    connection.script(&format!("DROP TABLE {name}")).await?;
    tracing::info!(name, staying = staying.len(), "dropped a partition of the history of runs");
    Ok(true)
}

/// Whether history is not cut yet.
pub(crate) async fn is_in_one_piece(connection: &mut Connection) -> Result<bool, Fault> {
    let whole = "SELECT c.relkind::text FROM pg_class c WHERE c.oid = to_regclass('run_lines') AND c.relkind = 'r'";
    Ok(!connection.fetch(whole, &[], |row| row.get::<String>(0)).await?.is_empty())
}

/// Before history is cut: sees to it that what there is lies before a bound, while others write, so that it can be made a partition in no time. The
/// bound is far enough from now that nobody gets there meanwhile.
pub(crate) async fn before_it_is_cut(connection: &mut Connection) -> Result<(), Fault> {
    // Another server may have done it meanwhile.
    if !is_in_one_piece(connection).await? {
        return Ok(());
    }
    let newest = "SELECT r.id FROM runs r ORDER BY r.id DESC LIMIT 1";
    let Some(newest) = connection.fetch(newest, &[], |row| row.get::<Uuid>(0)).await?.pop() else { return Ok(()) };
    let made_at = i64::try_from(newest.as_u128() >> 80).unwrap_or(0);
    let bound = id_at(period(Timestamp::from_unix_millis(made_at)) + 2 * PERIOD);
    let checked = format!(
        "ALTER TABLE run_lines DROP CONSTRAINT IF EXISTS run_lines_before;
         ALTER TABLE run_lines ADD CONSTRAINT run_lines_before CHECK (run_id < '{bound}') NOT VALID;"
    );
    connection.script(&checked).await?;
    connection.script("ALTER TABLE run_lines VALIDATE CONSTRAINT run_lines_before").await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: Option<i64>, to: i64) -> Span {
        Span { name: String::new(), from: from.map(id_at), to: id_at(to) }
    }

    #[test]
    fn there_is_room_for_now_and_ahead() {
        let now = Timestamp::from_unix_millis(7 * PERIOD + 5);
        assert_eq!(missing(&[], now), [7 * PERIOD, 8 * PERIOD]);
        assert_eq!(missing(&[span(None, 8 * PERIOD)], now), [8 * PERIOD], "what was there before");
        assert_eq!(missing(&[span(None, 9 * PERIOD)], now), [0; 0]);
        assert_eq!(missing(&[span(Some(8 * PERIOD), 9 * PERIOD)], now), [7 * PERIOD], "a clock that went back");
    }
}
