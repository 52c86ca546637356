//! What runs do about risk.

use domain::{Event, EventKind, Raised, Standing};

use super::{Arguments, Done, Fault, span, text, unsaid};
use crate::app::App;
use crate::app::risk::SCORES;
use crate::app::telling::With;

impl App {
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
