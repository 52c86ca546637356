//! Alerts: what was counted, what is raised, and what becomes of it.
//!
//! The cursor's row stands for all of it. Whoever writes anything has it in the condition of the first statement, and holds it until the end
//! of the transaction; so what was read before is as it was, and of two servers that count the same events one does.

use std::collections::BTreeMap;

use domain::{Alert, AlertCursor, AlertRuleInForce, Said, Timestamp, UserId};
use serde_json::json;

use super::rest::one;
use crate::Effect;
use crate::alerts::{CountedGroup, PutAlertRules, WriteAlerts};
use crate::engine::{Connection, Fault, Row};
use crate::set::Kind::{Id, Int, Text};
use crate::set::{Rows, Set};

static MOVE_CURSOR: Set = Set::new(
    &[("seen_position", Int), ("seen_turn", Int), ("to_position", Int), ("to_turn", Int)],
    "UPDATE alert_cursor AS c SET position = i.to_position, turn = i.to_turn FROM input i
     WHERE c.one = 1 AND c.position = i.seen_position AND c.turn = i.seen_turn",
);

static REMOVE_RULES: Set = Set::new(
    &[("one", Int)],
    "DELETE FROM alert_rules WHERE name >= '' AND EXISTS (SELECT 1 FROM input i WHERE i.one = 1)",
);

static PUT_RULES: Set = Set::new(
    &[
        ("name", Text),
        ("digest", Text),
        ("file", Text),
        ("document", Text),
        ("at", Int),
        ("since", Int),
        ("silenced_until", Int),
        ("silenced", Text),
    ],
    "INSERT INTO alert_rules (name, digest, file, document, at, since, silenced_until, silenced)
     SELECT i.name, i.digest, i.file, i.document, i.at, i.since, i.silenced_until, i.silenced FROM input i WHERE true",
);

static PUT_GROUPS: Set = Set::new(
    &[("rule", Text), ("member", Text), ("counter", Text), ("silenced_until", Int), ("idle_at", Int), ("user_id", Id)],
    "INSERT INTO alert_groups (rule, member, counter, silenced_until, idle_at)
     SELECT i.rule, i.member, i.counter, i.silenced_until, i.idle_at FROM input i
     WHERE i.user_id IS NULL OR EXISTS (SELECT 1 FROM users u WHERE u.id = i.user_id {share})
     ON CONFLICT (rule, member) DO UPDATE SET counter = excluded.counter, silenced_until = excluded.silenced_until,
        idle_at = excluded.idle_at",
);

static RAISE: Set = Set::new(
    &[
        ("id", Id),
        ("rule", Text),
        ("digest", Text),
        ("severity", Text),
        ("grouped_by", Text),
        ("member", Text),
        ("user_id", Id),
        ("state", Text),
        ("bound", Text),
        ("count", Int),
        ("most", Int),
        ("usual", Int),
        ("position", Int),
        ("raised_at", Int),
        ("resolves_at", Int),
    ],
    "INSERT INTO alerts
        (id, rule, digest, severity, grouped_by, member, user_id, state, bound, count, most, usual, position, raised_at, resolves_at)
     SELECT i.id, i.rule, i.digest, i.severity, i.grouped_by, i.member, i.user_id, i.state, i.bound, i.count, i.most, i.usual,
        i.position, i.raised_at, i.resolves_at
     FROM input i
     WHERE i.user_id IS NULL OR EXISTS (SELECT 1 FROM users u WHERE u.id = i.user_id {share})",
);

static CHANGE: Set = Set::new(
    &[
        ("id", Id),
        ("state", Text),
        ("count", Int),
        ("resolves_at", Int),
        ("acknowledged", Text),
        ("silenced", Text),
        ("silenced_until", Int),
        ("resolved", Text),
        ("resolved_at", Int),
    ],
    "UPDATE alerts AS a SET state = i.state, count = i.count, resolves_at = i.resolves_at, acknowledged = i.acknowledged,
        silenced = i.silenced, silenced_until = i.silenced_until, resolved = i.resolved, resolved_at = i.resolved_at
     FROM input i WHERE a.id = i.id AND COALESCE(a.resolved_at, -1) < 0",
);

pub(super) async fn write(connection: &mut Connection, write: &WriteAlerts) -> Result<Effect, Fault> {
    let WriteAlerts { seen, to, rules, groups, raised, changed } = write;
    if move_cursor(connection, *seen, *to).await? == Effect::Refused {
        return Ok(Effect::Refused);
    }
    if let Some(rules) = rules {
        put_rules(connection, rules, silence_of).await?;
    }
    put_groups(connection, groups).await?;
    // What is over makes room first: a group has one alert that is open, and may be over and raised again by the same events.
    change(connection, changed).await?;
    raise(connection, raised).await?;
    Ok(Effect::Applied)
}

async fn move_cursor(connection: &mut Connection, seen: AlertCursor, to: AlertCursor) -> Result<Effect, Fault> {
    let row = [seen.position.into(), seen.turn.into(), to.position.into(), to.turn.into()];
    one(connection, &MOVE_CURSOR, &row).await
}

/// Whoever changes which rules there are holds the cursor, and counts up the turn: so whoever counts by the rules before writes nothing.
static TURN: Set = Set::new(
    &[("one", Int), ("read_from", Int)],
    "UPDATE alert_cursor AS c SET turn = c.turn + 1,
        position = CASE WHEN i.read_from > c.position THEN i.read_from ELSE c.position END
     FROM input i WHERE c.one = i.one",
);

static RULES: Set = Set::new(
    &[("one", Int)],
    "SELECT r.name, r.digest, r.silenced_until, r.silenced FROM input i {then} alert_rules r ON r.name >= '' AND i.one = 1",
);

/// Until when a rule is silent, in milliseconds, and who said so, as it is kept.
type Silence = (Option<i64>, Option<String>);
/// A rule that there is: its name, its digest and its silence.
type There = (String, (String, Silence));

/// Those that files say come into force with all that these say, or not at all. Until when rules are silent is for people to say and not for files: what
/// somebody said meanwhile stays.
pub(super) async fn put_with_policy(connection: &mut Connection, put: &PutAlertRules) -> Result<Effect, Fault> {
    TURN.all(connection, Rows::one(&[1_i64.into(), put.read_from.into()])).await?;
    let read = |row: &Row<'_>| -> Result<There, Fault> { Ok((row.get(0)?, (row.get(1)?, (row.get(2)?, row.get(3)?)))) };
    let there: BTreeMap<String, (String, Silence)> =
        RULES.fetch(connection, Rows::one(&[1_i64.into()]), read).await?.into_iter().collect();
    let seen: BTreeMap<&str, &str> = put.seen.iter().map(|(name, digest)| (name.as_str(), digest.as_str())).collect();
    if there.iter().map(|(name, (digest, _))| (name.as_str(), digest.as_str())).collect::<BTreeMap<_, _>>() != seen {
        return Err(Fault::Raced("other rules of alerts came into force meanwhile".to_owned()));
    }
    let silence =
        |rule: &AlertRuleInForce| there.get(&rule.name).map(|(_, silence)| silence.clone()).unwrap_or_default();
    put_rules(connection, &put.rules, silence).await?;
    Ok(Effect::Applied)
}

/// Until when a rule is silent, as it says itself.
fn silence_of(rule: &AlertRuleInForce) -> Silence {
    (rule.silenced_until.map(Timestamp::unix_millis), rule.silenced.as_ref().map(text_of))
}

/// Puts rules in the place of all that there are.
async fn put_rules(
    connection: &mut Connection,
    rules: &[AlertRuleInForce],
    silence: impl Fn(&AlertRuleInForce) -> Silence,
) -> Result<(), Fault> {
    REMOVE_RULES.execute(connection, Rows::one(&[1_i64.into()])).await?;
    let silences: Vec<Silence> = rules.iter().map(silence).collect();
    let mut rows = Rows::default();
    for (rule, (silenced_until, silenced)) in rules.iter().zip(&silences) {
        let (file, document) = (rule.file.as_str().into(), rule.document.as_str().into());
        rows.push(&[
            rule.name.as_str().into(),
            rule.digest.as_str().into(),
            file,
            document,
            rule.at.into(),
            rule.since.into(),
            (*silenced_until).into(),
            silenced.as_deref().into(),
        ]);
    }
    PUT_RULES.execute(connection, rows).await.map(drop)
}

async fn put_groups(connection: &mut Connection, groups: &[CountedGroup]) -> Result<(), Fault> {
    let mut rows = Rows::default();
    for CountedGroup { group, user_id } in groups {
        rows.push(&[
            group.rule.as_str().into(),
            group.group.as_str().into(),
            group.counter.as_str().into(),
            group.silenced_until.into(),
            group.idle_at.into(),
            (*user_id).into(),
        ]);
    }
    PUT_GROUPS.execute(connection, rows).await.map(drop)
}

async fn raise(connection: &mut Connection, raised: &[Alert]) -> Result<(), Fault> {
    let mut rows = Rows::default();
    for alert in raised {
        rows.push(&[
            alert.id.into(),
            alert.rule.as_str().into(),
            alert.digest.as_str().into(),
            alert.severity.name().into(),
            alert.by.as_deref().into(),
            alert.group.as_str().into(),
            alert.user_id.into(),
            alert.state.name().into(),
            alert.bound.name().into(),
            alert.count.into(),
            alert.limit.into(),
            alert.usual.into(),
            alert.position.into(),
            alert.raised_at.into(),
            alert.resolves_at.into(),
        ]);
    }
    RAISE.execute(connection, rows).await.map(drop)
}

async fn change(connection: &mut Connection, changed: &[Alert]) -> Result<(), Fault> {
    let mut rows = Rows::default();
    for alert in changed {
        let [acknowledged, silenced, resolved] =
            [&alert.acknowledged, &alert.silenced, &alert.resolved].map(|said| said.as_ref().map(text_of));
        rows.push(&[
            alert.id.into(),
            alert.state.name().into(),
            alert.count.into(),
            alert.resolves_at.into(),
            acknowledged.as_deref().into(),
            silenced.as_deref().into(),
            alert.silenced_until.into(),
            resolved.as_deref().into(),
            alert.resolved.as_ref().map(|said| said.at).into(),
        ]);
    }
    CHANGE.execute(connection, rows).await.map(drop)
}

fn text_of(said: &Said) -> String {
    json!({ "by": said.by, "reason": said.reason, "at": said.at.unix_millis() }).to_string()
}

static ERASE_ALERTS: Set =
    Set::new(&[("user_id", Id)], "DELETE FROM alerts WHERE user_id IN (SELECT i.user_id FROM input i)");

static ERASE_GROUPS: Set =
    Set::new(&[("member", Text)], "DELETE FROM alert_groups WHERE member IN (SELECT i.member FROM input i)");

/// Erases the alerts about a user, and what was counted.
pub(super) async fn erase_of_user(connection: &mut Connection, user: UserId) -> Result<(), Fault> {
    ERASE_ALERTS.execute(connection, Rows::one(&[user.into()])).await?;
    let member = user.to_string();
    ERASE_GROUPS.execute(connection, Rows::one(&[member.as_str().into()])).await.map(drop)
}

#[cfg(test)]
pub(super) static ALL: [&Set; 10] = [
    &MOVE_CURSOR,
    &TURN,
    &RULES,
    &REMOVE_RULES,
    &PUT_RULES,
    &PUT_GROUPS,
    &RAISE,
    &CHANGE,
    &ERASE_ALERTS,
    &ERASE_GROUPS,
];
