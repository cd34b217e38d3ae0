//! What is to be done next about an order's delivery. Pure: whoever asks knows the database and the time.
//!
//! Nothing here looks at what anybody wrote: where an order stands is the platform's word.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    follow_up::{self, FollowUp, FollowUps},
    review::Reason,
};
use crate::ids::Timestamp;

/// While a stop switch is on, what is due is looked at again after this long.
pub(super) const STOPPED: Duration = Duration::from_secs(30);

/// Where the order stands, as far as its delivery goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nobody knows yet.
    Unread,
    Unpaid,
    /// A bargain that waits for helpers, or for the seller.
    Bargaining,
    Paid,
    Shipped,
    /// The buyer says that it came, or time did.
    Completed,
    /// The buyer wants the money back.
    Refunding,
    /// Ended without a deal, or with the money given back.
    Ended,
}

/// A unit of an order: the worst of what its parts are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    /// Claimed, and not on the wire.
    Reserved,
    /// On the wire, as a whole or in part.
    Sent,
    /// The buyer has it.
    Confirmed,
    /// Nobody knows whether the buyer has it.
    Uncertain,
    /// The platform refused it.
    Rejected,
    /// It went back: its order ended before anything was sent.
    Cancelled,
}

impl Unit {
    pub const ALL: [Self; 6] =
        [Self::Reserved, Self::Sent, Self::Confirmed, Self::Uncertain, Self::Rejected, Self::Cancelled];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Sent => "sent",
            Self::Confirmed => "confirmed",
            Self::Uncertain => "uncertain",
            Self::Rejected => "rejected",
            Self::Cancelled => "cancelled",
        }
    }

    /// What a whole is whose pieces are these. Nothing is a whole that waits.
    pub fn of(pieces: impl IntoIterator<Item = Self>) -> Self {
        let mut seen = [0_usize; 6];
        for piece in pieces {
            seen[piece as usize] += 1;
        }
        let any = |unit: Self| seen[unit as usize] > 0;
        // What went back is no piece of it any more, where others are left.
        let left: usize = seen.iter().sum::<usize>() - seen[Self::Cancelled as usize];
        if any(Self::Uncertain) {
            Self::Uncertain
        } else if any(Self::Rejected) {
            Self::Rejected
        } else if left > 0 && seen[Self::Confirmed as usize] == left {
            Self::Confirmed
        } else if any(Self::Sent) || any(Self::Confirmed) {
            Self::Sent
        } else if left == 0 && any(Self::Cancelled) {
            Self::Cancelled
        } else {
            Self::Reserved
        }
    }
}

impl std::str::FromStr for Unit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|unit| unit.as_str() == text);
        found.ok_or_else(|| format!("unknown state of a delivery {text:?}"))
    }
}

/// Something that is done about an order once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Not wanted.
    Off,
    /// Due, not before this moment.
    Due(Timestamp),
    Done,
    /// The platform does not take it.
    Refused,
}

/// What is known of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub standing: Standing,
    /// It was read so recently that something may be sent.
    pub is_fresh: bool,
    /// The account delivers.
    pub is_on: bool,
    /// A stop switch is on.
    pub is_stopped: bool,
    /// A person said that they see to it.
    pub by_hand: bool,
    /// A person said that what it is to get is sent also where the platform says that it is shipped.
    pub gives_anyway: bool,
    pub is_blocked: bool,
    pub has_conversation: bool,
    /// What was claimed.
    pub units: Vec<Unit>,
    /// How many units it is to have in the end, and from when on; or why nobody knows.
    pub wanted: Result<Wanted, Reason>,
    /// Messages that nobody sent yet.
    pub planned: usize,
    /// Messages that the outbox has, and of which nobody knows yet what becomes of them.
    pub in_flight: usize,
    /// Reserved parts that no message carries.
    pub unplanned: usize,
    /// Those of them whose content the seller's own program has yet to say.
    pub unfetched: usize,
    pub fetch: Deed,
    pub free_shipping: Deed,
    pub ship: Deed,
    pub receipt: Deed,
    /// The buyer is told that not everything is in stock.
    pub apology: Deed,
    /// Looked at where nothing of the delivery is to be done.
    pub follow_ups: FollowUps,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    pub units: usize,
    /// Delay, hours and limits allow it from then on.
    pub from: Timestamp,
    /// Why not all of it can be had; what can be is given.
    pub short: Option<Reason>,
    /// How many can be had now.
    pub can_claim: usize,
}

/// What is to be done. Everything but errands is done in the database alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing, until something is told.
    Rest,
    /// Nothing before that.
    Wait(Timestamp),
    /// What is reserved and unsent goes back.
    Release,
    /// So many more units are claimed.
    Claim(usize),
    /// Messages are made of what is claimed.
    Plan,
    /// A message is made that gives nothing.
    Say(Saying),
    /// What was to be said is not said after all.
    Unsay(Saying),
    /// What was asked for can no longer be done.
    GiveUp(FollowUp),
    Do(Errand),
}

/// What a buyer is told besides what they get, each once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saying {
    Receipt,
    OutOfStock,
    /// They are asked to confirm that it came.
    AskConfirmation,
}

/// What must be asked of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    /// Ask the platform where the order stands.
    Read,
    /// Ask the platform where its buyer is written to.
    FindConversation,
    /// Ask the seller's own program what the order gets.
    Fetch,
    Send,
    FreeShipping,
    Ship,
    FollowUp(FollowUp),
}

/// What is to be done next, and what a person is to decide meanwhile.
pub fn next(known: &Known, now: Timestamp) -> (Step, Vec<Reason>) {
    let (step, reasons) = delivery(known, now);
    let is_idle = step == Step::Rest || known.follow_ups.is_asking;
    (if is_idle { follow_up::next(known, now) } else { step }, reasons)
}

/// The same of the delivery alone.
fn delivery(known: &Known, now: Timestamp) -> (Step, Vec<Reason>) {
    match known.standing {
        Standing::Unread | Standing::Unpaid | Standing::Refunding => (Step::Rest, Vec::new()),
        Standing::Bargaining => bargain(known, now),
        // They may have given what is reserved themselves: they say so, or give it back.
        Standing::Ended if known.by_hand => (Step::Rest, Vec::new()),
        Standing::Ended => {
            let unsent = known.any(Unit::Reserved) || known.any(Unit::Rejected);
            // A unit may be half given.
            let unsent = unsent || known.unplanned > 0 || known.planned > 0;
            let open = if known.any(Unit::Uncertain) { vec![Reason::Uncertain] } else { Vec::new() };
            // What the outbox has may still go out.
            (if unsent && known.in_flight == 0 { Step::Release } else { Step::Rest }, open)
        }
        Standing::Paid => paid(known, now),
        Standing::Shipped | Standing::Completed => shipped(known, now),
    }
}

impl Known {
    fn any(&self, state: Unit) -> bool {
        self.units.contains(&state)
    }

    fn all_confirmed(&self) -> bool {
        !self.units.is_empty() && self.units.iter().all(|unit| *unit == Unit::Confirmed)
    }
}

/// Nothing is delivered for a bargain before the platform says that it is paid; letting it through is one call, which must succeed.
fn bargain(known: &Known, now: Timestamp) -> (Step, Vec<Reason>) {
    if !known.is_on || known.by_hand {
        return (Step::Rest, Vec::new());
    }
    match known.free_shipping {
        Deed::Off | Deed::Done => (Step::Rest, Vec::new()),
        Deed::Refused => (Step::Rest, vec![Reason::BargainRefused]),
        Deed::Due(_) if known.is_stopped => (Step::Wait(now + STOPPED), Vec::new()),
        Deed::Due(from) if from > now => (Step::Wait(from), Vec::new()),
        Deed::Due(_) => (Step::Do(Errand::FreeShipping), Vec::new()),
    }
}

fn paid(known: &Known, now: Timestamp) -> (Step, Vec<Reason>) {
    if known.by_hand || (!known.is_on && known.units.is_empty()) {
        return (Step::Rest, Vec::new());
    }
    let mut open = Vec::new();
    for (state, reason) in [(Unit::Uncertain, Reason::Uncertain), (Unit::Rejected, Reason::Rejected)] {
        if known.any(state) {
            open.push(reason);
        }
    }
    if known.is_blocked {
        open.push(Reason::BuyerBlocked);
        return (Step::Rest, open);
    }
    let missing = match known.wanted {
        Ok(wanted) => {
            open.extend(wanted.short);
            wanted.units.saturating_sub(known.units.len())
        }
        Err(reason) => {
            open.push(reason);
            0
        }
    };
    let claim = known.wanted.map_or(0, |wanted| wanted.can_claim.min(missing));
    let from = known.wanted.map_or(now, |wanted| wanted.from);
    match give(known, now, claim, from, &mut open) {
        Some(step) => (step, open),
        None if missing == 0 && known.all_confirmed() => after(known, now, open),
        None => (Step::Rest, open),
    }
}

/// The way of what is claimed, or can be, to the buyer. `None`: there is nothing to give.
fn give(known: &Known, now: Timestamp, claim: usize, from: Timestamp, open: &mut Vec<Reason>) -> Option<Step> {
    let has_work = claim > 0 || known.unplanned > 0 || known.planned > 0;
    let step = if has_work && known.is_stopped {
        Step::Wait(now + STOPPED)
    } else if has_work && from > now && known.units.is_empty() {
        Step::Wait(from)
    } else if has_work && !known.is_fresh {
        Step::Do(Errand::Read)
    } else if claim > 0 {
        Step::Claim(claim)
    } else if known.unfetched > 0 {
        match known.fetch {
            Deed::Refused => {
                open.push(Reason::NoContent);
                Step::Rest
            }
            Deed::Due(from) if from > now => Step::Wait(from),
            Deed::Off | Deed::Done | Deed::Due(_) => Step::Do(Errand::Fetch),
        }
    } else if known.unplanned > 0 {
        Step::Plan
    } else if says_sorry(known, open) {
        Step::Say(Saying::OutOfStock)
    } else if known.planned > 0 && !known.has_conversation {
        Step::Do(Errand::FindConversation)
    } else if known.planned > 0 {
        Step::Do(Errand::Send)
    } else {
        return None;
    };
    Some(step)
}

/// Said once nothing can be given that was not given.
fn says_sorry(known: &Known, open: &[Reason]) -> bool {
    open.contains(&Reason::OutOfStock) && matches!(known.apology, Deed::Due(_))
}

/// The buyer has everything.
fn after(known: &Known, now: Timestamp, mut open: Vec<Reason>) -> (Step, Vec<Reason>) {
    if known.planned > 0 {
        let place = if known.has_conversation { Errand::Send } else { Errand::FindConversation };
        return (Step::Do(place), open);
    }
    let receipt = matches!(known.receipt, Deed::Due(_));
    let step = match known.ship {
        Deed::Off | Deed::Done if !receipt => Step::Rest,
        _ if known.is_stopped => Step::Wait(now + STOPPED),
        Deed::Off | Deed::Done => Step::Say(Saying::Receipt),
        Deed::Due(from) if from > now => Step::Wait(from),
        Deed::Due(_) => Step::Do(Errand::Ship),
        Deed::Refused => {
            open.push(Reason::NotShipped);
            Step::Rest
        }
    };
    (step, open)
}

/// Whoever shipped it: what we claimed and did not send is sent only where a person said so.
fn shipped(known: &Known, now: Timestamp) -> (Step, Vec<Reason>) {
    if known.by_hand || known.units.is_empty() {
        return (Step::Rest, Vec::new());
    }
    if known.all_confirmed() {
        let known = Known { ship: Deed::Done, ..known.clone() };
        return after(&known, now, Vec::new());
    }
    let mut open = Vec::new();
    if known.any(Unit::Uncertain) {
        open.push(Reason::Uncertain);
    }
    if !known.gives_anyway {
        if known.any(Unit::Reserved) || known.any(Unit::Rejected) {
            open.push(Reason::ShippedElsewhere);
        }
        return (Step::Rest, open);
    }
    if known.any(Unit::Rejected) {
        open.push(Reason::Rejected);
    }
    if known.is_blocked {
        open.push(Reason::BuyerBlocked);
        return (Step::Rest, open);
    }
    open.extend(known.wanted.err());
    (give(known, now, 0, now, &mut open).unwrap_or(Step::Rest), open)
}

#[cfg(test)]
#[path = "step_tests.rs"]
mod tests;
