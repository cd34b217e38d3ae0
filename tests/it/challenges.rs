//! What the platform wants a person to pass: over HTTP and the WebSocket, in a real Chromium, until the account goes on.

use std::{
    collections::BTreeSet,
    fs::Permissions,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_codec::Framed;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, cookie::Cookie, web};
use awc::{
    BoxedSocket,
    error::WsClientError,
    ws::{Codec, Frame, Message},
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{sync::Notify, time::timeout};
use yutang::{
    access::role::Role,
    account::state::{Reason, State},
    ids::{ChallengeId, Timestamp},
    sim::{self, Gateway, Platform},
    store::challenges,
    telemetry::clock,
};

use crate::{
    client::{Api, PASSWORD},
    harness::{PATIENCE, Shop, TestApp},
    process,
    screen::has_chromium,
};

const SLIDER: &str = r#"<!doctype html><title>slider</title><style>body{margin:0}#knob{position:absolute;left:20px;top:100px;width:40px;height:40px;background:#37c}</style><div id=knob></div>
<script>let from=null,x=0;const knob=document.getElementById("knob");
knob.addEventListener("mousedown",e=>{if(e.isTrusted)from=e.clientX-x});
addEventListener("mousemove",e=>{if(e.isTrusted&&from!==null){x=e.clientX-from;knob.style.left=20+x+"px"}});
addEventListener("mouseup",e=>{if(e.isTrusted&&from!==null){from=null;if(x>250)fetch("/moved",{method:"POST"})}});fetch("/ready")</script>"#;

/// A page that tells of each kind of thing a hand does to it; whoever presses it with a mouse has passed (a browser makes a mouse of a finger).
const HANDS: &str = r#"<!doctype html><title>hands</title><style>body{margin:0;height:5000px}</style>
<script>for(const kind of["wheel","touchstart","touchend","keydown","keyup","resize","mousedown","mouseup"])
addEventListener(kind,e=>{if(e.isTrusted&&!e.sourceCapabilities?.firesTouchEvents||kind[0]=="t")fetch("/saw/"+kind,{method:"POST"})});fetch("/ready")</script>"#;

/// The platform's challenge page: whoever drags the knob far enough has passed.
async fn serve(site: web::Data<Site>, request: HttpRequest) -> HttpResponse {
    let path = request.path();
    if let Some(kind) = path.strip_prefix("/saw/") {
        site.saw.lock().unwrap().insert(kind.to_owned());
    }
    match path {
        "/ready" => {
            site.ready.notify_one();
            HttpResponse::Ok().finish()
        }
        "/punish" => HttpResponse::Ok().content_type("text/html").body(SLIDER),
        "/hands" => HttpResponse::Ok().content_type("text/html").body(HANDS),
        "/moved" | "/saw/mouseup" => {
            site.platform.heal();
            HttpResponse::Ok().cookie(Cookie::build("x5sec", "passed").http_only(true).finish()).finish()
        }
        _ => HttpResponse::NotFound().finish(),
    }
}

struct Site {
    platform: Arc<Platform>,
    /// Its page is there.
    ready: Notify,
    saw: Mutex<BTreeSet<String>>,
}

/// A server whose account the platform wants a person for.
async fn challenged(chromium: &str) -> (TestApp, Shop, SocketAddr, web::Data<Site>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let site = listener.local_addr().unwrap();
    let setting = chromium.to_owned();
    let mut app = TestApp::on(sim::Config::default(), move |settings| {
        settings.platform.passport_url = format!("http://{site}");
        settings.captcha.chromium = setting.into();
    });
    let site_data = Site { platform: Arc::clone(app.platform()), ready: Notify::new(), saw: Mutex::default() };
    let data = web::Data::new(site_data);
    let shared = data.clone();
    let server = HttpServer::new(move || App::new().app_data(shared.clone()).default_service(web::to(serve)));
    actix_web::rt::spawn(server.workers(1).disable_signals().listen(listener).unwrap().run());
    let shop = app.open("\"><script>alert(1)</script>");
    app.platform().change_faults(|faults| faults.gateway = Gateway::Punish);
    app.start_unconnected();
    app.becomes(&shop, State::Failed, Reason::ChallengeRequired).await;
    (app, shop, site, data)
}

fn demand(app: &TestApp, shop: &Shop, url: &str, life: Duration) -> ChallengeId {
    let (account, now) = (shop.id, clock::unix());
    let url = app.store().keys().seal(&challenges::url_place(account), url);
    let id = ChallengeId::of(rand::random());
    let new = challenges::New { id, account, url, expires_at: now + life };
    app.write(move |conn| challenges::open(conn, &new, now))
}

const LIFE: Duration = Duration::from_mins(10);

struct Eyes(Framed<BoxedSocket, Codec>);

impl Eyes {
    async fn open(api: &Api, id: &ChallengeId) -> Result<Self, WsClientError> {
        // Pictures are larger than what a client takes by itself.
        let socket = api.socket(&format!("/api/captcha/ws/{id}")).max_frame_size(16 << 20).connect().await?.1;
        Ok(Self(socket))
    }

    async fn say(&mut self, frame: Value) {
        self.0.send(Message::Text(frame.to_string().into())).await.unwrap();
    }

    async fn find(&mut self, kind: &str) -> Value {
        let mut others = Vec::new();
        let found = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Frame::Text(text))) => {
                        let frame: Value = serde_json::from_slice(&text).unwrap();
                        if frame["type"] == kind {
                            return frame;
                        }
                        if frame["type"] != "screenshot_update" {
                            others.push(frame);
                        }
                    }
                    Some(Ok(Frame::Ping(text))) => self.0.send(Message::Pong(text)).await.unwrap(),
                    Some(Ok(Frame::Pong(_))) => {}
                    other => panic!("no {kind}, but {other:?} after {others:?}"),
                }
            }
        };
        let found = timeout(PATIENCE, found).await;
        found.unwrap_or_else(|_| panic!("no {kind} in time, but {others:?}"))
    }

    async fn drag(&mut self, far: i64) {
        let frame = |kind: &str, x: i64| json!({"type": "mouse_event", "event_type": kind, "x": 40 + x, "y": 120});
        self.say(frame("down", 0)).await;
        for step in 1..=10 {
            self.say(frame("move", far * step / 10)).await;
        }
        self.say(frame("up", far)).await;
    }
}

/// Waits until the server has looked for its browser.
async fn knows_its_browser(api: &Api) {
    for _ in 0..500 {
        if api.get("/health").await.json()["modules"]["challenge_browser"]["available"] == true {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the browser is never there");
}

/// K15, S11, S13: the owner passes it in the browser that the server runs, and the account goes on without a restart; nobody else sees it,
/// or has a browser started.
#[actix_web::test]
async fn k15_s11_s13_an_owner_passes_the_challenge_and_the_account_goes_on() {
    if !has_chromium() {
        return;
    }
    let (mut app, shop, site, page) = challenged("").await;
    app.person("rival", Role::Owner);
    app.person("viewer", Role::Viewer);
    let seller = app.signed_in("seller").await;
    knows_its_browser(&seller).await;
    let id = demand(&app, &shop, &format!("http://{site}/punish"), LIFE);

    // Nobody, somebody else, and somebody who may not.
    let rival = app.signed_in("rival").await;
    for path in ["session", "screenshot", "status", "ws"] {
        let path = format!("/api/captcha/{path}/{id}");
        app.anybody().get(&path).await.refused(401, "not_signed_in");
        rival.get(&path).await.refused(404, "not_found");
        app.signed_in("viewer").await.get(&path).await.refused(403, "forbidden");
    }
    let body = json!({"session_id": id, "event_type": "move", "x": 1, "y": 1});
    rival.post("/api/captcha/mouse_event", &body).await.refused(404, "not_found");
    assert!(Eyes::open(&rival, &id).await.is_err() && Eyes::open(&app.anybody(), &id).await.is_err());
    assert_eq!(rival.get("/api/captcha/sessions").await.is(200).json()["count"], 0);
    let led = app.anybody().with("accept", "text/html").get(&format!("/app/challenges/{id}")).await.is(303);
    assert_eq!(led.header("location"), Some(&*format!("/sign-in?next=%2Fapp%2Fchallenges%2F{id}")));

    // All of that started no browser.
    assert!(!app.settings().data_dir.join("browser").exists());
    // Before its page is open there is nothing to see.
    seller.get(&format!("/api/captcha/screenshot/{id}")).await.refused(409, "wrong_state");
    let mut eyes = Eyes::open(&seller, &id).await.unwrap();
    let info = eyes.find("session_info").await;
    assert_eq!((&info["session_id"], &info["in_control"]), (&json!(id), &json!(true)));
    let picture = eyes.find("screenshot_update").await;
    assert!(picture["screenshot"].as_str().unwrap().starts_with("data:image/jpeg;base64,/9j/"));
    eyes.say(json!({"type": "ping"})).await;
    eyes.find("pong").await;
    eyes.say(json!({"type": "jump"})).await;
    assert_eq!(eyes.find("error").await["code"], "bad_frame");
    assert!(seller.get(&format!("/api/captcha/screenshot/{id}")).await.is(200).text.len() > 100);
    assert_eq!(seller.get("/api/captcha/sessions").await.json()["sessions"][0]["has_websocket"], true);

    // An administrator may help: they watch, take over, and hand back.
    let admin = app.signed_in("admin").await;
    let mut helper = Eyes::open(&admin, &id).await.unwrap();
    assert_eq!(helper.find("session_info").await["in_control"], false);
    helper.drag(300).await;
    assert_eq!(helper.find("error").await["code"], "not_in_control");
    helper.say(json!({"type": "take_control"})).await;
    // It was said before that it is theirs, when the helper came.
    while eyes.find("control").await["in_control"] != false {}
    eyes.say(json!({"type": "take_control"})).await;
    while eyes.find("control").await["in_control"] != true {}

    // Its script says so, when it hears what hands do.
    timeout(PATIENCE, page.ready.notified()).await.expect("the page is there");
    eyes.drag(300).await;
    assert!(eyes.find("completed").await["message"].is_string());
    assert_eq!(eyes.find("ended").await["state"], "passed");
    app.becomes(&shop, State::Connected, Reason::Registered).await;
    let view = seller.get(&format!("/api/v1/challenges/{id}")).await.is(200).json();
    assert_eq!((&view["state"], &view["opened_by"]), (&json!("passed"), &json!("seller")));
    assert_eq!(seller.get(&format!("/api/captcha/status/{id}")).await.json()["completed"], true);
    let told: Vec<String> = seller
        .audit("object_type=challenge")
        .await
        .iter()
        .map(|line| {
            format!("{} {}", line["actor"]["name"].as_str().or(line["actor"].as_str()).unwrap_or("?"), line["action"])
        })
        .collect();
    for action in ["challenge.open", "challenge.take", "challenge.pass"] {
        assert!(told.iter().any(|line| line.contains(action)), "{action}: {told:?}");
    }
    app.stop().await;
    let left = app.settings().data_dir.join("browser");
    assert!(std::fs::read_dir(left).map_or(0, Iterator::count) == 0, "no folder is left");
}

/// Everything that a hand can do reaches the page as from a hand; and a program does by single requests what others do over a socket.
#[actix_web::test]
async fn every_kind_of_hand_reaches_the_page() {
    if !has_chromium() {
        return;
    }
    let (app, shop, site, page) = challenged("").await;
    let seller = app.signed_in("seller").await;
    knows_its_browser(&seller).await;
    let id = demand(&app, &shop, &format!("http://{site}/hands"), LIFE);
    let mouse = |kind: &str| json!({"session_id": id, "event_type": kind, "x": 50, "y": 60});
    seller.post("/api/captcha/mouse_event", &mouse("down")).await.refused(409, "wrong_state");
    let mut eyes = Eyes::open(&seller, &id).await.unwrap();
    timeout(PATIENCE, page.ready.notified()).await.expect("the page is there");
    for frame in [
        json!({"type": "resize", "width": 390, "height": 700, "scale": 2}),
        json!({"type": "touch_event", "event_type": "start", "x": 50, "y": 60}),
        json!({"type": "touch_event", "event_type": "end", "x": 50, "y": 60}),
        json!({"type": "wheel_event", "x": 50, "y": 60, "delta_y": 120}),
        json!({"type": "key_event", "event_type": "down", "key": "a", "code": "KeyA"}),
        json!({"type": "key_event", "event_type": "up", "key": "a", "code": "KeyA"}),
    ] {
        eyes.say(frame).await;
    }
    let saw = |kinds: &[&str]| {
        let saw = page.saw.lock().unwrap();
        kinds.iter().all(|kind| saw.contains(*kind)).then_some(())
    };
    app.eventually("it saw them", || saw(&["resize", "touchstart", "touchend", "wheel", "keydown", "keyup"])).await;
    let narrow = async { while eyes.find("screenshot_update").await["viewport"]["width"] != 390 {} };
    timeout(PATIENCE, narrow).await.expect("it is as wide as the screen of the person");

    let check = json!({"session_id": id});
    let asked = seller.post("/api/captcha/check_completion", &check).await.is(200).json();
    assert_eq!((&asked["session_id"], &asked["completed"]), (&json!(id), &json!(false)));
    // The one who watches is in control, and so are their programs.
    let moved = seller.post("/api/captcha/mouse_event", &mouse("down")).await.is(200).json();
    assert_eq!((&moved["success"], &moved["completed"]), (&json!(true), &json!(false)));
    app.eventually("it saw a mouse", || saw(&["mousedown"])).await;
    seller.post("/api/captcha/mouse_event", &mouse("up")).await.is(200);
    eyes.find("completed").await;
    assert_eq!(eyes.find("ended").await["state"], "passed");
    app.becomes(&shop, State::Connected, Reason::Registered).await;
    let asked = seller.post("/api/captcha/check_completion", &check).await.is(200).json();
    assert_eq!(asked["completed"], true);

    let other = demand(&app, &shop, &format!("http://{site}/hands"), LIFE);
    seller.delete(&format!("/api/captcha/session/{other}")).await.is(200);
    let view = seller.get(&format!("/api/v1/challenges/{other}")).await.is(200).json();
    assert_eq!(view["state"], "cancelled");
}

/// S12: what a page shows is text, and its number alone leads to it.
#[actix_web::test]
async fn s12_without_a_browser_the_page_shows_the_manual_way_and_nothing_runs_in_it() {
    let (app, shop, ..) = challenged("/nowhere/chromium").await;
    let seller = app.signed_in("seller").await;
    let health = app.anybody().get("/health").await.json();
    let module = &health["modules"]["challenge_browser"];
    assert_eq!(module["available"], false);
    assert!(module["remedy"].as_str().unwrap().contains("apt-get install chromium"), "{module}");

    let url = "https://h5api.m.example/punish?x5secdata=\"><script>alert(2)</script>&x=1";
    let id = demand(&app, &shop, url, LIFE);
    let in_person = app.anybody().sign_in_by_cookie("seller").await;
    for path in [format!("/app/challenges/{id}"), format!("/api/captcha/control/{id}?lang=zh")] {
        let page = in_person.get(&path).await.is(200);
        assert!(page.header("content-security-policy").unwrap().contains("script-src 'self'"));
        assert!(!page.text.contains("<script>") && page.text.contains("rel=\"noopener noreferrer\""), "{}", page.text);
        assert!(page.text.contains("textarea") && page.text.contains("x5secdata="), "the manual way");
    }
    for odd in ["%3Cscript%3Ealert(1)%3C/script%3E", "'-alert(1)-'", &"A".repeat(64), &"0".repeat(63)] {
        assert_eq!(in_person.get(&format!("/api/captcha/control/{odd}")).await.status, 404, "{odd}");
    }
    let unavailable = seller.get(&format!("/api/captcha/screenshot/{id}")).await.refused(503, "module_unavailable");
    assert_eq!(unavailable.json()["details"]["module"], "challenge_browser");
    assert!(Eyes::open(&seller, &id).await.is_err());
    // No link that runs something, whoever demanded it.
    let odd = demand(&app, &shop, "javascript:alert(1)", LIFE);
    assert_eq!(odd, id, "the newer demand moves into the open one");
    assert!(!in_person.get(&format!("/app/challenges/{id}")).await.text.contains("javascript:"));

    // Pasting the cookie of one's own browser ends it.
    app.platform().heal();
    app.renew_cookie(&shop);
    app.becomes(&shop, State::Connected, Reason::Registered).await;
}

/// A browser that is put in place while the server runs is found as soon as somebody asks for it.
#[actix_web::test]
async fn a_browser_that_is_installed_works_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("chromium");
    let (app, shop, ..) = challenged(place.to_str().unwrap()).await;
    let seller = app.signed_in("seller").await;
    let id = demand(&app, &shop, "https://h5api.m.example/punish", LIFE);
    let screenshot = format!("/api/captcha/screenshot/{id}");
    let absent = seller.get(&screenshot).await.refused(503, "module_unavailable");
    assert!(absent.json()["details"]["problem"].as_str().unwrap().contains("apt-get install chromium"));
    std::fs::write(&place, "#!/bin/sh\n").unwrap();
    seller.get(&screenshot).await.refused(503, "module_unavailable");
    std::fs::set_permissions(&place, Permissions::from_mode(0o755)).unwrap();
    // Nobody has opened the page yet: that is another matter.
    seller.get(&screenshot).await.refused(409, "wrong_state");
    assert_eq!(app.anybody().get("/health").await.json()["modules"]["challenge_browser"], json!({"available": true}));
}

#[actix_web::test]
async fn what_is_over_can_be_begun_again_while_the_platform_asks() {
    let (app, shop, site, _) = challenged("/nowhere/chromium").await;
    let seller = app.signed_in("seller").await;
    let id = demand(&app, &shop, &format!("http://{site}/punish"), Duration::ZERO);
    let page = app.anybody().sign_in_by_cookie("seller").await;
    seller.get(&format!("/api/v1/challenges/{id}")).await.is(200);
    let begin = format!("/api/v1/accounts/{}/challenge", shop.id);
    let fresh = seller.send(awc::http::Method::POST, &begin, None).await.is(201).json();
    assert_ne!(fresh["id"], json!(id));
    assert_eq!(
        (&fresh["state"], &fresh["path"]),
        (&json!("open"), &json!(format!("/app/challenges/{}", fresh["id"].as_str().unwrap())))
    );
    let same = seller.send(awc::http::Method::POST, &begin, None).await.is(201).json();
    assert_eq!(same["id"], fresh["id"]);
    let over = seller.get(&format!("/api/v1/challenges/{id}")).await.is(200).json();
    assert_eq!(over["state"], "expired");
    let shown = page.get(&format!("/app/challenges/{id}?lang=en")).await.is(200).text;
    assert!(shown.contains("You can begin again"), "{shown}");

    let cancel = format!("/api/v1/challenges/{}/cancel", fresh["id"].as_str().unwrap());
    let cancelled = seller.send(awc::http::Method::POST, &cancel, None).await.is(200).json();
    assert_eq!(cancelled["state"], "cancelled");
    seller.send(awc::http::Method::POST, &cancel, None).await.refused(409, "wrong_state");
    let listed = seller.get("/api/v1/challenges?open=false").await.is(200).json();
    assert_eq!(listed["total"], 2);
    assert!(listed["items"][0]["created_at"].as_i64().unwrap() >= Timestamp(1).0);
    for action in ["challenge.begin", "challenge.cancel"] {
        assert!(!seller.audit(&format!("action={action}")).await.is_empty(), "{action}");
    }
    app.platform().heal();
    app.retry(&shop);
    app.becomes(&shop, State::Connected, Reason::Registered).await;
    seller.send(awc::http::Method::POST, &begin, None).await.refused(409, "wrong_state");
}

/// How many processes were started with this text among their words.
fn processes_with(mark: &str) -> usize {
    let words = |process: std::fs::DirEntry| std::fs::read(process.path().join("cmdline")).unwrap_or_default();
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    all.map(words).filter(|words| String::from_utf8_lossy(words).contains(mark)).count()
}

/// K13: as a power cut ends it, in the middle of a challenge.
#[actix_web::test]
async fn k13_a_killed_server_takes_its_browser_along_and_the_next_one_sweeps() {
    if !has_chromium() {
        return;
    }
    let shop = process::Shop::with_accounts(1);
    shop.run_with(&format!("{PASSWORD}\n"), &["user", "add", "boss", "--admin", "--password-stdin"]).succeeded();
    shop.accounts[0].demand_person();
    let server = shop.serve();
    assert_eq!(shop.await_some("challenges").await, 1, "{}", server.log());
    let id = ChallengeId::from(shop.texts("SELECT id AS text FROM challenges").remove(0));
    let api = Api::at(server.address()).sign_in("boss").await;
    knows_its_browser(&api).await;
    let mut eyes = Eyes::open(&api, &id).await.unwrap();
    eyes.find("screenshot_update").await;
    let (mark, place) = (shop.data().display().to_string(), shop.data().join("browser"));
    let folders = || std::fs::read_dir(&place).map_or(0, Iterator::count);
    assert!(processes_with(&mark) > 0 && folders() == 1);

    server.kill();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while processes_with(&mark) > 0 {
        assert!(tokio::time::Instant::now() < deadline, "the browser lives on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let server = shop.serve();
    while folders() > 0 {
        assert!(tokio::time::Instant::now() < deadline, "the folder is left");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.terminate().cleanly();
}
