//! Notices: what was told, to whom it went, and what became of it there.

use std::{collections::HashMap, time::Duration};

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::notices::{self, NoticeDeliveryView, NoticeView},
        error::ApiResult,
    },
    AccountChoice, Pager, Panel, Place, Shell, notice_words,
};
use crate::{
    access::role::Right,
    notify::event::{Course, Event},
    store::notify_deliveries::State,
};

#[derive(Template)]
#[template(path = "panel/notices.html")]
struct NoticesPage {
    shell: Shell,
    event: String,
    severity: String,
    open: String,
    seen: String,
    events: Vec<(&'static str, &'static str)>,
    severities: Vec<(&'static str, &'static str)>,
    accounts: AccountChoice,
    notices: Vec<Line>,
    pager: Pager,
    /// Where channels are set up; empty for who may not.
    to_channels: &'static str,
}

/// A notice as a line.
struct Line {
    view: NoticeView,
    severity: &'static str,
    look: &'static str,
    /// Whether it lasts.
    course: &'static str,
    lines: Vec<String>,
    deliveries: Vec<Delivered>,
    /// Some of them never arrived.
    failed: usize,
}

/// One message of it to one channel.
struct Delivered {
    view: NoticeDeliveryView,
    phase: &'static str,
    state: &'static str,
    look: &'static str,
    is_dead: bool,
}

/// Notices.
#[utoipa::path(get, path = "/app/notices", operation_id = "panel_notices_notices", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn notices(mut panel: Panel) -> ApiResult<HttpResponse> {
    let accounts = AccountChoice::read(&mut panel).await?;
    let page =
        notices::list(panel.caller.clone(), panel.query_with(&[("per_page", "20")])?, panel.app.clone()).await?.0;
    let pager = Pager::new(&panel, &page);
    let mut deliveries = if panel.may(Right::Manage) {
        let shown = page.items.iter().map(|notice| notice.id).collect();
        notices::deliveries_of_each(&panel.app, &panel.caller, shown).await?
    } else {
        HashMap::new()
    };
    let line = |view: NoticeView| {
        let deliveries = deliveries.remove(&view.id).unwrap_or_default();
        Line::new(view, deliveries, &panel)
    };
    let lines = page.items.into_iter().map(line).collect();
    panel.show(&NoticesPage {
        shell: panel.shell(Place::Notices, panel.t("通知", "Notices")).await?,
        event: panel.asked_for("event"),
        severity: panel.asked_for("severity"),
        open: panel.asked_for("open"),
        seen: panel.asked_for("seen"),
        events: Event::ALL.iter().map(|event| (event.as_str(), notice_words::event_name(*event, &panel))).collect(),
        severities: vec![
            ("warning", panel.t("提醒和紧急", "To look at, and to act on")),
            ("critical", panel.t("仅紧急", "To act on alone")),
        ],
        accounts,
        notices: lines,
        to_channels: if panel.may(Right::Manage) { "/app/notices/channels" } else { "" },
        pager,
    })
}

impl Line {
    fn new(view: NoticeView, deliveries: Vec<NoticeDeliveryView>, panel: &Panel) -> Self {
        let deliveries: Vec<_> = deliveries.into_iter().map(|view| Delivered::new(view, panel)).collect();
        Self {
            severity: notice_words::severity_name(view.severity, panel),
            look: notice_words::severity_look(view.severity),
            course: course(&view, panel),
            lines: view.text.lines().map(str::to_owned).collect(),
            failed: deliveries.iter().filter(|delivered| delivered.is_dead).count(),
            deliveries,
            view,
        }
    }
}

fn course(view: &NoticeView, panel: &Panel) -> &'static str {
    let lasts = matches!(view.event.course(Duration::ZERO), Course::Trouble { .. });
    match view.ended_at {
        Some(_) => panel.t("已结束", "over"),
        None if lasts && view.open => panel.t("还在持续", "it lasts"),
        None => "",
    }
}

impl Delivered {
    fn new(view: NoticeDeliveryView, panel: &Panel) -> Self {
        Self {
            phase: notice_words::phase_name(view.phase, panel),
            state: notice_words::state_name(view.state, panel),
            look: notice_words::state_look(view.state),
            is_dead: view.state == State::Dead,
            view,
        }
    }
}
