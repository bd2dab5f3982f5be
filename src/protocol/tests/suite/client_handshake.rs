//! The client's judgement on a response, by the rules and in the order of `ws`.

use offloop_protocol::deflate::{Options, Params, WindowBits};
use offloop_protocol::handshake::client::{Asked, Failure, Response, judge_response};

const ASKED: Asked<'_> = Asked { key: "dGhlIHNhbXBsZSBub25jZQ==", protocols: &[], deflate: None };

const GOOD: Response<'_> = Response {
    upgrade: Some("websocket"),
    accept: Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    protocol: None,
    extensions: None,
};

fn failure(response: Response<'_>, asked: Asked<'_>) -> Option<&'static str> {
    judge_response(&response, &asked).err().map(|failure| failure.message())
}

#[test]
fn accepts_a_good_response() {
    assert_eq!(judge_response(&GOOD, &ASKED), Ok(None));
    for upgrade in ["WebSocket", "WEBSOCKET"] {
        assert_eq!(failure(Response { upgrade: Some(upgrade), ..GOOD }, ASKED), None);
    }
}

#[test]
fn refuses_other_upgrades() {
    for upgrade in [None, Some(""), Some("h2c"), Some("websocket, h2c"), Some("websocket/13")] {
        let response = Response { upgrade, ..GOOD };
        assert_eq!(failure(response, ASKED), Some("Invalid Upgrade header"));
    }
}

#[test]
fn refuses_an_accept_value_that_does_not_answer_the_key() {
    for accept in [
        None,
        Some(""),
        Some("CxYS6+NgJSBG74mdgLvGscRvpns="),
        Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo"),
        Some("S3PPLMBITXAQ9KYGZZHZRBK+XOO="),
        Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=, s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
    ] {
        let response = Response { accept, ..GOOD };
        assert_eq!(failure(response, ASKED), Some("Invalid Sec-WebSocket-Accept header"));
    }
}

#[test]
fn takes_one_of_the_subprotocols_it_offered_and_nothing_else() {
    let offered = ["chat".to_owned(), "soap".to_owned()];
    let cases = [
        (&[][..], None, None),
        (&[], Some("chat"), Some("Server sent a subprotocol but none was requested")),
        (&[], Some(""), Some("Server sent a subprotocol but none was requested")),
        (&offered, Some("chat"), None),
        (&offered, Some("soap"), None),
        (&offered, Some("Chat"), Some("Server sent an invalid subprotocol")),
        (&offered, Some("chat, soap"), Some("Server sent an invalid subprotocol")),
        (&offered, Some(""), Some("Server sent an invalid subprotocol")),
        (&offered, None, Some("Server sent no subprotocol")),
    ];
    for (protocols, protocol, expected) in cases {
        let response = Response { protocol, ..GOOD };
        assert_eq!(failure(response, Asked { protocols, ..ASKED }), expected, "{protocol:?}");
    }
}

#[test]
fn refuses_extensions_that_it_did_not_offer() {
    let unrequested =
        Some("Server sent a Sec-WebSocket-Extensions header but no extension was requested");
    for header in ["permessage-deflate", "", "nonsense;"] {
        let response = Response { extensions: Some(header), ..GOOD };
        assert_eq!(failure(response, ASKED), unrequested);
    }

    let options = Options::default();
    let asked = Asked { deflate: Some(&options), ..ASKED };
    let other = Some("Server indicated an extension that was not requested");
    let invalid = Some("Invalid Sec-WebSocket-Extensions header");
    for (header, expected) in [
        ("foo", other),
        ("permessage-deflate, foo", other),
        ("Permessage-Deflate", other),
        ("", invalid),
        ("permessage-deflate;=", invalid),
        ("permessage-deflate; client_max_window_bits", invalid),
        ("permessage-deflate; client_max_window_bits=7", invalid),
        ("permessage-deflate; unknown", invalid),
        ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", invalid),
    ] {
        let response = Response { extensions: Some(header), ..GOOD };
        assert_eq!(failure(response, asked), expected, "{header}");
    }
}

#[test]
fn reports_what_was_agreed_on_of_compression() {
    let options = Options { client_max_window_bits: WindowBits::Bits(10), ..Options::default() };
    let asked = Asked { deflate: Some(&options), ..ASKED };
    assert_eq!(judge_response(&GOOD, &asked), Ok(None), "the server need not take it up");
    let header = "permessage-deflate; server_no_context_takeover; client_max_window_bits=9";
    let response = Response { extensions: Some(header), ..GOOD };
    let params = Params {
        server_no_context_takeover: true,
        client_max_window_bits: Some(9),
        ..Params::default()
    };
    assert_eq!(judge_response(&response, &asked), Ok(Some(params)));
}

#[test]
fn first_fault_in_the_order_of_ws_counts() {
    let offered = ["chat".to_owned()];
    let asked = Asked { protocols: &offered, ..ASKED };
    let mut response = Response { extensions: Some("x"), ..Response::default() };
    let mut failures = Vec::new();
    for mend in [
        |response: &mut Response<'_>| response.upgrade = GOOD.upgrade,
        |response: &mut Response<'_>| response.accept = GOOD.accept,
        |response: &mut Response<'_>| response.protocol = Some("chat"),
        |response: &mut Response<'_>| response.extensions = None,
    ] {
        failures.extend(judge_response(&response, &asked).err());
        mend(&mut response);
    }
    assert_eq!(judge_response(&response, &asked), Ok(None));
    assert_eq!(
        failures,
        [Failure::Upgrade, Failure::Accept, Failure::NoSubprotocol, Failure::UnrequestedExtensions]
    );
}
