//! The transcript in README.md, run as it is written.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::{Server, Setup};

/// Says in a README that the block after it is to be run.
const MARK: &str = "<!-- transcript -->\n```console\n";

/// Ends what a command said, when the number of the command follows.
const END: &str = "--- end of command ";

/// A command and what the README says that it prints.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    command: String,
    said: String,
}

#[tokio::test(flavor = "multi_thread")]
async fn p13_the_first_five_minutes_in_the_readme_work_as_written() {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("README.md");
    let steps = steps(&std::fs::read_to_string(readme).unwrap());
    assert!(steps.len() > 10, "the transcript was not found");
    let server = Server::start(Setup { movable_clock: false, ..Setup::default() }).await;
    let said = run(&steps, server.folder());
    for (step, said) in steps.iter().zip(&said) {
        assert!(matches(&step.said, said), "$ {}\nshould say\n{}\nbut says\n{said}", step.command, step.said);
    }
    assert_eq!(said.len(), steps.len(), "the shell ended early: {said:?}");
}

/// The commands of all marked blocks, each with what stands below it.
fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in readme.split(MARK).skip(1) {
        let (block, _) = block.split_once("```").unwrap();
        for line in block.lines() {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push(Step { command: command.to_owned(), said: String::new() }),
                (None, Some(step)) => step.said.extend([line, "\n"]),
                (None, None) => panic!("a transcript begins with a command, not with {line}"),
            }
        }
    }
    steps
}

/// Runs the commands in one shell, and answers what each printed on either of its outputs.
fn run(steps: &[Step], folder: &Path) -> Vec<String> {
    let ended = |(number, step): (usize, &Step)| format!("{}\necho '{END}{number}'\n", step.command);
    let script: String = steps.iter().enumerate().map(ended).collect();
    let output = Command::new("bash")
        .args(["-c", &format!("exec 2>&1\n{script}")])
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let mut rest = String::from_utf8(output.stdout).unwrap();
    let mut said = Vec::new();
    while let Some((before, after)) = rest.split_once(&format!("{END}{}\n", said.len())) {
        said.push(before.to_owned());
        rest = after.to_owned();
    }
    said
}

/// Whether a text is as the README says, where `…` stands for anything.
fn matches(expected: &str, text: &str) -> bool {
    let mut parts = expected.trim_end().split('…');
    let Some(mut rest) = text.trim_end().strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else { return false };
        rest = after;
    }
    rest.ends_with(last)
}

#[test]
fn a_transcript_is_read_and_compared() {
    let readme = "a\n```console\n$ no\n```\n<!-- transcript -->\n```console\n$ one\n1\n2\n$ two\n```\n$ no\n";
    let step = |command: &str, said: &str| Step { command: command.to_owned(), said: said.to_owned() };
    assert_eq!(steps(readme), [step("one", "1\n2\n"), step("two", "")]);
    assert!(matches("", "\n") && matches("a…c…e\n", "abcde") && matches("a…", "a") && matches("…a", "ba\n"));
    assert!(!matches("", "a") && !matches("a…c", "ab") && !matches("a…b…b", "ab") && !matches("a", "ab"));
}
