//! Masking keys for the client's end of connections (RFC 6455 5.3 and 10.3).

use std::hash::{BuildHasher, RandomState};

use offloop_protocol::MaskingKey;

/// An endless supply of keys that a script cannot predict.
///
/// A keyed hash (`SipHash`, whose 128-bit key comes from the operating system) of a counter: without
/// the key, the keys already seen tell nothing of the next.
#[derive(Debug, Default)]
pub(crate) struct MaskingKeys {
    secret: Option<RandomState>,
    counter: u64,
    spare: Option<MaskingKey>,
}

impl MaskingKeys {
    /// A fresh key.
    pub(crate) fn next_key(&mut self) -> MaskingKey {
        if let Some(key) = self.spare.take() {
            return key;
        }
        self.counter += 1;
        let random = self.secret.get_or_insert_default().hash_one(self.counter);
        let [first, second] = [random, random >> 32].map(u64::to_le_bytes);
        self.spare = second.first_chunk().copied().map(MaskingKey);
        MaskingKey(first.first_chunk().copied().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_differ_between_calls_and_between_supplies() {
        let (mut one, mut other) = (MaskingKeys::default(), MaskingKeys::default());
        let keys: HashSet<[u8; 4]> =
            (0..1000).flat_map(|_| [one.next_key().0, other.next_key().0]).collect();
        assert!(keys.len() > 1990, "2000 of 2^32 values: a repetition is rare, ten are a bug");
    }
}
