//! The opening handshake's rules and the error table, for JavaScript to apply.
#![expect(clippy::needless_pass_by_value, reason = "a derived function owns its arguments")]

use napi::bindgen_prelude::Either;
use napi_derive::napi;
use offloop_protocol::deflate::{DeflateConfig, Options, Params, WindowBits};
use offloop_protocol::handshake::client::{self, Asked, Response};
use offloop_protocol::handshake::server::{self, Request};
use offloop_protocol::{Error, Role};

/// Why an upgrade request is refused.
#[napi(object)]
pub(super) struct UpgradeRefusal {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub message: String,
    /// Whether the response names the versions that would do.
    pub version_header: bool,
}

/// Judges the headers of an upgrade request (RFC 6455, 4.2.1); an absent header is null. Returns
/// `Sec-WebSocket-Accept` for a good one. The sub-protocols are then a list of distinct tokens.
#[napi]
pub(super) fn judge_upgrade(
    method: String,
    upgrade: Option<String>,
    connection: Option<String>,
    key: Option<String>,
    version: Option<String>,
    protocols: Option<String>,
) -> Either<String, UpgradeRefusal> {
    let request = Request {
        method: &method,
        upgrade: upgrade.as_deref(),
        connection: connection.as_deref(),
        key: key.as_deref(),
        version: version.as_deref(),
        protocols: protocols.as_deref(),
    };
    match server::judge(&request) {
        Ok(accepted) => Either::A(accepted.accept),
        Err(refusal) => Either::B(UpgradeRefusal {
            status: refusal.status(),
            message: refusal.message().to_owned(),
            version_header: refusal.extra_header().is_some(),
        }),
    }
}

/// One rule that a peer can break.
#[napi(object)]
pub(super) struct ErrorRow {
    /// The `code` of the error.
    pub name: String,
    /// The close code that the peer is sent.
    pub close_code: u16,
    /// The error's JavaScript class.
    pub class: String,
    /// The text; `%d` stands for the event's number.
    pub message: String,
}

/// The error table, in the order that `Failed` events count in.
#[napi]
pub(super) fn error_table() -> Vec<ErrorRow> {
    let row = |row: &offloop_protocol::Row| ErrorRow {
        name: row.name.to_owned(),
        close_code: row.close_code,
        class: row.class.to_owned(),
        message: row.message.to_owned(),
    };
    Error::rows().iter().map(row).collect()
}

/// What the user wants of permessage-deflate; null is unset, as in `ws`.
#[napi(object)]
pub(super) struct DeflateOptions {
    pub server_no_context_takeover: Option<bool>,
    pub client_no_context_takeover: Option<bool>,
    /// 0 refuses the parameter, 1 allows it, 8 to 15 is the most.
    pub server_max_window_bits: Option<u8>,
    /// As above.
    pub client_max_window_bits: Option<u8>,
    /// In bytes.
    pub threshold: u32,
    pub level: Option<i32>,
    pub mem_level: Option<u8>,
    pub window_bits: Option<u8>,
}

/// What became of `Sec-WebSocket-Extensions`, a request's or a response's.
#[napi(object)]
pub(super) struct Negotiated {
    /// The body of the refusal, if a request's header is not one.
    pub refusal: Option<String>,
    /// The response's header, if an offer was accepted.
    pub header: Option<String>,
    /// What `adopt` and `openStream` take among their flags: 4 compressed, 8 no context kept in
    /// sending, 16 nor in receiving; from bit 8 the window bits, from bit 12 the level plus one,
    /// from bit 16 the memory level.
    pub flags: u32,
    /// The parameters agreed on.
    pub server_no_context_takeover: bool,
    pub client_no_context_takeover: bool,
    pub server_max_window_bits: Option<u8>,
    pub client_max_window_bits: Option<u8>,
}

/// Chooses among a client's offers of permessage-deflate (RFC 7692, 7.1).
#[napi]
pub(super) fn negotiate_deflate(header: String, wanted: DeflateOptions) -> Negotiated {
    let options = Options::from(&wanted);
    let settled = |params| negotiated(params, Role::Server, &options);
    match options.accept_offers(&header) {
        Err(error) => {
            let refusal = Some(error.refusal(Role::Server).to_owned());
            Negotiated { refusal, ..settled(None) }
        }
        Ok(None) => settled(None),
        Ok(Some(accepted)) => {
            Negotiated { header: Some(accepted.header), ..settled(Some(accepted.params)) }
        }
    }
}

/// A client's offer of permessage-deflate: the value of its `Sec-WebSocket-Extensions`.
#[napi]
pub(super) fn offer_deflate(wanted: DeflateOptions) -> String {
    Options::from(&wanted).offer()
}

/// What became of a response to an upgrade request.
#[napi(object)]
pub(super) struct ResponseJudgement {
    /// Why the connection is to be failed.
    pub failure: Option<String>,
    /// What was agreed on, if the messages may be compressed.
    pub deflate: Option<Negotiated>,
}

/// Judges the headers of a response (RFC 6455, 4.1); an absent header is null. `key` and `protocols`
/// are what the request had, `offered` is what `offer_deflate` made its offer of, if it made one.
#[napi]
pub(super) fn judge_response(
    upgrade: Option<String>,
    accept: Option<String>,
    protocol: Option<String>,
    extensions: Option<String>,
    key: String,
    protocols: Vec<String>,
    offered: Option<DeflateOptions>,
) -> ResponseJudgement {
    let response = Response {
        upgrade: upgrade.as_deref(),
        accept: accept.as_deref(),
        protocol: protocol.as_deref(),
        extensions: extensions.as_deref(),
    };
    let options = offered.as_ref().map(Options::from);
    let asked = Asked { key: &key, protocols: &protocols, deflate: options.as_ref() };
    match client::judge_response(&response, &asked) {
        Err(failure) => {
            ResponseJudgement { failure: Some(failure.message().to_owned()), deflate: None }
        }
        Ok(params) => {
            let deflate = options
                .filter(|_| params.is_some())
                .map(|options| negotiated(params, Role::Client, &options));
            ResponseJudgement { failure: None, deflate }
        }
    }
}

impl From<&DeflateOptions> for Options {
    fn from(wanted: &DeflateOptions) -> Self {
        Self {
            server_no_context_takeover: wanted.server_no_context_takeover,
            client_no_context_takeover: wanted.client_no_context_takeover,
            server_max_window_bits: window_bits(wanted.server_max_window_bits),
            client_max_window_bits: window_bits(wanted.client_max_window_bits),
            threshold_bytes: wanted.threshold,
            level: wanted.level.and_then(|level| i8::try_from(level).ok()),
            mem_level: wanted.mem_level,
            window_bits: wanted.window_bits,
        }
    }
}

/// What was agreed on, if anything was, as one side sees it.
fn negotiated(agreed: Option<Params>, role: Role, options: &Options) -> Negotiated {
    let params = agreed.unwrap_or_default();
    Negotiated {
        refusal: None,
        header: None,
        flags: agreed.map_or(0, |params| flags(&params.config(role, options))),
        server_no_context_takeover: params.server_no_context_takeover,
        client_no_context_takeover: params.client_no_context_takeover,
        server_max_window_bits: params.server_max_window_bits,
        client_max_window_bits: params.client_max_window_bits,
    }
}

fn window_bits(wanted: Option<u8>) -> WindowBits {
    match wanted {
        None => WindowBits::Unset,
        Some(0) => WindowBits::Allowed(false),
        Some(1) => WindowBits::Allowed(true),
        Some(bits) => WindowBits::Bits(bits),
    }
}

fn flags(config: &DeflateConfig) -> u32 {
    let level = u32::from(config.level.saturating_add(1).unsigned_abs());
    1 << 2
        | u32::from(config.send_no_context_takeover) << 3
        | u32::from(config.receive_no_context_takeover) << 4
        | u32::from(config.send_window_bits) << 8
        | level << 12
        | u32::from(config.mem_level) << 16
}
