//! Settings: what an administrator sets while the system runs, what it was started with, and the jobs of the night.

mod ai;
mod backups;
mod night;
mod server;

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::settings::{self as api, SettingsView, SmtpView},
        error::ApiResult,
        tag,
    },
    Panel, Place, Shell,
};
use crate::{mail::client::SmtpTls, store::settings::Retention};

/// The parts of this page, as `tab` names them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Tab {
    General,
    Ai,
    Night,
    Backups,
    Server,
}

#[derive(Template)]
#[template(path = "panel/settings.html")]
struct SettingsPage {
    shell: Shell,
    tab: Tab,
    tag: String,
    registration: bool,
    smtp: Smtp,
    securities: Vec<(&'static str, &'static str)>,
    keeps: Vec<Keep>,
}

/// The mail server as texts of a form.
#[derive(Default)]
struct Smtp {
    is_set: bool,
    host: String,
    port: String,
    username: String,
    from: String,
    security: &'static str,
    /// What is known of its password; empty: there is none.
    password: String,
}

/// For how long a kind of data is kept.
struct Keep {
    field: &'static str,
    name: &'static str,
    days: String,
    hint: String,
}

/// Settings.
#[utoipa::path(get, path = "/app/settings", operation_id = "panel_settings_settings", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn settings(mut panel: Panel) -> ApiResult<HttpResponse> {
    let tab = panel.take("tab");
    let tab = tab.as_deref().and_then(Tab::parse).unwrap_or(Tab::General);
    if tab != Tab::General {
        panel.query.push(("tab".to_owned(), tab.as_str().to_owned()));
    }
    let shell = panel.shell(Place::Settings, panel.t("设置", "Settings")).await?;
    match tab {
        Tab::General => general(&panel, shell).await,
        Tab::Ai => ai::show(&panel, shell).await,
        Tab::Night => night::show(&panel, shell).await,
        Tab::Backups => backups::show(&panel, shell).await,
        Tab::Server => server::show(&panel, shell),
    }
}

async fn general(panel: &Panel, shell: Shell) -> ApiResult<HttpResponse> {
    let view = api::shown(&panel.app).await?;
    let tag = tag::of(&view);
    let SettingsView { registration, smtp, retention } = view;
    panel.show(&SettingsPage {
        tab: Tab::General,
        tag,
        registration: registration.enabled,
        smtp: smtp.map(|smtp| Smtp::new(smtp, &shell)).unwrap_or_default(),
        securities: vec![
            ("starttls", panel.t("STARTTLS（常用端口 587）", "STARTTLS (usually port 587)")),
            ("implicit", panel.t("SSL/TLS（常用端口 465）", "SSL/TLS (usually port 465)")),
            ("none", panel.t("不加密（仅限本机，常用端口 25）", "None (this machine alone, usually port 25)")),
        ],
        keeps: keeps(&retention, panel),
        shell,
    })
}

impl Tab {
    const ALL: [Self; 5] = [Self::General, Self::Ai, Self::Night, Self::Backups, Self::Server];

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tab| tab.as_str() == text)
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Ai => "ai",
            Self::Night => "night",
            Self::Backups => "backups",
            Self::Server => "server",
        }
    }

    /// All of them with their addresses and names, and whether it is this one.
    pub(in crate::web) fn switch(self, shell: &Shell) -> Vec<(String, &'static str, bool)> {
        let name = |tab: Self| match tab {
            Self::General => shell.t("常规", "General"),
            Self::Ai => shell.t("AI 默认设置", "AI for all"),
            Self::Night => shell.t("每晚清理", "Clean-up"),
            Self::Backups => shell.t("备份", "Backups"),
            Self::Server => shell.t("服务器配置", "The server"),
        };
        Self::ALL.map(|tab| (format!("/app/settings?tab={}", tab.as_str()), name(tab), tab == self)).into()
    }
}

impl Smtp {
    fn new(view: SmtpView, shell: &Shell) -> Self {
        let SmtpView { host, port, username, password, from, security } = view;
        let password = password.map(|hint| format!("{} · {}", hint.hint, shell.at(&hint.set_at)));
        Self {
            is_set: true,
            host,
            port: port.to_string(),
            username: username.unwrap_or_default(),
            from,
            security: match security {
                SmtpTls::Starttls => "starttls",
                SmtpTls::Implicit => "implicit",
                SmtpTls::None => "none",
            },
            password: password.unwrap_or_default(),
        }
    }
}

fn keeps(retention: &Retention, panel: &Panel) -> Vec<Keep> {
    let usual = Retention::default();
    let keep = |field, name, what: &'static str, days: u16, usual: u16| Keep {
        field,
        name,
        days: days.to_string(),
        hint: format!("{what}{}{usual}{}", panel.t("默认 ", " Usually "), panel.t(" 天。", " days.")),
    };
    vec![
        keep(
            "retention.messages_days:whole",
            panel.t("会话与消息（天）", "Conversations and messages (days)"),
            panel.t(
                "多久以前的会话、消息和已结束的订单会被清理。",
                "After this, conversations, messages and finished orders are removed.",
            ),
            retention.messages_days,
            usual.messages_days,
        ),
        keep(
            "retention.decisions_days:whole",
            panel.t("处理记录（天）", "Reasons of decisions (days)"),
            panel.t("为什么回复或不回复的记录保留多久。", "How long it is known why something was answered or not."),
            retention.decisions_days,
            usual.decisions_days,
        ),
        keep(
            "retention.logs_days:whole",
            panel.t("日志文件（天）", "Files of the log (days)"),
            panel.t(
                "若服务器配置 log.keep_days 更短，则以更短的为准。",
                "The server's own log.keep_days may remove them sooner.",
            ),
            retention.logs_days,
            usual.logs_days,
        ),
        keep(
            "retention.notices_days:whole",
            panel.t("通知（天）", "Notices (days)"),
            panel.t("已结束的通知及其发送记录保留多久。", "Notices that are over, with what was told of them."),
            retention.notices_days,
            usual.notices_days,
        ),
        keep(
            "retention.figures_days:whole",
            panel.t("规则统计（天）", "Figures of rules (days)"),
            panel.t("每天各条规则用了多少次，保留多久。", "How often each rule was used, day by day."),
            retention.figures_days,
            usual.figures_days,
        ),
    ]
}
