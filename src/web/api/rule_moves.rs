//! `POST /api/v1/keywords/{id}/move` and `POST /api/v1/event-rules/{id}/move`: a rule before or behind another one of its set. What that means
//! for priorities is the store's.

use actix_web::web::{Data, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    super::{
        AppState,
        error::{ApiError, ApiResult, Said},
        gate::Caller,
        input::{Body, Id, Query},
    },
    keywords::DraftQuery,
    rule_fields::Number,
    rule_sets,
    rule_warnings::{self, Cases, Warned},
};
use crate::{
    ids::RuleId,
    store::{
        DbConn, QueryResult,
        audit::{self, Deed},
        rule_order::{self, Moved, NotMoved, Place, Which},
        rules::Kind,
    },
    telemetry::clock,
};

/// An end of the list.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EndBody {
    First,
    Last,
}

/// Where a rule is to stand among those of its set: one of `before`, `after` and `to`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"before": 7}))]
pub struct MoveBody {
    /// Right before this rule.
    before: Option<Number>,
    /// Right behind this one.
    after: Option<Number>,
    /// Before or behind all others.
    #[schema(inline)]
    to: Option<EndBody>,
}

impl MoveBody {
    fn place(self) -> ApiResult<Place> {
        let id = |number: Number| RuleId(number.get());
        match (self.before.map(id), self.after.map(id), self.to) {
            (Some(other), None, None) => Ok(Place::Before(other)),
            (None, Some(other), None) => Ok(Place::After(other)),
            (None, None, Some(EndBody::First)) => Ok(Place::First),
            (None, None, Some(EndBody::Last)) => Ok(Place::Last),
            (None, None, None) => {
                Err(ApiError::field("before", Said::new("请给出 before、after 或 to", "is needed, or after, or to")))
            }
            (_, _, _) => {
                let said =
                    Said::new("before、after、to 只能有一个", "does not go with another of before, after and to");
                Err(ApiError::field("before", said))
            }
        }
    }
}

/// Where a rule stands now.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct MovedView {
    #[schema(value_type = i64)]
    id: RuleId,
    priority: i32,
    /// Among the rules of its kind in its set, from 1.
    place: usize,
    total: usize,
    /// Rules that got another priority, this one included.
    changed: usize,
}

impl From<&Moved> for MovedView {
    fn from(moved: &Moved) -> Self {
        Self {
            id: moved.rule.id,
            priority: moved.rule.body.priority,
            place: moved.place,
            total: moved.total,
            changed: moved.changes.len(),
        }
    }
}

fn refused(reason: NotMoved, place: Place) -> ApiError {
    match (reason, place) {
        (NotMoved::NotSaved(reason), _) => rule_sets::refused(reason),
        (NotMoved::NoNeighbour, Place::After(_)) => no_neighbour("after"),
        (NotMoved::NoNeighbour, Place::Before(_) | Place::First | Place::Last) => no_neighbour("before"),
    }
}

fn no_neighbour(field: &'static str) -> ApiError {
    let said = Said::new("须为同一组里同类的另一条规则", "must be another rule of the same kind in the same set");
    ApiError::field(field, said)
}

async fn put(
    app: &AppState,
    caller: Caller,
    (id, kind, action): (RuleId, Kind, &'static str),
    draft: DraftQuery,
    body: MoveBody,
) -> ApiResult<Json<Warned<MovedView>>> {
    let (place, scope, now) = (body.place()?, caller.scope, clock::unix());
    let (which, action) =
        if draft.is_draft() { (Which::Prepared, "rule_draft.move") } else { (Which::Published, action) };
    let plan = move |conn: &mut DbConn| rule_order::plan(conn, &scope, (id, kind), place, which);
    let planned = app.turns.read(&app.store, plan).await?.map_err(|reason| refused(reason, place))?;
    let changes = vec![(id, Some(planned.rule.body))];
    let warnings = rule_warnings::of_changes(app, &caller, draft.is_draft(), changes, Cases::Tried).await?;
    let job = move |conn: &mut DbConn| -> QueryResult<ApiResult<MovedView>> {
        let actor = caller.actor();
        let moved = match rule_order::put(conn, &scope, (id, kind), place, which, (&actor, now))? {
            Ok(moved) => moved,
            Err(reason) => return Ok(Err(refused(reason, place))),
        };
        let view = MovedView::from(&moved);
        let deed = Deed::new(action, id).of(scope.user()).after(&view);
        audit::record(conn, &actor, &deed, now)?;
        Ok(Ok(view))
    };
    let view = app.store.write(job).await??;
    super::accounts::notice(app);
    Ok(Json(Warned::new(view, warnings)))
}

/// Puts a keyword rule before or behind another one of its set. It gets a priority between its neighbours; where there is no room, all of
/// its set are numbered anew in steps of 10, in the order that they have. Refused (`wrong_state`) where that would change what has a draft.
#[utoipa::path(post, path = "/api/v1/keywords/{id}/move", operation_id = "move_keyword", tag = "keywords", params(("id" = i64, Path), DraftQuery), request_body = MoveBody, responses((status = 200, body = Warned<MovedView>)))]
pub async fn keyword(
    caller: Caller,
    id: Id<RuleId>,
    query: Query<DraftQuery>,
    body: Body<MoveBody>,
    app: Data<AppState>,
) -> ApiResult<Json<Warned<MovedView>>> {
    put(&app, caller, (id.0, Kind::Keyword, "keyword.move"), query.0, body.0).await
}

/// Puts a rule for an event before or behind another one of its set, as a keyword rule is.
#[utoipa::path(post, path = "/api/v1/event-rules/{id}/move", operation_id = "move_event_rule", tag = "event rules", params(("id" = i64, Path), DraftQuery), request_body = MoveBody, responses((status = 200, body = Warned<MovedView>)))]
pub async fn event_rule(
    caller: Caller,
    id: Id<RuleId>,
    query: Query<DraftQuery>,
    body: Body<MoveBody>,
    app: Data<AppState>,
) -> ApiResult<Json<Warned<MovedView>>> {
    put(&app, caller, (id.0, Kind::Event, "event_rule.move"), query.0, body.0).await
}
