//! How both engines go about the statements: by keys, however large the tables are.
//!
//! PostgreSQL is asked for what it plans while nothing is known of the tables. What it would choose there is close: an index of few rows (`WHERE
//! state = 'open'`) seems to cost nothing, and neither does one whose first column is left out. Once there are statistics it chooses better by itself.

use std::collections::BTreeMap;

use super::*;
use crate::engine::{postgres, sqlite};
use crate::set::Set;

/// What logins, runs, alerts and whatever else goes on all the time are made of.
fn statements() -> Vec<&'static Set> {
    [
        login::ALL.as_slice(),
        &enroll::ALL,
        &lower::ALL,
        &prompts::ALL,
        &hardware_tokens::ALL,
        &hygiene::ALL,
        &browsers::ALL,
        &risk::ALL,
        &policies::ALL,
        &runs::ALL,
        &alerts::ALL,
        &shut_out::ALL,
        &tasks::ALL,
        &links::ALL,
        &idempotency::ALL,
        &events::ALL,
        &rest::ALL,
        &pages::ALL,
        &sign_ins::ALL,
        &crate::read::alerts::ALL,
        &crate::read::stats::ALL,
        &crate::read::runs::ALL,
        &crate::read::hot::ALL,
        &crate::read::lists::ALL,
    ]
    .concat()
}

/// An empty database: what is planned there is kept.
async fn empty_on_postgresql() -> Connection {
    let url = throwaway_postgres::Cluster::shared().unwrap().database().unwrap();
    let source = postgres::Source::parse(&url).unwrap();
    let mut connection = source.connection().await.unwrap();
    assert!(schema::migrate(&mut connection, schema::PATIENCE).await.is_ok());
    connection
}

/// However many users there are, what logins are made of looks rows up by their keys.
#[tokio::test]
async fn no_statement_of_a_login_goes_through_a_table() {
    let folder = tempfile::tempdir().unwrap();
    let (source, _lock) = sqlite::prepare(&folder.path().join("plans.db")).unwrap();
    let mut connection = source.writer().unwrap();
    assert!(schema::migrate(&mut connection, schema::PATIENCE).await.is_ok());
    for set in statements() {
        let scans = set.scans(&mut connection).await;
        let tables: Vec<_> = scans.iter().filter(|scan| !is_input(scan)).collect();
        assert!(tables.is_empty(), "{tables:?} in {}", set.body());
    }
}

/// However long the log is, the details of one user's events are found by the user.
#[tokio::test]
async fn erasing_a_user_goes_through_no_table() {
    let folder = tempfile::tempdir().unwrap();
    let (source, _lock) = sqlite::prepare(&folder.path().join("plans.db")).unwrap();
    let mut connection = source.writer().unwrap();
    assert!(schema::migrate(&mut connection, schema::PATIENCE).await.is_ok());
    for set in &rest::ERASE_BELONGINGS {
        let scans = set.scans(&mut connection).await;
        let counted = ["SCAN stretch", "SCAN second", "SCAN event_head"];
        let tables: Vec<_> = scans.iter().filter(|scan| !is_input(scan) && !counted.contains(&scan.as_str())).collect();
        assert!(tables.is_empty(), "{tables:?} in {}", set.body());
    }
}

/// What is gone through in any case.
fn is_input(scan: &str) -> bool {
    ["SCAN i", "SCAN input", "SCAN many", "SCAN (subquery"]
        .contains(&scan.trim_end_matches(|c: char| c == ')' || c == '-' || c.is_ascii_digit()))
        || scan.ends_with("CONSTANT ROW")
        || scan.ends_with("CONSTANT ROWS")
        || scan.ends_with("VALUES CLAUSE")
}

/// One look into a table.
#[derive(Debug)]
struct Look {
    table: String,
    index: String,
    bound: String,
}

/// Every look that a plan has.
fn looks(plan: &serde_json::Value, of: &mut Vec<Look>) {
    let said = |name: &str| plan.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    if said("Node Type").ends_with(" Scan") && !said("Node Type").starts_with("Bitmap Heap") {
        let look = Look { table: said("Relation Name"), index: said("Index Name"), bound: said("Index Cond") };
        // What is no table is a part of the statement itself.
        if !(look.table.is_empty() && look.index.is_empty()) {
            of.push(look);
        }
    }
    match plan {
        serde_json::Value::Object(parts) => parts.values().for_each(|part| looks(part, of)),
        serde_json::Value::Array(parts) => parts.iter().for_each(|part| looks(part, of)),
        _ => {}
    }
}

/// What indexes are in order of, by their names.
async fn keys(connection: &mut Connection) -> BTreeMap<String, Vec<String>> {
    let sql = "SELECT c.relname::text, pg_get_indexdef(x.indexrelid, k.n, true)
        FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
            CROSS JOIN LATERAL generate_series(1, x.indnkeyatts) AS k(n)
        WHERE t.relnamespace = current_schema()::regnamespace ORDER BY c.relname, k.n";
    let columns = connection.fetch(sql, &[], |row| Ok((row.get::<String>(0)?, row.get::<String>(1)?))).await.unwrap();
    let mut keys: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (index, column) in columns {
        keys.entry(index).or_default().push(column);
    }
    keys
}

/// What very many rows have in common: by that alone nothing is found.
const BROAD: [&str; 6] = ["kind", "rule", "state", "workflow", "(\"position\" / 4096)", "(created_at / 1000)"];

/// What is gone through on purpose, and why that is never long.
const ON_PURPOSE: [(&str, &str); 9] = [
    // What one server that is gone had claimed.
    ("run_claims_by_claim", "((claim >= "),
    // The first one of those that another server has.
    ("run_claims_by_claim", "((claim > "),
    // The first few of those that are due.
    ("run_claims_by_due", "(due_at <= "),
    // The last one, and the first one.
    ("policies_pkey", "(number IS NOT NULL)"),
    ("challenges_by_user", "((created_at / 1000) IS NOT NULL)"),
    // As many as there are files.
    ("workflows_pkey", "(name >= "),
    ("alert_rules_pkey", "(name >= "),
    // Fifty of each rule.
    ("open_alerts", ""),
    // A thousand at most.
    ("blocked_addresses_by_end", "(ends_at > "),
];

/// Tables of one row.
const OF_ONE_ROW: [&str; 2] = ["event_head", "keyring"];

/// Whether few rows are found: by the first columns of an index up to one that tells them apart, each with its value.
fn is_narrow(look: &Look, keys: &BTreeMap<String, Vec<String>>) -> bool {
    let is_this = |(index, bound): &(&str, &str)| {
        look.index == *index && look.bound.starts_with(bound) && look.bound.is_empty() == bound.is_empty()
    };
    if OF_ONE_ROW.contains(&look.table.as_str()) || ON_PURPOSE.iter().any(is_this) {
        return true;
    }
    let bound = |column: &&String| look.bound.contains(&format!("({column} = "));
    keys.get(&look.index)
        .is_some_and(|columns| columns.iter().take_while(bound).any(|column| !BROAD.contains(&column.as_str())))
}

/// A plan that is made while tables are empty is kept until there are statistics, which is a minute or longer: until then as well, nothing is gone
/// through that grows.
#[tokio::test]
async fn w04_what_postgresql_plans_on_an_empty_database_finds_rows_by_their_keys() {
    let mut connection = empty_on_postgresql().await;
    let keys = keys(&mut connection).await;
    let mut wrong = Vec::new();
    let of_many_servers = runs::OF_MANY_SERVERS.iter().chain(&crate::read::runs::OF_MANY_SERVERS).copied();
    for set in statements().into_iter().chain(&rest::ERASE_BELONGINGS).chain(of_many_servers) {
        let mut found = Vec::new();
        looks(&set.kept_plan(&mut connection).await, &mut found);
        let broad: Vec<_> = found.iter().filter(|look| !is_narrow(look, &keys)).collect();
        if !broad.is_empty() {
            wrong.push(format!("{broad:#?} in {}", set.body()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
