//! Two connections that talk to each other: everything that can be sent, delivered in any pieces,
//! with any limits, and bytes of a third party in between.

use bytes::Bytes;
use offloop_protocol::deflate::DeflateConfig;
use offloop_protocol::{CloseCode, Config, Error, MessageKind, Outgoing, Payload, Role};

use super::memory;
use super::model::Model;
use super::script::Script;
use crate::support::{Peer, Seen};

/// The configurations of both sides, then a row of operations.
pub(crate) fn connection(input: &[u8]) {
    let mut script = Script::new(input);
    let server = script.config();
    let mut client = script.config();
    client.deflate = server.deflate.map(|deflate| mirrored(deflate, script.deflate()));
    let mut sides = [Side::new(Role::Server, server), Side::new(Role::Client, client)];
    let mut operations = 0;
    while !script.is_over() && operations < MOST_OPERATIONS {
        operate(&mut sides, &mut script);
        operations += 1;
    }
    while sides.iter().any(|side| !side.in_flight.is_empty()) {
        deliver(&mut sides, 0, usize::MAX);
        deliver(&mut sides, 1, usize::MAX);
    }
    for side in &sides {
        side.check_seen();
        side.check_splits();
    }
    check_echo(&sides[0], &sides[1]);
}

/// The other side's view of the same agreement.
fn mirrored(deflate: DeflateConfig, own: DeflateConfig) -> DeflateConfig {
    DeflateConfig {
        send_no_context_takeover: deflate.receive_no_context_takeover,
        receive_no_context_takeover: deflate.send_no_context_takeover,
        ..own
    }
}

/// What the layer above asks a connection to do.
#[derive(Clone, Debug)]
enum Command {
    Message {
        kind: MessageKind,
        fin: bool,
        compress: bool,
        shared: bool,
        payload: Vec<u8>,
    },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(Option<CloseCode>, Vec<u8>),
    ReleaseCompressor,
    /// The transport takes nothing from now on, or does again.
    Stick(bool),
}

impl Command {
    fn carry_out(&self, peer: &mut Peer) -> Result<(), Error> {
        let Peer { connection, host, .. } = peer;
        match self {
            Self::Message { kind, fin, compress, shared, payload } => {
                let before = host.wire.len();
                let payload = match shared {
                    true => Payload::Shared(Bytes::copy_from_slice(payload)),
                    false => Payload::Slice(payload),
                };
                let message = Outgoing { kind: *kind, fin: *fin, compress: *compress, payload };
                let length = connection.send_message(message, host)?;
                assert_eq!(length, host.wire.len() - before);
                Ok(())
            }
            Self::Ping(payload) => connection.send_ping(payload, host),
            Self::Pong(payload) => connection.send_pong(payload, host),
            Self::Close(code, reason) => connection.send_close(*code, reason, host),
            Self::ReleaseCompressor => {
                connection.release_compressor();
                Ok(())
            }
            Self::Stick(stuck) => {
                host.stuck = *stuck;
                Ok(())
            }
        }
    }

    /// The rule that it breaks, the close frame having been sent or not.
    fn broken_rule(&self, is_close_sent: bool) -> Option<Error> {
        match self {
            Self::ReleaseCompressor | Self::Stick(_) => None,
            _ if is_close_sent => Some(Error::CloseAlreadySent),
            Self::Ping(payload) | Self::Pong(payload) if payload.len() > 125 => {
                Some(Error::ControlPayloadTooLong)
            }
            Self::Close(Some(code), _) if !code.may_travel() => {
                Some(Error::UnsendableCloseCode(code.0))
            }
            Self::Close(Some(_), reason) if reason.len() > 123 => Some(Error::CloseReasonTooLong),
            _ => None,
        }
    }

    /// Tells `model`, which is the other side's, what `frame` is to it.
    fn foretell(&self, frame: &[u8], model: &mut Model) {
        match self {
            Self::Message { kind, fin, payload, .. } => {
                model.fragment(*kind, *fin, payload, payload_length(frame));
            }
            Self::Ping(payload) => model.see(Seen::Ping(payload.clone())),
            Self::Pong(payload) => model.see(Seen::Pong(payload.clone())),
            Self::Close(code, reason) => model.close(*code, reason),
            Self::ReleaseCompressor | Self::Stick(_) => {}
        }
    }
}

/// What happened to a connection.
#[derive(Clone, Debug)]
enum Step {
    Input(Vec<u8>),
    Command(Command),
}

/// One connection, and the bytes on their way to it.
struct Side {
    role: Role,
    config: Config,
    peer: Peer,
    model: Model,
    in_flight: Vec<u8>,
    /// How many of the expected events are sure, once somebody else's bytes are on their way.
    sure: Option<usize>,
    steps: Vec<Step>,
    /// How much of what it wrote is on its way.
    departed: usize,
    close_sent: bool,
}

impl Side {
    fn new(role: Role, config: Config) -> Self {
        Self {
            role,
            peer: Peer::new(role, &config),
            model: Model::new(&config),
            config,
            in_flight: Vec::new(),
            sure: None,
            steps: Vec::new(),
            departed: 0,
            close_sent: false,
        }
    }

    fn command(&mut self, command: Command) -> Result<(), Error> {
        let expected = command.broken_rule(self.close_sent);
        let result = command.carry_out(&mut self.peer);
        assert_eq!(result.err(), expected);
        self.close_sent |= result.is_ok() && matches!(command, Command::Close(..));
        assert_eq!(self.peer.connection.is_close_sent(), self.close_sent);
        self.steps.push(Step::Command(command));
        result
    }

    fn feed(&mut self, count: usize) -> Vec<Seen> {
        let count = count.min(self.in_flight.len());
        let input: Vec<_> = self.in_flight.drain(..count).collect();
        let seen = self.peer.feed(&input);
        self.steps.push(Step::Input(input));
        seen
    }

    fn departing(&mut self) -> Vec<u8> {
        let bytes = self.peer.host.wire[self.departed..].to_vec();
        self.departed = self.peer.host.wire.len();
        bytes
    }

    fn check_seen(&self) {
        let mut seen = self.peer.seen.as_slice();
        let expected = self.model.expected.as_slice();
        if let [before @ .., Seen::Failed(Error::TooManyPendingPongs)] = seen {
            let most = self.config.max_pending_auto_pongs;
            assert!(most > 0 && self.peer.host.stuck_pongs > most);
            assert!(matches!(before.last(), Some(Seen::Ping(_))));
            seen = before;
        } else if self.sure.is_none() {
            assert_eq!(seen, expected);
        }
        let sure = self.sure.unwrap_or(expected.len()).min(seen.len());
        assert_eq!(seen[..sure], expected[..sure]);
    }

    /// The same again, with the input in other pieces between the same commands.
    fn check_splits(&self) {
        let inputs = self.steps.iter().filter_map(|step| match step {
            Step::Input(input) => Some(input.as_slice()),
            Step::Command(_) => None,
        });
        let received = inputs.collect::<Vec<_>>().concat();
        // Many bytes, one by one, would take their time.
        let size = if received.len() > 5000 { 97 } else { 1 };
        let mut cut = Peer::new(self.role, &self.config);
        let mut merged = Peer::new(self.role, &self.config);
        let mut waiting = Vec::new();
        for step in &self.steps {
            match step {
                Step::Input(input) => {
                    input.chunks(size).for_each(|piece| drop(cut.feed(piece)));
                    waiting.extend(input);
                }
                Step::Command(command) => {
                    merged.feed(&std::mem::take(&mut waiting));
                    let results = [&mut cut, &mut merged].map(|peer| command.carry_out(peer));
                    assert_eq!(results[0], results[1]);
                }
            }
        }
        merged.feed(&waiting);
        for again in [cut, merged] {
            assert_eq!(again.seen, self.peer.seen);
            assert_eq!(again.host.wire, self.peer.host.wire);
            assert_eq!(again.connection.is_failed(), self.peer.connection.is_failed());
        }
        memory::check(self.role, &self.config, &received, 1000);
    }
}

/// One operation of the script.
fn operate(sides: &mut [Side; 2], script: &mut Script<'_>) {
    let operation = script.byte();
    let who = usize::from(operation >> 7);
    let flag = |bit: u8| operation & (0x10 << bit) != 0;
    let command = match operation & 0x0f {
        kind @ 0..=5 => Command::Message {
            kind: if kind < 3 { MessageKind::Text } else { MessageKind::Binary },
            fin: flag(0),
            compress: flag(1),
            shared: flag(2),
            payload: if kind == 0 { script.payload() } else { script.text() },
        },
        6 => Command::Ping(script.payload()),
        7 => Command::Pong(script.payload()),
        8 => {
            let code = flag(0).then(|| CloseCode(script.number()));
            Command::Close(code, script.payload())
        }
        9 => Command::ReleaseCompressor,
        10 => Command::Stick(flag(0)),
        11..=13 => {
            let count = if flag(0) { usize::from(script.byte()) } else { usize::MAX };
            return deliver(sides, who, count);
        }
        kind => {
            let side = &mut sides[who];
            side.sure.get_or_insert(side.model.expected.len());
            let frame = script.frame(side.role, &mut (kind == 14));
            return side.in_flight.extend(frame);
        }
    };
    if sides[who].command(command.clone()).is_ok() {
        let frame = sides[who].departing();
        let other = &mut sides[1 - who];
        command.foretell(&frame, &mut other.model);
        other.in_flight.extend(frame);
    }
}

/// Lets one side receive up to `count` bytes. Its pongs go on their way.
fn deliver(sides: &mut [Side; 2], who: usize, count: usize) {
    let side = &mut sides[who];
    let answers = side.config.auto_pong && !side.close_sent;
    let mut seen = side.feed(count);
    let pongs = side.departing();
    if seen.last() == Some(&Seen::Failed(Error::TooManyPendingPongs)) {
        // Not sent for the last ping any more.
        seen.truncate(seen.len() - 2);
    }
    let header = if side.role == Role::Client { 6 } else { 2 };
    let other = &mut sides[1 - who];
    let mut expected = 0;
    for seen in seen {
        if let Seen::Ping(payload) = seen
            && answers
        {
            expected += header + payload.len();
            other.model.see(Seen::Pong(payload));
        }
    }
    assert_eq!(pongs.len(), expected);
    other.in_flight.extend(pongs);
}

/// What the server saw of messages it sends back, and a new client receives.
fn check_echo(server: &Side, client: &Side) {
    let mut echoing = Side::new(server.role, server.config.clone());
    let mut receiving = Side::new(client.role, client.config.clone());
    for seen in &server.peer.seen {
        let (kind, payload) = match seen {
            Seen::Text(text) => (MessageKind::Text, text),
            Seen::Binary(bytes) => (MessageKind::Binary, bytes),
            _ => continue,
        };
        let payload = payload.clone();
        let echo = Command::Message { kind, fin: true, compress: true, shared: false, payload };
        echoing.command(echo.clone()).unwrap();
        let frame = echoing.departing();
        echo.foretell(&frame, &mut receiving.model);
        receiving.in_flight.extend(frame);
    }
    receiving.feed(usize::MAX);
    receiving.check_seen();
}

/// The length of a frame's payload, as its header says it: in the shortest way. RFC 6455, 5.2.
fn payload_length(frame: &[u8]) -> u64 {
    let (length, least) = match frame[1] & 0x7f {
        126 => (u16::from_be_bytes([frame[2], frame[3]]).into(), 126),
        127 => (u64::from_be_bytes(frame[2..10].try_into().unwrap()), 0x1_0000),
        short => (short.into(), 0),
    };
    assert!(length >= least);
    length
}

const MOST_OPERATIONS: usize = 60;
