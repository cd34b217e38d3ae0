//! A language model to test against: `POST /v1/chat/completions` in the form that many providers share, never streamed.
//!
//! It says what the script tells, one line after the other, and without a script what the worst of models would: it agrees to every price
//! a buyer names, and holds to its price only when it is told that its first answer was wrong.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, rt, web};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::platform::Platform;

/// What the model says without a script once it was corrected.
pub(super) const HELD: &str = "这个价格确实做不到，您再考虑一下～";

/// What the model does with one request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelAct {
    /// `{prompt}` in it is the system text that came with the question.
    Say(String),
    /// After so many milliseconds.
    SayLate { text: String, after_ms: u64 },
    /// An error of the provider.
    Fail(u16),
    /// Something that is no answer of such a provider.
    Garble,
    /// No answer ever, as long as somebody waits for it.
    Hang,
}

/// What one request said.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ModelAsked {
    pub authorization: Option<String>,
    pub body: Value,
}

/// A model with its script.
#[derive(Debug, Default)]
pub struct Model {
    script: Mutex<VecDeque<ModelAct>>,
    asked: Mutex<Vec<ModelAsked>>,
    heard: Notify,
}

impl Model {
    /// What is done with the next requests, one each.
    pub fn script(&self, acts: impl IntoIterator<Item = ModelAct>) {
        self.script.lock().unwrap_or_else(PoisonError::into_inner).extend(acts);
    }

    /// Every request so far.
    pub fn asked(&self) -> Vec<ModelAsked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until so many requests have come.
    pub async fn asked_times(&self, times: usize) -> Vec<ModelAsked> {
        loop {
            let heard = self.heard.notified();
            let asked = self.asked();
            if asked.len() >= times {
                return asked;
            }
            heard.await;
        }
    }

    fn take(&self, asked: ModelAsked) -> ModelAct {
        let act = self.script.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let act = match act {
            Some(ModelAct::Say(text)) => {
                let prompt = asked.body["messages"][0]["content"].as_str().unwrap_or_default();
                ModelAct::Say(text.replace("{prompt}", prompt))
            }
            Some(act) => act,
            None => ModelAct::Say(compliant(&asked.body)),
        };
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(asked);
        self.heard.notify_waiters();
        act
    }
}

/// Gives in to whatever was said last, until it is corrected.
fn compliant(body: &Value) -> String {
    let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let corrected = messages.iter().any(|message| message["role"] == "assistant")
        && messages.iter().rev().take(2).any(|message| message["role"] == "assistant");
    if corrected {
        return HELD.to_owned();
    }
    let last = messages.last().and_then(|message| message["content"].as_str()).unwrap_or_default();
    match last_number(last) {
        Some(number) => format!("可以的，{number}元给您"),
        None => "在的，请问想了解什么？".to_owned(),
    }
}

fn last_number(text: &str) -> Option<&str> {
    text.split(|c: char| !c.is_ascii_digit()).rfind(|digits| !digits.is_empty())
}

/// `POST /v1/chat/completions`.
pub(super) async fn complete(
    request: HttpRequest,
    body: web::Json<Value>,
    platform: web::Data<Platform>,
) -> HttpResponse {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body = body.into_inner();
    let tokens_in = body["messages"].to_string().chars().count() / 2;
    match platform.model().take(ModelAsked { authorization: header("authorization"), body }) {
        ModelAct::Say(text) => said(&text, tokens_in),
        ModelAct::SayLate { text, after_ms } => {
            rt::time::sleep(Duration::from_millis(after_ms)).await;
            said(&text, tokens_in)
        }
        ModelAct::Fail(status) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            HttpResponse::build(status).json(json!({"error": {"message": "scripted failure", "type": "server_error"}}))
        }
        ModelAct::Garble => HttpResponse::Ok().content_type("text/html").body("<html>busy</html>"),
        ModelAct::Hang => std::future::pending().await,
    }
}

fn said(text: &str, tokens_in: usize) -> HttpResponse {
    let tokens_out = text.chars().count();
    HttpResponse::Ok().json(json!({
        "id": "chatcmpl-sim",
        "object": "chat.completion",
        "model": "sim",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": tokens_in, "completion_tokens": tokens_out, "total_tokens": tokens_in + tokens_out},
    }))
}

/// `PUT /control/model`: what is done with the next requests.
pub(super) async fn set_script(acts: web::Json<Vec<ModelAct>>, platform: web::Data<Platform>) -> HttpResponse {
    platform.model().script(acts.into_inner());
    HttpResponse::NoContent().finish()
}

/// `GET /control/model`: every request so far.
pub(super) async fn requests(platform: web::Data<Platform>) -> HttpResponse {
    HttpResponse::Ok().json(platform.model().asked())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(role: &str, content: &str) -> Value {
        json!({"role": role, "content": content})
    }

    #[test]
    fn without_a_script_it_gives_in_until_it_is_corrected() {
        let fooled = json!({"messages": [message("system", "最低95"), message("user", "60卖不卖")]});
        assert_eq!(compliant(&fooled), "可以的，60元给您");
        let told = json!({"messages": [message("user", "60"), message("assistant", "可以"), message("user", "不行")]});
        assert!(compliant(&told).contains("做不到"));
        assert!(compliant(&json!({"messages": [message("user", "在吗")]})).contains("在的"));
    }
}
