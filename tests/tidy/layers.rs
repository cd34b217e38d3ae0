//! Who may import whom: a file's name is its tier. It imports lower tiers, and its own tier only inside its own folder.

use std::collections::BTreeMap;

use crate::source::Source;

/// Everything may use the ids; they use nothing.
const VOCABULARY: &str = "ids.rs";
const EDGE: u8 = 5;
/// The way to addresses of users: clients of one service or another stand on it.
const GUARDED: &str = "outgoing/client.rs";

pub(crate) fn tier(name: &str) -> u8 {
    match (folder(name), file(name)) {
        ("web" | "sim" | "cli" | "settings", _) | ("", "app.rs" | "main.rs" | "lib.rs") => EDGE,
        (_, "actor.rs" | "registry.rs") => 4,
        // An actor that is too long for one file is a folder.
        _ if name.contains("/actor/") => 4,
        ("store" | "telemetry", _) | (_, "client.rs" | "socket.rs" | "browser.rs") => 3,
        (_, "messages.rs") => 2,
        // A cache is a collection like those of std: it knows nothing of what it keeps.
        ("platform" | "cache", _) | ("", VOCABULARY) => 0,
        _ => 1,
    }
}

pub(crate) fn folder(name: &str) -> &str {
    name.split_once('/').map_or("", |(folder, _)| folder)
}

pub(crate) fn file(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// The imports of `name` that go up or across.
pub(crate) fn faults<T>(name: &str, source: &Source, tree: &BTreeMap<String, T>) -> Vec<String> {
    let targets = source.paths.iter().filter_map(|path| target(name, path, tree));
    let wrong = targets.filter(|target| target != name && !may_import(name, target));
    let mut faults: Vec<_> =
        wrong.map(|target| format!("{name} (tier {}) imports {target} (tier {})", tier(name), tier(&target))).collect();
    faults.sort();
    faults.dedup();
    faults
}

fn may_import(name: &str, target: &str) -> bool {
    let inside = folder(name) == folder(target);
    if folder(name) == "sim" {
        return inside || tier(target) == 0 || (folder(target) == "platform" && tier(target) == 3);
    }
    let guarded = target == GUARDED && tier(name) == tier(target);
    tier(name) == EDGE
        || target == VOCABULARY
        || tier(target) < tier(name)
        || guarded
        || (inside && tier(target) == tier(name))
}

/// The file of ours that a path reaches into.
fn target<T>(name: &str, path: &str, tree: &BTreeMap<String, T>) -> Option<String> {
    let module = module(name);
    let mut segments = path.split("::").peekable();
    let mut base = match segments.peek().copied() {
        Some("crate") => Vec::new(),
        Some("self") => module,
        Some("super") => parent(module),
        // A module names its children without a prefix; anybody else names another crate.
        Some(child) if resolve(&[&module[..], &[child]].concat(), tree)? != resolve(&module, tree)? => module,
        Some(_) | None => return None,
    };
    if matches!(segments.peek(), Some(&("crate" | "self" | "super"))) {
        segments.next();
    }
    while segments.next_if_eq(&"super").is_some() {
        base = parent(base);
    }
    base.extend(segments);
    resolve(&base, tree)
}

/// The segments of the module that a file is.
fn module(name: &str) -> Vec<&str> {
    let path = name.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    path.split('/').filter(|segment| !matches!(*segment, "lib" | "main")).collect()
}

fn parent(mut module: Vec<&str>) -> Vec<&str> {
    module.pop();
    module
}

/// The deepest file that the beginning of a module path names.
fn resolve<T>(segments: &[&str], tree: &BTreeMap<String, T>) -> Option<String> {
    (1..=segments.len()).rev().find_map(|length| {
        let path = segments[..length].join("/");
        [format!("{path}.rs"), format!("{path}/mod.rs")].into_iter().find(|file| tree.contains_key(file))
    })
}

mod tests {
    use super::*;

    const TREE: [&str; 20] = [
        "app.rs",
        "ids.rs",
        "lib.rs",
        "settings/mod.rs",
        "inbox/mod.rs",
        "inbox/actor.rs",
        "inbox/gap.rs",
        "inbox/messages.rs",
        "reply/mod.rs",
        "reply/actor.rs",
        "reply/decide.rs",
        "reply/messages.rs",
        "platform/mod.rs",
        "platform/lwp/mod.rs",
        "platform/lwp/event.rs",
        "platform/socket.rs",
        "store/mod.rs",
        "outgoing/mod.rs",
        "outgoing/client.rs",
        "ai/client.rs",
    ];

    fn faults_of(name: &str, text: &str) -> Vec<String> {
        let tree = TREE.iter().map(|name| ((*name).to_owned(), ())).collect();
        faults(name, &Source::read(text), &tree)
    }

    fn is_refused(name: &str, text: &str, target: &str) {
        let faults = faults_of(name, text);
        assert!(
            matches!(&faults[..], [one] if one.contains(&format!("imports {target} "))),
            "{name}: {text}: {faults:?}"
        );
    }

    #[test]
    fn an_import_that_goes_up_or_across_is_refused() {
        is_refused("inbox/actor.rs", "use crate::reply::actor::ReplyActor;", "reply/actor.rs");
        is_refused("inbox/gap.rs", "use crate::reply::decide::Turn;", "reply/decide.rs");
        is_refused("inbox/gap.rs", "use super::messages::Ingest;", "inbox/messages.rs");
        is_refused("inbox/gap.rs", "use super::{super::store::Store, gap};", "store/mod.rs");
        is_refused("inbox/gap.rs", "fn f() { crate::inbox::actor::f() }", "inbox/actor.rs");
        is_refused("inbox/mod.rs", "pub use actor::InboxActor;", "inbox/actor.rs");
        is_refused("inbox/messages.rs", "use crate::{ids::ItemId, reply::messages::X};", "reply/messages.rs");
        is_refused("platform/lwp/event.rs", "use crate::platform::socket::open;", "platform/socket.rs");
        is_refused("platform/lwp/event.rs", "use super::super::socket;", "platform/socket.rs");
        is_refused("ids.rs", "use crate::platform::lwp::event::Event;", "platform/lwp/event.rs");
        is_refused("store/mod.rs", "use crate::{inbox::gap::Gap, settings::Settings};", "settings/mod.rs");
        is_refused("reply/actor.rs", "use crate::app::App;", "app.rs");
        is_refused("sim/chat.rs", "use crate::store::Store;", "store/mod.rs");
        is_refused("ai/client.rs", "use crate::store::Store;", "store/mod.rs");
        is_refused("reply/decide.rs", "use crate::outgoing::client::Request;", "outgoing/client.rs");
        is_refused("sim/chat.rs", "use crate::reply::decide::decide;", "reply/decide.rs");
    }

    #[test]
    fn an_import_that_goes_down_or_stays_at_home_is_allowed() {
        for (name, text) in [
            ("inbox/actor.rs", "use super::{gap::Gap, messages::X}; use crate::{reply::messages::Y, store::Store};"),
            ("inbox/messages.rs", "use super::gap::Gap; use crate::reply::decide::Turn;"),
            (
                "inbox/gap.rs",
                "use crate::{ids::Timestamp, platform::lwp::event::Message}; use std::actor; use self::inner;",
            ),
            ("inbox/mod.rs", "pub mod actor; pub mod gap; pub use gap::Gap;"),
            ("platform/lwp/event.rs", "use crate::ids::ItemId;"),
            ("ai/client.rs", "use crate::outgoing::client::Request;"),
            ("platform/socket.rs", "use super::lwp::event::Event;"),
            ("app.rs", "use crate::{inbox::actor::A, reply::actor::B, settings::Settings};"),
            ("sim/chat.rs", "use crate::{ids::ItemId, platform::lwp::event::Event, sim::gateway};"),
            ("inbox/gap.rs", "#[cfg(test)] mod tests { use crate::store::Store; }"),
        ] {
            assert_eq!(faults_of(name, text), Vec::<String>::new(), "{name}: {text}");
        }
    }

    #[test]
    fn a_name_is_a_tier() {
        let tiers =
            ["ids.rs", "platform/lwp/frame.rs", "platform/mtop/client.rs", "platform/mod.rs", "cache/mod.rs"].map(tier);
        assert_eq!(tiers, [0, 0, 3, 0, 0]);
        let tiers =
            ["reply/rule.rs", "inbox/messages.rs", "store/rules.rs", "account/registry.rs", "cli/serve.rs"].map(tier);
        assert_eq!(tiers, [1, 2, 3, 4, 5]);
    }
}
