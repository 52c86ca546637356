//! `countersign runs watch` and `countersign runs top`: what goes on, as it does.

use std::io::{IsTerminal, Read};
use std::time::Duration;

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde_json::Value;
use tokio::sync::mpsc;

use super::Desk;
use super::runs::{PART, look, tell};
use crate::client::{at, items, text};
use crate::failure::Failure;
use crate::output::{Column, Look, Output, Table, duration, one_line};

/// How often it is looked whether something happened in a run.
const LOOK: Duration = Duration::from_millis(500);

/// Follows the history of a run until it is over.
pub(super) async fn watch(desk: &Desk, id: &str) -> Result<(), Failure> {
    let mut cursor: Option<String> = None;
    loop {
        // First: what happens after it is looked at is seen below, or in the next round.
        let run = desk.client.get(&["v1", "runs", id]).await?;
        loop {
            let mut query = vec![("limit", PART.to_owned())];
            query.extend(cursor.clone().map(|cursor| ("cursor", cursor)));
            let page = desk.client.find_in(&["v1", "runs", id, "steps"], &query).await?;
            for line in items(&page) {
                if desk.output.is_json() {
                    desk.output.json_line(line);
                } else {
                    tell(line, desk.output);
                }
                cursor = Some(at(line, "line").to_string());
            }
            if at(&page, "next_cursor").is_null() {
                break;
            }
        }
        if !at(&run, "ended_at").is_null() {
            let state = text(&run, "/state");
            if !desk.output.is_json() {
                let name = one_line(text(&run, "/workflow"));
                desk.output.line(format_args!("{name} {}", desk.output.paint(look(state), state)));
            }
            return Ok(());
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Shows how workflows do, again and again; once where nobody looks at it as it comes.
pub(super) async fn top(desk: &Desk, window: &str, every: u64) -> Result<(), Failure> {
    let span = workflow::parse_duration(window)
        .ok_or_else(|| Failure::usage("--window is a number and its unit, as in `15m`, `24h` or `7d`"))?;
    let query = [("window", span.as_secs().to_string())];
    let path = &["v1", "workflow-stats"];
    let stats = desk.client.find_in(path, &query).await?;
    if desk.output.is_json() {
        desk.output.json(&stats);
        return Ok(());
    }
    if !desk.output.is_terminal() || !std::io::stdin().is_terminal() {
        for line in lines(&stats, desk.output) {
            desk.output.line(line);
        }
        return Ok(());
    }
    let mut keys = Keys::listen()?;
    let mut lines = lines(&stats, desk.output);
    loop {
        let head = format!("countersign runs top  last {window}  every {every} s, q to quit");
        desk.output.text(format_args!(
            "\u{1b}[H\u{1b}[J{}\n\n{}\n",
            desk.output.paint(Look::Faint, head),
            lines.join("\n")
        ));
        tokio::select! {
            () = keys.quit() => return Ok(()),
            () = tokio::time::sleep(Duration::from_secs(every.max(1))) => {}
        }
        lines = match desk.client.find_in(path, &query).await {
            Ok(stats) => self::lines(&stats, desk.output),
            // It may be starting again: what is shown says so, and comes back.
            Err(refusal) => vec![desk.output.paint(Look::Bad, Failure::from(refusal).message)],
        };
    }
}

/// A table that fits into 80 columns.
fn lines(stats: &Value, output: Output) -> Vec<String> {
    if items(stats).is_empty() {
        return vec!["No workflows are in force, and none had runs.".to_owned()];
    }
    let columns = [
        Column::long("WORKFLOW"),
        Column::number("RUNS"),
        Column::number("FAILED"),
        Column::number("LIVE"),
        Column::number("WAITING"),
        Column::number("HELD"),
        Column::number("P50"),
        Column::number("P95"),
        Column::number("P99"),
    ];
    let mut table = Table::new(columns);
    for one in items(stats) {
        let number = |name: &str| at(one, name).as_i64().unwrap_or(0);
        let warns = |number: i64, look: Look| (if number > 0 { look } else { Look::Faint }, number.to_string());
        let live = number("running") + number("queued");
        let runs = format!("{}{}", number("started"), if at(one, "is_whole") == false { "+" } else { "" });
        let took = |name: &str| (Look::Plain, at(at(one, "run_seconds"), name).as_f64().map_or("-".to_owned(), span));
        table.row([
            (Look::Strong, one_line(text(one, "/workflow"))),
            (Look::Plain, runs),
            warns(number("failed"), Look::Bad),
            warns(live, Look::Plain),
            warns(number("waiting"), Look::Plain),
            warns(number("held"), Look::Warning),
            took("p50"),
            took("p95"),
            took("p99"),
        ]);
    }
    table.lines(output, 0)
}

fn span(seconds: f64) -> String {
    Duration::try_from_secs_f64(seconds).map_or_else(|_| "-".to_owned(), duration)
}

/// Keys as they are pressed, without waiting for the end of a line.
struct Keys {
    before: Termios,
    pressed: mpsc::Receiver<u8>,
}

impl Keys {
    fn listen() -> Result<Self, Failure> {
        let failed = |error: rustix::io::Errno| Failure::defect(format!("the terminal cannot be asked ({error})"));
        let before = tcgetattr(std::io::stdin()).map_err(failed)?;
        let mut raw = before.clone();
        raw.local_modes &= !(LocalModes::ICANON | LocalModes::ECHO);
        tcsetattr(std::io::stdin(), OptionalActions::Now, &raw).map_err(failed)?;
        let (told, pressed) = mpsc::channel(8);
        // It waits for a key until the program ends.
        std::thread::spawn(move || {
            for key in std::io::stdin().lock().bytes() {
                if !key.is_ok_and(|key| told.blocking_send(key).is_ok()) {
                    return;
                }
            }
        });
        Ok(Self { before, pressed })
    }

    /// Waits until somebody wants to leave.
    async fn quit(&mut self) {
        loop {
            tokio::select! {
                key = self.pressed.recv() => if matches!(key, None | Some(b'q' | b'Q')) { return },
                _ = tokio::signal::ctrl_c() => return,
            }
        }
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        // Nothing else can be done about it.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, &self.before);
    }
}
