//! `countersign applications`

use domain::{CertificateFingerprint, Clock, SystemClock};
use serde_json::{Value, json};

use super::{Desk, ask};
use crate::cli::{ApplicationsCommand, OneCertificate};
use crate::client::{at, items, text};
use crate::failure::{Failure, describe};
use crate::output::{Column, Look, Table, moment, one_line};

/// What a login page needs: know its users, register sessions, enroll, ask for proof.
const LOGIN_SCOPES: [&str; 6] =
    ["users:read", "users:write", "sessions", "enrollments", "authenticators:read", "challenges"];

/// Lists, creates and deletes applications, and rotates their keys.
pub(crate) async fn applications(desk: &Desk, command: ApplicationsCommand) -> Result<(), Failure> {
    match command {
        ApplicationsCommand::List { .. } => list(desk).await,
        ApplicationsCommand::Create { name, scopes, certificates, return_origins, .. } => {
            create(desk, &name, scopes, &certificates, &return_origins).await
        }
        ApplicationsCommand::Delete { application, yes, .. } => delete(desk, &application, yes).await,
        ApplicationsCommand::RotateKey { application, overlap, .. } => rotate_key(desk, &application, overlap).await,
        ApplicationsCommand::ReturnOrigins { application, origins, none, .. } => {
            return_origins(desk, &application, &origins, none).await
        }
        ApplicationsCommand::Certificates { application, .. } => certificates(desk, &application).await,
        ApplicationsCommand::AddCertificate(one) => add_certificate(desk, &one).await,
        ApplicationsCommand::RemoveCertificate(one) => remove_certificate(desk, &one).await,
    }
}

async fn list(desk: &Desk) -> Result<(), Failure> {
    let list = desk.client.get(&["v1", "applications"]).await?;
    if desk.output.is_json() {
        desk.output.json(&list);
        return Ok(());
    }
    let now = SystemClock.now();
    let mut table =
        Table::new([Column::long("APPLICATION"), Column::text("SINCE"), Column::text("ID"), Column::long("MAY")]);
    for application in items(&list) {
        let scopes: Vec<&str> =
            at(application, "scopes").as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        table.row([
            (Look::Strong, one_line(text(application, "/name"))),
            (Look::Plain, moment(at(application, "created_at").as_str(), now)),
            (Look::Faint, text(application, "/id").to_owned()),
            (Look::Plain, scopes.join(" ")),
        ]);
    }
    table.print(desk.output, 0);
    Ok(())
}

async fn create(
    desk: &Desk,
    name: &str,
    scopes: Vec<String>,
    certificates: &[String],
    return_origins: &[String],
) -> Result<(), Failure> {
    let scopes = if scopes.is_empty() { LOGIN_SCOPES.map(str::to_owned).to_vec() } else { scopes };
    let certificates = certificates.iter().map(|text| fingerprint(text)).collect::<Result<Vec<_>, _>>()?;
    let body = json!({
        "name": name,
        "scopes": scopes,
        "certificates": certificates,
        "return_origins": return_origins,
    });
    let made = desk.client.post(&["v1", "applications"], body).await?;
    if desk.output.is_json() {
        desk.output.json(&made);
        return Ok(());
    }
    desk.output.success(format_args!(
        "{} is made {}",
        desk.output.paint(Look::Strong, one_line(name)),
        desk.output.paint(Look::Faint, text(&made, "/application/id"))
    ));
    desk.output.line(format_args!("  May        {}", scopes.join(" ")));
    show_key(desk, text(&made, "/api_key/key"));
    Ok(())
}

fn show_key(desk: &Desk, key: &str) {
    desk.output.line(format_args!("  API key    {}", desk.output.paint(Look::Faint, "shown this once:")));
    desk.output.line(desk.output.paint(Look::Warning, key));
}

async fn delete(desk: &Desk, name: &str, yes: bool) -> Result<(), Failure> {
    let application = need_application(desk, name).await?;
    let name = one_line(text(&application, "/name"));
    let question = format!("This deletes {name} and its keys, and ends its sessions, at once.");
    ask::sure(desk.output, &question, &name, yes).await?;
    desk.client.delete(&["v1", "applications", text(&application, "/id")]).await?;
    if desk.output.is_json() {
        desk.output.json(&json!({"deleted": at(&application, "id")}));
    } else {
        desk.output.success(format_args!("{name} is deleted"));
    }
    Ok(())
}

async fn rotate_key(desk: &Desk, name: &str, overlap: u64) -> Result<(), Failure> {
    let application = need_application(desk, name).await?;
    let path = ["v1", "applications", text(&application, "/id"), "keys"];
    let key = desk.client.post(&path, json!({"expire_others_in": overlap})).await?;
    if desk.output.is_json() {
        desk.output.json(&key);
        return Ok(());
    }
    desk.output.success(format_args!(
        "{} has a new key; the others end in {overlap} s",
        desk.output.paint(Look::Strong, one_line(text(&application, "/name")))
    ));
    show_key(desk, text(&key, "/key"));
    Ok(())
}

async fn return_origins(desk: &Desk, name: &str, origins: &[String], none: bool) -> Result<(), Failure> {
    let mut application = need_application(desk, name).await?;
    if none || !origins.is_empty() {
        let path = ["v1", "applications", text(&application, "/id")];
        application = desk.client.patch(&path, json!({"return_origins": origins})).await?;
    }
    if desk.output.is_json() {
        desk.output.json(&json!({"return_origins": at(&application, "return_origins")}));
        return Ok(());
    }
    let name = one_line(text(&application, "/name"));
    let origins: Vec<&str> =
        at(&application, "return_origins").as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if origins.is_empty() {
        desk.output.line(format_args!("Pages of {name} lead back nowhere: it can have none made."));
    }
    for origin in origins {
        desk.output.line(origin);
    }
    Ok(())
}

async fn certificates(desk: &Desk, name: &str) -> Result<(), Failure> {
    let application = need_application(desk, name).await?;
    if desk.output.is_json() {
        desk.output.json(&json!({"certificates": at(&application, "certificates")}));
        return Ok(());
    }
    let fingerprints = certificates_of(&application);
    if fingerprints.is_empty() {
        desk.output.line(format_args!("No client certificate stands for {}.", one_line(text(&application, "/name"))));
    }
    for fingerprint in fingerprints {
        desk.output.line(fingerprint);
    }
    Ok(())
}

async fn add_certificate(desk: &Desk, one: &OneCertificate) -> Result<(), Failure> {
    let fingerprint = fingerprint(&one.certificate)?;
    let application = need_application(desk, &one.application).await?;
    let mut certificates = certificates_of(&application);
    if !certificates.contains(&fingerprint) {
        certificates.push(fingerprint.clone());
    }
    let application = put_certificates(desk, &application, &certificates).await?;
    if desk.output.is_json() {
        desk.output.json(&application);
    } else {
        desk.output.success(format_args!(
            "The certificate stands for {} now\n  {}",
            desk.output.paint(Look::Strong, one_line(text(&application, "/name"))),
            desk.output.paint(Look::Faint, &fingerprint)
        ));
    }
    Ok(())
}

async fn remove_certificate(desk: &Desk, one: &OneCertificate) -> Result<(), Failure> {
    let fingerprint = fingerprint(&one.certificate)?;
    let application = need_application(desk, &one.application).await?;
    let name = one_line(text(&application, "/name"));
    let mut certificates = certificates_of(&application);
    if !certificates.contains(&fingerprint) {
        return Err(Failure::no(format!("that certificate does not stand for {name}; nothing was changed")));
    }
    certificates.retain(|certificate| *certificate != fingerprint);
    let application = put_certificates(desk, &application, &certificates).await?;
    if desk.output.is_json() {
        desk.output.json(&application);
    } else {
        desk.output.success(format_args!(
            "The certificate stands for {} no longer\n  {}",
            desk.output.paint(Look::Strong, &name),
            desk.output.paint(Look::Faint, &fingerprint)
        ));
    }
    Ok(())
}

fn certificates_of(application: &Value) -> Vec<String> {
    let texts = at(application, "certificates").as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.map(str::to_owned).collect()
}

async fn put_certificates(desk: &Desk, application: &Value, certificates: &[String]) -> Result<Value, Failure> {
    let path = ["v1", "applications", text(application, "/id")];
    Ok(desk.client.patch(&path, json!({"certificates": certificates})).await?)
}

/// The fingerprint of a certificate: of a file, or as it was given.
fn fingerprint(text: &str) -> Result<String, Failure> {
    if let Some(fingerprint) = CertificateFingerprint::parse(text) {
        return Ok(fingerprint.to_string());
    }
    let file = std::fs::read(text).map_err(|error| {
        Failure::usage(format!("{text} is neither a SHA-256 of 64 hex digits nor a file ({})", describe(&error)))
    })?;
    let fingerprint = server::certificate_fingerprint(&file);
    let fingerprint =
        fingerprint.ok_or_else(|| Failure::usage(format!("{text} holds no certificate in PEM or DER")))?;
    Ok(fingerprint.to_string())
}

async fn need_application(desk: &Desk, name: &str) -> Result<Value, Failure> {
    let list = desk.client.get(&["v1", "applications"]).await?;
    let wanted = |application: &&Value| text(application, "/id") == name || text(application, "/name") == name;
    items(&list).iter().find(wanted).cloned().ok_or_else(|| {
        Failure::no(format!("there is no application `{name}`: `countersign applications list` shows which there are"))
    })
}
