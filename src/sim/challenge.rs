//! A challenge: a page with a slider that a person drags to its right end before the gateway answers again.
//!
//! An account that demands a person ([`Account::demand_person`]) gets the page's address from every gateway call until its jar brings
//! the `x5sec` that the page gave out. Simulator-only: how the page looks, what it posts, and what passes for a hand ([`judge`]).

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{self, Data, Json, Query},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{account::Account, config::Drags, event::SimEvent, platform::Platform, sign::secret};

/// Where the page is. The platform's real one stands below each call's path; the query is like the real one's.
const PATH: &str = "/_____tmd_____/punish";

/// Refused drags after which a page is of no more use.
const TRIES: u32 = 3;

/// Pages of one challenge that are remembered; older ones must be opened anew.
const PAGES: usize = 16;

/// A hand needs some moves and some time, and its browser vouches for it.
const LEAST_MOVES: usize = 8;
const LEAST_MS: f64 = 150.0;
/// The shortest way a slider has on any screen, in CSS pixels.
const LEAST_REACH: f64 = 100.0;

/// What an account has to do with challenges.
#[derive(Debug, Default)]
pub struct Challenged {
    /// The APIs that want a person; none in it is all.
    demanded: Option<BTreeSet<String>>,
    /// The `x5secdata` that is handed out until it is spent.
    open: Option<String>,
    /// The `x5sec` that passed.
    passes: BTreeSet<String>,
    pub accepted: u32,
    pub refused: u32,
}

/// Every challenge that was handed out, by its `x5secdata`.
#[derive(Debug, Default)]
pub(super) struct Challenges(Mutex<HashMap<String, Challenge>>);

#[derive(Debug)]
struct Challenge {
    account: Arc<Account>,
    pages: Vec<Page>,
    spent: bool,
}

/// One opening of the page.
#[derive(Debug)]
struct Page {
    key: String,
    refused: u32,
}

/// Why a challenge cannot be passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ChallengeFault {
    #[error("there is no such challenge")]
    Unknown,
    #[error("the challenge was passed before")]
    Spent,
    #[error("the page must be opened anew")]
    WornOut,
    #[error("that was no hand: {0}")]
    Refused(&'static str),
}

/// What a page posts when the slider is let go.
#[derive(Debug, Clone, Deserialize)]
struct Drag {
    x5secdata: String,
    page: String,
    /// The pointer: `mouse`, `touch` or `pen`.
    kind: String,
    /// How far the slider goes.
    reach: f64,
    trail: Vec<Point>,
}

/// One event of a drag. `t` in milliseconds, `x` and `y` in pixels.
#[derive(Debug, Clone, Deserialize)]
struct Point {
    what: What,
    t: f64,
    x: f64,
    #[serde(default, rename = "y")]
    _y: f64,
    trusted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Down,
    Move,
    Up,
}

impl Challenged {
    /// Whether some call wants a person.
    pub fn is_demanding(&self) -> bool {
        self.demanded.is_some()
    }

    /// Whether a call of `api` with this `x5sec` is answered with a challenge.
    pub fn stops(&self, api: &str, x5sec: Option<&str>) -> bool {
        let wanted = self.demanded.as_ref().is_some_and(|apis| apis.is_empty() || apis.contains(api));
        wanted && !x5sec.is_some_and(|x5sec| self.passes.contains(x5sec))
    }
}

impl Account {
    /// From now on every gateway call wants a person first, whatever jars passed before.
    pub fn demand_person(&self) {
        self.demand_person_for::<String>([]);
    }

    /// As [`Account::demand_person`], for calls of these APIs; none is all.
    pub fn demand_person_for<T: Into<String>>(&self, apis: impl IntoIterator<Item = T>) {
        let mut state = self.lock();
        state.challenged.demanded = Some(apis.into_iter().map(Into::into).collect());
        state.challenged.passes.clear();
    }

    /// No call wants a person any more.
    pub fn relent(&self) {
        self.lock().challenged.demanded = None;
    }

    /// Whether some call wants a person where no `x5sec` speaks for the jar.
    pub fn demands_person(&self) -> bool {
        self.lock().challenged.is_demanding()
    }

    /// The `x5secdata` of the challenge that calls are answered with, as long as nobody passed it.
    pub fn challenge(&self) -> Option<String> {
        self.lock().challenged.open.clone()
    }

    /// How many drags were taken for a person's, and how many were not.
    pub fn drags(&self) -> (u32, u32) {
        let state = self.lock();
        (state.challenged.accepted, state.challenged.refused)
    }
}

impl Platform {
    /// Every account that there is demands a person.
    pub fn demand_person(&self) {
        self.accounts().iter().for_each(|account| account.demand_person());
    }

    /// Passes the challenge at this address, as somebody with a browser would. The `x5sec` for the account's jar.
    pub fn pass_challenge(&self, url: &str) -> Result<String, ChallengeFault> {
        let x5secdata = url.split_once("x5secdata=").map_or(url, |(_, rest)| rest).split('&').next().unwrap_or(url);
        let mut challenges = self.challenges.lock();
        let challenge = challenges.get_mut(x5secdata).ok_or(ChallengeFault::Unknown)?;
        challenge.pass("mouse")
    }

    /// The address of the account's challenge at this origin. Without an account one that nobody can pass.
    pub(super) fn challenge_url(&self, account: Option<&Arc<Account>>, origin: &str) -> String {
        let x5secdata = account.map_or_else(|| "EXAMPLE".to_owned(), |account| self.challenges.open(account));
        let url = format!("{origin}{PATH}?x5secdata={x5secdata}&x5step=2&action=captcha&pureCaptcha=");
        if let Some(account) = account {
            let (account, url) = (account.name.clone(), url.clone());
            self.shared.events.tell(|| SimEvent::PersonDemanded { account, url });
        }
        url
    }
}

impl Challenges {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Challenge>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The challenge of the account that is not spent, a new one where there is none.
    fn open(&self, account: &Arc<Account>) -> String {
        let mut challenges = self.lock();
        let mut state = account.lock();
        if let Some(open) = &state.challenged.open {
            return open.clone();
        }
        let x5secdata = secret();
        let challenge = Challenge { account: account.clone(), pages: Vec::new(), spent: false };
        challenges.insert(x5secdata.clone(), challenge);
        state.challenged.open = Some(x5secdata.clone());
        x5secdata
    }
}

impl Challenge {
    /// A new page. Its key comes back with the drag.
    fn page(&mut self) -> Result<String, ChallengeFault> {
        if self.spent {
            return Err(ChallengeFault::Spent);
        }
        let key = secret();
        self.pages.push(Page { key: key.clone(), refused: 0 });
        if self.pages.len() > PAGES {
            self.pages.remove(0);
        }
        let account = self.account.name.clone();
        self.account.shared.events.tell(|| SimEvent::ChallengeOpened { account });
        Ok(key)
    }

    /// The `x5sec` that the drag is worth.
    fn drag(&mut self, drag: &Drag, drags: Drags) -> Result<String, ChallengeFault> {
        if self.spent {
            return Err(ChallengeFault::Spent);
        }
        let page = self.pages.iter_mut().find(|page| page.key == drag.page && page.refused < TRIES);
        let page = page.ok_or(ChallengeFault::WornOut)?;
        let Err(why) = judge(drag, drags) else { return self.pass(&drag.kind) };
        page.refused += 1;
        let worn_out = page.refused >= TRIES;
        self.account.lock().challenged.refused += 1;
        let account = self.account.name.clone();
        self.account.shared.events.tell(|| SimEvent::DragRefused { account, why });
        Err(if worn_out { ChallengeFault::WornOut } else { ChallengeFault::Refused(why) })
    }

    fn pass(&mut self, kind: &str) -> Result<String, ChallengeFault> {
        if self.spent {
            return Err(ChallengeFault::Spent);
        }
        self.spent = true;
        let x5sec = secret();
        {
            let mut state = self.account.lock();
            state.challenged.open = None;
            state.challenged.passes.insert(x5sec.clone());
            state.challenged.accepted += 1;
        }
        let (account, kind) = (self.account.name.clone(), kind.to_owned());
        self.account.shared.events.tell(|| SimEvent::DragAccepted { account, kind });
        Ok(x5sec)
    }
}

/// Whether a drag is a person's, or what speaks against it.
fn judge(drag: &Drag, drags: Drags) -> Result<(), &'static str> {
    let (Some(first), Some(last)) = (drag.trail.first(), drag.trail.last()) else { return Err("no trail") };
    if drag.reach < LEAST_REACH || last.x - first.x < drag.reach * 0.98 {
        return Err("not at the right end");
    }
    if drags == Drags::Any {
        return Ok(());
    }
    if !matches!(drag.kind.as_str(), "mouse" | "touch" | "pen") {
        return Err("no pointer");
    }
    if (first.what, last.what) != (What::Down, What::Up) {
        return Err("not pressed or not let go");
    }
    if !drag.trail.iter().all(|point| point.trusted) {
        return Err("a script's events");
    }
    if drag.trail.iter().filter(|point| point.what == What::Move).count() < LEAST_MOVES {
        return Err("too few moves");
    }
    if !drag.trail.is_sorted_by(|one, next| one.t <= next.t) || last.t - first.t < LEAST_MS {
        return Err("too fast");
    }
    Ok(())
}

/// The routes of the page.
pub(super) fn routes(config: &mut web::ServiceConfig) {
    config.route(PATH, web::get().to(open)).route("/_____tmd_____/slide", web::post().to(slide));
}

#[derive(Deserialize)]
struct Opened {
    #[serde(default)]
    x5secdata: String,
}

/// The page with the slider.
async fn open(platform: Data<Platform>, query: Query<Opened>) -> HttpResponse {
    let mut challenges = platform.challenges.lock();
    let opened = challenges.get_mut(&query.x5secdata).ok_or(ChallengeFault::Unknown).and_then(Challenge::page);
    match opened {
        Ok(key) => {
            let html = include_str!("challenge.html").replace("{x5secdata}", &query.x5secdata).replace("{page}", &key);
            page(StatusCode::OK, html)
        }
        Err(_) => page(StatusCode::GONE, include_str!("challenge_gone.html").to_owned()),
    }
}

fn page(status: StatusCode, html: String) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .content_type("text/html;charset=UTF-8")
        .body(html)
}

/// What the page posts.
async fn slide(platform: Data<Platform>, drag: Json<Drag>) -> HttpResponse {
    let mut challenges = platform.challenges.lock();
    let challenge = challenges.get_mut(&drag.x5secdata).ok_or(ChallengeFault::Unknown);
    let fault = match challenge.and_then(|challenge| challenge.drag(&drag, platform.shared.config.drags)) {
        Ok(x5sec) => {
            // No domain: the cookie is this server's, whatever it is called.
            let cookie = format!("x5sec={x5sec}; Path=/; Max-Age=1200; HttpOnly; SameSite=Lax");
            return HttpResponse::Ok()
                .append_header((header::SET_COOKIE, cookie))
                .json(json!({"passed": true, "text": "验证通过"}));
        }
        Err(fault) => fault,
    };
    let (text, again) = match fault {
        ChallengeFault::Refused(_) => ("验证失败，请重试", true),
        ChallengeFault::WornOut => ("验证失败次数过多，请刷新页面", false),
        ChallengeFault::Unknown | ChallengeFault::Spent => ("验证已失效", false),
    };
    HttpResponse::Ok().json(json!({"passed": false, "text": text, "again": again}))
}

/// The origin by which this server was reached.
pub(super) fn origin(request: &HttpRequest) -> String {
    let connection = request.connection_info();
    format!("{}://{}", connection.scheme(), connection.host())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drag(moves: usize, ms: f64, to: f64, trusted: bool) -> Drag {
        let step = |at: usize| Point {
            what: What::Move,
            t: ms * at as f64 / moves.max(1) as f64,
            x: to * at as f64 / moves.max(1) as f64,
            _y: 0.0,
            trusted,
        };
        let mut trail: Vec<Point> = (0..moves).map(step).collect();
        trail.insert(0, Point { what: What::Down, t: 0.0, x: 0.0, _y: 0.0, trusted });
        trail.push(Point { what: What::Up, t: ms, x: to, _y: 0.0, trusted });
        Drag { x5secdata: "x".into(), page: "p".into(), kind: "touch".into(), reach: 260.0, trail }
    }

    #[test]
    fn a_hand_passes_and_a_script_does_not() {
        let hand = |drag: &Drag| judge(drag, Drags::HandLike);
        assert_eq!(hand(&drag(8, 150.0, 260.0, true)), Ok(()));
        assert_eq!(hand(&drag(7, 900.0, 260.0, true)), Err("too few moves"));
        assert_eq!(hand(&drag(30, 149.0, 260.0, true)), Err("too fast"));
        assert_eq!(hand(&drag(30, 900.0, 250.0, true)), Err("not at the right end"));
        assert_eq!(hand(&drag(30, 900.0, 260.0, false)), Err("a script's events"));
        assert_eq!(hand(&Drag { reach: 1.0, ..drag(30, 900.0, 260.0, true) }), Err("not at the right end"));
        assert_eq!(hand(&Drag { kind: String::new(), ..drag(30, 900.0, 260.0, true) }), Err("no pointer"));
        assert_eq!(hand(&Drag { trail: Vec::new(), ..drag(1, 1.0, 1.0, true) }), Err("no trail"));
        let mut back_in_time = drag(30, 900.0, 260.0, true);
        back_in_time.trail.swap(3, 20);
        assert_eq!(hand(&back_in_time), Err("too fast"));
        let mut never_let_go = drag(30, 900.0, 260.0, true);
        never_let_go.trail.retain(|point| point.what != What::Up);
        never_let_go.reach = 200.0;
        assert_eq!(hand(&never_let_go), Err("not pressed or not let go"));
        assert_eq!(judge(&drag(0, 0.0, 260.0, false), Drags::Any), Ok(()));
        assert_eq!(judge(&drag(0, 0.0, 9.0, false), Drags::Any), Err("not at the right end"));
    }
}
