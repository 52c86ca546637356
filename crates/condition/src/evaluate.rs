//! The facts as conditions see them, and what conditions say of them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use serde_json::{Map, Value as Json};

use crate::check::{Comparison, Expr, Operation, TextTest};
use crate::schema::Attribute;
use crate::{MAX_LIST, MAX_TEXT};

/// Why a condition says nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble(Cow<'static, str>);

impl Trouble {
    /// A reason, for people.
    pub fn new(why: impl Into<Cow<'static, str>>) -> Self {
        Self(why.into())
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn trouble<T>(why: impl Into<Cow<'static, str>>) -> Result<T, Trouble> {
    Err(Trouble(why.into()))
}

fn missing<T>(name: &str) -> Result<T, Trouble> {
    trouble(format!("`{name}` is not known"))
}

/// What is said of what is larger than is looked at.
pub const TOO_MUCH: &str = "more was sent than is looked at";

/// What conditions are asked about.
pub trait Facts {
    /// How a fact is named.
    type Attribute: Attribute;

    /// What is known of it.
    ///
    /// # Errors
    /// Nothing is, and why.
    fn value(&self, attribute: &Self::Attribute) -> Result<Value<'_>, Trouble>;

    /// Whether anything is known of it.
    fn has(&self, attribute: &Self::Attribute) -> bool {
        self.value(attribute).is_ok()
    }
}

/// Whether an expression holds.
pub(crate) fn holds<F: Facts>(facts: &F, expr: &Expr<F::Attribute>) -> Result<bool, Trouble> {
    Scope { facts, element: Value::Null }.bool(expr)
}

/// What an expression comes to. A list that stands in it is handed back by its parts.
pub(crate) fn json_of<F: Facts>(facts: &F, expr: &Expr<F::Attribute>) -> Result<Json, Trouble> {
    let scope = Scope { facts, element: Value::Null };
    let value = match expr {
        Expr::List(items) => return items.iter().map(|item| json_of(facts, item)).collect(),
        Expr::If(parts) => {
            let [when, then, otherwise] = &**parts;
            return json_of(facts, if scope.bool(when)? { then } else { otherwise });
        }
        _ => scope.value(expr)?,
    };
    Ok(value.to_json())
}

/// What an expression without attributes says.
pub(crate) fn constant<A: Attribute>(expr: &Expr<A>) -> Option<bool> {
    struct Nothing<A>(std::marker::PhantomData<A>);
    impl<A: Attribute> Facts for Nothing<A> {
        type Attribute = A;
        fn value(&self, _: &A) -> Result<Value<'_>, Trouble> {
            trouble("there are no facts")
        }
    }
    holds(&Nothing(std::marker::PhantomData), expr).ok()
}

/// A value that an expression is about.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// Nothing, and known to be nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number with a fraction.
    Double(f64),
    /// A text.
    Text(&'a str),
    /// A list of texts.
    Texts(&'a [&'a str]),
    /// A list as it came in JSON.
    Array(&'a [Json]),
    /// A map as it came in JSON.
    Object(&'a Map<String, Json>),
}

impl<'a> Value<'a> {
    /// A text, if it is not longer than is looked at.
    ///
    /// # Errors
    /// It is longer than [`MAX_TEXT`].
    pub fn text(value: &'a str) -> Result<Self, Trouble> {
        text(value)
    }

    /// A list of texts, if it is not longer than is looked at.
    ///
    /// # Errors
    /// It is longer than [`MAX_LIST`].
    pub fn texts(values: &'a [&'a str]) -> Result<Self, Trouble> {
        texts(values)
    }

    /// What came as JSON, if it is not larger than is looked at.
    ///
    /// # Errors
    /// A text is longer than [`MAX_TEXT`], a list longer than [`MAX_LIST`], or a number none.
    pub fn json(value: &'a Json) -> Result<Self, Trouble> {
        json(value)
    }

    fn to_json(self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => value.into(),
            Self::Int(value) => value.into(),
            Self::Double(value) => value.into(),
            Self::Text(value) => value.into(),
            Self::Texts(values) => values.into(),
            Self::Array(values) => values.into(),
            Self::Object(entries) => entries.clone().into(),
        }
    }
}

fn text(text: &str) -> Result<Value<'_>, Trouble> {
    if text.len() > MAX_TEXT { trouble(TOO_MUCH) } else { Ok(Value::Text(text)) }
}

fn texts<'a>(texts: &'a [&'a str]) -> Result<Value<'a>, Trouble> {
    if texts.len() > MAX_LIST { trouble(TOO_MUCH) } else { Ok(Value::Texts(texts)) }
}

fn json(value: &Json) -> Result<Value<'_>, Trouble> {
    Ok(match value {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(int) => Value::Int(int),
            None => Value::Double(number.as_f64().filter(|f| f.is_finite()).ok_or(Trouble("no such number".into()))?),
        },
        Json::String(value) => return text(value),
        Json::Array(items) if items.len() > MAX_LIST => return trouble(TOO_MUCH),
        Json::Array(items) => Value::Array(items),
        Json::Object(entries) => Value::Object(entries),
    })
}

/// The facts, and where `exists` or `all` is at.
struct Scope<'a, F> {
    facts: &'a F,
    element: Value<'a>,
}

impl<'a, F: Facts> Scope<'a, F> {
    fn value(&self, expr: &'a Expr<F::Attribute>) -> Result<Value<'a>, Trouble> {
        Ok(match expr {
            Expr::Null => Value::Null,
            Expr::Bool(value) => Value::Bool(*value),
            Expr::Int(value) => Value::Int(*value),
            Expr::Double(value) => Value::Double(*value),
            Expr::Text(value) => Value::Text(value),
            Expr::Attribute(attribute) => self.facts.value(attribute)?,
            Expr::Element => self.element,
            Expr::Field(of, name) => match self.value(of)? {
                Value::Object(entries) => match entries.get(&**name) {
                    Some(value) => json(value)?,
                    None => return missing(name),
                },
                _ => return trouble(format!("`{name}` is asked of what has no fields")),
            },
            Expr::Index(of, at) => index(self.value(of)?, self.value(at)?)?,
            Expr::Negate(of) => arithmetic(Operation::Subtract, Value::Int(0), self.value(of)?)?,
            Expr::Arithmetic(operation, sides) => {
                let (left, right) = &**sides;
                arithmetic(*operation, self.value(left)?, self.value(right)?)?
            }
            Expr::Size(of) => Value::Int(size(self.value(of)?)?),
            Expr::If(parts) => {
                let [when, then, otherwise] = &**parts;
                return self.value(if self.bool(when)? { then } else { otherwise });
            }
            Expr::List(_) => return trouble("a list stands where a value is needed"),
            _ => Value::Bool(self.bool(expr)?),
        })
    }

    fn bool(&self, expr: &'a Expr<F::Attribute>) -> Result<bool, Trouble> {
        match expr {
            Expr::Bool(value) => Ok(*value),
            Expr::And(parts) => decided(parts.iter().map(|part| self.bool(part)), false),
            Expr::Or(parts) => decided(parts.iter().map(|part| self.bool(part)), true),
            Expr::Not(of) => self.bool(of).map(|value| !value),
            Expr::HasAttribute(attribute) => Ok(self.facts.has(attribute)),
            Expr::HasField(of, name) => match self.value(of)? {
                Value::Object(entries) => Ok(entries.contains_key(&**name)),
                _ => trouble(format!("`{name}` is asked of what has no fields")),
            },
            Expr::Compare(how, sides) => self.compare(*how, &sides.0, &sides.1),
            Expr::In(sides) => self.is_in(&sides.0, &sides.1),
            Expr::TextTest(how, sides) => match (self.value(&sides.0)?, self.value(&sides.1)?) {
                (Value::Text(text), Value::Text(part)) => Ok(match how {
                    TextTest::StartsWith => text.starts_with(part),
                    TextTest::EndsWith => text.ends_with(part),
                    TextTest::Contains => text.contains(part),
                }),
                _ => trouble("a text is needed here, and it is none"),
            },
            Expr::Matches(of, regex) => match self.value(of)? {
                Value::Text(text) => Ok(regex.is_match(text)),
                _ => trouble("a text is needed here, and it is none"),
            },
            Expr::Exists(parts) => self.quantified(&parts.0, &parts.1, true),
            Expr::All(parts) => self.quantified(&parts.0, &parts.1, false),
            _ => match self.value(expr)? {
                Value::Bool(value) => Ok(value),
                _ => trouble("this is neither true nor false"),
            },
        }
    }

    fn quantified(
        &self,
        list: &'a Expr<F::Attribute>,
        body: &'a Expr<F::Attribute>,
        enough: bool,
    ) -> Result<bool, Trouble> {
        let at = |element| Scope { facts: self.facts, element }.bool(body);
        match self.elements(list)? {
            Elements::Exprs(items) => decided(items.iter().map(|item| at(self.value(item)?)), enough),
            Elements::Texts(items) => decided(items.iter().map(|item| at(text(item)?)), enough),
            Elements::Values(items) => decided(items.iter().map(|item| at(json(item)?)), enough),
        }
    }

    fn elements(&self, list: &'a Expr<F::Attribute>) -> Result<Elements<'a, F::Attribute>, Trouble> {
        if let Expr::List(items) = list {
            return Ok(Elements::Exprs(items));
        }
        match self.value(list)? {
            Value::Texts(items) => Ok(Elements::Texts(items)),
            Value::Array(items) => Ok(Elements::Values(items)),
            _ => trouble("a list is needed here, and it is none"),
        }
    }

    fn is_in(&self, item: &'a Expr<F::Attribute>, list: &'a Expr<F::Attribute>) -> Result<bool, Trouble> {
        let item = self.value(item)?;
        if !matches!(list, Expr::List(_))
            && let Value::Object(entries) = self.value(list)?
        {
            let Value::Text(name) = item else { return trouble("a name is needed here, and it is none") };
            return Ok(entries.contains_key(name));
        }
        match self.elements(list)? {
            Elements::Exprs(items) => decided(items.iter().map(|other| equal(item, self.value(other)?)), true),
            Elements::Texts(items) => decided(items.iter().map(|other| equal(item, Value::Text(other))), true),
            Elements::Values(items) => decided(items.iter().map(|other| equal(item, json(other)?)), true),
        }
    }

    fn compare(
        &self,
        how: Comparison,
        left: &'a Expr<F::Attribute>,
        right: &'a Expr<F::Attribute>,
    ) -> Result<bool, Trouble> {
        if matches!(left, Expr::List(_)) || matches!(right, Expr::List(_)) {
            let same = self.same_lists(left, right)?;
            return Ok(same == (how == Comparison::Equal));
        }
        let (left, right) = (self.value(left)?, self.value(right)?);
        match how {
            Comparison::Equal => equal(left, right),
            Comparison::NotEqual => equal(left, right).map(|same| !same),
            Comparison::Less => order(left, right).map(Ordering::is_lt),
            Comparison::LessOrEqual => order(left, right).map(Ordering::is_le),
            Comparison::Greater => order(left, right).map(Ordering::is_gt),
            Comparison::GreaterOrEqual => order(left, right).map(Ordering::is_ge),
        }
    }

    fn same_lists(&self, left: &'a Expr<F::Attribute>, right: &'a Expr<F::Attribute>) -> Result<bool, Trouble> {
        let (left, right) = (self.elements(left)?, self.elements(right)?);
        if left.len() != right.len() {
            return Ok(false);
        }
        decided((0..left.len()).map(|i| equal(self.at(&left, i)?, self.at(&right, i)?)), false)
    }

    fn at(&self, elements: &Elements<'a, F::Attribute>, i: usize) -> Result<Value<'a>, Trouble> {
        let found = match elements {
            Elements::Exprs(items) => items.get(i).map(|item| self.value(item)),
            Elements::Texts(items) => items.get(i).map(|item| text(item)),
            Elements::Values(items) => items.get(i).map(json),
        };
        found.unwrap_or_else(|| trouble("the list is shorter"))
    }
}

enum Elements<'a, A> {
    Exprs(&'a [Expr<A>]),
    Texts(&'a [&'a str]),
    Values(&'a [Json]),
}

impl<A> Elements<'_, A> {
    fn len(&self) -> usize {
        match self {
            Self::Exprs(items) => items.len(),
            Self::Texts(items) => items.len(),
            Self::Values(items) => items.len(),
        }
    }
}

/// As CEL has it for `&&`, `||`, `all` and `exists`: one part that is `enough` decides, whatever else went wrong; else what went wrong
/// does.
fn decided(parts: impl Iterator<Item = Result<bool, Trouble>>, enough: bool) -> Result<bool, Trouble> {
    let mut wrong = None;
    for part in parts {
        match part {
            Ok(value) if value == enough => return Ok(enough),
            Ok(_) => {}
            Err(trouble) => wrong = wrong.or(Some(trouble)),
        }
    }
    wrong.map_or(Ok(!enough), Err)
}

fn equal(left: Value<'_>, right: Value<'_>) -> Result<bool, Trouble> {
    match (left, right) {
        (Value::Null, Value::Null) => Ok(true),
        (Value::Null, _) | (_, Value::Null) => Ok(false),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Text(_), Value::Text(_)) | (Value::Int(_) | Value::Double(_), Value::Int(_) | Value::Double(_)) => {
            order(left, right).map(Ordering::is_eq)
        }
        (Value::Texts(a), Value::Texts(b)) => Ok(a == b),
        (Value::Array(a), Value::Array(b)) => {
            let pairs = a.iter().zip(b).map(|(a, b)| equal(json(a)?, json(b)?));
            if a.len() == b.len() { decided(pairs, false) } else { Ok(false) }
        }
        (Value::Texts(texts), Value::Array(values)) | (Value::Array(values), Value::Texts(texts)) => {
            let pairs = texts.iter().zip(values).map(|(text, value)| equal(Value::Text(text), json(value)?));
            if texts.len() == values.len() { decided(pairs, false) } else { Ok(false) }
        }
        _ => trouble("two things are compared that are not of one kind"),
    }
}

fn order(left: Value<'_>, right: Value<'_>) -> Result<Ordering, Trouble> {
    let ordering = match (left, right) {
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(&b)),
        (Value::Double(a), Value::Double(b)) => a.partial_cmp(&b),
        (Value::Int(a), Value::Double(b)) => int_to_double(a, b),
        (Value::Double(a), Value::Int(b)) => int_to_double(b, a).map(Ordering::reverse),
        _ => None,
    };
    ordering.ok_or(Trouble("two things are compared that are not of one kind".into()))
}

/// Exactly, also where a number is too large to be told from its neighbour with a fraction.
fn int_to_double(int: i64, double: f64) -> Option<Ordering> {
    const END: f64 = 9_223_372_036_854_775_808.0;
    if double.is_nan() {
        return None;
    }
    if double >= END {
        return Some(Ordering::Less);
    }
    if double < -END {
        return Some(Ordering::Greater);
    }
    #[allow(clippy::cast_possible_truncation, reason = "whole, and within what an i64 can be")]
    let whole = double.trunc() as i64;
    Some(int.cmp(&whole).then_with(|| 0.0.partial_cmp(&double.fract()).unwrap_or(Ordering::Equal)))
}

fn arithmetic<'a>(operation: Operation, left: Value<'a>, right: Value<'a>) -> Result<Value<'a>, Trouble> {
    #[allow(clippy::cast_precision_loss, reason = "a number with a fraction is as exact as it is")]
    let double = |value| match value {
        Value::Int(int) => Some(int as f64),
        Value::Double(double) => Some(double),
        _ => None,
    };
    if let (Value::Int(a), Value::Int(b)) = (left, right) {
        let result = match operation {
            Operation::Add => a.checked_add(b),
            Operation::Subtract => a.checked_sub(b),
            Operation::Multiply => a.checked_mul(b),
            Operation::Divide => a.checked_div(b),
            Operation::Remainder => a.checked_rem(b),
        };
        return result.map(Value::Int).ok_or(Trouble("this number is too large, or divided by 0".into()));
    }
    let (Some(a), Some(b)) = (double(left), double(right)) else {
        return trouble("a number is needed here, and it is none");
    };
    let result = match operation {
        Operation::Add => a + b,
        Operation::Subtract => a - b,
        Operation::Multiply => a * b,
        Operation::Divide => a / b,
        Operation::Remainder => return trouble("only whole numbers have a remainder"),
    };
    if result.is_finite() { Ok(Value::Double(result)) } else { trouble("this number is too large, or divided by 0") }
}

fn index<'a>(of: Value<'a>, at: Value<'a>) -> Result<Value<'a>, Trouble> {
    match (of, at) {
        (Value::Object(entries), Value::Text(name)) => entries.get(name).map_or_else(|| missing(name), json),
        (Value::Texts(items), Value::Int(at)) => {
            let found = usize::try_from(at).ok().and_then(|at| items.get(at));
            found.map_or_else(|| trouble("the list is shorter"), |item| text(item))
        }
        (Value::Array(items), Value::Int(at)) => {
            let found = usize::try_from(at).ok().and_then(|at| items.get(at));
            found.map_or_else(|| trouble("the list is shorter"), json)
        }
        _ => trouble("this has no such place"),
    }
}

fn size(of: Value<'_>) -> Result<i64, Trouble> {
    let size = match of {
        Value::Text(text) => text.chars().count(),
        Value::Texts(items) => items.len(),
        Value::Array(items) => items.len(),
        Value::Object(entries) => entries.len(),
        _ => return trouble("this has no size"),
    };
    Ok(i64::try_from(size).unwrap_or(i64::MAX))
}
