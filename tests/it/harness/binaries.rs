//! The programs under test: those that were built together with the tests, built now where they are missing or old.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

/// Where the programs stand.
#[derive(Debug, Clone)]
pub(crate) struct Binaries {
    pub(crate) countersign: PathBuf,
    pub(crate) vault: PathBuf,
}

impl Binaries {
    /// The programs of the profile that the tests were built with.
    pub(crate) fn built() -> &'static Self {
        static BUILT: OnceLock<Binaries> = OnceLock::new();
        BUILT.get_or_init(|| {
            // target/<profile>/deps/it-<hash>
            let test = std::env::current_exe().unwrap();
            let profile = test.parent().unwrap().parent().unwrap();
            let binaries = Self::of(profile);
            if !(is_fresh(&binaries.countersign) && is_fresh(&binaries.vault)) {
                build(profile);
            }
            binaries
        })
    }

    /// Copies of them in `folder`, for an account that may not see the build folder.
    pub(crate) fn copied_to(&self, folder: &Path) -> Self {
        let copies = Self::of(folder);
        std::fs::copy(&self.countersign, &copies.countersign).unwrap();
        std::fs::copy(&self.vault, &copies.vault).unwrap();
        copies
    }

    fn of(folder: &Path) -> Self {
        Self { countersign: folder.join("countersign"), vault: folder.join("countersign-vault") }
    }
}

/// Whether a program is there and no older than any source that Cargo says it was made from.
fn is_fresh(program: &Path) -> bool {
    let Some(built) = modified(program) else { return false };
    let Ok(sources) = std::fs::read_to_string(program.with_extension("d")) else { return false };
    let sources = sources.split_once(':').map_or("", |(_, sources)| sources);
    sources.split_whitespace().all(|source| modified(Path::new(source)).is_some_and(|changed| changed <= built))
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

fn build(profile: &Path) {
    let name = match profile.file_name().and_then(|name| name.to_str()) {
        Some("debug") => "dev",
        // `bench` shares its folder with `release`; its programs come without the slow link.
        Some("release") => "bench",
        other => panic!("no profile builds into {other:?}"),
    };
    let status = Command::new(env!("CARGO"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--locked", "--quiet", "--profile", name, "-p", "countersign", "-p", "vault"])
        .arg("--target-dir")
        .arg(profile.parent().unwrap())
        .status()
        .unwrap();
    assert!(status.success(), "the programs under test do not build");
}
