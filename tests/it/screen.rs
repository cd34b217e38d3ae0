//! A browser as a person has one, driven by tests: real clicks and keys in a real Chromium, and what stands on its pages.

use std::{
    cell::RefCell,
    env,
    io::{Cursor, Write as _, stderr},
    path::Path,
    process::Stdio,
    rc::Rc,
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};
use yutang::captcha::{
    browser,
    client::{Cdp, connect},
};

use crate::{client::PASSWORD, harness::PATIENCE};

pub(crate) const DESK: (u32, u32) = (1440, 900);
pub(crate) const PHONE: (u32, u32) = (390, 844);

/// Where there is no Chromium this says so loudly; where `YUTANG_TEST_REQUIRE` lists `chromium`, it fails.
pub(crate) fn has_chromium() -> bool {
    let found = browser::find(Path::new("")).is_some();
    if !found {
        let required = env::var("YUTANG_TEST_REQUIRE").unwrap_or_default();
        assert!(!required.contains("chromium"), "there is no Chromium, but it is required");
        // not `eprintln!`: what a passing test prints is swallowed
        let _ = writeln!(stderr(), "\n*** SKIPPED: there is no Chromium (see tests/services) ***\n");
    }
    found
}

/// One page in a browser of its own.
pub(crate) struct Screen {
    cdp: Cdp,
    session: String,
    /// What the page complained about: errors of scripts, and what its content policy kept from it.
    complaints: Rc<RefCell<Vec<String>>>,
    // Ends before its folder goes.
    _child: Child,
    _folder: TempDir,
}

impl Screen {
    /// An empty page of this size.
    pub(crate) async fn new((width, height): (u32, u32)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = launch(folder.path());
        let (cdp, events, writing) = connect(child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let complaints = Rc::new(RefCell::new(Vec::new()));
        let (heard, asked) = (Rc::clone(&complaints), cdp.clone());
        actix_web::rt::spawn(writing);
        actix_web::rt::spawn(events.for_each(move |event| {
            heard.borrow_mut().extend(complaint(&event.method, &event.params));
            if event.method == "Fetch.requestPaused" {
                let (asked, answer) = (asked.clone(), picture_for(&event.params["requestId"]));
                actix_web::rt::spawn(async move {
                    asked.call(event.session.as_deref(), "Fetch.fulfillRequest", answer).await.unwrap();
                });
            }
            std::future::ready(())
        }));
        let target = cdp.call(None, "Target.createTarget", json!({"url": "about:blank"})).await.unwrap();
        let attach = json!({"targetId": target["targetId"], "flatten": true});
        let attached = cdp.call(None, "Target.attachToTarget", attach).await.unwrap();
        let session = attached["sessionId"].as_str().unwrap().to_owned();
        let screen = Self { cdp, session, complaints, _child: child, _folder: folder };
        for domain in ["Page.enable", "Runtime.enable", "Log.enable"] {
            screen.call(domain, json!({})).await;
        }
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        screen.call("Emulation.setDeviceMetricsOverride", size).await;
        screen
    }

    async fn call(&self, method: &'static str, params: Value) -> Value {
        self.cdp.call(Some(&self.session), method, params).await.unwrap()
    }

    /// What the page asks of addresses that begin so is answered here: with a picture.
    pub(crate) async fn answer_with_a_picture(&self, beginning: &str) {
        let pattern = json!({"urlPattern": format!("{beginning}*")});
        self.call("Fetch.enable", json!({"patterns": [pattern]})).await;
    }

    /// From now on no page runs scripts of its own; this test still asks what stands there.
    pub(crate) async fn without_script(&self) {
        self.call("Emulation.setScriptExecutionDisabled", json!({"value": true})).await;
    }

    pub(crate) async fn go(&self, url: &str) {
        // A name no element of a page has as its id: such an element would be found under it.
        self.eval("window.isLeftBehind = true").await;
        self.call("Page.navigate", json!({"url": url})).await;
        self.until("!window.isLeftBehind && document.readyState === 'complete'").await;
    }

    /// What a script of the page would find.
    pub(crate) async fn eval(&self, script: &str) -> Value {
        let ask = json!({"expression": script, "returnByValue": true, "awaitPromise": true});
        let found = self.call("Runtime.evaluate", ask).await;
        assert!(found.get("exceptionDetails").is_none(), "{script}: {found}");
        found["result"]["value"].clone()
    }

    /// Waits until a script finds something that holds.
    pub(crate) async fn until(&self, script: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // A page that is on its way to another one has nothing to say.
            let ask = json!({"expression": script, "returnByValue": true, "awaitPromise": true});
            let found = self.cdp.call(Some(&self.session), "Runtime.evaluate", ask).await;
            let value = found.map(|found| found["result"]["value"].clone()).unwrap_or_default();
            if !matches!(value, Value::Null | Value::Bool(false)) && value != "" && value != 0 {
                return value;
            }
            if Instant::now() > deadline {
                self.keep("failed").await;
                let text = self.eval("document.body ? document.body.innerText : ''").await;
                panic!("in vain: {script}\n{text}\n{:?}", self.complaints.borrow());
            }
            sleep(Duration::from_millis(40)).await;
        }
    }

    /// Waits until the text stands on the page.
    pub(crate) async fn reads(&self, text: &str) {
        self.until(&format!("document.body && document.body.innerText.includes({})", json!(text))).await;
    }

    /// The middle of what the selector names, once it can be seen, and the page that it is on has come to rest.
    async fn place(&self, selector: &str) -> (f64, f64) {
        let find = format!(
            "(() => {{ const found = document.querySelector({}); if (!found || !found.checkVisibility()) return null; \
             if (document.readyState !== 'complete') return null; \
             if (document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling, .htmx-added')) return null; \
             found.scrollIntoView({{ block: 'center' }}); const box = found.getBoundingClientRect(); \
             return [box.left + box.width / 2, box.top + box.height / 2]; }})()",
            json!(selector)
        );
        let place = self.until(&find).await;
        (place[0].as_f64().unwrap(), place[1].as_f64().unwrap())
    }

    pub(crate) async fn mouse(&self, kind: &str, (x, y): (f64, f64)) {
        let buttons = i32::from(kind != "mouseReleased");
        let event = json!({"type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "clickCount": 1});
        self.call("Input.dispatchMouseEvent", event).await;
    }

    pub(crate) async fn click(&self, selector: &str) {
        let place = self.place(selector).await;
        self.mouse("mousePressed", place).await;
        self.mouse("mouseReleased", place).await;
    }

    /// Presses at one place and lets go at another, as a hand does: on the way, and in its time.
    pub(crate) async fn drag(&self, from: (f64, f64), to: (f64, f64)) {
        const STEPS: u32 = 24;
        self.mouse("mousePressed", from).await;
        for step in 1..=STEPS {
            let part = f64::from(step) / f64::from(STEPS);
            let at = (from.0 + (to.0 - from.0) * part, from.1 + (to.1 - from.1) * part);
            self.mouse("mouseMoved", at).await;
            sleep(Duration::from_millis(16)).await;
        }
        self.mouse("mouseReleased", to).await;
    }

    /// Types into what the selector names.
    pub(crate) async fn write(&self, selector: &str, text: &str) {
        self.click(selector).await;
        self.call("Input.insertText", json!({"text": text})).await;
    }

    /// Presses a key where the focus is: a letter, or one that has a name and writes nothing.
    pub(crate) async fn press(&self, key: &str) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            "ArrowUp" => 38,
            "ArrowDown" => 40,
            _ => 0,
        };
        let text = match key {
            "Enter" => "\r",
            letter if letter.chars().count() == 1 => letter,
            _ => "",
        };
        let down = json!({"type": "keyDown", "key": key, "code": key, "text": text, "windowsVirtualKeyCode": code});
        self.call("Input.dispatchKeyEvent", down).await;
        let up = json!({"type": "keyUp", "key": key, "code": key, "windowsVirtualKeyCode": code});
        self.call("Input.dispatchKeyEvent", up).await;
    }

    /// Signs in by the form, as a person does, and is led on.
    pub(crate) async fn sign_in(&self, site: &str, name: &str, next: &str) {
        let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        self.go(&format!("{site}/sign-in?lang=zh&next={next}")).await;
        self.write("#username", name).await;
        self.write("#password", PASSWORD).await;
        self.click("form button").await;
        self.until("location.pathname !== '/sign-in' && document.readyState === 'complete'").await;
    }

    /// A picture of the page as PNG.
    async fn picture(&self) -> Vec<u8> {
        let picture = self.call("Page.captureScreenshot", json!({"format": "png"})).await;
        BASE64_STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()
    }

    /// Keeps a picture under this name in the folder that `YUTANG_SCREENS` names, if it does.
    pub(crate) async fn keep(&self, name: &str) {
        if let Some(folder) = env::var_os("YUTANG_SCREENS") {
            let folder = Path::new(&folder);
            std::fs::create_dir_all(folder).unwrap();
            std::fs::write(folder.join(format!("{name}.png")), self.picture().await).unwrap();
        }
    }

    /// The same of the whole page, however long it is.
    pub(crate) async fn keep_whole(&self, name: &str) {
        if let Some(folder) = env::var_os("YUTANG_SCREENS") {
            let folder = Path::new(&folder);
            std::fs::create_dir_all(folder).unwrap();
            let whole = json!({"format": "png", "captureBeyondViewport": true});
            let picture = self.call("Page.captureScreenshot", whole).await;
            let bytes = BASE64_STANDARD.decode(picture["data"].as_str().unwrap()).unwrap();
            std::fs::write(folder.join(format!("{name}.png")), bytes).unwrap();
        }
    }

    /// What the page complained about since it was asked last, and whether it is wider than the screen.
    pub(crate) async fn faults(&self) -> Vec<String> {
        let mut all = std::mem::take(&mut *self.complaints.borrow_mut());
        let wide = self.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        if wide != 0 {
            all.push(format!("wider than the screen by {wide}"));
        }
        all
    }

    /// No script failed, the content policy kept nothing away, and nothing is wider than the screen.
    pub(crate) async fn is_in_order(&self) {
        let complaints = self.complaints.borrow().clone();
        assert_eq!(complaints, Vec::<String>::new());
        let wide = self.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth").await;
        assert_eq!(wide, 0, "the page is wider than the screen");
    }
}

fn picture_for(request: &Value) -> Value {
    let picture = image::RgbImage::from_fn(96, 96, |x, y| image::Rgb([0x33, u8::try_from(x + y).unwrap(), 0x99]));
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    let headers = [json!({"name": "Content-Type", "value": "image/png"})];
    let body = BASE64_STANDARD.encode(bytes.into_inner());
    json!({"requestId": request, "responseCode": 200, "responseHeaders": headers, "body": body})
}

fn complaint(method: &str, params: &Value) -> Option<String> {
    match method {
        "Runtime.exceptionThrown" => Some(params["exceptionDetails"].to_string()),
        "Runtime.consoleAPICalled" if params["type"] == "error" => Some(params["args"].to_string()),
        "Log.entryAdded" if params["entry"]["level"] == "error" => Some(params["entry"].to_string()),
        _ => None,
    }
}

/// The debugging pipes are its third and fourth: a shell puts ours there.
fn launch(folder: &Path) -> Child {
    let chromium = browser::find(Path::new("")).unwrap();
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1"#).arg(chromium);
    command.args(["--headless", "--remote-debugging-pipe", "--no-startup-window", "--no-first-run", "--no-sandbox"]);
    command.args(["--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--hide-scrollbars"]);
    command.arg("--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1");
    command.arg(format!("--user-data-dir={}", folder.join("profile").display()));
    command.env("LANG", "zh_CN.UTF-8").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    command.process_group(0).kill_on_drop(true).spawn().unwrap()
}
