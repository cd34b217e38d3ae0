//! The sign-in page, for whoever comes to a page without a session: by password, or by a code from a letter where letters are sent.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use askama::Template;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        api::sessions::{self, SignIn},
        error::{ApiResult, ErrorBody, Language},
        gate::Visitor,
        input::{Line, Query},
    },
    Chosen, Frame, SETUP, SIGN_IN,
    door_form::{After, DoorForm, Sent},
    language, lead_in, lead_to, register, show_at_door,
};
use crate::telemetry::modules::Module;

/// Where somebody goes who did not say where to.
const HOME: &str = "/";

/// Where to go afterwards.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SignInQuery {
    /// A path of this server; anything else is taken for `/`.
    #[param(inline)]
    next: Option<Line<0, 2048>>,
    /// By what one proves who one is; by the password where absent.
    #[param(inline)]
    by: Option<Proof>,
    #[param(inline)]
    lang: Option<Chosen>,
}

/// What somebody shows at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = SignInProof)]
pub enum Proof {
    Password,
    /// Sent by e-mail.
    Code,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    frame: Frame,
    next: &'a str,
    by_code: bool,
    /// The same page for the password, and for a code.
    ways: [String; 2],
    has_mail: bool,
    /// How letters could be sent; empty where they can.
    remedy: &'static str,
    is_open: bool,
    sent: Sent,
    has_second_factor: bool,
}

const BY_PASSWORD: &[&str] = &["username", "password", "totp"];
const BY_CODE: &[&str] = &["email", "verification_code", "totp"];

/// The page that is asked for.
struct Asked {
    next: String,
    by_code: bool,
    has_mail: bool,
    chosen: Option<Chosen>,
    language: Language,
}

impl Asked {
    fn new(query: SignInQuery, request: &HttpRequest, app: &AppState) -> Self {
        let next = query.next.map(Line::into_string).filter(|next| is_own(next));
        let has_mail = app.modules.has(Module::Mail);
        Self {
            next: next.unwrap_or_else(|| HOME.to_owned()),
            by_code: has_mail && query.by == Some(Proof::Code),
            has_mail,
            chosen: query.lang,
            language: language(query.lang, request),
        }
    }

    fn fields(&self) -> &'static [&'static str] {
        if self.by_code { BY_CODE } else { BY_PASSWORD }
    }
}

/// The page on which somebody signs in.
#[utoipa::path(get, path = "/sign-in", tag = "pages", params(SignInQuery), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "To the set-up, while nobody administers the system"),
))]
pub async fn page(request: HttpRequest, query: Query<SignInQuery>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    if !app.gate.is_set_up() {
        return Ok(lead_to(SETUP));
    }
    let asked = Asked::new(query.0, &request, &app);
    show(&app, &asked, Sent::nothing(asked.fields()), false).await
}

/// Signs in by the form of the page. The code of a second factor is asked for where it is missing, with the password once more: no page
/// holds one.
#[utoipa::path(post, path = "/sign-in", tag = "pages", params(SignInQuery),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded", description = "The fields of the page"),
    responses(
        (status = 200, content_type = "text/html", body = String, description = "A code is on its way"),
        (status = 303, description = "Signed in by cookie, and led on"),
        (status = 401, description = "As the API refuses it", content((String = "text/html"), (ErrorBody = "application/json"))),
        (status = 403, description = "The form came from a page elsewhere", content((String = "text/html"), (ErrorBody = "application/json"))),
        (status = 422, description = "A field cannot be accepted", content((String = "text/html"), (ErrorBody = "application/json"))),
        (status = 429, description = "Too many tries", content((String = "text/html"), (ErrorBody = "application/json"))),
    ))]
pub async fn send_sign_in(
    visitor: Visitor,
    request: HttpRequest,
    query: Query<SignInQuery>,
    form: DoorForm,
    app: Data<AppState>,
) -> ApiResult<HttpResponse> {
    let asked = Asked::new(query.0, &request, &app);
    let outcome = act(&app, &visitor, &request, &asked, &form).await;
    match After::new(outcome, &request, &form, asked.fields(), asked.language)? {
        After::Led(led) => Ok(led),
        After::Shown(sent) => {
            let gave_second_factor = !sent.code_is_sent && !form.typed("totp").trim().is_empty();
            let has_second_factor = gave_second_factor || sent.lacks_second_factor();
            show(&app, &asked, sent, has_second_factor).await
        }
    }
}

/// Where it leads; `None`: a code was sent.
async fn act(
    app: &AppState,
    visitor: &Visitor,
    request: &HttpRequest,
    asked: &Asked,
    form: &DoorForm,
) -> ApiResult<Option<HttpResponse>> {
    if asked.by_code && form.wants_code() {
        return form.send_code(app, visitor, "login", asked.language).await.map(|()| None);
    }
    // An address is found as one however it is written.
    let is_address = form.typed("username").contains('@');
    let ask: SignIn = match (asked.by_code, is_address) {
        (true, _) => form.body(BY_CODE)?,
        (false, false) => form.body(BY_PASSWORD)?,
        (false, true) => form
            .renamed("username", "email")
            .body(&["email", "password", "totp"])
            .map_err(|refusal| refusal.renamed("email", "username"))?,
    };
    let began = sessions::sign_in(app, visitor, request, ask).await?;
    lead_in(&began.cookie(app, request), &asked.next).map(Some)
}

async fn show(app: &AppState, asked: &Asked, sent: Sent, has_second_factor: bool) -> ApiResult<HttpResponse> {
    let Asked { by_code, has_mail, chosen, language, .. } = *asked;
    let next = &*asked.next;
    let carried = [("next", next), ("by", "code")];
    let frame = Frame::new(language.pick("登录", "Sign in"), language, SIGN_IN, &carried[..1 + usize::from(by_code)]);
    let (zh, en) = Module::Mail.remedy();
    let page = SignInPage {
        frame,
        next,
        by_code,
        ways: [way(next, "password"), way(next, "code")],
        has_mail,
        remedy: if has_mail { "" } else { language.pick(zh, en) },
        is_open: register::is_open(app).await,
        has_second_factor,
        sent,
    };
    show_at_door(page.sent.answer(), chosen, &page)
}

fn way(next: &str, by: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    format!("{SIGN_IN}?{}", query.append_pair("next", next).append_pair("by", by).finish())
}

/// Whether a browser takes this for a path of this server, and for nothing else: `//host`, `/\host` and the like lead away.
fn is_own(path: &str) -> bool {
    let harmless = |byte: u8| byte.is_ascii_graphic() && byte != b'\\';
    path.starts_with('/') && !path.starts_with("//") && path.bytes().all(harmless)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_led_on_only_to_paths_of_this_server() {
        for own in ["/", "/docs", "/redoc?a=b#c", "/a//b", "/%2F%2Fhost"] {
            assert!(is_own(own), "{own}");
        }
        let foreign = [
            "",
            "docs",
            "//host",
            "///host",
            "/\\host",
            "\\\\host",
            "https://host",
            "https:host",
            "javascript:alert(1)",
            "/\thost",
            "/\n/host",
            " /docs",
            "/a\\b",
            "/\u{7f}",
            "/中",
        ];
        for foreign in foreign {
            assert!(!is_own(foreign), "{foreign:?}");
        }
    }
}
