//! `countersign verify`

use serde_json::{Value, json};

use super::{Desk, ask, need_user};
use crate::cli::VerifyArgs;
use crate::client::{Refusal, at, items, text};
use crate::failure::Failure;
use crate::output::{Look, one_line};

/// Checks one code, as an application would at login: session, challenge, proof.
pub(crate) async fn verify(desk: &Desk, args: &VerifyArgs) -> Result<(), Failure> {
    let code = match args.code.as_str() {
        "-" => ask::line().await.ok_or_else(|| Failure::usage("no code came on standard input"))?,
        code => code.to_owned(),
    };
    let user = need_user(&desk.client, &args.user).await?;
    let session = desk
        .client
        .post(&["v1", "sessions"], json!({"user_id": at(&user, "id"), "amr": ["pwd"], "expires_in": 300}))
        .await?;
    let session_id = text(&session, "/id");
    let challenge =
        desk.client.post(&["v1", "challenges"], json!({"session_id": session_id, "action": "login"})).await?;
    let path = ["v1", "challenges", text(&challenge, "/id"), "verify"];
    let answer = desk.client.post(&path, json!({"code": code})).await;
    // Nobody goes on with this session.
    let _ = desk.client.delete(&["v1", "sessions", session_id]).await;
    match answer {
        Ok(answer) => {
            tell(desk, args, &answer);
            Ok(())
        }
        Err(refusal) if refusal.is("proof-rejected") => Err(Failure::no(reason(desk, args, &user, &challenge).await)),
        Err(refusal) => Err(refusal.into()),
    }
}

fn tell(desk: &Desk, args: &VerifyArgs, answer: &Value) {
    if desk.output.is_json() {
        return desk.output.json(answer);
    }
    let kind = text(answer, "/authenticator/kind").replace('_', " ");
    desk.output.success(format_args!(
        "{} is verified {} {}",
        desk.output.paint(Look::Strong, one_line(&args.user)),
        desk.output.paint(Look::Good, text(answer, "/session/aal").to_uppercase()),
        desk.output.paint(Look::Faint, format_args!("{kind} {}", text(answer, "/authenticator/id")))
    ));
}

/// Why a proof was refused. The API answers every refusal alike (T-19); an operator who may see authenticators
/// and events is told more.
async fn reason(desk: &Desk, args: &VerifyArgs, user: &Value, challenge: &Value) -> String {
    let name = one_line(&args.user);
    let id = text(user, "/id");
    if text(user, "/state") == "suspended" {
        return format!("{name} is suspended: `countersign users resume {name}` lets the codes count again");
    }
    let Ok(authenticators) = desk.client.get(&["v1", "users", id, "authenticators"]).await else {
        return "the code was refused".to_owned();
    };
    if !items(&authenticators).iter().any(|authenticator| text(authenticator, "/state") == "active") {
        return format!("{name} has no active authenticator: `countersign enroll {name}` gives one");
    }
    match recorded_reason(desk, id, text(challenge, "/id")).await.ok().flatten().as_deref() {
        Some("replayed") => "that code was used already: wait for the next one".to_owned(),
        Some("waiting") => "too many wrong codes: wait a little, then try again".to_owned(),
        Some("exhausted" | "suspended") => {
            format!("too many wrong codes: the authenticator has to be bound anew with `countersign enroll {name}`")
        }
        _ => "that is not the code: check the phone's clock, or wait for the next one".to_owned(),
    }
}

/// Why the last proof for a challenge was refused, as the log has it.
pub(super) async fn recorded_reason(desk: &Desk, user_id: &str, challenge_id: &str) -> Result<Option<String>, Refusal> {
    let query = [("user_id", user_id.to_owned()), ("order", "desc".to_owned()), ("limit", "10".to_owned())];
    let events = desk.client.find_in(&["v1", "events"], &query).await?;
    let about =
        |event: &&Value| text(event, "/about/challenge") == challenge_id && !text(event, "/data/reason").is_empty();
    Ok(items(&events).iter().find(about).map(|event| text(event, "/data/reason").to_owned()))
}
