//! The form that takes another back, offered beside what is said of one that went well. A form that can be taken back sends besides
//! ([`super::forms`]):
//!
//! | field | what it says |
//! |---|---|
//! | `_undo` | method and address of the API's opposite, with `{id}` for the answer's: `DELETE /api/v1/blocked-buyers/{id}` |
//! | `_undo.said` | what is said once it is taken back |
//! | `_undo.with.…` | a field of it, called as in any form |
//! | `_undo.each.…` | the same once for each that the answer has in the list of this name, as JSON; where it has none, nothing is to be taken back |
//!
//! It is a form like any other: whoever may not do the opposite may not take back.

use actix_web::http::uri::PathAndQuery;

use serde_json::Value;

/// The form that is offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undo {
    pub method: &'static str,
    /// Of the API.
    pub path: String,
    pub said: String,
    pub fields: Vec<(String, String)>,
}

impl Undo {
    /// As the fields of a form that was done say it; `id`: the answer's. `None`: it cannot be taken back, or says nothing that makes sense.
    pub(super) fn of(form: &[(String, String)], id: &str, answer: &Value) -> Option<Self> {
        let own = |wanted: &str| form.iter().find(|(name, _)| name == wanted).map(|(_, text)| text.as_str());
        let (method, path) = own("_undo")?.split_once(' ')?;
        let method = ["POST", "PUT", "PATCH", "DELETE"].into_iter().find(|known| *known == method)?;
        let path = if path.contains("{id}") { path.replace("{id}", plain(id)?) } else { path.to_owned() };
        let field =
            |(name, text): &(String, String)| Some((name.strip_prefix("_undo.with.")?.to_owned(), text.clone()));
        let mut fields: Vec<_> = form.iter().filter_map(field).collect();
        for (name, list) in form.iter().filter_map(|(name, list)| Some((name.strip_prefix("_undo.each.")?, list))) {
            let entries = answer[list.as_str()].as_array().filter(|entries| !entries.is_empty())?;
            fields.extend(entries.iter().map(|entry| (name.to_owned(), entry.to_string())));
        }
        let is_sound = is_of_api(&path) && fields.iter().all(|(name, _)| is_field(name));
        is_sound.then(|| Self { method, path, said: own("_undo.said").unwrap_or_default().to_owned(), fields })
    }
}

/// What a form may send on; the rest of what begins with `_` is said by the page that offers it.
fn is_field(name: &str) -> bool {
    !name.starts_with('_') || name.starts_with("_query.")
}

/// An id that is a part of an address as it is.
fn plain(id: &str) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    ((1..=128).contains(&id.len()) && id != "null" && id.bytes().all(is_plain)).then_some(id)
}

fn is_of_api(path: &str) -> bool {
    let leads_up = |part: &str| matches!(part.replace("%2e", ".").replace("%2E", ".").as_str(), "" | "." | "..");
    let Some(rest) = path.strip_prefix("/api/v1/") else { return false };
    path.len() < 2000 && path.parse::<PathAndQuery>().is_ok() && !path.contains('?') && !rest.split('/').any(leads_up)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn undo(fields: &[(&str, &str)], id: &str) -> Option<Undo> {
        let fields: Vec<_> = fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Undo::of(&fields, id, &json!({"items": [{"a": 1}, {"a": 2}], "none": []}))
    }

    #[test]
    fn what_the_answer_lists_is_taken_back_and_no_more() {
        let undo = |list: &str| {
            undo(
                &[("_undo", "PATCH /api/v1/items"), ("_undo.with.on:flag", "true"), ("_undo.each.i:objects", list)],
                "",
            )
        };
        let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let fields = [pair("on:flag", "true"), pair("i:objects", "{\"a\":1}"), pair("i:objects", "{\"a\":2}")];
        assert_eq!(undo("items").map(|undo| undo.fields), Some(fields.to_vec()));
        assert_eq!((undo("none"), undo("other")), (None, None));
    }

    #[test]
    fn a_form_says_how_it_is_taken_back() {
        let told = [
            ("buyer_id", "7"),
            ("_undo", "DELETE /api/v1/blocked-buyers/{id}"),
            ("_undo.said", "已移出。"),
            ("_undo.with.note", ""),
            ("_undo.with._query.draft", "true"),
        ];
        let fields = vec![("note".to_owned(), String::new()), ("_query.draft".to_owned(), "true".to_owned())];
        let path = "/api/v1/blocked-buyers/12".to_owned();
        assert_eq!(undo(&told, "12"), Some(Undo { method: "DELETE", path, said: "已移出。".into(), fields }));
        assert_eq!(undo(&[("buyer_id", "7")], "12"), None);
    }

    #[test]
    fn only_addresses_of_the_api_are_offered() {
        let of = |told: &str, id: &str| undo(&[("_undo", told)], id).map(|undo| undo.path);
        assert_eq!(of("POST /api/v1/accounts/1/resume", "").as_deref(), Some("/api/v1/accounts/1/resume"));
        for told in [
            "POST /app",
            "POST /api/v2/accounts",
            "POST //evil.example/api/v1/",
            "POST /api/v1/../../sign-in",
            "POST /api/v1/%2e%2E/x",
            "POST /api/v1/accounts?x=1",
            "POST /api/v1/a b",
            "GET /api/v1/accounts",
            "/api/v1/accounts",
            "",
        ] {
            assert_eq!(of(told, "1"), None, "{told}");
        }
        for id in ["", "null", "../x", "1?x", "1/2", "a b"] {
            assert_eq!(of("DELETE /api/v1/tokens/{id}", id), None, "{id}");
        }
        assert_eq!(undo(&[("_undo", "POST /api/v1/a"), ("_undo.with._csrf", "x")], ""), None);
    }
}
