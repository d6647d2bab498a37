//! Circuits in memory: the few used last. One takes up to half a gigabyte, and reading one costs less than a second of a
//! proof's many.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// Values by name, the least recently used one first.
pub(super) struct Resident<K> {
    limit: usize,
    values: Mutex<VecDeque<(K, Arc<dyn Any + Send + Sync>)>>,
}

impl<K: Copy + Eq> Resident<K> {
    /// Keeps so many.
    pub(super) const fn new(limit: usize) -> Self {
        Self {
            limit,
            values: Mutex::new(VecDeque::new()),
        }
    }

    /// The value of a name, loaded if it is not there.
    ///
    /// No lock is held while it is loaded: loading uses the thread pool that the caller may be part of, and a thread that waits
    /// for the pool can be given another job there, which would then wait for the lock of its own thread. Callers that want
    /// the same value at once may load it twice; one is kept.
    pub(super) fn get<T: Send + Sync + 'static, E>(
        &self,
        name: K,
        load: impl FnOnce() -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        if let Some(value) = self.take(name, None) {
            return Ok(value);
        }
        let loaded = Arc::new(load()?);
        Ok(self.take(name, Some(Arc::clone(&loaded))).unwrap_or(loaded))
    }

    /// The value that is there, or else the one given, moved to the end of the list.
    fn take<T: Send + Sync + 'static>(&self, name: K, loaded: Option<Arc<T>>) -> Option<Arc<T>> {
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let found = values
            .iter()
            .position(|(key, _)| *key == name)
            .and_then(|position| values.remove(position))
            .and_then(|(_, value)| value.downcast::<T>().ok());
        let value = match found {
            Some(value) => value,
            None => {
                // Without a value there is one to be loaded: room is made before.
                while values.len() >= self.limit {
                    values.pop_front();
                }
                loaded?
            }
        };
        values.push_back((name, Arc::<T>::clone(&value)));
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first() {
        let resident = Resident::new(2);
        let mut loads = vec![];
        for name in ['a', 'b', 'a', 'c', 'a', 'b'] {
            let value = resident.get::<_, ()>(name, || {
                loads.push(name);
                Ok(name)
            });
            assert_eq!(*value.unwrap(), name);
        }
        assert_eq!(loads, ['a', 'b', 'c', 'b']);
    }

    #[test]
    fn a_failed_load_leaves_nothing() {
        let resident = Resident::new(1);
        assert_eq!(resident.get::<u8, _>('a', || Err("no")).unwrap_err(), "no");
        assert_eq!(*resident.get::<_, ()>('a', || Ok(7_u8)).unwrap(), 7);
    }

    /// What a thread pool does to a thread that waits in it: it gives it another job.
    #[test]
    fn loading_may_ask_for_values() {
        let resident = Resident::new(2);
        let value = resident.get::<_, ()>('a', || {
            assert_eq!(*resident.get::<_, ()>('a', || Ok(1_u8)).unwrap(), 1);
            assert_eq!(*resident.get::<_, ()>('b', || Ok(2_u8)).unwrap(), 2);
            Ok(3_u8)
        });
        assert_eq!(*value.unwrap(), 1, "the first is kept");
    }
}
