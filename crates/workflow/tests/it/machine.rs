//! The step machine, step by step.

use std::time::Duration;

use domain::Timestamp;
use serde_json::{Map, Value, json};
use workflow::{
    Advanced, Cause, Changed, Definition, Effect, Extent, Input, Key, Outcome, Progress, Refused, Run, Start, Verdict,
    What,
};

use crate::support::{LOST, read, with_steps};

const NOW: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);

fn cause() -> Cause {
    Cause::Event(
        json!({"kind": "authenticator.lost", "user": "usr_1", "data": {"reason": "requested", "kind": "totp"}}),
    )
}

fn begin(definition: &Definition) -> Advanced {
    let start = Start { id: "run_1".to_owned(), cause: cause(), requester: None, depth: 0 };
    definition.begin(start, NOW, 1).unwrap()
}

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

fn done(text: &str, outputs: Value) -> Input {
    changing(text, outputs, Changed::Unsaid)
}

fn changing(text: &str, outputs: Value, changed: Changed) -> Input {
    Input::Done { key: key(text), attempt: 1, outputs: outputs.as_object().cloned().unwrap_or_default(), changed }
}

fn extent(items: u64, users: u64) -> Extent {
    Extent { items, users, is_whole: true, shut_out: 0 }
}

fn started(effects: &[Effect]) -> Vec<String> {
    let keys = effects.iter().filter_map(|effect| match effect {
        Effect::Start { key, .. } => Some(key.to_string()),
        _ => None,
    });
    keys.collect()
}

fn go(definition: &Definition, run: &Run, input: Input) -> Advanced {
    definition.advance(run, input, NOW, 7).unwrap()
}

fn yes(by: &str) -> Verdict {
    Verdict {
        by: by.to_owned(),
        approves: true,
        roles: vec!["helpdesk".to_owned()],
        evidence: vec!["identity_document".to_owned()],
        level: domain::Aal::Aal2,
    }
}

#[test]
fn w01_a_lost_device_goes_from_step_to_step() {
    let definition = read(LOST);
    let advanced = begin(&definition);
    assert_eq!(started(&advanced.effects), ["suspend"]);
    let advanced = go(&definition, &advanced.run, done("suspend", json!({"count": 2})));
    let [Effect::SetTimer { .. }, Effect::Start { with, idempotency_key, .. }] = advanced.effects.as_slice() else {
        panic!("{:?}", advanced.effects)
    };
    assert_eq!(idempotency_key, "run_1/tell");
    assert!(format!("{with:?}").contains("We suspended 2 of your authenticators. (none)"), "{with:?}");
    let advanced = go(&definition, &advanced.run, done("tell", json!({})));
    let asked = advanced.effects.iter().any(|effect| matches!(effect, Effect::Ask { .. }));
    assert!(asked, "{:?}", advanced.effects);
    let advanced = go(&definition, &advanced.run, Input::Verdict { key: key("identity"), verdict: yes("ann") });
    assert_eq!(started(&advanced.effects), ["pass"]);
    let advanced = go(&definition, &advanced.run, done("pass", json!({"link": "https://…"})));
    let event = json!({"kind": "authenticator.activated", "user": "usr_1", "data": {"kind": "totp"}});
    let advanced = go(&definition, &advanced.run, Input::Signal { position: 7, event });
    assert_eq!(started(&advanced.effects), ["revoke"]);
    let advanced = go(&definition, &advanced.run, done("revoke", json!({"count": 1})));
    assert_eq!(started(&advanced.effects), ["note"]);
    let advanced = go(&definition, &advanced.run, done("note", json!({})));
    assert_eq!(advanced.run.outcome(), Some(Outcome::Completed));
    assert_eq!(advanced.effects, [Effect::Finish(Outcome::Completed)]);
    assert_eq!(definition.advance(&advanced.run, done("note", json!({})), NOW, 1), Err(Refused::Over));
}

#[test]
fn w04_an_input_that_comes_twice_changes_nothing() {
    let definition = read(LOST);
    let first = begin(&definition);
    let input = done("suspend", json!({"count": 2}));
    let second = go(&definition, &first.run, input.clone());
    assert_eq!(definition.advance(&second.run, input, NOW, 9), Err(Refused::NotAwaited));
    assert_eq!(definition.advance(&second.run, done("pass", json!({})), NOW, 9), Err(Refused::NotAwaited));
}

#[test]
fn w04_a_run_goes_by_the_definition_that_it_began_with() {
    let (one, other) = (read(LOST), read(&LOST.replace("limit: 4", "limit: 5")));
    let run = begin(&one).run;
    assert_eq!(other.advance(&run, done("suspend", json!({})), NOW, 1), Err(Refused::OtherDefinition));
    let laid_out_otherwise = read(&LOST.replace("# at once", "# another comment"));
    assert_eq!(one.digest(), laid_out_otherwise.digest());
}

#[test]
fn w04_a_run_is_kept_as_json_and_reads_back() {
    let definition = read(LOST);
    let run = go(&definition, &begin(&definition).run, done("suspend", json!({"count": 2}))).run;
    let text = serde_json::to_string(&run).unwrap();
    assert_eq!(serde_json::from_str::<Run>(&text).unwrap(), run);
    let newer = text.replacen("\"version\":1", "\"version\":2", 1);
    let newer: Run = serde_json::from_str(&newer).unwrap();
    assert_eq!(definition.advance(&newer, done("tell", json!({})), NOW, 1), Err(Refused::OtherVersion));
}

#[test]
fn w04_attempts_are_bounded_and_what_was_done_is_undone() {
    let definition = read(LOST);
    let mut now = NOW;
    let mut run = go(&definition, &begin(&definition).run, done("suspend", json!({"count": 2}))).run;
    for attempt in 1..=4 {
        let failed =
            Input::Failed { key: key("tell"), attempt, message: "away".to_owned(), retryable: true, after: None };
        let advanced = definition.advance(&run, failed, now, 3).unwrap();
        run = advanced.run;
        if attempt == 4 {
            assert_eq!(started(&advanced.effects), ["suspend!undo"]);
            break;
        }
        let Some(Effect::SetTimer { timer, at }) = advanced.effects.last() else { panic!("{:?}", advanced.effects) };
        assert_eq!(at.since(now), Duration::from_secs(10 << (attempt - 1)));
        let early = definition.advance(&run, Input::Timer(*timer), now, 3);
        assert_eq!(early, Err(Refused::Early { at: *at }));
        now = *at;
        let advanced = definition.advance(&run, Input::Timer(*timer), now, 3).unwrap();
        let key = advanced.effects.iter().find_map(|effect| match effect {
            Effect::Start { idempotency_key, attempt, .. } => Some((idempotency_key.as_str(), *attempt)),
            _ => None,
        });
        assert_eq!(key, Some(("run_1/tell", attempt + 1)), "the same key on every attempt");
        run = advanced.run;
    }
    let advanced = definition.advance(&run, done("suspend!undo", json!({})), now, 3).unwrap();
    assert_eq!(started(&advanced.effects), ["alarm"]);
    let alarm = serde_json::to_string(&advanced.effects).unwrap();
    assert!(alarm.contains("run_1: away") && alarm.contains(r#"{"secret":"env:PAGER_KEY"}"#), "{alarm}");
    let history = serde_json::to_string(&advanced.history).unwrap();
    assert!(!history.contains("PAGER_KEY"), "{history}");
    let advanced = definition.advance(&advanced.run, done("alarm", json!({})), now, 3).unwrap();
    assert_eq!(started(&advanced.effects), ["note"], "`finally` is done whatever happened");
    let advanced = definition.advance(&advanced.run, done("note", json!({})), now, 3).unwrap();
    assert_eq!(advanced.run.outcome(), Some(Outcome::Failed));
}

#[test]
fn w04_who_cancels_has_it_undone_and_what_acts_comes_to_its_end_first() {
    let definition = read(LOST);
    let run = go(&definition, &begin(&definition).run, done("suspend", json!({"count": 2}))).run;
    let advanced = go(&definition, &run, Input::Cancel { reason: "found again".to_owned() });
    assert!(advanced.effects.is_empty(), "a mail is under way: {:?}", advanced.effects);
    let again = Input::Cancel { reason: "again".to_owned() };
    assert_eq!(definition.advance(&advanced.run, again, NOW, 1), Err(Refused::NotAwaited));
    let advanced = go(&definition, &advanced.run, done("tell", json!({})));
    assert_eq!(started(&advanced.effects), ["suspend!undo"]);
    let advanced = go(&definition, &advanced.run, done("suspend!undo", json!({})));
    assert_eq!(started(&advanced.effects), ["note"], "who cancels has no `on_error`");
    let advanced = go(&definition, &advanced.run, done("note", json!({})));
    assert_eq!(advanced.run.outcome(), Some(Outcome::Cancelled));
}

#[test]
fn w02_an_event_that_comes_too_early_is_kept() {
    let definition = read(LOST);
    let event = |user: &str| json!({"kind": "authenticator.activated", "user": user, "data": {"kind": "totp"}});
    let run = begin(&definition).run;
    let run = go(&definition, &run, Input::Signal { position: 9, event: event("usr_2") }).run;
    let run = go(&definition, &run, Input::Signal { position: 8, event: event("usr_1") }).run;
    let twice = definition.advance(&run, Input::Signal { position: 8, event: event("usr_1") }, NOW, 1);
    assert_eq!(twice, Err(Refused::NotAwaited));
    let run = go(&definition, &run, done("suspend", json!({"count": 2}))).run;
    let run = go(&definition, &run, done("tell", json!({}))).run;
    let run = go(&definition, &run, Input::Verdict { key: key("identity"), verdict: yes("ann") }).run;
    let advanced = go(&definition, &run, done("pass", json!({})));
    assert_eq!(started(&advanced.effects), ["revoke"], "it has come already");
    let other = json!({"kind": "user.created", "user": "usr_1", "data": {}});
    let refused = definition.advance(&advanced.run, Input::Signal { position: 10, event: other }, NOW, 1);
    assert_eq!(refused, Err(Refused::NotAwaited), "no step waits for this kind");
}

#[test]
fn w03_who_may_not_approve_does_not() {
    let definition = read(LOST);
    let run = go(&definition, &begin(&definition).run, done("suspend", json!({"count": 2}))).run;
    let run = go(&definition, &run, done("tell", json!({}))).run;
    let refused = [
        Verdict { by: "usr_1".to_owned(), ..yes("ann") },
        Verdict { roles: vec!["sales".to_owned()], ..yes("ann") },
        Verdict { evidence: Vec::new(), ..yes("ann") },
        Verdict { level: domain::Aal::Aal1, ..yes("ann") },
    ];
    for verdict in refused {
        let refused = definition.advance(&run, Input::Verdict { key: key("identity"), verdict }, NOW, 1);
        assert!(matches!(refused, Err(Refused::NotAllowed(_))), "{refused:?}");
    }
}

#[test]
fn w03_t31_who_is_nobody_any_more_did_not_approve() {
    let definition = read(&LOST.replace("approval:\n      roles", "approval:\n      quorum: 2\n      roles"));
    let run = go(&definition, &begin(&definition).run, done("suspend", json!({"count": 2}))).run;
    let run = go(&definition, &run, done("tell", json!({}))).run;
    let says = |who: &str| Input::Verdict { key: key("identity"), verdict: yes(who) };
    let run = go(&definition, &run, says("ann")).run;
    let run = go(&definition, &run, Input::Withdrawn { key: key("identity"), by: "ann".to_owned() }).run;
    let once = go(&definition, &run, says("ann, made anew"));
    assert_eq!(started(&once.effects), [""; 0], "one person is one");
    let twice = go(&definition, &once.run, says("bob"));
    assert_eq!(started(&twice.effects), ["pass"]);
    let late = Input::Withdrawn { key: key("identity"), by: "bob".to_owned() };
    assert_eq!(definition.advance(&twice.run, late, NOW, 1), Err(Refused::NotAwaited), "it is decided");
}

#[test]
fn w03_what_cannot_be_told_stops_the_run_and_is_caught_by_nothing() {
    let text = with_steps(
        "- id: careful\n  try:\n    - id: ask\n      switch:\n        - when: event.data.from == \"active\"\n          steps: [{id: a, fail: a}]\n  catch:\n    - id: b\n      fail: caught",
    );
    let definition = read(&text);
    let advanced = begin(&definition);
    let failure = advanced.run.failure().unwrap();
    assert_eq!(advanced.run.outcome(), Some(Outcome::Failed));
    assert!(failure.message.contains("`event.data.from` is not known"), "{failure:?}");
    let history = serde_json::to_string(&advanced.history).unwrap();
    assert!(history.contains(r#""holds":"unknown""#), "{history}");
}

#[test]
fn w09_what_a_loop_calls_is_done_in_it() {
    let calling = |name: &str, called: &str| {
        read(&with_steps(&format!(
            "- id: everyone\n  for_each:\n    query: users\n    limit: 10\n    as: person\n    steps:\n      - id: call\n        call: {called}\n        timeout: 1h"
        )).replace("name: lost", &format!("name: {name}")))
    };
    let (outer, middle) = (calling("outer", "middle"), calling("middle", "locks"));
    let locks = read(&with_steps("- {id: lock, action: user.lock, with: {user: \"${subject}\"}}"));
    let round = calling("round", "round");
    let does = |action: &str, known: &[(&str, &Definition)]| {
        outer.does_in_loop("everyone", &[action], &|name| known.iter().find(|one| one.0 == name).map(|one| one.1))
    };
    let all = [("middle", &middle), ("locks", &locks)];
    assert!(does("user.lock", &all));
    assert!(!does("user.unlock", &all));
    assert!(does("user.unlock", &all[..1]), "one that is not known may do anything");
    assert!(!does("user.lock", &[("middle", &round), ("round", &round)]), "round and round");
}

#[test]
fn w09_how_much_a_loop_is_about_is_kept_with_it_and_told_of_each_step_in_it() {
    let text = with_steps(
        "- id: everyone\n  for_each:\n    query: users\n    limit: 1000\n    batch: 10\n    canary: 5%\n    as: person\n    where: person.kind != \"service\"\n    steps:\n      - id: each_key\n        for_each:\n          query: authenticators_of\n          with: {user: \"${person.id}\"}\n          as: key\n          steps:\n            - id: suspend\n              action: authenticator.suspend\n              with: {authenticator: \"${key.id}\"}\n- id: after\n  action: user.lock\n  with: {user: \"${subject}\"}",
    );
    let definition = read(&text);
    let does = |step, action| definition.does_in_loop(step, &[action], &|_| None);
    assert!(does("everyone", "authenticator.suspend"));
    assert!(!does("everyone", "user.lock") && !does("after", "user.lock"));
    let page =
        |key: Key, items: Vec<Value>, extent| Input::Page { key, page: 1, items, next: None, extent: Some(extent) };
    let people = (0..40).map(|i| json!({"id": format!("usr_{i}"), "kind": "person"})).collect();
    let advanced = go(&definition, &begin(&definition).run, page(key("everyone"), people, extent(40, 40)));
    let inner: Vec<Key> = advanced.run.under_way().filter(|key| key.step == "each_key").cloned().collect();
    assert_eq!(inner.len(), 2, "a share of all that there are goes first");
    let keys = vec![json!({"id": "ath_1", "user": "usr_0"}), json!({"id": "ath_2", "user": "usr_0"})];
    let advanced = go(&definition, &advanced.run, page(key("each_key@0"), keys, extent(2, 1)));
    // What is kept is what whoever goes on with the run has of it.
    let kept: Run = serde_json::from_str(&serde_json::to_string(&advanced.run).unwrap()).unwrap();
    let around = |step: &str| {
        let around = kept.extents_around(&definition, &key(step));
        around.into_iter().map(|(extent, is_all)| (extent.users, is_all)).collect::<Vec<_>>()
    };
    assert_eq!(around("suspend@0.0"), [(1, true), (40, false)]);
    assert_eq!(around("each_key@1"), [(40, false)]);
    assert_eq!(around("everyone"), []);
    assert_eq!(around("after"), []);
}

#[test]
fn w09_a_loop_over_many_goes_page_by_page_and_stops_where_too_many_fail() {
    let text = with_steps(
        "- id: everyone\n  for_each:\n    query: users\n    limit: 100000\n    batch: 10\n    breaker: {failures: 10%, after: 20, then: hold}\n    steps:\n      - id: lock\n        action: user.lock\n        with: {user: \"${item.id}\"}",
    );
    let definition = read(&text);
    let item = |i: usize| json!({"id": format!("usr_{i}")});
    let page = |page: u64, from: usize, next: bool| Input::Page {
        key: key("everyone"),
        page,
        items: (from..from + 100).map(item).collect(),
        next: next.then(|| from.to_string()),
        extent: Some(extent(1000, 1000)),
    };
    let advanced = begin(&definition);
    assert!(matches!(advanced.effects.last(), Some(Effect::Query { page: 1, .. })), "{:?}", advanced.effects);
    let mut advanced = go(&definition, &advanced.run, page(1, 0, true));
    let mut open = started(&advanced.effects);
    assert_eq!(open.len(), 10);
    let (mut ended, mut most) = (0, 0);
    while ended < 60 {
        let key = open.remove(0);
        advanced = go(&definition, &advanced.run, done(&key, json!({})));
        ended += 1;
        open.extend(started(&advanced.effects));
        most = most.max(serde_json::to_string(&advanced.run).unwrap().len());
    }
    assert!(most < 16_384, "a run over many is no larger: {most}");
    // 7 of 67 are more than 10 %.
    for _ in 0..7 {
        let failing = open.remove(0).parse().unwrap();
        let failed = Input::Failed { key: failing, attempt: 1, message: "no".to_owned(), retryable: true, after: None };
        advanced = go(&definition, &advanced.run, failed);
        open.extend(started(&advanced.effects));
    }
    assert!(advanced.effects.iter().any(|effect| matches!(effect, Effect::Hold { .. })), "{:?}", advanced.effects);
    let progress = Progress { done: 60, failed: 7, skipped: 0, of: Some(1000) };
    assert_eq!(advanced.run.progress().collect::<Vec<_>>(), [(&key("everyone"), progress)]);
    let more = definition.advance(&advanced.run, Input::Retry(key("everyone")), NOW, 1).unwrap();
    assert!(!started(&more.effects).is_empty(), "somebody looked at it: it goes on");
    let mut advanced = go(&definition, &advanced.run, Input::Discard(key("everyone")));
    for key in open {
        advanced = go(&definition, &advanced.run, done(&key, json!({})));
    }
    assert_eq!(advanced.run.outcome(), Some(Outcome::Failed));
}

#[test]
fn what_gives_more_than_is_kept_fails() {
    let text = with_steps("- id: ask\n  action: http.call\n  with: {url: \"https://example.org\"}");
    let definition = read(&text);
    let body: Map<String, Value> = Map::from_iter([("body".to_owned(), "a".repeat(20_000).into())]);
    let advanced = go(&definition, &begin(&definition).run, done("ask", body.into()));
    assert_eq!(advanced.run.outcome(), Some(Outcome::Failed));
}

#[test]
fn w02_why_says_of_each_clause_whether_it_held() {
    let text = with_steps("- id: a\n  fail: a").replace(
        "when: event.data.reason != \"workflow\"",
        "when: event.data.reason != \"workflow\" && event.data.kind == \"hotp\" && event.data.from == \"active\"",
    );
    let definition = read(&text);
    let why = serde_json::to_value(definition.why(&cause())).unwrap();
    assert_eq!(
        why,
        json!([[
            {"text": "event.data.reason != \"workflow\"", "holds": "true", "values": {"event.data.reason": "requested"}},
            {"text": "event.data.kind == \"hotp\"", "holds": "false", "values": {"event.data.kind": "totp"}},
            {"text": "event.data.from == \"active\"", "holds": "unknown", "values": {}},
        ]])
    );
    assert_eq!(definition.is_started_by(&cause()), Ok(false), "one part that is false decides");
    let other = Cause::Event(json!({"kind": "user.created", "data": {}}));
    assert!(definition.why(&other).is_empty());
    let unclear = Cause::Event(json!({"kind": "authenticator.lost", "data": {"reason": "a", "kind": "hotp"}}));
    assert!(definition.is_started_by(&unclear).unwrap_err().contains("`event.data.from` is not known"));
}

#[test]
fn w02_who_starts_a_run_tells_what_it_takes() {
    let definition = read(LOST);
    let by = |roles: &[&str], inputs: Value| {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        let cause = Cause::Manual { roles, inputs: inputs.as_object().cloned().unwrap() };
        let start = Start { id: "run_1".to_owned(), cause, requester: Some("bea".to_owned()), depth: 0 };
        definition.begin(start, NOW, 1)
    };
    let begun = by(&["sales", "helpdesk"], json!({"user": "usr_3"})).unwrap();
    assert_eq!(begun.run.subject(), Some("usr_3"));
    for (roles, inputs) in [
        (&["sales"][..], json!({"user": "usr_3"})),
        (&["helpdesk"][..], json!({})),
        (&["helpdesk"][..], json!({"user": 3})),
        (&["helpdesk"][..], json!({"user": "usr_3", "usr": "x"})),
    ] {
        assert!(matches!(by(roles, inputs.clone()), Err(Refused::Unfit(_))), "{roles:?} {inputs}");
    }
}

/// A wait that wants one event of many, and another one behind it.
const WAITS: &str = r#"
- id: first
  wait:
    event: authenticator.activated
    where: arrived.data.kind == "totp"
    timeout: 1d
    on_timeout: continue
- id: second
  wait:
    event: session.ended
    where: arrived.data.reason == "x"
    timeout: 1d
    on_timeout: continue
"#;

fn activated(position: i64, kind: &str) -> Input {
    let event =
        json!({"kind": "authenticator.activated", "position": position, "user": "usr_1", "data": {"kind": kind}});
    Input::Signal { position, event }
}

#[test]
fn w03_however_many_events_come_that_a_wait_does_not_want_it_takes_the_one_that_it_does() {
    let definition = read(&with_steps(WAITS));
    let mut run = begin(&definition).run;
    for position in 1..=200 {
        run = go(&definition, &run, activated(position, "sms")).run;
    }
    // What no later wait could want is not kept.
    let kept = serde_json::to_value(&run).unwrap();
    assert_eq!(kept.get("inbox"), None, "{kept}");
    let advanced = go(&definition, &run, activated(201, "totp"));
    assert_eq!(advanced.run.under_way().map(ToString::to_string).collect::<Vec<_>>(), ["second"]);
    assert_eq!(definition.advance(&advanced.run, activated(201, "totp"), NOW, 7), Err(Refused::NotAwaited));
}

#[test]
fn w03_of_events_that_a_later_wait_may_want_the_oldest_make_room_and_that_is_told() {
    let definition = read(&with_steps(WAITS));
    let ended = |position: i64, reason: &str| {
        let event = json!({"kind": "session.ended", "position": position, "user": "usr_1", "data": {"reason": reason}});
        Input::Signal { position, event }
    };
    let mut run = begin(&definition).run;
    let mut dropped = Vec::new();
    for position in 1..=100 {
        let advanced = go(&definition, &run, ended(position, if position == 100 { "x" } else { "y" }));
        dropped.extend(advanced.history.iter().filter_map(|entry| match entry.what {
            What::Dropped { position } => Some(position),
            _ => None,
        }));
        run = advanced.run;
    }
    assert_eq!(dropped, (1..=100 - 64).collect::<Vec<_>>());
    // The newest one was not among them: the wait that wants it finds it.
    let advanced = go(&definition, &run, activated(101, "totp"));
    assert_eq!(advanced.run.outcome(), Some(Outcome::Completed), "{:?}", advanced.history);
}

/// What is done, and undone if what follows fails.
const UNDONE: &str = r#"
- id: suspend
  action: authenticator.suspend
  with: {user: "${subject}"}
  compensate: {action: authenticator.resume, with: {user: "${subject}"}}
- id: lock
  action: user.lock
  with: {user: "${subject}"}
  compensate: {action: user.unlock, with: {user: "${subject}"}}
- id: call
  action: http.call
  with: {url: "https://example.org"}
"#;

fn these(ids: &[&str]) -> Changed {
    Changed::These(ids.iter().map(|id| (*id).to_owned()).collect())
}

fn undone(effects: &[Effect]) -> Vec<(String, Value)> {
    let undone = effects.iter().filter_map(|effect| match effect {
        Effect::Start { key, with, .. } if key.undo => {
            let only = with.get(workflow::ONLY).map_or(Value::Null, |told| match told {
                workflow::Told::Value(ids) => ids.clone(),
                workflow::Told::Secret(_) => Value::Null,
            });
            Some((key.to_string(), only))
        }
        _ => None,
    });
    undone.collect()
}

#[test]
fn w04_only_what_a_step_changed_is_undone() {
    let definition = read(&with_steps(UNDONE));
    let failed =
        || Input::Failed { key: key("call"), attempt: 1, message: "no".to_owned(), retryable: false, after: None };
    // The user was locked before, by somebody else: that is not for this run to lift.
    let run = go(&definition, &begin(&definition).run, changing("suspend", json!({}), these(&["aut_1", "aut_2"]))).run;
    let run = go(&definition, &run, changing("lock", json!({}), these(&[]))).run;
    let advanced = go(&definition, &run, failed());
    assert_eq!(undone(&advanced.effects), [("suspend!undo".to_owned(), json!(["aut_1", "aut_2"]))]);
    let advanced = go(&definition, &advanced.run, done("suspend!undo", json!({})));
    assert_eq!(advanced.run.outcome(), Some(Outcome::Failed));
    assert_eq!(advanced.run.not_undone(), []);
}

#[test]
fn w04_parts_of_a_step_are_added_up_each_once_and_undone_where_it_fails_in_between() {
    let definition = read(&with_steps(UNDONE));
    let part = |part, count, ids: &[&str]| {
        let outputs = json!({ "count": count }).as_object().cloned().unwrap();
        Input::Part { key: key("suspend"), attempt: 1, part, outputs, changed: these(ids) }
    };
    let run = go(&definition, &begin(&definition).run, part(1, 500, &["aut_1"])).run;
    assert_eq!(definition.advance(&run, part(1, 500, &["aut_1"]), NOW, 7), Err(Refused::NotAwaited));
    let run = go(&definition, &run, part(2, 500, &["aut_2"])).run;
    let run: Run = serde_json::from_str(&serde_json::to_string(&run).unwrap()).unwrap();
    let ended = go(&definition, &run, changing("suspend", json!({"count": 3}), these(&["aut_3"]))).run;
    let kept = serde_json::to_value(&ended).unwrap();
    assert_eq!((&kept["outputs"]["suspend"], &kept["parts"]), (&json!({"count": 1003}), &Value::Null));
    assert_eq!(kept["undo"][0]["with"][workflow::ONLY]["value"], json!(["aut_1", "aut_2", "aut_3"]));
    // It fails after a part of it was done.
    let failed =
        Input::Failed { key: key("suspend"), attempt: 1, message: "no".to_owned(), retryable: false, after: None };
    let advanced = go(&definition, &run, failed);
    assert_eq!(undone(&advanced.effects), [("suspend!undo".to_owned(), json!(["aut_1", "aut_2"]))]);
}

#[test]
fn w05_a_part_is_done_whether_or_not_its_attempt_is_over_by_now() {
    let definition = read(&with_steps(
        "- id: mail\n  action: notify.mail\n  with: {user: \"${subject}\", subject: a, message: b}\n  retry: {limit: 2, backoff: 1s}\n- id: call\n  action: http.call\n  with: {url: \"https://a.example\"}",
    ));
    let part = |attempt, part, name: &str| {
        let outputs = Map::from_iter([(name.to_owned(), json!(true))]);
        Input::Part { key: key("mail"), attempt, part, outputs, changed: these(&[]) }
    };
    let run = begin(&definition).run;
    assert_eq!(definition.advance(&run, part(2, 1, "ath_1"), NOW, 7), Err(Refused::NotAwaited), "there was none yet");
    let failed =
        Input::Failed { key: key("mail"), attempt: 1, message: "busy".to_owned(), retryable: true, after: None };
    let run = go(&definition, &go(&definition, &run, failed).run, part(1, 1, "ath_1")).run;
    let (timer, at) = run.next_timer().unwrap();
    let run = definition.advance(&run, Input::Timer(timer), at, 7).unwrap().run;
    let run = go(&definition, &run, part(1, 2, "ath_2")).run;
    assert_eq!(run.given_in_parts(&key("mail")).collect::<Vec<_>>(), ["ath_1", "ath_2"]);
    let ended = go(&definition, &run, done("mail", json!({ "count": 2 }))).run;
    assert_eq!(serde_json::to_value(&ended).unwrap()["outputs"]["mail"], json!({ "count": 2 }));
    assert_eq!(ended.under_way().collect::<Vec<_>>(), [&key("call")]);
}

#[test]
fn w05_an_attempt_that_cannot_be_made_here_is_made_later_and_does_not_count() {
    let definition = read(&with_steps("- id: call\n  action: http.call\n  with: {url: \"https://a.example\"}"));
    let run = begin(&definition).run;
    let until = NOW.plus(Duration::from_secs(30));
    let postponed = || Input::Postponed { key: key("call"), attempt: 1, until, message: "no secret".to_owned() };
    let advanced = go(&definition, &run, postponed());
    assert!(advanced.history.iter().any(|entry| matches!(entry.what, What::Postponed { attempt: 1, .. })));
    assert_eq!(definition.advance(&advanced.run, postponed(), NOW, 7), Err(Refused::NotAwaited));
    let (timer, at) = advanced.run.next_timer().unwrap();
    assert_eq!(at, NOW.plus(workflow::POSTPONED));
    let advanced = definition.advance(&advanced.run, Input::Timer(timer), at, 7).unwrap();
    let [Effect::SetTimer { .. }, Effect::Start { attempt: 1, idempotency_key, .. }] = advanced.effects.as_slice()
    else {
        panic!("{:?}", advanced.effects)
    };
    assert_eq!(idempotency_key, "run_1/call");
    assert_eq!(definition.advance(&advanced.run, postponed(), at, 7), Err(Refused::NotAwaited), "that was before");
    let ended = definition.advance(&advanced.run, done("call", json!({})), at, 7).unwrap();
    assert_eq!(ended.run.outcome(), Some(Outcome::Completed));
}

#[test]
fn w03_a_loop_of_which_nothing_can_be_told_fails_rather_than_finding_nothing() {
    let steps = "- id: each\n  for_each:\n    query: sessions_of\n    with: {user: \"${subject}\"}\n    steps: [{id: end, action: session.revoke, with: {session: \"${item.id}\"}}]";
    let definition = read(&with_steps(steps));
    let run = begin(&definition).run;
    let no_page = Input::NoPage { key: key("each"), page: 1, message: "`x` is no id of a user".to_owned() };
    let advanced = go(&definition, &run, no_page.clone());
    assert_eq!(advanced.run.outcome(), Some(Outcome::Failed));
    assert_eq!(advanced.run.failure().unwrap().message, "`x` is no id of a user");
    // A page that is too large is no other matter: the loop does not wait for it without end.
    let large = Input::Page { key: key("each"), page: 1, items: vec![json!({}); 101], next: None, extent: None };
    assert_eq!(go(&definition, &run, large).run.outcome(), Some(Outcome::Failed));
}
