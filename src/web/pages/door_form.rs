//! Forms at the door, as a browser without script sends them: a form is posted to the address of its page, does what the API does with the
//! same fields, and is answered by a page. What was typed is there again after a refusal, but for secrets; what is wrong is said beside its
//! field, in the words of the API and with its status. `static/js/door.js` sends the same form and reads the same page.

use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder, dev::Payload, http::header::CONTENT_TYPE, web::Data,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::super::{
    AppState,
    api::registrations,
    error::{ApiError, ApiResult, Code, Language, Said},
    forms::{self, Refused},
    gate::{self, Visitor},
    input::{collect, read_value},
};

/// Fields that are shown again. No other is: passwords and codes stand on no page.
const KEPT: [&str; 2] = ["username", "email"];

/// The button that only has a code sent is called so, and says this.
const BUTTON: (&str, &str) = ("_do", "code");

/// Said beside the second field of a new password.
pub(super) const MISMATCH: (&str, &str) = ("两次输入的密码不一致", "The passwords do not match");

/// A form that came from a page of ours.
pub struct DoorForm(Vec<(String, String)>);

impl FromRequest for DoorForm {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move { read(&request, payload).await })
    }
}

async fn read(request: &HttpRequest, payload: Payload) -> ApiResult<DoorForm> {
    let app = request.app_data::<Data<AppState>>().ok_or(Code::Internal)?;
    gate::check_form(request, &app.settings.server)?;
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/x-www-form-urlencoded") {
        return Err(ApiError::wants_form());
    }
    let body = collect(payload, app.settings.server.client_timeout).await?;
    Ok(DoorForm(form_urlencoded::parse(&body).into_owned().collect()))
}

impl DoorForm {
    /// What was typed into this field; empty where nothing was, or where the page has no such field.
    pub(super) fn typed(&self, field: &str) -> &str {
        self.0.iter().find(|(name, _)| name == field).map_or("", |(_, text)| text)
    }

    /// With a field that the API knows by another name.
    pub(super) fn renamed(&self, field: &str, api: &str) -> Self {
        let name = |name: &str| if name == field { api.to_owned() } else { name.to_owned() };
        Self(self.0.iter().map(|(field, text)| (name(field), text.clone())).collect())
    }

    pub(super) fn wants_code(&self) -> bool {
        self.typed(BUTTON.0) == BUTTON.1
    }

    /// What the API takes: each field by its name there. Passwords are taken as they are, everything else without blanks at its ends; what
    /// is empty is left out.
    pub(super) fn body<T: DeserializeOwned>(&self, fields: &[&str]) -> ApiResult<T> {
        let text = |field: &&str| {
            let typed = self.typed(field);
            let text = if field.ends_with("password") { typed } else { typed.trim() };
            (!text.is_empty()).then(|| ((*field).to_owned(), Value::from(text)))
        };
        read_value(Value::Object(fields.iter().filter_map(text).collect()))
    }

    /// Refuses a new password that was not typed twice alike.
    pub(super) fn check_repeat(&self, password: &str) -> ApiResult<()> {
        if self.typed(password) == self.typed("repeat") {
            return Ok(());
        }
        Err(ApiError::field("repeat", Said::new(MISMATCH.0, MISMATCH.1)))
    }

    /// Has a code sent for this purpose, in the language of the page.
    pub(super) async fn send_code(
        &self,
        app: &AppState,
        visitor: &Visitor,
        purpose: &str,
        language: Language,
    ) -> ApiResult<()> {
        let email = self.typed("email").trim();
        let mut ask = Map::from_iter([("purpose".to_owned(), Value::from(purpose))]);
        ask.extend((!email.is_empty()).then(|| ("email".to_owned(), email.into())));
        registrations::send(app, visitor, read_value(Value::Object(ask))?, language).await
    }
}

/// What becomes of a form.
pub(super) enum After {
    Led(HttpResponse),
    /// The page is shown again.
    Shown(Sent),
}

impl After {
    /// `outcome` says where it leads; `None`: a code was sent.
    pub(super) fn new(
        outcome: ApiResult<Option<HttpResponse>>,
        request: &HttpRequest,
        form: &DoorForm,
        fields: &'static [&'static str],
        language: Language,
    ) -> ApiResult<Self> {
        match outcome {
            Ok(Some(led)) => Ok(Self::Led(led)),
            Ok(None) => Ok(Self::Shown(Sent::code(form, fields))),
            Err(refusal) => Sent::refused(request, form, refusal, fields, language).map(Self::Shown),
        }
    }
}

/// What a page shows of a form that was sent: nothing of one that was not.
pub(super) struct Sent {
    /// The fields of the page, in their order.
    fields: &'static [&'static str],
    typed: Vec<(&'static str, String)>,
    refusal: Option<ApiError>,
    /// The field that is wrong, and what is wrong with it.
    problem: Option<(String, String)>,
    /// What is wrong with the whole; empty: nothing is.
    pub summary: String,
    /// A code is on its way.
    pub code_is_sent: bool,
}

impl Sent {
    /// A page as it is opened.
    pub(super) fn nothing(fields: &'static [&'static str]) -> Self {
        Self { fields, typed: Vec::new(), refusal: None, problem: None, summary: String::new(), code_is_sent: false }
    }

    /// The page after a code was sent.
    pub(super) fn code(form: &DoorForm, fields: &'static [&'static str]) -> Self {
        Self { code_is_sent: true, ..Self::again(form, fields) }
    }

    /// The page after its form was refused. A program that sent the form gets the refusal itself.
    pub(super) fn refused(
        request: &HttpRequest,
        form: &DoorForm,
        refusal: ApiError,
        fields: &'static [&'static str],
        language: Language,
    ) -> ApiResult<Self> {
        if !gate::is_browser(request) {
            return Err(refusal);
        }
        let told = forms::words(&refusal, language);
        let again = Self { refusal: Some(refusal), ..Self::again(form, fields) };
        Ok(match told.details.field.as_deref().filter(|field| fields.contains(field)) {
            Some(field) => {
                let problem = told.details.problem.unwrap_or(told.message);
                Self { problem: Some((field.to_owned(), problem)), ..again }
            }
            None => Self { summary: whole(told, language), ..again },
        })
    }

    fn again(form: &DoorForm, fields: &'static [&'static str]) -> Self {
        let typed = KEPT.iter().map(|field| (*field, form.typed(field).trim().to_owned())).collect();
        Self { typed, ..Self::nothing(fields) }
    }

    /// With the status of what became of the form, and what a refusal of the API says in its headers.
    pub(super) fn answer(&self) -> HttpResponseBuilder {
        self.refusal.as_ref().map_or_else(HttpResponse::Ok, ApiError::answer)
    }

    pub(super) fn value(&self, field: &str) -> &str {
        self.typed.iter().find(|(name, _)| *name == field).map_or("", |(_, text)| text)
    }

    /// Empty: nothing is wrong with it.
    pub(super) fn problem(&self, field: &str) -> &str {
        self.problem.as_ref().filter(|(name, _)| name == field).map_or("", |(_, problem)| problem)
    }

    /// Whether a hand goes on here: at what is wrong, else at the first field that is to be filled in.
    pub(super) fn goes_on_at(&self, field: &str) -> bool {
        let empty = || self.fields.iter().copied().find(|field| self.value(field).is_empty());
        self.problem.as_ref().map(|(name, _)| name.as_str()).or_else(empty) == Some(field)
    }

    /// Whether it was refused only because the code of the second factor did not come with it.
    pub(super) fn lacks_second_factor(&self) -> bool {
        self.refusal.as_ref().is_some_and(|refusal| refusal.code() == Code::SecondFactorRequired)
    }
}

/// What stands above the button: what is wrong with the whole, and how long to wait.
fn whole(told: Refused, language: Language) -> String {
    let wait = told.details.retry_after_s.map(|seconds| match language {
        Language::Chinese => format!("请等待 {seconds} 秒。"),
        Language::English => format!("Wait {seconds} s."),
    });
    let parts: Vec<_> = [Some(told.message), told.details.problem, wait].into_iter().flatten().collect();
    parts.join(language.pick("", " "))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use actix_web::{
        http::{StatusCode, header::ACCEPT},
        test::TestRequest,
    };

    use super::*;

    const FIELDS: &[&str] = &["username", "email", "verification_code", "password", "repeat"];

    fn form(fields: &[(&str, &str)]) -> DoorForm {
        DoorForm(fields.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect())
    }

    fn refused(form: &DoorForm, refusal: impl Into<ApiError>) -> Sent {
        let request = TestRequest::default().insert_header((ACCEPT, "text/html")).to_http_request();
        Sent::refused(&request, form, refusal.into(), FIELDS, Language::English).unwrap()
    }

    #[test]
    fn a_field_is_taken_as_the_api_takes_it() {
        let form = form(&[("username", " alice "), ("password", " two blanks "), ("email", " "), ("other", "x")]);
        let body: Value = form.body(&["username", "email", "password"]).unwrap();
        assert_eq!(body, serde_json::json!({"username": "alice", "password": " two blanks "}));
        assert!(form.check_repeat("password").is_err() && form.check_repeat("new_password").is_ok());
    }

    #[test]
    fn a_refusal_stands_at_its_field_or_above_the_button() {
        let form = form(&[("username", "alice"), ("email", "a@example.com"), ("password", "hunter2 hunter2")]);
        let sent = refused(&form, ApiError::from(Code::NameTaken).at("username"));
        assert_eq!((sent.problem("username"), &*sent.summary), ("The name is already in use.", ""));
        assert!(sent.goes_on_at("username") && !sent.goes_on_at("verification_code"));
        let sent = refused(&form, ApiError::from(Code::TooManyTries).retry_after(9));
        assert_eq!(sent.summary, "Too many attempts: try again later. Wait 9 s.");
        assert!(sent.goes_on_at("verification_code"), "the first that is empty");
        let sent = refused(&form, ApiError::field("token", Said::new("x", "is of no field")));
        assert!(sent.summary.ends_with("is of no field"), "{}", sent.summary);
    }

    #[test]
    fn passwords_and_codes_are_kept_nowhere() {
        let form = form(&[("email", "a@example.com"), ("verification_code", "123456"), ("password", "hunter2")]);
        for sent in [refused(&form, Code::WrongLogin), Sent::code(&form, FIELDS)] {
            assert_eq!(
                (sent.value("email"), sent.value("verification_code"), sent.value("password")),
                ("a@example.com", "", "")
            );
        }
    }

    #[test]
    fn the_answer_has_the_status_and_the_headers_of_the_refusal() {
        let answer = refused(&form(&[]), ApiError::from(Code::TooManyTries).retry_after(9)).answer().finish();
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(answer.headers().get("retry-after").unwrap(), "9");
        assert_eq!(Sent::nothing(FIELDS).answer().finish().status(), StatusCode::OK);
    }

    #[test]
    fn a_program_that_sends_a_form_is_told_as_by_the_api() {
        let request = TestRequest::default().to_http_request();
        let told = Sent::refused(&request, &form(&[]), Code::WrongLogin.into(), FIELDS, Language::English);
        assert_eq!(told.err().map(|refusal| refusal.code()), Some(Code::WrongLogin));
    }
}
