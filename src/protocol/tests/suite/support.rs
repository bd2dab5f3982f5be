//! A host that records, events that own their bytes, bytes cut in every way, and a frame builder that
//! can break every rule.

use std::sync::Arc;

use offloop_protocol::deflate::{DeflateConfig, Shared};
use offloop_protocol::{
    CloseCode, Config, Connection, Error, Event, Host, MaskingKey, MessageKind, Role,
};

pub(crate) const KEY: MaskingKey = MaskingKey([0x37, 0xfa, 0x21, 0x3d]);

/// Remembers what is written. Its masking keys are a fixed row of different ones.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    pub(crate) wire: Vec<u8>,
    /// Whether the transport takes nothing, so that pongs pile up.
    pub(crate) stuck: bool,
    pub(crate) stuck_pongs: u32,
    keys_given: u8,
    pub(crate) deflate: Shared,
}

impl Host for Recorder {
    fn write(&mut self, bytes: &[u8]) {
        self.wire.extend_from_slice(bytes);
    }

    fn masking_key(&mut self) -> MaskingKey {
        self.keys_given = self.keys_given.wrapping_add(1);
        MaskingKey([self.keys_given, 0xa5, 0x5a, self.keys_given ^ 0xff])
    }

    fn deflate(&mut self) -> &mut Shared {
        &mut self.deflate
    }

    fn pong_queued(&mut self) -> u32 {
        self.stuck_pongs += u32::from(self.stuck);
        self.stuck_pongs
    }
}

/// An event that owns its bytes, so that it can be kept and compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Text(Vec<u8>),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, Vec<u8>),
    Failed(Error),
}

impl Seen {
    /// Also checks that the event says the truth about ASCII.
    pub(crate) fn new(event: Event<'_>) -> Self {
        match event {
            Event::Message { kind, ascii, payload } => {
                assert_eq!(ascii, kind == MessageKind::Text && payload.is_ascii());
                match kind {
                    MessageKind::Text => Self::Text(payload.into_owned()),
                    MessageKind::Binary => Self::Binary(payload.into_owned()),
                }
            }
            Event::Ping { payload } => Self::Ping(payload.to_vec()),
            Event::Pong { payload } => Self::Pong(payload.to_vec()),
            Event::Close { code, reason } => Self::Close(code.0, reason.to_vec()),
            Event::Failed(error) => Self::Failed(error),
        }
    }
}

/// A connection with its recorder and all that came out of it.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) connection: Connection,
    pub(crate) host: Recorder,
    pub(crate) seen: Vec<Seen>,
}

impl Peer {
    pub(crate) fn new(role: Role, config: &Config) -> Self {
        let connection = Connection::new(role, Arc::new(config.clone()));
        Self { connection, host: Recorder::default(), seen: Vec::new() }
    }

    pub(crate) fn server() -> Self {
        Self::new(Role::Server, &Config::default())
    }

    pub(crate) fn client() -> Self {
        Self::new(Role::Client, &Config::default())
    }

    /// Hands in a copy of `bytes` and returns the events that came of it.
    pub(crate) fn feed(&mut self, bytes: &[u8]) -> Vec<Seen> {
        let before = self.seen.len();
        self.feed_once(bytes);
        while self.connection.is_behind() {
            self.feed_once(&[]);
        }
        self.seen[before..].to_vec()
    }

    /// The same, by one call.
    pub(crate) fn feed_once(&mut self, bytes: &[u8]) {
        let seen = &mut self.seen;
        self.connection.handle_input(&mut bytes.to_vec(), &mut self.host, &mut |event| {
            seen.push(Seen::new(event));
        });
    }

    /// Puts the front of `bytes` behind the unfinished message, if there is one.
    fn append(&mut self, bytes: &mut &[u8]) {
        let Some(unfinished) = self.connection.unfinished() else { return };
        let missing = usize::try_from(unfinished.missing).unwrap_or(usize::MAX);
        let count = missing.min(bytes.len());
        unfinished.bytes.extend_from_slice(bytes.split_off(..count).unwrap());
        if count > 0 {
            let seen = &mut self.seen;
            self.connection.handle_appended(count, &mut |event| seen.push(Seen::new(event)));
        }
    }

    pub(crate) fn close(&mut self, code: u16) -> Result<(), Error> {
        self.connection.send_close(Some(CloseCode(code)), b"", &mut self.host)
    }
}

/// Who a peer talks to.
pub(crate) fn opposite(role: Role) -> Role {
    match role {
        Role::Client => Role::Server,
        Role::Server => Role::Client,
    }
}

/// Parameters of both directions; every message is long enough to be compressed.
pub(crate) fn deflate(no_context_takeover: bool) -> DeflateConfig {
    DeflateConfig {
        send_no_context_takeover: no_context_takeover,
        receive_no_context_takeover: no_context_takeover,
        send_window_bits: 15,
        level: 6,
        mem_level: 8,
        threshold_bytes: 0,
    }
}

/// The default limits, and compression.
pub(crate) fn deflating(no_context_takeover: bool) -> Config {
    Config { deflate: Some(deflate(no_context_takeover)), ..Config::default() }
}

/// What came of some bytes: events, bytes written, and the state afterwards.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) seen: Vec<Seen>,
    pub(crate) wire: Vec<u8>,
    pub(crate) failed: bool,
}

/// What comes of `wire` when the transport cuts it at `cuts`, which ascend; also when it puts bytes
/// right behind an unfinished message, which has to be the same.
pub(crate) fn outcome(role: Role, config: &Config, wire: &[u8], cuts: &[usize]) -> Outcome {
    let [read, appended] = [false, true].map(|appends| {
        let mut peer = Peer::new(role, config);
        let mut start = 0;
        for &end in cuts.iter().chain([&wire.len()]) {
            let mut piece = &wire[start..end];
            if appends {
                peer.append(&mut piece);
            }
            peer.feed(piece);
            start = end;
        }
        Outcome { seen: peer.seen, wire: peer.host.wire, failed: peer.connection.is_failed() }
    });
    assert_eq!(appended, read, "appended, cut at {cuts:?} {wire:02x?}");
    read
}

/// What a new connection makes of `wire`, whole, byte by byte and cut in two at every place, which
/// has to be the same. Long bytes are cut near their ends and at every 1000th place only.
pub(crate) fn sees(role: Role, config: &Config, wire: &[u8]) -> Vec<Seen> {
    let whole = outcome(role, config, wire, &[]);
    let every_byte: Vec<_> = (1..wire.len()).collect();
    assert_eq!(outcome(role, config, wire, &every_byte), whole, "byte by byte {wire:02x?}");
    for cut in 1..wire.len() {
        let is_near_an_end = cut <= 20 || cut + 20 >= wire.len();
        if wire.len() <= 1000 || is_near_an_end || cut % 1000 == 0 {
            assert_eq!(outcome(role, config, wire, &[cut]), whole, "cut at {cut} {wire:02x?}");
        }
    }
    whole.seen
}

/// The same of a server with the default limits.
pub(crate) fn server_sees(wire: &[u8]) -> Vec<Seen> {
    sees(Role::Server, &Config::default(), wire)
}

/// The same of a client with the default limits.
pub(crate) fn client_sees(wire: &[u8]) -> Vec<Seen> {
    sees(Role::Client, &Config::default(), wire)
}

/// Texts of words that come again and again, one of them longer than any window.
pub(crate) fn repetitive_texts() -> [Vec<u8>; 6] {
    let words = ["offloop", "deflate", "window", "takeover", "context", "shard"];
    let mut state = 7_usize;
    [10, 300, 5000, 80_000, 200, 5000].map(|length| {
        let mut text = String::new();
        while text.len() < length {
            state = state.wrapping_mul(31).wrapping_add(17) % 1_000_003;
            text.push_str(words[state % words.len()]);
            text.push_str(&state.to_string());
        }
        text.into_bytes()
    })
}

/// A frame as a client sends it, `first` being byte 0.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut wire = header(first, 0x80, payload.len() as u64);
    wire.extend(KEY.0);
    wire.extend(payload.iter().zip(KEY.0.iter().cycle()).map(|(byte, key)| byte ^ key));
    wire
}

/// A frame as a server sends it.
pub(crate) fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    [header(first, 0, payload.len() as u64), payload.to_vec()].concat()
}

/// A header without masking key, its length in the shortest form; `mask` is 0x80 or 0.
pub(crate) fn header(first: u8, mask: u8, length: u64) -> Vec<u8> {
    match length {
        0..=125 => vec![first, mask | length.to_be_bytes()[7]],
        126..=0xffff => [&[first, mask | 0x7e], &length.to_be_bytes()[6..]].concat(),
        _ => [&[first, mask | 0x7f], &length.to_be_bytes()[..]].concat(),
    }
}

/// A close frame's payload.
pub(crate) fn close_body(code: u16, reason: &[u8]) -> Vec<u8> {
    [&code.to_be_bytes(), reason].concat()
}

pub(crate) const RSV1: u8 = 0x40;
pub(crate) const FIN_CONTINUATION: u8 = 0x80;
pub(crate) const CONTINUATION: u8 = 0x00;
pub(crate) const TEXT: u8 = 0x01;
pub(crate) const FIN_TEXT: u8 = 0x81;
pub(crate) const BINARY: u8 = 0x02;
pub(crate) const FIN_BINARY: u8 = 0x82;
pub(crate) const CLOSE: u8 = 0x88;
pub(crate) const PING: u8 = 0x89;
pub(crate) const PONG: u8 = 0x8a;
