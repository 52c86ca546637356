//! One transaction for what has gathered: rounds in which no two changes meet, each kind as one set.

use std::collections::HashMap;

use domain::{ApplicationId, EnrollmentId, Timestamp};
use uuid::Uuid;

use super::outcome::Outcomes;
use super::{
    Item, alerts, browsers, clients, enroll, events, hardware_tokens, hygiene, idempotency, links, login, lower, pages,
    policies, prompts, rest, risk, runs, sign_ins, tasks,
};
use crate::engine::{Connection, Fault};
use crate::{
    AdvanceRun, Change, Commit, ConfirmEnrollment, Effect, RecordView, RegisterSession, Reject, Satisfy,
    StartEnrollment,
};

/// What a batch came to.
pub(crate) struct Done {
    pub(crate) effects: Vec<Effect>,
    /// The position of its last event, if it has any.
    pub(crate) head: Option<i64>,
}

/// Commits all of them in the transaction that has begun, or nothing.
pub(crate) async fn commit(connection: &mut Connection, commits: &[&Commit]) -> Result<Done, Fault> {
    match write(connection, commits).await {
        Ok((outcomes, head)) => {
            // What changed nothing needs no disk.
            if outcomes.any_applied() {
                connection.commit().await?;
            } else {
                connection.rollback().await?;
            }
            Ok(Done { effects: outcomes.into_effects().collect(), head })
        }
        Err(fault) => {
            if let Err(error) = connection.rollback().await {
                tracing::debug!(?error, "a transaction could not be undone; its connection is not used again");
                return Err(Fault::Unavailable(format!("{fault:?}")));
            }
            Err(fault)
        }
    }
}

async fn write(connection: &mut Connection, commits: &[&Commit]) -> Result<(Outcomes, Option<i64>), Fault> {
    let mut outcomes = Outcomes::new(commits.len());
    for round in rounds(commits) {
        write_round(connection, commits, &round, &mut outcomes).await?;
    }
    let head = events::write(connection, commits, &outcomes).await?;
    Ok((outcomes, head))
}

/// What no two changes of one round may both touch.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Touched<'a> {
    Id(Uuid),
    Key(ApplicationId, &'a str),
}

/// The places of the commits, sorted into rounds: of two that touch the same thing the later one is in a later
/// round.
fn rounds(commits: &[&Commit]) -> Vec<Vec<usize>> {
    let mut next: HashMap<Touched<'_>, usize> = HashMap::with_capacity(commits.len() * 3);
    let mut rounds: Vec<Vec<usize>> = Vec::new();
    for (index, commit) in commits.iter().enumerate() {
        let touched = touched(commit);
        let round = touched.iter().filter_map(|thing| next.get(thing)).max().copied().unwrap_or(0);
        for thing in touched {
            next.insert(thing, round + 1);
        }
        match rounds.get_mut(round) {
            Some(there) => there.push(index),
            None => rounds.push(vec![index]),
        }
    }
    rounds
}

fn touched(commit: &Commit) -> Vec<Touched<'_>> {
    let mut ids: Vec<Uuid> = Vec::with_capacity(4);
    if let Change::AdvanceRun(advance) = &commit.change {
        ids.push(advance.id.uuid());
    }
    for part in commit.change.parts() {
        touched_by(part, &mut ids);
    }
    let key = commit.idempotency.as_ref().map(|key| Touched::Key(key.application_id, &key.key));
    ids.into_iter().map(Touched::Id).chain(key).collect()
}

#[allow(clippy::too_many_lines, reason = "one line or a few for each change")]
fn touched_by(change: &Change, ids: &mut Vec<Uuid>) {
    match change {
        Change::CreateUser(user) => ids.push(user.id.uuid()),
        Change::RegisterSession(new) => ids.extend([new.session.id.uuid(), new.session.user_id.uuid()]),
        Change::StartEnrollment(start) => {
            let enrollment = &start.enrollment;
            ids.extend([enrollment.id.uuid(), enrollment.user_id.uuid(), enrollment.session_id.uuid()]);
            ids.push(start.authenticator.id.uuid());
            ids.extend(start.device.as_ref().map(|device| device.id.uuid()));
        }
        Change::RecordView(view) => {
            ids.extend([view.id.uuid(), view.authenticator_id.uuid()]);
            ids.extend(view.prompt.as_ref().map(|prompt| prompt.id.uuid()));
        }
        Change::ConfirmEnrollment(confirm) => {
            // What a user has may be bound one at a time only: the guard counts what there is.
            ids.extend([confirm.id.uuid(), confirm.user_id.uuid(), confirm.authenticator_id.uuid()]);
            ids.extend(confirm.replaces.map(domain::AuthenticatorId::uuid));
            ids.extend(confirm.prompt_id.map(domain::PromptId::uuid));
            ids.extend(confirm.backup_codes.as_ref().map(|(codes, _)| codes.id.uuid()));
            ids.extend(confirm.raise.as_ref().map(|raise| raise.session_id.uuid()));
        }
        Change::CreateChallenge(challenge) => ids.push(challenge.id.uuid()),
        Change::Satisfy(proof) => {
            ids.extend([proof.challenge_id.uuid(), proof.authenticator_id.uuid()]);
            if let crate::Used::Prompt(prompt, _) = proof.used {
                ids.push(prompt.uuid());
            }
            ids.extend(proof.raise.as_ref().map(|raise| raise.session_id.uuid()));
            ids.extend(proof.begins.iter().flat_map(|new| [new.session.id.uuid(), new.session.user_id.uuid()]));
        }
        Change::Reject(proof) => {
            ids.push(proof.challenge_id.uuid());
            ids.extend(proof.authenticators.iter().map(|id| id.uuid()));
        }
        Change::RejectEnrollment { id, .. }
        | Change::CancelEnrollment { id, .. }
        | Change::RetryEnrollment { id, .. } => ids.push(id.uuid()),
        Change::UpdateUser { id, .. } | Change::SetUserState { id, .. } | Change::EraseUser { id } => {
            ids.push(id.uuid());
        }
        Change::Lift { whose, .. } | Change::Hold(whose) => ids.push(whose.uuid()),
        Change::CreateDevice(device) => ids.extend([device.id.uuid(), device.user_id.uuid()]),
        Change::DeleteDevice { id } => ids.push(id.uuid()),
        Change::RenameAuthenticator { id, .. }
        | Change::SetAuthenticatorState { id, .. }
        | Change::SetCredential { id, .. }
        | Change::LimitAuthenticator { id, .. }
        | Change::AskRotation { id, .. }
        | Change::Rewrap { id, .. } => ids.push(id.uuid()),
        Change::EndSession { id, .. } | Change::PutSessionRisk { id, .. } | Change::ForgetProofs { id, .. } => {
            ids.push(id.uuid());
        }
        Change::CancelChallenge { id, .. } | Change::UseChallenge { id, .. } => ids.push(id.uuid()),
        Change::PutPolicy(policy, applications, _) => {
            ids.push(policy.id.uuid());
            ids.extend(applications.iter().map(|change| change.id().uuid()));
        }
        Change::PutRiskHistory { user_id, .. } | Change::PutStanding { user_id, .. } => ids.push(user_id.uuid()),
        Change::CreateApplication(application, _) | Change::UpdateApplication { application, .. } => {
            ids.push(application.id.uuid());
        }
        Change::DeleteApplication { id, .. } => ids.push(id.uuid()),
        Change::CreateApiKey { key, .. } => ids.extend([key.id.uuid(), key.application_id.uuid()]),
        Change::RevokeApiKey { id, .. } => ids.push(id.uuid()),
        Change::CreatePrompt(prompt) => {
            ids.push(prompt.id.uuid());
            ids.extend(prompt.challenge_id.map(domain::ChallengeId::uuid));
            ids.extend(prompt.enrollment_id.map(domain::EnrollmentId::uuid));
            ids.extend(prompt.user_id.map(domain::UserId::uuid));
        }
        Change::ResendPrompt { id, .. }
        | Change::ClaimPrompt { id, .. }
        | Change::MovePrompt { id, .. }
        | Change::EndPrompt { id, .. } => {
            ids.push(id.uuid());
        }
        Change::ReplaceBackupCodes(replace) => {
            ids.extend([replace.set.user_id.uuid(), replace.trust.session_id.uuid()]);
        }
        Change::ImportHardwareTokens(_)
        | Change::RemoveHardwareToken { .. }
        | Change::AssignHardwareToken { .. }
        | Change::ReleaseHardwareToken { .. }
        | Change::RewrapHardwareToken { .. }
        | Change::EnrollHardwareToken(_) => ids.extend(hardware_tokens::touched(change)),
        Change::RememberBrowser(remember) => {
            ids.extend([remember.browser.id.uuid(), remember.browser.user_id.uuid(), remember.proved.uuid()]);
            ids.extend([remember.session_id.uuid(), remember.challenge_id.uuid()]);
        }
        Change::CreatePage(page) => ids.push(page.id.uuid()),
        Change::RedeemPage(redeem) => ids.push(redeem.id.uuid()),
        Change::NameChallenge(name) => ids.extend([name.id.uuid(), name.page_id.uuid(), name.user_id.uuid()]),
        Change::AdvancePage { seen, .. } => ids.push(seen.id.uuid()),
        Change::OpenPage { id, .. } | Change::RefusePage { id, .. } | Change::FinishPage { id, .. } => {
            ids.push(id.uuid());
        }
        Change::CreateSignIn(sign_in) => ids.extend([sign_in.id.uuid(), sign_in.session_id.uuid()]),
        Change::FinishSignIn(finish) => ids.push(finish.id.uuid()),
        Change::RefuseSignIn { id, .. } | Change::SeeSignIn { id, .. } => ids.push(id.uuid()),
        Change::TellRun(input) => ids.push(input.run_id.uuid()),
        Change::ArmLink(arm) => ids.push(arm.id.uuid()),
        Change::FollowLink(follow) => {
            ids.push(follow.id.uuid());
            ids.extend(follow.session_id.map(domain::SessionId::uuid));
            ids.extend(follow.gives.iter().map(|gives| gives.set.user_id.uuid()));
        }
        Change::NoteLateLink { id, .. } | Change::WithdrawLink { id, .. } => ids.push(id.uuid()),
        Change::GiveVerdict(give) => {
            ids.extend([give.run_id.uuid(), give.verdict.user_id.uuid()]);
            ids.extend(give.verdict.challenge_id.map(domain::ChallengeId::uuid));
            ids.extend(give.verdict.authenticator_id.map(domain::AuthenticatorId::uuid));
            ids.extend(give.session_id.map(domain::SessionId::uuid));
        }
        // What of them is about a run is written one after the other, and looks at the claim first.
        Change::AdvanceRun(_)
        | Change::WriteAlerts(_)
        | Change::OpenTask(_)
        | Change::CloseTask(_)
        | Change::CreateLink(_)
        | Change::PutWorkflows(_)
        | Change::BeginRuns(_)
        | Change::ClaimRuns { .. }
        | Change::RenewRuns { .. }
        | Change::ReleaseRuns { .. }
        | Change::LetGoOfRuns { .. }
        | Change::PutKeyring { .. }
        | Change::RetireKeys { .. }
        | Change::BlockAddress { .. }
        | Change::UnblockAddress { .. }
        | Change::SwitchGateway(_)
        | Change::EndSwitch { .. }
        | Change::Tell => {}
    }
}

/// The changes of a round by kind; those that are rare in one list.
#[derive(Default)]
struct Round<'a> {
    users: Vec<Item<'a, domain::User>>,
    sessions: Vec<Item<'a, RegisterSession>>,
    started: Vec<Item<'a, StartEnrollment>>,
    views: Vec<Item<'a, RecordView>>,
    confirmed: Vec<Item<'a, ConfirmEnrollment>>,
    rejected_enrollments: Vec<(usize, (EnrollmentId, Timestamp))>,
    challenges: Vec<Item<'a, domain::Challenge>>,
    satisfied: Vec<Item<'a, Satisfy>>,
    rejected: Vec<Item<'a, Reject>>,
    advanced: Vec<Item<'a, AdvanceRun>>,
    rest: Vec<Item<'a, Change>>,
}

impl<'a> Round<'a> {
    fn push(&mut self, index: usize, change: &'a Change) {
        match change {
            Change::CreateUser(user) => self.users.push((index, user)),
            Change::RegisterSession(session) => self.sessions.push((index, session)),
            Change::StartEnrollment(start) => self.started.push((index, start)),
            Change::RecordView(view) => self.views.push((index, view)),
            Change::ConfirmEnrollment(confirm) => self.confirmed.push((index, confirm)),
            Change::RejectEnrollment { id, at } => self.rejected_enrollments.push((index, (*id, *at))),
            Change::CreateChallenge(challenge) => self.challenges.push((index, challenge)),
            Change::Satisfy(proof) => self.satisfied.push((index, proof)),
            Change::Reject(proof) => self.rejected.push((index, proof)),
            Change::AdvanceRun(advance) if runs::is_by_itself(advance) => self.advanced.push((index, advance)),
            rest => self.rest.push((index, rest)),
        }
    }
}

async fn write_round(
    connection: &mut Connection,
    commits: &[&Commit],
    places: &[usize],
    outcomes: &mut Outcomes,
) -> Result<(), Fault> {
    let commit_at = |index: &usize| commits.get(*index).map(|commit| (*index, *commit));
    let keys: Vec<_> = places
        .iter()
        .filter_map(commit_at)
        .filter_map(|(index, commit)| Some((index, commit.idempotency.as_ref()?)))
        .collect();
    let repeated: HashMap<usize, Effect> = idempotency::take(connection, &keys).await?.into_iter().collect();
    let mut round = Round::default();
    for (index, commit) in places.iter().filter_map(commit_at) {
        match repeated.get(&index) {
            Some(effect) => outcomes.set(index, effect.clone()),
            None => round.push(index, &commit.change),
        }
    }
    for (index, change) in &round.rest {
        let effect = match change {
            Change::PutWorkflows(_)
            | Change::BeginRuns(_)
            | Change::ClaimRuns { .. }
            | Change::RenewRuns { .. }
            | Change::ReleaseRuns { .. }
            | Change::LetGoOfRuns { .. }
            | Change::AdvanceRun(_)
            | Change::TellRun(_) => runs::write(connection, *index, change, outcomes).await?,
            Change::WriteAlerts(write) => alerts::write(connection, write).await?,
            Change::LimitAuthenticator { .. }
            | Change::AskRotation { .. }
            | Change::ForgetProofs { .. }
            | Change::BlockAddress { .. }
            | Change::UnblockAddress { .. }
            | Change::EndSwitch { .. }
            | Change::PutStanding { .. } => hygiene::write(connection, change).await?,
            change => write_rare(connection, change).await?,
        };
        outcomes.set(*index, effect);
    }
    runs::advance_all(connection, &round.advanced, outcomes).await?;
    login::create_users(connection, &round.users, outcomes).await?;
    login::register_sessions(connection, &round.sessions, outcomes).await?;
    enroll::start(connection, &round.started, outcomes).await?;
    enroll::record_views(connection, &round.views, outcomes).await?;
    enroll::confirm(connection, &round.confirmed, outcomes).await?;
    enroll::reject(connection, &round.rejected_enrollments, outcomes).await?;
    let judged = round.confirmed.iter().map(|(index, confirm)| (*index, confirm.id, false));
    let judged = judged.chain(round.rejected_enrollments.iter().map(|(index, (id, _))| (*index, *id, true)));
    hardware_tokens::count(connection, judged, outcomes).await?;
    login::create_challenges(connection, &round.challenges, outcomes).await?;
    login::satisfy(connection, &round.satisfied, outcomes).await?;
    login::reject(connection, &round.rejected, outcomes).await?;
    browsers::forget(connection, commits, places, outcomes).await?;
    lower::sessions(connection, commits, places, outcomes).await?;
    let unused = keys.iter().filter(|(index, _)| !repeated.contains_key(index) && !outcomes.is_applied(*index));
    idempotency::release(connection, &unused.map(|(_, key)| *key).collect::<Vec<_>>()).await
}

#[allow(clippy::too_many_lines, reason = "one line or a few for each change")]
async fn write_rare(connection: &mut Connection, change: &Change) -> Result<Effect, Fault> {
    match change {
        Change::UpdateUser { .. } | Change::SetUserState { .. } | Change::EraseUser { .. } => {
            write_user(connection, change).await
        }
        Change::CreateDevice(_) | Change::DeleteDevice { .. } => write_device(connection, change).await,
        Change::RenameAuthenticator { .. }
        | Change::SetAuthenticatorState { .. }
        | Change::SetCredential { .. }
        | Change::Rewrap { .. } => write_authenticator(connection, change).await,
        Change::EndSession { id, by, at } => rest::end_session(connection, *id, *by, *at).await,
        Change::CancelChallenge { .. } | Change::UseChallenge { .. } => write_challenge(connection, change).await,
        Change::CancelEnrollment { .. } | Change::RetryEnrollment { .. } => write_enrollment(connection, change).await,
        Change::CreateApplication(..)
        | Change::UpdateApplication { .. }
        | Change::DeleteApplication { .. }
        | Change::CreateApiKey { .. }
        | Change::RevokeApiKey { .. } => clients::write(connection, change).await,
        Change::CreatePrompt(_)
        | Change::ResendPrompt { .. }
        | Change::ClaimPrompt { .. }
        | Change::MovePrompt { .. }
        | Change::EndPrompt { .. } => write_prompt(connection, change).await,
        Change::ReplaceBackupCodes(replace) => enroll::replace_backup_codes(connection, replace).await,
        Change::ImportHardwareTokens(tokens) => hardware_tokens::import(connection, tokens).await,
        Change::RemoveHardwareToken { id, at } => hardware_tokens::remove(connection, *id, *at).await,
        Change::AssignHardwareToken { id, to, at } => hardware_tokens::assign(connection, *id, *to, *at).await,
        Change::ReleaseHardwareToken { id } => hardware_tokens::release(connection, *id).await,
        Change::EnrollHardwareToken(enroll) => hardware_tokens::enroll(connection, enroll).await,
        Change::RewrapHardwareToken { id, from, to } => hardware_tokens::rewrap(connection, *id, from, to).await,
        Change::RememberBrowser(remember) => browsers::remember(connection, remember).await,
        Change::CreatePage(page) => pages::create(connection, page).await,
        Change::OpenPage { id, browser, at } => pages::open(connection, *id, browser, *at).await,
        Change::RedeemPage(redeem) => pages::redeem(connection, redeem).await,
        Change::NameChallenge(name) => pages::name(connection, name).await,
        Change::AdvancePage { seen, next, at } => pages::advance(connection, seen, next, *at).await,
        Change::RefusePage { id, reason } => pages::refuse(connection, *id, *reason).await,
        Change::FinishPage { id, to } => pages::finish(connection, *id, *to).await,
        Change::CreateSignIn(_) | Change::FinishSignIn(_) | Change::RefuseSignIn { .. } | Change::SeeSignIn { .. } => {
            sign_ins::write(connection, change).await
        }
        Change::PutRiskHistory { .. } | Change::PutSessionRisk { .. } => risk::put(connection, change).await,
        Change::ArmLink(_) | Change::FollowLink(_) | Change::NoteLateLink { .. } => {
            links::write(connection, change).await
        }
        Change::GiveVerdict(give) => tasks::decide(connection, give).await,
        Change::PutKeyring { .. } | Change::RetireKeys { .. } | Change::PutPolicy(..) => {
            write_house(connection, change).await
        }
        Change::Tell => Ok(Effect::Applied),
        // Those that are written as sets, and runs and what they do to people, which are written by themselves.
        Change::LimitAuthenticator { .. }
        | Change::AskRotation { .. }
        | Change::ForgetProofs { .. }
        | Change::BlockAddress { .. }
        | Change::UnblockAddress { .. }
        | Change::SwitchGateway(_)
        | Change::EndSwitch { .. }
        | Change::PutStanding { .. }
        | Change::PutWorkflows(_)
        | Change::BeginRuns(_)
        | Change::ClaimRuns { .. }
        | Change::RenewRuns { .. }
        | Change::ReleaseRuns { .. }
        | Change::LetGoOfRuns { .. }
        | Change::AdvanceRun(_)
        | Change::OpenTask(_)
        | Change::CloseTask(_)
        | Change::CreateLink(_)
        | Change::WithdrawLink { .. }
        | Change::Lift { .. }
        | Change::Hold(_)
        | Change::TellRun(_)
        | Change::WriteAlerts(_)
        | Change::CreateUser(_)
        | Change::RegisterSession(_)
        | Change::StartEnrollment(_)
        | Change::RecordView(_)
        | Change::ConfirmEnrollment(_)
        | Change::RejectEnrollment { .. }
        | Change::CreateChallenge(_)
        | Change::Satisfy(_)
        | Change::Reject(_) => Ok(Effect::Refused),
    }
}

/// What users hold.
async fn write_device(connection: &mut Connection, change: &Change) -> Result<Effect, Fault> {
    match change {
        Change::CreateDevice(device) => rest::create_device(connection, device).await,
        Change::DeleteDevice { id } => rest::delete_device(connection, *id).await,
        _ => Ok(Effect::Refused),
    }
}

/// What becomes of a challenge but being proved.
async fn write_challenge(connection: &mut Connection, change: &Change) -> Result<Effect, Fault> {
    match change {
        Change::CancelChallenge { id, at } => rest::cancel_challenge(connection, *id, *at).await,
        Change::UseChallenge { id, at } => rest::use_challenge(connection, *id, *at).await,
        _ => Ok(Effect::Refused),
    }
}

/// What becomes of an authenticator that is there.
async fn write_authenticator(connection: &mut Connection, change: &Change) -> Result<Effect, Fault> {
    match change {
        Change::RenameAuthenticator { id, label, by, at } => {
            rest::rename_authenticator(connection, *id, label, *by, *at).await
        }
        Change::SetAuthenticatorState { id, to, by, at } => {
            rest::set_authenticator_state(connection, *id, *to, *by, *at, None).await
        }
        Change::SetCredential { id, seen, to } => rest::set_credential(connection, *id, seen, to).await,
        Change::Rewrap { id, from, to } => rest::rewrap(connection, *id, from, to).await,
        _ => Ok(Effect::Refused),
    }
}

/// What becomes of an enrollment but being viewed and confirmed.
async fn write_enrollment(connection: &mut Connection, change: &Change) -> Result<Effect, Fault> {
    match change {
        Change::CancelEnrollment { id, .. } => rest::cancel_enrollment(connection, *id).await,
        Change::RetryEnrollment { id, at, view_expires_at, expires_at } => {
            rest::retry_enrollment(connection, *id, *at, *view_expires_at, *expires_at).await
        }
        _ => Ok(Effect::Refused),
    }
}

/// What is sent to people and asked of devices.
async fn write_prompt(connection: &mut Connection, change: &Change) -> Result<Effect, Fault> {
    match change {
        Change::CreatePrompt(prompt) => prompts::create(connection, prompt).await,
        Change::ResendPrompt { id, sends, hash, at } => {
            prompts::resend(connection, *id, *sends, hash.as_ref(), *at).await
        }
        Change::ClaimPrompt { id, answer, at } => prompts::claim(connection, *id, answer, *at).await,
        Change::MovePrompt { id, from, to, data, at } => prompts::move_to(connection, *id, *from, *to, data, *at).await,
        Change::EndPrompt { id, to } => prompts::end(connection, *id, *to).await,
        _ => Ok(Effect::Refused),
    }
}

/// What happens to a user as a whole.
async fn write_user(connection: &mut Connection, change: &Change) -> Result<Effect, Fault> {
    match change {
        Change::UpdateUser { id, display_name, kind } => {
            rest::update_user(connection, *id, display_name.as_deref(), *kind).await
        }
        Change::SetUserState { id, to } => rest::set_user_state(connection, *id, *to, None).await,
        Change::EraseUser { id } => rest::erase_user(connection, *id).await,
        _ => Ok(Effect::Refused),
    }
}

/// What is of the whole store, and of nobody in it.
async fn write_house(connection: &mut Connection, change: &Change) -> Result<Effect, Fault> {
    match change {
        Change::PutKeyring { expected, keyring } => rest::put_keyring(connection, *expected, keyring).await,
        Change::RetireKeys { expected, keyring, oldest } => {
            rest::retire_keys(connection, *expected, keyring, *oldest).await
        }
        Change::PutPolicy(policy, applications, beside) => {
            let effect = policies::put(connection, policy, applications).await?;
            let Some(beside) = beside.as_ref().filter(|_| effect == Effect::Applied) else { return Ok(effect) };
            if let Some(workflows) = &beside.workflows {
                runs::put_with_policy(connection, workflows).await?;
            }
            if let Some(rules) = &beside.alerts {
                alerts::put_with_policy(connection, rules).await?;
            }
            Ok(effect)
        }
        _ => Ok(Effect::Refused),
    }
}
