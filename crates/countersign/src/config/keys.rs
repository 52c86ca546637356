//! The keys, as data: the file, the environment, the flags, the help and the test of the documentation all
//! follow this table.

/// One thing that can be configured.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its name: `section.key`, or `key` at the top of the file.
    pub(crate) name: &'static str,
    /// What stands for the value in help.
    pub(crate) value: &'static str,
    /// Whether it takes a list.
    pub(crate) list: bool,
    /// What it is for.
    pub(crate) help: &'static str,
}

/// Every key.
pub(crate) const KEYS: [Key; 62] = [
    one("listen", "ADDR", "Address and port to listen on [default: 127.0.0.1:8420]"),
    one("data", "DIR", "Folder for everything that is kept on disk [default: ./data]"),
    one(
        "database",
        "URL",
        "sqlite:FILE, postgres://…, or env:NAME / file:PATH that hold it [default: an SQLite file in the data folder]",
    ),
    one("public_url", "URL", "How clients reach the server, where that differs from the address"),
    one(
        "issuer",
        "NAME",
        "Who asks for codes, as authenticator apps show it [default: the enrolling application's name, or Countersign if that has the scope admin]",
    ),
    one("tls.certificate", "FILE", "Certificate chain, PEM; read again when it changes"),
    one("tls.key", "FILE", "Private key of the certificate, PEM"),
    one("tls.client_ca", "FILE", "CA whose client certificates can stand for an application, PEM"),
    Key {
        name: "proxy.trusted",
        value: "IP,…",
        list: true,
        help: "Proxies in front whose X-Forwarded-For is believed; allows plain HTTP beyond loopback",
    },
    one(
        "vault.root_key",
        "SOURCE",
        "file:PATH, env:NAME or passphrase-env:NAME [default: file:vault/root.key in the data folder]",
    ),
    one("enrollment.view_lifetime", "TIME", "How long a new key can be looked at, once [default: 5m]"),
    one("enrollment.max_session_age", "TIME", "How fresh a login has to be to enroll [default: 15m]"),
    one("push.digits", "NUMBER", "Digits of the number that is typed on the phone, 2 to 6 [default: 2]"),
    list(
        "push.services",
        "HOST,…",
        "Push services that wake browsers up, *. for all below; none for none [default: Chrome's, Firefox's, Safari's, Edge's]",
    ),
    one(
        "push.contact",
        "URL",
        "Whom push services can turn to, mailto: or https: [default: public_url; browsers are not woken up without]",
    ),
    Key {
        name: "factors.offer",
        value: "KIND,…",
        list: true,
        help: "Which kinds of authenticator are offered, in this order [default: webauthn,push,totp,hotp,sms,email, as far as they are set up]",
    },
    one(
        "factors.fall_back",
        "YES|NO",
        "Whether codes by text message and e-mail count for users who have a passkey or security key [default: no]",
    ),
    list(
        "webauthn.rp_id",
        "DOMAIN,…",
        "Domain that passkeys and security keys belong to; further ones go on working [default: that of public_url]",
    ),
    list("webauthn.origins", "ORIGIN,…", "Pages on which they are used [default: that of public_url]"),
    one(
        "webauthn.user_verification",
        "POLICY",
        "PIN or biometrics: required, preferred or discouraged [default: preferred]",
    ),
    one("webauthn.attestation", "POLICY", "Whether they have to prove their model: none or direct [default: none]"),
    list("webauthn.allow_aaguids", "AAGUID,…", "The only models that are allowed; takes attestation and mds_blob"),
    list("webauthn.deny_aaguids", "AAGUID,…", "Models that are not allowed"),
    one("webauthn.hardware_bound_only", "YES|NO", "Refuse passkeys that can be copied to other devices [default: no]"),
    one(
        "webauthn.mds_blob",
        "FILE",
        "FIDO's metadata about models (the BLOB of its Metadata Service), read at the start",
    ),
    one("webauthn.mds_root", "FILE", "Root certificate of whoever signed it, DER [default: FIDO's]"),
    one(
        "remembered_browsers.lifetime",
        "TIME",
        "How long a browser in which something was proved is remembered, such as 30d, or never, which remembers none [default: never]",
    ),
    one("brand.name", "NAME", "Whose pages they are, as people see them [default: Countersign]"),
    one("brand.logo", "FILE", "Logo for the pages, SVG or PNG, at most 64 KiB"),
    one("brand.colour", "#RRGGBB", "Colour for the pages; one that could not be read is made readable"),
    Key {
        name: "sms.countries",
        value: "CC,…",
        list: true,
        help: "Countries that text messages may go to, by their two letters; there is no SMS without",
    },
    one("sms.home", "CC", "Country of numbers that are typed without the code of one"),
    Key {
        name: "sms.user_budget",
        value: "N/TIME,…",
        list: true,
        help: "Text messages for one user, two fifths of them for sessions that proved something [default: 8/1h,16/1d]",
    },
    list("sms.number_budget", "N/TIME,…", "Text messages to one number, whoever it is for [default: 10/1h,20/1d]"),
    Key {
        name: "sms.prefix_budget",
        value: "N/TIME,…",
        list: true,
        help: "Text messages to one range of numbers [default: 100/1h,500/1d]",
    },
    Key {
        name: "sms.global_budget",
        value: "N/TIME,…",
        list: true,
        help: "Text messages in all, from one server [default: 1000/1h,5000/1d]",
    },
    one(
        "sms.conversion",
        "PERCENT",
        "A range of numbers from which fewer first codes come back is closed to new ones for an hour; 0 closes none [default: 20]",
    ),
    list("email.user_budget", "N/TIME,…", "Mails with codes for one user [default: 10/1h,20/1d]"),
    list(
        "email.address_budget",
        "N/TIME,…",
        "Mails with codes to one mailbox, whoever it is for [default: 10/1h,20/1d]",
    ),
    list("email.domain_budget", "N/TIME,…", "Mails with codes to one domain [default: 1000/1h,5000/1d]"),
    list("email.global_budget", "N/TIME,…", "Mails with codes in all, from one server [default: 2000/1h,10000/1d]"),
    one("messages.folder", "DIR", "Folder with your own words for messages [default: ours]"),
    one(
        "messages.language",
        "LANG",
        "Language of messages where the person's is not known: en, de, es, fr or zh [default: en]",
    ),
    Key {
        name: "outside.allowed",
        value: "NET,…",
        list: true,
        help: "Networks, addresses and hosts inside that may be called, each at any port or at one (HOST:PORT); else only what is out on the internet",
    },
    Key {
        name: "outside.authorities",
        value: "FILE,…",
        list: true,
        help: "CAs that are trusted besides the system's when others are called, PEM",
    },
    one(
        "policy.folder",
        "DIR",
        "Folder of the policy's files, *.yaml, read at the start; none can be applied then [default: what was applied, or a second factor for everything]",
    ),
    one(
        "alerts.folder",
        "DIR",
        "Folder of the rules of alerts that are in force, *.yaml, read at the start [default: `alerts` in policy.folder, if it is there; else what is in force stays so]",
    ),
    one(
        "workflows.folder",
        "DIR",
        "Folder of the workflows that are in force, *.yaml, read at the start [default: `workflows` in policy.folder, if it is there; else what is in force stays so]",
    ),
    one(
        "workflows.enrollment_url",
        "URL",
        "Where people enroll in an application, for the links of `enrollment.start` [default: none; it fails]",
    ),
    one(
        "workflows.shut_out_share",
        "PERCENT",
        "Share of all users whom workflows may leave with nothing to prove by in a day, until two people let them [default: 5]",
    ),
    one(
        "workflows.shut_out_floor",
        "NUMBER",
        "As many users may be left so in any case, where there are few [default: 3]",
    ),
    one(
        "workflows.release_role",
        "ROLE",
        "Role of the two people who may let more be left so [default: administrator]",
    ),
    one(
        "policy.record_facts",
        "YES|NO",
        "Keep with each decision what it went by, so that `config plan` can hold another policy against it [default: yes]",
    ),
    list(
        "policy.secrets",
        "REFERENCE,…",
        "Secrets that applied files may refer to, env:NAME or file:PATH; read at the start [default: none]",
    ),
    list(
        "risk.geo",
        "FILE,…",
        "Databases that say where addresses are, in MaxMind's format, read again when they change",
    ),
    one(
        "risk.networks",
        "FILE",
        "Which networks are VPNs and mobile carriers, one a line, read again when they change",
    ),
    list(
        "risk.block_lists",
        "FILE,…",
        "Addresses and networks that are known for bad, one a line, read again when they change",
    ),
    list(
        "risk.allow_lists",
        "FILE,…",
        "Addresses and networks that are trusted, one a line, read again when they change",
    ),
    one("risk.thresholds", "NAME", "How soon the risk is called high: relaxed, standard or strict [default: standard]"),
    one(
        "events.retention",
        "AGE",
        "How long events are kept, such as 400d, or never, which keeps all [default: never]",
    ),
    one("log.level", "LEVEL", "error, warn, info, debug or trace [default: info]"),
    one("log.format", "FORMAT", "json or text [default: text]"),
];

const fn one(name: &'static str, value: &'static str, help: &'static str) -> Key {
    Key { name, value, list: false, help }
}

const fn list(name: &'static str, value: &'static str, help: &'static str) -> Key {
    Key { name, value, list: true, help }
}

impl Key {
    /// The key of this name.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The environment variable that overrides the file: `COUNTERSIGN_TLS_KEY` for `tls.key`.
    pub(crate) fn variable(&self) -> String {
        format!("COUNTERSIGN_{}", self.name.replace('.', "_").to_uppercase())
    }

    /// The flag that overrides everything, without its dashes: `tls-key` for `tls.key`.
    ///
    /// The section is left out where the key speaks for itself.
    pub(crate) fn flag(&self) -> String {
        let name = self.name.strip_prefix("vault.").or(self.name.strip_prefix("enrollment.")).unwrap_or(self.name);
        name.replace(['.', '_'], "-")
    }
}

/// The one of `names` that `given` was probably meant to be.
///
/// A beginning counts, such as `tls.cert`, and so do a few slips of the finger.
pub(crate) fn nearest<'a>(given: &str, names: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let beginning = names.clone().find(|name| given.len() > 2 && name.starts_with(given));
    if beginning.is_some() {
        return beginning;
    }
    let (distance, name) = names.map(|name| (distance(given, name), name)).min()?;
    let bearable = (given.chars().count() / 3).max(2);
    (distance <= bearable).then_some(name)
}

/// How many letters have to be put in, taken out, exchanged or swapped with their neighbour (optimal string alignment).
pub(crate) fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    let mut previous_letter = None;
    for (row, letter) in from.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, target) in to.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX - 1);
            let exchange = at(&last, column) + usize::from(letter != *target);
            let mut best = exchange.min(at(&last, column + 1) + 1).min(at(&current, column) + 1);
            let swapped = column > 0 && previous_letter == Some(*target) && to.get(column - 1) == Some(&letter);
            if swapped {
                best = best.min(at(&before_last, column - 1) + 1);
            }
            current.push(best);
        }
        previous_letter = Some(letter);
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_finds_the_name() {
        let names = || KEYS.iter().map(|key| key.name);
        assert_eq!(nearest("listne", names()), Some("listen"));
        assert_eq!(nearest("databse", names()), Some("database"));
        assert_eq!(nearest("tls.certficate", names()), Some("tls.certificate"));
        assert_eq!(nearest("colour", names()), None);
    }

    #[test]
    fn distance_counts_a_swap_as_one() {
        assert_eq!(distance("listne", "listen"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", "abc"), 0);
    }

    #[test]
    fn no_two_keys_share_a_flag_or_variable() {
        let mut flags: Vec<String> = KEYS.iter().map(Key::flag).collect();
        let mut variables: Vec<String> = KEYS.iter().map(Key::variable).collect();
        flags.sort();
        flags.dedup();
        variables.sort();
        variables.dedup();
        assert_eq!((flags.len(), variables.len()), (KEYS.len(), KEYS.len()));
    }
}
