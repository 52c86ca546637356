//! What authenticator apps ask: each request is signed with the key of the app (docs/push-protocol.md).

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{FromRequest, Request, State};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use domain::push::{DeviceHeader, PushState};
use domain::{AuthenticatorId, PromptId};
use futures_util::Stream;
use http::Method;
use http_body_util::{BodyExt, Limited};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zeroize::Zeroizing;

use super::Shared;
use super::body::{Body, MAX_BYTES, parse};
use super::peer::Peer;
use super::problem::{BUSY, Problem, TIMEOUT, TOO_LARGE};
use super::v1::enrollments::no_store;
use super::v1::{flawed, name};
use crate::app::App;
use crate::app::factors::push::{Address, Answering, AppDevice, Connecting, Follower, Signed};
use crate::app::wake::Sleeper;

/// A comment is sent this often, so that an app knows that the stream is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// A stream ends after this long, and is opened anew with a new signature,
const LONGEST: Duration = Duration::from_mins(15);
/// or up to this much sooner: those that came all at once, after a restart, do not come all at once again.
const SPREAD: Duration = Duration::from_mins(5);
/// Streams that are served at a time: well below the connections that there may be, so that apps leave some to everybody else.
const MOST_STREAMS: usize = 15_000;
/// Streams of one app at a time. One is enough; another may begin before we know that the one before is gone.
const MOST_OF_AN_APP: usize = 3;

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(enroll_app))
        .routes(routes!(pending_prompts))
        .routes(routes!(answer_prompt))
        .routes(routes!(subscribe_app))
        .routes(routes!(follow_prompts))
}

/// Proof that a request was signed by an app that is connected, and what it says.
struct FromApp<T> {
    device: AppDevice,
    value: T,
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for FromApp<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let header = parts.headers.get(DeviceHeader::NAME).and_then(|header| header.to_str().ok()).unwrap_or_default();
        let peer = parts.extensions.get::<Peer>();
        let bytes = match Limited::new(body, MAX_BYTES).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => return Err(Problem::of(&TOO_LARGE)),
            Err(_) => return Err(Problem::new(&TIMEOUT, "The body did not arrive whole.")),
        };
        let signed = Signed {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            body: &bytes,
            repeatable: parts.uri.path() == "/push/answer",
            address: peer.map(|peer| peer.origin(&parts.headers, &app.settings.trusted_proxies)),
        };
        let device = app.app_device(header, &signed).await?;
        let bytes: &[u8] = if parts.method == Method::GET { b"{}" } else { &bytes };
        Ok(Self { device, value: parse(bytes)? })
    }
}

/// Connect an app
///
/// By the link of an enrollment, once. The app signs token, key and name with its new key. It counts once it was given the number that
/// the enrollment shows: that is its first prompt.
#[utoipa::path(post, path = "/push/enroll", tag = "Authenticator apps", security(()), request_body = EnrollApp,
    responses((status = 200, description = "What the app is from now on", body = AppEnrolled)))]
async fn enroll_app(State(app): Shared, request: Request) -> Result<Response, Problem> {
    let address = request.extensions().get::<Peer>().copied();
    let address = address.map(|peer| peer.origin(request.headers(), &app.settings.trusted_proxies));
    let Body { value: enroll, .. } = Body::<EnrollApp>::from_request(request, &()).await?;
    let connecting = Connecting {
        token: enroll.token,
        public_key: enroll.public_key,
        name: name("/name", &enroll.name)?,
        signature: enroll.signature,
        address,
    };
    let connected = app.connect_app(&connecting).await?;
    let enrolled = AppEnrolled {
        authenticator_id: connected.authenticator_id,
        application: connected.application,
        account: connected.account,
        issuer: connected.issuer,
        vapid_public_key: connected.vapid,
    };
    Ok(no_store(Json(enrolled).into_response()))
}

/// Ask what waits
#[utoipa::path(post, path = "/push/pending", tag = "Authenticator apps", security(()), request_body = Nothing,
    params(("Countersign-Device" = String, Header, description = "Who asks, when, and the signature")),
    responses((status = 200, description = "What waits for this app's answer", body = PendingPrompts)))]
async fn pending_prompts(State(app): Shared, from: FromApp<Nothing>) -> Result<Response, Problem> {
    let asked = app.asked_of(from.device.follower()).await?;
    let prompts = asked.into_iter().filter(|one| one.state == PushState::Open).map(|one| one.text).collect();
    // Where the vault is away for a moment, it is said the next time.
    let vapid_public_key = app.vapid_public_key().await.unwrap_or(None);
    Ok(no_store(Json(PendingPrompts { prompts, vapid_public_key }).into_response()))
}

/// Answer a prompt
///
/// An answer counts once. A wrong number ends the prompt.
#[utoipa::path(post, path = "/push/answer", tag = "Authenticator apps", security(()), request_body = AnswerPrompt,
    params(("Countersign-Device" = String, Header, description = "Who answers, when, and the signature")),
    responses((status = 200, description = "It counts", body = PromptAnswered)))]
async fn answer_prompt(State(app): Shared, from: FromApp<AnswerPrompt>) -> Result<Response, Problem> {
    let AnswerPrompt { prompt_id, answer, number, signature } = from.value;
    let state = app.answer_push(from.device, Answering { prompt_id, answer, number, signature }).await?;
    Ok(no_store(Json(PromptAnswered { state: state.name() }).into_response()))
}

/// Say how an app is woken up
#[utoipa::path(post, path = "/push/subscribe", tag = "Authenticator apps", security(()), request_body = SubscribeApp,
    params(("Countersign-Device" = String, Header, description = "Who subscribes, when, and the signature")),
    responses((status = 200, description = "It is woken up so from now on", body = Nothing)))]
async fn subscribe_app(State(app): Shared, from: FromApp<SubscribeApp>) -> Result<Response, Problem> {
    let delivery = from.value.delivery.map(Delivery::address).transpose()?;
    app.subscribe_app(&from.device, delivery).await?;
    Ok(no_store(Json(Nothing {}).into_response()))
}

/// Follow prompts
///
/// As server-sent events: `prompt` with the text of one that waits, those that wait already first; `over` with the id and state of one
/// that does not any more. Ends after a quarter of an hour at most, once the app may ask no more, and when the app opens a fourth.
#[utoipa::path(get, path = "/push/stream", tag = "Authenticator apps", security(()),
    params(("Countersign-Device" = String, Header, description = "Who follows, when, and the signature")),
    responses((status = 200, description = "Prompts, as they come", content_type = "text/event-stream", body = String)))]
async fn follow_prompts(
    State(app): Shared,
    from: FromApp<Nothing>,
) -> Result<Sse<impl Stream<Item = Result<sse::Event, Infallible>>>, Problem> {
    let Ok(place) = Arc::clone(&app.streams).try_acquire_owned() else { return Err(Problem::of(&BUSY)) };
    // Before the first look: what happens in between wakes it up.
    let sleeper = app.wake.join(from.device.user_id(), from.device.id().uuid(), MOST_OF_AN_APP);
    let (early, first) = (app.random_bytes(), app.random_bytes());
    let following = Following {
        app,
        follower: from.device.follower(),
        sleeper,
        ends: Instant::now() + LONGEST - part_of(SPREAD, early),
        first_beat: Some(part_of(KEEP_ALIVE, first)),
        told: HashMap::new(),
        ready: Vec::new(),
        looked: false,
        _place: place,
    };
    let stream = futures_util::stream::unfold(following, |mut following| async move {
        let event = following.next().await?;
        Some((Ok(event), following))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// A part of a span, by chance.
fn part_of(whole: Duration, chance: [u8; 2]) -> Duration {
    whole * u32::from(u16::from_be_bytes(chance)) / (u32::from(u16::MAX) + 1)
}

/// How many streams there may be.
pub(crate) fn places() -> Arc<tokio::sync::Semaphore> {
    Arc::new(tokio::sync::Semaphore::new(MOST_STREAMS))
}

/// One app that follows.
struct Following {
    app: Arc<App>,
    follower: Follower,
    sleeper: Sleeper,
    ends: Instant,
    /// How long until the first sign of life, after which they come evenly.
    first_beat: Option<Duration>,
    /// What it was told of, and where that stood.
    told: HashMap<PromptId, PushState>,
    /// What it is to be told next, the last one first.
    ready: Vec<sse::Event>,
    looked: bool,
    _place: tokio::sync::OwnedSemaphorePermit,
}

impl Following {
    /// The next event; `None` when the stream ends.
    async fn next(&mut self) -> Option<sse::Event> {
        loop {
            if let Some(event) = self.ready.pop() {
                return Some(event);
            }
            if self.looked {
                let left = self.ends.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
                let beat = self.first_beat.take();
                let is_woken = self.sleeper.sleep(beat.unwrap_or(left).min(left)).await;
                if self.sleeper.is_replaced() {
                    return None;
                }
                if !is_woken && beat.is_some() {
                    return Some(sse::Event::default().comment(""));
                }
                if !self.app.is_still(self.follower).await {
                    return None;
                }
            }
            self.looked = true;
            self.look().await?;
        }
    }

    async fn look(&mut self) -> Option<()> {
        let asked = self.app.asked_of(self.follower).await.ok()?;
        // What another app is asked from now on.
        let open = self.told.iter().filter(|(_, state)| **state == PushState::Open).map(|(id, _)| *id);
        let moved: Vec<PromptId> = open.filter(|id| !asked.iter().any(|one| one.id == *id)).collect();
        for id in moved {
            self.told.insert(id, PushState::Withdrawn);
            self.ready.insert(0, over(id, PushState::Withdrawn)?);
        }
        for one in asked {
            let event = match (self.told.get(&one.id), one.state) {
                (None, PushState::Open) => sse::Event::default().event("prompt").data(&one.text),
                (Some(PushState::Open), state) if state != PushState::Open => over(one.id, state)?,
                _ => continue,
            };
            self.told.insert(one.id, one.state);
            self.ready.insert(0, event);
        }
        Some(())
    }
}

fn over(id: PromptId, state: PushState) -> Option<sse::Event> {
    let told = PromptOver { id, state: state.name() };
    sse::Event::default().event("over").json_data(told).ok()
}

/// An app that comes by a link.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EnrollApp {
    /// The token in the link.
    #[schema(value_type = String)]
    token: Zeroizing<String>,
    /// The app's new key: an uncompressed P-256 point, base64url.
    public_key: String,
    /// What its owner calls it.
    name: String,
    /// Over token, key and name, base64url.
    signature: String,
}

/// What an app learns that was connected.
#[derive(Serialize, ToSchema)]
struct AppEnrolled {
    #[schema(value_type = String)]
    authenticator_id: AuthenticatorId,
    /// The application whose user it is for.
    application: String,
    /// Whose account it is.
    account: String,
    /// What people know this server by.
    issuer: String,
    /// The key that Web Push subscriptions are for (RFC 8292); null where there is no Web Push.
    vapid_public_key: Option<String>,
}

/// What waits for an app's answer.
#[derive(Serialize, ToSchema)]
struct PendingPrompts {
    /// Texts, of which each is JSON and is signed as it stands.
    prompts: Vec<String>,
    /// The key that Web Push subscriptions are for (RFC 8292); null where there is no Web Push.
    vapid_public_key: Option<String>,
}

/// An app's answer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerPrompt {
    /// To which prompt.
    #[schema(value_type = String)]
    prompt_id: PromptId,
    /// `approve`, `deny` or `fraud`.
    answer: String,
    /// With `approve`: the number on the other screen.
    number: Option<String>,
    /// Over the prompt's text, the answer and the number, base64url.
    signature: String,
}

/// An answer that counts.
#[derive(Serialize, ToSchema)]
struct PromptAnswered {
    /// `approved`, `denied` or `reported`.
    state: &'static str,
}

/// A prompt that waits no more.
#[derive(Serialize)]
struct PromptOver {
    id: PromptId,
    state: &'static str,
}

/// How an app is to be woken up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SubscribeApp {
    /// By one of these; not at all if null.
    delivery: Option<Delivery>,
}

/// One way to wake an app up.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Delivery {
    /// Web Push (RFC 8030, RFC 8291).
    WebPush(WebPush),
    /// A registration token of Firebase Cloud Messaging.
    Fcm(String),
    /// A device token of the Apple Push Notification service.
    Apns(String),
}

/// A Web Push subscription.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebPush {
    /// Where messages go.
    endpoint: String,
    /// The browser's key, base64url.
    p256dh: String,
    /// The browser's secret, base64url.
    auth: String,
}

impl Delivery {
    /// The longest text of one.
    const LONGEST: usize = 4096;

    fn address(self) -> Result<Address, Problem> {
        let long = |text: &str| text.is_empty() || text.len() > Self::LONGEST;
        let wrong = match &self {
            Self::WebPush(to) if !to.endpoint.starts_with("https://") || long(&to.endpoint) => {
                Some(("/delivery/web_push/endpoint", "must be an https URL of at most 4096 characters"))
            }
            Self::WebPush(to) if to.p256dh.len() != 87 => Some(("/delivery/web_push/p256dh", "must be a P-256 point")),
            Self::WebPush(to) if to.auth.len() != 22 => Some(("/delivery/web_push/auth", "must be 16 bytes")),
            Self::Fcm(token) if long(token) => Some(("/delivery/fcm", "must have 1 to 4096 characters")),
            Self::Apns(token) if long(token) => Some(("/delivery/apns", "must have 1 to 4096 characters")),
            _ => None,
        };
        match wrong {
            Some((pointer, detail)) => Err(flawed(pointer, detail)),
            None => Ok(match self {
                Self::WebPush(WebPush { endpoint, p256dh, auth }) => Address::WebPush { endpoint, p256dh, auth },
                Self::Fcm(token) => Address::Fcm(token),
                Self::Apns(token) => Address::Apns(token),
            }),
        }
    }
}

/// An object without members.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_none_or_nearly_all_of_the_whole() {
        let parts = [[0, 0], [0x80, 0], [0xff, 0xff]].map(|chance| part_of(KEEP_ALIVE, chance).as_secs());
        assert_eq!(parts, [0, 10, 19]);
    }
}
