//! Whether an account can be relied on: everything that is known of its connection, login and budgets, on one page.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;

use super::{
    super::{
        AppState,
        api::{
            account_care::{self, AccountHealth, KickView, ProbeView},
            tables::time,
        },
        error::{ApiResult, Language},
        gate::Caller,
        input::{Id, Query},
    },
    Frame, PageQuery, language, mend, show,
};
use crate::{
    access::role::Right,
    account::token::Cause,
    ids::{AccountId, Timestamp},
};

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage<'a> {
    frame: Frame,
    words: &'a Words,
    csrf: String,
    id: AccountId,
    name: String,
    state: &'static str,
    sentence: &'static str,
    action: &'static str,
    detail: String,
    /// Where there is a step that helps, for who may take it; else empty.
    mend: String,
    may_probe: bool,
    sections: Vec<Section>,
}

/// What belongs together, with a heading.
struct Section {
    title: &'static str,
    facts: Vec<(&'static str, String)>,
}

struct Words {
    title: &'static str,
    lead: &'static str,
    mend: &'static str,
    probe: &'static str,
    probe_hint: &'static str,
    wait: &'static str,
    unreachable: &'static str,
}

const CHINESE: Words = Words {
    title: "账号状况",
    lead: "时间为北京时间。",
    mend: "去处理",
    probe: "立即检测连接",
    probe_hint: "只会向闲鱼查询一次会话列表，不会给任何人发送消息。",
    wait: "请等待 {} 秒。",
    unreachable: "无法连接服务器，请稍后再试。",
};

const ENGLISH: Words = Words {
    title: "How an account is doing",
    lead: "Times are those of Beijing (UTC+8).",
    mend: "See to it",
    probe: "Try the connection now",
    probe_hint: "The platform lists one conversation. Nothing is sent to anybody.",
    wait: "Wait {} s.",
    unreachable: "The server did not answer. Try again in a moment.",
};

pub(super) fn path(id: AccountId) -> String {
    format!("/app/accounts/{id}")
}

/// Everything about one account's connection, login and budgets, for people.
#[utoipa::path(get, path = "/app/accounts/{id}", tag = "pages", params(("id" = i64, Path), PageQuery), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn account(
    caller: Caller,
    id: Id<AccountId>,
    request: HttpRequest,
    query: Query<PageQuery>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let language = language(query.0.lang, &request);
    let words = language.pick(&CHINESE, &ENGLISH);
    let id = id.0;
    let health = account_care::look(&app, &caller, id, language).await?;
    let may_manage = caller.user.role.may(Right::Manage);
    let is_led = may_manage && mend::step(id, Some(health.status.reason), None) != path(id);
    let page = AccountPage {
        frame: Frame::new(words.title, language, &path(id), &[]),
        words,
        csrf: caller.session.as_deref().map(|session| app.gate.csrf(session)).unwrap_or_default(),
        id,
        state: state(&health, language),
        sentence: health.status.sentence,
        // Where a button leads to the step, it need not be told how to find it.
        action: health.status.action.filter(|_| !is_led).unwrap_or_default(),
        // Our own words are English, the platform's are not.
        detail: health
            .status
            .detail
            .clone()
            .filter(|detail| matches!(language, Language::English) || !detail.is_ascii())
            .unwrap_or_default(),
        mend: if is_led { format!("{}/mend", path(id)) } else { String::new() },
        may_probe: may_manage,
        sections: sections(&health, language),
        name: health.name,
    };
    show(StatusCode::OK, &page)
}

fn state(health: &AccountHealth, language: Language) -> &'static str {
    use crate::account::state::State;
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

fn sections(health: &AccountHealth, language: Language) -> Vec<Section> {
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
            health.last_probe.as_ref().map_or_else(|| at(None), |probe| tried(probe, &say)),
        ),
        (
            say("最近一次被其他程序挤下线", "Last taken over by another program"),
            health.last_kick.as_ref().map_or_else(|| at(None), kicked),
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

fn tried(probe: &ProbeView, say: &impl Fn(&'static str, &'static str) -> &'static str) -> String {
    let took = probe.took_ms.map(|ms| format!("{ms} ms"));
    let outcome = if probe.ok { say("正常", "answered") } else { say("无应答", "no answer") };
    let parts = [Some(outcome.to_owned()), took, probe.error.clone(), Some(time(probe.at))];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn kicked(kick: &KickView) -> String {
    let parts = [Some(kick.sentence.to_owned()), kick.detail.clone(), Some(time(kick.at))];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn reason_in(cause: Cause, language: Language) -> &'static str {
    language.pick(cause.reason().sentence_zh(), cause.reason().sentence())
}
