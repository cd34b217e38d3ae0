//! A buyer who does not only talk: orders, pays, waits for what was bought, and says that it came.

use std::time::Duration;

use rand::RngExt as _;
use tokio::{
    sync::mpsc,
    time::{Instant, sleep},
};

use super::visit::{BETWEEN_LINES, Exchange, Outcome, PATIENCE, Stage, Visit, quoted};
use crate::{
    ids::OrderId,
    sim::{Delivery, NewOrder, OrderState, Refusal},
};

/// How far an order is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Placed,
    Paid,
    /// So many pieces arrived.
    Delivered(usize),
    Shipped,
    Received,
}

/// What was expected, and what happened.
type Amiss = (String, String);

impl Visit {
    /// Plays the purchase to its end, also when the demo is to end meanwhile: who paid is served.
    pub(super) async fn buy(&mut self, stage: &Stage, pieces: usize, tell: &mpsc::UnboundedSender<Exchange>) {
        if let Err((expected, heard)) = self.deal(stage, pieces, tell).await {
            self.wrong = true;
            self.show(tell, "", Outcome::Unserved { expected, heard }, None);
        }
    }

    async fn deal(
        &mut self,
        stage: &Stage,
        pieces: usize,
        tell: &mpsc::UnboundedSender<Exchange>,
    ) -> Result<(), Amiss> {
        let quantity = u32::try_from(pieces).unwrap_or(u32::MAX);
        let order = self.account.place_order(NewOrder { quantity, ..NewOrder::new(&self.buyer, self.item) });
        self.order = Some(order.clone());
        self.show(tell, &format!("（拍下 {pieces} 件）"), at(Progress::Placed), None);

        pause().await;
        let paid = Instant::now();
        self.account.pay(&order).map_err(refused)?;
        self.show(tell, "（付款）", at(Progress::Paid), None);

        let (hears, took) = self.await_codes(stage, pieces, paid).await?;
        self.show(tell, "", Outcome::Order { progress: Progress::Delivered(pieces), hears }, Some(took));

        let (hears, took) = self.await_shipment(stage, &order, paid).await?;
        self.show(tell, "", Outcome::Order { progress: Progress::Shipped, hears }, Some(took));

        pause().await;
        self.account.confirm_receipt(&order).map_err(refused)?;
        self.show(tell, "（确认收货）", at(Progress::Received), None);
        Ok(())
    }

    /// All the codes come in one message.
    async fn await_codes(&mut self, stage: &Stage, pieces: usize, paid: Instant) -> Result<(String, Duration), Amiss> {
        let expected = || format!("{pieces} codes of the stock, none of them given before");
        let Some(message) = self.next_message().await else { return Err((expected(), "nothing".to_owned())) };
        let shown = stage.stock.masked(message.text());
        if !stage.stock.gives(message.text(), pieces) {
            return Err((expected(), quoted([shown.as_str()].into_iter())));
        }
        self.expected.push(message.text().to_owned());
        Ok((shown, message.at.saturating_duration_since(paid.into_std())))
    }

    /// The platform is told of it, and the buyer hears the last word.
    async fn await_shipment(
        &mut self,
        stage: &Stage,
        order: &OrderId,
        paid: Instant,
    ) -> Result<(String, Duration), Amiss> {
        let shipped = self.account.await_order(order, PATIENCE, |order| order.state == OrderState::Shipped).await;
        if shipped.is_none() {
            let kept = self.account.order(order).map(|order| order.state);
            return Err(("the order to be shipped".to_owned(), format!("that it is {kept:?}")));
        }
        let receipt = stage.stock.receipt();
        let message = self.next_message().await;
        let heard = message.as_ref().map(Delivery::text);
        if heard != Some(receipt) {
            return Err((quoted([receipt].into_iter()), stage.stock.masked(&quoted(heard.into_iter()))));
        }
        self.expected.push(receipt.to_owned());
        Ok((receipt.to_owned(), paid.elapsed()))
    }

    /// What comes after all that was expected so far.
    async fn next_message(&self) -> Option<Delivery> {
        let before = self.expected.len();
        self.account.await_delivered(&self.conversation, before + 1, PATIENCE).await.into_iter().nth(before)
    }

    fn show(&self, tell: &mpsc::UnboundedSender<Exchange>, asked: &str, outcome: Outcome, took: Option<Duration>) {
        let exchange = Exchange {
            at: jiff::Timestamp::now(),
            account: self.name,
            buyer: self.buyer.clone(),
            asked: asked.to_owned(),
            outcome,
            took,
        };
        // Nobody listens only when the demo has failed already.
        let _ = tell.send(exchange);
    }

    /// How often the shipment was confirmed, where it was not once and nobody has told yet.
    pub(super) fn misshipment(&self) -> Option<String> {
        let order = self.account.order(self.order.as_ref()?)?;
        let times = order.counts.consigned;
        (times != 1 && !self.wrong).then(|| {
            format!("{} to {}: expected one confirmation of the shipment, there were {times}", self.buyer, self.name)
        })
    }
}

fn at(progress: Progress) -> Outcome {
    Outcome::Order { progress, hears: String::new() }
}

fn refused(refusal: Refusal) -> Amiss {
    ("the platform to let it happen".to_owned(), format!("{refusal:?}"))
}

/// For whoever reads along.
async fn pause() {
    let pause = rand::rng().random_range(BETWEEN_LINES);
    sleep(Duration::from_millis(pause)).await;
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::sim::{Config, Platform, Step, scenario};

    #[test]
    fn a_shipment_confirmed_never_or_twice_is_told() {
        let platform = Platform::new(Config::default());
        let account = platform.add_account("a");
        let mut visit = Visit::new(&account, &scenario::shop().talks[0], 0);
        assert_eq!(visit.misshipment(), None);
        let order = account.place_order(NewOrder::new(&visit.buyer, visit.item));
        account.pay(&order).unwrap();
        visit.order = Some(order.clone());
        assert!(visit.misshipment().unwrap().ends_with("there were 0"));
        account.happens(&order, Step::Ship).unwrap();
        assert_eq!(visit.misshipment(), None);
        account.happens(&order, Step::Ship).unwrap_err();
        assert!(visit.misshipment().unwrap().ends_with("there were 2"));
    }
}
