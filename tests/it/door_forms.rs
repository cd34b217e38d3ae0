//! The forms at the door as a browser without script sends them: where they lead, what is said of a refusal, and from whom none is taken.

use serde_json::json;
use yutang::store::users;

use crate::{
    client::{Answer, Api, PASSWORD},
    harness::TestApp,
    letters::{give_address, with_mail},
    pages::not_set_up,
    people::phone,
    process::Server,
    screen::{DESK, Screen, has_chromium},
};

const KIND: &str = "application/x-www-form-urlencoded";
const OTHER_PASSWORD: &str = "another horse altogether";
const WRONG: &str = "the wrong horse entirely";
/// Of the seller's phone.
const SECRET: &str = "JBSWY3DPEHPK3PXP";

/// A browser that shows pages of this site, and says so of its forms.
fn browser_at(api: Api, site: &str) -> Api {
    api.with("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8").with("origin", site)
}

fn browser(app: &TestApp) -> Api {
    browser_at(app.anybody(), &app.site())
}

fn browser_of(server: &Server) -> Api {
    browser_at(Api::at(server.address()), &format!("http://{}", server.address()))
}

async fn post(browser: &Api, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    browser.send_bytes(path, KIND, body.into_bytes()).await
}

/// Sends the form of the page as it stands there, with this typed; `button` is the one that is pressed.
async fn submit(browser: &Api, page: &Answer, typed: &[(&str, &str)], button: &[(&str, &str)]) -> Answer {
    let form = page.text.split("<form method=\"post\"").nth(1).unwrap_or_else(|| panic!("no form: {}", page.text));
    let form = form.split("</form>").next().unwrap();
    let text = |part: &str| part.split('"').next().unwrap().replace("&#38;", "&");
    let action = text(form.split("action=\"").nth(1).unwrap());
    let hidden = form.split("<input type=\"hidden\" name=\"").skip(1);
    let hidden: Vec<_> = hidden.map(|input| (text(input), text(input.split_once("value=\"").unwrap().1))).collect();
    for (name, _) in typed {
        assert!(form.contains(&format!(" name=\"{name}\"")), "there is no {name}: {form}");
    }
    let hidden = hidden.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    post(browser, &action, &hidden.chain([typed, button].concat()).collect::<Vec<_>>()).await
}

const NO_BUTTON: &[(&str, &str)] = &[];
const SEND_CODE: &[(&str, &str)] = &[("_do", "code")];

/// What is said beside a field; empty where nothing is wrong with it.
fn problem(page: &Answer, field: &str) -> String {
    let start = format!("id=\"{field}-problem\"");
    let rest = page.text.split(&start).nth(1).unwrap_or_else(|| panic!("no {field}: {}", page.text));
    let (attributes, rest) = rest.split_once('>').unwrap();
    let said = rest.split("</p>").next().unwrap().to_owned();
    assert_eq!(attributes.contains("hidden"), said.is_empty(), "{field}: {}", page.text);
    said
}

/// What is typed in a field as the page shows it.
fn value(page: &Answer, field: &str) -> String {
    let input = page.text.split(&format!("<input id=\"{field}\"")).nth(1).unwrap().split('>').next().unwrap();
    input.split(" value=\"").nth(1).map_or_else(String::new, |rest| rest.split('"').next().unwrap().to_owned())
}

/// A page whose form was refused: nothing of it is kept by the browser, it is sent here alone, and it holds no secret.
#[track_caller]
fn is_page_without_secrets(page: &Answer, secrets: &[&str]) {
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"), "{page:?}");
    assert_eq!(page.header("cache-control"), Some("no-store"), "{page:?}");
    assert_eq!(page.header("referrer-policy"), Some("same-origin"), "{page:?}");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("form-action 'self'") && policy.contains("script-src 'self'"), "{policy}");
    assert_eq!(page.header("set-cookie"), None, "{page:?}");
    for secret in secrets {
        assert!(!page.text.contains(secret), "{secret}: {}", page.text);
    }
    assert!(!page.text.contains("<noscript>") && !page.text.contains("type=\"button\""), "{}", page.text);
}

/// Led on, and let in: the browser goes where it is led.
async fn goes_on(browser: &Api, led: &Answer) -> (String, Answer) {
    assert_eq!(led.status, 303, "{led:?}");
    let to = led.header("location").unwrap().to_owned();
    let cookie = led.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let shown = browser.as_who().with("cookie", &cookie).get(&to).await;
    (to, shown)
}

/// The seller has [`SECRET`].
fn set_second_factor(app: &TestApp) {
    let id = app.scope().user();
    let sealed = app.store().keys().seal(&users::totp_place(id), SECRET);
    app.write(move |conn| {
        users::set_totp(conn, id, Some(&sealed))?;
        users::confirm_totp(conn, id, 1)
    });
}

/// By password: the cookie is the one that the API gives, and leads where one wanted to go.
#[actix_web::test]
async fn a_person_signs_in_by_the_plain_form() {
    let mut app = TestApp::new();
    app.start().await;
    let browser = browser(&app);
    let page = browser.get("/sign-in?next=/app/orders?page=1").await.is(200);
    is_page_without_secrets(&page, &[]);
    let typed = [("username", "seller"), ("password", PASSWORD)];
    let led = submit(&browser, &page, &typed, NO_BUTTON).await;
    let (to, shown) = goes_on(&browser, &led).await;
    assert_eq!((&*to, shown.status), ("/app/orders?page=1", 200));
    let api = json!({"username": "seller", "password": PASSWORD, "cookie": true});
    let api = app.anybody().post("/api/v1/sessions", &api).await.is(201);
    let flags = |answer: &Answer| answer.header("set-cookie").unwrap().split_once(';').unwrap().1.to_owned();
    assert_eq!(flags(&led), flags(&api));
    let lines = app.signed_in("seller").await.audit("action=session.create").await;
    assert_eq!(lines.len(), 3, "one for each: {lines:?}");
    assert!(lines.iter().all(|line| line["via"] == "door" && line["actor"] == "seller"), "{lines:?}");
    // Behind HTTPS it is marked so, as the API's is.
    let mut app = TestApp::with(|settings| settings.server.public_url = "https://shop.example".into());
    app.start().await;
    let browser = browser_at(app.anybody(), "https://shop.example");
    let led = post(&browser, "/sign-in", &typed).await.is(303);
    assert_eq!(led.header("location"), Some("/"));
    assert!(led.header("set-cookie").unwrap().contains("; Secure"), "{led:?}");
}

/// What was typed is there again but for the password; who goes on to another address than one of ours is led home.
#[actix_web::test]
async fn a_wrong_password_brings_the_page_back_with_the_name() {
    let mut app = TestApp::new();
    app.start().await;
    let browser = browser(&app).with("accept-language", "zh");
    let page = browser.get("/sign-in").await.is(200);
    let typed = [("username", "<b>seller"), ("password", WRONG)];
    let refused = submit(&browser, &page, &typed, NO_BUTTON).await.is(401);
    is_page_without_secrets(&refused, &[WRONG, "<b>seller"]);
    assert!(refused.text.contains("用户名、密码或验证码不正确。"), "{}", refused.text);
    assert_eq!(value(&refused, "username"), "&#60;b&#62;seller");
    assert_eq!(refused.header("www-authenticate"), Some("Bearer realm=\"yutang\""));
    assert!(refused.text.contains("id=\"second-factor\" hidden"), "{}", refused.text);
    let empty = submit(&browser, &refused, &[("username", " "), ("password", WRONG)], NO_BUTTON).await.is(422);
    assert!(!problem(&empty, "username").is_empty(), "{}", empty.text);
    let foreign = "/sign-in?next=%2F%2Fevil.example";
    let led = post(&browser, foreign, &[("username", "seller"), ("password", PASSWORD)]).await.is(303);
    assert_eq!(led.header("location"), Some("/"));
}

/// S8: tries by the form and by the API are counted together, and the page says how long to wait.
#[actix_web::test]
async fn s8_guessing_by_the_form_is_locked_out_with_the_api() {
    let mut app = TestApp::new();
    app.start().await;
    let browser = browser(&app);
    let mut tries = 0;
    let locked = loop {
        let refused = post(&browser, "/sign-in", &[("username", "seller"), ("password", WRONG)]).await;
        if refused.status == 429 {
            break refused;
        }
        assert_eq!(refused.status, 401, "{}", refused.text);
        tries += 1;
        assert!(tries < 20, "it is never locked");
    };
    is_page_without_secrets(&locked, &[WRONG]);
    let wait: u64 = locked.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait) && locked.text.contains("Too many attempts"), "{}", locked.text);
    assert_eq!(value(&locked, "username"), "seller");
    let right = json!({"username": "seller", "password": PASSWORD});
    app.anybody().post("/api/v1/sessions", &right).await.refused(429, "too_many_tries");
}

/// The second factor is asked for once the password was right; the password is typed again, for no page holds it.
#[actix_web::test]
async fn a_second_factor_is_asked_for_by_the_plain_form() {
    let mut app = TestApp::new();
    app.start().await;
    set_second_factor(&app);
    let browser = browser(&app);
    let page = browser.get("/sign-in").await.is(200);
    assert!(page.text.contains("id=\"second-factor\" hidden") && !page.text.contains("once-more"), "{}", page.text);
    let asked = submit(&browser, &page, &[("username", "seller"), ("password", PASSWORD)], NO_BUTTON).await.is(401);
    is_page_without_secrets(&asked, &[PASSWORD]);
    assert!(asked.text.contains("id=\"second-factor\">"), "{}", asked.text);
    assert!(asked.text.contains("type it once more"), "{}", asked.text);
    assert_eq!(value(&asked, "username"), "seller");
    let typed = |code| [("username", "seller"), ("password", PASSWORD), ("totp", code)];
    let wrong = submit(&browser, &asked, &typed("abcdef"), NO_BUTTON).await.is(401);
    is_page_without_secrets(&wrong, &[PASSWORD, "abcdef"]);
    assert!(wrong.text.contains("id=\"second-factor\">") && !wrong.text.contains("once more"), "{}", wrong.text);
    let led = submit(&browser, &wrong, &typed(&phone(SECRET)), NO_BUTTON).await;
    assert_eq!(goes_on(&browser, &led).await.0, "/");
}

/// S28: nobody is signed in, registered or given a password by a page elsewhere; nor by who does not say from where.
#[actix_web::test]
async fn s28_a_form_of_a_foreign_page_is_refused() {
    let mut app = TestApp::new();
    app.start().await;
    let page = browser(&app);
    let own = app.site();
    let typed = [("username", "seller"), ("password", PASSWORD), ("repeat", PASSWORD), ("email", "mark@example.com")];
    for path in ["/sign-in", "/register", "/forgotten", "/setup"] {
        for (origin, site) in [
            ("https://evil.example", ""),
            ("null", ""),
            ("", ""),
            (&*own, "cross-site"),
            (&*own, "same-site"),
            (&*own, "none"),
        ] {
            let mut asking = app.anybody().with("accept", "text/html");
            if !origin.is_empty() {
                asking = asking.with("origin", origin);
            }
            if !site.is_empty() {
                asking = asking.with("sec-fetch-site", site);
            }
            for button in [NO_BUTTON, SEND_CODE] {
                let refused = post(&asking, path, &[&typed[..], button].concat()).await;
                assert_eq!(refused.status, 403, "{path} {origin} {site}: {}", refused.text);
                assert!(refused.text.contains("must be sent from a page of this server"), "{}", refused.text);
                assert_eq!(refused.header("set-cookie"), None, "{path} {origin} {site}");
                for text in [PASSWORD, "mark@example.com", "<form"] {
                    assert!(!refused.text.contains(text), "{text}: {}", refused.text);
                }
            }
        }
        let program = post(&app.anybody(), path, &typed).await.refused(403, "origin_refused");
        assert_eq!(program.field(), "Origin");
    }
    // What a browser says of the page counts before the name by which a proxy asks.
    let by_proxy = page.with("origin", "https://shop.example").with("sec-fetch-site", "same-origin");
    post(&by_proxy, "/sign-in", &typed[..2]).await.is(303);
    // Any other body is no form, and a form is no body of the API.
    let json = json!({"username": "seller", "password": PASSWORD}).to_string();
    let asking = browser(&app).with("accept", "*/*");
    asking.send_bytes("/sign-in", "application/json", json.into_bytes()).await.refused(415, "unsupported_media_type");
    post(&asking, "/api/v1/sessions", &typed[..2]).await.refused(415, "unsupported_media_type");
}

/// By the code of a letter, with the button that has it sent.
#[actix_web::test]
async fn a_person_signs_in_with_a_code_by_the_plain_form() {
    let (app, _, mut mail) = with_mail().await;
    give_address(&app, "seller", "seller@example.com");
    // Asked for, it is looked at anew whether letters are sent.
    app.anybody().get("/health").await;
    let browser = browser(&app);
    let page = browser.get("/sign-in?by=code&next=/app/chats").await.is(200);
    let address = [("email", "Seller@Example.com")];
    let sent = submit(&browser, &page, &address, SEND_CODE).await.is(200);
    is_page_without_secrets(&sent, &[]);
    assert!(sent.text.contains("the code is on its way"), "{}", sent.text);
    assert_eq!(value(&sent, "email"), "Seller@Example.com");
    let code = mail.next().await.code();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let typed = |code| [address[0], ("verification_code", code)];
    let refused = submit(&browser, &sent, &typed(wrong), NO_BUTTON).await.is(401);
    is_page_without_secrets(&refused, &[&format!("\"{wrong}\"")]);
    assert!(!refused.text.contains("on its way"), "{}", refused.text);
    let led = submit(&browser, &refused, &typed(&code), NO_BUTTON).await;
    let (to, shown) = goes_on(&browser, &led).await;
    assert_eq!((&*to, shown.status), ("/app/chats", 200));
    // No address, no letter; and letters are counted with those that the API is asked for.
    let refused = submit(&browser, &page, &[("email", "no address")], SEND_CODE).await.is(422);
    assert!(problem(&refused, "email").contains("must be an e-mail address"), "{}", refused.text);
    let ask = json!({"email": "seller@example.com", "purpose": "login"});
    while app.anybody().post("/api/v1/email-codes", &ask).await.status == 202 {}
    let late = submit(&browser, &page, &address, SEND_CODE).await.is(429);
    assert!(late.text.contains("Too many requests") && late.text.contains("Wait "), "{}", late.text);
}

/// Registered and signed in by one form; a name that is taken is said beside it, and the code stays good.
#[actix_web::test]
async fn a_stranger_registers_by_the_plain_form() {
    let (app, admin, mut mail) = with_mail().await;
    let browser = browser(&app);
    let page = browser.get("/register").await.is(200);
    let sent = submit(&browser, &page, &[("username", "newcomer"), ("email", "new@example.com")], SEND_CODE).await;
    let sent = sent.is(200);
    assert_eq!((&*value(&sent, "username"), &*value(&sent, "email")), ("newcomer", "new@example.com"));
    let code = mail.next().await.code();
    let typed = |name, repeat| {
        [
            ("username", name),
            ("email", "new@example.com"),
            ("verification_code", &*code),
            ("password", OTHER_PASSWORD),
            ("repeat", repeat),
        ]
    };
    let differs = submit(&browser, &sent, &typed("newcomer", WRONG), NO_BUTTON).await.is(422);
    is_page_without_secrets(&differs, &[OTHER_PASSWORD, WRONG, &code]);
    assert_eq!(problem(&differs, "repeat"), "The passwords do not match");
    assert_eq!(value(&differs, "username"), "newcomer");
    let taken = submit(&browser, &differs, &typed("seller", OTHER_PASSWORD), NO_BUTTON).await.is(409);
    is_page_without_secrets(&taken, &[OTHER_PASSWORD, &code]);
    assert_eq!(problem(&taken, "username"), "The name is already in use.");
    let led = submit(&browser, &taken, &typed("newcomer", OTHER_PASSWORD), NO_BUTTON).await;
    let (to, shown) = goes_on(&browser, &led).await;
    assert_eq!((&*to, shown.status), ("/app/welcome", 200));
    let users = admin.get("/api/v1/users").await.is(200).json();
    let newcomer = users["items"].as_array().unwrap().iter().find(|user| user["name"] == "newcomer").unwrap();
    assert_eq!((&newcomer["role"], &newcomer["email"]), (&json!("owner"), &json!("new@example.com")));

    admin.patch("/api/v1/settings", &json!({"registration": {"enabled": false}})).await.is(200);
    let closed = submit(&browser, &page, &typed("another", OTHER_PASSWORD), NO_BUTTON).await.is(403);
    assert!(closed.text.contains("Registration is closed") && !closed.text.contains("<form"), "{}", closed.text);
}

/// Replaced by the code of a letter; nobody is signed in by it, and the page says where one signs in.
#[actix_web::test]
async fn a_forgotten_password_is_replaced_by_the_plain_form() {
    let (app, _, mut mail) = with_mail().await;
    give_address(&app, "seller", "seller@example.com");
    let browser = browser(&app);
    let page = browser.get("/forgotten").await.is(200);
    let sent = submit(&browser, &page, &[("email", "seller@example.com")], SEND_CODE).await.is(200);
    let code = mail.next().await.code();
    let typed = |password| {
        let code = ("verification_code", &*code);
        [("email", "seller@example.com"), code, ("new_password", password), ("repeat", password)]
    };
    let weak = submit(&browser, &sent, &typed("1234567890123"), NO_BUTTON).await.is(422);
    is_page_without_secrets(&weak, &["1234567890123", &code]);
    assert!(!problem(&weak, "new_password").is_empty(), "{}", weak.text);
    assert_eq!(value(&weak, "email"), "seller@example.com");
    let led = submit(&browser, &weak, &typed(OTHER_PASSWORD), NO_BUTTON).await.is(303);
    assert_eq!(led.header("set-cookie"), None, "nobody is signed in by it");
    let done = browser.get(led.header("location").unwrap()).await.is(200);
    assert!(done.text.contains("The password is changed") && done.text.contains("href=\"/sign-in\""), "{}", done.text);
    let sign_in = |password| [("username", "seller@example.com"), ("password", password)];
    post(&browser, "/sign-in", &sign_in(PASSWORD)).await.is(401);
    let led = post(&browser, "/sign-in", &sign_in(OTHER_PASSWORD)).await;
    assert_eq!(goes_on(&browser, &led).await.0, "/");
}

/// S1: the printed link makes the administrator by its form, once; a void link has none.
#[actix_web::test]
async fn s1_the_first_administrator_is_made_by_the_plain_form() {
    let (shop, server, token) = not_set_up();
    let browser = browser_of(&server);
    // Nobody signs in yet: a browser is led to the set-up.
    let early = post(&browser, "/sign-in", &[("username", "root"), ("password", PASSWORD)]).await.is(303);
    assert_eq!(early.header("location"), Some("/setup"));
    let page = browser.get(&format!("/setup?token={token}&lang=en")).await.is(200);
    let typed = |name, password| [("username", name), ("password", password), ("repeat", password)];
    let short = submit(&browser, &page, &typed("root", "short"), NO_BUTTON).await.is(422);
    is_page_without_secrets(&short, &["\"short\""]);
    assert!(!problem(&short, "password").is_empty(), "{}", short.text);
    assert_eq!(value(&short, "username"), "root");
    // The owner whom the command line made has this name.
    let taken = submit(&browser, &short, &typed("alice", PASSWORD), NO_BUTTON).await.is(409);
    assert_eq!(problem(&taken, "username"), "The name is already in use.");
    let guess = [&typed("root", PASSWORD)[..], &[("token", "guess")]].concat();
    let void = post(&browser, "/setup?token=guess", &guess).await.is(404);
    assert!(void.text.contains("Use the link that the server printed"), "{}", void.text);
    let led = submit(&browser, &taken, &typed("root", PASSWORD), NO_BUTTON).await;
    let (to, shown) = goes_on(&browser, &led).await;
    assert_eq!((&*to, shown.status), ("/app/welcome", 200));
    let used = submit(&browser, &taken, &typed("second", PASSWORD), NO_BUTTON).await.is(404);
    assert!(used.text.contains("Already set up") && !used.text.contains("<form"), "{}", used.text);
    assert_eq!(shop.texts("SELECT name AS text FROM users WHERE role = 'admin'"), ["root"]);
}

/// A real browser without script says of its form where it comes from, and is let in.
#[actix_web::test]
async fn a_browser_without_script_signs_in() {
    if !has_chromium() {
        return;
    }
    let mut app = TestApp::new();
    app.start().await;
    let screen = Screen::new(DESK).await;
    screen.without_script().await;
    screen.go(&format!("{}/sign-in?lang=zh&next=/app/orders", app.site())).await;
    screen.write("#username", "seller").await;
    screen.write("#password", WRONG).await;
    screen.click("form button").await;
    screen.reads("用户名、密码或验证码不正确。").await;
    assert_eq!(screen.eval("document.getElementById('username').value").await, "seller");
    screen.keep("sign-in-refused.zh").await;
    screen.until("document.activeElement.id === 'password'").await;
    screen.write("#password", PASSWORD).await;
    screen.click("form button").await;
    screen.until("location.pathname === '/app/orders' && document.readyState === 'complete'").await;
}

/// With script nothing is loaded anew: also the password stays where it was typed, and one waits for the next code.
#[actix_web::test]
async fn with_script_a_refusal_leaves_what_was_typed() {
    if !has_chromium() {
        return;
    }
    let (app, _, _mail) = with_mail().await;
    set_second_factor(&app);
    // Asked for, it is looked at anew whether letters are sent.
    app.anybody().get("/health").await;
    let screen = Screen::new(DESK).await;
    screen.go(&format!("{}/sign-in?lang=en&by=code", app.site())).await;
    screen.write("#email", "seller@example.com").await;
    screen.click("#send-code").await;
    screen.reads("the code is on its way").await;
    screen.until("document.getElementById('send-code').disabled").await;
    screen.reads("Again in").await;
    screen.until("document.activeElement.id === 'verification_code'").await;
    screen.is_in_order().await;
    screen.go(&format!("{}/sign-in?lang=en&next=/app/orders", app.site())).await;
    screen.eval("window.isTheSame = true").await;
    screen.write("#username", "seller").await;
    screen.write("#password", PASSWORD).await;
    screen.press("Enter").await;
    screen.until("!document.getElementById('second-factor').hidden").await;
    screen.until("document.activeElement.id === 'totp'").await;
    screen.keep("sign-in-second-factor.en").await;
    let kept = screen.eval("[window.isTheSame, document.getElementById('password').value]").await;
    assert_eq!(kept, json!([true, PASSWORD]));
    screen.write("#totp", &phone(SECRET)).await;
    screen.click("form button").await;
    screen.until("location.pathname === '/app/orders' && document.readyState === 'complete'").await;
}
