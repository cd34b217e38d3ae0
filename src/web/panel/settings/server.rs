//! What the server was started with: every setting with what it means, its value, its default, and where the value comes from.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        super::error::{ApiResult, Language},
        Panel, Shell,
    },
    Tab,
};
use crate::settings::{Source, Told};

#[derive(Template)]
#[template(path = "panel/settings_server.html")]
struct ServerPage {
    shell: Shell,
    tab: Tab,
    sections: Vec<Section>,
}

struct Section {
    name: &'static str,
    settings: Vec<Setting>,
}

struct Setting {
    key: String,
    meaning: String,
    value: String,
    default: String,
    is_default: bool,
    source: String,
}

pub(super) fn show(panel: &Panel, shell: Shell) -> ApiResult<HttpResponse> {
    let mut sections: Vec<Section> = Vec::new();
    for told in panel.app.settings.told() {
        let name = section_name(told.key.split_once('.').map_or("", |(section, _)| section), panel);
        let setting = Setting::new(told, panel);
        match sections.last_mut().filter(|section| section.name == name) {
            Some(section) => section.settings.push(setting),
            None => sections.push(Section { name, settings: vec![setting] }),
        }
    }
    panel.show(&ServerPage { tab: Tab::Server, sections, shell })
}

impl Setting {
    fn new(told: Told, panel: &Panel) -> Self {
        let source = match &told.source {
            Source::Default => panel.t("默认值", "the default").to_owned(),
            Source::File(name) => format!("{}{name}", panel.t("配置文件 ", "the file ")),
            Source::Environment => {
                let variable = format!("YUTANG__{}", told.key.to_uppercase().replace('.', "__"));
                format!("{}{variable}", panel.t("环境变量 ", "the environment: "))
            }
            Source::CommandLine => panel.t("启动参数 --data-dir", "the command line: --data-dir").to_owned(),
        };
        let meaning = match panel.language {
            Language::Chinese => told.meaning_zh.to_owned(),
            Language::English => told.meaning,
        };
        Self {
            value: in_words(&told.key, &told.value, panel),
            default: in_words(&told.key, &told.default, panel),
            is_default: told.value == told.default,
            key: told.key,
            meaning,
            source,
        }
    }
}

/// A value with its unit.
fn in_words(key: &str, value: &str, panel: &Panel) -> String {
    let unit = unit(key, panel);
    match value {
        "" | "[]" => panel.t("（空）", "(empty)").to_owned(),
        "true" => panel.t("是", "yes").to_owned(),
        "false" => panel.t("否", "no").to_owned(),
        number if !unit.is_empty() => format!("{number} {unit}"),
        text => span(text, panel).unwrap_or_else(|| text.trim_matches(['[', ']']).replace('"', "")),
    }
}

/// A span of time, such as `15s`, in words.
fn span(text: &str, panel: &Panel) -> Option<String> {
    let end = text.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(end).filter(|(number, _)| !number.is_empty())?;
    let unit = match unit {
        "ms" => panel.t("毫秒", "ms"),
        "s" => panel.t("秒", "s"),
        "m" => panel.t("分钟", "min"),
        "h" => panel.t("小时", "h"),
        "d" => panel.t("天", "d"),
        _ => return None,
    };
    Some(format!("{number} {unit}"))
}

fn unit(key: &str, panel: &Panel) -> &'static str {
    match key {
        "outbox.rate" => panel.t("条/秒", "messages a second"),
        "outbox.burst" => panel.t("条", "messages"),
        "accounts.pace" => panel.t("个/秒", "accounts a second"),
        "accounts.connecting" | "accounts.open_sockets" => panel.t("个账号", "accounts"),
        "accounts.token_budget" => panel.t("次/天", "a day"),
        "accounts.retries" | "ai.failures" | "outbox.attempts" | "notify.attempts" => panel.t("次", "times"),
        "items.calls_per_minute" | "orders.calls_per_minute" => panel.t("次/分钟", "a minute"),
        "captcha.memory_mb" => "MB",
        "health.disk_free_mib" => "MiB",
        "health.cpu_percent" | "health.memory_percent" => "%",
        "backup.keep" => panel.t("份", "copies"),
        "log.keep_days" => panel.t("天", "days"),
        "log.ring_records" => panel.t("条", "lines"),
        "server.shards" => panel.t("个线程", "threads"),
        "server.requests" => panel.t("个请求", "requests"),
        _ => "",
    }
}

fn section_name(section: &str, panel: &Panel) -> &'static str {
    match section {
        "database" => panel.t("数据库", "Database"),
        "server" => panel.t("网页与接口", "Web server"),
        "platform" => panel.t("闲鱼平台", "The platform"),
        "accounts" => panel.t("账号连接", "Connections of accounts"),
        "inbox" => panel.t("收消息", "Messages that come in"),
        "reply" => panel.t("回复", "Answers"),
        "outbox" => panel.t("发消息", "Messages that go out"),
        "outgoing" => panel.t("访问外部地址", "Addresses of others"),
        "ai" => panel.t("AI 服务", "AI providers"),
        "items" => panel.t("商品", "Items"),
        "orders" => panel.t("订单", "Orders"),
        "notify" => panel.t("通知", "Notices"),
        "captcha" => panel.t("人工验证", "Verifications"),
        "maintenance" => panel.t("清理", "Clean-up"),
        "backup" => panel.t("备份", "Backups"),
        "log" => panel.t("日志", "Log"),
        "setup" => panel.t("首次设置", "First administrator"),
        "secrets" => panel.t("密钥", "Key"),
        "health" => panel.t("健康检查", "Health"),
        "metrics" => panel.t("监控指标", "Metrics"),
        _ => panel.t("数据文件夹", "Data"),
    }
}
