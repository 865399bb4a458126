//! How long a sweep still takes.

use std::collections::BTreeMap;

/// Estimates the time left from the members that have ended: those of an arm take about as long as each other.
#[derive(Clone, Debug, Default)]
pub struct Forecast {
    /// Seconds by arm.
    seconds: BTreeMap<usize, Vec<f64>>,
}

impl Forecast {
    /// A member of an arm took so many seconds.
    pub fn ended(&mut self, arm: usize, seconds: f64) {
        self.seconds.entry(arm).or_default().push(seconds);
    }

    /// The seconds left for members of these arms, each of which has run for so many seconds, so many at a time; none
    /// before the first has ended.
    pub fn left(&self, members: &[(usize, f64)], jobs: usize) -> Option<f64> {
        let all: Vec<f64> = self.seconds.values().flatten().copied().collect();
        let usual = mean(&all)?;
        let left = members.iter().map(|(arm, elapsed)| {
            let of_arm = self.seconds.get(arm).and_then(|seconds| mean(seconds));
            (of_arm.unwrap_or(usual) - elapsed).max(0.0)
        });
        let left: Vec<f64> = left.collect();
        let longest = left.iter().copied().fold(0.0, f64::max);
        let shared = left.iter().sum::<f64>() / jobs.max(1) as f64;
        Some(shared.max(longest))
    }
}

fn mean(seconds: &[f64]) -> Option<f64> {
    (!seconds.is_empty()).then(|| seconds.iter().sum::<f64>() / seconds.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_an_arm_take_as_long_as_each_other() {
        let mut forecast = Forecast::default();
        assert_eq!(forecast.left(&[(0, 0.0)], 1), None);
        forecast.ended(0, 10.0);
        forecast.ended(0, 20.0);
        // Nothing is known of the second arm but what all members take.
        assert_eq!(forecast.left(&[(0, 5.0), (1, 0.0)], 1), Some(25.0));
        forecast.ended(1, 60.0);
        assert_eq!(forecast.left(&[(0, 5.0), (1, 0.0)], 1), Some(70.0));
        // Two at a time, and the longer one alone at the end.
        assert_eq!(forecast.left(&[(0, 5.0), (1, 0.0)], 2), Some(60.0));
        assert_eq!(forecast.left(&[(0, 99.0)], 2), Some(0.0));
        assert_eq!(forecast.left(&[], 2), Some(0.0));
    }
}
