//! What files say of applications, held against those that there are, and what comes of it.
//!
//! Applications are known by their names. One of which the files say nothing stays as it is, unless it is asked that it go.

use std::collections::BTreeSet;

use domain::event::About;
use domain::{Application, ApplicationId, Event, EventKind, PolicyId, Scope, Timestamp};
use policy::{ApplicationSettings, Mistake, Place, Settings, Severity};
use store::ApplicationChange;

use super::plan::Difference;
use super::signature;
use crate::app::applications::told_of;
use crate::app::telling::With;
use crate::app::{Actor, App, Error};
use crate::sites::Sites;

/// What is to come of applications.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    steps: Vec<Step>,
    /// Those of which the files say nothing, and which stay.
    pub(crate) unlisted: Vec<String>,
    /// Those that are otherwise than the files in force say: something else changed them since.
    pub(crate) changed_since: Vec<String>,
    /// A hash over all applications and how often each was changed.
    pub(crate) seen: String,
}

/// What is to come of one: it is made, changed or deleted.
#[derive(Debug)]
struct Step {
    before: Option<Application>,
    after: Option<ApplicationSettings>,
}

impl Steps {
    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The names of those that are made, of those that change, and of those that are deleted.
    pub(crate) fn names(&self) -> [Vec<String>; 3] {
        let of = |before: bool, after: bool| {
            let steps = self.steps.iter();
            let steps = steps.filter(|step| (step.before.is_some(), step.after.is_some()) == (before, after));
            steps.map(|step| step.name().to_owned()).collect()
        };
        [of(false, true), of(true, true), of(true, false)]
    }

    /// What the files say otherwise than it is.
    pub(crate) fn differences(&self) -> impl Iterator<Item = Difference> {
        self.steps.iter().map(|step| Difference {
            what: format!("applications.{}", step.name()),
            before: step.before.as_ref().map(|before| ApplicationSettings::of(before).json()),
            after: step.after.as_ref().map(ApplicationSettings::json),
        })
    }

    /// What something else changed since the policy with this number was applied, and what the files say counts now instead.
    pub(super) fn what_was_overruled(&self, number: i64) -> impl Iterator<Item = Mistake> {
        let steps = self.steps.iter().filter(|step| self.changed_since.iter().any(|name| name == step.name()));
        steps.map(move |step| {
            let name = step.name();
            let message = format!(
                "something else changed `{name}` since policy {number} was applied, and that is gone: it is as these files say"
            );
            warning(step.after.as_ref(), message)
        })
    }

    /// Whether whoever asks may do all of it: nobody gives others what they have not got, nor changes those who can do more, nor becomes
    /// another one that is there.
    pub(super) fn may_be_taken_by(&self, actor: &Actor, sites: &Sites) -> Result<(), Error> {
        let own = &actor.application.scopes;
        for step in &self.steps {
            let (before, after) = (step.scopes_before(), step.scopes_after());
            let is_self = step.before.as_ref().is_some_and(|before| before.id == actor.application.id);
            if is_self && step.after.is_none() {
                return Err(Error::Conflict("it would delete the application that applies it: name it in the files"));
            }
            if own.contains(&Scope::Admin) {
                if is_self && !after.contains(&Scope::Admin) {
                    return Err(Error::Conflict(
                        "an administrator cannot take the admin scope from itself: let another do it",
                    ));
                }
                continue;
            }
            if let Some(lacking) = before.union(&after).find(|scope| !own.contains(scope)) {
                let (name, scope) = (step.name(), lacking.name());
                let has = if before.contains(lacking) { "has" } else { "would get" };
                return Err(Error::MayNot(format!(
                    "`{name}` {has} the scope `{scope}`, which the application that applies this has not got"
                )));
            }
            if let Some(what) = step.gives_away(sites) {
                let name = step.name();
                return Err(Error::MayNot(format!(
                    "{what}, and whoever has that acts as `{name}`: in a file this takes the scope `admin`, or an administrator does it by the API or `countersign applications`"
                )));
            }
        }
        Ok(())
    }

    /// As the store takes them, and with them whoever asks: what was found that they may do holds for those that they are.
    pub(super) fn changes(
        &self,
        actor: Option<&Actor>,
        id: impl Fn() -> ApplicationId,
        at: Timestamp,
    ) -> Vec<ApplicationChange> {
        let changes = self.steps.iter().filter_map(|step| match (&step.before, &step.after) {
            (Some(before), None) => Some(ApplicationChange::Delete(before.id, before.version)),
            (Some(before), Some(after)) => {
                let (id, version, created_at) = (before.id, before.version, before.created_at);
                Some(ApplicationChange::Update(application(after, id, version, created_at)))
            }
            (None, Some(after)) => Some(ApplicationChange::Create(application(after, id(), 1, at))),
            (None, None) => None,
        });
        let mut changes: Vec<_> = changes.collect();
        if let Some(own) = actor.map(|actor| &actor.application)
            && changes.iter().all(|change| change.id() != own.id)
        {
            changes.push(ApplicationChange::Stay(own.id, own.version));
        }
        // What one gives up another may get.
        changes.sort_by_key(|change| match change {
            ApplicationChange::Stay(..) | ApplicationChange::Delete(..) => 0,
            ApplicationChange::Update(_) => 1,
            ApplicationChange::Create(_) => 2,
        });
        changes
    }

    /// Whether those that were seen are as they were.
    fn still_hold(&self, present: &[Application]) -> bool {
        self.steps.iter().all(|step| {
            let now = present.iter().find(|now| now.name == step.name());
            now.map(|now| (now.id, now.version)) == step.before.as_ref().map(|before| (before.id, before.version))
        })
    }
}

impl Step {
    fn name(&self) -> &str {
        let before = self.before.as_ref().map(|before| before.name.as_str());
        before.or(self.after.as_ref().map(|after| after.name.as_str())).unwrap_or_default()
    }

    fn scopes_before(&self) -> BTreeSet<Scope> {
        self.before.as_ref().map(|before| before.scopes.clone()).unwrap_or_default()
    }

    fn scopes_after(&self) -> BTreeSet<Scope> {
        self.after.as_ref().map(|after| after.scopes.clone()).unwrap_or_default()
    }

    /// How somebody else would act as the one that it is about, if so: with its sessions, its pages, its site. Scopes do not say who may be
    /// that.
    fn gives_away(&self, sites: &Sites) -> Option<String> {
        let after = self.after.as_ref()?;
        let Some(before) = &self.before else {
            // Whose sessions count at a site that names it.
            let site = sites.that_names(&after.name)?;
            return Some(format!("the site `{site}` goes by the sessions of an application of this name"));
        };
        if let Some(origin) = after.return_origins.difference(&before.return_origins).next() {
            return Some(format!("`{}` is there, and its pages would lead back to {origin} as well", after.name));
        }
        let print = after.certificates.difference(&before.certificates).next()?;
        Some(format!("`{}` is there, and the certificate {print} would stand for it as well", after.name))
    }
}

fn application(wanted: &ApplicationSettings, id: ApplicationId, version: i64, created_at: Timestamp) -> Application {
    Application {
        id,
        name: wanted.name.clone(),
        scopes: wanted.scopes.clone(),
        certificates: wanted.certificates.clone(),
        return_origins: wanted.return_origins.clone(),
        version,
        created_at,
    }
}

impl App {
    /// What is to come of applications where `wanted` comes after `before`. `prune` deletes those of which nothing is said.
    pub(super) async fn application_steps(
        &self,
        before: Option<&Settings>,
        wanted: &Settings,
        prune: bool,
    ) -> Result<Steps, Error> {
        let present = self.store.applications().await?;
        let seen: Vec<_> = present.iter().map(|one| format!("{} {}", one.id, one.version)).collect();
        let mut steps = Steps { seen: signature::hash(seen.join("\n").as_bytes()), ..Steps::default() };
        let Some(wanted) = &wanted.applications else { return Ok(steps) };
        for after in wanted {
            let before = present.iter().find(|one| one.name == after.name);
            if before.is_none_or(|before| !ApplicationSettings::of(before).says_the_same(after)) {
                steps.steps.push(Step { before: before.cloned(), after: Some(after.clone()) });
            }
        }
        for unlisted in present.iter().filter(|one| wanted.iter().all(|wanted| wanted.name != one.name)) {
            if prune {
                steps.steps.push(Step { before: Some(unlisted.clone()), after: None });
            } else {
                steps.unlisted.push(unlisted.name.clone());
            }
        }
        let in_force = before.and_then(|before| before.applications.as_deref()).unwrap_or_default();
        let is_other = |said: &&ApplicationSettings| {
            let now = present.iter().find(|one| one.name == said.name);
            now.is_none_or(|now| !ApplicationSettings::of(now).says_the_same(said))
        };
        steps.changed_since = in_force.iter().filter(is_other).map(|said| said.name.clone()).collect();
        Ok(steps)
    }

    /// What would hurt: who loses something that they can do now.
    pub(super) async fn what_hurts(&self, steps: &Steps) -> Result<Vec<Mistake>, Error> {
        let mut hurts = Vec::new();
        for Step { before, after } in &steps.steps {
            let Some(before) = before else { continue };
            let now = self.now();
            let keys = self.store.api_keys(before.id).await?;
            let keys = keys.iter().filter(|key| key.expires_at.is_none_or(|end| now < end)).count();
            if keys == 0 && before.certificates.is_empty() {
                continue;
            }
            let (name, certificates) = (&before.name, before.certificates.len());
            let used = format!("{keys} keys and {certificates} certificates are good for it now");
            let Some(after) = after else {
                hurts.push(warning(None, format!("`{name}` would be deleted, and its sessions ended: {used}")));
                continue;
            };
            let lost: Vec<String> =
                before.scopes.difference(&after.scopes).map(|scope| format!("`{}`", scope.name())).collect();
            if !lost.is_empty() {
                let message = format!("`{name}` would lose {}: {used}", lost.join(", "));
                hurts.push(warning(Some(after), message));
            }
            for origin in before.return_origins.difference(&after.return_origins) {
                let open = self.store.pages_open_at(before.id, origin, now).await?;
                let message = format!("pages of `{name}` would lead back to {origin} no more: {open} are open that do");
                hurts.push(warning(Some(after), message));
            }
            let prints = before.certificates.difference(&after.certificates).count();
            if prints > 0 {
                let message = format!("{prints} certificates would stand for `{name}` no more");
                hurts.push(warning(Some(after), message));
            }
        }
        Ok(hurts)
    }

    /// Why steps were not taken.
    pub(super) async fn why_not(&self, steps: &Steps, actor: &Actor, before: PolicyId) -> Result<Error, Error> {
        let is_same = self.store.policy_id().await? == Some(before);
        let present = self.store.applications().await?;
        let own = &actor.application;
        let is_same = is_same && present.iter().any(|one| (one.id, one.version) == (own.id, own.version));
        let stood = is_same && !steps.is_empty() && steps.still_hold(&present);
        Ok(if stood { Error::LastAdministrator } else { Error::PolicyChanged })
    }

    /// What is told of them.
    pub(super) fn told_of_steps(
        &self,
        actor: Option<&Actor>,
        changes: &[ApplicationChange],
        policy: PolicyId,
    ) -> Vec<Event> {
        let told = changes.iter().filter_map(|change| {
            let (kind, application) = match change {
                ApplicationChange::Create(application) => (EventKind::ApplicationCreated, Some(application)),
                ApplicationChange::Update(application) => (EventKind::ApplicationUpdated, Some(application)),
                ApplicationChange::Delete(..) => (EventKind::ApplicationDeleted, None),
                ApplicationChange::Stay(..) => return None,
            };
            let event = self.event(kind, actor, About::default()).with("application", change.id().to_string());
            let event = application.map_or(event.clone(), |application| told_of(event, application));
            Some(event.with("policy", policy.to_string()))
        });
        told.collect()
    }
}

fn warning(about: Option<&ApplicationSettings>, message: String) -> Mistake {
    let nowhere = || Place { file: "in force".into(), line: 0, column: 0 };
    let place = about.map_or_else(nowhere, |about| about.place.clone());
    Mistake { severity: Severity::Warning, place, message, suggestion: None, other: None }
}
