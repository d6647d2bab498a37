//! What to do about an actor's error.

/// How an actor's error is handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Try the same again after a pause.
    Retry,
    /// Rebuild from L1 (a reorg, a gap), then go on.
    Reset,
    /// Stop the process: going on could do harm, or cannot work.
    Fatal,
}

impl core::fmt::Display for Severity {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Retry => "retry",
            Self::Reset => "reset",
            Self::Fatal => "fatal",
        })
    }
}

/// An error that says how it wants to be handled.
pub trait ActorError: std::error::Error + Send + Sync + 'static {
    /// The handling class.
    fn severity(&self) -> Severity;
}

impl ActorError for core::convert::Infallible {
    fn severity(&self) -> Severity {
        match *self {}
    }
}
