//! Why a provider gave no text, in classes that hold for all of them.

use serde_json::Value;

use crate::ai::normal::pattern;

/// A call that brought no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {said}", .code.as_str())]
pub struct Fault {
    pub code: FaultCode,
    /// Whether the same call may succeed a little later.
    pub retryable: bool,
    /// What the provider said, at most 200 characters. What looks like a key is masked; for a key of another look there is
    /// [`hiding`](Fault::hiding).
    pub said: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultCode {
    /// The key is wrong, or may not do this.
    Unauthorised,
    /// The account with the provider has no money or no quota left.
    Unpaid,
    /// No such model or application, or a wrong address.
    NotFound,
    RateLimited,
    /// The provider is down or too busy.
    Overloaded,
    /// The provider does not understand the request.
    BadRequest,
    /// The answer is not what the provider promises.
    Unreadable,
    /// The provider's filter refused the question or the answer.
    RefusedByFilter,
    /// The answer was cut off.
    Truncated,
    Empty,
}

impl FaultCode {
    /// Stable.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unauthorised => "unauthorised",
            Self::Unpaid => "unpaid",
            Self::NotFound => "not_found",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::BadRequest => "bad_request",
            Self::Unreadable => "unreadable",
            Self::RefusedByFilter => "refused_by_filter",
            Self::Truncated => "truncated",
            Self::Empty => "empty",
        }
    }

    fn is_retryable(self) -> bool {
        match self {
            Self::RateLimited | Self::Overloaded | Self::Unreadable | Self::Empty => true,
            Self::Unauthorised
            | Self::Unpaid
            | Self::NotFound
            | Self::BadRequest
            | Self::RefusedByFilter
            | Self::Truncated => false,
        }
    }

    /// Whether it says something of the provider, so that a [breaker](crate::ai::breaker) counts it: the others are about this request.
    pub fn is_of_provider(self) -> bool {
        match self {
            Self::Unauthorised
            | Self::Unpaid
            | Self::NotFound
            | Self::RateLimited
            | Self::Overloaded
            | Self::Unreadable => true,
            Self::BadRequest | Self::RefusedByFilter | Self::Truncated | Self::Empty => false,
        }
    }

    /// What the seller is told.
    pub fn zh(self) -> &'static str {
        match self {
            Self::Unauthorised => "AI 服务商不认可这个 API Key，或它没有权限",
            Self::Unpaid => "AI 服务商账户欠费或额度用完",
            Self::NotFound => "AI 服务商没有这个模型或应用，或接口地址不对",
            Self::RateLimited => "对 AI 服务商的请求太频繁",
            Self::Overloaded => "AI 服务商暂时不可用",
            Self::BadRequest => "AI 服务商不接受这个请求，请检查模型和接口类型",
            Self::Unreadable => "看不懂 AI 服务商返回的内容，请检查接口地址和类型",
            Self::RefusedByFilter => "AI 服务商的内容审核拒绝了这次请求",
            Self::Truncated => "AI 的回复太长，被截断了",
            Self::Empty => "AI 没有给出回复",
        }
    }

    /// What the seller is told.
    pub fn en(self) -> &'static str {
        match self {
            Self::Unauthorised => "the AI provider does not accept this API key, or it lacks a permission",
            Self::Unpaid => "the account with the AI provider has no money or quota left",
            Self::NotFound => "the AI provider has no such model or application, or the address is wrong",
            Self::RateLimited => "the AI provider was asked too often",
            Self::Overloaded => "the AI provider is not available at the moment",
            Self::BadRequest => "the AI provider does not accept the request: check the model and the kind of the API",
            Self::Unreadable => "the AI provider's answer cannot be read: check the address and the kind of the API",
            Self::RefusedByFilter => "the AI provider's content filter refused the request",
            Self::Truncated => "the model's answer was too long and was cut off",
            Self::Empty => "the model gave no answer",
        }
    }
}

const LONGEST: usize = 200;

impl Fault {
    pub fn new(code: FaultCode, said: &str) -> Self {
        Self { code, retryable: code.is_retryable(), said: masked(said) }
    }

    /// The same without this key, should the provider have repeated it.
    #[must_use]
    pub fn hiding(mut self, key: &str) -> Self {
        let key = key.trim();
        if !key.is_empty() {
            self.said = self.said.replace(key, "***");
        }
        self
    }

    /// What an answer with a status of failure, or with an error inside of a success, is.
    pub(super) fn of(status: u16, body: &[u8]) -> Self {
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            let code = by_status(status).unwrap_or(FaultCode::Unreadable);
            return Self::new(code, &format!("HTTP {status}"));
        };
        let error = [&value["error"], &value[0]["error"], &value].into_iter().find(|error| error.is_object());
        let error = error.unwrap_or(&value);
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        let details = error["details"].to_string();
        let names = [text("code"), text("type"), text("status"), details].join(" ").to_lowercase();
        let said = [text("message"), value["message"].as_str().unwrap_or_default().to_owned()];
        let said =
            said.into_iter().find(|said| !said.is_empty()).or_else(|| value["error"].as_str().map(str::to_owned));
        let said = said.unwrap_or_else(|| format!("HTTP {status}"));
        let code = by_name(&names, &said.to_lowercase()).or_else(|| by_status(status));
        Self::new(code.unwrap_or(FaultCode::Unreadable), &said)
    }
}

/// Providers give one status to many reasons; the name of the error is more exact.
fn by_name(names: &str, said: &str) -> Option<FaultCode> {
    let has = |words: &[&str]| words.iter().any(|word| names.contains(word));
    if has(&["data_inspection", "datainspection", "content_filter", "content_policy", "moderation"]) {
        Some(FaultCode::RefusedByFilter)
    } else if has(&["insufficient_quota", "arrearage", "billing", "insufficient_balance", "freetieronly"])
        || said.contains("insufficient balance")
    {
        Some(FaultCode::Unpaid)
    } else if has(&[
        "invalid_api_key",
        "invalidapikey",
        "api_key_invalid",
        "authentication",
        "permission",
        "accessdenied",
        "access_denied",
    ]) {
        Some(FaultCode::Unauthorised)
    } else if has(&["model_not_found", "modelnotfound", "not_found", "invalidapp", "appnotfound"]) {
        Some(FaultCode::NotFound)
    } else if has(&["throttling", "rate_limit", "resource_exhausted"]) {
        Some(FaultCode::RateLimited)
    } else if has(&["overloaded", "unavailable", "internalerror", "server_error"]) {
        Some(FaultCode::Overloaded)
    } else {
        None
    }
}

fn by_status(status: u16) -> Option<FaultCode> {
    match status {
        401 | 403 | 407 => Some(FaultCode::Unauthorised),
        402 => Some(FaultCode::Unpaid),
        404 | 405 | 410 => Some(FaultCode::NotFound),
        408 | 425 | 429 => Some(FaultCode::RateLimited),
        451 => Some(FaultCode::RefusedByFilter),
        400..=499 => Some(FaultCode::BadRequest),
        500..=599 => Some(FaultCode::Overloaded),
        _ => None,
    }
}

/// One line, without what looks like a key, not too long.
fn masked(said: &str) -> String {
    let key = pattern!(
        r"(?i)(?:sk|ak|key|token)[-_][a-z0-9_*.\-]{6,}|AIza[a-z0-9_\-]{8,}|bearer\s+\S+|[?&](?:key|token)=[^&\s]+|[a-z0-9_\-]{32,}"
    );
    let line = said.split_whitespace().collect::<Vec<_>>().join(" ");
    key.replace_all(&line, "***").chars().filter(|letter| !letter.is_control()).take(LONGEST).collect()
}
