//! What conditions can ask about.

/// What is known of a value before there are facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Bool,
    Number,
    Text,
    Null,
    /// A list of texts.
    Texts,
    /// A list of numbers.
    Numbers,
    /// A list of anything.
    List,
    Map,
    /// Whatever the application sends.
    Any,
}

/// A fact that conditions can ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Attribute {
    UserExternalId,
    Groups,
    UserServiceAccount,
    UserFactors,
    ApplicationId,
    ApplicationName,
    Action,
    ResourceType,
    ResourceId,
    ResourceProperties,
    Context,
    SessionAmr,
    SessionAge,
    SessionIdle,
    SessionLevel,
    SessionProved,
    Risk,
    Signal(Box<str>),
}

/// A name, what it stands for, and what is known of it.
pub(super) type Named = (&'static str, Attribute, Type);

/// The fields of each thing that has some, with what they are.
pub(super) const RECORDS: &[(&str, &[Named])] = &[
    (
        "user",
        &[
            ("external_id", Attribute::UserExternalId, Type::Text),
            ("groups", Attribute::Groups, Type::Texts),
            ("service_account", Attribute::UserServiceAccount, Type::Bool),
            ("factors", Attribute::UserFactors, Type::Texts),
        ],
    ),
    ("application", &[("id", Attribute::ApplicationId, Type::Text), ("name", Attribute::ApplicationName, Type::Text)]),
    (
        "resource",
        &[
            ("type", Attribute::ResourceType, Type::Text),
            ("id", Attribute::ResourceId, Type::Text),
            ("properties", Attribute::ResourceProperties, Type::Map),
        ],
    ),
    (
        "session",
        &[
            ("amr", Attribute::SessionAmr, Type::Texts),
            ("age", Attribute::SessionAge, Type::Number),
            ("idle", Attribute::SessionIdle, Type::Number),
            ("level", Attribute::SessionLevel, Type::Number),
            ("proved", Attribute::SessionProved, Type::Texts),
        ],
    ),
];

/// What stands by itself.
pub(super) const SINGLE: &[Named] = &[
    ("groups", Attribute::Groups, Type::Texts),
    ("action", Attribute::Action, Type::Text),
    ("context", Attribute::Context, Type::Map),
    ("risk", Attribute::Risk, Type::Number),
];

/// Its fields are whatever was noticed.
pub(super) const SIGNALS: &str = "signals";

pub(super) const FUNCTIONS: &[&str] =
    &["size", "startsWith", "endsWith", "contains", "matches", "has", "exists", "all"];

/// Every name that can stand by itself.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SINGLE.iter().map(|(name, _, _)| *name).chain(RECORDS.iter().map(|(name, _)| *name)).chain([SIGNALS])
}

impl Type {
    pub(super) const fn called(self) -> &'static str {
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

    /// What a list of this type has in it.
    pub(super) const fn element(self) -> Option<Self> {
        match self {
            Self::Texts => Some(Self::Text),
            Self::Numbers => Some(Self::Number),
            Self::List | Self::Any => Some(Self::Any),
            _ => None,
        }
    }

    pub(super) const fn is_list(self) -> bool {
        matches!(self, Self::Texts | Self::Numbers | Self::List)
    }

    /// Whether values of the two can be equal at all.
    pub(super) fn compares_with(self, other: Self) -> bool {
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
