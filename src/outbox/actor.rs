//! Stores what was decided and what is to be sent, and only then lets it onto the wire.
//!
//! One write is in flight at a time; meanwhile the next batch gathers. A batch that cannot be stored is kept and tried again:
//! nothing of it is on the wire.

use std::{
    collections::{HashMap, HashSet},
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix::prelude::*;
use futures_util::FutureExt as _;
use log::{debug, error, warn};
use lru::LruCache;
use tokio::sync::oneshot;

use crate::{
    account::facts::AccountFacts,
    account::messages::{
        AccountOffline, AccountOnline, Adopt, Amend, AskHistory, AskPicture, DropAccount, Line, Load, Ping, Switches,
        Transmit,
    },
    cache::{Counted, Figures},
    ids::{AccountId, BuyerId, ConversationId, MessageId, RuleId, Timestamp},
    inbox::messages::{ListenForTakeovers, TookOver},
    outbox::{
        entry::{Change, Entry, NotSettled, Origin, PersonsWord, Row, SendId, State, Urgency},
        ledger::{self, Draft, Flight, Ledger, Weather},
        messages::{
            ActOnEntry, Answer, Answered, ConversationFacts, Decided, DeliveriesSettled, Done, EntryAct, HistorySeen,
            IfSeen, ListenForDeliveries, ListenForReleases, NotActed, NotSent, OnceReleased, OwnSeen, PictureReady,
            SendByPerson, SendDelivery, Settle,
        },
        picture,
        rate::{Rate, RateConfig},
    },
    platform::lwp::event::Message,
    reply::event::NewEvent,
    store::{
        self, DbConn, Store, StoreError,
        bargains::BargainRow,
        chat_messages::DecisionRow,
        conversations::{ConversationRow, Side},
        once_replies::OnceReply,
        rule_effects::Effect,
        rule_events::Finished,
        suggestions::{self, NewSuggestion},
    },
    telemetry::{
        clock,
        feed::{DecidedEvent, Feed, FeedEvent, SendEvent},
        metrics::Metrics,
    },
};

/// How often lanes that wait for something are looked at. Nothing runs while nothing waits.
const TICK: Duration = Duration::from_millis(50);

/// Far more than people click while one entry is read.
// Not zero.
const CLICKS: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// After a write failed, the same batch is tried again after this long.
const RETRY: Duration = Duration::from_secs(1);

/// Ids of confirmed sends kept in memory to recognise their echoes without the database.
// Not zero.
const RECENT: NonZeroUsize = NonZeroUsize::new(16 * 1024).unwrap();

/// Equal sends further apart than this cannot be taken for each other: twice what clocks may differ.
const SIMILAR: Duration = Duration::from_secs(120);

/// Sends of an account that are read for that, at most.
const NEWEST: i64 = 1000;

/// What an order is given is not sent any more after this long: its order is asked for anew before.
const DELIVERY_LIFE: Duration = Duration::from_mins(1);

/// Messages by hand of one account that may wait to be sent.
const WAITING_BY_HAND: usize = 100;

#[derive(Debug, Clone, Copy)]
pub struct Config {
    pub ledger: ledger::Config,
    /// Per account.
    pub rate: RateConfig,
}

pub struct OutboxActor {
    store: Store,
    config: Config,
    feed: Feed,
    metrics: Metrics,
    /// Turns between the inbox and a stored decision: the inbox slows down when it grows.
    backlog: Arc<AtomicUsize>,
    /// Set when this shard was replaced: nothing may leave it any more.
    retired: Arc<AtomicBool>,
    accounts: HashMap<AccountId, Account>,
    /// Accounts with something unsettled.
    active: HashSet<AccountId>,
    switches: Switches,
    recent: Counted<MessageId, AccountId>,
    batch: Batch,
    /// Who waits for `batch` to be stored.
    awaiting: Vec<Awaiting>,
    /// Who waits for what is being stored now.
    storing: Vec<Awaiting>,
    /// Entries that were sent again lately, and as which: somebody may have read the entry before that was committed.
    again: LruCache<(AccountId, SendId), SendId>,
    /// Sends whose echo was told, in rows that are not committed yet: the database still shows them without an id.
    claiming: HashSet<(AccountId, SendId)>,
    writing: bool,
    /// A batch that could not be stored waits to be tried again.
    failing: bool,
    /// How many connections there were, of all accounts.
    epochs: u64,
    ticking: Option<SpawnHandle>,
    releases: Option<Recipient<OnceReleased>>,
    takeovers: Option<Recipient<TookOver>>,
    deliveries: Option<Recipient<DeliveriesSettled>>,
    settling: Vec<oneshot::Sender<()>>,
}

struct Account {
    facts: AccountFacts,
    ledger: Ledger,
    line: Option<Line>,
    /// Differs from connection to connection, so that no flight planned for one leaves by another.
    epoch: u64,
}

/// A person who wants to hear that their entries are stored.
struct Awaiting {
    account: AccountId,
    entries: Vec<Entry>,
    answer: oneshot::Sender<Result<Vec<Entry>, NotSent>>,
}

/// A person wrote in a conversation.
#[derive(Clone)]
struct Attended {
    account: AccountId,
    conversation: ConversationId,
    /// Automatic answers pause until then; `None`: as the account is set, they do not.
    pause: Option<Timestamp>,
}

/// What one transaction stores.
#[derive(Default, Clone)]
struct Batch {
    decisions: Vec<DecisionRow>,
    conversations: Vec<ConversationRow>,
    once: Vec<OnceReply>,
    suggestions: Vec<NewSuggestion>,
    /// Conversations whose buyers are answered: what waited for approval there is overtaken.
    answered: Vec<(AccountId, ConversationId, Timestamp)>,
    bargains: Vec<BargainRow>,
    effects: Vec<Effect>,
    /// Events that rules met.
    finished: Vec<(AccountId, Finished)>,
    /// Conversations in which the buyer wrote again, and what waits for silence there.
    silences: Vec<(AccountId, ConversationId, Vec<NewEvent>)>,
    released: Vec<(AccountId, SendId)>,
    rows: Vec<Row>,
    /// Settled entries, and as which they are sent again.
    links: Vec<(Entry, SendId)>,
    attended: Vec<Attended>,
    flights: Vec<(AccountId, u64, Flight)>,
    told: Vec<DecidedEvent>,
    /// Turns whose decision is in this batch.
    turns: usize,
}

impl OutboxActor {
    pub fn new(
        store: Store,
        config: Config,
        feed: Feed,
        metrics: Metrics,
        recent: Figures,
        backlog: Arc<AtomicUsize>,
        retired: Arc<AtomicBool>,
    ) -> Self {
        Self {
            store,
            config,
            feed,
            metrics,
            backlog,
            retired,
            accounts: HashMap::new(),
            active: HashSet::new(),
            switches: Switches::default(),
            recent: Counted::new(RECENT, recent),
            batch: Batch::default(),
            awaiting: Vec::new(),
            storing: Vec::new(),
            again: LruCache::new(CLICKS),
            claiming: HashSet::new(),
            writing: false,
            failing: false,
            epochs: 0,
            ticking: None,
            releases: None,
            takeovers: None,
            deliveries: None,
            settling: Vec::new(),
        }
    }

    /// Gathers what the ledgers want and stores it, unless a write is in flight. Every handler ends here.
    fn drive(&mut self, touched: AccountId, ctx: &mut Context<Self>) {
        self.collect(touched);
        self.write(ctx);
        self.watch(ctx);
    }

    fn collect(&mut self, id: AccountId) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        let rows = account.ledger.take_rows();
        self.claiming.extend(rows.iter().filter_map(Row::claimed));
        self.batch.rows.extend(rows);
        let epoch = account.epoch;
        self.batch.flights.extend(account.ledger.take_flights().into_iter().map(|flight| (id, epoch, flight)));
        for question in account.ledger.take_questions() {
            if let Some(line) = &account.line {
                // A lost question is asked again by the ledger.
                line.history.do_send(AskHistory { conversation: question.conversation, since: question.since });
            }
        }
        for picture in account.ledger.take_wishes() {
            if let Some(line) = &account.line {
                // As above.
                line.picture.do_send(AskPicture(picture));
            }
        }
        for message in account.ledger.take_claimed() {
            self.recent.put(message, id);
        }
        let settled = account.ledger.take_settled();
        if account.ledger.is_idle() {
            self.active.remove(&id);
        } else {
            self.active.insert(id);
        }
        for entry in settled {
            self.note_settled(&entry);
        }
    }

    fn note_settled(&mut self, entry: &Entry) {
        let settled_at = entry.settled_at.unwrap_or(entry.created_at);
        self.metrics.settled(entry.state, settled_at.since(entry.created_at));
        if let Some(message) = &entry.message {
            self.recent.put(message.clone(), entry.account);
        }
        if let (State::Rejected | State::Expired, Some(rule)) = (entry.state, entry.rule) {
            self.batch.released.push((entry.account, entry.id));
            self.tell_release(entry, rule);
        }
    }

    fn tell_release(&self, entry: &Entry, rule: RuleId) {
        if let Some(releases) = &self.releases {
            // Losing it leaves a once-reply used up, which the next start reads from the database.
            releases.do_send(OnceReleased { account: entry.account, conversation: entry.conversation.clone(), rule });
        }
    }

    fn write(&mut self, ctx: &mut Context<Self>) {
        if self.writing || self.batch.is_empty() {
            return self.finish_settling();
        }
        self.writing = true;
        let batch = Arc::new(std::mem::take(&mut self.batch));
        self.storing = std::mem::take(&mut self.awaiting);
        self.store_batch(batch, ctx);
    }

    fn store_batch(&mut self, batch: Arc<Batch>, ctx: &mut Context<Self>) {
        let (job, store) = (Arc::clone(&batch), self.store.clone());
        let stored = async move { store.write(move |conn| job.store(conn)).await };
        let then = stored.into_actor(self).map(move |result, actor, ctx| match result {
            Ok(()) => actor.committed(batch, ctx),
            Err(error) => actor.not_committed(batch, &error, ctx),
        });
        ctx.spawn(then);
    }

    fn not_committed(&mut self, batch: Arc<Batch>, error: &StoreError, ctx: &mut Context<Self>) {
        error!(class = "database"; "cannot store decisions and sends, trying again: {error}");
        if matches!(error, StoreError::Conflict(_)) {
            return self.look_who_is_gone(batch, ctx);
        }
        if error.is_final() {
            // Nobody knows what is stored: begin anew from what is there.
            return ctx.stop();
        }
        self.try_again(batch, ctx);
    }

    fn try_again(&mut self, batch: Arc<Batch>, ctx: &mut Context<Self>) {
        self.failing = true;
        if !self.retired.load(Ordering::Relaxed) {
            ctx.run_later(RETRY, move |actor, ctx| actor.store_batch(batch, ctx));
        }
    }

    /// The account of some of the batch may be gone from the database: that must not stop the others.
    fn look_who_is_gone(&mut self, batch: Arc<Batch>, ctx: &mut Context<Self>) {
        let ids = batch.accounts();
        let (store, asked) = (self.store.clone(), ids.clone());
        let read = async move { store.write(move |conn| store::accounts::existing(conn, asked)).await };
        let then = read.into_actor(self).map(move |existing, actor, ctx| match existing {
            Ok(existing) if existing.len() < ids.len() => {
                let gone = ids.difference(&existing).copied().collect();
                actor.store_without(&gone, &batch, ctx);
            }
            // What this batch contradicts is not known: begin anew from what is there.
            Ok(_) => ctx.stop(),
            Err(error) if error.is_final() => ctx.stop(),
            Err(_) => actor.try_again(batch, ctx),
        });
        ctx.spawn(then);
    }

    fn store_without(&mut self, gone: &HashSet<AccountId>, batch: &Batch, ctx: &mut Context<Self>) {
        let mut rest = batch.clone();
        for id in gone {
            warn!(class = "database", "account.id" = id.0; "decisions and sends of an account that is gone are dropped");
            rest.forget(*id, &self.backlog);
            self.forget(*id);
        }
        self.storing = refuse_of(gone, std::mem::take(&mut self.storing));
        self.store_batch(Arc::new(rest), ctx);
    }

    /// Lets go of everything kept for an account, but for what is being stored.
    fn forget(&mut self, id: AccountId) {
        if let Some(account) = self.accounts.remove(&id) {
            debug!("account.id" = account.facts.id.0, "account.name" = &*account.facts.name; "outbox lets the account go");
        }
        self.active.remove(&id);
        self.claiming.retain(|(account, _)| *account != id);
        self.again.retain(|(account, _), _| *account != id);
        self.batch.forget(id, &self.backlog);
        self.awaiting = refuse_of(&HashSet::from([id]), std::mem::take(&mut self.awaiting));
        self.recent.retain(|_, owner| *owner != id);
    }

    fn committed(&mut self, batch: Arc<Batch>, ctx: &mut Context<Self>) {
        self.writing = false;
        self.failing = false;
        self.backlog.fetch_sub(batch.turns, Ordering::Relaxed);
        for claimed in batch.rows.iter().filter_map(Row::claimed) {
            self.claiming.remove(&claimed);
        }
        // The job's copy went with its answer; where the writer still holds it, the flights are copied.
        let batch = Arc::try_unwrap(batch).unwrap_or_else(|shared| shared.copy_of_what_follows());
        for Awaiting { entries, answer, .. } in self.storing.drain(..) {
            // Whoever asked may have run out of patience.
            let _ = answer.send(Ok(entries));
        }
        for attended in batch.attended {
            self.tell_attended(attended);
        }
        self.tell_deliveries(&batch.rows);
        for event in batch.told {
            self.metrics.decided(event.decision, event.decided_at.since(event.received_at));
            self.feed.tell(|| FeedEvent::Decided(Box::new(event)));
        }
        if self.feed.is_watched() {
            for event in batch.rows.iter().filter_map(SendEvent::of) {
                self.feed.tell(|| FeedEvent::Send(Box::new(event)));
            }
        }
        for (account, epoch, flight) in batch.flights {
            self.launch(account, epoch, flight);
        }
        self.write(ctx);
        self.watch(ctx);
    }

    /// What became of messages of deliveries is stored: something may follow.
    fn tell_deliveries(&self, rows: &[Row]) {
        let Some(deliveries) = &self.deliveries else { return };
        let goes_on = |row: &Row| match row {
            Row::Update(change) => (change.delivery.is_some() && change.state.is_final()).then_some(change.account),
            Row::Claim { account, .. } => Some(*account),
            Row::Insert(_) => None,
        };
        let mut told = HashSet::new();
        for account in rows.iter().filter_map(goes_on).filter(|account| told.insert(*account)) {
            // Same thread; what is due stays due.
            deliveries.do_send(DeliveriesSettled(account));
        }
    }

    fn tell_attended(&self, Attended { account, conversation, pause }: Attended) {
        let Some(until) = pause else { return };
        if let Some(takeovers) = &self.takeovers {
            // Same thread; lost only together with the shard, and the pause is stored.
            takeovers.do_send(TookOver { account, conversation: conversation.clone(), until });
        }
        self.feed.tell(|| FeedEvent::Paused { account, conversation, until: Some(until) });
    }

    /// Puts a committed send on the wire, if its connection still stands.
    fn launch(&mut self, id: AccountId, epoch: u64, flight: Flight) {
        if self.retired.load(Ordering::Relaxed) {
            return;
        }
        let Some(account) = self.accounts.get_mut(&id) else { return };
        match account.line.as_ref().filter(|_| account.epoch == epoch) {
            // The account's mailbox may be gone with it: then the send stays in doubt and the history decides.
            Some(line) if account.ledger.on_launch(&flight.conversation, flight.id, clock::now()) => {
                let Flight { id, conversation, peer, body, attempt: _ } = flight;
                line.transmit.do_send(Transmit { id, conversation, peer, body });
                self.metrics.sent();
            }
            Some(_) => {}
            None => {
                account.ledger.on_grounded(&flight, clock::now());
                self.active.insert(id);
                self.collect(id);
            }
        }
    }

    /// Looks at waiting lanes again and again, as long as there are any.
    fn watch(&mut self, ctx: &mut Context<Self>) {
        match (self.active.is_empty(), self.ticking) {
            (false, None) => self.ticking = Some(ctx.run_interval(TICK, Self::tick)),
            (true, Some(handle)) => {
                ctx.cancel_future(handle);
                self.ticking = None;
            }
            (true, None) | (false, Some(_)) => {}
        }
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        for id in self.active.clone() {
            self.advance(id, None);
            self.collect(id);
        }
        self.write(ctx);
        self.watch(ctx);
    }

    /// Moves one lane of an account, or all of them.
    fn advance(&mut self, id: AccountId, conversation: Option<&ConversationId>) {
        let held = self.switches.automatic || self.switches.accounts.contains(&id);
        let Some(account) = self.accounts.get_mut(&id) else { return };
        let weather = Weather { online: account.line.is_some() && !self.switches.everything, held };
        match conversation {
            Some(conversation) => account.ledger.advance(conversation, weather, clock::now()),
            None => account.ledger.advance_all(weather, clock::now()),
        }
    }

    /// Messages in our name that memory does not know: the database may.
    fn ask_database(
        &self,
        account: AccountId,
        messages: Vec<Message>,
    ) -> ResponseActFuture<Self, Result<Vec<bool>, String>> {
        // A send whose message memory knows is not free for another one, though its row may still wait to be written.
        let store = self.store.clone();
        let told = self.claiming.iter().filter(|(of, _)| *of == account).map(|(_, send)| *send).collect();
        let asked = async move {
            let known = store.write(move |conn| claim_echoes(conn, account, &messages, &told)).await;
            known.map_err(|error| error.to_string())
        };
        let then = asked.into_actor(self).map(|known, actor, _| {
            let (ours, settled) = known?;
            settled.iter().for_each(|entry| tell_change(&actor.feed, entry));
            Ok(ours)
        });
        Box::pin(then)
    }

    fn next_epoch(&mut self) -> u64 {
        self.epochs += 1;
        self.epochs
    }

    fn finish_settling(&mut self) {
        if self.writing || self.settling.is_empty() {
            return;
        }
        if self.batch.is_empty() && self.accounts.values().all(|account| account.ledger.in_the_air() == 0) {
            for waiting in self.settling.drain(..) {
                // Whoever asked may have run out of patience.
                let _ = waiting.send(());
            }
        }
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.decisions.is_empty()
            && self.rows.is_empty()
            && self.conversations.is_empty()
            && self.released.is_empty()
            && self.finished.is_empty()
            && self.links.is_empty()
            && self.attended.is_empty()
    }

    /// Whose rows it has.
    fn accounts(&self) -> HashSet<AccountId> {
        let decided = self.decisions.iter().map(|row| row.account);
        let conversations = self.conversations.iter().map(|row| row.account);
        let once = self.once.iter().map(|claim| claim.account);
        let attended = self.attended.iter().map(|attended| attended.account);
        decided.chain(conversations).chain(once).chain(attended).chain(self.rows.iter().map(Row::account)).collect()
    }

    fn store(&self, conn: &mut DbConn) -> store::QueryResult<()> {
        store::conversations::upsert_many(conn, &self.conversations)?;
        store::chat_messages::decide_many(conn, &self.decisions)?;
        store::outbox::apply(conn, &self.rows)?;
        store::once_replies::claim_many(conn, &self.once)?;
        for (account, conversation, at) in &self.answered {
            suggestions::overtake(conn, *account, conversation, *at)?;
        }
        suggestions::insert_many(conn, &self.suggestions)?;
        store::bargains::put_many(conn, &self.bargains)?;
        store::rule_effects::apply(conn, &self.effects)?;
        for (account, conversation, waits) in &self.silences {
            store::rule_events::wait_anew(conn, *account, conversation, waits)?;
        }
        let finished: Vec<Finished> = self.finished.iter().map(|(_, finished)| finished.clone()).collect();
        store::rule_events::finish_many(conn, &finished)?;
        for (account, id) in &self.released {
            store::once_replies::release(conn, *account, *id)?;
        }
        for (entry, again) in &self.links {
            store::outbox::link(conn, entry, *again)?;
        }
        self.attended.iter().try_for_each(|attended| attended.store(conn))
    }

    /// What is not yet being written for an account that is let go stays undone: it comes back with it.
    fn forget(&mut self, id: AccountId, backlog: &AtomicUsize) {
        let turns = self.told.iter().filter(|event| event.account == id).count();
        self.turns -= turns;
        backlog.fetch_sub(turns, Ordering::Relaxed);
        self.told.retain(|event| event.account != id);
        self.decisions.retain(|row| row.account != id);
        self.conversations.retain(|row| row.account != id);
        self.once.retain(|row| row.account != id);
        self.suggestions.retain(|row| row.account != id);
        self.answered.retain(|(account, ..)| *account != id);
        self.bargains.retain(|row| row.account != id);
        self.effects.retain(|effect| effect.account != id);
        self.finished.retain(|(account, _)| *account != id);
        self.silences.retain(|(account, ..)| *account != id);
        self.released.retain(|(account, _)| *account != id);
        self.rows.retain(|row| row.account() != id);
        self.links.retain(|(entry, _)| entry.account != id);
        self.attended.retain(|attended| attended.account != id);
        self.flights.retain(|(account, ..)| *account != id);
    }

    fn copy_of_what_follows(&self) -> Self {
        Self {
            rows: self.rows.clone(),
            links: self.links.clone(),
            attended: self.attended.clone(),
            flights: self.flights.clone(),
            told: self.told.clone(),
            turns: self.turns,
            ..Self::default()
        }
    }
}

impl Attended {
    fn store(&self, conn: &mut DbConn) -> store::QueryResult<()> {
        store::chat_messages::attended(conn, self.account, &self.conversation)?;
        suggestions::overtake(conn, self.account, &self.conversation, clock::unix())?;
        match self.pause {
            Some(until) => {
                store::conversations::take_over(conn, self.account, &self.conversation, until, clock::unix())
            }
            None => Ok(()),
        }
    }
}

/// Refuses what waits for these accounts; the rest goes on waiting.
fn refuse_of(gone: &HashSet<AccountId>, awaiting: Vec<Awaiting>) -> Vec<Awaiting> {
    let (refused, kept): (Vec<_>, Vec<_>) = awaiting.into_iter().partition(|awaiting| gone.contains(&awaiting.account));
    for Awaiting { answer, .. } in refused {
        // Whoever asked may have run out of patience.
        let _ = answer.send(Err(NotSent::Unavailable));
    }
    kept
}

/// What the database knows of an account's sends.
struct Past {
    unsettled: Vec<Entry>,
    /// Those whose messages may still come, and must not be taken for equal sends that are made now.
    newest: Vec<Entry>,
    last_id: Option<SendId>,
}

impl Past {
    fn read(conn: &mut DbConn, id: AccountId, now: Timestamp) -> store::QueryResult<Self> {
        let unsettled = store::outbox::unsettled(conn, id)?;
        let oldest = unsettled.iter().map(|entry| entry.created_at).min().unwrap_or(now);
        let newest = store::outbox::newest(conn, id, oldest.min(now) - SIMILAR, NEWEST)?;
        Ok(Self { unsettled, newest, last_id: store::outbox::last_id(conn, id)? })
    }
}

/// For each message: is it the echo of a stored send? Such a send is confirmed by it; those that were in doubt come with the answer.
/// `told`: sends that have their echo already.
fn claim_echoes(
    conn: &mut DbConn,
    account: AccountId,
    messages: &[Message],
    told: &HashSet<SendId>,
) -> store::QueryResult<(Vec<bool>, Vec<Entry>)> {
    let ids: Vec<MessageId> = messages.iter().map(|message| message.id.clone()).collect();
    let known: HashSet<MessageId> =
        store::outbox::find_by_message(conn, account, &ids)?.into_iter().filter_map(|entry| entry.message).collect();
    let (mut ours, mut settled) = (Vec::with_capacity(messages.len()), Vec::new());
    for message in messages {
        let claimed = if known.contains(&message.id) { None } else { claim_echo(conn, account, message, told)? };
        ours.push(known.contains(&message.id) || claimed.is_some());
        settled.extend(claimed.filter(|entry| entry.state == State::Uncertain).map(|entry| Entry {
            state: State::Confirmed,
            message: Some(message.id.clone()),
            ..entry
        }));
    }
    Ok((ours, settled))
}

fn claim_echo(
    conn: &mut DbConn,
    account: AccountId,
    message: &Message,
    told: &HashSet<SendId>,
) -> store::QueryResult<Option<Entry>> {
    let unclaimed = store::outbox::unclaimed(conn, account, &message.conversation, message.created_at)?;
    let fits = |entry: &Entry| {
        !told.contains(&entry.id)
            && ledger::is_same(&entry.body, message)
            && ledger::may_be_of(entry.created_at, entry.settled_at, message)
    };
    match unclaimed.into_iter().find(fits) {
        Some(entry) => {
            let claimed = store::outbox::claim(conn, account, entry.id, &message.id, clock::unix())?;
            Ok(claimed.then_some(entry))
        }
        None => Ok(None),
    }
}

impl Actor for OutboxActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Only what is in work piles up here, and the inbox slows down before it does.
        ctx.set_mailbox_capacity(4096);
    }
}

impl Handler<Adopt> for OutboxActor {
    type Result = ResponseActFuture<Self, Result<(), String>>;

    fn handle(&mut self, Adopt(facts): Adopt, _: &mut Self::Context) -> Self::Result {
        let (store, id) = (self.store.clone(), facts.id);
        let read = async move {
            // Through the writer: what an earlier owner of this account had in flight is seen.
            store.write(move |conn| Past::read(conn, id, clock::unix())).await
        };
        let adopted = read.into_actor(self).map(move |result, actor, ctx| {
            let Past { unsettled, newest, last_id } = result.map_err(|error| error.to_string())?;
            if actor.failing {
                return Err("what it had in work before is not stored yet".into());
            }
            let rate = Rate::new(actor.config.rate);
            let mut ledger = Ledger::new(id, actor.config.ledger, rate, last_id);
            let now = clock::now();
            for message in newest.iter().filter_map(|entry| entry.message.clone()) {
                actor.recent.put(message, id);
            }
            let settled = newest.into_iter().filter(|entry| entry.state.is_final());
            settled.chain(unsettled).for_each(|entry| ledger.restore(entry, now));
            let epoch = actor.next_epoch();
            actor.accounts.insert(id, Account { facts, ledger, line: None, epoch });
            actor.drive(id, ctx);
            Ok(())
        });
        Box::pin(adopted)
    }
}

impl Handler<DropAccount> for OutboxActor {
    type Result = ();

    fn handle(&mut self, DropAccount(id): DropAccount, _: &mut Self::Context) {
        self.forget(id);
    }
}

impl Handler<Amend> for OutboxActor {
    type Result = ();

    fn handle(&mut self, Amend(facts): Amend, _: &mut Self::Context) {
        if let Some(account) = self.accounts.get_mut(&facts.id) {
            account.facts = facts;
        }
    }
}

impl Handler<AccountOnline> for OutboxActor {
    type Result = ();

    fn handle(&mut self, AccountOnline { account: id, line }: AccountOnline, ctx: &mut Self::Context) {
        let epoch = self.next_epoch();
        let Some(account) = self.accounts.get_mut(&id) else { return };
        account.epoch = epoch;
        account.line = Some(line);
        self.advance(id, None);
        self.drive(id, ctx);
    }
}

impl Handler<AccountOffline> for OutboxActor {
    type Result = ();

    fn handle(&mut self, AccountOffline(id): AccountOffline, ctx: &mut Self::Context) {
        let epoch = self.next_epoch();
        let Some(account) = self.accounts.get_mut(&id) else { return };
        account.line = None;
        account.epoch = epoch;
        account.ledger.on_offline(clock::now());
        self.drive(id, ctx);
    }
}

impl Handler<Decided> for OutboxActor {
    type Result = ();

    fn handle(&mut self, decided: Decided, ctx: &mut Self::Context) {
        self.batch.turns += 1;
        let id = decided.account;
        if !self.accounts.contains_key(&id) {
            // The account was let go meanwhile: its turn stays undecided and comes back with it.
            self.backlog.fetch_sub(1, Ordering::Relaxed);
            self.batch.turns -= 1;
            return;
        }
        self.note_decision(&decided);
        let Decided { conversation, answer, messages, .. } = decided;
        if let Some(answer) = answer {
            self.admit(id, &conversation, answer, messages.last().cloned());
            self.advance(id, Some(&conversation));
        }
        self.drive(id, ctx);
    }
}

impl OutboxActor {
    fn note_decision(&mut self, decided: &Decided) {
        self.batch.decisions.extend(decision_rows(decided));
        self.note_what_the_ai_did(decided);
        if let Some(Done { buyer, buyer_name, rule, effects }) = &decided.done {
            self.batch.effects.push(Effect {
                account: decided.account,
                conversation: decided.conversation.clone(),
                buyer: buyer.clone(),
                buyer_name: buyer_name.clone(),
                rule: *rule,
                deeds: effects.deeds.clone(),
                counted: effects.counted == Some(*rule),
                at: decided.decided_at,
            });
        }
        if let Some(id) = decided.event {
            let Decided { account, verdict, decided_at, .. } = decided;
            let (reason, trail) = (verdict.reason.clone(), verdict.trail.to_text());
            self.batch.finished.push((*account, Finished { id, at: *decided_at, reason, trail }));
        }
        if let Some(waits) = &decided.silence {
            self.batch.silences.push((decided.account, decided.conversation.clone(), waits.clone()));
        }
        if let Some(facts) = &decided.conversation_facts {
            self.batch.conversations.push(conversation_row(decided, facts));
        }
        if let Some(message) = decided.messages.last() {
            self.batch.told.push(DecidedEvent {
                account: decided.account,
                conversation: decided.conversation.clone(),
                message: message.clone(),
                buyer_name: decided.trace.buyer_name.clone(),
                asked: decided.trace.asked.clone(),
                decision: decided.verdict.decision,
                reason: decided.verdict.reason.clone(),
                rule: decided.verdict.rule,
                needs_person: decided.verdict.needs_person,
                received_at: decided.trace.received_at,
                decided_at: decided.decided_at,
            });
        }
    }

    fn note_what_the_ai_did(&mut self, decided: &Decided) {
        let (account, conversation, at) = (decided.account, &decided.conversation, decided.decided_at);
        // Nothing waits for approval where no AI is asked; most accounts have none.
        if decided.answer.is_some() && decided.uses_ai {
            self.batch.answered.push((account, conversation.clone(), at));
        }
        if let (Some(unsent), Some(message)) = (&decided.unsent, decided.messages.last()) {
            self.batch.suggestions.push(NewSuggestion {
                account,
                conversation: conversation.clone(),
                message: message.clone(),
                state: if unsent.waits { suggestions::State::Pending } else { suggestions::State::Recorded },
                intent: unsent.intent,
                text: unsent.text.clone(),
                is_round: unsent.is_round,
                created_at: at,
            });
        }
        if let Some(bargain) = &decided.bargain {
            let (conversation, bargain) = (conversation.clone(), bargain.clone());
            self.batch.bargains.push(BargainRow { account, conversation, bargain });
        }
    }

    fn admit(&mut self, id: AccountId, conversation: &ConversationId, answer: Answer, in_reply_to: Option<MessageId>) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        let now = clock::now();
        let mut first = None;
        for body in answer.bodies {
            let send = account.ledger.admit(
                Draft {
                    conversation: conversation.clone(),
                    peer: answer.peer.clone(),
                    body,
                    origin: answer.origin,
                    rule: answer.rule,
                    delivery: None,
                    in_reply_to: in_reply_to.clone(),
                    expire_after: None,
                    urgency: answer.urgency,
                },
                now,
            );
            first.get_or_insert(send);
        }
        if let (true, Some(rule), Some(first)) = (answer.once, answer.rule, first) {
            self.batch.once.push(OnceReply { account: id, conversation: conversation.clone(), rule, outbox: first });
        }
    }
}

fn conversation_row(decided: &Decided, facts: &ConversationFacts) -> ConversationRow {
    ConversationRow {
        account: decided.account,
        conversation: decided.conversation.clone(),
        peer: Some(facts.peer.clone()),
        peer_name: facts.peer_name.clone(),
        item: facts.item.clone(),
        item_title: facts.item_title.clone(),
        side: match facts.we_sell {
            Some(true) => Side::Seller,
            Some(false) => Side::Buyer,
            None => Side::Unknown,
        },
        paused_until: None,
        created_at: decided.decided_at,
    }
}

/// The last message carries the decision; the others point to it.
fn decision_rows(decided: &Decided) -> Vec<DecisionRow> {
    let Some((last, earlier)) = decided.messages.split_last() else { return Vec::new() };
    let row = |message: &MessageId, turn: Option<MessageId>| DecisionRow {
        account: decided.account,
        message: message.clone(),
        decision: if turn.is_some() { "merged" } else { decided.verdict.decision },
        reason: turn.is_none().then(|| decided.verdict.reason.clone()),
        rule: if turn.is_some() { None } else { decided.verdict.rule },
        settled_at: Some(decided.settled_at),
        decided_at: decided.decided_at,
        needs_person: decided.verdict.needs_person,
        trail: if turn.is_some() { None } else { decided.verdict.trail.to_text() },
        intent: if turn.is_some() { None } else { decided.verdict.intent },
        turn,
    };
    let mut rows: Vec<DecisionRow> = earlier.iter().map(|message| row(message, Some(last.clone()))).collect();
    rows.push(row(last, None));
    rows
}

impl Handler<SendByPerson> for OutboxActor {
    type Result = ResponseActFuture<Self, Result<Vec<Entry>, NotSent>>;

    fn handle(&mut self, order: SendByPerson, _: &mut Self::Context) -> Self::Result {
        let own = match self.may_write(order.account, order.bodies.len()) {
            Ok(account) => account.facts.uid.clone(),
            Err(refusal) => return Box::pin(std::future::ready(Err(refusal)).into_actor(self)),
        };
        let (store, id, conversation) = (self.store.clone(), order.account, order.conversation.clone());
        let read =
            async move { store.read(move |conn| store::conversations::find_peer(conn, id, &conversation, &own)).await };
        let sent = read.into_actor(self).then(move |peer, actor, ctx| match peer {
            Ok(Some(peer)) => actor.send_by_person(order, &peer, ctx),
            Ok(None) => Box::pin(std::future::ready(Err(NotSent::UnknownConversation)).into_actor(actor)),
            Err(error) => Box::pin(std::future::ready(Err(NotSent::Storage(error.to_string()))).into_actor(actor)),
        });
        Box::pin(sent)
    }
}

impl Handler<SendDelivery> for OutboxActor {
    type Result = ResponseActFuture<Self, Result<(), NotSent>>;

    fn handle(&mut self, order: SendDelivery, ctx: &mut Self::Context) -> Self::Result {
        self.send_delivery(order, ctx)
    }
}

impl OutboxActor {
    /// Whether a person may write by this account now.
    fn may_write(&self, id: AccountId, messages: usize) -> Result<&Account, NotSent> {
        let account = self.accounts.get(&id).filter(|_| !self.switches.everything).ok_or(NotSent::Unavailable)?;
        if self.switches.automatic || self.switches.accounts.contains(&id) {
            return Err(NotSent::Stopped);
        }
        if account.ledger.pending_by_people() + messages > WAITING_BY_HAND {
            return Err(NotSent::TooMany);
        }
        Ok(account)
    }

    fn send_by_person(
        &mut self,
        order: SendByPerson,
        peer: &BuyerId,
        ctx: &mut Context<Self>,
    ) -> ResponseActFuture<Self, Result<Vec<Entry>, NotSent>> {
        let SendByPerson { account: id, conversation, bodies, expire_after, approved } = order;
        let pause = match self.may_write(id, bodies.len()) {
            Ok(account) => account.facts.pace.takeover_pause,
            Err(refusal) => return Box::pin(std::future::ready(Err(refusal)).into_actor(self)),
        };
        let pause = (!pause.is_zero() && !approved).then(|| clock::unix() + pause);
        let drafts = bodies.into_iter().map(|body| Draft {
            conversation: conversation.clone(),
            peer: peer.clone(),
            body,
            origin: if approved { Origin::Ai } else { Origin::Person },
            rule: None,
            delivery: None,
            in_reply_to: None,
            expire_after,
            urgency: Urgency::Talk,
        });
        let ids = self.admit_by_person(id, drafts.collect());
        self.batch.attended.push(Attended { account: id, conversation: conversation.clone(), pause });
        self.advance(id, Some(&conversation));
        self.store_for(id, &ids, ctx)
    }

    fn send_delivery(
        &mut self,
        order: SendDelivery,
        ctx: &mut Context<Self>,
    ) -> ResponseActFuture<Self, Result<(), NotSent>> {
        let SendDelivery { account: id, conversation, peer, messages } = order;
        let is_stopped = self.switches.automatic || self.switches.accounts.contains(&id);
        let account = self.accounts.get_mut(&id).filter(|account| account.line.is_some() && !self.switches.everything);
        let account = match account {
            Some(account) if !is_stopped => account,
            Some(_) => return Box::pin(std::future::ready(Err(NotSent::Stopped)).into_actor(self)),
            None => return Box::pin(std::future::ready(Err(NotSent::Unavailable)).into_actor(self)),
        };
        let draft = |(message, body)| Draft {
            conversation: conversation.clone(),
            peer: peer.clone(),
            body,
            origin: Origin::Delivery,
            rule: None,
            delivery: Some(message),
            in_reply_to: None,
            expire_after: Some(DELIVERY_LIFE),
            urgency: Urgency::Order,
        };
        let ids: Vec<SendId> =
            messages.into_iter().map(|message| account.ledger.admit(draft(message), clock::now())).collect();
        self.advance(id, Some(&conversation));
        let stored = self.store_for(id, &ids, ctx);
        Box::pin(stored.map(|stored, _, _| stored.map(drop)))
    }

    fn admit_by_person(&mut self, id: AccountId, drafts: Vec<Draft>) -> Vec<SendId> {
        let Some(account) = self.accounts.get_mut(&id) else { return Vec::new() };
        drafts.into_iter().map(|draft| account.ledger.admit(draft, clock::now())).collect()
    }

    /// Stores what the ledger has made of these sends. Answered with them as they were stored.
    fn store_for(
        &mut self,
        id: AccountId,
        ids: &[SendId],
        ctx: &mut Context<Self>,
    ) -> ResponseActFuture<Self, Result<Vec<Entry>, NotSent>> {
        self.collect(id);
        let inserted = self.batch.rows.iter().filter_map(|row| match row {
            Row::Insert(entry) if entry.account == id && ids.contains(&entry.id) => Some(entry.clone()),
            Row::Insert(_) | Row::Update(_) | Row::Claim { .. } => None,
        });
        let entries = inserted.collect();
        self.answer_when_stored(id, entries, ctx)
    }

    fn answer_when_stored(
        &mut self,
        id: AccountId,
        entries: Vec<Entry>,
        ctx: &mut Context<Self>,
    ) -> ResponseActFuture<Self, Result<Vec<Entry>, NotSent>> {
        let (answer, stored) = oneshot::channel();
        self.awaiting.push(Awaiting { account: id, entries, answer });
        self.write(ctx);
        self.watch(ctx);
        Box::pin(async move { stored.await.unwrap_or(Err(NotSent::Unknown)) }.into_actor(self))
    }
}

impl Handler<ActOnEntry> for OutboxActor {
    type Result = ResponseActFuture<Self, Result<Entry, NotActed>>;

    fn handle(&mut self, ActOnEntry { account, id, act }: ActOnEntry, ctx: &mut Self::Context) -> Self::Result {
        if !self.accounts.contains_key(&account) {
            return Box::pin(std::future::ready(Err(NotSent::Unavailable.into())).into_actor(self));
        }
        match act {
            EntryAct::SendAgain(if_seen) => self.send_again(account, id, if_seen),
            EntryAct::Say(PersonsWord::Cancel) => self.cancel(account, id, ctx),
            EntryAct::Say(word @ (PersonsWord::Arrived | PersonsWord::NotArrived)) => self.take_word(account, id, word),
        }
    }
}

impl OutboxActor {
    fn cancel(
        &mut self,
        id: AccountId,
        send: SendId,
        ctx: &mut Context<Self>,
    ) -> ResponseActFuture<Self, Result<Entry, NotActed>> {
        let cancelled = self.accounts.get_mut(&id).and_then(|account| account.ledger.cancel(send, clock::now()));
        match cancelled {
            Some(Ok(entry)) => {
                self.advance(id, Some(&entry.conversation));
                self.collect(id);
                let stored = self.answer_when_stored(id, vec![entry], ctx);
                Box::pin(stored.map(|stored, _, _| only(stored)))
            }
            Some(Err(refusal)) => Box::pin(std::future::ready(Err(refusal.into())).into_actor(self)),
            // Settled, or never made.
            None => {
                let found = self.read_entry(id, send);
                Box::pin(found.map(|entry, _, _| Err(NotSettled::WrongState(entry?.state).into())))
            }
        }
    }

    /// As the database has it, behind everything that is queued.
    fn read_entry(&self, id: AccountId, send: SendId) -> ResponseActFuture<Self, Result<Entry, NotActed>> {
        let store = self.store.clone();
        let read = async move {
            let entry = store.write(move |conn| store::outbox::find(conn, id, send)).await;
            entry.map_err(NotSent::from)?.ok_or(NotSettled::NotFound.into())
        };
        Box::pin(read.into_actor(self))
    }

    /// What is in doubt for good is in no ledger: the database alone decides.
    fn take_word(
        &self,
        id: AccountId,
        send: SendId,
        word: PersonsWord,
    ) -> ResponseActFuture<Self, Result<Entry, NotActed>> {
        let store = self.store.clone();
        let written = async move {
            store.write(move |conn| store::outbox::settle_by_person(conn, id, send, word, clock::unix())).await
        };
        let then = written.into_actor(self).map(|written, actor, _| {
            let entry = written.map_err(NotSent::from)??;
            if let (State::Rejected, Some(rule)) = (entry.state, entry.rule) {
                actor.tell_release(&entry, rule);
            }
            tell_change(&actor.feed, &entry);
            Ok(entry)
        });
        Box::pin(then)
    }

    fn send_again(
        &self,
        id: AccountId,
        send: SendId,
        if_seen: IfSeen,
    ) -> ResponseActFuture<Self, Result<Entry, NotActed>> {
        let sent = self.read_entry(id, send).then(move |entry, actor, ctx| {
            match entry.and_then(|entry| actor.may_send_again(entry, if_seen)) {
                Ok(entry) => actor.admit_again(entry, ctx),
                Err(refusal) => Box::pin(std::future::ready(Err(refusal)).into_actor(actor)),
            }
        });
        Box::pin(sent)
    }

    fn may_send_again(&self, entry: Entry, if_seen: IfSeen) -> Result<Entry, NotActed> {
        if entry.delivery.is_some() {
            return Err(NotActed::OfDelivery);
        }
        match (entry.state, if_seen) {
            (State::Rejected | State::Expired, _) | (State::Uncertain, IfSeen::SendAllTheSame) => {}
            (State::Uncertain, IfSeen::Refuse) => return Err(NotActed::MayBeDuplicate),
            (state @ (State::Queued | State::Sent | State::Confirmed), _) => {
                return Err(NotSettled::WrongState(state).into());
            }
        }
        let again = self.again.peek(&(entry.account, entry.id)).copied();
        if let Some(again) = again.or_else(|| entry.sent_again_as()) {
            return Err(NotActed::SentAgain(again));
        }
        self.may_write(entry.account, 1)?;
        Ok(entry)
    }

    fn admit_again(
        &mut self,
        entry: Entry,
        ctx: &mut Context<Self>,
    ) -> ResponseActFuture<Self, Result<Entry, NotActed>> {
        let (id, conversation) = (entry.account, entry.conversation.clone());
        let draft = Draft {
            conversation: conversation.clone(),
            peer: entry.peer.clone(),
            body: entry.body.clone(),
            origin: Origin::Person,
            rule: None,
            delivery: None,
            in_reply_to: entry.in_reply_to.clone(),
            expire_after: None,
            urgency: Urgency::Talk,
        };
        let ids = self.admit_by_person(id, vec![draft]);
        if let [again] = ids[..] {
            self.again.put((id, entry.id), again);
            self.batch.links.push((entry, again));
        }
        self.advance(id, Some(&conversation));
        let stored = self.store_for(id, &ids, ctx);
        Box::pin(stored.map(|stored, _, _| only(stored)))
    }
}

fn only(stored: Result<Vec<Entry>, NotSent>) -> Result<Entry, NotActed> {
    Ok(stored?.pop().ok_or(NotSent::Unavailable)?)
}

fn tell_change(feed: &Feed, entry: &Entry) {
    if let Some(event) = SendEvent::of(&Row::Update(Change::of(entry))).filter(|_| feed.is_watched()) {
        feed.tell(|| FeedEvent::Send(Box::new(event)));
    }
}

impl Handler<Answered> for OutboxActor {
    type Result = ();

    fn handle(&mut self, Answered { account: id, conversation, id: send, outcome }: Answered, ctx: &mut Self::Context) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        account.ledger.on_outcome(&conversation, send, outcome, clock::now());
        self.advance(id, Some(&conversation));
        self.drive(id, ctx);
    }
}

impl Handler<PictureReady> for OutboxActor {
    type Result = ();

    fn handle(&mut self, PictureReady { account: id, picture, outcome }: PictureReady, ctx: &mut Self::Context) {
        let Some(account) = self.accounts.get_mut(&id) else { return };
        account.ledger.on_picture(&picture, outcome, clock::now());
        self.advance(id, None);
        self.drive(id, ctx);
    }
}

impl Handler<OwnSeen> for OutboxActor {
    type Result = ResponseActFuture<Self, Result<Vec<bool>, String>>;

    /// Equal content is all that ties an echo to a send. So before one may confirm a send, the database must say that it is not known
    /// as another's: history shows old echoes again, and memory forgets.
    fn handle(&mut self, OwnSeen { account: id, messages }: OwnSeen, ctx: &mut Self::Context) -> Self::Result {
        let unknown: Vec<MessageId> =
            messages.iter().map(|message| &message.id).filter(|id| !self.recent.contains(*id)).cloned().collect();
        if unknown.is_empty() {
            return self.sort(id, messages, ctx);
        }
        let (store, urls) = (self.store.clone(), picture::picture_urls(messages.iter()));
        let read = move |conn: &mut DbConn| {
            let known = store::outbox::find_by_message(conn, id, &unknown)?;
            Ok((known, store::picture_uploads::by_url(conn, id, &urls)?))
        };
        let read = async move { store.read(read).await };
        let sorted = read.into_actor(self).then(move |known, actor, ctx| match known {
            Ok((known, names)) => {
                let mut messages = messages;
                messages.iter_mut().for_each(|message| picture::name_pictures(message, &names));
                for message in known.into_iter().filter_map(|entry| entry.message) {
                    actor.recent.put(message, id);
                }
                actor.sort(id, messages, ctx)
            }
            Err(error) => Box::pin(std::future::ready(Err(error.to_string())).into_actor(actor)),
        });
        Box::pin(sorted)
    }
}

impl OutboxActor {
    /// For each message: is it one of our sends?
    fn sort(
        &mut self,
        id: AccountId,
        messages: Vec<Message>,
        ctx: &mut Context<Self>,
    ) -> ResponseActFuture<Self, Result<Vec<bool>, String>> {
        let now = clock::now();
        let mut ours = Vec::with_capacity(messages.len());
        let mut unknown = Vec::new();
        for message in messages {
            let recent = self.recent.find(&message.id).is_some_and(|owner| *owner == id);
            let echo =
                recent || self.accounts.get_mut(&id).is_some_and(|account| account.ledger.on_echo(&message, now));
            ours.push(echo);
            if echo && !recent {
                self.recent.put(message.id.clone(), id);
                self.advance(id, Some(&message.conversation));
            }
            if !echo {
                unknown.push(message);
            }
        }
        self.drive(id, ctx);
        if unknown.is_empty() {
            return Box::pin(std::future::ready(Ok(ours)).into_actor(self));
        }
        let asked = self.ask_database(id, unknown).map(move |result, _, _| {
            let mut found = result?.into_iter();
            Ok(ours.into_iter().map(|known| known || found.next().unwrap_or(false)).collect())
        });
        Box::pin(asked)
    }
}

impl Handler<HistorySeen> for OutboxActor {
    type Result = ();

    fn handle(&mut self, seen: HistorySeen, ctx: &mut Self::Context) {
        let ids: Vec<MessageId> =
            seen.page.iter().flat_map(|page| &page.messages).map(|message| message.id.clone()).collect();
        let urls = picture::picture_urls(seen.page.iter().flat_map(|page| &page.messages));
        let (store, id) = (self.store.clone(), seen.account);
        let read = move |conn: &mut DbConn| {
            let known = store::outbox::find_by_message(conn, id, &ids)?;
            Ok((known, store::picture_uploads::by_url(conn, id, &urls)?))
        };
        let read = async move { store.read(read).await };
        let then = read.into_actor(self).map(move |known, actor, ctx| {
            let Some(account) = actor.accounts.get_mut(&id) else { return };
            // Without the database nobody knows which messages belong to other sends: as good as no history.
            let (known, page) = match known {
                Ok((known, names)) => {
                    let mut page = seen.page;
                    for message in page.iter_mut().flat_map(|page| &mut page.messages) {
                        picture::name_pictures(message, &names);
                    }
                    (known, page)
                }
                Err(_) => (Vec::new(), None),
            };
            let mut taken: HashSet<MessageId> = known.into_iter().filter_map(|entry| entry.message).collect();
            taken.extend(actor.recent.iter().filter(|(_, owner)| **owner == id).map(|(message, _)| message.clone()));
            let own = account.facts.uid.clone();
            account.ledger.on_history(&seen.conversation, page.as_ref(), &own, &taken, clock::now());
            actor.advance(id, Some(&seen.conversation));
            actor.drive(id, ctx);
        });
        ctx.spawn(then);
    }
}

impl Handler<Switches> for OutboxActor {
    type Result = ();

    fn handle(&mut self, switches: Switches, ctx: &mut Self::Context) {
        self.switches = switches;
        self.tick(ctx);
    }
}

impl Handler<ListenForReleases> for OutboxActor {
    type Result = ();

    fn handle(&mut self, ListenForReleases(recipient): ListenForReleases, _: &mut Self::Context) {
        self.releases = Some(recipient);
    }
}

impl Handler<ListenForDeliveries> for OutboxActor {
    type Result = ();

    fn handle(&mut self, ListenForDeliveries(recipient): ListenForDeliveries, _: &mut Self::Context) {
        self.deliveries = Some(recipient);
    }
}

impl Handler<ListenForTakeovers> for OutboxActor {
    type Result = ();

    fn handle(&mut self, ListenForTakeovers(recipient): ListenForTakeovers, _: &mut Self::Context) {
        self.takeovers = Some(recipient);
    }
}

impl Handler<Settle> for OutboxActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Settle, _: &mut Self::Context) -> Self::Result {
        let (sender, settled) = oneshot::channel();
        self.settling.push(sender);
        self.finish_settling();
        Box::pin(settled.map(drop))
    }
}

impl Handler<Ping> for OutboxActor {
    type Result = Load;

    fn handle(&mut self, _: Ping, _: &mut Self::Context) -> Load {
        let pending =
            self.active.iter().filter_map(|id| self.accounts.get(id)).map(|account| account.ledger.pending()).sum();
        Load { accounts: self.accounts.len(), pending }
    }
}

#[cfg(test)]
#[path = "actor_tests.rs"]
mod tests;
