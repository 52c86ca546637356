//! Statements over sets: one text for both engines, many rows at a time.
//!
//! A [`Set`] names its columns and a body that reads them from a table called `input`. `PostgreSQL` is given the rows
//! as one JSON array of arrays; `SQLite`, where parsing that would cost more than the work itself, as a list of values,
//! with a statement for each of a few lengths. Marks in braces stand for what the engines spell differently
//! ([`Dialect::spellings`]).
//!
//! Until there are statistics, which takes a minute or longer, `PostgreSQL` finds an index of few rows (`WHERE state = 'open'`) as good as a key,
//! and goes through all of it. So a condition that is not to be looked up by says so: `COALESCE(t.state, '') = 'open'`, or `IS NOT DISTINCT FROM`.
//! `write::plans` holds the statements that go on all the time to that.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::OnceLock;

use domain::{Authenticator, Challenge, Enrollment, backoff};
use uuid::Uuid;

use crate::Idempotency;
use crate::engine::{Arg, Connection, Dialect, Fault, Row};

/// What a column of the input is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Int,
    Text,
    Id,
    Blob,
}

/// One statement over many rows.
pub(crate) struct Set {
    columns: &'static [(&'static str, Kind)],
    body: Body,
    // One for PostgreSQL, and one for each length for SQLite.
    texts: [OnceLock<String>; 1 + LENGTHS.len()],
}

/// How many rows a statement has room for on SQLite; it takes what it is given, up to that. Few, because each is
/// prepared by itself.
const LENGTHS: [usize; 4] = [1, 8, 32, 128];

/// The greatest of them.
const MOST_SQLITE: usize = 128;

/// How many rows go at a time. A prepared statement of `SQLite` takes memory for each row that it has room for, in each
/// connection; `PostgreSQL` is far away, and is better asked once.
const fn most(dialect: Dialect) -> usize {
    match dialect {
        Dialect::Sqlite => MOST_SQLITE,
        Dialect::Postgres => 512,
    }
}

enum Body {
    Whole(&'static str),
    Parts(&'static [&'static str]),
}

impl Set {
    pub(crate) const fn new(columns: &'static [(&'static str, Kind)], body: &'static str) -> Self {
        Self { columns, body: Body::Whole(body), texts: [const { OnceLock::new() }; 1 + LENGTHS.len()] }
    }

    /// One whose body is put together from parts: columns that several statements read, say.
    pub(crate) const fn of(columns: &'static [(&'static str, Kind)], parts: &'static [&'static str]) -> Self {
        Self { columns, body: Body::Parts(parts), texts: [const { OnceLock::new() }; 1 + LENGTHS.len()] }
    }

    /// The statement's text for this many rows.
    fn text(&self, dialect: Dialect, rows: usize) -> &str {
        let [postgres, sqlite @ ..] = &self.texts;
        match dialect {
            Dialect::Postgres => postgres.get_or_init(|| self.with_input(dialect, &self.json_input())),
            Dialect::Sqlite => {
                let fitting = LENGTHS.iter().zip(sqlite).find(|(length, _)| **length >= rows);
                // What goes at a time is no more than the greatest length.
                let (length, text) = fitting.unwrap_or((&MOST_SQLITE, postgres));
                text.get_or_init(|| self.with_input(dialect, &self.values_input(*length)))
            }
        }
    }

    fn with_input(&self, dialect: Dialect, input: &str) -> String {
        let body = match self.body {
            Body::Whole(body) => body.to_owned(),
            Body::Parts(parts) => parts.concat(),
        };
        let body = if dialect == Dialect::Sqlite { with_its_transaction(&body) } else { body };
        spell(dialect, &format!("WITH RECURSIVE {input} {body}"))
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }

    /// The condition always holds. It makes the planner expect one row rather than a hundred, so that, however little
    /// it knows of the tables yet, it begins with the input and looks the rest up by key.
    fn json_input(&self) -> String {
        let columns: Vec<String> = self
            .columns
            .iter()
            .enumerate()
            .map(|(place, (_, kind))| match kind {
                Kind::Text => format!("j.value->>{place}"),
                Kind::Int => format!("(j.value->>{place})::bigint"),
                Kind::Id => format!("(j.value->>{place})::uuid"),
                Kind::Blob => format!("decode(j.value->>{place}, 'hex')"),
            })
            .collect();
        let columns = columns.join(", ");
        format!(
            "input({}) AS MATERIALIZED (
                SELECT {columns} FROM jsonb_array_elements($1::jsonb) AS j WHERE jsonb_typeof(j.value) = 'array')",
            self.names()
        )
    }

    /// The first parameter says how many of the rows are there.
    fn values_input(&self, length: usize) -> String {
        let marks = vec!["?"; self.columns.len()].join(",");
        let rows = vec![format!("({marks})"); length].join(",");
        format!(
            "many(rows) AS (SELECT ?),
             input({}) AS (SELECT * FROM (VALUES {rows}) LIMIT (SELECT rows FROM many))",
            self.names()
        )
    }

    /// What the statement takes for some rows: how many they are and each value, or all in the text that is made in `json`.
    fn args<'a>(&self, dialect: Dialect, values: Vec<Arg<'a>>, json: &'a mut String) -> Vec<Arg<'a>> {
        let width = self.columns.len();
        match dialect {
            Dialect::Postgres => {
                *json = as_json(&values, width);
                vec![Arg::Text(json)]
            }
            Dialect::Sqlite => {
                let mut args = values;
                let rows = args.len().checked_div(width).and_then(|rows| i64::try_from(rows).ok());
                args.insert(0, rows.map_or(Arg::Null, Arg::Int));
                args
            }
        }
    }

    /// Runs the statement over `rows` and reads what it gives back. Nothing happens for no rows.
    pub(crate) async fn fetch<T>(
        &self,
        connection: &mut Connection,
        rows: Rows,
        read: impl Fn(&Row<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let dialect = connection.dialect();
        let mut found = Vec::new();
        for (count, values) in rows.parts(most(dialect)) {
            let mut json = String::new();
            let args = self.args(dialect, values, &mut json);
            found.extend(connection.fetch(self.text(dialect, count), &args, &read).await?);
        }
        Ok(found)
    }

    /// As [`Set::fetch`], for a statement that gives back ids.
    pub(crate) async fn ids(&self, connection: &mut Connection, rows: Rows) -> Result<Vec<Uuid>, Fault> {
        self.fetch(connection, rows, |row| row.get(0)).await
    }

    /// Runs the statement over `rows` and answers how many rows it changed.
    pub(crate) async fn execute(&self, connection: &mut Connection, rows: Rows) -> Result<u64, Fault> {
        let dialect = connection.dialect();
        let mut changed = 0;
        for (count, values) in rows.parts(most(dialect)) {
            let mut json = String::new();
            let args = self.args(dialect, values, &mut json);
            changed += connection.execute(self.text(dialect, count), &args).await?;
        }
        Ok(changed)
    }

    /// Runs a later statement of a change whose guard held, which therefore has to change a row for each of `rows`.
    pub(crate) async fn all(&self, connection: &mut Connection, rows: Rows) -> Result<(), Fault> {
        let wanted = u64::try_from(rows.count).unwrap_or(u64::MAX);
        let changed = self.execute(connection, rows).await?;
        if changed == wanted {
            return Ok(());
        }
        Err(Fault::Raced(format!("{changed} of {wanted} rows were as expected")))
    }
}

/// Has what a statement may not write undo its transaction, which is undone in any case: or else `SQLite` copies each page that the statement
/// changes, to be able to undo that statement alone (<https://www.sqlite.org/tempfiles.html#stmtjrnl>).
fn with_its_transaction(body: &str) -> String {
    let line = |line: &str| {
        let begins = line.trim_start();
        let indent = line.strip_suffix(begins).unwrap_or_default();
        let verb = ["INSERT", "UPDATE"].into_iter().find(|verb| begins.starts_with(&format!("{verb} ")));
        match verb.and_then(|verb| Some((verb, begins.strip_prefix(verb)?))) {
            Some((verb, rest)) => format!("{indent}{verb} OR ROLLBACK{rest}"),
            None => line.to_owned(),
        }
    };
    body.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// Puts an engine's spellings, and the limits that `domain` sets, in the place of the marks in `text`.
pub(crate) fn spell(dialect: Dialect, text: &str) -> String {
    let mut text = text.to_owned();
    if !text.contains('{') {
        return text;
    }
    // Few statements have more than one or two marks: what stands for the others is not worked out.
    let mut put = |mark: &str, spelling: &dyn Fn() -> String| {
        if text.contains(mark) {
            text = text.replace(mark, &spelling());
        }
    };
    for (mark, spelling) in dialect.spellings() {
        put(mark, &|| (*spelling).to_owned());
    }
    put("{open_wait}", &|| retry_at("a.open_failures"));
    put("{trusted_wait}", &|| retry_at("a.trusted_failures"));
    put("{trusted}", &|| TRUSTED.to_owned());
    put("{by_trust}", &|| BY_TRUST.to_owned());
    put("{proved}", &|| PROVED.to_owned());
    put("{most_browsers}", &|| Authenticator::MOST_BROWSERS.to_string());
    put("{budget}", &|| backoff::BUDGET.to_string());
    put("{most_of_a_kind}", &|| Authenticator::MOST_OF_A_KIND.to_string());
    put("{challenge_failures}", &|| Challenge::MAX_FAILURES.to_string());
    put("{idempotency_lifetime}", &|| Idempotency::LIFETIME.as_millis().to_string());
    put("{enrollment_failures}", &|| Enrollment::MAX_FAILURES.to_string());
    text
}

/// Whether the session `s` is trusted ([`domain::Door::Trusted`]). A level above the first says that something was proved
/// with an authenticator that is still in use.
const TRUSTED: &str = "(s.aal >= 2 OR (s.device_id IS NOT NULL AND EXISTS (SELECT 1 FROM sessions t
    WHERE t.user_id = s.user_id AND t.device_id = s.device_id AND t.aal >= 2)))";

/// Whether a change is by a session that is trusted for it, or by none.
const BY_TRUST: &str = "(i.session_id IS NULL OR EXISTS (SELECT 1 FROM sessions s
    WHERE s.id = i.session_id AND s.ended_at IS NULL AND s.expires_at > i.at AND {proved}))";

/// Whether what `i.proved` names is still proved in the session `s`: what is out of use by now was forgotten. Nothing is named where
/// there was nothing to prove.
const PROVED: &str = r#"(i.proved IS NULL OR s.proofs LIKE '%"' || i.proved || '"%')"#;

/// [`backoff::wait_after`] one failure more than a column counts, from `i.at` on, as SQL: read off the function itself, so
/// that there is one rule.
fn retry_at(column: &str) -> String {
    let mut text = "CASE".to_owned();
    for failures in 1..=backoff::BUDGET {
        let wait = backoff::wait_after(failures);
        if failures < backoff::BUDGET && wait == backoff::wait_after(failures + 1) {
            continue;
        }
        let retry = if wait.is_zero() { "NULL".to_owned() } else { format!("i.at + {}", wait.as_millis()) };
        let _ = write!(text, " WHEN {column} + 1 <= {failures} THEN {retry}");
    }
    let _ = write!(text, " ELSE i.at + {} END", backoff::LONGEST.as_millis());
    text
}

impl From<i64> for Arg<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Arg<'_> {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<i16> for Arg<'_> {
    fn from(value: i16) -> Self {
        Self::Int(value.into())
    }
}

impl From<domain::Timestamp> for Arg<'_> {
    fn from(value: domain::Timestamp) -> Self {
        Self::Int(value.unix_millis())
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Arg<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl From<Uuid> for Arg<'_> {
    fn from(value: Uuid) -> Self {
        Self::Id(value)
    }
}

impl<'a> From<&'a [u8]> for Arg<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Blob(value)
    }
}

impl<'a> From<&'a Vec<u8>> for Arg<'a> {
    fn from(value: &'a Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Arg<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Blob(value)
    }
}

impl<'a, T: Into<Arg<'a>>> From<Option<T>> for Arg<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

macro_rules! ids {
    ($($id:ty),*) => {$(
        impl From<$id> for Arg<'_> {
            fn from(id: $id) -> Self {
                Self::Id(id.uuid())
            }
        }
    )*};
}

ids!(
    domain::ApiKeyId,
    domain::ApplicationId,
    domain::PromptId,
    domain::AuthenticatorId,
    domain::ChallengeId,
    domain::DeviceId,
    domain::HardwareTokenId,
    domain::EnrollmentId,
    domain::EventId,
    domain::PageId,
    domain::SignInId,
    domain::PolicyId,
    domain::AlertId,
    domain::RunId,
    domain::SessionId,
    domain::LinkId,
    domain::TaskId,
    domain::UserId
);

/// Rows for a [`Set`]: their values one after the other, and what is longer in one piece of memory beside them.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    values: Vec<Value>,
    texts: String,
    blobs: Vec<u8>,
    count: usize,
}

/// One value of a row, and where it is if it is longer.
#[derive(Debug, Clone)]
enum Value {
    Null,
    Int(i64),
    Text(Range<usize>),
    Id(Uuid),
    Blob(Range<usize>),
}

impl Rows {
    /// A single row.
    pub(crate) fn one(values: &[Arg<'_>]) -> Self {
        let mut rows = Self::default();
        rows.push(values);
        rows
    }

    /// A row for each id.
    pub(crate) fn of_ids(ids: impl IntoIterator<Item = Uuid>) -> Self {
        let mut rows = Self::default();
        for id in ids {
            rows.push(&[id.into()]);
        }
        rows
    }

    pub(crate) fn push(&mut self, values: &[Arg<'_>]) {
        for value in values {
            let value = match *value {
                Arg::Null => Value::Null,
                Arg::Int(number) => Value::Int(number),
                Arg::Text(text) => {
                    let start = self.texts.len();
                    self.texts.push_str(text);
                    Value::Text(start..self.texts.len())
                }
                Arg::Id(id) => Value::Id(id),
                Arg::Blob(bytes) => {
                    let start = self.blobs.len();
                    self.blobs.extend_from_slice(bytes);
                    Value::Blob(start..self.blobs.len())
                }
            };
            self.values.push(value);
        }
        self.count += 1;
    }

    /// A row whose values stand in several pieces.
    pub(crate) fn push_all<const N: usize>(&mut self, pieces: [&[Arg<'_>]; N]) {
        self.push(&pieces.concat());
    }

    /// The rows in parts of `most`, each with how many it has and their values.
    fn parts(&self, most: usize) -> impl Iterator<Item = (usize, Vec<Arg<'_>>)> {
        let width = self.values.len().checked_div(self.count).unwrap_or(0).max(1);
        self.values.chunks(most * width).map(move |part| {
            let mut values = Vec::with_capacity(part.len() + 1);
            values.extend(part.iter().map(|value| self.arg(value)));
            (part.len() / width, values)
        })
    }

    fn arg(&self, value: &Value) -> Arg<'_> {
        match value {
            Value::Null => Arg::Null,
            Value::Int(number) => Arg::Int(*number),
            Value::Text(range) => Arg::Text(self.texts.get(range.clone()).unwrap_or_default()),
            Value::Id(id) => Arg::Id(*id),
            Value::Blob(range) => Arg::Blob(self.blobs.get(range.clone()).unwrap_or_default()),
        }
    }
}

/// An array of arrays of `width` values each; ids and bytes in hex.
fn as_json(values: &[Arg<'_>], width: usize) -> String {
    let mut text = String::from("[");
    for (place, value) in values.iter().enumerate() {
        text.push_str(match (place % width, place) {
            (0, 0) => "[",
            (0, _) => "],[",
            _ => ",",
        });
        match value {
            Arg::Null => text.push_str("null"),
            Arg::Int(number) => {
                let _ = write!(text, "{number}");
            }
            Arg::Text(value) => push_text(&mut text, value),
            Arg::Id(id) => push_hex(&mut text, id.as_bytes()),
            Arg::Blob(bytes) => push_hex(&mut text, bytes),
        }
    }
    text.push_str("]]");
    text
}

fn push_text(json: &mut String, text: &str) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            c if c < ' ' => {
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            c => json.push(c),
        }
    }
    json.push('"');
}

fn push_hex(json: &mut String, bytes: &[u8]) {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    json.push('"');
    for byte in bytes {
        for digit in [byte >> 4, byte & 15] {
            json.push(DIGITS.get(usize::from(digit)).copied().unwrap_or('0'));
        }
    }
    json.push('"');
}

#[cfg(test)]
impl Set {
    pub(crate) fn body(&self) -> String {
        match self.body {
            Body::Whole(body) => body.to_owned(),
            Body::Parts(parts) => parts.concat(),
        }
    }

    /// The plan that `PostgreSQL` makes once for whatever is given, and keeps.
    pub(crate) async fn kept_plan(&self, connection: &mut Connection) -> serde_json::Value {
        let prepare = format!("PREPARE kept (text) AS {}", self.text(Dialect::Postgres, 1));
        connection.script(&prepare).await.unwrap();
        let Connection::Postgres(postgres) = connection else { panic!("not PostgreSQL") };
        let explain = "EXPLAIN (COSTS OFF, FORMAT JSON) EXECUTE kept ('[]')";
        let row = sqlx::query(explain).fetch_one(&mut **postgres).await.unwrap();
        let plan: String = sqlx::Row::get_unchecked(&row, 0);
        connection.script("DEALLOCATE kept").await.unwrap();
        serde_json::from_str(&plan).unwrap()
    }

    /// The tables that SQLite would go through from end to end, for each length.
    pub(crate) async fn scans(&self, connection: &mut Connection) -> Vec<String> {
        let mut scans = Vec::new();
        for length in LENGTHS {
            let explain = format!("EXPLAIN QUERY PLAN {}", self.text(Dialect::Sqlite, length));
            let plan = connection.fetch(&explain, &[], |row| row.get::<String>(3)).await.unwrap();
            scans.extend(plan.into_iter().filter(|step| step.starts_with("SCAN ") || step.contains("AUTOMATIC")));
        }
        scans
    }
}

#[cfg(test)]
mod tests {
    use super::Kind::{Id, Int};
    use super::*;

    #[test]
    fn rows_are_json() {
        let mut rows = Rows::default();
        rows.push(&[Arg::Null, 7_i64.into(), "a\"\\\n\u{1}é".into(), (&[0x0f_u8, 0xa0]).into()]);
        rows.push(&[Uuid::nil().into(), 8_i64.into(), "".into(), Arg::Null]);
        let texts: Vec<_> = rows.parts(512).map(|(count, values)| (count, as_json(&values, 4))).collect();
        let [(2, text)] = texts.as_slice() else { panic!("both rows go at once") };
        let read: serde_json::Value = serde_json::from_str(text).unwrap();
        assert_eq!(read, serde_json::json!([[null, 7, "a\"\\\n\u{1}é", "0fa0"], ["0".repeat(32), 8, "", null]]));
    }

    #[test]
    fn a_statement_of_sqlite_undoes_its_transaction_and_no_more_is_changed_in_it() {
        static PUT: Set = Set::new(
            &[("id", Id), ("at", Int)],
            "INSERT INTO things AS t (id, at) SELECT i.id, i.at FROM input i WHERE true
             ON CONFLICT (id) DO UPDATE SET at = excluded.at",
        );
        static PICKED: Set =
            Set::new(&[("at", Int)], ", picked AS (SELECT 1)\n  UPDATE things AS t SET at = i.at FROM input i");
        let (put, picked) = (PUT.text(Dialect::Sqlite, 1), PICKED.text(Dialect::Sqlite, 1));
        assert!(put.contains("INSERT OR ROLLBACK INTO things AS t (id"), "{put}");
        assert!(put.contains("DO UPDATE SET at"), "{put}");
        assert!(picked.contains("\n  UPDATE OR ROLLBACK things AS t SET"), "{picked}");
        assert!(!PUT.text(Dialect::Postgres, 1).contains("ROLLBACK"));
    }

    #[test]
    fn many_rows_go_in_parts() {
        let rows = Rows::of_ids((0..300).map(|_| Uuid::nil()));
        let counts: Vec<_> = rows.parts(128).map(|(count, values)| (count, values.len())).collect();
        assert_eq!(counts, [(128, 128), (128, 128), (44, 44)]);
    }

    #[test]
    fn no_rows_are_no_part() {
        assert_eq!(Rows::default().parts(128).count(), 0);
    }
}
