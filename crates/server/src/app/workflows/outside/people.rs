//! Messages to people, by the gateways that carry codes and within the same budgets (T-24).

use std::collections::HashSet;
use std::time::Duration;

use domain::{Authenticator, AuthenticatorKind, AuthenticatorState, Credential, UserId};
use gateway::messages::{MailText, SmsText};
use gateway::{Delivery, Outcome, Refused};
use serde_json::Value;
use store::Change;

use super::{Errand, Given, nobody, text};
use crate::app::App;
use crate::app::sending::{Post, measure};
use crate::app::workflows::inside::Fault;

/// The most messages that the networks make of one text.
const MOST_PARTS: usize = 4;
/// How long a message is of use.
const USEFUL: Duration = Duration::from_hours(24);

/// From when on a mailbox, a phone or an app is told in the place of an older one.
const SETTLED: Duration = Duration::from_hours(14 * 24);

impl App {
    /// To every mailbox that was proved, each once: who adds one of their own quiets none of the others. What hands something out goes to one, and to
    /// none that may have been added for it (T-31).
    pub(super) async fn mail(&self, errand: &Errand) -> Given {
        let post = self.post.as_ref().ok_or_else(nobody)?;
        let mailboxes = self.reached_by(errand, AuthenticatorKind::Email, "mailbox").await?;
        let mailboxes = if errand.gives { the_first(mailboxes) } else { each_once(mailboxes) };
        let (subject, message) =
            (text(errand, "subject").unwrap_or_default(), text(errand, "message").unwrap_or_default());
        let mail = MailText::plain(subject, message, post.language);
        let are_several = mailboxes.len() > 1;
        let was_told = |one: &Authenticator| errand.parts.before.contains(&one.id.to_string());
        let (before, left): (Vec<_>, Vec<_>) = mailboxes.into_iter().partition(was_told);
        // Each has a time of its own, so that one that hangs takes nothing from what came of the others.
        let (now, patience) = (self.now(), errand.patience * 3 / 4);
        let sending = left.iter().map(async |mailbox| {
            let sending = async { self.sent(AuthenticatorKind::Email, post.notify(mailbox, &mail, now).await).await };
            let sent = tokio::time::timeout(patience, sending).await;
            let sent = sent.unwrap_or_else(|_| Err(Fault::for_now("it did not come back in time")));
            if sent.is_ok() && are_several {
                // At once: the attempt may be given up while another mailbox is waited for, or this server end.
                errand.parts.done(mailbox.id.to_string());
            }
            sent
        });
        of_several(before.len(), futures_util::future::join_all(sending).await, errand.is_last)
    }

    /// To the number that was proved.
    pub(super) async fn sms(&self, errand: &Errand) -> Given {
        let post = self.post.as_ref().ok_or_else(nobody)?;
        let text = SmsText::new(text(errand, "message").unwrap_or_default());
        let parts = text.parts();
        if parts > MOST_PARTS {
            return Err(Fault::final_one(format!(
                "the message is {parts} text messages long, and {MOST_PARTS} are sent at most"
            )));
        }
        let phone = first(self.reached_by(errand, AuthenticatorKind::Sms, "phone number").await?)?;
        let delivery = post.notify_by_sms(&phone, &text, USEFUL, self.now()).await;
        self.sent(AuthenticatorKind::Sms, delivery).await
    }

    /// To the user's app, where one was installed from a shop: a browser shows what it finds here, and no message that wakes it up.
    pub(super) async fn push(&self, errand: &Errand) -> Given {
        let post = self.post.as_ref().ok_or_else(nobody)?;
        if errand.gives {
            return Err(Fault::final_one(
                "a link that hands something out is in no message to an app: others read it on its way",
            ));
        }
        let app = first(self.reached_by(errand, AuthenticatorKind::Push, "app").await?)?;
        let title = self.brand().await.name.or_else(|| self.settings.issuer_name.clone());
        let title = title.unwrap_or_else(|| "Countersign".to_owned());
        let message = text(errand, "message").unwrap_or_default();
        match crate::app::factors::push::tell_app(post, &app, title, message.to_owned(), USEFUL).await {
            Some(delivery) => self.sent(AuthenticatorKind::Push, Ok(delivery)).await,
            None => Err(Fault::final_one("the user's app is woken up by no push service that shows messages")),
        }
    }

    /// How a user is reached: by what they proved, and used last; what was added a short while ago takes no notices away from what was there before,
    /// since it may be what they are about, and comes last. It is given nothing that hands something out.
    async fn reached_by(
        &self,
        errand: &Errand,
        kind: AuthenticatorKind,
        called: &str,
    ) -> Result<Vec<Authenticator>, Fault> {
        let user = text(errand, "user").unwrap_or_default();
        let user: UserId = user.parse().map_err(|_| Fault::final_one(format!("`{user}` is no id of a user")))?;
        let authenticators =
            self.store.authenticators_of(user).await.map_err(|error| Fault::for_now(error.to_string()))?;
        let now = self.now();
        let is_settled = |one: &Authenticator| one.activated_at.is_some_and(|at| now.since(at) >= SETTLED);
        let is_meant = |one: &Authenticator| {
            one.kind == kind && one.state == AuthenticatorState::Active && (!errand.gives || is_settled(one))
        };
        let mut reached: Vec<Authenticator> = authenticators.into_iter().filter(is_meant).collect();
        if reached.is_empty() {
            let old = if errand.gives { " two weeks ago or longer" } else { "" };
            return Err(Fault::final_one(format!("the user has no {called} that was proved{old}")));
        }
        reached.sort_by_key(|one| std::cmp::Reverse((is_settled(one), one.last_used_at)));
        Ok(reached)
    }

    /// What became of a message; and of the gateways by it, which is told.
    async fn sent(&self, kind: AuthenticatorKind, delivery: Result<Delivery, Refused>) -> Given {
        let delivery = match delivery {
            Ok(delivery) => delivery,
            Err(refused) => {
                Post::count_withheld(kind, refused);
                let (budget, until) = (refused.why.name(), refused.until);
                let message = format!("a budget for {} is used up ({budget}), until {until}", kind.name());
                let after = Some(until.since(self.now()));
                return Err(Fault { after, ..Fault::for_now(message) });
            }
        };
        measure(kind, &delivery);
        let events: Vec<_> = self.told_of_gateways(&delivery).collect();
        if !events.is_empty()
            && let Err(error) = self.commit(Change::Tell, events).await
        {
            // The message is gone already: that it cannot be told how the gateways are takes it back from nobody.
            tracing::warn!(%error, "what became of gateways could not be told");
        }
        delivered(kind, delivery)
    }
}

fn first(reached: Vec<Authenticator>) -> Result<Authenticator, Fault> {
    reached.into_iter().next().ok_or_else(|| Fault::final_one("the user cannot be reached so"))
}

fn the_first(mut reached: Vec<Authenticator>) -> Vec<Authenticator> {
    reached.truncate(1);
    reached
}

/// One authenticator for each address.
fn each_once(mailboxes: Vec<Authenticator>) -> Vec<Authenticator> {
    let mut seen = HashSet::new();
    let address = |one: &Authenticator| match &one.credential {
        Some(Credential::Email(address)) => address.clone(),
        _ => String::new(),
    };
    mailboxes.into_iter().filter(|one| seen.insert(address(one))).collect()
}

/// What an attempt amounts to that told several: done, where all were told who can be; to be tried again for the others, where another attempt may reach
/// them; and in vain, where nobody was. Once no other attempt follows it is enough that somebody was: or else a mailbox that takes nothing, which anybody
/// can add, would have the step fail, and what was done before it undone.
fn of_several(before: usize, results: Vec<Given>, is_last: bool) -> Given {
    let (mut count, all) = (before, before + results.len());
    let (mut given, mut later, mut never) = (None, None, None);
    for result in results {
        match result {
            Ok(outputs) => {
                count += 1;
                given.get_or_insert(outputs);
            }
            Err(fault) if fault.again => drop(later.get_or_insert(fault)),
            Err(fault) => drop(never.get_or_insert(fault)),
        }
    }
    let of = |fault: Fault| {
        let message = if all > 1 { format!("{count} of {all} were told: {}", fault.message) } else { fault.message };
        Fault { message, ..fault }
    };
    match (later, never) {
        (Some(fault), _) if count == 0 || !is_last => Err(of(fault)),
        (None, Some(fault)) if count == 0 => Err(of(fault)),
        _ => {
            let mut outputs = given.unwrap_or_default();
            outputs.insert("count".to_owned(), count.into());
            Ok(outputs)
        }
    }
}

fn delivered(kind: AuthenticatorKind, delivery: Delivery) -> Given {
    match delivery.outcome {
        Outcome::Sent { gateway, reference } => {
            let reference = reference.map(|reference| ("reference".to_owned(), Value::from(reference)));
            Ok([("gateway".to_owned(), gateway.into())].into_iter().chain(reference).collect())
        }
        Outcome::Undeliverable(fault) => {
            Err(Fault::final_one(format!("the user cannot be reached by {}: {fault:?}", kind.name())))
        }
        Outcome::Unavailable { .. } => Err(Fault::for_now(format!("no gateway can send by {} now", kind.name()))),
    }
}

#[cfg(test)]
mod tests {
    use domain::AuthenticatorId;

    use super::*;

    fn outputs() -> serde_json::Map<String, Value> {
        serde_json::Map::from_iter([("gateway".to_owned(), "main".into())])
    }

    #[test]
    fn t31_a_mailbox_that_cannot_be_reached_holds_no_other_up_and_is_not_forgotten() {
        let all = of_several(0, vec![Ok(outputs()), Ok(outputs())], false).unwrap();
        assert_eq!((&all["gateway"], &all["count"]), (&"main".into(), &2.into()));
        // One that never takes anything: the others were told.
        let gone = || Err(Fault::final_one("gone"));
        assert_eq!(of_several(0, vec![gone(), Ok(outputs())], false).unwrap()["count"], 1);
        assert_eq!(of_several(1, vec![gone()], false).unwrap()["count"], 1);
        // Nobody was.
        let nobody = of_several(0, vec![gone(), gone()], false).unwrap_err();
        assert_eq!((nobody.message.as_str(), nobody.again), ("0 of 2 were told: gone", false));
        assert_eq!(of_several(0, vec![gone()], false).unwrap_err().message, "gone");
        // Somebody may be yet, and is tried again.
        let busy = of_several(1, vec![gone(), Err(Fault::for_now("busy")), Ok(outputs())], false).unwrap_err();
        assert_eq!((busy.message.as_str(), busy.again), ("2 of 4 were told: busy", true));
        // Once nobody tries again, one that is always busy takes nothing back of what the others were told.
        let busy = || Err(Fault::for_now("busy"));
        assert_eq!(of_several(0, vec![busy(), Ok(outputs())], true).unwrap()["count"], 1);
        assert_eq!(of_several(0, vec![busy(), busy()], true).unwrap_err().message, "0 of 2 were told: busy");
    }

    fn mailbox(number: u128, address: &str) -> Authenticator {
        let at = domain::Timestamp::from_unix_millis(0);
        Authenticator {
            id: AuthenticatorId::from_uuid(uuid::Uuid::from_u128(number)),
            user_id: UserId::from_uuid(uuid::Uuid::nil()),
            device_id: None,
            kind: AuthenticatorKind::Email,
            state: AuthenticatorState::Active,
            label: String::new(),
            sealed: None,
            credential: Some(Credential::Email(address.to_owned())),
            last_step: 0,
            failures: 0,
            open: domain::Wait::default(),
            trusted: domain::Wait::default(),
            created_at: at,
            activated_at: Some(at),
            last_used_at: None,
            ends_at: None,
            rotation_asked_at: None,
        }
    }

    #[test]
    fn t31_a_mailbox_that_was_proved_twice_gets_one_mail_and_what_hands_something_out_goes_to_the_first() {
        let all = || vec![mailbox(1, "a@example.org"), mailbox(2, "b@example.org"), mailbox(3, "a@example.org")];
        let ids = |some: Vec<Authenticator>| some.iter().map(|one| one.id.uuid().as_u128()).collect::<Vec<_>>();
        assert_eq!(ids(each_once(all())), [1, 2]);
        assert_eq!(ids(the_first(all())), [1]);
    }
}
