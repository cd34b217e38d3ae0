//! ETags: a short mark of what somebody saw, so that two people who edit at once do not overwrite each other unseen.

use actix_web::{HttpResponse, HttpResponseBuilder, http::header::ETAG};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use serde::Serialize;

use super::error::{ApiError, ApiResult, Code};

/// The mark of what people may edit of a thing. Equal content has an equal mark, also after a restart.
pub fn of(content: &impl Serialize) -> String {
    // What is answered as JSON can be written as JSON.
    let text = serde_json::to_vec(content).unwrap_or_default();
    let hash = digest(&SHA256, &text);
    format!("\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..12]))
}

/// Refuses where `wanted` (an `If-Match`) names none of what is there now. Without `If-Match` anything goes.
pub fn check(wanted: Option<&str>, present: &impl Serialize) -> ApiResult<()> {
    let Some(wanted) = wanted else { return Ok(()) };
    let present = of(present);
    let named = |tag: &str| tag.trim() == "*" || tag.trim() == present;
    if wanted.split(',').any(named) { Ok(()) } else { Err(changed()) }
}

/// Somebody else was there in between.
pub fn changed() -> ApiError {
    ApiError::from(Code::Changed).at("If-Match")
}

/// An answer with its mark.
pub fn answer(response: HttpResponseBuilder, content: &impl Serialize) -> HttpResponse {
    answer_with(response, content, content)
}

/// An answer that says more than what people edit, with the mark of that alone.
pub fn answer_with(
    mut response: HttpResponseBuilder,
    marked: &impl Serialize,
    content: &impl Serialize,
) -> HttpResponse {
    response.insert_header((ETAG, of(marked))).json(content)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_mark_follows_the_content() {
        let (old, new) = (json!({"name": "a"}), json!({"name": "b"}));
        let mark = of(&old);
        assert!(check(None, &new).is_ok() && check(Some("*"), &new).is_ok());
        assert!(check(Some(&mark), &old).is_ok());
        assert!(check(Some(&format!("\"x\", {mark}")), &old).is_ok());
        assert!(check(Some(&mark), &new).is_err());
        assert!(check(Some(""), &new).is_err());
    }
}
