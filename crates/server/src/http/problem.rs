//! Errors as `application/problem+json` (RFC 9457): the one place where an error gets its status and its words.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::{Error, Flaw};

/// How many mistakes of files are told in `detail`: all of them stand in `mistakes`.
const MOST_TOLD: usize = 10;

/// Why a request was not carried out.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// A stable name of the kind of problem; a page that explains it, relative to this server.
    #[serde(rename = "type")]
    #[schema(example = "/problems/not-found")]
    pub(crate) kind: String,
    /// The kind of problem, for people.
    pub(crate) title: &'static str,
    /// The HTTP status.
    #[schema(value_type = u16)]
    #[serde(serialize_with = "status_number")]
    pub(crate) status: StatusCode,
    /// What is wrong this time, and what to do.
    pub(crate) detail: String,
    /// Each member of the request that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<Flaw>,
    /// For `events-expired`: the position of the oldest event that is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) oldest: Option<i64>,
    /// For `policy-mistaken`: each mistake, with its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Vec<Object>)]
    mistakes: Option<Box<Mistakes>>,
    #[serde(skip)]
    retry_after: bool,
}

/// What is wrong with a policy.
#[derive(Debug, Clone, Serialize)]
#[serde(transparent)]
struct Mistakes(Vec<policy::Mistake>);

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the shape that serde wants")]
fn status_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

/// A kind of problem.
pub(crate) struct Kind {
    /// The end of its `type`.
    pub(crate) slug: &'static str,
    /// Its HTTP status.
    pub(crate) status: StatusCode,
    /// Its name, for people.
    pub(crate) title: &'static str,
    /// What it means and what to do, for the page that explains it.
    pub(crate) meaning: &'static str,
}

macro_rules! problems {
    ($($(#[$doc:meta])* $name:ident = $slug:literal, $status:ident, $title:literal, $meaning:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: Kind =
            Kind { slug: $slug, status: StatusCode::$status, title: $title, meaning: $meaning };)*

        /// Every kind of problem.
        pub(crate) const KINDS: &[&Kind] = &[$(&$name),*];
    };
}

problems! {
    MALFORMED_JSON = "malformed-json", BAD_REQUEST, "The body is not JSON",
        "The body could not be read as JSON. The detail says where it stops making sense.";
    INVALID_REQUEST = "invalid-request", UNPROCESSABLE_ENTITY, "The request is not valid",
        "The body is JSON, but a member or parameter is unknown, missing, of the wrong type or out of range. `errors` names each one by a JSON Pointer (RFC 6901).";
    COUNTRY_BLOCKED = "country-blocked", UNPROCESSABLE_ENTITY, "No messages are sent to that country",
        "The number is of a country that is not among `sms.countries`. Offer another factor, or take a number of another country.";
    UNAUTHENTICATED = "unauthenticated", UNAUTHORIZED, "Who is asking?",
        "Send an API key as `Authorization: Bearer csk_…`, or use a TLS client certificate that is mapped to an application. The key may have been revoked or may have ended.";
    FORBIDDEN = "forbidden", FORBIDDEN, "This application may not do that",
        "The application has not got the scope that the operation needs. An administrator can add it.";
    CROSS_SITE = "cross-site", FORBIDDEN, "Not from another site's page",
        "A browser sent this for a page of another site, with what it shows by itself: a client certificate or a cookie. An application that means it sends an API key as `Authorization: Bearer csk_…`; what stands under `/pages/` is for our own pages alone.";
    NOT_FOUND = "not-found", NOT_FOUND, "Not found",
        "There is nothing by this id or at this address, or it belongs to another application.";
    METHOD_NOT_ALLOWED = "method-not-allowed", METHOD_NOT_ALLOWED, "Not with this method",
        "There is something at this address, but not for this method. `Allow` names those that work.";
    EXISTS = "exists", CONFLICT, "It exists already",
        "Something unique, such as an external id or a name, is taken.";
    CONFLICT = "conflict", CONFLICT, "The state of things does not allow it",
        "The detail says what stands in the way.";
    TOO_LARGE = "too-large", PAYLOAD_TOO_LARGE, "The body is too large",
        "A body has at most 64 KiB.";
    UNSUPPORTED_MEDIA_TYPE = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE, "The body is of another type",
        "Send the body as JSON, with `Content-Type: application/json`; to `/v1/introspect` as a form.";
    PROOF_REJECTED = "proof-rejected", UNPROCESSABLE_ENTITY, "The code was not accepted",
        "It may be wrong, used already, or too many may have been tried. Which of these it is, and whether there is such a user at all, is told to nobody.";
    PUSH_HELD_BACK = "push-held-back", CONFLICT, "The phone is not asked again yet",
        "It was asked several times, and nobody approved. It is asked again later; prove it in another way meanwhile. Who did not ask should change their password.";
    PROMPT_OVER = "prompt-over", GONE, "The prompt is over",
        "It was answered, taken back, or its time is over. What is asked next is another one.";
    DEVICE_UNKNOWN = "device-unknown", UNAUTHORIZED, "Not an app that may ask here",
        "The request is not signed with the key of an app that is connected: see docs/push-protocol.md. The app may have been removed or reported lost.";
    DEVICE_CLOCK = "device-clock", UNAUTHORIZED, "The app's clock is wrong",
        "The signed time is more than a minute from this server's. Take this answer's `Date`, and sign again.";
    REQUEST_REPEATED = "request-repeated", CONFLICT, "The same request came before",
        "A signed request is good once. Sign again, with another nonce.";
    CHALLENGE_OVER = "challenge-over", GONE, "The challenge is over",
        "It was answered, failed, taken back, or its time is over. Create a new one.";
    ENROLLMENT_OVER = "enrollment-over", GONE, "The enrollment is over",
        "It was confirmed, failed, taken back, or its time is over. Start a new one.";
    VIEW_GONE = "view-gone", GONE, "The key was shown already",
        "A key is shown once. If it was not you who saw it, cancel the enrollment; to get a new key, retry it.";
    VIEW_EXPIRED = "view-expired", GONE, "The time to see the key is over",
        "A key can be seen for a short time only. Retry the enrollment to get a new one.";
    PAGE_OVER = "page-over", GONE, "This page is over",
        "It was finished, its time is over, or there never was one by this link. Go back to where you came from and begin again there.";
    PAGE_OPENED_ELSEWHERE = "page-opened-elsewhere", FORBIDDEN, "This page was opened in another browser",
        "A page works in the browser that opened it first, and in no other. If that was not you, go back to where you came from and begin again there.";
    SESSION_OVER = "session-over", GONE, "The session is over",
        "The session was ended or has expired. Register a new one after the next log-in.";
    EVENTS_EXPIRED = "events-expired", GONE, "These events are not kept any more",
        "Some of the events to go on from were removed, because the time is over for which events are kept. `oldest` is the position of the oldest one there is. Without a cursor, or with `after=0`, a list begins there; `events.expired` events say what was removed.";
    SIGN_IN_NEEDED = "sign-in-needed", UNAUTHORIZED, "Who is there?",
        "The browser is not signed in at this site, or its session is over. `X-Countersign-Location` says where it can sign in: open that in the window.";
    PROOF_NEEDED = "proof-needed", UNAUTHORIZED, "More proof is needed for this",
        "The session is not trusted enough for this request (RFC 9470). `X-Countersign-Location` says where the person can prove more: open that in the window, then send the request again.";
    NOT_ALLOWED = "not-allowed", FORBIDDEN, "This is not allowed",
        "The policy does not allow it to this person, at this time or from this place. Nothing that could be proved would change that.";
    PROXY_UNKNOWN = "proxy-unknown", FORBIDDEN, "Not a proxy that may ask",
        "Who asks about requests to a site shows the key or certificate that is configured for it, exactly once. The site may be called otherwise, too.";
    REQUEST_REFUSED = "request-refused", FORBIDDEN, "This request is not let through",
        "It could be read in several ways, or what the proxy said of it was missing, doubled or not of this site.";
    SIGN_IN_OVER = "sign-in-over", FORBIDDEN, "This link does not sign in any more",
        "A link that signs in is good once, for a minute, and in the browser that was on its way to the login. Go back to the site and begin again there.";
    NOT_PROVED = "not-proved", FORBIDDEN, "Nothing was proved",
        "You went back without. What you wanted to do was not done.";
    STEP_UP_NEEDED = "step-up-needed", FORBIDDEN, "The session is not trusted enough for this",
        "The detail says what has to be proved first.";
    KEY_NOT_SHOWN = "key-not-shown", FORBIDDEN, "The session's key was not shown",
        "The session is bound to a key (`cnf`). Hand over a proof that its client signed for this request to you, in `Client-Proof`: `POST https://… eyJ…`. It has to be of that key and of the method and address that you say, a minute old at most, and serves once. Who cannot sign one is not whoever began the session.";
    POLICY_CHANGED = "policy-changed", PRECONDITION_FAILED, "Another policy came into force meanwhile",
        "`If-Match` names a policy that is not in force any more: somebody else applied one. Look at what is in force now, plan again, and send it with that one's `ETag`. Nothing was changed.";
    POLICY_LOCKS_OUT = "policy-locks-out", CONFLICT, "Nobody would be left who may do anything",
        "By what was decided lately, the policy would deny everybody everything that they did, or every administrator. A plan says whom. Nothing was changed; `allow_lock_out` applies it all the same.";
    PRECONDITION_REQUIRED = "precondition-required", PRECONDITION_REQUIRED, "Which policy is it to come after?",
        "Send the `ETag` of the policy in force, as `GET /v1/policies/current` says it, as `If-Match`: so nobody's change is overwritten unseen.";
    APPLICATIONS_UNSEEN = "applications-unseen", PRECONDITION_REQUIRED, "What was seen of the applications?",
        "Plan the files first, and send the plan's `seen`: so nothing that somebody took from an application since comes back unseen. The detail names those that would change.";
    POLICY_MISTAKEN = "policy-mistaken", UNPROCESSABLE_ENTITY, "The policy does not hold",
        "`mistakes` names each one with file, line and column. Nothing was changed.";
    WORKFLOW_MISTAKEN = "workflow-mistaken", UNPROCESSABLE_ENTITY, "The workflow does not hold",
        "`mistakes` names each one with line and column. Nothing was changed.";
    POLICY_BROKEN = "policy-broken", SERVICE_UNAVAILABLE, "The policy in force cannot be used",
        "What is kept of it is not what was signed, or this release of the server cannot read it. Nothing is decided until another one is applied, the database is restored, or the server is updated; the log says why.";
    GATEWAY_UNAVAILABLE = "gateway-unavailable", SERVICE_UNAVAILABLE, "No message can be sent just now",
        "Every gateway that could carry it failed or is down. Nothing is wrong with what was asked: offer another factor, such as an authenticator app or a backup code, or try again in a few minutes.";
    WEBHOOK_REFUSED = "webhook-refused", UNAUTHORIZED, "The call is not signed as it has to be",
        "A call that starts a workflow is signed as Standard Webhooks are: `webhook-id` without a `.`, `webhook-timestamp` within five minutes of this server's clock, and `webhook-signature` with `v1,` and HMAC-SHA256 by the secret of the trigger. Which of these is wrong, and whether there is such a workflow at all, is told to nobody; the server's events say it (`webhook.refused`).";
    WEBHOOK_LATER = "webhook-later", TOO_MANY_REQUESTS, "Too many calls from there just now",
        "So many calls came from this network that no more are looked at now. Try again in a minute, with the same `webhook-id`.";
    SIGN_IN_LATER = "sign-in-later", TOO_MANY_REQUESTS, "Too many sign in from there just now",
        "So many browsers came to sign in from this network that no more is begun for it now. Try again in a minute.";
    SENT_ALREADY = "sent-already", TOO_MANY_REQUESTS, "It was sent already",
        "The detail says when it can be sent again. Until then: look for the message, or use another factor.";
    LAST_ADMINISTRATOR = "last-administrator", CONFLICT, "Nobody would be left to administer",
        "This is the last valid key of the last application with the admin scope. Make another one first.";
    IDEMPOTENCY_MISMATCH = "idempotency-mismatch", UNPROCESSABLE_ENTITY, "The idempotency key was used for another request",
        "An `Idempotency-Key` stands for one request. Use a new key for a new request.";
    BUSY = "busy", SERVICE_UNAVAILABLE, "Busy",
        "More is waiting than can be answered soon. Nothing was done; try again in a moment.";
    VAULT_DOWN = "vault-down", SERVICE_UNAVAILABLE, "The vault does not answer",
        "The process that holds the keys is not there just now; it is being restarted. Nothing was allowed meanwhile; try again in a moment.";
    KEY_RETIRED = "key-retired", INTERNAL_SERVER_ERROR, "The authenticator's key cannot be opened any more",
        "It is sealed with data keys that the vault has not got: they were retired, or an older keyring was put back. Trying again changes nothing. Restore the keyring that has them, or have the user bind a new authenticator.";
    STORE_DOWN = "store-down", SERVICE_UNAVAILABLE, "The database does not answer or cannot be written",
        "Nothing was acknowledged that is not durable. `countersign doctor` and the log say what is wrong; try again afterwards.";
    CLOCK_JUMPED = "clock-jumped", SERVICE_UNAVAILABLE, "The clock jumped",
        "The server's clock was set by more than 90 seconds. No code is checked until it has been steady for a minute.";
    TIMEOUT = "timeout", SERVICE_UNAVAILABLE, "It took too long",
        "The request was not finished in time. What it asked for may or may not have been done; a repeated request with the same `Idempotency-Key` is safe.";
    INTERNAL = "internal", INTERNAL_SERVER_ERROR, "Something is wrong with the server",
        "A defect, which the log tells of. Nothing was allowed.";
}

impl Problem {
    /// A problem of this kind, with what is wrong this time.
    pub(crate) fn new(kind: &Kind, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("/problems/{}", kind.slug),
            title: kind.title,
            status: kind.status,
            detail: detail.into(),
            errors: Vec::new(),
            oldest: None,
            mistakes: None,
            retry_after: kind.status == StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// A problem of this kind, in the words that explain it.
    pub(crate) fn of(kind: &Kind) -> Self {
        Self::new(kind, kind.meaning)
    }

    /// A policy or a workflow with mistakes, of which the first few are told in one line.
    fn mistaken(kind: &'static Kind, mistakes: Vec<policy::Mistake>) -> Self {
        let errors = mistakes.iter().filter(|mistake| mistake.severity == policy::Severity::Error);
        let told: Vec<String> = errors.clone().take(MOST_TOLD).map(ToString::to_string).collect();
        let (told, more) = (told.join("; "), errors.count().saturating_sub(MOST_TOLD));
        let detail = if more == 0 { told } else { format!("{told} (and {more} more)") };
        Self { mistakes: Some(Box::new(Mistakes(mistakes))), ..Self::new(kind, detail) }
    }

    /// Events before this position are gone.
    fn expired(oldest: i64) -> Self {
        let detail = format!(
            "The events before position {oldest} are not kept any more: begin there, without a cursor or with after=0."
        );
        Self { oldest: Some(oldest), ..Self::new(&EVENTS_EXPIRED, detail) }
    }

    /// A request with flaws.
    pub(crate) fn invalid(errors: Vec<Flaw>) -> Self {
        let first = errors.first().map(|flaw| format!("{}: {}", flaw.pointer, flaw.detail)).unwrap_or_default();
        Self { errors, ..Self::new(&INVALID_REQUEST, first) }
    }

    fn unseen(applications: &[String]) -> Self {
        let names: Vec<String> = applications.iter().map(|name| format!("`{name}`")).collect();
        let detail = format!(
            "It would change {}. Send `seen`, as `POST /v1/policies/plan` says it of these files, or `force` where it does not matter what they are now.",
            names.join(", ")
        );
        Self::new(&APPLICATIONS_UNSEEN, detail)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(what) => {
                Self::new(&NOT_FOUND, format!("There is no such {what}, or it is another application's."))
            }
            Error::Invalid(flaws) => Self::invalid(flaws),
            Error::CountryBlocked => {
                let detail = Error::CountryBlocked.to_string();
                let errors = vec![Flaw { pointer: "/address".to_owned(), detail }];
                Self { errors, ..Self::of(&COUNTRY_BLOCKED) }
            }
            Error::Exists(what) => Self::new(&EXISTS, sentence(what)),
            Error::Conflict(why) => Self::new(&CONFLICT, sentence(why)),
            Error::ProofRejected => Self::of(&PROOF_REJECTED),
            Error::PushHeldBack => Self::of(&PUSH_HELD_BACK),
            Error::PromptOver => Self::of(&PROMPT_OVER),
            Error::DeviceUnknown => Self::of(&DEVICE_UNKNOWN),
            Error::DeviceClock => Self::of(&DEVICE_CLOCK),
            Error::RequestRepeated => Self::of(&REQUEST_REPEATED),
            Error::ChallengeOver => Self::of(&CHALLENGE_OVER),
            Error::EnrollmentOver => Self::of(&ENROLLMENT_OVER),
            Error::ViewGone => Self::of(&VIEW_GONE),
            Error::ViewExpired => Self::of(&VIEW_EXPIRED),
            Error::PageOver => Self::of(&PAGE_OVER),
            Error::PageElsewhere => Self::of(&PAGE_OPENED_ELSEWHERE),
            Error::SessionOver => Self::of(&SESSION_OVER),
            Error::StepUpNeeded(why) => Self::new(&STEP_UP_NEEDED, sentence(why)),
            Error::KeyNotShown => Self::of(&KEY_NOT_SHOWN),
            Error::GatewayUnavailable(channel) => {
                tracing::warn!(channel, "no gateway could send");
                Self::of(&GATEWAY_UNAVAILABLE)
            }
            Error::SentAlready(when) => Self::new(&SENT_ALREADY, sentence(&when)),
            Error::LastAdministrator => Self::of(&LAST_ADMINISTRATOR),
            Error::MayNot(why) => Self::new(&FORBIDDEN, sentence(&why)),
            Error::PolicyChanged => Self::of(&POLICY_CHANGED),
            Error::ApplicationsUnseen(names) => Self::unseen(&names),
            Error::PolicyLocksOut(why) => Self::new(&POLICY_LOCKS_OUT, sentence(&why)),
            Error::PolicyMistaken(mistakes) => Self::mistaken(&POLICY_MISTAKEN, mistakes),
            Error::WorkflowMistaken(mistakes) => Self::mistaken(&WORKFLOW_MISTAKEN, mistakes),
            Error::PolicyBroken { number, why } => {
                tracing::error!(number, why, "the policy cannot be used");
                let detail =
                    format!("The policy with the number {number} cannot be used: {why}. Nothing is decided by it.");
                Self::new(&POLICY_BROKEN, detail)
            }
            Error::EventsExpired { oldest } => Self::expired(oldest),
            Error::IdempotencyMismatch => Self::of(&IDEMPOTENCY_MISMATCH),
            Error::TooManyArrivals => Self::of(&SIGN_IN_LATER),
            Error::WebhookRefused => Self::of(&WEBHOOK_REFUSED),
            Error::TooManyCalls => Self::of(&WEBHOOK_LATER),
            Error::Busy => Self::of(&BUSY),
            Error::ClockJumped => Self::of(&CLOCK_JUMPED),
            Error::VaultDown(why) => {
                tracing::warn!(why, "the vault does not answer");
                Self::of(&VAULT_DOWN)
            }
            Error::KeyRetired(version) => {
                tracing::error!(version, "a key is sealed with data keys that the vault has not got");
                Self::of(&KEY_RETIRED)
            }
            Error::StoreDown(why) => {
                tracing::error!(why, "the store does not answer");
                Self::of(&STORE_DOWN)
            }
            Error::Internal(why) => {
                tracing::error!(why, "a defect");
                Self::of(&INTERNAL)
            }
        }
    }
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"countersign\""));
        }
        response
    }
}

/// Nothing is at this address.
pub(crate) async fn no_such_route() -> Problem {
    Problem::new(&NOT_FOUND, "There is nothing at this address. The API is described at /docs.")
}

/// Something is at this address, but not for this method.
pub(crate) async fn no_such_method() -> Problem {
    Problem::of(&METHOD_NOT_ALLOWED)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_kind_has_a_name_of_its_own() {
        let slugs: BTreeSet<_> = KINDS.iter().map(|kind| kind.slug).collect();
        assert_eq!(slugs.len(), KINDS.len());
    }

    #[test]
    fn what_happened_inside_stays_inside() {
        let problem = Problem::from(Error::Internal("SELECT secret".to_owned()));
        assert!(!serde_json::to_string(&problem).unwrap().contains("SELECT"));
    }
}
