//! What events have in them, as data: what workflows are checked against before there is an event.

use serde_json::{Map, Value};

use crate::EventKind as K;

/// A fact that events of a kind may tell of. None has to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventField {
    /// Its name in the event's `data`.
    pub name: &'static str,
    /// What it is.
    pub kind: FieldKind,
}

/// What a fact in an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    /// True or false.
    Bool,
    /// A whole number.
    Number,
    /// A text: a word of ours, an id, a time in RFC 3339.
    Text,
    /// A list of texts.
    Texts,
}

/// The ids of [`crate::event::About`], as they are called in JSON.
pub const EVENT_IDS: &[&str] = &["user", "device", "authenticator", "session", "enrollment", "challenge"];

const fn text(name: &'static str) -> EventField {
    EventField { name, kind: FieldKind::Text }
}

const fn number(name: &'static str) -> EventField {
    EventField { name, kind: FieldKind::Number }
}

const fn flag(name: &'static str) -> EventField {
    EventField { name, kind: FieldKind::Bool }
}

const fn texts(name: &'static str) -> EventField {
    EventField { name, kind: FieldKind::Texts }
}

impl K {
    /// The facts that an event of this kind may tell of. One that is not listed is in none: whoever writes events is held to it in tests.
    #[allow(clippy::too_many_lines, clippy::match_same_arms, reason = "a table, in the order of the kinds")]
    pub const fn fields(self) -> &'static [EventField] {
        const STATE: &[EventField] = &[text("from"), text("reason"), text("kind"), text("run"), number("depth")];
        const REASON: &[EventField] = &[text("reason")];
        // What a workflow does tells by which run, and how many others led to that one.
        const CHANGED: &[EventField] = &[text("reason"), text("run"), number("depth")];
        const WORKFLOW: &[EventField] = &[text("workflow"), text("digest")];
        const RUN: &[EventField] =
            &[text("run"), text("workflow"), text("digest"), text("step"), text("reason"), number("depth")];
        const RUN_SKIPPED: &[EventField] =
            &[text("run"), text("workflow"), text("digest"), text("event"), text("requester"), number("depth")];
        const RUN_FAILED: &[EventField] = &[
            text("run"),
            text("workflow"),
            text("digest"),
            text("step"),
            text("reason"),
            text("requester"),
            number("depth"),
        ];
        const TASK: &[EventField] = &[
            text("task"),
            text("run"),
            text("workflow"),
            text("step"),
            texts("roles"),
            number("quorum"),
            number("aal"),
            text("expires_at"),
            text("outcome"),
            number("depth"),
        ];
        const VERDICT: &[EventField] = &[
            text("task"),
            text("run"),
            text("workflow"),
            text("step"),
            text("by"),
            texts("evidence"),
            number("aal"),
            text("action_hash"),
        ];
        const LINK: &[EventField] = &[
            text("link"),
            text("name"),
            text("run"),
            text("workflow"),
            text("gives"),
            text("by"),
            text("reason"),
            number("depth"),
        ];
        // The store counts failures as it writes them.
        const REJECTED: &[EventField] = &[text("reason"), number("failures")];
        const KIND: &[EventField] = &[text("kind")];
        const API_KEY: &[EventField] = &[text("application"), text("api_key"), text("others_expire_at")];
        const PAGE: &[EventField] = &[text("page"), text("purpose"), text("reason"), text("outcome"), text("site")];
        const RULE: &[EventField] = &[text("rule"), text("digest")];
        const ALERT: &[EventField] = &[
            text("alert"),
            text("rule"),
            text("severity"),
            text("by"),
            text("group"),
            text("bound"),
            number("count"),
            number("limit"),
            text("until"),
            text("reason"),
        ];
        const TOKEN: &[EventField] = &[text("hardware_token_id"), text("serial")];
        const PROMPT: &[EventField] = &[text("prompt"), text("kind"), number("sends"), text("reason")];
        const SENDING: &[EventField] = &[
            text("gateway"),
            text("reason"),
            text("reference"),
            text("kind"),
            text("prompt"),
            number("attempts"),
            text("by"),
        ];
        match self {
            K::ApplicationCreated | K::ApplicationUpdated => {
                const { &[text("application"), texts("scopes"), texts("return_origins"), text("policy")] }
            }
            K::ApplicationDeleted => const { &[text("application"), text("policy")] },
            K::ApiKeyCreated | K::ApiKeyRevoked => API_KEY,
            K::AdministratorRecovered => const { &[text("application"), text("api_key"), flag("others_ended")] },
            K::PolicyChanged => const { &[text("policy"), number("number"), text("version"), text("origin")] },
            K::DecisionMade => {
                const {
                    &[
                        text("decision"),
                        text("action"),
                        text("outcome"),
                        texts("rules"),
                        texts("signals"),
                        text("policy"),
                        text("decided_by"),
                        texts("notify"),
                        text("in_shadow"),
                    ]
                }
            }
            K::UserCreated | K::DeviceCreated => KIND,
            K::UserUpdated => const { &[text("kind"), text("changed"), text("reason"), text("run"), number("depth")] },
            K::UserGraceExtended => const { &[text("until"), text("reason"), text("run"), number("depth")] },
            K::UserAuthenticatorRequired => const { &[texts("kinds"), text("reason"), text("run"), number("depth")] },
            K::UserInvited => {
                const {
                    &[
                        text("invitation"),
                        texts("kinds"),
                        text("expires_at"),
                        text("reason"),
                        text("run"),
                        number("depth"),
                    ]
                }
            }
            K::UserInvitationCancelled => const { &[text("invitation"), text("reason"), text("run"), number("depth")] },
            K::AddressBlocked => const { &[text("until"), text("reason"), text("run"), number("depth")] },
            K::AddressUnblocked => REASON,
            K::RiskRaised => const { &[text("signal"), text("until"), text("reason"), text("run"), number("depth")] },
            K::SessionRegistered => const { &[texts("amr")] },
            K::SessionLowered => const { &[number("aal"), text("reason"), text("run"), number("depth")] },
            K::EnrollmentStarted => const { &[flag("again")] },
            K::EnrollmentConfirmed => const { &[number("aal")] },
            K::EnrollmentRefused | K::ChallengeCancelled | K::SessionKeyRefused => REASON,
            K::EnrollmentCancelled => CHANGED,
            K::SignInCreated | K::SignInFinished | K::SignInRefused => const { &[text("sign_in"), text("site")] },
            K::AuthenticatorActivated => KIND,
            K::BrowserRemembered => const { &[text("proved_by"), text("expires_at")] },
            K::AuthenticatorSuspended | K::AuthenticatorResumed | K::AuthenticatorRevoked | K::AuthenticatorLost => {
                STATE
            }
            K::AuthenticatorExpired => STATE,
            K::AuthenticatorLimited => {
                const { &[text("kind"), text("expires_at"), text("reason"), text("run"), number("depth")] }
            }
            K::AuthenticatorRotationAsked => const { &[text("kind"), text("reason"), text("run"), number("depth")] },
            K::AuthenticatorVerified => const { &[text("kind"), text("action"), number("aal")] },
            K::AuthenticatorRejected | K::ChallengeRejected | K::EnrollmentRejected => REJECTED,
            K::BackupCodesLow => const { &[number("left")] },
            K::AuthenticatorUnsubscribed => const { &[text("reason"), text("by")] },
            K::ChallengeCreated | K::ChallengeNamed => const { &[text("action")] },
            K::PromptCreated | K::PromptWithdrawn | K::PromptMismatched | K::PushDenied => PROMPT,
            K::AuthenticatorFraudReported => PROMPT,
            K::PromptAnswered => const { &[text("prompt"), text("answer"), text("signature")] },
            K::HardwareTokenImported
            | K::HardwareTokenAssigned
            | K::HardwareTokenHeld
            | K::HardwareTokenReleased
            | K::HardwareTokenRemoved => TOKEN,
            K::CodeSent | K::CodeDelivered | K::CodeUndelivered | K::PushSent | K::PushUndelivered => SENDING,
            K::CodeWithheld => const { &[text("kind"), text("budget"), text("until"), flag("first")] },
            K::GatewayDown | K::GatewayUp => const { &[text("gateway"), text("channel")] },
            K::GatewaySwitched | K::GatewaySwitchedBack => {
                const { &[text("gateway"), text("channel"), text("until"), text("reason"), text("run"), number("depth")] }
            }
            K::PageCreated | K::PageOpened | K::PageRedeemed | K::PageAdvanced | K::PageRefused | K::PageFinished => {
                PAGE
            }
            K::UserSuspended | K::UserResumed | K::SessionEnded => CHANGED,
            K::WorkflowChanged | K::WorkflowWithdrawn => WORKFLOW,
            K::WebhookRefused => const { &[text("workflow"), text("reason"), number("count")] },
            K::RunSkipped => RUN_SKIPPED,
            K::RunFailed => RUN_FAILED,
            K::RunStarted
            | K::RunCompleted
            | K::RunCancelled
            | K::RunHeld
            | K::RunInstructed
            | K::StepCompleted
            | K::StepFailed => RUN,
            K::AlertRuleChanged | K::AlertRuleWithdrawn => RULE,
            K::AlertRaised | K::AlertAcknowledged | K::AlertSilenced | K::AlertResolved => ALERT,
            K::LinkCreated | K::LinkFollowed | K::LinkWithdrawn | K::LinkExpiredFollowed => LINK,
            K::TaskOpened | K::TaskClosed => TASK,
            K::TaskApproved | K::TaskRejected => VERDICT,
            K::EventEmitted => const { &[text("name"), text("run"), text("reason"), number("depth")] },
            K::KeysRotated => const { &[number("key_version")] },
            K::KeysRetired => const { &[number("before_version")] },
            K::RootKeyChanged => const { &[text("from"), text("to")] },
            K::ServerStarted => const { &[text("version"), text("engine")] },
            K::EventsExpired => const { &[text("before"), number("first"), number("last")] },
            K::ClockJumped => const { &[number("by_millis")] },
            K::UserErased
            | K::DeviceDeleted
            | K::SessionKeyShown
            | K::EnrollmentViewed
            | K::AuthenticatorRenamed
            | K::AuthenticatorLinked
            | K::AuthenticatorSubscribed
            | K::PushHeldBack => &[],
        }
    }

    /// Whether an event of this kind may lack a fact that others of its kind tell of: who asks for it first asks whether it is there.
    pub fn may_lack(self, name: &str) -> bool {
        match name {
            // What people do is done by no run.
            "run" | "depth" if !self.is_of_runs() => true,
            _ => self.seldom().contains(&name),
        }
    }

    /// A fact that each event of this kind tells of, and this one does not: whoever writes events is held to it in tests.
    pub fn lacks(self, data: &Map<String, Value>) -> Option<&'static str> {
        let is_there = |name: &str| data.get(name).is_some_and(|value| !value.is_null());
        self.fields().iter().map(|field| field.name).find(|name| !self.may_lack(name) && !is_there(name))
    }

    /// The facts that not each event of this kind tells of, beside the run that it is by.
    #[allow(clippy::match_same_arms, reason = "a table, in the order of the kinds")]
    const fn seldom(self) -> &'static [&'static str] {
        match self {
            // The policy is told where files said so; and where they did not, it is not told where a new one may lead back to.
            K::ApplicationCreated => &["return_origins", "policy"],
            K::ApplicationUpdated | K::ApplicationDeleted => &["policy"],
            K::ApiKeyCreated | K::ApiKeyRevoked => &["others_expire_at"],
            K::DecisionMade => &["decided_by", "notify", "in_shadow"],
            // Either what is known of them by the application, or by which groups and attributes they stand.
            K::UserUpdated => &["kind", "changed", "reason"],
            // It may follow from something else, which says why.
            K::SessionLowered => &["reason"],
            K::EnrollmentStarted => &["again"],
            // Taken back by whoever began it, for no reason that is told.
            K::EnrollmentCancelled | K::ChallengeCancelled => &["reason"],
            // What the store tells of itself: a failure budget that is used up, and an authenticator that is replaced.
            K::AuthenticatorSuspended | K::AuthenticatorRevoked => &["from", "kind"],
            // What is no guess is not counted, nor what is of no authenticator.
            K::AuthenticatorRejected | K::ChallengeRejected | K::EnrollmentRejected => &["failures"],
            K::PromptCreated => &["sends", "reason"],
            K::PromptWithdrawn | K::PromptMismatched | K::PushDenied | K::AuthenticatorFraudReported => {
                &["kind", "sends", "reason"]
            }
            K::CodeSent => &["reason", "reference", "by"],
            // Said by a network, of a message that it knows by its own reference.
            K::CodeDelivered => &["reason", "kind", "prompt", "attempts", "by"],
            K::CodeUndelivered => &["gateway", "reason", "reference", "kind", "prompt", "attempts", "by"],
            K::PushSent => &["reason", "reference", "kind", "attempts", "by"],
            K::PushUndelivered => &["gateway", "reference", "kind", "attempts"],
            K::GatewaySwitchedBack => &["until"],
            K::PageCreated => &["reason", "outcome", "site"],
            K::PageOpened | K::PageRedeemed | K::PageAdvanced => &["reason", "outcome", "site"],
            K::PageRefused => &["outcome", "site"],
            K::PageFinished => &["reason", "site"],
            // A call for a workflow that there is none of.
            K::WebhookRefused => &["workflow"],
            // By a schedule, a person or a call it was about no event.
            K::RunSkipped => &["event", "requester"],
            K::RunStarted | K::RunCompleted | K::RunCancelled => &["step", "reason"],
            // One that could not be started is none yet.
            K::RunFailed => &["run", "digest", "step", "reason", "requester"],
            K::RunInstructed => &["step"],
            K::StepCompleted => &["reason"],
            K::AlertRaised | K::AlertAcknowledged => &["by", "group", "until", "reason"],
            // Of a rule as a whole.
            K::AlertSilenced => &["alert", "severity", "by", "group", "bound", "count", "limit", "reason"],
            K::AlertResolved => &["by", "group", "until"],
            K::LinkCreated => &["gives", "by"],
            K::LinkFollowed => &["gives", "reason", "depth"],
            K::LinkWithdrawn => &["by"],
            K::LinkExpiredFollowed => &["gives", "by", "depth"],
            K::TaskOpened => &["outcome"],
            K::TaskClosed => &["roles", "quorum", "aal", "expires_at"],
            // At the lowest level nothing is proved.
            K::TaskApproved | K::TaskRejected => &["action_hash"],
            _ => &[],
        }
    }

    /// Whether nothing but runs has events of this kind come.
    const fn is_of_runs(self) -> bool {
        matches!(
            self,
            K::UserGraceExtended
                | K::UserAuthenticatorRequired
                | K::UserInvited
                | K::UserInvitationCancelled
                | K::AddressBlocked
                | K::RiskRaised
                | K::AuthenticatorLimited
                | K::AuthenticatorRotationAsked
                | K::GatewaySwitched
                | K::RunStarted
                | K::RunSkipped
                | K::RunCompleted
                | K::RunFailed
                | K::RunCancelled
                | K::RunHeld
                | K::RunInstructed
                | K::StepCompleted
                | K::StepFailed
                | K::TaskOpened
                | K::TaskApproved
                | K::TaskRejected
                | K::TaskClosed
                | K::LinkCreated
                | K::LinkFollowed
                | K::LinkWithdrawn
                | K::LinkExpiredFollowed
                | K::EventEmitted
        )
    }

    /// Whether events of this kind are about a user, or may be.
    pub const fn concerns_users(self) -> bool {
        !matches!(
            self,
            K::ApplicationCreated
                | K::ApplicationUpdated
                | K::ApplicationDeleted
                | K::ApiKeyCreated
                | K::ApiKeyRevoked
                | K::AdministratorRecovered
                | K::PolicyChanged
                | K::AddressBlocked
                | K::AddressUnblocked
                | K::WorkflowChanged
                | K::WorkflowWithdrawn
                | K::WebhookRefused
                | K::AlertRuleChanged
                | K::AlertRuleWithdrawn
                | K::HardwareTokenImported
                | K::HardwareTokenReleased
                | K::HardwareTokenRemoved
                | K::GatewayDown
                | K::GatewayUp
                | K::GatewaySwitched
                | K::GatewaySwitchedBack
                | K::KeysRotated
                | K::KeysRetired
                | K::RootKeyChanged
                | K::ServerStarted
                | K::EventsExpired
                | K::ClockJumped
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_event_has_two_facts_of_one_name() {
        for kind in K::ALL {
            let fields = kind.fields();
            let names: std::collections::BTreeSet<&str> = fields.iter().map(|field| field.name).collect();
            assert_eq!(names.len(), fields.len(), "{kind:?}");
        }
    }

    #[test]
    fn what_may_be_missing_is_a_fact_of_its_kind() {
        for kind in K::ALL {
            for name in kind.seldom() {
                assert!(kind.fields().iter().any(|field| field.name == *name), "{kind:?} tells of no `{name}`");
            }
        }
    }

    #[test]
    fn what_each_event_tells_of_is_missed() {
        let data =
            |facts: &[(&str, Value)]| facts.iter().map(|(name, fact)| ((*name).to_owned(), fact.clone())).collect();
        let refused = K::WebhookRefused;
        assert_eq!(refused.lacks(&data(&[("reason", "old".into())])), Some("count"));
        assert_eq!(
            refused.lacks(&data(&[("reason", Value::Null), ("count", 1.into())])),
            Some("reason"),
            "null is none"
        );
        assert_eq!(refused.lacks(&data(&[("reason", "old".into()), ("count", 1.into())])), None);
        assert_eq!(K::UserResumed.lacks(&data(&[("reason", "requested".into())])), None, "by no run");
    }
}
