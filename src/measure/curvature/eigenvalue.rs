//! Eigenvalues. Each search is made for what it is named for, whatever else is asked for at the same time.

use super::few_samples::leading_pairs_by_few_samples;
use crate::curvature::Matrix;
use crate::linear::{Conjugated, DavidsonOptions, Eigenpair, LinearError, Spectrum, lanczos};
use crate::measure::circumstances::Algorithm;
use crate::measure::failure::Failure;
use crate::measure::measurement::{Error, Measurement};
use crate::measure::session::Session;
use crate::measure::subject::Search;
use std::rc::Rc;

/// The pairs that are searched for where one of them other than the largest is asked for.
const FIVE: usize = 5;

/// A spectrum, and how it was found.
pub(in crate::measure) struct Searched {
    /// The pairs.
    pub spectrum: Spectrum,
    algorithm: Algorithm,
}

impl Session<'_> {
    /// The largest eigenvalue of the Hessian.
    pub(in crate::measure) fn leading_eigenvalue(
        &mut self,
        name: &str,
    ) -> Result<Measurement, Failure> {
        let searched = self.once("leading", |session| session.leading_pairs("leading", 1))?;
        self.of_searched(name, &searched, searched.spectrum.largest.first())
    }

    /// One of the five largest eigenvalues of the Hessian.
    pub(super) fn eigenvalue_of_five(
        &mut self,
        name: &str,
        place: usize,
    ) -> Result<Measurement, Failure> {
        let searched = self.five()?;
        self.of_searched(name, &searched, searched.spectrum.largest.get(place - 1))
    }

    fn five(&mut self) -> Result<Rc<Searched>, Failure> {
        self.once("five", |session| match session.subject.search {
            // Of several pairs few samples save no products, and they cost seconds.
            Search::Fresh => session.lanczos_pairs("probes.lanczos", FIVE, 0),
            Search::Remembering(_) => session.leading_pairs("five", FIVE),
        })
    }

    /// An eigenvalue at either end of the Hessian's spectrum.
    pub(super) fn end_of_spectrum(
        &mut self,
        name: &str,
        pick: impl Fn(&Spectrum) -> Option<Eigenpair>,
    ) -> Result<Measurement, Failure> {
        let searched = self.once("ends", |session| session.lanczos_pairs("probes.ends", 1, 1))?;
        self.of_searched(name, &searched, pick(&searched.spectrum).as_ref())
    }

    fn of_searched(
        &self,
        name: &str,
        searched: &Searched,
        pair: Option<&Eigenpair>,
    ) -> Result<Measurement, Failure> {
        let none = || Failure::not_found("the matrix has fewer eigenvalues, or the budget ended");
        let row = of_pair(name, pair.ok_or_else(none)?, searched.spectrum.matvecs);
        Ok(row
            .over(self.subject.train.samples())
            .found_by(searched.algorithm))
    }

    /// Eigenpairs at both ends by one Lanczos process from a random vector.
    fn lanczos_pairs(
        &self,
        stream: &str,
        largest: usize,
        smallest: usize,
    ) -> Result<Searched, Failure> {
        let subject = self.subject;
        let mut rng = subject.stream(stream);
        let options = self.lanczos_options(largest, smallest);
        let spectrum = subject.with_operator(Matrix::Hessian, |operator| {
            lanczos(operator, None, &mut rng, options, subject.interrupt)
        })?;
        Ok(Searched {
            spectrum,
            algorithm: Algorithm::Lanczos,
        })
    }

    /// The largest eigenpairs by a Davidson method, from what the last search of this name has left where the
    /// subject remembers.
    fn leading_pairs(&mut self, search: &str, largest: usize) -> Result<Searched, Failure> {
        let subject = self.subject;
        let mut rng = match largest {
            1 => subject.stream("probes.davidson"),
            _ => subject.stream(&format!("probes.davidson.{search}")),
        };
        let mut options = DavidsonOptions {
            largest,
            budget: subject.budget,
            ..DavidsonOptions::default()
        };
        let (past, algorithm) = match subject.search {
            Search::Fresh => {
                options.remembered = 0;
                (None, Algorithm::Davidson)
            }
            // Before there is anything to begin with it begins like a fresh one.
            Search::Remembering(past) => match past.and_then(|past| past.get(search)) {
                None => (None, Algorithm::Davidson),
                past => (past, Algorithm::WarmDavidson),
            },
        };
        let found = leading_pairs_by_few_samples(&subject, past, &mut rng, options)?;
        if matches!(subject.search, Search::Remembering(_)) {
            self.remember(search, found.warm_start);
        }
        let spectrum = Spectrum {
            largest: found.pairs,
            smallest: Vec::new(),
            next: found.next,
            complete: found.complete,
            matvecs: found.matvecs,
        };
        Ok(Searched {
            spectrum,
            algorithm,
        })
    }

    /// The largest eigenvalue of a matrix, from a random start.
    pub(in crate::measure) fn largest_eigenvalue(
        &mut self,
        name: &str,
        matrix: Matrix,
    ) -> Result<Measurement, Failure> {
        let subject = self.subject;
        let mut rng = subject.stream(&format!("probes.{name}"));
        let options = self.lanczos_options(1, 0);
        let spectrum = subject.with_operator(matrix, |operator| {
            lanczos(operator, None, &mut rng, options, subject.interrupt)
        })?;
        self.of_largest(name, &spectrum)
    }

    /// `λmax(D H D)` with `D = diag|θ|`.
    pub(super) fn adaptive_eigenvalue(&mut self, name: &str) -> Result<Measurement, Failure> {
        let range = self.subject.range()?;
        let diagonal = self.values()?[range].iter().map(|x| x.abs()).collect();
        let subject = self.subject;
        let mut rng = subject.stream(&format!("probes.{name}"));
        let options = self.lanczos_options(1, 0);
        let spectrum = subject.with_operator(Matrix::Hessian, |operator| {
            let mut scaled = Conjugated::new(operator, diagonal);
            lanczos(&mut scaled, None, &mut rng, options, subject.interrupt)
        })?;
        self.of_largest(name, &spectrum)
    }

    pub(in crate::measure) fn of_largest(
        &self,
        name: &str,
        spectrum: &Spectrum,
    ) -> Result<Measurement, Failure> {
        let pair = spectrum.largest.first().ok_or(LinearError::Empty)?;
        let row = of_pair(name, pair, spectrum.matvecs);
        Ok(row
            .over(self.subject.train.samples())
            .found_by(Algorithm::Lanczos))
    }

    /// `‖H‖_F² / ‖H‖₂²`.
    pub(super) fn stable_rank(&mut self, name: &str) -> Result<Measurement, Failure> {
        let frobenius = self.frobenius(name, Matrix::Hessian)?;
        let largest =
            self.end_of_spectrum(name, |ends| ends.by_magnitude().first().copied().cloned())?;
        let ratio = super::quotient(name, &frobenius, &largest)?;
        let Some(value) = ratio.value else {
            return Ok(ratio);
        };
        let error = match ratio.error.clone() {
            Error::Standard(stderr) => Error::Standard(2.0 * value.abs() * stderr),
            error => error,
        };
        Ok(Measurement {
            converged: ratio.converged,
            matvecs: ratio.matvecs,
            samples: ratio.samples,
            ..Measurement::new(name, value * value).with_error(error)
        })
    }

    /// `tr G / λmax(G)` of the Gauss-Newton matrix (Bartlett et al. 2020, definition 3, k = 0).
    pub(super) fn effective_rank(&mut self, name: &str) -> Result<Measurement, Failure> {
        let trace = self.trace(name, Matrix::GaussNewton)?;
        let largest = self.largest_eigenvalue("ggn.lambda_max", Matrix::GaussNewton)?;
        super::quotient(name, &trace, &largest)
    }
}

fn of_pair(name: &str, pair: &Eigenpair, matvecs: usize) -> Measurement {
    Measurement::new(name, pair.value)
        .with_residual(pair.residual, pair.converged, matvecs)
        .relative_to(pair.scale)
}
