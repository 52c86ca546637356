//! `countersign tasks`: what runs ask people.

use clap::{Args, Subcommand};

use super::Connection;

#[derive(Debug, Subcommand)]
pub(crate) enum TasksCommand {
    /// List tasks, the oldest first
    List {
        /// Only those that this role may decide
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
        /// Only of this workflow
        #[arg(long, value_name = "NAME")]
        workflow: Option<String>,
        /// Only of runs about this user
        #[arg(long, value_name = "USER")]
        user: Option<String>,
        /// Only of this run
        #[arg(long, value_name = "RUN")]
        run: Option<String>,
        /// In this state [default: open]
        #[arg(long, value_name = "STATE", value_parser = ["open", "approved", "rejected", "timeout", "cancelled"])]
        state: Option<String>,
        /// How many at most
        #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        connection: Connection,
    },
    /// Show a task: what is asked, of whom, and what was said
    Show(OneTask),
    /// Say yes for somebody, who proves for it by a code
    Approve(Decide),
    /// Say no for somebody, who proves for it by a code
    Reject(Decide),
}

#[derive(Debug, Args)]
pub(crate) struct OneTask {
    /// The task: tsk_…
    #[arg(value_name = "TASK")]
    pub(crate) task: String,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

#[derive(Debug, Args)]
pub(crate) struct Decide {
    /// The task: tsk_…
    #[arg(value_name = "TASK")]
    pub(crate) task: String,
    #[command(flatten)]
    pub(crate) said: Said,
    #[command(flatten)]
    pub(crate) connection: Connection,
}

/// What somebody says, and by what they prove that it is them.
#[derive(Debug, Args)]
pub(crate) struct Said {
    /// Who decides, by the name that your application uses
    #[arg(long = "as", value_name = "USER")]
    pub(crate) who: String,
    /// Their code from an authenticator app; `-` reads it from standard input [default: none, which is enough for level aal1]
    #[arg(long, value_name = "CODE")]
    pub(crate) code: Option<String>,
    /// A role that they have; several times for several
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
    /// What they have seen, of what the task asks for; several times for several
    #[arg(long, value_name = "EVIDENCE")]
    pub(crate) saw: Vec<String>,
    /// Why, in their words
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

impl TasksCommand {
    /// How it reaches a server.
    pub(super) const fn connection(&self) -> &Connection {
        match self {
            Self::List { connection, .. } => connection,
            Self::Show(one) => &one.connection,
            Self::Approve(decide) | Self::Reject(decide) => &decide.connection,
        }
    }
}
