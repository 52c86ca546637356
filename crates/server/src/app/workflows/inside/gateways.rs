//! What runs do about gateways.

use super::{Arguments, Done, Fault, Own, counted, span, text, unsaid};
use crate::app::App;

/// The longest time for which a gateway is switched away from: whoever wants it for longer changes the configuration.
const LONGEST: std::time::Duration = std::time::Duration::from_hours(7 * 24);

/// What has several gateways that stand in for each other.
const CHANNELS: &[&str] = &["sms", "email"];

impl App {
    /// Has messages of a channel go by other gateways for a while. One that is switched away from for longer already stays so.
    pub(super) async fn switched(&self, with: &Arguments) -> Done {
        let (Some(time), Some(channel)) = (span(with, "for"), text(with, "channel")) else {
            return Ok(Err(unsaid("for")));
        };
        if time.is_zero() || time > LONGEST {
            return Ok(Err(Fault::final_one("a gateway is switched away from for 7 days at most")));
        }
        if !CHANNELS.contains(&channel) {
            return Ok(Err(Fault::final_one(format!(
                "there is one way to each recipient by {channel}, and no other one"
            ))));
        }
        let gateways = self.gateways_of(channel);
        let meant: Vec<&str> = match text(with, "away_from") {
            Some(name) if gateways.iter().any(|one| one.gateway == name) => vec![name],
            Some(name) => {
                return Ok(Err(Fault::final_one(format!("there is no gateway `{name}` for {channel} here"))));
            }
            None => gateways.iter().filter(|one| !one.stands_by).map(|one| one.gateway.as_str()).collect(),
        };
        if gateways.iter().all(|one| meant.contains(&one.gateway.as_str())) {
            return Ok(Err(Fault::final_one(format!("there is no other gateway for {channel} to send by"))));
        }
        let (ends_at, known) = (self.now().plus(time), self.store.gateway_switches(self.now()).await?);
        let mut own = Own::default();
        for gateway in meant {
            if known.iter().all(|other| other.gateway != gateway || other.ends_at < ends_at) {
                own.push(self.gateway_switched(gateway, channel, ends_at));
            }
        }
        let count = own.changes.len();
        Ok(Ok((own, counted(count))))
    }

    /// Has messages of a channel go as before. Where none is switched away from, nothing is done.
    pub(super) async fn switched_back(&self, with: &Arguments) -> Done {
        let (channel, one) = (text(with, "channel").unwrap_or_default(), text(with, "away_from"));
        let known = self.store.gateway_switches(self.now()).await?;
        let mut own = Own::default();
        for switch in known {
            if switch.channel == channel && one.is_none_or(|one| one == switch.gateway) {
                own.push(self.gateway_switched_back(None, &switch));
            }
        }
        let count = own.changes.len();
        Ok(Ok((own, counted(count))))
    }
}
