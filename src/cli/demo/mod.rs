//! `yutang demo`: the server and a platform to try it on, in one process, with buyers who chat and buy and a terminal that shows it.
//!
//! Everything between a buyer and an answer is real: sockets, database, rules, stock. Only the platform and the buyers are played. What
//! every buyer must hear and get is known ([`scenario`]), so the demo is also a check: it fails where one heard or got anything else.

mod challenge;
mod purchase;
mod screen;
mod stock;
mod tally;
mod visit;

use std::{
    cell::Cell,
    collections::HashMap,
    io::Write,
    net::{Ipv4Addr, SocketAddr},
    pin::{Pin, pin},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail};
use futures_util::{
    future::{join_all, try_join},
    poll,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, interval, sleep},
};

use self::{
    screen::Screen,
    stock::Stock,
    tally::Tally,
    visit::{Exchange, Stage, Visit},
};
use super::{account, import::OnBad, keyword, user};
use crate::{
    ai::{
        dialect::Kind,
        settings::{AiChoices, Mode, Provider},
    },
    app::App,
    ids::RuleId,
    notify::{
        channel,
        event::{Event, Language},
    },
    reply::rule::{Matching, Rule},
    settings::Settings,
    sim::{
        Config, Sim,
        scenario::{self, Scenario},
    },
    store::{
        self, Scope, Store,
        answer_settings::{self, AnswerRow},
        notify_channels::{self, NewChannel},
        rules,
    },
    telemetry::clock,
};

/// Shorter than the default second: scripted buyers do not pause while they type.
const DEBOUNCE: Duration = Duration::from_millis(200);

/// How long the accounts may take to connect.
const CONNECT: Duration = Duration::from_secs(30);

/// Shorter than the default ten minutes: nobody watches for that long.
const UNANSWERED_AFTER: Duration = Duration::from_secs(1);

/// How long the notice of an unanswered question may take.
const NOTICE: Duration = Duration::from_secs(10);

/// How often the numbers are shown.
const SUMMARY_EVERY: Duration = Duration::from_secs(5);

/// Any free port that only this machine reaches.
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// See the server at work: a simulated platform, demo accounts, rules and stock, and buyers who chat and buy
///
/// Needs nothing and leaves nothing: it listens on free ports of this machine only, keeps its data in a temporary folder
/// that is removed at the end, and uses neither your settings nor your data.
///
/// Every message and what became of it is one line, and so is every step of an order, with its codes masked. The exit code
/// is 0 only if every buyer was answered as expected (or was not, where silence is expected), and whoever paid got the codes
/// once, the platform was told once of each shipment, and the stock agrees.
#[derive(Debug, Clone, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct DemoArgs {
    /// End after this many seconds [default: run until Ctrl-C]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    /// Show the server's own log too, not only its warnings; twice for more
    #[arg(short, long, action = clap::ArgAction::Count)]
    verbose: u8,
}

impl DemoArgs {
    /// The defaults: what a person has set for a real server is none of the demo's.
    pub(super) fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        let level = match self.verbose {
            0 => "warn",
            1 => "info",
            _ => "debug",
        };
        settings.log.level = level.to_owned();
        settings
    }
}

/// Runs until the time is over or a signal comes.
pub(super) fn run(args: &DemoArgs, settings: Settings, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    actix::System::new().block_on(show(args, settings, &scenario::shop(), out))
}

async fn show(args: &DemoArgs, settings: Settings, shop: &Scenario, out: &mut dyn Write) -> anyhow::Result<ExitCode> {
    let mut stop = pin!(super::stopped());
    // From here on a signal is waited for and does not end the process: the folder is removed whatever happens.
    let stopped_already = poll!(stop.as_mut()).is_ready();
    let sim = Sim::start_in_thread(LOOPBACK, Config::default()).context("cannot start the simulated platform")?;
    let folder = tempfile::Builder::new().prefix("yutang-demo-").tempdir().context("cannot make a temporary folder")?;
    let app = App::build(demo_settings(settings, &sim, &folder))?;
    let (store, stock) = (app.store(), Stock::new(shop.goods.clone()));
    let (scope, titles) = open_shop(&store, &sim, shop, &stock)?;
    let mut show = Show {
        stage: Stage::new(Arc::clone(sim.platform()), app.feed(), titles, stock),
        screen: Screen::new(out, shop),
        tally: Tally::default(),
        stopped: Cell::new(stopped_already),
    };
    show.screen.welcome(&sim, app.addr()?, folder.path())?;

    let (stop_server, server_stopped) = oneshot::channel::<()>();
    let serving = app.run_until_stopped(async {
        // Dropped or told, it is the same.
        let _ = server_stopped.await;
    });
    let playing = async {
        let visits = show.play(shop, (&store, scope), args.seconds.map(Duration::from_secs), stop).await;
        show.await_notice().await;
        drop(stop_server);
        Ok(visits)
    };
    let ((), visits) = try_join(serving, playing).await?;
    // The server is down: what a buyer has not heard by now never comes, and what came twice has come.
    let clean = show.close(&visits?, &store).await?;
    drop(store);
    sim.stop().await;
    folder.close().context("cannot remove the temporary folder")?;
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The defaults, with the simulator as the platform.
fn demo_settings(mut settings: Settings, sim: &Sim, folder: &TempDir) -> Settings {
    settings.data_dir = folder.path().to_owned();
    settings.server.listen = LOOPBACK;
    settings.inbox.debounce = DEBOUNCE;
    settings.notify.poll = Duration::from_secs(1);
    settings.notify.unanswered_after = UNANSWERED_AFTER;
    // The model is on this machine.
    settings.outgoing.allow = vec![LOOPBACK.ip().into()];
    settings.platform.im_url = sim.im_url();
    for url in
        [&mut settings.platform.gateway_url, &mut settings.platform.passport_url, &mut settings.platform.upload_url]
    {
        *url = sim.gateway_url();
    }
    settings
}

/// Makes the user, the accounts and the rules as the commands `user`, `account import` and `keyword import` do, and the stock. Whose
/// it all is, and what the rules are called on the screen.
fn open_shop(
    store: &Store,
    sim: &Sim,
    shop: &Scenario,
    stock: &Stock,
) -> anyhow::Result<(Scope, HashMap<RuleId, String>)> {
    let platform = sim.platform();
    platform.add_account(shop.challenged).demand_person();
    let scope = Scope::owner(user::add_without_login(store, "demo")?);
    let account = |name: &&str| json!({"name": name, "cookie": platform.cookies(&platform.add_account(name))});
    let accounts: Vec<Value> = shop.accounts.iter().chain([&shop.challenged]).map(account).collect();
    account::import(store, scope, &lines(&accounts), OnBad::Refuse)?.print(&mut std::io::sink(), OnBad::Refuse)?;
    keyword::import(store, scope, &lines(&shop.rules), OnBad::Refuse)?.print(&mut std::io::sink(), OnBad::Refuse)?;
    stock.open(store, scope)?;
    let (with_model, model) = (shop.with_model.clone(), model(sim));
    let (keys, hook) = (store.keys().clone(), webhook(sim)?);
    store.write_blocking(move |conn| {
        // The name is the only one.
        let _ = notify_channels::insert(conn, &keys, &scope, &hook, clock::unix())?;
        answer_settings::put_system_ai(conn, &model, clock::unix())?;
        for account in store::accounts::list(conn, &scope)? {
            if with_model.contains(&account.name.as_str()) {
                let ai = AiChoices { mode: Some(Mode::Auto), ..AiChoices::default() };
                let row = AnswerRow { ai, ..AnswerRow::default() };
                answer_settings::put(conn, &scope, account.id, &row, clock::unix())?;
            }
        }
        Ok(())
    })?;
    let loaded = store.read_blocking(move |conn| rules::list(conn, &scope))?;
    Ok((scope, loaded.rules.iter().map(|rule| (rule.id, title(rule))).collect()))
}

/// The simulator's language model, for whoever turns the AI on.
fn model(sim: &Sim) -> AiChoices {
    let provider = Provider {
        dialect: Kind::OpenAi,
        base_url: sim.model_url(),
        model: "demo".to_owned(),
        price_in: 0,
        price_out: 0,
    };
    AiChoices { provider: Some(provider), ..AiChoices::default() }
}

/// Who is told what a seller should know.
fn webhook(sim: &Sim) -> anyhow::Result<NewChannel> {
    let given = json!({"webhook_url": sim.webhook_url()});
    let given = given.as_object().context("an object")?;
    let config = channel::Config::read(channel::Kind::Webhook, given).map_err(|_| anyhow!("a bad address"))?;
    Ok(NewChannel { name: "demo".to_owned(), config, enabled: true, language: Language::Zh, quiet_hours: None })
}

fn lines(values: &[Value]) -> Vec<u8> {
    values.iter().flat_map(|value| format!("{value}\n").into_bytes()).collect()
}

fn title(rule: &Rule) -> String {
    match rule.body.matching {
        Matching::Default => "default reply".to_owned(),
        Matching::Contains | Matching::Exact | Matching::Regex => format!("rule {}", rule.body.keyword),
    }
}

/// The buyers, and who watches them.
struct Show<'a> {
    stage: Stage,
    screen: Screen<'a>,
    tally: Tally,
    /// A signal came.
    stopped: Cell<bool>,
}

impl Show<'_> {
    /// Lets the buyers chat until the time is over or `stop` resolves; what was asked by then is still answered.
    async fn play(
        &mut self,
        shop: &Scenario,
        desk: (&Store, Scope),
        time: Option<Duration>,
        mut stop: Pin<&mut impl Future<Output = ()>>,
    ) -> anyhow::Result<Vec<Visit>> {
        if self.stopped.get() || !self.await_connected(shop, desk, stop.as_mut()).await? {
            return Ok(Vec::new());
        }
        let (closing, closed) = watch::channel(false);
        let (tell, told) = mpsc::unbounded_channel();
        let stage = &self.stage;
        let buyers =
            join_all(shop.talks.iter().map(|talk| visit::come_and_go(stage, talk, tell.clone(), closed.clone())));
        // The audience hears the end when the last buyer has left.
        drop(tell);
        let end = async {
            match time {
                Some(time) => tokio::select! { () = sleep(time) => {}, () = stop => {} },
                None => stop.await,
            }
        };
        let audience = Audience { stage, screen: &mut self.screen, tally: &mut self.tally };
        let (visits, watched) = tokio::join!(buyers, audience.watch(told, end, closing));
        watched?;
        Ok(visits.into_iter().flatten().collect())
    }

    /// The seller is told of a question that stayed without an answer. Where the last visit was cut short, there may be none.
    async fn await_notice(&mut self) {
        let told = || self.stage.platform.webhook().told_of(Event::Unanswered.as_str());
        let (deadline, mut look) = (Instant::now() + NOTICE, interval(Duration::from_millis(200)));
        while self.tally.silent > 0 && !self.stopped.get() && told() == 0 && Instant::now() < deadline {
            look.tick().await;
        }
        self.tally.notices = told();
    }

    /// `false` when the wait was cut short by a signal.
    async fn await_connected(
        &mut self,
        shop: &Scenario,
        desk: (&Store, Scope),
        stop: Pin<&mut impl Future<Output = ()>>,
    ) -> anyhow::Result<bool> {
        tokio::select! {
            connected = self.connect(shop, desk) => connected.map(|()| true),
            () = stop => Ok(false),
        }
    }

    /// First all that can by themselves, then the one that needs a person.
    async fn connect(&mut self, shop: &Scenario, (store, scope): (&Store, Scope)) -> anyhow::Result<()> {
        let start = Instant::now();
        let (challenged, accounts): (Vec<_>, Vec<_>) =
            self.stage.platform.accounts().into_iter().partition(|account| *account.name == *shop.challenged);
        let connected = join_all(accounts.iter().map(|account| account.await_registered(1, CONNECT))).await;
        let count = connected.iter().filter(|connected| **connected).count();
        if count < accounts.len() {
            bail!("only {count} of {} accounts connected within {} s; -v shows why", accounts.len(), CONNECT.as_secs());
        }
        self.screen.connected(count, start.elapsed())?;
        for account in challenged {
            let status = challenge::met(store, scope, &account).await?;
            self.screen.challenged(&account.name, &status)?;
            challenge::pass(store, scope, &self.stage.platform, &account).await?;
            self.screen.passed(&account.name)?;
        }
        self.screen.headings()
    }

    /// Looks at every conversation, every order and the stock once more, and says what it all came to. Whether every buyer heard and
    /// got what they should.
    async fn close(&mut self, visits: &[Visit], store: &Store) -> anyhow::Result<bool> {
        let stock = &self.stage.stock;
        for surprise in visits.iter().filter_map(|visit| visit.surprise(stock)) {
            self.tally.surprised();
            self.screen.surprise(&surprise)?;
        }
        let trouble = stock.trouble(store).await?;
        for miscount in visits.iter().filter_map(Visit::misshipment).chain(trouble) {
            self.tally.miscounted();
            self.screen.surprise(&miscount)?;
        }
        let tokens = self.stage.platform.accounts().iter().map(|account| account.token_requests()).sum();
        self.screen.farewell(&self.tally, visits.len(), tokens)?;
        Ok(self.tally.is_clean())
    }
}

/// Who watches the buyers: the screen and the count.
struct Audience<'a, 'out> {
    stage: &'a Stage,
    screen: &'a mut Screen<'out>,
    tally: &'a mut Tally,
}

impl Audience<'_, '_> {
    /// Until the last buyer has left. At `end`, and when nobody can be told any more, they are asked to.
    async fn watch(
        mut self,
        mut told: mpsc::UnboundedReceiver<Exchange>,
        end: impl Future<Output = ()>,
        closing: watch::Sender<bool>,
    ) -> anyhow::Result<()> {
        let (mut end, mut ended, mut result) = (pin!(end), false, Ok(()));
        let mut summary = interval(SUMMARY_EVERY);
        // The first tick comes at once.
        summary.tick().await;
        loop {
            let shown = tokio::select! {
                exchange = told.recv() => match exchange {
                    Some(exchange) => self.show(&exchange),
                    None => return result,
                },
                _ = summary.tick() => self.sum_up(),
                () = end.as_mut(), if !ended => {
                    ended = true;
                    Ok(())
                }
            };
            result = result.and(shown);
            if ended || result.is_err() {
                closing.send_replace(true);
            }
        }
    }

    fn show(&mut self, exchange: &Exchange) -> anyhow::Result<()> {
        self.tally.count(exchange);
        self.screen.exchange(exchange)
    }

    fn sum_up(&mut self) -> anyhow::Result<()> {
        let accounts = self.stage.platform.accounts();
        let connected = accounts.iter().filter(|account| account.connections() > 0).count();
        self.screen.summary(self.tally, connected, accounts.len())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::sim::scenario::{Expect, Line, Says};

    fn shown(shop: &Scenario, seconds: u64) -> (ExitCode, String) {
        let (args, mut out) = (DemoArgs { seconds: Some(seconds), verbose: 0 }, Vec::new());
        let code = actix::System::new().block_on(show(&args, args.settings(), shop, &mut out)).unwrap();
        (code, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_shop_that_answers_otherwise_than_expected_fails() {
        let mut shop = scenario::shop();
        shop.rules.clear();
        let (code, text) = shown(&shop, 3);
        assert_eq!(code, ExitCode::FAILURE, "{text}");
        assert!(text.contains("expected “在的，亲，看中直接拍就行~”; heard nothing (no_rule)"), "{text}");
    }

    #[test]
    fn an_answer_where_silence_is_expected_fails() {
        let mut shop = scenario::shop();
        for talk in &mut shop.talks {
            talk.lines = vec![Line { says: Says::Text("在吗"), expect: Expect::Silence }];
        }
        let (code, text) = shown(&shop, 3);
        assert_eq!(code, ExitCode::FAILURE, "{text}");
        assert!(text.contains("expected silence; heard an answer by rule 在吗"), "{text}");
    }

    #[test]
    fn a_code_given_twice_fails() {
        let mut shop = scenario::shop();
        shop.talks.retain(|talk| talk.buys > 0);
        shop.goods.codes = vec!["AAAA-1".to_owned(); 2];
        let (code, text) = shown(&shop, 4);
        assert_eq!(code, ExitCode::FAILURE, "{text}");
        assert!(text.contains("none of them given before; heard “卡密： AAAA**** AAAA**** 请尽快使用。”"), "{text}");
        assert!(text.contains("orders: 1 placed, 0 served"), "{text}");
        assert!(!text.contains("AAAA-1"), "{text}");
    }
}
