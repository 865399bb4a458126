//! From pixel bytes to numbers: one table of 256 values per channel.

use super::words::PixelNormalisation;

/// The means and deviations of ImageNet's training images that its models are trained with (torchvision's
/// `models`, "transforms").
const IMAGENET: [(f64, f64); 3] = [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)];

/// The means and deviations of the 50,000 training images of CIFAR-10, over all pixels of a channel.
const CIFAR: [(f64, f64); 3] = [(0.4914, 0.2470), (0.4822, 0.2435), (0.4465, 0.2616)];

/// How pixels from 0 to 1 become numbers.
#[derive(Clone, Debug, PartialEq)]
pub enum Scaling {
    /// They are numbers.
    Unit,
    /// Mean 0 and deviation 1 over the training part, channel by channel.
    Standard,
    /// Less a mean, over a deviation: of all channels, or of each.
    Channels(Vec<(f64, f64)>),
}

impl From<PixelNormalisation> for Scaling {
    fn from(word: PixelNormalisation) -> Self {
        match word {
            PixelNormalisation::Unit | PixelNormalisation::Given => Self::Unit,
            PixelNormalisation::Standard => Self::Standard,
            PixelNormalisation::ImageNet => Self::Channels(IMAGENET.to_vec()),
            PixelNormalisation::Cifar => Self::Channels(CIFAR.to_vec()),
        }
    }
}

impl Scaling {
    /// Whether there are numbers for so many channels.
    pub(super) fn fits(&self, channels: usize) -> bool {
        match self {
            Self::Unit | Self::Standard => true,
            Self::Channels(moments) => [1, channels].contains(&moments.len()),
        }
    }
}

/// The value of every pixel byte in every channel, in both precisions.
#[derive(Clone, Debug, PartialEq)]
pub struct Tables {
    f64: Vec<[f64; 256]>,
    f32: Vec<[f32; 256]>,
}

impl Tables {
    /// The table that leaves bytes as they are: they are tokens.
    pub(super) fn tokens() -> Self {
        let f64 = vec![std::array::from_fn(|x| x as f64)];
        let f32 = vec![std::array::from_fn(|x| x as f32)];
        Self { f64, f32 }
    }

    /// The tables of a scaling that has numbers for each channel, fitted to training images of a shape whose largest pixel is `maximum`.
    pub fn fit(scaling: &Scaling, shape: [usize; 3], maximum: u8, train: &[u8]) -> Self {
        let maximum = f64::from(maximum.max(1));
        let f64: Vec<[f64; 256]> = channel_histograms(shape, train)
            .iter()
            .enumerate()
            .map(|(channel, histogram)| {
                let (mean, std) = match scaling {
                    Scaling::Unit => (0.0, 1.0),
                    Scaling::Standard => moments(histogram, maximum),
                    Scaling::Channels(moments) => {
                        let own = moments.get(channel).or(moments.first());
                        own.copied().unwrap_or((0.0, 1.0))
                    }
                };
                std::array::from_fn(|x| (x as f64 / maximum - mean) / std)
            })
            .collect();
        let f32 = f64.iter().map(|table| table.map(|x| x as f32)).collect();
        Self { f64, f32 }
    }
}

/// A number type pixels can be written as: `f32` or `f64`.
pub trait Pixel: Copy + private::Sealed {
    /// The table of each channel.
    fn tables(tables: &Tables) -> &[[Self; 256]];

    /// A number of this type, rounded where it has to be.
    fn of(number: f64) -> Self;
}

impl Pixel for f32 {
    fn tables(tables: &Tables) -> &[[Self; 256]] {
        &tables.f32
    }

    fn of(number: f64) -> Self {
        number as f32
    }
}

impl Pixel for f64 {
    fn tables(tables: &Tables) -> &[[Self; 256]] {
        &tables.f64
    }

    fn of(number: f64) -> Self {
        number
    }
}

mod private {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// How often each value occurs in each channel.
fn channel_histograms([channels, height, width]: [usize; 3], images: &[u8]) -> Vec<[u64; 256]> {
    let mut histograms = vec![[0_u64; 256]; channels];
    for (index, pixels) in images.chunks_exact((height * width).max(1)).enumerate() {
        let histogram = &mut histograms[index % channels];
        for &pixel in pixels {
            histogram[usize::from(pixel)] += 1;
        }
    }
    histograms
}

/// Mean and population standard deviation (1 where it is 0) of x / maximum, from exact integer
/// sums, so that they do not depend on the order of the samples.
fn moments(histogram: &[u64; 256], maximum: f64) -> (f64, f64) {
    let (mut count, mut sum, mut squares) = (0_u128, 0_u128, 0_u128);
    for (x, &times) in (0_u128..).zip(histogram) {
        let times = u128::from(times);
        count += times;
        sum += times * x;
        squares += times * x * x;
    }
    if count == 0 {
        return (0.0, 1.0);
    }
    let mean = sum as f64 / count as f64 / maximum;
    // n·Σx² − (Σx)² is exact and never negative.
    let variance = (count * squares - sum * sum) as f64 / (count as f64 * count as f64);
    let std = variance.sqrt() / maximum;
    (mean, if std == 0.0 { 1.0 } else { std })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unit_divides_by_the_maximum_of_the_data() {
        let tables = Tables::fit(&Scaling::Unit, [1, 1, 1], 16, &[4]);
        assert_eq!(f64::tables(&tables)[0][8], 0.5);
        assert_eq!(f32::tables(&tables)[0][16], 1.0);
    }

    #[test]
    fn standard_gives_each_channel_mean_zero_and_deviation_one() {
        // Two samples of two channels of two pixels: channel 0 holds 0 0 4 4, channel 1 all 7.
        let train = [0, 0, 7, 7, 4, 4, 7, 7];
        let tables = Tables::fit(&Scaling::Standard, [2, 1, 2], 255, &train);
        let table = f64::tables(&tables);
        assert!((table[0][0] + 1.0).abs() < 1e-12);
        assert!((table[0][4] - 1.0).abs() < 1e-12);
        // A constant channel is only centred.
        assert_eq!(table[1][7], 0.0);
        assert!((table[1][8] - 1.0 / 255.0).abs() < 1e-15);
    }

    #[test]
    fn given_means_and_deviations_are_those_of_each_channel_or_of_all() {
        let fit = |scaling: &Scaling| Tables::fit(scaling, [2, 1, 1], 255, &[0, 255]);
        let each = Scaling::Channels(vec![(0.5, 0.25), (0.2, 0.1)]);
        let tables = fit(&each);
        assert_eq!(f64::tables(&tables)[0][255], 2.0);
        assert_eq!(f64::tables(&tables)[1][0], -2.0);
        let all = fit(&Scaling::Channels(vec![(0.5, 0.25)]));
        assert_eq!(f64::tables(&all)[1][255], 2.0);
        assert!(
            each.fits(2) && !each.fits(3) && !Scaling::from(PixelNormalisation::ImageNet).fits(1)
        );
    }

    #[test]
    fn no_training_sample_leaves_pixels_as_unit() {
        let tables = Tables::fit(&Scaling::Standard, [1, 1, 1], 255, &[]);
        assert_eq!(f64::tables(&tables)[0][255], 1.0);
    }
}
