//! What a server of the seller's is asked for an order's goods, and how its answer is read. The answer is untrusted text: it is bounded, and
//! nothing in it is interpreted.

use std::time::Duration;

use serde_json::{Map, Value};
use url::Url;

use super::card::{ApiCall, Method};

/// The longest text that is given, in characters.
const LONGEST: usize = 5000;
/// Where the content usually is.
const USUAL: [&str; 3] = ["data", "content", "card"];
/// The second try waits so long, the third twice as long, and so on.
const PAUSE: Duration = Duration::from_secs(2);

/// What the parameters of a call may speak of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    pub order_id: String,
    pub item_id: String,
    pub buyer_id: String,
    /// The account's name.
    pub account: String,
    pub spec_name: String,
    pub spec_value: String,
    /// In yuan, as `12.50`.
    pub order_amount: String,
    pub order_quantity: String,
    pub item_title: String,
    /// Which unit of the order it is, from 1.
    pub unit: String,
}

impl Words {
    fn find(&self, name: &str) -> Option<&str> {
        Some(match name {
            "order_id" => &self.order_id,
            "item_id" => &self.item_id,
            "buyer_id" => &self.buyer_id,
            "account" => &self.account,
            "spec_name" => &self.spec_name,
            "spec_value" => &self.spec_value,
            "order_amount" => &self.order_amount,
            "order_quantity" => &self.order_quantity,
            "item_title" => &self.item_title,
            "unit" => &self.unit,
            _ => return None,
        })
    }

    /// The text with its placeholders filled in, once: what a buyer or a title says is no placeholder.
    fn fill(&self, text: &str) -> String {
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            let (before, from) = rest.split_at(start);
            filled.push_str(before);
            let named = from.find('}').and_then(|end| Some((self.find(&from[1..end])?, end)));
            let (word, used) = named.map_or(("{", 1), |(word, end)| (word, end + 1));
            filled.push_str(word);
            rest = &from[used..];
        }
        filled + rest
    }

    /// Values only, however deep; names stay.
    fn fill_value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.fill(text)),
            Value::Array(values) => values.iter().map(|value| self.fill_value(value)).collect(),
            Value::Object(fields) => Value::Object(self.fill_fields(fields)),
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    fn fill_fields(&self, fields: &Map<String, Value>) -> Map<String, Value> {
        fields.iter().map(|(name, value)| (name.clone(), self.fill_value(value))).collect()
    }
}

/// Where the call goes, and its body. `None`: the address is none.
pub fn request(call: &ApiCall, words: &Words) -> Option<(String, Option<String>)> {
    match call.method {
        Method::Post => Some((call.url.clone(), Some(Value::Object(words.fill_fields(&call.params)).to_string()))),
        Method::Get => {
            let mut url = Url::parse(&call.url).ok()?;
            if !call.params.is_empty() {
                let values = call.params.iter().map(|(name, value)| (name, text_of(&words.fill_value(value))));
                url.query_pairs_mut().extend_pairs(values);
            }
            Some((url.into(), None))
        }
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

/// How long to wait before try number `attempt`, counted from 1; the first one does not wait.
pub fn pause(attempt: u32) -> Duration {
    PAUSE * attempt.saturating_sub(1)
}

/// Why an answer gives nothing. The codes are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("the answer has nothing at response_path")]
    NoSuchPath,
    /// Another answer than the usual may be an excuse: a buyer never gets one in place of goods.
    #[error("the answer is an object without data, content or card: set response_path")]
    NoContent,
    #[error("the answer is no JSON, which response_path needs")]
    NoJson,
    #[error("the answer is not UTF-8")]
    NoText,
    #[error("the answer is empty")]
    Empty,
    #[error("the answer is longer than {LONGEST} characters")]
    TooLong,
}

impl Unfit {
    pub fn code(self) -> &'static str {
        match self {
            Self::NoSuchPath => "no_such_path",
            Self::NoContent => "no_content",
            Self::NoJson => "no_json",
            Self::NoText => "no_text",
            Self::Empty => "empty",
            Self::TooLong => "too_long",
        }
    }
}

/// What a good answer gives: what `path` names, or the first usual field of an object, or all of a text.
pub fn read(body: &[u8], path: Option<&str>) -> Result<String, Unfit> {
    let body = std::str::from_utf8(body).map_err(|_| Unfit::NoText)?;
    let json: Option<Value> = serde_json::from_str(body).ok();
    let text = match (json, path) {
        (Some(json), Some(path)) => text_of(at(&json, path).ok_or(Unfit::NoSuchPath)?),
        (None, Some(_)) => return Err(Unfit::NoJson),
        (Some(Value::Object(fields)), None) => {
            let found = USUAL.iter().find_map(|name| fields.get(*name).filter(|value| !value.is_null()));
            text_of(found.ok_or(Unfit::NoContent)?)
        }
        (Some(Value::String(text)), None) => text,
        // A number keeps its digits only as it is written.
        (Some(_) | None, None) => body.to_owned(),
    };
    let text: String = text.chars().filter(|letter| *letter == '\n' || !letter.is_control()).collect();
    match text.trim() {
        "" => Err(Unfit::Empty),
        text if text.chars().count() > LONGEST => Err(Unfit::TooLong),
        text => Ok(text.to_owned()),
    }
}

fn at<'a>(json: &'a Value, path: &str) -> Option<&'a Value> {
    let step = |value: &'a Value, part: &str| match value {
        Value::Array(values) => values.get(part.parse::<usize>().ok()?),
        Value::Object(fields) => fields.get(part),
        _ => None,
    };
    path.split('.').try_fold(json, step).filter(|found| !found.is_null())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(method: Method, url: &str, params: Value) -> ApiCall {
        let params = params.as_object().unwrap().clone();
        let url = url.to_owned();
        ApiCall { url, method, headers: Vec::new(), params, response_path: None, timeout_s: 10, retries: 3 }
    }

    fn words() -> Words {
        Words {
            order_id: "2500000000000000001".to_owned(),
            spec_value: "{unit}&黑".to_owned(),
            unit: "2".to_owned(),
            ..Words::default()
        }
    }

    #[test]
    fn placeholders_are_filled_in_values_once_and_never_in_names() {
        let params = json!({"{unit}": "{order_id}/{unit}", "deep": [{"a": "{spec_value}"}], "n": 5, "odd": "{x} {unit {", "none": "{item_id}"});
        let (url, body) = request(&call(Method::Post, "https://a.example/?k={unit}", params), &words()).unwrap();
        assert_eq!(url, "https://a.example/?k={unit}", "the address is the seller's as it is");
        let wanted = json!({"{unit}": "2500000000000000001/2", "deep": [{"a": "{unit}&黑"}], "n": 5, "odd": "{x} {unit {", "none": ""});
        assert_eq!(serde_json::from_str::<Value>(&body.unwrap()).unwrap(), wanted);
    }

    /// The predecessor filled in nothing for a GET.
    #[test]
    fn the_query_of_a_get_is_filled_in_and_escaped() {
        let params = json!({"order": "{order_id}", "spec": "{spec_value}", "n": 5});
        let (url, body) = request(&call(Method::Get, "https://a.example/c?k=1", params), &words()).unwrap();
        assert_eq!(url, "https://a.example/c?k=1&order=2500000000000000001&spec=%7Bunit%7D%26%E9%BB%91&n=5");
        assert_eq!(body, None);
        let plain = request(&call(Method::Get, "https://a.example/c", json!({})), &words()).unwrap();
        assert_eq!(plain.0, "https://a.example/c");
    }

    #[test]
    fn an_answer_gives_what_it_is_asked_for() {
        let give = |body: &str, path: Option<&str>| read(body.as_bytes(), path);
        let code = Ok("AAAA".to_owned());
        assert_eq!(give(" AAAA\r\n", None), code);
        assert_eq!(give("\"AAAA\"", None), code);
        assert_eq!(give(r#"{"code":0,"data":null,"content":"AAAA"}"#, None), code);
        assert_eq!(give(r#"{"card":"AAAA"}"#, None), code);
        assert_eq!(give(r#"{"a":{"codes":["x","AAAA"]}}"#, Some("a.codes.1")), code);
        assert_eq!(give(r#"{"data":{"k":1}}"#, None), Ok(r#"{"k":1}"#.to_owned()));
        assert_eq!(give("12345678901234567890123", None), Ok("12345678901234567890123".to_owned()));
        assert_eq!(give("a\nb\u{0}", None), Ok("a\nb".to_owned()));
    }

    #[test]
    fn an_excuse_is_not_given_in_place_of_goods() {
        let refused = |body: &[u8], path: Option<&str>| read(body, path).unwrap_err().code();
        assert_eq!(refused(br#"{"code":500,"msg":"sold out"}"#, None), "no_content");
        assert_eq!(refused(br#"{"data":"x"}"#, Some("data.code")), "no_such_path");
        assert_eq!(refused(br#"{"data":null}"#, Some("data")), "no_such_path");
        assert_eq!(refused(b"<html>", Some("data")), "no_json");
        assert_eq!(refused(b" \n", None), "empty");
        assert_eq!(refused(br#"{"data":" "}"#, None), "empty");
        assert_eq!(refused(b"\xff", None), "no_text");
        assert_eq!(refused("x".repeat(LONGEST + 1).as_bytes(), None), "too_long");
    }

    #[test]
    fn the_pauses_grow() {
        assert_eq!([1, 2, 3, 4].map(|attempt| pause(attempt).as_secs()), [0, 2, 4, 6]);
    }
}
