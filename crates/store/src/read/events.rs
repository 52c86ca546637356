//! The event log, forwards and backwards.

use domain::{Event, Page, PageRequest};

use super::lists::{cut, limit};
use crate::EventFilter;
use crate::engine::{Arg, Connection, Fault};
use crate::rows::{self, Reader};
use crate::set::spell;

/// Which way a list goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Forward,
    Backward,
}

pub(crate) async fn events(
    connection: &mut Connection,
    filter: &EventFilter,
    order: Order,
    page: PageRequest<i64>,
) -> Result<Page<Event, i64>, Fault> {
    let start = match order {
        Order::Forward => page.after.unwrap_or(0),
        Order::Backward => page.after.unwrap_or(i64::MAX),
    };
    let mut args = vec![Arg::Int(Some(start)), limit(page.limit)];
    let source = source(filter, order, &mut args);
    let (beyond, direction) = match order {
        Order::Forward => (">", "ASC"),
        Order::Backward => ("<", "DESC"),
    };
    let mut wanted = String::new();
    if !filter.kinds.is_empty() {
        let names: Vec<String> = filter.kinds.iter().map(|kind| format!("'{}'", kind.name())).collect();
        wanted.push_str(&format!(" AND v.kind IN ({})", names.join(", ")));
    }
    for (bound, at) in [(">=", filter.since), ("<", filter.until)] {
        if let Some(at) = at {
            args.push(Arg::Int(Some(at.unix_millis())));
            wanted.push_str(&format!(" AND v.at {bound} ${}", args.len()));
        }
    }
    let sql = format!(
        "{source} LEFT JOIN event_details t ON t.position = v.position
         WHERE v.position {beyond} $1{wanted} ORDER BY v.position {direction} LIMIT $2"
    );
    let sql = spell(connection.dialect(), &sql.replace("{columns}", rows::EVENT));
    let items = connection.fetch(&sql, args, |row| rows::event(&mut Reader::new(row))).await?;
    Ok(cut(items, page.limit, |event| event.position))
}

/// The events to choose from: all of them; or those of a subject, with one look into its index for each stretch of
/// 4,096, in the list's order, so that a page that is full ends the search.
fn source(filter: &EventFilter, order: Order, args: &mut Vec<Arg>) -> String {
    let mut subjects = Vec::new();
    if let Some(user) = filter.user_id {
        args.push(Arg::Uuid(Some(user.uuid())));
        subjects.push(format!("v.user_id = ${}", args.len()));
    }
    if let Some(authenticator) = filter.authenticator_id {
        args.push(Arg::Uuid(Some(authenticator.uuid())));
        subjects.push(format!("v.authenticator_id = ${}", args.len()));
    }
    if subjects.is_empty() {
        return "SELECT {columns} FROM events v".to_owned();
    }
    let subjects = subjects.join(" AND ");
    let (first, next, more) = match order {
        Order::Forward => ("SELECT $1 / 4096", "n + 1", "n < (SELECT h.position / 4096 FROM event_head h)"),
        Order::Backward => {
            ("SELECT CASE WHEN $1 < h.position THEN $1 ELSE h.position END / 4096 FROM event_head h", "n - 1", "n > 0")
        }
    };
    format!(
        "WITH RECURSIVE stretch(n) AS ({first} UNION ALL SELECT {next} FROM stretch WHERE {more})
         SELECT {{columns}} FROM stretch {{then}} events v ON v.position / 4096 = stretch.n AND {subjects}"
    )
}
