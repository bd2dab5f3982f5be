//! Opens connections and holds them, silent, until standard input ends.

use std::io::{self, Read};

use mio::Poll;

use crate::args::Target;
use crate::connection::Connection;
use crate::opening::open_all;
use crate::payload::MessageNumber;
use crate::{Failure, say};

/// Opens, holds, and says at the end whether all of them lived.
///
/// # Errors
/// When a connection is refused, or the server ended it or sent something.
pub(crate) fn run(target: &Target) -> Result<(), Failure> {
    let mut poll = Poll::new()?;
    let number = MessageNumber::first(0);
    let mut connections: Vec<Connection> = open_all(&mut poll, target, false)?
        .into_iter()
        .map(|stream| Connection::new(stream, number, number))
        .collect();
    say(r#"{"event":"ready"}"#)?;
    io::stdin().read_to_end(&mut Vec::new())?;
    let lost = connections.iter_mut().filter_map(|one| (!one.is_silent()).then_some(())).count();
    if lost > 0 {
        return Err(format!("{lost} connections did not stay open and silent").into());
    }
    say(&format!(r#"{{"event":"done","connections":{}}}"#, connections.len()))?;
    Ok(())
}
