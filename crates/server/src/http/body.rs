//! Reading bodies: JSON, bounded, every member known.

use axum::body::HttpBody as _;
use axum::extract::{FromRequest, Request};
use http::header;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::app::Flaw;

use super::problem::{MALFORMED_JSON, Problem, TIMEOUT, TOO_LARGE, UNSUPPORTED_MEDIA_TYPE};

/// The most bytes of a body.
pub(crate) const MAX_BYTES: usize = 64 * 1024;

/// The most bytes of a body that holds a file of tokens in base64url.
const MAX_FILE_BYTES: usize = MAX_BYTES + vault_proto::TokenFile::MAX_BYTES / 3 * 4;

/// A JSON body that holds a file.
pub(crate) struct File<T>(pub(crate) Body<T>);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for File<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = read(request, MAX_FILE_BYTES).await?;
        let value = parse(&bytes)?;
        Ok(Self(Body { value, bytes }))
    }
}

/// A JSON body.
pub(crate) struct Body<T> {
    /// What it says.
    pub(crate) value: T,
    /// The bytes that said it.
    pub(crate) bytes: bytes::Bytes,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let bytes = read(request, MAX_BYTES).await?;
        let value = parse(&bytes)?;
        Ok(Self { value, bytes })
    }
}

/// A JSON body that may be left out.
pub(crate) struct MaybeBody<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for MaybeBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        if request.body().is_end_stream() {
            return Ok(Self(T::default()));
        }
        Body::from_request(request, state).await.map(|body| Self(body.value))
    }
}

/// A form (`application/x-www-form-urlencoded`), as OAuth's requests come.
pub(crate) struct Form(bytes::Bytes);

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is(&request, "application/x-www-form-urlencoded") {
            let detail = "Send a form, with `Content-Type: application/x-www-form-urlencoded`.";
            return Err(Problem::new(&UNSUPPORTED_MEDIA_TYPE, detail));
        }
        whole(request, MAX_BYTES).await.map(Self)
    }
}

impl Form {
    /// The parameter of this name. One that is there twice is refused (RFC 6749 §3.2), and so is one that says nothing.
    pub(crate) fn one(&self, name: &str) -> Result<String, Problem> {
        let mut values = form_urlencoded::parse(&self.0).filter(|(key, _)| key == name).map(|(_, value)| value);
        let flaw =
            |detail: &str| Problem::invalid(vec![Flaw { pointer: format!("/{name}"), detail: detail.to_owned() }]);
        match (values.next(), values.next()) {
            (Some(value), None) if value.contains('\0') => Err(flaw(NO_ZERO)),
            (Some(value), None) if !value.is_empty() => Ok(value.into_owned()),
            (Some(_), Some(_)) => Err(flaw("is there twice")),
            _ => Err(flaw("is wanted")),
        }
    }
}

async fn read(request: Request, most: usize) -> Result<bytes::Bytes, Problem> {
    if !is(&request, "application/json") {
        return Err(Problem::of(&UNSUPPORTED_MEDIA_TYPE));
    }
    whole(request, most).await
}

pub(crate) async fn whole(request: Request, most: usize) -> Result<bytes::Bytes, Problem> {
    match Limited::new(request.into_body(), most).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::of(&TOO_LARGE)),
        Err(_) => Err(Problem::new(&TIMEOUT, "The body did not arrive whole.")),
    }
}

fn is(request: &Request, wanted: &str) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.map(|value| value.split(';').next().unwrap_or_default().trim());
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case(wanted))
}

/// Reads a body, in no text of which there may be a zero character. On the way that every log-in takes it is read without keeping track of where; only what fails is read again
/// to say where.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if bytes.windows(ZERO.len()).any(|part| part == ZERO)
        && let Some(pointer) = serde_json::from_slice(bytes).ok().and_then(|value| zero_in(&value))
    {
        return Err(Problem::invalid(vec![Flaw { pointer, detail: NO_ZERO.to_owned() }]));
    }
    // To serde a list is as good as the members in their order. To whoever reads the documentation it is not.
    if bytes.trim_ascii_start().first() == Some(&b'[') && serde_json::from_slice::<Value>(bytes).is_ok() {
        return Err(Problem::invalid(vec![Flaw { pointer: String::new(), detail: "must be an object".to_owned() }]));
    }
    serde_json::from_slice(bytes).or_else(|_| {
        let mut deserializer = serde_json::Deserializer::from_slice(bytes);
        serde_path_to_error::deserialize(&mut deserializer)
            .map_err(|error| flaw(&error))
            .and_then(|value| deserializer.end().map(|()| value).map_err(|error| malformed(&error)))
    })
}

/// How JSON spells a zero character (RFC 8259 §7); as it is it cannot stand there.
const ZERO: &[u8] = br"\u0000";
/// Nobody types one, and PostgreSQL keeps no text that has one: it is refused before anything is looked up, on either engine.
pub(crate) const NO_ZERO: &str = "must not have a zero character (U+0000)";

/// The place of the first text with a zero character, as a JSON Pointer.
fn zero_in(value: &Value) -> Option<String> {
    let within = |name: &str, value: &Value| {
        let place = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        let rest = if name.contains('\0') { Some(String::new()) } else { zero_in(value) };
        rest.map(|rest| place + &rest)
    };
    match value {
        Value::String(text) => text.contains('\0').then(String::new),
        Value::Array(items) => (0..).zip(items).find_map(|(index, item): (usize, _)| within(&index.to_string(), item)),
        Value::Object(members) => members.iter().find_map(|(name, value)| within(name, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn flaw(error: &serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let inner = error.inner();
    if !inner.is_data() {
        return malformed(inner);
    }
    let pointer = match error.path().to_string().as_str() {
        "." => String::new(),
        path => format!("/{}", path.replace(['.', '['], "/").replace(']', "")),
    };
    // serde's own words, without the place in the text: the pointer says where.
    let words = inner.to_string();
    let detail = words.rsplit_once(" at line ").map_or(words.as_str(), |(words, _)| words).to_owned();
    Problem::invalid(vec![Flaw { pointer, detail }])
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(&MALFORMED_JSON, format!("The body is not JSON: {error}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only its shape matters")]
    struct Pair {
        name: String,
        #[serde(default)]
        inner: Option<Box<Pair>>,
    }

    fn problem(body: &str) -> (u16, String) {
        let problem = parse::<Pair>(body.as_bytes()).unwrap_err();
        (problem.status.as_u16(), problem.errors.first().map(|flaw| flaw.pointer.clone()).unwrap_or_default())
    }

    #[test]
    fn t33_each_flaw_says_where_it_is() {
        assert_eq!(problem(r#"{"name": 1}"#), (422, "/name".to_owned()));
        assert_eq!(problem(r#"{"name": "a", "inner": {"name": []}}"#), (422, "/inner/name".to_owned()));
        assert_eq!(problem(r#"{"name": "a", "nmae": 1}"#).0, 422);
        assert_eq!(problem(r#"{"name": "a""#).0, 400);
        assert_eq!(problem("{\"name\": \"a\"} x").0, 400);
        assert_eq!(problem("\u{0}").0, 400);
    }

    #[test]
    fn t33_a_list_is_no_object_with_its_members_in_order() {
        assert_eq!(problem(r#" ["a", null]"#), (422, String::new()));
        assert_eq!(problem(r#"["a""#).0, 400);
    }

    #[test]
    fn t33_a_zero_character_is_found_wherever_it_stands() {
        for (body, place) in [
            (r#"{"name": "a\u0000b"}"#, "/name"),
            (r#"{"name": "a", "inner": {"name": "\u0000"}}"#, "/inner/name"),
            (r#"{"a/~": [1, {"b": ["x", "\u0000"]}]}"#, "/a~1~0/1/b/1"),
            (r#"{"a": {"\u0000": 1}}"#, "/a/\u{0}"),
            (r#""\u0000""#, ""),
        ] {
            assert_eq!(problem(body), (422, place.to_owned()), "{body}");
        }
        // Six characters, and none of them a zero.
        assert!(parse::<Pair>(br#"{"name": "\\u0000"}"#).is_ok());
        assert_eq!(problem("{\"name\": \"\\u0000\"").0, 400);
    }

    #[test]
    fn t33_a_deep_body_is_refused_not_followed() {
        let deep = format!("{}{}", "{\"name\":\"a\",\"inner\":".repeat(5_000), "null");
        assert_eq!(problem(&deep).0, 400);
    }
}
