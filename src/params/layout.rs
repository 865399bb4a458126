//! Names, shapes and places of the blocks of a parameter vector.

use std::collections::HashMap;
use std::ops::Range;

/// One named tensor of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The name in PyTorch's state-dict convention, such as `layers.0.weight`.
    pub name: String,
    /// The shape in PyTorch's layout, such as `[outputs, inputs]`.
    pub shape: Vec<usize>,
    start: usize,
}

impl Block {
    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether the block has no element.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the block lies in the whole vector.
    pub fn range(&self) -> Range<usize> {
        self.start..self.start + self.len()
    }
}

/// The blocks of a model, in the order in which they make up the vector θ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    blocks: Vec<Block>,
    index: HashMap<String, usize>,
    len: usize,
}

impl Layout {
    /// Lays out blocks one after another.
    pub fn new(blocks: impl IntoIterator<Item = (String, Vec<usize>)>) -> Self {
        let mut layout = Self {
            blocks: Vec::new(),
            index: HashMap::new(),
            len: 0,
        };
        for (name, shape) in blocks {
            let block = Block {
                name: name.clone(),
                shape,
                start: layout.len,
            };
            layout.len += block.len();
            layout.index.insert(name, layout.blocks.len());
            layout.blocks.push(block);
        }
        layout
    }

    /// The blocks in order.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// The position of a block among the blocks.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// Where a block lies in the whole vector, or a layer: all blocks whose names begin with
    /// `name.`, if they lie end to end.
    pub fn range(&self, name: &str) -> Option<Range<usize>> {
        if let Some(position) = self.position(name) {
            return Some(self.blocks[position].range());
        }
        let prefix = format!("{name}.");
        let mut ranges = self
            .blocks
            .iter()
            .filter(|block| block.name.starts_with(&prefix))
            .map(Block::range);
        let first = ranges.next()?;
        ranges.try_fold(first, |whole, next| {
            (whole.end == next.start).then_some(whole.start..next.end)
        })
    }

    /// The layers, in order: each the module that a parameter is of, which is its name without the last part,
    /// or, where such a module lies within another, that one. A parameter of no module is a layer of its own.
    /// Each parameter is of exactly one.
    pub fn layers(&self) -> Vec<&str> {
        let mut modules: Vec<&str> = Vec::new();
        for block in &self.blocks {
            let module = block.name.rsplit_once('.').map(|(module, _)| module);
            let module = module.unwrap_or(&block.name);
            if !modules.contains(&module) {
                modules.push(module);
            }
        }
        let is_within = |inner: &str, outer: &str| {
            let rest = inner.strip_prefix(outer);
            rest.is_some_and(|rest| rest.starts_with('.'))
        };
        let is_layer = |module: &&&str| !modules.iter().any(|outer| is_within(module, outer));
        modules.iter().filter(is_layer).copied().collect()
    }

    /// The number of parameters.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no parameter at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_lie_end_to_end() {
        let layout = Layout::new([
            ("layers.0.weight".to_owned(), vec![3, 2]),
            ("layers.0.bias".to_owned(), vec![3]),
        ]);
        assert_eq!(layout.len(), 9);
        assert_eq!(layout.blocks()[0].range(), 0..6);
        assert_eq!(layout.blocks()[1].range(), 6..9);
        assert_eq!(layout.position("layers.0.bias"), Some(1));
        assert_eq!(layout.position("layers.1.bias"), None);
        assert_eq!(layout.range("layers.0.bias"), Some(6..9));
        assert_eq!(layout.range("layers.0"), Some(0..9));
        assert_eq!(layout.range("layer"), None);
    }

    #[test]
    fn every_parameter_is_of_one_layer() {
        let names = [
            "position",
            "patch_embed.weight",
            "patch_embed.bias",
            "encoder.layers.0.self_attn.in_proj_weight",
            "encoder.layers.0.self_attn.out_proj.weight",
            "encoder.layers.0.linear1.weight",
            "encoder.layers.1.linear1.weight",
        ];
        let layout = Layout::new(names.map(|name| (name.to_owned(), vec![2, 3])));
        let layers = layout.layers();
        let expected = [
            "position",
            "patch_embed",
            "encoder.layers.0.self_attn",
            "encoder.layers.0.linear1",
            "encoder.layers.1.linear1",
        ];
        assert_eq!(layers, expected);
        let mut end = 0;
        for layer in layers {
            let range = layout.range(layer).unwrap();
            assert_eq!(range.start, end, "{layer}");
            end = range.end;
        }
        assert_eq!(end, layout.len());
    }
}
