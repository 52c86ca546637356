//! `ticket.open`: Jira, `ServiceNow`, or anybody who takes JSON.

use std::fmt::Write as _;

use data_encoding::BASE64;
use gateway::outside::Request;
use serde_json::{Map, Value, json};
use workflow::Told;

use super::{Errand, Given, post, shortened, text, unsent};
use crate::app::App;
use crate::app::workflows::inside::Fault;

/// The most characters of a title: Jira's limit is 255, `ServiceNow`'s 160.
const LONGEST_TITLE: usize = 160;

/// Which system of tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    Jira,
    ServiceNow,
    Http,
}

impl App {
    pub(super) async fn ticket(&self, errand: &Errand) -> Given {
        let system = match text(errand, "system") {
            Some("jira") => System::Jira,
            Some("servicenow") => System::ServiceNow,
            _ => System::Http,
        };
        let url = text(errand, "url").unwrap_or_default();
        let authorization = match (self.secret(errand, "bearer")?, self.secret(errand, "basic")?) {
            (Some(bearer), None) => Some(format!("Bearer {}", bearer.trim())),
            (None, Some(basic)) => Some(format!("Basic {}", BASE64.encode(basic.trim().as_bytes()))),
            (None, None) => None,
            (Some(_), Some(_)) => {
                return Err(Fault::final_one("`bearer` and `basic` were both told: one of them counts"));
            }
        };
        let allowed = |request: Request| match &authorization {
            Some(said) => request.header("authorization", said).map_err(|error| unsent(&error)),
            None => Ok(request),
        };
        if system == System::ServiceNow {
            // It may have been opened by an attempt whose answer was lost.
            let asked = allowed(
                Request::with_method("GET", &search(url, &errand.idempotency_key)).map_err(|error| unsent(&error))?,
            )?;
            let answer = self.ask(errand, asked).await?;
            let found: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
            if let Some(found) = found.pointer("/result/0") {
                return Ok(opened(system, url, &json!({ "result": found })));
            }
        }
        let answer = self.ask(errand, allowed(post(url, &body(system, errand))?)?).await?;
        Ok(opened(system, url, &serde_json::from_slice(&answer.body).unwrap_or_default()))
    }
}

/// What a ticket says. `fields` of the file go with it, and stand back behind what the action says itself.
fn body(system: System, errand: &Errand) -> Value {
    let title = text(errand, "title").unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let (title, key) = (shortened(&title, LONGEST_TITLE), &errand.idempotency_key);
    let mut message = text(errand, "message").unwrap_or_default().to_owned();
    let mut fields = match errand.with.get("fields") {
        Some(Told::Value(Value::Object(fields))) => fields.clone(),
        _ => Map::new(),
    };
    let own = match system {
        // Platform REST API, "Create issue". It knows no key of ours, so people can see which tickets are one.
        System::Jira => {
            let _ = write!(message, "\n\nCountersign {key}");
            json!({ "summary": title, "description": without_wiki(&message) })
        }
        // Table API, "Create a record".
        System::ServiceNow => json!({ "short_description": title, "description": message, "correlation_id": key }),
        System::Http => json!({ "title": title, "message": message, "key": key }),
    };
    if let Value::Object(own) = own {
        fields.extend(own);
    }
    if system == System::Jira { json!({ "fields": fields }) } else { Value::Object(fields) }
}

/// Where `ServiceNow` is asked for the ticket that has this key.
fn search(url: &str, key: &str) -> String {
    let table = url.trim().split(['?', '#']).next().unwrap_or_default();
    // `^` and `=` are words of its queries: a key has neither.
    let key = form_urlencoded::byte_serialize(key.as_bytes()).collect::<String>();
    format!("{table}?sysparm_query=correlation_id%3D{key}&sysparm_limit=1&sysparm_fields=number,sys_id")
}

/// A text in which nothing is Jira's markup: no link, no mention.
fn without_wiki(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '[' | ']' | '{' | '}' | '|' | '!' | '~' | '*' | '^' | '\\') {
            plain.push('\\');
        }
        plain.push(c);
    }
    plain
}

/// By what the ticket is known, and where people find it.
fn opened(system: System, url: &str, answer: &Value) -> Map<String, Value> {
    let said = |pointer: &str| match answer.pointer(pointer) {
        Some(Value::String(text)) if !text.is_empty() => Some(shortened(text, 255)),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let (scheme, rest) = url.trim().split_once("://").unwrap_or_default();
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let (id, at) = match system {
        System::Jira => {
            let key = said("/key");
            let at = key.as_ref().map(|key| format!("{scheme}://{host}/browse/{key}"));
            (key, at)
        }
        System::ServiceNow => {
            let table = rest.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/').rsplit('/').next();
            let at = said("/result/sys_id")
                .map(|id| format!("{scheme}://{host}/{}.do?sys_id={id}", table.unwrap_or("incident")));
            (said("/result/number"), at)
        }
        System::Http => (said("/id"), said("/url")),
    };
    let given = [("id", id), ("url", at)];
    given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errand(system: &str, fields: Value) -> Errand {
        let told = |value: Value| Told::Value(value);
        let with = [
            ("system", told(system.into())),
            ("title", told("Ana\nis [locked|http://x]".into())),
            ("message", told("See [here|http://x], [~ben] {code}".into())),
            ("fields", told(fields)),
        ];
        Errand {
            gives: false,
            is_last: false,
            run: domain::RunId::from_uuid(uuid::Uuid::nil()),
            action: "ticket.open".to_owned(),
            with: with.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            idempotency_key: "run_1/ticket".to_owned(),
            patience: std::time::Duration::from_secs(1),
            tokens: Vec::new(),
            parts: super::super::Parts {
                before: std::collections::BTreeSet::new(),
                key: "ticket".parse().unwrap(),
                attempt: 1,
                to: tokio::sync::mpsc::unbounded_channel().0,
            },
        }
    }

    #[test]
    fn w05_tickets_are_what_jira_and_servicenow_take() {
        let jira = body(System::Jira, &errand("jira", json!({ "project": { "key": "SEC" }, "summary": "other" })));
        assert_eq!(jira["fields"]["project"]["key"], "SEC");
        assert_eq!(jira["fields"]["summary"], "Ana is [locked|http://x]");
        let description = jira["fields"]["description"].as_str().unwrap();
        assert!(description.contains(r"\[here\|http://x\], \[\~ben\] \{code\}"), "{description}");
        assert!(description.ends_with("Countersign run_1/ticket"), "{description}");
        let now = body(System::ServiceNow, &errand("servicenow", json!({ "urgency": "1" })));
        assert_eq!((&now["urgency"], &now["correlation_id"]), (&json!("1"), &json!("run_1/ticket")));
        assert_eq!(now["short_description"], "Ana is [locked|http://x]");
        let plain = body(System::Http, &errand("http", Value::Null));
        assert_eq!((&plain["key"], plain.as_object().unwrap().len()), (&json!("run_1/ticket"), 3));
    }

    #[test]
    fn what_was_opened_is_found_again() {
        let jira =
            opened(System::Jira, "https://a.atlassian.net/rest/api/2/issue", &json!({ "id": "1", "key": "SEC-7" }));
        assert_eq!(Value::Object(jira), json!({ "id": "SEC-7", "url": "https://a.atlassian.net/browse/SEC-7" }));
        let url = "https://a.service-now.com/api/now/table/incident?x=1";
        let now = opened(System::ServiceNow, url, &json!({ "result": { "number": "INC1", "sys_id": "ab" } }));
        assert_eq!(
            Value::Object(now),
            json!({ "id": "INC1", "url": "https://a.service-now.com/incident.do?sys_id=ab" })
        );
        let plain = opened(System::Http, "https://x", &json!({ "id": 7 }));
        assert_eq!(Value::Object(plain), json!({ "id": "7" }));
        assert_eq!(opened(System::Http, "https://x", &Value::Null).len(), 0);
        let search = search(url, "run_1/a[3]");
        assert_eq!(search.split_once('?').unwrap().0, "https://a.service-now.com/api/now/table/incident");
        assert!(search.contains("correlation_id%3Drun_1%2Fa%5B3%5D"), "{search}");
    }
}
