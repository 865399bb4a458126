//! Which parameters steps move, and on which of them weight decay acts.

use super::decay::Decay;
use super::{StepInput, UpdateRule, decays_in_part};
use crate::backend::Compute;
use crate::config::Config;
use crate::measure;
use crate::params::{Layout, Parameters, SavedState};
use std::sync::Arc;

/// Which parameters steps move, and on which of them weight decay acts, in a network with some layout.
pub struct Reach {
    /// Whether each block is frozen.
    frozen: Vec<bool>,
    /// Whether each parameter is moved; none where all are.
    moves: Option<Vec<bool>>,
    /// Whether weight decay acts on each parameter; none where it acts on all, or there is none.
    decays: Option<Vec<bool>>,
}

impl Reach {
    /// Of a config.
    pub fn of(config: &Config, layout: &Layout) -> Self {
        let optimizer = &config.optimizer;
        let names = config.train.frozen.iter().flatten();
        let blocks = layout.blocks().iter();
        let frozen: Vec<bool> = blocks
            .map(|block| names.clone().any(|name| is_part_of(&block.name, name)))
            .collect();
        let decay = Decay::new(optimizer, layout);
        Self {
            moves: frozen
                .contains(&true)
                .then(|| of_parameters(layout, |place| !frozen[place])),
            decays: decays_in_part(optimizer)
                .then(|| of_parameters(layout, |place| decay.acts_on(place))),
            frozen,
        }
    }

    /// The same for conditions on steps.
    pub fn of_steps(&self) -> measure::Reach<'_> {
        measure::Reach {
            moves: self.moves.as_deref(),
            decays: self.decays.as_deref(),
        }
    }

    /// A gradient that is 0 where no step moves anything.
    pub fn stilled(&self, gradient: Parameters) -> Parameters {
        match self.moves.is_some() {
            true => gradient.without(|place| self.frozen[place]),
            false => gradient,
        }
    }

    /// An update rule that leaves alone what is frozen, weight decay included.
    pub fn confined(&self, rule: Box<dyn UpdateRule>) -> Box<dyn UpdateRule> {
        match self.moves.is_some() {
            true => Box::new(Confined {
                rule,
                frozen: self.frozen.clone(),
            }),
            false => rule,
        }
    }
}

/// Whether a parameter is the one of a name, or of the layer of that name.
pub fn is_part_of(parameter: &str, name: &str) -> bool {
    let rest = parameter.strip_prefix(name);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// What is so of a block, for each of its parameters.
fn of_parameters(layout: &Layout, is_so: impl Fn(usize) -> bool) -> Vec<bool> {
    let blocks = layout.blocks().iter().enumerate();
    blocks
        .flat_map(|(place, block)| {
            let size = block.shape.iter().product();
            std::iter::repeat_n(is_so(place), size)
        })
        .collect()
}

/// A rule that sees 0 in the place of what is frozen, as parameter and as gradient: so it has nothing to decay
/// there, and no norm that it takes counts it.
struct Confined {
    rule: Box<dyn UpdateRule>,
    frozen: Vec<bool>,
}

impl UpdateRule for Confined {
    fn step(&mut self, parameters: Parameters, input: StepInput) -> Result<Parameters, String> {
        let is_frozen = |place: usize| self.frozen[place];
        let input = StepInput {
            gradient: input.gradient.without(is_frozen),
            ..input
        };
        let kept = parameters.clone();
        let moved = self.rule.step(parameters.without(is_frozen), input)?;
        Ok(moved.with_blocks_of(is_frozen, kept))
    }

    fn preconditioner(&self) -> Result<Option<Vec<f64>>, String> {
        self.rule.preconditioner()
    }

    fn save(&self) -> Result<SavedState, String> {
        self.rule.save()
    }

    fn load(
        &mut self,
        state: SavedState,
        layout: &Arc<Layout>,
        compute: &Compute,
    ) -> Result<(), String> {
        self.rule.load(state, layout, compute)
    }
}
