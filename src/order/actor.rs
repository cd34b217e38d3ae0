//! Follows orders: asks the gateway about those that are due, and compares what is to be shipped with the platform's list.
//!
//! What is due stands in the database; here it is only worked off, for each account at the pace that the platform is to be asked at. Nothing
//! of it holds up chat: calls are futures of their own.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix::prelude::*;
use log::{debug, info, warn};
use tokio::sync::oneshot;

use super::{
    agenda::{self, Config},
    messages::{NotRead, OrdersDue, ReadOrder},
    status::Cause,
};
use crate::{
    account::{
        call::NotCalled,
        facts::AccountFacts,
        lookout::Lookout,
        messages::{AccountOffline, AccountOnline, Adopt, Amend, CallGateway, DropAccount, Line, Load, Ping},
    },
    delivery::{messages::DeliveriesDue, review::Reason},
    ids::{AccountId, OrderId, Timestamp},
    outbox::rate::{Rate, RateConfig},
    platform::mtop::{
        order::{self, OrderDetail, SoldPage},
        outcome::Outcome,
    },
    store::{
        self, DbConn, Store, StoreError,
        orders::{Read, Sync},
        reviews,
    },
    telemetry::clock,
};

/// Orders that are taken from the database at once.
const PAGE: i64 = 32;

/// Calls of one account under way at the same time.
const AT_ONCE: usize = 4;

/// Calls at once after a quiet time.
const BURST: u32 = 60;

/// Pages of one list; nobody has more to ship.
const PAGES: u32 = 50;

/// A reconnect so soon after a comparison needs no other.
const RECENT: Duration = Duration::from_secs(60);

/// Pause of an account's calls after the platform wanted fewer of them, and where it wants a person.
const TOO_MANY: Duration = Duration::from_mins(2);
const NEEDS_PERSON: Duration = Duration::from_mins(10);

/// Before a line that seems to be gone is asked again.
const MOMENT: Duration = Duration::from_secs(2);

/// After the database failed.
const RETRY: Duration = Duration::from_secs(5);

pub struct OrderActor {
    store: Store,
    config: Config,
    deliver: Recipient<DeliveriesDue>,
    /// Set when this shard was replaced: nothing may leave it any more.
    retired: Arc<AtomicBool>,
    accounts: HashMap<AccountId, Account>,
}

struct Account {
    facts: AccountFacts,
    line: Option<Line>,
    /// Grows with every line, so that a comparison that an earlier one began is told apart.
    epoch: u64,
    rate: Rate,
    queue: VecDeque<Job>,
    /// Under way.
    reading: HashSet<OrderId>,
    comparing: bool,
    /// Who waits for an order that is due or under way.
    waiting: HashMap<OrderId, Vec<oneshot::Sender<Result<(), NotRead>>>>,
    lookout: Lookout,
    timer: SpawnHandle,
    /// Nothing is asked before.
    not_before: Timestamp,
}

/// One call.
#[derive(Debug, Clone)]
enum Job {
    Read(OrderId, Cause),
    Compare(Comparison),
}

/// How far the platform's list is read.
#[derive(Debug, Clone)]
struct Comparison {
    began: Timestamp,
    page: u32,
    listed: Vec<OrderId>,
}

/// What the database says is due.
struct Due {
    orders: Vec<(OrderId, Option<Cause>)>,
    next: Option<Timestamp>,
    sync: Sync,
}

impl OrderActor {
    pub fn new(store: Store, config: Config, deliver: Recipient<DeliveriesDue>, retired: Arc<AtomicBool>) -> Self {
        Self { store, config, deliver, retired, accounts: HashMap::new() }
    }

    /// Looks in the database what is due, once at a time.
    fn look(&mut self, id: AccountId, ctx: &mut Context<Self>) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        if account.line.is_none() || self.retired.load(Ordering::Relaxed) || !account.lookout.begin() {
            return;
        }
        let (store, now) = (self.store.clone(), clock::unix());
        let read = move |conn: &mut DbConn| {
            let orders = store::orders::due(conn, id, now, PAGE)?;
            Ok(Due { orders, next: store::orders::next_due(conn, id)?, sync: store::orders::sync(conn, id)? })
        };
        let found = async move { store.read(read).await };
        let then = found.into_actor(self).map(move |found, actor, ctx| actor.looked(id, found, ctx));
        ctx.spawn(then);
    }

    fn looked(&mut self, id: AccountId, found: Result<Due, StoreError>, ctx: &mut Context<Self>) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        let again = account.lookout.end();
        match found {
            Ok(due) => {
                let queued: HashSet<OrderId> = account.queued().cloned().collect();
                for (order, cause) in due.orders {
                    if !account.reading.contains(&order) && !queued.contains(&order) {
                        account.queue.push_back(Job::Read(order, cause.unwrap_or(Cause::Schedule)));
                    }
                }
                let at = self.plan_comparison(id, &due.sync);
                let next = [due.next, at].into_iter().flatten().min();
                self.advance(id, ctx);
                if let Some(next) = next.filter(|next| !self.is_in_work(id, *next)) {
                    self.wake(id, next, ctx);
                }
            }
            Err(error) => {
                warn!(class = "database"; "cannot read which orders are due: {error}");
                self.wake(id, clock::unix() + RETRY, ctx);
            }
        }
        if again {
            self.look(id, ctx);
        }
    }

    /// What is due already is looked at again when what is in work is done.
    fn is_in_work(&self, id: AccountId, next: Timestamp) -> bool {
        let is_busy = |account: &Account| !account.queue.is_empty() || !account.reading.is_empty() || account.comparing;
        next <= clock::unix() && self.accounts.get(&id).is_some_and(is_busy)
    }

    /// Begins the comparison if it is due. Else when that is.
    fn plan_comparison(&mut self, id: AccountId, sync: &Sync) -> Option<Timestamp> {
        let account = self.accounts.get_mut(&id)?;
        let now = clock::unix();
        let never = sync.synced_at.is_none() && sync.tries == 0 && !self.config.compare_every.is_zero();
        let due = sync.due_at.or(never.then_some(now))?;
        if due > now || account.comparing {
            return (due > now).then_some(due);
        }
        account.comparing = true;
        account.queue.push_back(Job::Compare(Comparison { began: now, page: 1, listed: Vec::new() }));
        None
    }

    /// Begins as many calls as may be under way.
    fn advance(&mut self, id: AccountId, ctx: &mut Context<Self>) {
        loop {
            let Some(account) = self.accounts.get_mut(&id) else { return };
            let Some(line) = account.line.clone() else { return };
            if self.retired.load(Ordering::Relaxed) || account.queue.is_empty() {
                return;
            }
            let now = clock::now();
            if account.not_before > now.unix {
                let until = account.not_before;
                return self.wake(id, until, ctx);
            }
            if account.reading.len() >= AT_ONCE {
                return;
            }
            if let Err(from) = account.rate.try_take(now.instant) {
                return self.wake(id, now.unix + from.saturating_duration_since(now.instant), ctx);
            }
            match account.queue.pop_front() {
                Some(Job::Read(order, cause)) => {
                    account.reading.insert(order.clone());
                    self.read(id, order, cause, &line, ctx);
                }
                Some(Job::Compare(comparison)) => self.compare(id, comparison, &line, ctx),
                None => return,
            }
        }
    }

    fn wake(&mut self, id: AccountId, at: Timestamp, ctx: &mut Context<Self>) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        let now = clock::unix();
        if !account.lookout.set_alarm(at, now) {
            return;
        }
        ctx.cancel_future(account.timer);
        account.timer = ctx.run_later(at.since(now), move |actor, ctx| {
            if let Some(account) = actor.accounts.get_mut(&id) {
                account.lookout.rang();
            }
            actor.look(id, ctx);
            actor.advance(id, ctx);
        });
    }

    fn read(&mut self, id: AccountId, order: OrderId, cause: Cause, line: &Line, ctx: &mut Context<Self>) {
        let Some(account) = self.accounts.get(&id) else { return };
        let (store, facts, gateway) = (self.store.clone(), account.facts.clone(), line.gateway.clone());
        let asked = order.clone();
        let read = async move { read_order(&store, &facts, &asked, cause, &gateway).await };
        let then = read.into_actor(self).map(move |read, actor, ctx| actor.was_read(id, &order, read, ctx));
        ctx.spawn(then);
    }

    fn was_read(&mut self, id: AccountId, order: &OrderId, read: Result<Read, NotRead>, ctx: &mut Context<Self>) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        account.reading.remove(order);
        match &read {
            Ok(Read::Stands { status, changed }) => {
                if *changed {
                    info!("account.id" = id.0, "account.name" = &*account.facts.name, "order.id" = order.as_str(), status = status.as_str(); "an order stands elsewhere now");
                    // Lost only together with the shard; what is due stays due.
                    self.deliver.do_send(DeliveriesDue(id));
                }
            }
            Ok(Read::Unplaceable { word, status }) => {
                warn!("account.id" = id.0, "account.name" = &*account.facts.name, "order.id" = order.as_str(), word:? = word, status:? = status, class = "network"; "nobody knows where an order stands");
            }
            Ok(Read::Bought | Read::Gone) => {}
            Err(error) => {
                debug!("account.id" = id.0, "account.name" = &*account.facts.name, "order.id" = order.as_str(); "an order was not read: {error}");
                account.rest(error);
            }
        }
        let answer = read.map(drop);
        for waiting in account.waiting.remove(order).unwrap_or_default() {
            // Whoever asked may have run out of patience.
            let _ = waiting.send(answer.clone());
        }
        let is_idle = account.queue.is_empty() && account.reading.is_empty();
        self.advance(id, ctx);
        if is_idle {
            self.look(id, ctx);
        }
    }

    fn compare(&mut self, id: AccountId, comparison: Comparison, line: &Line, ctx: &mut Context<Self>) {
        let Some(account) = self.accounts.get(&id) else { return };
        let (store, config, epoch) = (self.store.clone(), self.config, account.epoch);
        let gateway = line.gateway.clone();
        let compared = async move { compare_page(&store, id, comparison, &config, &gateway).await };
        let then = compared.into_actor(self).map(move |compared, actor, ctx| {
            let Some(account) = actor.accounts.get_mut(&id).filter(|account| account.epoch == epoch) else { return };
            match compared {
                Ok(Some(next)) => account.queue.push_front(Job::Compare(next)),
                Ok(None) => account.comparing = false,
                Err(error) => {
                    warn!("account.id" = id.0, "account.name" = &*account.facts.name, class = "network"; "what is to be shipped could not be compared with the platform: {error}");
                    account.comparing = false;
                    account.rest(&error);
                }
            }
            actor.look(id, ctx);
            actor.advance(id, ctx);
        });
        ctx.spawn(then);
    }
}

impl Account {
    fn queued(&self) -> impl Iterator<Item = &OrderId> {
        self.queue.iter().filter_map(|job| match job {
            Job::Read(order, _) => Some(order),
            Job::Compare(_) => None,
        })
    }

    /// How long nothing is asked after a call that came to nothing.
    fn rest(&mut self, error: &NotRead) {
        let pause = match error {
            NotRead::NotCalled(NotCalled::TooMany) => TOO_MANY,
            NotRead::NotCalled(NotCalled::NeedsPerson) => NEEDS_PERSON,
            // It is told in a moment that the line is gone.
            NotRead::NotCalled(NotCalled::Offline) => MOMENT,
            NotRead::NotCalled(NotCalled::NoAnswer(_))
            | NotRead::TooFast(_)
            | NotRead::Refused(_)
            | NotRead::NotRunning => return,
            NotRead::Storage(_) => RETRY,
        };
        self.not_before = clock::unix() + pause;
    }

    /// A line is there, maybe in the place of another one: a comparison that went over that is none any more, and is begun anew.
    fn join(&mut self, line: Line) {
        self.line = Some(line);
        self.epoch += 1;
        self.comparing = false;
        self.queue.retain(|job| matches!(job, Job::Read(..)));
        self.not_before = Timestamp(0);
    }

    /// The line is gone: what was queued is due in the database all the same.
    fn leave(&mut self) {
        self.line = None;
        self.epoch += 1;
        self.queue.clear();
        self.comparing = false;
        self.waiting.clear();
    }
}

async fn read_order(
    store: &Store,
    facts: &AccountFacts,
    order: &OrderId,
    cause: Cause,
    gateway: &Recipient<CallGateway>,
) -> Result<Read, NotRead> {
    let told = match gateway.send(CallGateway(order::order_detail(order))).await {
        Ok(Ok(Outcome::Success(data))) => OrderDetail::read(&data, order).map_err(|error| error.to_string()),
        Ok(Ok(refused)) => Err(refused.to_string()),
        Ok(Err(NotCalled::NoAnswer(why))) => Err(why),
        Ok(Err(not_called)) => return Err(not_called.into()),
        Err(_) => return Err(NotCalled::Offline.into()),
    };
    let (id, own, keys, now) = (facts.id, facts.uid.clone(), store.keys().clone(), clock::unix());
    match told {
        Ok(detail) => {
            let write = move |conn: &mut DbConn| {
                let read = store::orders::read(conn, &keys, id, &own, &detail, cause, now)?;
                note_placed(conn, id, &detail.order, &read, now)?;
                Ok(read)
            };
            Ok(store.write(write).await?)
        }
        Err(why) => {
            let (order, said) = (order.clone(), why.clone());
            let write = move |conn: &mut DbConn| {
                let tries = store::orders::read_in_vain(conn, id, &order, &said, now)?;
                if tries >= agenda::IN_VAIN {
                    reviews::open(conn, id, &order, Reason::Unreadable, Some(&said), now)?;
                }
                Ok(())
            };
            store.write(write).await?;
            Err(NotRead::Refused(why))
        }
    }
}

/// What a person was to look at is settled by a reading, or begun by it.
fn note_placed(
    conn: &mut DbConn,
    account: AccountId,
    order: &OrderId,
    read: &Read,
    now: Timestamp,
) -> store::QueryResult<()> {
    match read {
        Read::Stands { .. } => reviews::heal(conn, account, order, &[Reason::Unreadable, Reason::Unplaceable], now),
        Read::Unplaceable { word, status } => {
            let detail = format!(
                "{} → {}",
                status.map_or("-", |status| status.as_str()),
                word.map_or("?", |word| word.as_str())
            );
            reviews::open(conn, account, order, Reason::Unplaceable, Some(&detail), now)
        }
        Read::Bought | Read::Gone => Ok(()),
    }
}

/// Reads the next page of the platform's list; what comes after it, if anything does.
async fn compare_page(
    store: &Store,
    account: AccountId,
    comparison: Comparison,
    config: &Config,
    gateway: &Recipient<CallGateway>,
) -> Result<Option<Comparison>, NotRead> {
    let read = match gateway.send(CallGateway(order::unshipped_list(comparison.page))).await {
        Ok(Ok(Outcome::Success(data))) => SoldPage::read(&data).map_err(|error| NotRead::Refused(error.to_string())),
        Ok(Ok(refused)) => Err(NotRead::Refused(refused.to_string())),
        Ok(Err(not_called)) => Err(not_called.into()),
        Err(_) => Err(NotCalled::Offline.into()),
    };
    let now = clock::unix();
    let page = match read {
        Ok(page) => page,
        Err(error) => {
            let said = error.to_string();
            let write = move |conn: &mut DbConn| {
                let before = store::orders::sync(conn, account)?;
                let tries = before.tries + 1;
                let due_at = Some(now + agenda::pause(tries).max(RECENT));
                store::orders::put_sync(conn, account, &Sync { due_at, tries, error: Some(said), ..before })
            };
            store.write(write).await?;
            return Err(error);
        }
    };
    if page.unreadable > 0 {
        warn!("account.id" = account.0, class = "network", entries = page.unreadable; "the platform's list of orders has entries that nobody can read");
    }
    let Comparison { began, page: number, mut listed } = comparison;
    listed.extend(page.orders.iter().map(|sold| sold.order.clone()));
    let (is_last, all) = (page.is_last || number >= PAGES, listed.clone());
    let is_whole = page.is_last;
    let due_at = (!config.compare_every.is_zero()).then(|| now + config.compare_every);
    let write = move |conn: &mut DbConn| {
        let mut found = store::orders::note_listed(conn, account, &page.orders, now)?;
        if is_last {
            if is_whole {
                found += store::orders::note_unlisted(conn, account, &all, began, now)?;
            }
            let sync = Sync { due_at, synced_at: Some(now), tries: 0, error: None };
            store::orders::put_sync(conn, account, &sync)?;
        }
        Ok(found)
    };
    let found = store.write(write).await?;
    if found > 0 {
        info!("account.id" = account.0, orders = found; "the platform's list has orders that nobody told of, or that stand elsewhere");
    }
    Ok((!is_last).then_some(Comparison { began, page: number + 1, listed }))
}

impl From<StoreError> for NotRead {
    fn from(error: StoreError) -> Self {
        Self::Storage(error.to_string())
    }
}

impl Actor for OrderActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Signals alone: what is due stands in the database.
        ctx.set_mailbox_capacity(4096);
    }
}

impl Handler<Adopt> for OrderActor {
    type Result = ResponseFuture<Result<(), String>>;

    fn handle(&mut self, Adopt(facts): Adopt, _: &mut Self::Context) -> Self::Result {
        let per_second = f64::from(self.config.calls_per_minute) / 60.0;
        let account = Account {
            rate: Rate::new(RateConfig { per_second, burst: BURST }),
            line: None,
            epoch: 0,
            queue: VecDeque::new(),
            reading: HashSet::new(),
            comparing: false,
            waiting: HashMap::new(),
            lookout: Lookout::default(),
            timer: SpawnHandle::default(),
            not_before: Timestamp(0),
            facts,
        };
        self.accounts.insert(account.facts.id, account);
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Handler<Amend> for OrderActor {
    type Result = ();

    fn handle(&mut self, Amend(facts): Amend, _: &mut Self::Context) {
        if let Some(account) = self.accounts.get_mut(&facts.id) {
            account.facts = facts;
        }
    }
}

impl Handler<DropAccount> for OrderActor {
    type Result = ();

    fn handle(&mut self, DropAccount(id): DropAccount, ctx: &mut Self::Context) {
        if let Some(account) = self.accounts.remove(&id) {
            ctx.cancel_future(account.timer);
        }
    }
}

impl Handler<AccountOnline> for OrderActor {
    type Result = ();

    /// What happened meanwhile may never be told: the list is compared, unless it was a moment ago.
    fn handle(&mut self, AccountOnline { account: id, line }: AccountOnline, ctx: &mut Self::Context) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        account.join(line);
        if self.config.compare_every.is_zero() {
            return self.look(id, ctx);
        }
        let (store, now) = (self.store.clone(), clock::unix());
        let wanted = move |conn: &mut DbConn| {
            let sync = store::orders::sync(conn, id)?;
            if sync.synced_at.is_some_and(|at| now.since(at) < RECENT) {
                return Ok(());
            }
            store::orders::want_comparison(conn, id, now)
        };
        let wanted = async move { store.write(wanted).await };
        let then = wanted.into_actor(self).map(move |wanted, actor, ctx| {
            if let Err(error) = wanted {
                warn!(class = "database"; "cannot write down that orders are to be compared: {error}");
            }
            actor.look(id, ctx);
        });
        ctx.spawn(then);
    }
}

impl Handler<AccountOffline> for OrderActor {
    type Result = ();

    fn handle(&mut self, AccountOffline(id): AccountOffline, _: &mut Self::Context) {
        if let Some(account) = self.accounts.get_mut(&id) {
            account.leave();
        }
    }
}

impl Handler<OrdersDue> for OrderActor {
    type Result = ();

    fn handle(&mut self, OrdersDue(id): OrdersDue, ctx: &mut Self::Context) {
        self.look(id, ctx);
    }
}

impl Handler<ReadOrder> for OrderActor {
    type Result = ResponseActFuture<Self, Result<(), NotRead>>;

    fn handle(&mut self, ReadOrder { account: id, order, cause }: ReadOrder, ctx: &mut Self::Context) -> Self::Result {
        let refuse = |why: NotRead| Box::pin(std::future::ready(Err(why)));
        let Some(account) = self.accounts.get_mut(&id) else {
            return Box::pin(refuse(NotRead::NotRunning).into_actor(self));
        };
        if account.line.is_none() {
            return Box::pin(refuse(NotCalled::Offline.into()).into_actor(self));
        }
        let now = clock::unix();
        if account.not_before > now {
            let wait = account.not_before.since(now);
            return Box::pin(refuse(NotRead::TooFast(wait)).into_actor(self));
        }
        let (answer, told) = oneshot::channel();
        account.waiting.entry(order.clone()).or_default().push(answer);
        let is_queued = account.queued().any(|queued| *queued == order);
        if !is_queued && !account.reading.contains(&order) {
            // Somebody waits for it: before what nobody waits for.
            account.queue.push_front(Job::Read(order, cause));
        }
        self.advance(id, ctx);
        Box::pin(async move { told.await.unwrap_or(Err(NotCalled::Offline.into())) }.into_actor(self))
    }
}

impl Handler<Ping> for OrderActor {
    type Result = Load;

    fn handle(&mut self, _: Ping, _: &mut Self::Context) -> Load {
        let pending = self.accounts.values().map(|account| account.queue.len() + account.reading.len()).sum();
        Load { accounts: self.accounts.len(), pending }
    }
}
