//! Whom a workflow would leave with nothing to prove anything with.

use std::collections::{BTreeMap, BTreeSet};

use std::time::Duration;

use domain::{
    Authenticator, AuthenticatorId, AuthenticatorKind, AuthenticatorState, ExternalId, Run, ShutOut, UserId, UserState,
};
use policy::Policy;
use store::{Change, Leeway, Spares};
use tokio::time::Instant;
use workflow::{Extent, Key};

use super::inside::Own;
use super::releases::{QUORUM, released_by};
use super::start::is_called_in_loop;
use crate::app::{App, Error};

/// The most users of whom it is looked up what they have left.
const MOST: usize = 10_000;
/// Of a step, which changes no more than a commit does, all of them are looked at.
const NO_DEADLINE: Duration = Duration::from_hours(1);

/// Whether an authenticator is a factor that somebody can prove something with now and from now on. Backup codes and browsers that are remembered come
/// beside one, and are none; nor is one whose end was set one to rely on.
pub(super) fn is_usable(authenticator: &Authenticator) -> bool {
    let is_factor = !matches!(authenticator.kind, AuthenticatorKind::BackupCodes | AuthenticatorKind::Browser);
    authenticator.state == AuthenticatorState::Active && authenticator.ends_at.is_none() && is_factor
}

/// The users who could prove nothing any more: those who would be locked, and those whose last usable factor would be taken.
pub(super) async fn shut_out(
    app: &App,
    lost: &BTreeMap<UserId, BTreeSet<AuthenticatorId>>,
    locked: &BTreeSet<UserId>,
) -> Result<BTreeSet<UserId>, Error> {
    let never = Instant::now() + NO_DEADLINE;
    Ok(shut_out_until(app, lost, locked, never).await?.0)
}

/// The same as far as there is time, and whether that is all of them.
pub(super) async fn shut_out_until(
    app: &App,
    lost: &BTreeMap<UserId, BTreeSet<AuthenticatorId>>,
    locked: &BTreeSet<UserId>,
    deadline: Instant,
) -> Result<(BTreeSet<UserId>, bool), Error> {
    let nothing = BTreeSet::new();
    let losers = lost.iter().filter(|(_, gone)| !gone.is_empty()).map(|(user, _)| user);
    let all: BTreeSet<UserId> = losers.chain(locked).copied().collect();
    let is_whole = all.len() <= MOST;
    let mut shut_out = BTreeSet::new();
    for user in all.into_iter().take(MOST) {
        if Instant::now() >= deadline {
            return Ok((shut_out, false));
        }
        let all = app.store.authenticators_of(user).await?;
        let gone = lost.get(&user).unwrap_or(&nothing);
        let had = all.iter().any(is_usable);
        let has = all.iter().any(|one| is_usable(one) && !gone.contains(&one.id));
        // Who had nothing before loses nothing.
        if had && (!has || locked.contains(&user)) {
            shut_out.insert(user);
        }
    }
    Ok((shut_out, is_whole))
}

/// Those of the users whom the policy in force names as administrators, by themselves or by a group that they are known to be in, with what the
/// application calls them; and whether there was time for all. Groups that are said only where something is decided are not known here.
pub(super) async fn administrators_among(
    app: &App,
    users: &BTreeSet<UserId>,
    deadline: Instant,
) -> Result<(Vec<(UserId, String)>, bool), Error> {
    let (known, mut among) = (app.policy_in_force().await?, Vec::new());
    let policy = &known.policy;
    if !policy.names_groups_of_administrators() {
        for name in policy.administrator_names() {
            let Ok(id) = ExternalId::parse(name) else { continue };
            let user = app.store.user_by_external_id(&id).await?.filter(|user| users.contains(&user.id));
            among.extend(user.map(|user| (user.id, user.external_id.as_given().to_owned())));
        }
        return Ok((among, true));
    }
    for id in users {
        if Instant::now() >= deadline {
            return Ok((among, false));
        }
        let Some(user) = app.store.user(*id).await? else { continue };
        let name = user.external_id.as_given();
        if policy.names_administrator(name, &user.standing.groups) {
            among.push((user.id, name.to_owned()));
        }
    }
    Ok((among, true))
}

/// How long the users that were counted are taken for those that there are.
const COUNTED: Duration = Duration::from_mins(1);

/// What takes a recovery back: who had nothing before it is left with nothing again, and that at once.
const TAKES_BACK: &str = "recovery.withdraw";

/// Whether a step takes from anybody what they prove by.
pub(super) fn takes(own: &Own) -> bool {
    let (lost, locked) = taken(own);
    !lost.is_empty() || !locked.is_empty()
}

/// What a step takes: authenticators, by user, and whom it locks. What another run holds suspended is taken already, and counted where it was.
pub(super) fn taken(own: &Own) -> (BTreeMap<UserId, BTreeSet<AuthenticatorId>>, BTreeSet<UserId>) {
    let (mut lost, mut locked): (BTreeMap<UserId, BTreeSet<AuthenticatorId>>, BTreeSet<UserId>) = Default::default();
    for (change, event) in own.changes.iter().zip(&own.events) {
        let authenticator = match change {
            Change::SetUserState { id, to } if *to != UserState::Active => {
                locked.insert(*id);
                continue;
            }
            Change::SetAuthenticatorState { id, to, .. } if *to != AuthenticatorState::Active => *id,
            Change::LimitAuthenticator { id, .. } => *id,
            _ => continue,
        };
        if let Some(user) = event.about.user_id {
            lost.entry(user).or_default().insert(authenticator);
        }
    }
    (lost, locked)
}

/// Takes somebody out of a group: of one by which they are an administrator not without two people, or whoever is one could be made none first.
pub(super) const DEMOTING: &str = "user.remove_from_group";

/// The administrators who would be none any more, by the groups that they would be in.
async fn demoted(app: &App, own: &Own) -> Result<Vec<UserId>, Error> {
    let mut demoted = Vec::new();
    for change in &own.changes {
        let Change::PutStanding { user_id, seen, to } = change else { continue };
        if seen.groups == to.groups {
            continue;
        }
        let policy = &app.policy_in_force().await?.policy;
        let Some(user) = app.store.user(*user_id).await? else { continue };
        if demotes(policy, user.external_id.as_given(), (&seen.groups, &to.groups)) {
            demoted.push(*user_id);
        }
    }
    Ok(demoted)
}

/// Whether somebody is an administrator in the former groups, and none in the latter.
fn demotes(policy: &Policy, name: &str, (before, after): (&BTreeSet<String>, &BTreeSet<String>)) -> bool {
    policy.names_administrator(name, before) && !policy.names_administrator(name, after)
}

/// The groups that users would be in before something, and after it.
pub(super) type Moves = BTreeMap<UserId, BTreeSet<(BTreeSet<String>, BTreeSet<String>)>>;

/// What the application calls those who would be administrators no more by one of these moves, and whether there was time for all.
pub(super) async fn demoted_until(app: &App, moves: &Moves, deadline: Instant) -> Result<(Vec<String>, bool), Error> {
    let (known, mut demoted) = (app.policy_in_force().await?, Vec::new());
    for (id, moves) in moves {
        if Instant::now() >= deadline {
            return Ok((demoted, false));
        }
        let Some(user) = app.store.user(*id).await? else { continue };
        let name = user.external_id.as_given();
        if moves.iter().any(|(before, after)| demotes(&known.policy, name, (before, after))) {
            demoted.push(name.to_owned());
        }
    }
    Ok((demoted, true))
}

/// The budget of what workflows do to users of their own finding: in loops, or to others than whom the run is about.
pub(super) const TOGETHER: &str = "";
/// As long an account counts as new.
const NEW: Duration = Duration::from_hours(7 * 24);

/// The budget of a workflow for those whom its runs are about. Accounts that were just made have one beside that: whoever makes some to use it up does
/// not use up that of others.
pub(super) fn own_budget(workflow: &str, is_new: bool) -> String {
    if is_new { format!("{workflow}+new") } else { workflow.to_owned() }
}

/// Which budget users count to whom a step leaves with nothing. What happens to whoever a run is about is answered for them, and counts to the workflow alone, unless a loop of
/// another workflow found them and called it: others who have it happen to them take nothing from anybody's protection by another one.
async fn budget(app: &App, run: &Run, key: &Key, users: &BTreeSet<UserId>) -> Result<String, Error> {
    let is_found = !key.iteration.is_empty() || is_called_in_loop(run);
    let subject = run.user_id.filter(|subject| !is_found && users.iter().eq([subject]));
    let Some(subject) = subject else { return Ok(TOGETHER.to_owned()) };
    let is_new = |created: domain::Timestamp| app.now().since(created) < NEW;
    let user = app.store.user(subject).await?;
    Ok(own_budget(&run.workflow, user.is_some_and(|user| is_new(user.created_at))))
}

/// Who is to be left with something to prove by, where what a step does takes from anybody.
pub(super) async fn spares(app: &App, run: &Run, key: &Key, action: &str, own: &Own) -> Result<Option<Spares>, Error> {
    let (lost, locked) = taken(own);
    let users: BTreeSet<UserId> = lost.into_keys().chain(locked).collect();
    let demotes = demoted(app, own).await?;
    if (users.is_empty() && demotes.is_empty()) || action == TAKES_BACK {
        return Ok(None);
    }
    let (administrators, _) = administrators_among(app, &users, Instant::now() + NO_DEADLINE).await?;
    let administrators = administrators.into_iter().map(|(id, _)| id).collect();
    let (most, budget) = (app.most_shut_out().await?, budget(app, run, key, &users).await?);
    let (users, step) = (users.into_iter().collect(), released_by(key));
    Ok(Some(Spares { users, administrators, demotes, step, budget, most }))
}

/// About whom a loop is, counted before it begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Foreseen {
    /// So many users, at most: of loops in each other, of the one about the most.
    users: i64,
    /// So many of them by loops of the run itself: each run that a loop calls asks people for its own.
    own: i64,
    /// How many users workflows leave with nothing to prove by in their day, by the end of a loop that does something to all whom it finds: what a condition
    /// leaves out is not known before.
    by_the_end: Option<i64>,
}

impl Foreseen {
    /// Of the loops around a step, and of those that called its run, and whether each does something to all whom it finds.
    pub(super) fn of(around: &[(Extent, bool)], called_by: &[(Extent, bool)]) -> Option<Self> {
        let many = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let all = || around.iter().chain(called_by);
        let users = all().map(|(extent, _)| many(extent.users)).max()?;
        let own = around.iter().map(|(extent, _)| many(extent.users)).max().unwrap_or(0);
        // Those of a loop come once to what there was before it, however far it is.
        let whole = all().filter(|(_, is_all)| *is_all);
        let by_the_end = whole.map(|(extent, _)| many(extent.shut_out).saturating_add(many(extent.users))).max();
        Some(Self { users, own, by_the_end })
    }
}

/// What is more than workflows may do in a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beyond {
    /// What a step would do now.
    Step,
    /// What the loop would that it is in.
    Loop,
}

/// Whether so many users at hand, or all of the loop, are more than workflows may leave with nothing in a day.
fn beyond(shut_out: i64, here: i64, foreseen: Option<Foreseen>, most: i64) -> Option<Beyond> {
    if shut_out.saturating_add(here) > most {
        return Some(Beyond::Step);
    }
    foreseen?.by_the_end.filter(|by_the_end| *by_the_end > most).map(|_| Beyond::Loop)
}

/// What a step has to wait for.
#[derive(Debug)]
pub(super) struct Waits {
    /// Why, for people.
    pub(super) why: String,
    /// To how many users they are asked to let it.
    pub(super) lets: ShutOut,
}

/// To how many users people are asked to let a step: to all of the loop that it is in, where there are more of them than may be.
/// Where it is but for the administrators, to those at hand; and of administrators ever to those alone.
fn asked(here: ShutOut, all: i64, beyond: Option<Beyond>, leeway: &Leeway) -> ShutOut {
    let others_are_let = beyond.is_none() || leeway.lets(ShutOut { administrators: 0, ..here });
    if others_are_let { here } else { ShutOut { users: all.max(here.users), ..here } }
}

/// So many, in words.
fn told(of: ShutOut) -> String {
    let many = |count: i64, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    match of.administrators {
        0 => many(of.users, "user"),
        administrators => format!("{}, {} among them", many(of.users, "user"), many(administrators, "administrator")),
    }
}

/// Why a step has to wait for people, if it has to. The commit has the same guard: this says in words what that refuses.
pub(super) async fn stands_in_the_way(
    app: &App,
    run: &Run,
    spares: &Spares,
    own: &Own,
    foreseen: Option<Foreseen>,
) -> Result<Option<Waits>, Error> {
    let (lost, locked) = taken(own);
    let shut_out = shut_out(app, &lost, &locked).await?;
    let demoted = spares.demotes.iter().filter(|one| !shut_out.contains(one)).count();
    if shut_out.is_empty() && demoted == 0 {
        return Ok(None);
    }
    let leeway = app.store.run_leeway(run.id, &spares.step, &spares.budget, app.now()).await?;
    let many = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let administrators = spares.administrators.iter().filter(|one| shut_out.contains(one)).count();
    let here = ShutOut { users: many(shut_out.len() + demoted), administrators: many(administrators + demoted) };
    if leeway.lets(here) {
        return Ok(None);
    }
    let beyond = match shut_out.len() {
        0 => None,
        shut_out => beyond(leeway.shut_out, many(shut_out), foreseen, spares.most),
    };
    if beyond.is_none() && here.administrators == 0 && !leeway.is_asked {
        return Ok(None);
    }
    let (of_loop, own) = foreseen.map_or((0, 0), |foreseen| (foreseen.users, foreseen.own));
    let lets = asked(here, own, beyond, &leeway);
    let (shut_out, most) = (leeway.shut_out, spares.most);
    let why = match beyond {
        _ if leeway.is_asked => "it is asked for already".to_owned(),
        Some(Beyond::Loop) => format!(
            "the loop that it is in is about {of_loop} users, workflows left {shut_out} with nothing to prove by within a day, and may leave {most}",
        ),
        Some(Beyond::Step) if spares.budget == TOGETHER => {
            format!("workflows left {shut_out} users with nothing to prove by within a day, and may leave {most}")
        }
        Some(Beyond::Step) => format!(
            "this workflow left {shut_out} of those whom its runs are about with nothing to prove by within a day, and may leave {most}"
        ),
        None if demoted > 0 => "it would take an administrator out of the group by which they are one".to_owned(),
        None => "it would leave an administrator with nothing to prove by".to_owned(),
    };
    let why = format!("{why}: {QUORUM} people have to release it, for {}", told(lets));
    Ok(Some(Waits { why, lets }))
}

impl App {
    /// How many users of one budget may be left with nothing to prove by in a day.
    pub(super) async fn most_shut_out(&self) -> Result<i64, Error> {
        let kept = *self.workflows.population();
        let population = match kept {
            Some((at, population)) if at.elapsed() < COUNTED => population,
            _ => {
                let population = self.store.population().await?;
                *self.workflows.population() = Some((Instant::now(), population));
                population
            }
        };
        let may = self.settings.shut_out;
        Ok((population.saturating_mul(may.share.into()) / 100).max(may.floor.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(users: i64, shut_out: i64) -> Extent {
        let many = |count: i64| u64::try_from(count).unwrap();
        Extent { items: many(users), users: many(users), is_whole: true, shut_out: many(shut_out) }
    }

    /// Goes through a loop of so many users, of whom each loses what they prove by. How many it gets to before it is held, and for what.
    fn goes_through(users: i64, before: i64, most: i64) -> (i64, Option<Beyond>) {
        let foreseen = Foreseen::of(&[(extent(users, before), true)], &[]);
        for done in 0..users {
            if let Some(beyond) = beyond(before + done, 1, foreseen, most) {
                return (done, Some(beyond));
            }
        }
        (users, None)
    }

    #[test]
    fn w09_a_loop_about_as_many_as_there_may_be_goes_through_and_a_longer_one_does_not_begin() {
        for before in [0, 3] {
            assert_eq!(goes_through(7, before, 7 + before), (7, None));
            assert_eq!(goes_through(8, before, 7 + before), (0, Some(Beyond::Loop)));
        }
    }

    #[test]
    fn w09_what_others_do_meanwhile_counts_and_a_condition_is_not_foreseen() {
        let of = |users, is_all| Foreseen::of(&[(extent(users, 0), is_all)], &[]);
        assert_eq!(beyond(7, 1, of(7, true), 7), Some(Beyond::Step));
        assert_eq!(beyond(0, 1, of(9, false), 7), None);
        assert_eq!(beyond(7, 1, of(9, false), 7), Some(Beyond::Step));
        assert_eq!(beyond(0, 8, None, 7), Some(Beyond::Step));
    }

    #[test]
    fn w09_of_loops_in_each_other_none_hides_another_one() {
        for around in [[(9, true), (1000, false)], [(1000, false), (9, true)]] {
            let around = around.map(|(users, is_all)| (extent(users, 0), is_all));
            let foreseen = Foreseen::of(&around, &[]);
            assert_eq!(beyond(0, 1, foreseen, 7), Some(Beyond::Loop), "the one that does it to nine does");
            assert_eq!(foreseen.map(|foreseen| foreseen.users), Some(1000), "people are asked once for all");
        }
        assert!(Foreseen::of(&[], &[]).is_none());
    }

    #[test]
    fn w09_a_loop_that_calls_runs_is_counted_for_each_of_them_and_each_asks_for_its_own() {
        let foreseen = Foreseen::of(&[], &[(extent(9, 0), true)]);
        assert_eq!(beyond(0, 1, foreseen, 7), Some(Beyond::Loop));
        assert_eq!(foreseen.map(|foreseen| (foreseen.users, foreseen.own)), Some((9, 0)));
    }

    #[test]
    fn w09_whom_a_loop_found_and_called_a_run_about_counts_together() {
        let of = |step: &str, cause: &str| {
            let run = Run { caller: Some((run().id, step.to_owned())), cause: cause.to_owned(), ..run() };
            is_called_in_loop(&run)
        };
        assert!(!is_called_in_loop(&run()));
        let (by_itself, in_loop) =
            (r#"{"cause":"schedule","depth":1}"#, r#"{"cause":"schedule","depth":2,"in_loop":true}"#);
        assert!(!of("call", by_itself));
        assert!(of("call@3", by_itself), "its caller is in a loop");
        assert!(of("call", in_loop), "what called its caller is");
        assert!(of("call", "{"), "it cannot be told");
    }

    fn run() -> Run {
        super::super::tasks::tests::task().1
    }

    const fn so_many(users: i64, administrators: i64) -> ShutOut {
        ShutOut { users, administrators }
    }

    #[test]
    fn w09_people_are_asked_for_a_whole_loop_and_for_no_administrator_but_those_at_hand() {
        let nobody = Leeway::default();
        let (step, of_loop) = (Some(Beyond::Step), Some(Beyond::Loop));
        assert_eq!(asked(so_many(1, 0), 9, of_loop, &nobody), so_many(9, 0));
        assert_eq!(asked(so_many(1, 1), 9, of_loop, &nobody), so_many(9, 1));
        assert_eq!(asked(so_many(4, 0), 0, step, &nobody), so_many(4, 0));
        // Where there would be room for all of them, the question is about the administrator, and about nobody else.
        assert_eq!(asked(so_many(1, 1), 9, None, &nobody), so_many(1, 1));
        let released = Leeway { released: vec![so_many(5, 0)], ..Leeway::default() };
        assert_eq!(asked(so_many(1, 1), 9, step, &released), so_many(1, 1));
        assert_eq!(asked(so_many(6, 1), 9, step, &released), so_many(9, 1));
    }

    #[test]
    fn w09_people_are_told_how_many_they_let() {
        assert_eq!(told(so_many(1, 0)), "1 user");
        assert_eq!(told(so_many(6, 2)), "6 users, 2 administrators among them");
    }
}
