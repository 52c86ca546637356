//! Values: from text to what it means, or to a line that says what would be right.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::AuthenticatorKind;
use server::{RiskFiles, RiskThresholds};

use super::layers::{Given, Layers};
use super::{Database, Environment, RootKey, Tls};
use crate::failure::{Failure, describe};

/// Reads the value of a key, if it is given, with `read`.
pub(crate) fn parse<T>(
    layers: &Layers,
    name: &str,
    read: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, Failure> {
    let Some(given) = layers.given(name) else { return Ok(None) };
    let text = given.items.first().map_or("", String::as_str);
    read(text).map(Some).map_err(|reason| wrong(given, name, &reason))
}

pub(super) fn wrong(given: &Given, name: &str, reason: &str) -> Failure {
    // A reason that already begins with the name reads better without it twice.
    let reason = if reason.starts_with(name) { reason.to_owned() } else { format!("{name}: {reason}") };
    Failure::configuration(format!("{}: {reason}", given.origin))
}

/// A folder that is there.
pub(super) fn folder(text: &str) -> Result<PathBuf, String> {
    let folder = PathBuf::from(text);
    if folder.is_dir() { Ok(folder) } else { Err(format!("`{text}` is no folder that is there")) }
}

pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    let text = text.replacen("localhost:", "127.0.0.1:", usize::from(text.starts_with("localhost:")));
    text.parse().map_err(|_| format!("`{text}` is no address with a port, like 127.0.0.1:8420"))
}

pub(crate) fn url(text: &str) -> Result<String, String> {
    match reqwest::Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err(format!("`{text}` is no URL, like https://mfa.example.com")),
    }
}

pub(crate) fn level(text: &str) -> Result<String, String> {
    one_of(text, &["error", "warn", "info", "debug", "trace"])
}

pub(crate) fn format_is_json(text: &str) -> Result<bool, String> {
    one_of(text, &["json", "text"]).map(|format| format == "json")
}

fn one_of(text: &str, names: &[&str]) -> Result<String, String> {
    let lower = text.to_lowercase();
    if names.contains(&lower.as_str()) {
        Ok(lower)
    } else {
        Err(format!("`{text}` is not one of {}", names.join(", ")))
    }
}

/// A time such as `90s`, `5m`, `2h`, or a bare number of seconds, between `least` and `most` seconds.
pub(crate) fn time(text: &str, least: u64, most: u64) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "" | "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        "d" => Some(86400),
        _ => None,
    };
    let seconds = factor.and_then(|factor| number.parse::<u64>().ok()?.checked_mul(factor));
    let seconds = seconds.ok_or_else(|| format!("`{text}` is no time, like 90s, 5m or 2h"))?;
    if (least..=most).contains(&seconds) {
        Ok(Duration::from_secs(seconds))
    } else {
        Err(format!("has to lie between {} and {}", short(least), short(most)))
    }
}

/// How many digits a number has that is typed on a phone.
pub(crate) fn push_digits(text: &str) -> Result<u8, String> {
    let digits = text.parse().ok().and_then(domain::push::Digits::new);
    digits.map(domain::push::Digits::count).ok_or_else(|| format!("`{text}` is no number from 2 to 6"))
}

/// How long something is kept: a time of whole days or longer, or `never` for ever.
pub(crate) fn retention(text: &str) -> Result<Option<Duration>, String> {
    const DAY: u64 = 86400;
    if text.eq_ignore_ascii_case("never") {
        return Ok(None);
    }
    match time(text, DAY, 36500 * DAY) {
        Ok(kept) => Ok(Some(kept)),
        Err(reason) if reason.starts_with("has to") => Err(format!("{reason}, or be `never`")),
        Err(reason) => Err(format!("{reason}, nor is it `never`")),
    }
}

/// How long a browser is remembered: an hour to a year, or `never`.
pub(crate) fn remembered(text: &str) -> Result<Option<Duration>, String> {
    if text.eq_ignore_ascii_case("never") {
        return Ok(None);
    }
    time(text, 3600, 365 * 86400).map(Some).map_err(|reason| format!("{reason}, or be `never`"))
}

fn short(seconds: u64) -> String {
    let units = [(86400, "d"), (3600, "h"), (60, "m")];
    units
        .into_iter()
        .find(|(size, _)| seconds.is_multiple_of(*size))
        .map_or_else(|| format!("{seconds}s"), |(size, unit)| format!("{}{unit}", seconds / size))
}

pub(crate) fn database(given: &Given, environment: &Environment) -> Result<Database, Failure> {
    let text = given.items.first().map_or("", String::as_str);
    let text = dereference(text, environment).map_err(|reason| wrong(given, "database", &reason))?;
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(Database::Postgres(text));
    }
    // The value itself is not repeated: it may hold a password.
    text.strip_prefix("sqlite:")
        .map(|path| Database::Sqlite(PathBuf::from(path.trim_start_matches("//"))))
        .ok_or_else(|| wrong(given, "database", "takes postgres://…, sqlite:FILE, env:NAME or file:PATH"))
}

pub(super) fn dereference(text: &str, environment: &Environment) -> Result<String, String> {
    if let Some(name) = text.strip_prefix("env:") {
        return is_set(name, environment).map(|value| value.trim().to_owned());
    }
    if let Some(path) = text.strip_prefix("file:") {
        let content =
            std::fs::read_to_string(path).map_err(|error| format!("{path} cannot be read ({})", describe(&error)))?;
        return Ok(content.trim().to_owned());
    }
    Ok(text.to_owned())
}

pub(crate) fn is_set<'a>(name: &str, environment: &'a Environment) -> Result<&'a str, String> {
    environment.get(name).ok_or_else(|| format!("the environment variable {name} is not set"))
}

pub(crate) fn root_key(text: &str, data: &Path) -> Result<RootKey, String> {
    match text.split_once(':') {
        // Relative to the data folder, so that the two are moved together.
        Some(("file", path)) if !path.is_empty() => Ok(RootKey::File(data.join(path))),
        Some(("env", name)) if !name.is_empty() => Ok(RootKey::Environment(name.to_owned())),
        Some(("passphrase-env", name)) if !name.is_empty() => Ok(RootKey::Passphrase(name.to_owned())),
        _ => Err("vault.root_key names where the key is: file:PATH, env:NAME or passphrase-env:NAME".to_owned()),
    }
}

pub(crate) fn tls(layers: &Layers) -> Result<Option<Tls>, Failure> {
    let path = |name: &str| {
        layers.given(name).map(|given| (given, given.items.first().map(PathBuf::from).unwrap_or_default()))
    };
    match (path("tls.certificate"), path("tls.key"), path("tls.client_ca")) {
        (Some((_, certificate)), Some((_, key)), client_ca) => {
            Ok(Some(Tls { certificate, key, client_ca: client_ca.map(|(_, path)| path) }))
        }
        (Some((given, _)), None, _) => {
            Err(wrong(given, "tls.certificate", "tls.certificate needs its private key: give tls.key too"))
        }
        (None, Some((given, _)), _) => {
            Err(wrong(given, "tls.key", "tls.key needs its certificate: give tls.certificate too"))
        }
        (None, None, Some((given, _))) => {
            Err(wrong(given, "tls.client_ca", "tls.client_ca is of no use without tls.certificate and tls.key"))
        }
        (None, None, None) => Ok(None),
    }
}

/// Kinds of authenticator in the order in which they are offered, each once.
pub(crate) fn factors(layers: &Layers) -> Result<Option<Vec<AuthenticatorKind>>, Failure> {
    let Some(given) = layers.given("factors.offer") else { return Ok(None) };
    let names: Vec<&str> = server::Config::FACTORS.iter().map(|kind| kind.name()).collect();
    let mut kinds = Vec::new();
    for item in &given.items {
        let kind = AuthenticatorKind::from_name(item).filter(|kind| server::Config::FACTORS.contains(kind));
        let kind =
            kind.ok_or_else(|| wrong(given, "factors.offer", &format!("`{item}` is not one of {}", names.join(", "))))?;
        if kinds.contains(&kind) {
            return Err(wrong(given, "factors.offer", &format!("`{item}` is there twice")));
        }
        kinds.push(kind);
    }
    if kinds.is_empty() {
        return Err(wrong(given, "factors.offer", &format!("names at least one of {}", names.join(", "))));
    }
    Ok(Some(kinds))
}

/// A yes or a no, in the words of people or of TOML.
pub(crate) fn yes(text: &str) -> Result<bool, String> {
    one_of(text, &["yes", "no", "true", "false"]).map(|word| matches!(word.as_str(), "yes" | "true"))
}

/// Who we are to passkeys and security keys. Whether it all fits together is seen at the start.
pub(crate) fn webauthn(layers: &Layers) -> Result<server::Webauthn, Failure> {
    let items = |name: &str| layers.given(name).map(|given| given.items.clone()).unwrap_or_default();
    let file = |name: &str| layers.given(name).and_then(|given| given.items.first().map(PathBuf::from));
    Ok(server::Webauthn {
        rp_ids: items("webauthn.rp_id"),
        origins: items("webauthn.origins"),
        user_verification: parse(layers, "webauthn.user_verification", |text| {
            policy(text, &["required", "preferred", "discouraged"])
        })?,
        attestation: parse(layers, "webauthn.attestation", |text| policy(text, &["none", "direct"]))?,
        allow_aaguids: items("webauthn.allow_aaguids"),
        deny_aaguids: items("webauthn.deny_aaguids"),
        hardware_bound_only: parse(layers, "webauthn.hardware_bound_only", yes)?.unwrap_or(false),
        mds_blob: file("webauthn.mds_blob"),
        mds_root: file("webauthn.mds_root"),
    })
}

pub(crate) fn risk(layers: &Layers) -> Result<RiskFiles, Failure> {
    let files = |name: &str| -> Vec<PathBuf> {
        layers.given(name).map(|given| given.items.iter().map(PathBuf::from).collect()).unwrap_or_default()
    };
    let thresholds = parse(layers, "risk.thresholds", |text| {
        Ok(match one_of(text, &["relaxed", "standard", "strict"])?.as_str() {
            "relaxed" => RiskThresholds::Relaxed,
            "strict" => RiskThresholds::Strict,
            _ => RiskThresholds::Standard,
        })
    })?;
    Ok(RiskFiles {
        geo: files("risk.geo"),
        networks: files("risk.networks").into_iter().next(),
        block_lists: files("risk.block_lists"),
        allow_lists: files("risk.allow_lists"),
        thresholds: thresholds.unwrap_or_default(),
    })
}

/// A policy by the name that the standard has for it.
fn policy<T: for<'de> serde::Deserialize<'de>>(text: &str, names: &[&str]) -> Result<T, String> {
    let name = one_of(text, names)?;
    server::webauthn_policy(&name).ok_or_else(|| format!("`{text}` is not one of {}", names.join(", ")))
}

/// The most bytes of a logo.
const MOST_LOGO: usize = 64 * 1024;

/// The operator's name, logo and colour; the logo as a `data:` URL, so that a page fetches nothing.
pub(crate) fn brand(layers: &Layers) -> Result<server::Brand, Failure> {
    Ok(server::Brand {
        name: parse(layers, "brand.name", |text| match text.trim() {
            name if (1..=64).contains(&name.chars().count()) => Ok(name.to_owned()),
            _ => Err("has 1 to 64 characters".to_owned()),
        })?,
        logo: parse(layers, "brand.logo", logo)?,
        colour: parse(layers, "brand.colour", |text| {
            let digits = text.strip_prefix('#').filter(|digits| digits.len() == 6);
            match digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit())) {
                Some(_) => Ok(text.to_lowercase()),
                None => Err(format!("`{text}` is no colour, like #1a5fb4")),
            }
        })?,
    })
}

fn logo(path: &str) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("{path} cannot be read ({})", describe(&error)))?;
    if bytes.len() > MOST_LOGO {
        return Err(format!("{path} has more than 64 KiB"));
    }
    let kind = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        "image/png"
    } else if std::str::from_utf8(&bytes).is_ok_and(|text| text.contains("<svg")) {
        "image/svg+xml"
    } else {
        return Err(format!("{path} is neither SVG nor PNG"));
    };
    Ok(format!("data:{kind};base64,{}", data_encoding::BASE64.encode(&bytes)))
}

pub(crate) fn proxies(layers: &Layers) -> Result<Vec<IpAddr>, Failure> {
    let Some(given) = layers.given("proxy.trusted") else { return Ok(Vec::new()) };
    given
        .items
        .iter()
        .map(|item| item.parse().map_err(|_| wrong(given, "proxy.trusted", &format!("`{item}` is no IP address"))))
        .collect()
}
