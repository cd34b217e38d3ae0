//! A cookie in any form in which people have it: a header, a browser's export, a command copied from its developer tools.

use std::{borrow::Cow, iter::Peekable, str::Chars};

use serde::Deserialize;
use serde_json::Value;

use super::cookies::{CookieFault, Cookies};
use crate::ids::BuyerId;

/// An export of everything a browser keeps is a few hundred KiB.
pub const LONGEST: usize = 256 << 10;

/// A browser sends 4 KiB; no server takes more than this.
const LONGEST_HEADER: usize = 16 << 10;

/// Where the platform's cookies live. The first is stronger: of two cookies of one name its own counts.
const DOMAINS: [&str; 2] = ["goofish.com", "taobao.com"];

/// What was recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The text of a `Cookie` header, alone or among others.
    Header,
    /// What `document.cookie` shows in a browser's console.
    Script,
    /// A JSON list of cookies: what browser extensions and test tools export.
    Export,
    /// A JSON object of names and values.
    Object,
    /// The file that `curl` and `wget` keep.
    Netscape,
    /// A `curl` command, as developer tools copy it.
    Curl,
}

/// A login that was pasted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pasted {
    pub kind: Kind,
    pub cookies: Cookies,
    pub seller: BuyerId,
}

/// Why a text is no login. Never repeats a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PasteFault {
    #[error("the text is too long for a cookie")]
    TooLong,
    #[error("there is no cookie in the text{}", recognised(*.0))]
    Nothing(Kind),
    /// It begins like JSON and is none.
    #[error("the JSON is not complete; copy all of it")]
    Broken,
    #[error("{fault}{}", recognised(*.kind))]
    NoLogin { kind: Kind, fault: CookieFault },
}

impl Kind {
    /// What a text looks like. Whatever looks like nothing else is a header.
    pub fn of(text: &str) -> Self {
        let text = text.trim_start_matches('\u{feff}').trim();
        let lower = text.get(..24).unwrap_or(text).to_ascii_lowercase();
        if ["curl ", "curl.exe ", "$ curl "].iter().any(|start| lower.starts_with(start)) {
            return Self::Curl;
        }
        if text.starts_with('[') {
            return Self::Export;
        }
        if text.starts_with('{') {
            let listed = serde_json::from_str::<Value>(text).is_ok_and(|value| value["cookies"].is_array());
            return if listed { Self::Export } else { Self::Object };
        }
        if lower.starts_with("# netscape") || lower.starts_with("# http cookie") || text.lines().any(is_netscape_line) {
            return Self::Netscape;
        }
        if lower.starts_with("document.cookie") || text.starts_with(['"', '\'']) { Self::Script } else { Self::Header }
    }

    /// What it is called. Nothing needs to be said of a header.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Header => None,
            Self::Script => Some("document.cookie"),
            Self::Export => Some("a browser extension's JSON"),
            Self::Object => Some("a JSON object"),
            Self::Netscape => Some("a Netscape cookie file"),
            Self::Curl => Some("a curl command"),
        }
    }
}

fn recognised(kind: Kind) -> String {
    kind.name().map(|name| format!(" (read as {name})")).unwrap_or_default()
}

/// Reads a login out of a text.
///
/// Other sites' cookies in an export are left out, and so is what no header can carry.
pub fn read(text: &str) -> Result<Pasted, PasteFault> {
    let (kind, cookies) = find(text)?;
    let seller = cookies.seller().map_err(|fault| PasteFault::NoLogin { kind, fault })?;
    Ok(Pasted { kind, cookies, seller })
}

/// The cookies that are in a text, whether or not they are a login.
pub fn find(text: &str) -> Result<(Kind, Cookies), PasteFault> {
    if text.len() > LONGEST {
        return Err(PasteFault::TooLong);
    }
    let kind = Kind::of(text);
    let text = text.trim_start_matches('\u{feff}').trim();
    let cookies = match kind {
        Kind::Header => Cookies::parse(&header_line(text)),
        Kind::Script => Cookies::parse(script(text)),
        Kind::Export => listed(&json(text)?),
        Kind::Object => named(&json(text)?),
        Kind::Netscape => jar(text.lines().filter_map(netscape)),
        Kind::Curl => Cookies::parse(&curl(text)),
    };
    let header = cookies.header();
    if header.is_empty() {
        return Err(PasteFault::Nothing(kind));
    }
    if header.len() > LONGEST_HEADER {
        return Err(PasteFault::TooLong);
    }
    Ok((kind, cookies))
}

/// One cookie of an export.
#[derive(Deserialize)]
struct Cookie<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    value: Value,
    #[serde(default)]
    domain: Option<Cow<'a, str>>,
}

/// A text that is read letter by letter.
type Letters<'a> = Peekable<Chars<'a>>;

/// A cookie with the rank of its domain: the highest wins.
type Ranked = (u8, String, String);

fn json(text: &str) -> Result<Value, PasteFault> {
    serde_json::from_str(text).map_err(|_| PasteFault::Broken)
}

/// The cookies of a list, or of an object that has one.
fn listed(value: &Value) -> Cookies {
    let list = value.as_array().or_else(|| value["cookies"].as_array());
    let cookies = list.into_iter().flatten().filter_map(|cookie| Cookie::deserialize(cookie).ok());
    jar(cookies.filter_map(|Cookie { name, value, domain }| {
        Some((rank(domain.as_deref())?, name.into_owned(), scalar(&value)?))
    }))
}

/// The cookies of an object that names them.
fn named(value: &Value) -> Cookies {
    let fields = value.as_object().into_iter().flatten();
    jar(fields.filter_map(|(name, value)| Some((rank(None)?, name.clone(), scalar(value)?))))
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// How much a cookie of this domain counts; `None` for another site's.
fn rank(domain: Option<&str>) -> Option<u8> {
    let domain = domain.unwrap_or_default().trim_start_matches('.').to_ascii_lowercase();
    let within = |site: &str| domain.strip_suffix(site).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    match DOMAINS.map(within) {
        [true, _] => Some(2),
        [_, true] => Some(1),
        [false, false] => domain.is_empty().then_some(1),
    }
}

/// The strongest of each name, the last where they are equal.
fn jar(cookies: impl Iterator<Item = Ranked>) -> Cookies {
    let mut cookies: Vec<Ranked> = cookies.filter(|(_, name, value)| is_sendable(name, value)).collect();
    cookies.sort_by_key(|(rank, ..)| *rank);
    Cookies::from_pairs(cookies.iter().map(|(_, name, value)| (name.as_str(), value.trim())))
}

/// Whether a header can carry it so that it is read as the same again.
fn is_sendable(name: &str, value: &str) -> bool {
    let plain = |letter: char| !letter.is_control() && letter != ';';
    let in_name = |letter: char| plain(letter) && !letter.is_whitespace() && !matches!(letter, '=' | ':');
    !name.is_empty() && name.chars().all(in_name) && value.chars().all(plain)
}

/// Of a page of headers the one that counts; any other text as it is.
fn header_line(text: &str) -> Cow<'_, str> {
    let is_cookie = |line: &&str| line.get(..7).is_some_and(|start| start.eq_ignore_ascii_case("cookie:"));
    let mut lines = text.lines().map(str::trim).skip_while(|line| !is_cookie(line)).peekable();
    if lines.peek().is_none() {
        return text.into();
    }
    // A long cookie may be broken over lines: it ends where the next header begins.
    let first = lines.next().into_iter();
    first.chain(lines.take_while(|line| !is_header(line))).collect::<String>().into()
}

fn is_header(line: &str) -> bool {
    let name = line.split_once(": ").or_else(|| line.split_once(":\t")).map(|(name, _)| name);
    name.is_some_and(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'))
}

/// What stands between the quotes of `document.cookie = "…"`, or of what the console shows.
fn script(text: &str) -> &str {
    let text = match text.strip_prefix("document.cookie") {
        Some(rest) => rest.trim_start().trim_start_matches('=').trim_start(),
        None => text,
    };
    let text = text.trim_end_matches(';').trim_end();
    let inside = |quote: char| text.strip_prefix(quote).map(|text| text.strip_suffix(quote).unwrap_or(text));
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

/// Domain, whether with subdomains, path, whether over TLS only, expiry, name, value.
fn netscape_fields(line: &str) -> Option<[&str; 7]> {
    let line = line.trim_start();
    let line = line.strip_prefix("#HttpOnly_").unwrap_or(line);
    if line.starts_with('#') {
        return None;
    }
    let mut fields = line.trim_end_matches(['\r', '\n']).splitn(7, '\t');
    let mut next = || fields.next();
    // A cookie without a value may lack its last tab.
    let found = [next()?, next()?, next()?, next()?, next()?, next()?, next().unwrap_or_default()];
    let is_bool = |text: &str| text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false");
    (is_bool(found[1]) && is_bool(found[3])).then_some(found)
}

fn is_netscape_line(line: &str) -> bool {
    netscape_fields(line).is_some()
}

fn netscape(line: &str) -> Option<Ranked> {
    let [domain, _, _, _, _, name, value] = netscape_fields(line)?;
    Some((rank(Some(domain))?, name.to_owned(), value.to_owned()))
}

/// The cookies of a command: those of its headers, and those of its own option.
fn curl(text: &str) -> String {
    let windows = text.contains("^\"") || text.lines().any(|line| line.trim_end().ends_with('^'));
    let words = if windows { windows_words(text) } else { shell_words(text) };
    let mut words = words.into_iter();
    let mut found = Vec::new();
    while let Some(word) = words.next() {
        let Some((is_header, value)) = option(&word) else { continue };
        let value = if value.is_empty() { words.next().unwrap_or_default() } else { value.to_owned() };
        let cookie = if is_header { cookie_of_header(&value) } else { Some(value.as_str()) };
        // `-b` without `=` names a file.
        found.extend(cookie.filter(|cookie| cookie.contains('=')).map(str::to_owned));
    }
    found.join("; ")
}

/// Whether a word is an option for a header (`true`) or for cookies, and the value that is part of it.
fn option(word: &str) -> Option<(bool, &str)> {
    let long = [("--header", true), ("--cookie", false)];
    for (name, is_header) in long {
        match word.strip_prefix(name) {
            Some("") => return Some((is_header, "")),
            Some(rest) if rest.starts_with('=') => return Some((is_header, &rest[1..])),
            Some(_) | None => (),
        }
    }
    let short = [("-H", true), ("-b", false)];
    short.into_iter().find_map(|(name, is_header)| Some((is_header, word.strip_prefix(name)?.trim_start())))
}

fn cookie_of_header(header: &str) -> Option<&str> {
    let (name, value) = header.split_once(':')?;
    name.trim().eq_ignore_ascii_case("cookie").then(|| value.trim())
}

/// The words of a command as a Unix shell reads them.
fn shell_words(text: &str) -> Vec<String> {
    let mut words = Words::default();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' => words.extend(letters.by_ref().take_while(|letter| *letter != '\'')),
            '$' if letters.next_if_eq(&'\'').is_some() => ansi_c(&mut letters, &mut words),
            '"' => {
                words.begin();
                while let Some(letter) = letters.next().filter(|letter| *letter != '"') {
                    let escaped = letter == '\\';
                    match letters.next_if(|next| escaped && matches!(next, '"' | '\\' | '$' | '`' | '!' | '\n')) {
                        Some('\n') => (),
                        Some(next) => words.push(next),
                        None => words.push(letter),
                    }
                }
            }
            '\\' => match letters.next() {
                Some('\r') if letters.next_if_eq(&'\n').is_some() => (),
                Some('\n') | None => (),
                Some(next) => words.push(next),
            },
            letter if letter.is_whitespace() => words.end(),
            letter => words.push(letter),
        }
    }
    words.finish()
}

/// The inside of `$'…'`, which developer tools write where a value has an unusual letter.
fn ansi_c(letters: &mut Letters<'_>, words: &mut Words) {
    words.begin();
    while let Some(letter) = letters.next().filter(|letter| *letter != '\'') {
        if letter != '\\' {
            words.push(letter);
            continue;
        }
        let meant = match letters.next() {
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('x') => code(letters, 2),
            Some('u') => code(letters, 4),
            other => other,
        };
        words.extend(meant);
    }
}

/// The letter whose number follows, in at most so many hexadecimal digits.
fn code(letters: &mut Letters<'_>, most: usize) -> Option<char> {
    let mut digits = String::new();
    while let Some(digit) = letters.next_if(|digit| digits.len() < most && digit.is_ascii_hexdigit()) {
        digits.push(digit);
    }
    u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32)
}

/// The words of a command as Windows reads them: `^` takes the meaning from what follows, then quotes.
fn windows_words(text: &str) -> Vec<String> {
    let mut plain = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '^' => match letters.next() {
                Some('\r') if letters.next_if_eq(&'\n').is_some() => (),
                Some('\n') | None => (),
                Some(next) => plain.push(next),
            },
            letter => plain.push(letter),
        }
    }
    let mut words = Words::default();
    let mut quoted = false;
    let mut letters = plain.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if letters.peek().is_some_and(|next| matches!(next, '"' | '\\')) => words.extend(letters.next()),
            '"' if quoted && letters.next_if_eq(&'"').is_some() => words.push('"'),
            '"' => {
                quoted = !quoted;
                words.begin();
            }
            letter if letter.is_whitespace() && !quoted => words.end(),
            letter => words.push(letter),
        }
    }
    words.finish()
}

/// Words that are gathered letter by letter. An empty one needs its quotes.
#[derive(Default)]
struct Words {
    done: Vec<String>,
    open: Option<String>,
}

impl Words {
    fn begin(&mut self) {
        self.open.get_or_insert_default();
    }

    fn push(&mut self, letter: char) {
        self.open.get_or_insert_default().push(letter);
    }

    fn extend(&mut self, letters: impl IntoIterator<Item = char>) {
        self.open.get_or_insert_default().extend(letters);
    }

    fn end(&mut self) {
        self.done.extend(self.open.take());
    }

    fn finish(mut self) -> Vec<String> {
        self.end();
        self.done
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOGIN: &str = "unb=2200000000001; cookie2=abc; x=a%2Fb=";

    #[track_caller]
    fn same(text: &str, kind: Kind) {
        same_as(text, kind, LOGIN);
    }

    #[track_caller]
    fn same_as(text: &str, kind: Kind, header: &str) {
        let pasted = read(text).unwrap();
        assert_eq!((pasted.kind, pasted.cookies.header()), (kind, header), "{text}");
        assert_eq!(pasted.seller.as_str(), "2200000000001");
    }

    #[test]
    fn a_header_is_read_alone_and_among_others() {
        same(LOGIN, Kind::Header);
        same("Cookie: unb=2200000000001;cookie2=abc;\n x=a%2Fb=\n", Kind::Header);
        same("\u{feff}cookie:unb=2200000000001; cookie2=abc; x=a%2Fb=", Kind::Header);
        let page = format!(
            "GET /im HTTP/1.1\r\nHost: www.goofish.com\r\nCookie: {LOGIN}\r\nUser-Agent: Mozilla/5.0 (x; y=1)\r\n"
        );
        same(&page, Kind::Header);
        let devtools = "accept: */*\ncookie:\nunb=2200000000001; cookie2=abc; x=a%2Fb=\nreferer: https://x/?a=b";
        same(devtools, Kind::Header);
    }

    #[test]
    fn what_the_console_shows_is_read_without_its_quotes() {
        same(&format!("'{LOGIN}'"), Kind::Script);
        same(&format!("\"{LOGIN}\""), Kind::Script);
        same(&format!("document.cookie = \"{LOGIN}\";"), Kind::Script);
        same(&format!("document.cookie\n'{LOGIN}'"), Kind::Script);
    }

    #[test]
    fn exports_of_extensions_and_tools_are_read() {
        let edit_this_cookie = r#"[
            {"domain": ".goofish.com", "expirationDate": 1790000000.5, "hostOnly": false, "httpOnly": false, "name": "unb", "path": "/", "value": "2200000000001", "id": 1},
            {"domain": ".goofish.com", "hostOnly": false, "httpOnly": true, "name": "cookie2", "sameSite": null, "value": "abc", "storeId": "0"},
            {"domain": "h5api.m.goofish.com", "name": "x", "value": "a%2Fb="}]"#;
        same(edit_this_cookie, Kind::Export);
        let storage_state =
            format!(r#"{{"cookies": {edit_this_cookie}, "origins": [{{"origin": "https://x", "localStorage": []}}]}}"#);
        same(&storage_state, Kind::Export);
        same(r#"{"unb": 2200000000001, "cookie2": "abc", "x": "a%2Fb=", "deep": {}, "none": null}"#, Kind::Object);
    }

    #[test]
    fn other_sites_cookies_are_left_out_and_the_platforms_own_wins() {
        let cookie = |domain: &str, name: &str, value: &str| {
            format!(r#"{{"domain":"{domain}","name":"{name}","value":"{value}"}}"#)
        };
        let list = [
            cookie(".goofish.com", "unb", "2200000000001"),
            cookie("passport.goofish.com", "cookie2", "abc"),
            cookie(".taobao.com", "cookie2", "taobao"),
            cookie("", "t", "bare"),
            cookie(".taobao.com", "t", "of taobao"),
            cookie(".notgoofish.com", "a", "1"),
            cookie("goofish.com.evil.example", "b", "1"),
            cookie(".bank.example", "cookie2", "secret"),
        ];
        let text = format!("[{}]", list.join(","));
        assert_eq!(read(&text).unwrap().cookies.header(), "cookie2=abc; t=of taobao; unb=2200000000001");
    }

    #[test]
    fn a_cookie_that_no_header_can_carry_is_left_out() {
        let text = r#"{"unb":"2200000000001","cookie2":"abc","a":"1;2","b":"1\r\nX: y","c d":"1","e=f":"1","cookie:":"1","":"1","x":" a%2Fb= "}"#;
        same(text, Kind::Object);
    }

    #[test]
    fn a_netscape_file_is_read_with_its_http_only_lines() {
        let text = "# Netscape HTTP Cookie File\n# https://curl.se/docs/http-cookies.html\n\n\
            .goofish.com\tTRUE\t/\tTRUE\t1790000000\tunb\t2200000000001\r\n\
            #HttpOnly_.goofish.com\tTRUE\t/\tTRUE\t0\tcookie2\tabc\n\
            .bank.example\tTRUE\t/\tTRUE\t0\tcookie2\tsecret\n\
            #.goofish.com\tTRUE\t/\tTRUE\t0\tcookie2\tcomment\n\
            .goofish.com\tTRUE\t/\tFALSE\t0\tempty\n\
            .goofish.com\tTRUE\t/\tFALSE\t0\tx\ta%2Fb=\n";
        same_as(text, Kind::Netscape, "unb=2200000000001; cookie2=abc; empty=; x=a%2Fb=");
        same_as(
            &text[text.find(".goofish").unwrap()..],
            Kind::Netscape,
            "unb=2200000000001; cookie2=abc; empty=; x=a%2Fb=",
        );
    }

    #[test]
    fn a_command_of_a_unix_shell_is_read() {
        same(
            &format!(
                "curl 'https://h5api.m.goofish.com/h5/' \\\n  -H 'accept: */*' \\\n  -H 'cookie: {LOGIN}' \\\n  --data-raw 'a=b'"
            ),
            Kind::Curl,
        );
        same(&format!("curl 'https://x/' \\\r\n  -b '{LOGIN}' --compressed"), Kind::Curl);
        same(&format!("$ curl --cookie=\"{LOGIN}\" https://x"), Kind::Curl);
        same(&format!("curl --header \"Cookie: {LOGIN}\" https://x"), Kind::Curl);
        same(&format!("curl -b'{LOGIN}' -H'X: y'"), Kind::Curl);
        let odd = r#"curl 'https://x/' -H $'cookie: unb=2200000000001; cookie2=abc; q=it\'s\u0021\x22'"#;
        same_as(odd, Kind::Curl, "unb=2200000000001; cookie2=abc; q=it's!\"");
        let escaped = r#"curl -H "cookie: unb=2200000000001; cookie2=abc; q=\"\$1\"" -b cookies.txt"#;
        same_as(escaped, Kind::Curl, "unb=2200000000001; cookie2=abc; q=\"$1\"");
        same_as("curl -b unb=2200000000001 -H 'cookie: cookie2=abc'", Kind::Curl, "unb=2200000000001; cookie2=abc");
    }

    #[test]
    fn a_command_of_windows_is_read() {
        let new = "curl ^\"https://h5api.m.goofish.com/^\" ^\r\n  -H ^\"accept: */*^\" ^\r\n  -b ^\"unb=2200000000001; cookie2=abc; x=a^%^2Fb=; q=^\\^\"y^\\^\"; p=^^^\" ^\r\n  --data-raw ^\"a=b^\"";
        same_as(new, Kind::Curl, "unb=2200000000001; cookie2=abc; x=a%2Fb=; q=\"y\"; p=^");
        let old = format!("curl.exe \"https://x/\" ^\n  -H \"cookie: {LOGIN}\" ^\n  --compressed");
        same(&old, Kind::Curl);
    }

    #[test]
    fn what_is_missing_is_named_with_what_was_recognised() {
        let fault = |text: &str| read(text).unwrap_err();
        let lacks =
            |kind, names: &[&'static str]| PasteFault::NoLogin { kind, fault: CookieFault::Lacks(names.to_vec()) };
        assert_eq!(fault("'unb=1; t=PLANTED'"), lacks(Kind::Script, &["cookie2"]));
        assert_eq!(fault("t=PLANTED"), lacks(Kind::Header, &["unb", "cookie2"]));
        let odd = PasteFault::NoLogin { kind: Kind::Object, fault: CookieFault::OddUser };
        assert_eq!(fault(r#"{"unb":"PLANTED","cookie2":"PLANTED"}"#), odd);
        assert_eq!(fault(r#"[{"name":"unb","value":"PLANTED","#), PasteFault::Broken);
        assert_eq!(
            fault(r#"[{"name":"unb","value":"PLANTED","domain":"bank.example"}]"#),
            PasteFault::Nothing(Kind::Export)
        );
        assert_eq!(fault("curl 'https://x/?PLANTED' -b PLANTED.txt"), PasteFault::Nothing(Kind::Curl));
        assert_eq!(fault("PLANTED"), PasteFault::Nothing(Kind::Header));
        assert_eq!(fault(""), PasteFault::Nothing(Kind::Header));
        assert_eq!(fault(&"x".repeat(LONGEST + 1)), PasteFault::TooLong);
        assert_eq!(fault(&format!("{LOGIN}; y={}", "x".repeat(LONGEST_HEADER))), PasteFault::TooLong);
        let shown = lacks(Kind::Export, &["cookie2"]);
        let sentence =
            "the cookie lacks cookie2; copy it from a browser that is logged in (read as a browser extension's JSON)";
        assert_eq!(shown.to_string(), sentence);
    }

    #[test]
    fn a_fault_never_repeats_a_value() {
        let texts = [
            "PLANTED",
            "a=PLANTED",
            r#"{"a":"PLANTED"}"#,
            r#"[{"name":"a","value":"PLANTED"}"#,
            "curl -b a=PLANTED",
            "'a=PLANTED'",
        ];
        for text in texts {
            let fault = read(text).unwrap_err();
            assert!(!format!("{fault:?} {fault}").contains("PLANTED"), "{text}");
        }
    }

    /// Texts that are nearly one kind or another.
    fn nearly() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("curl ".to_owned()),
            Just(" -H ".to_owned()),
            Just(" -b".to_owned()),
            Just("cookie: ".to_owned()),
            Just("$'".to_owned()),
            Just("'".to_owned()),
            Just("\"".to_owned()),
            Just("^".to_owned()),
            Just("\\".to_owned()),
            Just("\\x".to_owned()),
            Just("\n".to_owned()),
            Just("\t".to_owned()),
            Just("TRUE".to_owned()),
            Just("#HttpOnly_".to_owned()),
            Just("[{".to_owned()),
            Just("\"name\":\"unb\"".to_owned()),
            Just("unb=1; ".to_owned()),
            Just("cookie2=鱼; ".to_owned()),
            Just("document.cookie".to_owned()),
            any::<String>(),
        ];
        proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn no_text_does_harm_and_what_is_read_is_read_again(text in nearly()) {
            for text in [format!("unb=1; cookie2=2; {text}"), format!("curl -b 'unb=1; cookie2=2' {text}"), text] {
                if let Ok(pasted) = read(&text) {
                    prop_assert_eq!(&Cookies::parse(pasted.cookies.header()), &pasted.cookies);
                    prop_assert!(!pasted.cookies.header().contains(char::is_control));
                }
            }
        }

        #[test]
        fn an_object_comes_back_as_the_header_it_is(pairs in proptest::collection::btree_map("[a-z_0-9]{1,8}", "[!-:<-~ ]{0,12}", 0..8)) {
            let mut pairs = pairs;
            pairs.extend([("unb".to_owned(), "1".to_owned()), ("cookie2".to_owned(), "2".to_owned())]);
            let pasted = read(&serde_json::to_string(&pairs).unwrap()).unwrap();
            for (name, value) in &pairs {
                prop_assert_eq!(pasted.cookies.get(name), Some(value.trim()));
            }
        }
    }
}
