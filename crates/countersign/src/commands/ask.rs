//! Asking whoever sits at the terminal.

use std::io::{BufRead, IsTerminal};

use tokio::sync::oneshot;

use crate::failure::Failure;
use crate::output::Output;

/// Whether a person is there to answer.
pub(crate) fn is_somebody_there() -> bool {
    std::io::stdin().is_terminal()
}

/// The next line of standard input; `None` at its end.
///
/// A thread of its own waits for it, which the end of the program does not wait for.
pub(crate) async fn line() -> Option<String> {
    let (send, receive) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = std::io::stdin().lock().read_line(&mut line);
        let _ = send.send(read.ok().filter(|count| *count > 0).map(|_| line.trim().to_owned()));
    });
    receive.await.ok().flatten()
}

/// Asks before something that cannot be undone: the word has to be typed. Scripts say `--yes`.
pub(crate) async fn sure(output: Output, question: &str, word: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    if !is_somebody_there() {
        return Err(Failure::usage("this cannot be undone: say --yes"));
    }
    output.text(format_args!("{question}\nType {word} to go on: "));
    match line().await {
        Some(answer) if answer == word => Ok(()),
        _ => Err(Failure::no("nothing was changed")),
    }
}
