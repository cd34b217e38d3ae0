//! What orders are given: claimed once, sent once, and in each moment in a state from which a start goes on.
//!
//! [`look`] does in one transaction all that the database alone can do for an order, and says what must be asked of others. What becomes of
//! the messages is told by the outbox in the transaction that stores it ([`on_send`]): unit, part, piece of stock and its log go on
//! together, or not at all.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use diesel::{prelude::*, result::Error};

use super::{
    DbConn, Keys, Scope, Sealed,
    accounts::{self, own},
    cards::{self, DeliveryCard},
    connection::per_backend,
    delivery_rules, delivery_settings,
    delivery_settings::DeliverySettings,
    items,
    order_actions::{self, Action},
    orders, reviews, sales_figures,
    schema::{
        blocked_buyers, deliveries, delivery_message_parts, delivery_messages, delivery_parts, units as units_table,
    },
    units,
};
use crate::{
    delivery::{
        card::{Content, Kind},
        pack::{self, Gift, Given, ParcelBody},
        review::Reason,
        rule::{self, Bought, DeliveryRule, Missing},
        step::{self, Errand, Known, Saying, Standing, Step, Unit, Wanted},
        unit::UnitState,
    },
    ids::{
        AccountId, BuyerId, CardId, ConversationId, DeliveryMessageId, DeliveryRuleId, ItemId, MessageId, OrderId,
        Timestamp, UnitId, UserId,
    },
    order::status::Status,
    outbox::entry::{Body, PersonsWord, State as SendState},
    platform::hours,
};

/// An errand that nobody came back from is begun again after this long.
const IN_WORK: Duration = Duration::from_secs(60);

/// What waits for the seller is looked at again after this long, told or not.
const PATIENCE: Duration = Duration::from_mins(5);

/// Steps that the database alone can do, one after the other: more is a mistake.
const STEPS: usize = 12;

/// Where messages that give nothing stand among an order's.
const SAYINGS: i64 = 1_000_000;

const MINUTE_MS: i64 = 60_000;

/// A message that carries what an order is given, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageState {
    /// Nobody sent it.
    Planned,
    /// The outbox has it.
    Queued,
    Sent,
    Confirmed,
    Uncertain,
    Rejected,
    /// It is certain that it never arrived; another takes its place.
    Dropped,
}

impl MessageState {
    const ALL: [Self; 7] =
        [Self::Planned, Self::Queued, Self::Sent, Self::Confirmed, Self::Uncertain, Self::Rejected, Self::Dropped];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Confirmed => "confirmed",
            Self::Uncertain => "uncertain",
            Self::Rejected => "rejected",
            Self::Dropped => "dropped",
        }
    }

    fn of(state: SendState) -> Self {
        match state {
            SendState::Queued => Self::Queued,
            SendState::Sent => Self::Sent,
            SendState::Confirmed => Self::Confirmed,
            SendState::Rejected => Self::Rejected,
            SendState::Uncertain => Self::Uncertain,
            SendState::Expired => Self::Dropped,
        }
    }

    /// The outbox has it, and nobody knows yet what becomes of it.
    fn is_in_flight(self) -> bool {
        matches!(self, Self::Queued | Self::Sent)
    }

    /// What it makes of the parts that it carries; `None`: it carries nothing any more.
    fn as_unit(self) -> Option<Unit> {
        match self {
            Self::Planned | Self::Queued => Some(Unit::Reserved),
            Self::Sent => Some(Unit::Sent),
            Self::Confirmed => Some(Unit::Confirmed),
            Self::Uncertain => Some(Unit::Uncertain),
            Self::Rejected => Some(Unit::Rejected),
            Self::Dropped => None,
        }
    }
}

impl std::str::FromStr for MessageState {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|state| state.as_str() == text);
        found.ok_or_else(|| format!("unknown state of a message {text:?}"))
    }
}

/// What must be asked of others for an order.
#[derive(Debug, Clone, PartialEq)]
pub enum Todo {
    /// Nothing; it is looked at again when that is due.
    Nothing,
    Read,
    FindConversation {
        buyer: BuyerId,
        item: ItemId,
    },
    Fetch(Vec<Fetch>),
    Send {
        conversation: ConversationId,
        peer: BuyerId,
        messages: Vec<(DeliveryMessageId, Body)>,
    },
    FreeShipping {
        buyer: BuyerId,
        item: ItemId,
    },
    Ship,
}

/// What the seller's own program is asked for one part.
#[derive(Debug, Clone, PartialEq)]
pub struct Fetch {
    pub part: i64,
    pub unit: i64,
    pub card: CardId,
    pub content: Content,
    pub order: orders::Row,
    pub title: Option<String>,
}

/// A unit of an order, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = deliveries)]
pub struct Delivery {
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = order_id)]
    pub order: OrderId,
    pub unit: i64,
    pub state: Unit,
    #[diesel(column_name = rule_id)]
    pub rule: Option<DeliveryRuleId>,
    pub round: i64,
    pub claimed_at: Timestamp,
    pub changed_at: Timestamp,
}

/// What a unit is made of, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = delivery_parts)]
pub struct Part {
    pub id: i64,
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = order_id)]
    pub order: OrderId,
    pub unit: i64,
    pub round: i64,
    pub position: i64,
    #[diesel(column_name = card_id)]
    pub card: CardId,
    pub claim: String,
    #[diesel(column_name = unit_id)]
    pub stock: Option<UnitId>,
    content: Option<Sealed>,
    pub state: Unit,
}

/// A message, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = delivery_messages)]
pub struct Message {
    pub id: DeliveryMessageId,
    #[diesel(column_name = account_id)]
    pub account: AccountId,
    #[diesel(column_name = order_id)]
    pub order: OrderId,
    pub position: i64,
    pub state: MessageState,
    body: Sealed,
    pub reason: Option<String>,
    #[diesel(column_name = message_id)]
    pub message: Option<MessageId>,
    pub planned_at: Timestamp,
    pub changed_at: Timestamp,
}

fn body_place(account: AccountId, order: &OrderId) -> String {
    format!("delivery_messages.body:{account}:{order}")
}

fn content_place(part: i64) -> String {
    format!("delivery_parts.content:{part}")
}

/// Whose order it is, and by which clock it is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Glance {
    pub account: AccountId,
    pub owner: UserId,
    /// What was read so recently may be sent for.
    pub fresh: Duration,
    pub now: Timestamp,
}

/// For the engine: does all that the database alone can do for an order, and says what must be asked of others. Until that comes back, or for
/// a minute, the order is not due.
pub fn look(conn: &mut DbConn, keys: &Keys, glance: Glance, order: &OrderId) -> QueryResult<Todo> {
    for _ in 0..STEPS {
        let Some(case) = Case::load(conn, keys, glance, order)? else { return Ok(Todo::Nothing) };
        let (step, reasons) = step::next(&case.known, glance.now);
        case.note_reasons(conn, &reasons)?;
        match step {
            Step::Rest => {
                let due = reasons.iter().any(|reason| heals_by_itself(*reason)).then(|| glance.now + PATIENCE);
                orders::set_deliver_due(conn, glance.account, order, due)?;
                return Ok(Todo::Nothing);
            }
            Step::Wait(at) => {
                orders::set_deliver_due(conn, glance.account, order, Some(at))?;
                return Ok(Todo::Nothing);
            }
            Step::Release => case.release(conn)?,
            Step::Claim(units) => case.claim(conn, units)?,
            Step::Plan => case.plan(conn)?,
            Step::Say(saying) => case.say(conn, saying)?,
            Step::Do(errand) => {
                orders::set_deliver_due(conn, glance.account, order, Some(glance.now + IN_WORK))?;
                return case.todo(errand);
            }
        }
    }
    Err(Error::QueryBuilderError(format!("the delivery of order {order} does not come to rest").into()))
}

/// The seller may mend it without saying anything to us.
fn heals_by_itself(reason: Reason) -> bool {
    match reason {
        Reason::NoRule
        | Reason::NoSpec
        | Reason::CardUnusable
        | Reason::OutOfStock
        | Reason::BuyerBlocked
        | Reason::NoConversation => true,
        Reason::Unreadable
        | Reason::Unplaceable
        | Reason::NoContent
        | Reason::Rejected
        | Reason::Uncertain
        | Reason::NotShipped
        | Reason::BargainRefused
        | Reason::ShippedElsewhere => false,
    }
}

/// What deliveries open and heal; the others are of whoever reads orders.
const OURS: [Reason; 12] = [
    Reason::NoConversation,
    Reason::NoRule,
    Reason::NoSpec,
    Reason::CardUnusable,
    Reason::OutOfStock,
    Reason::NoContent,
    Reason::BuyerBlocked,
    Reason::Rejected,
    Reason::Uncertain,
    Reason::NotShipped,
    Reason::BargainRefused,
    Reason::ShippedElsewhere,
];

/// All that is known of an order's delivery.
struct Case<'a> {
    keys: &'a Keys,
    glance: Glance,
    order: orders::Row,
    title: Option<String>,
    settings: DeliverySettings,
    units: Vec<Delivery>,
    /// Of the round that counts.
    parts: Vec<Part>,
    messages: Vec<Message>,
    /// Which parts are carried by messages that may still arrive, or did.
    carried: HashSet<i64>,
    /// The rule that serves it, and its cards, where they are needed.
    rule: Option<DeliveryRule>,
    cards: Vec<DeliveryCard>,
    /// The cards of what is claimed: the rule may be another by now.
    claimed: Vec<DeliveryCard>,
    /// What a person is told about a reason.
    details: HashMap<Reason, String>,
    known: Known,
}

impl<'a> Case<'a> {
    fn load(conn: &mut DbConn, keys: &'a Keys, glance: Glance, order: &OrderId) -> QueryResult<Option<Self>> {
        let Glance { account, owner, now, fresh } = glance;
        let Some(order) = orders::find(conn, account, order)? else { return Ok(None) };
        let settings = delivery_settings::find(conn, account)?;
        let units = list_units(conn, account, &order.order)?;
        let messages = list_messages(conn, account, &order.order)?;
        let parts = if units.is_empty() { Vec::new() } else { current_parts(conn, &units)? };
        let carried = carried_parts(conn, &messages)?;
        let actions = order_actions::of_order(conn, account, &order.order)?;
        let known = Known {
            standing: standing(&order),
            is_fresh: order.read_at.is_some_and(|at| now.since(at) <= fresh),
            is_on: settings.enabled,
            is_stopped: accounts::is_stopped(conn, account)?,
            by_hand: actions.contains_key(&Action::ByHand),
            is_blocked: match &order.buyer {
                Some(buyer) => is_blocked(conn, owner, account, buyer)?,
                None => false,
            },
            has_conversation: order.conversation.is_some(),
            units: units.iter().filter(|unit| unit.state != Unit::Cancelled).map(|unit| unit.state).collect(),
            wanted: Ok(Wanted { units: 0, from: now, short: None, can_claim: 0 }),
            planned: messages.iter().filter(|message| message.state == MessageState::Planned).count(),
            in_flight: messages.iter().filter(|message| message.state.is_in_flight()).count(),
            unplanned: 0,
            unfetched: 0,
            fetch: order_actions::deed(&actions, Action::Fetch, true, now),
            free_shipping: order_actions::deed(&actions, Action::FreeShipping, settings.free_shipping, now),
            ship: order_actions::deed(&actions, Action::Ship, settings.confirm_shipment, now),
            receipt: order_actions::deed(&actions, Action::Receipt, !settings.receipt.trim().is_empty(), now),
            apology: order_actions::deed(&actions, Action::OutOfStock, !settings.out_of_stock.trim().is_empty(), now),
        };
        let mut case = Self {
            keys,
            glance,
            order,
            title: None,
            settings,
            units,
            parts,
            messages,
            carried,
            rule: None,
            cards: Vec::new(),
            claimed: Vec::new(),
            details: HashMap::new(),
            known,
        };
        case.known.unplanned = case.unplanned().count();
        if case.known.standing == Standing::Paid {
            case.look_at_rules(conn)?;
        }
        Ok(Some(case))
    }

    /// Which rule serves the order, how many units it is to have and how many can be had.
    fn look_at_rules(&mut self, conn: &mut DbConn) -> QueryResult<()> {
        let Some(item) = self.order.item.clone() else { return Ok(()) };
        if !self.look_at_claimed(conn)? {
            (self.known.unplanned, self.known.wanted) = (0, Err(Reason::CardUnusable));
            return Ok(());
        }
        let claimed = self.units.iter().find_map(|unit| unit.rule);
        let before = match claimed {
            Some(rule) => delivery_rules::find(conn, self.glance.owner, rule)?,
            None => None,
        };
        let rule = match before {
            Some(rule) => Ok(rule),
            None => self.find_rule(conn, &item)?,
        };
        let rule = match rule {
            Ok(rule) => rule,
            Err(missing) => {
                let (reason, detail) = match missing {
                    Missing::Rule => (Reason::NoRule, format!("item {item}")),
                    Missing::RuleOff => (Reason::NoRule, format!("item {item}: every rule about it is off")),
                    Missing::Spec => (Reason::NoSpec, spec_text(&self.order.spec())),
                };
                self.details.insert(reason, detail);
                self.known.wanted = Err(reason);
                return Ok(());
            }
        };
        let units = usize::try_from(rule.units(self.order.quantity)).unwrap_or(usize::MAX);
        let missing = units.saturating_sub(self.known.units.len());
        self.cards = expand(conn, self.glance.owner, &rule.cards)?;
        if missing > 0
            && let Some(detail) = unusable(&self.cards)
        {
            self.details.insert(Reason::CardUnusable, detail);
            self.known.wanted = Err(Reason::CardUnusable);
            self.rule = Some(rule);
            return Ok(());
        }
        let can_claim = self.can_claim(conn, missing)?;
        let from = self.from(conn, &rule)?;
        let short = (can_claim < missing).then_some(Reason::OutOfStock);
        self.known.wanted = Ok(Wanted { units, from, short, can_claim });
        self.rule = Some(rule);
        Ok(())
    }

    /// What is claimed and not sent needs its cards. `false`: one of them is gone.
    fn look_at_claimed(&mut self, conn: &mut DbConn) -> QueryResult<bool> {
        let mut wanted: Vec<CardId> = self.unplanned().map(|part| part.card).collect();
        wanted.dedup();
        for card in wanted {
            if self.claimed.iter().any(|known| known.id == card) {
                continue;
            }
            let Some(card) = cards::for_delivery(conn, self.glance.owner, card)? else { return Ok(false) };
            self.claimed.push(card);
        }
        self.known.unfetched = self.unfetched().count();
        if let (true, Some(item)) = (self.known.unfetched > 0, &self.order.item) {
            self.title = items::find(conn, self.glance.account, item)?.map(|item| item.title);
        }
        Ok(true)
    }

    /// Parts that no message carries.
    fn unplanned(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.state == Unit::Reserved && !self.carried.contains(&part.id))
    }

    fn find_rule(&mut self, conn: &mut DbConn, item: &ItemId) -> QueryResult<Result<DeliveryRule, Missing>> {
        self.title = items::find(conn, self.glance.account, item)?.map(|item| item.title);
        let rules = delivery_rules::about(conn, self.glance.owner, item)?;
        let spec = self.order.spec();
        let bought = Bought { account: self.glance.account, item, title: self.title.as_deref(), spec: &spec };
        Ok(rule::find(&rules, &bought).cloned())
    }

    /// Parts whose content the seller's own program has yet to say.
    fn unfetched(&self) -> impl Iterator<Item = &Part> {
        let is_api = |card: CardId| self.claimed.iter().any(|known| known.id == card && known.kind == Kind::Api);
        self.unplanned().filter(move |part| part.content.is_none() && is_api(part.card))
    }

    /// How many of the missing units the stock has everything for.
    fn can_claim(&mut self, conn: &mut DbConn, missing: usize) -> QueryResult<usize> {
        let mut per_unit: HashMap<CardId, usize> = HashMap::new();
        for card in self.cards.iter().filter(|card| card.kind == Kind::Pool) {
            *per_unit.entry(card.id).or_default() += 1;
        }
        let mut can = missing;
        for (card, each) in per_unit {
            let needed = missing.saturating_mul(each);
            let free = free_units(conn, card, needed)?;
            if free < needed {
                let name = self.cards.iter().find(|known| known.id == card).map_or("", |card| card.name.as_str());
                self.details.insert(Reason::OutOfStock, format!("{name}: {free}/{needed}"));
            }
            can = can.min(free / each);
        }
        Ok(can)
    }

    /// From when on the rule lets the order be served.
    fn from(&self, conn: &mut DbConn, rule: &DeliveryRule) -> QueryResult<Timestamp> {
        let now = self.glance.now;
        let paid_at = self.order.paid_at.unwrap_or(now);
        let delayed = paid_at + Duration::from_secs(u64::try_from(rule.delay_s).unwrap_or(0));
        if !self.known.units.is_empty() {
            return Ok(now);
        }
        let at = delayed.max(now);
        let midnight = Timestamp(hours::day_of(at) * hours::DAY - hours::AHEAD);
        if let Some(most) = rule.per_day
            && served_since(conn, rule.id, midnight)? >= most
        {
            return Ok(midnight + Duration::from_hours(24));
        }
        let minute = at.since(midnight).as_millis() as i64 / MINUTE_MS;
        Ok(rule.opens_in(minute).map_or(at, |minutes| Timestamp((at.0 / MINUTE_MS + minutes) * MINUTE_MS)))
    }

    fn note_reasons(&self, conn: &mut DbConn, reasons: &[Reason]) -> QueryResult<()> {
        let Glance { account, now, .. } = self.glance;
        for reason in reasons {
            let detail = self.details.get(reason).cloned().or_else(|| self.said_of(*reason));
            reviews::open(conn, account, &self.order.order, *reason, detail.as_deref(), now)?;
        }
        let open = reviews::of_order(conn, account, &self.order.order)?;
        let healed: Vec<Reason> =
            OURS.into_iter().filter(|reason| open.contains(reason) && !reasons.contains(reason)).collect();
        if healed.is_empty() { Ok(()) } else { reviews::heal(conn, account, &self.order.order, &healed, now) }
    }

    /// What the platform said of the messages that a reason is about.
    fn said_of(&self, reason: Reason) -> Option<String> {
        let state = match reason {
            Reason::Rejected => MessageState::Rejected,
            Reason::Uncertain => MessageState::Uncertain,
            _ => return None,
        };
        self.messages.iter().filter(|message| message.state == state).find_map(|message| message.reason.clone())
    }

    /// Gives back what was claimed and cannot have been seen.
    fn release(&self, conn: &mut DbConn) -> QueryResult<()> {
        let Glance { account, now, .. } = self.glance;
        let unsent = |unit: &&Delivery| matches!(unit.state, Unit::Reserved | Unit::Rejected);
        for unit in self.units.iter().filter(unsent) {
            for part in self.parts.iter().filter(|part| part.unit == unit.unit) {
                if matches!(part.state, Unit::Reserved | Unit::Rejected) {
                    set_part(conn, part, Unit::Cancelled, now)?;
                }
            }
            set_unit(conn, unit, Unit::Cancelled, now)?;
        }
        let planned = delivery_messages::table
            .filter(delivery_messages::account_id.eq(account).and(delivery_messages::order_id.eq(&self.order.order)))
            .filter(delivery_messages::state.eq(MessageState::Planned));
        diesel::update(planned)
            .set((delivery_messages::state.eq(MessageState::Dropped), delivery_messages::changed_at.eq(now)))
            .execute(conn)
            .map(drop)
    }

    /// Claims the next units, each with all of its parts.
    fn claim(&self, conn: &mut DbConn, units: usize) -> QueryResult<()> {
        let Glance { account, now, .. } = self.glance;
        let Some(rule) = &self.rule else { return Ok(()) };
        let last = self.units.iter().map(|unit| unit.unit).max().unwrap_or(0);
        for unit in (last + 1..).take(units) {
            diesel::insert_into(deliveries::table)
                .values((
                    deliveries::account_id.eq(account),
                    deliveries::order_id.eq(&self.order.order),
                    deliveries::unit.eq(unit),
                    deliveries::state.eq(Unit::Reserved),
                    deliveries::rule_id.eq(rule.id),
                    deliveries::round.eq(0_i64),
                    deliveries::claimed_at.eq(now),
                    deliveries::changed_at.eq(now),
                ))
                .execute(conn)?;
            claim_parts(conn, account, &self.order.order, unit, 0, &self.cards, now)?;
        }
        Ok(())
    }

    /// Makes messages of the parts that no message carries.
    fn plan(&self, conn: &mut DbConn) -> QueryResult<()> {
        let Glance { account, now, .. } = self.glance;
        let open: Vec<&Part> = self.unplanned().collect();
        let mut gifts = Vec::new();
        let mut done = HashSet::new();
        for card in &self.claimed {
            if !done.insert(card.id) {
                continue;
            }
            let parts: Vec<&Part> = open.iter().filter(|part| part.card == card.id).copied().collect();
            if !parts.is_empty() {
                gifts.push(Gift { description: card.description.clone(), given: self.given(conn, card, &parts)? });
            }
        }
        let parcels = pack::pack(gifts);
        if parcels.is_empty() {
            return Err(Error::QueryBuilderError(format!("nothing to send for order {}", self.order.order).into()));
        }
        let last = self.messages.iter().map(|message| message.position).filter(|at| *at < SAYINGS).max().unwrap_or(0);
        for (position, parcel) in (last + 1..).zip(parcels) {
            let body = match parcel.body {
                ParcelBody::Text(text) => Body::Text { text },
                ParcelBody::Picture(url) => Body::Image { url, width: 0, height: 0 },
            };
            let id = insert_message(conn, self.keys, account, &self.order.order, position, &body, now)?;
            carry(conn, id, &parcel.parts)?;
        }
        Ok(())
    }

    fn given(&self, conn: &mut DbConn, card: &DeliveryCard, parts: &[&Part]) -> QueryResult<Given<i64>> {
        let ids = || parts.iter().map(|part| part.id).collect();
        match card.kind {
            Kind::Pool => {
                let mut codes = Vec::new();
                for part in parts {
                    let stock = part.stock.ok_or_else(|| unreadable("a part of a pool without its piece"))?;
                    codes.push((part.id, units::open(conn, self.keys, stock)?.expose().to_owned()));
                }
                Ok(Given::Codes(codes))
            }
            Kind::Api => {
                let open = |part: &&Part| {
                    let sealed = part.content.as_ref().ok_or_else(|| unreadable("a part without content"))?;
                    let secret = self
                        .keys
                        .open(&content_place(part.id), sealed)
                        .map_err(|error| unreadable(&error.to_string()))?;
                    Ok((part.id, secret.expose().to_owned()))
                };
                Ok(Given::Codes(parts.iter().map(open).collect::<QueryResult<_>>()?))
            }
            Kind::Text | Kind::Image => match card.content(self.keys).map_err(|error| unreadable(&error))? {
                Some(Content::Text { text }) => Ok(Given::Text(text, ids())),
                Some(Content::Image { images }) => Ok(Given::Pictures(images, ids())),
                Some(Content::Api(_)) | None => Err(unreadable("a card that is not what it says")),
            },
            Kind::Combination => Err(unreadable("a combination that was not taken apart")),
        }
    }

    fn say(&self, conn: &mut DbConn, saying: Saying) -> QueryResult<()> {
        let Glance { account, now, .. } = self.glance;
        let (action, text) = match saying {
            Saying::Receipt => (Action::Receipt, &self.settings.receipt),
            Saying::OutOfStock => (Action::OutOfStock, &self.settings.out_of_stock),
        };
        order_actions::mark_done(conn, account, &self.order.order, action, now)?;
        let body = Body::Text { text: text.clone() };
        insert_message(conn, self.keys, account, &self.order.order, SAYINGS, &body, now).map(drop)
    }

    fn todo(&self, errand: Errand) -> QueryResult<Todo> {
        let (buyer, item) = (self.order.buyer.clone(), self.order.item.clone());
        let whom = || buyer.clone().zip(item.clone()).ok_or_else(|| unreadable("a paid order without buyer or item"));
        Ok(match errand {
            Errand::Read => Todo::Read,
            Errand::FindConversation => {
                let (buyer, item) = whom()?;
                Todo::FindConversation { buyer, item }
            }
            Errand::FreeShipping => {
                let (buyer, item) = whom()?;
                Todo::FreeShipping { buyer, item }
            }
            Errand::Ship => Todo::Ship,
            Errand::Fetch => Todo::Fetch(self.fetches()?),
            Errand::Send => {
                let (peer, _) = whom()?;
                let conversation = self.order.conversation.clone().ok_or_else(|| unreadable("no conversation"))?;
                let planned = self.messages.iter().filter(|message| message.state == MessageState::Planned);
                let open = |message: &Message| {
                    let place = body_place(message.account, &message.order);
                    let text = self.keys.open(&place, &message.body).map_err(|error| unreadable(&error.to_string()))?;
                    let body = serde_json::from_str(text.expose()).map_err(|error| unreadable(&error.to_string()))?;
                    Ok((message.id, body))
                };
                Todo::Send { conversation, peer, messages: planned.map(open).collect::<QueryResult<_>>()? }
            }
        })
    }

    fn fetches(&self) -> QueryResult<Vec<Fetch>> {
        let one = |part: &Part| {
            let card = self
                .claimed
                .iter()
                .find(|card| card.id == part.card)
                .ok_or_else(|| unreadable("a card that is gone"))?;
            let content = card.content(self.keys).map_err(|error| unreadable(&error))?;
            Ok(Fetch {
                part: part.id,
                unit: part.unit,
                card: card.id,
                content: content.ok_or_else(|| unreadable("a card without content"))?,
                order: self.order.clone(),
                title: self.title.clone(),
            })
        };
        self.unfetched().map(one).collect()
    }
}

fn unreadable(what: &str) -> Error {
    Error::DeserializationError(what.to_owned().into())
}

fn spec_text(spec: &[(String, String)]) -> String {
    let pairs: Vec<String> = spec.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    if pairs.is_empty() { "-".to_owned() } else { pairs.join(";") }
}

fn standing(order: &orders::Row) -> Standing {
    match order.status {
        None => Standing::Unread,
        Some(Status::Processing) if order.is_bargain => Standing::Bargaining,
        Some(Status::Processing) => Standing::Unpaid,
        Some(Status::PendingShip) => Standing::Paid,
        Some(Status::Shipped | Status::Completed) => Standing::Shipped,
        Some(Status::Refunding) => Standing::Refunding,
        Some(Status::Cancelled) => Standing::Ended,
    }
}

/// Combinations become what they are made of.
fn expand(conn: &mut DbConn, owner: UserId, wanted: &[CardId]) -> QueryResult<Vec<DeliveryCard>> {
    let mut found = Vec::new();
    for card in wanted {
        let Some(card) = cards::for_delivery(conn, owner, *card)? else { continue };
        // One that is off stands in for what it is made of: nobody gets a piece of it.
        if card.kind != Kind::Combination || !card.enabled {
            found.push(card);
            continue;
        }
        for part in card.parts.clone() {
            found.extend(cards::for_delivery(conn, owner, part)?);
        }
    }
    Ok(found)
}

/// Why the cards cannot be given.
fn unusable(cards: &[DeliveryCard]) -> Option<String> {
    if cards.is_empty() {
        return Some("-".to_owned());
    }
    let is_usable = |card: &&DeliveryCard| {
        card.enabled && card.kind != Kind::Combination && (card.kind == Kind::Pool || card.has_content())
    };
    cards.iter().find(|card| !is_usable(card)).map(|card| card.name.clone())
}

fn is_blocked(conn: &mut DbConn, owner: UserId, account: AccountId, buyer: &BuyerId) -> QueryResult<bool> {
    let rows = blocked_buyers::table
        .filter(blocked_buyers::owner_id.eq(owner).and(blocked_buyers::buyer_id.eq(buyer)))
        .filter(blocked_buyers::account_id.is_null().or(blocked_buyers::account_id.eq(account)));
    Ok(rows.select(blocked_buyers::buyer_id).first::<BuyerId>(conn).optional()?.is_some())
}

/// How many units of a card are free, counted up to `most`.
fn free_units(conn: &mut DbConn, card: CardId, most: usize) -> QueryResult<usize> {
    let free: Vec<UnitId> = units_table::table
        .filter(units_table::card_id.eq(card))
        // the words as they stand in the partial index
        .filter(diesel::dsl::sql::<diesel::sql_types::Bool>("state = 'free'"))
        .limit(i64::try_from(most).unwrap_or(i64::MAX))
        .select(units_table::id)
        .load(conn)?;
    Ok(free.len())
}

/// How many orders a rule served since then.
fn served_since(conn: &mut DbConn, rule: DeliveryRuleId, since: Timestamp) -> QueryResult<i64> {
    deliveries::table
        .filter(deliveries::rule_id.eq(rule).and(deliveries::claimed_at.ge(since)))
        // the first unit of each order
        .filter(deliveries::unit.eq(1))
        .count()
        .get_result(conn)
}

fn list_units(conn: &mut DbConn, account: AccountId, order: &OrderId) -> QueryResult<Vec<Delivery>> {
    deliveries::table
        .filter(deliveries::account_id.eq(account).and(deliveries::order_id.eq(order)))
        .order(deliveries::unit)
        .select(Delivery::as_select())
        .load(conn)
}

fn list_messages(conn: &mut DbConn, account: AccountId, order: &OrderId) -> QueryResult<Vec<Message>> {
    delivery_messages::table
        .filter(delivery_messages::account_id.eq(account).and(delivery_messages::order_id.eq(order)))
        .order((delivery_messages::position, delivery_messages::id))
        .select(Message::as_select())
        .load(conn)
}

/// The parts of the round that counts, of each of these units of one order.
fn current_parts(conn: &mut DbConn, units: &[Delivery]) -> QueryResult<Vec<Part>> {
    let Some(first) = units.first() else { return Ok(Vec::new()) };
    let mut parts: Vec<Part> = delivery_parts::table
        .filter(delivery_parts::account_id.eq(first.account).and(delivery_parts::order_id.eq(&first.order)))
        .order((delivery_parts::unit, delivery_parts::position))
        .select(Part::as_select())
        .load(conn)?;
    parts.retain(|part| units.iter().any(|unit| unit.unit == part.unit && unit.round == part.round));
    Ok(parts)
}

fn carried_parts(conn: &mut DbConn, messages: &[Message]) -> QueryResult<HashSet<i64>> {
    let live: Vec<DeliveryMessageId> =
        messages.iter().filter(|message| message.state != MessageState::Dropped).map(|message| message.id).collect();
    if live.is_empty() {
        return Ok(HashSet::new());
    }
    let parts: Vec<i64> = delivery_message_parts::table
        .filter(delivery_message_parts::message_id.eq_any(live))
        .select(delivery_message_parts::part_id)
        .load(conn)?;
    Ok(parts.into_iter().collect())
}

fn insert_message(
    conn: &mut DbConn,
    keys: &Keys,
    account: AccountId,
    order: &OrderId,
    position: i64,
    body: &Body,
    now: Timestamp,
) -> QueryResult<DeliveryMessageId> {
    let text = serde_json::to_string(body).map_err(|error| Error::SerializationError(error.into()))?;
    let values = (
        delivery_messages::account_id.eq(account),
        delivery_messages::order_id.eq(order),
        delivery_messages::position.eq(position),
        delivery_messages::state.eq(MessageState::Planned),
        delivery_messages::body.eq(keys.seal(&body_place(account, order), text)),
        delivery_messages::planned_at.eq(now),
        delivery_messages::changed_at.eq(now),
    );
    per_backend!(&mut *conn, conn => diesel::insert_into(delivery_messages::table)
        .values(values)
        .returning(delivery_messages::id)
        .get_result(conn))
}

/// Claims what one unit is made of. That the stock has it was seen in the same transaction.
fn claim_parts(
    conn: &mut DbConn,
    account: AccountId,
    order: &OrderId,
    unit: i64,
    round: i64,
    cards: &[DeliveryCard],
    now: Timestamp,
) -> QueryResult<()> {
    for (position, card) in (0_i64..).zip(cards) {
        let claim = format!("{:032x}", rand::random::<u128>());
        let stock = match card.kind {
            Kind::Pool => {
                let piece = units::reserve(conn, card.id, &claim, now)?;
                Some(piece.ok_or_else(|| unreadable("the stock is gone"))?.id)
            }
            Kind::Text | Kind::Image | Kind::Api | Kind::Combination => None,
        };
        diesel::insert_into(delivery_parts::table)
            .values((
                delivery_parts::account_id.eq(account),
                delivery_parts::order_id.eq(order),
                delivery_parts::unit.eq(unit),
                delivery_parts::round.eq(round),
                delivery_parts::position.eq(position),
                delivery_parts::card_id.eq(card.id),
                delivery_parts::claim.eq(claim),
                delivery_parts::unit_id.eq(stock),
                delivery_parts::state.eq(Unit::Reserved),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// For the engine: what the seller's own program answered for a part.
pub fn fetched(conn: &mut DbConn, keys: &Keys, part: i64, content: &str) -> QueryResult<()> {
    let sealed = keys.seal(&content_place(part), content);
    let empty = delivery_parts::table.find(part).filter(delivery_parts::content.is_null());
    diesel::update(empty).set(delivery_parts::content.eq(sealed)).execute(conn).map(drop)
}

/// For the engine: the outbox stored what became of a message of a delivery. Told in that transaction.
pub(super) fn on_send(
    conn: &mut DbConn,
    id: DeliveryMessageId,
    state: SendState,
    message: Option<&MessageId>,
    reason: Option<&str>,
    now: Timestamp,
) -> QueryResult<()> {
    let found: Option<Message> =
        delivery_messages::table.find(id).select(Message::as_select()).first(conn).optional()?;
    // Erased with its order meanwhile.
    let Some(before) = found else { return Ok(()) };
    let state = MessageState::of(state);
    diesel::update(delivery_messages::table.find(id))
        .set((
            delivery_messages::state.eq(state),
            delivery_messages::message_id.eq(message.or(before.message.as_ref())),
            delivery_messages::reason.eq(reason),
            delivery_messages::changed_at.eq(now),
        ))
        .execute(conn)?;
    let parts: Vec<i64> = delivery_message_parts::table
        .filter(delivery_message_parts::message_id.eq(id))
        .select(delivery_message_parts::part_id)
        .load(conn)?;
    if state == MessageState::Dropped {
        repeat(conn, &before, &parts, now)?;
    }
    settle_parts(conn, before.account, &before.order, &parts, now)?;
    let goes_on = match state {
        MessageState::Confirmed | MessageState::Uncertain | MessageState::Rejected | MessageState::Dropped => true,
        MessageState::Planned | MessageState::Queued | MessageState::Sent => false,
    };
    if goes_on {
        orders::set_deliver_due(conn, before.account, &before.order, Some(now))?;
    }
    Ok(())
}

/// The same message once more: it is certain that it never arrived. Others may carry the same parts and have arrived.
fn repeat(conn: &mut DbConn, message: &Message, parts: &[i64], now: Timestamp) -> QueryResult<()> {
    let values = (
        delivery_messages::account_id.eq(message.account),
        delivery_messages::order_id.eq(&message.order),
        delivery_messages::position.eq(message.position),
        delivery_messages::state.eq(MessageState::Planned),
        delivery_messages::body.eq(&message.body),
        delivery_messages::planned_at.eq(now),
        delivery_messages::changed_at.eq(now),
    );
    let id: DeliveryMessageId = per_backend!(&mut *conn, conn => diesel::insert_into(delivery_messages::table)
        .values(values)
        .returning(delivery_messages::id)
        .get_result(conn))?;
    carry(conn, id, parts)
}

fn carry(conn: &mut DbConn, message: DeliveryMessageId, parts: &[i64]) -> QueryResult<()> {
    for part in parts {
        diesel::insert_into(delivery_message_parts::table)
            .values((delivery_message_parts::message_id.eq(message), delivery_message_parts::part_id.eq(part)))
            .execute(conn)?;
    }
    Ok(())
}

/// For the engine: a person says of a message that is in doubt whether it arrived. One that did not is made anew.
pub(super) fn on_word(conn: &mut DbConn, id: DeliveryMessageId, word: PersonsWord, now: Timestamp) -> QueryResult<()> {
    let state = match word {
        PersonsWord::Arrived => SendState::Confirmed,
        PersonsWord::NotArrived | PersonsWord::Cancel => SendState::Expired,
    };
    on_send(conn, id, state, None, word.reason(), now)
}

/// Parts are what their messages are, units what their parts are.
fn settle_parts(
    conn: &mut DbConn,
    account: AccountId,
    order: &OrderId,
    parts: &[i64],
    now: Timestamp,
) -> QueryResult<()> {
    if parts.is_empty() {
        return Ok(());
    }
    let links: Vec<(i64, MessageState)> = delivery_message_parts::table
        .inner_join(delivery_messages::table.on(delivery_messages::id.eq(delivery_message_parts::message_id)))
        .filter(delivery_message_parts::part_id.eq_any(parts))
        .select((delivery_message_parts::part_id, delivery_messages::state))
        .load(conn)?;
    let rows: Vec<Part> = delivery_parts::table
        .filter(delivery_parts::id.eq_any(parts))
        .order(delivery_parts::id)
        .select(Part::as_select())
        .load(conn)?;
    let mut touched = HashSet::new();
    for part in &rows {
        let of_messages = links.iter().filter(|(id, _)| *id == part.id).filter_map(|(_, state)| state.as_unit());
        let state = Unit::of(of_messages);
        if state != part.state {
            set_part(conn, part, state, now)?;
            touched.insert(part.unit);
        }
    }
    let units = list_units(conn, account, order)?;
    let current = current_parts(conn, &units)?;
    for unit in units.iter().filter(|unit| touched.contains(&unit.unit)) {
        let state = Unit::of(current.iter().filter(|part| part.unit == unit.unit).map(|part| part.state));
        if state != unit.state {
            set_unit(conn, unit, state, now)?;
        }
    }
    if touched.is_empty() { Ok(()) } else { sales_figures::count(conn, account, order, now) }
}

fn set_unit(conn: &mut DbConn, unit: &Delivery, state: Unit, now: Timestamp) -> QueryResult<()> {
    diesel::update(deliveries::table.find((unit.account, &unit.order, unit.unit)))
        .set((deliveries::state.eq(state), deliveries::changed_at.eq(now)))
        .execute(conn)
        .map(drop)
}

/// A part goes on, and its piece of stock with it.
fn set_part(conn: &mut DbConn, part: &Part, state: Unit, now: Timestamp) -> QueryResult<()> {
    let cancelled = state == Unit::Cancelled;
    // A piece that went back is no longer this part's: another order may have it.
    let stock = part.stock.filter(|_| !cancelled);
    diesel::update(delivery_parts::table.find(part.id))
        .set((delivery_parts::state.eq(state), delivery_parts::unit_id.eq(stock)))
        .execute(conn)?;
    let Some(piece) = part.stock else { return Ok(()) };
    for next in way(stock_of(part.state), stock_of(state)) {
        if !units::advance(conn, piece, &part.claim, next, now)? {
            return Err(unreadable("a piece of stock that is not where its delivery says"));
        }
    }
    Ok(())
}

/// Where the piece of a part is.
fn stock_of(part: Unit) -> UnitState {
    match part {
        Unit::Reserved | Unit::Rejected => UnitState::Reserved,
        Unit::Sent => UnitState::Sent,
        Unit::Confirmed => UnitState::Confirmed,
        Unit::Uncertain => UnitState::Uncertain,
        Unit::Cancelled => UnitState::Free,
    }
}

/// The steps from one state of a piece to another, each of which it may take.
fn way(from: UnitState, to: UnitState) -> Vec<UnitState> {
    if from == to {
        Vec::new()
    } else if from.may_become(to) {
        vec![to]
    } else {
        vec![UnitState::Sent, to]
    }
}

/// The units of an order, those of others' accounts excepted.
pub fn list(conn: &mut DbConn, scope: &Scope, account: AccountId, order: &OrderId) -> QueryResult<Vec<Delivery>> {
    deliveries::table
        .filter(deliveries::account_id.eq(account).and(deliveries::order_id.eq(order)))
        .filter(deliveries::account_id.eq_any(own!(scope)))
        .order(deliveries::unit)
        .select(Delivery::as_select())
        .load(conn)
}

/// For the engine: orders of an owner that wait for stock, or for a rule, are looked at again.
pub fn look_again(conn: &mut DbConn, owner: UserId, now: Timestamp) -> QueryResult<()> {
    use super::schema::{accounts, orders, review_items};
    let accounts = accounts::table.filter(accounts::owner_id.eq(owner)).select(accounts::id);
    let reasons: Vec<Reason> = OURS.into_iter().filter(|reason| heals_by_itself(*reason)).collect();
    let waiting: Vec<(AccountId, OrderId)> = review_items::table
        .filter(review_items::account_id.eq_any(accounts).and(review_items::closed_at.is_null()))
        .filter(review_items::reason.eq_any(reasons))
        .select((review_items::account_id, review_items::order_id))
        .load(conn)?;
    for (account, order) in waiting {
        diesel::update(orders::table.find((account, &order))).set(orders::deliver_due.eq(now)).execute(conn)?;
    }
    Ok(())
}

/// What the platform refused is given up, and its parts go into messages anew.
pub fn drop_rejected(conn: &mut DbConn, account: AccountId, order: &OrderId, now: Timestamp) -> QueryResult<()> {
    for message in list_messages(conn, account, order)? {
        if message.state == MessageState::Rejected {
            on_send(conn, message.id, SendState::Expired, None, message.reason.as_deref(), now)?;
        }
    }
    Ok(())
}

/// Nothing is kept of what was said for an order; what is not sent yet never is.
pub(super) fn forget_messages(conn: &mut DbConn, account: AccountId, order: &OrderId) -> QueryResult<()> {
    let all = || {
        delivery_messages::table
            .filter(delivery_messages::account_id.eq(account).and(delivery_messages::order_id.eq(order)))
    };
    diesel::update(all().filter(delivery_messages::state.eq(MessageState::Planned)))
        .set(delivery_messages::state.eq(MessageState::Dropped))
        .execute(conn)?;
    diesel::update(all())
        .set((
            delivery_messages::body.eq(Sealed::from_bytes(Vec::new())),
            delivery_messages::reason.eq(None::<String>),
            delivery_messages::message_id.eq(None::<MessageId>),
        ))
        .execute(conn)
        .map(drop)
}
