//! How tasks run: named, supervised, cancellable, with clock, logs, health and metrics.
//!
//! This crate alone spawns tasks and reads the system clock. A program makes one [`Supervisor`], hands [`Spawner`]s to its actors and
//! awaits [`Supervisor::run`], which returns when a signal came, somebody asked for a stop, or a task failed.

mod backoff;
mod clock;
mod group;
mod health;
mod labels;
mod logging;
mod metrics;
mod server;
mod severity;
mod supervisor;
mod systemd;

pub use crate::metrics::{Metrics, MetricsError, describe_counter, describe_gauge, describe_histogram};
pub use backoff::Backoff;
pub use clock::{Clock, ManualClock, SlotClock, SystemClock};
pub use group::{Ended, Group, GroupLabel};
pub use health::{Health, NotReady};
pub use logging::{LogControl, LogFormat, LoggingError, init_logging};
pub use server::{ServerError, Version, serve};
pub use severity::{ActorError, Severity};
pub use supervisor::{
    Failure, Lost, RunError, Spawner, Stop, Supervisor, contain_thread, contained, install_panic_hook,
};
pub use systemd::{NotifyError, notify_ready};
pub use tokio_util::sync::CancellationToken;
