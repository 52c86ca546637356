//! What loops go through: page by page, by id, so that no page is longer to find than another.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use domain::{Authenticator, AuthenticatorId, AuthenticatorKind, Credential, PageRequest, Timestamp, UserId, UserKind};
use serde_json::{Value, json};
use store::ActiveUser;
use tokio::time::Instant;
use workflow::{Extent, PAGE, Told};

use super::authenticators::kinds;
use super::{Arguments, Fault, no_id, span, text};
use crate::app::{App, Error};

/// How many are looked at for one page: where few of them are wanted, a page may be short, or empty, and not be the last.
const LOOKED_AT: u32 = PageRequest::<()>::MAX;

/// How long it is counted at most how much a loop is about: well within the time for which its run is claimed.
const COUNTS: Duration = Duration::from_secs(5);

/// A page of what a query finds.
pub(in crate::app::workflows) struct Found {
    pub(in crate::app::workflows) items: Vec<Value>,
    pub(in crate::app::workflows) next: Option<String>,
}

impl App {
    /// A page of what a query finds.
    pub(in crate::app::workflows) async fn items_of(
        &self,
        query: &str,
        with: &Arguments,
        cursor: Option<&str>,
    ) -> Result<Result<Found, Fault>, Error> {
        let user = match text(with, "user") {
            Some(said) => match said.parse::<UserId>() {
                Ok(user) => Some(user),
                Err(_) => return Ok(Err(no_id(said, "a user"))),
            },
            None => None,
        };
        let kinds = match kinds(with) {
            Ok(kinds) => kinds,
            Err(fault) => return Ok(Err(fault)),
        };
        Ok(Ok(match (query, user) {
            ("users", _) => self.users_found(with, cursor).await?,
            ("authenticators", _) => self.authenticators_found(kinds, with, cursor).await?,
            ("authenticators_of", Some(user)) => {
                let all = self.store.authenticators_of(user).await?;
                let wanted = all.iter().filter(|one| kinds.as_ref().is_none_or(|kinds| kinds.contains(&one.kind)));
                part(wanted.map(authenticator_item).collect(), cursor)
            }
            ("sessions_of", Some(user)) => {
                let all = self.store.sessions_of(user, self.now()).await?;
                let items = all.iter().map(|one| json!({ "id": one.id, "user": one.user_id, "aal": one.aal.number() }));
                part(items.collect(), cursor)
            }
            _ => return Ok(Err(Fault::final_one(format!("this version cannot answer `{query}` as it is asked")))),
        }))
    }

    /// How much a query finds in all, of which this is the first page.
    pub(in crate::app::workflows) async fn extent(
        &self,
        query: &str,
        with: &Arguments,
        first: &Found,
    ) -> Result<Extent, Error> {
        let mut count = Count::default();
        if first.next.is_none() {
            first.items.iter().for_each(|item| count.add(whose(item)));
            return Ok(count.extent(true));
        }
        let is_whole = match query {
            "users" => self.count_users(with, &mut count).await?,
            "authenticators" => self.count_authenticators(with, &mut count).await?,
            // All of one user.
            _ => {
                first.items.iter().for_each(|item| count.add(whose(item)));
                false
            }
        };
        Ok(count.extent(is_whole))
    }

    async fn count_users(&self, with: &Arguments, count: &mut Count) -> Result<bool, Error> {
        let (wanted, mut page) = (WantedUsers::of(with, self.now()), PageRequest { after: None, limit: LOOKED_AT });
        loop {
            let found = self.store.active_users(page).await?;
            found.items.iter().filter(|one| wanted.has(one)).for_each(|one| count.add(Some(one.user.id)));
            match found.next {
                Some(next) if count.has_time() => page.after = Some(next),
                next => return Ok(next.is_none()),
            }
        }
    }

    async fn count_authenticators(&self, with: &Arguments, count: &mut Count) -> Result<bool, Error> {
        let kinds = kinds(with).unwrap_or_default();
        let (wanted, mut page) =
            (WantedAuthenticators::of(with, kinds, self.now()), PageRequest { after: None, limit: LOOKED_AT });
        loop {
            let found = self.store.authenticators_in_use(page).await?;
            found.items.iter().filter(|one| wanted.has(one)).for_each(|one| count.add(Some(one.user_id)));
            let is_over = found.items.last().is_some_and(|last| wanted.is_too_young(last));
            match found.next {
                Some(next) if !is_over && count.has_time() => page.after = Some(next),
                next => return Ok(is_over || next.is_none()),
            }
        }
    }

    async fn users_found(&self, with: &Arguments, cursor: Option<&str>) -> Result<Found, Error> {
        let wanted = WantedUsers::of(with, self.now());
        let after = cursor.and_then(|cursor| cursor.parse().ok());
        let page = self.store.active_users(PageRequest { after, limit: LOOKED_AT }).await?;
        let found = page.items.into_iter().map(|one| {
            let item = wanted.has(&one).then(|| user_item(&one));
            (one.user.id.to_string(), item)
        });
        Ok(first_of(found, page.next.map(|next| next.to_string())))
    }

    async fn authenticators_found(
        &self,
        kinds: Option<BTreeSet<AuthenticatorKind>>,
        with: &Arguments,
        cursor: Option<&str>,
    ) -> Result<Found, Error> {
        let now = self.now();
        let wanted = WantedAuthenticators::of(with, kinds, now);
        let after: Option<AuthenticatorId> = cursor.and_then(|cursor| cursor.parse().ok());
        let page = self.store.authenticators_in_use(PageRequest { after, limit: LOOKED_AT }).await?;
        let all_are_old = !page.items.iter().any(|one| wanted.is_too_young(one));
        let next = page.next.filter(|_| all_are_old).map(|next| next.to_string());
        let found = page.items.iter().take_while(|one| !wanted.is_too_young(one)).map(|one| {
            let item = wanted.has(one).then(|| authenticator_item(one));
            (one.id.to_string(), item)
        });
        Ok(first_of(found, next))
    }
}

/// Which users are wanted.
struct WantedUsers<'a> {
    group: Option<&'a str>,
    without_authenticator: Option<bool>,
    inactive_since: Option<Timestamp>,
}

impl<'a> WantedUsers<'a> {
    fn of(with: &'a Arguments, now: Timestamp) -> Self {
        let without_authenticator = match with.get("without_authenticator") {
            Some(Told::Value(Value::Bool(without))) => Some(*without),
            _ => None,
        };
        Self { group: text(with, "group"), without_authenticator, inactive_since: ago(with, "inactive_for", now) }
    }

    fn has(&self, one: &ActiveUser) -> bool {
        let is_person = one.user.kind == UserKind::Person;
        self.group.is_none_or(|group| one.user.standing.groups.contains(group))
            && self.without_authenticator.is_none_or(|without| one.has_authenticator != without)
            // A service account does nothing that would be seen here: it is never called inactive.
            && self.inactive_since.is_none_or(|since| is_person && one.last_active_at <= since)
    }
}

/// Which authenticators are wanted, of those in use.
struct WantedAuthenticators<'a> {
    kinds: Option<BTreeSet<AuthenticatorKind>>,
    unused_since: Option<Timestamp>,
    made_before: Option<Timestamp>,
    ends_before: Option<(Timestamp, Timestamp)>,
    model: Option<&'a str>,
}

impl<'a> WantedAuthenticators<'a> {
    fn of(with: &'a Arguments, kinds: Option<BTreeSet<AuthenticatorKind>>, now: Timestamp) -> Self {
        Self {
            kinds,
            unused_since: ago(with, "unused_for", now),
            made_before: ago(with, "older_than", now),
            ends_before: span(with, "expires_within").map(|rest| (now, now.plus(rest))),
            model: text(with, "model"),
        }
    }

    /// They come in the order in which they were made: behind the first that is too young, all are.
    fn is_too_young(&self, one: &Authenticator) -> bool {
        self.made_before.is_some_and(|before| one.created_at > before)
    }

    fn has(&self, one: &Authenticator) -> bool {
        let ends = one.expires_at();
        !self.is_too_young(one)
            && self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&one.kind))
            && self.unused_since.is_none_or(|since| one.last_used_at.unwrap_or(one.created_at) <= since)
            && self.ends_before.is_none_or(|(now, until)| ends.is_some_and(|end| end > now && end <= until))
            && self.model.is_none_or(|model| model_of(one).is_some_and(|own| own.eq_ignore_ascii_case(model)))
    }
}

/// What is counted, for as long as there is time.
struct Count {
    items: u64,
    users: HashSet<UserId>,
    until: Instant,
}

impl Default for Count {
    fn default() -> Self {
        Self { items: 0, users: HashSet::new(), until: Instant::now() + COUNTS }
    }
}

impl Count {
    fn add(&mut self, user: Option<UserId>) {
        self.items += 1;
        self.users.extend(user);
    }

    fn has_time(&self) -> bool {
        Instant::now() < self.until
    }

    fn extent(&self, is_whole: bool) -> Extent {
        let users = u64::try_from(self.users.len()).unwrap_or(u64::MAX);
        Extent { items: self.items, users, is_whole, shut_out: 0 }
    }
}

/// The user that an item is, or is about.
fn whose(item: &Value) -> Option<UserId> {
    ["user", "id"].iter().find_map(|name| item.get(name)?.as_str()?.parse().ok())
}

/// What a passkey or security key says that it is (its AAGUID).
fn model_of(authenticator: &Authenticator) -> Option<&str> {
    match &authenticator.credential {
        Some(Credential::Webauthn(credential)) => credential.facts.get("aaguid").and_then(Value::as_str),
        _ => None,
    }
}

fn user_item(one: &ActiveUser) -> Value {
    let user = &one.user;
    json!({
        "id": user.id, "external_id": user.external_id.as_given(),
        "kind": user.kind.name(), "state": user.state.name(),
        "last_active_at": one.last_active_at,
    })
}

fn authenticator_item(one: &Authenticator) -> Value {
    let mut item = json!({
        "id": one.id, "user": one.user_id, "kind": one.kind.name(), "state": one.state.name(), "label": one.label,
        "rotating": one.rotation_asked_at.is_some(),
    });
    if let (Some(end), Some(item)) = (one.expires_at(), item.as_object_mut()) {
        item.insert("expires_at".to_owned(), json!(end));
    }
    item
}

/// A time so long ago.
fn ago(with: &Arguments, name: &str, now: Timestamp) -> Option<Timestamp> {
    span(with, name).map(|span: Duration| now.minus(span))
}

/// The first of what was found, as many as fit on a page, and where it goes on: behind the last one that was looked at.
fn first_of(found: impl Iterator<Item = (String, Option<Value>)>, next: Option<String>) -> Found {
    let (mut items, mut next) = (Vec::new(), next);
    let mut last = None;
    for (id, item) in found {
        if items.len() == PAGE {
            // There is at least one more to be looked at.
            next = last;
            break;
        }
        items.extend(item);
        last = Some(id);
    }
    Found { items, next }
}

/// A page of items that are there as a whole. The next one goes on after the last item that was seen.
fn part(items: Vec<Value>, cursor: Option<&str>) -> Found {
    let id = |item: &Value| item.get("id").and_then(Value::as_str).map(str::to_owned);
    let mut items = items;
    items.sort_by_key(id);
    if let Some(cursor) = cursor {
        items.retain(|item| id(item).is_some_and(|id| id.as_str() > cursor));
    }
    let more = items.len() > PAGE;
    items.truncate(PAGE);
    let next = items.last().filter(|_| more).and_then(id);
    Found { items, next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_goes_on_behind_the_last_that_was_looked_at() {
        let all = |wanted: fn(usize) -> bool| {
            (0..LOOKED_AT as usize).map(move |n| (n.to_string(), wanted(n).then(|| json!({ "n": n }))))
        };
        // More than fit: the page is full, and goes on behind its last one.
        let found = first_of(all(|_| true), Some("499".to_owned()));
        assert_eq!((found.items.len(), found.next.as_deref()), (PAGE, Some("99")));
        // Few of them: all were looked at.
        let found = first_of(all(|n| n % 50 == 0), Some("499".to_owned()));
        assert_eq!((found.items.len(), found.next.as_deref()), (10, Some("499")));
        // None, and no more.
        let found = first_of(all(|_| false), None);
        assert_eq!((found.items.len(), found.next), (0, None));
        // Exactly a page, and nothing behind it.
        let found = first_of(all(|n| n < PAGE).take(PAGE), None);
        assert_eq!((found.items.len(), found.next), (PAGE, None));
    }
}
