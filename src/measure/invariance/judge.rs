//! Whether a measure moved, and whether it may.

use super::function::{ROUNDING_FACTOR, ROUNDING_FLOOR};
use super::row_name;
use crate::linear::Precision;
use crate::measure::declaration::{Cost, Measure};
use crate::measure::failure::Failure;
use crate::measure::measurement::{Bound, Error, Measurement};
use crate::reparam::MapKind;
use serde::Serialize;
use std::fmt;

/// Standard errors that two estimates may lie apart. They come from 16 probes each at least, so
/// Student's t with 30 degrees of freedom applies: 6 are exceeded once in 700,000 times.
const STANDARD_ERRORS: f64 = 6.0;

/// Residuals that an eigenvalue may be off by. One bounds the distance to the nearest eigenvalue
/// (Parlett, "The Symmetric Eigenvalue Problem", theorem 4.5.1). Of a largest value that ascents have
/// found, the residual is how far some of them stayed below it: another search may come to such a
/// height as well.
const RESIDUALS: f64 = 2.0;

/// Heights that a search for a largest value takes for the same one, relatively: two searches that have
/// found the same may differ by this.
const SAME_HEIGHT: f64 = 0.01;

/// Errors of more than this share of a number leave room for any change worth knowing.
pub const LARGE_ERROR: f64 = 0.05;

/// A relative change that shows.
pub const VISIBLE: f64 = 5e-4;

/// What was found about a measure under a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It claims to survive the map, and does.
    Kept,
    /// It claims to survive the map, and moved by more than its errors.
    Broken,
    /// It claims nothing, and moved.
    Moved,
    /// It claims nothing, and did not move.
    DidNotMove,
    /// It claims nothing, and changed by less than its own errors, which are large.
    Undecided,
    /// It claims to survive and moved, but the iteration behind it had not converged.
    NotConverged,
    /// It has no value.
    NotMeasured,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Kept => "kept",
            Self::Broken => "broken",
            Self::Moved => "moved",
            Self::DidNotMove => "did_not_move",
            Self::Undecided => "undecided",
            Self::NotConverged => "not_converged",
            Self::NotMeasured => "not_measured",
        })
    }
}

/// A measure before and after a map.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The kind of the map.
    pub map: MapKind,
    /// The measure's name.
    pub measure: &'static str,
    /// At the parameters.
    pub before: Measurement,
    /// At their image.
    pub after: Measurement,
    /// After over before; none where before is 0.
    pub ratio: Option<f64>,
    /// The largest distance of both numbers that their errors explain.
    pub allowed: Option<f64>,
    /// Whether the measure claims to survive the map.
    pub claimed: bool,
    /// What was found.
    pub verdict: Verdict,
}

impl Line {
    /// The ratio as a row of its own: relative errors of independent numbers add in squares,
    /// residuals, which are bounds, add.
    pub(super) fn ratio_row(&self) -> Measurement {
        let name = row_name(self.map, self.measure);
        let (Some(ratio), Some(before), Some(after)) =
            (self.ratio, self.before.value, self.after.value)
        else {
            let failed = [&self.before, &self.after].map(|row| row.failure.clone());
            let failure = failed.into_iter().flatten().next();
            let none = || Failure::not_defined("the value before the map is 0");
            return Measurement::failed(&name, failure.unwrap_or_else(none));
        };
        let rows = [(&self.before, before), (&self.after, after)];
        Measurement {
            converged: self
                .before
                .converged
                .zip(self.after.converged)
                .map(|(b, a)| b && a),
            matvecs: self
                .before
                .matvecs
                .zip(self.after.matvecs)
                .map(|(b, a)| b + a),
            samples: self.after.samples,
            ..Measurement::new(&name, ratio).with_error(self.error_of_ratio(rows, ratio))
        }
    }

    /// The error of the ratio. Both numbers are about the same samples, so the errors of means over those do
    /// not count.
    fn error_of_ratio(&self, rows: [(&Measurement, f64); 2], ratio: f64) -> Error {
        let unknown = rows.iter().find_map(|(row, _)| match &row.error {
            Error::Unknown(reason) => Some(reason.clone()),
            _ => None,
        });
        if let Some(reason) = unknown.filter(|_| self.is_of_products()) {
            return Error::Unknown(reason);
        }
        let relative = |error: Option<f64>, value: f64| error.map(|error| error / value.abs());
        // Of each number relative to itself: its residual may be relative to something larger.
        let residuals = rows.map(|(row, value)| relative(row.absolute_residual(), value));
        let residual = residuals.into_iter().flatten().reduce(|a, b| a + b);
        if self.has_random_error() {
            let errors = rows.map(|(row, value)| relative(row.stderr(), value).unwrap_or(0.0));
            let error = errors[0].hypot(errors[1]).hypot(residual.unwrap_or(0.0));
            return Error::Standard(error * ratio.abs());
        }
        match residual {
            Some(residual) => Error::Residual {
                residual,
                scale: None,
            },
            None => Error::Exact,
        }
    }

    fn is_of_products(&self) -> bool {
        self.before.matvecs.is_some()
    }

    /// How far from 1 the errors of both numbers allow their ratio to be; none where there is no
    /// ratio.
    pub fn allowed_ratio(&self) -> Option<f64> {
        let before = self.before.value?.abs();
        Some(self.allowed? / before).filter(|_| before > 0.0)
    }

    /// Whether the errors leave room for any change worth knowing.
    pub fn has_large_error(&self) -> bool {
        self.allowed_ratio()
            .is_some_and(|allowed| allowed > LARGE_ERROR)
    }

    /// Whether the ratio shows that something has changed.
    pub fn has_changed_visibly(&self) -> bool {
        self.ratio.is_none_or(|ratio| (ratio - 1.0).abs() > VISIBLE)
    }

    fn has_random_error(&self) -> bool {
        let rows = [&self.before, &self.after];
        rows.iter()
            .any(|row| row.stderr().is_some() && row.matvecs.is_some())
    }

    /// Why there is no ratio.
    pub fn reason(&self) -> String {
        let rows = [&self.before, &self.after];
        let reason = rows.into_iter().find_map(Measurement::reason);
        reason.unwrap_or("the value before the map is 0").to_owned()
    }
}

/// What explains a change besides a measure's own errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slack {
    /// How far the number moves when every parameter is rounded, where that is known.
    pub rounding: Option<f64>,
    /// The relative change that comes with the function's own.
    pub relative: f64,
    /// The precision of the numbers.
    pub precision: Precision,
}

/// Judges a measure by its values before and after a map.
pub(super) fn judge(
    measure: &Measure,
    map: MapKind,
    before: Measurement,
    after: Measurement,
    slack: Slack,
) -> Line {
    let claimed = measure.survives(map);
    let mut line = Line {
        map,
        measure: measure.name,
        before,
        after,
        ratio: None,
        allowed: None,
        claimed,
        verdict: Verdict::NotMeasured,
    };
    let (then, now) = match (line.before.value, line.after.value) {
        (Some(then), Some(now)) => (then, now),
        (Some(_), None) if claimed => {
            // A number that a map makes impossible to take did not survive it.
            line.verdict = Verdict::Broken;
            return line;
        }
        _ => return line,
    };
    let own = match measure.cost {
        Cost::Passes => of_evaluation(&line, measure.is_share, then, now, slack),
        Cost::Products => of_products(&line, then, now, slack.precision),
    };
    let allowed = own + slack.relative * then.abs().max(now.abs());
    let is_converged = [&line.before, &line.after]
        .iter()
        // The standard error of an estimate counts in full, however large it is.
        .all(|row| row.stderr().is_some() || row.converged != Some(false));
    line.ratio = match then {
        0.0 if now == 0.0 => Some(1.0),
        0.0 => None,
        _ => Some(now / then),
    };
    line.allowed = Some(allowed);
    line.verdict = match ((now - then).abs() <= allowed, claimed) {
        (true, true) => Verdict::Kept,
        (true, false) if line.has_large_error() && line.has_changed_visibly() => Verdict::Undecided,
        (true, false) => Verdict::DidNotMove,
        (false, false) => Verdict::Moved,
        (false, true) if !is_converged => Verdict::NotConverged,
        (false, true) => Verdict::Broken,
    };
    line
}

/// A number that only evaluates the network has no error but rounding: its standard error is about
/// other samples, and both numbers are taken on the same ones.
fn of_evaluation(line: &Line, is_share: bool, then: f64, now: f64, slack: Slack) -> f64 {
    // A share of samples jumps by one sample where rounding decides a tie.
    let samples = line.before.samples.filter(|&n| is_share && n > 0);
    let jump = samples.map_or(0.0, |samples| 1.0 / samples as f64);
    let floor = ROUNDING_FLOOR * slack.precision.epsilon() * then.abs().max(now.abs());
    ROUNDING_FACTOR * slack.rounding.unwrap_or(0.0) + floor + jump
}

/// A number from derivatives has its standard error and its residual, and is computed to about half
/// of the digits of the precision.
fn of_products(line: &Line, then: f64, now: f64, precision: Precision) -> f64 {
    let stderr = |row: &Measurement| row.stderr().unwrap_or(0.0);
    let residual = |row: &Measurement, value: f64| {
        let stated = row.absolute_residual().unwrap_or(0.0);
        match row.bound() {
            Some(Bound::Lower) => stated.max(SAME_HEIGHT * value.abs()),
            _ => stated,
        }
    };
    STANDARD_ERRORS * stderr(&line.before).hypot(stderr(&line.after))
        + RESIDUALS * (residual(&line.before, then) + residual(&line.after, now))
        + precision.epsilon().sqrt() * then.abs().max(now.abs())
}
