//! Everything that the program prints goes through here: colours where they are wanted, widths that fit, and
//! a reader who hangs up is no reason to fail.

mod progress;
mod qr;
mod table;
mod words;

use std::io::{IsTerminal, Write};

pub(crate) use progress::{Progress, Spinner};
pub(crate) use qr::draw_qr;
pub(crate) use table::{Column, Table, cut};
pub(crate) use words::{clock_time, count, counted, duration, minutes, moment, one_line};

use crate::config::Environment;
use crate::failure::Failure;

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// As it is.
    Plain,
    /// What matters most.
    Strong,
    /// What matters least.
    Faint,
    /// All is well.
    Good,
    /// Worth a look.
    Warning,
    /// Not well.
    Bad,
    /// What can be typed or copied.
    Copy,
}

impl Look {
    const fn sequence(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Strong => "\u{1b}[1m",
            Self::Faint => "\u{1b}[2m",
            Self::Good => "\u{1b}[32m",
            Self::Warning => "\u{1b}[33m",
            Self::Bad => "\u{1b}[31m",
            Self::Copy => "\u{1b}[36m",
        }
    }
}

/// Where the program prints to.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::struct_excessive_bools, reason = "four facts about the surroundings, each true or not by itself")]
pub(crate) struct Output {
    terminal: bool,
    colours: bool,
    error_colours: bool,
    width: usize,
    json: bool,
}

#[allow(clippy::unused_self, reason = "who prints holds an `Output`, whether the kind of line depends on it or not")]
impl Output {
    /// For the process's own standard output.
    ///
    /// Colours are for terminals, and not where `NO_COLOR` is set or the terminal is a dumb one
    /// (<https://no-color.org>). Width: the terminal's; 100 columns where there is none to ask.
    pub(crate) fn of_process(environment: &Environment, json: bool) -> Self {
        let wanted = environment.get("NO_COLOR").is_none() && environment.get("TERM") != Some("dumb");
        let terminal = std::io::stdout().is_terminal();
        let asked = rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| usize::from(size.ws_col));
        let told = environment.get("COLUMNS").and_then(|columns| columns.parse().ok());
        Self {
            terminal,
            colours: wanted && terminal,
            error_colours: wanted && std::io::stderr().is_terminal(),
            width: asked.filter(|columns| *columns > 0).or(told).unwrap_or(100).clamp(40, 160),
            json,
        }
    }

    /// Whether answers are wanted as JSON.
    pub(crate) const fn is_json(self) -> bool {
        self.json
    }

    /// Whether a person looks at it as it comes.
    pub(crate) const fn is_terminal(self) -> bool {
        self.terminal
    }

    /// Whether text may be coloured.
    pub(crate) const fn has_colours(self) -> bool {
        self.colours
    }

    /// Columns.
    pub(crate) const fn width(self) -> usize {
        self.width
    }

    /// Whether every column counts.
    pub(crate) const fn is_narrow(self) -> bool {
        self.width < 100
    }

    /// The text with its look, where colours are wanted.
    pub(crate) fn paint(self, look: Look, text: impl std::fmt::Display) -> String {
        if self.colours && look != Look::Plain {
            format!("{}{text}\u{1b}[0m", look.sequence())
        } else {
            text.to_string()
        }
    }

    /// One line for people.
    pub(crate) fn line(self, text: impl std::fmt::Display) {
        // Whoever reads us may have hung up (`countersign events | head`): nobody is left to tell.
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// Text without an end of line, at once.
    pub(crate) fn text(self, text: impl std::fmt::Display) {
        let mut out = std::io::stdout().lock();
        let _ = write!(out, "{text}").and_then(|()| out.flush());
    }

    /// One JSON value on one line; over several where a person looks at it.
    pub(crate) fn json(self, value: &serde_json::Value) {
        if self.terminal {
            self.line(format_args!("{value:#}"));
        } else {
            self.line(value);
        }
    }

    /// One JSON value on one line whoever reads it, and at once: for what comes one after the other.
    pub(crate) fn json_line(self, value: &serde_json::Value) {
        self.text(format_args!("{value}\n"));
    }

    /// `✓ text` in green.
    pub(crate) fn success(self, text: impl std::fmt::Display) {
        self.line(format_args!("{} {text}", self.paint(Look::Good, "✓")));
    }

    /// A remark on standard error, out of the way of what is piped on.
    pub(crate) fn remark(self, text: impl std::fmt::Display) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// Why the program did not do what it was asked: one line on standard error.
    pub(crate) fn failure(self, failure: &Failure) {
        let word = if self.error_colours { "\u{1b}[1;31merror:\u{1b}[0m" } else { "error:" };
        self.remark(format_args!("{word} {failure}"));
    }
}
