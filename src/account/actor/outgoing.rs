//! What goes out: sends of the outbox, and what the platform says to them.

use actix::prelude::*;
use log::debug;

use super::{AccountActor, Purpose, gateway::conversation_of};
use crate::{
    account::messages::Transmit,
    ids::{BuyerId, ConversationId, MessageId},
    outbox::{
        entry::{Body, SendId},
        ledger::Outcome,
        messages::Answered,
    },
    platform::lwp::{
        command::Command,
        session::{Answer, RequestError, RequestId},
    },
    telemetry::clock,
};

impl AccountActor {
    /// Sends a request, if the line stands. Whoever needs to know of a line that fell hears it from the loss itself.
    pub(super) fn ask(&mut self, command: Command, purpose: Purpose) {
        if let Some(link) = self.link.as_mut().filter(|link| link.registered) {
            let request = link.session.request(command, clock::now());
            link.requests.insert(request, purpose);
        }
    }

    pub(super) fn on_answer(
        &mut self,
        request: RequestId,
        answer: Result<Answer, RequestError>,
        ctx: &mut Context<Self>,
    ) {
        let Some(purpose) = self.link.as_mut().and_then(|link| link.requests.remove(&request)) else { return };
        match purpose {
            Purpose::Send { conversation, id } => self.tell_outcome(conversation, id, outcome(answer)),
            Purpose::History { conversation } => self.on_asked_history(conversation, answer, ctx),
            Purpose::GapList | Purpose::GapHistory { .. } => self.on_gap_answer(&purpose, answer, ctx),
            Purpose::Sellers => self.on_sellers(answer, ctx),
            // Whoever asked may have run out of patience.
            Purpose::Conversation(asked) => drop(asked.send(conversation_of(answer))),
            Purpose::Probe(asked) => drop(asked.send(answer.map(drop))),
        }
    }

    fn tell_outcome(&self, conversation: ConversationId, id: SendId, outcome: Outcome) {
        // Same thread; without it the send stays in doubt, and the history decides.
        self.env.neighbours.answered.do_send(Answered { account: self.facts.id, conversation, id, outcome });
    }
}

impl Handler<Transmit> for AccountActor {
    type Result = ();

    fn handle(&mut self, Transmit { id, conversation, peer, body }: Transmit, ctx: &mut Self::Context) {
        if self.stopping.is_some() || !self.link.as_ref().is_some_and(|link| link.registered) {
            debug!("account.id" = self.facts.id.0, "account.name" = &*self.facts.name; "a send found no line and stays queued");
            return self.tell_outcome(conversation, id, Outcome::NotSent);
        }
        let command = command(id, conversation.clone(), peer, body);
        self.ask(command, Purpose::Send { conversation, id });
        self.drive(ctx);
    }
}

fn command(id: SendId, conversation: ConversationId, peer: BuyerId, body: Body) -> Command {
    match body {
        Body::Text { text } => Command::SendText { conversation, peer, text, uuid: id.0 },
        Body::Image { url, width, height } => Command::SendImage { conversation, peer, url, width, height, uuid: id.0 },
    }
}

fn outcome(answer: Result<Answer, RequestError>) -> Outcome {
    match answer {
        Ok(Answer::Sent { message }) => Outcome::Accepted(message),
        Ok(Answer::Conversation { .. } | Answer::Conversations(_) | Answer::History(_) | Answer::Done) => {
            Outcome::Accepted(None::<MessageId>)
        }
        Err(RequestError::Rejected { reason }) => Outcome::Rejected(reason),
        Err(RequestError::Refused { code, reason }) => Outcome::Refused { code, reason },
        Err(RequestError::TooFast) => Outcome::Refused { code: 429, reason: "too fast".into() },
        Err(RequestError::NoAnswer | RequestError::Unreadable | RequestError::Lost) => Outcome::NoAnswer,
    }
}
