//! By which gateways messages go: those of the server's own configuration, or else those that the files in force name, from when they
//! come into force.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use gateway::Gateways;
use gateway::push::{PushServices, WebPush};
use policy::GatewaySettings;

use super::vapid::{Signer, VapidKey};
use super::{GatewayMaker, UnusableGateway, lock};

/// See the module.
pub(crate) struct Lines {
    now: RwLock<Arc<Gateways>>,
    /// What there is without any that files name.
    none: Arc<Gateways>,
    maker: Option<Box<dyn GatewayMaker>>,
    /// How browsers are woken up, whatever else there is.
    browsers: Option<(Arc<VapidKey>, String, PushServices)>,
    /// What those were made of that there are now, and why what was wanted since could not be.
    made: Mutex<(Vec<GatewaySettings>, Option<UnusableGateway>)>,
}

impl Lines {
    pub(super) fn new(
        mut gateways: Gateways,
        maker: Option<Box<dyn GatewayMaker>>,
        browsers: Option<(Arc<VapidKey>, String, PushServices)>,
    ) -> Self {
        if let Some(browsers) = &browsers {
            gateways.put_web_push(web_push(browsers));
        }
        let none = Arc::new(gateways);
        Self { now: RwLock::new(Arc::clone(&none)), none, maker, browsers, made: Mutex::default() }
    }

    /// What messages go by now.
    pub(super) fn now(&self) -> Arc<Gateways> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the server's own configuration says which there are.
    pub(crate) fn are_own(&self) -> bool {
        self.maker.is_none()
    }

    /// Why the gateways in force are not those that are used, if they are not.
    pub(crate) fn trouble(&self) -> Option<UnusableGateway> {
        lock(&self.made).1.clone()
    }

    /// Whether this server could use them.
    pub(crate) fn could_be(&self, wanted: &[GatewaySettings]) -> Result<(), UnusableGateway> {
        self.maker.as_ref().map_or(Ok(()), |maker| maker.make(wanted).map(drop))
    }

    /// Has messages go by these from now on, if they are others than until now. Where they cannot be used, those stay of what there was that
    /// are wanted as they were; what was taken away or changed carries nothing any more.
    pub(crate) fn follow(&self, wanted: &[GatewaySettings]) {
        let Some(maker) = &self.maker else { return };
        let mut made = lock(&self.made);
        if made.0.len() == wanted.len() && made.0.iter().zip(wanted).all(|(now, wanted)| is_same(now, wanted)) {
            made.1 = None;
            return;
        }
        match maker.make(wanted) {
            Ok(gateways) => {
                self.put(gateways);
                *made = (wanted.to_vec(), None);
                tracing::info!(gateways = wanted.len(), "messages go by the gateways in force");
            }
            Err(unusable) => {
                let UnusableGateway { place, why } = &unusable;
                tracing::error!(%place, why, "the gateways in force cannot be used here: messages go by those that they leave as they were");
                let stays: Vec<_> =
                    made.0.iter().filter(|now| wanted.iter().any(|one| is_same(now, one))).cloned().collect();
                if stays.len() < made.0.len() {
                    made.0 = if let Ok(gateways) = maker.make(&stays) {
                        self.put(gateways);
                        stays
                    } else {
                        self.put_none();
                        Vec::new()
                    };
                }
                made.1 = Some(unusable);
            }
        }
    }

    fn put_none(&self) {
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&self.none);
    }

    fn put(&self, mut gateways: Gateways) {
        if let Some(browsers) = &self.browsers {
            gateways.put_web_push(web_push(browsers));
        }
        *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(gateways);
    }
}

/// Whether they want the same, wherever they stand.
fn is_same(one: &GatewaySettings, other: &GatewaySettings) -> bool {
    (&one.name, &one.values) == (&other.name, &other.values)
}

fn web_push((key, contact, services): &(Arc<VapidKey>, String, PushServices)) -> WebPush {
    WebPush::new(Box::new(Signer(Arc::clone(key))), contact.clone(), services.clone())
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.now().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use gateway::mail::{Encryption, Relay, RelaySetup};
    use gateway::outside::{Outside, Setup};
    use gateway::sms::{HttpApi, SmsProvider};
    use policy::Place;

    use super::*;
    use crate::OsEntropy;

    /// Makes whatever has no `secret`, as a server does that hands out none.
    struct WithoutSecrets;

    impl GatewayMaker for WithoutSecrets {
        fn make(&self, wanted: &[GatewaySettings]) -> Result<Gateways, UnusableGateway> {
            let outside = Outside::new(Setup::default()).unwrap();
            let none = Gateways::new(outside, Arc::new(domain::SystemClock), Arc::new(OsEntropy));
            wanted.iter().try_fold(none, |gateways, one| match one.name.as_str() {
                _ if one.values.contains_key("secret") => {
                    Err(UnusableGateway { place: one.place.clone(), why: "there is none".to_owned() })
                }
                "texts" => {
                    let api = HttpApi::new("POST", "https://sms.example.net/").unwrap();
                    Ok(gateways.with_sms("texts", 1, SmsProvider::HttpApi(api)))
                }
                name => Ok(gateways.with_mail(name, 1, relay())),
            })
        }
    }

    fn relay() -> Relay {
        let setup = RelaySetup {
            host: "mail.example.net".to_owned(),
            port: None,
            encryption: Encryption::StartTls,
            login: None,
            from: "a@example.org".to_owned(),
            authorities: Vec::new(),
        };
        Relay::new(setup).unwrap()
    }

    fn wanted(name: &str, values: &[(&'static str, &str)]) -> GatewaySettings {
        let values = values.iter().map(|(key, value)| (*key, vec![(*value).to_owned()]));
        let place = Place { file: "gateways.yaml".into(), line: 1, column: 1 };
        GatewaySettings { place, name: name.to_owned(), values: values.collect() }
    }

    #[test]
    fn s11_t23_of_gateways_that_cannot_be_used_those_stay_that_are_still_wanted_as_they_were() {
        let lines = || Lines::new(WithoutSecrets.make(&[]).unwrap(), Some(Box::new(WithoutSecrets)), None);
        let carries = |lines: &Lines| (lines.now().has_sms(), lines.now().has_mail());
        let (texts, post) = (wanted("texts", &[]), wanted("post", &[("host", "mail.example.net")]));
        let unusable = wanted("more", &[("secret", "env:MISSING")]);
        let moved = wanted("post", &[("host", "mail.example.org")]);
        for (then, carried) in [
            (vec![texts.clone(), post.clone(), unusable.clone()], (true, true)),
            (vec![texts.clone(), unusable.clone()], (true, false)),
            (vec![unusable.clone(), texts.clone(), moved], (true, false)),
            (vec![post.clone(), unusable.clone()], (false, true)),
            (vec![unusable], (false, false)),
        ] {
            let lines = lines();
            lines.follow(&[texts.clone(), post.clone()]);
            assert_eq!((carries(&lines), lines.trouble().is_some()), ((true, true), false));
            lines.follow(&then);
            assert_eq!((carries(&lines), lines.trouble().is_some()), (carried, true), "{then:?}");
            // Once they can be used, all of them count again.
            lines.follow(&[post.clone(), texts.clone()]);
            assert_eq!((carries(&lines), lines.trouble().is_some()), ((true, true), false));
        }
    }
}
