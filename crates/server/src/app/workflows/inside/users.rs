//! What runs do to users: whether they may prove anything, and how they stand.

use domain::{Event, EventKind, RunId, Standing, User, UserState};
use serde_json::{Map, Value};

use store::{Change, Suspended};

use super::{Arguments, Done, Fault, Own, counted, is_held_by_another, is_meant, lifts, span, text, unsaid};
use crate::app::App;
use crate::app::standing::CHANGED;
use crate::app::telling::With;

impl App {
    /// One whom another run has locked is held by both; one whom a person has stays theirs.
    pub(super) async fn user_locked(&self, run: RunId, with: &Arguments) -> Done {
        let user = match self.user_meant(with).await? {
            Ok(user) => user,
            Err(fault) => return Ok(Err(fault)),
        };
        let mut own = Own::default();
        if is_meant(with, user.id) {
            let (change, event) = self.user_in_state(None, user.id, UserState::Suspended);
            if user.state == UserState::Active {
                own.push((change, event));
            } else if is_held_by_another(self.held(user.id).await?.get(&user.id.uuid()), run) {
                own.push((Change::Hold(Suspended::User(user.id)), event));
            }
        }
        let changed = counted(own.changes.len());
        Ok(Ok((own, changed)))
    }

    /// Unlocks a user whom this run has locked; one whom others have where the file says so.
    pub(super) async fn user_lifted(&self, run: RunId, with: &Arguments) -> Done {
        let user = match self.user_meant(with).await? {
            Ok(user) => user,
            Err(fault) => return Ok(Err(fault)),
        };
        let (lifts, mut own) = (lifts(with, "locked_by"), Own::default());
        if user.state == UserState::Suspended && is_meant(with, user.id) {
            let by = self.held(user.id).await?.get(&user.id.uuid()).copied();
            if lifts.includes(by, run) {
                let (_, event) = self.user_in_state(None, user.id, UserState::Active);
                own.push((Change::Lift { whose: Suspended::User(user.id), lifts, at: self.now() }, event));
            }
        }
        let changed = counted(own.changes.len());
        Ok(Ok((own, changed)))
    }

    /// Sets an attribute; an empty value takes it away.
    pub(super) async fn attribute_set(&self, with: &Arguments) -> Done {
        let user = match self.user_meant(with).await? {
            Ok(user) => user,
            Err(fault) => return Ok(Err(fault)),
        };
        let (name, value) = (text(with, "name").unwrap_or_default(), text(with, "value").unwrap_or_default());
        if !Standing::is_name(name) {
            let message = format!("`{name}` is no name of an attribute: these are small letters, digits and `_`");
            return Ok(Err(Fault::final_one(message)));
        }
        let mut to = user.standing.clone();
        if value.is_empty() {
            to.attributes.remove(name);
        } else if Standing::is_text(value) {
            to.attributes.insert(name.to_owned(), value.to_owned());
        } else {
            return Ok(Err(Fault::final_one("the value is too long, or has something in it that does not print")));
        }
        Ok(self.standing_within_bounds(&user, to, "attributes"))
    }

    /// Puts a user into a group, or takes them out.
    pub(super) async fn in_group(&self, is_in: bool, with: &Arguments) -> Done {
        let user = match self.user_meant(with).await? {
            Ok(user) => user,
            Err(fault) => return Ok(Err(fault)),
        };
        let group = text(with, "group").unwrap_or_default();
        if !Standing::is_text(group) {
            let message = "the name of the group is empty, too long, or has something in it that does not print";
            return Ok(Err(Fault::final_one(message)));
        }
        let mut to = user.standing.clone();
        if is_in {
            to.groups.insert(group.to_owned());
        } else {
            to.groups.remove(group);
        }
        Ok(self.standing_within_bounds(&user, to, "groups"))
    }

    /// The grace period goes on for so long from now, where it does not anyway.
    pub(super) async fn grace_extended(&self, with: &Arguments) -> Done {
        let Some(by) = span(with, "by") else { return Ok(Err(unsaid("by"))) };
        let user = match self.user_meant(with).await? {
            Ok(user) => user,
            Err(fault) => return Ok(Err(fault)),
        };
        let until = user.standing.grace_until.unwrap_or_default().max(self.now().plus(by));
        let to = Standing { grace_until: Some(until), ..user.standing.clone() };
        let event = |event: Event| event.with("until", until.to_string());
        Ok(Ok(self.standing_in(&user, to, EventKind::UserGraceExtended, event)))
    }

    fn standing_within_bounds(
        &self,
        user: &User,
        to: Standing,
        changed: &str,
    ) -> Result<(Own, Map<String, Value>), Fault> {
        if !to.is_bounded() {
            return Err(Fault::final_one(format!("the user has as many {changed} as are kept")));
        }
        let event = |event: Event| event.with(CHANGED, changed);
        Ok(self.standing_in(user, to, EventKind::UserUpdated, event))
    }

    /// What has a user stand otherwise; nothing, where they stand so already.
    pub(super) fn standing_in(
        &self,
        user: &User,
        to: Standing,
        kind: EventKind,
        told: impl FnOnce(Event) -> Event,
    ) -> (Own, Map<String, Value>) {
        let mut own = Own::default();
        if to != user.standing {
            let (change, event) = self.user_stands(None, user, to, kind);
            own.push((change, told(event)));
        }
        (own, Map::new())
    }
}
