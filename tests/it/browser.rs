//! A browser on a hosted page, by hand: its cookies, what it says of where a request is from, and its key pair. And the application that
//! sent it there.

use std::collections::BTreeMap;

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Api, Phone};
use crate::recipient::Recipient;

/// Where pages lead back to in these tests.
pub(crate) const SHOP: &str = "https://shop.example";

/// What the application keeps for a browser without a session, and makes pages for it with (RFC 7636, appendix B).
pub(crate) const CODE_VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CODE_CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// The code that a browser was given to take to the application.
pub(crate) fn code_of(opened: &Answer) -> String {
    let seen = opened.expect(200);
    assert_eq!(seen["step"], "redeem", "{seen}");
    let to = seen["return_to"].as_str().unwrap();
    to.split(['?', '&']).find_map(|pair| pair.strip_prefix("code=")).unwrap().to_owned()
}

/// An application that pages may lead back to.
pub(crate) struct Shop {
    pub(crate) api: Api,
    return_url: String,
}

impl Shop {
    /// The application of an administrator's client.
    pub(crate) async fn of(api: &Api) -> Self {
        let me = api.get("/v1/whoami").await.expect(200)["application"]["id"].as_str().unwrap().to_owned();
        api.patch(&format!("/v1/applications/{me}"), json!({ "return_origins": [SHOP] })).await.expect(200);
        Self::with(api.clone())
    }

    /// That of a client whose application may lead back already.
    pub(crate) fn with(api: Api) -> Self {
        Self { api, return_url: format!("{SHOP}/back?a=b") }
    }

    /// Asks for proof from whoever has this name, if anybody has, and answers the challenge's id.
    pub(crate) async fn challenge_of(&self, external_id: &str) -> String {
        let challenge = self.api.post("/v1/challenges", json!({ "external_id": external_id })).await.expect(201);
        challenge["id"].as_str().unwrap().to_owned()
    }

    /// A browser on its way to a page on which a challenge is proved.
    pub(crate) async fn challenge_page(&self, challenge_id: &str) -> Browser {
        self.page(json!({ "purpose": "challenge", "challenge_id": challenge_id })).await
    }

    /// A browser on its way to a page on which an authenticator is enrolled.
    pub(crate) async fn enroll_page(&self, session_id: &str) -> Browser {
        self.page(json!({ "purpose": "enroll", "session_id": session_id })).await
    }

    /// A browser on its way to a person's own page.
    pub(crate) async fn security_page(&self, session_id: &str) -> Browser {
        self.page(json!({ "purpose": "security", "session_id": session_id })).await
    }

    /// A browser on its way to a page on which somebody with these roles decides a task.
    pub(crate) async fn task_page(&self, session_id: &str, task_id: &str, roles: &[&str]) -> Browser {
        self.page(json!({ "purpose": "task", "session_id": session_id, "task_id": task_id, "roles": roles })).await
    }

    async fn page(&self, mut request: Value) -> Browser {
        request["return_url"] = json!(self.return_url);
        request["state"] = json!("x&y=\u{fc}");
        if let Some(id) = request["challenge_id"].as_str() {
            let challenge = self.api.get(&format!("/v1/challenges/{id}")).await.expect(200);
            if challenge["session_id"].is_null() {
                request["code_challenge"] = json!(CODE_CHALLENGE);
            }
        }
        let page = self.api.post("/v1/pages", request).await.expect(201);
        let url = page["url"].as_str().unwrap().to_owned();
        Browser {
            api: Api::new(&self.api.address, ""),
            id: page["id"].as_str().unwrap().to_owned(),
            path: url.strip_prefix(&self.api.address).expect("a link to this server").to_owned(),
            cookies: BTreeMap::new(),
            headers: vec![("sec-fetch-site", "same-origin".to_owned()), ("origin", self.api.address.clone())],
            recipient: Recipient::new(),
            shop: self.api.clone(),
        }
    }
}

/// A browser that follows one link.
pub(crate) struct Browser {
    api: Api,
    /// The page's id, which only the application knows.
    pub(crate) id: String,
    /// The link, from the server's root on.
    pub(crate) path: String,
    pub(crate) cookies: BTreeMap<String, String>,
    /// What it says of where its requests are from.
    pub(crate) headers: Vec<(&'static str, String)>,
    recipient: Recipient,
    /// The application, as it acts for the browser that it made the page for.
    pub(crate) shop: Api,
}

impl Browser {
    /// A browser that was led to a page by whoever knows nothing else of it.
    pub(crate) fn led_to(api: &Api, url: &str) -> Self {
        Self {
            api: Api::new(&api.address, ""),
            id: String::new(),
            path: url.strip_prefix(&api.address).expect("a link to this server").to_owned(),
            cookies: BTreeMap::new(),
            headers: vec![("sec-fetch-site", "same-origin".to_owned()), ("origin", api.address.clone())],
            recipient: Recipient::new(),
            shop: api.clone(),
        }
    }

    /// Another browser with the same link.
    pub(crate) fn another(&self) -> Self {
        Self {
            api: self.api.apart(),
            id: self.id.clone(),
            path: self.path.clone(),
            cookies: BTreeMap::new(),
            headers: self.headers.clone(),
            recipient: Recipient::new(),
            shop: self.shop.clone(),
        }
    }

    /// The same browser once more.
    pub(crate) fn again(&self) -> Self {
        Self { cookies: self.cookies.clone(), ..self.another() }
    }

    pub(crate) fn token(&self) -> &str {
        self.path.rsplit('/').next().unwrap()
    }

    /// Looks at the link, as whatever shows previews does too.
    pub(crate) async fn looks(&self) -> Answer {
        self.api.get(&self.path).await
    }

    /// Opens the page, by way of the application where that has not seen this browser on it yet.
    pub(crate) async fn opens(&mut self) -> Answer {
        let opened = self.opens_first().await;
        if opened.status != 200 || opened.json()["step"] != "redeem" {
            return opened;
        }
        let page = self.shop.get(&format!("/v1/pages/{}", self.id)).await.expect(200);
        let verifier = if page["session_id"].is_null() { json!(CODE_VERIFIER) } else { Value::Null };
        let whose = json!({ "session_id": page["session_id"], "code_verifier": verifier });
        self.redeems(&code_of(&opened), whose).await.expect(200);
        self.opens_first().await
    }

    /// Opens the page, and goes no further.
    pub(crate) async fn opens_first(&mut self) -> Answer {
        let body = json!({ "token": self.token() });
        self.post("open", body).await
    }

    /// Comes to the application with a code, which says whose browser that is.
    pub(crate) async fn redeems(&self, code: &str, whose: Value) -> Answer {
        let mut redeem = whose;
        redeem["code"] = json!(code);
        self.shop.post(&format!("/v1/pages/{}/redeem", self.id), redeem).await
    }

    pub(crate) async fn prove(&mut self, code: &str) -> Answer {
        self.post("prove", json!({ "code": code })).await
    }

    pub(crate) async fn confirm(&mut self, code: &str) -> Answer {
        self.post("confirm", json!({ "code": code })).await
    }

    /// Begins to enroll, and answers the app that was given the key.
    pub(crate) async fn begins(&mut self) -> Phone {
        let answer = self.begin().await;
        self.scans(&answer)
    }

    pub(crate) async fn begin(&mut self) -> Answer {
        let key = self.recipient.public_key();
        self.post("begin", json!({ "kind": "totp", "recipient_key": key, "label": null })).await
    }

    /// Opens what a view is sealed in, and puts the key into an app.
    pub(crate) fn scans(&self, answer: &Answer) -> Phone {
        let view = &answer.expect(200)["view"];
        let opened = self.recipient.open(&view["sealed"], view["authenticator_id"].as_str().unwrap());
        let usual = json!({ "algorithm": "SHA1", "digits": 6, "period": 30 });
        Phone::with_key(opened["secret"].as_str().unwrap(), &usual)
    }

    /// Comes to sign in, as a site says: has a page made, which is this browser's from then on.
    pub(crate) async fn arrives(&mut self, return_to: &str, state: &str) -> Answer {
        let answer = self.sends("sign-in", "sign-in", json!({ "return_to": return_to, "state": state })).await;
        if answer.status == 200 {
            self.path = format!("/sign-in/{}", answer.json()["token"].as_str().unwrap());
        }
        answer
    }

    /// What a script of the page asks.
    pub(crate) async fn post(&mut self, verb: &str, body: Value) -> Answer {
        let token = self.token().to_owned();
        self.sends(verb, &token, body).await
    }

    async fn sends(&mut self, verb: &str, token: &str, body: Value) -> Answer {
        let request = self.api.request(Method::POST, &format!("/pages/{verb}")).json(&body);
        let mut request = request.header("x-countersign-page", token);
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let answer = Api::answer(request.header("cookie", self.jar())).await.unwrap();
        if let Some(cookie) = answer.headers.get("set-cookie") {
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    /// A request to be changed by who attacks: with the cookies, and nothing else of a page.
    pub(crate) fn bare(&self, verb: &str) -> reqwest::RequestBuilder {
        self.api.request(Method::POST, &format!("/pages/{verb}")).header("cookie", self.jar())
    }

    fn jar(&self) -> String {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        pairs.join("; ")
    }
}
