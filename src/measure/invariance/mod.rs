//! Do the measures keep their promises? Each is taken before and after a map that leaves the
//! function alone; one that claims to survive the map must not move by more than its errors.
//!
//! Before and after share their random streams, samples and budgets.

mod function;
mod history;
mod judge;

pub use function::{Change, FunctionCheck};
pub use judge::{LARGE_ERROR, Line, Verdict};

use super::declaration::{Cost, Measure};
use super::failure::Failure;
use super::measurement::Measurement;
use super::memo::Memo;
use super::session::Session;
use super::subject::{Search, Subject};
use crate::linear::LinearError;
use crate::model::Conditions;
use crate::objective::Objective;
use crate::params::Parameters;
use crate::reparam::{MapKind, ParameterMap, build};
use function::{Behaviour, Sensitivity, Tolerance};
use history::History;
use judge::{Slack, judge};
use rand::RngExt;
use serde::Serialize;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

/// How often the parameters are rounded at random to see how much rounding moves a number. The
/// largest of three changes is too small by a factor of 100 about once in a million times.
const ROUNDINGS: u64 = 3;

/// What a map did to the function and to the measures.
#[derive(Clone, Debug, Serialize)]
pub struct MapReport {
    /// The kind of the map.
    pub map: MapKind,
    /// What it did to the parameters, in words.
    pub description: String,
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

/// Another parameter vector, with the running statistics that belong to it and what has been computed there.
struct Point {
    objective: Objective,
    parameters: Parameters,
    /// What is known there of the training before; where there is none it is what is known here.
    history: Option<History>,
    memo: RefCell<Memo>,
}

impl Point {
    /// Runs `work` in a session at this point, everything else being as in `like`.
    fn visit<T>(&self, like: &Session<'_>, work: impl FnOnce(&mut Session<'_>) -> T) -> T {
        let subject = Subject {
            objective: &self.objective,
            parameters: &self.parameters,
            search: Search::Fresh,
            ..like.subject
        };
        let subject = match &self.history {
            Some(history) => history.of(subject),
            None => subject,
        };
        let mut session = Session::with_memo(subject, self.memo.take()).without_rounding();
        let result = work(&mut session);
        self.memo.replace(session.into_memo());
        result
    }
}

/// The image of the parameters under a map, and whether it has the same function.
struct Image {
    point: Point,
    check: FunctionCheck,
}

/// Parameters that are rounded at random, and how far that moves the function.
struct Rounded {
    points: Vec<Point>,
    sensitivity: Sensitivity,
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
    pub fn under(
        &mut self,
        map: &ParameterMap,
        measures: &[&'static Measure],
    ) -> Result<MapReport, LinearError> {
        self.under_watched(map, measures, &mut |_| {})
    }

    /// As [`Session::under`], telling `watcher` of each measure as it begins and is judged.
    ///
    /// # Errors
    ///
    /// As [`Session::under`].
    pub fn under_watched(
        &mut self,
        map: &ParameterMap,
        measures: &[&'static Measure],
        watcher: &mut dyn FnMut(UnderMap<'_>),
    ) -> Result<MapReport, LinearError> {
        let clock = Instant::now();
        let mut before = Vec::new();
        for measure in measures {
            watcher(UnderMap::Before(measure.name));
            before.push(self.take(measure)?);
        }
        let mut report = MapReport {
            map: map.kind(),
            description: map.description(),
            function: None,
            reason: None,
            lines: Vec::new(),
            seconds: 0.0,
        };
        match self.mapped(map) {
            Err(failure) if failure.is_interrupt() => return Err(LinearError::Interrupted),
            Err(failure) => report.reason = Some(failure.reason),
            Ok(image) => {
                report.function = Some(image.check);
                let judged = measures.iter().zip(before);
                for (measure, before) in judged.filter(|_| image.check.is_same()) {
                    watcher(UnderMap::After(measure.name));
                    let line = self.judged(map.kind(), &image, measure, before)?;
                    report.lines.extend(line);
                    watcher(UnderMap::Found(&report));
                }
            }
        }
        report.seconds = clock.elapsed().as_secs_f64();
        Ok(report)
    }

    /// The image of the parameters and running statistics, and whether it has the same function.
    fn mapped(&mut self, map: &ParameterMap) -> Result<Image, Failure> {
        let objective = self.subject.objective;
        let conditions = objective.conditions();
        let statistics = conditions.statistics.to_host().map_err(Failure::device)?;
        let statistics = map.apply_to_statistics(&statistics);
        let blueprint = objective.network().blueprint();
        let values = map.apply(&self.values()?);
        let point = Point {
            objective: objective.under(Conditions {
                statistics: Parameters::from_host(
                    blueprint.statistics(),
                    &statistics,
                    objective.compute(),
                ),
                ..conditions.clone()
            }),
            history: Some(History::under(map, &self.subject)?),
            ..self.moved_to(&values)
        };
        let after = point.visit(self, |session| {
            Ok::<_, Failure>(Behaviour::of(&*session.train()?))
        })?;
        let before = Behaviour::of(&*self.train()?);
        let tolerance = Tolerance {
            sensitivity: self.rounded()?.sensitivity,
            precision: objective.compute().precision,
            is_exact: map.is_exact(conditions.norm_mode),
        };
        let check = FunctionCheck::compare(&before, &after, tolerance);
        Ok(Image { point, check })
    }

    fn moved_to(&self, values: &[f64]) -> Point {
        let objective = self.subject.objective;
        let (layout, compute) = (objective.network().layout(), objective.compute());
        Point {
            parameters: Parameters::from_host(layout, values, compute),
            objective: objective.clone(),
            history: None,
            memo: RefCell::default(),
        }
    }

    /// The parameters rounded at random, some times over.
    fn rounded(&mut self) -> Result<Rc<Rounded>, Failure> {
        self.once("rounded", |session| {
            let before = Behaviour::of(&*session.train()?);
            let mut sensitivity = Sensitivity::default();
            let mut points = Vec::new();
            for round in 0..ROUNDINGS {
                let values = session.randomly_rounded(round)?;
                let point = session.moved_to(&values);
                let after =
                    point.visit(session, |at| Ok::<_, Failure>(Behaviour::of(&*at.train()?)))?;
                sensitivity.widen(before.distance(&after));
                points.push(point);
            }
            Ok(Rounded {
                points,
                sensitivity,
            })
        })
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

    /// How far a measure that costs little moves when every parameter is rounded; none where it costs more,
    /// or has no value.
    fn moved_by_rounding_of(
        &mut self,
        measure: &'static Measure,
        value: Option<f64>,
    ) -> Result<Option<f64>, LinearError> {
        let Some(value) = value.filter(|_| measure.cost == Cost::Passes) else {
            return Ok(None);
        };
        let Ok(rounded) = self.rounded() else {
            return Ok(None);
        };
        let mut most = None;
        for point in &rounded.points {
            if let Some(now) = point.visit(self, |at| at.take(measure))?.value {
                most = Some((now - value).abs().max(most.unwrap_or(0.0)));
            }
        }
        Ok(most)
    }

    /// The line of a measure, which is taken at the image; none for one that reports on maps itself.
    fn judged(
        &mut self,
        map: MapKind,
        image: &Image,
        measure: &'static Measure,
        before: Measurement,
    ) -> Result<Option<Line>, LinearError> {
        if measure.is_check {
            return Ok(None);
        }
        let slack = Slack {
            rounding: self.moved_by_rounding_of(measure, before.value)?,
            relative: image.check.slack(),
            precision: self.subject.objective.compute().precision,
        };
        let after = image.point.visit(self, |at| at.take(measure))?;
        Ok(Some(judge(measure, map, before, after, slack)))
    }

    /// The image under the map of a kind that rows report on.
    fn image(&mut self, kind: MapKind) -> Result<Rc<Image>, Failure> {
        self.once(kind.as_str(), |session| {
            let mut rng = session.subject.stream(&format!("reparam.{kind}"));
            let network = session.subject.objective.network();
            let map = build(network, kind, &mut rng);
            let map = map.map_err(|error| Failure::not_defined(error.to_string()))?;
            session.mapped(&map)
        })
    }

    /// What the map of a kind did to the function.
    pub(super) fn function_under(&mut self, kind: MapKind) -> Result<FunctionCheck, Failure> {
        Ok(self.image(kind)?.check)
    }

    /// A measure after a map as a multiple of its value before.
    pub(super) fn ratio_under(
        &mut self,
        kind: MapKind,
        measure: &'static Measure,
    ) -> Result<Measurement, Failure> {
        let image = self.image(kind)?;
        if !image.check.is_same() {
            return Err(Failure::not_found("the map changed the function"));
        }
        let before = self.take(measure)?;
        let line = self.judged(kind, &image, measure, before)?;
        let line = line.ok_or_else(|| Failure::not_defined("it reports on a map itself"))?;
        Ok(line.ratio_row())
    }
}

#[cfg(test)]
mod tests;
