//! Events: each one fact, past tense. At once the audit record, the outbox and what workflows start from.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    ApplicationId, AuthenticatorId, ChallengeId, DeviceId, EnrollmentId, EventId, SessionId, Timestamp, UserId,
};

/// One fact, committed together with the change that it tells of (law 2).
///
/// Holds ids and facts only. What tells about a person stands in [`Details`].
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Ours.
    pub id: EventId,
    /// Its place among all events, from 1, without gaps: given by the store as it commits, 0 before.
    pub position: i64,
    /// When.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// Which application asked for it; `None` for what happens by itself or by the program's operator.
    pub application_id: Option<ApplicationId>,
    /// Which of our things it concerns.
    pub about: About,
    /// Further facts, by name: numbers, states, reasons.
    pub data: Map<String, Value>,
    /// What tells about a person, kept apart so that it can be erased.
    pub details: Option<Details>,
}

/// The things that an event concerns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct About {
    /// Whom.
    #[serde(skip_serializing_if = "Option::is_none", rename = "user")]
    pub user_id: Option<UserId>,
    /// Which device.
    #[serde(skip_serializing_if = "Option::is_none", rename = "device")]
    pub device_id: Option<DeviceId>,
    /// Which authenticator.
    #[serde(skip_serializing_if = "Option::is_none", rename = "authenticator")]
    pub authenticator_id: Option<AuthenticatorId>,
    /// Which session.
    #[serde(skip_serializing_if = "Option::is_none", rename = "session")]
    pub session_id: Option<SessionId>,
    /// Which enrollment.
    #[serde(skip_serializing_if = "Option::is_none", rename = "enrollment")]
    pub enrollment_id: Option<EnrollmentId>,
    /// Which challenge.
    #[serde(skip_serializing_if = "Option::is_none", rename = "challenge")]
    pub challenge_id: Option<ChallengeId>,
}

/// What an event tells about a person: addresses, user agents, names. The event itself holds only the
/// salted hash of it, so that erasing the details and their salt leaves nothing about the person.
#[derive(Debug, Clone, PartialEq)]
pub struct Details {
    /// The details by name.
    pub fields: Map<String, Value>,
    /// 16 random bytes.
    pub salt: [u8; 16],
    /// SHA-256 over the salt and the fields' canonical JSON.
    pub commitment: [u8; 32],
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What happened: `noun.verb`, past tense.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum EventKind {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The kind's name, as in JSON and in the store.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// An API client was made.
    ApplicationCreated = "application.created",
    /// An API client's name, scopes, certificates or return origins were changed.
    ApplicationUpdated = "application.updated",
    /// An API client was deleted, and its keys with it.
    ApplicationDeleted = "application.deleted",
    /// A key was made for an API client.
    ApiKeyCreated = "api_key.created",
    /// A key of an API client was given an end or ended.
    ApiKeyRevoked = "api_key.revoked",
    /// An administrator was given a new key by whoever has the store.
    AdministratorRecovered = "administrator.recovered",
    /// Another policy came into force.
    PolicyChanged = "policy.changed",
    /// Whether a session may do something was decided.
    DecisionMade = "decision.made",
    /// A user was made known.
    UserCreated = "user.created",
    /// A user's name, kind, groups or attributes were changed.
    UserUpdated = "user.updated",
    /// A user's grace period was made longer.
    UserGraceExtended = "user.grace_extended",
    /// A user is to have one of some kinds of authenticator.
    UserAuthenticatorRequired = "user.authenticator_required",
    /// A user was invited to enroll.
    UserInvited = "user.invited",
    /// An invitation to enroll was taken back.
    UserInvitationCancelled = "user.invitation_cancelled",
    /// An address or prefix is refused for a while.
    AddressBlocked = "address.blocked",
    /// An address or prefix that was refused is not any more.
    AddressUnblocked = "address.unblocked",
    /// A signal of risk was raised about a user, for a while.
    RiskRaised = "risk.raised",
    /// A user may prove nothing until resumed.
    UserSuspended = "user.suspended",
    /// A suspended user may prove again.
    UserResumed = "user.resumed",
    /// Everything about a user was erased.
    UserErased = "user.erased",
    /// A device was made known.
    DeviceCreated = "device.created",
    /// A device was removed.
    DeviceDeleted = "device.deleted",
    /// A login session was registered.
    SessionRegistered = "session.registered",
    /// What a session proved with an authenticator counts no more: that was lost, revoked, suspended or replaced.
    SessionLowered = "session.lowered",
    /// The key that a session is bound to was shown.
    SessionKeyShown = "session.key_shown",
    /// A session that is bound to a key was to be used without it.
    SessionKeyRefused = "session.key_refused",
    /// A session was ended.
    SessionEnded = "session.ended",
    /// An enrollment was granted.
    EnrollmentStarted = "enrollment.started",
    /// A key was made and its single view handed out.
    EnrollmentViewed = "enrollment.viewed",
    /// Possession was proved.
    EnrollmentConfirmed = "enrollment.confirmed",
    /// A wrong code was given while enrolling.
    EnrollmentRejected = "enrollment.rejected",
    /// An enrollment was taken back.
    EnrollmentCancelled = "enrollment.cancelled",
    /// An attempt to enroll was refused.
    EnrollmentRefused = "enrollment.refused",
    /// An authenticator can be used from now on.
    AuthenticatorActivated = "authenticator.activated",
    /// A browser is remembered from now on.
    BrowserRemembered = "browser.remembered",
    /// An authenticator was given another label.
    AuthenticatorRenamed = "authenticator.renamed",
    /// An authenticator cannot be used until resumed or bound anew.
    AuthenticatorSuspended = "authenticator.suspended",
    /// A suspended authenticator can be used again.
    AuthenticatorResumed = "authenticator.resumed",
    /// An authenticator is gone for good.
    AuthenticatorRevoked = "authenticator.revoked",
    /// An authenticator was reported lost.
    AuthenticatorLost = "authenticator.lost",
    /// An authenticator was given an end.
    AuthenticatorLimited = "authenticator.limited",
    /// An authenticator has come to its end.
    AuthenticatorExpired = "authenticator.expired",
    /// The owner of an authenticator was asked to replace it.
    AuthenticatorRotationAsked = "authenticator.rotation_asked",
    /// A proof was right and counts.
    AuthenticatorVerified = "authenticator.verified",
    /// A proof was wrong or came when none is considered.
    AuthenticatorRejected = "authenticator.rejected",
    /// There are few backup codes left.
    BackupCodesLow = "backup_codes.low",
    /// An app came by the link of an enrollment. It does not count before its owner has typed the number.
    AuthenticatorLinked = "authenticator.linked",
    /// How an app is woken up was changed.
    AuthenticatorSubscribed = "authenticator.subscribed",
    /// How an app was woken up leads nowhere any more, and is forgotten: its push service says so.
    AuthenticatorUnsubscribed = "authenticator.unsubscribed",
    /// A person said that somebody else had asked what their app was asked.
    AuthenticatorFraudReported = "authenticator.fraud_reported",
    /// Proof was asked for.
    ChallengeCreated = "challenge.created",
    /// Who signs in without a name has said who they are, by a passkey that is still to be verified.
    ChallengeNamed = "challenge.named",
    /// A challenge was taken back.
    ChallengeCancelled = "challenge.cancelled",
    /// A proof was given that fits no authenticator: an unknown user, none enrolled, or a challenge that is over.
    ChallengeRejected = "challenge.rejected",
    /// Something was sent to a person or asked of a device for a challenge.
    PromptCreated = "prompt.created",
    /// A hardware token was imported.
    HardwareTokenImported = "hardware_token.imported",
    /// A hardware token is meant for a user from now on, or for nobody.
    HardwareTokenAssigned = "hardware_token.assigned",
    /// A hardware token is enrolled by nobody until it is released: there were too many wrong codes.
    HardwareTokenHeld = "hardware_token.held",
    /// A hardware token that was held can be enrolled again.
    HardwareTokenReleased = "hardware_token.released",
    /// A hardware token was removed.
    HardwareTokenRemoved = "hardware_token.removed",
    /// A gateway took a code that was to be sent.
    CodeSent = "code.sent",
    /// A code was not sent, because a budget against toll fraud is used up.
    CodeWithheld = "code.withheld",
    /// A network says that a code arrived.
    CodeDelivered = "code.delivered",
    /// A code could not be sent, or a network says that it did not arrive.
    CodeUndelivered = "code.delivery_failed",
    /// A gateway failed again and again, and is left alone for a while.
    GatewayDown = "gateway.down",
    /// A gateway that was down works again.
    GatewayUp = "gateway.up",
    /// A workflow has messages go by other gateways than this one for a while.
    GatewaySwitched = "gateway.switched",
    /// A gateway is used as before again, before its time.
    GatewaySwitchedBack = "gateway.switched_back",
    /// An app answered what it was asked: with its signature over it.
    PromptAnswered = "prompt.answered",
    /// An app's prompt was taken back, for another one that goes before it.
    PromptWithdrawn = "prompt.withdrawn",
    /// An app was given a number that was not the one on the other screen.
    PromptMismatched = "prompt.mismatched",
    /// A person did not want what an app asked them.
    PushDenied = "push.denied",
    /// A push service took what wakes an app up.
    PushSent = "push.sent",
    /// An app could not be woken up. Once it is opened, it is asked all the same.
    PushUndelivered = "push.delivery_failed",
    /// An app is asked nothing for a while: too much that it was asked was not approved.
    PushHeldBack = "push.held_back",
    /// A hosted page was made for somebody.
    PageCreated = "page.created",
    /// A hosted page was opened, and belongs to that browser from then on.
    PageOpened = "page.opened",
    /// The application redeemed a page's code: the browser that opened it is the one that it was made for.
    PageRedeemed = "page.redeemed",
    /// Something was begun on a hosted page: the proof before an enrollment, or an enrollment.
    PageAdvanced = "page.advanced",
    /// A hosted page was asked for by another browser, or too late.
    PageRefused = "page.refused",
    /// A hosted page was finished: proved, enrolled or cancelled.
    PageFinished = "page.finished",
    /// A login made a link that signs its browser in at a site behind a proxy.
    SignInCreated = "sign_in.created",
    /// A browser is signed in at a site.
    SignInFinished = "sign_in.finished",
    /// A link that signs in came with another browser than the one that the site sent to the login.
    SignInRefused = "sign_in.refused",
    /// A workflow came into force, or another version of it.
    WorkflowChanged = "workflow.changed",
    /// A workflow is in force no more. What began by it goes on to its end.
    WorkflowWithdrawn = "workflow.withdrawn",
    /// Calls from outside that are to start a workflow were refused. Told of once a minute for each reason.
    WebhookRefused = "webhook.refused",
    /// A run of a workflow was started.
    RunStarted = "run.started",
    /// A run was not started, because another one of its kind is under way.
    RunSkipped = "run.skipped",
    /// A run ended as it should.
    RunCompleted = "run.completed",
    /// A run failed, or could not begin.
    RunFailed = "run.failed",
    /// A run was cancelled.
    RunCancelled = "run.cancelled",
    /// A step of a run failed for good, and is held until somebody looks at it.
    RunHeld = "run.held",
    /// Somebody has a run cancelled, or a step that is held tried again or given up.
    RunInstructed = "run.instructed",
    /// A step of a run ended well.
    StepCompleted = "step.completed",
    /// A step of a run failed.
    StepFailed = "step.failed",
    /// A run asks people to approve something.
    TaskOpened = "task.opened",
    /// Somebody approved what a run asks.
    TaskApproved = "task.approved",
    /// Somebody did not approve what a run asks.
    TaskRejected = "task.rejected",
    /// A run asks this no more: enough approved, somebody did not, the time was over, or the run went another way.
    TaskClosed = "task.closed",
    /// A run made a link for a user.
    LinkCreated = "link.created",
    /// A user followed a link of a run, or said the same in a session.
    LinkFollowed = "link.followed",
    /// A run took back a link that nobody had followed.
    LinkWithdrawn = "link.withdrawn",
    /// A user came by a link of a run that was used, expired or for nothing any more, and still wants what it was for.
    LinkExpiredFollowed = "link.expired_followed",
    /// A workflow told of something, by a name of its own.
    EventEmitted = "event.emitted",
    /// A rule of alerts came into force, or another version of it.
    AlertRuleChanged = "alert_rule.changed",
    /// A rule of alerts is in force no more.
    AlertRuleWithdrawn = "alert_rule.withdrawn",
    /// There were more events of a kind than there should be.
    AlertRaised = "alert.raised",
    /// Somebody sees to an alert.
    AlertAcknowledged = "alert.acknowledged",
    /// Nothing more is raised about what an alert is about, for a time.
    AlertSilenced = "alert.silenced",
    /// An alert is over: there are as few events again as there should be, or somebody said so.
    AlertResolved = "alert.resolved",
    /// New data keys were made in the vault.
    KeysRotated = "keys.rotated",
    /// Old data keys were dropped from the vault's keyring.
    KeysRetired = "keys.retired",
    /// The keys of this store were wrapped with another root key.
    RootKeyChanged = "root_key.changed",
    /// The server was started on this store.
    ServerStarted = "server.started",
    /// The oldest events were removed, because they are not to be kept any longer.
    EventsExpired = "events.expired",
    /// The clock went back or far ahead.
    ClockJumped = "clock.jumped",
}

impl EventKind {
    /// The kind of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_noun_dot_verb_and_read_back() {
        for kind in EventKind::ALL {
            let (noun, verb) = kind.name().split_once('.').unwrap_or_default();
            assert!(!noun.is_empty() && !verb.is_empty(), "{kind:?}");
            assert_eq!(EventKind::from_name(kind.name()), Some(*kind));
        }
    }
}
