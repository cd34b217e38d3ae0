//! The invariants of the crate that a search can check. Each rule names what it found and where it belongs.

use crate::{
    layers::{file, folder, tier},
    source::{Source, has_word},
};

/// What breaks an invariant in the file `name`.
pub(crate) fn faults(name: &str, source: &Source) -> Vec<String> {
    let rules = [
        pure,
        platform_words,
        gateway_answers,
        market_names,
        sql,
        routes,
        response_errors,
        spawns,
        web_sockets,
        panics,
        secrets_in_logs,
        classes_in_logs,
        vague_names,
        disguises,
    ];
    let found = rules.iter().flat_map(|rule| rule(name, source));
    found.map(|fault| format!("{name}: {fault}")).collect()
}

/// What must not stay in any file, tests included.
pub(crate) fn unfinished(name: &str, source: &Source) -> Vec<String> {
    let text = Source::read(&source.text.replace("#[cfg(test)]", ""));
    let marks = ["todo!", "unimplemented!", "dbg!", "#[ignore"];
    let left = marks.iter().filter(|mark| text.code.contains(*mark));
    left.map(|mark| format!("{name}: {mark} is left")).collect()
}

/// Tiers 0 and 1 have no clock, no randomness, no I/O; tier 2 adds messages.
fn pure(name: &str, source: &Source) -> Vec<String> {
    const WORLD: [&str; 20] = [
        "tokio",
        "awc",
        "actix_web",
        "actix_web_actors",
        "actix_rt",
        "actix_codec",
        "futures_util",
        "rand",
        "getrandom",
        "rustix",
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::thread",
        "Instant::now",
        "SystemTime::now",
        "SystemTime::UNIX_EPOCH",
        "Timestamp::now",
        "Zoned::now",
    ];
    let words: &[&str] = match tier(name) {
        0 | 1 => &["actix", "log", "env_logger"],
        2 => &[],
        _ => return Vec::new(),
    };
    // A message may carry the way of its answer.
    let carried = |word: &str| tier(name) == 2 && word == "tokio" && source.only_reaches("tokio::sync::oneshot");
    let mut found: Vec<_> =
        WORLD.iter().chain(words).copied().filter(|word| reaches(source, word) && !carried(word)).collect();
    found.extend([".elapsed()", "println!", "eprintln!"].into_iter().filter(|call| source.code.contains(call)));
    found.iter().map(|word| format!("is pure but uses {word}: time, chance and the world come as arguments")).collect()
}

/// Whether a path of the file begins with a crate, or goes through a longer path.
fn reaches(source: &Source, what: &str) -> bool {
    if what.contains("::") {
        return source.mentions(what);
    }
    source.paths.iter().any(|path| path.split("::").next() == Some(what))
}

/// The platform's phrases and field numbers are read in one place.
fn platform_words(name: &str, source: &Source) -> Vec<String> {
    // The gateway tells of orders in the same sentences.
    let reads_them = ["platform/lwp/", "platform/mtop/order"].iter().any(|reader| name.starts_with(reader));
    if reads_them || name == "order/notice.rs" || folder(name) == "sim" {
        return Vec::new();
    }
    let phrases = source.literals.iter().filter(|literal| is_platform_phrase(literal));
    let mut faults: Vec<_> =
        phrases.map(|phrase| format!("{phrase:?} is the platform's: platform/lwp reads it")).collect();
    for line in source.with_strings.lines() {
        let numbered = ["get(\"", "[\"", "pointer(\"/"]
            .iter()
            .flat_map(|access| line.split(access).skip(1))
            .any(begins_with_field_number);
        faults
            .extend(numbered.then(|| format!("`{}` reads a field by its number: platform/lwp does that", line.trim())));
    }
    faults
}

fn is_platform_phrase(literal: &str) -> bool {
    const WORDS: [&str; 14] = [
        "@goofish",
        "reminderContent",
        "reminderTitle",
        "redReminder",
        "bizTag",
        "extJson",
        "updateKey",
        "dynamicOperation",
        "userConvs",
        "singleChatConversation",
        "等待卖家发货",
        "等待买家付款",
        "我已拍下",
        "我已付款",
    ];
    let display_text = literal.strip_prefix('[').and_then(|rest| rest.chars().next()).is_some_and(is_ideogram);
    display_text || WORDS.iter().any(|word| literal.contains(word))
}

fn is_ideogram(letter: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&letter)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'/')
}

fn begins_with_field_number(text: &str) -> bool {
    text.split('"').next().is_some_and(is_number)
}

/// What the gateway's `ret` means is said once.
fn gateway_answers(name: &str, source: &Source) -> Vec<String> {
    if name == "platform/mtop/outcome.rs" || folder(name) == "sim" {
        return Vec::new();
    }
    let codes = ["FAIL_SYS", "FAIL_BIZ", "RGV587", "SUCCESS::"];
    let found = source.literals.iter().filter(|literal| codes.iter().any(|code| literal.contains(code)));
    found.map(|literal| format!("{literal:?} is an answer of the gateway: platform/mtop/outcome.rs reads it")).collect()
}

/// Another marketplace can be added beside this one.
fn market_names(name: &str, source: &Source) -> Vec<String> {
    if matches!(folder(name), "platform" | "sim") || name == "order/notice.rs" {
        return Vec::new();
    }
    let names = ["goofish", "xianyu", "taobao", "idlefish"];
    let said =
        |market: &&&str| source.code.contains(**market) || source.literals.iter().any(|text| text.contains(**market));
    names.iter().filter(said).map(|market| format!("knows {market}: only platform/ and order/notice.rs do")).collect()
}

fn sql(name: &str, source: &Source) -> Vec<String> {
    if folder(name) == "store" {
        return Vec::new();
    }
    let crates =
        ["diesel", "diesel_migrations", "libsqlite3_sys", "pq_sys"].into_iter().filter(|word| reaches(source, word));
    let mut faults: Vec<_> = crates.map(|word| format!("uses {word}: SQL is in store/")).collect();
    let statements = ["SELECT ", "INSERT INTO ", "INSERT OR ", "UPDATE ", "DELETE FROM ", "CREATE TABLE ", "PRAGMA "];
    let queries =
        source.literals.iter().filter(|text| statements.iter().any(|start| text.trim_start().starts_with(start)));
    faults.extend(queries.map(|query| format!("{query:?} is SQL: it belongs into store/")));
    faults
}

/// One table shows every route.
fn routes(name: &str, source: &Source) -> Vec<String> {
    if name == "web/mod.rs" || folder(name) == "sim" {
        return Vec::new();
    }
    let makers =
        ["web::resource", "web::scope", "web::route", "web::get", "web::post", "web::put", "web::patch", "web::delete"];
    let mut found: Vec<_> = makers.into_iter().filter(|maker| source.mentions(maker)).collect();
    found.extend(
        ["#[get(", "#[post(", "#[put(", "#[patch(", "#[delete(", "#[route("]
            .into_iter()
            .filter(|mark| source.code.contains(mark)),
    );
    found.iter().map(|maker| format!("{maker} makes a route: the table of routes is web/mod.rs")).collect()
}

fn response_errors(name: &str, source: &Source) -> Vec<String> {
    let wrong = name != "web/error.rs" && source.has_word("ResponseError");
    wrong.then(|| "ResponseError: web/error.rs is where errors become answers".to_owned()).into_iter().collect()
}

/// Tasks that nobody supervises start in one place; actors use their context. The simulator has a thread and a runtime of its own.
/// What a request changes goes on without its connection, in the one task that `web/finish.rs` starts for it.
fn spawns(name: &str, source: &Source) -> Vec<String> {
    if matches!(name, "app.rs" | "web/finish.rs") || folder(name) == "sim" {
        return Vec::new();
    }
    let runtime = ["actix", "actix_web", "actix_rt", "tokio", "rt", "task"];
    let is_spawn = |path: &&String| {
        let (before, last) = path.rsplit_once("::").unwrap_or(("", path));
        let crate_or_module = before.rsplit("::").next().unwrap_or_default();
        (matches!(last, "spawn" | "spawn_local") && runtime.contains(&crate_or_module))
            || path.ends_with("Arbiter::new")
    };
    let found = source.paths.iter().filter(is_spawn);
    found.map(|path| format!("{path} starts a task: only app.rs does, actors use their context")).collect()
}

/// The deprecated crate stays behind the modules that can be moved to its successor.
fn web_sockets(name: &str, source: &Source) -> Vec<String> {
    let allowed = matches!(name, "web/live.rs" | "web/captcha_socket.rs") || folder(name) == "sim";
    let wrong = !allowed && reaches(source, "actix_web_actors");
    wrong
        .then(|| "actix_web_actors stays in web/live.rs, web/captcha_socket.rs and sim/".to_owned())
        .into_iter()
        .collect()
}

/// How many lines above a call its comment may begin.
const COMMENT_REACH: usize = 4;
/// How many lines above a call the attribute of its function may stand.
const ATTRIBUTE_REACH: usize = 15;

/// An `unwrap` or `expect` outside tests has its proof beside it: a comment just above or behind it, or the reason of an `#[expect]`.
fn panics(_: &str, source: &Source) -> Vec<String> {
    let lines: Vec<_> = source.text.lines().collect();
    let calls = [".unwrap()", ".unwrap_err()", ".expect(\"", ".expect_err(\""];
    let risky = source.code.lines().enumerate().filter(|(_, line)| calls.iter().any(|call| line.contains(call)));
    risky
        .filter(|(at, _)| !is_proven(&lines, *at))
        .map(|(at, _)| format!("line {}: `{}` without a proof beside it", at + 1, lines[at].trim()))
        .collect()
}

fn is_proven(lines: &[&str], at: usize) -> bool {
    let above = |count: usize| &lines[at.saturating_sub(count)..=at];
    let is_comment = |line: &&str| !line.trim_start().starts_with("///") && line.replace("://", "").contains("// ");
    let attribute: String = above(ATTRIBUTE_REACH).iter().flat_map(|line| line.split_whitespace()).collect();
    let expected = ["#[expect(clippy::unwrap_used", "#[expect(clippy::expect_used"];
    let proves = |start: &&str| attribute.split_once(*start).is_some_and(|(_, rest)| rest.contains("reason="));
    above(COMMENT_REACH).iter().any(is_comment) || expected.iter().any(proves)
}

/// No cookie, token, password or raw frame above `trace`.
fn secrets_in_logs(_: &str, source: &Source) -> Vec<String> {
    const SECRETS: [&str; 5] = ["cookie", "cookies", "token", "password", "frame"];
    let levels = ["error!(", "warn!(", "info!(", "debug!("];
    let calls = levels.iter().flat_map(|level| source.code.match_indices(level)).map(|(at, _)| at);
    let mut faults = Vec::new();
    for at in calls {
        let length = call_length(&source.code[at..]);
        let (call, with_strings) = (&source.code[at..at + length], &source.with_strings[at..at + length]);
        let values: String = call.split(',').map(value).collect::<Vec<_>>().join(",");
        let said = SECRETS.iter().filter(|secret| {
            has_word(&values, secret)
                || with_strings.contains(&format!("{{{secret}}}"))
                || with_strings.contains(&format!("{{{secret}:"))
        });
        faults.extend(said.map(|secret| format!("a {secret} goes into a log line above trace")));
    }
    faults
}

/// What went wrong can be filtered by where to look: every warning and error of the server names its class.
fn classes_in_logs(name: &str, source: &Source) -> Vec<String> {
    if matches!(folder(name), "sim" | "cli") {
        return Vec::new();
    }
    let calls = ["error!(", "warn!("].iter().flat_map(|level| source.code.match_indices(level)).map(|(at, _)| at);
    let calls = calls.map(|at| (at, at + call_length(&source.code[at..])));
    let wrong = calls.filter(|(from, to)| !names_a_class(&source.code[*from..*to], &source.with_strings[*from..*to]));
    wrong
        .map(|(from, _)| {
            let line = source.code[..from].lines().count().max(1);
            format!("line {line}: a warning or error without class = \"auth\", \"database\", \"network\" or \"system\"")
        })
        .collect()
}

/// The field is a known word, or computed from the enum of classes.
fn names_a_class(call: &str, with_strings: &str) -> bool {
    // The fields end at the first semicolon outside of strings; without one there are none.
    let Some(end) = call.find(';') else { return false };
    let (_, fields) = call[..end].split_once('(').unwrap_or_default();
    let start = end - fields.len();
    let mut at = start;
    fields.split(',').any(|field| {
        let said = with_strings[at..at + field.len()].trim();
        at += field.len() + 1;
        let class = said.strip_prefix("class").and_then(|rest| rest.trim_start().strip_prefix('=')).map(str::trim);
        class.is_some_and(|class| {
            class.starts_with("Class::") || ["auth", "database", "network", "system"].contains(&class.trim_matches('"'))
        })
    })
}

/// How long a call is, up to its closing parenthesis.
fn call_length(code: &str) -> usize {
    let mut depth = 0;
    for (at, letter) in code.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' if depth == 1 => return at,
            ')' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// What is logged under a name: the part after `=`; a bare name is logged itself.
fn value(argument: &str) -> &str {
    argument.split_once('=').map_or(argument, |(_, value)| value)
}

/// The browser in which people pass challenges says what it is, and only a person's hand moves in it.
fn disguises(name: &str, source: &Source) -> Vec<String> {
    const HIDING: [&str; 12] = [
        "AutomationControlled",
        "enable-automation",
        "excludeSwitches",
        "useAutomationExtension",
        "navigator.webdriver",
        "UserAgentOverride",
        "--user-agent",
        "addScriptToEvaluateOnNewDocument",
        "setTimezoneOverride",
        "setHardwareConcurrencyOverride",
        "Runtime.evaluate",
        "stealth",
    ];
    let hides = |text: &&String| HIDING.iter().any(|word| text.contains(word));
    let mut faults: Vec<_> =
        source.literals.iter().filter(hides).map(|text| format!("{text:?} hides what the browser is")).collect();
    let drives = name != "captcha/browser.rs" && source.literals.iter().any(|text| text.contains("Input.dispatch"));
    faults.extend(drives.then(|| "drives a page: captcha/browser.rs does, with what a person did".to_owned()));
    // What is done to a page comes from a request or a connection of a person.
    let acts = folder(name) != "web" && source.code.contains("send(Act {");
    faults.extend(acts.then(|| "acts on a page: only web/ does, in a person's name".to_owned()));
    faults
}

/// What a browser would run or apply from the page itself, and what is put into it unescaped.
pub(crate) fn inline(template: &str) -> Vec<String> {
    let text = template.to_lowercase();
    let tags: Vec<_> = text.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default()).collect();
    let mut faults = Vec::new();
    for tag in tags {
        let script = (tag == "script" || tag.starts_with("script ")) && !tag.contains(" src=");
        let style = tag == "style" || tag.starts_with("style ") || tag.contains(" style=");
        let handler =
            tag.split_whitespace().skip(1).any(|attribute| attribute.starts_with("on") && attribute.contains('='));
        let link = tag.contains("javascript:");
        faults.extend((script || style || handler || link).then(|| format!("<{tag}> is not a file of its own")));
    }
    let raw = ["|safe", "| safe", "escape = \"none\"", "autoescape"].iter().filter(|way| text.contains(*way));
    faults.extend(raw.map(|way| format!("{way} puts text into the page as it is")));
    faults
}

fn vague_names(name: &str, _: &Source) -> Vec<String> {
    let stem = file(name).trim_end_matches(".rs");
    let stem = if stem == "mod" { folder(name) } else { stem };
    let vague = ["utils", "util", "helpers", "common", "manager", "service", "misc"].contains(&stem);
    vague.then(|| "says nothing: name the file after what it holds".to_owned()).into_iter().collect()
}

mod tests {
    use super::*;

    fn is_refused(name: &str, text: &str, word: &str) {
        let faults = faults(name, &Source::read(text));
        assert!(matches!(&faults[..], [one] if one.contains(word)), "{name}: {text}: {faults:?}");
    }

    fn is_allowed(name: &str, text: &str) {
        assert_eq!(faults(name, &Source::read(text)), Vec::<String>::new(), "{name}: {text}");
    }

    #[test]
    fn pure_files_have_no_clock_no_chance_and_no_world() {
        is_refused("inbox/gap.rs", "let now = Instant::now();", "Instant::now");
        is_refused("inbox/gap.rs", "use std::{collections::HashMap, fs};", "std::fs");
        is_refused("ids.rs", "fn f() { jiff::Timestamp::now() }", "Timestamp::now");
        is_refused("platform/device.rs", "fn f() { rand::random() }", "rand");
        is_refused("reply/rule.rs", "use actix::prelude::*;", "actix");
        is_refused("reply/rule.rs", "fn f() { start.elapsed() }", "elapsed");
        is_refused("reply/messages.rs", "use tokio::time::Instant;", "tokio");
        is_allowed("reply/messages.rs", "use actix::Message;");
        is_allowed("inbox/gap.rs", "use std::time::Instant; fn f(now: Instant) {} // Instant::now()");
        is_allowed("platform/socket.rs", "let now = Instant::now();");
    }

    #[test]
    fn only_the_wire_reads_the_platforms_words() {
        is_refused("inbox/actor.rs", r#"text == "[我已付款，等待你发货]""#, "platform/lwp");
        is_refused("reply/decide.rs", r#"let x = tree.get("6");"#, "field by its number");
        is_refused("reply/decide.rs", r#"let x = &tree["1"]["10"];"#, "field by its number");
        is_refused("account/actor.rs", r#"let x = tree.pointer("/1/6/3");"#, "field by its number");
        is_refused("account/actor.rs", r#"let x = map.get("extJson");"#, "platform/lwp");
        for name in ["platform/lwp/event.rs", "order/notice.rs", "sim/chat.rs"] {
            is_allowed(name, r#"let x = tree.get("6"); let y = "[图片]";"#);
        }
        is_allowed("reply/decide.rs", r#"let x = map.get("name"); let y = "价格"; let z = "12"; // [图片]"#);
    }

    #[test]
    fn only_the_outcome_reads_the_gateways_answers() {
        is_refused("account/token.rs", r#"ret.contains("FAIL_SYS_TOKEN_EXOIRED")"#, "outcome.rs");
        is_allowed("platform/mtop/outcome.rs", r#"ret.contains("FAIL_SYS_TOKEN_EXOIRED")"#);
    }

    #[test]
    fn only_the_platform_knows_the_market() {
        is_refused("account/actor.rs", r#"let host = "h5api.m.goofish.com";"#, "goofish");
        is_refused("notify/client.rs", "fn xianyu_link() {}", "xianyu");
        is_allowed("platform/mtop/client.rs", r#"let host = "h5api.m.goofish.com";"#);
        is_allowed("account/actor.rs", "// as goofish does");
    }

    #[test]
    fn only_the_store_speaks_sql() {
        is_refused("reply/actor.rs", "use diesel::prelude::*;", "diesel");
        is_refused("cli/check.rs", r#"query("SELECT version FROM x")"#, "SQL");
        is_allowed("store/rules.rs", r#"use diesel::prelude::*; const Q: &str = "SELECT 1";"#);
        is_allowed("cli/check.rs", r#"say("Select an account")"#);
    }

    #[test]
    fn routes_errors_and_tasks_have_one_place_each() {
        is_refused("web/api/rules.rs", r#"cfg.service(web::resource("/x"))"#, "web/mod.rs");
        is_refused("web/api/rules.rs", "use actix_web::web::{self, get};", "web/mod.rs");
        is_refused("web/api/rules.rs", r#"#[post("/x")] async fn x() {}"#, "web/mod.rs");
        is_allowed("web/mod.rs", r#"cfg.service(web::resource("/x"))"#);
        is_allowed("sim/gateway.rs", r#"cfg.service(web::resource("/x"))"#);
        is_refused("web/api/rules.rs", "impl ResponseError for X {}", "web/error.rs");
        is_allowed("web/error.rs", "impl ResponseError for X {}");
        is_refused("account/actor.rs", "actix::spawn(async {});", "app.rs");
        is_refused("account/actor.rs", "use tokio::task::spawn_local;", "app.rs");
        is_refused("account/registry.rs", "let shard = Arbiter::new();", "app.rs");
        is_allowed("account/actor.rs", "ctx.spawn(future); Command::new(x).spawn();");
        is_allowed("app.rs", "actix::spawn(async {});");
        is_allowed("web/finish.rs", "rt::spawn(next.call(request));");
        is_refused("web/mod.rs", "rt::spawn(next.call(request));", "app.rs");
        is_allowed("sim/server.rs", "rt::spawn(server);");
        is_refused("web/mod.rs", "use actix_web_actors::ws;", "web/live.rs");
        is_allowed("web/live.rs", "use actix_web_actors::ws;");
    }

    #[test]
    fn a_panic_has_its_proof_beside_it() {
        is_refused("reply/actor.rs", "fn f() {\n    x.unwrap();\n}", "line 2");
        is_refused("reply/actor.rs", "/// Doc.\nfn f() {\n    x.expect(\"there\");\n}", "line 3");
        is_refused("reply/actor.rs", "#[expect(clippy::unwrap_used)]\nfn f() { x.unwrap(); }", "line 2");
        is_allowed("reply/actor.rs", "fn f() {\n    // Checked above.\n    x.unwrap();\n}");
        is_allowed(
            "reply/actor.rs",
            "#[expect(clippy::unwrap_used, reason = \"checked above\")]\nfn f() { x.unwrap(); }",
        );
        is_allowed(
            "reply/actor.rs",
            "fn f() { x.unwrap_or(1); parser.expect(b'{'); }\n#[cfg(test)]\nmod tests { fn f() { x.unwrap(); } }",
        );
    }

    #[test]
    fn no_secret_is_logged() {
        is_refused("account/actor.rs", r#"info!(account.id = %id, cookie; "started");"#, "cookie");
        is_refused(
            "account/actor.rs",
            r#"warn!(account.id = %id, class = "auth", x = %session.token; "started");"#,
            "token",
        );
        is_refused("account/actor.rs", r#"log::debug!("got {frame}");"#, "frame");
        is_refused("account/actor.rs", r#"error!(class = "auth"; "got {password:?}");"#, "password");
        is_allowed(
            "account/actor.rs",
            r#"warn!(account.id = %id, class = "auth", token = known, tokens = 3; "token refused"); trace!("{frame}");"#,
        );
    }

    #[test]
    fn a_warning_has_a_class() {
        is_refused("inbox/actor.rs", r#"warn!("class = auth; gone");"#, "line 1: a warning");
        is_refused("inbox/actor.rs", "\nlog::error!(jobs = 1; \"class\");", "line 2: a warning");
        is_refused("inbox/actor.rs", r#"error!(class = "weather"; "gone");"#, "without class");
        is_refused("inbox/actor.rs", r#"error!(reason = class; "gone");"#, "without class");
        is_allowed("inbox/actor.rs", r#"error!("account.id" = f(1, 2), class = "auth"; "gone"); info!("come");"#);
        is_allowed("inbox/actor.rs", "warn!(\n    class = \"system\";\n    \"gone {}\", x\n);");
        is_allowed("inbox/actor.rs", r#"warn!(a = 1, class = Class::of(reason).as_str(); "gone");"#);
        is_allowed("sim/chat.rs", r#"warn!("gone");"#);
        is_allowed("cli/keyword.rs", r#"error!("gone");"#);
    }

    #[test]
    fn a_file_is_named_after_what_it_holds() {
        is_refused("reply/utils.rs", "", "says nothing");
        is_refused("common/mod.rs", "", "says nothing");
        is_allowed("reply/rule.rs", "");
    }

    #[test]
    fn a_page_holds_nothing_that_a_browser_runs() {
        for good in ["<script src=\"/a.js\" defer></script>", "<p class=\"on\">style=</p>", "<a href=\"/x\">script</a>"]
        {
            assert_eq!(inline(good), Vec::<String>::new(), "{good}");
        }
        let bad = [
            "<script>x()</script>",
            "<style>a{}</style>",
            "<p style=\"color: red\">",
            "<p onclick=\"x()\">",
            "<a href=\"javascript:x()\">",
            "{{ name|safe }}",
        ];
        assert_eq!(bad.iter().find(|text| inline(text).len() != 1), None);
    }

    #[test]
    fn what_is_unfinished_is_found_in_tests_too() {
        let unfinished = |text: &str| unfinished("it/main.rs", &Source::read(text)).len();
        assert_eq!(unfinished("fn f() { todo!() }"), 1);
        assert_eq!(unfinished("#[cfg(test)] mod tests { #[ignore = \"slow\"] fn f() { dbg!(1); } }"), 2);
        assert_eq!(unfinished("fn f() { g(\"todo!()\") } // todo!()"), 0);
    }
}
