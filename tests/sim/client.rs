//! A raw client: hand-written JSON over awc, none of the product's own protocol code.

use std::{net::SocketAddr, time::Duration};

use actix_codec::Framed;
use awc::{BoxedSocket, ws};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{SinkExt as _, StreamExt as _};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

pub(crate) const APP_KEY: &str = "444e9908a51d1cb236a27862abc769c9";
pub(crate) const DEVICE: &str = "1A2B3C4D-1A2B-4A2B-8A2B-1A2B3C4D5E6F-1";
/// Long for a machine under load, never reached where all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// How long a test listens for something that must not come.
const SILENCE: Duration = Duration::from_millis(60);

/// What a WebSocket brought.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    Frame(Value),
    Text(String),
    Closed(Option<u16>),
    /// The stream ended without a close frame.
    Ended,
    Broken(String),
    Nothing,
}

pub(crate) struct Client {
    socket: Framed<BoxedSocket, ws::Codec>,
    mid: u32,
}

impl Client {
    pub(crate) async fn open(address: SocketAddr, cookie: &str) -> Result<Self, awc::error::WsClientError> {
        let request = awc::Client::new().ws(format!("ws://{address}/")).set_header("Cookie", cookie);
        let (_, socket) = request.max_frame_size(4 << 20).connect().await?;
        Ok(Self { socket, mid: 0 })
    }

    pub(crate) async fn send(&mut self, frame: Value) {
        self.socket.send(ws::Message::Text(frame.to_string().into())).await.unwrap();
    }

    /// The next thing that comes.
    pub(crate) async fn hear(&mut self) -> Heard {
        self.hear_within(PATIENCE).await
    }

    /// What comes within a moment, usually [`Heard::Nothing`].
    pub(crate) async fn listen(&mut self) -> Heard {
        self.hear_within(SILENCE).await
    }

    async fn hear_within(&mut self, time: Duration) -> Heard {
        match tokio::time::timeout(time, self.socket.next()).await {
            Err(_) => Heard::Nothing,
            Ok(None) => Heard::Ended,
            Ok(Some(Err(error))) => Heard::Broken(error.to_string()),
            Ok(Some(Ok(ws::Frame::Text(text)))) => {
                let text = String::from_utf8(text.to_vec()).unwrap();
                serde_json::from_str(&text).map_or(Heard::Text(text), Heard::Frame)
            }
            Ok(Some(Ok(ws::Frame::Close(reason)))) => Heard::Closed(reason.map(|reason| reason.code.into())),
            Ok(Some(Ok(other))) => panic!("unexpected {other:?}"),
        }
    }

    /// The next frame, which must be one.
    pub(crate) async fn frame(&mut self) -> Value {
        match self.hear().await {
            Heard::Frame(frame) => frame,
            other => panic!("no frame but {other:?}"),
        }
    }

    /// The next push, acknowledged.
    pub(crate) async fn push(&mut self) -> Value {
        let frame = self.frame().await;
        assert!(frame["lwp"].is_string(), "not a push: {frame}");
        self.send(json!({"code": 200, "headers": {"mid": frame["headers"]["mid"], "sid": frame["headers"]["sid"]}}))
            .await;
        frame
    }

    pub(crate) fn mid(&mut self) -> String {
        self.mid += 1;
        format!("{}1760000000123 0", self.mid)
    }

    /// Sends a request and gives back its answer; what comes before it must not.
    pub(crate) async fn ask(&mut self, lwp: &str, body: Value) -> Value {
        let mid = self.mid();
        self.send(json!({"lwp": lwp, "headers": {"mid": mid}, "body": body})).await;
        let answer = self.frame().await;
        assert_eq!(answer["headers"]["mid"], mid, "not the answer: {answer}");
        answer
    }

    pub(crate) async fn register(&mut self, token: &str, device: &str) -> Value {
        let mid = self.mid();
        let headers = json!({"app-key": APP_KEY, "token": token, "ua": "test", "dt": "j", "did": device, "mid": mid});
        self.send(json!({"lwp": "/reg", "headers": headers})).await;
        self.frame().await
    }

    pub(crate) async fn ack_diff(&mut self, pts: i64) -> Value {
        self.ask("/r/SyncStatus/ackDiff", json!([{"topic": "sync", "pts": pts}])).await
    }

    /// Sends a text without waiting for the answer.
    pub(crate) async fn say(&mut self, conversation: &str, peer: &str, text: &str, uuid: &str) {
        let mid = self.mid();
        let data = STANDARD.encode(json!({"contentType": 1, "text": {"text": text}}).to_string());
        let message = json!({
            "uuid": uuid, "cid": format!("{conversation}@goofish"), "conversationType": 1,
            "content": {"contentType": 101, "custom": {"type": 1, "data": data}},
        });
        let body = json!([message, {"actualReceivers": [format!("{peer}@goofish")]}]);
        self.send(json!({"lwp": "/r/MessageSend/sendByReceiverScope", "headers": {"mid": mid}, "body": body})).await;
    }
}

/// The decoded trees of a push's entries, in string-key form; `None` for what cannot be read.
pub(crate) fn trees(push: &Value) -> Vec<Option<Value>> {
    let entries = push["body"]["syncPushPackage"]["data"].as_array().unwrap();
    entries.iter().map(|entry| tree(entry["data"].as_str().unwrap())).collect()
}

/// The texts of the chat messages in a push.
pub(crate) fn texts(push: &Value) -> Vec<String> {
    let read = |tree: Value| Some(tree["1"]["6"]["3"]["2"].as_str()?.to_owned());
    trees(push).into_iter().flatten().filter_map(read).collect()
}

fn tree(data: &str) -> Option<Value> {
    let bytes = STANDARD.decode(data).ok()?;
    if let Ok(value @ Value::Object(_)) = serde_json::from_slice(&bytes) {
        return Some(value);
    }
    let value = rmpv::decode::read_value(&mut &bytes[..]).ok()?;
    Some(stringify(value))
}

fn stringify(value: rmpv::Value) -> Value {
    match value {
        rmpv::Value::Map(pairs) => {
            let key = |key: rmpv::Value| key.as_str().map_or_else(|| key.to_string(), str::to_owned);
            Value::Object(pairs.into_iter().map(|(name, value)| (key(name), stringify(value))).collect())
        }
        rmpv::Value::Array(values) => values.into_iter().map(stringify).collect(),
        rmpv::Value::String(text) => text.into_str().unwrap().into(),
        rmpv::Value::Integer(number) => number.as_i64().unwrap().into(),
        other => panic!("the platform sends no {other}"),
    }
}

/// A gateway answer: HTTP status, `Set-Cookie` values, content type, body.
pub(crate) struct Answer {
    pub status: u16,
    pub cookies: Vec<String>,
    pub content_type: String,
    pub body: Value,
}

impl Answer {
    pub(crate) fn ret(&self) -> &str {
        self.body["ret"][0].as_str().unwrap_or_default()
    }
}

/// Calls the gateway, signed with the jar's token.
pub(crate) async fn call(address: SocketAddr, jar: &str, api: &str, data: &str) -> Answer {
    call_version(address, jar, api, ["1.0", "1.0"], "", data).await.unwrap()
}

/// Calls one version of an API: that of the path, and that of the query. `extra` ends the query, which is not signed.
pub(crate) async fn call_version(
    address: SocketAddr,
    jar: &str,
    api: &str,
    [path, version]: [&str; 2],
    extra: &str,
    data: &str,
) -> Result<Answer, awc::error::SendRequestError> {
    let token = jar.split("_m_h5_tk=").nth(1).and_then(|rest| rest.split('_').next()).unwrap_or_default();
    let signed = format!("{token}&1760000000123&34839810&{data}");
    let sign: String = Md5::digest(signed.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    let url =
        format!("http://{address}/h5/{api}/{path}/?appKey=34839810&t=1760000000123&sign={sign}&v={version}{extra}");
    let form: String = form_urlencoded::Serializer::new(String::new()).append_pair("data", data).finish();
    let request = awc::Client::new().post(url).timeout(PATIENCE).insert_header(("Cookie", jar));
    let mut response = request.content_type("application/x-www-form-urlencoded").send_body(form).await?;
    let header = |value: &awc::http::header::HeaderValue| value.to_str().unwrap().to_owned();
    Ok(Answer {
        status: response.status().as_u16(),
        cookies: response.headers().get_all("set-cookie").map(header).collect(),
        content_type: response.headers().get("content-type").map(header).unwrap_or_default(),
        body: serde_json::from_slice(&response.body().await.unwrap()).unwrap_or(Value::Null),
    })
}

/// An access token for [`DEVICE`].
pub(crate) async fn token(address: SocketAddr, jar: &str) -> String {
    token_for(address, jar, DEVICE).await
}

/// An access token for a device.
pub(crate) async fn token_for(address: SocketAddr, jar: &str, device: &str) -> String {
    let data = json!({"appKey": APP_KEY, "deviceId": device}).to_string();
    let answer = call(address, jar, "mtop.taobao.idlemessage.pc.login.token", &data).await;
    answer.body["data"]["accessToken"].as_str().expect("a token").to_owned()
}
