//! The opening handshake's rules and the error table, for JavaScript to apply.
#![expect(clippy::needless_pass_by_value, reason = "a derived function owns its arguments")]

use napi_derive::napi;
use offloop_protocol::Error;
use offloop_protocol::handshake::server::{self, Request};

/// What became of an upgrade request: an accepted one has `status` 0.
#[napi(object)]
pub(super) struct Judgement {
    /// The HTTP status of a refusal.
    pub status: u16,
    /// The body of a refusal.
    pub message: Option<String>,
    /// Whether a refusal names the versions that would do.
    pub version_header: bool,
    /// `Sec-WebSocket-Accept` of an acceptance.
    pub accept: Option<String>,
    /// The offered sub-protocols of an acceptance.
    pub protocols: Option<Vec<String>>,
}

/// Judges the headers of an upgrade request (RFC 6455, 4.2.1); an absent header is null.
#[napi]
pub(super) fn judge_upgrade(
    method: String,
    upgrade: Option<String>,
    connection: Option<String>,
    key: Option<String>,
    version: Option<String>,
    protocols: Option<String>,
) -> Judgement {
    let request = Request {
        method: &method,
        upgrade: upgrade.as_deref(),
        connection: connection.as_deref(),
        key: key.as_deref(),
        version: version.as_deref(),
        protocols: protocols.as_deref(),
    };
    match server::judge(&request) {
        Ok(accepted) => Judgement {
            status: 0,
            message: None,
            version_header: false,
            accept: Some(accepted.accept),
            protocols: Some(accepted.protocols.into_iter().map(str::to_owned).collect()),
        },
        Err(refusal) => Judgement {
            status: refusal.status(),
            message: Some(refusal.message().to_owned()),
            version_header: refusal.extra_header().is_some(),
            accept: None,
            protocols: None,
        },
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
