//! What conditions can ask about, as whoever has facts says it.

use std::borrow::Cow;
use std::fmt::Debug;

/// The name of a fact.
pub trait Attribute: Debug + Clone + PartialEq {}

impl<T: Debug + Clone + PartialEq> Attribute for T {}

/// What conditions can ask about.
pub trait Schema {
    /// How a fact is named.
    type Attribute: Attribute;

    /// What a path such as `user.groups` leads to, piece by piece.
    fn find(&self, path: &[&str]) -> Found<'_, Self::Attribute>;
}

/// What a path leads to.
#[derive(Debug)]
pub enum Found<'s, A> {
    /// A fact, and what is known of it before there are any.
    Attribute(A, Type),
    /// A thing with these fields.
    Record(Vec<Cow<'s, str>>),
    /// It goes on inside a fact.
    Within,
    /// Nothing; these are what its last piece could have been.
    Nothing(Vec<Cow<'s, str>>),
}

/// What is known of a value before there are facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// True or false.
    Bool,
    /// A number, whole or not.
    Number,
    /// A text.
    Text,
    /// Nothing.
    Null,
    /// A list of texts.
    Texts,
    /// A list of numbers.
    Numbers,
    /// A list of anything.
    List,
    /// A map.
    Map,
    /// Whatever is sent.
    Any,
}

impl Type {
    /// What it is called where it is spoken of.
    pub const fn called(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Null => "null",
            Self::Texts => "a list of texts",
            Self::Numbers => "a list of numbers",
            Self::List => "a list",
            Self::Map => "a map",
            Self::Any => "anything",
        }
    }

    /// Whether what is of this type can stand where `wanted` is.
    pub fn serves_as(self, wanted: Self) -> bool {
        self == wanted
            || matches!(self, Self::Any)
            || matches!(wanted, Self::Any)
            || self.is_list() && wanted == Self::List
            || self == Self::List && wanted.is_list()
    }

    /// What a list of this type has in it.
    pub(crate) const fn element(self) -> Option<Self> {
        match self {
            Self::Texts => Some(Self::Text),
            Self::Numbers => Some(Self::Number),
            Self::List | Self::Any => Some(Self::Any),
            _ => None,
        }
    }

    pub(crate) const fn is_list(self) -> bool {
        matches!(self, Self::Texts | Self::Numbers | Self::List)
    }

    /// Whether values of the two can be equal at all.
    pub(crate) fn compares_with(self, other: Self) -> bool {
        let loose = |t| matches!(t, Self::Any | Self::Null);
        if loose(self) || loose(other) {
            return true;
        }
        if self.is_list() && other.is_list() {
            return self == other || self == Self::List || other == Self::List;
        }
        // Maps are not compared: what is in them is asked for.
        self == other && self != Self::Map
    }
}
