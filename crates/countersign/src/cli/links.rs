//! `countersign links`: what runs let users do, and give them.

use clap::Subcommand;

use super::Connection;

#[derive(Debug, Subcommand)]
pub(crate) enum LinksCommand {
    /// List the links of a user, the newest first
    List {
        /// The user: your application's name for it, or usr_…
        #[arg(value_name = "USER")]
        user: String,
        /// How many at most
        #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
        limit: u32,
        #[command(flatten)]
        connection: Connection,
    },
    /// Hand over in person what a link gives its user: the codes are shown this once
    HandOver {
        /// The link: lnk_…
        #[arg(value_name = "LINK")]
        link: String,
        /// Who sees its user and hands it over: neither that user nor who asked for it
        #[arg(long = "as", value_name = "USER")]
        who: String,
        #[command(flatten)]
        connection: Connection,
    },
}

impl LinksCommand {
    /// How it reaches a server.
    pub(super) const fn connection(&self) -> &Connection {
        match self {
            Self::List { connection, .. } | Self::HandOver { connection, .. } => connection,
        }
    }
}
