//! The guard against toll fraud and floods (T-24): whoever has messages sent to numbers that they earn by, or to a mailbox that is
//! to be filled, gets no further than a budget.
//!
//! Budgets are of a user, of a number or mailbox, of a range of numbers or a domain, and of all together, each for an hour and a day. Two fifths of each are kept for
//! who is trusted ([`Door::Trusted`]), so that whoever has no more than a name uses up nobody's way in (T-04). And a range from which
//! numbers are enrolled, but hardly any code comes back, is one that nobody reads messages in: no more are enrolled from it for a
//! while. Numbers that gave a code back once are not asked about that: else unanswered messages to those of strangers would
//! close a range to everybody.
//!
//! This is a pure type: it is handed the time, and its state can be taken out and put back, so that whoever has a store can
//! make it last.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use domain::{Door, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Number;
use crate::mail::MailAddress;

/// Pieces that a span is counted in: a budget is exact to a twelfth of its span, to the side of refusing.
const PIECES: i64 = 12;

/// Users, addresses and ranges that are kept in mind; more in one day than any budget for all together should allow.
const MOST_KEPT: usize = 200_000;

/// What part of a budget is kept for who is trusted: so many of [`PARTS`], and one at least where that leaves another.
const KEPT: u64 = 2;
const PARTS: u64 = 5;

/// Digits after the code of the country that make a range.
const RANGE_DIGITS: usize = 3;

/// At most so many messages in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Messages.
    pub messages: u32,
    /// In any time of this length.
    pub span: Duration,
}

/// What is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caps {
    /// For each user.
    pub user: Vec<Budget>,
    /// For each number or mailbox, whoever it is for.
    pub address: Vec<Budget>,
    /// For each range of numbers or domain.
    pub range: Vec<Budget>,
    /// For all together.
    pub global: Vec<Budget>,
    /// When a range is closed because hardly any code comes back.
    pub conversion: Conversion,
}

/// When a range is closed because hardly any code comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion {
    /// Only after so many messages in the span.
    pub after: u32,
    /// Closed if fewer than so many of a hundred codes came back. 0 never closes.
    pub percent: u32,
    /// What is looked at.
    pub span: Duration,
    /// How long a message may be on its way and its code being typed: those sent since count as neither.
    pub patience: Duration,
    /// How long a range is closed.
    pub closed: Duration,
}

impl Caps {
    /// What is usual for text messages, which cost something each.
    pub fn sms() -> Self {
        Self {
            user: an_hour_and_a_day(8, 16),
            address: an_hour_and_a_day(10, 20),
            range: an_hour_and_a_day(100, 500),
            global: an_hour_and_a_day(1000, 5000),
            conversion: Conversion {
                after: 20,
                percent: 20,
                span: Duration::from_hours(6),
                patience: Duration::from_mins(10),
                closed: Duration::from_hours(1),
            },
        }
    }

    /// What is usual for mail, which costs nothing but whoever is flooded with it, and the sender's good name. A domain may be that of
    /// everybody.
    pub fn mail() -> Self {
        Self {
            user: an_hour_and_a_day(10, 20),
            address: an_hour_and_a_day(10, 20),
            range: an_hour_and_a_day(1000, 5000),
            global: an_hour_and_a_day(2000, 10_000),
            conversion: Conversion { percent: 0, ..Self::sms().conversion },
        }
    }
}

fn an_hour_and_a_day(an_hour: u32, a_day: u32) -> Vec<Budget> {
    let budget = |messages, hours| Budget { messages, span: Duration::from_hours(hours) };
    vec![budget(an_hour, 1), budget(a_day, 24)]
}

/// Who asks for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking<'a> {
    /// For whom it is.
    pub user: &'a str,
    /// By which door. Of the user's own budget, a part is for those who are trusted.
    pub door: Door,
    /// Whether a code that was sent there was given back once. Of what all share, a part is for those who are trusted and ask for a
    /// message to such an address: whoever is trusted as one user can begin to enroll any.
    pub is_proved: bool,
}

/// To whom a message goes, as budgets know them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    address: String,
    range: String,
}

impl Recipient {
    /// Whoever has this number.
    pub fn of_number(number: &Number) -> Self {
        Self { address: number.e164().to_owned(), range: number.prefix(RANGE_DIGITS).to_owned() }
    }

    /// Whoever has this mailbox.
    pub fn of_mail(address: &MailAddress) -> Self {
        Self { address: address.mailbox(), range: address.domain().to_owned() }
    }
}

impl Asking<'_> {
    fn is_trusted(self) -> bool {
        self.door == Door::Trusted
    }

    fn may_have_what_is_kept_of_all(self) -> bool {
        self.is_trusted() && self.is_proved
    }
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It may be sent, and is counted.
    Allowed,
    /// It may not, and is not counted.
    Refused(Refused),
}

/// Why a message is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// Whose budget it is.
    pub why: Why,
    /// When asking again makes sense, at the earliest.
    pub until: Timestamp,
    /// Whether this is the first refusal of its kind for a while: the one to raise an alarm about.
    pub is_news: bool,
}

/// Whose budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    /// The user's.
    User,
    /// That of the number or mailbox.
    Address,
    /// That of the range of numbers or the domain.
    Range,
    /// That of all together.
    Global,
    /// Hardly any first code to a number of that range comes back.
    Conversion,
}

impl Why {
    /// Its name in events and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Address => "address",
            Self::Range => "range",
            Self::Global => "global",
            Self::Conversion => "conversion",
        }
    }
}

/// The guard.
#[derive(Debug, Clone)]
pub struct TollGuard {
    caps: Caps,
    state: State,
}

/// All that the guard keeps in mind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// By user, as 32 hex digits or whatever else the caller knows them by.
    users: BTreeMap<String, Vec<Tally>>,
    addresses: BTreeMap<String, Vec<Tally>>,
    ranges: BTreeMap<String, Vec<Tally>>,
    global: Vec<Tally>,
    /// What became of the codes, by range.
    conversions: BTreeMap<String, Converted>,
    /// When each refusal was news last, by what is refused.
    told: BTreeMap<String, Timestamp>,
}

/// What was sent of a budget.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tally {
    all: Count,
    /// For who had no right to what is kept.
    open: Count,
}

/// How many in each piece of a span, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Count(VecDeque<(i64, u32)>);

/// What became of the codes of a range.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Converted {
    sent: Count,
    proved: Count,
    closed_until: Option<Timestamp>,
}

impl Count {
    fn add(&mut self, piece: i64) {
        match self.0.back_mut() {
            // A clock that went back counts into the last piece: nothing is ever forgotten for it.
            Some((last, count)) if *last >= piece => *count = count.saturating_add(1),
            _ => self.0.push_back((piece, 1)),
        }
    }

    /// Forgets what is older than a span.
    fn forget(&mut self, oldest: i64) {
        while self.0.front().is_some_and(|(piece, _)| *piece < oldest) {
            self.0.pop_front();
        }
    }

    fn since(&self, oldest: i64) -> u32 {
        self.0.iter().filter(|(piece, _)| *piece >= oldest).map(|(_, count)| *count).sum()
    }

    fn oldest(&self) -> Option<i64> {
        self.0.front().map(|(piece, _)| *piece)
    }
}

impl Budget {
    fn piece(self, now: Timestamp) -> i64 {
        now.unix_millis().div_euclid(piece_millis(self.span))
    }

    /// What there is of it for who has no right to what is kept.
    fn open(self) -> u32 {
        let kept = u32::try_from(u64::from(self.messages) * KEPT / PARTS).unwrap_or(0);
        self.messages - kept.max(1).min(self.messages.saturating_sub(1))
    }

    /// When there is room again, if there is none now.
    fn full_until(self, tally: &mut Tally, may_have_all: bool, now: Timestamp) -> Option<Timestamp> {
        let oldest = self.piece(now) - PIECES;
        let room_at = |count: &mut Count, most: u32| {
            count.forget(oldest);
            if count.since(oldest) < most {
                return None;
            }
            let first = count.oldest().unwrap_or(oldest);
            Some(Timestamp::from_unix_millis((first + PIECES + 1).saturating_mul(piece_millis(self.span))))
        };
        let all = room_at(&mut tally.all, self.messages);
        let open = room_at(&mut tally.open, self.open());
        all.max(open.filter(|_| !may_have_all))
    }
}

fn piece_millis(span: Duration) -> i64 {
    (i64::try_from(span.as_millis()).unwrap_or(i64::MAX) / PIECES).max(1)
}

impl TollGuard {
    /// A guard that has seen nothing yet.
    pub fn new(caps: Caps) -> Self {
        Self::restore(caps, State::default())
    }

    /// A guard that goes on from what another one had in mind.
    pub fn restore(caps: Caps, state: State) -> Self {
        Self { caps, state }
    }

    /// What it has in mind, to be kept.
    pub fn snapshot(&self) -> &State {
        &self.state
    }

    /// Whether a message may be sent there; if so, it counts as sent.
    pub fn ask(&mut self, asking: Asking<'_>, to: &Recipient, now: Timestamp) -> Verdict {
        let refused = self.refusal(asking, to, now);
        if let Some((why, until)) = refused {
            let is_news = self.is_news(why, asking.user, to, now);
            return Verdict::Refused(Refused { why, until, is_news });
        }
        let own = asking.is_trusted();
        let shared = asking.may_have_what_is_kept_of_all();
        count(&self.caps.user, self.state.users.entry(asking.user.to_owned()).or_default(), own, now);
        count(&self.caps.address, self.state.addresses.entry(to.address.clone()).or_default(), shared, now);
        count(&self.caps.range, self.state.ranges.entry(to.range.clone()).or_default(), shared, now);
        count(&self.caps.global, &mut self.state.global, shared, now);
        if !asking.is_proved {
            let sent = &mut self.state.conversions.entry(to.range.clone()).or_default().sent;
            sent.add(self.caps.conversion.looked_at().piece(now));
        }
        Verdict::Allowed
    }

    /// The first code that was sent there was given back.
    pub fn proved(&mut self, to: &Recipient, now: Timestamp) {
        if let Some(converted) = self.state.conversions.get_mut(&to.range) {
            converted.proved.add(self.caps.conversion.looked_at().piece(now));
        }
    }

    fn refusal(&mut self, asking: Asking<'_>, to: &Recipient, now: Timestamp) -> Option<(Why, Timestamp)> {
        if self.kept() >= MOST_KEPT {
            self.sweep(now);
            if self.kept() >= MOST_KEPT {
                return Some((Why::Global, now.plus(Duration::from_hours(1))));
            }
        }
        if !asking.is_proved
            && let Some(until) = self.low_conversion(&to.range, now)
        {
            return Some((Why::Conversion, until));
        }
        let (caps, state) = (&self.caps, &mut self.state);
        let own = asking.is_trusted();
        let shared = asking.may_have_what_is_kept_of_all();
        let of = |budgets: &[Budget], tallies: Option<&mut Vec<Tally>>, may_have_all| {
            tallies.and_then(|tallies| full_until(budgets, tallies, may_have_all, now))
        };
        let user = of(&caps.user, state.users.get_mut(asking.user), own);
        let address = of(&caps.address, state.addresses.get_mut(&to.address), shared);
        let range = of(&caps.range, state.ranges.get_mut(&to.range), shared);
        let global = of(&caps.global, Some(&mut state.global), shared);
        let refusals = [(Why::User, user), (Why::Address, address), (Why::Range, range), (Why::Global, global)];
        refusals.into_iter().find_map(|(why, until)| Some((why, until?)))
    }

    fn kept(&self) -> usize {
        self.state.users.len() + self.state.addresses.len() + self.state.ranges.len()
    }

    /// Until when a range is closed because hardly any code comes back.
    fn low_conversion(&mut self, range: &str, now: Timestamp) -> Option<Timestamp> {
        let rule = self.caps.conversion;
        let looked_at = rule.looked_at();
        let converted = self.state.conversions.get_mut(range)?;
        if let Some(until) = converted.closed_until {
            if now < until {
                return Some(until);
            }
            // What closed it is forgotten with the closing: else the first message after it would close it again.
            *converted = Converted::default();
            return None;
        }
        let oldest = looked_at.piece(now) - PIECES;
        converted.sent.forget(oldest);
        converted.proved.forget(oldest);
        let patient = looked_at.piece(now.minus(rule.patience));
        let sent: u32 = converted.sent.0.iter().filter(|(piece, _)| *piece < patient).map(|(_, count)| *count).sum();
        let proved = converted.proved.since(oldest);
        if sent < rule.after || u64::from(proved) * 100 >= u64::from(sent) * u64::from(rule.percent) {
            return None;
        }
        let until = now.plus(rule.closed);
        converted.closed_until = Some(until);
        Some(until)
    }

    /// Whether this refusal was not told of in the last hour.
    fn is_news(&mut self, why: Why, user: &str, to: &Recipient, now: Timestamp) -> bool {
        let of = match why {
            Why::User => user,
            Why::Address => &to.address,
            Why::Range | Why::Conversion => &to.range,
            Why::Global => "",
        };
        let hour = Duration::from_hours(1);
        self.state.told.retain(|_, told| now.since(*told) < hour);
        let key = format!("{} {of}", why.name());
        if self.state.told.contains_key(&key) || self.state.told.len() >= MOST_KEPT {
            return false;
        }
        self.state.told.insert(key, now);
        true
    }

    /// Forgets what no budget looks at any more.
    pub fn sweep(&mut self, now: Timestamp) {
        let caps = &self.caps;
        let keep = |budgets: &[Budget], tallies: &mut Vec<Tally>| {
            for (budget, tally) in budgets.iter().zip(tallies.iter_mut()) {
                tally.all.forget(budget.piece(now) - PIECES);
                tally.open.forget(budget.piece(now) - PIECES);
            }
            tallies.iter().any(|tally| !tally.all.0.is_empty())
        };
        self.state.users.retain(|_, counts| keep(&caps.user, counts));
        self.state.addresses.retain(|_, counts| keep(&caps.address, counts));
        self.state.ranges.retain(|_, counts| keep(&caps.range, counts));
        let oldest = caps.conversion.looked_at().piece(now) - PIECES;
        self.state.conversions.retain(|_, converted| {
            converted.sent.forget(oldest);
            converted.proved.forget(oldest);
            !converted.sent.0.is_empty() || converted.closed_until.is_some_and(|until| now < until)
        });
    }
}

impl Conversion {
    /// Its span as that of a budget, so that it is counted in pieces as those are.
    fn looked_at(self) -> Budget {
        Budget { messages: self.after, span: self.span }
    }
}

/// The latest time until which one of the budgets is used up.
fn full_until(budgets: &[Budget], tallies: &mut [Tally], may_have_all: bool, now: Timestamp) -> Option<Timestamp> {
    budgets.iter().zip(tallies).filter_map(|(budget, tally)| budget.full_until(tally, may_have_all, now)).max()
}

fn count(budgets: &[Budget], tallies: &mut Vec<Tally>, may_have_all: bool, now: Timestamp) {
    tallies.resize_with(budgets.len(), Tally::default);
    for (budget, tally) in budgets.iter().zip(tallies) {
        tally.all.add(budget.piece(now));
        if !may_have_all {
            tally.open.add(budget.piece(now));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    fn number(last: u32) -> Recipient {
        to(&format!("+49151{last:08}"))
    }

    fn to(number: &str) -> Recipient {
        Recipient::of_number(&Number::parse(number, None).unwrap())
    }

    fn mailbox(address: &str) -> Recipient {
        Recipient::of_mail(&MailAddress::parse(address).unwrap())
    }

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_unix_millis(1_800_000_000_000 + minutes * 60_000)
    }

    fn caps(user: u32, range: u32, global: u32) -> Caps {
        let budget = |messages| vec![Budget { messages, span: HOUR }];
        Caps { user: budget(user), address: Vec::new(), range: budget(range), global: budget(global), ..Caps::sms() }
    }

    /// Somebody who enrolls a number.
    fn new(user: &str) -> Asking<'_> {
        Asking { user, door: Door::Open, is_proved: false }
    }

    /// Somebody who is asked for a code, by a number that gave one back once.
    fn known(user: &str, door: Door) -> Asking<'_> {
        Asking { user, door, is_proved: true }
    }

    fn refused(verdict: Verdict) -> Option<Why> {
        match verdict {
            Verdict::Allowed => None,
            Verdict::Refused(refused) => Some(refused.why),
        }
    }

    #[test]
    fn t24_each_budget_holds() {
        // One, one and two of these are for who is trusted.
        let mut guard = TollGuard::new(caps(3, 4, 7));
        let fritz = to("+43 664 1234567");
        assert_eq!(guard.ask(new("a"), &number(1), at(0)), Verdict::Allowed);
        assert_eq!(guard.ask(new("a"), &number(1), at(0)), Verdict::Allowed);
        assert_eq!(refused(guard.ask(new("a"), &number(1), at(0))), Some(Why::User));
        assert_eq!(guard.ask(new("b"), &number(2), at(0)), Verdict::Allowed);
        assert_eq!(refused(guard.ask(new("c"), &number(3), at(0))), Some(Why::Range));
        assert_eq!(guard.ask(new("c"), &fritz, at(0)), Verdict::Allowed);
        assert_eq!(guard.ask(new("d"), &fritz, at(0)), Verdict::Allowed);
        assert_eq!(refused(guard.ask(new("e"), &fritz, at(0))), Some(Why::Global));
    }

    #[test]
    fn t04_what_is_kept_for_who_is_trusted_is_used_up_by_nobody_else() {
        let others = to("+43 664 1234567");
        let mut guard = TollGuard::new(caps(5, 10, 10));
        while guard.ask(known("ana", Door::Open), &number(1), at(0)) == Verdict::Allowed {}
        assert_eq!(refused(guard.ask(known("ana", Door::Open), &number(1), at(1))), Some(Why::User));
        // Three of the range's six are left to others who are not trusted.
        for user in ["b", "c", "d"] {
            assert_eq!(guard.ask(known(user, Door::Open), &number(2), at(1)), Verdict::Allowed);
        }
        assert_eq!(refused(guard.ask(known("e", Door::Open), &number(3), at(1))), Some(Why::Range));
        assert_eq!(refused(guard.ask(known("e", Door::Open), &others, at(1))), Some(Why::Global));
        // Being trusted as somebody is no right to have strangers written to out of what is kept of all.
        let enrolling = Asking { is_proved: false, ..known("mallory", Door::Trusted) };
        assert_eq!(refused(guard.ask(enrolling, &number(4), at(1))), Some(Why::Range));
        for _ in 0..2 {
            assert_eq!(guard.ask(known("ana", Door::Trusted), &number(1), at(2)), Verdict::Allowed);
            assert_eq!(guard.ask(known("b", Door::Trusted), &others, at(2)), Verdict::Allowed);
        }
        assert_eq!(refused(guard.ask(known("ana", Door::Trusted), &number(1), at(3))), Some(Why::User));
        assert_eq!(refused(guard.ask(known("c", Door::Trusted), &others, at(3))), Some(Why::Global));
    }

    #[test]
    fn t04_codes_that_strangers_have_sent_and_nobody_gives_back_close_no_range() {
        let mut guard = TollGuard::new(caps(1000, 1000, 1000));
        for last in 0..200 {
            assert_eq!(guard.ask(known("a", Door::Open), &number(last), at(0)), Verdict::Allowed);
        }
        assert_eq!(guard.ask(new("b"), &number(300), at(60)), Verdict::Allowed);
        for last in 0..20 {
            assert_eq!(guard.ask(new("mallory"), &number(last), at(60)), Verdict::Allowed);
        }
        assert_eq!(refused(guard.ask(new("b"), &number(300), at(120))), Some(Why::Conversion));
        for door in [Door::Open, Door::Trusted] {
            assert_eq!(guard.ask(known("a", door), &number(1), at(120)), Verdict::Allowed);
        }
    }

    #[test]
    fn t24_one_mailbox_is_flooded_by_nobody_however_it_is_written_and_whoever_they_are() {
        let mut guard = TollGuard::new(Caps::mail());
        let spellings = ["ana@example.org", "ANA@example.org", "ana+1@Example.org", "ana+news+2@example.org"];
        let mut sent = 0;
        for user in 0..50 {
            for address in spellings {
                let asked = guard.ask(new(&user.to_string()), &mailbox(address), at(0));
                sent += u32::from(asked == Verdict::Allowed);
            }
        }
        assert_eq!(sent, 6);
        assert_eq!(refused(guard.ask(new("x"), &mailbox("ana@example.org"), at(1))), Some(Why::Address));
        assert_eq!(guard.ask(new("x"), &mailbox("bob@example.org"), at(1)), Verdict::Allowed);
        // Whose mailbox it is has what is kept.
        for _ in 0..4 {
            let asked = guard.ask(known("ana", Door::Trusted), &mailbox("ana@example.org"), at(2));
            assert_eq!(asked, Verdict::Allowed);
        }
        assert_eq!(
            refused(guard.ask(known("ana", Door::Trusted), &mailbox("ana@example.org"), at(3))),
            Some(Why::Address)
        );
    }

    #[test]
    fn t24_mailboxes_of_one_domain_have_a_budget_together() {
        let few = vec![Budget { messages: 10, span: HOUR }];
        let mut guard = TollGuard::new(Caps { range: few, ..Caps::mail() });
        let mut asked = (0..20).map(|n| guard.ask(new(&n.to_string()), &mailbox(&format!("m{n}@example.org")), at(0)));
        assert_eq!(asked.by_ref().take(6).filter(|asked| *asked == Verdict::Allowed).count(), 6);
        assert!(asked.all(|asked| refused(asked) == Some(Why::Range)));
    }

    #[test]
    fn a_budget_of_one_is_for_everybody_and_a_larger_one_has_a_part_for_who_is_trusted() {
        let open = [0, 1, 2, 3, 5, 8, 10, 1000].map(|messages| Budget { messages, span: HOUR }.open());
        assert_eq!(open, [0, 1, 1, 2, 3, 5, 6, 600]);
    }

    #[test]
    fn a_refusal_says_when_to_ask_again_and_is_news_once_an_hour() {
        let mut guard = TollGuard::new(caps(1, 100, 100));
        assert_eq!(guard.ask(new("a"), &number(1), at(0)), Verdict::Allowed);
        let Verdict::Refused(first) = guard.ask(new("a"), &number(1), at(1)) else { panic!("allowed") };
        let Verdict::Refused(second) = guard.ask(new("a"), &number(1), at(2)) else { panic!("allowed") };
        assert!(first.is_news && !second.is_news);
        assert_eq!(first.until, second.until);
        let before = Timestamp::from_unix_millis(first.until.unix_millis() - 1);
        assert_eq!(refused(guard.ask(new("a"), &number(1), before)), Some(Why::User));
        assert_eq!(guard.ask(new("a"), &number(1), first.until), Verdict::Allowed);
    }

    #[test]
    fn t24_a_range_whose_codes_do_not_come_back_is_closed_for_a_while() {
        let mut guard = TollGuard::new(caps(1000, 1000, 1000));
        for last in 0..20 {
            assert_eq!(guard.ask(new("a"), &number(last), at(0)), Verdict::Allowed);
        }
        // They may still be on their way.
        assert_eq!(guard.ask(new("a"), &number(20), at(5)), Verdict::Allowed);
        assert_eq!(refused(guard.ask(new("a"), &number(21), at(60))), Some(Why::Conversion));
        assert_eq!(refused(guard.ask(new("b"), &number(22), at(119))), Some(Why::Conversion));
        // Another range is none of its business.
        assert_eq!(guard.ask(new("a"), &to("+43 664 1234567"), at(60)), Verdict::Allowed);
        assert_eq!(guard.ask(new("a"), &number(23), at(121)), Verdict::Allowed);
    }

    #[test]
    fn a_range_whose_codes_come_back_stays_open() {
        let mut guard = TollGuard::new(caps(1000, 1000, 1000));
        for last in 0..100 {
            assert_eq!(guard.ask(new("a"), &number(last), at(i64::from(last) * 3)), Verdict::Allowed, "{last}");
            if last % 4 == 0 {
                guard.proved(&number(last), at(i64::from(last) * 3 + 1));
            }
        }
    }

    #[test]
    fn what_it_has_in_mind_can_be_kept_and_taken_up() {
        let mut guard = TollGuard::new(caps(3, 4, 5));
        guard.ask(new("a"), &number(1), at(0));
        guard.ask(new("a"), &number(1), at(0));
        let kept = serde_json::to_string(guard.snapshot()).unwrap();
        let mut other = TollGuard::restore(caps(3, 4, 5), serde_json::from_str(&kept).unwrap());
        assert_eq!(refused(other.ask(new("a"), &number(1), at(1))), Some(Why::User));
        assert_eq!(other.ask(new("b"), &number(1), at(1)), Verdict::Allowed);
    }

    #[test]
    fn what_no_budget_looks_at_is_forgotten() {
        let mut guard = TollGuard::new(caps(2, 300, 500));
        for user in 0..100 {
            guard.ask(new(&user.to_string()), &number(user), at(0));
        }
        guard.sweep(at(60 * 24));
        assert_eq!(guard.snapshot().users.len(), 0);
        assert_eq!(guard.snapshot().conversions.len(), 0);
    }

    proptest! {
        /// Whatever is asked when, in no hour is more sent than a budget allows: counted here one by one.
        #[test]
        fn t24_no_order_of_asking_gets_more_than_the_budgets(
            asked in prop::collection::vec((0_i64..30, 0_u8..3, 0_u32..4, any::<bool>(), any::<bool>()), 1..300),
        ) {
            let mut guard = TollGuard::new(caps(3, 6, 8));
            let mut sent: Vec<(i64, u8, bool, bool)> = Vec::new();
            let mut minute = 0;
            for (later, user, last, trusted, is_proved) in asked {
                minute += later;
                let door = if trusted { Door::Trusted } else { Door::Open };
                let name = user.to_string();
                let verdict = guard.ask(Asking { user: &name, door, is_proved }, &number(last), at(minute));
                if verdict == Verdict::Allowed {
                    sent.push((minute, user, trusted, trusted && is_proved));
                }
                let hour: Vec<_> = sent.iter().filter(|(at, ..)| *at > minute - 60).collect();
                prop_assert!(hour.len() <= 6, "{} in an hour", hour.len());
                prop_assert!(hour.iter().filter(|(.., kept)| !kept).count() <= 4);
                for user in 0..3 {
                    let theirs = hour.iter().filter(|(_, of, ..)| *of == user);
                    prop_assert!(theirs.clone().count() <= 3);
                    prop_assert!(theirs.filter(|(_, _, trusted, _)| !trusted).count() <= 2);
                }
            }
        }
    }
}
