//! What waits for a person: one list, each with its reasons and choices.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::{orders, reviews},
        error::ApiResult,
    },
    AccountChoice, AccountNames, Pager, Panel, Place, Shell,
    review_lines::{self, ReviewLine},
};

#[derive(Template)]
#[template(path = "panel/reviews.html")]
struct ReviewsPage {
    shell: Shell,
    accounts: AccountChoice,
    reasons: Vec<(&'static str, String)>,
    reason: String,
    /// Of one order alone; empty: of all.
    order: String,
    /// Whether what waits is shown, or what was decided.
    is_open: bool,
    waiting: String,
    decided: String,
    is_filtered: bool,
    reviews: Vec<ReviewLine>,
    /// Which ones they are, so that the page notices that they are others.
    now_shown: String,
    pager: Pager,
}

/// To decide.
#[utoipa::path(get, path = "/app/reviews", operation_id = "panel_reviews_reviews", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn reviews(mut panel: Panel) -> ApiResult<HttpResponse> {
    let accounts = AccountChoice::read(&mut panel).await?;
    let (caller, app) = (panel.caller.clone(), panel.app.clone());
    // Each has a form, and is read before it is decided.
    let few = if panel.asked_for("per_page").is_empty() { &[("per_page", "20")][..] } else { &[] };
    let page = reviews::list(caller.clone(), panel.query_with(few)?, app.clone()).await?.0;
    let pager = Pager::new(&panel, &page);
    let wanted = page.items.iter().map(|review| (review.account_id, review.order_id.clone())).collect();
    let now_shown = page.items.iter().map(|review| review.id.to_string()).collect::<Vec<_>>().join(" ");
    let known = orders::by_address(&app, &caller, wanted).await?;
    let names = AccountNames::of(&panel, page.items.iter().map(|review| review.account_id)).await?;
    let line = |view: reviews::ReviewView| {
        let order = known.get(&view.order).cloned();
        ReviewLine::new(view.clone(), names.name(view.account_id), order, &panel)
    };
    let [reason, order] = ["reason", "order"].map(|name| panel.asked_for(name));
    let is_filtered = [&accounts.chosen, &reason, &order].into_iter().any(|asked| !asked.is_empty());
    panel.show(&ReviewsPage {
        shell: panel.shell(Place::Reviews, panel.t("待处理", "To decide")).await?,
        accounts,
        reasons: review_lines::reasons(panel.language),
        is_open: panel.asked_for("open") != "false",
        waiting: panel.href_with("open", ""),
        decided: panel.href_with("open", "false"),
        is_filtered,
        reviews: page.items.into_iter().map(line).collect(),
        now_shown,
        pager,
        reason,
        order,
    })
}
