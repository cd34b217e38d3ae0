//! Where a notice about an account leads: to exactly the step that mends it.

use actix_web::{HttpResponse, web::Data};

use super::{
    super::{AppState, error::ApiResult, gate::Caller, input::Id},
    lead_to, login,
};
use crate::{
    account::state::Reason,
    ids::AccountId,
    store::{DbConn, account_states, accounts},
};

/// Leads to the step that an account needs of a person.
#[utoipa::path(get, path = "/app/accounts/{id}/mend", tag = "pages", params(("id" = i64, Path)), responses(
    (status = 303, description = "To the verification, to the page for a new login, or to what is known of the account where it needs nobody"),
))]
pub async fn mend(caller: Caller, id: Id<AccountId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let (id, scope) = (id.0, caller.scope);
    let read = move |conn: &mut DbConn| {
        accounts::get(conn, &scope, id)?;
        account_states::find(conn, &scope, id)
    };
    let status = app.store.read(read).await?;
    Ok(lead_to(&step(id, status.map(|status| status.reason))))
}

fn step(id: AccountId, reason: Option<Reason>) -> String {
    match reason {
        Some(Reason::ChallengeRequired) => format!("/app/accounts/{id}/challenge"),
        Some(Reason::SessionExpired | Reason::CookieUnusable | Reason::AccessDenied | Reason::TokenBudgetSpent) => {
            format!("{}?account={id}", login::PAGE)
        }
        _ => format!("/api/v1/accounts/{id}/health"),
    }
}
