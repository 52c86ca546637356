//! A tower layer for resource servers: it lets in whoever shows an assertion of Countersign that is good enough, and says to everybody else what
//! is wanted.
//!
//! Assertions are checked here, without asking anybody: by the keys at `/.well-known/jwks.json`, which are fetched once and kept. Whoever shows
//! too little is answered with 401 and `WWW-Authenticate: … error="insufficient_user_authentication", acr_values=…, max_age=…` (RFC 9470), has
//! the session stepped up, and comes again.
//!
//! ```no_run
//! use resource_server::{ClaimsOf, Guard, Level, Need, Published, Settings, system_clock};
//!
//! # fn example() -> Result<(), resource_server::NoSource> {
//! let settings = Settings {
//!     issuer: "https://mfa.example.org".to_owned(),
//!     audiences: vec!["app_0197a3c05b7c7d3e8f6a1b2c3d4e5f60".to_owned()],
//!     origin: "https://api.example.org".to_owned(),
//! };
//! let guard = Guard::new(settings, Published::of("https://mfa.example.org")?, system_clock());
//! let large_payments = guard.layer(Need { level: Some(Level::Aal2), max_age: Some(300), ..Need::default() });
//! // `.layer(large_payments)` on a route; a handler finds `ClaimsOf` among the request's extensions.
//! # let _ = large_payments; Ok(())
//! # }
//! ```
//!
//! docs/guide/resource-servers.md is the guide.

mod guard;
mod keys;
mod layer;
mod replays;
mod source;

pub use assertion::{Claims, Lacking, Level, Need, Refused};
pub use guard::{Answer, ClaimsOf, ClientCertificate, Clock, Guard, Settings, system_clock};
pub use layer::{Guarded, Layer};
pub use source::{Fetching, NoSource, Published, Source};
