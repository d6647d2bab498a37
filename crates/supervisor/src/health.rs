//! Whether the program can do its work, and if not, why.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

/// Longest reason kept, bytes.
const REASON_BYTES_MAX: usize = 512;

/// A component that cannot do its work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotReady {
    /// Which one; of a part of the program, `<part>/<component>`.
    pub component: String,
    /// Why, for a person.
    pub reason: String,
}

/// The health of a program's components. Clones share one state.
///
/// Bound: component names are literals, so the map holds as many entries as the program text has names, for each part that lives.
#[derive(Clone, Debug, Default)]
pub struct Health {
    components: Arc<Mutex<BTreeMap<String, Result<(), String>>>>,
    /// Which part of the program speaks, with a slash at its end; empty for the program itself.
    part: Arc<str>,
}

impl Health {
    /// No components: healthy.
    pub fn new() -> Self {
        Self::default()
    }

    /// The same health for a part of the program: its components are named `<part>/<component>`.
    #[must_use]
    pub fn of_part(&self, part: &str) -> Self {
        Self {
            components: Arc::clone(&self.components),
            part: format!("{}{part}/", self.part).into(),
        }
    }

    /// Announces a component, not ready until it says so.
    pub fn register(&self, component: &'static str) {
        self.lock()
            .entry(self.name(component))
            .or_insert_with(|| Err("starting".to_owned()));
    }

    /// A component's word about itself; logged when it changes.
    pub fn set(&self, component: &'static str, state: Result<(), String>) {
        let state = state.map_err(bounded);
        let component = self.name(component);
        let previous = self.lock().insert(component.clone(), state.clone());
        match (&state, previous) {
            (Ok(()), Some(Ok(())) | None) => {}
            (Ok(()), Some(Err(_))) => tracing::info!(%component, "ready"),
            (Err(_), Some(Err(_))) => {}
            (Err(reason), _) => tracing::warn!(%component, %reason, "not ready"),
        }
    }

    /// A part and all its components are no more.
    pub fn remove_part(&self) {
        self.lock()
            .retain(|component, _| !component.starts_with(&*self.part));
    }

    /// Components that are not ready; empty means ready.
    pub fn not_ready(&self) -> Vec<NotReady> {
        let not_ready = |(component, state): (&String, &Result<(), String>)| {
            let reason = state.as_ref().err()?.clone();
            Some(NotReady {
                component: component.clone(),
                reason,
            })
        };
        self.lock().iter().filter_map(not_ready).collect()
    }

    /// Whether every component is ready.
    pub fn is_ready(&self) -> bool {
        self.lock().values().all(Result::is_ok)
    }

    fn name(&self, component: &str) -> String {
        format!("{}{component}", self.part)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Result<(), String>>> {
        // Every change of the map is one call, so it is whole even after a panic elsewhere.
        self.components.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bounded(mut reason: String) -> String {
    let mut end = REASON_BYTES_MAX.min(reason.len());
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.truncate(end);
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_means_every_component_said_so() {
        let health = Health::new();
        assert!(health.is_ready());
        health.register("l1");
        health.register("p2p");
        health.clone().set("l1", Ok(()));
        let starting = NotReady {
            component: "p2p".to_owned(),
            reason: "starting".to_owned(),
        };
        assert_eq!(health.not_ready(), [starting]);
        health.set("p2p", Ok(()));
        assert!(health.is_ready());
        health.register("p2p");
        assert!(health.is_ready(), "registering twice does not undo a state");
        health.set("l1", Err("head is 90 s old".to_owned()));
        assert_eq!(health.not_ready().len(), 1);
        health.set("l1", Ok(()));
        let second = health.of_part("instance-2");
        second.register("l1");
        assert_eq!(health.not_ready().pop().unwrap().component, "instance-2/l1");
        second.remove_part();
        assert!(health.is_ready());
    }

    #[test]
    fn reasons_are_cut_at_a_character() {
        let health = Health::new();
        health.set("x", Err("é".repeat(REASON_BYTES_MAX)));
        assert_eq!(health.not_ready()[0].reason.len(), REASON_BYTES_MAX);
        health.set("x", Err(format!("a{}", "é".repeat(REASON_BYTES_MAX))));
        assert_eq!(health.not_ready()[0].reason.len(), REASON_BYTES_MAX - 1);
    }
}
