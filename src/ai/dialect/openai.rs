//! Chat completions, the form that most providers speak.

use serde_json::{Value, json};

use super::{
    Completion, Dialect, Endpoint, Fault, FaultCode, HttpRequest, bearer, completion, decimal, harmless_query,
    has_path, parts,
};
use crate::ai::prompt::Chat;

pub struct OpenAi;

const CALL: &str = "/chat/completions";

impl Dialect for OpenAi {
    fn request(&self, to: &Endpoint, chat: &Chat) -> HttpRequest {
        let mut body = json!({ "model": to.model.trim(), "messages": chat.messages, "stream": false });
        // Models that reason take no temperature, and count their thoughts among the tokens of the answer.
        if reasons(&to.model) {
            body["max_completion_tokens"] = (chat.max_tokens * 10).into();
        } else {
            body["max_tokens"] = chat.max_tokens.into();
            body["temperature"] = decimal(chat.temperature);
        }
        // These think unless told otherwise, which they may do only in a stream.
        if to.base_url.contains("dashscope") && to.model.trim().starts_with("qwen3-") {
            body["enable_thinking"] = false.into();
        }
        HttpRequest { url: url(&to.base_url), headers: bearer(&to.key), body: body.to_string() }
    }

    fn read(&self, status: u16, body: &[u8]) -> Result<Completion, Fault> {
        if !(200..300).contains(&status) {
            return Err(Fault::of(status, body));
        }
        let unreadable = || Fault::new(FaultCode::Unreadable, "no choices in the answer");
        let answer: Value = serde_json::from_slice(body).map_err(|_| unreadable())?;
        let choice = answer["choices"].get(0).ok_or_else(|| {
            if answer["error"].is_null() && answer["code"].is_null() { unreadable() } else { Fault::of(status, body) }
        })?;
        let finish = choice["finish_reason"].as_str().unwrap_or_default();
        let refusal = choice["message"]["refusal"].as_str().unwrap_or_default();
        match finish {
            "content_filter" | "sensitive" => return Err(Fault::new(FaultCode::RefusedByFilter, finish)),
            "length" => return Err(Fault::new(FaultCode::Truncated, finish)),
            _ if !refusal.is_empty() => return Err(Fault::new(FaultCode::RefusedByFilter, refusal)),
            _ => {}
        }
        let usage = &answer["usage"];
        completion(
            &text(&choice["message"]["content"]),
            usage["prompt_tokens"].as_u64(),
            usage["completion_tokens"].as_u64(),
        )
    }
}

/// A text, or the texts of a list of parts.
fn text(content: &Value) -> String {
    match content {
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => content.as_str().unwrap_or_default().to_owned(),
    }
}

fn reasons(model: &str) -> bool {
    let name = model.trim().rsplit('/').next().unwrap_or_default();
    ["o1", "o3", "o4", "gpt-5"].iter().any(|family| name.starts_with(family))
}

fn url(base_url: &str) -> String {
    let (address, query) = parts(base_url);
    let query = harmless_query(query);
    if address.ends_with(CALL) {
        format!("{address}{query}")
    } else if has_path(address) {
        format!("{address}{CALL}{query}")
    } else {
        format!("{address}/v1{CALL}{query}")
    }
}
