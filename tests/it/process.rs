//! The real binary as a child process, beside a simulated platform that outlives it.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use diesel::{Connection, PgConnection, RunQueryDsl, SqliteConnection, connection::SimpleConnection, sql_types};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tempfile::TempDir;
use yutang::{
    sim::{Account, Config, Sim},
    store::{self, Keys, Store},
};

/// Longer than anything takes; only a failing test waits so long.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A seller's machine: a folder, settings, a database, and a platform with accounts to talk to.
pub struct Shop {
    pub sim: Sim,
    pub accounts: Vec<Arc<Account>>,
    folder: TempDir,
    settings: Vec<(String, String)>,
    schema: Option<Schema>,
}

impl Shop {
    /// One user with `accounts` accounts, stored but never connected, and a global rule that repeats what a buyer said.
    pub fn with_accounts(accounts: usize) -> Self {
        Self::on(None, accounts)
    }

    /// The same on PostgreSQL. Where the environment names none the test says loudly that it did not run.
    pub fn on_postgres(accounts: usize) -> Option<Self> {
        Some(Self::on(Some(Schema::make()?), accounts))
    }

    fn on(schema: Option<Schema>, accounts: usize) -> Self {
        let sim = Sim::start_in_thread(([127, 0, 0, 1], 0).into(), Config::default()).unwrap();
        let mut shop =
            Self { sim, accounts: Vec::new(), folder: tempfile::tempdir().unwrap(), settings: Vec::new(), schema };
        shop.choose_settings();
        shop.run_with("correct horse\n", &["user", "add", "alice", "--password-stdin"]).succeeded();
        (0..accounts).for_each(|number| shop.add_account(&format!("shop-{number}")));
        shop.run(&["keyword", "add", "--match", "default", "--reply", "收到 {send_message}"]).succeeded();
        shop
    }

    /// Loopback, a free port, and waits so short that a test need not wait for them.
    fn choose_settings(&mut self) {
        let (gateway, im) = (self.sim.gateway_url(), self.sim.im_url());
        for (key, value) in [
            ("platform.gateway_url", gateway.as_str()),
            ("platform.im_url", im.as_str()),
            ("platform.passport_url", gateway.as_str()),
            ("platform.upload_url", gateway.as_str()),
            ("server.listen", "127.0.0.1:0"),
            ("accounts.backoff_first", "20ms"),
            ("accounts.backoff_max", "200ms"),
            ("accounts.backoff_slow", "500ms"),
            ("inbox.debounce", "0ms"),
            ("outbox.rate", "0"),
            ("outbox.burst", "0"),
            ("outbox.answer_wait", "300ms"),
            ("outbox.attempts", "30"),
            // only where a test is about them: the hour may come at any moment
            ("backup.keep", "0"),
            // the machine that tests has other work, too
            ("health.cpu_percent", "100"),
            ("health.memory_percent", "100"),
            ("health.disk_free_mib", "0"),
        ] {
            self.set(key, value);
        }
        if let Some(schema) = &self.schema {
            let url = schema.url.clone();
            self.set("database.url", &url);
        }
    }

    /// The server's database, beside it.
    pub fn store(&self) -> Store {
        let keys = Keys::load(None, &self.data().join("key")).unwrap();
        let url = match &self.schema {
            Some(schema) => schema.url.clone(),
            None => self.data().join("yutang.db").to_str().unwrap().to_owned(),
        };
        Store::open(&store::Config::new(url), keys).unwrap()
    }

    /// From the next start on.
    pub fn set(&mut self, key: &str, value: &str) {
        let name = format!("YUTANG__{}", key.to_uppercase().replace('.', "__"));
        self.settings.retain(|(known, _)| *known != name);
        self.settings.push((name, value.into()));
    }

    pub fn add_account(&mut self, name: &str) {
        let account = self.sim.platform().add_account(name);
        let line = json!({"name": name, "cookie": self.sim.platform().cookies(&account)}).to_string();
        self.run_with(&line, &["account", "import", "-"]).succeeded();
        self.accounts.push(account);
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Where the server keeps everything, below its working directory.
    pub fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_yutang"));
        command.args(args).current_dir(self.folder()).env_clear().envs(self.settings.iter().cloned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, args: &[&str]) -> Run {
        self.run_with("", args)
    }

    pub fn run_with(&self, input: &str, args: &[&str]) -> Run {
        finish(self.command(args), input)
    }

    pub fn serve(&self) -> Server {
        Server::start(self.command(&["serve"]))
    }

    /// A server that answers HTTP and whose accounts are all registered, once more than before.
    pub async fn serve_registered(&self) -> Server {
        let before: Vec<u32> = self.accounts.iter().map(|account| account.lock().registrations).collect();
        let server = self.serve();
        for (account, before) in self.accounts.iter().zip(before) {
            assert!(account.await_registered(before + 1, PATIENCE).await, "not registered:\n{}", server.log());
        }
        server
    }

    /// The number that `sql` calls `number`, read beside the server.
    pub fn number(&self, sql: &str) -> i64 {
        #[derive(diesel::QueryableByName)]
        struct Number {
            #[diesel(sql_type = sql_types::BigInt)]
            number: i64,
        }
        let query = diesel::sql_query(sql);
        let row: Number = match &self.schema {
            None => query.get_result(&mut self.sqlite()).unwrap(),
            Some(schema) => query.get_result(&mut PgConnection::establish(&schema.url).unwrap()).unwrap(),
        };
        row.number
    }

    pub fn count(&self, what: &str) -> i64 {
        self.number(&format!("SELECT count(*) AS number FROM {what}"))
    }

    /// The text that `sql` calls `text`, or none, read beside the server.
    pub fn texts(&self, sql: &str) -> Vec<String> {
        #[derive(diesel::QueryableByName)]
        struct Line {
            #[diesel(sql_type = sql_types::Text)]
            text: String,
        }
        let query = diesel::sql_query(sql);
        let rows: Vec<Line> = match &self.schema {
            None => query.load(&mut self.sqlite()).unwrap(),
            Some(schema) => query.load(&mut PgConnection::establish(&schema.url).unwrap()).unwrap(),
        };
        rows.into_iter().map(|row| row.text).collect()
    }

    pub fn execute(&self, sql: &str) {
        match &self.schema {
            None => self.sqlite().batch_execute(sql).unwrap(),
            Some(schema) => PgConnection::establish(&schema.url).unwrap().batch_execute(sql).unwrap(),
        }
    }

    fn sqlite(&self) -> SqliteConnection {
        let mut conn = SqliteConnection::establish(self.data().join("yutang.db").to_str().unwrap()).unwrap();
        conn.batch_execute("PRAGMA busy_timeout = 10000").unwrap();
        conn
    }

    /// Looks at the database until `what` counts nothing; the last count where that takes too long.
    pub async fn await_none(&self, what: &str) -> i64 {
        self.await_count(what, |count| count == 0).await
    }

    /// The same until it counts something.
    pub async fn await_some(&self, what: &str) -> i64 {
        self.await_count(what, |count| count > 0).await
    }

    async fn await_count(&self, what: &str, is_right: impl Fn(i64) -> bool) -> i64 {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let count = self.count(what);
            if is_right(count) || Instant::now() > deadline {
                return count;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// A PostgreSQL schema of a test's own.
pub struct Schema {
    admin: String,
    pub name: String,
    pub url: String,
}

impl Schema {
    /// Where the environment names no PostgreSQL the test says loudly that it did not run.
    pub fn make() -> Option<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let Ok(admin) = env::var("YUTANG_TEST_DATABASE_URL") else {
            let required = env::var("YUTANG_TEST_REQUIRE").unwrap_or_default();
            assert!(!required.contains("postgres"), "YUTANG_TEST_DATABASE_URL names no PostgreSQL, but it is required");
            eprintln!("SKIPPED on PostgreSQL: set YUTANG_TEST_DATABASE_URL (see tests/services)");
            return None;
        };
        let name = format!("it_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        PgConnection::establish(&admin).unwrap().batch_execute(&format!("CREATE SCHEMA {name}")).unwrap();
        let joint = if admin.contains('?') { '&' } else { '?' };
        let url = format!("{admin}{joint}options=-csearch_path%3D{name}");
        Some(Self { admin, name, url })
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let dropped = PgConnection::establish(&self.admin)
            .map(|mut conn| conn.batch_execute(&format!("DROP SCHEMA {} CASCADE", self.name)));
        assert!(matches!(dropped, Ok(Ok(()))) || thread::panicking(), "cannot drop the schema {}", self.name);
    }
}

/// What a finished run said and how it ended.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Run {
    #[track_caller]
    pub fn succeeded(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out
    }

    /// Returns all that was said.
    #[track_caller]
    pub fn failed(self) -> String {
        assert_eq!(self.code, Some(1), "{self:?}");
        self.out + &self.err
    }
}

fn finish(mut command: Command, input: &str) -> Run {
    let mut child = command.spawn().unwrap();
    // a program that refuses before it reads closes the pipe: no failure of the test
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Run { code: status.code(), out: text(stdout), err: text(stderr) }
}

/// A running `yutang serve`. Killed when dropped.
pub struct Server {
    child: Child,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    lines: Mutex<Vec<String>>,
    grew: Condvar,
}

impl Server {
    pub fn start(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let log = Arc::<Log>::default();
        let (stderr, written) = (child.stderr.take().unwrap(), Arc::clone(&log));
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                written.lines.lock().unwrap().push(line);
                written.grew.notify_all();
            }
        });
        Self { child, log }
    }

    /// Everything logged so far.
    pub fn log(&self) -> String {
        self.log.lines.lock().unwrap().join("\n")
    }

    /// Waits for a line with these words. Blocks: the platform lives on another thread.
    #[track_caller]
    pub fn await_line(&self, words: &str) -> String {
        let find = |lines: &[String]| lines.iter().find(|line| line.contains(words)).cloned();
        let lines = self.log.lines.lock().unwrap();
        let (lines, _) = self.log.grew.wait_timeout_while(lines, PATIENCE, |lines| find(lines).is_none()).unwrap();
        find(&lines).unwrap_or_else(|| panic!("no line says {words:?}:\n{}", lines.join("\n")))
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// As a power cut does it.
    pub fn kill(mut self) -> String {
        self.signal(Signal::KILL);
        self.child.wait().unwrap();
        self.log()
    }

    /// Asks it to end, and says how it did within the ten seconds it has.
    #[track_caller]
    pub fn terminate(self) -> Ended {
        self.signal(Signal::TERM);
        self.ends_within(Duration::from_secs(10))
    }

    #[track_caller]
    pub fn ends_within(mut self, deadline: Duration) -> Ended {
        let started = Instant::now();
        while started.elapsed() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return Ended { code: status.code(), log: self.log() };
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("still running after {deadline:?}:\n{}", self.log());
    }

    /// Where it answers HTTP.
    #[track_caller]
    pub fn address(&self) -> SocketAddr {
        let line = self.await_line("listening on http://");
        line.split("http://").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap()
    }

    /// Asks again and again until the answer has this status; the last answer where that takes too long.
    pub async fn get_until(&self, path: &str, status: u16) -> (u16, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.get(path);
            if answer.0 == status || Instant::now() > deadline {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// `GET path`: the status and the body.
    #[track_caller]
    pub fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // it may have ended by itself
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a server ended, and all it had logged.
#[derive(Debug)]
pub struct Ended {
    pub code: Option<i32>,
    pub log: String,
}

impl Ended {
    #[track_caller]
    pub fn cleanly(self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.log);
        self.log
    }
}
