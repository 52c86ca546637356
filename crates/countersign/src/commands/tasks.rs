//! `countersign tasks`

use domain::{Clock, SystemClock};
use serde_json::{Value, json};

use super::verify::recorded_reason;
use super::{Desk, ask, need_user};
use crate::cli::{Said, TasksCommand};
use crate::client::{at, items, text};
use crate::failure::Failure;
use crate::output::{Column, Look, Table, clock_time, counted, moment, one_line};

/// Shows what runs of workflows ask people, and says yes or no to it.
pub(crate) async fn tasks(desk: &Desk, command: TasksCommand) -> Result<(), Failure> {
    match command {
        TasksCommand::List { role, workflow, user, run, state, limit, .. } => {
            let mut query = vec![("limit", limit.clamp(1, 500).to_string())];
            query.extend(
                [("role", role), ("workflow", workflow), ("state", state), ("run_id", run)].into_iter().filter_map(
                    |(name, value)| {
                        let value = value?;
                        Some((name, value))
                    },
                ),
            );
            if let Some(name) = user {
                query.push(("user_id", text(&need_user(&desk.client, &name).await?, "/id").to_owned()));
            }
            list(desk, &query).await
        }
        TasksCommand::Show(one) => show(desk, &one.task).await,
        TasksCommand::Approve(one) => verdict(desk, &one.task, &one.said, "approve").await,
        TasksCommand::Reject(one) => verdict(desk, &one.task, &one.said, "reject").await,
    }
}

async fn list(desk: &Desk, query: &[(&str, String)]) -> Result<(), Failure> {
    let list = desk.client.find_in(&["v1", "tasks"], query).await?;
    if desk.output.is_json() {
        desk.output.json(&list);
        return Ok(());
    }
    if items(&list).is_empty() {
        desk.output.remark("Nothing to decide.");
        return Ok(());
    }
    let now = SystemClock.now();
    let columns = [
        Column::text("WORKFLOW"),
        Column::text("STATE"),
        Column::text("APPROVED"),
        Column::text("UNTIL"),
        Column::long("ABOUT"),
        Column::text("ID").or_below(),
        Column::long("WHAT").or_below(),
    ];
    let mut table = Table::new(columns);
    for task in items(&list) {
        let state = text(task, "/state");
        table.row([
            (Look::Strong, one_line(text(task, "/workflow"))),
            (look(state), state.to_owned()),
            (Look::Plain, approved(task)),
            (Look::Plain, moment(at(task, "expires_at").as_str(), now)),
            (Look::Strong, one_line(&called(task, "about", "subject"))),
            (Look::Faint, text(task, "/id").to_owned()),
            (Look::Plain, one_line(text(task, "/message"))),
        ]);
    }
    table.print(desk.output, 0);
    Ok(())
}

async fn show(desk: &Desk, id: &str) -> Result<(), Failure> {
    let task = desk.client.get(&["v1", "tasks", id]).await?;
    let output = desk.output;
    if output.is_json() {
        output.json(&task);
        return Ok(());
    }
    let state = text(&task, "/state");
    let (name, id) = (one_line(text(&task, "/workflow")), output.paint(Look::Faint, text(&task, "/id")));
    output.line(format_args!("{}  {}  {id}", output.paint(Look::Strong, name), output.paint(look(state), state)));
    let words = |name: &str| {
        let words: Vec<&str> = at(&task, name).as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        words.join(", ")
    };
    for (what, value) in [
        // Whose account it is before what somebody wrote, which may say anything.
        ("about", called(&task, "about", "subject")),
        ("asks", text(&task, "/message").to_owned()),
        ("asked by", called(&task, "asked_by", "requester")),
        ("roles", words("roles")),
        ("releases", text(&task, "/releases").to_owned()),
        ("lets", lets(&task)),
        ("not", words("exclude")),
        ("evidence", words("evidence")),
        ("level", text(&task, "/level").to_owned()),
        ("approved", approved(&task)),
        ("until", clock_time(text(&task, "/expires_at"))),
        ("run", text(&task, "/run_id").to_owned()),
    ] {
        if !value.is_empty() {
            output.line(format_args!("  {}  {}", output.paint(Look::Faint, format!("{what:<10}")), one_line(&value)));
        }
    }
    for verdict in at(&task, "verdicts").as_array().into_iter().flatten() {
        let said = text(verdict, "/verdict");
        let look = if said == "approve" { Look::Good } else { Look::Bad };
        let time = output.paint(Look::Faint, clock_time(text(verdict, "/at")));
        let (who, why) = (text(verdict, "/user_id"), one_line(text(verdict, "/reason")));
        output.line(format_args!("{time}  {}  {who}  {}", output.paint(look, said), output.paint(Look::Faint, why)));
    }
    Ok(())
}

/// Proves for this very task, in a session that nobody goes on with, and decides.
pub(super) async fn verdict(desk: &Desk, task: &str, decide: &Said, verdict: &str) -> Result<(), Failure> {
    let user = need_user(&desk.client, &decide.who).await?;
    let code = match decide.code.as_deref() {
        Some("-") => Some(ask::line().await.ok_or_else(|| Failure::usage("no code came on standard input"))?),
        code => code.map(str::to_owned),
    };
    let mut session = None;
    let proved = match &code {
        Some(code) => {
            let new = json!({"user_id": at(&user, "id"), "amr": ["pwd"], "expires_in": 300});
            let made = desk.client.post(&["v1", "sessions"], new).await?;
            let made = session.insert(text(&made, "/id").to_owned());
            let proof = Proof { user: text(&user, "/id"), session: made, code };
            prove(desk, task, &proof, decide, verdict).await
        }
        None => Ok(None),
    };
    let said = match proved {
        Ok(challenge) => {
            let given = json!({
                "user_id": at(&user, "id"), "roles": decide.roles, "evidence": decide.saw, "reason": decide.reason,
                "challenge_id": challenge,
            });
            desk.client.post(&["v1", "tasks", task, verdict], given).await.map_err(Failure::from)
        }
        Err(failure) => Err(failure),
    };
    if let Some(session) = session {
        // Nobody goes on with this session.
        let _ = desk.client.delete(&["v1", "sessions", &session]).await;
    }
    let task = said?;
    if desk.output.is_json() {
        desk.output.json(&task);
    } else {
        let words = match text(&task, "/state") {
            "approved" => "is approved".to_owned(),
            "rejected" => "is rejected".to_owned(),
            _ => format!("wants more: {} approved", approved(&task)),
        };
        desk.output.success(format_args!("{} {words}", one_line(text(&task, "/workflow"))));
    }
    Ok(())
}

/// What is proved with, by whom.
struct Proof<'a> {
    user: &'a str,
    session: &'a str,
    code: &'a str,
}

/// Proves for a verdict. The roles and what was seen are looked at before the code is used up.
async fn prove(
    desk: &Desk,
    task: &str,
    proof: &Proof<'_>,
    decide: &Said,
    verdict: &str,
) -> Result<Option<String>, Failure> {
    let Proof { user, session, code } = proof;
    let wanted = json!({"session_id": session, "verdict": verdict, "roles": decide.roles, "evidence": decide.saw});
    let challenge = desk.client.post(&["v1", "tasks", task, "challenges"], wanted).await?;
    let id = text(&challenge, "/id");
    match desk.client.post(&["v1", "challenges", id, "verify"], json!({"code": code})).await {
        Ok(_) => Ok(Some(id.to_owned())),
        Err(refusal) if refusal.is("proof-rejected") => Err(Failure::no(refused(desk, user, &challenge).await)),
        Err(refusal) => Err(refusal.into()),
    }
}

/// Why a code was refused. The API answers every refusal alike (T-19); an operator who may see events is told more.
async fn refused(desk: &Desk, user: &str, challenge: &Value) -> String {
    let level = text(challenge, "/required/aal");
    match recorded_reason(desk, user, text(challenge, "/id")).await.ok().flatten().as_deref() {
        Some("replayed") => "that code was used already: wait for the next one".to_owned(),
        Some("too_weak") => {
            format!("what this proves is less than the {level} that the task asks for: use another authenticator")
        }
        Some("waiting") => "too many wrong codes: wait a little, then try again".to_owned(),
        Some("exhausted" | "suspended") => "too many wrong codes: the authenticator has to be bound anew".to_owned(),
        Some(_) => "that is not the code: check the phone's clock, or wait for the next one".to_owned(),
        None => format!(
            "the code was not accepted: it is wrong, was used already, or proves less than {level}. Wait for the next one; with the scope events:read it is said which"
        ),
    }
}

/// Whom a task names: as the application calls them, with the name on screens and our id behind it; or in the words in which they were told.
fn called(task: &Value, person: &str, otherwise: &str) -> String {
    let known = at(task, person);
    let external = text(known, "/external_id");
    if external.is_empty() {
        return text(task, &format!("/{otherwise}")).to_owned();
    }
    match text(known, "/display_name") {
        "" => format!("{external} {}", text(known, "/user_id")),
        name => format!("{external} ({name}) {}", text(known, "/user_id")),
    }
}

fn approved(task: &Value) -> String {
    format!("{} of {}", at(task, "approvals"), at(task, "quorum"))
}

/// How many users a release lets the run leave with nothing to prove by, and how many it has left so; nothing for what workflows ask by themselves.
fn lets(task: &Value) -> String {
    let many = |path: &str| task.pointer(path).and_then(Value::as_u64);
    let (Some(users), Some(administrators)) = (many("/lets/users"), many("/lets/administrators")) else {
        return String::new();
    };
    let (used, of_administrators) = (many("/used/users").unwrap_or(0), many("/used/administrators").unwrap_or(0));
    let of_them = match administrators {
        0 => "no administrator among them".to_owned(),
        _ => format!("{} among them", counted(administrators, "administrator")),
    };
    let by_now = match (used, of_administrators) {
        (0, _) => "none by now".to_owned(),
        (_, 0) => format!("{used} by now"),
        _ => format!("{used} by now, {} among them", counted(of_administrators, "administrator")),
    };
    format!("{}, {of_them}, left with nothing to prove by; {by_now}", counted(users, "user"))
}

fn look(state: &str) -> Look {
    match state {
        "approved" => Look::Good,
        "rejected" => Look::Bad,
        "timeout" | "cancelled" => Look::Warning,
        _ => Look::Plain,
    }
}
