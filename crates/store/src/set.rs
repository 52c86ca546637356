//! Statements over sets: one text for both engines, many rows at a time.
//!
//! A [`Set`] names its columns and a body that reads them from a table called `input`. The rows go as one JSON array
//! of arrays, which is what both engines can take as a single parameter. Marks in braces stand for what the
//! engines spell differently ([`Dialect::spellings`]).

use std::fmt::Write as _;
use std::sync::OnceLock;

use domain::{Challenge, Enrollment, backoff};
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
    texts: [OnceLock<String>; 2],
}

enum Body {
    Whole(&'static str),
    Parts(&'static [&'static str]),
}

impl Set {
    pub(crate) const fn new(columns: &'static [(&'static str, Kind)], body: &'static str) -> Self {
        Self { columns, body: Body::Whole(body), texts: [const { OnceLock::new() }; 2] }
    }

    /// One whose body is put together from parts: columns that several statements read, say.
    pub(crate) const fn of(columns: &'static [(&'static str, Kind)], parts: &'static [&'static str]) -> Self {
        Self { columns, body: Body::Parts(parts), texts: [const { OnceLock::new() }; 2] }
    }

    fn text(&self, dialect: Dialect) -> &str {
        let [sqlite, postgres] = &self.texts;
        match dialect {
            Dialect::Sqlite => sqlite.get_or_init(|| self.render(dialect)),
            Dialect::Postgres => postgres.get_or_init(|| self.render(dialect)),
        }
    }

    fn render(&self, dialect: Dialect) -> String {
        let mut columns = Vec::with_capacity(self.columns.len());
        for (place, (name, kind)) in self.columns.iter().enumerate() {
            columns.push(match (dialect, kind) {
                (_, Kind::Text) | (Dialect::Sqlite, Kind::Int) => format!("j.value->>{place} AS {name}"),
                (Dialect::Sqlite, Kind::Id | Kind::Blob) => format!("unhex(j.value->>{place}) AS {name}"),
                (Dialect::Postgres, Kind::Int) => format!("(j.value->>{place})::bigint AS {name}"),
                (Dialect::Postgres, Kind::Id) => format!("(j.value->>{place})::uuid AS {name}"),
                (Dialect::Postgres, Kind::Blob) => format!("decode(j.value->>{place}, 'hex') AS {name}"),
            });
        }
        let columns = columns.join(", ");
        let source = match dialect {
            Dialect::Sqlite => "json_each($1) AS j",
            // The condition always holds. It makes the planner expect one row rather than a hundred, so that, however
            // little it knows of the tables yet, it begins with the input and looks the rest up by key.
            Dialect::Postgres => "jsonb_array_elements($1::jsonb) AS j WHERE jsonb_typeof(j.value) = 'array'",
        };
        let body = match self.body {
            Body::Whole(body) => body.to_owned(),
            Body::Parts(parts) => parts.concat(),
        };
        // Materialized, or each use of a column would parse it again.
        spell(dialect, &format!("WITH RECURSIVE input AS MATERIALIZED (SELECT {columns} FROM {source}) {body}"))
    }

    /// Runs the statement over `rows` and reads what it gives back. Nothing happens for no rows.
    pub(crate) async fn fetch<T>(
        &self,
        connection: &mut Connection,
        rows: Rows,
        read: impl Fn(&Row<'_>) -> Result<T, Fault>,
    ) -> Result<Vec<T>, Fault> {
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let text = self.text(connection.dialect());
        connection.fetch(text, vec![rows.into_arg()], read).await
    }

    /// As [`Set::fetch`], for a statement that gives back ids.
    pub(crate) async fn ids(&self, connection: &mut Connection, rows: Rows) -> Result<Vec<Uuid>, Fault> {
        self.fetch(connection, rows, |row| row.get(0)).await
    }

    /// Runs the statement over `rows` and answers how many rows it changed.
    pub(crate) async fn execute(&self, connection: &mut Connection, rows: Rows) -> Result<u64, Fault> {
        if rows.is_empty() {
            return Ok(0);
        }
        let text = self.text(connection.dialect());
        connection.execute(text, vec![rows.into_arg()]).await
    }

    /// Runs a later statement of a change whose guard held, which therefore has to change a row for each of `rows`.
    pub(crate) async fn all(&self, connection: &mut Connection, rows: Rows) -> Result<(), Fault> {
        let wanted = rows.count;
        let changed = self.execute(connection, rows).await?;
        if changed == wanted {
            return Ok(());
        }
        Err(Fault::Raced(format!("{changed} of {wanted} rows were as expected")))
    }
}

/// Puts an engine's spellings, and the limits that `domain` sets, in the place of the marks in `text`.
pub(crate) fn spell(dialect: Dialect, text: &str) -> String {
    let text = dialect.spellings().iter().fold(text.to_owned(), |text, (mark, spelling)| text.replace(mark, spelling));
    text.replace("{retry_at}", retry_at())
        .replace("{budget}", &backoff::BUDGET.to_string())
        .replace("{challenge_failures}", &Challenge::MAX_FAILURES.to_string())
        .replace("{idempotency_lifetime}", &Idempotency::LIFETIME.as_millis().to_string())
        .replace("{enrollment_failures}", &Enrollment::MAX_FAILURES.to_string())
}

/// [`backoff::wait_after`] one failure more than `a.failures`, counted from `i.at`, as SQL: read off the function
/// itself, so that there is one rule.
fn retry_at() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        let mut text = "CASE".to_owned();
        for failures in 1..=backoff::BUDGET {
            let wait = backoff::wait_after(failures);
            if failures < backoff::BUDGET && wait == backoff::wait_after(failures + 1) {
                continue;
            }
            let retry = if wait.is_zero() { "NULL".to_owned() } else { format!("i.at + {}", wait.as_millis()) };
            let _ = write!(text, " WHEN a.failures + 1 <= {failures} THEN {retry}");
        }
        let _ = write!(text, " ELSE i.at + {} END", backoff::LONGEST.as_millis());
        text
    })
}

/// One value of a row.
pub(crate) enum Value<'a> {
    Null,
    Int(i64),
    Text(&'a str),
    Id(Uuid),
    Blob(&'a [u8]),
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<i32> for Value<'_> {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<i16> for Value<'_> {
    fn from(value: i16) -> Self {
        Self::Int(value.into())
    }
}

impl From<domain::Timestamp> for Value<'_> {
    fn from(value: domain::Timestamp) -> Self {
        Self::Int(value.unix_millis())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a> From<&'a String> for Value<'a> {
    fn from(value: &'a String) -> Self {
        Self::Text(value)
    }
}

impl From<Uuid> for Value<'_> {
    fn from(value: Uuid) -> Self {
        Self::Id(value)
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Blob(value)
    }
}

impl<'a> From<&'a Vec<u8>> for Value<'a> {
    fn from(value: &'a Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Blob(value)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

macro_rules! ids {
    ($($id:ty),*) => {$(
        impl From<$id> for Value<'_> {
            fn from(id: $id) -> Self {
                Self::Id(id.uuid())
            }
        }
    )*};
}

ids!(
    domain::ApiKeyId,
    domain::ApplicationId,
    domain::AuthenticatorId,
    domain::ChallengeId,
    domain::DeviceId,
    domain::EnrollmentId,
    domain::EventId,
    domain::SessionId,
    domain::UserId
);

/// Rows for a [`Set`], as the JSON text that they travel in.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    json: String,
    count: u64,
}

impl Rows {
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// A single row.
    pub(crate) fn one(values: &[Value<'_>]) -> Self {
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

    pub(crate) fn push(&mut self, values: &[Value<'_>]) {
        self.json.push_str(if self.count == 0 { "[[" } else { ",[" });
        for (place, value) in values.iter().enumerate() {
            if place > 0 {
                self.json.push(',');
            }
            self.value(value);
        }
        self.json.push(']');
        self.count += 1;
    }

    fn value(&mut self, value: &Value<'_>) {
        match value {
            Value::Null => self.json.push_str("null"),
            Value::Int(number) => {
                let _ = write!(self.json, "{number}");
            }
            Value::Text(text) => self.text(text),
            Value::Id(id) => self.hex(id.as_bytes()),
            Value::Blob(bytes) => self.hex(bytes),
        }
    }

    fn text(&mut self, text: &str) {
        self.json.push('"');
        for c in text.chars() {
            match c {
                '"' => self.json.push_str("\\\""),
                '\\' => self.json.push_str("\\\\"),
                c if c < ' ' => {
                    let _ = write!(self.json, "\\u{:04x}", u32::from(c));
                }
                c => self.json.push(c),
            }
        }
        self.json.push('"');
    }

    fn hex(&mut self, bytes: &[u8]) {
        const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
        self.json.push('"');
        for byte in bytes {
            for digit in [byte >> 4, byte & 15] {
                self.json.push(DIGITS.get(usize::from(digit)).copied().unwrap_or('0'));
            }
        }
        self.json.push('"');
    }

    fn into_arg(mut self) -> Arg {
        self.json.push(']');
        Arg::Text(Some(self.json))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_json() {
        let mut rows = Rows::default();
        rows.push(&[Value::Null, 7_i64.into(), "a\"\\\n\u{1}é".into(), (&[0x0f_u8, 0xa0]).into()]);
        rows.push(&[Uuid::nil().into()]);
        let Arg::Text(Some(text)) = rows.into_arg() else { panic!("rows travel as text") };
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(read, serde_json::json!([[null, 7, "a\"\\\n\u{1}é", "0fa0"], ["0".repeat(32)]]));
    }
}
