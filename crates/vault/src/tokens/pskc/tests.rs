//! The RFC's own containers, those of another implementation, and what is wrong in every way.

use vault_proto::{RefusedToken, Secret};

use super::*;
use crate::tokens::Token;

const NOW: i64 = 1_700_000_000;
const FIGURE_5: &str = include_str!("../../../tests/data/rfc6030-figure5.xml");
const FIGURE_6: &str = include_str!("../../../tests/data/rfc6030-figure6.xml");
const FIGURE_7: &str = include_str!("../../../tests/data/rfc6030-figure7.xml");
/// Made by python-pskc 1.4.
const AES_128: &str = include_str!("../../../tests/data/python-pskc-aes128.xml");
const PBKDF2: &str = include_str!("../../../tests/data/python-pskc-pbkdf2.xml");

const KEY: &[u8] = b"12345678901234567890";

fn shared(hex: &str) -> Unlock {
    Unlock::PreSharedKey(Secret(data_encoding::HEXLOWER.decode(hex.as_bytes()).unwrap()))
}

fn passphrase(text: &str) -> Unlock {
    Unlock::Passphrase(Secret(text.as_bytes().to_vec()))
}

fn figure_6_key() -> Unlock {
    shared("12345678901234567890123456789012")
}

fn entries(text: &str, unlock: &Unlock) -> Vec<Entry> {
    read(text, unlock, NOW, 10).unwrap()
}

fn first(text: &str, unlock: &Unlock) -> Token {
    entries(text, unlock).remove(0).unwrap_or_else(|why| panic!("{why:?}"))
}

fn refused(text: &str, unlock: &Unlock) -> RefusedToken {
    entries(text, unlock).remove(0).err().unwrap()
}

fn unreadable(text: &str, unlock: &Unlock) -> String {
    read(text, unlock, NOW, 10).err().unwrap().to_string()
}

fn counted(digits: u8) -> Params {
    Params::counted(Algorithm::Sha1, digits).unwrap()
}

#[test]
fn the_rfcs_own_containers_are_read() {
    let mut plain = entries(FIGURE_5, &Unlock::Nothing);
    assert_eq!(plain.len(), 2);
    let pin = plain.pop().unwrap().err().unwrap();
    assert_eq!((pin.line, pin.serial.as_deref()), (37, Some("987654321")));
    assert!(pin.why.contains("neither HOTP nor TOTP"));
    let token = plain.pop().unwrap().unwrap_or_else(|why| panic!("{why:?}"));
    assert_eq!((token.line, token.serial.as_str(), token.params), (6, "987654321", counted(8)));
    assert_eq!((token.key.as_slice(), token.last_step), (KEY, 0));

    let token = first(FIGURE_6, &figure_6_key());
    assert_eq!((token.key.as_slice(), token.params), (KEY, counted(8)));

    let token = first(FIGURE_7, &passphrase("qwerty"));
    assert_eq!((token.key.as_slice(), token.params), (KEY, counted(8)));
    assert!(unreadable(FIGURE_7, &passphrase("azerty")).contains("does not open"));
}

#[test]
fn containers_of_another_implementation_are_read() {
    for (text, unlock) in [(AES_128, shared("000102030405060708090a0b0c0d0e0f")), (PBKDF2, passphrase("correct horse"))]
    {
        let mut tokens = entries(text, &unlock);
        let timed = tokens.pop().unwrap().unwrap_or_else(|why| panic!("{why:?}"));
        assert_eq!((timed.serial.as_str(), timed.params), ("T-2", Params::new(Algorithm::Sha256, 8, 60).unwrap()));
        assert_eq!(timed.key.as_slice(), b"abcdefghijabcdefghijabcdefghij12");
        let token = tokens.pop().unwrap().unwrap_or_else(|why| panic!("{why:?}"));
        assert_eq!((token.serial.as_str(), token.params, token.last_step), ("T-1", counted(6), 41));
        assert_eq!(token.key.as_slice(), KEY);
    }
}

#[test]
fn what_was_given_and_what_is_wanted_have_to_agree() {
    for (text, unlock, why) in [
        (FIGURE_5, figure_6_key(), "not encrypted, yet a key was given"),
        (FIGURE_5, passphrase("qwerty"), "not encrypted, yet a key was given"),
        (FIGURE_6, Unlock::Nothing, "a pre-shared key: give that"),
        (FIGURE_6, passphrase("qwerty"), "a pre-shared key: give that"),
        (FIGURE_7, Unlock::Nothing, "a passphrase: give that"),
        (FIGURE_7, figure_6_key(), "a passphrase: give that"),
        (FIGURE_6, shared("00"), "another length"),
        (FIGURE_6, shared("00000000000000000000000000000000"), "does not open"),
    ] {
        let said = unreadable(text, &unlock);
        assert!(said.contains(why), "{said}");
    }
}

#[test]
fn a_key_that_was_changed_or_swapped_is_refused() {
    let secret = "AAECAwQFBgcICQoLDA0OD+cIHItlB3Wra1DUpxVvOx2lef1VmNPCMl8jwZqIUqGv";
    let changed = FIGURE_6.replace("AAECAwQFBgcI", "AAECAwQFBgcJ");
    assert!(refused(&changed, &figure_6_key()).why.contains("not what its MAC is of"));
    let plain = FIGURE_6
        .replace("<EncryptedValue>", "<PlainValue>MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=</PlainValue><Old>")
        .replace("</EncryptedValue>", "</Old>");
    assert!(refused(&plain, &figure_6_key()).why.contains("is not encrypted, while those of the file are"));
    let both =
        FIGURE_6.replace("<EncryptedValue>", "<PlainValue>MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=</PlainValue><EncryptedValue>");
    assert!(refused(&both, &figure_6_key()).why.contains("is not encrypted, while those of the file are"));
    let without = FIGURE_6.replace("ValueMAC>", "OtherMAC>");
    assert!(refused(&without, &figure_6_key()).why.contains("has no MAC"));
    let without = FIGURE_6.replace("MACMethod", "OtherMethod");
    assert!(refused(&without, &figure_6_key()).why.contains("names no MAC method"));
    let twice = FIGURE_6.replace("</Secret>", "</Secret><Secret/>");
    assert!(refused(&twice, &figure_6_key()).why.contains("there twice"));
    let weak = FIGURE_6.replace("#hmac-sha1", "#hmac-md5");
    assert!(unreadable(&weak, &figure_6_key()).contains("MAC method"));
    let weak = FIGURE_6.replacen("#aes128-cbc", "#tripledes-cbc", 1);
    assert!(unreadable(&weak, &figure_6_key()).contains("not encrypted with AES"));
    for why in [changed, plain, both, without, twice].map(|text| refused(&text, &figure_6_key()).why) {
        assert!(!why.contains(&secret[..8]) && !why.contains("MTIz"), "{why}");
    }
}

/// A container of one plain token; `inside` goes into its key, `data` beside its secret.
fn container(algorithm: &str, inside: &str, data: &str) -> String {
    format!(
        r#"<KeyContainer xmlns="urn:ietf:params:xml:ns:keyprov:pskc"><KeyPackage><DeviceInfo><SerialNo>S1</SerialNo></DeviceInfo>
<Key Algorithm="urn:ietf:params:xml:ns:keyprov:pskc:{algorithm}">{inside}<Data>
<Secret><PlainValue>MTIzNDU2Nzg5MDEyMzQ1Njc4OTA=</PlainValue></Secret>{data}</Data></Key></KeyPackage></KeyContainer>"#
    )
}

fn format(attributes: &str) -> String {
    format!("<AlgorithmParameters><ResponseFormat {attributes}/></AlgorithmParameters>")
}

#[test]
fn parameters_that_apps_do_not_have_are_refused() {
    for (algorithm, inside, data, wanted) in [
        ("hotp", String::new(), "", Ok((counted(6), 0))),
        ("hotp", format(r#"Length="8" Encoding="DECIMAL" CheckDigits="false""#), "", Ok((counted(8), 0))),
        ("hotp", String::new(), "<Counter><PlainValue> 7 </PlainValue></Counter>", Ok((counted(6), 7))),
        ("totp", String::new(), "", Ok((Params::COMMON, 0))),
        ("ocra", String::new(), "", Err("neither HOTP nor TOTP")),
        ("hotp", format(r#"Length="7""#), "", Err("6 or 8 digits")),
        ("hotp", format(r#"Length="6" Encoding="HEXADECIMAL""#), "", Err("not decimal")),
        ("hotp", format(r#"Length="6" CheckDigits="true""#), "", Err("check digit")),
        (
            "hotp",
            "<AlgorithmParameters><Suite>HMAC-MD5</Suite></AlgorithmParameters>".to_owned(),
            "",
            Err("SHA1, SHA256 or SHA512"),
        ),
        ("hotp", String::new(), "<Counter><PlainValue>-1</PlainValue></Counter>", Err("counter")),
        ("hotp", String::new(), "<Counter><PlainValue>4294967296</PlainValue></Counter>", Err("counter")),
        ("hotp", String::new(), "<Counter><EncryptedValue/></Counter>", Err("counter is encrypted")),
        ("totp", String::new(), "<TimeInterval><PlainValue>45</PlainValue></TimeInterval>", Err("30 or 60 seconds")),
        ("hotp", String::new(), "<Secret/>", Err("there twice")),
        ("hotp", "<Data/>".to_owned(), "", Err("there twice")),
    ] {
        let text = container(algorithm, &inside, data);
        match (entries(&text, &Unlock::Nothing).remove(0), wanted) {
            (Ok(token), Ok(wanted)) => assert_eq!((token.params, token.last_step), wanted, "{text}"),
            (Err(refused), Err(why)) => assert!(refused.why.contains(why), "{text}: {}", refused.why),
            (entry, _) => panic!("{text}: {:?}", entry.err()),
        }
    }
}

#[test]
fn a_policy_that_is_not_understood_is_not_passed_over() {
    for (policy, wanted) in [
        ("", None),
        ("<StartDate>2012-08-01T00:00:00Z</StartDate><ExpiryDate>2037-12-31T00:00:00Z</ExpiryDate>", None),
        ("<KeyUsage>OTP</KeyUsage><PINPolicy PINUsageMode=\"Local\"/>", None),
        ("<KeyUsage>CR</KeyUsage><KeyUsage>OTP</KeyUsage>", None),
        ("<KeyUsage>CR</KeyUsage>", Some("no one-time passwords")),
        ("<ExpiryDate>2022-09-01T00:00:00Z</ExpiryDate>", Some("has ended")),
        ("<StartDate>2023-11-16T00:00:00Z</StartDate>", Some("has not begun")),
        ("<ExpiryDate>soon</ExpiryDate>", Some("a date that is none")),
        ("<PINPolicy PINUsageMode=\"Append\"/>", Some("not supported")),
        ("<NumberOfTransactions>5</NumberOfTransactions>", Some("not supported")),
        ("<Anything xmlns=\"urn:x\"/>", Some("not supported")),
    ] {
        let text = container("hotp", &format!("<Policy>{policy}</Policy>"), "");
        let why = entries(&text, &Unlock::Nothing).remove(0).err().map(|refused| refused.why);
        match (why, wanted) {
            (None, None) => {}
            (Some(why), Some(wanted)) => assert!(why.contains(wanted), "{policy}: {why}"),
            (why, _) => panic!("{policy}: {why:?}"),
        }
    }
}

#[test]
fn days_are_counted_from_the_epoch() {
    for (date, seconds) in [("1970-01-01", 0), ("2000-03-01", 951_868_800), ("2024-02-29T12:00:00Z", 1_709_164_800)] {
        assert_eq!(start_of(date), Ok(seconds));
    }
    for none in ["", "1970", "1970-13-01", "1970-00-01", "1970-01-32", "1970-01-0é", "--------------"] {
        assert!(start_of(none).is_err(), "{none}");
    }
}

#[test]
fn t33_what_is_no_container_is_refused_before_it_costs_anything() {
    let declared = r#"<!DOCTYPE k [<!ENTITY a "b"><!ENTITY c "&a;&a;&a;">]><KeyContainer>&c;</KeyContainer>"#;
    let external = r#"<!DOCTYPE k SYSTEM "file:///etc/passwd"><KeyContainer/>"#;
    let namespaces: String =
        (0..20_000).fold(String::new(), |text, number| text + &format!("<a xmlns:n{number}=\"u{number}\">"));
    let attributes = format!("<a {}/>", "b='' ".repeat(100_000));
    for (text, why) in [
        (declared, "declares a document's type"),
        (external, "declares a document's type"),
        ("<KeyContainer><![CDATA[x]]></KeyContainer>", "declares a document's type"),
        (&"<a>".repeat(100_000), "nested deeper"),
        (&namespaces, "nested deeper"),
        (&attributes, "too long"),
        ("<KeyContainer", "has no end"),
        ("<!-- no end", "has no end"),
        ("", "no well-formed XML"),
        ("serial,secret", "no well-formed XML"),
        ("<a></b>", "no well-formed XML"),
        ("<KeyContainer/>", "no Portable Symmetric Key Container"),
        ("<a>&unknown;</a>", "no well-formed XML"),
        (&format!("<a>{}</a>", "<b/>".repeat(250_000)), "no well-formed XML"),
    ] {
        let said = unreadable(text, &Unlock::Nothing);
        assert!(said.contains(why), "{text:.40}: {said}");
    }
    let iterations = FIGURE_7.replace(">1000<", ">4000000000<");
    assert!(unreadable(&iterations, &passphrase("qwerty")).contains("1,000,000 times"));
    let many = container("hotp", "", "");
    let package = &many[many.find("<KeyPackage>").unwrap()..many.find("</KeyContainer>").unwrap()];
    let many = many.replace("</KeyContainer>", &(package.repeat(10) + "</KeyContainer>"));
    assert!(unreadable(&many, &Unlock::Nothing).contains("more tokens"));
}
