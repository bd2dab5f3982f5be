//! What a receiver has to see, worked out from what was sent and its limits alone.

use std::str;

use offloop_protocol::{CloseCode, Config, Error, MessageKind};

use crate::support::Seen;

/// One direction of a connection whose sender breaks no rule but the receiver's limits, and may send
/// text that is none.
#[derive(Debug)]
pub(crate) struct Model {
    config: Config,
    /// What the receiver sees, in order.
    pub(crate) expected: Vec<Seen>,
    /// The kind of the message that is begun, and all of it that was sent.
    message: Option<(MessageKind, Vec<u8>)>,
    declared_bytes: u64,
    fragments: u32,
    over: bool,
}

impl Model {
    pub(crate) fn new(receiver: &Config) -> Self {
        Self {
            config: receiver.clone(),
            expected: Vec::new(),
            message: None,
            declared_bytes: 0,
            fragments: 0,
            over: false,
        }
    }

    /// A frame of a message: what was given to the sender, and the length of the payload on the
    /// wire.
    pub(crate) fn fragment(&mut self, kind: MessageKind, fin: bool, plain: &[u8], payload: u64) {
        let (kind, mut message) = self.message.take().unwrap_or((kind, Vec::new()));
        message.extend(plain);
        self.declared_bytes += payload;
        self.fragments += 1;
        if let Some(error) = self.broken_rule(kind, &message, fin) {
            self.end_with(Seen::Failed(error));
        } else if fin {
            self.see(match kind {
                MessageKind::Text => Seen::Text(message),
                MessageKind::Binary => Seen::Binary(message),
            });
            self.declared_bytes = 0;
            self.fragments = 0;
        } else {
            self.message = Some((kind, message));
        }
    }

    pub(crate) fn see(&mut self, seen: Seen) {
        if !self.over {
            self.expected.push(seen);
        }
    }

    pub(crate) fn close(&mut self, code: Option<CloseCode>, reason: &[u8]) {
        let Some(code) = code else {
            return self.end_with(Seen::Close(1005, vec![]));
        };
        self.end_with(if self.config.skip_utf8_validation || str::from_utf8(reason).is_ok() {
            Seen::Close(code.0, reason.to_vec())
        } else {
            Seen::Failed(Error::InvalidUtf8)
        });
    }

    fn end_with(&mut self, seen: Seen) {
        self.see(seen);
        self.over = true;
    }

    /// Header first, then the text, of which only what the limit allows is looked at.
    fn broken_rule(&self, kind: MessageKind, message: &[u8], fin: bool) -> Option<Error> {
        let limit = match self.config.max_message_bytes {
            0 => usize::MAX,
            limit => usize::try_from(limit).unwrap(),
        };
        if self.declared_bytes > limit as u64 {
            return Some(Error::MessageTooLong);
        }
        if self.config.max_fragments > 0 && self.fragments > self.config.max_fragments {
            return Some(Error::TooManyFragments);
        }
        let is_cut = message.len() > limit;
        let allowed = &message[..message.len().min(limit)];
        if kind == MessageKind::Text && !self.config.skip_utf8_validation {
            let error = str::from_utf8(allowed).err();
            if error.is_some_and(|error| error.error_len().is_some() || (fin && !is_cut)) {
                return Some(Error::InvalidUtf8);
            }
        }
        is_cut.then_some(Error::MessageTooLong)
    }
}
