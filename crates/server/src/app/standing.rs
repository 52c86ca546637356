//! How users stand: groups, attributes, and what is asked or thought of them for a while.

use std::collections::{BTreeMap, BTreeSet};

use domain::event::About;
use domain::{Event, EventKind, Standing, User, UserId};
use store::{Change, Effect};

use super::telling::With;
use super::{Actor, App, Error};

/// What of it was changed, as events say.
pub(in crate::app) const CHANGED: &str = "changed";
/// How often a change is tried again that others came before.
const TRIES: usize = 8;

/// What to change of how a user stands; `None` leaves as it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct StandingPatch {
    /// The groups, all of them.
    pub(crate) groups: Option<BTreeSet<String>>,
    /// Attributes, by name; `None` takes one away.
    pub(crate) attributes: BTreeMap<String, Option<String>>,
}

impl App {
    /// Changes a user's groups and attributes.
    pub(crate) async fn change_standing(
        &self,
        actor: &Actor,
        id: UserId,
        patch: &StandingPatch,
    ) -> Result<User, Error> {
        for _ in 0..TRIES {
            let mut user = self.user(id).await?;
            let to = patched(user.standing.clone(), patch);
            if to == user.standing {
                return Ok(user);
            }
            if !to.is_bounded() {
                return Err(Error::invalid(
                    "",
                    format!(
                        "a user has {} groups and {} attributes at most",
                        Standing::MOST_GROUPS,
                        Standing::MOST_ATTRIBUTES
                    ),
                ));
            }
            let (change, event) = self.user_stands(Some(actor), &user, to.clone(), EventKind::UserUpdated);
            let changed = if patch.groups.is_some() { "groups" } else { "attributes" };
            if self.commit(change, event.with(CHANGED, changed).with("reason", "requested")).await? == Effect::Applied {
                user.standing = to;
                return Ok(user);
            }
        }
        Err(Error::Conflict("the user was changed again and again meanwhile: try again"))
    }

    /// What has a user stand otherwise, and what is told of it. By a workflow where nobody asks. What is over by now goes with it.
    pub(in crate::app) fn user_stands(
        &self,
        actor: Option<&Actor>,
        user: &User,
        to: Standing,
        kind: EventKind,
    ) -> (Change, Event) {
        let about = About { user_id: Some(user.id), ..About::default() };
        let event = self.event(kind, actor, about).detailed(actor.and_then(|actor| self.origin(actor)));
        let (seen, to) = (Box::new(user.standing.clone()), Box::new(to.at(self.now())));
        (Change::PutStanding { user_id: user.id, seen, to }, event)
    }
}

fn patched(mut standing: Standing, patch: &StandingPatch) -> Standing {
    if let Some(groups) = &patch.groups {
        standing.groups.clone_from(groups);
    }
    for (name, value) in &patch.attributes {
        match value {
            Some(value) => drop(standing.attributes.insert(name.clone(), value.clone())),
            None => drop(standing.attributes.remove(name)),
        }
    }
    standing
}
