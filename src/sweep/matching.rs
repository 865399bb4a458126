//! What makes members comparable: their lengths, and how learning rates follow batch sizes.

use super::{Matching, RateRule, SweepFile};
use crate::config::{Config, Length, Limit, Override};
use crate::optim::Schedule;
use toml::Value as Toml;

/// What is equal between members, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    /// Passes over the training samples.
    Epochs(usize),
    /// Updates.
    Steps(usize),
    /// The training loss at the end.
    TrainLoss(f64),
    /// The sum of the learning rates.
    CumulativeRate(f64),
}

/// The most steps that a sum of learning rates is looked for in.
const MOST_STEPS: u64 = 1 << 24;

/// What a sweep makes equal; what the file does not say is that of the base, whose training samples `samples` counts.
///
/// # Errors
///
/// What is missing, or that of the base.
pub(super) fn target<E>(
    file: &SweepFile,
    base: impl Fn() -> Result<Config, E>,
    samples: impl Fn(&Config) -> Result<usize, E>,
    wrong: impl Fn(String) -> E,
) -> Result<Option<Target>, E> {
    let missing = |key: &str, of_base: &str| {
        wrong(format!(
            "match = \"{key}\" needs `{key}`, because the base {of_base}"
        ))
    };
    let target = match file.matching {
        None => return Ok(None),
        Some(Matching::Epochs) => Target::Epochs(match file.epochs {
            Some(epochs) => epochs,
            None => match base()?.train.length() {
                Length::Epochs(epochs) => epochs,
                Length::Steps(_) => return Err(missing("epochs", "has train.steps")),
            },
        }),
        Some(Matching::Steps) => Target::Steps(match file.steps {
            Some(steps) => steps,
            None => match base()?.train.length() {
                Length::Steps(steps) => steps,
                Length::Epochs(_) => return Err(missing("steps", "has train.epochs")),
            },
        }),
        Some(Matching::TrainLoss) => Target::TrainLoss(match file.train_loss {
            Some(loss) => loss,
            None => {
                let loss = base()?.train.stop_at_train_loss;
                loss.ok_or_else(|| missing("train_loss", "has no train.stop_at_train_loss"))?
            }
        }),
        Some(Matching::CumulativeLearningRate) => {
            Target::CumulativeRate(match file.cumulative_learning_rate {
                Some(sum) => sum,
                None => {
                    let base = base()?;
                    Schedule::of(&base, samples(&base)?).cumulative()
                }
            })
        }
    };
    Ok(Some(target))
}

impl Target {
    /// What a config needs to have it, where that does not depend on the config.
    pub fn overrides(self) -> Vec<Override> {
        let (flag, set): (_, Option<(&str, Toml)>) = match self {
            Self::Epochs(epochs) => ("match = \"epochs\"", Some(("train.epochs", count(epochs)))),
            Self::Steps(steps) => ("match = \"steps\"", Some(("train.steps", count(steps)))),
            Self::TrainLoss(loss) => {
                let flag = "match = \"train_loss\"";
                return vec![Override::from_flag(
                    flag,
                    "train.stop_at_train_loss",
                    &loss.into(),
                )];
            }
            Self::CumulativeRate(_) => (OF_RATE, None),
        };
        // A run that a loss ends early has another length.
        let dropped = ["train.stop_at_train_loss", "train.stop_check_every"];
        let dropped = dropped.map(|key| Override::without(flag, key));
        let set = set.map(|(key, value)| Override::from_flag(flag, key, &value));
        dropped.into_iter().chain(set).collect()
    }

    /// What a config over so many training samples needs besides.
    ///
    /// # Errors
    ///
    /// Why it cannot have it.
    pub fn length_of(self, config: &Config, samples: usize) -> Result<Option<Override>, String> {
        match self {
            Self::CumulativeRate(sum) => {
                let steps = steps_to(sum, config, samples)?;
                let steps = i64::try_from(steps).unwrap_or(i64::MAX);
                Ok(Some(Override::from_flag(
                    OF_RATE,
                    "train.steps",
                    &steps.into(),
                )))
            }
            Self::Epochs(_) | Self::Steps(_) | Self::TrainLoss(_) => Ok(None),
        }
    }
}

/// Where messages say that a length comes from.
const OF_RATE: &str = "match = \"cumulative_learning_rate\"";

fn count(number: usize) -> Toml {
    i64::try_from(number).unwrap_or(i64::MAX).into()
}

/// The steps after which the sum of learning rates is nearest to a target. A schedule that depends on the length of the
/// run is that of a run of so many steps.
fn steps_to(target: f64, config: &Config, samples: usize) -> Result<u64, String> {
    if config.schedule.limit != Limit::None {
        let rule = "learning rates that schedule.limit bounds are not known before a run";
        return Err(rule.to_owned());
    }
    let schedule = Schedule::of(config, samples);
    let sum = |total_steps: u64| {
        let schedule = schedule.clone();
        Schedule {
            total_steps,
            ..schedule
        }
        .cumulative()
    };
    let mut above = 1;
    while sum(above) < target {
        above *= 2;
        if above > MOST_STEPS {
            return Err(format!(
                "its learning rates do not add up to {target} within {MOST_STEPS} steps"
            ));
        }
    }
    let mut below = above / 2;
    while above - below > 1 {
        let middle = below + (above - below) / 2;
        match sum(middle) < target {
            true => below = middle,
            false => above = middle,
        }
    }
    let is_below_nearer = below > 0 && target - sum(below) < sum(above) - target;
    Ok(if is_below_nearer { below } else { above })
}

/// What a config needs for learning rates to follow batch sizes; `base_batch` is the size at which they are as written.
pub(super) fn rate_overrides(rule: RateRule, base_batch: Option<usize>) -> Vec<Override> {
    let word = match rule {
        RateRule::Linear => "linear",
        RateRule::Sqrt => "sqrt",
        RateRule::Fixed | RateRule::Tuned => return Vec::new(),
    };
    let flag = format!("learning_rate_rule = \"{word}\"");
    let batch = base_batch.map(|size| ("learning_rate_rule.base_batch", count(size)));
    let keys = [("learning_rate_rule.rule", Toml::from(word))]
        .into_iter()
        .chain(batch);
    keys.map(|(key, value)| Override::from_flag(&flag, key, &value))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::measure;

    fn config(lines: &str) -> Config {
        let text = format!("data.dataset = \"digits\"\ntrain.epochs = 3\n{lines}");
        config::parse(&text, "x.toml", &[], "x", &measure::names()).unwrap()
    }

    #[test]
    fn a_sum_of_learning_rates_is_met_to_half_a_step() {
        let constant = config("optimizer.learning_rate = 0.1");
        assert_eq!(steps_to(2.0, &constant, 100), Ok(20));
        assert_eq!(steps_to(2.04, &constant, 100), Ok(20));
        assert_eq!(steps_to(2.06, &constant, 100), Ok(21));
        assert_eq!(steps_to(0.001, &constant, 100), Ok(1));
        // 0.025, 0.05, 0.075, then 0.1 each.
        let warm = config("optimizer.learning_rate = 0.1\nschedule.warmup = 4");
        assert_eq!(steps_to(0.25 + 1.6, &warm, 100), Ok(20));
        // Half a cosine wave has half the mean, whatever its length (and half a step more).
        let cosine = config("optimizer.learning_rate = 0.1\nschedule.kind = \"cosine\"");
        assert_eq!(steps_to(10.05, &cosine, 100), Ok(200));
    }

    #[test]
    fn what_cannot_be_met_says_so() {
        let falling = config(
            "optimizer.learning_rate = 0.1\nschedule = {kind = \"exponential\", decay = 0.5, unit = \"steps\"}",
        );
        assert!(
            steps_to(0.3, &falling, 100)
                .unwrap_err()
                .contains("do not add up to 0.3")
        );
        let bounded = config("optimizer.learning_rate = 0.1\nschedule.limit = \"sharpness\"");
        assert!(
            steps_to(0.3, &bounded, 100)
                .unwrap_err()
                .contains("schedule.limit")
        );
    }
}
