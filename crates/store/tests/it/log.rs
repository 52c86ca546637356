//! The event log: what is found in it, and what has no place in it any more.

use domain::event::About;
use domain::*;
use store::*;

use crate::home::*;

on_both_engines! {
    async fn events_are_found_by_what_they_are_about(home: Home) {
        let store = home.open().await;
        // From one stretch of the log into the next.
        let before = 3 * 4096 - 30;
        run_sql(&home, &format!("UPDATE event_head SET position = {before}"));
        let (ann, bob) = (user("ann").id, user("bob").id);
        let phone = AuthenticatorId::generate(START, &Counter);
        let mut told = Vec::new();
        for number in 0..60 {
            let mut about = About { user_id: Some(if number % 3 == 0 { ann } else { bob }), ..About::default() };
            about.authenticator_id = (number % 6 == 0).then_some(phone);
            let kind = if number % 2 == 0 { EventKind::AuthenticatorVerified } else { EventKind::SessionEnded };
            let mut event = event(kind, about);
            event.at = after(number);
            told.push(event);
        }
        store.commit(Commit { change: Change::Tell, events: told.clone(), idempotency: None }).await.unwrap();
        for (position, event) in (before + 1..).zip(&mut told) {
            event.position = position;
        }
        let none = EventFilter::default();
        let filters = [
            none.clone(),
            EventFilter { user_id: Some(ann), ..none.clone() },
            EventFilter { authenticator_id: Some(phone), ..none.clone() },
            EventFilter { kinds: vec![EventKind::SessionEnded], ..none.clone() },
            EventFilter { kinds: vec![EventKind::SessionEnded, EventKind::UserErased], user_id: Some(ann), ..none.clone() },
            EventFilter { since: Some(after(10)), until: Some(after(20)), ..none.clone() },
            EventFilter { since: Some(after(30)), user_id: Some(bob), ..none.clone() },
            EventFilter { kinds: vec![EventKind::UserErased], ..none.clone() },
            EventFilter { kinds: vec![EventKind::SessionEnded], until: Some(after(7)), ..none.clone() },
            EventFilter { since: Some(after(59)), ..none.clone() },
            EventFilter { until: Some(START), ..none },
        ];
        for filter in filters {
            let matches = |event: &&Event| {
                filter.user_id.is_none_or(|user| event.about.user_id == Some(user))
                    && filter.authenticator_id.is_none_or(|id| event.about.authenticator_id == Some(id))
                    && (filter.kinds.is_empty() || filter.kinds.contains(&event.kind))
                    && filter.since.is_none_or(|since| event.at >= since)
                    && filter.until.is_none_or(|until| event.at < until)
            };
            let want: Vec<Event> = told.iter().filter(matches).cloned().collect();
            let mut page = PageRequest { after: None, limit: 7 };
            let mut seen = Vec::new();
            loop {
                let found = store.events(&filter, page).await.unwrap();
                seen.extend(found.items);
                page.after = found.next;
                if page.after.is_none() {
                    break;
                }
            }
            assert_eq!(seen, want, "{filter:?}");
            let mut back = store.events_backward(&filter, whole()).await.unwrap().items;
            back.reverse();
            assert_eq!(back, want, "{filter:?}, backwards");
        }
    }
}
