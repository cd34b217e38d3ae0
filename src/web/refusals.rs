//! Which refusals the OpenAPI document names for a route: what its kind brings with it, and what single routes may meet.

use std::collections::HashSet;

use serde_json::Value;

use super::{Route, gate::Access};
use crate::access::role::Right;

/// What a request names by these in its body may be absent, or somebody else's. In a query they are filters: what is not there leaves the
/// list empty.
const THINGS: [&str; 7] = ["account", "account_id", "accounts", "conversation", "employer_id", "items", "session_id"];

/// Where tries are counted, or what is sent. At a door they always are.
const LIMITED: &[(&str, &str)] = &[
    ("POST", "/api/v1/setup"),
    ("PATCH", "/api/v1/me"),
    ("PUT", "/api/v1/me/password"),
    ("POST", "/api/v1/me/second-factor"),
    ("DELETE", "/api/v1/me/second-factor"),
    ("POST", "/api/v1/me/second-factor/confirm"),
    ("POST", "/change-admin-password"),
    ("POST", "/api/v1/conversations/{id}/messages"),
    ("POST", "/api/v1/outbox/{id}/retry"),
    ("POST", "/api/v1/items/{account}/{item}/polish"),
    ("POST", "/api/v1/orders/{id}/refresh"),
    ("GET", "/api/v1/live"),
    ("GET", "/api/captcha/ws/{id}"),
    ("POST", "/api/captcha/mouse_event"),
];

/// Where what is stored may stand against it. Where an `Idempotency-Key` may come it always may.
const CONFLICTS: &[(&str, &str)] = &[
    ("POST", "/api/v1/setup"),
    ("POST", "/api/v1/email-codes"),
    ("POST", "/api/v1/registrations"),
    ("PATCH", "/api/v1/me"),
    ("PATCH", "/api/v1/users/{id}"),
    ("DELETE", "/api/v1/users/{id}"),
    ("PUT", "/api/v1/users/{id}/accounts"),
    ("PATCH", "/api/v1/employees/{id}"),
    ("PATCH", "/api/v1/accounts/{id}"),
    ("PUT", "/api/v1/accounts/{id}/credentials"),
    ("PATCH", "/api/v1/items"),
    ("PATCH", "/api/v1/keywords/{id}"),
    ("PATCH", "/api/v1/default-replies/{id}"),
    ("PATCH", "/api/v1/rule-cases/{id}"),
    ("DELETE", "/api/v1/buyers/{buyer_id}"),
    ("DELETE", "/api/v1/pictures/{id}"),
    ("PATCH", "/api/v1/cards/{id}"),
    ("DELETE", "/api/v1/cards/{id}"),
    ("PATCH", "/api/v1/notify/channels/{id}"),
    ("PUT", "/cookies/{id}"),
    ("PUT", "/accounts/{id}"),
    ("PUT", "/keywords/{id}"),
    ("GET", "/api/captcha/screenshot/{id}"),
    ("DELETE", "/api/captcha/session/{id}"),
];

/// Reading these is written down in the audit.
const NOTED: [&str; 9] = [
    "/api/v1/orders/export",
    "/api/v1/orders/{id}",
    "/api/v1/orders/{id}/proof",
    "/api/v1/stats/sales/export",
    "/api/v1/units/{id}",
    "/api/v1/logs/files/{name}",
    "/api/v1/buyers/{buyer_id}/export",
    "/api/v1/rule-sets/{set}/export",
    "/keywords-export/{id}",
];

/// Whether a repeated request may be told by its `Idempotency-Key`. Whoever only looks needs none, and would have every look kept.
pub(super) fn takes_key(route: &Route) -> bool {
    let does_something = match route.access {
        Access::Right(right) => right != Right::Read,
        Access::Person | Access::InPerson(_) => true,
        Access::Open | Access::Door | Access::Page(_) | Access::Live(_) => false,
    };
    route.method == "POST" && does_something
}

/// The statuses of the refusals that a route may answer with, as the document without them describes it.
pub(super) fn of(route: &Route, document: &Value) -> Vec<u16> {
    let operation = &document["paths"][route.documented_path()][route.method.to_lowercase()];
    let (has_body, keyed) = (operation.get("requestBody").is_some(), takes_key(route));
    let listed = |list: &[(&str, &str)]| list.contains(&(route.method, route.path));
    let at_door = matches!(route.access, Access::Door);
    let names_a_thing =
        route.path.contains('{') || fields(operation, document).iter().any(|name| THINGS.contains(name));
    let cases: [(bool, &[u16]); 8] = [
        (true, &[400, 421, 500, 503]),
        (!at_door && !matches!(route.access, Access::Open), &[401, 403]),
        (names_a_thing, &[404]),
        (has_body, &[415]),
        (has_body || keyed, &[408, 413, 422]),
        (keyed || listed(CONFLICTS), &[409]),
        (at_door || listed(LIMITED), &[429]),
        (route.method != "GET" || NOTED.contains(&route.path), &[507]),
    ];
    cases.into_iter().filter(|(applies, _)| *applies).flat_map(|(_, statuses)| statuses.iter().copied()).collect()
}

/// What the request's body consists of.
fn fields<'a>(operation: &'a Value, document: &'a Value) -> HashSet<&'a str> {
    let body = operation.pointer("/requestBody/content/application~1json/schema/$ref").and_then(Value::as_str);
    let body = body.and_then(|place| document.pointer(place.strip_prefix('#')?)?["properties"].as_object());
    body.into_iter().flatten().map(|(name, _)| &**name).collect()
}

/// What the status of a refusal means.
pub(super) fn describe(status: u16) -> &'static str {
    match status {
        400 => "The request cannot be understood",
        401 => "Not signed in, or the credential is no longer valid",
        403 => "Signed in, but not allowed to",
        404 => "There is no such thing, or it belongs to somebody else",
        408 => "The body did not arrive in time",
        409 => "Its present state, or what is stored, does not allow this",
        413 => "The body is too large",
        415 => "The body is not of a type that is accepted here",
        421 => "The request was meant for another server",
        422 => "A field cannot be accepted; `details.field` names it",
        429 => "Too many requests; `Retry-After` says when to come back",
        503 => "A part of the server does not answer, or is not set up yet",
        507 => "The disk is full",
        _ => "A fault of the server",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::{ROUTES, openapi::written};

    fn statuses(method: &str, path: &str) -> Vec<String> {
        let document = written();
        let answers = document["paths"][path][method]["responses"].as_object().cloned().unwrap_or_default();
        answers.into_iter().map(|(status, _)| status).filter(|status| status.starts_with(['4', '5'])).collect()
    }

    #[test]
    fn the_lists_name_routes_of_the_table() {
        let is_there =
            |method: &str, path: &str| ROUTES.iter().any(|route| (route.method, route.path) == (method, path));
        for (method, path) in LIMITED.iter().chain(CONFLICTS) {
            assert!(is_there(method, path), "{method} {path}");
        }
        assert!(NOTED.iter().all(|path| is_there("GET", path)));
    }

    #[test]
    fn a_route_names_the_refusals_it_can_meet_and_no_others() {
        assert_eq!(statuses("get", "/api/v1/me"), ["400", "401", "403", "421", "500", "503"]);
        assert_eq!(statuses("get", "/api/v1/keywords/{id}"), ["400", "401", "403", "404", "421", "500", "503"]);
        assert_eq!(statuses("delete", "/api/v1/tokens/{id}"), ["400", "401", "403", "404", "421", "500", "503", "507"]);
        assert_eq!(statuses("get", "/api/v1/decisions"), ["400", "401", "403", "421", "500", "503"]);
        assert!(statuses("post", "/api/v1/sandbox").contains(&"404".to_owned()));
        assert!(statuses("post", "/api/v1/setup").contains(&"409".to_owned()));
        let of_sign_in = statuses("post", "/api/v1/sessions");
        assert_eq!(of_sign_in, ["400", "401", "408", "413", "415", "421", "422", "429", "500", "503", "507"]);
        let of_new_rule = statuses("post", "/api/v1/keywords");
        let expected = ["400", "401", "403", "404", "408", "409", "413", "415", "421", "422", "500", "503", "507"];
        assert_eq!(of_new_rule, expected);
    }
}
