//! Questions of the other actors: what a conversation's history says, and who sells an item.

use std::{collections::HashMap, time::Duration};

use actix::prelude::*;
use log::warn;

use super::{
    AccountActor, Purpose,
    chores::known,
    connect::{Credentials, Failure},
    deliver::item_of,
    env::Env,
};
use crate::{
    account::{
        facts::AccountFacts,
        messages::{AskHistory, AskItem},
        state::State,
        token::Governor,
    },
    ids::{ConversationId, ItemId, Timestamp},
    outbox::messages::HistorySeen,
    platform::{
        lwp::{
            command::Command,
            event::{HistoryPage, Message},
            session::{Answer, RequestError},
        },
        mtop::{
            api::Unreadable,
            item::{self, ItemDetail},
            outcome::Outcome,
        },
    },
    reply::messages::ItemKnown,
    store::{self, DbConn},
    telemetry::clock,
};

/// Messages a page.
const PAGE: u32 = 20;

/// Pages of one conversation read for one question; further back nobody can tell.
const PAGES: u32 = 10;

/// After "too fast" the list of conversations is asked for again after this long, so often.
const TOO_FAST: Duration = Duration::from_secs(2);
const TRIES: u32 = 3;

/// The agenda is looked at this long after a chat told of new items.
const AFTER_A_QUESTION: Duration = Duration::from_secs(2);

/// Questions that wait for the platform.
#[derive(Default)]
pub(super) struct Asking {
    histories: HashMap<ConversationId, Reading>,
    /// Items whose seller is wanted; one list of conversations tells many at once.
    items: Vec<AskItem>,
    listing: bool,
    tries: u32,
}

struct Reading {
    since: Timestamp,
    messages: Vec<Message>,
    unreadable: usize,
    pages: u32,
}

impl AccountActor {
    pub(super) fn on_asked_history(
        &mut self,
        conversation: ConversationId,
        answer: Result<Answer, RequestError>,
        _: &mut Context<Self>,
    ) {
        let Some(mut reading) = self.asking.histories.remove(&conversation) else { return };
        let Ok(Answer::History(page)) = answer else { return self.tell_history(conversation, None) };
        let next = page.next;
        reading.take(page);
        if reading.reaches_back() || next.is_none() {
            let page = HistoryPage { messages: reading.messages, next: None, unreadable: reading.unreadable };
            return self.tell_history(conversation, Some(page));
        }
        if reading.pages >= PAGES {
            return self.tell_history(conversation, None);
        }
        self.asking.histories.insert(conversation.clone(), reading);
        self.ask(
            Command::ListMessages { conversation: conversation.clone(), cursor: next, limit: PAGE },
            Purpose::History { conversation },
        );
    }

    fn tell_history(&self, conversation: ConversationId, page: Option<HistoryPage>) {
        // Same thread; the outbox asks again when it hears nothing.
        self.env.neighbours.history_seen.do_send(HistorySeen { account: self.facts.id, conversation, page });
    }

    fn list_sellers(&mut self) {
        self.asking.listing = true;
        self.ask(Command::ListConversations { cursor: None, limit: PAGE }, Purpose::Sellers);
    }

    /// The newest conversations tell who sells what they are about; an item that is not among them is looked up at the gateway.
    pub(super) fn on_sellers(&mut self, answer: Result<Answer, RequestError>, ctx: &mut Context<Self>) {
        self.asking.listing = false;
        match answer {
            Ok(Answer::Conversations(page)) => {
                for known in page.conversations.iter().filter_map(|head| item_of(self.facts.id, head)) {
                    self.asking.items.retain(|asked| asked.item != known.item);
                    self.tell_item(known);
                }
                // What was learned is stored by then, and what is our own is read in full, in its turn.
                self.look_at_items(AFTER_A_QUESTION, ctx);
            }
            Err(RequestError::TooFast) if self.asking.tries < TRIES => return self.list_again(ctx),
            Ok(_) | Err(_) => {}
        }
        self.asking.tries = 0;
        for asked in std::mem::take(&mut self.asking.items) {
            self.look_up(asked.item, ctx);
        }
    }

    fn list_again(&mut self, ctx: &mut Context<Self>) {
        self.asking.tries += 1;
        self.asking.listing = true;
        let epoch = self.epoch;
        ctx.run_later(TOO_FAST, move |actor, ctx| {
            if actor.epoch == epoch {
                actor.list_sellers();
                actor.drive(ctx);
            }
        });
    }

    fn look_up(&mut self, item: ItemId, ctx: &mut Context<Self>) {
        let (env, facts, epoch) = (self.env.clone(), self.facts.clone(), self.epoch);
        let asked = async move { detail_of(env, facts, &item).await.ok_or(item) };
        let then = asked.into_actor(self).map(move |asked, actor, ctx| {
            let account = actor.facts.id;
            match asked {
                Ok(Ok(detail)) => {
                    actor.tell_item(known(account, &detail));
                    actor.keep_detail(detail, ctx);
                }
                Ok(Err((item, governor))) => {
                    actor.want_person(epoch, governor, ctx);
                    actor.tell_item(ItemKnown { account, item, seller: None, title: None });
                }
                Err(item) => {
                    actor.look_at_breaker(ctx);
                    actor.tell_item(ItemKnown { account, item, seller: None, title: None });
                }
            }
        });
        ctx.spawn(then);
    }

    /// It was asked for an answer's sake; the rest of it spares another call.
    fn keep_detail(&self, detail: ItemDetail, ctx: &mut Context<Self>) {
        let (store, account, now) = (self.env.store.clone(), self.facts.id, clock::unix());
        let keep = move |conn: &mut DbConn| store::items::note_detail(conn, account, &detail, now);
        let kept = async move { store.write_items(account, keep).await };
        let then = kept.into_actor(self).map(|kept, _, _| {
            if let Err(error) = kept {
                warn!(class = "database"; "cannot store an item, it will be asked for again: {error}");
            }
        });
        ctx.spawn(then);
    }

    pub(super) fn tell_item(&self, known: ItemKnown) {
        // Same thread; the turns that wait for it have a deadline of their own.
        self.env.neighbours.item_known.do_send(known);
    }
}

impl Reading {
    fn take(&mut self, page: HistoryPage) {
        self.pages += 1;
        self.unreadable += page.unreadable;
        self.messages.extend(page.messages);
    }

    fn reaches_back(&self) -> bool {
        self.messages.iter().any(|message| message.created_at < self.since)
    }
}

/// Asks the gateway; `None` where it did not say. A refusal that wants a person opens the breaker, which is returned.
async fn detail_of(env: Env, facts: AccountFacts, item: &ItemId) -> Option<Result<ItemDetail, (ItemId, Governor)>> {
    match ask_gateway(&env, &facts, item).await {
        Ok(asked) => Some(asked.map_err(|tripped| (item.clone(), tripped))),
        Err(failure) => {
            let why = failure.detail.unwrap_or_default();
            warn!("account.id" = facts.id.0, "account.name" = &*facts.name, "item.id" = item.as_str(), class = "network"; "cannot learn who sells an item: {} {why}", failure.reason.as_str());
            None
        }
    }
}

async fn ask_gateway(env: &Env, facts: &AccountFacts, id: &ItemId) -> Result<Result<ItemDetail, Governor>, Failure> {
    let mut credentials = Credentials::load(&env.store, facts).await?;
    if let Some(breaker) = &credentials.governor.breaker {
        return Err(Failure::blocked(breaker.cause));
    }
    let call = item::item_detail(id);
    let outcome = credentials.call(env, &call).await?;
    match outcome {
        Outcome::Success(data) => {
            let unreadable =
                |error: Unreadable| Failure::heals(crate::account::state::Reason::PlatformError, error.to_string());
            ItemDetail::read(&data).map(Ok).map_err(unreadable)
        }
        refused => {
            let failure = credentials.refused(env, refused, Some(call)).await?;
            if failure.state == State::Failed { Ok(Err(credentials.governor)) } else { Err(failure) }
        }
    }
}

impl Handler<AskHistory> for AccountActor {
    type Result = ();

    fn handle(&mut self, AskHistory { conversation, since }: AskHistory, ctx: &mut Self::Context) {
        let reading = Reading { since, messages: Vec::new(), unreadable: 0, pages: 0 };
        self.asking.histories.insert(conversation.clone(), reading);
        self.ask(
            Command::ListMessages { conversation: conversation.clone(), cursor: None, limit: PAGE },
            Purpose::History { conversation },
        );
        self.drive(ctx);
    }
}

impl Handler<AskItem> for AccountActor {
    type Result = ();

    fn handle(&mut self, asked: AskItem, ctx: &mut Self::Context) {
        self.asking.items.push(asked);
        if !self.asking.listing {
            self.list_sellers();
        }
        self.drive(ctx);
    }
}
