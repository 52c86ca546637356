//! Landlock: which files the process can reach.
//!
//! It writes where the database is, and reads that, its certificates and what belongs to the system; the folder of the
//! vault is not among these. A process in a Landlock domain also traces none outside of it, root or not
//! (Documentation/userspace-api/landlock.rst, "Ptrace restrictions"), starts no program and signals nobody else.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope,
};

use super::Outcome;
use crate::config::{Database, RootKey, Settings};

/// Linux 6.12: files, devices, signals.
const WANTED: ABI = ABI::V6;

/// What belongs to the system and is no secret: libraries, how names are resolved, what machine this is, who signs
/// certificates.
const SYSTEM: [&str; 27] = [
    "/usr",
    "/lib",
    "/lib64",
    "/nix/store",
    "/proc",
    "/sys/devices/system",
    "/sys/fs/cgroup",
    "/sys/kernel/mm",
    "/dev/null",
    "/dev/random",
    "/dev/urandom",
    "/etc/ca-certificates",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/gai.conf",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/pki",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl",
    "/run/NetworkManager",
    "/run/resolvconf",
    "/run/systemd/resolve",
];

/// The parameters of a PostgreSQL URL that name files of the client.
const CLIENT_FILES: [&str; 3] = ["sslrootcert", "sslcert", "sslkey"];

/// Which folders and files the process can reach.
#[derive(Debug)]
pub(super) struct Reach {
    write: Vec<PathBuf>,
    read: Vec<PathBuf>,
}

impl Reach {
    pub(super) fn of(settings: &Settings) -> Self {
        let mut read = SYSTEM.map(PathBuf::from).to_vec();
        let tls = settings.tls.iter().flat_map(|tls| [Some(&tls.certificate), Some(&tls.key), tls.client_ca.as_ref()]);
        // Folders, since a new certificate is put in place of the old one.
        read.extend(tls.flatten().flat_map(|file| folders(file)));
        // Read at the start, but after this.
        read.extend([&settings.webauthn.mds_blob, &settings.webauthn.mds_root].into_iter().flatten().cloned());
        read.extend(settings.policy_folder.iter().cloned());
        read.extend(settings.workflows.iter().map(|workflows| workflows.folder.clone()));
        read.extend(settings.alerts.iter().map(|alerts| alerts.folder.clone()));
        read.extend(settings.risk.all().flat_map(|file| folders(file)));
        let mut write = Vec::new();
        match &settings.database {
            Database::Sqlite(file) => write.extend(folders(file)),
            Database::Postgres(url) => read.extend(client_files(url).iter().flat_map(|file| folders(file))),
        }
        // What messages say, and whom to trust when gateways are called.
        read.extend(settings.messages.folder.iter().cloned());
        read.extend(settings.outside.authorities.iter().flat_map(|file| folders(file)));
        // Where a panic finds the names of its functions.
        read.extend(std::env::current_exe());
        Self { write, read }
    }

    /// Lets the process reach nothing else from here on. Answers how that went, and whether the root key is beyond it.
    pub(super) fn enforce(&self, root_key: &RootKey) -> (Outcome, Outcome) {
        let outcome = match self.restrict() {
            Ok(RulesetStatus::FullyEnforced) => {
                Ok("the server process reads certificates and the system's files, writes where the database is, starts no \
                    program, and can neither trace nor signal the vault"
                    .to_owned())
            }
            Ok(RulesetStatus::PartiallyEnforced) => {
                Ok("the server process cannot trace the vault; what else Landlock could do needs Linux 6.12".to_owned())
            }
            Ok(RulesetStatus::NotEnforced) => {
                Err("this kernel has no Landlock, or it is not switched on (lsm=landlock,…): as root, the server process \
                     could read the vault; run it as an ordinary user"
                    .to_owned())
            }
            Err(error) => Err(format!("Landlock failed: {error}: as root, the server process could read the vault")),
        };
        let root_key = self.beyond(root_key, outcome.is_ok());
        (outcome, root_key)
    }

    fn restrict(&self) -> Result<RulesetStatus, RulesetError> {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        let write = AccessFs::from_write(WANTED) & !(AccessFs::MakeChar | AccessFs::MakeBlock);
        for folder in &self.write {
            // As the store would; once confined it cannot. Where it fails, the store says so in its own words.
            let _ = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        }
        let rules = Ruleset::default()
            .handle_access(AccessFs::from_all(WANTED))?
            .scope(Scope::Signal)?
            .create()?
            .add_rules(beneath(&self.read, read))?
            .add_rules(beneath(&self.write, read | write))?
            .add_rules(beneath(&["/dev/null".into()], read | AccessFs::WriteFile))?;
        Ok(rules.restrict_self()?.ruleset)
    }

    /// Whether the root key is out of reach: tried, and told from where it stands, for there may be none yet.
    fn beyond(&self, root_key: &RootKey, enforced: bool) -> Outcome {
        let RootKey::File(path) = root_key else {
            return Ok("the server process is not given it".to_owned());
        };
        let shown = path.display();
        let place = whole(path);
        let over =
            self.read.iter().chain(&self.write).map(|folder| whole(folder)).find(|folder| place.starts_with(folder));
        match over {
            Some(folder) => Err(format!(
                "the server process, if it were taken over, could read {shown}: it needs what is in {}; put the root key, \
                 the database and certificates each into a folder of their own",
                folder.display()
            )),
            None if !enforced || std::fs::File::open(path).is_ok() => Err(format!(
                "the server process, if it were taken over, could read {shown}, since nothing but the file's mode keeps \
                 it out; give the root key as env:NAME, from a file that only root can read"
            )),
            None => Ok(format!("{shown} is out of the server process's reach")),
        }
    }
}

/// The folder of a file, and the one that a symbolic link leads to.
fn folders(file: &Path) -> Vec<PathBuf> {
    let folder = |file: &Path| match file.parent() {
        Some(folder) if folder != Path::new("") => folder.to_owned(),
        _ => PathBuf::from("."),
    };
    let named = folder(file);
    let led_to = file.canonicalize().ok().as_deref().map(folder);
    std::iter::once(named).chain(led_to).collect()
}

/// The files that a PostgreSQL URL names.
fn client_files(url: &str) -> Vec<PathBuf> {
    let Ok(url) = reqwest::Url::parse(url) else { return Vec::new() };
    let named = |(name, _): &(_, _)| CLIENT_FILES.contains(&std::borrow::Cow::as_ref(name));
    url.query_pairs().filter(named).map(|(_, file)| PathBuf::from(file.as_ref())).collect()
}

/// A path without symbolic links, as far as it exists.
fn whole(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (path.canonicalize(), path.parent(), path.file_name()) {
        (Ok(whole), ..) => whole,
        (Err(_), Some(folder), Some(name)) => whole(folder).join(name),
        (Err(_), ..) => path,
    }
}

/// Rules for those of the paths that are there; what is not there is not allowed either.
fn beneath(
    paths: &[PathBuf],
    access: BitFlags<AccessFs>,
) -> impl Iterator<Item = Result<PathBeneath<PathFd>, RulesetError>> + use<> {
    let rules: Vec<_> = paths
        .iter()
        .filter_map(|path| {
            // A rule about a file may speak only of what can be done with files.
            let access = if path.is_dir() { access } else { access & AccessFs::from_file(WANTED) };
            Some(Ok(PathBeneath::new(PathFd::new(path).ok()?, access)))
        })
        .collect();
    rules.into_iter()
}
