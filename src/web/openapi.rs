//! The OpenAPI document, made from the handlers. What holds for every route of a kind (how to sign in, how refusals look) is added here
//! once, from the table of routes.

use std::sync::LazyLock;

use actix_web::{
    HttpResponse,
    http::header::ContentType,
    web::{Bytes, Data, block},
};
use serde_json::{Map, Value, json};
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
    error::{ApiResult, Code, ErrorBody},
    examples,
    gate::{self, Access},
    refusals,
};

/// What comes with a mark, so that two people who edit it at once do not overwrite each other.
const MARKED: [&str; 18] = [
    "AccountView",
    "PersonView",
    "SettingsView",
    "StopSwitchView",
    "KeywordView",
    "DefaultReplyView",
    "Warned_KeywordView",
    "Warned_DefaultReplyView",
    "ItemPageView",
    "ChannelView",
    "SubscriptionsView",
    "SystemAiView",
    "AccountAiView",
    "SourcesView",
    "HookView",
    "TagsView",
    "DeliveryRuleView",
    "AccountDeliveryView",
];
/// The figures' own kind of credential.
const METRICS: &str = "metrics";

/// As it is sent. It takes tens of milliseconds to make.
static DOCUMENT: LazyLock<Bytes> = LazyLock::new(|| serde_json::to_vec(&written()).unwrap_or_default().into());

/// The OpenAPI document of this server.
#[utoipa::path(get, path = "/api-docs/openapi.json", tag = "docs", responses(
    (status = 200, body = Object, example = json!({"openapi": "3.1.0"})),
    (status = 404, body = ErrorBody, description = "It is switched off"),
))]
pub async fn json(app: Data<AppState>) -> ApiResult<HttpResponse> {
    shown(&app)?;
    let document = block(|| DOCUMENT.clone()).await.map_err(|_| Code::Internal)?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(document))
}

/// Refuses what the documentation switch hides.
pub(super) fn shown(app: &AppState) -> ApiResult<()> {
    if app.settings.server.docs { Ok(()) } else { Err(Code::NotFound.into()) }
}

/// The document as it is served.
pub(super) fn written() -> Value {
    // What was made from the types can be written as JSON.
    let mut written = serde_json::to_value(document()).unwrap_or_default();
    mend(&mut written);
    describe_parameters(&mut written);
    add_headers(&mut written);
    examples::add(&mut written);
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
    // What was made from the types can be written as JSON.
    let described = serde_json::to_value(&document).unwrap_or_default();
    for route in ROUTES {
        if let Some(operation) =
            document.paths.paths.get_mut(&route.documented_path()).and_then(|item| operation(item, route))
        {
            complete(operation, route, &refusals::of(route, &described));
        }
    }
    document
}

fn schemes() -> [(&'static str, SecurityScheme); 4] {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token of a session (POST /api/v1/sessions), or an API token that begins with yt_"));
    let cookie = ApiKeyValue::with_description(
        gate::COOKIE,
        "The panel's cookie. Changing requests need the header X-CSRF-Token too",
    );
    let ticket =
        ApiKeyValue::with_description("ticket", "Of POST /api/v1/live/tickets: opens one connection within 30 s");
    let metrics = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The setting `metrics.token`, and no other"));
    [
        ("bearer", SecurityScheme::Http(bearer.build())),
        (METRICS, SecurityScheme::Http(metrics.build())),
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

fn complete(operation: &mut Operation, route: &Route, refusals: &[u16]) {
    let tag = operation.tags.as_ref().and_then(|tags| tags.first().cloned()).unwrap_or_default();
    operation.operation_id = operation.operation_id.take().map(|name| format!("{tag}_{name}").replace(' ', "_"));
    for &status in refusals {
        let refusal = ResponseBuilder::new()
            .description(refusals::describe(status))
            .content("application/json", Content::new(Some(Ref::from_schema_name("ErrorBody"))));
        operation.responses.responses.entry(status.to_string()).or_insert_with(|| refusal.into());
    }
    operation.security = match route.access {
        Access::Open if route.path == "/metrics" => Some(require(&[METRICS])),
        Access::Open | Access::Door => Some(Vec::new()),
        Access::Person | Access::Page(_) | Access::Right(_) | Access::InPerson(_) => {
            Some(require(&["bearer", "cookie"]))
        }
        Access::Live(_) => Some(require(&["bearer", "cookie", "ticket"])),
    };
    if refusals::takes_key(route) {
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

/// Headers that answers of many routes carry.
fn headers() -> Value {
    json!({
        "RequestId": {"description": "The number of the request, as in the log and the audit", "required": true, "schema": {"type": "string"}},
        "Challenge": {"description": "How to sign in", "required": true, "schema": {"type": "string", "enum": ["Bearer realm=\"yutang\""]}},
        "RetryAfter": {"description": "After so many seconds it is worth trying again", "schema": {"type": "integer", "minimum": 1}},
        "ETag": {"description": "For `If-Match`: a mark of what is there now", "schema": {"type": "string"}},
        "Replayed": {"description": "The answer of the first request with this `Idempotency-Key`", "schema": {"type": "string", "enum": ["true"]}},
    })
}

/// Says which headers come with which answers.
fn add_headers(document: &mut Value) {
    document["components"]["headers"] = headers();
    for operation in operations(document) {
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        let keyed = parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key");
        for (status, answer) in operation["responses"].as_object_mut().into_iter().flatten() {
            let named = named_headers(status, answer, keyed);
            answer["headers"] = named
                .into_iter()
                .map(|(name, part)| (name.to_owned(), json!({"$ref": format!("#/components/headers/{part}")})))
                .collect::<Map<_, _>>()
                .into();
        }
    }
}

/// Each header by its name, and the part of the document that describes it.
fn named_headers(status: &str, answer: &Value, keyed: bool) -> Vec<(&'static str, &'static str)> {
    let schema = answer.pointer("/content/application~1json/schema/$ref").and_then(Value::as_str).unwrap_or_default();
    let schema = schema.rsplit('/').next().unwrap_or_default();
    let is_good = status.starts_with('2');
    let cases = [
        (true, ("X-Request-Id", "RequestId")),
        (status == "401" && schema == "ErrorBody", ("WWW-Authenticate", "Challenge")),
        (matches!(status, "429" | "503") && schema == "ErrorBody", ("Retry-After", "RetryAfter")),
        (is_good && MARKED.contains(&schema), ("ETag", "ETag")),
        (is_good && keyed, ("Idempotency-Replayed", "Replayed")),
    ];
    cases.into_iter().filter(|(applies, _)| *applies).map(|(_, named)| named).collect()
}

fn operations(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let items = document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut());
    items.filter_map(Value::as_object_mut).flat_map(|item| item.values_mut())
}

/// Parameters that mean the same everywhere are described here once.
fn describe_parameters(document: &mut Value) {
    for operation in operations(document) {
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut).into_iter().flatten();
        for parameter in parameters.filter(|parameter| parameter.get("description").is_none()) {
            let said = parameter["name"].as_str().and_then(|name| meaning(name, &parameter["schema"]));
            if let Some(said) = said {
                parameter["description"] = said.into();
            }
        }
    }
}

fn meaning(name: &str, schema: &Value) -> Option<&'static str> {
    Some(match name {
        "page" => "Which page of the list, from 1; the first where nothing is said",
        "per_page" => "How many on a page; 50 where nothing is said",
        "id" if schema["type"] == "string" => "As the list names it: `ACCOUNT.NUMBER`",
        "id" => "Its number, as the list names it",
        "buyer_id" => "The platform's number of the buyer",
        "account" => "Only of this account",
        "rule" => "Only what this rule decided",
        "trigger" => "Only rules that wait for this",
        "number" => "The number of the version",
        "state" => "Only in this state",
        "origin" => "Only what was wanted by this",
        "role" => "Only people of this role",
        "active" => "Only people who may, or may not, sign in",
        "enabled" => "Only what is enabled, or what is not",
        "item" => "Only for this item",
        "match" => "Only rules that look for their keyword in this way",
        "object_id" => "Only what was done to the thing of this number or name",
        "lang" => "The language of the page",
        _ => return None,
    })
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

    #[test]
    fn every_parameter_says_what_it_means_and_every_answer_names_its_headers() {
        let mut document = written();
        for operation in operations(&mut document) {
            let name = &operation["operationId"];
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{name}: {}", parameter["name"]);
            }
            for (status, answer) in operation["responses"].as_object().unwrap() {
                assert!(answer["headers"]["X-Request-Id"].is_object(), "{name} {status}");
            }
        }
        let headers = |path: &str, verb: &str, status: &str| {
            document["paths"][path][verb]["responses"][status]["headers"].clone()
        };
        assert!(headers("/api/v1/accounts/{id}", "get", "200")["ETag"].is_object());
        assert!(headers("/api/v1/accounts", "post", "201")["Idempotency-Replayed"].is_object());
        assert!(headers("/api/v1/sessions", "post", "429")["Retry-After"].is_object());
        assert!(headers("/api/v1/me", "get", "401")["WWW-Authenticate"].is_object());
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

    /// Programs are told which words there are where a field has only a few.
    #[test]
    fn a_field_with_few_words_names_them_all() {
        let document = written();
        let words = |schema: &str, field: &str| {
            let field = &document["components"]["schemas"][schema]["properties"][field];
            let any_of =
                field["oneOf"].as_array().and_then(|choices| choices.iter().find(|one| one.get("enum").is_some()));
            any_of.unwrap_or(field)["enum"]
                .as_array()
                .map_or(0, |words| words.iter().filter(|word| word.is_string()).count())
        };
        let fields = [
            ("EntryView", "state", 6),
            ("EntryView", "origin", 6),
            ("OutboxChanged", "state", 6),
            ("OrderNews", "part", 6),
            ("MessageView", "source", 2),
            ("MessageView", "decision", 4),
            ("LastMessageView", "decision", 4),
            ("DecisionMade", "decision", 4),
            ("MessageStored", "direction", 2),
            ("ConversationView", "side", 3),
            ("AuditView", "via", 5),
            ("LogView", "level", 5),
            ("LogView", "class", 4),
            ("ItemView", "status", 4),
            ("SyncView", "state", 5),
            ("SceneView", "decision", 2),
            ("KeywordView", "match", 3),
            ("OrderView", "status", 6),
            ("ReviewView", "reason", crate::delivery::review::Reason::ALL.len()),
            ("LackView", "code", 11),
            ("StatusView", "state", 6),
            ("StatusView", "reason", crate::account::state::Reason::ALL.len()),
        ];
        for (schema, field, expected) in fields {
            assert_eq!(
                words(schema, field),
                expected,
                "{schema}.{field}: {}",
                document["components"]["schemas"][schema]["properties"][field]
            );
        }
    }
}
