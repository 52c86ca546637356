//! Push: proof by an app that holds a key of its own and shows what is to be approved (docs/push-protocol.md, ADR 17).
//!
//! Here is what can be said without any I/O: which bytes are signed, which number is typed, what becomes of a prompt, and how often
//! anybody is asked. Checking a signature takes a cryptographic library, and is the server's.

pub mod device_header;
pub mod number;
pub mod pace;
pub mod prompt;
pub mod signed;
pub mod text;

pub use device_header::{DeviceHeader, InvalidDeviceHeader};
pub use number::{Digits, Number};
pub use pace::{Live, Pace, Turn};
pub use prompt::{Answer, Over, PushState};
pub use text::PromptText;
