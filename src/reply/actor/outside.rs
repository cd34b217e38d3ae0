//! Asking those who need time to answer. A turn that waits for them holds nothing up, and a newer turn of its conversation overtakes it:
//! both become one, and the unfinished question is dropped.

use std::{sync::Arc, time::Duration};

use actix::prelude::*;
use tokio::sync::oneshot;

use super::{Key, ReplyActor, case::Case};
use crate::{
    account::facts::AccountFacts,
    ai::{
        messages::{AiAnswer, AiQuestion, AskAi},
        prompt::Buyer,
        record::Bargain,
        settings::AiSettings,
    },
    hook::{messages::AskHook, request::HookTurn},
    ids::{AccountId, ItemId},
    inbox::messages::TurnSettled,
    reply::{condition::BuyerFacts, decide::Question, outside::HookWord},
    telemetry::clock,
};

/// A turn that waits for somebody's word.
pub(super) struct Waiting {
    case: Case,
    future: SpawnHandle,
    /// Dropped with it: whoever is asked hears that nobody waits any more.
    _asks: oneshot::Sender<()>,
}

impl ReplyActor {
    /// The unfinished turn of this conversation, whose question is of no use any more.
    pub(super) fn overtake(&mut self, key: &Key, ctx: &mut Context<Self>) -> Option<TurnSettled> {
        let waiting = self.waiting.remove(key)?;
        ctx.cancel_future(waiting.future);
        Some(waiting.case.turn)
    }

    /// Drops all questions of an account.
    pub(super) fn ask_no_more(&mut self, account: AccountId, ctx: &mut Context<Self>) {
        for (_, waiting) in self.waiting.extract_if(|key, _| key.0 == account) {
            ctx.cancel_future(waiting.future);
        }
    }

    /// Asks, and decides again with the answer. Meanwhile the turn does not count as work of this shard: others go on at their pace.
    pub(super) fn ask_outside(&mut self, question: Question, case: Case, ctx: &mut Context<Self>) {
        let key = (case.turn.account, case.turn.conversation.clone());
        let (asks, gone) = oneshot::channel();
        let future = match question {
            Question::Hook => self.ask_hook(&key, &case, gone, ctx),
            Question::Ai => self.ask_ai(&key, &case, gone, ctx),
        };
        self.let_go(1);
        self.waiting.insert(key, Waiting { case, future, _asks: asks });
    }

    fn ask_hook(
        &mut self,
        key: &Key,
        case: &Case,
        gone: oneshot::Receiver<()>,
        ctx: &mut Context<Self>,
    ) -> SpawnHandle {
        let settings = self.answers(key.0).and_then(|answers| answers.hook.clone());
        let account = self.accounts.get(&key.0).map(|account| Arc::clone(&account.facts.name)).unwrap_or_default();
        let asked = settings.map(|settings| self.hook.send(AskHook { settings, turn: hook_turn(account, case), gone }));
        let heard = async move {
            match asked {
                Some(asked) => asked.await.unwrap_or(HookWord::Failed("unavailable")),
                None => HookWord::Nothing,
            }
        };
        let key = key.clone();
        ctx.spawn(heard.into_actor(self).map(move |word, actor, ctx| actor.hear_hook(&key, word, ctx)))
    }

    fn ask_ai(&mut self, key: &Key, case: &Case, gone: oneshot::Receiver<()>, ctx: &mut Context<Self>) -> SpawnHandle {
        let settings = self.answers(key.0).and_then(|answers| answers.ai.clone());
        let facts = self.accounts.get(&key.0).map(|account| account.facts.clone());
        let asked = settings.zip(facts).map(|(settings, facts)| {
            let rounds = self.rounds(key, case.item.as_ref(), settings.deal_ends_after());
            let buyer = self.with_state(key, &case.turn.buyer, case.side, clock::unix(), |state| told(&state.buyer));
            self.ai.send(AskAi { question: ai_question(settings, facts, rounds, buyer, case), gone })
        });
        let heard = async move {
            match asked {
                Some(asked) => asked.await.unwrap_or_else(|_| AiAnswer::failed("unavailable")),
                None => AiAnswer::failed("off"),
            }
        };
        let key = key.clone();
        ctx.spawn(heard.into_actor(self).map(move |answer, actor, ctx| actor.hear_ai(&key, answer, ctx)))
    }

    fn hear_hook(&mut self, key: &Key, word: HookWord, ctx: &mut Context<Self>) {
        let Some(Waiting { mut case, .. }) = self.waiting.remove(key) else { return };
        case.hook = Some(word);
        self.take_back(case, ctx);
    }

    fn hear_ai(&mut self, key: &Key, answer: AiAnswer, ctx: &mut Context<Self>) {
        let Some(Waiting { mut case, .. }) = self.waiting.remove(key) else { return };
        let AiAnswer { word, unsent, is_round } = answer;
        case.extras.unsent = unsent;
        case.is_round = is_round;
        case.ai = Some(word);
        self.take_back(case, ctx);
    }

    fn take_back(&mut self, case: Case, ctx: &mut Context<Self>) {
        self.take_up(1);
        self.settle(case, ctx);
        self.call(ctx);
    }

    /// How often the price was spoken of in this deal. A deal ends with another item, and when nobody spoke of the price for long.
    fn rounds(&mut self, key: &Key, item: Option<&ItemId>, ends_after: Duration) -> u32 {
        let bargain = self.conversations.get_mut(key).and_then(|conversation| conversation.bargain.as_ref());
        let stands = bargain
            .filter(|bargain| bargain.item.as_ref() == item && clock::unix().since(bargain.last_at) <= ends_after);
        stands.map_or(0, |bargain| bargain.rounds)
    }

    /// Counts a round; it is stored together with the decision it belongs to.
    pub(super) fn count_round(&mut self, key: &Key, case: &mut Case) {
        let Some(ends_after) = self.answers(key.0).and_then(|answers| Some(answers.ai.as_ref()?.deal_ends_after()))
        else {
            return;
        };
        let rounds = self.rounds(key, case.item.as_ref(), ends_after).saturating_add(1);
        let bargain = Bargain { item: case.item.clone(), rounds, last_at: clock::unix() };
        case.extras.bargain = Some(bargain.clone());
        if let Some(conversation) = self.conversations.get_mut(key) {
            conversation.bargain = Some(bargain);
        }
    }
}

/// As the AI is told of a buyer.
fn told(buyer: &BuyerFacts<'_>) -> Buyer {
    Buyer { tags: buyer.tags.to_vec(), orders: buyer.orders, first_contact: buyer.first_contact }
}

fn ai_question(settings: Arc<AiSettings>, facts: AccountFacts, rounds: u32, buyer: Buyer, case: &Case) -> AiQuestion {
    let messages = &case.turn.messages;
    AiQuestion {
        settings,
        account: facts.id,
        owner: facts.owner,
        name: facts.name,
        own: facts.uid,
        conversation: case.turn.conversation.clone(),
        item: case.item.clone(),
        buyer,
        said: messages.iter().filter(|message| message.is_text).map(|message| message.text.clone()).collect(),
        messages: messages.iter().map(|message| message.id.clone()).collect(),
        rounds,
    }
}

fn hook_turn(account: Arc<str>, case: &Case) -> HookTurn {
    let typed: Vec<&str> = case.turn.messages.iter().map(|message| message.text.as_str()).collect();
    HookTurn {
        account,
        conversation: case.turn.conversation.clone(),
        buyer: case.turn.buyer.clone(),
        buyer_name: case.turn.buyer_name.clone().unwrap_or_default(),
        item: case.item.clone(),
        said: typed.join("\n"),
        said_at: case.turn.messages.last().map_or(case.turn.settled_at, |message| message.sent_at),
    }
}
