//! The same function in 64 bits on the processor, where rounding is to be seen.

use super::{Batch, Chunks, Objective};
use crate::backend::{Compute, Precision, read};
use crate::model::Conditions;
use crate::params::Parameters;
use burn::tensor::Tensor;

impl Objective {
    /// The same network, loss and conditions in 64 bits on the processor.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    pub fn reference(&self) -> Result<Self, String> {
        let compute = Compute::cpu(Precision::F64);
        let statistics = &self.conditions.statistics;
        Ok(Self {
            network: self.network.clone(),
            loss: self.loss,
            conditions: Conditions {
                statistics: Parameters::from_host(
                    statistics.layout(),
                    &statistics.to_host()?,
                    &compute,
                ),
                ..self.conditions.clone()
            },
            compute,
        })
    }
}

impl Batch {
    /// The same samples elsewhere, their inputs changed on the way.
    ///
    /// # Errors
    ///
    /// Where the device fails.
    pub fn moved_to(
        &self,
        compute: &Compute,
        mut change: impl FnMut(f64) -> f64,
    ) -> Result<Self, String> {
        let inputs: Vec<f64> = read(&self.inputs)?.into_iter().map(&mut change).collect();
        Ok(Self {
            inputs: compute.tensor(&inputs, self.inputs.dims()),
            targets: compute.tensor(&read(&self.targets)?, self.targets.dims()),
        })
    }
}

impl Chunks {
    /// The samples at some places, in ascending order, in one batch with their labels, if they have any.
    ///
    /// # Panics
    ///
    /// Without places, or where one lies beyond the last sample.
    pub fn pick(&self, places: &[usize], compute: &Compute) -> (Batch, Vec<u8>) {
        let positions = self.positions();
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        let (mut start, mut taken) = (0, 0);
        for batch in self.batches() {
            let end = start + batch.samples();
            let more = places[taken..].partition_point(|&place| place < end);
            if more > 0 {
                let rows = places[taken..taken + more].iter();
                let rows: Vec<f64> = rows.map(|place| (place - start) as f64).collect();
                let rows = compute.tensor(&rows, [more]).int();
                let [_, outputs] = batch.targets.dims();
                let by_sample: Tensor<2> = batch
                    .targets
                    .clone()
                    .reshape([batch.samples(), positions * outputs]);
                inputs.push(batch.inputs.clone().select(0, rows.clone()));
                targets.push(
                    by_sample
                        .select(0, rows)
                        .reshape([more * positions, outputs]),
                );
                taken += more;
            }
            start = end;
        }
        let batch = Batch {
            inputs: Tensor::cat(inputs, 0),
            targets: Tensor::cat(targets, 0),
        };
        let labels = self.labels().map(|all| {
            let labels = places
                .iter()
                .flat_map(|place| &all[place * positions..][..positions]);
            labels.copied().collect()
        });
        (batch, labels.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Loss;
    use super::super::tests::Case;
    use crate::backend::read;
    use crate::model::Activation;

    #[test]
    fn picked_samples_are_those_of_the_batches() {
        let case = Case::reference(Activation::Tanh, Loss::CrossEntropy);
        let (chunks, singles) = (case.chunks(3), case.chunks(1));
        let places = [0, 2, 3, 6];
        let (batch, labels) = chunks.pick(&places, case.objective.compute());
        assert_eq!(batch.samples(), places.len());
        for (row, &place) in places.iter().enumerate() {
            let (found, expected) = (batch.sample(row), &singles.batches()[place]);
            assert_eq!(read(&found.inputs), read(&expected.inputs));
            assert_eq!(read(&found.targets), read(&expected.targets));
            assert_eq!(labels[row], chunks.labels().unwrap()[place]);
        }
    }
}
