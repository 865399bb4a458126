//! The learning rate of an arm, as the runs that tune it say.

use super::{MemberState, State, Sweep, SweepError};
use std::path::Path;

/// What the runs that tune an arm's learning rate say.
#[derive(Clone, Debug, PartialEq)]
pub enum Tuned {
    /// Not all of them are finished.
    Waiting,
    /// The rate whose loss on what is held out is the least.
    Chosen {
        /// The learning rate.
        rate: f64,
        /// Each rate that was tried, with its mean loss on what is held out; none where a run diverged.
        tried: Vec<(f64, Option<f64>)>,
        /// Whether it is the smallest or the largest of them, so that a better one may lie beyond.
        is_at_end: bool,
    },
}

impl Tuned {
    /// The learning rate, once it is known.
    pub fn rate(&self) -> Option<f64> {
        match self {
            Self::Waiting => None,
            Self::Chosen { rate, .. } => Some(*rate),
        }
    }
}

impl Sweep {
    /// What is known of the learning rate of an arm; nothing where it is not tuned.
    ///
    /// # Errors
    ///
    /// [`SweepError::Tuning`] where all of its runs diverged, or one is not what it should be.
    pub fn tuned(&self, arm: usize, out: &Path) -> Result<Option<Tuned>, SweepError> {
        let mut losses: Vec<(f64, Vec<Option<f64>>)> = Vec::new();
        let failed = |reason: String| SweepError::Tuning {
            arm: self.arms[arm].label.clone(),
            reason,
        };
        for task in self.tuning_of(arm) {
            let member = self.member(task, None, out)?;
            let loss = match MemberState::of(&member.place(), Some(&member.config)).state {
                State::Finished(summary) => {
                    let mut rows = summary.measurements.iter();
                    rows.find(|row| row.name == "loss.test")
                        .and_then(|row| row.value)
                }
                State::Diverged(_) => None,
                State::Unusable(reason) => return Err(failed(reason)),
                State::Waiting
                | State::NotBegun
                | State::Running
                | State::BrokenOff
                | State::Failed(_) => return Ok(Some(Tuned::Waiting)),
            };
            let rate = member.config.optimizer.learning_rate;
            match losses.iter_mut().find(|(other, _)| *other == rate) {
                Some((_, losses)) => losses.push(loss),
                None => losses.push((rate, vec![loss])),
            }
        }
        if losses.is_empty() {
            return Ok(None);
        }
        let tried = losses
            .into_iter()
            .map(|(rate, losses)| (rate, mean(&losses)));
        let reason =
            "every learning rate that was tried diverged; give `tuning.factors` smaller numbers";
        choose(tried.collect())
            .map(Some)
            .ok_or_else(|| failed(reason.to_owned()))
    }
}

/// The mean of losses; none where one is missing.
fn mean(losses: &[Option<f64>]) -> Option<f64> {
    let sum: Option<f64> = losses.iter().copied().sum();
    sum.map(|sum| sum / losses.len() as f64)
}

/// The rate of the least loss, the smaller of two rates with the same.
fn choose(mut tried: Vec<(f64, Option<f64>)>) -> Option<Tuned> {
    tried.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let losses = tried
        .iter()
        .filter_map(|(rate, loss)| Some((*rate, (*loss)?)));
    let (rate, _) = losses.min_by(|(_, one), (_, other)| one.total_cmp(other))?;
    let ends = [tried.first(), tried.last()];
    let is_at_end = ends.into_iter().flatten().any(|(end, _)| *end == rate);
    Some(Tuned::Chosen {
        rate,
        tried,
        is_at_end,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_loss_decides_and_divergence_never_does() {
        let tried = |losses: [Option<f64>; 3]| {
            let rates = [0.4, 0.1, 0.2];
            choose(rates.into_iter().zip(losses).collect())
        };
        let found = |losses| match tried(losses) {
            Some(Tuned::Chosen {
                rate, is_at_end, ..
            }) => Some((rate, is_at_end)),
            _ => None,
        };
        assert_eq!(found([Some(0.3), Some(0.2), Some(0.1)]), Some((0.2, false)));
        assert_eq!(found([None, Some(0.2), Some(0.3)]), Some((0.1, true)));
        assert_eq!(found([Some(0.1), Some(0.2), Some(0.1)]), Some((0.2, false)));
        assert_eq!(found([None, None, None]), None);
        assert_eq!(mean(&[Some(1.0), Some(2.0)]), Some(1.5));
        assert_eq!(mean(&[Some(1.0), None]), None);
    }
}
