//! What can come of a use case but success. Knows no HTTP; `http::problem` gives each its status and words.

use store::StoreError;

/// Why a use case did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Error {
    /// There is no such thing, or it is another application's.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// No messages go to numbers of that country.
    #[error("messages are not sent to that country")]
    CountryBlocked,
    /// The request makes no sense as it stands.
    #[error("the request is not valid")]
    Invalid(Vec<Flaw>),
    /// Something unique is there already.
    #[error("{0}")]
    Exists(&'static str),
    /// The state of things does not allow it.
    #[error("{0}")]
    Conflict(&'static str),
    /// The proof counts for nothing, for whichever reason.
    #[error("the proof was not accepted")]
    ProofRejected,
    /// An app is asked nothing for a while.
    #[error("the phone was asked too often without anybody approving")]
    PushHeldBack,
    /// The prompt wants no answer any more.
    #[error("the prompt is over")]
    PromptOver,
    /// No such app, or another signature.
    #[error("no such app, or not its signature")]
    DeviceUnknown,
    /// The time that an app signed is too far from ours.
    #[error("the app's clock is wrong")]
    DeviceClock,
    /// The very same request came before.
    #[error("the request came before")]
    RequestRepeated,
    /// The challenge wants no proof any more.
    #[error("the challenge is over")]
    ChallengeOver,
    /// The enrollment is over.
    #[error("the enrollment is over")]
    EnrollmentOver,
    /// Whoever asks has not got what it takes.
    #[error("{0}")]
    MayNot(String),
    /// Another policy came into force since.
    #[error("another policy came into force meanwhile")]
    PolicyChanged,
    /// A policy would change applications of which nobody said that they were seen.
    #[error("nobody said what was seen of the applications")]
    ApplicationsUnseen(Vec<String>),
    /// A policy would lock out whoever may not be.
    #[error("{0}")]
    PolicyLocksOut(String),
    /// A policy does not hold.
    #[error("the policy does not hold")]
    PolicyMistaken(Vec<policy::Mistake>),
    /// A workflow does not hold.
    #[error("the workflow does not hold")]
    WorkflowMistaken(Vec<policy::Mistake>),
    /// A policy cannot be trusted or understood.
    #[error("the policy with the number {number} cannot be used: {why}")]
    PolicyBroken {
        /// Which.
        number: i64,
        /// Why.
        why: String,
    },
    /// The view was had already.
    #[error("the view was shown already")]
    ViewGone,
    /// The view's time is over.
    #[error("the view has expired")]
    ViewExpired,
    /// There is no such page, it is finished, or its time is over.
    #[error("the page is over")]
    PageOver,
    /// Another browser opened the page.
    #[error("the page was opened in another browser")]
    PageElsewhere,
    /// The session was ended or has expired.
    #[error("the session is over")]
    SessionOver,
    /// The session is not trusted enough for this.
    #[error("{0}")]
    StepUpNeeded(&'static str),
    /// The session is bound to a key that was not shown.
    #[error("the session's key was not shown")]
    KeyNotShown,
    /// No gateway can send now what has to be sent.
    #[error("no gateway can send {0} now")]
    GatewayUnavailable(&'static str),
    /// It was sent a moment ago, or often enough.
    #[error("{0}")]
    SentAlready(String),
    /// Nobody would be left to administer.
    #[error("the last administrator's key")]
    LastAdministrator,
    /// What was to be gone on after is no longer in the event log.
    #[error("the events before {oldest} are not kept any more")]
    EventsExpired {
        /// The position of the oldest event that is kept.
        oldest: i64,
    },
    /// An idempotency key was used for something else.
    #[error("the idempotency key was used for another request")]
    IdempotencyMismatch,
    /// A call that is to start a workflow is not what it has to be.
    #[error("the call is not signed as it has to be")]
    WebhookRefused,
    /// Too many calls come from one network.
    #[error("too many calls came from that network")]
    TooManyCalls,
    /// Too many come from one network that nobody knows.
    #[error("too many came to sign in from that network")]
    TooManyArrivals,
    /// Too much is waiting.
    #[error("busy")]
    Busy,
    /// The vault does not answer.
    #[error("the vault does not answer: {0}")]
    VaultDown(String),
    /// A key is sealed with data keys that the vault has no more: of this version.
    #[error("a key is sealed with data keys of version {0}, which the vault has not got")]
    KeyRetired(u32),
    /// The clock jumped.
    #[error("the clock jumped")]
    ClockJumped,
    /// The store does not answer or cannot be written.
    #[error("the store: {0}")]
    StoreDown(String),
    /// A defect. The text is for the log.
    #[error("{0}")]
    Internal(String),
}

/// What is wrong with one member of a request.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub(crate) struct Flaw {
    /// Where: a JSON Pointer (RFC 6901) into the body, or the name of a parameter.
    pub(crate) pointer: String,
    /// What is wrong with it and what is wanted.
    pub(crate) detail: String,
}

impl Error {
    /// One flaw, at `pointer`.
    pub(crate) fn invalid(pointer: &str, detail: impl Into<String>) -> Self {
        Self::Invalid(vec![Flaw { pointer: pointer.to_owned(), detail: detail.into() }])
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Busy,
            StoreError::Expired { oldest } => Self::EventsExpired { oldest },
            StoreError::Damaged(what) => Self::Internal(what),
            other => Self::StoreDown(other.to_string()),
        }
    }
}
