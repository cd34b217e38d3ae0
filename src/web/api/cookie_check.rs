//! `/api/v1/logins/cookie-check`: what a pasted cookie lacks, told while it is being pasted.

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Code, Language, Said},
        gate::Caller,
        input::{Body, Whole},
    },
    accounts::{self, PastedCookie, said},
};
use crate::{
    ids::{AccountId, BuyerId},
    platform::{
        cookie_paste::{self, PasteFault},
        cookies::Cookies,
    },
};

/// A cookie to be looked at.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"cookie": "unb=2200000000001; t=1"}))]
pub struct CookieCheckBody {
    /// In any form in which a new account takes it.
    cookie: PastedCookie,
    /// The account that is to have the login.
    account_id: Option<Whole<1, { i64::MAX }>>,
}

/// What can be told of a cookie without asking the platform. It holds no value of the cookie but the seller's number.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CookieCheckView {
    /// A login may be begun with it. Only the platform knows whether it is still good.
    pub(in crate::web) usable: bool,
    /// Why not, in the language of `Accept-Language` (`zh` or `en`).
    #[schema(example = "the cookie lacks cookie2; copy it from a browser that is logged in")]
    pub(in crate::web) problem: Option<String>,
    /// Whose login it is, as the platform numbers people.
    #[schema(value_type = Option<String>, example = json!(null))]
    pub(in crate::web) seller_id: Option<BuyerId>,
    /// Empty where there is no cookie in the text.
    pub(in crate::web) parts: Vec<CookiePartView>,
}

/// A part that matters.
#[derive(Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CookiePartView {
    #[schema(example = "cookie2")]
    pub(in crate::web) name: &'static str,
    pub(in crate::web) present: bool,
    /// There is no login without it.
    pub(in crate::web) required: bool,
    /// What it is for.
    #[schema(example = "the login itself")]
    pub(in crate::web) purpose: String,
}

/// Says what a pasted cookie lacks, without asking the platform and without storing anything.
#[utoipa::path(post, path = "/api/v1/logins/cookie-check", tag = "logins", request_body = CookieCheckBody, responses((status = 200, body = CookieCheckView)))]
pub async fn check_cookie(
    caller: Caller,
    body: Body<CookieCheckBody>,
    app: Data<AppState>,
) -> ApiResult<Json<CookieCheckView>> {
    let CookieCheckBody { cookie, account_id } = body.0;
    let known = match account_id {
        Some(id) => Some(accounts::shown(&app, &caller, AccountId(id.get())).await?.platform_uid),
        None => None,
    };
    Ok(Json(look(cookie.expose(), known.as_ref(), caller.language)))
}

/// `known`: whose account is to have it.
fn look(text: &str, known: Option<&BuyerId>, language: Language) -> CookieCheckView {
    let unusable = |fault: &PasteFault, parts| CookieCheckView {
        usable: false,
        problem: Some(said(fault).in_language(language).to_owned()),
        seller_id: None,
        parts,
    };
    let (kind, cookies) = match cookie_paste::find(text) {
        Ok(found) => found,
        Err(fault) => return unusable(&fault, Vec::new()),
    };
    let parts = parts(&cookies, language);
    let seller = match cookies.seller() {
        Ok(seller) => seller,
        Err(fault) => return unusable(&PasteFault::NoLogin { kind, fault }, parts),
    };
    let is_another = known.is_some_and(|known| *known != seller);
    let differs = || ApiError::from(Code::PlatformUserDiffers).body(language).message;
    CookieCheckView { usable: !is_another, problem: is_another.then(differs), seller_id: Some(seller), parts }
}

fn parts(cookies: &Cookies, language: Language) -> Vec<CookiePartView> {
    let missing = cookies.missing();
    let required = |name, purpose: Said| CookiePartView {
        name,
        present: !missing.contains(&name),
        required: true,
        purpose: purpose.in_language(language).to_owned(),
    };
    let signs =
        Said::new("调用接口的签名，没有时由闲鱼另发", "signs calls; the platform gives one where it is missing");
    vec![
        required("unb", Said::new("您在闲鱼的用户编号", "your number on the platform")),
        required("cookie2", Said::new("登录状态", "the login itself")),
        CookiePartView {
            name: "_m_h5_tk",
            present: !cookies.h5_token().is_empty(),
            required: false,
            purpose: signs.in_language(language).to_owned(),
        },
    ]
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn present(view: &CookieCheckView) -> Vec<&'static str> {
        view.parts.iter().filter(|part| part.present).map(|part| part.name).collect()
    }

    #[test]
    fn what_is_there_and_what_is_missing_is_named_without_a_value() {
        let view = look("unb=2200000000001; t=PLANTED", None, Language::English);
        assert_eq!((view.usable, present(&view)), (false, vec!["unb"]));
        assert!(view.problem.as_deref().unwrap().contains("lacks cookie2"), "{view:?}");
        assert!(!format!("{view:?}").contains("PLANTED"));
        let view = look("unb=2200000000001; cookie2=PLANTED; _m_h5_tk=PLANTED_1", None, Language::Chinese);
        assert_eq!((view.usable, view.problem.as_deref()), (true, None));
        assert_eq!((view.seller_id.as_ref().unwrap().as_str(), present(&view).len()), ("2200000000001", 3));
        assert!(!format!("{view:?}").contains("PLANTED"));
    }

    #[test]
    fn a_text_without_a_cookie_has_no_parts() {
        let view = look("在吗", None, Language::Chinese);
        assert_eq!((view.usable, view.parts.len(), view.seller_id), (false, 0, None));
        assert!(view.problem.unwrap().contains("没有找到 Cookie"));
    }

    #[test]
    fn the_cookie_of_another_seller_is_told_before_it_is_sent() {
        let known = BuyerId::from("2200000000009");
        let view = look("unb=2200000000001; cookie2=x", Some(&known), Language::English);
        assert!(!view.usable && view.problem.is_some_and(|problem| !problem.is_empty()));
        let own = BuyerId::from("2200000000001");
        assert!(look("unb=2200000000001; cookie2=x", Some(&own), Language::English).usable);
    }
}
