//! What files say of workflows: they come into force with the policy, in one commit.

use std::collections::BTreeMap;

use domain::{Event, PolicyInForce, Scope, Timestamp};
use gateway::outside::Request;
use policy::{Mistake, Place, Severity};
use store::{PutWorkflows, RunReach};

use crate::AlertFiles;
use crate::app::applications::has;
use crate::app::workflows::scopes_to_apply;
use crate::app::{Actor, App, Error};
use crate::policy_files::{speak_of_alerts, speak_of_workflows};
use crate::workflow_files::WorkflowFile;

/// How far a workflow reaches that would change.
#[derive(Debug)]
pub(crate) struct Reached {
    pub(crate) name: String,
    /// `changed` or `withdrawn`.
    pub(crate) change: &'static str,
    pub(crate) reach: RunReach,
}

impl App {
    /// Refuses workflows that whoever asks may not put into force, or this server could not carry.
    pub(super) fn may_workflows_be_applied(
        &self,
        actor: &Actor,
        before: &BTreeMap<String, String>,
        files: &BTreeMap<String, String>,
        workflows: &[WorkflowFile],
    ) -> Result<(), Error> {
        let is_about_them = |files| speak_of_workflows(files) || speak_of_alerts(files);
        if (is_about_them(before) || is_about_them(files)) && !has(&actor.application, Scope::WorkflowsWrite) {
            return Err(Error::MayNot("files of workflows and alerts take the scope `workflows:write`".to_owned()));
        }
        // What they do is done for whoever puts them there, and what they see is seen for them: it goes wherever the file says.
        for workflow in workflows {
            let mut scopes = scopes_to_apply(&workflow.definition).into_iter();
            if let Some(scope) = scopes.find(|scope| !has(&actor.application, *scope)) {
                let (name, scope) = (workflow.definition.name(), scope.name());
                return Err(Error::MayNot(format!(
                    "`{name}` takes the scope `{scope}`, which the application that applies this has not got"
                )));
            }
        }
        self.can_workflows_be_applied(workflows)
    }

    /// Refuses rules of alerts where a folder of this server's says which there are.
    pub(super) fn can_alerts_be_applied(&self, alerts: &AlertFiles) -> Result<(), Error> {
        if !alerts.rules.is_empty() && self.alerts.are_in_a_folder() {
            return Err(Error::Conflict(
                "this server's rules of alerts stand in the folder that `alerts.folder` names: change the files there and start the server again, or take `alerts.folder` out of its configuration",
            ));
        }
        Ok(())
    }

    /// How far the workflows reach that would change, be added or be withdrawn.
    pub(super) async fn workflows_reached(
        &self,
        actor: &Actor,
        before: &PolicyInForce,
        files: &BTreeMap<String, String>,
        workflows: &[WorkflowFile],
        since: Timestamp,
    ) -> Result<Vec<Reached>, Error> {
        let speak = speak_of_workflows(&before.files) || speak_of_workflows(files);
        if !speak || self.workflows.are_in_a_folder() || !has(&actor.application, Scope::WorkflowsRead) {
            return Ok(Vec::new());
        }
        let mut changes = BTreeMap::new();
        for one in self.store.workflows().await? {
            let next = workflows.iter().find(|file| file.definition.name() == one.name);
            match next {
                Some(file) if file.definition.digest() == one.digest => {}
                Some(_) => drop(changes.insert(one.name, "changed")),
                None => drop(changes.insert(one.name, "withdrawn")),
            }
        }
        let mut reached = Vec::new();
        for (name, change) in changes {
            let reach = self.store.run_reach(&name, since).await?;
            reached.push(Reached { name, change, reach });
        }
        Ok(reached)
    }

    /// Refuses workflows that this server could not carry.
    pub(super) fn can_workflows_be_applied(&self, workflows: &[WorkflowFile]) -> Result<(), Error> {
        if workflows.is_empty() {
            return Ok(());
        }
        if self.workflows.are_in_a_folder() {
            return Err(Error::Conflict(
                "this server's workflows stand in the folder that `workflows.folder` names: change the files there and start the server again, or take `workflows.folder` out of its configuration",
            ));
        }
        let missing = workflows.iter().flat_map(|workflow| {
            let secrets = workflow.definition.secrets().into_iter().map(workflow::SecretRef::reference);
            let missing = secrets.filter(|reference| !self.workflows.has_secret(reference));
            missing.map(|reference| Mistake {
                severity: Severity::Error,
                place: Place { file: workflow.file.as_str().into(), line: 0, column: 0 },
                message: format!(
                    "this server hands out no `{reference}`: its configuration names what files may refer to in policy.secrets"
                ),
                suggestion: None,
                other: None,
            })
        });
        let mut mistakes: Vec<Mistake> = missing.collect();
        for (place, url) in workflows.iter().flat_map(|workflow| workflow.definition.sends_secrets()) {
            if !url.is_some_and(|url| self.is_named(url)) {
                mistakes.push(Mistake {
                    severity: Severity::Error,
                    place: place.clone(),
                    message: "where an applied file says whom a secret is sent to, `url` is written out, and this server's configuration names its host in outside.allowed".to_owned(),
                    suggestion: None,
                    other: None,
                });
            }
        }
        if mistakes.is_empty() { Ok(()) } else { Err(Error::PolicyMistaken(mistakes)) }
    }

    /// Whether the operator named the host of an address: or else whoever applies files could have the secrets that this server hands out sent to a
    /// host of their own.
    fn is_named(&self, url: &str) -> bool {
        let Ok(request) = Request::with_method("POST", url) else { return false };
        let Some(post) = &self.post else { return false };
        request.host().is_some_and(|host| post.gateways().outside().names(host, request.port()))
    }

    /// What comes of workflows with a policy, where its files, or those before, say which there are.
    pub(super) async fn workflows_with(
        &self,
        workflows: &[WorkflowFile],
        before: Option<&PolicyInForce>,
    ) -> Result<Option<(PutWorkflows, Vec<Event>)>, Error> {
        let said_before = before.is_some_and(|before| speak_of_workflows(&before.files));
        if self.workflows.are_in_a_folder() || (workflows.is_empty() && !said_before) {
            return Ok(None);
        }
        let there = self.store.workflows().await?;
        let seen: Vec<(String, String)> = there.into_iter().map(|one| (one.name, one.digest)).collect();
        let (put, events) = self.changes_to_workflows(workflows, &seen);
        if events.is_empty() {
            return Ok(None);
        }
        let (same_events, same_schedules) = self.same_triggers(workflows, &seen).await;
        Ok(Some((PutWorkflows { seen, put, same_events, same_schedules }, events)))
    }
}
