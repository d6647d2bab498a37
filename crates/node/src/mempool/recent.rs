//! A map that forgets its oldest entries.

use std::collections::{BTreeMap, VecDeque};

/// Remembers the newest `capacity` keys and their values.
#[derive(Debug)]
pub struct Recent<K, V> {
    values: BTreeMap<K, V>,
    /// Keys in the order they came; each is in `values`.
    order: VecDeque<K>,
    capacity: usize,
}

impl<K: Ord + Clone, V> Recent<K, V> {
    /// A memory of at most `capacity` entries.
    pub const fn new(capacity: usize) -> Self {
        Self {
            values: BTreeMap::new(),
            order: VecDeque::new(),
            capacity,
        }
    }

    /// Remembers a value; a key that is known keeps its age.
    pub fn insert(&mut self, key: K, value: V) {
        if self.values.insert(key.clone(), value).is_none() {
            self.order.push_back(key);
        }
        while self.order.len() > self.capacity {
            if let Some(oldest) = self.order.pop_front() {
                self.values.remove(&oldest);
            }
        }
    }

    /// The value of a key, while it is remembered.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.values.get(key)
    }

    /// Forgets a key.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let value = self.values.remove(key)?;
        self.order.retain(|known| known != key);
        Some(value)
    }

    /// Values, in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.values.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut recent = Recent::new(2);
        for (key, value) in [(1, 'a'), (2, 'b'), (1, 'c'), (3, 'd')] {
            recent.insert(key, value);
        }
        assert_eq!(
            (recent.get(&1), recent.get(&2), recent.get(&3)),
            (None, Some(&'b'), Some(&'d'))
        );
        assert_eq!(recent.remove(&2), Some('b'));
        recent.insert(4, 'e');
        assert_eq!(recent.values().collect::<String>(), "de");
        assert_eq!(recent.remove(&2), None);
    }
}
