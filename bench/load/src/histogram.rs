//! Latencies, in buckets that are at most 0.8 % wide: memory does not grow with the messages.

use std::time::Duration;

/// Buckets for each power of two.
const STEPS: usize = 128;
const STEP_BITS: u32 = STEPS.trailing_zeros();

/// Counts of nanosecond values.
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    /// Nothing counted yet.
    pub(crate) fn new() -> Self {
        Self { counts: vec![0; STEPS * (u64::BITS - STEP_BITS + 1) as usize], total: 0 }
    }

    /// Counts one value.
    pub(crate) fn record(&mut self, value: Duration) {
        let nanos = u64::try_from(value.as_nanos()).unwrap_or(u64::MAX);
        self.counts[bucket_of(nanos)] += 1;
        self.total += 1;
    }

    /// How many values were counted.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The value that `per_mille` of 1000 values do not exceed; zero when nothing was counted.
    pub(crate) fn quantile(&self, per_mille: u64) -> Duration {
        let rank = (self.total * per_mille).div_ceil(1000);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank && *count > 0 {
                return Duration::from_nanos(upper_end(bucket));
            }
        }
        Duration::ZERO
    }
}

/// Values below `STEPS` have a bucket each; above, the top eight bits choose it.
fn bucket_of(nanos: u64) -> usize {
    let shift = (u64::BITS - nanos.leading_zeros()).saturating_sub(STEP_BITS + 1);
    let steps = usize::try_from(nanos >> shift).unwrap_or(usize::MAX);
    shift as usize * STEPS + steps
}

/// The largest value of a bucket.
fn upper_end(bucket: usize) -> u64 {
    let shift = (bucket / STEPS).saturating_sub(1);
    let steps = (bucket - shift * STEPS) as u64;
    // Wraps for the very last bucket only, and then to the largest value there is.
    ((steps + 1) << shift).wrapping_sub(1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Histogram, bucket_of, upper_end};

    #[test]
    fn every_bucket_ends_where_the_next_begins() {
        for bucket in 0..5000 {
            let end = upper_end(bucket);
            assert_eq!((bucket_of(end), bucket_of(end + 1)), (bucket, bucket + 1));
        }
    }

    #[test]
    fn quantiles_are_close_to_the_values() {
        let mut histogram = Histogram::new();
        for micros in 1..=1000 {
            histogram.record(Duration::from_micros(micros));
        }
        for (per_mille, micros) in [(500, 500.0), (990, 990.0), (999, 999.0), (1000, 1000.0)] {
            let found = histogram.quantile(per_mille).as_secs_f64() * 1e6;
            assert!((found / micros - 1.0).abs() < 0.01, "{per_mille}: {found}");
        }
        assert_eq!(histogram.total(), 1000);
    }
}
