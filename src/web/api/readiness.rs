//! `/api/v1/readiness`: whether the next order of each item would be delivered, and what is missing.

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiResult, Language},
        gate::Caller,
        input::{Line, Query, Whole},
        page::{Page, PageNumber, Paging, PerPage},
    },
    items::PropertyView,
    order_texts,
};
use crate::{
    delivery::readiness::{Lack, Missed, Variant, Verdict},
    ids::{AccountId, CardId, DeliveryRuleId, ItemId},
    store::{
        DbConn,
        readiness::{self, Filter, Judged},
    },
};

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReadinessQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
    /// The platform's number of an item.
    #[param(inline)]
    item: Option<Line<1, 64>>,
    /// Only items of which this is so.
    #[param(inline)]
    verdict: Option<Verdict>,
}

/// Something that is missing.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct LackView {
    #[schema(inline)]
    pub(in crate::web) code: Lack,
    /// The same in words.
    pub(in crate::web) text: String,
    /// The card that it is about.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) card_id: Option<CardId>,
    pub(in crate::web) card_name: Option<String>,
}

/// One of the things that the item is sold as.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct VariantView {
    /// Empty where the item has no specifications.
    pub(in crate::web) spec: Vec<PropertyView>,
    /// The delivery rule that would serve it.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) rule_id: Option<DeliveryRuleId>,
    /// What it lacks.
    pub(in crate::web) lacks: Vec<LackView>,
    /// Orders of one piece for which the stock lasts; `null`: nothing of it runs out, or nobody can say.
    pub(in crate::web) orders_left: Option<i64>,
}

/// Whether the next order of an item would be delivered.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ReadinessView {
    #[schema(value_type = i64)]
    pub(in crate::web) account_id: AccountId,
    #[schema(value_type = String)]
    pub(in crate::web) item_id: ItemId,
    /// Empty where it is not known yet.
    #[schema(example = "会员月卡")]
    pub(in crate::web) title: String,
    #[schema(inline)]
    pub(in crate::web) verdict: Verdict,
    /// What the account lacks.
    pub(in crate::web) lacks: Vec<LackView>,
    pub(in crate::web) variants: Vec<VariantView>,
}

impl LackView {
    pub(super) fn new(missed: Missed, language: Language) -> Self {
        let text = order_texts::lack(missed.lack).in_language(language).to_owned();
        let (card_id, card_name) = missed.card.unzip();
        Self { code: missed.lack, text, card_id, card_name }
    }
}

impl VariantView {
    fn new(variant: Variant, language: Language) -> Self {
        let Variant { spec, rule, missed, orders_left } = variant;
        Self {
            spec: PropertyView::list(spec),
            rule_id: rule,
            lacks: missed.into_iter().map(|missed| LackView::new(missed, language)).collect(),
            orders_left,
        }
    }
}

impl ReadinessView {
    fn new(judged: Judged, language: Language) -> Self {
        let Judged { account, item, title, readiness } = judged;
        let lack = |lack| LackView::new(Missed { lack, card: None }, language);
        Self {
            account_id: account,
            item_id: item,
            title,
            verdict: readiness.verdict,
            lacks: readiness.missed.into_iter().map(lack).collect(),
            variants: readiness.variants.into_iter().map(|variant| VariantView::new(variant, language)).collect(),
        }
    }
}

/// Whether the next order of each item that may be bought would be delivered, by account and item.
#[utoipa::path(get, path = "/api/v1/readiness", tag = "readiness", params(ReadinessQuery), responses((status = 200, body = Page<ReadinessView>)))]
pub async fn list(
    caller: Caller,
    query: Query<ReadinessQuery>,
    app: Data<AppState>,
) -> ApiResult<Json<Page<ReadinessView>>> {
    let (query, language) = (query.0, caller.language);
    let paging = Paging::new(query.page, query.per_page);
    let filter = Filter {
        account: query.account.map(|id| AccountId(id.get())),
        items: query.item.into_iter().map(|item| item.into_string().into()).collect(),
        verdict: query.verdict,
    };
    let read = move |conn: &mut DbConn| readiness::page(conn, &caller.scope, &filter, paging.part());
    let (rows, total) = app.turns.read(&app.store, read).await?;
    let views = rows.into_iter().map(|judged| ReadinessView::new(judged, language));
    Ok(Json(paging.answer(views.collect(), total)))
}

/// The same of these items alone, of whichever account.
pub(in crate::web) async fn of_items(
    app: &AppState,
    caller: &Caller,
    items: Vec<ItemId>,
) -> ApiResult<Vec<ReadinessView>> {
    if items.is_empty() {
        return Ok(Vec::new());
    }
    let (scope, language) = (caller.scope, caller.language);
    let filter = Filter { items, ..Filter::default() };
    let read = move |conn: &mut DbConn| readiness::page(conn, &scope, &filter, crate::store::Page::first(1000));
    let (rows, _) = app.turns.read(&app.store, read).await?;
    Ok(rows.into_iter().map(|judged| ReadinessView::new(judged, language)).collect())
}
