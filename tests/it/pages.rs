//! What a browser gets: pages, their files, and the documentation.

use futures_util::future::join;
use serde_json::json;
use yutang::{access::role::Role, web::static_files::href};

use crate::{
    client::{Answer, Api, PASSWORD},
    harness::TestApp,
    process::{Server, Shop},
    raw::{body, header, status},
    screen::{PHONE, Screen, has_chromium},
};

const BROWSER: &str = "Accept: text/html,application/xhtml+xml;q=0.9,*/*;q=0.8";
const PAGES: [&str; 2] = ["/docs", "/redoc"];

/// The addresses that a page names.
fn links(page: &str) -> Vec<String> {
    let starts = [" src=\"", " href=\""];
    let parts = starts.iter().flat_map(|start| page.split(start).skip(1));
    parts
        .filter_map(|rest| rest.split('"').next())
        .map(|link| link.replace("&#38;", "&").replace("&amp;", "&"))
        .collect()
}

#[actix_web::test]
async fn a_file_is_served_under_the_hash_of_its_content_and_kept_for_ever() {
    let mut app = TestApp::new();
    app.start().await;
    for (name, kind) in [
        ("css/app.css", "text/css; charset=utf-8"),
        ("js/door.js", "text/javascript; charset=utf-8"),
        ("img/icon.svg", "image/svg+xml"),
    ] {
        let file = app.anybody().get(&href(name)).await.is(200);
        assert_eq!(file.header("content-type"), Some(kind));
        assert_eq!(file.header("cache-control"), Some("public, max-age=31536000, immutable"));
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
        assert!(!file.text.is_empty());
    }
}

/// S37, P7: an address under /static/ is one that a page names, or nothing: no file name is ever made from it.
#[actix_web::test]
async fn s37_p7_no_trick_with_a_path_reaches_a_file_and_unknown_ones_are_not_found() {
    let mut app = TestApp::new();
    app.start().await;
    let css = href("css/app.css");
    let (stem, hash) = (css.strip_suffix(".css").unwrap(), &css[css.len() - 12..css.len() - 4]);
    let other = if hash.starts_with('0') { "1" } else { "0" };
    let mut tricks = vec![
        "/static/css/app.css".to_owned(),
        format!("{}{other}{}.css", &stem[..stem.len() - 8], &hash[1..]),
        css.to_uppercase(),
        css.replace('.', "%2e"),
        css.replacen("css/", "css%2f", 1),
        css.replacen("css/", "css//", 1),
        css.replacen("css/", "css/./", 1),
        css.replacen("css/", "css\\", 1),
        format!("{css}/"),
        format!("{css}%00"),
        format!("{css}%00.html"),
        format!("{css};x"),
        format!("/static/x/../{}", &css["/static/".len()..]),
    ];
    let plain = [
        "/static",
        "/static/",
        "/static//",
        "/static/vendor/README.md",
        "/static/../Cargo.toml",
        "/static/..%2fCargo.toml",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static/....//....//etc/passwd",
        "/static//etc/passwd",
        "/static/%5c..%5c..",
        "/static/%c0%ae%c0%ae/",
        "/static/*",
        "/static/C:/",
        "/static/%",
        "/static/%zz",
    ];
    tricks.extend(plain.map(str::to_owned));
    for path in tricks {
        let answer = app.raw_request("GET", &path, &["Accept-Language: en"]).await;
        let expected = (404, "\"code\":\"not_found\"");
        assert_eq!(status(&answer), expected.0, "{path}: {answer}");
        assert!(body(&answer).contains(expected.1), "{path}: {answer}");
        assert_eq!(header(&answer, "cache-control"), Some("no-store"), "{path}");
    }
}

/// P7: an address that is not there is 404 for everybody, whatever they accept.
#[actix_web::test]
async fn p7_unknown_addresses_are_not_found() {
    let mut app = TestApp::new();
    app.start().await;
    for path in ["/index.html", "/favicon.ico", "/api", "/api/v1/", "/docs/", "/setup/x", "/..", "/%2e%2e/etc/passwd"] {
        let answer = app.raw_request("GET", path, &[BROWSER]).await;
        assert_eq!((status(&answer), header(&answer, "content-type")), (404, Some("application/json")), "{path}");
    }
}

#[actix_web::test]
async fn until_it_is_set_up_every_page_leads_to_the_set_up() {
    let mut app = TestApp::without_admin();
    app.start().await;
    for path in ["/", "/sign-in", "/register", "/forgotten", "/docs", "/redoc", "/app/welcome"] {
        let answer = app.raw_request("GET", path, &[BROWSER]).await;
        assert_eq!((status(&answer), header(&answer, "location")), (303, Some("/setup")), "{path}");
    }
    app.anybody().get("/docs").await.refused(503, "setup_required");
    for (path, text) in
        [("/setup?lang=en", "Use the link that the server printed"), ("/setup?token=guess", "旧链接随即失效")]
    {
        let page = app.anybody().with("accept-language", "zh").get(path).await.is(404);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        assert!(page.text.contains(text) && !page.text.contains("<form"), "{}", page.text);
    }
}

#[actix_web::test]
async fn the_set_up_page_asks_in_both_languages_and_says_when_it_was_used() {
    let mut app = TestApp::new();
    app.start().await;
    let page = app.anybody().get("/setup?token=abc").await.is(404);
    let sign_in = "href=\"/sign-in?next=%2Fapp%2Fwelcome\"";
    assert!(page.text.contains("Already set up") && page.text.contains(sign_in), "{}", page.text);
    let page = app.anybody().with("accept-language", "zh-CN").get("/setup").await.is(404);
    assert!(page.text.contains("系统已完成设置") && page.text.contains("lang=\"zh-CN\""), "{}", page.text);
    // Whoever is signed in goes on where they were.
    let led = app.anybody().sign_in_by_cookie("admin").await.get("/setup?token=abc").await.is(303);
    assert_eq!(led.header("location"), Some("/app/welcome"));
}

/// The printed link opens a form; what the form sends makes the administrator, once.
#[actix_web::test]
async fn the_printed_link_opens_the_form_that_makes_the_administrator() {
    let mut shop = Shop::with_accounts(0);
    shop.set("server.public_url", "http://localhost:1/");
    let server = shop.serve();
    let link = printed_link(&server);
    let path = link.strip_prefix("http://localhost:1").expect("the link begins with server.public_url");
    let (code, page) = server.get(path);
    let token = path.split_once("token=").unwrap().1;
    assert_eq!(code, 200, "{page}");
    assert!(page.contains("创建管理员") && page.contains(&format!("value=\"{token}\"")), "{page}");
    assert!(links(&page).contains(&format!("/setup?token={token}&lang=en")), "{page}");
    let (code, english) = server.get(&format!("{path}&lang=en"));
    assert!(code == 200 && english.contains("Create the administrator"), "{english}");
}

fn printed_link(server: &Server) -> String {
    server.await_line("Set-up link, good once: ").rsplit(' ').next().unwrap().to_owned()
}

/// A server that nobody administers yet, and the token of its link.
pub(crate) fn not_set_up() -> (Shop, Server, String) {
    let shop = Shop::with_accounts(0);
    let server = shop.serve();
    let token = printed_link(&server).split_once("/setup?token=").unwrap().1.to_owned();
    (shop, server, token)
}

async fn set_up(server: &Server, token: &str, name: &str) -> Answer {
    let ask = json!({"token": token, "username": name, "password": PASSWORD});
    Api::at(server.address()).post("/api/v1/setup", &ask).await
}

fn administrators(shop: &Shop) -> Vec<String> {
    shop.texts("SELECT name AS text FROM users WHERE role = 'admin'")
}

/// S1: whoever has the printed link becomes the administrator and is signed in; then the link is void.
#[actix_web::test]
async fn s1_the_printed_link_makes_the_administrator_and_is_good_once() {
    let (shop, server, token) = not_set_up();
    // The owner whom the command line made is no administrator, but has a name.
    assert_eq!(set_up(&server, &token, "alice").await.refused(409, "name_taken").field(), "username");
    let made = set_up(&server, &token, "root").await.is(201);
    let user = &made.json()["user"];
    assert_eq!((&user["name"], &user["role"]), (&json!("root"), &json!("admin")));
    let anybody = Api::at(server.address());
    let root = Api::at(server.address()).with_cookie_of(&made);
    assert_eq!(root.get("/api/v1/me").await.is(200).json(), *user);
    root.put("/api/v1/stop-switch", &json!({"on": false})).await.is(200);
    let lines = root.audit(&format!("action=user.create&object_id={}", user["id"])).await;
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((&line["actor"], &line["via"], &line["after"]), (&json!("root"), &json!("door"), user));
    for name in ["root", "second"] {
        set_up(&server, &token, name).await.refused(404, "setup_done");
    }
    anybody.get(&format!("/setup?token={token}")).await.is(404);
    assert_eq!(administrators(&shop), ["root"]);
}

/// S1: of two who open the link at the same time one is the administrator, and the other is told that it was used.
#[actix_web::test]
async fn s1_two_who_use_the_link_at_once_make_one_administrator() {
    let (shop, server, token) = not_set_up();
    let (one, two) = join(set_up(&server, &token, "one"), set_up(&server, &token, "two")).await;
    let (first, late) = if one.status == 201 { (one, two) } else { (two, one) };
    late.refused(404, "setup_done");
    assert_eq!(first.is(201).json()["user"]["name"], administrators(&shop).join(", "));
}

#[actix_web::test]
async fn everything_a_page_names_is_there_and_on_this_server() {
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.signed_in("seller").await;
    let mut seen = 0;
    for page in ["/sign-in", "/app/answers", "/docs", "/redoc"] {
        let text = seller.get(page).await.is(200).text;
        for link in links(&text) {
            if let Some(part) = link.strip_prefix('#') {
                assert!(text.contains(&format!("id=\"{part}\"")), "{page} leads to {link}");
                continue;
            }
            assert!(link.starts_with('/') && !link.starts_with("//"), "{page} names {link}");
            seller.get(&link).await.is(200);
            seen += 1;
        }
    }
    assert!(seen >= 10, "{seen}");
}

/// What stands between the menus.
fn main_part(page: &str) -> &str {
    let (_, rest) = page.split_once("<main").unwrap_or_else(|| panic!("{page}"));
    rest.split_once("</main>").unwrap_or_else(|| panic!("{page}")).0
}

/// The order of sources, for each account, to who may see it.
#[actix_web::test]
async fn the_page_of_sources_shows_their_order_and_what_is_off() {
    let mut app = TestApp::new();
    let shop = app.open("<b>shop</b>");
    app.person("rival", Role::Owner);
    app.start().await;
    let seller = app.signed_in("seller").await;
    let off = json!({"off": ["global_rule"]});
    seller.put(&format!("/api/v1/accounts/{}/sources", shop.id), &off).await.is(200);
    let page = seller.get("/app/answers?lang=zh").await.is(200).text;
    let page = main_part(&page);
    let names = ["外部程序", "商品规则", "账号规则", "全局规则", "AI", "商品默认回复", "账号默认回复", "不回复</li>"];
    let places: Vec<usize> =
        names.iter().map(|name| page.rfind(name).unwrap_or_else(|| panic!("{name}: {page}"))).collect();
    assert!(places.is_sorted(), "{page}");
    assert!(page.contains("全局规则 <span class=\"chip\">已关闭</span>") && page.contains("未设置"), "{page}");
    assert!(page.contains("&lt;b&gt;shop") || page.contains("&#60;b&#62;shop"), "{page}");
    let english = seller.get("/app/answers?lang=en").await.is(200).text;
    assert!(english.contains("Rules for all accounts <span class=\"chip\">off</span>"), "{english}");
    let rival = app.signed_in("rival").await.get("/app/answers?lang=en").await.is(200).text;
    let rival = main_part(&rival);
    assert!(rival.contains("There is no account yet.") && !rival.contains("shop"), "{rival}");
    let led = app.raw_request("GET", "/app/answers", &[BROWSER]).await;
    assert_eq!((status(&led), header(&led, "location")), (303, Some("/sign-in?next=%2Fapp%2Fanswers")));
    seller.get("/app/answers?page=x").await.refused(400, "invalid_query");
}

/// S27: nobody reads the documentation who is not signed in; a browser is led to where one signs in, and back.
#[actix_web::test]
async fn s27_the_documentation_is_for_who_is_signed_in() {
    let mut app = TestApp::new();
    app.start().await;
    app.anybody().get("/api-docs/openapi.json").await.refused(401, "not_signed_in");
    for page in PAGES {
        app.anybody().get(page).await.refused(401, "not_signed_in");
        let led = app.raw_request("GET", &format!("{page}?a=b"), &[BROWSER]).await;
        let wanted = format!("/sign-in?next=%2F{}%3Fa%3Db", &page[1..]);
        assert_eq!((status(&led), header(&led, "location")), (303, Some(&*wanted)));
        let asked = app.anybody().get(&wanted).await.is(200);
        assert!(asked.text.contains(&format!("data-next=\"{page}?a=b\"")), "{}", asked.text);
        let shown = app.signed_in("seller").await.get(page).await.is(200);
        let policy = shown.header("content-security-policy").unwrap();
        assert!(
            policy.contains("script-src 'self';") && policy.contains("style-src 'self' 'unsafe-inline'"),
            "{policy}"
        );
        assert!(links(&shown.text).contains(&"/app/about".to_owned()), "it leads back: {}", shown.text);
    }
    let document = app.signed_in("seller").await.get("/api-docs/openapi.json").await.is(200).json();
    assert_eq!(document["info"]["title"], "Xianyu Auto Reply API");
}

/// S27: and the switch takes it away.
#[actix_web::test]
async fn s27_the_documentation_can_be_switched_off() {
    let mut app = TestApp::with(|settings| settings.server.docs = false);
    app.start().await;
    let seller = app.signed_in("seller").await;
    for path in ["/docs", "/redoc", "/api-docs/openapi.json"] {
        seller.get(path).await.refused(404, "not_found");
    }
}

#[actix_web::test]
async fn the_sign_in_page_leads_on_only_to_this_server() {
    let mut app = TestApp::new();
    app.start().await;
    for foreign in
        ["//evil.example", "/%5Cevil.example", "https://evil.example", "javascript:alert(1)", "/%09/evil.example"]
    {
        let page = app.anybody().get(&format!("/sign-in?next={foreign}")).await;
        assert!(page.status == 400 || page.text.contains("data-next=\"/\""), "{foreign}: {}", page.text);
        assert!(!page.text.contains("data-next=\"//") && !page.text.contains("data-next=\"http"), "{}", page.text);
    }
    let page = app.anybody().get("/sign-in?next=/a%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await.is(200);
    assert!(!page.text.contains("<script>alert"), "{}", page.text);
}

/// What the sign-in page does: the session comes as a cookie, and the cookie opens the documentation.
#[actix_web::test]
async fn the_cookie_of_the_sign_in_page_opens_the_documentation() {
    let mut app = TestApp::new();
    app.start().await;
    let ask = json!({"username": "seller", "password": PASSWORD, "cookie": true});
    let answer = app.anybody().post("/api/v1/sessions", &ask).await.is(201);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let shown = app.anybody().with("cookie", cookie.split(';').next().unwrap()).get("/docs").await.is(200);
    assert!(shown.text.contains("swagger-ui-bundle."), "{}", shown.text);
}

#[actix_web::test]
async fn head_answers_as_get_without_a_body_and_options_tells_the_methods() {
    let mut app = TestApp::new();
    app.start().await;
    for path in ["/livez", "/sign-in", &*href("css/app.css")] {
        let answer = app.raw_request("HEAD", path, &[]).await;
        assert_eq!((status(&answer), body(&answer)), (200, ""), "{path}");
    }
    let answer = app.raw_request("HEAD", "/api/v1/audit", &[]).await;
    assert_eq!((status(&answer), body(&answer)), (401, ""), "what GET refuses, HEAD refuses");
    let answer = app.raw_request("OPTIONS", "/api/v1/blocked-buyers", &[]).await;
    assert_eq!((status(&answer), header(&answer, "allow")), (204, Some("GET, POST, HEAD, OPTIONS")));
    assert_eq!(header(&answer, "access-control-allow-origin"), None);
    assert_eq!(status(&app.raw_request("OPTIONS", "/nothing", &[]).await), 404);
    for method in ["TRACE", "CONNECT", "PROPFIND", "get", "X"] {
        assert_eq!(status(&app.raw_request(method, "/health", &[]).await), 405, "{method}");
    }
}

/// Where nobody opens the link, a file has the password; the name obeys the rules of all names.
#[actix_web::test]
async fn an_administrator_of_the_password_file_is_not_called_like_an_address() {
    let mut shop = Shop::with_accounts(0);
    std::fs::write(shop.folder().join("password"), "correct horse battery\n").unwrap();
    shop.set("setup.admin_password_file", "password");
    shop.set("setup.admin_name", "root@example.com");
    let said = shop.run(&["serve"]).failed();
    assert!(said.contains("setup.admin_name") && said.contains("must not contain an @"), "{said}");
    shop.set("setup.admin_name", "root");
    let server = shop.serve();
    server.get_until("/health", 200).await;
    assert_eq!(administrators(&shop), ["root"], "{}", server.log());
}

/// Whoever forgot their password hears why no letter comes, and an administrator how letters could be sent.
#[actix_web::test]
async fn the_sign_in_page_says_that_no_letters_are_sent() {
    let mut app = TestApp::new();
    app.start().await;
    let page = async |query: &str| app.anybody().get(&format!("/sign-in?lang={query}")).await.is(200).text;
    assert!(page("zh").await.contains("忘记密码请联系管理员") && page("zh").await.contains("SMTP"));
    assert!(page("en").await.contains("this server cannot send e-mail yet"));
    let admin = app.signed_in("admin").await;
    let smtp = json!({"host": "smtp.example.com", "port": 465, "security": "implicit", "from": "pond@example.com"});
    admin.patch("/api/v1/settings", &json!({"smtp": smtp})).await.is(200);
    // Asked for, it is looked at anew.
    app.anybody().get("/health").await;
    for text in [page("zh").await, page("en").await] {
        assert!(text.contains("href=\"/forgotten\"") && !text.contains("SMTP"), "{text}");
    }
}

/// A code by e-mail, a new password and a registration are offered where they are to be had; elsewhere a page says why not.
#[actix_web::test]
async fn the_door_offers_what_there_is() {
    let mut app = TestApp::new();
    app.start().await;
    let (anybody, admin) = (app.anybody(), app.signed_in("admin").await);
    let offers = async |what: &str| anybody.get("/sign-in").await.is(200).text.contains(what);
    let [by_code, forgotten, register] = ["by=code", "href=\"/forgotten\"", "href=\"/register\""];
    assert!(!offers(by_code).await && !offers(forgotten).await && !offers(register).await);
    // A link of another day: by password then.
    assert!(anybody.get("/sign-in?by=code").await.is(200).text.contains("id=\"password\""));
    let page = anybody.get("/register").await.is(403);
    assert!(page.text.contains("Registration is closed") && !page.text.contains("<form"), "{}", page.text);
    let page = anybody.with("accept-language", "zh").get("/forgotten").await.is(503);
    assert!(page.text.contains("请联系管理员") && !page.text.contains("<form"), "{}", page.text);

    admin.patch("/api/v1/settings", &json!({"registration": {"enabled": true}})).await.is(200);
    let anybody = app.anybody();
    assert!(anybody.get("/sign-in").await.is(200).text.contains(register));
    let page = anybody.get("/register").await.is(503);
    assert!(page.text.contains("Nobody can register now") && !page.text.contains("<form"), "{}", page.text);

    let smtp = json!({"host": "smtp.example.com", "port": 465, "security": "implicit", "from": "pond@example.com"});
    admin.patch("/api/v1/settings", &json!({"smtp": smtp})).await.is(200);
    for path in ["/register", "/forgotten", "/sign-in?by=code"] {
        let page = anybody.get(path).await.is(200);
        let has_fields = ["<form", "id=\"email\"", "id=\"send-code\"", "id=\"verification_code\""];
        assert!(has_fields.iter().all(|field| page.text.contains(field)), "{path}: {}", page.text);
        assert!(!page.text.contains("<noscript>"), "{path}");
        for link in links(&page.text) {
            anybody.get(&link).await.is(200);
        }
    }
}

/// Whoever chooses a language before the sign-in finds it chosen behind it.
#[actix_web::test]
async fn the_language_of_the_door_is_the_panels() {
    let mut app = TestApp::new();
    app.start().await;
    let chosen = app.anybody().get("/sign-in?lang=zh").await.is(200);
    let cookie = chosen.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(cookie, "yutang_language=zh");
    let door = app.anybody().with("cookie", &cookie).get("/sign-in").await.is(200);
    assert!(door.text.contains("lang=\"zh-CN\""), "{}", door.text);
    let signed_in = app.anybody().sign_in_by_cookie("seller").await;
    let cookies = format!("{}; {cookie}", signed_in.sends("cookie"));
    let page = signed_in.with("cookie", &cookies).get("/app/welcome").await.is(200);
    assert!(page.text.contains("开始使用"), "{}", page.text);
    assert_eq!(app.anybody().get("/sign-in").await.is(200).header("set-cookie"), None);
}

/// From the printed link to the end of setting up, by hand and on a phone. Nothing of it needs an account.
#[actix_web::test]
async fn a_new_administrator_is_led_from_the_link_through_the_steps() {
    if !has_chromium() {
        return;
    }
    let (shop, server, token) = not_set_up();
    let site = format!("http://{}", server.address());
    let screen = Screen::new(PHONE).await;
    screen.go(&format!("{site}/setup?token={token}&lang=en")).await;
    screen.keep("setup.en").await;
    screen.click(".ways a[lang='zh-CN']").await;
    screen.reads("创建管理员").await;
    screen.keep("setup.zh").await;
    screen.write("#username", "root").await;
    screen.write("#password", PASSWORD).await;
    screen.write("#repeat", "something else").await;
    screen.click("form button").await;
    screen.until("!document.getElementById('repeat-problem').hidden").await;
    assert_eq!(screen.eval("document.getElementById('username').value").await, "root");
    screen.eval("document.getElementById('repeat').value = ''").await;
    screen.write("#repeat", PASSWORD).await;
    screen.click("form button").await;
    // The language goes along.
    screen.until("location.pathname === '/app/welcome'").await;
    screen.reads("添加闲鱼账号").await;
    screen.keep("welcome.zh").await;
    screen.is_in_order().await;
    screen.click(".onward button").await;
    screen.until("location.search.includes('step=rule')").await;
    screen.click("form[action$='/keywords'] button.main").await;
    screen.until("location.search.includes('step=trial')").await;
    screen.reads("规则已生效。").await;
    assert_eq!(shop.texts("SELECT keyword AS text FROM rules WHERE keyword = '在吗'"), ["在吗"]);
    for next in ["channel", "end"] {
        screen.click(".onward button").await;
        screen.until(&format!("location.search.includes('step={next}')")).await;
    }
    screen.reads("功能都在哪里").await;
    screen.is_in_order().await;
    screen.go(&format!("{site}/app")).await;
    screen.until("document.querySelector('main h1') && !document.getElementById('unfinished')").await;
}
