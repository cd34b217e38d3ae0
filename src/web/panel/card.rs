//! One card: what it gives, its stock, what happened to that, and a trial.

use std::fmt::Write as _;

use actix_web::HttpResponse;
use askama::Template;
use serde_json::Value;

use super::{
    super::{
        api::{
            cards::{self, CardView},
            delivery_rules::{self, DeliveryRuleView},
            order_texts,
            units::{self, UnitEventView, UnitView},
        },
        error::{ApiResult, Language},
        input::Id,
    },
    Pager, Panel, Place, Shell,
    card_fields::{self, CardFields},
    card_words, cards as card_list,
    counts::counted,
    delivery_rule::target_of,
};
use crate::{
    delivery::{card::Kind, unit::UnitState},
    ids::{AccountId, CardId, OrderId, UnitId},
};

#[derive(Template)]
#[template(path = "panel/card.html")]
struct CardPage {
    shell: Shell,
    card: CardView,
    kind: &'static str,
    sentence: &'static str,
    fields: CardFields,
    /// What a part of a combination may be: number and name.
    cards: Vec<(String, String)>,
    /// Pictures to choose from: what stands for each, and its name.
    pictures: Vec<(String, String)>,
    /// Of a pool.
    stock: Option<Stock>,
    /// Of a card that asks a server.
    trial: Option<Trial>,
    /// The delivery rules that give it: address and words.
    rules: Vec<(String, String)>,
    /// Why it was not removed.
    in_use: String,
}

struct Stock {
    figures: Vec<(&'static str, i64)>,
    /// What became of the last import; empty: nothing was imported.
    imported: String,
    state: String,
    duplicate: String,
    states: Vec<(&'static str, &'static str)>,
    units: Vec<UnitLine>,
    pager: Pager,
    events: Vec<EventLine>,
    /// The events were asked for.
    is_history: bool,
    /// The page of older events; empty: there is none.
    older: String,
}

/// A piece of stock as a line.
struct UnitLine {
    view: UnitView,
    state: &'static str,
    look: &'static str,
    order: String,
    /// The content is shown as it is.
    is_revealed: bool,
    /// The page on which it is.
    reveal: String,
    /// What a person may decide.
    acts: Vec<Act>,
    /// A decision about it was refused.
    is_open: bool,
}

struct Act {
    /// Its form.
    form: String,
    action: String,
    text: &'static str,
    done: &'static str,
    sure: &'static str,
    look: &'static str,
    /// How it is taken back: by which method and address of the API, what is said then, and for what reason. Empty: it is not.
    back: String,
    taken_back: &'static str,
    reason_back: &'static str,
}

struct EventLine {
    view: UnitEventView,
    what: String,
    order: String,
}

/// What a trial gave.
struct Trial {
    content: String,
    messages: Vec<String>,
    /// Why it gave nothing.
    fault: String,
}

/// Card.
#[utoipa::path(get, path = "/app/cards/{id}", operation_id = "panel_cards_card", tag = "pages", params(("id" = String, Path)), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn card(mut panel: Panel, id: Id<CardId>) -> ApiResult<HttpResponse> {
    let card = cards::read(&panel.app, &panel.caller, id.0).await?;
    let shown = panel.take("show").and_then(|unit| unit.parse().ok()).map(UnitId);
    let history = panel.take("history").and_then(|page| page.parse().ok()).unwrap_or(1);
    let stock = match card.kind {
        Kind::Pool => Some(stock(&panel, &card, shown, history).await?),
        Kind::Text | Kind::Image | Kind::Api | Kind::Combination => None,
    };
    let parts = card_fields::parts_to_choose(&panel, card.kind, card.id).await?;
    panel.show(&CardPage {
        shell: panel.shell(Place::Cards, panel.t("卡券", "Card")).await?,
        kind: card_words::kind_name(card.kind, &panel),
        sentence: card_words::kind_sentence(card.kind, &panel),
        fields: CardFields::of(&card, &panel),
        cards: parts,
        pictures: card_fields::pictures_to_choose(&panel, card.kind, card.images.as_deref().unwrap_or_default())
            .await?,
        stock,
        trial: (card.kind == Kind::Api).then(|| Trial::new(&panel)),
        rules: rules(&panel, card.id).await?,
        in_use: in_use(&panel),
        card,
    })
}

async fn stock(panel: &Panel, card: &CardView, shown: Option<UnitId>, history: i64) -> ApiResult<Stock> {
    let (caller, app) = (|| panel.caller.clone(), || panel.app.clone());
    let page = units::list(caller(), Id(card.id), panel.query()?, app()).await?.0;
    let query = super::asked(&format!("per_page=20&page={}", history.max(1)))?;
    let events = units::events(caller(), Id(card.id), query, app()).await?.0;
    let pager = Pager::new(panel, &page);
    let mut lines: Vec<UnitLine> = page.items.into_iter().map(|unit| UnitLine::new(unit, panel)).collect();
    // Whoever asks for one of another page, or of another card, is shown nothing, and nothing is written down.
    if let Some(line) = lines.iter_mut().find(|line| Some(line.view.id) == shown) {
        let unit = units::get(caller(), Id(line.view.id), super::asked("reveal=true")?, app()).await?.0;
        line.view.content = unit.content;
        line.is_revealed = true;
    }
    let is_more = events.page * events.per_page < events.total;
    Ok(Stock {
        figures: card.stock.map(|stock| card_list::figures(&stock, panel)).unwrap_or_default(),
        imported: ["import", "import-file"]
            .iter()
            .find_map(|form| panel.answer_to(form))
            .map(|report| imported(report, panel.language))
            .unwrap_or_default(),
        state: panel.asked_for("state"),
        duplicate: panel.asked_for("duplicate"),
        states: UnitState::ALL.map(|state| (state.as_str(), card_words::state_name(state, panel))).into(),
        units: lines,
        pager,
        is_history: events.page > 1,
        events: events.items.into_iter().map(|event| EventLine::new(event, panel)).collect(),
        older: if is_more { panel.href_with("history", &(events.page + 1).to_string()) } else { String::new() },
    })
}

/// What became of the lines, in words.
fn imported(report: &Value, language: Language) -> String {
    let number = |name: &str| report[name].as_u64().unwrap_or(0);
    let (lines, added, known) = (number("lines"), number("added"), number("duplicates"));
    // Where they were kept, they are among those that were added.
    let is_kept = added + known > lines;
    match (language, known, is_kept) {
        (Language::Chinese, 0, _) => format!("共 {lines} 行，全部入库。"),
        (Language::English, 0, _) => {
            format!("{} now in stock.", counted(lines, "line, which is", "lines, all of them"))
        }
        (Language::Chinese, _, false) => {
            format!("共 {lines} 行，入库 {added} 条，跳过 {known} 条以前导入过的。")
        }
        (Language::English, _, false) => {
            let added = counted(added, "is in stock now", "are in stock now");
            let known = counted(known, "was imported before and left out", "were imported before and left out");
            format!("{}: {added}, {known}.", counted(lines, "line", "lines"))
        }
        (Language::Chinese, _, true) => format!("共 {lines} 行，全部入库，其中 {known} 条以前导入过。"),
        (Language::English, _, true) => {
            let lines = counted(lines, "line, which is", "lines, all of them");
            format!("{lines} now in stock; {} imported before.", counted(known, "of them was", "of them were"))
        }
    }
}

/// The address of an order's page; empty where there is no order.
fn order_link(account: Option<AccountId>, order: Option<&OrderId>) -> String {
    account.zip(order).map(|(account, order)| format!("/app/orders/{account}.{order}")).unwrap_or_default()
}

impl UnitLine {
    fn new(view: UnitView, panel: &Panel) -> Self {
        let acts = acts(&view, panel);
        Self {
            state: card_words::state_name(view.state, panel),
            look: card_words::state_look(view.state),
            order: order_link(view.account_id, view.order_id.as_ref()),
            is_revealed: false,
            reveal: panel.href_keeping_page("show", &view.id.to_string()),
            is_open: acts.iter().any(|act| panel.refusal_of(&act.form).is_some()),
            acts,
            view,
        }
    }
}

fn acts(unit: &UnitView, panel: &Panel) -> Vec<Act> {
    let act = |deed: &str, text, done| Act {
        form: format!("unit-{}-{deed}", unit.id),
        action: format!("/api/v1/units/{}/{deed}", unit.id),
        text,
        done,
        sure: "",
        look: "main",
        back: String::new(),
        taken_back: "",
        reason_back: "",
    };
    let free_again = panel.t("已放回库存。", "It is in stock again.");
    let void = || {
        let act = act(
            "void",
            panel.t("作废", "Make it void"),
            panel.t("已作废，不会再发出。", "It is void and will not be given."),
        );
        if unit.was_sent {
            let sure = panel.t(
                "曾有买家可能看到过这条卡密，作废后不能恢复，也不会再发出。确定吗？",
                "A buyer may have seen this code, so it cannot come back: it will never be given. Make it void?",
            );
            return Act { sure, look: "danger", ..act };
        }
        Act {
            sure: panel.t("作废后，这条卡密不会再发出。确定吗？", "A void code is not given to anybody. Make it void?"),
            look: "danger",
            back: format!("POST /api/v1/units/{}/free", unit.id),
            taken_back: free_again,
            reason_back: panel.t("撤销作废", "Made void by mistake"),
            ..act
        }
    };
    let free = |sure| Act { sure, ..act("free", panel.t("放回库存", "Back to the stock"), free_again) };
    match unit.state {
        UnitState::Free => vec![void()],
        UnitState::Confirmed => vec![act(
            "return",
            panel.t("记为买家已退回", "The buyer gave it back"),
            panel.t("已记为退回。可以放回库存或作废。", "It is noted. It can go back to the stock, or be made void."),
        )],
        UnitState::Returned => {
            let sure = panel.t(
                "曾有买家看到过这条卡密。确认它没有被使用，再放回库存。确定吗？",
                "A buyer has seen this code. Put it back only if it was not used. Go on?",
            );
            vec![free(sure), void()]
        }
        UnitState::Void if unit.state.may_be_taken_back(unit.was_sent) => vec![free("")],
        UnitState::Reserved | UnitState::Sent | UnitState::Uncertain | UnitState::Void => Vec::new(),
    }
}

impl EventLine {
    fn new(view: UnitEventView, panel: &Panel) -> Self {
        let what = match view.from {
            None => panel.t("导入", "imported").to_owned(),
            Some(_) => order_texts::piece(view.to).in_language(panel.language).to_owned(),
        };
        Self { what, order: order_link(view.account_id, view.order_id.as_ref()), view }
    }
}

impl Trial {
    fn new(panel: &Panel) -> Self {
        let answer = panel.answer_to("trial");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let messages = |answer: &Value| answer["messages"].as_array().map(|all| all.iter().map(text).collect());
        let fault = panel.refusal_of("trial").and_then(|refused| refused.details.more.get("reason"));
        Self {
            content: answer.map(|answer| text(&answer["content"])).unwrap_or_default(),
            messages: answer.and_then(messages).unwrap_or_default(),
            fault: fault.and_then(Value::as_str).map(|code| fault_sentence(code, panel).to_owned()).unwrap_or_default(),
        }
    }
}

/// Why a server gave nothing: the codes of [`crate::delivery::client::NotGiven`].
fn fault_sentence(code: &str, panel: &Panel) -> &'static str {
    match code {
        "bad_url" => panel.t("接口地址不是有效的网址。", "The address is no web address."),
        "sent_on" => panel.t(
            "对方服务器跳转到了别的地址，请填写最终的地址。",
            "The server led to another address. Fill in the one it leads to.",
        ),
        "no_such_path" => panel.t(
            "返回内容里没有“内容位置”所指的字段，请对照供货商的说明检查。",
            "The answer has nothing at the place you named. Compare it with your supplier's instructions.",
        ),
        "no_content" => panel.t(
            "返回内容里找不到要发的内容，请填写“内容位置”。",
            "The answer does not say what to give. Fill in where it stands.",
        ),
        "no_json" => panel.t(
            "返回的不是 JSON，“内容位置”无法使用。",
            "The answer is no JSON, so that nothing can be found at a place in it.",
        ),
        "no_text" => panel.t("返回内容的编码不是 UTF-8。", "The answer is not written in UTF-8."),
        "empty" => panel.t("返回内容是空的。", "The answer is empty."),
        "too_long" => panel.t("返回内容太长，不能发给买家。", "The answer is too long to be given."),
        _ => panel.t(
            "没有连上对方服务器，或者它返回了错误。请检查地址、请求头和参数。",
            "The server was not reached, or answered with an error. Check address, headers and parameters.",
        ),
    }
}

/// The delivery rules that give the card.
async fn rules(panel: &Panel, card: CardId) -> ApiResult<Vec<(String, String)>> {
    let query = super::asked(&format!("per_page=50&card={card}"))?;
    let page = delivery_rules::list(panel.caller.clone(), query, panel.app.clone()).await?.0;
    let line = |rule: DeliveryRuleView| (format!("/app/delivery/{}", rule.id), target_of(&rule, panel.language));
    Ok(page.items.into_iter().map(line).collect())
}

/// Why a card was not removed, from what the refusal tells.
fn in_use(panel: &Panel) -> String {
    let Some(refused) = panel.refusal_of("delete").filter(|refused| refused.code == "card_in_use") else {
        return String::new();
    };
    let more = &refused.details.more;
    let number = |name: &str| match more.get(name) {
        Some(Value::Array(all)) => u64::try_from(all.len()).unwrap_or(0),
        Some(other) => other.as_u64().unwrap_or(0),
        None => 0,
    };
    let said = [
        ("claimed", "个订单正在使用它的库存", "pieces are claimed by orders"),
        ("given", "条已经发给买家", "pieces were given to buyers"),
        ("delivery_rules", "条发货规则用到它", "delivery rules give it"),
        ("combinations", "张组合卡券包含它", "combinations contain it"),
    ];
    let mut text = String::new();
    for (name, zh, en) in said {
        let (number, words) = (number(name), panel.t(zh, en));
        if number > 0 {
            let comma = if text.is_empty() { "" } else { panel.t("，", ", ") };
            let _ = write!(text, "{comma}{number} {words}");
        }
    }
    text
}
