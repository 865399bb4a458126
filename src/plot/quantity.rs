//! What the panels of a figure of runs hold.

use super::What;
use crate::config::Config;
use crate::figure::Axis;
use crate::objective::Loss;

/// The unit of a quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    /// That of the loss, of its slopes and of its curvatures; parameters have none.
    Loss,
    /// Another.
    Of(&'static str),
    /// That which the name of the quantity says.
    Named,
}

impl Unit {
    /// An axis of a quantity of runs with a config.
    pub fn axis(self, name: String, config: &Config) -> Axis {
        match self.text(config) {
            Some(unit) => Axis::new(name, unit),
            None => Axis::counting(name),
        }
    }

    /// In words, for runs with a config.
    fn text(self, config: &Config) -> Option<&'static str> {
        match self {
            Self::Named => None,
            Self::Of(unit) => Some(unit),
            Self::Loss => Some(match config.train.loss {
                Loss::CrossEntropy | Loss::Logistic => "nats",
                Loss::Square => "half squared distance",
                Loss::Exponential => "mean exponential",
            }),
        }
    }
}

/// What a panel beside measures shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line {
    None,
    /// The largest eigenvalue of the Hessian at which steps are stable.
    OfHessian,
    /// A value of 1.
    One,
}

/// Measures that share an axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quantity<'a> {
    /// The name of the axis.
    pub name: &'a str,
    pub unit: Unit,
    /// Measures, each with a name that stands for it beside the others.
    pub measures: &'a [(&'static str, &'static str)],
    pub line: Line,
}

/// The quantities of a figure.
pub(super) fn of(what: What) -> &'static [Quantity<'static>] {
    match what {
        What::Curves => CURVES,
        What::Margins => MARGINS,
        What::Eigenvalues | What::Spectrum => EIGENVALUES,
    }
}

const fn quantity(
    name: &'static str,
    unit: Unit,
    measures: &'static [(&'static str, &'static str)],
) -> Quantity<'static> {
    Quantity {
        name,
        unit,
        measures,
        line: Line::None,
    }
}

const LAMBDA_MAX: (&str, &str) = ("hessian.lambda_max", "λmax");

const CURVES: &[Quantity<'static>] = &[
    quantity(
        "loss",
        Unit::Loss,
        &[("loss.train", "training"), ("loss.test", "test")],
    ),
    quantity(
        "accuracy",
        Unit::Of("share of samples"),
        &[("accuracy.train", "training"), ("accuracy.test", "test")],
    ),
    quantity(
        "R²",
        Unit::Of("share of variance"),
        &[("r2.train", "training"), ("r2.test", "test")],
    ),
    Quantity {
        line: Line::OfHessian,
        ..quantity("λmax of the Hessian", Unit::Loss, &[LAMBDA_MAX])
    },
];

const MARGINS: &[Quantity<'static>] = &[
    quantity(
        "output margin",
        Unit::Of("logits"),
        &[
            ("margin.min", "least"),
            ("margin.p10", "10th percentile"),
            ("margin.median", "median"),
            ("margin.mean", "mean"),
        ],
    ),
    quantity(
        "margin over spectral norms",
        Unit::Of("logits per norm"),
        &[
            ("margin.spectral", "least"),
            ("margin.spectral.p10", "10th percentile"),
            ("margin.spectral.median", "median"),
        ],
    ),
    quantity(
        "distance to another class, first order",
        Unit::Of("normalised inputs"),
        &[
            ("margin.input.p10", "10th percentile"),
            ("margin.input.median", "median"),
        ],
    ),
    quantity(
        "distance to another class, by attack",
        Unit::Of("normalised inputs"),
        &[
            ("margin.attack.p10", "10th percentile"),
            ("margin.attack.median", "median"),
        ],
    ),
];

const EIGENVALUES: &[Quantity<'static>] = &[
    Quantity {
        line: Line::OfHessian,
        ..quantity(
            "largest eigenvalues of the Hessian",
            Unit::Loss,
            &[
                LAMBDA_MAX,
                ("hessian.lambda_2", "λ2"),
                ("hessian.lambda_3", "λ3"),
                ("hessian.lambda_4", "λ4"),
                ("hessian.lambda_5", "λ5"),
            ],
        )
    },
    quantity(
        "smallest eigenvalue of the Hessian",
        Unit::Loss,
        &[("hessian.lambda_min", "λmin")],
    ),
    quantity(
        "λmax of the Gauss-Newton matrix",
        Unit::Loss,
        &[("ggn.lambda_max", "λmax of Gauss-Newton")],
    ),
    quantity(
        "λmax of D H D, D = diag|θ|",
        Unit::Loss,
        &[("hessian.lambda_max.adaptive", "λmax of D H D")],
    ),
    Quantity {
        line: Line::One,
        ..quantity(
            "curvature over the edge of stability",
            Unit::Of("ratio"),
            &[
                ("stability.momentum", "by the run's step"),
                ("stability.adam", "by Adam's step"),
            ],
        )
    },
];
