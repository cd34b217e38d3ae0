//! `/api/v1/logins`: how an account gets in, from a code that a phone scans or a pasted cookie to its connection.

use std::io::Cursor;

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, CONTENT_TYPE},
    web::{Data, Json, Path},
};
use image::{ImageFormat, Luma};
use qrcode::{EcLevel, QrCode, render::svg};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Language, Said},
        gate::Caller,
        input::{Body, Line, Query, SecretText, Whole},
        page::{Page, PageNumber, Paging, PerPage},
    },
    account_care::read_proxy,
    accounts::{PastedCookie, check_reach, read_cookie},
};
use crate::{
    account::login::{
        LoginId, Step,
        actor::{BeginLogin, EndLogin, FindLogin, ListLogins, LoginState, NotBegun, Wanted, Who},
    },
    ids::{AccountId, Timestamp},
    store::{
        Scope,
        audit::{self, Deed},
    },
    telemetry::clock,
};

/// Pixels of one square of a code.
const SQUARE: u32 = 8;

/// How an account gets in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LoginKind {
    /// A code that the seller's phone scans.
    Qr,
    /// A cookie of a browser that is logged in.
    Cookies,
}

/// A login to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "qr", "name": "shop-1"}))]
pub struct NewLogin {
    #[schema(inline)]
    kind: LoginKind,
    /// For `cookies`: in any form in which it can be copied from a browser. Never shown again.
    cookie: Option<PastedCookie>,
    /// The account that is to have the login; without it the one of that seller, or a new one.
    account_id: Option<Whole<1, { i64::MAX }>>,
    /// Of a new account; without it, as the platform calls the seller.
    name: Option<Line<1, 64>>,
    /// How the platform is reached, by a new account from then on as well: `http://…` or `socks5://…`. Never shown again in full.
    proxy: Option<SecretText<1024>>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LoginsQuery {
    #[param(inline)]
    page: Option<PageNumber>,
    #[param(inline)]
    per_page: Option<PerPage>,
}

/// Where a login stands, and what is to be done next.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AccountLoginView)]
pub struct LoginView {
    /// Only who began the login can do anything with it.
    #[schema(example = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08")]
    pub(in crate::web) id: String,
    #[schema(example = "qr")]
    pub(in crate::web) kind: &'static str,
    /// `preparing`, `qr`, `check`, `proving`, `challenge`, `complete` or `failed`.
    #[schema(example = "qr")]
    pub(in crate::web) step: &'static str,
    /// With `qr`: whether the code was scanned and is to be confirmed.
    pub(in crate::web) scanned: Option<bool>,
    /// With `qr`: which code of this login it is; an old one is replaced by a fresh one.
    pub(in crate::web) code_number: Option<u32>,
    /// With `qr`: the addresses of the code's picture, as SVG and as PNG.
    pub(in crate::web) code_svg: Option<String>,
    pub(in crate::web) code_png: Option<String>,
    /// With `check`: the platform's page on which the seller shows who they are. To be opened in a browser of the seller's own.
    pub(in crate::web) check_url: Option<String>,
    /// With `failed`: why. Stable: programs may rely on it.
    pub(in crate::web) reason: Option<&'static str>,
    /// What is going on, in the language of `Accept-Language` (`zh` or `en`).
    #[schema(example = "The code is ready.")]
    pub(in crate::web) sentence: &'static str,
    /// What the person does next.
    #[schema(example = "Open Xianyu on your phone and scan the code.")]
    pub(in crate::web) next: &'static str,
    /// With `challenge` and `complete`.
    #[schema(value_type = Option<i64>)]
    pub(in crate::web) account_id: Option<AccountId>,
    /// With `complete`: whether the account was added by it.
    pub(in crate::web) is_new: Option<bool>,
    /// Who the platform says they are, to be recognised by; `null` until it was asked.
    pub(in crate::web) nickname: Option<String>,
    pub(in crate::web) picture: Option<String>,
    #[schema(value_type = i64)]
    pub(in crate::web) begun_at: Timestamp,
    /// Until then it is to be finished, or when it ended.
    #[schema(value_type = i64)]
    pub(in crate::web) expires_at: Timestamp,
}

impl LoginView {
    fn new(state: LoginState, language: Language) -> Self {
        let LoginState { id, kind, step, codes, nickname, picture, begun_at, expires_at } = state;
        let [sentence, next] = step.sentences().map(|(zh, en)| match language {
            Language::Chinese => zh,
            Language::English => en,
        });
        let code = |ending: &str| matches!(step, Step::Qr { .. }).then(|| format!("/api/v1/logins/{id}/code.{ending}"));
        Self {
            kind: kind.as_str(),
            step: step.name(),
            scanned: match step {
                Step::Qr { is_scanned, .. } => Some(is_scanned),
                _ => None,
            },
            code_number: matches!(step, Step::Qr { .. }).then_some(codes),
            code_svg: code("svg"),
            code_png: code("png"),
            check_url: match &step {
                Step::Check { url } => Some(url.clone()),
                _ => None,
            },
            reason: match step {
                Step::Failed(fault) => Some(fault.as_str()),
                _ => None,
            },
            sentence,
            next,
            account_id: match step {
                Step::Challenge { account } | Step::Complete { account, .. } => Some(account),
                _ => None,
            },
            is_new: match step {
                Step::Complete { is_new, .. } => Some(is_new),
                _ => None,
            },
            nickname,
            picture,
            begun_at,
            expires_at,
            id: id.to_string(),
        }
    }
}

/// Begins a login: shows a code to be scanned, or proves a cookie. What becomes of it is read from its address, every other second; nothing
/// is stored before the platform accepted it. At most three of one person run at a time: a fourth ends the oldest.
#[utoipa::path(post, path = "/api/v1/logins", tag = "logins", request_body = NewLogin, responses((status = 201, body = LoginView)))]
pub async fn begin(caller: Caller, body: Body<NewLogin>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let view = start(&app, &caller, body.0).await?;
    Ok(HttpResponse::Created().json(view))
}

pub(in crate::web) async fn start(app: &AppState, caller: &Caller, new: NewLogin) -> ApiResult<LoginView> {
    let NewLogin { kind, cookie, account_id, name, proxy } = new;
    let account = account_id.map(|id| AccountId(id.get()));
    let scope: Scope = match account {
        // Whoever manages one account may log it in anew; a new one is of the owner as a whole.
        Some(id) => {
            check_reach(app, caller, id).await?;
            caller.scope
        }
        None => caller.whole()?,
    };
    let wanted = match (kind, cookie) {
        (LoginKind::Qr, None) => Wanted::Qr,
        (LoginKind::Cookies, Some(cookie)) => Wanted::Cookies(read_cookie(&cookie)?.1),
        (LoginKind::Qr, Some(_)) => {
            return Err(ApiError::field("cookie", Said::new("扫码登录不需要 Cookie", "a code needs no cookie")));
        }
        (LoginKind::Cookies, None) => {
            return Err(ApiError::field("cookie", Said::new("请粘贴 Cookie", "is needed")));
        }
    };
    let proxy = proxy.map(|text| read_proxy(&text)).transpose()?;
    let who = Who { user: caller.user.id, scope, actor: caller.actor() };
    let begin = BeginLogin { who, wanted, account, name: name.map(Line::into_string), proxy };
    let state = match app.logins.send(begin).await? {
        Ok(state) => state,
        Err(NotBegun::TooMany) => return Err(Code::TooManyRequests.into()),
    };
    note(app, caller, "login.begin", &state).await?;
    Ok(LoginView::new(state, caller.language))
}

/// The audit has who began and ended what; a login has no row of its own.
async fn note(app: &AppState, caller: &Caller, action: &'static str, state: &LoginState) -> ApiResult<()> {
    let (actor, now) = (caller.actor(), clock::unix());
    let after = serde_json::json!({"kind": state.kind.as_str(), "step": state.step.name()});
    let deed = Deed::new(action, caller.user.id).of(caller.scope.user()).after(after);
    Ok(app.store.write(move |conn| audit::record(conn, &actor, &deed, now)).await?)
}

/// One's own logins, the newest first: also for a browser that was closed meanwhile. What ended is shown for ten minutes more.
#[utoipa::path(get, path = "/api/v1/logins", tag = "logins", params(LoginsQuery), responses((status = 200, body = Page<LoginView>)))]
pub async fn list(caller: Caller, query: Query<LoginsQuery>, app: Data<AppState>) -> ApiResult<Json<Page<LoginView>>> {
    let states = app.logins.send(ListLogins(caller.user.id)).await?;
    let views = states.into_iter().map(|state| LoginView::new(state, caller.language)).collect();
    Ok(Json(Paging::new(query.0.page, query.0.per_page).cut(views)))
}

pub(in crate::web) async fn find(app: &AppState, caller: &Caller, id: &str) -> ApiResult<LoginState> {
    let id = LoginId::parse(id).ok_or(Code::NotFound)?;
    let found = app.logins.send(FindLogin { user: caller.user.id, id }).await?;
    found.ok_or_else(|| Code::NotFound.into())
}

/// Where a login of one's own stands.
#[utoipa::path(get, path = "/api/v1/logins/{id}", tag = "logins", params(("id" = String, Path)), responses((status = 200, body = LoginView)))]
pub async fn get(caller: Caller, id: Path<String>, app: Data<AppState>) -> ApiResult<Json<LoginView>> {
    Ok(Json(LoginView::new(find(&app, &caller, &id).await?, caller.language)))
}

/// Ends a login of one's own. What it stored stays.
#[utoipa::path(delete, path = "/api/v1/logins/{id}", tag = "logins", params(("id" = String, Path)), responses((status = 204, description = "Ended")))]
pub async fn end(caller: Caller, id: Path<String>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let state = find(&app, &caller, &id).await?;
    if !app.logins.send(EndLogin { user: caller.user.id, id: state.id.clone() }).await? {
        return Err(Code::NotFound.into());
    }
    note(&app, &caller, "login.end", &state).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The code as a picture of lines, while there is one to be scanned.
#[utoipa::path(get, path = "/api/v1/logins/{id}/code.svg", tag = "logins", params(("id" = String, Path)),
    responses((status = 200, content_type = "image/svg+xml", body = String), (status = 409, body = super::super::error::ErrorBody, description = "There is no code now")))]
pub async fn code_svg(caller: Caller, id: Path<String>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let code = code(&app, &caller, &id).await?;
    let picture = code.render::<svg::Color<'_>>().min_dimensions(240, 240).build();
    Ok(shown("image/svg+xml", picture.into_bytes()))
}

/// The code as a picture of points, while there is one to be scanned.
#[utoipa::path(get, path = "/api/v1/logins/{id}/code.png", tag = "logins", params(("id" = String, Path)),
    responses((status = 200, content_type = "image/png", body = Vec<u8>), (status = 409, body = super::super::error::ErrorBody, description = "There is no code now")))]
pub async fn code_png(caller: Caller, id: Path<String>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let code = code(&app, &caller, &id).await?;
    Ok(shown("image/png", png(&code)?))
}

async fn code(app: &AppState, caller: &Caller, id: &str) -> ApiResult<QrCode> {
    let state = find(app, caller, id).await?;
    let Some(content) = state.step.code() else {
        return Err(ApiError::from(Code::WrongState).with("state", state.step.name()));
    };
    QrCode::with_error_correction_level(content, EcLevel::M).map_err(|_| Code::Internal.into())
}

fn png(code: &QrCode) -> ApiResult<Vec<u8>> {
    let picture = code.render::<Luma<u8>>().module_dimensions(SQUARE, SQUARE).build();
    let mut bytes = Vec::new();
    picture.write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png).map_err(|_| Code::Internal)?;
    Ok(bytes)
}

/// A code is a key for a few minutes: nothing keeps it.
fn shown(mime: &'static str, picture: Vec<u8>) -> HttpResponse {
    HttpResponse::Ok().insert_header((CONTENT_TYPE, mime)).insert_header((CACHE_CONTROL, "no-store")).body(picture)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Squares around a code, as the standard has it.
    const QUIET: u32 = 4;

    #[test]
    fn the_picture_has_the_squares_of_the_code_and_quiet_around_them() {
        let code = QrCode::with_error_correction_level("https://passport.example.invalid/qr?x=1", EcLevel::M).unwrap();
        let picture = image::load_from_memory(&png(&code).unwrap()).unwrap().to_luma8();
        let squares = u32::try_from(code.width()).unwrap();
        assert_eq!(picture.width(), (squares + 2 * QUIET) * SQUARE);
        let at = |x: u32, y: u32| picture.get_pixel((x + QUIET) * SQUARE + 1, (y + QUIET) * SQUARE + 1).0[0] == 0;
        for (x, y) in (0..squares).flat_map(|x| (0..squares).map(move |y| (x, y))) {
            assert_eq!(at(x, y), code[(x as usize, y as usize)] == qrcode::Color::Dark, "{x}, {y}");
        }
        assert_eq!(picture.get_pixel(QUIET * SQUARE - 1, QUIET * SQUARE).0, [255]);
    }
}
