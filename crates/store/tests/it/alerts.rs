//! Alerts: what was counted and raised is written by whoever has seen all of it, and by nobody else.

use domain::*;
use futures_util::future::join_all;
use store::*;

use crate::home::*;

/// What was counted of a group that is no user's.
fn counted(member: &str, counter: &str) -> CountedGroup {
    CountedGroup { group: group(member, counter), user_id: None }
}

/// What was counted of a user.
fn counted_of(user: UserId, counter: &str) -> CountedGroup {
    CountedGroup { user_id: Some(user), ..counted(&user.to_string(), counter) }
}

fn rule(name: &str, silenced: Option<&str>) -> AlertRuleInForce {
    AlertRuleInForce {
        name: name.to_owned(),
        digest: "d1".to_owned(),
        file: format!("{name}.yaml"),
        document: "alert: 1".to_owned(),
        at: START,
        since: 0,
        silenced_until: silenced.map(|_| after(90)),
        silenced: silenced.map(|by| Said { by: Some(by.to_owned()), reason: Some("so".to_owned()), at: START }),
    }
}

fn group(member: &str, counter: &str) -> AlertGroup {
    AlertGroup {
        rule: "flood".to_owned(),
        group: member.to_owned(),
        counter: counter.to_owned(),
        silenced_until: None,
        idle_at: after(600),
    }
}

fn alert(member: &str, user: Option<UserId>) -> Alert {
    Alert {
        id: AlertId::generate(START, &Counter),
        rule: "flood".to_owned(),
        digest: "d1".to_owned(),
        severity: AlertSeverity::High,
        by: Some("user".to_owned()),
        group: member.to_owned(),
        user_id: user,
        state: AlertState::Open,
        bound: AlertBound::Unusual,
        count: 7,
        limit: 5,
        usual: Some(2),
        position: 9,
        raised_at: START,
        resolves_at: after(60),
        acknowledged: None,
        silenced: None,
        silenced_until: None,
        resolved: None,
    }
}

async fn write(store: &Store, write: WriteAlerts) -> Effect {
    commit(store, Change::WriteAlerts(Box::new(write))).await
}

const BEGINNING: AlertCursor = AlertCursor { position: 0, turn: 0 };

fn pair(member: &str) -> Vec<(String, String)> {
    vec![("flood".to_owned(), member.to_owned())]
}

on_both_engines! {
    async fn s10_of_those_who_count_the_same_events_at_once_one_does(home: Home) {
        let store = home.open().await;
        let to = AlertCursor { position: 9, turn: 0 };
        let counted = |n: usize| {
            let raised = vec![alert("a", None)];
            WriteAlerts { groups: vec![counted("a", &n.to_string())], raised, ..WriteAlerts::after(BEGINNING, to) }
        };
        let effects = join_all((0..16).map(|n| write(&store, counted(n)))).await;
        assert_eq!(effects.iter().filter(|effect| **effect == Effect::Applied).count(), 1, "{effects:?}");
        assert_eq!(store.alert_cursor().await.unwrap(), to);
        assert_eq!(store.alerts(&AlertFilter::default(), whole()).await.unwrap().items.len(), 1);
        // What somebody says meanwhile is not written over by who has not seen it, nor the other way round.
        let beside = WriteAlerts::beside(to);
        assert_eq!(write(&store, beside.clone()).await, Effect::Applied);
        assert_eq!(write(&store, beside).await, Effect::Refused);
        assert_eq!(write(&store, counted(0)).await, Effect::Refused);
        assert_eq!(store.alert_cursor().await.unwrap(), AlertCursor { position: 9, turn: 1 });
    }

    async fn w11_an_alert_is_as_it_was_written_and_a_group_has_one_that_is_open(home: Home) {
        let store = home.open().await;
        let mut open = alert("a", None);
        let raised = vec![open.clone()];
        let first = AlertCursor { position: 1, turn: 0 };
        assert_eq!(write(&store, WriteAlerts { raised, ..WriteAlerts::after(BEGINNING, first) }).await, Effect::Applied);
        assert_eq!(store.alert(open.id).await.unwrap(), Some(open.clone()));
        assert_eq!(store.open_alerts(&["flood".to_owned()]).await.unwrap(), [open.clone()]);
        let second = AlertCursor { position: 2, turn: 0 };
        let another = WriteAlerts { raised: vec![alert("a", None)], ..WriteAlerts::after(first, second) };
        assert_eq!(write(&store, another.clone()).await, Effect::Exists, "all of it or nothing");
        assert_eq!(store.alert_cursor().await.unwrap(), first);
        assert_eq!(store.alerts_over(after(59), 10).await.unwrap(), []);
        assert_eq!(store.alerts_over(after(60), 10).await.unwrap().len(), 1);
        let said = |by: Option<&str>| Some(Said { by: by.map(str::to_owned), reason: Some("so".to_owned()), at: after(5) });
        open.acknowledged = said(Some("ana"));
        open.silenced = said(Some("bea"));
        open.silenced_until = Some(after(90));
        open.resolved = said(None);
        open.state = AlertState::Resolved;
        let changed = WriteAlerts { changed: vec![open.clone()], ..WriteAlerts::beside(first) };
        assert_eq!(write(&store, changed).await, Effect::Applied);
        assert_eq!(store.alert(open.id).await.unwrap(), Some(open));
        assert_eq!(store.open_alerts(&["flood".to_owned()]).await.unwrap(), []);
        let seen = store.alert_cursor().await.unwrap();
        let again = WriteAlerts { raised: another.raised, ..WriteAlerts::after(seen, AlertCursor { position: 3, ..seen }) };
        assert_eq!(write(&store, again).await, Effect::Applied);
    }

    /// S-10: of the same events, one alert of a group makes room for others, and then the group is worse than these.
    async fn s10_an_alert_that_is_over_makes_room_for_another_one_of_its_group_at_once(home: Home) {
        let store = home.open().await;
        let mut first = alert("a", None);
        let to = AlertCursor { position: 1, turn: 0 };
        assert_eq!(write(&store, WriteAlerts { raised: vec![first.clone()], ..WriteAlerts::after(BEGINNING, to) }).await, Effect::Applied);
        first.state = AlertState::Resolved;
        first.resolved = Some(Said { by: None, reason: Some("outranked".to_owned()), at: after(5) });
        let again = alert("a", None);
        let both = WriteAlerts {
            raised: vec![again.clone()],
            changed: vec![first.clone()],
            ..WriteAlerts::after(to, AlertCursor { position: 2, turn: 0 })
        };
        assert_eq!(write(&store, both).await, Effect::Applied);
        assert_eq!(store.alert(first.id).await.unwrap(), Some(first));
        assert_eq!(store.open_alerts(&["flood".to_owned()]).await.unwrap(), [again]);
    }

    /// W-12: files say which rules there are. What people said of them between that these were read and that they are written stays.
    async fn w12_a_silence_that_is_said_while_files_come_into_force_stays(home: Home) {
        let store = home.open().await;
        let rules = vec![rule("flood", None), rule("spray", Some("ana")), rule("quiet", None)];
        let to = AlertCursor { position: 0, turn: 1 };
        assert_eq!(write(&store, WriteAlerts { rules: Some(rules.clone()), ..WriteAlerts::after(BEGINNING, to) }).await, Effect::Applied);
        // Read now.
        let read = store.alert_rules().await.unwrap();
        let seen = read.iter().map(|row| (row.name.clone(), row.digest.clone())).collect();
        let changed = AlertRuleInForce { digest: "d2".to_owned(), ..rule("flood", None) };
        let put = PutAlertRules { seen, rules: vec![changed, rule("spray", Some("ana")), rule("new", None)], read_from: 0 };
        // Meanwhile one is silenced, and another one no more.
        let silenced = vec![rule("flood", Some("bea")), rule("spray", None), rule("quiet", Some("bea"))];
        assert_eq!(write(&store, WriteAlerts { rules: Some(silenced), ..WriteAlerts::beside(to) }).await, Effect::Applied);
        let beside = PutBeside { workflows: None, alerts: Some(put) };
        apply(&store, Change::PutPolicy(crate::clients::policy(1, after(1)), Vec::new(), Some(Box::new(beside)))).await;
        let mut now = store.alert_rules().await.unwrap();
        now.sort_by(|a, b| a.name.cmp(&b.name));
        let flood = AlertRuleInForce { digest: "d2".to_owned(), ..rule("flood", Some("bea")) };
        assert_eq!(now, [flood, rule("new", None), rule("spray", None)]);
    }

    /// S-10: what a rule tells groups apart by may read like the id of a user whom there is not, and is counted all the same.
    async fn s10_a_group_that_reads_like_a_user_is_counted(home: Home) {
        let store = home.open().await;
        let nobody = UserId::generate(START, &Counter);
        let member = nobody.to_string();
        let groups = vec![counted(&member, "1")];
        let to = AlertCursor { position: 1, turn: 0 };
        assert_eq!(write(&store, WriteAlerts { groups, ..WriteAlerts::after(BEGINNING, to) }).await, Effect::Applied);
        assert_eq!(store.alert_groups(&pair(&member)).await.unwrap(), [group(&member, "1")]);
    }

    async fn w12_alerts_about_a_user_and_what_was_counted_go_with_them(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await.user.id;
        let (raised, groups) = (vec![alert(&ann.to_string(), Some(ann))], vec![counted_of(ann, "1"), counted("b", "2")]);
        let to = AlertCursor { position: 1, turn: 0 };
        assert_eq!(write(&store, WriteAlerts { raised, groups, ..WriteAlerts::after(BEGINNING, to) }).await, Effect::Applied);
        apply(&store, Change::EraseUser { id: ann }).await;
        assert_eq!(store.alerts(&AlertFilter::default(), whole()).await.unwrap().items, []);
        assert_eq!(store.alert_groups(&pair(&ann.to_string())).await.unwrap(), []);
        assert_eq!(store.alert_groups(&pair("b")).await.unwrap(), [group("b", "2")]);
    }

    /// Whoever counts may have read of somebody who is erased before it writes.
    async fn w12_what_is_counted_late_of_whoever_was_erased_does_not_come_back(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await.user.id;
        let seen = store.alert_cursor().await.unwrap();
        apply(&store, Change::EraseUser { id: ann }).await;
        let (raised, groups) = (vec![alert(&ann.to_string(), Some(ann))], vec![counted_of(ann, "1"), counted("b", "2")]);
        let to = AlertCursor { position: 1, ..seen };
        assert_eq!(write(&store, WriteAlerts { raised, groups, ..WriteAlerts::after(seen, to) }).await, Effect::Applied);
        assert_eq!(store.alerts(&AlertFilter::default(), whole()).await.unwrap().items, []);
        assert_eq!(store.alert_groups(&pair(&ann.to_string())).await.unwrap(), []);
        assert_eq!(store.alert_groups(&pair("b")).await.unwrap(), [group("b", "2")], "the others are counted");
        assert_eq!(store.alert_cursor().await.unwrap(), to);
    }

    async fn w11_what_matters_no_more_is_deleted(home: Home) {
        let store = home.open().await;
        let mut over = alert("a", None);
        let to = AlertCursor { position: 1, turn: 0 };
        let raised = vec![over.clone(), alert("b", None)];
        let groups = vec![counted("a", "1")];
        assert_eq!(write(&store, WriteAlerts { raised, groups, ..WriteAlerts::after(BEGINNING, to) }).await, Effect::Applied);
        over.resolved = Some(Said { by: None, reason: None, at: after(60) });
        over.state = AlertState::Resolved;
        assert_eq!(write(&store, WriteAlerts { changed: vec![over], ..WriteAlerts::beside(to) }).await, Effect::Applied);
        let day = std::time::Duration::from_hours(24);
        assert_eq!(store.sweep(after(60), day).await.unwrap(), 0);
        assert_eq!(store.sweep(after(600 + 86_400), day).await.unwrap(), 1, "the group");
        assert_eq!(store.sweep(after(60 + 30 * 86_400), day).await.unwrap(), 1, "the alert that is resolved");
        assert_eq!(store.alerts(&AlertFilter::default(), whole()).await.unwrap().items.len(), 1);
    }
}
