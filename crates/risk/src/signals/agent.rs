use super::Judged;
use crate::{Observation, Reason, Session};

/// Within one session: 1 if the system is another, 0.8 if only the browser is, 0.3 if it may be the same phone with "desktop site" chosen, and 0 if both are
/// what the session began with. Versions do not count. Unknown if either is not told; 0 where the session begins.
pub(super) fn user_agent_changed<'a>(observation: &Observation<'_>) -> Judged<'a> {
    let Session::BeganWith(began_with) = observation.session else { return (Some(0.0), Reason::SessionBegins) };
    let (Some(then), Some(now)) = (began_with, observation.agent) else { return (None, Reason::AgentNotTold) };
    let value = if then == now {
        return (Some(0.0), Reason::SameAgent);
    } else if now.may_be_desktop_site_of(then) {
        0.3
    } else if then.system == now.system {
        0.8
    } else {
        1.0
    };
    (Some(value), Reason::AgentChanged { then, now })
}
