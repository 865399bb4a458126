//! The leading eigenvalues of the matrix that decides, from round to round.
//!
//! Five are followed always, and where those beyond are asked for ten, and then [`MOST`], as long as all so far are above
//! three quarters of the line, which is `1.5/η` for gradient descent. Their tolerance is looser than that of a
//! single eigenvalue: the error of a Rayleigh quotient is of the square of its residual, over the gap.
//!
//! A search that remembers begins with the leading vectors of the round before and a mixture of the others it remembers.
//! With the leading ones alone it would never see that another has risen above them; with mixtures of all that are
//! remembered in their place it takes about twice the products.

use super::edge::Edge;
use crate::extremes::largest_size;
use crate::linear::{
    DavidsonOptions, Eigenpair, LanczosOptions, LeadingPairs, LinearError, LinearOperator, Start,
    WarmStart, davidson, dot, lanczos,
};
use crate::measure::circumstances::Algorithm;
use crate::measure::failure::Failure;
use crate::measure::measurement::{Bound, Measurement};
use crate::measure::session::{MOST_PRODUCTS, Session};
use crate::measure::subject::Search;
use std::rc::Rc;

/// Pairs that are followed wherever they are.
pub(in crate::measure) const ALWAYS: usize = 5;

/// How many pairs are searched for beyond these, each time that all so far are above.
const BEYOND: [usize; 2] = [10, MOST];

/// Pairs that are followed at most.
const MOST: usize = 20;

/// The share of the line above which pairs are followed beyond [`ALWAYS`].
const NEAR: f64 = 0.75;

/// The residual `‖Av − λv‖ / ‖A‖` to which they are found.
const TOLERANCE: f64 = 0.01;

/// The eigenvectors of a round, under these names for the next: the first five, and all that are above.
const EIGENVECTORS: &str = "followed.eigenvectors";
const EIGENVECTORS_BEYOND: &str = "followed.eigenvectors_beyond";

/// The leading pairs of a matrix at one point, largest first.
pub(in crate::measure) struct Followed {
    pub pairs: Vec<Eigenpair>,
    /// An estimate, from below, of the eigenvalue after them; none where nothing was seen of it.
    pub next: Option<f64>,
    /// Whether none is missing, as far as the search can tell.
    pub is_complete: bool,
    pub matvecs: usize,
    pub algorithm: Algorithm,
    line: f64,
}

impl Followed {
    /// The value above which pairs are followed beyond the first five.
    fn near(&self) -> f64 {
        NEAR * self.line
    }

    fn is_capped(&self) -> bool {
        self.pairs.len() == MOST && self.pairs.iter().all(|pair| pair.value > self.near())
    }
}

impl Session<'_> {
    /// The five leading pairs of the matrix that decides.
    pub(super) fn followed(&mut self) -> Result<Rc<Followed>, Failure> {
        self.once("followed", |session| {
            let edge = session.edge()?;
            session.follow("followed", &edge, ALWAYS)
        })
    }

    /// The five, and those beyond as long as all that were found are above a value, up to [`MOST`].
    fn followed_above(
        &mut self,
        value: impl Fn(&Followed) -> f64,
    ) -> Result<Rc<Followed>, Failure> {
        let mut found = self.followed()?;
        let (value, mut wanted) = (value(&found), ALWAYS);
        for next in BEYOND {
            let are_above = found.pairs.iter().all(|pair| pair.value > value);
            if found.pairs.len() < wanted || !are_above {
                break;
            }
            let search = match next {
                MOST => "followed_far_beyond",
                _ => "followed_beyond",
            };
            found = self.once(search, |session| {
                let edge = session.edge()?;
                session.follow(search, &edge, next)
            })?;
            wanted = next;
        }
        Ok(found)
    }

    /// The five leading pairs of the Hessian (plus weight decay).
    pub(in crate::measure) fn top_space(&mut self) -> Result<Rc<Followed>, Failure> {
        match self.edge() {
            Ok(edge) if edge.is_of_hessian() => self.followed(),
            _ => self.once("top space", |session| {
                session.follow("top_space", &Edge::none(), ALWAYS)
            }),
        }
    }

    /// So many leading pairs of a matrix, from random vectors or from what the last search of this name has left.
    fn follow(&mut self, search: &str, edge: &Edge, largest: usize) -> Result<Followed, Failure> {
        let subject = self.subject;
        let past = match subject.search {
            Search::Fresh => None,
            Search::Remembering(past) => past.and_then(|past| past.get(search)),
        };
        let is_remembering = matches!(subject.search, Search::Remembering(_));
        let found = edge.with_operator(&subject, |operator| {
            self.leading(search, operator, largest, past)
        })?;
        if is_remembering {
            self.remember(search, found.warm_start);
        }
        Ok(Followed {
            pairs: found.pairs,
            next: found.next,
            is_complete: found.complete,
            matvecs: found.matvecs,
            algorithm: match (is_remembering, past) {
                (false, _) => Algorithm::Lanczos,
                (true, None) => Algorithm::Davidson,
                (true, Some(_)) => Algorithm::WarmDavidson,
            },
            line: edge.line,
        })
    }

    /// So many leading pairs. A search that remembers does without certainty once there is something to begin
    /// with: each random vector that certainty takes costs more products than all of the pairs.
    fn leading(
        &self,
        search: &str,
        operator: &mut dyn LinearOperator,
        largest: usize,
        start: Option<&WarmStart>,
    ) -> Result<LeadingPairs, LinearError> {
        let subject = self.subject;
        let budget = subject.budget;
        let mut rng = subject.stream(&format!("probes.{search}"));
        if let Search::Remembering(_) = subject.search {
            let options = DavidsonOptions {
                start: Start::LeadingAndMixture,
                largest,
                tolerance: TOLERANCE,
                max_matvecs: MOST_PRODUCTS,
                remembered: 2 * largest,
                is_certain: start.is_none(),
                budget,
                ..DavidsonOptions::default()
            };
            return davidson(operator, start, &mut rng, options, subject.interrupt);
        }
        let options = LanczosOptions {
            tolerance: TOLERANCE,
            budget,
            ..self.lanczos_options(largest, 0)
        };
        let found = lanczos(operator, None, &mut rng, options, subject.interrupt)?;
        Ok(LeadingPairs {
            pairs: found.largest,
            next: found.next,
            complete: found.complete,
            matvecs: found.matvecs,
            warm_start: WarmStart::new(&[], operator.precision())?,
        })
    }

    /// The largest stable eigenvalue.
    pub(super) fn stability_line(&mut self, name: &str) -> Result<Measurement, Failure> {
        Ok(Measurement::exact(name, self.line()?))
    }

    /// The eigenvalue at a place, counted from 1.
    pub(super) fn followed_eigenvalue(
        &mut self,
        name: &str,
        place: usize,
    ) -> Result<Measurement, Failure> {
        let followed = match place <= ALWAYS {
            true => self.followed()?,
            false => self.followed_above(Followed::near)?,
        };
        let pair = followed.pairs.get(place - 1).filter(|pair| {
            // Those after the first that is below were found by the way.
            place <= ALWAYS || pair.value > followed.near()
        });
        let Some(pair) = pair else {
            let found = followed.pairs.iter();
            let above = found.filter(|pair| pair.value > followed.near()).count();
            return Err(Failure::not_defined(format!(
                "{above} eigenvalues lie above three quarters of the line; beyond the first {ALWAYS} only those \
                 are followed"
            )));
        };
        let row = Measurement::new(name, pair.value)
            .with_residual(pair.residual, pair.converged, followed.matvecs)
            .relative_to(pair.scale)
            .over(self.subject.train.samples())
            .found_by(followed.algorithm);
        Ok(Measurement {
            note: followed.is_capped().then(|| {
                format!("the first {MOST} above three quarters of the line; there may be more")
            }),
            ..row
        })
    }

    /// How many of them are above the line.
    pub(super) fn above_line(&mut self, name: &str) -> Result<Measurement, Failure> {
        let followed = self.followed_above(|followed| followed.line)?;
        let row = self.counted(name, &followed.pairs, followed.line, followed.is_complete);
        let above = row.value == Some(MOST as f64);
        let row = Measurement {
            matvecs: Some(followed.matvecs),
            ..row.found_by(followed.algorithm)
        };
        Ok(match above {
            true => Measurement {
                note: Some(format!("all {MOST} that are followed: there may be more")),
                ..row.bounding(Bound::Lower)
            },
            false => row,
        })
    }

    /// How many pairs are above a threshold; one that lies nearer to it than its own residual may be on either
    /// side.
    pub(super) fn counted(
        &self,
        name: &str,
        pairs: &[Eigenpair],
        threshold: f64,
        is_complete: bool,
    ) -> Measurement {
        let above = pairs.iter().filter(|pair| pair.value > threshold).count();
        let residual = largest_size(pairs.iter().map(|pair| pair.residual));
        let doubtful = pairs
            .iter()
            .filter(|pair| (pair.value - threshold).abs() <= pair.residual * pair.scale)
            .count();
        let note = (doubtful > 0).then(|| {
            format!("{doubtful} of the eigenvalues lie at the threshold, within their residuals")
        });
        Measurement {
            note,
            ..Measurement::new(name, above as f64)
                .with_residual(residual, is_complete, 0)
                .over(self.subject.train.samples())
        }
    }

    /// `(v · v′)²` of the eigenvector at a place, counted from 1, and that of the round before at the same place.
    pub(super) fn overlap_at(&mut self, name: &str, place: usize) -> Result<Measurement, Failure> {
        let (overlaps, followed) = match place <= ALWAYS {
            true => (self.overlaps()?, self.followed()?),
            false => {
                let overlaps = self.overlaps_beyond()?;
                (overlaps, self.followed_above(Followed::near)?)
            }
        };
        let none = || {
            Failure::not_found(match place <= ALWAYS {
                true => "the matrix has fewer eigenvalues, or the budget ended",
                false => {
                    "fewer eigenvalues are above three quarters of the line, now or in the round before"
                }
            })
        };
        let square = overlaps.get(place - 1).and_then(|row| row.get(place - 1));
        let square = *square.ok_or_else(none)?;
        let first = followed.pairs.len().min(place.max(ALWAYS));
        Ok(self.overlap_row(name, square, &followed, first))
    }

    /// `‖VᵀV′‖² / k` of the spaces of the first `k = 5` now and in the round before: 1 for the same space.
    pub(super) fn overlap_of_spaces(&mut self, name: &str) -> Result<Measurement, Failure> {
        let overlaps = self.overlaps()?;
        let sum: f64 = overlaps.iter().flatten().sum();
        let before = overlaps.first().map_or(0, Vec::len);
        let count = overlaps.len().max(before);
        let followed = self.followed()?;
        let first = followed.pairs.len().min(ALWAYS);
        Ok(self.overlap_row(name, sum / count as f64, &followed, first))
    }

    /// A row about so many of the first eigenvectors.
    fn overlap_row(
        &self,
        name: &str,
        value: f64,
        followed: &Followed,
        first: usize,
    ) -> Measurement {
        let pairs = &followed.pairs[..first];
        let residual = largest_size(pairs.iter().map(|pair| pair.residual));
        let converged = pairs.iter().all(|pair| pair.converged);
        Measurement::new(name, value.min(1.0))
            .with_residual(residual, converged, followed.matvecs)
            .over(self.subject.train.samples())
            .found_by(followed.algorithm)
    }

    /// The squares of all inner products of the first five eigenvectors now, by row, and in the round before.
    fn overlaps(&mut self) -> Result<Rc<Vec<Vec<f64>>>, Failure> {
        self.once("overlaps", |session| {
            let followed = session.followed()?;
            session.overlaps_of(
                &followed.pairs[..followed.pairs.len().min(ALWAYS)],
                EIGENVECTORS,
            )
        })
    }

    /// The same of all eigenvectors that are above three quarters of the line.
    fn overlaps_beyond(&mut self) -> Result<Rc<Vec<Vec<f64>>>, Failure> {
        self.once("overlaps beyond", |session| {
            let followed = session.followed_above(Followed::near)?;
            let pairs = followed.pairs.iter();
            let above = pairs.filter(|pair| pair.value > followed.near()).count();
            session.overlaps_of(&followed.pairs[..above], EIGENVECTORS_BEYOND)
        })
    }

    /// The squares of all inner products of eigenvectors now and of those that the round before has left under a name,
    /// under which these are left for the next.
    fn overlaps_of(&mut self, pairs: &[Eigenpair], left: &str) -> Result<Vec<Vec<f64>>, Failure> {
        let subject = self.subject;
        let now: Vec<_> = pairs
            .iter()
            .map(|pair| (pair.value, pair.vector.clone()))
            .collect();
        let precision = subject.objective.compute().precision;
        self.remember(left, WarmStart::new(&now, precision)?);
        let before = subject.past.and_then(|past| past.get(left));
        let before = before.ok_or_else(|| {
            Failure::not_known(
                "there is no earlier round of measurements to compare with: it is known from the second round of \
                 a hook on",
            )
        })?;
        let vectors: Vec<Vec<f64>> = (0..before.len()).map(|i| before.vector(i)).collect();
        let square = |now: &[f64], before: &Vec<f64>| dot(now, before).powi(2);
        let row =
            |(_, now): &(f64, Vec<f64>)| vectors.iter().map(|before| square(now, before)).collect();
        Ok(now.iter().map(row).collect())
    }
}

#[cfg(test)]
mod tests;
