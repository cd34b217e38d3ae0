//! `/api/v1/me/welcome`: how far somebody is with setting up: the first account, a rule, a trial of it, a channel for notices.

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::{
    AppState,
    error::ApiResult,
    gate::Caller,
    input::{Body, Few},
};
use crate::{
    store::{
        DbConn, QueryResult,
        audit::{self, Deed},
        welcome::{self, State, Step},
    },
    telemetry::clock,
};

/// How far somebody is with setting up.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct WelcomeView {
    /// In the order in which they are taken.
    pub(in crate::web) steps: Vec<WelcomeStepView>,
}

/// A step of setting up. What is there tells whether it is done.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct WelcomeStepView {
    pub(in crate::web) step: Step,
    pub(in crate::web) state: State,
}

/// What is done with steps; what is absent stays as it is.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"skip": ["channel"]}))]
pub struct WelcomePatch {
    /// Left out: nobody is reminded of them.
    #[serde(default)]
    #[schema(inline)]
    skip: Few<Step, 4>,
    /// Wanted after all.
    #[serde(default)]
    #[schema(inline)]
    resume: Few<Step, 4>,
    /// `true`: the trial was made. Nothing else that is stored tells of it.
    #[serde(default)]
    tried: bool,
}

/// How far one is with setting up.
#[utoipa::path(get, path = "/api/v1/me/welcome", tag = "welcome", responses((status = 200, body = WelcomeView)))]
pub async fn get(caller: Caller, app: Data<AppState>) -> ApiResult<Json<WelcomeView>> {
    Ok(Json(app.store.read(move |conn| read(conn, &caller)).await?))
}

/// Leaves steps out, takes them up again, or notes that an answer was tried.
#[utoipa::path(patch, path = "/api/v1/me/welcome", tag = "welcome", request_body = WelcomePatch, responses((status = 200, body = WelcomeView)))]
pub async fn update(caller: Caller, body: Body<WelcomePatch>, app: Data<AppState>) -> ApiResult<Json<WelcomeView>> {
    let WelcomePatch { skip, resume, tried } = body.0;
    let (user, now) = (caller.user.id, clock::unix());
    let job = move |conn: &mut DbConn| {
        for step in resume.into_vec() {
            welcome::resume(conn, user, step)?;
        }
        for step in skip.into_vec() {
            welcome::skip(conn, user, step)?;
        }
        if tried {
            welcome::note_done(conn, user, Step::Trial)?;
        }
        let view = read(conn, &caller)?;
        let deed = Deed::new("user.welcome", user).of(caller.scope.user());
        audit::record(conn, &caller.actor(), &deed, now)?;
        Ok(view)
    };
    Ok(Json(app.store.write(job).await?))
}

fn read(conn: &mut DbConn, caller: &Caller) -> QueryResult<WelcomeView> {
    let steps = welcome::list(conn, &caller.scope, caller.user.id)?;
    Ok(WelcomeView { steps: steps.into_iter().map(|(step, state)| WelcomeStepView { step, state }).collect() })
}
