//! What the tests have in common: reading what must be readable, and somebody at work.

use std::collections::BTreeSet;
use std::time::Duration;

use domain::{Amr, AuthenticatorId, AuthenticatorKind, Proof, Quality, Timestamp};
use policy::{
    ApplicationFacts, Facts, Finding, Outcome, Policy, ProofFacts, SessionFacts, Signal, Usable, UserFacts, Verdict,
    Vocabulary,
};

pub(crate) const NOW: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);

pub(crate) fn read(text: &str) -> Policy {
    Policy::read(&[("policy.yaml", text)], &Vocabulary::default())
        .unwrap_or_else(|mistakes| panic!("{}", listed(&mistakes)))
}

pub(crate) fn mistakes(text: &str) -> String {
    match Policy::read(&[("policy.yaml", text)], &Vocabulary::default()) {
        Ok(policy) => listed(policy.warnings()),
        Err(mistakes) => listed(&mistakes),
    }
}

pub(crate) fn listed(mistakes: &[policy::Mistake]) -> String {
    mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Ann, who gave her password a minute ago, has nothing else, and does `read`.
pub(crate) fn ann() -> Facts {
    Facts {
        now: NOW,
        user: UserFacts {
            external_id: "ann".to_owned(),
            groups: vec!["staff".to_owned()],
            attributes: serde_json::Map::new(),
            service_account: false,
            authenticators: Vec::new(),
            subject_since: None,
            grace_until: None,
        },
        application: ApplicationFacts { id: "app_1".to_owned(), name: "shop".to_owned() },
        action: "read".to_owned(),
        resource: None,
        context: serde_json::Map::new(),
        session: SessionFacts {
            amr: BTreeSet::from_iter(Amr::parse("pwd")),
            authenticated_at: NOW.minus(Duration::from_mins(1)),
            last_active_at: Some(NOW),
            proofs: Vec::new(),
        },
        wanted: None,
        signals: Vec::new(),
    }
}

/// The same with these authenticators.
pub(crate) fn ann_with(kinds: &[AuthenticatorKind]) -> Facts {
    let mut facts = ann();
    facts.user.authenticators = kinds.iter().map(|kind| Usable { kind: *kind, quality: quality(*kind) }).collect();
    facts
}

pub(crate) fn quality(kind: AuthenticatorKind) -> Quality {
    Quality { user_verified: kind == AuthenticatorKind::Webauthn, hardware_bound: false }
}

pub(crate) fn proof(kind: AuthenticatorKind, age: Duration) -> ProofFacts {
    let authenticator_id = AuthenticatorId::from_uuid(uuid::Uuid::nil());
    let proof = Proof { authenticator_id, kind, verified_at: NOW.minus(age), quality: quality(kind) };
    ProofFacts { proof, for_this_decision: false }
}

pub(crate) fn signal(name: &str, value: Finding) -> Signal {
    Signal {
        name: name.to_owned().into(),
        value,
        weight: 10,
        explanation: format!("{name} was seen").into(),
        raised_at: None,
    }
}

/// The outcome in one line: `step_up aal2 [totp]`.
pub(crate) fn short(verdict: &Verdict) -> String {
    let named = |kinds: &[AuthenticatorKind]| kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" ");
    match &verdict.outcome {
        Outcome::Allow => "allow".to_owned(),
        Outcome::Deny => "deny".to_owned(),
        Outcome::Enroll { kinds } => format!("enroll [{}]", named(kinds)),
        Outcome::StepUp { need } => {
            let login = if need.login { " and login" } else { "" };
            format!("step_up {} [{}]{login}", need.aal, named(&need.factors))
        }
    }
}
