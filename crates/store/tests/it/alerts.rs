//! Alerts: what was counted and raised is written by whoever has seen all of it, and by nobody else.

use domain::*;
use futures_util::future::join_all;
use store::*;

use crate::home::*;

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
            WriteAlerts { groups: vec![group("a", &n.to_string())], raised, ..WriteAlerts::after(BEGINNING, to) }
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

    async fn w12_alerts_about_a_user_and_what_was_counted_go_with_them(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await.user.id;
        let (raised, groups) = (vec![alert(&ann.to_string(), Some(ann))], vec![group(&ann.to_string(), "1"), group("b", "2")]);
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
        let (raised, groups) = (vec![alert(&ann.to_string(), Some(ann))], vec![group(&ann.to_string(), "1"), group("b", "2")]);
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
        let groups = vec![group("a", "1")];
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
