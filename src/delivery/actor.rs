//! Carries deliveries out: what the database says is to be done next for an order is asked of the others, until nothing is.
//!
//! Nothing is kept in memory but what is in hand: [`look`](store::deliveries::look) says after each errand what follows, and a start begins
//! where the last run ended.

use std::{
    cell::RefCell,
    collections::{HashMap, HashSet, VecDeque},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix::prelude::*;
use log::{info, warn};

use super::{
    call::Words,
    card::Content,
    client::{self, NotGiven},
    follow_up::FollowUp,
    messages::DeliveriesDue,
};
use crate::{
    account::{
        call::NotCalled,
        facts::AccountFacts,
        lookout::Lookout,
        messages::{
            AccountOffline, AccountOnline, Adopt, Amend, AskConversation, CallGateway, DropAccount, Line, Load, Ping,
        },
    },
    ids::{AccountId, BuyerId, Fen, ItemId, OrderId, Timestamp},
    order::{
        agenda::Config,
        messages::{NotRead, ReadBy, ReadOrder},
        status::Cause,
    },
    outbox::{
        messages::{DeliveriesSettled, SendDelivery},
        rate::{Rate, RateConfig},
    },
    outgoing::client::OutgoingClient,
    platform::mtop::{call::Call, item::take_off_sale, order as calls, outcome::Outcome},
    store::{
        self, DbConn, QueryResult, Store, StoreError,
        deliveries::{Fetch, Glance, Todo},
        follow_ups,
        order_actions::{self, Action},
    },
    telemetry::clock,
};

/// Orders that are taken from the database at once.
const PAGE: i64 = 64;

/// Orders of one account in hand at the same time.
const AT_ONCE: usize = 8;

/// Calls that change something, at once after a quiet time.
const BURST: u32 = 60;

/// Errands for one order in one go: more is a mistake.
const ERRANDS: usize = 16;

/// What could not be done for want of somebody else is tried again after this long.
const AGAIN: Duration = Duration::from_secs(10);

/// After the platform wanted fewer calls, or a person.
const LATER: Duration = Duration::from_mins(2);

/// After the database failed.
const RETRY: Duration = Duration::from_secs(5);

/// What the last run had in hand is due at latest then, see [`look`](store::deliveries::look).
const IN_HAND: Duration = Duration::from_secs(60);

pub struct DeliveryActor {
    store: Store,
    config: Config,
    outbox: Recipient<SendDelivery>,
    /// Asks the programs of sellers.
    client: Rc<OutgoingClient>,
    /// Who reads orders; known once that is started.
    orders: Option<Recipient<ReadOrder>>,
    /// Set when this shard was replaced: nothing may leave it any more.
    retired: Arc<AtomicBool>,
    accounts: HashMap<AccountId, Account>,
}

struct Account {
    facts: AccountFacts,
    line: Option<Line>,
    /// Calls that change something. Never borrowed across a wait.
    rate: Rc<RefCell<Rate>>,
    queue: VecDeque<OrderId>,
    in_hand: HashSet<OrderId>,
    /// Became due while they were in hand.
    again: HashSet<OrderId>,
    lookout: Lookout,
    timer: SpawnHandle,
    /// The line is new: what the last one left in hand is due.
    resuming: bool,
}

/// Everything that an order's errands need.
#[derive(Clone)]
struct Means {
    store: Store,
    facts: AccountFacts,
    line: Line,
    rate: Rc<RefCell<Rate>>,
    outbox: Recipient<SendDelivery>,
    client: Rc<OutgoingClient>,
    orders: Recipient<ReadOrder>,
    fresh: Duration,
}

/// Why an order is left for now, and for how long.
struct Later(Duration);

/// What is done, with what is said or set by it: where a person wants another meanwhile, what became of this one does not count.
#[derive(Clone)]
struct Act {
    action: Action,
    wanted: Option<String>,
}

impl From<Action> for Act {
    fn from(action: Action) -> Self {
        Self { action, wanted: None }
    }
}

impl Act {
    fn is_current(&self, conn: &mut DbConn, account: AccountId, order: &OrderId) -> QueryResult<bool> {
        let row = order_actions::find(conn, account, order, self.action)?;
        Ok(row.is_none_or(|row| row.wanted == self.wanted))
    }

    /// Why the order is read again afterwards.
    fn cause(&self) -> Cause {
        match self.action {
            Action::Ship | Action::FreeShipping => Cause::Shipment,
            Action::Fetch
            | Action::Receipt
            | Action::OutOfStock
            | Action::ByHand
            | Action::GiveAnyway
            | Action::Delivered
            | Action::AskConfirmation => Cause::Delivery,
            Action::Rate | Action::Flower | Action::Close | Action::Price | Action::OffSale => Cause::FollowUp,
        }
    }
}

impl DeliveryActor {
    pub fn new(
        store: Store,
        config: Config,
        outbox: Recipient<SendDelivery>,
        client: OutgoingClient,
        retired: Arc<AtomicBool>,
    ) -> Self {
        Self { store, config, outbox, client: Rc::new(client), orders: None, retired, accounts: HashMap::new() }
    }

    fn look(&mut self, id: AccountId, ctx: &mut Context<Self>) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        if account.line.is_none() || self.retired.load(Ordering::Relaxed) || !account.lookout.begin() {
            return;
        }
        let now = clock::unix();
        let until = if std::mem::take(&mut account.resuming) { now + IN_HAND } else { now };
        let store = self.store.clone();
        let read = move |conn: &mut DbConn| {
            let due = store::orders::deliver_due(conn, id, until, PAGE)?;
            Ok((due, store::orders::next_deliver_due(conn, id)?))
        };
        let found = async move { store.read(read).await };
        let then = found.into_actor(self).map(move |found, actor, ctx| actor.looked(id, found, ctx));
        ctx.spawn(then);
    }

    fn looked(
        &mut self,
        id: AccountId,
        found: Result<(Vec<OrderId>, Option<Timestamp>), StoreError>,
        ctx: &mut Context<Self>,
    ) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        let again = account.lookout.end();
        match found {
            Ok((due, next)) => {
                for order in due {
                    if account.in_hand.contains(&order) {
                        account.again.insert(order);
                    } else if !account.queue.contains(&order) {
                        account.queue.push_back(order);
                    }
                }
                self.advance(id, ctx);
                if let Some(next) = next {
                    self.wake(id, next, ctx);
                }
            }
            Err(error) => {
                warn!(class = "database"; "cannot read which deliveries are due: {error}");
                self.wake(id, clock::unix() + RETRY, ctx);
            }
        }
        if again {
            self.look(id, ctx);
        }
    }

    fn wake(&mut self, id: AccountId, at: Timestamp, ctx: &mut Context<Self>) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        let now = clock::unix();
        // What is due now and in hand is looked at again when that is done.
        let is_in_work = at <= now && !account.in_hand.is_empty();
        if is_in_work || !account.lookout.set_alarm(at, now) {
            return;
        }
        ctx.cancel_future(account.timer);
        account.timer = ctx.run_later(at.since(now), move |actor, ctx| {
            if let Some(account) = actor.accounts.get_mut(&id) {
                account.lookout.rang();
            }
            actor.look(id, ctx);
        });
    }

    fn advance(&mut self, id: AccountId, ctx: &mut Context<Self>) {
        loop {
            let Some(account) = self.accounts.get_mut(&id) else { return };
            let (Some(line), Some(orders)) = (account.line.clone(), self.orders.clone()) else { return };
            if self.retired.load(Ordering::Relaxed) || account.in_hand.len() >= AT_ONCE {
                return;
            }
            let Some(order) = account.queue.pop_front() else { return };
            account.in_hand.insert(order.clone());
            let means = Means {
                store: self.store.clone(),
                facts: account.facts.clone(),
                line,
                rate: Rc::clone(&account.rate),
                outbox: self.outbox.clone(),
                client: Rc::clone(&self.client),
                orders,
                fresh: self.config.fresh,
            };
            let served = async move {
                serve(&means, &order).await;
                order
            };
            let then = served.into_actor(self).map(move |order, actor, ctx| actor.served(id, order, ctx));
            ctx.spawn(then);
        }
    }

    fn served(&mut self, id: AccountId, order: OrderId, ctx: &mut Context<Self>) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        account.in_hand.remove(&order);
        if account.again.remove(&order) {
            account.queue.push_back(order);
        }
        let is_idle = account.queue.is_empty() && account.in_hand.len() < AT_ONCE;
        self.advance(id, ctx);
        if is_idle {
            self.look(id, ctx);
        }
    }
}

/// Does one errand after the other for an order, until nothing is to be done now.
async fn serve(means: &Means, order: &OrderId) {
    let mut errands = 0;
    while errands < ERRANDS {
        match errand(means, order).await {
            Ok(Next::Look) => errands += 1,
            Ok(Next::More) => {}
            Ok(Next::Nothing) => return,
            Err(Later(pause)) => return leave(means, order, pause).await,
        }
    }
    warn!("account.id" = means.facts.id.0, "account.name" = &*means.facts.name, "order.id" = order.as_str(), class = "system"; "the delivery of an order does not come to rest");
    leave(means, order, LATER).await;
}

/// What follows an errand.
enum Next {
    /// To look what is next.
    Look,
    /// The same, in the middle of what is done in several transactions.
    More,
    Nothing,
}

async fn errand(means: &Means, order: &OrderId) -> Result<Next, Later> {
    let glance = Glance { account: means.facts.id, owner: means.facts.owner, fresh: means.fresh, now: clock::unix() };
    let (keys, looked) = (means.store.keys().clone(), order.clone());
    let todo = means.store.write(move |conn| store::deliveries::look(conn, &keys, glance, &looked)).await;
    let todo = todo.map_err(|error| {
        warn!("account.id" = means.facts.id.0, "account.name" = &*means.facts.name, "order.id" = order.as_str(), class = "database"; "cannot look at the delivery of an order: {error}");
        Later(RETRY)
    })?;
    match todo {
        Todo::Nothing => return Ok(Next::Nothing),
        Todo::More => return Ok(Next::More),
        Todo::Read => read(means, order, Cause::Delivery).await?,
        Todo::FindConversation { buyer, item } => find_conversation(means, order, buyer, item).await?,
        Todo::Fetch(wanted) => {
            for fetch in wanted {
                ask(means, order, fetch).await?;
            }
        }
        Todo::Send { conversation, peer, messages } => {
            info!("account.id" = means.facts.id.0, "account.name" = &*means.facts.name, "order.id" = order.as_str(), messages = messages.len(); "an order is given what it gets");
            let send = SendDelivery { account: means.facts.id, conversation, peer, messages };
            match means.outbox.send(send).await {
                // What becomes of it is told.
                Ok(Ok(())) => return Ok(Next::Nothing),
                Ok(Err(_)) | Err(_) => return Err(Later(AGAIN)),
            }
        }
        Todo::FreeShipping { buyer, item } => {
            let call = calls::free_shipping(order, &item, &buyer);
            match call {
                Some(call) => act(means, order, Action::FreeShipping, call).await?,
                None => failed(means, order, Action::FreeShipping, "the item or the buyer is no number", true).await?,
            }
        }
        Todo::Ship => act(means, order, Action::Ship, calls::confirm_shipment(order)).await?,
        Todo::FollowUp { what, wanted, item } => follow_up(means, order, what, wanted, item).await?,
    }
    Ok(Next::Look)
}

/// Asks the seller's own program what one part is. A program that is asked twice hears the same key.
async fn ask(means: &Means, order: &OrderId, fetch: Fetch) -> Result<(), Later> {
    let Content::Api(call) = &fetch.content else {
        return failed(means, order, Action::Fetch, "the card is no call", true).await;
    };
    let key = format!("{order}-{}-{}", fetch.unit, fetch.part);
    match client::ask(&means.client, call, &words(means, &fetch), &key).await {
        Ok(content) => {
            let keys = means.store.keys().clone();
            let keep = move |conn: &mut DbConn| store::deliveries::fetched(conn, &keys, fetch.part, &content);
            means.store.write(keep).await.map_err(|_| Later(RETRY))
        }
        Err(error) => {
            let may_pass = matches!(error, NotGiven::NotReached(_));
            failed(means, order, Action::Fetch, &error.to_string(), !may_pass).await
        }
    }
}

fn words(means: &Means, fetch: &Fetch) -> Words {
    let (order, spec) = (&fetch.order, fetch.order.spec());
    let all = |of: fn(&(String, String)) -> &String| spec.iter().map(of).cloned().collect::<Vec<_>>().join(";");
    let yuan = |fen: i64| format!("{}.{:02}", fen / 100, fen % 100);
    Words {
        order_id: order.order.to_string(),
        item_id: order.item.as_ref().map(ItemId::to_string).unwrap_or_default(),
        buyer_id: order.buyer.as_ref().map(BuyerId::to_string).unwrap_or_default(),
        account: means.facts.name.to_string(),
        spec_name: all(|(name, _)| name),
        spec_value: all(|(_, value)| value),
        order_amount: order.amount.map(|amount| yuan(amount.0)).unwrap_or_default(),
        order_quantity: order.quantity.to_string(),
        item_title: fetch.title.clone().unwrap_or_default(),
        unit: fetch.unit.to_string(),
    }
}

async fn read(means: &Means, order: &OrderId, cause: Cause) -> Result<(), Later> {
    let ask = ReadOrder { account: means.facts.id, order: order.clone(), cause };
    match means.orders.send(ask).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(NotRead::TooFast(wait))) => Err(Later(wait.max(AGAIN))),
        Ok(Err(NotRead::NotCalled(NotCalled::TooMany | NotCalled::NeedsPerson))) => Err(Later(LATER)),
        Ok(Err(_)) | Err(_) => Err(Later(AGAIN)),
    }
}

async fn find_conversation(means: &Means, order: &OrderId, peer: BuyerId, item: ItemId) -> Result<(), Later> {
    let ask: &Recipient<AskConversation> = &means.line.conversation;
    let found = match ask.send(AskConversation { peer, item }).await {
        Ok(Ok(conversation)) => conversation,
        Ok(Err(NotCalled::TooMany)) => return Err(Later(LATER)),
        Ok(Err(_)) | Err(_) => return Err(Later(AGAIN)),
    };
    let (account, order) = (means.facts.id, order.clone());
    let set = move |conn: &mut DbConn| store::orders::set_conversation(conn, account, &order, &found);
    means.store.write(set).await.map_err(|_| Later(RETRY))
}

async fn follow_up(
    means: &Means,
    order: &OrderId,
    what: FollowUp,
    wanted: Option<String>,
    item: Option<ItemId>,
) -> Result<(), Later> {
    let words = wanted.as_deref().unwrap_or_default();
    let call = match what {
        FollowUp::Rate => Some(calls::rate_buyer(order, words)),
        FollowUp::Flower => Some(calls::red_flower(order)),
        FollowUp::Close => Some(calls::close_unpaid(order, words)),
        FollowUp::Price => words.parse().ok().map(|amount| calls::change_price(order, Fen(amount))),
        FollowUp::OffSale => item.as_ref().map(take_off_sale),
    };
    let doing = Act { action: what.into(), wanted };
    let Some(call) = call else { return failed(means, order, doing, "nothing says what is to be done", true).await };
    permit(means)?;
    let told = tell(means, order, doing, call).await;
    if what != FollowUp::OffSale {
        // Nobody else may tell of it; and where there was no answer the order tells what became of it.
        read(means, order, Cause::FollowUp).await?;
    }
    told
}

/// The account's calls that change something keep their pace.
fn permit(means: &Means) -> Result<(), Later> {
    let now = clock::now().instant;
    let permitted = means.rate.borrow_mut().try_take(now);
    permitted.map_err(|from| Later(from.saturating_duration_since(now)))
}

/// One call that changes something at the platform, at the pace of its account.
async fn act(means: &Means, order: &OrderId, doing: impl Into<Act>, call: Call) -> Result<(), Later> {
    permit(means)?;
    tell(means, order, doing.into(), call).await
}

/// Made twice it is done once: what got no answer is made again.
async fn tell(means: &Means, order: &OrderId, doing: Act, call: Call) -> Result<(), Later> {
    let gateway: &Recipient<CallGateway> = &means.line.gateway;
    match gateway.send(CallGateway(call)).await {
        Ok(Ok(outcome)) if matches!(outcome, Outcome::Success(_)) || outcome.is_done_already() => {
            info!("account.id" = means.facts.id.0, "account.name" = &*means.facts.name, "order.id" = order.as_str(), action = doing.action.as_str(); "the platform was told something about an order");
            let (account, owner, order, now) = (means.facts.id, means.facts.owner, order.clone(), clock::unix());
            let done = move |conn: &mut DbConn| {
                if doing.is_current(conn, account, &order)? {
                    follow_ups::done(conn, owner, account, &order, doing.action, now)?;
                }
                store::orders::want(conn, account, &order, doing.cause(), now)
            };
            means.store.write(done).await.map(drop).map_err(|_| Later(RETRY))?;
            // Where it stands by now is told when that is read.
            Ok(())
        }
        Ok(Ok(refused)) => failed(means, order, doing, &refused.to_string(), false).await,
        Ok(Err(NotCalled::TooMany | NotCalled::NeedsPerson)) => Err(Later(LATER)),
        Ok(Err(NotCalled::Offline | NotCalled::NoAnswer(_))) | Err(_) => Err(Later(AGAIN)),
    }
}

/// The platform said no. It may have a reason that we do not know of yet.
async fn failed(
    means: &Means,
    order: &OrderId,
    doing: impl Into<Act>,
    why: &str,
    final_word: bool,
) -> Result<(), Later> {
    let doing = doing.into();
    warn!("account.id" = means.facts.id.0, "account.name" = &*means.facts.name, "order.id" = order.as_str(), action = doing.action.as_str(), class = "network"; "something about an order was refused: {why}");
    let (account, order, why, now) = (means.facts.id, order.clone(), why.to_owned(), clock::unix());
    let failed = move |conn: &mut DbConn| {
        if doing.is_current(conn, account, &order)? {
            order_actions::mark_failed(conn, account, &order, doing.action, &why, final_word, now)?;
        }
        store::orders::want(conn, account, &order, Cause::Delivery, now)
    };
    means.store.write(failed).await.map(drop).map_err(|_| Later(RETRY))
}

/// Nothing can be done at the moment.
async fn leave(means: &Means, order: &OrderId, pause: Duration) {
    let (account, order, due) = (means.facts.id, order.clone(), clock::unix() + pause);
    let leave = move |conn: &mut DbConn| store::orders::set_deliver_due(conn, account, &order, Some(due));
    if let Err(error) = means.store.write(leave).await {
        warn!(class = "database"; "cannot write down when a delivery is due again: {error}");
    }
}

impl Actor for DeliveryActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Signals alone: what is due stands in the database.
        ctx.set_mailbox_capacity(4096);
    }
}

impl Handler<ReadBy> for DeliveryActor {
    type Result = ();

    fn handle(&mut self, ReadBy(orders): ReadBy, _: &mut Self::Context) {
        self.orders = Some(orders);
    }
}

impl Handler<Adopt> for DeliveryActor {
    type Result = ResponseFuture<Result<(), String>>;

    fn handle(&mut self, Adopt(facts): Adopt, _: &mut Self::Context) -> Self::Result {
        let per_second = f64::from(self.config.calls_per_minute) / 60.0;
        let account = Account {
            rate: Rc::new(RefCell::new(Rate::new(RateConfig { per_second, burst: BURST }))),
            line: None,
            queue: VecDeque::new(),
            in_hand: HashSet::new(),
            again: HashSet::new(),
            lookout: Lookout::default(),
            timer: SpawnHandle::default(),
            resuming: true,
            facts,
        };
        self.accounts.insert(account.facts.id, account);
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Handler<Amend> for DeliveryActor {
    type Result = ();

    fn handle(&mut self, Amend(facts): Amend, _: &mut Self::Context) {
        if let Some(account) = self.accounts.get_mut(&facts.id) {
            account.facts = facts;
        }
    }
}

impl Handler<DropAccount> for DeliveryActor {
    type Result = ();

    fn handle(&mut self, DropAccount(id): DropAccount, ctx: &mut Self::Context) {
        if let Some(account) = self.accounts.remove(&id) {
            ctx.cancel_future(account.timer);
        }
    }
}

impl Handler<AccountOnline> for DeliveryActor {
    type Result = ();

    fn handle(&mut self, AccountOnline { account: id, line }: AccountOnline, ctx: &mut Self::Context) {
        if let Some(account) = self.accounts.get_mut(&id) {
            account.line = Some(line);
            account.resuming = true;
            self.look(id, ctx);
        }
    }
}

impl Handler<AccountOffline> for DeliveryActor {
    type Result = ();

    fn handle(&mut self, AccountOffline(id): AccountOffline, _: &mut Self::Context) {
        if let Some(account) = self.accounts.get_mut(&id) {
            account.line = None;
            account.queue.clear();
        }
    }
}

impl Handler<DeliveriesDue> for DeliveryActor {
    type Result = ();

    fn handle(&mut self, DeliveriesDue(id): DeliveriesDue, ctx: &mut Self::Context) {
        self.look(id, ctx);
    }
}

impl Handler<DeliveriesSettled> for DeliveryActor {
    type Result = ();

    fn handle(&mut self, DeliveriesSettled(id): DeliveriesSettled, ctx: &mut Self::Context) {
        self.look(id, ctx);
    }
}

impl Handler<Ping> for DeliveryActor {
    type Result = Load;

    fn handle(&mut self, _: Ping, _: &mut Self::Context) -> Load {
        let pending = self.accounts.values().map(|account| account.queue.len() + account.in_hand.len()).sum();
        Load { accounts: self.accounts.len(), pending }
    }
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod schedule_tests;
