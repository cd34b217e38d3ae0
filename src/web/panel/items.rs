//! The items: what the accounts sell, and whether the next order of each would be delivered.

use std::collections::HashMap;

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::{
            items::{self, ItemView, SyncView},
            readiness::{self, LackView, ReadinessView},
        },
        error::ApiResult,
        input::Id,
        page::Page,
    },
    AccountChoice, AccountNames, Pager, Panel, Place, Shell, item_words,
    items_bar::{self, ItemsBar},
};
use crate::{
    delivery::readiness::Verdict,
    ids::{AccountId, ItemId},
    platform::mtop::item::ItemStatus,
};

/// Of so many accounts the reading is shown where none is chosen.
const SHOWN_SYNCS: usize = 6;
/// So much of what an item lacks is said in the list.
const SHOWN_LACKS: usize = 2;

#[derive(Template)]
#[template(path = "panel/items.html")]
struct ItemsPage {
    shell: Shell,
    tabs: Vec<(&'static str, String, bool)>,
    accounts: AccountChoice,
    statuses: Vec<(&'static str, &'static str)>,
    status: String,
    q: String,
    /// Only items of which this is so; empty: all.
    ready: String,
    is_filtered: bool,
    syncs: Vec<SyncLine>,
    /// In how many seconds the readings are to be looked at again; 0: nothing is under way.
    again: u32,
    /// There are accounts whose reading is not shown.
    has_other_accounts: bool,
    items: Vec<Line>,
    /// Where there is nothing to tick it is not shown.
    bar: Option<ItemsBar>,
    pager: Pager,
}

/// The reading of an account's list.
struct SyncLine {
    view: SyncView,
    account: String,
    look: &'static str,
    state: String,
    left: String,
    /// In how many seconds there may be more to tell; 0: nothing is under way.
    again: u32,
}

/// An item as a line of the list.
struct Line {
    view: ItemView,
    /// What its box sends.
    key: String,
    /// The form came back with it.
    is_ticked: bool,
    account: String,
    status: &'static str,
    picture: String,
    look: &'static str,
    /// Empty: nobody can buy it, so nobody asks.
    verdict: &'static str,
    lacks: Vec<String>,
    may_polish: bool,
}

type Judged = HashMap<(AccountId, ItemId), ReadinessView>;

/// Items.
#[utoipa::path(get, path = "/app/items", operation_id = "panel_items_items", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn items(mut panel: Panel) -> ApiResult<HttpResponse> {
    let accounts = AccountChoice::read(&mut panel).await?;
    let ready = panel.take("ready").unwrap_or_default();
    let (page, judged) = if ready.is_empty() { all(&panel).await? } else { by_verdict(&panel, &ready).await? };
    if !ready.is_empty() {
        panel.query.push(("ready".to_owned(), ready.clone()));
    }
    let read = accounts.id().map_or_else(|| accounts.firsts(SHOWN_SYNCS), |account| vec![account]);
    let of_items = page.items.iter().map(|item| item.account_id);
    let names = AccountNames::of(&panel, of_items.chain(read.iter().copied())).await?;
    let pager = Pager::new(&panel, &page);
    let syncs = syncs(&panel, read, &names).await?;
    let shell = panel.shell(Place::Items, panel.t("商品", "Items")).await?;
    let bar = ItemsBar::read(&panel, &shell).await?;
    let asked = ["status", "q"].map(|name| panel.asked_for(name));
    let is_filtered = !ready.is_empty() || !accounts.chosen.is_empty() || asked.iter().any(|asked| !asked.is_empty());
    let [status, q] = asked;
    panel.show(&ItemsPage {
        tabs: tabs(&panel, &ready),
        statuses: ItemStatus::ALL.map(|status| (status.as_str(), item_words::status(status, &panel))).into(),
        is_filtered,
        again: syncs.iter().map(|sync| sync.again).filter(|seconds| *seconds > 0).min().unwrap_or(0),
        has_other_accounts: accounts.chosen.is_empty() && accounts.offered.len() > syncs.len(),
        accounts,
        syncs,
        items: page.items.into_iter().map(|view| Line::new(view, &judged, &names, &panel, &shell)).collect(),
        bar,
        pager,
        status,
        q,
        ready,
        shell,
    })
}

/// A page of all items, and what is known of those on it.
async fn all(panel: &Panel) -> ApiResult<(Page<ItemView>, Judged)> {
    let (caller, app) = (panel.caller.clone(), panel.app.clone());
    let page = items::list(caller.clone(), panel.query()?, app.clone()).await?.0;
    let shown = page.items.iter().map(|item| item.item_id.clone()).collect();
    let judged = readiness::of_items(&app, &caller, shown).await?;
    Ok((page, by_item(judged)))
}

/// A page of the items of which this is so.
async fn by_verdict(panel: &Panel, ready: &str) -> ApiResult<(Page<ItemView>, Judged)> {
    let (caller, app) = (panel.caller.clone(), panel.app.clone());
    let found = readiness::list(caller, panel.query_with(&[("verdict", ready)])?, app.clone()).await?.0;
    let mut shown = Vec::with_capacity(found.items.len());
    for judged in &found.items {
        shown.extend(app.store.item(judged.account_id, &judged.item_id).await?.map(|item| ItemView::from(&*item)));
    }
    let Page { items, total, page, per_page } = found;
    Ok((Page { items: shown, total, page, per_page }, by_item(items)))
}

fn by_item(judged: Vec<ReadinessView>) -> Judged {
    judged.into_iter().map(|judged| ((judged.account_id, judged.item_id.clone()), judged)).collect()
}

/// Each leads to all that is so, of the account that is chosen: nothing else can be asked with it.
fn tabs(panel: &Panel, ready: &str) -> Vec<(&'static str, String, bool)> {
    let account = panel.asked_for("account");
    let href = |value: &str| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let pairs = [("account", account.as_str()), ("ready", value)];
        query.extend_pairs(pairs.into_iter().filter(|(_, value)| !value.is_empty()));
        format!("/app/items?{}", query.finish())
    };
    [
        ("", panel.t("全部商品", "All items")),
        ("ready", panel.t("可以自动发货", "Ready to be delivered")),
        ("not_ready", panel.t("还不能自动发货", "Not ready")),
        ("off", panel.t("未开启自动发货", "Deliveries are off")),
    ]
    .into_iter()
    .map(|(value, name)| (name, href(value), ready == value))
    .collect()
}

async fn syncs(panel: &Panel, accounts: Vec<AccountId>, names: &AccountNames) -> ApiResult<Vec<SyncLine>> {
    let mut lines = Vec::with_capacity(accounts.len());
    for account in accounts {
        let view = items::progress(panel.caller.clone(), Id(account), panel.app.clone()).await?.0;
        let (look, state) = item_words::sync(&view, panel);
        let left = item_words::details_left(&view, panel);
        let again = item_words::again(&view);
        lines.push(SyncLine { account: names.name(account), look, state, left, again, view });
    }
    Ok(lines)
}

impl Line {
    fn new(view: ItemView, judged: &Judged, names: &AccountNames, panel: &Panel, shell: &Shell) -> Self {
        let judged = judged.get(&(view.account_id, view.item_id.clone()));
        let (look, verdict) = judged.map(|judged| item_words::verdict(judged.verdict, panel)).unwrap_or_default();
        let is_told = judged.filter(|judged| judged.verdict == Verdict::NotReady);
        let lacks = is_told.map(first_lacks).unwrap_or_default();
        let key = items_bar::key(&view);
        Self {
            account: names.name(view.account_id),
            status: item_words::status(view.status, panel),
            picture: item_words::picture(&view),
            look,
            verdict,
            lacks,
            may_polish: shell.may_manage && view.status == ItemStatus::OnSale && !view.polished_today,
            is_ticked: shell.picked(items_bar::FORM, items_bar::ITEMS, &key, &false),
            key,
            view,
        }
    }
}

fn first_lacks(judged: &ReadinessView) -> Vec<String> {
    let of_variants = judged.variants.iter().flat_map(|variant| &variant.lacks);
    let mut said: Vec<String> = Vec::new();
    for LackView { text, .. } in judged.lacks.iter().chain(of_variants) {
        if !said.contains(text) && said.len() < SHOWN_LACKS {
            said.push(text.clone());
        }
    }
    said
}
