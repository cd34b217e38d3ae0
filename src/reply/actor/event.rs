//! What is done when something happened to an order, and when a conversation fell silent.
//!
//! What a rule is to do is a row before it is done: written together with the mark that the event was handled, and done, at its time, in
//! the transaction of what was decided. So nothing that happened is lost, and nothing is done twice.

use std::{collections::HashMap, sync::Arc, time::Duration};

use actix::prelude::*;
use log::{error, warn};

use super::{Key, ReplyActor, past::Wanted, verdict::decided_event};
use crate::{
    account::messages::AskItem,
    ids::{AccountId, BuyerId, ItemId, RuleId, Timestamp},
    inbox::messages::TurnSettled,
    order::{event::OrderEvent, messages::OrderHappened},
    reply::{
        decide::{Considered, Decision, Outcome, Side, State, Turn, decide_event, find_for_event},
        event::{Cause, NewEvent},
        rule::{Rule, Trigger},
    },
    store::{
        self, DbConn,
        rule_events::{Due, Finished},
    },
    telemetry::clock,
};

/// How often it is looked whether something is due, while there are rules that wait.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What is done in one look.
const AT_ONCE: i64 = 200;

/// What could not be done for so long after its time, because nothing ran, is not done any more: it would only puzzle the buyer.
const TOO_LATE: Duration = Duration::from_hours(1);

/// An item's seller is waited for so long; then it is decided without.
const SELLER_WAIT: Duration = Duration::from_mins(1);

/// Events that wait for what the database knows of their conversation, and what is being done.
#[derive(Default)]
pub(super) struct Events {
    happened: HashMap<Key, Vec<OrderHappened>>,
    due: HashMap<Key, Vec<Due>>,
    /// In hand: decided and on the way to the database, or waiting for something.
    in_hand: HashMap<i64, AccountId>,
    looking: bool,
    /// Some account has rules that wait for events.
    pub(super) wanted: bool,
}

impl Handler<OrderHappened> for ReplyActor {
    type Result = ();

    fn handle(&mut self, event: OrderHappened, ctx: &mut Self::Context) {
        // Of an account that is gone it stays unhandled: whoever takes the account in next is told again.
        if self.accounts.contains_key(&event.account) {
            self.end_deal(&event);
            if let (OrderEvent::Paid, Some(buyer)) = (event.event, &event.buyer) {
                // One more order: conditions ask how many there are.
                self.doubt_buyer(&(event.account, buyer.clone()));
            }
            self.happened(event, ctx);
        }
    }
}

impl ReplyActor {
    /// The next word about a price begins a new deal.
    fn end_deal(&mut self, event: &OrderHappened) {
        let key = (event.account, event.conversation.clone());
        if event.event.ends_the_deal()
            && let Some(known) = self.conversations.get_mut(&key)
        {
            known.bargain = None;
        }
    }

    /// Told again after a crash, until it is marked as handled.
    fn happened(&mut self, event: OrderHappened, ctx: &mut Context<Self>) {
        let Some(buyer) = event.buyer.clone() else { return self.mark_handled(event, None, ctx) };
        if !self.waits(event.account) {
            return self.mark_handled(event, None, ctx);
        }
        let key = (event.account, event.conversation.clone());
        if self.want(&key, &buyer, event.item.as_ref()) {
            self.events.happened.entry(key).or_default().push(event);
            return self.read(ctx);
        }
        let rule = self.rule_for(&event);
        let now = clock::unix();
        let next = rule.map(|(rule, delay)| NewEvent {
            account: event.account,
            rule,
            conversation: event.conversation.clone(),
            buyer,
            item: event.item.clone(),
            order: event.order.clone(),
            cause: Cause::Order(event.id),
            due_at: (event.at + delay).max(now),
            made_at: now,
        });
        self.mark_handled(event, next, ctx);
    }

    /// Whether something is to be read first; then it is on the list.
    fn want(&mut self, key: &Key, buyer: &BuyerId, item: Option<&ItemId>) -> bool {
        let known = self.conversations.contains(key) && self.look_up_buyer(&(key.0, buyer.clone()));
        let Some(account) = self.accounts.get(&key.0).filter(|_| !known) else { return false };
        let owner = account.facts.owner;
        self.to_read.push(Wanted { key: key.clone(), owner, buyer: buyer.clone(), item: item.cloned() });
        true
    }

    /// The rule that this event is for, and how much later.
    fn rule_for(&mut self, event: &OrderHappened) -> Option<(RuleId, Duration)> {
        let key = (event.account, event.conversation.clone());
        let book = self.rules.get(&event.account)?.book.clone();
        let item = event.item.clone().or_else(|| self.conversations.get_mut(&key)?.item.clone());
        let buyer = event.buyer.as_ref()?;
        self.with_state(&key, buyer, Side::Seller, clock::unix(), |state| {
            let best = find_for_event(&book, event.event.into(), item.as_ref(), state).best?;
            Some((best.rule.id, best.rule.body.delay()))
        })
    }

    fn mark_handled(&self, event: OrderHappened, next: Option<NewEvent>, ctx: &mut Context<Self>) {
        let (store, now) = (self.store.clone(), clock::unix());
        let is_next = next.is_some();
        let work = move |conn: &mut DbConn| {
            if event.event.ends_the_deal() {
                store::bargains::forget(conn, event.account, &event.conversation)?;
            }
            if let Some(next) = &next {
                store::rule_events::insert(conn, next)?;
            }
            store::order_events::mark_handled(conn, event.id, now)
        };
        let written = async move { store.write(work).await };
        let then = written.into_actor(self).map(move |result, actor, ctx| match result {
            Ok(()) if is_next => actor.look_for_due(ctx),
            Ok(()) => {}
            Err(error) => {
                warn!(class = "database"; "cannot store that an order's event was handled, it will be told again: {error}");
            }
        });
        ctx.spawn(then);
    }

    /// Goes on with what waited for this conversation to be read.
    pub(super) fn go_on_with_events(&mut self, key: &Key, ctx: &mut Context<Self>) {
        for event in self.events.happened.remove(key).into_iter().flatten() {
            self.happened(event, ctx);
        }
        for due in self.events.due.remove(key).into_iter().flatten() {
            self.do_one(due, ctx);
        }
    }

    /// An account was let go: what it has in hand comes back with it.
    pub(super) fn forget_events(&mut self, account: AccountId) {
        self.events.happened.retain(|(of, _), _| *of != account);
        self.events.due.retain(|(of, _), _| *of != account);
        self.events.in_hand.retain(|_, of| *of != account);
    }

    /// The rows that this turn makes wait for silence: `None` where no rule asks for that.
    pub(super) fn waits_for_silence(&self, turn: &TurnSettled, item: Option<&ItemId>) -> Option<Vec<NewEvent>> {
        let message = turn.messages.last()?;
        let rules = self.rules.get(&turn.account)?;
        rules.book.waiting().find(|rule| rule.body.trigger == Trigger::Silent)?;
        let now = clock::unix();
        let wait = |rule: &Arc<Rule>| NewEvent {
            account: turn.account,
            rule: rule.id,
            conversation: turn.conversation.clone(),
            buyer: turn.buyer.clone(),
            item: item.cloned(),
            order: None,
            cause: Cause::Silent(message.id.clone()),
            due_at: message.sent_at + rule.body.silence(),
            made_at: now,
        };
        Some(rules.book.waiting_for_silence(item).map(wait).collect())
    }

    /// Called at intervals.
    pub(super) fn look_sometimes(&mut self, ctx: &mut Context<Self>) {
        ctx.run_interval(LOOK_EVERY, |actor, ctx| {
            if actor.events.wanted {
                actor.look_for_due(ctx);
            }
        });
    }

    /// Whether rules that were loaded wait for events.
    pub(super) fn note_waiting_rules(&mut self) {
        self.events.wanted = self.accounts.keys().any(|account| self.waits(*account));
    }

    /// Whether an account has such rules.
    fn waits(&self, account: AccountId) -> bool {
        self.rules.get(&account).is_some_and(|rules| rules.book.waiting().next().is_some())
    }

    fn look_for_due(&mut self, ctx: &mut Context<Self>) {
        if self.events.looking {
            return;
        }
        self.events.looking = true;
        let store = self.store.clone();
        let accounts: Vec<AccountId> = self.accounts.keys().filter(|account| self.waits(**account)).copied().collect();
        let now = clock::unix();
        let read = async move {
            store
                .read(move |conn| {
                    let due = store::rule_events::due(conn, &accounts, now, AT_ONCE)?;
                    let active = |due: Due, conn: &mut DbConn| {
                        let last = if due.waits_for_silence() {
                            store::rule_events::last_activity(conn, due.account, &due.conversation, due.made_at)?
                        } else {
                            None
                        };
                        Ok((due, last))
                    };
                    due.into_iter().map(|due| active(due, conn)).collect::<store::QueryResult<Vec<_>>>()
                })
                .await
        };
        let then = read.into_actor(self).map(|found, actor, ctx| {
            actor.events.looking = false;
            match found {
                Ok(found) => {
                    actor.prune(&found);
                    for (due, last) in found {
                        actor.begin(due, last, ctx);
                    }
                }
                Err(error) => error!(class = "database"; "cannot read which rules are due, looking again: {error}"),
            }
        });
        ctx.spawn(then);
    }

    /// What is not due any more is done. A full look may have left some out.
    fn prune(&mut self, found: &[(Due, Option<Timestamp>)]) {
        if i64::try_from(found.len()).is_ok_and(|found| found < AT_ONCE) {
            self.events.in_hand.retain(|id, _| found.iter().any(|(due, _)| due.id == *id));
        }
    }

    fn begin(&mut self, due: Due, last_activity: Option<Timestamp>, ctx: &mut Context<Self>) {
        if !self.accounts.contains_key(&due.account) || self.events.in_hand.contains_key(&due.id) {
            return;
        }
        let silence = self.rule(&due).map_or(Duration::ZERO, |rule| rule.body.silence());
        let silent_at = last_activity.map(|last| last + silence);
        if let Some(until) = silent_at.filter(|until| due.waits_for_silence() && *until > clock::unix()) {
            return self.postpone(due.id, until, ctx);
        }
        self.events.in_hand.insert(due.id, due.account);
        self.do_one(due, ctx);
    }

    fn postpone(&self, id: i64, until: Timestamp, ctx: &mut Context<Self>) {
        let store = self.store.clone();
        let written = async move { store.write(move |conn| store::rule_events::postpone(conn, id, until)).await };
        let then = written.into_actor(self).map(|result, _, _| {
            if let Err(error) = result {
                warn!(class = "database"; "cannot note that a conversation is not silent yet: {error}");
            }
        });
        ctx.spawn(then);
    }

    fn rule(&self, due: &Due) -> Option<Arc<Rule>> {
        self.rules.get(&due.account)?.book.waiting().find(|rule| rule.id == due.rule).cloned()
    }

    fn do_one(&mut self, due: Due, ctx: &mut Context<Self>) {
        let now = clock::unix();
        let Some(rule) = self.rule(&due) else { return self.finish(&due, "rule_gone", ctx) };
        if now.since(due.due_at) > TOO_LATE {
            return self.finish(&due, "too_old", ctx);
        }
        let key = (due.account, due.conversation.clone());
        if self.want(&key, &due.buyer, due.item.as_ref()) {
            self.events.due.entry(key).or_default().push(due);
            return self.read(ctx);
        }
        let item = due.item.clone().or_else(|| self.conversations.get_mut(&key)?.item.clone());
        let Some(side) = self.side_of(&due, item.as_ref()) else { return };
        let turn = Turn {
            messages: Vec::new(),
            item: item.clone(),
            buyer: due.buyer.clone(),
            buyer_name: self.conversations.get_mut(&key).and_then(|known| known.peer_name.clone()).unwrap_or_default(),
            group: false,
        };
        let title = item.and_then(|item| self.sellers.get_mut(&(key.0, item))?.title.clone());
        let considered = self.with_state(&key, &due.buyer, side, now, |state| {
            let state = State { item_title: title.as_deref(), ..*state };
            decide_event(&turn, &rule, &state)
        });
        let Considered { outcome, effects, trail } = considered;
        // Nobody outside is asked about events.
        let Outcome::Settled(decision) = outcome else { return };
        self.remember_effects(&key, &due.buyer, &effects, now);
        if let Decision::Answer { rule: Some(rule), once: true, .. } = &decision
            && let Some(known) = self.conversations.get_mut(&key)
        {
            known.used_once.insert(*rule);
        }
        self.take_up(1);
        self.outbox.do_send(decided_event(due, turn, decision, effects, trail, now));
    }

    /// Our side of the conversation; `None`: it is asked for, and the event comes up again.
    fn side_of(&mut self, due: &Due, item: Option<&ItemId>) -> Option<Side> {
        let Some(item) = item else { return Some(Side::Seller) };
        let key = (due.account, item.clone());
        if let Some(side) = self.side(&key) {
            return Some(side);
        }
        if clock::unix().since(due.due_at) > SELLER_WAIT {
            return Some(Side::Unknown);
        }
        self.events.in_hand.remove(&due.id);
        let line = self.accounts.get(&due.account).and_then(|account| account.line.as_ref());
        if let Some(line) = line.filter(|_| !self.asking.contains_key(&key)) {
            line.item.do_send(AskItem { conversation: due.conversation.clone(), item: item.clone() });
        }
        None
    }

    /// Nothing is done, and that is the end of it.
    fn finish(&self, due: &Due, reason: &'static str, ctx: &mut Context<Self>) {
        let finished = Finished { id: due.id, at: clock::unix(), reason: reason.to_owned(), trail: None };
        let store = self.store.clone();
        let written = async move { store.write(move |conn| store::rule_events::finish_many(conn, &[finished])).await };
        let then = written.into_actor(self).map(|result, _, _| {
            if let Err(error) = result {
                warn!(class = "database"; "cannot note that a rule does nothing about an event: {error}");
            }
        });
        ctx.spawn(then);
    }
}
