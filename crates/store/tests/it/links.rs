//! Links of runs: followed once, for their user, for a time, and as long as their run.

use std::collections::BTreeSet;

use domain::event::About;
use domain::*;
use futures_util::future::join_all;
use store::*;

use crate::home::*;
use crate::runs::{advance, claim, over, started, write};

fn link(run: RunId, user: UserId) -> Link {
    Link {
        id: LinkId::generate(START, &Counter),
        run_id: run,
        workflow: "lost".to_owned(),
        user_id: user,
        name: "stop".to_owned(),
        title: "A recovery".into(),
        message: Texts::Each(
            [("de", "Sie wartet."), ("en", "It waits.")].map(|(a, b)| (a.to_owned(), b.to_owned())).into(),
        ),
        button: "Stop it".into(),
        done: None,
        created_at: START,
        expires_at: after(100),
        followed_at: None,
        session_id: None,
        late_at: None,
        is_over: false,
        gives: None,
        authenticator_id: None,
    }
}

/// A run that made a link for somebody.
async fn made(store: &Store, user: UserId) -> (ClaimedRun, Link) {
    made_giving(store, user, None).await
}

async fn made_giving(store: &Store, user: UserId, gives: Option<LinkGives>) -> (ClaimedRun, Link) {
    let run = started(store, Some(user), None, Meeting::Queue).await;
    let claimed = claim(store, after(1), after(1000)).await.into_iter().find(|one| one.run.id == run).unwrap();
    let link = Link { gives, ..link(run, user) };
    let changes = vec![Change::CreateLink(Box::new(link.clone()))];
    assert_eq!(write(store, AdvanceRun { changes, ..advance(&claimed) }).await, Effect::Applied);
    (claimed, link)
}

fn signal() -> String {
    r#"{"signal":{"position":0,"event":{"kind":"link.followed","position":0}}}"#.to_owned()
}

fn follow(link: &Link, session_id: Option<SessionId>, at: Timestamp) -> Change {
    Change::FollowLink(FollowLink { id: link.id, session_id, gives: None, at, run_id: link.run_id, signal: signal() })
}

/// A link that is followed and gives a new set.
fn giving(link: &Link, seen: Option<AuthenticatorId>, user: UserId) -> FollowLink {
    let (set, codes) = codes(user);
    let set = Authenticator { ends_at: Some(link.expires_at), ..set };
    let out = HandOut { gives: link.gives.unwrap_or(LinkGives::Pass), seen, set, codes };
    FollowLink {
        id: link.id,
        session_id: None,
        gives: Some(Box::new(out)),
        at: after(2),
        run_id: link.run_id,
        signal: signal(),
    }
}

fn arm(link: &Link, run_id: RunId, to: Option<UserId>, token: u8) -> Change {
    Change::ArmLink(ArmLink { id: link.id, run_id, to, token: TokenHash([token; 32]) })
}

fn late(link: &Link, at: Timestamp) -> Change {
    Change::NoteLateLink { id: link.id, at }
}

on_both_engines! {
    async fn t13_of_those_who_follow_a_link_at_once_one_does(home: Home) {
        let store = home.open().await;
        let other = if home.is_sqlite() { store.clone() } else { home.open().await };
        let ann = settle(&store, "ann").await;
        let (_, link) = made(&store, ann.user.id).await;
        assert_eq!(store.link(link.id).await.unwrap(), Some(link.clone()));
        let all = (0..16).map(|n| commit(if n % 2 == 0 { &store } else { &other }, follow(&link, None, after(2))));
        let all = join_all(all).await;
        assert_eq!(all.iter().filter(|effect| **effect == Effect::Applied).count(), 1, "{all:?}");
        let found = store.link(link.id).await.unwrap().unwrap();
        assert_eq!(found.followed_at, Some(after(2)));
        assert_eq!(found.state_at(after(3)), LinkState::Followed);
    }

    async fn t31_what_a_press_gave_is_found_by_its_key_until_it_is_forgotten(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let (_, link) = made(&store, ann.user.id).await;
        let nobody = ApplicationId::from_uuid(uuid::Uuid::nil());
        let press = |key: &str, resource: &str| Commit {
            change: follow(&link, None, after(2)),
            events: Vec::new(),
            idempotency: Some(Idempotency {
                application_id: nobody,
                key: key.to_owned(),
                request_hash: [1; 32],
                resource: resource.to_owned(),
                at: after(62).minus(Idempotency::LIFETIME),
            }),
        };
        let came_of = async |key: &str| store.came_of(nobody, key).await.unwrap();
        assert_eq!(came_of("one").await, None);
        let all = join_all((0..8).map(|n| store.commit(press("one", &n.to_string())))).await;
        let all: Vec<Effect> = all.into_iter().map(Result::unwrap).collect();
        let applied = all.iter().position(|effect| *effect == Effect::Applied).unwrap();
        assert_eq!(all.iter().filter(|effect| matches!(effect, Effect::Repeated { .. })).count(), 7, "{all:?}");
        assert_eq!(came_of("one").await, Some(applied.to_string()));
        assert_eq!(store.commit(press("other", "x")).await.unwrap(), Effect::Refused);
        assert_eq!(came_of("other").await, None, "what was refused leaves nothing");
        assert_eq!(store.came_of(ann.session.application_id, "one").await.unwrap(), None);
        let keep = std::time::Duration::from_hours(720);
        store.sweep(after(61), keep).await.unwrap();
        assert!(came_of("one").await.is_some());
        store.sweep(after(62), keep).await.unwrap();
        assert_eq!(came_of("one").await, None);
    }

    async fn t13_w06_a_link_does_nothing_once_its_time_or_its_run_is_over_and_that_is_noted_once(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let (claimed, link) = made(&store, ann.user.id).await;
        assert_eq!(commit(&store, late(&link, after(99))).await, Effect::Refused, "it still works");
        assert_eq!(commit(&store, follow(&link, None, after(100))).await, Effect::Refused);
        let notes = join_all((0..8).map(|_| commit(&store, late(&link, after(100))))).await;
        assert_eq!(notes.iter().filter(|effect| **effect == Effect::Applied).count(), 1, "{notes:?}");
        assert_eq!(write(&store, over(&claimed)).await, Effect::Applied);
        assert_eq!(commit(&store, follow(&link, None, after(2))).await, Effect::Refused, "nobody would hear of it");
        assert!(store.link(link.id).await.unwrap().unwrap().is_over);
    }

    /// T-31: who is told that something is stopped has stopped it: the run has it in the same commit, by the id of the event.
    async fn t31_what_was_followed_comes_for_its_run_in_the_same_commit_and_once(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let (claimed, link) = made(&store, ann.user.id).await;
        let (_, other) = made(&store, ann.user.id).await;
        let seen = store.run_pokes(link.run_id, claimed.fence).await.unwrap();
        let events = vec![event(EventKind::LinkFollowed, About { user_id: Some(ann.user.id), ..About::default() })];
        let mut before = plain(follow(&other, None, after(2)));
        before.events = vec![event(EventKind::LinkFollowed, About { user_id: Some(ann.user.id), ..About::default() }), event(EventKind::UserUpdated, About { user_id: Some(ann.user.id), ..About::default() })];
        let commit = Commit { events, ..plain(follow(&link, None, after(2))) };
        let (first, second) = tokio::join!(store.commit(before), store.commit(commit));
        assert_eq!((first.unwrap(), second.unwrap()), (Effect::Applied, Effect::Applied));
        let told = store.events(&EventFilter { kinds: vec![EventKind::LinkFollowed], ..EventFilter::default() }, PageRequest { after: None, limit: 10 }).await.unwrap();
        let mut positions: Vec<i64> = told.items.iter().map(|event| event.position).collect();
        let mut come = Vec::new();
        for run in [link.run_id, other.run_id] {
            let inbox = store.run_inbox(run).await.unwrap();
            assert_eq!(inbox.len(), 1, "{inbox:?}");
            let said: serde_json::Value = serde_json::from_str(&inbox[0].1).unwrap();
            let position = said["signal"]["position"].as_i64().unwrap();
            assert_eq!((said["signal"]["event"]["position"].as_i64(), inbox[0].0), (Some(position), RunInput::id_of_event(position)));
            come.push(position);
        }
        positions.sort_unstable();
        come.sort_unstable();
        assert_eq!(come, positions);
        // Whoever reads the log has it come once more, as nothing.
        let again = RunInput { run_id: link.run_id, id: store.run_inbox(link.run_id).await.unwrap()[0].0, input: signal(), at: after(3) };
        apply(&store, Change::TellRun(again)).await;
        assert_eq!(store.run_inbox(link.run_id).await.unwrap().len(), 1);
        assert!(store.run_pokes(link.run_id, claimed.fence).await.unwrap() > seen, "whoever carries it looks before a time is over");
    }

    async fn t13_a_link_is_armed_by_its_run_for_its_user_and_found_by_each_of_its_tokens(home: Home) {
        let store = home.open().await;
        let (ann, bob) = (settle(&store, "ann").await, settle(&store, "bob").await);
        let (_, link) = made(&store, ann.user.id).await;
        let (_, other) = made(&store, bob.user.id).await;
        for refused in [
            arm(&link, other.run_id, None, 1),
            arm(&link, link.run_id, Some(bob.user.id), 2),
            arm(&self::link(link.run_id, ann.user.id), link.run_id, None, 3),
        ] {
            assert_eq!(commit(&store, refused).await, Effect::Refused);
        }
        apply(&store, arm(&link, link.run_id, Some(ann.user.id), 4)).await;
        apply(&store, arm(&link, link.run_id, None, 5)).await;
        for (token, found) in [(1, false), (2, false), (3, false), (4, true), (5, true)] {
            let by_token = store.link_by_token(TokenHash([token; 32])).await.unwrap();
            assert_eq!(by_token.map(|one| one.id), found.then_some(link.id), "{token}");
        }
        apply(&store, Change::EraseUser { id: ann.user.id }).await;
        assert_eq!(store.link_by_token(TokenHash([4; 32])).await.unwrap(), None);
        assert_eq!((count(&home, "links"), count(&home, "link_tokens")), (1, 0), "they go with their user");
    }

    async fn w12_what_a_run_asked_and_sent_goes_with_it_once_it_was_over_for_long(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let (claimed, link) = made(&store, ann.user.id).await;
        apply(&store, arm(&link, link.run_id, None, 7)).await;
        let task = crate::tasks::task(link.run_id, 2);
        let changes = vec![Change::OpenTask(Box::new(task.clone()))];
        assert_eq!(write(&store, AdvanceRun { changes, ..advance(&claimed) }).await, Effect::Applied);
        let verdict = crate::tasks::verdict(&task, ann.user.id, true);
        apply(&store, Change::GiveVerdict(Box::new(verdict))).await;
        assert_eq!(write(&store, over(&claimed)).await, Effect::Applied);
        let rows = || ["links", "link_tokens", "tasks", "task_verdicts", "runs"].map(|table| count(&home, table));
        let keep = std::time::Duration::from_hours(1);
        store.sweep(after(29 * 86_400), keep).await.unwrap();
        assert_eq!(rows(), [1, 1, 1, 1, 1]);
        store.sweep(gone_at(&home), keep).await.unwrap();
        assert_eq!(rows(), [0, 0, 0, 0, 0]);
    }

    async fn t31_a_session_follows_a_link_if_it_is_the_users_and_trusted_and_live(home: Home) {
        let store = home.open().await;
        let (ann, bob) = (settle(&store, "ann").await, settle(&store, "bob").await);
        let (_, link) = made(&store, ann.user.id).await;
        let weak = Session { amr: BTreeSet::new(), ..session(ann.user.id) };
        apply(&store, Change::RegisterSession(weak.clone().into())).await;
        for refused in [bob.session.id, weak.id, SessionId::generate(START, &Counter)] {
            assert_eq!(commit(&store, follow(&link, Some(refused), after(2))).await, Effect::Refused);
        }
        let end = Change::EndSession { id: ann.session.id, by: None, at: after(3) };
        let (_, second) = made(&store, ann.user.id).await;
        apply(&store, follow(&second, Some(ann.session.id), after(2))).await;
        apply(&store, end).await;
        assert_eq!(commit(&store, follow(&link, Some(ann.session.id), after(4))).await, Effect::Refused);
    }

    async fn t13_t31_what_a_link_gives_is_made_once_for_its_user_in_the_place_of_the_codes_that_were_seen(home: Home) {
        let store = home.open().await;
        let other = if home.is_sqlite() { store.clone() } else { home.open().await };
        let (ann, bob) = (settle(&store, "ann").await, settle(&store, "bob").await);
        let (_, link) = made_giving(&store, ann.user.id, Some(LinkGives::Pass)).await;
        let sets = async || {
            let all = store.authenticators_of(ann.user.id).await.unwrap();
            all.into_iter().filter(|one| one.kind == AuthenticatorKind::BackupCodes).collect::<Vec<_>>()
        };
        let seen = sets().await.first().map(|set| set.id);
        // It goes to its user, and into no call or chat.
        assert_eq!(commit(&store, arm(&link, link.run_id, None, 1)).await, Effect::Refused);
        assert_eq!(commit(&store, arm(&link, link.run_id, Some(bob.user.id), 2)).await, Effect::Refused);
        apply(&store, arm(&link, link.run_id, Some(ann.user.id), 3)).await;
        assert!(seen.is_some());
        let good = giving(&link, seen, ann.user.id);
        let with = |change: fn(&mut HandOut)| {
            let mut follow = good.clone();
            change(follow.gives.as_mut().unwrap());
            follow
        };
        let refused = [
            FollowLink { gives: None, ..good.clone() },
            FollowLink { session_id: Some(ann.session.id), ..good.clone() },
            FollowLink { at: after(100), ..good.clone() },
            with(|out| out.gives = LinkGives::BackupCodes),
            with(|out| out.seen = None),
            with(|out| out.seen = Some(AuthenticatorId::generate(START, &Counter))),
            giving(&link, None, bob.user.id),
        ];
        for follow in refused {
            assert_eq!(commit(&store, Change::FollowLink(follow.clone())).await, Effect::Refused, "{follow:?}");
        }
        let lock = |to| Change::SetUserState { id: ann.user.id, to };
        apply(&store, lock(UserState::Suspended)).await;
        assert_eq!(commit(&store, Change::FollowLink(good.clone())).await, Effect::Refused, "nobody locked gets one");
        apply(&store, lock(UserState::Active)).await;
        assert_eq!(sets().await.len(), 1, "nothing is kept of what was refused");
        // Of many at once one is made.
        let all = (0..8).map(|n| {
            let follow = giving(&link, seen, ann.user.id);
            commit(if n % 2 == 0 { &store } else { &other }, Change::FollowLink(follow))
        });
        let all = join_all(all).await;
        assert_eq!(all.iter().filter(|effect| **effect == Effect::Applied).count(), 1, "{all:?}");
        let held = sets().await;
        let states: Vec<_> = held.iter().map(|set| (set.state, set.ends_at)).collect();
        assert_eq!(states, [(AuthenticatorState::Revoked, None), (AuthenticatorState::Active, Some(after(100)))]);
        let followed = store.link(link.id).await.unwrap().unwrap();
        assert_eq!((followed.followed_at, followed.authenticator_id), (Some(after(2)), Some(held[1].id)));
    }

    async fn t31_a_link_that_is_withdrawn_gives_nothing_and_one_that_was_followed_is_not_withdrawn(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        let (claimed, link) = made_giving(&store, ann.user.id, Some(LinkGives::BackupCodes)).await;
        assert_eq!(store.giving_links_of(link.run_id).await.unwrap(), std::slice::from_ref(&link));
        let withdraw = async || {
            let changes = vec![Change::WithdrawLink { id: link.id, at: after(3) }];
            write(&store, AdvanceRun { changes, ..advance(&claimed) }).await
        };
        let own = Change::WithdrawLink { id: link.id, at: after(3) };
        assert_eq!(commit(&store, own).await, Effect::Refused, "it is for its run to do");
        assert_eq!(withdraw().await, Effect::Applied);
        assert_eq!(withdraw().await, Effect::Refused);
        let seen = store.authenticators_of(ann.user.id).await.unwrap();
        let seen = seen.iter().find(|one| one.kind == AuthenticatorKind::BackupCodes).map(|set| set.id);
        let late = FollowLink { at: after(3), ..giving(&link, seen, ann.user.id) };
        assert_eq!(commit(&store, Change::FollowLink(late)).await, Effect::Refused);
    }

    async fn t31_a_link_that_is_followed_stops_a_timer_of_the_same_moment(home: Home) {
        let store = home.open().await;
        let ann = settle(&store, "ann").await;
        for _ in 0..20 {
            let (claimed, link) = made(&store, ann.user.id).await;
            let timer = AdvanceRun { unless_poked: Some(claimed.pokes), ..over(&claimed) };
            // Behind the first of them, the others are written together.
            let first = commit(&store, Change::NoteLateLink { id: link.id, at: after(1) });
            let followed = commit(&store, follow(&link, None, after(2)));
            let (_, followed, fired) = tokio::join!(first, followed, write(&store, timer));
            assert_ne!(followed, fired, "one of the two, and never both");
        }
    }
}
