//! The model of an authenticator.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The model of an authenticator, as its maker named it
/// ([§6.5.1.1](https://www.w3.org/TR/webauthn-3/#sctn-authenticator-model)). Written as a UUID; all zeros where an
/// authenticator does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Aaguid(Uuid);

/// A text that is no AAGUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an AAGUID is written like ee882879-721c-4913-9775-3dfcce97072a")]
pub struct InvalidAaguid;

impl Aaguid {
    /// What authenticators say that do not tell their model.
    pub const UNTOLD: Aaguid = Aaguid(Uuid::nil());

    /// The AAGUID of these bytes, in the order in which they stand in authenticator data.
    pub const fn from_bytes(bytes: [u8; 16]) -> Aaguid {
        Aaguid(Uuid::from_bytes(bytes))
    }

    pub(crate) fn uuid(self) -> Uuid {
        self.0
    }
}

impl fmt::Display for Aaguid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Aaguid {
    type Err = InvalidAaguid;

    fn from_str(text: &str) -> Result<Aaguid, InvalidAaguid> {
        // `Uuid` also reads braces, URNs and a run of digits. One AAGUID has one text, but for the case of letters.
        let written = text.len() == 36;
        Uuid::try_parse(text).ok().filter(|_| written).map(Aaguid).ok_or(InvalidAaguid)
    }
}
