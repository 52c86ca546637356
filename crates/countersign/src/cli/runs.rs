//! `countersign runs`: what workflows do.

use clap::{Args, Subcommand};

use super::{Connection, Said};

#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// List runs, the newest first
    List {
        /// Only of this workflow
        #[arg(long, value_name = "NAME")]
        workflow: Option<String>,
        /// Only in this state: queued, running, waiting, held, completed, failed or cancelled
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// Only about this user
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// How many of the latest
        #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        connection: Connection,
    },
    /// Show a run and what happened in it
    Show(OneRun),
    /// Follow what happens in a run, until it is over
    Watch(OneRun),
    /// Show how workflows do, again and again: runs, failures, how long they take, what waits
    Top {
        /// Over how long: 15m, 24h, 7d
        #[arg(long, value_name = "SPAN", default_value = "1h")]
        window: String,
        /// How often it is shown, in seconds; once where this is no terminal
        #[arg(long, value_name = "SECONDS", default_value_t = 2)]
        every: u64,
        #[command(flatten)]
        connection: Connection,
    },
    /// Show why a run went the way it went: its conditions with their values, and its failures
    Why(OneRun),
    /// Show why events about a user did or did not start a workflow
    WhyNot(WhyNotArgs),
    /// Cancel a run; what it did is undone
    Cancel(OneRun),
    /// Have a step that is held tried again
    Retry(OneStep),
    /// Give a step up that is held
    Discard(OneStep),
    /// Say yes for somebody to what a run may not do without two people: as `tasks approve`, by the run
    Release {
        /// The run: run_…
        #[arg(value_name = "RUN")]
        run: String,
        #[command(flatten)]
        said: Said,
        #[command(flatten)]
        connection: Connection,
    },
}

#[derive(Debug, Args)]
pub(crate) struct WhyNotArgs {
    /// The workflow
    #[arg(value_name = "WORKFLOW")]
    pub(crate) workflow: String,
    /// The user: your application's name for it, or usr_…
    #[arg(value_name = "USER")]
    pub(crate) user: String,
    /// How many days of events
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=366))]
    pub(crate) days: u16,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct OneRun {
    /// The run: run_…
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct OneStep {
    /// The run: run_…
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// The step, as `countersign runs show` tells it [default: the one that is held, if it is one]
    #[arg(value_name = "STEP")]
    pub(crate) step: Option<String>,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

impl RunsCommand {
    /// How it reaches a server.
    pub(super) const fn connection(&self) -> &Connection {
        match self {
            Self::List { connection, .. } | Self::Release { connection, .. } | Self::Top { connection, .. } => {
                connection
            }
            Self::WhyNot(args) => &args.connection,
            Self::Show(one) | Self::Why(one) | Self::Cancel(one) | Self::Watch(one) => &one.connection,
            Self::Retry(one) | Self::Discard(one) => &one.connection,
        }
    }
}
