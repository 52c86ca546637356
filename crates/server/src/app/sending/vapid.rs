//! By what push services know us: a key that the vault has, and signs with (RFC 8292).

use std::sync::Arc;

use futures_util::future::BoxFuture;
use gateway::push::VapidClaims;
use tokio::sync::OnceCell;
use vault_proto::{PublicKey, Reply, Sign, Verb};

use crate::app::Error;
use crate::app::vault::{Vault, unexpected};

/// The key, as far as anybody knows it outside the vault. It never changes, since what browsers subscribed to is bound to it.
pub(crate) struct VapidKey {
    vault: Arc<Vault>,
    public: OnceCell<[u8; 65]>,
}

impl VapidKey {
    pub(crate) fn new(vault: Arc<Vault>) -> Self {
        Self { vault, public: OnceCell::new() }
    }

    /// Its public half: an uncompressed point.
    pub(crate) async fn public(&self) -> Result<[u8; 65], Error> {
        let ask = async || match self.vault.ask(|| Verb::PublicKeys).await? {
            Reply::PublicKeys(keys) => point(&keys.vapid)
                .ok_or_else(|| Error::Internal("the vault's key for push services is broken".to_owned())),
            other => Err(unexpected(&other)),
        };
        self.public.get_or_try_init(ask).await.copied()
    }

    async fn signed(&self, claims: &VapidClaims<'_>) -> Result<String, Error> {
        let question = || {
            Verb::Sign(Sign::Vapid(vault_proto::Vapid {
                audience: claims.audience.to_owned(),
                subject: claims.subject.to_owned(),
                expires_at: claims.expires_at,
            }))
        };
        match self.vault.ask(question).await? {
            Reply::Signed(token) => Ok(token),
            other => Err(unexpected(&other)),
        }
    }
}

/// The key, as the gateway asks for it.
pub(super) struct Signer(pub(super) Arc<VapidKey>);

impl gateway::push::Vapid for Signer {
    fn public_key(&self) -> BoxFuture<'_, Result<[u8; 65], String>> {
        Box::pin(async { self.0.public().await.map_err(|error| error.to_string()) })
    }

    fn sign<'a>(&'a self, claims: &'a VapidClaims<'a>) -> BoxFuture<'a, Result<String, String>> {
        Box::pin(async { self.0.signed(claims).await.map_err(|error| error.to_string()) })
    }
}

/// SEC 1 §2.3.3: 4, x, y.
fn point(key: &PublicKey) -> Option<[u8; 65]> {
    [&[4], key.x.as_slice(), &key.y].concat().try_into().ok()
}
