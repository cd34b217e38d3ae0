//! A POST that is sent again with the same `Idempotency-Key` and the same credential is done once and answered as the first time, but
//! for secrets that are shown once: those are in no kept answer.
//!
//! The key is claimed before the work and the answer is kept, sealed, for a day. A refusal that changed nothing sets the key free. Where
//! the process ended in between nobody knows what was done, and that is what a repeated request is told.

use actix_web::{
    Error, HttpMessage as _, HttpResponse,
    body::{BoxBody, EitherBody, MessageBody, to_bytes},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use ring::digest::{Context, SHA256};

use super::{
    AppState,
    error::{ApiError, ApiResult, Code, Said},
    gate::SignedIn,
    input::{MAX_BODY, body_limit, collect_up_to, patience_for_files, whole_body},
    refusals::takes_key,
    route_of,
};
use crate::{
    ids::UserId,
    store::idempotency_keys::{self, Claim},
    telemetry::clock,
};

/// The header of the request.
pub const HEADER: &str = "idempotency-key";
/// Says that an answer is a kept one.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// What these answer is shown once. It is kept nowhere, and a repeated request is told that it was answered.
const SHOWN_ONCE: [&str; 2] = ["/api/v1/tokens", "/api/v1/me/second-factor"];

/// Whose key it is, and for which address it was used.
struct Keyed {
    user: UserId,
    key: String,
    is_shown_once: bool,
}

/// Innermost: right around the handlers of POST.
pub(super) async fn once<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let takes_key = route_of(request.request()).is_some_and(takes_key);
    let key = request.headers().get(HEADER).cloned().filter(|_| takes_key);
    let user = request.extensions().get::<SignedIn>().map(|signed_in| signed_in.0.user.id);
    let (Some(key), Some(user), Some(app)) = (key, user, request.app_data::<Data<AppState>>().cloned()) else {
        return Ok(next.call(request).await?.map_into_left_body());
    };
    match claim(&mut request, &app, user, &key).await {
        Ok((keyed, Claim::New)) => {
            let response = next.call(request).await?;
            keep(response, &app, keyed).await
        }
        Ok((keyed, claim)) => {
            let response = replay(&app, &keyed, claim).unwrap_or_else(HttpResponse::from_error);
            Ok(request.into_response(response).map_into_right_body())
        }
        Err(refusal) => Ok(request.into_response(HttpResponse::from_error(refusal)).map_into_right_body()),
    }
}

async fn claim(
    request: &mut ServiceRequest,
    app: &AppState,
    user: UserId,
    key: &HeaderValue,
) -> ApiResult<(Keyed, Claim)> {
    let key = key.to_str().ok().filter(|key| is_key(key)).ok_or_else(bad_key)?.to_owned();
    let (limit, mut patience) = (body_limit(request.path()), app.settings.server.client_timeout);
    if limit > MAX_BODY {
        patience = patience_for_files(request.request());
    }
    let body = collect_up_to(limit, request.take_payload(), patience).await?.freeze();
    let fingerprint = fingerprint(request, &body);
    request.set_payload(whole_body(body));
    let (name, now) = (key.clone(), clock::unix());
    let claim = app.store.write(move |conn| idempotency_keys::claim(conn, user, &name, &fingerprint, now)).await?;
    Ok((Keyed { user, key, is_shown_once: SHOWN_ONCE.contains(&request.path()) }, claim))
}

fn is_key(key: &str) -> bool {
    (1..=128).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic())
}

fn bad_key() -> ApiError {
    let said = Said::new("须为 1 到 128 个可见 ASCII 字符", "must have 1 to 128 visible ASCII characters");
    ApiError::from(Code::InvalidHeader).at("Idempotency-Key").because(said)
}

fn fingerprint(request: &ServiceRequest, body: &[u8]) -> Vec<u8> {
    let mut context = Context::new(&SHA256);
    if let Some(signed_in) = request.extensions().get::<SignedIn>() {
        context.update(signed_in.0.credential_mark());
    }
    for part in [request.path().as_bytes(), b"?", request.query_string().as_bytes(), b"\n", body] {
        context.update(part);
    }
    context.finish().as_ref().to_vec()
}

fn replay(app: &AppState, keyed: &Keyed, claim: Claim) -> ApiResult<HttpResponse> {
    let (status, body) = match claim {
        Claim::Answered { status, body } => (status, body),
        Claim::Other => return Err(ApiError::from(Code::KeyReused).at("Idempotency-Key")),
        Claim::New | Claim::Unanswered => {
            return Err(ApiError::from(Code::KeyBusy).at("Idempotency-Key").retry_after(5));
        }
    };
    let body =
        app.store.keys().open(&idempotency_keys::place(keyed.user, &keyed.key), &body).map_err(|_| Code::Internal)?;
    if keyed.is_shown_once {
        let said =
            Said::new("该请求已经完成；其中的密钥只显示一次", "it was done already, and its secret is shown once");
        return Err(ApiError::from(Code::WrongState).because(said));
    }
    let status = StatusCode::from_u16(status).map_err(|_| Code::Internal)?;
    let mut response = HttpResponse::build(status);
    response.insert_header((REPLAYED, "true"));
    let (tag, body) = body.expose().split_once('\n').unwrap_or_default();
    if !tag.is_empty() {
        response.insert_header((ETAG, tag));
    }
    if body.is_empty() {
        return Ok(response.finish());
    }
    Ok(response.insert_header((CONTENT_TYPE, "application/json")).body(body.to_owned()))
}

async fn keep<B: MessageBody + 'static>(
    response: ServiceResponse<B>,
    app: &AppState,
    keyed: Keyed,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    if !response.status().is_success() {
        set_free(&response, app, keyed).await;
        return Ok(response.map_into_left_body());
    }
    let status = response.status().as_u16();
    let (request, response) = response.into_parts();
    let (head, body) = response.into_parts();
    let body = to_bytes(body).await.map_err(|_| Code::Internal).map_err(ApiError::from)?;
    let tag = head.headers().get(ETAG).map_or(&b""[..], HeaderValue::as_bytes);
    let shown_again: &[u8] = if keyed.is_shown_once { b"" } else { &body };
    let kept = [tag, b"\n", shown_again].concat();
    let sealed = app.store.keys().seal(&idempotency_keys::place(keyed.user, &keyed.key), &kept);
    let kept =
        app.store.write(move |conn| idempotency_keys::answer(conn, keyed.user, &keyed.key, status, &sealed)).await;
    if let Err(error) = kept {
        log::warn!(class = "database"; "an answer could not be kept for a repeated request: {error}");
    }
    let response = head.set_body(BoxBody::new(body));
    Ok(ServiceResponse::new(request, response).map_into_right_body())
}

/// Only where it is certain that nothing was done.
async fn set_free<B>(response: &ServiceResponse<B>, app: &AppState, keyed: Keyed) {
    let code = response.response().extensions().get::<ApiError>().map(ApiError::code);
    let nothing_done = matches!(
        code,
        Some(code) if code.status().is_client_error() || matches!(code, Code::DatabaseUnavailable | Code::Overloaded)
    );
    if !nothing_done {
        return;
    }
    let freed = app.store.write(move |conn| idempotency_keys::release(conn, keyed.user, &keyed.key)).await;
    if let Err(error) = freed {
        log::warn!(class = "database"; "a key of a refused request could not be set free: {error}");
    }
}
