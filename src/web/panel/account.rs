//! One account: how it is doing, what it needs, and what may be set for it.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::{
            account_care::{self, AccountHealth, KickView, ProbeView},
            accounts::{self, AccountView},
        },
        error::{ApiResult, Language},
        input::Id,
    },
    Panel, Place, Shell, mend,
};
use crate::{
    access::role::Right,
    account::{state::State, token::Cause},
    ids::{AccountId, Timestamp},
};

#[derive(Template)]
#[template(path = "panel/account.html")]
struct AccountPage {
    shell: Shell,
    view: AccountView,
    state: &'static str,
    sentence: &'static str,
    action: &'static str,
    detail: String,
    /// Where there is a step that helps, for who may take it; else empty.
    mend: String,
    sections: Vec<Section>,
    /// Of what may be set: a form about what it was before is refused.
    tag: String,
    waits: Waits,
    proxy: Option<String>,
}

/// What belongs together, with a heading.
struct Section {
    title: &'static str,
    facts: Vec<(&'static str, String)>,
}

/// Seconds, as they stand in fields; empty: as the system's setting.
struct Waits {
    debounce: String,
    longest_wait: String,
    takeover_pause: String,
    usual: (String, String, String),
}

/// An account of the panel.
#[utoipa::path(get, path = "/app/accounts/{id}", operation_id = "panel_account", tag = "pages", params(("id" = i64, Path)), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn account(panel: Panel, id: Id<AccountId>) -> ApiResult<HttpResponse> {
    let (id, language) = (id.0, panel.language);
    let health = account_care::look(&panel.app, &panel.caller, id, language).await?;
    let view = accounts::shown(&panel.app, &panel.caller, id).await?;
    let may_manage = panel.may(Right::Manage);
    let proxy = health.proxy.clone();
    let mend = if may_manage && view.enabled { mend::link(id, health.status.reason) } else { String::new() };
    let page = AccountPage {
        shell: panel.shell(Place::Accounts, panel.t("账号状况", "How an account is doing")).await?,
        state: state(&health, language),
        sentence: health.status.sentence,
        // Where a button leads to the step, it need not be told how to find it.
        action: health.status.action.filter(|_| mend.is_empty()).unwrap_or_default(),
        // Our own words are English, the platform's are not.
        detail: health
            .status
            .detail
            .clone()
            .filter(|detail| matches!(language, Language::English) || !detail.is_ascii())
            .unwrap_or_default(),
        sections: sections(&health, &panel),
        tag: view.tag(),
        waits: Waits::new(&view, &panel),
        mend,
        view,
        proxy,
    };
    panel.show(&page)
}

/// Seconds of so many ms, without noughts at the end.
fn seconds(ms: u64) -> String {
    let (whole, part) = (ms / 1000, ms % 1000);
    if part == 0 { whole.to_string() } else { format!("{whole}.{part:03}").trim_end_matches('0').to_owned() }
}

impl Waits {
    fn new(view: &AccountView, panel: &Panel) -> Self {
        let given = |ms: Option<u64>| ms.map(seconds).unwrap_or_default();
        let inbox = &panel.app.settings.inbox;
        let usual = |span: std::time::Duration| seconds(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
        Self {
            debounce: given(view.debounce_ms),
            longest_wait: given(view.longest_wait_ms),
            takeover_pause: given(view.takeover_pause_ms),
            usual: (usual(inbox.debounce), usual(inbox.longest_wait), usual(inbox.takeover_pause)),
        }
    }
}

impl Waits {
    fn debounce_hint(&self, shell: &Shell) -> String {
        let usual = &self.usual.0;
        shell.language.pick(
            format!("买家常把一句话分几条发。留空则按系统设置（{usual} 秒）。"),
            format!("Buyers often write a sentence in several messages. Empty: as the system's setting ({usual} s)."),
        )
    }

    fn longest_wait_hint(&self, shell: &Shell) -> String {
        let usual = &self.usual.1;
        shell.language.pick(
            format!("买家一直在输入时，最迟这么久就回复。留空则按系统设置（{usual} 秒）。"),
            format!("Who keeps writing is answered after so long. Empty: as the system's setting ({usual} s)."),
        )
    }

    fn takeover_hint(&self, shell: &Shell) -> String {
        let usual = &self.usual.2;
        shell.language.pick(
            format!("您在手机或这里亲自回复后，该会话暂停自动回复。0 表示不暂停；留空则按系统设置（{usual} 秒）。"),
            format!("Where you wrote yourself, nothing is answered automatically. 0: it goes on; empty: as the system's setting ({usual} s)."),
        )
    }
}

fn state(health: &AccountHealth, language: Language) -> &'static str {
    let (zh, en) = match health.status.state {
        _ if !health.enabled => ("已停用", "disabled"),
        State::Connected if health.paused => ("已连接，暂停发送", "connected, sending is stopped"),
        State::Connected => ("已连接", "connected"),
        State::Failed => ("需要处理", "needs you"),
        State::Disconnected | State::Connecting | State::Reconnecting => ("正在连接", "connecting"),
        State::Closed => ("已断开", "closed"),
    };
    language.pick(zh, en)
}

fn sections(health: &AccountHealth, panel: &Panel) -> Vec<Section> {
    let (language, time) = (panel.language, |at| panel.times.exact(at));
    let say = |zh: &'static str, en: &'static str| language.pick(zh, en);
    let at = |at: Option<Timestamp>| at.map_or_else(|| say("无", "none").to_owned(), time);
    let of_all = |used: i64, budget: u32| format!("{used} / {budget}");
    let (login, token, line) = (&health.login, &health.token, health.line.as_ref());
    let mut connection = vec![(say("当前状态始于", "In this state since"), time(health.status.since))];
    if let Some(line) = line {
        connection.extend([
            (say("最近一次心跳应答", "Last answer to a heartbeat"), at(line.heartbeat_answered_at)),
            (say("最近一次推送", "Last push"), at(line.last_push_at)),
            (say("启动以来连接次数", "Connections since the start"), line.connections.to_string()),
            (say("尚未保存的推送", "Pushes not stored yet"), line.unstored.to_string()),
        ]);
    }
    let gaps = match health.gaps.last_at {
        Some(last) => format!("{} · {}", health.gaps.filled, time(last)),
        None => health.gaps.filled.to_string(),
    };
    connection.extend([
        (say("已完成的漏收消息补查", "Searches for missed messages"), gaps),
        (
            say("最近一次检测", "Last check of the connection"),
            health.last_probe.as_ref().map_or_else(|| at(None), |probe| tried(probe, panel)),
        ),
        (
            say("最近一次被其他程序挤下线", "Last taken over by another program"),
            health.last_kick.as_ref().map_or_else(|| at(None), |kick| kicked(kick, panel)),
        ),
        (say("代理", "Proxy"), health.proxy.clone().unwrap_or_else(|| say("不使用", "none").to_owned())),
    ]);
    let calls = match &health.breaker {
        Some(breaker) => {
            let cause = breaker.cause.parse().map_or("", |cause: Cause| reason_in(cause, language));
            format!("{} {}", cause, time(breaker.since))
        }
        None => say("正常", "allowed").to_owned(),
    };
    vec![
        Section { title: say("连接", "Connection"), facts: connection },
        Section {
            title: say("消息", "Messages"),
            facts: vec![
                (say("最近一条消息", "Last message"), at(health.last_message_at)),
                (say("等待回复的买家", "Buyers who wait for an answer"), health.unanswered.to_string()),
            ],
        },
        Section {
            title: say("登录", "Login"),
            facts: vec![
                (say("闲鱼昵称", "Name on the platform"), login.nickname.clone().unwrap_or_else(|| at(None))),
                (say("预计到期", "Expected to end"), at(login.ends_at)),
                (say("最近一次检查", "Last checked"), at(login.checked_at)),
                (say("今日检查次数", "Checks today"), of_all(login.checks_today.into(), login.checks_budget)),
            ],
        },
        Section {
            title: say("接口与令牌", "Calls and tokens"),
            facts: vec![
                (say("调用闲鱼接口", "Calls of the platform"), calls),
                (say("令牌获取时间", "Token since"), at(token.issued_at)),
                (say("令牌到期时间", "Token until"), at(token.expires_at)),
                (say("今日令牌请求", "Requests for tokens today"), of_all(token.requests_today, token.budget)),
            ],
        },
    ]
}

fn tried(probe: &ProbeView, panel: &Panel) -> String {
    let took = probe.took_ms.map(|ms| format!("{ms} ms"));
    let outcome = if probe.ok { panel.t("正常", "answered") } else { panel.t("无应答", "no answer") };
    let parts = [Some(outcome.to_owned()), took, probe.error.clone(), Some(panel.times.exact(probe.at))];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn kicked(kick: &KickView, panel: &Panel) -> String {
    let parts = [Some(kick.sentence.to_owned()), kick.detail.clone(), Some(panel.times.exact(kick.at))];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn reason_in(cause: Cause, language: Language) -> &'static str {
    language.pick(cause.reason().sentence_zh(), cause.reason().sentence())
}
