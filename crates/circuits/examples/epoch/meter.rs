//! What a step cost, from `/proc/self`.

use std::error::Error;
use std::fs;
use std::time::Instant;

/// Seconds of a tick in `/proc/self/stat`.
const TICK_SECONDS: f64 = 0.01;

pub(crate) struct Meter {
    clock: Instant,
    cpu: f64,
}

impl Meter {
    pub(crate) fn start() -> Self {
        Self {
            clock: Instant::now(),
            cpu: cpu_seconds().unwrap_or(0.0),
        }
    }

    /// Prints what has passed since the last lap.
    pub(crate) fn lap(&mut self, name: &str, bytes: usize) -> Result<(), Box<dyn Error>> {
        let cpu = cpu_seconds()?;
        println!(
            "{name:20} {:7.2} s of CPU {:7.2} s passed {bytes:8} bytes, peak memory {}",
            cpu - self.cpu,
            self.clock.elapsed().as_secs_f64(),
            peak_memory()?,
        );
        *self = Self {
            clock: Instant::now(),
            cpu,
        };
        Ok(())
    }
}

/// User and system time of this process.
fn cpu_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    // Fields 14 and 15 of the line; the third is the first after the name.
    let ticks = after_name.split_whitespace().skip(11).take(2);
    let ticks = ticks.map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks * TICK_SECONDS)
}

fn peak_memory() -> Result<String, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    Ok(line.unwrap_or_default().trim().to_owned())
}
