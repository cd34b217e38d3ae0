//! `/api/v1/notify`: where an owner wants to be told, and of what. Channels hold keys to other services: they are sealed, shown masked,
//! and belong to the whole owner.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::super::{
    AppState,
    error::{ApiError, ApiResult, Code, ErrorBody, Said},
    gate::Caller,
    input::{Body, Change, Few, Id, Line, NoBody, Whole, given, if_match},
    tag, user_url,
};
use crate::{
    ids::{ChannelId, Timestamp},
    notify::{
        channel::{Config, Fault, Kind},
        event::{Event, Language, Severity},
        messages::TryOut,
        notice::Words,
        quiet::{QuietFault, QuietHours},
    },
    store::{
        DbConn, Keys, QueryResult,
        audit::{self, Deed},
        notify_channels::{self as channels, Channel, NewChannel, NotSaved, Subscription},
    },
    telemetry::clock,
};

type Name = Line<1, 64>;
type Hours = Line<1, 32>;

/// A kind of channel; older names (`ding_talk`, `lark`, `wechat`) are known too.
#[derive(Debug, Clone, Copy)]
pub struct KindBody(Kind);

impl<'de> Deserialize<'de> for KindBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Kind::read(&text).map(Self).ok_or_else(|| {
            let known = Kind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
            de::Error::custom(Said::new(format!("须为 {known} 之一"), format!("must be one of {known}")).joined())
        })
    }
}

/// A channel to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "钉钉群", "kind": "dingtalk",
    "config": {"webhook_url": "https://oapi.dingtalk.com/robot/send?access_token=…", "secret": "SEC…"},
}))]
pub struct NewChannelBody {
    name: Name,
    #[schema(value_type = Kind)]
    kind: KindBody,
    /// What the kind needs, by name.
    #[schema(value_type = Object)]
    config: Map<String, Value>,
    /// A new channel is enabled unless this says otherwise.
    enabled: Option<bool>,
    /// Of the notices. At first Chinese.
    language: Option<Language>,
    /// From, to, and the distance from UTC: what is not critical waits until they are over. Absent or `null`: none.
    quiet_hours: Option<Hours>,
}

/// What may be changed of a channel; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"enabled": false, "quiet_hours": "23:00-07:00+08:00"}))]
pub struct ChannelPatch {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    name: Option<Name>,
    /// The whole of it anew; a value that is sent back masked stays what it was.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Object>, nullable = false)]
    config: Option<Map<String, Value>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    language: Option<Language>,
    #[serde(default)]
    #[schema(inline)]
    quiet_hours: Change<Hours>,
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ChannelView {
    #[schema(value_type = i64)]
    pub(in crate::web) id: ChannelId,
    pub(in crate::web) name: String,
    pub(in crate::web) kind: Kind,
    /// Secrets are masked.
    #[schema(value_type = BTreeMap<String, String>)]
    pub(in crate::web) config: BTreeMap<&'static str, String>,
    pub(in crate::web) enabled: bool,
    pub(in crate::web) language: Language,
    /// `null`: none.
    pub(in crate::web) quiet_hours: Option<String>,
    #[schema(value_type = i64)]
    pub(in crate::web) created_at: Timestamp,
}

/// The channels of an owner: there are few.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChannelsView {
    pub(in crate::web) items: Vec<ChannelView>,
}

/// The service has taken the message.
#[derive(Debug, Serialize, ToSchema)]
pub struct TriedView {
    pub(in crate::web) delivered: bool,
}

/// What a channel hears of.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubscriptionBody {
    #[schema(value_type = i64, minimum = 1)]
    #[serde(deserialize_with = "channel")]
    pub(in crate::web) channel_id: ChannelId,
    pub(in crate::web) event: Event,
    /// From this severity on.
    pub(in crate::web) min_severity: Severity,
}

fn channel<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ChannelId, D::Error> {
    Whole::<1, { i64::MAX }>::deserialize(deserializer).map(|id| ChannelId(id.get()))
}

/// Everything that goes to channels, anew.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"subscriptions": [{"channel_id": 1, "event": "account_down", "min_severity": "warning"}]}))]
pub struct SubscriptionsBody {
    #[schema(value_type = Vec<SubscriptionBody>, max_items = 1000)]
    subscriptions: Few<SubscriptionBody, 1000>,
}

/// An event there is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EventView {
    pub(in crate::web) event: Event,
    /// How bad it usually is.
    pub(in crate::web) severity: Severity,
}

/// Events, channels, and what goes where.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct SubscriptionsView {
    pub(in crate::web) events: Vec<EventView>,
    pub(in crate::web) channels: Vec<ChannelView>,
    pub(in crate::web) subscriptions: Vec<SubscriptionBody>,
}

impl ChannelView {
    /// What cannot be opened (another key, another version) is shown without its configuration.
    fn new(channel: Channel, keys: &Keys) -> Self {
        let config = channel.open(keys).map(|config| config.masked()).unwrap_or_default();
        let Channel { id, name, kind, enabled, language, quiet_hours, created_at, .. } = channel;
        Self { id, name, kind, config, enabled, language, quiet_hours, created_at }
    }
}

impl SubscriptionsView {
    fn read(conn: &mut DbConn, caller: &Caller, keys: &Keys) -> QueryResult<Self> {
        let channels = channels::list(conn, &caller.scope)?;
        let subscriptions = channels::subscriptions(conn, &caller.scope)?;
        let body = |Subscription { channel, event, min_severity }| SubscriptionBody {
            channel_id: channel,
            event,
            min_severity,
        };
        Ok(Self {
            events: Event::ALL.iter().map(|event| EventView { event: *event, severity: event.severity() }).collect(),
            channels: channels.into_iter().map(|channel| ChannelView::new(channel, keys)).collect(),
            subscriptions: subscriptions.into_iter().map(body).collect(),
        })
    }
}

fn said(Words { zh, en }: Words) -> Said {
    Said { zh, en }
}

fn refused(fault: Fault) -> ApiError {
    ApiError::field(format!("config.{}", fault.field), said(fault.said))
}

/// An address that could never be reached is refused when it is written down.
fn checked(app: &AppState, config: Result<Config, Fault>) -> ApiResult<Config> {
    let config = config.map_err(refused)?;
    for (field, url) in config.urls() {
        user_url::read(url, &app.settings.outgoing.allow)
            .map_err(|said| ApiError::field(format!("config.{field}"), said))?;
    }
    Ok(config)
}

/// As they are stored.
fn hours(text: Option<Hours>) -> ApiResult<Option<String>> {
    let read = |text: Hours| {
        text.parse::<QuietHours>().map(|hours| hours.to_string()).map_err(|QuietFault| {
            let said = Said::new("须为 23:00-07:00+08:00 的形式：起、止和与 UTC 的时差", QuietFault.to_string());
            ApiError::field("quiet_hours", said)
        })
    };
    text.map(read).transpose()
}

fn not_saved(reason: NotSaved) -> ApiError {
    match reason {
        NotSaved::NotFound => Code::NotFound.into(),
        NotSaved::Forbidden => Code::Forbidden.into(),
        NotSaved::NameTaken => ApiError::from(Code::NameTaken).at("name"),
        NotSaved::TooMany => {
            let most = channels::MOST;
            let said = Said::new(format!("最多 {most} 个通知渠道"), format!("no more than {most} channels"));
            ApiError::from(Code::Conflict).because(said)
        }
    }
}

/// The channels, by name.
#[utoipa::path(get, path = "/api/v1/notify/channels", tag = "notify channels", responses((status = 200, body = ChannelsView)))]
pub async fn list(caller: Caller, app: Data<AppState>) -> ApiResult<Json<ChannelsView>> {
    let rows = app.store.read(move |conn| channels::list(conn, &caller.scope)).await?;
    let keys = app.store.keys();
    Ok(Json(ChannelsView { items: rows.into_iter().map(|row| ChannelView::new(row, keys)).collect() }))
}

/// One channel.
#[utoipa::path(get, path = "/api/v1/notify/channels/{id}", tag = "notify channels", params(("id" = i64, Path)), responses((status = 200, body = ChannelView)))]
pub async fn get(caller: Caller, id: Id<ChannelId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    Ok(tag::answer(HttpResponse::Ok(), &read(&app, &caller, id.0).await?))
}

pub(in crate::web) async fn read(app: &AppState, caller: &Caller, id: ChannelId) -> ApiResult<ChannelView> {
    let scope = caller.scope;
    let row = app.store.read(move |conn| channels::get(conn, &scope, id)).await?;
    Ok(ChannelView::new(row, app.store.keys()))
}

/// Adds a channel. It hears of all but every message and every delivery that went well, from warnings on.
#[utoipa::path(post, path = "/api/v1/notify/channels", tag = "notify channels", request_body = NewChannelBody, responses((status = 201, body = ChannelView)))]
pub async fn create(caller: Caller, body: Body<NewChannelBody>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let body = body.0;
    let new = NewChannel {
        name: body.name.into_string(),
        config: checked(&app, Config::read(body.kind.0, &body.config))?,
        enabled: body.enabled.unwrap_or(true),
        language: body.language.unwrap_or(Language::Zh),
        quiet_hours: hours(body.quiet_hours)?,
    };
    let (keys, now) = (app.store.keys().clone(), clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<ChannelView>> {
        let scope = caller.scope;
        let id = match channels::insert(conn, &keys, &scope, &new, now)? {
            Ok(id) => id,
            Err(reason) => return Ok(Err(not_saved(reason))),
        };
        let view = ChannelView::new(channels::get(conn, &scope, id)?, &keys);
        let deed = Deed::new("notify_channel.create", id).of(scope.user()).after(&view);
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(Ok(view))
    };
    let view = app.store.write(job).await??;
    Ok(tag::answer(HttpResponse::Created(), &view))
}

/// Changes what is given and leaves the rest. With `If-Match` only if nobody changed it meanwhile.
#[utoipa::path(patch, path = "/api/v1/notify/channels/{id}", tag = "notify channels", request_body = ChannelPatch,
    params(("id" = i64, Path), ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses((status = 200, body = ChannelView), (status = 412, body = ErrorBody, description = "Somebody changed it meanwhile")))]
pub async fn update(
    caller: Caller,
    id: Id<ChannelId>,
    request: HttpRequest,
    body: Body<ChannelPatch>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (id, wanted, keys, now) = (id.0, if_match(request.headers())?, app.store.keys().clone(), clock::unix());
    let scope = caller.scope;
    let old = app.store.read(move |conn| channels::get(conn, &scope, id)).await?;
    let before = ChannelView::new(old.clone(), &keys);
    tag::check(wanted.as_deref(), &before)?;
    let new = patched(&app, old, body.0)?;
    let seen = tag::of(&before);
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<ChannelView>> {
        // Between reading and writing somebody else may have come.
        let before = ChannelView::new(channels::get(conn, &scope, id)?, &keys);
        if tag::of(&before) != seen {
            return Ok(Err(tag::changed()));
        }
        if let Err(reason) = channels::replace(conn, &keys, &scope, id, &new, now)? {
            return Ok(Err(not_saved(reason)));
        }
        let view = ChannelView::new(channels::get(conn, &scope, id)?, &keys);
        let deed = Deed::new("notify_channel.update", id).of(scope.user()).before(before).after(&view);
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(Ok(view))
    };
    let view = app.store.write(job).await??;
    Ok(tag::answer(HttpResponse::Ok(), &view))
}

fn patched(app: &AppState, old: Channel, patch: ChannelPatch) -> ApiResult<NewChannel> {
    let stored = old.open(app.store.keys());
    let config = match (patch.config, stored) {
        (Some(given), Ok(stored)) => checked(app, stored.rewritten(given))?,
        // What cannot be opened can be written anew.
        (Some(given), Err(_)) => checked(app, Config::read(old.kind, &given))?,
        (None, stored) => stored.map_err(|_| Code::Internal)?,
    };
    let quiet_hours = match patch.quiet_hours {
        Change::Keep => old.quiet_hours,
        Change::Clear => None,
        Change::Set(text) => hours(Some(text))?,
    };
    Ok(NewChannel {
        name: patch.name.map_or(old.name, Line::into_string),
        config,
        enabled: patch.enabled.unwrap_or(old.enabled),
        language: patch.language.unwrap_or(old.language),
        quiet_hours,
    })
}

/// Removes a channel, with what waits for it and what was sent to it.
#[utoipa::path(delete, path = "/api/v1/notify/channels/{id}", tag = "notify channels", params(("id" = i64, Path)), responses((status = 204, description = "Removed")))]
pub async fn delete(caller: Caller, id: Id<ChannelId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let (id, keys, now) = (id.0, app.store.keys().clone(), clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<()> {
        let scope = caller.scope;
        let before = ChannelView::new(channels::get(conn, &scope, id)?, &keys);
        channels::delete(conn, &scope, id)?;
        let deed = Deed::new("notify_channel.delete", id).of(scope.user()).before(before);
        audit::record(conn, &caller.actor(), &deed, now)
    };
    app.store.write(job).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Sends a trial message now, and waits for what the service says.
#[utoipa::path(post, path = "/api/v1/notify/channels/{id}/test", tag = "notify channels", params(("id" = i64, Path)), responses(
    (status = 200, body = TriedView),
    (status = 502, body = ErrorBody, description = "The service did not take it; `details.reason` and `details.said` say why"),
))]
pub async fn test(caller: Caller, id: Id<ChannelId>, _: NoBody, app: Data<AppState>) -> ApiResult<Json<TriedView>> {
    let (id, scope) = (id.0, caller.scope);
    let stored = app.store.read(move |conn| channels::get(conn, &scope, id)).await?;
    let channel = stored.open(app.store.keys()).map_err(|_| Code::Internal)?;
    let outcome = app.notify.send(TryOut { channel, language: stored.language }).await?;
    let told = json!({"delivered": outcome.is_ok(), "reason": outcome.as_ref().err().map(|fault| fault.code)});
    let (deed, now) = (Deed::new("notify_channel.test", id).of(scope.user()).after(told), clock::unix());
    let noted = app.store.write(move |conn| audit::record(conn, &caller.actor(), &deed, now)).await;
    noted.map_err(ApiError::after_the_deed)?;
    match outcome {
        Ok(()) => Ok(Json(TriedView { delivered: true })),
        Err(fault) => Err(ApiError::from(Code::NoticeFailed).with("reason", fault.code).with("said", fault.said)),
    }
}

/// Events, channels, and what goes where.
#[utoipa::path(get, path = "/api/v1/notify/subscriptions", tag = "notify channels", responses((status = 200, body = SubscriptionsView)))]
pub async fn subscriptions(caller: Caller, app: Data<AppState>) -> ApiResult<HttpResponse> {
    Ok(tag::answer(HttpResponse::Ok(), &read_subscriptions(&app, caller).await?))
}

pub(in crate::web) async fn read_subscriptions(app: &AppState, caller: Caller) -> ApiResult<SubscriptionsView> {
    let keys = app.store.keys().clone();
    Ok(app.store.read(move |conn| SubscriptionsView::read(conn, &caller, &keys)).await?)
}

/// Sets anew what goes where. With `If-Match` only if nobody changed it meanwhile.
#[utoipa::path(put, path = "/api/v1/notify/subscriptions", tag = "notify channels", request_body = SubscriptionsBody,
    params(("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses((status = 200, body = SubscriptionsView), (status = 412, body = ErrorBody, description = "Somebody changed it meanwhile")))]
pub async fn set_subscriptions(
    caller: Caller,
    request: HttpRequest,
    body: Body<SubscriptionsBody>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (wanted, keys, now) = (if_match(request.headers())?, app.store.keys().clone(), clock::unix());
    let new = table(body.0.subscriptions.into_vec())?;
    let scope = caller.whole()?;
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<SubscriptionsView>> {
        let before = SubscriptionsView::read(conn, &caller, &keys)?;
        if let Err(refusal) = tag::check(wanted.as_deref(), &before) {
            return Ok(Err(refusal));
        }
        if let Err(foreign) = channels::set_subscriptions(conn, &scope, &new)? {
            let place = new.iter().position(|wanted| wanted.channel == foreign).unwrap_or_default();
            let said = Said::new("没有这个通知渠道", "there is no such channel");
            return Ok(Err(ApiError::field(format!("subscriptions[{place}].channel_id"), said)));
        }
        let after = SubscriptionsView::read(conn, &caller, &keys)?;
        let deed = Deed::new("notify_subscriptions.update", scope.user()).of(scope.user());
        let noted = |view: &SubscriptionsView| json!({"subscriptions": view.subscriptions});
        let deed = deed.before(noted(&before)).after(noted(&after));
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(Ok(after))
    };
    let view = app.store.write(job).await??;
    Ok(tag::answer(HttpResponse::Ok(), &view))
}

/// Each channel and event once.
fn table(wanted: Vec<SubscriptionBody>) -> ApiResult<Vec<Subscription>> {
    let mut table: Vec<Subscription> = Vec::with_capacity(wanted.len());
    for (place, SubscriptionBody { channel_id, event, min_severity }) in wanted.into_iter().enumerate() {
        if table.iter().any(|known| (known.channel, known.event) == (channel_id, event)) {
            let said = Said::new("与前面的一项重复", "is there twice");
            return Err(ApiError::field(format!("subscriptions[{place}]"), said));
        }
        table.push(Subscription { channel: channel_id, event, min_severity });
    }
    Ok(table)
}
