use serde_json::{Value, json};

use super::*;
use crate::ai::prompt::{ChatMessage, Role};

const KEY: &str = "test-key-0123456789";

fn chat() -> Chat {
    let message = |role, content: &str| ChatMessage { role, content: content.to_owned() };
    Chat {
        messages: vec![
            message(Role::System, "规则"),
            message(Role::User, "⟦在吗⟧"),
            message(Role::User, "⟦80行吗⟧"),
            message(Role::Assistant, "最低95"),
            message(Role::User, "⟦那好吧⟧"),
        ],
        max_tokens: 200,
        temperature: 0.3,
        secret: Vec::new(),
        tags: Vec::new(),
        open: Vec::new(),
    }
}

fn request(kind: Kind, base_url: &str, model: &str) -> (HttpRequest, Value) {
    let to = Endpoint { base_url: base_url.to_owned(), model: model.to_owned(), key: KEY.to_owned() };
    let request = kind.dialect().request(&to, &chat());
    let body = serde_json::from_str(&request.body).expect("the body is JSON");
    (request, body)
}

fn url(kind: Kind, base_url: &str) -> String {
    request(kind, base_url, "the-model").0.url
}

fn fault(kind: Kind, status: u16, body: &str) -> FaultCode {
    kind.dialect().read(status, body.as_bytes()).expect_err("no text").code
}

#[test]
fn the_openai_request() {
    let (request, body) = request(Kind::OpenAi, "https://api.example.com/v1", "qwen-plus");
    assert!(request.headers.contains(&("authorization", format!("Bearer {KEY}"))));
    assert_eq!(body["model"], "qwen-plus");
    assert_eq!(body["stream"], false);
    assert_eq!(body["max_tokens"], 200);
    assert_eq!(body["temperature"].to_string(), "0.3");
    assert_eq!(body["messages"][0], json!({ "role": "system", "content": "规则" }));
    assert_eq!(body["messages"].as_array().map(Vec::len), Some(5));
}

#[test]
fn models_that_reason_are_asked_in_their_way() {
    let (_, body) = request(Kind::OpenAi, "https://api.openai.com", "gpt-5-mini");
    assert_eq!((&body["max_tokens"], &body["temperature"]), (&Value::Null, &Value::Null));
    assert_eq!(body["max_completion_tokens"], 2_000);
    let (_, body) = request(Kind::OpenAi, "https://dashscope.aliyuncs.com/compatible-mode/v1", "qwen3-8b");
    assert_eq!(body["enable_thinking"], false);
    let (_, body) = request(Kind::Gemini, "https://generativelanguage.googleapis.com", "gemini-2.5-flash");
    assert_eq!(body["generationConfig"]["thinkingConfig"]["thinkingBudget"], 0);
}

#[test]
fn an_openai_address_may_be_written_in_many_ways() {
    for base in [
        "https://api.example.com",
        "https://api.example.com/",
        " https://api.example.com/v1",
        "https://api.example.com/v1/",
        "https://api.example.com/v1/chat/completions",
        "https://api.example.com/v1/chat/completions/",
    ] {
        assert_eq!(url(Kind::OpenAi, base), "https://api.example.com/v1/chat/completions", "{base}");
    }
    let base = "https://dashscope.aliyuncs.com/compatible-mode/v1";
    assert_eq!(url(Kind::OpenAi, base), format!("{base}/chat/completions"));
    assert_eq!(url(Kind::OpenAi, "http://127.0.0.1:11434"), "http://127.0.0.1:11434/v1/chat/completions");
    let versioned = "https://x.example.com/deployments/a?api-version=2024-06-01";
    assert_eq!(
        url(Kind::OpenAi, versioned),
        "https://x.example.com/deployments/a/chat/completions?api-version=2024-06-01"
    );
}

#[test]
fn the_request_to_an_application() {
    let (request, body) =
        request(Kind::DashScopeApp, "https://dashscope.aliyuncs.com/api/v1/apps/abc123/completion", "custom");
    assert_eq!(request.url, "https://dashscope.aliyuncs.com/api/v1/apps/abc123/completion");
    assert!(request.headers.contains(&("authorization", format!("Bearer {KEY}"))));
    assert_eq!(body["input"]["prompt"], "规则\n买家：⟦在吗⟧\n买家：⟦80行吗⟧\n卖家：最低95\n买家：⟦那好吧⟧\n卖家：");
    let expected = "https://dashscope.aliyuncs.com/api/v1/apps/the-model/completion";
    for base in [
        "https://dashscope.aliyuncs.com",
        "https://dashscope.aliyuncs.com/api/v1/",
        "https://dashscope.aliyuncs.com/api/v1/apps/",
    ] {
        assert_eq!(url(Kind::DashScopeApp, base), expected, "{base}");
    }
    assert_eq!(
        url(Kind::DashScopeApp, "https://d.example.com/api/v1/apps/a1/"),
        "https://d.example.com/api/v1/apps/a1/completion"
    );
}

#[test]
fn the_gemini_request() {
    let (request, body) =
        request(Kind::Gemini, "https://generativelanguage.googleapis.com/v1beta/", "models/gemini-2.0-flash");
    assert_eq!(request.url, "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.0-flash:generateContent");
    assert_eq!(body["systemInstruction"]["parts"][0]["text"], "规则");
    let roles: Vec<_> = body["contents"].as_array().expect("a list").iter().map(|turn| turn["role"].clone()).collect();
    assert_eq!(roles, ["user", "model", "user"]);
    assert_eq!(body["contents"][0]["parts"].as_array().map(Vec::len), Some(2), "two messages in a row are one turn");
    assert_eq!(body["generationConfig"]["maxOutputTokens"], 200);
    for base in [
        "https://g.example.com",
        "https://g.example.com/v1beta",
        "https://g.example.com/v1beta/models/x:generateContent",
    ] {
        assert_eq!(url(Kind::Gemini, base), "https://g.example.com/v1beta/models/the-model:generateContent", "{base}");
    }
}

#[test]
fn a6_a_key_is_never_in_an_address_or_a_debug_output() {
    for kind in Kind::ALL {
        for base in [
            "https://h.example.com",
            "https://h.example.com/v1/models/x:generateContent?key=test-key-0123456789&alt=json",
        ] {
            let to = Endpoint { base_url: base.to_owned(), model: "m".to_owned(), key: KEY.to_owned() };
            let request = kind.dialect().request(&to, &chat());
            assert!(!request.url.contains(KEY), "{}", request.url);
            assert!(!request.body.contains(KEY));
            assert!(request.headers.iter().any(|(_, value)| value.contains(KEY)), "the key is in a header");
            let shown = format!("{to:?} {request:?}");
            assert!(!shown.contains(KEY) && !shown.contains("80行吗"), "{shown}");
        }
    }
}

#[test]
fn a6_a_model_cannot_leave_its_part_of_the_address() {
    let (request, _) = request(Kind::Gemini, "https://g.example.com", "../../x?key=1#");
    assert_eq!(request.url, "https://g.example.com/v1beta/models/..%2F..%2Fx%3Fkey%3D1%23:generateContent");
    assert_eq!(segment(".."), "%2E%2E");
}

#[test]
fn a_local_model_needs_no_key() {
    let to = Endpoint { base_url: "http://127.0.0.1:8000/v1".to_owned(), model: "m".to_owned(), key: " ".to_owned() };
    for kind in Kind::ALL {
        assert_eq!(kind.dialect().request(&to, &chat()).headers.len(), 1);
    }
}

#[test]
fn answers_are_read() {
    let openai = r#"{"choices":[{"finish_reason":"stop","message":{"role":"assistant","content":" 最低95 \n"}}],"usage":{"prompt_tokens":12,"completion_tokens":4}}"#;
    let dashscope = r#"{"output":{"finish_reason":"stop","session_id":"s","text":"最低95"},"usage":{"models":[{"output_tokens":3,"model_id":"qwen-max","input_tokens":10},{"output_tokens":1,"input_tokens":2}]},"request_id":"r"}"#;
    let gemini = r#"{"candidates":[{"content":{"parts":[{"text":"想一想","thought":true},{"text":"最低"},{"text":"95"}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":4}}"#;
    for (kind, body) in [(Kind::OpenAi, openai), (Kind::DashScopeApp, dashscope), (Kind::Gemini, gemini)] {
        let read = kind.dialect().read(200, body.as_bytes());
        assert_eq!(
            read,
            Ok(Completion { text: "最低95".to_owned(), tokens_in: Some(12), tokens_out: Some(4) }),
            "{kind:?}"
        );
    }
    let thinking = r#"{"choices":[{"message":{"content":"<think>他想要80</think>\n最低95"}}]}"#;
    let read = OpenAi.read(200, thinking.as_bytes()).expect("a text");
    assert_eq!((read.text.as_str(), read.tokens_in), ("最低95", None));
    let parts = r#"{"choices":[{"message":{"content":[{"type":"text","text":"最低"},{"type":"text","text":"95"}]}}]}"#;
    assert_eq!(OpenAi.read(200, parts.as_bytes()).expect("a text").text, "最低95");
}

#[test]
fn faults_have_classes() {
    use FaultCode as F;
    for (kind, status, body, expected) in [
        (
            Kind::OpenAi,
            401,
            r#"{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","code":"invalid_api_key"}}"#,
            F::Unauthorised,
        ),
        (
            Kind::OpenAi,
            429,
            r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#,
            F::Unpaid,
        ),
        (
            Kind::OpenAi,
            429,
            r#"{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}"#,
            F::RateLimited,
        ),
        (
            Kind::OpenAi,
            404,
            r#"{"error":{"message":"The model does not exist","code":"model_not_found"}}"#,
            F::NotFound,
        ),
        (Kind::OpenAi, 402, r#"{"error":{"message":"Insufficient Balance"}}"#, F::Unpaid),
        (Kind::OpenAi, 400, r#"{"error":{"message":"bad messages","type":"invalid_request_error"}}"#, F::BadRequest),
        (
            Kind::OpenAi,
            400,
            r#"{"error":{"code":"data_inspection_failed","message":"inappropriate content"}}"#,
            F::RefusedByFilter,
        ),
        (Kind::OpenAi, 502, "<html>bad gateway</html>", F::Overloaded),
        (Kind::OpenAi, 404, "<html>nginx</html>", F::NotFound),
        (Kind::OpenAi, 200, "<html>log in</html>", F::Unreadable),
        (Kind::OpenAi, 302, "", F::Unreadable),
        (Kind::OpenAi, 200, r#"{"error":{"message":"busy","type":"overloaded_error"}}"#, F::Overloaded),
        (Kind::OpenAi, 200, "{}", F::Unreadable),
        (Kind::OpenAi, 200, r#"{"choices":[]}"#, F::Unreadable),
        (Kind::OpenAi, 200, r#"{"choices":[{"message":{"content":null}}]}"#, F::Empty),
        (Kind::OpenAi, 200, r#"{"choices":[{"message":{"content":"<think>嗯"}}]}"#, F::Empty),
        (Kind::OpenAi, 200, r#"{"choices":[{"finish_reason":"length","message":{"content":"最低"}}]}"#, F::Truncated),
        (
            Kind::OpenAi,
            200,
            r#"{"choices":[{"finish_reason":"content_filter","message":{"content":""}}]}"#,
            F::RefusedByFilter,
        ),
        (
            Kind::DashScopeApp,
            401,
            r#"{"code":"InvalidApiKey","message":"Invalid API-key provided.","request_id":"r"}"#,
            F::Unauthorised,
        ),
        (Kind::DashScopeApp, 400, r#"{"code":"Arrearage","message":"Access denied"}"#, F::Unpaid),
        (
            Kind::DashScopeApp,
            429,
            r#"{"code":"Throttling.RateQuota","message":"Requests rate limit exceeded"}"#,
            F::RateLimited,
        ),
        (
            Kind::DashScopeApp,
            400,
            r#"{"code":"DataInspectionFailed","message":"Input data may contain inappropriate content."}"#,
            F::RefusedByFilter,
        ),
        (Kind::DashScopeApp, 200, r#"{"code":"InvalidApiKey","message":"x"}"#, F::Unauthorised),
        (Kind::DashScopeApp, 200, r#"{"output":{}}"#, F::Unreadable),
        (Kind::DashScopeApp, 200, r#"{"output":{"text":""}}"#, F::Empty),
        (
            Kind::Gemini,
            400,
            r#"{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":[{"reason":"API_KEY_INVALID"}]}}"#,
            F::Unauthorised,
        ),
        (
            Kind::Gemini,
            429,
            r#"{"error":{"code":429,"message":"quota","status":"RESOURCE_EXHAUSTED"}}"#,
            F::RateLimited,
        ),
        (Kind::Gemini, 503, r#"{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}"#, F::Overloaded),
        (Kind::Gemini, 404, r#"{"error":{"code":404,"message":"no model","status":"NOT_FOUND"}}"#, F::NotFound),
        (Kind::Gemini, 200, r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#, F::RefusedByFilter),
        (Kind::Gemini, 200, r#"{"candidates":[{"finishReason":"SAFETY"}]}"#, F::RefusedByFilter),
        (Kind::Gemini, 200, r#"{"candidates":[{"finishReason":"MAX_TOKENS","content":{}}]}"#, F::Truncated),
        (Kind::Gemini, 200, r#"{"candidates":[{"finishReason":"STOP","content":{"parts":[]}}]}"#, F::Empty),
    ] {
        assert_eq!(fault(kind, status, body), expected, "{kind:?} {status} {body}");
    }
}

#[test]
fn a6_what_a_provider_says_is_short_and_without_the_key() {
    let body = json!({ "error": { "message": format!("Incorrect API key provided: sk-abcdefgh12345678. {}", "x ".repeat(500)) } });
    let fault = OpenAi.read(401, body.to_string().as_bytes()).expect_err("no text");
    assert!(!fault.said.contains("abcdefgh") && fault.said.contains("***"), "{}", fault.said);
    assert!(fault.said.chars().count() <= 200);
    let hidden = Fault::new(FaultCode::Unauthorised, "no such key: geheim").hiding("geheim");
    assert_eq!(hidden.said, "no such key: ***");
    assert!(!fault.retryable && Fault::new(FaultCode::Overloaded, "").retryable);
}

#[test]
fn a_kind_is_guessed_from_the_address_and_has_one_name() {
    assert_eq!(Kind::of_url("https://dashscope.aliyuncs.com/api/v1/apps/a/completion"), Kind::DashScopeApp);
    assert_eq!(Kind::of_url("https://dashscope.aliyuncs.com/compatible-mode/v1"), Kind::OpenAi);
    assert_eq!(Kind::of_url("https://generativelanguage.googleapis.com/v1beta"), Kind::Gemini);
    assert_eq!(Kind::of_url("https://generativelanguage.googleapis.com/v1beta/openai"), Kind::OpenAi);
    for kind in Kind::ALL {
        assert_eq!(serde_json::to_value(kind).expect("a name"), kind.as_str());
    }
}

#[test]
fn no_answer_makes_a_reader_panic() {
    let bodies: [&[u8]; 8] =
        [b"", b"null", b"[]", b"1", b"\xff\xfe", b"{\"choices\":1}", b"{\"output\":[]}", b"{\"candidates\":{\"0\":1}}"];
    for kind in Kind::ALL {
        for body in bodies {
            for status in [200, 204, 400, 500, 0, 999] {
                assert!(kind.dialect().read(status, body).is_err());
            }
        }
    }
}
