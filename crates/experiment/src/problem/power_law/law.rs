//! Laws of one quantity, and of parameters and tokens.

/// `a x^(−α) + c`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Law {
    /// `a`, at `x = 1`.
    pub amplitude: f64,
    /// `α`.
    pub exponent: f64,
    /// `c`, what is left of infinite `x`.
    pub offset: f64,
}

impl Law {
    /// At a place.
    pub fn at(self, x: f64) -> f64 {
        self.amplitude * x.powf(-self.exponent) + self.offset
    }
}

/// The law of Hoffmann et al. 2022 ("Training compute-optimal large language models", eq. 10):
/// `E + A N^(−α) + B D^(−β)`, in nats per token.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JointLaw {
    /// `A`.
    pub of_parameters: f64,
    /// `α`.
    pub alpha: f64,
    /// `B`.
    pub of_tokens: f64,
    /// `β`.
    pub beta: f64,
    /// `E`, what is left of infinite `N` and `D`.
    pub offset: f64,
}

/// What one token costs per parameter: `C = 6ND` operations (Kaplan et al. 2020, "Scaling laws for neural language
/// models", sec. 2.1).
pub const OPERATIONS: f64 = 6.0;

impl JointLaw {
    /// With the numbers of Arora et al., "Theory of Deep Learning", eq. (15.8).
    pub const PRINTED: Self = Self {
        of_parameters: 406.4,
        alpha: 0.34,
        of_tokens: 410.7,
        beta: 0.28,
        offset: 1.61,
    };

    /// What is above the offset, for `parameters` and `tokens`.
    pub fn excess(self, parameters: f64, tokens: f64) -> f64 {
        self.of_parameters * parameters.powf(-self.alpha) + self.of_tokens * tokens.powf(-self.beta)
    }

    /// The loss.
    pub fn at(self, parameters: f64, tokens: f64) -> f64 {
        self.offset + self.excess(parameters, tokens)
    }

    /// The number of parameters of the least loss at a budget of operations, by the zero of the derivative:
    /// `N^(α+β) = αA/(βB)·(C/6)^β`.
    pub fn best_parameters(self, operations: f64) -> f64 {
        let balance = self.alpha * self.of_parameters / (self.beta * self.of_tokens);
        (balance * (operations / OPERATIONS).powf(self.beta)).powf(1.0 / (self.alpha + self.beta))
    }
}
