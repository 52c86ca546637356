//! What a request asks for, as its first line says it (RFC 9112 §3.2.1), and as backends understand that.
//!
//! Two programs that read one path in two ways are how rules are got around: `/a/../admin`, `/%61dmin`, `//admin`, `/admin;x`. What
//! could be read as another path by whoever decodes once more, or follows dots, is refused; of the rest there is one reading, by which
//! rules go.

/// The most bytes of a request's target.
const LONGEST: usize = 8192;
/// The most bytes of its path.
const LONGEST_PATH: usize = 2048;

/// A request's target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// As it was written.
    raw: String,
    /// The path in its one reading: decoded, without parameters and empty segments.
    path: String,
}

impl Target {
    /// Reads a path with its query; `None` where that is none, or could be read in several ways.
    pub(crate) fn parse(raw: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'#' && byte != b'\\';
        let (path, _) = raw.split_once('?').unwrap_or((raw, ""));
        if raw.len() > LONGEST || path.len() > LONGEST_PATH || !raw.bytes().all(fits) || has_double_encoding(path) {
            return None;
        }
        let segments: Vec<String> = path.strip_prefix('/')?.split('/').map(segment).collect::<Option<_>>()?;
        let ends_in_slash = segments.last().is_some_and(String::is_empty);
        let full: Vec<&str> = segments.iter().map(String::as_str).filter(|segment| !segment.is_empty()).collect();
        let end = if ends_in_slash && !full.is_empty() { "/" } else { "" };
        Some(Self { path: format!("/{}{end}", full.join("/")), raw: raw.to_owned() })
    }

    /// The path in its one reading.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// As it was written, with the query.
    pub(crate) fn raw(&self) -> &str {
        &self.raw
    }

    /// What follows the question mark.
    pub(crate) fn query(&self) -> Option<&str> {
        self.raw.split_once('?').map(|(_, query)| query)
    }

    /// Whether the path is written as it is read.
    pub(crate) fn is_plain(&self) -> bool {
        let written = self.raw.split_once('?').map_or(self.raw.as_str(), |(path, _)| path);
        written == self.path
    }
}

/// A segment of a path, decoded and without its parameters.
fn segment(text: &str) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let byte = if byte == b'%' { digit(bytes.next()?)? << 4 | digit(bytes.next()?)? } else { byte };
        if byte < 0x20 || matches!(byte, 0x7f | b'/' | b'\\') {
            return None;
        }
        decoded.push(byte);
    }
    let decoded = String::from_utf8(decoded).ok()?;
    let name = decoded.split(';').next().unwrap_or_default();
    let is_dots = matches!(name.trim(), "." | "..") || matches!(decoded.trim(), "." | "..");
    (!is_dots).then(|| name.to_owned())
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// Whether decoding twice would be another thing than decoding once.
fn has_double_encoding(path: &str) -> bool {
    path.match_indices("%25").any(|(at, _)| {
        let next = path.as_bytes().get(at + 3..at + 5);
        next.is_some_and(|next| next.iter().all(u8::is_ascii_hexdigit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_reading() {
        for (raw, path, plain) in [
            ("/", "/", true),
            ("/a/b", "/a/b", true),
            ("/a/b/?x=/../y", "/a/b/", true),
            ("//a//b", "/a/b", false),
            ("//", "/", false),
            ("/%61%2d", "/a-", false),
            ("/a;b=c/d", "/a/d", false),
            ("/100%25", "/100%", false),
            ("/caf%C3%A9", "/café", false),
            ("/..a/b..", "/..a/b..", true),
        ] {
            let target = Target::parse(raw).unwrap_or_else(|| panic!("{raw}"));
            assert_eq!((target.path(), target.is_plain(), target.raw()), (path, plain, raw));
        }
    }

    #[test]
    fn t20_what_could_be_read_in_several_ways_is_refused() {
        for raw in [
            "",
            "a",
            "*",
            "http://wiki.example/a",
            "/a/../b",
            "/..",
            "/a/.",
            "/a/..;/b",
            "/%2e%2e/b",
            "/%2e%2E;x/b",
            "/a%2fb",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/a%0ab",
            "/a%",
            "/a%4",
            "/a%zz",
            "/%2561dmin",
            "/%252e%252e/",
            "/%ff",
            "/%C0%AF",
            "/a#b",
            "/a b",
            "/caf\u{e9}",
            &format!("/{}", "a".repeat(LONGEST_PATH)),
            &format!("/?{}", "a".repeat(LONGEST)),
        ] {
            assert_eq!(Target::parse(raw), None, "{raw}");
        }
    }
}
