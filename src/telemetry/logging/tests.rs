#![expect(clippy::unwrap_used, reason = "tests")]

use std::{fs, sync::Mutex};

use log::{Level, kv::Value};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::ids::AccountId;

/// 2026-11-26T00:00:00Z
const NOW: Timestamp = Timestamp(1_795_651_200_000);

/// Days: whenever these tests run, the lines are not too old.
const FOR_EVER: u32 = 1_000_000;

/// A logger of a test's own, with everything it wrote.
struct Bench {
    logger: &'static Logger,
    shown: Shown,
    folder: TempDir,
}

/// What the standard error output would show.
#[derive(Clone, Default)]
struct Shown(Arc<Mutex<Vec<u8>>>);

impl Write for Shown {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Bench {
    fn new(level: &str, format: Format) -> Self {
        let bench =
            Self { logger: Box::leak(Box::default()), shown: Shown::default(), folder: tempfile::tempdir().unwrap() };
        bench.start(level, format);
        bench
    }

    fn start(&self, level: &str, format: Format) {
        self.logger.start(&config(level, format), Target::Pipe(Box::new(self.shown.clone())));
    }

    fn write_files(&self, file_size: u64) -> FilesGuard {
        let dir = self.folder.path().join("logs");
        self.logger.write_files(FileLimits { dir, file_size, total_size: 1 << 30, keep_days: FOR_EVER }).unwrap()
    }

    fn log(&self, level: Level, message: &str, fields: &[(&str, Value<'_>)]) {
        let metadata = Metadata::builder().level(level).target("yutang::here").build();
        if self.logger.enabled(&metadata) {
            let mut record = Record::builder();
            let record = record.metadata(metadata).key_values(&fields);
            self.logger.log_at(&record.args(format_args!("{message}")).build(), NOW);
        }
    }

    fn shown(&self) -> String {
        String::from_utf8(self.shown.0.lock().unwrap().clone()).unwrap()
    }

    /// Every file's text, the oldest first.
    fn written(&self) -> String {
        self.logger.flush();
        let dir = self.folder.path().join("logs");
        let files = rotation::list(&dir).unwrap().into_iter().rev();
        files.map(|file| fs::read_to_string(dir.join(file.name)).unwrap()).collect()
    }

    fn kept(&self) -> Vec<Arc<LogRecord>> {
        self.logger.ring.query(&LogQuery { limit: usize::MAX, ..LogQuery::new(Visible::Everything) })
    }
}

fn config(level: &str, format: Format) -> LogConfig {
    LogConfig {
        level: level.to_owned(),
        format,
        files: true,
        dir: "logs".into(),
        file_size: Size(1 << 20),
        total_size: Size(1 << 30),
        keep_days: 1,
        ring_records: 1000,
        ring_size: Size(8 << 20),
    }
}

#[test]
fn every_sink_gets_the_same_words() {
    let bench = Bench::new("info", Format::Text);
    let _files = bench.write_files(1 << 20);
    bench.log(Level::Warn, "小店 lost\nits line", &[("account.id", 7.into()), ("class", "network".into())]);
    let expected = "2026-11-26T00:00:00.000Z WARN  yutang::here 小店 lost\\nits line class=network account.id=7\n";
    assert_eq!(bench.shown(), expected);
    assert_eq!(bench.written(), expected);
    let kept = bench.kept();
    assert_eq!((kept.len(), kept[0].account, kept[0].at), (1, Some(AccountId(7)), NOW));
}

#[test]
fn for_programs_every_line_is_an_object_in_the_files_too() {
    let bench = Bench::new("info", Format::Json);
    let _files = bench.write_files(1 << 20);
    bench.log(Level::Info, "a\nb", &[("once", true.into())]);
    let expected = serde_json::json!({"time": "2026-11-26T00:00:00.000Z", "level": "info", "target": "yutang::here",
        "message": "a\nb", "once": true});
    for text in [bench.shown(), bench.written()] {
        assert_eq!(text.lines().count(), 1);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), expected);
    }
}

/// The forms in which a secret gets into a log line; `*` is the secret.
const LEAKS: [&str; 12] = [
    "jar a=1; cookie2=*; x=2",
    "jar _m_h5_tk=*_1760000000000; unb=*; sgcookie=*",
    "Cookie: t=*; whatever=*",
    "set-cookie: new=*; Path=/",
    "Authorization: Bearer *",
    "the header bearer * was refused",
    "POST /login?username=x&password=*&next=/",
    r#"answer {"accessToken":"*","refreshToken" : "*"}"#,
    r#"data {\"accessToken\":\"oauth_k1:*\"}"#,
    "cannot open postgres://me:*@db.example/yutang",
    "smtp_password=* api_key=*",
    "a session eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0* of eyJhbGciOiJIUzI1NiJ9.*.*",
];

const SECRET_FIELDS: [&str; 8] =
    ["cookie", "account.cookies", "token", "access_token", "password", "channel.secret", "Authorization", "api-key"];

/// S16: whatever the secret and wherever it stands, no sink sees it. (`1` after `eyJ…0` keeps a token of three parts.)
#[test]
fn s16_planted_secrets_reach_no_sink() {
    for format in [Format::Text, Format::Json] {
        let bench = Bench::new("trace", format);
        let _files = bench.write_files(4 << 10);
        let secrets = Mutex::new(Vec::new());
        let case = ("PLANTED[A-Za-z0-9_-]{0,40}", 0..LEAKS.len(), 0..SECRET_FIELDS.len(), "[ -~鱼\n]{0,20}");
        proptest!(ProptestConfig { cases: 200, failure_persistence: None, ..<_>::default() }, |(
            (secret, leak, name, noise) in case
        )| {
            let leak = LEAKS[leak].replace("0*", &format!("0.{secret}")).replace('*', &secret);
            let fields = [(SECRET_FIELDS[name], Value::from(secret.as_str())), ("detail", leak.as_str().into())];
            bench.log(Level::Info, &format!("{noise} {leak}"), &fields);
            let newest = serde_json::to_string(&bench.kept()[0]).unwrap();
            prop_assert!(!newest.contains("PLANTED"), "{newest}");
            secrets.lock().unwrap().push(secret);
        });
        let secrets = secrets.into_inner().unwrap();
        for (sink, text) in [("stderr", bench.shown()), ("files", bench.written())] {
            let leaked = secrets.iter().find(|secret| text.contains(secret.as_str()));
            assert!(leaked.is_none() && !text.contains("PLANTED"), "{leaked:?} is in {sink}");
            assert!(text.lines().count() >= 200 && text.contains("***"), "{sink} has the lines");
        }
    }
}

/// R13: there is one logger; starting accounts, servers or files again takes no sink away, and a tail goes on over rotations.
#[test]
fn r13_a_tail_survives_rotation_new_files_and_another_start() {
    let bench = Bench::new("info", Format::Text);
    let mut tail = bench.logger.ring.watch();
    let first = bench.write_files(100);
    (0..5).for_each(|_| bench.log(Level::Info, "before", &[]));
    bench.logger.flush();
    assert!(rotation::list(&bench.folder.path().join("logs")).unwrap().len() > 1, "the files were rotated");
    let second = bench.write_files(100);
    drop(first);
    bench.start("info", Format::Json);
    bench.logger.set_level("debug").unwrap();
    (0..5).for_each(|_| bench.log(Level::Debug, "after", &[]));
    let seen: Vec<_> = std::iter::from_fn(|| tail.try_recv().ok()).map(|record| record.seq).collect();
    assert!(seen.into_iter().eq(1..=10));
    assert_eq!((bench.shown().lines().count(), bench.written().lines().count(), bench.kept().len()), (10, 10, 10));
    drop(second);
    bench.log(Level::Info, "in no file", &[]);
    assert_eq!((bench.shown().lines().count(), bench.written().lines().count()), (11, 10));
}

#[test]
fn the_level_changes_at_run_time_for_all_sinks() {
    let bench = Bench::new("info", Format::Text);
    let _files = bench.write_files(1 << 20);
    let log = |text: &str| bench.log(Level::Debug, text, &[]);
    log("not yet");
    bench.logger.set_level("warn,yutang::here=debug").unwrap();
    log("now");
    assert!(bench.logger.set_level("loud").is_err());
    log("still");
    bench.logger.set_level("error").unwrap();
    log("no more");
    assert_eq!(bench.kept().iter().map(|record| record.message.as_str()).collect::<Vec<_>>(), ["still", "now"]);
    assert_eq!((bench.shown().lines().count(), bench.written().lines().count()), (2, 2));
}

#[test]
fn a_disk_that_refuses_holds_nothing_up_and_is_said_on_the_other_sinks() {
    let bench = Bench::new("info", Format::Text);
    fs::write(bench.folder.path().join("logs"), "in the way").unwrap();
    let files = bench.write_files(1 << 20);
    (0..10).for_each(|_| bench.log(Level::Info, "x", &[]));
    bench.logger.flush();
    assert_eq!((files.queue.lost(), bench.shown().lines().count(), bench.kept().len()), (10, 10, 10));
}

#[test]
fn a_misspelt_level_is_refused_instead_of_silencing_the_log() {
    for level in ["info", "warn,yutang::inbox=debug", "off", "INFO, a=trace"] {
        assert_eq!(config(level, Format::Text).validate(), Ok(()));
    }
    for level in ["inof", "", "info,", "yutang=loud", "info/x"] {
        assert!(config(level, Format::Text).validate().is_err_and(|(key, _)| key == "log.level"), "{level}");
    }
}

#[test]
fn starting_twice_is_harmless_and_the_global_logger_can_be_asked() {
    init(&config("info", Format::Text));
    init(&config("off", Format::Text));
    assert_eq!(level(), "info");
    set_level("error,yutang::telemetry=info").unwrap();
    assert_eq!((level().as_str(), log::max_level()), ("error,yutang::telemetry=info", LevelFilter::Info));
    log::info!("account.id" = 424_242; "asked for");
    let query = LogQuery::new(Visible::Accounts(vec![AccountId(424_242)]));
    assert_eq!(ring().query(&query)[0].message, "asked for");
    assert!(set_level("loud").is_err());
}

#[test]
fn the_files_are_listed_and_opened_while_they_are_written() {
    init(&config("info", Format::Text));
    assert_eq!((files().unwrap(), lost_lines()), (Vec::new(), 0));
    assert!(open_file("yutang-2026-11-26.0.log").unwrap().is_none());
    let folder = tempfile::tempdir().unwrap();
    let none = LogConfig { files: false, ..config("info", Format::Text) };
    assert!(write_files(&none, folder.path()).unwrap().is_none());
    let guard = write_files(&config("info", Format::Text), folder.path()).unwrap();
    log::error!(class = "system"; "planted line");
    log::logger().flush();
    let newest = files().unwrap().remove(0);
    let text = io::read_to_string(open_file(&newest.name).unwrap().unwrap()).unwrap();
    assert!(text.contains("planted line class=system") && text.len() as u64 == newest.bytes, "{text}");
    drop(guard);
    assert!(files().unwrap().is_empty());
}
