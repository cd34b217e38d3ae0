//! What comes in, parsed into types that hold their limits: whoever has a value knows that it is good. The limits stand in the type,
//! are enforced when it is read, and appear in the OpenAPI document from the same place.

use std::{borrow::Cow, fmt, future::Future, ops::Deref, pin::Pin, time::Duration};

use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest,
    dev::Payload,
    http::header::{HeaderMap, IF_MATCH},
    web::{Bytes, BytesMut, Data},
};
use futures_util::StreamExt as _;
use serde::{Deserialize, Deserializer, de, de::DeserializeOwned};
use tokio::time::timeout;
use utoipa::{
    __dev::ComposeSchema,
    ToSchema,
    openapi::{ArrayBuilder, ObjectBuilder, OneOfBuilder, RefOr, Schema, Type, schema::SchemaType},
};

use super::{
    AppState,
    error::{ApiError, Code, Said},
    misread::{self, Place},
};
use crate::picture::MOST_BYTES;

/// The largest body of an ordinary request, in bytes.
pub const MAX_BODY: usize = 1 << 20;

/// The largest body of a request that brings a picture, in bytes: what stands around it in a form is added to the picture itself, and a
/// little more, so that who is a little beyond the limit is told so.
pub const MAX_PICTURE_BODY: usize = MOST_BYTES + (64 << 10);

/// The largest body of a request that brings rules or stock in a file, in bytes: ten thousand rules with texts of some hundred characters
/// each take ten million as JSON.
pub const MAX_TABLE_BODY: usize = 16 << 20;

/// Of the requests whose bodies are larger than others.
const PICTURES: &str = "/api/v1/pictures";
const RULES: (&str, &str) = ("/api/v1/rule-sets/", "/import");
const STOCK: (&str, &str) = ("/api/v1/cards/", "/units");
const OLDER_RULES: &str = "/keywords-import/";

/// The largest body of a request to this path.
pub(super) fn body_limit(path: &str) -> usize {
    match path {
        PICTURES => MAX_PICTURE_BODY,
        _ if [RULES, STOCK].iter().any(|(start, end)| path.starts_with(start) && path.ends_with(end)) => MAX_TABLE_BODY,
        _ if path.starts_with(OLDER_RULES) => MAX_TABLE_BODY,
        _ => MAX_BODY,
    }
}

/// How long the body of a request with a file may take: as many times as long as a picture is larger.
pub(super) fn patience_for_files(request: &HttpRequest) -> Duration {
    patience(request).saturating_mul(6)
}

/// One line of text with `MIN` to `MAX` characters, without blanks at its ends and without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Line<const MIN: usize, const MAX: usize>(String);

/// A text with `MIN` to `MAX` characters; line feeds are welcome, NUL is not. One that must be there is more than blanks.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Text<const MIN: usize, const MAX: usize>(String);

/// A whole number from `MIN` to `MAX`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Whole<const MIN: i64, const MAX: i64>(i64);

/// At most `MAX` things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Few<T, const MAX: usize>(Vec<T>);

/// A text that must not be seen again: forgotten when dropped, never printed. 1 to `MAX` bytes.
#[derive(Clone)]
pub struct SecretText<const MAX: usize>(crate::store::Secret);

/// A field of a PATCH that may also be taken away: absent leaves it, `null` clears it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Change<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

impl<T> Change<T> {
    /// What is there afterwards.
    pub fn or(self, old: Option<T>) -> Option<T> {
        match self {
            Self::Keep => old,
            Self::Clear => None,
            Self::Set(new) => Some(new),
        }
    }

    pub fn map<U>(self, to: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(to(value)),
        }
    }

    /// As the store takes it: `None` leaves it.
    pub fn into_option(self) -> Option<Option<T>> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(None),
            Self::Set(value) => Some(Some(value)),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Change<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(|value| value.map_or(Self::Clear, Self::Set))
    }
}

/// For a field of a PATCH that is never without a value: absent leaves it, and `null` says nothing that could be done.
pub fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl<const MIN: usize, const MAX: usize> Line<MIN, MAX> {
    pub fn parse(text: &str) -> Result<Self, Said> {
        if text.trim() != text {
            return Err(Said::new("首尾不能有空白", "must not begin or end with whitespace"));
        }
        if text.contains(char::is_control) {
            return Err(Said::new("不能含有控制字符", "must not contain control characters"));
        }
        length::<MIN, MAX>(text).map(|()| Self(text.to_owned()))
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

impl<const MIN: usize, const MAX: usize> Text<MIN, MAX> {
    pub fn parse(text: &str) -> Result<Self, Said> {
        if text.contains('\0') {
            return Err(Said::new("不能含有 NUL 字符", "must not contain a NUL character"));
        }
        if MIN > 0 && !text.is_empty() && text.trim().is_empty() {
            return Err(Said::new("不能只有空白", "must not be blank"));
        }
        length::<MIN, MAX>(text).map(|()| Self(text.to_owned()))
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

fn length<const MIN: usize, const MAX: usize>(text: &str) -> Result<(), Said> {
    if (MIN..=MAX).contains(&text.chars().count()) {
        return Ok(());
    }
    Err(Said::new(format!("长度须为 {MIN} 到 {MAX} 个字符"), format!("must have {MIN} to {MAX} characters")))
}

impl<const MIN: i64, const MAX: i64> Whole<MIN, MAX> {
    pub fn get(self) -> i64 {
        self.0
    }

    pub(super) fn parse(number: i64) -> Result<Self, Said> {
        if (MIN..=MAX).contains(&number) {
            return Ok(Self(number));
        }
        Err(Said::new(format!("须在 {MIN} 到 {MAX} 之间"), format!("must be from {MIN} to {MAX}")))
    }
}

impl<T, const MAX: usize> Few<T, MAX> {
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<const MAX: usize> SecretText<MAX> {
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    pub fn into_secret(self) -> crate::store::Secret {
        self.0
    }
}

impl<const MAX: usize> fmt::Debug for SecretText<MAX> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl<const MIN: usize, const MAX: usize> Deref for Line<MIN, MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> Deref for Text<MIN, MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<T, const MAX: usize> Deref for Few<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T, const MAX: usize> Default for Few<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, const MIN: usize, const MAX: usize> Deserialize<'de> for Line<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(|said| de::Error::custom(said.joined()))
    }
}

impl<'de, const MIN: usize, const MAX: usize> Deserialize<'de> for Text<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(|said| de::Error::custom(said.joined()))
    }
}

impl<'de, const MIN: i64, const MAX: i64> Deserialize<'de> for Whole<MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        Self::parse(number).map_err(|said| de::Error::custom(said.joined()))
    }
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Few<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = Vec::deserialize(deserializer)?;
        if list.len() <= MAX {
            return Ok(Self(list));
        }
        let said = Said::new(format!("最多 {MAX} 项"), format!("must have at most {MAX} entries"));
        Err(de::Error::custom(said.joined()))
    }
}

impl<'de, const MAX: usize> Deserialize<'de> for SecretText<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let secret = crate::store::Secret::new(String::deserialize(deserializer)?);
        if (1..=MAX).contains(&secret.expose().len()) {
            return Ok(Self(secret));
        }
        let said = Said::new(format!("长度须为 1 到 {MAX} 字节"), format!("must have 1 to {MAX} bytes"));
        Err(de::Error::custom(said.joined()))
    }
}

fn text_schema(min: usize, max: usize) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(min)).max_length(Some(max))
}

macro_rules! text_type {
    ($type:ident, $prefix:literal, $min:ident => $pattern:expr) => {
        impl<const MIN: usize, const MAX: usize> ComposeSchema for $type<MIN, MAX> {
            fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
                let $min = MIN;
                text_schema(MIN, MAX).pattern($pattern).into()
            }
        }

        impl<const MIN: usize, const MAX: usize> ToSchema for $type<MIN, MAX> {
            fn name() -> Cow<'static, str> {
                format!(concat!($prefix, "{}To{}"), MIN, MAX).into()
            }
        }
    };
}

text_type!(Line, "Line", _min => None::<&str>);
text_type!(Text, "Text", min => (min > 0).then_some("\\S"));

impl<const MIN: i64, const MAX: i64> ComposeSchema for Whole<MIN, MAX> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(MIN)).maximum(Some(MAX)).into()
    }
}

impl<const MIN: i64, const MAX: i64> ToSchema for Whole<MIN, MAX> {
    fn name() -> Cow<'static, str> {
        format!("Whole{}To{MAX}", MIN.to_string().replace('-', "Minus")).into()
    }
}

impl<const MAX: usize> ComposeSchema for SecretText<MAX> {
    fn compose(_: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(MAX)).write_only(true).into()
    }
}

impl<const MAX: usize> ToSchema for SecretText<MAX> {
    fn name() -> Cow<'static, str> {
        format!("Secret{MAX}").into()
    }
}

/// The schema of the one type argument: handed in, or the type's own.
fn inner<T: ComposeSchema>(given: Vec<RefOr<Schema>>) -> RefOr<Schema> {
    given.into_iter().next().unwrap_or_else(|| T::compose(Vec::new()))
}

impl<T: ComposeSchema, const MAX: usize> ComposeSchema for Few<T, MAX> {
    fn compose(given: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        ArrayBuilder::new().items(inner::<T>(given)).max_items(Some(MAX)).into()
    }
}

impl<T: ToSchema + ComposeSchema, const MAX: usize> ToSchema for Few<T, MAX> {
    fn name() -> Cow<'static, str> {
        format!("UpTo{MAX}Of{}", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

/// As the value's, or `null`.
impl<T: ComposeSchema> ComposeSchema for Change<T> {
    fn compose(given: Vec<RefOr<Schema>>) -> RefOr<Schema> {
        let mut schema = inner::<T>(given);
        if let RefOr::T(Schema::Object(object)) = &mut schema
            && let SchemaType::Type(plain) = &object.schema_type
        {
            object.schema_type = SchemaType::from_iter([plain.clone(), Type::Null]);
            return schema;
        }
        OneOfBuilder::new().item(ObjectBuilder::new().schema_type(Type::Null)).item(schema).into()
    }
}

impl<T: ToSchema + ComposeSchema> ToSchema for Change<T> {
    fn name() -> Cow<'static, str> {
        format!("{}OrNull", T::name()).into()
    }
}

/// A JSON body, read into a type that knows its limits. What is wrong is named by its field.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (is_json, payload) = (is_json(request), payload.take());
        let patience = patience(request);
        let declared = request.headers().get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
        Box::pin(async move {
            if !is_json {
                return Err(ApiError::wants_json());
            }
            if declared.is_some_and(|length: usize| length > MAX_BODY) {
                return Err(too_large(MAX_BODY));
            }
            read_json(&collect(payload, patience).await?).map(Self)
        })
    }
}

/// Of a request that says nothing but by its address: no body, or an empty object. A field is refused, lest it be taken for heeded.
pub struct NoBody;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

impl FromRequest for NoBody {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (payload, patience) = (payload.take(), patience(request));
        Box::pin(async move { read_nothing(&collect(payload, patience).await?) })
    }
}

/// However it is typed: what is not there has no type.
fn read_nothing(body: &[u8]) -> Result<NoBody, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(NoBody);
    }
    match read_json::<Nothing>(body) {
        Ok(Nothing {}) => Ok(NoBody),
        Err(error) if error.code() == Code::MalformedBody => {
            let said = Said::new("此请求不接受请求体", "this request takes no body");
            Err(ApiError::field("body", said))
        }
        Err(error) => Err(error),
    }
}

pub(super) fn is_json(request: &HttpRequest) -> bool {
    request
        .mime_type()
        .ok()
        .flatten()
        .is_some_and(|mime| mime.subtype() == "json" || mime.suffix().is_some_and(|suffix| suffix == "json"))
}

fn too_large(limit: usize) -> ApiError {
    ApiError::from(Code::BodyTooLarge).at("body").with("max_bytes", limit)
}

/// How long the whole body may take.
fn patience(request: &HttpRequest) -> Duration {
    request.app_data::<Data<AppState>>().map_or(Duration::MAX, |app| app.settings.server.client_timeout)
}

/// The whole body, where it arrives within `patience`: a client that trickles must not hold a place for ever.
pub(super) async fn collect(payload: Payload, patience: Duration) -> Result<BytesMut, ApiError> {
    collect_up_to(MAX_BODY, payload, patience).await
}

/// The same for a body of at most so many bytes.
pub(super) async fn collect_up_to(limit: usize, payload: Payload, patience: Duration) -> Result<BytesMut, ApiError> {
    let too_slow = || ApiError::from(Code::BodyTooSlow).at("body");
    timeout(patience, collect_all(limit, payload)).await.unwrap_or_else(|_| Err(too_slow()))
}

async fn collect_all(limit: usize, mut payload: Payload) -> Result<BytesMut, ApiError> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| ApiError::from(Code::MalformedBody).at("body"))?;
        if body.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// A payload that is there already.
pub(super) fn whole_body(body: Bytes) -> Payload {
    let (_, mut payload) = actix_http::h1::Payload::create(true);
    payload.unread_data(body);
    Payload::from(payload)
}

pub(super) fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    // serde would take a list for the fields in their order.
    if body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[') {
        return Err(ApiError::field("body", Said::new("须为 JSON 对象", "must be a JSON object")));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        of_json(path, error.inner(), body)
    })?;
    json.end().map_err(|error| of_json(".".into(), &error, body))?;
    Ok(value)
}

/// As a body, from JSON that was read already.
pub(super) fn read_value<T: DeserializeOwned>(value: serde_json::Value) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let (path, text) = (error.path().to_string(), error.inner().to_string());
        ApiError::field(named(&path, &text), misread::said(&text, Place::Body))
    })
}

fn of_json(path: String, error: &serde_json::Error, body: &[u8]) -> ApiError {
    let is_json = match error.classify() {
        serde_json::error::Category::Data => true,
        // Where a name of a choice is wanted, anything else is told to be broken JSON.
        serde_json::error::Category::Syntax => serde_json::from_slice::<de::IgnoredAny>(body).is_ok(),
        serde_json::error::Category::Eof | serde_json::error::Category::Io => false,
    };
    if !is_json {
        return ApiError::from(Code::MalformedBody).at("body").because(misread::malformed(error));
    }
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(&*text, |(text, _)| text);
    ApiError::field(named(&path, text), misread::said(text, Place::Body))
}

/// serde names an unknown or a missing field in its sentence, not in the path.
fn named(path: &str, sentence: &str) -> String {
    let inner = ["unknown field `", "missing field `", "duplicate field `"]
        .iter()
        .find_map(|start| sentence.strip_prefix(start)?.split('`').next());
    match (path, inner) {
        (".", Some(inner)) => inner.to_owned(),
        (".", None) => "body".to_owned(),
        (path, Some(inner)) if !path.ends_with(inner) => format!("{path}.{inner}"),
        (path, _) => path.to_owned(),
    }
}

/// The query string, read into a type that knows its limits.
pub struct Query<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(read_query(request.query_string()).map(Self))
    }
}

pub(super) fn read_query<T: DeserializeOwned>(query: &str) -> Result<T, ApiError> {
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs).map_err(|error| {
        let (path, text) = (error.path().to_string(), error.inner().to_string());
        ApiError::from(Code::InvalidQuery).at(named(&path, &text)).because(misread::said(&text, Place::Query))
    })
}

/// The one number in an address. What is no number is no address of anything: not found.
pub struct Id<T>(pub T);

impl<T: From<i64>> FromRequest for Id<T> {
    type Error = ApiError;
    type Future = std::future::Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let number = request.match_info().iter().next().and_then(|(_, text)| whole(text));
        std::future::ready(number.map(|number| Self(number.into())).ok_or_else(|| Code::NotFound.into()))
    }
}

/// Digits only: no sign, no blanks, no other spelling of the same number.
pub fn whole(text: &str) -> Option<i64> {
    let number: i64 = text.parse().ok()?;
    (number > 0 && number.to_string() == text).then_some(number)
}

/// What `If-Match` says must still be so.
pub fn if_match(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get(IF_MATCH) else { return Ok(None) };
    let bad = || {
        ApiError::from(Code::InvalidHeader)
            .at("If-Match")
            .because(Said::new("须为此前返回的 ETag", "must be an ETag that was answered before"))
    };
    value.to_str().map(|text| Some(text.trim().to_owned())).map_err(|_| bad())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::web::error::Language;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Example {
        name: Line<1, 4>,
        #[serde(default)]
        note: Change<Text<0, 5>>,
        #[serde(default)]
        ids: Few<Whole<1, 9>, 2>,
    }

    fn refusal(body: serde_json::Value) -> (String, String) {
        let error = read_json::<Example>(body.to_string().as_bytes()).unwrap_err();
        let details = serde_json::to_value(error.body(Language::English)).unwrap();
        assert_eq!(details["code"], "invalid_field");
        (details["details"]["field"].as_str().unwrap().into(), details["details"]["problem"].as_str().unwrap().into())
    }

    #[test]
    fn a_good_body_is_read_and_an_absent_field_is_not_a_cleared_one() {
        let example: Example = read_json(br#"{"name":"\u95f2\u9c7c","note":null}"#).unwrap();
        assert_eq!((&*example.name, example.note, example.ids.len()), ("闲鱼", Change::Clear, 0));
        let example: Example = read_json(br#"{"name":"a"}"#).unwrap();
        assert_eq!(example.note, Change::Keep);
    }

    #[test]
    fn every_refusal_names_its_field() {
        for (body, field, problem) in [
            (json!({"name": ""}), "name", "1 to 4 characters"),
            (json!({"name": "闲鱼闲鱼闲"}), "name", "1 to 4 characters"),
            (json!({"name": " a"}), "name", "whitespace"),
            (json!({"name": "a\nb"}), "name", "control"),
            (json!({"name": 5}), "name", "invalid type"),
            (json!({"name": "a", "note": "toolong"}), "note", "0 to 5"),
            (json!({"name": "a", "ids": [1, 2, 3]}), "ids", "at most 2"),
            (json!({"name": "a", "ids": [1, 10]}), "ids[1]", "from 1 to 9"),
            (json!({"name": "a", "other": 1}), "other", "unknown field"),
            (json!({}), "name", "missing field"),
            (json!([]), "body", "object"),
            (json!(["a"]), "body", "object"),
        ] {
            let (named, said) = refusal(body.clone());
            assert_eq!(named, field, "{body}");
            assert!(said.contains(problem), "{body}: {said}");
        }
    }

    #[test]
    fn broken_json_is_malformed_and_what_follows_it_too() {
        for body in ["{", "", "{\"name\":\"a\"} x", "\u{feff}{}"] {
            let error = read_json::<Example>(body.as_bytes()).unwrap_err();
            assert_eq!(error.code(), Code::MalformedBody, "{body:?}");
        }
    }

    #[test]
    fn valid_json_is_never_called_malformed() {
        #[derive(Debug, Deserialize)]
        #[serde(rename_all = "lowercase")]
        enum Choice {
            Exact,
        }
        #[derive(Debug, Deserialize)]
        struct Chosen {
            #[serde(rename = "choice")]
            _choice: Choice,
        }
        for choice in [json!({}), json!({"exact": null, "other": 1}), json!(null), json!(5), json!([])] {
            let error = read_json::<Chosen>(json!({"choice": choice}).to_string().as_bytes()).unwrap_err();
            let refused = serde_json::to_value(error.body(Language::English)).unwrap();
            assert_eq!((&refused["code"], &refused["details"]["field"]), (&json!("invalid_field"), &json!("choice")));
            let problem = &refused["details"]["problem"];
            assert!(problem.as_str().unwrap().contains("the name of a choice"), "{choice}: {problem}");
        }
    }

    #[test]
    fn who_says_nothing_sends_nothing_or_an_empty_object() {
        for body in ["", " \n", "{}", "{ }"] {
            assert!(read_nothing(body.as_bytes()).is_ok(), "{body:?}");
        }
        for (body, field) in
            [("garbage", "body"), ("[]", "body"), ("null", "body"), ("{} x", "body"), ("{\"minutes\":5}", "minutes")]
        {
            let error = read_nothing(body.as_bytes()).err().unwrap();
            let refused = serde_json::to_value(error.body(Language::English)).unwrap();
            assert_eq!((&refused["code"], &refused["details"]["field"]), (&json!("invalid_field"), &json!(field)));
        }
    }

    #[test]
    fn a_text_that_must_be_there_is_more_than_blanks() {
        for blank in [" ", "\n\t ", "\u{3000}"] {
            assert_eq!(Text::<1, 9>::parse(blank).unwrap_err().en, "must not be blank", "{blank:?}");
            assert!(Text::<0, 9>::parse(blank).is_ok(), "{blank:?}");
        }
        assert!(Text::<1, 9>::parse(" a\n").is_ok());
        assert_eq!(Text::<1, 9>::parse("").unwrap_err().en, "must have 1 to 9 characters");
    }

    #[test]
    fn an_id_has_one_spelling() {
        assert_eq!(whole("12"), Some(12));
        for text in ["", "0", "-1", "+1", "01", "1 ", "1.0", "99999999999999999999", "１"] {
            assert_eq!(whole(text), None, "{text:?}");
        }
    }
}
