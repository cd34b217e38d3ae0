//! What happens to orders, as the reply actor is told of it.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use super::{tests::Replies, *};
use crate::{
    order::{event::OrderEvent, messages::OrderHappened, notice::Notice},
    store::{bargains, order_events},
};

const SECOND: Duration = Duration::from_secs(1);

/// Stored as the inbox stores it.
async fn stored(replies: &Replies, conversation: &str, order: &str, event: OrderEvent) -> OrderHappened {
    let notice = Notice {
        message: format!("{order}.PNM").into(),
        conversation: conversation.into(),
        order: Some(order.into()),
        event,
        buyer: Some("3300001".into()),
        item: None,
        at: clock::unix(),
    };
    let account = replies.facts.id;
    replies.bed.write(move |conn| order_events::insert(conn, account, &notice, clock::unix())).await.unwrap()
}

async fn unhandled(replies: &Replies) -> usize {
    let account = replies.facts.id;
    replies.bed.write(move |conn| order_events::unhandled(conn, account, clock::unix())).await.len()
}

/// A3: whoever paid begins a new deal with the next word about a price.
#[actix::test]
async fn a3_the_end_of_an_order_ends_its_bargaining_and_no_others() {
    let replies = Replies::start().await;
    let account = replies.facts.id;
    let bargain = Bargain { item: None, rounds: 3, last_at: clock::unix() };
    let row = |conversation: &str| bargains::BargainRow {
        account,
        conversation: conversation.into(),
        bargain: bargain.clone(),
    };
    let rows = ["1", "2", "3"].map(row);
    replies.bed.write(move |conn| bargains::put_many(conn, &rows)).await;
    let paid = stored(&replies, "1", "25", OrderEvent::Paid).await;
    let placed = stored(&replies, "2", "26", OrderEvent::Placed).await;
    assert_eq!(unhandled(&replies).await, 2);
    for event in [paid, placed] {
        replies.actor.send(event).await.unwrap();
    }
    tokio::time::sleep(SECOND).await;
    assert_eq!(unhandled(&replies).await, 0);
    let ids = ["1", "2", "3"].map(Into::into);
    let left = replies.bed.write(move |conn| bargains::list(conn, account, &ids)).await;
    let left: Vec<_> = left.into_iter().map(|row| row.conversation.to_string()).collect();
    assert_eq!(left, ["2", "3"]);
}

/// D14: of an account that was let go meanwhile it stays for whoever takes the account in.
#[actix::test]
async fn d14_an_event_of_an_account_that_is_gone_stays_unhandled() {
    let replies = Replies::start().await;
    let paid = stored(&replies, "1", "25", OrderEvent::Paid).await;
    replies.actor.send(DropAccount(replies.facts.id)).await.unwrap();
    replies.actor.send(paid).await.unwrap();
    tokio::time::sleep(SECOND).await;
    assert_eq!(unhandled(&replies).await, 1);
}
