#![expect(clippy::unwrap_used, reason = "tests")]

use base64::{Engine as _, prelude::BASE64_STANDARD};
use ring::hmac;
use serde_json::json;

use super::*;
use crate::notify::event::Severity;

const NOW: Timestamp = Timestamp(1_763_640_000_123);
const EVIL: &str = "<at user_id=\"all\">x</at> [a](http://evil) *b* <b>&\"\\";

fn message() -> Message {
    Message {
        title: "收到新消息".into(),
        lines: vec![format!("内容：{EVIL}")],
        link: Some("https://shop.example/app".into()),
        severity: Severity::Warning,
        facts: json!({"event": "new_message"}),
    }
}

fn config(kind: Kind, given: Value) -> Config {
    Config::read(kind, given.as_object().unwrap()).unwrap()
}

fn fault(kind: Kind, given: Value) -> Fault {
    Config::read(kind, given.as_object().unwrap()).unwrap_err()
}

fn post(config: &Config) -> (Post, Value) {
    match config.build(&message(), "uid-1", NOW) {
        Dispatch::Http(post) => {
            let body = serde_json::from_str(&post.body).unwrap();
            (post, body)
        }
        Dispatch::Mail { .. } => panic!("a letter"),
    }
}

/// An example with everything that is required, with planted secrets.
fn example(kind: Kind) -> Config {
    config(
        kind,
        match kind {
            Kind::DingTalk | Kind::Feishu => {
                json!({"webhook_url": "https://a.example/hook?access_token=planted-0001", "secret": "SECplanted-0002"})
            }
            Kind::WeCom => json!({"webhook_url": "https://a.example/hook?key=planted-0001"}),
            Kind::Telegram => json!({"bot_token": "12:planted-0001", "chat_id": "-100"}),
            Kind::Bark => json!({"device_key": "planted-0001"}),
            Kind::PushPlus => json!({"token": "planted-0001"}),
            Kind::ServerChan => json!({"send_key": "planted-0001"}),
            Kind::Ntfy => json!({"topic": "planted-0001", "token": "planted-0002"}),
            Kind::Gotify => json!({"server_url": "https://a.example", "token": "planted-0001"}),
            Kind::Email => json!({"to": "me@example.com"}),
            Kind::Webhook => {
                json!({"webhook_url": "https://a.example/planted-0001", "secret": "planted-0002", "headers": {"X-Key": "planted-0003"}})
            }
        },
    )
}

/// P11: there, the signature stood unencoded in the address.
#[test]
fn p11_dingtalk_is_signed_as_it_wants_and_encoded_for_the_address() {
    let channel = example(Kind::DingTalk);
    let signs: Vec<String> = (0..50)
        .map(|second| match channel.build(&message(), "u", Timestamp(NOW.0 + second)) {
            Dispatch::Http(post) => post.url,
            Dispatch::Mail { .. } => unreachable!(),
        })
        .collect();
    for (second, url) in (0_i64..).zip(&signs) {
        let stamp = NOW.0 + second;
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"SECplanted-0002");
        let expected = BASE64_STANDARD.encode(hmac::sign(&key, format!("{stamp}\nSECplanted-0002").as_bytes()));
        let pairs: BTreeMap<_, _> =
            form_urlencoded::parse(url.split_once('?').unwrap().1.as_bytes()).into_owned().collect();
        assert_eq!((pairs["sign"].as_str(), pairs["timestamp"].as_str()), (&*expected, &*stamp.to_string()));
        assert_eq!(pairs["access_token"], "planted-0001");
    }
    assert!(signs.iter().any(|url| url.contains("%2B")), "one of fifty has a plus");
}

#[test]
fn feishu_signs_nothing_with_time_and_secret_as_the_key() {
    let (_, body) = post(&example(Kind::Feishu));
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"1763640000\nSECplanted-0002");
    assert_eq!(body["timestamp"], "1763640000");
    assert_eq!(body["sign"], BASE64_STANDARD.encode(hmac::sign(&key, b"")));
}

#[test]
fn a_webhook_is_signed_over_time_and_body_and_names_its_delivery() {
    let (post, body) = post(&example(Kind::Webhook));
    let header = |name: &str| post.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"planted-0002");
    let tag = hmac::sign(&key, format!("1763640000.{}", post.body).as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(header("X-Yutang-Signature"), Some(&*format!("t=1763640000,v1={hex}")));
    assert_eq!((header("X-Yutang-Delivery"), header("X-Key")), (Some("uid-1"), Some("planted-0003")));
    assert_eq!(
        (&body["id"], &body["event"], &body["source"]),
        (&json!("uid-1"), &json!("new_message"), &json!("yutang"))
    );
    let unsigned = config(Kind::Webhook, json!({"url": "https://a.example/", "method": "PUT"}));
    match unsigned.build(&message(), "u", NOW) {
        Dispatch::Http(post) => {
            assert!(post.is_put && !post.headers.iter().any(|(name, _)| name.contains("Signature")))
        }
        Dispatch::Mail { .. } => unreachable!(),
    }
}

/// S29: there, a buyer could write tags and links into the seller's notices.
#[test]
fn s29_what_a_buyer_wrote_is_no_markup_anywhere() {
    let (_, telegram) = post(&example(Kind::Telegram));
    assert_eq!(telegram["parse_mode"], "HTML");
    assert!(telegram["text"].as_str().unwrap().contains("&lt;b&gt;&amp;\"\\"));
    assert_eq!(telegram["text"].as_str().unwrap().matches('<').count(), 2, "our own tag alone");
    let (_, serverchan) = post(&example(Kind::ServerChan));
    let markdown = serverchan["desp"].as_str().unwrap();
    assert!(markdown.contains("\\[a\\]\\(http://evil\\) \\*b\\* &lt;b\\>"), "{markdown}");
    let (_, feishu) = post(&example(Kind::Feishu));
    assert!(!feishu["content"]["text"].as_str().unwrap().contains('<'));
    for kind in [Kind::DingTalk, Kind::WeCom] {
        let (_, body) = post(&example(kind));
        assert_eq!(body["msgtype"], "text", "plain text, not markdown");
        assert!(body["text"]["content"].as_str().unwrap().contains(EVIL));
    }
    let (_, pushplus) = post(&example(Kind::PushPlus));
    assert_eq!(pushplus["template"], "txt");
}

#[test]
fn every_kind_keeps_within_the_bounds_of_its_service() {
    let long = Message { title: "题".repeat(400), lines: vec!["鱼<".repeat(30_000)], ..message() };
    for kind in Kind::ALL {
        let bound = match kind {
            Kind::WeCom => 2048 + 100,
            Kind::Bark => 4096,
            Kind::Ntfy => 4500,
            Kind::Telegram => 4 * 4096,
            Kind::Email | Kind::Webhook => continue,
            Kind::PushPlus | Kind::DingTalk | Kind::Feishu | Kind::ServerChan | Kind::Gotify => 21_000,
        };
        let Dispatch::Http(post) = example(*kind).build(&long, "u", NOW) else { continue };
        assert!(post.body.len() <= bound, "{kind:?}: {} bytes", post.body.len());
    }
}

#[test]
fn http_200_alone_is_no_success() {
    for (kind, body, taken) in [
        (Kind::DingTalk, json!({"errcode": 0, "errmsg": "ok"}), true),
        (Kind::DingTalk, json!({"errcode": 310_000, "errmsg": "sign not match"}), false),
        (Kind::Feishu, json!({"code": 0}), true),
        (Kind::Feishu, json!({"StatusCode": 0, "StatusMessage": "success"}), true),
        (Kind::Feishu, json!({"code": 19_021, "msg": "sign match fail"}), false),
        (Kind::WeCom, json!({"errcode": 0}), true),
        (Kind::WeCom, json!({"errcode": 93_000, "errmsg": "invalid webhook url"}), false),
        (Kind::Telegram, json!({"ok": true}), true),
        (Kind::Bark, json!({"code": 200}), true),
        (Kind::Bark, json!({"code": 400, "message": "device token invalid"}), false),
        (Kind::PushPlus, json!({"code": 200}), true),
        (Kind::PushPlus, json!({"code": 903, "msg": "token"}), false),
        (Kind::ServerChan, json!({"code": 0}), true),
        (Kind::ServerChan, json!({"code": 40_001, "message": "bad key"}), false),
        (Kind::DingTalk, json!("<html>a proxy</html>"), false),
    ] {
        let verdict = example(kind).judge(200, body.to_string().as_bytes());
        assert_eq!(verdict == Verdict::Taken, taken, "{kind:?} {body}: {verdict:?}");
    }
    assert_eq!(example(Kind::Webhook).judge(204, b""), Verdict::Taken);
    assert_eq!(example(Kind::Ntfy).judge(200, b"{}"), Verdict::Taken);
}

#[test]
fn what_may_pass_is_told_from_what_must_be_changed() {
    let later = |kind: Kind, status: u16, body: Value| {
        matches!(example(kind).judge(status, body.to_string().as_bytes()), Verdict::Later { .. })
    };
    assert!(
        later(Kind::DingTalk, 200, json!({"errcode": 130_101})) && later(Kind::WeCom, 200, json!({"errcode": 45_009}))
    );
    assert!(later(Kind::Webhook, 503, json!({})) && later(Kind::Gotify, 429, json!({})));
    assert!(!later(Kind::Webhook, 404, json!({})) && !later(Kind::DingTalk, 200, json!({"errcode": 300_001})));
    let limited = json!({"ok": false, "error_code": 429, "description": "Too Many", "parameters": {"retry_after": 35}});
    let verdict = example(Kind::Telegram).judge(429, limited.to_string().as_bytes());
    assert_eq!(verdict, Verdict::Later { said: "429: Too Many".into(), after_s: Some(35) });
}

#[test]
fn what_a_service_says_back_holds_no_secret() {
    let said = json!({"ok": false, "error_code": 401, "description": "bot12:planted-0001 is unknown"});
    let verdict = example(Kind::Telegram).judge(401, said.to_string().as_bytes());
    assert_eq!(verdict, Verdict::Never { said: "401: bot*** is unknown".into() });
}

#[test]
fn secrets_are_masked_and_a_mask_that_is_sent_back_leaves_what_was() {
    for kind in Kind::ALL {
        let channel = example(*kind);
        let shown = format!("{:?} {:?}", channel.masked(), channel);
        assert!(!shown.contains("planted"), "{kind:?}: {shown}");
        let given: Map<String, Value> =
            channel.masked().into_iter().map(|(name, text)| (name.to_owned(), text.into())).collect();
        assert_eq!(channel.rewritten(given).unwrap(), channel, "{kind:?}");
        assert_eq!(Config::parse(*kind, &channel.write()).unwrap(), channel, "{kind:?}");
    }
    let channel = example(Kind::DingTalk);
    assert_eq!(channel.masked()["webhook_url"], "https://a.example/****0001");
    assert_eq!(mask("short"), "****");
}

#[test]
fn no_secret_goes_along_to_another_address() {
    let (gotify, webhook) = (example(Kind::Gotify), example(Kind::Webhook));
    let refused =
        |channel: &Config, given: Value| channel.rewritten(given.as_object().unwrap().clone()).unwrap_err().field;
    let token = gotify.masked()["token"].clone();
    assert_eq!(refused(&gotify, json!({"server_url": "https://evil.example", "token": token})), "token");
    let secret = webhook.masked()["secret"].clone();
    assert_eq!(refused(&webhook, json!({"webhook_url": "https://evil.example/", "secret": secret})), "secret");
    let given = json!({"server_url": "https://evil.example", "token": "another"});
    assert!(gotify.rewritten(given.as_object().unwrap().clone()).is_ok());
    let given = json!({"server_url": "https://a.example", "token": token});
    assert_eq!(gotify.rewritten(given.as_object().unwrap().clone()).unwrap(), gotify);
}

#[test]
fn a_configuration_is_refused_by_its_field() {
    for (kind, given, field) in [
        (Kind::DingTalk, json!({}), "webhook_url"),
        (Kind::DingTalk, json!({"webhook_url": "oapi.dingtalk.com"}), "webhook_url"),
        (Kind::DingTalk, json!({"webhook_url": "https://a/", "url": "https://b/"}), "webhook_url"),
        (Kind::Telegram, json!({"bot_token": "x"}), "chat_id"),
        (Kind::Telegram, json!({"bot_token": ["x"], "chat_id": 1}), "bot_token"),
        (Kind::Email, json!({"to": "nobody"}), "to"),
        (Kind::Email, json!({"to": "a@b.example\r\nBcc: x@y.example"}), "to"),
        (Kind::Email, json!({"to": "a@b.example", "smtp_server": "10.0.0.1"}), "smtp_server"),
        (Kind::Webhook, json!({"webhook_url": "https://a/", "http_method": "GET"}), "http_method"),
        (Kind::Webhook, json!({"webhook_url": "https://a/", "headers": "x"}), "headers"),
        (Kind::Webhook, json!({"webhook_url": "https://a/", "headers": {"Host": "b"}}), "headers"),
        (Kind::Webhook, json!({"webhook_url": "https://a/", "headers": {"X-A": "1\r\nX-B: 2"}}), "headers"),
        (Kind::Webhook, json!({"webhook_url": "https://a/", "headers": {"X-Yutang-Signature": "1"}}), "headers"),
    ] {
        let fault = fault(kind, given.clone());
        assert_eq!(fault.field, field, "{given}");
        assert!(!fault.said.zh.is_ascii() && fault.said.en.is_ascii(), "{fault:?}");
    }
}

/// S19: a channel that named its own mail server would let users reach into the network around this one.
#[test]
fn s19_a_letter_goes_by_the_administrators_server_alone() {
    let config = config(Kind::Email, json!({"recipient_email": "me@example.com"}));
    assert_eq!(config.urls().count(), 0);
    match config.build(&message(), "u", NOW) {
        Dispatch::Mail { to, subject, .. } => assert_eq!((&*to, &*subject), ("me@example.com", "鱼塘 收到新消息")),
        Dispatch::Http(_) => panic!("no letter"),
    }
    for field in ["smtp_server", "smtp_port", "email_user", "email_password", "smtp_use_tls"] {
        assert_eq!(fault(Kind::Email, json!({"to": "me@example.com", field: "10.0.0.1"})).field, field);
    }
}

#[test]
fn older_names_of_kinds_and_fields_are_known() {
    for (name, kind) in
        [("ding_talk", Kind::DingTalk), ("lark", Kind::Feishu), ("wechat", Kind::WeCom), ("bark", Kind::Bark)]
    {
        assert_eq!(Kind::read(name), Some(kind));
    }
    assert_eq!(Kind::read("qq"), None);
    let legacy = config(Kind::DingTalk, json!({"config": "https://oapi.dingtalk.com/robot/send?access_token=x"}));
    assert_eq!(legacy.urls().count(), 1);
    let headers = config(Kind::Webhook, json!({"webhook_url": "https://a/", "headers": "{\"X-A\": \"1\"}"}));
    assert!(post(&headers).0.headers.contains(&("X-A".into(), "1".into())));
    assert!(config(Kind::Telegram, json!({"bot_token": "x", "chat_id": -100_123})).write().contains("\"-100123\""));
}
