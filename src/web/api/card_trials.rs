//! `/api/v1/cards/{id}/test`: what a card's server answers now, without an order.

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::super::{
    AppState,
    error::{ApiError, ApiResult, Code, ErrorBody, Said},
    gate::Caller,
    input::{Body, Id, Line, Whole},
};
use crate::{
    delivery::{
        call::Words,
        card::{ApiCall, Content},
        client,
        pack::{self, Gift, Given, ParcelBody},
    },
    ids::CardId,
    outgoing::client::OutgoingClient,
    store::{
        audit::{self, Deed},
        cards,
    },
    telemetry::clock,
};

/// The order of which the call speaks; what is not said is made up.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"quantity": 2, "spec_value": "红色"}))]
pub struct CardTestBody {
    #[schema(inline, nullable = false)]
    item_id: Option<Line<1, 64>>,
    #[schema(inline, nullable = false)]
    item_title: Option<Line<1, 200>>,
    #[schema(inline, nullable = false)]
    spec_name: Option<Line<1, 100>>,
    #[schema(inline, nullable = false)]
    spec_value: Option<Line<1, 100>>,
    #[schema(inline, nullable = false)]
    quantity: Option<Whole<1, 10_000>>,
}

/// What the card's server gave, and what a buyer would read.
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({"content": "AAAA-BBBB", "messages": ["您的兑换码：AAAA-BBBB"]}))]
pub struct CardTestView {
    pub(in crate::web) content: String,
    pub(in crate::web) messages: Vec<String>,
}

impl CardTestBody {
    fn words(self) -> Words {
        let said = |line: Option<String>, else_: &str| line.unwrap_or_else(|| else_.to_owned());
        Words {
            order_id: "0".to_owned(),
            item_id: said(self.item_id.map(Line::into_string), "0"),
            buyer_id: "0".to_owned(),
            account: "test".to_owned(),
            spec_name: said(self.spec_name.map(Line::into_string), ""),
            spec_value: said(self.spec_value.map(Line::into_string), ""),
            order_amount: "0.01".to_owned(),
            order_quantity: self.quantity.map_or(1, Whole::get).to_string(),
            item_title: said(self.item_title.map(Line::into_string), "test"),
            unit: "1".to_owned(),
        }
    }
}

/// Asks the card's server once, as for an order `0` of a buyer `0`, under a key that begins with `test-`. A server that keeps count of what it
/// gives gives one away.
#[utoipa::path(post, path = "/api/v1/cards/{id}/test", tag = "cards", request_body = CardTestBody, params(("id" = i64, Path)), responses(
    (status = 200, body = CardTestView),
    (status = 502, body = ErrorBody, description = "It gave nothing; `details.reason` and `details.said` say why"),
))]
pub async fn test(
    caller: Caller,
    id: Id<CardId>,
    body: Body<CardTestBody>,
    app: Data<AppState>,
) -> ApiResult<Json<CardTestView>> {
    let (id, scope, keys) = (id.0, caller.scope, app.store.keys().clone());
    let card = app.store.read(move |conn| cards::get(conn, &scope, id)).await?;
    let Some(Content::Api(call)) = card.content(&keys).map_err(|_| Code::Internal)? else {
        let said = Said::new("只有接口类卡券可以测试", "only a card that asks a server can be tested");
        return Err(ApiError::from(Code::WrongState).because(said));
    };
    let client = OutgoingClient::new(&app.settings.outgoing());
    let (call, key) = (ApiCall { retries: 0, ..call }, format!("test-{:016x}", rand::random::<u64>()));
    let outcome = client::ask(&client, &call, &body.0.words(), &key).await;
    let told = json!({"given": outcome.is_ok(), "reason": outcome.as_ref().err().map(client::NotGiven::code)});
    let (deed, now) = (Deed::new("card.test", id).of(scope.user()).after(told), clock::unix());
    let noted = app.store.write(move |conn| audit::record(conn, &caller.actor(), &deed, now)).await;
    noted.map_err(ApiError::after_the_deed)?;
    let content = outcome.map_err(|fault| {
        ApiError::from(Code::CardFailed).with("reason", fault.code()).with("said", fault.to_string())
    })?;
    let gift = Gift { description: card.description, given: Given::Codes(vec![((), content.clone())]) };
    let messages = pack::pack(vec![gift]).into_iter().map(|parcel| match parcel.body {
        ParcelBody::Text(text) | ParcelBody::Picture(text) => text,
    });
    Ok(Json(CardTestView { content, messages: messages.collect() }))
}
