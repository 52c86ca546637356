//! The flags that set configuration keys: made from the table of keys.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::keys::{KEYS, Key};

/// The flags that were given.
#[derive(Debug, Clone, Default)]
pub(crate) struct Flags(Vec<(&'static Key, Vec<String>)>);

/// Of these the ones that a command takes which works on the store itself, with or without what opens it.
#[derive(Debug, Clone, Default)]
pub(crate) struct StoreFlags<const ROOT_KEY: bool>(Flags);

/// Whether a key says where the store is, or what opens it.
fn is_of_the_store(key: &Key, root_key: bool) -> bool {
    matches!(key.name, "data" | "database") || (root_key && key.name == "vault.root_key")
}

impl<const ROOT_KEY: bool> std::ops::Deref for StoreFlags<ROOT_KEY> {
    type Target = Flags;

    fn deref(&self) -> &Flags {
        &self.0
    }
}

impl<const ROOT_KEY: bool> clap::Args for StoreFlags<ROOT_KEY> {
    fn augment_args(command: Command) -> Command {
        let keys = KEYS.iter().filter(|key| is_of_the_store(key, ROOT_KEY));
        keys.fold(command, |command, key| command.arg(argument(key)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const ROOT_KEY: bool> clap::FromArgMatches for StoreFlags<ROOT_KEY> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }
}

impl Flags {
    /// Key and value of each.
    pub(crate) fn given(&self) -> &[(&'static Key, Vec<String>)] {
        &self.0
    }
}

impl clap::Args for Flags {
    fn augment_args(command: Command) -> Command {
        KEYS.iter().fold(command, |command, key| command.arg(argument(key)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn argument(key: &'static Key) -> Arg {
    let argument = Arg::new(key.name).long(key.flag()).value_name(key.value).help(key.help).help_heading("Settings");
    if key.list { argument.action(ArgAction::Append).value_delimiter(',') } else { argument }
}

impl clap::FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let given = |key: &'static Key| {
            // A command that has not got the flag was not given it.
            let values = matches.try_get_many::<String>(key.name).ok().flatten()?;
            Some((key, values.cloned().collect()))
        };
        self.0 = KEYS.iter().filter_map(given).collect();
        Ok(())
    }
}
