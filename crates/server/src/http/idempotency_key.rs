//! The `Idempotency-Key` header of requests that make something.

use aws_lc_rs::digest;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Method, Uri};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::app::{Flaw, Once};

use super::body::{Body, File};
use super::problem::Problem;

/// The header's name.
const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Says that the answer is of an earlier request with the same key.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// The longest key.
const MAX_BYTES: usize = 128;

/// The body of a request that makes something, and the key that makes it at most once.
pub(crate) struct Making<T> {
    /// What is to be made.
    pub(crate) value: T,
    /// The key, if the caller gave one.
    pub(crate) once: Option<Once>,
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Making<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let key = Key::read(&request)?;
        let body = Body::<T>::from_request(request, state).await?;
        Ok(Self { value: body.value, once: key.map(|key| key.over(&body.bytes)) })
    }
}

/// The same of a request whose body holds a file.
pub(crate) struct MakingOfFile<T>(pub(crate) Making<T>);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for MakingOfFile<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let key = Key::read(&request)?;
        let File(body) = File::<T>::from_request(request, state).await?;
        Ok(Self(Making { value: body.value, once: key.map(|key| key.over(&body.bytes)) }))
    }
}

struct Key {
    key: String,
    method: Method,
    uri: Uri,
}

impl Key {
    fn read(request: &Request) -> Result<Option<Self>, Problem> {
        let Some(value) = request.headers().get(&HEADER) else { return Ok(None) };
        let key = value.to_str().ok().filter(|key| (1..=MAX_BYTES).contains(&key.len()));
        match key {
            Some(key) => {
                let (method, uri) = (request.method().clone(), request.uri().clone());
                Ok(Some(Self { key: key.to_owned(), method, uri }))
            }
            None => Err(Problem::invalid(vec![Flaw {
                pointer: HEADER.as_str().to_owned(),
                detail: "must have 1 to 128 printable ASCII characters".to_owned(),
            }])),
        }
    }

    fn over(self, body: &[u8]) -> Once {
        let mut hash = digest::Context::new(&digest::SHA256);
        hash.update(self.method.as_str().as_bytes());
        hash.update(b" ");
        hash.update(self.uri.path().as_bytes());
        hash.update(b"\n");
        hash.update(body);
        let mut request_hash = [0; 32];
        request_hash.copy_from_slice(hash.finish().as_ref());
        Once { key: self.key, request_hash }
    }
}

/// 201 with what was made.
pub(crate) fn created(value: &impl Serialize) -> Response {
    (http::StatusCode::CREATED, axum::Json(value)).into_response()
}

/// 201 with what an earlier request with the same key made, as it is now and without what is shown once.
pub(crate) fn created_before(value: &impl Serialize) -> Response {
    replayed(created(value))
}

/// Says that an answer is of an earlier request with the same key.
pub(crate) fn replayed(mut response: Response) -> Response {
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
