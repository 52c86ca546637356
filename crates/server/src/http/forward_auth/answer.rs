//! What a proxy is answered: let it through, with whose it is; lead the browser on; or not.

use axum::response::{Html, IntoResponse, Response};
use domain::ReturnUrl;
use http::{HeaderName, HeaderValue, StatusCode, header};
use policy::{Need, Outcome};

use super::super::problem::{INTERNAL, NOT_ALLOWED, PROOF_NEEDED, Problem, SIGN_IN_NEEDED};
use super::proxy::Page;
use crate::app::Error;
use crate::app::forward_auth::{Checked, Decided};
use crate::sites::PREFIX;

/// By the application's name for the user.
const USER: HeaderName = HeaderName::from_static("remote-user");
/// With commas between them.
const GROUPS: HeaderName = HeaderName::from_static("remote-groups");
/// The same, signed.
const IDENTITY: HeaderName = HeaderName::from_static("x-countersign-identity");
/// Where a script has to lead its window.
const LOCATION: HeaderName = HeaderName::from_static("x-countersign-location");
/// The longest place that is gone back to; else it is the site's first page.
const LONGEST_PLACE: usize = 1024;

/// How a browser is led on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leading {
    /// By a redirect, which the proxy hands on.
    By302,
    /// By 401 with `Location`, of which the proxy's configuration makes a redirect.
    By401,
}

/// The answer to a proxy.
pub(super) fn answer(checked: Result<Checked, Error>, page: &Page, leading: Leading) -> Response {
    let decided = match checked {
        Ok(Checked::Open) => return of_nobody(),
        Ok(Checked::NotSignedIn) => return lead(&Way::sign_in(page, false), page, leading),
        Ok(Checked::Decided(decided)) => decided,
        Err(error) => return refused(Problem::from(error), page.navigates),
    };
    match &decided.decision.verdict.outcome {
        Outcome::Allow => {
            let identified = identified(&decided);
            identified.unwrap_or_else(|| refused(Problem::of(&INTERNAL), page.navigates))
        }
        Outcome::StepUp { need } if need.login => lead(&Way::sign_in(page, true), page, leading),
        Outcome::StepUp { need } => match &decided.decision.challenge {
            Some(challenge) => lead(&Way::step_up(page, &challenge.id.to_string(), need), page, leading),
            None => refused(Problem::of(&INTERNAL), page.navigates),
        },
        Outcome::Enroll { .. } => lead(&Way::enroll(page), page, leading),
        Outcome::Deny => refused(Problem::of(&NOT_ALLOWED), page.navigates),
    }
}

/// 200, and that it is nobody's: a header that was not there Caddy would make up, and others would leave to the browser.
fn of_nobody() -> Response {
    let nobody = HeaderValue::from_static("");
    (StatusCode::OK, [(USER, nobody.clone()), (GROUPS, nobody.clone()), (IDENTITY, nobody)]).into_response()
}

/// 200, with whose it is. `None` where that cannot be said in a header: nobody is let through without a name.
fn identified(decided: &Decided) -> Option<Response> {
    let decision = &decided.decision;
    let text = |text: &str| HeaderValue::from_bytes(text.as_bytes()).ok();
    let mut response = StatusCode::OK.into_response();
    let headers = response.headers_mut();
    headers.insert(USER, text(decision.external_id.as_given())?);
    headers.insert(GROUPS, text(&decided.groups.join(","))?);
    headers.insert(IDENTITY, text(decision.assertion.as_ref()?)?);
    Some(response)
}

/// Where a browser is led, and why.
struct Way {
    to: String,
    problem: Problem,
    /// What `WWW-Authenticate` says.
    challenge: String,
}

impl Way {
    fn new(page: &Page, verb: &str, more: &[(&str, &str)], problem: Problem, challenge: String) -> Self {
        let place = if page.to.len() > LONGEST_PLACE { "/" } else { &page.to };
        let parameters = more.iter().copied().chain([("to", place)]);
        let start = ReturnUrl::parse(&format!("{}{PREFIX}/{verb}", page.origin));
        let to = start.map(|start| start.with_parameters(parameters)).unwrap_or_default();
        Self { to, problem, challenge }
    }

    fn sign_in(page: &Page, again: bool) -> Self {
        let more: &[(&str, &str)] = if again { &[("again", "yes")] } else { &[] };
        let challenge = r#"Bearer realm="countersign""#.to_owned();
        Self::new(page, "start", more, Problem::of(&SIGN_IN_NEEDED), challenge)
    }

    fn step_up(page: &Page, challenge: &str, need: &Need) -> Self {
        let age = need.max_age.map(|age| format!(", max_age=\"{}\"", age.as_secs())).unwrap_or_default();
        let wanted = format!("acr_values=\"aal{}\"{age}", need.aal.number());
        Self::new(page, "step-up", &[("challenge", challenge)], Problem::of(&PROOF_NEEDED), insufficient(&wanted))
    }

    fn enroll(page: &Page) -> Self {
        Self::new(page, "enroll", &[], Problem::of(&PROOF_NEEDED), insufficient("acr_values=\"aal2\""))
    }
}

/// RFC 9470 §3.
fn insufficient(wanted: &str) -> String {
    let why = "error_description=\"More proof is needed for this\"";
    format!("Bearer realm=\"countersign\", error=\"insufficient_user_authentication\", {why}, {wanted}")
}

fn lead(way: &Way, page: &Page, leading: Leading) -> Response {
    let (Ok(to), Ok(challenge)) = (HeaderValue::from_str(&way.to), HeaderValue::from_str(&way.challenge)) else {
        return refused(Problem::of(&INTERNAL), page.navigates);
    };
    if page.navigates && leading == Leading::By302 {
        return (StatusCode::FOUND, [(header::LOCATION, to)]).into_response();
    }
    let mut response = way.problem.clone().into_response();
    let headers = response.headers_mut();
    headers.insert(header::WWW_AUTHENTICATE, challenge);
    // A script that followed a redirect would end at another site, which does not answer it.
    headers.insert(if page.navigates { header::LOCATION } else { LOCATION }, to);
    response
}

/// No, in words for a person where one looks at it. A proxy takes 401 for being led on, and other 4xx for a mistake of its own.
pub(super) fn refused(mut problem: Problem, navigates: bool) -> Response {
    if problem.status.is_client_error() {
        problem.status = StatusCode::FORBIDDEN;
    }
    if navigates { page(&problem, None) } else { problem.into_response() }
}

/// A problem as a page, with a way on if there is one.
pub(super) fn page(problem: &Problem, on: Option<(&str, &str)>) -> Response {
    let link = on.map(|(to, words)| format!("<p><a href=\"{}\">{}</a></p>", escaped(to), escaped(words)));
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><h1>{title}</h1><p>{detail}</p>{link}",
        title = escaped(problem.title),
        detail = escaped(&problem.detail),
        link = link.unwrap_or_default(),
    );
    let mut response = (problem.status, Html(body)).into_response();
    if problem.status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
