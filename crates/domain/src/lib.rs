//! The words of Countersign as types, and its rules as pure functions.
//!
//! Nothing here does I/O: time and randomness come in through [`Clock`] and [`Entropy`], and what must
//! last is described here but kept by the `store` crate. A reader who knows these modules knows what
//! every other crate is talking about.

pub mod alert;
pub mod application;
pub mod authenticator;
pub mod backoff;
pub mod challenge;
pub mod clock;
pub mod confirmation;
pub mod credential;
pub mod device;
pub mod enrollment;
pub mod entropy;
pub mod event;
pub mod event_schema;
pub mod external_id;
pub mod hardware_token;
pub mod hosted_page;
pub mod id;
pub mod level;
pub mod link;
pub mod page;
pub mod policy;
pub mod prompt;
pub mod push;
pub mod return_url;
pub mod run;
pub mod session;
pub mod sign_in;
pub mod standing;
pub mod task;
pub mod texts;
pub mod user;

pub use alert::{Alert, AlertBound, AlertCursor, AlertGroup, AlertRuleInForce, AlertSeverity, AlertState, Said};
pub use application::{ApiKey, Application, CertificateFingerprint, KeyHash, Scope};
pub use authenticator::{
    Authenticator, AuthenticatorKind, AuthenticatorState, BackupCode, Door, ProofKind, Sealed, Wait,
};
pub use challenge::{ActionHash, Challenge, ChallengeState, Requirement, Satisfaction};
pub use clock::{Clock, ManualClock, MovableClock, SystemClock, Timestamp};
pub use confirmation::{Confirmation, Thumbprint};
pub use credential::{BrowserCredential, Credential, PushCredential, WebauthnCredential};
pub use device::{Device, DeviceKind};
pub use enrollment::{Enrollment, EnrollmentState};
pub use entropy::Entropy;
pub use event::{Details, Event, EventKind};
pub use event_schema::{EVENT_IDS, EventField, FieldKind};
pub use external_id::ExternalId;
pub use hardware_token::HardwareToken;
pub use hosted_page::{Deciding, HostedPage, PagePurpose, PageRefusal, PageState, TokenHash, Wanted};
pub use id::{
    AlertId, ApiKeyId, ApplicationId, AuthenticatorId, ChallengeId, DecisionId, DeviceId, EnrollmentId, EventId,
    HardwareTokenId, InvalidId, LinkId, PageId, PolicyId, PromptId, RunId, SessionId, SignInId, TaskId, UserId,
};
pub use level::{Aal, Amr};
pub use link::{Link, LinkGives, LinkState};
pub use page::{Page, PageRequest};
pub use policy::{PolicyAuthor, PolicyInForce, PolicyOrigin};
pub use prompt::{Prompt, PromptState};
pub use return_url::{InvalidReturn, ReturnOrigin, ReturnUrl};
pub use run::{Run, RunLine, RunState, WorkflowInForce};
pub use session::{Proof, Quality, Session, Trust};
pub use sign_in::SignIn;
pub use standing::{Invitation, Raised, Standing};
pub use task::{Excludes, ShutOut, Task, TaskState, TaskVerdict};
pub use texts::{LANGUAGES, Texts};
pub use user::{User, UserKind, UserState};
