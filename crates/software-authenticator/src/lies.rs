//! What can be said that is not so.

/// What an authenticator, or the browser in front of it, says in place of the truth. The default lies about nothing.
#[derive(Debug, Clone, Default)]
pub struct Lies {
    /// Client data altogether.
    pub client_data: Option<Vec<u8>>,
    /// Its type.
    pub kind: Option<String>,
    /// The challenge.
    pub challenge: Option<Vec<u8>>,
    /// The page's origin.
    pub origin: Option<String>,
    /// Whether the page stands in a frame of another site.
    pub cross_origin: bool,
    /// Of which.
    pub top_origin: Option<String>,
    /// For whom the authenticator answers.
    pub rp_id: Option<String>,
    /// The flags of the authenticator.
    pub flags: Option<u8>,
    /// Flags that are turned round at the end.
    pub flipped: u8,
    /// The signature counter.
    pub counter: Option<u32>,
    /// Extensions: a CBOR map.
    pub extensions: Vec<u8>,
    /// Bytes behind the authenticator data.
    pub after_data: Vec<u8>,
    /// Bytes behind the attestation object.
    pub after_object: Vec<u8>,
    /// The credential's id.
    pub credential_id: Option<Vec<u8>>,
    /// The credential's id outside what is signed, at registration.
    pub outer_id: Option<Vec<u8>>,
    /// The public key, a COSE key.
    pub public_key: Option<Vec<u8>>,
    /// The kind of key that the COSE key says it is.
    pub alg: Option<i64>,
    /// The signature.
    pub signature: Option<Vec<u8>>,
    /// Whose credential it is.
    pub user_handle: Option<Vec<u8>>,
    /// The format of the statement.
    pub format: Option<String>,
    /// The kind of key that the statement says it was signed with.
    pub statement_alg: Option<i64>,
    /// The statement's signature.
    pub statement_signature: Option<Vec<u8>>,
    /// A member of the statement that does not belong there.
    pub statement_extra: bool,
}
