//! What a comparison says, in parts; sentences are made of them elsewhere.

use super::cell::find;
use super::grouping::Grouping;
use super::losses::Matching;
use super::verdict::{Decision, Verdict};
use super::{LeftOut, Line, Movement};
use serde::Serialize;

/// What a comparison says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Answer {
    /// On what ground lines are decided, or why none can be.
    pub standing: Standing,
    /// Measures of flatness that no map moves: what they say is said of the function.
    pub flatness: Findings,
    /// Losses and accuracies on test data, and how far they are from those on training data.
    pub test_data: Findings,
    /// The other measures that no map moves.
    pub others: Findings,
    /// Measures that rest on the parameterisation, because a map moves them.
    pub parameterised: Findings,
    /// What could mislead.
    pub cautions: Vec<Caution>,
}

/// On what ground lines are decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Nothing is compared.
    OneGroup,
    /// Runs of a group are not samples of one thing.
    UnlikeRuns,
    /// Groups have fewer than three seeds.
    TooFewSeeds,
    /// Every line is set, equal, or without a verdict for a reason of its own.
    Untested,
    /// Lines are tested at training losses that differ or are not known, so that flatness is compared only between
    /// groups where they do not.
    UnequalLosses,
    /// Lines are tested at equal training losses.
    EqualLosses,
}

/// Lines of one kind by what is known of them. Lines that are set by the user are not among them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Findings {
    /// Those with a decided difference.
    pub decided: Vec<Finding>,
    /// Those that were tested without one.
    pub undecided: Vec<String>,
    /// Those whose groups differ by no more than the margin.
    pub equal: Vec<String>,
    /// Those with the same value in every run, or in every group by seed.
    pub identical: Vec<String>,
    /// Those without a verdict.
    pub withheld: Vec<Withheld>,
}

/// A decided difference.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The measure.
    pub name: String,
    /// The decided pairs of groups.
    pub larger: Vec<Larger>,
    /// The last group's mean over the first's.
    pub ratio: Option<f64>,
    /// The maps that move the measure.
    pub moved_by: Vec<Movement>,
}

/// One group's mean is larger than another's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Larger {
    /// The label of the group with the larger mean.
    pub group: String,
    /// The label of the other.
    pub than: String,
}

/// A line without a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Withheld {
    /// The measure.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// What could mislead; the comparison's warnings say more.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Caution {
    /// The training losses are not equal.
    UnequalLosses {
        /// How far the furthest two lie apart, relative to the larger.
        apart: f64,
    },
    /// The training losses are not known for every run.
    UnknownLosses,
    /// The groups differ in other config keys too.
    Confounds {
        /// Which.
        keys: Vec<String>,
    },
    /// Networks have learned nothing.
    Degenerate {
        /// How many.
        runs: usize,
    },
    /// Runs were given and are not compared.
    LeftOut {
        /// How many.
        runs: usize,
    },
    /// Lines are decided by measurements some of which have not converged.
    NotConverged {
        /// Which.
        lines: Vec<String>,
    },
}

impl Answer {
    /// What decided lines say.
    pub(super) fn new(
        grouping: &Grouping,
        lines: &[Line],
        losses: (Matching, f64),
        left_out: &[LeftOut],
    ) -> Self {
        let standing = standing(grouping, lines, losses.0);
        let mut answer = Self {
            standing,
            flatness: Findings::default(),
            test_data: Findings::default(),
            others: Findings::default(),
            parameterised: Findings::default(),
            cautions: cautions(grouping, lines, losses, left_out),
        };
        for line in lines {
            let findings = match line.name.as_str() {
                name if is_on_test_data(name) => &mut answer.test_data,
                _ if !line.moved_by.is_empty() => &mut answer.parameterised,
                name if is_flatness(name) => &mut answer.flatness,
                _ => &mut answer.others,
            };
            findings.add(line);
        }
        answer
    }

    /// All lines that were tested without a decision.
    pub fn undecided(&self) -> impl Iterator<Item = &str> {
        let all = [
            &self.flatness,
            &self.test_data,
            &self.others,
            &self.parameterised,
        ];
        let undecided = all.into_iter().flat_map(|findings| &findings.undecided);
        undecided.map(String::as_str)
    }
}

impl Findings {
    fn add(&mut self, line: &Line) {
        let name = line.label();
        match line.verdict {
            Verdict::Given => {}
            Verdict::NotDecided => self.undecided.push(name),
            Verdict::Equal => self.equal.push(name),
            Verdict::Identical => self.identical.push(name),
            Verdict::TooFewSeeds => self.withheld.push(Withheld {
                name,
                reason: "too few seeds".to_owned(),
            }),
            Verdict::Withheld => self.withheld.push(Withheld {
                name,
                reason: line.reason.clone().unwrap_or_default(),
            }),
            Verdict::FirstLarger | Verdict::LastLarger | Verdict::SomeDiffer => {
                self.decided.push(Finding {
                    name,
                    larger: larger(line),
                    ratio: line.ratio,
                    moved_by: line.moved_by.clone(),
                });
            }
        }
    }

    /// Whether there is no line of this kind.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The decided pairs of a line.
pub fn larger(line: &Line) -> Vec<Larger> {
    let pairs = line.pairs.iter().filter_map(|pair| {
        let (group, than) = match pair.decision {
            Decision::FirstLarger => (&pair.first, &pair.second),
            Decision::SecondLarger => (&pair.second, &pair.first),
            Decision::NotDecided | Decision::Equal => return None,
        };
        Some(Larger {
            group: group.clone(),
            than: than.clone(),
        })
    });
    pairs.collect()
}

/// Whether a measure tells how flat the loss is.
fn is_flatness(name: &str) -> bool {
    crate::measure::find(name).is_some_and(|measure| measure.is_flatness)
}

/// Whether a measure is about data that was not trained on.
pub(super) fn is_on_test_data(name: &str) -> bool {
    name.ends_with(".test") || name.starts_with("gap.")
}

/// Whether every run's measurement has converged, as far as that is known.
fn has_converged(grouping: &Grouping, name: &str) -> bool {
    let mut runs = grouping.groups.iter().flat_map(|group| &group.runs);
    runs.all(|run| find(run, name).is_none_or(|row| row.converged != Some(false)))
}

fn standing(grouping: &Grouping, lines: &[Line], losses: Matching) -> Standing {
    let is_tested = lines.iter().any(|line| !line.pairs.is_empty());
    let is_held_back = |line: &Line| {
        let reason = line.reason.as_deref().unwrap_or_default();
        reason.starts_with("training losses")
    };
    let is_short = |line: &Line| line.verdict == Verdict::TooFewSeeds;
    match () {
        () if grouping.groups.len() < 2 => Standing::OneGroup,
        () if !grouping.unlike.is_empty() => Standing::UnlikeRuns,
        () if is_tested && losses.allows_conclusions() => Standing::EqualLosses,
        () if is_tested => Standing::UnequalLosses,
        () if lines.iter().any(is_short) => Standing::TooFewSeeds,
        () if lines.iter().any(is_held_back) => Standing::UnequalLosses,
        () => Standing::Untested,
    }
}

fn cautions(
    grouping: &Grouping,
    lines: &[Line],
    (losses, apart): (Matching, f64),
    left_out: &[LeftOut],
) -> Vec<Caution> {
    let mut cautions = Vec::new();
    if grouping.groups.len() > 1 && grouping.unlike.is_empty() {
        cautions.extend(match losses {
            Matching::Unequal => Some(Caution::UnequalLosses { apart }),
            Matching::Unknown => Some(Caution::UnknownLosses),
            Matching::Equal | Matching::WithinErrors => None,
        });
    }
    let keys: Vec<String> = grouping
        .confounds
        .iter()
        .map(|differing| differing.key.to_owned())
        .collect();
    if !keys.is_empty() {
        cautions.push(Caution::Confounds { keys });
    }
    let runs = grouping.groups.iter().flat_map(|group| &group.runs);
    let degenerate = runs.filter(|run| run.summary.degenerate.is_some()).count();
    if degenerate > 0 {
        cautions.push(Caution::Degenerate { runs: degenerate });
    }
    if !left_out.is_empty() {
        cautions.push(Caution::LeftOut {
            runs: left_out.len(),
        });
    }
    let decided = lines.iter().filter(|line| line.is_decided());
    let lines: Vec<String> = decided
        .filter(|line| !has_converged(grouping, &line.name))
        .map(Line::label)
        .collect();
    if !lines.is_empty() {
        cautions.push(Caution::NotConverged { lines });
    }
    cautions
}
