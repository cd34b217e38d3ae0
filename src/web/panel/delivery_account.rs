//! How each account delivers, and what it does by itself about its orders.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::{
            accounts::{self, AccountView},
            delivery_settings::{self, AccountDeliveryView},
            follow_ups::{self, FollowUpsView},
        },
        error::ApiResult,
        input::Id,
        tag,
    },
    Pager, Panel, Place, Shell,
    card_fields::numbered,
};
use crate::ids::AccountId;

#[derive(Template)]
#[template(path = "panel/delivery_accounts.html")]
struct AccountsPage {
    shell: Shell,
    q: String,
    accounts: Vec<Line>,
    pager: Pager,
}

/// How an account delivers, as a line.
struct Line {
    account: AccountView,
    settings: AccountDeliveryView,
    /// What else it does by itself.
    follow_ups: Vec<&'static str>,
}

#[derive(Template)]
#[template(path = "panel/delivery_account.html")]
struct AccountPage {
    shell: Shell,
    account: AccountView,
    settings: AccountDeliveryView,
    settings_tag: String,
    follow_ups: FollowUpsView,
    follow_ups_tag: String,
    /// As numbers stand in fields.
    rate_delay: String,
    ask_after: String,
    close_after: String,
    rate_texts: Vec<TextRow>,
}

/// One of the ratings.
struct TextRow {
    field: String,
    text: String,
    label: String,
}

/// So many ratings there may be.
const MOST_TEXTS: usize = 10;

/// How each account delivers.
#[utoipa::path(get, path = "/app/delivery/accounts", operation_id = "panel_delivery_accounts", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn delivery_accounts(panel: Panel) -> ApiResult<HttpResponse> {
    let page = accounts::read_page(&panel.app, &panel.caller, panel.query_with(&[("per_page", "20")])?.0).await?;
    let pager = Pager::new(&panel, &page);
    let mut lines = Vec::new();
    for account in page.items {
        let settings = delivery_settings::read(&panel.app, &panel.caller, account.id).await?;
        let plan = follow_ups::read(&panel.app, &panel.caller, account.id).await?;
        lines.push(Line { follow_ups: done_by_itself(&plan, &panel), account, settings });
    }
    panel.show(&AccountsPage {
        shell: panel.shell(Place::Delivery, panel.t("各账号的发货设置", "Delivery by account")).await?,
        q: panel.asked_for("q"),
        accounts: lines,
        pager,
    })
}

/// How an account delivers.
#[utoipa::path(get, path = "/app/delivery/accounts/{id}", operation_id = "panel_delivery_account", tag = "pages", params(("id" = i64, Path)), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn delivery_account(panel: Panel, id: Id<AccountId>) -> ApiResult<HttpResponse> {
    let account = accounts::shown(&panel.app, &panel.caller, id.0).await?;
    let settings = delivery_settings::read(&panel.app, &panel.caller, id.0).await?;
    let follow_ups = follow_ups::read(&panel.app, &panel.caller, id.0).await?;
    panel.show(&AccountPage {
        shell: panel.shell(Place::Delivery, panel.t("账号的发货设置", "How an account delivers")).await?,
        settings_tag: tag::of(&settings),
        follow_ups_tag: tag::of(&follow_ups),
        rate_delay: follow_ups.rate_delay_minutes.to_string(),
        ask_after: follow_ups.ask_after_days.to_string(),
        close_after: follow_ups.close_after_minutes.to_string(),
        rate_texts: text_rows(&follow_ups.rate_texts, &panel),
        account,
        settings,
        follow_ups,
    })
}

fn text_rows(texts: &[String], panel: &Panel) -> Vec<TextRow> {
    let row = |place: usize| TextRow {
        field: format!("rate_texts.{place}"),
        text: texts.get(place).cloned().unwrap_or_default(),
        label: numbered(panel.t("评语", "Text"), place),
    };
    (0..(texts.len() + 1).clamp(2, MOST_TEXTS)).map(row).collect()
}

fn done_by_itself(plan: &FollowUpsView, panel: &Panel) -> Vec<&'static str> {
    [
        (plan.rate, panel.t("自动评价", "rates buyers")),
        (plan.flower, panel.t("求小红花", "asks for a flower")),
        (plan.ask_confirmation, panel.t("提醒确认收货", "asks to confirm")),
        (plan.close_unpaid, panel.t("关闭未付款订单", "closes what is not paid")),
        (plan.take_off_sale, panel.t("售罄下架", "takes off what is sold out")),
    ]
    .into_iter()
    .filter(|(is_on, _)| *is_on)
    .map(|(_, name)| name)
    .collect()
}
