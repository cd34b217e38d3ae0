//! The documentation of the API for people: Swagger UI to try it out, ReDoc to read it. Everything comes from this server.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::CONTENT_SECURITY_POLICY},
    web::Data,
};
use askama::Template;

use super::{
    super::{AppState, error::ApiResult, hygiene, openapi, panel, static_files::href},
    show,
};

/// Both tools write styles into the page, and ReDoc searches in a worker that it makes from its own text.
const LOOSER: [(&str, &str); 2] = [
    ("style-src 'self'", "style-src 'self' 'unsafe-inline'"),
    ("connect-src 'self'", "connect-src 'self'; worker-src blob:"),
];

#[derive(Template)]
#[template(path = "docs.html")]
struct DocsPage {
    /// The language of the head; what is documented is English.
    tag: &'static str,
    title: &'static str,
    back: &'static str,
    tokens: &'static str,
    /// Address, name, and whether it is this page.
    tabs: [(&'static str, &'static str, bool); 2],
    icon: String,
    /// Empty: the tool brings none.
    style: String,
    head_style: String,
    library: String,
    script: String,
}

/// The files of one of the tools.
struct Tool {
    path: &'static str,
    style: Option<&'static str>,
    library: &'static str,
    script: &'static str,
}

const SWAGGER: Tool = Tool {
    path: "/docs",
    style: Some("vendor/swagger-ui/swagger-ui.css"),
    library: "vendor/swagger-ui/swagger-ui-bundle.js",
    script: "js/docs.js",
};

const REDOC: Tool =
    Tool { path: "/redoc", style: None, library: "vendor/redoc/redoc.standalone.js", script: "js/redoc.js" };

/// The documentation of the API, to try it out (Swagger UI).
#[utoipa::path(get, path = "/docs", tag = "docs", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
    (status = 404, body = super::super::error::ErrorBody, description = "It is switched off"),
))]
pub async fn swagger(request: HttpRequest, app: Data<AppState>) -> ApiResult<HttpResponse> {
    page(&app, &request, &SWAGGER)
}

/// The documentation of the API, to read it (ReDoc).
#[utoipa::path(get, path = "/redoc", tag = "docs", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
    (status = 404, body = super::super::error::ErrorBody, description = "It is switched off"),
))]
pub async fn redoc(request: HttpRequest, app: Data<AppState>) -> ApiResult<HttpResponse> {
    page(&app, &request, &REDOC)
}

fn page(app: &AppState, request: &HttpRequest, tool: &Tool) -> ApiResult<HttpResponse> {
    openapi::shown(app)?;
    let language = panel::language_of_browser(request);
    let is_here = |other: &Tool| other.path == tool.path;
    let page = DocsPage {
        tag: language.pick("zh-CN", "en"),
        title: language.pick("接口文档", "Documentation of the API"),
        back: language.pick("返回面板", "Back to the panel"),
        tokens: language.pick("访问令牌", "Tokens"),
        tabs: [
            (SWAGGER.path, language.pick("试用", "To try"), is_here(&SWAGGER)),
            (REDOC.path, language.pick("阅读", "To read"), is_here(&REDOC)),
        ],
        icon: href("img/icon.svg"),
        style: tool.style.map(href).unwrap_or_default(),
        head_style: href("css/docs.css"),
        library: href(tool.library),
        script: href(tool.script),
    };
    let mut response = show(StatusCode::OK, &page)?;
    if let Ok(policy) = policy().parse() {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// That of every page, but for what [`LOOSER`] names. Inline scripts stay forbidden.
fn policy() -> String {
    LOOSER.iter().fold(hygiene::CONTENT_SECURITY.to_owned(), |policy, (strict, loose)| policy.replace(strict, loose))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_looser_policy_still_forbids_inline_scripts_and_foreign_servers() {
        let policy = policy();
        assert!(LOOSER.iter().all(|(_, loose)| policy.contains(loose)), "{policy}");
        assert!(policy.contains("script-src 'self';") && policy.contains("default-src 'none'"), "{policy}");
        assert!(!policy.contains("http") && !policy.contains('*') && !policy.contains("unsafe-eval"), "{policy}");
    }
}
