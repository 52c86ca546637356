//! A PostgreSQL cluster for tests: in a temporary folder, on a Unix socket only, gone afterwards.
//!
//! It is as durable as a real one (`fsync` and `synchronous_commit` on). It ends with the process that started it,
//! however that ends: a shell waits for the end of a pipe that only the process holds.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The superuser of every cluster.
const USER: &str = "countersign";

/// A running cluster. Stopped and removed when dropped.
#[derive(Debug)]
pub struct Cluster {
    folder: PathBuf,
    programs: PathBuf,
    owner: Option<(u32, u32)>,
    databases: AtomicU32,
    // Closing this end is what the watchdog waits for.
    leash: Option<ChildStdin>,
    watchdog: Child,
}

impl Cluster {
    /// The cluster that all tests of this process share.
    ///
    /// # Errors
    /// As [`Cluster::start`].
    pub fn shared() -> Result<&'static Self, String> {
        static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref().map_err(Clone::clone)
    }

    /// Starts a cluster.
    ///
    /// # Errors
    /// What is missing and how to install it, or what PostgreSQL says.
    pub fn start() -> Result<Self, String> {
        let programs = programs()?;
        let folder = tempfile::Builder::new().prefix("countersign-pg-").tempdir().map_err(|e| text(&e))?.keep();
        let owner = owner(&folder)?;
        // From here on the folder has somebody who clears it away.
        let mut watchdog = watchdog(&programs, &folder, owner)?;
        let leash = watchdog.stdin.take();
        let cluster = Self { folder, programs, owner, databases: AtomicU32::new(0), leash, watchdog };
        cluster.set_up()?;
        Ok(cluster)
    }

    fn set_up(&self) -> Result<(), String> {
        let data = self.folder.join("data");
        let mut initdb = command(&self.programs, "initdb", self.owner, &self.folder);
        initdb.arg("--pgdata").arg(&data);
        initdb.args(["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C", "--no-sync"]);
        run(&mut initdb)?;
        self.start_again()
    }

    /// Starts it after [`Cluster::stop`].
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub fn start_again(&self) -> Result<(), String> {
        let data = self.folder.join("data");
        let mut start = command(&self.programs, "pg_ctl", self.owner, &self.folder);
        let options = format!(
            "-k {} -c listen_addresses= -c fsync=on -c synchronous_commit=on -c max_connections=200 \
             -c shared_buffers=64MB -c log_min_messages=fatal",
            self.folder.display()
        );
        start.arg("start").arg("--wait").arg("--pgdata").arg(&data).arg("--log").arg(self.folder.join("log"));
        run(start.arg("--options").arg(options))
    }

    /// Stops it as a crash would.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub fn stop(&self) -> Result<(), String> {
        let mut stop = command(&self.programs, "pg_ctl", self.owner, &self.folder);
        run(stop.args(["stop", "--mode", "immediate", "--pgdata"]).arg(self.folder.join("data")))
    }

    /// A new, empty database, as an URL.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub fn database(&self) -> Result<String, String> {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.run_sql("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(format!("postgres://{USER}@localhost/{name}?host={}", self.folder.display()))
    }

    /// Runs SQL as the superuser in the database of this URL or name; answers what `psql` prints, unadorned.
    ///
    /// # Errors
    /// What PostgreSQL says.
    pub fn run_sql(&self, database: &str, sql: &str) -> Result<String, String> {
        let name = match database.split_once("@localhost/").and_then(|(_, rest)| rest.split_once('?')) {
            Some((name, _)) => name,
            None => database,
        };
        let output = Command::new(self.programs.join("psql"))
            .args(["--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--set", "ON_ERROR_STOP=1"])
            .args(["--username", USER, "--dbname", name, "--command", sql, "--host"])
            .arg(&self.folder)
            .output()
            .map_err(|error| text(&error))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.leash = None;
        let _ = self.watchdog.wait();
    }
}

/// Where PostgreSQL's server programs are: Debian keeps them out of `PATH`, by version.
fn programs() -> Result<PathBuf, String> {
    let mut folders: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|version| version.path().join("bin"))
        .collect();
    folders.sort();
    folders.reverse();
    #[allow(clippy::disallowed_methods, reason = "looks for programs as a shell does")]
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    folders.into_iter().find(|folder| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file()).ok_or_else(
        || "these tests need PostgreSQL's server programs (initdb, pg_ctl): apt-get install postgresql".to_owned(),
    )
}

/// PostgreSQL refuses to run as root: then it runs as another user, who is given the folder.
fn owner(folder: &Path) -> Result<Option<(u32, u32)>, String> {
    if std::fs::metadata("/proc/self").map_err(|e| text(&e))?.uid() != 0 {
        return Ok(None);
    }
    let users = std::fs::read_to_string("/etc/passwd").map_err(|e| text(&e))?;
    let ids = |wanted: &str| {
        let mut fields =
            users.lines().find_map(|line| line.strip_prefix(wanted)?.strip_prefix(':'))?.split(':').skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    let (user, group) = ids("postgres").or_else(|| ids("nobody")).ok_or("there is no user postgres or nobody")?;
    std::os::unix::fs::chown(folder, Some(user), Some(group)).map_err(|error| text(&error))?;
    Ok(Some((user, group)))
}

fn command(programs: &Path, program: &str, owner: Option<(u32, u32)>, folder: &Path) -> Command {
    let mut command = Command::new(programs.join(program));
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    // Out of the way of the signals that a terminal sends to its foreground.
    command.current_dir(folder).process_group(0).stdin(Stdio::null());
    command
}

/// Waits for the end of its input, which is the end of the process that holds the other end, and clears away.
fn watchdog(programs: &Path, folder: &Path, owner: Option<(u32, u32)>) -> Result<Child, String> {
    const SCRIPT: &str = r#"
        trap '' INT TERM HUP
        cat > /dev/null
        cd /
        "$1/pg_ctl" stop --pgdata "$2/data" --mode immediate --silent > /dev/null 2>&1
        rm -rf "$2"
    "#;
    let mut shell = Command::new("sh");
    if let Some((user, group)) = owner {
        shell.uid(user).gid(group);
    }
    shell.arg("-c").arg(SCRIPT).arg("throwaway-postgres").arg(programs).arg(folder).current_dir("/").process_group(0);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(|error| text(&error))
}

fn run(command: &mut Command) -> Result<(), String> {
    // Into a file, not a pipe: the server that `pg_ctl` leaves behind would hold a pipe open.
    let log = tempfile::NamedTempFile::new().map_err(|error| text(&error))?;
    let (out, errors) = (log.reopen().map_err(|e| text(&e))?, log.reopen().map_err(|e| text(&e))?);
    let status = command.stdout(out).stderr(errors).status().map_err(|error| text(&error))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {status}: {}", std::fs::read_to_string(log.path()).unwrap_or_default()))
}

fn text(error: &io::Error) -> String {
    error.to_string()
}
