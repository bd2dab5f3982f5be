//! The server's judgement on an upgrade request, by the rules and in the order of `ws`.

use offloop_protocol::handshake::server::{Refusal, Request, judge};
use offloop_protocol::handshake::{SubprotocolError, parse_subprotocols};

const GOOD: Request<'_> = Request {
    method: "GET",
    upgrade: Some("websocket"),
    connection: Some("Upgrade"),
    key: Some("dGhlIHNhbXBsZSBub25jZQ=="),
    version: Some("13"),
    protocols: None,
};

fn refusal(request: Request<'_>) -> Option<Refusal> {
    judge(&request).err()
}

#[test]
fn accepts_a_good_request() {
    let accepted = judge(&GOOD).unwrap();
    assert_eq!(accepted.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert!(accepted.protocols.is_empty());
    assert_eq!(
        accepted.response(None, None),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
    );
    assert!(accepted.response(Some("chat"), Some("permessage-deflate")).ends_with(
        "\r\nSec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
    ));
}

#[test]
fn header_words_count_in_any_case() {
    for upgrade in ["WebSocket", "WEBSOCKET", "webSocket"] {
        assert_eq!(refusal(Request { upgrade: Some(upgrade), ..GOOD }), None);
    }
    for connection in ["upgrade", "keep-alive, UPGRADE", "Upgrade,close"] {
        assert_eq!(refusal(Request { connection: Some(connection), ..GOOD }), None);
    }
}

#[test]
fn refuses_other_methods() {
    for method in ["POST", "get", "HEAD", ""] {
        assert_eq!(refusal(Request { method, ..GOOD }), Some(Refusal::Method));
    }
}

#[test]
fn refuses_other_upgrades() {
    for upgrade in [None, Some(""), Some("h2c"), Some("websocket, h2c"), Some("websocket ")] {
        assert_eq!(refusal(Request { upgrade, ..GOOD }), Some(Refusal::Upgrade));
    }
}

#[test]
fn refuses_a_connection_header_that_does_not_name_upgrade() {
    for connection in ["", "close", "keep-alive", "upgraded", "not upgrade"] {
        let request = Request { connection: Some(connection), ..GOOD };
        assert_eq!(refusal(request), Some(Refusal::Connection));
    }
    assert_eq!(refusal(Request { connection: None, ..GOOD }), None);
}

#[test]
fn refuses_keys_that_are_not_16_bytes_in_base64() {
    for key in [
        "",
        "==",
        "dGhlIHNhbXBsZSBub25jZQ",
        "dGhlIHNhbXBsZSBub25jZQ=",
        "dGhlIHNhbXBsZSBub25jZQ===",
        "dGhlIHNhbXBsZSBub25jZ===",
        "dGhlIHNhbXBsZSBub25jZQa==",
        "dGhlIHNhbXBsZSBub25jZ-==",
        "dGhlIHNhbXBsZSBub25jé==",
        " dGhlIHNhbXBsZSBub25jZQ==",
        "dGhlIHNhbXBsZSBub25jZQ==\n",
    ] {
        assert_eq!(refusal(Request { key: Some(key), ..GOOD }), Some(Refusal::Key), "{key:?}");
    }
    assert_eq!(refusal(Request { key: None, ..GOOD }), Some(Refusal::Key));
}

#[test]
fn accepts_versions_8_and_13_only() {
    assert_eq!(refusal(Request { version: Some("8"), ..GOOD }), None);
    for version in [None, Some(""), Some("7"), Some("12"), Some("14"), Some("13, 8"), Some("v13")] {
        assert_eq!(refusal(Request { version, ..GOOD }), Some(Refusal::Version));
    }
}

#[test]
fn refusals_answer_as_ws_does() {
    let expected = [
        (Refusal::Method, 405, "Invalid HTTP method"),
        (Refusal::Upgrade, 400, "Invalid Upgrade header"),
        (Refusal::Connection, 400, "Invalid Connection header"),
        (Refusal::Key, 400, "Missing or invalid Sec-WebSocket-Key header"),
        (Refusal::Version, 400, "Missing or invalid Sec-WebSocket-Version header"),
        (Refusal::Protocols, 400, "Invalid Sec-WebSocket-Protocol header"),
    ];
    for (refusal, status, message) in expected {
        assert_eq!((refusal.status(), refusal.message()), (status, message));
        let extra = (refusal == Refusal::Version).then_some(("Sec-WebSocket-Version", "13, 8"));
        assert_eq!(refusal.extra_header(), extra);
    }
}

#[test]
fn first_fault_in_the_order_of_ws_counts() {
    let mut request = Request { protocols: Some(""), ..Request::default() };
    for (refused, next) in [
        (Refusal::Method, Request { method: "GET", ..request }),
        (Refusal::Upgrade, Request { method: "GET", upgrade: GOOD.upgrade, ..request }),
        (Refusal::Key, Request { version: None, protocols: Some(""), ..GOOD }),
        (Refusal::Version, Request { protocols: Some(""), ..GOOD }),
        (Refusal::Protocols, GOOD),
    ] {
        assert_eq!(refusal(request), Some(refused));
        request = next;
    }
    assert_eq!(refusal(request), None);
}

#[test]
fn subprotocols_keep_their_order() {
    for (header, names) in [
        ("chat", &["chat"][..]),
        ("b, a,c", &["b", "a", "c"]),
        ("a\t, \t b", &["a", "b"]),
        ("Chat,chat", &["Chat", "chat"]),
        ("__proto__,constructor", &["__proto__", "constructor"]),
        ("!#$%&'*+-.^_`|~09azAZ", &["!#$%&'*+-.^_`|~09azAZ"]),
    ] {
        assert_eq!(parse_subprotocols(header).as_deref(), Ok(names));
        let accepted = judge(&Request { protocols: Some(header), ..GOOD }).unwrap();
        assert_eq!(accepted.protocols, names);
    }
}

#[test]
fn refuses_subprotocols_that_are_no_list_of_distinct_tokens() {
    use SubprotocolError::{Duplicate, UnexpectedCharacter, UnexpectedEnd};
    for (header, error) in [
        ("", UnexpectedEnd),
        ("a,", UnexpectedEnd),
        ("a, ", UnexpectedEnd),
        ("a ", UnexpectedEnd),
        (" a", UnexpectedCharacter(0)),
        (",a", UnexpectedCharacter(0)),
        ("a,,b", UnexpectedCharacter(2)),
        ("a, ,b", UnexpectedCharacter(3)),
        ("a b", UnexpectedCharacter(2)),
        ("a,b\"", UnexpectedCharacter(3)),
        ("a,b@c", UnexpectedCharacter(3)),
        ("é", UnexpectedCharacter(0)),
        ("a\r\nb", UnexpectedCharacter(1)),
        ("a,b,a", Duplicate("a")),
    ] {
        assert_eq!(parse_subprotocols(header), Err(error), "{header:?}");
        let request = Request { protocols: Some(header), ..GOOD };
        assert_eq!(refusal(request), Some(Refusal::Protocols));
    }
}

#[test]
fn long_hostile_lists_are_judged_in_linear_time() {
    let distinct: Vec<String> = (0..20_000).map(|number| format!("p{number}")).collect();
    assert_eq!(parse_subprotocols(&distinct.join(", ")).map(|names| names.len()), Ok(20_000));
    let blanks = format!("a{}b", " \t".repeat(500_000));
    assert_eq!(parse_subprotocols(&blanks), Err(SubprotocolError::UnexpectedCharacter(1_000_001)));
}
