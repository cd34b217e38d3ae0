//! Attacks on the door: forged tokens, foreign cookies, guessing, and finding out who is there.

use std::time::{Duration, Instant};

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD as BASE64};
use diesel::{Connection as _, SqliteConnection, connection::SimpleConnection as _};
use futures_util::future::{Either, join_all, select};
use serde_json::{Value, json};
use yutang::{
    access::{
        jwt::{Claims, Signer},
        role::Role,
        token::{self, Access as Reach},
    },
    ids::{Timestamp, UserId},
    store::{
        Scope,
        api_tokens::{self, NewToken},
        sessions::{self, Session},
    },
    telemetry::clock,
    web::gate::{IDLE, LONGEST},
};

use crate::{
    client::{Answer, Api, PASSWORD},
    harness::TestApp,
};

async fn started() -> TestApp {
    let mut app = TestApp::new();
    app.start().await;
    app
}

/// Every request may say where it comes from.
async fn behind_a_proxy() -> TestApp {
    let mut app = TestApp::with(|settings| settings.server.trusted_proxies = vec![[127, 0, 0, 1].into()]);
    app.start().await;
    app
}

fn from(app: &TestApp, address: &str) -> Api {
    app.anybody().with("x-forwarded-for", address)
}

async fn sign_in(api: &Api, name: &str, password: &str) -> Answer {
    api.post("/api/v1/sessions", &json!({"username": name, "password": password})).await
}

fn bearer(app: &TestApp, token: &str) -> Api {
    app.anybody().with("authorization", &format!("Bearer {token}"))
}

/// A forged token is nobody's, however it is forged.
#[actix_web::test]
async fn a_token_that_we_did_not_sign_opens_nothing() {
    let app = started().await;
    let seller = app.signed_in("seller").await;
    let good = seller.sends("authorization").trim_start_matches("Bearer ").to_owned();
    bearer(&app, &good).get("/api/v1/me").await.is(200);
    let session = seller.session.borrow().clone().unwrap();
    let now = clock::unix();
    let claims = Claims { sub: app.scope().user(), sid: session, iat: now, exp: now + Duration::from_hours(1) };
    let [head, body, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();

    let none = BASE64.encode(r#"{"alg":"none","typ":"JWT"}"#);
    let other_algorithm = BASE64.encode(r#"{"alg":"HS512","typ":"JWT"}"#);
    let wrong_key = Signer::new([7; 32]).sign(&claims);
    let signer = Signer::new(app.store().keys().derive("jwt"));
    bearer(&app, &signer.sign(&claims)).get("/api/v1/me").await.is(200);
    let expired = signer.sign(&Claims { exp: Timestamp(now.0 - 1000), ..claims.clone() });
    let unknown = signer.sign(&Claims { sid: "AAAAAAAAAAAAAAAAAAAAAA".into(), ..claims });
    let mut tampered: Value = serde_json::from_slice(&BASE64.decode(body).unwrap()).unwrap();
    tampered["sub"] = "1".into();
    tampered["sid"] = "x".into();
    let tampered = BASE64.encode(tampered.to_string());
    let forged = [
        ("none algorithm", format!("{none}.{body}.")),
        ("none algorithm, with a signature", format!("{none}.{body}.{signature}")),
        ("another algorithm", format!("{other_algorithm}.{body}.{signature}")),
        ("wrong key", wrong_key),
        ("expired", expired),
        ("unknown session", unknown),
        ("tampered", format!("{head}.{tampered}.{signature}")),
        ("without signature", format!("{head}.{body}.")),
        ("cut off", format!("{head}.{body}")),
        ("nothing", "x".into()),
        ("huge", "x".repeat(6000)),
    ];
    for (name, token) in forged {
        let answer = bearer(&app, &token).get("/api/v1/me").await;
        assert_eq!((answer.status, &*answer.code()), (401, "not_signed_in"), "{name}");
    }
    seller.delete("/api/v1/sessions/%00").await.refused(404, "not_found");
    seller.delete("/api/v1/sessions/current").await.is(204);
    bearer(&app, &good).get("/api/v1/me").await.refused(401, "not_signed_in");
}

/// S22: sessions are listed, and one is ended from another.
#[actix_web::test]
async fn s22_a_session_is_ended_from_another() {
    let app = started().await;
    let (here, there) = (app.signed_in("seller").await, app.signed_in("seller").await);
    assert_eq!(here.get("/api/v1/sessions").await.is(200).json()["total"], 2);
    let id = there.session.borrow().clone().unwrap();
    let admin = app.signed_in("admin").await;
    admin.delete(&format!("/api/v1/sessions/{id}")).await.refused(404, "not_found");
    here.delete(&format!("/api/v1/sessions/{id}")).await.is(204);
    there.get("/api/v1/me").await.refused(401, "not_signed_in");
    here.get("/api/v1/me").await.is(200);
}

/// A session that was used at this moment and lasts as long as any.
fn session(id: &str, user: UserId, seen_at: Timestamp) -> Session {
    let (expires_at, ends_at) = (seen_at + IDLE, seen_at + LONGEST);
    let (address, agent) = (String::new(), String::new());
    Session { id: id.into(), user, created_at: seen_at, seen_at, expires_at, ends_at, address, agent }
}

/// The seller, who comes with such a session.
fn by_session(app: &TestApp, session: Session) -> Api {
    let signer = Signer::new(app.store().keys().derive("jwt"));
    let claims = Claims { sub: session.user, sid: session.id.clone(), iat: session.created_at, exp: Timestamp::NEVER };
    app.write(move |conn| sessions::insert(conn, &session));
    bearer(app, &signer.sign(&claims))
}

/// S22: a session lasts a day from its last use, and thirty days in all; it says so itself, and the cookie goes with it.
#[actix_web::test]
async fn s22_a_session_is_promised_a_day_and_thirty_days() {
    let app = started().await;
    let ask = json!({"username": "seller", "password": PASSWORD, "cookie": true});
    let answer = app.anybody().post("/api/v1/sessions", &ask).await.is(201);
    let session = &answer.json()["session"];
    let of = |name: &str| session[name].as_i64().unwrap() - session["created_at"].as_i64().unwrap();
    assert_eq!((of("expires_at"), of("ends_at")), (24 * HOUR, 30 * 24 * HOUR));
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.contains("; Max-Age=2592000"), "{cookie}");
}

const HOUR: i64 = 3_600_000;

/// S22: the signature of the token is good for all of them; what is stored of the session decides.
#[actix_web::test]
async fn s22_a_session_that_was_not_used_for_a_day_or_is_thirty_days_old_is_over() {
    let app = started().await;
    let (owner, now) = (app.scope().user(), clock::unix());
    let ago = |hours: i64| Timestamp(now.0 - hours * HOUR);
    let idle = by_session(&app, session("idle", owner, ago(24)));
    let old = by_session(&app, Session { seen_at: now, expires_at: now + IDLE, ..session("old", owner, ago(720)) });
    for over in [&idle, &old] {
        for path in ["/api/v1/me", "/api/v1/accounts", "/docs"] {
            over.get(path).await.refused(401, "not_signed_in");
        }
    }
    let used = by_session(&app, session("used", owner, ago(23)));
    let last_hour = Session { seen_at: ago(1), expires_at: now + IDLE, ..session("last-hour", owner, ago(719)) };
    let end = last_hour.ends_at;
    let last_hour = by_session(&app, last_hour);
    for live in [&used, &last_hour] {
        live.get("/api/v1/me").await.is(200);
    }
    let stored = |id: &'static str| app.read(move |conn| sessions::find(conn, id)).unwrap().0;
    let used = stored("used");
    assert!(used.seen_at >= now && used.expires_at == used.seen_at + IDLE, "each use gives it another day: {used:?}");
    assert_eq!(stored("last-hour").expires_at, end, "but none beyond its end");
}

/// A token of the seller's that reads until then.
fn by_token(app: &TestApp, expires_at: Timestamp) -> Api {
    let (minted, user) = (token::mint(rand::random()), app.scope().user());
    let new = NewToken {
        user,
        name: "script".into(),
        prefix: minted.prefix,
        hash: minted.hash,
        access: Reach::Read,
        accounts: None,
        created_at: Timestamp(1),
        expires_at: Some(expires_at),
    };
    app.write(move |conn| api_tokens::insert(conn, &Scope::owner(user), &new));
    bearer(app, &minted.text)
}

#[actix_web::test]
async fn an_expired_token_opens_nothing() {
    let app = started().await;
    let now = clock::unix();
    let (over, live) = (by_token(&app, now), by_token(&app, now + Duration::from_hours(1)));
    for path in ["/api/v1/accounts", "/cookies", "/api/v1/live"] {
        over.get(path).await.refused(401, "not_signed_in");
    }
    live.get("/api/v1/accounts").await.is(200);
}

/// Who is remembered from the request before is let in until the last moment, and not beyond.
#[actix_web::test]
async fn who_was_let_in_a_moment_ago_is_out_when_the_time_is_over() {
    let app = started().await;
    let end = clock::unix() + Duration::from_millis(300);
    let short = Session { ends_at: end, ..session("short", app.scope().user(), clock::unix()) };
    for api in [by_session(&app, short), by_token(&app, end)] {
        loop {
            let asked_at = clock::unix();
            let answer = api.get("/api/v1/accounts").await;
            if answer.status == 401 {
                assert!(clock::unix() >= end, "refused too early");
                break;
            }
            answer.is(200);
            assert!(asked_at < end, "let in too late");
        }
    }
}

/// Nobody fills the database with sessions: of too many the one that was used longest ago ends.
#[actix_web::test]
async fn of_too_many_sessions_the_oldest_ends() {
    let app = started().await;
    let first = app.signed_in("seller").await;
    let owner = app.scope().user();
    app.write(move |conn| {
        let far = clock::unix() + Duration::from_hours(1);
        (0..48).try_for_each(|number| sessions::insert(conn, &session(&format!("session-{number}"), owner, far)))
    });
    let second = app.signed_in("seller").await;
    first.get("/api/v1/me").await.is(200);
    let third = app.signed_in("seller").await;
    first.get("/api/v1/me").await.refused(401, "not_signed_in");
    for still in [second, third] {
        still.get("/api/v1/me").await.is(200);
    }
}

/// Another site can make a browser send our cookie, but not the text that belongs to the session.
#[actix_web::test]
async fn a_cookie_alone_changes_nothing() {
    let app = started().await;
    let (seller, other) =
        (app.anybody().sign_in_by_cookie("seller").await, app.anybody().sign_in_by_cookie("seller").await);
    let (block, cookie) = (json!({"buyer_id": "1"}), seller.sends("cookie").to_owned());
    let cookie_alone = app.anybody().with("cookie", &cookie);
    cookie_alone.get("/api/v1/blocked-buyers").await.is(200);
    let refused = cookie_alone.post("/api/v1/blocked-buyers", &block).await.refused(403, "csrf_failed");
    assert_eq!(refused.field(), "X-CSRF-Token");
    let with_foreign = app.anybody().with("cookie", &cookie).with("x-csrf-token", other.sends("x-csrf-token"));
    with_foreign.post("/api/v1/blocked-buyers", &block).await.refused(403, "csrf_failed");
    seller.post("/api/v1/blocked-buyers", &block).await.is(201);
}

#[actix_web::test]
async fn the_cookie_is_kept_from_scripts_and_other_sites() {
    let app = started().await;
    let body = json!({"username": "seller", "password": PASSWORD, "cookie": true});
    let answer = app.anybody().post("/api/v1/sessions", &body).await.is(201);
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && cookie.contains("Path=/"), "{cookie}");
    assert_eq!(answer.json()["token"], Value::Null);
    assert!(!cookie.contains("Secure"), "{cookie}");
}

/// A server that is known by an https address hands out no cookie that goes over plain HTTP.
#[actix_web::test]
async fn the_cookie_of_a_server_with_an_https_address_is_secure() {
    let mut app = TestApp::with(|settings| settings.server.public_url = "https://fish.example".into());
    app.start().await;
    let body = json!({"username": "seller", "password": PASSWORD, "cookie": true});
    let answer = app.anybody().post("/api/v1/sessions", &body).await.is(201);
    assert!(answer.header("set-cookie").unwrap().contains("; Secure"), "{answer:?}");
}

/// A disk that takes nothing more keeps nobody out who only reads; a session that is over is noticed when its use is written down.
#[actix_web::test]
async fn that_a_session_is_used_need_not_be_written_down() {
    let app = started().await;
    let seller = app.signed_in("seller").await;
    let mut conn = SqliteConnection::establish(&app.settings().database_url()).unwrap();
    conn.batch_execute(
        "PRAGMA busy_timeout = 10000; UPDATE sessions SET seen_at = 1;
         CREATE TRIGGER full BEFORE UPDATE ON sessions BEGIN SELECT RAISE(ABORT, 'full'); END",
    )
    .unwrap();
    seller.get("/api/v1/me").await.is(200);
    conn.batch_execute("DROP TRIGGER full; DELETE FROM sessions").unwrap();
    seller.get("/api/v1/me").await.refused(401, "not_signed_in");
}

/// Session fixation: whatever cookie somebody brings, the session that begins is a new one, and the one that was brought stays what it is.
#[actix_web::test]
async fn signing_in_never_continues_a_session_that_was_brought_along() {
    let app = started().await;
    let attacker = app.anybody().sign_in_by_cookie("admin").await;
    let brought = attacker.sends("cookie").to_owned();
    for planted in [&*brought, "yutang_session=planted"] {
        let victim = app.anybody().with("cookie", planted);
        let body = json!({"username": "seller", "password": PASSWORD, "cookie": true});
        let answer = victim.post("/api/v1/sessions", &body).await.is(201);
        let cookie = answer.header("set-cookie").unwrap();
        assert!(!cookie.starts_with(planted), "a new session");
    }
    let still = app.anybody().with("cookie", &brought).get("/api/v1/me").await.is(200).json();
    assert_eq!(still["name"], "admin");
}

/// A token of a program has no business in a cookie.
#[actix_web::test]
async fn a_program_does_not_come_by_cookie() {
    let app = started().await;
    let seller = app.signed_in("seller").await;
    let made = seller.post("/api/v1/tokens", &json!({"name": "t", "access": "write"})).await.is(201).json();
    let by_cookie = app.anybody().with("cookie", &format!("yutang_session={}", made["token"].as_str().unwrap()));
    by_cookie.get("/api/v1/blocked-buyers").await.refused(401, "not_signed_in");
}

/// S8: five wrong tries are free, then one waits longer and longer, at an address for whatever names. The one whose
/// name it is still comes in from elsewhere.
#[actix_web::test]
async fn s8_guessing_is_locked_out_by_address_and_keeps_nobody_else_out() {
    let app = behind_a_proxy().await;
    let mut tries = Vec::new();
    for _ in 0..20 {
        tries.push(sign_in(&from(&app, "10.0.0.1"), "seller", "wrong password").await);
    }
    check_lock("one name", &tries);
    sign_in(&from(&app, "10.0.0.2"), "seller", PASSWORD).await.is(201);
    let locked = tries.iter().find(|answer| answer.status == 429).unwrap();
    assert!(locked.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);

    let mut tries = Vec::new();
    for number in 0..20 {
        tries.push(sign_in(&from(&app, "10.1.1.1"), &format!("name-{number}"), "wrong password").await);
    }
    check_lock("many names", &tries);
    sign_in(&from(&app, "10.2.2.2"), "admin", PASSWORD).await.is(201);
}

fn check_lock(what: &str, tries: &[Answer]) {
    let statuses: Vec<u16> = tries.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses[..6], [401; 6], "{what}: five failures are free, the sixth locks");
    assert!(statuses[6..].contains(&429), "{what}: {statuses:?}");
}

/// S36: an unknown name, a wrong password, a user who is switched off: the same words, the same status.
#[actix_web::test]
async fn s36_nobody_learns_who_is_there_from_words() {
    let app = behind_a_proxy().await;
    let id = app.person("retired", Role::Owner);
    app.signed_in("admin").await.patch(&format!("/api/v1/users/{id}"), &json!({"active": false})).await.is(200);
    let wrong = sign_in(&app.anybody(), "seller", "wrong password").await.refused(401, "wrong_login");
    for (name, password) in [("nobody", PASSWORD), ("retired", PASSWORD), ("retired", "wrong password")] {
        let answer = sign_in(&app.anybody(), name, password).await.refused(401, "wrong_login");
        assert_eq!(answer.text, wrong.text, "{name}");
    }
    let code = json!({"email": "nobody@example.com", "verification_code": "123456"});
    let answer = app.anybody().post("/api/v1/sessions", &code).await.refused(401, "wrong_login");
    assert_eq!(answer.text, wrong.text);
}

/// S36: nor from the time it takes. Medians, and a generous factor: this is a busy machine.
#[actix_web::test]
async fn s36_nobody_learns_who_is_there_from_time() {
    let app = behind_a_proxy().await;
    let known: Vec<_> = (0..7).map(|number| format!("known-{number}")).collect();
    for name in &known {
        app.person(name, Role::Owner);
    }
    let (mut of_known, mut of_unknown) = (Vec::new(), Vec::new());
    for round in 0..21 {
        let api = from(&app, &format!("10.0.{round}.1"));
        of_known.push(time_of(&api, &known[round % known.len()]).await);
        of_unknown.push(time_of(&api, &format!("unknown-{}", round % known.len())).await);
    }
    let (known, unknown) = (median(of_known), median(of_unknown));
    assert!(known < 3 * unknown && unknown < 3 * known, "known {known:?}, unknown {unknown:?}");
}

async fn time_of(api: &Api, name: &str) -> Duration {
    let begun = Instant::now();
    sign_in(api, name, "wrong password").await.refused(401, "wrong_login");
    begun.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// Passwords are hashed beside everything else: whoever asks meanwhile is answered long before the hashing is over.
#[actix_web::test]
async fn many_who_sign_in_delay_nobody_else() {
    let app = behind_a_proxy().await;
    let people: Vec<_> =
        (0..60).map(|number| (from(&app, &format!("10.0.0.{number}")), format!("name-{number}"))).collect();
    let crowd = join_all(people.iter().map(|(api, name)| sign_in(api, name, "wrong password")));
    let anybody = app.anybody();
    let others = async {
        for _ in 0..10 {
            anybody.get("/livez").await.is(200);
        }
    };
    match select(Box::pin(crowd), Box::pin(others)).await {
        Either::Right(((), crowd)) => assert!(crowd.await.iter().all(|answer| answer.status == 401)),
        Either::Left(_) => panic!("sixty passwords were hashed before ten questions were answered"),
    }
}

/// S1: the well-known passwords open nothing, and the command line's first administrator is noticed by a server that runs.
#[actix_web::test]
async fn s1_an_administrator_from_the_command_line_counts_as_set_up() {
    let mut app = TestApp::without_admin();
    app.start().await;
    sign_in(&app.anybody(), "admin", "admin123").await.refused(503, "setup_required");
    app.person("root", Role::Admin);
    let statuses = async {
        loop {
            let answer = sign_in(&app.anybody(), "root", PASSWORD).await;
            if answer.status == 201 {
                return;
            }
            answer.refused(503, "setup_required");
        }
    };
    tokio::time::timeout(crate::harness::PATIENCE, statuses).await.unwrap();
    sign_in(&app.anybody(), "admin", "admin123").await.refused(401, "wrong_login");
}

/// S2: what is stored of a password is argon2id with a salt of its own.
#[actix_web::test]
async fn s2_no_password_is_stored() {
    let app = started().await;
    let admin = app.signed_in("admin").await;
    for name in ["alice", "bob"] {
        let new = json!({"name": name, "password": PASSWORD, "role": "owner"});
        admin.post("/api/v1/users", &new).await.is(201);
    }
    let hashes = ["alice", "bob"].map(|name| {
        let login = app.read(move |conn| yutang::store::users::find_login_by_name(conn, name));
        login.unwrap().password_hash
    });
    assert!(hashes.iter().all(|hash| hash.starts_with("$argon2id$v=19$")));
    assert_ne!(hashes[0], hashes[1], "each has its own salt");
}

/// Somebody who guesses: as whom, and what they send.
struct Guess {
    /// Signed in as a person of this name.
    name: Option<&'static str>,
    role: Role,
    method: &'static str,
    path: &'static str,
    body: Value,
    /// What the first tries are answered.
    wrong: u16,
}

fn guesses() -> Vec<Guess> {
    let guess = |method, path, wrong, body| Guess { name: None, role: Role::Owner, method, path, body, wrong };
    let stranger =
        json!({"username": "new", "email": "new@example.com", "password": PASSWORD, "verification_code": "abcdef"});
    let (login, wrong) = (json!({"username": "nobody", "password": "wrong"}), json!({"password": "wrong"}));
    let by_code = json!({"email": "nobody@example.com", "verification_code": "abcdef"});
    let new_password = json!({"old_password": "wrong", "new_password": PASSWORD});
    let admins = json!({"current_password": "wrong", "new_password": PASSWORD});
    let set_up = json!({"token": "wrong", "username": "root", "password": PASSWORD});
    let letter = json!({"email": "one@example.com", "purpose": "login"});
    let reset = json!({"email": "new@example.com", "verification_code": "abcdef", "new_password": PASSWORD});
    vec![
        guess("POST", "/api/v1/setup", 404, set_up),
        guess("POST", "/api/v1/sessions", 401, login),
        guess("POST", "/api/v1/sessions", 401, by_code),
        guess("POST", "/login", 401, json!({"username": "no-one", "password": "wrong"})),
        guess("POST", "/api/v1/registrations", 422, stranger),
        guess("POST", "/api/v1/password-resets", 422, reset),
        guess("POST", "/api/v1/email-codes", 503, letter),
        Guess { name: Some("ann"), ..guess("PUT", "/api/v1/me/password", 422, new_password) },
        Guess {
            name: Some("ben"),
            ..guess("POST", "/api/v1/me/second-factor/confirm", 422, json!({"code": "abcdef"}))
        },
        Guess { name: Some("cat"), ..guess("DELETE", "/api/v1/me/second-factor", 422, wrong.clone()) },
        Guess { name: Some("eve"), ..guess("POST", "/api/v1/me/second-factor", 422, wrong.clone()) },
        Guess { name: Some("fay"), ..guess("PATCH", "/api/v1/me", 422, wrong) },
        Guess { name: Some("dan"), role: Role::Admin, ..guess("POST", "/change-admin-password", 422, admins) },
    ]
}

/// S8, S9: wherever a password, a code or a link can be guessed, and wherever a letter is asked for, one is soon told to wait.
#[actix_web::test]
async fn s8_s9_guessing_is_locked_out_at_every_door() {
    let app = behind_a_proxy().await;
    let open = json!({"registration": {"enabled": true}});
    app.signed_in("admin").await.patch("/api/v1/settings", &open).await.is(200);
    for (number, guess) in guesses().into_iter().enumerate() {
        let mut api = from(&app, &format!("10.0.0.{number}"));
        if let Some(name) = guess.name {
            app.person(name, guess.role);
            api = api.sign_in(name).await;
        }
        if guess.path.ends_with("/confirm") {
            api.post("/api/v1/me/second-factor", &json!({"password": PASSWORD})).await.is(201);
        }
        guessed(&api, &guess).await;
    }
}

async fn guessed(api: &Api, guess: &Guess) {
    let what = format!("{} {}", guess.method, guess.path);
    let mut tries = 0;
    loop {
        let answer = api.send(guess.method.parse().unwrap(), guess.path, Some(&guess.body)).await;
        if answer.status == 429 && tries > 0 {
            let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait), "{what}: {wait}");
            return;
        }
        assert_eq!(answer.status, guess.wrong, "{what}, try {tries}: {}", answer.text);
        tries += 1;
        assert!(tries < 20, "{what} is never locked");
    }
}

/// What is to be copied from a page begins with the address by which the browser came, and not with the one that is listened on.
#[actix_web::test]
async fn an_example_names_the_address_that_the_browser_knows() {
    let app = behind_a_proxy().await;
    let browser = app.anybody().sign_in_by_cookie("seller").await;
    for (scheme, host) in [("https", "shop.example"), ("http", "shop.example:8080")] {
        let asking = browser.as_who().with("host", host).with("x-forwarded-proto", scheme);
        let page = asking.get("/app/tokens").await.is(200).text;
        assert!(page.contains(&format!("{scheme}://{host}/api/v1/accounts")), "{page}");
    }
}
