//! A page calls the functions behind the API's routes directly, past the gate: where a route wants more than the page does, the file that
//! calls it asks for the right itself.

use std::collections::{BTreeMap, HashMap};

use crate::source::{Source, has_word};

/// Of the routes' four rights, the lowest is 0.
type Rank = u8;

/// No page of the panel.
const NOBODYS: Rank = 9;

/// Calls of `panel/` that reach further than their pages, in files that ask for no right.
pub(crate) fn faults(tree: &BTreeMap<String, Source>) -> Vec<String> {
    let Some(table) = tree.get("web/mod.rs") else { return vec!["web/mod.rs is gone".to_owned()] };
    let (routes, pages) = table_of(&table.with_strings);
    let files: BTreeMap<&str, &Source> = tree
        .iter()
        .filter_map(|(name, source)| Some((name.strip_prefix("web/panel/")?, source)))
        .filter(|(name, _)| *name != "mod.rs")
        .collect();
    let rights = rights(&files, &pages);
    let mut faults = Vec::new();
    for (name, source) in files {
        let right = rights[name];
        let further = calls(&source.code).into_iter().filter(|call| routes.get(call).is_some_and(|rank| *rank > right));
        faults.extend(further.filter(|_| !source.code.contains(".may(")).map(|(module, function)| {
            format!("web/panel/{name} calls api::{module}::{function}, which wants a higher right than the page: ask `panel.may(…)`")
        }));
    }
    faults
}

type Routes = HashMap<(String, String), Rank>;

/// The rights of the API's functions, and the lowest of the pages of each module.
fn table_of(text: &str) -> (Routes, HashMap<String, Rank>) {
    let (mut routes, mut pages) = (Routes::new(), HashMap::<String, Rank>::new());
    for line in text.lines() {
        let Some((head, target)) = line.trim().trim_end_matches(';').split_once(" => ") else { continue };
        let Some(access) = head.rsplit('"').next().filter(|_| head.contains(" \"/")) else { continue };
        let target: Vec<&str> = target.split("::").collect();
        match target[..] {
            ["api", module, function] => drop(routes.insert((module.to_owned(), function.to_owned()), rank(access))),
            ["panel", module, _] => {
                let lowest = pages.entry(module.to_owned()).or_insert(NOBODYS);
                *lowest = (*lowest).min(rank(access));
            }
            _ => {}
        }
    }
    (routes, pages)
}

fn rank(access: &str) -> Rank {
    let says = |words: &[&str]| words.iter().any(|word| access.contains(word));
    match () {
        () if says(&["ADMIN", "Administer"]) => 3,
        () if says(&["MANAGE", "Manage"]) => 2,
        () if says(&["ANSWER", "Answer"]) => 1,
        () => 0,
    }
}

/// What a file may take for granted: the right of its pages; where it has none, that of the lowest page that uses it.
fn rights<'a>(files: &BTreeMap<&'a str, &Source>, pages: &HashMap<String, Rank>) -> HashMap<&'a str, Rank> {
    let mut rights: HashMap<&str, Rank> =
        files.keys().map(|name| (*name, pages.get(module(name)).copied().unwrap_or(NOBODYS))).collect();
    loop {
        let before = rights.clone();
        for helper in files.keys().filter(|name| !pages.contains_key(module(name))) {
            let users = files
                .iter()
                .filter(|(name, source)| module(name) != module(helper) && has_word(&source.code, module(helper)));
            let lowest = users.map(|(name, _)| before[name]).min().unwrap_or(NOBODYS);
            rights.insert(helper, lowest.min(before[helper]));
        }
        if rights == before {
            return rights;
        }
    }
}

/// A folder is one module.
fn module(name: &str) -> &str {
    name.split('/').next().unwrap_or(name).trim_end_matches(".rs")
}

/// Every `module::function(`, with the names that modules were given taken back.
fn calls(code: &str) -> Vec<(String, String)> {
    let words: Vec<&str> = code
        .split_inclusive(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .flat_map(|part| {
            let end = part.trim_end_matches(|letter: char| !letter.is_alphanumeric() && letter != '_').len();
            [&part[..end], part[end..].trim()]
        })
        .filter(|word| !word.is_empty())
        .collect();
    let mut real: HashMap<&str, &str> = HashMap::new();
    for at in 0..words.len() {
        match words[at..] {
            [name, ":", ":", "{", "self", "as", other, ..] => drop(real.insert(other, name)),
            ["self", "as", ..] => {}
            [name, "as", other, ..] => drop(real.entry(other).or_insert(name)),
            _ => {}
        }
    }
    let of = |at: usize| match words[at..] {
        [module, ":", ":", function, "(", ..] => Some((module, function)),
        _ => None,
    };
    let found = (0..words.len()).filter_map(of);
    found.map(|(module, function)| (real.get(module).unwrap_or(&module).to_string(), function.to_owned())).collect()
}

mod tests {
    use super::*;

    const TABLE: &str = "routes! {\n    GET \"/api/v1/cards\" MANAGE => api::cards::list;\n    \
        GET \"/api/v1/orders\" READ => api::orders::list;\n    GET \"/app\" PAGE => panel::home::home;\n    \
        GET \"/app/cards\" Access::Page(Right::Manage) => panel::cards::cards;\n}";

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let all = files.iter().copied().chain([("web/mod.rs", TABLE)]);
        faults(&all.map(|(name, text)| (name.to_owned(), Source::read(text))).collect())
    }

    #[test]
    fn a_page_that_reaches_further_than_itself_asks() {
        let wrong = found(&[("web/panel/home.rs", "use x::api::cards; fn f() { cards::list(caller) }")]);
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        let renamed = "use x::api::cards::{self as stock, CardView}; fn f() { stock::list(caller) }";
        assert_eq!(found(&[("web/panel/home.rs", renamed)]).len(), 1);
        let asking = "fn f() { if panel.may(Right::Manage) { cards::list(caller) } }";
        assert_eq!(found(&[("web/panel/home.rs", asking)]), Vec::<String>::new());
        let fine = [("web/panel/home.rs", "orders::list(caller)"), ("web/panel/cards.rs", "cards::list(caller)")];
        assert_eq!(found(&fine), Vec::<String>::new());
    }

    #[test]
    fn what_pages_share_has_the_right_of_the_lowest() {
        let shared = ("web/panel/card_fields.rs", "fn all() { cards::list(caller) }");
        assert_eq!(found(&[shared, ("web/panel/cards.rs", "card_fields::all()")]), Vec::<String>::new());
        let both = [shared, ("web/panel/cards.rs", "card_fields::all()"), ("web/panel/home.rs", "card_fields::all()")];
        assert_eq!(found(&both).len(), 1);
    }
}
