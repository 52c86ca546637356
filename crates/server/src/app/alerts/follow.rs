//! Counting: the event log, read as it grows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use domain::{
    Alert, AlertBound, AlertCursor, AlertGroup, AlertId, AlertState, Event, EventKind, PageRequest, Said, Timestamp,
    UserId,
};
use futures_util::future::join_all;
use store::{AlertFilter, Change, CountedGroup, Effect, EventFilter, StoreError, WriteAlerts};
use tokio::time::Instant;
use workflow::{Counter, Excess, OTHERS};

use super::{InForce, Rules};
use crate::app::telling::With;
use crate::app::{App, Error};

/// Events that are looked at at a time.
const PART: u32 = 200;
/// What is counted at a go takes less than what is counted one by one, and nobody is woken up sooner by less.
const GATHER: Duration = Duration::from_millis(200);
/// How often it is looked what is over, and whether other rules are in force.
const TICK: Duration = Duration::from_secs(1);
/// How long nothing is tried after something failed.
const AGAIN: Duration = Duration::from_secs(1);
/// How many positions may be read again after a crash, where nothing was counted.
const FAR: i64 = 2000;
/// Alerts that are resolved at a time.
const SOME: u32 = 100;
/// So many alerts of one rule are open at a time. What more groups lead to is one alert together.
const MOST_OPEN: usize = 50;
/// So many times as much as the least of them takes its place.
const WORSE: i64 = 2;
/// Why an alert is over that made room.
const OUTRANKED: &str = "outranked";

/// Counts until the task is ended.
pub(crate) async fn follow(app: Arc<App>) {
    let mut newest = app.store.head();
    let mut ticked = Instant::now();
    let mut position = 0;
    loop {
        let idle = app.alerts.in_force().all.is_empty();
        let head = *newest.borrow_and_update();
        let done = go_on(&app, &mut position, head, ticked.elapsed() >= TICK).await;
        if ticked.elapsed() >= TICK {
            ticked = Instant::now();
        }
        if let Err(error) = done {
            tracing::warn!(%error, "events could not be counted for alerts; trying again");
            tokio::time::sleep(AGAIN).await;
            continue;
        }
        let changed = async {
            if idle || newest.changed().await.is_err() {
                // Nothing is counted: nobody waits for events to be read at once.
                std::future::pending::<()>().await;
            }
        };
        let _ = tokio::time::timeout(TICK, changed).await;
        tokio::time::sleep(GATHER).await;
    }
}

/// Counts what there is, and resolves what is over. Up to `position` nothing was counted that the store does not have.
async fn go_on(app: &App, position: &mut i64, head: i64, look: bool) -> Result<(), Error> {
    let mut kept = app.store.alert_cursor().await?;
    *position = kept.position.max(*position);
    if app.alerts.in_force().turn != Some(kept.turn) {
        // They may be others, and those may want events that were of no interest before.
        app.load_alert_rules().await?;
        *position = kept.position;
    }
    let rules = app.alerts.in_force();
    if !rules.all.is_empty() && !rules.lacks {
        while *position < head {
            let (events, to) = part(app, &rules, *position, head).await?;
            if !take(app, &rules, &mut kept, &events, to).await? {
                // Another server did, or somebody has changed something.
                *position = 0;
                return Ok(());
            }
            *position = to;
        }
    }
    if look { resolve(app, kept).await } else { Ok(()) }
}

/// Some events that are counted, and up to which position they are all of them.
async fn part(app: &App, rules: &Rules, after: i64, head: i64) -> Result<(Vec<Event>, i64), Error> {
    let kinds: BTreeSet<EventKind> = rules.all.values().flat_map(|one| one.rule.events()).copied().collect();
    let filter = EventFilter { kinds: kinds.into_iter().collect(), ..EventFilter::default() };
    let page = PageRequest { after: Some(after), limit: PART };
    match app.store.events(&filter, page).await {
        Err(StoreError::Expired { oldest }) => {
            tracing::warn!(oldest, "events were removed before they were counted for alerts");
            Ok((Vec::new(), (oldest - 1).max(after)))
        }
        Err(error) => Err(error.into()),
        Ok(page) => {
            // What was committed since the head was looked at may have been read as well.
            let last = page.items.last().map_or(after, |event| event.position);
            let to = page.next.unwrap_or(head).max(last);
            Ok((page.items, to))
        }
    }
}

/// Counts some events. Whether that is written, or need not be.
async fn take(app: &App, rules: &Rules, kept: &mut AlertCursor, events: &[Event], to: i64) -> Result<bool, Error> {
    let mut met: Vec<(&InForce, String, &Event)> = Vec::new();
    for event in events {
        let counting = rules.all.values().filter(|one| one.row.since < event.position);
        met.extend(counting.filter_map(|one| Some((one, one.rule.group_of(event)?, event))));
    }
    let met = of_those_there(app, met).await?;
    if met.is_empty() && to - kept.position <= FAR {
        return Ok(true);
    }
    let mut tally = Counting::read(app, &met).await?;
    for (one, group, event) in met {
        tally.count(app, one, &group, event);
    }
    let next = AlertCursor { position: to, turn: kept.turn };
    let Counting { groups, open, touched, over, raised, told } = tally;
    let raised_ids: BTreeSet<AlertId> = raised.iter().copied().collect();
    let wanted = |(key, alert): &(Key, Alert)| touched.contains(key) || raised_ids.contains(&alert.id);
    let wanted = open.into_iter().filter(wanted).map(|(_, alert)| alert);
    let (new, mut changed): (Vec<Alert>, Vec<Alert>) = wanted.partition(|alert| raised_ids.contains(&alert.id));
    changed.extend(over);
    let write = WriteAlerts {
        groups: groups.into_values().map(|group| as_written(rules, group)).collect(),
        raised: new,
        changed,
        ..WriteAlerts::after(*kept, next)
    };
    for alert in &write.raised {
        tracing::warn!(alert = %alert.id, rule = alert.rule, group = alert.group, count = alert.count, "raises an alert");
    }
    let count: Vec<(String, &'static str)> =
        write.raised.iter().map(|alert| (alert.rule.clone(), alert.severity.name())).collect();
    if !is_written(&app.commit(Change::WriteAlerts(Box::new(write)), told).await?)? {
        return Ok(false);
    }
    for (rule, severity) in count {
        metrics::counter!("countersign_alerts_raised_total", "rule" => rule, "severity" => severity).increment(1);
    }
    *kept = next;
    Ok(true)
}

/// Whether what was counted was written, rather than by somebody else before. Whatever else the store says would be said of the same events again and
/// again: somebody has to hear of it.
fn is_written(effect: &Effect) -> Result<bool, Error> {
    match effect {
        Effect::Applied => Ok(true),
        Effect::Refused => Ok(false),
        effect => Err(Error::Internal(format!("the store does not take what was counted for alerts: {effect:?}"))),
    }
}

/// A group with its counter, as it is kept.
fn as_written(rules: &Rules, (row, counter): (AlertGroup, Counter)) -> CountedGroup {
    // A group of another kind may be called by what reads like a user's id.
    let is_by_user = rules.all.get(&row.rule).is_some_and(|one| one.rule.is_by_user());
    let user_id = row.group.parse().ok().filter(|_| is_by_user);
    CountedGroup { group: AlertGroup { counter: serde_json::to_string(&counter).unwrap_or_default(), ..row }, user_id }
}

/// Leaves out what is counted of users who are gone: it would bring back what was erased with them.
async fn of_those_there<'a>(
    app: &App,
    mut met: Vec<(&'a InForce, String, &'a Event)>,
) -> Result<Vec<(&'a InForce, String, &'a Event)>, Error> {
    let user = |one: &InForce, group: &str| group.parse::<UserId>().ok().filter(|_| one.rule.is_by_user());
    let users: BTreeSet<UserId> = met.iter().filter_map(|(one, group, _)| user(one, group)).collect();
    let mut gone = BTreeSet::new();
    for (id, found) in join_all(users.into_iter().map(async |id| (id, app.store.user(id).await))).await {
        if found?.is_none() {
            gone.insert(id);
        }
    }
    met.retain(|(one, group, _)| user(one, group).is_none_or(|user| !gone.contains(&user)));
    Ok(met)
}

/// The rule and the group, by which what is counted and raised is known.
type Key = (String, String);

/// What is known of the groups that some events are in, and what becomes of it.
struct Counting {
    groups: BTreeMap<Key, (AlertGroup, Counter)>,
    open: BTreeMap<Key, Alert>,
    /// Those of them that are not as they were.
    touched: BTreeSet<Key>,
    /// Those that made room.
    over: Vec<Alert>,
    raised: Vec<AlertId>,
    told: Vec<Event>,
}

impl Counting {
    async fn read(app: &App, met: &[(&InForce, String, &Event)]) -> Result<Self, Error> {
        let rules: BTreeSet<String> = met.iter().map(|(one, _, _)| one.row.name.clone()).collect();
        let beyond = rules.iter().map(|rule| (rule.clone(), OTHERS.to_owned()));
        let pairs = met.iter().map(|(one, group, _)| (one.row.name.clone(), group.clone()));
        let pairs: BTreeSet<Key> = pairs.chain(beyond).collect();
        let pairs: Vec<Key> = pairs.into_iter().collect();
        let mut groups = BTreeMap::new();
        for row in app.store.alert_groups(&pairs).await? {
            let counter = counter_of(&row);
            groups.insert((row.rule.clone(), row.group.clone()), (row, counter));
        }
        let rules: Vec<String> = rules.into_iter().collect();
        // All of them: which is the least one says whether another one is worse.
        let open = app.store.open_alerts(&rules).await?;
        let open = open.into_iter().map(|alert| ((alert.rule.clone(), alert.group.clone()), alert)).collect();
        let (touched, over, raised, told) = Default::default();
        Ok(Self { groups, open, touched, over, raised, told })
    }

    /// Counts an event, and raises an alert if it is one too many. What is open already is told of no further.
    fn count(&mut self, app: &App, one: &InForce, group: &str, event: &Event) {
        let bounds = one.rule.bounds();
        let key = (one.row.name.clone(), group.to_owned());
        let (row, counter) = self.groups.entry(key.clone()).or_insert_with(|| {
            let (rule, group) = key.clone();
            let (counter, silenced_until) = (String::new(), None);
            (AlertGroup { rule, group, counter, silenced_until, idle_at: event.at }, Counter::default())
        });
        counter.count(event.at, bounds);
        row.idle_at = row.silenced_until.max(Some(counter.idle_at(bounds))).unwrap_or(event.at);
        let (excess, resolves_at) = (counter.excess(event.at, bounds), counter.resolves_at(bounds));
        let until = row.silenced_until.max(one.row.silenced_until);
        let is_silent = until.is_some_and(|until| event.at < until);
        if let Some(alert) = self.open.get_mut(&key) {
            alert.resolves_at = resolves_at;
            alert.count = excess.map_or(alert.count, |excess| alert.count.max(parts(excess).count));
            self.touched.insert(key);
            return;
        }
        let Some(parts) = excess.filter(|_| !is_silent).map(parts) else { return };
        if self.of_rule(&key.0).count() < MOST_OPEN || self.makes_room(app, &key.0, parts.count) {
            self.raise(app, raised(app, one, group, event, parts, resolves_at));
        } else {
            self.beyond(app, one, event, resolves_at);
        }
    }

    /// The open alerts of a rule, but for the one that stands for the groups beyond.
    fn of_rule<'a>(&'a self, rule: &'a str) -> impl Iterator<Item = (&'a Key, &'a Alert)> {
        self.open.iter().filter(move |((of, group), _)| of == rule && group != OTHERS)
    }

    /// Has the least alert that nobody sees to make room for one that is worse by far: so whoever provokes many small ones hides no large one, and what
    /// is told of that is bounded. Whether there was one.
    fn makes_room(&mut self, app: &App, rule: &str, count: i64) -> bool {
        let old =
            self.of_rule(rule).filter(|(_, alert)| alert.state == AlertState::Open && !self.raised.contains(&alert.id));
        let least = old.min_by_key(|(_, alert)| (alert.count, alert.id)).map(|(key, alert)| (key.clone(), alert.count));
        let Some((key, _)) = least.filter(|(_, least)| count > least.saturating_mul(WORSE)) else { return false };
        let Some(mut alert) = self.open.remove(&key) else { return false };
        self.touched.remove(&key);
        alert.state = AlertState::Resolved;
        alert.resolved = Some(Said { by: None, reason: Some(OUTRANKED.to_owned()), at: app.now() });
        self.told.push(app.of_alert(EventKind::AlertResolved, None, &alert).with("reason", OUTRANKED));
        self.over.push(alert);
        true
    }

    /// A group beyond those that have an alert of their own: that there are such is an alert.
    fn beyond(&mut self, app: &App, one: &InForce, event: &Event, resolves_at: Timestamp) {
        let key = (one.row.name.clone(), OTHERS.to_owned());
        if let Some(others) = self.open.get_mut(&key) {
            others.resolves_at = others.resolves_at.max(resolves_at);
            others.count = others.count.saturating_add(1);
            self.touched.insert(key);
            return;
        }
        let silent = self.groups.get(&key).and_then(|(row, _)| row.silenced_until);
        if silent.is_some_and(|until| event.at < until) {
            return;
        }
        let limit = i64::try_from(MOST_OPEN).unwrap_or(i64::MAX);
        let parts = Parts { bound: AlertBound::Overflow, count: 1, limit, usual: None };
        self.raise(app, raised(app, one, OTHERS, event, parts, resolves_at));
    }

    fn raise(&mut self, app: &App, alert: Alert) {
        self.told.push(app.of_alert(EventKind::AlertRaised, None, &alert));
        self.raised.push(alert.id);
        self.open.insert((alert.rule.clone(), alert.group.clone()), alert);
    }
}

/// An excess, as it stands in an alert.
#[derive(Clone, Copy)]
struct Parts {
    bound: AlertBound,
    count: i64,
    limit: i64,
    usual: Option<i64>,
}

fn parts(excess: Excess) -> Parts {
    let small = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    match excess {
        Excess::Above { count, limit } => {
            Parts { bound: AlertBound::Above, count: small(count), limit: small(limit), usual: None }
        }
        Excess::Unusual { count, limit, usual } => {
            Parts { bound: AlertBound::Unusual, count: small(count), limit: small(limit), usual: Some(small(usual)) }
        }
    }
}

fn raised(app: &App, one: &InForce, group: &str, event: &Event, parts: Parts, resolves_at: Timestamp) -> Alert {
    let Parts { bound, count, limit, usual } = parts;
    Alert {
        id: AlertId::generate(app.now(), &*app.entropy),
        rule: one.row.name.clone(),
        digest: one.row.digest.clone(),
        severity: one.rule.severity(),
        by: one.rule.by(),
        group: group.to_owned(),
        user_id: event.about.user_id.filter(|_| one.rule.is_by_user() && group != OTHERS),
        state: AlertState::Open,
        bound,
        count,
        limit,
        usual,
        position: event.position,
        raised_at: event.at,
        resolves_at,
        acknowledged: None,
        silenced: None,
        silenced_until: None,
        resolved: None,
    }
}

/// What was counted. What cannot be read is begun anew, rather than that nothing is counted any more.
pub(super) fn counter_of(row: &AlertGroup) -> Counter {
    serde_json::from_str(&row.counter).unwrap_or_else(|error| {
        tracing::error!(%error, rule = row.rule, group = row.group, "what was counted cannot be read, and begins anew");
        Counter::default()
    })
}

/// Resolves what is over by itself. Nothing was counted since `kept`, or this is written by nobody.
async fn resolve(app: &App, kept: AlertCursor) -> Result<(), Error> {
    let now = app.now();
    let mut changed = app.store.alerts_over(now, SOME).await?;
    if changed.is_empty() {
        return Ok(());
    }
    let mut told = Vec::new();
    for alert in &mut changed {
        alert.state = AlertState::Resolved;
        alert.resolved = Some(Said { by: None, reason: None, at: now });
        told.push(app.of_alert(EventKind::AlertResolved, None, alert).with("reason", "normal"));
    }
    let write = WriteAlerts { changed, ..WriteAlerts::beside(kept) };
    // What was refused is looked at again.
    app.commit(Change::WriteAlerts(Box::new(write)), told).await.map(drop)
}

/// Tells how many alerts are not resolved, up to a number at which nobody counts any more.
pub(crate) async fn measure(app: &App) {
    const MOST: u32 = 500;
    for state in [AlertState::Open, AlertState::Acknowledged] {
        let filter = AlertFilter { state: Some(state), ..AlertFilter::default() };
        match app.store.alerts(&filter, PageRequest { after: None, limit: MOST }).await {
            Ok(page) => {
                let count = u32::try_from(page.items.len()).unwrap_or(MOST);
                metrics::gauge!("countersign_alerts", "state" => state.name()).set(f64::from(count));
            }
            Err(error) => tracing::warn!(%error, "the alerts could not be counted; trying again later"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// S-10: what nobody writes and nobody hears of would be tried for ever, and no rule would count any more.
    #[test]
    fn s10_what_the_store_does_not_take_is_an_error_and_no_race() {
        assert!(matches!(is_written(&Effect::Applied), Ok(true)));
        assert!(matches!(is_written(&Effect::Refused), Ok(false)));
        let repeated = Effect::Repeated { request_hash: [0; 32], resource: String::new() };
        for effect in [Effect::Exists, repeated] {
            assert!(is_written(&effect).is_err(), "{effect:?}");
        }
    }
}
