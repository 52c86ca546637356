//! What runs do about risk.

use domain::{Event, EventKind, Raised, Standing};
use serde_json::Map;
use store::Store;

use super::{Arguments, Done, Fault, Own, span, text, unsaid};
use crate::app::App;
use crate::app::blocked::prefix_of;
use crate::app::risk::SCORES;
use crate::app::telling::With;

impl App {
    /// Has an address or prefix refused for a while. One that is for longer already stays so.
    pub(super) async fn address_refused(&self, with: &Arguments) -> Done {
        let Some(time) = span(with, "for") else { return Ok(Err(unsaid("for"))) };
        let prefix = match prefix_of(text(with, "address").unwrap_or_default()) {
            Ok(prefix) => prefix,
            Err(why) => return Ok(Err(Fault::final_one(why))),
        };
        let ends_at = self.now().plus(time);
        let blocked = self.store.blocked_addresses(self.now()).await?;
        let mut own = Own::default();
        let known = blocked.iter().find(|(known, _)| *known == prefix.to_string());
        if known.is_none() && blocked.len() >= Store::MOST_BLOCKED {
            return Ok(Err(Fault::final_one("as many addresses as are kept are blocked: block wider prefixes")));
        }
        if known.is_none_or(|(_, until)| *until < ends_at) {
            own.push(self.address_blocked(prefix, ends_at));
        }
        Ok(Ok((own, Map::new())))
    }

    /// Raises a signal about a user for a while: rules can ask for it, and it adds to the risk.
    pub(super) async fn signal_raised(&self, with: &Arguments) -> Done {
        let Some(time) = span(with, "for") else { return Ok(Err(unsaid("for"))) };
        let user = match self.user_meant(with).await? {
            Ok(user) => user,
            Err(fault) => return Ok(Err(fault)),
        };
        let signal = text(with, "signal").unwrap_or_default();
        if !Standing::is_name(signal) || SCORES.contains(&signal) {
            return Ok(Err(Fault::final_one(format!("`{signal}` is no name of a signal that can be raised"))));
        }
        let now = self.now();
        let mut to = user.standing.clone().at(now);
        let until = now.plus(time).max(to.signals.get(signal).map_or(now, |raised| raised.until));
        to.signals.insert(signal.to_owned(), Raised { since: now, until });
        if !to.is_bounded() {
            return Ok(Err(Fault::final_one("as many signals as are kept are raised about the user")));
        }
        let event = |event: Event| event.with("signal", signal).with("until", until.to_string());
        Ok(Ok(self.standing_in(&user, to, EventKind::RiskRaised, event)))
    }
}
