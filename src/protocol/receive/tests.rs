//! What only shows inside of a receiver.

use super::*;
use crate::deflate::DeflateConfig;

/// Feeds all of `bytes` and returns how many events came of them.
fn feed(receiver: &mut Receiver, bytes: &mut [u8]) -> usize {
    let mut input = Input(bytes);
    let mut count = 0;
    while receiver.next_step(&mut input, Role::Client, &Config::default()).unwrap().is_some() {
        count += 1;
    }
    count
}

#[test]
fn split_control_frame_leaves_no_memory_behind() {
    let mut receiver = Receiver::default();
    assert_eq!(feed(&mut receiver, &mut [0x89, 4, b'p', b'i']), 0);
    assert!(receiver.control.capacity() > 0);
    assert_eq!(feed(&mut receiver, b"ng".to_vec().as_mut_slice()), 1);
    assert_eq!(receiver.control.capacity(), 0);
}

#[test]
fn header_cut_by_the_end_of_the_input_allocates_nothing() {
    let mut receiver = Receiver::default();
    for byte in [0x82, 0x7f, 0, 0, 0, 0, 0, 0, 1, 0] {
        assert_eq!(feed(&mut receiver, &mut [byte]), 0);
    }
    assert!(matches!(receiver.stage, Stage::Payload(FrameHeader { length: 256, .. })));
    assert_eq!(receiver.control.capacity(), 0);
}

#[test]
fn inflater_stays_only_inside_a_message_or_where_context_is_kept() {
    let hello = [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    for receive_no_context_takeover in [true, false] {
        let deflate = DeflateConfig {
            send_no_context_takeover: true,
            receive_no_context_takeover,
            send_window_bits: 15,
            level: 2,
            mem_level: 8,
            threshold_bytes: 0,
        };
        let config = Config { deflate: Some(deflate), ..Config::default() };
        let mut shared = Shared::default();
        let mut receiver = Receiver::default();
        for (end, last) in [(4, false), (7, true)] {
            let piece = &hello[if last { 4 } else { 0 }..end];
            let event = receiver.inflate(piece, last, &config, &mut shared).unwrap();
            assert_eq!(event.is_some(), last);
            assert_eq!(receiver.inflater.is_some(), !last || !receive_no_context_takeover);
        }
    }
}
