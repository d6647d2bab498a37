//! How long to wait after failures: 0.5 to 60 s, growing, and never less than the server asked for.

use std::time::Duration;

use super::RpcCause;

const LONGEST: Duration = Duration::from_secs(60);

/// Pauses between tries of one task.
#[derive(Debug)]
pub(crate) struct Backoff {
    failures: u32,
    pauses: agoge_supervisor::Backoff,
}

impl Backoff {
    pub(crate) fn new() -> Self {
        // Each pause is drawn between half of it and all of it: the shortest is 0.5 s.
        Self {
            failures: 0,
            pauses: agoge_supervisor::Backoff::new(Duration::from_secs(1), LONGEST),
        }
    }

    /// Failures since the last success.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
        self.pauses.reset();
    }

    /// The pause after one more failure.
    pub(crate) fn next(&mut self, retry_after: Option<Duration>) -> Duration {
        self.failures = self.failures.saturating_add(1);
        let pause = self.pauses.next_pause();
        retry_after.map_or(pause, |asked| pause.max(asked.min(LONGEST)))
    }

    /// The pause after a failed request.
    pub(crate) fn after(&mut self, cause: &RpcCause) -> Duration {
        match cause {
            RpcCause::RateLimited { retry_after } => self.next(*retry_after),
            _ => self.next(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_are_bounded_and_honour_the_server() {
        let mut backoff = Backoff::new();
        for failure in 0..40_u32 {
            let pause = backoff.after(&RpcCause::Html);
            assert!(
                (Duration::from_millis(500)..=LONGEST).contains(&pause),
                "{failure}: {pause:?}"
            );
            assert!(failure < 8 || pause >= LONGEST / 2);
        }
        assert_eq!(backoff.failures(), 40);
        backoff.succeeded();
        let asked = RpcCause::RateLimited {
            retry_after: Some(Duration::from_secs(7)),
        };
        assert_eq!(backoff.after(&asked), Duration::from_secs(7));
        let absurd = RpcCause::RateLimited {
            retry_after: Some(Duration::from_secs(86_400)),
        };
        assert_eq!(backoff.after(&absurd), LONGEST);
    }
}
