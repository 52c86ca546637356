//! What runs do to authenticators.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    Authenticator, AuthenticatorId, AuthenticatorKind, AuthenticatorState, EventKind, RunId, Standing, UserId, backoff,
};
use serde_json::{Map, Value};
use store::{Change, HeldBy, Suspended};
use uuid::Uuid;
use workflow::Told;

use super::{
    Arguments, Done, Fault, MOST, Own, counted, is_held_by_another, is_meant, lifts, no_id, span, text, unsaid,
};
use crate::app::telling::With;
use crate::app::{App, Error};

impl App {
    /// Those that another run has suspended are held by both; those that a person has stay theirs.
    pub(super) async fn authenticators_suspended(&self, run: RunId, with: &Arguments) -> Done {
        let authenticators = match self.authenticators_meant(with).await? {
            Ok(authenticators) => authenticators,
            Err(fault) => return Ok(Err(fault)),
        };
        let by = self.held_of(&authenticators).await?;
        let meant = authenticators.iter().filter(|one| is_meant(with, one.id)).filter_map(|one| {
            let (change, event) = self.authenticator_into(None, one, AuthenticatorState::Suspended, None);
            if can_be(one, AuthenticatorState::Suspended) {
                return Some((change, event));
            }
            let is_held = one.state == AuthenticatorState::Suspended && is_held_by_another(by.get(&one.id.uuid()), run);
            is_held.then_some((Change::Hold(Suspended::Authenticator(one.id)), event))
        });
        Ok(Ok(all_of(meant)))
    }

    pub(super) async fn authenticators_into(&self, to: AuthenticatorState, with: &Arguments) -> Done {
        let authenticators = match self.authenticators_meant(with).await? {
            Ok(authenticators) => authenticators,
            Err(fault) => return Ok(Err(fault)),
        };
        let meant = authenticators.iter().filter(|one| can_be(one, to) && is_meant(with, one.id));
        Ok(Ok(all_of(meant.map(|one| self.authenticator_into(None, one, to, None)))))
    }

    /// Lets those be used again that this run has suspended; those that others have where the file says so.
    pub(super) async fn authenticators_lifted(&self, run: RunId, with: &Arguments) -> Done {
        let authenticators = match self.authenticators_meant(with).await? {
            Ok(authenticators) => authenticators,
            Err(fault) => return Ok(Err(fault)),
        };
        let (lifts, at) = (lifts(with, "suspended_by"), self.now());
        let by = self.held_of(&authenticators).await?;
        let meant = authenticators.iter().filter(|one| {
            let is_let = lifts.includes(by.get(&one.id.uuid()).copied(), run);
            can_be(one, AuthenticatorState::Active) && is_let && is_meant(with, one.id)
        });
        let changes = meant.map(|one| {
            let (_, event) = self.authenticator_into(None, one, AuthenticatorState::Active, None);
            (Change::Lift { whose: Suspended::Authenticator(one.id), lifts, at }, event)
        });
        Ok(Ok(all_of(changes)))
    }

    /// Gives them an end. One that ends earlier already keeps that.
    pub(super) async fn authenticators_end(&self, with: &Arguments) -> Done {
        let Some(rest) = span(with, "in") else { return Ok(Err(unsaid("in"))) };
        let authenticators = match self.authenticators_meant(with).await? {
            Ok(authenticators) => authenticators,
            Err(fault) => return Ok(Err(fault)),
        };
        let ends_at = self.now().plus(rest);
        let meant = authenticators.iter().filter(|one| one.is_bound() && one.ends_at.is_none_or(|end| end > ends_at));
        Ok(Ok(all_of(meant.map(|one| self.authenticator_until(one, ends_at)))))
    }

    /// Has their owners replace the keys of those that have one. A hardware token's came in a file, and is replaced by another token.
    pub(super) async fn authenticators_rotate(&self, with: &Arguments) -> Done {
        let authenticators = match self.authenticators_meant(with).await? {
            Ok(authenticators) => authenticators,
            Err(fault) => return Ok(Err(fault)),
        };
        let mut meant = Vec::new();
        for one in authenticators.iter().filter(|one| one.is_bound() && one.kind.has_key()) {
            let token = match one.kind {
                AuthenticatorKind::Hotp => self.store.hardware_token_of(one.id, self.now()).await?,
                _ => None,
            };
            if token.is_none() && one.rotation_asked_at.is_none() {
                meant.push(one);
            }
        }
        Ok(Ok(all_of(meant.into_iter().map(|one| self.authenticator_to_rotate(one)))))
    }

    /// Has a user asked for one of some kinds. Where none is named, nothing is asked for any more.
    pub(super) async fn authenticator_required(&self, with: &Arguments) -> Done {
        let (user, kinds) = match (self.user_meant(with).await?, kinds(with)) {
            (Ok(user), Ok(kinds)) => (user, kinds.unwrap_or_default()),
            (Err(fault), _) | (_, Err(fault)) => return Ok(Err(fault)),
        };
        let to = Standing { required: kinds, ..user.standing.clone() };
        let names: Vec<&str> = to.required.iter().map(|kind| kind.name()).collect();
        let event = |event: domain::Event| event.with("kinds", names);
        Ok(Ok(self.standing_in(&user, to, EventKind::UserAuthenticatorRequired, event)))
    }

    /// Which runs hold them suspended. They are all of one user, or one.
    async fn held_of(&self, authenticators: &[Authenticator]) -> Result<BTreeMap<Uuid, HeldBy>, Error> {
        match authenticators.iter().find(|one| one.state == AuthenticatorState::Suspended) {
            Some(one) => self.held(one.user_id).await,
            None => Ok(BTreeMap::new()),
        }
    }

    async fn authenticators_meant(&self, with: &Arguments) -> Result<Result<Vec<Authenticator>, Fault>, Error> {
        let mut authenticators = match (text(with, "authenticator"), text(with, "user")) {
            (Some(id), user) => {
                let Ok(id) = id.parse::<AuthenticatorId>() else { return Ok(Err(no_id(id, "an authenticator"))) };
                let found = self.store.authenticator(id).await?;
                let of_user = |one: &Authenticator| user.is_none_or(|user| one.user_id.to_string() == user);
                found.filter(of_user).into_iter().collect()
            }
            (None, Some(user)) => {
                let Ok(user) = user.parse::<UserId>() else { return Ok(Err(no_id(user, "a user"))) };
                self.store.authenticators_of(user).await?
            }
            (None, None) => return Ok(Err(Fault::final_one("neither a user nor an authenticator was said"))),
        };
        match kinds(with) {
            Ok(Some(kinds)) => authenticators.retain(|one| kinds.contains(&one.kind)),
            Ok(None) => {}
            Err(fault) => return Ok(Err(fault)),
        }
        Ok(Ok(authenticators))
    }
}

/// The kinds of authenticator that are named, if any are.
pub(super) fn kinds(with: &Arguments) -> Result<Option<BTreeSet<AuthenticatorKind>>, Fault> {
    let Some(Told::Value(Value::Array(names))) = with.get("kinds") else { return Ok(None) };
    let known = |name: &str| {
        AuthenticatorKind::from_name(name)
            .ok_or_else(|| Fault::final_one(format!("there is no kind of authenticator `{name}`")))
    };
    names.iter().filter_map(Value::as_str).map(known).collect::<Result<_, _>>().map(Some)
}

/// What is written of each of them, and how many there are.
fn all_of(changes: impl Iterator<Item = (store::Change, domain::Event)>) -> (Own, Map<String, Value>) {
    let mut own = Own::default();
    for change in changes.take(MOST) {
        own.push(change);
    }
    let count = own.changes.len();
    (own, counted(count))
}

/// Whether an authenticator can come into a state: the store's guard says it again.
fn can_be(authenticator: &Authenticator, to: AuthenticatorState) -> bool {
    let reachable = to.reachable_from().contains(&authenticator.state);
    match to {
        // A pending one is proved, and not resumed; and one with a spent budget is bound anew.
        AuthenticatorState::Active => {
            authenticator.state == AuthenticatorState::Suspended && authenticator.failures < backoff::BUDGET
        }
        _ => reachable,
    }
}
