//! `countersign enroll`

use std::time::Duration;

use domain::{Clock, SystemClock, Timestamp};
use serde_json::{Value, json};

use super::{Desk, ask, find_user};
use crate::cli::EnrollArgs;
use crate::client::{Refusal, at, text};
use crate::failure::Failure;
use crate::output::{Look, Output, draw_qr, minutes, one_line};

/// How often a code may be typed.
const TRIES: u32 = 4;

/// Gives a user an authenticator.
pub(crate) async fn enroll(desk: &Desk, args: &EnrollArgs) -> Result<(), Failure> {
    let user = find_or_create(desk, args).await?;
    let session = desk
        .client
        .post(&["v1", "sessions"], json!({"user_id": at(&user, "id"), "amr": ["pwd"], "expires_in": 900}))
        .await?;
    let session_id = text(&session, "/id");
    let started = match start(desk, args, session_id).await {
        Err(refusal) if refusal.is("step-up-needed") => {
            step_up(desk, args, session_id).await?;
            start(desk, args, session_id).await?
        }
        other => other?,
    };
    show(desk, args, &started);
    let confirmed = confirm(desk, &started).await;
    if confirmed.is_err() {
        // It would expire by itself; taken back, its key is forgotten now.
        let _ = desk.client.delete(&["v1", "enrollments", text(&started, "/enrollment/id")]).await;
    }
    // The session was for this only; whether it is ended now or in a quarter of an hour changes nothing.
    let _ = desk.client.delete(&["v1", "sessions", session_id]).await;
    let confirmed = confirmed?;
    if desk.output.is_json() {
        desk.output.json_line(&confirmed);
    } else {
        congratulate(desk.output, args, &confirmed);
    }
    Ok(())
}

async fn find_or_create(desk: &Desk, args: &EnrollArgs) -> Result<Value, Failure> {
    if let Some(user) = find_user(&desk.client, &args.user).await? {
        return Ok(user);
    }
    let mut body = json!({"external_id": args.user});
    if let (Some(name), Some(body)) = (&args.display_name, body.as_object_mut()) {
        body.insert("display_name".to_owned(), json!(name));
    }
    Ok(desk.client.post(&["v1", "users"], body).await?)
}

async fn start(desk: &Desk, args: &EnrollArgs, session_id: &str) -> Result<Value, Refusal> {
    let mut body = json!({"session_id": session_id, "view": "inline", "qr": "none"});
    if let (Some(label), Some(body)) = (&args.label, body.as_object_mut()) {
        body.insert("label".to_owned(), json!(label));
    }
    desk.client.post(&["v1", "enrollments"], body).await
}

/// Who has an authenticator proves it before adding another (P-06, T-09).
async fn step_up(desk: &Desk, args: &EnrollArgs, session_id: &str) -> Result<(), Failure> {
    let challenge =
        desk.client.post(&["v1", "challenges"], json!({"session_id": session_id, "action": "enroll"})).await?;
    desk.output.remark(format_args!(
        "{} has an authenticator already. To add another, give a code from it (or a backup code).",
        one_line(&args.user)
    ));
    for left in (0..TRIES).rev() {
        if ask::is_somebody_there() {
            desk.output.text("Code: ");
        }
        let code = ask::line().await.ok_or_else(|| Failure::no("no code was given; nothing was changed"))?;
        match desk.client.post(&["v1", "challenges", text(&challenge, "/id"), "verify"], json!({"code": code})).await {
            Ok(_) => return Ok(()),
            Err(refusal) if refusal.is("proof-rejected") && left > 0 => {
                desk.output.remark("That code does not work. Each code works once; wait for the next one.");
            }
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Err(Failure::no("no code worked; nothing was changed"))
}

fn show(desk: &Desk, args: &EnrollArgs, started: &Value) {
    let (output, uri) = (desk.output, text(started, "/view/uri"));
    if output.is_json() {
        return output.json_line(started);
    }
    if !output.is_terminal() || !ask::is_somebody_there() {
        return output.line(uri);
    }
    output.line("");
    output.line(format_args!(
        "  Scan this with the authenticator app on {}'s phone:",
        output.paint(Look::Strong, one_line(&args.user))
    ));
    output.line("");
    match draw_qr(uri, output) {
        Some(lines) => lines.into_iter().for_each(|line| output.line(format_args!("  {line}"))),
        None => output.line(format_args!("  {uri}")),
    }
    output.line("");
    output.line("  Or type this key into the app (time-based):");
    output.line("");
    output.line(format_args!("    {}", output.paint(Look::Copy, grouped(text(started, "/view/secret")))));
    output.line("");
    output.line(format_args!(
        "  {}",
        output.paint(Look::Faint, "It is shown this once, and nobody can look it up later.")
    ));
    output.line("");
}

/// Fours are easier to type from.
fn grouped(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    letters.chunks(4).map(|four| four.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

async fn confirm(desk: &Desk, started: &Value) -> Result<Value, Failure> {
    let id = text(started, "/enrollment/id");
    let until: Option<Timestamp> = serde_json::from_value(at(at(started, "enrollment"), "expires_at").clone()).ok();
    for left in (0..TRIES).rev() {
        let code = code(desk.output, until).await?;
        match desk.client.post(&["v1", "enrollments", id, "confirm"], json!({"code": code})).await {
            Ok(confirmed) => return Ok(confirmed),
            Err(refusal) if left > 0 && (refusal.is("proof-rejected") || refusal.is("invalid-request")) => {
                let tries = if left == 1 { "one try".to_owned() } else { format!("{left} tries") };
                desk.output.remark(format_args!(
                    "  {} That is not the app's code; {tries} left. Is the phone's clock right?",
                    desk.output.paint(Look::Bad, "✗")
                ));
            }
            Err(refusal) => return Err(refusal.into()),
        }
    }
    Err(Failure::no("no code was right: run the command again for a new key"))
}

/// The code that is typed, with the time that is left for it above.
async fn code(output: Output, until: Option<Timestamp>) -> Result<String, Failure> {
    let shown = output.is_terminal() && ask::is_somebody_there() && !output.is_json();
    let left = || until.map_or(Duration::MAX, |until| until.since(SystemClock.now()));
    if shown {
        output.line(format_args!("  {}", remaining(output, left())));
        output.text("  Code from the app: ");
    }
    let mut answer = std::pin::pin!(ask::line());
    let mut second = tokio::time::interval(Duration::from_secs(1));
    let answer = loop {
        tokio::select! {
            answer = &mut answer => break answer,
            _ = second.tick() => {
                if left().is_zero() {
                    if shown { output.line(""); }
                    return Err(Failure::no("the time for the code is over: run the command again for a new key"));
                }
                if shown && output.has_colours() {
                    // Save the cursor, write the line above anew, go back: what was typed so far stays.
                    output.text(format_args!("\u{1b}7\u{1b}[1A\r\u{1b}[2K  {}\u{1b}8", remaining(output, left())));
                }
            }
        }
    };
    answer
        .filter(|answer| !answer.is_empty())
        .ok_or_else(|| Failure::no("no code was given: no authenticator was added, and the key is of no use any more"))
}

fn remaining(output: Output, left: Duration) -> String {
    let look = if left < Duration::from_mins(1) { Look::Warning } else { Look::Faint };
    output.paint(look, format_args!("{} left for the code", minutes(left)))
}

fn congratulate(output: Output, args: &EnrollArgs, confirmed: &Value) {
    let user = one_line(&args.user);
    output.line("");
    output.success(format_args!(
        "{} has an authenticator: {} {}",
        output.paint(Look::Strong, &user),
        text(confirmed, "/authenticator/id"),
        output.paint(Look::Faint, one_line(text(confirmed, "/authenticator/label")))
    ));
    let codes: Vec<&str> =
        at(confirmed, "backup_codes").as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !codes.is_empty() {
        output.line("");
        output.line("  Backup codes, for the day the phone is lost. Each works once; they are shown this once:");
        output.line("");
        for pair in codes.chunks(2) {
            output.line(format_args!("    {}", output.paint(Look::Strong, pair.join("    "))));
        }
    }
    output.line("");
    output.line(format_args!(
        "  {} {}",
        output.paint(Look::Faint, "Check the next code with"),
        output.paint(Look::Copy, format_args!("countersign verify {user} CODE"))
    ));
}
