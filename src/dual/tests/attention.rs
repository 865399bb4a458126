//! Attention and embedding.

use super::hyper::{Hyper, Real};
use super::softmax::softmax;
use super::{check, held, numbered, part, same, tensor};
use crate::dual::Dual;
use burn::tensor::Tensor;

/// The causal mask of `[tokens, tokens]` scores.
fn causal(tokens: usize) -> Tensor<4> {
    let mask: Vec<f64> = (0..tokens * tokens)
        .map(|i| if i % tokens > i / tokens { -1e9 } else { 0.0 })
        .collect();
    tensor(&mask, [1, 1, tokens, tokens])
}

/// Attention of one head for lists of token vectors; a causal query sees no later key.
fn attend(
    queries: &[Vec<Hyper>],
    keys: &[Vec<Hyper>],
    values: &[Vec<Hyper>],
    causal: bool,
) -> Vec<Vec<Hyper>> {
    let width = values[0].len();
    let scale = Hyper::real(1.0 / (width as f64).sqrt());
    let dot = |a: &[Hyper], b: &[Hyper]| a.iter().zip(b).map(|(&a, &b)| a * b).sum::<Hyper>();
    let attended = queries.iter().enumerate().map(|(i, query)| {
        let seen = if causal { i + 1 } else { keys.len() };
        let scores: Vec<Hyper> = keys[..seen]
            .iter()
            .map(|key| dot(query, key) * scale)
            .collect();
        let weights = softmax(&scores);
        let component = |c: usize| -> Vec<Hyper> { values[..seen].iter().map(|v| v[c]).collect() };
        (0..width).map(|c| dot(&weights, &component(c))).collect()
    });
    attended.collect()
}

/// Two samples of three tokens, each of two heads of width 2; keys and values are made of the
/// queries, so all three arguments carry tangents.
fn reference(x: &[Hyper], causal: bool) -> Vec<Hyper> {
    let mut outputs = vec![Hyper::real(0.0); x.len()];
    for (sample, head) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let at = |token: usize| 12 * sample + 4 * token + 2 * head;
        let vectors = |f: fn(Hyper) -> Hyper| -> Vec<Vec<Hyper>> {
            let token = |t| x[at(t)..at(t) + 2].iter().map(|&x| f(x)).collect();
            (0..3).map(token).collect()
        };
        let attended = attend(
            &vectors(|x| x),
            &vectors(Real::tanh),
            &vectors(Real::exp),
            causal,
        );
        for (token, vector) in attended.into_iter().enumerate() {
            outputs[at(token)..at(token) + 2].copy_from_slice(&vector);
        }
    }
    outputs
}

#[test]
fn two_heads_with_and_without_a_mask() {
    for is_causal in [false, true] {
        check(
            [2, 3, 4],
            |x: Dual<3>| {
                let queries = x.split_heads(2);
                let (keys, values) = (queries.clone().tanh(), queries.clone().exp());
                let mask = is_causal.then(|| causal(3));
                queries.attention(keys, values, mask).merge_heads()
            },
            |x| reference(x, is_causal),
        );
    }
}

/// `F.scaled_dot_product_attention(q, k, v, attn_mask=torch.full((3, 3), -1e9).triu(1))` of
/// `numbers(12, 1)`, `numbers(12, 2)` and `numbers(12, 3)` as `[1, 2, 3, 2]`, in PyTorch 2.15.
#[test]
fn values_are_those_of_pytorch() {
    let [queries, keys, values] =
        [1, 2, 3].map(|seed| Dual::constant(numbered([1, 2, 3, 2], seed)));
    same(
        &queries.attention(keys, values, Some(causal(3))).value,
        &[
            0.5241830718497,
            -0.4516338563006,
            -0.2287206741971,
            -0.04719385631201,
            -1.211741540497,
            0.39044525327,
            0.6692815029479,
            -0.3065354252024,
            -0.6098424860738,
            0.3805761861047,
            -0.482414783834,
            -0.0315812008258,
        ],
    );
}

#[test]
fn an_embedding_adds_up_what_repeated_tokens_give() {
    // A table of 3 rows of width 2; token 2 stands thrice, token 1 nowhere.
    let tokens = [2, 0, 2, 2];
    check(
        [3, 2],
        |table| {
            let identifiers = tensor(&tokens.map(|token| token as f64), [2, 2]);
            table.embedding(identifiers).square()
        },
        |x| {
            let rows = tokens
                .iter()
                .flat_map(|&token| &x[2 * token..2 * token + 2]);
            rows.map(|&x| x * x).collect()
        },
    );
}

#[test]
fn a_fixed_table_gives_embeddings_without_tangents() {
    let table = held(part(&Dual::constant(numbered([6], 1)), 0, [3, 2]));
    let found = table.embedding(tensor(&[1.0], [1, 1]));
    same(&found.value, &super::numbers(6, 1)[2..4]);
    assert!(found.tangent.is_none());
}
