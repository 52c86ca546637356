//! Sites behind proxies that ask about each request: which proxies may, where people log in, and what requests are called.

use std::collections::BTreeSet;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use domain::{Application, ApplicationId, CertificateFingerprint, ReturnOrigin, ReturnUrl, SignIn};

use crate::app::forward_auth::Target;

/// What requests are called of which nothing else is said.
const ACTION: &str = "http.request";
/// The fewest characters of a proxy's key.
const SHORTEST_KEY: usize = 32;

/// A site as it is configured.
#[derive(Default)]
pub struct SiteSettings {
    /// What it is called; part of the addresses that its proxy asks.
    pub name: String,
    /// The application whose sessions count there, by name or id.
    pub application: String,
    /// How browsers reach it.
    pub origins: Vec<String>,
    /// What its proxy shows. Does not print.
    pub key: Option<String>,
    /// Client certificates of its proxy, by their SHA-256 in hex.
    pub certificates: Vec<String>,
    /// Where people log in. Here, with a passkey, if nothing is said.
    pub login: Option<String>,
    /// Paths about which nobody is asked.
    pub open: Vec<String>,
    /// What requests are called: `METHOD PATH ACTION` each.
    pub actions: Vec<String>,
}

impl std::fmt::Debug for SiteSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SiteSettings").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What is wrong with a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteMistake {
    /// With which of its keys.
    pub key: &'static str,
    /// What is, and what would be right.
    pub why: String,
}

/// The sites.
#[derive(Debug, Clone, Default)]
pub struct Sites(Arc<[Site]>);

/// A site.
pub(crate) struct Site {
    pub(crate) name: String,
    application: NamedApplication,
    origins: BTreeSet<ReturnOrigin>,
    /// SHA-256 of what its proxy shows.
    key: Option<[u8; 32]>,
    certificates: BTreeSet<CertificateFingerprint>,
    /// `None`: here.
    pub(crate) login: Option<ReturnUrl>,
    open: Vec<Path>,
    actions: Vec<Named>,
}

/// An application as a site names it. What can be an id is one, whatever others are called.
#[derive(Debug, PartialEq, Eq)]
enum NamedApplication {
    Id(ApplicationId),
    Name(String),
}

impl NamedApplication {
    fn parse(text: String) -> Self {
        text.parse().map_or(Self::Name(text), Self::Id)
    }
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Sites {
    /// Understands sites as a whole: no two have an origin in common.
    ///
    /// # Errors
    /// The first mistake, and the name of the site that has it.
    pub fn new(sites: Vec<SiteSettings>) -> Result<Self, (String, SiteMistake)> {
        let mut read: Vec<Site> = Vec::new();
        for settings in sites {
            let name = settings.name.clone();
            let site = Site::new(settings).map_err(|mistake| (name.clone(), mistake))?;
            let other = read.iter().find(|other| !other.origins.is_disjoint(&site.origins));
            if let Some(other) = other {
                let why = format!("the site {} has one of them already", other.name);
                return Err((name, SiteMistake { key: "origins", why }));
            }
            read.push(site);
        }
        Ok(Self(read.into()))
    }

    /// The site of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Site> {
        self.0.iter().find(|site| site.name == name)
    }

    /// The first site whose people log in here, if there is one.
    pub(crate) fn with_our_login(&self) -> Option<&str> {
        self.0.iter().find(|site| site.login.is_none()).map(|site| site.name.as_str())
    }

    /// The first site that names its application so, and not by its id.
    pub(crate) fn that_names(&self, application: &str) -> Option<&str> {
        let names = |site: &&Site| matches!(&site.application, NamedApplication::Name(name) if name == application);
        self.0.iter().find(names).map(|site| site.name.as_str())
    }

    /// The site that has this origin.
    pub(crate) fn at(&self, origin: &ReturnOrigin) -> Option<&Site> {
        self.0.iter().find(|site| site.has(origin))
    }
}

impl Site {
    fn new(settings: SiteSettings) -> Result<Self, SiteMistake> {
        let key = settings.key.map(|key| hash_of_key(&key)).transpose()?;
        let certificates: BTreeSet<_> = settings
            .certificates
            .iter()
            .map(|text| CertificateFingerprint::parse(text).ok_or_else(|| not_a_fingerprint(text)))
            .collect::<Result<_, _>>()?;
        if key.is_none() && certificates.is_empty() {
            return Err(mistake("key", "is wanted, or certificates: or else anybody could ask"));
        }
        if settings.application.is_empty() {
            return Err(mistake(
                "application",
                "is wanted: the name or id of the application whose sessions count here",
            ));
        }
        let origins: BTreeSet<_> = settings
            .origins
            .iter()
            .map(|text| ReturnOrigin::parse(text).map_err(|error| mistake("origins", &format!("{text} {error}"))))
            .collect::<Result<_, _>>()?;
        if origins.is_empty() {
            return Err(mistake("origins", "are wanted: how browsers reach the site, as https://wiki.example.org"));
        }
        let login = settings.login.as_deref().map(ReturnUrl::parse);
        let login = login.map(|login| login.map_err(|error| mistake("login", &error.to_string())));
        Ok(Self {
            name: settings.name,
            application: NamedApplication::parse(settings.application),
            origins,
            key,
            certificates,
            login: login.transpose()?,
            open: settings.open.iter().map(|text| Path::parse("open", text)).collect::<Result<_, _>>()?,
            actions: settings.actions.iter().map(|text| Named::parse(text)).collect::<Result<_, _>>()?,
        })
    }

    /// Whether it has this origin.
    pub(crate) fn has(&self, origin: &ReturnOrigin) -> bool {
        self.origins.contains(origin)
    }

    /// Whether sessions of this application count here.
    pub(crate) fn is_of(&self, application: &Application) -> bool {
        match &self.application {
            NamedApplication::Id(id) => *id == application.id,
            NamedApplication::Name(name) => *name == application.name,
        }
    }

    /// Whether a proxy that shows this is the site's.
    pub(crate) fn trusts(&self, key: Option<&[u8]>, certificate: Option<&CertificateFingerprint>) -> bool {
        let by_key = self
            .key
            .as_ref()
            .zip(key)
            .is_some_and(|(kept, shown)| verify_slices_are_equal(kept, digest(&SHA256, shown).as_ref()).is_ok());
        by_key || certificate.is_some_and(|certificate| self.certificates.contains(certificate))
    }

    /// Whether nobody is asked about this. Only what is written in the one plain way is.
    pub(crate) fn is_open(&self, target: &Target) -> bool {
        target.is_plain() && self.open.iter().any(|path| path.covers(target.path()))
    }

    /// What a request is called.
    pub(crate) fn action(&self, method: &str, target: &Target) -> &str {
        // Some backends take no notice of case, and a rule that is missed would ask for less.
        let path = target.path().to_lowercase();
        self.actions.iter().find(|named| named.is_of(method, &path)).map_or(ACTION, |named| &named.action)
    }
}

/// A path, or the beginning of some.
struct Path {
    text: String,
    /// Whether others that begin so are meant.
    beginning: bool,
}

impl Path {
    fn parse(key: &'static str, text: &str) -> Result<Self, SiteMistake> {
        let (path, beginning) = text.strip_suffix('*').map_or((text, false), |start| (start, true));
        let plain = Target::parse(path).is_some_and(|target| target.is_plain() && target.path() == path);
        if !plain || path.contains('*') || (beginning && !path.ends_with('/')) {
            return Err(mistake(
                key,
                &format!("`{text}` is no path like /health, nor the beginning of some like /static/*"),
            ));
        }
        Ok(Self { text: path.to_owned(), beginning })
    }

    fn covers(&self, path: &str) -> bool {
        if self.beginning { path.starts_with(&self.text) } else { path == self.text }
    }
}

/// Requests that are called something.
struct Named {
    /// `None`: any.
    method: Option<String>,
    /// In small letters.
    path: Path,
    action: String,
}

impl Named {
    fn parse(text: &str) -> Result<Self, SiteMistake> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let [method, path, action] = words.as_slice() else {
            return Err(mistake("actions", &format!("`{text}` is not like `POST /payments/* payment.send`")));
        };
        let shaped = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        if action.len() > 64 || !action.bytes().all(shaped) {
            return Err(mistake("actions", &format!("`{action}` is no action: 1 to 64 letters, digits, . _ : or -")));
        }
        if *method != "*" && !method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-') {
            return Err(mistake("actions", &format!("`{method}` is no method like POST, nor * for any")));
        }
        let path = Path::parse("actions", path)?;
        let path = Path { text: path.text.to_lowercase(), ..path };
        let method = (*method != "*").then(|| (*method).to_owned());
        Ok(Self { method, path, action: (*action).to_owned() })
    }

    fn is_of(&self, method: &str, path: &str) -> bool {
        // What answers GET answers HEAD.
        let by_method =
            self.method.as_deref().is_none_or(|named| named == method || (named == "GET" && method == "HEAD"));
        // `/admin/*` is about `/admin`, too.
        let root = self.path.beginning && self.path.text.strip_suffix('/') == Some(path);
        // With or without a slash at its end it is the same to most.
        let slash = !self.path.beginning && path.strip_suffix('/').is_some_and(|path| path == self.path.text);
        by_method && (self.path.covers(path) || root || slash)
    }
}

fn hash_of_key(key: &str) -> Result<[u8; 32], SiteMistake> {
    if key.len() < SHORTEST_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(mistake(
            "key",
            "must have 32 characters or more, without white space: `openssl rand -hex 32` makes one",
        ));
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, key.as_bytes()).as_ref());
    Ok(hash)
}

fn not_a_fingerprint(text: &str) -> SiteMistake {
    mistake(
        "certificates",
        &format!(
            "`{text}` is no SHA-256 of a certificate: `openssl x509 -noout -fingerprint -sha256 -in FILE` prints it"
        ),
    )
}

fn mistake(key: &'static str, why: &str) -> SiteMistake {
    SiteMistake { key, why: why.to_owned() }
}

/// Where browsers that are signed in at a site reach what the proxy hands on to us.
pub(crate) const PREFIX: &str = "/.countersign";

/// A URL of the site's own, or `None` where that leads elsewhere: `rest` is of whoever wrote the link.
pub(crate) fn within(origin: &ReturnOrigin, rest: &str) -> Option<ReturnUrl> {
    let url = rest.starts_with('/').then(|| ReturnUrl::parse(&format!("{origin}{rest}")).ok())?;
    url.filter(|url| url.origin() == origin)
}

/// Whether what the login says of a user's groups can be kept.
pub(crate) fn are_groups(groups: &[String]) -> bool {
    groups.len() <= SignIn::MOST_GROUPS && groups.iter().all(|group| SignIn::is_group(group))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> SiteSettings {
        SiteSettings {
            name: "wiki".to_owned(),
            application: "login".to_owned(),
            origins: vec!["https://wiki.example".to_owned()],
            key: Some("k".repeat(32)),
            login: Some("https://login.example/".to_owned()),
            open: ["/health", "/static/*"].map(str::to_owned).to_vec(),
            actions: ["POST /payments/* payment.send", "GET /report report.read", "* /Admin/* admin.use"]
                .map(str::to_owned)
                .to_vec(),
            ..SiteSettings::default()
        }
    }

    fn site() -> Site {
        Site::new(settings()).unwrap()
    }

    fn target(text: &str) -> Target {
        Target::parse(text).unwrap()
    }

    #[test]
    fn t20_a_proxy_is_known_by_its_key_or_certificate_and_by_nothing_else() {
        let site = site();
        let certificate = CertificateFingerprint([7; 32]);
        assert!(site.trusts(Some("k".repeat(32).as_bytes()), None));
        for wrong in ["", "k", &"k".repeat(31), &"k".repeat(33), &"K".repeat(32)] {
            assert!(!site.trusts(Some(wrong.as_bytes()), Some(&certificate)), "{wrong}");
        }
        assert!(!site.trusts(None, None));
        let certificates = vec![certificate.to_string()];
        let site = Site::new(SiteSettings { key: None, certificates, ..settings() }).unwrap();
        assert!(site.trusts(None, Some(&certificate)) && !site.trusts(None, Some(&CertificateFingerprint([8; 32]))));
        assert!(!site.trusts(Some(b""), None));
    }

    #[test]
    fn t20_a_site_that_names_an_id_is_of_no_other_application_by_its_name() {
        let id: ApplicationId = "app_0197a3c05b7c7d3e8f6a1b2c3d4e5f60".parse().unwrap();
        let called = |id: ApplicationId, name: &str| Application {
            id,
            name: name.to_owned(),
            scopes: BTreeSet::new(),
            certificates: BTreeSet::new(),
            return_origins: BTreeSet::new(),
            version: 1,
            created_at: domain::Timestamp::default(),
        };
        let other: ApplicationId = "app_0197a3c05b7c7d3e8f6a1b2c3d4e5f61".parse().unwrap();
        let by_id = Site::new(SiteSettings { application: id.to_string(), ..settings() }).unwrap();
        assert!(by_id.is_of(&called(id, "shop")));
        assert!(!by_id.is_of(&called(other, &id.to_string())), "another one is called like it");
        assert!(site().is_of(&called(id, "login")) && !site().is_of(&called(id, "shop")));
    }

    #[test]
    fn t20_what_is_open_is_so_in_one_spelling() {
        let site = site();
        for open in ["/health", "/static/a.css", "/static/", "/static/a?b=c"] {
            assert!(site.is_open(&target(open)), "{open}");
        }
        for closed in [
            "/",
            "/healthy",
            "/health/",
            "/Health",
            "/static",
            "/%68ealth",
            "//health",
            "/static//a",
            "/static/a;b",
            "/static/%61",
            "/health;x",
        ] {
            assert!(!site.is_open(&target(closed)), "{closed}");
        }
    }

    #[test]
    fn t20_no_spelling_escapes_the_name_of_an_action() {
        let site = site();
        for (method, text, action) in [
            ("POST", "/payments/7", "payment.send"),
            ("POST", "/payments", "payment.send"),
            ("POST", "//payments///7", "payment.send"),
            ("POST", "/%70ayments/7", "payment.send"),
            ("POST", "/PAYMENTS/7", "payment.send"),
            ("POST", "/payments;a=b/7", "payment.send"),
            ("POST", "/payments%3Ba/7", "payment.send"),
            ("GET", "/payments/7", ACTION),
            ("POST", "/paymentsx", ACTION),
            ("GET", "/report", "report.read"),
            ("HEAD", "/report/?x=1", "report.read"),
            ("POST", "/report", ACTION),
            ("PURGE", "/admin", "admin.use"),
            ("GET", "/aDMIN/x", "admin.use"),
        ] {
            assert_eq!(site.action(method, &target(text)), action, "{method} {text}");
        }
    }

    #[test]
    fn t20_nothing_leads_elsewhere() {
        let origin = ReturnOrigin::parse("https://wiki.example").unwrap();
        assert_eq!(within(&origin, "/a?b=c").unwrap().to_string(), "https://wiki.example/a?b=c");
        assert_eq!(within(&origin, "//evil.example/").unwrap().origin(), &origin);
        for wrong in ["", "a", ".evil.example/", "@evil.example/", ":8443/", "https://evil.example/", "/a\\b", "/a#b"] {
            assert_eq!(within(&origin, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_site_is_said() {
        let wrong = |settings: SiteSettings| Site::new(settings).unwrap_err().key;
        assert_eq!(wrong(SiteSettings { key: None, ..settings() }), "key");
        assert_eq!(wrong(SiteSettings { key: Some("short".to_owned()), ..settings() }), "key");
        assert_eq!(wrong(SiteSettings { origins: vec![], ..settings() }), "origins");
        assert_eq!(wrong(SiteSettings { origins: vec!["http://wiki.example".to_owned()], ..settings() }), "origins");
        assert_eq!(wrong(SiteSettings { login: Some("/login".to_owned()), ..settings() }), "login");
        assert_eq!(wrong(SiteSettings { login: Some(String::new()), ..settings() }), "login");
        assert_eq!(wrong(SiteSettings { application: String::new(), ..settings() }), "application");
        for open in ["", "static", "/a*", "/*/b", "/a/../b", "/%61", "*"] {
            assert_eq!(wrong(SiteSettings { open: vec![open.to_owned()], ..settings() }), "open", "{open}");
        }
        for action in ["", "POST /a", "post /a b", "POST a b", "POST /a b c", "POST /a b/c"] {
            assert_eq!(wrong(SiteSettings { actions: vec![action.to_owned()], ..settings() }), "actions", "{action}");
        }
        let twice = Sites::new(vec![settings(), SiteSettings { name: "other".to_owned(), ..settings() }]);
        assert_eq!(twice.unwrap_err().1.key, "origins");
    }
}
