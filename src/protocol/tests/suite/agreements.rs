//! What a server may answer to an offer, over all options and offers; and that both sides read the
//! answer alike. RFC 7692, sections 7.1.1 and 7.1.2.

use offloop_protocol::deflate::{Options, WindowBits};
use offloop_protocol::{Extension, Role, parse_extensions};

const FLAGS: [Option<bool>; 3] = [None, Some(false), Some(true)];

const BITS: [WindowBits; 7] = [
    WindowBits::Unset,
    WindowBits::Allowed(false),
    WindowBits::Allowed(true),
    WindowBits::Bits(8),
    WindowBits::Bits(9),
    WindowBits::Bits(12),
    WindowBits::Bits(15),
];

/// Every combination of the four options.
fn all_options() -> Vec<Options> {
    let mut all = Vec::new();
    for server_no_context_takeover in FLAGS {
        for client_no_context_takeover in FLAGS {
            for server_max_window_bits in BITS {
                all.extend(BITS.map(|client_max_window_bits| Options {
                    server_no_context_takeover,
                    client_no_context_takeover,
                    server_max_window_bits,
                    client_max_window_bits,
                    ..Options::default()
                }));
            }
        }
    }
    all
}

/// Every combination of the four parameters.
fn all_offers() -> Vec<String> {
    let mut all = Vec::new();
    for server_takeover in ["", "; server_no_context_takeover"] {
        for client_takeover in ["", "; client_no_context_takeover"] {
            for server_bits in ["", "=8", "=9", "=12", "=15"] {
                for client_bits in ["", " ", "=8", "=9", "=12", "=15"] {
                    let mut offer = format!("permessage-deflate{server_takeover}{client_takeover}");
                    if !server_bits.is_empty() {
                        offer.push_str("; server_max_window_bits");
                        offer.push_str(server_bits);
                    }
                    if !client_bits.is_empty() {
                        offer.push_str("; client_max_window_bits");
                        offer.push_str(client_bits.trim());
                    }
                    all.push(offer);
                }
            }
        }
    }
    all
}

/// Whether a parameter is there.
fn has(extension: &Extension<'_>, name: &str) -> bool {
    extension.params.iter().any(|param| param.name == name)
}

/// The value of a parameter as a number, if it is there and has one.
fn bits(extension: &Extension<'_>, name: &str) -> Option<u8> {
    let param = extension.params.iter().find(|param| param.name == name)?;
    param.value.as_ref().map(|value| value.parse().unwrap())
}

#[test]
fn server_answers_within_what_was_offered() {
    let mut answers = 0;
    for offer in all_offers() {
        for options in all_options() {
            let Ok(Some(accepted)) = options.accept_offers(&offer) else { continue };
            answers += 1;
            let why = format!("{offer} -> {} by {options:?}", accepted.header);
            let [offered, answered] = [&offer, &accepted.header]
                .map(|header| parse_extensions(header).unwrap().remove(0));
            assert_eq!(answered.name, "permessage-deflate");
            // 7.1.1.1: what the client asks of the server is promised.
            if has(&offered, "server_no_context_takeover") {
                assert!(has(&answered, "server_no_context_takeover"), "{why}");
            }
            // 7.1.2.1: the same window or a smaller one.
            if let Some(most) = bits(&offered, "server_max_window_bits") {
                let window = bits(&answered, "server_max_window_bits");
                assert!(window.is_some_and(|bits| bits <= most), "{why}");
            }
            // 7.1.2.2: asked of the client only if it knows of it, and never more than it offered.
            let window = bits(&answered, "client_max_window_bits");
            assert_eq!(has(&answered, "client_max_window_bits"), window.is_some(), "{why}");
            if let Some(window) = window {
                assert!(has(&offered, "client_max_window_bits"), "{why}");
                let most = bits(&offered, "client_max_window_bits").unwrap_or(15);
                assert!(window <= most, "{why}");
            }
            // What a client without wishes of its own makes of it is what the server meant.
            assert_eq!(Options::default().accept_response(&accepted.header), Ok(accepted.params));
        }
    }
    assert!(answers > 10_000, "{answers}");
}

#[test]
fn neither_side_sends_what_the_other_cannot_inflate() {
    let mut agreements = 0;
    for client in all_options() {
        let offer = client.offer();
        for server in all_options() {
            let Ok(Some(accepted)) = server.accept_offers(&offer) else { continue };
            let Ok(params) = client.accept_response(&accepted.header) else {
                // It refuses to forget its context, which a server may demand.
                assert_eq!(client.client_no_context_takeover, Some(false));
                continue;
            };
            agreements += 1;
            let ours = params.config(Role::Client, &client);
            let theirs = accepted.params.config(Role::Server, &server);
            // An inflater that is kept reads messages that refer to nothing, not the other way round.
            assert!(ours.send_no_context_takeover || !theirs.receive_no_context_takeover);
            assert!(theirs.send_no_context_takeover || !ours.receive_no_context_takeover);
            let agreed = accepted.params.client_max_window_bits.unwrap_or(15);
            assert!(ours.send_window_bits <= agreed);
            let asked = parse_extensions(&offer).unwrap();
            let most = bits(&asked[0], "server_max_window_bits").unwrap_or(15);
            assert!(theirs.send_window_bits <= most);
        }
    }
    assert!(agreements > 10_000, "{agreements}");
}
