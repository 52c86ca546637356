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
        Self { now: RwLock::new(Arc::new(gateways)), maker, browsers, made: Mutex::default() }
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

    /// Has messages go by these from now on, if they are others than until now. Where they cannot be used, it stays as it was.
    pub(crate) fn follow(&self, wanted: &[GatewaySettings]) {
        let Some(maker) = &self.maker else { return };
        let mut made = lock(&self.made);
        let is_same = made.0.len() == wanted.len()
            && made
                .0
                .iter()
                .zip(wanted)
                .all(|(now, wanted)| (&now.name, &now.values) == (&wanted.name, &wanted.values));
        if is_same {
            made.1 = None;
            return;
        }
        match maker.make(wanted) {
            Ok(mut gateways) => {
                if let Some(browsers) = &self.browsers {
                    gateways.put_web_push(web_push(browsers));
                }
                *self.now.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(gateways);
                *made = (wanted.to_vec(), None);
                tracing::info!(gateways = wanted.len(), "messages go by the gateways in force");
            }
            Err(unusable) => {
                let UnusableGateway { place, why } = &unusable;
                tracing::error!(%place, why, "the gateways in force cannot be used here: messages go as before");
                made.1 = Some(unusable);
            }
        }
    }
}

fn web_push((key, contact, services): &(Arc<VapidKey>, String, PushServices)) -> WebPush {
    WebPush::new(Box::new(Signer(Arc::clone(key))), contact.clone(), services.clone())
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.now().fmt(f)
    }
}
