//! Drawing the pages.

use std::fmt::Write;

use serde_json::Value;

use crate::http::problem::{KINDS, Kind};

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

const STYLE: &str = include_str!("style.css");

/// One operation: its path, its method, and what the document says of it.
type Operation<'a> = (&'a str, &'a str, &'a Value);

/// The reference of the whole API.
pub(super) fn reference(document: &Value) -> String {
    let mut tags: Vec<(&str, Vec<Operation<'_>>)> = Vec::new();
    for (path, item) in at(document, "/paths").as_object().into_iter().flatten() {
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let tag = at(operation, "/tags/0").as_str().unwrap_or("Other");
            match tags.iter_mut().find(|(name, _)| *name == tag) {
                Some((_, operations)) => operations.push((path, method, operation)),
                None => tags.push((tag, vec![(path, method, operation)])),
            }
        }
    }
    let mut body = String::new();
    let nav: String = tags.iter().map(|(tag, _)| ["<a href=\"#", tag, "\">", tag, "</a>"].concat()).collect();
    let _ = write!(
        body,
        "<header><h1>Countersign API <small>{}</small></h1><p>{}</p><p><code>Authorization: Bearer csk_…</code> on every request \
         but those under Operation. The same as a machine reads it: <a href=\"/openapi.json\">openapi.json</a> (OpenAPI 3.1).</p>\
         <nav>{nav}<a href=\"#problems\">Problems</a></nav></header>",
        escape(at(document, "/info/version").as_str().unwrap_or_default()),
        prose(at(document, "/info/description").as_str().unwrap_or_default()),
    );
    for (tag, operations) in &tags {
        let _ = write!(body, "<h2 id=\"{tag}\">{tag}</h2>");
        for operation in operations {
            draw(&mut body, document, *operation);
        }
    }
    body.push_str("<h2 id=\"problems\">Problems</h2><table><tr><th>type</th><th>status</th><th>meaning</th></tr>");
    for kind in KINDS {
        let _ = write!(
            body,
            "<tr><td><a href=\"/problems/{0}\"><code>{0}</code></a></td><td>{1}</td><td>{2}</td></tr>",
            kind.slug,
            kind.status.as_u16(),
            prose(kind.meaning),
        );
    }
    body.push_str("</table>");
    frame("Countersign API", &body)
}

/// The page of one kind of problem.
pub(super) fn explanation(kind: &Kind) -> String {
    let body = format!(
        "<header><p><a href=\"/docs\">Countersign API</a></p><h1>{}</h1><p><code>{}</code> · HTTP {}</p></header><p>{}</p>",
        escape(kind.title),
        kind.slug,
        kind.status.as_u16(),
        prose(kind.meaning),
    );
    frame(kind.title, &body)
}

fn frame(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>",
        escape(title)
    )
}

fn draw(body: &mut String, document: &Value, (path, method, operation): Operation<'_>) {
    let id = at(operation, "/operationId").as_str().unwrap_or_default();
    let path = escape(path).replace('{', "<i>{").replace('}', "}</i>");
    let _ = write!(
        body,
        "<section id=\"{id}\"><h3><b class=\"{method}\">{}</b> <code>{path}</code></h3><p><strong>{}</strong></p>",
        method.to_uppercase(),
        prose(at(operation, "/summary").as_str().unwrap_or_default()),
    );
    if let Some(description) = at(operation, "/description").as_str() {
        let _ = write!(body, "<p>{}</p>", prose(description));
    }
    let parameters: Vec<&Value> =
        at(operation, "/parameters").as_array().into_iter().flatten().filter(|p| at(p, "/in") == "query").collect();
    if !parameters.is_empty() {
        let rows = parameters.iter().map(|parameter| Row {
            name: at(parameter, "/name").as_str().unwrap_or_default(),
            kind: kind_of(document, at(parameter, "/schema")),
            required: at(parameter, "/required") == true,
            description: at(parameter, "/description").as_str().unwrap_or_default(),
        });
        table(body, "Query", rows);
    }
    let request = at(operation, "/requestBody/content/application~1json/schema");
    if !request.is_null() {
        schema(body, document, "Body", request, true);
    }
    for (status, response) in at(operation, "/responses").as_object().into_iter().flatten() {
        if status == "default" {
            continue;
        }
        let title = format!("{status} {}", at(response, "/description").as_str().unwrap_or_default());
        let answer = at(response, "/content/application~1json/schema");
        schema(body, document, &title, answer, false);
    }
    body.push_str("</section>");
}

struct Row<'a> {
    name: &'a str,
    kind: String,
    required: bool,
    description: &'a str,
}

fn schema(body: &mut String, document: &Value, title: &str, schema: &Value, marks_required: bool) {
    let resolved = resolve(document, schema);
    let required: Vec<&str> =
        at(resolved, "/required").as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let properties = at(resolved, "/properties").as_object();
    let rows = properties.into_iter().flatten().map(|(name, property)| Row {
        name,
        kind: kind_of(document, property),
        required: marks_required && required.contains(&name.as_str()),
        description: at(property, "/description").as_str().unwrap_or_default(),
    });
    table(body, title, rows);
}

fn table<'a>(body: &mut String, title: &str, rows: impl Iterator<Item = Row<'a>>) {
    let _ = write!(body, "<h4>{}</h4>", prose(title));
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    body.push_str("<table>");
    for row in rows {
        let _ = write!(
            body,
            "<tr><td><code>{}</code>{}</td><td>{}</td><td>{}</td></tr>",
            escape(row.name),
            if row.required { " <em>required</em>" } else { "" },
            row.kind,
            prose(row.description),
        );
    }
    body.push_str("</table>");
}

/// What a schema is called: its type, or the name of what it refers to.
fn kind_of(document: &Value, schema: &Value) -> String {
    if let Some(name) = at(schema, "/$ref").as_str() {
        let name = name.rsplit('/').next().unwrap_or_default();
        let inner = resolve(document, schema);
        return match at(inner, "/enum").as_array() {
            Some(values) => values
                .iter()
                .filter_map(Value::as_str)
                .map(|v| format!("<code>{}</code>", escape(v)))
                .collect::<Vec<_>>()
                .join(" "),
            None => escape(name),
        };
    }
    if let Some(of) = at(schema, "/oneOf").as_array() {
        return of
            .iter()
            .filter(|s| at(s, "/type") != "null")
            .map(|s| kind_of(document, s))
            .collect::<Vec<_>>()
            .join(" or ");
    }
    let names: Vec<&str> = match at(schema, "/type") {
        Value::String(name) => vec![name],
        Value::Array(names) => names.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect(),
        _ => vec!["any"],
    };
    match names.as_slice() {
        ["array"] => format!("list of {}", kind_of(document, at(schema, "/items"))),
        names => names.join(" or "),
    }
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match at(schema, "/$ref").as_str().and_then(|name| name.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).unwrap_or(&Value::Null),
        None => schema,
    }
}

/// What stands at this JSON Pointer (RFC 6901); null if nothing does.
fn at<'a>(value: &'a Value, pointer: &str) -> &'a Value {
    value.pointer(pointer).unwrap_or(&Value::Null)
}

/// Text with `code` in it.
fn prose(text: &str) -> String {
    let parts = text.split('`').enumerate();
    parts.map(|(n, part)| if n % 2 == 1 { format!("<code>{}</code>", escape(part)) } else { escape(part) }).collect()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
