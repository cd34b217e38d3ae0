//! The calls we make, and how to read their answers.

use std::fmt;

use serde_json::{Value, json};

use super::call::{Call, IM_APP_KEY};
use crate::ids::{BuyerId, Fen, ItemId};

/// Asks for the access token of a chat connection. The call that risk control watches most: see the token governor.
pub fn login_token(device_id: &str) -> Call {
    let data = json!({"appKey": IM_APP_KEY, "deviceId": device_id});
    Call::new("mtop.taobao.idlemessage.pc.login.token", data.to_string())
}

/// Asks whether the login still stands; success is the answer.
pub fn login_user() -> Call {
    Call::new("mtop.taobao.idlemessage.pc.loginuser.get", "{}".to_owned())
}

/// Asks for an item's title, price and seller.
pub fn item_detail(item: &ItemId) -> Call {
    let data = json!({"itemId": item.as_str()});
    Call::new("mtop.taobao.idle.pc.detail", data.to_string())
}

/// What `/reg` shows: bound to the device id that asked for it.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {
    /// A secret, used verbatim.
    pub token: String,
    /// How long it is good for, in milliseconds, where the platform says so.
    pub expires_in_ms: Option<i64>,
}

impl AccessToken {
    /// Reads the `data` of a successful [`login_token`].
    pub fn read(data: &Value) -> Result<Self, Unreadable> {
        let token = text(data, "accessToken").ok_or(Unreadable { field: "accessToken" })?;
        let expires_in_ms = text(data, "accessTokenExpiredTime").and_then(|ms| ms.parse().ok());
        Ok(Self { token, expires_in_ms: expires_in_ms.filter(|ms| *ms > 0) })
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccessToken(***, expires in {:?} ms)", self.expires_in_ms)
    }
}

/// What the platform says about an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemDetail {
    pub item: ItemId,
    pub title: String,
    /// Who sells it: where that is not us, we are the buyer.
    pub seller: BuyerId,
    /// The asking price, where it can be read.
    pub price: Option<Fen>,
}

impl ItemDetail {
    /// Reads the `data` of a successful [`item_detail`].
    pub fn read(data: &Value) -> Result<Self, Unreadable> {
        let item = &data["itemDO"];
        let required = |from: &Value, field| text(from, field).ok_or(Unreadable { field });
        Ok(Self {
            item: required(item, "itemId")?.into(),
            title: text(item, "title").unwrap_or_default(),
            seller: required(&data["sellerDO"], "sellerId")?.into(),
            price: text(item, "soldPrice").and_then(|price| yuan(&price)),
        })
    }
}

/// A successful answer without a field that we cannot do without.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unreadable {
    pub field: &'static str,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read the answer: missing field {:?}", self.field)
    }
}

impl std::error::Error for Unreadable {}

/// A picture that the platform has taken in and that can be sent to a buyer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    pub url: String,
    /// Pixels; 800 × 600 where the platform does not say.
    pub width: u32,
    pub height: u32,
}

/// Why an upload gave no picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadRefused {
    /// A login page came: the cookies are dead.
    Session,
    /// The answer names no picture.
    NoPicture,
}

impl Picture {
    /// Reads the answer of the upload server, in its present and its older shapes.
    pub fn read(answer: &[u8]) -> Result<Self, UploadRefused> {
        let Ok(answer) = serde_json::from_slice::<Value>(answer) else {
            let login = String::from_utf8_lossy(answer).contains("mini-login");
            return Err(if login { UploadRefused::Session } else { UploadRefused::NoPicture });
        };
        let url = picture_url(&answer).ok_or(UploadRefused::NoPicture)?;
        let (width, height) = answer["object"]["pix"].as_str().and_then(size).unwrap_or((800, 600));
        Ok(Self { url, width, height })
    }
}

/// A `data` that is there and empty is a refusal, whatever stands beside it (vector `upload-data-null`).
fn picture_url(answer: &Value) -> Option<String> {
    let data = match answer.get("data") {
        Some(data) if !data.is_object() => return None,
        Some(data) => data,
        None => &Value::Null,
    };
    let places = [
        (&answer["object"], "url"),
        (data, "url"),
        (answer, "url"),
        (&answer["result"], "url"),
        (data, "fileUrl"),
        (data, "file_url"),
    ];
    places.into_iter().find_map(|(place, field)| text(place, field))
}

fn size(pix: &str) -> Option<(u32, u32)> {
    let (width, height) = pix.split_once('x')?;
    Some((width.trim().parse().ok()?, height.trim().parse().ok()?))
}

/// A filled text, or a whole number written as text: the platform uses both for ids and times.
fn text(from: &Value, field: &str) -> Option<String> {
    match from.get(field)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) if !number.is_f64() => Some(number.to_string()),
        _ => None,
    }
}

/// `"123.4"` yuan to Fen, without a float in between.
fn yuan(text: &str) -> Option<Fen> {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(part) || part.len() > 2 {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let part: i64 = format!("{part:0<2}").parse().ok()?;
    whole.checked_mul(100)?.checked_add(part).map(Fen)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_upload_vector_is_read() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../../tests/fixtures/protocol-vectors.json")).unwrap();
        let vectors = vectors["upload_response"].as_array().unwrap();
        assert_eq!(vectors.len(), 9);
        for vector in vectors {
            let picture = Picture::read(vector["response"].as_str().unwrap().as_bytes());
            assert_eq!(picture.ok().map(|picture| picture.url).as_deref(), vector["url"].as_str(), "{}", vector["id"]);
        }
    }

    #[test]
    fn a_picture_has_the_stated_size_or_the_usual_one() {
        let size = |answer: &str| Picture::read(answer.as_bytes()).map(|picture| (picture.width, picture.height));
        assert_eq!(size(r#"{"object":{"url":"u","pix":"960x1280"}}"#), Ok((960, 1280)));
        assert_eq!(size(r#"{"object":{"url":"u","pix":"big"}}"#), Ok((800, 600)));
    }

    #[test]
    fn a_login_page_for_an_upload_means_dead_cookies() {
        assert_eq!(Picture::read(b"<script src=\"mini-login\">"), Err(UploadRefused::Session));
        assert_eq!(Picture::read(b"oops"), Err(UploadRefused::NoPicture));
    }

    #[test]
    fn the_token_call_names_the_chat_app_and_the_device() {
        let call = login_token("1A2B3C4D-1A2B-4A2B-8A2B-1A2B3C4D5E6F-2200000000001");
        assert_eq!(
            call.data,
            r#"{"appKey":"444e9908a51d1cb236a27862abc769c9","deviceId":"1A2B3C4D-1A2B-4A2B-8A2B-1A2B3C4D5E6F-2200000000001"}"#
        );
    }

    #[test]
    fn a_token_is_read_with_its_life_time_as_text_or_number() {
        let read =
            |time: Value| AccessToken::read(&json!({"accessToken": "t", "accessTokenExpiredTime": time})).unwrap();
        assert_eq!(read(json!("86400000")), AccessToken { token: "t".into(), expires_in_ms: Some(86_400_000) });
        assert_eq!(read(json!(86_400_000)).expires_in_ms, Some(86_400_000));
        assert_eq!(read(json!("soon")).expires_in_ms, None);
        assert_eq!(AccessToken::read(&json!({})), Err(Unreadable { field: "accessToken" }));
    }

    #[test]
    fn a_token_never_shows_in_debug_output() {
        let token = AccessToken { token: "oauth_k1:topsecret".into(), expires_in_ms: None };
        assert!(!format!("{token:?}").contains("topsecret"));
    }

    #[test]
    fn an_item_is_read_with_its_seller_and_price() {
        let data = json!({"itemDO": {"itemId": "900000000001", "title": "二手相机", "soldPrice": "123.00"},
            "sellerDO": {"sellerId": 2_200_000_000_001_i64}});
        let detail = ItemDetail::read(&data).unwrap();
        assert_eq!(detail.item.as_str(), "900000000001");
        assert_eq!((detail.title.as_str(), detail.seller.as_str()), ("二手相机", "2200000000001"));
        assert_eq!(detail.price, Some(Fen(12_300)));
        assert_eq!(ItemDetail::read(&json!({"itemDO": {"itemId": "1"}})), Err(Unreadable { field: "sellerId" }));
    }

    #[test]
    fn yuan_become_fen_exactly_or_not_at_all() {
        assert_eq!(yuan("0.1"), Some(Fen(10)));
        assert_eq!(yuan("99"), Some(Fen(9_900)));
        for odd in ["", "-1", "1.234", "1,5", "面议", "99999999999999999999"] {
            assert_eq!(yuan(odd), None, "{odd}");
        }
    }
}
