//! The files that pages need, as parts of the program. Their addresses change with their content, so that browsers may keep them for
//! ever; any other address is an address of nothing.

use std::{borrow::Cow, collections::HashMap, fmt::Write as _, sync::LazyLock};

use actix_web::{HttpRequest, HttpResponse, http::header::CACHE_CONTROL, web::Bytes};
use rust_embed::RustEmbed;

use super::error::{ApiResult, Code};

const FOR_EVER: &str = "public, max-age=31536000, immutable";

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

struct Served {
    content: Bytes,
    content_type: &'static str,
}

/// Every file by its address.
static SERVED: LazyLock<HashMap<String, Served>> = LazyLock::new(|| {
    let files = Files::iter().filter_map(|name| Some((address(&name)?, served(&name)?)));
    files.collect()
});

/// The present address of a file, by its path below `static/`. What is not there has an address of nothing.
pub fn href(name: &str) -> String {
    address(name).unwrap_or_else(|| format!("/static/{name}"))
}

/// The first bytes of the content's SHA-256 stand before the extension.
fn address(name: &str) -> Option<String> {
    let hash = Files::get(name)?.metadata.sha256_hash();
    let (stem, extension) = name.rsplit_once('.')?;
    Some(format!("/static/{stem}.{}.{extension}", hex(&hash[..4])))
}

fn served(name: &str) -> Option<Served> {
    let content = match Files::get(name)?.data {
        Cow::Borrowed(content) => Bytes::from_static(content),
        Cow::Owned(content) => Bytes::from(content),
    };
    Some(Served { content, content_type: content_type(name)? })
}

/// Only kinds that are listed here are served at all: none is ever guessed.
fn content_type(name: &str) -> Option<&'static str> {
    match name.rsplit_once('.')?.1 {
        "css" => Some("text/css; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "txt" => Some("text/plain; charset=utf-8"),
        _ => None,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A file that the pages need. Its address changes with its content; the pages name it.
#[utoipa::path(get, path = "/static/{path}", tag = "pages",
    params(("path" = String, Path, description = "As the pages name it", example = "css/app.0123abcd.css")),
    responses((status = 200, description = "The file, to be kept for ever", content(
        (String = "text/css"), (String = "text/javascript"), (String = "image/svg+xml"), (String = "text/plain"),
    ))))]
pub async fn file(request: HttpRequest) -> ApiResult<HttpResponse> {
    // As it was sent, not as it can be read: an address has one spelling.
    let served = SERVED.get(request.uri().path()).ok_or(Code::NotFound)?;
    let mut response = HttpResponse::Ok();
    response.content_type(served.content_type).insert_header((CACHE_CONTROL, FOR_EVER));
    Ok(response.body(served.content.clone()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    #[test]
    fn an_address_holds_the_hash_of_the_content() {
        let css = href("css/app.css");
        let hash = css.strip_prefix("/static/css/app.").unwrap().strip_suffix(".css").unwrap();
        assert!(hash.len() == 8 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()), "{css}");
        assert_eq!(SERVED[&css].content_type, "text/css; charset=utf-8");
    }

    /// S20: nothing is served with a type that was guessed, and nothing that a browser takes for a page of ours.
    #[test]
    fn s20_every_file_is_of_a_known_harmless_kind() {
        let unserved: Vec<_> = Files::iter().filter(|name| content_type(name).is_none()).collect();
        assert_eq!(unserved, ["vendor/README.md"]);
        assert!(SERVED.values().all(|served| !served.content_type.contains("html")));
        for name in ["a.html", "a.htm", "a.xml", "a.js.exe", "js", ""] {
            assert_eq!(content_type(name), None, "{name}");
        }
    }

    #[test]
    fn every_file_a_template_names_is_there() {
        let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let files =
            [templates.clone(), templates.join("panel")].into_iter().flat_map(|folder| fs::read_dir(folder).unwrap());
        let files = files.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        let text: String = files.map(|path| fs::read_to_string(path).unwrap()).collect();
        let names: Vec<_> = text.split("asset(\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert!(names.len() >= 5, "{names:?}");
        assert_eq!(names.iter().find(|name| address(name).is_none()), None);
    }

    #[test]
    fn other_peoples_files_are_listed_with_their_checksums() {
        let list = include_str!("../../static/vendor/README.md");
        let files: Vec<_> =
            Files::iter().filter(|name| name.starts_with("vendor/") && !name.ends_with(".md")).collect();
        for name in &files {
            let hash = hex(&Files::get(name).unwrap().metadata.sha256_hash());
            let line = format!("| `{hash}` | `{}` |", name.trim_start_matches("vendor/"));
            assert!(list.lines().any(|listed| listed == line), "{name} is not listed, or not as it is now: {line}");
        }
        let lines = list.lines().filter(|line| line.starts_with("| `")).count();
        assert_eq!(lines, files.len(), "a listed file is gone");
    }
}
