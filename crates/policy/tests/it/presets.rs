//! What ships with the program.

use std::time::Duration;

use domain::AuthenticatorKind::{Sms, Totp, Webauthn};
use domain::Quality;
use policy::{PRESETS, Policy, ResourceFacts, Vocabulary};
use serde_json::json;

use crate::support::{NOW, ann_with, listed, proof, read, short};

#[test]
fn each_preset_is_a_policy_without_mistakes_and_so_are_all_together() {
    for preset in PRESETS {
        let policy = read(&format!("policy: {{presets: [{}]}}", preset.name));
        assert_eq!(listed(policy.warnings()), "");
        assert!(policy.rules().any(|(id, ..)| id.starts_with(preset.name)));
        assert!(
            preset
                .text
                .lines()
                .filter(|line| line.contains("aal: ") || line.contains("max_age: "))
                .any(|l| l.contains("# "))
        );
    }
    let all: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
    read(&format!("policy: {{presets: [{}]}}", all.join(", ")));
    let twice = "policy: {presets: [psd2]}\n---\npolicy: {presets: [psd2]}";
    assert!(Policy::read(&[("a", twice)], &Vocabulary::default()).is_ok());
}

#[test]
fn every_rule_of_a_preset_names_its_clause() {
    for preset in PRESETS {
        let rules = preset.text.matches("- id: ").count();
        assert_eq!(preset.text.matches(" clause: ").count(), rules, "{}", preset.name);
    }
}

#[test]
fn aal3_is_a_key_in_hardware_every_twelve_hours() {
    let policy = read("policy: {presets: [nist-aal3]}");
    let mut facts = ann_with(&[Totp, Webauthn]);
    assert_eq!(short(&policy.decide(&facts)), "enroll [webauthn]");
    let quality = Quality { user_verified: true, hardware_bound: true };
    facts.user.authenticators[1].quality = quality;
    assert_eq!(short(&policy.decide(&facts)), "step_up aal3 [webauthn]");
    facts.session.proofs = vec![proof(Webauthn, Duration::from_hours(11))];
    facts.session.proofs[0].proof.quality = quality;
    facts.session.authenticated_at = NOW.minus(Duration::from_hours(11));
    assert_eq!(short(&policy.decide(&facts)), "allow");
    facts.session.last_active_at = Some(NOW.minus(Duration::from_mins(16)));
    assert_eq!(short(&policy.decide(&facts)), "step_up aal3 [webauthn]");
    facts.session.last_active_at = None;
    assert_eq!(short(&policy.decide(&facts)), "step_up aal3 [webauthn]", "nobody said when something was done");
}

#[test]
fn pci_dss_is_about_the_cardholder_data_environment() {
    let policy = read("policy: {otherwise: allow, presets: [pci-dss]}");
    let mut facts = ann_with(&[Sms]);
    assert_eq!(short(&policy.decide(&facts)), "allow");
    facts.resource =
        Some(ResourceFacts { kind: "cde:db".to_owned(), id: "1".to_owned(), properties: serde_json::Map::new() });
    let verdict = policy.decide(&facts);
    assert_eq!(short(&verdict), "step_up aal2 [sms]");
    assert_eq!(verdict.reasons[0].clause.as_deref(), Some("PCI DSS v4.0.1 8.4.1, 8.4.2, 8.5.1"));
}

#[test]
fn psd2_binds_a_proof_to_amount_and_payee() {
    let policy = read("policy: {otherwise: allow, presets: [psd2]}");
    let mut facts = ann_with(&[Totp]);
    facts.action = "payment.initiate".to_owned();
    assert_eq!(short(&policy.decide(&facts)), "deny");
    for (name, value) in [("amount", "12.50"), ("currency", "EUR"), ("payee", "Bob")] {
        facts.context.insert(name.to_owned(), json!(value));
    }
    facts.session.proofs = vec![proof(Totp, Duration::ZERO)];
    let verdict = policy.decide(&facts);
    assert_eq!(short(&verdict), "step_up aal2 [totp]");
    assert_eq!(verdict.bind, ["amount", "currency", "payee"]);
    facts.session.proofs[0].for_this_decision = true;
    assert_eq!(short(&policy.decide(&facts)), "allow");
}
