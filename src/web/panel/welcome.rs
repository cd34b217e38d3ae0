//! Setting up step by step, for a new administrator and for everybody who owns accounts: the first account, a rule, a trial of it, and a
//! channel for notices; then what is where. Each step may be left out, and what is done is told by what is there.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::welcome::{self as api, WelcomeStepView},
        error::ApiResult,
    },
    AccountChoice, Panel, Place, Shell, WELCOME,
    account_names::account_of,
    channel_words,
    places::ENTRIES,
    sandbox::Trial,
};
use crate::{
    notify::channel::Kind,
    store::welcome::{State, Step},
};

/// Where most people want to be told.
const USUAL_KINDS: [Kind; 8] = [
    Kind::DingTalk,
    Kind::WeCom,
    Kind::Feishu,
    Kind::PushPlus,
    Kind::ServerChan,
    Kind::Bark,
    Kind::Telegram,
    Kind::Email,
];

/// What is shown after the last step.
const END: &str = "end";

#[derive(Template)]
#[template(path = "panel/welcome.html")]
struct WelcomePage {
    shell: Shell,
    lines: Vec<Line>,
    /// The step that is shown, or [`END`].
    step: &'static str,
    title: &'static str,
    is_done: bool,
    is_skipped: bool,
    /// Where one goes on.
    next: String,
    accounts: Vec<(String, String)>,
    account: String,
    say: String,
    /// `None`: nothing was tried just now.
    trial: Option<Trial>,
    kinds: Vec<Choice>,
    places: Vec<Choice>,
}

/// A step as a line.
pub(in crate::web) struct Line {
    pub(in crate::web) step: &'static str,
    pub(in crate::web) number: usize,
    pub(in crate::web) name: &'static str,
    /// What it is good for.
    pub(in crate::web) sentence: &'static str,
    pub(in crate::web) href: String,
    pub(in crate::web) is_done: bool,
    pub(in crate::web) is_skipped: bool,
    is_here: bool,
}

/// Somewhere to go.
struct Choice {
    href: String,
    icon: &'static str,
    name: &'static str,
    sentence: &'static str,
}

/// Setting up, step by step.
#[utoipa::path(get, path = "/app/welcome", operation_id = "panel_welcome", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn welcome(panel: Panel) -> ApiResult<HttpResponse> {
    let steps = api::get(panel.caller.clone(), panel.app.clone()).await?.0.steps;
    let shown = shown(&steps, panel.given("step"));
    let state = steps.iter().find(|line| Some(line.step) == shown).map(|line| line.state);
    let accounts = AccountChoice::for_form(&panel, None).await?;
    let account = account_of(panel.given("account")).or_else(|| accounts.firsts(1).first().copied());
    let trial = match account.filter(|_| shown == Some(Step::Trial)) {
        Some(account) => Trial::of(&panel, account).await?,
        None => None,
    };
    panel.show(&WelcomePage {
        shell: panel.shell(Place::Home, panel.t("开始使用", "Get started")).await?,
        lines: steps.iter().map(|line| Line::new(*line, shown, &panel)).collect(),
        step: shown.map_or(END, Step::as_str),
        title: shown
            .map_or_else(|| panel.t("设置完成：功能都在哪里", "All set: what is where"), |step| name(step, &panel)),
        is_done: state == Some(State::Done),
        is_skipped: state == Some(State::Skipped),
        next: next(&steps, shown),
        accounts: accounts.offered,
        account: account.map(|id| id.to_string()).unwrap_or_default(),
        say: panel.given("say").unwrap_or("在吗").to_owned(),
        trial,
        kinds: USUAL_KINDS.into_iter().map(|kind| Choice::of_kind(kind, &panel)).collect(),
        places: ENTRIES
            .iter()
            .filter(|entry| panel.may(entry.right))
            .filter_map(|entry| {
                let sentence = sentence_of(entry.place, &panel)?;
                Some(Choice {
                    href: entry.path.to_owned(),
                    icon: entry.icon,
                    name: panel.t(entry.zh, entry.en),
                    sentence,
                })
            })
            .collect(),
    })
}

/// The steps that are still open, for the first page.
pub(super) async fn open_steps(panel: &Panel) -> ApiResult<Vec<Line>> {
    let steps = api::get(panel.caller.clone(), panel.app.clone()).await?.0.steps;
    let open = steps.into_iter().filter(|line| line.state == State::Open);
    Ok(open.map(|line| Line::new(line, None, panel)).collect())
}

/// The step that was asked for, else the first that is open; `None` after the last.
fn shown(steps: &[WelcomeStepView], asked: Option<&str>) -> Option<Step> {
    match asked {
        Some(END) => None,
        Some(code) if Step::ALL.iter().any(|step| step.as_str() == code) => {
            Step::ALL.into_iter().find(|step| step.as_str() == code)
        }
        Some(_) | None => steps.iter().find(|line| line.state == State::Open).map(|line| line.step),
    }
}

/// The page of the step after this one that is not done.
fn next(steps: &[WelcomeStepView], shown: Option<Step>) -> String {
    let later = steps.iter().skip_while(|line| Some(line.step) != shown).skip(1);
    let next = later.filter(|line| line.state != State::Done).map(|line| line.step.as_str()).next();
    format!("{WELCOME}?step={}", next.unwrap_or(END))
}

fn name(step: Step, panel: &Panel) -> &'static str {
    match step {
        Step::Account => panel.t("添加闲鱼账号", "Add an account"),
        Step::Rule => panel.t("设置一条自动回复", "Make a rule"),
        Step::Trial => panel.t("试一试", "Try it"),
        Step::Channel => panel.t("接收通知", "Be told"),
    }
}

fn sentence(step: Step, panel: &Panel) -> &'static str {
    match step {
        Step::Account => panel
            .t("扫码或粘贴 Cookie，开始接收消息和订单。", "By a code or a cookie: its messages and orders come here."),
        Step::Rule => panel.t("买家说什么，就回复什么。", "What is answered when a buyer says something."),
        Step::Trial => {
            panel.t("看看会怎么回复、为什么，不会真的发送。", "See what would be answered and why. Nothing is sent.")
        }
        Step::Channel => {
            panel.t("账号掉线、发货失败时，手机或群里马上知道。", "Your phone or group hears of what goes wrong.")
        }
    }
}

impl Line {
    fn new(line: WelcomeStepView, shown: Option<Step>, panel: &Panel) -> Self {
        let WelcomeStepView { step, state } = line;
        Self {
            step: step.as_str(),
            number: 1 + Step::ALL.iter().position(|known| *known == step).unwrap_or(0),
            name: name(step, panel),
            sentence: sentence(step, panel),
            href: format!("{WELCOME}?step={}", step.as_str()),
            is_done: state == State::Done,
            is_skipped: state == State::Skipped,
            is_here: shown == Some(step),
        }
    }
}

impl Choice {
    fn of_kind(kind: Kind, panel: &Panel) -> Self {
        Self {
            href: format!("/app/notices/channels/new?kind={}&back=welcome", kind.as_str()),
            icon: "bell",
            name: channel_words::kind_name(kind, panel),
            sentence: channel_words::kind_sentence(kind, panel),
        }
    }
}

/// What one finds there; `None`: nobody looks for it on the first day.
fn sentence_of(place: Place, panel: &Panel) -> Option<&'static str> {
    Some(match place {
        Place::Chats => panel.t("看消息、亲自回复、暂停自动回复。", "Read, answer yourself, pause automatic answers."),
        Place::Orders => panel.t("每个订单的进展，手动发货。", "What became of each order; deliver by hand."),
        Place::Reviews => panel.t("发货拿不准的事，等您决定。", "What could not be delivered waits for you there."),
        Place::Accounts => panel.t("账号是否在线，重新登录。", "Whether they are online; log in anew."),
        Place::Items => {
            panel.t("商品能否自动发货，还缺什么。", "Whether an item would be delivered, and what is missing.")
        }
        Place::Rules => {
            panel.t("更多规则、默认回复、按订单触发的消息。", "More rules, default replies, messages about orders.")
        }
        Place::Ai => {
            panel.t("让 AI 回答规则答不了的，也可以议价。", "Lets an AI answer what no rule does, and bargain.")
        }
        Place::Delivery => panel.t("哪个商品发什么卡券。", "Which item gives what."),
        Place::Cards => panel.t("导入卡密，查看库存。", "Put in codes, look at the stock."),
        Place::Notices => panel.t("发生过什么，通知发到哪里。", "What happened, and who is told."),
        Place::People => {
            panel.t("邀请同事一起回复，权限各自分开。", "Have colleagues answer, each with rights of their own.")
        }
        Place::Settings => panel.t("邮件、AI、注册和数据保留时间。", "Mail, AI, registration, how long data is kept."),
        Place::Home | Place::Challenges | Place::Logs | Place::Audit | Place::Tokens | Place::About | Place::Me => {
            return None;
        }
    })
}
