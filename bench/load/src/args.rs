//! The command line.

use std::net::SocketAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::Failure;
use crate::payload::Kind;

/// How to call the program.
pub(crate) const USAGE: &str =
    "usage: load MODE --server HOST:PORT --connections N [--tls true] OPTIONS
  echo       --depth N --size BYTES --kind text|binary|json
             --warmup MESSAGES (--messages N | --seconds S)
  paced      --rate PER_SECOND --size BYTES --kind text|binary|json
             --warmup SECONDS --seconds S [--http-connections N --http-rate PER_SECOND]
  broadcast  --size BYTES --kind text|binary --warmup MESSAGES (--messages N | --seconds S)
  churn      --warmup CONNECTIONS (--messages CONNECTIONS | --seconds S)
  idle";

/// What to do.
pub(crate) enum Command {
    /// Closed loop: keep `depth` messages in flight on every connection.
    Echo(EchoOptions),
    /// Open loop: send at a fixed rate.
    Paced(PacedOptions),
    /// One sends, all receive.
    Broadcast(BroadcastOptions),
    /// Open and close connections, so many at a time.
    Churn(ChurnOptions),
    /// Open connections and hold them until standard input ends.
    Idle(Target),
}

/// Where to connect, and how often.
pub(crate) struct Target {
    /// The server.
    pub(crate) server: SocketAddr,
    /// Number of connections.
    pub(crate) connections: usize,
    /// Whether to speak TLS.
    pub(crate) tls: bool,
}

/// What `load echo` needs to know.
pub(crate) struct EchoOptions {
    /// Where to connect.
    pub(crate) target: Target,
    /// Messages in flight on each connection.
    pub(crate) depth: usize,
    /// Payload bytes of a message.
    pub(crate) size: usize,
    /// What the messages hold.
    pub(crate) payloads: Payloads,
    /// Messages sent before the measured ones.
    pub(crate) warmup: u64,
    /// The length of the measured part.
    pub(crate) measured: Budget,
}

/// What `load paced` needs to know.
pub(crate) struct PacedOptions {
    /// Where to connect.
    pub(crate) target: Target,
    /// Messages a second, over all connections.
    pub(crate) rate: f64,
    /// Payload bytes of a message.
    pub(crate) size: usize,
    /// What the messages hold.
    pub(crate) payloads: Payloads,
    /// The length of the part before the measured one.
    pub(crate) warmup: Duration,
    /// The length of the measured part.
    pub(crate) measured: Duration,
    /// Connections for HTTP requests; zero for none.
    pub(crate) http_connections: usize,
    /// Requests a second.
    pub(crate) http_rate: f64,
}

/// What `load broadcast` needs to know.
pub(crate) struct BroadcastOptions {
    /// Where to connect.
    pub(crate) target: Target,
    /// Payload bytes of a message.
    pub(crate) size: usize,
    /// Text or binary.
    pub(crate) kind: Kind,
    /// Messages sent before the measured ones.
    pub(crate) warmup: u64,
    /// The length of the measured part.
    pub(crate) measured: Budget,
}

/// What `load churn` needs to know.
pub(crate) struct ChurnOptions {
    /// Where to connect, and how many connections at a time.
    pub(crate) target: Target,
    /// Connections opened and closed before the measured ones.
    pub(crate) warmup: u64,
    /// The length of the measured part.
    pub(crate) measured: Budget,
}

/// What the messages of a run hold.
#[derive(Clone, Copy)]
pub(crate) enum Payloads {
    /// A pattern, uncompressed.
    Plain(Kind),
    /// JSON texts with permessage-deflate.
    Json,
}

impl FromStr for Payloads {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        if word == "json" { Ok(Self::Json) } else { word.parse().map(Self::Plain) }
    }
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
    let target = Target {
        server: options.required("server")?,
        connections: options.required("connections")?,
        tls: options.optional("tls")?.unwrap_or(false),
    };
    if target.connections == 0 {
        return Err(format!("--connections 0 is not valid\n{USAGE}").into());
    }
    match mode.as_str() {
        "idle" => Ok(Command::Idle(target)),
        "churn" => Ok(Command::Churn(ChurnOptions {
            target,
            warmup: options.required("warmup")?,
            measured: options.budget()?,
        })),
        "broadcast" => Ok(Command::Broadcast(BroadcastOptions {
            target,
            size: options.required("size")?,
            kind: options.required("kind")?,
            warmup: options.required("warmup")?,
            measured: options.budget()?,
        })),
        "paced" => Ok(Command::Paced(PacedOptions {
            target,
            rate: options.required("rate")?,
            size: options.required("size")?,
            payloads: options.required("kind")?,
            warmup: options.seconds("warmup")?,
            measured: options.seconds("seconds")?,
            http_connections: options.optional("http-connections")?.unwrap_or(0),
            http_rate: options.optional("http-rate")?.unwrap_or(0.0),
        })),
        "echo" => Ok(Command::Echo(EchoOptions {
            target,
            depth: options.required("depth")?,
            size: options.required("size")?,
            payloads: options.required("kind")?,
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

    fn optional<T: FromStr>(&self, name: &str) -> Result<Option<T>, Failure> {
        let found = self.0.iter().find(|(key, _)| key == name);
        let Some((_, value)) = found else { return Ok(None) };
        let parsed = value.parse().map_err(|_| format!("--{name} {value:?} is not valid\n{USAGE}"));
        Ok(Some(parsed?))
    }

    fn required<T: FromStr>(&self, name: &str) -> Result<T, Failure> {
        Ok(self.optional(name)?.ok_or_else(|| format!("--{name} is missing\n{USAGE}"))?)
    }

    fn seconds(&self, name: &str) -> Result<Duration, Failure> {
        Ok(Duration::try_from_secs_f64(self.required(name)?)?)
    }

    fn budget(&self) -> Result<Budget, Failure> {
        match self.optional("messages")? {
            Some(count) => Ok(Budget::Messages(count)),
            None => Ok(Budget::Time(self.seconds("seconds")?)),
        }
    }
}
