//! The sign-in page, for whoever comes to a page without a session: by password, or by a code from a letter where letters are sent.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::ApiResult,
        input::{Line, Query},
    },
    Chosen, Frame, SETUP, SIGN_IN, language, lead_to, register, show_at_door,
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
    let SignInQuery { next, by, lang } = query.0;
    let language = language(lang, &request);
    let next = next.as_deref().filter(|next| is_own(next)).unwrap_or(HOME);
    let has_mail = app.modules.has(Module::Mail);
    let by_code = has_mail && by == Some(Proof::Code);
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
        is_open: register::is_open(&app).await,
    };
    show_at_door(StatusCode::OK, lang, &page)
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
