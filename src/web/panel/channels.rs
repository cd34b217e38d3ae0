//! Where notices go: the channels, and what each of them hears of.

use actix_web::HttpResponse;
use askama::Template;
use serde_json::{Value, json};

use super::{
    super::{
        api::notify_channels::{self, ChannelView, SubscriptionsView},
        error::ApiResult,
        tag,
    },
    Panel, Place, Shell, channel, channel_words, notice_words,
};
use crate::{
    ids::ChannelId,
    notify::event::{Event, Severity},
};

#[derive(Template)]
#[template(path = "panel/channels.html")]
struct ChannelsPage {
    shell: Shell,
    channels: Vec<Line>,
    /// An event a row, a channel a column.
    events: Vec<EventRow>,
    tag: String,
}

/// A channel as a line.
struct Line {
    view: ChannelView,
    kind: &'static str,
    /// Names and values of what it was given, secrets masked.
    config: Vec<(&'static str, String)>,
    quiet: String,
    form: String,
    /// What the service said to the trial that led here; empty: nothing bad.
    fault: String,
    is_tried: bool,
}

struct EventRow {
    name: &'static str,
    sentence: &'static str,
    severity: &'static str,
    look: &'static str,
    cells: Vec<Cell>,
}

/// Whether a channel hears of an event.
struct Cell {
    channel: String,
    /// What the form sends, what it says, and whether it is so.
    options: Vec<(String, &'static str, bool)>,
}

/// Where notices go.
#[utoipa::path(get, path = "/app/notices/channels", operation_id = "panel_channels_channels", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn channels(panel: Panel) -> ApiResult<HttpResponse> {
    let all = notify_channels::read_subscriptions(&panel.app, panel.caller.clone()).await?;
    panel.show(&ChannelsPage {
        shell: panel.shell(Place::Notices, panel.t("通知渠道", "Where notices go")).await?,
        tag: tag::of(&all),
        events: all.events.iter().map(|event| row(event.event, event.severity, &all, &panel)).collect(),
        channels: all.channels.into_iter().map(|view| Line::new(view, &panel)).collect(),
    })
}

impl Line {
    fn new(view: ChannelView, panel: &Panel) -> Self {
        let form = format!("test-{}", view.id);
        let labels = channel_words::fields(view.kind, panel);
        let label = |name: &str| labels.iter().find(|field| field.name == name).map_or("", |field| field.label);
        let said = panel.refusal_of(&form).map(|refused| {
            let said = refused.details.more.get("said").and_then(Value::as_str);
            said.filter(|said| !said.is_empty()).unwrap_or(&refused.message).to_owned()
        });
        let quiet = view.quiet_hours.as_deref().and_then(channel::parts);
        Self {
            kind: channel_words::kind_name(view.kind, panel),
            config: view.config.iter().map(|(name, value)| (label(name), value.clone())).collect(),
            quiet: quiet.map(|(from, to, zone)| format!("{from}–{to} (UTC{zone})")).unwrap_or_default(),
            fault: said.unwrap_or_default(),
            is_tried: panel.answer_to(&form).is_some(),
            form,
            view,
        }
    }
}

fn row(event: Event, severity: Severity, all: &SubscriptionsView, panel: &Panel) -> EventRow {
    let heard = |channel: ChannelId| {
        let mut subscriptions = all.subscriptions.iter();
        let found = subscriptions.find(|known| known.channel_id == channel && known.event == event);
        found.map(|known| known.min_severity)
    };
    let cell = |channel: &ChannelView| Cell {
        channel: channel.name.clone(),
        options: options(channel.id, event, heard(channel.id), panel),
    };
    EventRow {
        name: notice_words::event_name(event, panel),
        sentence: notice_words::event_sentence(event, panel),
        severity: notice_words::severity_name(severity, panel),
        look: notice_words::severity_look(severity),
        cells: all.channels.iter().map(cell).collect(),
    }
}

/// What there is to choose: never, or from which severity on.
fn options(
    channel: ChannelId,
    event: Event,
    heard: Option<Severity>,
    panel: &Panel,
) -> Vec<(String, &'static str, bool)> {
    let from = |severity: Severity| {
        let words = match severity {
            Severity::Info => panel.t("全部", "All of it"),
            Severity::Warning => panel.t("提醒以上", "To look at, or worse"),
            Severity::Critical => panel.t("仅紧急", "To act on alone"),
        };
        let sent = json!({"channel_id": channel, "event": event, "min_severity": severity});
        (sent.to_string(), words, heard == Some(severity))
    };
    let never = (String::new(), panel.t("不通知", "No"), heard.is_none());
    std::iter::once(never).chain(Severity::ALL.iter().map(|severity| from(*severity))).collect()
}
