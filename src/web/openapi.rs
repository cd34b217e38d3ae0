//! The OpenAPI document, made from the handlers. What holds for every route of a kind (how to sign in, how refusals look) is added here
//! once, from the table of routes.

use std::sync::LazyLock;

use actix_web::{HttpResponse, web::Data};
use serde_json::{Map, Value};
use utoipa::{
    OpenApi as _,
    openapi::{
        Components, Content, InfoBuilder, OpenApi, Ref, ResponseBuilder,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem},
        schema::{ObjectBuilder, Type},
        security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme},
    },
};

use super::{
    AppState, Documented, ROUTES, Route,
    error::{ApiResult, Code},
    gate::{self, Access},
};

static DOCUMENT: LazyLock<Value> = LazyLock::new(written);

/// The OpenAPI document of this server.
#[utoipa::path(get, path = "/api-docs/openapi.json", tag = "docs", responses((status = 200, body = Object)))]
pub async fn json(app: Data<AppState>) -> ApiResult<HttpResponse> {
    shown(&app)?;
    Ok(HttpResponse::Ok().json(&*DOCUMENT))
}

/// Refuses what the documentation switch hides.
pub(super) fn shown(app: &AppState) -> ApiResult<()> {
    if app.settings.server.docs { Ok(()) } else { Err(Code::NotFound.into()) }
}

/// The document as it is served.
fn written() -> Value {
    // What was made from the types can be written as JSON.
    let mut written = serde_json::to_value(document()).unwrap_or_default();
    mend(&mut written);
    written
}

/// A described schema that stands where it is used comes out of the generator as "all of this and of an object", which nothing can be.
fn mend(value: &mut Value) {
    match value {
        Value::Array(parts) => parts.iter_mut().for_each(mend),
        Value::Object(object) => {
            object.values_mut().for_each(mend);
            if let Some(whole) = object.get("allOf").and_then(described) {
                object.remove("allOf");
                object.extend(whole);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The schema and its description in one, where that is what stands here.
fn described(all_of: &Value) -> Option<Map<String, Value>> {
    let [Value::Object(schema), Value::Object(about)] = all_of.as_array()?.as_slice() else { return None };
    let only_describes = about.get("type").is_some_and(|kind| kind == "object")
        && about.keys().all(|key| matches!(key.as_str(), "type" | "description" | "default"));
    let mut whole = schema.clone();
    whole.extend(about.iter().filter(|(key, _)| *key != "type").map(|(key, value)| (key.clone(), value.clone())));
    only_describes.then_some(whole)
}

/// Everything there is to say about the API.
pub fn document() -> OpenApi {
    let mut document = Documented::openapi();
    document.info = InfoBuilder::new()
        .title("Xianyu Auto Reply API")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("闲鱼自动回复系统API"))
        .build();
    let components = document.components.get_or_insert_with(Components::new);
    for (name, scheme) in schemes() {
        components.add_security_scheme(name, scheme);
    }
    for route in ROUTES {
        if let Some(operation) =
            document.paths.paths.get_mut(&route.documented_path()).and_then(|item| operation(item, route))
        {
            complete(operation, route);
        }
    }
    document
}

fn schemes() -> [(&'static str, SecurityScheme); 3] {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token of a session (POST /api/v1/sessions), or an API token that begins with yt_"));
    let cookie = ApiKeyValue::with_description(
        gate::COOKIE,
        "The panel's cookie. Changing requests need the header X-CSRF-Token too",
    );
    let ticket =
        ApiKeyValue::with_description("ticket", "Of POST /api/v1/live/tickets: opens one connection within 30 s");
    [
        ("bearer", SecurityScheme::Http(bearer.build())),
        ("cookie", SecurityScheme::ApiKey(ApiKey::Cookie(cookie))),
        ("ticket", SecurityScheme::ApiKey(ApiKey::Query(ticket))),
    ]
}

fn operation<'a>(item: &'a mut PathItem, route: &Route) -> Option<&'a mut Operation> {
    match route.method {
        "GET" => item.get.as_mut(),
        "POST" => item.post.as_mut(),
        "PUT" => item.put.as_mut(),
        "PATCH" => item.patch.as_mut(),
        "DELETE" => item.delete.as_mut(),
        _ => None,
    }
}

fn complete(operation: &mut Operation, route: &Route) {
    let tag = operation.tags.as_ref().and_then(|tags| tags.first().cloned()).unwrap_or_default();
    operation.operation_id = operation.operation_id.take().map(|name| format!("{tag}_{name}"));
    for status in usual_refusals(operation, route) {
        let refusal = ResponseBuilder::new()
            .description(describe(status))
            .content("application/json", Content::new(Some(Ref::from_schema_name("ErrorBody"))));
        operation.responses.responses.entry(status.to_string()).or_insert_with(|| refusal.into());
    }
    operation.security = match route.access {
        Access::Open | Access::Door => Some(Vec::new()),
        Access::Person | Access::Page | Access::Right(_) | Access::InPerson(_) => Some(require(&["bearer", "cookie"])),
        Access::Live => Some(require(&["bearer", "cookie", "ticket"])),
    };
    if route.method == "POST" && matches!(route.access, Access::Person | Access::Right(_) | Access::InPerson(_)) {
        operation.parameters.get_or_insert_with(Vec::new).push(idempotency_key().into());
    }
}

/// One of them.
fn require(schemes: &[&str]) -> Vec<SecurityRequirement> {
    schemes.iter().map(|scheme| SecurityRequirement::new(*scheme, [] as [&str; 0])).collect()
}

fn idempotency_key() -> Parameter {
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .description(Some(
            "A request repeated with the same key within a day is done once and answered as the first time",
        ))
        .schema(Some(
            ObjectBuilder::new()
                .schema_type(Type::String)
                .min_length(Some(1))
                .max_length(Some(128))
                .pattern(Some("^[!-~]+$")),
        ))
        .build()
}

/// What any route of its kind may be answered with.
fn usual_refusals(operation: &Operation, route: &Route) -> Vec<u16> {
    let mut statuses = vec![400, 404, 421, 429, 500, 503, 507];
    match route.access {
        Access::Open | Access::Door => {}
        Access::Person | Access::Page | Access::Right(_) | Access::InPerson(_) | Access::Live => {
            statuses.extend([401, 403])
        }
    }
    if operation.request_body.is_some() {
        statuses.extend([408, 413, 415, 422]);
    }
    if route.method != "GET" {
        statuses.push(409);
        if !matches!(route.access, Access::Open | Access::Door) && !statuses.contains(&422) {
            statuses.push(422);
        }
    }
    statuses
}

fn describe(status: u16) -> &'static str {
    match status {
        400 => "The request cannot be understood",
        401 => "Not signed in, or the credential is no longer valid",
        403 => "Signed in, but not allowed to",
        404 => "There is no such thing, or it belongs to somebody else",
        408 => "The body did not arrive in time",
        409 => "Its present state, or what is stored, does not allow this",
        413 => "The body is too large",
        415 => "The body is not JSON",
        421 => "The request was meant for another server",
        422 => "A field cannot be accepted; `details.field` names it",
        429 => "Too many requests; `Retry-After` says when to come back",
        503 => "A part of the server does not answer, or is not set up yet",
        507 => "The disk is full",
        _ => "A fault of the server",
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    fn documented(document: &OpenApi) -> BTreeSet<(String, String)> {
        let paths = serde_json::to_value(&document.paths).unwrap();
        let items = paths.as_object().unwrap().iter();
        let verbs = items.flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(|verb| (verb.to_uppercase(), path.clone())).collect::<Vec<_>>()
        });
        verbs.collect()
    }

    #[test]
    fn every_route_is_in_the_document_and_the_other_way_round() {
        let routes: BTreeSet<_> =
            ROUTES.iter().map(|route| (route.method.to_owned(), route.documented_path())).collect();
        assert_eq!(routes.len(), ROUTES.len(), "a route stands twice in the table");
        assert_eq!(documented(&document()), routes);
    }

    #[test]
    fn the_document_says_what_the_seeds_say() {
        let info = document().info;
        assert_eq!(info.title, "Xianyu Auto Reply API");
        assert_eq!(info.version, env!("CARGO_PKG_VERSION"));
        assert_eq!(info.description.as_deref(), Some("闲鱼自动回复系统API"));
    }

    #[test]
    fn every_operation_has_its_own_name_a_sentence_and_an_answer() {
        let document = written();
        let mut names = HashSet::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (verb, operation) in item.as_object().unwrap() {
                let name = operation["operationId"].as_str().unwrap();
                assert!(names.insert(name.to_owned()), "{verb} {path}: {name} is not its own");
                assert!(operation["summary"].is_string(), "{verb} {path} says nothing");
                let statuses = operation["responses"].as_object().unwrap();
                assert!(statuses.keys().any(|status| status.starts_with(['1', '2', '3'])), "{verb} {path}");
            }
        }
    }

    #[test]
    fn a_described_schema_is_one_schema() {
        let mut value =
            serde_json::json!({"allOf": [{"type": "string"}, {"type": "object", "description": "A name."}]});
        mend(&mut value);
        assert_eq!(value, serde_json::json!({"type": "string", "description": "A name."}));
    }

    /// Nothing refers to a schema that is not there.
    #[test]
    fn every_reference_leads_somewhere() {
        let document = written();
        let text = document.to_string();
        for part in text.split("\"$ref\":\"#").skip(1) {
            let pointer = part.split('"').next().unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer} leads nowhere");
        }
    }
}
