//! From what the parser makes to what is evaluated: typed, counted, and without all that is not needed.

use std::fmt::Debug;

use cel::common::ast::{CallExpr, ComprehensionExpr, Expr as Parsed, IdedExpr, LiteralValue, SourceInfo, operators};
use regex::{Regex, RegexBuilder};

use document::nearest;

use crate::schema::{Found, Schema, Type};
use crate::{Condition, Flaw, MAX_LIST};

/// The most steps that a condition may take.
pub(crate) const MAX_COST: u32 = 16_384;
const MAX_DEPTH: usize = 24;
/// A step is some ten nanoseconds: what a list or a text costs to go through is more of them.
const LIST_COST: u32 = 32;
const TEXT_COST: u32 = 16;
const REGEX_COST: u32 = 256;
const MAX_REGEX_BYTES: usize = 128;
const MAX_REGEX_SIZE: usize = 256 * 1024;

const FUNCTIONS: &[&str] = &["size", "startsWith", "endsWith", "contains", "matches", "has", "exists", "all"];

/// What is evaluated, about attributes of the kind `A`.
#[derive(Debug)]
pub(crate) enum Expr<A> {
    Null,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Box<str>),
    Attribute(A),
    /// What `exists` or `all` is at.
    Element,
    Field(Box<Self>, Box<str>),
    Index(Box<Self>, Box<Self>),
    HasAttribute(A),
    HasField(Box<Self>, Box<str>),
    Not(Box<Self>),
    Negate(Box<Self>),
    And(Vec<Self>),
    Or(Vec<Self>),
    If(Box<[Self; 3]>),
    Compare(Comparison, Box<(Self, Self)>),
    Arithmetic(Operation, Box<(Self, Self)>),
    In(Box<(Self, Self)>),
    List(Vec<Self>),
    Size(Box<Self>),
    TextTest(TextTest, Box<(Self, Self)>),
    Matches(Box<Self>, Regex),
    Exists(Box<(Self, Self)>),
    All(Box<(Self, Self)>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TextTest {
    StartsWith,
    EndsWith,
    Contains,
}

pub(crate) fn check<S: Schema>(
    parsed: &IdedExpr,
    source: &SourceInfo,
    schema: &S,
    wanted: Type,
) -> Result<Condition<S::Attribute>, Vec<Flaw>> {
    let mut checker = Checker { source, schema, flaws: Vec::new(), variable: None };
    let whole = checker.expression(parsed, 0);
    if let Some(whole) = &whole
        && !whole.kind.serves_as(wanted)
    {
        let is = whole.kind.called();
        checker.flaw(
            parsed,
            match wanted {
                Type::Bool => format!("a condition is true or false; this is {is}"),
                _ => format!("this has to be {}; it is {is}", wanted.called()),
            },
        );
    }
    match whole {
        Some(whole) if checker.flaws.is_empty() => {
            Ok(Condition { expr: whole.expr, cost: whole.cost, kind: whole.kind, constant: None })
        }
        _ => Err(checker.flaws),
    }
}

/// An expression that was checked.
struct Checked<A> {
    expr: Expr<A>,
    kind: Type,
    cost: u32,
}

struct Checker<'a, S> {
    source: &'a SourceInfo,
    schema: &'a S,
    flaws: Vec<Flaw>,
    /// What the list's elements are called inside `exists` and `all`, and what they are.
    variable: Option<(&'a str, Type)>,
}

impl<'a, S: Schema> Checker<'a, S> {
    fn flaw(&mut self, at: &IdedExpr, message: impl Into<String>) {
        self.suggest(at, message, None);
    }

    fn suggest(&mut self, at: &IdedExpr, message: impl Into<String>, suggestion: Option<String>) {
        let offset = self.source.offset_for(at.id).map_or(0, |(start, _)| start as usize);
        self.flaws.push(Flaw { offset, message: message.into(), suggestion });
    }

    fn expression(&mut self, at: &'a IdedExpr, depth: usize) -> Option<Checked<S::Attribute>> {
        if depth > MAX_DEPTH {
            self.flaw(at, format!("this goes more than {MAX_DEPTH} deep"));
            return None;
        }
        let constant = |expr, kind| Some(Checked { expr, kind, cost: 1 });
        match &at.expr {
            Parsed::Literal(LiteralValue::Boolean(value)) => constant(Expr::Bool(*value.inner()), Type::Bool),
            Parsed::Literal(LiteralValue::Int(value)) => constant(Expr::Int(*value.inner()), Type::Number),
            Parsed::Literal(LiteralValue::Double(value)) => constant(Expr::Double(*value.inner()), Type::Number),
            Parsed::Literal(LiteralValue::String(value)) => constant(Expr::Text(value.inner().into()), Type::Text),
            Parsed::Literal(LiteralValue::Null) => constant(Expr::Null, Type::Null),
            Parsed::Ident(_) | Parsed::Select(_) => self.selection(at, depth),
            Parsed::Call(call) => self.call(at, call, depth),
            Parsed::Comprehension(comprehension) => self.comprehension(at, comprehension, depth),
            Parsed::List(list) => {
                let items: Vec<_> = list.elements.iter().map(|item| self.expression(item, depth + 1)).collect();
                let items = items.into_iter().collect::<Option<Vec<_>>>()?;
                let all = |kind| !items.is_empty() && items.iter().all(|item| item.kind == kind);
                let kind = match () {
                    () if all(Type::Text) => Type::Texts,
                    () if all(Type::Number) => Type::Numbers,
                    () => Type::List,
                };
                let cost = items.iter().map(|item| item.cost).sum::<u32>() + 1;
                Some(Checked { expr: Expr::List(items.into_iter().map(|item| item.expr).collect()), kind, cost })
            }
            Parsed::Literal(LiteralValue::UInt(_)) => {
                self.flaw(at, "write this number without `u`");
                None
            }
            Parsed::Literal(LiteralValue::Bytes(_)) | Parsed::Map(_) | Parsed::Struct(_) | Parsed::Unspecified => {
                self.flaw(at, "conditions know no such value");
                None
            }
        }
    }

    /// `user.groups`, `context.amount`, `signals.new_device`, `has(context.amount)`, or the element of a list.
    fn selection(&mut self, at: &'a IdedExpr, depth: usize) -> Option<Checked<S::Attribute>> {
        let Parsed::Select(select) = &at.expr else {
            let Parsed::Ident(name) = &at.expr else { return None };
            return self.name(at, name);
        };
        if let Some(path) = self.path(at) {
            match self.schema.find(&path) {
                Found::Attribute(attribute, kind) => return Some(fact(attribute, kind, select.test)),
                Found::Record(_) => {
                    let name = path.join(".");
                    self.flaw(at, format!("say what of `{name}` is meant, as in `{name}.…`"));
                    return None;
                }
                Found::Nothing(known) => {
                    // What is wrong further left is told there.
                    let before = path.get(..path.len().saturating_sub(1)).unwrap_or_default();
                    if let Found::Record(_) = self.schema.find(before) {
                        let message = format!("`{}` has no `{}`", before.join("."), select.field);
                        let word = nearest(&select.field, known.iter().map(AsRef::as_ref));
                        self.suggest(at, message, word);
                        return None;
                    }
                }
                Found::Within => {}
            }
        }
        let of = self.expression(&select.operand, depth + 1)?;
        if !matches!(of.kind, Type::Map | Type::Any) {
            self.flaw(at, format!("`{}` is asked of {}, which has no fields", select.field, of.kind.called()));
            return None;
        }
        let (of, field, cost) = (Box::new(of.expr), select.field.as_str().into(), of.cost + 2);
        Some(if select.test {
            Checked { expr: Expr::HasField(of, field), kind: Type::Bool, cost }
        } else {
            Checked { expr: Expr::Field(of, field), kind: Type::Any, cost }
        })
    }

    /// `a.b.c` as it is written, if it is nothing else and begins with no element of a list.
    fn path(&self, at: &'a IdedExpr) -> Option<Vec<&'a str>> {
        match &at.expr {
            Parsed::Ident(name) if self.variable.is_none_or(|(variable, _)| variable != name) => Some(vec![name]),
            Parsed::Select(select) => {
                let mut path = self.path(&select.operand)?;
                path.push(&select.field);
                Some(path)
            }
            _ => None,
        }
    }

    fn name(&mut self, at: &IdedExpr, name: &str) -> Option<Checked<S::Attribute>> {
        if let Some((variable, kind)) = self.variable
            && variable == name
        {
            return Some(Checked { expr: Expr::Element, kind, cost: 1 });
        }
        match self.schema.find(&[name]) {
            Found::Attribute(attribute, kind) => return Some(fact(attribute, kind, false)),
            Found::Record(_) => self.flaw(at, format!("say what of `{name}` is meant, as in `{name}.…`")),
            Found::Nothing(known) => {
                let variable = self.variable.map(|(variable, _)| variable);
                let word = nearest(name, known.iter().map(AsRef::as_ref).chain(variable));
                self.suggest(at, format!("there is no `{name}`"), word);
            }
            Found::Within => self.flaw(at, format!("there is no `{name}`")),
        }
        None
    }

    fn call(&mut self, at: &'a IdedExpr, call: &'a CallExpr, depth: usize) -> Option<Checked<S::Attribute>> {
        let name = call.func_name.as_str();
        if name == operators::LOGICAL_AND || name == operators::LOGICAL_OR {
            return self.chain(at, name, depth);
        }
        let parsed: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        if !is_operator(name) && !FUNCTIONS.contains(&name) {
            let word = nearest(name, FUNCTIONS.iter().copied());
            let message = match name {
                "map" | "filter" | "exists_one" | "existsOne" => {
                    format!("`{name}` is not known here: ask with `exists` or `all`")
                }
                _ => format!("there is no function `{name}`"),
            };
            self.suggest(at, message, word);
            return None;
        }
        let checked: Vec<Option<Checked<_>>> = parsed.iter().map(|part| self.expression(part, depth + 1)).collect();
        let checked = checked.into_iter().collect::<Option<Vec<_>>>()?;
        match (<[Checked<_>; 1]>::try_from(checked), call.target.is_some()) {
            (Ok([one]), target) => self.unary(at, name, one, target),
            (Err(checked), target) => match <[Checked<_>; 2]>::try_from(checked) {
                Ok(two) => self.binary(at, name, two, target),
                Err(checked) => match <[Checked<_>; 3]>::try_from(checked) {
                    Ok([when, then, otherwise]) if name == operators::CONDITIONAL => {
                        self.want(at, &when, Type::Bool, "what stands before `?`")?;
                        let kind = if then.kind == otherwise.kind { then.kind } else { Type::Any };
                        let cost = when.cost + then.cost.max(otherwise.cost) + 1;
                        Some(Checked { expr: Expr::If(Box::new([when.expr, then.expr, otherwise.expr])), kind, cost })
                    }
                    _ => {
                        self.flaw(at, format!("`{name}` does not take these arguments"));
                        None
                    }
                },
            },
        }
    }

    /// `a && b && c` is one thing with three parts, however the parser sees it.
    fn chain(&mut self, at: &'a IdedExpr, name: &str, depth: usize) -> Option<Checked<S::Attribute>> {
        let mut parts = Vec::new();
        flatten(at, name, &mut parts);
        let mut exprs = Vec::new();
        let mut cost = 1;
        let mut whole = true;
        for part in parts {
            let checked = self.expression(part, depth + 1);
            let sign = if name == operators::LOGICAL_AND { "`&&`" } else { "`||`" };
            match checked {
                Some(checked)
                    if self.want(part, &checked, Type::Bool, &format!("what stands beside {sign}")).is_some() =>
                {
                    cost += checked.cost;
                    exprs.push(checked.expr);
                }
                _ => whole = false,
            }
        }
        let expr = if name == operators::LOGICAL_AND { Expr::And(exprs) } else { Expr::Or(exprs) };
        whole.then_some(Checked { expr, kind: Type::Bool, cost })
    }

    fn unary(
        &mut self,
        at: &IdedExpr,
        name: &str,
        of: Checked<S::Attribute>,
        _method: bool,
    ) -> Option<Checked<S::Attribute>> {
        match name {
            operators::LOGICAL_NOT => {
                self.want(at, &of, Type::Bool, "what stands behind `!`")?;
                Some(Checked { expr: Expr::Not(Box::new(of.expr)), kind: Type::Bool, cost: of.cost + 1 })
            }
            operators::NEGATE => {
                self.want(at, &of, Type::Number, "what stands behind `-`")?;
                Some(Checked { expr: Expr::Negate(Box::new(of.expr)), kind: Type::Number, cost: of.cost + 1 })
            }
            "size" => {
                if matches!(of.kind, Type::Bool | Type::Number | Type::Null) {
                    self.flaw(at, format!("{} has no size", of.kind.called()));
                    return None;
                }
                let cost = of.cost + TEXT_COST;
                Some(Checked { expr: Expr::Size(Box::new(of.expr)), kind: Type::Number, cost })
            }
            _ => {
                self.flaw(at, format!("`{name}` does not take these arguments"));
                None
            }
        }
    }

    fn binary(
        &mut self,
        at: &IdedExpr,
        name: &str,
        [left, right]: [Checked<S::Attribute>; 2],
        method: bool,
    ) -> Option<Checked<S::Attribute>> {
        let cost = left.cost + right.cost + 1;
        if let Some(comparison) = comparison(name) {
            return self.comparison(at, comparison, left, right);
        }
        if let Some(operation) = operation(name) {
            for side in [&left, &right] {
                self.want(at, side, Type::Number, "what is reckoned with")?;
            }
            let expr = Expr::Arithmetic(operation, Box::new((left.expr, right.expr)));
            return Some(Checked { expr, kind: Type::Number, cost });
        }
        match name {
            operators::IN => self.membership(at, left, right),
            operators::INDEX if matches!(left.kind, Type::Map | Type::Any) || left.kind.is_list() => {
                let kind = left.kind.element().unwrap_or(Type::Any);
                Some(Checked { expr: Expr::Index(Box::new(left.expr), Box::new(right.expr)), kind, cost })
            }
            "startsWith" | "endsWith" | "contains" | "matches" if method => self.text_test(at, name, left, right),
            _ => {
                self.flaw(at, format!("`{name}` does not take these arguments"));
                None
            }
        }
    }

    fn comparison(
        &mut self,
        at: &IdedExpr,
        how: Comparison,
        left: Checked<S::Attribute>,
        right: Checked<S::Attribute>,
    ) -> Option<Checked<S::Attribute>> {
        let ordered = |kind| matches!(kind, Type::Number | Type::Text | Type::Any);
        let equality = matches!(how, Comparison::Equal | Comparison::NotEqual);
        let fits = left.kind.compares_with(right.kind) && (equality || ordered(left.kind) && ordered(right.kind));
        if !fits {
            let (left, right) = (left.kind.called(), right.kind.called());
            self.flaw(at, format!("{left} is compared with {right} here, which is never true nor false"));
            return None;
        }
        let lists = left.kind.is_list() || right.kind.is_list() || left.kind == right.kind && left.kind == Type::Any;
        let cost = left.cost + right.cost + if lists { LIST_COST } else { 1 };
        Some(Checked { expr: Expr::Compare(how, Box::new((left.expr, right.expr))), kind: Type::Bool, cost })
    }

    fn membership(
        &mut self,
        at: &IdedExpr,
        left: Checked<S::Attribute>,
        right: Checked<S::Attribute>,
    ) -> Option<Checked<S::Attribute>> {
        let element = if right.kind == Type::Map { Some(Type::Text) } else { right.kind.element() };
        let Some(element) = element else {
            self.flaw(at, format!("nothing is in {}", right.kind.called()));
            return None;
        };
        if !left.kind.compares_with(element) {
            self.flaw(at, format!("{} is never in {}", left.kind.called(), right.kind.called()));
            return None;
        }
        let cost = left.cost + right.cost + LIST_COST;
        Some(Checked { expr: Expr::In(Box::new((left.expr, right.expr))), kind: Type::Bool, cost })
    }

    fn text_test(
        &mut self,
        at: &IdedExpr,
        name: &str,
        left: Checked<S::Attribute>,
        right: Checked<S::Attribute>,
    ) -> Option<Checked<S::Attribute>> {
        for side in [&left, &right] {
            self.want(at, side, Type::Text, &format!("what `{name}` is about"))?;
        }
        let test = match name {
            "startsWith" => TextTest::StartsWith,
            "endsWith" => TextTest::EndsWith,
            "contains" => TextTest::Contains,
            _ => return self.regex(at, left, &right),
        };
        let cost = left.cost + right.cost + TEXT_COST;
        Some(Checked { expr: Expr::TextTest(test, Box::new((left.expr, right.expr))), kind: Type::Bool, cost })
    }

    /// A pattern is read once, with the policy. One that only the facts know could be any.
    fn regex(
        &mut self,
        at: &IdedExpr,
        of: Checked<S::Attribute>,
        pattern: &Checked<S::Attribute>,
    ) -> Option<Checked<S::Attribute>> {
        let Expr::Text(pattern) = &pattern.expr else {
            self.flaw(at, "the pattern of `matches` has to stand here as it is");
            return None;
        };
        if pattern.len() > MAX_REGEX_BYTES {
            self.flaw(at, format!("a pattern has at most {MAX_REGEX_BYTES} bytes"));
            return None;
        }
        let built =
            RegexBuilder::new(pattern).size_limit(MAX_REGEX_SIZE).dfa_size_limit(MAX_REGEX_SIZE).nest_limit(16).build();
        match built {
            Ok(regex) => {
                let cost = of.cost + REGEX_COST;
                Some(Checked { expr: Expr::Matches(Box::new(of.expr), regex), kind: Type::Bool, cost })
            }
            Err(error) => {
                let error = error.to_string();
                self.flaw(at, format!("this pattern is none: {}", error.lines().last().unwrap_or_default().trim()));
                None
            }
        }
    }

    fn comprehension(
        &mut self,
        at: &'a IdedExpr,
        loops: &'a ComprehensionExpr,
        depth: usize,
    ) -> Option<Checked<S::Attribute>> {
        let Some((every, body)) = quantifier(loops) else {
            self.flaw(at, "lists are not made here: ask with `exists` or `all`");
            return None;
        };
        if self.variable.is_some() {
            self.flaw(at, "`exists` and `all` do not stand in one another");
            return None;
        }
        let list = self.expression(&loops.iter_range, depth + 1)?;
        let Some(element) = list.kind.element() else {
            self.flaw(&loops.iter_range, format!("this goes through a list; {} is none", list.kind.called()));
            return None;
        };
        if !matches!(self.schema.find(&[loops.iter_var.as_str()]), Found::Nothing(_)) {
            self.flaw(at, format!("`{}` has a meaning already: take another name", loops.iter_var));
            return None;
        }
        self.variable = Some((&loops.iter_var, element));
        let checked = self.expression(body, depth + 1);
        self.variable = None;
        let checked = checked?;
        self.want(body, &checked, Type::Bool, "what is asked of each element")?;
        let times = u32::try_from(MAX_LIST).unwrap_or(u32::MAX);
        let cost = list.cost.saturating_add(checked.cost.saturating_mul(times));
        let parts = Box::new((list.expr, checked.expr));
        Some(Checked { expr: if every { Expr::All(parts) } else { Expr::Exists(parts) }, kind: Type::Bool, cost })
    }

    fn want(&mut self, at: &IdedExpr, checked: &Checked<S::Attribute>, kind: Type, what: &str) -> Option<()> {
        if checked.kind == kind || checked.kind == Type::Any {
            return Some(());
        }
        self.flaw(at, format!("{what} has to be {}; this is {}", kind.called(), checked.kind.called()));
        None
    }
}

fn fact<A>(attribute: A, kind: Type, test: bool) -> Checked<A> {
    if test {
        return Checked { expr: Expr::HasAttribute(attribute), kind: Type::Bool, cost: 1 };
    }
    Checked { expr: Expr::Attribute(attribute), kind, cost: 2 }
}

fn flatten<'a>(at: &'a IdedExpr, name: &str, parts: &mut Vec<&'a IdedExpr>) {
    match &at.expr {
        Parsed::Call(call) if call.func_name == name => call.args.iter().for_each(|part| flatten(part, name, parts)),
        _ => parts.push(at),
    }
}

/// What the macros `all` (true) and `exists` (false) were, before the parser took them apart.
fn quantifier(loops: &ComprehensionExpr) -> Option<(bool, &IdedExpr)> {
    let Parsed::Literal(LiteralValue::Boolean(start)) = &loops.accu_init.expr else { return None };
    let Parsed::Call(step) = &loops.loop_step.expr else { return None };
    let [Parsed::Ident(accumulated), _] = [&step.args.first()?.expr, &step.args.get(1)?.expr] else { return None };
    let every = *start.inner();
    let operator = if every { operators::LOGICAL_AND } else { operators::LOGICAL_OR };
    (step.func_name == operator && *accumulated == loops.accu_var && loops.iter_var2.is_none())
        .then_some((every, step.args.get(1)?))
}

fn is_operator(name: &str) -> bool {
    comparison(name).is_some()
        || operation(name).is_some()
        || [operators::CONDITIONAL, operators::LOGICAL_NOT, operators::NEGATE, operators::INDEX, operators::IN]
            .contains(&name)
}

fn comparison(name: &str) -> Option<Comparison> {
    Some(match name {
        operators::EQUALS => Comparison::Equal,
        operators::NOT_EQUALS => Comparison::NotEqual,
        operators::LESS => Comparison::Less,
        operators::LESS_EQUALS => Comparison::LessOrEqual,
        operators::GREATER => Comparison::Greater,
        operators::GREATER_EQUALS => Comparison::GreaterOrEqual,
        _ => return None,
    })
}

fn operation(name: &str) -> Option<Operation> {
    Some(match name {
        operators::ADD => Operation::Add,
        operators::SUBSTRACT => Operation::Subtract,
        operators::MULTIPLY => Operation::Multiply,
        operators::DIVIDE => Operation::Divide,
        operators::MODULO => Operation::Remainder,
        _ => return None,
    })
}

/// Whether it says the same whatever the facts are.
pub(crate) fn is_constant<A>(expr: &Expr<A>) -> bool {
    match expr {
        Expr::Null | Expr::Bool(_) | Expr::Int(_) | Expr::Double(_) | Expr::Text(_) | Expr::Element => true,
        Expr::Attribute(_) | Expr::HasAttribute(_) => false,
        Expr::Field(of, _)
        | Expr::HasField(of, _)
        | Expr::Not(of)
        | Expr::Negate(of)
        | Expr::Size(of)
        | Expr::Matches(of, _) => is_constant(of),
        Expr::Index(of, at) => is_constant(of) && is_constant(at),
        Expr::And(parts) | Expr::Or(parts) | Expr::List(parts) => parts.iter().all(is_constant),
        Expr::If(parts) => parts.iter().all(is_constant),
        Expr::Compare(_, two)
        | Expr::Arithmetic(_, two)
        | Expr::In(two)
        | Expr::TextTest(_, two)
        | Expr::Exists(two)
        | Expr::All(two) => is_constant(&two.0) && is_constant(&two.1),
    }
}

/// The facts that an expression asks for, each with the way within it.
pub(crate) fn asked<'a, A>(expr: &'a Expr<A>, found: &mut Vec<(&'a A, Vec<&'a str>)>) {
    if let Some(way) = way(expr) {
        found.push(way);
        return;
    }
    match expr {
        Expr::Attribute(_)
        | Expr::HasAttribute(_)
        | Expr::Null
        | Expr::Bool(_)
        | Expr::Int(_)
        | Expr::Double(_)
        | Expr::Text(_)
        | Expr::Element => {}
        Expr::Field(of, _)
        | Expr::HasField(of, _)
        | Expr::Not(of)
        | Expr::Negate(of)
        | Expr::Size(of)
        | Expr::Matches(of, _) => asked(of, found),
        Expr::And(parts) | Expr::Or(parts) | Expr::List(parts) => parts.iter().for_each(|part| asked(part, found)),
        Expr::If(parts) => parts.iter().for_each(|part| asked(part, found)),
        Expr::Index(one, two) => [one, two].into_iter().for_each(|part| asked(part, found)),
        Expr::Compare(_, two)
        | Expr::Arithmetic(_, two)
        | Expr::In(two)
        | Expr::TextTest(_, two)
        | Expr::Exists(two)
        | Expr::All(two) => [&two.0, &two.1].into_iter().for_each(|part| asked(part, found)),
    }
}

/// What an expression is that asks for a fact, or for something within one.
fn way<A>(expr: &Expr<A>) -> Option<(&A, Vec<&str>)> {
    match expr {
        Expr::Attribute(attribute) | Expr::HasAttribute(attribute) => Some((attribute, Vec::new())),
        Expr::Field(of, name) | Expr::HasField(of, name) => {
            let (attribute, mut fields) = way(of)?;
            fields.push(name);
            Some((attribute, fields))
        }
        _ => None,
    }
}

/// What a condition asks of one attribute, where all its parts have to hold.
fn demanded<A: Debug>(expr: &Expr<A>) -> Vec<(String, Comparison, &Expr<A>)> {
    let parts = if let Expr::And(parts) = expr { parts.as_slice() } else { std::slice::from_ref(expr) };
    parts.iter().filter_map(demand).collect()
}

fn demand<A: Debug>(part: &Expr<A>) -> Option<(String, Comparison, &Expr<A>)> {
    let Expr::Compare(how, sides) = part else { return None };
    let (left, right) = &**sides;
    let literal = matches!(right, Expr::Text(_) | Expr::Int(_) | Expr::Double(_) | Expr::Bool(_));
    if literal { Some((path(left)?, *how, right)) } else { None }
}

fn path<A: Debug>(expr: &Expr<A>) -> Option<String> {
    match expr {
        Expr::Attribute(attribute) => Some(format!("{attribute:?}")),
        Expr::Field(of, name) => Some(format!("{}.{name}", path(of)?)),
        _ => None,
    }
}

/// Whether two parts that have to hold together cannot.
pub(crate) fn contradicts_itself<A: Debug>(expr: &Expr<A>) -> bool {
    let demanded = demanded(expr);
    demanded.iter().enumerate().any(|(i, (path, how, value))| {
        demanded.iter().skip(i + 1).any(|(other_path, other_how, other)| {
            path == other_path && (excludes(*how, value, *other_how, other) || excludes(*other_how, other, *how, value))
        })
    })
}

fn excludes<A>(how: Comparison, value: &Expr<A>, other_how: Comparison, other: &Expr<A>) -> bool {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let number = |expr: &Expr<A>| match expr {
        #[allow(clippy::cast_precision_loss, reason = "a warning is all that hangs on it")]
        Expr::Int(value) => Some(*value as f64),
        Expr::Double(value) => Some(*value),
        _ => None,
    };
    let same = match (value, other) {
        (Expr::Text(a), Expr::Text(b)) => Some(a == b),
        (Expr::Bool(a), Expr::Bool(b)) => Some(a == b),
        _ => number(value).zip(number(other)).map(|(a, b)| (a - b).abs() == 0.0),
    };
    let numbers = number(value).zip(number(other));
    match (how, other_how) {
        (Equal, Equal) => same == Some(false),
        (Equal, NotEqual) => same == Some(true),
        (Greater, Less | LessOrEqual) | (GreaterOrEqual, Less) => numbers.is_some_and(|(low, high)| low >= high),
        (GreaterOrEqual | Equal, LessOrEqual) => numbers.is_some_and(|(low, high)| low > high),
        (Equal, Less) => numbers.is_some_and(|(is, high)| is >= high),
        (Equal, Greater) => numbers.is_some_and(|(is, low)| is <= low),
        (Equal, GreaterOrEqual) => numbers.is_some_and(|(is, low)| is < low),
        _ => false,
    }
}

/// The least whole number that `attribute` has to be, if it has to be one.
pub(crate) fn at_least<A: Debug>(expr: &Expr<A>, attribute: &str) -> Option<i64> {
    let demanded = demanded(expr).into_iter().filter(|(path, ..)| path == attribute);
    let least = demanded.filter_map(|(_, how, value)| match (how, value) {
        (Comparison::Equal | Comparison::GreaterOrEqual, Expr::Int(least)) => Some(*least),
        (Comparison::Greater, Expr::Int(below)) => below.checked_add(1),
        _ => None,
    });
    least.max()
}

/// The texts of which `attribute` has to be one, if it has.
pub(crate) fn demands<'a, A: Debug>(expr: &'a Expr<A>, attribute: &str) -> Option<Vec<&'a str>> {
    demanded(expr).into_iter().find_map(|(path, how, value)| match value {
        Expr::Text(text) if how == Comparison::Equal && path == attribute => Some(vec![&**text]),
        _ => None,
    })
}
