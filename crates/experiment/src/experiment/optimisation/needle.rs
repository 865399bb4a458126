//! A hidden valley among cells that look alike: why functions are asked to be smooth.

use crate::experiment::{
    About, Claim, Count, Experiment, ExperimentError, Extent, Findings, Handle, Parameter, Setup,
    Subject,
};
use crate::figure::{Axis, Figure, Mark, Panel, Points};
use crate::problem::quadratic::steps_until;
use crate::problem::vector::{moved, norm};
use crate::random::{StreamRng, Streams};
use crate::statistics::{Estimate, Rule, mean};
use rand::RngExt;

const LARGEST: Count = Count::new("largest", "largest dimension n", 14)
    .quick(10)
    .allowed(4.0, 20.0);
const NEEDLES: Count = Count::new(
    "needles",
    "needles that are hidden for each dimension and seed",
    40,
)
.quick(20)
.allowed(5.0, 1e4);

/// The edge of the valley's cell, which holds a share 2⁻ⁿ of the cube.
const CELL: f64 = 0.5;

/// Theory 2-14.
#[derive(Debug)]
pub struct NeedleInAHaystack;

/// Ways to look for the valley.
const SEARCHES: [&str; 3] = [
    "all cells in turn",
    "cells at random",
    "gradient descent that starts again at random places",
];

/// What a seed gives for each dimension.
struct Seed {
    /// The mean queries of each search.
    queries: [Vec<f64>; 3],
    found: Vec<f64>,
    bowl: Vec<f64>,
}

impl Experiment for NeedleInAHaystack {
    fn about(&self) -> About {
        About {
            name: "needle-in-a-haystack",
            subject: Subject::Optimisation,
            claim: "Where the gradient is the same everywhere but in one hidden valley, finding the valley takes a number of \
                    queries that is exponential in the dimension.",
            source: "Arora et al., Theory of Deep Learning (draft), sec. 2.5.1",
            mathematics: "On the cube [0, 1]ⁿ let f(w) = Σ wᵢ outside one of the 2ⁿ cells of edge 1/2, and a bowl inside it. \
                A query outside that cell says only that the needle is not in the cell of the query. If the needle is \
                anywhere with equal chances, any order of queries without repetition takes (2ⁿ + 1)/2 of them on average, \
                and no search takes fewer. Three searches are run. \
                Gradient descent goes to the corner 0 wherever the needle is. With a smooth bowl over the whole cube, the \
                gradient points home from everywhere.",
            refuted_by: "A search whose number of queries grows slower than 2ⁿ.",
            seeds: Extent { full: 10, quick: 6 },
            seconds: Extent {
                full: 0.7,
                quick: 0.05,
            },
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        vec![LARGEST.parameter(), NEEDLES.parameter()]
    }

    fn run(&self, setup: &Setup) -> Result<Findings, ExperimentError> {
        let dimensions: Vec<usize> = (2..=setup.get(LARGEST)).step_by(2).collect();
        let needles = setup.get(NEEDLES);
        let seeds = setup.over_seeds(|streams| {
            setup.go_on()?;
            Ok(seed(&dimensions, needles, streams))
        })?;
        let x: Vec<f64> = dimensions.iter().map(|n| *n as f64).collect();
        let doubling = |of: &dyn Fn(&Seed) -> Vec<f64>| {
            let slopes = super::each(&seeds, |seed| {
                let logs: Vec<f64> = of(seed).iter().map(|queries| queries.log2()).collect();
                Estimate::slope(&x, &logs).value
            });
            Estimate::mean(&slopes)
        };
        let last = dimensions.len() - 1;
        let found = super::each(&seeds, |seed| seed.found[last]);
        let text = |what: &str| format!("{what} grow by one doubling for each dimension.");
        let searches = SEARCHES.iter().enumerate().map(|(kind, search)| {
            Claim::printed(
                "theory 2-14",
                text(&format!(
                    "The gradient queries until the hidden valley is found by {search}"
                )),
                super::equals(1.0, 0.1),
                doubling(&|seed| seed.queries[kind].clone()),
            )
        });
        Ok(Findings::new()
            .claims(searches.collect::<Vec<_>>())
            .claim(Claim::printed(
                "theory 2-14",
                format!("Gradient descent from the middle finds the valley in fewer than one of 20 cases in {} dimensions.",
                    dimensions[last]),
                Rule::Below(0.05),
                Estimate::proportion(found.iter().sum::<f64>() as usize, needles * seeds.len()),
            ))
            .claim(Claim::must_fail(
                "theory 2-14",
                text("The steps of gradient descent to the bottom of a smooth bowl over the whole cube"),
                super::equals(1.0, 0.1),
                doubling(&|seed| seed.bowl.clone()),
            ))
            .figure("needle", figure(&x, &seeds)))
    }
}

fn seed(dimensions: &[usize], needles: usize, streams: Streams) -> Seed {
    let mut found = Seed {
        queries: [const { Vec::new() }; 3],
        found: Vec::new(),
        bowl: Vec::new(),
    };
    for dimension in dimensions {
        let mut rng = streams.stream("needle", *dimension as u64);
        let trials: Vec<[f64; 5]> = (0..needles).map(|_| trial(*dimension, &mut rng)).collect();
        let of = |index: usize| {
            trials
                .iter()
                .map(|trial| trial[index])
                .collect::<Vec<f64>>()
        };
        for (kind, queries) in found.queries.iter_mut().enumerate() {
            queries.push(mean(&of(kind)));
        }
        found.found.push(of(3).iter().sum());
        found.bowl.push(mean(&of(4)));
    }
    found
}

/// Hides a needle: how many queries each search takes, whether gradient descent from the middle meets it (0 or 1), and how
/// many steps gradient descent takes on a bowl around it.
fn trial(dimension: usize, rng: &mut StreamRng) -> [f64; 5] {
    let centre: Vec<f64> = (0..dimension)
        .map(|_| 0.25 + CELL * f64::from(rng.random_range(0..2u8)))
        .collect();
    let cells = 1usize << dimension;
    let is_needle = |cell: usize| {
        let is_high = |axis: usize| cell >> axis & 1 == 1;
        let mut axes = centre.iter().enumerate();
        axes.all(|(axis, centre)| (*centre > CELL) == is_high(axis))
    };
    let in_turn = (0..cells).position(is_needle);
    let by_chance = (1usize..).find(|_| is_needle(rng.random_range(0..cells)));
    let by_descent = restarted_descent(&centre, rng);
    let mut w = vec![0.5; dimension];
    let mut is_found = false;
    for _ in 0..100 {
        let slope: Vec<f64> = if is_in_valley(&w, &centre) {
            is_found = true;
            moved(&w, -1.0, &centre)
        } else {
            vec![1.0; dimension]
        };
        w = moved(&w, -0.05, &slope)
            .into_iter()
            .map(|w| w.clamp(0.0, 1.0))
            .collect();
    }
    let mut v = vec![0.5; dimension];
    let step = || {
        v = moved(&v, -0.2, &moved(&v, -1.0, &centre));
        norm(&moved(&v, -1.0, &centre))
    };
    let bowl = steps_until(1e-3, 1000, step);
    let count = |steps: usize| steps as f64;
    [
        in_turn.map_or(f64::NAN, |query| count(query + 1)),
        by_chance.map_or(f64::NAN, count),
        count(by_descent),
        f64::from(u8::from(is_found)),
        bowl.map_or(f64::NAN, count),
    ]
}

/// The gradient queries of descents from random places of the cube, each until it rests at the corner 0, up to the first in
/// the valley.
fn restarted_descent(centre: &[f64], rng: &mut StreamRng) -> usize {
    let mut queries = 0;
    loop {
        let mut w: Vec<f64> = centre.iter().map(|_| rng.random()).collect();
        while w.iter().any(|w| *w > 0.0) {
            queries += 1;
            if is_in_valley(&w, centre) {
                return queries;
            }
            // The slope is 1 in every coordinate.
            w.iter_mut().for_each(|w| *w = (*w - 0.5 * CELL).max(0.0));
        }
    }
}

/// Whether a query sees the bowl and not the slope around it. Of two cells, their border belongs to the upper one.
fn is_in_valley(query: &[f64], centre: &[f64]) -> bool {
    query
        .iter()
        .zip(centre)
        .all(|(query, centre)| (-0.5 * CELL..0.5 * CELL).contains(&(query - centre)))
}

fn figure(x: &[f64], seeds: &[Seed]) -> Figure {
    let means = |of: &dyn Fn(&Seed) -> &[f64]| -> Vec<f64> {
        (0..x.len())
            .map(|index| mean(&super::each(seeds, |seed| of(seed)[index])))
            .collect()
    };
    let expected = x.iter().map(|n| 0.5 * (n.exp2() + 1.0)).collect();
    let line = crate::figure::Line::new("(2ⁿ + 1)/2", x.to_vec(), expected)
        .styled(crate::figure::Style::REFERENCE);
    let mut panel = Panel::new(
        Axis::new("dimension n", "1").linear(),
        Axis::counting("mean queries").log(),
    )
    .with(line);
    for (kind, label) in ["in turn", "at random", "restarts"].iter().enumerate() {
        let queries = means(&|seed| &seed.queries[kind]);
        panel = panel.with(Mark::Points(Points::new(*label, x.to_vec(), queries)));
    }
    let bowl = means(&|seed| &seed.bowl);
    let panel = panel.with(Mark::Points(Points::new("smooth bowl", x.to_vec(), bowl)));
    Figure::new("Queries until a minimum is found").with(panel)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_of_all_cells_finds_the_needle_once_among_them() {
        let mut rng = Streams::new(0).stream("test", 0);
        for _ in 0..20 {
            let [queries, by_chance, by_descent, _, bowl] = trial(3, &mut rng);
            assert!(by_chance >= 1.0 && by_descent >= 1.0);
            assert!((1.0..=8.0).contains(&queries) && queries.fract() == 0.0);
            // 0.8ᵗ √3/4 ≤ 1e-3 from t = 28 on.
            assert_eq!(bowl, 28.0);
        }
        assert!(
            is_in_valley(&[0.3, 0.6], &[0.25, 0.75]) && !is_in_valley(&[0.3, 0.4], &[0.25, 0.75])
        );
    }

    #[test]
    fn descents_meet_the_lowest_cell_at_once_and_the_highest_by_chance() {
        let mut rng = Streams::new(1).stream("test", 0);
        let mut queries = |centre: f64| {
            let each = (0..400).map(|_| restarted_descent(&[centre; 3], &mut rng) as f64);
            each.sum::<f64>() / 400.0
        };
        // Into the highest cell goes one start of eight; from any other place it takes at least another query.
        assert!(queries(0.25) < 4.0);
        assert!(queries(0.75) > 16.0);
    }
}
