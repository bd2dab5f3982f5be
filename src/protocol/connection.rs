//! Both halves and the closing handshake. RFC 6455, section 7.

use std::mem;
use std::sync::Arc;

use crate::deflate::Compressor;
use crate::frame::Opcode;
use crate::message::Unfinished;
use crate::receive::{Input, Receiver, Step};
use crate::send::{Compression, Sender};
use crate::{CloseCode, Config, Error, Event, Host, Outgoing, Role};

/// The receiving side of the closing handshake.
///
/// ```text
///           close frame came
///   Open ───────────────────────> Closed
///     │     a rule was broken
///     └─────────────────────────> Failed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inbound {
    Open,
    Closed,
    Failed,
}

/// The sending side. Which of the two sides closes first does not matter: it is this side's close
/// frame that ends sending, and the peer's that ends receiving.
///
/// ```text
///           send_close
///   Open ───────────────> Closed
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outbound {
    Open,
    Closed,
}

/// One WebSocket connection after its opening handshake. Idle it is small and holds no heap memory,
/// unless context takeover was negotiated and a compressed message has passed.
#[derive(Debug)]
pub struct Connection {
    config: Arc<Config>,
    receiver: Receiver,
    sender: Sender,
    /// Made on first use, where this side keeps its context.
    compressor: Option<Box<Compressor>>,
    /// Input that waits for the next call, because this one has inflated enough.
    behind: Box<[u8]>,
    role: Role,
    inbound: Inbound,
    outbound: Outbound,
}

impl Connection {
    /// A connection whose opening handshake is done.
    #[must_use]
    pub fn new(role: Role, config: Arc<Config>) -> Self {
        Self {
            config,
            receiver: Receiver::default(),
            sender: Sender::new(role),
            compressor: None,
            behind: Box::default(),
            role,
            inbound: Inbound::Open,
            outbound: Outbound::Open,
        }
    }

    /// Takes what the transport read, unmasks it in place and calls `sink` for every event, in wire
    /// order. Any split of the bytes over calls gives the same events. Pings are answered here, if
    /// the configuration says so; a close frame is not: the layer above first sends what it has
    /// queued.
    ///
    /// After [`Event::Close`] or [`Event::Failed`] further bytes are ignored. If
    /// [`is_behind`](Self::is_behind) afterwards, it is to be called again, with more bytes or none.
    pub fn handle_input<H: Host>(
        &mut self,
        input: &mut [u8],
        host: &mut H,
        sink: &mut impl FnMut(Event<'_>),
    ) {
        if self.is_behind() {
            let mut waiting = mem::take(&mut self.behind).into_vec();
            waiting.extend_from_slice(input);
            return self.handle_input(&mut waiting, host, sink);
        }
        let mut rest = Input(input);
        let mut inflated = 0;
        while self.inbound == Inbound::Open {
            match self.receiver.next_step(&mut rest, self.role, &self.config) {
                Ok(None) => return,
                Ok(Some(Step::Event(Event::Ping { payload }))) => {
                    let answered = if self.config.auto_pong && self.outbound == Outbound::Open {
                        answer_ping(&self.sender, payload, &self.config, host)
                    } else {
                        Ok(())
                    };
                    sink(Event::Ping { payload });
                    if let Err(error) = answered {
                        self.fail(error, sink);
                    }
                }
                Ok(Some(Step::Event(event @ Event::Close { .. }))) => {
                    self.inbound = Inbound::Closed;
                    sink(event);
                    self.receiver = Receiver::default();
                }
                Ok(Some(Step::Event(event))) => sink(event),
                Ok(Some(Step::Compressed { piece, last })) => {
                    inflated += self.inflate(piece, last, host, sink);
                    if inflated > INFLATED_BYTES_A_CALL && self.inbound == Inbound::Open {
                        self.behind = (&*rest.0).into();
                        return;
                    }
                }
                Err(error) => self.fail(error, sink),
            }
        }
    }

    /// Whether input waits for another call: a thousandth of what it inflates to, it must neither
    /// fill the memory nor keep all others waiting.
    #[must_use]
    pub fn is_behind(&self) -> bool {
        !self.behind.is_empty()
    }

    /// The message that is coming in, if more of its plain payload is missing: so that the transport
    /// can read a long one to where it stays. Then [`handle_appended`](Self::handle_appended) is to
    /// be called.
    pub fn unfinished(&mut self) -> Option<Unfinished<'_>> {
        let may_append = self.inbound == Inbound::Open && !self.is_behind();
        if may_append { self.receiver.unfinished() } else { None }
    }

    /// Takes the last `count` bytes of the [`unfinished`](Self::unfinished) message as the next
    /// input, as [`handle_input`](Self::handle_input) would.
    pub fn handle_appended(&mut self, count: usize, sink: &mut impl FnMut(Event<'_>)) {
        match self.receiver.take_appended(count, self.role, &self.config) {
            Ok(event) => event.into_iter().for_each(sink),
            Err(error) => self.fail(error, sink),
        }
    }

    /// Changes the longest message accepted, in bytes; 0 is no limit. \[as configured\]
    pub fn set_max_message_bytes(&mut self, bytes: u64) {
        Arc::make_mut(&mut self.config).max_message_bytes = bytes;
    }

    /// Sends a message, or a fragment of one. Returns the length of the frame that it made, with
    /// its header.
    ///
    /// # Errors
    /// The close frame has been sent.
    #[inline]
    pub fn send_message<H: Host>(
        &mut self,
        message: Outgoing<'_>,
        host: &mut H,
    ) -> Result<usize, Error> {
        self.check_open()?;
        let Self { config, sender, compressor, .. } = self;
        let compression = config.deflate.as_ref().map(|config| Compression { config, compressor });
        sender.message(message, compression, host)
    }

    /// Gives back the memory of the context that this side compresses with, if it keeps one. The
    /// next message refers to nothing before it, which the peer need not know.
    pub fn release_compressor(&mut self) {
        self.compressor = None;
    }

    /// Sends a ping.
    ///
    /// # Errors
    /// The close frame has been sent, or the payload is longer than 125 bytes.
    pub fn send_ping<H: Host>(&mut self, payload: &[u8], host: &mut H) -> Result<(), Error> {
        self.check_open()?;
        self.sender.ping_or_pong(Opcode::Ping, payload, host)
    }

    /// Sends a pong.
    ///
    /// # Errors
    /// The close frame has been sent, or the payload is longer than 125 bytes.
    pub fn send_pong<H: Host>(&mut self, payload: &[u8], host: &mut H) -> Result<(), Error> {
        self.check_open()?;
        self.sender.ping_or_pong(Opcode::Pong, payload, host)
    }

    /// Sends the close frame, which is the last frame this side sends; in answer to the peer's or
    /// as the first of the two. Without a `code` the body is empty and `reason` is not looked at.
    ///
    /// # Errors
    /// A close frame has been sent, `code` may not travel, or `reason` is longer than 123 bytes.
    pub fn send_close<H: Host>(
        &mut self,
        code: Option<CloseCode>,
        reason: &[u8],
        host: &mut H,
    ) -> Result<(), Error> {
        self.check_open()?;
        self.sender.close(code, reason, host)?;
        self.outbound = Outbound::Closed;
        self.release_compressor();
        Ok(())
    }

    /// This side's close frame is in the outbox.
    #[must_use]
    pub fn is_close_sent(&self) -> bool {
        self.outbound == Outbound::Closed
    }

    /// The peer's close frame has come.
    #[must_use]
    pub fn is_close_received(&self) -> bool {
        self.inbound == Inbound::Closed
    }

    /// How many frames of messages have come since the last call, for whoever counts them.
    pub fn take_data_frames(&mut self) -> u32 {
        self.receiver.take_frames()
    }

    /// A frame or a message has begun to come in, and its end has not come.
    #[must_use]
    pub fn is_receiving(&self) -> bool {
        self.receiver.is_receiving()
    }

    /// The peer broke a rule; its input is ignored.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.inbound == Inbound::Failed
    }

    /// RFC 6455, 5.5.1: no more data frames MUST be sent after a close frame.
    #[inline]
    fn check_open(&self) -> Result<(), Error> {
        match self.outbound {
            Outbound::Open => Ok(()),
            Outbound::Closed => Err(Error::CloseAlreadySent),
        }
    }

    /// Returns how many bytes came of it. Apart, so that plain messages have the loop above to
    /// themselves.
    #[inline(never)]
    fn inflate<H: Host>(
        &mut self,
        piece: &[u8],
        last: bool,
        host: &mut H,
        sink: &mut impl FnMut(Event<'_>),
    ) -> u64 {
        let before = host.deflate().inflated_bytes;
        match self.receiver.inflate(piece, last, &self.config, host.deflate()) {
            Ok(event) => event.into_iter().for_each(sink),
            Err(error) => self.fail(error, sink),
        }
        host.deflate().inflated_bytes - before
    }

    #[cold]
    fn fail(&mut self, error: Error, sink: &mut impl FnMut(Event<'_>)) {
        self.inbound = Inbound::Failed;
        // What was half received is of no use any more, and the close may take its time.
        self.receiver = Receiver::default();
        sink(Event::Failed(error));
    }
}

/// RFC 6455, 5.5.2: upon a ping an endpoint MUST send a pong, unless it already received a close
/// frame.
fn answer_ping<H: Host>(
    sender: &Sender,
    payload: &[u8],
    config: &Config,
    host: &mut H,
) -> Result<(), Error> {
    let limit = config.max_pending_auto_pongs;
    if host.pong_queued() > limit && limit > 0 {
        return Err(Error::TooManyPendingPongs);
    }
    sender.ping_or_pong(Opcode::Pong, payload, host)
}

/// What one call inflates until the next has to go on; it is exceeded by what comes of
/// [`INFLATED_AT_ONCE`](crate::receive::INFLATED_AT_ONCE).
const INFLATED_BYTES_A_CALL: u64 = 1024 * 1024;
