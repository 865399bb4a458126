//! When to measure what.

mod moments;
mod scope;
#[cfg(test)]
mod tests;

pub use scope::Scope;

use crate::config::{Config, EACH_LAYER, Epochs, Hook, Trigger};
use crate::data::Task;
use crate::measure::{self, about, invariance::row_name};
use crate::params::Layout;
use moments::{Moments, Turns};

/// What is measured at one step: names by scope.
pub type Due = Vec<(Scope, Vec<String>)>;

/// What the loop always measures when it evaluates, where this is to be predicted.
const fn evaluation(task: Task) -> [&'static str; 5] {
    let [train, test] = match task {
        Task::Classification => ["accuracy.train", "accuracy.test"],
        Task::Regression => ["r2.train", "r2.test"],
    };
    ["loss.train", "loss.test", "gap.loss", train, test]
}

/// The schedule of all measurements of a run.
#[derive(Clone, Debug)]
pub struct HookPlan {
    hooks: Vec<Planned>,
    /// Epochs between two evaluations.
    evaluate_every: u64,
    epochs: Epochs,
    task: Task,
}

/// A hook with its moments and its blocks.
#[derive(Clone, Debug)]
struct Planned {
    moments: Moments,
    /// What is measured, each in the scopes in which it is.
    measures: Vec<(String, Vec<Scope>)>,
}

/// What will be measured, as far as that is known beforehand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// How often.
    pub times: u64,
    /// What, as often as it is measured at a time: once for each block.
    pub names: Vec<String>,
    /// Whether it is also measured when something happens, and so perhaps more often.
    pub is_open: bool,
}

impl HookPlan {
    /// The plan of a config, for a network of this layout.
    pub fn new(config: &Config, layout: &Layout, epochs: Epochs) -> Self {
        let turns = Turns::of(&config.schedule);
        let hooks = config.hooks.iter();
        let task = config.data.task();
        Self {
            hooks: hooks
                .map(|hook| Planned {
                    moments: Moments::of(hook, epochs.clone(), turns),
                    measures: scoped(hook, layout, task),
                })
                .collect(),
            evaluate_every: config.train.evaluate_every as u64,
            epochs,
            task,
        }
    }

    /// The plan of a config as if it had no hooks.
    pub(super) fn without_hooks(config: &Config, epochs: Epochs) -> Self {
        Self {
            hooks: Vec::new(),
            evaluate_every: config.train.evaluate_every as u64,
            epochs,
            task: config.data.task(),
        }
    }

    /// What is due before the step with this index, where these things have just happened.
    pub fn due(&self, step: u64, triggers: &[Trigger]) -> Due {
        self.collect(self.evaluates(step), |moments| {
            moments.include(step) || moments.follow(triggers)
        })
    }

    /// What is to be measured because of what has just happened.
    pub fn on(&self, triggers: &[Trigger]) -> Due {
        self.collect(false, |moments| moments.follow(triggers))
    }

    /// Whether any hook fires on this.
    pub fn waits_for(&self, trigger: Trigger) -> bool {
        let mut hooks = self.hooks.iter();
        hooks.any(|hook| hook.moments.follow(&[trigger]))
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

    /// Whether anything that is ever measured is about the last step.
    pub fn asks_for_last_step(&self) -> bool {
        let mut measures = self.hooks.iter().flat_map(|hook| &hook.measures);
        measures.any(|(name, _)| about(name).is_some_and(|measure| measure.is_of_last_step))
    }

    /// What will be measured after this step up to the end of the run, as long as its length says, by the loop
    /// itself and for each hook.
    pub fn ahead(&self, step: u64, last: u64) -> Vec<Ahead> {
        let until = |step| self.epochs.at(step).0 / self.evaluate_every;
        let evaluations = until(last) - until(step);
        // The end of a run measures everything once more.
        let extra = |fires: bool| u64::from(step < last && !fires);
        let mut ahead = vec![Ahead {
            times: evaluations + extra(self.evaluates(last)),
            names: evaluation(self.task).map(str::to_owned).to_vec(),
            is_open: false,
        }];
        for Planned { moments, measures } in &self.hooks {
            let names = measures
                .iter()
                .flat_map(|(name, scopes)| scopes.iter().map(|_| name.clone()));
            ahead.push(Ahead {
                times: moments.between(step, last) + extra(moments.include(last)),
                names: names.collect(),
                is_open: moments.are_open(),
            });
        }
        ahead
    }

    fn collect(&self, evaluate: bool, wanted: impl Fn(&Moments) -> bool) -> Due {
        let mut due = Due::new();
        if evaluate {
            let names = evaluation(self.task).map(str::to_owned).to_vec();
            due.push((Scope::default(), names));
        }
        let hooks = self.hooks.iter().filter(|hook| wanted(&hook.moments));
        for (name, scopes) in hooks.flat_map(|hook| &hook.measures) {
            scopes.iter().for_each(|scope| add(&mut due, scope, name));
        }
        due
    }
}

/// What is due and has not been taken yet.
pub(super) fn without(due: Due, taken: &Due) -> Due {
    let is_taken = |scope: &Scope, name: &String| {
        let mut of_scope = taken.iter().filter(|(other, _)| other == scope);
        of_scope.any(|(_, names)| names.contains(name))
    };
    let rest = due.into_iter().map(|(scope, mut names)| {
        names.retain(|name| !is_taken(&scope, name));
        (scope, names)
    });
    rest.filter(|(_, names)| !names.is_empty()).collect()
}

/// Adds a name to those of a scope, once.
fn add(due: &mut Due, scope: &Scope, name: &str) {
    let place = due.iter().position(|(other, _)| other == scope);
    let place = place.unwrap_or_else(|| {
        due.push((scope.clone(), Vec::new()));
        due.len() - 1
    });
    let names = &mut due[place].1;
    if !names.iter().any(|known| known == name) {
        names.push(name.to_owned());
    }
}

/// The blocks that a hook names.
pub(super) fn blocks<'a>(hook: &'a Hook, layout: &'a Layout) -> Vec<&'a str> {
    let named = hook.block_names().map(|name| match name {
        EACH_LAYER => layout.layers(),
        name => vec![name],
    });
    named.flatten().collect()
}

/// What a hook measures, each in its scopes: what is of a block in that of each block, everything else in one.
fn scoped(hook: &Hook, layout: &Layout, task: Task) -> Vec<(String, Vec<Scope>)> {
    let blocks = blocks(hook, layout);
    let names = measures(hook, task).into_iter().map(|name| {
        let is_of_block = about(&name).is_some_and(|measure| measure.is_of_block);
        let blocks: Vec<Option<&str>> = match &blocks[..] {
            [] => vec![None],
            _ if !is_of_block => vec![None],
            blocks => blocks.iter().copied().map(Some).collect(),
        };
        let scopes = blocks
            .into_iter()
            .map(|block| Scope::of(hook, block).bearing_on(&name));
        let scopes = scopes.collect();
        (name, scopes)
    });
    names.collect()
}

/// The measures of a hook where this is to be predicted, and the names of their ratios under its maps.
pub(super) fn measures(hook: &Hook, task: Task) -> Vec<String> {
    let preset = hook.preset.iter().flat_map(|preset| preset.measures(task));
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
