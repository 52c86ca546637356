//! Verifying a proof for a challenge: the main job, and the hottest path. One read, one round trip to the vault, a share of
//! one commit.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::event::About;
use domain::{
    Aal, Amr, Authenticator, AuthenticatorId, AuthenticatorKind, AuthenticatorState, Challenge, ChallengeId,
    ChallengeState, Confirmation, Event, EventKind, Prompt, Proof, ProofKind, Quality, Satisfaction, Session,
    Timestamp, UserState,
};
use store::{Attempt, Change, Effect, Raise, Reject, Satisfy};
use tokio::time::Instant;

use super::assertion::{Asserted, Proved};
use super::errands::Errand;
use super::factors::{Against, Judgement, Right};
use super::possession::bound_to;
use super::proof::{Given, is_considered};
use super::risk::{Learning, Lesson};
use super::sessions::Beginning;
use super::telling::With;
use super::{Actor, App, Error, crowd, slot};

/// What a right proof yields.
#[derive(Debug)]
pub(crate) struct Verified {
    /// The challenge, satisfied.
    pub(crate) challenge: Challenge,
    /// What was proved.
    pub(crate) authenticator_id: AuthenticatorId,
    /// Its kind.
    pub(crate) kind: AuthenticatorKind,
    /// The session: raised, or begun.
    pub(crate) session: Option<Session>,
    /// The signed assertion.
    pub(crate) assertion: String,
}

/// What is wanted of a right proof.
struct Wanted {
    /// The key that its assertion is bound to.
    cnf: Option<Confirmation>,
    /// The session that begins by it.
    begins: Option<Beginning>,
}

/// What a right proof amounts to, and what is wanted of it.
struct Yield {
    aal: Aal,
    amr: BTreeSet<Amr>,
    wanted: Wanted,
}

impl App {
    /// Verifies a proof for a challenge. Once begun it runs to its end, whether or not the caller waits for it: a wrong
    /// proof is counted even if the connection is cut (T-03). The assertion that it yields is bound to `cnf`.
    pub(crate) async fn verify(
        self: Arc<Self>,
        actor: Actor,
        id: ChallengeId,
        given: Given,
        cnf: Option<Confirmation>,
    ) -> Result<Verified, Error> {
        self.verify_wanting(actor, id, given, Wanted { cnf, begins: None }).await
    }

    /// The same for a challenge without a session: one begins by the proof, in the same commit.
    pub(crate) async fn verify_beginning(
        self: Arc<Self>,
        actor: Actor,
        id: ChallengeId,
        given: Given,
        beginning: Beginning,
    ) -> Result<Verified, Error> {
        self.verify_wanting(actor, id, given, Wanted { cnf: None, begins: Some(beginning) }).await
    }

    async fn verify_wanting(
        self: Arc<Self>,
        actor: Actor,
        id: ChallengeId,
        given: Given,
        wanted: Wanted,
    ) -> Result<Verified, Error> {
        let begun = Instant::now();
        // Boxed, since tokio aligns a task so that a large one goes the allocator's long way.
        let to_the_end = Box::pin(async move { self.verify_to_the_end(&actor, id, &given, wanted).await });
        let verified = tokio::spawn(to_the_end)
            .await
            .map_err(|error| Error::Internal(format!("verifying ended early: {error}")))?;
        if matches!(verified, Err(Error::ProofRejected)) {
            slot::end(begun, slot::SLOT).await;
        }
        verified
    }

    async fn verify_to_the_end(
        &self,
        actor: &Actor,
        id: ChallengeId,
        given: &Given,
        mut wanted: Wanted,
    ) -> Result<Verified, Error> {
        let now = self.now();
        let prompt = self.prompt_answered(given, |prompt| prompt.challenge_id == Some(id), now).await?;
        let mut attempt = self.attempt(actor, id, given.kind(prompt.as_ref())).await?;
        if attempt.challenge.state_at(now) != ChallengeState::Open {
            return Err(Error::ChallengeOver);
        }
        wanted.cnf = bound_to(attempt.session.as_ref(), wanted.cnf)?;
        let may = may_prove(&attempt, now);
        let too_weak = self.is_too_weak(&attempt.challenge, given.kind(prompt.as_ref())).await?;
        let most = crowd::most(&attempt);
        let place = attempt.challenge.user_id.and_then(|user| self.crowd.enter(user, attempt.door, most));
        if place.is_some() && most < crowd::MOST {
            // What was read before may be of a time before the last one was judged, and the wait that came of it.
            attempt = self.attempt(actor, id, given.kind(prompt.as_ref())).await?;
        }
        let crowded = attempt.challenge.user_id.is_some() && place.is_none();
        let authenticators =
            if may && !crowded && !too_weak { considered(&attempt, given, prompt.as_ref(), now) } else { Vec::new() };
        let why_not = match authenticators.as_slice() {
            [] if crowded => "crowded",
            [] if too_weak => "too_weak",
            [] => why_none(&attempt, given.kind(prompt.as_ref()), may),
            _ => "wrong",
        };
        // What nobody can guess is not made scarce by guesses: or else whoever knows a name has its passkeys suspended (T-04).
        let guessable = authenticators.iter().filter(|a| a.kind.is_guessable());
        let counted: Vec<AuthenticatorId> = guessable.map(|a| a.id).collect();
        // What the vault signs as it finds the code right. Where more is found out about a proof, that is said and signed afterwards.
        let expected = authenticators.first().map_or(given.kind(prompt.as_ref()).kinds()[0], |a| a.kind);
        let (aal, amr) = reached(attempt.session.as_ref(), expected, Quality::default());
        let proved = Proved { at: now, aal, amr: &amr };
        let asserted = Asserted::of_proof(&attempt.challenge, attempt.session.as_ref(), proved, wanted.cnf);
        let claims = asserted.map(|asserted| asserted.claims(&self.settings.issuer, now)).transpose()?;
        let backup_codes = &attempt.backup_codes;
        let against = Against { authenticators: &authenticators, backup_codes, prompt: prompt.as_ref(), claims };

        let right = match self.judge(given, &against).await? {
            Judgement::Right(right) => right,
            Judgement::Wrong("wrong") => return self.reject(actor, &attempt, counted, why_not, now).await,
            Judgement::Wrong(reason) => return self.reject(actor, &attempt, Vec::new(), reason, now).await,
        };
        let authenticator = *authenticators
            .get(right.index)
            .ok_or_else(|| Error::Internal("a proof is right of no authenticator".to_owned()))?;
        // Where no more was found out than was expected, that was worked out already.
        let is_expected = right.quality == Quality::default() && authenticator.kind == expected;
        let (aal, amr) =
            if is_expected { (aal, amr) } else { reached(attempt.session.as_ref(), authenticator.kind, right.quality) };
        if attempt.challenge.required.as_ref().is_some_and(|r| !r.is_met_by(authenticator.kind, aal)) {
            return self.reject(actor, &attempt, Vec::new(), "too_weak", now).await;
        }
        let satisfied = self.count(actor, &attempt, authenticator, right, Yield { aal, amr, wanted }, now).await?;
        let Some((session, assertion)) = satisfied else {
            // Somebody else used the code, or closed the challenge, between our read and our write. Who comes later still finds
            // a backup code used, and it is not among those that are compared: to whoever judges, that code is as wrong as any, and
            // counts as one. It costs a person who sends theirs twice a try of several that cost no waiting, set back by the next
            // right code, and a crowd of them no more than the wait that follows. Comparing used codes too would let whoever has an
            // old one try it without end, and tell them by that that it was one.
            return self.reject(actor, &attempt, Vec::new(), "outrun", now).await;
        };
        let (authenticator_id, kind) = (authenticator.id, authenticator.kind);
        attempt.challenge.state = ChallengeState::Satisfied;
        Ok(Verified { challenge: attempt.challenge, authenticator_id, kind, session, assertion })
    }

    /// What there is to judge a proof with, for a challenge of this application.
    async fn attempt(&self, actor: &Actor, id: ChallengeId, kind: ProofKind) -> Result<Attempt, Error> {
        let attempt = self.store.attempt(id, kind).await?;
        let own = attempt.filter(|attempt| attempt.challenge.application_id == actor.application.id);
        own.ok_or(Error::NotFound("challenge"))
    }

    /// Whether a proof of this kind does not count for the challenge, right or wrong: another one is required, or the user has a
    /// better one, and it is the kind that is got by deceiving people or their phone company (T-16).
    pub(super) async fn is_too_weak(&self, challenge: &Challenge, kind: ProofKind) -> Result<bool, Error> {
        let kinds = kind.kinds();
        if let Some(required) = &challenge.required {
            // A code may be of an app or of a token, and which one it is of is not known yet.
            if !kinds.into_iter().any(|kind| required.can_be_met_by(kind)) {
                return Ok(true);
            }
            // Whoever names it wants it.
            if kinds.into_iter().any(|kind| required.kinds.contains(&kind)) {
                return Ok(false);
            }
        }
        let is_sent = kinds.iter().any(|kind| matches!(kind, AuthenticatorKind::Sms | AuthenticatorKind::Email));
        let Some(user) = challenge.user_id.filter(|_| is_sent && !self.settings.fall_back) else { return Ok(false) };
        let theirs = self.store.authenticators_of(user).await?;
        // A suspended one counts: or whoever can have it suspended from outside opens the way around it.
        Ok(theirs.iter().any(|a| a.kind.is_phishing_resistant() && a.is_bound()))
    }

    /// Commits a right proof: the session as it is raised by it, and the assertion. `None` where it was outrun.
    async fn count(
        &self,
        actor: &Actor,
        attempt: &Attempt,
        authenticator: &Authenticator,
        right: Right,
        Yield { aal, amr, wanted }: Yield,
        now: Timestamp,
    ) -> Result<Option<(Option<Session>, String)>, Error> {
        let (authenticator_id, kind) = (authenticator.id, authenticator.kind);
        let assertion = if let Some(assertion) = right.assertion {
            assertion
        } else {
            let proved = Proved { at: now, aal, amr: &amr };
            let asserted = Asserted::of_proof(&attempt.challenge, attempt.session.as_ref(), proved, wanted.cnf);
            self.signed_assertion(asserted.as_ref()).await?
        };
        let proof = Proof { authenticator_id, kind, verified_at: now, quality: right.quality };
        let mut events = vec![verified(self, actor, &attempt.challenge, authenticator, aal)];
        let mut begins = None;
        if let Some(beginning) = wanted.begins.as_ref().filter(|_| attempt.session.is_none()) {
            let (session, event) = self.begun_by(actor, authenticator.user_id, &proof, aal, beginning).await?;
            begins = Some(Box::new(session));
            events.push(event);
        }
        let begun = begins.as_ref().map(|new| new.session.clone());
        let satisfy = Satisfy {
            challenge_id: attempt.challenge.id,
            authenticator_id,
            door: attempt.door,
            generation: authenticator.sealed.as_ref().map_or(0, |sealed| sealed.generation),
            used: right.used,
            at: now,
            satisfied: Satisfaction { authenticator_id, kind, at: now, aal, amr },
            raise: attempt.session.as_ref().map(|session| Raise { session_id: session.id, proof: proof.clone(), aal }),
            begins,
        };
        events.extend(self.few_left(actor, authenticator, satisfy.used, attempt.backup_codes.len()));
        if self.commit(Change::Satisfy(satisfy), events).await? != Effect::Applied {
            return Ok(None);
        }
        if let Some(session) = attempt.session.as_ref().or(begun.as_ref()) {
            let what = Lesson::Proved(session.id, attempt.challenge.id);
            self.errands.put(Errand::Learn(Learning { user_id: session.user_id, at: now, what }));
        }
        let session = attempt.session.clone().map(|mut session| {
            (session.proofs, session.aal) = session.raised_by(proof);
            session
        });
        Ok(Some((session.or(begun), assertion)))
    }

    /// Commits a wrong proof, then says no: the same words for every reason (P-10, T-19).
    async fn reject(
        &self,
        actor: &Actor,
        attempt: &Attempt,
        counted: Vec<AuthenticatorId>,
        reason: &'static str,
        at: Timestamp,
    ) -> Result<Verified, Error> {
        let Challenge { id: challenge_id, user_id, session_id, .. } = attempt.challenge;
        let about = About {
            user_id,
            session_id,
            challenge_id: Some(challenge_id),
            authenticator_id: match counted.as_slice() {
                [only] => Some(*only),
                _ => None,
            },
            ..About::default()
        };
        let kind = if counted.is_empty() { EventKind::ChallengeRejected } else { EventKind::AuthenticatorRejected };
        let event = self.event(kind, Some(actor), about).with("reason", reason).detailed(self.origin(actor));
        // A code that was right once is no guess, and what was not looked at may be one. If using a code twice at the same time
        // counted against the challenge, the second use could be what keeps the first one out (T-05).
        let change = match reason {
            "replayed" | "outrun" | "crowded" => Change::Tell,
            _ => Change::Reject(Reject { challenge_id, door: attempt.door, authenticators: counted, at }),
        };
        let counts = matches!(change, Change::Reject(_));
        self.commit(change, event).await?;
        // Without a session it may be anybody who knows a name.
        if let Some(session) = attempt.session.as_ref().filter(|_| counts) {
            self.errands.put(Errand::Learn(Learning { user_id: session.user_id, at, what: Lesson::Failed }));
        }
        Err(Error::ProofRejected)
    }
}

/// Whether the user and the session may prove anything now.
pub(super) fn may_prove(attempt: &Attempt, now: Timestamp) -> bool {
    let session_counts = match (attempt.challenge.session_id, &attempt.session) {
        (None, _) => true,
        (Some(_), Some(session)) => session.is_live(now),
        (Some(_), None) => false,
    };
    session_counts && attempt.user_state == Some(UserState::Active)
}

/// The authenticators that the proof could be meant for and that may be proved with now. An answer is meant for what was asked.
fn considered<'a>(
    attempt: &'a Attempt,
    given: &Given,
    prompt: Option<&Prompt>,
    now: Timestamp,
) -> Vec<&'a Authenticator> {
    if given.prompt_id().is_some() && prompt.is_none() {
        return Vec::new();
    }
    let asked = prompt.and_then(|prompt| prompt.authenticator_id);
    let usable = |authenticator: &&Authenticator| {
        ProofKind::of(authenticator.kind) == given.kind(prompt)
            && prompt.is_none_or(|prompt| prompt.kind == authenticator.kind)
            && asked.is_none_or(|asked| asked == authenticator.id)
            && given.authenticator_id().is_none_or(|of| of == authenticator.id)
            && authenticator.state == AuthenticatorState::Active
            && attempt.challenge.required.as_ref().is_none_or(|required| required.can_be_met_by(authenticator.kind))
            && is_considered(authenticator, attempt.door, now)
    };
    attempt.authenticators.iter().filter(usable).collect()
}

/// Why there is no authenticator to hold a proof against, for the event: whoever asked never learns it.
fn why_none(attempt: &Attempt, kind: ProofKind, may: bool) -> &'static str {
    let of_kind = || attempt.authenticators.iter().filter(|authenticator| ProofKind::of(authenticator.kind) == kind);
    match attempt.user_state {
        None => "unknown_user",
        Some(UserState::Suspended) => "user_suspended",
        Some(UserState::Active) if !may => "session_over",
        Some(UserState::Active) if of_kind().next().is_none() => "not_enrolled",
        Some(UserState::Active) if of_kind().all(|a| a.state != AuthenticatorState::Active) => "suspended",
        Some(UserState::Active) => "waiting",
    }
}

/// The level and methods that a right proof of this kind amounts to, beside the first factor of its session. What was proved in the
/// session before is no part of it: that was then, and `auth_time` says now (T-09). The session keeps the highest level of all.
fn reached(session: Option<&Session>, kind: AuthenticatorKind, quality: Quality) -> (Aal, BTreeSet<Amr>) {
    // Which authenticator it is makes no difference here.
    let authenticator_id = AuthenticatorId::from_uuid(uuid::Uuid::nil());
    let proof = Proof { authenticator_id, kind, verified_at: Timestamp::default(), quality };
    let none = BTreeSet::new();
    let first = session.map_or(&none, |session| &session.amr);
    let proofs = [proof];
    (Aal::reached(first, &proofs), Session::methods(first, &proofs))
}

fn verified(app: &App, actor: &Actor, challenge: &Challenge, authenticator: &Authenticator, aal: Aal) -> Event {
    let about = About {
        user_id: challenge.user_id,
        device_id: authenticator.device_id,
        authenticator_id: Some(authenticator.id),
        session_id: challenge.session_id,
        challenge_id: Some(challenge.id),
        ..About::default()
    };
    app.event(EventKind::AuthenticatorVerified, Some(actor), about)
        .with("kind", authenticator.kind.name())
        .with("action", challenge.action.as_str())
        .with("aal", aal.number())
        .detailed(app.origin(actor))
}
