//! Addresses of mail: read once, in one spelling as far as there is one (T-07).

use std::fmt;

use lettre::Address;

/// The longest address (RFC 5321 §4.5.3.1.3, less the brackets).
const LONGEST: usize = 254;

/// An address that mail can be sent to. Shows the first letter and the domain.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MailAddress(Address);

/// A text that is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no address of mail, such as ana@example.org")]
pub struct InvalidAddress;

impl MailAddress {
    /// Reads an address as a person typed it. The domain is written in small letters, and in its international form as DNS
    /// has it; what stands before the @ is the recipient's own business and stays as it is.
    ///
    /// # Errors
    ///
    /// [`InvalidAddress`].
    pub fn parse(typed: &str) -> Result<Self, InvalidAddress> {
        let typed = typed.trim();
        let (user, domain) = typed.rsplit_once('@').ok_or(InvalidAddress)?;
        // An address in brackets leads past DNS, and a quoted name is a place to hide things in.
        let is_odd = typed.len() > LONGEST || user.contains('"');
        let is_domain = domain.chars().all(|c| !c.is_ascii() || c.is_ascii_alphanumeric() || "-.".contains(c));
        if is_odd || !is_domain || typed.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(InvalidAddress);
        }
        // As browsers write it: a host's name in DNS's own letters.
        let url = reqwest::Url::parse(&format!("https://{domain}/")).map_err(|_| InvalidAddress)?;
        let domain = url.domain().ok_or(InvalidAddress)?.trim_end_matches('.');
        if !domain.contains('.') {
            return Err(InvalidAddress);
        }
        Address::new(user, domain).map(Self).map_err(|_| InvalidAddress)
    }

    /// The whole address.
    pub fn as_text(&self) -> &str {
        self.0.as_ref()
    }

    /// For people who know it anyway: `a•••@example.org`.
    pub fn masked(&self) -> String {
        let first: String = self.0.user().chars().take(1).collect();
        format!("{first}•••@{}", self.0.domain())
    }

    /// Where the mail ends up, as far as that can be told: what is behind a `+` before the @ is for its owner to sort by, and hardly
    /// anybody tells small letters from capital ones.
    pub fn mailbox(&self) -> String {
        let user = self.0.user();
        let user = user.split_once('+').map_or(user, |(user, _)| user);
        format!("{}@{}", user.to_lowercase(), self.0.domain())
    }

    /// What is behind the @.
    pub fn domain(&self) -> &str {
        self.0.domain()
    }

    pub(super) fn address(&self) -> &Address {
        &self.0
    }
}

impl fmt::Debug for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.masked())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(typed: &str) -> Option<String> {
        MailAddress::parse(typed).ok().map(|address| address.as_text().to_owned())
    }

    #[test]
    fn t07_an_address_has_one_spelling() {
        assert_eq!(parse(" ana@Example.ORG ").as_deref(), Some("ana@example.org"));
        assert_eq!(parse("ana@example.org.").as_deref(), Some("ana@example.org"));
        assert_eq!(parse("ana@bücher.example").as_deref(), Some("ana@xn--bcher-kva.example"));
        assert_eq!(parse("Ana+x@example.org").as_deref(), Some("Ana+x@example.org"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for typed in [
            "",
            "ana",
            "@example.org",
            "ana@",
            "ana@localhost",
            "ana@127.0.0.1",
            "ana@[127.0.0.1]",
            "ana@example.org\r\nBcc: b@example.org",
            "ana@example.org,bob@example.org",
            "Ana <ana@example.org>",
            "\"a b\"@example.org",
            "ana bob@example.org",
            "ana@example.org/x",
            "ana@example.org:25",
            "ana@exa mple.org",
            "ana@example..org",
        ] {
            assert_eq!(parse(typed), None, "{typed:?}");
        }
        assert_eq!(parse(&format!("{}@example.org", "a".repeat(250))), None);
    }

    #[test]
    fn an_address_does_not_print() {
        assert_eq!(format!("{:?}", MailAddress::parse("ana@example.org").unwrap()), "a•••@example.org");
    }

    proptest! {
        #[test]
        fn whatever_is_typed_is_an_address_or_none(typed in "\\PC{0,20}@?\\PC{0,20}(\\.org)?") {
            if let Ok(address) = MailAddress::parse(&typed) {
                prop_assert!(!address.as_text().contains(['\r', '\n', ' ', '<', '>', ',']));
                prop_assert_eq!(MailAddress::parse(address.as_text()), Ok(address));
            }
        }
    }
}
