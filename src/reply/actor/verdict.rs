//! A decision as the outbox is told of it.

use super::case::{Case, Extras};
use crate::{
    ai::intent::usual,
    ids::{BuyerId, ItemId, Timestamp},
    inbox::messages::TurnSettled,
    outbox::{
        entry::{Body, Origin, Urgency},
        messages::{Answer, ConversationFacts, Decided, Done, Trace, Verdict},
    },
    reply::{
        decide::{Decision, Effects, Kind, Turn, TurnMessage},
        rule::Reply,
        source::Source,
        trail::Trail,
    },
    store::rule_events::Due,
};

/// What the deciding function is asked.
pub(super) fn question(turn: &TurnSettled, item: Option<&ItemId>) -> Turn {
    let messages = turn.messages.iter().map(|message| TurnMessage {
        id: message.id.clone(),
        kind: if message.is_text { Kind::Text } else { Kind::Media },
        text: message.text.clone(),
        sent_at: message.sent_at,
    });
    Turn {
        messages: messages.collect(),
        item: item.cloned(),
        buyer: turn.buyer.clone(),
        buyer_name: turn.buyer_name.clone().unwrap_or_default(),
        group: false,
    }
}

/// What the outbox is told.
pub(super) fn decided(
    case: Case,
    decision: Decision,
    effects: Effects,
    trail: Trail,
    conversation_facts: Option<ConversationFacts>,
    uses_ai: bool,
    now: Timestamp,
) -> Decided {
    let Case { turn, silence, extras: Extras { unsent, bargain }, .. } = case;
    let (verdict, answer) = verdict(&turn.buyer, decision, trail);
    let asked: Vec<&str> = turn.messages.iter().map(|message| message.text.as_str()).collect();
    let asked = asked.join("\n");
    let verdict = Verdict { intent: Some(usual(&asked)), ..verdict };
    let done = done(&verdict, &turn.buyer, turn.buyer_name.as_ref(), effects);
    let trace = Trace {
        asked,
        buyer_name: turn.buyer_name,
        received_at: turn.messages.first().map_or(now, |message| message.received_at),
    };
    Decided {
        account: turn.account,
        conversation: turn.conversation,
        verdict,
        messages: turn.messages.into_iter().map(|message| message.id).collect(),
        settled_at: turn.settled_at,
        decided_at: now,
        event: None,
        answer,
        done,
        silence,
        conversation_facts,
        uses_ai,
        unsent,
        bargain,
        trace,
    }
}

fn done(verdict: &Verdict, buyer: &BuyerId, buyer_name: Option<&String>, effects: Effects) -> Option<Done> {
    let rule = verdict.rule.filter(|_| effects != Effects::default())?;
    Some(Done { buyer: buyer.clone(), buyer_name: buyer_name.cloned(), rule, effects })
}

/// The same for something that happened: nobody wrote anything.
pub(super) fn decided_event(
    due: Due,
    turn: Turn,
    decision: Decision,
    effects: Effects,
    trail: Trail,
    now: Timestamp,
) -> Decided {
    let (verdict, mut answer) = verdict(&due.buyer, decision, trail);
    if let Some(answer) = answer.as_mut().filter(|_| !due.waits_for_silence()) {
        answer.urgency = Urgency::Order;
    }
    let buyer_name = Some(turn.buyer_name).filter(|name| !name.is_empty());
    Decided {
        account: due.account,
        conversation: due.conversation,
        done: done(&verdict, &due.buyer, buyer_name.as_ref(), effects),
        verdict,
        messages: Vec::new(),
        event: Some(due.id),
        settled_at: now,
        decided_at: now,
        answer,
        silence: None,
        conversation_facts: None,
        uses_ai: false,
        unsent: None,
        bargain: None,
        trace: Trace { asked: String::new(), buyer_name, received_at: now },
    }
}

fn verdict(buyer: &BuyerId, decision: Decision, trail: Trail) -> (Verdict, Option<Answer>) {
    match decision {
        Decision::Silent(silence) => {
            let verdict = Verdict {
                decision: "silent",
                reason: silence.code().to_owned(),
                rule: silence.rule(),
                needs_person: silence.needs_person(),
                trail,
                intent: None,
            };
            (verdict, None)
        }
        Decision::Answer { rule, source, sends, once } => {
            let origin = match source {
                Source::Hook => Origin::Hook,
                Source::ItemRule | Source::AccountRule | Source::GlobalRule => Origin::Rule,
                Source::Ai => Origin::Ai,
                Source::ItemDefault | Source::AccountDefault => Origin::Default,
            };
            let reason = origin.as_str().to_owned();
            let verdict = Verdict { decision: "answer", reason, rule, needs_person: false, trail, intent: None };
            let bodies = sends.into_iter().map(body).collect();
            (verdict, Some(Answer { peer: buyer.clone(), origin, rule, once, urgency: Urgency::Talk, bodies }))
        }
    }
}

fn body(reply: Reply) -> Body {
    match reply {
        Reply::Text(text) => Body::Text { text },
        // Nobody measured a picture that is given by its address.
        Reply::Image(url) => Body::Image { url, width: 0, height: 0 },
    }
}
