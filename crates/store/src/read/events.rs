//! The event log, forwards and backwards.

use std::fmt::Write as _;

use domain::{AuthenticatorId, Event, EventKind, Page, PageRequest, Timestamp, UserId};

use super::lists::{cut, limit};
use crate::engine::{Arg, Connection, Fault};
use crate::rows::{self, Reader};
use crate::set::spell;
use crate::{EventFilter, StoreError};

/// Positions in a stretch, as the indexes and `event_stretches` have them.
pub(crate) const STRETCH: i64 = 4096;

/// How many stretches are gone through at a time, at most.
const WINDOW: i64 = 512;

/// How many stretches are chosen at a time, each of which is then read by itself.
const PROMISING: i64 = 64;

/// Which way a list goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Forward,
    Backward,
}

impl Order {
    /// What comes next in this order, and what comes last.
    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Forward => (">", "ASC"),
            Self::Backward => ("<", "DESC"),
        }
    }

    const fn following(self, stretch: i64) -> i64 {
        match self {
            Self::Forward => stretch + 1,
            Self::Backward => stretch - 1,
        }
    }
}

pub(crate) async fn events(
    connection: &mut Connection,
    filter: &EventFilter,
    order: Order,
    page: PageRequest<i64>,
) -> Result<Page<Event, i64>, StoreError> {
    let start = match order {
        Order::Forward => page.after.unwrap_or(0),
        Order::Backward => page.after.unwrap_or(i64::MAX),
    };
    let full = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let search = Search { filter, order, start, limit: limit(page.limit), full };
    let items = if filter.user_id.is_some() || filter.authenticator_id.is_some() {
        search.by_subject(connection).await?
    } else if *filter == EventFilter::default() {
        search.everything(connection).await?
    } else {
        search.by_kind_and_time(connection).await?
    };
    // Looked at afterwards: what was removed while this read is missed by it too.
    let (_, oldest) = bounds(connection, "").await?;
    match (order, page.after) {
        (Order::Forward, Some(after)) if after > 0 && after + 1 < oldest => Err(StoreError::Expired { oldest }),
        (Order::Backward, Some(before)) if before < oldest => Err(StoreError::Expired { oldest }),
        _ => Ok(cut(items, page.limit, |event| event.position)),
    }
}

/// Whom events of these kinds are about, after one position and up to another.
pub(crate) async fn concerned(
    connection: &mut Connection,
    kinds: &[EventKind],
    after: i64,
    to: i64,
) -> Result<Vec<UserId>, StoreError> {
    let sql =
        "SELECT DISTINCT v.user_id FROM events v WHERE v.position > $1 AND v.position <= $2 AND v.user_id IS NOT NULL";
    let mut statement = Statement { sql: sql.to_owned(), args: vec![int(after), int(to)] };
    statement.and_of_kinds("v.kind", kinds);
    let users = connection.fetch(&statement.sql, &statement.args, |row| Reader::new(row).id(UserId::from_uuid)).await?;
    // Looked at afterwards, as above.
    let (_, oldest) = bounds(connection, "").await?;
    if after > 0 && after + 1 < oldest { Err(StoreError::Expired { oldest }) } else { Ok(users) }
}

/// The positions of the newest event and of the oldest one that is kept.
pub(crate) async fn bounds(connection: &mut Connection, lock: &str) -> Result<(i64, i64), Fault> {
    let sql = spell(connection.dialect(), &format!("SELECT position, oldest FROM event_head {lock}"));
    let head = connection.fetch(&sql, &[], |row| Ok((row.get(0)?, row.get(1)?))).await?;
    head.first().copied().ok_or_else(|| Fault::Damaged("the head of the events is missing".to_owned()))
}

struct Search<'a> {
    filter: &'a EventFilter,
    order: Order,
    start: i64,
    limit: Arg<'static>,
    full: usize,
}

impl Search<'_> {
    async fn everything(&self, connection: &mut Connection) -> Result<Vec<Event>, Fault> {
        self.read(connection, self.any()).await
    }

    /// Goes through the log stretch by stretch, with one look into an index for each, until the page is full.
    async fn by_subject(&self, connection: &mut Connection) -> Result<Vec<Event>, Fault> {
        let (newest, oldest) = bounds(connection, "").await?;
        let (first, last) = (oldest / STRETCH, newest / STRETCH);
        let mut items: Vec<Event> = Vec::new();
        let mut next = (self.start / STRETCH).clamp(first.min(last), last);
        // What is wanted is often near the beginning of the list.
        let mut width = 1;
        while items.len() <= self.full && (first..=last).contains(&next) {
            let (from, to) = match self.order {
                Order::Forward => (next, (next + width - 1).min(last)),
                Order::Backward => ((next - width + 1).max(first), next),
            };
            items.extend(self.read(connection, self.of_subject(from, to)).await?);
            next = match self.order {
                Order::Forward => to + 1,
                Order::Backward => from - 1,
            };
            width = (width * 8).min(WINDOW);
        }
        Ok(items)
    }

    /// Reads those stretches, one by one, that have events of these kinds and times, until the page is full.
    async fn by_kind_and_time(&self, connection: &mut Connection) -> Result<Vec<Event>, Fault> {
        let mut items: Vec<Event> = Vec::new();
        let mut next = self.start / STRETCH;
        loop {
            let Statement { sql, args } = self.promising(next);
            let promising = connection.fetch(&sql, &args, |row| row.get::<i64>(0)).await?;
            for stretch in &promising {
                items.extend(self.read(connection, self.within(*stretch)).await?);
                if items.len() > self.full {
                    return Ok(items);
                }
            }
            match promising.last() {
                Some(last) if i64::try_from(promising.len()).is_ok_and(|many| many == PROMISING) => {
                    next = self.order.following(*last);
                }
                _ => return Ok(items),
            }
        }
    }

    async fn read(&self, connection: &mut Connection, statement: Statement) -> Result<Vec<Event>, Fault> {
        let sql = spell(connection.dialect(), &statement.sql);
        connection.fetch(&sql, &statement.args, |row| rows::event(&mut Reader::new(row))).await
    }

    fn any(&self) -> Statement {
        self.events("events v", Statement { sql: String::new(), args: vec![int(self.start), self.limit] })
    }

    /// What is about a subject in the stretches from one to another.
    fn of_subject(&self, from: i64, to: i64) -> Statement {
        let args = vec![int(self.start), self.limit, int(from), int(to)];
        // With a plus, since SQLite uses an index over an expression only where nothing is to be made a number first.
        let mut conditions = Statement { sql: "v.position / 4096 = +stretch.n".to_owned(), args };
        // Said again of the position itself, by which partitions are told apart.
        conditions.sql.push_str(" AND {+}v.position >= stretch.n * 4096 AND {+}v.position < stretch.n * 4096 + 4096");
        self.filtered(&mut conditions);
        let found = format!("stretch {{then}} {{each<}}events v{{each|}}{}{{each>v}}", conditions.sql);
        let mut statement = self.events(&found, Statement { sql: String::new(), args: conditions.args });
        statement.sql.insert_str(
            0,
            "WITH RECURSIVE stretch(n) AS (
                SELECT CAST($3 AS BIGINT) UNION ALL SELECT n + 1 FROM stretch WHERE n < CAST($4 AS BIGINT)) ",
        );
        statement
    }

    /// What is wanted in a stretch.
    fn within(&self, stretch: i64) -> Statement {
        let mut conditions = Statement { sql: String::new(), args: vec![int(self.start), self.limit] };
        conditions.and("v.position >=", int(stretch * STRETCH));
        conditions.and("v.position <", int((stretch + 1) * STRETCH));
        self.filtered(&mut conditions);
        self.events("events v", conditions)
    }

    /// The next stretches, from this one, in which there can be what is wanted.
    fn promising(&self, from: i64) -> Statement {
        let (next, direction) = self.order.words();
        let sql = format!("SELECT DISTINCT s.stretch FROM event_stretches s WHERE s.stretch {next}= $1");
        let mut statement = Statement { sql, args: vec![int(from), int(PROMISING)] };
        statement.and_of_kinds("s.kind", &self.filter.kinds);
        statement.and_if("s.last_at >=", self.filter.since.map(time));
        statement.and_if("s.first_at <", self.filter.until.map(time));
        let _ = write!(statement.sql, " ORDER BY s.stretch {direction} LIMIT $2");
        statement
    }

    /// The filter as conditions, the most telling first.
    fn filtered(&self, conditions: &mut Statement) {
        let id = |id| Arg::Id(id);
        conditions.and_if("v.user_id =", self.filter.user_id.map(UserId::uuid).map(id));
        conditions.and_if("v.authenticator_id =", self.filter.authenticator_id.map(AuthenticatorId::uuid).map(id));
        conditions.and_of_kinds("v.kind", &self.filter.kinds);
        conditions.and_if("v.at >=", self.filter.since.map(time));
        conditions.and_if("v.at <", self.filter.until.map(time));
    }

    /// Reads the events that are beyond the start, at most so many, and fulfil the conditions.
    fn events(&self, from: &str, Statement { sql: conditions, args }: Statement) -> Statement {
        let (beyond, direction) = self.order.words();
        let sql = format!(
            "SELECT {} FROM {from} LEFT JOIN {{each<}}event_details t{{each|}}t.position = v.position{{each>t}}
             WHERE v.position {beyond} $1{conditions} ORDER BY v.position {direction} LIMIT $2",
            rows::EVENT,
        );
        Statement { sql, args }
    }
}

/// A statement, or its conditions, and what they take.
struct Statement {
    sql: String,
    args: Vec<Arg<'static>>,
}

impl Statement {
    /// Adds a condition, whose last word is the value.
    fn and(&mut self, condition: &str, value: Arg<'static>) {
        self.args.push(value);
        let _ = write!(self.sql, " AND {condition} ${}", self.args.len());
    }

    fn and_if(&mut self, condition: &str, value: Option<Arg<'static>>) {
        if let Some(value) = value {
            self.and(condition, value);
        }
    }

    fn and_of_kinds(&mut self, column: &str, kinds: &[EventKind]) {
        if !kinds.is_empty() {
            let names: Vec<String> = kinds.iter().map(|kind| format!("'{}'", kind.name())).collect();
            let _ = write!(self.sql, " AND {column} IN ({})", names.join(", "));
        }
    }
}

fn int(value: i64) -> Arg<'static> {
    Arg::Int(value)
}

fn time(at: Timestamp) -> Arg<'static> {
    int(at.unix_millis())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Dialect, Source, postgres, sqlite};
    use crate::schema;

    /// What can be asked for: each condition that the API knows, by itself and with another.
    fn filters() -> Vec<EventFilter> {
        let none = EventFilter::default();
        let user_id = Some(UserId::from_uuid(uuid::Uuid::from_u128(7)));
        let authenticator_id = Some(AuthenticatorId::from_uuid(uuid::Uuid::from_u128(7)));
        let kinds = vec![EventKind::UserErased, EventKind::AuthenticatorVerified];
        let (since, until) = (Some(Timestamp::from_unix_millis(5)), Some(Timestamp::from_unix_millis(9)));
        vec![
            none.clone(),
            EventFilter { user_id, ..none.clone() },
            EventFilter { authenticator_id, ..none.clone() },
            EventFilter { kinds: kinds.clone(), ..none.clone() },
            EventFilter { since, ..none.clone() },
            EventFilter { until, ..none.clone() },
            EventFilter { kinds: kinds.clone(), since, until, ..none.clone() },
            EventFilter { user_id, kinds: kinds.clone(), since, ..none.clone() },
            EventFilter { kinds, user_id, authenticator_id, since, until },
        ]
    }

    /// Every statement that asking for these events can come to, in the order in which they are asked.
    fn statements(filter: &EventFilter) -> Vec<Statement> {
        [Order::Forward, Order::Backward]
            .into_iter()
            .flat_map(|order| {
                let search = Search { filter, order, start: 100_000, limit: limit(50), full: 50 };
                if filter.user_id.is_some() || filter.authenticator_id.is_some() {
                    vec![search.of_subject(20, 30)]
                } else if *filter == EventFilter::default() {
                    vec![search.any()]
                } else {
                    vec![search.promising(20), search.within(24)]
                }
            })
            .collect()
    }

    /// How the engine goes about it, whatever the values are.
    async fn plan(connection: &mut Connection, Statement { sql, args }: Statement) -> Vec<String> {
        let sql = spell(connection.dialect(), &sql);
        let explain = match connection.dialect() {
            Dialect::Sqlite => format!("EXPLAIN QUERY PLAN {sql}"),
            Dialect::Postgres => {
                connection.script(&format!("DEALLOCATE ALL; PREPARE asked AS {sql}")).await.unwrap();
                let values = args.iter().map(|arg| match arg {
                    Arg::Int(value) => value.to_string(),
                    Arg::Id(id) => format!("'{id}'"),
                    _ => panic!("{arg:?}"),
                });
                format!("EXPLAIN (COSTS OFF) EXECUTE asked ({})", values.collect::<Vec<_>>().join(", "))
            }
        };
        match connection {
            Connection::Sqlite(_) => connection.fetch(&explain, &args, |row| row.get(3)).await.unwrap(),
            Connection::Postgres(connection) => {
                let rows = sqlx::raw_sql(sqlx::AssertSqlSafe(explain)).fetch_all(&mut **connection).await.unwrap();
                rows.iter().map(|row| sqlx::Row::get(row, 0)).collect()
            }
        }
    }

    /// Some ten stretches of events, about some thousand subjects.
    async fn fill(connection: &mut Connection) {
        let (number, id) = match connection.dialect() {
            Dialect::Sqlite => (
                "WITH RECURSIVE g(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM g WHERE n < 300000)",
                "unhex(printf('%032x', n % 5003))",
            ),
            Dialect::Postgres => {
                ("WITH g(n) AS (SELECT generate_series(1, 300000))", "lpad(to_hex(n % 5003), 32, '0')::uuid")
            }
        };
        let sql = format!(
            "INSERT INTO events (position, id, at, kind, user_id, authenticator_id, data)
             {number} SELECT n, {id}, n, 'authenticator.verified', {id}, {id}, '{{}}' FROM g;
             INSERT INTO event_stretches (stretch, kind, first_at, last_at)
             SELECT position / 4096, kind, min(at), max(at) FROM events GROUP BY 1, 2;
             UPDATE event_head SET position = 300000;
             ANALYZE;"
        );
        connection.script(&sql).await.unwrap();
    }

    async fn migrated(source: &Source) -> Connection {
        let mut connection = source.writer().await.unwrap();
        assert!(schema::migrate(&mut connection, schema::PATIENCE).await.is_ok());
        connection
    }

    #[tokio::test]
    async fn no_filter_goes_through_the_log_on_sqlite() {
        let folder = tempfile::tempdir().unwrap();
        let (source, _lock) = sqlite::prepare(&folder.path().join("plans.db")).unwrap();
        let mut connection = migrated(&Source::Sqlite(source)).await;
        for filled in [false, true] {
            if filled {
                fill(&mut connection).await;
            }
            for filter in filters() {
                for statement in statements(&filter) {
                    let plan = plan(&mut connection, statement).await;
                    let goes_through = plan.iter().any(|step| step == "SCAN v" || step == "SCAN s");
                    assert!(!goes_through, "{filter:?}: {plan:#?}");
                    let by_subject = plan.iter().any(|step| {
                        step.contains("USING INDEX events_by_")
                            && step.contains("(<expr>=? AND ")
                            && step.contains("_id=?")
                    });
                    let subject = filter.user_id.is_some() || filter.authenticator_id.is_some();
                    assert_eq!(by_subject, subject, "{filter:?}: {plan:#?}");
                }
            }
        }
    }

    #[tokio::test]
    async fn no_filter_goes_through_the_log_on_postgresql() {
        let url = throwaway_postgres::Cluster::shared().unwrap().database().unwrap();
        let source = Source::Postgres(postgres::Source::parse(&url).unwrap());
        let mut connection = migrated(&source).await;
        for filled in [false, true] {
            if filled {
                connection.script("UPDATE event_head SET position = 200000").await.unwrap();
                assert!(crate::engine::partitions::make_room(&mut connection, Timestamp::default()).await.unwrap());
                fill(&mut connection).await;
            }
            for filter in filters() {
                for statement in statements(&filter) {
                    let plan = plan(&mut connection, statement).await;
                    assert!(!plan.iter().any(|step| step.contains("Seq Scan")), "{filter:?}: {plan:#?}");
                    let subject = filter.user_id.is_some() || filter.authenticator_id.is_some();
                    for (scan, bound) in plan.iter().zip(plan.iter().skip(1)).filter(|(scan, _)| is_of_log(scan)) {
                        let place = if subject { "(\"position\" / 4096) = " } else { "position" };
                        let id = !subject || bound.contains("_id = $");
                        assert!(bound.contains("Index Cond") && bound.contains(place) && id, "{scan}: {plan:#?}");
                    }
                }
            }
        }
    }

    fn is_of_log(step: &str) -> bool {
        step.contains(" Scan") && step.contains(" on events_") && !step.contains("Bitmap Heap")
    }
}
