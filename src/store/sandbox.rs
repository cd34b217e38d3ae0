//! What a play in the [sandbox](crate::reply::sandbox) begins with, and conversations as they were, to be played again.

use std::{collections::HashMap, sync::Arc, time::Duration};

use diesel::prelude::*;

use super::{
    DbConn, Keys, Scope,
    accounts::{self, Account, own},
    answer_settings, blocked_buyers, buyer_tags, chat_messages as messages,
    conversations::{self, ConversationRow},
    items::{self, ItemRow},
    order_events, rule_drafts, rules,
    schema::{chat_messages, order_events as events},
};
use crate::{
    ids::{AccountId, BuyerId, ConversationId, ItemId, MessageId, RuleId, Timestamp},
    order::event::OrderEvent,
    reply::{
        case::Extra,
        decide::{Kind, Side, TurnMessage},
        messages::AnswerSettings,
        outside::Asked,
        rule::Rule,
        sandbox::{Cast, Cue, Outside},
    },
};

/// The most messages that are played again at once.
pub const MOST: usize = 10_000;

/// How an account is answered, as far as a play asks for it.
#[derive(Debug, Clone)]
pub struct Ground {
    pub account: Account,
    pub answers: AnswerSettings,
    /// Automatic answers pause for so long after the seller wrote.
    pub takeover_pause: Duration,
}

/// Which rules are played with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    Published,
    /// As they will be once everything that is prepared is published.
    Prepared,
    /// As they will be once this set is; `None`: the shared one.
    PreparedIn(Option<AccountId>),
}

impl Ground {
    /// `NotFound` also where the account belongs to somebody else. `usual`: the pause of an account that has none of its own.
    pub fn read(conn: &mut DbConn, scope: &Scope, keys: &Keys, id: AccountId, usual: Duration) -> QueryResult<Self> {
        let account = accounts::get(conn, scope, id)?;
        let (system, system_key) = answer_settings::system_ai(conn)?;
        let system_key = answer_settings::open_system_key(keys, system_key.as_ref());
        let row = answer_settings::get(conn, scope, id)?;
        let takeover_pause = account.takeover_pause().unwrap_or(usual);
        let answers = row.in_force(keys, id, &system, system_key.as_ref());
        Ok(Self { account, answers, takeover_pause })
    }

    /// Who else would have a say in what is said to this buyer at that moment.
    pub fn outside(&self, buyer: &BuyerId, at: Timestamp) -> Outside {
        let hook = if self.answers.hook.is_some() { Asked::Unasked } else { Asked::NotSet };
        let ai = match &self.answers.ai {
            Some(ai) => ai.may_answer(buyer, at).map_or_else(Asked::NotNow, |()| Asked::Unasked),
            None => Asked::NotSet,
        };
        Outside { hook, ai }
    }
}

/// The rules that somebody sees.
pub fn rules(conn: &mut DbConn, scope: &Scope, which: Rules) -> QueryResult<Vec<Arc<Rule>>> {
    let rules: Vec<Rule> = match which {
        Rules::Published => rules::list(conn, scope)?.rules,
        Rules::Prepared => rule_drafts::list(conn, scope)?.rules,
        Rules::PreparedIn(set) => {
            let prepared = rule_drafts::list(conn, scope)?.rules.into_iter().filter(|rule| rule.body.account == set);
            let others = rules::list(conn, scope)?.rules.into_iter().filter(|rule| rule.body.account != set);
            prepared.chain(others).collect()
        }
    };
    Ok(rules.into_iter().map(Arc::new).collect())
}

/// Which conversations are to be played again.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// `None`: all of the account.
    pub conversation: Option<ConversationId>,
    /// What came to us at this moment or later.
    pub since: Option<Timestamp>,
    /// And before this one.
    pub until: Option<Timestamp>,
}

/// A conversation as it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Past {
    pub conversation: ConversationId,
    pub cast: Cast,
    /// In the order in which it happened.
    pub beats: Vec<Beat>,
}

/// Something that happened in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    pub at: Timestamp,
    pub cue: Cue,
    /// What the conversation is about from here on, where that is another item.
    pub item: Option<(ItemId, Option<String>)>,
    /// What was decided then; `None`: nothing.
    pub was: Option<Was>,
}

/// What was decided then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Was {
    pub message: MessageId,
    pub decision: String,
    pub reason: Option<String>,
    pub rule: Option<RuleId>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = chat_messages)]
struct Heard {
    message_id: MessageId,
    conversation_id: ConversationId,
    sender_id: BuyerId,
    sender_name: Option<String>,
    content_type: i64,
    text: String,
    item_id: Option<ItemId>,
    sent_at: Timestamp,
    received_at: Timestamp,
    decision: Option<String>,
    reason: Option<String>,
    rule_id: Option<RuleId>,
    turn_id: Option<MessageId>,
    settled_at: Option<Timestamp>,
}

impl Heard {
    /// Nobody a rule could answer: the platform, or a group.
    fn is_of_nobody(&self) -> bool {
        Kind::from_content_type(self.content_type) == Kind::Platform || self.reason.as_deref() == Some("group_chat")
    }

    fn is_own(&self) -> bool {
        self.decision.as_deref() == Some("own")
    }

    fn turn(&self) -> &MessageId {
        self.turn_id.as_ref().unwrap_or(&self.message_id)
    }
}

/// A conversation that nobody had yet, with a made-up buyer.
pub fn cast(conn: &mut DbConn, ground: &Ground, item: Option<&ItemId>, buyer: &Extra) -> QueryResult<Cast> {
    let known = items::find_many(conn, ground.account.id, item.map_or(&[][..], std::slice::from_ref))?;
    let row = known.first();
    Ok(Cast {
        sources: ground.answers.sources,
        // Of an item that nobody knows yet the seller says that it is theirs.
        side: row.map_or(Side::Seller, |row| side_of(row, &ground.account)),
        buyer: "0".into(),
        buyer_name: if buyer.name.is_empty() { "买家".to_owned() } else { buyer.name.clone() },
        tags: buyer.tags.clone(),
        orders: buyer.orders,
        blocked: false,
        item: item.cloned(),
        item_title: row.and_then(title_of),
        had_a_turn: buyer.wrote_before,
        takeover_pause: ground.takeover_pause,
    })
}

fn side_of(item: &ItemRow, account: &Account) -> Side {
    if item.seller == account.uid { Side::Seller } else { Side::Buyer }
}

fn title_of(item: &ItemRow) -> Option<String> {
    Some(item.title.clone()).filter(|title| !title.is_empty())
}

/// The newest messages of these conversations, as they came, at most [`MOST`]; whether older ones were left out. What is known of buyers is
/// what is known today.
pub fn past(conn: &mut DbConn, scope: &Scope, ground: &Ground, wanted: &Wanted) -> QueryResult<(Vec<Past>, bool)> {
    let account = ground.account.id;
    let mut heard = heard(conn, scope, account, wanted)?;
    let more = heard.len() > MOST;
    heard.truncate(MOST);
    heard.sort_by(|a, b| (a.sent_at, &a.message_id).cmp(&(b.sent_at, &b.message_id)));
    let mut by_conversation: HashMap<ConversationId, Vec<Heard>> = HashMap::new();
    for message in heard {
        by_conversation.entry(message.conversation_id.clone()).or_default().push(message);
    }
    let facts = Facts::read(conn, scope, ground, &by_conversation)?;
    let mut past: Vec<Past> = by_conversation
        .into_iter()
        .map(|(conversation, heard)| facts.past(ground, conversation, heard))
        .filter(|past| !past.beats.is_empty())
        .collect();
    past.sort_by_key(|past| past.beats.first().map(|beat| beat.at));
    Ok((past, more))
}

/// Where something was said lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lately {
    pub accounts: Vec<AccountId>,
    /// From here on there are not more messages than were wanted.
    pub since: Timestamp,
    /// Older ones were left out.
    pub more: bool,
}

/// In which of these accounts (none named: in all) something was said since then, and how far back the newest `most` messages reach.
pub fn lately(
    conn: &mut DbConn,
    scope: &Scope,
    among: &[AccountId],
    since: Timestamp,
    most: usize,
) -> QueryResult<Lately> {
    let mut query = chat_messages::table
        .filter(chat_messages::account_id.eq_any(own!(scope)))
        .filter(chat_messages::received_at.ge(since))
        .into_boxed();
    if !among.is_empty() {
        query = query.filter(chat_messages::account_id.eq_any(among));
    }
    let one_more = i64::try_from(most + 1).unwrap_or(i64::MAX);
    let mut newest: Vec<(AccountId, Timestamp)> = query
        .order(chat_messages::received_at.desc())
        .limit(one_more)
        .select((chat_messages::account_id, chat_messages::received_at))
        .load(conn)?;
    let more = newest.len() > most;
    newest.truncate(most);
    let reaches_to = newest.last().filter(|_| more).map_or(since, |(_, at)| *at);
    Ok(Lately { accounts: distinct(newest.into_iter().map(|(account, _)| account)), since: reaches_to, more })
}

fn heard(conn: &mut DbConn, scope: &Scope, account: AccountId, wanted: &Wanted) -> QueryResult<Vec<Heard>> {
    let mut query = chat_messages::table
        .filter(chat_messages::account_id.eq(account).and(chat_messages::account_id.eq_any(own!(scope))))
        .into_boxed();
    if let Some(conversation) = &wanted.conversation {
        query = query.filter(chat_messages::conversation_id.eq(conversation));
    }
    if let Some(since) = wanted.since {
        query = query.filter(chat_messages::received_at.ge(since));
    }
    if let Some(until) = wanted.until {
        query = query.filter(chat_messages::received_at.lt(until));
    }
    let one_more = i64::try_from(MOST + 1).unwrap_or(i64::MAX);
    query.order(chat_messages::received_at.desc()).limit(one_more).select(Heard::as_select()).load(conn)
}

/// What is known of conversations besides what was said.
struct Facts {
    rows: HashMap<ConversationId, ConversationRow>,
    items: HashMap<ItemId, ItemRow>,
    tags: HashMap<BuyerId, Vec<String>>,
    orders: HashMap<BuyerId, i64>,
    blocked: Vec<BuyerId>,
    events: HashMap<ConversationId, Vec<(OrderEvent, Timestamp)>>,
    /// When somebody wrote there first.
    begun: HashMap<ConversationId, Timestamp>,
}

impl Facts {
    fn read(
        conn: &mut DbConn,
        scope: &Scope,
        ground: &Ground,
        heard: &HashMap<ConversationId, Vec<Heard>>,
    ) -> QueryResult<Self> {
        let Account { id: account, owner, .. } = ground.account;
        let conversations: Vec<ConversationId> = heard.keys().cloned().collect();
        let rows = conversations::load_many(conn, account, &conversations)?;
        let said = || heard.values().flatten();
        let buyers: Vec<BuyerId> = distinct(
            rows.iter().filter_map(|row| row.peer.clone()).chain(said().map(|message| message.sender_id.clone())),
        );
        let items: Vec<ItemId> = distinct(
            rows.iter().filter_map(|row| row.item.clone()).chain(said().filter_map(|message| message.item_id.clone())),
        );
        let blocked = blocked_buyers::list(conn, scope)?.into_iter();
        let (mut begun, mut events) = (HashMap::new(), HashMap::<_, Vec<_>>::new());
        for some in conversations.chunks(500) {
            begun.extend(messages::begun(conn, account, some)?);
            let rows: Vec<(ConversationId, OrderEvent, Timestamp)> = events::table
                .filter(events::account_id.eq(account).and(events::conversation_id.eq_any(some)))
                .select((events::conversation_id, events::event, events::at))
                .load(conn)?;
            for (conversation, event, at) in rows {
                events.entry(conversation).or_default().push((event, at));
            }
        }
        Ok(Self {
            rows: rows.into_iter().map(|row| (row.conversation.clone(), row)).collect(),
            items: items::find_many(conn, account, &items)?.into_iter().map(|row| (row.item.clone(), row)).collect(),
            tags: buyer_tags::of_many(conn, owner, &buyers)?,
            orders: order_events::paid_orders(conn, owner, &buyers)?,
            blocked: blocked.filter(|row| row.account.is_none_or(|of| of == account)).map(|row| row.buyer).collect(),
            events,
            begun,
        })
    }

    /// `heard`: oldest first.
    fn past(&self, ground: &Ground, conversation: ConversationId, heard: Vec<Heard>) -> Past {
        let (first, last) =
            (heard.first().map(|message| message.sent_at), heard.last().map(|message| message.received_at));
        let within = |at: &Timestamp| Some(*at) >= first && Some(*at) <= last;
        let happened: Vec<(OrderEvent, Timestamp)> =
            self.events.get(&conversation).into_iter().flatten().filter(|(_, at)| within(at)).copied().collect();
        let paid = happened.iter().filter(|(event, _)| *event == OrderEvent::Paid).count();
        let row = self.rows.get(&conversation);
        let buyers = || heard.iter().filter(|message| !message.is_own() && !message.is_of_nobody());
        let buyer = row.and_then(|row| row.peer.clone()).or_else(|| buyers().next().map(|said| said.sender_id.clone()));
        let buyer = buyer.unwrap_or_else(|| "0".into());
        let named = || buyers().rev().find_map(|message| message.sender_name.clone());
        let item =
            heard.iter().find_map(|message| message.item_id.clone()).or_else(|| row.and_then(|row| row.item.clone()));
        let cast = Cast {
            sources: ground.answers.sources,
            side: self.side(ground, row, item.as_ref()),
            buyer_name: row.and_then(|row| row.peer_name.clone()).or_else(named).unwrap_or_default(),
            tags: self.tags.get(&buyer).cloned().unwrap_or_default(),
            orders: self.orders.get(&buyer).map_or(0, |orders| (orders - i64::try_from(paid).unwrap_or(0)).max(0)),
            blocked: self.blocked.contains(&buyer),
            buyer,
            item_title: item.as_ref().and_then(|item| self.items.get(item)).and_then(title_of),
            item,
            had_a_turn: self.begun.get(&conversation).copied() < first,
            takeover_pause: ground.takeover_pause,
        };
        let beats = self.beats(heard, happened, cast.item.clone());
        Past { conversation, cast, beats }
    }

    fn side(&self, ground: &Ground, row: Option<&ConversationRow>, item: Option<&ItemId>) -> Side {
        let Some(item) = item else { return Side::Seller };
        match (self.items.get(item), row.map(|row| row.side)) {
            (Some(item), _) => side_of(item, &ground.account),
            (None, Some(conversations::Side::Seller)) => Side::Seller,
            (None, Some(conversations::Side::Buyer)) => Side::Buyer,
            (None, _) => Side::Unknown,
        }
    }

    fn beats(&self, heard: Vec<Heard>, happened: Vec<(OrderEvent, Timestamp)>, mut about: Option<ItemId>) -> Vec<Beat> {
        let mut beats: Vec<Beat> = Vec::new();
        let mut turns: HashMap<MessageId, usize> = HashMap::new();
        for message in heard.into_iter().filter(|message| !message.is_of_nobody()) {
            if message.is_own() {
                beats.push(Beat { at: message.sent_at, cue: Cue::SellerWrote, item: None, was: None });
                continue;
            }
            let place = *turns.entry(message.turn().clone()).or_insert_with(|| {
                let cue = Cue::Said(Vec::new());
                beats.push(Beat { at: message.received_at, cue, item: None, was: None });
                beats.len() - 1
            });
            let Some(beat) = beats.get_mut(place) else { continue };
            beat.at = message.settled_at.unwrap_or(message.received_at).max(beat.at);
            if message.item_id.is_some() && message.item_id != about {
                about.clone_from(&message.item_id);
                let title = |item: &ItemId| self.items.get(item).and_then(title_of);
                beat.item = message.item_id.map(|item| (item.clone(), title(&item)));
            }
            if let (None, Some(decision)) = (&message.turn_id, message.decision) {
                let (reason, rule) = (message.reason, message.rule_id);
                beat.was = Some(Was { message: message.message_id.clone(), decision, reason, rule });
            }
            if let Cue::Said(said) = &mut beat.cue {
                said.push(TurnMessage {
                    id: message.message_id,
                    kind: Kind::from_content_type(message.content_type),
                    text: message.text,
                    sent_at: message.sent_at,
                });
            }
        }
        beats.extend(happened.into_iter().map(|(event, at)| Beat {
            at,
            cue: Cue::Event(event.into()),
            item: None,
            was: None,
        }));
        beats.sort_by_key(|beat| beat.at);
        beats
    }
}

fn distinct<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = all.collect();
    all.sort_unstable();
    all.dedup();
    all
}
