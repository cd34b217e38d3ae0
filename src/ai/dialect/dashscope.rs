//! Applications of Alibaba Cloud Model Studio: the application has its own model and prompt, and takes one text.

use serde_json::{Value, json};

use super::{
    Completion, Dialect, Endpoint, Fault, FaultCode, HttpRequest, bearer, completion, harmless_query, parts, segment,
};
use crate::ai::prompt::{Chat, Role};

pub struct DashScopeApp;

impl Dialect for DashScopeApp {
    fn request(&self, to: &Endpoint, chat: &Chat) -> HttpRequest {
        // Not every application takes messages; all take a prompt.
        let body = json!({ "input": { "prompt": prompt(chat) }, "parameters": {}, "debug": {} });
        HttpRequest { url: url(to), headers: bearer(&to.key), body: body.to_string() }
    }

    fn read(&self, status: u16, body: &[u8]) -> Result<Completion, Fault> {
        if !(200..300).contains(&status) {
            return Err(Fault::of(status, body));
        }
        let unreadable = || Fault::new(FaultCode::Unreadable, "no output in the answer");
        let answer: Value = serde_json::from_slice(body).map_err(|_| unreadable())?;
        let output = &answer["output"];
        if output.is_null() {
            return Err(if answer["code"].is_null() { unreadable() } else { Fault::of(status, body) });
        }
        if output["finish_reason"] == "length" {
            return Err(Fault::new(FaultCode::Truncated, "length"));
        }
        let text = output["text"].as_str().ok_or_else(unreadable)?;
        completion(text, used(&answer, "input_tokens"), used(&answer, "output_tokens"))
    }
}

/// An application may ask several models.
fn used(answer: &Value, what: &str) -> Option<u64> {
    let models = answer["usage"]["models"].as_array()?;
    models.iter().map(|model| model[what].as_u64()).sum()
}

/// The conversation as one text.
fn prompt(chat: &Chat) -> String {
    let lines = chat.messages.iter().map(|message| match message.role {
        Role::System => message.content.clone(),
        Role::User => format!("买家：{}", message.content),
        Role::Assistant => format!("卖家：{}", message.content),
    });
    lines.chain(["卖家：".to_owned()]).collect::<Vec<_>>().join("\n")
}

/// The application is named by the address, or else by the model.
fn url(to: &Endpoint) -> String {
    let (address, query) = parts(&to.base_url);
    let query = harmless_query(query);
    match address.split_once("/apps/") {
        Some((before, rest)) => {
            let app = rest.split('/').next().unwrap_or_default();
            format!("{before}/apps/{app}/completion{query}")
        }
        None => {
            let root = address.trim_end_matches("/apps").trim_end_matches("/api/v1");
            format!("{root}/api/v1/apps/{}/completion{query}", segment(&to.model))
        }
    }
}
