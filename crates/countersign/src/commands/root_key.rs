//! `countersign root-key`

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;
use store::Store;
use vault_proto::control::NEXT_ROOT_KEY;

use super::opening::open_store;
use crate::cli::RootKeyCommand;
use crate::config::{Environment, RootKey, Secret, Settings};
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::supervisor::{LoneVault, NextRootKey, VaultStart, close_memory, vault_program};

/// Seals a store's keys under another root key.
pub(crate) async fn root_key(
    command: RootKeyCommand,
    environment: &mut Environment,
    output: Output,
) -> Result<ExitCode, Failure> {
    let RootKeyCommand::Change { to, store: args, vault_program: program } = command;
    let settings = Settings::load(args.config.as_deref(), &args.flags, environment)?;
    let next = wanted(&settings, to.as_deref(), environment)?;
    close_memory();
    // Before the store is opened, and with it threads are started.
    let mut take = |root_key: &RootKey| root_key.variable().and_then(|name| environment.take(name));
    let change = Change {
        program: vault_program(program.as_deref()),
        present_secret: take(&settings.root_key),
        next_secret: take(&next),
        in_place_of: in_place(&settings.root_key, &next),
        present: settings.root_key.clone(),
        next,
    };
    change.prepare(&settings.data)?;
    let store = open_store(&settings).await?;
    let done = change.carry_out(&store).await;
    store.close().await;
    let done = done?;
    let kept = change.put_in_place()?;
    tell(&change, &done, kept.as_deref(), &settings.data, output);
    Ok(ExitCode::SUCCESS)
}

/// The new root key: the one that was named, or a file beside the present one, whose place it will take.
fn wanted(settings: &Settings, to: Option<&str>, environment: &Environment) -> Result<RootKey, Failure> {
    let named = to.map(|to| settings.other_root_key(to, environment)).transpose();
    let named = named.map_err(|why| Failure::usage(format!("--to: {why}")))?;
    let beside = |file: &Path| {
        let mut name = file.as_os_str().to_owned();
        name.push(NEXT_ROOT_KEY);
        RootKey::File(PathBuf::from(name))
    };
    match (named, &settings.root_key) {
        (None, RootKey::File(present)) => Ok(beside(present)),
        (None, present) => Err(Failure::usage(format!(
            "the present root key is {present}: say with --to where the new one is, file:PATH, env:NAME or passphrase-env:NAME"
        ))),
        (Some(RootKey::File(next)), RootKey::File(present)) if same(&next, present) => Ok(beside(present)),
        (Some(next), present) if next.variable().is_some_and(|name| Some(name) == present.variable()) => Err(
            Failure::usage(format!("--to: {next} holds the present root key: put the new one into another variable")),
        ),
        (Some(next), _) => Ok(next),
    }
}

fn same(one: &Path, other: &Path) -> bool {
    let whole = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path));
    matches!((whole(one), whole(other)), (Ok(one), Ok(other)) if one == other)
}

/// The present root key's file, where the new one is to take its place.
fn in_place(present: &RootKey, next: &RootKey) -> Option<PathBuf> {
    let (RootKey::File(present), RootKey::File(next)) = (present, next) else { return None };
    let ours = next.to_str()?.strip_suffix(NEXT_ROOT_KEY)?;
    (Path::new(ours) == present).then(|| present.clone())
}

/// One change of the root key.
#[derive(Debug)]
struct Change {
    program: PathBuf,
    present: RootKey,
    present_secret: Option<Secret>,
    next: RootKey,
    next_secret: Option<Secret>,
    in_place_of: Option<PathBuf>,
}

/// What it led to.
#[derive(Debug)]
struct Done {
    /// The root key until now; `None` where an earlier run had come that far.
    from: Option<String>,
    to: String,
}

impl Change {
    /// Makes the new file's folder where that is in the data folder.
    fn prepare(&self, data: &Path) -> Result<(), Failure> {
        let RootKey::File(file) = &self.next else { return Ok(()) };
        let Some(folder) = file.parent().filter(|folder| folder.starts_with(data)) else { return Ok(()) };
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| Failure::cannot_write(folder, &error))
    }

    async fn carry_out(&self, store: &Store) -> Result<Done, Failure> {
        let unread = |error: store::StoreError| Failure::unavailable(error.to_string());
        let kept = store.keyring().await.map_err(unread)?.ok_or_else(|| {
            Failure::no(
                "nothing is sealed in this store yet: set vault.root_key to the new root key and start the server",
            )
        })?;
        let wanted = vault_proto::wrapped_root_key_id(&kept.wrapped).ok_or_else(|| {
            Failure::configuration("the keyring in the database is damaged: restore it from a backup")
        })?;
        // An earlier run may have been cut off after it reached the store.
        if self.next_is_there() {
            let vault = self.vault_with_next_alone().await?;
            if server::opens(store, vault.client()).await.map_err(|error| Failure::unavailable(error.to_string()))? {
                return Ok(Done { from: None, to: wanted });
            }
        }
        let with_both = VaultStart {
            expected: Some(&wanted),
            next: Some(NextRootKey { root_key: &self.next, handed: self.next_secret.as_ref() }),
            ..self.start(&self.present, self.present_secret.as_ref())
        };
        let vault = LoneVault::start(&with_both).await?;
        let proof = self.vault_with_next_alone().await?;
        let changed = server::change_root_key(store, vault.client(), proof.client()).await;
        let (from, to) = changed.map_err(|error| Failure::configuration(error.to_string()))?;
        Ok(Done { from: Some(from), to })
    }

    fn next_is_there(&self) -> bool {
        match &self.next {
            RootKey::File(file) => file.exists(),
            _ => true,
        }
    }

    async fn vault_with_next_alone(&self) -> Result<LoneVault, Failure> {
        LoneVault::start(&self.start(&self.next, self.next_secret.as_ref())).await
    }

    fn start<'a>(&'a self, root_key: &'a RootKey, handed: Option<&'a Secret>) -> VaultStart<'a> {
        VaultStart {
            program: &self.program,
            root_key,
            handed,
            expected: None,
            create: false,
            next: None,
            movable_clock: false,
        }
    }

    /// Lets the new file take the place of the old one, which stays beside it. At each moment the one or the other is there.
    fn put_in_place(&self) -> Result<Option<PathBuf>, Failure> {
        let (Some(place), RootKey::File(next)) = (&self.in_place_of, &self.next) else { return Ok(None) };
        let old = keep(place)?;
        let failed = |error: std::io::Error| Failure::cannot_write(place, &error);
        std::fs::rename(next, place).map_err(failed)?;
        let folder = place.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)?;
        Ok(Some(old))
    }
}

/// Gives a file a second name, ending in `.old`, or `.old-2` where there is one already.
fn keep(file: &Path) -> Result<PathBuf, Failure> {
    let inode = |path: &Path| std::fs::metadata(path).ok().map(|about| (about.dev(), about.ino()));
    for number in 1_u32.. {
        let mut name = file.as_os_str().to_owned();
        name.push(if number == 1 { ".old".to_owned() } else { format!(".old-{number}") });
        let old = PathBuf::from(name);
        match std::fs::hard_link(file, &old) {
            Ok(()) => return Ok(old),
            // A run that was cut off came that far.
            Err(_) if old.exists() && inode(&old) == inode(file) => return Ok(old),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Failure::cannot_write(&old, &error)),
        }
    }
    Err(Failure::defect("there is no name left for the old root key"))
}

fn tell(change: &Change, done: &Done, kept: Option<&Path>, data: &Path, output: Output) {
    let place = change.in_place_of.as_ref().map_or_else(|| change.next.clone(), |file| RootKey::File(file.clone()));
    let setting = as_configured(&place, data);
    if output.is_json() {
        output.json(&json!({
            "root_key_id": done.to,
            "previous_root_key_id": done.from,
            "root_key": setting,
            "kept": kept.map(|file| file.display().to_string()),
        }));
        return;
    }
    let id = output.paint(Look::Strong, &done.to);
    match &done.from {
        Some(from) => {
            output.success(format_args!("The store's keys are sealed under root key {id}, no longer under {from}."));
        }
        None => output.success(format_args!("The store's keys are sealed under root key {id} since an earlier run.")),
    }
    let old = kept.map_or_else(|| change.present.clone(), |file| RootKey::File(file.to_owned()));
    output.line(format_args!("  New root key   {}", in_words(&place)));
    output.line(format_args!("  Old root key   {}", in_words(&old)));
    output.line(format_args!(
        "                 {}",
        output.paint(Look::Faint, "backups made until now open with it alone")
    ));
    output.line("");
    if kept.is_none() {
        let setting = output.paint(Look::Copy, format_args!("vault.root_key = \"{setting}\""));
        output.line(format_args!("  Set {setting}, then start the server."));
    } else {
        output.line("  Start the server, and keep a copy of the new root key apart from the backups.");
    }
}

/// As `vault.root_key` names it: a file relative to the data folder where it is in there.
fn as_configured(root_key: &RootKey, data: &Path) -> String {
    match root_key {
        RootKey::File(file) => RootKey::File(file.strip_prefix(data).unwrap_or(file).to_owned()).to_string(),
        variable => variable.to_string(),
    }
}

fn in_words(root_key: &RootKey) -> String {
    match root_key {
        RootKey::File(file) => file.display().to_string(),
        RootKey::Environment(name) => format!("in the environment variable {name}"),
        RootKey::Passphrase(name) => format!("from the passphrase in the environment variable {name}"),
    }
}
