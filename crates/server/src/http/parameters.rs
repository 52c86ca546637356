//! Reading ids from paths, and query strings: every parameter known.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use domain::{InvalidId, PageRequest};
use http::Uri;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::app::Flaw;

use super::body::NO_ZERO;
use super::problem::{NOT_FOUND, Problem};

/// The id in a path, as `{id}`.
pub(crate) struct Id<T>(pub(crate) T);

/// The second id in a path, as `{key_id}`.
pub(crate) struct KeyId<T>(pub(crate) T);

/// The one parameter of a path, whatever it says.
pub(crate) struct Named(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = raw(parts, state).await?;
        Ok(Self(params.iter().next().map(|(_, value)| value.to_owned()).unwrap_or_default()))
    }
}

impl<S: Send + Sync, T: FromStr<Err = InvalidId>> FromRequestParts<S> for Id<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        named(parts, state, "id").await.map(Self)
    }
}

impl<S: Send + Sync, T: FromStr<Err = InvalidId>> FromRequestParts<S> for KeyId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        named(parts, state, "key_id").await.map(Self)
    }
}

async fn named<S: Send + Sync, T: FromStr<Err = InvalidId>>(
    parts: &mut Parts,
    state: &S,
    name: &str,
) -> Result<T, Problem> {
    let params = raw(parts, state).await?;
    let text = params.iter().find(|(key, _)| *key == name).map(|(_, value)| value).unwrap_or_default();
    text.parse().map_err(|InvalidId { prefix }| {
        Problem::new(&NOT_FOUND, format!("An id here looks like {prefix} followed by 32 lower-case hex digits."))
    })
}

async fn raw<S: Send + Sync>(parts: &mut Parts, state: &S) -> Result<RawPathParams, Problem> {
    let params = RawPathParams::from_request_parts(parts, state).await;
    params.map_err(|_| Problem::new(&NOT_FOUND, "The path is not UTF-8."))
}

/// A query string.
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        without_zero(&parts.uri)?;
        match axum::extract::Query::<T>::try_from_uri(&parts.uri) {
            Ok(axum::extract::Query(value)) => Ok(Self(value)),
            Err(rejection) => {
                let detail = std::error::Error::source(&rejection).map_or_else(String::new, ToString::to_string);
                Err(Problem::invalid(vec![Flaw { pointer: "query".to_owned(), detail }]))
            }
        }
    }
}

/// Refuses a zero character in any parameter, as in any text of a body.
fn without_zero(uri: &Uri) -> Result<(), Problem> {
    // There is no other way to write one in a URI (RFC 3986 §2.1).
    if !uri.query().is_some_and(|query| query.contains("%00")) {
        return Ok(());
    }
    let pairs = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri).map(|pairs| pairs.0);
    let zero = pairs.unwrap_or_default().into_iter().find(|(name, value)| name.contains('\0') || value.contains('\0'));
    match zero {
        Some((pointer, _)) => Err(Problem::invalid(vec![Flaw { pointer, detail: NO_ZERO.to_owned() }])),
        None => Ok(()),
    }
}

/// Entries on a page unless the caller says otherwise.
const PAGE: u32 = 50;

/// The part of a list that `limit` and `cursor` ask for.
pub(crate) fn page<K: FromStr>(limit: Option<u32>, cursor: Option<&str>) -> Result<PageRequest<K>, Problem> {
    let limit = limit.unwrap_or(PAGE);
    if !(1..=PageRequest::<K>::MAX).contains(&limit) {
        let detail = format!("must be from 1 to {}", PageRequest::<K>::MAX);
        return Err(Problem::invalid(vec![Flaw { pointer: "limit".to_owned(), detail }]));
    }
    let after = cursor.map(str::parse).transpose().map_err(|_| {
        let detail = "is no cursor of this list: take next_cursor from the page before, or leave it out".to_owned();
        Problem::invalid(vec![Flaw { pointer: "cursor".to_owned(), detail }])
    })?;
    Ok(PageRequest { after, limit })
}
