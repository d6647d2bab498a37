//! How tasks run: named, supervised, cancellable, with clock, logs and metrics.
