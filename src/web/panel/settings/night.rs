//! The job of the night: what it removes, when, and what it did last.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        super::{
            api::maintenance::{self as api, MaintenanceView},
            error::ApiResult,
        },
        Panel, Shell,
    },
    Tab,
};
use crate::store::retention::Removed;

#[derive(Template)]
#[template(path = "panel/settings_night.html")]
struct NightPage {
    shell: Shell,
    tab: Tab,
    view: MaintenanceView,
    next: String,
    /// What the last run removed; none where nothing was.
    removed: Vec<(&'static str, usize)>,
    took: String,
}

pub(super) async fn show(panel: &Panel, shell: Shell) -> ApiResult<HttpResponse> {
    let view = api::show(panel.caller.clone(), panel.app.clone()).await?.0;
    let last = view.last_run.as_ref();
    panel.show(&NightPage {
        tab: Tab::Night,
        next: shell.at(&view.next_run_at),
        removed: last.map(|run| removed(&run.removed, panel)).unwrap_or_default(),
        took: last.map(|run| format!("{}.{:03}", run.duration_ms / 1000, run.duration_ms % 1000)).unwrap_or_default(),
        view,
        shell,
    })
}

fn removed(removed: &Removed, panel: &Panel) -> Vec<(&'static str, usize)> {
    let Removed {
        messages,
        sends,
        reasons,
        conversations,
        suggestions,
        bargains,
        order_events,
        orders,
        unknown_pushes,
        pauses,
        sessions,
        email_codes,
        idempotency_keys,
        api_tokens,
        notices,
        rule_events,
        rule_uses,
        rule_figures,
        buyer_tags,
        buyer_notes,
        challenges,
        log_files,
    } = *removed;
    [
        (panel.t("消息", "messages"), messages),
        (panel.t("发送记录", "records of sends"), sends),
        (panel.t("处理原因", "reasons of decisions"), reasons),
        (panel.t("会话", "conversations"), conversations),
        (panel.t("AI 建议", "AI suggestions"), suggestions),
        (panel.t("议价", "bargains"), bargains),
        (panel.t("订单事件", "events of orders"), order_events),
        (panel.t("订单", "orders"), orders),
        (panel.t("无法识别的推送", "pushes that nobody knows"), unknown_pushes),
        (panel.t("过期的会话暂停", "pauses that are over"), pauses),
        (panel.t("过期的登录", "sign-ins that are over"), sessions),
        (panel.t("过期的邮箱验证码", "e-mail codes"), email_codes),
        (panel.t("过期的防重记录", "marks against doing things twice"), idempotency_keys),
        (panel.t("过期的访问令牌", "tokens that are over"), api_tokens),
        (panel.t("通知", "notices"), notices),
        (panel.t("规则事件", "events of rules"), rule_events),
        (panel.t("规则使用记录", "uses of rules"), rule_uses),
        (panel.t("规则统计", "figures of rules"), rule_figures),
        (panel.t("买家标签", "tags of buyers"), buyer_tags),
        (panel.t("买家备注", "notes about buyers"), buyer_notes),
        (panel.t("人工验证", "verifications"), challenges),
        (panel.t("日志文件", "files of the log"), log_files),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .collect()
}
