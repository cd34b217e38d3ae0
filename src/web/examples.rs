//! Examples of the OpenAPI document. What a handler's type does not say itself is put together from its schema, so that an example has the
//! shape of what it is an example of.

use serde_json::{Map, Value, json};

const JSON: &str = "/content/application~1json";

/// Gives every JSON body, and every JSON answer to a request that was served, an example.
pub(super) fn add(document: &mut Value) {
    let parts = document.clone();
    let paths = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    for operation in paths.filter_map(Value::as_object_mut).flat_map(|item| item.values_mut()) {
        if let Some(body) = operation.pointer_mut(&format!("/requestBody{JSON}")) {
            exemplify(&parts, body);
        }
        let answers = operation["responses"].as_object_mut().into_iter().flatten();
        for (_, answer) in answers.filter(|(status, _)| status.starts_with('2')) {
            if let Some(content) = answer.pointer_mut(JSON) {
                exemplify(&parts, content);
            }
        }
    }
}

fn exemplify(document: &Value, content: &mut Value) {
    let example = of(document, &content["schema"], "");
    if let Some(content) = content.as_object_mut() {
        content.entry("example").or_insert(example);
    }
}

/// An example of this schema, which stands in a field of this name.
fn of(document: &Value, schema: &Value, name: &str) -> Value {
    if let Some(example) = schema.get("example") {
        return example.clone();
    }
    if let Some(target) = target(document, schema) {
        return of(document, target, name);
    }
    if let Some(word) = schema["enum"].get(0) {
        return word.clone();
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let parts = parts.iter().filter_map(|part| of(document, part, name).as_object().cloned());
        return Value::Object(parts.flatten().collect());
    }
    if let Some(choices) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        return choices.iter().find(|one| one["type"] != "null").map_or(Value::Null, |one| of(document, one, name));
    }
    match kind(schema) {
        "object" => object(document, schema, name),
        "array" => json!([of(document, &schema["items"], name)]),
        "boolean" => json!(is_usually(name)),
        "integer" | "number" => json!(number(name).max(schema["minimum"].as_i64().unwrap_or(0))),
        "string" => text(name).map_or(Value::Null, Value::from),
        _ => Value::Null,
    }
}

/// What a reference leads to.
fn target<'a>(document: &'a Value, schema: &Value) -> Option<&'a Value> {
    document.pointer(schema["$ref"].as_str()?.strip_prefix('#')?)
}

/// The first of its types that is not `null`.
fn kind(schema: &Value) -> &str {
    let listed = schema["type"].as_array().into_iter().flatten().filter_map(Value::as_str);
    schema["type"].as_str().into_iter().chain(listed).find(|kind| *kind != "null").unwrap_or_default()
}

fn object(document: &Value, schema: &Value, name: &str) -> Value {
    if let Some(fields) = schema["properties"].as_object() {
        let filled = |(name, schema): (&String, &Value)| (name.clone(), of(document, schema, name));
        return Value::Object(fields.iter().map(filled).collect());
    }
    match schema.get("additionalProperties") {
        Some(each @ Value::Object(_)) => Map::from_iter([(key(name).to_owned(), of(document, each, name))]).into(),
        _ => free(name),
    }
}

/// A key of the map of this name.
fn key(map: &str) -> &'static str {
    match map {
        "config" => "webhook_url",
        "services" => "database",
        "targets" => "yutang::outbox",
        _ => "connected",
    }
}

/// An object of which the document says nothing more.
fn free(name: &str) -> Value {
    match name {
        "before" => json!({"enabled": false}),
        "after" => json!({"enabled": true}),
        "config" => json!({"webhook_url": "https://oapi.dingtalk.com/****1a2b"}),
        "body" => json!({"type": "text", "text": "在的，请直接拍下"}),
        _ => json!({}),
    }
}

fn is_usually(name: &str) -> bool {
    matches!(name, "active" | "arrived" | "current" | "delivered" | "enabled" | "set" | "success")
}

fn number(name: &str) -> i64 {
    match name {
        "per_page" => 50,
        "port" => 587,
        "takeover_pause_ms" => 600_000,
        "longest_wait_ms" => 15_000,
        "debounce_ms" => 3_000,
        "at" | "since" | "paused_until" => 1_764_165_780_000,
        name if name.ends_with("_at") => 1_764_165_780_000,
        name if name.ends_with("_bytes") => 8_589_934_592,
        name if name.ends_with("_days") => 90,
        _ => 1,
    }
}

/// What a text of this name looks like; where there is none, the field may be `null` and is so in examples.
fn text(name: &str) -> Option<&'static str> {
    Some(match name {
        "actor" | "author" | "by" | "by_name" | "name" | "to_name" | "username" => "alice",
        "address" => "203.0.113.7",
        "agent" => "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        "all_of" => "今天",
        "any_of" => "发货",
        "exclude" => "退款",
        "base_url" => "https://api.example.com/v1",
        "buyer_id" | "never_buyers" | "only_buyers" | "peer_id" | "sender_id" => "2200000000777",
        "buyer_name" | "peer_name" | "sender_name" => "买家小王",
        "channel" => "钉钉群",
        "class" => "network",
        "code" => "below_floor",
        "config" => "https://oapi.dingtalk.com/****1a2b",
        "conversation" => "12.60001234567",
        "conversation_id" => "60001234567",
        "default" | "price" | "tech" => "你是卖家，请用一两句话回答。",
        "csrf_token" => "Zm9ybXMgb2YgdGhpcyBzZXNzaW9uIGNhcnJ5IHRoaXM",
        "email" => "alice@example.com",
        "forbidden" => "假货",
        "from" => "Yutang <noreply@example.com>",
        "host" => "smtp.example.com",
        "id" => "5f0c2a9e7b3f4d6e",
        "images" => "https://pic.example.com/1.png",
        "in_reply_to" | "message_id" | "turn_id" => "3000000000001.PNM",
        "item_id" | "item_ids" => "900000000001",
        "item_title" => "二手相机",
        "keyword" => "在吗",
        "level" => "info",
        "message" => "the account is connected",
        "msg" => "导入成功",
        "model" => "chat-small",
        "note" => "writes every hour",
        "object_id" => "12",
        "object_type" => "account",
        "order_id" => "2500000000000000001",
        "origin" | "reason" => "rule",
        "otpauth_url" => "otpauth://totp/Yutang:alice?secret=JBSWY3DPEHPK3PXP&issuer=Yutang",
        "platform_uid" => "2200000000001",
        "quiet_hours" => "23:00-07:00+08:00",
        "qr_svg" => "<svg xmlns=\"http://www.w3.org/2000/svg\">…</svg>",
        "request_id" => "01JDKX3V5E8Q2M7N4R6T9WABCD",
        "reason_text" => "没有匹配的关键词，也没有默认回复。",
        "secret" => "JBSWY3DPEHPK3PXP",
        "sentence" => "The account has not been started yet.",
        "side" => "seller",
        "source" | "target" => "yutang::outbox",
        "state" => "confirmed",
        "decision" => "answer",
        "summary" => "账号规则：“在吗”匹配，已回复",
        "untag" | "without_tags" => "同行",
        "time_zone" => "Asia/Shanghai",
        "tag" | "tags" => "老客户",
        "differs" => "actions",
        "filled" | "text" => "在的，请直接拍下",
        "ticket" => "q3Zt8c1mJx0s5bVn2YwKdR7uLh4aGfPe9iTo6NzXyQk",
        "title" => "账号已掉线：旗舰店",
        "token" => "the text that goes behind Bearer",
        "via" => "session",
        _ => return None,
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::web::openapi::written;

    /// What is wrong with the value, as this schema sees it.
    fn fault(document: &Value, schema: &Value, value: &Value) -> Option<String> {
        if let Some(target) = target(document, schema) {
            return fault(document, target, value);
        }
        let fits = |one: &&Value| fault(document, one, value).is_none();
        if let Some(choices) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
            return (!choices.iter().any(|one| fits(&one))).then(|| format!("{value} is none of {choices:?}"));
        }
        if let Some(parts) = schema["allOf"].as_array() {
            return parts.iter().find_map(|part| fault(document, part, value));
        }
        if let Some(words) = schema["enum"].as_array() {
            return (!words.contains(value)).then(|| format!("{value} is none of {words:?}"));
        }
        let may_be_null = schema["type"].as_array().is_some_and(|kinds| kinds.contains(&json!("null")));
        match (kind(schema), value) {
            (_, Value::Null) if may_be_null || schema["type"] == "null" => None,
            ("object", Value::Object(fields)) => fault_of_object(document, schema, fields),
            ("array", Value::Array(items)) => items.iter().find_map(|item| fault(document, &schema["items"], item)),
            ("string", Value::String(text)) => {
                let length = text.chars().count() as u64;
                let long = schema["minLength"].as_u64().is_none_or(|least| length >= least);
                let short = schema["maxLength"].as_u64().is_none_or(|most| length <= most);
                (!long || !short).then(|| format!("{text:?} is too long or too short"))
            }
            ("integer", Value::Number(number)) if number.is_i64() => None,
            ("number", Value::Number(_)) | ("boolean", Value::Bool(_)) => None,
            (kind, value) => Some(format!("{value} is no {kind}: {schema}")),
        }
    }

    fn fault_of_object(document: &Value, schema: &Value, fields: &Map<String, Value>) -> Option<String> {
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let missing =
            required.clone().find(|name| !fields.contains_key(*name)).map(|name| format!("{name} is missing"));
        let unknown = fields
            .keys()
            .find(|name| schema["additionalProperties"] == false && schema["properties"].get(name.as_str()).is_none());
        let unknown = unknown.map(|name| format!("{name} is unknown"));
        missing.or(unknown).or_else(|| {
            fields.iter().find_map(|(name, value)| {
                let schema = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"))?;
                schema
                    .is_object()
                    .then(|| fault(document, schema, value))
                    .flatten()
                    .map(|said| format!("{name}: {said}"))
            })
        })
    }

    #[test]
    fn every_body_and_every_answer_has_an_example_of_its_shape() {
        let document = written();
        let mut seen = 0;
        for (path, item) in document["paths"].as_object().unwrap() {
            for (verb, operation) in item.as_object().unwrap() {
                let answers = operation["responses"].as_object().unwrap().iter();
                let answers = answers.filter(|(status, _)| status.starts_with('2')).map(|(_, answer)| answer);
                let parts = answers.chain(operation.get("requestBody"));
                for content in parts.filter_map(|part| part.pointer("/content/application~1json")) {
                    let example = content.get("example").unwrap_or(&Value::Null);
                    assert_eq!(fault(&document, &content["schema"], example), None, "{verb} {path}: {example}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 100, "{seen}");
    }

    #[test]
    fn an_example_that_does_not_fit_is_found() {
        let schema = json!({"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "maxLength": 3}},
            "additionalProperties": false});
        assert_eq!(fault(&json!({}), &schema, &json!({"name": "abc"})), None);
        for wrong in [json!({}), json!({"name": "abcd"}), json!({"name": 1}), json!({"name": "a", "x": 1}), json!(null)]
        {
            assert!(fault(&json!({}), &schema, &wrong).is_some(), "{wrong}");
        }
    }
}
