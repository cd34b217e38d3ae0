//! What a person does about what an order was given: once more with fresh stock, and what became of what they took in hand.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Said},
        gate::Caller,
        input::{Body, Few, Text, Whole},
    },
    delivery_rules::tell,
    key::OrderKey,
    orders::{OrderPageView, read_page, wrong_status},
};
use crate::{
    store::{
        DbConn, QueryResult,
        audit::{self, Deed},
        deliveries::{self, NotAgain, Outcome},
    },
    telemetry::clock,
};

/// Which units are given once more, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"units": [1], "reason": "买家反馈卡密无效，补发一份"}))]
pub struct RedeliverBody {
    /// As they are numbered in `given`; all of them where none is named.
    #[serde(default)]
    #[schema(inline, nullable = false)]
    units: Few<Whole<1, { i64::MAX }>, 100>,
    reason: Text<1, 500>,
}

/// What a person did with what was reserved for an order that they see to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettledAs {
    /// They gave it to the buyer.
    Given,
    /// Nobody saw it: it goes back to the stock.
    GivenBack,
}

/// What became of what was reserved, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"outcome": "given_back", "reason": "已用其它方式发给买家"}))]
pub struct SettleBody {
    #[schema(inline)]
    outcome: SettledAs,
    reason: Text<1, 500>,
}

impl From<NotAgain> for ApiError {
    fn from(refusal: NotAgain) -> Self {
        let wrong = |zh: String, en: String| Self::from(Code::WrongState).because(Said::new(zh, en));
        match refusal {
            NotAgain::NotPaid(status) => wrong_status(status),
            NotAgain::OnItsWay => wrong(
                "有内容正在发送或等待处理，请等结果明确后再试".to_owned(),
                "something of it is on its way or waits: try again when its outcome is known".to_owned(),
            ),
            NotAgain::NoSuchUnit(number) => {
                wrong(format!("没有发出过第 {number} 份"), format!("unit {number} was never given"))
            }
            NotAgain::NoRule => {
                wrong("没有适用的发货规则".to_owned(), "no delivery rule is about this order".to_owned())
            }
            NotAgain::CardUnusable(card) => {
                wrong(format!("卡券“{card}”不可用"), format!("the card {card:?} is off or empty"))
            }
            NotAgain::OutOfStock(short) => wrong(format!("库存不足（{short}）"), format!("out of stock ({short})")),
            NotAgain::NotByHand => {
                wrong("请先将订单转为人工处理".to_owned(), "first say that you see to the order by hand".to_owned())
            }
        }
    }
}

/// Gives units of an order once more, each with a fresh piece of stock, as where a code did not work: what was given before stays given. The
/// order must be paid, and nothing of it on its way; it is read once more before anything goes out, also where it is shipped by now.
#[utoipa::path(post, path = "/api/v1/orders/{id}/redeliver", tag = "orders", request_body = RedeliverBody, params(("id" = String, Path, description = "ACCOUNT.ORDER")), responses((status = 202, body = OrderPageView, description = "It is claimed, and will be sent")))]
pub async fn redeliver(
    caller: Caller,
    key: OrderKey,
    body: Body<RedeliverBody>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (RedeliverBody { units, reason }, language, now, account) =
        (body.0, caller.language, clock::unix(), key.account);
    let wanted: Vec<i64> = units.iter().map(|unit| unit.get()).collect();
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<OrderPageView>> {
        let scope = caller.scope;
        let given = match deliveries::redeliver(conn, &scope, key.account, &key.order, &wanted, now)? {
            Ok(given) => given,
            Err(refusal) => return Ok(Err(refusal.into())),
        };
        let deed = Deed::new("order.redeliver", key.name()).of(scope.user());
        let deed = deed.after(json!({"units": given, "reason": &*reason}));
        audit::record(conn, &caller.actor(), &deed, now)?;
        read_page(conn, &scope, &key, language, now).map(Ok)
    };
    let view = app.store.write(job).await??;
    tell(&app, &[account]);
    Ok(HttpResponse::Accepted().json(view))
}

/// Says what became of what was reserved for an order that somebody sees to by hand: until then it is nobody else's.
#[utoipa::path(post, path = "/api/v1/orders/{id}/settle", tag = "orders", request_body = SettleBody, params(("id" = String, Path, description = "ACCOUNT.ORDER")), responses((status = 200, body = OrderPageView)))]
pub async fn settle(
    caller: Caller,
    key: OrderKey,
    body: Body<SettleBody>,
    app: Data<AppState>,
) -> ApiResult<Json<OrderPageView>> {
    let (SettleBody { outcome, reason }, language, now, account) =
        (body.0, caller.language, clock::unix(), key.account);
    let said = match outcome {
        SettledAs::Given => Outcome::Given,
        SettledAs::GivenBack => Outcome::GivenBack,
    };
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<OrderPageView>> {
        let scope = caller.scope;
        let settled = match deliveries::settle(conn, &scope, key.account, &key.order, said, now)? {
            Ok(settled) => settled,
            Err(refusal) => return Ok(Err(refusal.into())),
        };
        let deed = Deed::new("order.settle", key.name()).of(scope.user());
        let deed = deed.after(json!({"outcome": outcome, "units": settled, "reason": &*reason}));
        audit::record(conn, &caller.actor(), &deed, now)?;
        read_page(conn, &scope, &key, language, now).map(Ok)
    };
    let view = app.store.write(job).await??;
    tell(&app, &[account]);
    Ok(Json(view))
}
