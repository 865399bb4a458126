//! Measures of curvature: eigenvalues, traces and norms of the matrices of the training loss.

use super::Measurement;
use super::few_samples::leading_pairs_by_few_samples;
use super::registry::{Family, Measure};
use super::session::{Failure, Search, Session, Subject};
use crate::curvature::{CurvatureOperator, Matrix};
use crate::linear::{
    Conjugated, DavidsonOptions, Eigenpair, Estimate, LanczosOptions, LinearError, LinearOperator,
    ProbeOptions, Recollection, Restricted, Spectrum, Traces, hutch_plus_plus, lanczos, traces,
};
use crate::params::Parameters;
use crate::reparam::MapKind;
use std::time::Instant;

/// Directions of Hutch++ in which the trace is taken exactly: as many as a network of ten classes has
/// outlying eigenvalues.
const SKETCH: usize = 10;

/// Products of a search for several eigenvalues, at most.
pub(super) const MOST_PRODUCTS: usize = 200;

/// Probes of a matrix, and the time they took.
pub(super) struct Traced {
    traces: Traces,
    seconds: f64,
}

pub(super) const FAMILY: Family = Family {
    measures: &[
        Measure::new(
            "hessian.lambda_max",
            "largest eigenvalue of the Hessian of the training loss",
        )
        .full(),
        Measure::new(
            "hessian.lambda_min",
            "smallest (most negative) eigenvalue of the Hessian, by Lanczos",
        )
        .full(),
        Measure::new(
            "hessian.lambda_2",
            "second largest eigenvalue of the Hessian; a multiple one counts as often as it occurs",
        ),
        Measure::new(
            "hessian.lambda_3",
            "third largest eigenvalue of the Hessian; a multiple one counts as often as it occurs",
        ),
        Measure::new(
            "hessian.lambda_4",
            "fourth largest eigenvalue of the Hessian; a multiple one counts as often as it occurs",
        ),
        Measure::new(
            "hessian.lambda_5",
            "fifth largest eigenvalue of the Hessian; a multiple one counts as often as it occurs",
        ),
        Measure::new(
            "hessian.lambda_max.adaptive",
            "largest eigenvalue of D H D, D = diag|parameters|: curvature per relative change",
        )
        .from("Kwon et al. 2021, \"ASAM\", sec. 3; Tsuzuku et al. 2020")
        .invariant(MapKind::ELEMENTWISE)
        .full(),
        Measure::new(
            "hessian.trace",
            "trace of the Hessian, exactly in the leading directions of a Krylov space and by random probes in the rest",
        )
        .from("Hutchinson 1990; Meyer et al. 2021")
        .full(),
        Measure::new(
            "hessian.frobenius",
            "Frobenius norm of the Hessian, from random products",
        )
        .full(),
        Measure::new(
            "hessian.stable_rank",
            "squared Frobenius over squared spectral norm of the Hessian",
        ),
        Measure::new(
            "ggn.lambda_max",
            "largest eigenvalue of the generalised Gauss-Newton matrix",
        )
        .from("Schraudolph 2002")
        .full(),
        Measure::new("ggn.trace", "trace of the Gauss-Newton matrix").full(),
        Measure::new("ggn.frobenius", "Frobenius norm of the Gauss-Newton matrix"),
        Measure::new(
            "ggn.effective_rank",
            "trace over largest eigenvalue of the Gauss-Newton matrix",
        )
        .from("Bartlett et al. 2020, definition 3, k = 0"),
        Measure::new(
            "residual.frobenius",
            "Frobenius norm of Hessian minus Gauss-Newton",
        ),
        Measure::new(
            "hessian.lambda_magnitude",
            "the eigenvalue of the Hessian that is largest in magnitude, with its sign",
        ),
        Measure::new(
            "hessian.trace.hutch_plus_plus",
            "trace of the Hessian once more: exactly on the range of a sketch, and by other random probes in the rest",
        )
        .from("Meyer et al. 2021"),
        Measure::new(
            "moment.trace",
            "trace of the second moment of one sample's gradient, as that of the Hessian",
        ),
        Measure::new(
            "moment.lambda_max",
            "largest eigenvalue of the second moment of one sample's gradient",
        ),
    ],
    measure: |session, name| {
        if let Some(place) = place(name) {
            return session.eigenvalue(name, |spectrum| spectrum.largest.get(place - 1));
        }
        match name {
            "hessian.lambda_min" => session.eigenvalue(name, |spectrum| spectrum.smallest.first()),
            "hessian.lambda_max.adaptive" => {
                session.adaptive_eigenvalue(name, session.subject.parameters)
            }
            "hessian.trace" => session.trace(name, Matrix::Hessian),
            "hessian.frobenius" => session.frobenius(name, Matrix::Hessian),
            "hessian.stable_rank" => session.stable_rank(name),
            "ggn.lambda_max" => session.largest_eigenvalue(name, Matrix::GaussNewton),
            "hessian.lambda_magnitude" => {
                session.eigenvalue(name, |spectrum| spectrum.by_magnitude().first().copied())
            }
            "hessian.trace.hutch_plus_plus" => session.sketched_trace(name),
            "moment.trace" => session.trace(name, Matrix::SecondMoment),
            "moment.lambda_max" => session.largest_eigenvalue(name, Matrix::SecondMoment),
            "ggn.trace" => session.trace(name, Matrix::GaussNewton),
            "ggn.frobenius" => session.frobenius(name, Matrix::GaussNewton),
            "ggn.effective_rank" => session.effective_rank(name),
            _ => session.frobenius(name, Matrix::Residual),
        }
    },
};

/// The place of an eigenvalue among the largest, from its measure's name.
pub(super) fn place(name: &str) -> Option<usize> {
    match name {
        "hessian.lambda_max" => Some(1),
        "hessian.lambda_2" => Some(2),
        "hessian.lambda_3" => Some(3),
        "hessian.lambda_4" => Some(4),
        "hessian.lambda_5" => Some(5),
        _ => None,
    }
}

impl Session<'_> {
    /// The options of a Lanczos process, within the user's budget.
    pub(super) fn lanczos_options(&self, largest: usize, smallest: usize) -> LanczosOptions {
        let options = LanczosOptions {
            largest,
            smallest,
            budget: self.subject.budget,
            ..LanczosOptions::default()
        };
        match largest {
            0 | 1 => options,
            _ => LanczosOptions {
                max_matvecs: MOST_PRODUCTS,
                ..options
            },
        }
    }

    pub(super) fn probe_options(&self) -> ProbeOptions {
        ProbeOptions {
            budget: self.subject.budget,
            ..ProbeOptions::default()
        }
    }

    /// Both ends of the Hessian's spectrum, as far as this round of measurements needs them.
    pub(super) fn spectrum(&mut self) -> Result<&Spectrum, Failure> {
        if self.spectrum.is_none() {
            let clock = Instant::now();
            let wanted = (self.wanted_largest, self.wanted_smallest);
            let result = match (self.subject.search, wanted) {
                (Search::Remembering(past), _) => self.remembered_spectrum(past),
                (Search::Fresh, (1, 0)) => self.leading_spectrum(None),
                // Of several pairs few samples save no products, and they cost seconds.
                (Search::Fresh, (largest, smallest)) => self.lanczos_spectrum(largest, smallest),
            };
            self.spectrum = Some(result);
            self.spectrum_seconds = clock.elapsed().as_secs_f64();
        }
        match &self.spectrum {
            Some(Ok(spectrum)) => Ok(spectrum),
            Some(Err(error)) => Err(error.clone().into()),
            None => Err(LinearError::Empty.into()),
        }
    }

    /// Eigenpairs at both ends by one Lanczos process from a random vector.
    fn lanczos_spectrum(&self, largest: usize, smallest: usize) -> Result<Spectrum, LinearError> {
        let subject = self.subject;
        let mut rng = subject.streams.stream("probes.lanczos", subject.step);
        let options = self.lanczos_options(largest, smallest);
        with_operator(&subject, Matrix::Hessian, |operator| {
            lanczos(operator, None, &mut rng, options, subject.interrupt)
        })
    }

    /// The largest eigenpairs from what the last search has left; the smallest from a random vector.
    fn remembered_spectrum(
        &mut self,
        past: Option<&Recollection>,
    ) -> Result<Spectrum, LinearError> {
        let mut spectrum = self.leading_spectrum(past)?;
        if self.wanted_smallest > 0 {
            let other = self.lanczos_spectrum(0, self.wanted_smallest)?;
            spectrum.smallest = other.smallest;
            spectrum.complete &= other.complete;
            spectrum.matvecs += other.matvecs;
        }
        Ok(spectrum)
    }

    /// The largest eigenpairs alone.
    fn leading_spectrum(&mut self, past: Option<&Recollection>) -> Result<Spectrum, LinearError> {
        let subject = self.subject;
        let mut rng = subject.streams.stream("probes.davidson", subject.step);
        let mut options = DavidsonOptions {
            largest: self.wanted_largest,
            budget: subject.budget,
            ..DavidsonOptions::default()
        };
        let is_remembered = matches!(subject.search, Search::Remembering(_));
        if !is_remembered {
            options.remembered = 0;
        }
        let found = leading_pairs_by_few_samples(&subject, past, &mut rng, options)?;
        if is_remembered {
            self.recollection = Some(found.recollection);
        }
        Ok(Spectrum {
            largest: found.pairs,
            smallest: Vec::new(),
            complete: found.complete,
            matvecs: found.matvecs,
        })
    }

    /// The eigenpair at a place from one end of the Hessian's spectrum.
    pub(super) fn eigenvalue(
        &mut self,
        name: &str,
        pick: impl Fn(&Spectrum) -> Option<&Eigenpair>,
    ) -> Result<Measurement, Failure> {
        let samples = self.subject.train.samples();
        let spectrum = self.spectrum()?;
        let pair = pick(spectrum).ok_or_else(|| {
            Failure::Other("the matrix has fewer eigenvalues, or the budget ended".to_owned())
        })?;
        let row = of_pair(name, pair, spectrum.matvecs).over(samples);
        Ok(Measurement {
            seconds: self.spectrum_seconds,
            ..row
        })
    }

    /// The largest eigenvalue of a matrix, from a random start.
    pub(super) fn largest_eigenvalue(
        &mut self,
        name: &str,
        matrix: Matrix,
    ) -> Result<Measurement, Failure> {
        let subject = self.subject;
        let mut rng = subject
            .streams
            .stream(&format!("probes.{name}"), subject.step);
        let options = self.lanczos_options(1, 0);
        let spectrum = with_operator(&subject, matrix, |operator| {
            lanczos(operator, None, &mut rng, options, subject.interrupt)
        })?;
        let pair = spectrum.largest.first().ok_or(LinearError::Empty)?;
        Ok(of_pair(name, pair, spectrum.matvecs).over(subject.train.samples()))
    }

    /// `λmax(D H D)` with `D = diag|θ|` at some parameters.
    pub(super) fn adaptive_eigenvalue(
        &self,
        name: &str,
        parameters: &Parameters,
    ) -> Result<Measurement, Failure> {
        let subject = Subject {
            parameters,
            ..self.subject
        };
        let mut rng = subject
            .streams
            .stream(&format!("probes.{name}"), subject.step);
        let options = self.lanczos_options(1, 0);
        let mut diagonal: Vec<f64> = parameters.to_host()?.iter().map(|x| x.abs()).collect();
        if let Some(block) = subject.block {
            diagonal = diagonal[subject.range_of(block)?].to_vec();
        }
        let spectrum = with_operator(&subject, Matrix::Hessian, |operator| {
            let mut scaled = Conjugated::new(operator, diagonal);
            lanczos(&mut scaled, None, &mut rng, options, subject.interrupt)
        })?;
        let pair = spectrum.largest.first().ok_or(LinearError::Empty)?;
        Ok(of_pair(name, pair, spectrum.matvecs).over(subject.train.samples()))
    }

    /// The trace of a matrix.
    pub(super) fn trace(&mut self, name: &str, matrix: Matrix) -> Result<Measurement, Failure> {
        self.traced(name, matrix, Traces::trace)
    }

    /// The Frobenius norm of a matrix.
    pub(super) fn frobenius(&mut self, name: &str, matrix: Matrix) -> Result<Measurement, Failure> {
        self.traced(name, matrix, Traces::frobenius_norm)
    }

    /// A number of the probes of a matrix, from which both trace and Frobenius norm come; so neither depends on
    /// whether the other is asked for.
    fn traced(
        &mut self,
        name: &str,
        matrix: Matrix,
        pick: impl Fn(&Traces) -> Estimate,
    ) -> Result<Measurement, Failure> {
        let key = format!("{matrix:?}");
        if !self.traces.contains_key(&key) {
            let found = self.probe(matrix)?;
            self.traces.insert(key.clone(), found);
        }
        let found = self.traces.get(&key).ok_or(LinearError::Empty)?;
        Ok(Measurement {
            seconds: found.seconds,
            ..self.estimated(name, pick(&found.traces))
        })
    }

    fn probe(&self, matrix: Matrix) -> Result<Traced, Failure> {
        let clock = Instant::now();
        let subject = self.subject;
        let name = format!("probes.{matrix:?}");
        let mut rng = subject.streams.stream(&name, subject.step);
        let wanted = |traces: &Traces| {
            let of_norm = traces.frobenius_norm().relative_error();
            match matrix {
                // Nobody asks for these traces: the one is about 0, the other is known exactly.
                Matrix::Residual | Matrix::NoiseCovariance => of_norm,
                _ => of_norm.max(traces.trace().relative_error()),
            }
        };
        let found = with_operator(&subject, matrix, |operator| {
            traces(
                operator,
                &mut rng,
                self.probe_options(),
                subject.interrupt,
                wanted,
            )
        })?;
        Ok(Traced {
            traces: found,
            seconds: clock.elapsed().as_secs_f64(),
        })
    }

    /// The trace of the Hessian by Hutch++, from probes of its own.
    fn sketched_trace(&self, name: &str) -> Result<Measurement, Failure> {
        let subject = self.subject;
        let mut rng = subject
            .streams
            .stream(&format!("probes.{name}"), subject.step);
        let estimate = with_operator(&subject, Matrix::Hessian, |operator| {
            let options = self.probe_options();
            hutch_plus_plus(operator, SKETCH, &mut rng, options, subject.interrupt)
        })?;
        Ok(self.estimated(name, estimate))
    }

    /// An estimate as a row.
    pub(super) fn estimated(&self, name: &str, estimate: Estimate) -> Measurement {
        Measurement {
            converged: Some(estimate.converged),
            matvecs: Some(estimate.matvecs),
            ..Measurement::new(name, estimate.value)
                .with_stderr(estimate.standard_error)
                .over(self.subject.train.samples())
        }
    }

    /// `‖H‖_F² / ‖H‖₂²`.
    fn stable_rank(&mut self, name: &str) -> Result<Measurement, Failure> {
        let frobenius = self.frobenius("hessian.frobenius", Matrix::Hessian)?;
        let largest = self.eigenvalue(name, |spectrum| spectrum.by_magnitude().first().copied())?;
        let ratio = Self::quotient(name, &frobenius, &largest)?;
        Ok(Measurement {
            value: ratio.value.map(|value| value * value),
            stderr: ratio
                .stderr
                .zip(ratio.value)
                .map(|(error, value)| 2.0 * value.abs() * error),
            ..ratio
        })
    }

    /// `tr G / λmax(G)` of the Gauss-Newton matrix (Bartlett et al. 2020, definition 3, k = 0).
    fn effective_rank(&mut self, name: &str) -> Result<Measurement, Failure> {
        let trace = self.trace("ggn.trace", Matrix::GaussNewton)?;
        let largest = self.largest_eigenvalue("ggn.lambda_max", Matrix::GaussNewton)?;
        Self::quotient(name, &trace, &largest)
    }

    /// A quotient of two measurements; relative errors of independent numbers add in squares.
    pub(super) fn quotient(
        name: &str,
        above: &Measurement,
        below: &Measurement,
    ) -> Result<Measurement, Failure> {
        let (Some(a), Some(b)) = (above.value, below.value) else {
            return Err(Failure::Other(
                "a part of it could not be measured".to_owned(),
            ));
        };
        let relative = |row: &Measurement, value: f64| {
            let error = row.stderr.or(row.absolute_residual());
            error.map_or(0.0, |error| error / value.abs())
        };
        let value = a / b;
        let error = relative(above, a).hypot(relative(below, b)) * value.abs();
        Ok(Measurement {
            converged: Some(above.converged != Some(false) && below.converged != Some(false)),
            matvecs: Some(above.matvecs.unwrap_or(0) + below.matvecs.unwrap_or(0)),
            samples: above.samples,
            seconds: above.seconds + below.seconds,
            ..Measurement::new(name, value).with_stderr(error)
        })
    }
}

fn of_pair(name: &str, pair: &Eigenpair, matvecs: usize) -> Measurement {
    Measurement::new(name, pair.value)
        .with_residual(pair.residual, pair.converged, matvecs)
        .relative_to(pair.scale)
}

/// Runs `work` on a matrix at the subject's parameters, restricted to its block if it has one.
pub(super) fn with_operator<T>(
    subject: &Subject<'_>,
    matrix: Matrix,
    work: impl FnOnce(&mut dyn LinearOperator) -> Result<T, LinearError>,
) -> Result<T, LinearError> {
    let mut operator = CurvatureOperator::new(
        matrix,
        subject.objective,
        subject.parameters,
        subject.train,
        subject.interrupt,
    );
    match subject.block {
        None => work(&mut operator),
        Some(block) => {
            let range = subject.range_of(block)?;
            work(&mut Restricted::new(&mut operator, range))
        }
    }
}
