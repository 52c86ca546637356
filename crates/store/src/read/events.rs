//! The event log, forwards and backwards.

use std::fmt::Write as _;

use domain::{AuthenticatorId, Event, Page, PageRequest, UserId};

use super::lists::{cut, limit};
use crate::EventFilter;
use crate::engine::{Arg, Connection, Fault};
use crate::rows::{self, Reader};
use crate::set::spell;

/// Events in a stretch, as the indexes have them.
const STRETCH: i64 = 4096;

/// How many stretches are gone through at a time, at most.
const WINDOW: i64 = 512;

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
    let mut args = vec![Arg::Int(start), limit(page.limit)];
    let wanted = wanted(filter, &mut args);
    let items = if wanted.is_empty() {
        let sql = format!("SELECT {{columns}} FROM events v {{details}} WHERE {{beyond}} {}", ordered(order));
        fetch(connection, order, &sql, &args).await?
    } else {
        search(connection, order, start, &wanted, args, page.limit).await?
    };
    Ok(cut(items, page.limit, |event| event.position))
}

/// Goes through the log stretch by stretch, with one look into an index for each, until the page is full.
async fn search(
    connection: &mut Connection,
    order: Order,
    start: i64,
    wanted: &str,
    args: Vec<Arg<'_>>,
    page: u32,
) -> Result<Vec<Event>, Fault> {
    let head = connection.fetch("SELECT position FROM event_head", &[], |row| row.get::<i64>(0)).await?;
    let last = head.first().copied().unwrap_or(0) / STRETCH;
    let (low, high) = (args.len() + 1, args.len() + 2);
    let sql = format!(
        "WITH RECURSIVE stretch(n) AS (
            SELECT CAST(${low} AS BIGINT) UNION ALL SELECT n + 1 FROM stretch WHERE n < CAST(${high} AS BIGINT))
         SELECT {{columns}} FROM stretch {{then}} events v ON v.position / 4096 = stretch.n AND {wanted} {{details}}
         WHERE {{beyond}} {}",
        ordered(order)
    );
    let full = usize::try_from(page).unwrap_or(usize::MAX);
    let mut items: Vec<Event> = Vec::new();
    let mut next = (start / STRETCH).clamp(0, last);
    // What is wanted is often near the beginning of the list.
    let mut width = 1;
    while items.len() <= full && (0..=last).contains(&next) {
        let (from, to) = match order {
            Order::Forward => (next, (next + width - 1).min(last)),
            Order::Backward => ((next - width + 1).max(0), next),
        };
        let mut args = args.clone();
        args.extend([Arg::Int(from), Arg::Int(to)]);
        items.extend(fetch(connection, order, &sql, &args).await?);
        next = match order {
            Order::Forward => to + 1,
            Order::Backward => from - 1,
        };
        width = (width * 8).min(WINDOW);
    }
    Ok(items)
}

async fn fetch(connection: &mut Connection, order: Order, sql: &str, args: &[Arg<'_>]) -> Result<Vec<Event>, Fault> {
    let beyond = match order {
        Order::Forward => "v.position > $1",
        Order::Backward => "v.position < $1",
    };
    let sql = sql
        .replace("{columns}", rows::EVENT)
        .replace("{details}", "LEFT JOIN event_details t ON t.position = v.position")
        .replace("{beyond}", beyond);
    let sql = spell(connection.dialect(), &sql);
    connection.fetch(&sql, args, |row| rows::event(&mut Reader::new(row))).await
}

const fn ordered(order: Order) -> &'static str {
    match order {
        Order::Forward => "ORDER BY v.position ASC LIMIT $2",
        Order::Backward => "ORDER BY v.position DESC LIMIT $2",
    }
}

/// The filter as conditions, the most telling first.
fn wanted(filter: &EventFilter, args: &mut Vec<Arg<'_>>) -> String {
    let mut wanted: Vec<String> = Vec::new();
    let subjects = [
        ("user_id", filter.user_id.map(UserId::uuid)),
        ("authenticator_id", filter.authenticator_id.map(AuthenticatorId::uuid)),
    ];
    for (column, id) in subjects {
        if let Some(id) = id {
            args.push(Arg::Id(id));
            wanted.push(format!("v.{column} = ${}", args.len()));
        }
    }
    if !filter.kinds.is_empty() {
        let mut names = String::new();
        for kind in &filter.kinds {
            let comma = if names.is_empty() { "" } else { ", " };
            let _ = write!(names, "{comma}'{}'", kind.name());
        }
        wanted.push(format!("v.kind IN ({names})"));
    }
    for (bound, at) in [(">=", filter.since), ("<", filter.until)] {
        if let Some(at) = at {
            args.push(Arg::Int(at.unix_millis()));
            wanted.push(format!("v.at {bound} ${}", args.len()));
        }
    }
    wanted.join(" AND ")
}
