//! What is done when something happened to an order.

use actix::prelude::*;
use log::warn;

use super::ReplyActor;
use crate::{
    order::messages::OrderHappened,
    store::{self, DbConn},
    telemetry::clock,
};

impl Handler<OrderHappened> for ReplyActor {
    type Result = ();

    fn handle(&mut self, event: OrderHappened, ctx: &mut Self::Context) {
        // Of an account that is gone it stays unhandled: whoever takes the account in next is told again.
        if self.accounts.contains_key(&event.account) {
            self.end_deal(&event);
            self.happened(&event, ctx);
            self.mark_handled(event, ctx);
        }
    }
}

impl ReplyActor {
    /// Where whatever an event causes begins. Told again after a crash, until it is marked as handled.
    fn happened(&mut self, _: &OrderHappened, _: &mut Context<Self>) {}

    /// The next word about a price begins a new deal.
    fn end_deal(&mut self, event: &OrderHappened) {
        let key = (event.account, event.conversation.clone());
        if event.event.ends_the_deal()
            && let Some(known) = self.conversations.get_mut(&key)
        {
            known.bargain = None;
        }
    }

    fn mark_handled(&self, event: OrderHappened, ctx: &mut Context<Self>) {
        let store = self.store.clone();
        let work = move |conn: &mut DbConn| {
            if event.event.ends_the_deal() {
                store::bargains::forget(conn, event.account, &event.conversation)?;
            }
            store::order_events::mark_handled(conn, event.id, clock::unix())
        };
        let written = async move { store.write(work).await };
        let then = written.into_actor(self).map(|result, _, _| {
            if let Err(error) = result {
                warn!(class = "database"; "cannot store that an order's event was handled, it will be told again: {error}");
            }
        });
        ctx.spawn(then);
    }
}
