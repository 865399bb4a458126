//! When to measure what.

use crate::config::{Config, Epochs, Hook, Logarithmic, Spacing, Unit};
use crate::linear::Budget;
use crate::measure::{self, Weights, invariance::row_name, needs_products};
use crate::model::{DropoutMode, NormMode};

/// On what, and how, a round of measurements is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scope {
    /// How many training samples; all of them for `None`.
    pub samples: Option<usize>,
    /// How normalisation layers behave.
    pub norm_mode: NormMode,
    /// What dropout does.
    pub dropout: DropoutMode,
    /// Which weights.
    pub weights: Weights,
    /// Bounds on each estimate.
    pub budget: Budget,
    /// Whether the search for the largest eigenvalues begins with what the last one in this scope has left.
    pub warm_start: bool,
}

impl Scope {
    fn of(hook: &Hook) -> Self {
        Self {
            samples: hook.samples,
            norm_mode: hook.norm_mode,
            dropout: hook.dropout,
            weights: hook.weights,
            budget: Budget {
                max_matvecs: hook.max_matvecs,
                max_seconds: hook.max_seconds,
            },
            warm_start: hook.warm_start,
        }
    }

    /// The scope of a measure that knows no search, and so is the same number however searches begin.
    fn without_search(self) -> Self {
        Self {
            warm_start: false,
            ..self
        }
    }

    /// The name of the scope in a checkpoint.
    pub fn label(&self) -> String {
        let bound = |name: &str, bound: Option<String>| {
            bound.map_or_else(String::new, |bound| format!(",{name}={bound}"))
        };
        format!(
            "samples={},norm_mode={},dropout={}{}{}{}",
            self.samples
                .map_or_else(|| "all".to_owned(), |samples| samples.to_string()),
            self.norm_mode.as_str(),
            self.dropout.as_str(),
            bound(
                "weights",
                (self.weights != Weights::Last).then(|| self.weights.to_string())
            ),
            bound(
                "max_matvecs",
                self.budget.max_matvecs.map(|bound| bound.to_string())
            ),
            bound(
                "max_seconds",
                self.budget.max_seconds.map(|bound| bound.to_string())
            ),
        )
    }
}

/// What is measured at one step: names by scope.
pub type Due = Vec<(Scope, Vec<String>)>;

/// What the loop always measures when it evaluates.
const EVALUATION: [&str; 5] = [
    "loss.train",
    "loss.test",
    "gap.loss",
    "accuracy.train",
    "accuracy.test",
];

/// The schedule of all measurements of a run.
#[derive(Clone, Debug)]
pub struct HookPlan {
    hooks: Vec<Hook>,
    /// Epochs between two evaluations.
    evaluate_every: u64,
    epochs: Epochs,
}

impl HookPlan {
    /// The plan of a config.
    pub fn new(config: &Config, epochs: Epochs) -> Self {
        Self {
            hooks: config.hooks.clone(),
            evaluate_every: config.train.evaluate_every as u64,
            epochs,
        }
    }

    /// What is due before the step with this index.
    pub fn due(&self, step: u64) -> Due {
        self.collect(self.evaluates(step), |hook| fires(hook, step, &self.epochs))
    }

    /// Whether the loop itself evaluates before this step; only then may the loss end the run, so
    /// that a hook cannot change where it ends.
    pub fn evaluates(&self, step: u64) -> bool {
        self.epochs.is_due(step, self.evaluate_every)
    }

    /// Everything any hook measures, for the end of the run.
    pub fn all(&self) -> Due {
        self.collect(true, |_| true)
    }

    /// What will be measured after this step up to the end of the run, as long as its length says:
    /// how often, and the names, for the loop itself and for each hook.
    pub fn ahead(&self, step: u64, last: u64) -> Vec<(u64, Vec<String>)> {
        let until = |step| self.epochs.at(step).0 / self.evaluate_every;
        let evaluations = until(last) - until(step);
        let is_extra = step < last && !self.evaluates(last);
        let evaluation = EVALUATION.map(str::to_owned).to_vec();
        let mut ahead = vec![(evaluations + u64::from(is_extra), evaluation)];
        for hook in &self.hooks {
            // The end of a run measures everything once more.
            let is_extra = step < last && !fires(hook, last, &self.epochs);
            let times = firings(hook, step, last, &self.epochs) + u64::from(is_extra);
            ahead.push((times, measures(hook)));
        }
        ahead
    }

    fn collect(&self, evaluate: bool, wanted: impl Fn(&Hook) -> bool) -> Due {
        let mut due = Due::new();
        if evaluate {
            let names = EVALUATION.map(str::to_owned).to_vec();
            due.push((Scope::default(), names));
        }
        for hook in self.hooks.iter().filter(|hook| wanted(hook)) {
            let scope = Scope::of(hook);
            for name in measures(hook) {
                if needs_products(&name) {
                    add(&mut due, scope, name);
                } else {
                    add(&mut due, scope.without_search(), name);
                }
            }
        }
        due
    }
}

/// Adds a name to those of a scope, once.
fn add(due: &mut Due, scope: Scope, name: String) {
    let place = due.iter().position(|(other, _)| *other == scope);
    let place = place.unwrap_or_else(|| {
        due.push((scope, Vec::new()));
        due.len() - 1
    });
    let names = &mut due[place].1;
    if !names.contains(&name) {
        names.push(name);
    }
}

/// The measures of a hook, and the names of their ratios under its maps.
fn measures(hook: &Hook) -> Vec<String> {
    let preset = hook.preset.iter().flat_map(|preset| preset.measures());
    let mut names: Vec<String> = preset.map(str::to_owned).collect();
    names.extend(hook.measures.iter().flatten().cloned());
    let is_check = |name: &str| measure::find(name).is_some_and(|measure| measure.is_check);
    let measured: Vec<String> = names
        .iter()
        .filter(|name| !is_check(name))
        .cloned()
        .collect();
    for &map in &hook.maps {
        names.extend(measured.iter().map(|name| row_name(map, name)));
    }
    names
}

/// Whether a hook fires before this step.
fn fires(hook: &Hook, step: u64, epochs: &Epochs) -> bool {
    let time = match hook.unit {
        Unit::Steps => Some(step),
        Unit::Epochs => epochs.beginning_at(step),
    };
    let Some(time) = time else {
        return false;
    };
    let every = hook.every as u64;
    match hook.spacing {
        Spacing::Linear => time.is_multiple_of(every),
        Spacing::Logarithmic(Logarithmic { ratio }) => {
            time == 0 || is_logarithmic(time, every, ratio)
        }
    }
}

/// How often a hook fires after `step` up to and including `last`.
fn firings(hook: &Hook, step: u64, last: u64, epochs: &Epochs) -> u64 {
    let time = |step| match hook.unit {
        Unit::Steps => step,
        Unit::Epochs => epochs.at(step).0,
    };
    let (from, to, every) = (time(step), time(last), hook.every as u64);
    match hook.spacing {
        Spacing::Linear => to / every - from / every,
        Spacing::Logarithmic(Logarithmic { ratio }) => {
            let mut times: Vec<u64> = (0..)
                .map(|power| (every as f64 * ratio.powi(power)).round() as u64)
                .take_while(|&time| time <= to)
                .filter(|&time| time > from)
                .collect();
            times.dedup();
            times.len() as u64
        }
    }
}

/// Whether `time` is `every · ratioᵏ`, rounded to the nearest whole number, for some k ≥ 0.
fn is_logarithmic(time: u64, every: u64, ratio: f64) -> bool {
    let guess = ((time as f64 / every as f64).ln() / ratio.ln()).round();
    (-1..=1).any(|offset| {
        let power = guess + f64::from(offset);
        power >= 0.0 && (every as f64 * ratio.powf(power)).round() as u64 == time
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Preset;
    use crate::reparam::MapKind;

    fn hook(every: usize, unit: Unit, spacing: Spacing) -> Hook {
        Hook {
            preset: Some(Preset::Light),
            measures: None,
            every,
            unit,
            spacing,
            samples: None,
            warm_start: false,
            maps: Vec::new(),
            norm_mode: NormMode::Eval,
            dropout: DropoutMode::Off,
            weights: Weights::Last,
            max_matvecs: None,
            max_seconds: None,
        }
    }

    fn fired(hook: &Hook, steps: u64) -> Vec<u64> {
        (0..=steps)
            .filter(|&step| fires(hook, step, &Epochs::of_steps(10)))
            .collect()
    }

    #[test]
    fn linear_schedules_fire_at_multiples() {
        let steps = hook(15, Unit::Steps, Spacing::Linear);
        assert_eq!(fired(&steps, 50), [0, 15, 30, 45]);
        let epochs = hook(2, Unit::Epochs, Spacing::Linear);
        assert_eq!(fired(&epochs, 50), [0, 20, 40]);
    }

    #[test]
    fn logarithmic_schedules_fire_at_rounded_powers() {
        let doubling = Spacing::Logarithmic(Logarithmic { ratio: 2.0 });
        let every_three = hook(3, Unit::Steps, doubling);
        assert_eq!(fired(&every_three, 50), [0, 3, 6, 12, 24, 48]);
        let fine = hook(
            1,
            Unit::Steps,
            Spacing::Logarithmic(Logarithmic { ratio: 1.5 }),
        );
        assert_eq!(fired(&fine, 12), [0, 1, 2, 3, 5, 8, 11]);
    }

    #[test]
    fn what_lies_ahead_is_what_will_fire() {
        let hooks = vec![
            hook(15, Unit::Steps, Spacing::Linear),
            hook(2, Unit::Epochs, Spacing::Linear),
            hook(
                3,
                Unit::Steps,
                Spacing::Logarithmic(Logarithmic { ratio: 1.2 }),
            ),
            hook(
                1,
                Unit::Epochs,
                Spacing::Logarithmic(Logarithmic { ratio: 2.0 }),
            ),
        ];
        let plan = HookPlan {
            hooks: hooks.clone(),
            evaluate_every: 1,
            epochs: Epochs::of_steps(10),
        };
        for last in [1, 45, 60, 97] {
            for step in 0..=last {
                let ahead = plan.ahead(step, last);
                let times: Vec<u64> = ahead.iter().map(|(times, _)| *times).collect();
                let left = |fires: &dyn Fn(u64) -> bool| {
                    let is_extra = step < last && !fires(last);
                    (step + 1..=last).filter(|&step| fires(step)).count() as u64
                        + u64::from(is_extra)
                };
                let mut expected = vec![left(&|step| plan.evaluates(step))];
                expected.extend(
                    hooks
                        .iter()
                        .map(|hook| left(&|step| fires(hook, step, &plan.epochs))),
                );
                assert_eq!(times, expected, "{step} of {last}");
            }
        }
    }

    #[test]
    fn a_hook_with_maps_measures_again_after_each() {
        let hook = Hook {
            preset: None,
            measures: Some(vec![
                "norm.l2".to_owned(),
                "reparam.rescale.outputs".to_owned(),
            ]),
            maps: vec![MapKind::Permutation, MapKind::UnitRescaling],
            ..hook(1, Unit::Epochs, Spacing::Linear)
        };
        assert_eq!(
            measures(&hook),
            [
                "norm.l2",
                "reparam.rescale.outputs",
                "reparam.permutation.norm.l2",
                "reparam.unit-rescaling.norm.l2",
            ]
        );
    }

    #[test]
    fn a_search_starts_as_its_own_hook_says() {
        let named = |names: &[&str], warm_start: bool, every: usize| Hook {
            preset: None,
            measures: Some(names.iter().map(|&name| name.to_owned()).collect()),
            warm_start,
            ..hook(every, Unit::Steps, Spacing::Linear)
        };
        let plan = HookPlan {
            hooks: vec![
                named(&["hessian.lambda_max", "norm.l2"], false, 1),
                named(&["hessian.lambda_max", "norm.l2"], true, 2),
            ],
            evaluate_every: 10,
            epochs: Epochs::of_steps(10),
        };
        let due = |step| -> Vec<(bool, Vec<String>)> {
            let due = plan.due(step).into_iter();
            due.map(|(scope, names)| (scope.warm_start, names))
                .collect()
        };
        let both = vec!["hessian.lambda_max".to_owned(), "norm.l2".to_owned()];
        // What knows no search is the same number in both, and is measured once.
        assert_eq!(due(2), [(false, both.clone()), (true, both[..1].to_vec())]);
        assert_eq!(due(1), [(false, both)]);
    }

    #[test]
    fn the_name_of_a_scope_tells_it_from_every_other() {
        let scope = Scope::default();
        assert_eq!(scope.label(), "samples=all,norm_mode=eval,dropout=off");
        let other = Scope {
            samples: Some(5),
            weights: Weights::Average,
            budget: Budget {
                max_matvecs: Some(7),
                max_seconds: Some(0.5),
            },
            ..scope
        };
        let label =
            "samples=5,norm_mode=eval,dropout=off,weights=average,max_matvecs=7,max_seconds=0.5";
        assert_eq!(other.label(), label);
    }

    #[test]
    fn an_evaluation_in_the_far_future_is_never_due() {
        let text = format!(
            "optimizer.learning_rate = 0.1\ntrain.epochs = 1\ntrain.evaluate_every = {}",
            i64::MAX
        );
        let config = crate::config::parse(&text, "x.toml", &[], "x", &[]).unwrap();
        let plan = HookPlan::new(&config, Epochs::of_steps(10));
        assert!((1..1000).all(|step| !plan.evaluates(step)));
    }

    #[test]
    fn names_that_several_hooks_share_are_measured_once() {
        let plan = HookPlan {
            hooks: vec![
                hook(1, Unit::Epochs, Spacing::Linear),
                hook(1, Unit::Epochs, Spacing::Linear),
                Hook {
                    samples: Some(5),
                    ..hook(1, Unit::Epochs, Spacing::Linear)
                },
            ],
            evaluate_every: 1,
            epochs: Epochs::of_steps(10),
        };
        let due = plan.due(10);
        let samples: Vec<_> = due.iter().map(|(scope, _)| scope.samples).collect();
        assert_eq!(samples, [None, Some(5)]);
        let mut names = due[0].1.clone();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), due[0].1.len());
        assert!(plan.due(5).is_empty());
    }
}
