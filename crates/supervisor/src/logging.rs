//! Logs on stderr, for people or for machines.

use std::io::IsTerminal;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// Shape of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// One readable line.
    #[default]
    Text,
    /// One JSON object a line: `timestamp`, `level`, `target`, `message` and the fields.
    Json,
}

/// Not a log format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoggingError {
    /// Neither `text` nor `json`.
    #[error("log format is {found:?}, expected text or json")]
    Format {
        /// As given.
        found: String,
    },
    /// Filter directives that cannot be parsed.
    #[error("log filter {directives:?}: {reason}")]
    Filter {
        /// As given.
        directives: String,
        /// What is wrong with them.
        reason: String,
    },
    /// The process has a logger already.
    #[error("logging was initialised before")]
    Initialised,
    /// The process is stopping.
    #[error("logging has ended")]
    Ended,
}

impl core::str::FromStr for LogFormat {
    type Err = LoggingError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(LoggingError::Format {
                found: other.to_owned(),
            }),
        }
    }
}

/// Changes what is logged while the program runs.
#[derive(Clone, Debug)]
pub struct LogControl {
    filter: reload::Handle<EnvFilter, Registry>,
}

impl LogControl {
    /// Replaces the filter by directives as in `RUST_LOG`.
    ///
    /// # Errors
    /// [`LoggingError::Filter`]; the old filter then stays.
    pub fn set_filter(&self, directives: &str) -> Result<(), LoggingError> {
        let filter = parse(directives)?;
        self.filter.reload(filter).map_err(|_| LoggingError::Ended)
    }
}

/// Starts logging to stderr. `RUST_LOG` wins over `default_directives`. Lines carry no time when systemd's journal adds it
/// (`JOURNAL_STREAM`), and no colour unless stderr is a terminal and `NO_COLOR` is unset.
///
/// # Errors
/// [`LoggingError`] for directives that cannot be parsed or when called twice.
pub fn init_logging(format: LogFormat, default_directives: &str) -> Result<LogControl, LoggingError> {
    let directives = std::env::var(EnvFilter::DEFAULT_ENV).unwrap_or_else(|_| default_directives.to_owned());
    let (filter, handle) = reload::Layer::new(parse(&directives)?);
    let is_journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let is_coloured =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() && !is_journal;
    let base = fmt::layer().with_writer(std::io::stderr).with_ansi(is_coloured);
    let layer: Box<dyn Layer<_> + Send + Sync> = match (format, is_journal) {
        (LogFormat::Text, false) => base.boxed(),
        (LogFormat::Text, true) => base.without_time().boxed(),
        (LogFormat::Json, false) => base.json().flatten_event(true).boxed(),
        (LogFormat::Json, true) => base.json().flatten_event(true).without_time().boxed(),
    };
    tracing_subscriber::registry()
        .with(filter)
        .with(layer)
        .try_init()
        .map_err(|_| LoggingError::Initialised)?;
    Ok(LogControl { filter: handle })
}

fn parse(directives: &str) -> Result<EnvFilter, LoggingError> {
    EnvFilter::try_new(directives).map_err(|error| LoggingError::Filter {
        directives: directives.to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_filters_are_parsed_and_the_filter_can_change() {
        assert_eq!("json".parse(), Ok(LogFormat::Json));
        assert_eq!(
            "xml".parse::<LogFormat>(),
            Err(LoggingError::Format {
                found: "xml".to_owned()
            })
        );
        assert!(matches!(
            init_logging(LogFormat::Text, "agoge=loud"),
            Err(LoggingError::Filter { .. })
        ));
        let control = init_logging(LogFormat::Json, "error").unwrap();
        assert!(control.set_filter("info,agoge_p2p=debug").is_ok());
        assert!(matches!(
            control.set_filter("a=b=c"),
            Err(LoggingError::Filter { .. })
        ));
        assert!(matches!(
            init_logging(LogFormat::Text, "info"),
            Err(LoggingError::Initialised)
        ));
    }
}
