//! Every refusal the API gives: one shape, `{code, message, details?}`, one table of stable codes, two languages.
//!
//! A handler returns an [`ApiError`]; its text is written last, by [`speak`], in the language the request asked for.

use std::fmt;

use actix_web::{
    Error, HttpResponse, HttpResponseBuilder, ResponseError,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{ACCEPT_LANGUAGE, CONTENT_LANGUAGE, HeaderMap, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE},
    },
    middleware::Next,
};
use log::{error, warn};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::{compat::sessions::answers_with_success, pages};
pub use crate::mail::letter::Language;
use crate::{store::StoreError, telemetry::modules::Module};

pub type ApiResult<T> = Result<T, ApiError>;

/// The first language of `Accept-Language` that is spoken here; Chinese where none is.
pub fn language_of(headers: &HeaderMap) -> Language {
    let wanted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut tags: Vec<(&str, f32)> = wanted.split(',').map(weighed).filter(|(_, weight)| *weight > 0.0).collect();
    tags.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    tags.into_iter().find_map(|(tag, _)| spoken(tag)).unwrap_or(Language::Chinese)
}

fn spoken(tag: &str) -> Option<Language> {
    match tag.split('-').next().unwrap_or(tag).to_ascii_lowercase().as_str() {
        "zh" => Some(Language::Chinese),
        "en" => Some(Language::English),
        _ => None,
    }
}

fn tag(language: Language) -> &'static str {
    match language {
        Language::Chinese => "zh",
        Language::English => "en",
    }
}

/// A language tag and its weight; a weight that cannot be read counts as 1.
fn weighed(part: &str) -> (&str, f32) {
    let (tag, rest) = part.split_once(';').unwrap_or((part, ""));
    let weight = rest.split(';').find_map(|parameter| {
        let (name, weight) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| weight.trim())
    });
    (tag.trim(), weight.and_then(|weight| weight.parse().ok()).unwrap_or(1.0))
}

/// A sentence in both languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub zh: String,
    pub en: String,
}

/// Between the two languages where only one text can be handed on, as by serde.
const SEPARATOR: char = '\u{1f}';

impl Said {
    pub fn new(zh: impl Into<String>, en: impl Into<String>) -> Self {
        Self { zh: zh.into(), en: en.into() }
    }

    pub fn in_language(&self, language: Language) -> &str {
        match language {
            Language::Chinese => &self.zh,
            Language::English => &self.en,
        }
    }

    /// Both in one text, for errors that carry only one; [`Said::read`] takes it apart.
    pub fn joined(&self) -> String {
        format!("{}{SEPARATOR}{}", self.zh, self.en)
    }

    /// Takes a text of [`Said::joined`] apart; `None` where it is none.
    pub fn read(text: &str) -> Option<Self> {
        text.split_once(SEPARATOR).map(|(zh, en)| Self::new(zh, en))
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:ident, $zh:literal, $en:literal;)*) => {
        /// Why a request was refused. The texts of codes are stable: programs may rely on them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            pub fn status(self) -> StatusCode {
                match self { $(Self::$name => StatusCode::$status,)* }
            }

            fn said(self) -> Said {
                match self { $(Self::$name => Said::new($zh, $en),)* }
            }
        }
    };
}

codes! {
    MalformedBody = "malformed_body", BAD_REQUEST, "请求内容不是有效的 JSON。", "The body is not valid JSON.";
    InvalidField = "invalid_field", UNPROCESSABLE_ENTITY, "请求中有字段不符合要求。", "A field of the request cannot be accepted.";
    InvalidQuery = "invalid_query", BAD_REQUEST, "查询参数不符合要求。", "A query parameter cannot be accepted.";
    InvalidHeader = "invalid_header", BAD_REQUEST, "请求头不符合要求。", "A header of the request cannot be accepted.";
    UnsupportedMediaType = "unsupported_media_type", UNSUPPORTED_MEDIA_TYPE, "不支持该请求内容的类型。", "A body of this type is not accepted here.";
    NotAPicture = "not_a_picture", UNPROCESSABLE_ENTITY, "图片无法使用。", "The picture cannot be used.";
    PictureInUse = "picture_in_use", CONFLICT, "图片正在使用，不能删除。", "The picture is in use and cannot be removed.";
    CardInUse = "card_in_use", CONFLICT, "卡券正在使用或已发出过，不能删除；可以停用。", "The card is in use, or was given away: it cannot be removed, but disabled.";
    TooManyPictures = "too_many_pictures", CONFLICT, "图片数量已达上限，请先删除不用的图片。", "There are too many pictures: remove some first.";
    PlatformRefused = "platform_refused", CONFLICT, "闲鱼拒绝了该操作。", "The platform refused this.";
    BodyTooSlow = "body_too_slow", REQUEST_TIMEOUT, "接收请求内容超时。", "The body did not arrive in time.";
    Misdirected = "misdirected", MISDIRECTED_REQUEST, "该请求的 Host 不属于本服务器，请设置 server.public_url。", "The Host header does not belong to this server: set server.public_url.";
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE, "请求内容过大。", "The body is too large.";
    MetricsToken = "metrics_token_required", UNAUTHORIZED, "请在 Authorization 请求头中提供 metrics.token。", "Send metrics.token as a bearer token.";
    NotSignedIn = "not_signed_in", UNAUTHORIZED, "请先登录。", "Sign in first.";
    /// The same for an unknown name, a wrong password and a wrong code: nobody learns which.
    WrongLogin = "wrong_login", UNAUTHORIZED, "用户名、密码或验证码不正确。", "The name, the password or the code is wrong.";
    SecondFactorRequired = "second_factor_required", UNAUTHORIZED, "请输入两步验证码。", "Enter the code from your second factor.";
    Forbidden = "forbidden", FORBIDDEN, "您没有权限执行此操作。", "You are not allowed to do this.";
    CsrfFailed = "csrf_failed", FORBIDDEN, "页面已过期，请刷新后重试。", "The page is out of date: reload it and try again.";
    OriginRefused = "origin_refused", FORBIDDEN, "不允许来自该来源的连接。", "Connections from this origin are not allowed.";
    SetupRequired = "setup_required", SERVICE_UNAVAILABLE, "系统尚未设置，请打开服务器启动时显示的设置链接。", "The system is not set up yet: open the link that the server printed when it started.";
    SetupDone = "setup_done", NOT_FOUND, "设置链接无效或已使用。", "The set-up link is invalid or has already been used.";
    RegistrationClosed = "registration_closed", FORBIDDEN, "未开放注册。", "Registration is closed.";
    MailFailed = "mail_failed", BAD_GATEWAY, "邮件发送失败。", "The e-mail could not be sent.";
    NoticeFailed = "notice_failed", BAD_GATEWAY, "通知发送失败。", "The notice could not be sent.";
    CardFailed = "card_failed", BAD_GATEWAY, "卡券接口没有返回可发的内容。", "The card's server gave nothing that can be delivered.";
    NotFound = "not_found", NOT_FOUND, "未找到。", "Not found.";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "该地址不支持此方法。", "This address does not support this method.";
    Conflict = "conflict", CONFLICT, "已存在，或与已有数据冲突。", "It already exists or contradicts what is stored.";
    NameTaken = "name_taken", CONFLICT, "名称已被使用。", "The name is already in use.";
    EmailTaken = "email_taken", CONFLICT, "邮箱已被使用。", "The e-mail address is already in use.";
    /// The same for one's own and another owner's account: nobody learns whose it is.
    PlatformUserTaken = "platform_user_taken", CONFLICT, "该闲鱼用户已绑定到另一个账号。", "This platform user already belongs to another account.";
    PlatformUserDiffers = "platform_user_differs", CONFLICT, "新的 Cookie 属于另一个闲鱼用户。", "The new cookie belongs to another platform user.";
    LastAdmin = "last_admin", CONFLICT, "至少要保留一位可用的管理员。", "At least one active administrator must remain.";
    BackedUpElsewhere = "backed_up_elsewhere", CONFLICT, "数据库是 PostgreSQL，请用 pg_dump 备份。", "The database is PostgreSQL: back it up with pg_dump.";
    WrongState = "wrong_state", CONFLICT, "当前状态不允许此操作。", "This is not possible in the current state.";
    OfDelivery = "of_delivery", CONFLICT, "这条消息属于发货内容，请在订单的发货记录中处理。", "This message belongs to a delivery: decide about it with its order.";
    CasesFailed = "cases_failed", CONFLICT, "有测试用例未通过，规则没有发布。", "Cases did not come as expected: nothing was published.";
    Stopped = "stopped", CONFLICT, "停止开关已打开，不会发送任何消息。", "The stop switch is on: nothing is sent.";
    AccountNotRunning = "account_not_running", CONFLICT, "账号未在运行。", "The account is not running.";
    MayBeDuplicate = "may_be_duplicate", CONFLICT, "这条消息可能已经送达，确认后才能重发。", "The message may already have arrived: confirm that it may be sent again.";
    Changed = "changed", PRECONDITION_FAILED, "数据已被他人修改，请刷新后重试。", "Somebody else has changed it in the meantime: reload it and try again.";
    KeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "该 Idempotency-Key 已用于另一个请求。", "This Idempotency-Key was used for another request.";
    KeyBusy = "idempotency_key_busy", CONFLICT, "相同的请求正在处理，或其结果未知，请先查询再决定。", "The same request is still being processed, or its outcome is unknown: check before you try again.";
    TooManyRequests = "too_many_requests", TOO_MANY_REQUESTS, "请求过于频繁，请稍后再试。", "Too many requests: try again later.";
    TooManyConnections = "too_many_connections", TOO_MANY_REQUESTS, "连接数已达上限。", "Too many connections are open.";
    TooManyTries = "too_many_tries", TOO_MANY_REQUESTS, "尝试次数过多，请稍后再试。", "Too many attempts: try again later.";
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "服务器繁忙，请稍后再试。", "The server is busy: try again soon.";
    DatabaseUnavailable = "database_unavailable", SERVICE_UNAVAILABLE, "数据库暂时不可用。", "The database is temporarily unavailable.";
    ModuleUnavailable = "module_unavailable", SERVICE_UNAVAILABLE, "此功能所需的组件不可用。", "What this needs is not available on this machine.";
    EngineUnavailable = "engine_unavailable", SERVICE_UNAVAILABLE, "消息引擎暂时不可用。", "The messaging engine is temporarily unavailable.";
    OutcomeUnknown = "outcome_unknown", SERVICE_UNAVAILABLE, "结果未知，请先查询再决定是否重试。", "The outcome is unknown: check whether it was done before you try again.";
    StorageFull = "storage_full", INSUFFICIENT_STORAGE, "磁盘已满。", "The disk is full.";
    Internal = "internal", INTERNAL_SERVER_ERROR, "服务器内部错误。", "Internal server error.";
}

/// A refusal. Its texts never hold a secret or an inner error's words.
#[derive(Debug, Clone)]
pub struct ApiError(Box<Refusal>);

#[derive(Debug, Clone)]
struct Refusal {
    code: Code,
    field: Option<String>,
    problem: Option<Said>,
    more: Map<String, Value>,
    retry_after_s: Option<u64>,
}

/// What every refusal looks like.
#[derive(Debug, Serialize, ToSchema)]
#[schema(title = "Error")]
pub struct ErrorBody {
    /// `false`, at the paths of older clients only.
    #[serde(skip_serializing_if = "Option::is_none")]
    success: Option<bool>,
    /// Stable: programs may rely on it.
    #[schema(example = "invalid_field")]
    code: &'static str,
    /// For people, in the language of `Accept-Language` (`zh` or `en`).
    #[schema(example = "A field of the request cannot be accepted.")]
    pub(super) message: String,
    /// What exactly: `field` names the place in the request, `problem` says what is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>, example = json!({"field": "name", "problem": "must have 1 to 64 characters"}))]
    details: Option<Map<String, Value>>,
}

impl ErrorBody {
    /// For people: what is refused, and what is wrong with it.
    fn in_words(&self) -> String {
        let problem = self.details.as_ref().and_then(|details| details.get("problem")?.as_str());
        match problem {
            Some(problem) => format!("{} ({problem})", self.message),
            None => self.message.clone(),
        }
    }
}

/// What every 401 says of how to sign in. A browser asks nobody for a name and a password because of it.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"yutang\"");

/// When to look again where nothing more is known.
const SOON_S: u64 = 5;

/// What may be otherwise in a moment says when to come again.
impl From<Code> for ApiError {
    fn from(code: Code) -> Self {
        let passes = matches!(code.status(), StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
        let retry_after_s = passes.then_some(SOON_S);
        Self(Box::new(Refusal { code, field: None, problem: None, more: Map::new(), retry_after_s }))
    }
}

impl ApiError {
    /// This field of the body cannot be accepted.
    pub fn field(field: impl Into<String>, problem: Said) -> Self {
        Self::from(Code::InvalidField).at(field).because(problem)
    }

    pub fn at(mut self, field: impl Into<String>) -> Self {
        self.0.field = Some(field.into());
        self
    }

    /// This part is not there, and how to get it.
    pub fn absent(module: Module) -> Self {
        let (zh, en) = module.remedy();
        Self::from(Code::ModuleUnavailable).with("module", module.name()).because(Said::new(zh, en))
    }

    /// For clients that call the field by another name.
    pub fn renamed(mut self, field: &str, theirs: &str) -> Self {
        if self.0.field.as_deref() == Some(field) {
            self.0.field = Some(theirs.to_owned());
        }
        self
    }

    pub fn because(mut self, problem: Said) -> Self {
        self.0.problem = Some(problem);
        self
    }

    /// The field that it is about, and what is wrong with it.
    pub fn told(&self) -> (Option<&str>, Option<&Said>) {
        (self.0.field.as_deref(), self.0.problem.as_ref())
    }

    /// Another fact for programs.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.more.insert(name.to_owned(), value.into());
        self
    }

    /// When it is worth trying again.
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after_s = Some(seconds.max(1));
        self
    }

    /// For what fails when the deed itself is done: nobody may take the refusal for "nothing happened" and do it again.
    pub fn after_the_deed(reason: impl Into<Self>) -> Self {
        // Made for the log alone.
        let _: Self = reason.into();
        Code::OutcomeUnknown.into()
    }

    /// Whoever only looks has changed nothing, whether the database answered or not.
    fn of_a_look(mut self) -> Self {
        if self.0.code == Code::OutcomeUnknown {
            self.0.code = Code::DatabaseUnavailable;
        }
        self
    }

    /// For a store that was asked for what this field of the body names: the field is told where that is not there.
    pub fn missing(field: &'static str) -> impl FnOnce(StoreError) -> Self {
        move |error| match error {
            StoreError::NotFound => Self::from(Code::NotFound).at(field),
            other => other.into(),
        }
    }

    /// The body of this request is JSON, and says so.
    pub fn wants_json() -> Self {
        let said = Said::new("须为 application/json", "must be application/json");
        Self::from(Code::UnsupportedMediaType).at("Content-Type").because(said)
    }

    /// The body of this request is what a form of a page sends, and says so.
    pub fn wants_form() -> Self {
        let said = Said::new("须为表单", "must be a form");
        Self::from(Code::UnsupportedMediaType).at("Content-Type").because(said)
    }

    pub fn code(&self) -> Code {
        self.0.code
    }

    /// Begins an answer of its status, with what else it says in its headers.
    pub(super) fn answer(&self) -> HttpResponseBuilder {
        let status = self.0.code.status();
        let mut answer = HttpResponse::build(status);
        if let Some(seconds) = self.0.retry_after_s {
            answer.insert_header((RETRY_AFTER, seconds.to_string()));
        }
        if status == StatusCode::UNAUTHORIZED {
            answer.insert_header((WWW_AUTHENTICATE, CHALLENGE));
        }
        answer
    }

    pub(super) fn body(&self, language: Language) -> ErrorBody {
        let Refusal { code, field, problem, more, retry_after_s } = &*self.0;
        let mut details = more.clone();
        details.extend(field.clone().map(|field| ("field".to_owned(), field.into())));
        let problem = problem.as_ref().map(|problem| problem.in_language(language).into());
        details.extend(problem.map(|problem| ("problem".to_owned(), problem)));
        details.extend(retry_after_s.map(|seconds| ("retry_after_s".to_owned(), json!(seconds))));
        ErrorBody {
            success: None,
            code: code.as_str(),
            message: code.said().in_language(language).to_owned(),
            details: (!details.is_empty()).then_some(details),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.code.as_str())
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.0.code.status()
    }

    /// Without a text yet: [`speak`] knows the language.
    fn error_response(&self) -> HttpResponse {
        let mut response = self.answer().finish();
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Code::NotFound.into(),
            StoreError::Conflict(_) => Code::Conflict.into(),
            StoreError::Full => Code::StorageFull.into(),
            StoreError::Timeout(_) | StoreError::InDoubt(_) | StoreError::Stopped => Code::OutcomeUnknown.into(),
            StoreError::Database(_) | StoreError::Open { .. } => {
                warn!(class = "database"; "a request could not be served: {error}");
                Code::DatabaseUnavailable.into()
            }
            StoreError::Url(_)
            | StoreError::Panicked
            | StoreError::WrongKey
            | StoreError::TooNew { .. }
            | StoreError::Migration(_)
            | StoreError::Backup { .. }
            | StoreError::Locked(..)
            | StoreError::Secret(_) => {
                error!(class = "database"; "a request met a fault of the store: {error}");
                Code::Internal.into()
            }
        }
    }
}

/// The registry, or a part of the engine behind it, is gone or silent.
impl From<actix::MailboxError> for ApiError {
    fn from(_: actix::MailboxError) -> Self {
        Code::EngineUnavailable.into()
    }
}

/// Writes the text of every refusal in the request's language, also of those that the framework makes.
pub(super) async fn speak<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let language = language_of(request.headers());
    // Handlers' refusals are answers already; an error here means that a layer below broke.
    Ok(in_words(next.call(request).await?, language))
}

fn in_words<B>(response: ServiceResponse<B>, language: Language) -> ServiceResponse<EitherBody<B>> {
    let refusal = response.response().extensions().get::<ApiError>().cloned().or_else(|| of_framework(&response));
    let Some(refusal) = refusal else { return response.map_into_left_body() };
    let (request, old) = response.into_parts();
    let refusal = if request.method().is_safe() { refusal.of_a_look() } else { refusal };
    let mut body = refusal.body(language);
    body.success = answers_with_success(request.path()).then_some(false);
    let page = pages::refused(&request, old.status(), &body.in_words());
    let mut new = page.unwrap_or_else(|| HttpResponse::build(old.status()).json(body));
    for (name, value) in old.headers().iter().filter(|(name, _)| !is_of_the_body(name.as_str())) {
        new.headers_mut().append(name.clone(), value.clone());
    }
    new.headers_mut().insert(CONTENT_LANGUAGE, HeaderValue::from_static(tag(language)));
    ServiceResponse::new(request, new).map_into_right_body()
}

fn is_of_the_body(header: &str) -> bool {
    matches!(header, "content-type" | "content-length" | "transfer-encoding")
}

/// A plain refusal of the framework (its bodies are plain text) gets our shape too.
fn of_framework<B>(response: &ServiceResponse<B>) -> Option<ApiError> {
    Some(match response.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::from(Code::BodyTooLarge).at("body"),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ApiError::wants_json(),
        StatusCode::INTERNAL_SERVER_ERROR => Code::Internal.into(),
        StatusCode::BAD_REQUEST => ApiError::from(Code::MalformedBody).at("body"),
        _ => return None,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn what_fails_after_the_deed_is_never_taken_for_nothing_done() {
        for error in [StoreError::Database("gone".into()), StoreError::Full, StoreError::NotFound] {
            assert_eq!(ApiError::after_the_deed(error).code(), Code::OutcomeUnknown);
        }
        let silent = ApiError::from(StoreError::Timeout(30));
        assert_eq!(silent.code(), Code::OutcomeUnknown);
        assert_eq!(silent.of_a_look().code(), Code::DatabaseUnavailable, "a look changes nothing");
        assert_eq!(ApiError::from(Code::Conflict).of_a_look().code(), Code::Conflict);
    }

    #[test]
    fn who_is_not_signed_in_is_told_how_to() {
        for code in Code::ALL {
            let answer = ApiError::from(*code).error_response();
            let told = answer.headers().get(WWW_AUTHENTICATE) == Some(&CHALLENGE);
            assert_eq!(told, code.status() == StatusCode::UNAUTHORIZED, "{}", code.as_str());
        }
    }

    #[test]
    fn what_passes_says_when_to_come_again() {
        for code in Code::ALL {
            let passes = matches!(code.status().as_u16(), 429 | 503);
            let told = ApiError::from(*code).error_response().headers().contains_key(RETRY_AFTER);
            assert_eq!(told, passes, "{}", code.as_str());
        }
    }

    fn language(wanted: &str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_str(wanted).unwrap());
        language_of(&headers)
    }

    #[test]
    fn the_first_spoken_language_is_taken_and_chinese_without_one() {
        assert_eq!(language_of(&HeaderMap::new()), Language::Chinese);
        assert_eq!(language("en-US,en;q=0.9,zh;q=0.8"), Language::English);
        assert_eq!(language("fr, zh-CN;q=0.3, en;q=0.5"), Language::English);
        assert_eq!(language("zh-TW"), Language::Chinese);
        assert_eq!(language("en;q=0, fr"), Language::Chinese);
        assert_eq!(language(",;q=,"), Language::Chinese);
        // RFC 9110: blanks may stand around the semicolon, and the name of the weight has no case.
        assert_eq!(language("en; q=0.9"), Language::English);
        assert_eq!(language("zh ;q=0.2 , en ; Q=0.9"), Language::English);
        assert_eq!(language("en;Q=0, zh;q=0.1"), Language::Chinese);
    }

    #[test]
    fn every_code_is_unique_and_speaks_both_languages() {
        let codes: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(codes.len(), Code::ALL.len());
        for code in Code::ALL {
            let said = code.said();
            assert!(!said.zh.is_ascii() && said.en.is_ascii(), "{}", code.as_str());
            assert!(code.status().is_client_error() || code.status().is_server_error());
        }
    }

    #[test]
    fn what_serde_can_only_hand_on_as_one_text_is_said_in_both_languages() {
        let said = Said::new("太长", "too long");
        assert_eq!(Said::read(&said.joined()), Some(said));
        assert_eq!(Said::read("x"), None);
    }
}
