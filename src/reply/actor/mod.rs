//! Decides about turns: gathers what the one pure function must know, asks it, and hands its decision to the outbox.
//!
//! What it knows of conversations is a cache of the database; what it must learn (a conversation's past, who sells an item) turns
//! wait for, without holding up other conversations. Those who need time to answer, the seller's own program and the AI, are asked in
//! `outside.rs`.

mod buyer;
mod case;
mod event;
mod outside;
mod past;
mod verdict;

use std::{
    collections::{HashMap, HashSet},
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix::prelude::*;
use buyer::Buyer;
use case::{Case, merged};
use event::Events;
use log::{error, warn};
use lru::LruCache;

use crate::{
    account::{
        facts::AccountFacts,
        messages::{AccountOffline, AccountOnline, Adopt, AskItem, DropAccount, Line, Load, Ping},
    },
    ai::{messages::AskAi, record::Bargain},
    hook::messages::AskHook,
    ids::{AccountId, BuyerId, ConversationId, ItemId, RuleId, Timestamp},
    inbox::messages::{TookOver, TurnSettled},
    outbox::messages::{ConversationFacts, Decided, OnceReleased},
    reply::{
        decide::{Considered, Decision, Outcome, Side, State, decide},
        matcher::Library,
        messages::{AccountRules, AnswerSettings, BuyersChanged, ItemKnown, PausesChanged, RulesLoaded},
        outside::Asked,
        source::Sources,
    },
    store::{self, DbConn, Store, items::ItemRow},
    telemetry::clock,
};
use outside::Waiting;
use past::{Past, Wanted};
use verdict::{decided, question};

/// Conversations kept in memory; the database knows them all.
// Not zero.
const CONVERSATIONS: NonZeroUsize = NonZeroUsize::new(16 * 1024).unwrap();

/// Items whose seller is kept in memory.
// Not zero.
const ITEMS: NonZeroUsize = NonZeroUsize::new(4 * 1024).unwrap();

/// A turn waits this long for its item's seller; then it is decided without.
const ITEM_WAIT: Duration = Duration::from_secs(30);

/// An item whose seller could not be learned is asked about again after this long.
const ITEM_PAUSE: Duration = Duration::from_secs(300);

/// After the database failed to answer, it is asked again after this long.
const RETRY: Duration = Duration::from_secs(1);

type Key = (AccountId, ConversationId);

pub struct ReplyActor {
    store: Store,
    age_limit: Duration,
    outbox: Recipient<Decided>,
    hook: Recipient<AskHook>,
    ai: Recipient<AskAi>,
    /// Turns between the inbox and a stored decision, but for those that wait for somebody outside.
    backlog: Arc<AtomicUsize>,
    accounts: HashMap<AccountId, Account>,
    rules: Arc<HashMap<AccountId, AccountRules>>,
    conversations: LruCache<Key, Conversation>,
    buyers: LruCache<(AccountId, BuyerId), Buyer>,
    events: Events,
    sellers: LruCache<(AccountId, ItemId), Seller>,
    /// Items about which the platform said nothing, and when it may be asked again.
    riddles: LruCache<(AccountId, ItemId), Timestamp>,
    /// Turns whose conversation is being read, by conversation.
    unread: HashMap<Key, Vec<TurnSettled>>,
    to_read: Vec<Wanted>,
    reading: bool,
    /// Turns that wait to hear who sells their item.
    asking: HashMap<(AccountId, ItemId), Asking>,
    /// How many questions there were.
    asked: u64,
    /// Turns that wait for somebody outside, by conversation.
    waiting: HashMap<Key, Waiting>,
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
    turns: Vec<TurnSettled>,
}

struct Account {
    facts: AccountFacts,
    line: Option<Line>,
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
    pub fn new(store: Store, age_limit: Duration, neighbours: Neighbours, backlog: Arc<AtomicUsize>) -> Self {
        let Neighbours { outbox, hook, ai } = neighbours;
        Self {
            store,
            age_limit,
            outbox,
            hook,
            ai,
            backlog,
            accounts: HashMap::new(),
            rules: Arc::default(),
            conversations: LruCache::new(CONVERSATIONS),
            buyers: LruCache::new(CONVERSATIONS),
            events: Events::default(),
            sellers: LruCache::new(ITEMS),
            riddles: LruCache::new(ITEMS),
            unread: HashMap::new(),
            to_read: Vec::new(),
            reading: false,
            asking: HashMap::new(),
            asked: 0,
            waiting: HashMap::new(),
        }
    }

    /// A turn goes as far as it can: to its conversation being read, to its item being asked for, or to its decision.
    fn take(&mut self, turn: TurnSettled, ctx: &mut Context<Self>) {
        let key = (turn.account, turn.conversation.clone());
        if !self.accounts.contains_key(&turn.account) {
            return self.let_go(1);
        }
        if let Some(waiting) = self.unread.get_mut(&key) {
            return waiting.push(turn);
        }
        if !self.conversations.contains(&key) || !self.knows_buyer(&(key.0, turn.buyer.clone())) {
            let Some(account) = self.accounts.get(&turn.account) else { return self.let_go(1) };
            let owner = account.facts.owner;
            self.to_read.push(Wanted { key: key.clone(), owner, buyer: turn.buyer.clone(), item: turn.item.clone() });
            self.unread.insert(key, vec![turn]);
            return self.read(ctx);
        }
        self.consider(turn, ctx);
    }

    /// Reads what the database knows of all conversations that wait for it, in one go.
    fn read(&mut self, ctx: &mut Context<Self>) {
        if self.reading || self.to_read.is_empty() {
            return;
        }
        self.reading = true;
        let wanted = Arc::new(std::mem::take(&mut self.to_read));
        let (store, job, now) = (self.store.clone(), Arc::clone(&wanted), clock::unix());
        let read = async move { store.read(move |conn| Past::read(conn, &job, now)).await };
        let then = read.into_actor(self).map(move |past, actor, ctx| {
            actor.reading = false;
            match past {
                Ok(past) => actor.know(&wanted, past, ctx),
                Err(error) => {
                    error!(class = "database"; "cannot read conversations, trying again: {error}");
                    actor.to_read.extend(wanted.iter().cloned());
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
        for (key, conversation) in past.conversations {
            // Read for its buyer's sake, it may be known, and better than the database knows it.
            self.conversations.get_or_insert(key, || conversation);
        }
        for (key, buyer) in past.buyers {
            self.know_buyer(key, buyer);
        }
        for Wanted { key, .. } in wanted {
            if self.accounts.contains_key(&key.0) && !self.conversations.contains(key) {
                self.conversations.put(key.clone(), Conversation::default());
            }
            for turn in self.unread.remove(key).into_iter().flatten() {
                self.take(turn, ctx);
            }
            self.go_on_with_events(key, ctx);
        }
    }

    fn consider(&mut self, turn: TurnSettled, ctx: &mut Context<Self>) {
        let item =
            turn.item.clone().or_else(|| self.conversation(&turn).and_then(|conversation| conversation.item.clone()));
        let Some(item) = item else {
            // No item, nothing to buy: nobody can be on the buying side.
            return self.decide(turn, None, Side::Seller, ctx);
        };
        let key = (turn.account, item.clone());
        if let Some(waiting) = self.asking.get_mut(&key) {
            return waiting.turns.push(turn);
        }
        match self.side(&key) {
            Some(side) => self.decide(turn, Some(item), side, ctx),
            None if self.riddles.get(&key).is_some_and(|until| clock::unix() < *until) => {
                self.decide(turn, Some(item), Side::Unknown, ctx)
            }
            None => self.ask(key, turn, ctx),
        }
    }

    fn conversation(&mut self, turn: &TurnSettled) -> Option<&mut Conversation> {
        self.conversations.get_mut(&(turn.account, turn.conversation.clone()))
    }

    fn side(&mut self, key: &(AccountId, ItemId)) -> Option<Side> {
        let seller = self.sellers.get(key)?;
        let own = &self.accounts.get(&key.0)?.facts.uid;
        Some(if seller.uid == *own { Side::Seller } else { Side::Buyer })
    }

    /// Asks who sells an item: once, however many turns wait for it. Without a line the question waits for one.
    fn ask(&mut self, key: (AccountId, ItemId), turn: TurnSettled, ctx: &mut Context<Self>) {
        let question = AskItem { conversation: turn.conversation.clone(), item: key.1.clone() };
        if let Some(line) = self.accounts.get(&key.0).and_then(|account| account.line.as_ref()) {
            // Lost with its connection, it is asked again on the next.
            line.item.do_send(question);
        }
        self.asked += 1;
        let number = self.asked;
        self.asking.insert(key.clone(), Asking { number, turns: vec![turn] });
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
        let first = self.asking.get(key).and_then(|asking| asking.turns.first()).map(|turn| turn.settled_at);
        first.is_none_or(|settled_at| clock::unix().since(settled_at) > self.age_limit)
    }

    /// The turns that waited to hear of an item wait no longer.
    fn no_longer_asking(&mut self, key: &(AccountId, ItemId)) -> Vec<TurnSettled> {
        self.asking.remove(key).map(|asking| asking.turns).unwrap_or_default()
    }

    fn answer_without(&mut self, key: &(AccountId, ItemId), ctx: &mut Context<Self>) {
        self.riddles.put(key.clone(), clock::unix() + ITEM_PAUSE);
        for turn in self.no_longer_asking(key) {
            self.decide(turn, Some(key.1.clone()), Side::Unknown, ctx);
        }
    }

    fn decide(&mut self, turn: TurnSettled, item: Option<ItemId>, side: Side, ctx: &mut Context<Self>) {
        let older = self.overtake(&(turn.account, turn.conversation.clone()), ctx);
        let turn = match older {
            Some(older) => merged(older, turn),
            None => turn,
        };
        self.settle(Case::new(turn, item, side), ctx);
    }

    /// Decides, or asks who must be asked first.
    fn settle(&mut self, mut case: Case, ctx: &mut Context<Self>) {
        let key = (case.turn.account, case.turn.conversation.clone());
        let title = case
            .item
            .as_ref()
            .and_then(|item| self.sellers.get(&(key.0, item.clone())))
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
        let conversation = self.conversations.get_or_insert_mut(key, Conversation::default);
        let facts = conversation.learn(&case.turn, case.item.as_ref(), title, case.side);
        if let Decision::Answer { rule: Some(rule), once: true, .. } = &decision {
            conversation.used_once.insert(*rule);
        }
        // Bounded by the backlog; lost only together with the shard, and then the turn is still undecided in the database.
        self.outbox.do_send(decided(case, decision, effects, trail, facts, uses_ai, now));
    }

    fn think(&mut self, key: &Key, case: &Case, title: Option<&str>, now: Timestamp) -> Considered {
        let rules = self.rules.get(&key.0);
        let answers = rules.map(|rules| &*rules.answers);
        let conversation = self.conversations.get_or_insert_mut(key.clone(), Conversation::default);
        let buyer = self.buyers.get_or_insert_mut((key.0, case.turn.buyer.clone()), Buyer::default).at(now);
        let state = State {
            now,
            age_limit: self.age_limit,
            side: case.side,
            blocked: rules.is_some_and(|rules| rules.blocked.contains(&case.turn.buyer)),
            paused_until: conversation.paused_until,
            seller_wrote_at: None,
            used_once: &conversation.used_once,
            used_today: &buyer.used_today,
            buyer: buyer.facts(!conversation.had_a_turn),
            item_title: title,
            sources: answers.map_or_else(Sources::default, |answers| answers.sources),
            hook: match (&case.hook, answers.and_then(|answers| answers.hook.as_ref())) {
                (Some(word), _) => Asked::Heard(word),
                (None, Some(_)) => Asked::Unasked,
                (None, None) => Asked::NotSet,
            },
            ai: match (&case.ai, answers.and_then(|answers| answers.ai.as_ref())) {
                (Some(word), _) => Asked::Heard(word),
                (None, Some(ai)) => {
                    ai.may_answer(&case.turn.buyer, now).map_or_else(Asked::NotNow, |()| Asked::Unasked)
                }
                (None, None) => Asked::NotSet,
            },
        };
        let turn = question(&case.turn, case.item.as_ref());
        match rules {
            Some(rules) => decide(&turn, &rules.book, &state),
            None => decide(&turn, &Library::default().book(key.0), &state),
        }
    }

    /// How the account is answered besides rules.
    fn answers(&self, account: AccountId) -> Option<&AnswerSettings> {
        self.rules.get(&account).map(|rules| &*rules.answers)
    }

    fn set_pauses(&mut self, paused: Vec<(AccountId, ConversationId, Timestamp)>) {
        let paused: HashMap<Key, Timestamp> =
            paused.into_iter().map(|(account, id, until)| ((account, id), until)).collect();
        for (key, conversation) in &mut self.conversations {
            conversation.paused_until = paused.get(key).copied();
            // Its row may have been removed, and its buyer erased: the next turn writes down anew what it tells.
            conversation.stored = false;
            conversation.peer_name = None;
        }
    }

    /// Conversations in which bargaining is remembered: a person may have ended it.
    fn bargaining(&self) -> HashMap<AccountId, Vec<ConversationId>> {
        let mut found: HashMap<AccountId, Vec<ConversationId>> = HashMap::new();
        for ((account, id), _) in self.conversations.iter().filter(|(_, known)| known.bargain.is_some()) {
            found.entry(*account).or_default().push(id.clone());
        }
        found
    }

    fn set_bargains(&mut self, rows: impl Iterator<Item = store::bargains::BargainRow>) {
        let mut stored: HashMap<Key, Bargain> =
            rows.map(|row| ((row.account, row.conversation), row.bargain)).collect();
        for (key, conversation) in &mut self.conversations {
            if conversation.bargain.is_some() {
                conversation.bargain = stored.remove(key);
            }
        }
    }

    fn let_go(&self, turns: usize) {
        self.backlog.fetch_sub(turns, Ordering::Relaxed);
    }

    fn take_up(&self, turns: usize) {
        self.backlog.fetch_add(turns, Ordering::Relaxed);
    }
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
        self.take(turn, ctx);
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
        for turn in self.no_longer_asking(&key) {
            self.consider(turn, ctx);
        }
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

    fn handle(&mut self, RulesLoaded(rules): RulesLoaded, _: &mut Self::Context) {
        self.rules = rules;
        self.note_waiting_rules();
    }
}

impl Handler<PausesChanged> for ReplyActor {
    type Result = ResponseActFuture<Self, ()>;

    fn handle(&mut self, _: PausesChanged, _: &mut Self::Context) -> Self::Result {
        let store = self.store.clone();
        let bargaining = self.bargaining();
        let read = async move {
            let read = move |conn: &mut DbConn| {
                let paused = store::conversations::list_all_paused(conn, clock::unix())?;
                let read =
                    |(account, ids): (AccountId, Vec<ConversationId>)| store::bargains::list(conn, account, &ids);
                let bargains = bargaining.into_iter().map(read).collect::<store::QueryResult<Vec<_>>>()?;
                Ok((paused, bargains))
            };
            store.read(read).await
        };
        let then = read.into_actor(self).map(|found, actor, _| match found {
            Ok((paused, bargains)) => {
                actor.set_pauses(paused);
                actor.set_bargains(bargains.into_iter().flatten());
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
    type Result = Result<(), String>;

    fn handle(&mut self, Adopt(facts): Adopt, _: &mut Self::Context) -> Self::Result {
        let line = self.accounts.remove(&facts.id).and_then(|account| account.line);
        self.accounts.insert(facts.id, Account { facts, line });
        self.note_waiting_rules();
        Ok(())
    }
}

impl Handler<DropAccount> for ReplyActor {
    type Result = ();

    fn handle(&mut self, DropAccount(id): DropAccount, ctx: &mut Self::Context) {
        self.accounts.remove(&id);
        self.ask_no_more(id, ctx);
        self.forget_events(id);
        let keys: Vec<Key> =
            self.conversations.iter().filter(|((account, _), _)| *account == id).map(|(key, _)| key.clone()).collect();
        keys.iter().for_each(|key| drop(self.conversations.pop(key)));
        let buyers: Vec<_> =
            self.buyers.iter().filter(|((account, _), _)| *account == id).map(|(key, _)| key.clone()).collect();
        buyers.iter().for_each(|key| drop(self.buyers.pop(key)));
        let items: Vec<_> =
            self.sellers.iter().filter(|((account, _), _)| *account == id).map(|(key, _)| key.clone()).collect();
        items.iter().for_each(|key| drop(self.sellers.pop(key)));
        self.riddles.clear();
        let unread =
            self.unread.extract_if(|(account, _), _| *account == id).map(|(_, turns)| turns.len()).sum::<usize>();
        let asking = self
            .asking
            .extract_if(|(account, _), _| *account == id)
            .map(|(_, asking)| asking.turns.len())
            .sum::<usize>();
        self.let_go(unread + asking);
    }
}

impl Handler<AccountOnline> for ReplyActor {
    type Result = ();

    fn handle(&mut self, AccountOnline { account: id, line }: AccountOnline, _: &mut Self::Context) {
        for ((account, item), asking) in &self.asking {
            if let (true, Some(turn)) = (*account == id, asking.turns.first()) {
                line.item.do_send(AskItem { conversation: turn.conversation.clone(), item: item.clone() });
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
        Load { accounts: self.accounts.len(), pending: unread + asking }
    }
}

#[cfg(test)]
mod event_tests;
#[cfg(test)]
mod outside_tests;
#[cfg(test)]
mod tests;
