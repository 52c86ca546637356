//! Alerts, their rules, and what was counted by them.

use domain::{
    Alert, AlertBound, AlertCursor, AlertGroup, AlertId, AlertRuleInForce, AlertSeverity, AlertState, Page,
    PageRequest, Said, Timestamp, UserId,
};
use serde_json::Value;

use super::lists::newest_first;
use crate::AlertFilter;
use crate::engine::{Arg, Connection, Fault};
use crate::rows::Reader;
use crate::set::Kind::Text;
use crate::set::{Rows, Set};

macro_rules! alert {
    () => {
        "a.id, a.rule, a.digest, a.severity, a.grouped_by, a.member, a.user_id, a.state, a.bound, a.count, a.most, a.usual, \
         a.position, a.raised_at, a.resolves_at, a.acknowledged, a.silenced, a.silenced_until, a.resolved"
    };
}

fn alert(row: &mut Reader<'_, '_>) -> Result<Alert, Fault> {
    Ok(Alert {
        id: row.id(AlertId::from_uuid)?,
        rule: row.next()?,
        digest: row.next()?,
        severity: row.named(AlertSeverity::from_name)?,
        by: row.next()?,
        group: row.next()?,
        user_id: row.maybe_id(UserId::from_uuid)?,
        state: row.named(AlertState::from_name)?,
        bound: row.named(AlertBound::from_name)?,
        count: row.next()?,
        limit: row.next()?,
        usual: row.next()?,
        position: row.next()?,
        raised_at: row.time()?,
        resolves_at: row.time()?,
        acknowledged: said(row.next()?)?,
        silenced: said(row.next()?)?,
        silenced_until: row.maybe_time()?,
        resolved: said(row.next()?)?,
    })
}

fn said(text: Option<String>) -> Result<Option<Said>, Fault> {
    let Some(text) = text else { return Ok(None) };
    let damaged = || Fault::Damaged("what somebody did about an alert cannot be read".to_owned());
    let value: Value = serde_json::from_str(&text).map_err(|_| damaged())?;
    let word = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let at = value.get("at").and_then(Value::as_i64).ok_or_else(damaged)?;
    Ok(Some(Said { by: word("by"), reason: word("reason"), at: Timestamp::from_unix_millis(at) }))
}

pub(crate) async fn cursor(connection: &mut Connection) -> Result<AlertCursor, Fault> {
    let sql = "SELECT c.position, c.turn FROM alert_cursor c";
    let read = |row: &crate::engine::Row<'_>| Ok(AlertCursor { position: row.get(0)?, turn: row.get(1)? });
    let found = connection.fetch(sql, &[], read).await?;
    found.first().copied().ok_or_else(|| Fault::Damaged("the cursor of alerts is missing".to_owned()))
}

pub(crate) async fn rules(connection: &mut Connection) -> Result<Vec<AlertRuleInForce>, Fault> {
    let sql = "SELECT r.name, r.digest, r.file, r.document, r.at, r.since, r.silenced_until, r.silenced
        FROM alert_rules r ORDER BY r.name";
    let read = |row: &mut Reader<'_, '_>| -> Result<AlertRuleInForce, Fault> {
        Ok(AlertRuleInForce {
            name: row.next()?,
            digest: row.next()?,
            file: row.next()?,
            document: row.next()?,
            at: row.time()?,
            since: row.next()?,
            silenced_until: row.maybe_time()?,
            silenced: said(row.next()?)?,
        })
    };
    connection.fetch(sql, &[], |row| read(&mut Reader::new(row))).await
}

static GROUPS: Set = Set::new(
    &[("rule", Text), ("member", Text)],
    "SELECT g.rule, g.member, g.counter, g.silenced_until, g.idle_at FROM input i {then} alert_groups g
        ON g.rule = i.rule AND g.member = i.member",
);

fn pairs(groups: &[(String, String)]) -> Rows {
    let mut rows = Rows::default();
    for (rule, group) in groups {
        rows.push(&[rule.as_str().into(), group.as_str().into()]);
    }
    rows
}

/// What was counted of some groups, by rule and group; those of which nothing was are not there.
pub(crate) async fn groups(connection: &mut Connection, groups: &[(String, String)]) -> Result<Vec<AlertGroup>, Fault> {
    let read = |row: &mut Reader<'_, '_>| -> Result<AlertGroup, Fault> {
        Ok(AlertGroup {
            rule: row.next()?,
            group: row.next()?,
            counter: row.next()?,
            silenced_until: row.maybe_time()?,
            idle_at: row.time()?,
        })
    };
    GROUPS.fetch(connection, pairs(groups), |row| read(&mut Reader::new(row))).await
}

static OPEN: Set = Set::of(
    &[("rule", Text)],
    &["SELECT ", alert!(), " FROM input i {then} alerts a ON a.rule = i.rule AND a.resolved_at IS NULL"],
);

/// The open alerts of some rules: no more are than may be at a time.
pub(crate) async fn open(connection: &mut Connection, rules: &[String]) -> Result<Vec<Alert>, Fault> {
    let mut rows = Rows::default();
    for rule in rules {
        rows.push(&[rule.as_str().into()]);
    }
    OPEN.fetch(connection, rows, |row| alert(&mut Reader::new(row))).await
}

/// Some of the alerts that are over by themselves.
pub(crate) async fn over(connection: &mut Connection, now: Timestamp, at_most: u32) -> Result<Vec<Alert>, Fault> {
    const SQL: &str = concat!(
        "SELECT ",
        alert!(),
        " FROM alerts a WHERE a.resolved_at IS NULL AND a.resolves_at <= $1 ORDER BY a.resolves_at LIMIT $2"
    );
    let args = [Arg::Int(now.unix_millis()), Arg::Int(at_most.into())];
    connection.fetch(SQL, &args, |row| alert(&mut Reader::new(row))).await
}

pub(crate) async fn one(connection: &mut Connection, of: AlertId) -> Result<Option<Alert>, Fault> {
    const SQL: &str = concat!("SELECT ", alert!(), " FROM alerts a WHERE a.id = $1");
    Ok(connection.fetch(SQL, &[Arg::Id(of.uuid())], |row| alert(&mut Reader::new(row))).await?.pop())
}

/// The newest first.
pub(crate) async fn list(
    connection: &mut Connection,
    filter: &AlertFilter,
    page: PageRequest<AlertId>,
) -> Result<Page<Alert, AlertId>, Fault> {
    const SQL: &str = concat!("SELECT ", alert!(), " FROM alerts a");
    let wanted = [
        ("rule", filter.rule.as_deref().map(Arg::Text)),
        ("state", filter.state.map(|state| Arg::Text(state.name()))),
        ("user_id", filter.user_id.map(|user| Arg::Id(user.uuid()))),
    ];
    newest_first(connection, SQL, "a", &wanted, &page, (AlertId::uuid, |alert: &Alert| alert.id), alert).await
}

#[cfg(test)]
pub(crate) static ALL: [&Set; 2] = [&GROUPS, &OPEN];
