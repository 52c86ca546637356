//! As much of CBOR (RFC 8949) as an authenticator writes, in CTAP2's canonical form where the caller keeps its order.

/// Writes an integer.
pub(crate) fn integer(number: i64) -> Vec<u8> {
    match u64::try_from(number) {
        Ok(number) => head(0, number),
        Err(_) => head(1, number.unsigned_abs() - 1),
    }
}

/// Writes a byte string.
pub(crate) fn bytes(bytes: &[u8]) -> Vec<u8> {
    [head(2, bytes.len() as u64), bytes.to_vec()].concat()
}

/// Writes a text string.
pub(crate) fn text(text: &str) -> Vec<u8> {
    [head(3, text.len() as u64), text.as_bytes().to_vec()].concat()
}

/// Writes an array of what was written.
pub(crate) fn array(members: &[Vec<u8>]) -> Vec<u8> {
    [head(4, members.len() as u64), members.concat()].concat()
}

/// Writes a map of what was written, in this order.
pub(crate) fn map(members: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let members_written = members.iter().flat_map(|(key, value)| [key.clone(), value.clone()].concat()).collect();
    [head(5, members.len() as u64), members_written].concat()
}

fn head(major: u8, number: u64) -> Vec<u8> {
    let major = major << 5;
    // Cut to what the branch has just checked.
    #[allow(clippy::cast_possible_truncation, reason = "each branch holds only what fits")]
    match number {
        0..=23 => vec![major | number as u8],
        24..=0xff => vec![major | 0x18, number as u8],
        0x100..=0xffff => [vec![major | 0x19], (number as u16).to_be_bytes().to_vec()].concat(),
        0x1_0000..=0xffff_ffff => [vec![major | 0x1a], (number as u32).to_be_bytes().to_vec()].concat(),
        _ => [vec![major | 0x1b], number.to_be_bytes().to_vec()].concat(),
    }
}
