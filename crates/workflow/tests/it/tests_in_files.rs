//! The tests that stand in a file.

use crate::support::{LOST, mistakes, read, with_steps};

const TESTS: &str = r#"tests:
  - name: it comes back, and what was lost is revoked
    given: {event: authenticator.lost, user: usr_7, data: {kind: totp, reason: requested}}
    results:
      suspend: {count: 2}
      tell: [{fail: gateway down}, {gateway: second}]
    then:
      - advance: 1h
      - {approve: identity, by: usr_7}
      - {approve: identity, by: ann}
      - {event: authenticator.activated, user: usr_8}
      - {event: authenticator.activated, user: usr_7}
    expect:
      outcome: completed
      steps: [suspend, tell, pass, revoke, note]
      with:
        tell: {message: "We suspended 2 of your authenticators. (none)"}
        revoke: {user: usr_7}
  - name: nobody shows a document
    given: {event: authenticator.lost}
    results: {suspend: {count: 1}}
    then: [advance: 25h]
    expect: {outcome: failed, steps: [suspend, tell, undo suspend, alarm, note], error: in vain}
  - name: what we did ourselves starts nothing
    given: {event: authenticator.lost, data: {reason: workflow}}
    expect: {outcome: not_started}
  - name: it waits for whoever approves
    given: {requester: bea, inputs: {user: usr_9}}
    results: {suspend: {count: 1}}
    expect: {outcome: waiting, steps: [suspend, tell], with: {suspend: {user: usr_9}}}
  - name: it is cancelled
    given: {event: authenticator.lost, data: {reason: requested}}
    results: {suspend: {count: 1}}
    then: [cancel: true]
    expect: {outcome: cancelled, steps: [suspend, tell, undo suspend, note]}
"#;

#[test]
fn they_are_played_with_made_up_results_and_a_clock_that_jumps() {
    // A reason that is not told cannot be told from `workflow`: the second one would not begin.
    let text = format!(
        "{LOST}{}",
        TESTS.replace(
            "given: {event: authenticator.lost}",
            "given: {event: authenticator.lost, data: {reason: requested}}"
        )
    );
    let results = read(&text).run_tests();
    assert_eq!(results.len(), 5);
    for result in results {
        assert!(result.passed(), "{}: {:?}", result.name, result.differences);
    }
}

#[test]
fn a_text_in_several_languages_says_the_same_facts_in_each() {
    let text = with_steps(
        "- id: link
  action: link.create
  with:
    user: ${subject}
    name: stop
    title: {en: \"{{ event.data.kind }} is lost\", de: \"{{ event.data.kind }} ist weg\"}
    message: It waits.
    button: {fr: Oui}
    valid_for: 1d",
    );
    let tests = r#"
tests:
  - name: in each
    given: {event: authenticator.lost, user: usr_7, data: {kind: totp, reason: requested}}
    results: {link: {link: lnk_1, url: "https://mfa.example.org/links/lnk_1"}}
    expect:
      outcome: completed
      with: {link: {title: {en: totp is lost, de: totp ist weg}, message: It waits., button: {fr: Oui}}}
"#;
    for (from, to, passes) in
        [("", "", true), ("totp ist weg", "push ist weg", false), ("{fr: Oui}}", "{en: Yes}}", false)]
    {
        let results = read(&format!("{text}{}", tests.replacen(from, to, 1))).run_tests();
        assert_eq!(results[0].passed(), passes, "{:?}", results[0].differences);
    }
}

#[test]
fn what_comes_out_otherwise_is_told() {
    let text = format!("{LOST}{TESTS}");
    let wrong = text
        .replace("tell: {message: \"We suspended 2", "tell: {message: \"We suspended 3")
        .replace("steps: [suspend, tell, pass, revoke, note]", "steps: [suspend, pass]")
        .replace("outcome: cancelled", "outcome: completed");
    let results = read(&wrong).run_tests();
    let told: Vec<&[String]> = results.iter().map(|result| result.differences.as_slice()).collect();
    insta::assert_debug_snapshot!(told);
}

#[test]
fn they_say_nothing_of_what_is_not_there() {
    let wrong = format!("{LOST}{TESTS}")
        .replace("tell: [{fail", "tel: [{fail")
        .replace("approve: identity, by: ann", "approve: identiti, by: ann")
        .replace("then: [cancel: true]", "then: [cancle: true]")
        .replace("data: {kind: totp", "data: {knid: totp");
    insta::assert_snapshot!(mistakes(&wrong));
}
