//! Users, employees, oneself and tokens, over HTTP.

use futures_util::future::join;
use ring::hmac;
use serde_json::{Value, json};
use yutang::{
    access::role::Role,
    ids::UserId,
    store::{Scope, accounts, users},
    telemetry::clock,
};

use crate::{
    client::{Api, PASSWORD},
    harness::{PATIENCE, TestApp, echo},
};

const OTHER_PASSWORD: &str = "another horse altogether";

async fn started() -> (TestApp, Api) {
    let mut app = TestApp::new();
    app.start().await;
    let admin = app.signed_in("admin").await;
    (app, admin)
}

fn user(id: impl std::fmt::Display) -> String {
    format!("/api/v1/users/{id}")
}

fn new_user(name: &str, role: &str) -> Value {
    json!({"name": name, "password": PASSWORD, "role": role})
}

fn login(name: &str, password: &str) -> Value {
    json!({"username": name, "password": password})
}

#[actix_web::test]
async fn an_administrator_makes_finds_changes_and_removes_a_user() {
    let (app, admin) = started().await;
    let made = admin.post("/api/v1/users", &new_user("alice", "owner")).await.is(201).json();
    let path = user(&made["id"]);
    let found = admin.get("/api/v1/users?role=owner&active=true&q=ALI").await.is(200).json();
    assert_eq!((&found["total"], &found["items"][0]), (&json!(1), &made));
    let read = admin.get(&path).await.is(200);
    let admin = admin.with("if-match", read.header("etag").unwrap());
    let changed = admin.patch(&path, &json!({"name": "alicia", "email": "Alicia@Example.com"})).await.is(200).json();
    assert_eq!((&changed["name"], &changed["email"]), (&json!("alicia"), &json!("alicia@example.com")));
    admin.patch(&path, &json!({"name": "late"})).await.refused(412, "changed");
    let cleared = admin.with("if-match", "*").patch(&path, &json!({"email": null})).await.is(200).json();
    assert_eq!(cleared["email"], Value::Null);
    let admin = app.signed_in("admin").await;
    admin.delete(&path).await.is(204);
    admin.get(&path).await.refused(404, "not_found");
    let audit = admin.get(&format!("/api/v1/audit?object_type=user&object_id={}", made["id"])).await.is(200).json();
    let actions: Vec<_> = audit["items"].as_array().unwrap().iter().map(|line| &line["action"]).collect();
    assert_eq!(actions, ["user.delete", "user.update", "user.update", "user.create"]);
}

#[actix_web::test]
async fn names_addresses_and_passwords_obey_their_rules() {
    let (_app, admin) = started().await;
    assert_eq!(
        admin.post("/api/v1/users", &new_user("seller", "owner")).await.refused(409, "name_taken").field(),
        "name"
    );
    let with_email = json!({"name": "a", "password": PASSWORD, "role": "owner", "email": "a@example.com"});
    admin.post("/api/v1/users", &with_email).await.is(201);
    let same_email = json!({"name": "b", "password": PASSWORD, "role": "owner", "email": "A@example.com"});
    assert_eq!(admin.post("/api/v1/users", &same_email).await.refused(409, "email_taken").field(), "email");
    let like_an_address = new_user("a@example.com", "owner");
    assert_eq!(admin.post("/api/v1/users", &like_an_address).await.refused(422, "invalid_field").field(), "name");
    let weak = json!({"name": "c", "password": "1234567890", "role": "owner"});
    assert_eq!(admin.post("/api/v1/users", &weak).await.refused(422, "invalid_field").field(), "password");
    let refused = admin.post("/api/v1/users", &new_user("d", "operator")).await.refused(422, "invalid_field");
    assert_eq!(refused.field(), "employer_id");
}

/// Everybody reads moments by a clock of their own. It opens no door: the password is asked for where the address changes.
#[actix_web::test]
async fn a_person_reads_moments_by_the_clock_that_they_chose() {
    let (app, admin) = started().await;
    let seller = app.signed_in("seller").await;
    assert_eq!(seller.get("/api/v1/me").await.is(200).json()["time_zone"], "Asia/Shanghai");
    for wrong in ["Asia/Atlantis", "+08:00", "Etc/Unknown", " Asia/Tokyo", ""] {
        let refused = seller.patch("/api/v1/me", &json!({"time_zone": wrong})).await;
        assert_eq!(refused.refused(422, "invalid_field").field(), "time_zone", "{wrong}");
    }
    let address = json!({"time_zone": "Asia/Tokyo", "email": "seller@example.com"});
    assert_eq!(seller.patch("/api/v1/me", &address).await.refused(422, "invalid_field").field(), "password");

    let browser = app.anybody().sign_in_by_cookie("seller").await;
    let says = async |page: &str| browser.get(page).await.is(200).text.contains("Times in the file are Beijing time");
    let files = ["/app/orders", "/app/sales", "/app/rules"];
    for page in files {
        assert!(!says(page).await, "{page}: it is their own clock");
    }
    // 12:34 UTC of a day that is to come
    let day = 86_400_000;
    let ends_at = (clock::unix().0 / day + 40) * day + (12 * 60 + 34) * 60_000;
    let date = jiff::Timestamp::from_millisecond(ends_at).unwrap().strftime("%m-%d").to_string();
    let token = json!({"name": "script", "access": "read", "expires_at": ends_at});
    browser.post("/api/v1/tokens", &token).await.is(201);
    let shown = browser.get("/app/tokens").await.is(200).text;
    assert!(shown.contains(&format!("{date} 20:34")), "{shown}");
    let me = seller.patch("/api/v1/me", &json!({"time_zone": "asia/kolkata"})).await.is(200).json();
    assert_eq!((&me["time_zone"], &me["email"]), (&json!("Asia/Kolkata"), &json!(null)));
    let shown = browser.get("/app/tokens").await.is(200).text;
    assert!(shown.contains(&format!("{date} 18:04")), "{shown}");
    for page in files {
        assert!(says(page).await, "{page}");
    }
    let page = browser.get("/app/me").await.is(200).text;
    assert!(page.contains("selected>Asia/Kolkata<"), "{page}");
    assert_eq!(admin.get("/api/v1/me").await.is(200).json()["time_zone"], "Asia/Shanghai", "each has their own");
    let changed = &seller.audit("action=user.update").await[0];
    assert_eq!(
        (&changed["before"]["time_zone"], &changed["after"]["time_zone"]),
        (&json!("Asia/Shanghai"), &json!("Asia/Kolkata"))
    );
}

/// Whoever fills in a form learns which of its fields another has already, also where somebody is changed.
#[actix_web::test]
async fn a_change_to_what_another_has_names_the_field() {
    let (app, admin) = started().await;
    let email = json!({"email": "admin@example.com", "password": PASSWORD});
    admin.patch("/api/v1/me", &email).await.is(200);
    let seller = app.signed_in("seller").await;
    let made = seller.post("/api/v1/employees", &new_user("helper", "viewer")).await.is(201).json();
    let employee = format!("/api/v1/employees/{}", made["id"]);
    let (by_name, by_email) = (json!({"name": "admin"}), json!({"email": "Admin@Example.com"}));
    for (api, path) in [(&admin, &user(&made["id"])), (&seller, &employee)] {
        assert_eq!(api.patch(path, &by_name).await.refused(409, "name_taken").field(), "name");
        assert_eq!(api.patch(path, &by_email).await.refused(409, "email_taken").field(), "email");
    }
    let again = seller.post("/api/v1/employees", &new_user("helper", "viewer")).await;
    assert_eq!(again.refused(409, "name_taken").field(), "name");
    assert_eq!(seller.patch("/api/v1/me", &email).await.refused(409, "email_taken").field(), "email");
    assert_eq!(seller.get(&employee).await.is(200).json()["name"], "helper");
}

/// What an address names is no field of the body.
#[actix_web::test]
async fn accounts_that_are_not_there_are_a_field_and_people_who_are_not_there_are_none() {
    let (app, admin) = started().await;
    let seller = app.signed_in("seller").await;
    let helper = app.employ("helper", Role::Viewer, Some(app.scope().user()), &[]);
    let (none, unknown) = (json!({"accounts": []}), json!({"accounts": [9999]}));
    for (api, list) in [(&admin, "/api/v1/users"), (&seller, "/api/v1/employees")] {
        let refused = api.put(&format!("{list}/{helper}/accounts"), &unknown).await.refused(404, "not_found");
        assert_eq!(refused.field(), "accounts");
        let refused = api.put(&format!("{list}/9999/accounts"), &none).await.refused(404, "not_found");
        assert_eq!(refused.field(), "");
    }
    let mut new = new_user("second", "viewer");
    new["accounts"] = json!([9999]);
    assert_eq!(seller.post("/api/v1/employees", &new).await.refused(404, "not_found").field(), "accounts");
    assert_eq!(seller.get("/api/v1/employees").await.is(200).json()["total"], 1, "nobody was made");
}

/// S23: administrators are who has the role; a user called admin is nobody special.
#[actix_web::test]
async fn s23_a_name_makes_no_administrator() {
    let (app, admin) = started().await;
    let id = app.person("root", Role::Admin);
    app.signed_in("root").await.get("/api/v1/users").await.is(200);
    app.signed_in("seller").await.get("/api/v1/users").await.refused(403, "forbidden");
    admin.patch(&user(id), &json!({"role": "owner", "name": "administrator"})).await.is(200);
    app.signed_in("administrator").await.get("/api/v1/users").await.refused(403, "forbidden");
}

#[actix_web::test]
async fn the_last_administrator_stays() {
    let (app, admin) = started().await;
    let me = admin.get("/api/v1/me").await.is(200).json()["id"].clone();
    admin.patch(&user(&me), &json!({"role": "owner"})).await.refused(409, "last_admin");
    admin.patch(&user(&me), &json!({"active": false})).await.refused(409, "last_admin");
    admin.delete(&user(&me)).await.refused(409, "last_admin");
    let second = app.person("second", Role::Admin);
    admin.patch(&user(second), &json!({"active": false})).await.is(200);
    admin.patch(&user(&me), &json!({"role": "owner"})).await.refused(409, "last_admin");
    admin.patch(&user(second), &json!({"active": true})).await.is(200);
    admin.patch(&user(&me), &json!({"role": "owner"})).await.is(200);
    admin.get("/api/v1/users").await.refused(403, "forbidden");
}

/// S22, S24: with the deactivation every session and every token ends, and no door opens; an activation brings neither back.
#[actix_web::test]
async fn s24_who_is_deactivated_is_out_at_once() {
    let (app, admin) = started().await;
    let seller = app.signed_in("seller").await;
    let token = seller.post("/api/v1/tokens", &json!({"name": "t", "access": "read"})).await.is(201).json();
    let program = app.anybody().with("authorization", &format!("Bearer {}", token["token"].as_str().unwrap()));
    program.get("/api/v1/blocked-buyers").await.is(200);
    let path = user(app.scope().user());
    admin.patch(&path, &json!({"active": false})).await.is(200);
    seller.get("/api/v1/me").await.refused(401, "not_signed_in");
    program.get("/api/v1/blocked-buyers").await.refused(401, "not_signed_in");
    app.anybody().post("/api/v1/sessions", &login("seller", PASSWORD)).await.refused(401, "wrong_login");
    admin.patch(&path, &json!({"active": true})).await.is(200);
    seller.get("/api/v1/me").await.refused(401, "not_signed_in");
    program.get("/api/v1/blocked-buyers").await.refused(401, "not_signed_in");
    app.signed_in("seller").await.get("/api/v1/me").await.is(200);
}

/// S24: nothing goes on in the name of an owner who is deactivated: neither the people who work for them nor their accounts.
#[actix_web::test]
async fn s24_with_an_owner_their_people_are_out_and_their_accounts_stop() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.employ("helper", Role::Operator, Some(app.scope().user()), &[shop.id]);
    app.start().await;
    let (admin, helper) = (app.signed_in("admin").await, app.signed_in("helper").await);
    let token = helper.post("/api/v1/tokens", &json!({"name": "t", "access": "read"})).await.is(201).json();
    let program = app.anybody().with("authorization", &format!("Bearer {}", token["token"].as_str().unwrap()));
    let path = user(app.scope().user());
    admin.patch(&path, &json!({"active": false})).await.is(200);
    helper.get("/api/v1/accounts").await.refused(401, "not_signed_in");
    program.get("/api/v1/accounts").await.refused(401, "not_signed_in");
    app.anybody().post("/api/v1/sessions", &login("helper", PASSWORD)).await.refused(401, "wrong_login");
    assert!(shop.await_offline(PATIENCE).await);
    let lines = admin.get("/api/v1/audit?action=account.disable").await.is(200).json();
    assert_eq!((&lines["total"], &lines["items"][0]["object_id"]), (&json!(1), &json!(shop.id.to_string())));

    admin.patch(&path, &json!({"active": true})).await.is(200);
    helper.get("/api/v1/accounts").await.refused(401, "not_signed_in");
    program.get("/api/v1/accounts").await.refused(401, "not_signed_in");
    let seen = app.signed_in("helper").await.get("/api/v1/accounts").await.is(200).json();
    assert_eq!(seen["items"][0]["enabled"], false, "somebody who owns it enables it again");
}

/// An owner's program makes nobody who would outlive its token; nor does it see the audit of others, or of more than its accounts.
#[actix_web::test]
async fn a_token_makes_no_people_and_sees_no_more_of_the_audit_than_its_owner() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.start().await;
    let mint = async |api: &Api, accounts: Value| {
        let new = json!({"name": "t", "access": "write", "accounts": accounts});
        let made = api.post("/api/v1/tokens", &new).await.is(201).json();
        app.anybody().with("authorization", &format!("Bearer {}", made["token"].as_str().unwrap()))
    };
    let (seller, admin) = (app.signed_in("seller").await, app.signed_in("admin").await);
    let (of_seller, of_admin) = (mint(&seller, Value::Null).await, mint(&admin, Value::Null).await);
    of_seller.get("/api/v1/employees").await.is(200);
    of_seller.post("/api/v1/employees", &new_user("made", "viewer")).await.refused(403, "forbidden");
    let actors = |answer: &Value| -> Vec<Value> {
        answer["items"].as_array().unwrap().iter().map(|line| line["actor"].clone()).collect()
    };
    let seen = of_admin.get("/api/v1/audit").await.is(200).json();
    assert_eq!(actors(&seen), ["admin", "admin"], "the session and the token");
    assert_eq!(seen["items"][1]["actor_id"], json!(app.user("admin")), "who came in is known");
    assert_eq!(admin.get("/api/v1/audit").await.is(200).json()["total"], 4);
    mint(&seller, json!([shop.id])).await.get("/api/v1/audit").await.refused(403, "forbidden");
}

/// S22: with a new password all sessions end, but for the one that changed it.
#[actix_web::test]
async fn s22_a_new_password_ends_the_other_sessions() {
    let (app, admin) = started().await;
    let (here, there) = (app.signed_in("seller").await, app.signed_in("seller").await);
    let token = here.post("/api/v1/tokens", &json!({"name": "t", "access": "read"})).await.is(201).json();
    let program = app.anybody().with("authorization", &format!("Bearer {}", token["token"].as_str().unwrap()));
    let wrong = json!({"old_password": "not the password", "new_password": OTHER_PASSWORD});
    let refused = here.put("/api/v1/me/password", &wrong).await.refused(422, "invalid_field");
    assert_eq!(refused.field(), "old_password");
    let weak = json!({"old_password": PASSWORD, "new_password": "1234567890"});
    let refused = here.put("/api/v1/me/password", &weak).await.refused(422, "invalid_field");
    assert_eq!(refused.field(), "new_password");
    let right = json!({"old_password": PASSWORD, "new_password": OTHER_PASSWORD});
    here.put("/api/v1/me/password", &right).await.is(204);
    here.get("/api/v1/me").await.is(200);
    there.get("/api/v1/me").await.refused(401, "not_signed_in");
    app.anybody().post("/api/v1/sessions", &login("seller", PASSWORD)).await.refused(401, "wrong_login");
    app.anybody().post("/api/v1/sessions", &login("seller", OTHER_PASSWORD)).await.is(201);
    program.get("/api/v1/accounts").await.is(200);
    let path = format!("{}/password", user(app.scope().user()));
    admin.put(&path, &json!({"password": PASSWORD})).await.is(204);
    program.get("/api/v1/accounts").await.refused(401, "not_signed_in");
    here.get("/api/v1/me").await.refused(401, "not_signed_in");
}

/// S22: a password takes a while to check. Whoever began with the old one has no session when the new one holds.
#[actix_web::test]
async fn s22_who_comes_in_while_the_password_is_changed_does_not_stay() {
    let (app, admin) = started().await;
    let path = format!("{}/password", user(app.scope().user()));
    let (mut old, mut new) = (PASSWORD, OTHER_PASSWORD);
    for _ in 0..6 {
        let (body, ask) = (json!({"password": new}), login("seller", old));
        let anybody = app.anybody();
        let (changed, came) = join(admin.put(&path, &body), anybody.post("/api/v1/sessions", &ask)).await;
        changed.is(204);
        if came.status == 201 {
            let bearer = format!("Bearer {}", came.json()["token"].as_str().unwrap());
            let inside = app.anybody().with("authorization", &bearer);
            inside.get("/api/v1/me").await.refused(401, "not_signed_in");
        } else {
            came.refused(401, "wrong_login");
        }
        (old, new) = (new, old);
    }
}

/// S22: who stole the old password does not take the account back from the administrator who sets another.
#[actix_web::test]
async fn s22_of_two_who_change_a_password_at_once_the_administrator_wins() {
    let (app, admin) = started().await;
    let path = format!("{}/password", user(app.scope().user()));
    for _ in 0..4 {
        let seller = app.signed_in("seller").await;
        let own = json!({"old_password": PASSWORD, "new_password": "a third horse altogether"});
        let reset = json!({"password": OTHER_PASSWORD});
        let (changed, set) = join(seller.put("/api/v1/me/password", &own), admin.put(&path, &reset)).await;
        assert!(matches!(changed.status, 204 | 401), "{changed:?}");
        set.is(204);
        app.anybody().post("/api/v1/sessions", &login("seller", OTHER_PASSWORD)).await.is(201);
        seller.get("/api/v1/me").await.refused(401, "not_signed_in");
        admin.put(&path, &json!({"password": PASSWORD})).await.is(204);
    }
}

/// S8: guessing the old password is guessing, wherever it is done.
#[actix_web::test]
async fn s8_the_old_password_is_not_guessed_without_end() {
    let (app, _) = started().await;
    let seller = app.signed_in("seller").await;
    let wrong = json!({"old_password": "not the password", "new_password": OTHER_PASSWORD});
    let mut refusals = Vec::new();
    while refusals.last().is_none_or(|status| *status != 429) && refusals.len() < 20 {
        refusals.push(seller.put("/api/v1/me/password", &wrong).await.status);
    }
    assert_eq!(refusals.last(), Some(&429), "{refusals:?}");
}

/// S22: the sessions of a user who is removed are worth nothing.
#[actix_web::test]
async fn s22_who_is_removed_is_out_at_once() {
    let (app, admin) = started().await;
    let seller = app.signed_in("seller").await;
    admin.delete(&user(app.scope().user())).await.is(204);
    seller.get("/api/v1/me").await.refused(401, "not_signed_in");
}

/// T13: a user who is removed takes everything along, while accounts run and people work on them.
#[actix_web::test]
async fn t13_a_running_user_is_removed_whole() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.rule(echo());
    app.employ("helper", Role::Operator, Some(app.scope().user()), &[shop.id]);
    app.start().await;
    let (admin, owner) = (app.signed_in("admin").await, app.scope().user());
    let helper = app.signed_in("helper").await;
    admin.delete(&user(owner)).await.is(204);
    helper.get("/api/v1/me").await.refused(401, "not_signed_in");
    let left = app.read(move |conn| Ok((accounts::list(conn, &Scope::owner(owner))?, users::list(conn)?)));
    assert_eq!((left.0.len(), left.1.len()), (0, 1));
    assert!(shop.await_offline(PATIENCE).await);
}

#[actix_web::test]
async fn an_owner_employs_people_who_see_chosen_accounts() {
    let mut app = TestApp::new();
    let (shop, other) = (app.open("shop"), app.open("other"));
    app.start().await;
    let seller = app.signed_in("seller").await;
    let new = json!({"name": "helper", "password": PASSWORD, "role": "operator", "accounts": [shop.id]});
    let made = seller.post("/api/v1/employees", &new).await.is(201).json();
    assert_eq!((&made["employer_id"], &made["accounts"]), (&json!(app.scope().user()), &json!([shop.id])));
    let path = format!("/api/v1/employees/{}", made["id"]);
    let helper = app.signed_in("helper").await;
    let seen = helper.get("/api/v1/accounts").await.is(200).json();
    assert_eq!((&seen["total"], &seen["items"][0]["id"]), (&json!(1), &json!(shop.id)));
    let seen = seller.get(&path).await.is(200);
    seller.put(&format!("{path}/accounts"), &json!({"accounts": [other.id]})).await.is(200);
    assert_eq!(helper.get("/api/v1/accounts").await.is(200).json()["items"][0]["id"], json!(other.id));
    let late = app.signed_in("seller").await.with("if-match", seen.header("etag").unwrap());
    late.put(&format!("{path}/accounts"), &json!({"accounts": []})).await.refused(412, "changed");
    let admin = app.signed_in("admin").await.with("if-match", seen.header("etag").unwrap());
    let by_admin = format!("{}/accounts", user(&made["id"]));
    admin.put(&by_admin, &json!({"accounts": []})).await.refused(412, "changed");
    helper.get("/api/v1/employees").await.refused(403, "forbidden");
    assert_eq!(seller.get("/api/v1/employees?role=operator").await.is(200).json()["total"], 1);
    seller.patch(&path, &json!({"active": false})).await.is(200);
    helper.get("/api/v1/me").await.refused(401, "not_signed_in");
    seller.patch(&path, &json!({"active": true, "role": "viewer"})).await.is(200);
    seller.put(&format!("{path}/password"), &json!({"password": OTHER_PASSWORD})).await.is(204);
    app.anybody().post("/api/v1/sessions", &login("helper", OTHER_PASSWORD)).await.is(201);
    seller.delete(&path).await.is(204);
    seller.get(&path).await.refused(404, "not_found");
}

/// S4, T2: an owner reaches nobody but the own people, and makes neither admins nor owners.
#[actix_web::test]
async fn an_owner_touches_no_other_owners_people_and_makes_no_owners() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    let rival = app.employ("rival", Role::Owner, None, &[]);
    app.start().await;
    let theirs = app.employ("theirs", Role::Operator, Some(rival), &[]);
    let seller = app.signed_in("seller").await;
    for id in [theirs, rival, app.scope().user(), UserId(9999)] {
        let path = format!("/api/v1/employees/{id}");
        seller.get(&path).await.refused(404, "not_found");
        seller.patch(&path, &json!({"active": false})).await.refused(404, "not_found");
        seller.delete(&path).await.refused(404, "not_found");
        seller.put(&format!("{path}/password"), &json!({"password": OTHER_PASSWORD})).await.refused(404, "not_found");
        seller.put(&format!("{path}/accounts"), &json!({"accounts": [shop.id]})).await.refused(404, "not_found");
        seller.delete(&format!("{path}/second-factor")).await.refused(404, "not_found");
    }
    for role in ["admin", "owner"] {
        seller.post("/api/v1/employees", &new_user("made", role)).await.refused(422, "invalid_field");
    }
    let rival = app.signed_in("rival").await;
    let foreign = json!({"name": "spy", "password": PASSWORD, "role": "viewer", "accounts": [shop.id]});
    rival.post("/api/v1/employees", &foreign).await.refused(404, "not_found");
    assert_eq!(rival.get("/api/v1/employees").await.is(200).json()["total"], 1, "nobody was made");
}

/// The code that a phone shows now (RFC 6238), reckoned without our own code.
pub(crate) fn phone(secret: &str) -> String {
    let digit = |letter: u8| if letter.is_ascii_digit() { letter - b'2' + 26 } else { letter - b'A' };
    let bits: Vec<u8> =
        secret.bytes().map(digit).flat_map(|digit| (0..5).rev().map(move |bit| digit >> bit & 1)).collect();
    let key: Vec<u8> = bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | bit)).collect();
    let step = clock::unix().0 / 30_000;
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key), &step.to_be_bytes());
    let from = usize::from(tag.as_ref()[19] & 0x0f);
    let number = u32::from_be_bytes(tag.as_ref()[from..from + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

#[actix_web::test]
async fn a_second_factor_counts_once_it_is_confirmed_and_is_then_asked_for() {
    let (app, admin) = started().await;
    let seller = app.signed_in("seller").await;
    let made = seller.post("/api/v1/me/second-factor", &json!({"password": PASSWORD})).await.is(201).json();
    let secret = made["secret"].as_str().unwrap();
    assert!(made["otpauth_url"].as_str().unwrap().contains(secret));
    assert!(made["qr_svg"].as_str().unwrap().contains("<svg"));
    app.signed_in("seller").await.get("/api/v1/me").await.is(200);
    seller.post("/api/v1/me/second-factor/confirm", &json!({"code": "abcdef"})).await.refused(422, "invalid_field");
    seller.post("/api/v1/me/second-factor/confirm", &json!({"code": phone(secret)})).await.is(204);
    assert_eq!(seller.get("/api/v1/me").await.is(200).json()["second_factor"], true);
    let (anybody, mut body) = (app.anybody(), login("seller", PASSWORD));
    anybody.post("/api/v1/sessions", &body).await.refused(401, "second_factor_required");
    body["totp"] = "abcdef".into();
    anybody.post("/api/v1/sessions", &body).await.refused(401, "wrong_login");
    seller.post("/api/v1/me/second-factor", &json!({"password": PASSWORD})).await.refused(409, "wrong_state");
    let wrong = json!({"password": "not the password"});
    seller
        .send("DELETE".parse().unwrap(), "/api/v1/me/second-factor", Some(&wrong))
        .await
        .refused(422, "invalid_field");
    admin.delete(&format!("{}/second-factor", user(app.scope().user()))).await.is(204);
    anybody.post("/api/v1/sessions", &login("seller", PASSWORD)).await.is(201);
}

#[actix_web::test]
async fn one_changes_ones_own_address_unless_it_is_taken() {
    let (app, admin) = started().await;
    let seller = app.signed_in("seller").await;
    assert_eq!(
        seller.patch("/api/v1/me", &json!({"email": "s@example.com", "password": PASSWORD})).await.is(200).json()["email"],
        "s@example.com"
    );
    admin
        .patch("/api/v1/me", &json!({"email": "S@example.com", "password": PASSWORD}))
        .await
        .refused(409, "email_taken");
    app.anybody().post("/api/v1/sessions", &json!({"email": "s@example.com", "password": PASSWORD})).await.is(201);
    for proof in [json!({}), json!({"password": "not the password"})] {
        seller.post("/api/v1/me/second-factor", &proof).await.refused(422, "invalid_field");
        let mut change = proof;
        change["email"] = json!("other@example.com");
        assert_eq!(seller.patch("/api/v1/me", &change).await.refused(422, "invalid_field").field(), "password");
    }
    seller.patch("/api/v1/me", &json!({"role": "admin"})).await.refused(422, "invalid_field");
}

/// S3: a token belongs to one person, is shown once, is stored as a hash, and never reaches further than its person.
#[actix_web::test]
async fn s3_a_token_reaches_what_was_chosen_and_no_more() {
    let mut app = TestApp::new();
    let (shop, other) = (app.open("shop"), app.open("other"));
    app.start().await;
    let seller = app.signed_in("seller").await;
    let new = json!({"name": "script", "access": "read", "accounts": [shop.id]});
    let made = seller.post("/api/v1/tokens", &new).await.is(201).json();
    let text = made["token"].as_str().unwrap();
    let listed = seller.get("/api/v1/tokens").await.is(200);
    assert!(!listed.text.contains(text));
    assert_eq!(listed.json()["items"][0], made["details"]);
    let program = app.anybody().with("authorization", &format!("Bearer {text}"));
    let seen = program.get("/api/v1/accounts").await.is(200).json();
    assert_eq!((&seen["total"], &seen["items"][0]["id"]), (&json!(1), &json!(shop.id)));
    program.get(&format!("/api/v1/accounts/{}", other.id)).await.refused(404, "not_found");
    program.post("/api/v1/blocked-buyers", &json!({"buyer_id": "1"})).await.refused(403, "forbidden");
    for path in ["/api/v1/me", "/api/v1/tokens", "/api/v1/sessions", "/api/v1/users"] {
        program.get(path).await.refused(403, "forbidden");
    }
    seller.delete(&format!("/api/v1/tokens/{}", made["details"]["id"])).await.is(204);
    program.get("/api/v1/accounts").await.refused(401, "not_signed_in");
}

/// S3: no key is built in.
#[actix_web::test]
async fn s3_no_well_known_key_opens_anything() {
    let (app, _) = started().await;
    for key in ["xianyu_api_secret_2024", "zhinina_test_key", "yt_", "admin123"] {
        let program = app.anybody().with("authorization", &format!("Bearer {key}"));
        program.get("/api/v1/blocked-buyers").await.refused(401, "not_signed_in");
    }
}

#[actix_web::test]
async fn a_token_of_a_viewer_writes_nothing_and_one_of_an_administrator_administers_nothing() {
    let (app, admin) = started().await;
    app.person("watcher", Role::Viewer);
    let mint = async |api: &Api| {
        let made = api.post("/api/v1/tokens", &json!({"name": "t", "access": "write"})).await.is(201).json();
        app.anybody().with("authorization", &format!("Bearer {}", made["token"].as_str().unwrap()))
    };
    let program = mint(&app.signed_in("watcher").await).await;
    program.post("/api/v1/blocked-buyers", &json!({"buyer_id": "1"})).await.refused(403, "forbidden");
    mint(&admin).await.get("/api/v1/users").await.refused(403, "forbidden");
}

#[actix_web::test]
async fn a_token_is_for_ones_own_accounts_and_a_year_at_most() {
    let mut app = TestApp::new();
    let shop = app.open("shop");
    app.start().await;
    let admin = app.signed_in("admin").await;
    let foreign = json!({"name": "t", "access": "read", "accounts": [shop.id]});
    admin.post("/api/v1/tokens", &foreign).await.refused(404, "not_found");
    let now = clock::unix().0;
    for expires_at in [1, now - 1000, now + 400 * 86_400_000] {
        let new = json!({"name": "t", "access": "read", "expires_at": expires_at});
        let refused = admin.post("/api/v1/tokens", &new).await.refused(422, "invalid_field");
        assert_eq!(refused.field(), "expires_at");
    }
    let month = json!({"name": "t", "access": "read", "expires_at": now + 30 * 86_400_000_i64});
    let made = admin.post("/api/v1/tokens", &month).await.is(201).json();
    app.signed_in("seller")
        .await
        .delete(&format!("/api/v1/tokens/{}", made["details"]["id"]))
        .await
        .refused(404, "not_found");
}

#[actix_web::test]
async fn two_who_reach_for_the_stop_switch_do_not_undo_each_other_unseen() {
    let (_app, admin) = started().await;
    let seen = admin.get("/api/v1/stop-switch").await.is(200);
    let admin = admin.with("if-match", seen.header("etag").unwrap());
    let turned = admin.put("/api/v1/stop-switch", &json!({"on": true})).await.is(200);
    assert_eq!(turned.json(), json!({"on": true}));
    admin.put("/api/v1/stop-switch", &json!({"on": false})).await.refused(412, "changed");
    let admin = admin.with("if-match", turned.header("etag").unwrap());
    admin.put("/api/v1/stop-switch", &json!({"on": false})).await.is(200);
}
