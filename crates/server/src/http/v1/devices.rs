//! Devices.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use domain::{DeviceId, DeviceKind, Timestamp, UserId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{List, name};
use crate::app::{App, Made};
use crate::http::Shared;
use crate::http::caller::{May, ReadUsers, WriteUsers};
use crate::http::idempotency_key::{Making, created, created_before};
use crate::http::parameters::Id;
use crate::http::problem::{INTERNAL, Problem};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(create_device, list_devices)).routes(routes!(show_device, delete_device))
}

/// Make a device known
#[utoipa::path(post, path = "/v1/users/{id}/devices", tag = "Devices", params(("id" = String, Path)),
    request_body = CreateDevice,
    responses((status = 201, description = "The device", body = Device)))]
async fn create_device(
    State(app): Shared,
    may: May<WriteUsers>,
    Id(user): Id<UserId>,
    Making { value: new, once }: Making<CreateDevice>,
) -> Result<Response, Problem> {
    let name = name("/name", &new.name)?;
    let kind = new.kind.unwrap_or(DeviceKind::Other);
    Ok(match app.create_device(&may.actor, user, name, kind, once.as_ref()).await? {
        Made::New(device) => created(&Device::from(device)),
        Made::Before(id) => {
            let id = id.parse().map_err(|_| Problem::of(&INTERNAL))?;
            created_before(&Device::from(app.device(id).await?))
        }
    })
}

/// List a user's devices
#[utoipa::path(get, path = "/v1/users/{id}/devices", tag = "Devices", params(("id" = String, Path)),
    responses((status = 200, description = "The devices, oldest first", body = List<Device>)))]
async fn list_devices(
    State(app): Shared,
    _: May<ReadUsers>,
    Id(user): Id<UserId>,
) -> Result<Json<List<Device>>, Problem> {
    Ok(Json(List::whole(app.devices_of(user).await?.into_iter().map(Device::from))))
}

/// See a device
#[utoipa::path(get, path = "/v1/devices/{id}", tag = "Devices", params(("id" = String, Path)),
    responses((status = 200, description = "The device", body = Device)))]
async fn show_device(State(app): Shared, _: May<ReadUsers>, Id(id): Id<DeviceId>) -> Result<Json<Device>, Problem> {
    Ok(Json(app.device(id).await?.into()))
}

/// Remove a device that no authenticator sits on
#[utoipa::path(delete, path = "/v1/devices/{id}", tag = "Devices", params(("id" = String, Path)),
    responses((status = 204, description = "It is gone")))]
async fn delete_device(State(app): Shared, may: May<WriteUsers>, Id(id): Id<DeviceId>) -> Result<StatusCode, Problem> {
    app.delete_device(&may.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A device to make known.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateDevice {
    /// What its owner calls it.
    name: String,
    /// `phone`, `key`, `browser` or `other` (the default).
    #[schema(value_type = Option<String>)]
    kind: Option<DeviceKind>,
}

/// What a user holds.
#[derive(Serialize, ToSchema)]
struct Device {
    #[schema(value_type = String, example = "dev_0197a3c05b7c7d3e8f6a1b2c3d4e5f60")]
    id: DeviceId,
    #[schema(value_type = String)]
    user_id: UserId,
    name: String,
    #[schema(value_type = String)]
    kind: DeviceKind,
    #[schema(value_type = String)]
    created_at: Timestamp,
}

impl From<domain::Device> for Device {
    fn from(device: domain::Device) -> Self {
        Self {
            id: device.id,
            user_id: device.user_id,
            name: device.name,
            kind: device.kind,
            created_at: device.created_at,
        }
    }
}
