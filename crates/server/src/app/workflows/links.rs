//! Links of runs: what a user can do from a message, once, and for a time.
//!
//! A run knows a link by its id, and what it puts into messages is an address with that id, which leads nowhere. Only as a message leaves does it
//! get a token in its place, another one in each message and on each attempt, of which the hash alone is kept. So nobody who reads the database, a
//! run's history or a backup can follow a link.
//!
//! Following one is an event and nothing else, but for those that give something ([`recovery`](super::recovery)): what comes of it the workflow says,
//! which waits for it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use domain::event::About;
use domain::{
    Event, EventKind, Link, LinkGives, LinkId, LinkState, Page, PageRequest, Run, RunId, SessionId, Texts, UserId,
};
use gateway::messages::Language;
use serde_json::{Map, Value, json};
use store::{ArmLink, Change, Effect, FollowLink};
use workflow::{Input, REASON, Told, event_json};

use super::inside::{Fault, Own};
use super::outside::Errand;
use super::press::Press;
use super::recovery::Followed;
use crate::app::pages::Token;
use crate::app::telling::With;
use crate::app::{Actor, App, Error};

/// The longest texts on a link's page, in characters.
const LONGEST: usize = 1000;
/// The longest time that a link is good.
const LONGEST_LIFETIME: u64 = 30 * 86_400;

/// How many characters an id of a link has.
const ID: usize = LinkId::PREFIX.len() + 32;

pub(super) type Arguments = BTreeMap<String, Told>;

impl App {
    /// What a step does to our own data, links among it.
    pub(super) async fn own_of(
        &self,
        run: &Run,
        action: &str,
        with: &Arguments,
    ) -> Result<Result<(Own, Map<String, Value>), Fault>, Error> {
        match action {
            "link.create" => Ok(self.new_link(run, with)),
            "recovery.issue_pass" => self.new_giving_link(run, with, LinkGives::Pass).await,
            "recovery.issue_backup_codes" => self.new_giving_link(run, with, LinkGives::BackupCodes).await,
            "recovery.withdraw" => self.recovery_withdrawn(run, with).await,
            _ => self.own(run.id, action, with).await,
        }
    }

    fn new_link(&self, run: &Run, with: &Arguments) -> Result<(Own, Map<String, Value>), Fault> {
        let said = text(with, "user").unwrap_or_default();
        let user_id: UserId = said.parse().map_err(|_| Fault::final_one(format!("`{said}` is no id of a user")))?;
        let lifetime = match with.get("valid_for") {
            Some(Told::Value(seconds)) => seconds.as_u64().filter(|seconds| (1..=LONGEST_LIFETIME).contains(seconds)),
            _ => None,
        };
        let lifetime = lifetime.ok_or_else(|| Fault::final_one("a link is good for 30 days at most"))?;
        let now = self.now();
        let link = Link {
            id: LinkId::generate(now, &*self.entropy),
            run_id: run.id,
            workflow: run.workflow.clone(),
            user_id,
            name: cut(text(with, "name").unwrap_or_default()),
            title: texts(with, "title").unwrap_or_else(|| "".into()),
            message: texts(with, "message").unwrap_or_else(|| "".into()),
            button: texts(with, "button").unwrap_or_else(|| "".into()),
            done: texts(with, "done"),
            created_at: now,
            expires_at: now.plus(std::time::Duration::from_secs(lifetime)),
            followed_at: None,
            session_id: None,
            late_at: None,
            is_over: false,
            gives: None,
            authenticator_id: None,
        };
        Ok(self.link_made(link))
    }

    /// What makes a link, and what the step gives: nothing that leads anywhere.
    pub(super) fn link_made(&self, link: Link) -> (Own, Map<String, Value>) {
        let outputs = json!({
            "link": link.id, "url": format!("{}{}", self.links(), link.id), "expires_at": link.expires_at,
        });
        let event = of_link(self.event(EventKind::LinkCreated, None, about(&link)), &link).with("reason", REASON);
        let own = Own { changes: vec![Change::CreateLink(Box::new(link))], events: vec![event] };
        (own, outputs.as_object().cloned().unwrap_or_default())
    }

    /// What the address of a link begins with.
    fn links(&self) -> String {
        format!("{}/links/", self.settings.issuer.trim_end_matches('/'))
    }

    /// Something to do elsewhere, with links in it that can be followed: those of the run itself, which in a message to somebody have to be theirs.
    ///
    /// What says the address of another run's link, or of none, stays as it is, and leads nowhere: it is what somebody wrote into an input, say, who is
    /// not to keep the message back by it.
    pub(super) async fn with_links(&self, mut errand: Errand) -> Result<Errand, Fault> {
        let begins = self.links();
        let Some(run) = errand.idempotency_key.split('/').next().and_then(|run| run.parse::<RunId>().ok()) else {
            return Ok(errand);
        };
        // What goes elsewhere goes to nobody who is known.
        let is_message = matches!(errand.action.as_str(), "notify.mail" | "notify.sms" | "notify.push");
        let to = text(&errand.with, "user").filter(|_| is_message).and_then(|user| user.parse::<UserId>().ok());
        for told in errand.with.values_mut() {
            let Told::Value(value) = told else { continue };
            let mut found = Vec::new();
            each_text(value, &mut |text| found.extend(ids_in(text, &begins)));
            found.sort_unstable();
            found.dedup();
            for id in found {
                let link = self.store.link(id).await.map_err(|error| Fault::for_now(error.to_string()))?;
                let Some(link) = link.filter(|link| link.run_id == run) else { continue };
                let token = Token::random(&*self.entropy);
                let arm = ArmLink { id, run_id: run, to, token: token.hash() };
                let armed = self.commit(Change::ArmLink(arm), Vec::new()).await;
                if armed.map_err(|error| Fault::for_now(error.to_string()))? != Effect::Applied {
                    let why = "a link in it is for somebody else, or gives something that goes to its user alone";
                    return Err(Fault::final_one(why));
                }
                errand.gives |= link.gives.is_some();
                let (from, to) = (format!("{begins}{id}"), format!("{begins}{}", *token.text()));
                errand.tokens.push(token.text());
                each_text(value, &mut |text| *text = text.replace(&from, &to));
            }
        }
        Ok(errand)
    }

    /// Whether whoever comes from there may try another token that is none. Who has a link that there is comes in whatever others try: it is one look by a key.
    pub(crate) fn lets_stray(&self, address: Option<IpAddr>) -> bool {
        self.workflows.strays.let_in(address, self.now())
    }

    /// A link by the token in its address.
    pub(crate) async fn link_by_token(&self, token: &Token) -> Result<Link, Error> {
        self.store.link_by_token(token.hash()).await?.ok_or(Error::NotFound("link"))
    }

    /// What is read by somebody who reads this, what they like best first: where a workflow says something in none of their languages, it is
    /// what messages are written in.
    pub(crate) fn languages(&self, reads: Option<Language>) -> [Language; 2] {
        let written = self.post.as_ref().map(|post| post.language).unwrap_or_default();
        [reads.unwrap_or(written), written]
    }

    /// What stands in the form of one page of a link, and of no other.
    pub(crate) fn form_value(&self) -> Token {
        Token::random(&*self.entropy)
    }

    /// Follows a link that somebody came to by its token, from a page with `value` in its form: who sends the same form again just now is answered the
    /// same. What the link does now, where that is nothing.
    pub(crate) async fn follow_link(&self, link: Link, value: Option<&Token>) -> Result<Result<Followed, Link>, Error> {
        let press = value.map(|value| Press::of(link.id, value)).transpose()?;
        let followed = self.follow_now(link, By::Link(press.as_ref())).await?;
        let (Err(link), Some(press)) = (&followed, press) else { return Ok(followed) };
        match press.before(self, link).await? {
            Some(codes) => Ok(Ok(Followed { link: link.clone(), codes })),
            None => Ok(followed),
        }
    }

    /// Follows a link of a user in a session of theirs, which has to have proved something.
    pub(crate) async fn follow_link_in_session(
        &self,
        actor: &Actor,
        id: LinkId,
        session: SessionId,
    ) -> Result<Link, Error> {
        let session = self.session_in_hand(actor, session).await?;
        let link = self.store.link(id).await?.filter(|link| link.user_id == session.user_id);
        let link = link.ok_or(Error::NotFound("link"))?;
        if !session.is_live(self.now()) {
            return Err(Error::SessionOver);
        }
        if session.aal < domain::Aal::Aal2 {
            return Err(Error::StepUpNeeded("following a link without its message takes a session of AAL2"));
        }
        if link.gives.is_some() {
            // Whoever has such a session makes new backup codes by it.
            return Err(Error::Conflict(
                "what this link gives is shown on its own page alone, or handed over in person",
            ));
        }
        match self.follow_now(link, By::Session(actor, session.id)).await? {
            Ok(followed) => Ok(followed.link),
            Err(_) => Err(Error::Conflict("the link does nothing any more")),
        }
    }

    pub(super) async fn follow_now(&self, mut link: Link, by: By<'_>) -> Result<Result<Followed, Link>, Error> {
        let now = self.now();
        if link.state_at(now) == LinkState::Open {
            let out = self.to_hand_out(&link).await?;
            let session_id = if let By::Session(_, session) = by { Some(session) } else { None };
            let (gives, codes) = out.map_or((None, Vec::new()), |(gives, codes)| (Some(Box::new(gives)), codes));
            let events = self.told_of_following(&link, by, gives.as_deref());
            let authenticator_id = gives.as_ref().map(|gives| gives.set.id);
            let signal = events.first().map(|event| Input::Signal { position: 0, event: event_json(event) });
            let (run_id, signal) = (link.run_id, json!(signal).to_string());
            let follow = FollowLink { id: link.id, session_id, gives, at: now, run_id, signal };
            let once = match by {
                By::Link(Some(press)) => Some(press.record(self, &codes, now)?),
                _ => None,
            };
            if self.commit_once(Change::FollowLink(follow), events, once).await? == Effect::Applied {
                self.workflows.due.notify_one();
                (link.followed_at, link.authenticator_id) = (Some(now), authenticator_id);
                return Ok(Ok(Followed { link, codes }));
            }
            // Somebody else followed it, or its run came to its end.
            link = self.store.link(link.id).await?.ok_or(Error::NotFound("link"))?;
            if link.state_at(now) == LinkState::Open {
                return Err(Error::Conflict("something about the account changed just now: try again"));
            }
        }
        Ok(Err(link))
    }

    /// Tells that somebody came too late by its token, and wants what the link was for: the first time, and no more (W-06, T-33). What the link does now.
    pub(crate) async fn tell_late(&self, link: &Link) -> Result<LinkState, Error> {
        let now = self.now();
        let state = link.state_at(now);
        if state != LinkState::Open && link.late_at.is_none() {
            let event = of_link(self.event(EventKind::LinkExpiredFollowed, None, about(link)), link);
            let event = event.with("reason", state.name());
            self.commit(Change::NoteLateLink { id: link.id, at: now }, event).await?;
        }
        Ok(state)
    }

    /// The links of a user, the newest first.
    pub(crate) async fn links_of(&self, user: UserId, page: PageRequest<LinkId>) -> Result<Page<Link, LinkId>, Error> {
        Ok(self.store.links_of(user, page).await?)
    }
}

/// How a link is followed.
#[derive(Clone, Copy)]
pub(super) enum By<'a> {
    /// By itself: by whoever got the message, and pressed the button of a page.
    Link(Option<&'a Press>),
    /// In a session of its user's.
    Session(&'a Actor, SessionId),
    /// By somebody who hands over what it gives.
    Person(&'a Actor, &'a str),
}

pub(super) fn about(link: &Link) -> About {
    About { user_id: Some(link.user_id), ..About::default() }
}

pub(super) fn of_link(event: Event, link: &Link) -> Event {
    let mut event = event.with("link", link.id.to_string()).with("name", link.name.as_str());
    if let Some(gives) = link.gives {
        event = event.with("gives", gives.name());
    }
    event.with("run", link.run_id.to_string()).with("workflow", link.workflow.as_str())
}

pub(super) fn text<'a>(with: &'a Arguments, name: &str) -> Option<&'a str> {
    match with.get(name) {
        Some(Told::Value(Value::String(text))) => Some(text),
        _ => None,
    }
}

/// What people read on a link's page.
pub(super) fn texts(with: &Arguments, name: &str) -> Option<Texts> {
    match with.get(name) {
        Some(Told::Value(Value::String(text))) => Some(Texts::One(cut(text))),
        Some(Told::Value(Value::Object(each))) => {
            let each = each.iter().filter_map(|(language, text)| Some((language.clone(), cut(text.as_str()?))));
            Some(Texts::Each(each.collect()))
        }
        _ => None,
    }
}

pub(super) fn cut(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// Every text in a value, but for names.
fn each_text(value: &mut Value, what: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => what(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, what)),
        Value::Object(members) => members.values_mut().for_each(|member| each_text(member, what)),
        _ => {}
    }
}

/// The ids of links in a text, where they stand in an address of ours.
fn ids_in(text: &str, begins: &str) -> Vec<LinkId> {
    let ids = text.match_indices(begins).filter_map(|(at, _)| {
        let rest = text.get(at + begins.len()..)?;
        rest.get(..ID)?.parse().ok()
    });
    ids.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w06_links_are_found_in_addresses_of_ours_alone() {
        let begins = "https://mfa.example.org/links/";
        let id: LinkId = "lnk_0197a3c05b7c7d3e8f6a1b2c3d4e5f60".parse().unwrap();
        assert_eq!(ids_in(&format!("See {begins}{id}, or {begins}{id}?x"), begins), [id, id]);
        for other in [
            format!("https://evil.example/links/{id}"),
            format!("{begins}lnk_0197"),
            format!("{begins}usr_0197a3c05b7c7d3e8f6a1b2c3d4e5f60"),
            format!("{begins}ä"),
            begins.to_owned(),
        ] {
            assert_eq!(ids_in(&other, begins), [], "{other}");
        }
    }

    #[test]
    fn w06_every_text_of_a_body_is_looked_at() {
        let mut value = json!({ "a": ["x", { "b": "x" }], "c": 1, "x": "y" });
        each_text(&mut value, &mut |text| *text = text.replace('x', "z"));
        assert_eq!(value, json!({ "a": ["z", { "b": "z" }], "c": 1, "x": "y" }));
    }
}
