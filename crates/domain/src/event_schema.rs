//! What events have in them, as data: what workflows are checked against before there is an event.

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
            number("approvals"),
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
            K::EnrollmentRefused | K::EnrollmentCancelled | K::ChallengeCancelled | K::SessionKeyRefused => REASON,
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
        match (self, name) {
            // What the store tells of itself, a failure budget that is used up and an authenticator that is replaced; a run that could not be
            // started, and is none yet; and of runs, few ends are of a step or have a word of their own.
            (K::AuthenticatorSuspended | K::AuthenticatorRevoked, "from" | "kind")
            | (K::RunFailed, "run" | "digest" | "reason" | "requester")
            | (K::RunSkipped, "requester")
            | (K::RunStarted | K::RunCompleted | K::RunCancelled | K::StepCompleted, "reason")
            | (K::RunStarted | K::RunCompleted | K::RunFailed | K::RunCancelled | K::RunInstructed, "step") => true,
            // What people do is done by no run.
            (_, "run" | "depth") => !self.is_of_runs(),
            _ => false,
        }
    }

    /// Whether nothing but runs has events of this kind come.
    const fn is_of_runs(self) -> bool {
        matches!(
            self,
            K::RunStarted
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
}
