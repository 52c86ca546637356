//! Push: an app with a key of its own shows what is asked, and signs what the person says (docs/push-protocol.md).

mod key;
