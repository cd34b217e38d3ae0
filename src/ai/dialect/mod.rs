//! How a provider of models is spoken to: a request out of a [`Chat`], a text or a [`Fault`] out of what came back. No I/O.
//!
//! A key travels in a header, never in an address: addresses are logged, by us, by proxies and by the provider.

mod dashscope;
mod fault;
mod gemini;
mod openai;

use std::fmt;

pub use dashscope::DashScopeApp;
pub use fault::{Fault, FaultCode};
pub use gemini::Gemini;
pub use openai::OpenAi;
use serde::{Deserialize, Serialize};

use super::prompt::Chat;

/// A way of speaking to a provider.
pub trait Dialect {
    fn request(&self, to: &Endpoint, chat: &Chat) -> HttpRequest;

    /// Reads an answer, whatever its status. The text is trimmed, not empty, and as untrusted as it came.
    fn read(&self, status: u16, body: &[u8]) -> Result<Completion, Fault>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Chat completions: OpenAI, and everybody who speaks like it.
    #[serde(rename = "openai")]
    OpenAi,
    /// An application of Alibaba Cloud Model Studio (百炼).
    #[serde(rename = "dashscope_app")]
    DashScopeApp,
    Gemini,
}

impl Kind {
    pub const ALL: [Self; 3] = [Self::OpenAi, Self::DashScopeApp, Self::Gemini];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::DashScopeApp => "dashscope_app",
            Self::Gemini => "gemini",
        }
    }

    pub fn dialect(self) -> &'static dyn Dialect {
        match self {
            Self::OpenAi => &OpenAi,
            Self::DashScopeApp => &DashScopeApp,
            Self::Gemini => &Gemini,
        }
    }

    /// The dialect that an address most likely speaks, for a seller who does not know.
    pub fn of_url(base_url: &str) -> Self {
        let url = base_url.to_ascii_lowercase();
        if url.contains("/apps/") && url.contains("dashscope") {
            Self::DashScopeApp
        } else if url.contains("generativelanguage") && !url.contains("/openai") {
            Self::Gemini
        } else {
            Self::OpenAi
        }
    }
}

/// Where a model is asked.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// With or without a trailing slash, a version, or the whole path of the call.
    pub base_url: String,
    pub model: String,
    /// A secret. Empty where none is needed, as for a model on the own machine.
    pub key: String,
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (address, _) = parts(&self.base_url);
        f.debug_struct("Endpoint").field("base_url", &address).field("model", &self.model).finish_non_exhaustive()
    }
}

/// A POST.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    pub url: String,
    /// In lower case. One of them is the key: not for logs.
    pub headers: Vec<(&'static str, String)>,
    pub body: String,
}

impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.headers.iter().map(|(name, _)| name).collect();
        let (address, _) = parts(&self.url);
        f.debug_struct("HttpRequest")
            .field("url", &address)
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// What a model said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    pub text: String,
    pub tokens_in: Option<u32>,
    pub tokens_out: Option<u32>,
}

/// An address and its query, without the fragment. Blanks around it and slashes at the end of the path are gone.
fn parts(url: &str) -> (&str, &str) {
    let url = url.trim().split('#').next().unwrap_or_default();
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    (address.trim_end_matches('/'), query)
}

/// Whether an address has more than scheme and host.
fn has_path(address: &str) -> bool {
    let after_scheme = address.split_once("://").map_or(address, |(_, rest)| rest);
    after_scheme.contains('/')
}

/// A query without anything that may be a key.
fn harmless_query(query: &str) -> String {
    let harmless = query.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
        !pair.is_empty() && !["key", "token", "secret", "auth"].iter().any(|word| name.contains(word))
    });
    let query = harmless.collect::<Vec<_>>().join("&");
    if query.is_empty() { query } else { format!("?{query}") }
}

/// A part of a path: what could leave it is encoded.
fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.trim().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    // A segment of dots only would be a step up.
    if encoded.bytes().all(|byte| byte == b'.') { encoded.replace('.', "%2E") } else { encoded }
}

/// The headers of a JSON request with a bearer key.
fn bearer(key: &str) -> Vec<(&'static str, String)> {
    let mut headers = vec![("content-type", "application/json".to_owned())];
    let key = key.trim();
    if !key.is_empty() {
        headers.push(("authorization", format!("Bearer {key}")));
    }
    headers
}

/// A temperature as people write it: an `f32` would become 0.30000001192092896.
fn decimal(temperature: f32) -> serde_json::Value {
    let hundredths = (f64::from(temperature) * 100.0).round();
    serde_json::Value::from(hundredths / 100.0)
}

/// The completion with this text, if there is one. The reasoning that some models write before it is cut off.
fn completion(text: &str, tokens_in: Option<u64>, tokens_out: Option<u64>) -> Result<Completion, Fault> {
    let text = text.trim();
    let text = match text.strip_prefix("<think>") {
        Some(thought) => thought.split_once("</think>").map_or("", |(_, said)| said).trim(),
        None => text,
    };
    if text.is_empty() {
        return Err(Fault::new(FaultCode::Empty, "the answer has no text"));
    }
    let count = |tokens: Option<u64>| tokens.and_then(|tokens| u32::try_from(tokens).ok());
    Ok(Completion { text: text.to_owned(), tokens_in: count(tokens_in), tokens_out: count(tokens_out) })
}

#[cfg(test)]
mod tests;
