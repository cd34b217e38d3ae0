//! One signed call: what goes into the path, the query string and the form body.

use std::fmt;

use form_urlencoded::Serializer;

use super::sign::sign;
use crate::ids::Timestamp;

/// The gateway's app key: part of the query and of the signature.
pub const APP_KEY: &str = "34839810";

/// The chat's app key: in `login.token` and in `/reg`. Not the gateway's.
pub const IM_APP_KEY: &str = "444e9908a51d1cb236a27862abc769c9";

/// The page tag of the chat window, for calls that name no page of their own.
pub const IM_PAGE: &str = "a21ybx.im.0.0";

/// An API with its arguments, not yet signed: the same call can be signed again with another token.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    /// The API's full name, `mtop.…`.
    pub api: &'static str,
    /// The `v` parameter.
    pub version: &'static str,
    /// The version in the path; differs from `version` for two APIs.
    pub path_version: &'static str,
    /// The arguments as JSON text, signed and sent byte for byte.
    pub data: String,
    /// The tag of the page that a browser would call from.
    pub spm_cnt: &'static str,
    /// Further query parameters, in this order after the usual ones. They are not signed.
    pub extra: Vec<(&'static str, &'static str)>,
    pub desk: Desk,
    /// It changes something: repeated, it might be done twice.
    pub is_write: bool,
}

/// Which of the platform's sites calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Desk {
    /// The one with the chat.
    #[default]
    Chat,
    /// The sellers' back office. Its answers have numbers and truths as text.
    Seller,
}

impl Desk {
    pub fn origin(self) -> &'static str {
        match self {
            Self::Chat => "https://www.goofish.com",
            Self::Seller => "https://seller.goofish.com",
        }
    }

    /// A header that only this site sends.
    pub fn business(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Chat => None,
            Self::Seller => Some(("idle_site_biz_code", "COMMONPRO")),
        }
    }

    /// The form of answers that the query asks for.
    fn answers(self) -> &'static str {
        match self {
            Self::Chat => "originaljson",
            Self::Seller => "json",
        }
    }
}

impl Call {
    /// A call of version 1.0 from the chat window.
    pub fn new(api: &'static str, data: String) -> Self {
        let (version, path_version) = ("1.0", "1.0");
        let (spm_cnt, extra, desk) = (IM_PAGE, Vec::new(), Desk::Chat);
        Self { api, version, path_version, data, spm_cnt, extra, desk, is_write: false }
    }

    /// The same as one that changes something.
    #[must_use]
    pub fn writing(self) -> Self {
        Self { is_write: true, ..self }
    }

    /// The path under the gateway's origin, with both slashes.
    pub fn path(&self) -> String {
        format!("/h5/{}/{}/", self.api, self.path_version)
    }

    /// The query string, signed with `token` at the moment `at`.
    pub fn query(&self, token: &str, at: Timestamp) -> String {
        let t = at.to_string();
        let mut query = Serializer::new(String::with_capacity(320));
        query.append_pair("jsv", "2.7.2").append_pair("appKey", APP_KEY).append_pair("t", &t);
        query.append_pair("sign", &sign(token, &t, APP_KEY, &self.data)).append_pair("v", self.version);
        query.append_pair("type", self.desk.answers()).append_pair("accountSite", "xianyu");
        query.append_pair("dataType", "json").append_pair("timeout", "20000").append_pair("api", self.api);
        query.append_pair("sessionOption", "AutoLoginOnly").append_pair("spm_cnt", self.spm_cnt);
        query.extend_pairs(&self.extra);
        if self.desk == Desk::Seller {
            query.append_pair("valueType", "string");
        }
        query.finish()
    }

    /// The form body: the one field `data`.
    pub fn body(&self) -> String {
        Serializer::new(String::new()).append_pair("data", &self.data).finish()
    }
}

/// Names the API only: the arguments carry device and buyer ids.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({} {})", self.api, self.version)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::platform::cookies::Cookies;

    fn static_text(vector: &Value, name: &str) -> &'static str {
        String::leak(vector[name].as_str().unwrap().to_owned())
    }

    #[test]
    fn every_request_vector_is_reproduced_byte_for_byte() {
        let vectors: Value =
            serde_json::from_str(include_str!("../../../tests/fixtures/protocol-vectors.json")).unwrap();
        let vectors = vectors["mtop_request"].as_array().unwrap();
        assert_eq!(vectors.len(), 4);
        for vector in vectors {
            let query = &vector["query"];
            let call = Call {
                spm_cnt: static_text(query, "spm_cnt"),
                ..Call::new(static_text(query, "api"), vector["form"]["data"].as_str().unwrap().to_owned())
            };
            let token = Cookies::parse(vector["cookie"].as_str().unwrap());
            let at = Timestamp(query["t"].as_str().unwrap().parse().unwrap());
            assert_eq!(call.path(), vector["path"], "{}", vector["id"]);
            assert_eq!(call.query(token.h5_token(), at), vector["query_string"].as_str().unwrap(), "{}", vector["id"]);
            assert_eq!(call.body(), vector["body"].as_str().unwrap(), "{}", vector["id"]);
        }
    }

    #[test]
    fn extra_parameters_follow_the_usual_ones_unsigned() {
        let plain = Call::new("mtop.x", "{}".into());
        let more = Call { extra: vec![("needLogin", "false"), ("a", "b c")], ..plain.clone() };
        let at = Timestamp(1_760_000_000_123);
        assert_eq!(more.query("t", at), plain.query("t", at) + "&needLogin=false&a=b+c");
    }

    #[test]
    fn debug_output_carries_no_arguments() {
        assert_eq!(format!("{:?}", Call::new("mtop.x", "secret".into())), "Call(mtop.x 1.0)");
    }
}
