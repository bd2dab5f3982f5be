//! permessage-deflate agreed on as `ws` agrees on it. RFC 7692, section 7.1.

use offloop_protocol::Role;
use offloop_protocol::deflate::{NegotiationError, Options, Params, WindowBits};

fn server_answers(options: &Options, header: &str) -> String {
    match options.accept_offers(header) {
        Ok(Some(accepted)) => accepted.header,
        Ok(None) => "none".into(),
        Err(error) => format!("400: {error}"),
    }
}

/// Options, of which each is unset, a boolean or window bits.
fn options(takeover: (Option<bool>, Option<bool>), bits: (WindowBits, WindowBits)) -> Options {
    Options {
        server_no_context_takeover: takeover.0,
        client_no_context_takeover: takeover.1,
        server_max_window_bits: bits.0,
        client_max_window_bits: bits.1,
        ..Options::default()
    }
}

const UNSET: WindowBits = WindowBits::Unset;

#[test]
fn server_without_options_takes_what_is_offered() {
    let server = Options::default();
    let cases = [
        ("permessage-deflate", "permessage-deflate"),
        ("permessage-deflate; client_max_window_bits", "permessage-deflate"),
        (
            "permessage-deflate; client_max_window_bits=10",
            "permessage-deflate; client_max_window_bits=10",
        ),
        (
            "permessage-deflate; client_max_window_bits=8",
            "permessage-deflate; client_max_window_bits=8",
        ),
        (
            "permessage-deflate; server_max_window_bits=\"9\"",
            "permessage-deflate; server_max_window_bits=9",
        ),
        (
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ),
        (
            "other, permessage-deflate; server_max_window_bits=15",
            "permessage-deflate; server_max_window_bits=15",
        ),
        ("other; x=1", "none"),
        ("Permessage-Deflate", "none"),
        ("__proto__, constructor; toString", "none"),
    ];
    for (offer, answer) in cases {
        assert_eq!(server_answers(&server, offer), answer, "{offer}");
    }
}

#[test]
fn server_adds_what_its_options_demand() {
    let server = options((Some(true), Some(true)), (WindowBits::Bits(11), WindowBits::Bits(10)));
    assert_eq!(
        server_answers(&server, "permessage-deflate; client_max_window_bits"),
        "permessage-deflate; client_max_window_bits=10; server_no_context_takeover; \
         client_no_context_takeover; server_max_window_bits=11"
    );
    let server = options((None, None), (UNSET, WindowBits::Allowed(false)));
    assert_eq!(
        server_answers(&server, "permessage-deflate; client_max_window_bits=12"),
        "permessage-deflate"
    );
}

#[test]
fn server_takes_the_first_acceptable_of_several_offers() {
    let server = options((None, None), (WindowBits::Bits(12), WindowBits::Bits(12)));
    let offers = "permessage-deflate; server_max_window_bits=10; client_max_window_bits, \
                  permessage-deflate, \
                  permessage-deflate; client_max_window_bits=11, \
                  permessage-deflate; client_max_window_bits=13; server_max_window_bits=13, \
                  permessage-deflate; client_max_window_bits";
    assert_eq!(
        server_answers(&server, offers),
        "permessage-deflate; client_max_window_bits=12; server_max_window_bits=12"
    );
}

#[test]
fn server_refuses_when_nothing_is_acceptable() {
    let nothing = "400: None of the extension offers can be accepted";
    let cases = [
        (
            options((Some(false), None), (UNSET, UNSET)),
            "permessage-deflate; server_no_context_takeover",
        ),
        (
            options((None, None), (WindowBits::Allowed(false), UNSET)),
            "permessage-deflate; server_max_window_bits=15",
        ),
        (
            options((None, None), (WindowBits::Bits(12), UNSET)),
            "permessage-deflate; server_max_window_bits=11",
        ),
        (options((None, None), (UNSET, WindowBits::Bits(12))), "permessage-deflate"),
        (
            options((None, None), (UNSET, WindowBits::Bits(12))),
            "permessage-deflate; client_max_window_bits=11",
        ),
    ];
    for (server, offer) in cases {
        assert_eq!(server_answers(&server, offer), nothing, "{offer}");
        // Declined offers of another extension do not help.
        assert_eq!(server_answers(&server, &format!("{offer}, other")), nothing);
        assert_eq!(server_answers(&Options::default(), offer).get(..4), Some("perm"));
    }
}

#[test]
fn server_goes_on_without_compression_when_only_eight_bits_are_offered() {
    let server = Options::default();
    assert_eq!(server_answers(&server, "permessage-deflate; server_max_window_bits=8"), "none");
    assert_eq!(
        server_answers(&server, "permessage-deflate; server_max_window_bits=8, permessage-deflate"),
        "permessage-deflate"
    );
    // Nor does it announce them.
    let server = options((None, None), (WindowBits::Bits(8), UNSET));
    assert_eq!(
        server_answers(&server, "permessage-deflate"),
        "permessage-deflate; server_max_window_bits=9"
    );
}

/// Parameters that spoil a header for both sides, and what is said of them.
const BAD_PARAMS: &[(&str, &str)] = &[
    ("foo", "Unknown parameter \"foo\""),
    ("__proto__", "Unknown parameter \"__proto__\""),
    ("foo; foo", "Parameter \"foo\" must have only a single value"),
    (
        "client_no_context_takeover; client_no_context_takeover",
        "Parameter \"client_no_context_takeover\" must have only a single value",
    ),
    (
        "server_max_window_bits=10; foo; server_max_window_bits=10",
        "Parameter \"server_max_window_bits\" must have only a single value",
    ),
    (
        "server_no_context_takeover=1",
        "Invalid value for parameter \"server_no_context_takeover\": 1",
    ),
    (
        "client_no_context_takeover=true",
        "Invalid value for parameter \"client_no_context_takeover\": true",
    ),
    ("server_max_window_bits", "Invalid value for parameter \"server_max_window_bits\": true"),
];

/// Values that are no decimal integer between 8 and 15 without leading zeros.
const BAD_BITS: &[&str] =
    &["7", "16", "0", "1", "255", "264", "a", "010", "0xf", "+9", "-9", "9.0", "1e1"];

#[test]
fn a_bad_parameter_spoils_the_whole_header() {
    let both = |params: &str, text: &str| {
        let header = format!("permessage-deflate, permessage-deflate; {params}");
        let offer = Options::default().accept_offers(&header);
        let response = Options::default().accept_response(&header);
        let (offer, response) = (offer.unwrap_err(), response.unwrap_err());
        assert_eq!(offer.to_string(), text);
        assert_eq!(offer, response);
        assert_eq!(
            offer.refusal(Role::Server),
            "Invalid or unacceptable Sec-WebSocket-Extensions header"
        );
        assert_eq!(offer.refusal(Role::Client), "Invalid Sec-WebSocket-Extensions header");
    };
    for (params, text) in BAD_PARAMS {
        both(params, text);
    }
    for value in BAD_BITS {
        for name in ["server_max_window_bits", "client_max_window_bits"] {
            let text = format!("Invalid value for parameter \"{name}\": {value}");
            both(&format!("{name}={value}"), &text);
        }
    }
}

#[test]
fn a_header_that_is_no_list_is_refused() {
    for header in ["permessage-deflate;", "", "permessage-deflate; =1"] {
        let refused = |error| matches!(error, NegotiationError::Syntax(_));
        assert!(Options::default().accept_offers(header).is_err_and(refused));
        assert!(Options::default().accept_response(header).is_err_and(refused));
    }
}

#[test]
fn client_offers_what_its_options_say() {
    let cases = [
        (Options::default(), "; client_max_window_bits"),
        (
            options((Some(true), Some(true)), (WindowBits::Bits(12), WindowBits::Bits(10))),
            "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=12; \
             client_max_window_bits=10",
        ),
        (
            options(
                (Some(false), Some(false)),
                (WindowBits::Allowed(false), WindowBits::Allowed(false)),
            ),
            "",
        ),
        (
            options((None, None), (WindowBits::Allowed(true), WindowBits::Allowed(true))),
            "; client_max_window_bits",
        ),
        (
            options((None, None), (WindowBits::Bits(8), WindowBits::Bits(8))),
            "; server_max_window_bits=8; client_max_window_bits=9",
        ),
    ];
    for (client, params) in cases {
        assert_eq!(client.offer(), format!("permessage-deflate{params}"));
    }
}

#[test]
fn client_judges_the_response() {
    let any = Options::default();
    let full = "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                server_max_window_bits=9; client_max_window_bits=12";
    let expected = Params {
        server_no_context_takeover: true,
        client_no_context_takeover: true,
        server_max_window_bits: Some(9),
        client_max_window_bits: Some(12),
    };
    assert_eq!(any.accept_response(full), Ok(expected));
    assert_eq!(any.accept_response("permessage-deflate"), Ok(Params::default()));

    let refused = |client: &Options, response: &str| {
        client.accept_response(response).unwrap_err().to_string()
    };
    // RFC 7692, 7.1.2.2: only an offer may leave out the value.
    assert_eq!(
        refused(&any, "permessage-deflate; client_max_window_bits"),
        "Invalid value for parameter \"client_max_window_bits\": true"
    );
    let bits = "Unexpected or invalid parameter \"client_max_window_bits\"";
    let unwilling = options((None, Some(false)), (UNSET, WindowBits::Allowed(false)));
    assert_eq!(refused(&unwilling, "permessage-deflate; client_max_window_bits=10"), bits);
    assert_eq!(
        refused(&unwilling, "permessage-deflate; client_no_context_takeover"),
        "Unexpected parameter \"client_no_context_takeover\""
    );
    let small = options((None, None), (UNSET, WindowBits::Bits(10)));
    assert_eq!(refused(&small, "permessage-deflate; client_max_window_bits=11"), bits);
    let silent = small.accept_response("permessage-deflate").unwrap();
    assert_eq!(silent.client_max_window_bits, Some(10));
    for response in ["other", "permessage-deflate, other", "other, permessage-deflate"] {
        let error = any.accept_response(response).unwrap_err();
        assert_eq!(error, NegotiationError::NotOffered);
        assert_eq!(
            error.refusal(Role::Client),
            "Server indicated an extension that was not requested"
        );
    }
}

#[test]
fn config_is_the_agreement_seen_from_one_side() {
    let params = Params {
        server_no_context_takeover: true,
        client_no_context_takeover: false,
        server_max_window_bits: Some(11),
        client_max_window_bits: None,
    };
    let server = params.config(Role::Server, &Options::default());
    assert!(server.send_no_context_takeover && !server.receive_no_context_takeover);
    assert_eq!((server.send_window_bits, server.level, server.mem_level), (11, 2, 8));
    assert_eq!(server.threshold_bytes, 1024);
    let smaller = Options { window_bits: Some(10), level: Some(9), ..Options::default() };
    let client = params.config(Role::Client, &smaller);
    assert!(!client.send_no_context_takeover && client.receive_no_context_takeover);
    assert_eq!((client.send_window_bits, client.level), (10, 9));
    let larger = Options { window_bits: Some(15), ..Options::default() };
    assert_eq!(params.config(Role::Server, &larger).send_window_bits, 11);
}
