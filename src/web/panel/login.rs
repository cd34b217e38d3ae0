//! How an account gets in: by a code or by a cookie, with the steps as they happen. A login is found again by its number in the address.

use actix_web::{HttpResponse, http::header::CONTENT_SECURITY_POLICY};
use askama::Template;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::{
    super::{
        api::accounts,
        error::ApiResult,
        hygiene,
        input::{Line, Whole},
    },
    Panel, Place, Shell, WELCOME,
};
use crate::{account::login::LoginId, ids::AccountId};

pub(super) const PAGE: &str = "/app/accounts/new";

/// Where the platform keeps the pictures of its users. The browser takes the seller's own from there: sellers know themselves by it.
const PICTURES: &str = "https://*.alicdn.com";

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct LoginQuery {
    /// The number of a login that was begun.
    #[param(inline)]
    login: Option<Line<0, 64>>,
    /// The account that is to have the login; without it, the one of that seller or a new one.
    #[param(inline)]
    account: Option<Whole<1, { i64::MAX }>>,
    /// Where one came from.
    #[param(inline)]
    back: Option<Back>,
}

/// A page that leads here and goes on afterwards.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = LoginBack)]
pub enum Back {
    Welcome,
}

#[derive(Template)]
#[template(path = "panel/login.html")]
struct LoginPage {
    shell: Shell,
    login: String,
    /// That is to have the login; empty: that of its seller, or a new one.
    account: String,
    account_name: String,
    /// Where one goes on; empty: nowhere.
    back: &'static str,
    /// By the server's clock, in milliseconds.
    now: i64,
}

/// The page on which an account is added, or logged in anew.
#[utoipa::path(get, path = "/app/accounts/new", operation_id = "panel_login", tag = "pages", params(LoginQuery), responses(
    (status = 200, content_type = "text/html", body = String),
    (status = 303, description = "A browser that is not signed in is led to the sign-in page"),
    (status = 404, body = super::super::error::ErrorBody),
))]
pub async fn add_account(panel: Panel) -> ApiResult<HttpResponse> {
    let LoginQuery { login, account, back } = panel.query()?.0;
    let known = match account {
        Some(id) => Some(accounts::shown(&panel.app, &panel.caller, AccountId(id.get())).await?),
        None => None,
    };
    let title = match known {
        Some(_) => panel.t("重新登录账号", "A new login for an account"),
        None => panel.t("添加账号", "Add an account"),
    };
    // The page asks for what stands in its place: nothing else than a login's number may.
    let login = login.as_deref().filter(|id| LoginId::parse(id).is_some()).unwrap_or_default();
    let mut response = panel.show(&LoginPage {
        shell: panel.shell(Place::Accounts, title).await?.alone(),
        login: login.to_owned(),
        account: known.as_ref().map(|account| account.id.to_string()).unwrap_or_default(),
        account_name: known.map(|account| account.name).unwrap_or_default(),
        back: back.map_or("", |Back::Welcome| WELCOME),
        now: panel.now.0,
    })?;
    if let Ok(policy) = policy().parse() {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

/// That of every page, and pictures of the platform.
fn policy() -> String {
    hygiene::CONTENT_SECURITY.replace("img-src", &format!("img-src {PICTURES}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_lets_pictures_of_the_platform_through_and_nothing_else() {
        let policy = policy();
        assert!(policy.contains("img-src https://*.alicdn.com 'self' data:;"), "{policy}");
        assert_eq!(policy.replace(&format!("{PICTURES} "), ""), hygiene::CONTENT_SECURITY);
    }
}
