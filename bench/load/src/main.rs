//! A WebSocket load generator: one thread, one epoll loop, frames written by hand.
//!
//! It shares no code with offloop, so a mistake in the codec cannot hide itself here. Every echo
//! is compared with what was sent, byte by byte. [`args::USAGE`] tells how to call it.
//!
//! It talks to the script that drives it in lines: it prints `{"event":"ready"}` when the
//! connections are open and warm and nothing is in flight, waits for a line (or the end) of its
//! standard input, does the measured work, and prints `{"event":"done", ...}` when nothing is in
//! flight any more. Whatever the script reads about the server between the two lines belongs to
//! the measured messages and to nothing else.

mod args;
mod broadcast;
mod churn;
mod connection;
mod deflate;
mod echo;
mod frame;
mod histogram;
mod http;
mod idle;
mod json;
mod messages;
mod opening;
mod paced;
mod payload;
mod report;
mod stream;
mod talkers;

use std::io::{self, Write};
use std::process::ExitCode;

use args::Command;

/// What can go wrong, in words for the person who reads the terminal.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let outcome = args::parse(std::env::args().skip(1)).and_then(|command| match command {
        Command::Echo(options) => echo::run(&options),
        Command::Paced(options) => paced::run(&options),
        Command::Broadcast(options) => broadcast::run(&options),
        Command::Churn(options) => churn::run(&options),
        Command::Idle(options) => idle::run(&options),
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("load: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Prints one line for the driving script, at once.
fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
