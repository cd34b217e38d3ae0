//! Where a notice about an account leads: to exactly the step that mends it.

use actix_web::{HttpResponse, web::Data};

use super::{
    super::{AppState, api::challenges::path, error::ApiResult, gate::Caller, input::Id, pages},
    login,
};
use crate::{
    account::state::Reason,
    ids::{AccountId, ChallengeId, Timestamp},
    store::{DbConn, account_states, accounts, challenges},
};

/// Leads to the step that an account needs of a person.
#[utoipa::path(get, path = "/app/accounts/{id}/mend", tag = "pages", params(("id" = i64, Path)), responses(
    (status = 303, description = "To the verification, to the page for a new login, or to what is known of the account where it needs nobody"),
))]
pub async fn mend(caller: Caller, id: Id<AccountId>, app: Data<AppState>) -> ApiResult<HttpResponse> {
    let (id, scope) = (id.0, caller.scope);
    let read = move |conn: &mut DbConn| {
        accounts::get(conn, &scope, id)?;
        // One that is over offers to begin again.
        Ok((account_states::find(conn, &scope, id)?, challenges::latest(conn, id, Timestamp(0))?))
    };
    let (status, challenge) = app.store.read(read).await?;
    Ok(pages::lead_to(&step(id, status.map(|status| status.reason), challenge.as_ref())))
}

/// Where the step is that an account in this trouble needs of a person; empty: none.
pub(super) fn link(id: AccountId, reason: Reason) -> String {
    let wants_challenge = reason == Reason::ChallengeRequired;
    let helps = wants_challenge || step(id, Some(reason), None) != account_path(id);
    if helps { format!("{}/mend", account_path(id)) } else { String::new() }
}

fn step(id: AccountId, reason: Option<Reason>, challenge: Option<&ChallengeId>) -> String {
    match (reason, challenge) {
        (Some(Reason::ChallengeRequired), Some(challenge)) => path(challenge),
        // Without an address of the platform's the cookie is all that helps.
        (Some(Reason::ChallengeRequired), None)
        | (
            Some(Reason::SessionExpired | Reason::CookieUnusable | Reason::AccessDenied | Reason::TokenBudgetSpent),
            _,
        ) => format!("{}?account={id}", login::PAGE),
        _ => account_path(id),
    }
}

/// Where an account is shown.
fn account_path(id: AccountId) -> String {
    format!("/app/accounts/{id}")
}
