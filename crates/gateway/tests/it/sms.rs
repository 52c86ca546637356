//! SMS by stand-ins that know the providers' public documentation: what they check, a provider would.

use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use data_encoding::{BASE64, HEXLOWER};
use domain::ManualClock;
use gateway::messages::SmsText;
use gateway::sms::{
    BodyKind, HttpApi, InvalidReceipt, Posted, ReceiptState, Sms, SmsProvider, Sns, Twilio, TwilioSender, Vonage,
    VonageSignature,
};
use gateway::{Delivery, FailureKind, Fault, Gateways, Number, Outcome, Secret};
use serde_json::{Value, json};

use crate::setting::{NOON, bare, setting};
use crate::stand_in::{Asked, Says, StandIn};

const TEXT: &str = "804319 is your code for A&B \"Bank\".\n\n@login.example.org #804319";

async fn send(gateways: &Gateways) -> Delivery {
    let (to, text) = (Number::parse("+49 151 23456789", None).unwrap(), SmsText::new(TEXT));
    gateways.send_sms(&Sms { to: &to, text: &text, useful: Duration::from_mins(5) }).await
}

fn sent(delivery: &Delivery) -> (&str, Option<&str>) {
    match &delivery.outcome {
        Outcome::Sent { gateway, reference } => (gateway, reference.as_deref()),
        _ => panic!("{delivery:?}"),
    }
}

fn failure(delivery: &Delivery) -> (FailureKind, String) {
    let failure = delivery.attempts.last().unwrap().failure.clone().unwrap();
    // Nothing that a provider says back is repeated.
    for secret in ["804319", "hush", "15123456789"] {
        assert!(!format!("{delivery:?}").contains(secret), "{delivery:?}");
    }
    (failure.kind, failure.words)
}

// Twilio

fn twilio(server: &StandIn) -> Twilio {
    Twilio::new("AC123", "hush".into(), TwilioSender::From("Example".to_owned()))
        .at(format!("http://{}", server.address))
        .with_receipts_to("https://mfa.example.org/receipts/main")
}

/// As Twilio's Messages resource is documented.
fn twilio_api(asked: &Asked) -> Says {
    let refused = |status, code: u32| {
        // It quotes what it was asked, as some do.
        let body = json!({ "code": code, "message": String::from_utf8_lossy(&asked.body), "status": status });
        Says::new(status, body.to_string())
    };
    if asked.method != "POST" || asked.path != "/2010-04-01/Accounts/AC123/Messages.json" {
        return refused(404, 20404);
    }
    if asked.header("authorization") != format!("Basic {}", BASE64.encode(b"AC123:hush")) {
        return refused(401, 20003);
    }
    if asked.header("content-type") != "application/x-www-form-urlencoded" || !asked.field("To").starts_with('+') {
        return refused(400, 21211);
    }
    if asked.field("From").is_empty() == asked.field("MessagingServiceSid").is_empty() || asked.field("Body").is_empty()
    {
        return refused(400, 21603);
    }
    Says::new(201, json!({ "sid": "SM900", "status": "queued", "body": asked.field("Body") }).to_string())
}

#[tokio::test]
async fn twilio_is_asked_as_it_documents() {
    let server = StandIn::start(twilio_api).await;
    let gateways = bare().with_sms("main", 1, SmsProvider::Twilio(twilio(&server)));
    assert_eq!(sent(&send(&gateways).await), ("main", Some("SM900")));
    let asked = server.only();
    assert_eq!(asked.field("Body"), TEXT);
    assert_eq!(asked.field("To"), "+4915123456789");
    assert_eq!(asked.field("From"), "Example");
    assert_eq!(asked.field("ValidityPeriod"), "300");
    assert_eq!(asked.field("StatusCallback"), "https://mfa.example.org/receipts/main");
}

#[tokio::test]
async fn what_twilio_refuses_is_understood() {
    let server = StandIn::start(twilio_api).await;
    let refuse = |status: u16, code: u32| {
        server.now(move |asked| {
            Says::new(status, json!({ "code": code, "message": String::from_utf8_lossy(&asked.body) }).to_string())
        });
    };
    for (status, code, outcome) in [
        (400, 21211, Outcome::Undeliverable(Fault::Unknown)),
        (400, 21614, Outcome::Undeliverable(Fault::Unknown)),
        (400, 21610, Outcome::Undeliverable(Fault::Blocked)),
        (400, 21408, Outcome::Unavailable { retry_at: None }),
        (401, 20003, Outcome::Unavailable { retry_at: None }),
        (429, 20429, Outcome::Unavailable { retry_at: None }),
        (500, 20500, Outcome::Unavailable { retry_at: None }),
        (400, 99999, Outcome::Unavailable { retry_at: None }),
    ] {
        refuse(status, code);
        let gateways = bare().with_sms("main", 1, SmsProvider::Twilio(twilio(&server)));
        let delivery = send(&gateways).await;
        assert_eq!(delivery.outcome, outcome, "{code}");
        failure(&delivery);
    }
    // A lie: 200, and a page.
    server.now(|_| Says::new(200, "<html>804319</html>"));
    let gateways = bare().with_sms("main", 1, SmsProvider::Twilio(twilio(&server)));
    assert_eq!(failure(&send(&gateways).await).0, FailureKind::Unintelligible);
}

#[tokio::test]
async fn a_receipt_of_twilios_is_believed_if_twilio_signed_it() {
    let server = StandIn::start(twilio_api).await;
    let gateways = bare().with_sms("main", 1, SmsProvider::Twilio(twilio(&server)));
    let url = "https://mfa.example.org/receipts/main";
    let body = "MessageStatus=undelivered&MessageSid=SM900&ErrorCode=30003&To=%2B4915123456789";
    let signed = format!("{url}ErrorCode30003MessageSidSM900MessageStatusundeliveredTo+4915123456789");
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"hush");
    let signature = BASE64.encode(hmac::sign(&key, signed.as_bytes()).as_ref());
    let posted = Posted { url, signature: &signature, authorization: "", is_json: false, body: body.as_bytes() };
    let receipt = gateways.receipt("main", &posted).unwrap();
    assert_eq!((receipt.reference.as_str(), receipt.state), ("SM900", ReceiptState::Failed));
    assert_eq!(receipt.code.as_deref(), Some("30003"));

    let changed = body.replace("undelivered", "delivered");
    for forged in [
        Posted { body: changed.as_bytes(), ..posted },
        Posted { url: "https://mfa.example.org/receipts/other", ..posted },
        Posted { signature: "", ..posted },
        Posted { signature: "AAAA", ..posted },
    ] {
        assert_eq!(gateways.receipt("main", &forged), Err(InvalidReceipt::Signature));
    }
    assert_eq!(gateways.receipt("other", &posted), Err(InvalidReceipt::None));
}

// Vonage

fn vonage(server: &StandIn) -> Vonage {
    Vonage::new("abcd", "hush".into(), "Example").at(format!("http://{}", server.address)).with_receipts_to(
        "https://mfa.example.org/receipts/v",
        "s1gn1ng".into(),
        VonageSignature::Sha256,
    )
}

/// As Vonage's SMS API is documented: always 200.
fn vonage_api(asked: &Asked) -> Says {
    let status = if asked.path != "/sms/json" || asked.method != "POST" {
        return Says::new(404, "");
    } else if asked.field("api_key") != "abcd" || asked.field("api_secret") != "hush" {
        "4"
    } else if asked.field("to").starts_with('+') || asked.field("text").is_empty() || asked.field("from").is_empty() {
        "3"
    } else {
        "0"
    };
    let message =
        json!({ "to": asked.field("to"), "message-id": "0A1", "status": status, "error-text": asked.field("text") });
    Says::new(200, json!({ "message-count": "1", "messages": [message] }).to_string())
}

#[tokio::test]
async fn vonage_is_asked_as_it_documents() {
    let server = StandIn::start(vonage_api).await;
    let gateways = bare().with_sms("v", 1, SmsProvider::Vonage(vonage(&server)));
    assert_eq!(sent(&send(&gateways).await), ("v", Some("0A1")));
    let asked = server.only();
    assert_eq!(asked.field("to"), "4915123456789");
    assert_eq!(asked.field("text"), TEXT);
    assert_eq!(asked.field("type"), "text");
    assert_eq!(asked.field("ttl"), "300000");
}

#[tokio::test]
async fn what_vonage_refuses_with_200_is_no_success() {
    let server = StandIn::start(vonage_api).await;
    for (status, kind) in [
        ("1", FailureKind::Unable),
        ("4", FailureKind::Refused),
        ("9", FailureKind::Refused),
        ("7", FailureKind::Recipient(Fault::Blocked)),
        ("33", FailureKind::Recipient(Fault::Unknown)),
        ("29", FailureKind::NotServed),
        ("804319 hush", FailureKind::NotServed),
    ] {
        server.now(move |_| {
            Says::new(200, json!({ "messages": [{ "status": status, "error-text": "804319" }] }).to_string())
        });
        let gateways = bare().with_sms("v", 1, SmsProvider::Vonage(vonage(&server)));
        assert_eq!(failure(&send(&gateways).await).0, kind, "{status}");
    }
    for nonsense in ["", "{}", "{\"messages\":[]}", "[]"] {
        server.now(move |_| Says::new(200, nonsense));
        let gateways = bare().with_sms("v", 1, SmsProvider::Vonage(vonage(&server)));
        assert_eq!(failure(&send(&gateways).await).0, FailureKind::Unintelligible, "{nonsense}");
    }
}

#[tokio::test]
async fn a_receipt_of_vonages_is_believed_if_it_is_signed_and_new() {
    let server = StandIn::start(vonage_api).await;
    let (gateways, clock) = setting();
    let gateways = gateways.with_sms("v", 1, SmsProvider::Vonage(vonage(&server)));
    let at = NOON.unix_seconds();
    let text = format!("&err-code=0&messageId=0A1&msisdn=4915123456789&nonce=n&status=delivered&timestamp={at}");
    let sig = HEXLOWER.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"s1gn1ng"), text.as_bytes()).as_ref());
    let body = format!("{}&sig={sig}", &text[1..]);
    let posted = |body: &'static str| Posted {
        url: "",
        signature: "",
        authorization: "",
        is_json: false,
        body: body.as_bytes(),
    };
    let good = posted(Box::leak(body.clone().into_boxed_str()));
    let receipt = gateways.receipt("v", &good).unwrap();
    assert_eq!((receipt.reference.as_str(), receipt.state, receipt.code), ("0A1", ReceiptState::Delivered, None));

    // The same as JSON.
    let object: serde_json::Map<String, Value> = form_urlencoded::parse(body.as_bytes())
        .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
        .collect();
    let as_json = Value::Object(object).to_string();
    let json_posted = Posted { is_json: true, body: as_json.as_bytes(), ..good };
    assert_eq!(gateways.receipt("v", &json_posted).unwrap().state, ReceiptState::Delivered);

    let forged = body.replace("0A1", "0A2");
    assert_eq!(gateways.receipt("v", &Posted { body: forged.as_bytes(), ..good }), Err(InvalidReceipt::Signature));
    let unsigned = &text[1..];
    assert_eq!(gateways.receipt("v", &Posted { body: unsigned.as_bytes(), ..good }), Err(InvalidReceipt::Signature));
    assert_eq!(gateways.receipt("v", &Posted { is_json: true, ..good }), Err(InvalidReceipt::Malformed));
    ManualClock::advance(&clock, Duration::from_mins(11));
    assert_eq!(gateways.receipt("v", &good), Err(InvalidReceipt::Old));
}

// Amazon SNS

fn sns(server: &StandIn) -> Sns {
    Sns::new("AKIDEXAMPLE", "hush".into(), "eu-central-1")
        .with_sender("Example")
        .at(format!("http://{}", server.address))
}

/// Signature Version 4, written once more from its documentation, over what arrived.
fn is_signed(asked: &Asked, secret: &str) -> bool {
    let hash = |bytes: &[u8]| HEXLOWER.encode(digest::digest(&digest::SHA256, bytes).as_ref());
    let mac =
        |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec();
    let authorization = asked.header("authorization");
    let part = |name: &str| {
        let (_, rest) = authorization.split_once(&format!("{name}=")).unwrap();
        rest.split(',').next().unwrap().to_owned()
    };
    let (credential, names) = (part("Credential"), part("SignedHeaders"));
    let scope = credential.split_once('/').unwrap().1;
    assert!(names.split(';').any(|name| name == "host") && names.split(';').any(|name| name == "x-amz-date"));
    let mut canonical = format!("{}\n{}\n\n", asked.method, asked.path);
    for name in names.split(';') {
        canonical += &format!("{name}:{}\n", asked.header(name));
    }
    canonical += &format!("\n{names}\n{}", hash(&asked.body));
    let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", asked.header("x-amz-date"), hash(canonical.as_bytes()));
    let mut key = format!("AWS4{secret}").into_bytes();
    for step in scope.split('/') {
        key = mac(&key, step);
    }
    credential.starts_with("AKIDEXAMPLE/20261125/eu-central-1/sns/aws4_request")
        && part("Signature") == HEXLOWER.encode(&mac(&key, &text))
}

fn sns_api(asked: &Asked) -> Says {
    let refused = |status, code: &str| {
        Says::new(
            status,
            format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>804319</Message></Error></ErrorResponse>"
            ),
        )
    };
    if !is_signed(asked, "hush") {
        return refused(403, "SignatureDoesNotMatch");
    }
    if asked.field("Action") != "Publish" || asked.field("Version") != "2010-03-31" {
        return refused(400, "InvalidAction");
    }
    if !asked.field("PhoneNumber").starts_with('+') || asked.field("Message").is_empty() {
        return refused(400, "InvalidParameter");
    }
    Says::new(200, "<PublishResponse><PublishResult><MessageId>5c1a-77</MessageId></PublishResult></PublishResponse>")
}

#[tokio::test]
async fn sns_is_asked_as_it_documents_and_signed() {
    let server = StandIn::start(sns_api).await;
    let gateways = bare().with_sms("aws", 1, SmsProvider::Sns(sns(&server)));
    assert_eq!(sent(&send(&gateways).await), ("aws", Some("5c1a-77")));
    let asked = server.only();
    assert_eq!(asked.field("Message"), TEXT);
    let attributes: Vec<_> = asked.form().into_iter().filter(|(name, _)| name.ends_with("StringValue")).collect();
    assert_eq!(attributes.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), ["Transactional", "Example"]);

    let lent = Sns::new("AKIDEXAMPLE", "hush".into(), "eu-central-1")
        .with_session("lent".into())
        .at(format!("http://{}", server.address));
    let delivery = send(&bare().with_sms("aws", 1, SmsProvider::Sns(lent))).await;
    assert_eq!(sent(&delivery).1, Some("5c1a-77"), "with a token the signature holds as well");

    let wrong = Sns::new("AKIDEXAMPLE", "other".into(), "eu-central-1").at(format!("http://{}", server.address));
    let delivery = send(&bare().with_sms("aws", 1, SmsProvider::Sns(wrong))).await;
    assert_eq!(failure(&delivery).0, FailureKind::Refused);
}

// Anybody

#[tokio::test]
async fn any_api_is_asked_by_template() {
    let server = StandIn::start(|_| Says::new(202, json!({ "data": [{ "id": 77 }] }).to_string())).await;
    let json_api = HttpApi::new("POST", &server.url("/send"))
        .unwrap()
        .with_header("x-key", "hush".into())
        .with_sender("Example")
        .with_body(BodyKind::Json, r#"{"from": "{{ from }}", "to": ["{{ to }}"], "message": "{{ text }}"}"#)
        .unwrap()
        .with_reference("/data/0/id");
    let gateways = bare().with_sms("any", 1, SmsProvider::HttpApi(json_api));
    assert_eq!(sent(&send(&gateways).await), ("any", Some("77")));
    let asked = server.only();
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(body, json!({ "from": "Example", "to": ["+4915123456789"], "message": TEXT }));
    assert_eq!((asked.header("content-type"), asked.header("x-key")), ("application/json", "hush"));

    let form_api = HttpApi::new("POST", &server.url("/form"))
        .unwrap()
        .with_body(BodyKind::Form, "to={{ digits }}&text={{ text }}")
        .unwrap();
    send(&bare().with_sms("any", 1, SmsProvider::HttpApi(form_api))).await;
    let asked = server.asked().pop().unwrap();
    assert_eq!(asked.form(), [("to".to_owned(), "4915123456789".to_owned()), ("text".to_owned(), TEXT.to_owned())]);

    let in_url = HttpApi::new("GET", &server.url("/q?to={{ digits }}&text={{ text }}")).unwrap();
    send(&bare().with_sms("any", 1, SmsProvider::HttpApi(in_url))).await;
    let path = server.asked().pop().unwrap().path;
    let query: Vec<_> = form_urlencoded::parse(path.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
    assert_eq!(query[1].1, TEXT);
}

#[tokio::test]
async fn a_receipt_of_anybodys_carries_the_token_that_was_agreed_upon() {
    let api = HttpApi::new("POST", "https://sms.example.org/").unwrap().with_receipts(
        "agreed".into(),
        ("id".to_owned(), "state".to_owned()),
        vec!["DELIVRD".to_owned()],
        vec!["REJECTD".to_owned()],
    );
    let gateways = bare().with_sms("any", 1, SmsProvider::HttpApi(api));
    let posted = Posted {
        url: "",
        signature: "",
        authorization: "Bearer agreed",
        is_json: true,
        body: br#"{"id": 77, "state": "REJECTD"}"#,
    };
    let receipt = gateways.receipt("any", &posted).unwrap();
    assert_eq!(
        (receipt.reference.as_str(), receipt.state, receipt.code.as_deref()),
        ("77", ReceiptState::Failed, Some("REJECTD"))
    );
    for authorization in ["", "Bearer ", "Bearer other", "agreed"] {
        assert_eq!(gateways.receipt("any", &Posted { authorization, ..posted }), Err(InvalidReceipt::Signature));
    }
}

// Several

fn api(server: &StandIn) -> SmsProvider {
    let api = HttpApi::new("POST", &server.url("/")).unwrap();
    SmsProvider::HttpApi(api.with_body(BodyKind::Form, "text={{ text }}").unwrap())
}

#[tokio::test]
async fn w06_when_one_is_down_the_next_one_is_tried_and_it_is_left_alone() {
    let (bad, good) = (StandIn::start(|_| Says::new(503, "")).await, StandIn::start(|_| Says::new(200, "")).await);
    let (gateways, clock) = setting();
    let gateways = gateways.with_sms("bad", 100, api(&bad)).with_sms("good", 0, api(&good));
    for turn in 1..=3 {
        let delivery = send(&gateways).await;
        assert_eq!(sent(&delivery).0, "good");
        assert_eq!(delivery.attempts[0].gateway, "bad");
        let down: Vec<_> = delivery.changes.iter().map(|change| (change.gateway.as_str(), change.is_up)).collect();
        assert_eq!(down, if turn == 3 { vec![("bad", false)] } else { vec![] });
    }
    assert_eq!(send(&gateways).await.attempts.len(), 1);
    assert_eq!(bad.asked().len(), 3, "it was asked again while it was to be left alone");
    assert!(gateways.health()[0].down_until.is_some());

    bad.now(|_| Says::new(200, ""));
    clock.advance(Duration::from_secs(16));
    let delivery = send(&gateways).await;
    assert_eq!(sent(&delivery).0, "bad");
    assert_eq!(delivery.changes.len(), 1);
    assert!(delivery.changes[0].is_up && gateways.health()[0].down_until.is_none());
}

#[tokio::test]
async fn w06_when_all_are_down_that_is_said_at_once_and_until_when() {
    let server = StandIn::start(|_| Says::new(500, "804319")).await;
    let gateways = bare().with_sms("a", 1, api(&server)).with_sms("b", 1, api(&server));
    for _ in 0..3 {
        let delivery = send(&gateways).await;
        assert_eq!(delivery.attempts.len(), 2);
        failure(&delivery);
    }
    let delivery = send(&gateways).await;
    assert!(delivery.attempts.is_empty());
    assert_eq!(delivery.outcome, Outcome::Unavailable { retry_at: Some(NOON.plus(Duration::from_secs(15))) });
    assert!(!bare().has_sms());
    assert_eq!(send(&bare()).await.outcome, Outcome::Unavailable { retry_at: None });
}

#[tokio::test]
async fn who_does_not_answer_costs_a_second_and_not_the_message() {
    let slow = StandIn::start(|_| Says::new(200, "").after(Duration::from_mins(1))).await;
    let good = StandIn::start(|_| Says::new(200, "")).await;
    let gateways = bare().with_sms("slow", 1, api(&slow)).with_sms("good", 0, api(&good));
    let delivery = send(&gateways).await;
    assert_eq!(sent(&delivery).0, "good");
    assert_eq!(delivery.attempts[0].failure.as_ref().unwrap().kind, FailureKind::TimedOut);
}

#[tokio::test]
async fn no_recipient_can_take_a_gateway_from_the_others() {
    let server = StandIn::start(|_| Says::new(400, "")).await;
    let gateways = bare().with_sms("a", 1, api(&server));
    for _ in 0..10 {
        send(&gateways).await;
    }
    assert!(gateways.health()[0].down_until.is_none());
    assert_eq!(server.asked().len(), 10);
}

#[tokio::test]
async fn messages_are_shared_out_by_weight() {
    let (a, b) = (StandIn::start(|_| Says::new(200, "")).await, StandIn::start(|_| Says::new(200, "")).await);
    let gateways = bare().with_sms("a", 3, api(&a)).with_sms("b", 1, api(&b));
    for _ in 0..200 {
        send(&gateways).await;
    }
    let (a, b) = (a.asked().len(), b.asked().len());
    assert!((130..=170).contains(&a) && a + b == 200, "{a} and {b}");
}

#[tokio::test]
async fn t18_nothing_prints_what_was_sent_or_with_which_key() {
    let server = StandIn::start(twilio_api).await;
    let gateways = bare().with_sms("main", 1, SmsProvider::Twilio(twilio(&server)));
    let delivery = send(&gateways).await;
    let shown = format!("{gateways:?} {delivery:?} {:?} {:?} {:?}", twilio(&server), vonage(&server), sns(&server));
    for secret in ["hush", "804319", "s1gn1ng", "15123456789"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(format!("{:?}", Secret::new("hush")), "Secret(…)");
}
