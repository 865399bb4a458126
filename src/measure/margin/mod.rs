//! Margins: how far each sample, or each position of a sample with several, is from being classified
//! differently.

mod attack;
mod distance;
mod hidden;
mod input;
mod normalised;
mod statistic;

#[cfg(test)]
mod tests;

use super::norm::{PRODUCTS, PRODUCTS_OF_ROWS};
use super::registry::{Family, Measure};
use super::session::{Failure, Session};
use super::{Bound, Evaluated, Measurement};
use crate::objective::Batch;
use crate::reparam::MapKind;
use statistic::Statistic;

/// What multiplies a whole hidden layer cancels, and an isometry moves no distance; what scales its
/// units apart does. Scales that a normalisation divides out cancel only up to its epsilon, which
/// moves a gradient by more than it moves the outputs.
const UNIFORM: &[MapKind] = &[
    MapKind::LayerRescaling,
    MapKind::Permutation,
    MapKind::AttentionRescaling,
    MapKind::OrthogonalBasis,
];

pub(super) const FAMILY: Family = Family {
    measures: &[
        of_function(
            "margin.min",
            "smallest output margin, z_y - max_{k!=y} z_k, over training samples",
        )
        .light(),
        of_function("margin.p10", "10th percentile of the output margins").light(),
        of_function("margin.median", "median of the output margins").light(),
        of_function("margin.mean", "mean of the output margins").light(),
        of_class("margin.class.0"),
        of_class("margin.class.1"),
        of_class("margin.class.2"),
        of_class("margin.class.3"),
        of_class("margin.class.4"),
        of_class("margin.class.5"),
        of_class("margin.class.6"),
        of_class("margin.class.7"),
        of_class("margin.class.8"),
        of_class("margin.class.9"),
        spectral(
            "margin.spectral",
            "smallest output margin over the product of the weights' spectral norms",
        )
        .full(),
        spectral("margin.spectral.p10", "10th percentile of those").full(),
        spectral("margin.spectral.median", "median of those"),
        bartlett(
            "margin.bartlett.p10",
            "10th percentile of margins over spectral complexity times |X|_F / n",
        ),
        bartlett("margin.bartlett.median", "median of those").full(),
        of_loss("margin.loss.0.01"),
        of_loss("margin.loss.0.03"),
        of_loss("margin.loss.0.1"),
        of_loss("margin.loss.0.3"),
        of_loss("margin.loss.1"),
        Measure::new(
            "margin.homogeneous",
            "smallest output margin over |parameters|^L, for networks homogeneous of degree L",
        )
        .from("Lyu & Li 2020")
        .passes(),
        Measure::new(
            "margin.last_hidden.p10",
            "10th percentile of distances of the last layer's input to where another class wins",
        )
        .from("Jiang et al. 2019, \"Predicting the generalization gap in deep networks\"")
        .passes(),
        Measure::new("margin.last_hidden.median", "median of those")
            .from("Jiang et al. 2019, \"Predicting the generalization gap in deep networks\"")
            .passes(),
        hidden("margin.hidden.1.p10"),
        hidden("margin.hidden.1.median"),
        hidden("margin.hidden.2.p10"),
        hidden("margin.hidden.2.median"),
        hidden("margin.hidden.3.p10"),
        hidden("margin.hidden.3.median"),
        hidden("margin.hidden.4.p10"),
        hidden("margin.hidden.4.median"),
        of_function(
            "margin.input.p10",
            "10th percentile of first-order distances of inputs to where another class wins",
        )
        .from("Elsayed et al. 2018, \"Large margin deep networks for classification\"")
        .full(),
        of_function("margin.input.median", "median of those")
            .from("Elsayed et al. 2018, \"Large margin deep networks for classification\"")
            .full(),
        attack(
            "margin.attack.p10",
            "10th percentile of the smallest perturbations found by an attack (upper bounds)",
        ),
        attack("margin.attack.median", "median of those").full(),
    ],
    measure: |session, name| {
        let positions = session.subject.train.batches().first();
        let row = margin(session, name)?;
        Ok(match positions.map_or(1, Batch::positions) {
            1 => row,
            // The positions of one sample are not independent draws, as standard errors assume.
            _ => Measurement {
                stderr: None,
                ..row
            },
        })
    },
};

fn margin(session: &mut Session<'_>, name: &str) -> Result<Measurement, Failure> {
    if let Some(class) = name.strip_prefix("margin.class.") {
        return session.class_margin(name, class);
    }
    if let Some(gamma) = name.strip_prefix("margin.loss.") {
        let gamma = gamma
            .parse()
            .map_err(|_| format!("`{gamma}` is no number"))?;
        return session.margin_loss(name, gamma);
    }
    let (list, statistic) = Statistic::of_name(name);
    match list {
        "margin" => Ok(statistic.of(name, session.train()?.margins())),
        "margin.spectral" => session.spectral_margin(name, statistic),
        "margin.bartlett" => session.bartlett_margin(name, statistic),
        "margin.homogeneous" => session.homogeneous_margin(name),
        // As long as each sample's is a bound, so is every order statistic.
        "margin.attack" => Ok(statistic
            .of(name, session.distances(list)?)
            .bounding(Bound::Upper)),
        _ => Ok(statistic.of(name, session.distances(list)?)),
    }
}

/// By how much a row of margins, or of margins over something that rounds less, moves at most where no
/// output margin moves by more than `moved`.
pub(super) fn rounding_of_margins(
    name: &str,
    value: f64,
    moved: f64,
    evaluated: &Evaluated,
) -> f64 {
    let (list, statistic) = Statistic::of_name(name);
    if list == "margin" || name.starts_with("margin.class.") {
        return moved;
    }
    let of_outputs = statistic.of(name, evaluated.margins()).value;
    of_outputs.map_or(f64::NAN, |of_outputs| moved * (value / of_outputs).abs())
}

const fn of_function(name: &'static str, description: &'static str) -> Measure {
    Measure::new(name, description)
        .passes()
        .invariant(MapKind::ALL)
}

const fn of_class(name: &'static str) -> Measure {
    of_function(
        name,
        "10th percentile of the output margins of samples of this class",
    )
}

const fn spectral(name: &'static str, description: &'static str) -> Measure {
    Measure::new(name, description)
        .from("Bartlett et al. 2017, eq. 1.2 without its sum of (2,1) norms")
        .passes()
        .invariant(PRODUCTS)
}

const fn of_loss(name: &'static str) -> Measure {
    spectral(
        name,
        "share of samples with output margin over product of spectral norms at most this number",
    )
}

const fn bartlett(name: &'static str, description: &'static str) -> Measure {
    Measure::new(name, description)
        .from("Bartlett et al. 2017, with reference matrices 0")
        .passes()
        .invariant(PRODUCTS_OF_ROWS)
}

const fn hidden(name: &'static str) -> Measure {
    Measure::new(
        name,
        "10th percentile or median of first-order distances of what this hidden layer (or block) \
         holds to where another class wins, over the root of its total variation",
    )
    .from("Jiang et al. 2019, sec. 3")
    .passes()
    .invariant(UNIFORM)
}

const fn attack(name: &'static str, description: &'static str) -> Measure {
    Measure::new(name, description)
        .from("Madry et al. 2018, sec. 2.1, in the Euclidean norm; radius by bisection")
        .invariant(MapKind::ALL)
}

impl Session<'_> {
    /// The 10th percentile of the margins of one class.
    fn class_margin(&mut self, name: &str, class: &str) -> Result<Measurement, Failure> {
        let labels = self.subject.train.labels();
        let margins = self.train()?.margins().iter().zip(labels);
        let own: Vec<f64> = margins
            .filter(|(_, label)| label.to_string() == class)
            .map(|(&margin, _)| margin)
            .collect();
        if own.is_empty() {
            return Err(Failure::Other(
                "there is no sample of this class".to_owned(),
            ));
        }
        Ok(Statistic::Quantile(0.1).of(name, &own))
    }

    /// One distance per sample, computed once.
    fn distances(&mut self, list: &str) -> Result<&[f64], Failure> {
        if !self.distances.contains_key(list) {
            let layer = list.strip_prefix("margin.hidden.");
            let found = match (list, layer.and_then(|layer| layer.parse().ok())) {
                (_, Some(layer)) => self.hidden_margins(layer)?,
                ("margin.input", _) => self.input_margins()?,
                ("margin.attack", _) => self.attack_margins()?,
                _ => self.last_hidden_margins()?,
            };
            self.distances.insert(list.to_owned(), found);
        }
        Ok(self.distances.get(list).map_or(&[], Vec::as_slice))
    }
}
