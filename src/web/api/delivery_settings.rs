//! `/api/v1/accounts/{id}/delivery`: how an account delivers.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    super::{
        AppState,
        error::{ApiResult, ErrorBody},
        gate::Caller,
        input::{Body, Id, Text, given, if_match},
        tag,
    },
    delivery_rules::tell,
};
use crate::{
    ids::{AccountId, Timestamp},
    store::{
        DbConn, QueryResult,
        audit::{self, Deed},
        delivery_settings::{self, DeliverySettings},
        orders,
    },
    telemetry::clock,
};

type Saying = Text<0, 1000>;

/// How an account delivers.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct AccountDeliveryView {
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    /// Paid orders are given what the rules say.
    pub(in crate::web) enabled: bool,
    /// The platform is told that an order is shipped, once its buyer has everything.
    pub(in crate::web) confirm_shipment: bool,
    /// Bargains (小刀) are let through without further helpers.
    pub(in crate::web) free_shipping: bool,
    /// Said after all of it; empty: nothing.
    #[schema(example = "已发货，请查收。")]
    pub(in crate::web) receipt: String,
    /// Said where not everything is in stock; empty: nothing.
    #[schema(example = "库存不足，稍后为您补发。")]
    pub(in crate::web) out_of_stock: String,
    /// `null`: nobody has set anything yet.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) updated_at: Option<Timestamp>,
}

/// What is set of how an account delivers; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"enabled": true, "receipt": "已发货，请查收。"}))]
pub struct AccountDeliveryPatch {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    confirm_shipment: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    free_shipping: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    receipt: Option<Saying>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    out_of_stock: Option<Saying>,
}

impl From<DeliverySettings> for AccountDeliveryView {
    fn from(settings: DeliverySettings) -> Self {
        let DeliverySettings { account, enabled, confirm_shipment, free_shipping, receipt, out_of_stock, updated_at } =
            settings;
        let updated_at = (updated_at > Timestamp(0)).then_some(updated_at);
        Self { account_id: account, enabled, confirm_shipment, free_shipping, receipt, out_of_stock, updated_at }
    }
}

impl AccountDeliveryPatch {
    fn settings(self, before: DeliverySettings, now: Timestamp) -> DeliverySettings {
        DeliverySettings {
            account: before.account,
            enabled: self.enabled.unwrap_or(before.enabled),
            confirm_shipment: self.confirm_shipment.unwrap_or(before.confirm_shipment),
            free_shipping: self.free_shipping.unwrap_or(before.free_shipping),
            receipt: self.receipt.map_or(before.receipt, Text::into_string),
            out_of_stock: self.out_of_stock.map_or(before.out_of_stock, Text::into_string),
            updated_at: now,
        }
    }
}

/// How the account delivers.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/delivery", tag = "delivery settings", params(("id" = i64, Path)), responses((status = 200, body = AccountDeliveryView)))]
pub async fn get(caller: Caller, id: Id<AccountId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    Ok(tag::answer(HttpResponse::Ok(), &read(&app, &caller, id.0).await?))
}

pub(in crate::web) async fn read(app: &AppState, caller: &Caller, id: AccountId) -> ApiResult<AccountDeliveryView> {
    let scope = caller.scope;
    let settings = app.store.read(move |conn| delivery_settings::get(conn, &scope, id)).await?;
    Ok(AccountDeliveryView::from(settings))
}

/// Says how the account delivers. What waits to be delivered is looked at again by the new settings. With `If-Match` only if nobody changed
/// them meanwhile.
#[utoipa::path(patch, path = "/api/v1/accounts/{id}/delivery", tag = "delivery settings", request_body = AccountDeliveryPatch,
    params(("id" = i64, Path), ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses((status = 200, body = AccountDeliveryView), (status = 412, body = ErrorBody, description = "Somebody changed it meanwhile")))]
pub async fn update(
    caller: Caller,
    id: Id<AccountId>,
    request: HttpRequest,
    body: Body<AccountDeliveryPatch>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (id, wanted, now) = (id.0, if_match(request.headers())?, clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<AccountDeliveryView>> {
        let scope = caller.scope;
        let settings = delivery_settings::get(conn, &scope, id)?;
        let before = AccountDeliveryView::from(settings.clone());
        if let Err(refusal) = tag::check(wanted.as_deref(), &before) {
            return Ok(Err(refusal));
        }
        let settings = body.0.settings(settings, now);
        delivery_settings::put(conn, &scope, &settings)?;
        if settings.enabled {
            orders::look_at_open(conn, id, now)?;
        }
        let view = AccountDeliveryView::from(settings);
        let deed = Deed::new("account.delivery", id).of(scope.user()).before(before).after(&view);
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(Ok(view))
    };
    let view = app.store.write(job).await??;
    tell(&app, &[id]);
    Ok(tag::answer(HttpResponse::Ok(), &view))
}
