//! What is shown while something takes its time: on a terminal only, and gone when it is done.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::Output;

/// A bar with rate and remaining time.
#[derive(Debug, Clone)]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar for `total` steps.
    pub(crate) fn new(output: Output, what: &str, total: u64) -> Self {
        let bar = ProgressBar::with_draw_target(Some(total), target(output));
        let shape = if output.has_colours() {
            "  {msg:<22} {bar:30.cyan/dim} {human_pos:>9}/{human_len}  {per_sec:>12}  {eta:>4} left"
        } else {
            "  {msg:<22} {bar:30} {human_pos:>9}/{human_len}  {per_sec:>12}  {eta:>4} left"
        };
        if let Ok(style) = ProgressStyle::with_template(shape) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        bar.set_message(what.to_owned());
        Self(bar)
    }

    /// This many steps more are done.
    pub(crate) fn add(&self, steps: u64) {
        self.0.inc(steps);
    }

    /// Takes it off the screen.
    pub(crate) fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// A sign of life where nobody knows how long it takes.
#[derive(Debug)]
pub(crate) struct Spinner(ProgressBar);

impl Spinner {
    /// Says what is under way.
    pub(crate) fn new(output: Output, what: &str) -> Self {
        let spinner = ProgressBar::with_draw_target(None, target(output));
        if let Ok(style) = ProgressStyle::with_template("  {spinner} {msg}") {
            spinner.set_style(style);
        }
        spinner.set_message(what.to_owned());
        spinner.enable_steady_tick(std::time::Duration::from_millis(100));
        Self(spinner)
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn target(output: Output) -> ProgressDrawTarget {
    if output.is_terminal() && !output.is_json() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
}
