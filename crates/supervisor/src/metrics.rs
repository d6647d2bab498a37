//! Prometheus metrics of the process.

use std::fs;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

use crate::clock::{Clock, SystemClock};
use crate::labels::Labelled;

/// Histogram buckets of everything measured in seconds.
const SECONDS: [f64; 14] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0,
];
/// Histogram buckets of everything measured in bytes.
const BYTES: [f64; 8] = [
    64.0,
    256.0,
    1_024.0,
    4_096.0,
    16_384.0,
    65_536.0,
    131_072.0,
    1_048_576.0,
];
/// `USER_HZ` of every Linux ABI that Rust supports.
const TICKS_PER_SECOND: f64 = 100.0;

/// Why metrics could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The exporter refuses its settings.
    #[error("cannot set up metrics: {0}")]
    Settings(#[from] BuildError),
    /// The process has a recorder.
    #[error("cannot set up metrics: the process has a recorder already")]
    Installed,
}

/// The process's metrics, as text for Prometheus. Clones are the same.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl core::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Becomes the process's recorder for the `metrics` macros. Once per process, before crates describe their metrics.
    ///
    /// # Errors
    /// [`MetricsError`] when there is a recorder already.
    pub fn install() -> Result<Self, MetricsError> {
        let recorder = builder()?.build_recorder();
        let handle = recorder.handle();
        // `install_recorder` of the builder would leave no room for the labels.
        metrics::set_global_recorder(Labelled(recorder)).map_err(|_| MetricsError::Installed)?;
        describe_process();
        metrics::gauge!("process_start_time_seconds").set(seconds(SystemClock.now_unix_ms()));
        Ok(Self { handle })
    }

    /// Metrics that no macro writes to: for tests and for several nodes in one process.
    ///
    /// # Errors
    /// [`MetricsError`].
    pub fn detached() -> Result<Self, MetricsError> {
        Ok(Self {
            handle: builder()?.build_recorder().handle(),
        })
    }

    /// All metrics in Prometheus' text format, process figures fresh.
    pub fn render(&self) -> String {
        record_process();
        self.handle.render()
    }

    /// Folds samples into buckets; called every few seconds so that memory stays flat when nobody scrapes.
    pub(crate) fn upkeep(&self) {
        self.handle.run_upkeep();
    }
}

/// Describes a counter and sets it to zero, so that it exists from the start.
pub fn describe_counter(name: &'static str, help: &'static str) {
    metrics::describe_counter!(name, help);
    metrics::counter!(name).absolute(0);
}

/// Describes a gauge and sets it to zero, so that it exists from the start.
pub fn describe_gauge(name: &'static str, help: &'static str) {
    metrics::describe_gauge!(name, help);
    metrics::gauge!(name).set(0.0);
}

/// Describes a histogram and registers it. Buckets go by the suffix: `_seconds` or `_bytes`.
pub fn describe_histogram(name: &'static str, help: &'static str) {
    metrics::describe_histogram!(name, help);
    drop(metrics::histogram!(name));
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), &BYTES)
}

fn describe_process() {
    describe_gauge("process_resident_memory_bytes", "Resident memory.");
    describe_gauge("process_open_fds", "Open file descriptors.");
    describe_gauge(
        "process_start_time_seconds",
        "Unix time at which the process started.",
    );
    describe_gauge("process_cpu_seconds_total", "User and system CPU time.");
}

/// Best effort: where `/proc` cannot be read, the last value stays.
fn record_process() {
    if let Some(bytes) = resident_bytes() {
        metrics::gauge!("process_resident_memory_bytes").set(bytes);
    }
    if let Ok(entries) = fs::read_dir("/proc/self/fd") {
        let count = u32::try_from(entries.count()).unwrap_or(u32::MAX);
        metrics::gauge!("process_open_fds").set(f64::from(count));
    }
    if let Some(seconds) = cpu_seconds() {
        metrics::gauge!("process_cpu_seconds_total").set(seconds);
    }
}

fn resident_bytes() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u32 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(f64::from(kilobytes) * 1_024.0)
}

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The program's name, in parentheses, may hold spaces.
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11).map(str::parse::<f64>);
    let (user, system) = (times.next()?.ok()?, times.next()?.ok()?);
    Some((user + system) / TICKS_PER_SECOND)
}

fn seconds(unix_ms: u64) -> f64 {
    std::time::Duration::from_millis(unix_ms).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn process_figures_are_read_and_rendered_with_described_metrics_at_zero() {
        let metrics = Metrics::install().unwrap();
        describe_counter("agoge_test_things_total", "Things.");
        describe_histogram("agoge_test_wait_seconds", "Waiting.");
        metrics::histogram!("agoge_test_wait_seconds").record(0.3);
        let label = crate::GroupLabel {
            key: "part",
            value: "2".into(),
        };
        crate::group::scoped_sync(Some(label), || {
            metrics::counter!("agoge_test_things_total").increment(3);
        });
        metrics.upkeep();
        let text = metrics.render();
        for expected in [
            "agoge_test_things_total 0",
            "agoge_test_things_total{part=\"2\"} 3",
            "agoge_test_wait_seconds_bucket{le=\"0.5\"} 1",
            "process_start_time_seconds 1",
            "# HELP process_open_fds",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
        assert!(resident_bytes().unwrap() > 1e6);
        assert!(cpu_seconds().is_some());
    }
}
