//! The command line.

use std::net::SocketAddr;
use std::time::Duration;

use crate::Failure;
use crate::payload::Kind;

/// How to call the program.
pub(crate) const USAGE: &str = "usage:
  load echo --server HOST:PORT --connections N --depth N --size BYTES --kind text|binary
            --warmup MESSAGES (--messages N | --seconds S)
  load idle --server HOST:PORT --connections N";

/// What to do.
pub(crate) enum Command {
    /// Closed loop: keep `depth` messages in flight on every connection.
    Echo(EchoOptions),
    /// Open connections and hold them until standard input ends.
    Idle(Target),
}

/// Where to connect, and how often.
pub(crate) struct Target {
    /// The server.
    pub(crate) server: SocketAddr,
    /// Number of connections.
    pub(crate) connections: usize,
}

/// What `load echo` needs to know.
pub(crate) struct EchoOptions {
    /// Where to connect.
    pub(crate) target: Target,
    /// Messages in flight on each connection.
    pub(crate) depth: usize,
    /// Payload bytes of a message.
    pub(crate) size: usize,
    /// Text or binary.
    pub(crate) kind: Kind,
    /// Messages sent before the measured ones.
    pub(crate) warmup: u64,
    /// The length of the measured part.
    pub(crate) measured: Budget,
}

/// When to stop sending.
#[derive(Clone, Copy)]
pub(crate) enum Budget {
    /// After so many messages, over all connections.
    Messages(u64),
    /// After so much time.
    Time(Duration),
}

/// Reads the arguments (without the program's name).
///
/// # Errors
/// When a word is unknown, a value does not parse, or one is missing: the text says which.
pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Command, Failure> {
    let mut words = arguments;
    let mode = words.next().ok_or(USAGE)?;
    let options = Options::read(words)?;
    let server: SocketAddr = options.required("server")?;
    let target = Target { server, connections: options.required("connections")? };
    match mode.as_str() {
        "idle" => Ok(Command::Idle(target)),
        "echo" => Ok(Command::Echo(EchoOptions {
            target,
            depth: options.required("depth")?,
            size: options.required("size")?,
            kind: options.required("kind")?,
            warmup: options.required("warmup")?,
            measured: options.budget()?,
        })),
        _ => Err(format!("unknown mode {mode:?}\n{USAGE}").into()),
    }
}

/// Pairs of `--name value`.
struct Options(Vec<(String, String)>);

impl Options {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Failure> {
        let mut pairs = Vec::new();
        while let Some(word) = words.next() {
            let name = word.strip_prefix("--").ok_or_else(|| format!("stray {word:?}\n{USAGE}"))?;
            let value = words.next().ok_or_else(|| format!("{word} has no value\n{USAGE}"))?;
            pairs.push((name.to_owned(), value));
        }
        Ok(Self(pairs))
    }

    fn find(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn required<T: std::str::FromStr>(&self, name: &str) -> Result<T, Failure> {
        let value = self.find(name).ok_or_else(|| format!("--{name} is missing\n{USAGE}"))?;
        value.parse().map_err(|_| format!("--{name} {value:?} is not valid\n{USAGE}").into())
    }

    fn budget(&self) -> Result<Budget, Failure> {
        if self.find("messages").is_some() {
            return Ok(Budget::Messages(self.required("messages")?));
        }
        Ok(Budget::Time(Duration::try_from_secs_f64(self.required("seconds")?)?))
    }
}
