//! Margins: how far each sample, or each position of a sample with several, is from being classified
//! differently.

mod attack;
mod distance;
mod hidden;
mod input;
mod normalised;

#[cfg(test)]
mod tests;

use super::declaration::{Family, Measure, RoundingLaw, Take};
use super::failure::Failure;
use super::measurement::{Bound, Error, Measurement};
use super::norm::{PRODUCTS, PRODUCTS_OF_ROWS};
use super::session::Session;
use super::statistic::Statistic;
use crate::data::Task;
use crate::objective::Batch;
use crate::reparam::MapKind;
use std::rc::Rc;

const P10: Statistic = Statistic::Quantile(0.1);
const MEDIAN: Statistic = Statistic::Quantile(0.5);

/// What multiplies a whole hidden layer cancels, and an isometry moves no distance; what scales its
/// units apart does. Scales that a normalisation divides out cancel only up to its epsilon, which
/// moves a gradient by more than it moves the outputs.
const UNIFORM: &[MapKind] = &[
    MapKind::LayerRescaling,
    MapKind::Permutation,
    MapKind::AttentionRescaling,
    MapKind::OrthogonalBasis,
];

pub(super) const FAMILY: Family = &[
    of_outputs(
        "margin.min",
        "smallest output margin, z_y - max_{k!=y} z_k, over training samples",
        |session, name| session.output_margin(name, Statistic::Min),
    )
    .light(),
    of_outputs(
        "margin.p10",
        "10th percentile of the output margins",
        |session, name| session.output_margin(name, P10),
    )
    .light(),
    of_outputs(
        "margin.median",
        "median of the output margins",
        |session, name| session.output_margin(name, MEDIAN),
    )
    .light(),
    of_outputs(
        "margin.mean",
        "mean of the output margins",
        |session, name| session.output_margin(name, Statistic::Mean),
    )
    .light(),
    of_class("margin.class.0", |session, name| {
        session.class_margin(name, 0)
    }),
    of_class("margin.class.1", |session, name| {
        session.class_margin(name, 1)
    }),
    of_class("margin.class.2", |session, name| {
        session.class_margin(name, 2)
    }),
    of_class("margin.class.3", |session, name| {
        session.class_margin(name, 3)
    }),
    of_class("margin.class.4", |session, name| {
        session.class_margin(name, 4)
    }),
    of_class("margin.class.5", |session, name| {
        session.class_margin(name, 5)
    }),
    of_class("margin.class.6", |session, name| {
        session.class_margin(name, 6)
    }),
    of_class("margin.class.7", |session, name| {
        session.class_margin(name, 7)
    }),
    of_class("margin.class.8", |session, name| {
        session.class_margin(name, 8)
    }),
    of_class("margin.class.9", |session, name| {
        session.class_margin(name, 9)
    }),
    spectral(
        "margin.spectral",
        "smallest output margin over the product of the weights' spectral norms",
        Statistic::Min,
        |session, name| session.spectral_margin(name, Statistic::Min),
    )
    .full(),
    spectral(
        "margin.spectral.p10",
        "10th percentile of output margins over the product of the weights' spectral norms",
        P10,
        |session, name| session.spectral_margin(name, P10),
    )
    .full(),
    spectral(
        "margin.spectral.median",
        "median of output margins over the product of the weights' spectral norms",
        MEDIAN,
        |session, name| session.spectral_margin(name, MEDIAN),
    ),
    bartlett(
        "margin.bartlett.p10",
        "10th percentile of margins over spectral complexity times |X|_F / n",
        P10,
        |session, name| session.bartlett_margin(name, P10),
    ),
    bartlett(
        "margin.bartlett.median",
        "median of margins over spectral complexity times |X|_F / n",
        MEDIAN,
        |session, name| session.bartlett_margin(name, MEDIAN),
    )
    .full(),
    of_loss("margin.loss.0.01", |session, name| {
        session.margin_loss(name, 0.01)
    }),
    of_loss("margin.loss.0.03", |session, name| {
        session.margin_loss(name, 0.03)
    }),
    of_loss("margin.loss.0.1", |session, name| {
        session.margin_loss(name, 0.1)
    }),
    of_loss("margin.loss.0.3", |session, name| {
        session.margin_loss(name, 0.3)
    }),
    of_loss("margin.loss.1", |session, name| {
        session.margin_loss(name, 1.0)
    }),
    Measure::new(
        "margin.homogeneous",
        "smallest output margin over |parameters|^L, for networks homogeneous of degree L",
        |session, name| session.homogeneous_margin(name),
    )
    .about(Task::Classification)
    .from("Lyu & Li 2020")
    .passes()
    .rounded(RoundingLaw::ScaledMargin(Statistic::Min)),
    last_hidden(
        "margin.last_hidden.p10",
        "10th percentile of distances of the last layer's input to where another class wins",
        P10,
        |session, name| session.last_hidden_margin(name, P10),
    ),
    last_hidden(
        "margin.last_hidden.median",
        "median of distances of the last layer's input to where another class wins",
        MEDIAN,
        |session, name| session.last_hidden_margin(name, MEDIAN),
    ),
    hidden("margin.hidden.1.p10", P10, |session, name| {
        session.hidden_margin(name, 1, P10)
    }),
    hidden("margin.hidden.1.median", MEDIAN, |session, name| {
        session.hidden_margin(name, 1, MEDIAN)
    }),
    hidden("margin.hidden.2.p10", P10, |session, name| {
        session.hidden_margin(name, 2, P10)
    }),
    hidden("margin.hidden.2.median", MEDIAN, |session, name| {
        session.hidden_margin(name, 2, MEDIAN)
    }),
    hidden("margin.hidden.3.p10", P10, |session, name| {
        session.hidden_margin(name, 3, P10)
    }),
    hidden("margin.hidden.3.median", MEDIAN, |session, name| {
        session.hidden_margin(name, 3, MEDIAN)
    }),
    hidden("margin.hidden.4.p10", P10, |session, name| {
        session.hidden_margin(name, 4, P10)
    }),
    hidden("margin.hidden.4.median", MEDIAN, |session, name| {
        session.hidden_margin(name, 4, MEDIAN)
    }),
    input(
        "margin.input.p10",
        "10th percentile of first-order distances of inputs to where another class wins",
        P10,
        |session, name| session.input_margin(name, P10),
    ),
    input(
        "margin.input.median",
        "median of first-order distances of inputs to where another class wins",
        MEDIAN,
        |session, name| session.input_margin(name, MEDIAN),
    ),
    attack(
        "margin.attack.p10",
        "10th percentile of the smallest perturbations found by an attack (upper bounds)",
        P10,
        |session, name| session.attack_margin(name, P10),
    ),
    attack(
        "margin.attack.median",
        "median of the smallest perturbations found by an attack (upper bounds)",
        MEDIAN,
        |session, name| session.attack_margin(name, MEDIAN),
    )
    .full(),
];

const fn of_function(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take)
        .about(Task::Classification)
        .passes()
        .invariant(MapKind::ALL)
}

const fn of_outputs(name: &'static str, description: &'static str, take: Take) -> Measure {
    of_function(name, description, take).rounded(RoundingLaw::Margin)
}

const fn of_class(name: &'static str, take: Take) -> Measure {
    of_outputs(
        name,
        "10th percentile of the output margins of samples of this class",
        take,
    )
}

const fn spectral(
    name: &'static str,
    description: &'static str,
    statistic: Statistic,
    take: Take,
) -> Measure {
    Measure::new(name, description, take)
        .about(Task::Classification)
        .from("Bartlett et al. 2017, eq. 1.2 without its sum of (2,1) norms")
        .passes()
        .invariant(PRODUCTS)
        .rounded(RoundingLaw::ScaledMargin(statistic))
}

const fn of_loss(name: &'static str, take: Take) -> Measure {
    Measure::new(
        name,
        "share of samples with output margin over product of spectral norms at most this number",
        take,
    )
    .about(Task::Classification)
    .from("Bartlett et al. 2017, eq. 1.2 without its sum of (2,1) norms")
    .passes()
    .share()
    .invariant(PRODUCTS)
}

const fn bartlett(
    name: &'static str,
    description: &'static str,
    statistic: Statistic,
    take: Take,
) -> Measure {
    Measure::new(name, description, take)
        .about(Task::Classification)
        .from("Bartlett et al. 2017, with reference matrices 0")
        .passes()
        .invariant(PRODUCTS_OF_ROWS)
        .rounded(RoundingLaw::ScaledMargin(statistic))
}

const fn last_hidden(
    name: &'static str,
    description: &'static str,
    statistic: Statistic,
    take: Take,
) -> Measure {
    Measure::new(name, description, take)
        .about(Task::Classification)
        .from("Jiang et al. 2019, \"Predicting the generalization gap in deep networks\"")
        .passes()
        .rounded(RoundingLaw::Distance(statistic))
}

const fn hidden(name: &'static str, statistic: Statistic, take: Take) -> Measure {
    Measure::new(
        name,
        "10th percentile or median of first-order distances of what this hidden layer (or block) \
         holds to where another class wins, over the root of its total variation",
        take,
    )
    .about(Task::Classification)
    .from("Jiang et al. 2019, sec. 3")
    .passes()
    .invariant(UNIFORM)
    .rounded(RoundingLaw::Distance(statistic))
}

const fn input(
    name: &'static str,
    description: &'static str,
    statistic: Statistic,
    take: Take,
) -> Measure {
    of_function(name, description, take)
        .from("Elsayed et al. 2018, \"Large margin deep networks for classification\"")
        .full()
        .rounded(RoundingLaw::Distance(statistic))
}

const fn attack(
    name: &'static str,
    description: &'static str,
    statistic: Statistic,
    take: Take,
) -> Measure {
    Measure::new(name, description, take)
        .about(Task::Classification)
        .from("Madry et al. 2018, sec. 2.1, in the Euclidean norm; radius by bisection")
        .invariant(MapKind::ALL)
        .rounded(RoundingLaw::Distance(statistic))
}

impl Session<'_> {
    /// A statistic of a list of margins. The positions of one sample are not independent draws, as standard
    /// errors assume: of a network with several the error is not known.
    fn told(&self, statistic: Statistic, name: &str, margins: &[f64]) -> Measurement {
        let row = statistic.of(name, margins);
        let first = self.subject.train.batches().first();
        match (&row.error, first.map_or(1, Batch::positions)) {
            (Error::Standard(_), positions) if positions > 1 => {
                let reason = "positions of one sample are not independent draws";
                row.with_error(Error::Unknown(reason.to_owned()))
            }
            _ => row,
        }
    }

    fn output_margin(&mut self, name: &str, statistic: Statistic) -> Result<Measurement, Failure> {
        let train = self.train()?;
        Ok(self.told(statistic, name, train.margins()?))
    }

    /// The 10th percentile of the margins of one class.
    fn class_margin(&mut self, name: &str, class: u8) -> Result<Measurement, Failure> {
        let labels = self.subject.labels()?;
        let train = self.train()?;
        let margins = train.margins()?.iter().zip(labels);
        let own: Vec<f64> = margins
            .filter(|(_, label)| **label == class)
            .map(|(&margin, _)| margin)
            .collect();
        if own.is_empty() {
            return Err(Failure::not_defined("there is no sample of this class"));
        }
        Ok(self.told(P10, name, &own))
    }

    fn hidden_margin(
        &mut self,
        name: &str,
        layer: usize,
        statistic: Statistic,
    ) -> Result<Measurement, Failure> {
        let key = format!("margin.hidden.{layer}");
        let distances = self.distances(&key, |session| session.hidden_margins(layer))?;
        Ok(self.told(statistic, name, &distances))
    }

    fn last_hidden_margin(
        &mut self,
        name: &str,
        statistic: Statistic,
    ) -> Result<Measurement, Failure> {
        let distances = self.distances("margin.last_hidden", Self::last_hidden_margins)?;
        Ok(self.told(statistic, name, &distances))
    }

    fn input_margin(&mut self, name: &str, statistic: Statistic) -> Result<Measurement, Failure> {
        let distances = self.distances("margin.input", Self::input_margins)?;
        Ok(self.told(statistic, name, &distances))
    }

    /// As long as each sample's is a bound, so is every order statistic.
    fn attack_margin(&mut self, name: &str, statistic: Statistic) -> Result<Measurement, Failure> {
        let distances = self.distances("margin.attack", Self::attack_margins)?;
        Ok(self
            .told(statistic, name, &distances)
            .bounding(Bound::Upper))
    }

    /// One distance per sample, computed once.
    fn distances(
        &mut self,
        list: &str,
        compute: impl FnOnce(&mut Self) -> Result<Vec<f64>, Failure>,
    ) -> Result<Rc<Vec<f64>>, Failure> {
        self.once(list, compute)
    }
}
