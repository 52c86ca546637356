use super::Judged;
use crate::{History, Observation, Reason};

/// 1 on a device that the user was not seen on in the last 180 days, 0 on one of theirs.
///
/// Where it is not told which device it is, another kind of browser or system than the user ever had is a new device (1). The same kind
/// says nothing, since thousands have it: unknown.
pub(super) fn new_device<'a>(observation: &Observation<'_>, history: &History) -> Judged<'a> {
    if let Some(device) = observation.device {
        return match history.knows_device(device, observation.at) {
            Some(true) => (Some(0.0), Reason::KnownDevice),
            Some(false) => (Some(1.0), Reason::NewDevice),
            None => (Some(1.0), Reason::FirstDevice),
        };
    }
    match observation.agent.map(|agent| (agent, history.knows_agent(agent, observation.at))) {
        Some((agent, Some(false))) => (Some(1.0), Reason::NewAgent(agent)),
        Some((agent, Some(true))) => (None, Reason::CommonAgent(agent)),
        Some((_, None)) | None => (None, Reason::NoDevice),
    }
}
