//! Scaled dot-product attention and the token embedding before it.

use super::Dual;
use burn::tensor::Tensor;

impl Dual<3> {
    /// Divides the width among heads: `[batch, tokens, heads · width]` to
    /// `[batch, heads, tokens, width]`.
    pub fn split_heads(self, heads: usize) -> Dual<4> {
        let [batch, tokens, width] = self.dims();
        self.reshape([batch, tokens, heads, width / heads])
            .swap_dims(1, 2)
    }
}

impl Dual<4> {
    /// Joins what [`Dual::split_heads`] divided: `[batch, heads, tokens, width]` to
    /// `[batch, tokens, heads · width]`.
    pub fn merge_heads(self) -> Dual<3> {
        let [batch, heads, tokens, width] = self.dims();
        self.swap_dims(1, 2).reshape([batch, tokens, heads * width])
    }

    /// Scaled dot-product attention, `softmax(QKᵀ/√width + mask) V` (Vaswani et al. 2017, eq. 1).
    ///
    /// `self` is the queries. All are `[batch, heads, tokens, width]`; `mask` broadcasts to
    /// `[batch, heads, tokens, tokens]` and holds 0 where a query (row) may attend to a key
    /// (column), a large negative finite number elsewhere.
    pub fn attention(self, keys: Self, values: Self, mask: Option<Tensor<4>>) -> Self {
        let [.., width] = self.dims();
        // Scaling the queries is cheaper than scaling the scores where tokens outnumber the width.
        let scores = self
            .scale((width as f64).sqrt().recip())
            .matmul(keys.transpose());
        let scores = match mask {
            Some(mask) => scores + Dual::constant(mask),
            None => scores,
        };
        scores.softmax().matmul(values)
    }
}

impl Dual<2> {
    /// Looks tokens up in a table: row `identifiers[b, t]` of `self` becomes row `[b, t]`.
    ///
    /// `self` is `[vocabulary, width]`; `identifiers`, `[batch, tokens]`, holds whole numbers
    /// below `vocabulary`. The result is `[batch, tokens, width]`.
    pub fn embedding(self, identifiers: Tensor<2>) -> Dual<3> {
        let [batch, tokens] = identifiers.dims();
        let [_, width] = self.dims();
        let rows = identifiers.reshape([batch * tokens]).int();
        self.linear_map(|table| {
            table
                .select(0, rows.clone())
                .reshape([batch, tokens, width])
        })
    }
}
