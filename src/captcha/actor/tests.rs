//! With a real Chromium, and a site in the place of the platform.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{
    cell::{Cell, RefCell},
    env, fs,
    io::{Write as _, stderr},
    net::SocketAddr,
    rc::Rc,
    sync::Mutex,
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, cookie::Cookie, web};
use tokio::time::{sleep, timeout};

use super::*;
use crate::{
    account::messages::NotPassed,
    captcha::{
        challenge::Viewer,
        input::{Point, Stroke, Viewport},
        messages::{Check, Checked, Control, NotAccepted, NotShown, Watch, Watching},
    },
    ids::{AccountId, UserId},
    platform::cookies::Cookies,
    testbed::{Bed, Heard, answering, listening},
};

const PATIENCE: Duration = Duration::from_secs(30);

/// Where there is no Chromium this says so loudly; where `YUTANG_TEST_REQUIRE` lists `chromium`, it fails.
fn chromium() -> Option<PathBuf> {
    let found = browser::find(&PathBuf::new());
    if found.is_none() {
        let required = env::var("YUTANG_TEST_REQUIRE").unwrap_or_default();
        assert!(!required.contains("chromium"), "there is no Chromium, but it is required");
        // not `eprintln!`: what a passing test prints is swallowed
        let _ = writeln!(stderr(), "\n*** SKIPPED: there is no Chromium (see tests/services) ***\n");
    }
    found
}

/// A knob that is to be dragged; what made it move must come from a hand.
const SLIDER: &str = r#"<!doctype html><title>slider</title><style>body{margin:0}#track{position:absolute;left:20px;top:100px;width:400px;height:40px;background:#ddd}
#knob{position:absolute;left:0;top:0;width:40px;height:40px;background:#37c}</style><div id=track><div id=knob></div></div><img src="http://localhost:PORT/foreign"><iframe src="http://127.0.0.2:PORT/foreign"></iframe>
<script>let from=null,x=0;const knob=document.getElementById("knob");
const start=(e,at)=>{if(e.isTrusted){from=at-x}};const move=(e,at)=>{if(e.isTrusted&&from!==null){x=at-from;knob.style.left=x+"px"}};
const end=e=>{if(e.isTrusted&&from!==null){from=null;if(x>250)fetch("/moved?to="+Math.round(x),{method:"POST"})}};
knob.addEventListener("mousedown",e=>start(e,e.clientX));addEventListener("mousemove",e=>move(e,e.clientX));addEventListener("mouseup",end);
knob.addEventListener("touchstart",e=>start(e,e.touches[0].clientX));addEventListener("touchmove",e=>move(e,e.touches[0].clientX));addEventListener("touchend",end);
addEventListener("keydown",e=>{if(e.key==="p")open("/window");if(e.key==="f")location="http://localhost:PORT/foreign";if(e.key==="a")alert("x")});fetch("/ready")</script>"#;

/// The platform's side: what it was asked.
#[derive(Default)]
struct Site {
    asked: Mutex<Vec<String>>,
    cookies: Mutex<String>,
}

async fn serve(site: web::Data<Site>, request: HttpRequest) -> HttpResponse {
    let host = request.connection_info().host().to_owned();
    let port = host.rsplit(':').next().unwrap_or_default().to_owned();
    site.asked.lock().unwrap().push(format!("{host}{}", request.path()));
    match request.path() {
        "/punish" => {
            let sent = request.headers().get("cookie").map(|value| value.to_str().unwrap().to_owned());
            *site.cookies.lock().unwrap() = sent.unwrap_or_default();
            let page = SLIDER.replace("PORT", &port);
            let seen = site.asked.lock().unwrap().len().to_string();
            HttpResponse::Ok().cookie(Cookie::new("seen", seen)).content_type("text/html").body(page)
        }
        "/moved" => {
            let good = if request.query_string() == "to=300" { "good" } else { "half" };
            HttpResponse::Ok().cookie(Cookie::build("x5sec", good).http_only(true).finish()).finish()
        }
        _ => HttpResponse::Ok().body("x"),
    }
}

fn open_site() -> (web::Data<Site>, SocketAddr) {
    let site = web::Data::new(Site::default());
    let app = site.clone();
    let server = HttpServer::new(move || App::new().app_data(app.clone()).default_service(web::to(serve)));
    let server = server.workers(1).bind("0.0.0.0:0").unwrap();
    let address = server.addrs()[0];
    actix::spawn(server.run());
    (site, ([127, 0, 0, 1], address.port()).into())
}

struct Scene {
    bed: Bed,
    site: web::Data<Site>,
    address: SocketAddr,
    actor: Addr<ChallengeActor>,
    account: AccountId,
    /// Cookies that the platform was asked with.
    asked: Rc<RefCell<Vec<Cookies>>>,
    viewers: Cell<u64>,
    folder: tempfile::TempDir,
    /// Of browsers.
    place: PathBuf,
}

impl Scene {
    fn new(chromium: PathBuf, change: impl FnOnce(&mut Config)) -> Self {
        let (bed, (site, address)) = (Bed::new(), open_site());
        let folder = tempfile::tempdir().unwrap();
        let asked: Rc<RefCell<Vec<Cookies>>> = Rc::default();
        let heard = Rc::clone(&asked);
        let accounts = answering(move |passed: ChallengePassed| {
            let is_good = passed.cookies.get("x5sec") == Some("good");
            heard.borrow_mut().push(passed.cookies);
            if is_good { Ok(()) } else { Err(NotPassed::StillAsked) }
        });
        let mut config = Config {
            chromium,
            folder: folder.path().join("browser"),
            hosts: Hosts::new(&[], &[&format!("http://{address}")]),
            at_once: 2,
            memory: 4 << 30,
        };
        change(&mut config);
        let place = config.folder.clone();
        let actor = ChallengeActor::new(bed.store.clone(), config, Box::new(move || accounts.clone())).start();
        let account = bed.account().id;
        Self { bed, site, address, actor, account, asked, viewers: Cell::new(0), folder, place }
    }

    async fn demand(&self, life: Duration) -> ChallengeId {
        let url = format!("http://{}/punish?x5secdata=1", self.address);
        self.demand_at(self.account, &url, life).await
    }

    async fn demand_at(&self, account: AccountId, url: &str, life: Duration) -> ChallengeId {
        let url = self.bed.store.keys().seal(&challenges::url_place(account), url);
        let now = clock::unix();
        let id = ChallengeId::of(rand::random());
        let new = challenges::New { id, account, url, expires_at: now + life };
        self.bed.write(move |conn| challenges::open(conn, &new, now)).await
    }

    async fn watch(&self, id: &ChallengeId, name: &str) -> (Viewer, Result<Watching, NotShown>, Heard<Told>) {
        let viewer = Viewer(self.viewers.replace(self.viewers.get() + 1));
        let (told, heard) = listening();
        let user = UserId(i64::try_from(name.len()).unwrap());
        let watch = Watch { id: id.clone(), viewer, user, name: name.to_owned(), told };
        (viewer, self.actor.send(watch).await.unwrap(), heard)
    }

    async fn next(&self, id: &ChallengeId, viewer: Viewer, after: u64) -> Option<Picture> {
        let next = Next { id: id.clone(), viewer, after, took: None };
        timeout(PATIENCE, self.actor.send(next)).await.expect("a picture in time").unwrap()
    }

    async fn act(&self, id: &ChallengeId, viewer: Viewer, input: Input) -> Result<(), NotDone> {
        self.actor.send(Act { id: id.clone(), by: By::Viewer(viewer), input }).await.unwrap()
    }

    /// Drags the knob so far, in little steps.
    async fn drag(&self, id: &ChallengeId, viewer: Viewer, far: f64, stroke: impl Fn(Stroke, Point) -> Input) {
        let at = |x: f64| Point { x: 40.0 + x, y: 120.0 };
        self.act(id, viewer, stroke(Stroke::Down, at(0.0))).await.unwrap();
        for step in 1..=20 {
            self.act(id, viewer, stroke(Stroke::Move, at(far * f64::from(step) / 20.0))).await.unwrap();
        }
        self.act(id, viewer, stroke(Stroke::Up, at(far))).await.unwrap();
    }

    async fn row(&self, id: &ChallengeId) -> challenges::Row {
        let (scope, id) = (self.bed.scope(), id.clone());
        self.bed.store.read(move |conn| challenges::get(conn, &scope, &id)).await.unwrap()
    }

    /// The page shows the slider.
    async fn shown(&self, id: &ChallengeId, viewer: Viewer) -> Picture {
        // Its script says so, when it hears what hands do.
        eventually("the page is there", || self.asked_for("/ready")).await;
        self.next(id, viewer, 0).await.unwrap()
    }

    fn asked_for(&self, path: &str) -> bool {
        self.site.asked.lock().unwrap().iter().any(|asked| asked.ends_with(path))
    }

    /// Of the browser; `None`: there is none.
    async fn pid(&self) -> Option<u32> {
        self.actor.send(AskPages).await.unwrap().browser
    }

    /// No process, no folder.
    async fn is_clean(&self, pid: Option<u32>) {
        let mark = self.folder.path().display().to_string();
        let is_gone = || {
            let mut processes = fs::read_dir("/proc").unwrap().flatten().filter_map(|process| {
                let line = fs::read_to_string(process.path().join("cmdline")).ok()?;
                let stat = fs::read_to_string(process.path().join("stat")).ok()?;
                let group = stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse::<u32>().ok();
                // What nobody has buried yet has no line any more.
                Some(line.contains(&mark) || (pid.is_some() && group == pid && !line.is_empty()))
            });
            !processes.any(|is_its| is_its)
        };
        eventually("no process is left", is_gone).await;
        let left = || fs::read_dir(&self.place).map_or(0, Iterator::count);
        eventually("no folder is left", || left() == 0).await;
    }
}

async fn eventually(what: &str, holds: impl Fn() -> bool) {
    let found = async {
        while !holds() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("never: {what}"));
}

async fn hears(heard: &mut Heard<Told>, wanted: impl Fn(&Told) -> bool) -> Told {
    loop {
        let told = timeout(PATIENCE, heard.next()).await.expect("it is told in time");
        if wanted(&told) {
            return told;
        }
    }
}

fn mouse(stroke: Stroke, at: Point) -> Input {
    Input::Mouse { stroke, at, pressed: false }
}

fn touch(stroke: Stroke, at: Point) -> Input {
    Input::Touch { stroke, at }
}

fn key(name: &str, down: bool) -> Input {
    Input::Key { down, key: crate::captcha::input::Key { name: name.to_owned(), code: String::new() } }
}

const LONG: Duration = Duration::from_mins(10);

/// K15: what the platform asks of the account is offered to a person, with the account's cookies, and passed by the platform's word alone.
#[actix::test]
async fn k15_a_person_drags_the_slider_and_the_platform_says_that_it_is_passed() {
    let Some(chromium) = chromium() else { return };
    let scene = Scene::new(chromium, |_| {});
    let id = scene.demand(LONG).await;
    let (viewer, watching, mut heard) = scene.watch(&id, "甲").await;
    assert_eq!(watching.unwrap().control, Control { is_yours: true, name: Some("甲".to_owned()) });
    assert_eq!(scene.row(&id).await.state, State::Shown);
    let first = scene.shown(&id, viewer).await;
    let pid = scene.pid().await;
    assert!(scene.site.cookies.lock().unwrap().contains("_m_h5_tk=a_1"), "it has the account's cookies");

    // Dragged too far: the page is content, the platform is not.
    scene.drag(&id, viewer, 330.0, mouse).await;
    let told = hears(&mut heard, |told| matches!(told, Told::Checked(_))).await;
    assert_eq!(told, Told::Checked(Checked::NotPassed(NotAccepted::StillAsked)));
    assert!(scene.next(&id, viewer, first.number).await.unwrap().number > first.number);
    // What the page set before anybody touched it is no reason to ask the platform.
    assert_eq!(scene.asked.borrow().len(), 1);
    let last = scene.asked.borrow().last().unwrap().clone();
    assert_eq!((last.get("x5sec"), last.get("unb").is_some()), (Some("half"), true));

    let again = Check { id: id.clone(), by: By::Viewer(viewer) };
    assert_eq!(scene.actor.send(again).await.unwrap(), Ok(Checked::NothingNew));

    // By a finger, from where the knob is.
    let back = |stroke, at: Point| touch(stroke, Point { x: at.x + 330.0, ..at });
    scene.drag(&id, viewer, -30.0, back).await;
    assert_eq!(hears(&mut heard, |told| matches!(told, Told::Checked(_))).await, Told::Checked(Checked::Passed));
    assert_eq!(hears(&mut heard, |told| matches!(told, Told::Over(..))).await, Told::Over(State::Passed, None));
    assert_eq!(scene.asked.borrow().len(), 2, "the platform is asked when there is something new");
    let row = scene.row(&id).await;
    assert_eq!((row.state, row.opened_by.as_deref()), (State::Passed, Some("甲")));
    assert_eq!(scene.next(&id, viewer, 0).await, None);
    scene.is_clean(pid).await;
    let foreign = scene.site.asked.lock().unwrap().iter().any(|asked| asked.contains("/foreign"));
    assert!(!foreign, "the browser asks nobody else");
}

/// A page that was opened anew is one that nobody touched: whatever its cookies are by then, the platform is not asked because of them.
#[actix::test]
async fn a_new_address_is_followed_and_asks_for_nothing_by_itself() {
    let Some(chromium) = chromium() else { return };
    let scene = Scene::new(chromium, |_| {});
    let id = scene.demand(LONG).await;
    let (viewer, _, mut heard) = scene.watch(&id, "甲").await;
    scene.shown(&id, viewer).await;
    let next = format!("http://{}/punish?x5secdata=2", scene.address);
    assert_eq!(scene.demand_at(scene.account, &next, LONG).await, id);
    scene.drag(&id, viewer, 330.0, mouse).await;
    let told = hears(&mut heard, |told| matches!(told, Told::Checked(_))).await;
    assert_eq!(told, Told::Checked(Checked::NotPassed(NotAccepted::StillAsked)));
    eventually("the new address is open", || {
        scene.site.asked.lock().unwrap().iter().filter(|asked| asked.ends_with("/ready")).count() == 2
    })
    .await;
    // A hand that does nothing that matters.
    scene.act(&id, viewer, mouse(Stroke::Down, Point { x: 600.0, y: 400.0 })).await.unwrap();
    scene.act(&id, viewer, mouse(Stroke::Up, Point { x: 600.0, y: 400.0 })).await.unwrap();
    let again = Check { id: id.clone(), by: By::Viewer(viewer) };
    assert_eq!(scene.actor.send(again).await.unwrap(), Ok(Checked::NothingNew));
    assert_eq!(scene.asked.borrow().len(), 1);
}

/// Two accounts have their pages in one browser, and neither page sees what the other was given, or set.
#[actix::test]
async fn two_accounts_share_a_browser_and_no_cookie() {
    let Some(chromium) = chromium() else { return };
    let scene = Scene::new(chromium, |_| {});
    let first = scene.demand(LONG).await;
    let (viewer, watching, _heard) = scene.watch(&first, "甲").await;
    watching.unwrap();
    scene.shown(&first, viewer).await;
    let sent = || scene.site.cookies.lock().unwrap().clone();
    let given = sent();
    // What its page sets besides.
    scene.drag(&first, viewer, 300.0, mouse).await;
    eventually("it is set", || scene.asked_for("/moved")).await;
    let pid = scene.pid().await;

    let other = scene.bed.account().id;
    let url = format!("http://{}/punish?x5secdata=2", scene.address);
    let second = scene.demand_at(other, &url, LONG).await;
    let (viewer, watching, _heard) = scene.watch(&second, "甲").await;
    watching.unwrap();
    scene.next(&second, viewer, 0).await.unwrap();
    eventually("the other page was asked for", || sent() != given).await;
    let unb = |text: &str| text.split("; ").find_map(|pair| pair.strip_prefix("unb=")).map(str::to_owned);
    assert!(unb(&given).is_some() && unb(&given) != unb(&sent()), "{given} and {}", sent());
    assert!(!sent().contains("x5sec=") && !sent().contains("seen="), "{}", sent());
    assert_eq!(scene.pid().await, pid, "one browser");
}

#[actix::test]
async fn one_controls_and_hands_over_and_whoever_leaves_may_come_back() {
    let Some(chromium) = chromium() else { return };
    let scene = Scene::new(chromium, |config| config.at_once = 1);
    let id = scene.demand(LONG).await;
    let ((one, first, mut heard), (two, second, _ears)) =
        tokio::join!(scene.watch(&id, "one"), scene.watch(&id, "second"));
    assert!(first.unwrap().control.is_yours && !second.unwrap().control.is_yours);
    scene.shown(&id, one).await;
    let point = Point { x: 40.0, y: 120.0 };
    assert_eq!(scene.act(&id, two, mouse(Stroke::Down, point)).await, Err(NotDone::NotInControl));
    scene.actor.send(Take { id: id.clone(), viewer: two }).await.unwrap().unwrap();
    let told = hears(&mut heard, |told| matches!(told, Told::Control(_))).await;
    let told = if told == Told::Control(Control { is_yours: true, name: Some("one".into()) }) {
        hears(&mut heard, |told| matches!(told, Told::Control(_))).await
    } else {
        told
    };
    assert_eq!(told, Told::Control(Control { is_yours: false, name: Some("second".to_owned()) }));
    assert_eq!(scene.act(&id, one, mouse(Stroke::Down, point)).await, Err(NotDone::NotInControl));
    assert_eq!(scene.act(&id, two, mouse(Stroke::Move, point)).await, Ok(()));

    // No second page at once, and no foreign address.
    let other = scene.bed.account().id;
    let busy = scene.demand_at(other, &format!("http://{}/punish", scene.address), LONG).await;
    assert_eq!(scene.watch(&busy, "one").await.1, Err(NotShown::Trouble(Trouble::TooMany)));

    // The tab is closed, and opened anew: the page is as it was.
    let before = scene.site.asked.lock().unwrap().len();
    for viewer in [one, two] {
        scene.actor.send(Leave { id: id.clone(), viewer }).await.unwrap();
    }
    let (three, again, mut heard) = scene.watch(&id, "second").await;
    assert!(again.unwrap().control.is_yours, "who controlled finds the control again");
    assert!(scene.next(&id, three, 0).await.is_some());
    assert_eq!(scene.site.asked.lock().unwrap().len(), before, "nothing was loaded again");

    // It opens no window, goes nowhere else, and a question does not stop it.
    scene.act(&id, three, key("p", true)).await.unwrap();
    scene.act(&id, three, key("a", true)).await.unwrap();
    scene.act(&id, three, key("f", true)).await.unwrap();
    scene.drag(&id, three, 300.0, mouse).await;
    assert_eq!(hears(&mut heard, |told| matches!(told, Told::Checked(_))).await, Told::Checked(Checked::Passed));
    assert!(!scene.site.asked.lock().unwrap().iter().any(|asked| asked.contains("/foreign")));

    let foreign = scene.demand_at(other, "http://localhost:1/punish", LONG).await;
    assert_eq!(scene.watch(&foreign, "one").await.1, Err(NotShown::Trouble(Trouble::ForbiddenHost)));
}

/// How soon a person sees what they did.
#[actix::test]
async fn what_a_hand_does_is_seen_at_once() {
    let Some(chromium) = chromium() else { return };
    let scene = Scene::new(chromium, |_| {});
    let id = scene.demand(LONG).await;
    let (viewer, watching, _heard) = scene.watch(&id, "甲").await;
    watching.unwrap();
    scene.act(&id, viewer, Input::Resize(Viewport::bounded(400, 700, 2.0))).await.unwrap();
    let mut last = scene.shown(&id, viewer).await;
    scene.act(&id, viewer, mouse(Stroke::Down, Point { x: 40.0, y: 120.0 })).await.unwrap();
    let mut times = Vec::new();
    for step in 1..=30 {
        // What came before is no answer.
        while let Ok(picture) = timeout(Duration::from_millis(120), scene.next(&id, viewer, last.number)).await {
            last = picture.unwrap();
        }
        let began = Instant::now();
        scene.act(&id, viewer, mouse(Stroke::Move, Point { x: 40.0 + f64::from(step) * 5.0, y: 120.0 })).await.unwrap();
        last = scene.next(&id, viewer, last.number).await.unwrap();
        times.push(began.elapsed());
    }
    times.sort();
    let (median, worst) = (times[times.len() / 2], times[times.len() - 1]);
    let _ = writeln!(stderr(), "from input to picture: median {median:?}, worst {worst:?}");
    assert!(median < Duration::from_millis(150), "{times:?}");
    assert_eq!(last.viewport, Viewport::bounded(400, 700, 2.0));
}

/// K13: what a browser wrote down is its own, and goes with it however it ends.
#[actix::test]
async fn k13_a_killed_browser_fails_its_challenges_and_leaves_nothing() {
    let Some(chromium) = chromium() else { return };
    let scene = Scene::new(chromium, |_| {});
    let id = scene.demand(LONG).await;
    let (viewer, watching, mut heard) = scene.watch(&id, "甲").await;
    watching.unwrap();
    scene.shown(&id, viewer).await;
    let pid = scene.pid().await;
    let killed = rustix::process::Pid::from_raw(i32::try_from(pid.unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(killed, rustix::process::Signal::KILL).unwrap();
    let over = hears(&mut heard, |told| matches!(told, Told::Over(..))).await;
    assert_eq!(over, Told::Over(State::Failed, Some(Trouble::BrowserGone)));
    scene.is_clean(pid).await;
    let stored = async {
        while !scene.row(&id).await.state.is_over() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, stored).await.unwrap();
    let row = scene.row(&id).await;
    assert_eq!((row.state, row.trouble), (State::Failed, Some(Trouble::BrowserGone)));

    // Another one is made for the next, which has its time.
    let again = scene.demand(Duration::from_secs(4)).await;
    assert_ne!(again, id);
    let (viewer, watching, mut heard) = scene.watch(&again, "甲").await;
    watching.unwrap();
    scene.next(&again, viewer, 0).await.unwrap();
    let pid = scene.pid().await;
    let over = hears(&mut heard, |told| matches!(told, Told::Over(..))).await;
    assert_eq!(over, Told::Over(State::Expired, None));
    assert_eq!(scene.row(&again).await.state, State::Expired);
    assert_eq!(scene.watch(&again, "甲").await.1, Err(NotShown::Over(State::Expired)));
    scene.is_clean(pid).await;
}

#[actix::test]
async fn a_browser_that_takes_too_much_is_ended() {
    let Some(chromium) = chromium() else { return };
    let scene = Scene::new(chromium, |config| config.memory = 20 << 20);
    let id = scene.demand(LONG).await;
    let (_, watching, mut heard) = scene.watch(&id, "甲").await;
    watching.unwrap();
    let over = hears(&mut heard, |told| matches!(told, Told::Over(..))).await;
    assert_eq!(over, Told::Over(State::Failed, Some(Trouble::Memory)));
    scene.is_clean(None).await;
}

#[actix::test]
async fn a_server_that_goes_down_ends_the_browser_and_keeps_the_challenge() {
    let Some(chromium) = chromium() else { return };
    // A folder whose name is too long for a socket of the browser.
    let scene = Scene::new(chromium, |config| config.folder.push("long".repeat(30)));
    let id = scene.demand(LONG).await;
    let (_, watching, mut heard) = scene.watch(&id, "甲").await;
    watching.unwrap();
    let pid = scene.pid().await;
    let own = fs::read_dir(&scene.place).unwrap().next().unwrap().unwrap().path();
    let elsewhere = fs::read_link(own.join("tmp")).unwrap();
    assert!(elsewhere.is_dir());
    scene.actor.send(End).await.unwrap();
    hears(&mut heard, |told| *told == Told::ShuttingDown).await;
    assert_eq!(scene.row(&id).await.state, State::Shown);
    scene.is_clean(pid).await;
    assert!(!elsewhere.exists());
}

#[actix::test]
async fn without_a_browser_it_says_so() {
    let scene = Scene::new("/nowhere/chromium".into(), |_| {});
    let id = scene.demand(LONG).await;
    assert_eq!(scene.watch(&id, "甲").await.1, Err(NotShown::Trouble(Trouble::NoBrowser)));
    assert_eq!(scene.row(&id).await.state, State::Open);
    assert_eq!(scene.watch(&ChallengeId::of([7; 32]), "甲").await.1, Err(NotShown::Unknown));

    // A program that is no browser says why it is not.
    let scene = Scene::new("/bin/false".into(), |_| {});
    let id = scene.demand(LONG).await;
    assert_eq!(scene.watch(&id, "甲").await.1, Err(NotShown::Trouble(Trouble::BrowserFails)));
}

/// What a killed server left goes at the next start.
#[actix::test]
async fn k13_leftovers_of_a_killed_server_are_wiped_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let left = folder.path().join("browser/0123/profile");
    fs::create_dir_all(&left).unwrap();
    let place = folder.path().join("browser");
    let _scene = Scene::new("/bin/false".into(), move |config| config.folder = place);
    eventually("it is wiped", || !left.exists()).await;
}
