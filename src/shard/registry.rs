//! A shard's connections by id.

/// Bits of an id that number the connection's place; the rest is the place's generation.
const INDEX_BITS: u32 = 24;

/// A connection's name on both sides of the border.
///
/// The lower 24 bits number a place, the next 7 bits say how often that place was given away
/// before. A name that outlives its connection therefore finds nothing instead of somebody else.
/// 31 bits in all, so that JavaScript keeps an id as a small integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(u32);

impl ConnectionId {
    /// The id in a record's first word.
    #[must_use]
    pub const fn new(word: u32) -> Self {
        Self(word)
    }

    /// The id as a record's first word.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The place, which no two living connections of an environment share.
    #[must_use]
    pub const fn index(self) -> usize {
        (self.0 & ((1 << INDEX_BITS) - 1)) as usize
    }

    /// The name of the connection that gets this one's place when it is gone.
    #[must_use]
    pub const fn next_generation(self) -> Self {
        Self((self.0 + (1 << INDEX_BITS)) & (u32::MAX >> 1))
    }
}

/// Connections in a vector, found by index and checked by generation.
///
/// Ids are given out above this layer (one numbering for all shards of an environment), so a
/// registry only holds; its vector is as long as the highest index seen.
#[derive(Debug)]
pub(crate) struct Registry<T> {
    places: Vec<Option<Box<(ConnectionId, T)>>>,
}

impl<T> Default for Registry<T> {
    fn default() -> Self {
        Self { places: Vec::new() }
    }
}

impl<T> Registry<T> {
    /// Puts a connection into its place, and returns who was still there: a bug above.
    pub(crate) fn insert(&mut self, id: ConnectionId, connection: T) -> Option<T> {
        if self.places.len() <= id.index() {
            self.places.resize_with(id.index() + 1, || None);
        }
        self.places[id.index()].replace(Box::new((id, connection))).map(|place| place.1)
    }

    /// The connection of this very id, if it still exists.
    pub(crate) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut T> {
        match self.places.get_mut(id.index())?.as_deref_mut() {
            Some((held, connection)) if *held == id => Some(connection),
            _ => None,
        }
    }

    /// Takes the connection out.
    pub(crate) fn remove(&mut self, id: ConnectionId) -> Option<T> {
        self.get_mut(id)?;
        self.places[id.index()].take().map(|place| place.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_only_the_generation_that_it_holds() {
        let old = ConnectionId::new(5);
        let new = old.next_generation();
        let mut registry = Registry::default();
        assert_eq!(registry.insert(new, "new"), None);
        assert_eq!(registry.get_mut(old), None);
        assert_eq!(registry.remove(old), None);
        assert_eq!(registry.get_mut(new), Some(&mut "new"));
        assert_eq!(registry.remove(new), Some("new"));
        assert_eq!(registry.get_mut(new), None);
    }

    #[test]
    fn returns_whom_it_displaced() {
        let id = ConnectionId::new(0);
        let mut registry = Registry::default();
        registry.insert(id, 1);
        assert_eq!(registry.insert(id, 2), Some(1));
        assert_eq!(registry.remove(id), Some(2));
    }
}
