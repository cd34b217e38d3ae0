//! The log: one logger, three sinks. What is logged is masked and bounded once ([`LogRecord`]), then goes to the standard error
//! output, to files, and into the [`Ring`] of recent records; no sink sees anything else.
//!
//! Who ends the process without dropping the [`FilesGuard`] calls `log::logger().flush()` first.
//!
//! A warning or an error names its [`Class`] in the field `class`, what is about an account says `account.id`: that is what people
//! filter by, and what decides whether a tenant may see the line.

mod files;
mod masking;
mod record;
mod ring;
mod rotation;
mod size;

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, OnceLock, PoisonError, RwLock},
};

use env_logger::{Builder, Target, fmt::Formatter};
use log::{LevelFilter, Log, Metadata, Record};
use serde::{Deserialize, Serialize};

use self::{files::Queue, rotation::FileLimits};
pub use self::{
    masking::mask,
    record::{Class, LogRecord},
    ring::{LogMatcher, LogQuery, LogStats, Ring, RingLimits, Visible},
    rotation::LogFile,
    size::Size,
};
use crate::{ids::Timestamp, telemetry::clock};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// A level for all, and levels by module: `info,yutang::inbox=debug`.
    pub level: String,
    pub format: Format,
    pub files: bool,
    /// As it was set, relative to the folder for data.
    pub dir: PathBuf,
    pub file_size: Size,
    pub total_size: Size,
    pub keep_days: u32,
    pub ring_records: usize,
    pub ring_size: Size,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Text,
    Json,
}

impl LogConfig {
    /// Names the first setting at fault, and why.
    pub fn validate(&self) -> Result<(), (&'static str, String)> {
        validate_level(&self.level).map_err(|reason| ("log.level", reason))?;
        for (key, holds, reason) in [
            ("log.dir", !self.dir.as_os_str().is_empty(), "must name a folder"),
            ("log.file_size", self.file_size >= Size(64 << 10), "must be at least 64KiB"),
            ("log.total_size", self.total_size >= self.file_size, "must not be smaller than log.file_size"),
            ("log.keep_days", self.keep_days > 0, "must be at least 1"),
        ] {
            if !holds {
                return Err((key, reason.to_owned()));
            }
        }
        Ok(())
    }

    fn ring(&self) -> RingLimits {
        let bytes = usize::try_from(self.ring_size.0).unwrap_or(usize::MAX);
        RingLimits { records: self.ring_records, bytes }
    }
}

/// Refuses what the filter would only take for a module's name: a misspelt level must not silence the log.
pub fn validate_level(level: &str) -> Result<(), String> {
    for part in level.split(',').map(str::trim) {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
        if level.parse::<LevelFilter>().is_err() {
            return Err(format!(
                "{part:?} is not a level: use off, error, warn, info, debug or trace, or MODULE=LEVEL"
            ));
        }
    }
    Ok(())
}

/// The logger of this process.
static LOGGER: LazyLock<Logger> = LazyLock::new(Logger::default);

/// Starts logging, to the standard error output and into the ring. Does nothing where a logger is set already, so tests may call it
/// often.
pub fn init(config: &LogConfig) {
    if log::set_logger(&*LOGGER).is_ok() {
        LOGGER.start(config, Target::Stderr);
        log::set_max_level(LOGGER.filter().filter());
    }
}

/// Writes what is logged from now on to files below `data_dir`, until the guard is dropped. `None` where the settings want no files.
pub fn write_files(config: &LogConfig, data_dir: &Path) -> io::Result<Option<FilesGuard>> {
    if !config.files {
        return Ok(None);
    }
    LOGGER
        .write_files(FileLimits {
            dir: data_dir.join(&config.dir),
            file_size: config.file_size.0,
            total_size: config.total_size.0,
            keep_days: config.keep_days,
        })
        .map(Some)
}

/// Changes what is logged, at once and for all sinks.
pub fn set_level(level: &str) -> Result<(), String> {
    LOGGER.set_level(level)?;
    log::set_max_level(LOGGER.filter().filter());
    Ok(())
}

/// What is logged, as it was set last.
pub fn level() -> String {
    read(&LOGGER.filter).level.clone()
}

/// The recent records of this process.
pub fn ring() -> &'static Ring {
    &LOGGER.ring
}

/// The log files, newest first; none while none are written. Reads a folder: not on an arbiter.
pub fn files() -> io::Result<Vec<LogFile>> {
    LOGGER.dir().map_or(Ok(Vec::new()), |dir| rotation::list(&dir))
}

/// Opens one of [`files`] for reading. `None` for every other name: no name leads out of the folder.
pub fn open_file(name: &str) -> io::Result<Option<File>> {
    LOGGER.dir().map_or(Ok(None), |dir| rotation::open(&dir, name))
}

/// Removes the log files whose day is more than so many days ago, and says how many; those of `log.keep_days` go without it. None while
/// none are written. Works on a folder: not on an arbiter.
pub fn remove_old_files(keep_days: u16) -> io::Result<usize> {
    LOGGER.dir().map_or(Ok(0), |dir| rotation::remove_old(&dir, keep_days, clock::unix()))
}

/// How many lines could not be written to the files since they were opened.
pub fn lost_lines() -> u64 {
    read(&LOGGER.files).as_ref().map_or(0, |files| files.queue.lost())
}

struct Logger {
    filter: RwLock<Filter>,
    stderr: OnceLock<Stderr>,
    files: RwLock<Option<Files>>,
    ring: Ring,
}

/// What is let through: `env_logger` reads and asks it, and writes nothing here.
struct Filter {
    level: String,
    logger: Arc<env_logger::Logger>,
}

struct Stderr {
    format: Format,
    logger: env_logger::Logger,
}

#[derive(Debug, Clone)]
struct Files {
    dir: PathBuf,
    queue: Arc<Queue>,
}

/// Logs are written to files until this is dropped; then what waits is written and the files are closed.
#[derive(Debug)]
#[must_use]
pub struct FilesGuard {
    logger: &'static Logger,
    queue: Arc<Queue>,
}

impl Drop for FilesGuard {
    fn drop(&mut self) {
        let mut files = write(&self.logger.files);
        // Another server of this process may have put its own in its place.
        files.take_if(|files| Arc::ptr_eq(&files.queue, &self.queue));
        drop(files);
        self.queue.close();
    }
}

impl Default for Logger {
    fn default() -> Self {
        Self {
            filter: RwLock::new(Filter::new("off")),
            stderr: OnceLock::new(),
            files: RwLock::new(None),
            // Nothing is logged, and nothing kept, before the settings are known.
            ring: Ring::new(RingLimits { records: 0, bytes: 0 }),
        }
    }
}

impl std::fmt::Debug for Logger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logger").field("level", &read(&self.filter).level).finish_non_exhaustive()
    }
}

impl Filter {
    fn new(level: &str) -> Self {
        let mut builder = Builder::new();
        // Threads that come and go are no news; a level of its own in the setting still shows them.
        builder.filter_module("actix_server", LevelFilter::Warn);
        Self { level: level.to_owned(), logger: Arc::new(builder.parse_filters(level).build()) }
    }
}

impl Stderr {
    fn new(format: Format, target: Target) -> Self {
        let mut builder = Builder::new();
        let write: fn(&mut Formatter, &Record<'_>) -> io::Result<()> = match format {
            Format::Text => |out, record| write_text(out, record),
            Format::Json => |out, record| writeln!(out, "{}", record.args()),
        };
        builder.filter_level(LevelFilter::Trace).target(target).format(write);
        Self { format, logger: builder.build() }
    }

    fn log(&self, record: &LogRecord, line: &Written) {
        let (words, time) = (&line.words, [("time", log::kv::Value::from(line.time.as_str()))]);
        let mut shown = Record::builder();
        shown.level(record.level).target(&record.target).key_values(&time);
        self.logger.log(&shown.args(format_args!("{words}")).build());
    }
}

/// A record's line in parts, so that only a terminal gets colours.
struct Written {
    time: String,
    /// For text, what follows the target; for JSON, the whole line.
    words: String,
}

impl Written {
    fn new(record: &LogRecord, format: Format) -> Self {
        let time = shown_time(record.at);
        let words = match format {
            Format::Text => record.words(),
            Format::Json => record.json(&time),
        };
        Self { time, words }
    }

    /// The line as a file gets it.
    fn line(&self, record: &LogRecord, format: Format) -> String {
        match format {
            Format::Text => format!("{} {:5} {} {}\n", self.time, record.level, record.target, self.words),
            Format::Json => format!("{}\n", self.words),
        }
    }
}

fn write_text(out: &mut Formatter, record: &Record<'_>) -> io::Result<()> {
    let (level, style) = (record.level(), out.default_level_style(record.level()));
    let time = record.key_values().get("time".into()).unwrap_or_else(|| "-".into());
    writeln!(out, "{time} {style}{level:5}{style:#} {} {}", record.target(), record.args())
}

fn shown_time(at: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(|_| at.to_string(), |at| format!("{at:.3}"))
}

impl Logger {
    fn start(&self, config: &LogConfig, target: Target) {
        self.ring.limit(config.ring());
        *write(&self.filter) = Filter::new(&config.level);
        self.stderr.get_or_init(|| Stderr::new(config.format, target));
    }

    fn set_level(&self, level: &str) -> Result<(), String> {
        validate_level(level)?;
        *write(&self.filter) = Filter::new(level);
        Ok(())
    }

    fn write_files(&'static self, limits: FileLimits) -> io::Result<FilesGuard> {
        let dir = limits.dir.clone();
        let queue = Queue::start(limits)?;
        *write(&self.files) = Some(Files { dir, queue: Arc::clone(&queue) });
        Ok(FilesGuard { logger: self, queue })
    }

    fn filter(&self) -> Arc<env_logger::Logger> {
        Arc::clone(&read(&self.filter).logger)
    }

    fn dir(&self) -> Option<PathBuf> {
        read(&self.files).as_ref().map(|files| files.dir.clone())
    }

    fn log_at(&self, record: &Record<'_>, now: Timestamp) {
        let record = self.ring.push(LogRecord::read(record, now));
        let Some(stderr) = self.stderr.get() else { return };
        let written = Written::new(&record, stderr.format);
        if let Some(files) = &*read(&self.files) {
            files.queue.push(now, written.line(&record, stderr.format));
        }
        stderr.log(&record, &written);
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        read(&self.filter).logger.enabled(metadata)
    }

    fn log(&self, record: &Record<'_>) {
        // No lock is held from here on: what is logged may itself log something while it is written out.
        if self.enabled(record.metadata()) {
            self.log_at(record, clock::unix());
        }
    }

    /// Waits until everything that was logged so far is in the files, but at most two seconds.
    fn flush(&self) {
        let files = read(&self.files).clone();
        if let Some(files) = files {
            files.queue.flush();
        }
    }
}

fn read<T>(lock: &RwLock<T>) -> std::sync::RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
