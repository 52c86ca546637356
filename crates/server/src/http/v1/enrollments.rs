//! Enrollments: binding an authenticator.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use domain::{
    AuthenticatorId, AuthenticatorKind, DeviceId, DeviceKind, EnrollmentId, EnrollmentState, Scope, SessionId,
    Timestamp, UserId,
};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use vault_proto::{Qr, Secret};
use zeroize::Zeroizing;

use super::authenticators::Authenticator;
use super::prompts::Prompt;
use super::proof::ProofGiven;
use super::sessions::Session;
use super::{flawed, key_bytes, name};
use crate::app::enrollments::{self, Started, Wish, WishedDevice};
use crate::app::{Actor, App, Made};
use crate::http::body::Body;
use crate::http::caller::{Enroll, May};
use crate::http::idempotency_key::{Making, created, created_before};
use crate::http::parameters::{Id, Query};
use crate::http::problem::{INTERNAL, Problem};
use crate::http::{Shared, to_the_end};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(start_enrollment))
        .routes(routes!(show_enrollment, cancel_enrollment))
        .routes(routes!(view_enrollment))
        .routes(routes!(confirm_enrollment))
        .routes(routes!(retry_enrollment))
}

/// Start an enrollment
///
/// Needs a session that is recent, and where the user has an authenticator already, one in which it was proved. The key is made
/// when its view is asked for: with `"view": "inline"` at once.
#[utoipa::path(post, path = "/v1/enrollments", tag = "Enrollments",
    params(("Client-Proof" = Option<String>, Header, description = "Where the session is bound to a key: the method and address of the client's request, and the proof that it signed")), request_body = NewEnrollment,
    responses((status = 201, description = "The enrollment, and the view if it was wanted at once", body = StartedEnrollment)))]
async fn start_enrollment(
    State(app): Shared,
    may: May<Enroll>,
    Making { value: new, once }: Making<NewEnrollment>,
) -> Result<Response, Problem> {
    let mut wish = new.checked()?;
    wish.assigned_only = may.also(Scope::HardwareTokens).is_err();
    let (starting, actor) = (Arc::clone(&app), may.actor.clone());
    let made = to_the_end(async move { starting.start_enrollment(&actor, wish, once.as_ref()).await }).await?;
    started(&app, &may.actor, made).await
}

/// The answer to whatever starts an enrollment.
pub(super) async fn started(app: &App, actor: &Actor, made: Made<Started>) -> Result<Response, Problem> {
    let now = app.now();
    Ok(match made {
        Made::New(started) => no_store(created(&StartedEnrollment {
            enrollment: Enrollment::at(started.enrollment, started.device_id, now),
            view: started.view.map(View::from),
        })),
        Made::Before(id) => {
            let id = id.parse().map_err(|_| Problem::of(&INTERNAL))?;
            let (enrollment, device_id) = app.enrollment(actor, id).await?;
            created_before(&StartedEnrollment { enrollment: Enrollment::at(enrollment, device_id, now), view: None })
        }
    })
}

/// See an enrollment
#[utoipa::path(get, path = "/v1/enrollments/{id}", tag = "Enrollments", params(("id" = String, Path)),
    responses((status = 200, description = "The enrollment", body = Enrollment)))]
async fn show_enrollment(
    State(app): Shared,
    may: May<Enroll>,
    Id(id): Id<EnrollmentId>,
) -> Result<Json<Enrollment>, Problem> {
    let (enrollment, device_id) = app.enrollment(&may.actor, id).await?;
    Ok(Json(Enrollment::at(enrollment, device_id, app.now())))
}

/// Take an enrollment back
#[utoipa::path(delete, path = "/v1/enrollments/{id}", tag = "Enrollments", params(("id" = String, Path)),
    responses((status = 204, description = "The pending authenticator is revoked")))]
async fn cancel_enrollment(
    State(app): Shared,
    may: May<Enroll>,
    Id(id): Id<EnrollmentId>,
) -> Result<StatusCode, Problem> {
    app.cancel_enrollment(&may.actor, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// See the key, once
///
/// Makes the key and hands it out: as `otpauth://` URI, Base32 and picture, or sealed to the recipient key. There is no second
/// look (410 `view-gone`), and none after `view_expires_at` (410 `view-expired`). With `Accept: image/svg+xml` or `image/png` the
/// answer is the picture alone.
#[utoipa::path(get, path = "/v1/enrollments/{id}/view", tag = "Enrollments",
    params(("id" = String, Path), ("qr" = Option<String>, Query, description = "`svg` (default), `png` or `none`")),
    responses((status = 200, description = "The one view", content((View = "application/json"), (String = "image/svg+xml"), (Vec<u8> = "image/png")))))]
async fn view_enrollment(
    State(app): Shared,
    may: May<Enroll>,
    Id(id): Id<EnrollmentId>,
    Query(wanted): Query<ViewQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let alone = picture_alone(&headers);
    let qr = alone.or(wanted.qr.map(Qr::from)).unwrap_or(Qr::Svg);
    let view = to_the_end(async move { app.view_enrollment(&may.actor, id, qr).await }).await?;
    let content_type = match alone {
        Some(Qr::Svg) => "image/svg+xml",
        Some(Qr::Png) => "image/png",
        Some(Qr::None) | None => return Ok(no_store(Json(View::from(view)).into_response())),
    };
    match view {
        enrollments::View::Key(vault_proto::View::Open { qr: Some(picture), .. }) => {
            Ok(no_store(([(header::CONTENT_TYPE, content_type)], picture.0.clone()).into_response()))
        }
        other => Ok(no_store(Json(View::from(other)).into_response())),
    }
}

/// Confirm an enrollment
///
/// With a code from the new authenticator. It is active from then on, the session is raised by the proof, and a user who had none
/// gets ten backup codes, shown here and nowhere else.
#[utoipa::path(post, path = "/v1/enrollments/{id}/confirm", tag = "Enrollments", params(("id" = String, Path)),
    request_body = ProofGiven,
    responses((status = 200, description = "The authenticator is active", body = ConfirmedEnrollment)))]
async fn confirm_enrollment(
    State(app): Shared,
    may: May<Enroll>,
    Id(id): Id<EnrollmentId>,
    Body { value: proof, .. }: Body<ProofGiven>,
) -> Result<Response, Problem> {
    let now = app.now();
    let confirmed = Arc::clone(&app).confirm_enrollment(may.actor, id, proof.checked()?).await?;
    let device_id = confirmed.authenticator.device_id;
    let codes = confirmed.backup_codes.as_ref();
    let answer = ConfirmedEnrollment {
        enrollment: Enrollment::at(confirmed.enrollment, device_id, now),
        authenticator: Authenticator::new(confirmed.authenticator, None),
        backup_codes: codes.map(|codes| codes.iter().map(text).collect()),
        session: confirmed.session.into(),
    };
    Ok(no_store(Json(answer).into_response()))
}

/// Start over with a new key
///
/// When the view was missed or the code would not come. The old key counts for nothing.
#[utoipa::path(post, path = "/v1/enrollments/{id}/retry", tag = "Enrollments", params(("id" = String, Path)),
    responses((status = 200, description = "The enrollment, with a new view to be had", body = Enrollment)))]
async fn retry_enrollment(
    State(app): Shared,
    may: May<Enroll>,
    Id(id): Id<EnrollmentId>,
) -> Result<Json<Enrollment>, Problem> {
    let (enrollment, device_id) = app.retry_enrollment(&may.actor, id).await?;
    Ok(Json(Enrollment::at(enrollment, device_id, app.now())))
}

/// Never to be kept by anything on the way (P-04, T-17).
pub(in crate::http) fn no_store(mut response: Response) -> Response {
    let value = http::HeaderValue::from_static("no-store, private, max-age=0");
    response.headers_mut().insert(header::CACHE_CONTROL, value);
    response
}

/// The picture that the caller wants by itself, if it does.
fn picture_alone(headers: &HeaderMap) -> Option<Qr> {
    let accept = headers.get(header::ACCEPT)?.to_str().ok()?;
    match accept.split(',').next().unwrap_or_default().split(';').next().unwrap_or_default().trim() {
        "image/svg+xml" => Some(Qr::Svg),
        "image/png" => Some(Qr::Png),
        _ => None,
    }
}

pub(in crate::http) fn text(secret: &Secret) -> Zeroizing<String> {
    Zeroizing::new(String::from_utf8_lossy(&secret.0).into_owned())
}

/// A wish to enroll.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewEnrollment {
    /// The session that is trusted enough.
    #[schema(value_type = String)]
    session_id: SessionId,
    /// What to enroll: `totp` (the default), `hotp`, `webauthn`, `push`, `sms` or `email`, as far as they are offered here.
    #[schema(value_type = Option<String>)]
    kind: Option<AuthenticatorKind>,
    /// What the user calls the authenticator; the device's name if not said.
    label: Option<String>,
    /// The device that it sits on, if it is known already.
    #[schema(value_type = Option<String>)]
    device_id: Option<DeviceId>,
    /// The device that it sits on, if it is new; a phone called "Authenticator app" if nothing is said.
    device: Option<NewDevice>,
    /// For `sms` and `email`: where codes go.
    address: Option<String>,
    /// The serial number of a hardware token that was imported and is assigned to the user; with the scope `hardware_tokens` also of one
    /// that is assigned to nobody.
    serial: Option<String>,
    /// `SHA1` (the default, which every authenticator app knows), `SHA256` or `SHA512`.
    algorithm: Option<String>,
    /// Digits in a code: 6 (the default) or 8.
    digits: Option<u8>,
    /// For `totp`: seconds in a time step, 30 (the default) or 60.
    period: Option<u16>,
    /// An X25519 public key, base64url: the view is then sealed to it (RFC 9180), and nobody on the way sees the key.
    recipient_key: Option<String>,
    /// `separate` (the default): ask for the view by itself. `inline`: it comes with this answer.
    view: Option<ViewWhen>,
    /// The picture of an inline view: `svg` (the default), `png` or `none`.
    qr: Option<Picture>,
}

impl NewEnrollment {
    pub(super) fn checked(self) -> Result<Wish, Problem> {
        let kind = self.kind.unwrap_or(AuthenticatorKind::Totp);
        let device = match (self.device_id, self.device) {
            (Some(id), None) => WishedDevice::Known(id),
            (None, Some(new)) => new.checked()?,
            (None, None) => WishedDevice::usual(kind, None),
            (Some(_), Some(_)) => return Err(flawed("/device", "either device_id or device is wanted, and not both")),
        };
        let algorithm = self.algorithm.as_deref().unwrap_or("SHA1");
        let algorithm = otp::Algorithm::from_name(algorithm)
            .ok_or_else(|| flawed("/algorithm", "must be SHA1, SHA256 or SHA512"))?;
        let digits = self.digits.unwrap_or(6);
        let params = match (kind, self.period) {
            (AuthenticatorKind::Hotp, Some(_)) => {
                return Err(flawed("/period", "is of codes that are timed: those of hotp are counted"));
            }
            (AuthenticatorKind::Hotp, None) => otp::Params::counted(algorithm, digits),
            (_, period) => otp::Params::new(algorithm, digits, period.unwrap_or(30)),
        };
        let params = params.map_err(|error| flawed("/digits", error.to_string()))?;
        let recipient_key = self.recipient_key.map(|key| key_bytes("/recipient_key", &key)).transpose()?;
        Ok(Wish {
            session_id: self.session_id,
            device,
            label: self.label.map(|label| name("/label", &label)).transpose()?,
            kind,
            params,
            address: self.address,
            serial: self.serial,
            assigned_only: true,
            recipient_key,
            replaces: None,
            inline: inline(self.view, self.qr)?,
        })
    }
}

/// The picture of a view that comes at once; `None` where it comes later.
pub(super) fn inline(view: Option<ViewWhen>, qr: Option<Picture>) -> Result<Option<Qr>, Problem> {
    match view {
        Some(ViewWhen::Inline) => Ok(Some(qr.map_or(Qr::Svg, Qr::from))),
        Some(ViewWhen::Separate) | None if qr.is_some() => {
            Err(flawed("/qr", "goes with \"view\": \"inline\"; otherwise it is a parameter of the view"))
        }
        Some(ViewWhen::Separate) | None => Ok(None),
    }
}

/// When the view is wanted.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum ViewWhen {
    /// Later, by itself.
    Separate,
    /// Now.
    Inline,
}

/// A picture of the URI.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Picture {
    /// An SVG document.
    Svg,
    /// A PNG file.
    Png,
    /// None.
    None,
}

impl From<Picture> for Qr {
    fn from(picture: Picture) -> Self {
        match picture {
            Picture::Svg => Self::Svg,
            Picture::Png => Self::Png,
            Picture::None => Self::None,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ViewQuery {
    qr: Option<Picture>,
}

/// A device to make known.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDevice {
    /// What its owner calls it.
    name: String,
    /// `phone` (the default), `key`, `browser` or `other`.
    #[schema(value_type = Option<String>)]
    kind: Option<DeviceKind>,
}

impl NewDevice {
    fn checked(self) -> Result<WishedDevice, Problem> {
        Ok(WishedDevice::New { name: name("/device/name", &self.name)?, kind: self.kind.unwrap_or(DeviceKind::Phone) })
    }
}

/// The flow that binds an authenticator.
#[derive(Serialize, ToSchema)]
struct Enrollment {
    #[schema(value_type = String, example = "enr_0197a3c05b7c7d3e8f6a1b2c3d4e5f60")]
    id: EnrollmentId,
    /// `started`, `viewed`, `confirmed`, `failed`, `cancelled` or `expired`.
    #[schema(value_type = String)]
    state: EnrollmentState,
    #[schema(value_type = String)]
    kind: AuthenticatorKind,
    #[schema(value_type = String)]
    user_id: UserId,
    #[schema(value_type = String)]
    session_id: SessionId,
    /// The authenticator, pending until confirmed.
    #[schema(value_type = String)]
    authenticator_id: AuthenticatorId,
    #[schema(value_type = Option<String>)]
    device_id: Option<DeviceId>,
    /// The authenticator that this one takes the place of, once confirmed.
    #[schema(value_type = Option<String>)]
    replaces: Option<AuthenticatorId>,
    /// How codes are made, and the next two: null where none are made from a key.
    algorithm: Option<String>,
    digits: Option<i16>,
    /// Seconds.
    period: Option<i16>,
    #[schema(value_type = String)]
    created_at: Timestamp,
    /// The view can be had until then.
    #[schema(value_type = String)]
    view_expires_at: Timestamp,
    /// The code has to come until then.
    #[schema(value_type = String)]
    expires_at: Timestamp,
}

impl Enrollment {
    fn at(enrollment: domain::Enrollment, device_id: Option<DeviceId>, now: Timestamp) -> Self {
        Self {
            id: enrollment.id,
            state: enrollment.state_at(now),
            kind: enrollment.kind,
            user_id: enrollment.user_id,
            session_id: enrollment.session_id,
            authenticator_id: enrollment.authenticator_id,
            device_id,
            replaces: enrollment.replaces,
            digits: Some(enrollment.digits).filter(|digits| *digits > 0),
            period: Some(enrollment.period).filter(|period| *period > 0),
            algorithm: Some(enrollment.algorithm).filter(|algorithm| !algorithm.is_empty()),
            created_at: enrollment.created_at,
            view_expires_at: enrollment.view_expires_at,
            expires_at: enrollment.expires_at,
        }
    }
}

/// An enrollment that was started.
#[derive(Serialize, ToSchema)]
struct StartedEnrollment {
    enrollment: Enrollment,
    /// The one view of the key, if it was wanted at once.
    view: Option<View>,
}

/// What an enrollment hands over. Of a key, once: `uri` and `secret` with a picture, or `sealed`; of the other kinds: `prompt`, which the proof
/// answers.
#[derive(Serialize, ToSchema)]
struct View {
    /// The `otpauth://` URI that authenticator apps read.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    uri: Option<Zeroizing<String>>,
    /// The key in Base32, for typing.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<Zeroizing<String>>,
    /// The picture, as an SVG document.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    qr_svg: Option<Zeroizing<String>>,
    /// The picture, as a PNG file in base64.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    qr_png: Option<Zeroizing<String>>,
    /// URI and secret, sealed to the recipient key.
    #[serde(skip_serializing_if = "Option::is_none")]
    sealed: Option<SealedView>,
    /// What was sent or asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<Prompt>,
    /// What is opened on the phone that is to approve.
    #[schema(value_type = Option<String>)]
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<Zeroizing<String>>,
}

/// HPKE (RFC 9180), base mode: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM; `info` is
/// `countersign provisioning view v1`, the associated data are the 16 bytes of the authenticator's id. Inside: JSON with `uri` and
/// `secret`.
#[derive(Serialize, ToSchema)]
pub(in crate::http) struct SealedView {
    /// The encapsulated key, base64url.
    enc: String,
    /// Ciphertext and tag, base64url.
    ciphertext: String,
}

impl SealedView {
    pub(in crate::http) fn new(enc: &[u8], ciphertext: &[u8]) -> Self {
        Self { enc: BASE64URL_NOPAD.encode(enc), ciphertext: BASE64URL_NOPAD.encode(ciphertext) }
    }
}

impl From<enrollments::View> for View {
    fn from(view: enrollments::View) -> Self {
        let nothing =
            Self { uri: None, secret: None, qr_svg: None, qr_png: None, sealed: None, prompt: None, link: None };
        let view = match view {
            enrollments::View::Key(view) => view,
            enrollments::View::Prompt(prompt, shown) => {
                let link = shown.link.as_ref().map(text);
                return Self { prompt: Some(Prompt::new(&prompt, shown)), link, ..nothing };
            }
        };
        match view {
            vault_proto::View::Open { uri, secret, qr } => {
                let png = qr.as_ref().filter(|picture| picture.0.starts_with(b"\x89PNG"));
                let svg = if png.is_none() { qr.as_ref() } else { None };
                Self {
                    uri: Some(text(&uri)),
                    secret: Some(text(&secret)),
                    qr_svg: svg.map(text),
                    qr_png: png.map(|picture| Zeroizing::new(BASE64.encode(&picture.0))),
                    ..nothing
                }
            }
            vault_proto::View::Sealed { enc, ciphertext } => {
                Self { sealed: Some(SealedView::new(&enc, &ciphertext)), ..nothing }
            }
        }
    }
}

/// What confirming yields.
#[derive(Serialize, ToSchema)]
struct ConfirmedEnrollment {
    enrollment: Enrollment,
    authenticator: Authenticator,
    /// Ten codes for when the phone is gone, each usable once, never shown again; null where the user has some already.
    #[schema(value_type = Option<Vec<String>>, example = json!(["7Q3W-9K2M-X4TZ"]))]
    backup_codes: Option<Vec<Zeroizing<String>>>,
    session: Session,
}
