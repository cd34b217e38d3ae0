//! `/api/v1/cards`: what deliveries give. Cards belong to the whole owner, as does their stock (`units.rs`).

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Json},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, ErrorBody, Said},
        gate::Caller,
        input::{Body, Change, Few, Id, Line, Query, SecretText, Text, Whole, given, if_match},
        page::{Page, PageNumber, Paging, PerPage},
        secret_hint::SecretHint,
        tag, user_url,
    },
    delivery_rules::look_again,
    keywords, pictures,
};
use crate::{
    delivery::{
        card::{ApiCall, Content, Header, Kind, MOST_IMAGES, MOST_PARTS, Method},
        unit::UnitState,
    },
    ids::{CardId, PictureId, Timestamp},
    store::{
        DbConn, Keys, QueryResult, Scope,
        audit::{self, Deed},
        cards::{self, Card, Filter, MOST, NewCard, NotSaved, Uses},
        units::{self, Counts},
    },
    telemetry::clock,
};

type Name = Line<1, 64>;
type Description = Text<0, 2000>;
type Given = Text<1, 5000>;
type Image = Line<1, 2048>;
type Part = Whole<1, { i64::MAX }>;
type LowStock = Whole<1, 1_000_000>;

/// So large the parameters of a call may be, in bytes of JSON.
const MOST_PARAMS: usize = 8 << 10;
/// What the request says of itself, and what would carry somebody's login.
const OWN_HEADERS: [&str; 9] = [
    "host",
    "content-length",
    "content-type",
    "transfer-encoding",
    "connection",
    "upgrade",
    "expect",
    "cookie",
    "idempotency-key",
];

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CardsQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
    /// In which way it gives something.
    #[param(inline)]
    kind: Option<Kind>,
    /// Whether deliveries may use it.
    enabled: Option<bool>,
    /// Occurs in the name.
    #[param(inline)]
    q: Option<Line<1, 64>>,
}

/// A line of the request's head.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CardHeaderBody {
    #[schema(inline)]
    name: Line<1, 64>,
    /// Absent or `null`: as before, where the address stays the same.
    #[schema(inline)]
    value: Option<SecretText<2048>>,
}

/// How a server of the seller's is asked for what is given. In the values of `params` the words `{order_id}`, `{item_id}`, `{buyer_id}`,
/// `{account}`, `{spec_name}`, `{spec_value}`, `{order_amount}`, `{order_quantity}`, `{item_title}` and `{unit}` are filled in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CardCallBody {
    /// An https address.
    url: Line<8, 500>,
    /// `GET` where nothing is said.
    method: Option<Method>,
    /// Absent: none.
    #[schema(value_type = Option<Vec<CardHeaderBody>>, max_items = 20)]
    headers: Option<Few<CardHeaderBody, 20>>,
    /// The query of a `GET`, the JSON of a `POST`. Absent: none.
    #[schema(value_type = Option<Object>)]
    params: Option<Map<String, Value>>,
    /// Where in the answer the content is, as `data.code` or `codes.0`. Absent or `null`: the first of `data`, `content` and `card` of
    /// an object, or all of a text.
    #[schema(inline)]
    response_path: Option<Line<1, 200>>,
    /// 10 where nothing is said.
    #[schema(inline)]
    timeout_s: Option<Whole<1, 60>>,
    /// How often it is asked again after it failed; 3 where nothing is said.
    #[schema(inline)]
    retries: Option<Whole<0, 5>>,
}

/// A card to be. Of `text`, `images`, `api` and `parts` it has the one that its kind wants; a pool has none, and gets its units by import.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "月卡", "kind": "pool", "description": "您的兑换码：{DELIVERY_CONTENT}", "low_stock": 20}))]
pub struct NewCardBody {
    name: Name,
    kind: Kind,
    /// A new card is enabled unless this says otherwise.
    enabled: Option<bool>,
    /// Said around what is given, which stands in the place of `{DELIVERY_CONTENT}`, or behind it. Absent: nothing.
    #[schema(inline)]
    description: Option<Description>,
    #[schema(inline)]
    text: Option<Given>,
    /// Each an address in the web, or the `image` of an uploaded picture.
    #[schema(value_type = Option<Vec<String>>, max_items = 9)]
    images: Option<Few<Image, MOST_IMAGES>>,
    api: Option<CardCallBody>,
    /// The numbers of other cards, given in this order.
    #[schema(value_type = Option<Vec<i64>>, max_items = 20)]
    parts: Option<Few<Part, MOST_PARTS>>,
    /// Of a pool: fewer free units than this are told. Absent or `null`: never.
    #[schema(inline)]
    low_stock: Option<LowStock>,
}

/// What may be changed of a card; what is absent stays. Its kind stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"enabled": false}))]
pub struct CardPatch {
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    name: Option<Name>,
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    description: Option<Description>,
    #[serde(default, deserialize_with = "given")]
    #[schema(inline, nullable = false)]
    text: Option<Given>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<String>>, max_items = 9, nullable = false)]
    images: Option<Few<Image, MOST_IMAGES>>,
    /// The whole of it anew.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    api: Option<CardCallBody>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Vec<i64>>, max_items = 20, nullable = false)]
    parts: Option<Few<Part, MOST_PARTS>>,
    #[serde(default)]
    #[schema(inline)]
    low_stock: Change<LowStock>,
}

/// A line of the request's head.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CardHeaderView {
    pub(in crate::web) name: String,
    pub(in crate::web) value: SecretHint,
}

/// How a server of the seller's is asked.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CardCallView {
    #[schema(example = "https://shop.example.com/code")]
    pub(in crate::web) url: String,
    pub(in crate::web) method: Method,
    pub(in crate::web) headers: Vec<CardHeaderView>,
    #[schema(value_type = Object)]
    pub(in crate::web) params: Map<String, Value>,
    pub(in crate::web) response_path: Option<String>,
    pub(in crate::web) timeout_s: u32,
    pub(in crate::web) retries: u32,
}

/// The stock of a pool. `imported` is the sum of all others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, ToSchema)]
pub struct StockView {
    pub(in crate::web) imported: i64,
    pub(in crate::web) free: i64,
    pub(in crate::web) reserved: i64,
    pub(in crate::web) sent: i64,
    pub(in crate::web) confirmed: i64,
    pub(in crate::web) uncertain: i64,
    pub(in crate::web) returned: i64,
    pub(in crate::web) void: i64,
}

/// A card.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct CardView {
    #[schema(value_type = i64)]
    pub(in crate::web) id: CardId,
    pub(in crate::web) name: String,
    pub(in crate::web) kind: Kind,
    pub(in crate::web) enabled: bool,
    /// `{DELIVERY_CONTENT}` is the place of what is given.
    #[schema(example = "您的兑换码：{DELIVERY_CONTENT}")]
    pub(in crate::web) description: String,
    /// Of the kind `text`.
    pub(in crate::web) text: Option<String>,
    /// Of the kind `image`.
    pub(in crate::web) images: Option<Vec<String>>,
    /// Of the kind `api`.
    pub(in crate::web) api: Option<CardCallView>,
    /// Of the kind `combination`.
    #[schema(value_type = Option<Vec<i64>>)]
    pub(in crate::web) parts: Option<Vec<CardId>>,
    pub(in crate::web) low_stock: Option<i64>,
    /// Fewer units are free than `low_stock`.
    pub(in crate::web) low: bool,
    /// Of the kind `pool`.
    pub(in crate::web) stock: Option<StockView>,
    #[schema(value_type = i64)]
    pub(in crate::web) created_at: Timestamp,
    #[schema(value_type = i64)]
    pub(in crate::web) updated_at: Timestamp,
}

impl From<Counts> for StockView {
    fn from(counts: Counts) -> Self {
        let of = |state| counts.of(state);
        Self {
            imported: counts.sum(),
            free: of(UnitState::Free),
            reserved: of(UnitState::Reserved),
            sent: of(UnitState::Sent),
            confirmed: of(UnitState::Confirmed),
            uncertain: of(UnitState::Uncertain),
            returned: of(UnitState::Returned),
            void: of(UnitState::Void),
        }
    }
}

impl CardCallView {
    fn new(call: ApiCall, since: Timestamp) -> Self {
        let ApiCall { url, method, headers, params, response_path, timeout_s, retries } = call;
        let shown = |Header { name, value }| CardHeaderView { value: SecretHint::new(&value, since), name };
        let headers = headers.into_iter().map(shown).collect();
        Self { url, method, headers, params, response_path, timeout_s, retries }
    }
}

impl CardView {
    /// What cannot be opened (another key, another version) is shown without its content.
    fn new(card: Card, parts: Vec<CardId>, counts: Counts, keys: &Keys) -> Self {
        let content = card.content(keys).ok().flatten();
        let Card { id, name, kind, enabled, description, low_stock, created_at, updated_at, .. } = card;
        let (mut text, mut images, mut api) = (None, None, None);
        match content {
            Some(Content::Text { text: given }) => text = Some(given),
            Some(Content::Image { images: given }) => images = Some(given),
            Some(Content::Api(call)) => api = Some(CardCallView::new(call, updated_at)),
            None => {}
        }
        let stock = (kind == Kind::Pool).then(|| StockView::from(counts));
        let low = low_stock.zip(stock).is_some_and(|(least, stock)| stock.free < least);
        let parts = (kind == Kind::Combination).then_some(parts);
        Self {
            id,
            name,
            kind,
            enabled,
            description,
            text,
            images,
            api,
            parts,
            low_stock,
            low,
            stock,
            created_at,
            updated_at,
        }
    }

    /// What people edit of it.
    pub(in crate::web) fn edited(&self) -> Self {
        Self { stock: None, low: false, ..self.clone() }
    }

    /// As the audit may tell of it: what is given may be worth money.
    fn told(&self) -> Value {
        let mut told = json!(self.edited());
        for secret in ["text", "images", "api", "stock", "low"] {
            told.as_object_mut().and_then(|fields| fields.shift_remove(secret));
        }
        told
    }
}

fn read_all(conn: &mut DbConn, scope: &Scope, rows: Vec<Card>, keys: &Keys) -> QueryResult<Vec<CardView>> {
    let ids: Vec<CardId> = rows.iter().map(|card| card.id).collect();
    let mut parts = cards::parts(conn, scope, &ids)?;
    let counts = units::counts(conn, scope, &ids)?;
    let view = |card: Card| {
        let counts = counts.get(&card.id).copied().unwrap_or_default();
        CardView::new(card.clone(), parts.remove(&card.id).unwrap_or_default(), counts, keys)
    };
    Ok(rows.into_iter().map(view).collect())
}

fn read_one(conn: &mut DbConn, scope: &Scope, id: CardId, keys: &Keys) -> QueryResult<CardView> {
    let card = cards::get(conn, scope, id)?;
    let parts = cards::parts(conn, scope, &[id])?.remove(&id).unwrap_or_default();
    let counts = units::counts(conn, scope, &[id])?.remove(&id).unwrap_or_default();
    Ok(CardView::new(card, parts, counts, keys))
}

/// What of a card is asked for, before its kind is heeded.
struct Asked {
    text: Option<Given>,
    images: Option<Few<Image, MOST_IMAGES>>,
    api: Option<CardCallBody>,
    parts: Option<Few<Part, MOST_PARTS>>,
}

impl Asked {
    /// Refuses what belongs to another kind.
    fn check_kind(&self, kind: Kind) -> ApiResult<()> {
        let fields = [
            ("text", self.text.is_some(), Kind::Text),
            ("images", self.images.is_some(), Kind::Image),
            ("api", self.api.is_some(), Kind::Api),
            ("parts", self.parts.is_some(), Kind::Combination),
        ];
        let Some((field, ..)) = fields.into_iter().find(|(_, is_there, of)| *is_there && *of != kind) else {
            return Ok(());
        };
        let said = Said::new(
            format!("{kind} 类型的卡券没有该字段", kind = kind.as_str()),
            format!("does not belong to the kind {}", kind.as_str()),
        );
        Err(ApiError::field(field, said))
    }

    /// What the card keeps; `old` where nothing else is asked for.
    fn content(self, app: &AppState, kind: Kind, old: Option<Content>) -> ApiResult<Option<Content>> {
        let content = match kind {
            Kind::Text => self.text.map(|text| Content::Text { text: text.into_string() }),
            Kind::Image => self.images.map(images).transpose()?,
            Kind::Api => {
                let before = old.as_ref().and_then(|old| match old {
                    Content::Api(call) => Some(call),
                    Content::Text { .. } | Content::Image { .. } => None,
                });
                self.api.map(|asked| call(app, asked, before).map(Content::Api)).transpose()?
            }
            Kind::Pool | Kind::Combination => return Ok(None),
        };
        content.or(old).map(Some).ok_or_else(|| {
            let field = match kind {
                Kind::Image => "images",
                Kind::Api => "api",
                Kind::Text | Kind::Pool | Kind::Combination => "text",
            };
            ApiError::field(field, Said::new("该类型的卡券必须填写", "must be given for this kind"))
        })
    }
}

fn images(asked: Few<Image, MOST_IMAGES>) -> ApiResult<Content> {
    if asked.is_empty() {
        return Err(ApiError::field("images", Said::new("至少一张图片", "must name at least one picture")));
    }
    let images: Vec<String> = asked.into_vec().into_iter().map(Line::into_string).collect();
    for (place, image) in images.iter().enumerate() {
        if let Some(said) = keywords::fault_of_picture(image) {
            return Err(ApiError::field(format!("images[{place}]"), said));
        }
    }
    Ok(Content::Image { images })
}

fn call(app: &AppState, asked: CardCallBody, before: Option<&ApiCall>) -> ApiResult<ApiCall> {
    let url = asked.url.into_string();
    user_url::read_for_secret(&url, &app.settings.outgoing.allow).map_err(|said| ApiError::field("api.url", said))?;
    let method = asked.method.unwrap_or(Method::Get);
    let params = asked.params.unwrap_or_default();
    check_params(method, &params)?;
    let known = before.filter(|before| before.url == url).map_or(&[][..], |before| &before.headers);
    let mut headers: Vec<Header> = Vec::new();
    for (place, header) in asked.headers.unwrap_or_default().into_vec().into_iter().enumerate() {
        let header = read_header(header, known)
            .map_err(|(field, said)| ApiError::field(format!("api.headers[{place}].{field}"), said))?;
        headers.push(header);
    }
    Ok(ApiCall {
        url,
        method,
        headers,
        params,
        response_path: asked.response_path.map(Line::into_string),
        timeout_s: asked.timeout_s.map_or(10, small),
        retries: asked.retries.map_or(3, small),
    })
}

/// The type bounds it.
fn small<const MIN: i64, const MAX: i64>(number: Whole<MIN, MAX>) -> u32 {
    u32::try_from(number.get()).unwrap_or(0)
}

fn check_params(method: Method, params: &Map<String, Value>) -> ApiResult<()> {
    let refused = |said| Err(ApiError::field("api.params", said));
    if json!(params).to_string().len() > MOST_PARAMS {
        let most = MOST_PARAMS >> 10;
        return refused(Said::new(format!("不能超过 {most} KiB"), format!("must have at most {most} KiB")));
    }
    let is_nested = params.values().any(|value| value.is_array() || value.is_object());
    if method == Method::Get && is_nested {
        return refused(Said::new("GET 的参数须为文本或数字", "the parameters of a GET must be texts or numbers"));
    }
    Ok(())
}

fn read_header(asked: CardHeaderBody, known: &[Header]) -> Result<Header, (&'static str, Said)> {
    let name = asked.name.into_string();
    let is_token = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if !is_token || OWN_HEADERS.contains(&&*name.to_ascii_lowercase()) {
        return Err(("name", Said::new("不能使用该请求头", "this header cannot be set")));
    }
    let value = match asked.value {
        Some(value) => value.expose().to_owned(),
        None => match known.iter().find(|header| header.name == name) {
            Some(header) => header.value.clone(),
            None => {
                return Err((
                    "value",
                    Said::new("必须填写；更换地址时须重新填写", "must be given, also again for another address"),
                ));
            }
        },
    };
    // What else stands there would end the line, or not arrive.
    if !value.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err(("value", Said::new("只能含有 ASCII 可见字符和空格", "must consist of visible ASCII and blanks")));
    }
    Ok(Header { name, value })
}

/// Each card of a combination has its own.
fn check_description(kind: Kind, description: Option<&str>) -> ApiResult<()> {
    if kind != Kind::Combination || description.is_none_or(|text| text.trim().is_empty()) {
        return Ok(());
    }
    let said = Said::new(
        "组合没有自己的说明，请写在组合内的卡券上",
        "a combination has none of its own: give it to its cards",
    );
    Err(ApiError::field("description", said))
}

fn check_low_stock(kind: Kind, low_stock: Option<i64>) -> ApiResult<()> {
    if kind == Kind::Pool || low_stock.is_none() {
        return Ok(());
    }
    Err(ApiError::field("low_stock", Said::new("只有卡密池才有库存", "only a pool has stock")))
}

fn check_parts(kind: Kind, parts: &[CardId]) -> ApiResult<()> {
    if kind != Kind::Combination || !parts.is_empty() {
        return Ok(());
    }
    Err(ApiError::field("parts", Said::new("组合至少包含一张卡券", "a combination has at least one part")))
}

fn numbers(parts: Few<Part, MOST_PARTS>) -> Vec<CardId> {
    parts.into_vec().into_iter().map(|part| CardId(part.get())).collect()
}

fn not_saved(reason: NotSaved) -> ApiError {
    match reason {
        NotSaved::NotFound => Code::NotFound.into(),
        NotSaved::Forbidden => Code::Forbidden.into(),
        NotSaved::NameTaken => ApiError::from(Code::NameTaken).at("name"),
        NotSaved::TooMany => {
            let said = Said::new(format!("最多 {MOST} 张卡券"), format!("no more than {MOST} cards"));
            ApiError::from(Code::Conflict).because(said)
        }
        NotSaved::NoSuchPart(place) => {
            ApiError::field(format!("parts[{place}]"), Said::new("没有这张卡券", "there is no such card"))
        }
        NotSaved::PartIsCombination(place) => {
            let said = Said::new("组合不能包含组合", "a combination cannot be a part of one");
            ApiError::field(format!("parts[{place}]"), said)
        }
    }
}

/// Refuses uploaded pictures that the seller does not have.
fn check_pictures(conn: &mut DbConn, caller: &Caller, new: &NewCard) -> QueryResult<ApiResult<()>> {
    let Some(Content::Image { images }) = &new.content else { return Ok(Ok(())) };
    for (place, image) in images.iter().enumerate() {
        let Some(id) = PictureId::of_address(image) else { continue };
        if let Err(refusal) = pictures::check_one(conn, caller, &id, || format!("images[{place}]"))? {
            return Ok(Err(refusal));
        }
    }
    Ok(Ok(()))
}

/// The cards, by name.
#[utoipa::path(get, path = "/api/v1/cards", tag = "cards", params(CardsQuery), responses((status = 200, body = Page<CardView>)))]
pub async fn list(caller: Caller, query: Query<CardsQuery>, app: Data<AppState>) -> ApiResult<Json<Page<CardView>>> {
    let CardsQuery { page, per_page, kind, enabled, q } = query.0;
    let paging = Paging::new(page, per_page);
    let filter = Filter { kind, enabled, text: q.map(Line::into_string) };
    let keys = app.store.keys().clone();
    let read = move |conn: &mut DbConn| {
        let (rows, total) = cards::page(conn, &caller.scope, &filter, paging.part())?;
        Ok((read_all(conn, &caller.scope, rows, &keys)?, total))
    };
    let (views, total) = app.turns.read(&app.store, read).await?;
    Ok(Json(paging.answer(views, total)))
}

/// One card.
#[utoipa::path(get, path = "/api/v1/cards/{id}", tag = "cards", params(("id" = i64, Path)), responses((status = 200, body = CardView)))]
pub async fn get(caller: Caller, id: Id<CardId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let view = read(&app, &caller, id.0).await?;
    Ok(tag::answer_with(HttpResponse::Ok(), &view.edited(), &view))
}

pub(in crate::web) async fn read(app: &AppState, caller: &Caller, id: CardId) -> ApiResult<CardView> {
    let (keys, scope) = (app.store.keys().clone(), caller.scope);
    Ok(app.store.read(move |conn| read_one(conn, &scope, id, &keys)).await?)
}

/// Adds a card.
#[utoipa::path(post, path = "/api/v1/cards", tag = "cards", request_body = NewCardBody, responses((status = 201, body = CardView)))]
pub async fn create(caller: Caller, body: Body<NewCardBody>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let NewCardBody { name, kind, enabled, description, text, images, api, parts, low_stock } = body.0;
    let asked = Asked { text, images, api, parts };
    asked.check_kind(kind)?;
    let asked_parts = asked.parts.as_ref().map(|parts| numbers(parts.clone())).unwrap_or_default();
    check_parts(kind, &asked_parts)?;
    let low_stock = low_stock.map(Whole::get);
    check_low_stock(kind, low_stock)?;
    check_description(kind, description.as_deref())?;
    let new = NewCard {
        name: name.into_string(),
        kind,
        enabled: enabled.unwrap_or(true),
        description: description.map(Text::into_string).unwrap_or_default(),
        content: asked.content(&app, kind, None)?,
        parts: asked_parts,
        low_stock,
    };
    let (keys, now) = (app.store.keys().clone(), clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<CardView>> {
        let scope = caller.scope;
        if let Err(refusal) = check_pictures(conn, &caller, &new)? {
            return Ok(Err(refusal));
        }
        let id = match cards::insert(conn, &keys, &scope, &new, now)? {
            Ok(id) => id,
            Err(reason) => return Ok(Err(not_saved(reason))),
        };
        let view = read_one(conn, &scope, id, &keys)?;
        let deed = Deed::new("card.create", id).of(scope.user()).after(view.told());
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(Ok(view))
    };
    let view = app.store.write(job).await??;
    Ok(tag::answer_with(HttpResponse::Created(), &view.edited(), &view))
}

/// Changes what is given and leaves the rest. With `If-Match` only if nobody changed it meanwhile.
#[utoipa::path(patch, path = "/api/v1/cards/{id}", tag = "cards", request_body = CardPatch,
    params(("id" = i64, Path), ("If-Match" = Option<String>, Header, description = "The ETag of what was read")),
    responses((status = 200, body = CardView), (status = 412, body = ErrorBody, description = "Somebody changed it meanwhile")))]
pub async fn update(
    caller: Caller,
    id: Id<CardId>,
    request: HttpRequest,
    body: Body<CardPatch>,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let (id, wanted, keys, now) = (id.0, if_match(request.headers())?, app.store.keys().clone(), clock::unix());
    let (scope, reading) = (caller.scope, keys.clone());
    let read = move |conn: &mut DbConn| Ok((cards::get(conn, &scope, id)?, read_one(conn, &scope, id, &reading)?));
    let (old, before) = app.store.read(read).await?;
    tag::check(wanted.as_deref(), &before.edited())?;
    let seen = tag::of(&before.edited());
    let new = patched(&app, &old, before, body.0)?;
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<CardView>> {
        // Between reading and writing somebody else may have come.
        let before = read_one(conn, &scope, id, &keys)?;
        if tag::of(&before.edited()) != seen {
            return Ok(Err(tag::changed()));
        }
        if let Err(refusal) = check_pictures(conn, &caller, &new)? {
            return Ok(Err(refusal));
        }
        if let Err(reason) = cards::replace(conn, &keys, &scope, id, &new, now)? {
            return Ok(Err(not_saved(reason)));
        }
        let view = read_one(conn, &scope, id, &keys)?;
        let deed = Deed::new("card.update", id).of(scope.user()).before(before.told()).after(view.told());
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(Ok(view))
    };
    let view = app.store.write(job).await??;
    look_again(&app, scope).await?;
    Ok(tag::answer_with(HttpResponse::Ok(), &view.edited(), &view))
}

fn patched(app: &AppState, old: &Card, before: CardView, patch: CardPatch) -> ApiResult<NewCard> {
    let CardPatch { name, enabled, description, text, images, api, parts, low_stock } = patch;
    let asked = Asked { text, images, api, parts };
    asked.check_kind(old.kind)?;
    let parts = asked.parts.as_ref().map(|parts| numbers(parts.clone())).or(before.parts).unwrap_or_default();
    check_parts(old.kind, &parts)?;
    let low_stock = low_stock.map(Whole::get).or(old.low_stock);
    check_low_stock(old.kind, low_stock)?;
    check_description(old.kind, description.as_deref())?;
    // What cannot be opened can be written anew.
    let stored = old.content(app.store.keys()).ok().flatten();
    Ok(NewCard {
        name: name.map_or(before.name, Line::into_string),
        kind: old.kind,
        enabled: enabled.unwrap_or(before.enabled),
        description: description.map_or(before.description, Text::into_string),
        content: asked.content(app, old.kind, stored)?,
        parts,
        low_stock,
    })
}

fn in_use(uses: Uses) -> ApiError {
    let Uses { claimed, given, rules, combinations } = uses;
    ApiError::from(Code::CardInUse)
        .with("claimed", claimed)
        .with("given", given)
        .with("delivery_rules", json!(rules))
        .with("combinations", json!(combinations))
}

/// Removes a card with its free stock. Refused (`card_in_use`) while an order has a unit of it, once a unit was given away, and while a
/// delivery rule or a combination names it: `details` says which.
#[utoipa::path(delete, path = "/api/v1/cards/{id}", tag = "cards", params(("id" = i64, Path)), responses((status = 204, description = "Removed")))]
pub async fn delete(caller: Caller, id: Id<CardId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let (id, keys, now) = (id.0, app.store.keys().clone(), clock::unix());
    let job = move |conn: &mut DbConn| -> QueryResult<Result<(), Uses>> {
        let scope = caller.scope;
        let before = read_one(conn, &scope, id, &keys)?;
        if let Err(uses) = cards::delete(conn, &scope, id, now)? {
            return Ok(Err(uses));
        }
        let mut told = before.told();
        told["stock"] = json!(before.stock);
        let deed = Deed::new("card.delete", id).of(scope.user()).before(told);
        audit::record(conn, &caller.actor(), &deed, now).map(Ok)
    };
    app.store.write(job).await?.map_err(in_use)?;
    Ok(HttpResponse::NoContent().finish())
}
