//! Where the keys of assertions come from.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use reqwest::redirect::Policy;

/// The most bytes of a key set.
const MAX_BYTES: usize = 64 * 1024;
/// How long is waited for it.
const PATIENCE: Duration = Duration::from_secs(5);

/// A key set that is being fetched; or why there is none.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, NoSource>> + Send + 'a>>;

/// Where the keys of assertions come from: a JSON Web Key Set (RFC 7517), as bytes.
pub trait Source: Send + Sync + 'static {
    /// Fetches it anew.
    fn fetch(&self) -> Fetching<'_>;
}

/// Why no keys could be fetched.
#[derive(Debug, thiserror::Error)]
#[error("the keys of assertions cannot be fetched: {0}")]
pub struct NoSource(pub String);

/// What a server publishes at `/.well-known/jwks.json`.
#[derive(Debug, Clone)]
pub struct Published {
    url: String,
    client: reqwest::Client,
}

impl Published {
    /// What the server at `issuer` publishes, by a client that follows no redirects and uses no proxy.
    ///
    /// # Errors
    /// The address is neither `https:` nor on this machine, or TLS cannot be set up.
    pub fn of(issuer: &str) -> Result<Self, NoSource> {
        let client = reqwest::Client::builder().redirect(Policy::none()).no_proxy().timeout(PATIENCE).build();
        Self::by(client.map_err(|error| NoSource(error.to_string()))?, issuer)
    }

    /// The same by another client: one that knows your own certificate authority, say.
    ///
    /// # Errors
    /// The address is neither `https:` nor on this machine.
    pub fn by(client: reqwest::Client, issuer: &str) -> Result<Self, NoSource> {
        let issuer = issuer.trim_end_matches('/');
        let url = reqwest::Url::parse(issuer).map_err(|error| NoSource(error.to_string()))?;
        let here = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        if url.scheme() != "https" && !(url.scheme() == "http" && here) {
            return Err(NoSource("whoever is on the way could change them: the address has to be https".to_owned()));
        }
        Ok(Self { url: format!("{issuer}/.well-known/jwks.json"), client })
    }

    async fn bytes(&self) -> Result<Vec<u8>, reqwest::Error> {
        let mut response = self.client.get(&self.url).timeout(PATIENCE).send().await?.error_for_status()?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MAX_BYTES {
                break;
            }
        }
        Ok(bytes)
    }
}

impl Source for Published {
    fn fetch(&self) -> Fetching<'_> {
        Box::pin(async {
            let bytes = self.bytes().await.map_err(|error| NoSource(error.to_string()))?;
            if bytes.len() > MAX_BYTES { Err(NoSource("the set has more than 64 KiB".to_owned())) } else { Ok(bytes) }
        })
    }
}
