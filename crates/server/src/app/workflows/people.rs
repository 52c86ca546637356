//! Whom runs know by a text, which may be an id of ours or the application's name for a user.

use domain::{ExternalId, RunId, Task, User, UserId};
use serde_json::{Map, Value};
use workflow::{Definition, Kind};

use crate::app::{App, Error};

/// A user, as people know them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) user_id: UserId,
    /// What the application calls them, which nobody changes.
    pub(crate) external_id: String,
    /// What they are called on screens, where that is something else.
    pub(crate) display_name: Option<String>,
}

impl From<User> for Person {
    fn from(user: User) -> Self {
        let external_id = user.external_id.as_given().to_owned();
        let display_name = user.display_name.filter(|name| *name != external_id);
        Self { user_id: user.id, external_id, display_name }
    }
}

/// Whom a task names who is a user here.
#[derive(Debug, Clone, Default)]
pub(crate) struct People {
    /// Whom it is about.
    pub(crate) about: Option<Person>,
    /// Who started the run.
    pub(crate) requester: Option<Person>,
}

impl App {
    /// What was filled in, with users by their ids, whichever way they were named. Whom nobody here is called like is told of at once, and not by a step once
    /// people have approved it.
    pub(super) async fn with_users(
        &self,
        definition: &Definition,
        mut inputs: Map<String, Value>,
    ) -> Result<Map<String, Value>, Error> {
        for input in definition.inputs().iter().filter(|input| input.kind == Kind::User) {
            let Some(Value::String(name)) = inputs.get_mut(&input.name) else { continue };
            let user = self.user_called(name).await?.ok_or_else(|| {
                let why = "names no user here: give the id of one, or what you call them (`external_id`)";
                Error::invalid(&format!("/inputs/{}", input.name), why)
            })?;
            *name = user.id.to_string();
        }
        Ok(inputs)
    }

    /// Whom a task names, as they are called now. Whoever decides has to know whose account it is, whatever the application may see otherwise (T-31).
    pub(super) async fn people_of(&self, task: &Task) -> Result<People, Error> {
        let about = match (task.user_id, &task.subject) {
            (Some(id), _) => self.store.user(id).await?,
            (None, Some(subject)) => self.user_called(subject).await?,
            (None, None) => None,
        };
        let requester = match &task.requester {
            Some(requester) => self.user_called(requester).await?,
            None => None,
        };
        Ok(People { about: about.map(Person::from), requester: requester.map(Person::from) })
    }

    /// The user whom a text names: by our id, or else as the application calls them. A text that looks like an id and is nobody's names nobody.
    pub(super) async fn user_called(&self, name: &str) -> Result<Option<User>, Error> {
        if let Ok(id) = name.parse::<UserId>()
            && let Some(user) = self.store.user(id).await?
        {
            return Ok(Some(user));
        }
        // By the id of a run it is told that nobody knows for whom it was.
        if name.parse::<RunId>().is_ok() {
            return Ok(None);
        }
        let Ok(external) = ExternalId::parse(name) else { return Ok(None) };
        Ok(self.store.user_by_external_id(&external).await?)
    }
}
