//! Batch normalisation of Flex tensors.

use super::tensors::{Stored, change_by, numbers, tensor};
use crate::kernel::normalisation::{self, Affine, LANES, Maps, Reverse};
use crate::kernel::simd::Instructions;
use crate::workers::filled;
use burn::backend::TensorMetadata;
use burn::backend::flex::FlexTensor;

/// Samples, channels and positions, where maps are long enough for the kernels to be efficient.
pub fn maps(input: &FlexTensor) -> Option<Maps> {
    let maps: Maps = input.shape().as_slice().try_into().ok()?;
    let [samples, channels, positions] = maps;
    (samples > 0 && channels > 0 && positions >= LANES).then_some(maps)
}

/// See [`normalisation::statistics`].
pub fn statistics<E: Stored>(maps: Maps, input: &FlexTensor) -> FlexTensor {
    let input = input.to_contiguous();
    let statistics = normalisation::statistics::<E>(Instructions::best(), numbers(&input), maps);
    tensor(statistics, [2, maps[1], 1])
}

/// The output, for weights, biases and statistics of all channels.
pub fn normalised<E: Stored>(
    maps: Maps,
    input: &FlexTensor,
    [weight, bias, statistics]: [&FlexTensor; 3],
    epsilon: f64,
) -> FlexTensor {
    let instructions = Instructions::best();
    let [input, weight, bias, statistics] =
        [input, weight, bias, statistics].map(FlexTensor::to_contiguous);
    let (means, variances) = numbers::<E>(&statistics).split_at(maps[1]);
    let of_channels = means.iter().zip(variances).zip(numbers::<E>(&weight));
    let channels: Vec<Affine<E>> = of_channels
        .zip(numbers::<E>(&bias))
        .map(|(((&mean, &variance), &weight), &offset)| Affine {
            mean,
            factor: E::from_f64(weight.to_f64() * inverse_deviation(variance, epsilon)),
            offset,
        })
        .collect();
    let (size, values) = (maps[1] * maps[2], numbers::<E>(&input));
    let output = filled(
        values.len(),
        size,
        || (),
        |(), index, output| {
            let sample = &values[index * size..][..size];
            normalisation::normalise(instructions, sample, output, &channels);
        },
    );
    tensor(output, maps)
}

/// See [`normalisation::gradient_sums`].
pub fn gradient_sums<E: Stored>(
    maps: Maps,
    input: &FlexTensor,
    gradient: &FlexTensor,
    statistics: &FlexTensor,
) -> FlexTensor {
    let [input, gradient, statistics] =
        [input, gradient, statistics].map(FlexTensor::to_contiguous);
    let sums = normalisation::gradient_sums::<E>(
        Instructions::best(),
        numbers(&input),
        numbers(&gradient),
        &numbers(&statistics)[..maps[1]],
        maps,
    );
    tensor(sums, [2, maps[1], 1])
}

/// The gradient in the input, for weights, statistics and gradient sums of all channels.
pub fn input_gradient<E: Stored>(
    maps: Maps,
    input: &FlexTensor,
    gradient: FlexTensor,
    [weight, statistics, sums]: [&FlexTensor; 3],
    epsilon: f64,
) -> FlexTensor {
    let instructions = Instructions::best();
    let [weight, statistics, sums] = [weight, statistics, sums].map(FlexTensor::to_contiguous);
    let [weight, statistics, sums] = [&weight, &statistics, &sums].map(numbers::<E>);
    let count = (maps[0] * maps[2]) as f64;
    let channels: Vec<Reverse<E>> = (0..maps[1])
        .map(|channel| {
            let inverse = inverse_deviation(statistics[maps[1] + channel], epsilon);
            let [plain, weighted] =
                [channel, maps[1] + channel].map(|place| sums[place].to_f64() / count);
            Reverse {
                mean: statistics[channel],
                constant: E::from_f64(plain),
                slope: E::from_f64(inverse * inverse * weighted),
                factor: E::from_f64(weight[channel].to_f64() * inverse),
            }
        })
        .collect();
    change_by(gradient, input, maps[1] * maps[2], |gradient, input| {
        normalisation::input_gradient(instructions, gradient, input, &channels);
    })
}

/// `(variance + ε)^−½`.
fn inverse_deviation<E: Stored>(variance: E, epsilon: f64) -> f64 {
    (variance.to_f64() + epsilon).sqrt().recip()
}
