//! What comes back from elsewhere may say what was sent there: an echo of a link's token, or of a secret. It is kept by the run, so it is taken out.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::Given;

/// What stands in its place.
const WITHHELD: &str = "[withheld]";
/// Anything has shorter ones in it: those are looked for as a whole alone.
const SHORTEST: usize = 4;

/// What must not come back, in each way in which it may be written. Does not print.
#[derive(Default)]
pub(super) struct Withheld(Vec<Zeroizing<String>>);

impl Withheld {
    /// All of these.
    pub(super) fn all(secrets: impl IntoIterator<Item = Zeroizing<String>>) -> Self {
        let mut spellings: Vec<Zeroizing<String>> = secrets.into_iter().flat_map(|secret| spellings(&secret)).collect();
        // What has another one in it goes first, and goes as a whole.
        spellings.sort_by_key(|text| std::cmp::Reverse(text.len()));
        spellings.dedup();
        Self(spellings)
    }

    /// What an action gives, without any of it.
    pub(super) fn out_of(&self, given: Given) -> Given {
        match given {
            Ok(outputs) => Ok(self.out_of_members(outputs)),
            Err(mut fault) => {
                fault.message = self.out_of_text(&fault.message);
                Err(fault)
            }
        }
    }

    fn out_of_members(&self, members: Map<String, Value>) -> Map<String, Value> {
        members.into_iter().map(|(name, value)| (self.out_of_text(&name), self.out_of_value(value))).collect()
    }

    fn out_of_value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => self.out_of_text(&text).into(),
            Value::Array(items) => items.into_iter().map(|item| self.out_of_value(item)).collect(),
            Value::Object(members) => self.out_of_members(members).into(),
            // A code is a number to some. One that is written otherwise, such as with a point, is another text.
            Value::Number(number) => {
                let text = number.to_string();
                if self.out_of_text(&text) == text || text.len() < SHORTEST { number.into() } else { WITHHELD.into() }
            }
            other => other,
        }
    }

    fn out_of_text(&self, text: &str) -> String {
        let mut left = text.to_owned();
        for secret in &self.0 {
            if verify_slices_are_equal(left.as_bytes(), secret.as_bytes()).is_ok() {
                return WITHHELD.to_owned();
            }
            if secret.len() >= SHORTEST && left.contains(secret.as_str()) {
                left = left.replace(secret.as_str(), WITHHELD);
            }
        }
        left
    }
}

/// A secret as it is, without what stands around it, both parts of `name:password`, and all of that as it is written in headers, addresses and JSON.
fn spellings(secret: &str) -> Vec<Zeroizing<String>> {
    let mut plain = vec![secret, secret.trim()];
    plain.extend(
        secret.trim().split_once(':').filter(|(_, rest)| !rest.starts_with("//")).map(|(_, password)| password),
    );
    let mut all = Vec::new();
    for text in plain.into_iter().filter(|text| !text.is_empty()) {
        let json = Value::from(text).to_string();
        let bytes = text.as_bytes();
        all.extend([
            text.to_owned(),
            json.trim_matches('"').to_owned(),
            BASE64_NOPAD.encode(bytes),
            BASE64URL_NOPAD.encode(bytes),
            HEXLOWER.encode(bytes),
            percent_encoded(text),
        ]);
    }
    all.into_iter().map(Zeroizing::new).collect()
}

/// As it stands in an address (RFC 3986 §2.1).
fn percent_encoded(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Fault;
    use super::*;

    fn withheld(secrets: &[&str]) -> Withheld {
        Withheld::all(secrets.iter().map(|secret| Zeroizing::new((*secret).to_owned())))
    }

    #[test]
    fn w05_t18_what_echoes_a_secret_is_kept_without_it_however_it_is_written() {
        let withheld = withheld(&["ana:pa ss/word", "To-ken_43", "271828"]);
        let echo = json!({
            "body": {
                "headers": {"authorization": format!("Basic {}", data_encoding::BASE64.encode(b"ana:pa ss/word"))},
                "url": "https://mfa.example/links/To-ken_43?x=1",
                "seen": ["pa ss/word", "pa%20ss%2Fword", {"To-ken_43": 271_828}],
                "code": "your code is 271828.",
                "fine": [1, true, null, "nothing of that"],
            },
            "status": 200,
        });
        let Value::Object(outputs) = echo else { panic!() };
        let kept = Value::Object(withheld.out_of(Ok(outputs)).unwrap());
        assert_eq!(
            kept,
            json!({
                "body": {
                    "headers": {"authorization": "Basic [withheld]="},
                    "url": "https://mfa.example/links/[withheld]?x=1",
                    "seen": ["[withheld]", "[withheld]", {"[withheld]": "[withheld]"}],
                    "code": "your code is [withheld].",
                    "fine": [1, true, null, "nothing of that"],
                },
                "status": 200,
            })
        );
        let fault = withheld.out_of(Err(Fault::final_one("it said To-ken_43"))).unwrap_err();
        assert_eq!(fault.message, "it said [withheld]");
    }

    #[test]
    fn a_short_secret_is_found_as_a_whole_and_leaves_the_rest_alone() {
        let withheld = withheld(&["200"]);
        let Value::Object(outputs) = json!({"status": 200, "body": ["200", "200 of them"]}) else { panic!() };
        let kept = Value::Object(withheld.out_of(Ok(outputs)).unwrap());
        assert_eq!(kept, json!({"status": 200, "body": ["[withheld]", "200 of them"]}));
    }
}
