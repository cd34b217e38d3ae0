//! The sign-in page: for the documentation now, and for whoever comes to a page without a session.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use askama::Template;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{
    super::{
        AppState,
        error::ApiResult,
        input::{Line, Query},
    },
    Chosen, Frame, SETUP, SIGN_IN, language, lead_to, show,
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
    #[param(inline)]
    lang: Option<Chosen>,
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    frame: Frame,
    words: &'a Words,
    next: &'a str,
    /// How letters could be sent; empty where they can.
    remedy: &'static str,
}

struct Words {
    title: &'static str,
    script: &'static str,
    username: &'static str,
    password: &'static str,
    totp: &'static str,
    unreachable: &'static str,
    /// `{}`: how many seconds.
    wait: &'static str,
    submit: &'static str,
    no_mail: &'static str,
}

const CHINESE: Words = Words {
    title: "登录",
    script: "此页面需要启用 JavaScript。",
    username: "用户名或邮箱",
    password: "密码",
    totp: "两步验证码",
    unreachable: "无法连接服务器，请稍后再试。",
    wait: "请等待 {} 秒。",
    submit: "登录",
    no_mail: "忘记密码请联系管理员：此服务器还不能发送邮件。",
};

const ENGLISH: Words = Words {
    title: "Sign in",
    script: "This page needs JavaScript.",
    username: "User name or e-mail address",
    password: "Password",
    totp: "Two-factor code",
    unreachable: "The server did not answer. Try again in a moment.",
    wait: "Wait {} s.",
    submit: "Sign in",
    no_mail: "Forgot your password? Ask an administrator: this server cannot send e-mail yet.",
};

/// The page on which somebody signs in.
#[utoipa::path(get, path = "/sign-in", tag = "pages", params(SignInQuery), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "To the set-up, while nobody administers the system"),
))]
pub async fn page(request: HttpRequest, query: Query<SignInQuery>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    if !app.gate.is_set_up() {
        return Ok(lead_to(SETUP));
    }
    let language = language(query.0.lang, &request);
    let words = language.pick(&CHINESE, &ENGLISH);
    let next = query.0.next.as_deref().filter(|next| is_own(next)).unwrap_or(HOME);
    let frame = Frame::new(words.title, language, SIGN_IN, &[("next", next)]);
    let (zh, en) = Module::Mail.remedy();
    let remedy = if app.modules.has(Module::Mail) { "" } else { language.pick(zh, en) };
    show(StatusCode::OK, &SignInPage { frame, words, next, remedy })
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
