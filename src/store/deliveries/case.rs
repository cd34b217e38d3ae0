//! What is known of one order's delivery, and what the database alone can do about it.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use diesel::{prelude::*, result::Error};

use super::{
    Delivery, Message, MessageState, OURS, Part, SAYINGS, body_place, carried_parts, carry, content_place,
    current_parts, give_back, heals_by_itself, insert_message, list_messages, list_units, unreadable,
};
use crate::{
    delivery::{
        card::{Content, Kind},
        follow_up::{FollowUp, Plan},
        pack::{self, Gift, Given, ParcelBody},
        review::Reason,
        rule::{self, Bought, DeliveryRule, Missing},
        step::{self, Errand, Known, Saying, Standing, Step, Unit, Wanted},
    },
    ids::{
        AccountId, BuyerId, CardId, ConversationId, DeliveryMessageId, DeliveryRuleId, ItemId, OrderId, Timestamp,
        UnitId, UserId,
    },
    order::change::OrderPart,
    outbox::entry::Body,
    platform::hours,
    store::{
        DbConn, Keys, accounts,
        cards::{self, DeliveryCard},
        changes, delivery_rules, delivery_settings,
        delivery_settings::DeliverySettings,
        follow_up_settings, follow_ups, items,
        order_actions::{self, Action},
        orders, reviews, sales_figures,
        schema::{blocked_buyers, deliveries, delivery_messages, delivery_parts, units as units_table},
        units,
    },
};

/// An errand that nobody came back from is begun again after this long.
const IN_WORK: Duration = Duration::from_secs(60);

/// What waits for the seller is looked at again after this long, told or not.
const PATIENCE: Duration = Duration::from_mins(5);

/// Steps that the database alone can do, one after the other: more is a mistake.
const STEPS: usize = 12;

/// So many parts are claimed in one transaction: it is over in some 20 ms.
const PIECE: usize = 100;

const MINUTE_MS: i64 = 60_000;

/// What must be asked of others for an order.
#[derive(Debug, Clone, PartialEq)]
pub enum Todo {
    /// Nothing; it is looked at again when that is due.
    Nothing,
    /// To look again: there is more than is done in one transaction.
    More,
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
    FollowUp {
        what: FollowUp,
        /// What is to be said or set by it.
        wanted: Option<String>,
        item: Option<ItemId>,
    },
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

/// Whose order it is, and by which clock it is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Glance {
    pub account: AccountId,
    pub owner: UserId,
    /// What was read so recently may be sent for.
    pub fresh: Duration,
    pub now: Timestamp,
}

/// Why a step was not done.
enum NotDone {
    Database(Error),
    /// What the order gets is not to be had: a key is gone, or a card is empty.
    NoContent(String),
}

impl From<Error> for NotDone {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

/// For the engine: does all that the database alone can do for an order, and says what must be asked of others. Until that comes back, or for
/// a minute, the order is not due.
pub fn look(conn: &mut DbConn, keys: &Keys, glance: Glance, order: &OrderId) -> QueryResult<Todo> {
    for _ in 0..STEPS {
        let Some(mut case) = Case::load(conn, keys, glance, order)? else { return Ok(Todo::Nothing) };
        let (step, mut reasons) = step::next(&case.known, glance.now);
        let todo = match case.perform(conn, step, &reasons) {
            Ok(todo) => todo,
            Err(NotDone::NoContent(what)) => {
                case.details.insert(Reason::NoContent, what);
                reasons.push(Reason::NoContent);
                case.rest(conn, &reasons)?;
                Some(Todo::Nothing)
            }
            Err(NotDone::Database(error)) => return Err(error),
        };
        case.note_reasons(conn, &reasons)?;
        if let Some(todo) = todo {
            return Ok(todo);
        }
    }
    Err(Error::QueryBuilderError(format!("the delivery of order {order} does not come to rest").into()))
}

/// All that is known of an order's delivery.
struct Case<'a> {
    keys: &'a Keys,
    glance: Glance,
    order: orders::Row,
    title: Option<String>,
    settings: DeliverySettings,
    plan: Plan,
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
    /// It is written down that the buyer has everything.
    is_delivered: bool,
    known: Known,
}

impl<'a> Case<'a> {
    fn load(conn: &mut DbConn, keys: &'a Keys, glance: Glance, order: &OrderId) -> QueryResult<Option<Self>> {
        let Glance { account, owner, now, fresh } = glance;
        let Some(order) = orders::find(conn, account, order)? else { return Ok(None) };
        let settings = delivery_settings::find(conn, account)?;
        let plan = follow_up_settings::find(conn, account)?.plan;
        let units = list_units(conn, account, &order.order)?;
        let messages = list_messages(conn, account, &order.order)?;
        let parts = if units.is_empty() { Vec::new() } else { current_parts(conn, &units)? };
        let carried = carried_parts(conn, &messages, |state| state != MessageState::Dropped)?;
        let actions = order_actions::of_order(conn, account, &order.order)?;
        let is_asking = messages.iter().any(|message| {
            message.state == MessageState::Planned && message.position == place_of(Saying::AskConfirmation)
        });
        let known = Known {
            standing: order.standing(),
            is_fresh: order.read_at.is_some_and(|at| now.since(at) <= fresh),
            is_on: settings.enabled,
            is_stopped: accounts::is_stopped(conn, account)?,
            by_hand: actions.contains_key(&Action::ByHand),
            gives_anyway: actions.contains_key(&Action::GiveAnyway),
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
            follow_ups: follow_ups::known(conn, &plan, &order, &actions, is_asking, now)?,
        };
        let mut case = Self {
            keys,
            glance,
            order,
            title: None,
            settings,
            plan,
            units,
            parts,
            messages,
            carried,
            rule: None,
            cards: Vec::new(),
            claimed: Vec::new(),
            details: HashMap::new(),
            is_delivered: actions.contains_key(&Action::Delivered),
            known,
        };
        case.known.unplanned = case.unplanned().count();
        match case.known.standing {
            Standing::Paid => case.look_at_rules(conn)?,
            Standing::Shipped | Standing::Completed if case.known.gives_anyway => {
                case.look_at_claimed(conn)?;
            }
            Standing::Unread
            | Standing::Unpaid
            | Standing::Bargaining
            | Standing::Shipped
            | Standing::Completed
            | Standing::Refunding
            | Standing::Ended => {}
        }
        Ok(Some(case))
    }

    /// `None`: to be looked at once more, in the same transaction.
    fn perform(&self, conn: &mut DbConn, step: Step, reasons: &[Reason]) -> Result<Option<Todo>, NotDone> {
        let Glance { account, now, .. } = self.glance;
        let order = &self.order.order;
        if self.is_delivered_now() {
            order_actions::mark_done(conn, account, order, Action::Delivered, now)?;
        }
        match step {
            Step::Rest => {
                self.rest(conn, reasons)?;
                return Ok(Some(Todo::Nothing));
            }
            Step::Wait(at) => {
                let at = self.patience(reasons).map_or(at, |due| due.min(at));
                orders::set_deliver_due(conn, account, order, Some(at))?;
                return Ok(Some(Todo::Nothing));
            }
            Step::Release => self.release(conn)?,
            Step::Claim(units) => {
                let piece = (PIECE / self.cards.len().max(1)).max(1);
                self.claim(conn, units.min(piece))?;
                if units > piece {
                    return Ok(Some(Todo::More));
                }
            }
            Step::Plan => self.plan(conn)?,
            Step::Say(saying) => self.say(conn, saying)?,
            Step::Unsay(saying) => self.unsay(conn, saying)?,
            Step::GiveUp(what) => follow_ups::give_up(conn, &self.order, what, now)?,
            Step::Do(errand) => {
                let todo = self.todo(conn, errand)?;
                orders::set_deliver_due(conn, account, order, Some(now + IN_WORK))?;
                return Ok(Some(todo));
            }
        }
        Ok(None)
    }

    fn rest(&self, conn: &mut DbConn, reasons: &[Reason]) -> QueryResult<()> {
        orders::set_deliver_due(conn, self.glance.account, &self.order.order, self.patience(reasons))
    }

    /// When what waits for the seller is looked at again.
    fn patience(&self, reasons: &[Reason]) -> Option<Timestamp> {
        reasons.iter().any(|reason| heals_by_itself(*reason)).then(|| self.glance.now + PATIENCE)
    }

    /// The buyer has all of it, and that was not written down yet.
    fn is_delivered_now(&self) -> bool {
        let has_all = |wanted: &Wanted| self.known.units.len() >= wanted.units;
        self.known.standing == Standing::Paid
            && !self.is_delivered
            && !self.known.units.is_empty()
            && self.known.units.iter().all(|unit| *unit == Unit::Confirmed)
            && self.known.wanted.as_ref().is_ok_and(has_all)
    }

    /// Which rule serves the order, how many units it is to have and how many can be had.
    fn look_at_rules(&mut self, conn: &mut DbConn) -> QueryResult<()> {
        let Some(item) = self.order.item.clone() else { return Ok(()) };
        if !self.look_at_claimed(conn)? {
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
            let Some(card) = cards::for_delivery(conn, self.glance.owner, card)? else {
                (self.known.unplanned, self.known.wanted) = (0, Err(Reason::CardUnusable));
                return Ok(false);
            };
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
        find_rule(conn, self.glance.owner, &self.order, item, self.title.as_deref())
    }

    /// Parts whose content the seller's own program has yet to say.
    fn unfetched(&self) -> impl Iterator<Item = &Part> {
        let is_api = |card: CardId| self.claimed.iter().any(|known| known.id == card && known.kind == Kind::Api);
        self.unplanned().filter(move |part| part.content.is_none() && is_api(part.card))
    }

    /// How many of the missing units the stock has everything for.
    fn can_claim(&mut self, conn: &mut DbConn, missing: usize) -> QueryResult<usize> {
        let (can, short) = in_stock(conn, &self.cards, missing)?;
        if let Some(detail) = short {
            self.details.insert(Reason::OutOfStock, detail);
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
        give_back(conn, &self.units, &self.parts, &self.messages, now)?;
        sales_figures::count(conn, account, &self.order.order, now)?;
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
        let pools = self.cards.iter().filter(|card| card.kind == Kind::Pool).map(|card| card.id);
        follow_ups::note_claimed(conn, &self.plan, &self.order, rule, pools, now)
    }

    /// Makes messages of the parts that no message carries.
    fn plan(&self, conn: &mut DbConn) -> Result<(), NotDone> {
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
            return Err(NotDone::NoContent("the cards are empty".to_owned()));
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

    fn given(&self, conn: &mut DbConn, card: &DeliveryCard, parts: &[&Part]) -> Result<Given<i64>, NotDone> {
        let ids = || parts.iter().map(|part| part.id).collect();
        match card.kind {
            Kind::Pool => {
                let mut codes = Vec::new();
                for part in parts {
                    let stock = part.stock.ok_or_else(|| unreadable("a part of a pool without its piece"))?;
                    let opened = units::open(conn, self.keys, stock)?.map_err(|error| sealed(&error))?;
                    codes.push((part.id, opened.expose().to_owned()));
                }
                Ok(Given::Codes(codes))
            }
            Kind::Api => {
                let open = |part: &&Part| {
                    let content = part.content.as_ref().ok_or_else(|| unreadable("a part without content"))?;
                    let secret = self.keys.open(&content_place(part.id), content).map_err(|error| sealed(&error))?;
                    Ok((part.id, secret.expose().to_owned()))
                };
                Ok(Given::Codes(parts.iter().map(open).collect::<Result<_, NotDone>>()?))
            }
            Kind::Text | Kind::Image => match card.content(self.keys).map_err(|error| sealed(&error))? {
                Some(Content::Text { text }) => Ok(Given::Text(text, ids())),
                Some(Content::Image { images }) => Ok(Given::Pictures(images, ids())),
                Some(Content::Api(_)) | None => Err(NotDone::NoContent(format!("{}: -", card.name))),
            },
            Kind::Combination => Err(unreadable("a combination that was not taken apart").into()),
        }
    }

    fn say(&self, conn: &mut DbConn, saying: Saying) -> QueryResult<()> {
        let Glance { account, now, .. } = self.glance;
        let text = match saying {
            Saying::Receipt => &self.settings.receipt,
            Saying::OutOfStock => &self.settings.out_of_stock,
            Saying::AskConfirmation => &self.plan.ask_text,
        };
        order_actions::mark_done(conn, account, &self.order.order, action_of(saying), now)?;
        let body = Body::Text { text: text.clone() };
        insert_message(conn, self.keys, account, &self.order.order, place_of(saying), &body, now).map(drop)
    }

    /// Nobody sent it: it is as if it had not been to be said.
    fn unsay(&self, conn: &mut DbConn, saying: Saying) -> QueryResult<()> {
        let Glance { account, now, .. } = self.glance;
        let planned = delivery_messages::table
            .filter(delivery_messages::account_id.eq(account).and(delivery_messages::order_id.eq(&self.order.order)))
            .filter(delivery_messages::position.eq(place_of(saying)))
            .filter(delivery_messages::state.eq(MessageState::Planned));
        diesel::update(planned)
            .set((delivery_messages::state.eq(MessageState::Dropped), delivery_messages::changed_at.eq(now)))
            .execute(conn)?;
        order_actions::forget(conn, account, &self.order.order, action_of(saying)).map(drop)
    }

    fn todo(&self, conn: &mut DbConn, errand: Errand) -> Result<Todo, NotDone> {
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
            Errand::FollowUp(what) => {
                let wanted = follow_ups::begin(conn, &self.plan, &self.order, what, self.glance.now)?;
                Todo::FollowUp { what, wanted, item }
            }
            Errand::Fetch => Todo::Fetch(self.fetches()?),
            Errand::Send => {
                let (peer, _) = whom()?;
                let conversation = self.order.conversation.clone().ok_or_else(|| unreadable("no conversation"))?;
                let planned = self.messages.iter().filter(|message| message.state == MessageState::Planned);
                let open = |message: &Message| {
                    let place = body_place(message.account, &message.order);
                    let text = self.keys.open(&place, &message.body).map_err(|error| sealed(&error))?;
                    let body = serde_json::from_str(text.expose()).map_err(|error| unreadable(&error.to_string()))?;
                    Ok((message.id, body))
                };
                Todo::Send { conversation, peer, messages: planned.map(open).collect::<Result<_, NotDone>>()? }
            }
        })
    }

    fn fetches(&self) -> Result<Vec<Fetch>, NotDone> {
        let one = |part: &Part| {
            let card = self
                .claimed
                .iter()
                .find(|card| card.id == part.card)
                .ok_or_else(|| unreadable("a card that is gone"))?;
            let content = card.content(self.keys).map_err(|error| sealed(&error))?;
            Ok(Fetch {
                part: part.id,
                unit: part.unit,
                card: card.id,
                content: content.ok_or_else(|| NotDone::NoContent(format!("{}: -", card.name)))?,
                order: self.order.clone(),
                title: self.title.clone(),
            })
        };
        self.unfetched().map(one).collect()
    }
}

/// It may be opened again when the key is back: nothing is lost.
fn sealed(error: &impl std::fmt::Display) -> NotDone {
    NotDone::NoContent(error.to_string())
}

fn action_of(saying: Saying) -> Action {
    match saying {
        Saying::Receipt => Action::Receipt,
        Saying::OutOfStock => Action::OutOfStock,
        Saying::AskConfirmation => Action::AskConfirmation,
    }
}

/// Where it stands among an order's messages.
fn place_of(saying: Saying) -> i64 {
    match saying {
        Saying::Receipt | Saying::OutOfStock => SAYINGS,
        Saying::AskConfirmation => SAYINGS + 1,
    }
}

fn spec_text(spec: &[(String, String)]) -> String {
    let pairs: Vec<String> = spec.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    if pairs.is_empty() { "-".to_owned() } else { pairs.join(";") }
}

/// The rule that serves an order by now.
pub(super) fn find_rule(
    conn: &mut DbConn,
    owner: UserId,
    order: &orders::Row,
    item: &ItemId,
    title: Option<&str>,
) -> QueryResult<Result<DeliveryRule, Missing>> {
    let rules = delivery_rules::about(conn, owner, item)?;
    let bought = Bought { account: order.account, item, title, spec: &order.spec() };
    Ok(rule::find(&rules, &bought).cloned())
}

/// How many units, of as many as are wanted, the stock has everything for; and which card it has not enough of.
pub(super) fn in_stock(
    conn: &mut DbConn,
    cards: &[DeliveryCard],
    wanted: usize,
) -> QueryResult<(usize, Option<String>)> {
    let mut per_unit: HashMap<CardId, usize> = HashMap::new();
    for card in cards.iter().filter(|card| card.kind == Kind::Pool) {
        *per_unit.entry(card.id).or_default() += 1;
    }
    let (mut can, mut short) = (wanted, None);
    for (card, each) in per_unit {
        let needed = wanted.saturating_mul(each);
        let free = free_units(conn, card, needed)?;
        if free < needed {
            let name = cards.iter().find(|known| known.id == card).map_or("", |card| card.name.as_str());
            short = Some(format!("{name}: {free}/{needed}"));
        }
        can = can.min(free / each);
    }
    Ok((can, short))
}

/// Combinations become what they are made of.
pub(super) fn expand(conn: &mut DbConn, owner: UserId, wanted: &[CardId]) -> QueryResult<Vec<DeliveryCard>> {
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
pub(super) fn unusable(cards: &[DeliveryCard]) -> Option<String> {
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
    diesel::select(diesel::dsl::exists(rows)).get_result(conn)
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

/// Claims what one unit is made of. That the stock has it was seen in the same transaction.
pub(super) fn claim_parts(
    conn: &mut DbConn,
    account: AccountId,
    order: &OrderId,
    unit: i64,
    round: i64,
    cards: &[DeliveryCard],
    now: Timestamp,
) -> QueryResult<()> {
    changes::note(account, order, OrderPart::Delivery);
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
