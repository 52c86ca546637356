//! `countersign alerts`: what is out of the ordinary.

use clap::{ArgGroup, Subcommand};

use super::{Connection, WorkflowFiles};

#[derive(Debug, Subcommand)]
pub(crate) enum AlertsCommand {
    /// List alerts, the newest first
    List {
        /// Only of this rule
        #[arg(long, value_name = "NAME")]
        rule: Option<String>,
        /// Only in this state: open, acknowledged or resolved
        #[arg(long, value_name = "STATE")]
        state: Option<String>,
        /// How many of the latest
        #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
        limit: u32,
        #[command(flatten)]
        connection: Connection,
    },
    /// Show an alert
    Show {
        /// The alert: alr_…
        #[arg(value_name = "ALERT")]
        alert: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Say that somebody sees to an alert
    Ack {
        /// The alert: alr_…
        #[arg(value_name = "ALERT")]
        alert: String,
        /// Who
        #[arg(long, value_name = "NAME")]
        by: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// Raise nothing more about what an alert is about, or by a rule, for a time
    #[command(group = ArgGroup::new("what").required(true).args(["alert", "rule"]))]
    Silence {
        /// The alert: alr_…
        #[arg(value_name = "ALERT")]
        alert: Option<String>,
        /// All that this rule would raise instead
        #[arg(long, value_name = "NAME")]
        rule: Option<String>,
        /// For how long: 90m, 24h, 7d
        #[arg(long = "for", value_name = "SPAN")]
        span: String,
        /// Who
        #[arg(long, value_name = "NAME")]
        by: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        connection: Connection,
    },
    /// Say that an alert is over
    Resolve {
        /// The alert: alr_…
        #[arg(value_name = "ALERT")]
        alert: String,
        /// Who
        #[arg(long, value_name = "NAME")]
        by: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
        #[command(flatten)]
        connection: Connection,
    },
    /// List the rules that are in force
    Rules {
        #[command(flatten)]
        connection: Connection,
    },
    /// Tell every mistake in files of rules, with its line
    Validate(WorkflowFiles),
}

impl AlertsCommand {
    /// How it reaches a server, if it asks one.
    pub(super) const fn connection(&self) -> Option<&Connection> {
        match self {
            Self::List { connection, .. }
            | Self::Show { connection, .. }
            | Self::Ack { connection, .. }
            | Self::Silence { connection, .. }
            | Self::Resolve { connection, .. }
            | Self::Rules { connection } => Some(connection),
            Self::Validate(_) => None,
        }
    }
}
