//! The simulator, tested by a client that shares no code with the product.
#![allow(clippy::unwrap_used)]

mod challenge;
mod chat;
mod client;
mod faults;
mod gateway;
mod items;
mod load;
mod orders;
mod passport;

use std::sync::Arc;

use client::{Client, DEVICE, PATIENCE};
use yutang::sim::{Account, Config, Sim};

/// A platform with one account, whose name is `shop`.
struct World {
    sim: Sim,
    shop: Arc<Account>,
    jar: String,
}

impl World {
    fn new() -> Self {
        Self::with(Config::default())
    }

    fn with(config: Config) -> Self {
        let sim = Sim::start(([127, 0, 0, 1], 0).into(), config).unwrap();
        let shop = sim.platform().add_account("shop");
        let jar = sim.platform().cookies(&shop);
        Self { sim, shop, jar }
    }

    async fn connect(&self) -> Client {
        Client::open(self.sim.addr(), &self.jar).await.unwrap()
    }

    /// A client that is registered and live.
    async fn online(&self) -> Client {
        self.online_since(i64::MAX).await
    }

    /// A client that saw everything up to `pts`. Pushes replayed to it are still to be read.
    async fn online_since(&self, pts: i64) -> Client {
        let mut client = self.connect().await;
        let token = client::token(self.sim.addr(), &self.jar).await;
        assert_eq!(client.register(&token, DEVICE).await["code"], 200);
        assert_eq!(client.ack_diff(pts).await["code"], 200);
        client
    }

    async fn delivered(&self, said: &yutang::sim::Said, count: usize) -> Vec<String> {
        let received = self.shop.await_delivered(&said.conversation, count, PATIENCE).await;
        received.iter().map(|delivery| delivery.text().to_owned()).collect()
    }
}
