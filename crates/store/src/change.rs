//! What can be written: each change a type, with the events that tell of it and the guard that it is under.
//!
//! A guard is part of the write itself (`UPDATE … WHERE`), so two servers, or sixty-four requests, that race
//! for the same step, code or state have one winner. Where a guard does not hold, nothing of that change is
//! written, its events neither, and [`Effect::Refused`] comes back.

mod enroll;
mod login;

use std::time::Duration;

use uuid::Uuid;

use domain::{
    ApiKey, ApiKeyId, Application, ApplicationId, AuthenticatorId, AuthenticatorState, Challenge, ChallengeId,
    Credential, Device, DeviceId, EnrollmentId, Event, HardwareToken, HardwareTokenId, HostedPage, Link, LinkId,
    PageId, PageRefusal, PageState, PolicyInForce, Prompt, PromptId, PromptState, RunId, SessionId, SignIn, SignInId,
    Standing, Task, Timestamp, TokenHash, Trust, User, UserId, UserKind, UserState,
};

use crate::alerts::WriteAlerts;
use crate::alive::Claimant;
use crate::people::{ArmLink, CloseTask, FollowLink, GiveVerdict};
use crate::runs::{AdvanceRun, BeginRuns, PutBeside, PutWorkflows, RunInput};

pub use enroll::{ConfirmEnrollment, EnrollHardwareToken, RecordView, ReplaceBackupCodes, StartEnrollment};
pub use login::{
    FinishSignIn, NameChallenge, Raise, RedeemPage, RegisterSession, Reject, RememberBrowser, Satisfy, Used,
};

/// One change with its events: together one commit (law 2).
#[derive(Debug, Clone)]
pub struct Commit {
    /// What to write.
    pub change: Change,
    /// What to tell of it. Positions are given by the store.
    pub events: Vec<Event>,
    /// Makes the change at most once for this key of the caller's.
    pub idempotency: Option<Idempotency>,
}

/// A caller's promise that two requests with the same key are one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Whose key it is.
    pub application_id: ApplicationId,
    /// The caller's key.
    pub key: String,
    /// SHA-256 of the request, so that a key used for something else is noticed.
    pub request_hash: [u8; 32],
    /// The id, in text, of what the change creates.
    pub resource: String,
    /// When; the key is forgotten [`Idempotency::LIFETIME`] later.
    pub at: Timestamp,
}

impl Idempotency {
    /// How long a key is remembered.
    pub const LIFETIME: Duration = Duration::from_hours(24);
}

/// What a commit came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Written and durable, events and all.
    Applied,
    /// The guard did not hold; nothing was written.
    Refused,
    /// Something with the same unique name is there already; nothing was written.
    Exists,
    /// The idempotency key was used before; nothing was written.
    Repeated {
        /// The hash of the request that used it.
        request_hash: [u8; 32],
        /// What that request created.
        resource: String,
    },
}

/// Who, or what, is suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspended {
    /// A user.
    User(UserId),
    /// An authenticator.
    Authenticator(AuthenticatorId),
}

impl Suspended {
    /// Its id, of whichever kind.
    pub const fn uuid(self) -> uuid::Uuid {
        match self {
            Self::User(id) => id.uuid(),
            Self::Authenticator(id) => id.uuid(),
        }
    }
}

/// Which runs hold somebody, or something, suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeldBy {
    /// One, which lifts it by itself.
    Run(RunId),
    /// More than one: none of them lifts what the others hold.
    Several,
}

impl HeldBy {
    /// What stands in a row for several: the id of no run.
    pub(crate) const SEVERAL: uuid::Uuid = uuid::Uuid::nil();

    /// As a row has it.
    pub(crate) fn of(uuid: uuid::Uuid) -> Self {
        if uuid == Self::SEVERAL { Self::Several } else { Self::Run(RunId::from_uuid(uuid)) }
    }
}

/// Whose suspensions a run lifts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lifts {
    /// Its own, which no other run holds as well.
    #[default]
    ThisRun,
    /// Those by any run.
    Workflows,
    /// Those by people as well.
    Anybody,
}

impl Lifts {
    /// By its name in files of workflows.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::ThisRun, Self::Workflows, Self::Anybody].into_iter().find(|lifts| lifts.name() == name)
    }

    /// Its name in files of workflows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ThisRun => "this_run",
            Self::Workflows => "workflows",
            Self::Anybody => "anybody",
        }
    }

    /// Whether a run lifts what is held by these; by none, where a person did it.
    pub fn includes(self, by: Option<HeldBy>, run: RunId) -> bool {
        match self {
            Self::ThisRun => by == Some(HeldBy::Run(run)),
            Self::Workflows => by.is_some(),
            Self::Anybody => true,
        }
    }
}

/// What can be written. The first group is what logins are made of and is written many at a time as set
/// operations; the rest is rare.
#[derive(Debug, Clone)]
pub enum Change {
    /// A new user. [`Effect::Exists`] if the external id's key is taken.
    CreateUser(User),
    /// A new session. Guard: its user is there and active.
    RegisterSession(Box<RegisterSession>),
    /// A new enrollment with its pending authenticator, on a new device if one is given.
    /// Guard: its user is active and its session is live.
    StartEnrollment(Box<StartEnrollment>),
    /// What was made for an enrollment to go on: its key, or a prompt.
    /// Guard: the enrollment is started and its view has not expired; so there is one view.
    RecordView(RecordView),
    /// Possession was proved. Guard: the enrollment is viewed, not expired, and the authenticator pending.
    ConfirmEnrollment(Box<ConfirmEnrollment>),
    /// A wrong code while enrolling: counted, failing the enrollment at [`domain::Enrollment::MAX_FAILURES`].
    /// Guard: the enrollment is viewed.
    RejectEnrollment {
        /// Which.
        id: EnrollmentId,
        /// When.
        at: Timestamp,
    },
    /// A new challenge.
    CreateChallenge(Challenge),
    /// A right proof.
    Satisfy(Satisfy),
    /// A wrong proof.
    Reject(Reject),

    /// Another name or kind for a user. Guard: the user is there.
    UpdateUser {
        /// Who.
        id: UserId,
        /// The new display name.
        display_name: Option<String>,
        /// The new kind.
        kind: UserKind,
    },
    /// Suspends or resumes a user. Guard: the user is there and in another state; or, where a person suspends, is suspended by a run, which lifts it no more.
    SetUserState {
        /// Who.
        id: UserId,
        /// Into which state.
        to: UserState,
    },
    /// A run suspends what another one holds suspended: neither lifts it by itself from then on. Guard: it is suspended, by one run and another one.
    Hold(Suspended),
    /// A run lets again what is suspended. Guard: it is, by whom the run may lift it ([`Lifts`]); an exhausted failure budget is bound anew.
    Lift {
        /// Whom, or what.
        whose: Suspended,
        /// By whom it may be suspended.
        lifts: Lifts,
        /// When.
        at: Timestamp,
    },
    /// Deletes a user with devices, authenticators, codes, sessions, enrollments, challenges and pages, and the
    /// details (with their salts) of every event about the user. Guard: the user is there.
    EraseUser {
        /// Who.
        id: UserId,
    },
    /// A new device. Guard: its user is there.
    CreateDevice(Device),
    /// Deletes a device. Guard: it is there and no authenticator on it is pending, active or suspended.
    DeleteDevice {
        /// Which.
        id: DeviceId,
    },
    /// Another label. Guard: the authenticator is there, and the session by which it is done is trusted for it.
    RenameAuthenticator {
        /// Which.
        id: AuthenticatorId,
        /// The new label.
        label: String,
        /// By which of its user's own sessions, if by one. Guard: it is live, and what it proved has not been forgotten.
        by: Option<Trust>,
        /// When.
        at: Timestamp,
    },
    /// What an authenticator is known by, or reached by, is another from now on. Guard: it is active, and known by what was seen.
    SetCredential {
        /// Which.
        id: AuthenticatorId,
        /// As it was seen.
        seen: Box<Credential>,
        /// As it is to be.
        to: Box<Credential>,
    },
    /// Another state. Guard: the present one is among [`AuthenticatorState::reachable_from`]; or, where a person suspends, it is suspended by a run, which lifts it no
    /// more. An exhausted failure budget cannot be resumed from, only bound anew. With any state but `active`, what was proved with it in
    /// sessions is forgotten in the same commit, and their level falls to what is left; each that has not ended is told of by
    /// a `session.lowered` event, which the store writes.
    SetAuthenticatorState {
        /// Which.
        id: AuthenticatorId,
        /// Into which state.
        to: AuthenticatorState,
        /// By which of its user's own sessions, if by one. Guard: as in [`Change::RenameAuthenticator`].
        by: Option<Trust>,
        /// When.
        at: Timestamp,
    },
    /// An authenticator counts for nothing from a time on. Guard: it is active or suspended, and has no end yet that is earlier.
    LimitAuthenticator {
        /// Which.
        id: AuthenticatorId,
        /// Its end.
        ends_at: Timestamp,
    },
    /// The owner of an authenticator is to replace it. Guard: it is active or suspended, and that was not asked yet.
    AskRotation {
        /// Which.
        id: AuthenticatorId,
        /// When.
        at: Timestamp,
    },
    /// What was proved in a session counts no more, and it falls back to its first factor. Guard: it has not ended, something was proved in
    /// it, and its level is at least this one.
    ForgetProofs {
        /// Which.
        id: SessionId,
        /// From which level on.
        from_level: i64,
    },
    /// An address or prefix is refused until a time. Guard: it is not refused for longer already, and not as many are as are kept.
    BlockAddress {
        /// Which, as it is written.
        prefix: String,
        /// Since when.
        at: Timestamp,
        /// Until when.
        ends_at: Timestamp,
    },
    /// An address or prefix is refused no more. Guard: it is.
    UnblockAddress {
        /// Which, as it is written.
        prefix: String,
        /// When.
        at: Timestamp,
    },
    /// How a user stands from now on. Guard: the user is there, and stands as was seen.
    PutStanding {
        /// Who.
        user_id: UserId,
        /// As it was seen.
        seen: Box<Standing>,
        /// As it is to be.
        to: Box<Standing>,
    },
    /// The same key under a newer data key. Guard: the blob is still the one that was rewrapped, and the data key is not
    /// retired.
    Rewrap {
        /// Which.
        id: AuthenticatorId,
        /// The blob that was opened.
        from: Vec<u8>,
        /// The same under the present data key.
        to: Vec<u8>,
    },
    /// Ends a session. Guard: it has not ended.
    EndSession {
        /// Which.
        id: SessionId,
        /// By which of its user's own sessions, if by one. Guard: as in [`Change::RenameAuthenticator`].
        by: Option<Trust>,
        /// When.
        at: Timestamp,
    },
    /// Takes a challenge back. Guard: it is open.
    CancelChallenge {
        /// Which.
        id: ChallengeId,
        /// When.
        at: Timestamp,
    },
    /// Rests a decision on a challenge's proof, which then serves no other. Guard: it is satisfied and none did.
    UseChallenge {
        /// Which.
        id: ChallengeId,
        /// When.
        at: Timestamp,
    },
    /// What is remembered of a user for signals of risk. Guard: the version that is there is the one that was seen, and the user is there.
    PutRiskHistory {
        /// Of whom.
        user_id: UserId,
        /// The version that was seen; 0 where there was none.
        seen: i64,
        /// What is remembered from now on, 2 KiB at most.
        history: Vec<u8>,
    },
    /// What is kept with a session for signals of risk. Guard: what is there is what was seen.
    PutSessionRisk {
        /// Of which session.
        id: SessionId,
        /// As it was seen.
        seen: Vec<u8>,
        /// As it is to be.
        risk: Vec<u8>,
    },
    /// Puts a policy into force, and with it what its files say of applications: all of it or nothing. Guard: its number is that after the
    /// one that is in force, and each application is as it was seen, whoever applies it among them. [`Effect::Exists`] if the name or a certificate of one is another's.
    PutPolicy(Box<PolicyInForce>, Vec<ApplicationChange>, Option<Box<PutBeside>>),
    /// Takes an enrollment back and revokes its pending authenticator. Guard: it is started or viewed.
    CancelEnrollment {
        /// Which.
        id: EnrollmentId,
        /// When.
        at: Timestamp,
    },
    /// Starts an enrollment again, so that a new view can be had: the old key is forgotten and the pending
    /// authenticator's next generation begins. Guard: it is started or viewed, expired or not, its session is
    /// live, and its authenticator pending.
    RetryEnrollment {
        /// Which.
        id: EnrollmentId,
        /// When.
        at: Timestamp,
        /// The new end of the view.
        view_expires_at: Timestamp,
        /// The new end of the enrollment.
        expires_at: Timestamp,
    },
    /// A new API client with its first key. [`Effect::Exists`] if the name is taken.
    CreateApplication(Application, ApiKey),
    /// Other name, scopes, certificates or return origins. Guard: the application is there in the version that is given, which is then
    /// counted up; and it is not the last one with the `admin` scope and a key that is valid, where it loses that scope.
    /// [`Effect::Exists`] if the name or a certificate is another's.
    UpdateApplication {
        /// As it is to be, with the version that was seen.
        application: Application,
        /// When.
        at: Timestamp,
    },
    /// Deletes an API client and its keys, and ends its sessions, challenges and pages. Guard: it is there, and not
    /// the last one with the `admin` scope and a key that is valid.
    DeleteApplication {
        /// Which.
        id: ApplicationId,
        /// When.
        at: Timestamp,
    },
    /// A further key; every other key of the application is given an end no later than `others_expire_at`,
    /// if that is given. Guard: the application is there.
    CreateApiKey {
        /// The new one.
        key: ApiKey,
        /// When the others end: the overlap of a rotation.
        others_expire_at: Option<Timestamp>,
    },
    /// Ends a key. Guard: it is there and valid, and not the last valid key of the last application with the
    /// `admin` scope.
    RevokeApiKey {
        /// Which.
        id: ApiKeyId,
        /// When.
        at: Timestamp,
    },
    /// Something to be sent or asked. Guard: what it is for is still to be proved (the challenge is open and has not expired; the enrollment is
    /// viewed, has not expired), its user, if there is one, is active, and for an approval (`push`): no other one waits for an answer of this user
    /// (T-15). What it takes the place of (another open one for the same, of its kind) is `replaced`.
    CreatePrompt(Box<Prompt>),
    /// The same prompt, sent again with another code. Guard: it is open, has not expired, and was sent as often as was seen.
    ResendPrompt {
        /// Which.
        id: PromptId,
        /// How often it was sent as it was seen.
        sends: i16,
        /// The keyed hash of the new code, where there is one.
        hash: Option<[u8; 32]>,
        /// When.
        at: Timestamp,
    },
    /// Another authenticator of the same user is asked in the place of one that cannot be reached. Guard: the prompt is open, asks the one
    /// that is named and has no answer; the other one is active.
    MovePrompt {
        /// Which prompt.
        id: PromptId,
        /// Whom it asks.
        from: AuthenticatorId,
        /// Whom it is to ask.
        to: AuthenticatorId,
        /// What the factor needs to judge that one's answer.
        data: String,
        /// When.
        at: Timestamp,
    },
    /// An approval that was asked for has an answer, and takes no other: of several that come at once one is judged, so that nobody
    /// tries several numbers (T-15). Guard: it is open, has not expired, and has no answer yet but this one.
    ClaimPrompt {
        /// Which.
        id: PromptId,
        /// SHA-256 of what was answered.
        answer: [u8; 32],
        /// When.
        at: Timestamp,
    },
    /// A prompt comes to an end without a right answer. Guard: it is open.
    EndPrompt {
        /// Which.
        id: PromptId,
        /// Into which state.
        to: PromptState,
    },
    /// Another set of backup codes in the place of the one that was seen, which is revoked, and forgotten by sessions. Guard: the user is
    /// active and has an authenticator in use beside backup codes; the session is live, and has reached AAL2 where one is in use or
    /// suspended that a session can be asked for; and the set that was seen is the one in use.
    ReplaceBackupCodes(Box<ReplaceBackupCodes>),
    /// New hardware tokens, all or none. [`Effect::Exists`] if a serial number is another's. Guard: the data keys that they are sealed
    /// with are not retired.
    ImportHardwareTokens(Vec<HardwareToken>),
    /// Removes a hardware token. Guard: it is there and free.
    RemoveHardwareToken {
        /// Which.
        id: HardwareTokenId,
        /// When.
        at: Timestamp,
    },
    /// A hardware token becomes the pending authenticator of a new enrollment, which has had its view: there is nothing to be seen.
    /// Guard: as [`Change::StartEnrollment`], and the token is as it was seen, free, and not held; and it is meant for the user, or, where
    /// whoever asks may say so, for nobody.
    EnrollHardwareToken(Box<EnrollHardwareToken>),
    /// Whom a hardware token is meant for, if for anybody. Guard: it is there and free, and the user is active.
    AssignHardwareToken {
        /// Which.
        id: HardwareTokenId,
        /// For whom.
        to: Option<UserId>,
        /// When.
        at: Timestamp,
    },
    /// A hardware token that too many wrong codes were given for can be enrolled again. Guard: there were some.
    ReleaseHardwareToken {
        /// Which.
        id: HardwareTokenId,
    },
    /// The same key of a hardware token under a newer data key. Guard: as [`Change::Rewrap`].
    RewrapHardwareToken {
        /// Which.
        id: HardwareTokenId,
        /// The blob that was opened.
        from: Vec<u8>,
        /// The same under the present data key.
        to: Vec<u8>,
    },
    /// A browser is remembered. Guard: see [`RememberBrowser`]. [`Effect::Exists`] if its key is another's.
    RememberBrowser(Box<RememberBrowser>),
    /// A new hosted page. Guard: its application is there, and its session, if it has one, is live.
    CreatePage(Box<HostedPage>),
    /// Binds a page to the browser that opened it. Guard: it is open, has not expired, and no browser has opened it.
    OpenPage {
        /// Which.
        id: PageId,
        /// Of what the browser keeps.
        browser: TokenHash,
        /// When.
        at: Timestamp,
    },
    /// Who signs in has said who they are: their challenge is theirs from now on. Guard: see [`NameChallenge`].
    NameChallenge(Box<NameChallenge>),
    /// The browser on a page is the one that it was made for. Guard: see [`RedeemPage`].
    RedeemPage(Box<RedeemPage>),
    /// What is done on a page from now on. Guard: it is open, redeemed and has not expired, and what is done on it is what was seen.
    AdvancePage {
        /// As it was seen: its challenge, its enrollment and what is wanted are compared.
        seen: Box<HostedPage>,
        /// As it is to be: the same three are written.
        next: Box<HostedPage>,
        /// When.
        at: Timestamp,
    },
    /// Tells for the first time that somebody was refused on a page for this reason. Guard: nobody was before. What whoever has an old link
    /// asks in vain, again and again, writes nothing more (T-33).
    RefusePage {
        /// Which.
        id: PageId,
        /// Why.
        reason: PageRefusal,
    },
    /// Ends a page, with what came of it. Guard: it is open, expired or not: what came of it was done before. As [`PageState::Refused`] it
    /// ends only where it was not redeemed, and otherwise only where it was.
    FinishPage {
        /// Which.
        id: PageId,
        /// What came of it.
        to: PageState,
    },
    /// A link that signs a browser in at a site. Guard: its session is live, and of its application and its user.
    CreateSignIn(Box<SignIn>),
    /// A browser is signed in by its link. Guard: see [`FinishSignIn`].
    FinishSignIn(Box<FinishSignIn>),
    /// A link that signs in is of no use any more, since another browser came with it. Guard: it was not used, and has not expired.
    RefuseSignIn {
        /// Which.
        id: SignInId,
        /// When.
        at: Timestamp,
    },
    /// Notes that a browser that is signed in asked for something. Guard: that was noted [`SignIn::NOTED_EACH`] ago or longer.
    SeeSignIn {
        /// Which.
        id: SignInId,
        /// When.
        at: Timestamp,
    },
    /// The vault's wrapped keyring. Guard: the version in the store is `expected` (0: there is none yet).
    PutKeyring {
        /// The version that this one follows.
        expected: i64,
        /// The keyring as the vault wrapped it.
        keyring: Vec<u8>,
    },
    /// The vault's wrapped keyring, from which old data keys are gone. Guard: the version in the store is `expected`, and no
    /// key that can still count is sealed with data keys below `oldest`, nor will be: whoever seals with one from here
    /// on is refused.
    RetireKeys {
        /// The version that this one follows.
        expected: i64,
        /// The keyring as the vault wrapped it.
        keyring: Vec<u8>,
        /// The oldest version of data keys that is left.
        oldest: u32,
    },
    /// Which workflows are in force. Guard: those that are were seen.
    PutWorkflows(Box<PutWorkflows>),
    /// Runs that are started. Guard: see [`BeginRuns`].
    BeginRuns(Box<BeginRuns>),
    /// Takes runs that something is to be done for. What claims them is found by [`crate::Store::claimed_runs`].
    ClaimRuns {
        /// Ours: another one each time.
        claim: Uuid,
        /// When.
        now: Timestamp,
        /// Until when nobody else takes them.
        until: Timestamp,
        /// How many at most.
        at_most: u32,
    },
    /// Keeps runs for longer. Those that somebody else has claimed since are left to them.
    RenewRuns {
        /// Each with the number of its claim.
        runs: Vec<(RunId, i64)>,
        /// Until when nobody else takes them.
        until: Timestamp,
    },
    /// Gives runs back without anything having been done for them. Those that somebody else has claimed since are left to them.
    ReleaseRuns {
        /// Each with the number of its claim.
        runs: Vec<(RunId, i64)>,
        /// When there is something to do for them again.
        due_at: Timestamp,
    },
    /// What servers that are gone had claimed is due. Guard: they are gone ([`crate::Store::gone_claimants`]).
    LetGoOfRuns {
        /// Which.
        of: Vec<Claimant>,
        /// When.
        now: Timestamp,
    },
    /// A run goes on. Guard: see [`AdvanceRun`].
    AdvanceRun(Box<AdvanceRun>),
    /// Something comes for a run. Guard: it is not over.
    TellRun(RunInput),
    /// What was counted, and what is raised and becomes of it. Guard: see [`WriteAlerts`].
    WriteAlerts(Box<WriteAlerts>),
    /// A run asks people: part of [`Change::AdvanceRun`] alone.
    OpenTask(Box<Task>),
    /// A run asks people no more: part of [`Change::AdvanceRun`] alone. Guard: see [`CloseTask`].
    CloseTask(CloseTask),
    /// Somebody says yes or no to what a run asks. Guard: see [`GiveVerdict`]. [`Effect::Exists`] if they have before.
    GiveVerdict(Box<GiveVerdict>),
    /// A link for a user: part of [`Change::AdvanceRun`] alone. Guard: the user is there.
    CreateLink(Box<Link>),
    /// A message with a link leaves, with a token of its own. Guard: see [`ArmLink`].
    ArmLink(ArmLink),
    /// A user follows a link. Guard: see [`FollowLink`].
    FollowLink(FollowLink),
    /// A link does nothing from now on: part of [`Change::AdvanceRun`] alone. Guard: nobody has followed it, and its time is not over.
    WithdrawLink {
        /// Which.
        id: LinkId,
        /// When.
        at: Timestamp,
    },
    /// A user came by a link that does nothing any more. Guard: it does nothing, and nobody came so before.
    NoteLateLink {
        /// Which.
        id: LinkId,
        /// When.
        at: Timestamp,
    },
    /// A gateway is used after all others of its channel for a while: part of [`Change::AdvanceRun`] alone. Guard: it is not for longer already.
    SwitchGateway(GatewaySwitch),
    /// A gateway is used as before again, before its time. Guard: it is switched away from, as of `at`.
    EndSwitch {
        /// Which.
        gateway: String,
        /// When.
        at: Timestamp,
    },
    /// Nothing but the events.
    Tell,
}

impl Change {
    /// The changes to our own data that it is made of.
    pub(crate) fn parts(&self) -> &[Self] {
        match self {
            Self::AdvanceRun(advance) => &advance.changes,
            other => std::slice::from_ref(other),
        }
    }
}

/// A gateway that is used after all others of its channel, until a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewaySwitch {
    /// Its name in the configuration.
    pub gateway: String,
    /// What it carries.
    pub channel: String,
    /// Since when.
    pub at: Timestamp,
    /// Until when.
    pub ends_at: Timestamp,
}

/// What comes of an application with a policy that comes into force.
#[derive(Debug, Clone)]
pub enum ApplicationChange {
    /// It is made, without a key.
    Create(Application),
    /// It changes, as [`Change::UpdateApplication`] does.
    Update(Application),
    /// It is deleted, as by [`Change::DeleteApplication`]. Guard: it is there in this version.
    Delete(ApplicationId, i64),
    /// It stays as it is, which is that of whoever has the others change. Guard: it is there in this version.
    Stay(ApplicationId, i64),
}

impl ApplicationChange {
    /// Which application it is about.
    pub fn id(&self) -> ApplicationId {
        match self {
            Self::Create(application) | Self::Update(application) => application.id,
            Self::Delete(id, _) | Self::Stay(id, _) => *id,
        }
    }
}
