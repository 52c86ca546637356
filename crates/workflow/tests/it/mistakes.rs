//! Every mistake is told, with its place and the nearest right word.

use workflow::{Definition, check_together};

use crate::support::{LOST, listed, mistakes, read, with_steps};

/// What is told of a file that is made of [`LOST`], whose mail waits with what may be held.
fn mistakes_of_lost(text: &str) -> String {
    let told = mistakes(text);
    let (late, others): (Vec<&str>, Vec<&str>) = told.lines().partition(|line| line.contains("waits for two people"));
    assert!(late.len() <= 1, "{told}");
    others.join("\n")
}

#[test]
fn a_file_that_holds_is_told_nothing_of() {
    assert_eq!(mistakes_of_lost(LOST), "");
}

#[test]
fn t15_what_protects_or_tells_behind_what_may_be_held_is_told_of() {
    const LOCK: &str = "- {id: lock, action: user.lock, with: {user: \"${subject}\"}}\n";
    const END: &str = "- {id: end, action: session.revoke, with: {user: \"${subject}\"}}\n";
    const RAISE: &str =
        "- {id: raise, action: risk.raise, with: {user: \"${subject}\", signal: suspicious_activity, for: 1d}}\n";
    let late = |steps: &str| mistakes(&with_steps(steps));
    let told = late(&format!("{LOCK}{END}{RAISE}"));
    let wanted = "warning: `lock` waits for two people where it is about an administrator, or too many, and `end` behind it waits with it: put that before `lock`, or beside it under `parallel`";
    assert!(told.contains(wanted) && told.lines().count() == 1, "{told}");
    let revoke = |kinds: &str| {
        format!("- {{id: forget, action: authenticator.revoke, with: {{user: \"${{subject}}\", kinds: {kinds}}}}}\n")
    };
    let within = |of: &str, steps: &str| format!("- id: of\n  {of}:\n    {steps}");
    let told_where = |steps: &str| late(steps).contains("waits for two people");
    // Before it, or beside it, it waits for nobody; and again behind it, it is for what came meanwhile.
    for steps in [
        format!("{END}{LOCK}"),
        format!("{END}{LOCK}{}", END.replace("id: end", "id: again")),
        within("parallel", &format!("- steps:\n        {LOCK}    - steps:\n        {END}")),
        // What was caught is no more held.
        format!("- id: of\n  try:\n    {LOCK}  catch:\n    {END}"),
        // Who loses a remembered browser loses no factor.
        format!("{}{END}", revoke("[browser, backup_codes]")),
        LOCK.to_owned(),
    ] {
        assert!(!told_where(&steps), "{steps}: {}", late(&steps));
    }
    for steps in [
        format!("{RAISE}{LOCK}{END}"),
        format!("{}{END}", revoke("[browser, sms]")),
        format!("{}{END}", within("parallel", &format!("- steps:\n        {LOCK}    - steps:\n        {RAISE}"))),
        // It was not done on every way.
        format!(
            "- id: of\n  switch:\n    - when: has(event.user)\n      steps:\n        {END}{LOCK}{}",
            END.replace("id: end", "id: again")
        ),
        format!("- id: of\n  try:\n    {LOCK}  catch:\n    {RAISE}{END}"),
    ] {
        assert!(told_where(&steps), "{steps}: {}", late(&steps));
    }
}

#[test]
fn unknown_keys_wrong_types_and_wrong_words_are_told_at_once() {
    insta::assert_snapshot!(mistakes(
        "apiVersion: countersign/v2
kind: Workflo
metadata: {name: Lost Device, titel: x}
triggers:
  - event: authenticator.lots
    when: event.data.kind == \"totp\"
  - schedule: 0 3 * *
  - event: authenticator.lost
    webhook: {secret: hunter2}
  - webhook: {secret: hunter2}
limits: {duration: 5, rate: often}
steps:
  - id: tell
    action: notify.mial
  - id: tell
    action: notify.mail
    with: {user: usr_1, subjekt: x, message: 5}
    compensat: {}
  - id: wait
    wait: {event: authenticator.activated}
    retry: {limit: 2}
  - id: two
    action: user.lock
    call: other
  - id: chat
    action: notify.slack
    with: {webhook: https://hooks.example/secret, message: hi}
"
    ));
}

#[test]
fn expressions_are_checked_against_what_there_is() {
    insta::assert_snapshot!(mistakes(&with_steps(
        "- id: a
  switch:
    - when: event.data.knid == \"totp\"
      steps: [{id: b, fail: \"{{ event.user }} {{ evnt.user }}\"}]
    - when: event.user == 5
      steps: [{id: c, fail: no}]
    - when: steps.later.count > 1
      steps: [{id: d, fail: no}]
- id: later
  action: authenticator.revoke
  with: {user: \"${steps.later.count}\"}
- id: e
  action: user.lock
  with: {user: \"${event.data.kind.more}\"}
- id: f
  wait: {event: authenticator.verified, where: arrived.data.all > 2, timeout: 1d}
- id: g
  wait: {until: \"${event.position}\"}"
    )));
}

#[test]
fn what_is_never_reached_never_fires_or_never_ends_is_refused() {
    insta::assert_snapshot!(mistakes(
        "apiVersion: countersign/v1
kind: Workflow
metadata: {name: w}
triggers:
  - schedule: 0 0 30 2 *
  - event: user.created
    when: event.data.kind == \"a\" && event.data.kind == \"b\"
inputs:
  why: {type: text, required: true}
steps:
  - id: everyone
    for_each:
      query: users
      steps: [{id: l, action: user.set_attribute, with: {user: \"${item.id}\", name: a, value: b}}]
  - id: nothing
    action: authenticator.revoke
  - id: itself
    call: w
  - id: way
    switch:
      - when: true
        steps: [{id: a, fail: a}]
      - otherwise: [{id: b, fail: b}]
  - id: never
    fail: never
finally:
  - id: slow
    wait: {for: 1h}
"
    ));
}

#[test]
fn w02_what_starts_itself_is_refused() {
    let loops = LOST
        .replace("    when: event.data.reason != \"workflow\"\n", "")
        .replace("action: authenticator.suspend\n", "action: authenticator.revoke\n");
    let loops = loops.replace("event: authenticator.lost", "event: authenticator.revoked");
    let told = mistakes(&loops);
    assert!(
        told.contains("this workflow starts itself: `authenticator.revoke` leads to `authenticator.revoked`"),
        "{told}"
    );
    let careful = loops.replace(
        "event: authenticator.revoked\n",
        "event: authenticator.revoked\n    when: event.data.reason != \"workflow\"\n",
    );
    assert_eq!(mistakes_of_lost(&careful), "");
}

#[test]
fn w02_what_its_own_runs_and_events_start_is_refused_unless_it_says_whose() {
    let on = |name: &str, event: &str, when: &str, step: &str| {
        format!(
            "apiVersion: countersign/v1\nkind: Workflow\nmetadata: {{name: {name}}}\ntriggers: [{{event: {event}{when}}}]\nsteps: [{{id: s, {step}}}]\n"
        )
    };
    let emit = |name: &str| format!("action: event.emit, with: {{name: {name}}}");
    for kind in ["run.started", "run.completed", "run.failed", "step.completed", "step.failed"] {
        let told = mistakes(&on("w", kind, "", &emit("a.b")));
        assert!(told.contains(&format!("its own runs lead to `{kind}`")), "{told}");
        for when in ["event.data.workflow != \\\"w\\\"", "event.data.workflow == \\\"other\\\""] {
            assert_eq!(mistakes(&on("w", kind, &format!(", when: \"{when}\""), &emit("a.b"))), "", "{when}");
        }
        let told = mistakes(&on("w", kind, ", when: \"event.data.step == \\\"s\\\"\"", &emit("a.b")));
        assert!(told.contains("starts itself"), "{told}");
    }
    let told = mistakes(&on("w", "event.emitted", "", &emit("a.b")));
    assert!(told.contains("`event.emit` leads to `event.emitted`"), "{told}");
    let named = |name: &str| format!(", when: \"event.data.name == \\\"{name}\\\"\"");
    assert!(mistakes(&on("w", "event.emitted", &named("a.b"), &emit("a.b"))).contains("starts itself"));
    assert_eq!(mistakes(&on("w", "event.emitted", &named("a.c"), &emit("a.b"))), "");
    // Nor by way of another one.
    let (one, other) =
        (on("one", "event.emitted", &named("b"), &emit("a")), on("other", "event.emitted", &named("a"), &emit("b")));
    let told = listed(&check_together(&[&read(&one), &read(&other)]));
    assert!(told.contains("`one` starts itself by way of `other`"), "{told}");
    let fails =
        |name: &str| on(name, "run.failed", &format!(", when: \"event.data.workflow != \\\"{name}\\\"\""), "fail: x");
    let told = listed(&check_together(&[&read(&fails("one")), &read(&fails("other"))]));
    assert!(told.contains("`one` starts itself by way of `other`"), "{told}");
    // What an event of one's own is called tells nothing of people.
    for name in ["\"${event.user}\"", "Ann Smith", "ann@example.org", "a..b", "\"\""] {
        let told = mistakes(&on("w", "user.created", "", &emit(name)));
        assert!(told.contains("expected a name"), "{name}: {told}");
    }
}

#[test]
fn t23_a_secret_goes_only_where_the_file_says() {
    let call =
        |url: &str, more: &str| with_steps(&format!("- id: a\n  action: http.call\n  with: {{url: \"{url}\"{more}}}"));
    for secret in [", bearer: {secret: env:KEY}", ", signing_key: {secret: env:KEY}"] {
        let told = mistakes(&call("${event.user}", secret));
        assert!(told.contains("`url` says its host itself"), "{told}");
        assert_eq!(mistakes(&call("https://a.example", secret)), "");
        // One piece of it leaves the host as it stands.
        assert_eq!(mistakes(&call("https://a.example/users/${subject}", secret)), "");
        let told = mistakes(&call("https://${subject}.example/", secret));
        assert!(told.contains("an address says its host itself"), "{told}");
    }
    assert_eq!(mistakes(&call("${event.user}", "")), "");
}

/// A trigger that holds in a test and cannot be told for a real event starts nothing, once it counts.
#[test]
fn w02_what_an_event_may_lack_is_asked_for_with_has() {
    let file = |event: &str, when: &str| {
        mistakes(&format!(
            "apiVersion: countersign/v1\nkind: Workflow\nmetadata: {{name: w}}\ntriggers: [{{event: {event}, when: '{when}'}}]\nsteps: [{{id: a, fail: x}}]\n"
        ))
    };
    let told = file("authenticator.suspended", "event.data.kind == \"totp\"");
    assert!(told.contains("warning: `event.data.kind` is not in every `authenticator.suspended`"), "{told}");
    assert!(file("user.suspended", "event.data.depth > 1").contains("ask `has(event.data.depth)` first"));
    assert_eq!(file("authenticator.suspended", "has(event.data.kind) && event.data.kind == \"totp\""), "");
    assert_eq!(file("authenticator.lost", "event.data.kind == \"totp\""), "");
    assert_eq!(file("step.failed", "event.data.run == \"x\" && event.data.workflow != \"w\""), "");
    for (event, fact) in [
        ("alert.raised", "group"),
        ("authenticator.rejected", "failures"),
        ("challenge.cancelled", "reason"),
        ("code.delivery_failed", "gateway"),
        ("page.finished", "site"),
        ("session.lowered", "reason"),
        ("task.closed", "roles"),
        ("user.updated", "changed"),
    ] {
        let told = file(event, &format!("event.data.{fact} != event.data.{fact}"));
        assert!(told.contains(&format!("warning: `event.data.{fact}` is not in every `{event}`")), "{told}");
    }
    for (event, fact) in [("session.ended", "reason"), ("page.finished", "outcome"), ("user.invited", "run")] {
        assert_eq!(file(event, &format!("event.data.{fact} == \"x\"")), "");
    }
}

/// Nobody who writes a file knows the words of parsers.
#[test]
fn what_is_mistaken_is_told_in_plain_words_with_what_to_write() {
    let when = |when: &str| {
        let way = format!("- id: a\n  switch: [{{when: '{when}', steps: [{{id: b, fail: x}}]}}]");
        mistakes(&with_steps(&way))
    };
    let fails = |message: &str| {
        mistakes(&with_steps(&format!("- id: first\n  wait: {{for: 1h}}\n- id: a\n  fail: '{message}'")))
    };
    let file =
        |more: &str| mistakes(&format!("apiVersion: countersign/v1\nkind: Workflow\nmetadata: {{name: w}}\n{more}\n"));
    let steps = "steps: [{id: a, fail: x}]";
    for (told, why) in [
        (when("event.data.reason = \"x\""), "that two things are the same is `==`"),
        (
            when("${event.data.reason == \"x\"}"),
            "a condition stands as it is, without `${…}`; did you mean `event.data.reason == \"x\"`?",
        ),
        (when("event.data.reason == $x"), "a condition stands as it is, without `${…}`"),
        (when("event.data.reason != workflow"), "there is no `workflow`; did you mean `\"workflow\"`?"),
        (fails("{{ item }}"), "there is no `item`: it is what a loop is at, and this is in none"),
        (fails("{{ steps.frist.outcome }}"), "did you mean `first`?"),
        (
            file("triggers:\n  - schedule: * * * * *\nsteps: [{id: a, fail: x}]"),
            "put it in quotes, as in `\"* * * * *\"`",
        ),
        (
            file("triggers: [{event: &x user.created}]\nsteps: [{id: a, fail: x}]"),
            "names for parts of a file (`&name`, `*name`) are not taken",
        ),
        (
            file("triggers: [{event: user.created}]\nsteps: [{id: a, action: user.lock, with: {user: ${subject}}}]"),
            "stands in quotes, as in `{user: \"${subject}\"}`",
        ),
        (
            file(&format!("triggers: [{{schedule: 0 3 * * *, time_zone: Europe/Berln}}]\n{steps}")),
            "did you mean `Europe/Berlin`?",
        ),
    ] {
        assert!(told.contains(why), "{why}: {told}");
        assert!(!told.contains("token recognition"), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
    let retries = "- id: a\n  action: user.lock\n  with: {user: '${subject}'}\n  retry: {then: hold}";
    assert_eq!(mistakes(&with_steps(retries)), "");
}

/// What would be sent as it is, and was meant to be something else.
#[test]
fn an_expression_within_a_text_is_understood_or_refused() {
    let told = |step: &str| mistakes(&with_steps(&format!("- id: a\n  {step}")));
    let emits = |data: &str| told(&format!("action: event.emit\n  with: {{name: a, data: {{a: {data}}}}}"));
    let calls = |url: &str| told(&format!("action: http.call\n  with: {{url: {url}}}"));
    let locks =
        |user: &str, reason: &str| told(&format!("action: user.lock\n  with: {{user: {user}, reason: {reason}}}"));
    let asks = |message: &str| told(&format!("approval: {{roles: [a], timeout: 1h, message: {message}}}"));
    for holds in [
        emits("'about ${subject}, ${event.position} and ${has(event.user)}'"),
        emits("'$${subject} and ${\"{{ x }}\"}'"),
        calls("'https://a.example/users/${subject}?at=${event.at}'"),
        locks("'${subject}'", "'asked by ${subject}'"),
        locks("usr_1", "lost"),
        asks("'Lock {{ subject }}? It is {{ \"${\" }} 5.'"),
        told("action: user.lock\n  with: {user: '${subject}', reason: '${event.data.reason}'}"),
        told("action: authenticator.require\n  with: {user: '${subject}', kinds: [totp, '${event.data.kind}']}"),
    ] {
        assert_eq!(holds, "");
    }
    for (told, why) in [
        (emits("'about ${subjct}'"), "did you mean `subject`"),
        (emits("'about ${event}'"), "event"),
        (emits("'about ${[event.user]}'"), "a text has texts, numbers, true and false in it; this is a list"),
        (emits("'about ${ subject'"), "`${` is not closed by `}`"),
        (emits("'about {{ subject }}'"), "is written `${…}`"),
        (calls("'https://a.example/${'"), "`${` is not closed"),
        (calls("'https://${subject}/'"), "an address says its host itself"),
        (calls("'https://a.example${subject}'"), "an address says its host itself"),
        (calls("ok"), "`ok` is no address: write it as in `https://example.com/path`"),
        (calls("'file:///etc/passwd'"), "is no address"),
        (locks("'${subject}'", "'{{ subject }}'"), "is written `${…}`"),
        (locks("'{{ subject }}'", "lost"), "this is the id of a user as a whole, or one expression"),
        (locks("'usr_${subject}'", "lost"), "this is the id of a user as a whole, or one expression"),
        (locks("ann", "lost"), "`ann` is no id of a user: these begin with `usr_`"),
        (asks("'Lock ${subject}?'"), "is written `{{ … }}`"),
        (told("fail: 'no ${subject}'"), "is written `{{ … }}`"),
    ] {
        assert!(told.contains(why), "{why}: {told}");
    }
}

#[test]
fn t31_a_recovery_hands_out_no_more_than_it_proves() {
    let refused = |text: &str, why: &str| {
        let told = mistakes(text);
        assert!(told.contains(why), "{told}");
    };
    refused(&LOST.replace("level: aal2, valid_for", "level: aal3, valid_for"), "hands out aal2, no more and no less");
    // A call back proves the first level, and nothing that is handed out is as little.
    let called = LOST.replace("evidence: [identity_document]", "evidence: [call_back]");
    refused(&called.replace("level: aal2, valid_for", "level: aal1, valid_for"), "hands out aal2, and aal1 is proved");
    assert_eq!(mistakes_of_lost(&LOST.replace("level: aal2, valid_for", "valid_for")), "");
    refused(
        &LOST.replace("evidence: [identity_document]", "evidence: [call_back]"),
        "hands out aal2, and aal1 is proved",
    );
    refused(&LOST.replace("      evidence: [identity_document]\n", ""), "hands out aal2, and nothing is proved");
    refused(
        &LOST.replace("      timeout: 24h\n", "      timeout: 24h\n      on_timeout: continue\n"),
        "nothing is proved",
    );
    refused(
        &LOST.replace("      timeout: 24h\n", "      timeout: 24h\n      level: aal1\n"),
        "hands out aal2, and aal1 is proved",
    );
    refused(
        &LOST.replace("{user: \"${subject}\", level", "{user: \"${inputs.user}\", level"),
        "of whom nothing is proved",
    );
    refused(
        &LOST.replace("      timeout: 24h\n", "      timeout: 24h\n      exclude: requester\n"),
        "nothing is proved",
    );
    refused(&LOST.replace("{user: \"${subject}\", level", "{user: usr_7, level"), "of whom nothing is proved");
    refused(&LOST.replace("level: aal2, valid_for", "level: \"${inputs.note}\", valid_for"), "is no level");
    let way = with_steps(
        "- id: ok\n  approval: {roles: [a], evidence: [in_person], timeout: 1h, on_reject: continue}\n- id: way\n  switch:\n    - when: steps.ok.outcome == \"approved\"\n      steps:\n        - id: pass\n          action: recovery.issue_pass\n          with: {user: \"${subject}\", level: aal2, valid_for: 1h}",
    );
    assert_eq!(mistakes(&way), "");
    refused(&way.replace("== \"approved\"", "== \"rejected\""), "nothing is proved");
}

#[test]
fn t31_a_proof_counts_as_what_it_was_worth_and_for_what_it_was_given() {
    let refused = |text: &str, why: &str| {
        let told = mistakes(text);
        assert!(told.contains(why), "{told}");
    };
    let by_code = |kind: &str| {
        with_steps(&format!(
            "- id: back\n  wait: {{event: authenticator.verified, where: arrived.user == subject && arrived.data.kind == \"{kind}\" && arrived.data.aal >= 2 && arrived.data.action == \"recover\", timeout: 1h}}\n- id: pass\n  action: recovery.issue_pass\n  with: {{user: \"${{subject}}\", level: aal2, valid_for: 1h}}"
        ))
    };
    assert_eq!(mistakes(&by_code("backup_codes")), "");
    refused(&by_code("email"), "hands out aal2, and aal1 is proved");
    refused(&by_code("backup_codes").replace("arrived.user == subject && ", ""), "nothing is proved");
    refused(
        &by_code("backup_codes").replace("timeout: 1h}", "timeout: 1h, on_timeout: continue}"),
        "nothing is proved",
    );
    // A proof that its owner gives anyway, or that was worth less when it was given, is none.
    let less = "hands out aal2, and nothing is proved";
    refused(&by_code("totp").replace(" && arrived.data.action == \"recover\"", ""), less);
    refused(&by_code("totp").replace("== \"recover\"", "!= \"login\""), less);
    for everyday in ["login", "sign_in", "http.request", "enroll"] {
        refused(
            &by_code("totp").replace("recover", everyday).replace(&format!("{everyday}y.issue"), "recovery.issue"),
            less,
        );
    }
    refused(&by_code("sms").replace(" && arrived.data.aal >= 2", ""), less);
    refused(
        &by_code("sms").replace("arrived.data.aal >= 2", "arrived.data.aal >= 1"),
        "hands out aal2, and aal1 is proved",
    );
    refused(&by_code("sms").replace("arrived.data.aal >= 2", "arrived.data.aal <= 2"), less);
    let told = mistakes(&by_code("totp").replace(" && arrived.data.aal >= 2", ""));
    assert!(told.contains("arrived.data.aal >= 2 && arrived.data.action == \"recover\"`"), "{told}");
    for aal in ["arrived.data.aal == 2", "arrived.data.aal > 1", "arrived.data.aal >= 3"] {
        assert_eq!(mistakes(&by_code("sms").replace("arrived.data.aal >= 2", aal)), "", "{aal}");
    }
    let started = by_code("totp").replace("- event: authenticator.lost\n    when: event.data.reason != \"workflow\"", "- event: authenticator.verified\n    when: event.data.kind == \"totp\" && event.data.aal >= 2 && event.data.action == \"recover\"");
    let started = started.replace("wait: {event: authenticator.verified, where: arrived.user == subject && arrived.data.kind == \"totp\" && arrived.data.aal >= 2 && arrived.data.action == \"recover\", timeout: 1h}", "wait: {for: 1h}");
    assert_eq!(mistakes(&started), "");
    refused(&started.replace(" && event.data.aal >= 2", ""), less);
}

#[test]
fn secrets_are_references_that_nothing_can_say() {
    for steps in [
        "- id: a\n  action: notify.slack\n  with: {webhook: \"${event.user}\", message: hi}",
        "- id: a\n  action: notify.slack\n  with: {webhook: {secret: hunter2}, message: hi}",
    ] {
        assert!(mistakes(&with_steps(steps)).contains("error"), "{steps}");
    }
    let text =
        with_steps("- id: a\n  action: http.call\n  with: {url: \"https://a.example\", body: {secret: env:KEY}}");
    let definition = read(&text);
    let start = workflow::Start {
        id: "r".to_owned(),
        cause: workflow::Cause::Event(
            serde_json::json!({"kind": "authenticator.lost", "user": "u", "data": {"reason": "a"}}),
        ),
        requester: None,
        depth: 0,
    };
    let effects = definition.begin(start, domain::Timestamp::default(), 0).unwrap().effects;
    let told = serde_json::to_string(&effects).unwrap();
    assert!(told.contains(r#""body":{"value":{"secret":"env:KEY"}}"#), "what only looks like a secret is none: {told}");
}

#[test]
fn workflows_beside_each_other_call_what_is_there_and_go_in_no_circle() {
    let calling = |name: &str, other: &str| {
        read(&format!(
            "apiVersion: countersign/v1\nkind: Workflow\nmetadata: {{name: {name}}}\ntriggers: [{{workflow: true}}]\nsteps: [{{id: s, call: {other}}}]\n"
        ))
    };
    let (a, b, c) = (calling("a", "b"), calling("b", "c"), calling("c", "a"));
    let told = listed(&check_together(&[&a, &b, &c]));
    assert!(told.contains("`a` calls itself by way of `b`"), "{told}");
    let told = listed(&check_together(&[&a, &calling("bb", "a")]));
    assert!(told.contains("there is no workflow `b`; did you mean"), "{told}");
    let on = |name: &str, event: &str, action: &str| {
        read(&format!(
            "apiVersion: countersign/v1\nkind: Workflow\nmetadata: {{name: {name}}}\ntriggers: [{{event: {event}}}]\nsubject: ${{event.user}}\nsteps: [{{id: s, action: {action}, with: {{user: \"${{subject}}\"}}}}]\n"
        ))
    };
    let (lock, unlock) = (on("lock", "user.resumed", "user.lock"), on("unlock", "user.suspended", "user.unlock"));
    let told = listed(&check_together(&[&lock, &unlock]));
    assert!(told.contains("`lock` starts itself by way of `unlock`"), "{told}");
    assert!(check_together(&[&lock]).is_empty());
}

#[test]
fn what_is_large_or_deep_is_refused() {
    let many = (0..300).fold(String::new(), |text, i| format!("{text}- id: s{i}\n  fail: x\n"));
    assert!(mistakes(&with_steps(&many)).contains("at most 200 steps"));
    let deep = (0..9).fold("[{id: x, fail: x}]".to_owned(), |inner, i| {
        format!("[{{id: t{i}, try: {inner}, catch: [{{id: c{i}, fail: x}}]}}]")
    });
    let told = mistakes(&with_steps("").replace("steps:\n", &format!("steps: {deep}\n")));
    assert!(told.contains("deep"), "{told}");
    let wide = with_steps(
        "- id: a\n  for_each:\n    query: users\n    limit: 5\n    batch: 100\n    steps:\n      - id: b\n        for_each:\n          query: sessions_of\n          with: {user: \"${item.id}\"}\n          as: session\n          batch: 100\n          steps: [{id: c, action: session.revoke, with: {session: \"${session.id}\"}}]",
    );
    assert!(mistakes(&wide).contains("could be under way at once"), "{}", mistakes(&wide));
    assert!(Definition::read("w", "").is_err());
}

/// T-31: by leaving `subject` out, an approval that is to leave somebody out would leave out nobody.
#[test]
fn w03_t31_an_approval_that_would_leave_out_nobody_is_told_of_with_what_to_do() {
    let with = |head: &str, approval: &str, does: &str| {
        mistakes(&format!(
            "apiVersion: countersign/v1\nkind: Workflow\nmetadata: {{name: w}}\n{head}\nsteps:\n  - id: ok\n    approval: {{roles: [a], timeout: 1h{approval}}}\n  - id: done\n    {does}\n"
        ))
    };
    let emit = "action: event.emit\n    with: {name: done}";
    let lock = "action: user.lock\n    with: {user: \"${inputs.who}\"}";
    let by_hand = "triggers: [{manual: {roles: [a]}}]";
    let about = "triggers: [{manual: {roles: [a]}}]\ninputs: {who: {type: user, required: true}}";
    let caused = "triggers: [{event: device.created}]";
    for (head, approval, does) in [
        (about, "", lock),
        (about, "", emit),
        (caused, "", emit),
        (by_hand, ", exclude: [subject]", emit),
        (by_hand, ", exclude: [requester, subject]", emit),
    ] {
        let told = with(head, approval, does);
        assert!(
            told.contains("`ok` is to leave out whom the run is about, and nothing says who that is"),
            "{head} {approval}: {told}"
        );
        assert!(told.contains("say `subject`, or `exclude: [requester]`"), "{told}");
        assert!(told.contains(&format!("workflow.yaml:{}:", 5 + head.lines().count())), "{told}");
    }
    for (head, approval, does) in [
        (by_hand, "", emit),
        (about, ", exclude: [requester]", lock),
        (about, ", exclude: []", lock),
        ("triggers: [{event: device.created}]\nsubject: ${event.user}", "", emit),
    ] {
        assert_eq!(with(head, approval, does), "", "{head} {approval}");
    }
}

/// A link that says these things.
fn linked(title: &str, more: &str) -> String {
    with_steps(&format!(
        "- id: link\n  action: link.create\n  with:\n    user: ${{subject}}\n    name: stop\n    title: {title}\n    message: It waits.\n    button: {{de: Halt, zh: 停}}\n    valid_for: 1d\n{more}"
    ))
}

#[test]
fn texts_in_several_languages_are_in_those_that_people_are_spoken_to_in() {
    for good in ["{en: Stop}", "{en: Stop, de: Halt, es: Alto, fr: Stop, zh: 停}", "Stop"] {
        assert_eq!(mistakes(&linked(good, "")), "", "{good}");
    }
    for (title, says, suggests) in [
        (
            "{en: Stop, ed: Halt}",
            "`ed` is no language that people are spoken to in; there is `en`, `de`,",
            "did you mean `de`?",
        ),
        ("{en: Stop, dee: Halt}", "`dee` is no language", "did you mean `de`?"),
        ("{en: Stop, de-AT: Halt}", "`de-AT` is no language", "did you mean `de`?"),
        ("{zh_Hant: 停}", "`zh_Hant` is no language", "did you mean `zh`?"),
        ("{en: Stop, it: Ferma}", "`it` is no language", ""),
        ("{}", "say it in one language at least: `en`, `de`", ""),
        ("{en: 5}", "expected a text", ""),
        ("{en: {de: Halt}}", "expected a text", ""),
        ("[Stop]", "expected a message, or one for each language, as in `{en: Yes, de: Ja}`", ""),
        ("{en: Stop, de: \"Halt {{ event.data.knid }}\"}", "knid", "did you mean `kind`?"),
        ("{en: Stop, de: \"Halt {{ event.user\"}", "is not closed", ""),
        ("{en: \"{{ event.usre }}\", de: Halt}", "usre", "did you mean `user`?"),
    ] {
        let told = mistakes(&linked(title, ""));
        assert!(told.contains(says) && told.contains(suggests), "{title}: {told}");
        assert_eq!(told.lines().count(), 1, "{title}: {told}");
        assert!(told.starts_with("workflow.yaml:14:"), "with its place: {title}: {told}");
    }
    // What goes out as a message is in one language.
    let mail = "- id: mail\n  action: notify.mail\n  with: {user: \"${subject}\", subject: {en: Stop}, message: Stop}";
    assert!(mistakes(&linked("Stop", mail)).contains("expected a message"), "{}", mistakes(&linked("Stop", mail)));
}
