//! What another process uses, from `/proc`.

use std::{
    fs, io,
    time::{Duration, Instant},
};

use serde::Serialize;

/// The kernel counts processor time for user space in hundredths of a second on every architecture we run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// A process to watch.
#[derive(Debug, Clone, Copy)]
pub struct Process {
    pid: u32,
}

/// What it used between two looks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Usage {
    /// Resident memory at the end.
    pub rss_mib: f64,
    /// Share of one core, in percent.
    pub cpu_percent: f64,
}

/// One look.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    at: Instant,
    cpu: Duration,
}

impl Process {
    /// Errors where there is no such process.
    pub fn new(pid: u32) -> io::Result<Self> {
        let process = Self { pid };
        process.cpu().map(|_| process)
    }

    /// This process.
    pub fn own() -> Self {
        Self { pid: std::process::id() }
    }

    pub fn look(&self) -> io::Result<Look> {
        Ok(Look { at: Instant::now(), cpu: self.cpu()? })
    }

    /// What was used since `before`.
    pub fn since(&self, before: Look) -> io::Result<Usage> {
        let now = self.look()?;
        let wall = now.at.duration_since(before.at).as_secs_f64().max(0.001);
        let cpu_percent = 100.0 * (now.cpu.saturating_sub(before.cpu)).as_secs_f64() / wall;
        Ok(Usage { rss_mib: self.rss_kib()? as f64 / 1024.0, cpu_percent })
    }

    fn cpu(&self) -> io::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid))?;
        // the name in brackets may hold blanks; user and system time are the 12th and 13th field after it
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks: u64 = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Duration::from_secs_f64(ticks as f64 / TICKS_PER_SECOND))
    }

    fn rss_kib(&self) -> io::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        kib.ok_or_else(|| io::Error::other("no VmRSS"))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_busy_process_is_seen_to_use_a_core() {
        let process = Process::own();
        let before = process.look().unwrap();
        let start = Instant::now();
        while start.elapsed() < Duration::from_millis(200) {
            std::hint::black_box(start);
        }
        let usage = process.since(before).unwrap();
        assert!(usage.cpu_percent > 20.0, "{usage:?}");
        assert!(usage.rss_mib > 1.0, "{usage:?}");
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(Process::new(u32::MAX).is_err());
    }
}
