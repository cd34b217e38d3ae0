//! Codes that are brought in on the page of their card: as a file, and many at once.

use tokio::time::{Instant, sleep};

use crate::{
    client::Api,
    deliveries::Till as _,
    forms::PageForm,
    harness::{LOOK, PATIENCE, TestApp},
    screen::{DESK, Screen, has_chromium},
};

/// Takes longer than anybody waits without a word; pasted, they fill most of what a request may bring.
const MANY: usize = 60_000;

async fn free(seller: &Api, card: &str) -> u64 {
    let units = seller.get(&format!("{card}/units?state=free&per_page=1")).await.is(200).json();
    units["total"].as_u64().unwrap()
}

/// A text or a table, with what was imported before left out or kept, also without script.
#[actix_web::test]
async fn codes_are_uploaded_as_a_file() {
    let mut app = TestApp::new();
    let card = app.pool("会员码", &["AAAA-1111"]);
    app.start_unconnected();
    let browser = app.anybody().with("accept-language", "zh").sign_in_by_cookie("seller").await;
    let (api, page) = (format!("/api/v1/cards/{card}"), format!("/app/cards/{card}"));
    let form = async || PageForm::on(&browser.get(&page).await.is(200), "import-file");
    let lines = b"AAAA-1111\nBBBB-2222\n\nCCCC-3333\n";
    let skip = form().await.with("_query.duplicates", "skip");
    let done = skip.send_file(&browser, "codes.txt", "text/plain", lines).await;
    assert!(done.text.contains("导入完成。") && done.text.contains("共 3 行"), "{}", done.text);
    assert_eq!(free(&browser, &api).await, 3);
    let keep = form().await.with("_query.duplicates", "keep").with("_query.head", "true");
    keep.send_file(&browser, "codes.csv", "text/csv", "账号,密码\nu1,p1\nu2,p2\n".as_bytes()).await;
    assert_eq!(free(&browser, &api).await, 5);
    let broken = form().await.with("_query.duplicates", "skip");
    let refused = broken.send_file(&browser, "codes.txt", "text/plain", b"\xff\xff\xff").await;
    assert!(refused.text.contains("id=\"import-file-file-problem\""), "{}", refused.text);
    assert_eq!(free(&browser, &api).await, 5);
}

/// While it lasts the page says so, and who goes elsewhere meanwhile finds it done.
#[actix_web::test]
async fn an_import_that_takes_long_says_so_and_goes_on_when_one_leaves() {
    if !has_chromium() {
        return;
    }
    let mut app = TestApp::new();
    let card = app.pool("会员码", &["AAAA-1111"]);
    app.start_unconnected();
    let screen = Screen::new(DESK).await;
    screen.sign_in(&app.site(), "seller", &format!("/app/cards/{card}?lang=zh")).await;
    let paste = format!(
        "document.querySelector(\"#import textarea\").value = Array.from({{ length: {MANY} }}, (_, at) => `K${{at}}`).join('\\n')"
    );
    screen.eval(&paste).await;
    screen.click("#import form button.main").await;
    screen.until("document.querySelector('.on-its-way progress:not([value])')?.checkVisibility()").await;
    screen.reads("离开这个页面也会继续完成").await;
    screen.go(&format!("{}/app/orders?lang=zh", app.site())).await;
    let (seller, path) = (app.signed_in("seller").await, format!("/api/v1/cards/{card}"));
    let wanted = MANY as u64 + 1;
    let deadline = Instant::now() + PATIENCE;
    while free(&seller, &path).await < wanted {
        assert!(Instant::now() < deadline, "it did not go on");
        sleep(LOOK).await;
    }
    screen.go(&format!("{}/app/cards/{card}?lang=zh", app.site())).await;
    screen.reads(&wanted.to_string()).await;
    screen.is_in_order().await;
}
