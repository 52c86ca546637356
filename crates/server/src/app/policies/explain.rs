//! What would happen to somebody who did something now, and why.

use std::collections::BTreeSet;

use domain::{Amr, Session, SessionId, Timestamp, User, UserState};
use policy::{ApplicationFacts, Explanation, Facts, Finding, ProofFacts, ResourceFacts, SessionFacts, Signal};
use serde_json::{Map, Value};

use super::Known;
use crate::app::risk::{SCORES, Source, raised_about, together};
use crate::app::{App, Error, UserRef};

/// Who would do it.
#[derive(Debug)]
pub(crate) enum Who {
    /// A session as it is.
    Session(SessionId),
    /// A user who has just logged in with a password, and proved nothing else.
    User(UserRef),
}

/// What somebody would do.
#[derive(Debug)]
pub(crate) struct Supposed {
    pub(crate) who: Who,
    pub(crate) action: String,
    pub(crate) resource: Option<ResourceFacts>,
    pub(crate) context: Map<String, Value>,
    pub(crate) groups: Vec<String>,
    pub(crate) signals: Vec<Signal>,
    /// By which application, by its name or id; of a session, by its own.
    pub(crate) application: Option<String>,
}

/// What would happen, and why.
#[derive(Debug)]
pub(crate) struct Explained {
    /// Of the policy by which it would be decided.
    pub(crate) number: i64,
    pub(crate) version: String,
    pub(crate) user: User,
    /// What the user could be asked for.
    pub(crate) facts: Facts,
    pub(crate) explanation: Explanation,
}

impl App {
    /// Says what would be decided, and why. Nothing is written, nobody is asked for anything.
    pub(crate) async fn explain(&self, supposed: Supposed) -> Result<Explained, Error> {
        let (now, policy) = (self.now(), self.policy_in_force().await?);
        let (user, session) = self.who(&supposed.who, now).await?;
        let authenticators = self.store.authenticators_of(user.id).await?;
        let signals = self.supposed_signals(&supposed, &user, session.as_ref(), &policy, now).await?;
        let facts = Facts {
            now,
            application: self.supposed_application(&supposed, session.as_ref()).await?,
            user: self.user_facts(&user, &authenticators, supposed.groups, policy.enforced_since, now),
            action: supposed.action,
            resource: supposed.resource,
            context: supposed.context,
            session: session_facts(session, now),
            wanted: None,
            signals,
        };
        let explanation = policy.policy.explain(&facts);
        Ok(Explained { number: policy.number, version: policy.version.clone(), user, facts, explanation })
    }

    async fn who(&self, who: &Who, now: Timestamp) -> Result<(User, Option<Session>), Error> {
        let (user, session) = match who {
            Who::Session(id) => {
                let session = self.store.session(*id).await?.ok_or(Error::NotFound("session"))?;
                if !session.is_live(now) {
                    return Err(Error::SessionOver);
                }
                (self.store.user(session.user_id).await?, Some(session))
            }
            Who::User(user) => (self.find_user(user).await?, None),
        };
        let user = user.ok_or(Error::NotFound("user"))?;
        if user.state != UserState::Active {
            return Err(Error::Conflict(
                "the user is suspended: whatever the policy says, nothing is decided for them",
            ));
        }
        Ok((user, session))
    }

    async fn supposed_application(
        &self,
        supposed: &Supposed,
        session: Option<&Session>,
    ) -> Result<ApplicationFacts, Error> {
        let of_session = session.map(|session| session.application_id.to_string());
        let Some(wanted) = of_session.as_ref().or(supposed.application.as_ref()) else {
            return Ok(ApplicationFacts { id: String::new(), name: String::new() });
        };
        let applications = self.store.applications().await?;
        let found = applications.into_iter().find(|one| one.name == *wanted || one.id.to_string() == *wanted);
        let found = found.ok_or(Error::NotFound("application"))?;
        Ok(ApplicationFacts { id: found.id.to_string(), name: found.name })
    }

    /// What was noticed of a session; of one that is supposed, what is said, and that nothing else was.
    async fn supposed_signals(
        &self,
        supposed: &Supposed,
        user: &User,
        session: Option<&Session>,
        policy: &Known,
        now: Timestamp,
    ) -> Result<Vec<Signal>, Error> {
        let noticed = match session {
            Some(session) => self.noticed(session, Source::default(), now).await?.signals,
            None => Vec::new(),
        };
        let noticed = raised_about(&user.standing, &self.workflows.raisable(), noticed, now);
        let mut signals = together(noticed, supposed.signals.clone(), self.world().settings.thresholds).0;
        for name in policy.policy.signal_names().into_iter().filter(|name| !SCORES.contains(name)) {
            let is_told = signals.iter().any(|signal| signal.name == name);
            if !is_told && (session.is_none() || name == crate::app::decide::SENSITIVE) {
                let explanation = "supposed not to be raised".into();
                let value = Finding::Known(Value::Bool(false));
                signals.push(Signal { name: name.to_owned().into(), value, weight: 0, explanation, raised_at: None });
            }
        }
        Ok(signals)
    }
}

fn session_facts(session: Option<Session>, now: Timestamp) -> SessionFacts {
    let Some(session) = session else {
        return SessionFacts {
            amr: BTreeSet::from_iter(Amr::parse("pwd")),
            authenticated_at: now,
            last_active_at: Some(now),
            proofs: Vec::new(),
        };
    };
    let proofs = session.proofs.into_iter().map(|proof| ProofFacts { proof, for_this_decision: false });
    SessionFacts {
        amr: session.amr,
        authenticated_at: session.authenticated_at,
        last_active_at: None,
        proofs: proofs.collect(),
    }
}
