//! Messages to people, by the gateways that carry codes and within the same budgets (T-24).

use std::time::Duration;

use domain::{Authenticator, AuthenticatorKind, AuthenticatorState, UserId};
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
    /// To the mailbox that was proved.
    pub(super) async fn mail(&self, errand: &Errand) -> Given {
        let post = self.post.as_ref().ok_or_else(nobody)?;
        let mailbox = self.reached_by(errand, AuthenticatorKind::Email, "mailbox").await?;
        let (subject, message) =
            (text(errand, "subject").unwrap_or_default(), text(errand, "message").unwrap_or_default());
        let mail = MailText::plain(subject, message, post.language);
        let delivery = post.notify(&mailbox, &mail, self.now()).await;
        self.sent(AuthenticatorKind::Email, delivery).await
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
        let phone = self.reached_by(errand, AuthenticatorKind::Sms, "phone number").await?;
        let delivery = post.notify_by_sms(&phone, &text, USEFUL, self.now()).await;
        self.sent(AuthenticatorKind::Sms, delivery).await
    }

    /// To the user's app, where one was installed from a shop: a browser shows what it finds here, and no message that wakes it up.
    pub(super) async fn push(&self, errand: &Errand) -> Given {
        let post = self.post.as_ref().ok_or_else(nobody)?;
        let app = self.reached_by(errand, AuthenticatorKind::Push, "app").await?;
        let title = self.brand().await.name.or_else(|| self.settings.issuer_name.clone());
        let title = title.unwrap_or_else(|| "Countersign".to_owned());
        let message = text(errand, "message").unwrap_or_default();
        match crate::app::factors::push::tell_app(post, &app, title, message.to_owned(), USEFUL).await {
            Some(delivery) => self.sent(AuthenticatorKind::Push, Ok(delivery)).await,
            None => Err(Fault::final_one("the user's app is woken up by no push service that shows messages")),
        }
    }

    /// How a user is reached: by what they proved, and used last; what was added a short while ago takes no notices away from what was there before,
    /// since it may be what they are about.
    async fn reached_by(&self, errand: &Errand, kind: AuthenticatorKind, called: &str) -> Result<Authenticator, Fault> {
        let user = text(errand, "user").unwrap_or_default();
        let user: UserId = user.parse().map_err(|_| Fault::final_one(format!("`{user}` is no id of a user")))?;
        let authenticators =
            self.store.authenticators_of(user).await.map_err(|error| Fault::for_now(error.to_string()))?;
        let reached = authenticators
            .into_iter()
            .filter(|one| one.kind == kind && one.state == AuthenticatorState::Active)
            .max_by_key(|one| {
                let is_settled = one.activated_at.is_some_and(|at| self.now().since(at) >= SETTLED);
                (is_settled, one.last_used_at)
            });
        reached.ok_or_else(|| Fault::final_one(format!("the user has no {called} that was proved")))
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
