//! Scripts: `$` lines are run, what follows them is what has to be printed.
//!
//! ```text
//! $ countersign users list
//! 2> error: no server answers at …
//! exit 69
//! ```
//!
//! Standard error stands behind `2> `. `exit 0` is not written. `$ NAME=value countersign …` sets a variable, and every script has
//! a folder of its own to run in, which is written `DIR` where it is printed. Of a line that ends in `…` only the beginning counts.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a script in a folder of its own; panics with what came instead of what was to come.
pub(crate) fn run(script: &str) {
    let folder = tempfile::tempdir().unwrap();
    run_in(folder.path(), script);
}

/// Runs a script in this folder.
pub(crate) fn run_in(folder: &Path, script: &str) {
    let script: Vec<&str> = script.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let expected: Vec<String> = script.iter().map(|line| (*line).to_owned()).collect();
    let mut came = Vec::new();
    for command in script.iter().filter_map(|line| line.strip_prefix("$ ")) {
        came.push(format!("$ {command}"));
        came.extend(answer(folder, command));
    }
    let same = came.len() == expected.len() && came.iter().zip(&expected).all(|(came, expected)| fits(came, expected));
    assert!(same, "\n--- expected\n{}\n--- came\n{}\n", expected.join("\n"), came.join("\n"));
}

fn fits(came: &str, expected: &str) -> bool {
    expected.strip_suffix('…').map_or(came == expected, |start| came.starts_with(start))
}

fn answer(folder: &Path, command: &str) -> Vec<String> {
    let output = countersign(folder, command).output().unwrap();
    let mut lines: Vec<String> = clean(folder, &output.stdout).lines().map(str::to_owned).collect();
    lines.extend(clean(folder, &output.stderr).lines().map(|line| format!("2> {line}")));
    let lines: Vec<String> =
        lines.into_iter().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty() && line != "2>").collect();
    let code = output.status.code().unwrap_or(-1);
    lines.into_iter().chain((code != 0).then(|| format!("exit {code}"))).collect()
}

/// The command, with nothing of the surroundings in its environment.
fn countersign(folder: &Path, command: &str) -> Command {
    let mut words = command.split_whitespace().peekable();
    let mut built = Command::new(env!("CARGO_BIN_EXE_countersign"));
    built.env_clear().current_dir(folder).stdin(Stdio::null());
    while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
        built.env(name, value);
        words.next();
    }
    assert_eq!(words.next(), Some("countersign"), "{command}");
    built.args(words.map(|word| word.replace("DIR", &folder.display().to_string())));
    built
}

fn clean(folder: &Path, text: &[u8]) -> String {
    String::from_utf8_lossy(text).replace(&folder.display().to_string(), "DIR")
}

/// What a command prints, as one text, in a terminal 80 columns wide.
pub(crate) fn printed(command: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = countersign(folder.path(), &format!("COLUMNS=80 {command}")).output().unwrap();
    let mut text = String::new();
    for line in clean(folder.path(), &output.stdout).lines().chain(clean(folder.path(), &output.stderr).lines()) {
        writeln!(text, "{}", line.trim_end()).unwrap();
    }
    text
}
