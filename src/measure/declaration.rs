//! What a measure is: one declaration that holds its name, its meaning, what it claims, what moves it, and the
//! function that takes it.

use super::circumstances::Circumstances;
use super::failure::Failure;
use super::measurement::Measurement;
use super::session::Session;
use super::statistic::Statistic;
use crate::curvature::Matrix;
use crate::data::Task;
use crate::reparam::MapKind;

words! {
    /// A ready-made set of measures (`hooks.preset`).
    Preset {
        /// No measures.
        #[default]
        Off = "off",
        /// What costs little.
        Light = "light",
        /// Everything.
        Full = "full",
    }
}

/// What a measure takes, in passes over its samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cost {
    /// At most a few evaluations or one gradient.
    Passes,
    /// Products with a curvature matrix, or an iteration of gradients.
    Products,
}

/// Samples that losses and predictions are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The training samples.
    Train,
    /// The test samples.
    Test,
    /// Both, for a difference.
    Both,
}

/// What a number depends on besides the parameters, and so which circumstances bear on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Nothing: it is the same whatever the data, the mode of normalisation and dropout.
    Parameters,
    /// The test samples, however many training samples it is measured on.
    Test,
    /// The training samples, perhaps among others.
    Training,
}

/// How the rounding of outputs, gradients and products in 32 bits reaches a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RoundingLaw {
    /// Not at all: it is computed in 64 bits from the parameters, is a count, or reports on others.
    Untouched,
    /// By what is told with the number; where nothing is, that is not known.
    Told,
    /// A mean of losses.
    Loss(Part),
    /// The root of a mean of squared errors.
    RootLoss(Part),
    /// The share of the targets' variance that squared errors leave.
    Determination(Part),
    /// A cosine, or the square of one, of a gradient with something that rounds less.
    Cosine,
    /// A share of samples that are classified right, or a number from such a share.
    Share(Part),
    /// An output margin.
    Margin,
    /// A statistic of output margins over a number that rounds less.
    ScaledMargin(Statistic),
    /// A statistic of output margins over slopes of their own.
    Distance(Statistic),
    /// The norm of the gradient.
    Gradient,
    /// A cosine with the gradient.
    Direction,
    /// The size of the gradient times a constant.
    GradientTerm,
    /// A number from products with a matrix of the loss.
    Product(ProductLaw),
    /// A rise of the loss.
    Rise {
        /// Whether it is in per cent of one plus the loss.
        is_percent: bool,
        /// Whether the loss is that of normalised outputs.
        is_normalised: bool,
    },
}

/// What a number from products is moved by besides the products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProductLaw {
    /// The matrix is a difference of two that may be larger.
    pub is_difference: bool,
    /// Eigenvalues of both signs may leave little of their sum.
    pub is_trace: bool,
    /// How often squares of single samples' slopes enter.
    pub slopes: u8,
    /// How often the mean loss divides it.
    pub losses: u8,
    /// How often the norm of the gradient divides it.
    pub gradients: u8,
}

impl ProductLaw {
    /// Products alone.
    pub const PLAIN: Self = Self {
        is_difference: false,
        is_trace: false,
        slopes: 0,
        losses: 0,
        gradients: 0,
    };
}

/// The function that takes a measure; it is given the measure's own name.
pub type Take = fn(&mut Session<'_>, &'static str) -> Result<Measurement, Failure>;

/// A measure.
#[derive(Clone, Copy, Debug)]
pub struct Measure {
    /// The name in rows, tables and configs.
    pub name: &'static str,
    /// One line on what it is, with its unit where it has one.
    pub description: &'static str,
    /// The paper and place its definition is taken from; empty where it needs none.
    pub source: &'static str,
    /// What it takes.
    pub cost: Cost,
    /// The matrices whose products it takes.
    pub matrices: &'static [Matrix],
    /// The function-preserving maps it claims not to move under.
    pub invariant_under: &'static [MapKind],
    /// Whether it tells how flat the loss is around the solution. A network that has stopped learning is
    /// flat whatever it is worth.
    pub is_flatness: bool,
    /// Whether a larger value means a flatter loss, as of noise that is borne.
    pub is_flatter_larger: bool,
    /// Whether it is a share of samples, which jumps by one sample.
    pub is_share: bool,
    /// What has to be predicted for it to mean anything; none where it is the same to it.
    pub task: Option<Task>,
    /// Whether it is about a block of the parameters where one is asked for.
    pub is_of_block: bool,
    /// Whether chains of Langevin dynamics find it.
    pub is_of_chains: bool,
    /// What it depends on besides the parameters.
    pub reads: Reads,
    /// Whether it reports on a map, and so is neither invariant nor moved.
    pub is_check: bool,
    /// Whether the user has set it, so that no run says anything about it.
    pub is_given: bool,
    /// Whether it is about the last step of training, which a run keeps for such measures only.
    pub is_of_last_step: bool,
    /// The smallest preset it belongs to; none where it is measured by name only.
    pub preset: Option<Preset>,
    /// What rounding does to it.
    pub rounding: RoundingLaw,
    /// What takes it.
    pub take: Take,
}

impl Measure {
    /// A measure that depends on the parameters in a way no map but an isometry leaves alone, is taken by
    /// name only, and costs more than a few passes.
    pub const fn new(name: &'static str, description: &'static str, take: Take) -> Self {
        Self {
            name,
            description,
            source: "",
            cost: Cost::Products,
            matrices: &[],
            invariant_under: MapKind::ISOMETRIES,
            is_flatness: false,
            is_flatter_larger: false,
            is_share: false,
            task: None,
            is_of_block: false,
            is_of_chains: false,
            reads: Reads::Training,
            is_check: false,
            is_given: false,
            is_of_last_step: false,
            preset: None,
            rounding: RoundingLaw::Untouched,
            take,
        }
    }

    /// Where the definition stands.
    pub const fn from(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    /// Costs no more than a few passes; part of every preset.
    pub const fn light(self) -> Self {
        Self {
            cost: Cost::Passes,
            preset: Some(Preset::Light),
            ..self
        }
    }

    /// Costs no more than a few passes.
    pub const fn passes(self) -> Self {
        Self {
            cost: Cost::Passes,
            ..self
        }
    }

    /// Costs products with a matrix after all, where others like it do not.
    pub const fn costing_products(self) -> Self {
        Self {
            cost: Cost::Products,
            ..self
        }
    }

    /// Part of the full preset.
    pub const fn full(self) -> Self {
        Self {
            preset: Some(Preset::Full),
            ..self
        }
    }

    /// What it claims to survive.
    pub const fn invariant(self, invariant_under: &'static [MapKind]) -> Self {
        Self {
            invariant_under,
            ..self
        }
    }

    /// Tells how flat the loss is.
    pub const fn of_flatness(self) -> Self {
        Self {
            is_flatness: true,
            ..self
        }
    }

    /// Says something of the flatness of the loss, which is flatter where it is larger.
    pub const fn of_flatness_upside_down(self) -> Self {
        Self {
            is_flatter_larger: true,
            ..self.of_flatness()
        }
    }

    /// Is a share of samples.
    pub const fn share(self) -> Self {
        Self {
            is_share: true,
            ..self
        }
    }

    /// Means something only where this is to be predicted.
    pub const fn about(self, task: Task) -> Self {
        Self {
            task: Some(task),
            ..self
        }
    }

    /// Is about a block of the parameters where one is asked for.
    pub const fn of_block(self) -> Self {
        Self {
            is_of_block: true,
            ..self
        }
    }

    /// Is found by chains of Langevin dynamics.
    pub const fn of_chains(self) -> Self {
        Self {
            is_of_chains: true,
            ..self
        }
    }

    /// Is about the whole network, also where a block is asked for.
    pub const fn of_whole(self) -> Self {
        Self {
            is_of_block: false,
            ..self
        }
    }

    /// Depends on this besides the parameters.
    pub const fn reading(self, reads: Reads) -> Self {
        Self { reads, ..self }
    }

    /// Takes products with these matrices.
    pub const fn multiplying(self, matrices: &'static [Matrix]) -> Self {
        Self { matrices, ..self }
    }

    /// How rounding reaches it.
    pub const fn rounded(self, rounding: RoundingLaw) -> Self {
        Self { rounding, ..self }
    }

    /// A report on a map.
    pub const fn check(self) -> Self {
        Self {
            is_check: true,
            ..self
        }
    }

    /// Set by the user, not found by a run.
    pub const fn given(self) -> Self {
        Self {
            is_given: true,
            ..self
        }
    }

    /// Is about the last step of training.
    pub const fn of_last_step(self) -> Self {
        Self {
            is_of_last_step: true,
            ..self
        }
    }

    /// Whether it claims not to move under a map.
    pub fn survives(&self, map: MapKind) -> bool {
        self.invariant_under.contains(&map)
    }

    /// Whether it needs products with a curvature matrix.
    pub fn needs_products(&self) -> bool {
        self.cost == Cost::Products
    }

    /// Whether it means anything where this is to be predicted.
    pub fn applies_to(&self, task: Task) -> bool {
        self.task.is_none_or(|own| own == task)
    }

    /// Those of the circumstances that bear on it: what it does not depend on makes no other number of it.
    pub fn bearing(&self, all: Circumstances) -> Circumstances {
        let reads = self.reads;
        Circumstances {
            norm_mode: all.norm_mode.filter(|_| reads != Reads::Parameters),
            dropout: all.dropout.filter(|_| reads != Reads::Parameters),
            subset: all.subset.filter(|_| reads == Reads::Training),
            block: all.block.filter(|_| self.is_of_block),
            max_matvecs: all.max_matvecs.filter(|_| self.needs_products()),
            max_seconds: all.max_seconds.filter(|_| self.needs_products()),
            chains: all.chains.filter(|_| self.is_of_chains),
            ..all
        }
    }
}

/// Measures of one idea, in the order of tables.
pub type Family = &'static [Measure];
