//! Inputs that are numbers already: each channel less a constant, over another.

use super::normalise::Scaling;

/// What is taken off each channel of an input, and what it is divided by.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Scale(Vec<[f64; 2]>);

impl Scale {
    /// The scale of `normalize` for inputs of `channels` channels of `plane` numbers each, fitted to those of the
    /// training part. A channel that is constant there is only centred.
    pub fn fit(scaling: &Scaling, channels: usize, plane: usize, train: &[f64]) -> Self {
        Self(match scaling {
            Scaling::Unit => vec![[0.0, 1.0]; channels],
            Scaling::Standard => moments(channels, plane, train),
            Scaling::Channels(moments) => {
                let own = |channel| moments.get(channel).or(moments.first());
                let pair = |of: Option<&(f64, f64)>| of.map_or([0.0, 1.0], |&(m, d)| [m, d]);
                (0..channels).map(|channel| pair(own(channel))).collect()
            }
        })
    }

    /// A number of a channel as a network sees it.
    pub fn of(&self, channel: usize, number: f64) -> f64 {
        let [mean, deviation] = self.0[channel];
        (number - mean) / deviation
    }
}

/// Mean and population standard deviation of each channel; the deviation is 1 where it is 0.
fn moments(channels: usize, plane: usize, values: &[f64]) -> Vec<[f64; 2]> {
    let rows = values.chunks_exact(plane.max(1));
    let of_channel = |channel| {
        rows.clone()
            .skip(channel)
            .step_by(channels.max(1))
            .flatten()
    };
    let count = (values.len() / channels.max(1)).max(1) as f64;
    let moments = |channel| {
        let mean = of_channel(channel).sum::<f64>() / count;
        // About the mean, so that large numbers that differ little lose no digits.
        let squares = of_channel(channel).map(|value| (value - mean).powi(2));
        let deviation = (squares.sum::<f64>() / count).sqrt();
        [mean, if deviation > 0.0 { deviation } else { 1.0 }]
    };
    (0..channels).map(moments).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_gives_each_channel_mean_zero_and_deviation_one() {
        // Two samples of two channels of two numbers: 1e9 + {0, 0, 4, 4} and four times 7.
        let train = [1e9, 1e9, 7.0, 7.0, 1e9 + 4.0, 1e9 + 4.0, 7.0, 7.0];
        let scale = Scale::fit(&Scaling::Standard, 2, 2, &train);
        assert_eq!((scale.of(0, 1e9), scale.of(0, 1e9 + 4.0)), (-1.0, 1.0));
        // A constant channel is only centred.
        assert_eq!((scale.of(1, 7.0), scale.of(1, 9.0)), (0.0, 2.0));
    }

    #[test]
    fn unit_leaves_numbers_as_they_are() {
        let scale = Scale::fit(&Scaling::Unit, 1, 2, &[3.5, 700.0]);
        assert_eq!(scale.of(0, 700.0), 700.0);
    }

    #[test]
    fn no_training_sample_leaves_numbers_as_they_are() {
        let scale = Scale::fit(&Scaling::Standard, 2, 1, &[]);
        assert_eq!(scale.of(1, 3.0), 3.0);
    }
}
