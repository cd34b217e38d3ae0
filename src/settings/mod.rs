//! Every setting: `default.toml` ← a file ← the environment. Unknown names and bad values are refused by name, source and fix.

mod told;
mod told_in_chinese;

use std::{
    collections::BTreeMap,
    env, fmt, fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use awc::http::Uri;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::{
    ai::{breaker::BreakerConfig, client::Shares},
    maintenance::schedule::TimeOfDay,
    outgoing::{self, address::Network},
    store,
    telemetry::{
        health::Checks,
        logging::{LogConfig, mask},
    },
};

pub use self::told::{Source, Told};

/// Documents every setting; the only place where defaults are written down.
pub const DEFAULTS: &str = include_str!("../default.toml");

const FILE: &str = "yutang.toml";
const FILE_VARIABLE: &str = "YUTANG_CONFIG";
const PREFIX: &str = "YUTANG__";
/// Settings whose values are never repeated, not even in an error.
const SECRET: [&str; 3] = ["secrets.key", "database.url", "metrics.token"];

/// All settings. [`Settings::default`] are those of `default.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub data_dir: PathBuf,
    pub database: Database,
    pub server: Server,
    pub platform: Platform,
    pub accounts: Accounts,
    pub inbox: Inbox,
    pub reply: Reply,
    pub outbox: Outbox,
    pub outgoing: Outgoing,
    pub ai: Ai,
    pub items: Items,
    pub orders: Orders,
    pub notify: Notify,
    pub captcha: Captcha,
    pub maintenance: Maintenance,
    pub backup: Backup,
    pub log: LogConfig,
    pub setup: Setup,
    pub secrets: Secrets,
    pub health: Health,
    pub metrics: Metrics,
    /// Where the values come from that are no defaults, by name.
    #[serde(skip)]
    pub sources: BTreeMap<String, Source>,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// As it was set; [`Settings::database_url`] is what to open.
    pub url: String,
    pub synchronous: Synchronous,
}

/// SQLite's promise at power loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Synchronous {
    Normal,
    Full,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    pub listen: SocketAddr,
    /// As it was set; [`Settings::shards`] resolves 0.
    pub shards: usize,
    #[serde(with = "span")]
    pub shutdown: Duration,
    /// Worked on at the same time.
    pub requests: usize,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Whether the documentation of the API is shown to who is signed in.
    pub docs: bool,
    /// As it was set; [`Settings::public_url`] is what links begin with.
    pub public_url: String,
    /// Whose pages may read answers.
    pub cors_origins: Vec<String>,
    /// For the head of a request, and again for its body.
    #[serde(with = "span")]
    pub client_timeout: Duration,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Platform {
    pub gateway_url: String,
    pub im_url: String,
    pub passport_url: String,
    pub upload_url: String,
    pub user_agent: String,
    #[serde(with = "span")]
    pub heartbeat: Duration,
    #[serde(with = "span")]
    pub dead_after: Duration,
    #[serde(with = "span")]
    pub register_wait: Duration,
    #[serde(with = "span")]
    pub request_wait: Duration,
    #[serde(with = "span")]
    pub gateway_wait: Duration,
    #[serde(with = "span")]
    pub upload_wait: Duration,
    #[serde(with = "span")]
    pub connect_wait: Duration,
    /// Zero: never looked for.
    #[serde(with = "span")]
    pub stall_after: Duration,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    pub connecting: usize,
    /// Zero: no limit.
    pub open_sockets: usize,
    /// Per second; zero: no limit.
    pub pace: u32,
    pub token_budget: u32,
    pub logins_at_once: usize,
    pub retries: u32,
    #[serde(with = "span")]
    pub backoff_first: Duration,
    #[serde(with = "span")]
    pub backoff_max: Duration,
    #[serde(with = "span")]
    pub backoff_slow: Duration,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inbox {
    #[serde(with = "span")]
    pub debounce: Duration,
    #[serde(with = "span")]
    pub longest_wait: Duration,
    #[serde(with = "span")]
    pub age_limit: Duration,
    /// Zero: never paused.
    #[serde(with = "span")]
    pub takeover_pause: Duration,
    #[serde(with = "span")]
    pub gap_overlap: Duration,
}

/// How turns are decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// Turns of one account that may be in work at the same time. At least 1.
    pub account_work: usize,
    /// Kept in memory, by shard. At least 1000.
    pub conversations: usize,
    /// Whose seller is kept in memory, by shard. At least 1.
    pub items: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outbox {
    /// Per second and account; zero: no limit.
    pub rate: u32,
    /// Zero: no limit.
    pub burst: u32,
    #[serde(with = "span")]
    pub expire_after: Duration,
    #[serde(with = "span")]
    pub answer_wait: Duration,
    pub attempts: u32,
}

/// What addresses of users may lead to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outgoing {
    /// Though they are not on the public internet.
    pub allow: Vec<Network>,
    #[serde(with = "span")]
    pub connect_wait: Duration,
}

/// How providers of the AI are treated. Where they are and what they are asked is set while the system runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ai {
    /// Calls of one provider at the same time. At least 1.
    pub at_once: usize,
    /// Of one account. At least 1.
    pub account_at_once: usize,
    /// In a row. At least 1.
    pub failures: u32,
    #[serde(with = "span")]
    pub rest: Duration,
}

impl Ai {
    pub fn shares(&self) -> Shares {
        Shares { all: self.at_once, account: self.account_at_once }
    }

    pub fn breaker(&self) -> BreakerConfig {
        BreakerConfig { failures: self.failures, first: self.rest, max: 16 * self.rest }
    }
}

/// What accounts sell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Items {
    /// Zero: only when somebody asks for it.
    #[serde(with = "span")]
    pub sync_every: Duration,
    #[serde(with = "span")]
    pub retry_after: Duration,
    /// Of one account; zero: no limit.
    pub calls_per_minute: u32,
    /// After midnight in China.
    #[serde(with = "span")]
    pub polish_from: Duration,
    #[serde(with = "span")]
    pub polish_span: Duration,
}

/// How orders are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Orders {
    /// Zero: only when something hints at it.
    #[serde(with = "span")]
    pub compare_every: Duration,
    #[serde(with = "span")]
    pub fresh: Duration,
    /// Of one account; zero: no limit.
    pub calls_per_minute: u32,
}

/// What sellers and administrators are told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    #[serde(with = "span")]
    pub poll: Duration,
    #[serde(with = "span")]
    pub down_after: Duration,
    #[serde(with = "span")]
    pub unanswered_after: Duration,
    #[serde(with = "span")]
    pub timeout: Duration,
    pub attempts: u32,
}

/// How people pass the platform's challenges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Captcha {
    /// Empty: it is looked for.
    pub chromium: PathBuf,
    /// At least 1.
    pub at_once: usize,
    #[serde(with = "span")]
    pub life: Duration,
    /// At least 300.
    pub memory_mb: u64,
}

/// The job of the night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Maintenance {
    pub at: TimeOfDay,
}

/// The copies of the SQLite file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// As it was set; [`Settings::backup_folder`] is where the copies are.
    pub folder: PathBuf,
    /// Zero: none at night, and none is removed.
    pub keep: u16,
    pub at: TimeOfDay,
}

/// How the first administrator is made where nobody sits at the terminal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    pub admin_name: String,
    /// Empty: by the printed link.
    pub admin_password_file: PathBuf,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secrets {
    /// Base64; empty: [`Settings::key_file`].
    pub key: String,
    pub key_file: PathBuf,
}

/// When `GET /health` says that something is wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    pub cpu_percent: u32,
    pub memory_percent: u32,
    /// Zero: never too little.
    pub disk_free_mib: u64,
    pub backlog: u64,
    #[serde(with = "span")]
    pub backlog_window: Duration,
    pub refuse: Checks,
}

#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    /// Empty: there is no `GET /metrics`.
    pub token: String,
}

/// Shorter ones can be guessed.
const METRICS_TOKEN: usize = 16;

/// Why settings cannot be used: one sentence for each fault.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("cannot read the settings file {}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("cannot understand the settings file {name}: {reason}")]
    Syntax { name: String, reason: String },
    #[error("unknown setting {key} in {origin}: {}", hint(suggestion.as_deref()))]
    Unknown { key: String, origin: String, suggestion: Option<String> },
    #[error("bad value for {key} in {origin}: {reason}")]
    Value { key: String, origin: String, reason: String },
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(|| "`yutang check` prints all settings".to_owned(), |near| format!("did you mean {near}?"))
}

impl Default for Settings {
    #[expect(clippy::expect_used, reason = "default.toml is part of the program, and a test loads it")]
    fn default() -> Self {
        Self::deserialize(defaults()).expect("default.toml names every setting with a good value")
    }
}

impl Settings {
    /// Reads the file (`file`, else `YUTANG_CONFIG`, else `yutang.toml` where it exists), then the environment, then `data_dir`.
    pub fn load(file: Option<&Path>, data_dir: Option<&Path>) -> Result<Self, SettingsError> {
        let named = file.map(Path::to_owned).or_else(|| env::var_os(FILE_VARIABLE).map(PathBuf::from));
        let mut layers = Layers::new();
        if let Some(path) = named.or_else(|| Path::new(FILE).exists().then(|| FILE.into())) {
            let text =
                fs::read_to_string(&path).map_err(|source| SettingsError::File { path: path.clone(), source })?;
            layers.file(&path.display().to_string(), &text)?;
        }
        let variables =
            env::vars_os().map(|(name, value)| (name.to_string_lossy().into(), value.to_string_lossy().into()));
        layers.environment(variables)?;
        if let Some(dir) = data_dir {
            layers.set("data_dir", Value::String(dir.display().to_string()), "data_dir", &Source::CommandLine)?;
        }
        layers.finish()
    }

    /// What to open: the SQLite file's path, or a PostgreSQL URL.
    pub fn database_url(&self) -> String {
        match self.database.url.as_str() {
            "" => self.data_dir.join("yutang.db").display().to_string(),
            url => sqlite_path(url).to_owned(),
        }
    }

    /// How the store opens the database.
    pub fn store(&self) -> store::Config {
        let synchronous = match self.database.synchronous {
            Synchronous::Normal => store::Synchronous::Normal,
            Synchronous::Full => store::Synchronous::Full,
        };
        store::Config { synchronous, ..store::Config::new(self.database_url()) }
    }

    /// How addresses of users are reached.
    pub fn outgoing(&self) -> outgoing::client::Config {
        outgoing::client::Config { allow: self.outgoing.allow.clone(), connect_wait: self.outgoing.connect_wait }
    }

    /// Where the key for secrets lies unless `secrets.key` holds it.
    pub fn key_file(&self) -> PathBuf {
        self.data_dir.join(&self.secrets.key_file)
    }

    /// Where the copies of the SQLite file are: beside it, unless another folder is set.
    pub fn backup_folder(&self) -> PathBuf {
        let database = self.database_url();
        let beside = match Path::new(&database).parent() {
            Some(parent) if !database.contains("://") => parent,
            _ => &self.data_dir,
        };
        if self.backup.folder.as_os_str().is_empty() {
            beside.join("backups")
        } else {
            self.data_dir.join(&self.backup.folder)
        }
    }

    /// What links into this server begin with, without a slash at the end; `address` is where it listens. Where that is every address,
    /// as in a container, links lead to this machine: no browser opens `0.0.0.0`.
    pub fn public_url(&self, address: SocketAddr) -> String {
        match self.server.public_url.trim_end_matches('/') {
            "" => format!("http://{}", reachable(address)),
            url => url.to_owned(),
        }
    }

    /// How many shards to run; at least one.
    pub fn shards(&self) -> usize {
        match self.server.shards {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            shards => shards,
        }
    }

    /// Every setting as text, by name, without secrets.
    pub fn masked(&self) -> Vec<(String, String)> {
        let table = Table::try_from(self).unwrap_or_default();
        leaves(table).into_iter().map(|(key, value)| (key.clone(), masked(&key, &value))).collect()
    }

    /// Checks what one value alone cannot show. Names the first setting at fault, and why.
    pub fn validate(&self) -> Result<(), (&'static str, String)> {
        self.validate_addresses()?;
        self.validate_spans()?;
        for (key, value) in [
            ("accounts.connecting", self.accounts.connecting),
            ("accounts.token_budget", self.accounts.token_budget as usize),
            ("accounts.logins_at_once", self.accounts.logins_at_once),
            ("accounts.retries", self.accounts.retries as usize),
            ("outbox.attempts", self.outbox.attempts as usize),
            ("reply.account_work", self.reply.account_work),
            ("reply.items", self.reply.items),
            ("ai.at_once", self.ai.at_once),
            ("ai.account_at_once", self.ai.account_at_once),
            ("ai.failures", self.ai.failures as usize),
            ("notify.attempts", self.notify.attempts as usize),
            ("server.requests", self.server.requests),
            ("captcha.at_once", self.captcha.at_once),
        ] {
            require(value > 0, key, "must be at least 1")?;
        }
        // An empty page takes nearly so much.
        require(self.captcha.memory_mb >= 300, "captcha.memory_mb", "must be at least 300")?;
        // What is in work must not push each other out.
        require(self.reply.conversations >= 1000, "reply.conversations", "must be at least 1000")?;
        for (key, value) in
            [("health.cpu_percent", self.health.cpu_percent), ("health.memory_percent", self.health.memory_percent)]
        {
            require((1..=100).contains(&value), key, "must be from 1 to 100")?;
        }
        let token = &self.metrics.token;
        require(token.is_empty() || token.len() >= METRICS_TOKEN, "metrics.token", "must have 16 characters")?;
        self.log.validate()
    }

    fn validate_addresses(&self) -> Result<(), (&'static str, String)> {
        let public_url = self.server.public_url.trim_end_matches('/');
        require(
            public_url.is_empty() || is_origin(public_url),
            "server.public_url",
            "must look like https://HOST[:PORT]",
        )?;
        for origin in &self.server.cors_origins {
            let reason = format!("{origin:?} must look like https://HOST[:PORT], without a slash at the end, or be *");
            require(origin == "*" || is_origin(origin), "server.cors_origins", &reason)?;
        }
        let platform = &self.platform;
        for (key, url, schemes) in [
            ("platform.gateway_url", &platform.gateway_url, ["http", "https"]),
            ("platform.im_url", &platform.im_url, ["ws", "wss"]),
            ("platform.passport_url", &platform.passport_url, ["http", "https"]),
            ("platform.upload_url", &platform.upload_url, ["http", "https"]),
        ] {
            endpoint(url, schemes).map_err(|reason| (key, reason))?;
        }
        let agent = &platform.user_agent;
        let printable = !agent.is_empty() && agent.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        require(printable, "platform.user_agent", "must be one line of printable ASCII")?;
        let url = sqlite_path(&self.database.url);
        let known = !url.contains("://") || url.starts_with("postgres://") || url.starts_with("postgresql://");
        require(known, "database.url", "must be sqlite:PATH, a path, or postgres://…")?;
        require(url != ":memory:", "database.url", "must be a file: what is only in memory is lost")
    }

    fn validate_spans(&self) -> Result<(), (&'static str, String)> {
        let (platform, accounts, inbox) = (&self.platform, &self.accounts, &self.inbox);
        for (key, value) in [
            ("server.shutdown", self.server.shutdown),
            ("server.client_timeout", self.server.client_timeout),
            ("platform.heartbeat", platform.heartbeat),
            ("platform.register_wait", platform.register_wait),
            ("platform.request_wait", platform.request_wait),
            ("platform.gateway_wait", platform.gateway_wait),
            ("platform.upload_wait", platform.upload_wait),
            ("items.retry_after", self.items.retry_after),
            ("orders.fresh", self.orders.fresh),
            ("platform.connect_wait", platform.connect_wait),
            ("accounts.backoff_first", accounts.backoff_first),
            ("inbox.age_limit", inbox.age_limit),
            ("outbox.expire_after", self.outbox.expire_after),
            ("outbox.answer_wait", self.outbox.answer_wait),
            ("notify.poll", self.notify.poll),
            ("notify.timeout", self.notify.timeout),
            ("outgoing.connect_wait", self.outgoing.connect_wait),
            ("ai.rest", self.ai.rest),
            ("captcha.life", self.captcha.life),
            ("health.backlog_window", self.health.backlog_window),
        ] {
            require(!value.is_zero(), key, "must be longer than zero")?;
        }
        for (key, value, other, least) in [
            ("inbox.longest_wait", inbox.longest_wait, "inbox.debounce", inbox.debounce),
            ("accounts.backoff_max", accounts.backoff_max, "accounts.backoff_first", accounts.backoff_first),
            ("accounts.backoff_slow", accounts.backoff_slow, "accounts.backoff_max", accounts.backoff_max),
        ] {
            let reason = format!(
                "{} is shorter than {other} ({}): raise it, or lower {other}",
                span::text(value),
                span::text(least)
            );
            require(value >= least, key, &reason)?;
        }
        let day = Duration::from_secs(24 * 60 * 60);
        let polish_until = self.items.polish_from.saturating_add(self.items.polish_span);
        require(polish_until <= day, "items.polish_span", "must end within a day, together with items.polish_from")?;
        let reason = format!("must be longer than platform.heartbeat ({})", span::text(platform.heartbeat));
        require(platform.dead_after > platform.heartbeat, "platform.dead_after", &reason)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("url", &mask(&self.url)).field("synchronous", &self.synchronous).finish()
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("key", &"***").field("key_file", &self.key_file).finish()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("token", &"***").finish()
    }
}

/// Host and port of a URL with one of these schemes, or why it cannot be used.
pub fn endpoint(url: &str, schemes: [&str; 2]) -> Result<(String, u16), String> {
    let form = || format!("must look like {}://HOST[:PORT][/PATH]", schemes.join(":// or "));
    let uri: Uri = url.parse().map_err(|_| form())?;
    let (scheme, host) = uri.scheme_str().zip(uri.host()).ok_or_else(form)?;
    if !schemes.contains(&scheme) || host.is_empty() {
        return Err(form());
    }
    let usual = if matches!(scheme, "https" | "wss") { 443 } else { 80 };
    Ok((host.to_owned(), uri.port_u16().unwrap_or(usual)))
}

/// An address of this machine where `address` stands for all of them.
pub(crate) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// Whether it is spelt as browsers spell where a page comes from: scheme, host and port, and nothing else.
fn is_origin(url: &str) -> bool {
    let host = url.split_once("://").map(|(_, host)| host).unwrap_or_default();
    let plain = !host.contains(['/', '?', '#', '@']) && !url.contains(|letter: char| letter.is_ascii_uppercase());
    plain && endpoint(url, ["http", "https"]).is_ok()
}

fn sqlite_path(url: &str) -> &str {
    url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")).unwrap_or(url)
}

fn require(holds: bool, key: &'static str, reason: &str) -> Result<(), (&'static str, String)> {
    if holds { Ok(()) } else { Err((key, reason.to_owned())) }
}

fn masked(key: &str, value: &Value) -> String {
    match value {
        Value::String(text) if matches!(key, "secrets.key" | "metrics.token") && !text.is_empty() => "***".to_owned(),
        Value::String(text) => mask(text).into_owned(),
        other => other.to_string(),
    }
}

/// Settings while they are put together, with the source of each that is not a default.
struct Layers {
    table: Table,
    sources: BTreeMap<String, Source>,
}

impl Layers {
    fn new() -> Self {
        Self { table: defaults(), sources: BTreeMap::new() }
    }

    fn file(&mut self, name: &str, text: &str) -> Result<(), SettingsError> {
        let table: Table = text.parse().map_err(|error| syntax(name, text, &error))?;
        for (key, value) in leaves(table) {
            self.set(&key, value, &key, &Source::File(name.to_owned()))?;
        }
        Ok(())
    }

    fn environment(&mut self, variables: impl Iterator<Item = (String, String)>) -> Result<(), SettingsError> {
        for (name, text) in variables {
            let Some(path) = name.strip_prefix(PREFIX) else { continue };
            let key = path.to_lowercase().replace("__", ".");
            let value = find(&self.table, &key).map_or_else(|| Value::String(text.clone()), |old| like(old, &text));
            self.set(&key, value, &name, &Source::Environment)?;
        }
        Ok(())
    }

    /// Puts one value over the others. As all were good before, what is bad now is this one. `name` is what the user wrote.
    fn set(&mut self, key: &str, value: Value, name: &str, source: &Source) -> Result<(), SettingsError> {
        let Some(place) = find_mut(&mut self.table, key) else {
            let suggestion = nearest(key).map(|near| spelt_like(name, &near));
            return Err(SettingsError::Unknown { key: name.to_owned(), origin: source.to_string(), suggestion });
        };
        *place = value;
        if let Err(error) = Settings::deserialize(self.table.clone()) {
            return Err(bad_value(key, name, source.to_string(), error.message()));
        }
        self.sources.insert(key.to_owned(), source.clone());
        Ok(())
    }

    fn finish(self) -> Result<Settings, SettingsError> {
        let sources = self.sources;
        let mut settings = Settings::deserialize(self.table)
            .map_err(|error| SettingsError::Syntax { name: "default.toml".to_owned(), reason: error.to_string() })?;
        match settings.validate() {
            Ok(()) => {
                settings.sources = sources;
                Ok(settings)
            }
            Err((key, reason)) => {
                Err(bad_value(key, key, sources.get(key).cloned().unwrap_or_default().to_string(), &reason))
            }
        }
    }
}

/// A variable's text as a value of the kind that is there; as it stands where it is none, so that the refusal shows it.
fn like(old: &Value, text: &str) -> Value {
    let number = || text.parse().ok().map(Value::Integer);
    let truth = || text.parse().ok().map(Value::Boolean);
    let parts = || text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let list = || Value::Array(parts().map(|part| Value::String(part.to_owned())).collect());
    let read = match old {
        Value::Integer(_) => number(),
        Value::Boolean(_) => truth(),
        Value::Array(_) => Some(list()),
        _ => None,
    };
    read.unwrap_or_else(|| Value::String(text.to_owned()))
}

#[expect(clippy::expect_used, reason = "default.toml is part of the program, and a test loads it")]
fn defaults() -> Table {
    DEFAULTS.parse().expect("default.toml is TOML")
}

/// A parser's error by line, without the line's text: it may hold a secret.
fn syntax(name: &str, text: &str, error: &toml::de::Error) -> SettingsError {
    let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    SettingsError::Syntax { name: name.to_owned(), reason: format!("line {line}: {}", error.message()) }
}

fn bad_value(key: &str, name: &str, origin: String, reason: &str) -> SettingsError {
    let reason = if SECRET.contains(&key) { "is not of the right form" } else { reason };
    let reason = format!("{reason}. What it means: {} Default: {}", comment(key), default_text(key));
    SettingsError::Value { key: name.to_owned(), origin, reason }
}

/// What `default.toml` says about a setting: all lines above it.
fn comment(key: &str) -> String {
    let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
    let mut current = "";
    let mut comment = Vec::new();
    for line in DEFAULTS.lines() {
        if let Some(text) = line.strip_prefix("# ") {
            comment.push(text);
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            current = header.trim_end_matches(']');
        } else if current == section && line.split(" = ").next() == Some(name) {
            return comment.join(" ");
        }
        comment.clear();
    }
    String::new()
}

fn default_text(key: &str) -> String {
    find(&defaults(), key).map(Value::to_string).unwrap_or_default()
}

/// Every value of a table by its dotted name.
fn leaves(table: Table) -> Vec<(String, Value)> {
    let mut found = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) if !inner.is_empty() => {
                found.extend(leaves(inner).into_iter().map(|(name, value)| (format!("{key}.{name}"), value)));
            }
            Value::Table(_) if defaults().contains_key(&key) => (),
            value => found.push((key, value)),
        }
    }
    found
}

fn find<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    let found = match key.split_once('.') {
        Some((section, name)) => table.get(section)?.as_table()?.get(name),
        None => table.get(key),
    };
    found.filter(|value| !value.is_table())
}

fn find_mut<'a>(table: &'a mut Table, key: &str) -> Option<&'a mut Value> {
    let found = match key.split_once('.') {
        Some((section, name)) => table.get_mut(section)?.as_table_mut()?.get_mut(name),
        None => table.get_mut(key),
    };
    found.filter(|value| !value.is_table())
}

/// The setting whose name is most like this one.
fn nearest(key: &str) -> Option<String> {
    let last = key.rsplit('.').next().unwrap_or(key);
    let likeness = |known: &str| {
        let same_name = known.rsplit('.').next() == Some(last);
        strsim::normalized_damerau_levenshtein(known, key) + if same_name { 0.5 } else { 0.0 }
    };
    let ranked = leaves(defaults()).into_iter().map(|(known, _)| (likeness(&known), known));
    let (score, known) = ranked.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (score > 0.6).then_some(known)
}

/// A setting's name in the spelling the user chose.
fn spelt_like(name: &str, key: &str) -> String {
    if name.starts_with(PREFIX) { format!("{PREFIX}{}", key.to_uppercase().replace('.', "__")) } else { key.to_owned() }
}

/// Spans of time as text: a whole number and `ms`, `s`, `m`, `h` or `d`.
mod span {
    use std::{fmt, time::Duration};

    use serde::{Deserializer, Serializer, de};

    const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

    pub(super) fn parse(text: &str) -> Option<Duration> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit.trim())?;
        number.parse::<u64>().ok()?.checked_mul(*factor).map(Duration::from_millis)
    }

    /// The shortest text that reads back as the same span.
    pub(super) fn text(span: Duration) -> String {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let unit = UNITS.iter().find(|(_, factor)| millis > 0 && millis % factor == 0);
        unit.map_or_else(|| "0s".to_owned(), |(name, factor)| format!("{}{name}", millis / factor))
    }

    pub(super) fn serialize<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&text(*span))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        deserializer.deserialize_any(Text)
    }

    struct Text;

    impl de::Visitor<'_> for Text {
        type Value = Duration;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a span as text, a whole number and its unit: \"500ms\", \"1s\", \"5m\", \"2h\"")
        }

        fn visit_str<E: de::Error>(self, text: &str) -> Result<Duration, E> {
            parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn load(file: &str, variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let mut layers = Layers::new();
        layers.file("yutang.toml", file)?;
        layers.environment(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))?;
        layers.finish()
    }

    fn refusal(file: &str, variables: &[(&str, &str)]) -> String {
        load(file, variables).unwrap_err().to_string()
    }

    #[test]
    fn the_documented_defaults_are_the_values_in_use() {
        let settings = load("", &[]).unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!(settings.server.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(settings.inbox.debounce, Duration::from_secs(1));
        assert_eq!(settings.inbox.longest_wait, Duration::from_secs(5));
        assert_eq!(settings.platform.stall_after, Duration::from_secs(600));
        assert_eq!(settings.accounts.backoff_max, Duration::from_secs(90));
        assert_eq!((settings.outbox.rate, settings.outbox.burst), (5, 20));
        assert_eq!(settings.database_url(), Path::new("data").join("yutang.db").to_str().unwrap());
        assert_eq!(settings.key_file(), Path::new("data").join("key"));
        assert!(settings.shards() >= 1);
    }

    #[test]
    fn every_setting_has_a_comment_above_it() {
        let lines: Vec<&str> = DEFAULTS.lines().collect();
        let keys: Vec<usize> =
            (0..lines.len()).filter(|at| lines[*at].contains(" = ") && !lines[*at].starts_with('#')).collect();
        assert_eq!(keys.len(), leaves(defaults()).len());
        for at in keys {
            assert!(lines[at - 1].starts_with("# "), "{} has no comment", lines[at]);
        }
        assert!(leaves(defaults()).iter().all(|(key, _)| !comment(key).is_empty()));
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
        let file = "[inbox]\ndebounce = \"2s\"\nlongest_wait = \"9s\"";
        let settings =
            load(file, &[("YUTANG__INBOX__DEBOUNCE", "0ms"), ("YUTANG__OUTBOX__RATE", "0"), ("PATH", "x")]).unwrap();
        assert_eq!(settings.inbox.debounce, Duration::ZERO);
        assert_eq!(settings.inbox.longest_wait, Duration::from_secs(9));
        assert_eq!(settings.outbox.rate, 0);
    }

    #[test]
    fn lists_and_switches_come_from_the_environment_too() {
        let variables = [("YUTANG__SERVER__TRUSTED_PROXIES", "127.0.0.1, ::1"), ("YUTANG__SERVER__DOCS", "false")];
        let server = load("", &variables).unwrap().server;
        assert_eq!((server.trusted_proxies.len(), server.docs), (2, false));
        let allowed = load("", &[("YUTANG__OUTGOING__ALLOW", "10.0.0.0/8, ::1")]).unwrap().outgoing().allow;
        assert_eq!(allowed, ["10.0.0.0/8", "::1/128"].map(|text| text.parse().unwrap()));
        assert!(refusal("", &[("YUTANG__SERVER__DOCS", "no")]).contains("YUTANG__SERVER__DOCS"));
        assert!(refusal("", &[("YUTANG__SERVER__TRUSTED_PROXIES", "proxy")]).contains("TRUSTED_PROXIES"));
    }

    #[test]
    fn an_unknown_key_in_a_file_is_named_with_the_nearest_known_one() {
        assert_eq!(
            refusal("[server]\nlisten_on = \"x\"", &[]),
            "unknown setting server.listen_on in yutang.toml: did you mean server.listen?"
        );
        assert_eq!(
            refusal("debounce = \"1s\"", &[]),
            "unknown setting debounce in yutang.toml: did you mean inbox.debounce?"
        );
        assert!(refusal("[nonsense]", &[]).starts_with("unknown setting nonsense in yutang.toml"));
        assert!(refusal("inbox = 1", &[]).starts_with("unknown setting inbox in yutang.toml"));
    }

    #[test]
    fn an_unknown_key_in_the_environment_is_named_in_its_own_spelling() {
        let text = refusal("", &[("YUTANG__INBOX__DEBOUNSE", "1s")]);
        assert_eq!(
            text,
            "unknown setting YUTANG__INBOX__DEBOUNSE in the environment: did you mean YUTANG__INBOX__DEBOUNCE?"
        );
    }

    #[test]
    fn a_bad_value_is_named_with_its_source_and_its_meaning() {
        let text = refusal("[server]\nshards = \"many\"", &[]);
        assert!(text.starts_with("bad value for server.shards in yutang.toml: "), "{text}");
        assert!(text.contains("Threads the accounts are spread over"), "{text}");
        let text = refusal("", &[("YUTANG__SERVER__SHARDS", "-1")]);
        assert!(text.starts_with("bad value for YUTANG__SERVER__SHARDS in the environment: "), "{text}");
        let text = refusal("[inbox]\ndebounce = \"1 hour\"", &[]);
        assert!(text.contains("inbox.debounce") && text.contains("\"500ms\""), "{text}");
        assert!(refusal("[inbox]\ndebounce = 5", &[]).contains("\"500ms\""));
    }

    #[test]
    fn values_that_contradict_each_other_are_refused() {
        for (file, key) in [
            ("[reply]\naccount_work = 0", "reply.account_work"),
            ("[ai]\naccount_at_once = 0", "ai.account_at_once"),
            ("[reply]\nconversations = 999", "reply.conversations"),
            ("[inbox]\nlongest_wait = \"0s\"", "inbox.longest_wait"),
            ("[platform]\ndead_after = \"15s\"", "platform.dead_after"),
            ("[platform]\nheartbeat = \"0s\"", "platform.heartbeat"),
            ("[platform]\nim_url = \"http://x\"", "platform.im_url"),
            ("[platform]\ngateway_url = \"ftp://x\"", "platform.gateway_url"),
            ("[platform]\nuser_agent = \"a\\nb\"", "platform.user_agent"),
            ("[accounts]\nconnecting = 0", "accounts.connecting"),
            ("[accounts]\nbackoff_max = \"500ms\"", "accounts.backoff_max"),
            ("[database]\nurl = \"mysql://x\"", "database.url"),
            ("[database]\nurl = \":memory:\"", "database.url"),
            ("[log]\nlevel = \"loud\"", "log.level"),
            ("[log]\ndir = \"\"", "log.dir"),
            ("[log]\nfile_size = \"1KiB\"", "log.file_size"),
            ("[log]\nfile_size = -1", "log.file_size"),
            ("[log]\ntotal_size = \"1MB\"", "log.total_size"),
            ("[log]\ntotal_size = \"1MiB\"", "log.total_size"),
            ("[log]\nkeep_days = 0", "log.keep_days"),
            ("[outgoing]\nallow = [\"10.0.0.0/33\"]", "outgoing.allow"),
            ("[outgoing]\nconnect_wait = \"0s\"", "outgoing.connect_wait"),
            ("[health]\ncpu_percent = 101", "health.cpu_percent"),
            ("[health]\nrefuse = \"datenbank\"", "health.refuse"),
            ("[metrics]\ntoken = \"short\"", "metrics.token"),
        ] {
            let text = refusal(file, &[]);
            assert!(text.starts_with(&format!("bad value for {key} in yutang.toml: ")), "{text}");
        }
    }

    #[test]
    fn a_size_is_a_number_or_a_text_with_its_unit() {
        let settings = load("[log]\nfile_size = 65536", &[("YUTANG__LOG__RING_SIZE", "1048576")]).unwrap();
        assert_eq!((settings.log.file_size.0, settings.log.ring_size.0), (64 << 10, 1 << 20));
        assert!(settings.masked().contains(&("log.file_size".to_owned(), "64KiB".to_owned())));
    }

    #[test]
    fn plain_addresses_of_a_simulator_are_taken() {
        let file = "[platform]\ngateway_url = \"http://127.0.0.1:81\"\nim_url = \"ws://localhost:82/\"";
        assert!(load(file, &[]).is_ok());
        assert_eq!(endpoint("ws://localhost:82/x", ["ws", "wss"]), Ok(("localhost".to_owned(), 82)));
        assert_eq!(endpoint("wss://host/", ["ws", "wss"]), Ok(("host".to_owned(), 443)));
    }

    #[test]
    fn secrets_appear_neither_masked_nor_in_debug_nor_in_errors() {
        let file = "[database]\nurl = \"postgres://me:planted-one@host/db\"\n[secrets]\nkey = \"planted-two\"\n\
                    [metrics]\ntoken = \"planted-three-and-long\"";
        let settings = load(file, &[]).unwrap();
        let shown = format!("{settings:?} {:?}", settings.masked());
        assert!(!shown.contains("planted") && shown.contains("host/db"), "{shown}");
        assert_eq!(settings.database_url(), "postgres://me:planted-one@host/db");
        assert!(!refusal("[database]\nurl = \"mysql://me:planted@host\"", &[]).contains("planted"));
        assert!(!refusal("[secrets]\nkey = \"planted", &[]).contains("planted"));
        assert!(!refusal("[metrics]\ntoken = \"planted\"", &[]).contains("planted"));
    }

    #[test]
    fn a_database_address_may_be_a_path_or_carry_its_scheme() {
        for (url, path) in [("sqlite:a.db", "a.db"), ("sqlite:///srv/a.db", "/srv/a.db"), ("b.db", "b.db")] {
            assert_eq!(load("", &[("YUTANG__DATABASE__URL", url)]).unwrap().database_url(), path);
        }
    }

    #[test]
    fn copies_of_the_database_are_beside_it_unless_another_folder_is_set() {
        let folder = |variables: &[(&str, &str)]| load("", variables).unwrap().backup_folder();
        assert_eq!(folder(&[]), Path::new("data/backups"));
        assert_eq!(folder(&[("YUTANG__DATABASE__URL", "sqlite:///srv/y.db")]), Path::new("/srv/backups"));
        assert_eq!(folder(&[("YUTANG__DATABASE__URL", "y.db")]), Path::new("backups"));
        assert_eq!(folder(&[("YUTANG__BACKUP__FOLDER", "copies")]), Path::new("data/copies"));
        assert_eq!(folder(&[("YUTANG__BACKUP__FOLDER", "/mnt/copies")]), Path::new("/mnt/copies"));
        assert_eq!(folder(&[("YUTANG__DATABASE__URL", "postgres://h/d")]), Path::new("data/backups"));
        assert!(refusal("[backup]\nkeep = -1", &[]).contains("backup.keep"));
        assert!(refusal("[backup]\nat = \"04:30\"", &[]).contains("backup.at"));
    }

    #[test]
    fn what_links_and_foreign_pages_begin_with_is_an_origin_and_nothing_more() {
        let address = ([127, 0, 0, 1], 8080).into();
        assert_eq!(Settings::default().public_url(address), "http://127.0.0.1:8080");
        for (listen, link) in [("0.0.0.0:8080", "http://127.0.0.1:8080"), ("[::]:8080", "http://[::1]:8080")] {
            assert_eq!(Settings::default().public_url(listen.parse().unwrap()), link);
        }
        let named = load("", &[("YUTANG__SERVER__PUBLIC_URL", "https://shop.example/")]).unwrap();
        assert_eq!(named.public_url(address), "https://shop.example");
        let listed = load("", &[("YUTANG__SERVER__CORS_ORIGINS", "https://a.example, http://localhost:3000")]).unwrap();
        assert_eq!(listed.server.cors_origins, ["https://a.example", "http://localhost:3000"]);
        for bad in ["a.example", "ftp://a.example", "https://a.example/x", "https://me@a.example", "https://A.example"]
        {
            assert!(load("", &[("YUTANG__SERVER__PUBLIC_URL", bad)]).is_err(), "{bad}");
            assert!(load("", &[("YUTANG__SERVER__CORS_ORIGINS", bad)]).is_err(), "{bad}");
        }
        assert!(load("", &[("YUTANG__SERVER__CORS_ORIGINS", "https://a.example/")]).is_err(), "no browser says it so");
    }

    #[test]
    fn a_span_reads_back_from_its_text() {
        for text in ["0s", "1ms", "1500ms", "2s", "90s", "5m", "2h", "3d"] {
            assert_eq!(span::text(span::parse(text).unwrap()), text);
        }
        for text in ["", "5", "s", "-1s", "1.5s", "1x", "99999999999999999999s", "18446744073709551615h"] {
            assert_eq!(span::parse(text), None, "{text}");
        }
    }
}
