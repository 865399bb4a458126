//! The tangent kernel `K = J Jᵀ` of a network, `J` being the Jacobian of its outputs in the parameters (Jacot, Gabriel
//! & Hongler 2018, "Neural tangent kernel: convergence and generalization in neural networks"): how far it has moved
//! since the start of training, and how well it fits the labels.
//!
//! It is taken over a few training samples, in 64 bits on the processor, and exact for these.

mod tangent;

#[cfg(test)]
mod tests;

use super::declaration::{Family, Measure, Take};
use super::failure::Failure;
use super::measurement::Measurement;
use super::session::Session;
use crate::data::Task;
use tangent::TangentKernel;

pub(super) const FAMILY: Family = &[
    kernel(
        "kernel.drift",
        "|K - K0|_F / |K0|_F of the tangent kernel on a few training samples since the start of training",
        |session, name| session.of_both_kernels(name, TangentKernel::drift),
    )
    .from("Chizat, Oyallon & Bach 2019, \"On lazy training in differentiable programming\""),
    kernel(
        "kernel.distance",
        "1 - <K, K0>_F / (|K|_F |K0|_F): the same but for the kernel's scale",
        |session, name| session.of_both_kernels(name, TangentKernel::distance),
    )
    .from("Fort et al. 2020, \"Deep learning versus kernel learning\", eq. 8"),
    kernel(
        "kernel.alignment",
        "cosine between the tangent kernel, summed over outputs, and the kernel of the labels, both centred",
        |session, name| session.of_kernel(name, TangentKernel::alignment),
    )
    .from("Cortes, Mohri & Rostamizadeh 2012, definition 2.3")
    .about(Task::Classification),
    kernel(
        "kernel.alignment.change",
        "kernel.alignment minus its value at the start of training",
        |session, name| {
            session.of_both_kernels(name, |now, then| Ok(now.alignment()? - then.alignment()?))
        },
    )
    .about(Task::Classification),
];

/// The kernel is a matrix of inner products of gradients, which no isometry of the parameters moves.
const fn kernel(name: &'static str, description: &'static str, take: Take) -> Measure {
    Measure::new(name, description, take).of_block()
}

impl Session<'_> {
    fn of_kernel(
        &mut self,
        name: &str,
        of: impl FnOnce(&TangentKernel) -> Result<f64, Failure>,
    ) -> Result<Measurement, Failure> {
        let now = self.tangent_kernel()?;
        let row = Measurement::exact(name, of(&now)?);
        Ok(row.over(now.samples()).taking(now.gradients()))
    }

    fn of_both_kernels(
        &mut self,
        name: &str,
        of: impl FnOnce(&TangentKernel, &TangentKernel) -> Result<f64, Failure>,
    ) -> Result<Measurement, Failure> {
        let (then, now) = (self.starting_tangent_kernel()?, self.tangent_kernel()?);
        let row = Measurement::exact(name, of(&now, &then)?);
        Ok(row
            .over(now.samples())
            .taking(now.gradients() + then.gradients()))
    }
}
