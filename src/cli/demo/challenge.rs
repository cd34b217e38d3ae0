//! The account that the platform wants a person for, and the person.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use serde_json::json;
use tokio::time::{Instant, interval};

use super::{CONNECT, OnBad, account, lines};
use crate::{
    account::state::{State, Status},
    sim::{Account, Platform},
    store::{Scope, Store, account_states, accounts},
};

/// Waits until the account says that a person must act.
pub(super) async fn met(store: &Store, scope: Scope, shop: &Account) -> anyhow::Result<Status> {
    let (deadline, mut look) = (Instant::now() + CONNECT, interval(Duration::from_millis(50)));
    while Instant::now() < deadline {
        look.tick().await;
        let name = shop.name.clone();
        let status = store.read(move |conn| {
            let account = accounts::find(conn, &scope, &name)?;
            account.map_or(Ok(None), |account| account_states::find(conn, &scope, account.id))
        });
        if let Some(status) = status.await?.filter(|status| status.state == State::Failed) {
            return Ok(status);
        }
    }
    bail!("the account {} does not ask for a person", shop.name)
}

/// What a person does about it: drags the slider in a browser, and gives the account the cookie that the browser has then.
pub(super) async fn pass(store: &Store, scope: Scope, platform: &Platform, shop: &Arc<Account>) -> anyhow::Result<()> {
    let challenge = shop.challenge().context("no call met a challenge")?;
    let x5sec = platform.pass_challenge(&challenge)?;
    let line = json!({"name": &*shop.name, "cookie": format!("{}; x5sec={x5sec}", platform.cookies(shop))});
    account::import(store, scope, &lines(&[line]), OnBad::Refuse)?.print(&mut std::io::sink(), OnBad::Refuse)?;
    if shop.await_registered(1, CONNECT).await { Ok(()) } else { bail!("{} is not connected after all", shop.name) }
}
