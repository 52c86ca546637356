//! The two schemas say the same.
//!
//! Each is told line by line from what the database itself says that it has; the lines are compared.

use std::collections::BTreeSet;

use rusqlite::Connection;
use store::Location;

use crate::home::*;

/// Lines that only SQLite has, or only PostgreSQL, with the reason.
const DIFFERENCES: [(&str, &str, &str); 5] = [
    (
        "column users.external_id_key: text not null",
        "column users.external_id_key: text not null collate C",
        "SQLite compares the bytes of every text; PostgreSQL does where a range of names is searched",
    ),
    (
        "index events_by_user: events (position/4096,user_id) where user_idisnotnull",
        "index events_by_user: events (position/4096,user_id,position) where user_idisnotnull",
        "an index of SQLite's ends with the row's own key by itself",
    ),
    (
        "index events_by_authenticator: events (position/4096,authenticator_id) where authenticator_idisnotnull",
        "index events_by_authenticator: events (position/4096,authenticator_id,position) where authenticator_idisnotnull",
        "as above",
    ),
    ("", "partitioned event_details, events: rangeposition", "SQLite has no partitions"),
    ("", "partitioned run_lines: rangerun_id", "as above"),
];

/// Without what the engines write differently: white space, brackets, quotes, casts of literals.
fn plain(sql: &str) -> String {
    let sql = sql.to_lowercase().replace("::text", "").replace("::bigint", "");
    sql.chars().filter(|c| !c.is_whitespace() && !"()\"".contains(*c)).collect()
}

/// What stands in a column unless said otherwise; bytes as SQLite writes them.
fn default(sql: &str) -> String {
    let sql = plain(sql).replace("'\\x", "x'").replace("::bytea", "");
    if sql.is_empty() { sql } else { format!(" default {sql}") }
}

/// `(columns) where condition`, of an index.
fn index(name: &str, table: &str, unique: bool, definition: &str) -> String {
    let lower = definition.to_lowercase();
    let (columns, condition) = lower.split_once(" where ").unwrap_or((&lower, ""));
    let columns = columns.split_once('(').unwrap().1;
    let unique = if unique { "unique " } else { "" };
    let condition = if condition.is_empty() { String::new() } else { format!(" where {}", plain(condition)) };
    format!("{unique}index {name}: {table} ({}){condition}", plain(columns))
}

fn of_sqlite(path: &std::path::Path) -> BTreeSet<String> {
    let connection = Connection::open(path).unwrap();
    let rows = |sql: &str, columns: usize| -> Vec<Vec<String>> {
        let mut statement = connection.prepare(sql).unwrap();
        let read = |row: &rusqlite::Row<'_>| (0..columns).map(|column| row.get::<_, String>(column)).collect();
        statement.query_map([], read).unwrap().map(Result::unwrap).collect()
    };
    let mut lines = BTreeSet::new();
    for table in rows("SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'", 2) {
        let [table, sql] = table.as_slice() else { panic!() };
        let columns = format!(
            "SELECT name, lower(type), CASE WHEN \"notnull\" OR pk THEN ' not null' ELSE '' END, coalesce(dflt_value, '')
             FROM pragma_table_info('{table}')"
        );
        for column in rows(&columns, 4) {
            let kind = match column[1].as_str() {
                "integer" | "bigint" => "number",
                "blob" => "bytes",
                other => other,
            };
            lines.insert(format!("column {table}.{}: {kind}{}{}", column[0], column[2], default(&column[3])));
        }
        let key = format!(
            "SELECT coalesce(group_concat(name), '') FROM (SELECT name FROM pragma_table_info('{table}') WHERE pk ORDER BY pk)"
        );
        let key = rows(&key, 1).concat().concat();
        if !key.is_empty() {
            lines.insert(format!("key {table}: {key}"));
        }
        for check in sql.split("CHECK (").skip(1) {
            lines.insert(format!("check {table}: {}", plain(check.split_once(')').unwrap().0)));
        }
        let list = format!(
            "SELECT l.name, l.origin, CAST(l.\"unique\" AS TEXT), coalesce(s.sql, ''),
                (SELECT coalesce(group_concat(name), '') FROM pragma_index_info(l.name))
             FROM pragma_index_list('{table}') l JOIN sqlite_schema s ON s.name = l.name"
        );
        for found in rows(&list, 5) {
            match found[1].as_str() {
                "c" => {
                    let definition = found[3].split_once(" ON ").unwrap().1;
                    lines.insert(index(&found[0], table, found[2] == "1", definition));
                }
                "u" => {
                    lines.insert(format!("unique {table}: {}", found[4]));
                }
                _ => {}
            }
        }
        assert!(!plain(sql).contains("references"), "{table}: references are not compared yet");
    }
    assert_eq!(rows("SELECT name FROM sqlite_schema WHERE type IN ('view', 'trigger')", 1).len(), 0);
    lines
}

fn of_postgres(url: &str) -> BTreeSet<String> {
    let cluster = throwaway_postgres::Cluster::shared().unwrap();
    let rows = |sql: &str| -> Vec<Vec<String>> {
        let found = cluster.run_sql(url, sql).unwrap();
        found.lines().map(|line| line.split('|').map(str::to_owned).collect()).collect()
    };
    let ours = "c.relnamespace = current_schema()::regnamespace AND NOT c.relispartition";
    let mut lines = BTreeSet::new();
    for column in rows(&format!(
        "SELECT c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
            CASE WHEN a.attnotnull THEN ' not null' ELSE '' END, CASE WHEN l.collname = 'C' THEN ' collate C' ELSE '' END,
            coalesce(pg_get_expr(d.adbin, d.adrelid), '')
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            LEFT JOIN pg_collation l ON l.oid = a.attcollation
            LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
         WHERE {ours} AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped"
    )) {
        let kind = match column[2].as_str() {
            "bigint" => "number",
            "uuid" | "bytea" => "bytes",
            other => other,
        };
        let default = default(&column[5]);
        lines.insert(format!("column {}.{}: {kind}{}{}{default}", column[0], column[1], column[3], column[4]));
    }
    for constraint in rows(&format!(
        "SELECT c.relname, n.contype, pg_get_constraintdef(n.oid) FROM pg_constraint n JOIN pg_class c ON c.oid = n.conrelid
         WHERE {ours}"
    )) {
        let definition = plain(&constraint[2]);
        lines.insert(match constraint[1].as_str() {
            "p" => format!("key {}: {}", constraint[0], definition.trim_start_matches("primarykey")),
            "u" => format!("unique {}: {}", constraint[0], definition.trim_start_matches("unique")),
            "c" => format!("check {}: {}", constraint[0], definition.trim_start_matches("check")),
            other => panic!("constraints of the kind {other} are not compared yet: {constraint:?}"),
        });
    }
    for found in rows(&format!(
        "SELECT x.relname, c.relname, i.indisunique, pg_get_indexdef(i.indexrelid)
         FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
         WHERE {ours} AND c.relkind IN ('r', 'p')
            AND NOT EXISTS (SELECT 1 FROM pg_constraint n WHERE n.conindid = i.indexrelid)"
    )) {
        lines.insert(index(&found[0], &found[1], found[2] == "t", &found[3]));
    }
    let partitioned = rows(&format!(
        "SELECT string_agg(c.relname, ', ' ORDER BY c.relname), pg_get_partkeydef(c.oid)
         FROM pg_class c WHERE {ours} AND c.relkind = 'p' GROUP BY pg_get_partkeydef(c.oid)"
    ));
    for found in partitioned.iter().filter(|found| !found[0].is_empty()) {
        lines.insert(format!("partitioned {}: {}", found[0], plain(&found[1])));
    }
    let others = format!("SELECT relname FROM pg_class c WHERE {ours} AND relkind NOT IN ('r', 'p', 'i', 'I', 't')");
    assert_eq!(rows(&others).len(), 0, "neither views nor sequences are compared yet");
    lines
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_schemas_say_the_same() {
    let homes = [Home::sqlite(), Home::postgres()];
    let mut schemas = Vec::new();
    for home in &homes {
        home.open().await.close().await;
        schemas.push(match &home.options.location {
            Location::Sqlite(path) => of_sqlite(path),
            Location::Postgres(url) => of_postgres(url),
        });
    }
    let [sqlite, postgres] = schemas.as_slice() else { panic!() };
    assert!(sqlite.len() > 100 && sqlite.iter().any(|line| line.starts_with("unique index")), "{sqlite:#?}");
    for (here, there, reason) in DIFFERENCES {
        assert!(here.is_empty() || sqlite.contains(here), "no difference any more: {here} ({reason})");
        assert!(there.is_empty() || postgres.contains(there), "no difference any more: {there} ({reason})");
    }
    let argued: BTreeSet<&str> = DIFFERENCES.iter().flat_map(|(here, there, _)| [*here, *there]).collect();
    let lacking = |here: &BTreeSet<String>, there: &BTreeSet<String>| -> Vec<String> {
        here.difference(there).filter(|line| !argued.contains(line.as_str())).cloned().collect()
    };
    assert_eq!(lacking(sqlite, postgres), Vec::<String>::new(), "PostgreSQL lacks these");
    assert_eq!(lacking(postgres, sqlite), Vec::<String>::new(), "SQLite lacks these");
}
