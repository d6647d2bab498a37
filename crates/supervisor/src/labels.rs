//! Marks the metrics of a [`Group`](crate::Group)'s tasks with the group's label, wherever in the program text they are written.

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Metadata, Recorder, SharedString, Unit};

use crate::group::current_label;

/// A recorder that adds the running task's label.
#[derive(Debug)]
pub(crate) struct Labelled<R>(pub(crate) R);

fn labelled(key: &Key) -> Option<Key> {
    let label = current_label()?;
    Some(key.with_extra_labels(vec![Label::new(label.key, label.value)]))
}

impl<R: Recorder> Recorder for Labelled<R> {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.0.describe_counter(key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.0.describe_gauge(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.0.describe_histogram(key, unit, description);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        self.0
            .register_counter(labelled(key).as_ref().unwrap_or(key), metadata)
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        self.0
            .register_gauge(labelled(key).as_ref().unwrap_or(key), metadata)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        self.0
            .register_histogram(labelled(key).as_ref().unwrap_or(key), metadata)
    }
}
