//! Makes the built pages of `web/dist` part of the program: the process that serves can read no files of its own (Landlock), so they
//! have to be in it. Where they were not built there are none, and the program builds all the same.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

#[allow(clippy::disallowed_methods, reason = "that is how cargo speaks to a build script")]
fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../web/dist");
    let index = root.join("index.html");
    let mut files = Vec::new();
    if index.is_file() {
        // Its links change with whatever it links to. Where it is not there yet, `make web` touches this file once it is:
        // to watch for a file that is missing would build the crate each time.
        println!("cargo::rerun-if-changed={}", index.display());
        collect(&root.canonicalize()?, &mut files)?;
    }
    let root = root.canonicalize().unwrap_or_default();
    let mut named: Vec<(&str, &str)> =
        files.iter().filter_map(|file| Some((file.strip_prefix(&root).ok()?.to_str()?, file.to_str()?))).collect();
    named.sort_unstable();
    let mut source = String::from("static FILES: &[(&str, &[u8])] = &[\n");
    for (name, file) in named {
        let _ = writeln!(source, "    ({}, include_bytes!({})),", literal(name), literal(file));
    }
    source.push_str("];\n");
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(Path::new(&out).join("web_files.rs"), source)
}

/// A text as Rust spells it.
fn literal(text: &str) -> String {
    format!("\"{}\"", text.escape_default())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
