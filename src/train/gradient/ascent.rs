//! The move up the loss that sharpness-aware steps look at the gradient after.

use crate::config::{Ball, Scaling, SharpnessAware, Sizes, Units};
use crate::params::Parameters;

/// The move to where the linearised loss is largest in a ball.
///
/// With the scale `T` of each parameter it is `ρ T² g / ‖T g‖` in the Euclidean ball `‖T⁻¹ ε‖ ≤ ρ`, and
/// `ρ T sign(g)` in that of the largest entry (Kwon et al. 2021, "ASAM: Adaptive sharpness-aware minimization
/// for scale-invariant learning of deep neural networks", eq. 4 and 5). `T` is 1 in SAM (Foret et al. 2021,
/// "Sharpness-aware minimization for efficiently improving generalization", eq. 2), element-wise `|w| + η`,
/// and filter-wise `‖filter‖ + η` for the weights of convolutions and `|w| + η` for all others: biases too, as
/// in the paper, without which a rescaling of layers would move it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ascent {
    ball: Ball,
    units: Units,
}

impl Ascent {
    pub fn new(keys: &SharpnessAware) -> Self {
        Self {
            ball: keys.ball,
            units: keys.units,
        }
    }

    /// Where the move of a radius ends; at the parameters themselves where the gradient is 0.
    pub fn moved(self, parameters: &Parameters, gradient: Parameters, radius: f64) -> Parameters {
        let scale = self.scale(parameters);
        let scaled = times(gradient, scale.as_ref());
        let unit = match self.ball {
            Ball::L2 => scaled.normalised(),
            Ball::Linf => scaled.signs(),
        };
        let direction = times(unit, scale.as_ref());
        parameters.clone().plus_scaled(radius, direction)
    }

    fn scale(self, parameters: &Parameters) -> Option<Parameters> {
        let Units::Sizes(Sizes { scaling, eta }) = self.units else {
            return None;
        };
        let sizes = match scaling {
            Scaling::Elementwise => parameters.sizes(),
            Scaling::Filterwise => parameters.filter_sizes(),
        };
        Some(sizes.shifted(eta))
    }
}

fn times(vector: Parameters, scale: Option<&Parameters>) -> Parameters {
    match scale {
        Some(scale) => vector.product(scale.clone()),
        None => vector,
    }
}
