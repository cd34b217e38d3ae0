//! Asks the seller's own program, on the shard's thread: nothing waits for it but the turn it is asked about.

use std::time::Duration;

use actix::prelude::*;
use log::debug;

use crate::{
    account::messages::{Load, Ping},
    hook::{
        messages::AskHook,
        request::{self, HookSaid, HookSettings, HookTurn, PATIENCE},
    },
    outgoing::{
        client::{Failure, Method, OutgoingClient, Request},
        url::HttpUrl,
    },
    reply::{outside::HookWord, rule::Reply},
    telemetry::clock,
};

pub struct HookActor {
    client: OutgoingClient,
}

impl HookActor {
    pub fn new(client: OutgoingClient) -> Self {
        Self { client }
    }
}

/// Asks once. `patience`: how long the program may take.
pub async fn ask(client: &OutgoingClient, settings: &HookSettings, turn: &HookTurn, patience: Duration) -> HookWord {
    let Ok(url) = HttpUrl::parse(&settings.url) else { return HookWord::Failed("bad_url") };
    let body = request::body(turn);
    let mut request = Request { timeout: patience, ..Request::new(Method::POST, url) };
    if !settings.secret.is_empty() {
        for (name, value) in request::signature(&settings.secret, &body, clock::unix()) {
            request = request.header(name, value);
        }
    }
    match client.send(request.body("application/json", body)).await {
        Ok(answer) => match answer.body() {
            Ok(body) => word(request::read(answer.status, body)),
            Err(failure) => failed(&failure),
        },
        Err(failure) => failed(&failure),
    }
}

fn word(said: HookSaid) -> HookWord {
    match said {
        HookSaid::Text(text) => HookWord::Says(vec![Reply::Text(text)]),
        HookSaid::Nothing => HookWord::Nothing,
        HookSaid::Unfit(why) => HookWord::Failed(why),
    }
}

fn failed(failure: &Failure) -> HookWord {
    debug!("the seller's own program was not heard: {failure}");
    HookWord::Failed(failure.code())
}

impl Actor for HookActor {
    type Context = Context<Self>;
}

impl Handler<AskHook> for HookActor {
    type Result = ResponseFuture<HookWord>;

    fn handle(&mut self, AskHook { settings, turn, gone }: AskHook, _: &mut Self::Context) -> Self::Result {
        let client = self.client.clone();
        Box::pin(async move {
            tokio::select! {
                word = ask(&client, &settings, &turn, PATIENCE) => word,
                _ = gone => HookWord::Nothing,
            }
        })
    }
}

impl Handler<Ping> for HookActor {
    type Result = Load;

    fn handle(&mut self, _: Ping, _: &mut Self::Context) -> Load {
        Load { accounts: 0, pending: 0 }
    }
}
