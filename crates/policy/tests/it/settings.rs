//! What files say of applications, gateways and branding (S-11): every mistake with its place and the nearest right word, and no secret.

use std::collections::BTreeMap;

use policy::{ApplicationSettings, Mistake, Policy, Vocabulary, application_files, settings_files};

fn read(files: &[(&str, &str)]) -> Result<Policy, Vec<Mistake>> {
    Policy::read(files, &Vocabulary::default())
}

fn told(files: &[(&str, &str)]) -> Vec<String> {
    read(files).unwrap_err().iter().map(ToString::to_string).collect()
}

/// Whether one of the mistakes begins and ends so.
#[track_caller]
fn assert_told(all: &[String], place: &str, said: &str) {
    assert!(all.iter().any(|one| one.starts_with(place) && one.contains(said)), "{place} {said}: {all:#?}");
}

#[test]
fn s11_mistakes_about_applications_have_their_place_and_the_nearest_word() {
    let all = told(&[(
        "apps.yaml",
        "applications:
  shop:
    scope: [sessions]
  bank:
    scopes: [sesions, challenges]
    return_origins: [\"https://bank.example/back\", \"http://bank.example\"]
    certificates: [abc]
  bank:
    scopes: []
    api_key: csk_0123
",
    )]);
    assert_told(&all, "apps.yaml:3:5: error", "did you mean `scopes`?");
    assert_told(&all, "apps.yaml:3:5: error", "`scopes` is missing");
    assert_told(&all, "apps.yaml:5:14: error", "did you mean `sessions`?");
    assert_told(&all, "apps.yaml:6:22: error", "an origin must end after host and port");
    assert_told(&all, "apps.yaml:6:51: error", "an origin must begin with https://");
    assert_told(&all, "apps.yaml:7:20: error", "no SHA-256 of a certificate");
    assert_told(&all, "apps.yaml:8:3: error", "`bank` stands here twice");
    let twice = told(&[("a.yaml", "applications: {a: {scopes: []}}"), ("b.yaml", "applications: {a: {scopes: []}}")]);
    assert_eq!(twice, ["b.yaml:1:16: error: there are two applications `a` (see a.yaml:1:16)"]);
    let key = told(&[("a.yaml", "applications: {a: {scopes: [], api_key: csk_0123}}")]);
    assert_told(&key, "a.yaml:1:32: error", "no key stands in a file");
    assert!(!key.concat().contains("csk_0123"), "{key:?}");
    let many: Vec<_> = (0..1001).map(|of| format!("  a{of}: {{scopes: []}}")).collect();
    assert_told(
        &told(&[("a.yaml", &format!("applications:\n{}\n", many.join("\n")))]),
        "a.yaml:1002:3",
        "at most 1000",
    );
}

#[test]
fn s11_mistakes_about_gateways_have_their_place_and_tell_no_secret() {
    let all = told(&[(
        "gateways.yaml",
        "gateways:
  Main: {kind: twilio}
  main:
    kind: twillio
  second:
    kind: twilio
    account: AC1
    secret: hunter2
    from: Example
    service: MG1
    weight: 2000
  third:
    kind: smtp
    host: mail.example.com
    encription: tls
    region: eu
  fourth:
    kind: http
    url: https://u:hunter2@sms.example
    headers: [\"Authorization: hunter2\", \"Accept: */*\", \"X: env:NAME\"]
    body: '{\"password\": \"hunter2\"}'
  fifth:
    kind: http
    url: https://sms.example
    receipt_secret: file:relative
",
    )]);
    assert_told(&all, "gateways.yaml:2:3: error", "a gateway's name");
    assert_told(&all, "gateways.yaml:4:11: error", "did you mean `twilio`?");
    assert_told(&all, "gateways.yaml:8:13: error", "no secret stands in a file");
    assert_told(&all, "gateways.yaml:6:5: error", "either `from`");
    assert_told(&all, "gateways.yaml:11:13: error", "from 0 to 1000");
    assert_told(&all, "gateways.yaml:13:5: error", "`from` is missing, which a gateway of the kind `smtp` needs");
    assert_told(&all, "gateways.yaml:15:5: error", "did you mean `encryption`?");
    assert_told(&all, "gateways.yaml:16:13: error", "has no `region`");
    assert_told(&all, "gateways.yaml:19:10: error", "looks like a secret");
    assert_told(&all, "gateways.yaml:20:15: error", "a header's value may be a secret");
    assert_told(&all, "gateways.yaml:21:11: error", "looks like a secret");
    assert_told(&all, "gateways.yaml:25:21: error", "no secret stands in a file");
    assert!(!all.concat().contains("hunter2"), "{all:#?}");
    assert_eq!(all.iter().filter(|one| one.starts_with("gateways.yaml:20:")).count(), 1, "{all:#?}");
}

#[test]
fn s11_mistakes_about_branding_have_their_place() {
    let branding = |text: &str| told(&[("brand.yaml", text), ("logo.svg", "<svg/>")]);
    assert_told(&branding("branding: {nme: x, logo: logo.svg}"), "brand.yaml:1:12: error", "did you mean `name`?");
    assert_told(&branding("branding: {logo: logo.svk}"), "brand.yaml:1:18: error", "did you mean `logo.svg`?");
    assert_told(&branding("branding: {colour: blue, logo: logo.svg}"), "brand.yaml:1:20: error", "no colour");
    assert_told(&branding("branding: {name: x}"), "logo.svg: error", "no `branding` names this picture");
    let no_picture = told(&[("b.yaml", "branding: {logo: a.png}"), ("a.png", "bm8gcGljdHVyZQ==")]);
    assert_told(&no_picture, "b.yaml:1:18: error", "neither SVG nor PNG");
    let large = format!("<svg>{}</svg>", "x".repeat(64 * 1024));
    assert_told(&told(&[("b.yaml", "branding: {logo: a.svg}"), ("a.svg", &large)]), "b.yaml:1:18", "more than 64 KiB");
    let twice = told(&[("a.yaml", "branding: {name: a}"), ("b.yaml", "branding: {name: b}")]);
    assert_told(&twice, "b.yaml:1:11: error", "there are two `branding` (see a.yaml:1:11)");
}

/// Who may see or change policies may not see or change all: what is about something else is in other files.
#[test]
fn s11_policy_and_the_rest_stand_apart() {
    for (text, place) in [
        ("policy: {otherwise: allow}\napplications: {}\n", "a.yaml:2:1"),
        ("cases: []\n---\nbranding: {name: x}\n", "a.yaml:3:1"),
        ("gateways: {}\nbranding: {name: x}\n", "a.yaml:1:1"),
    ] {
        assert_told(&told(&[("a.yaml", text)]), place, "stands in a file of its own");
    }
    let files = [
        ("rules.yaml", "policy: {otherwise: allow}"),
        ("apps.yaml", "applications: {}"),
        ("brand.yaml", "branding: {logo: l.svg}"),
        ("l.svg", "<svg/>"),
    ];
    assert!(read(&files).is_ok());
    let mut files: BTreeMap<_, _> = files.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
    // What cannot be read is shown to nobody who may not see all.
    files.insert("broken.yaml".to_owned(), "applications: [".to_owned());
    // Nor what is no policy and stands in a folder of its own.
    files.insert("workflows/lost.yaml".to_owned(), "kind: Workflow".to_owned());
    files.insert("alerts/many.yaml".to_owned(), "kind: Alert".to_owned());
    let apart: Vec<String> = settings_files(&files).into_iter().collect();
    let wanted = ["alerts/many.yaml", "apps.yaml", "brand.yaml", "broken.yaml", "l.svg", "workflows/lost.yaml"];
    assert_eq!(apart, wanted);
    assert_eq!(application_files(&files).into_iter().collect::<Vec<_>>(), ["apps.yaml"]);
}

#[test]
fn s11_what_is_written_out_is_read_as_the_same() {
    let strange = "applications:\n  \"it's: \\\"#1\\\" {\u{fc}}\": {scopes: [admin, \"users:read\"], return_origins: [\"http://[::1]:3000\"]}\n  'no': {scopes: []}\n";
    let first = read(&[("a.yaml", strange)]).unwrap().settings().applications.clone().unwrap();
    let written = ApplicationSettings::file(&first);
    let second = read(&[("b.yaml", &written)]).unwrap().settings().applications.clone().unwrap();
    assert_eq!(first.len(), 2);
    assert!(first.iter().zip(&second).all(|(a, b)| a.says_the_same(b)), "{written}");
    let none = ApplicationSettings::file(&[]);
    assert_eq!(read(&[("b.yaml", &none)]).unwrap().settings().applications.as_ref().map(Vec::len), Some(0));
}

#[test]
fn s11_a_version_is_of_pictures_too_and_of_policies_as_before() {
    let version = |files: &[(&str, &str)]| read(files).unwrap().version().to_owned();
    let with = |picture: &str| version(&[("b.yaml", "branding: {logo: l.svg}"), ("l.svg", picture)]);
    assert_ne!(with("<svg/>"), with("<svg />"));
    let policy = ("rules.yaml", "policy: {otherwise: allow}");
    assert_eq!(version(&[policy]), "2c51e40a3ae9785ad5bb5b33b32990c6c3d52090ebcc4d11a07c9fd2f96e828c");
    assert_ne!(version(&[policy]), version(&[policy, ("apps.yaml", "applications: {}")]));
}
