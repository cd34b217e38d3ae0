//! One channel of notices: a new one, or one that is there.

use actix_web::HttpResponse;
use askama::Template;

use super::{
    super::{
        api::notify_channels::{self, ChannelView},
        error::ApiResult,
        input::Id,
        tag,
    },
    Panel, Place, Shell, WELCOME,
    channel_words::{self, FieldWords, Shape},
};
use crate::{
    ids::ChannelId,
    notify::{channel::Kind, event::Language},
};

/// The form's id.
const FORM: &str = "channel";
/// Of hours that nobody has set yet: the platform's.
const ZONE: &str = "+08:00";
const LANGUAGES: [(&str, &str); 2] = [("zh", "中文"), ("en", "English")];
const ALL: &str = "/app/notices/channels";
const METHODS: [(&str, &str); 2] = [("POST", "POST"), ("PUT", "PUT")];

#[derive(Template)]
#[template(path = "panel/channel.html")]
struct ChannelPage {
    shell: Shell,
    kinds: Vec<Choice>,
    /// `None`: the kind is chosen first.
    fields: Option<Fields>,
    /// Where a new one leads.
    then: &'static str,
    languages: [(&'static str, &'static str); 2],
    methods: [(&'static str, &'static str); 2],
}

struct Choice {
    href: String,
    name: &'static str,
    sentence: &'static str,
}

/// What stands in the form, if nothing else was typed.
struct Fields {
    form: &'static str,
    /// `None`: it is to be made.
    channel: Option<ChannelId>,
    kind: &'static str,
    kind_name: &'static str,
    sentence: &'static str,
    action: String,
    tag: String,
    name: String,
    language: &'static str,
    from: String,
    to: String,
    zone: String,
    rows: Vec<Row>,
}

/// A field of the kind.
struct Row {
    words: FieldWords,
    /// Without what it stands for.
    name: String,
    field: String,
    label: String,
    /// What is stored; of a secret a mask.
    usual: String,
    /// A secret is stored, and may be taken away.
    may_clear: bool,
}

impl Row {
    fn is_secret(&self) -> bool {
        matches!(self.words.shape, Shape::Secret | Shape::SecretPairs)
    }

    fn is(&self, shape: &str) -> bool {
        let own = match self.words.shape {
            Shape::Line => "line",
            Shape::Url => "url",
            Shape::Email => "email",
            Shape::Secret => "secret",
            Shape::SecretPairs => "pairs",
            Shape::PostOrPut => "method",
        };
        own == shape
    }

    fn new(words: FieldWords, stored: Option<&ChannelView>, panel: &Panel) -> Self {
        let usual = stored.and_then(|channel| channel.config.get(words.name)).cloned().unwrap_or_default();
        let kind = match words.shape {
            // What is empty takes its usual value again.
            Shape::Line | Shape::Url | Shape::Email | Shape::PostOrPut => "",
            Shape::Secret => ":secret",
            Shape::SecretPairs => ":secret-pairs",
        };
        let optional = if words.is_required { "" } else { panel.t("（选填）", " (optional)") };
        Self {
            name: format!("config.{}", words.name),
            field: format!("config.{}{kind}", words.name),
            label: format!("{}{optional}", words.label),
            may_clear: !words.is_required && !kind.is_empty() && !usual.is_empty(),
            usual,
            words,
        }
    }
}

/// A new channel.
#[utoipa::path(get, path = "/app/notices/channels/new", operation_id = "panel_channel_new", tag = "pages", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn new_channel(panel: Panel) -> ApiResult<HttpResponse> {
    let kind = Kind::read(&panel.asked_for("kind"));
    let choice = |kind: &Kind| Choice {
        href: panel.href_with("kind", kind.as_str()),
        name: channel_words::kind_name(*kind, &panel),
        sentence: channel_words::kind_sentence(*kind, &panel),
    };
    panel.show(&ChannelPage {
        shell: panel.shell(Place::Notices, panel.t("新通知渠道", "A new channel")).await?,
        kinds: Kind::ALL.iter().map(choice).collect(),
        fields: kind.map(|kind| Fields::new(kind, None, &panel)),
        then: if panel.given("back") == Some("welcome") { WELCOME } else { ALL },
        languages: LANGUAGES,
        methods: METHODS,
    })
}

/// A channel.
#[utoipa::path(get, path = "/app/notices/channels/{id}", operation_id = "panel_channel", tag = "pages", params(("id" = i64, Path)), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
))]
pub async fn channel(panel: Panel, id: Id<ChannelId>) -> ApiResult<HttpResponse> {
    let channel = notify_channels::read(&panel.app, &panel.caller, id.0).await?;
    panel.show(&ChannelPage {
        shell: panel.shell(Place::Notices, panel.t("通知渠道", "A channel")).await?,
        kinds: Vec::new(),
        fields: Some(Fields::new(channel.kind, Some(&channel), &panel)),
        then: ALL,
        languages: LANGUAGES,
        methods: METHODS,
    })
}

impl Fields {
    fn new(kind: Kind, stored: Option<&ChannelView>, panel: &Panel) -> Self {
        let hours = stored.and_then(|channel| channel.quiet_hours.as_deref()).and_then(parts).unwrap_or(("", "", ZONE));
        let language = stored.map_or_else(
            || panel.t("zh", "en"),
            |channel| match channel.language {
                Language::Zh => "zh",
                Language::En => "en",
            },
        );
        let action = match stored {
            None => "/api/v1/notify/channels".to_owned(),
            Some(channel) => format!("/api/v1/notify/channels/{}", channel.id),
        };
        let rows = channel_words::fields(kind, panel).into_iter().map(|words| Row::new(words, stored, panel));
        Self {
            form: FORM,
            channel: stored.map(|channel| channel.id),
            kind: kind.as_str(),
            kind_name: channel_words::kind_name(kind, panel),
            sentence: channel_words::kind_sentence(kind, panel),
            action,
            tag: stored.map(tag::of).unwrap_or_default(),
            name: stored.map(|channel| channel.name.clone()).unwrap_or_default(),
            language,
            from: hours.0.to_owned(),
            to: hours.1.to_owned(),
            zone: hours.2.to_owned(),
            rows: rows.collect(),
        }
    }
}

/// Of `23:00-07:00+08:00`: from, to, and the distance from UTC.
pub(super) fn parts(hours: &str) -> Option<(&str, &str, &str)> {
    let (from, rest) = hours.split_once('-')?;
    let (to, zone) = rest.split_at_checked(5)?;
    Some((from, to, zone))
}
