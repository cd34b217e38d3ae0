//! Google's own form.

use serde_json::{Value, json};

use super::{
    Completion, Dialect, Endpoint, Fault, FaultCode, HttpRequest, completion, decimal, harmless_query, has_path, parts,
    segment,
};
use crate::ai::prompt::{Chat, Role};

pub struct Gemini;

impl Dialect for Gemini {
    fn request(&self, to: &Endpoint, chat: &Chat) -> HttpRequest {
        let mut config = json!({ "temperature": decimal(chat.temperature), "maxOutputTokens": chat.max_tokens });
        // Its thoughts would use up the tokens of the answer.
        if to.model.contains("2.5-flash") {
            config["thinkingConfig"] = json!({ "thinkingBudget": 0 });
        }
        let mut body = json!({ "contents": contents(chat), "generationConfig": config });
        let system = system(chat);
        if !system.is_empty() {
            body["systemInstruction"] = json!({ "parts": [{ "text": system }] });
        }
        let mut headers = vec![("content-type", "application/json".to_owned())];
        let key = to.key.trim();
        if !key.is_empty() {
            headers.push(("x-goog-api-key", key.to_owned()));
        }
        HttpRequest { url: url(to), headers, body: body.to_string() }
    }

    fn read(&self, status: u16, body: &[u8]) -> Result<Completion, Fault> {
        if !(200..300).contains(&status) {
            return Err(Fault::of(status, body));
        }
        let unreadable = || Fault::new(FaultCode::Unreadable, "no candidates in the answer");
        let answer: Value = serde_json::from_slice(body).map_err(|_| unreadable())?;
        if let Some(reason) = answer["promptFeedback"]["blockReason"].as_str() {
            return Err(Fault::new(FaultCode::RefusedByFilter, reason));
        }
        let candidate = answer["candidates"].get(0).ok_or_else(unreadable)?;
        match candidate["finishReason"].as_str() {
            None | Some("STOP" | "FINISH_REASON_UNSPECIFIED") => {}
            Some("MAX_TOKENS") => return Err(Fault::new(FaultCode::Truncated, "MAX_TOKENS")),
            Some(reason @ ("OTHER" | "MALFORMED_FUNCTION_CALL" | "UNEXPECTED_TOOL_CALL")) => {
                return Err(Fault::new(FaultCode::Empty, reason));
            }
            Some(reason) => return Err(Fault::new(FaultCode::RefusedByFilter, reason)),
        }
        let parts = candidate["content"]["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
        let said = parts.iter().filter(|part| part["thought"] != true).filter_map(|part| part["text"].as_str());
        let usage = &answer["usageMetadata"];
        completion(
            &said.collect::<String>(),
            usage["promptTokenCount"].as_u64(),
            usage["candidatesTokenCount"].as_u64(),
        )
    }
}

fn system(chat: &Chat) -> String {
    let texts =
        chat.messages.iter().filter(|message| message.role == Role::System).map(|message| message.content.as_str());
    texts.collect::<Vec<_>>().join("\n\n")
}

/// Turns of `user` and `model`, which must take turns: what one side said in a row is one turn of several parts.
fn contents(chat: &Chat) -> Vec<Value> {
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in &chat.messages {
        let role = match message.role {
            Role::System => continue,
            Role::User => "user",
            Role::Assistant => "model",
        };
        let part = json!({ "text": message.content });
        match turns.last_mut() {
            Some((last, parts)) if *last == role => parts.push(part),
            _ => turns.push((role, vec![part])),
        }
    }
    turns.into_iter().map(|(role, parts)| json!({ "role": role, "parts": parts })).collect()
}

fn url(to: &Endpoint) -> String {
    let (address, query) = parts(&to.base_url);
    let root = address.split("/models").next().unwrap_or_default();
    let version = if has_path(root) { "" } else { "/v1beta" };
    let model = to.model.trim();
    let model = segment(model.strip_prefix("models/").unwrap_or(model));
    format!("{root}{version}/models/{model}:generateContent{}", harmless_query(query))
}
