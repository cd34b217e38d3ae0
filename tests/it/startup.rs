//! Start-up in its order, each step that can fail, what a running server notices, and the shutdown.

use std::{
    fs,
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Command,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Resource, Rlimit, Signal, prlimit};
use yutang::sim::Answer;

use super::process::{PATIENCE, Server, Shop};

const BUYER: &str = "2200000077";
const ITEM: &str = "900000000001";

/// R14: a shutdown lets what is in flight settle, says goodbye and writes down why the accounts are closed.
#[actix::test]
async fn a_shutdown_settles_what_is_in_flight_and_says_why_accounts_are_closed() {
    let shop = Shop::with_accounts(3);
    let server = shop.serve_registered().await;
    for (number, account) in shop.accounts.iter().enumerate() {
        (0..20).for_each(|line| drop(account.buyer_says(&format!("{BUYER}{number}"), ITEM, &format!("第{line}句"))));
    }
    shop.accounts[0].await_delivered(&shop.accounts[0].conversation(&format!("{BUYER}0"), ITEM), 1, PATIENCE).await;
    let log = server.terminate().cleanly();
    assert!(log.contains("shutting down"), "{log}");
    let states = shop.texts("SELECT state || '/' || reason AS text FROM account_states");
    assert_eq!(states, ["closed/shut_down"; 3]);
    assert_eq!(shop.count("outbox WHERE state = 'sent'"), 0, "nothing is left in doubt\n{log}");
    for account in &shop.accounts {
        assert!(account.await_offline(PATIENCE).await);
    }
}

#[actix::test]
async fn a_shutdown_ends_each_connection_with_a_close_frame() {
    let mut shop = Shop::with_accounts(2);
    let wire = Wire::tap(shop.sim.addr());
    shop.set("platform.im_url", &format!("ws://{}/", wire.address));
    shop.serve_registered().await.terminate().cleanly();
    let ends = wire.ends();
    assert_eq!(ends.len(), 2);
    for end in ends {
        // a close frame with its code, masked: 2 bytes of head, 4 of mask, 2 of code
        assert!(end.len() >= 8 && end[end.len() - 8..][..2] == [0x88, 0x82], "the last bytes were {end:02x?}");
    }
}

#[actix::test]
async fn a_silent_platform_cannot_hold_a_shutdown_up() {
    let mut shop = Shop::with_accounts(2);
    let server = shop.serve_registered().await;
    shop.sim.platform().change_faults(|faults| {
        faults.answer = Answer::Lost;
        faults.hang_requests = true;
    });
    shop.accounts[0].buyer_says(BUYER, ITEM, "在吗");
    assert_eq!(shop.await_some("outbox WHERE state = 'sent'").await, 1, "{}", server.log());
    server.terminate().cleanly();

    shop.sim.platform().change_faults(|faults| faults.hang_upgrade = true);
    shop.set("server.shutdown", "3s");
    let server = shop.serve();
    server.await_line("listening on");
    let log = server.terminate().cleanly();
    assert!(!log.contains("not everything settled"), "{log}");
}

#[actix::test]
async fn ctrl_c_is_a_shutdown_too() {
    let shop = Shop::with_accounts(1);
    let server = shop.serve_registered().await;
    server.signal(Signal::INT);
    server.ends_within(Duration::from_secs(10)).cleanly();
    assert_eq!(shop.texts("SELECT reason AS text FROM account_states"), ["shut_down"]);
}

#[actix::test]
async fn a_second_server_on_the_same_folder_is_refused_with_the_first_ones_number() {
    let shop = Shop::with_accounts(1);
    let first = shop.serve_registered().await;
    let refusal = shop.run(&["serve"]).failed();
    let process = first.pid().as_raw_nonzero();
    assert!(refusal.contains("start-up step 2 (folder) failed"), "{refusal}");
    assert!(refusal.contains(&format!("another server (process {process}) already runs on")), "{refusal}");
    assert_eq!(first.get("/health").0, 200, "the first is not disturbed");
    first.kill();
    // the system lets go of the lock, however the holder ended
    shop.serve_registered().await.terminate().cleanly();
}

#[actix::test]
async fn a_second_server_on_the_same_postgresql_database_is_refused() {
    let Some(shop) = Shop::on_postgres(1) else { return };
    let first = shop.serve_registered().await;
    let refusal = shop.run(&["serve", "--data-dir", "elsewhere"]).failed();
    assert!(refusal.contains("another server") && refusal.contains("this PostgreSQL database"), "{refusal}");
    first.terminate().cleanly();
}

#[track_caller]
fn refuses(shop: &Shop, words: &[&str]) {
    let refusal = shop.run(&["serve"]).failed();
    for words in words {
        assert!(refusal.contains(words), "{words:?} is not in: {refusal}");
    }
}

#[actix::test]
async fn a_setting_nobody_knows_stops_the_start_before_anything_is_touched() {
    let mut shop = Shop::with_accounts(0);
    shop.set("server.listn", "127.0.0.1:0");
    shop.set("data_dir", "fresh");
    refuses(&shop, &["unknown setting YUTANG__SERVER__LISTN", "did you mean YUTANG__SERVER__LISTEN?"]);
    assert!(!shop.folder().join("fresh").exists());
}

#[actix::test]
async fn a_folder_that_cannot_be_made_is_named_with_the_fix() {
    let mut shop = Shop::with_accounts(0);
    fs::write(shop.folder().join("plain"), "a file").unwrap();
    shop.set("data_dir", "plain/data");
    refuses(&shop, &["start-up step 2 (folder) failed", "cannot make plain/data", "set data_dir"]);
}

#[actix::test]
async fn a_taken_address_is_named_with_the_fix() {
    let mut shop = Shop::with_accounts(0);
    let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    shop.set("server.listen", &taken.local_addr().unwrap().to_string());
    refuses(&shop, &["start-up step 5 (listener) failed", "cannot listen on 127.0.0.1", "set server.listen"]);
}

#[actix::test]
async fn another_key_than_the_databases_own_is_refused() {
    let shop = Shop::with_accounts(1);
    let (key, hidden) = (shop.data().join("key"), shop.data().join("hidden"));
    fs::rename(&key, &hidden).unwrap();
    refuses(&shop, &["start-up step 4 (database) failed", "the key does not fit this database"]);
    fs::rename(&hidden, &key).unwrap();
    shop.serve_registered().await.terminate().cleanly();
}

/// B6: a database is never opened by a program that does not know it.
#[actix::test]
async fn a_database_newer_than_the_program_is_refused() {
    let shop = Shop::with_accounts(0);
    shop.execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('99991231000000')");
    refuses(&shop, &["start-up step 4 (database) failed", "newer than this program", "99991231000000"]);
}

#[actix::test]
async fn a_database_at_its_former_place_is_moved_once() {
    let shop = Shop::with_accounts(1);
    let (former, place) = (shop.folder().join("yutang.db"), shop.data().join("yutang.db"));
    for suffix in ["", "-wal", "-shm"] {
        let with = |path: &Path| format!("{}{suffix}", path.display());
        if fs::exists(with(&place)).unwrap() {
            fs::rename(with(&place), with(&former)).unwrap();
        }
    }
    let log = shop.serve_registered().await.terminate().cleanly();
    assert!(log.contains("was moved to data/yutang.db"), "{log}");
    assert!(place.exists() && !former.exists());

    fs::write(&former, "of no interest").unwrap();
    let log = shop.serve_registered().await.terminate().cleanly();
    assert!(!log.contains("was moved to"), "{log}");
    assert_eq!(fs::read_to_string(&former).unwrap(), "of no interest");
}

#[actix::test]
async fn the_address_answers_before_the_first_account_connects() {
    let shop = Shop::with_accounts(2);
    shop.sim.platform().change_faults(|faults| faults.hang_gateway = true);
    let server = shop.serve();
    let (status, body) = server.get("/health");
    assert_eq!(status, 200, "{body}");
    assert!(body.contains(r#""status":"healthy""#), "{body}");
}

/// K12, M17: an account is switched off with a clean close and on again, and all else about it is left alone.
#[actix::test]
async fn a_running_server_notices_what_the_command_line_changes() {
    let mut shop = Shop::with_accounts(1);
    let server = shop.serve_registered().await;
    shop.add_account("shop-new");
    let account = Arc::clone(&shop.accounts[1]);
    assert!(account.await_registered(1, PATIENCE).await, "an account that was added\n{}", server.log());

    shop.run(&["keyword", "add", "价格", "--reply", "标价"]).succeeded();
    answered_at_last(&account, "价格多少", "标价").await;

    shop.execute("UPDATE accounts SET takeover_pause_ms = 7000");
    shop.run(&["account", "disable", "shop-new"]).succeeded();
    assert!(account.await_offline(PATIENCE).await);
    assert_eq!(shop.await_some("account_states WHERE state = 'closed' AND reason = 'disabled'").await, 1);
    assert_eq!(shop.accounts[0].connections(), 1, "the others stay");

    shop.run(&["account", "enable", "shop-new"]).succeeded();
    assert!(account.await_registered(2, PATIENCE).await);
    assert_eq!(account.token_requests(), 1);
    assert_eq!(shop.count("accounts WHERE takeover_pause_ms = 7000 AND enabled"), 2);
    server.terminate().cleanly();
}

/// Rules are noticed within a second: until then the default answers.
async fn answered_at_last(account: &yutang::sim::Account, question: &str, answer: &str) {
    let deadline = Instant::now() + Duration::from_secs(5);
    for count in 1.. {
        let said = account.buyer_says(BUYER, ITEM, question);
        let received = account.await_delivered(&said.conversation, count, PATIENCE).await;
        if received.last().is_some_and(|delivery| delivery.text() == answer) {
            return;
        }
        assert!(Instant::now() < deadline, "still {received:?}");
    }
}

#[actix::test]
async fn the_stop_switch_holds_answers_while_the_connection_stays_and_lets_them_go_after() {
    let shop = Shop::with_accounts(1);
    let server = shop.serve_registered().await;
    let account = &shop.accounts[0];
    shop.run(&["account", "stop", "--all"]).succeeded();
    // noticed within a second: until then answers still go out
    let deadline = Instant::now() + Duration::from_secs(5);
    let conversation = account.conversation(BUYER, ITEM);
    let mut said = 0;
    while shop.count("outbox WHERE state = 'queued'") == 0 {
        assert!(Instant::now() < deadline, "the switch was not noticed\n{}", server.log());
        account.buyer_says(BUYER, ITEM, "在吗");
        said += 1;
        assert_eq!(
            shop.await_some(&format!("(SELECT count(*) AS rows FROM outbox) made WHERE rows = {said}")).await,
            1
        );
        assert_eq!(shop.await_none("outbox WHERE state = 'sent'").await, 0);
    }
    assert_eq!(account.received(&conversation).len(), said - 1);
    assert_eq!(account.connections(), 1);
    shop.run(&["account", "resume", "--all"]).succeeded();
    assert_eq!(account.await_delivered(&conversation, said, PATIENCE).await.len(), said);
    server.terminate().cleanly();
}

/// R5: health is told from what is known already.
#[actix::test]
async fn health_counts_the_accounts_by_state() {
    let shop = Shop::with_accounts(3);
    shop.run(&["account", "disable", "shop-2"]).succeeded();
    let server = shop.serve();
    for account in &shop.accounts[..2] {
        assert!(account.await_registered(1, PATIENCE).await);
    }
    let deadline = Instant::now() + PATIENCE;
    let (status, body) = loop {
        let answer = server.get("/health");
        if answer.1.contains(r#""connected":2"#) || Instant::now() > deadline {
            break answer;
        }
    };
    assert_eq!(status, 200);
    let health: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(health["status"], "healthy");
    assert_eq!(health["services"]["database"], "ok");
    assert_eq!(health["accounts"]["connected"], 2, "{body}");
    assert_eq!(server.get("/nowhere").0, 404);
}

/// S16: neither what is shown nor what is in the files.
#[actix::test]
async fn s16_the_log_repeats_no_secret_even_when_everything_goes_wrong() {
    let mut shop = Shop::with_accounts(2);
    shop.set("log.level", "debug");
    let cookies: Vec<String> = shop.accounts.iter().map(|account| shop.sim.platform().cookies(account)).collect();
    let platform = Arc::clone(shop.sim.platform());
    let server = shop.serve_registered().await;
    shop.accounts[0].buyer_says(BUYER, ITEM, "在吗");
    shop.accounts[0].send_raw("not a frame");
    shop.accounts[1].expire_tokens();
    shop.accounts[1].close(1000);
    assert!(shop.accounts[1].await_registered(2, PATIENCE).await, "a second token\n{}", server.log());
    platform.change_faults(|faults| faults.gateway = yutang::sim::Gateway::SessionExpired);
    shop.accounts[1].expire_tokens();
    shop.accounts[1].close(1000);
    server.await_line("the platform wants a person");
    let log = server.terminate().cleanly() + &log_files(&shop.data().join("logs"));
    assert!(log.contains(" DEBUG "), "the level is on\n{log}");
    for secret in cookies.iter().flat_map(|cookie| cookie.split("; ")).filter_map(|pair| pair.split_once('=')) {
        let (name, value) = secret;
        let public = value.len() < 8 || shop.accounts.iter().any(|account| account.uid.as_str() == value);
        assert!(public || !log.contains(value), "{name} is in the log:\n{log}");
    }
    for word in ["oauth_k1", "correct horse", "_m_h5_tk="] {
        assert!(!log.contains(word), "{word:?} is in the log:\n{log}");
    }
}

/// The server keeps its log in files that only its owner may read; the commands beside it and the refused second server write none.
#[actix::test]
async fn the_log_is_in_files_too_and_only_the_server_writes_them() {
    let shop = Shop::with_accounts(1);
    let logs = shop.data().join("logs");
    assert!(!logs.exists(), "the command line wrote log files");
    let server = shop.serve_registered().await;
    let log = server.terminate().cleanly();
    let written = log_files(&logs);
    for words in ["listening on http://", "shutting down"] {
        let line = log.lines().find(|line| line.contains(words)).unwrap();
        assert!(written.lines().any(|written| written == line), "{line:?} is not in the files:\n{written}");
    }
}

/// What the log files say together; each is its owner's alone.
fn log_files(folder: &Path) -> String {
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()).collect();
    assert!(files.iter().all(|file| file.metadata().unwrap().permissions().mode() & 0o777 == 0o600));
    files.iter().map(|file| fs::read_to_string(file.path()).unwrap()).collect()
}

/// What cannot be stored is not acknowledged, is said, and is answered when there is room again.
#[actix::test]
async fn a_full_disk_loses_nothing() {
    let shop = Shop::with_accounts(2);
    let serve = shop.command(&["serve"]);
    // the limit stands for the disk; its signal would end the process
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$0\" serve"]).arg(serve.get_program());
    command.current_dir(shop.folder()).env_clear();
    command.envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let server = Server::start(command);
    for account in &shop.accounts {
        assert!(account.await_registered(1, PATIENCE).await);
    }
    let account = &shop.accounts[0];
    let said = account.buyer_says(BUYER, ITEM, "第1句");
    assert_eq!(account.await_delivered(&said.conversation, 1, PATIENCE).await.len(), 1);
    assert_eq!(shop.await_none("outbox WHERE state <> 'confirmed'").await, 0);

    limit_files(&server, Some(4096));
    let lost = account.buyer_says(BUYER, ITEM, "第2句");
    server.await_line("cannot store messages, they are not acknowledged");
    assert!(account.unacknowledged().contains(&lost.message), "{}", server.log());
    assert_eq!(server.get_until("/health", 503).await.0, 503, "{}", server.log());
    account.buyer_says(BUYER, ITEM, "第3句");
    assert_eq!(account.received(&said.conversation).len(), 1);

    limit_files(&server, None);
    let received = account.await_delivered(&said.conversation, 3, PATIENCE).await;
    let texts: Vec<&str> = received.iter().map(|delivery| delivery.text()).collect();
    assert_eq!(texts, ["收到 第1句", "收到 第2句", "收到 第3句"], "{}", server.log());
    assert_eq!(shop.await_none("outbox WHERE state <> 'confirmed'").await, 0);
    assert_eq!(shop.count("chat_messages WHERE decision = 'answer'"), 3);
    server.terminate().cleanly();
}

/// How long a file may grow; the hard limit stays, so that it can be taken back.
fn limit_files(server: &Server, limit: Option<u64>) {
    let before = prlimit(Some(server.pid()), Resource::Fsize, Rlimit { current: limit, maximum: None });
    assert!(before.is_ok(), "cannot set a limit on file sizes: {before:?}");
}

/// A wire in the middle that keeps what clients send.
struct Wire {
    address: SocketAddr,
    sent: Arc<Mutex<Vec<thread::JoinHandle<Vec<u8>>>>>,
}

impl Wire {
    fn tap(platform: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let (address, sent) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<_>>>::default());
        let kept = Arc::clone(&sent);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let platform = TcpStream::connect(platform).unwrap();
                let (back, forth) = (platform.try_clone().unwrap(), client.try_clone().unwrap());
                thread::spawn(move || copy(back, forth));
                kept.lock().unwrap().push(thread::spawn(move || copy(client, platform)));
            }
        });
        Self { address, sent }
    }

    /// Everything each client sent, once all are gone.
    fn ends(&self) -> Vec<Vec<u8>> {
        std::mem::take(&mut *self.sent.lock().unwrap()).into_iter().map(|wire| wire.join().unwrap()).collect()
    }
}

/// Hands bytes on until either side ends; returns them.
fn copy(mut from: TcpStream, mut to: TcpStream) -> Vec<u8> {
    let (mut all, mut some) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = from.read(&mut some) {
        all.extend_from_slice(&some[..count]);
        if to.write_all(&some[..count]).is_err() {
            break;
        }
    }
    // it may be closed already
    let _ = to.shutdown(Shutdown::Write);
    all
}
