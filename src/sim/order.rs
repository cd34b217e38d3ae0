//! Orders as the platform keeps them: where each stands, and what may happen to it.

use serde::{Deserialize, Serialize};

use super::deal::Telling;
use crate::ids::{BuyerId, ConversationId, Fen, ItemId, OrderId, Timestamp};

/// An order that a buyer places. What is not said is what most buyers do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    pub buyer: BuyerId,
    pub item: ItemId,
    /// Made up where it is absent. A known one is not placed again.
    #[serde(default)]
    pub order: Option<OrderId>,
    /// Made up where it is absent.
    #[serde(default)]
    pub nick: Option<String>,
    #[serde(default = "one")]
    pub quantity: u32,
    /// Such as 颜色 and 黑, as many as there are.
    #[serde(default)]
    pub spec: Vec<(String, String)>,
    /// Of one piece; the listing's where it is absent, and 123 yuan where there is none.
    #[serde(default)]
    pub price: Option<Fen>,
    #[serde(default)]
    pub address: Option<Address>,
    /// A bargain (小刀): it waits for helpers, or for the seller's consent.
    #[serde(default)]
    pub bargain: bool,
    #[serde(default)]
    pub telling: Telling,
}

fn one() -> u32 {
    1
}

impl NewOrder {
    /// One piece, as it is offered.
    pub fn new(buyer: &str, item: &str) -> Self {
        Self {
            buyer: buyer.into(),
            item: item.into(),
            order: None,
            nick: None,
            quantity: 1,
            spec: Vec::new(),
            price: None,
            address: None,
            bargain: false,
            telling: Telling::default(),
        }
    }
}

/// Where something is sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub name: String,
    pub phone: String,
    pub address: String,
}

/// An order, its truth. What is told of it may lag behind: see [`Faults::stale_orders`](super::Faults::stale_orders).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Order {
    pub id: OrderId,
    pub buyer: BuyerId,
    pub nick: String,
    pub item: ItemId,
    pub conversation: ConversationId,
    pub quantity: u32,
    pub spec: Vec<(String, String)>,
    /// Of one piece, as it was when the order was placed.
    pub price: Fen,
    /// All that is to be paid.
    pub amount: Fen,
    pub address: Option<Address>,
    pub is_bargain: bool,
    /// Where the deal stands; with a refund asked for, where it stood when it was.
    pub state: OrderState,
    pub refund: Refund,
    pub times: Times,
    pub counts: Counts,
    /// What it was before the last change.
    #[serde(skip)]
    pub(super) before: Option<Box<Order>>,
}

/// Where a deal stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    Unpaid,
    /// A bargain that still wants helpers, or the seller's consent (待刀成).
    Bargaining,
    Paid,
    Shipped,
    Completed,
    /// Ended without a deal, or with the money given back.
    Closed,
}

/// What became of the buyer's wish for the money.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refund {
    #[default]
    None,
    Asked,
    /// Withdrawn or refused. Forgotten as soon as the deal goes on.
    Ended,
    Granted,
}

/// When things happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Times {
    pub placed: Option<Timestamp>,
    pub paid: Option<Timestamp>,
    pub shipped: Option<Timestamp>,
    pub completed: Option<Timestamp>,
    pub closed: Option<Timestamp>,
    pub rated_by_buyer: Option<Timestamp>,
    pub rated_by_seller: Option<Timestamp>,
    pub flower: Option<Timestamp>,
}

/// How often the seller's side took a step with this order or tried to, whatever came of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Confirmations of the shipment.
    pub consigned: u32,
    pub free_shipped: u32,
    pub price_changes: u32,
    pub closes: u32,
    pub rates: u32,
    pub flowers: u32,
}

/// Something that happens to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The buyer pays; a bargain has found its helpers.
    Pay,
    /// The buyer says that it came.
    Receive,
    AskRefund,
    WithdrawRefund,
    /// The money goes back.
    GrantRefund,
    /// The buyer does not want it any more, or never paid.
    CloseByBuyer,
    Rate,
    Ship,
    /// The seller lets a bargain go through without further helpers.
    FreeShip,
    CloseBySeller,
    /// All that is to be paid.
    ChangePrice(Fen),
    RateBuyer,
    /// 小红花.
    SendFlower,
}

/// Why something cannot happen to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// This account has no such order.
    Unknown,
    /// Not where the order stands.
    NotNow,
    ShippedAlready,
    /// Only what is not yet paid may change its price.
    PriceFixed,
}

impl Refusal {
    /// What the gateway says.
    pub(super) fn ret(self) -> &'static str {
        match self {
            Self::Unknown => "FAIL_BIZ_ORDER_NOT_FOUND::订单不存在",
            Self::NotNow => "FAIL_BIZ_ORDER_STATUS_ERROR::订单状态错误",
            Self::ShippedAlready => "ORDER_ALREADY_DELIVERY::已发货成功",
            Self::PriceFixed => "FAIL_BIZ_ORDER_NOT_ALLOW_MODIFY::订单不允许修改",
        }
    }
}

impl Order {
    /// Places it; `price` is what a piece costs.
    pub(super) fn place(new: NewOrder, id: OrderId, conversation: ConversationId, price: Fen, at: Timestamp) -> Self {
        Self {
            id,
            nick: new.nick.unwrap_or_else(|| format!("买家{}", new.buyer)),
            buyer: new.buyer,
            item: new.item,
            conversation,
            quantity: new.quantity,
            spec: new.spec,
            price,
            amount: Fen(price.0 * i64::from(new.quantity)),
            address: new.address,
            is_bargain: new.bargain,
            state: if new.bargain { OrderState::Bargaining } else { OrderState::Unpaid },
            refund: Refund::None,
            times: Times { placed: Some(at), ..Times::default() },
            counts: Counts::default(),
            before: None,
        }
    }

    /// Whether a step is one that the order may take now.
    pub(super) fn check(&self, step: Step) -> Result<(), Refusal> {
        use OrderState::{Bargaining, Completed, Paid, Shipped, Unpaid};
        let asked = self.refund == Refund::Asked;
        let may = match step {
            Step::Pay => matches!(self.state, Unpaid | Bargaining),
            Step::FreeShip => self.state == Bargaining,
            Step::Ship if matches!(self.state, Shipped | Completed) && !asked => return Err(Refusal::ShippedAlready),
            Step::Ship => self.state == Paid && !asked,
            Step::Receive => self.state == Shipped && !asked,
            Step::AskRefund => matches!(self.state, Paid | Shipped | Completed) && !asked,
            Step::WithdrawRefund | Step::GrantRefund => asked,
            // A bargain that finds no helpers ends so too.
            Step::CloseByBuyer => matches!(self.state, Unpaid | Bargaining),
            Step::CloseBySeller => self.state == Unpaid,
            Step::ChangePrice(_) if self.state != Unpaid => return Err(Refusal::PriceFixed),
            Step::ChangePrice(amount) => amount.0 > 0,
            Step::Rate => self.state == Completed && self.times.rated_by_buyer.is_none(),
            Step::RateBuyer => self.state == Completed && self.times.rated_by_seller.is_none(),
            Step::SendFlower => self.state == Completed && self.times.flower.is_none(),
        };
        if may { Ok(()) } else { Err(Refusal::NotNow) }
    }

    /// Takes a step, or says why it cannot. Counted in any case.
    pub(super) fn take(&mut self, step: Step, at: Timestamp) -> Result<(), Refusal> {
        self.counts.count(step);
        self.check(step)?;
        self.before = None;
        self.before = Some(Box::new(self.clone()));
        if self.refund == Refund::Ended {
            self.refund = Refund::None;
        }
        match step {
            Step::Pay | Step::FreeShip => (self.state, self.times.paid) = (OrderState::Paid, Some(at)),
            Step::Ship => (self.state, self.times.shipped) = (OrderState::Shipped, Some(at)),
            Step::Receive => (self.state, self.times.completed) = (OrderState::Completed, Some(at)),
            Step::AskRefund => self.refund = Refund::Asked,
            Step::WithdrawRefund => self.refund = Refund::Ended,
            Step::GrantRefund => {
                (self.state, self.times.closed) = (OrderState::Closed, Some(at));
                self.refund = Refund::Granted;
            }
            Step::CloseByBuyer | Step::CloseBySeller => {
                (self.state, self.times.closed) = (OrderState::Closed, Some(at));
            }
            Step::ChangePrice(amount) => self.amount = amount,
            Step::Rate => self.times.rated_by_buyer = Some(at),
            Step::RateBuyer => self.times.rated_by_seller = Some(at),
            Step::SendFlower => self.times.flower = Some(at),
        }
        Ok(())
    }

    /// What is told of it: the truth, or with `stale` what was true before the last change. `None`: not even that there is one.
    pub(super) fn seen(&self, stale: bool) -> Option<&Self> {
        if stale { self.before.as_deref() } else { Some(self) }
    }

    /// Paid, or as good as paid, and not on its way: with a refund asked for too.
    pub(super) fn is_to_ship(&self) -> bool {
        match self.state {
            OrderState::Paid | OrderState::Bargaining => true,
            OrderState::Unpaid | OrderState::Shipped | OrderState::Completed | OrderState::Closed => false,
        }
    }
}

impl Counts {
    fn count(&mut self, step: Step) {
        let counter = match step {
            Step::Ship => &mut self.consigned,
            Step::FreeShip => &mut self.free_shipped,
            Step::ChangePrice(_) => &mut self.price_changes,
            Step::CloseBySeller => &mut self.closes,
            Step::RateBuyer => &mut self.rates,
            Step::SendFlower => &mut self.flowers,
            Step::Pay
            | Step::Receive
            | Step::AskRefund
            | Step::WithdrawRefund
            | Step::GrantRefund
            | Step::CloseByBuyer
            | Step::Rate => return,
        };
        *counter += 1;
    }
}
