//! Decides about turns: gathers what the one pure function must know, asks it, and hands its decision to the outbox.
//!
//! What it knows of conversations is a cache of the database; what it must learn (a conversation's past, who sells an item) turns
//! wait for, without holding up other conversations. Turns of an account beyond its places wait in line, and accounts take turns. Those who
//! need time to answer, the seller's own program and the AI, are asked in `outside.rs`; what orders cause begins in `event.rs`.

mod buyer;
mod case;
mod event;
mod outside;
mod past;
mod verdict;

use std::{
    collections::{HashMap, HashSet},
    num::NonZeroUsize,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix::prelude::*;
use actix_web::web::block;
use buyer::Buyer;
use case::{Begun, Case, merged};
use event::Events;
use log::{error, warn};
use lru::LruCache;

use crate::{
    account::{
        facts::AccountFacts,
        messages::{AccountOffline, AccountOnline, Adopt, AskItem, DropAccount, Line, Load, Ping},
    },
    ai::{messages::AskAi, record::Bargain},
    cache::{Counted, Figures},
    hook::messages::AskHook,
    ids::{AccountId, BuyerId, ConversationId, ItemId, RuleId, Timestamp},
    inbox::messages::{TookOver, TurnSettled},
    outbox::messages::{ConversationFacts, Decided, OnceReleased},
    reply::{
        decide::{Considered, Decision, Outcome, Side, State, decide},
        matcher::Library,
        messages::{AccountRules, AnswerSettings, BuyersChanged, ItemKnown, PausesChanged, RulesLoaded},
        outside::Asked,
        queue::Queue,
        source::Sources,
    },
    store::{self, DbConn, Store, items::ItemRow},
    telemetry::clock,
};
use outside::Waiting;
use past::{Past, Wanted};
use verdict::{decided, question};

/// Items about which nothing could be learned, kept in memory.
// Not zero.
const RIDDLES: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// Turns that are begun at a stretch; then others have a say.
const STRETCH: usize = 8;

/// Conversations that are read in one go.
const READ: usize = 256;

/// A turn waits this long for its item's seller; then it is decided without.
const ITEM_WAIT: Duration = Duration::from_secs(30);

/// An item whose seller could not be learned is asked about again after this long.
const ITEM_PAUSE: Duration = Duration::from_secs(300);

/// After the database failed to answer, it is asked again after this long.
const RETRY: Duration = Duration::from_secs(1);

/// What a person did may be stored so much later than the time it bears.
const UNREAD: Duration = Duration::from_secs(60);

type Key = (AccountId, ConversationId);

/// How turns are decided.
#[derive(Clone)]
pub struct Config {
    /// What is older is not answered.
    pub age_limit: Duration,
    /// Turns of one account that may be in work at the same time.
    pub account_work: usize,
    pub conversations: NonZeroUsize,
    /// Whose seller is remembered.
    pub items: NonZeroUsize,
    pub caches: Caches,
}

/// How the memory of all shards together is used.
#[derive(Clone)]
pub struct Caches {
    pub conversations: Figures,
    pub buyers: Figures,
    pub sellers: Figures,
    /// Rules and settings by account: all of them are kept, compiled, and replaced when one changes.
    pub rules: Figures,
}

pub struct ReplyActor {
    store: Store,
    config: Config,
    outbox: Recipient<Decided>,
    hook: Recipient<AskHook>,
    ai: Recipient<AskAi>,
    /// Turns between the inbox and a stored decision, but for those that wait for somebody outside.
    backlog: Arc<AtomicUsize>,
    accounts: HashMap<AccountId, Account>,
    rules: Arc<HashMap<AccountId, AccountRules>>,
    conversations: Counted<Key, Conversation>,
    buyers: Counted<(AccountId, BuyerId), Buyer>,
    events: Events,
    sellers: Counted<(AccountId, ItemId), Seller>,
    /// Items about which the platform said nothing, and when it may be asked again.
    riddles: LruCache<(AccountId, ItemId), Timestamp>,
    /// Turns that are not begun.
    queue: Queue<Queued>,
    /// The queue will be looked at.
    called: bool,
    /// Turns whose conversation is being read, by conversation.
    unread: HashMap<Key, Vec<Begun>>,
    to_read: Vec<Wanted>,
    reading: bool,
    /// Turns that wait to hear who sells their item.
    asking: HashMap<(AccountId, ItemId), Asking>,
    /// How many questions there were.
    asked: u64,
    /// Turns that wait for somebody outside, by conversation.
    waiting: HashMap<Key, Waiting>,
    /// When it was last looked what bargaining people took further.
    bargains_read_at: Timestamp,
}

/// Who is told what was decided, and who is asked before.
pub struct Neighbours {
    pub outbox: Recipient<Decided>,
    pub hook: Recipient<AskHook>,
    pub ai: Recipient<AskAi>,
}

/// Turns that wait for one answer.
struct Asking {
    /// Tells this question from an earlier one about the same item.
    number: u64,
    turns: Vec<Begun>,
}

/// A turn that is not begun.
struct Queued {
    turn: TurnSettled,
    /// It counts as work of this shard. What waits for a place of its account does not: it must not hold up the inbox of all accounts.
    counts: bool,
}

struct Account {
    facts: AccountFacts,
    line: Option<Line>,
    /// Each turn in work has a copy.
    places: Rc<()>,
}

impl Account {
    fn in_work(&self) -> usize {
        Rc::strong_count(&self.places) - 1
    }
}

/// What is known of a conversation.
#[derive(Default)]
struct Conversation {
    peer_name: Option<String>,
    item: Option<ItemId>,
    paused_until: Option<Timestamp>,
    used_once: HashSet<RuleId>,
    bargain: Option<Bargain>,
    /// Something was decided there before.
    had_a_turn: bool,
    /// What the database has of it is as above.
    stored: bool,
}

#[derive(Clone)]
struct Seller {
    uid: BuyerId,
    title: Option<String>,
}

impl ReplyActor {
    pub fn new(store: Store, config: Config, neighbours: Neighbours, backlog: Arc<AtomicUsize>) -> Self {
        let Neighbours { outbox, hook, ai } = neighbours;
        Self {
            store,
            outbox,
            hook,
            ai,
            backlog,
            accounts: HashMap::new(),
            rules: Arc::default(),
            conversations: Counted::new(config.conversations, config.caches.conversations.clone()),
            buyers: Counted::new(config.conversations, config.caches.buyers.clone()),
            events: Events::default(),
            sellers: Counted::new(config.items, config.caches.sellers.clone()),
            riddles: LruCache::new(RIDDLES),
            config,
            queue: Queue::default(),
            called: false,
            unread: HashMap::new(),
            to_read: Vec::new(),
            reading: false,
            asking: HashMap::new(),
            asked: 0,
            waiting: HashMap::new(),
            bargains_read_at: clock::unix(),
        }
    }

    /// Puts a turn in line. It is begun soon, but after whatever the actor was told meanwhile: what happens to orders comes first.
    fn line_up(&mut self, turn: TurnSettled, ctx: &mut Context<Self>) {
        if !self.accounts.contains_key(&turn.account) {
            return self.let_go(1);
        }
        // Whoever is in line already takes the places that are left.
        let ahead = self.queue.len_of(turn.account);
        let counts = has_place(&self.accounts, self.config.account_work.saturating_sub(ahead), turn.account);
        if !counts {
            self.let_go(1);
        }
        self.queue.push(turn.account, Queued { turn, counts });
        self.call(ctx);
    }

    fn has_place(&self, account: AccountId) -> bool {
        has_place(&self.accounts, self.config.account_work, account)
    }

    /// Has the queue looked at, once the others of this thread had their say. Whoever ends a turn's work calls.
    fn call(&mut self, ctx: &mut Context<Self>) {
        if !self.called && self.queue.has_next(|account| self.has_place(account)) {
            self.called = true;
            ctx.spawn(tokio::task::yield_now().into_actor(self).map(|(), actor, ctx| actor.begin_some(ctx)));
        }
    }

    fn begin_some(&mut self, ctx: &mut Context<Self>) {
        self.called = false;
        for _ in 0..STRETCH {
            let (accounts, places) = (&self.accounts, self.config.account_work);
            let next = self.queue.next(|account| has_place(accounts, places, account));
            let Some(Queued { turn, counts }) = next else { break };
            if !counts {
                self.take_up(1);
            }
            match self.accounts.get(&turn.account).map(|account| Rc::clone(&account.places)) {
                Some(place) => self.take(Begun { turn, place }, ctx),
                None => self.let_go(1),
            }
        }
        self.call(ctx);
    }

    /// A turn goes as far as it can: to its conversation being read, to its item being asked for, or to its decision.
    fn take(&mut self, begun: Begun, ctx: &mut Context<Self>) {
        let key = (begun.turn.account, begun.turn.conversation.clone());
        if let Some(waiting) = self.unread.get_mut(&key) {
            return waiting.push(begun);
        }
        let buyer = (key.0, begun.turn.buyer.clone());
        if !self.conversations.look_up(&key) | !self.look_up_buyer(&buyer) {
            let Some(account) = self.accounts.get(&key.0) else { return self.let_go(1) };
            let owner = account.facts.owner;
            let item = begun.turn.item.clone();
            self.to_read.push(Wanted { key: key.clone(), owner, buyer: buyer.1, item });
            self.unread.insert(key, vec![begun]);
            return self.read(ctx);
        }
        self.consider(begun, ctx);
    }

    /// Reads what the database knows of all conversations that wait for it, in one go.
    fn read(&mut self, ctx: &mut Context<Self>) {
        if self.reading || self.to_read.is_empty() {
            return;
        }
        self.reading = true;
        let some = self.to_read.len().min(READ);
        let wanted: Arc<Vec<_>> = Arc::new(self.to_read.drain(..some).collect());
        let (store, job, now) = (self.store.clone(), Arc::clone(&wanted), clock::unix());
        let read = async move { store.read(move |conn| Past::read(conn, &job, now)).await };
        let then = read.into_actor(self).map(move |past, actor, ctx| {
            actor.reading = false;
            match past {
                Ok(past) => actor.know(&wanted, past, ctx),
                Err(error) => {
                    error!(class = "database"; "cannot read conversations, trying again: {error}");
                    actor.to_read.splice(0..0, wanted.iter().cloned());
                    ctx.run_later(RETRY, Self::read);
                    return;
                }
            }
            actor.read(ctx);
        });
        ctx.spawn(then);
    }

    fn know(&mut self, wanted: &[Wanted], past: Past, ctx: &mut Context<Self>) {
        for (account, item, seller) in past.sellers {
            self.sellers.put((account, item), seller);
        }
        for (key, buyer) in past.buyers {
            self.know_buyer(key, buyer);
        }
        let mut known: HashMap<Key, Conversation> = past.conversations.into_iter().collect();
        for Wanted { key, .. } in wanted {
            // Read for its buyer's sake, it may be known, and better than the database knows it.
            if self.accounts.contains_key(&key.0) && !self.conversations.contains(key) {
                self.conversations.put(key.clone(), known.remove(key).unwrap_or_default());
            }
            // At once, while it is certain to be there.
            for begun in self.unread.remove(key).into_iter().flatten() {
                self.consider(begun, ctx);
            }
            self.go_on_with_events(key, ctx);
        }
        self.call(ctx);
    }

    fn consider(&mut self, begun: Begun, ctx: &mut Context<Self>) {
        let turn = &begun.turn;
        let item =
            turn.item.clone().or_else(|| self.conversation(turn).and_then(|conversation| conversation.item.clone()));
        let Some(item) = item else {
            // No item, nothing to buy: nobody can be on the buying side.
            return self.decide(begun, None, Side::Seller, ctx);
        };
        let key = (turn.account, item.clone());
        if let Some(waiting) = self.asking.get_mut(&key) {
            return waiting.turns.push(begun);
        }
        match self.side(&key) {
            Some(side) => self.decide(begun, Some(item), side, ctx),
            None if self.riddles.get(&key).is_some_and(|until| clock::unix() < *until) => {
                self.decide(begun, Some(item), Side::Unknown, ctx)
            }
            None => self.ask(key, begun, ctx),
        }
    }

    fn conversation(&mut self, turn: &TurnSettled) -> Option<&mut Conversation> {
        self.conversations.get_mut(&(turn.account, turn.conversation.clone()))
    }

    fn side(&mut self, key: &(AccountId, ItemId)) -> Option<Side> {
        let seller = self.sellers.find(key)?;
        let own = &self.accounts.get(&key.0)?.facts.uid;
        Some(if seller.uid == *own { Side::Seller } else { Side::Buyer })
    }

    /// Asks who sells an item: once, however many turns wait for it. Without a line the question waits for one.
    fn ask(&mut self, key: (AccountId, ItemId), begun: Begun, ctx: &mut Context<Self>) {
        let question = AskItem { conversation: begun.turn.conversation.clone(), item: key.1.clone() };
        if let Some(line) = self.accounts.get(&key.0).and_then(|account| account.line.as_ref()) {
            // Lost with its connection, it is asked again on the next.
            line.item.do_send(question);
        }
        self.asked += 1;
        let number = self.asked;
        self.asking.insert(key.clone(), Asking { number, turns: vec![begun] });
        Self::watch_question(key, number, ctx);
    }

    /// A question has its deadline, but while the line is down nobody could have answered it.
    fn watch_question(key: (AccountId, ItemId), number: u64, ctx: &mut Context<Self>) {
        ctx.run_later(ITEM_WAIT, move |actor, ctx| {
            let still_asking = actor.asking.get(&key).is_some_and(|asking| asking.number == number);
            let online = actor.accounts.get(&key.0).is_some_and(|account| account.line.is_some());
            match (still_asking, online || actor.is_too_late(&key)) {
                (true, true) => actor.answer_without(&key, ctx),
                (true, false) => Self::watch_question(key, number, ctx),
                (false, _) => {}
            }
        });
    }

    /// The first who asked has waited for longer than anything is answered.
    fn is_too_late(&self, key: &(AccountId, ItemId)) -> bool {
        let first = self.asking.get(key).and_then(|asking| asking.turns.first()).map(|begun| begun.turn.settled_at);
        first.is_none_or(|settled_at| clock::unix().since(settled_at) > self.config.age_limit)
    }

    /// The turns that waited to hear of an item wait no longer.
    fn no_longer_asking(&mut self, key: &(AccountId, ItemId)) -> Vec<Begun> {
        self.asking.remove(key).map(|asking| asking.turns).unwrap_or_default()
    }

    fn answer_without(&mut self, key: &(AccountId, ItemId), ctx: &mut Context<Self>) {
        self.riddles.put(key.clone(), clock::unix() + ITEM_PAUSE);
        for begun in self.no_longer_asking(key) {
            self.decide(begun, Some(key.1.clone()), Side::Unknown, ctx);
        }
        self.call(ctx);
    }

    fn decide(&mut self, Begun { turn, place }: Begun, item: Option<ItemId>, side: Side, ctx: &mut Context<Self>) {
        let older = self.overtake(&(turn.account, turn.conversation.clone()), ctx);
        let turn = match older {
            Some(older) => merged(older, turn),
            None => turn,
        };
        self.settle(Case::new(Begun { turn, place }, item, side), ctx);
    }

    /// Decides, or asks who must be asked first.
    fn settle(&mut self, mut case: Case, ctx: &mut Context<Self>) {
        let key = (case.turn.account, case.turn.conversation.clone());
        let title = case
            .item
            .as_ref()
            .and_then(|item| self.sellers.get_mut(&(key.0, item.clone())))
            .and_then(|seller| seller.title.clone());
        let now = clock::unix();
        let Considered { outcome, effects, trail } = self.think(&key, &case, title.as_deref(), now);
        let decision = match outcome {
            Outcome::Ask(question) => return self.ask_outside(question, case, ctx),
            Outcome::Settled(decision) => decision,
        };
        if case.is_round {
            self.count_round(&key, &mut case);
        }
        case.silence = self.waits_for_silence(&case.turn, case.item.as_ref()).filter(|_| case.side == Side::Seller);
        let uses_ai = self.answers(key.0).is_some_and(|answers| answers.ai.is_some());
        self.remember_effects(&key, &case.turn.buyer, &effects, now);
        let conversation = self.conversations.get_or_default(&key);
        let facts = conversation.learn(&case.turn, case.item.as_ref(), title, case.side);
        if let Decision::Answer { rule: Some(rule), once: true, .. } = &decision {
            conversation.used_once.insert(*rule);
        }
        // Bounded by the backlog; lost only together with the shard, and then the turn is still undecided in the database.
        self.outbox.do_send(decided(case, decision, effects, trail, facts, uses_ai, now));
    }

    fn think(&mut self, key: &Key, case: &Case, title: Option<&str>, now: Timestamp) -> Considered {
        // A clone copies nothing.
        let rules = self.rules.get(&key.0).cloned();
        self.config.caches.rules.looked(rules.is_some());
        let (book, answers) = match rules {
            Some(rules) => (rules.book, Some(rules.answers)),
            None => (Library::default().book(key.0), None),
        };
        let turn = question(&case.turn, case.item.as_ref());
        self.with_state(key, &case.turn.buyer, case.side, now, |state| {
            let state = State {
                item_title: title,
                hook: match (&case.hook, answers.as_ref().and_then(|answers| answers.hook.as_ref())) {
                    (Some(word), _) => Asked::Heard(word),
                    (None, Some(_)) => Asked::Unasked,
                    (None, None) => Asked::NotSet,
                },
                ai: match (&case.ai, answers.as_ref().and_then(|answers| answers.ai.as_ref())) {
                    (Some(word), _) => Asked::Heard(word),
                    (None, Some(ai)) => {
                        ai.may_answer(&case.turn.buyer, now).map_or_else(Asked::NotNow, |()| Asked::Unasked)
                    }
                    (None, None) => Asked::NotSet,
                },
                ..*state
            };
            decide(&turn, &book, &state)
        })
    }

    /// What is known besides what was said or happened. Nobody outside was asked, and of the item only its number is known.
    fn with_state<T>(
        &mut self,
        key: &Key,
        buyer: &BuyerId,
        side: Side,
        now: Timestamp,
        then: impl FnOnce(&State<'_>) -> T,
    ) -> T {
        let rules = self.rules.get(&key.0);
        let conversation = self.conversations.get_or_default(key);
        let known = self.buyers.get_or_default(&(key.0, buyer.clone())).at(now);
        then(&State {
            now,
            age_limit: self.config.age_limit,
            side,
            blocked: rules.is_some_and(|rules| rules.blocked.contains(buyer)),
            paused_until: conversation.paused_until,
            seller_wrote_at: None,
            used_once: &conversation.used_once,
            used_today: &known.used_today,
            buyer: known.facts(!conversation.had_a_turn),
            item_title: None,
            sources: rules.map_or_else(Sources::default, |rules| rules.answers.sources),
            hook: Asked::NotSet,
            ai: Asked::NotSet,
        })
    }

    /// How the account is answered besides rules.
    fn answers(&self, account: AccountId) -> Option<&AnswerSettings> {
        self.rules.get(&account).map(|rules| &*rules.answers)
    }

    fn set_pauses(&mut self, paused: Vec<(AccountId, ConversationId, Timestamp)>) {
        let paused: HashMap<Key, Timestamp> =
            paused.into_iter().map(|(account, id, until)| ((account, id), until)).collect();
        for (key, conversation) in self.conversations.iter_mut() {
            conversation.paused_until = paused.get(key).copied();
            // Its row may have been removed, and its buyer erased: the next turn writes down anew what it tells.
            conversation.stored = false;
            conversation.peer_name = None;
        }
    }

    /// Conversations in which bargaining is remembered: a person may have ended it, or gone a round further.
    fn bargaining(&self) -> HashMap<AccountId, Vec<ConversationId>> {
        let mut found: HashMap<AccountId, Vec<ConversationId>> = HashMap::new();
        for ((account, id), _) in self.conversations.iter().filter(|(_, known)| known.bargain.is_some()) {
            found.entry(*account).or_default().push(id.clone());
        }
        found
    }

    /// What was counted here since they were asked for is yet to be stored, and newer.
    fn set_bargains(&mut self, rows: impl Iterator<Item = store::bargains::BargainRow>, asked_at: Timestamp) {
        let mut stored: HashMap<Key, Bargain> =
            rows.map(|row| ((row.account, row.conversation), row.bargain)).collect();
        for (key, conversation) in self.conversations.iter_mut() {
            let stored = stored.remove(key);
            let known_until = stored.as_ref().map_or(asked_at, |stored| stored.last_at);
            if conversation.bargain.as_ref().is_none_or(|known| known.last_at <= known_until) {
                conversation.bargain = stored;
            }
        }
        self.bargains_read_at = asked_at;
    }

    fn let_go(&self, turns: usize) {
        self.backlog.fetch_sub(turns, Ordering::Relaxed);
    }

    fn take_up(&self, turns: usize) {
        self.backlog.fetch_add(turns, Ordering::Relaxed);
    }
}

/// Whether one more turn of an account may be begun.
fn has_place(accounts: &HashMap<AccountId, Account>, places: usize, id: AccountId) -> bool {
    accounts.get(&id).is_some_and(|account| account.in_work() < places)
}

impl Conversation {
    /// Takes over what the turn tells of the conversation; what is new must be stored.
    fn learn(
        &mut self,
        turn: &TurnSettled,
        item: Option<&ItemId>,
        title: Option<String>,
        side: Side,
    ) -> Option<ConversationFacts> {
        self.had_a_turn = true;
        let known = self.stored
            && self.item.as_ref() == item
            && (turn.buyer_name.is_none() || self.peer_name == turn.buyer_name);
        if known {
            return None;
        }
        self.stored = true;
        self.item = item.cloned();
        if turn.buyer_name.is_some() {
            self.peer_name = turn.buyer_name.clone();
        }
        let we_sell = match side {
            Side::Seller => Some(true),
            Side::Buyer => Some(false),
            Side::Unknown => None,
        };
        Some(ConversationFacts {
            peer: turn.buyer.clone(),
            peer_name: turn.buyer_name.clone(),
            item: item.cloned(),
            item_title: title,
            we_sell,
        })
    }
}

impl Actor for ReplyActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(4096);
        self.look_sometimes(ctx);
    }
}

impl Handler<TurnSettled> for ReplyActor {
    type Result = ();

    fn handle(&mut self, turn: TurnSettled, ctx: &mut Self::Context) {
        self.line_up(turn, ctx);
    }
}

impl Handler<TookOver> for ReplyActor {
    type Result = ();

    fn handle(&mut self, TookOver { account, conversation, until }: TookOver, _: &mut Self::Context) {
        self.pause(&(account, conversation), until);
    }
}

impl ReplyActor {
    /// Never shortens a pause. A conversation that is not in memory is read with its pause when it is needed.
    fn pause(&mut self, key: &Key, until: Timestamp) {
        if let Some(known) = self.conversations.get_mut(key) {
            known.paused_until = known.paused_until.max(Some(until));
        }
    }
}

impl Handler<OnceReleased> for ReplyActor {
    type Result = ();

    fn handle(&mut self, OnceReleased { account, conversation, rule }: OnceReleased, _: &mut Self::Context) {
        if let Some(known) = self.conversations.get_mut(&(account, conversation)) {
            known.used_once.remove(&rule);
        }
    }
}

impl Handler<ItemKnown> for ReplyActor {
    type Result = ();

    fn handle(&mut self, ItemKnown { account, item, seller, title }: ItemKnown, ctx: &mut Self::Context) {
        let key = (account, item);
        let Some(uid) = seller else { return self.answer_without(&key, ctx) };
        if let Some(known) = self.sellers.get_mut(&key).filter(|_| !self.asking.contains_key(&key)) {
            // Whoever told a new title has stored it.
            known.title = title.or(known.title.take());
            return;
        }
        self.remember_item(&key, &uid, title.clone(), ctx);
        self.sellers.put(key.clone(), Seller { uid, title });
        for begun in self.no_longer_asking(&key) {
            self.consider(begun, ctx);
        }
        self.call(ctx);
    }
}

impl ReplyActor {
    /// Stored, so that it is asked once and not once a start.
    fn remember_item(
        &self,
        (account, item): &(AccountId, ItemId),
        seller: &BuyerId,
        title: Option<String>,
        ctx: &mut Context<Self>,
    ) {
        let row = ItemRow {
            account: *account,
            item: item.clone(),
            seller: seller.clone(),
            title: title.unwrap_or_default(),
            fetched_at: clock::unix(),
        };
        let (store, id) = (self.store.clone(), *account);
        let stored = async move { store.write_items(id, move |conn| store::items::put(conn, &row)).await };
        let then = stored.into_actor(self).map(|result, _, _| {
            if let Err(error) = result {
                warn!(class = "database"; "cannot store who sells an item, it will be asked again: {error}");
            }
        });
        ctx.spawn(then);
    }
}

impl Handler<RulesLoaded> for ReplyActor {
    type Result = ();

    fn handle(&mut self, RulesLoaded(rules): RulesLoaded, ctx: &mut Self::Context) {
        self.config.caches.rules.set_entries(rules.len());
        let old = std::mem::replace(&mut self.rules, rules);
        // Whoever lets go of ten thousand rules last is busy with it for a millisecond: messages must not wait for that.
        ctx.spawn(block(move || drop(old)).into_actor(self).map(|_, _, _| ()));
        self.note_waiting_rules();
    }
}

impl Handler<PausesChanged> for ReplyActor {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: PausesChanged, _: &mut Self::Context) -> Self::Result {
        let store = self.store.clone();
        let (bargaining, since, now) = (self.bargaining(), self.bargains_read_at - UNREAD, clock::unix());
        let read = async move {
            let read = move |conn: &mut DbConn| {
                let paused = store::conversations::list_all_paused(conn, now)?;
                let read =
                    |(account, ids): (AccountId, Vec<ConversationId>)| store::bargains::list(conn, account, &ids);
                let mut bargains = bargaining.into_iter().map(read).collect::<store::QueryResult<Vec<_>>>()?;
                bargains.push(store::bargains::changed_since(conn, since)?);
                Ok((paused, bargains))
            };
            store.read(read).await
        };
        let then = read.into_actor(self).map(move |found, actor, _| match found {
            Ok((paused, bargains)) => {
                actor.set_pauses(paused);
                actor.set_bargains(bargains.into_iter().flatten(), now);
            }
            Err(error) => error!(class = "database"; "cannot read the pauses that changed: {error}"),
        });
        Box::pin(then)
    }
}

impl Handler<BuyersChanged> for ReplyActor {
    type Result = ();

    fn handle(&mut self, _: BuyersChanged, _: &mut Self::Context) {
        self.doubt_buyers();
    }
}

impl Handler<Adopt> for ReplyActor {
    type Result = ResponseActFuture<Self, Result<(), String>>;

    /// Rules and settings are here already; what was spoken of last is read before the first message can come.
    fn handle(&mut self, Adopt(facts): Adopt, _: &mut Self::Context) -> Self::Result {
        let (id, owner) = (facts.id, facts.owner);
        let line = self.accounts.remove(&id).and_then(|account| account.line);
        self.accounts.insert(id, Account { facts, line, places: Rc::default() });
        self.note_waiting_rules();
        let (store, now) = (self.store.clone(), clock::unix());
        let read = async move { store.read(move |conn| Past::recent(conn, (id, owner), now)).await };
        let warm = read.into_actor(self).map(move |past, actor, _| {
            match past {
                Ok(past) => actor.warm_up(id, past),
                Err(error) => warn!(class = "database", "account.id" = id.0; "conversations are read when they are needed: {error}"),
            }
            Ok(())
        });
        Box::pin(warm)
    }
}

impl ReplyActor {
    /// What became known while this was read is newer.
    fn warm_up(&mut self, account: AccountId, past: Past) {
        if !self.accounts.contains_key(&account) {
            return;
        }
        for (key, conversation) in past.conversations {
            if !self.conversations.contains(&key) {
                self.conversations.put(key, conversation);
            }
        }
        for (key, buyer) in past.buyers {
            self.know_buyer(key, buyer);
        }
        for (account, item, seller) in past.sellers {
            let key = (account, item);
            if !self.sellers.contains(&key) {
                self.sellers.put(key, seller);
            }
        }
    }
}

impl Handler<DropAccount> for ReplyActor {
    type Result = ();

    fn handle(&mut self, DropAccount(id): DropAccount, ctx: &mut Self::Context) {
        self.accounts.remove(&id);
        self.ask_no_more(id, ctx);
        self.forget_events(id);
        self.conversations.retain(|(account, _), _| *account != id);
        self.buyers.retain(|(account, _), _| *account != id);
        self.sellers.retain(|(account, _), _| *account != id);
        let queued = self.queue.remove(id).into_iter().filter(|queued| queued.counts).count();
        self.riddles.clear();
        let unread =
            self.unread.extract_if(|(account, _), _| *account == id).map(|(_, turns)| turns.len()).sum::<usize>();
        let asking = self
            .asking
            .extract_if(|(account, _), _| *account == id)
            .map(|(_, asking)| asking.turns.len())
            .sum::<usize>();
        self.let_go(queued + unread + asking);
    }
}

impl Handler<AccountOnline> for ReplyActor {
    type Result = ();

    fn handle(&mut self, AccountOnline { account: id, line }: AccountOnline, _: &mut Self::Context) {
        for ((account, item), asking) in &self.asking {
            if let (true, Some(first)) = (*account == id, asking.turns.first()) {
                line.item.do_send(AskItem { conversation: first.turn.conversation.clone(), item: item.clone() });
            }
        }
        if let Some(account) = self.accounts.get_mut(&id) {
            account.line = Some(line);
        }
    }
}

impl Handler<AccountOffline> for ReplyActor {
    type Result = ();

    fn handle(&mut self, AccountOffline(id): AccountOffline, _: &mut Self::Context) {
        if let Some(account) = self.accounts.get_mut(&id) {
            account.line = None;
        }
    }
}

impl Handler<Ping> for ReplyActor {
    type Result = Load;

    fn handle(&mut self, _: Ping, _: &mut Self::Context) -> Load {
        let unread: usize = self.unread.values().map(Vec::len).sum();
        let asking: usize = self.asking.values().map(|asking| asking.turns.len()).sum();
        Load { accounts: self.accounts.len(), pending: self.queue.len() + unread + asking }
    }
}

#[cfg(test)]
mod event_tests;
#[cfg(test)]
mod outside_tests;
#[cfg(test)]
mod tests;
