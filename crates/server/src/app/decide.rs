//! Decisions: whether a session may do something now (law 4). Every allow, step-up, enroll and deny is given here.
//!
//! What a session has proved is read each time, so that a revocation holds for the next decision, whichever server gives it (T-22).
//! Which policy is in force is read with it; what that says is in memory.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::event::About;
use domain::{
    Authenticator, AuthenticatorKind, Challenge, ChallengeId, Confirmation, DecisionId, Event, EventKind, ExternalId,
    Proof, Requirement, Session, SessionId, Timestamp, User, UserKind, UserState,
};
use policy::{
    ApplicationFacts, Facts, Finding, Need, Outcome, ProofFacts, ResourceFacts, SessionFacts, Signal, Usable,
    UserFacts, Verdict, Wanted,
};
use serde_json::{Map, Value};
use store::{Change, Commit, Deciding, Effect, Store};
use tokio::sync::Semaphore;

use super::assertion::Allowed;
use super::blocked::BLOCKED;
use super::challenges::{Ask, Whom, action_hash, decision_hash};
use super::counted::Uncounted;
use super::factors::best_quality;
use super::forward_auth::for_the_record;
use super::obligations::{Obligation, groups_of, obligations};
use super::policies::Known;
use super::possession::bound_to;
use super::risk::{Elsewhere, SCORES, Score, Source, raised_about, together};
use super::telling::With;
use super::{Actor, App, Error, Made};

/// The most decisions that are still to be told of.
const MOST_UNTOLD: u32 = 4096;
/// How long a server that stops goes on telling.
const PATIENCE: Duration = Duration::from_secs(5);

/// Decisions that changed nothing, and are told of without anybody waiting for it.
#[derive(Debug, Clone)]
pub(crate) struct Untold(Arc<Semaphore>);

impl Default for Untold {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST_UNTOLD as usize)))
    }
}

impl Untold {
    /// Tells without waiting until that is durable: unless so much waits already that who asks has to as well.
    async fn tell(&self, store: &Store, event: Event) -> Result<(), Error> {
        let place = Arc::clone(&self.0).acquire_owned().await.map_err(|_| Error::Busy)?;
        let (store, commit) = (store.clone(), Commit { change: Change::Tell, events: vec![event], idempotency: None });
        let uncounted = Uncounted::of(&commit.events);
        tokio::spawn(async move {
            match store.commit_in_turn(commit).await {
                Ok(_) => uncounted.count(),
                Err(error) => tracing::error!(%error, "a decision was not told of"),
            }
            drop(place);
        });
        Ok(())
    }

    /// Waits until everything is told, a few seconds at most.
    pub(crate) async fn settle(&self) {
        if tokio::time::timeout(PATIENCE, self.0.acquire_many(MOST_UNTOLD)).await.is_err() {
            tracing::error!("some decisions were not told of before the server stopped");
        }
    }
}

/// What a session wants to do.
#[derive(Debug)]
pub(crate) struct Question {
    /// Which session.
    pub(crate) session_id: SessionId,
    /// What, in the application's words.
    pub(crate) action: String,
    /// With what.
    pub(crate) resource: Option<ResourceFacts>,
    /// What the action is about.
    pub(crate) context: Map<String, Value>,
    /// The members of the context that the person is shown, beside those that the policy names.
    pub(crate) shown: Vec<String>,
    /// The groups that the user is in, as the application says.
    pub(crate) groups: Vec<String>,
    /// When the user last did something in the session, as the application says.
    pub(crate) last_active_at: Option<Timestamp>,
    /// What the application noticed.
    pub(crate) signals: Vec<Signal>,
    /// From where it is asked.
    pub(crate) source: Source,
    /// A challenge that was satisfied for this very question.
    pub(crate) challenge_id: Option<ChallengeId>,
    /// What is wanted beyond what the policy asks for.
    pub(crate) wanted: Option<Wanted>,
    /// The key that whoever shows the assertion has to have.
    pub(crate) cnf: Option<Confirmation>,
    /// The request to a site that it is about: what is allowed is told to that as an identity.
    pub(crate) identity: Option<super::forward_auth::Request>,
}

/// What was decided.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) id: DecisionId,
    pub(crate) verdict: Verdict,
    /// Of the policy by which it was decided.
    pub(crate) version: String,
    /// The session as it was seen.
    pub(crate) session: Session,
    /// Whose it is, by the application's name.
    pub(crate) external_id: ExternalId,
    /// How high the risk is.
    pub(crate) risk: Score,
    /// What is asked of the user beside.
    pub(crate) obligations: Vec<Obligation>,
    /// What it went by, for holding another policy against it.
    facts: Option<String>,
    /// What is to be proved, where that can be asked for.
    pub(crate) challenge: Option<Challenge>,
    /// That it is allowed, signed.
    pub(crate) assertion: Option<String>,
}

/// All that a decision goes by.
struct Seen {
    policy: Arc<Known>,
    session: Session,
    user: User,
    authenticators: Arc<[Authenticator]>,
    /// The challenge that was satisfied for it.
    challenge: Option<Challenge>,
    /// What was noticed, and what that amounts to.
    signals: Vec<Signal>,
    risk: Score,
    elsewhere: Option<Elsewhere>,
    /// Whether it is asked from an address that is refused for a while.
    is_blocked: bool,
}

impl App {
    /// Decides whether a session may do something now. What comes of it is durable before it is answered, but for an allow that rests on
    /// what was proved before: it changes nothing, and its event follows.
    pub(crate) async fn decide(&self, actor: &Actor, question: Question) -> Result<Decision, Error> {
        let now = self.now();
        let mut seen = self.gone_by(actor, &question, now).await?;
        let mut decision = self.decision(actor, &question, &seen, now);
        if decision.verdict.outcome == Outcome::Allow
            && let Some(Challenge { id, .. }) = seen.challenge.take()
        {
            decision.assertion = Some(self.allowing(actor, &question, &decision).await?);
            let event = self.decided(actor, &question, &decision);
            if self.commit(Change::UseChallenge { id, at: now }, event).await? == Effect::Applied {
                return Ok(decision);
            }
            // Another decision rests on it: without it, that may be another one.
            decision = self.decision(actor, &question, &seen, now);
        }
        self.follow(actor, question, decision, seen.elsewhere).await
    }

    fn decision(&self, actor: &Actor, question: &Question, seen: &Seen, now: Timestamp) -> Decision {
        let facts = self.facts(actor, question, seen, now);
        let mut verdict = seen.policy.policy.decide(&facts);
        if seen.is_blocked {
            // Whatever the rules say: nothing is done from there.
            (verdict.outcome, verdict.decided_by) = (Outcome::Deny, Some(BLOCKED.to_owned()));
        }
        let recorded = || match &question.identity {
            Some(_) => for_the_record(&facts).to_record(),
            None => facts.to_record(),
        };
        verdict.signals.retain(|signal| !SCORES.contains(&&*signal.name));
        Decision {
            id: DecisionId::generate(now, &*self.entropy),
            verdict,
            version: seen.policy.version.clone(),
            session: seen.session.clone(),
            external_id: seen.user.external_id.clone(),
            risk: seen.risk,
            obligations: obligations(&seen.user.standing, &seen.authenticators, now),
            facts: self.policies.record_facts.then(recorded).flatten(),
            challenge: None,
            assertion: None,
        }
    }

    /// The signed assertion of an allow.
    async fn allowing(&self, actor: &Actor, question: &Question, decision: &Decision) -> Result<String, Error> {
        let newest = newest(&decision.session);
        let rests_on = decision.verdict.rests_on.as_slice();
        let allowed = Allowed {
            application: actor.application.id,
            decision: decision.id,
            session: &decision.session,
            action: &question.action,
            hash: decision_hash(decision.id, &decision.session, &question.action, question.bound()),
            // Where nothing was asked for, that is what there is to say.
            proofs: if rests_on.is_empty() { newest } else { rests_on },
            cnf: bound_to(Some(&decision.session), question.cnf)?,
        };
        match &question.identity {
            Some(request) => self.identity_of(&allowed, request, &decision.external_id, &question.groups).await,
            None => self.assertion_of(&allowed).await,
        }
    }

    /// What follows from a decision: an assertion, a challenge, and that it is told of.
    async fn follow(
        &self,
        actor: &Actor,
        question: Question,
        mut decision: Decision,
        elsewhere: Option<Elsewhere>,
    ) -> Result<Decision, Error> {
        let event = self.decided(actor, &question, &decision);
        match &decision.verdict.outcome {
            Outcome::Allow => {
                decision.assertion = Some(self.allowing(actor, &question, &decision).await?);
                self.untold.tell(&self.store, event).await?;
            }
            Outcome::StepUp { need } if !need.login => {
                let ask = ask(&question, need, &decision.verdict);
                let made = self.create_challenge_telling(actor, ask, None, Some(event)).await?;
                let Made::New(challenge) = made else {
                    return Err(Error::Internal("a challenge without an idempotency key was made before".to_owned()));
                };
                if let Some(elsewhere) = elsewhere {
                    self.asked_elsewhere(decision.session.id, elsewhere, challenge.id).await?;
                }
                decision.challenge = Some(challenge);
            }
            Outcome::StepUp { .. } | Outcome::Enroll { .. } | Outcome::Deny => {
                self.commit(Change::Tell, event).await?;
            }
        }
        Ok(decision)
    }

    async fn gone_by(&self, actor: &Actor, question: &Question, now: Timestamp) -> Result<Seen, Error> {
        let found = self.store.deciding(question.session_id).await?;
        let found = found.filter(|found| found.session.application_id == actor.application.id);
        let Deciding { session, session_risk, user, risk_history, authenticators, policy_id } =
            found.ok_or(Error::NotFound("session"))?;
        self.check_possession(actor, &session).await?;
        if !session.is_live(now) || user.state != UserState::Active {
            return Err(Error::SessionOver);
        }
        bound_to(Some(&session), question.cnf)?;
        let (policy, noticed) = tokio::join!(
            self.policy_known_as(policy_id),
            self.noticed_of(&session, &session_risk, &risk_history, question.source, now)
        );
        let challenge = match question.challenge_id {
            Some(id) => Some(self.satisfied_for(actor, question, &session, id, now).await?),
            None => None,
        };
        let (policy, noticed) = (policy?, noticed?);
        let ours = raised_about(&user.standing, &self.workflows.raisable(), noticed.signals, now);
        let (signals, risk) = together(ours, signals(question), self.world().settings.thresholds);
        let is_blocked = self.is_blocked(question.source.address);
        let elsewhere = noticed.elsewhere;
        Ok(Seen { policy, session, user, authenticators, challenge, signals, risk, elsewhere, is_blocked })
    }

    /// A challenge that was satisfied for this very question, a moment ago (S-05, T-11).
    async fn satisfied_for(
        &self,
        actor: &Actor,
        question: &Question,
        session: &Session,
        id: ChallengeId,
        now: Timestamp,
    ) -> Result<Challenge, Error> {
        let challenge = self.challenge(actor, id).await?;
        let Some(satisfied) = &challenge.satisfied else {
            return Err(Error::Conflict("the challenge is not satisfied: nothing can rest on it"));
        };
        let asked = action_hash(id, session.user_id, Some(session.id), &question.action, question.bound());
        if challenge.session_id != Some(session.id) || challenge.action_hash != asked {
            return Err(Error::Conflict(
                "the challenge was satisfied for something else: session, action, resource and context must be those that were asked",
            ));
        }
        if now.since(satisfied.at) > Challenge::ASSERTION_LIFETIME {
            return Err(Error::ChallengeOver);
        }
        Ok(challenge)
    }

    fn facts(&self, actor: &Actor, question: &Question, seen: &Seen, now: Timestamp) -> Facts {
        let satisfied = seen.challenge.as_ref().and_then(|challenge| challenge.satisfied.as_ref());
        let proofs = seen.session.proofs.iter().map(|proof| ProofFacts {
            proof: proof.clone(),
            for_this_decision: satisfied
                .is_some_and(|s| s.authenticator_id == proof.authenticator_id && s.at == proof.verified_at),
        });
        Facts {
            now,
            user: self.user_facts(
                &seen.user,
                &seen.authenticators,
                question.groups.clone(),
                seen.policy.enforced_since,
                now,
            ),
            application: ApplicationFacts {
                id: actor.application.id.to_string(),
                name: actor.application.name.clone(),
            },
            action: question.action.clone(),
            resource: question.resource.clone(),
            context: question.context.clone(),
            session: SessionFacts {
                amr: seen.session.amr.clone(),
                authenticated_at: seen.session.authenticated_at,
                last_active_at: question.last_active_at,
                proofs: proofs.collect(),
            },
            wanted: question.wanted,
            signals: seen.signals.clone(),
        }
    }

    pub(super) fn user_facts(
        &self,
        user: &User,
        authenticators: &[Authenticator],
        groups: Vec<String>,
        enforced_since: Option<Timestamp>,
        now: Timestamp,
    ) -> UserFacts {
        let standing = user.standing.clone().at(now);
        let usable = authenticators.iter().filter(|a| a.is_usable(now));
        let usable =
            usable.map(|authenticator| Usable { kind: authenticator.kind, quality: best_quality(self, authenticator) });
        UserFacts {
            external_id: user.external_id.as_given().to_owned(),
            groups: groups_of(groups, &standing),
            attributes: standing.attributes.into_iter().map(|(name, value)| (name, value.into())).collect(),
            service_account: user.kind == UserKind::Service,
            authenticators: usable.collect(),
            subject_since: enforced_since.map(|since| since.max(user.created_at)),
            grace_until: standing.grace_until,
        }
    }

    fn decided(&self, actor: &Actor, question: &Question, decision: &Decision) -> Event {
        let about = About {
            user_id: Some(decision.session.user_id),
            device_id: decision.session.device_id,
            session_id: Some(decision.session.id),
            ..About::default()
        };
        let rules: Vec<&str> = decision.verdict.reasons.iter().map(|reason| reason.rule.as_str()).collect();
        let signals: Vec<&str> = decision.verdict.signals.iter().map(|signal| &*signal.name).collect();
        let event = self
            .event(EventKind::DecisionMade, Some(actor), about)
            .with("decision", decision.id.to_string())
            .with("action", question.action.as_str())
            .with("outcome", decision.verdict.outcome.kind().name())
            .with("rules", rules)
            .with("signals", signals)
            .with("policy", decision.version.as_str());
        let notify: Vec<&str> = decision.verdict.notify.iter().map(String::as_str).collect();
        let event = if notify.is_empty() { event } else { event.with("notify", notify) };
        let said = [
            ("decided_by", decision.verdict.decided_by.as_deref()),
            ("in_shadow", decision.verdict.in_shadow.map(policy::OutcomeKind::name)),
        ];
        let said = said.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let event = said.fold(event, |event, (name, value)| event.with(name, value));
        let address = actor.address.map(|address| ("address", address.to_string()));
        event.detailed(self.details(address.into_iter().chain(decision.facts.clone().map(|facts| (FACTS, facts)))))
    }
}

impl Question {
    /// What a proof is bound to beside session and action: the context, and the resource in it.
    fn bound(&self) -> Map<String, Value> {
        let mut bound = self.context.clone();
        if let Some(resource) = &self.resource {
            let ResourceFacts { kind, id, properties } = resource;
            bound.insert(RESOURCE.to_owned(), serde_json::json!({ "type": kind, "id": id, "properties": properties }));
        }
        bound
    }
}

/// The name under which what a decision went by stands in the details of its event.
pub(super) const FACTS: &str = "facts";

/// The name by which the resource stands in what is bound; no application's context has it.
pub(crate) const RESOURCE: &str = "countersign:resource";

/// What the application noticed. Whether an action is sensitive is the application's to say, and one that does not say so says that it is not; any
/// other signal that is not ours, and of which nothing is said, is unknown.
fn signals(question: &Question) -> Vec<Signal> {
    let mut signals = question.signals.clone();
    if signals.iter().all(|signal| signal.name != SENSITIVE) {
        signals.push(Signal {
            name: SENSITIVE.into(),
            value: Finding::Known(Value::Bool(false)),
            weight: 0,
            explanation: "the application does not call it sensitive".into(),
            raised_at: None,
        });
    }
    signals
}

/// The signal by which an application calls an action sensitive.
pub(crate) const SENSITIVE: &str = "sensitive_action";

/// What is asked of the person for what is missing.
fn ask(question: &Question, need: &Need, verdict: &Verdict) -> Ask {
    let mut kinds: BTreeSet<AuthenticatorKind> = need.factors.iter().copied().collect();
    if need.remembered_browser {
        kinds.insert(AuthenticatorKind::Browser);
    }
    let required = Requirement { aal: Some(need.aal), kinds, phishing_resistant: need.phishing_resistant };
    let shown: BTreeSet<&String> = question.shown.iter().chain(&verdict.show).collect();
    Ask {
        whom: Whom::Session(question.session_id),
        action: question.action.clone(),
        shown: shown.into_iter().cloned().collect(),
        context: question.bound(),
        required: Some(required),
        lifetime: Challenge::LIFETIME,
    }
}

/// The proof that was given last, alone; an older one may be stronger, and is not what `auth_time` is of.
fn newest(session: &Session) -> &[Proof] {
    let last = session.proofs.iter().max_by_key(|proof| proof.verified_at);
    last.map_or(&[], std::slice::from_ref)
}
