//! What is shown while something takes its time: on a terminal only, and gone when it is done.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use tokio::time::Instant;

use super::{Output, count};

/// A bar with rate and remaining time, towards a number of steps or a time.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
    steps: Arc<AtomicU64>,
    started: Instant,
    /// The time that it goes by; it goes by the steps if not said.
    span: Option<Duration>,
}

impl Progress {
    /// A bar for `total` steps, or for as long as `span`.
    pub(crate) fn new(output: Output, what: &str, total: u64, span: Option<Duration>) -> Self {
        let (steps, started) = (Arc::new(AtomicU64::new(0)), Instant::now());
        let length = span.map_or(total, |span| u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
        let bar = ProgressBar::with_draw_target(Some(length), target(output));
        let colours = if output.has_colours() { ".cyan/dim" } else { "" };
        // With names of thirteen letters it fits 80 columns.
        let shape = format!("  {{msg:<13}} {{bar:22{colours}}} {{done:>18}}  {{rate:>9}}  {{eta:>3}} left");
        if let Ok(style) = ProgressStyle::with_template(&shape) {
            let of = if span.is_some() { String::new() } else { format!("/{}", count(total)) };
            let (done, rate) = (Arc::clone(&steps), Arc::clone(&steps));
            let done = move |_: &ProgressState, out: &mut dyn Write| {
                let _ = write!(out, "{}{of}", count(done.load(Ordering::Relaxed)));
            };
            let rate = move |_: &ProgressState, out: &mut dyn Write| {
                let _ = write!(out, "{}/s", per_second(rate.load(Ordering::Relaxed), started.elapsed()));
            };
            bar.set_style(style.progress_chars("━╸─").with_key("done", done).with_key("rate", rate));
        }
        bar.set_message(what.to_owned());
        // It goes on when nothing is finished for a while, too.
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, steps, started, span }
    }

    /// This many steps more are done.
    pub(crate) fn add(&self, steps: u64) {
        let done = self.steps.fetch_add(steps, Ordering::Relaxed) + steps;
        match self.span {
            None => self.bar.set_position(done),
            Some(_) => self.bar.set_position(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)),
        }
    }

    /// Takes it off the screen.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

fn per_second(steps: u64, span: Duration) -> String {
    let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1);
    count(steps.saturating_mul(1000) / millis)
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
