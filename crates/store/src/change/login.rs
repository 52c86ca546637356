//! What logins are made of: sessions, proofs and what they raise, and the pages on which they are given.

use domain::{
    Aal, ActionHash, Authenticator, AuthenticatorId, ChallengeId, Door, PageId, PromptId, Proof, Satisfaction, Session,
    SessionId, SignInId, Timestamp, TokenHash, UserId,
};

/// See [`crate::Change::RegisterSession`].
#[derive(Debug, Clone)]
pub struct RegisterSession {
    /// The session.
    pub session: Session,
    /// What is kept with it for signals of risk; nothing where nothing was noted.
    pub risk: Vec<u8>,
}

impl From<Session> for Box<RegisterSession> {
    fn from(session: Session) -> Self {
        Self::new(RegisterSession { session, risk: Vec::new() })
    }
}

/// See [`crate::Change::Satisfy`]. Guard, all of it or nothing: the challenge is open and has not expired at `at`; the
/// authenticator is active, its generation is this one, its failures are under [`domain::backoff::BUDGET`] and it does
/// not have to wait at this door at `at`; by the trusted door, the challenge's session is trusted; the step is newer than its last one, or the backup code unused; the
/// session, if any, is live; the user is active.
#[derive(Debug, Clone)]
pub struct Satisfy {
    /// Which challenge; satisfied from now on.
    pub challenge_id: ChallengeId,
    /// With which authenticator; its failures go back to 0. A proof by the trusted door leaves the open door's wait as it
    /// is: or else each log-in of a user would give whoever guesses further tries without waiting.
    pub authenticator_id: AuthenticatorId,
    /// By which door the proof came.
    pub door: Door,
    /// The generation of the key that was proved; 0 for backup codes.
    pub generation: i32,
    /// What is used up by it.
    pub used: Used,
    /// When.
    pub at: Timestamp,
    /// What is kept of it with the challenge.
    pub satisfied: Satisfaction,
    /// What the session gains.
    pub raise: Option<Raise>,
    /// The session that begins by it: of the user who is asked.
    pub begins: Option<Box<RegisterSession>>,
}

/// See [`crate::Change::NameChallenge`]. Guard: the challenge is open, has not expired, has no session, and nobody is asked yet; it is the one of
/// this page, which is for signing in and open; and there is such a user.
#[derive(Debug, Clone)]
pub struct NameChallenge {
    /// Which.
    pub id: ChallengeId,
    /// On which page.
    pub page_id: PageId,
    /// Who is asked from now on.
    pub user_id: UserId,
    /// What their proof is bound to.
    pub action_hash: ActionHash,
    /// When.
    pub at: Timestamp,
}

/// See [`crate::Change::RememberBrowser`]. Guard: the user is active; the session is the user's, live, and has reached AAL2; the challenge is the
/// session's and satisfied; what was proved is the user's, active, and neither a remembered browser, nor a backup code, nor a mailbox;
/// and fewer than [`Authenticator::MOST_BROWSERS`] others are remembered at `at`.
///
/// It is forgotten again (`revoked`, with an `authenticator.revoked` event that the store writes) in the commit of whatever changes
/// the user's credentials: any other authenticator's [`crate::Change::SetAuthenticatorState`], [`crate::Change::ConfirmEnrollment`], [`crate::Change::ReplaceBackupCodes`], a
/// [`crate::Change::Reject`] that uses up a failure budget; and of [`crate::Change::SetUserState`] where the user is suspended.
#[derive(Debug, Clone)]
pub struct RememberBrowser {
    /// The browser: active, with its key and its end.
    pub browser: Authenticator,
    /// The session that was raised.
    pub session_id: SessionId,
    /// The challenge that was proved.
    pub challenge_id: ChallengeId,
    /// With which authenticator.
    pub proved: AuthenticatorId,
    /// When.
    pub at: Timestamp,
}

/// See [`crate::Change::RedeemPage`]. Guard: the page is open, has not expired and was not redeemed; this is the browser that opened it; and what
/// the application knows that browser by is what it made the page for (T-12).
#[derive(Debug, Clone)]
pub struct RedeemPage {
    /// Which.
    pub id: PageId,
    /// Of the code.
    pub browser: TokenHash,
    /// The session with the application that this browser has.
    pub session_id: Option<SessionId>,
    /// Of the verifier that this browser's session with the application has.
    pub verifier: Option<TokenHash>,
    /// When.
    pub at: Timestamp,
}

/// See [`crate::Change::FinishSignIn`]. Guard: the link was not used and has not expired; the browser is the one that the site sent to the login
/// (T-12); and the session is live.
#[derive(Debug, Clone)]
pub struct FinishSignIn {
    /// Which.
    pub id: SignInId,
    /// Of what the browser keeps that was sent to the login.
    pub state: TokenHash,
    /// Of what the browser keeps from now on.
    pub browser: TokenHash,
    /// When.
    pub at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

/// What a right proof uses up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Used {
    /// This time step and every older one.
    Step(i64),
    /// The backup code at this position.
    BackupCode(i16),
    /// This prompt, and the step where there is one. Guard: it is this challenge's, open, has not expired, and asks this authenticator or
    /// any of its kind.
    Prompt(PromptId, Option<i64>),
}

/// What a session gains by a right proof. Merged in the write: proofs by authenticator, the higher level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raise {
    /// Which session.
    pub session_id: SessionId,
    /// What was proved.
    pub proof: Proof,
    /// The level that it amounts to.
    pub aal: Aal,
}

/// See [`crate::Change::Reject`]. Guard: the challenge is there.
///
/// The challenge's failures grow while it is open, and it fails at [`domain::Challenge::MAX_FAILURES`]. Each of
/// `authenticators` that is active has its failures counted up by one, in all and by this door, and waits at this door
/// [`domain::backoff::wait_after`] the latter; at [`domain::backoff::BUDGET`] in all it is suspended. Whether it has to wait at `at`
/// is no matter here: of guesses that were judged at the same time each one counts (T-01). The commit's events are
/// written as they are, the first one with `failures` (the highest new count) added to its data where any was counted.
/// For each authenticator that is suspended by it the store writes an `authenticator.suspended` event too, with
/// `{"reason": "failure_budget"}`, and sessions forget it as by [`crate::Change::SetAuthenticatorState`].
#[derive(Debug, Clone)]
pub struct Reject {
    /// Which challenge.
    pub challenge_id: ChallengeId,
    /// By which door the proof came.
    pub door: Door,
    /// The authenticators that the proof could have been meant for.
    pub authenticators: Vec<AuthenticatorId>,
    /// When.
    pub at: Timestamp,
}
