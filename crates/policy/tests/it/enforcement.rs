//! The enforcement file as it stands (I-06).

use std::time::Duration;

use domain::AuthenticatorKind::{Browser, Email, Totp, Webauthn};
use policy::{AdminRecovery, Facts, Finding, Policy, Recovery};

use crate::support::{NOW, ann, ann_with, proof, read, short, signal};

const FILE: &str = r#"
mfa_enforcement:
  all_users: true
  grace_period: 30_days
  exclude_service_accounts: true
  risk_based_prompting:
    - new_device: prompt_mfa
    - new_location: prompt_mfa
    - sensitive_action: require_mfa
  recovery:
    backup_codes: 10
    admin_recovery: "verify_with_id"
    recovery_timeout: 24_hours
"#;

/// Nothing was noticed, except what is named.
fn noticing(mut facts: Facts, raised: &[&str]) -> Facts {
    for name in ["new_device", "new_location", "sensitive_action"] {
        facts.signals.push(signal(name, Finding::Known(raised.contains(&name).into())));
    }
    facts
}

fn decide(facts: &Facts) -> String {
    short(&read(FILE).decide(facts))
}

fn days(days: u64) -> Duration {
    Duration::from_hours(24 * days)
}

#[test]
fn i06_the_file_is_read_as_it_stands() {
    let policy = read(FILE);
    assert_eq!(policy.warnings(), []);
    assert_eq!(
        policy.signal_names().into_iter().collect::<Vec<_>>(),
        ["new_device", "new_location", "sensitive_action"]
    );
    let recovery = Recovery {
        backup_codes: 10,
        admin_recovery: AdminRecovery::VerifyWithId,
        recovery_timeout: Duration::from_hours(24),
    };
    assert_eq!(policy.recovery(), Some(&recovery));
}

#[test]
fn i06_everybody_needs_a_second_factor_once_in_a_session() {
    let mut facts = noticing(ann_with(&[Totp]), &[]);
    assert_eq!(decide(&facts), "step_up aal2 [totp]");
    facts.session.proofs = vec![proof(Totp, Duration::from_hours(9))];
    assert_eq!(decide(&facts), "allow");
}

#[test]
fn i06_grace_is_for_those_who_cannot_be_asked_and_ends_after_its_days() {
    let mut facts = noticing(ann(), &[]);
    let enroll = "enroll [webauthn push totp hotp sms]";
    assert_eq!(decide(&facts), enroll, "nobody said since when");
    facts.user.subject_since = Some(NOW.minus(days(29)));
    assert_eq!(decide(&facts), "allow");
    let verdict = read(FILE).decide(&facts);
    assert_eq!(verdict.grace_ends, Some(NOW.plus(days(1))));
    facts.user.subject_since = Some(NOW.minus(days(30)));
    assert_eq!(decide(&facts), enroll);

    let mut asked = noticing(ann_with(&[Totp]), &[]);
    asked.user.subject_since = Some(NOW);
    assert_eq!(decide(&asked), "step_up aal2 [totp]", "grace is not for those who have something");
}

#[test]
fn i06_a_mailbox_alone_is_no_second_factor() {
    let mut facts = noticing(ann_with(&[Email]), &[]);
    facts.session.proofs = vec![proof(Email, Duration::ZERO)];
    assert_eq!(decide(&facts), "enroll [webauthn push totp hotp sms]");
}

#[test]
fn i06_service_accounts_are_left_out() {
    let mut facts = noticing(ann(), &["new_device", "sensitive_action"]);
    facts.user.service_account = true;
    assert_eq!(decide(&facts), "allow");
    assert!(!read(FILE).is_subject(&facts.user));
}

#[test]
fn i06_prompting_asks_who_can_be_asked_and_requiring_lets_nobody_on() {
    let mut new = noticing(ann(), &["new_device"]);
    new.user.subject_since = Some(NOW);
    assert_eq!(decide(&new), "allow");
    let mut sensitive = noticing(ann(), &["sensitive_action"]);
    sensitive.user.subject_since = Some(NOW);
    assert_eq!(decide(&sensitive), "enroll [webauthn push totp hotp sms]");

    for raised in ["new_device", "sensitive_action"] {
        let mut facts = noticing(ann_with(&[Totp]), &[raised]);
        facts.session.proofs = vec![proof(Totp, Duration::from_mins(16))];
        assert_eq!(decide(&facts), "step_up aal2 [totp]");
        facts.session.proofs = vec![proof(Totp, Duration::from_mins(14))];
        assert_eq!(decide(&facts), "allow");
    }
}

#[test]
fn i06_a_remembered_browser_stands_in_until_something_is_noticed() {
    let mut facts = noticing(ann_with(&[Totp, Browser]), &[]);
    facts.session.proofs = vec![proof(Browser, Duration::from_mins(1))];
    assert_eq!(decide(&facts), "allow");
    let mut noticed = noticing(ann_with(&[Totp, Browser]), &["new_location"]);
    noticed.session.proofs = facts.session.proofs;
    assert_eq!(decide(&noticed), "step_up aal2 [totp]");
}

#[test]
fn i06_a_proof_from_before_does_not_answer_a_signal() {
    let mut facts = noticing(ann_with(&[Webauthn]), &["new_location"]);
    facts.session.proofs = vec![proof(Webauthn, Duration::from_mins(5))];
    for signal in &mut facts.signals {
        signal.raised_at = Some(NOW.minus(Duration::from_mins(2)));
    }
    assert_eq!(decide(&facts), "step_up aal2 [webauthn]");
}

#[test]
fn t14_a_signal_that_is_missing_or_could_not_be_told_counts_as_raised() {
    let mut facts = ann_with(&[Totp]);
    facts.session.proofs = vec![proof(Totp, Duration::from_hours(1))];
    assert_eq!(decide(&facts), "step_up aal2 [totp]");
    let mut facts = noticing(facts, &[]);
    assert_eq!(decide(&facts), "allow");
    facts.signals[0].value = Finding::Unknown;
    let verdict = read(FILE).decide(&facts);
    assert_eq!(short(&verdict), "step_up aal2 [totp]");
    let trouble = verdict.reasons.iter().filter_map(|reason| reason.trouble.as_deref());
    assert_eq!(trouble.collect::<Vec<_>>(), ["`signals.new_device` could not be told"]);
}

#[test]
fn i06_the_version_is_that_of_the_content() {
    let version =
        |text: &str| Policy::read(&[("x", text)], &policy::Vocabulary::default()).unwrap().version().to_owned();
    assert_eq!(version(FILE), version(&FILE.replace("  all_users: true\n", "  # all\n  all_users:   true\n\n")));
    assert_ne!(version(FILE), version(&FILE.replace("30_days", "31_days")));
    assert_eq!(version(FILE).len(), 64);
}
