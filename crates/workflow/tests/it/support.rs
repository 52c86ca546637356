//! What the tests have in common.

use std::fmt::Write as _;

use workflow::{Definition, Mistake};

/// A lost device: told everywhere, revoked, undone if it was not so, and recovered with an approval.
pub(crate) const LOST: &str = r#"# What is done where a device is lost.
apiVersion: countersign/v1
kind: Workflow
metadata:
  name: lost_device
  title: A lost device
triggers:
  - event: authenticator.lost
    when: event.data.reason != "workflow"
  - manual: {roles: [helpdesk]}
subject: "${has(event.user) ? event.user : inputs.user}"
concurrency: {policy: drop}
limits: {duration: 7d}
inputs:
  user: {type: user}
  note: {type: text, default: none}
steps:
  - id: suspend            # at once
    action: authenticator.suspend
    with: {user: "${subject}", reason: lost}
    compensate:
      action: authenticator.resume
      with: {user: "${subject}"}
  - id: tell
    action: notify.mail
    with:
      user: ${subject}
      subject: Your device was reported lost
      message: "We suspended {{ steps.suspend.count }} of your authenticators. ({{ inputs.note }})"
    retry: {limit: 4, backoff: 10s, jitter: 0%}
  - id: identity
    approval:
      roles: [helpdesk]
      evidence: [identity_document]
      timeout: 24h
      message: Have {{ subject }} show an identity document.
  - id: pass
    action: recovery.issue_pass
    with: {user: "${subject}", level: aal2, valid_for: 1h}
  - id: back
    wait:
      event: authenticator.activated
      where: arrived.user == subject
      timeout: 3d
      on_timeout: continue
  - id: which
    switch:
      - when: steps.back.outcome == "event"
        steps:
          - id: revoke
            action: authenticator.revoke
            with: {user: "${subject}", reason: lost}
      - otherwise:
          - id: remind
            action: notify.sms
            with: {user: "${subject}", message: Please enroll again.}
on_error:
  - id: alarm
    action: notify.page
    with:
      routing_key: {secret: env:PAGER_KEY}
      message: "{{ run.id }}: {{ error.message }}"
finally:
  - id: note
    action: event.emit
    with: {name: lost_device.over, data: {user: "${subject}"}}
"#;

pub(crate) fn read(text: &str) -> Definition {
    Definition::read("workflow.yaml", text).unwrap_or_else(|mistakes| panic!("{}", listed(&mistakes)))
}

pub(crate) fn listed(mistakes: &[Mistake]) -> String {
    mistakes.iter().fold(String::new(), |mut text, mistake| {
        let _ = writeln!(text, "{mistake}");
        text
    })
}

/// What is wrong with a file.
pub(crate) fn mistakes(text: &str) -> String {
    match Definition::read("workflow.yaml", text) {
        Ok(definition) => listed(definition.warnings()),
        Err(mistakes) => listed(&mistakes),
    }
}

/// A workflow with these steps.
pub(crate) fn with_steps(steps: &str) -> String {
    let indented: String = steps.lines().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "  {line}");
        text
    });
    format!(
        "apiVersion: countersign/v1\nkind: Workflow\nmetadata: {{name: w}}\ntriggers:\n  - event: authenticator.lost\n    when: event.data.reason != \"workflow\"\nsubject: ${{event.user}}\nsteps:\n{indented}"
    )
}
