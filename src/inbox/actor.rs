//! Stores what arrives, answers for it, and merges what a buyer says into turns.
//!
//! One write is in flight at a time; meanwhile the next batch gathers, over all accounts of the shard. A write that failed is told
//! to the accounts, which do not acknowledge and fetch everything again. A write whose outcome nobody knows ends this
//! actor: its successor reads from the database what is really there.

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
use log::{error, info, warn};
use tokio::{sync::oneshot, time::Instant};

use crate::{
    account::{
        facts::{AccountFacts, Pace},
        messages::{Adopt, Amend, DropAccount, Load, Ping},
    },
    cache::Figures,
    ids::{AccountId, BuyerId, ConversationId, ItemId, OrderId, Timestamp},
    inbox::{
        debounce::{Debounce, Wait},
        dedup::Recent,
        messages::{
            Cursor, Flush, Incoming, Ingest, NotStored, Source, TookOver, TurnMessage, TurnSettled, UnknownEntry,
        },
    },
    order::{
        messages::{OrderHappened, OrdersDue},
        notice::{self, Mention, Notice},
    },
    platform::lwp::event::{Content, Message},
    reply::decide::Silence,
    store::{
        self, DbConn, Keys, Store, StoreError,
        chat_messages::{self, NewMessage, StoredMessage},
        order_events, orders,
        unknown_pushes::NewPush,
    },
    telemetry::{
        clock,
        feed::{Direction, Feed, FeedEvent, StoredEvent},
        metrics::Metrics,
    },
};

/// Messages one transaction stores at most, so that a flood cannot hold the writer for long.
const BATCH: usize = 512;

/// So many turns may wait for their decision to be stored; then the inbox takes nothing more in until some are.
const BACKLOG: usize = 8192;

/// How soon a full backlog is looked at again.
const BACKLOG_LOOK: Duration = Duration::from_millis(5);

/// Cursors are written this often: an older one only costs a longer look into the history.
const CURSOR_EVERY: Duration = Duration::from_secs(1);

/// Ids of stored messages kept in memory; the database knows them all.
// Not zero.
const RECENT: NonZeroUsize = NonZeroUsize::new(32 * 1024).unwrap();

type Key = (AccountId, ConversationId);

pub struct InboxActor {
    store: Store,
    feed: Feed,
    neighbours: Neighbours,
    metrics: Metrics,
    backlog: Arc<AtomicUsize>,
    /// Set when this shard was replaced: nothing may be stored by it any more.
    retired: Arc<AtomicBool>,
    accounts: HashMap<AccountId, AccountFacts>,
    debounce: Debounce<Key, Pending>,
    recent: Recent,
    gathering: Vec<Arrival>,
    /// So many of them, the first, tell of orders: they wait for no others.
    urgent: usize,
    writing: bool,
    cursors: HashMap<AccountId, Cursor>,
    unwritten: HashSet<AccountId>,
    turn_timer: SpawnHandle,
    cursor_timer: Option<SpawnHandle>,
    backlog_timer: Option<SpawnHandle>,
}

/// Who is told of what was stored.
pub struct Neighbours {
    pub turns: Recipient<TurnSettled>,
    pub takeovers: Recipient<TookOver>,
    pub orders: Recipient<OrderHappened>,
    pub to_read: Recipient<OrdersDue>,
}

/// An [`Ingest`] and who waits for it.
struct Arrival {
    ingest: Ingest,
    answer: oneshot::Sender<Result<(), NotStored>>,
}

/// A stored message on its way into a turn.
struct Pending {
    buyer: BuyerId,
    buyer_name: Option<String>,
    item: Option<ItemId>,
    message: TurnMessage,
}

impl InboxActor {
    pub fn new(
        store: Store,
        feed: Feed,
        neighbours: Neighbours,
        metrics: Metrics,
        recent: Figures,
        backlog: Arc<AtomicUsize>,
        retired: Arc<AtomicBool>,
    ) -> Self {
        Self {
            store,
            feed,
            neighbours,
            metrics,
            backlog,
            retired,
            accounts: HashMap::new(),
            debounce: Debounce::new(),
            recent: Recent::new(RECENT, recent),
            gathering: Vec::new(),
            urgent: 0,
            writing: false,
            cursors: HashMap::new(),
            unwritten: HashSet::new(),
            turn_timer: SpawnHandle::default(),
            cursor_timer: None,
            backlog_timer: None,
        }
    }

    /// Stores what has gathered, unless a write is in flight; while too many turns wait, only what tells of orders.
    fn write(&mut self, ctx: &mut Context<Self>) {
        if self.writing || self.gathering.is_empty() || self.retired.load(Ordering::Relaxed) {
            return;
        }
        let is_full = self.backlog.load(Ordering::Relaxed) > BACKLOG;
        if is_full && self.urgent == 0 {
            self.look_again(ctx);
            return;
        }
        self.writing = true;
        let ready = if is_full { self.urgent } else { self.gathering.len() };
        let arrivals = self.next_batch(ready);
        let work = self.plan(&arrivals);
        let (store, keys) = (self.store.clone(), self.store.keys().clone());
        let stored = async move { store.write(move |conn| work.store(conn, &keys)).await };
        let then = stored.into_actor(self).map(move |result, actor, ctx| {
            match result {
                Ok(stored) => actor.stored(arrivals, stored, ctx),
                // The account of some of it may be gone: that must not stop the others.
                Err(error @ StoreError::Conflict(_)) => return actor.look_who_is_gone(arrivals, error, ctx),
                Err(error) => actor.not_stored(arrivals, &error, ctx),
            }
            actor.writing = false;
            actor.write(ctx);
        });
        ctx.spawn(then);
    }

    /// Lets go what belongs to accounts that are no longer in the database, and tries the rest again.
    fn look_who_is_gone(&mut self, arrivals: Vec<Arrival>, error: StoreError, ctx: &mut Context<Self>) {
        let ids: HashSet<AccountId> = arrivals.iter().map(|arrival| arrival.ingest.account).collect();
        let (store, asked) = (self.store.clone(), ids.clone());
        let read = async move { store.write(move |conn| store::accounts::existing(conn, asked)).await };
        let then = read.into_actor(self).map(move |existing, actor, ctx| {
            actor.writing = false;
            match existing {
                Ok(existing) if existing.len() < ids.len() => actor.keep(arrivals, &existing),
                // Nobody is gone: what it contradicts is not known.
                Ok(_) => actor.not_stored(arrivals, &error, ctx),
                Err(error) => actor.not_stored(arrivals, &error, ctx),
            }
            actor.write(ctx);
        });
        ctx.spawn(then);
    }

    /// What belongs to accounts that exist is stored next.
    fn keep(&mut self, arrivals: Vec<Arrival>, existing: &HashSet<AccountId>) {
        let (kept, gone): (Vec<_>, Vec<_>) =
            arrivals.into_iter().partition(|arrival| existing.contains(&arrival.ingest.account));
        self.gathering.splice(0..0, kept);
        // They stand before what tells of orders now, whatever they are themselves.
        self.urgent = 0;
        for Arrival { ingest, answer } in gone {
            warn!(class = "database", "account.id" = ingest.account.0; "messages of an account that is gone are dropped");
            self.forget(ingest.account);
            // Nobody acknowledges for an account that is gone.
            let _ = answer.send(Err(NotStored("the account is gone".into())));
        }
    }

    fn forget(&mut self, id: AccountId) {
        self.accounts.remove(&id);
        self.debounce.retain(|(account, _)| *account != id);
        self.recent.remove_account(id);
        self.cursors.remove(&id);
        self.unwritten.remove(&id);
    }

    fn look_again(&mut self, ctx: &mut Context<Self>) {
        if self.backlog_timer.is_none() {
            self.backlog_timer = Some(ctx.run_later(BACKLOG_LOOK, |actor, ctx| {
                actor.backlog_timer = None;
                actor.write(ctx);
            }));
        }
    }

    fn next_batch(&mut self, ready: usize) -> Vec<Arrival> {
        let mut messages = 0;
        let fits = self.gathering[..ready].iter().take_while(|arrival| {
            let before = messages;
            messages += arrival.ingest.messages.len();
            before < BATCH
        });
        let count = fits.count();
        self.urgent = self.urgent.saturating_sub(count);
        self.gathering.drain(..count).collect()
    }

    fn plan(&mut self, arrivals: &[Arrival]) -> Work {
        let mut work = Work::default();
        for Arrival { ingest, .. } in arrivals {
            let answered = answered_by_seller(ingest);
            for incoming in &ingest.messages {
                let pause = self.pause_for(ingest.account, incoming);
                work.pauses.extend(pause.map(|until| (ingest.account, incoming.message.conversation.clone(), until)));
                if let Some(facts) = self.accounts.get(&ingest.account) {
                    work.tell(ingest.account, &incoming.message, &facts.uid);
                }
                work.rows.push(new_row(ingest, incoming, &answered));
            }
            work.notices.extend(ingest.notices.iter().map(|notice| (ingest.account, notice.clone(), None)));
            work.unknown.extend(ingest.unknown.iter().map(|entry| new_push(ingest.account, entry)));
        }
        work
    }

    /// Until when the seller's own typing pauses the conversation.
    fn pause_for(&self, account: AccountId, incoming: &Incoming) -> Option<Timestamp> {
        let pause = self.accounts.get(&account)?.pace.takeover_pause;
        let takes_over =
            incoming.own && incoming.message.is_written_by_a_person() && !incoming.message.group && !pause.is_zero();
        takes_over.then(|| incoming.message.created_at + pause)
    }

    fn stored(&mut self, arrivals: Vec<Arrival>, Stored { fresh, happened, to_read }: Stored, ctx: &mut Context<Self>) {
        self.tell_of_orders(happened);
        for account in to_read {
            // As above: what is due stays due.
            self.neighbours.to_read.do_send(OrdersDue(account));
        }
        self.metrics.received(fresh.iter().filter(|new| **new).count());
        let mut fresh = fresh.into_iter();
        for Arrival { ingest, answer } in arrivals {
            let answered = answered_by_seller(&ingest);
            let new: Vec<bool> = fresh.by_ref().take(ingest.messages.len()).collect();
            self.tell_takeovers(&ingest);
            for (incoming, new) in ingest.messages.into_iter().zip(new) {
                // Read as undecided when the account was taken in meanwhile, it is in a turn already.
                let known = self.recent.contains(ingest.account, &incoming.message.id);
                self.recent.remember(ingest.account, incoming.message.id.clone());
                if new {
                    self.feed.tell(|| FeedEvent::Stored(Box::new(stored_event(ingest.account, &incoming))));
                }
                if new && !known && !incoming.own && prejudge(&incoming.message, &answered).is_none() {
                    self.open(ingest.account, pending(incoming.message));
                }
            }
            self.advance_cursor(ingest.account, ingest.cursor, ctx);
            // The account may be gone; then nobody acknowledges, and the platform sends it again.
            let _ = answer.send(Ok(()));
        }
        self.settle_turns(ctx);
    }

    /// Before the turns of the same write.
    fn tell_of_orders(&self, happened: Vec<OrderHappened>) {
        for event in happened {
            info!("account.id" = event.account.0, "conversation.id" = event.conversation.as_str(), "order.id" = event.order.as_ref().map_or("", OrderId::as_str); "an order was {}", event.event);
            // Lost only together with the shard, and then it is told again from the database.
            self.neighbours.orders.do_send(event);
        }
    }

    fn not_stored(&mut self, arrivals: Vec<Arrival>, error: &StoreError, ctx: &mut Context<Self>) {
        error!(class = "database"; "cannot store messages, they are not acknowledged: {error}");
        for arrival in arrivals {
            // As above.
            let _ = arrival.answer.send(Err(NotStored(error.to_string())));
        }
        if error.is_final() {
            ctx.stop();
        }
    }

    fn tell_takeovers(&self, ingest: &Ingest) {
        for incoming in &ingest.messages {
            if let Some(until) = self.pause_for(ingest.account, incoming) {
                self.feed.tell(|| FeedEvent::Paused {
                    account: ingest.account,
                    conversation: incoming.message.conversation.clone(),
                    until: Some(until),
                });
                // Same thread; lost only together with the shard, and the pause is stored.
                self.neighbours.takeovers.do_send(TookOver {
                    account: ingest.account,
                    conversation: incoming.message.conversation.clone(),
                    until,
                });
            }
        }
    }

    fn open(&mut self, account: AccountId, (conversation, pending): (ConversationId, Pending)) {
        let Some(facts) = self.accounts.get(&account) else { return };
        self.debounce.push((account, conversation), pending, wait(&facts.pace), Instant::now().into_std());
    }

    /// Hands over every settled turn and re-arms the one timer.
    fn settle_turns(&mut self, ctx: &mut Context<Self>) {
        for ((account, conversation), parts) in self.debounce.settled(Instant::now().into_std()) {
            self.hand_over(account, conversation, parts);
        }
        ctx.cancel_future(self.turn_timer);
        if let Some(deadline) = self.debounce.deadline() {
            let wait = Instant::from_std(deadline).saturating_duration_since(Instant::now());
            self.turn_timer = ctx.run_later(wait, Self::settle_turns);
        }
    }

    fn hand_over(&mut self, account: AccountId, conversation: ConversationId, parts: Vec<Pending>) {
        let Some(last) = parts.last() else { return };
        let turn = TurnSettled {
            account,
            conversation,
            buyer: last.buyer.clone(),
            buyer_name: parts.iter().rev().find_map(|part| part.buyer_name.clone()),
            item: parts.iter().rev().find_map(|part| part.item.clone()),
            settled_at: clock::unix(),
            messages: parts.into_iter().map(|part| part.message).collect(),
        };
        self.backlog.fetch_add(1, Ordering::Relaxed);
        // Bounded by the backlog; lost only together with the shard, and then it is still undecided in the database.
        self.neighbours.turns.do_send(turn);
    }

    fn advance_cursor(&mut self, account: AccountId, cursor: Option<Cursor>, ctx: &mut Context<Self>) {
        let Some(cursor) = cursor else { return };
        let known = self.cursors.entry(account).or_insert(cursor);
        *known = Cursor { pts: known.pts.max(cursor.pts), seen_at: known.seen_at.max(cursor.seen_at) };
        self.unwritten.insert(account);
        if self.cursor_timer.is_none() {
            self.cursor_timer = Some(ctx.run_later(CURSOR_EVERY, |actor, ctx| {
                actor.cursor_timer = None;
                let flushed = actor.flush().into_actor(actor);
                ctx.spawn(flushed);
            }));
        }
    }

    /// Writes the cursors down. A failure is harmless: the older ones stay, and the history is read from there.
    fn flush(&mut self) -> impl Future<Output = ()> + use<> {
        let cursors: Vec<store::account_cursors::Cursor> = self
            .unwritten
            .drain()
            .filter_map(|account| {
                let Cursor { pts, seen_at } = *self.cursors.get(&account)?;
                Some(store::account_cursors::Cursor { account, pts, seen_at })
            })
            .collect();
        let store = self.store.clone();
        let retired = self.retired.load(Ordering::Relaxed);
        async move {
            if cursors.is_empty() || retired {
                return;
            }
            let written = store.write(move |conn| put_cursors(conn, cursors)).await;
            if let Err(error) = written {
                warn!(class = "database"; "cannot store cursors: {error}");
            }
        }
    }

    fn adopt(&mut self, facts: AccountFacts, undecided: Vec<StoredMessage>, ctx: &mut Context<Self>) {
        let id = facts.id;
        if !undecided.is_empty() {
            info!("account.id" = facts.id.0, "account.name" = &*facts.name, messages = undecided.len(); "messages from before the start are answered now");
        }
        self.accounts.insert(id, facts);
        for message in undecided {
            self.recent.remember(id, message.message.clone());
            self.open(id, restored(message));
        }
        self.settle_turns(ctx);
    }
}

/// An account that is gone must not cost the others their cursors.
fn put_cursors(conn: &mut DbConn, mut cursors: Vec<store::account_cursors::Cursor>) -> store::QueryResult<()> {
    let existing = store::accounts::existing(conn, cursors.iter().map(|cursor| cursor.account))?;
    cursors.retain(|cursor| existing.contains(&cursor.account));
    store::account_cursors::put_many(conn, &cursors)
}

fn stored_event(account: AccountId, Incoming { message, own }: &Incoming) -> StoredEvent {
    StoredEvent {
        account,
        conversation: message.conversation.clone(),
        message: message.id.clone(),
        direction: if *own { Direction::Outgoing } else { Direction::Incoming },
        sender_name: message.sender_name.clone(),
        text: display_text(message),
        sent_at: message.created_at,
    }
}

/// What one transaction stores.
#[derive(Default)]
struct Work {
    rows: Vec<NewMessage>,
    pauses: Vec<(AccountId, ConversationId, Timestamp)>,
    unknown: Vec<NewPush>,
    /// What is told of orders. Where a message tells it, that is its row: only a new one does.
    notices: Vec<(AccountId, Notice, Option<usize>)>,
    /// Orders that messages name without telling an event, by the same rule.
    mentions: Vec<(AccountId, Mention, usize)>,
}

/// What one transaction stored.
struct Stored {
    /// For each message: is it new?
    fresh: Vec<bool>,
    happened: Vec<OrderHappened>,
    /// Accounts with orders that the gateway is to be asked about.
    to_read: HashSet<AccountId>,
}

impl Work {
    /// What the message of the next row tells of orders.
    fn tell(&mut self, account: AccountId, message: &Message, own: &BuyerId) {
        let row = self.rows.len();
        match notice::of_message(message, own) {
            Some(notice) => self.notices.push((account, notice, Some(row))),
            None => {
                self.mentions.extend(notice::mentioned(message, own).map(|mention| (account, mention, row)));
            }
        }
    }

    fn store(&self, conn: &mut DbConn, keys: &Keys) -> store::QueryResult<Stored> {
        for (account, conversation, until) in &self.pauses {
            store::conversations::take_over(conn, *account, conversation, *until, clock::unix())?;
        }
        for entry in &self.unknown {
            store::unknown_pushes::insert(conn, keys, entry)?;
        }
        let fresh = chat_messages::insert_new(conn, &self.rows)?;
        let (mut happened, mut to_read) = (Vec::new(), HashSet::new());
        for (account, notice, row) in &self.notices {
            if row.is_none_or(|row| fresh.get(row).is_some_and(|new| *new)) {
                let noted = order_events::insert(conn, *account, notice, clock::unix())?;
                happened.extend(noted.happened);
                to_read.extend(noted.to_read.then_some(*account));
            }
        }
        for (account, mention, row) in &self.mentions {
            if fresh.get(*row).is_some_and(|new| *new) && orders::mention(conn, *account, mention, clock::unix())? {
                to_read.insert(*account);
            }
        }
        Ok(Stored { fresh, happened, to_read })
    }
}

fn new_push(account: AccountId, entry: &UnknownEntry) -> NewPush {
    let UnknownEntry { object_type, error, data } = entry.clone();
    NewPush { account, received_at: clock::unix(), object_type, error, data }
}

/// In missed history: when the seller last wrote by hand, per conversation. What buyers said before is answered.
fn answered_by_seller(ingest: &Ingest) -> HashMap<ConversationId, Timestamp> {
    let mut answered = HashMap::new();
    if ingest.source == Source::Push {
        return answered;
    }
    for Incoming { message, own } in &ingest.messages {
        if *own && message.is_written_by_a_person() {
            let at = answered.entry(message.conversation.clone()).or_insert(message.created_at);
            *at = message.created_at.max(*at);
        }
    }
    answered
}

/// What needs no rules to decide.
fn prejudge(message: &Message, answered: &HashMap<ConversationId, Timestamp>) -> Option<Silence> {
    if !message.is_written_by_a_person() {
        return Some(Silence::NotAPerson);
    }
    if message.group {
        return Some(Silence::GroupChat);
    }
    let later = answered.get(&message.conversation).is_some_and(|at| message.created_at <= *at);
    later.then_some(Silence::SellerAnswered)
}

fn new_row(
    ingest: &Ingest,
    Incoming { message, own }: &Incoming,
    answered: &HashMap<ConversationId, Timestamp>,
) -> NewMessage {
    let now = clock::unix();
    let verdict = if *own {
        Some(("own", None))
    } else {
        prejudge(message, answered).map(|silence| ("silent", Some(silence.code().to_owned())))
    };
    let decided_at = verdict.is_some().then_some(now);
    let (decision, reason) = verdict.unzip();
    NewMessage {
        account: ingest.account,
        message: message.id.clone(),
        conversation: message.conversation.clone(),
        sender: message.sender.clone(),
        sender_name: message.sender_name.clone(),
        content_type: message.content_type,
        text: display_text(message),
        item: message.item.clone(),
        sent_at: message.created_at,
        received_at: now,
        source: match ingest.source {
            Source::Push => chat_messages::Source::Push,
            Source::History => chat_messages::Source::History,
        },
        decision,
        reason: reason.flatten(),
        decided_at,
        needs_person: false,
    }
}

/// The text, or what a phone would show for a picture, a card, a sticker; a picture's address is kept with it.
fn display_text(message: &Message) -> String {
    match &message.content {
        Content::Text { text } | Content::Tip { text } => text.clone(),
        Content::Image { pictures } => pictures
            .first()
            .map_or_else(|| message.reminder.clone(), |picture| format!("{} {}", message.reminder, picture.url)),
        Content::Voice | Content::Sticker | Content::Card(_) | Content::Other => message.reminder.clone(),
    }
}

fn pending(message: Message) -> (ConversationId, Pending) {
    let (is_text, text) = match message.content {
        Content::Text { text } => (true, text),
        Content::Image { .. }
        | Content::Voice
        | Content::Sticker
        | Content::Tip { .. }
        | Content::Card(_)
        | Content::Other => (false, message.reminder),
    };
    let turn_message =
        TurnMessage { id: message.id, text, is_text, sent_at: message.created_at, received_at: clock::unix() };
    let pending =
        Pending { buyer: message.sender, buyer_name: message.sender_name, item: message.item, message: turn_message };
    (message.conversation, pending)
}

fn restored(message: StoredMessage) -> (ConversationId, Pending) {
    let turn_message = TurnMessage {
        id: message.message,
        is_text: message.content_type == 1,
        text: if message.content_type == 2 { shown(&message.text) } else { message.text },
        sent_at: message.sent_at,
        received_at: message.received_at,
    };
    let pending =
        Pending { buyer: message.sender, buyer_name: message.sender_name, item: message.item, message: turn_message };
    (message.conversation, pending)
}

/// What a phone would show for a picture: its address was stored behind it.
fn shown(text: &str) -> String {
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn wait(pace: &Pace) -> Wait {
    Wait { quiet: pace.debounce, longest: pace.longest_wait }
}

impl Actor for InboxActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(4096);
    }
}

impl Handler<Ingest> for InboxActor {
    type Result = ResponseFuture<Result<(), NotStored>>;

    fn handle(&mut self, mut ingest: Ingest, ctx: &mut Self::Context) -> Self::Result {
        let recent = &mut self.recent;
        ingest.messages.retain(|incoming| !recent.contains(ingest.account, &incoming.message.id));
        if ingest.messages.is_empty() && ingest.notices.is_empty() && ingest.unknown.is_empty() {
            if self.writing || !self.gathering.is_empty() {
                // A copy of what is being stored right now must not be acknowledged before it.
                return self.gather(ingest, ctx);
            }
            self.advance_cursor(ingest.account, ingest.cursor, ctx);
            return Box::pin(std::future::ready(Ok(())));
        }
        self.gather(ingest, ctx)
    }
}

impl InboxActor {
    fn gather(&mut self, ingest: Ingest, ctx: &mut Context<Self>) -> ResponseFuture<Result<(), NotStored>> {
        let (answer, stored) = oneshot::channel();
        self.line_up(Arrival { ingest, answer });
        self.write(ctx);
        Box::pin(async move { stored.await.unwrap_or_else(|_| Err(NotStored("the inbox was replaced".into()))) })
    }
}

impl InboxActor {
    /// What tells of orders goes before everything else that waits.
    fn line_up(&mut self, mut arrival: Arrival) {
        if !self.tells_of_orders(&arrival.ingest) {
            return self.gathering.push(arrival);
        }
        let account = arrival.ingest.account;
        let overtaken = self.gathering[self.urgent..].iter_mut().rfind(|waiting| waiting.ingest.account == account);
        if let Some(last) = overtaken {
            // Only when that is stored too, everything up to the cursor is.
            last.ingest.cursor = arrival.ingest.cursor.take().or(last.ingest.cursor);
        }
        self.gathering.insert(self.urgent, arrival);
        self.urgent += 1;
    }

    fn tells_of_orders(&self, ingest: &Ingest) -> bool {
        let Some(facts) = self.accounts.get(&ingest.account) else { return false };
        let tells = |incoming: &Incoming| notice::of_message(&incoming.message, &facts.uid).is_some();
        !ingest.notices.is_empty() || ingest.messages.iter().any(tells)
    }
}

impl Handler<Adopt> for InboxActor {
    type Result = ResponseActFuture<Self, Result<(), String>>;

    fn handle(&mut self, Adopt(facts): Adopt, _: &mut Self::Context) -> Self::Result {
        let (store, id) = (self.store.clone(), facts.id);
        // Through the writer: what an earlier owner of this account had in flight is seen.
        let read = move |conn: &mut DbConn| {
            Ok((chat_messages::undecided(conn, id)?, order_events::unhandled(conn, id, clock::unix())?))
        };
        let read = async move { store.write(read).await };
        let adopted = read.into_actor(self).map(move |found, actor, ctx| {
            let (undecided, unhandled) = found.map_err(|error| error.to_string())?;
            actor.tell_of_orders(unhandled);
            actor.adopt(facts, undecided, ctx);
            Ok(())
        });
        Box::pin(adopted)
    }
}

impl Handler<Amend> for InboxActor {
    type Result = ();

    fn handle(&mut self, Amend(facts): Amend, _: &mut Self::Context) {
        if let Some(known) = self.accounts.get_mut(&facts.id) {
            *known = facts;
        }
    }
}

impl Handler<DropAccount> for InboxActor {
    type Result = ();

    fn handle(&mut self, DropAccount(id): DropAccount, _: &mut Self::Context) {
        self.forget(id);
    }
}

impl Handler<Flush> for InboxActor {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Flush, _: &mut Self::Context) -> Self::Result {
        Box::pin(self.flush())
    }
}

impl Handler<Ping> for InboxActor {
    type Result = Load;

    fn handle(&mut self, _: Ping, _: &mut Self::Context) -> Load {
        Load { accounts: self.accounts.len(), pending: self.debounce.len() + self.gathering.len() }
    }
}

#[cfg(test)]
#[path = "actor_tests.rs"]
mod tests;
