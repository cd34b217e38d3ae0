//! What arrives goes to the inbox in order, and is acknowledged when it is stored: pushes, and after a reconnect what was missed.

use std::{collections::VecDeque, time::Duration};

use actix::prelude::*;
use log::{debug, warn};
use tokio::time::Instant;

use super::{AccountActor, Failure, Purpose};
use crate::{
    account::state::Reason,
    ids::{AccountId, Timestamp},
    inbox::{
        gap::{Gap, Step},
        messages::{Cursor, Incoming, Ingest, Source, UnknownEntry},
    },
    order::notice::{self, Notice},
    outbox::messages::OwnSeen,
    platform::lwp::{
        command::Command,
        event::{ConversationHead, Event, Message},
        session::{Answer, Push, PushId, RequestError},
    },
    reply::messages::ItemKnown,
    telemetry::clock,
};

/// While missed messages are searched, what arrives meanwhile waits behind them, so that a conversation keeps its order; but not
/// longer than this: a long search must not silence an account.
const HOLD: Duration = Duration::from_secs(5);

/// How far the platform's clock may be ahead of ours.
const FUTURE: Duration = Duration::from_secs(60);

/// What is on its way to the inbox.
#[derive(Default)]
pub(super) struct Delivery {
    parcels: VecDeque<Parcel>,
    /// Pushes that wait for the search for missed messages.
    held: Option<VecDeque<Parcel>>,
    /// A parcel waits for the outbox to say which of its messages are our own sends; those behind it wait for it.
    sorting: bool,
    /// Handed to the inbox, not yet stored.
    unstored: usize,
    /// Everything up to here is stored or in a parcel.
    newest: Option<Cursor>,
    /// The search for missed messages. While it runs the cursor stays where it is.
    gap: Option<Gap>,
    /// Parcels of the search that are not stored yet.
    gap_unstored: usize,
    /// A search is wanted again, after the one that runs.
    gap_again: bool,
    /// From where missed messages are searched.
    since: Option<Timestamp>,
    /// The account never was connected before.
    nothing_missed: bool,
}

/// Messages that are stored together.
struct Parcel {
    messages: Vec<Message>,
    /// What changes of cards and badges tell of orders.
    notices: Vec<Notice>,
    unknown: Vec<UnknownEntry>,
    source: Source,
    push: Option<PushId>,
    arrived: Instant,
    /// Everything up to here is in this parcel or before it.
    cursor: Option<Cursor>,
}

impl Delivery {
    pub(super) fn starting_from(cursor: Cursor, first_time: bool) -> Self {
        Self { newest: Some(cursor), since: Some(cursor.seen_at), nothing_missed: first_time, ..Self::default() }
    }

    /// Pushes that are not stored yet.
    pub(super) fn waiting(&self) -> usize {
        self.parcels.len() + self.held.as_ref().map_or(0, VecDeque::len) + self.unstored
    }

    pub(super) fn is_filling(&self) -> bool {
        self.gap.is_some() || self.gap_unstored > 0
    }

    fn saw(&mut self, pts: Option<i64>, messages: &[Message]) {
        // A message from the future must not hide what comes before it.
        let latest = clock::unix() + FUTURE;
        let seen_at = messages.iter().map(|message| message.created_at.min(latest)).max();
        let Some(known) = &mut self.newest else { return };
        known.pts = known.pts.max(pts.unwrap_or(0));
        known.seen_at = known.seen_at.max(seen_at.unwrap_or(Timestamp(0)));
    }
}

impl AccountActor {
    pub(super) fn on_push(&mut self, push: Push, ctx: &mut Context<Self>) {
        if self.delivery.waiting() >= self.env.config.unstored {
            // Nothing is lost: what is not acknowledged comes from the history when the line is back.
            return self.lose(Failure::heals(Reason::StorageFailing, "more arrives than can be stored"), ctx);
        }
        let (mut messages, mut notices, mut unknown, mut pointed) = (Vec::new(), Vec::new(), Vec::new(), false);
        for entry in push.entries {
            match entry.outcome {
                // The web's form of a message carries no id of its own: the history has it under its real one.
                Ok(Event::Message(message)) if !message.has_platform_id() => pointed = true,
                Ok(Event::Message(message)) => messages.push(*message),
                Ok(Event::Pointer { .. }) => pointed = true,
                Ok(Event::Unknown) => unknown.extend(entry.data.map(|data| UnknownEntry {
                    object_type: entry.object_type,
                    error: None,
                    data,
                })),
                Err(error) => unknown.extend(entry.data.map(|data| UnknownEntry {
                    object_type: entry.object_type,
                    error: Some(error.to_string()),
                    data,
                })),
                Ok(Event::CardUpdate(update)) => notices.extend(notice::of_update(&update, &self.facts.uid)),
                Ok(Event::Badge { conversation, text, at, .. }) => {
                    notices.extend(notice::of_badge(&conversation, &text, at));
                }
                Ok(Event::Read { .. } | Event::Typing { .. } | Event::Arouse { .. }) => {}
            }
        }
        if !unknown.is_empty() {
            warn!("account.id" = self.facts.id.0, "account.name" = &*self.facts.name, entries = unknown.len(), class = "network"; "push entries nobody could read are kept");
        }
        self.delivery.saw(push.pts, &messages);
        if pointed {
            // The message behind the pointer is in the history.
            self.search(ctx);
        }
        let cursor = self.delivery.newest;
        let parcel = Parcel {
            messages,
            notices,
            unknown,
            source: Source::Push,
            push: Some(push.id),
            arrived: Instant::now(),
            cursor,
        };
        match &mut self.delivery.held {
            Some(held) => held.push_back(parcel),
            None => self.delivery.parcels.push_back(parcel),
        }
        self.pump(ctx);
    }

    /// Hands parcels to the inbox, one after the other.
    fn pump(&mut self, ctx: &mut Context<Self>) {
        while !self.delivery.sorting {
            let Some(parcel) = self.delivery.parcels.pop_front() else { return };
            let own: Vec<Message> =
                parcel.messages.iter().filter(|message| message.sender == self.facts.uid).cloned().collect();
            if own.is_empty() {
                self.ingest(parcel, &[], ctx);
            } else {
                self.sort(parcel, own, ctx);
            }
        }
    }

    /// Asks the outbox which messages in our name are its sends: the others were typed by the seller elsewhere.
    fn sort(&mut self, parcel: Parcel, own: Vec<Message>, ctx: &mut Context<Self>) {
        self.delivery.sorting = true;
        let epoch = self.epoch;
        let asked = self.env.neighbours.own_seen.send(OwnSeen { account: self.facts.id, messages: own });
        let then = asked.into_actor(self).map(move |result, actor, ctx| {
            if actor.epoch != epoch {
                return;
            }
            actor.delivery.sorting = false;
            match result {
                Ok(Ok(ours)) => {
                    actor.ingest(parcel, &ours, ctx);
                    actor.pump(ctx);
                    actor.drive(ctx);
                }
                Ok(Err(error)) => actor.lose(Failure::heals(Reason::StorageFailing, error), ctx),
                Err(error) => actor.lose(Failure::heals(Reason::StorageFailing, error.to_string()), ctx),
            }
        });
        ctx.spawn(then);
    }

    /// `ours`: for each message in our own name, whether it is one of our sends; those need no storing, their rows are.
    fn ingest(&mut self, parcel: Parcel, ours: &[bool], ctx: &mut Context<Self>) {
        let Parcel { messages, notices, unknown, source, push, arrived, cursor } = parcel;
        let mut ours = ours.iter();
        let uid = self.facts.uid.clone();
        let incoming = messages.into_iter().filter_map(|message| {
            let own = message.sender == uid;
            let echo = own && ours.next().copied().unwrap_or(false);
            (!echo).then_some(Incoming { message, own })
        });
        let messages: Vec<Incoming> = incoming.collect();
        let is_news = !(messages.is_empty() && notices.is_empty() && unknown.is_empty());
        if let (false, Some(push)) = (is_news, push) {
            // Echoes of our sends, badges, typing: nothing that is not stored already.
            return self.acknowledge(push);
        }
        let cursor = if self.delivery.is_filling() { None } else { cursor };
        let ingest = Ingest { account: self.facts.id, messages, notices, unknown, source, cursor };
        self.delivery.unstored += 1;
        let epoch = self.epoch;
        let stored = self.env.neighbours.ingest.send(ingest).into_actor(self).map(move |result, actor, ctx| {
            if actor.epoch == epoch {
                let result = result
                    .map_err(|error| error.to_string())
                    .and_then(|stored| stored.map_err(|error| error.to_string()));
                if result.is_ok() && source == Source::Push {
                    actor.env.metrics.push_stored(arrived.elapsed());
                }
                actor.stored(push, source, result, ctx);
            }
        });
        ctx.spawn(stored);
    }

    fn stored(&mut self, push: Option<PushId>, source: Source, result: Result<(), String>, ctx: &mut Context<Self>) {
        self.delivery.unstored = self.delivery.unstored.saturating_sub(1);
        if let Err(error) = result {
            return self.lose(Failure::heals(Reason::StorageFailing, error), ctx);
        }
        if let Some(push) = push {
            self.acknowledge(push);
        }
        if source == Source::History {
            self.delivery.gap_unstored = self.delivery.gap_unstored.saturating_sub(1);
            self.close_gap(ctx);
        }
        self.drive(ctx);
    }

    fn acknowledge(&mut self, push: PushId) {
        if let Some(link) = &mut self.link {
            link.session.ack(push);
        }
    }

    /// Right after registration: looks for what was missed. An account that never was connected has missed nothing.
    pub(super) fn fill_gap(&mut self, ctx: &mut Context<Self>) {
        if !self.delivery.nothing_missed {
            self.search(ctx);
        }
    }

    fn search(&mut self, ctx: &mut Context<Self>) {
        if self.delivery.is_filling() {
            self.delivery.gap_again = true;
            return;
        }
        let since = self.delivery.since.unwrap_or_else(clock::unix);
        self.delivery.gap = Some(Gap::new(self.env.config.gap, since));
        self.hold(ctx);
        self.step_gap(ctx);
    }

    /// What arrives from now on waits behind what was missed.
    fn hold(&mut self, ctx: &mut Context<Self>) {
        self.delivery.held.get_or_insert_default();
        let epoch = self.epoch;
        ctx.run_later(HOLD, move |actor, ctx| {
            if actor.epoch == epoch {
                actor.release_held(ctx);
                actor.drive(ctx);
            }
        });
    }

    fn release_held(&mut self, ctx: &mut Context<Self>) {
        if let Some(held) = self.delivery.held.take() {
            self.delivery.parcels.extend(held);
            self.pump(ctx);
        }
    }

    /// Asks the next question of the search.
    fn step_gap(&mut self, ctx: &mut Context<Self>) {
        let Some(gap) = &mut self.delivery.gap else { return };
        match gap.next(clock::now().instant) {
            Step::ListConversations { cursor, limit } => {
                self.ask(Command::ListConversations { cursor, limit }, Purpose::GapList)
            }
            Step::ListMessages { conversation, cursor, limit } => {
                let purpose = Purpose::GapHistory { conversation: conversation.clone() };
                self.ask(Command::ListMessages { conversation, cursor, limit }, purpose);
            }
            Step::Wait(until) => {
                let epoch = self.epoch;
                ctx.run_later(until.saturating_duration_since(clock::now().instant), move |actor, ctx| {
                    if actor.epoch == epoch {
                        actor.step_gap(ctx);
                        actor.drive(ctx);
                    }
                });
            }
            Step::Done { complete } => self.gap_done(complete, ctx),
        }
    }

    pub(super) fn on_gap_answer(
        &mut self,
        purpose: &Purpose,
        answer: Result<Answer, RequestError>,
        ctx: &mut Context<Self>,
    ) {
        let now = clock::now().instant;
        let Some(gap) = &mut self.delivery.gap else { return };
        match (purpose, answer) {
            (Purpose::GapList, Ok(Answer::Conversations(page))) => {
                let heads = page.conversations.iter().filter_map(|head| item_of(self.facts.id, head));
                // Harmless when lost: the item is asked for when somebody writes about it.
                heads.for_each(|known| self.env.neighbours.item_known.do_send(known));
                gap.on_conversations(page);
            }
            (Purpose::GapHistory { conversation }, Ok(Answer::History(page))) => gap.on_history(conversation, page),
            (_, Err(RequestError::TooFast)) => gap.on_too_fast(now),
            (_, Ok(_) | Err(_)) => gap.on_failure(now),
        }
        self.take_missed(ctx);
        self.step_gap(ctx);
    }

    fn take_missed(&mut self, ctx: &mut Context<Self>) {
        while let Some((head, messages)) = self.delivery.gap.as_mut().and_then(Gap::take_messages) {
            // Most of them are stored already: the search begins a little before the last one.
            debug!("account.id" = self.facts.id.0, "account.name" = &*self.facts.name, "conversation.id" = head.conversation.as_str(), messages = messages.len(); "the history is compared with what is stored");
            self.delivery.saw(None, &messages);
            self.delivery.gap_unstored += 1;
            self.delivery.parcels.push_back(Parcel {
                messages,
                notices: Vec::new(),
                unknown: Vec::new(),
                source: Source::History,
                push: None,
                arrived: Instant::now(),
                cursor: self.delivery.newest,
            });
        }
        self.pump(ctx);
    }

    fn gap_done(&mut self, complete: bool, ctx: &mut Context<Self>) {
        self.take_missed(ctx);
        self.release_held(ctx);
        if !complete {
            warn!("account.id" = self.facts.id.0, "account.name" = &*self.facts.name, class = "network"; "the search for missed messages is incomplete and will be repeated");
            return self.search_later(self.env.config.gap_retry, ctx);
        }
        self.delivery.gap = None;
        self.note_gap_filled(ctx);
        self.close_gap(ctx);
    }

    fn search_later(&mut self, wait: Duration, ctx: &mut Context<Self>) {
        let epoch = self.epoch;
        ctx.run_later(wait, move |actor, ctx| {
            if actor.epoch == epoch {
                let since = actor.delivery.since.unwrap_or_else(clock::unix);
                actor.delivery.gap = Some(Gap::new(actor.env.config.gap, since));
                actor.step_gap(ctx);
                actor.drive(ctx);
            }
        });
    }

    /// Once the search is over and all it found is stored, the cursor moves on.
    fn close_gap(&mut self, ctx: &mut Context<Self>) {
        if self.delivery.is_filling() {
            return;
        }
        self.delivery.since = self.delivery.newest.map(|cursor| cursor.seen_at);
        self.store_cursor(ctx);
        if std::mem::take(&mut self.delivery.gap_again) {
            self.search(ctx);
        }
    }

    fn store_cursor(&mut self, ctx: &mut Context<Self>) {
        self.delivery.parcels.push_back(Parcel {
            messages: Vec::new(),
            notices: Vec::new(),
            unknown: Vec::new(),
            source: Source::Push,
            push: None,
            arrived: Instant::now(),
            cursor: self.delivery.newest,
        });
        self.pump(ctx);
    }
}

/// Who sells the item a listed conversation is about.
pub(super) fn item_of(account: AccountId, head: &ConversationHead) -> Option<ItemKnown> {
    Some(ItemKnown {
        account,
        item: head.item.clone()?,
        seller: Some(head.item_seller.clone()?),
        title: head.item_title.clone(),
    })
}
