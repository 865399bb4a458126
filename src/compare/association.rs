//! Which measures rise and fall with the generalisation gap, over all runs.

use super::FinishedRun;
use super::answer::is_on_test_data;
use super::grouping::{Grouping, Settings};
use super::identity::Identity;
use crate::measure::catalogue;
use crate::statistics::correction::{benjamini_hochberg, holm};
use crate::statistics::estimate::{Estimate, kendall};
use crate::statistics::mean;
use crate::statistics::rank::{granulated, kendall_p};
use serde::Serialize;

/// The generalisation gap: test minus training loss.
pub const GAP: &str = "gap.loss";

/// The fewest kinds of runs over which anything is said.
const FEWEST: usize = 3;

/// How measures go together with the generalisation gap.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Associations {
    /// What measures are held against.
    pub with: &'static str,
    /// How many runs there are, ...
    pub runs: usize,
    /// ... of how many kinds: runs that differ in nothing but their seeds are of one.
    pub kinds: usize,
    /// The keys in which the kinds differ.
    pub axes: Vec<&'static str>,
    /// Each measure's, in the order of tables.
    pub measures: Vec<Association>,
}

/// How a measure goes together with the generalisation gap.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Association {
    /// The measure, with what tells it from others of its name.
    pub name: String,
    /// The number of runs that have both.
    pub n: usize,
    /// Kendall's τ-b over runs.
    pub tau: f64,
    /// The same over kinds of runs, of each the means over seeds.
    pub tau_of_means: f64,
    /// The 95 % interval of that.
    pub interval: [f64; 2],
    /// The two-sided p-value of kinds whose means have nothing to do with each other. Runs of one kind are not
    /// independent, so there is none over runs.
    pub p: Option<f64>,
    /// The same corrected by Holm's method over all measures.
    pub p_holm: f64,
    /// The false-discovery rate at which it would be decided.
    pub p_fdr: f64,
    /// The granulated coefficient: the mean over keys of τ among runs that differ in that key alone.
    pub granulated: Option<f64>,
    /// The same for each key; none where no two runs differ in it alone.
    pub along: Vec<Option<f64>>,
}

/// The associations of all measures; none of fewer than three kinds of runs with a gap.
pub(super) fn associations(grouping: &Grouping) -> Option<Associations> {
    let runs: Vec<&FinishedRun> = grouping
        .groups
        .iter()
        .flat_map(|group| group.runs.clone())
        .collect();
    let settings = Settings::of(&runs);
    let gap = Identity::all(GAP, grouping);
    let gap = gap.first()?;
    let mut measures: Vec<Association> = catalogue()
        .filter(|measure| !measure.is_check && !measure.is_given && !is_on_test_data(measure.name))
        .flat_map(|measure| {
            let identities = Identity::all(measure.name, grouping);
            let found = |identity: &Identity| {
                let apart = identity.apart_from(&identities);
                let name = match apart.is_empty() {
                    true => measure.name.to_owned(),
                    false => format!("{} ({})", measure.name, apart.join(", ")),
                };
                association(name, identity, gap, &runs, &settings)
            };
            identities.iter().filter_map(found).collect::<Vec<_>>()
        })
        .collect();
    let raw: Vec<f64> = measures
        .iter()
        .map(|found| found.p.unwrap_or(1.0))
        .collect();
    let corrected = holm(&raw).into_iter().zip(benjamini_hochberg(&raw));
    for (measure, corrected) in measures.iter_mut().zip(corrected) {
        (measure.p_holm, measure.p_fdr) = corrected;
    }
    (!measures.is_empty()).then(|| Associations {
        with: GAP,
        runs: runs.len(),
        kinds: settings.kinds(),
        axes: settings.keys.clone(),
        measures,
    })
}

fn association(
    name: String,
    identity: &Identity,
    gap: &Identity,
    runs: &[&FinishedRun],
    settings: &Settings,
) -> Option<Association> {
    let mut places = Vec::new();
    let (mut x, mut y, mut kinds) = (Vec::new(), Vec::new(), Vec::new());
    for (run, place) in runs.iter().zip(&settings.places) {
        let value =
            |identity: &Identity| identity.find(run)?.value.filter(|value| value.is_finite());
        let (Some(own), Some(gap)) = (value(identity), value(gap)) else {
            continue;
        };
        x.push(own);
        y.push(gap);
        kinds.push(place.clone());
        // Runs are held against those of their own seed.
        let seed = usize::try_from(run.config.seed).unwrap_or(usize::MAX);
        places.push(place.iter().copied().chain([seed]).collect::<Vec<_>>());
    }
    let mut distinct = kinds.clone();
    distinct.sort_unstable();
    distinct.dedup();
    let means = |values: &[f64]| -> Vec<f64> {
        let of_kind = |kind: &Vec<usize>| {
            let own = kinds.iter().zip(values).filter(|(other, _)| *other == kind);
            mean(&own.map(|(_, value)| *value).collect::<Vec<_>>())
        };
        distinct.iter().map(of_kind).collect()
    };
    let (of_x, of_y) = (means(&x), means(&y));
    let estimate = Estimate::rank_correlation(&of_x, &of_y);
    let tau = kendall(&x, &y);
    if distinct.len() < FEWEST || !tau.is_finite() || !estimate.value.is_finite() {
        return None;
    }
    let granulated = granulated(&places, settings.keys.len(), &x, &y);
    Some(Association {
        name,
        n: x.len(),
        tau,
        tau_of_means: estimate.value,
        interval: [estimate.low, estimate.high],
        p: kendall_p(&of_x, &of_y),
        p_holm: 1.0,
        p_fdr: 1.0,
        granulated: granulated.mean,
        along: granulated.along,
    })
}
