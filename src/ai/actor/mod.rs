//! Answers by a model, on the shard's thread: a call is a future, never a thread, and nothing waits for it but the turn it is about.

mod material;
pub mod think;

use actix::prelude::*;

use crate::{
    account::messages::{Load, Ping},
    ai::{
        client::AiClient,
        messages::{AiAnswer, AskAi},
    },
    store::Store,
};

pub struct AiActor {
    store: Store,
    client: AiClient,
}

impl AiActor {
    pub fn new(store: Store, client: AiClient) -> Self {
        Self { store, client }
    }
}

impl Actor for AiActor {
    type Context = Context<Self>;
}

impl Handler<AskAi> for AiActor {
    type Result = ResponseFuture<AiAnswer>;

    fn handle(&mut self, AskAi { question, gone }: AskAi, _: &mut Self::Context) -> Self::Result {
        let (store, client) = (self.store.clone(), self.client.clone());
        Box::pin(async move {
            tokio::select! {
                thought = think::think(&store, &client, &question) => thought.answer,
                // A newer turn overtook this one: the call is dropped, and its provider is free for others.
                _ = gone => AiAnswer::failed("overtaken"),
            }
        })
    }
}

impl Handler<Ping> for AiActor {
    type Result = Load;

    fn handle(&mut self, _: Ping, _: &mut Self::Context) -> Load {
        Load { accounts: 0, pending: 0 }
    }
}
