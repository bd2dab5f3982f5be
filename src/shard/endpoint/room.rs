//! The middle of a long message, which the transport reads to where it stays.

use bytes::buf::{BufMut, Limit};
use offloop_protocol::Unfinished;

use super::reporting::push_event;
use super::{Endpoint, Workshop};
use crate::recycler::Recycler;

/// A message is read to where it stays when so much of it has come, and so much is missing.
const APPENDED_BYTES: usize = 32 * 1024;

/// What the transport has brought.
#[derive(Debug)]
pub(super) enum Input<'a> {
    /// Bytes, which are unmasked in place.
    Read(&'a mut [u8]),
    /// So many bytes in the [`room`](Endpoint::room).
    Appended(usize),
}

impl Input<'_> {
    /// How many bytes it has brought.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Read(bytes) => bytes.len(),
            Self::Appended(count) => *count,
        }
    }
}

impl Endpoint {
    /// The vector of a long message under way, to which the transport may append at most `most`
    /// bytes: what is read right there is copied by nobody.
    pub(crate) fn room(&mut self, most: usize, recycler: &Recycler) -> Option<Limit<&mut Vec<u8>>> {
        let Unfinished { bytes, missing } = self.protocol.unfinished()?;
        let missing = usize::try_from(missing).unwrap_or(usize::MAX);
        let present = bytes.len();
        if present < APPENDED_BYTES || missing < APPENDED_BYTES {
            return None;
        }
        if bytes.capacity() - present < APPENDED_BYTES {
            match recycler.find(present.saturating_add(missing)) {
                Some(mut longer) => {
                    longer.extend_from_slice(bytes);
                    *bytes = longer;
                }
                // Memory that was not there grows with what came, not with what was announced.
                None => bytes.reserve_exact(missing.min(present)),
            }
        }
        let room = missing.min(bytes.capacity() - present);
        Some(bytes.limit(room.min(most)))
    }

    /// Takes bytes that the transport has appended in the [room](Self::room).
    pub(crate) fn receive_appended(&mut self, count: usize, workshop: &mut Workshop) -> usize {
        self.receive_for(Input::Appended(count), workshop, push_event)
    }
}
