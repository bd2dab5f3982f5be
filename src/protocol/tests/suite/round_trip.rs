//! Properties: what one side sends is what the other receives, and no bytes at all do harm.

use offloop_protocol::{CloseCode, Config, MessageKind, Outgoing, Payload, Role};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{Peer, Seen, opposite};

/// Something to send.
#[derive(Clone, Debug)]
enum Command {
    /// A message, the places to cut it into fragments, and a ping in front of each fragment or not.
    Message {
        kind: MessageKind,
        payload: Vec<u8>,
        cuts: Vec<Index>,
        pings: bool,
    },
    Ping(Vec<u8>),
    Pong(Vec<u8>),
}

fn command() -> impl Strategy<Value = Command> {
    let cuts = || vec(any::<Index>(), 0..5);
    let text = prop_oneof![
        4 => any::<String>(),
        2 => "[ -~]{0,300}",
        1 => "[ -~é水\u{1f980}]{20000,24000}",
    ];
    let binary = prop_oneof![6 => vec(any::<u8>(), 0..300), 1 => vec(any::<u8>(), 65_000..66_500)];
    prop_oneof![
        3 => (text, cuts(), any::<bool>()).prop_map(|(payload, cuts, pings)| Command::Message {
            kind: MessageKind::Text,
            payload: payload.into_bytes(),
            cuts,
            pings,
        }),
        3 => (binary, cuts(), any::<bool>()).prop_map(|(payload, cuts, pings)| Command::Message {
            kind: MessageKind::Binary,
            payload,
            cuts,
            pings,
        }),
        1 => vec(any::<u8>(), 0..=125).prop_map(Command::Ping),
        1 => vec(any::<u8>(), 0..=125).prop_map(Command::Pong),
    ]
}

fn role() -> impl Strategy<Value = Role> {
    prop_oneof![Just(Role::Client), Just(Role::Server)]
}

/// Cuts `bytes` at the places that `cuts` point to.
fn pieces<'a>(bytes: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    places.sort_unstable();
    places.push(bytes.len());
    let mut start = 0;
    let piece = |end| {
        let piece = &bytes[start..end];
        start = end;
        piece
    };
    places.into_iter().map(piece).collect()
}

/// Sends `command` and returns what the other side has to see.
fn send(sender: &mut Peer, command: &Command) -> Vec<Seen> {
    let (connection, host) = (&mut sender.connection, &mut sender.host);
    let mut expected = Vec::new();
    match command {
        Command::Ping(payload) => {
            connection.send_ping(payload, host).unwrap();
            expected.push(Seen::Ping(payload.clone()));
        }
        Command::Pong(payload) => {
            connection.send_pong(payload, host).unwrap();
            expected.push(Seen::Pong(payload.clone()));
        }
        Command::Message { kind, payload, cuts, pings } => {
            let fragments = pieces(payload, cuts);
            for (number, fragment) in fragments.iter().enumerate() {
                if *pings {
                    connection.send_ping(b"between", host).unwrap();
                    expected.push(Seen::Ping(b"between".to_vec()));
                }
                let message = Outgoing {
                    kind: *kind,
                    fin: number + 1 == fragments.len(),
                    compress: false,
                    payload: Payload::Slice(fragment),
                };
                connection.send_message(message, host).unwrap();
            }
            expected.push(match kind {
                MessageKind::Text => Seen::Text(payload.clone()),
                MessageKind::Binary => Seen::Binary(payload.clone()),
            });
        }
    }
    expected
}

proptest! {
    // A failure prints its input; a file of them would make the tree dirty.
    #![proptest_config(ProptestConfig {
        cases: 128,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_sent_is_received_however_it_is_cut(
        role in role(),
        commands in vec(command(), 0..8),
        reads in vec(any::<Index>(), 0..12),
    ) {
        let mut sender = Peer::new(role, &Config::default());
        let mut receiver = Peer::new(opposite(role), &Config::default());
        let mut expected: Vec<_> =
            commands.iter().flat_map(|command| send(&mut sender, command)).collect();
        sender
            .connection
            .send_close(Some(CloseCode(4321)), b"done", &mut sender.host)
            .unwrap();
        expected.push(Seen::Close(4321, b"done".to_vec()));

        for read in pieces(&sender.host.wire, &reads) {
            receiver.feed(read);
        }
        prop_assert_eq!(&receiver.seen, &expected);

        let pongs = sender.feed(&receiver.host.wire);
        let answered: Vec<_> = expected
            .into_iter()
            .filter_map(|seen| match seen {
                Seen::Ping(payload) => Some(Seen::Pong(payload)),
                _ => None,
            })
            .collect();
        prop_assert_eq!(pongs, answered);
    }

    #[test]
    fn any_bytes_give_the_same_events_however_they_are_cut(
        role in role(),
        mut wire in vec(any::<u8>(), 0..400),
        plausible in any::<bool>(),
        max_message_bytes in 0_u64..300,
        reads in vec(any::<Index>(), 0..20),
    ) {
        if plausible {
            // A header that passes, so that the payload is looked at as well.
            let mask = if role == Role::Server { 0x80 } else { 0 };
            for (place, byte) in wire.iter_mut().zip([0x01, mask | 3]) {
                *place = byte;
            }
        }
        let config = Config { max_message_bytes, max_fragments: 3, ..Config::default() };
        let mut whole = Peer::new(role, &config);
        whole.feed(&wire);
        let mut cut = Peer::new(role, &config);
        for read in pieces(&wire, &reads) {
            cut.feed(read);
        }
        prop_assert_eq!(&cut.seen, &whole.seen);
        prop_assert_eq!(&cut.host.wire, &whole.host.wire);
        prop_assert_eq!(cut.connection.is_failed(), whole.connection.is_failed());
        let last = |seen: &Seen| matches!(seen, Seen::Close(..) | Seen::Failed(_));
        let nothing_behind_the_last = !whole.seen.iter().rev().skip(1).any(last);
        prop_assert!(nothing_behind_the_last);
    }
}
