//! Files of one entry a line, with comments after `#` or `;`.

/// A line that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct LineError {
    /// The file's name, as it was given.
    pub file: String,
    /// Which line, from 1.
    pub line: usize,
    /// What is wrong, and what is wanted.
    pub message: String,
}

/// How many bytes a file may have, and how many entries with them.
const FILE_LIMIT: usize = 64 << 20;

/// Reads each entry by `read`, and stops at the first that is none: a list with a hole in it is not the list that somebody wrote.
pub(crate) fn read<T>(
    file: &str,
    bytes: &[u8],
    mut read: impl FnMut(&str) -> Result<T, String>,
) -> Result<Vec<T>, LineError> {
    let error = |line, message| LineError { file: file.to_owned(), line, message };
    if bytes.len() > FILE_LIMIT {
        return Err(error(1, format!("the file has more than {} MiB", FILE_LIMIT >> 20)));
    }
    let mut entries = Vec::new();
    for (at, line) in bytes.split(|&b| b == b'\n').enumerate() {
        let text = std::str::from_utf8(line).map_err(|_| error(at + 1, "is not UTF-8".to_owned()))?;
        let text = if at == 0 { text.trim_start_matches('\u{feff}') } else { text };
        let entry = text.split(['#', ';']).next().unwrap_or_default().trim();
        if !entry.is_empty() {
            entries.push(read(entry).map_err(|message| error(at + 1, message))?);
        }
    }
    Ok(entries)
}

/// A piece of a line as it is shown in an error: short, and without what would upset a terminal.
pub(crate) fn shown(entry: &str) -> String {
    entry.chars().filter(|c| !c.is_control()).take(60).collect()
}
