//! Pages of other sites: they may use the API where `server.cors_origins` lists them, with a token. Cookies never go with their requests.

use actix_web::{
    Error, HttpResponse,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderMap, HeaderValue},
    },
    middleware::Next,
    web::Data,
};

use super::AppState;
use crate::settings::Server;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
const HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-type, accept-language, if-match, idempotency-key, x-request-id");
const EXPOSED: HeaderValue = HeaderValue::from_static("etag, retry-after, x-request-id, idempotency-replayed");
/// Seconds for which a browser need not ask again.
const REMEMBERED: HeaderValue = HeaderValue::from_static("600");

/// Answers the question of a browser whether a page may ask, and tells it which page may read the answer.
pub(super) async fn share<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let origins = request.app_data::<Data<AppState>>().map(|app| app.settings.clone());
    let origins = origins.as_ref().map_or(&[][..], |settings| &settings.server.cors_origins);
    if origins.is_empty() {
        return Ok(next.call(request).await?.map_into_left_body());
    }
    let allowed = allowed(request.headers(), origins);
    let asks_first =
        *request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response = match &allowed {
        Some(_) if asks_first => request.into_response(consent()).map_into_right_body(),
        Some(_) | None => next.call(request).await?.map_into_left_body(),
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(allowed) = allowed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    Ok(response)
}

/// What `Access-Control-Allow-Origin` says to the page that asks, if anything.
fn allowed(headers: &HeaderMap, origins: &[String]) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    if origins.iter().any(|listed| listed == "*") {
        return Some(HeaderValue::from_static("*"));
    }
    origins.iter().any(|listed| listed.as_bytes() == origin.as_bytes()).then(|| origin.clone())
}

/// Whether the page that asks is one of the listed.
pub(super) fn is_listed(headers: &HeaderMap, server: &Server) -> bool {
    allowed(headers, &server.cors_origins).is_some()
}

fn consent() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, REMEMBERED))
        .finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(origin: &'static str, listed: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        let listed: Vec<String> = listed.iter().map(|&origin| origin.to_owned()).collect();
        allowed(&headers, &listed).and_then(|value| value.to_str().ok().map(str::to_owned))
    }

    #[test]
    fn an_origin_is_compared_whole() {
        let listed = ["https://panel.example"];
        assert_eq!(says("https://panel.example", &listed).as_deref(), Some("https://panel.example"));
        for other in ["http://panel.example", "https://panel.example:444", "https://panel.example.evil", "null", ""] {
            assert_eq!(says(other, &listed), None, "{other}");
        }
        assert_eq!(says("https://any.example", &["*"]).as_deref(), Some("*"));
        assert_eq!(allowed(&HeaderMap::new(), &["*".into()]), None);
    }
}
