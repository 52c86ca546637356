//! Messages to chats, by their webhooks: Slack, Microsoft Teams, and others.
//!
//! A message has values in it that people have a say in, such as names. So it is shown as text and nothing but text: what is in it becomes no
//! link, no mention and no markup.

use serde_json::{Value, json};

use super::{Errand, Given, post, shortened, text};
use crate::app::App;
use crate::app::workflows::inside::Fault;

/// The most characters of a message. What chats take lies above it.
const LONGEST: usize = 6000;
/// The most characters of one text in Slack (docs.slack.dev, "Text object").
const LONGEST_IN_SLACK: usize = 3000;
/// The most characters of a message in Discord (docs.discord.com, "Execute Webhook").
const LONGEST_IN_DISCORD: usize = 2000;
/// The most characters of a message in Google Chat (developers.google.com, "Messages").
const LONGEST_IN_GOOGLE_CHAT: usize = 4096;
/// Not seen, and no part of an address or a name: behind it chats see neither.
const BREAK: char = '\u{200b}';

impl App {
    /// Posts a message to a chat, in its own words.
    pub(super) async fn chat(&self, errand: &Errand, written: fn(&str) -> Value) -> Given {
        let webhook = self.need_secret(errand, "webhook")?;
        let message = text(errand, "message").unwrap_or_default();
        let answer = self.ask(errand, post(&webhook, &written(message))?).await?;
        // The connectors of Teams say 200, and in the body what went wrong behind them.
        let said = String::from_utf8_lossy(&answer.body);
        match said.split_once("returned HTTP error ").map(|(_, status)| status) {
            None => Ok(serde_json::Map::new()),
            Some(status) if status.starts_with("429") || status.starts_with('5') => {
                Err(Fault::for_now("the chat took the message, and could not show it now"))
            }
            Some(_) => Err(Fault::final_one("the chat took the message, and did not show it")),
        }
    }
}

/// How the chat behind `notify.chat` is written to.
pub(super) fn of(format: Option<&str>) -> fn(&str) -> Value {
    match format {
        Some("mattermost") => mattermost,
        Some("discord") => discord,
        Some("google_chat") => google_chat,
        _ => plain,
    }
}

/// Slack (docs.slack.dev, "Sending messages using incoming webhooks"): a block of `plain_text`, in which nothing is markup. `text` is what a
/// notification of it shows, with what is markup there escaped ("Formatting message text").
pub(super) fn slack(message: &str) -> Value {
    let message = shortened(message, LONGEST);
    let characters: Vec<char> = message.chars().collect();
    let blocks = characters.chunks(LONGEST_IN_SLACK).map(|part| {
        let part: String = part.iter().collect();
        json!({ "type": "section", "text": { "type": "plain_text", "text": part, "emoji": false } })
    });
    let blocks: Vec<Value> = blocks.collect();
    let text = shortened(&broken(&message), LONGEST_IN_SLACK);
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    json!({ "text": text, "blocks": blocks, "unfurl_links": false, "unfurl_media": false })
}

/// Microsoft Teams (learn.microsoft.com, "Create incoming webhooks with Workflows"): an Adaptive Card. Markdown is read in its `TextBlock`, and
/// not in the runs of a `RichTextBlock`.
pub(super) fn teams(message: &str) -> Value {
    let message = shortened(message, LONGEST);
    let lines = message
        .lines()
        .map(|line| json!({ "type": "RichTextBlock", "inlines": [{ "type": "TextRun", "text": broken(line) }] }));
    let lines: Vec<Value> = lines.collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": lines,
            },
        }],
    })
}

/// What most chats take, and programs of one's own.
fn plain(message: &str) -> Value {
    json!({ "text": shortened(&broken(message), LONGEST) })
}

/// Mattermost (developers.mattermost.com, "Incoming webhooks"): Markdown.
fn mattermost(message: &str) -> Value {
    json!({ "text": shortened(&without_markdown(message), LONGEST) })
}

/// Discord: Markdown, and nobody is mentioned whatever stands in it ("Allowed mentions").
fn discord(message: &str) -> Value {
    let content = shortened(&without_markdown(message), LONGEST_IN_DISCORD);
    // SUPPRESS_EMBEDS.
    json!({ "content": content, "allowed_mentions": { "parse": [] }, "flags": 4 })
}

/// Google Chat: `<…>` is a link or a mention, and there is no way to escape it.
fn google_chat(message: &str) -> Value {
    json!({ "text": shortened(&broken(message).replace('<', &format!("<{BREAK}")), LONGEST_IN_GOOGLE_CHAT) })
}

/// A text with what makes addresses and mentions of it broken: `@`, `://`, and a dot before a letter.
fn broken(text: &str) -> String {
    let mut broken = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        broken.push(c);
        let next = rest.peek().copied();
        if matches!(c, '@' | '#')
            || (c == ':' && next == Some('/'))
            || (c == '.' && next.is_some_and(char::is_alphabetic))
        {
            broken.push(BREAK);
        }
    }
    broken
}

/// The same, and nothing in it is Markdown (`CommonMark` §2.4: any of these may stand behind a backslash).
fn without_markdown(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in broken(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '~' | '|' | '[' | ']' | '(' | ')' | '<' | '>' | '#' | '!' | '&') {
            plain.push('\\');
        }
        plain.push(c);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What somebody may be called who wants others to click.
    const NAMES: &[&str] = &[
        "<!channel>",
        "<@U012AB3CD>",
        "<https://evil.example|Reset your password>",
        "[Reset](https://evil.example)",
        "@everyone",
        "@channel @here @all",
        "<users/all>",
        "https://evil.example/a",
        "www.evil.example",
        "evil.example",
        "<at>Ana</at>",
        "**bold** _it_ ~~no~~ `code` ||spoiler||",
    ];

    fn shown(value: &Value) -> Vec<String> {
        match value {
            Value::String(text) => vec![text.clone()],
            Value::Array(items) => items.iter().flat_map(shown).collect(),
            Value::Object(members) => {
                let texts =
                    members.iter().filter(|(name, _)| !["$schema", "type", "contentType"].contains(&name.as_str()));
                texts.flat_map(|(_, value)| shown(value)).collect()
            }
            _ => Vec::new(),
        }
    }

    #[test]
    fn w05_a_name_in_a_message_becomes_no_link_and_no_mention() {
        for name in NAMES {
            let message = format!("{name} was locked");
            let slack = slack(&message);
            assert_eq!(slack["blocks"][0]["text"]["type"], "plain_text");
            assert!(!slack["text"].as_str().unwrap().contains(['<', '>']), "{slack}");
            let card = teams(&message)["attachments"][0]["content"]["body"].clone();
            assert!(card.as_array().unwrap().iter().all(|block| block["type"] == "RichTextBlock"), "{card}");
            for (chat, said) in
                [("plain", plain(&message)), ("discord", discord(&message)), ("mattermost", mattermost(&message))]
                    .into_iter()
                    .chain([("google", google_chat(&message)), ("teams", teams(&message))])
            {
                for text in shown(&said) {
                    for linked in ["://", "@e", "@c", "@U", "e.example", "l.example", "w.evil"] {
                        assert!(!text.contains(linked), "{chat}: {text}");
                    }
                }
            }
            for text in shown(&mattermost(&message)).iter().chain(&shown(&discord(&message))) {
                let unescaped = text.replace("\\\\", "");
                for markup in ['[', ']', '(', ')', '*', '_', '`', '<', '>', '|', '~'] {
                    let mut parts = unescaped.split(markup);
                    let last = parts.next_back();
                    assert!(last.is_some() && parts.all(|before| before.ends_with('\\')), "{markup}: {text}");
                }
            }
            assert!(!google_chat(&message)["text"].as_str().unwrap().contains("<u"), "{message}");
        }
        assert_eq!(discord("@everyone")["allowed_mentions"], json!({ "parse": [] }));
    }

    #[test]
    fn what_is_said_is_read_as_it_was_written() {
        let said = slack("Locked: 5 > 3 & more\nsecond line");
        assert_eq!(said["blocks"][0]["text"]["text"], "Locked: 5 > 3 & more\nsecond line");
        assert_eq!(said["text"], "Locked: 5 &gt; 3 &amp; more\nsecond line");
        let lines = teams("one\ntwo")["attachments"][0]["content"]["body"].as_array().unwrap().len();
        assert_eq!(lines, 2);
        // Numbers and times have no breaks in them.
        assert_eq!(plain("1.5 at 12:30, 10.0.0.1")["text"], "1.5 at 12:30, 10.0.0.1");
    }

    #[test]
    fn a_long_message_is_what_a_chat_takes() {
        let long = "ä@".repeat(20_000);
        let slack = slack(&long);
        let blocks = slack["blocks"].as_array().unwrap();
        assert_eq!(blocks.len(), 2);
        assert!(blocks.iter().all(|block| block["text"]["text"].as_str().unwrap().chars().count() <= 3000));
        assert!(discord(&long)["content"].as_str().unwrap().chars().count() <= 2000);
        assert!(google_chat(&long)["text"].as_str().unwrap().chars().count() <= 4096);
    }
}
