//! How the loss and its gradient changed in the last step.

use crate::curvature::Matrix;
use crate::linear::{Spending, dot, norm};
use crate::measure::failure::Failure;
use crate::measure::measurement::Measurement;
use crate::measure::session::Session;
use crate::measure::sharpness::landscape::Landscape;
use crate::measure::subject::Subject;
use crate::objective::Outputs;
use crate::params::Parameters;
use std::rc::Rc;

/// How the loss changed in the last step, and what was to be expected from its gradient before.
struct Change {
    /// `L(θ′) − L(θ)`.
    actual: f64,
    /// `∇L(θ) · (θ′ − θ)`.
    linear: f64,
    /// How small a change shows.
    resolution: f64,
}

impl<'a> Session<'a> {
    /// Where the last step set out from, everything else being as it is now.
    fn subject_before(&self) -> Result<Subject<'a>, Failure> {
        Ok(Subject {
            parameters: self.last_step()?.before,
            ..self.subject
        })
    }

    /// The same, of all parameters whatever the block.
    fn whole_before(&self) -> Result<Subject<'a>, Failure> {
        Ok(Subject {
            block: None,
            ..self.subject_before()?
        })
    }

    /// `θ′ − θ`, of the block if there is one.
    pub(super) fn displacement(&mut self) -> Result<Rc<Vec<f64>>, Failure> {
        self.once("last step", |session| {
            let moved = session.displacement_of_all()?;
            Ok(moved[session.subject.range()?].to_vec())
        })
    }

    /// `θ′ − θ` of all parameters.
    fn displacement_of_all(&mut self) -> Result<Rc<Vec<f64>>, Failure> {
        self.once("last step of all parameters", |session| {
            let before = host(session.last_step()?.before)?;
            let after = session.values()?;
            let pairs = after.iter().zip(&before);
            Ok(pairs.map(|(after, before)| after - before).collect())
        })
    }

    /// As [`Session::displacement`], where there is a direction in it.
    pub(super) fn direction(&mut self) -> Result<Rc<Vec<f64>>, Failure> {
        let displacement = self.displacement()?;
        match norm(&displacement) > 0.0 {
            true => Ok(displacement),
            false => Err(no_length()),
        }
    }

    /// `∇L` after the last step.
    pub(super) fn gradient_here(&mut self) -> Result<Rc<Vec<f64>>, Failure> {
        self.once("gradient", |session| session.subject.gradient())
    }

    fn gradient_before(&mut self) -> Result<Rc<Vec<f64>>, Failure> {
        self.once("gradient before", |session| {
            session.subject_before()?.gradient()
        })
    }

    /// `‖θ′ − θ‖`.
    pub(super) fn step_length(&mut self, name: &str) -> Result<Measurement, Failure> {
        Ok(Measurement::exact(name, norm(&self.displacement()?)))
    }

    /// Of the whole network, as the loss is.
    fn change(&mut self) -> Result<Rc<Change>, Failure> {
        self.once("change in the last step", |session| {
            let before = session.whole_before()?;
            let displacement = session.displacement_of_all()?;
            if norm(&displacement) == 0.0 {
                return Err(no_length());
            }
            let gradient = match session.subject.block {
                None => session.gradient_before()?,
                Some(_) => Rc::new(before.gradient()?),
            };
            let landscape = Landscape::of(&before, Outputs::Raw)?;
            let mut spending = Spending::new(before.budget, before.interrupt);
            let actual = landscape.change(&displacement, &mut spending)?;
            Ok(Change {
                actual: landscape.resolved(actual)?,
                linear: dot(&gradient, &displacement),
                resolution: landscape.resolution(),
            })
        })
    }

    /// `(L(θ′) − L(θ)) / (∇L(θ) · (θ′ − θ))`. The descent lemma bounds it from below by `1 − ηβ/2` for steps of
    /// gradient descent on a loss whose gradient is `β`-Lipschitz.
    pub(super) fn descent_ratio(&mut self, name: &str) -> Result<Measurement, Failure> {
        let change = self.change()?;
        if change.linear == 0.0 {
            return Err(Failure::not_defined(
                "the gradient before the last step promised no change",
            ));
        }
        let row = Measurement::exact(name, change.actual / change.linear);
        Ok(self
            .rounded_by(row, change.resolution / change.linear.abs())
            .over(self.subject.train.samples())
            .taking(1))
    }

    /// `(ΔL − m) / (|a| + |b|)` with the model `m = a + b`, `a = g · δ`, `b = ½ δᵀHδ` at the point before. Terms
    /// of both signs may leave little of their sum, so it is their sizes that the error is relative to.
    pub(super) fn quadratic_error(&mut self, name: &str) -> Result<Measurement, Failure> {
        let (change, displacement) = (self.change()?, self.displacement_of_all()?);
        let before = self.whole_before()?;
        let form = before.with_operator(Matrix::Hessian, |hessian| {
            Ok(dot(&displacement, &hessian.apply(&displacement)?))
        })?;
        let size = change.linear.abs() + 0.5 * form.abs();
        if size == 0.0 {
            return Err(Failure::not_defined("the model promised no change"));
        }
        let rest = change.actual - (change.linear + 0.5 * form);
        let row = Measurement::exact(name, rest / size);
        Ok(self
            .rounded_by(row, change.resolution / size)
            .over(self.subject.train.samples())
            .taking(2))
    }

    /// `‖∇L(θ′) − ∇L(θ)‖`.
    pub(super) fn gradient_predictiveness(&mut self, name: &str) -> Result<Measurement, Failure> {
        let (before, after) = (self.gradient_before()?, self.gradient_here()?);
        let pairs = after.iter().zip(before.iter());
        let difference: Vec<f64> = pairs.map(|(after, before)| after - before).collect();
        let rounding = match self.states_rounding {
            true => 2.0 * self.rounding_of_gradient()?,
            false => 0.0,
        };
        let row = Measurement::exact(name, norm(&difference));
        Ok(self
            .rounded_by(row, rounding)
            .over(self.subject.train.samples())
            .taking(2))
    }

    /// `‖∇L(θ′) − ∇L(θ)‖ / ‖θ′ − θ‖`.
    pub(super) fn smoothness(&mut self, name: &str) -> Result<Measurement, Failure> {
        let length = norm(&self.direction()?);
        Ok(self.gradient_predictiveness(name)?.times(length.recip()))
    }

    /// `cos(∇L(θ′), ∇L(θ))`.
    pub(super) fn cosine_of_successive(&mut self, name: &str) -> Result<Measurement, Failure> {
        let (before, after) = (self.gradient_before()?, self.gradient_here()?);
        Ok(self.cosine(name, &after, &before)?.taking(2))
    }

    /// `cos(ĝ, ∇L(θ))` of the gradient `ĝ` that the step was given.
    pub(super) fn cosine_of_batch(&mut self, name: &str) -> Result<Measurement, Failure> {
        let unknown = || Failure::not_known("the gradient that the step was given is not known");
        let given = self.last_step()?.gradient.ok_or_else(unknown)?;
        let given = host(given)?[self.subject.range()?].to_vec();
        let before = self.gradient_before()?;
        Ok(self.cosine(name, &given, &before)?.taking(1))
    }

    /// `cos(θ′ − θ, −∇L(θ))`.
    pub(super) fn cosine_of_update(&mut self, name: &str) -> Result<Measurement, Failure> {
        let (displacement, before) = (self.direction()?, self.gradient_before()?);
        let row = self.cosine(name, &displacement, &before)?;
        Ok(row.times(-1.0).taking(1))
    }

    fn cosine(&self, name: &str, left: &[f64], right: &[f64]) -> Result<Measurement, Failure> {
        let lengths = norm(left) * norm(right);
        if lengths == 0.0 {
            return Err(Failure::not_defined(
                "one of the two is 0, which has no direction",
            ));
        }
        let cosine = (dot(left, right) / lengths).clamp(-1.0, 1.0);
        Ok(Measurement::exact(name, cosine).over(self.subject.train.samples()))
    }

    /// A row with what rounding may have moved it by, where rows say so.
    fn rounded_by(&self, row: Measurement, rounding: f64) -> Measurement {
        match self.states_rounding {
            true => row.with_rounding(rounding),
            false => row,
        }
    }
}

fn no_length() -> Failure {
    Failure::not_defined("the last step has no length")
}

fn host(parameters: &Parameters) -> Result<Vec<f64>, Failure> {
    parameters.to_host().map_err(Failure::device)
}
