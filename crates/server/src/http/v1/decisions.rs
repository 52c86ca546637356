//! Decisions: whether a session may do something now.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use domain::{Aal, AuthenticatorId, AuthenticatorKind, ChallengeId, Confirmation, DecisionId, SessionId, Timestamp};
use policy::{Finding, Need, Outcome, Reason, ResourceFacts, Signal, Wanted};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::challenges::{Challenge, checked_action, checked_context, checked_shown};
use super::flawed;
use super::sessions::Session;
use crate::app::App;
use crate::app::decide::{self, Question, RESOURCE};
use crate::app::obligations;
use crate::app::risk::{SCORES, Score, Source};
use crate::http::Shared;
use crate::http::body::Body;
use crate::http::caller::{self, May};
use crate::http::parameters::Id;
use crate::http::problem::Problem;

/// The most groups of a user.
const MOST_GROUPS: usize = 64;
/// The most signals of an application's own.
const MOST_SIGNALS: usize = 16;
/// The longest name of a group, a signal or a resource, and the longest explanation, in bytes.
const LONGEST: usize = 256;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(decide_session))
}

/// Decide whether a session may do something
///
/// Ask before anything that is not for everybody. `allow` comes with a signed assertion; `step_up` with a challenge for what is missing and
/// only that: have it proved, on a page or by yourself, and ask again. Where the policy wants a proof for each time, name the satisfied
/// challenge as `challenge_id` then: it serves one decision.
#[utoipa::path(post, path = "/v1/sessions/{id}/decide", tag = "Decisions", params(("id" = String, Path),
        ("Client-Proof" = Option<String>, Header, description = "Where the session is bound to a key: the method and address of the client's request, and the proof that it signed")),
    request_body = NewDecision,
    responses((status = 200, description = "What was decided, and why", body = Decision)))]
async fn decide_session(
    State(app): Shared,
    may: May<caller::Decide>,
    Id(id): Id<SessionId>,
    Body { value: new, .. }: Body<NewDecision>,
) -> Result<Json<Decision>, Problem> {
    let decision = app.decide(&may.actor, new.checked(id)?).await?;
    Ok(Json(Decision::at(decision, &app)))
}

/// What a session wants to do.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewDecision {
    /// What, in your words: 1 to 64 letters, digits, `.`, `_`, `:` or `-`.
    action: String,
    /// With what.
    resource: Option<Resource>,
    /// What the action is about, amount and payee say; 4 KiB at most. A proof is bound to it.
    #[serde(default)]
    #[schema(value_type = Object)]
    context: Map<String, Value>,
    /// The members of the context that the person is shown, beside those that the policy names; 10 at most.
    #[serde(default)]
    shown: Vec<String>,
    /// The groups that the user is in, 64 at most.
    #[serde(default)]
    groups: Vec<String>,
    /// When the user last did something in the session.
    #[schema(value_type = Option<String>)]
    last_active_at: Option<Timestamp>,
    /// What you noticed yourself; 16 at most.
    #[serde(default)]
    signals: Vec<OwnSignal>,
    /// The address that the user comes from now. Elsewhere than where the session began, the risk is worked out anew.
    #[schema(value_type = Option<String>)]
    address: Option<std::net::IpAddr>,
    /// The `User-Agent` that the user comes with now, 512 bytes at most.
    user_agent: Option<String>,
    /// A challenge that was satisfied for this very question.
    #[schema(value_type = Option<String>)]
    challenge_id: Option<ChallengeId>,
    /// Levels of which one is wanted beyond what the policy asks for, as a resource server named them (RFC 9470 §3): `aal2 aal3`, say.
    acr_values: Option<String>,
    /// How old the proof may be, in seconds, as a resource server said it (RFC 9470 §3). 0: it has to be made for this decision.
    max_age: Option<u64>,
    /// The key that whoever shows the assertion has to have (RFC 7800): `{"jkt": "…"}` for DPoP (RFC 9449), `{"x5t#S256": "…"}` for a client
    /// certificate (RFC 8705).
    #[schema(value_type = Option<Object>)]
    cnf: Option<Confirmation>,
}

/// What an action is about.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Resource {
    /// What it is, in your words.
    #[serde(rename = "type")]
    kind: String,
    /// Which.
    id: String,
    /// Whatever else there is to say of it.
    #[serde(default)]
    #[schema(value_type = Object)]
    properties: Map<String, Value>,
}

/// Something that an application noticed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OwnSignal {
    /// What, `new_device` say.
    name: String,
    /// What was found. Anything but `false`, `null`, 0 and what is empty is a signal that is raised.
    #[schema(value_type = Object)]
    value: Value,
    /// How much it adds to the risk, to 100.
    #[serde(default)]
    weight: u16,
    /// Why, for people.
    #[serde(default)]
    explanation: String,
}

impl NewDecision {
    pub(crate) fn checked(self, session_id: SessionId) -> Result<Question, Problem> {
        let action = checked_action(self.action)?;
        if self.context.contains_key(RESOURCE) {
            return Err(flawed("/context", format!("cannot have {RESOURCE}: name the resource beside it")));
        }
        let resource = self.resource.map(Resource::checked).transpose()?;
        let properties = resource.as_ref().map(|resource| &resource.properties);
        checked_context(&self.context, properties)?;
        checked_shown(&self.shown)?;
        checked_groups(&self.groups)?;
        if self.user_agent.as_ref().is_some_and(|agent| agent.len() > 512) {
            return Err(flawed("/user_agent", "has more than 512 bytes"));
        }
        let signals = OwnSignal::all_checked(self.signals)?;
        let wanted = wanted(self.acr_values.as_deref(), self.max_age)?;
        Ok(Question {
            session_id,
            action,
            resource,
            context: self.context,
            shown: self.shown,
            groups: self.groups,
            last_active_at: self.last_active_at,
            signals,
            source: Source::new(self.address, self.user_agent.as_deref()),
            challenge_id: self.challenge_id,
            wanted,
            cnf: self.cnf,
            identity: None,
        })
    }
}

/// What is wanted beyond the policy: the least of the levels, as a higher one is as good.
fn wanted(acr_values: Option<&str>, max_age: Option<u64>) -> Result<Option<Wanted>, Problem> {
    let known = |name: &str| [Aal::Aal1, Aal::Aal2, Aal::Aal3].into_iter().find(|aal| aal.to_string() == name);
    let least = match acr_values {
        Some(names) => {
            let least = names.split(' ').filter_map(known).min();
            Some(least.ok_or_else(|| flawed("/acr_values", "names none of aal1, aal2 and aal3"))?)
        }
        None => None,
    };
    let max_age = max_age.map(Duration::from_secs);
    Ok((least.is_some() || max_age.is_some()).then(|| Wanted { aal: least.unwrap_or(Aal::Aal1), max_age }))
}

pub(super) fn checked_groups(groups: &[String]) -> Result<(), Problem> {
    if groups.len() > MOST_GROUPS || groups.iter().any(|group| group.len() > LONGEST) {
        return Err(flawed("/groups", format!("names at most {MOST_GROUPS} groups of {LONGEST} bytes at most")));
    }
    Ok(())
}

impl Resource {
    pub(super) fn checked(self) -> Result<ResourceFacts, Problem> {
        let Self { kind, id, properties } = self;
        if kind.is_empty() || kind.len() > LONGEST || id.len() > LONGEST {
            return Err(flawed("/resource", format!("has a type and an id of {LONGEST} bytes at most")));
        }
        Ok(ResourceFacts { kind, id, properties })
    }
}

impl OwnSignal {
    pub(super) fn all_checked(signals: Vec<Self>) -> Result<Vec<Signal>, Problem> {
        if signals.len() > MOST_SIGNALS {
            return Err(flawed("/signals", format!("are at most {MOST_SIGNALS}")));
        }
        signals.into_iter().map(Self::checked).collect()
    }

    fn checked(self) -> Result<Signal, Problem> {
        let Self { name, value, weight, explanation } = self;
        let shaped = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if name.is_empty() || name.len() > 64 || !name.bytes().all(shaped) {
            return Err(flawed("/signals", "have names of 1 to 64 small letters, digits or `_`"));
        }
        if SCORES.contains(&name.as_str()) {
            return Err(flawed("/signals", format!("cannot have {name}, which is worked out here")));
        }
        if value.to_string().len() > LONGEST || explanation.len() > LONGEST || weight > 100 {
            return Err(flawed(
                "/signals",
                format!("have values and explanations of {LONGEST} bytes at most, and weigh 100 at most"),
            ));
        }
        let (name, explanation) = (name.into(), explanation.into());
        Ok(Signal { name, value: Finding::Known(value), weight, explanation, raised_at: None })
    }
}

/// What was decided.
#[derive(Serialize, ToSchema)]
pub(crate) struct Decision {
    #[schema(value_type = String, example = "dec_0197a3c05b7c7d3e8f6a1b2c3d4e5f60")]
    id: DecisionId,
    /// `allow`, `step_up`, `enroll` or `deny`.
    outcome: &'static str,
    /// The rule that decided; null where nothing was asked for.
    decided_by: Option<String>,
    /// Each rule that fired, and each that could not be evaluated.
    #[schema(value_type = Vec<Object>)]
    reasons: Vec<Reason>,
    /// Each signal that is raised or could not be told, with its value and weight.
    #[schema(value_type = Vec<Object>)]
    signals: Vec<policy::Noticed>,
    /// What all signals amount to.
    risk: Score,
    /// What is missing: level, factors in the order in which they are offered, how old the proof may be. Of a `step_up`.
    #[schema(value_type = Option<Object>)]
    need: Option<Need>,
    /// Have this proved and ask again. Of a `step_up`, but where the first factor has to be given again (`need.login`).
    challenge: Option<Challenge>,
    /// What the user can enroll that would do, the best first. Of an `enroll`.
    #[schema(value_type = Vec<String>)]
    enroll: Vec<AuthenticatorKind>,
    /// Says what may be done (RFC 7519, ES256, 5 minutes); the keys are at `/.well-known/jwks.json`. Of an `allow`.
    assertion: Option<String>,
    /// Whom the policy wants told.
    notify: Vec<String>,
    /// The user goes on without a second factor until then.
    #[schema(value_type = Option<String>)]
    grace_ends: Option<Timestamp>,
    /// What is asked of the user beside: to replace an authenticator or to enroll one. It stops nothing.
    obligations: Vec<Obligation>,
    /// What would have been decided if the rules in shadow counted, where that is something else.
    #[schema(value_type = Option<String>)]
    in_shadow: Option<policy::OutcomeKind>,
    /// The version of the policy by which it was decided, as the list of policies has it: SHA-256 in hexadecimal.
    policy: String,
    session: Session,
}

/// Something that a user is asked to do.
#[derive(Serialize, ToSchema)]
struct Obligation {
    /// `rotate` or `enroll`.
    what: &'static str,
    /// Which authenticator is to be replaced. Of a `rotate`.
    #[schema(value_type = Option<String>)]
    authenticator_id: Option<AuthenticatorId>,
    /// What it is, or one of which is to be enrolled; any, where none is named.
    #[schema(value_type = Vec<String>)]
    kinds: Vec<AuthenticatorKind>,
    /// The authenticator counts for nothing, or the invitation is over, from then on.
    #[schema(value_type = Option<String>)]
    until: Option<Timestamp>,
}

impl From<obligations::Obligation> for Obligation {
    fn from(obligation: obligations::Obligation) -> Self {
        match obligation {
            obligations::Obligation::Rotate { authenticator_id, kind, until } => {
                Self { what: "rotate", authenticator_id: Some(authenticator_id), kinds: vec![kind], until }
            }
            obligations::Obligation::Enroll { kinds, until } => {
                Self { what: "enroll", authenticator_id: None, kinds: kinds.into_iter().collect(), until }
            }
        }
    }
}

impl Decision {
    pub(crate) fn is_allow(&self) -> bool {
        self.outcome == policy::OutcomeKind::Allow.name()
    }

    pub(crate) fn at(decision: decide::Decision, app: &App) -> Self {
        let verdict = decision.verdict;
        let outcome = verdict.outcome.kind().name();
        let (need, enroll) = match verdict.outcome {
            Outcome::StepUp { need } => (Some(need), Vec::new()),
            Outcome::Enroll { kinds } => {
                let offered: Vec<AuthenticatorKind> = app.offered().collect();
                (None, kinds.into_iter().filter(|kind| offered.contains(kind)).collect())
            }
            Outcome::Allow | Outcome::Deny => (None, Vec::new()),
        };
        Self {
            id: decision.id,
            outcome,
            decided_by: verdict.decided_by,
            reasons: verdict.reasons,
            signals: verdict.signals,
            risk: decision.risk,
            need,
            challenge: decision.challenge.map(|challenge| Challenge::at(challenge, app)),
            enroll,
            assertion: decision.assertion,
            notify: verdict.notify,
            grace_ends: verdict.grace_ends,
            obligations: decision.obligations.into_iter().map(Obligation::from).collect(),
            in_shadow: verdict.in_shadow,
            policy: decision.version,
            session: decision.session.into(),
        }
    }
}
