//! `/api/v1/accounts/{id}/follow-ups`: what an account does by itself about its orders, besides delivering them.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, ErrorBody, Said},
        gate::Caller,
        input::{Body, Few, Id, Text, Whole, given, if_match},
        tag,
    },
    delivery_rules::tell,
};
use crate::{
    delivery::follow_up::Plan,
    ids::{AccountId, Timestamp},
    store::{
        DbConn, QueryResult,
        audit::{self, Deed},
        follow_up_settings::{self, FollowUpSettings},
    },
    telemetry::clock,
};

/// What an account does by itself about its orders. Everything is off until it is switched on.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FollowUpsView {
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    /// Buyers are rated once the deal is done.
    pub(in crate::web) rate: bool,
    /// One of these is the rating, always the same for an order.
    #[schema(example = json!(["交易顺利，感谢支持！"]))]
    pub(in crate::web) rate_texts: Vec<String>,
    /// So long after the deal is done.
    pub(in crate::web) rate_delay_minutes: i64,
    /// A red flower (小红花) is asked for once the deal is done.
    pub(in crate::web) flower: bool,
    /// Buyers who have everything are asked once to confirm that it came.
    pub(in crate::web) ask_confirmation: bool,
    /// So long after it was shipped.
    #[schema(example = 3)]
    pub(in crate::web) ask_after_days: i64,
    #[schema(example = "您好，如果已经收到并且没有问题，麻烦确认收货，谢谢！")]
    pub(in crate::web) ask_text: String,
    /// What is not paid is closed; never a bargain (小刀).
    pub(in crate::web) close_unpaid: bool,
    /// So long after it was placed.
    #[schema(example = 60)]
    pub(in crate::web) close_after_minutes: i64,
    #[schema(example = "买家长时间未付款")]
    pub(in crate::web) close_reason: String,
    /// An item is taken off the sale when an order takes its last piece in stock; only where a delivery rule names the item.
    pub(in crate::web) take_off_sale: bool,
    /// `null`: nobody has set anything yet.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) updated_at: Option<Timestamp>,
}

/// What is set of what an account does about its orders; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"rate": true, "rate_texts": ["交易顺利，感谢支持！"], "rate_delay_minutes": 30}))]
pub struct FollowUpsPatch {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    rate: Option<bool>,
    /// At least one.
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    rate_texts: Option<Few<Text<1, 500>, 10>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    rate_delay_minutes: Option<Whole<0, 10_080>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    flower: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    ask_confirmation: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    ask_after_days: Option<Whole<1, 30>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    ask_text: Option<Text<1, 500>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    close_unpaid: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    close_after_minutes: Option<Whole<5, 4320>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    close_reason: Option<Text<1, 100>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    take_off_sale: Option<bool>,
}

impl From<FollowUpSettings> for FollowUpsView {
    fn from(settings: FollowUpSettings) -> Self {
        let FollowUpSettings { account, plan, updated_at } = settings;
        Self {
            account_id: account,
            rate: plan.rate,
            rate_texts: plan.rate_texts,
            rate_delay_minutes: plan.rate_delay_m,
            flower: plan.flower,
            ask_confirmation: plan.ask,
            ask_after_days: plan.ask_after_d,
            ask_text: plan.ask_text,
            close_unpaid: plan.close,
            close_after_minutes: plan.close_after_m,
            close_reason: plan.close_reason,
            take_off_sale: plan.off_sale,
            updated_at,
        }
    }
}

impl FollowUpsPatch {
    fn plan(self, before: Plan) -> ApiResult<Plan> {
        let texts = self.rate_texts.map(|texts| texts.into_vec().into_iter().map(Text::into_string).collect());
        let rate_texts: Vec<String> = texts.unwrap_or(before.rate_texts);
        if rate_texts.is_empty() {
            return Err(ApiError::field("rate_texts", Said::new("至少要有一条", "must have at least one text")));
        }
        Ok(Plan {
            rate: self.rate.unwrap_or(before.rate),
            rate_texts,
            rate_delay_m: self.rate_delay_minutes.map_or(before.rate_delay_m, Whole::get),
            flower: self.flower.unwrap_or(before.flower),
            ask: self.ask_confirmation.unwrap_or(before.ask),
            ask_after_d: self.ask_after_days.map_or(before.ask_after_d, Whole::get),
            ask_text: self.ask_text.map_or(before.ask_text, Text::into_string),
            close: self.close_unpaid.unwrap_or(before.close),
            close_after_m: self.close_after_minutes.map_or(before.close_after_m, Whole::get),
            close_reason: self.close_reason.map_or(before.close_reason, Text::into_string),
            off_sale: self.take_off_sale.unwrap_or(before.off_sale),
        })
    }
}

/// What the account does by itself about its orders.
#[utoipa::path(get, path = "/api/v1/accounts/{id}/follow-ups", tag = "follow-ups", params(("id" = i64, Path)), responses((status = 200, body = FollowUpsView)))]
pub async fn get(caller: Caller, id: Id<AccountId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    Ok(tag::answer(HttpResponse::Ok(), &read(&app, &caller, id.0).await?))
}

pub(in crate::web) async fn read(app: &AppState, caller: &Caller, id: AccountId) -> ApiResult<FollowUpsView> {
    let scope = caller.scope;
    let settings = app.store.read(move |conn| follow_up_settings::get(conn, &scope, id)).await?;
    Ok(FollowUpsView::from(settings))
}

/// Says what the account does by itself about its orders. Those that are open, or were completed in the last 14 days, are looked at by the new
/// settings; what was begun goes on. With `If-Match` only if nobody changed them meanwhile.
#[utoipa::path(patch, path = "/api/v1/accounts/{id}/follow-ups", tag = "follow-ups", request_body = FollowUpsPatch,
    params(("id" = i64, Path), ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses((status = 200, body = FollowUpsView), (status = 412, body = ErrorBody, description = "Somebody changed it meanwhile")))]
pub async fn update(
    caller: Caller,
    id: Id<AccountId>,
    request: HttpRequest,
    body: Body<FollowUpsPatch>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (id, wanted, now) = (id.0, if_match(request.headers())?, clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<FollowUpsView>> {
        let scope = caller.scope;
        let settings = follow_up_settings::get(conn, &scope, id)?;
        let before = FollowUpsView::from(settings.clone());
        if let Err(refusal) = tag::check(wanted.as_deref(), &before) {
            return Ok(Err(refusal));
        }
        let plan = match body.0.plan(settings.plan) {
            Ok(plan) => plan,
            Err(refusal) => return Ok(Err(refusal)),
        };
        follow_up_settings::put(conn, &scope, id, &plan, now)?;
        let view = FollowUpsView::from(FollowUpSettings { account: id, plan, updated_at: Some(now) });
        let deed = Deed::new("account.follow_ups", id).of(scope.user()).before(before).after(&view);
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(Ok(view))
    };
    let view = app.store.write(job).await??;
    tell(&app, &[id]);
    Ok(tag::answer(HttpResponse::Ok(), &view))
}
