//! What texts look like that are more than texts: ids, times, levels. A member has the name of what it is everywhere, so that is said once, for all
//! schemas and parameters; and whoever tries the API by its document (`scripts/schemathesis`) gets past the first look at a request.

use domain::{
    ApiKeyId, ApplicationId, AuthenticatorId, ChallengeId, DeviceId, EnrollmentId, HardwareTokenId, LinkId, PageId,
    PolicyId, PromptId, RunId, SessionId, TaskId, UserId,
};
use utoipa::openapi::path::Parameter;
use utoipa::openapi::schema::{KnownFormat, Object, SchemaFormat, SchemaType, Type};
use utoipa::openapi::{OpenApi, RefOr, Schema};

/// Members and parameters that are ids, and their prefixes.
const IDS: &[(&str, &str)] = &[
    ("application_id", ApplicationId::PREFIX),
    ("authenticator_id", AuthenticatorId::PREFIX),
    ("challenge_id", ChallengeId::PREFIX),
    ("device_id", DeviceId::PREFIX),
    ("enrollment_id", EnrollmentId::PREFIX),
    ("key_id", ApiKeyId::PREFIX),
    ("prompt_id", PromptId::PREFIX),
    ("called_by", RunId::PREFIX),
    ("run_id", RunId::PREFIX),
    ("session_id", SessionId::PREFIX),
    ("user_id", UserId::PREFIX),
];

/// Whose id the `{id}` of a path is.
const PATHS: &[(&str, &str)] = &[
    ("/v1/applications/", ApplicationId::PREFIX),
    ("/v1/authenticators/", AuthenticatorId::PREFIX),
    ("/v1/challenges/", ChallengeId::PREFIX),
    ("/v1/devices/", DeviceId::PREFIX),
    ("/v1/enrollments/", EnrollmentId::PREFIX),
    ("/v1/hardware-tokens/", HardwareTokenId::PREFIX),
    ("/v1/links/", LinkId::PREFIX),
    ("/v1/pages/", PageId::PREFIX),
    ("/v1/policies/", PolicyId::PREFIX),
    ("/v1/runs/", RunId::PREFIX),
    ("/v1/sessions/", SessionId::PREFIX),
    ("/v1/tasks/", TaskId::PREFIX),
    ("/v1/users/", UserId::PREFIX),
];

/// Says it wherever the document has a plain text of such a name.
pub(super) fn describe(document: &mut OpenApi) {
    let components = document.components.iter_mut().flat_map(|components| components.schemas.values_mut());
    for schema in components {
        let RefOr::T(Schema::Object(object)) = schema else { continue };
        for (name, member) in &mut object.properties {
            describe_one(name, member);
        }
    }
    for (path, item) in &mut document.paths.paths {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete];
        let parameters = operations.into_iter().flatten().filter_map(|operation| operation.parameters.as_mut());
        for parameter in parameters.flatten() {
            let RefOr::T(Parameter { name, schema: Some(schema), .. }) = parameter else { continue };
            match PATHS.iter().find(|(beginning, _)| name == "id" && path.starts_with(beginning)) {
                Some((_, prefix)) => with_pattern(schema, &id_pattern(prefix)),
                None => describe_one(name, schema),
            }
        }
    }
}

fn describe_one(name: &str, schema: &mut RefOr<Schema>) {
    if let Some((_, prefix)) = IDS.iter().find(|(id, _)| *id == name) {
        with_pattern(schema, &id_pattern(prefix));
    } else if name.ends_with("_at") || matches!(name, "at" | "since" | "until" | "grace_ends") {
        if let Some(text) = plain_text(schema) {
            text.format = Some(SchemaFormat::KnownFormat(KnownFormat::DateTime));
        }
    } else if name == "aal" {
        with_pattern(schema, "^aal[123]$");
    } else if name == "action" {
        with_pattern(schema, "^[A-Za-z0-9._:-]{1,64}$");
    }
}

fn id_pattern(prefix: &str) -> String {
    format!("^{prefix}[0-9a-f]{{32}}$")
}

fn with_pattern(schema: &mut RefOr<Schema>, pattern: &str) {
    if let Some(text) = plain_text(schema) {
        text.pattern = Some(pattern.to_owned());
    }
}

/// A text, or null, of which nothing more is said.
fn plain_text(schema: &mut RefOr<Schema>) -> Option<&mut Object> {
    let RefOr::T(Schema::Object(object)) = schema else { return None };
    let is_text = match &object.schema_type {
        SchemaType::Type(one) => *one == Type::String,
        SchemaType::Array(types) => types.contains(&Type::String),
        SchemaType::AnyValue => false,
    };
    let is_plain = object.format.is_none() && object.pattern.is_none() && object.enum_values.is_none();
    Some(object).filter(|_| is_text && is_plain)
}

#[cfg(test)]
mod tests {
    use crate::http::openapi;

    #[test]
    fn ids_and_times_look_as_they_do() {
        let (_, document) = openapi::routes(true);
        let document = serde_json::to_value(&document).unwrap();
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["NewSession"]["properties"]["user_id"]["pattern"], "^usr_[0-9a-f]{32}$");
        assert_eq!(schemas["Session"]["properties"]["created_at"]["format"], "date-time");
        let parameters = &document["paths"]["/v1/sessions/{id}/decide"]["post"]["parameters"];
        assert_eq!(parameters[0]["schema"]["pattern"], "^ses_[0-9a-f]{32}$");
        // Whoever adds a path with an id says whose it is.
        let paths = document["paths"].as_object().unwrap();
        for (path, item) in paths.iter().filter(|(path, _)| path.contains("{id}")) {
            for operation in item.as_object().unwrap().values() {
                let parameters = operation["parameters"].as_array().unwrap();
                let id = parameters.iter().find(|parameter| parameter["name"] == "id").unwrap();
                assert!(id["schema"]["pattern"].is_string(), "whose id is that of {path}? Say so in PATHS");
            }
        }
    }
}
