//! Networks with one hidden layer, with gradients and tangent kernels in closed form, and the tangent kernels of deep
//! ones.

use crate::experiment::ExperimentError;
use crate::problem::draw;
use crate::problem::kernel::spectral_norm;
use crate::random::StreamRng;
use faer::linalg::matmul::matmul;
use faer::{Accum, Col, ColRef, Mat, MatRef, Par, Scale};

/// What a hidden unit does to its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// The positive part.
    Relu,
    /// `(z + √(1 + z²))/2`, a smooth positive part whose slope and second derivative are bounded by 1 (Barron 2021,
    /// "Squareplus: a softplus-like algebraic rectifier").
    Squareplus,
}

impl Activation {
    /// Its value.
    pub fn value(self, z: f64) -> f64 {
        match self {
            Self::Relu => z.max(0.0),
            Self::Squareplus => 0.5 * (z + (1.0 + z * z).sqrt()),
        }
    }

    /// Its slope; 0 at the kink.
    pub fn slope(self, z: f64) -> f64 {
        match self {
            Self::Relu => f64::from(u8::from(z > 0.0)),
            Self::Squareplus => 0.5 * (1.0 + z / (1.0 + z * z).sqrt()),
        }
    }
}

/// Which weights are trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trained {
    /// Those of the hidden units.
    Inner,
    /// Those of the hidden units and of the output.
    Both,
}

/// `f(x) = c Σ_r a_r σ(w_r·x)`. A bias is a weight of an input that is always 1.
#[derive(Clone, Debug)]
pub struct TwoLayer {
    /// The `w_r`, a row for each unit.
    pub inner: Mat<f64>,
    /// The `a_r`.
    pub outer: Col<f64>,
    /// The `c`.
    pub factor: f64,
    /// The `σ`.
    pub activation: Activation,
    /// What descent moves.
    pub trained: Trained,
}

impl TwoLayer {
    /// Standard normal inner weights, outer weights ±1 that stay as they are, and `c = 1/√m` (Du et al. 2019).
    pub fn with_signs(
        rng: &mut StreamRng,
        units: usize,
        inputs: usize,
        activation: Activation,
    ) -> Self {
        let inner = draw::gaussian(rng, units, inputs);
        let outer = Col::from_fn(units, |_| draw::sign(rng));
        Self {
            inner,
            outer,
            factor: (units as f64).sqrt().recip(),
            activation,
            trained: Trained::Inner,
        }
    }

    /// Standard normal weights, all of them trained, and `c = 1/√m`, of ReLU units.
    pub fn with_normals(rng: &mut StreamRng, units: usize, inputs: usize) -> Self {
        let inner = draw::gaussian(rng, units, inputs);
        let outer = draw::normals(rng, units);
        let factor = (units as f64).sqrt().recip();
        Self {
            inner,
            outer,
            factor,
            activation: Activation::Relu,
            trained: Trained::Both,
        }
    }

    /// With a twin of the opposite outer weight for each unit, so that the function is zero and the tangent kernel
    /// what it was.
    pub fn paired(self) -> Self {
        let units = self.inner.nrows();
        let inner = Mat::from_fn(2 * units, self.inner.ncols(), |row, column| {
            self.inner[(row % units, column)]
        });
        let outer = Col::from_fn(2 * units, |row| {
            if row < units {
                self.outer[row]
            } else {
                -self.outer[row - units]
            }
        });
        Self {
            inner,
            outer,
            factor: self.factor / 2f64.sqrt(),
            ..self
        }
    }

    /// What goes into the units, a column for each point (a row of `points`).
    fn fed(&self, points: MatRef<f64>) -> Mat<f64> {
        &self.inner * points.transpose()
    }

    fn values(&self, fed: MatRef<f64>) -> Mat<f64> {
        Mat::from_fn(fed.nrows(), fed.ncols(), |unit, point| {
            self.activation.value(fed[(unit, point)])
        })
    }

    /// The outputs at some points.
    pub fn outputs(&self, points: MatRef<f64>) -> Col<f64> {
        self.outputs_of(&self.fed(points))
    }

    fn outputs_of(&self, fed: &Mat<f64>) -> Col<f64> {
        Col::from_fn(fed.ncols(), |point| {
            let units = fed.col_as_slice(point).iter().zip(self.outer.iter());
            self.factor
                * units
                    .map(|(z, outer)| outer * self.activation.value(*z))
                    .sum::<f64>()
        })
    }

    /// Which units are active at which points: units by points, 1 or 0 for ReLU.
    pub fn slopes(&self, points: MatRef<f64>) -> Mat<f64> {
        let fed = self.fed(points);
        Mat::from_fn(fed.nrows(), fed.ncols(), |unit, point| {
            self.activation.slope(fed[(unit, point)])
        })
    }

    /// One step of gradient descent on half the sum of the squared errors. Gives the errors `f(x) − y` before it.
    pub fn descend(&mut self, points: MatRef<f64>, labels: ColRef<f64>, rate: f64) -> Col<f64> {
        let mut fed = self.fed(points);
        let errors = self.outputs_of(&fed) - labels;
        let mut of_outer = vec![0.0; self.outer.nrows()];
        // What goes into the units makes room for what comes back to them: large matrices are not made twice.
        for point in 0..fed.ncols() {
            let error = self.factor * errors[point];
            let units = fed
                .col_as_slice_mut(point)
                .iter_mut()
                .zip(self.outer.iter())
                .zip(&mut of_outer);
            for ((z, outer), of_outer) in units {
                *of_outer += error * self.activation.value(*z);
                *z = error * outer * self.activation.slope(*z);
            }
        }
        matmul(&mut self.inner, Accum::Add, &fed, points, -rate, Par::Seq);
        if self.trained == Trained::Both {
            self.outer
                .iter_mut()
                .zip(of_outer)
                .for_each(|(outer, gradient)| *outer -= rate * gradient);
        }
        errors
    }

    /// Gradient descent until a share of the loss of zero is left, at most so many steps, with half the inverse of a
    /// bound on the curvature as the rate: that of the tangent kernel, and that of the errors. `go_on` is asked in every
    /// step.
    ///
    /// # Errors
    ///
    /// [`ExperimentError`] where the weights are not finite, or that of `go_on`.
    pub fn fit(
        &mut self,
        points: MatRef<f64>,
        labels: ColRef<f64>,
        steps: usize,
        share: f64,
        go_on: impl Fn() -> Result<(), ExperimentError>,
    ) -> Result<(), ExperimentError> {
        let spread = self.factor * spectral_norm((points * points.transpose()).as_ref())?.sqrt();
        let (end, mut errors) = (
            share.sqrt() * labels.norm_l2(),
            (self.outputs(points) - labels).norm_l2(),
        );
        let mut largest = 0.0;
        for step in 0..steps {
            go_on()?;
            // While the weights grow from small ones, the kernel does so in every step.
            if step < 100 || step % 20 == 0 {
                largest = spectral_norm(self.tangent(points).as_ref())?;
            }
            errors = self
                .descend(points, labels, 0.5 / (largest + spread * errors))
                .norm_l2();
            if errors < end {
                break;
            }
        }
        Ok(())
    }

    /// The tangent kernel between two sets of points: the inner products of the gradients of the outputs by what is
    /// trained.
    pub fn tangent_between(&self, points: MatRef<f64>, others: MatRef<f64>) -> Mat<f64> {
        let (fed, fed_others) = (self.fed(points), self.fed(others));
        let weighted = |fed: &Mat<f64>| {
            Mat::from_fn(fed.nrows(), fed.ncols(), |unit, point| {
                self.outer[unit] * self.activation.slope(fed[(unit, point)])
            })
        };
        let (slopes, inputs) = (
            weighted(&fed).transpose() * weighted(&fed_others),
            points * others.transpose(),
        );
        let values = match self.trained {
            Trained::Inner => None,
            Trained::Both => {
                Some(self.values(fed.as_ref()).transpose() * self.values(fed_others.as_ref()))
            }
        };
        Mat::from_fn(points.nrows(), others.nrows(), |row, column| {
            let of_outer = values.as_ref().map_or(0.0, |values| values[(row, column)]);
            self.factor.powi(2) * (slopes[(row, column)] * inputs[(row, column)] + of_outer)
        })
    }

    /// The same of one set of points.
    pub fn tangent(&self, points: MatRef<f64>) -> Mat<f64> {
        self.tangent_between(points, points)
    }

    /// The gradients of the outputs, a row for each point: by the inner weights unit by unit, then by the outer ones.
    pub fn jacobian(&self, points: MatRef<f64>) -> Mat<f64> {
        let (units, inputs) = (self.inner.nrows(), self.inner.ncols());
        let fed = self.fed(points);
        let width = match self.trained {
            Trained::Inner => units * inputs,
            Trained::Both => units * (inputs + 1),
        };
        Mat::from_fn(points.nrows(), width, |point, index| {
            if index >= units * inputs {
                return self.factor * self.activation.value(fed[(index - units * inputs, point)]);
            }
            let (unit, input) = (index / inputs, index % inputs);
            self.factor
                * self.outer[unit]
                * self.activation.slope(fed[(unit, point)])
                * points[(point, input)]
        })
    }

    /// How far each unit's inner weights are from those of another network.
    pub fn movements(&self, other: &Self) -> Vec<f64> {
        let difference = &self.inner - &other.inner;
        (0..difference.nrows())
            .map(|unit| difference.row(unit).norm_l2())
            .collect()
    }

    /// The distance of all weights to those of another network.
    pub fn distance(&self, other: &Self) -> f64 {
        (&self.inner - &other.inner)
            .norm_l2()
            .hypot((&self.outer - &other.outer).norm_l2())
    }
}

/// The rate of change of the outputs along minus the gradient of the loss, by a central difference of a step.
pub fn rate_of_change(
    network: &TwoLayer,
    points: MatRef<f64>,
    labels: ColRef<f64>,
    step: f64,
) -> Col<f64> {
    let after = |step: f64| {
        let mut moved = network.clone();
        moved.descend(points, labels, step);
        moved.outputs(points)
    };
    Scale(0.5 / step) * (after(step) - after(-step))
}

/// What a deep ReLU network with drawn weights has in its layers.
#[derive(Clone, Debug)]
pub struct DeepSample {
    /// The inner products of the values of each layer at the points, from the inputs to the last hidden layer.
    pub covariances: Vec<Mat<f64>>,
    /// The tangent kernel of the output at the points.
    pub tangent: Mat<f64>,
}

/// Draws a network with standard normal weights, hidden layers of one width and `g ← √(gain/width) σ(W g)`, and
/// computes its tangent kernel at some points, a row for each (Arora et al. 2019, "On exact computation with an
/// infinitely wide neural net", eqs. 6 to 10).
pub fn deep_sample(
    rng: &mut StreamRng,
    points: MatRef<f64>,
    hidden: usize,
    width: usize,
    gain: f64,
) -> DeepSample {
    let factor = (gain / width as f64).sqrt();
    let mut values = vec![points.transpose().to_owned()];
    let (mut weights, mut fed) = (Vec::new(), Vec::new());
    for layer in 0..hidden {
        let drawn = draw::gaussian(rng, width, values[layer].nrows());
        let into = &drawn * &values[layer];
        values.push(Mat::from_fn(width, into.ncols(), |unit, point| {
            factor * into[(unit, point)].max(0.0)
        }));
        weights.push(drawn);
        fed.push(into);
    }
    let last = draw::normals(rng, width);
    let covariances: Vec<Mat<f64>> = values
        .iter()
        .map(|values| values.transpose() * values)
        .collect();
    let mut tangent = covariances[hidden].clone();
    let mut back = Mat::from_fn(width, points.nrows(), |unit, _| last[unit]);
    for layer in (0..hidden).rev() {
        let slopes = |unit: usize, point: usize| Activation::Relu.slope(fed[layer][(unit, point)]);
        let at = Mat::from_fn(width, points.nrows(), |unit, point| {
            factor * slopes(unit, point) * back[(unit, point)]
        });
        let products = at.transpose() * &at;
        tangent = Mat::from_fn(points.nrows(), points.nrows(), |row, column| {
            tangent[(row, column)] + products[(row, column)] * covariances[layer][(row, column)]
        });
        if layer > 0 {
            back = weights[layer].transpose() * at;
        }
    }
    DeepSample {
        covariances,
        tangent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::kernel;
    use crate::random::Streams;

    fn drawn(activation: Activation, trained: Trained) -> (TwoLayer, Mat<f64>, Col<f64>) {
        let mut rng = Streams::new(0).stream("test", 0);
        let network = TwoLayer {
            trained,
            ..TwoLayer::with_signs(&mut rng, 5, 3, activation)
        };
        let points = kernel::sphere(&mut rng, 4, 3);
        let labels = draw::normals(&mut rng, 4);
        (network, points, labels)
    }

    fn loss(network: &TwoLayer, points: &Mat<f64>, labels: &Col<f64>) -> f64 {
        0.5 * (network.outputs(points.as_ref()) - labels).squared_norm_l2()
    }

    #[test]
    fn a_step_goes_along_the_gradient_of_finite_differences() {
        let (network, points, labels) = drawn(Activation::Squareplus, Trained::Both);
        let mut after = network.clone();
        after.descend(points.as_ref(), labels.as_ref(), 1.0);
        let step = 1e-5;
        for (unit, input) in [(0, 0), (3, 2), (4, 1)] {
            let at = |sign: f64| {
                let mut moved = network.clone();
                moved.inner[(unit, input)] += sign * step;
                loss(&moved, &points, &labels)
            };
            let expected = (at(1.0) - at(-1.0)) / (2.0 * step);
            assert!(
                (network.inner[(unit, input)] - after.inner[(unit, input)] - expected).abs() < 1e-9
            );
        }
        let at = |sign: f64| {
            let mut moved = network.clone();
            moved.outer[2] += sign * step;
            loss(&moved, &points, &labels)
        };
        let expected = (at(1.0) - at(-1.0)) / (2.0 * step);
        assert!((network.outer[2] - after.outer[2] - expected).abs() < 1e-9);
    }

    #[test]
    fn a_fit_ends_at_the_share_of_the_loss() {
        let (_, points, labels) = drawn(Activation::Relu, Trained::Both);
        let mut network = TwoLayer::with_normals(&mut Streams::new(1).stream("test", 0), 200, 3);
        network
            .fit(points.as_ref(), labels.as_ref(), 100_000, 1e-6, || Ok(()))
            .unwrap();
        let left = loss(&network, &points, &labels) / (0.5 * labels.squared_norm_l2());
        assert!(1e-7 < left && left < 1e-6, "{left}");
    }

    #[test]
    fn the_tangent_kernel_is_that_of_the_jacobian() {
        for trained in [Trained::Inner, Trained::Both] {
            let (network, points, _) = drawn(Activation::Relu, trained);
            let jacobian = network.jacobian(points.as_ref());
            let difference = network.tangent(points.as_ref()) - &jacobian * jacobian.transpose();
            assert!(difference.norm_max() < 1e-14);
        }
    }

    #[test]
    fn twins_leave_the_tangent_kernel_and_take_the_function() {
        let (network, points, _) = drawn(Activation::Relu, Trained::Inner);
        let paired = network.clone().paired();
        assert!(paired.outputs(points.as_ref()).norm_max() < 1e-15);
        assert!(
            (paired.tangent(points.as_ref()) - network.tangent(points.as_ref())).norm_max() < 1e-14
        );
    }

    #[test]
    fn a_deep_network_of_one_hidden_layer_is_a_two_layer_one() {
        let points = kernel::sphere(&mut Streams::new(1).stream("test", 0), 3, 4);
        let sample = deep_sample(
            &mut Streams::new(2).stream("test", 0),
            points.as_ref(),
            1,
            50,
            1.0,
        );
        let network = TwoLayer::with_normals(&mut Streams::new(2).stream("test", 0), 50, 4);
        assert!((sample.tangent - network.tangent(points.as_ref())).norm_max() < 1e-12);
    }

    #[test]
    fn a_very_wide_network_has_the_kernel_in_closed_form() {
        let points = kernel::sphere(&mut Streams::new(1).stream("test", 0), 3, 4);
        let network = TwoLayer::with_normals(&mut Streams::new(2).stream("test", 0), 200_000, 4);
        let expected = kernel::gram(points.as_ref(), kernel::tangent_of_both);
        assert!((network.tangent(points.as_ref()) - expected).norm_max() < 0.02);
    }
}
