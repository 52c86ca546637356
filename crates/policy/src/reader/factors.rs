//! Lists of factors, as levels, rules and orders have them.

use std::time::Duration;

use domain::AuthenticatorKind;

use crate::rule::FACTOR_ORDER;
use document::{Key, Mistakes, Node, Place, Yaml, one_of};

fn kind_words() -> Vec<(&'static str, AuthenticatorKind)> {
    AuthenticatorKind::ALL.iter().map(|kind| (kind.name(), *kind)).collect()
}

/// Kinds in order. What is not named comes behind, in the order that is built in.
pub(super) fn kinds(node: &Node, mistakes: &mut Mistakes) -> Vec<AuthenticatorKind> {
    let mut order: Vec<AuthenticatorKind> = Vec::new();
    for (word, place) in node.texts(mistakes) {
        let Some(kind) = one_of(word, place, "factor", &kind_words(), mistakes) else { continue };
        if order.contains(&kind) {
            mistakes.error(place, format!("`{word}` stands here twice"));
        } else if kind != AuthenticatorKind::Browser {
            order.push(kind);
        }
    }
    let rest: Vec<_> = FACTOR_ORDER.iter().copied().filter(|kind| !order.contains(kind)).collect();
    order.extend(rest);
    order
}

/// `[webauthn, totp]`, or with an age of its own, `[{webauthn: 8h}, totp]`.
pub(super) fn factors(node: &Node, mistakes: &mut Mistakes) -> Vec<(AuthenticatorKind, Option<Duration>)> {
    let mut factors: Vec<(AuthenticatorKind, Option<Duration>)> = Vec::new();
    let items = if matches!(node.yaml, Yaml::Text(_)) { std::slice::from_ref(node) } else { node.list(mistakes) };
    for item in items {
        let named = match &item.yaml {
            Yaml::Map(entries) => factor_with_age(item, entries, mistakes),
            _ => item.text(mistakes).map(|text| (text, &item.place, None)),
        };
        let Some((word, place, age)) = named else { continue };
        let Some(kind) = one_of(word, place, "factor", &kind_words(), mistakes) else { continue };
        if factors.iter().any(|(other, _)| *other == kind) {
            mistakes.error(place, format!("`{word}` stands here twice"));
        } else {
            factors.push((kind, age));
        }
    }
    factors
}

fn factor_with_age<'n>(
    item: &Node,
    entries: &'n [(Key, Node)],
    mistakes: &mut Mistakes,
) -> Option<(&'n str, &'n Place, Option<Duration>)> {
    if let [(key, value)] = entries {
        return Some((&key.name, &key.place, value.duration(mistakes)));
    }
    mistakes.error(&item.place, "expected one factor and its age, as in `webauthn: 8h`");
    None
}
