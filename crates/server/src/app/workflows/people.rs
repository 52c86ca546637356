//! Whom runs know by a text, which may be an id of ours or the application's name for a user.

use std::collections::{BTreeSet, HashMap};

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

/// Users who were looked for together.
struct Called {
    users: HashMap<UserId, User>,
    ids: HashMap<String, UserId>,
}

impl Called {
    fn with_id(&self, id: UserId) -> Option<&User> {
        self.users.get(&id)
    }

    /// Whom a text names: by our id, or else as the application calls them. A text that looks like an id and is nobody's names nobody.
    fn named(&self, text: &str) -> Option<&User> {
        let with_id = text.parse().ok().and_then(|id| self.with_id(id));
        with_id.or_else(|| self.with_id(*self.ids.get(name_of_somebody(text)?.key())?))
    }

    fn in_task(&self, task: &Task) -> People {
        let about = match (task.user_id, &task.subject) {
            (Some(id), _) => self.with_id(id),
            (None, subject) => subject.as_deref().and_then(|subject| self.named(subject)),
        };
        let requester = task.requester.as_deref().and_then(|requester| self.named(requester));
        People { about: about.cloned().map(Person::from), requester: requester.cloned().map(Person::from) }
    }
}

/// A text as the application's name for somebody. By the id of a run it is told that nobody knows for whom it was.
fn name_of_somebody(text: &str) -> Option<ExternalId> {
    if text.parse::<RunId>().is_ok() { None } else { ExternalId::parse(text).ok() }
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
        Ok(self.called_in(std::slice::from_ref(task)).await?.in_task(task))
    }

    /// Tasks with whom each of them names, who are looked for together, however many tasks there are.
    pub(super) async fn with_people(&self, tasks: Vec<Task>) -> Result<Vec<(Task, People)>, Error> {
        let called = self.called_in(&tasks).await?;
        let with_people = |task| {
            let people = called.in_task(&task);
            (task, people)
        };
        Ok(tasks.into_iter().map(with_people).collect())
    }

    async fn called_in(&self, tasks: &[Task]) -> Result<Called, Error> {
        let ids = tasks.iter().filter_map(|task| task.user_id);
        // Whom a run is about is known by their id.
        let subjects = tasks.iter().filter(|task| task.user_id.is_none()).filter_map(|task| task.subject.as_deref());
        let texts = subjects.chain(tasks.iter().filter_map(|task| task.requester.as_deref()));
        self.called(ids.collect(), texts.collect()).await
    }

    /// The user whom a text names.
    pub(super) async fn user_called(&self, name: &str) -> Result<Option<User>, Error> {
        Ok(self.called(BTreeSet::new(), BTreeSet::from([name])).await?.named(name).cloned())
    }

    /// Users with these ids, and whom these texts name: one look into the store.
    async fn called(&self, mut ids: BTreeSet<UserId>, texts: BTreeSet<&str>) -> Result<Called, Error> {
        ids.extend(texts.iter().filter_map(|text| text.parse::<UserId>().ok()));
        let names: Vec<ExternalId> = texts.into_iter().filter_map(name_of_somebody).collect();
        let ids: Vec<UserId> = ids.into_iter().collect();
        let found = self.store.users_called(&ids, &names).await?;
        Ok(Called {
            ids: found.iter().map(|user| (user.external_id.key().to_owned(), user.id)).collect(),
            users: found.into_iter().map(|user| (user.id, user)).collect(),
        })
    }
}
