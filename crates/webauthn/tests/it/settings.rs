//! What a relying party can be made of.

use webauthn::{Aaguid, Conveyance, InvalidRelyingParty, Policy, RelyingParty, Settings};

fn with(ids: &[&str], origins: &[&str]) -> Result<(), InvalidRelyingParty> {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    let settings =
        Settings { name: "Example".to_owned(), ids: owned(ids), origins: owned(origins), policy: Policy::default() };
    RelyingParty::new(settings).map(drop)
}

#[test]
fn domains_and_their_origins_are_taken() {
    with(&["example.org"], &["https://example.org"]).unwrap();
    with(&["example.org"], &["https://login.example.org:8443", "https://example.com"]).unwrap();
    with(&["localhost"], &["http://localhost:8080"]).unwrap();
    with(&["xn--bcher-kva.example"], &["https://xn--bcher-kva.example"]).unwrap();
    with(&["example.org"], &["https://example.org", "android:apk-key-hash:0a-_Z"]).unwrap();
}

#[test]
fn what_is_no_domain_is_no_id() {
    for id in [
        "",
        "Example.org",
        "https://example.org",
        "example.org:443",
        "example.org/",
        "127.0.0.1",
        "::1",
        "10.1",
        ".example.org",
        "example.org.",
        "exa mple.org",
        "-a.example",
        "bücher.example",
        "a..b",
    ] {
        assert_eq!(with(&[id], &["https://example.org"]), Err(InvalidRelyingParty::Id(id.to_owned())), "{id}");
    }
}

#[test]
fn what_browsers_do_not_write_is_no_origin() {
    for origin in [
        "",
        "example.org",
        "https://example.org/",
        "https://example.org:443",
        "https://EXAMPLE.org",
        "http://example.org",
        "https://example.org/login",
        "https://*.example.org",
        "null",
        "ftp://example.org",
        "https://ana@example.org",
        "http://localhost.example.org",
        "android:apk-key-hash:",
        "android:apk-key-hash:a/b",
    ] {
        let said = with(&["example.org"], &["https://example.org", origin]);
        assert_eq!(said, Err(InvalidRelyingParty::Origin(origin.to_owned())), "{origin}");
    }
}

#[test]
fn an_id_that_no_page_could_use_is_noticed() {
    let unused = |id: &str| Err(InvalidRelyingParty::Unused(id.to_owned()));
    assert_eq!(with(&["login.example.org"], &["https://example.org"]), unused("login.example.org"));
    assert_eq!(with(&["example.org"], &["https://badexample.org"]), unused("example.org"));
    assert_eq!(with(&["example.org", "example.com"], &["https://example.org"]), unused("example.com"));
    assert_eq!(with(&[], &["https://example.org"]), Err(InvalidRelyingParty::Ids));
    assert_eq!(with(&["example.org"], &[]), Err(InvalidRelyingParty::Origins));
}

#[test]
fn t32_a_list_of_models_that_nothing_proves_is_no_policy() {
    let allow = [Aaguid::from_bytes([1; 16])].into();
    let settings = crate::settings(Policy { allow, attestation: Conveyance::Direct, ..Policy::default() });
    assert_eq!(RelyingParty::new(settings).map(drop), Err(InvalidRelyingParty::Unprovable));
}

#[test]
fn an_aaguid_has_one_text() {
    let text = "ee882879-721c-4913-9775-3dfcce97072a";
    assert_eq!(text.parse::<Aaguid>().unwrap().to_string(), text);
    for wrong in ["", "ee882879721c491397753dfcce97072a", "{ee882879-721c-4913-9775-3dfcce97072a}", "ee882879"] {
        assert!(wrong.parse::<Aaguid>().is_err(), "{wrong}");
    }
}

#[test]
fn a_url_has_an_id_and_an_origin_where_browsers_know_webauthn() {
    let of = |url: &str| webauthn::id_and_origin(url);
    let both = |id: &str, origin: &str| Some((id.to_owned(), origin.to_owned()));
    assert_eq!(of("https://mfa.example.org/"), both("mfa.example.org", "https://mfa.example.org"));
    assert_eq!(of("https://MFA.example.org:8443/auth"), both("mfa.example.org", "https://mfa.example.org:8443"));
    assert_eq!(of("http://localhost:8420"), both("localhost", "http://localhost:8420"));
    for url in
        ["http://127.0.0.1:8420", "https://10.0.0.1", "http://mfa.example.org", "https://[::1]", "mfa.example.org"]
    {
        assert_eq!(of(url), None, "{url}");
    }
}
