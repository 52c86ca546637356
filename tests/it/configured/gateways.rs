//! Gateways and branding by files: they hold without a restart, and no secret goes where it should not.

use serde_json::{Value, json};

use crate::browser::Shop;
use crate::harness::{Database, Mailboxes, Server, Setup, SmsApi};
use crate::messages::hand_over;
use crate::policies::{apply_after, denying, in_force, write};

use super::{apply, plan};

/// Whose pages they are is the same on every server, from the next page on.
#[tokio::test(flavor = "multi_thread")]
async fn s11_pages_have_the_branding_of_the_files_in_force() {
    let server = Server::on(Database::Postgres).await;
    let other = server.beside().await;
    let api = server.api();
    let shop = Shop::of(&other.api()).await;
    let session = other.api().session(&other.api().user("ana").await).await;
    for (name, colour) in [("Example Bank", "#1a5fb4"), ("Other Bank", "#ff0000")] {
        let mut files = denying("a");
        files["branding.yaml"] =
            json!(format!("branding:\n  name: {name}\n  colour: \"{colour}\"\n  logo: logo.svg\n"));
        files["logo.svg"] = json!("<svg xmlns=\"http://www.w3.org/2000/svg\"/>");
        apply(&api, &files).await;
        let mut browser = shop.enroll_page(&session).await;
        let brand = browser.opens().await.expect(200)["brand"].clone();
        assert_eq!((&brand["name"], &brand["colour"]), (&json!(name), &json!(colour)), "{brand}");
        assert!(brand["logo"].as_str().unwrap().starts_with("data:image/svg+xml;base64,"), "{brand}");
    }
    // Without a word of it, they are nobody's again.
    apply(&api, &denying("b")).await;
    let mut browser = shop.enroll_page(&session).await;
    assert_eq!(browser.opens().await.expect(200)["brand"]["name"], Value::Null);
}

/// A server that lets files name gateways on loopback, whose secret is `hush`.
fn lets_files_name_gateways(database: Database) -> Setup {
    let environment = [
        ("COUNTERSIGN_SMS_COUNTRIES", "DE"),
        ("COUNTERSIGN_SMS_HOME", "DE"),
        ("COUNTERSIGN_OUTSIDE_ALLOWED", "127.0.0.1,localhost"),
        ("COUNTERSIGN_POLICY_SECRETS", "env:SMS_TOKEN"),
        ("SMS_TOKEN", "hush-hush"),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    Setup { database, environment, ..Setup::default() }
}

/// T-18: whoever applies files has no secret sent to where they listen: whom to call says the provider's kind, or the operator of the server.
#[tokio::test(flavor = "multi_thread")]
async fn s11_t18_a_file_has_no_secret_sent_to_a_host_of_its_own() {
    let server = Server::start(lets_files_name_gateways(Database::Sqlite)).await;
    let api = server.api();
    let before = in_force(&api).await;
    let twilio = "kind: twilio, account: AC1, secret: \"env:SMS_TOKEN\", from: X";
    let http = "kind: http, headers: [\"Authorization: env:SMS_TOKEN\"]";
    for gateway in [
        format!("{http}, url: \"https://evil.example/?to={{{{ to }}}}\""),
        format!("{http}, url: \"https://localhost.evil.example/\""),
        format!("{http}, url: \"https://localhost\\t.evil.example/\""),
        format!("{http}, url: \"https:evil.example/\\\\localhost/\""),
        format!("{http}, url: \"https://evil.example?.localhost/\""),
        format!("{http}, url: \"https://evil.example#localhost/\""),
        format!("{http}, url: \"https://{{# localhost/ #}}evil.example/\""),
        format!("{http}, url: \"https://localhost{{# / #}}.evil.example/\""),
        // Also without one: codes go there.
        "kind: http, url: \"https://evil.example/\"".to_owned(),
        format!("{twilio}, url: \"https://evil.example\""),
        format!("{twilio}, url: \"http://[2001:db8::1]:8080\""),
        "kind: vonage, key: k, secret: \"env:SMS_TOKEN\", from: X, url: \"https://evil.example\"".to_owned(),
        "kind: sns, key: k, secret: \"env:SMS_TOKEN\", region: eu-central-1, url: \"https://evil.example\"".to_owned(),
        "kind: sns, key: k, secret: \"env:SMS_TOKEN\", region: \"x.evil.example/\"".to_owned(),
        "kind: smtp, host: \"evil.example:587\", from: \"a@example.com\", user: a, secret: \"env:SMS_TOKEN\""
            .to_owned(),
    ] {
        let mut files = denying("a");
        files["gateways.yaml"] = json!(format!("gateways:\n  a: {{{gateway}}}\n"));
        let answer = apply_after(&api, before["id"].as_str().unwrap(), &files).await;
        let problem = answer.expect_problem(422, "policy-mistaken");
        let said = problem.to_string();
        assert!(
            ["outside.allowed", "is no region", "names no host"].iter().any(|why| said.contains(why)),
            "{gateway}: {problem}"
        );
        assert!(!said.contains("hush-hush"), "{problem}");
        plan(&api, &files).await.expect_problem(422, "policy-mistaken");
    }
    assert_eq!(in_force(&api).await, before);
    // Where the provider always is, and to where the operator said, it goes.
    for gateway in [
        twilio.to_owned(),
        format!("{http}, url: \"http://127.0.0.1:1/\""),
        format!("{http}, url: \"https://LOCALHOST:1/\""),
    ] {
        let mut files = denying("a");
        files["gateways.yaml"] = json!(format!("gateways:\n  a: {{{gateway}}}\n"));
        plan(&api, &files).await.expect(200);
    }
}

fn carried_by(sms: &SmsApi, mail: &Mailboxes) -> Value {
    let mut files = denying("a");
    files["gateways.yaml"] = json!(format!(
        "gateways:\n  main:\n    kind: twilio\n    account: AC1\n    secret: env:SMS_TOKEN\n    from: Example\n    url: http://127.0.0.1:{}\n  \
         post:\n    kind: smtp\n    host: localhost:{}\n    encryption: none\n    from: Example <no-reply@example.com>\n",
        sms.port, mail.port
    ));
    files
}

/// Messages go by what is in force, without a restart, on every server; and where that cannot be used, as before.
async fn gateways_carry_from_when_they_are_in_force(database: Database) {
    let server = Server::start(lets_files_name_gateways(database)).await;
    let other = if database == Database::Postgres { Some(server.beside().await) } else { None };
    let api = server.api();
    let there = other.as_ref().map_or_else(|| api.clone(), Server::api);
    let (first, second, mail) = (SmsApi::start(), SmsApi::start(), Mailboxes::start());
    // Another server hears of it within a moment.
    let sent = async |to: &SmsApi, user: &str| {
        for again in 0..100 {
            let session = there.session(&there.user(&format!("{user}-{again}")).await).await;
            let answer = hand_over(&there, &session, "sms", "+49 151 23456789").await;
            if !to.taken().is_empty() {
                return answer.expect(200);
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("no message went there");
    };
    let planned = plan(&api, &carried_by(&first, &mail)).await.expect(200);
    let said = planned.to_string();
    assert!(said.contains("nothing stands in for `main`") && said.contains("env:SMS_TOKEN"), "{said}");
    assert!(!said.contains("hush-hush"), "{said}");
    apply(&api, &carried_by(&first, &mail)).await;
    sent(&first, "ana").await;
    assert!(first.taken()[0].head.to_lowercase().contains("authorization: basic"), "{:?}", first.taken());
    apply(&api, &carried_by(&second, &mail)).await;
    sent(&second, "ben").await;
    let shown = api.get("/v1/policies/export").await.expect(200).to_string();
    let told = api.all("/v1/events").await;
    assert!(shown.contains("env:SMS_TOKEN") && !shown.contains("hush-hush"), "{shown}");
    assert!(!json!(told).to_string().contains("hush-hush"));
    // Out of the files, nothing carries them any more, and a plan says so before.
    let planned = plan(&api, &denying("b")).await.expect(200);
    assert!(planned["warnings"].to_string().contains("nothing would carry sms any more"), "{planned}");
    apply(&api, &denying("b")).await;
    let session = api.session(&api.user("cleo").await).await;
    assert_ne!(hand_over(&api, &session, "sms", "+49 151 23456789").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_gateways_carry_from_when_they_are_in_force_on_sqlite() {
    gateways_carry_from_when_they_are_in_force(Database::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s11_gateways_carry_from_when_they_are_in_force_on_every_server() {
    gateways_carry_from_when_they_are_in_force(Database::Postgres).await;
}

/// T-23: a relay is connected to as it is, so a file names only one that the operator of the server named.
#[tokio::test(flavor = "multi_thread")]
async fn s11_t23_a_file_has_nobody_inside_called() {
    let server = Server::start(lets_files_name_gateways(Database::Sqlite)).await;
    let api = server.api();
    let before = in_force(&api).await;
    for host in ["10.0.0.5:6379", "database.internal", "mail.example.com", "[::1]:25"] {
        let mut files = denying("a");
        files["gateways.yaml"] =
            json!(format!("gateways:\n  post: {{kind: smtp, host: \"{host}\", from: \"a@example.com\"}}\n"));
        let problem =
            apply_after(&api, before["id"].as_str().unwrap(), &files).await.expect_problem(422, "policy-mistaken");
        assert!(problem.to_string().contains("outside.allowed"), "{problem}");
    }
    // What the server's own configuration says goes before any file, and that is said.
    let mut setup = lets_files_name_gateways(Database::Sqlite);
    let own = [
        ("COUNTERSIGN_GATEWAY_OWN_KIND", "smtp"),
        ("COUNTERSIGN_GATEWAY_OWN_HOST", "localhost"),
        ("COUNTERSIGN_GATEWAY_OWN_FROM", "a@example.com"),
        ("COUNTERSIGN_BRAND_NAME", "Own"),
    ];
    setup.environment.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let server = Server::start(setup).await;
    let mut files = carried_by(&SmsApi::start(), &Mailboxes::start());
    files["branding.yaml"] = json!("branding:\n  name: Files\n");
    let planned = plan(&server.api(), &files).await.expect(200);
    let said = planned["warnings"].to_string();
    assert!(
        said.contains("own configuration has gateways") && said.contains("own configuration has a `brand`"),
        "{said}"
    );
}

/// A server that starts makes nobody an application, and uses no gateway that it could not.
#[tokio::test(flavor = "multi_thread")]
async fn s11_a_folder_of_the_configuration_names_gateways_and_no_applications() {
    let folder = tempfile::tempdir().unwrap();
    let (sms, mail) = (SmsApi::start(), Mailboxes::start());
    write(folder.path(), &carried_by(&sms, &mail));
    let mut setup = lets_files_name_gateways(Database::Sqlite);
    setup.arguments.push(format!("--policy-folder={}", folder.path().display()));
    let mut server = Server::start(setup).await;
    let session = server.api().session(&server.api().user("ana").await).await;
    hand_over(&server.api(), &session, "sms", "+49 151 23456789").await.expect(200);
    assert_eq!(sms.settled(1).await.len(), 1);
    server.stop();
    let gateway = "gateways:\n  a: {kind: twilio, account: AC1, from: X, secret: \"env:OTHER\"}\n";
    for (file, said) in [(gateway, "policy.secrets"), ("applications: {evil: {scopes: [admin]}}\n", "config apply")] {
        std::fs::write(folder.path().join("gateways.yaml"), file).unwrap();
        let (status, told) = server.begin_in_vain();
        assert_eq!(status.code(), Some(78), "{told}");
        assert!(told.contains("gateways.yaml:1:") || told.contains("gateways.yaml:2:"), "{told}");
        assert!(told.contains(said), "{told}");
    }
}
