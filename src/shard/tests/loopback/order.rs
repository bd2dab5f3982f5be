//! When the connections of a batch are written: two of them share one socket, which tells the order.

use std::os::unix::net::UnixStream;

use offloop_protocol::{Config, Role};
use offloop_shard::{Adoption, COMMAND_COMPRESS, CommandBatch, ConnectionId};

use super::inflating::deflating;
use super::{Above, PATIENCE, TEXT, adoption, read_exactly};

const FIRST: u32 = 1;
const SECOND: u32 = 2;

/// Has two connections carry out a batch of texts, and returns the beginning of what they write.
fn written(commands: &[(u32, u32, &[u8])], bytes: usize) -> Vec<u8> {
    let (ours, mut peer) = UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let above = Above::start();
    let mut batch = CommandBatch::default();
    for (id, config) in [(FIRST, deflating()), (SECOND, Config::default())] {
        let socket = ours.try_clone().unwrap().into();
        let adoption = adoption(ConnectionId::new(id), socket, Role::Server, config);
        batch.push_adoption(Adoption { response: b"+".to_vec(), ..adoption });
    }
    above.shard.submit(&mut batch);
    assert_eq!(read_exactly(&mut peer, 2), b"++");
    for (id, flags, text) in commands {
        batch.push(*id, TEXT | flags, text);
    }
    above.shard.submit(&mut batch);
    read_exactly(&mut peer, bytes)
}

#[test]
fn a_connection_is_written_behind_its_last_command() {
    let commands: [(_, _, &[u8]); 4] =
        [(FIRST, 0, b"a"), (SECOND, 0, b"b"), (FIRST, 0, b"c"), (SECOND, 0, b"d")];
    assert_eq!(written(&commands, 12), b"\x81\x01a\x81\x01c\x81\x01b\x81\x01d");
    let commands: [(_, _, &[u8]); 3] = [(FIRST, 0, b"a"), (SECOND, 0, b"b"), (FIRST, 0, b"c")];
    assert_eq!(written(&commands, 9), b"\x81\x01b\x81\x01a\x81\x01c");
}

#[test]
fn what_is_compressed_is_written_when_all_commands_are_carried_out() {
    let commands: [(_, _, &[u8]); 2] = [(FIRST, COMMAND_COMPRESS, b"a"), (SECOND, 0, b"b")];
    assert_eq!(written(&commands, 4), b"\x81\x01b\xc1");
}
