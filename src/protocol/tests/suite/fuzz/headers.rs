//! The headers of the opening handshake: grammars, negotiation in both roles, the judgements.

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use offloop_protocol::deflate::{NegotiationError, Options, Params, WindowBits};
use offloop_protocol::handshake::client::{Asked, Failure, Response, judge_response};
use offloop_protocol::handshake::server::{Accepted, Refusal, Request, judge};
use offloop_protocol::handshake::{SubprotocolError, accept_key, parse_subprotocols};
use offloop_protocol::{
    Config, Extension, ExtensionError, MessageKind, Outgoing, Payload, Role, format_extensions,
    parse_extensions,
};

use super::script::Script;
use crate::support::{Peer, Seen};

/// Which of them, options where there are any, then headers.
pub(crate) fn headers(input: &[u8]) {
    let mut script = Script::new(input);
    match script.byte() % 5 {
        0 => extensions(&header(script)),
        1 => subprotocols(&header(script)),
        2 => {
            let (server, client) = (options(&mut script), options(&mut script));
            agreement(&server, &client);
            offers(&server, &header(script));
        }
        3 => request(&header(script)),
        _ => {
            let options = (script.byte() & 1 == 0).then(|| options(&mut script));
            response(options.as_ref(), &header(script));
        }
    }
}

/// What is left, as an HTTP parser would let it through.
fn header(script: Script<'_>) -> String {
    String::from_utf8_lossy(script.rest()).replace(['\r', '\0'], " ")
}

fn is_token(name: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_graphic() && !b"\"(),/:;<=>?@[\\]{}".contains(&byte);
    !name.is_empty() && name.bytes().all(is_token)
}

fn extensions(header: &str) {
    match parse_extensions(header) {
        Ok(list) => {
            for extension in &list {
                assert!(is_token(extension.name));
                for param in &extension.params {
                    assert!(is_token(param.name));
                    assert!(param.value.as_deref().is_none_or(is_token));
                }
            }
            // No value holds a delimiter, not even between quotes.
            let count = |delimiter| header.matches(delimiter).count();
            assert_eq!(header.trim(), header);
            assert_eq!(list.len(), count(',') + 1);
            let params: Vec<_> = list.iter().flat_map(|extension| &extension.params).collect();
            assert_eq!(params.len(), count(';'));
            let values = params.iter().filter(|param| param.value.is_some());
            assert_eq!(values.count(), count('='));
            assert_eq!(parse_extensions(&format_extensions(&list)).as_ref(), Ok(&list));
        }
        Err(ExtensionError::UnexpectedCharacter(index)) => {
            assert!(index < header.len() && header.is_char_boundary(index));
            let front = parse_extensions(&header[..index]);
            assert!(matches!(front, Ok(_) | Err(ExtensionError::UnexpectedEnd)));
        }
        Err(ExtensionError::UnexpectedEnd) => {
            // More of it would have made it a list.
            let could_go_on = |more: &&str| parse_extensions(&format!("{header}{more}")).is_ok();
            assert!(["x", ",x", "x\"", "\""].iter().any(could_go_on), "{header:?}");
        }
    }
}

fn subprotocols(header: &str) {
    match parse_subprotocols(header) {
        Ok(names) => {
            let distinct: HashSet<_> = names.iter().collect();
            assert!(!names.is_empty() && distinct.len() == names.len());
            assert!(names.iter().all(|name| is_token(name)));
            let plain: Vec<_> = header.split(',').map(str::trim).collect();
            assert_eq!(names, plain);
        }
        Err(SubprotocolError::UnexpectedCharacter(index)) => {
            assert!(index < header.len() && header.is_char_boundary(index));
            let front = parse_subprotocols(&header[..index]);
            assert!(!matches!(front, Err(SubprotocolError::UnexpectedCharacter(_))));
        }
        Err(SubprotocolError::UnexpectedEnd) => {
            let could_go_on = |more: &&str| {
                !matches!(
                    parse_subprotocols(&format!("{header}{more}")),
                    Err(SubprotocolError::UnexpectedCharacter(_) | SubprotocolError::UnexpectedEnd)
                )
            };
            assert!(["x", ",x"].iter().any(could_go_on), "{header:?}");
        }
        Err(SubprotocolError::Duplicate(name)) => {
            assert!(is_token(name));
            let same = header.split(',').filter(|element| element.trim() == name);
            assert!(same.count() > 1);
        }
    }
}

/// Anything that the user may ask for.
fn options(script: &mut Script<'_>) -> Options {
    let takeover = |flags: u8| match flags & 3 {
        0 | 1 => None,
        2 => Some(false),
        _ => Some(true),
    };
    let bits = |flags: u8| match flags & 15 {
        0..=3 => WindowBits::Unset,
        4 => WindowBits::Allowed(false),
        5 => WindowBits::Allowed(true),
        bits => WindowBits::Bits(bits + 1),
    };
    let (takeovers, windows, compressor) = (script.byte(), script.byte(), script.byte());
    let level = i8::try_from(compressor % 11).unwrap_or_default() - 1;
    Options {
        server_no_context_takeover: takeover(takeovers),
        client_no_context_takeover: takeover(takeovers >> 2),
        server_max_window_bits: bits(windows),
        client_max_window_bits: bits(windows >> 4),
        threshold_bytes: u32::from(takeovers >> 4),
        level: (compressor & 1 == 0).then_some(level),
        mem_level: (compressor & 2 == 0).then_some(1 + compressor % 9),
        window_bits: (compressor & 4 == 0).then_some(8 + compressor % 8),
    }
}

/// What a server and a client make of any header. RFC 7692, 7.1: a server may only demand what one
/// offer admits, a client take nothing but this extension, and neither a parameter twice.
fn offers(server: &Options, header: &str) {
    let anything = Options::default();
    let is_ours = |extension: &Extension<'_>| extension.name == "permessage-deflate";
    if let Ok(params) = anything.accept_response(header) {
        check_bits(params, 8);
        assert!(parse_extensions(header).unwrap().iter().all(|it| is_ours(it) && !repeats(it)));
    }
    if let Ok(Some(accepted)) = server.accept_offers(header) {
        check_bits(accepted.params, 9);
        assert_eq!(anything.accept_response(&accepted.header), Ok(accepted.params));
        let offers = parse_extensions(header).unwrap();
        assert!(offers.iter().any(|offer| admits(offer, accepted.params)));
        assert!(!offers.iter().any(|it| is_ours(it) && repeats(it)));
    }
}

fn repeats(extension: &Extension<'_>) -> bool {
    let names: HashSet<_> = extension.params.iter().map(|param| param.name).collect();
    names.len() < extension.params.len()
}

fn check_bits(params: Params, fewest_of_server: u8) {
    let server = params.server_max_window_bits;
    assert!(server.is_none_or(|bits| (fewest_of_server..=15).contains(&bits)));
    assert!(params.client_max_window_bits.is_none_or(|bits| (8..=15).contains(&bits)));
}

fn admits(offer: &Extension<'_>, chosen: Params) -> bool {
    let value = |name: &str| {
        let param = offer.params.iter().find(|param| param.name == name)?;
        Some(param.value.as_deref().map_or(15, |bits| bits.parse::<u8>().unwrap()))
    };
    let within = |chosen: Option<u8>, most: Option<u8>| chosen.unwrap_or(15) <= most.unwrap_or(15);
    offer.name == "permessage-deflate"
        && (chosen.server_no_context_takeover || value("server_no_context_takeover").is_none())
        && within(chosen.server_max_window_bits, value("server_max_window_bits"))
        && (chosen.client_max_window_bits.is_none() || value("client_max_window_bits").is_some())
        && chosen
            .client_max_window_bits
            .is_none_or(|bits| value("client_max_window_bits").is_some_and(|most| bits <= most))
}

/// Whatever a server and a client want: they agree, and then understand each other, or do without.
fn agreement(server: &Options, client: &Options) {
    let offer = client.offer();
    let accepted = match server.accept_offers(&offer) {
        Ok(Some(accepted)) => accepted,
        Ok(None) | Err(NegotiationError::NothingAcceptable) => return,
        Err(error) => panic!("{error}: {offer}"),
    };
    assert!(admits(&parse_extensions(&offer).unwrap()[0], accepted.params));
    let params = match client.accept_response(&accepted.header) {
        Ok(params) => params,
        // The one wish that an offer cannot express.
        Err(NegotiationError::UnexpectedClientNoContextTakeover) => {
            assert_eq!(client.client_no_context_takeover, Some(false));
            return;
        }
        Err(error) => panic!("{error}: {}", accepted.header),
    };
    let config = |params: Params, role, options| {
        let deflate = Some(params.config(role, options));
        Config { deflate, ..Config::default() }
    };
    let mut server = Peer::new(Role::Server, &config(accepted.params, Role::Server, server));
    let mut client = Peer::new(Role::Client, &config(params, Role::Client, client));
    for payload in [&b"some text, some text"[..], b"and again some text, some text"] {
        for (from, to) in [(0, 1), (1, 0)] {
            let peers = [&mut server, &mut client];
            let message = Outgoing {
                kind: MessageKind::Text,
                fin: true,
                compress: true,
                payload: Payload::Slice(payload),
            };
            let Peer { connection, host, .. } = &mut *peers[from];
            connection.send_message(message, host).unwrap();
            let wire = std::mem::take(&mut host.wire);
            assert_eq!(peers[to].feed(&wire), [Seen::Text(payload.to_vec())]);
        }
    }
}

/// The lines are the request's values; an empty one stands for a header that is absent.
fn request(lines: &str) {
    let mut lines = lines.split('\n').map(|line| (!line.is_empty()).then_some(line));
    let mut next = || lines.next().flatten();
    let request = Request {
        method: next().unwrap_or_default(),
        upgrade: next(),
        connection: next(),
        key: next(),
        version: next(),
        protocols: next(),
    };
    match judge(&request) {
        Ok(accepted) => {
            assert_eq!(first_fault(&request), None);
            assert_eq!(request.protocols.is_none(), accepted.protocols.is_empty());
            check_response(&request, &accepted);
        }
        Err(refusal) => assert_eq!(Some(refusal), first_fault(&request)),
    }
}

/// RFC 6455, 4.2.1, said in another way.
fn first_fault(request: &Request<'_>) -> Option<Refusal> {
    let lower = |value: Option<&str>| value.map(str::to_ascii_lowercase);
    let is_listed = |list: String| list.split(',').any(|element| element.trim() == "upgrade");
    let is_key = |key: &str| {
        // The last digit's spare bits may be anything.
        let digits = key.strip_suffix("==").filter(|digits| digits.is_ascii())?;
        let (front, last) = digits.split_at_checked(21).filter(|(_, last)| last.len() == 1)?;
        let is_digit = STANDARD_NO_PAD.decode(last.repeat(4)).is_ok();
        STANDARD_NO_PAD.decode(format!("{front}A")).ok().filter(|key| is_digit && key.len() == 16)
    };
    if request.method != "GET" {
        Some(Refusal::Method)
    } else if lower(request.upgrade).as_deref() != Some("websocket") {
        Some(Refusal::Upgrade)
    } else if !lower(request.connection).is_none_or(is_listed) {
        Some(Refusal::Connection)
    } else if request.key.and_then(is_key).is_none() {
        Some(Refusal::Key)
    } else if request.version != Some("13") && request.version != Some("8") {
        Some(Refusal::Version)
    } else if request.protocols.is_some_and(|list| parse_subprotocols(list).is_err()) {
        Some(Refusal::Protocols)
    } else {
        None
    }
}

/// The response is one of HTTP whatever was asked for, and a client takes it.
fn check_response(request: &Request<'_>, accepted: &Accepted<'_>) {
    let protocol = accepted.protocols.first().copied();
    let response = accepted.response(protocol, None);
    let lines: Vec<_> = response.split("\r\n").collect();
    let [status, headers @ .., "", ""] = lines.as_slice() else { panic!("{response:?}") };
    assert!(status.starts_with("HTTP/1.1 101 "));
    let value = |name: &str| {
        let lines = headers.iter().map(|line| line.split_once(": ").unwrap());
        let mut values = lines.filter(|(known, _)| *known == name).map(|(_, value)| value);
        let value = values.next();
        assert_eq!(values.next(), None);
        value
    };
    let protocols: Vec<_> = accepted.protocols.iter().map(|name| (*name).to_owned()).collect();
    let asked =
        Asked { key: request.key.unwrap_or_default(), protocols: &protocols, deflate: None };
    let response = Response {
        upgrade: value("Upgrade"),
        accept: value("Sec-WebSocket-Accept"),
        protocol: value("Sec-WebSocket-Protocol"),
        extensions: value("Sec-WebSocket-Extensions"),
    };
    assert_eq!(judge_response(&response, &asked), Ok(None));
}

/// The lines are the key, the subprotocols asked for, and the response's values, as in [`request`].
fn response(options: Option<&Options>, lines: &str) {
    let mut lines = lines.split('\n').map(|line| (!line.is_empty()).then_some(line));
    let mut next = || lines.next().flatten();
    let key = next().unwrap_or_default();
    let protocols: Vec<_> = next().into_iter().flat_map(|names| names.split(',')).collect();
    let protocols: Vec<_> = protocols.into_iter().map(str::to_owned).collect();
    let (upgrade, accept) = (next(), next());
    let accept_key = accept_key(key);
    let response = Response {
        upgrade,
        // Nobody guesses it.
        accept: if accept == Some("=") { Some(&accept_key) } else { accept },
        protocol: next(),
        extensions: next(),
    };
    let asked = Asked { key, protocols: &protocols, deflate: options };
    let judged = judge_response(&response, &asked);
    let failure = first_failure(&response, &asked, &accept_key);
    match (judged, options.zip(response.extensions)) {
        (Ok(None), None) => assert_eq!(failure, None),
        (Ok(Some(params)), Some((options, _))) => {
            assert_eq!(failure, None);
            check_bits(params, 8);
            check_demands(params, options);
        }
        (Err(Failure::Extensions(_)), Some((options, header))) => {
            assert_eq!(failure, None);
            let plain = Options::default().accept_offers(&options.offer()).unwrap();
            assert!(plain.is_none_or(|accepted| accepted.header != header));
        }
        (judged, _) => assert_eq!(judged.err(), failure),
    }
}

/// RFC 6455, 4.1, said in another way, but for what the extensions are.
fn first_failure(response: &Response<'_>, asked: &Asked<'_>, accept_key: &str) -> Option<Failure> {
    let upgrade = response.upgrade.map(str::to_ascii_lowercase);
    if upgrade.as_deref() != Some("websocket") {
        return Some(Failure::Upgrade);
    }
    if response.accept != Some(accept_key) {
        return Some(Failure::Accept);
    }
    let names: HashSet<_> = asked.protocols.iter().map(String::as_str).collect();
    match (names.is_empty(), response.protocol) {
        (true, Some(_)) => Some(Failure::UnrequestedSubprotocol),
        (false, None) => Some(Failure::NoSubprotocol),
        (false, Some(name)) if !names.contains(name) => Some(Failure::InvalidSubprotocol),
        _ if response.extensions.is_some() && asked.deflate.is_none() => {
            Some(Failure::UnrequestedExtensions)
        }
        _ => None,
    }
}

/// A server may demand of the client only what the client's options leave room for.
fn check_demands(params: Params, options: &Options) {
    if options.client_no_context_takeover == Some(false) {
        assert!(!params.client_no_context_takeover);
    }
    match options.client_max_window_bits {
        WindowBits::Bits(own) => {
            assert!(params.client_max_window_bits.is_some_and(|bits| bits <= own.max(9)));
        }
        WindowBits::Allowed(false) => assert_eq!(params.client_max_window_bits, None),
        WindowBits::Allowed(true) | WindowBits::Unset => {}
    }
}
