//! What many p-values together may claim.

/// p-values corrected for their number (Holm 1979, "A simple sequentially rejective multiple test
/// procedure"): where those at most 5 % are called differences, the probability that any of
/// them is none is at most 5 %, however the tests depend on each other.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut corrected = vec![1.0; p.len()];
    let mut largest = 0.0f64;
    for (rank, index) in ascending(p).into_iter().enumerate() {
        largest = largest.max((p.len() - rank) as f64 * p[index]).min(1.0);
        corrected[index] = largest;
    }
    corrected
}

/// p-values as false-discovery rates (Benjamini & Hochberg 1995, "Controlling the false discovery rate"): of those at
/// most 5 %, one in twenty is expected to be no difference, where tests are independent or hang together as those of
/// like measures do (positive regression dependence, Benjamini & Yekutieli 2001).
pub fn benjamini_hochberg(p: &[f64]) -> Vec<f64> {
    let mut corrected = vec![1.0; p.len()];
    let mut smallest = 1.0f64;
    for (rank, index) in ascending(p).into_iter().enumerate().rev() {
        smallest = smallest.min(p.len() as f64 / (rank + 1) as f64 * p[index]);
        corrected[index] = smallest;
    }
    corrected
}

fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /*
    from statsmodels.stats.multitest import multipletests
    for method in "holm", "fdr_bh":
        print(multipletests([0.01, 0.04, 0.03, 0.005, 0.5, 0.03], 0.05, method)[1])
    */
    const P: [f64; 6] = [0.01, 0.04, 0.03, 0.005, 0.5, 0.03];

    #[test]
    fn corrected_p_values_equal_those_of_statsmodels() {
        let cases = [
            (holm(&P), [0.05, 0.12, 0.12, 0.03, 0.5, 0.12]),
            (
                benjamini_hochberg(&P),
                [0.03, 0.048, 0.045, 0.03, 0.5, 0.045],
            ),
        ];
        for (corrected, expected) in cases {
            for (found, expected) in corrected.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{corrected:?}");
            }
        }
        assert_eq!(holm(&[0.7, 0.4]), [0.8, 0.8]);
        assert_eq!(benjamini_hochberg(&[0.7, 0.4]), [0.7, 0.7]);
        assert!(holm(&[]).is_empty() && benjamini_hochberg(&[]).is_empty());
    }
}
