//! What the vault says while it runs: one line of JSON each, on standard error, which the supervisor passes on.
//! Nothing here takes a key, a code or a blob.

use std::io::Write as _;

/// Something to look at.
pub(crate) fn warn(message: &str) {
    line("warn", message);
}

/// What happened.
pub(crate) fn info(message: &str) {
    line("info", message);
}

fn line(level: &str, message: &str) {
    let mut text = format!("{{\"level\":\"{level}\",\"target\":\"vault\",\"message\":\"");
    for character in message.chars() {
        match character {
            '"' | '\\' => {
                text.push('\\');
                text.push(character);
            }
            control if control.is_control() => text.push(' '),
            other => text.push(other),
        }
    }
    text.push_str("\"}\n");
    // Where nobody listens there is nobody to tell.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
