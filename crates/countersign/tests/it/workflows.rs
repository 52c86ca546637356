//! Files of workflows are looked at without a server.

use crate::shell::run_in;

const LOCK: &str = r#"apiVersion: countersign/v1
kind: Workflow
metadata: {name: lock}
triggers:
  - event: authenticator.fraud_reported
subject: ${event.user}
steps:
  - id: lock
    action: user.lock
    with: {user: "${subject}"}
tests:
  - name: who reports fraud is locked
    given: {event: authenticator.fraud_reported, user: usr_7}
    expect: {outcome: completed, steps: [lock], with: {lock: {user: usr_7}}}
"#;

#[test]
fn workflows_that_hold_are_told_of_and_their_tests_played() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("lock.yaml"), LOCK).unwrap();
    run_in(
        folder.path(),
        "
        $ countersign workflow validate lock.yaml
        ✓ 1 workflow, without a mistake.
        lock: 1 step, 1 test, …
        $ countersign workflow test .
        ✓ 1 test as expected.
    ",
    );
}

#[test]
fn every_mistake_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("lock.yaml"),
        LOCK.replace("user.lock", "user.lok").replace("event.user", "event.usr"),
    )
    .unwrap();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    run_in(
        folder.path(),
        "
        $ countersign workflow validate lock.yaml
        lock.yaml:6:17: error: `event` has no `usr`; did you mean `user`?
        lock.yaml:9:13: error: there is no action `user.lok`; did you mean `user.lock`?
        2> error: the workflows do not hold: 2 mistakes
        exit 78
        $ countersign workflow test empty
        2> error: there is no .yaml file in empty
        exit 78
        $ countersign workflow validate no-such-file.yaml
        2> error: no-such-file.yaml cannot be read (no such file or directory)
        exit 78
    ",
    );
}

#[test]
fn a_file_for_something_else_is_one_mistake() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("lock.yaml"), LOCK).unwrap();
    std::fs::write(folder.path().join("rule.yaml"), "apiVersion: countersign/v1\nkind: Alert # of many\n").unwrap();
    run_in(
        folder.path(),
        "
        $ countersign workflow validate rule.yaml
        2> error: rule.yaml is no workflow: by its `kind` this is a file for `countersign alerts validate`
        exit 78
        $ countersign alerts validate lock.yaml
        2> error: lock.yaml is no alert rule: by its `kind` this is a file for `countersign workflow validate`
        exit 78
        $ countersign config validate .
        2> error: ./lock.yaml: by its `kind` this is a workflow: it belongs in the folder workflows/ of a policy, and by itself `countersign workflow validate` checks it
        exit 78
    ",
    );
}

#[test]
fn a_test_that_comes_out_otherwise_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("lock.yaml"), LOCK.replace("{lock: {user: usr_7}}", "{lock: {user: usr_8}}"))
        .unwrap();
    run_in(
        folder.path(),
        r#"
        $ countersign workflow test lock.yaml
        ✗ lock: who reports fraud is locked
        lock.yaml:12:5
        with of lock: expected user: "usr_8", is "usr_7"
        2> error: 1 of 1 test came out otherwise
        exit 1
    "#,
    );
}

#[test]
fn w11_every_mistake_in_rules_of_alerts_is_told_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let rule = "apiVersion: countersign/v1\nkind: Alert\nmetadata: {name: denials}\nevents: [push.denied]\nby: user\nabove: 2\nseverity: high\n";
    std::fs::write(folder.path().join("good.yaml"), rule).unwrap();
    std::fs::write(folder.path().join("twice.yaml"), rule).unwrap();
    std::fs::write(folder.path().join("bad.yaml"), rule.replace("by: user", "by: usr").replace("high", "hihg"))
        .unwrap();
    run_in(
        folder.path(),
        "
        $ countersign alerts validate good.yaml
        ✓ 1 rule, without a mistake.
        $ countersign alerts validate bad.yaml
        bad.yaml:5:5: error: …
        bad.yaml:7:11: error: `hihg` is no severity; there is `low`, `medium`, `high`; did you mean `high`?
        2> error: the rules do not hold: 2 mistakes
        exit 78
        $ countersign alerts validate good.yaml twice.yaml
        twice.yaml: there is another rule `denials`
        2> error: the rules do not hold: 1 mistake
        exit 78
    ",
    );
}
