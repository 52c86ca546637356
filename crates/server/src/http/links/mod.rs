//! The pages of links: where a user comes from a message. Looking at one changes nothing, since mail scanners and previews follow links; what it
//! does it does by the button.

mod colour;
mod document;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::{FromRequest, Request, State};
use axum::response::Response;
use axum::routing::get;
use domain::{Link, LinkGives, LinkState};
use gateway::messages::Language;
use http::request::Parts;
use http::{HeaderMap, StatusCode};

use super::Shared;
use super::body::Form;
use super::caller::language;
use super::parameters::Named;
use super::peer::Peer;
use super::problem::{NOT_FOUND, Problem, SIGN_IN_LATER};
use super::v1::enrollments::text;
use crate::app::pages::Token;
use crate::app::workflows::Followed;
use crate::app::{App, Error};
use document::{PRESS, Part, Reader, Said, Sign, Text};
use words::{Said as Says, Words};

pub(super) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/links/{token}", get(show).post(follow))
        .route("/links/{token}/late", axum::routing::post(late))
}

/// Shows what a link does, and does none of it.
async fn show(State(app): Shared, Named(token): Named, parts: Parts) -> Response {
    let reader = reader(&app, &parts);
    let shown = async {
        let link = arrived(&app, &parts, &token).await?;
        Ok(match link.state_at(app.now()) {
            LinkState::Open => {
                let message = Part::Says(reader.says(&link, Says::Message));
                reader.open(&link, vec![message], app.form_value())
            }
            state => reader.too_late(&link, state),
        })
    };
    answer(&app, shown.await, &reader, &token).await
}

/// Does what a link is for. The same form may come twice, by a double click say, and gets the same answer.
async fn follow(State(app): Shared, Named(token): Named, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let reader = reader(&app, &parts);
    let followed = async {
        let link = arrived(&app, &parts, &token).await?;
        let value = form_value(Request::from_parts(parts, body)).await;
        Ok(match app.follow_link(link, value.as_ref()).await? {
            Ok(followed) => reader.followed(&followed),
            Err(link) => reader.too_late(&link, link.state_at(app.now())),
        })
    };
    answer(&app, followed.await, &reader, &token).await
}

/// Tells that somebody came too late.
async fn late(State(app): Shared, Named(token): Named, parts: Parts) -> Response {
    let reader = reader(&app, &parts);
    let told = async {
        let link = arrived(&app, &parts, &token).await?;
        Ok(match app.tell_late(&link).await? {
            LinkState::Open => {
                let works = Part::Says(Text::Ours(reader.words.still_works));
                reader.open(&link, vec![works, Part::Says(reader.says(&link, Says::Message))], app.form_value())
            }
            _ => Said::ending(StatusCode::OK, Sign::Good, reader.words.known),
        })
    };
    answer(&app, told.await, &reader, &token).await
}

/// The link of a token, where there is one. Who comes with another token comes so often and no more, and keeps nobody away who has one.
async fn arrived(app: &App, parts: &Parts, token: &str) -> Result<Link, Problem> {
    if let Some(token) = Token::parse(token) {
        match app.link_by_token(&token).await {
            Ok(link) => return Ok(link),
            Err(Error::NotFound(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    let peer = parts.extensions.get::<Peer>().copied();
    let address = peer.map(|peer| peer.origin(&parts.headers, &app.settings.trusted_proxies));
    Err(if app.lets_stray(address) { Error::NotFound("link").into() } else { Problem::of(&SIGN_IN_LATER) })
}

/// What stood in the form, if it is one of a page of ours that a browser sends. Another site's page could have a browser send a value that somebody else
/// knows as well, who then sees the same answer (T-26); what does not say where it is from can follow a link, and is answered once.
async fn form_value(request: Request) -> Option<Token> {
    if !is_own(request.headers()) {
        return None;
    }
    let form = Form::from_request(request, &()).await.ok()?;
    Token::parse(&form.one(PRESS).ok()?)
}

/// Whether a browser says that one of our pages sent this. In `Origin` it says nothing: our pages tell nobody where somebody comes from.
fn is_own(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin")
}

/// What the person reads, as their browser says; where that is none of ours, what they were written to in, by which they came here.
fn reader(app: &App, parts: &Parts) -> Reader {
    let languages = app.languages(language(&parts.headers));
    Reader { words: Words::of(languages[0]), languages }
}

impl Reader {
    /// What a link says, in the reader's words where they are ours.
    fn says(&self, link: &Link, what: Says) -> Text {
        if let Some(ours) = self.words.instead_of(link, what) {
            return Text::Ours(ours);
        }
        let read = what.of(link).map(|texts| texts.read_in(&self.languages.map(Language::name)));
        let (language, text) = read.unwrap_or_default();
        // What says no language is in the one of messages.
        let [_, written] = self.languages;
        Text::Theirs(text.to_owned(), language.and_then(Language::of_tag).unwrap_or(written))
    }

    /// A link that does what it says.
    fn open(&self, link: &Link, mut parts: Vec<Part>, value: Token) -> Said {
        parts.push(Part::Press(self.says(link, Says::Button), value));
        parts.push(Part::Until(self.words.until, link.expires_at));
        Said { status: StatusCode::OK, sign: None, title: self.says(link, Says::Title), parts }
    }

    /// One that was followed just now.
    fn followed(&self, followed: &Followed) -> Said {
        let Followed { link, codes } = followed;
        let done = match link.done {
            Some(_) => self.says(link, Says::Done),
            None => Text::Ours(self.words.close),
        };
        if codes.is_empty() {
            let parts = vec![Part::Says(done)];
            return Said {
                status: StatusCode::OK,
                sign: Some(Sign::Good),
                title: Text::Ours(self.words.done_title),
                parts,
            };
        }
        let [pass, backup_codes] = self.words.shown_now;
        let shown_now = if link.gives == Some(LinkGives::Pass) { pass } else { backup_codes };
        let codes = Part::Codes(codes.iter().map(text).collect());
        let mut parts = vec![Part::Says(Text::Ours(shown_now)), codes];
        // That the page can be closed is nothing to be read beside something that is shown once.
        parts.extend(link.done.is_some().then_some(Part::Says(done)));
        Said { status: StatusCode::OK, sign: None, title: self.says(link, Says::Title), parts }
    }

    /// One that does nothing any more.
    fn too_late(&self, link: &Link, state: LinkState) -> Said {
        let [title, why] = match state {
            LinkState::Followed => self.words.used,
            LinkState::Over => self.words.over,
            LinkState::Expired | LinkState::Open => self.words.expired,
        };
        let why = match state {
            LinkState::Followed | LinkState::Over => Part::Says(Text::Ours(why)),
            LinkState::Expired | LinkState::Open => Part::Until(why, link.expires_at),
        };
        let about = Part::About(self.says(link, Says::Title));
        let on = Part::Says(Text::Ours(self.words.concerns));
        let parts = vec![why, about, on, Part::Late];
        Said { status: StatusCode::GONE, sign: None, title: Text::Ours(title), parts }
    }

    /// What went wrong, in words that help whoever reads them; the problem's own are for those who call the API.
    fn trouble(&self, problem: &Problem) -> Said {
        let words = match problem.status {
            status if status == NOT_FOUND.status => {
                return Said::ending(status, Sign::Stop, self.words.nowhere);
            }
            StatusCode::TOO_MANY_REQUESTS => self.words.waiting,
            StatusCode::CONFLICT => self.words.changed,
            _ => self.words.busy,
        };
        let mut said = Said::ending(problem.status, Sign::Stop, words);
        said.parts.push(Part::Again);
        said
    }
}

impl Said {
    fn ending(status: StatusCode, sign: Sign, [title, text]: [&'static str; 2]) -> Self {
        Self { status, sign: Some(sign), title: Text::Ours(title), parts: vec![Part::Says(Text::Ours(text))] }
    }
}

async fn answer(app: &App, said: Result<Said, Problem>, reader: &Reader, token: &str) -> Response {
    let said = said.unwrap_or_else(|problem| reader.trouble(&problem));
    // What is no token leads nowhere, and has no button.
    let own = Token::parse(token).map(|token| format!("/links/{}", *token.text())).unwrap_or_default();
    document::page(&said, reader, &own, &app.brand().await)
}
