//! Connections that come and go: connect, opening handshake, closing handshake, end; then the next.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use mio::{Events, Poll, Token};

use crate::Failure;
use crate::args::{Budget, ChurnOptions};
use crate::histogram::Histogram;
use crate::opening::{Handshake, Opening, PATIENCE, Step, poll_once};
use crate::report::measure;
use crate::stream::Stream;

/// A masked Close frame with the code 1000 (RFC 6455 5.5.1); its masking key is zero.
const CLOSE: [u8; 8] = [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8];
/// What the server answers.
const CLOSE_ANSWER: [u8; 4] = [0x88, 0x02, 0x03, 0xe8];

/// Warms up, waits for the word, measures, reports. A connection counts as a message.
///
/// # Errors
/// When the server does not close as it should.
pub(crate) fn run(options: &ChurnOptions) -> Result<(), Failure> {
    let opening = Opening::new(&options.target, false)?;
    let mut churn = Churn { poll: Poll::new()?, opening };
    let places = options.target.connections;
    measure(options.warmup, options.measured, |budget| churn.drive(places, budget))
}

struct Churn {
    poll: Poll,
    opening: Opening,
}

/// One connection on its way.
struct Passage {
    began_at: Instant,
    stage: Stage,
}

enum Stage {
    Opening(Handshake),
    Closing(Stream, Vec<u8>),
    Over,
}

impl Churn {
    /// Keeps `places` connections on their way until the budget is used up, then waits for the last.
    fn drive(&mut self, places: usize, budget: Budget) -> Result<(Histogram, Duration), Failure> {
        let start = Instant::now();
        let mut histogram = Histogram::new();
        let mut begun = 0;
        let mut may_begin = || {
            begun += 1;
            match budget {
                Budget::Messages(count) => begun <= count,
                Budget::Time(time) => start.elapsed() < time,
            }
        };
        let mut passages = Vec::with_capacity(places);
        while passages.len() < places && may_begin() {
            passages.push(Some(self.begin(passages.len())?));
        }
        let mut on_their_way = passages.len();
        let mut events = Events::with_capacity(1024);
        while on_their_way > 0 {
            poll_once(&mut self.poll, &mut events, PATIENCE)?;
            if events.is_empty() {
                return Err(format!("{on_their_way} connections do not end").into());
            }
            for event in &events {
                let Token(place) = event.token();
                // A connection that is over may have left an event behind.
                let Some(mut passage) = passages[place].take() else { continue };
                passage.stage = self.advance(passage.stage)?;
                if !matches!(passage.stage, Stage::Over) {
                    passages[place] = Some(passage);
                    continue;
                }
                histogram.record(passage.began_at.elapsed());
                if may_begin() {
                    passages[place] = Some(self.begin(place)?);
                } else {
                    on_their_way -= 1;
                }
            }
        }
        Ok((histogram, start.elapsed()))
    }

    fn begin(&self, place: usize) -> Result<Passage, Failure> {
        let began_at = Instant::now();
        let handshake = self.opening.begin(&self.poll, Token(place))?;
        Ok(Passage { began_at, stage: Stage::Opening(handshake) })
    }

    /// Goes as far as the socket lets it.
    fn advance(&self, stage: Stage) -> Result<Stage, Failure> {
        match stage {
            Stage::Opening(handshake) => match self.opening.advance(handshake)? {
                Step::Pending(handshake) => Ok(Stage::Opening(handshake)),
                Step::Done(mut stream) => {
                    if stream.write(&CLOSE)? != CLOSE.len() {
                        return Err("a Close frame did not fit into the socket".into());
                    }
                    read_to_end(stream, Vec::new())
                }
            },
            Stage::Closing(stream, received) => read_to_end(stream, received),
            Stage::Over => Ok(Stage::Over),
        }
    }
}

/// Reads the answer and the end of the stream after it.
fn read_to_end(mut stream: Stream, mut received: Vec<u8>) -> Result<Stage, Failure> {
    let mut buffer = [0; 64];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) if received == CLOSE_ANSWER => return Ok(Stage::Over),
            Ok(0) => return Err(format!("closed with {received:02x?}").into()),
            Ok(count) => received.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                return Ok(Stage::Closing(stream, received));
            }
            Err(error) => return Err(error.into()),
        }
    }
}
