//! Cookies of a request, as bytes: browsers send what sites had them keep, in whatever letters (RFC 6265 §4.2, §5.4), and others' cookies
//! are no reason to hear nothing of ours.

use http::{HeaderMap, header};

/// The values of the cookies of this name, in the order in which they are sent.
pub(super) fn named<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a [u8]> {
    let pairs = headers.get_all(header::COOKIE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    pairs.filter_map(move |pair| {
        let at = pair.iter().position(|byte| *byte == b'=')?;
        let (found, value) = pair.split_at_checked(at)?;
        (found.trim_ascii() == name.as_bytes()).then(|| value.get(1..).unwrap_or_default().trim_ascii())
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn t20_others_cookies_hide_none_of_ours() {
        let mut headers = HeaderMap::new();
        for line in ["a=b; gr\u{fc}n=\u{e4}; ours=1;x", "ours=2==; =; ours; oursx=3; OURS=4"] {
            headers.append(header::COOKIE, HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        headers.append(header::COOKIE, HeaderValue::from_bytes(b"\xff\xfe=1; ours = \xff").unwrap());
        let found: Vec<&[u8]> = named(&headers, "ours").collect();
        assert_eq!(found, [b"1".as_slice(), b"2==", b"\xff"]);
        assert_eq!(named(&headers, "x").count(), 0);
    }
}
