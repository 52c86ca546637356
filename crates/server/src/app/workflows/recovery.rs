//! What recoveries hand out: a pass, or new backup codes (T-31).
//!
//! A step of a run hands out nothing itself. It makes a [link](super::links), and what that gives is made as somebody follows it: the vault makes the
//! codes, their hashes are kept in the commit that has the link followed, and they are shown in the answer to that, once. So there is nothing to be found
//! in a run, its history, an event, a message or the database, and nothing of it is there before its user comes.
//!
//! A pass is a set of backup codes with one code and an end: it goes through the one door of proofs, with the failure budget and the level of those.

use std::time::Duration;

use domain::event::About;
use domain::{
    AuthenticatorKind, AuthenticatorState, Event, EventKind, Link, LinkGives, LinkId, LinkState, Run, UserState,
};
use serde_json::{Map, Value};
use store::{Change, HandOut};
use vault_proto::Secret;
use workflow::{REASON, Told};

use super::inside::{Fault, MOST, Own};
use super::links::{Arguments, By, about, cut, of_link, text, texts};
use crate::app::factors::{Wanted, new_set, set_of};
use crate::app::telling::With;
use crate::app::{Actor, App, Error};

/// The longest time for which something waits to be handed out.
const LONGEST_LIFETIME: Duration = Duration::from_hours(7 * 24);

/// What came of following a link.
#[derive(Debug)]
pub(crate) struct Followed {
    /// It, followed.
    pub(crate) link: Link,
    /// What it gave, in the clear this once; none, where it gives nothing.
    pub(crate) codes: Vec<Secret>,
}

/// What an action is to write and gives, or why it does not.
type Done = Result<Result<(Own, Map<String, Value>), Fault>, Error>;

impl App {
    /// A link that hands something out.
    pub(super) async fn new_giving_link(&self, run: &Run, with: &Arguments, gives: LinkGives) -> Done {
        let user = match self.user_meant(with).await? {
            Ok(user) => user,
            Err(fault) => return Ok(Err(fault)),
        };
        let lifetime = match with.get("valid_for") {
            Some(Told::Value(seconds)) => seconds.as_u64().map(Duration::from_secs),
            _ => None,
        };
        let Some(lifetime) = lifetime.filter(|time| !time.is_zero() && *time <= LONGEST_LIFETIME) else {
            return Ok(Err(Fault::final_one("what a recovery hands out waits for 7 days at most")));
        };
        let words = |name: &str, otherwise: &str| texts(with, name).unwrap_or_else(|| otherwise.into());
        let offer = offered(gives);
        let now = self.now();
        Ok(Ok(self.link_made(Link {
            id: LinkId::generate(now, &*self.entropy),
            run_id: run.id,
            workflow: run.workflow.clone(),
            user_id: user.id,
            name: cut(text(with, "name").unwrap_or(gives.name())),
            title: words("title", offer.title),
            message: words("message", offer.message),
            button: words("button", offer.button),
            done: Some(words("done", offer.done)),
            created_at: now,
            expires_at: now.plus(lifetime),
            followed_at: None,
            session_id: None,
            late_at: None,
            is_over: false,
            gives: Some(gives),
            authenticator_id: None,
        })))
    }

    /// Takes back what a run hands out to a user: links that are open do nothing any more, and of what was handed out, nothing is left that came of it.
    /// Who had it may have added authenticators and begun sessions by it, so all of theirs goes that is no older.
    pub(super) async fn recovery_withdrawn(&self, run: &Run, with: &Arguments) -> Done {
        let user = match self.user_meant(with).await? {
            Ok(user) => user,
            Err(fault) => return Ok(Err(fault)),
        };
        let (now, mut all) = (self.now(), Vec::new());
        let links = self.store.giving_links_of(run.id).await?;
        let links: Vec<Link> = links.into_iter().filter(|link| link.user_id == user.id).collect();
        for link in links.iter().filter(|link| link.state_at(now) == LinkState::Open) {
            let event = of_link(self.event(EventKind::LinkWithdrawn, None, about(link)), link);
            all.push((Change::WithdrawLink { id: link.id, at: now }, event));
        }
        if let Some(since) = links.iter().filter_map(|link| link.followed_at).min() {
            for session in self.store.sessions_of(user.id, now).await?.iter().filter(|one| one.created_at >= since) {
                all.push(self.session_over(None, session, None));
            }
            let authenticators = self.store.authenticators_of(user.id).await?;
            for one in authenticators.iter().filter(|one| one.is_bound() && one.activated_at >= Some(since)) {
                all.push(self.authenticator_into(None, one, AuthenticatorState::Revoked, None));
            }
        }
        let mut own = Own::default();
        for (change, event) in all.into_iter().take(MOST) {
            own.changes.push(change);
            own.events.push(event.with("reason", REASON).with("run", run.id.to_string()));
        }
        let count = own.changes.len();
        Ok(Ok((own, Map::from_iter([("count".to_owned(), Value::from(count))]))))
    }

    /// What a link gives, made now, with its codes in the clear; nothing, if it gives nothing.
    pub(super) async fn to_hand_out(&self, link: &Link) -> Result<Option<(HandOut, Vec<Secret>)>, Error> {
        let Some(gives) = link.gives else { return Ok(None) };
        if self.user(link.user_id).await?.state != UserState::Active {
            return Err(Error::Conflict("the account is locked: ask whoever runs this service"));
        }
        let made = match gives {
            LinkGives::Pass => {
                let wanted = Wanted { count: 1, label: "Recovery pass", ends_at: Some(link.expires_at) };
                Some(set_of(self, link.user_id, wanted).await?)
            }
            LinkGives::BackupCodes => new_set(self, link.user_id).await?,
        };
        let Some(((set, codes), shown)) = made else {
            return Err(Error::Conflict("the policy gives no backup codes (`recovery.backup_codes: 0`)"));
        };
        let existing = self.store.authenticators_of(link.user_id).await?;
        let seen = existing.iter().find(|one| one.kind == AuthenticatorKind::BackupCodes && one.is_bound());
        Ok(Some((HandOut { gives, seen: seen.map(|one| one.id), set, codes }, shown)))
    }

    /// What is told of a link that is followed, and of what it gives.
    pub(super) fn told_of_following(&self, link: &Link, by: By<'_>, gives: Option<&HandOut>) -> Vec<Event> {
        let (actor, session_id, name, person) = match by {
            By::Link(_) => (None, None, "link", None),
            By::Session(actor, session) => (Some(actor), Some(session), "session", None),
            By::Person(actor, person) => (Some(actor), None, "person", Some(("person", person.to_owned()))),
        };
        let of = |authenticator_id| About { authenticator_id, session_id, ..about(link) };
        let set = gives.map(|gives| gives.set.id);
        let followed = of_link(self.event(EventKind::LinkFollowed, actor, of(set)), link).with("by", name);
        let mut events = vec![followed.detailed(self.details(person))];
        if let Some(HandOut { set, seen, .. }) = gives {
            let activated = self.event(EventKind::AuthenticatorActivated, actor, of(Some(set.id)));
            events.push(activated.with("kind", set.kind.name()));
            if let Some(seen) = seen {
                let revoked = self.event(EventKind::AuthenticatorRevoked, actor, of(Some(*seen)));
                events.push(revoked.with("kind", set.kind.name()).with("reason", "replaced"));
            }
        }
        events
    }

    /// Hands over what a link gives by somebody who sees its user in person: the same as its page, once.
    pub(crate) async fn hand_over_link(&self, actor: &Actor, id: LinkId, person: &str) -> Result<Followed, Error> {
        let link = self.store.link(id).await?.filter(|link| link.gives.is_some()).ok_or(Error::NotFound("link"))?;
        let known = self.user_called(person).await?;
        let Some(known) = known.filter(|user| user.state == UserState::Active) else {
            return Err(Error::invalid("/person", "is no user here who is active: who hands something over is known"));
        };
        if known.id == link.user_id {
            return Err(Error::Conflict("nobody hands something over to themselves"));
        }
        // Or else one person asks for a way into an account and is given it.
        let beside = self.asked_beside(link.run_id).await?;
        for requester in self.run(link.run_id).await?.requester.into_iter().chain(beside) {
            match self.user_called(&requester).await? {
                Some(requester) if requester.id != known.id => {}
                Some(_) => return Err(Error::Conflict("who asked for it does not hand it over: somebody else does")),
                None => {
                    return Err(Error::Conflict(
                        "who asked for it is no user here, so that it cannot be told whether it is somebody else who hands it over",
                    ));
                }
            }
        }
        match self.follow_now(link, By::Person(actor, &known.id.to_string())).await? {
            Ok(followed) => Ok(followed),
            Err(_) => Err(Error::Conflict("the link does nothing any more")),
        }
    }
}

/// What the page of a link says.
pub(crate) struct Offer {
    pub(crate) title: &'static str,
    pub(crate) message: &'static str,
    pub(crate) button: &'static str,
    pub(crate) done: &'static str,
}

/// What the page of a link says where its workflow says nothing else. The page says it in the language of whoever reads it, which nobody knows as the
/// link is made.
pub(crate) const fn offered(gives: LinkGives) -> Offer {
    match gives {
        LinkGives::Pass => Offer {
            title: "Your way back in",
            message: "You get a code here that counts once, in the place of your devices. It is shown once. Your backup codes, if you had any, count for nothing from then on.",
            button: "Show my code",
            done: "Keep it to yourself: whoever runs this service never asks for it.",
        },
        LinkGives::BackupCodes => Offer {
            title: "Your new backup codes",
            message: "You get new backup codes here. They are shown once: have something to write with. Those that you had count for nothing from then on.",
            button: "Show my codes",
            done: "Keep them to yourself: whoever runs this service never asks for them.",
        },
    }
}
