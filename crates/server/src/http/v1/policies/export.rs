//! What is in force, as files.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use domain::{PolicyId, Scope};
use serde::Serialize;
use utoipa::ToSchema;

use super::shown_files;
use crate::http::Shared;
use crate::http::caller::{May, ReadPolicies};
use crate::http::problem::Problem;

/// Write out what is in force
///
/// The files that were applied last, and of applications what they are now: `plan` finds no difference to these.
#[utoipa::path(get, path = "/v1/policies/export", tag = "Policies",
    responses((status = 200, description = "What is in force, as files", body = Export)))]
pub(super) async fn export_policy(State(app): Shared, may: May<ReadPolicies>) -> Result<Json<Export>, Problem> {
    let export = app.export_policy(may.has(Scope::ConfigurationRead)).await?;
    let (files, left_out) = shown_files(&may, export.files);
    let (id, number) = (export.policy.id, export.policy.number);
    Ok(Json(Export { id, number, trouble: export.trouble, files, made: export.made, left_out }))
}

/// What is in force, as files.
#[derive(Serialize, ToSchema)]
pub(super) struct Export {
    /// The policy in force.
    #[schema(value_type = String)]
    id: PolicyId,
    /// Its place among all.
    number: i64,
    /// Why it cannot be trusted; null where it is as it was signed.
    trouble: Option<String>,
    /// By their names.
    files: BTreeMap<String, String>,
    /// The file of applications that was made anew, as no file in force says what they are now; null where one does.
    made: Option<String>,
    /// The names of files that are left out: what they say takes the scope `configuration:read`.
    left_out: BTreeSet<String>,
}
