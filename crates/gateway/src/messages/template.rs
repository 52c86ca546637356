//! One template: text with places for values, which are escaped for where they end up.

use minijinja::value::Value;
use minijinja::{Environment, ErrorKind, Output, State, UndefinedBehavior};

use crate::Secret;

/// What one rendering may cost: some hundred steps are a long message.
const FUEL: u64 = 20_000;

/// The longest text.
const LONGEST: usize = 64 << 10;

/// What values are escaped for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// Plain text.
    None,
    /// HTML.
    Html,
    /// The inside of a string of JSON: the quotes stand in the template.
    Json,
    /// A form's value, or a part of a URL.
    Form,
}

/// A template that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the template {template} {why}")]
pub struct InvalidTemplate {
    /// Which.
    pub template: String,
    /// Why, without any value.
    pub why: String,
}

impl InvalidTemplate {
    pub(crate) fn new(template: impl Into<String>, why: impl Into<String>) -> Self {
        Self { template: template.into(), why: why.into() }
    }
}

/// A template, which has been read once.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    name: String,
    source: String,
    escape: Escape,
}

impl Template {
    /// Reads it.
    pub(crate) fn new(name: String, source: String, escape: Escape) -> Result<Self, InvalidTemplate> {
        if source.len() > LONGEST {
            return Err(InvalidTemplate::new(name, "is too long"));
        }
        let template = Self { name, source, escape };
        environment(escape)
            .template_from_named_str(&template.name, &template.source)
            .map_err(|error| template.cannot(&error))?;
        Ok(template)
    }

    /// The text with the values in their places.
    pub(crate) fn render(&self, values: &Value) -> Result<Secret, InvalidTemplate> {
        let environment = environment(self.escape);
        let template =
            environment.template_from_named_str(&self.name, &self.source).map_err(|error| self.cannot(&error))?;
        let text = template.render(values.clone()).map(Secret::new).map_err(|error| self.cannot(&error))?;
        if text.expose().len() > LONGEST {
            return Err(InvalidTemplate::new(&self.name, "makes a text that is too long"));
        }
        Ok(text)
    }

    /// What is wrong, without the detail that could quote a value.
    fn cannot(&self, error: &minijinja::Error) -> InvalidTemplate {
        let line = error.line().map(|line| format!(" in line {line}")).unwrap_or_default();
        let what = match error.kind() {
            ErrorKind::UndefinedError => "asks for a value that there is not".to_owned(),
            ErrorKind::OutOfFuel => "does not come to an end".to_owned(),
            ErrorKind::SyntaxError => format!("cannot be read: {}", error.detail().unwrap_or("its syntax is wrong")),
            other => format!("cannot be used: {other}"),
        };
        InvalidTemplate::new(&self.name, format!("{what}{line}"))
    }
}

fn environment(escape: Escape) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(FUEL));
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    match escape {
        Escape::None => environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None),
        Escape::Html => environment.set_auto_escape_callback(|_| minijinja::AutoEscape::Html),
        Escape::Json => environment.set_formatter(|out, state, value| plain(out, state, value, as_json)),
        Escape::Form => environment.set_formatter(|out, state, value| plain(out, state, value, as_form)),
    }
    environment
}

/// Writes a value, escaped by `escape` and by nothing else: there is no `safe` that would let one through.
fn plain(
    out: &mut Output<'_>,
    _: &State<'_, '_>,
    value: &Value,
    escape: fn(&str) -> String,
) -> Result<(), minijinja::Error> {
    if value.is_undefined() {
        return Err(minijinja::Error::from(ErrorKind::UndefinedError));
    }
    out.write_str(&escape(&value.to_string())).map_err(|_| minijinja::Error::from(ErrorKind::WriteFailure))
}

fn as_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default().to_owned()
}

fn as_form(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
