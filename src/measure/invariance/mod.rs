//! Do the measures keep their promises? Each is taken before and after a map that leaves the
//! function alone; one that claims to survive the map must not move by more than its errors.
//!
//! Before and after share their random streams, samples and budgets.

mod function;
mod judge;

pub use function::{Change, FunctionCheck};
pub use judge::{LARGE_ERROR, Line, Verdict};

use super::registry::find;
use super::session::{Event, Failure, Search, Session, Subject};
use super::{Measurement, needs_products};
use crate::linear::LinearError;
use crate::model::Conditions;
use crate::objective::Objective;
use crate::params::Parameters;
use crate::reparam::{MapKind, ParameterMap, build};
use function::{Behaviour, Sensitivity, Tolerance};
use judge::{Slack, judge};
use rand::RngExt;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Instant;

/// How often the parameters are rounded at random to see how much rounding moves a number. The
/// largest of three changes is too small by a factor of 100 about once in a million times.
const ROUNDINGS: u64 = 3;

/// What a map did to the function and to the measures.
#[derive(Clone, Debug, Serialize)]
pub struct MapReport {
    /// The kind of the map.
    pub map: MapKind,
    /// Whether the function is the same; none where it could not be computed.
    pub function: Option<FunctionCheck>,
    /// Why it could not be computed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// One line per measure; none where the function is another.
    pub lines: Vec<Line>,
    /// Wall-clock time.
    pub seconds: f64,
}

impl MapReport {
    /// Whether the map left the function alone.
    pub fn preserves_function(&self) -> bool {
        self.function.is_some_and(|check| check.is_same())
    }

    /// Whether the map left the function alone and every claim was kept.
    pub fn passed(&self) -> bool {
        let broken = |line: &Line| line.verdict == Verdict::Broken;
        self.preserves_function() && !self.lines.iter().any(broken)
    }

    fn line(&self, measure: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.measure == measure)
    }
}

/// What happens while measures are taken under a map, for whoever watches it.
#[derive(Clone, Copy, Debug)]
pub enum UnderMap<'a> {
    /// The measure of this name is begun at the parameters.
    Before(&'a str),
    /// The measure of this name is begun at their image.
    After(&'a str),
    /// The report has one line more.
    Found(&'a MapReport),
}

/// How far rounding alone moves things.
#[derive(Clone, Debug, Default)]
pub(super) struct Roundings {
    sensitivity: Option<Sensitivity>,
    of_measures: BTreeMap<String, f64>,
}

/// A parameter vector with the running statistics that belong to it.
struct Point {
    objective: Objective,
    parameters: Parameters,
}

/// The map and the measure of a row's name, `reparam.{map}.{measure}`.
pub fn parse(name: &str) -> Option<(MapKind, &'static str)> {
    let rest = name.strip_prefix("reparam.")?;
    let (map, measure) = rest.split_once('.')?;
    let map = MapKind::ALL.iter().find(|kind| kind.as_str() == map)?;
    let measure = find(measure).filter(|measure| !measure.is_check)?;
    Some((*map, measure.name))
}

/// The row's name of a measure under a map.
pub fn row_name(map: MapKind, measure: &str) -> String {
    format!("reparam.{map}.{measure}")
}

impl Session<'_> {
    /// Takes measures before and after a map and judges whether they keep what they claim.
    ///
    /// # Errors
    ///
    /// [`LinearError::Interrupted`] and nothing else.
    pub fn under(&mut self, map: &ParameterMap, names: &[&str]) -> Result<MapReport, LinearError> {
        self.under_watched(map, names, &mut |_| {})
    }

    /// As [`Session::under`], telling `watcher` of each measure as it begins and is judged.
    ///
    /// # Errors
    ///
    /// As [`Session::under`].
    pub fn under_watched(
        &mut self,
        map: &ParameterMap,
        names: &[&str],
        watcher: &mut dyn FnMut(UnderMap<'_>),
    ) -> Result<MapReport, LinearError> {
        let clock = Instant::now();
        let before = self.measure_watched(names, &mut |event| {
            if let Event::Begins(name) = event {
                watcher(UnderMap::Before(name));
            }
        })?;
        let light: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| !needs_products(name))
            .collect();
        let prepared = match self.rounded(&light) {
            Ok(()) => self.mapped(map),
            Err(failure) => Err(failure),
        };
        let mut report = MapReport {
            map: map.kind(),
            function: None,
            reason: None,
            lines: Vec::new(),
            seconds: 0.0,
        };
        match prepared {
            Err(Failure::Curvature(LinearError::Interrupted)) => {
                return Err(LinearError::Interrupted);
            }
            Err(failure) => report.reason = Some(failure.to_string()),
            Ok((image, check)) => {
                report.function = Some(check);
                if check.is_same() {
                    let mut before = before.into_iter();
                    self.at(&image)
                        .measure_watched(names, &mut |event| match event {
                            Event::Begins(name) => watcher(UnderMap::After(name)),
                            Event::Ended(after) => {
                                let (before, after) = (before.next(), after.clone());
                                let before = before.into_iter().collect();
                                let line = self.judged(map.kind(), check, before, vec![after]);
                                report.lines.extend(line);
                                watcher(UnderMap::Found(&report));
                            }
                        })?;
                }
            }
        }
        report.seconds = clock.elapsed().as_secs_f64();
        Ok(report)
    }

    /// A session at another point, everything else being equal.
    fn at<'b>(&'b self, point: &'b Point) -> Session<'b> {
        Session::new(Subject {
            objective: &point.objective,
            parameters: &point.parameters,
            search: Search::Fresh,
            ..self.subject
        })
        .without_rounding()
    }

    /// The image of the parameters and running statistics, and whether it has the same function.
    fn mapped(&mut self, map: &ParameterMap) -> Result<(Point, FunctionCheck), Failure> {
        let objective = self.subject.objective;
        let conditions = objective.conditions();
        let statistics = map.apply_to_statistics(&conditions.statistics.to_host()?);
        let blueprint = objective.network().blueprint();
        let values = map.apply(self.values()?);
        let image = Point {
            objective: objective.under(Conditions {
                statistics: Parameters::from_host(
                    blueprint.statistics(),
                    &statistics,
                    objective.compute(),
                ),
                ..conditions.clone()
            }),
            ..self.moved_to(&values)
        };
        let after = Behaviour::of(self.at(&image).train()?);
        let before = Behaviour::of(self.train()?);
        let tolerance = Tolerance {
            sensitivity: self.roundings.sensitivity.unwrap_or_default(),
            precision: objective.compute().precision,
            is_exact: map.is_exact(conditions.norm_mode),
        };
        Ok((image, FunctionCheck::compare(&before, &after, tolerance)))
    }

    fn moved_to(&self, values: &[f64]) -> Point {
        let objective = self.subject.objective;
        let (layout, compute) = (objective.network().layout(), objective.compute());
        Point {
            parameters: Parameters::from_host(layout, values, compute),
            objective: objective.clone(),
        }
    }

    /// Measures how far the function and some measures move when every parameter is rounded once.
    fn rounded(&mut self, names: &[&str]) -> Result<(), Failure> {
        let known = &self.roundings;
        let missing: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| !known.of_measures.contains_key(*name))
            .collect();
        if known.sensitivity.is_some() && missing.is_empty() {
            return Ok(());
        }
        let before = Behaviour::of(self.train()?);
        let rows = self.measure(&missing)?;
        let mut roundings = std::mem::take(&mut self.roundings);
        for round in 0..ROUNDINGS {
            let values = self.randomly_rounded(round)?;
            let image = self.moved_to(&values);
            let mut session = self.at(&image);
            let change = before.distance(&Behaviour::of(session.train()?));
            roundings.sensitivity.get_or_insert_default().widen(change);
            for (row, rounded) in rows.iter().zip(session.measure(&missing)?) {
                let (Some(then), Some(now)) = (row.value, rounded.value) else {
                    continue;
                };
                let most = roundings.of_measures.entry(row.name.clone()).or_default();
                *most = most.max((now - then).abs());
            }
        }
        self.roundings = roundings;
        Ok(())
    }

    /// Every parameter times `1 ± ε`.
    fn randomly_rounded(&mut self, round: u64) -> Result<Vec<f64>, Failure> {
        let epsilon = self.subject.objective.compute().precision.epsilon();
        let mut rng = self.subject.streams.stream("reparam.rounding", round);
        let mut rounded = |value: &f64| {
            let sign = if rng.random::<bool>() { 1.0 } else { -1.0 };
            value * (1.0 + sign * epsilon)
        };
        Ok(self.values()?.iter().map(&mut rounded).collect())
    }

    fn judged(
        &self,
        map: MapKind,
        check: FunctionCheck,
        before: Vec<Measurement>,
        after: Vec<Measurement>,
    ) -> Vec<Line> {
        let precision = self.subject.objective.compute().precision;
        before
            .into_iter()
            .zip(after)
            .filter_map(|(before, after)| {
                let measure = find(&before.name).filter(|measure| !measure.is_check)?;
                let slack = Slack {
                    rounding: self.roundings.of_measures.get(measure.name).copied(),
                    relative: check.slack(),
                    precision,
                };
                Some(judge(measure, map, before, after, slack))
            })
            .collect()
    }

    /// The report on the map of a kind, on all measures this round of measurements asks for.
    pub(super) fn report(&mut self, kind: MapKind) -> Result<&MapReport, Failure> {
        if let Some(place) = self.reports.iter().position(|report| report.map == kind) {
            return Ok(&self.reports[place]);
        }
        let subject = self.subject;
        let network = subject.objective.network();
        let mut rng = subject
            .streams
            .stream(&format!("reparam.{kind}"), subject.step);
        let map = build(network, kind, &mut rng).map_err(|error| error.to_string())?;
        let names: Vec<&str> = self
            .wanted_under
            .iter()
            .filter(|(map, _)| *map == kind)
            .map(|(_, measure)| *measure)
            .collect();
        let report = self.under(&map, &names)?;
        self.reports.push(report);
        Ok(&self.reports[self.reports.len() - 1])
    }

    /// A measure after a map as a multiple of its value before.
    pub(super) fn ratio_under(
        &mut self,
        kind: MapKind,
        measure: &str,
    ) -> Result<Measurement, Failure> {
        let report = self.report(kind)?;
        if !report.preserves_function() {
            return Err("the map changed the function".to_owned().into());
        }
        match report.line(measure) {
            Some(line) => Ok(line.ratio_row()),
            None => Err("the measure was not taken".to_owned().into()),
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod networks;
