//! A mail server that keeps what it is told, and everything that ends in a letter.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    thread,
};

use serde_json::{Value, json};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::timeout,
};
use yutang::{
    access::{code::Purpose, role::Role},
    store::{
        email_codes::{self, Outcome},
        users::{self, UserChange},
    },
    telemetry::clock,
};

use crate::{
    client::{Answer, Api, PASSWORD},
    harness::{PATIENCE, TestApp},
};

const OTHER_PASSWORD: &str = "another horse altogether";

/// A letter as the mail server got it.
pub(crate) struct Arrived {
    to: String,
    text: String,
}

impl Arrived {
    pub(crate) fn code(&self) -> String {
        let (_, rest) = self.text.split_once("The code: ").unwrap_or_else(|| panic!("no code in {}", self.text));
        rest.chars().take(6).collect()
    }
}

pub(crate) struct MailServer {
    port: u16,
    letters: UnboundedReceiver<Arrived>,
}

impl MailServer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, letters) = unbounded_channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let sender = sender.clone();
                thread::spawn(move || converse(&stream.unwrap(), &sender));
            }
        });
        Self { port, letters }
    }

    pub(crate) async fn next(&mut self) -> Arrived {
        timeout(PATIENCE, self.letters.recv()).await.unwrap().unwrap()
    }
}

fn converse(stream: &TcpStream, letters: &UnboundedSender<Arrived>) {
    let mut writer = stream;
    let say = |mut writer: &TcpStream, text: &str| writer.write_all(format!("{text}\r\n").as_bytes()).unwrap();
    say(writer, "220 stub ready");
    let (mut to, mut text, mut in_letter) = (String::new(), String::new(), false);
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        match line.split([' ', ':']).next().unwrap_or_default() {
            _ if in_letter && line != "." => {
                text.push_str(&line);
                text.push('\n');
                continue;
            }
            _ if in_letter => {
                in_letter = false;
                letters.send(Arrived { to: to.clone(), text: std::mem::take(&mut text) }).ok();
                say(writer, "250 taken");
            }
            "EHLO" => say(writer, "250 stub"),
            "RCPT" if line.contains("refused@") => say(writer, "550 no such user"),
            "RCPT" => {
                to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                say(writer, "250 fine");
            }
            "DATA" => {
                in_letter = true;
                say(writer, "354 go on");
            }
            "QUIT" => {
                say(writer, "221 bye");
                break;
            }
            _ => say(writer, "250 fine"),
        }
    }
    // The other side may have closed it already.
    let _ = writer.flush();
}

/// A server with an administrator's mail server, where strangers may register.
pub(crate) async fn with_mail() -> (TestApp, Api, MailServer) {
    let mut app = TestApp::new();
    app.start().await;
    let (admin, mail) = (app.signed_in("admin").await, MailServer::start());
    let smtp = json!({"host": "127.0.0.1", "port": mail.port, "from": "Pond <pond@example.com>", "security": "none"});
    admin.patch("/api/v1/settings", &json!({"smtp": smtp, "registration": {"enabled": true}})).await.is(200);
    (app, admin, mail)
}

async fn ask(api: &Api, email: &str, purpose: &str) -> Answer {
    api.post("/api/v1/email-codes", &json!({"email": email, "purpose": purpose})).await
}

pub(crate) fn give_address(app: &TestApp, name: &'static str, email: &'static str) {
    app.write(move |conn| {
        let user = users::find_by_name(conn, name)?.unwrap();
        let change = UserChange { email: Some(Some(email.into())), ..UserChange::default() };
        users::update(conn, user.id, &change, clock::unix())
    });
}

fn by_code(email: &str, code: &str) -> Value {
    json!({"email": email, "verification_code": code})
}

async fn reset(api: &Api, email: &str, code: &str, password: &str) -> Answer {
    let ask = json!({"email": email, "verification_code": code, "new_password": password});
    api.post("/api/v1/password-resets", &ask).await
}

fn by_password(password: &str) -> Value {
    json!({"username": "seller", "password": password})
}

/// One of six digits that is not this one.
fn another(code: &str) -> &'static str {
    if code == "000000" { "000001" } else { "000000" }
}

#[actix_web::test]
async fn a_stranger_registers_with_the_code_of_a_letter_and_owns_accounts() {
    let (app, _, mut mail) = with_mail().await;
    let anybody = app.anybody();
    ask(&anybody, "New@Example.com", "register").await.is(202);
    let letter = mail.next().await;
    assert_eq!(letter.to, "new@example.com");
    let mut new = json!({"username": "seller", "email": "new@example.com", "password": PASSWORD, "verification_code": letter.code()});
    assert_eq!(anybody.post("/api/v1/registrations", &new).await.refused(409, "name_taken").field(), "username");
    new["username"] = "newcomer".into();
    let made = anybody.post("/api/v1/registrations", &new).await.is(201).json();
    assert_eq!((&made["role"], &made["email"]), (&json!("owner"), &json!("new@example.com")));
    new["username"] = "second".into();
    let refused = anybody.post("/api/v1/registrations", &new).await.refused(422, "invalid_field");
    assert_eq!(refused.field(), "verification_code", "a code is good once");
    app.signed_in("newcomer").await.get("/api/v1/me").await.is(200);
}

/// Between the letter and its code somebody else may have taken the address.
#[actix_web::test]
async fn a_stranger_whose_address_was_taken_meanwhile_is_told_so() {
    let (app, _, mut mail) = with_mail().await;
    let anybody = app.anybody();
    ask(&anybody, "new@example.com", "register").await.is(202);
    let code = mail.next().await.code();
    give_address(&app, "seller", "new@example.com");
    let new =
        json!({"username": "newcomer", "email": "new@example.com", "password": PASSWORD, "verification_code": code});
    let refused = anybody.post("/api/v1/registrations", &new).await.refused(409, "email_taken");
    assert_eq!(refused.field(), "email");
}

#[actix_web::test]
async fn registration_is_closed_until_the_administrator_opens_it() {
    let mut app = TestApp::new();
    app.start().await;
    let anybody = app.anybody();
    ask(&anybody, "new@example.com", "register").await.refused(403, "registration_closed");
    let new =
        json!({"username": "new", "email": "new@example.com", "password": PASSWORD, "verification_code": "123456"});
    anybody.post("/api/v1/registrations", &new).await.refused(403, "registration_closed");
}

/// S10: without the administrator's mail server there is no other one. That is said of every address alike.
#[actix_web::test]
async fn s10_without_a_mail_server_no_code_is_made() {
    let mut app = TestApp::new();
    give_address(&app, "seller", "seller@example.com");
    app.start().await;
    let anybody = app.anybody();
    for email in ["seller@example.com", "nobody@example.com"] {
        ask(&anybody, email, "login").await.refused(503, "module_unavailable");
    }
}

#[actix_web::test]
async fn somebody_comes_in_by_the_code_of_a_letter_once() {
    let (app, _, mut mail) = with_mail().await;
    give_address(&app, "seller", "seller@example.com");
    let anybody = app.anybody();
    ask(&anybody, "seller@example.com", "login").await.is(202);
    let code = mail.next().await.code();
    let came_in = anybody.post("/api/v1/sessions", &by_code("Seller@example.com", &code)).await.is(201).json();
    assert_eq!(came_in["user"]["name"], "seller");
    anybody.post("/api/v1/sessions", &by_code("seller@example.com", &code)).await.refused(401, "wrong_login");
}

/// S7: one live code, five tries, then not even the right one; a new code ends the one before.
#[actix_web::test]
async fn s7_a_code_is_good_for_five_tries_and_only_the_newest() {
    let (app, _, mut mail) = with_mail().await;
    give_address(&app, "seller", "seller@example.com");
    let anybody = app.anybody();
    ask(&anybody, "seller@example.com", "login").await.is(202);
    let first = mail.next().await.code();
    ask(&anybody, "seller@example.com", "login").await.is(202);
    let second = mail.next().await.code();
    if first != second {
        anybody.post("/api/v1/sessions", &by_code("seller@example.com", &first)).await.refused(401, "wrong_login");
    }
    let wrong = another(&second);
    for _ in 0..4 {
        anybody.post("/api/v1/sessions", &by_code("seller@example.com", wrong)).await.refused(401, "wrong_login");
    }
    let left = app.write(|conn| email_codes::take_try(conn, "seller@example.com", Purpose::Login, b"", clock::unix()));
    assert_eq!(left, Outcome::Gone, "the code is gone after five tries");
}

/// S7, S24: the code of a letter lets nobody in who was switched off after it was sent, and none is sent to them afterwards.
#[actix_web::test]
async fn s24_who_is_not_active_comes_in_by_no_code() {
    let (app, admin, mut mail) = with_mail().await;
    let id = app.person("retired", Role::Owner);
    give_address(&app, "retired", "retired@example.com");
    give_address(&app, "seller", "seller@example.com");
    let anybody = app.anybody();
    ask(&anybody, "retired@example.com", "login").await.is(202);
    let code = mail.next().await.code();
    admin.patch(&format!("/api/v1/users/{id}"), &json!({"active": false})).await.is(200);
    anybody.post("/api/v1/sessions", &by_code("retired@example.com", &code)).await.refused(401, "wrong_login");
    ask(&anybody, "retired@example.com", "login").await.is(202);
    ask(&anybody, "seller@example.com", "login").await.is(202);
    assert_eq!(mail.next().await.to, "seller@example.com");
}

/// S7, S22: the code of a letter replaces the password, once, and for nothing else; whoever was signed in is not any more.
#[actix_web::test]
async fn s22_who_forgot_their_password_sets_another_with_the_code_of_a_letter() {
    let (app, admin, mut mail) = with_mail().await;
    give_address(&app, "seller", "box@example.com");
    let (anybody, before) = (app.anybody(), app.signed_in("seller").await);
    ask(&anybody, "Box@example.com", "reset").await.is(202);
    let letter = mail.next().await;
    let code = letter.code();
    assert!(letter.to == "box@example.com" && letter.text.contains("new password"), "{}", letter.text);
    anybody.post("/api/v1/sessions", &by_code("box@example.com", &code)).await.refused(401, "wrong_login");
    // With the name in it: told only to who has the letter, and they keep their code.
    let named = "a seller of ponds";
    let refused = reset(&anybody, "box@example.com", another(&code), named).await.refused(422, "invalid_field");
    assert_eq!(refused.field(), "verification_code");
    let refused = reset(&anybody, "box@example.com", &code, named).await.refused(422, "invalid_field");
    assert_eq!(refused.field(), "new_password");
    let done = reset(&anybody, "box@example.com", &code, OTHER_PASSWORD).await.is(204);
    assert_eq!(done.header("set-cookie"), None, "nobody is signed in by it");
    before.get("/api/v1/me").await.refused(401, "not_signed_in");
    anybody.post("/api/v1/sessions", &by_password(PASSWORD)).await.refused(401, "wrong_login");
    anybody.post("/api/v1/sessions", &by_password(OTHER_PASSWORD)).await.is(201);
    let refused = reset(&anybody, "box@example.com", &code, PASSWORD).await.refused(422, "invalid_field");
    assert_eq!(refused.field(), "verification_code", "a code is good once");
    let lines = admin.audit("action=user.set_password").await;
    let [line] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((&line["actor"], &line["via"]), (&json!("seller"), &json!("door")));
}

#[actix_web::test]
async fn a_new_password_leaves_the_second_factor() {
    let (app, _, mut mail) = with_mail().await;
    give_address(&app, "seller", "box@example.com");
    let id = app.scope().user();
    let sealed = app.store().keys().seal(&users::totp_place(id), "JBSWY3DPEHPK3PXP");
    app.write(move |conn| {
        users::set_totp(conn, id, Some(&sealed))?;
        users::confirm_totp(conn, id, 1)
    });
    let anybody = app.anybody();
    ask(&anybody, "box@example.com", "reset").await.is(202);
    reset(&anybody, "box@example.com", &mail.next().await.code(), OTHER_PASSWORD).await.is(204);
    anybody.post("/api/v1/sessions", &by_password(OTHER_PASSWORD)).await.refused(401, "second_factor_required");
}

/// S24, S36: a wrong code is told as if nobody had the address, and so is a right one of somebody who is not active.
#[actix_web::test]
async fn s36_a_reset_tells_nothing_about_the_address() {
    let (app, admin, mut mail) = with_mail().await;
    let id = app.person("retired", Role::Owner);
    give_address(&app, "retired", "retired@example.com");
    let anybody = app.anybody();
    let unknown = ask(&anybody, "nobody@example.com", "reset").await.is(202);
    let known = ask(&anybody, "retired@example.com", "reset").await.is(202);
    assert_eq!(unknown.text, known.text);
    let letter = mail.next().await;
    assert_eq!(letter.to, "retired@example.com");
    admin.patch(&format!("/api/v1/users/{id}"), &json!({"active": false})).await.is(200);
    let code = letter.code();
    let mut told = Vec::new();
    for (email, code) in
        [("nobody@example.com", &*code), ("retired@example.com", another(&code)), ("retired@example.com", &*code)]
    {
        let refused = reset(&anybody, email, code, OTHER_PASSWORD).await.refused(422, "invalid_field").json();
        told.push((refused["message"].clone(), refused["details"].clone()));
    }
    assert!(told.iter().all(|one| *one == told[0]), "{told:?}");
}

/// S9, S36: the answer is the same for known and unknown addresses, and letters go only to those who may have one.
#[actix_web::test]
async fn s36_asking_for_a_code_tells_nothing_about_the_address() {
    let (app, _, mut mail) = with_mail().await;
    give_address(&app, "seller", "seller@example.com");
    let anybody = app.anybody();
    let unknown = ask(&anybody, "nobody@example.com", "login").await.is(202);
    let taken = ask(&anybody, "seller@example.com", "register").await.is(202);
    let known = ask(&anybody, "seller@example.com", "login").await.is(202);
    assert_eq!((&unknown.text, &taken.text), (&known.text, &known.text));
    assert_eq!(mail.next().await.to, "seller@example.com");
    for (email, purpose) in [("nobody@example.com", Purpose::Login), ("seller@example.com", Purpose::Register)] {
        let left = app.write(move |conn| email_codes::take_try(conn, email, purpose, b"", clock::unix()));
        assert_eq!(left, Outcome::Gone, "{email}");
    }
}

/// S9: nobody's mailbox is flooded through us, and no machine asks for letters without end.
#[actix_web::test]
async fn s9_letters_are_limited_by_receiver_and_by_who_asks() {
    let (app, ..) = with_mail().await;
    let anybody = app.anybody();
    for _ in 0..3 {
        ask(&anybody, "one@example.com", "register").await.is(202);
    }
    let refused = ask(&anybody, "one@example.com", "register").await.refused(429, "too_many_requests");
    assert!(refused.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    let mut last = ask(&anybody, "x0@example.com", "register").await;
    for number in 1..30 {
        last = ask(&anybody, &format!("x{number}@example.com"), "register").await;
    }
    last.refused(429, "too_many_requests");
}

#[actix_web::test]
async fn a_trial_letter_arrives_or_the_reason_is_said() {
    let (app, admin, mut mail) = with_mail().await;
    assert_eq!(app.anybody().get("/health").await.json()["modules"]["mail"], json!({"available": true}));
    let told = admin.post("/api/v1/settings/smtp/test", &json!({"to": "admin@example.com"})).await.is(200).json();
    assert_eq!(told, json!({"delivered": true}));
    assert_eq!(mail.next().await.to, "admin@example.com");
    let refused = admin.post("/api/v1/settings/smtp/test", &json!({"to": "refused@example.com"})).await;
    assert_eq!(refused.refused(502, "mail_failed").json()["details"]["reason"], "mail_refused");
    let lines = admin.audit("action=smtp.test").await;
    let after: Vec<_> = lines.iter().map(|line| line["after"].clone()).collect();
    let (to, reason) = ("…@example.com", Value::Null);
    assert_eq!(
        after,
        [
            json!({"to": to, "delivered": false, "reason": "mail_refused"}),
            json!({"to": to, "delivered": true, "reason": reason}),
        ]
    );
    admin.patch("/api/v1/settings", &json!({"smtp": null})).await.is(200);
    let absent = admin.post("/api/v1/settings/smtp/test", &json!({"to": "a@example.com"})).await;
    assert_eq!(absent.refused(503, "module_unavailable").json()["details"]["module"], "mail");
    assert_eq!(app.anybody().get("/health").await.json()["modules"]["mail"]["available"], false);
}

/// S4: settings are the administrator's alone, unknown keys are refused, and a password goes in and never comes out.
#[actix_web::test]
async fn s4_settings_are_the_administrators_and_their_password_is_never_shown() {
    let mut app = TestApp::new();
    app.start().await;
    let (admin, seller) = (app.signed_in("admin").await, app.signed_in("seller").await);
    seller.get("/api/v1/settings").await.refused(403, "forbidden");
    seller.patch("/api/v1/settings", &json!({"registration": {"enabled": true}})).await.refused(403, "forbidden");
    let refused = admin.patch("/api/v1/settings", &json!({"admin_key": 1})).await.refused(422, "invalid_field");
    assert_eq!(refused.field(), "admin_key");

    let smtp = json!({"host": "mail.example.com", "username": "pond", "password": "planted-password", "from": "pond@example.com"});
    let set = admin.patch("/api/v1/settings", &json!({"smtp": smtp})).await.is(200);
    let (read, audit) = (admin.get("/api/v1/settings").await.is(200), admin.get("/api/v1/audit").await.is(200));
    for text in [&set.text, &read.text, &audit.text] {
        assert!(!text.contains("planted"), "{text}");
    }
    let hint = &read.json()["smtp"]["password"];
    assert_eq!(hint["length"], 16);
    assert!(hint["hint"].as_str().unwrap().starts_with('…') && hint["set_at"].as_i64() > Some(0), "{hint}");
    assert_eq!(read.json()["smtp"]["port"], 587);
    let elsewhere = json!({"smtp": {"host": "mail.attacker.example"}});
    let refused = admin.patch("/api/v1/settings", &elsewhere).await.refused(422, "invalid_field");
    assert_eq!(refused.field(), "smtp.password");
    let in_the_clear = json!({"smtp": {"security": "none", "password": "planted-password"}});
    let refused = admin.patch("/api/v1/settings", &in_the_clear).await.refused(422, "invalid_field");
    assert_eq!(refused.field(), "smtp.password");
    assert_eq!(admin.get("/api/v1/settings").await.json()["smtp"]["security"], "starttls");
    for host in ["127.0.0.1", "::1", "localhost"] {
        let here = json!({"smtp": {"host": host, "security": "none", "password": "planted-password"}});
        admin.patch("/api/v1/settings", &here).await.is(200);
    }
}

#[actix_web::test]
async fn settings_are_patched_by_whoever_read_the_newest() {
    let mut app = TestApp::new();
    app.start().await;
    let admin = app.signed_in("admin").await;
    let read = admin.get("/api/v1/settings").await.is(200);
    let tag = read.header("etag").unwrap().to_owned();
    assert_eq!(read.json()["retention"]["messages_days"], 180);
    let admin = admin.with("if-match", &tag);
    let changed = admin.patch("/api/v1/settings", &json!({"retention": {"logs_days": 7}})).await.is(200).json();
    assert_eq!((&changed["retention"]["logs_days"], &changed["retention"]["messages_days"]), (&json!(7), &json!(180)));
    admin.patch("/api/v1/settings", &json!({"retention": {"logs_days": 8}})).await.refused(412, "changed");
    admin.patch("/api/v1/settings", &json!({"retention": {"logs_days": 0}})).await.refused(422, "invalid_field");
}

#[actix_web::test]
async fn the_stop_switch_is_seen_by_all_and_turned_by_the_administrator() {
    let mut app = TestApp::new();
    app.start().await;
    let (admin, seller) = (app.signed_in("admin").await, app.signed_in("seller").await);
    seller.put("/api/v1/stop-switch", &json!({"on": true})).await.refused(403, "forbidden");
    admin.put("/api/v1/stop-switch", &json!({"on": true})).await.is(200);
    assert_eq!(seller.get("/api/v1/stop-switch").await.is(200).json(), json!({"on": true}));
    let line = &admin.get("/api/v1/audit?action=stop_switch.update").await.is(200).json()["items"][0];
    assert_eq!((&line["before"]["on"], &line["after"]["on"]), (&json!(false), &json!(true)));
}
