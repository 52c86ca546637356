//! The guard as a tower layer.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use assertion::Need;
use http::{Request, Response};
use tower_service::Service;

use crate::guard::{ClaimsOf, Guard};

/// Lets in whoever has what is needed; made by [`Guard::layer`]. What proofs of possession name is the whole path: put it outside of
/// whatever cuts a prefix off.
#[derive(Debug, Clone)]
pub struct Layer {
    guard: Guard,
    need: Arc<Need>,
}

impl Layer {
    pub(crate) fn new(guard: Guard, need: Need) -> Self {
        Self { guard, need: Arc::new(need) }
    }
}

impl<S> tower_layer::Layer<S> for Layer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { layer: self.clone(), inner }
    }
}

/// A service behind a [`Layer`].
#[derive(Debug, Clone)]
pub struct Guarded<S> {
    layer: Layer,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send + 'static,
    B: Send + 'static,
    R: Default,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let layer = self.layer.clone();
        // The one that is ready is the one that was asked.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            // Nobody's word counts for what only this says.
            parts.extensions.remove::<ClaimsOf>();
            match layer.guard.check(&parts, &layer.need).await {
                Ok(claims) => {
                    parts.extensions.insert(ClaimsOf(Arc::new(claims)));
                    inner.call(Request::from_parts(parts, body)).await
                }
                Err(answer) => Ok(answer.response()),
            }
        })
    }
}
