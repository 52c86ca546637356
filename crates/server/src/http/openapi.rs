//! The OpenAPI 3.1 document, made from the code: what is routed is described, and what is described is routed.

mod texts;

use std::sync::Arc;

use axum::Router;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder, OpenApiVersion, Ref,
    RefOr, ResponseBuilder,
};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use crate::app::App;

use super::problem::Problem;
use super::{access, health, pages, push, receipts, v1};

/// What the document says about itself.
const DESCRIPTION: &str = "Countersign adds the second factor to an application that has users and a login. \
    Times are RFC 3339 in UTC; ids have a prefix that names their type; errors are `application/problem+json` (RFC 9457). \
    Every POST that makes something takes an `Idempotency-Key`. Lists come in parts: send `next_cursor` as `cursor` for the next one.";

/// Every route that is described, and the document.
pub(super) fn routes(movable_clock: bool) -> (Router<Arc<App>>, OpenApi) {
    let described = OpenApiRouter::with_openapi(frame())
        .merge(v1::routes(movable_clock))
        .merge(access::routes())
        .merge(pages::routes())
        .merge(receipts::routes())
        .merge(push::routes())
        .merge(health::routes());
    let (router, mut document) = described.split_for_parts();
    document.openapi = OpenApiVersion::Version31;
    for item in document.paths.paths.values_mut() {
        let operations =
            [&mut item.get, &mut item.put, &mut item.post, &mut item.patch, &mut item.delete].into_iter().flatten();
        operations.for_each(describe_problems);
    }
    texts::describe(&mut document);
    (router, document)
}

fn frame() -> OpenApi {
    let mut schemas = Vec::new();
    <Problem as ToSchema>::schemas(&mut schemas);
    let scheme = SecurityScheme::Http(
        HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("csk_…")
            .description(Some("An application's API key."))
            .build(),
    );
    let components = schemas
        .into_iter()
        .fold(ComponentsBuilder::new(), |components, (name, schema)| components.schema(name, schema))
        .schema(Problem::name(), Problem::schema())
        .security_scheme("api_key", scheme)
        .build();
    let info = InfoBuilder::new()
        .title("Countersign")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").build()))
        .build();
    OpenApiBuilder::new()
        .info(info)
        .components(Some(components))
        .security(Some([SecurityRequirement::new("api_key", Vec::<String>::new())]))
        .build()
}

/// Whatever can go wrong is a problem.
fn describe_problems(operation: &mut Operation) {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
    let response = ResponseBuilder::new()
        .description("Anything else: a problem (RFC 9457)")
        .content("application/problem+json", content)
        .build();
    operation.responses.responses.insert("default".to_owned(), RefOr::T(response));
}
