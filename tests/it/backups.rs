//! Backups: as an administrator wants and sees them, and at the command line, with the way back.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::{
    client::Api,
    harness::{PATIENCE, TestApp},
    process::Shop,
};

const BACKUPS: &str = "/api/v1/maintenance/backups";

/// What is said of them once none is being made.
pub(crate) async fn ended(admin: &Api) -> Value {
    let done = async {
        loop {
            let view = admin.get(BACKUPS).await.is(200).json();
            if view["running"] == false {
                return view;
            }
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, done).await.expect("it comes to its end")
}

#[actix_web::test]
async fn an_administrator_backs_up_and_finds_the_copy_and_what_became_of_it() {
    let mut app = TestApp::with(|settings| settings.backup.keep = 2);
    app.start().await;
    let admin = app.signed_in("admin").await;
    let before = admin.get(BACKUPS).await.is(200).json();
    assert_eq!(
        (&before["made_here"], &before["last_run"], &before["copies"]),
        (&json!(true), &Value::Null, &json!([]))
    );
    assert!(before["next_run_at"].is_i64() && before["keep"] == 2, "{before}");

    let begun = admin.post(BACKUPS, &json!({})).await.is(202).json();
    assert!(begun["running"] == true && begun["running_since"].is_i64(), "{begun}");
    let view = ended(&admin).await;
    let (run, copy) = (&view["last_run"], &view["copies"][0]);
    assert_eq!((&run["name"], &run["fault"]), (&copy["name"], &Value::Null), "{view}");
    assert_eq!((&copy["verified"], &copy["size_bytes"]), (&json!(true), &run["size_bytes"]));
    let path = app.settings().backup_folder().join(copy["name"].as_str().unwrap());
    let about = fs::metadata(&path).unwrap();
    assert_eq!((about.len(), about.permissions().mode() & 0o777), (copy["size_bytes"].as_u64().unwrap(), 0o600));
    let audit = admin.get("/api/v1/audit?action=backup.run").await.is(200).json();
    assert_eq!((&audit["items"][0]["actor"], &audit["total"]), (&json!("admin"), &json!(1)));

    for _ in 0..2 {
        admin.post(BACKUPS, &json!({})).await.is(202);
        ended(&admin).await;
    }
    assert_eq!(ended(&admin).await["copies"].as_array().unwrap().len(), 2, "the newest stay");
    assert!(!path.exists());
}

#[actix_web::test]
async fn the_page_shows_the_copies_and_makes_one_more() {
    let mut app = TestApp::new();
    app.start().await;
    let admin = app.anybody().sign_in_by_cookie("admin").await;
    let page = async || admin.get("/app/settings?tab=backups&lang=en").await.is(200).text;
    let empty = page().await;
    assert!(empty.contains("None was made yet") && empty.contains("Back up now"), "{empty}");
    assert!(empty.contains(r#"action="/app/do/api/v1/maintenance/backups""#), "{empty}");
    let by_token = app.signed_in("admin").await;
    by_token.post(BACKUPS, &json!({})).await.is(202);
    let under_way = page().await;
    assert!(under_way.contains("Under way since") || under_way.contains("Made and verified"), "{under_way}");
    let view = ended(&by_token).await;
    let shown = page().await;
    assert!(shown.contains(view["copies"][0]["name"].as_str().unwrap()) && shown.contains("verified"), "{shown}");
    assert!(shown.contains("yutang restore") && shown.contains("The key is not in it"), "{shown}");
    let about = admin.get("/app/about?lang=en").await.is(200).text;
    assert!(about.contains("/app/settings?tab=backups"), "{about}");
}

#[actix_web::test]
async fn the_backups_are_the_administrators() {
    let mut app = TestApp::new();
    app.start().await;
    let seller = app.signed_in("seller").await;
    seller.get(BACKUPS).await.refused(403, "forbidden");
    seller.post(BACKUPS, &json!({})).await.refused(403, "forbidden");
    assert!(!app.settings().backup_folder().exists());
}

/// The only copy in a folder.
fn only_copy(folder: &Path) -> std::path::PathBuf {
    let mut found: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[actix_web::test]
async fn the_command_line_backs_up_beside_a_server_and_restores_without_one() {
    let shop = Shop::with_accounts(1);
    let server = shop.serve_registered().await;
    let said = shop.run(&["backup"]).succeeded();
    assert!(said.contains("verified") && said.contains("the key is not in it"), "{said}");
    let copy = only_copy(&shop.data().join("backups"));
    assert!(said.contains(copy.file_name().unwrap().to_str().unwrap()), "{said}");
    let elsewhere = shop.folder().join("elsewhere");
    shop.run(&["backup", elsewhere.to_str().unwrap()]).succeeded();
    only_copy(&elsewhere);

    shop.run(&["keyword", "add", "发货了吗", "--reply", "发了"]).succeeded();
    let (rules, path) = (shop.count("rules"), copy.to_str().unwrap());
    let refusal = shop.run(&["restore", path]).failed();
    assert!(refusal.contains("another server"), "{refusal}");
    assert_eq!(shop.count("rules"), rules, "nothing was changed beside a server");
    server.terminate().cleanly();

    let said = shop.run(&["restore", path]).succeeded();
    assert!(said.contains("before-restore"), "the database that was there is kept: {said}");
    assert!(said.contains("everything is stopped"), "{said}");
    assert_eq!(shop.count("facts WHERE key = 'stop_switch' AND value = 'on'"), 1);
    assert_eq!(shop.count("rules"), rules - 1);
    assert_eq!(shop.count("audit WHERE action = 'backup.restore'"), 1);
    assert!(shop.run(&["ledger", "verify"]).succeeded().contains("everything holds together"));
    shop.serve_registered().await.terminate().cleanly();
}

#[actix_web::test]
async fn what_is_no_good_copy_is_not_restored() {
    let shop = Shop::with_accounts(1);
    shop.run(&["backup"]).succeeded();
    let copy = only_copy(&shop.data().join("backups"));
    let (whole, path) = (fs::read(&copy).unwrap(), copy.to_str().unwrap());
    let database = shop.data().join("yutang.db");
    let before = fs::read(&database).unwrap();

    fs::write(&copy, &whole[..whole.len() / 2]).unwrap();
    let refusal = shop.run(&["restore", path]).failed();
    assert!(refusal.contains("is not restored, and the database is as it was"), "{refusal}");
    fs::write(&copy, &whole).unwrap();
    assert!(shop.run(&["restore", "absent.db"]).failed().contains("absent.db"));

    let (key, away) = (shop.data().join("key"), shop.data().join("key.away"));
    fs::rename(&key, &away).unwrap();
    assert!(shop.run(&["restore", path]).failed().contains("there is no key"));
    assert!(!key.exists(), "none is made in its place");
    fs::write(&key, "0f".repeat(32)).unwrap();
    assert!(shop.run(&["restore", path]).failed().contains("does not open the secrets"));
    fs::rename(&away, &key).unwrap();

    assert_eq!(fs::read(&database).unwrap(), before, "what was refused has changed nothing");
    let left = fs::read_dir(shop.data()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert!(left.into_iter().all(|name| !name.contains("restor")), "nothing is left lying about");
    shop.run(&["restore", path]).succeeded();
}

#[actix_web::test]
async fn postgresql_is_left_to_its_own_means() {
    let Some(shop) = Shop::on_postgres(1) else { return };
    for args in [&["backup"][..], &["restore", "x.db"]] {
        let refusal = shop.run(args).failed();
        assert!(refusal.contains("PostgreSQL") && refusal.contains("pg_dump"), "{refusal}");
    }
    assert!(!shop.data().join("backups").exists());
}
