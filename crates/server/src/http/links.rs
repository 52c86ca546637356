//! The pages of links: where a user comes from a message. Looking at one changes nothing, since mail scanners and previews follow links; what it
//! does it does by the button.

use std::sync::Arc;

use aws_lc_rs::digest;
use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use data_encoding::BASE64;
use domain::{Link, LinkState};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use zeroize::Zeroizing;

use super::Shared;
use super::parameters::Named;
use super::peer::Peer;
use super::problem::{NOT_FOUND, Problem, SIGN_IN_LATER};
use super::v1::enrollments::text;
use crate::Brand;
use crate::app::pages::Token;
use crate::app::workflows::Followed;
use crate::app::{App, Error};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/links/{token}", get(show).post(follow))
        .route("/links/{token}/late", axum::routing::post(late))
}

/// Shows what a link does, and does none of it.
async fn show(State(app): Shared, Named(token): Named, parts: Parts) -> Response {
    let shown = async {
        let token = arrived(&app, &parts, &token)?;
        let link = app.link_by_token(&token).await?;
        Ok(match link.state_at(app.now()) {
            LinkState::Open => Said {
                title: link.title.clone(),
                button: Some((String::new(), link.button.clone())),
                ..Said::new(vec![link.message.clone(), format!("This works once, until {}.", until(&link))])
            },
            state => too_late(&link, state),
        })
    };
    answer(&app, shown.await, &token).await
}

/// Does what a link is for.
async fn follow(State(app): Shared, Named(token): Named, parts: Parts) -> Response {
    let followed = async {
        let token = arrived(&app, &parts, &token)?;
        Ok(match app.follow_link(&token).await? {
            Ok(Followed { link, codes }) => Said {
                title: if codes.is_empty() { "Done".to_owned() } else { link.title.clone() },
                codes: codes.iter().map(text).collect(),
                ..Said::new(vec![link.done.clone().unwrap_or_else(|| "You can close this page.".to_owned())])
            },
            Err(link) => too_late(&link, link.state_at(app.now())),
        })
    };
    answer(&app, followed.await, &token).await
}

/// Tells that somebody came too late.
async fn late(State(app): Shared, Named(token): Named, parts: Parts) -> Response {
    let told = async {
        let token = arrived(&app, &parts, &token)?;
        let link = app.tell_late(&token).await?;
        Ok(match link.state_at(app.now()) {
            LinkState::Open => Said {
                title: link.title.clone(),
                button: Some((format!("/links/{}", *token.text()), link.button.clone())),
                ..Said::new(vec!["This link still works.".to_owned(), link.message.clone()])
            },
            _ => Said {
                title: "We know that you came".to_owned(),
                ..Said::new(vec![
                    "What is done for you now goes to the address that we know of you already. If nothing comes, and it is \
                     urgent, call whoever runs this service."
                        .to_owned(),
                ])
            },
        })
    };
    answer(&app, told.await, &token).await
}

/// The token, of whoever may come in.
fn arrived(app: &App, parts: &Parts, token: &str) -> Result<Token, Problem> {
    let peer = parts.extensions.get::<Peer>().copied();
    let address = peer.map(|peer| peer.origin(&parts.headers, &app.settings.trusted_proxies));
    if !app.arrivals.let_in(address, app.now()) {
        return Err(Problem::of(&SIGN_IN_LATER));
    }
    Token::parse(token).ok_or_else(|| Problem::from(Error::NotFound("link")))
}

/// What a page says.
struct Said {
    status: StatusCode,
    title: String,
    words: Vec<String>,
    /// What it shows once.
    codes: Vec<Zeroizing<String>>,
    /// Where its button leads, and what stands on it.
    button: Option<(String, String)>,
}

impl Said {
    fn new(words: Vec<String>) -> Self {
        Self { status: StatusCode::OK, title: String::new(), words, codes: Vec::new(), button: None }
    }
}

fn too_late(link: &Link, state: LinkState) -> Said {
    let (title, why) = match state {
        LinkState::Followed => ("This link was used already", "It works once.".to_owned()),
        LinkState::Over => ("This link does nothing any more", "What it was for has come to its end.".to_owned()),
        LinkState::Expired | LinkState::Open => ("This link has expired", format!("It worked until {}.", until(link))),
    };
    let on = format!("It was about: {}. If that still concerns you, say so, and we go on from there.", link.title);
    Said {
        status: StatusCode::GONE,
        title: title.to_owned(),
        button: Some(("late".to_owned(), "It still concerns me".to_owned())),
        ..Said::new(vec![why, on])
    }
}

fn until(link: &Link) -> String {
    let text = link.expires_at.to_string();
    format!("{} UTC", text.get(..16).unwrap_or(&text).replace('T', " "))
}

async fn answer(app: &App, said: Result<Said, Problem>, token: &str) -> Response {
    let mut said = said.unwrap_or_else(|problem| {
        let unknown = problem.status == NOT_FOUND.status;
        let words = if unknown {
            "There is no such link, or not any more. See whether the whole address was copied; else ask whoever runs this service."
        } else {
            &problem.detail
        };
        let title = if unknown { "This link leads nowhere" } else { problem.title };
        Said { status: problem.status, title: title.to_owned(), ..Said::new(vec![words.to_owned()]) }
    });
    if let Some((to, _)) = &mut said.button
        && let Some(token) = Token::parse(token)
    {
        let own = format!("/links/{}", *token.text());
        *to = match to.as_str() {
            "late" => format!("{own}/late"),
            _ => own,
        };
    }
    page(&said, &app.brand().await)
}

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:12vh auto;padding:0 1.25rem;color:#1a1c20;background:#fff}\
    h1{font-size:1.5rem;line-height:1.25;text-wrap:balance}p{white-space:pre-line;overflow-wrap:anywhere}\
    .codes{list-style:none;padding:0;font:600 1.25rem/1.9 ui-monospace,monospace;letter-spacing:.04em}.by{color:#5b6069;font-size:.9rem}button{font:inherit;font-weight:600;padding:.7rem 1.2rem;border:0;border-radius:.5rem;\
    background:#1a4fd6;color:#fff;cursor:pointer}button:focus-visible{outline:3px solid #1a4fd6;outline-offset:3px}\
    @media(prefers-color-scheme:dark){body{color:#e8eaee;background:#14161a}.by{color:#a2a8b3}button{background:#7ba2ff;color:#0d1220}}";

fn page(said: &Said, brand: &Brand) -> Response {
    let paragraphs = said.words.iter().filter(|words| !words.is_empty());
    let words: Vec<String> = paragraphs.map(|words| format!("<p>{}</p>", escaped(words))).collect();
    let words = words.concat();
    let codes: Vec<Zeroizing<String>> =
        said.codes.iter().map(|code| Zeroizing::new(format!("<li>{}</li>", escaped(code)))).collect();
    let mut list = Zeroizing::new(String::new());
    if !codes.is_empty() {
        list.push_str("<ul class=\"codes\">");
        for code in &codes {
            list.push_str(code);
        }
        list.push_str("</ul>");
    }
    let button = said.button.as_ref().map(|(to, words)| {
        format!("<form method=\"post\" action=\"{}\"><button>{}</button></form>", escaped(to), escaped(words))
    });
    let by = brand.name.as_ref().map(|name| format!("<p class=\"by\">{}</p>", escaped(name)));
    let body = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"robots\" content=\"noindex\"><title>{title}</title><style>{STYLE}</style>{by}<h1>{title}</h1>{list}{words}{button}",
        title = escaped(&said.title),
        list = *list,
        by = by.unwrap_or_default(),
        button = button.unwrap_or_default(),
    );
    let mut response = (said.status, Html(body)).into_response();
    let style = BASE64.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()).as_ref());
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin"));
    response
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
