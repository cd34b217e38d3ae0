//! The panel by single keys, and without them.

use crate::{
    harness::TestApp,
    panel::Showcase,
    screen::{DESK, Screen, has_chromium},
};

/// Kept in the browser, and told to the page: no key does anything, and none is shown.
#[actix_web::test]
async fn single_keys_are_switched_off_and_on_again() {
    let mut app = TestApp::new();
    app.start().await;
    let browser = app.anybody().sign_in_by_cookie("seller").await;
    let page = browser.get("/app/me").await.is(200);
    assert!(page.text.contains("data-keys=\"on\"") && page.text.contains("<dialog id=\"keys\""), "{}", page.text);
    let answer = browser.get("/app/me?keys=off").await.is(200);
    assert!(answer.text.contains("data-keys=\"off\""), "{}", answer.text);
    let kept = answer.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(kept, "yutang_keys=off");
    let cookies = format!("{}; {kept}", browser.sends("cookie"));
    let browser = browser.with("cookie", &cookies);
    for path in ["/app/me", "/app/reviews", "/app/chats?q=x"] {
        let page = browser.get(path).await.is(200);
        let has_none = !page.text.contains("<kbd") && !page.text.contains("aria-keyshortcuts");
        assert!(has_none && page.text.contains("data-keys=\"off\""), "{path}: {}", page.text);
    }
    assert!(browser.get("/app/me?keys=on").await.is(200).text.contains("data-keys=\"on\""));
}

/// What waits is decided without a hand on the mouse; what is typed into a field is typed, and nothing else.
#[actix_web::test]
async fn what_waits_is_decided_by_keys_alone() {
    if !has_chromium() {
        return;
    }
    let showcase = Showcase::open("").await;
    let screen = Screen::new(DESK).await;
    screen.sign_in(&showcase.site(), "seller", "/app/reviews?lang=zh").await;
    screen.until("document.documentElement.dataset.scripted === '' && document.querySelector('[data-line]')").await;
    screen.press("?").await;
    screen.until("document.getElementById('keys').open").await;
    screen.click("[data-closes='keys']").await;
    screen.until("!document.getElementById('keys').open").await;
    screen.press("j").await;
    screen.until("document.activeElement.matches('.reviews > [data-line]')").await;
    screen.press("1").await;
    screen.until("document.activeElement.name === 'note'").await;
    assert_eq!(screen.eval("document.querySelector(\"main input[value='arrived']\").checked").await, true);
    for key in ["j", "2", "?"] {
        screen.press(key).await;
    }
    screen.until("document.activeElement.value === 'j2?'").await;
    assert_eq!(screen.eval("document.querySelector(\"main input[value='arrived']\").checked").await, true);
    screen.press("Enter").await;
    screen
        .until(
            "document.querySelector('.said:not(.refused)') && !document.querySelector(\"main input[value='arrived']\")",
        )
        .await;

    let chats = format!("{}/app/chats?lang=zh", showcase.site());
    let are_there =
        "document.documentElement.dataset.scripted === '' && document.querySelector('.inbox [data-line]') !== null";
    screen.go(&chats).await;
    screen.until(are_there).await;
    screen.press("/").await;
    screen.until("document.activeElement.name === 'q'").await;
    screen.go(&chats).await;
    screen.until(are_there).await;
    screen.press("j").await;
    screen.until("document.activeElement.matches('.inbox li:first-child a')").await;
    screen.press("j").await;
    screen.until("document.activeElement.matches('.inbox li:nth-child(2) a')").await;
    screen.press("k").await;
    screen.press("Enter").await;
    screen.until("location.pathname.startsWith('/app/chats/')").await;

    screen.go(&format!("{}/app/me?lang=zh&keys=off", showcase.site())).await;
    screen.go(&chats).await;
    screen.until(are_there).await;
    screen.press("j").await;
    assert_eq!(screen.eval("document.activeElement === document.body").await, true);
    screen.is_in_order().await;
}
