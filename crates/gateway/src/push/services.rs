//! Which push services a browser's subscription may be at. Where it is at is said by whoever subscribes, so it is looked at before
//! anything is called (T-23).

use reqwest::Url;

/// The longest endpoint.
const LONGEST: usize = 4096;

/// Hosts of push services.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushServices(Vec<Service>);

/// One host, or all below it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Service {
    host: String,
    is_below: bool,
    port: u16,
}

/// A text that names no push service.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no host, like push.example.org, *.push.example.org or push.example.org:8443")]
pub struct InvalidPushService(String);

impl PushServices {
    /// Those of the browsers that there are: Chrome, Edge and what is built like them; Firefox; Safari.
    pub const KNOWN: [&'static str; 4] =
        ["fcm.googleapis.com", "*.push.services.mozilla.com", "web.push.apple.com", "*.notify.windows.com"];

    /// From hosts, each `push.example.org`, with a port where that is not 443, or `*.example.org` for all that are below it.
    ///
    /// # Errors
    ///
    /// [`InvalidPushService`] with the text that is none.
    pub fn parse<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Self, InvalidPushService> {
        let read = |text: &str| {
            let (is_below, host) = text.strip_prefix("*.").map_or((false, text), |host| (true, host));
            // Read as a subscription's is, so that one host has one spelling.
            let url = Url::parse(&format!("https://{host}/")).ok()?;
            let plain = url.username().is_empty() && url.password().is_none() && url.path() == "/";
            let is_host = !host.is_empty() && !host.contains(['/', '?', '#', '@', '*', '\\']);
            let service = Service {
                host: url.host_str()?.to_owned(),
                is_below,
                port: url.port_or_known_default().unwrap_or(443),
            };
            (plain && is_host).then_some(service)
        };
        let each = texts.into_iter().map(str::trim);
        each.map(|text| read(text).ok_or_else(|| InvalidPushService(text.to_owned())))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a subscription's endpoint is at one of them, by HTTPS.
    pub fn permit(&self, endpoint: &str) -> bool {
        let Ok(url) = Url::parse(endpoint) else { return false };
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return false };
        let is_plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
        is_plain && endpoint.len() <= LONGEST && self.0.iter().any(|service| service.is(host, port))
    }
}

impl Service {
    fn is(&self, host: &str, port: u16) -> bool {
        let named = if self.is_below {
            host.strip_suffix(self.host.as_str()).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
        } else {
            host == self.host
        };
        named && port == self.port
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t23_a_subscription_is_at_a_push_service_that_is_known() {
        let known = PushServices::parse(PushServices::KNOWN).unwrap();
        for endpoint in [
            "https://fcm.googleapis.com/fcm/send/abc",
            "https://FCM.googleapis.com:443/fcm/send/abc",
            "https://updates.push.services.mozilla.com/wpush/v2/abc",
            "https://web.push.apple.com/QAbc",
            "https://wns2-par02p.notify.windows.com/w/?token=abc",
        ] {
            assert!(known.permit(endpoint), "{endpoint}");
        }
        for endpoint in [
            "http://fcm.googleapis.com/fcm/send/abc",
            "https://fcm.googleapis.com:8443/",
            "https://fcm.googleapis.com.evil.example/",
            "https://fcm.googleapis.com@evil.example/",
            "https://user@fcm.googleapis.com/",
            "https://evil.example/fcm.googleapis.com",
            "https://evil.example#.notify.windows.com",
            "https://notify.windows.com/",
            "https://.notify.windows.com/",
            "https://evilnotify.windows.com/",
            "https://fcm.googleapis.com./",
            "https://169.254.169.254/latest/meta-data/",
            "https://localhost/",
            "ftp://fcm.googleapis.com/",
            "fcm.googleapis.com",
            "",
        ] {
            assert!(!known.permit(endpoint), "{endpoint}");
        }
        assert!(!known.permit(&format!("https://fcm.googleapis.com/{}", "a".repeat(4096))));
        assert!(!PushServices::default().permit("https://fcm.googleapis.com/"));
    }

    #[test]
    fn services_of_ones_own_are_hosts_with_ports() {
        let own = PushServices::parse(["Push.Example.org:8443", "127.0.0.1:4000", "[::1]:4000"]).unwrap();
        assert!(own.permit("https://push.example.org:8443/1"));
        assert!(own.permit("https://127.0.0.1:4000/1") && own.permit("https://[::1]:4000/1"));
        assert!(!own.permit("https://push.example.org/1") && !own.permit("https://127.0.0.1/1"));
        for wrong in ["", "*", "*.", "https://push.example.org", "a/b", "u@h", "*.*.example.org", "push.*", "a b"] {
            assert!(PushServices::parse([wrong]).is_err(), "{wrong}");
        }
    }
}
