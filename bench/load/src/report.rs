//! What the driving script is told.

use std::fmt::Write;
use std::io;
use std::time::Duration;

use crate::args::Budget;
use crate::histogram::Histogram;
use crate::{Failure, say};

/// Says that everything is open and warm and that nothing is in flight, and waits for the word to
/// go on.
///
/// # Errors
/// When standard input or output is broken.
pub(crate) fn await_word() -> io::Result<()> {
    say(r#"{"event":"ready"}"#)?;
    io::stdin().read_line(&mut String::new())?;
    Ok(())
}

/// Drives a load that counts messages: warms up, waits for the word, measures, reports.
///
/// # Errors
/// What `drive` finds wrong, or a broken standard input or output.
pub(crate) fn measure(
    warmup: u64,
    measured: Budget,
    mut drive: impl FnMut(Budget) -> Result<(Histogram, Duration), Failure>,
) -> Result<(), Failure> {
    drive(Budget::Messages(warmup))?;
    await_word()?;
    let (histogram, elapsed) = drive(measured)?;
    say(&report(&histogram, elapsed).finish())?;
    Ok(())
}

/// The report of a measured part.
pub(crate) struct Report(String);

/// Begins a report: how much there was in how much time, and how long each took.
pub(crate) fn report(latencies: &Histogram, elapsed: Duration) -> Report {
    let report = Report(String::from(r#"{"event":"done""#));
    report
        .number("messages", &latencies.total())
        .number("seconds", &format_args!("{:.6}", elapsed.as_secs_f64()))
        .latencies("latencyUs", latencies)
}

impl Report {
    /// Adds a number.
    pub(crate) fn number(mut self, name: &str, value: &impl std::fmt::Display) -> Self {
        // Writing to a string cannot fail.
        let _ = write!(self.0, r#","{name}":{value}"#);
        self
    }

    /// Adds quantiles, in microseconds.
    pub(crate) fn latencies(mut self, name: &str, latencies: &Histogram) -> Self {
        let micros = |per_mille| latencies.quantile(per_mille).as_secs_f64() * 1e6;
        let _ = write!(
            self.0,
            r#","{name}":{{"p50":{:.2},"p99":{:.2},"p999":{:.2},"max":{:.2}}}"#,
            micros(500),
            micros(990),
            micros(999),
            micros(1000),
        );
        self
    }

    /// The whole line.
    pub(crate) fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}
