//! What is done about an order besides its delivery, each once, and when. Pure: whoever asks knows the database and the time.
//!
//! Nothing of it gives a buyer anything, and none of it is done unless the order was read just before.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    time::Duration,
};

use super::step::{Errand, Known, STOPPED, Saying, Standing, Step, Unit};
use crate::ids::{OrderId, Timestamp};

const MINUTE: Duration = Duration::from_mins(1);
const DAY: Duration = Duration::from_hours(24);

/// Deals that were done longer ago are history: whoever switches something on does not rate a year of orders.
pub const RECENT: Duration = DAY.saturating_mul(14);

/// What an account does by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Buyers are rated so many minutes after the deal is done, with one of these texts.
    pub rate: bool,
    pub rate_texts: Vec<String>,
    pub rate_delay_m: i64,
    /// A red flower (小红花) is asked for when the deal is done.
    pub flower: bool,
    /// Buyers are asked to confirm that it came, so many days after it was shipped.
    pub ask: bool,
    pub ask_after_d: i64,
    pub ask_text: String,
    /// What is not paid is closed so many minutes after it was placed.
    pub close: bool,
    pub close_after_m: i64,
    pub close_reason: String,
    /// An item whose stock ran out is taken off the sale.
    pub off_sale: bool,
}

/// Where nobody set anything nothing is done.
impl Default for Plan {
    fn default() -> Self {
        Self {
            rate: false,
            rate_texts: vec!["交易顺利，感谢支持！".to_owned()],
            rate_delay_m: 0,
            flower: false,
            ask: false,
            ask_after_d: 3,
            ask_text: "您好，如果已经收到并且没有问题，麻烦确认收货，谢谢！".to_owned(),
            close: false,
            close_after_m: 60,
            close_reason: "买家长时间未付款".to_owned(),
            off_sale: false,
        }
    }
}

/// What the platform is told about an order, besides that it is shipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FollowUp {
    /// The buyer is rated.
    Rate,
    /// A red flower is asked for.
    Flower,
    /// What is not paid is closed.
    Close,
    /// What is to be paid is changed; only a person wants that.
    Price,
    /// Its item is taken off the sale: the order took the last piece in stock.
    OffSale,
}

/// Whether where an order stands lets something be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum May {
    Now,
    /// Not while it stands there.
    Later,
    Never,
}

impl FollowUp {
    pub const ALL: [Self; 5] = [Self::Rate, Self::Flower, Self::Close, Self::Price, Self::OffSale];

    pub fn may(self, standing: Standing) -> May {
        match (self, standing) {
            (Self::OffSale, _)
            | (Self::Close | Self::Price, Standing::Unpaid)
            | (Self::Rate | Self::Flower, Standing::Completed) => May::Now,
            (Self::Close | Self::Price, Standing::Unread)
            | (
                Self::Rate | Self::Flower,
                Standing::Unread
                | Standing::Unpaid
                | Standing::Bargaining
                | Standing::Paid
                | Standing::Shipped
                | Standing::Refunding,
            ) => May::Later,
            // A bargain may still find its helpers, and its price is the platform's.
            (
                Self::Close | Self::Price,
                Standing::Bargaining
                | Standing::Paid
                | Standing::Shipped
                | Standing::Completed
                | Standing::Refunding
                | Standing::Ended,
            )
            | (Self::Rate | Self::Flower, Standing::Ended) => May::Never,
        }
    }
}

/// When things happened to an order, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moments {
    pub placed_at: Timestamp,
    pub shipped_at: Option<Timestamp>,
    pub completed_at: Option<Timestamp>,
}

impl Plan {
    /// From when on the plan wants it done; `None`: not at all.
    pub fn wants(&self, what: FollowUp, order: &Moments, now: Timestamp) -> Option<Timestamp> {
        let completed = order.completed_at.filter(|at| now.since(*at) <= RECENT);
        match what {
            FollowUp::Rate if self.rate && !self.rate_texts.is_empty() => {
                completed.map(|at| at + times(MINUTE, self.rate_delay_m))
            }
            FollowUp::Flower if self.flower => completed,
            FollowUp::Close if self.close => Some(order.placed_at + times(MINUTE, self.close_after_m)),
            FollowUp::Rate | FollowUp::Flower | FollowUp::Close | FollowUp::Price | FollowUp::OffSale => None,
        }
    }

    /// From when on the buyer is to be asked to confirm.
    pub fn asks(&self, order: &Moments) -> Option<Timestamp> {
        let shipped = order.shipped_at.filter(|_| self.ask && !self.ask_text.trim().is_empty());
        shipped.map(|at| at + times(DAY, self.ask_after_d))
    }

    /// What is said with it, always the same for an order.
    pub fn words(&self, what: FollowUp, order: &OrderId) -> Option<String> {
        match what {
            FollowUp::Rate => {
                let mut hasher = DefaultHasher::new();
                order.as_str().hash(&mut hasher);
                let count = u64::try_from(self.rate_texts.len()).ok().filter(|count| *count > 0)?;
                let chosen = usize::try_from(hasher.finish() % count).ok()?;
                self.rate_texts.get(chosen).cloned()
            }
            FollowUp::Close => Some(self.close_reason.clone()),
            FollowUp::Flower | FollowUp::Price | FollowUp::OffSale => None,
        }
    }
}

fn times(unit: Duration, count: i64) -> Duration {
    unit * u32::try_from(count).unwrap_or(0)
}

/// Something that is not done yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    pub what: FollowUp,
    /// Not before.
    pub from: Timestamp,
    /// A person wants it, or it was tried before; else the plan alone wants it.
    pub is_begun: bool,
}

/// What is known of an order that its follow-ups depend on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FollowUps {
    pub open: Vec<Open>,
    /// What ran out is in stock again.
    pub is_stocked: bool,
    /// The buyer is to be asked to confirm from then on.
    pub ask: Option<Timestamp>,
    /// That question is prepared, and nobody sent it.
    pub is_asking: bool,
}

/// What is to be done next besides the delivery.
pub(super) fn next(known: &Known, now: Timestamp) -> Step {
    let follow_ups = &known.follow_ups;
    if follow_ups.is_asking {
        return question(known, now);
    }
    let mut soonest: Option<Timestamp> = None;
    let mut wait = |from: Timestamp| soonest = Some(soonest.map_or(from, |at| at.min(from)));
    for open in &follow_ups.open {
        let needless = open.what == FollowUp::OffSale && follow_ups.is_stocked;
        match if needless { May::Never } else { open.what.may(known.standing) } {
            May::Never if open.is_begun => return Step::GiveUp(open.what),
            May::Never | May::Later => {}
            May::Now if !open.is_begun && !is_wanted(known, open.what) => {}
            May::Now if open.from > now => wait(open.from),
            // Where the order stands does not matter to its item.
            May::Now if open.what == FollowUp::OffSale => {
                return stopped(known, now).unwrap_or(Step::Do(Errand::FollowUp(open.what)));
            }
            May::Now => return ready(known, now).unwrap_or(Step::Do(Errand::FollowUp(open.what))),
        }
    }
    match follow_ups.ask.filter(|_| may_ask(known) && known.planned + known.in_flight == 0) {
        Some(from) if from > now => wait(from),
        Some(_) => return ready(known, now).or_else(|| unreached(known)).unwrap_or(Step::Say(Saying::AskConfirmation)),
        None => {}
    }
    soonest.map_or(Step::Rest, Step::Wait)
}

/// Whether what only the plan wants is to be done for this buyer, in this order.
fn is_wanted(known: &Known, what: FollowUp) -> bool {
    let is_kindness = matches!(what, FollowUp::Rate | FollowUp::Flower);
    !(known.by_hand || is_kindness && known.is_blocked)
}

/// A question that is prepared goes out while it still makes sense, and else not at all.
fn question(known: &Known, now: Timestamp) -> Step {
    if !may_ask(known) {
        return Step::Unsay(Saying::AskConfirmation);
    }
    ready(known, now).or_else(|| unreached(known)).unwrap_or(Step::Do(Errand::Send))
}

/// Asked is who has everything, whoever gave it: the platform says that it is on its way, and nothing of ours is missing or in doubt.
fn may_ask(known: &Known) -> bool {
    let is_given = known.units.iter().all(|unit| *unit == Unit::Confirmed);
    known.standing == Standing::Shipped && is_given && !known.is_blocked && !known.by_hand
}

/// What must be waited for, or asked, before anything.
fn ready(known: &Known, now: Timestamp) -> Option<Step> {
    stopped(known, now).or((!known.is_fresh).then_some(Step::Do(Errand::Read)))
}

fn stopped(known: &Known, now: Timestamp) -> Option<Step> {
    known.is_stopped.then_some(Step::Wait(now + STOPPED))
}

fn unreached(known: &Known) -> Option<Step> {
    (!known.has_conversation).then_some(Step::Do(Errand::FindConversation))
}

#[cfg(test)]
#[path = "follow_up_tests.rs"]
mod tests;
