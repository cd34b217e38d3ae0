//! Forms of pages, which work without script: a form is posted to `/app/do/…`, is carried to the route of the API at that address, and
//! leads back to a page. What the page may do is what the API may do: access, limits, words and the audit are the API's own.
//!
//! Besides the fields of the request ([`form_values`]) a form sends, under names that begin with `_`:
//!
//! | field | what it says |
//! |---|---|
//! | `_csrf` | the session's text against foreign pages |
//! | `_method` | `PUT`, `PATCH` or `DELETE`; `POST` where absent |
//! | `_key` | the `Idempotency-Key`: a form that is sent twice is done once |
//! | `_tag` | the ETag of what was shown: `If-Match` |
//! | `_back` | the page with the form, to which a refusal leads |
//! | `_then` | where success leads, with `{id}` for the answer's; as `_back` where absent |
//! | `_form` | the form's id, so that the page puts what was said where it belongs |
//! | `_done` | what is said after success, with `{changed}` for the answer's number of this name |
//! | `_query.…` | a parameter of the address: `_query.draft` |
//! | `_as` | another button of the form was pressed, which is this: a `POST` without key and mark, that leads back to `_back` |
//! | `_into` | the same for a picture that is added (`_file.…`): it becomes what stands in the field of this name |
//! | `_look.…` | what is looked for, to be chosen in the form ([`LOOK`]) |
//! | `_part` | the button that was pressed sends this part of the form alone, see below |
//! | `_undo…` | how it is taken back, see [`form_undo`](super::form_undo) |
//!
//! A form with a file (`multipart/form-data`, the file in the field `file`) sends the file alone, as its browser calls it.
//!
//! A form with several things to do for what is ticked in it has a part for each: what belongs to the part `reply` is called `reply/…`
//! (`reply/text`, `reply/_done`) and is sent, without that, when its button is pressed (`_part`); what has no slash is sent with every part.
//!
//! What was refused is kept with what was typed (but for secrets) for the page that it leads to; so is what another button sent, whatever
//! became of it: the form itself is still to be sent.

use std::{
    num::NonZeroUsize,
    sync::{Arc, Mutex, PoisonError},
};

use actix_multipart::Multipart;
use actix_web::{
    Error, HttpMessage as _, HttpResponse,
    body::{EitherBody, MessageBody, to_bytes},
    dev::{ServiceRequest, ServiceResponse},
    error::PayloadError,
    http::{
        Method, StatusCode, Uri,
        header::{ACCEPT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, IF_MATCH, LOCATION},
        uri::PathAndQuery,
    },
    middleware::Next,
    web::{Bytes, BytesMut, Data},
};
use futures_util::{TryStreamExt as _, stream};
use lru::LruCache;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    AppState,
    error::{ApiError, ApiResult, Code, Language, Said},
    form_undo::Undo,
    form_values,
    gate::{self, CSRF_HEADER},
    idempotency,
    input::{MAX_TABLE_BODY, body_limit, collect_up_to, whole_body},
    pages, panel,
};

/// Where forms are posted to; behind it stands an address of the API.
pub const DO: &str = "/app/do";

/// The button of a form that looks for what is to be chosen in it. The form is not sent then, but comes back with what was typed, and its page
/// shows what was found. So it does with any button while something is looked for: what was not found yet would be left out unseen.
pub const LOOK: &str = "look";
/// Before the name of a field in which something is looked for.
const LOOKED_FOR: &str = "_look.";

/// So many forms are kept for the pages that they lead to.
const KEPT: NonZeroUsize = match NonZeroUsize::new(500) {
    Some(number) => number,
    None => NonZeroUsize::MIN,
};

/// What is longer is not kept: all that is kept fits into 64 MiB.
const LONGEST_KEPT: usize = 128 << 10;

/// What became of a form, for the page that it leads to.
#[derive(Debug, Clone)]
pub struct KeptForm {
    /// Its id on the page.
    pub form: String,
    /// What was done: as the form is called, or the button of it that was pressed.
    pub act: String,
    /// What was typed, by the whole name of the field; empty after success of the form itself.
    pub values: Vec<(String, String)>,
    pub outcome: Outcome,
}

impl KeptForm {
    /// It was refused, or another button of it was pressed.
    pub fn is_to_be_sent(&self) -> bool {
        matches!(self.outcome, Outcome::Refused(_)) || !self.values.is_empty()
    }
}

/// What the API said.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// What is said, what the API answered, and how it is taken back.
    Done {
        said: String,
        answer: Value,
        undo: Option<Undo>,
    },
    Refused(Refused),
}

/// Why not, in the language of the page.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Refused {
    #[serde(default)]
    pub code: String,
    pub message: String,
    #[serde(default)]
    pub details: RefusedDetails,
}

#[derive(Debug, Clone, Default, Deserialize)]
pub struct RefusedDetails {
    pub field: Option<String>,
    pub problem: Option<String>,
    pub retry_after_s: Option<u64>,
    /// What else is told, by name.
    #[serde(flatten)]
    pub more: Map<String, Value>,
    /// Saved cases that hold up publishing, as the API tells them.
    #[serde(default)]
    pub cases: Vec<Value>,
}

/// Whose form it is, and its number.
type Key = (String, String);

/// Forms that lead back to a page, until newer ones take their place.
#[derive(Debug)]
pub struct Forms(Mutex<LruCache<Key, Arc<KeptForm>>>);

impl Default for Forms {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(KEPT)))
    }
}

impl Forms {
    /// Keeps it for whoever has this session; the answer is its number.
    fn keep(&self, session: &str, form: KeptForm) -> String {
        let number = format!("{:016x}", rand::random::<u64>());
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.put((session.to_owned(), number.clone()), Arc::new(form));
        number
    }

    /// What was answered is shown once: it may hold a secret. What was refused is there again after a reload.
    pub fn find(&self, session: &str, number: &str) -> Option<Arc<KeptForm>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (session.to_owned(), number.to_owned());
        let kept = all.get(&key).cloned()?;
        if matches!(kept.outcome, Outcome::Done { .. }) {
            all.pop(&key);
        }
        Some(kept)
    }
}

/// A form that came in.
struct Form {
    /// Of the part that was pressed, where it has parts.
    fields: Vec<(String, String)>,
    /// All of them, as they are called on the page.
    sent: Vec<(String, String)>,
    /// What is sent instead of the fields, and what its browser calls it.
    file: Option<FilePart>,
    /// The parameters that stand in the address itself.
    query: String,
    language: Language,
    session: String,
}

impl Form {
    /// One of ours.
    fn own(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, text)| text.as_str())
            .filter(|text| !text.is_empty())
    }

    fn back(&self) -> &str {
        self.own("_back").filter(|path| is_page(path)).unwrap_or(panel::HOME)
    }

    /// The button of it that does something else than to send the form.
    fn other_button(&self) -> Option<&str> {
        let button = self.own("_as").or_else(|| self.own("_into").map(|_| PICTURE));
        let is_sought = |(name, text): &(String, String)| name.starts_with(LOOKED_FOR) && !text.trim().is_empty();
        button.or_else(|| self.fields.iter().any(is_sought).then_some(LOOK))
    }

    fn only_looks(&self) -> bool {
        self.other_button() == Some(LOOK)
    }

    /// Of the API, with its parameters.
    fn address(&self, target: &str) -> String {
        let named = |(name, text): &'_ (String, String)| Some((name.strip_prefix("_query.")?.to_owned(), text.clone()));
        let given = self.fields.iter().filter_map(named).filter(|(_, text)| !text.is_empty());
        let there = form_urlencoded::parse(self.query.as_bytes());
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(there).extend_pairs(given).finish();
        if query.is_empty() { target.to_owned() } else { format!("{target}?{query}") }
    }

    /// What is wrong is said of the field as the form calls it: rows that were left empty are none to the API, and a file is its body.
    fn own_field(&self, field: Option<String>) -> Option<String> {
        if let Some(into) = self.own("_into") {
            return Some(file_field(into));
        }
        let field = field?;
        if self.file.is_some() && matches!(&*field, "body" | "Content-Type") {
            return Some("file".to_owned());
        }
        let place = self.own_place(&field);
        let of_part = format!("{}/{place}", self.part_pressed());
        Some(if self.sent.iter().any(|(name, _)| name.starts_with(&of_part)) { of_part } else { place })
    }

    fn part_pressed(&self) -> &str {
        part_pressed(&self.sent).unwrap_or_default()
    }

    fn own_place(&self, field: &str) -> String {
        form_values::body(&self.values()).map_or_else(|| field.to_owned(), |body| form_values::place_in(&body, field))
    }

    /// What becomes the body.
    fn values(&self) -> Vec<(String, String)> {
        self.fields.iter().filter(|(name, _)| !name.starts_with('_')).cloned().collect()
    }

    fn typed(&self) -> Vec<(String, String)> {
        let is_ours = |name: &str| name.rsplit('/').next().is_some_and(|name| name.starts_with('_'));
        let is_kept = |name: &str| name.starts_with(LOOKED_FOR) || (!is_ours(name) && !form_values::is_secret(name));
        let typed: Vec<_> = self.sent.iter().filter(|(name, _)| is_kept(name)).cloned().collect();
        let length: usize = typed.iter().map(|(name, text)| name.len() + text.len()).sum();
        if length <= LONGEST_KEPT { typed } else { Vec::new() }
    }

    /// What the page shows as typed, once this became of it.
    fn kept(&self, outcome: &Outcome) -> Vec<(String, String)> {
        match outcome {
            Outcome::Refused(_) => self.typed(),
            Outcome::Done { .. } if self.other_button().is_none() => Vec::new(),
            Outcome::Done { answer, .. } => {
                let mut typed = self.typed();
                if let (Some(into), Some(picture)) = (self.own("_into"), answer["image"].as_str()) {
                    typed.retain(|(name, _)| name != into);
                    typed.push((into.to_owned(), picture.to_owned()));
                }
                typed
            }
        }
    }

    /// The part of the page that a button is about, so that a browser without script shows it.
    fn part(&self) -> String {
        let part = match self.own("_into") {
            Some(into) => format!("{}-{into}", self.own("_form").unwrap_or_default()),
            None if self.only_looks() => format!("{}-{LOOK}", self.own("_form").unwrap_or_default()),
            None => self.own("_as").unwrap_or_default().to_owned(),
        };
        let is_plain = part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
        if part.is_empty() || !is_plain { String::new() } else { format!("#{part}") }
    }

    /// A file that was chosen, and is not sent with the form: its name stands here, where it has not been added by its own button.
    fn forgotten_file(&self) -> Option<&str> {
        let is_forgotten = |(name, text): &&(String, String)| name.starts_with(FILE_OF) && !text.is_empty();
        self.fields.iter().find(is_forgotten).map(|(name, _)| name.as_str()).filter(|_| self.other_button().is_none())
    }
}

/// What a picture that is added is called among the buttons of a form.
const PICTURE: &str = "picture";

/// What anybody who is signed in may read.
const ME: &str = "/api/v1/me";

/// Before the name of the field that a picture is for.
const FILE_OF: &str = "_file.";

fn file_field(into: &str) -> String {
    format!("{FILE_OF}{into}")
}

fn is_page(path: &str) -> bool {
    (path == panel::HOME || path.starts_with("/app/")) && path.parse::<PathAndQuery>().is_ok() && path.len() < 2000
}

/// Carries a form to the API, and its sender to a page. Around [`super::error::speak`], whose words it hands on.
pub(super) async fn carry<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let target = request.path().strip_prefix(DO).filter(|rest| rest.starts_with("/api/v1/")).map(str::to_owned);
    let (Some(target), &Method::POST) = (target, request.method()) else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let Some(app) = request.app_data::<Data<AppState>>().cloned() else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    let language = panel::language_of_browser(request.request());
    let Some(session) = gate::session_of_cookie(request.request(), &app.gate) else {
        let sign_in = pages::lead_to_sign_in(panel::HOME);
        return Ok(request.into_response(sign_in).map_into_right_body());
    };
    let form = match read(&mut request, &app, &target, language, session).await {
        Ok(form) => form,
        Err(refusal) => {
            let session = gate::session_of_cookie(request.request(), &app.gate).unwrap_or_default();
            let form =
                Form { fields: Vec::new(), sent: Vec::new(), file: None, query: String::new(), language, session };
            let answer = lead(&app, &form, Outcome::Refused(words(&refusal, language)), panel::HOME);
            return Ok(request.into_response(answer).map_into_right_body());
        }
    };
    if let Err(refusal) = rewrite(&mut request, &target, &form) {
        let outcome = Outcome::Refused(words(&refusal, language));
        let answer = lead(&app, &form, outcome, form.back());
        return Ok(request.into_response(answer).map_into_right_body());
    }
    let response = next.call(request).await?;
    let (request, answer) = response.into_parts();
    let status = answer.status();
    // A body that breaks off is one that says nothing.
    let body = to_bytes(answer.into_body()).await.unwrap_or_default();
    let answer = finish(&app, &form, status, &body);
    Ok(ServiceResponse::new(request, answer).map_into_right_body())
}

async fn read(
    request: &mut ServiceRequest,
    app: &AppState,
    target: &str,
    language: Language,
    session: String,
) -> ApiResult<Form> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let has_file = kind.starts_with("multipart/form-data");
    if !has_file && !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(ApiError::wants_form());
    }
    let payload = request.take_payload();
    // What is a little too large is said beside the field; for that it must be read.
    let limit = if has_file { body_limit(target).max(MAX_TABLE_BODY) } else { body_limit(target) };
    let body = collect_up_to(limit, payload, app.settings.server.client_timeout).await?.freeze();
    let (fields, file) = if has_file {
        read_parts(request, body).await.ok_or(Code::MalformedBody)?
    } else {
        (form_urlencoded::parse(&body).into_owned().collect(), None)
    };
    let sent: Vec<_> = fields.into_iter().map(|(name, text)| (name, text.replace("\r\n", "\n"))).collect();
    let query = request.query_string().to_owned();
    Ok(Form { fields: of_part(&sent), sent, file, query, language, session })
}

fn part_pressed(sent: &[(String, String)]) -> Option<&str> {
    sent.iter().find(|(name, _)| name == "_part").map(|(_, part)| part.as_str())
}

/// What stands in no part, and what stands in the one that was pressed.
fn of_part(sent: &[(String, String)]) -> Vec<(String, String)> {
    let pressed = part_pressed(sent);
    let own = |(name, text): &(String, String)| match name.split_once('/') {
        None => Some((name.clone(), text.clone())),
        Some((part, name)) if Some(part) == pressed => Some((name.to_owned(), text.clone())),
        Some(_) => None,
    };
    sent.iter().filter_map(own).collect()
}

/// A file, and what its browser calls it.
type FilePart = (HeaderValue, Bytes);

/// The texts and the file of a form that has arrived as a whole; `None`: it cannot be read.
async fn read_parts(request: &ServiceRequest, body: Bytes) -> Option<(Vec<(String, String)>, Option<FilePart>)> {
    let parts = stream::iter([Ok::<_, PayloadError>(body)]);
    let mut form = Multipart::new(request.headers(), parts);
    let (mut fields, mut files) = (Vec::new(), Vec::new());
    while let Some(mut part) = form.try_next().await.ok()? {
        let name = part.name()?.to_owned();
        let kind = part.content_type().and_then(|kind| HeaderValue::from_str(kind.essence_str()).ok());
        let mut content = BytesMut::new();
        while let Some(chunk) = part.try_next().await.ok()? {
            content.extend_from_slice(&chunk);
        }
        if name == "file" || name.starts_with(FILE_OF) {
            let usual = HeaderValue::from_static("application/octet-stream");
            files.push((name, (kind.unwrap_or(usual), content.freeze())));
        } else {
            fields.push((name, String::from_utf8(content.to_vec()).ok()?));
        }
    }
    let into = fields.iter().find(|(name, _)| name == "_into");
    let wanted = into.map_or_else(|| "file".to_owned(), |(_, into)| file_field(into));
    let file = files.into_iter().find(|(name, _)| *name == wanted).map(|(_, file)| file);
    Some((fields, file))
}

/// Makes it the request that the form stands for.
fn rewrite(request: &mut ServiceRequest, target: &str, form: &Form) -> ApiResult<()> {
    if let Some(name) = form.forgotten_file() {
        let said = Said::new("请先点“上传”，再保存", "press \"Upload\" first, and save then");
        return Err(ApiError::field(name.to_owned(), said));
    }
    let is_other = form.other_button().is_some();
    let method = match form.own("_method").filter(|_| !is_other) {
        None if form.only_looks() => Method::GET,
        None => Method::POST,
        Some("PUT") => Method::PUT,
        Some("PATCH") => Method::PATCH,
        Some("DELETE") => Method::DELETE,
        Some(_) => return Err(Code::MethodNotAllowed.into()),
    };
    // Whoever only looks asks for nothing but to be known.
    let address = if form.only_looks() { ME.to_owned() } else { form.address(target) };
    let uri: Uri = address.parse().map_err(|_| Code::NotFound)?;
    let mut body = form_values::body(&form.values()).ok_or(Code::MalformedBody)?;
    form_values::without_gaps(&mut body);
    let usual = || (HeaderValue::from_static("application/json"), Bytes::from(body.to_string()));
    let (kind, body) = form.file.clone().unwrap_or_else(usual);
    let body = if form.only_looks() { Bytes::new() } else { body };
    request.match_info_mut().get_mut().update(&uri);
    let head = request.head_mut();
    head.method = method;
    head.uri = uri;
    let tongue = match form.language {
        Language::Chinese => HeaderValue::from_static("zh"),
        Language::English => HeaderValue::from_static("en"),
    };
    head.headers.insert(ACCEPT_LANGUAGE, tongue);
    head.headers.insert(CONTENT_TYPE, kind);
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    for (name, field) in [(CSRF_HEADER, "_csrf"), (IF_MATCH.as_str(), "_tag"), (idempotency::HEADER, "_key")] {
        let name = HeaderName::from_static(name);
        let given = form.own(field).filter(|_| !is_other || field == "_csrf");
        match given.and_then(|text| HeaderValue::from_str(text).ok()) {
            Some(text) => drop(head.headers.insert(name, text)),
            None => drop(head.headers.remove(name)),
        }
    }
    request.set_payload(whole_body(body));
    Ok(())
}

/// The refusal in words, as the API tells it.
pub(super) fn words(refusal: &ApiError, language: Language) -> Refused {
    serde_json::to_value(refusal.body(language)).and_then(serde_json::from_value).unwrap_or_default()
}

fn finish(app: &AppState, form: &Form, status: StatusCode, body: &[u8]) -> HttpResponse {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    if status == StatusCode::UNAUTHORIZED {
        return pages::lead_to_sign_in(form.back());
    }
    if !status.is_success() {
        let unsaid = || words(&Code::Internal.into(), form.language);
        let mut refused: Refused = serde_json::from_value(answer).unwrap_or_else(|_| unsaid());
        refused.details.field = form.own_field(refused.details.field);
        return lead(app, form, Outcome::Refused(refused), form.back());
    }
    let id = match &answer["id"] {
        Value::String(id) => id.clone(),
        other => other.to_string(),
    };
    if form.other_button().is_some() {
        let answer = if form.only_looks() { Value::Null } else { answer };
        return lead(app, form, Outcome::Done { said: String::new(), answer, undo: None }, form.back());
    }
    let then = form.own("_then").map(|then| then.replace("{id}", &id)).filter(|then| is_page(then));
    let said = form.own("_done").unwrap_or_default().replace("{changed}", &answer["changed"].to_string());
    let undo = Undo::of(&form.fields, &id, &answer);
    lead(app, form, Outcome::Done { said, answer, undo }, then.as_deref().unwrap_or(form.back()))
}

/// To that page, which finds what became of the form by its number.
fn lead(app: &AppState, form: &Form, outcome: Outcome, to: &str) -> HttpResponse {
    let name = form.own("_form").unwrap_or_default().to_owned();
    let act = form.other_button().map_or_else(|| name.clone(), str::to_owned);
    let kept = KeptForm { form: name, act, values: form.kept(&outcome), outcome };
    let number = app.forms.keep(&form.session, kept);
    let (path, query) = to.split_once('?').unwrap_or((to, ""));
    let others = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != panel::KEPT);
    let query =
        form_urlencoded::Serializer::new(String::new()).extend_pairs(others).append_pair(panel::KEPT, &number).finish();
    HttpResponse::SeeOther().insert_header((LOCATION, format!("{path}?{query}{}", form.part()))).finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_to_pages_of_the_panel_alone() {
        for path in ["/app", "/app/orders?page=2", "/app/chats/1.2"] {
            assert!(is_page(path), "{path}");
        }
        for path in
            ["", "/", "/application", "//evil.example/app/", "https://evil.example/app/", "/app/ x", "/app/\r\nx: y"]
        {
            assert!(!is_page(path), "{path:?}");
        }
    }

    fn form(fields: &[(&str, &str)]) -> Form {
        let sent: Vec<_> = fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        Form {
            fields: of_part(&sent),
            sent,
            file: None,
            query: "rule=5".into(),
            language: Language::Chinese,
            session: String::new(),
        }
    }

    #[test]
    fn what_is_typed_stays_where_another_button_was_pressed() {
        let done =
            || Outcome::Done { said: String::new(), answer: serde_json::json!({"image": "picture:0a"}), undo: None };
        let typed = [("_form", "rule"), ("keyword", "在吗"), ("a.1.image", ""), ("_method", "PATCH"), ("_tag", "x")];
        let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        assert_eq!(form(&typed).kept(&done()), []);
        let tried = form(&[&typed[..], &[("_as", "preview")]].concat());
        assert_eq!(tried.kept(&done()), [pair("keyword", "在吗"), pair("a.1.image", "")]);
        assert_eq!((tried.address("/api/v1/x"), tried.part()), ("/api/v1/x?rule=5".to_owned(), "#preview".to_owned()));
        let added = form(&[&typed[..], &[("_into", "a.1.image")]].concat());
        assert_eq!(added.kept(&done()), [pair("keyword", "在吗"), pair("a.1.image", "picture:0a")]);
        assert_eq!((added.other_button(), added.part()), (Some(PICTURE), "#rule-a.1.image".to_owned()));
        assert_eq!(added.own_field(Some("body".into())), Some("_file.a.1.image".to_owned()));
    }

    #[test]
    fn a_form_is_not_sent_while_something_is_looked_for_in_it() {
        let done = || Outcome::Done { said: String::new(), answer: Value::Null, undo: None };
        let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let typed = [("_form", "new-token"), ("name", "脚本"), ("_look.accounts", "shop-1"), ("_key", "x")];
        let looks = form(&typed);
        assert!(looks.only_looks());
        assert_eq!(looks.kept(&done()), [pair("name", "脚本"), pair("_look.accounts", "shop-1")]);
        assert_eq!((looks.part(), looks.values()), ("#new-token-look".to_owned(), vec![pair("name", "脚本")]));
        let pressed = form(&[("_form", "new-token"), ("name", "脚本"), ("_look.accounts", " "), ("_as", "look")]);
        assert!(pressed.only_looks() && !pressed.kept(&done()).is_empty());
        assert!(!form(&[("_form", "new-token"), ("name", "脚本"), ("_look.accounts", " ")]).only_looks());
        let tried = form(&[&typed[..], &[("_as", "preview")]].concat());
        assert_eq!((tried.only_looks(), tried.other_button()), (false, Some("preview")));
    }

    #[test]
    fn a_button_sends_its_part_alone_and_what_is_typed_into_others_stays() {
        let typed = [("a:list", "1"), ("on/b:flag", "true"), ("on/_done", "x"), ("say/text", "hi"), ("say/_done", "y")];
        let pressed = |part: &str| form(&[&typed[..], &[("_part", part)]].concat());
        let (on, say) = (pressed("on"), pressed("say"));
        assert_eq!(form_values::body(&on.values()), Some(serde_json::json!({"a": ["1"], "b": true})));
        assert_eq!(form_values::body(&say.values()), Some(serde_json::json!({"a": ["1"], "text": "hi"})));
        assert_eq!((on.own("_done"), say.own("_done"), form(&typed).own("_done")), (Some("x"), Some("y"), None));
        let kept: Vec<String> = say.typed().into_iter().map(|(name, _)| name).collect();
        assert_eq!(kept, ["a:list", "on/b:flag", "say/text"]);
        assert_eq!(say.own_field(Some("text".into())).as_deref(), Some("say/text"));
        assert_eq!(say.own_field(Some("a".into())).as_deref(), Some("a"));
    }

    #[test]
    fn a_chosen_file_is_not_forgotten_when_the_form_is_saved() {
        let chosen = [("_form", "rule"), ("_file.a.1.image", "cat.png")];
        assert_eq!(form(&chosen).forgotten_file(), Some("_file.a.1.image"));
        assert_eq!(form(&[&chosen[..], &[("_as", "preview")]].concat()).forgotten_file(), None);
        assert_eq!(form(&[("_file.a.1.image", "")]).forgotten_file(), None);
    }

    #[test]
    fn a_kept_form_is_found_by_its_own_session_alone() {
        let forms = Forms::default();
        let outcome = Outcome::Done { said: "ok".into(), answer: Value::Null, undo: None };
        let kept = KeptForm { form: "f".into(), act: "f".into(), values: Vec::new(), outcome };
        let number = forms.keep("a", kept);
        assert!(forms.find("b", &number).is_none() && forms.find("a", "0").is_none());
        assert!(forms.find("a", &number).is_some());
        assert!(forms.find("a", &number).is_none(), "what was answered is shown once");
    }
}
