//! The policy that a server starts with.

use domain::{PolicyAuthor, PolicyInForce, PolicyOrigin};
use store::Effect;

use super::applications::Steps;
use super::apply::Next;
use crate::app::{App, Error};
use crate::{PolicyFiles, PolicySource};

/// How often to try where other servers start at the same time.
const TRIES: usize = 5;

impl App {
    /// Puts the policy into force that this server was started with, where there is a folder that says so, or there is none yet. Else what is
    /// in force stays there.
    pub(crate) async fn put_policy_in_force(&self) -> Result<(), Error> {
        for _ in 0..TRIES {
            let newest = self.store.policy().await?;
            let Some((files, origin)) = self.to_start_with(newest.as_ref()) else { break };
            let (by, applications) = (PolicyAuthor::default(), &Steps::default());
            let (policy, workflows, alerts) = (&files.policy, &files.workflows[..], &files.alerts);
            let (version, files) = (files.version(), files.files.clone());
            let next = Next { version, files, policy, workflows, alerts, origin, by, applications };
            if self.put_policy(None, next, newest.as_ref()).await?.1 == Effect::Applied {
                break;
            }
        }
        if let Err(error) = self.policy_in_force().await {
            // The server starts, so that another policy can be applied; until then it decides nothing.
            tracing::error!(%error, "the policy in force cannot be used: nothing is decided");
        }
        Ok(())
    }

    fn to_start_with(&self, newest: Option<&PolicyInForce>) -> Option<(&PolicyFiles, PolicyOrigin)> {
        match &self.policies.source {
            PolicySource::Folder(files) => {
                let stays = newest.is_some_and(|newest| newest.files == files.files);
                (!stays).then_some((files, PolicyOrigin::Folder))
            }
            PolicySource::BuiltIn(files) => {
                let stays =
                    newest.is_some_and(|newest| newest.origin != PolicyOrigin::BuiltIn || newest.files == files.files);
                (!stays).then_some((files, PolicyOrigin::BuiltIn))
            }
        }
    }
}
