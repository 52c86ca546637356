//! `countersign events`

use std::collections::HashMap;
use std::time::Duration;

use futures_util::StreamExt;
use serde_json::Value;

use super::{Desk, find_user, need_user};
use crate::cli::EventsArgs;
use crate::client::{Refusal, at, items, text};
use crate::failure::Failure;
use crate::output::{Look, Output, clock_time, cut, one_line};

/// How long to wait before a stream that broke is opened again.
const AGAIN: Duration = Duration::from_secs(1);
/// The longest event that is read from a stream, in bytes.
const LONGEST: usize = 1 << 20;

/// Shows what happened, and with `--follow` what happens.
pub(crate) async fn events(desk: &Desk, args: &EventsArgs) -> Result<(), Failure> {
    let user_id = match &args.user {
        Some(name) => Some(text(&need_user(&desk.client, name).await?, "/id").to_owned()),
        None => None,
    };
    let mut reader = Reader { desk, args, user_id, names: HashMap::new(), position: 0 };
    reader.latest().await?;
    if args.follow { reader.follow().await } else { Ok(()) }
}

struct Reader<'a> {
    desk: &'a Desk,
    args: &'a EventsArgs,
    user_id: Option<String>,
    /// What users are called, by id.
    names: HashMap<String, String>,
    /// Of the last event that was shown.
    position: u64,
}

impl Reader<'_> {
    async fn latest(&mut self) -> Result<(), Failure> {
        let mut query = vec![("order", "desc".to_owned()), ("limit", self.args.limit.clamp(1, 500).to_string())];
        query.extend(self.kinds());
        query.extend(self.user_id.iter().map(|id| ("user_id", id.clone())));
        let page = self.desk.client.find_in(&["v1", "events"], &query).await?;
        let mut events = items(&page).to_vec();
        events.truncate(usize::try_from(self.args.limit).unwrap_or(usize::MAX));
        events.reverse();
        if events.is_empty() && !self.args.follow && !self.desk.output.is_json() {
            self.desk.output.remark("No events.");
        }
        for event in &events {
            self.show(event).await;
        }
        Ok(())
    }

    fn kinds(&self) -> Option<(&'static str, String)> {
        (!self.args.kind.is_empty()).then(|| ("kind", self.args.kind.join(",")))
    }

    /// Follows the stream for ever; a broken one is taken up where it broke.
    async fn follow(&mut self) -> Result<(), Failure> {
        loop {
            match self.stream().await {
                Ok(()) | Err(Refusal::Transport(_)) => {}
                Err(refusal @ Refusal::Problem(_)) => {
                    let failure = Failure::from(refusal);
                    if failure.reason != crate::failure::Reason::Unavailable {
                        return Err(failure);
                    }
                }
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn stream(&mut self) -> Result<(), Refusal> {
        let mut query = vec![("after", self.position.to_string())];
        query.extend(self.kinds());
        let response = self.desk.client.stream(&["v1", "events", "stream"], &query).await?;
        let mut chunks = response.bytes_stream();
        let mut buffer: Vec<u8> = Vec::new();
        while let Some(Ok(chunk)) = chunks.next().await {
            buffer.extend_from_slice(&chunk);
            while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = buffer.drain(..=end).collect();
                // Each event is one `data:` line of JSON; the rest of the format repeats what stands in it.
                let data = line.strip_prefix(b"data:").and_then(|data| serde_json::from_slice::<Value>(data).ok());
                if let Some(event) = data {
                    self.show_if_wanted(&event).await;
                }
            }
            if buffer.len() > LONGEST {
                break;
            }
        }
        Ok(())
    }

    async fn show_if_wanted(&mut self, event: &Value) {
        self.position = at(event, "position").as_u64().unwrap_or(self.position);
        if self.user_id.as_deref().is_none_or(|id| text(event, "/about/user") == id) {
            self.show(event).await;
        }
    }

    async fn show(&mut self, event: &Value) {
        self.position = at(event, "position").as_u64().unwrap_or(self.position);
        let output = self.desk.output;
        if output.is_json() {
            return output.json_line(event);
        }
        let who = self.name(text(event, "/about/user")).await;
        output.line(line(event, &who, output));
    }

    async fn name(&mut self, id: &str) -> String {
        if id.is_empty() {
            return String::new();
        }
        if let Some(name) = self.names.get(id) {
            return name.clone();
        }
        // Who was erased has no name any more, and not every key may see names.
        let found = find_user(&self.desk.client, id).await.ok().flatten();
        let name = found.map_or_else(|| id.to_owned(), |user| one_line(text(&user, "/external_id")));
        self.names.insert(id.to_owned(), name.clone());
        name
    }
}

/// One event on one line, which a terminal does not have to break.
fn line(event: &Value, who: &str, output: Output) -> String {
    let kind = text(event, "/kind");
    let at = clock_time(text(event, "/at"));
    let at = if output.is_narrow() { at.get(5..).unwrap_or_default() } else { &at };
    let space = |width: usize, used: usize| " ".repeat(width.saturating_sub(used));
    let kinds = 24_usize.max(kind.len());
    let (who, facts) = if output.is_terminal() {
        let room = output.width().saturating_sub(at.len() + kinds + 4);
        let who = cut(who, room);
        let room = room.saturating_sub(14_usize.max(who.chars().count()) + 2);
        (who, if room > 1 { cut(&facts(event), room) } else { String::new() })
    } else {
        (who.to_owned(), facts(event))
    };
    let names = 14_usize.max(who.chars().count());
    let line = format!(
        "{}  {}{}  {}{}  {}",
        output.paint(Look::Faint, at),
        output.paint(look(kind), kind),
        space(kinds, kind.len()),
        output.paint(Look::Strong, &who),
        space(names, who.chars().count()),
        output.paint(Look::Faint, facts),
    );
    line.trim_end().to_owned()
}

/// What else is known, in a few words: the event's data, and what it is about beside the user.
fn facts(event: &Value) -> String {
    let data = at(event, "data").as_object().into_iter().flatten().filter_map(|(name, value)| {
        let value = match value {
            Value::String(text) => one_line(text),
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return None,
        };
        Some(format!("{name} {value}"))
    });
    let about =
        ["authenticator", "device", "session"].into_iter().find_map(|thing| at(at(event, "about"), thing).as_str());
    data.chain(about.map(str::to_owned)).collect::<Vec<_>>().join(", ")
}

/// How an event looks: by its verb.
fn look(kind: &str) -> Look {
    match kind.split('.').next_back().unwrap_or_default() {
        "verified" | "confirmed" | "activated" | "resumed" => Look::Good,
        "rejected" | "refused" | "lost" | "jumped" => Look::Bad,
        "suspended" | "revoked" | "erased" | "deleted" | "cancelled" | "recovered" => Look::Warning,
        _ => Look::Plain,
    }
}
