//! Where tungstenite judges otherwise, and why we do not follow it: an example of each difference
//! that the differential test knows, so that none is there without need.

use offloop_protocol::{Error, Role};

use crate::fuzz::other::{Other, Verdict};
use crate::support::{CLOSE, FIN_TEXT, PING, Seen, TEXT, close_body, header, masked, server_sees};

fn tungstenite(wire: &[u8]) -> Other {
    let mut other = Other::new(Role::Server, 1 << 20);
    other.feed(wire);
    other
}

#[test]
fn a_refused_header_is_not_followed_by_waiting_for_its_payload() {
    let refused = header(PING | 0x10, 0x80, 5);
    assert_eq!(server_sees(&refused), [Seen::Failed(Error::UnexpectedRsv23)]);
    let mut theirs = tungstenite(&refused);
    assert_eq!(theirs.verdict, Verdict::Open);
    theirs.feed(&[0; 4 + 4]);
    assert_eq!(theirs.verdict, Verdict::Open);
    theirs.feed(&[0]);
    assert_eq!(theirs.verdict, Verdict::Refused);
}

#[test]
fn text_is_judged_before_its_frame_is_whole() {
    // RFC 6455, 8.1 wants it refused, Autobahn 6.4 at once.
    for first in [FIN_TEXT, TEXT] {
        let whole = masked(first, b"ab\xffcd");
        let cut = &whole[..whole.len() - 2];
        assert_eq!(server_sees(cut), [Seen::Failed(Error::InvalidUtf8)]);
        assert_eq!(tungstenite(cut).verdict, Verdict::Open);
        assert_eq!(tungstenite(&whole).verdict, Verdict::Refused);
    }
}

#[test]
fn control_frames_have_their_length_in_seven_bits() {
    // RFC 6455, 5.2: the minimal number of bytes MUST be used.
    let longer = [PING, 0x80 | 0x7e, 0, 2, 0, 0, 0, 0, b'h', b'i'];
    assert_eq!(server_sees(&longer), [Seen::Failed(Error::InvalidControlPayloadLength(126))]);
    assert_eq!(tungstenite(&longer).seen, [Seen::Ping(b"hi".into())]);
}

#[test]
fn bad_gateway_is_a_close_code_that_travels() {
    let violation = [Seen::Close(1002, b"Protocol violation".into())];
    let close = masked(CLOSE, &close_body(1014, b"upstream"));
    assert_eq!(server_sees(&close), [Seen::Close(1014, b"upstream".into())]);
    assert_eq!(tungstenite(&close).seen, violation);
}

#[test]
fn a_code_that_must_not_travel_is_a_fault_and_no_close_frame() {
    let violation = [Seen::Close(1002, b"Protocol violation".into())];
    for code in (0..=5010).chain([65_535]) {
        let close = masked(CLOSE, &close_body(code, b""));
        let theirs = tungstenite(&close).seen;
        match server_sees(&close).as_slice() {
            [Seen::Failed(error)] => {
                assert_eq!(*error, Error::InvalidCloseCode(code));
                assert_eq!(theirs, violation);
            }
            ours if code != 1014 => assert_eq!(theirs, ours),
            _ => {}
        }
    }
}
