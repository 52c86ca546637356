//! The words that workflows are made of, as data: actions with their parameters and outputs, queries, evidence.
//!
//! The engine carries actions out; this says what can be asked of it. docs/guide/workflows.md lists them.

use condition::Type;
use domain::{Aal, EventKind};

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text.
    Text,
    /// The address of a call, by `http` or `https`: its host stands in the file, or all of it is told.
    Address,
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// A list of texts.
    Texts,
    /// A name, as it stands in the file: it is told where nothing of people may be.
    Name,
    /// The id of a user.
    User,
    /// A span of time, as it stands in the file.
    Span,
    /// A time in RFC 3339.
    Time,
    /// An assurance level, as it stands in the file.
    Level,
    /// A text for people, with `{{ … }}` in it.
    Message,
    /// The same, in one language or in each of several, by their names.
    Messages,
    /// A reference to a secret, `{secret: env:NAME}`.
    Secret,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A map, or whatever else.
    Any,
}

impl Kind {
    /// What it is to conditions. A secret is nothing to them.
    pub(crate) const fn in_conditions(self) -> Option<Type> {
        Some(match self {
            Self::Text
            | Self::Address
            | Self::Name
            | Self::User
            | Self::Time
            | Self::Level
            | Self::Message
            | Self::Word(_) => Type::Text,
            Self::Number | Self::Span => Type::Number,
            Self::Bool => Type::Bool,
            Self::Texts => Type::Texts,
            Self::Messages | Self::Any => Type::Any,
            Self::Secret => return None,
        })
    }

    /// What it is called where it is spoken of.
    pub(crate) const fn called(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Address => "an address, as in `https://example.com/path`",
            Self::Name => "a name of small letters, digits and `_`, with `.` between them",
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::Texts => "a list of texts",
            Self::User => "the id of a user",
            Self::Span => "a span of time",
            Self::Time => "a time",
            Self::Level => "`aal1`, `aal2` or `aal3`",
            Self::Message => "a message",
            Self::Messages => "a message, or one for each language, as in `{en: Yes, de: Ja}`",
            Self::Secret => "a secret, as in `{secret: env:NAME}`, `{secret: file:/path}` or `{secret: input:NAME}`",
            Self::Word(_) => "one of some words",
            Self::Any => "anything",
        }
    }

    /// The kinds that inputs can be of, by name.
    pub(crate) const INPUTS: &'static [(&'static str, Self)] = &[
        ("text", Self::Text),
        ("number", Self::Number),
        ("bool", Self::Bool),
        ("texts", Self::Texts),
        ("user", Self::User),
        ("time", Self::Time),
    ];
}

/// A parameter of an action or query, or a field of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Whether it has to be there.
    pub required: bool,
}

/// Where the effect of an action is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// On our own data: it is one commit with the step, and happens once.
    Inside,
    /// Somewhere else: it happens at least once, each time with the same key.
    Outside,
}

/// Something that a step can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action {
    /// Its name, `noun.verb`.
    pub name: &'static str,
    /// What it does, for people.
    pub does: &'static str,
    /// Where its effect is.
    pub reach: Reach,
    /// What it takes.
    pub takes: &'static [Parameter],
    /// What it gives: name and kind.
    pub gives: &'static [(&'static str, Kind)],
    /// The events that it leads to.
    pub emits: &'static [EventKind],
    /// What it hands out to a user, who then counts as that much.
    pub hands_out: HandsOut,
    /// The action that it is the contrary of: where it undoes that, it is told which things that had changed.
    pub undoes: Option<&'static str>,
}

/// What an action hands out (T-31).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandsOut {
    /// Nothing.
    Nothing,
    /// This level; where a file says a `level`, it is this one.
    Level(Aal),
}

const fn need(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, required: true }
}

const fn may(name: &'static str, kind: Kind) -> Parameter {
    Parameter { name, kind, required: false }
}

const USER: Parameter = need("user", Kind::User);
const REASON: Parameter = may("reason", Kind::Text);
const KINDS: Parameter = may("kinds", Kind::Texts);
const COUNT: &[(&str, Kind)] = &[("count", Kind::Number)];
const SENT: &[(&str, Kind)] = &[("gateway", Kind::Text), ("reference", Kind::Text)];
const MESSAGE: Parameter = need("message", Kind::Message);

const fn action(name: &'static str, does: &'static str, reach: Reach, takes: &'static [Parameter]) -> Action {
    Action { name, does, reach, takes, gives: &[], emits: &[], hands_out: HandsOut::Nothing, undoes: None }
}

const fn inside(name: &'static str, does: &'static str, takes: &'static [Parameter]) -> Action {
    action(name, does, Reach::Inside, takes)
}

const fn outside(name: &'static str, does: &'static str, takes: &'static [Parameter]) -> Action {
    action(name, does, Reach::Outside, takes)
}

impl Action {
    const fn gives(mut self, gives: &'static [(&'static str, Kind)]) -> Self {
        self.gives = gives;
        self
    }

    const fn emits(mut self, emits: &'static [EventKind]) -> Self {
        self.emits = emits;
        self
    }

    const fn hands_out(mut self, hands_out: HandsOut) -> Self {
        self.hands_out = hands_out;
        self
    }

    const fn undoes(mut self, action: &'static str) -> Self {
        self.undoes = Some(action);
        self
    }

    /// The action of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        ACTIONS.iter().find(|action| action.name == name)
    }
}

/// The actions that take from people what they prove by: where that would leave an administrator with nothing, or too many, they are held for two people.
pub const TAKING: &[&str] = &["authenticator.suspend", "authenticator.revoke", "authenticator.expire", "user.lock"];

/// What a link of a run is known by, and leads to.
const LINK: &[(&str, Kind)] = &[("link", Kind::Text), ("url", Kind::Text), ("expires_at", Kind::Time)];
/// To whom something is handed out, and what its page says.
const RECOVERY: &[Parameter] = &[
    USER,
    may("level", Kind::Level),
    need("valid_for", Kind::Span),
    may("name", Kind::Text),
    may("title", Kind::Messages),
    may("message", Kind::Messages),
    may("button", Kind::Messages),
    may("done", Kind::Messages),
];

/// By whom something is suspended that a run lifts.
const BY: Kind = Kind::Word(&["this_run", "workflows", "anybody"]);

/// What has several gateways; there is one way to each app.
const CHANNEL: Kind = Kind::Word(&["sms", "email"]);

/// Of whose authenticators, or which one.
const WHICH: &[Parameter] = &[may("user", Kind::User), may("authenticator", Kind::Text), KINDS, REASON];

/// Every action.
pub const ACTIONS: &[Action] = &[
    inside("authenticator.suspend", "Suspends authenticators.", WHICH)
        .gives(COUNT)
        .emits(&[EventKind::AuthenticatorSuspended, EventKind::SessionLowered])
        .undoes("authenticator.resume"),
    inside(
        "authenticator.resume",
        "Lets suspended authenticators be used again: those that this run has suspended, and others as `suspended_by` says.",
        &[may("user", Kind::User), may("authenticator", Kind::Text), KINDS, REASON, may("suspended_by", BY)],
    )
        .gives(COUNT)
        .emits(&[EventKind::AuthenticatorResumed])
        .undoes("authenticator.suspend"),
    inside("authenticator.revoke", "Revokes authenticators for good.", WHICH)
        .gives(COUNT)
        .emits(&[EventKind::AuthenticatorRevoked, EventKind::SessionLowered]),
    inside(
        "authenticator.expire",
        "Ends authenticators at a time.",
        &[may("user", Kind::User), may("authenticator", Kind::Text), KINDS, need("in", Kind::Span)],
    )
    .gives(COUNT)
    .emits(&[EventKind::AuthenticatorLimited, EventKind::AuthenticatorExpired, EventKind::SessionLowered]),
    inside("authenticator.rotate", "Asks the owners of authenticators to replace their keys.", WHICH)
        .gives(COUNT)
        .emits(&[EventKind::AuthenticatorRotationAsked]),
    inside("authenticator.require", "Asks a user to have one of these kinds.", &[USER, need("kinds", Kind::Texts)])
        .emits(&[EventKind::UserAuthenticatorRequired]),
    inside(
        "enrollment.start",
        "Invites a user to enroll. What the user has to prove for it is decided as for every enrollment.",
        &[USER, KINDS, need("valid_for", Kind::Span)],
    )
    .gives(&[("enrollment", Kind::Text), ("link", Kind::Text)])
    .emits(&[EventKind::UserInvited]),
    inside(
        "enrollment.cancel",
        "Takes an enrollment or the invitation to one back.",
        &[need("enrollment", Kind::Text), may("user", Kind::User), REASON],
    )
    .emits(&[EventKind::EnrollmentCancelled, EventKind::UserInvitationCancelled]),
    inside(
        "session.revoke",
        "Ends sessions: one, or all of a user.",
        &[may("session", Kind::Text), may("user", Kind::User), REASON],
    )
    .gives(COUNT)
    .emits(&[EventKind::SessionEnded]),
    inside(
        "session.require_step_up",
        "Has sessions of a user prove this level again.",
        &[USER, need("level", Kind::Level)],
    )
    .gives(COUNT)
    .emits(&[EventKind::SessionLowered]),
    inside("user.lock", "Lets a user prove nothing until unlocked.", &[USER, REASON])
        .gives(COUNT)
        .emits(&[EventKind::UserSuspended])
        .undoes("user.unlock"),
    inside(
        "user.unlock",
        "Lets a locked user prove again: one whom this run has locked, or others as `locked_by` says.",
        &[USER, REASON, may("locked_by", BY)],
    )
        .gives(COUNT)
        .emits(&[EventKind::UserResumed])
        .undoes("user.lock"),
    inside(
        "user.set_attribute",
        "Sets an attribute of a user.",
        &[USER, need("name", Kind::Text), need("value", Kind::Text)],
    )
    .emits(&[EventKind::UserUpdated]),
    inside("user.add_to_group", "Puts a user into a group.", &[USER, need("group", Kind::Text)])
        .emits(&[EventKind::UserUpdated]),
    inside("user.remove_from_group", "Takes a user out of a group.", &[USER, need("group", Kind::Text)])
        .emits(&[EventKind::UserUpdated]),
    inside(
        "user.extend_grace",
        "Has a user's grace period go on for so long from now.",
        &[USER, need("by", Kind::Span)],
    )
    .emits(&[EventKind::UserGraceExtended]),
    inside(
        "recovery.issue_pass",
        "Makes a link that shows a user a pass, once: a backup code that counts once, as long as the link would have. Following it is the event `link.followed`.",
        RECOVERY,
    )
    .gives(LINK)
    .emits(&[EventKind::LinkCreated])
    .hands_out(HandsOut::Level(Aal::Aal2)),
    inside(
        "recovery.issue_backup_codes",
        "Makes a link that shows a user new backup codes, once. Following it is the event `link.followed`.",
        RECOVERY,
    )
    .gives(LINK)
    .emits(&[EventKind::LinkCreated])
    .hands_out(HandsOut::Level(Aal::Aal2)),
    inside(
        "recovery.withdraw",
        "Takes back what this run hands out to a user: links that nobody followed, and, where somebody did, every session that began and every authenticator that was added since.",
        &[USER],
    )
    .gives(COUNT)
    .emits(&[
        EventKind::LinkWithdrawn,
        EventKind::SessionEnded,
        EventKind::AuthenticatorRevoked,
        EventKind::SessionLowered,
    ]),
    inside(
        "risk.raise",
        "Raises a signal about a user for a time.",
        &[USER, need("signal", Kind::Text), need("for", Kind::Span)],
    )
    .emits(&[EventKind::RiskRaised]),
    inside(
        "risk.block_address",
        "Refuses an address or prefix for a time.",
        &[need("address", Kind::Text), need("for", Kind::Span)],
    )
    .emits(&[EventKind::AddressBlocked]),
    inside(
        "gateway.switch",
        "Sends by the other gateways of a channel for a time, by this one only where all of those fail; or, where none is named, by those that stand by.",
        &[need("channel", CHANNEL), may("away_from", Kind::Text), need("for", Kind::Span)],
    )
    .gives(COUNT)
    .emits(&[EventKind::GatewaySwitched])
    .undoes("gateway.switch_back"),
    inside(
        "gateway.switch_back",
        "Sends by the gateways of a channel as before, or by this one.",
        &[need("channel", CHANNEL), may("away_from", Kind::Text)],
    )
    .gives(COUNT)
    .emits(&[EventKind::GatewaySwitchedBack])
    .undoes("gateway.switch"),
    inside(
        "event.emit",
        "Tells of something by an event of your own name.",
        &[need("name", Kind::Name), may("data", Kind::Any)],
    )
    .emits(&[EventKind::EventEmitted]),
    inside(
        "link.create",
        "Makes a link by which a user can say something to the run, once. Following it is the event `link.followed`.",
        &[
            USER,
            need("name", Kind::Text),
            need("title", Kind::Messages),
            need("message", Kind::Messages),
            need("button", Kind::Messages),
            may("done", Kind::Messages),
            need("valid_for", Kind::Span),
        ],
    )
    .gives(LINK)
    .emits(&[EventKind::LinkCreated]),
    outside(
        "notify.mail",
        "Sends a mail to every mailbox of a user.",
        &[USER, need("subject", Kind::Message), MESSAGE],
    )
    .gives(&[("gateway", Kind::Text), ("reference", Kind::Text), ("count", Kind::Number)]),
    outside("notify.sms", "Sends a text message.", &[USER, MESSAGE]).gives(SENT),
    outside("notify.push", "Shows a message in a user's app.", &[USER, MESSAGE]).gives(SENT),
    outside("notify.slack", "Posts to Slack.", &[need("webhook", Kind::Secret), MESSAGE]),
    outside("notify.teams", "Posts to Microsoft Teams.", &[need("webhook", Kind::Secret), MESSAGE]),
    outside(
        "notify.chat",
        "Posts to another chat by its webhook.",
        &[
            need("webhook", Kind::Secret),
            MESSAGE,
            may("format", Kind::Word(&["text", "mattermost", "discord", "google_chat"])),
        ],
    ),
    outside(
        "notify.page",
        "Has whoever is on call paged.",
        &[
            need("routing_key", Kind::Secret),
            MESSAGE,
            may("severity", Kind::Word(&["info", "warning", "error", "critical"])),
            may("url", Kind::Address),
        ],
    )
    .gives(&[("reference", Kind::Text)]),
    outside(
        "http.call",
        "Calls an address by HTTP, signed.",
        &[
            need("url", Kind::Address),
            may("method", Kind::Word(&["GET", "POST", "PUT", "PATCH", "DELETE"])),
            may("body", Kind::Any),
            may("signing_key", Kind::Secret),
            may("bearer", Kind::Secret),
        ],
    )
    .gives(&[("status", Kind::Number), ("body", Kind::Any)]),
    outside(
        "validator.radius",
        "Asks a RADIUS server whether a code is right.",
        &[USER, need("code", Kind::Secret), need("server", Kind::Text), need("shared_secret", Kind::Secret)],
    )
    .gives(&[("accepted", Kind::Bool)]),
    outside(
        "validator.http",
        "Asks a validator by HTTP whether a code is right.",
        &[USER, need("code", Kind::Secret), need("url", Kind::Address), may("bearer", Kind::Secret)],
    )
    .gives(&[("accepted", Kind::Bool)]),
    outside(
        "ticket.open",
        "Opens a ticket.",
        &[
            need("system", Kind::Word(&["jira", "servicenow", "http"])),
            need("url", Kind::Address),
            may("bearer", Kind::Secret),
            may("basic", Kind::Secret),
            need("title", Kind::Message),
            MESSAGE,
            may("fields", Kind::Any),
        ],
    )
    .gives(&[("id", Kind::Text), ("url", Kind::Text)]),
];

/// What `for_each` goes through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// Its name.
    pub name: &'static str,
    /// What it finds, for people.
    pub finds: &'static str,
    /// What it takes.
    pub takes: &'static [Parameter],
    /// What each item has.
    pub gives: &'static [(&'static str, Kind)],
    /// Whether it may find everybody, so that a limit has to be said.
    pub everyone: bool,
}

const AUTHENTICATOR: &[(&str, Kind)] = &[
    ("id", Kind::Text),
    ("user", Kind::User),
    ("kind", Kind::Text),
    ("state", Kind::Text),
    ("label", Kind::Text),
    ("rotating", Kind::Bool),
    ("expires_at", Kind::Time),
];

/// Every query.
pub const QUERIES: &[Query] = &[
    Query {
        name: "users",
        finds: "Users: all of them, or those that the parameters leave.",
        takes: &[may("group", Kind::Text), may("without_authenticator", Kind::Bool), may("inactive_for", Kind::Span)],
        gives: &[
            ("id", Kind::User),
            ("external_id", Kind::Text),
            ("kind", Kind::Text),
            ("state", Kind::Text),
            ("last_active_at", Kind::Time),
        ],
        everyone: true,
    },
    Query {
        name: "authenticators",
        finds: "Authenticators that are active or suspended: all of them, or those that the parameters leave.",
        takes: &[
            KINDS,
            may("unused_for", Kind::Span),
            may("older_than", Kind::Span),
            may("expires_within", Kind::Span),
            may("model", Kind::Text),
        ],
        gives: AUTHENTICATOR,
        everyone: true,
    },
    Query {
        name: "authenticators_of",
        finds: "The authenticators of a user.",
        takes: &[USER, KINDS],
        gives: AUTHENTICATOR,
        everyone: false,
    },
    Query {
        name: "sessions_of",
        finds: "The sessions of a user.",
        takes: &[USER],
        gives: &[("id", Kind::Text), ("user", Kind::User), ("aal", Kind::Number)],
        everyone: false,
    },
];

impl Query {
    /// The query of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        QUERIES.iter().find(|query| query.name == name)
    }
}

/// What whoever approves has to have seen, and which level it proves of the subject (T-31).
pub const EVIDENCE: &[(&str, Aal)] =
    &[("identity_document", Aal::Aal2), ("in_person", Aal::Aal2), ("call_back", Aal::Aal1)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_noun_dot_verb_once() {
        let names: std::collections::BTreeSet<&str> = ACTIONS.iter().map(|action| action.name).collect();
        assert_eq!(names.len(), ACTIONS.len());
        assert!(names.iter().all(|name| name.split_once('.').is_some()));
    }

    #[test]
    fn contraries_are_of_each_other() {
        for action in ACTIONS {
            let contrary = action.undoes.map(|name| Action::named(name).unwrap());
            assert!(contrary.is_none_or(|other| other.undoes == Some(action.name)), "{}", action.name);
        }
    }

    #[test]
    fn what_hands_something_out_says_to_whom() {
        for action in ACTIONS.iter().filter(|action| action.hands_out != HandsOut::Nothing) {
            assert!(action.takes.contains(&USER), "{}", action.name);
        }
    }
}
