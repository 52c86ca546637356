//! Who may bind an authenticator to whom (P-06, T-09).

use domain::{
    Aal, Authenticator, AuthenticatorId, AuthenticatorKind, Proof, Requirement, Session, Timestamp, Trust, User,
    UserId, UserState,
};

use super::super::factors::reaches_aal3;
use super::super::{App, Error};

/// What a session is told whose user has an authenticator that it did not prove.
pub(crate) const PROVE_FIRST: Error = Error::StepUpNeeded(
    "the user has an authenticator: prove it in this session first, by a challenge for the session",
);

/// What one is told whose log-in is too long ago.
pub(crate) const LOG_IN_AGAIN: Error =
    Error::StepUpNeeded("the log-in is too long ago: log in again and register the new session");

impl App {
    /// What is asked of a proof that comes before binding: that it can reach the level which that takes.
    pub(crate) async fn required_to_enroll(&self, user: UserId) -> Result<Option<Requirement>, Error> {
        let existing = self.store.authenticators_of(user).await?;
        Ok((highest(self, &existing) == Aal::Aal3)
            .then(|| Requirement { phishing_resistant: true, ..Requirement::default() }))
    }

    /// What a session still lacks to bind an authenticator to its user, as far as that can be said beforehand: it is looked
    /// at again where the enrollment starts and where it is confirmed.
    pub(crate) async fn lacks_to_enroll(&self, session: &Session) -> Result<Lacks, Error> {
        let user = self.active_user(session.user_id).await?;
        let existing = self.store.authenticators_of(user.id).await?;
        lacks(self, session, &existing, self.now())
    }

    /// The user, who may not be suspended: nothing is bound to such a one.
    pub(in super::super) async fn active_user(&self, id: UserId) -> Result<User, Error> {
        let user = self.user(id).await?;
        match user.state {
            UserState::Active => Ok(user),
            UserState::Suspended => Err(Error::Conflict("the user is suspended")),
        }
    }
}

/// Whether one more authenticator of this kind may be bound, in the place of `replaces` if that is said. The guard of the
/// confirmation's write says it again; here it is said in words.
pub(super) fn room(
    existing: &[Authenticator],
    kind: AuthenticatorKind,
    replaces: Option<AuthenticatorId>,
) -> Result<(), Error> {
    if replaces.is_some_and(|id| !existing.iter().any(|a| a.id == id && a.is_bound())) {
        return Err(Error::Conflict("the authenticator that was to be replaced is not in use any more"));
    }
    let others = existing.iter().filter(|a| a.kind == kind && a.is_bound() && Some(a.id) != replaces).count();
    if others >= Authenticator::MOST_OF_A_KIND {
        return Err(Error::Conflict("the user has five authenticators of this kind: revoke one first"));
    }
    Ok(())
}

/// What a session still lacks to bind an authenticator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lacks {
    /// Nothing, for this reason.
    Nothing(Trust),
    /// It has to prove an authenticator that the user has.
    Proof,
    /// It is too old, and there is nothing to prove: the user has to log in again.
    FreshLogIn,
}

/// P-06: whether the session may bind now; else why not.
pub(in super::super) fn trusted_enough(
    app: &App,
    session: &Session,
    existing: &[Authenticator],
    now: Timestamp,
) -> Result<Trust, Error> {
    match lacks(app, session, existing, now)? {
        Lacks::Nothing(trust) => Ok(trust),
        Lacks::Proof => Err(PROVE_FIRST),
        Lacks::FreshLogIn => Err(LOG_IN_AGAIN),
    }
}

/// P-06: the session is recent, and where the user has an authenticator one was proved in this session that reaches the level that
/// they have, recently: an old proof is not made new by a weaker one (T-09). What was proved with one that is suspended, lost or
/// revoked by now counts for nothing: whoever has it may be a thief.
fn lacks(app: &App, session: &Session, existing: &[Authenticator], now: Timestamp) -> Result<Lacks, Error> {
    if !session.is_live(now) {
        return Err(Error::SessionOver);
    }
    let recent = |at: Timestamp| now.since(at) <= app.settings.max_session_age;
    let in_use = |id| existing.iter().any(|a| a.id == id && a.is_usable(now));
    let level = highest(app, existing);
    let is_enough = |proof: &Proof| {
        recent(proof.verified_at)
            && in_use(proof.authenticator_id)
            && Aal::reached(&session.amr, std::slice::from_ref(proof)) >= level
    };
    // Being remembered is no reason to bind or unbind anything: whoever sits at the browser gave a password alone (T-25).
    let proved = session.proofs_of_presence().into_iter().rev().find(is_enough).map(|proof| proof.authenticator_id);
    let trust = Trust { session_id: session.id, proved };
    Ok(if proved.is_some() {
        Lacks::Nothing(trust)
    } else if existing.iter().any(Authenticator::is_bound) {
        Lacks::Proof
    } else if recent(session.authenticated_at) && !session.amr.is_empty() {
        // Without a first factor there was a passkey, and nothing is left of it.
        Lacks::Nothing(trust)
    } else {
        Lacks::FreshLogIn
    })
}

/// The highest level that the user's authenticators reach: what it takes to bind another one (T-09). Where that is the third, whoever
/// has deceived the user of a code may bind nothing (T-16). A key that is suspended counts as before: somebody else may have had it
/// suspended. One that is lost and said to be so is none any more.
fn highest(app: &App, existing: &[Authenticator]) -> Aal {
    if existing.iter().any(|a| a.is_bound() && reaches_aal3(app, a)) {
        Aal::Aal3
    } else if existing.iter().any(|a| a.is_bound() && a.kind.is_binding()) {
        Aal::Aal2
    } else {
        Aal::Aal1
    }
}
