//! Hosted pages: where a person's browser enrolls an authenticator or proves a challenge, and then goes back to the application.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    ApplicationId, AuthenticatorId, ChallengeId, EnrollmentId, PageId, ReturnUrl, SessionId, TaskId, Timestamp, UserId,
};

/// One visit of one browser. Its link carries a token of which only the hash is kept; who opens it first is the only one it works for,
/// and only once the application has said that this is the browser that it made the page for (T-12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostedPage {
    /// Ours.
    pub id: PageId,
    /// Who made it, and for whom everything on it is done.
    pub application_id: ApplicationId,
    /// What it is for.
    pub purpose: PagePurpose,
    /// Whether there is still something to do on it, or what came of it.
    pub state: PageState,
    /// SHA-256 of the token in its link: 32 random bytes, so a plain hash is enough. One for signing in has no link: its browser makes it.
    pub token: TokenHash,
    /// SHA-256 of the code that is made of what the browser keeps that opened it; `None` before that.
    pub browser: Option<TokenHash>,
    /// What the application knows its browser by where it has no session with us: SHA-256 of a verifier that only that browser's session
    /// with the application knows (`code_challenge` of RFC 7636 §4.2, method S256). For signing in: what the site knows it by.
    pub code_challenge: Option<TokenHash>,
    /// When the application redeemed the code, in the browser that it made the page for. Before that nothing is done on it.
    pub redeemed_at: Option<Timestamp>,
    /// Who is asked. `None` where the challenge is for somebody we do not know.
    pub user_id: Option<UserId>,
    /// The session that is raised by what is proved on it.
    pub session_id: Option<SessionId>,
    /// What is proved on it: the application's challenge, or the one that comes before an enrollment (P-06).
    pub challenge_id: Option<ChallengeId>,
    /// The enrollment that was begun on it.
    pub enrollment_id: Option<EnrollmentId>,
    /// On a person's own page: the change that is wanted, until it is made. On one for deciding a task: that, and what was said.
    pub wanted: Option<Wanted>,
    /// Where it leads back to.
    pub return_url: ReturnUrl,
    /// What the application wants to be given back.
    pub carried: Option<String>,
    /// For which reasons somebody was refused on it, as the sum of their [bits](PageRefusal::bit): each is told of once.
    pub refused: u8,
    /// When it was made.
    pub created_at: Timestamp,
    /// Nothing is done on it from here on.
    pub expires_at: Timestamp,
}

impl HostedPage {
    /// How long a page for enrolling is there, and a person's own.
    pub const LIFETIME: Duration = Duration::from_mins(10);

    /// Whether something can be done on it at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.state == PageState::Open && now < self.expires_at
    }

    /// Where the browser goes once the page is finished. What is said there is for whoever reads it; what happened is asked for
    /// with the application's key.
    pub fn return_to(&self) -> String {
        if self.purpose == PagePurpose::SignIn {
            // The site asks for what it wants to know; what is signed in is said by a link of its own.
            return self.return_url.to_string();
        }
        self.leading_back(("outcome", self.state.name()))
    }

    /// Where the browser that opened the page goes first, so that the application sees which one that is: there it redeems the code.
    pub fn redeem_at(&self, code: &str) -> String {
        self.leading_back(("code", code))
    }

    fn leading_back(&self, said: (&str, &str)) -> String {
        let id = self.id.to_string();
        let state = self.carried.as_deref().map(|carried| ("state", carried));
        self.return_url.with_parameters(state.into_iter().chain([("page", id.as_str()), said]))
    }
}

/// A change that a person wants on a page of their own. It is kept until what it needs was proved, so that it is made then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// Another authenticator.
    Add,
    /// An authenticator in the place of this one.
    Replace(AuthenticatorId),
    /// Another name for an authenticator.
    Rename(AuthenticatorId, String),
    /// An authenticator gone for good.
    Remove(AuthenticatorId),
    /// An authenticator that somebody else may have.
    ReportLost(AuthenticatorId),
    /// Other backup codes in the place of those that there are.
    BackupCodes,
    /// A session ended; every other one than the page's if none is named.
    SignOut(Option<SessionId>),
    /// A task decided.
    Decide(Deciding),
}

/// What somebody decides on a page, and with what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deciding {
    /// What is decided.
    pub task_id: TaskId,
    /// The roles that the application vouched for as it made the page.
    pub roles: Vec<String>,
    /// Yes or no, once the person said so.
    pub approves: Option<bool>,
    /// What they say that they have seen.
    pub evidence: Vec<String>,
    /// Why, in their words.
    pub reason: Option<String>,
}

/// SHA-256 of a secret that is shown to one browser.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash(pub [u8; 32]);

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// What a page is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PagePurpose {
    /// Proving a challenge.
    Challenge,
    /// Enrolling an authenticator.
    Enroll,
    /// Looking at what one has, and changing it.
    Security,
    /// Signing in at a site that has no login of its own. Whoever it is says their passkey.
    SignIn,
    /// Deciding what a run asks people.
    Task,
}

/// Whether there is something to do on a page, or what came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageState {
    /// There is, until it expires.
    Open,
    /// The challenge was proved.
    Proved,
    /// An authenticator was enrolled.
    Enrolled,
    /// The person looked, and was done.
    Left,
    /// The person did not want to.
    Cancelled,
    /// Another browser opened it than the one that it was made for.
    Refused,
    /// The person approved what a run asks.
    Approved,
    /// The person rejected it.
    Rejected,
}

/// Why somebody is refused on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageRefusal {
    /// Another browser opened it.
    OpenedElsewhere,
    /// Its time is over.
    Expired,
    /// What it was for is done.
    Finished,
    /// The browser that opened it has another session with the application, or none.
    OtherSession,
}

impl PageRefusal {
    /// What stands for it in [`HostedPage::refused`].
    pub const fn bit(self) -> u8 {
        match self {
            Self::OpenedElsewhere => 1,
            Self::Expired => 2,
            Self::Finished => 4,
            Self::OtherSession => 8,
        }
    }

    /// The reason's name, as events tell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenedElsewhere => "opened_elsewhere",
            Self::Expired => "expired",
            Self::Finished => "finished",
            Self::OtherSession => "other_session",
        }
    }
}

impl PagePurpose {
    /// Every purpose.
    pub const ALL: [Self; 5] = [Self::Challenge, Self::Enroll, Self::Security, Self::SignIn, Self::Task];

    /// The purpose's name, as in JSON and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Challenge => "challenge",
            Self::Enroll => "enroll",
            Self::Security => "security",
            Self::SignIn => "sign_in",
            Self::Task => "task",
        }
    }

    /// The purpose of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }
}

impl PageState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::Proved,
        Self::Enrolled,
        Self::Left,
        Self::Cancelled,
        Self::Refused,
        Self::Approved,
        Self::Rejected,
    ];

    /// The state's name, as in JSON and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Proved => "proved",
            Self::Enrolled => "enrolled",
            Self::Left => "left",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }

    /// The state of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}
