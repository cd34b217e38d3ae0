//! The documentation of the API for people: Swagger UI to try it out, ReDoc to read it. Everything comes from this server.

use actix_web::{
    HttpResponse,
    http::{StatusCode, header::CONTENT_SECURITY_POLICY},
    web::Data,
};
use askama::Template;

use super::{
    super::{AppState, error::ApiResult, hygiene, openapi, static_files::href},
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
    icon: String,
    style: String,
    library: String,
    script: String,
}

/// The documentation of the API, to try it out (Swagger UI).
#[utoipa::path(get, path = "/docs", tag = "docs", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
    (status = 404, body = super::super::error::ErrorBody, description = "It is switched off"),
))]
pub async fn swagger(app: Data<AppState>) -> ApiResult<HttpResponse> {
    page(&app, ["vendor/swagger-ui/swagger-ui.css", "vendor/swagger-ui/swagger-ui-bundle.js", "js/docs.js"])
}

/// The documentation of the API, to read it (ReDoc).
#[utoipa::path(get, path = "/redoc", tag = "docs", responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
    (status = 404, body = super::super::error::ErrorBody, description = "It is switched off"),
))]
pub async fn redoc(app: Data<AppState>) -> ApiResult<HttpResponse> {
    page(&app, ["css/redoc.css", "vendor/redoc/redoc.standalone.js", "js/redoc.js"])
}

fn page(app: &AppState, [style, library, script]: [&str; 3]) -> ApiResult<HttpResponse> {
    openapi::shown(app)?;
    let page =
        DocsPage { icon: href("img/icon.svg"), style: href(style), library: href(library), script: href(script) };
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
