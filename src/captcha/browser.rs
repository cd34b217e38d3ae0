//! Chromium: found, started, watched and ended; and its pages, one a challenge.
//!
//! It runs without a window, in a process group and a folder of its own, and knows nothing of this process: neither its environment nor its
//! files. It says what it is: no switch makes it look like a browser that a person sits in front of.

use std::{
    env,
    fs::{self, DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::Stdio,
    rc::Rc,
    time::Duration,
};

use actix_web::web::block;
use futures_util::{FutureExt as _, Stream};
use rustix::process::{Pid, Signal, geteuid, kill_process_group};
use serde_json::{Value, json};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

pub use super::client::Event;
use super::{
    client::{self, Cdp, CdpError},
    hosts::Hosts,
    input::{Input, Stroke, Viewport},
};
use crate::platform::cookies::Cookies;

/// Under these names it is found on the `PATH`.
const NAMES: [&str; 6] = [
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "chrome-headless-shell",
    "headless-shell",
];

/// And in these places.
const PLACES: [&str; 6] = [
    "/usr/bin",
    "/usr/local/bin",
    "/usr/lib/chromium",
    "/snap/bin",
    "/opt/google/chrome",
    "/Applications/Chromium.app/Contents/MacOS",
];

/// What a start may take on a slow machine.
const START: Duration = Duration::from_secs(20);

/// How long it may take to end by itself.
const FAREWELL: Duration = Duration::from_secs(2);

/// Sockets in folders with longer names cannot be made: then what lasts as long as the browser is in a folder elsewhere, with such a name.
const LONGEST_FOLDER: usize = 50;
const ELSEWHERE: &str = "yutang-browser-";

/// Nothing but pages of the platform is wanted: no extensions, no accounts, nothing fetched in the background.
const SWITCHES: [&str; 18] = [
    "--headless",
    "--remote-debugging-pipe",
    "--no-startup-window",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--no-pings",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-dev-shm-usage",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-sync",
    "--mute-audio",
    "--password-store=basic",
];

/// How the browser is run.
#[derive(Debug, Clone)]
pub struct Config {
    pub chromium: PathBuf,
    /// Where it may have a folder of its own.
    pub folder: PathBuf,
    pub hosts: Hosts,
}

/// Why there is no browser, or no page.
#[derive(Debug, thiserror::Error)]
pub enum BrowserError {
    #[error("the browser's folder cannot be made: {0}")]
    Folder(io::Error),
    #[error("{0} cannot be started: {1}")]
    Start(PathBuf, io::Error),
    #[error("the browser does not start: {0}")]
    Dead(String),
    #[error(transparent)]
    Command(#[from] CdpError),
}

/// Where Chromium is on this machine: as the setting says, else under one of its usual names. Looks at the disk.
pub fn find(setting: &Path) -> Option<PathBuf> {
    if !setting.as_os_str().is_empty() {
        return is_program(setting).then(|| setting.to_owned());
    }
    let path = env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = env::split_paths(&path).chain(PLACES.map(PathBuf::from)).collect();
    let places = NAMES.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    places.into_iter().find(|place| is_program(place))
}

fn is_program(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// What a server that was killed left there goes: its browser ended with it.
pub async fn wipe_leftovers(folder: PathBuf) {
    let wipe = move || {
        // Whatever is no browser's goes with the whole.
        fs::read_dir(&folder)?.flatten().for_each(|left| drop(wipe(&left.path())));
        fs::remove_dir_all(&folder)
    };
    // There may be none, and a failure is met again when a folder is to be made.
    let _ = block(wipe).await;
}

/// A running Chromium. Dropped, it is gone with its processes and its folder.
pub struct Browser {
    cdp: Cdp,
    process: Process,
    hosts: Rc<Hosts>,
}

struct Process {
    child: Child,
    group: Option<Pid>,
    folder: PathBuf,
}

impl Browser {
    /// Starts it. The events must be read, and the future must run, or nothing else answers.
    pub async fn start(
        config: Config,
    ) -> Result<(Self, impl Stream<Item = Event> + use<>, impl Future<Output = ()> + use<>), BrowserError> {
        let Config { chromium, folder, hosts } = config;
        let own = folder.join(format!("{:016x}", rand::random::<u64>()));
        let made = own.clone();
        let made = block(move || prepare(&made)).await.unwrap_or_else(|gone| Err(io::Error::other(gone)));
        let (tmp, log) = made.map_err(BrowserError::Folder)?;
        let mut child = command(&chromium, (&own, &tmp), &hosts, log).spawn().map_err(|error| {
            let _ = wipe(&own);
            BrowserError::Start(chromium.clone(), error)
        })?;
        let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let pipes = child.stdin.take().zip(child.stdout.take());
        let process = Process { child, group, folder: own };
        let (to, from) = pipes.ok_or_else(|| BrowserError::Dead("it has no pipes".to_owned()))?;
        let (cdp, events, writing) = client::connect(to, from);
        Ok((Self { cdp, process, hosts: Rc::new(hosts) }, events, writing))
    }

    /// Ways to its pages, for who does not keep it.
    pub fn pages(&self) -> Pages {
        Pages { cdp: self.cdp.clone(), hosts: Rc::clone(&self.hosts), folder: self.process.folder.clone() }
    }

    /// Its process, which is also its group's.
    pub fn pid(&self) -> Option<u32> {
        self.process.child.id()
    }

    /// What is watched of it.
    pub fn watch(&self) -> Watch {
        Watch(self.process.group)
    }

    /// Ends it, with everything it started and wrote down.
    pub async fn end(mut self) {
        let _ = self.cdp.call(None, "Browser.close", json!({})).now_or_never();
        // One that does not go is made to go.
        let _ = timeout(FAREWELL, self.process.child.wait()).await;
        self.process.kill();
        let _ = timeout(FAREWELL, self.process.child.wait()).await;
        let folder = std::mem::take(&mut self.process.folder);
        // Its children may write a last line: then once more.
        let _ = block(move || (0..20).any(|_| is_wiped(&folder))).await;
    }
}

fn is_wiped(folder: &Path) -> bool {
    let gone = wipe(folder).is_ok() || !folder.exists();
    if !gone {
        std::thread::sleep(Duration::from_millis(20));
    }
    gone
}

/// Removes a browser's folder, and the one elsewhere that it leads to.
fn wipe(folder: &Path) -> io::Result<()> {
    let elsewhere = fs::read_link(folder.join("tmp")).ok();
    let is_ours =
        |place: &PathBuf| place.parent() == Some(&env::temp_dir()) && place.to_string_lossy().contains(ELSEWHERE);
    // Both are tried, whatever becomes of one; the link goes last.
    let emptied = match elsewhere.filter(is_ours).filter(|place| place.exists()) {
        Some(place) => fs::remove_dir_all(place),
        None => Ok(()),
    };
    let _ = fs::remove_dir_all(folder.join("profile"));
    emptied?;
    fs::remove_dir_all(folder)
}

/// Makes its folder, the one for what lasts as long as the browser, and its log. Nobody else on the machine sees the cookies.
fn prepare(folder: &Path) -> io::Result<(PathBuf, File)> {
    let tmp = folder.join("tmp");
    let mut private = DirBuilder::new();
    private.mode(0o700).recursive(true).create(folder)?;
    let used = if folder.as_os_str().len() <= LONGEST_FOLDER {
        private.create(&tmp)?;
        tmp
    } else {
        let elsewhere = env::temp_dir().join(format!("{ELSEWHERE}{:016x}", rand::random::<u64>()));
        // First, so that it is found whatever happens.
        symlink(&elsewhere, &tmp)?;
        private.recursive(false).create(&elsewhere)?;
        elsewhere
    };
    Ok((used, File::create(folder.join("log"))?))
}

/// Through a shell, which puts the pipes where Chromium looks for them: nothing else can without `unsafe`.
const AT_ITS_PLACE: &str = r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >/dev/null"#;

fn command(chromium: &Path, (folder, tmp): (&Path, &Path), hosts: &Hosts, log: File) -> Command {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(AT_ITS_PLACE).arg(chromium).args(SWITCHES);
    // Its own walls need rights that root gives away: as any other user they stand.
    if geteuid().is_root() {
        command.arg("--no-sandbox");
    }
    command.arg(format!("--host-resolver-rules={}", hosts.resolver_rules()));
    command.arg(format!("--user-data-dir={}", folder.join("profile").display()));
    // The environment may hold the key to all secrets.
    command.env_clear().env("HOME", folder).env("TMPDIR", tmp).env("LANG", "zh_CN.UTF-8");
    command.envs(env::var_os("PATH").map(|path| ("PATH", path)));
    command.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
    command.process_group(0).kill_on_drop(true);
    command
}

impl Process {
    /// The browser and all that it started.
    fn kill(&self) {
        if let Some(group) = self.group {
            // It may be gone already.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if !self.folder.as_os_str().is_empty() {
            // Its children may write a last line.
            let folder = std::mem::take(&mut self.folder);
            std::thread::spawn(move || (0..20).any(|_| is_wiped(&folder)));
        }
    }
}

/// Asks what a browser takes.
#[derive(Debug, Clone, Copy)]
pub struct Watch(Option<Pid>);

impl Watch {
    /// The memory of the browser and all that it started, in bytes, each page counted once. `None`: nobody knows here.
    pub async fn memory(self) -> Option<u64> {
        let group = self.0?.as_raw_nonzero().get();
        block(move || memory_of(group)).await.ok().flatten()
    }
}

#[cfg(target_os = "linux")]
fn memory_of(group: i32) -> Option<u64> {
    let mut sum = None;
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let folder = process.path();
        let is_number = process.file_name().to_str().is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
        if is_number && fs::read_to_string(folder.join("stat")).is_ok_and(|stat| group_of(&stat) == Some(group)) {
            let rollup = fs::read_to_string(folder.join("smaps_rollup")).unwrap_or_default();
            sum = Some(sum.unwrap_or(0) + share_of(&rollup));
        }
    }
    sum
}

#[cfg(not(target_os = "linux"))]
fn memory_of(_: i32) -> Option<u64> {
    None
}

/// The fifth field; the second is a name in parentheses that may hold blanks.
fn group_of(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok()
}

fn share_of(rollup: &str) -> u64 {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).and_then(|number| number.parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// Opens pages.
#[derive(Clone)]
pub struct Pages {
    cdp: Cdp,
    hosts: Rc<Hosts>,
    folder: PathBuf,
}

/// One page with cookies of its own. Clones are the same page.
#[derive(Clone)]
pub struct Page {
    cdp: Cdp,
    hosts: Rc<Hosts>,
    pub url: Rc<str>,
    pub context: Rc<str>,
    pub target: Rc<str>,
    pub session: Rc<str>,
}

impl Pages {
    /// Waits until the browser answers; where it ended, its own words say why.
    pub async fn ready(&self) -> Result<(), BrowserError> {
        let asked = timeout(START, self.cdp.call(None, "Browser.getVersion", json!({}))).await;
        if matches!(asked, Ok(Ok(_))) {
            self.cdp.call(None, "Target.setDiscoverTargets", json!({"discover": true})).await?;
            return Ok(());
        }
        let log = self.folder.join("log");
        let said = block(move || fs::read_to_string(log)).await.ok().and_then(Result::ok).unwrap_or_default();
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
        Err(BrowserError::Dead(last.chars().take(300).collect()))
    }

    /// Makes a page that has these cookies. It is still empty: [`Page::go`].
    pub async fn open(&self, url: &str, cookies: &Cookies, viewport: Viewport) -> Result<Page, BrowserError> {
        let text = |value: &Value, name: &str| Rc::from(value[name].as_str().unwrap_or_default());
        let made = self.cdp.call(None, "Target.createBrowserContext", json!({"disposeOnDetach": true})).await?;
        let context: Rc<str> = text(&made, "browserContextId");
        let size = json!({"url": "about:blank", "browserContextId": context, "width": viewport.width, "height": viewport.height});
        let target = text(&self.cdp.call(None, "Target.createTarget", size).await?, "targetId");
        let attach = json!({"targetId": target, "flatten": true});
        let session = text(&self.cdp.call(None, "Target.attachToTarget", attach).await?, "sessionId");
        let (cdp, hosts) = (self.cdp.clone(), Rc::clone(&self.hosts));
        let page = Page { cdp, hosts, url: url.into(), context, target, session };
        page.prepare(cookies, viewport).await?;
        Ok(page)
    }

    /// A window that a page opened.
    pub fn close_target(&self, target: &str) {
        self.cdp.tell(None, "Target.closeTarget", json!({"targetId": target}));
    }

    /// Guards something that a page made, such as a frame of another site, before it does anything.
    pub fn guard(&self, session: &str) {
        for (method, params) in guards() {
            self.cdp.tell(Some(session), method, params);
        }
        self.cdp.tell(Some(session), "Runtime.runIfWaitingForDebugger", json!({}));
    }

    /// Lets a request go where it may, and fails it where it may not. `false`: it may not.
    pub fn judge(&self, session: &str, params: &Value) -> bool {
        let id = &params["requestId"];
        let may = self.hosts.allows(params["request"]["url"].as_str().unwrap_or_default());
        let (method, answer) = match may {
            true => ("Fetch.continueRequest", json!({"requestId": id})),
            false => ("Fetch.failRequest", json!({"requestId": id, "errorReason": "BlockedByClient"})),
        };
        self.cdp.tell(Some(session), method, answer);
        may
    }
}

/// Every request is asked about, also those of frames, redirects included.
fn guards() -> [(&'static str, Value); 2] {
    let everything = json!({"patterns": [{"urlPattern": "*", "requestStage": "Request"}]});
    let follow = json!({"autoAttach": true, "waitForDebuggerOnStart": true, "flatten": true});
    [("Fetch.enable", everything), ("Target.setAutoAttach", follow)]
}

impl Page {
    async fn prepare(&self, cookies: &Cookies, viewport: Viewport) -> Result<(), BrowserError> {
        let deny = json!({"behavior": "deny", "browserContextId": self.context});
        self.cdp.call(None, "Browser.setDownloadBehavior", deny).await?;
        for (method, params) in guards() {
            self.call(method, params).await?;
        }
        self.call("Page.enable", json!({})).await?;
        self.call("Emulation.setDeviceMetricsOverride", metrics(viewport)).await?;
        let cookies = json!({"browserContextId": self.context, "cookies": self.own_cookies(cookies)});
        self.cdp.call(None, "Storage.setCookies", cookies).await?;
        Ok(())
    }

    async fn call(&self, method: &'static str, params: Value) -> Result<Value, CdpError> {
        self.cdp.call(Some(&self.session), method, params).await
    }

    fn tell(&self, method: &'static str, params: Value) {
        self.cdp.tell(Some(&self.session), method, params);
    }

    fn own_cookies(&self, cookies: &Cookies) -> Vec<Value> {
        let place = match self.hosts.cookie_domain(&self.url) {
            Some(domain) => {
                json!({"domain": format!(".{domain}"), "path": "/", "secure": self.url.starts_with("https:")})
            }
            None => json!({"url": &*self.url, "path": "/"}),
        };
        let cookie = |(name, value): (&str, &str)| {
            let mut cookie = place.clone();
            (cookie["name"], cookie["value"]) = (name.into(), value.into());
            cookie
        };
        cookies.pairs().map(cookie).collect()
    }

    /// Opens the challenge, where its address may be opened.
    pub async fn go(&self) -> Result<(), BrowserError> {
        let answer = self.call("Page.navigate", json!({"url": &*self.url})).await?;
        match answer["errorText"].as_str() {
            Some(why) => Err(BrowserError::Dead(why.to_owned())),
            None => Ok(()),
        }
    }

    /// Another address of the same challenge.
    pub fn at(&self, url: &str) -> Self {
        Self { url: url.into(), ..self.clone() }
    }

    /// The cookies that go to the platform from here, by name.
    pub async fn cookies(&self) -> Result<Cookies, BrowserError> {
        let all = self.cdp.call(None, "Storage.getCookies", json!({"browserContextId": self.context})).await?;
        let mut pairs: Vec<String> = all["cookies"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|cookie| self.hosts.shares_cookies(&self.url, cookie["domain"].as_str().unwrap_or_default()))
            .filter_map(|cookie| Some(format!("{}={}", cookie["name"].as_str()?, cookie["value"].as_str()?)))
            .collect();
        pairs.sort();
        let mut cookies = Cookies::parse("");
        cookies.merge(pairs.iter().map(String::as_str));
        Ok(cookies)
    }

    /// Pictures come from now on, whenever the page looks different.
    pub fn show(&self, quality: u8, viewport: Viewport) {
        let side = |length: u32| (f64::from(length) * viewport.scale).ceil();
        self.tell("Page.stopScreencast", json!({}));
        let how = json!({"format": "jpeg", "quality": quality, "maxWidth": side(viewport.width), "maxHeight": side(viewport.height)});
        self.tell("Page.startScreencast", how);
    }

    pub fn hide(&self) {
        self.tell("Page.stopScreencast", json!({}));
    }

    /// A picture was taken: without this word no more than two come.
    pub fn acknowledge(&self, picture: &Value) {
        self.tell("Page.screencastFrameAck", json!({"sessionId": picture}));
    }

    /// One picture now, as base64.
    pub async fn picture(&self, quality: u8) -> Result<String, BrowserError> {
        let taken = self.call("Page.captureScreenshot", json!({"format": "jpeg", "quality": quality})).await?;
        Ok(taken["data"].as_str().unwrap_or_default().to_owned())
    }

    /// A question of the page that stops everything else.
    pub fn close_dialog(&self, accept: bool) {
        self.tell("Page.handleJavaScriptDialog", json!({"accept": accept}));
    }

    /// What a person did. The page gets it as it gets what a hand does.
    pub fn act(&self, input: &Input) {
        match input {
            Input::Mouse { stroke, at, pressed } => {
                let (kind, clicks) = match stroke {
                    Stroke::Down => ("mousePressed", 1),
                    Stroke::Move => ("mouseMoved", 0),
                    Stroke::Up => ("mouseReleased", 1),
                };
                let held = *stroke == Stroke::Down || (*stroke == Stroke::Move && *pressed);
                let button = if held || *stroke == Stroke::Up { "left" } else { "none" };
                let event = json!({"type": kind, "x": at.x, "y": at.y, "button": button, "buttons": u8::from(held), "clickCount": clicks});
                self.tell("Input.dispatchMouseEvent", event);
            }
            Input::Touch { stroke, at } => {
                let (kind, points) = match stroke {
                    Stroke::Down => ("touchStart", json!([{"x": at.x, "y": at.y}])),
                    Stroke::Move => ("touchMove", json!([{"x": at.x, "y": at.y}])),
                    Stroke::Up => ("touchEnd", json!([])),
                };
                self.tell("Input.dispatchTouchEvent", json!({"type": kind, "touchPoints": points}));
            }
            Input::Wheel { at, x, y } => {
                let event = json!({"type": "mouseWheel", "x": at.x, "y": at.y, "deltaX": x, "deltaY": y});
                self.tell("Input.dispatchMouseEvent", event);
            }
            Input::Key { down, key } => {
                let kind = match (down, key.text()) {
                    (true, Some(_)) => "keyDown",
                    (true, None) => "rawKeyDown",
                    (false, _) => "keyUp",
                };
                let text = key.text().filter(|_| *down);
                let event = json!({"type": kind, "key": key.name, "code": key.code, "text": text.unwrap_or_default(), "windowsVirtualKeyCode": key.number()});
                self.tell("Input.dispatchKeyEvent", event);
            }
            Input::Resize(viewport) => self.tell("Emulation.setDeviceMetricsOverride", metrics(*viewport)),
        }
    }

    /// Gone, with its cookies.
    pub async fn close(self) {
        // One that is gone is closed.
        let _ = self.cdp.call(None, "Target.disposeBrowserContext", json!({"browserContextId": self.context})).await;
    }
}

fn metrics(viewport: Viewport) -> Value {
    json!({"width": viewport.width, "height": viewport.height, "deviceScaleFactor": viewport.scale, "mobile": false})
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_setting_that_names_no_program_finds_none() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("chromium");
        fs::write(&file, "").unwrap();
        assert_eq!(find(&file), None, "nobody may run it");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find(&file), Some(file));
        assert_eq!(find(&folder.path().join("absent")), None);
    }

    #[test]
    fn the_group_and_the_share_of_a_process_are_read() {
        assert_eq!(group_of("812 (chrome (a b)) S 1 777 777 0 -1"), Some(777));
        assert_eq!(share_of("5555-7777 ---p [rollup]\nRss: 10 kB\nPss:      127 kB\nPss_Dirty: 3 kB\n"), 127 << 10);
        assert_eq!((group_of(""), share_of("")), (None, 0));
    }

    #[test]
    fn what_a_killed_browser_left_is_wiped() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("browser");
        let foreign = folder.path().join("foreign");
        fs::create_dir(&foreign).unwrap();
        let own = ["1", &"long".repeat(30), "3"].map(|name| place.join(name));
        let [near, elsewhere, _] = own.clone().map(|own| prepare(&own).unwrap().0);
        for made in own.iter().chain([&near, &elsewhere]) {
            assert_eq!(fs::metadata(made).unwrap().permissions().mode() & 0o777, 0o700);
        }
        assert!(near.starts_with(&place) && !elsewhere.starts_with(&place));
        // A link that is none of ours is no way out of the folder.
        fs::remove_dir(own[2].join("tmp")).unwrap();
        symlink(&foreign, own[2].join("tmp")).unwrap();
        let wiped = wipe_leftovers(place.clone());
        actix::System::new().block_on(wiped);
        assert!(!place.exists() && !elsewhere.exists() && foreign.exists());
    }
}
