//! What a browser calls itself, reduced to what can be compared.
//!
//! All that is asked of a user agent here is whether it is another kind of program or another system than a moment ago. The
//! full databases of user agents tell models of phones and television sets apart with a thousand regular
//! expressions; what they would add is detail that is not compared, and that would be kept of people for nothing.
//! Versions are left out on purpose: a browser that updates itself during a session is still the same one.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much of a user agent is looked at. What comes after is never what names the program.
const LOOKED_AT: usize = 512;

/// A program and the system under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agent {
    /// The program.
    pub family: Family,
    /// The system.
    pub system: System,
}

/// Families of browsers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Family {
    /// Google Chrome, Chromium, and those that are told apart from them by nothing.
    Chrome,
    /// Microsoft Edge.
    Edge,
    /// Mozilla Firefox.
    Firefox,
    /// Opera.
    Opera,
    /// Apple Safari, and web views of iOS apps.
    Safari,
    /// Samsung Internet.
    Samsung,
    /// No browser: a script, a library, an application's own client.
    Program,
}

/// Families of systems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum System {
    /// Android.
    Android,
    /// ChromeOS.
    ChromeOs,
    /// iOS and iPadOS, unless an iPad says that it is a Mac.
    Ios,
    /// Linux and its likes on desktops.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
    /// Anything else, or not told.
    Other,
}

/// What a family is known by, in the order in which it is looked for: nearly every browser also says that it is others.
const FAMILIES: &[(&str, Family)] = &[
    ("Edg/", Family::Edge),
    ("EdgA/", Family::Edge),
    ("EdgiOS/", Family::Edge),
    ("OPR/", Family::Opera),
    ("OPT/", Family::Opera),
    ("SamsungBrowser/", Family::Samsung),
    ("FxiOS/", Family::Firefox),
    ("Firefox/", Family::Firefox),
    ("CriOS/", Family::Chrome),
    ("Chrome/", Family::Chrome),
    ("Chromium/", Family::Chrome),
    ("Safari/", Family::Safari),
    ("Mobile/", Family::Safari),
];

/// What a system is known by, in the order in which it is looked for.
const SYSTEMS: &[(&str, System)] = &[
    ("iPhone", System::Ios),
    ("iPad", System::Ios),
    ("iPod", System::Ios),
    ("Android", System::Android),
    ("Windows", System::Windows),
    ("CrOS", System::ChromeOs),
    ("Macintosh", System::MacOs),
    ("Mac OS X", System::MacOs),
    ("Linux", System::Linux),
    ("X11", System::Linux),
];

impl Agent {
    /// Reads the value of a `User-Agent` header (RFC 9110 §10.1.5). Every text is one; an empty one is a program of no system.
    pub fn of(user_agent: &str) -> Self {
        let end = (0..=LOOKED_AT.min(user_agent.len())).rev().find(|&end| user_agent.is_char_boundary(end));
        let text = user_agent.get(..end.unwrap_or(0)).unwrap_or_default();
        let is_browser = text.starts_with("Mozilla/");
        let family = known(FAMILIES, text).filter(|_| is_browser).unwrap_or(Family::Program);
        Self { family, system: known(SYSTEMS, text).unwrap_or(System::Other) }
    }

    /// Whether one of them may be the other with "desktop site" chosen in its menu: a phone that says it is a desktop.
    pub(crate) fn may_be_desktop_site_of(self, other: Self) -> bool {
        let pair = |a, b| (self.system, other.system) == (a, b) || (other.system, self.system) == (a, b);
        self.family == other.family && (pair(System::Android, System::Linux) || pair(System::Ios, System::MacOs))
    }
}

fn known<T: Copy>(table: &[(&str, T)], text: &str) -> Option<T> {
    table.iter().find(|(mark, _)| text.contains(mark)).map(|(_, what)| *what)
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = match self.family {
            Family::Chrome => "Chrome",
            Family::Edge => "Edge",
            Family::Firefox => "Firefox",
            Family::Opera => "Opera",
            Family::Safari => "Safari",
            Family::Samsung => "Samsung Internet",
            Family::Program => "a program that is no browser",
        };
        let system = match self.system {
            System::Android => "Android",
            System::ChromeOs => "ChromeOS",
            System::Ios => "iOS",
            System::Linux => "Linux",
            System::MacOs => "macOS",
            System::Windows => "Windows",
            System::Other => "another system",
        };
        write!(f, "{family} on {system}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEN: &[(&str, Family, System)] = &[
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
            Family::Chrome,
            System::Windows,
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0",
            Family::Edge,
            System::Windows,
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.4 Safari/605.1.15",
            Family::Safari,
            System::MacOs,
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/138.0 Mobile/15E148 Safari/604.1",
            Family::Chrome,
            System::Ios,
        ),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
            Family::Safari,
            System::Ios,
        ),
        (
            "Mozilla/5.0 (Linux; Android 15; SM-S921B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
            Family::Samsung,
            System::Android,
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", Family::Firefox, System::Linux),
        (
            "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
            Family::Chrome,
            System::ChromeOs,
        ),
        ("curl/8.14.1", Family::Program, System::Other),
        ("python-requests/2.32 Chrome/1", Family::Program, System::Other),
        ("", Family::Program, System::Other),
    ];

    #[test]
    fn browsers_are_told_apart_though_each_says_it_is_the_others() {
        for &(text, family, system) in SEEN {
            assert_eq!(Agent::of(text), Agent { family, system }, "{text}");
        }
    }

    #[test]
    fn an_update_is_no_other_browser() {
        let text = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
        assert_eq!(Agent::of(text), Agent::of(&text.replace("140", "141")));
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let long = format!("Mozilla/5.0 {}Chrome/1", "ü".repeat(400));
        assert_eq!(Agent::of(&long).family, Family::Program);
    }
}
