//! Figures of the machine and of this process. Reading them takes some milliseconds: never on a thread that runs futures.

use std::{collections::HashSet, path::PathBuf};

use serde::Serialize;
use sysinfo::{Networks, Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// One look at everything.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, utoipa::ToSchema)]
pub struct SystemFigures {
    /// Of all processors together, since the look before.
    #[schema(example = 12.5)]
    pub cpu_percent: f32,
    #[schema(example = 41.0)]
    pub memory_percent: f32,
    pub memory_available_bytes: u64,
    pub memory_total_bytes: u64,
    /// Where `data_dir` lies.
    pub disk_free_bytes: u64,
    pub disk_total_bytes: u64,
    /// Over all interfaces, since the machine started.
    pub network_received_bytes: u64,
    pub network_sent_bytes: u64,
    pub process: ProcessFigures,
}

/// This process.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, utoipa::ToSchema)]
pub struct ProcessFigures {
    pub memory_bytes: u64,
    pub threads: usize,
    pub open_files: usize,
    pub cpu_seconds: f64,
}

/// Looks again and again; the use of the processors is what passed between two looks.
pub struct SystemSampler {
    data_dir: PathBuf,
    system: Option<System>,
    networks: Option<Networks>,
}

impl SystemSampler {
    pub fn new(data_dir: PathBuf) -> Self {
        Self { data_dir, system: System::new().ok(), networks: Networks::new_with_refreshed_list().ok() }
    }

    /// `None` where the machine does not tell.
    pub fn sample(&mut self) -> Option<SystemFigures> {
        let disk = rustix::fs::statvfs(&self.data_dir).ok()?;
        let (network_received_bytes, network_sent_bytes) = self.network();
        let system = self.system.as_mut()?;
        system.refresh_cpu_usage();
        system.refresh_memory();
        let (total, available) = (system.total_memory(), system.available_memory());
        Some(SystemFigures {
            cpu_percent: system.global_cpu_usage().clamp(0.0, 100.0),
            memory_percent: percent(total.saturating_sub(available), total)?,
            memory_available_bytes: available,
            memory_total_bytes: total,
            disk_free_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
            disk_total_bytes: disk.f_blocks.saturating_mul(disk.f_frsize),
            network_received_bytes,
            network_sent_bytes,
            process: process(system)?,
        })
    }

    fn network(&mut self) -> (u64, u64) {
        let Some(networks) = &mut self.networks else { return (0, 0) };
        networks.refresh(true);
        let totals = networks.values().map(|network| (network.total_received(), network.total_transmitted()));
        totals.fold((0, 0), |(received, sent), (more, out)| (received + more, sent + out))
    }
}

fn process(system: &mut System) -> Option<ProcessFigures> {
    let pid = Pid::from_u32(std::process::id());
    let wanted = ProcessRefreshKind::nothing().with_cpu().with_memory().with_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, wanted);
    let process = system.process(pid)?;
    Some(ProcessFigures {
        memory_bytes: process.memory(),
        threads: process.tasks().map_or(0, HashSet::len),
        open_files: process.open_files().unwrap_or(0),
        // Milliseconds of a process's life are far below what a float counts exactly.
        cpu_seconds: process.accumulated_cpu_time() as f64 / 1000.0,
    })
}

fn percent(part: u64, whole: u64) -> Option<f32> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 100.0) as f32)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_look_finds_the_machine_and_this_process() {
        let folder = tempfile::tempdir().unwrap();
        let figures = SystemSampler::new(folder.path().into()).sample().unwrap();
        assert!(figures.disk_total_bytes > figures.disk_free_bytes);
        assert!((0.1..100.0).contains(&figures.memory_percent), "{figures:?}");
        assert!(figures.process.memory_bytes > 1 << 20 && figures.process.threads >= 1, "{figures:?}");
        assert!(figures.process.open_files >= 3, "{figures:?}");
    }

    #[test]
    fn a_folder_that_is_gone_is_no_figure() {
        assert_eq!(SystemSampler::new("/nowhere/at/all".into()).sample(), None);
    }
}
